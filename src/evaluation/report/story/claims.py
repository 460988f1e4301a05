"""The study's claims with both verdicts."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evaluation.analysis import Case
from evaluation.claims import ClaimCheck
from evaluation.report.display import Table
from evaluation.report.language import NOT_A_NUMBER, interval, number, p_value, text
from evaluation.report.story.wording import say


def claims_table(case: Case, checks: Sequence[ClaimCheck], language: str) -> Table:
    """Each claim beside what independent data give and what is left after the comparison."""
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
        notes=[case.study.rule.text[language], *needs],
        simulated=case.simulated,
        language=language,
    )


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
