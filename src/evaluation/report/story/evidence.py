"""The raw record and the placebo comparison as figures and a table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from evaluation.analysis import Case, EventPath, Headline, YearTable
from evaluation.report import figures
from evaluation.report.display import Figure, Table
from evaluation.report.language import month, number, p_value
from evaluation.report.languages import in_languages
from evaluation.report.story.wording import (
    amount,
    change_sentence,
    place,
    say,
    sentence_case,
    source_line,
    unusual,
)


@in_languages
def years_figure(case: Case, head: Headline, pool: str, language: str) -> Figure:
    """Every place's yearly figures as thin lines, the treated one strong, the others' mean dashed."""
    wide = _wide(case, head, pool, language)
    group = case.label(pool, language)
    return figures.series(
        wide,
        treated=place(case, language),
        highlight_mean=say("years.mean", language, group=group),
        y_label=_axis(head, language),
        title=_title(case, head, pool, language),
        source=source_line(case, language),
        alt=_alt(case, head, pool, wide, language),
        language=language,
        name=f"years-{head.years.outcome.id}-{pool}",
        simulated=case.simulated,
    )


def _wide(case: Case, head: Headline, pool: str, language: str) -> pd.DataFrame:
    units = [case.treated, *case.donors(pool)]
    wide = head.years.values.loc[units].T
    wide.columns = pd.Index([case.name(unit, language) for unit in units])
    return wide


def _axis(head: Headline, language: str) -> str:
    outcome = head.years.outcome
    key = "years.axis" if outcome.annual == "sum" else "years.axis_mean"
    return say(key, language, outcome=outcome.label[language], unit=outcome.unit[language])


def _title(case: Case, head: Headline, pool: str, language: str) -> str:
    outcome = head.years.outcome
    return say(
        "years.title",
        language,
        place=place(case, language),
        group=case.label(pool, language),
        ours=amount(head.change, outcome, language, sign=True),
        theirs=amount(head.others_change[pool], outcome, language, sign=True),
    )


def _alt(case: Case, head: Headline, pool: str, wide: pd.DataFrame, language: str) -> str:
    outcome = head.years.outcome
    values = [
        say("years.value", language, year=year, value=number(value, language, outcome.digits))
        for year, value in wide[place(case, language)].items()
    ]
    return say(
        "years.alt",
        language,
        outcome=outcome.phrase[language],
        first=wide.index[0],
        last=wide.index[-1],
        count=wide.shape[1],
        place=place(case, language),
        values=say("claims.separator", language).join(values),
        story=change_sentence(case, head, pool, language),
    )


@in_languages
def record_table(
    case: Case, tables: Sequence[YearTable], pool: str, language: str, before: int, after: int
) -> Table:
    """The record of every city: yearly figures and change, by each way of measuring.

    Parameters
    ----------
    case : Case
    tables : sequence of YearTable
        The first one orders the rows by its change.
    pool : str
    language : {"en", "zh"}
    before, after : int
        The years whose change is shown.
    """
    units = [case.treated, *case.donors(pool)]
    lead = tables[0]
    change = lead.change(before, after).loc[units].sort_values(ascending=False, kind="stable")
    columns: dict[str, pd.Series] = {}
    formats = {}
    for table in tables:
        outcome, digits = table.outcome, table.outcome.digits
        label = (outcome.short or outcome.label)[language]
        for year in table.values.columns:
            heading = say("record.year", language, outcome=label, year=year)
            columns[heading] = table.values[year].loc[change.index]
            formats[heading] = partial(number, language=language, digits=digits)
        heading = say("record.change", language, outcome=label, before=before, after=after)
        columns[heading] = table.change(before, after).loc[change.index]
        formats[heading] = partial(number, language=language, digits=digits, sign=True)
    frame = pd.DataFrame(columns)
    frame.index = pd.Index(
        [case.name(unit, language) for unit in frame.index], name=say("record.city", language)
    )
    mean = float(change.drop(case.treated).mean())
    return Table(
        frame,
        caption=say(
            "record.caption",
            language,
            before=before,
            after=after,
            outcome=sentence_case(lead.outcome.phrase[language]),
            mean=amount(mean, lead.outcome, language, sign=True, digits=1),
        ),
        name="record",
        formats=formats,
        notes=say("record.note", language),
        simulated=case.simulated,
        language=language,
    )


@in_languages
def placebo_figure(case: Case, head: Headline, pool: str, language: str) -> Figure:
    """Where the treated place stands among the places where nothing was claimed."""
    test, outcome = head.tests[pool], head.years.outcome
    # by the table's own names, which are unique in every language
    values = pd.Series(test.placebo[:, 0], index=list(test.labels))
    values[case.treated] = test.estimate
    as_far, others = unusual(head, pool)
    told = {"place": place(case, language), "as_far": as_far, "others": others}
    return figures.placebo(
        values,
        treated=case.treated,
        labels={case.treated: place(case, language)},
        x_label=say(
            "placebo.axis", language, before=head.before, after=head.after, unit=outcome.unit[language]
        ),
        title=say("placebo.title", language, **told),
        source=source_line(case, language),
        alt=say(
            "placebo.alt",
            language,
            group=case.label(pool, language),
            outcome=outcome.label[language],
            gap=amount(test.estimate, outcome, language, sign=True),
            p=p_value(test.p_value, language),
            **told,
        ),
        language=language,
        name=f"placebo-{outcome.id}-{pool}",
        simulated=case.simulated,
    )


@in_languages
def path_figure(case: Case, path: EventPath, language: str) -> Figure:
    """The event study of the treated place within the band of the donors' own paths."""
    outcome, frame, start = path.outcome, path.frame, month(path.date, language)
    after = frame[frame["event_time"] >= 0]
    outside = (after["estimate"] < after["placebo_low"]) | (after["estimate"] > after["placebo_high"])
    expected = round(0.05 * len(after))
    told = {"outside": int(outside.sum()), "count": len(after), "start": start}
    return figures.event_study(
        frame.assign(ci_low=float("nan"), ci_high=float("nan")),
        bands=say("path.band", language, donors=path.n_donors),
        policy=start,
        x_label=say("path.x_axis", language, start=start),
        y_label=say("path.y_axis", language, unit=outcome.unit[language]),
        title=say("path.title", language, expected=expected, **told),
        source=source_line(case, language),
        alt=say(
            "path.alt",
            language,
            outcome=outcome.label[language],
            place=place(case, language),
            group=case.label(path.pool, language),
            mean=amount(
                float(after["estimate"].mean()), outcome, language, sign=True, digits=outcome.digits + 1
            ),
            donors=path.n_donors,
            **told,
        ),
        language=language,
        name=f"event-study-{outcome.id}-{path.date}",
        simulated=case.simulated,
    )
