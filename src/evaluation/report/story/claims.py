"""The study's claims with both verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from evaluation.analysis import Case, ranks, year_table
from evaluation.claims import ClaimCheck, Test
from evaluation.report.display import Table
from evaluation.report.language import NOT_A_NUMBER, interval, number, p_value, text
from evaluation.report.languages import in_languages
from evaluation.report.story.answer import leading_check
from evaluation.report.story.wording import say


@in_languages
def claims_table(case: Case, checks: Sequence[ClaimCheck], language: str) -> Table | None:
    """Each claim beside independent data and what is left after the comparison; None without a claim."""
    if not checks:
        return None
    claims = {claim.id: claim for claim in case.study.claims}
    needs = [
        say("claims.needs", language, claim=claim.text[language], needs=claim.needs[language])
        for claim in case.study.claims
        if claim.needs is not None
    ]
    return Table(
        pd.DataFrame([_row(case, check, language) for check in checks if check.id in claims]),
        caption=say("claims.caption", language),
        name="claims",
        notes=[case.study.rule.text[language], *_rank_notes(case, language), *needs],
        simulated=case.simulated,
        language=language,
    )


def _rank_notes(case: Case, language: str) -> list[str]:
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
                say(
                    f"claims.rank_by_{claim.by}",
                    language,
                    outcome=outcome.label[language],
                    count=len(by["rate"]),
                    rate=int(by["rate"][case.treated]),
                    change=int(by["change"][case.treated]),
                )
            )
    return notes


@in_languages
def rule_table(case: Case, checks: Sequence[ClaimCheck], language: str) -> Table | None:
    """The tests that decide on the leading claim or change, one by one, as the rule asks for them.

    None where there is no test: simulated data decide nothing, and a level is no change.
    """
    check = leading_check(case, checks)
    if not check.tests:
        return None
    passed = sum(test.p_value <= case.study.rule.level for test in check.tests)
    return Table(
        pd.DataFrame([_test_row(case, test, language) for test in check.tests]),
        data=pd.DataFrame([asdict(test) for test in check.tests]).drop(columns="name"),
        caption=say(
            "rule.caption" if checks else "rule.caption_headline",
            language,
            passed=passed,
            count=len(check.tests),
        ),
        name="rule",
        notes=say("rule.note", language, group=case.label(case.study.rule.pool, language)),
        simulated=case.simulated,
        language=language,
    )


def _test_row(case: Case, test: Test, language: str) -> dict[str, str]:
    outcome, rule = case.study.outcome(test.outcome), case.study.rule
    log = test.scale == "log"
    unit = say("estimates.log_unit", language) if log else outcome.unit[language]
    digits = 2 if log else outcome.digits
    cells = {
        "test": say(
            "estimates.scale_unit",
            language,
            outcome=outcome.label[language],
            scale=say(f"estimates.{test.scale}", language),
            unit=unit,
        ),
        "estimate": say(
            "claims.bounds",
            language,
            estimate=number(test.estimate, language, digits, sign=True),
            interval=interval(test.ci_low, test.ci_high, language, digits),
        ),
        "p": p_value(test.p_value, language),
        "met": say(
            "rule.yes" if test.p_value <= rule.level else "rule.no", language, level=f"{rule.level:g}"
        ),
    }
    return {say(f"rule.{key}", language): cell for key, cell in cells.items()}


def _row(case: Case, check: ClaimCheck, language: str) -> dict[str, str]:
    claim = next(claim for claim in case.study.claims if claim.id == check.id)
    digits = case.study.outcome(claim.outcome).digits if claim.outcome else 0
    found_digits = 0 if claim.kind == "rank" else digits
    beyond = p = NOT_A_NUMBER
    if check.tests:
        first = check.tests[0]
        beyond = say(
            "claims.bounds",
            language,
            estimate=number(first.estimate, language, digits, sign=True),
            interval=interval(first.ci_low, first.ci_high, language, digits),
        )
        p = p_value(max(test.p_value for test in check.tests), language)
    cells = {
        "claim": claim.text[language],
        "found": number(check.found, language, found_digits, sign=claim.kind == "change"),
        "reproduced": text(f"verdict_{check.reproduced}", language),
        "beyond": beyond,
        "p": p,
        "attributable": text(f"verdict_{check.attributable}", language),
    }
    return {say(f"claims.{key}", language): cell for key, cell in cells.items()}
