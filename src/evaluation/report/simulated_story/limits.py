"""What a real record could show, what could mislead, what would settle it, and the record."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.analysis.simulated import Detectable, SimulatedCase
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Record, Table
from evaluation.report.language import date as written_date
from evaluation.report.language import number
from evaluation.report.languages import in_languages
from evaluation.report.simulated_story.wording import join, percent, say, source_line
from evaluation.report.story.wording import threat_items

DRAWN = (5, 20, 100)
"""Counts a month whose curves are drawn; the table has all."""


@in_languages
def power_figure(case: SimulatedCase, power: Detectable, language: str) -> Figure:
    """How often a fall would be found, by its size and by how much is counted."""
    counts = [count for count in power.smallest["count"] if count in DRAWN] or list(
        power.smallest["count"][:3]
    )
    smallest = dict(zip(power.smallest["count"], power.smallest["smallest"], strict=True))
    names = {count: say("power.label", language, count=f"{count:g}") for count in counts}
    middle = counts[len(counts) // 2]
    said = [
        say(
            "power.alt_row",
            language,
            count=f"{count:g}",
            smallest=percent(smallest[count], language, sign=False),
        )
        for count in counts
    ]
    tables = {
        names[count]: power.table.loc[power.table["count"] == count, ["effect", "power"]] for count in counts
    }
    return figures.power_curve(
        tables,
        x_label=say("power.axis", language, units=power.units),
        title=say(
            "power.title",
            language,
            count=f"{middle:g}",
            smallest=percent(smallest[middle], language, sign=False),
        ),
        source=source_line(case, language),
        alt=say("power.alt", language, rows=join(said, language)),
        language=language,
        name="power",
        simulated=True,
        smallest={names[count]: float(smallest[count]) for count in counts},
        unit="%",
    )


@in_languages
def power_table(case: SimulatedCase, power: Detectable, language: str) -> Table:
    """The smallest fall found four times in five, for each count."""
    settings = case.study.power
    frame = pd.DataFrame(
        {
            say("power.count", language): [number(n, language, 0) for n in power.smallest["count"]],
            say("power.yearly", language): [number(n, language, 0) for n in power.smallest["yearly"]],
            say("power.smallest", language): [
                percent(value, language, sign=False) if np.isfinite(value) else number(None, language)
                for value in power.smallest["smallest"]
            ],
            say("power.size", language): [
                percent(100 * value, language, 1, sign=False) for value in power.smallest["size"]
            ],
        }
    )
    return Table(
        frame,
        data=power.smallest,
        caption=say("power.caption", language, units=power.units, months=power.months),
        name="detectable",
        notes=say(
            "power.note",
            language,
            noise=percent(100 * settings.noise, language, sign=False),
            before=power.before,
            months=power.months,
            draws=number(power.draws, language, 0),
            placebo=f"1/{power.units} = {power.smallest_p:.3f}",
        ),
        simulated=True,
        language=language,
    )


@in_languages
def threats(case: SimulatedCase, language: str) -> Prose:
    """What could mislead, in plain words, each with which way."""
    lines = threat_items(case.study.threats, language)
    return Prose("\n".join([say("threats.lead", language, count=len(lines)), "", *lines]))


@in_languages
def settle(case: SimulatedCase, language: str) -> Prose:
    """Data that would decide."""
    return Prose("\n".join(f"- {item[language]}" for item in case.study.settle))


@in_languages
def record(case: SimulatedCase, language: str) -> Record:
    """Choices, and the tables that were read."""
    study = case.study
    items: list[tuple[str, object]] = []
    if case.overrides:
        changed = [f"{key} = {value}" for key, value in case.overrides.items()]
        items.append((say("record.overrides", language), join(changed, language)))
    source = [
        study.source.title[language],
        study.source.publisher[language],
        written_date(study.source.date, language),
        say("record.section", language, section=study.source.section),
    ]
    comparisons = [
        say("record.labelled", language, label=case.label(item, language), why=item.why[language])
        for item in study.comparisons
    ]
    items += [
        (say("record.source", language), join(source, language)),
        (say("record.simulation", language), say("record.simulation_text", language)),
        (say("record.comparisons", language), join(comparisons, language)),
        (say("record.seed", language), study.seed),
    ]
    for table in case.sources:
        key = "record.table_simulated" if table.simulated else "record.table"
        origin = say("record.from", language, source=table.source[language], sha256=table.sha256)
        items.append((say(key, language, name=table.name), origin))
    return Record(items)
