"""Figures on the published facts: the limits of 2015, and the claim of 80 %."""

from __future__ import annotations

from functools import partial

import pandas as pd

from evaluation.analysis.limits import Limits, compatible, limit_bounds, limit_curve
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.language import number, percent
from evaluation.report.languages import in_languages
from evaluation.report.story.wording import sentence

PACKAGE = "evaluation.report.approval_story"
say = partial(sentence, PACKAGE)


@in_languages
def limits_figure(limits: Limits, language: str) -> Figure:
    """How much sooner the kept items were promised, by what the dropped ones were.

    Parameters
    ----------
    limits : Limits
        From `evaluation.analysis.limits.official_limits`.
    language : {"en", "zh"}
    """
    rows = limit_bounds(limits).set_index("case")
    told = {"kept": limits.items_after, "dropped": limits.dropped}

    def share(case: str) -> float:
        return float(rows["percent"][case]) / 100

    def mean(case: str) -> str:
        return number(float(rows["dropped_mean"][case]), language, 1)

    marks = [
        (
            float(rows["dropped_mean"][case]),
            float(rows["percent"][case]),
            say(
                f"limits.{case}",
                language,
                mean=mean(case),
                percent=percent(share(case), language, sign=True),
            ),
        )
        for case in ("shortest", "all_dropped", "average")
    ]
    return figures.possible(
        limit_curve(limits),
        x="dropped_mean",
        y="percent",
        marks=marks,
        x_label=say("limits.x", language, **told),
        y_label=say("limits.y", language, **told),
        title=say("limits.title", language, most=percent(-share("shortest"), language)),
        source=say("limits.source", language),
        alt=say(
            "limits.alt",
            language,
            percent=percent(-share("shortest"), language),
            even=mean("all_dropped"),
            mean=mean("average"),
            average=percent(share("average"), language),
            **told,
        ),
        language=language,
        name="limits-2015",
    )


@in_languages
def limits_table(limits: Limits, language: str) -> Table:
    """The fall of the summed limits in two parts, case by case."""
    rows = limit_bounds(limits)
    shown = []
    for row in rows.to_dict("records"):
        days = say("limits.days", language, mean=number(row["dropped_mean"], language, 1))
        shown.append(
            {
                say("limits.case", language): say(f"limits.what_{row['case']}", language, days=days),
                say("limits.dropped", language): number(row["dropped"], language, 0, sign=True),
                say("limits.handling", language): number(round(row["handling"]), language, 0, sign=True),
                say("limits.percent", language): percent(row["percent"] / 100, language, sign=True),
            }
        )
    best = float(rows["handling"].min())
    zero = Limits(limits.items_before, limits.items_after, limits.days_before, limits.days_after, 0.0)
    change = limits.days_after - limits.days_before
    return Table(
        pd.DataFrame(shown),
        data=rows,
        caption=say(
            "limits.caption",
            language,
            fall=number(-change, language, 0),
            low=say("limits.none", language),
            high=number(-best, language, 0),
        ),
        name="limits-2015-table",
        notes=say(
            "limits.note",
            language,
            change=number(change, language, 0, sign=True),
            zero=number(-zero.handling(0.0), language, 0),
        ),
        language=language,
    )


@in_languages
def eighty_sentence(language: str) -> Prose:
    """What the claim compares with, in two sentences."""
    return Prose(say("eighty.sentence", language))


@in_languages
def eighty_figure(below_limit: float, language: str) -> Figure:
    """Falls of handling time that are compatible with "at least so far below the statutory limit".

    Parameters
    ----------
    below_limit : float
        Such as 0.8.
    language : {"en", "zh"}
    """
    left = 1 - below_limit
    full, half = left - 1, left / 0.5 - 1
    marks = [(left, 0.0, say("eighty.fifth", language))] + [
        (at, 100 * change, say(f"eighty.{key}", language, percent=percent(change, language, sign=True)))
        for key, at, change in (("half", 0.5, half), ("full", 1.0, full))
    ]
    return figures.possible(
        compatible(below_limit),
        x="before",
        y="percent",
        marks=marks,
        shaded=say("eighty.shaded", language),
        x_percent=True,
        x_label=say("eighty.x", language),
        y_label=say("eighty.y", language),
        title=say("eighty.title", language),
        source=say("eighty.source", language, share=percent(below_limit, language)),
        alt=say("eighty.alt", language, full=percent(-full, language), half=percent(-half, language)),
        language=language,
        name="eighty-percent",
    )
