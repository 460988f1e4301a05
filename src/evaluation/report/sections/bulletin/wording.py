"""Words that several parts of the bulletin share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from evaluation.analysis import BulletinCase, MonthRanking
from evaluation.report.language import month as written_month
from evaluation.report.language import number, percent, with_unit
from evaluation.report.languages import spoken
from evaluation.report.text import Text, sentence_case
from evaluation.study.bulletin import Measure


def _words(case: BulletinCase, language: str) -> dict[str, str]:
    """What the study calls the places: ``city, cities, heading``."""
    one, many = case.study.place[language], case.study.places[language]
    return {"city": one, "cities": many, "heading": sentence_case(one)}


said = spoken("bulletin", _words)
"""For sections of the bulletin."""


def names(case: BulletinCase, places: Iterable[str], text: Text) -> str:
    """Places by name, joined as the language joins them."""
    named = [case.name(place, text.language) for place in places]
    parts = [text("words.comma").join(named[:-1]), named[-1]] if len(named) > 1 else named
    return text("words.and").join(parts)


def months(ranking: MonthRanking, text: Text) -> dict[str, str]:
    """The month and the one a year before, as values of a sentence."""
    return {
        "month": written_month(ranking.month, text.language),
        "ago": written_month(ranking.month - 12, text.language),
    }


def level(case: BulletinCase) -> str:
    """The confidence as a percentage."""
    return f"{100 * case.study.bulletin.level:g}%"


def change(ranking: MonthRanking, row: Mapping[Any, Any], text: Text) -> str:
    """The change of a place as it is ranked: in percent or in units, with its sign."""
    if ranking.scale == "percent":
        return percent(float(row["percent"]) / 100, text.language, 0, sign=True)
    measure = ranking.measure
    written = number(row["change"], text.language, measure.digits, sign=True)
    return with_unit(written, measure.unit[text.language], text.language)


def leading_row(ranking: MonthRanking) -> Mapping[Any, Any]:
    """The row of the place named first."""
    return ranking.table.iloc[0].to_dict()


def amount(value: float, measure: Measure, text: Text) -> str:
    """A value with its unit."""
    return with_unit(number(value, text.language, measure.digits), measure.unit[text.language], text.language)


def ranks(low: int, high: int, text: Text) -> str:
    """A rank set: ``1 to 16``, or the one rank."""
    return text("words.range" if high > low else "words.one", low=low, high=high)


def joined(parts: Iterable[str], text: Text) -> str:
    """Parts of an alternative text in one line."""
    return text("words.separator").join(parts)
