"""Which raw counts a page on many places may show: none that is small, and none that gives one away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.disclosure import CellSums, DisclosureMask
from evaluation.analysis.staggered.case import FIRST, StaggeredCase
from evaluation.periods import PER_YEAR
from evaluation.study.staggered import Outcome
from evaluation.study.staggered_beside import Claim


def disclosure_mask(case: StaggeredCase, outcome: Outcome) -> DisclosureMask:
    """What the page may show of an outcome's counts; everything where the study withholds nothing.

    Every raw figure of the page is written as a sum of cells, a unit and period each: yearly figures of
    untreated units and of both groups, figures by time since the start, by cohort before and after, and
    the two stretches of a claim. Rates and indices are taken as if a reader knew their denominators.

    Parameters
    ----------
    case : StaggeredCase
    outcome : Outcome
        Only counts are withheld; of other outcomes everything may be shown.

    Raises
    ------
    DataError
        Counts that are not whole numbers.
    DesignError
        A small count follows from what the page must say.
    """
    rule = case.study.disclosure
    if rule is None or outcome.model != "count":
        return DisclosureMask()
    table = case.table[case.table[outcome.column].notna()]
    used = case.rows(outcome)
    times, units = table[case.study.data.time], table[case.study.data.unit]
    sums = CellSums(
        table[outcome.column].set_axis(units.astype(str) + " " + times.astype(str)),
        f"table {case.study.data.table}, column {outcome.column}",
    )
    inside = table.index.isin(used.index)
    first = used[FIRST].reindex(table.index)
    ever, never = inside & first.notna().to_numpy(), inside & first.isna().to_numpy()
    if outcome.id == case.lead.id:
        _by_year(case, sums, table, used, ever, never)
        _by_cohort(case, sums, table, first, ever, never)
    _by_event(case, sums, outcome, table, first, ever, never)
    for claim in case.study.claims:
        if claim.kind != "none" and claim.outcome == outcome.id:
            treated = units.isin([*case.treated(outcome), *case.already(outcome)]).to_numpy()
            for side in ("before", "after"):
                sums.count(("claim", claim.id, side), treated & stretch(times, getattr(claim, side)))
    return sums.suppress(rule)


def disclosure_masks(case: StaggeredCase) -> dict[str, DisclosureMask]:
    """What may be shown of each outcome that is a count, by the outcome's id; empty without [disclosure]."""
    if case.study.disclosure is None:
        return {}
    return {o.id: disclosure_mask(case, o) for o in case.study.outcomes if o.model == "count"}


def may_compare(case: StaggeredCase, claim: Claim, outcome: Outcome) -> bool:
    """Whether the two counts of a claim may be compared on the page."""
    found = disclosure_mask(case, outcome)
    return all(found.allows(("claim", claim.id, side)) for side in ("before", "after"))


def stretch(times: pd.Series, text: str) -> np.ndarray:
    """Rows whose period lies within another, which may be coarser than the data's."""
    when = pd.Period(text)
    inside = (times.dt.start_time >= when.start_time) & (times.dt.end_time <= when.end_time)
    return np.asarray(inside)


def whole_years(case: StaggeredCase, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of complete years, with the year."""
    data = case.study.data
    # a week is of the year in which it begins
    begun = rows[data.time].dt.start_time if data.frequency == "W" else rows[data.time]
    years = begun.dt.year
    seen = rows[data.time].groupby(years).nunique()
    whole = years.map(seen) == PER_YEAR[data.frequency]
    if not whole.any() or data.frequency in "WD":
        whole = pd.Series(True, index=rows.index)
    return rows[whole].assign(year=years[whole])


def _by_year(
    case: StaggeredCase,
    sums: CellSums,
    table: pd.DataFrame,
    used: pd.DataFrame,
    ever: np.ndarray,
    never: np.ndarray,
) -> None:
    years = whole_years(case, used)["year"].reindex(table.index).to_numpy()
    unit = table[case.study.data.unit].to_numpy()
    for year in np.unique(years[~np.isnan(years)]):
        then = years == year
        sums.count(("treated", int(year)), ever & then)
        sums.count(("others", int(year)), never & then)
        for name in np.unique(unit[never & then]):
            sums.count(("unit", name, int(year)), never & then & (unit == name))


def _by_cohort(
    case: StaggeredCase,
    sums: CellSums,
    table: pd.DataFrame,
    first: pd.Series,
    ever: np.ndarray,
    never: np.ndarray,
) -> None:
    times = table[case.study.data.time]
    for start in first.dropna().unique():
        mine = ever & (first == start).to_numpy()
        later = (times >= start).to_numpy()
        for side, then in (("before", ~later), ("after", later)):
            sums.count(("cohort", str(start), side), mine & then)
            sums.count(("beside", str(start), side), never & then)


def _by_event(
    case: StaggeredCase,
    sums: CellSums,
    outcome: Outcome,
    table: pd.DataFrame,
    first: pd.Series,
    ever: np.ndarray,
    never: np.ndarray,
) -> None:
    """Each group by time since the start, and its means before and after, which the page divides by."""
    data = case.study.data
    low, high = case.window()
    weight = table[data.exposure].to_numpy(dtype=float) if data.exposure else np.ones(len(table))
    ordinal = np.array([when.ordinal for when in table[data.time]])
    start = np.array([np.nan if pd.isna(when) else when.ordinal for when in first], dtype=float)
    event = ordinal - start
    event[~(ever & (event >= low) & (event <= high))] = np.nan
    for time in np.unique(ordinal[never]):
        # others by period stand on the page only mixed, but with one start the mixture is the period's own
        period = str(pd.Period(ordinal=int(time), freq=data.frequency))
        sums.count(("others in", period), never & (ordinal == time), shown=False)
    means: dict[Any, np.ndarray] = {}
    seen = np.unique(event[~np.isnan(event)]).astype(int)
    for e in seen:
        now = event == e
        sums.count(("event", int(e)), now)
        mixed = np.zeros(len(table))
        for time in np.unique(ordinal[now]):
            others = never & (ordinal == time)
            mixed[others] = weight[now & (ordinal == time)].sum() / weight[others].sum()
        sums.combination(("other", int(e)), mixed / weight[now].sum())
        means[e] = now / weight[now].sum()
        means["other", e] = mixed / weight[now].sum()
    for side, chosen in (("before", seen[seen < 0]), ("after", seen[seen >= 0])):
        sums.count(("treated", side), np.isin(event, chosen), shown=False)
        for which in ("treated", "other"):
            parts = [means[e if which == "treated" else ("other", e)] for e in chosen]
            if parts:
                sums.combination((which, "mean", side), np.sum(parts, axis=0) / len(parts), required=True)
