"""What the sections of a page on a panel share: the words of its study, effects in words, who is compared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from evaluation.analysis import BulletinCase
from evaluation.analysis.staggered import StaggeredCase
from evaluation.report.display import Prose
from evaluation.report.language import (
    NOT_A_NUMBER,
    interval,
    interval_decimals,
    number,
    p_value,
    with_unit,
)
from evaluation.report.languages import spoken
from evaluation.report.text import Text, period, sentence_case
from evaluation.study.staggered import Comparison, Outcome

NAN = float("nan")
# a name that may be read as an English word: five letters or more and no cluster that begins none
_WORD = re.compile(
    r"^(?![bcdfghjklmnpqrstvwxz]{3})[a-z]{5,}$|^(s[cpt]r|spl|s?chr?|shr|thr|phr|s?phr)[a-z]{3,}$"
)
FEW = 3
"""So many treated units are named one by one."""


def _words(case: StaggeredCase, language: str) -> dict[str, Any]:
    """What every sentence on a panel may name: the words of its study."""
    study, units = case.study, case.treated(case.lead)
    place, period = study.words.place[language], study.words.period[language]
    own = says_who(case)
    many = study.treatment.places[language] if own else place.many
    return {
        "place": study.treatment.place[language] if own else place.one,
        "places": many,
        # how so many of them are counted in Chinese
        "measured": many if many.startswith("个") else f"个{many}",
        # a study that says itself who is treated speaks of places beside its own word for them
        "own": own,
        "kin": {"en": "place", "zh": "地方"}[language] if own else place.one,
        "kins": {"en": "places", "zh": "地方"}[language] if own else place.many,
        "period": period.one,
        "periods": period.many,
        "better": case.lead.better,
        "exposure": case.lead.model == "count" and study.data.exposure is not None,
        "from_outcome": study.treatment.from_outcome[language] if study.treatment.from_outcome else "",
        "simulated": case.simulated,
        "cohorts": int(case.first(case.lead)[units].nunique()),
        "single": len(units) == 1,
        # who it is compared with
        "versus": "beside" if own else "compared with",
        "event": study.treatment.event[language] if own else Text(language)("words.event"),
    }


said = spoken(given=_words)
"""For sections of pages on panels."""


def says_who(case: StaggeredCase) -> bool:
    """Whether the study file says who the treated are; else they are named or counted."""
    treated = case.study.treatment.treated
    units = [case.name(unit, "en") for unit in case.treated(case.lead)]
    made = treated.en.startswith(f"the {len(units)} treated ") or all(unit in treated.en for unit in units)
    return bool(treated) and not made


def counted(text: Text, count: int) -> str:
    """So many units: "1 state", "50 states", 50个州."""
    return text("words.counted", count=count)


def treated_units(case: StaggeredCase, text: Text, *, count: bool = True) -> str:
    """The treated units in a sentence: in the study's words, by name where they are few, else counted."""
    units = case.treated(case.lead)
    names = [case.name(unit, text.language) for unit in units] if len(units) <= FEW else []
    names = [f"{text.given['place']} {name}" if name.isdecimal() else name for name in names]
    own = case.study.treatment.treated[text.language] if text.given["own"] else ""
    return text("words.treated", count=len(units), own=own, names=names, counted=count)


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
        return cls(outcome, *(float(row[name]) for name in names))

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
        return shown if shown == NOT_A_NUMBER else in_unit(shown, unit_of(self.outcome, text), text)

    def bounds(self, text: Text) -> str:
        """Its interval with the unit; words where there is none."""
        shown = interval(self.low, self.high, text.language, self.digits, sign=True)
        return in_unit(shown, unit_of(self.outcome, text), text) if self.known else shown

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
        mixed, falls = self.low < 0 < self.high, self.high <= 0
        ends = [self._absolute(end, text) for end in (self.low, self.high)]
        if not mixed and not self.outcome.in_percent:  # the unit once, after the end that is said last
            ends[1 if falls else 0] = number(abs((self.low, self.high)[falls]), text.language, self.digits)
        low, high = ends
        return text("words.span", low=low, high=high, mixed=mixed, falls=falls)

    def _absolute(self, value: float, text: Text) -> str:
        shown = number(abs(value), text.language, self.digits)
        return in_unit(shown, unit_of(self.outcome, text), text)


