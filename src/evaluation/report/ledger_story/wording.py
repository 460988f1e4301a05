"""Claims, figures, times and tests of the ledger as readers of each language write them."""

from __future__ import annotations

import math
import re

from evaluation.analysis import Entry, LedgerCase
from evaluation.claims import Claim, IdentityCheck
from evaluation.report.language import MINUS, number, with_unit
from evaluation.report.story.wording import sentence
from evaluation.study import Outcome

STORY = "evaluation.report.ledger_story"


def say(key: str, language: str, /, **values: object) -> str:
    """A sentence of the ledger's page with its values filled in."""
    return sentence(STORY, key, language, **values)


def digits(step: float) -> int:
    """Decimals of a figure that is rounded to ``step``."""
    return max(0, len(f"{step:g}".partition(".")[2]))


def measured(value: float, claim: Claim, case: LedgerCase, language: str) -> str:
    """A figure in the unit of a claim, signed where it is a change."""
    signed = claim.kind in ("change", "relative_change")
    return amount(value, claim.unit, digits(claim.step), case, language, sign=signed)


def amount(
    value: float, unit: str, places: int, case: LedgerCase, language: str, *, sign: bool = False
) -> str:
    """A value in one of the claims file's units; money in English as English readers count it."""
    if language == "en" and unit in _YUAN:
        yuan, places = value * _YUAN[unit], places - round(math.log10(_YUAN[unit]))
        for size, name in ((1e9, "billion"), (1e6, "million")):
            if abs(yuan) >= size:
                shown = number(yuan / size, language, max(0, places + round(math.log10(size))), sign=sign)
                return f"{_trimmed(shown)}\u00a0{name} yuan"
        return f"{number(yuan, language, 0, sign=sign)}\u00a0yuan"
    return with_unit(number(value, language, places, sign=sign), case.claims.units[unit][language], language)


_YUAN = {"yuan10k": 1e4, "yuan100m": 1e8}


def _trimmed(written: str) -> str:
    return written.rstrip("0").rstrip(".") if "." in written else written


def stated(claim: Claim, case: LedgerCase, language: str) -> str:
    """The claimed figure as the account means it."""
    if claim.kind == "award":
        return say("value.list" if claim.value > 1 else "value.award", language, value=f"{claim.value:g}")
    if claim.kind == "rank":
        return ranked(claim.value, claim, language)
    written = measured(claim.value, claim, case, language)
    if claim.bound is None:
        return written
    if claim.kind == "relative_change" and claim.value < 0:
        return say("value.at_least_less", language, value=written.lstrip(MINUS))
    return say("value.at_least", language, value=written)


def ranked(value: float, claim: Claim, language: str) -> str:
    """A rank, among how many where that is known."""
    if claim.of is not None:
        return say("value.rank_of", language, value=f"{value:g}", of=claim.of)
    return say("value.first" if value == 1 else "value.rank", language, value=f"{value:g}")


_WORDS = {"before": "before", "after": "after", "statutory limit": "statutory", "2017 to July": "half"}


def time(period: str, language: str) -> str:
    """A period of the claims file in words."""
    if period in _WORDS:
        return say(f"when.{_WORDS[period]}", language)
    if by := re.fullmatch(r"by (\d{4})", period):
        return say("when.by", language, year=by.group(1))
    if span := re.fullmatch(r"(\d{4})-(\d{4})", period):
        return say("when.span", language, start=span.group(1), end=span.group(2))
    return say("when.year", language, year=period)


def when(claim: Claim, case: LedgerCase, language: str) -> str:
    """Place and time of a claim, with what it is compared to."""
    told = time(claim.period, language)
    if claim.baseline is not None and claim.baseline != claim.period:
        told = say("when.beside", language, when=told, baseline=time(claim.baseline, language))
    place = case.claims.places[claim.place][language]
    return say("ledger.where", language, place=place, when=told)


def implied(check: IdentityCheck, case: LedgerCase, value: float, language: str) -> str:
    """A figure that follows from others, in its unit."""
    first = case.claims.claim(check.claims[0])
    if check.rule == "ratio":
        return number(value, language, 3)
    if check.rule in ("before", "before_percent"):
        places = max(digits(case.claims.claim(name).step) for name in check.claims)
        return amount(value, first.unit, min(places, digits(first.step)), case, language)
    signed = check.rule in ("growth", "product", "percent_between")
    return f"{number(value, language, 1, sign=signed)}%"


def expected(check: IdentityCheck, case: LedgerCase, language: str) -> str:
    """What the account itself states for an implied figure, or the total that it must have."""
    if check.rule == "growth":
        return stated(case.claims.claim(check.claims[2]), case, language)
    return implied(check, case, check.stated, language)


def verdict_of(check: IdentityCheck, language: str) -> str:
    """Whether a rule holds, in words."""
    key = "only" if check.holds is None else "holds" if check.holds else "broken"
    return say(f"rules.{key}", language)


_PART = re.compile(r"([一二三四五])(?:\(([一二三四五])\))?(\d+)?")
_DIGITS = "零一二三四五"


def section(name: str, language: str) -> str:
    """Where in the account a figure stands."""
    found = _PART.fullmatch(name)
    if found is None:
        return say("row.preface", language)
    part, within, point = found.groups()
    if language == "en":
        part, within = (str(_DIGITS.index(x)) if x else None for x in (part, within))
    levels = {"part": part, "within": within, "point": point}
    return "".join(say(f"row.{key}", language, value=value) for key, value in levels.items() if value)


def gap(value: float, outcome: Outcome, scale: str, language: str, *, sign: bool = True) -> str:
    """A difference on the scale of a test: in units, or in percent where it is of logarithms."""
    if scale == "log":
        return f"{number(value, language, 1, sign=sign)}%"
    return with_unit(number(value, language, outcome.digits, sign=sign), outcome.unit[language], language)


def counts(entries: tuple[Entry, ...], what: str) -> dict[str, int]:
    """How many entries have each verdict."""
    found = [getattr(entry.check, what) for entry in entries]
    return {verdict: found.count(verdict) for verdict in sorted(set(found))}
