"""The simulated record, and what each method finds in it beside the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.disclosure import DisclosureMask
from evaluation.analysis.simulated import SimulatedCase, advice
from evaluation.analysis.simulated.estimates import FAILS, METHODS
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.language import NOT_A_NUMBER
from evaluation.report.sections.simulated.answer import leading_row
from evaluation.report.sections.simulated.wording import bounds, join, percent, said, source_line
from evaluation.report.text import Text
from evaluation.result import Result


@said
def years_figure(case: SimulatedCase, *, text: Text) -> Figure:
    """Yearly counts of every district, the year before the reform at 100."""
    data, outcome = case.study.data, case.study.lead
    table, others, mask = case.shared(outcome.id)
    index = 100 * table / table.loc[data.before]
    pooled = 100 * others / others.loc[data.before]
    near = str(case.table.loc[case.table["near"] != "", "unit"].iloc[0])
    ends = {
        "own": float(index[case.treated][data.after]),
        "theirs": float(pooled[data.after]),
        "near": float(index[near][data.after]),
    }
    moved = {
        name: text("years.moved", rose=value >= 100, size=percent(abs(value - 100), text, 0, sign=False))
        for name, value in ends.items()
    }
    return figures.series(
        index,
        treated=case.treated,
        y_label=text("years.axis", outcome=outcome.label[text.language], before=data.before),
        title=text(
            "years.title",
            place=case.name(case.treated, text.language),
            before=data.before,
            after=data.after,
            count=len(index.columns) - 1,
            own=moved["own"],
            theirs=moved["theirs"],
        ),
        source=source_line(case, text) + (_withheld(mask, text) if mask.active else ""),
        alt=text(
            "years.alt",
            before=data.before,
            place=case.name(case.treated, text.language),
            neighbour=case.name(near, text.language),
            **{name: f"{value:.0f}" for name, value in ends.items()},
        ),
        language=text.language,
        name="years",
        simulated=True,
        labels={unit: case.name(unit, text.language) for unit in (case.treated, near)},
        highlight_mean=text("years.mean"),
        pooled=pooled,
    )


def _withheld(mask: DisclosureMask, text: Text) -> str:
    """Which counts are not shown, how many and by which rule."""
    assert mask.rule is not None
    rule = mask.rule
    rounded = text("years.rounded", rounding=rule.rounding) if rule.rounding > 1 else ""
    told = {"most": rule.minimum - 1, "small": mask.primary, "beside": mask.secondary}
    return text("years.withheld", **told) + rounded


def method(case: SimulatedCase, name: str, text: Text) -> str:
    """A method in words."""
    data = case.study.data
    return text(f"methods.{name}", before=data.before, after=data.after)


@said
def found_figure(case: SimulatedCase, estimates: pd.DataFrame, *, text: Text) -> Figure:
    """Every method for the leading outcome, the truth above them."""
    lead = leading_row(case, estimates)
    chosen = _main(case, estimates)
    chosen = chosen[chosen["outcome"] == case.study.lead.id]
    rows: list[dict[str, Any]] = [
        {
            "label": text("found.truth"),
            "estimate": lead["truth"],
            "ci_low": np.nan,
            "ci_high": np.nan,
            "role": "reference",
            "text": percent(lead["truth"], text),
            "note": "",
        }
    ]
    for row in chosen.to_dict("records"):
        note = text("found.wrong") if row["method"] in FAILS else ""
        if row["covered"] is None:
            note = text("found.no_interval")
        rows.append(
            {
                "label": method(case, row["method"], text),
                "estimate": row["percent"],
                "ci_low": row["percent_low"],
                "ci_high": row["percent_high"],
                "role": "comparison" if row["method"] in FAILS else "treated",
                "text": _cell(row, text),
                "note": note,
            }
        )
    said = [
        text("numbers.row", label=f"{row['label']} ", value=f"{row['text']} {row['note']}".strip())
        for row in rows
    ]
    return figures.forest(
        pd.DataFrame(rows),
        x_label=text("found.axis_plain", outcome=case.study.lead.label[text.language]),
        title=text(
            "found.title",
            truth=percent(lead["truth"], text),
            found=percent(lead["percent"], text, 1),
            interval=bounds(lead["percent_low"], lead["percent_high"], text, 1),
        ),
        source=source_line(case, text),
        alt=text("found.alt", rows=join(said, text)),
        language=text.language,
        name="found",
        simulated=True,
    )


@said
def truth_table(case: SimulatedCase, estimates: pd.DataFrame, *, text: Text) -> Table:
    """Every outcome and method beside the truth."""
    chosen = _main(case, estimates)
    holds = chosen[~chosen["method"].isin(FAILS) & chosen["covered"].notna()]
    shown = (chosen["outcome"] == case.study.lead.id) | chosen["method"].isin([*METHODS[:2], METHODS[-1]])
    rows = []
    for row in chosen[shown].to_dict("records"):
        cells = {
            "outcome": case.study.outcome(row["outcome"]).label[text.language],
            "method": method(case, row["method"], text),
            "true": percent(row["truth"], text, 1),
            "estimate": _cell(row, text),
            "covers": _covers(row, text),
        }
        rows.append({text(f"found.{key}"): cell for key, cell in cells.items()})
    return Table(
        pd.DataFrame(rows),
        data=estimates,
        caption=text(
            "found.caption",
            covered=int(holds["covered"].astype(bool).sum()),
            count=len(holds),
        ),
        name="truth",
        notes=text("found.note", group=case.label(case.study.comparisons[0], text.language)),
        simulated=True,
        language=text.language,
    )


@said
def moves_table(case: SimulatedCase, estimates: pd.DataFrame, *, text: Text) -> Table:
    """The leading estimate without and with the neighbour that crime moves to."""
    outcome = case.study.lead
    chosen = estimates[(estimates["outcome"] == outcome.id) & (estimates["method"] == METHODS[0])]
    labels = {item.id: case.label(item, text.language) for item in case.study.comparisons}
    near = str(case.table.loc[case.table["near"] != "", "unit"].iloc[0])
    frame = pd.DataFrame(
        {
            text("moves.comparison"): [labels[name] for name in chosen["comparison"]],
            text("found.true"): [percent(value, text, 1) for value in chosen["truth"]],
            text("found.estimate"): [_cell(row, text) for row in chosen.to_dict("records")],
        }
    )
    gap = float(chosen["percent"].iloc[0] - chosen["percent"].iloc[-1])
    key = "moves.caption" if gap >= 0 else "moves.caption_smaller"
    return Table(
        frame,
        data=chosen,
        caption=text(key, larger=percent(abs(gap), text, 1, sign=False).removesuffix("%")),
        name="moves",
        notes=text(
            "moves.note",
            outcome=outcome.phrase[text.language],
            neighbour=case.name(near, text.language),
        ),
        simulated=True,
        language=text.language,
    )


@said
def inference_sentence(case: SimulatedCase, *, text: Text) -> Prose:
    """How many methods of inference hold, and the best of them with its reason."""
    judged = advice(case)
    lead = text(
        "inference.lead",
        units=judged.facts.units,
        count=len(judged.methods),
        all=len(judged.methods) + len(judged.ruled_out),
    )
    held = [
        text("inference.item", name=item.name[text.language], reason=item.reason[text.language])
        for item in judged.methods
    ]
    return Prose("\n".join([lead, "", *(f"- {text}" for text in held)]))


@said
def inference_table(case: SimulatedCase, *, text: Text) -> Table:
    """Every method of inference with its reason."""
    judged = advice(case)
    rows = [
        {
            text("inference.method"): item.name[text.language],
            text("inference.holds"): text(f"found.{'yes' if item.holds else 'no'}"),
            text("inference.why"): item.reason[text.language],
        }
        for item in (*judged.methods, *judged.ruled_out)
    ]
    return Table(
        pd.DataFrame(rows),
        caption=text("inference.caption", units=judged.facts.units),
        name="inference",
        simulated=True,
        language=text.language,
    )


@said
def replication(case: SimulatedCase, ours: Result, plain: Any, *, text: Text) -> Table:
    """The Poisson estimate by this project and by statsmodels, side by side."""
    frame = pd.DataFrame(
        {text("replication.estimate"): [ours.estimate, float(plain.params["treated"])]},
        index=pd.Index(["evaluation", "statsmodels"], name=text("replication.package")),
    )
    return Table(
        frame,
        caption=text("replication.caption", outcome=case.study.lead.phrase[text.language]),
        name="replication",
        formats=dict.fromkeys(frame.columns, ".8f"),
        simulated=True,
        language=text.language,
    )


def _main(case: SimulatedCase, estimates: pd.DataFrame) -> pd.DataFrame:
    chosen = estimates[estimates["comparison"] == case.study.comparisons[0].id]
    return chosen[np.isfinite(chosen["percent"])]


def _cell(row: dict[Any, Any], text: Text) -> str:
    value = percent(row["percent"], text, 1)
    if not np.isfinite(row["percent_low"]):
        return value
    return f"{value} ({bounds(row['percent_low'], row['percent_high'], text, 1)})"


def _covers(row: dict[Any, Any], text: Text) -> str:
    if row["covered"] is None:
        smallest = text("found.smallest", units=row["n_units"])
        return text("found.none", smallest=smallest) if row["n_units"] > 1 else NOT_A_NUMBER
    key = "yes" if row["covered"] else "no"
    return text(f"found.{key}{'_wrong' if row['method'] in FAILS else ''}")
