"""How fragile: other comparisons and dates, the checks, the decomposition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from evaluation.analysis.staggered import Findings, StaggeredCase, rate_of_count
from evaluation.diagnostics import Diagnostic
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.language import number
from evaluation.report.sections.base import (
    Effect,
    group,
    in_words,
    label_of,
    named,
    rate_unit,
    said,
    source_line,
    unit_of,
)
from evaluation.report.sections.event_study import circular
from evaluation.report.text import Text
from evaluation.study.staggered import Outcome


def several(case: StaggeredCase) -> bool:
    """Whether there is more than one comparison or set of dates."""
    return len(case.study.comparisons) + len(case.study.alternatives) > 1


@said
def robustness_lead(case: StaggeredCase, *, text: Text) -> Prose:
    """What the section asks, under its heading."""
    return Prose(f"{text('robustness.heading')}\n\n{text('robustness.lead', several=several(case))}")


@said
def comparisons_figure(case: StaggeredCase, found: Findings, *, text: Text) -> Figure | None:
    """The leading outcome against every comparison and by every set of dates; None where there is one."""
    outcome = case.lead
    if not several(case):
        return None
    rows, said_of, effects = [], [], []
    table = found.against[found.against["outcome"] == outcome.id]
    for row in table[table["estimate"].notna()].to_dict("records"):
        effect = Effect.of(outcome, row)
        effects.append(effect)
        label = _label(case, row["comparison"], row["dates"], text)
        main = row["comparison"] == case.main.id and not row["dates"]
        rows.append(
            {
                "label": label,
                "estimate": effect.value,
                "ci_low": effect.low,
                "ci_high": effect.high,
                "text": effect.cell(text),
                "note": text("robustness.p", p=row["p_value"]),
                "role": "treated" if main else "comparison",
            }
        )
        amounts = {"value": effect.amount(text), "bounds": effect.bounds(text)}
        said_of.append(text("robustness.comparisons_alt_row", label=label, p=row["p_value"], **amounts))
    label = label_of(outcome, text)
    return figures.forest(
        pd.DataFrame(rows),
        x_label=text("robustness.axis", unit=unit_of(outcome, text)),
        title=text(
            "robustness.comparisons",
            outcome=label,
            low=min(effects, key=lambda e: e.value).amount(text),
            high=max(effects, key=lambda e: e.value).amount(text),
            dated=bool(case.study.alternatives),
        ),
        source=source_line(case, text),
        alt=text("robustness.comparisons_alt", outcome=label, rows=text.listed(said_of, short=False)),
        language=text.language,
        name="comparisons",
        simulated=case.simulated,
    )


def _label(case: StaggeredCase, comparison: str, dates: str, text: Text, *outcomes: Outcome) -> str:
    label = group(case, case.study.comparison(comparison), text, *outcomes, dates=dates or None)
    if not dates:
        return label
    other = next(item for item in case.study.alternatives if item.id == dates)
    return text("robustness.dates", group=label, label=other.label[text.language])


@said
def comparisons_table(case: StaggeredCase, found: Findings, *, text: Text) -> Table | None:
    """Every outcome against every comparison and by every set of dates; None where there is one."""
    if not several(case):
        return None
    lines, same = [], 0
    for outcome in case.study.outcomes:
        mine = found.against[found.against["outcome"] == outcome.id]
        line = {text("robustness.outcome"): named(case, outcome, text)}
        for row in mine.to_dict("records"):
            heading = _label(case, row["comparison"], row["dates"], text, *case.study.outcomes)
            shown = number(None, text.language)
            if np.isfinite(row["estimate"]):
                cell = Effect.of(outcome, row).cell(text)
                shown = text("robustness.comparisons_cell", cell=cell, p=row["p_value"])
            line[heading] = shown
        same += mine["estimate"].dropna().gt(0).nunique() == 1
        lines.append(line)
    labelled = [(group(case, one, text, *case.study.outcomes), one.why) for one in case.study.comparisons]
    labelled += [(one.label[text.language], one.why) for one in case.study.alternatives]
    notes = [text("words.labelled", label=label, why=why[text.language]) for label, why in labelled if why]
    return Table(
        pd.DataFrame(lines),
        data=found.against,
        caption=text("robustness.comparisons_table", same=same, count=len(lines)),
        name="comparisons-table",
        notes=[*notes, text("robustness.chosen", fixed_on=case.study.rule.fixed_on)],
        simulated=case.simulated,
        language=text.language,
    )


@said
def checks_lead(case: StaggeredCase, checks: Mapping[str, Diagnostic], *, text: Text) -> Prose | None:
    """The heading of the checks; None where the design allows none."""
    return Prose(text("robustness.checks_heading")) if checks else None


@said
def checks_table(
    case: StaggeredCase, checks: Mapping[str, Diagnostic], found: Findings | None = None, *, text: Text
) -> Table | None:
    """Each check as a question with its answer; None where the design allows none."""
    if not checks:
        return None
    outcome = case.lead
    linear = {"count": "rate", "log": "logarithm"}.get(outcome.model, "level")
    if linear == "rate" and case.study.data.exposure is None:
        linear = "level"
    unit = text("robustness.log_points") if outcome.in_percent else unit_of(outcome, text)
    if rate_of_count(outcome, case.leading(outcome)):
        unit = text("robustness.rate_and_log", rate=rate_unit(case, outcome, text))
    drift = found is None or any(np.isfinite(path.drift) for path in found.paths.values())
    rows = [
        {
            text("robustness.question"): _question(key, check, drift, text),
            text("robustness.answer"): in_words(check.text[text.language], text),
            text("robustness.verdict"): text(f"robustness.{check.verdict}"),
        }
        for key, check in checks.items()
    ]
    verdicts = [check.verdict for check in checks.values()]
    note = text(
        "robustness.checks_note",
        outcome=outcome.phrase[text.language],
        group=group(case, case.main, text),
        unit=unit,
        linear=text(f"robustness.{linear}"),
        regression=text.given["own"] or {"bacon", "negative_weights"} <= set(checks),
    )
    return Table(
        pd.DataFrame(rows),
        caption=text(
            "robustness.checks",
            count=len(rows),
            against=verdicts.count("evidence_against"),
            silent=verdicts.count("not_informative"),
        ),
        name="checks",
        notes=[note, *circular(case, text)],
        simulated=case.simulated,
        language=text.language,
    )


def _question(key: str, check: Diagnostic, drift: bool, text: Text) -> str:
    question = in_words(check.question[text.language], text)
    if key not in ("pretrends", "relative_magnitudes", "smoothness"):
        return question
    return text("robustness.restricted", question=question, key=key, drift=drift)


_KINDS = {
    "treated vs never treated": "treated_never",
    "earlier vs later treated": "earlier_later",
    "later vs earlier treated": "later_earlier",
    "treated vs always treated": "treated_always",
}


@said
def bacon_table(case: StaggeredCase, checks: Mapping[str, Diagnostic], *, text: Text) -> Table | None:
    """The simple regression taken apart by the kind of comparison; None where there is nothing to part."""
    if "bacon" not in checks:
        return None
    check = checks["bacon"]
    parts = check.details["by_kind"]
    if len(parts) < 2:
        return None
    digits = 2 if abs(check.details["estimate"]) > 1 else 4
    kinds = [*(text(f"robustness.{_KINDS[kind]}") for kind in parts["kind"]), text("robustness.all")]
    weights = [*parts["weight"], float(parts["weight"].sum())]
    estimates = [*parts["estimate"], check.details["estimate"]]
    frame = pd.DataFrame(
        {
            text("robustness.kind"): kinds,
            text("robustness.weight"): [number(w, text.language, 4) for w in weights],
            text("robustness.estimate"): [number(e, text.language, digits, sign=True) for e in estimates],
        }
    )
    unit = rate_unit(case, case.lead, text)
    if case.lead.model == "log":
        unit = text("robustness.log_points")
    return Table(
        frame,
        data=check.table,
        caption=text("robustness.bacon", share=check.statistic),
        name="bacon",
        notes=text("robustness.bacon_note", unit=unit),
        simulated=case.simulated,
        language=text.language,
    )
