"""The first screen: the answer in one sentence, and the numbers it rests on."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation import analysis
from evaluation.analysis import Case, Headline, leading_claim
from evaluation.claims import ClaimCheck
from evaluation.report import figures
from evaluation.report.display import Answer, Figure
from evaluation.report.language import interval, number
from evaluation.report.languages import in_languages
from evaluation.report.story.wording import (
    amount,
    bounds,
    change_sentence,
    level_in_words,
    place,
    say,
    source_line,
    unusual,
)
from evaluation.study import Outcome


@in_languages
def answer(case: Case, head: Headline, checks: Sequence[ClaimCheck], language: str) -> Answer:
    """One sentence that answers the question, with the verdicts on the leading claim.

    Without a claim it is the rule's word on the headline's change, and no figure is checked.

    Parameters
    ----------
    case : Case
    head : Headline
    checks : sequence of ClaimCheck
    language : {"en", "zh"}
    """
    check = leading_check(case, checks)
    near, decisive = case.study.pools[0].id, case.study.rule.pool
    as_far, others = unusual(head, near)
    verdict = check.attributable
    form = {"not_testable": "untested", "not_distinguishable": "tested"}.get(verdict, "clear")
    sentence = say(
        f"answer.{form}",
        language,
        story=change_sentence(case, head, near, language),
        gap=amount(abs(head.difference(near)), head.years.outcome, language),
        as_far=as_far,
        others=others,
        verdict=say(f"answer.{verdict}", language, place=place(case, language)),
    )
    return Answer(
        sentence=sentence,
        verdicts=[
            *([(say("answer.reproduced", language), check.reproduced)] if checks else []),
            (say("answer.attributable", language), check.attributable),
        ],
        detail=_detail(case, head, decisive, language),
        language=language,
    )


def _detail(case: Case, head: Headline, pool: str, language: str) -> str:
    outcome = head.years.outcome
    low, high, absent = head.tests[pool].interval()
    within = (
        say("answer.no_interval", language)
        if absent
        else say("answer.interval", language, bounds=bounds(low, high, outcome, language))
    )
    return say(
        "answer.detail",
        language,
        group=case.label(pool, language),
        gap=amount(head.difference(pool), outcome, language, sign=True),
        interval=within,
        as_far=unusual(head, pool)[0],
    )


def leading_check(case: Case, checks: Sequence[ClaimCheck]) -> ClaimCheck:
    """The check of the claim that the headline is about; without a claim, of the headline's change."""
    leading = leading_claim(case.study).id
    return next((check for check in checks if check.id == leading), None) or analysis.leading_check(case)


@in_languages
def three_numbers(case: Case, head: Headline, checks: Sequence[ClaimCheck], language: str) -> Figure:
    """Claimed, found, and left after the comparison, on one scale; what is claimed only if it is on it."""
    claim, outcome = leading_claim(case.study), head.years.outcome
    claimed = claim.kind == "change" and claim.outcome == outcome.id and bool(checks)
    rows = [
        *(
            [figures.Number(say("numbers.claimed", language), claim.value, role="reference")]
            if claimed
            else []
        ),
        figures.Number(say("numbers.found" if checks else "numbers.change", language), head.change),
        *(_beyond(case, head, pool.id, language) for pool in case.study.pools),
    ]
    years = {"before": head.before, "after": head.after}
    separator = say("claims.separator", language)
    return figures.three_numbers(
        rows,
        x_label=say("numbers.axis", language, unit=outcome.unit[language], **years),
        title=say(
            "numbers.title" if claimed else "numbers.title_found",
            language,
            claimed=amount(claim.value if claimed else head.change, outcome, language, sign=True),
            extra=amount(head.difference(case.study.pools[0].id), outcome, language, sign=True),
        ),
        source=source_line(case, language),
        alt=say(
            "numbers.alt",
            language,
            outcome=outcome.phrase[language],
            rows=separator.join(_row(row, outcome, language) for row in rows),
            **years,
        ),
        language=language,
        name="three-numbers",
        simulated=case.simulated,
    )


def _beyond(case: Case, head: Headline, pool: str, language: str) -> figures.Number:
    """The difference with its 95 % interval, or with the widest that so few places can give."""
    test, level = head.tests[pool], 0.95
    low, high, absent = test.interval(level)
    if absent:
        level = test.widest_level
        low, high, absent = test.interval(level)
    label = say(
        "numbers.beyond",
        language,
        group=case.label(pool, language),
        level=level_in_words(level),
    )
    return figures.Number(label, test.estimate, None if absent else low, None if absent else high)


def _row(row: figures.Number, outcome: Outcome, language: str) -> str:
    value = number(row.value, language, outcome.digits, sign=True)
    if row.low is None or row.high is None:
        return say("numbers.row", language, label=row.label, value=value)
    within = interval(row.low, row.high, language, outcome.digits)
    return say("numbers.row_interval", language, label=row.label, value=value, bounds=within)
