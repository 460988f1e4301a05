"""The plain ranking and the record behind it: lines and tables of every place and measure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd

from evaluation.analysis import BulletinCase, MonthRanking, monthly_series
from evaluation.analysis.bulletin_ranks import FEWEST_PLACES, REFUSE_ABOVE, WIDEN_ABOVE
from evaluation.report import figures
from evaluation.report.display import Figure, Table
from evaluation.report.figures_key import Entry
from evaluation.report.language import month as written_month
from evaluation.report.language import number
from evaluation.report.sections.base import source_line
from evaluation.report.sections.bulletin.wording import (
    change,
    joined,
    leading_row,
    level,
    months,
    names,
    ranks,
    said,
)
from evaluation.report.text import Text

Rankings = Mapping[tuple[str, str], MonthRanking]


@said
def lines_figure(case: BulletinCase, ranking: MonthRanking, *, text: Text) -> Figure:
    """A small line a place: the leading measure by month, with both months of the comparison marked."""
    measure, rows = ranking.measure, ranking.table.to_dict("records")
    lines = monthly_series(case, measure.id)
    written = [
        (
            number(r["before"], text.language, measure.digits),
            number(r["after"], text.language, measure.digits),
        )
        for r in rows
    ]
    frame = pd.DataFrame(
        {
            "place": [row["place"] for row in rows],
            "label": [case.name(row["place"], text.language) for row in rows],
            "before": [before for before, _ in written],
            "after": [after for _, after in written],
            "role": ["treated" if row["rank"] == 1 else "comparison" for row in rows],
        }
    )
    told = months(ranking, text)
    start = written_month(lines.index[0], text.language)
    return figures.sparklines(
        lines,
        frame,
        headings=(told["ago"], told["month"]),
        key=(
            Entry(text("lines.key_ago", **told), "comparison", "open"),
            Entry(text("lines.key_now", **told), "comparison"),
        ),
        title=text(
            "lines.title",
            better=int((ranking.table["improvement"] > 0).sum()),
            places=ranking.n,
            **told,
        ),
        subtitle=text("lines.subtitle", measure=measure.label[text.language], start=start),
        source=source_line(case, text),
        alt=text(
            "lines.alt",
            measure=measure.label[text.language],
            start=start,
            month=told["month"],
            rows=joined(
                (
                    text("lines.alt_row", place=label, before=before, after=after)
                    for label, (before, after) in zip(frame["label"], written, strict=True)
                ),
                text,
            ),
        ),
        language=text.language,
        name="lines",
        simulated=case.simulated,
    )


@said
def plain_table(case: BulletinCase, rankings: Rankings, *, text: Text) -> Table:
    """The plain ranking on both scales beside the rank sets."""
    wanted = case.study.bulletin
    lead = rankings[wanted.measure, wanted.scale]
    measure, unit = lead.measure, lead.measure.unit[text.language]
    columns: dict[str, pd.Series] = {}
    formats = {}
    place = lead.table["place"].tolist()
    for scale in sorted(measure.scales, key=lambda scale: scale != wanted.scale):
        ranking, suffix = rankings[measure.id, scale], "" if scale == "percent" else "_level"
        table = ranking.table.set_index("place").loc[place]
        heading = text(f"plain.change{suffix}", unit=unit)
        columns[heading] = table["change" if suffix else "percent"]
        digits = measure.digits if suffix else 0
        formats[heading] = partial(number, language=text.language, digits=digits, sign=True)
        columns[text(f"plain.rank{suffix}", unit=unit)] = table["rank"]
        sets = [
            ranks(int(low), int(high), text) for low, high in zip(table["low"], table["high"], strict=True)
        ]
        columns[text(f"plain.set{suffix}", unit=unit)] = pd.Series(sets, index=place)
    told = months(lead, text)
    both = {
        told["ago"]: lead.table.set_index("place")["before"],
        told["month"]: lead.table.set_index("place")["after"],
    }
    formats |= {heading: partial(number, language=text.language, digits=measure.digits) for heading in both}
    frame = pd.DataFrame(columns | both)
    frame.index = pd.Index([case.name(p, text.language) for p in place], name=text("plain.city"))
    return Table(
        frame,
        caption=text("plain.caption", measure=measure.label[text.language], **told),
        name="plain-ranking",
        formats=formats,
        notes=_plain_notes(case, rankings, lead, text),
        simulated=case.simulated,
        language=text.language,
    )


def _plain_notes(case: BulletinCase, rankings: Rankings, lead: MonthRanking, text: Text) -> list[str]:
    notes = [text("plain.note", level=level(case))]
    scales = [
        rankings[lead.measure.id, scale].table.set_index("place")["rank"] for scale in lead.measure.scales
    ]
    if len(scales) == 2:
        apart = (scales[0] - scales[1]).abs()
        if (apart > 0).any():
            told = {"count": int((apart > 0).sum()), "most": int(apart.max())}
            notes.append(text("plain.note_split", unit=lead.measure.unit[text.language], **told))
    if lead.told:
        pairs = (
            text(
                "plain.above",
                better=case.name(better, text.language),
                worse=names(case, worse, text),
            )
            for better, worse in lead.told.items()
        )
        notes.insert(1, text("plain.note_told", pairs=joined(pairs, text)))
    if lead.autocorrelation.widened:
        values = _autocorrelation(case, lead, text)
        notes.append(text("plain.note_autocorrelation", **values))
    if lead.left_out:
        notes.append(text("plain.note_left", places=names(case, lead.left_out, text)))
    return notes


def _autocorrelation(case: BulletinCase, ranking: MonthRanking, text: Text) -> dict[str, object]:
    """How alike neighbouring parts of a month are, as values of a sentence."""
    return {
        "part": case.study.data.parts_name[text.language],
        "correlation": number(ranking.autocorrelation.correlation, text.language, 2),
        "error": number(ranking.autocorrelation.error, text.language, 2),
    }


def _measures_notes(case: BulletinCase, rankings: Rankings, text: Text) -> list[str]:
    notes = [text("measures.note", level=level(case))]
    part = case.study.data.parts_name[text.language]
    widened = []
    for measure in case.study.outcomes:
        one = next((rankings[measure.id, s] for s in measure.scales if (measure.id, s) in rankings), None)
        label = measure.label[text.language]
        if one is None:
            enough = case.ranked(measure).sum() >= FEWEST_PLACES
            key = "measures.note_refused" if enough else "measures.note_none"
            most = number(REFUSE_ABOVE, text.language, 2)
            notes.append(text(key, measure=label, part=part, most=most))
        elif one.autocorrelation.widened:
            values = _autocorrelation(case, one, text)
            widened.append(text("measures.autocorrelation", measure=label, **values))
    if widened:
        told = {"part": part, "bound": number(WIDEN_ABOVE, text.language, 2), "list": joined(widened, text)}
        notes.append(text("measures.note_autocorrelation", **told))
    return notes


@said
def measures_table(case: BulletinCase, rankings: Rankings, *, text: Text) -> Table:
    """Who is first by each measure, and how many may be."""
    lists: dict[str, set[str]] = {}
    rows = []
    for measure in case.study.outcomes:
        row = {text("measures.measure"): measure.label[text.language]}
        for scale in ("percent", "level"):
            word = text(f"measures.{scale}")
            keys = [text(f"measures.{key}", scale=word) for key in ("first", "may")]
            ranking = rankings.get((measure.id, scale))
            row |= dict(zip(keys, _measure_cells(case, ranking, text), strict=True))
            if ranking is not None:
                lists[f"{measure.id}, {scale}"] = set(ranking.first)
        rows.append(row)
    every = set().union(*lists.values())
    one = len(every) == 1
    return Table(
        pd.DataFrame(rows),
        caption=text(
            "measures.caption_one" if one else "measures.caption",
            first=names(case, sorted(every), text),
            count=len(every),
            lists=len(lists),
        ),
        name="measures",
        notes=_measures_notes(case, rankings, text),
        simulated=case.simulated,
        language=text.language,
    )


def _measure_cells(case: BulletinCase, ranking: MonthRanking | None, text: Text) -> tuple[str, str]:
    if ranking is None:
        absent = text("measures.absent")
        return absent, absent
    return (
        text(
            "measures.cell",
            first=names(case, ranking.first, text),
            change=change(ranking, leading_row(ranking), text),
        ),
        text("measures.count", count=len(ranking.could_be_first), places=ranking.n),
    )


@said
def cities_table(case: BulletinCase, rankings: Rankings, *, text: Text) -> Table:
    """Every place by every measure: its plain rank with its set."""
    wanted = case.study.bulletin
    lead = rankings[wanted.measure, wanted.scale]
    place = lead.table["place"].tolist()
    columns = {}
    for measure in case.study.outcomes:
        ranking = rankings.get((measure.id, "percent" if "percent" in measure.scales else "level"))
        table = lead.table.iloc[:0] if ranking is None else ranking.table.set_index("place")
        columns[measure.label[text.language]] = [
            text(
                "cities.cell",
                rank=table["rank"][p],
                set=ranks(int(table["low"][p]), int(table["high"][p]), text),
            )
            if p in table.index
            else text("cities.absent")
            for p in place
        ]
    frame = pd.DataFrame(columns)
    frame.index = pd.Index([case.name(p, text.language) for p in place], name=text("cities.city"))
    return Table(
        frame,
        caption=text("cities.caption"),
        name="every-measure",
        notes=text("cities.note", lead=lead.measure.phrase[text.language]),
        simulated=case.simulated,
        language=text.language,
    )
