"""Cells as Chinese exports write them: full-width digits, 2015年3月2日, Excel's serial days, units."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

EMPTY = frozenset({"", "-", "--", "—", "——", "/", "无", "null", "none", "nan", "nat"})
"""Texts that mean that nothing is known."""

_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T\s].*)?")
_PLAIN = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SERIAL = re.compile(r"(\d{5})(?:\.\d+)?")
_NUMBER = re.compile(
    r"([+-]?\d+(?:\.\d+)?)\s*(?:个?工作日|个?工作天|天|日|working days?|days?)?", re.IGNORECASE
)
_EXCEL_EPOCH = dt.date(1899, 12, 30)
_SERIALS = (20_000, 73_000)  # 1954 to 2099: nearer numbers are no dates of approvals


def clean_text(value: Any) -> str:
    """A cell as text: full-width letters and digits made plain, space at the ends removed."""
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NaT:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return unicodedata.normalize("NFKC", str(value)).strip()


def is_empty(value: Any) -> bool:
    """Whether a cell says nothing."""
    return clean_text(value).lower() in EMPTY


def texts(values: pd.Series) -> pd.Series:
    """A column as clean text, empty for cells that say nothing (rows,)."""

    def read(value: Any) -> str:
        return "" if is_empty(value) else clean_text(value)

    return _by_value(values, read).astype(str)


def days(values: pd.Series) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    """A column as days, and the cells that are neither a day nor empty.

    Parameters
    ----------
    values : pandas.Series (rows,)
        Dates, Excel serial numbers, or texts such as ``2015-03-02``, ``2015/3/2``, ``20150302``,
        ``2015年3月2日`` or ``42065``; a time of day after the date is dropped.

    Returns
    -------
    days : ndarray of datetime64[D] (rows,)
        NaT where empty or not readable.
    wrong : ndarray of bool (rows,)
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.to_numpy().astype("datetime64[D]"), np.zeros(len(values), dtype=bool)
    read = _by_value(values, _day)
    wrong = np.array([value is False for value in read], dtype=bool)
    made = [None if value is False else value for value in read]
    return np.array(made, dtype="datetime64[D]"), wrong


def numbers(values: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A column as numbers, and the cells that are neither a number nor empty.

    ``10``, ``１０``, ``10个工作日`` and ``10 working days`` are all 10.
    """
    read = _by_value(values, _number)
    wrong = np.array([value is False for value in read], dtype=bool)
    return np.array([np.nan if value is False else value for value in read], dtype=np.float64), wrong


def _by_value(values: pd.Series, read: Callable[[Any], Any]) -> pd.Series:
    """Read each distinct cell once."""
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    answers = np.empty(len(distinct), dtype=object)
    for i, value in enumerate(distinct):
        answers[i] = read(value)
    return pd.Series(answers[codes], index=values.index, dtype=object)


def _day(value: Any) -> dt.date | bool | None:
    if is_empty(value):
        return None
    if isinstance(value, dt.datetime):  # pandas.Timestamp too
        return value.date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[D]").item()
    text = clean_text(value)
    for pattern in (_DAY, _PLAIN):
        if found := pattern.fullmatch(text):
            year, month, day = (int(part) for part in found.groups())
            try:
                return dt.date(year, month, day)
            except ValueError:
                return False
    if found := _SERIAL.fullmatch(text):
        serial = int(found.group(1))
        if _SERIALS[0] <= serial <= _SERIALS[1]:
            return _EXCEL_EPOCH + dt.timedelta(days=serial)
    return False


def _number(value: Any) -> float | bool:
    if is_empty(value):
        return float("nan")
    found = _NUMBER.fullmatch(clean_text(value).replace(",", ""))
    return float(found.group(1)) if found else False
