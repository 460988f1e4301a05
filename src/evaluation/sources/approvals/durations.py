"""How long each case took or has been open, in calendar and in Chinese working days."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.errors import DataError
from evaluation.sources.working_days import working_days_between


def durations(cases: pd.DataFrame, as_of: str | pd.Timestamp) -> pd.DataFrame:
    """Durations of cases as they were known on one day.

    The clock runs from the day after acceptance. It stands still from ``suspended`` to ``resumed``
    (补正: the applicant completes the file). A case decided after ``as_of`` was open on it.

    Parameters
    ----------
    cases : pandas.DataFrame (cases,)
        From `evaluation.sources.approvals.read_cases`.
    as_of : str or Timestamp
        Day of the export: what happened after it is not known.

    Returns
    -------
    pandas.DataFrame (cases,)
        ``finished``; ``calendar_days`` and ``working_days`` until decided or, if open, until ``as_of``;
        ``share_of_limit`` (working days over the statutory limit, NaN without one) and ``on_time`` (True,
        False, or missing when there is no limit or the case is open within it).

    Raises
    ------
    DataError
        A case was accepted after ``as_of``, or a year's holidays are not known.
    """
    day = np.datetime64(pd.Timestamp(as_of), "D")
    accepted, decided, suspended, resumed = (
        cases[name].to_numpy().astype("datetime64[D]")
        for name in ("accepted", "decided", "suspended", "resumed")
    )
    late = accepted > day
    if late.any():
        raise DataError(
            f"{int(late.sum())} cases were accepted after the day of the export, {day}",
            where=f"rows {', '.join(map(str, cases['row'][late].head(5)))}",
            fix="give the day on which the records were taken (data.as_of)",
        )
    finished = ~np.isnat(decided) & (decided <= day)
    until = np.where(finished, decided, day)
    pause_end = np.where(np.isnat(resumed) | (resumed > until), until, resumed)
    paused = ~np.isnat(suspended) & (suspended <= until)
    pause_start = np.where(paused, suspended, until)
    pause_end = np.where(paused, pause_end, until)
    working = working_days_between(accepted, until) - working_days_between(pause_start, pause_end)
    calendar = ((until - accepted) - (pause_end - pause_start)).astype(np.float64)
    limit = cases["statutory"].to_numpy(dtype=np.float64)
    share = working / limit
    judged = ~np.isnan(limit) & (finished | (working > limit))
    on_time = pd.array(np.where(judged, working <= limit, False), dtype="boolean")
    on_time[~judged] = pd.NA
    return pd.DataFrame(
        {
            "finished": finished,
            "calendar_days": calendar,
            "working_days": working,
            "share_of_limit": share,
            "on_time": on_time,
        },
        index=cases.index,
    )
