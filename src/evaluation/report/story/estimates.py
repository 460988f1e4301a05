"""The estimates over all declared choices, as a table, a figure and a paragraph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis import Case
from evaluation.analysis.effects import SEASONS
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.language import decimals, interval, month, number, p_value, with_unit
from evaluation.report.story.wording import place, say, source_line

Row = Mapping[Any, Any]


def estimates_table(case: Case, frame: pd.DataFrame, date: str, language: str) -> Table:
    """Every outcome, scale and season method for one treatment date: estimate, interval, placebo p-values.

    Parameters
    ----------
    case : Case
    frame : pandas.DataFrame
        From `evaluation.analysis.specifications`.
    date : str
    language : {"en", "zh"}
    """
    near, far = case.study.pools[0].id, case.study.rule.pool
    rows: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in frame[frame["date"] == date].to_dict("records"):
        key = (row["outcome"], row["scale"], row["season"])
        rows.setdefault(key, {})[row["pool"]] = row
    head = next(item for item in case.study.treatment.dates if item.date == date)
    n_near = len(case.donors(near)) + 1
    return Table(
        pd.DataFrame([_table_row(case, pools[near], pools[far], language) for pools in rows.values()]),
        caption=say("estimates.caption", language, start=month(date, language), label=head.label[language]),
        name=f"estimates-{date}",
        notes=say("estimates.note", language, n=n_near, smallest=f"1/{n_near} = {1 / n_near:.3f}"),
        simulated=case.simulated,
        language=language,
    )


def _table_row(case: Case, near: Row, far: Row, language: str) -> dict[str, str]:
    digits = _digits(far)
    within = (
        say("estimates.no_log", language)
        if math.isnan(near["estimate"])
        else interval(far["ci_low"], far["ci_high"], language, digits, sign=True)
    )
    scale = say(
        "estimates.scale_unit",
        language,
        scale=say(f"estimates.{far['scale']}", language),
        unit=_unit(case, far, language),
    )
    cells = {
        "outcome": case.study.outcome(far["outcome"]).label[language],
        "scale": scale,
        "months": say(f"estimates.{far['season']}", language),
        "near": number(near["estimate"], language, digits, sign=True),
        "near_p": p_value(near["p_value"], language),
        "far": number(far["estimate"], language, digits, sign=True),
        "far_interval": within,
        "far_p": p_value(far["p_value"], language),
    }
    return {say(f"estimates.{key}", language): cell for key, cell in cells.items()}


def _unit(case: Case, row: Row, language: str) -> str:
    if row["scale"] == "log":
        return say("estimates.log_unit", language)
    return case.study.outcome(row["outcome"]).unit[language]


def _digits(row: Row) -> int:
    width = (row["ci_high"] - row["ci_low"]) / 3.92
    return decimals(width) if math.isfinite(width) else 1


def estimates_figure(case: Case, frame: pd.DataFrame, date: str, language: str) -> Figure:
    """Estimates for one treatment date in units of half their own interval, so that all share one axis.

    A line that does not reach zero is beyond what 95 % of the donors show by chance.
    """
    pool = case.study.rule.pool
    chosen = frame[(frame["pool"] == pool) & (frame["date"] == date) & (frame["season"] == SEASONS[0])]
    chosen = chosen[np.isfinite(chosen["estimate"]) & np.isfinite(chosen["ci_low"])]
    rows = [_forest_row(case, row, language) for row in chosen.to_dict("records")]
    table = pd.DataFrame(rows)
    said = [
        say(
            "estimates.alt_row",
            language,
            outcome=row["group"],
            scale=row["label"],
            value=row["text"],
            p=row["p"],
        )
        for row in rows
    ]
    return figures.forest(
        table,
        x_label=say("estimates.axis", language),
        title=say(
            "estimates.title",
            language,
            count=len(table),
            start=month(date, language),
            beyond=int((table["ci_low"] > 0).sum()),
            worse=int((table["ci_high"] < 0).sum()),
        ),
        source=source_line(case, language),
        alt=say(
            "estimates.alt",
            language,
            place=place(case, language),
            group=case.label(pool, language),
            rows=say("claims.separator", language).join(said),
        ),
        language=language,
        name=f"estimates-{date}",
        simulated=case.simulated,
    )


def _forest_row(case: Case, row: Row, language: str) -> dict[str, Any]:
    outcome = case.study.outcome(row["outcome"])
    # improvement to the right, whichever sign it has
    half = (row["ci_high"] - row["ci_low"]) / 2 * (1 if outcome.better == "higher" else -1)
    low, high = sorted((row["ci_low"] / half, row["ci_high"] / half))
    p = p_value(row["p_value"], language)
    shown = number(row["estimate"], language, _digits(row), sign=True)
    return {
        "label": say(f"estimates.{row['scale']}", language),
        "group": outcome.label[language],
        "estimate": row["estimate"] / half,
        "ci_low": low,
        "ci_high": high,
        "text": with_unit(shown, _unit(case, row, language), language),
        "note": say("estimates.note_p", language, p=p),
        "p": p,
    }


def specification_sentence(case: Case, frame: pd.DataFrame, language: str) -> Prose:
    """Say how much the answer turns on the choices, and why the usual standard error is not used."""
    rule = case.study.rule
    tested = frame[np.isfinite(frame["p_value"])]
    far, near = tested[tested["pool"] == rule.pool], tested[tested["pool"] == case.study.pools[0].id]
    return Prose(
        say(
            "estimates.summary",
            language,
            donors=len(case.donors(rule.pool)),
            low=int((far["p_value"] <= rule.level).sum()),
            far=len(far),
            level=f"{rule.level:g}",
            clustered=int((near["cluster_p"] <= rule.level).sum()),
            near=len(near),
            absent=int(frame["estimate"].isna().sum()),
        )
    )
