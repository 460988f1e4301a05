"""What could be wrong, what would settle it, and the record of choices."""

from __future__ import annotations

from typing import Any

import pandas as pd

from evaluation.analysis.staggered import Findings, StaggeredCase, detectable
from evaluation.report.display import Prose, Record, Table
from evaluation.report.language import date as written_date
from evaluation.report.language import number, with_unit
from evaluation.report.languages import in_languages
from evaluation.report.staggered_story.wording import group, say, when
from evaluation.report.story.wording import threat_items
from evaluation.result import Result


@in_languages
def threats(case: StaggeredCase, language: str) -> Prose:
    """Threats to validity in plain words, each with which way it would bias."""
    lines = threat_items(case.study.threats, language)
    return Prose("\n\n".join([say("threats.lead", language, count=len(lines)), *lines]))


@in_languages
def settle(case: StaggeredCase, found: Findings, language: str) -> Prose:
    """The smallest effects that this design can show, and data that would decide."""
    level = f"{100 * case.study.rule.level:g}%"
    lines = [f"**{say('settle.size', language)}**", ""]
    beside = group(case, case.main, language, *case.study.outcomes)
    lines += [say("settle.lead", language, level=level, group=beside), ""]
    without = found.estimates[found.estimates["leading"]].set_index("outcome")["no_interval"]
    for row in detectable(case, found.estimates).to_dict("records"):
        outcome = case.study.outcome(row["outcome"])
        told: dict[str, str] = {"outcome": outcome.label[language]}
        # by randomisation no size is computed; with too few assignments no effect can be found
        key = "never" if without[outcome.id] == "few_assignments" else "unknown"
        if row["size"] == row["size"] and outcome.in_percent:
            key = "percent"
            told |= {name: f"{number(abs(row[name]), language, 0)}%" for name in ("fall", "rise")}
        elif row["size"] == row["size"]:
            key = "unit"
            shown = number(row["size"], language)
            told["size"] = with_unit(shown, outcome.unit[language], language)
        lines.append(f"- {say(f'settle.{key}', language, **told)}")
    if case.study.settle:
        lines += ["", f"**{say('settle.data', language)}**", ""]
        lines += [f"- {item[language]}" for item in case.study.settle]
    return Prose("\n".join(lines))


@in_languages
def record(case: StaggeredCase, found: Findings, language: str) -> Record:
    """Choices, and the tables that were read."""
    study = case.study
    join = say("numbers.separator", language).join
    data = study.data
    units = case.table[data.unit].nunique()
    first = case.first(case.lead)[case.treated(case.lead)]
    items: dict[str, object] = {}
    if case.overrides:
        items["overrides"] = join(f"{key} = {value}" for key, value in case.overrides.items())
    if study.source is not None:
        items["source"] = join(
            [
                study.source.title[language],
                study.source.publisher[language],
                written_date(study.source.date, language),
                say("choices.section", language, section=study.source.section),
            ]
        )
    items["window"] = say(
        "choices.span",
        language,
        start=when(data.start, language, data.frequency),
        end=when(data.end, language, data.frequency),
    )
    items["treatment"] = join(
        [
            _bare(study.treatment.why[language]),
            say(
                "choices.counts",
                language,
                treated=len(first),
                units=units,
                places=study.treatment.places[language],
                dates=first.nunique(),
            ),
        ]
    )
    already = case.already(case.lead)
    if already:
        items["already"] = join(case.name(unit, language) for unit in already)
    if study.alternatives:
        items["alternatives"] = join(
            say("choices.labelled", language, label=item.label[language], why=_bare(item.why[language]))
            for item in study.alternatives
        )
    items["comparisons"] = join(
        say(
            "choices.labelled",
            language,
            label=group(case, item, language, *study.outcomes),
            why=_bare(item.why[language]),
        )
        for item in study.comparisons
    )
    if study.neighbours is not None:
        items["neighbours"] = study.neighbours.label[language]
    items["rule"] = say(
        "choices.fixed",
        language,
        rule=study.rule.text[language],
        date=written_date(study.rule.fixed_on, language),
    )
    if study.end is not None:
        items["end"] = study.end.why[language]
    if study.design.window is not None:
        items["near"] = say(
            "choices.near_rows",
            language,
            months=study.design.window,
            periods=study.design.periods(study.data.frequency),
            count=number(case.left_out(case.lead), language, 0),
            outcome=case.lead.label[language],
        )
    if study.estimator is not None:
        items["estimator"] = say(
            "choices.estimator_all", language, name=say(f"methods.{study.estimator}", language)
        )
    missing = {o.label[language]: case.missing(o) for o in study.outcomes if case.missing(o)}
    if missing:
        items["missing"] = join(
            say("choices.missing_one", language, outcome=name, count=count) for name, count in missing.items()
        )
    items["seed"] = study.seed
    pairs = [(say(f"choices.{key}", language), value) for key, value in items.items()]
    for table in case.sources:
        origin = say("choices.from", language, source=table.source[language], sha256=table.sha256)
        pairs.append((say("choices.table", language, name=table.name), origin))
    return Record(pairs)


def _bare(text: str) -> str:
    """A sentence without its full stop, to be joined to others."""
    return text.rstrip(".。")


@in_languages
def replication(case: StaggeredCase, ours: Result, plain: Any, language: str) -> Table:
    """The simple regression by this project and by statsmodels, side by side.

    Parameters
    ----------
    case : StaggeredCase
    ours : Result
        One term.
    plain : statsmodels results
        With a parameter ``treated``.
    language : {"en", "zh"}
    """
    frame = pd.DataFrame(
        {
            say("replication.estimate", language): [ours.estimate, float(plain.params["treated"])],
            say("replication.error", language): [ours.std_error, float(plain.bse["treated"])],
        },
        index=pd.Index(["evaluation", "statsmodels"], name=say("replication.package", language)),
    )
    return Table(
        frame,
        caption=say("replication.caption", language, outcome=case.lead.phrase[language]),
        name="replication",
        formats=dict.fromkeys(frame.columns, ".8f"),
        simulated=case.simulated,
        language=language,
    )
