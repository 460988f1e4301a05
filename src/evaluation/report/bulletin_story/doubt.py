"""Earlier bulletins, other choices, longer views: how far the ranking can be relied on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from evaluation.analysis import BulletinCase, MonthRanking
from evaluation.report import figures
from evaluation.report.bulletin_story.wording import (
    change,
    joined,
    leading_row,
    level,
    names,
    say,
    source_line,
    tell,
)
from evaluation.report.display import Figure, Table
from evaluation.report.figures_key import Entry
from evaluation.report.language import month as written_month
from evaluation.report.language import p_value
from evaluation.report.languages import in_languages


@in_languages
def history_figure(case: BulletinCase, history: Sequence[MonthRanking], language: str) -> Figure:
    """For each of the last bulletins the place named first and how many may be."""
    rows = [
        {
            "label": written_month(ranking.month, language),
            "rank": len(ranking.could_be_first),
            "low": 1,
            "high": len(ranking.could_be_first),
            "text": names(case, ranking.first, language),
            "role": "treated" if ranking.month == case.month else "comparison",
        }
        for ranking in history
    ]
    different = {name for ranking in history for name in ranking.first}
    form = "" if len(different) > 1 else "_single" if len(history) == 1 else "_one"
    told = {"names": len(different), "count": len(history), "first": names(case, sorted(different), language)}
    return figures.rank_intervals(
        pd.DataFrame(rows),
        most=max(ranking.n for ranking in history),
        key=(Entry(tell(case, "history.key", language), "comparison", "line"),),
        x_label=tell(case, "history.axis", language),
        title=tell(case, f"history.title{form}", language, **told),
        subtitle=tell(case, "history.subtitle", language),
        source=source_line(case, language),
        alt=tell(
            case,
            "history.alt",
            language,
            count=len(history),
            rows=joined(
                (
                    tell(
                        case,
                        "history.alt_row",
                        language,
                        month=row["label"],
                        first=row["text"],
                        may=row["high"],
                        places=ranking.n,
                    )
                    for row, ranking in zip(rows, history, strict=True)
                ),
                language,
            ),
        ),
        language=language,
        name="history",
        simulated=case.simulated,
    )


@in_languages
def history_table(case: BulletinCase, history: Sequence[MonthRanking], language: str) -> Table:
    """The last bulletins, the newest first."""
    rows = [
        {
            tell(case, "history.month", language): written_month(ranking.month, language),
            tell(case, "history.first", language): names(case, ranking.first, language),
            tell(case, "history.change", language): change(ranking, leading_row(ranking), language),
            tell(case, "history.may", language): _count(ranking, language),
            tell(case, "history.told", language): _pairs(ranking, language),
            tell(case, "history.alike", language): ranking.p_equal,
        }
        for ranking in reversed(history)
    ]
    blank = sum(ranking.sets.told_apart == 0 for ranking in history)
    return Table(
        pd.DataFrame(rows),
        caption=tell(case, "history.caption", language, blank=blank, count=len(history)),
        name="history-table",
        formats={tell(case, "history.alike", language): partial(p_value, language=language)},
        notes=tell(case, "history.note", language),
        simulated=case.simulated,
        language=language,
    )


@in_languages
def choices_table(case: BulletinCase, choices: Mapping[str, MonthRanking | None], language: str) -> Table:
    """The leading ranking when chance is measured otherwise."""
    chance, data = case.study.chance, case.study.data
    absent = tell(case, "measures.absent", language)
    windows = {
        "study": chance.window,
        "shorter": max(chance.window - 2 * data.parts, data.parts + 2),
        "longer": chance.window + 2 * data.parts,
    }
    rows = [
        {
            tell(case, "fragile.choice", language): tell(
                case,
                f"fragile.{name}",
                language,
                window=windows.get(name, chance.window),
                part=data.parts_name[language],
                level=level(case),
            ),
            tell(case, "fragile.may", language): _count(ranking, language) if ranking else absent,
            tell(case, "fragile.told", language): _pairs(ranking, language) if ranking else absent,
        }
        for name, ranking in choices.items()
    ]
    made = [ranking for ranking in choices.values() if ranking]
    fewest = min(len(ranking.could_be_first) for ranking in made)
    return Table(
        pd.DataFrame(rows),
        caption=tell(case, "fragile.caption", language, fewest=fewest, places=made[0].n),
        name="choices",
        notes=tell(case, "fragile.note", language),
        simulated=case.simulated,
        language=language,
    )


@in_languages
def pooled_table(case: BulletinCase, frame: pd.DataFrame, language: str) -> Table:
    """What averaging the improvements of several months would tell.

    Parameters
    ----------
    case : BulletinCase
    frame : pandas.DataFrame
        From `evaluation.analysis.several_months`.
    language : {"en", "zh"}
    """
    rows = [
        {
            tell(case, "pooled.months", language): row["months"],
            tell(case, "pooled.first", language): case.name(row["first"], language),
            tell(case, "pooled.may", language): tell(
                case, "measures.count", language, count=row["could_be_first"], places=row["places"]
            ),
            tell(case, "pooled.told", language): tell(
                case, "measures.pairs", language, told=row["told_apart"], pairs=row["pairs"]
            ),
        }
        for row in frame.to_dict("records")
    ]
    last, one = frame.iloc[-1], frame.iloc[0]
    more = last["told_apart"] > one["told_apart"]
    form = "single" if len(frame) == 1 else "more" if more else "flat"
    return Table(
        pd.DataFrame(rows),
        caption=tell(
            case,
            f"pooled.caption_{form}",
            language,
            last=last["months"],
            told=last["told_apart"],
            pairs=last["pairs"],
            one=one["told_apart"],
        ),
        name="longer-view",
        notes=tell(
            case,
            "pooled.note",
            language,
            month=written_month(case.month, language),
            window=case.study.chance.window,
            part=case.study.data.parts_name[language],
        ),
        simulated=case.simulated,
        language=language,
    )


def _count(ranking: MonthRanking, language: str) -> str:
    return say("measures.count", language, count=len(ranking.could_be_first), places=ranking.n)


def _pairs(ranking: MonthRanking, language: str) -> str:
    return say("measures.pairs", language, told=ranking.sets.told_apart, pairs=ranking.sets.pairs)
