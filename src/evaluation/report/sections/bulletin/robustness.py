"""Earlier bulletins, other choices, longer views: how far the ranking can be relied on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from evaluation.analysis import BulletinCase, MonthRanking
from evaluation.report import figures
from evaluation.report.display import Figure, Table
from evaluation.report.figures_key import Entry
from evaluation.report.language import month as written_month
from evaluation.report.language import p_value
from evaluation.report.sections.base import source_line
from evaluation.report.sections.bulletin.wording import (
    change,
    joined,
    leading_row,
    level,
    names,
    said,
)
from evaluation.report.text import Text


@said
def history_figure(case: BulletinCase, history: Sequence[MonthRanking], *, text: Text) -> Figure:
    """For each of the last bulletins the place named first and how many may be."""
    rows = [
        {
            "label": written_month(ranking.month, text.language),
            "rank": len(ranking.could_be_first),
            "low": 1,
            "high": len(ranking.could_be_first),
            "text": names(case, ranking.first, text),
            "role": "treated" if ranking.month == case.month else "comparison",
        }
        for ranking in history
    ]
    different = {name for ranking in history for name in ranking.first}
    form = "" if len(different) > 1 else "_single" if len(history) == 1 else "_one"
    told = {"names": len(different), "count": len(history), "first": names(case, sorted(different), text)}
    return figures.rank_intervals(
        pd.DataFrame(rows),
        most=max(ranking.n for ranking in history),
        key=(Entry(text("history.key"), "comparison", "line"),),
        x_label=text("history.axis"),
        title=text(f"history.title{form}", **told),
        subtitle=text("history.subtitle"),
        source=source_line(case, text),
        alt=text(
            "history.alt",
            count=len(history),
            rows=joined(
                (
                    text(
                        "history.alt_row",
                        month=row["label"],
                        first=row["text"],
                        may=row["high"],
                        places=ranking.n,
                    )
                    for row, ranking in zip(rows, history, strict=True)
                ),
                text,
            ),
        ),
        language=text.language,
        name="history",
        simulated=case.simulated,
    )


@said
def history_table(case: BulletinCase, history: Sequence[MonthRanking], *, text: Text) -> Table:
    """The last bulletins, the newest first."""
    rows = [
        {
            text("history.month"): written_month(ranking.month, text.language),
            text("history.first"): names(case, ranking.first, text),
            text("history.change"): change(ranking, leading_row(ranking), text),
            text("history.may"): _count(ranking, text),
            text("history.told"): _pairs(ranking, text),
            text("history.alike"): ranking.p_equal,
        }
        for ranking in reversed(history)
    ]
    blank = sum(ranking.sets.distinguishable_pairs == 0 for ranking in history)
    return Table(
        pd.DataFrame(rows),
        caption=text("history.caption", blank=blank, count=len(history)),
        name="history-table",
        formats={text("history.alike"): partial(p_value, language=text.language)},
        notes=text("history.note"),
        simulated=case.simulated,
        language=text.language,
    )


@said
def choices_table(case: BulletinCase, choices: Mapping[str, MonthRanking | None], *, text: Text) -> Table:
    """The leading ranking when chance is measured otherwise."""
    chance, data = case.study.chance, case.study.data
    absent = text("measures.absent")
    windows = {
        "study": chance.window,
        "shorter": max(chance.window - 2 * data.parts, data.parts + 2),
        "longer": chance.window + 2 * data.parts,
    }
    rows = [
        {
            text("fragile.choice"): text(
                f"fragile.{name}",
                window=windows.get(name, chance.window),
                part=data.parts_name[text.language],
                level=level(case),
            ),
            text("fragile.may"): _count(ranking, text) if ranking else absent,
            text("fragile.told"): _pairs(ranking, text) if ranking else absent,
        }
        for name, ranking in choices.items()
    ]
    made = [ranking for ranking in choices.values() if ranking]
    fewest = min(len(ranking.could_be_first) for ranking in made)
    return Table(
        pd.DataFrame(rows),
        caption=text("fragile.caption", fewest=fewest, places=made[0].n),
        name="choices",
        notes=text("fragile.note"),
        simulated=case.simulated,
        language=text.language,
    )


@said
def pooled_table(case: BulletinCase, frame: pd.DataFrame, *, text: Text) -> Table:
    """What averaging the improvements of several months would tell.

    Parameters
    ----------
    case : BulletinCase
    frame : pandas.DataFrame
        From `evaluation.analysis.several_months`.
    """
    rows = [
        {
            text("pooled.months"): row["months"],
            text("pooled.first"): case.name(row["first"], text.language),
            text("pooled.may"): text("measures.count", count=row["could_be_first"], places=row["places"]),
            text("pooled.told"): text("measures.pairs", told=row["told_apart"], pairs=row["pairs"]),
        }
        for row in frame.to_dict("records")
    ]
    last, one = frame.iloc[-1], frame.iloc[0]
    more = last["told_apart"] > one["told_apart"]
    form = "single" if len(frame) == 1 else "more" if more else "flat"
    return Table(
        pd.DataFrame(rows),
        caption=text(
            f"pooled.caption_{form}",
            last=last["months"],
            told=last["told_apart"],
            pairs=last["pairs"],
            one=one["told_apart"],
        ),
        name="longer-view",
        notes=text(
            "pooled.note",
            month=written_month(case.month, text.language),
            window=case.study.chance.window,
            part=case.study.data.parts_name[text.language],
        ),
        simulated=case.simulated,
        language=text.language,
    )


def _count(ranking: MonthRanking, text: Text) -> str:
    return text("measures.count", count=len(ranking.could_be_first), places=ranking.n)


def _pairs(ranking: MonthRanking, text: Text) -> str:
    return text("measures.pairs", told=ranking.sets.distinguishable_pairs, pairs=ranking.sets.pairs)
