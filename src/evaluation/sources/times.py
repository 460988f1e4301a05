"""Periods of a table and of a study file: read, and their frequency told from the values."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from evaluation.errors import DataError, shortlist
from evaluation.periods import refuse_without_order

EXAMPLE = {"Y": "2016", "Q": "2016Q1", "M": "2016-03", "W": "2016-03-07", "D": "2016-03-07"}
"""A period of each frequency as a table may write it."""

_EPOCH = 1970
_YEARS = (1800, 2200)
_WEEK = re.compile(r"^(\d{4})-?W(\d{1,2})$")
_SHAPES = (
    (re.compile(r"^\d{4}-?Q[1-4]$"), "Q"),
    (_WEEK, "W"),
    (re.compile(r"^\d{4}[-/.]?(0[1-9]|1[0-2])$|^\d{4}[-/.][1-9]$"), "M"),
)


def read_periods(values: pd.Series, frequency: str) -> pd.Series:
    """A column of periods; empty text and missing values become NaT.

    Whole numbers of at most three digits are periods of no calendar: they are kept as years 1, 2, 3 ...

    Raises
    ------
    ValueError
        A value that is no period.
    """
    if isinstance(values.dtype, pd.PeriodDtype):
        return values
    codes, distinct = pd.factorize(values)
    read = pd.PeriodIndex([*(read_period(value, frequency) for value in distinct), pd.NaT], freq=frequency)
    return pd.Series(read[codes], index=values.index)  # the code of a missing value is -1: the last, NaT


def read_period(value: Any, frequency: str) -> Any:
    """One value as a period; NaT for nothing.

    Raises
    ------
    ValueError
        It is no period.
    """
    if pd.isna(value):
        return pd.NaT
    text = str(value).strip()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        text = str(int(value))
    if not text:
        return pd.NaT
    week = _WEEK.match(text)
    if week:
        return pd.Period(date.fromisocalendar(int(week[1]), int(week[2]), 1), freq=frequency)
    if frequency == "Y" and re.fullmatch(r"-?\d{1,3}", text):
        return pd.Period(ordinal=int(text) - _EPOCH, freq="Y")
    if frequency == "Q" and re.fullmatch(r"\d{4}[1-4]", text):
        text = f"{text[:4]}Q{text[4]}"
    return pd.Period(text, freq=frequency)


def tell_frequency(values: pd.Series, table: str) -> tuple[str, bool]:
    """The frequency of a column of periods, and whether they are of a calendar.

    Returns
    -------
    frequency : {"Y", "Q", "M", "W", "D"}
        The coarsest in which no two values fall into one period; years for numbered periods.
    calendar : bool
        False for whole numbers that are no years: 1, 2, 3 ...

    Raises
    ------
    DataError
        It cannot be told.
    """
    name = str(values.name)
    if isinstance(values.dtype, pd.PeriodDtype):
        return values.array.freqstr[0], True
    distinct = values.dropna().drop_duplicates()
    if pd.api.types.is_numeric_dtype(distinct) and not pd.api.types.is_bool_dtype(distinct):
        if not (distinct == distinct.round()).all():
            raise _untold(name, table, distinct)
        texts = distinct.astype("int64").astype(str)
    elif pd.api.types.is_datetime64_any_dtype(distinct):
        return _of_dates(pd.DatetimeIndex(distinct), name, table), True
    else:
        texts = distinct.astype(str).str.strip()
        texts = texts[texts != ""]
    whole = texts.str.fullmatch(r"-?\d{1,4}")
    if len(texts) and whole.all():
        numbers = texts.astype("int64")
        return "Y", bool(numbers.between(*_YEARS).all())
    for shape, frequency in _SHAPES:
        if len(texts) and texts.str.fullmatch(shape.pattern).all():
            return frequency, True
    if texts.str.fullmatch(r"(1[89]|2[01])\d{2}[1-4]").all() and len(texts) > 4:
        return "Q", True
    refuse_without_order(pd.Index(texts), name)
    try:
        dates = pd.DatetimeIndex(pd.to_datetime(texts, format="mixed"))
    except (ValueError, TypeError):
        raise _untold(name, table, distinct) from None
    return _of_dates(dates, name, table), True


def _of_dates(dates: pd.DatetimeIndex, name: str, table: str) -> str:
    """The coarsest frequency of which every date is another period, all as far into it."""
    days = dates.normalize().unique().sort_values()
    if len(days) < 2:
        raise _untold(name, table, pd.Series(days))
    month_end = days.is_month_end.all()
    if days.day.nunique() == 1 or month_end:
        months = days.year * 12 + days.month
        steps = int(np.gcd.reduce(np.diff(months)))
        return "Y" if steps % 12 == 0 else "Q" if steps % 3 == 0 else "M"
    return "W" if int(np.gcd.reduce(np.diff(days).astype("timedelta64[D]").astype(int))) % 7 == 0 else "D"


def _untold(name: str, table: str, values: pd.Series) -> DataError:
    return DataError(
        f"it cannot be told from column {name!r} of table {table} how often it was measured",
        where=f"values {shortlist(map(repr, values))}",
        expected="2016, 2016Q1, 2016-03, 2016-W05, 2016-03-07, or periods numbered 1, 2, 3 ...",
        fix='give data.frequency: "Y", "Q", "M", "W" or "D"; or correct the values',
    )
