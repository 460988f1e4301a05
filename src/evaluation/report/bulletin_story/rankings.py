"""The plain ranking and the record behind it: lines and tables of every place and measure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd

from evaluation.analysis import BulletinCase, MonthRanking, monthly_series
from evaluation.analysis.bulletin_ranks import FEWEST_PLACES, REFUSE_ABOVE, WIDEN_ABOVE
from evaluation.report import figures
from evaluation.report.bulletin_story.wording import (
    change,
    joined,
    leading_row,
    level,
    months,
    names,
    ranks,
    source_line,
    tell,
)
from evaluation.report.display import Figure, Table
from evaluation.report.figures_key import Entry
from evaluation.report.language import month as written_month
from evaluation.report.language import number
from evaluation.report.languages import in_languages

Rankings = Mapping[tuple[str, str], MonthRanking]


@in_languages
def lines_figure(case: BulletinCase, ranking: MonthRanking, language: str) -> Figure:
    """A small line a place: the leading measure by month, with both months of the comparison marked."""
    measure, rows = ranking.measure, ranking.table.to_dict("records")
    lines = monthly_series(case, measure.id)
    written = [
        (number(r["before"], language, measure.digits), number(r["after"], language, measure.digits))
        for r in rows
    ]
    frame = pd.DataFrame(
        {
            "place": [row["place"] for row in rows],
            "label": [case.name(row["place"], language) for row in rows],
            "before": [before for before, _ in written],
            "after": [after for _, after in written],
            "role": ["treated" if row["rank"] == 1 else "comparison" for row in rows],
        }
    )
    told = months(ranking, language)
    start = written_month(lines.index[0], language)
    return figures.sparklines(
        lines,
        frame,
        headings=(told["ago"], told["month"]),
        key=(
            Entry(tell(case, "lines.key_ago", language, **told), "comparison", "open"),
            Entry(tell(case, "lines.key_now", language, **told), "comparison"),
        ),
        title=tell(
            case,
            "lines.title",
            language,
            better=int((ranking.table["improvement"] > 0).sum()),
            places=ranking.n,
            **told,
        ),
        subtitle=tell(case, "lines.subtitle", language, measure=measure.label[language], start=start),
        source=source_line(case, language),
        alt=tell(
            case,
            "lines.alt",
            language,
            measure=measure.label[language],
            start=start,
            month=told["month"],
            rows=joined(
                (
                    tell(case, "lines.alt_row", language, place=label, before=before, after=after)
                    for label, (before, after) in zip(frame["label"], written, strict=True)
                ),
                language,
            ),
        ),
        language=language,
        name="lines",
        simulated=case.simulated,
    )


@in_languages
def plain_table(case: BulletinCase, rankings: Rankings, language: str) -> Table:
    """The plain ranking on both scales beside the rank sets."""
    wanted = case.study.bulletin
    lead = rankings[wanted.measure, wanted.scale]
    measure, unit = lead.measure, lead.measure.unit[language]
    columns: dict[str, pd.Series] = {}
    formats = {}
    place = lead.table["place"].tolist()
    for scale in sorted(measure.scales, key=lambda scale: scale != wanted.scale):
        ranking, suffix = rankings[measure.id, scale], "" if scale == "percent" else "_level"
        table = ranking.table.set_index("place").loc[place]
        heading = tell(case, f"plain.change{suffix}", language, unit=unit)
        columns[heading] = table["change" if suffix else "percent"]
        digits = measure.digits if suffix else 0
        formats[heading] = partial(number, language=language, digits=digits, sign=True)
        columns[tell(case, f"plain.rank{suffix}", language, unit=unit)] = table["rank"]
        sets = [
            ranks(int(low), int(high), language)
            for low, high in zip(table["low"], table["high"], strict=True)
        ]
        columns[tell(case, f"plain.set{suffix}", language, unit=unit)] = pd.Series(sets, index=place)
    told = months(lead, language)
    both = {
        told["ago"]: lead.table.set_index("place")["before"],
        told["month"]: lead.table.set_index("place")["after"],
    }
    formats |= {heading: partial(number, language=language, digits=measure.digits) for heading in both}
    frame = pd.DataFrame(columns | both)
    frame.index = pd.Index([case.name(p, language) for p in place], name=tell(case, "plain.city", language))
    return Table(
        frame,
        caption=tell(case, "plain.caption", language, measure=measure.label[language], **told),
        name="plain-ranking",
        formats=formats,
        notes=_plain_notes(case, rankings, lead, language),
        simulated=case.simulated,
        language=language,
    )


def _plain_notes(case: BulletinCase, rankings: Rankings, lead: MonthRanking, language: str) -> list[str]:
    notes = [tell(case, "plain.note", language, level=level(case))]
    scales = [
        rankings[lead.measure.id, scale].table.set_index("place")["rank"] for scale in lead.measure.scales
    ]
    if len(scales) == 2:
        apart = (scales[0] - scales[1]).abs()
        if (apart > 0).any():
            told = {"count": int((apart > 0).sum()), "most": int(apart.max())}
            notes.append(tell(case, "plain.note_split", language, unit=lead.measure.unit[language], **told))
    if lead.told:
        pairs = (
            tell(
                case,
                "plain.above",
                language,
                better=case.name(better, language),
                worse=names(case, worse, language),
            )
            for better, worse in lead.told.items()
        )
        notes.insert(1, tell(case, "plain.note_told", language, pairs=joined(pairs, language)))
    if lead.autocorrelation.widened:
        values = _autocorrelation(case, lead, language)
        notes.append(tell(case, "plain.note_autocorrelation", language, **values))
    if lead.left_out:
        notes.append(tell(case, "plain.note_left", language, places=names(case, lead.left_out, language)))
    return notes


def _autocorrelation(case: BulletinCase, ranking: MonthRanking, language: str) -> dict[str, object]:
    """How alike neighbouring parts of a month are, as values of a sentence."""
    return {
        "part": case.study.data.parts_name[language],
        "correlation": number(ranking.autocorrelation.correlation, language, 2),
        "error": number(ranking.autocorrelation.error, language, 2),
    }


def _measures_notes(case: BulletinCase, rankings: Rankings, language: str) -> list[str]:
    notes = [tell(case, "measures.note", language, level=level(case))]
    part = case.study.data.parts_name[language]
    widened = []
    for measure in case.study.outcomes:
        one = next((rankings[measure.id, s] for s in measure.scales if (measure.id, s) in rankings), None)
        label = measure.label[language]
        if one is None:
            enough = case.ranked(measure).sum() >= FEWEST_PLACES
            key = "measures.note_refused" if enough else "measures.note_none"
            most = number(REFUSE_ABOVE, language, 2)
            notes.append(tell(case, key, language, measure=label, part=part, most=most))
        elif one.autocorrelation.widened:
            values = _autocorrelation(case, one, language)
            widened.append(tell(case, "measures.autocorrelation", language, measure=label, **values))
    if widened:
        told = {"part": part, "bound": number(WIDEN_ABOVE, language, 2), "list": joined(widened, language)}
        notes.append(tell(case, "measures.note_autocorrelation", language, **told))
    return notes


@in_languages
def measures_table(case: BulletinCase, rankings: Rankings, language: str) -> Table:
    """Who is first by each measure, and how many may be."""
    lists: dict[str, set[str]] = {}
    rows = []
    for measure in case.study.outcomes:
        row = {tell(case, "measures.measure", language): measure.label[language]}
        for scale in ("percent", "level"):
            word = tell(case, f"measures.{scale}", language)
            keys = [tell(case, f"measures.{key}", language, scale=word) for key in ("first", "may")]
            ranking = rankings.get((measure.id, scale))
            row |= dict(zip(keys, _measure_cells(case, ranking, language), strict=True))
            if ranking is not None:
                lists[f"{measure.id}, {scale}"] = set(ranking.first)
        rows.append(row)
    every = set().union(*lists.values())
    one = len(every) == 1
    return Table(
        pd.DataFrame(rows),
        caption=tell(
            case,
            "measures.caption_one" if one else "measures.caption",
            language,
            first=names(case, sorted(every), language),
            count=len(every),
            lists=len(lists),
        ),
        name="measures",
        notes=_measures_notes(case, rankings, language),
        simulated=case.simulated,
        language=language,
    )


def _measure_cells(case: BulletinCase, ranking: MonthRanking | None, language: str) -> tuple[str, str]:
    if ranking is None:
        absent = tell(case, "measures.absent", language)
        return absent, absent
    return (
        tell(
            case,
            "measures.cell",
            language,
            first=names(case, ranking.first, language),
            change=change(ranking, leading_row(ranking), language),
        ),
        tell(case, "measures.count", language, count=len(ranking.could_be_first), places=ranking.n),
    )


@in_languages
def cities_table(case: BulletinCase, rankings: Rankings, language: str) -> Table:
    """Every place by every measure: its plain rank with its set."""
    wanted = case.study.bulletin
    lead = rankings[wanted.measure, wanted.scale]
    place = lead.table["place"].tolist()
    columns = {}
    for measure in case.study.outcomes:
        ranking = rankings.get((measure.id, "percent" if "percent" in measure.scales else "level"))
        table = lead.table.iloc[:0] if ranking is None else ranking.table.set_index("place")
        columns[measure.label[language]] = [
            tell(
                case,
                "cities.cell",
                language,
                rank=table["rank"][p],
                set=ranks(int(table["low"][p]), int(table["high"][p]), language),
            )
            if p in table.index
            else tell(case, "cities.absent", language)
            for p in place
        ]
    frame = pd.DataFrame(columns)
    frame.index = pd.Index([case.name(p, language) for p in place], name=tell(case, "cities.city", language))
    return Table(
        frame,
        caption=tell(case, "cities.caption", language),
        name="every-measure",
        notes=tell(case, "cities.note", language, lead=lead.measure.phrase[language]),
        simulated=case.simulated,
        language=language,
    )