def unit_of(outcome: Outcome, text: Text) -> str:
    """In what effects are said: per cent, percentage points or the outcome's unit."""
    if outcome.in_percent:
        return "%"
    return text("words.points") if outcome.in_points else outcome.unit[text.language]


def in_unit(shown: str, unit: str, text: Text) -> str:
    """A number with its unit, where it has one."""
    return with_unit(shown, unit, text.language) if unit else shown


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
    label = comparison.label[text.language]
    if label in (text("words.untreated"), text("words.waiting")) and max(counts):
        return text("words.beside", count=count, waiting=label == text("words.waiting"))
    return label.format(count=count)


def n_controls(
    case: StaggeredCase, comparison: Comparison, outcomes: Iterable[Outcome], dates: str | None = None
) -> list[int]:
    """How many comparison units each outcome has."""
    return [len(case.controls(outcome, comparison, dates)) for outcome in outcomes]


def label_of(outcome: Outcome, text: Text) -> str:
    """An outcome as it heads a line: the name of a column gets a capital where it is a word."""
    label = outcome.label[text.language]
    return headed(outcome, label) if label == outcome.column else label


def headed(outcome: Outcome, words: str) -> str:
    """Words about an outcome as they begin a sentence: a column's name that is a code keeps its spelling."""
    return words if words == outcome.column and not _WORD.match(words) else sentence_case(words)


def verdict_of(outcome: Outcome, check: Any) -> str:
    """The verdict as a page shows it: without a better side there is no opposite one."""
    verdict = str(check.attributable)
    return "differs" if verdict in ("beyond_comparison", "opposite") and not outcome.better else verdict


def in_words(sentence: str, text: Text) -> str:
    """A sentence of a check or of advice, in the words of the study for its units and for treatment.

    Checks know no study: they speak of places and of the measure.
    """
    if text.given["own"]:
        return sentence
    kin, kins = text.given["kin"], text.given["kins"]
    words = {
        "en": (("places", kins), ("place", kin), ("the measure", "treatment")),
        "zh": (
            ("尚未实施的地区", f"尚未处理的{kin}"),
            ("已实施地区", f"已处理的{kin}"),
            ("实施地区", f"受处理的{kin}"),
            ("各地各期", f"各{kin}各期"),
            ("地区", kin),
            ("地方", kin),
            ("措施", "处理"),
        ),
    }
    edge = r"\b" if text.language == "en" else ""
    for word, own in words[text.language]:
        sentence = re.sub(f"{edge}{word}{edge}", own, sentence)
    return sentence


def named(case: StaggeredCase, outcome: Outcome, text: Text) -> str:
    """An outcome with its unit, and with its comparison units where outcomes differ in them."""
    counts = n_controls(case, case.main, case.study.outcomes)
    beside = n_controls(case, case.main, [outcome])[0] if len(set(counts)) > 1 else None
    label = label_of(outcome, text)
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


def source_line(case: StaggeredCase | BulletinCase, text: Text) -> str:
    """The line under a figure: who measured and where the numbers were taken from, or the table's name."""
    known = case.study.data.credit or case.sources[0].source
    source = known[text.language] if known else ""
    return text("words.source", source=source, table=case.sources[0].name)


def period_of(case: StaggeredCase, when: Any, text: Text, *, short: bool = False) -> str:
    """A period of the data as readers write it."""
    if not case.calendar:
        return str(case.period(str(when)).year)
    return period(when, text.language, case.study.data.frequency, short=short)


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
