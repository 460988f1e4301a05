"""The first screen: the answer in one sentence, and the numbers it rests on."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation import analysis
from evaluation.analysis import Headline, leading_claim
from evaluation.analysis.staggered import StaggeredCase
from evaluation.claims import ClaimCheck
from evaluation.report import figures
from evaluation.report.display import Answer, Figure
from evaluation.report.language import interval, number
from evaluation.report.sections.base import source_line
from evaluation.report.sections.one_place.wording import (
    amount,
    bounds,
    change_sentence,
    level_in_words,
    place,
    said,
    unusual,
)
from evaluation.report.text import Text
from evaluation.study.staggered import Outcome


@said
def answer(case: StaggeredCase, head: Headline, checks: Sequence[ClaimCheck], *, text: Text) -> Answer:
    """One sentence that answers the question, with the verdicts on the leading claim.

    Without a claim it is the rule's word on the headline's change, and no figure is checked.

    Parameters
    ----------
    case : StaggeredCase
    head : Headline
    checks : sequence of ClaimCheck
    """
    check = leading_check(case, checks)
    near, decisive = case.study.comparisons[0].id, case.study.rule.pool
    as_far, others = unusual(head, near)
    verdict = check.attributable
    form = {"not_testable": "untested", "not_distinguishable": "tested"}.get(verdict, "clear")
    sentence = text(
        f"answer.{form}",
        story=change_sentence(case, head, near, text),
        gap=amount(abs(head.difference(near)), head.years.outcome, text),
        as_far=as_far,
        others=others,
        verdict=text(f"answer.{verdict}", place=place(case, text)),
    )
    return Answer(
        sentence=sentence,
        verdicts=[
            *([(text("answer.reproduced"), check.reproduced)] if checks else []),
            (text("answer.attributable"), check.attributable),
        ],
        detail=_detail(case, head, decisive, text),
        language=text.language,
    )


def _detail(case: StaggeredCase, head: Headline, pool: str, text: Text) -> str:
    outcome = head.years.outcome
    low, high, absent = head.tests[pool].interval()
    within = (
        text("answer.no_interval")
        if absent
        else text("answer.interval", bounds=bounds(low, high, outcome, text))
    )
    return text(
        "answer.detail",
        group=case.label(pool, text.language),
        gap=amount(head.difference(pool), outcome, text, sign=True),
        interval=within,
        as_far=unusual(head, pool)[0],
    )


def leading_check(case: StaggeredCase, checks: Sequence[ClaimCheck]) -> ClaimCheck:
    """The check of the claim that the headline is about; without a claim, of the headline's change."""
    leading = leading_claim(case).id
    return next((check for check in checks if check.id == leading), None) or analysis.leading_check(case)


@said
def three_numbers(case: StaggeredCase, head: Headline, checks: Sequence[ClaimCheck], *, text: Text) -> Figure:
    """Claimed, found, and left after the comparison, on one scale; what is claimed only if it is on it."""
    claim, outcome = leading_claim(case), head.years.outcome
    claimed = claim.kind == "change" and claim.outcome == outcome.id and bool(checks)
    rows = [
        *([figures.Number(text("numbers.claimed"), claim.value, role="reference")] if claimed else []),
        figures.Number(text("numbers.found" if checks else "numbers.change"), head.change),
        *(_beyond(case, head, pool.id, text) for pool in case.study.comparisons),
    ]
    years = {"before": head.before, "after": head.after}
    separator = text("claims.separator")
    return figures.three_numbers(
        rows,
        x_label=text("numbers.axis", unit=outcome.unit[text.language], **years),
        title=text(
            "numbers.title" if claimed else "numbers.title_found",
            claimed=amount(claim.value if claimed else head.change, outcome, text, sign=True),
            extra=amount(head.difference(case.study.comparisons[0].id), outcome, text, sign=True),
        ),
        source=source_line(case, text),
        alt=text(
            "numbers.alt",
            outcome=outcome.phrase[text.language],
            rows=separator.join(_row(row, outcome, text) for row in rows),
            **years,
        ),
        language=text.language,
        name="three-numbers",
        simulated=case.simulated,
    )


def _beyond(case: StaggeredCase, head: Headline, pool: str, text: Text) -> figures.Number:
    """The difference with its 95 % interval, or with the widest that so few places can give."""
    test, level = head.tests[pool], 0.95
    low, high, absent = test.interval(level)
    if absent:
        level = test.widest_level
        low, high, absent = test.interval(level)
    label = text(
        "numbers.beyond",
        group=case.label(pool, text.language),
        level=level_in_words(level),
    )
    return figures.Number(label, test.estimate, None if absent else low, None if absent else high)


def _row(row: figures.Number, outcome: Outcome, text: Text) -> str:
    value = number(row.value, text.language, outcome.digits, sign=True)
    if row.low is None or row.high is None:
        return text("numbers.row", label=row.label, value=value)
    within = interval(row.low, row.high, text.language, outcome.digits)
    return text("numbers.row_interval", label=row.label, value=value, bounds=within)
