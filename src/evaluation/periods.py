"""Periods: whole numbers as they stand, dates and texts by their calendar frequency."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import DataError, shortlist

FREQUENCIES: tuple[str, ...] = ("Y", "Q", "M", "W", "D")


def as_periods(values: pd.Index, frequency: str | None, *, column: str) -> tuple[pd.Index, str | None]:
    """Read labels of periods: integers stay, dates and texts become ``pandas.PeriodIndex``.

    Parameters
    ----------
    values : pandas.Index (n,)
    frequency : str or None
    column : str
        Name for messages.

    Returns
    -------
    periods : pandas.Index (n,)
    frequency : str or None
        The frequency given or found; None for integers.
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
        if frequency is None:
            return pd.Index(floats.astype(np.int64), name=values.name), None
        if frequency != "Y":
            raise DataError(
                f"column {column!r} holds whole numbers, which are periods by themselves",
                fix=f"leave the frequency out, or write dates for frequency {frequency!r}",
            )
        values = pd.Index([f"{int(value):04d}" for value in floats])
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
