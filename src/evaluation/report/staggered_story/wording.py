"""Sentences of the pages on many places, and the ways in which they say sizes, groups and periods."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

import pandas as pd

from evaluation.analysis.staggered import StaggeredCase
from evaluation.report.display import Prose
from evaluation.report.language import (
    NOT_A_NUMBER,
    interval,
    interval_decimals,
    month,
    number,
    p_value,
    with_unit,
)
from evaluation.report.story.wording import sentence
from evaluation.study.staggered import Comparison, Outcome

PACKAGE = "evaluation.report.staggered_story"


def say(key: str, language: str, /, **values: object) -> str:
    """A sentence of these pages with its values filled in."""
    return sentence(PACKAGE, key, language, **values)


def group(
    case: StaggeredCase, comparison: Comparison, language: str, *outcomes: Outcome, dates: str | None = None
) -> str:
    """A comparison in words, with the number of its units.

    Outcomes have comparison units of their own: who is treated, and who was observed, differs between
    them. For several outcomes the number is a range where theirs differ; without any, the leading one's.
    """
    counts = n_controls(case, comparison, outcomes or (case.lead,), dates)
    low, high = str(min(counts)), str(max(counts))
    count = low if low == high else say("numbers.range", language, low=low, high=high)
    return comparison.label[language].format(count=count)


def n_controls(
    case: StaggeredCase, comparison: Comparison, outcomes: Iterable[Outcome], dates: str | None = None
) -> list[int]:
    """How many comparison units each outcome has."""
    return [len(case.controls(outcome, comparison, dates)) for outcome in outcomes]


def named(case: StaggeredCase, outcome: Outcome, language: str) -> str:
    """An outcome with its unit, and with its comparison units where outcomes differ in them."""
    told = {"outcome": outcome.label[language], "unit": unit_of(outcome, language)}
    counts = n_controls(case, case.main, case.study.outcomes)
    if len(set(counts)) == 1:
        return say("estimates.named", language, **told)
    (beside,) = n_controls(case, case.main, [outcome])
    return say("estimates.named_beside", language, beside=beside, **told)


def no_interval(row: Any, language: str) -> str:
    """Why a row of estimates has no interval, as it stands in the middle of a sentence."""
    count = int(row["n_assignments"])
    told = {
        "count": number(count, language, 0),
        "smallest": p_value(1 / count if count else float("nan"), language),
    }
    return say(f"no_interval.{row['no_interval'] or 'no_error'}", language, **told)


def n_treated(case: StaggeredCase, outcome: Outcome | None = None) -> int:
    """How many units become treated."""
    return len(case.treated(outcome or case.lead))


def unit_of(outcome: Outcome, language: str) -> str:
    """In what effects are said: per cent or the outcome's unit."""
    return "%" if outcome.in_percent else outcome.unit[language]


def ends(outcome: Outcome, row: Any) -> tuple[float, float, float]:
    """Effect and interval of a row of estimates, in the unit in which effects are said."""
    names = ("percent", "percent_low", "percent_high")
    if not outcome.in_percent:
        names = ("estimate", "ci_low", "ci_high")
    value, low, high = (float(row[name]) for name in names)
    return value, low, high


def effect(
    outcome: Outcome, value: float, low: float, high: float, language: str, *, sign: bool = True
) -> str:
    """An effect with its unit and the digits that its interval bears."""
    shown = number(value, language, whole(outcome, low, high), sign=sign)
    return shown if shown == NOT_A_NUMBER else with_unit(shown, unit_of(outcome, language), language)


def bounds(outcome: Outcome, low: float, high: float, language: str) -> str:
    """An interval with its unit; words where there is none."""
    shown = interval(low, high, language, whole(outcome, low, high), sign=True)
    known = isfinite(low) and isfinite(high)
    return with_unit(shown, unit_of(outcome, language), language) if known else shown


def cell(
    key: str, outcome: Outcome, value: float, low: float, high: float, language: str, **more: object
) -> str:
    """An effect and its interval in a table's cell, without unit."""
    digits = whole(outcome, low, high)
    shown = number(value, language, digits, sign=True)
    within = interval(low, high, language, digits, sign=True)
    return say(key, language, estimate=shown, value=shown, interval=within, **more)


def size(outcome: Outcome, value: float, language: str, digits: int = 0) -> str:
    """ "49% lower" or "16 days higher"."""
    written = with_unit(number(abs(value), language, digits), unit_of(outcome, language), language)
    return say("size.lower" if value < 0 else "size.higher", language, value=written)


def span(outcome: Outcome, low: float, high: float, language: str, digits: int = 0) -> str:
    """ "25% to 65% lower", "5% lower to 24% higher"."""
    unit = unit_of(outcome, language)

    def written(value: float) -> str:
        return with_unit(number(abs(value), language, digits), unit, language)

    if low < 0 < high:
        return say("size.mixed", language, low=written(low), high=written(high))
    if high <= 0:
        return say("size.same_lower", language, small=written(high), large=written(low))
    return say("size.same_higher", language, small=written(low), large=written(high))


def whole(outcome: Outcome, low: float, high: float) -> int:
    """Decimals for a sentence: none for percentages with a wide interval."""
    digits = interval_decimals(low, high)
    return max(0, digits - 1) if outcome.in_percent else digits


def when(period: Any, language: str, frequency: str, *, short: bool = False) -> str:
    """A period as readers write it: 2008年第4季度, March 2016, 2016."""
    moment = pd.Period(str(period), freq=frequency)
    if frequency == "Q":
        if language == "zh":
            return f"{moment.year}年{'一二三四'[moment.quarter - 1]}季度"
        ordinal = f"{_ORDINAL[moment.quarter - 1]} quarter of {moment.year}"
        return f"{moment.year} Q{moment.quarter}" if short else ordinal
    if frequency == "M":
        return month(moment, language)
    if frequency == "Y":
        return f"{moment.year}年" if language == "zh" else str(moment.year)
    return str(moment)


_ORDINAL = ("first", "second", "third", "fourth")


def periods(case: StaggeredCase, language: str) -> dict[str, str]:
    """The words ``period`` and ``periods`` of the study's frequency."""
    frequency = case.study.data.frequency
    return {
        "period": say(f"period.{frequency}", language),
        "periods": say(f"period.{frequency}s", language),
    }


def source_line(case: StaggeredCase, language: str) -> str:
    """The line under a figure: who measured and where the numbers were taken from."""
    credit = case.study.data.credit
    source = credit[language] if credit else case.sources[0].source[language]
    return say("source.line", language, source=source)


def rate_unit(case: StaggeredCase, outcome: Outcome, language: str) -> str:
    """Unit of the raw figures: rates for counts with an exposure."""
    label = case.study.data.per_label
    return label[language] if outcome.model == "count" and label is not None else outcome.unit[language]


def not_drawn(what: str, outcome: Outcome, language: str) -> Prose:
    """In place of a figure whose points are withheld."""
    told = {"what": say(f"withheld.{what}", language), "outcome": outcome.label[language]}
    return Prose(say("withheld.figure", language, **told))


def withheld_here(source: str, count: int, language: str) -> str:
    """A source line that says how many figures of a drawing are withheld."""
    return say("withheld.source", language, source=source, count=count) if count else source


PER_YEAR = {"Y": 1, "Q": 4, "M": 12, "W": 52, "D": 365}
