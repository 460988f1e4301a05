"""What could be wrong, what would settle it, and the record of choices."""

from __future__ import annotations

from typing import Any

import pandas as pd

from evaluation.analysis import Headline
from evaluation.analysis.staggered import StaggeredCase
from evaluation.report.display import Prose, Record, Table
from evaluation.report.language import date as written_date
from evaluation.report.language import month
from evaluation.report.sections.limits import threat_items
from evaluation.report.sections.one_place.wording import amount, said
from evaluation.report.text import Text
from evaluation.result import Result
from evaluation.study.staggered import Outcome


@said
def threats(case: StaggeredCase, *, text: Text) -> Prose:
    """Threats to validity in plain words, each with which way it would bias."""
    lines = threat_items(case.study.threats, text)
    return Prose("\n\n".join([text("threats.lead", count=len(lines)), *lines]))


@said
def settle(case: StaggeredCase, head: Headline, *, text: Text) -> Prose:
    """The smallest effect that this design can show, and data that would decide."""
    lines = [f"**{text('settle.size')}**", ""]
    lines += [f"- {_smallest(case, head, pool.id, text)}" for pool in case.study.comparisons]
    lines += ["", f"**{text('settle.data')}**", ""]
    lines += [f"- {item[text.language]}" for item in case.study.settle]
    return Prose("\n".join(lines))


def _smallest(case: StaggeredCase, head: Headline, pool: str, text: Text) -> str:
    level, test = case.study.rule.level, head.tests[pool]
    told = {"group": case.label(pool, text.language), "level": f"{level:g}"}
    needed = test.critical_value(level)
    if needed is None:
        return text("settle.never", smallest=f"{test.smallest_p:.3f}", **told)
    size = amount(needed, head.years.outcome, text)
    return text("settle.needed", size=size, before=head.before, after=head.after, **told)


@said
def record(case: StaggeredCase, *, text: Text) -> Record:
    """Choices that were fixed beforehand, and the tables that were read."""
    study = case.study
    join = text("claims.separator").join
    dates = [
        text("choices.date", date=month(item.date, text.language), why=item.why[text.language])
        for item in case.dates
    ]
    pools = [
        text(
            "choices.pool",
            label=case.label(pool.id, text.language),
            span=_span(case.span(pool.id), text),
        )
        for pool in study.comparisons
    ]
    incomplete = {
        case.name(unit, text.language): seen
        for pool in study.comparisons
        for unit, seen in case.incomplete(pool.id).items()
    }
    rule = text(
        "choices.fixed",
        rule=study.rule.text[text.language],
        date=written_date(study.rule.fixed_on, text.language),
    )
    items: dict[str, object] = {}
    if case.overrides:
        items["overrides"] = join(f"{key} = {value}" for key, value in case.overrides.items())
    if study.source is not None:
        items["source"] = join(
            [
                study.source.title[text.language],
                study.source.publisher[text.language],
                written_date(study.source.date, text.language),
                text("choices.section", section=study.source.section),
            ]
        )
    items |= {
        "window": _span((study.data.start, study.data.end), text),
        "dates": join(dates),
        "pools": join(pools),
        "rule": rule,
        "seed": study.seed,
    }
    if incomplete:
        items["incomplete"] = join(
            text("choices.incomplete_unit", unit=unit, seen=seen) for unit, seen in incomplete.items()
        )
    pairs = [(text(f"choices.{key}"), value) for key, value in items.items()]
    for table in case.sources:
        origin = text("choices.from", source=table.source[text.language], sha256=table.sha256)
        pairs.append((text("choices.table", name=table.name), origin))
    return Record(pairs)


def _span(window: tuple[Any, Any], text: Text) -> str:
    start, end = (month(when, text.language) for when in window)
    return text("choices.span", start=start, end=end)


@said
def replication(ours: Result, plain: Any, outcome: Outcome, *, text: Text) -> Table:
    """The same regression by this project and by statsmodels, side by side.

    Parameters
    ----------
    ours : Result
        One term, standard error clustered by unit.
    plain : statsmodels results
        With a parameter ``treated``.
    outcome : Outcome
    """
    frame = pd.DataFrame(
        {
            text("replication.estimate"): [ours.estimate, float(plain.params["treated"])],
            text("replication.error"): [ours.std_error, float(plain.bse["treated"])],
        },
        index=pd.Index(["evaluation", "statsmodels"], name=text("replication.package")),
    )
    estimate = amount(ours.estimate, outcome, text, sign=True, digits=outcome.digits + 1)
    return Table(
        frame,
        caption=text("replication.caption", estimate=estimate),
        name="replication",
        formats=dict.fromkeys(frame.columns, ".8f"),
        language=text.language,
    )
