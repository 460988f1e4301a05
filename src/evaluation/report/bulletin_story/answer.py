"""The first screen: who leads, and from how many others the lead cannot be told."""

from __future__ import annotations

from evaluation.analysis import BulletinCase, MonthRanking
from evaluation.report import figures
from evaluation.report.bulletin_story.wording import (
    amount,
    change,
    joined,
    leading_row,
    level,
    months,
    names,
    say,
    source_line,
    tell,
)
from evaluation.report.display import Answer, Figure
from evaluation.report.figures_key import Entry
from evaluation.report.language import number, percent
from evaluation.report.languages import in_languages


@in_languages
def answer(case: BulletinCase, ranking: MonthRanking, other: MonthRanking | None, language: str) -> Answer:
    """Who is named first, and how many may truly be.

    Parameters
    ----------
    case : BulletinCase
    ranking : MonthRanking
        By the leading measure and scale.
    other : MonthRanking, optional
        By the leading measure on its other scale.
    language : {"en", "zh"}
    """
    row = leading_row(ranking)
    form = "shared" if len(ranking.first) > 1 else "improved" if row["improvement"] > 0 else "worsened"
    others, may = ranking.n - 1, len(ranking.could_be_first) - 1
    doubt = "none" if may == 0 else "all" if may == others else "some"
    moved = float(row["percent"] if ranking.scale == "percent" else row["change"])
    sentence = tell(
        case,
        f"answer.{form}",
        language,
        month=months(ranking, language)["month"],
        first=names(case, ranking.first, language),
        phrase=ranking.measure.phrase[language],
        verb=tell(case, "words.rose" if moved > 0 else "words.fell", language),
        amount=_size(ranking, abs(moved), language),
        doubt=tell(case, f"answer.doubt_{doubt}", language, others=others, count=may),
        told=_told(case, ranking, language),
    )
    return Answer(
        sentence=sentence,
        detail=tell(
            case,
            "answer.detail",
            language,
            needed=_needed(ranking, language),
            other=_other(case, ranking, other, language),
        ).strip(),
        language=language,
    )


def _told(case: BulletinCase, ranking: MonthRanking, language: str) -> str:
    """How many pairs are told apart; a single one by name."""
    told = ranking.sets.told_apart
    values: dict[str, object] = {"pairs": ranking.sets.pairs, "level": level(case)}
    if told == 1:
        better, worse = (int(at[0]) for at in ranking.sets.above.nonzero())
        pair = ranking.table["place"]
        values |= {"better": case.name(pair[better], language), "worse": case.name(pair[worse], language)}
        return tell(case, "answer.told_one", language, **values)
    if not told:
        return tell(case, "answer.told_none", language, **values)
    return tell(case, "answer.told_some", language, told=told, **values)


def _size(ranking: MonthRanking, value: float, language: str) -> str:
    if ranking.scale == "percent":
        return percent(value / 100, language)
    return amount(value, ranking.measure, language)


def _needed(ranking: MonthRanking, language: str) -> str:
    """The middle difference at which two places are told apart, in words."""
    if ranking.scale == "percent":
        return say("words.points", language, value=number(ranking.needed_points, language, 0))
    return _size(ranking, ranking.needed, language)


def _other(case: BulletinCase, ranking: MonthRanking, other: MonthRanking | None, language: str) -> str:
    if other is None:
        return ""
    same = other.first == ranking.first
    key = ("other_percent_" if other.scale == "percent" else "other_") + ("same" if same else "else")
    return tell(
        case,
        f"answer.{key}",
        language,
        first=names(case, other.first, language),
        unit=ranking.measure.unit[language],
    )


@in_languages
def gap_figure(case: BulletinCase, ranking: MonthRanking, language: str) -> Figure:
    """How far each place is behind the one named first, with the interval by which pairs are told apart."""
    frame, others = ranking.behind(), ranking.n - 1
    digits = 0 if ranking.scale == "percent" else ranking.measure.digits
    told = int((frame["ci_low"] > 0).sum())
    first = case.name(ranking.first[0], language)
    rising = "rise" if ranking.measure.better == "higher" else "percent"
    values: dict[str, object] = {"first": first, "others": others, "count": told}
    rows = (
        say(
            "gap.alt_row",
            language,
            place=case.name(row["place"], language),
            value=number(row["estimate"], language, digits, sign=True),
            low=number(row["ci_low"], language, digits),
            high=number(row["ci_high"], language, digits),
        )
        for row in frame.to_dict("records")
    )
    return figures.forest(
        frame.assign(label=[case.name(place, language) for place in frame["place"]], role="comparison"),
        x_label=tell(
            case,
            f"gap.axis_{rising if ranking.scale == 'percent' else 'level'}",
            language,
            unit=ranking.measure.unit[language],
            **values,
        ),
        title=tell(case, "gap.title_some" if told else "gap.title_none", language, **values),
        source=source_line(case, language),
        alt=tell(case, "gap.alt", language, level=level(case), rows=joined(rows, language), **values),
        language=language,
        name="gap",
        simulated=case.simulated,
    )


@in_languages
def ranks_figure(case: BulletinCase, ranking: MonthRanking, language: str) -> Figure:
    """A line for each place, from the best to the worst rank that cannot be ruled out."""
    may = ranking.could_be_first
    form = "one" if len(may) == 1 else "all" if len(may) == ranking.n else "some"
    rows = ranking.table.to_dict("records")
    frame = ranking.table[["place", "rank", "low", "high"]].assign(
        label=[case.name(row["place"], language) for row in rows],
        text=[change(ranking, row, language) for row in rows],
        role=["treated" if row["rank"] == 1 else "comparison" for row in rows],
    )
    told = {"places": ranking.n, "others": ranking.n - 1, "count": len(may)}
    return figures.rank_intervals(
        frame,
        most=ranking.n,
        key=(
            Entry(tell(case, "ranks.key_point", language), "comparison"),
            Entry(tell(case, "ranks.key_line", language, level=level(case)), "comparison", "line"),
        ),
        x_label=tell(case, "ranks.axis", language),
        title=tell(
            case,
            f"ranks.title_{form}",
            language,
            first=names(case, ranking.first, language),
            month=months(ranking, language)["month"],
            **told,
        ),
        subtitle=tell(case, "ranks.subtitle", language, measure=ranking.measure.label[language]),
        source=source_line(case, language),
        alt=tell(
            case,
            "ranks.alt",
            language,
            places=ranking.n,
            rows=joined(
                (
                    tell(
                        case,
                        "ranks.alt_row",
                        language,
                        place=case.name(row["place"], language),
                        rank=row["rank"],
                        low=row["low"],
                        high=row["high"],
                        change=change(ranking, row, language),
                    )
                    for row in rows
                ),
                language,
            ),
        ),
        language=language,
        name="rank-sets",
        simulated=case.simulated,
    )
