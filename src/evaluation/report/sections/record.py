"""The record of choices and tables, and the regression once more in another package."""

from __future__ import annotations

from typing import Any

import pandas as pd

from evaluation.analysis.staggered import StaggeredCase
from evaluation.analysis.staggered.size import MOST_CELLS
from evaluation.panel import Panel
from evaluation.report.display import Prose, Record, Table
from evaluation.report.language import date, number
from evaluation.report.sections.base import counted, group, label_of, period_of, said
from evaluation.report.text import Text, bare
from evaluation.result import Result


def can_replicate(panel: Panel) -> bool:
    """Whether a regression with an indicator for each unit and period is of a size that a page can make."""
    return _cells(panel) <= MOST_CELLS


def _cells(panel: Panel) -> int:
    frame = panel.frame
    return int(len(frame) * (frame[panel.unit].nunique() + frame[panel.time].nunique()))


@said
def replication_lead(case: StaggeredCase, panel: Panel, *, text: Text) -> Prose:
    """What the cell below does, under its heading, or why it does not."""
    told = text("record.lead")
    if not can_replicate(panel):
        units, times = (panel.frame[name].nunique() for name in (panel.unit, panel.time))
        told = text(
            "record.skipped",
            units=number(units, text.language, 0),
            counted=counted(text, units),
            spell=text("words.spell", count=times),
            cells=number(_cells(panel), text.language, 0),
        )
    return Prose(f"{text('record.heading')}\n\n{told}")


@said
def replication(case: StaggeredCase, ours: Result, plain: Any, *, text: Text) -> Table:
    """The simple regression by this project and by statsmodels, side by side.

    Parameters
    ----------
    case : StaggeredCase
    ours : Result
        One term.
    plain : statsmodels results
        With a parameter ``treated``.
    """
    frame = pd.DataFrame(
        {
            text("record.estimate"): [ours.estimate, float(plain.params["treated"])],
            text("record.error"): [ours.std_error, float(plain.bse["treated"])],
        },
        index=pd.Index(["evaluation", "statsmodels"], name=text("record.package")),
    )
    return Table(
        frame,
        caption=text("record.replication", outcome=case.lead.phrase[text.language]),
        name="replication",
        formats=dict.fromkeys(frame.columns, ".8f"),
        simulated=case.simulated,
        language=text.language,
    )


@said
def record(case: StaggeredCase, *, text: Text) -> Record:
    """Choices, and the tables that were read."""
    study, data, language = case.study, case.study.data, text.language

    def join(parts: list[str]) -> str:
        return text.listed([part for part in parts if part], short=False)

    def why(item: Any) -> str:
        return bare(item.why[language]) if item.why else ""

    def labelled(label: str, item: Any) -> str:
        return text("words.labelled", label=label, why=why(item)) if why(item) else label

    units = case.table[data.unit].nunique()
    first = case.first(case.lead)[case.treated(case.lead)]
    items: dict[str, object] = {}
    if case.overrides:
        items["overrides"] = join([f"{key} = {value}" for key, value in case.overrides.items()])
    if study.source is not None:
        source = study.source
        section = text("record.section", section=source.section)
        items["source"] = join(
            [source.title[language], source.publisher[language], date(source.date, language), section]
        )
    start, end = (period_of(case, when, text) for when in (data.start, data.end))
    items["window"] = text("record.span", start=start, end=end)
    counts = text(
        "record.counts",
        treated=len(first),
        units=units,
        dates=first.nunique(),
        counted=counted(text, units),
    )
    items["treatment"] = join([why(study.treatment), counts])
    already = case.already(case.lead)
    if already:
        items["already"] = join([case.name(unit, language) for unit in already])
    if study.alternatives:
        items["alternatives"] = join([labelled(one.label[language], one) for one in study.alternatives])
    items["comparisons"] = join(
        [labelled(group(case, one, text, *study.outcomes), one) for one in study.comparisons]
    )
    if study.neighbours is not None:
        items["neighbours"] = study.neighbours.label[language]
    if study.rule.text:
        fixed = {"rule": study.rule.text[language], "fixed_on": study.rule.fixed_on}
        items["rule"] = text("record.fixed", **fixed)
    if study.end is not None:
        items["end"] = study.end.why[language]
    if study.design.window is not None:
        items["near"] = text(
            "record.near",
            months=study.design.window,
            count_periods=study.design.periods(data.frequency),
            rows=number(case.left_out(case.lead), language, 0),
            outcome=label_of(case.lead, text),
        )
    if study.estimator is not None:
        items["estimator"] = text("record.estimator_all", name=text(f"methods.{study.estimator}"))
    missing = {label_of(o, text): case.missing(o) for o in study.outcomes if case.missing(o)}
    if missing:
        items["missing"] = join(
            [text("record.missing_one", outcome=name, count=count) for name, count in missing.items()]
        )
    items["seed"] = study.seed
    pairs = [(text(f"record.{key}"), value) for key, value in items.items()]
    for table in case.sources:
        known = table.source[language] if table.source else ""
        key = "record.table_from" if getattr(table, "registered", True) else "record.unregistered"
        origin = text(key, source=known, sha256=table.sha256)
        pairs.append((text("record.table", name=table.name), origin))
    return Record(pairs)
