"""The study's claims with both verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from evaluation.analysis import ranks, year_table
from evaluation.analysis.staggered import StaggeredCase
from evaluation.claims import ClaimCheck, Test
from evaluation.report import language as words
from evaluation.report.display import Table
from evaluation.report.language import NOT_A_NUMBER, interval, number, p_value
from evaluation.report.sections.one_place.answer import leading_check
from evaluation.report.sections.one_place.wording import said
from evaluation.report.text import Text


@said
def claims_table(case: StaggeredCase, checks: Sequence[ClaimCheck], *, text: Text) -> Table | None:
    """Each claim beside independent data and what is left after the comparison; None without a claim."""
    if not checks:
        return None
    claims = {claim.id: claim for claim in case.study.claims}
    needs = [
        text("claims.needs", claim=claim.text[text.language], needs=claim.needs[text.language])
        for claim in case.study.claims
        if claim.needs is not None
    ]
    return Table(
        pd.DataFrame([_row(case, check, text) for check in checks if check.id in claims]),
        caption=text("claims.caption"),
        name="claims",
        notes=[case.study.rule.text[text.language], *_rank_notes(case, text), *needs],
        simulated=case.simulated,
        language=text.language,
    )


def _rank_notes(case: StaggeredCase, text: Text) -> list[str]:
    """Where the treated place stands by rate and by change: the claims on ranks turn on measure and scale."""
    study, notes, seen = case.study, [], set()
    for claim in study.claims:
        if claim.kind != "rank" or claim.outcome is None or claim.pool is None or claim.baseline is None:
            continue
        names = study.rule.outcomes if claim.outcome in study.rule.outcomes else (claim.outcome,)
        for name in names:
            if name in seen or claim.year is None:
                continue
            seen.add(name)
            outcome = study.outcome(name)
            values = year_table(case, name)
            by = {
                way: ranks(case, values, claim.baseline, claim.year, claim.pool, way)["rank"]
                for way in ("rate", "change")
            }
            notes.append(
                text(
                    f"claims.rank_by_{claim.by}",
                    outcome=outcome.label[text.language],
                    count=len(by["rate"]),
                    rate=int(by["rate"][case.treated_unit]),
                    change=int(by["change"][case.treated_unit]),
                )
            )
    return notes


@said
def rule_table(case: StaggeredCase, checks: Sequence[ClaimCheck], *, text: Text) -> Table | None:
    """The tests that decide on the leading claim or change, one by one, as the rule asks for them.

    None where there is no test: simulated data decide nothing, and a level is no change.
    """
    check = leading_check(case, checks)
    if not check.tests:
        return None
    passed = sum(test.p_value <= case.study.rule.level for test in check.tests)
    return Table(
        pd.DataFrame([_test_row(case, test, text) for test in check.tests]),
        data=pd.DataFrame([asdict(test) for test in check.tests]).drop(columns="name"),
        caption=text(
            "rule.caption" if checks else "rule.caption_headline",
            passed=passed,
            count=len(check.tests),
        ),
        name="rule",
        notes=text("rule.note", group=case.label(case.study.rule.pool, text.language)),
        simulated=case.simulated,
        language=text.language,
    )


def _test_row(case: StaggeredCase, test: Test, text: Text) -> dict[str, str]:
    outcome, rule = case.study.outcome(test.outcome), case.study.rule
    log = test.scale == "log"
    unit = text("estimates.log_unit") if log else outcome.unit[text.language]
    digits = 2 if log else outcome.digits
    cells = {
        "test": text(
            "estimates.scale_unit",
            outcome=outcome.label[text.language],
            scale=text(f"estimates.{test.scale}"),
            unit=unit,
        ),
        "estimate": text(
            "claims.bounds",
            estimate=number(test.estimate, text.language, digits, sign=True),
            interval=interval(test.ci_low, test.ci_high, text.language, digits),
        ),
        "p": p_value(test.p_value, text.language),
        "met": text("rule.yes" if test.p_value <= rule.level else "rule.no", level=f"{rule.level:g}"),
    }
    return {text(f"rule.{key}"): cell for key, cell in cells.items()}


def _row(case: StaggeredCase, check: ClaimCheck, text: Text) -> dict[str, str]:
    claim = next(claim for claim in case.study.claims if claim.id == check.id)
    digits = case.study.outcome(claim.outcome).digits if claim.outcome else 0
    found_digits = 0 if claim.kind == "rank" else digits
    beyond = p = NOT_A_NUMBER
    if check.tests:
        first = check.tests[0]
        beyond = text(
            "claims.bounds",
            estimate=number(first.estimate, text.language, digits, sign=True),
            interval=interval(first.ci_low, first.ci_high, text.language, digits),
        )
        p = p_value(max(test.p_value for test in check.tests), text.language)
    cells = {
        "claim": claim.text[text.language],
        "found": number(check.found, text.language, found_digits, sign=claim.kind == "change"),
        "reproduced": words.text(f"verdict_{check.reproduced}", text.language),
        "beyond": beyond,
        "p": p,
        "attributable": words.text(f"verdict_{check.attributable}", text.language),
    }
    return {text(f"claims.{key}"): cell for key, cell in cells.items()}
