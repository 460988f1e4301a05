"""What could be wrong, and what would settle it."""

from __future__ import annotations

from collections.abc import Iterable

from evaluation.analysis.staggered import Findings, StaggeredCase, detectable
from evaluation.report.display import Prose
from evaluation.report.language import number
from evaluation.report.sections.base import group, in_unit, label_of, said, unit_of
from evaluation.report.text import Text
from evaluation.study import Threat


@said
def threats(case: StaggeredCase, *, text: Text) -> Prose | None:
    """Threats to validity in plain words, each with which way it would bias; None where none is named."""
    lines = threat_items(case.study.threats, text)
    if not lines:
        return None
    return Prose("\n\n".join([text("limits.heading"), text("limits.threats", count=len(lines)), *lines]))


@said
def settle(case: StaggeredCase, found: Findings, *, text: Text) -> Prose | None:
    """The smallest effects that this design can show, and data that would decide; None without either."""
    level = f"{100 * case.study.rule.level:g}%"
    beside = group(case, case.main, text, *case.study.outcomes)
    items, kinds = [], set()
    without = found.estimates[found.estimates["leading"]].set_index("outcome")["no_interval"]
    for row in detectable(case, found.estimates).to_dict("records"):
        outcome = case.study.outcome(row["outcome"])
        told: dict[str, str] = {"outcome": label_of(outcome, text)}
        # by randomisation no size is computed; with too few assignments no effect can be found
        told["kind"] = "never" if without[outcome.id] == "few_assignments" else "unknown"
        if row["size"] == row["size"] and outcome.in_percent:
            told["kind"] = "percent"
            told |= {name: f"{number(abs(row[name]), text.language, 0)}%" for name in ("fall", "rise")}
        elif row["size"] == row["size"]:
            shown = number(row["size"], text.language)
            told |= {"kind": "unit", "size": in_unit(shown, unit_of(outcome, text), text)}
        items.append(f"- {text('limits.detectable', **told)}")
        kinds.add(told["kind"])
    lines = []
    if text.given["own"] or kinds - {"unknown"}:
        lines += ["", f"**{text('limits.size')}**", "", text("limits.lead", level=level, group=beside), ""]
        lines += items
    if case.study.settle:
        lines += ["", f"**{text('limits.data')}**", ""]
        lines += [f"- {item[text.language]}" for item in case.study.settle]
    return Prose("\n".join([text("limits.settle_heading"), *lines])) if lines else None


def threat_items(threats: Iterable[Threat], text: Text) -> list[str]:
    """Threats to validity as items of a list, each with which way it would mislead; for pages of any kind."""
    return [
        text(
            "limits.threat",
            title=item.title[text.language],
            text=item.text[text.language],
            direction=item.direction[text.language],
        )
        for item in threats
    ]
