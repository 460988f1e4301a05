"""Periods: whole numbers as they stand, dates and texts by their calendar frequency.

Event time is a difference of periods, so a whole number that spells a calendar period (201412 for
December 2014) is no period by itself: 201501 would lie 89 after it. Such numbers need a frequency.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import DataError, shortlist

FREQUENCIES: tuple[str, ...] = ("Y", "Q", "M", "W", "D")
PER_YEAR = {"Y": 1, "Q": 4, "M": 12, "W": 52, "D": 365}
"""Whole periods in a year, by frequency."""
_YEARS = (1800, 2200)
_NO_ORDER = re.compile(r"\s*\d{1,2}[/.\- ]\d{1,2}[/.\- ](\d{4}|\d{2})(?!\d)")


def as_periods(values: pd.Index, frequency: str | None, *, column: str) -> tuple[pd.Index, str | None]:
    """Read labels of periods: integers stay, dates and texts become ``pandas.PeriodIndex``.

    Parameters
    ----------
    values : pandas.Index (n,)
    frequency : str or None
        With one, whole numbers are read as 2014 ("Y"), 20141 ("Q"), 201401 ("M") or 20140131 ("W", "D").
    column : str
        Name for messages.

    Returns
    -------
    periods : pandas.Index (n,)
    frequency : str or None
        The frequency given or found; None for integers.

    Raises
    ------
    DataError
        Values that are no periods, whole numbers that spell months, quarters or days without a
        frequency, or dates such as 01/02/2014 whose order of day and month nobody declared.
    """
    if isinstance(values, pd.PeriodIndex):
        return values, values.freqstr[0]
    if pd.api.types.is_bool_dtype(values):
        raise DataError(f"column {column!r} holds true and false, not periods")
    if pd.api.types.is_numeric_dtype(values):
        floats = values.to_numpy(dtype=float)
        uneven = ~np.isfinite(floats) | (floats != np.round(floats))
        if uneven.any():
            raise DataError(
                f"column {column!r} must hold whole periods",
                where=f"values {shortlist(values[uneven])}",
                fix="number the periods 1, 2, 3 ... or give dates and a frequency",
            )
        whole = floats.astype(np.int64)
        spelt = _spelt(whole)
        if frequency is None:
            if spelt:
                raise DataError(
                    f"column {column!r} holds whole numbers that look like {_WORDS[spelt]}",
                    where=f"values {shortlist(values)}",
                    expected="numbers whose difference is the time between them: from "
                    f"{whole.min()} to {whole.max()} it is not",
                    fix=f"give frequency={spelt!r} to read them as {_WORDS[spelt]}, or number the periods "
                    "1, 2, 3 ...",
                )
            return pd.Index(whole, name=values.name), None
        return _calendar(whole, frequency, column), frequency
    if not pd.api.types.is_datetime64_any_dtype(values):
        refuse_without_order(values, column)
    try:
        dates = pd.DatetimeIndex(pd.to_datetime(values, format=None if len(values) < 2 else "mixed"))
    except (ValueError, TypeError) as error:
        unreadable = [v for v in values if not _is_date(v)]
        raise DataError(
            f"column {column!r} holds values that are not dates",
            where=f"values {shortlist(map(repr, unreadable))}",
            expected="whole numbers, dates, or texts such as 2014-03",
        ) from error
    if frequency is None:
        frequency = _find_frequency(dates, column)
    return dates.to_period(frequency), frequency


def period_ordinals(periods: pd.Index) -> NDArray[np.int64]:
    """Integer time of periods (n,)."""
    if isinstance(periods, pd.PeriodIndex):
        return np.asarray(periods.asi8, dtype=np.int64)
    return periods.to_numpy(dtype=np.int64)


_WORDS = {
    "M": "year and month, such as 201412",
    "Q": "year and quarter, such as 20144",
    "D": "year, month and day, such as 20141231",
}


def _spelt(whole: NDArray[np.int64]) -> str | None:
    """The frequency of the calendar periods that whole numbers seem to spell; None for plain numbers."""
    year, month = np.divmod(whole, 100)
    if len(whole) > 1 and _in_years(year) and ((month >= 1) & (month <= 12)).all():
        return "M"
    year, quarter = np.divmod(whole, 10)
    # a few numbers may end in 1 to 4 by chance
    if len(whole) > 4 and _in_years(year) and ((quarter >= 1) & (quarter <= 4)).all():
        return "Q"
    if len(whole) > 1 and _in_years(whole // 10_000):
        month, day = whole // 100 % 100, whole % 100
        if ((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all():
            return "D"
    return None


def _in_years(year: NDArray[np.int64]) -> bool:
    return bool(((year >= _YEARS[0]) & (year <= _YEARS[1])).all())


def _calendar(whole: NDArray[np.int64], frequency: str, column: str) -> pd.PeriodIndex:
    """Whole numbers that spell calendar periods (n,)."""
    if frequency == "Y":
        texts = [f"{value:04d}" for value in whole]
    elif frequency == "Q":
        texts = [f"{value // 10}Q{value % 10}" for value in whole]
    elif frequency == "M":
        texts = [f"{value // 100:04d}-{value % 100:02d}" for value in whole]
    else:
        texts = [f"{value // 10_000:04d}-{value // 100 % 100:02d}-{value % 100:02d}" for value in whole]
    try:
        return pd.PeriodIndex([pd.Period(text, freq=frequency) for text in texts])
    except ValueError as error:
        bad = [value for value, text in zip(whole, texts, strict=True) if not _is_period(text, frequency)]
        raise DataError(
            f"column {column!r} holds whole numbers that frequency {frequency!r} cannot read",
            where=f"values {shortlist(bad)}",
            expected="2014 for years, 20141 for quarters, 201401 for months, 20140131 for weeks and days",
            fix="leave the frequency out if the numbers count periods, or write dates",
        ) from error


def _is_period(text: str, frequency: str) -> bool:
    try:
        pd.Period(text, freq=frequency)
    except ValueError:
        return False
    return True


def refuse_without_order(values: pd.Index, column: str) -> None:
    """Dates written with the year last, of which nobody knows whether day or month comes first."""
    texts = [value for value in values if isinstance(value, str)]
    unclear = [value for value in texts if _NO_ORDER.match(value)]
    if unclear:
        raise DataError(
            f"column {column!r} does not say whether the day or the month comes first",
            where=f"values {shortlist(map(repr, unclear))}",
            expected="dates with the year first, such as 2014-02-01, or a column of dates",
            fix=f'declare the order: pd.to_datetime(frame[{column!r}], format="%d/%m/%Y"), or "%m/%d/%Y"',
        )


def _is_date(value: object) -> bool:
    try:
        pd.to_datetime(value)  # type: ignore[call-overload]
    except (ValueError, TypeError):
        return False
    return True


def _find_frequency(dates: pd.DatetimeIndex, column: str) -> str:
    """The coarsest frequency whose periods start at every date given."""
    unique = dates.unique()
    for frequency in ("Y", "Q", "M", "D"):
        if (unique.to_period(frequency).to_timestamp() == unique).all():
            # a lone January, or Januaries only, cannot tell a year from a month
            return frequency
    raise DataError(
        f"no calendar frequency fits column {column!r}",
        where=f"values {shortlist(unique[:3])}",
        fix="give frequency='M' (or Y, Q, W, D) when the panel is made",
    )
