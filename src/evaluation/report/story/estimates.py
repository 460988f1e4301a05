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
from evaluation.report.language import interval, interval_decimals, month, number, p_value, with_unit
from evaluation.report.languages import in_languages
from evaluation.report.story.wording import place, say, source_line

Row = Mapping[Any, Any]


@in_languages
def estimates_table(case: Case, frame: pd.DataFrame, date: str, language: str) -> Table:
    """Every outcome and scale for one treatment date, by pool and by the months compared.

    Parameters
    ----------
    case : Case
    frame : pandas.DataFrame
        From `evaluation.analysis.specifications`.
    date : str
    language : {"en", "zh"}
    """
    near = case.study.pools[0].id
    chosen = frame[frame["date"] == date]
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for row in chosen.to_dict("records"):
        line = lines.setdefault((row["outcome"], row["scale"]), _table_head(case, row, language))
        cell = "near" if row["pool"] == near else "far"
        line[say(f"estimates.{cell}_{row['season']}", language)] = _table_cell(row, cell == "far", language)
    named = next(item for item in case.study.treatment.dates if item.date == date)
    n_near = len(case.donors(near)) + 1
    return Table(
        pd.DataFrame(list(lines.values())),
        data=_numbers(chosen),
        caption=say("estimates.caption", language, start=month(date, language), label=named.label[language]),
        name=f"estimates-{date}",
        notes=[
            say("estimates.note", language, n=n_near, smallest=f"1/{n_near} = {1 / n_near:.3f}"),
            say("estimates.season_note", language),
        ],
        simulated=case.simulated,
        language=language,
    )


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """The numbers behind the cells; the reason only where there is no estimate."""
    columns = ["outcome", "scale", "date", "season", "pool", "estimate", "ci_low", "ci_high", "p_value"]
    reason = frame["reason"].where(frame["estimate"].isna(), "")
    return frame[columns].assign(reason=reason)


def _table_head(case: Case, row: Row, language: str) -> dict[str, str]:
    scale = say(
        "estimates.scale_unit",
        language,
        outcome=case.study.outcome(row["outcome"]).label[language],
        scale=say(f"estimates.{row['scale']}", language),
        unit=_unit(case, row, language),
    )
    return {say("estimates.outcome", language): scale}


def _table_cell(row: Row, with_interval: bool, language: str) -> str:
    if math.isnan(row["estimate"]):
        return say("estimates.no_log", language)
    digits = _digits(row)
    told = {
        "estimate": number(row["estimate"], language, digits, sign=True),
        "p": p_value(row["p_value"], language),
    }
    if not with_interval:
        return say("estimates.cell", language, **told)
    within = interval(row["ci_low"], row["ci_high"], language, digits, sign=True)
    return say("estimates.cell_interval", language, interval=within, **told)


def _unit(case: Case, row: Row, language: str) -> str:
    if row["scale"] == "log":
        return say("estimates.log_unit", language)
    return case.study.outcome(row["outcome"]).unit[language]


def _digits(row: Row) -> int:
    """Decimals that the interval bears; without one, those usual for the scale."""
    low, high = row["ci_low"], row["ci_high"]
    if math.isfinite(low) and math.isfinite(high):
        return interval_decimals(low, high)
    return 2 if row["scale"] == "log" else 1


@in_languages
def estimates_figure(case: Case, frame: pd.DataFrame, date: str, language: str) -> Figure | Prose:
    """Estimates for one treatment date in units of half their own interval, so that all share one axis.

    A line that does not reach zero is beyond what 95 % of the donors show by chance. Where the rule's pool is
    so small that no interval exists, a sentence says so.
    """
    pool = case.study.rule.pool
    chosen = frame[(frame["pool"] == pool) & (frame["date"] == date) & (frame["season"] == SEASONS[0])]
    chosen = chosen[np.isfinite(chosen["estimate"]) & np.isfinite(chosen["ci_low"])]
    if chosen.empty:
        return Prose(say("estimates.no_figure", language, group=case.label(pool, language)))
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


@in_languages
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
