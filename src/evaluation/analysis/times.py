"""The periods of a study: read from its table, and its frequency where it leaves it to the table."""

from __future__ import annotations

from typing import TypeVar

import pandas as pd

from evaluation.errors import DataError, shortlist
from evaluation.sources.times import EXAMPLE, read_period, read_periods, tell_frequency
from evaluation.study.panel import PanelStudy

__all__ = ["EXAMPLE", "period_column", "read_period", "read_periods", "tell_frequency", "with_periods"]

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


def period_column(frame: pd.DataFrame, column: str, frequency: str, table: str) -> pd.Series:
    """The periods of a table's rows.

    Raises
    ------
    DataError
        A value is missing, or no period.
    """
    try:
        times = read_periods(frame[column], frequency)
    except ValueError as error:
        raise DataError(
            f"column {column!r} of table {table} holds what is no period",
            where=str(error),
            expected=f"periods of the frequency {frequency}, such as {EXAMPLE[frequency]}",
            fix="correct the values or 'frequency'",
        ) from None
    if times.isna().any():
        raise DataError(
            f"column {column!r} of table {table} is empty in {int(times.isna().sum())} rows",
            where=f"rows {shortlist(times.index[times.isna()] + 2)}",
            fix="fill the period in",
        )
    return times
