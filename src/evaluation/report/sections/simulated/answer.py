"""The first screen: that nothing can be told, and why."""

from __future__ import annotations

from typing import Any

import pandas as pd

from evaluation.analysis.simulated import Detectable, SimulatedCase, check_claims
from evaluation.report import figures
from evaluation.report.display import Answer, Figure
from evaluation.report.sections.simulated.wording import bounds, join, percent, said, size, source_line
from evaluation.report.text import Text


def leading_row(case: SimulatedCase, estimates: pd.DataFrame, method: str | None = None) -> dict[str, Any]:
    """The estimate that leads: first outcome, first comparison, first method."""
    lead = estimates[
        (estimates["outcome"] == case.study.lead.id)
        & (estimates["comparison"] == case.study.comparisons[0].id)
    ]
    if method is not None:
        lead = lead[lead["method"] == method]
    return {str(key): value for key, value in lead.iloc[0].items()}


@said
def answer(case: SimulatedCase, estimates: pd.DataFrame, power: Detectable, *, text: Text) -> Answer:
    """One sentence, the verdicts, and what could be seen if there were data."""
    check = check_claims(case)[0]
    row = leading_row(case, estimates)
    shown = power.smallest[power.smallest["count"].between(20, 200)]
    detail = text(
        "answer.detail",
        units=power.units,
        months=power.months,
        low=f"{shown['count'].iloc[0]:g}",
        high=f"{shown['count'].iloc[-1]:g}",
        most=percent(shown["smallest"].iloc[-1], text, sign=False),
        least=percent(shown["smallest"].iloc[0], text, sign=False),
        truth=percent(row["truth"], text),
        found=percent(row["percent"], text, 1),
        interval=text(
            "answer.interval",
            bounds=bounds(row["percent_low"], row["percent_high"], text, 1),
        ),
    )
    return Answer(
        sentence=_sentence(case, text),
        verdicts=[
            (text("answer.reproduced"), check.reproduced),
            (text("answer.attributable"), check.attributable),
        ],
        detail=detail,
        language=text.language,
    )


def _sentence(case: SimulatedCase, text: Text) -> str:
    claimed = size(case.study.claims[0].value, text)
    return text("answer.main", place=case.name(case.treated, text.language), claimed=claimed)


@said
def three_numbers(case: SimulatedCase, estimates: pd.DataFrame, *, text: Text) -> Figure:
    """Claimed; nothing in data; and what the simulated record gives, truth and estimate."""
    row, raw = leading_row(case, estimates), leading_row(case, estimates, "plain_change")
    claimed, data = case.study.claims[0].value, case.study.data
    rows = [
        figures.Number(text("numbers.claimed"), claimed, role="reference"),
        figures.Number(text("numbers.data"), None),
        figures.Number(text("numbers.left"), None),
        figures.Number(text("numbers.truth"), row["truth"], role="simulated"),
        figures.Number(text("numbers.raw"), raw["percent"], role="simulated"),
        figures.Number(
            text("numbers.found"),
            row["percent"],
            row["percent_low"],
            row["percent_high"],
            role="simulated",
        ),
    ]
    said = [
        text(
            "numbers.row",
            label=item.label,
            value=text("numbers.none") if item.value is None else percent(item.value, text, 1),
        )
        for item in rows
    ]
    return figures.three_numbers(
        rows,
        x_label=text(
            "numbers.axis",
            outcome=case.study.lead.label[text.language],
            before=data.before,
            after=data.after,
        ),
        title=text("numbers.title", claimed=size(claimed, text)),
        source=source_line(case, text),
        alt=text("numbers.alt", rows=join(said, text)),
        language=text.language,
        name="three-numbers",
        simulated=True,
    )
