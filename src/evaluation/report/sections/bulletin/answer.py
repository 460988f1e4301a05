"""The first screen: who leads, and from how many others the lead cannot be told."""

from __future__ import annotations

from evaluation.analysis import BulletinCase, MonthRanking
from evaluation.report import figures
from evaluation.report.display import Answer, Figure
from evaluation.report.figures_key import Entry
from evaluation.report.language import number, percent
from evaluation.report.sections.base import source_line
from evaluation.report.sections.bulletin.wording import (
    amount,
    change,
    joined,
    leading_row,
    level,
    months,
    names,
    said,
)
from evaluation.report.text import Text


@said
def answer(case: BulletinCase, ranking: MonthRanking, other: MonthRanking | None, *, text: Text) -> Answer:
    """Who is named first, and how many may truly be.

    Parameters
    ----------
    case : BulletinCase
    ranking : MonthRanking
        By the leading measure and scale.
    other : MonthRanking, optional
        By the leading measure on its other scale.
    """
    row = leading_row(ranking)
    form = "shared" if len(ranking.first) > 1 else "improved" if row["improvement"] > 0 else "worsened"
    others, may = ranking.n - 1, len(ranking.could_be_first) - 1
    doubt = "none" if may == 0 else "all" if may == others else "some"
    moved = float(row["percent"] if ranking.scale == "percent" else row["change"])
    sentence = text(
        f"answer.{form}",
        month=months(ranking, text)["month"],
        first=names(case, ranking.first, text),
        phrase=ranking.measure.phrase[text.language],
        verb=text("words.rose" if moved > 0 else "words.fell"),
        amount=_size(ranking, abs(moved), text),
        doubt=text(f"answer.doubt_{doubt}", others=others, count=may),
        told=_told(case, ranking, text),
    )
    return Answer(
        sentence=sentence,
        detail=text(
            "answer.detail",
            needed=_needed(ranking, text),
            other=_other(case, ranking, other, text),
        ).strip(),
        language=text.language,
    )


def _told(case: BulletinCase, ranking: MonthRanking, text: Text) -> str:
    """How many pairs are told apart; a single one by name."""
    told = ranking.sets.distinguishable_pairs
    values: dict[str, object] = {"pairs": ranking.sets.pairs, "level": level(case)}
    if told == 1:
        better, worse = (int(at[0]) for at in ranking.sets.above.nonzero())
        pair = ranking.table["place"]
        values |= {
            "better": case.name(pair[better], text.language),
            "worse": case.name(pair[worse], text.language),
        }
        return text("answer.told_one", **values)
    if not told:
        return text("answer.told_none", **values)
    return text("answer.told_some", told=told, **values)


def _size(ranking: MonthRanking, value: float, text: Text) -> str:
    if ranking.scale == "percent":
        return percent(value / 100, text.language)
    return amount(value, ranking.measure, text)


def _needed(ranking: MonthRanking, text: Text) -> str:
    """The middle difference at which two places are told apart, in words."""
    if ranking.scale == "percent":
        return text("words.points", value=number(ranking.needed_points, text.language, 0))
    return _size(ranking, ranking.needed, text)


def _other(case: BulletinCase, ranking: MonthRanking, other: MonthRanking | None, text: Text) -> str:
    if other is None:
        return ""
    same = other.first == ranking.first
    key = ("other_percent_" if other.scale == "percent" else "other_") + ("same" if same else "else")
    return text(
        f"answer.{key}",
        first=names(case, other.first, text),
        unit=ranking.measure.unit[text.language],
    )


@said
def gap_figure(case: BulletinCase, ranking: MonthRanking, *, text: Text) -> Figure:
    """How far each place is behind the one named first, with the interval by which pairs are told apart."""
    frame, others = ranking.behind(), ranking.n - 1
    digits = 0 if ranking.scale == "percent" else ranking.measure.digits
    told = int((frame["ci_low"] > 0).sum())
    first = case.name(ranking.first[0], text.language)
    rising = "rise" if ranking.measure.better == "higher" else "percent"
    values: dict[str, object] = {"first": first, "others": others, "count": told}
    rows = (
        text(
            "gap.alt_row",
            place=case.name(row["place"], text.language),
            value=number(row["estimate"], text.language, digits, sign=True),
            low=number(row["ci_low"], text.language, digits),
            high=number(row["ci_high"], text.language, digits),
        )
        for row in frame.to_dict("records")
    )
    return figures.forest(
        frame.assign(label=[case.name(place, text.language) for place in frame["place"]], role="comparison"),
        x_label=text(
            f"gap.axis_{rising if ranking.scale == 'percent' else 'level'}",
            unit=ranking.measure.unit[text.language],
            **values,
        ),
        title=text("gap.title_some" if told else "gap.title_none", **values),
        source=source_line(case, text),
        alt=text("gap.alt", level=level(case), rows=joined(rows, text), **values),
        language=text.language,
        name="gap",
        simulated=case.simulated,
    )


@said
def ranks_figure(case: BulletinCase, ranking: MonthRanking, *, text: Text) -> Figure:
    """A line for each place, from the best to the worst rank that cannot be ruled out."""
    may = ranking.could_be_first
    form = "one" if len(may) == 1 else "all" if len(may) == ranking.n else "some"
    rows = ranking.table.to_dict("records")
    frame = ranking.table[["place", "rank", "low", "high"]].assign(
        label=[case.name(row["place"], text.language) for row in rows],
        text=[change(ranking, row, text) for row in rows],
        role=["treated" if row["rank"] == 1 else "comparison" for row in rows],
    )
    told = {"places": ranking.n, "others": ranking.n - 1, "count": len(may)}
    return figures.rank_intervals(
        frame,
        most=ranking.n,
        key=(
            Entry(text("ranks.key_point"), "comparison"),
            Entry(text("ranks.key_line", level=level(case)), "comparison", "line"),
        ),
        x_label=text("ranks.axis"),
        title=text(
            f"ranks.title_{form}",
            first=names(case, ranking.first, text),
            month=months(ranking, text)["month"],
            **told,
        ),
        subtitle=text("ranks.subtitle", measure=ranking.measure.label[text.language]),
        source=source_line(case, text),
        alt=text(
            "ranks.alt",
            places=ranking.n,
            rows=joined(
                (
                    text(
                        "ranks.alt_row",
                        place=case.name(row["place"], text.language),
                        rank=row["rank"],
                        low=row["low"],
                        high=row["high"],
                        change=change(ranking, row, text),
                    )
                    for row in rows
                ),
                text,
            ),
        ),
        language=text.language,
        name="rank-sets",
        simulated=case.simulated,
    )
