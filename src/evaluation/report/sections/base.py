"""What the sections of a page on a panel share: the words of its study, effects in words, who is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.staggered import StaggeredCase
from evaluation.report.display import Prose
from evaluation.report.language import (
    LANGUAGES,
    NOT_A_NUMBER,
    interval,
    interval_decimals,
    number,
    p_value,
    with_unit,
)
from evaluation.report.languages import together
from evaluation.report.text import Text
from evaluation.study.staggered import Comparison, Outcome

PER_YEAR = {"Y": 1, "Q": 4, "M": 12, "W": 52, "D": 365}
NAN = float("nan")


def said(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a section that writes with ``text`` be called without: it is written in each language of the study.

    The first argument is the case. What is shown is an `InLanguages`, for a list a list of them, None where
    there is nothing to show.
    """

    @wraps(function)
    def shown(case: StaggeredCase, *found: Any, **options: Any) -> Any:
        written = {
            language: function(case, *found, text=words_of(case, language), **options)
            for language in languages_of(case)
        }
        return together(written, function.__name__)

    return shown


def words_of(case: StaggeredCase, language: str) -> Text:
    """The sentences of a language with the words of the study filled in."""
    study, words = case.study, _words(case)
    place, period = words.place[language], words.period[language]
    treatment = study.treatment
    one = treatment.place[language] if treatment.place else place.one
    many = treatment.places[language] if treatment.places else place.many
    told: dict[str, Any] = {
        "place": one,
        "places": many,
        "period": period.one,
        "periods": period.many,
        "better": case.lead.better,
        "exposure": case.lead.model == "count" and case.study.data.exposure is not None,
        "from_outcome": treatment.from_outcome[language] if treatment.from_outcome else "",
        "simulated": case.simulated,
    }
    # a study that says itself who is treated speaks of places beside its own word for them
    told["own"] = bool(treatment.treated)
    told["cohorts"] = int(case.first(case.lead)[case.treated(case.lead)].nunique())
    told["single"] = len(case.treated(case.lead)) == 1
    told["measured"] = many if many.startswith("个") else f"个{many}"
    told["kin"] = {"en": "place", "zh": "地方"}[language] if treatment.treated else one
    told["kins"] = {"en": "places", "zh": "地方"}[language] if treatment.treated else many
    text = Text(language, told)
    text.given["event"] = treatment.event[language] if treatment.event else text("words.event")
    return text


def counted(text: Text, count: int) -> str:
    """So many units: "1 state", "50 states", 50个州."""
    return text("words.counted", count=count)


def treated_units(case: StaggeredCase, text: Text, *, count: bool = True) -> str:
    """The treated units in a sentence: in the study's words, by name where it is one, else counted."""
    units = case.treated(case.lead)
    own = case.study.treatment.treated
    one = case.name(units[0], text.language) if len(units) == 1 else ""
    return text(
        "words.treated", count=len(units), own=own[text.language] if own else "", name=one, counted=count
    )


def languages_of(case: Any) -> tuple[str, ...]:
    return getattr(case.study, "languages", LANGUAGES)


def _words(case: Any) -> Any:
    if hasattr(case.study, "words"):
        return case.study.words
    from types import SimpleNamespace as N

    f = case.study.data.frequency
    return N(
        place={"en": N(one="unit", many="units"), "zh": N(one="单位", many="单位")},
        period={l: N(one=Text(l)(f"period.{f}"), many=Text(l)(f"period.{f}s")) for l in LANGUAGES},
    )


@dataclass(frozen=True)
class Effect:
    """An effect and its interval in the unit in which effects on the outcome are said.

    Attributes
    ----------
    outcome : Outcome
    value, low, high : float
        NaN ends where there is no interval.
    """

    outcome: Outcome
    value: float
    low: float = NAN
    high: float = NAN

    @classmethod
    def of(cls, outcome: Outcome, row: Any) -> Effect:
        """From a row of estimates."""
        names = ("percent", "percent_low", "percent_high")
        if not outcome.in_percent:
            names = ("estimate", "ci_low", "ci_high")
        scale = scale_of(outcome)
        return cls(outcome, *(scale * float(row[name]) for name in names))

    @property
    def known(self) -> bool:
        """Whether it has an interval."""
        return isfinite(self.low) and isfinite(self.high)

    @property
    def digits(self) -> int:
        """Decimals for a sentence: none for percentages with a wide interval."""
        if not self.known and isfinite(self.value) and not self.outcome.in_percent:
            return max(1, self.outcome.digits)
        digits = interval_decimals(self.low, self.high)
        return max(0, digits - 1) if self.outcome.in_percent else digits

    def with_value(self, value: float) -> Effect:
        """Another value, written with the digits that this interval bears."""
        return Effect(self.outcome, value, self.low, self.high)

    def amount(self, text: Text) -> str:
        """With its unit and a sign: ``+16 days``."""
        shown = number(self.value, text.language, self.digits, sign=True)
        return (
            shown if shown == NOT_A_NUMBER else with_unit(shown, unit_of(self.outcome, text), text.language)
        )

    def bounds(self, text: Text) -> str:
        """Its interval with the unit; words where there is none."""
        shown = interval(self.low, self.high, text.language, self.digits, sign=True)
        return with_unit(shown, unit_of(self.outcome, text), text.language) if self.known else shown

    def plain(self, text: Text) -> str:
        """Without unit, as in a table's cell."""
        return number(self.value, text.language, self.digits, sign=True)

    def cell(self, text: Text) -> str:
        """Without unit, its interval in brackets."""
        within = interval(self.low, self.high, text.language, self.digits, sign=True)
        return text("words.cell", value=self.plain(text), interval=within)

    def size(self, text: Text) -> str:
        """ "49% lower" or "16 days higher"."""
        return text("words.size", value=self.value, written=self._absolute(self.value, text))

    def span(self, text: Text) -> str:
        """ "25% to 65% lower", "5% lower to 24% higher"."""
        low, high = (self._absolute(end, text) for end in (self.low, self.high))
        mixed, falls = self.low < 0 < self.high, self.high <= 0
        return text("words.span", low=low, high=high, mixed=mixed, falls=falls)

    def _absolute(self, value: float, text: Text) -> str:
        shown = number(abs(value), text.language, self.digits)
        return with_unit(shown, unit_of(self.outcome, text), text.language)


