"""What could be wrong, what would settle it, and the record of choices."""

from __future__ import annotations

from typing import Any

import pandas as pd

from evaluation.analysis import Case, Headline
from evaluation.report.display import Prose, Record, Table
from evaluation.report.language import date as written_date
from evaluation.report.language import month
from evaluation.report.languages import in_languages
from evaluation.report.story.wording import amount, say, threat_items
from evaluation.result import Result
from evaluation.study import Outcome


@in_languages
def threats(case: Case, language: str) -> Prose:
    """Threats to validity in plain words, each with which way it would bias."""
    lines = threat_items(case.study.threats, language)
    return Prose("\n\n".join([say("threats.lead", language, count=len(lines)), *lines]))


@in_languages
def settle(case: Case, head: Headline, language: str) -> Prose:
    """The smallest effect that this design can show, and data that would decide."""
    lines = [f"**{say('settle.size', language)}**", ""]
    lines += [f"- {_smallest(case, head, pool.id, language)}" for pool in case.study.pools]
    lines += ["", f"**{say('settle.data', language)}**", ""]
    lines += [f"- {item[language]}" for item in case.study.settle]
    return Prose("\n".join(lines))


def _smallest(case: Case, head: Headline, pool: str, language: str) -> str:
    level, test = case.study.rule.level, head.tests[pool]
    told = {"group": case.label(pool, language), "level": f"{level:g}"}
    needed = test.critical_value(level)
    if needed is None:
        return say("settle.never", language, smallest=f"{test.smallest_p:.3f}", **told)
    size = amount(needed, head.years.outcome, language)
    return say("settle.needed", language, size=size, before=head.before, after=head.after, **told)


@in_languages
def record(case: Case, language: str) -> Record:
    """Choices that were fixed beforehand, and the tables that were read."""
    study = case.study
    join = say("claims.separator", language).join
    source = [
        study.source.title[language],
        study.source.publisher[language],
        written_date(study.source.date, language),
        say("choices.section", language, section=study.source.section),
    ]
    dates = [
        say("choices.date", language, date=month(item.date, language), why=item.why[language])
        for item in study.treatment.dates
    ]
    pools = [
        say(
            "choices.pool",
            language,
            label=case.label(pool.id, language),
            span=_span(case.window(pool.id), language),
        )
        for pool in study.pools
    ]
    incomplete = {
        case.name(unit, language): seen
        for pool in study.pools
        for unit, seen in case.incomplete(pool.id).items()
    }
    rule = say(
        "choices.fixed",
        language,
        rule=study.rule.text[language],
        date=written_date(study.rule.fixed_on, language),
    )
    items: dict[str, object] = {}
    if case.overrides:
        items["overrides"] = join(f"{key} = {value}" for key, value in case.overrides.items())
    items |= {
        "source": join(source),
        "window": _span((study.data.start, study.data.end), language),
        "dates": join(dates),
        "pools": join(pools),
        "rule": rule,
        "seed": study.seed,
    }
    if incomplete:
        items["incomplete"] = join(
            say("choices.incomplete_unit", language, unit=unit, seen=seen)
            for unit, seen in incomplete.items()
        )
    pairs = [(say(f"choices.{key}", language), value) for key, value in items.items()]
    for table in case.sources:
        origin = say("choices.from", language, source=table.source[language], sha256=table.sha256)
        pairs.append((say("choices.table", language, name=table.name), origin))
    return Record(pairs)


def _span(window: tuple[Any, Any], language: str) -> str:
    start, end = (month(when, language) for when in window)
    return say("choices.span", language, start=start, end=end)


@in_languages
def replication(ours: Result, plain: Any, outcome: Outcome, language: str) -> Table:
    """The same regression by this project and by statsmodels, side by side.

    Parameters
    ----------
    ours : Result
        One term, standard error clustered by unit.
    plain : statsmodels results
        With a parameter ``treated``.
    outcome : Outcome
    language : {"en", "zh"}
    """
    frame = pd.DataFrame(
        {
            say("replication.estimate", language): [ours.estimate, float(plain.params["treated"])],
            say("replication.error", language): [ours.std_error, float(plain.bse["treated"])],
        },
        index=pd.Index(["evaluation", "statsmodels"], name=say("replication.package", language)),
    )
    estimate = amount(ours.estimate, outcome, language, sign=True, digits=outcome.digits + 1)
    return Table(
        frame,
        caption=say("replication.caption", language, estimate=estimate),
        name="replication",
        formats=dict.fromkeys(frame.columns, ".8f"),
        language=language,
    )
