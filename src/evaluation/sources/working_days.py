"""Chinese working days: weekends, public holidays and the make-up workdays that pay for them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import DataError, shortlist

Days = NDArray[np.datetime64]


def covered_years() -> tuple[int, int]:
    """First and last year whose holidays are known."""
    from chinese_calendar.constants import holidays

    years = [day.year for day in holidays]
    return min(years), max(years)


@cache
def _table() -> tuple[np.datetime64, NDArray[np.int64]]:
    """The first covered day, and working days up to and including each day from it on."""
    from chinese_calendar.constants import holidays, workdays

    first, last = covered_years()
    start = np.datetime64(f"{first}-01-01", "D")
    days = np.arange(start, np.datetime64(f"{last + 1}-01-01", "D"))
    # 1970-01-01 was a Thursday
    works = (days.astype(np.int64) + 3) % 7 < 5
    for names, value in ((holidays, False), (workdays, True)):
        places = (np.array(sorted(names), dtype="datetime64[D]") - start).astype(np.int64)
        inside = (places >= 0) & (places < len(days))
        works[places[inside]] = value
    return start, np.cumsum(works).astype(np.int64)


def calendar_totals() -> tuple[np.datetime64, NDArray[np.int64]]:
    """The first covered day, and working days (days,) up to and including each covered day."""
    start, total = _table()
    return start, total.copy()


def is_working_day(days: Days) -> NDArray[np.bool_]:
    """Whether each day (n,) is a working day."""
    day = np.asarray(days, dtype="datetime64[D]")
    yesterday = (day.astype(np.int64) - 1).astype("datetime64[D]")
    until, before = _until(day), _until(yesterday, slack=True)
    return until > before


def working_days_between(start: Days, end: Days) -> NDArray[np.float64]:
    """Working days after ``start`` up to and including ``end``, negative when it lies before.

    The day on which a case is accepted does not count, so that a case decided the same day took 0.

    Parameters
    ----------
    start, end : ndarray of datetime64 (n,)
        Missing (NaT) where not known.

    Returns
    -------
    ndarray (n,)
        NaN where either is missing.

    Raises
    ------
    DataError
        A date lies in a year whose holidays the table does not hold.
    """
    first = np.asarray(start, dtype="datetime64[D]")
    last = np.asarray(end, dtype="datetime64[D]")
    first, last = np.broadcast_arrays(first, last)
    known = ~(np.isnat(first) | np.isnat(last))
    out = np.full(first.shape, np.nan)
    out[known] = _until(last[known]) - _until(first[known])
    return out


def _until(days: Days, *, slack: bool = False) -> NDArray[np.int64]:
    start, total = _table()
    place = (days - start).astype(np.int64)
    outside = (place < (-1 if slack else 0)) | (place >= len(total))
    if outside.any():
        first, last = covered_years()
        wrong = np.unique(days[outside].astype("datetime64[Y]").astype(int) + 1970)
        raise DataError(
            f"the holidays of {shortlist(wrong)} are not in the table of Chinese working days",
            where=f"{int(outside.sum())} dates, such as {days[outside][0]}",
            expected=f"dates from {first} to {last}",
            fix="correct these dates; for a new year, update the package chinesecalendar",
        )
    return np.where(place < 0, 0, total[np.maximum(place, 0)])
