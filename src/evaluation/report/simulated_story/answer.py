"""The first screen: that nothing can be told, and why."""

from __future__ import annotations

from typing import Any

import pandas as pd

from evaluation.analysis.simulated import Detectable, SimulatedCase, check_claims
from evaluation.report import figures
from evaluation.report.display import Answer, Figure
from evaluation.report.languages import in_languages
from evaluation.report.simulated_story.wording import bounds, join, percent, say, size, source_line


def leading_row(case: SimulatedCase, estimates: pd.DataFrame, method: str | None = None) -> dict[str, Any]:
    """The estimate that leads: first outcome, first comparison, first method."""
    lead = estimates[
        (estimates["outcome"] == case.study.lead.id)
        & (estimates["comparison"] == case.study.comparisons[0].id)
    ]
    if method is not None:
        lead = lead[lead["method"] == method]
    return {str(key): value for key, value in lead.iloc[0].items()}


@in_languages
def answer(case: SimulatedCase, estimates: pd.DataFrame, power: Detectable, language: str) -> Answer:
    """One sentence, the verdicts, and what could be seen if there were data."""
    check = check_claims(case)[0]
    row = leading_row(case, estimates)
    shown = power.smallest[power.smallest["count"].between(20, 200)]
    detail = say(
        "answer.detail",
        language,
        units=power.units,
        months=power.months,
        low=f"{shown['count'].iloc[0]:g}",
        high=f"{shown['count'].iloc[-1]:g}",
        most=percent(shown["smallest"].iloc[-1], language, sign=False),
        least=percent(shown["smallest"].iloc[0], language, sign=False),
        truth=percent(row["truth"], language),
        found=percent(row["percent"], language, 1),
        interval=say(
            "answer.interval",
            language,
            bounds=bounds(row["percent_low"], row["percent_high"], language, 1),
        ),
    )
    return Answer(
        sentence=_sentence(case, language),
        verdicts=[
            (say("answer.reproduced", language), check.reproduced),
            (say("answer.attributable", language), check.attributable),
        ],
        detail=detail,
        language=language,
    )


def _sentence(case: SimulatedCase, language: str) -> str:
    claimed = size(case.study.claims[0].value, language)
    return say("answer.main", language, place=case.name(case.treated, language), claimed=claimed)


@in_languages
def three_numbers(case: SimulatedCase, estimates: pd.DataFrame, language: str) -> Figure:
    """Claimed; nothing in data; and what the simulated record gives, truth and estimate."""
    row, raw = leading_row(case, estimates), leading_row(case, estimates, "plain_change")
    claimed, data = case.study.claims[0].value, case.study.data
    rows = [
        figures.Number(say("numbers.claimed", language), claimed, role="reference"),
        figures.Number(say("numbers.data", language), None),
        figures.Number(say("numbers.left", language), None),
        figures.Number(say("numbers.truth", language), row["truth"], role="simulated"),
        figures.Number(say("numbers.raw", language), raw["percent"], role="simulated"),
        figures.Number(
            say("numbers.found", language),
            row["percent"],
            row["percent_low"],
            row["percent_high"],
            role="simulated",
        ),
    ]
    said = [
        say(
            "numbers.row",
            language,
            label=item.label,
            value=say("numbers.none", language) if item.value is None else percent(item.value, language, 1),
        )
        for item in rows
    ]
    return figures.three_numbers(
        rows,
        x_label=say(
            "numbers.axis",
            language,
            outcome=case.study.lead.label[language],
            before=data.before,
            after=data.after,
        ),
        title=say("numbers.title", language, claimed=size(claimed, language)),
        source=source_line(case, language),
        alt=say("numbers.alt", language, rows=join(said, language)),
        language=language,
        name="three-numbers",
        simulated=True,
    )
