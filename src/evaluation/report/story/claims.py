"""The study's claims with both verdicts."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evaluation.analysis import Case
from evaluation.claims import ClaimCheck
from evaluation.report.display import Table
from evaluation.report.language import interval, number, p_value, text


def claims_table(case: Case, checks: Sequence[ClaimCheck], language: str) -> Table:
    """Each claim beside what independent data give and what is left after the comparison."""
    zh = language == "zh"
    claims = {claim.id: claim for claim in case.study.claims}
    rows = []
    for check in checks:
        claim = claims[check.id]
        digits = case.study.outcome(claim.outcome).digits if claim.outcome else 0
        first = check.tests[0] if check.tests else None
        bounds = ""
        if first is not None:
            bounds = number(first.estimate, language, digits, sign=True)
            bounds += f"（{interval(first.ci_low, first.ci_high, language, digits)}）" if zh else f" ({interval(first.ci_low, first.ci_high, language, digits)})"
        rows.append(
            {
                ("官方说法" if zh else "Claim"): claim.text[language],
                ("独立数据" if zh else "Independent data"): number(check.found, language, 0 if claim.kind == "rank" else digits, sign=claim.kind == "change"),
                ("能否得到" if zh else "Reproduced?"): text(f"verdict_{check.reproduced}", language),
                ("比全国对照多（95%区间）" if zh else "Beyond the nationwide pool (95% interval)"): bounds or "–",
                ("安慰剂p" if zh else "Placebo p"): "；".join(p_value(t.p_value, language) for t in check.tests) if zh else "; ".join(p_value(t.p_value, language) for t in check.tests) or "–",
                ("是否超出对照" if zh else "Beyond comparison?"): text(f"verdict_{check.attributable}", language),
            }
        )
    reasons = [
        f"{claims[check.id].text[language]}{'：' if zh else ': '}{claims[check.id].needs[language]}"  # type: ignore[index]
        for check in checks
        if claims[check.id].needs is not None
    ]
    return Table(
        pd.DataFrame(rows),
        caption="官方的每一项说法，独立数据怎么看" if zh else "What independent data say of each claim",
        name="claims",
        notes=[case.study.rule.text[language], *reasons],
        simulated=case.simulated,
        language=language,
    )
