"""The estimates over all declared choices, as a table, a figure and a paragraph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.effects import SEASONS
from evaluation.analysis.staggered import StaggeredCase
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.language import interval, interval_decimals, month, number, p_value, with_unit
from evaluation.report.sections.base import source_line
from evaluation.report.sections.one_place.wording import place, said
from evaluation.report.text import Text

Row = Mapping[Any, Any]


@said
def estimates_table(case: StaggeredCase, frame: pd.DataFrame, date: str, *, text: Text) -> Table:
    """Every outcome and scale for one treatment date, by pool and by the months compared.

    Parameters
    ----------
    case : StaggeredCase
    frame : pandas.DataFrame
        From `evaluation.analysis.specifications`.
    date : str
    """
    near = case.study.comparisons[0].id
    chosen = frame[frame["date"] == date]
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for row in chosen.to_dict("records"):
        line = lines.setdefault((row["outcome"], row["scale"]), _table_head(case, row, text))
        cell = "near" if row["pool"] == near else "far"
        line[text(f"estimates.{cell}_{row['season']}")] = _table_cell(row, cell == "far", text)
    named = next(item for item in case.dates if item.date == date)
    n_near = len(case.donors(near)) + 1
    return Table(
        pd.DataFrame(list(lines.values())),
        data=_numbers(chosen),
        caption=text("estimates.caption", start=month(date, text.language), label=named.label[text.language]),
        name=f"estimates-{date}",
        notes=[
            text("estimates.note", n=n_near, smallest=f"1/{n_near} = {1 / n_near:.3f}"),
            text("estimates.season_note"),
        ],
        simulated=case.simulated,
        language=text.language,
    )


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """The numbers behind the cells; the reason only where there is no estimate."""
    columns = ["outcome", "scale", "date", "season", "pool", "estimate", "ci_low", "ci_high", "p_value"]
    reason = frame["reason"].where(frame["estimate"].isna(), "")
    return frame[columns].assign(reason=reason)


def _table_head(case: StaggeredCase, row: Row, text: Text) -> dict[str, str]:
    scale = text(
        "estimates.scale_unit",
        outcome=case.study.outcome(row["outcome"]).label[text.language],
        scale=text(f"estimates.{row['scale']}"),
        unit=_unit(case, row, text),
    )
    return {text("estimates.outcome"): scale}


def _table_cell(row: Row, with_interval: bool, text: Text) -> str:
    if math.isnan(row["estimate"]):
        return text("estimates.no_log")
    digits = _digits(row)
    told = {
        "estimate": number(row["estimate"], text.language, digits, sign=True),
        "p": p_value(row["p_value"], text.language),
    }
    if not with_interval:
        return text("estimates.cell", **told)
    within = interval(row["ci_low"], row["ci_high"], text.language, digits, sign=True)
    return text("estimates.cell_interval", interval=within, **told)


def _unit(case: StaggeredCase, row: Row, text: Text) -> str:
    if row["scale"] == "log":
        return text("estimates.log_unit")
    return case.study.outcome(row["outcome"]).unit[text.language]


def _digits(row: Row) -> int:
    """Decimals that the interval bears; without one, those usual for the scale."""
    low, high = row["ci_low"], row["ci_high"]
    if math.isfinite(low) and math.isfinite(high):
        return interval_decimals(low, high)
    return 2 if row["scale"] == "log" else 1


@said
def estimates_figure(case: StaggeredCase, frame: pd.DataFrame, date: str, *, text: Text) -> Figure | Prose:
    """Estimates for one treatment date in units of half their own interval, so that all share one axis.

    A line that does not reach zero is beyond what 95 % of the donors show by chance. Where the rule's pool is
    so small that no interval exists, a sentence says so.
    """
    pool = case.study.rule.pool
    chosen = frame[(frame["pool"] == pool) & (frame["date"] == date) & (frame["season"] == SEASONS[0])]
    chosen = chosen[np.isfinite(chosen["estimate"]) & np.isfinite(chosen["ci_low"])]
    if chosen.empty:
        return Prose(text("estimates.no_figure", group=case.label(pool, text.language)))
    rows = [_forest_row(case, row, text) for row in chosen.to_dict("records")]
    table = pd.DataFrame(rows)
    said = [
        text(
            "estimates.alt_row",
            outcome=row["group"],
            scale=row["label"],
            value=row["text"],
            p=row["p"],
        )
        for row in rows
    ]
    return figures.forest(
        table,
        x_label=text("estimates.axis"),
        title=text(
            "estimates.title",
            count=len(table),
            start=month(date, text.language),
            beyond=int((table["ci_low"] > 0).sum()),
            worse=int((table["ci_high"] < 0).sum()),
        ),
        source=source_line(case, text),
        alt=text(
            "estimates.alt",
            place=place(case, text),
            group=case.label(pool, text.language),
            rows=text("claims.separator").join(said),
        ),
        language=text.language,
        name=f"estimates-{date}",
        simulated=case.simulated,
    )


def _forest_row(case: StaggeredCase, row: Row, text: Text) -> dict[str, Any]:
    outcome = case.study.outcome(row["outcome"])
    # improvement to the right, whichever sign it has
    half = (row["ci_high"] - row["ci_low"]) / 2 * (1 if outcome.better == "higher" else -1)
    low, high = sorted((row["ci_low"] / half, row["ci_high"] / half))
    p = p_value(row["p_value"], text.language)
    shown = number(row["estimate"], text.language, _digits(row), sign=True)
    return {
        "label": text(f"estimates.{row['scale']}"),
        "group": outcome.label[text.language],
        "estimate": row["estimate"] / half,
        "ci_low": low,
        "ci_high": high,
        "text": with_unit(shown, _unit(case, row, text), text.language),
        "note": text("estimates.note_p", p=p),
        "p": p,
    }


@said
def specification_sentence(case: StaggeredCase, frame: pd.DataFrame, *, text: Text) -> Prose:
    """Say how much the answer turns on the choices, and why the usual standard error is not used."""
    rule = case.study.rule
    tested = frame[np.isfinite(frame["p_value"])]
    far, near = tested[tested["pool"] == rule.pool], tested[tested["pool"] == case.study.comparisons[0].id]
    return Prose(
        text(
            "estimates.summary",
            donors=len(case.donors(rule.pool)),
            low=int((far["p_value"] <= rule.level).sum()),
            far=len(far),
            level=f"{rule.level:g}",
            clustered=int((near["cluster_p"] <= rule.level).sum()),
            near=len(near),
            absent=int(frame["estimate"].isna().sum()),
        )
    )
