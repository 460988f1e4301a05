"""Words, numbers, dates and units as English and Chinese readers write them."""

from __future__ import annotations

import math
import re
from typing import Any, Literal, get_args

import pandas as pd

from evaluation.errors import ReportError
from evaluation.report.words_en import WORDS as EN
from evaluation.report.words_zh import WORDS as ZH

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
TAGS: dict[str, str] = {"en": "en", "zh": "zh-CN"}  # BCP 47, for lang and hreflang
MINUS = "\u2212"
NOT_A_NUMBER = "\u2013"
MOST = 9
"""Decimals that a number is written with at most."""
_NORMAL_QUANTILE = 1.96
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_WORDS: dict[str, dict[str, str]] = {"en": EN, "zh": ZH}
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_UNITS: dict[str, tuple[str, str]] = {
    "ug/m3": ("µg/m³", "微克/立方米"),
    "mg/m3": ("mg/m³", "毫克/立方米"),
    "days": ("days", "天"),
    "days a month": ("days a month", "天/月"),
    "days a year": ("days a year", "天/年"),
    "working days": ("working days", "个工作日"),
    "months": ("months", "个月"),
    "years": ("years", "年"),
    "percent": ("%", "%"),
    "percentage points": ("percentage points", "个百分点"),
    "cases": ("cases", "起"),
    "items": ("items", "项"),
    "places": ("places", "个地区"),
    "cities": ("cities", "个城市"),
    "index": ("index points", "（指数）"),
    "log": ("log points", "对数点"),
}
_UNIT_NAMES = {
    "µg/m³": "ug/m3",
    "μg/m3": "ug/m3",
    "µg/m3": "ug/m3",
    "μg/m³": "ug/m3",
    "mg/m³": "mg/m3",
    "%": "percent",
    "log points": "log",
    "index points": "index",
}


def check_language(language: str) -> Language:
    """Return ``language`` or raise ReportError when there are no words for it."""
    if language not in LANGUAGES:
        raise ReportError(
            f"There are no words for the language {language!r}.",
            expected=" or ".join(LANGUAGES),
            fix="set the parameter language",
        )
    return language


def text(key: str, language: str, **values: object) -> str:
    """A word or sentence of the page's furniture, with ``{names}`` filled in.

    Raises
    ------
    ReportError
        When the key is not in the tables, or a value it needs is not given.
    """
    words = _WORDS[check_language(language)]
    try:
        return words[key].format(**values)
    except KeyError as error:
        raise ReportError(
            f"The page has no words for {key!r} in {language!r}, or they need the value {error}.",
            where=f"evaluation/report/words_{language}.py",
        ) from error


def number(x: Any, language: str = "en", digits: int | None = None, *, sign: bool = False) -> str:
    """Write a number: true minus, thousands separated, nothing for what is not a number.

    Parameters
    ----------
    x : number or None
    digits : int, optional
        Decimals, at most `MOST`. By default none for whole numbers, else enough for three significant
        digits. What would be written as zeros only is written as a power of ten.
    sign : bool
        Write the plus of a positive number too, as for changes.

    Returns
    -------
    str
        An en dash when ``x`` is missing or infinite.
    """
    check_language(language)
    if x is None or x is pd.NA:
        return NOT_A_NUMBER
    value = float(x)
    if not math.isfinite(value):
        return NOT_A_NUMBER
    if digits is None:
        digits = 0 if value == round(value) else figures(value, 3)
    if digits > MOST:
        digits = MOST
        if 0 < abs(value) < 0.5 * 10.0**-MOST:
            mantissa, _, power = f"{value:{'+' if sign else ''}.1e}".partition("e")
            raised = str(int(power)).translate(_RAISED)
            return f"{mantissa.replace('-', MINUS)}\u00a0×\u00a010{raised}"
    shown = round(value, digits)
    written = f"{abs(shown):,.{max(digits, 0)}f}"
    if shown < 0:
        return MINUS + written
    return f"+{written}" if sign and shown > 0 else written


def decimals(std_error: float, count: int = 2) -> int:
    """Decimals that an estimate with this standard error bears: down to its second figure.

    An error of 12.3 bears units (0 decimals), 1.23 tenths (1), 0.0123 thousandths (3). A missing or
    zero error bears one.
    """
    if std_error is None or not math.isfinite(std_error) or std_error <= 0:
        return 1
    return figures(std_error, count)


def interval_decimals(low: float, high: float) -> int:
    """Decimals that both ends of an interval bear, whatever inference gave it.

    They are those of the standard error that a normal 95 % interval of this width has; 1 where an end is
    missing.
    """
    return decimals((high - low) / (2 * _NORMAL_QUANTILE))


def significant(estimate: float, std_error: float, language: str = "en", *, sign: bool = False) -> str:
    """Write an estimate with as many digits as its standard error bears."""
    return number(estimate, language, decimals(std_error), sign=sign)


def interval(
    low: float, high: float, language: str = "en", digits: int | None = None, *, sign: bool = False
) -> str:
    """Write an interval: ``−20 to 52``, ``−20至52``. A missing end gives the words for no interval."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return text("no_interval", language)
    if digits is None:
        digits = interval_decimals(low, high)
    ends = (number(end, language, digits, sign=sign) for end in (low, high))
    return text("interval", language).join(ends)


def p_value(p: float, language: str = "en") -> str:
    """Write a p-value: three decimals under 0.1, two above, never zero."""
    if p is None or not math.isfinite(p):
        return NOT_A_NUMBER
    if p < 0.001:
        return "<0.001"
    return number(p, language, 3 if p < 0.0995 else 2)


def percent(x: float, language: str = "en", digits: int = 0, *, sign: bool = False) -> str:
    """Write a fraction as a percentage: 0.246 with one digit is ``24.6%``."""
    written = number(None if x is None else 100 * x, language, digits, sign=sign)
    return written if written == NOT_A_NUMBER else f"{written}%"


def month(period: Any, language: str = "en", *, short: bool = False) -> str:
    """Write a month (Period, Timestamp or ``2016-03``): ``March 2016``, ``2016年3月``."""
    when = pd.Period(str(period)[:7], freq="M") if isinstance(period, str) else pd.Period(period, freq="M")
    if check_language(language) == "zh":
        return f"{when.year}年{when.month}月"
    name = _MONTHS[when.month - 1]
    return f"{name[:3] if short else name} {when.year}"


def date(day: Any, language: str = "en") -> str:
    """Write a day: ``24 November 2016``, ``2016年11月24日``."""
    when = pd.Timestamp(day)
    if check_language(language) == "zh":
        return f"{when.year}年{when.month}月{when.day}日"
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"


def unit(name: str, language: str = "en") -> str:
    """Write a unit: ``ug/m3`` is µg/m³ or 微克/立方米. A unit that is not known stands as it is."""
    check_language(language)
    pair = _UNITS.get(_UNIT_NAMES.get(name, name))
    return name if pair is None else pair[LANGUAGES.index(check_language(language))]


def with_unit(written: str, name: str, language: str = "en") -> str:
    """A number and its unit: ``16 days``, ``16天``, ``5%``; Chinese counts take no space."""
    shown = unit(name, language)
    glue = "" if shown == "%" or (language == "zh" and re.match(r"[\u4e00-\u9fff（]", shown)) else "\u00a0"
    return f"{written}{glue}{shown}"


def figures(value: float, count: int) -> int:
    """Decimals that show ``count`` significant digits, taking rounding up (9.96 -> 10) into account."""
    rounded = float(f"{abs(value):.{count - 1}e}")
    return max(0, count - 1 - math.floor(math.log10(rounded)))
