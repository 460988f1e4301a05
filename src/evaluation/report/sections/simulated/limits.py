"""What a real record could show, what could mislead, what would settle it, and the record."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.analysis.simulated import Detectable, SimulatedCase
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Record, Table
from evaluation.report.language import date as written_date
from evaluation.report.language import number
from evaluation.report.sections.limits import threat_items
from evaluation.report.sections.simulated.wording import join, percent, said, source_line
from evaluation.report.text import Text

DRAWN = (5, 20, 100)
"""Counts a month whose curves are drawn; the table has all."""


@said
def power_figure(case: SimulatedCase, power: Detectable, *, text: Text) -> Figure:
    """How often a fall would be found, by its size and by how much is counted."""
    counts = [count for count in power.smallest["count"] if count in DRAWN] or list(
        power.smallest["count"][:3]
    )
    smallest = dict(zip(power.smallest["count"], power.smallest["smallest"], strict=True))
    names = {count: text("power.label", count=f"{count:g}") for count in counts}
    middle = counts[len(counts) // 2]
    said = [
        text(
            "power.alt_row",
            count=f"{count:g}",
            smallest=percent(smallest[count], text, sign=False),
        )
        for count in counts
    ]
    tables = {
        names[count]: power.table.loc[power.table["count"] == count, ["effect", "power"]] for count in counts
    }
    return figures.power_curve(
        tables,
        x_label=text("power.axis", units=power.units),
        title=text(
            "power.title",
            count=f"{middle:g}",
            smallest=percent(smallest[middle], text, sign=False),
        ),
        source=source_line(case, text),
        alt=text("power.alt", rows=join(said, text)),
        language=text.language,
        name="power",
        simulated=True,
        smallest={names[count]: float(smallest[count]) for count in counts},
        unit="%",
    )


@said
def power_table(case: SimulatedCase, power: Detectable, *, text: Text) -> Table:
    """The smallest fall found four times in five, for each count."""
    settings = case.study.power
    frame = pd.DataFrame(
        {
            text("power.count"): [number(n, text.language, 0) for n in power.smallest["count"]],
            text("power.yearly"): [number(n, text.language, 0) for n in power.smallest["yearly"]],
            text("power.smallest"): [
                percent(value, text, sign=False) if np.isfinite(value) else number(None, text.language)
                for value in power.smallest["smallest"]
            ],
            text("power.size"): [
                percent(100 * value, text, 1, sign=False) for value in power.smallest["size"]
            ],
        }
    )
    return Table(
        frame,
        data=power.smallest,
        caption=text("power.caption", units=power.units, months=power.months),
        name="detectable",
        notes=text(
            "power.note",
            noise=percent(100 * settings.noise, text, sign=False),
            before=power.before,
            months=power.months,
            draws=number(power.draws, text.language, 0),
            placebo=f"1/{power.units} = {power.smallest_p:.3f}",
        ),
        simulated=True,
        language=text.language,
    )


@said
def threats(case: SimulatedCase, *, text: Text) -> Prose:
    """What could mislead, in plain words, each with which way."""
    lines = threat_items(case.study.threats, text)
    return Prose("\n".join([text("threats.lead", count=len(lines)), "", *lines]))


@said
def settle(case: SimulatedCase, *, text: Text) -> Prose:
    """Data that would decide."""
    return Prose("\n".join(f"- {item[text.language]}" for item in case.study.settle))


@said
def record(case: SimulatedCase, *, text: Text) -> Record:
    """Choices, and the tables that were read."""
    study = case.study
    items: list[tuple[str, object]] = []
    if case.overrides:
        changed = [f"{key} = {value}" for key, value in case.overrides.items()]
        items.append((text("record.overrides"), join(changed, text)))
    source = [
        study.source.title[text.language],
        study.source.publisher[text.language],
        written_date(study.source.date, text.language),
        text("record.section", section=study.source.section),
    ]
    comparisons = [
        text("record.labelled", label=case.label(item, text.language), why=item.why[text.language])
        for item in study.comparisons
    ]
    items += [
        (text("record.source"), join(source, text)),
        (text("record.simulation"), text("record.simulation_text")),
        (text("record.comparisons"), join(comparisons, text)),
        (text("record.seed"), study.seed),
    ]
    for table in case.sources:
        key = "record.table_simulated" if table.simulated else "record.table"
        origin = text("record.from", source=table.source[text.language], sha256=table.sha256)
        items.append((text(key, name=table.name), origin))
    return Record(items)