def is_share(outcome: Outcome) -> bool:
    """Whether effects on the outcome are differences of percentages."""
    return outcome.model == "share" or (not outcome.in_percent and unit_word(outcome) in ("%", "share"))


def unit_word(outcome: Outcome) -> str:
    """The outcome's unit, in the first language it is given in."""
    return next((str(outcome.unit[one]) for one in LANGUAGES if getattr(outcome.unit, one, None)), "")


def scale_of(outcome: Outcome) -> float:
    """What an effect is multiplied by to be said: 100 for shares of one."""
    return 100.0 if is_share(outcome) and unit_word(outcome) != "%" else 1.0


def unit_of(outcome: Outcome, text: Text) -> str:
    """In what effects are said: per cent, percentage points or the outcome's unit."""
    if outcome.in_percent:
        return "%"
    return text("words.points") if is_share(outcome) else outcome.unit[text.language]


def rate_unit(case: StaggeredCase, outcome: Outcome, text: Text) -> str:
    """Unit of the raw figures: rates for counts with an exposure."""
    label = case.study.data.per_label
    if outcome.model == "count" and case.study.data.exposure and label is not None:
        return label[text.language]
    return outcome.unit[text.language]


def group(
    case: StaggeredCase, comparison: Comparison, text: Text, *outcomes: Outcome, dates: str | None = None
) -> str:
    """A comparison in words, with the number of its units.

    Outcomes have comparison units of their own: who is treated, and who was observed, differs between
    them. For several outcomes the number is a range where theirs differ; without any, the leading one's.
    """
    counts = n_controls(case, comparison, outcomes or (case.lead,), dates)
    low, high = str(min(counts)), str(max(counts))
    count = low if low == high else text("words.range", low=low, high=high)
    return comparison.label[text.language].format(count=count)


def n_controls(
    case: StaggeredCase, comparison: Comparison, outcomes: Iterable[Outcome], dates: str | None = None
) -> list[int]:
    """How many comparison units each outcome has."""
    return [len(case.controls(outcome, comparison, dates)) for outcome in outcomes]


def named(case: StaggeredCase, outcome: Outcome, text: Text) -> str:
    """An outcome with its unit, and with its comparison units where outcomes differ in them."""
    counts = n_controls(case, case.main, case.study.outcomes)
    beside = n_controls(case, case.main, [outcome])[0] if len(set(counts)) > 1 else None
    label = outcome.label[text.language]
    return text("words.named", outcome=label, unit=unit_of(outcome, text), beside=beside)


def no_interval(row: Any, text: Text) -> str:
    """Why a row of estimates has no interval, as it stands in the middle of a sentence."""
    count = int(row["n_assignments"])
    smallest = p_value(1 / count if count else NAN, text.language)
    return text(
        f"no_interval.{row['no_interval'] or 'no_error'}",
        count=number(count, text.language, 0),
        smallest=smallest,
    )


def source_line(case: StaggeredCase, text: Text) -> str:
    """The line under a figure: who measured and where the numbers were taken from; empty if not known."""
    credit = case.study.data.credit
    source = credit[text.language] if credit else case.sources[0].source[text.language]
    return text("words.source", source=source) if source else ""


def not_drawn(what: str, outcome: Outcome, text: Text) -> Prose:
    """In place of a figure whose points are withheld."""
    told = {"what": text(f"withheld.{what}"), "outcome": outcome.label[text.language]}
    return Prose(text("withheld.figure", **told))


def withheld_here(source: str, count: int, text: Text) -> str:
    """A source line that says how many figures of a drawing are withheld."""
    return text("withheld.source", source=source, count=count) if count else source


def leading(case: StaggeredCase, found: Any, comparison: str) -> dict[Any, Any]:
    """The leading estimate of the leading outcome against a comparison."""
    table = found.against
    rows = table[
        (table["outcome"] == case.lead.id) & (table["comparison"] == comparison) & (table["dates"] == "")
    ]
    return dict(rows.to_dict("records")[0])


def finite(values: pd.Series) -> pd.Series:
    """The values that are numbers."""
    return values[np.isfinite(values.astype(float))]
