"""The simulated record, and what each method finds in it beside the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.simulated import SimulatedCase, advice
from evaluation.analysis.simulated.estimates import FAILS, METHODS
from evaluation.analysis.withholding import Shares
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.language import NOT_A_NUMBER
from evaluation.report.languages import in_languages
from evaluation.report.simulated_story.answer import leading_row
from evaluation.report.simulated_story.wording import bounds, join, percent, say, source_line
from evaluation.report.story.wording import verb
from evaluation.result import Result


@in_languages
def years_figure(case: SimulatedCase, language: str) -> Figure:
    """Yearly counts of every district, the year before the reform at 100."""
    data, outcome = case.study.data, case.study.lead
    table, others, may = case.shared(outcome.id)
    index = 100 * table / table.loc[data.before]
    pooled = 100 * others / others.loc[data.before]
    near = str(case.table.loc[case.table["near"] != "", "unit"].iloc[0])
    ends = {
        "own": float(index[case.treated][data.after]),
        "theirs": float(pooled[data.after]),
        "near": float(index[near][data.after]),
    }
    moved = {
        name: f"{verb(value - 100, language)} {percent(abs(value - 100), language, 0, sign=False)}"
        if language == "en"
        else f"{verb(value - 100, language)}{percent(abs(value - 100), language, 0, sign=False)}"
        for name, value in ends.items()
    }
    return figures.series(
        index,
        treated=case.treated,
        y_label=say("years.axis", language, outcome=outcome.label[language], before=data.before),
        title=say(
            "years.title",
            language,
            place=case.name(case.treated, language),
            before=data.before,
            after=data.after,
            count=len(index.columns) - 1,
            own=moved["own"],
            theirs=moved["theirs"],
        ),
        source=source_line(case, language) + (_withheld(may, language) if may.active else ""),
        alt=say(
            "years.alt",
            language,
            before=data.before,
            place=case.name(case.treated, language),
            neighbour=case.name(near, language),
            **{name: f"{value:.0f}" for name, value in ends.items()},
        ),
        language=language,
        name="years",
        simulated=True,
        labels={unit: case.name(unit, language) for unit in (case.treated, near)},
        highlight_mean=say("years.mean", language),
        pooled=pooled,
    )


def _withheld(may: Shares, language: str) -> str:
    """Which counts are not shown, how many and by which rule."""
    assert may.rule is not None
    rule = may.rule
    rounded = say("years.rounded", language, rounding=rule.rounding) if rule.rounding > 1 else ""
    told = {"most": rule.minimum - 1, "small": may.small, "beside": may.beside}
    return say("years.withheld", language, **told) + rounded


def method(case: SimulatedCase, name: str, language: str) -> str:
    """A method in words."""
    data = case.study.data
    return say(f"methods.{name}", language, before=data.before, after=data.after)


@in_languages
def found_figure(case: SimulatedCase, estimates: pd.DataFrame, language: str) -> Figure:
    """Every method for the leading outcome, the truth above them."""
    lead = leading_row(case, estimates)
    chosen = _main(case, estimates)
    chosen = chosen[chosen["outcome"] == case.study.lead.id]
    rows: list[dict[str, Any]] = [
        {
            "label": say("found.truth", language),
            "estimate": lead["truth"],
            "ci_low": np.nan,
            "ci_high": np.nan,
            "role": "reference",
            "text": percent(lead["truth"], language),
            "note": "",
        }
    ]
    for row in chosen.to_dict("records"):
        note = say("found.wrong", language) if row["method"] in FAILS else ""
        if row["covered"] is None:
            note = say("found.no_interval", language)
        rows.append(
            {
                "label": method(case, row["method"], language),
                "estimate": row["percent"],
                "ci_low": row["percent_low"],
                "ci_high": row["percent_high"],
                "role": "comparison" if row["method"] in FAILS else "treated",
                "text": _cell(row, language),
                "note": note,
            }
        )
    said = [
        say("numbers.row", language, label=f"{row['label']} ", value=f"{row['text']} {row['note']}".strip())
        for row in rows
    ]
    return figures.forest(
        pd.DataFrame(rows),
        x_label=say("found.axis_plain", language, outcome=case.study.lead.label[language]),
        title=say(
            "found.title",
            language,
            truth=percent(lead["truth"], language),
            found=percent(lead["percent"], language, 1),
            interval=bounds(lead["percent_low"], lead["percent_high"], language, 1),
        ),
        source=source_line(case, language),
        alt=say("found.alt", language, rows=join(said, language)),
        language=language,
        name="found",
        simulated=True,
    )


@in_languages
def truth_table(case: SimulatedCase, estimates: pd.DataFrame, language: str) -> Table:
    """Every outcome and method beside the truth."""
    chosen = _main(case, estimates)
    holds = chosen[~chosen["method"].isin(FAILS) & chosen["covered"].notna()]
    shown = (chosen["outcome"] == case.study.lead.id) | chosen["method"].isin([*METHODS[:2], METHODS[-1]])
    rows = []
    for row in chosen[shown].to_dict("records"):
        cells = {
            "outcome": case.study.outcome(row["outcome"]).label[language],
            "method": method(case, row["method"], language),
            "true": percent(row["truth"], language, 1),
            "estimate": _cell(row, language),
            "covers": _covers(row, language),
        }
        rows.append({say(f"found.{key}", language): cell for key, cell in cells.items()})
    return Table(
        pd.DataFrame(rows),
        data=estimates,
        caption=say(
            "found.caption",
            language,
            covered=int(holds["covered"].astype(bool).sum()),
            count=len(holds),
        ),
        name="truth",
        notes=say("found.note", language, group=case.label(case.study.comparisons[0], language)),
        simulated=True,
        language=language,
    )


@in_languages
def moves_table(case: SimulatedCase, estimates: pd.DataFrame, language: str) -> Table:
    """The leading estimate without and with the neighbour that crime moves to."""
    outcome = case.study.lead
    chosen = estimates[(estimates["outcome"] == outcome.id) & (estimates["method"] == METHODS[0])]
    labels = {item.id: case.label(item, language) for item in case.study.comparisons}
    near = str(case.table.loc[case.table["near"] != "", "unit"].iloc[0])
    frame = pd.DataFrame(
        {
            say("moves.comparison", language): [labels[name] for name in chosen["comparison"]],
            say("found.true", language): [percent(value, language, 1) for value in chosen["truth"]],
            say("found.estimate", language): [_cell(row, language) for row in chosen.to_dict("records")],
        }
    )
    gap = float(chosen["percent"].iloc[0] - chosen["percent"].iloc[-1])
    key = "moves.caption" if gap >= 0 else "moves.caption_smaller"
    return Table(
        frame,
        data=chosen,
        caption=say(key, language, larger=percent(abs(gap), language, 1, sign=False).removesuffix("%")),
        name="moves",
        notes=say(
            "moves.note",
            language,
            outcome=outcome.phrase[language],
            neighbour=case.name(near, language),
        ),
        simulated=True,
        language=language,
    )


@in_languages
def inference_sentence(case: SimulatedCase, language: str) -> Prose:
    """How many methods of inference hold, and the best of them with its reason."""
    judged = advice(case)
    lead = say(
        "inference.lead",
        language,
        units=judged.facts.units,
        count=len(judged.methods),
        all=len(judged.methods) + len(judged.ruled_out),
    )
    held = [
        say("inference.item", language, name=item.name[language], reason=item.reason[language])
        for item in judged.methods
    ]
    return Prose("\n".join([lead, "", *(f"- {text}" for text in held)]))


@in_languages
def inference_table(case: SimulatedCase, language: str) -> Table:
    """Every method of inference with its reason."""
    judged = advice(case)
    rows = [
        {
            say("inference.method", language): item.name[language],
            say("inference.holds", language): say(f"found.{'yes' if item.holds else 'no'}", language),
            say("inference.why", language): item.reason[language],
        }
        for item in (*judged.methods, *judged.ruled_out)
    ]
    return Table(
        pd.DataFrame(rows),
        caption=say("inference.caption", language, units=judged.facts.units),
        name="inference",
        simulated=True,
        language=language,
    )


@in_languages
def replication(case: SimulatedCase, ours: Result, plain: Any, language: str) -> Table:
    """The Poisson estimate by this project and by statsmodels, side by side."""
    frame = pd.DataFrame(
        {say("replication.estimate", language): [ours.estimate, float(plain.params["treated"])]},
        index=pd.Index(["evaluation", "statsmodels"], name=say("replication.package", language)),
    )
    return Table(
        frame,
        caption=say("replication.caption", language, outcome=case.study.lead.phrase[language]),
        name="replication",
        formats=dict.fromkeys(frame.columns, ".8f"),
        simulated=True,
        language=language,
    )


def _main(case: SimulatedCase, estimates: pd.DataFrame) -> pd.DataFrame:
    chosen = estimates[estimates["comparison"] == case.study.comparisons[0].id]
    return chosen[np.isfinite(chosen["percent"])]


def _cell(row: dict[Any, Any], language: str) -> str:
    value = percent(row["percent"], language, 1)
    if not np.isfinite(row["percent_low"]):
        return value
    return f"{value} ({bounds(row['percent_low'], row['percent_high'], language, 1)})"


def _covers(row: dict[Any, Any], language: str) -> str:
    if row["covered"] is None:
        smallest = say("found.smallest", language, units=row["n_units"])
        return say("found.none", language, smallest=smallest) if row["n_units"] > 1 else NOT_A_NUMBER
    key = "yes" if row["covered"] else "no"
    return say(f"found.{key}{'_wrong' if row['method'] in FAILS else ''}", language)
