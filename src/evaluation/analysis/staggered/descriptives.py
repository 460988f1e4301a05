"""What the record shows before anything is modelled: rates by year, around the start, and by cohort."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from evaluation.analysis.disclosure import DisclosureMask
from evaluation.analysis.staggered.case import FIRST, StaggeredCase
from evaluation.analysis.staggered.disclosure import disclosure_mask, stretch, whole_years
from evaluation.study.staggered import Comparison, Outcome

_BEYOND = 2.5
MOST_DRAWN = 300
"""Untreated units beyond which a figure draws so many, evenly spaced in the order of their names."""


@dataclass(frozen=True, eq=False)
class Yearly:
    """Yearly figures: counts over exposure, else means.

    Attributes
    ----------
    outcome : Outcome
    units : pandas.DataFrame
        A row a year, a column an untreated unit that is drawn.
    treated, untreated : pandas.Series
        All treated, and all untreated units of the comparison, taken together.
    beyond : int
        Untreated units left out of ``units`` because their figures are more than 2.5 times as large as the
        largest of both groups.
    thinned : int
        Untreated units left out of ``units`` because there are more than `MOST_DRAWN`.
    starts : tuple of Period
        First and last period in which a unit becomes treated.
    mask : DisclosureMask
        What is withheld: such figures are NaN.
    """

    outcome: Outcome
    units: pd.DataFrame = field(repr=False)
    treated: pd.Series = field(repr=False)
    untreated: pd.Series = field(repr=False)
    beyond: int
    starts: tuple[pd.Period, pd.Period]
    mask: DisclosureMask
    thinned: int = 0


def yearly(case: StaggeredCase, outcome: Outcome, comparison: Comparison | None = None) -> Yearly:
    """Yearly figures of the treated and of every untreated unit of a comparison.

    Parameters
    ----------
    case : StaggeredCase
    outcome : Outcome
    comparison : Comparison, optional
        The main one when absent.
    """
    rows, mask = whole_years(case, case.rows(outcome, comparison)), disclosure_mask(case, outcome)
    ever = rows[FIRST].notna()
    unit = case.study.data.unit
    treated = _figures(case, outcome, rows[ever], ["year"], mask)
    untreated = _figures(case, outcome, rows[~ever], ["year"], mask)
    others = rows[~ever]
    names = pd.unique(others[unit])
    if len(names) > MOST_DRAWN:
        kept = names[np.linspace(0, len(names) - 1, MOST_DRAWN).round().astype(int)]
        others = others[others[unit].isin(kept)]
    each = _figures(case, outcome, others, [unit, "year"], mask).unstack(unit)
    most = _BEYOND * max(treated.max(), untreated.max())
    beyond = each.columns[each.max() > most]
    drawn = each.drop(columns=beyond)
    treated, untreated = mask.masked(treated, "treated"), mask.masked(untreated, "others")
    if len(drawn.columns):  # all columns at once: a frame that grows by one column after the other is slow
        drawn = drawn.apply(lambda column: mask.masked(column, "unit", column.name))
    first = case.first(outcome)[case.treated(outcome)]
    return Yearly(
        outcome,
        drawn,
        treated,
        untreated,
        len(beyond),
        (first.min(), first.max()),
        mask,
        max(len(names) - MOST_DRAWN, 0),
    )


def _figures(
    case: StaggeredCase, outcome: Outcome, rows: pd.DataFrame, by: list[str], mask: DisclosureMask
) -> pd.Series:
    """Counts over exposure (a mean rate a period), mean counts a period, or means."""
    data = case.study.data
    grouped = rows.groupby(by)
    if outcome.model != "count":
        return grouped[outcome.column].mean()
    events = mask.rounded(grouped[outcome.column].sum())
    if data.exposure is None:
        return events / grouped[outcome.column].count()
    return data.per * events / grouped[data.exposure].sum()


@dataclass(frozen=True, eq=False)
class EventTimeMeans:
    """Treated units by time since their start, beside the comparison in the same calendar periods.

    Attributes
    ----------
    outcome : Outcome
    frame : pandas.DataFrame
        Index event time, columns ``treated, untreated``: figures relative to their own mean over the event
        times before 0 that are shown: in percent of it, which is 100, or for outcomes whose effects are said
        in their unit the difference from it.
    before, after : tuple of float
        Treated and untreated before (mean over event times) and after, in the outcome's unit or rate.
    mask : DisclosureMask
        What is withheld: such figures are NaN.
    """

    outcome: Outcome
    frame: pd.DataFrame = field(repr=False)
    before: tuple[float, float]
    after: tuple[float, float]
    mask: DisclosureMask

    @property
    def changes(self) -> tuple[float, float]:
        """Change of each from before to after, in percent."""
        (a, b), (c, d) = self.before, self.after
        return 100 * (c / a - 1), 100 * (d / b - 1)


def event_time_means(
    case: StaggeredCase, outcome: Outcome, comparison: Comparison | None = None
) -> EventTimeMeans:
    """The raw figures by time since the start; nothing is modelled.

    For each event time the treated units observed then are pooled, and for each of them the untreated
    units' pooled figure of the same calendar period, weighted as the treated unit is. Where every unit is
    treated in the end, the figure is of those that are not yet, and periods without one are left out.

    Parameters
    ----------
    case : StaggeredCase
    outcome : Outcome
    comparison : Comparison, optional
    """
    data = case.study.data
    rows = case.rows(outcome, comparison)
    ever = rows[FIRST].notna()
    counts = outcome.model == "count"
    low, high = case.window()
    weight = rows[data.exposure] if counts and data.exposure else pd.Series(1.0, index=rows.index)
    total = rows[outcome.column] if counts else rows[outcome.column] * weight
    # where all are treated in the end, those that are not yet
    beside = ~ever if not ever.all() else rows[data.time] < rows[FIRST]
    never = pd.DataFrame(
        {"total": total[beside], "weight": weight[beside], "time": rows.loc[beside, data.time]}
    )
    pooled = never.groupby("time")[["total", "weight"]].sum()
    rate = pooled["total"] / pooled["weight"]
    mine = pd.DataFrame({"total": total[ever], "weight": weight[ever]})
    mine["event"] = rows.loc[ever, data.time].array.asi8 - rows.loc[ever, FIRST].array.asi8
    mine["other"] = rows.loc[ever, data.time].map(rate) * mine["weight"]
    mine = mine[(mine["event"] >= low) & (mine["event"] <= high) & mine["other"].notna()]
    sums = mine.groupby("event")[["total", "other", "weight"]].sum()
    scale = data.per if counts and data.exposure else 1.0
    figures = pd.DataFrame(
        {
            "treated": scale * sums["total"] / sums["weight"],
            "untreated": scale * sums["other"] / sums["weight"],
        }
    )
    before, after = figures[figures.index < 0].mean(), figures[figures.index >= 0].mean()
    mask = disclosure_mask(case, outcome)
    if mask.active:
        rate = mask.rounded(pooled["total"]) / pooled["weight"]
        figures["treated"] = scale * mask.rounded(sums["total"]) / sums["weight"]
        mine["other"] = rows.loc[mine.index, data.time].map(rate) * mine["weight"]
        figures["untreated"] = scale * mine.groupby("event")["other"].sum() / sums["weight"]
        figures["treated"] = mask.masked(figures["treated"], "event")
        figures["untreated"] = mask.masked(figures["untreated"], "other")
    return EventTimeMeans(
        outcome,
        100 * figures / before if outcome.in_percent else figures - before,
        (float(before["treated"]), float(before["untreated"])),
        (float(after["treated"]), float(after["untreated"])),
        mask,
    )


def cohorts(case: StaggeredCase, outcome: Outcome, comparison: Comparison | None = None) -> pd.DataFrame:
    """Raw figures of each cohort before and after its start, and of the comparison in the same periods.

    Parameters
    ----------
    case : StaggeredCase
    outcome : Outcome
    comparison : Comparison, optional

    Returns
    -------
    pandas.DataFrame
        ``cohort, places, before, after, change, others_change``: figures in the outcome's unit or rate,
        changes in percent (for rates and levels, in the unit). What is withheld is NaN, with the changes
        made from it.
    """
    data, mask = case.study.data, disclosure_mask(case, outcome)
    rows = case.rows(outcome, comparison)
    ever = rows[FIRST].notna()
    found = []
    for start, mine in rows[ever].groupby(FIRST):
        later = mine[data.time] >= start
        others = rows[~ever]
        after = others[data.time] >= start
        sides = {"cohort": (mine[~later], mine[later]), "beside": (others[~after], others[after])}
        b, a, ob, oa = (
            _pooled(case, outcome, part, mask) if mask.allows((key, str(start), side)) else np.nan
            for key, parts in sides.items()
            for side, part in zip(("before", "after"), parts, strict=True)
        )
        found.append(
            {
                "cohort": start,
                "places": int(mine[data.unit].nunique()),
                "before": b,
                "after": a,
                "change": _change(outcome, b, a),
                "others_change": _change(outcome, ob, oa),
            }
        )
    return pd.DataFrame(found)


def total_change(case: StaggeredCase, outcome: Outcome, before: str, after: str) -> float:
    """Change in percent of the treated units' total (unless counts: mean) from one stretch to another.

    Parameters
    ----------
    case : StaggeredCase
    outcome : Outcome
    before, after : str
        Periods, which may be coarser than the data's: all rows within them are taken.
    """
    data = case.study.data
    treated = [*case.treated(outcome), *case.already(outcome)]
    rows = case.table[case.table[data.unit].isin(treated)]

    def figure(text: str) -> float:
        values = rows.loc[stretch(rows[data.time], text), outcome.column]
        return float((values.sum() if outcome.model == "count" else values.mean()) if len(values) else np.nan)

    first, last = figure(before), figure(after)
    return 100 * (last / first - 1) if first else float("nan")


def _pooled(case: StaggeredCase, outcome: Outcome, rows: pd.DataFrame, mask: DisclosureMask) -> float:
    data = case.study.data
    if outcome.model != "count":
        return float(rows[outcome.column].mean())
    total = float(mask.rounded(pd.Series([rows[outcome.column].sum()])).iloc[0])
    size = rows[outcome.column].count() if data.exposure is None else rows[data.exposure].sum() / data.per
    return total / float(size) if size else float("nan")


def _change(outcome: Outcome, before: float, after: float) -> float:
    if outcome.in_percent:
        return 100 * (after / before - 1) if before else float("nan")
    return after - before
