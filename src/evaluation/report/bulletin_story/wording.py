"""Words that several parts of the bulletin share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from evaluation.analysis import BulletinCase, MonthRanking
from evaluation.report.language import month as written_month
from evaluation.report.language import number, percent, with_unit
from evaluation.report.story.wording import sentence, sentence_case
from evaluation.study.bulletin import Measure

STORY = "evaluation.report.bulletin_story"


def say(key: str, language: str, /, **values: object) -> str:
    """A sentence of the bulletin with its values filled in."""
    return sentence(STORY, key, language, **values)


def tell(case: BulletinCase, key: str, language: str, /, **values: object) -> str:
    """A sentence that may call the places what the study calls them: ``city, cities, heading``."""
    one, many = case.study.place[language], case.study.places[language]
    return say(key, language, city=one, cities=many, heading=sentence_case(one), **values)


def names(case: BulletinCase, places: Iterable[str], language: str) -> str:
    """Places by name, joined as the language joins them."""
    named = [case.name(place, language) for place in places]
    parts = [say("words.comma", language).join(named[:-1]), named[-1]] if len(named) > 1 else named
    return say("words.and", language).join(parts)


def months(ranking: MonthRanking, language: str) -> dict[str, str]:
    """The month and the one a year before, as values of a sentence."""
    return {
        "month": written_month(ranking.month, language),
        "ago": written_month(ranking.month - 12, language),
    }


def level(case: BulletinCase) -> str:
    """The confidence as a percentage."""
    return f"{100 * case.study.bulletin.level:g}%"


def change(ranking: MonthRanking, row: Mapping[Any, Any], language: str) -> str:
    """The change of a place as it is ranked: in percent or in units, with its sign."""
    if ranking.scale == "percent":
        return percent(float(row["percent"]) / 100, language, 0, sign=True)
    measure = ranking.measure
    written = number(row["change"], language, measure.digits, sign=True)
    return with_unit(written, measure.unit[language], language)


def leading_row(ranking: MonthRanking) -> Mapping[Any, Any]:
    """The row of the place named first."""
    return ranking.table.iloc[0].to_dict()


def amount(value: float, measure: Measure, language: str) -> str:
    """A value with its unit."""
    return with_unit(number(value, language, measure.digits), measure.unit[language], language)


def ranks(low: int, high: int, language: str) -> str:
    """A rank set: ``1 to 16``, or the one rank."""
    return say("words.range" if high > low else "words.one", language, low=low, high=high)


def source_line(case: BulletinCase, language: str) -> str:
    """The line under a figure."""
    credit = case.study.data.credit
    source = credit[language] if credit else case.sources[0].source[language]
    return say("words.source", language, source=source)


def joined(parts: Iterable[str], language: str) -> str:
    """Parts of an alternative text in one line."""
    return say("words.separator", language).join(parts)
