"""Group-time effects of a panel with gaps: changes within units seen in both periods of a cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import shortlist
from evaluation.estimators._cells import CellTable, share_map
from evaluation.estimators._cohorts import CohortSample
from evaluation.numerics.pairs import PairMap, PairSums, pair_sums

FloatArray = NDArray[np.float64]
FEW = 5
"""Units on one side of an effect: with fewer, a note counts it."""


@dataclass(frozen=True, eq=False)
class PairCounts:
    """Units behind each effect of a panel with gaps.

    Attributes
    ----------
    table : pandas.DataFrame
        A row a term: ``term``, ``units`` of the cohort and ``comparison_units`` that are seen both in the
        period and in its base period.
    """

    table: pd.DataFrame


def pairs_of(sample: CohortSample) -> PairSums:
    """Sums for all pairs of periods."""
    return pair_sums(sample.outcome, sample.members, sample.weights)


def sides(cells: CellTable, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of sums (C, T, T), those at each cell's periods: its cohort's and its comparison group's, both (k,)."""
    at_pair = values[:, cells.time, cells.base]  # (C, k)
    own = at_pair[cells.cohort, np.arange(len(cells))]
    return own, np.einsum("kc,ck->k", cells.control, at_pair)


def pair_contrasts(
    cells: CellTable, sums: PairSums, unit_weight: FloatArray
) -> tuple[FloatArray, list[PairMap]]:
    """As `evaluation.estimators._cells.balanced_contrasts`, each cell among units seen in both its periods.

    Parameters
    ----------
    cells : CellTable
    sums : PairSums
    unit_weight : ndarray (C,)
        Each unit of a cohort once, for the shares.

    Returns
    -------
    estimate : ndarray (k,)
        NaN where nobody of the cohort, or nobody to compare with, is seen in both periods.
    maps : list of PairMap (C)
        Rows k to k + G - 1 are the cohort shares.
    """
    k, n_cohorts = cells.control.shape
    own_weight, pool_weight = sides(cells, sums.weight)
    own_change, pool_change = sides(cells, sums.change)
    usable = (own_weight > 0) & (pool_weight > 0) & ~cells.reference
    safe_own, safe_pool = (np.where(usable, w, 1.0) for w in (own_weight, pool_weight))
    own_mean, pooled = own_change / safe_own, pool_change / safe_pool
    estimate = np.where(usable, own_mean - pooled, np.nan)
    estimate[cells.reference] = 0.0
    # cells that share periods and comparison group have one vector among comparison units
    keys = np.column_stack([cells.time, cells.base, np.packbits(cells.control, axis=1)])
    alike = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
    maps = []
    for c in range(n_cohorts):
        own = np.flatnonzero(usable & (cells.cohort == c))
        other = np.flatnonzero(usable & cells.control[:, c])
        _, first, place = np.unique(alike[other], return_index=True, return_inverse=True)
        vector = np.concatenate([own, other[first]])
        m = len(vector)
        shares = share_map(c, unit_weight, 1)[:, 0]
        maps.append(
            PairMap(
                time=cells.time[vector],
                base=cells.base[vector],
                mean=np.concatenate([own_mean[own], pooled[other[first]]]),
                rows=np.concatenate([own, other, np.arange(k, k + len(shares))]),
                place=np.concatenate(
                    [np.arange(len(own)), len(own) + place.reshape(-1), np.full(len(shares), m)]
                ),
                factor=np.concatenate([1 / safe_own[own], -1 / safe_pool[other], shares]),
            )
        )
    return estimate, maps


def counted(
    sample: CohortSample, cells: CellTable, sums: PairSums, lost: NDArray[np.bool_]
) -> tuple[PairCounts, list[str]]:
    """Units behind each effect, and how few they are in words."""
    own, pool = sides(cells, sums.count)
    names = cells.frame(sample)["term"]
    table = pd.DataFrame(
        {"term": names, "units": own.astype(np.int64), "comparison_units": pool.astype(np.int64)}
    )
    known = np.flatnonzero(~lost & ~cells.reference)
    if not len(known):
        return PairCounts(table), []
    parts = [
        f"{low:.0f} to {high:.0f} {who} units (fewest: {names[known[part.argmin()]]})"
        if (low := part.min()) < (high := part.max())
        else f"{low:.0f} {who} units"
        for who, part in (("treated", own[known]), ("comparison", pool[known]))
    ]
    notes = [
        f"changes within units seen in both periods: {len(known)} effects rest on {parts[0]} "
        f"and on {parts[1]}"
    ]
    small = np.minimum(own, pool)[known]
    few = known[small < FEW]
    if len(few):
        notes.append(
            f"{len(few)} of {len(known)} effects rest on fewer than {FEW} units on one side, so that their "
            f"standard errors are too small: {shortlist([names[i] for i in few])}"
        )
    return PairCounts(table), notes
