"""Phrases that several parts of a page on one place share."""

from __future__ import annotations

from evaluation.analysis import Headline
from evaluation.analysis.staggered import StaggeredCase
from evaluation.report.language import interval, number, with_unit
from evaluation.report.languages import spoken
from evaluation.report.text import Text
from evaluation.study.staggered import Outcome

said = spoken("one_place")
"""For sections of pages on one place."""


def place(case: StaggeredCase, text: Text) -> str:
    """The treated place by name."""
    return case.name(case.treated_unit, text.language)


def amount(
    value: float, outcome: Outcome, text: Text, *, sign: bool = False, digits: int | None = None
) -> str:
    """A value with its unit and as many digits as the outcome is given."""
    digits = outcome.digits if digits is None else digits
    return with_unit(
        number(value, text.language, digits, sign=sign), outcome.unit[text.language], text.language
    )


def verb(value: float, text: Text) -> str:
    """The verb for a change."""
    return text("verb.rose" if value >= 0 else "verb.fell")


def change_sentence(case: StaggeredCase, head: Headline, pool: str, text: Text) -> str:
    """What happened to the treated place and, in the same years, to a pool; no full stop."""
    outcome = head.years.outcome
    return text(
        "change.sentence",
        before=head.before,
        after=head.after,
        place=place(case, text),
        outcome=outcome.phrase[text.language],
        verb=verb(head.change, text),
        own=amount(abs(head.change), outcome, text),
        group=case.label(pool, text.language),
        other_verb=verb(head.others_change[pool], text),
        other=amount(abs(head.others_change[pool]), outcome, text),
    )


def unusual(head: Headline, pool: str) -> tuple[int, int]:
    """How many of the other places strayed from the average at least as far, and how many there are."""
    test = head.tests[pool]
    assert test.n_as_extreme is not None  # `change_test` refuses values that are not finite
    return test.n_as_extreme, test.n_assignments - 1


def bounds(low: float, high: float, outcome: Outcome, text: Text) -> str:
    """An interval with its unit."""
    return with_unit(
        interval(low, high, text.language, outcome.digits), outcome.unit[text.language], text.language
    )


def level_in_words(level: float) -> str:
    """A level of confidence as a whole percentage, rounded down: 0.9412 is 94%."""
    return f"{int(100 * level + 1e-9)}%"
