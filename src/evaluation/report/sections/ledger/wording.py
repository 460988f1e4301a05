"""Claims, figures, times and tests of the ledger as readers of each language write them."""

from __future__ import annotations

import math
import re

from evaluation.analysis import Entry, LedgerCase
from evaluation.claims import Claim, IdentityCheck
from evaluation.report.language import MINUS, number, with_unit
from evaluation.report.languages import spoken
from evaluation.report.text import Text
from evaluation.study.staggered import Outcome

said = spoken("ledger")
"""For sections of the ledger's page."""


def digits(step: float) -> int:
    """Decimals of a figure that is rounded to ``step``."""
    return max(0, len(f"{step:g}".partition(".")[2]))


def measured(value: float, claim: Claim, case: LedgerCase, text: Text) -> str:
    """A figure in the unit of a claim, signed where it is a change."""
    signed = claim.kind in ("change", "relative_change")
    return amount(value, claim.unit, digits(claim.step), case, text, sign=signed)


def amount(value: float, unit: str, places: int, case: LedgerCase, text: Text, *, sign: bool = False) -> str:
    """A value in one of the claims file's units; money in English as English readers count it."""
    if text.language == "en" and unit in _YUAN:
        yuan, places = value * _YUAN[unit], places - round(math.log10(_YUAN[unit]))
        for size, name in ((1e9, "billion"), (1e6, "million")):
            if abs(yuan) >= size:
                shown = number(
                    yuan / size, text.language, max(0, places + round(math.log10(size))), sign=sign
                )
                return f"{_trimmed(shown)}\u00a0{name} yuan"
        return f"{number(yuan, text.language, 0, sign=sign)}\u00a0yuan"
    return with_unit(
        number(value, text.language, places, sign=sign), case.claims.units[unit][text.language], text.language
    )


_YUAN = {"yuan10k": 1e4, "yuan100m": 1e8}


def _trimmed(written: str) -> str:
    return written.rstrip("0").rstrip(".") if "." in written else written


def stated(claim: Claim, case: LedgerCase, text: Text) -> str:
    """The claimed figure as the account means it."""
    if claim.kind == "award":
        return text("value.list" if claim.value > 1 else "value.award", value=f"{claim.value:g}")
    if claim.kind == "rank":
        return ranked(claim.value, claim, text)
    written = measured(claim.value, claim, case, text)
    if claim.bound is None:
        return written
    if claim.kind == "relative_change" and claim.value < 0:
        return text("value.at_least_less", value=written.lstrip(MINUS))
    return text("value.at_least", value=written)


def ranked(value: float, claim: Claim, text: Text) -> str:
    """A rank, among how many where that is known."""
    if claim.of is not None:
        return text("value.rank_of", value=f"{value:g}", of=claim.of)
    return text("value.first" if value == 1 else "value.rank", value=f"{value:g}")


_WORDS = {"before": "before", "after": "after", "statutory limit": "statutory", "2017 to July": "half"}


def time(period: str, text: Text) -> str:
    """A period of the claims file in words."""
    if period in _WORDS:
        return text(f"when.{_WORDS[period]}")
    if by := re.fullmatch(r"by (\d{4})", period):
        return text("when.by", year=by.group(1))
    if span := re.fullmatch(r"(\d{4})-(\d{4})", period):
        return text("when.span", start=span.group(1), end=span.group(2))
    return text("when.year", year=period)


def when(claim: Claim, case: LedgerCase, text: Text) -> str:
    """Place and time of a claim, with what it is compared to."""
    told = time(claim.period, text)
    if claim.baseline is not None and claim.baseline != claim.period:
        told = text("when.beside", when=told, baseline=time(claim.baseline, text))
    place = case.claims.places[claim.place][text.language]
    return text("ledger.where", place=place, when=told)


def implied(check: IdentityCheck, case: LedgerCase, value: float, text: Text) -> str:
    """A figure that follows from others, in its unit."""
    first = case.claims.claim(check.claims[0])
    if check.rule == "ratio":
        return number(value, text.language, 3)
    if check.rule in ("before", "before_percent"):
        places = max(digits(case.claims.claim(name).step) for name in check.claims)
        return amount(value, first.unit, min(places, digits(first.step)), case, text)
    signed = check.rule in ("growth", "product", "percent_between")
    return f"{number(value, text.language, 1, sign=signed)}%"


def expected(check: IdentityCheck, case: LedgerCase, text: Text) -> str:
    """What the account itself states for an implied figure, or the total that it must have."""
    if check.rule == "growth":
        return stated(case.claims.claim(check.claims[2]), case, text)
    return implied(check, case, check.stated, text)


def verdict_of(check: IdentityCheck, text: Text) -> str:
    """Whether a rule holds, in words."""
    key = "only" if check.holds is None else "holds" if check.holds else "broken"
    return text(f"rules.{key}")


_PART = re.compile(r"([一二三四五])(?:\(([一二三四五])\))?(\d+)?")
_DIGITS = "零一二三四五"


def section(name: str, text: Text) -> str:
    """Where in the account a figure stands."""
    found = _PART.fullmatch(name)
    if found is None:
        return text("row.preface")
    part, within, point = found.groups()
    if text.language == "en":
        part, within = (str(_DIGITS.index(x)) if x else None for x in (part, within))
    levels = {"part": part, "within": within, "point": point}
    return "".join(text(f"row.{key}", value=value) for key, value in levels.items() if value)


def gap(value: float, outcome: Outcome, scale: str, text: Text, *, sign: bool = True) -> str:
    """A difference on the scale of a test: in units, or in percent where it is of logarithms."""
    if scale == "log":
        return f"{number(value, text.language, 1, sign=sign)}%"
    return with_unit(
        number(value, text.language, outcome.digits, sign=sign), outcome.unit[text.language], text.language
    )


def counts(entries: tuple[Entry, ...], what: str) -> dict[str, int]:
    """How many entries have each verdict."""
    found = [getattr(entry.check, what) for entry in entries]
    return {verdict: found.count(verdict) for verdict in sorted(set(found))}
