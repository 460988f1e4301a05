"""What a study leaves to its table to say: the frequency, the first and last period, the words for them."""

from __future__ import annotations

from typing import TypeVar

import pandas as pd

from evaluation.sources.times import period_column, tell_frequency
from evaluation.study.panel import PanelStudy

S = TypeVar("S", bound=PanelStudy)


def with_periods(study: S, frame: pd.DataFrame) -> tuple[S, bool]:
    """A study with the frequency, the first and last period and the words that it left to its table.

    Returns
    -------
    study : PanelStudy
    calendar : bool
        False where periods are numbers of no calendar.

    Raises
    ------
    DataError
        The frequency cannot be told, or a period cannot be read.
    """
    data = study.data
    frequency, calendar = str(data.frequency), True
    if frequency in ("", "Y"):
        found, calendar = tell_frequency(frame[data.time], data.table)
        frequency = frequency or found
    start, end = data.start, data.end
    if not (start and end):
        times = period_column(frame, data.time, frequency, data.table)
        start, end = (start or str(times.min()).split("/")[0]), (end or str(times.max()).split("/")[0])
    told = {"frequency": frequency, "start": start, "end": end}
    words = study.words.complete(data.unit, frequency, calendar)
    return study.model_copy(update={"data": data.model_copy(update=told), "words": words}), calendar
