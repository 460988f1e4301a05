"""The raw record and the placebo comparison as figures and a table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from evaluation.analysis import EventPath, Headline, YearTable
from evaluation.analysis.staggered import StaggeredCase
from evaluation.report import figures
from evaluation.report.display import Figure, Table
from evaluation.report.language import month, number, p_value
from evaluation.report.sections.base import source_line
from evaluation.report.sections.one_place.wording import (
    amount,
    change_sentence,
    place,
    said,
    unusual,
)
from evaluation.report.text import Text, sentence_case


@said
def years_figure(case: StaggeredCase, head: Headline, pool: str, *, text: Text) -> Figure:
    """Every place's yearly figures as thin lines, the treated one strong, the others' mean dashed."""
    wide = _wide(case, head, pool, text)
    group = case.label(pool, text.language)
    return figures.series(
        wide,
        treated=place(case, text),
        highlight_mean=text("years.mean", group=group),
        y_label=_axis(head, text),
        title=_title(case, head, pool, text),
        source=source_line(case, text),
        alt=_alt(case, head, pool, wide, text),
        language=text.language,
        name=f"years-{head.years.outcome.id}-{pool}",
        simulated=case.simulated,
    )


def _wide(case: StaggeredCase, head: Headline, pool: str, text: Text) -> pd.DataFrame:
    units = [case.treated_unit, *case.donors(pool)]
    wide = head.years.values.loc[units].T
    wide.columns = pd.Index([case.name(unit, text.language) for unit in units])
    return wide


def _axis(head: Headline, text: Text) -> str:
    outcome = head.years.outcome
    key = "years.axis" if outcome.annual == "sum" else "years.axis_mean"
    return text(key, outcome=outcome.label[text.language], unit=outcome.unit[text.language])


def _title(case: StaggeredCase, head: Headline, pool: str, text: Text) -> str:
    outcome = head.years.outcome
    return text(
        "years.title",
        place=place(case, text),
        group=case.label(pool, text.language),
        ours=amount(head.change, outcome, text, sign=True),
        theirs=amount(head.others_change[pool], outcome, text, sign=True),
    )


def _alt(case: StaggeredCase, head: Headline, pool: str, wide: pd.DataFrame, text: Text) -> str:
    outcome = head.years.outcome
    values = [
        text("years.value", year=year, value=number(value, text.language, outcome.digits))
        for year, value in wide[place(case, text)].items()
    ]
    return text(
        "years.alt",
        outcome=outcome.phrase[text.language],
        first=wide.index[0],
        last=wide.index[-1],
        count=wide.shape[1],
        place=place(case, text),
        values=text("claims.separator").join(values),
        story=change_sentence(case, head, pool, text),
    )


@said
def record_table(
    case: StaggeredCase, tables: Sequence[YearTable], pool: str, *, text: Text, before: int, after: int
) -> Table:
    """The record of every city: yearly figures and change, by each way of measuring.

    Parameters
    ----------
    case : StaggeredCase
    tables : sequence of YearTable
        The first one orders the rows by its change.
    pool : str
    before, after : int
        The years whose change is shown.
    """
    units = [case.treated_unit, *case.donors(pool)]
    lead = tables[0]
    change = lead.change(before, after).loc[units].sort_values(ascending=False, kind="stable")
    columns: dict[str, pd.Series] = {}
    formats = {}
    for table in tables:
        outcome, digits = table.outcome, table.outcome.digits
        label = (outcome.short or outcome.label)[text.language]
        for year in table.values.columns:
            heading = text("record.year", outcome=label, year=year)
            columns[heading] = table.values[year].loc[change.index]
            formats[heading] = partial(number, language=text.language, digits=digits)
        heading = text("record.change", outcome=label, before=before, after=after)
        columns[heading] = table.change(before, after).loc[change.index]
        formats[heading] = partial(number, language=text.language, digits=digits, sign=True)
    frame = pd.DataFrame(columns)
    frame.index = pd.Index([case.name(unit, text.language) for unit in frame.index], name=text("record.city"))
    mean = float(change.drop(case.treated_unit).mean())
    return Table(
        frame,
        caption=text(
            "record.caption",
            before=before,
            after=after,
            outcome=sentence_case(lead.outcome.phrase[text.language]),
            mean=amount(mean, lead.outcome, text, sign=True, digits=1),
        ),
        name="record",
        formats=formats,
        notes=text("record.note"),
        simulated=case.simulated,
        language=text.language,
    )


@said
def placebo_figure(case: StaggeredCase, head: Headline, pool: str, *, text: Text) -> Figure:
    """Where the treated place stands among the places where nothing was claimed."""
    test, outcome = head.tests[pool], head.years.outcome
    # by the table's own names, which are unique in every language
    values = pd.Series(test.placebo[:, 0], index=list(test.labels))
    values[case.treated_unit] = test.estimate
    as_far, others = unusual(head, pool)
    told = {"place": place(case, text), "as_far": as_far, "others": others}
    return figures.placebo(
        values,
        treated=case.treated_unit,
        labels={case.treated_unit: place(case, text)},
        x_label=text("placebo.axis", before=head.before, after=head.after, unit=outcome.unit[text.language]),
        title=text("placebo.title", **told),
        source=source_line(case, text),
        alt=text(
            "placebo.alt",
            group=case.label(pool, text.language),
            outcome=outcome.label[text.language],
            gap=amount(test.estimate, outcome, text, sign=True),
            p=p_value(test.p_value, text.language),
            **told,
        ),
        language=text.language,
        name=f"placebo-{outcome.id}-{pool}",
        simulated=case.simulated,
    )


@said
def path_figure(case: StaggeredCase, path: EventPath, *, text: Text) -> Figure:
    """The event study of the treated place within the band of the donors' own paths."""
    outcome, frame, start = path.outcome, path.frame, month(path.date, text.language)
    after = frame[frame["event_time"] >= 0]
    outside = (after["estimate"] < after["placebo_low"]) | (after["estimate"] > after["placebo_high"])
    expected = round(0.05 * len(after))
    told = {"outside": int(outside.sum()), "count": len(after), "start": start}
    return figures.event_study(
        frame.assign(ci_low=float("nan"), ci_high=float("nan")),
        bands=text("path.band", donors=path.n_donors),
        policy=start,
        x_label=text("path.x_axis", start=start),
        y_label=text("path.y_axis", unit=outcome.unit[text.language]),
        title=text("path.title", expected=expected, **told),
        source=source_line(case, text),
        alt=text(
            "path.alt",
            outcome=outcome.label[text.language],
            place=place(case, text),
            group=case.label(path.pool, text.language),
            mean=amount(float(after["estimate"].mean()), outcome, text, sign=True, digits=outcome.digits + 1),
            donors=path.n_donors,
            **told,
        ),
        language=text.language,
        name=f"event-study-{outcome.id}-{path.date}",
        simulated=case.simulated,
    )
