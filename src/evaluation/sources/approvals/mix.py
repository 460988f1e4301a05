"""The mix of items: means with a first year's mix held fixed, and what a change of the mean is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from evaluation.errors import DataError, shortlist
from evaluation.sources.approvals.panel import measures

PARTS = ("handling", "mix", "new_items", "dropped_items")


@dataclass(frozen=True, eq=False)
class Decomposition:
    """A change of the mean duration and its parts, which add up to it.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row a group: ``before, after, change``, the parts

        - ``handling``: items of both times took longer or shorter, with the shares of the first time;
        - ``mix``: shares of these items moved;
        - ``new_items``: items that were not there at the first time;
        - ``dropped_items``: items that are no longer there at the second,

        and ``common_share``: share of the first time's cases whose item is still there.
    items : pandas.DataFrame
        ``item`` and, by group, share and mean at both times.
    measure : str
        The mean that was decomposed.
    """

    frame: pd.DataFrame
    items: pd.DataFrame = field(repr=False)
    measure: str


def fixed_mix(
    cells: pd.DataFrame,
    horizon: float,
    base: Sequence[pd.Period],
    by: Sequence[str] = ("district", "month"),
    measure: str = "restricted_mean",
) -> pd.DataFrame:
    """Means with every group's items weighed by their shares in the base months.

    Direct standardisation: ``sum w_i m_it / sum w_i`` over the items that the group has, ``w_i`` being the
    share of item i among all cases of the same district (all cases, without districts) in the base months.
    Items that the base months do not have count for nothing, and an item without a case in the month is left
    out there: ``weight`` says how much of the base's mix is left.

    Parameters
    ----------
    cells : pandas.DataFrame
        From `CaseCounts.cells`.
    horizon : float
        Working days up to which the restricted mean is taken.
    base : sequence of pandas.Period
        The base months, as a rule the first year.
    by : sequence of str
        ``month`` alone, or with ``district``.
    measure : {"restricted_mean", "mean"}

    Returns
    -------
    pandas.DataFrame
        Columns of ``by``, ``raw`` (the same measure of all cases as they came), ``fixed``, ``fixed_se`` (from
        those of the items, shares taken as known; missing for ``mean``) and ``weight``.

    Raises
    ------
    DataError
        There is no case in the base months, or the measure is not a mean.
    """
    _check(measure)
    by = list(by)
    within = [name for name in by if name != "month"]
    first = cells[cells["month"].isin(list(base))]
    if first.empty:
        raise DataError(
            "no case was accepted in the base months",
            where=shortlist(base, 3),
            expected=f"months from {cells['month'].min()} to {cells['month'].max()}",
        )
    counts = first.groupby([*within, "item"], observed=True)["cases"].sum()
    share = (counts / (counts.groupby(level=within).transform("sum") if within else counts.sum())).rename(
        "share"
    )
    items = measures(cells, horizon, [*by, "item"]).merge(
        share.reset_index(), on=[*within, "item"], how="left"
    )
    items = items[items["share"].notna()]
    errors = items[f"{measure}_se"] if measure == "restricted_mean" else pd.Series(np.nan, index=items.index)
    parts = items[by].assign(
        weight=items["share"],
        total=items["share"] * items[measure],
        variance=(items["share"] * errors) ** 2,
        unknown=items[measure].isna(),
        no_error=errors.isna(),
    )
    summed = parts.groupby(by, observed=True).sum()
    out = measures(cells, horizon, by)[[*by, measure]].rename(columns={measure: "raw"})
    summed["fixed"] = (summed["total"] / summed["weight"]).where(summed["unknown"] == 0)
    summed["fixed_se"] = (np.sqrt(summed["variance"]) / summed["weight"]).where(summed["no_error"] == 0)
    return out.merge(summed[["fixed", "fixed_se", "weight"]].reset_index(), on=by, how="left")


def decompose(
    cells: pd.DataFrame,
    horizon: float,
    before: Sequence[pd.Period],
    after: Sequence[pd.Period],
    by: Sequence[str] = (),
    measure: str = "restricted_mean",
) -> Decomposition:
    """What the change of the mean duration between two spans of months is made of.

    With C the items of both times, ``m`` their means and ``s`` their shares of cases at time 0 and 1, ``M``
    the mean of all cases, ``m(C, s)`` the mean over C with weights s::

        handling      = m1(C, s0) - m0(C, s0)
        mix           = m1(C, s1) - m1(C, s0)
        new items     = M1 - m1(C, s1)
        dropped items = m0(C, s0) - M0

    which add up to ``M1 - M0`` exactly, as M is taken as the mean of the items' means. (With open cases the
    restricted mean of all cases together is estimated a hair differently: from the pooled curve.)

    Parameters
    ----------
    cells : pandas.DataFrame
        From `CaseCounts.cells`.
    horizon : float
    before, after : sequence of pandas.Period
        Months of the first and of the second time.
    by : sequence of str
        Decompose within each of these, such as ``district``.
    measure : {"restricted_mean", "mean"}

    Raises
    ------
    DataError
        No case, or no item in common.
    """
    _check(measure)
    by = list(by)
    spans = {"before": list(before), "after": list(after)}
    tables = []
    for name, months in spans.items():
        chosen = cells[cells["month"].isin(months)]
        if chosen.empty:
            raise DataError(f"no case was accepted {name} the change", where=shortlist(months, 3))
        if measure == "mean":
            chosen = chosen[chosen["finished"]]
        made = measures(chosen, horizon, [*by, "item"])[[*by, "item", "cases", measure]]
        total = made.groupby(by, observed=True)["cases"].transform("sum") if by else made["cases"].sum()
        made["share"] = made["cases"] / total
        tables.append(
            made.rename(columns={measure: f"mean_{name}", "share": f"share_{name}"}).drop(columns="cases")
        )
    items = tables[0].merge(tables[1], on=[*by, "item"], how="outer")
    groups = items.groupby(by, observed=True, sort=True) if by else [((), items)]
    rows = []
    for key, group in groups:
        names = key if isinstance(key, tuple) else (key,)
        rows.append(dict(zip(by, names, strict=True)) | _parts(group))
    return Decomposition(pd.DataFrame(rows), items, measure)


def _parts(items: pd.DataFrame) -> dict[str, float]:
    s0, s1 = (items[f"share_{name}"].to_numpy() for name in ("before", "after"))
    m0, m1 = (items[f"mean_{name}"].to_numpy() for name in ("before", "after"))
    was, now = ~np.isnan(s0), ~np.isnan(s1)
    common = was & now
    if not common.any():
        raise DataError(
            "no item was handled at both times, so the change has no part that is handling",
            expected="items with the same name before and after",
        )
    first, second = s0[common] / s0[common].sum(), s1[common] / s1[common].sum()
    old, new = float(s0[was] @ m0[was]), float(s1[now] @ m1[now])
    kept, faster, moved = first @ m0[common], first @ m1[common], second @ m1[common]
    return {
        "before": old,
        "after": new,
        "change": new - old,
        "handling": float(faster - kept),
        "mix": float(moved - faster),
        "new_items": float(new - moved),
        "dropped_items": float(kept - old),
        "common_share": float(s0[common].sum()),
    }


def _check(measure: str) -> None:
    if measure not in ("restricted_mean", "mean"):
        raise DataError(f"the measure {measure!r} is not a mean", expected="restricted_mean or mean")
