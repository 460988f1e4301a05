"""Cohort-by-period cells: what each is compared with, and their place in a result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.estimators._cohorts import CohortSample
from evaluation.numerics.cohorts import LinearMap

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CellTable:
    """Effects of cohort g in period t relative to a base period.

    Attributes
    ----------
    cohort, time, base : ndarray of int (k,)
        Positions in the sample's cohorts and periods.
    event : ndarray of int (k,)
        Periods since treatment.
    reference : ndarray of bool (k,)
        The base period itself, whose effect is 0.
    control : ndarray of bool (k, C)
        Cohorts in the comparison group, never treated last.
    """

    cohort: NDArray[np.intp]
    time: NDArray[np.intp]
    base: NDArray[np.intp]
    event: NDArray[np.int64]
    reference: NDArray[np.bool_]
    control: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.cohort)

    def frame(self, sample: CohortSample) -> pd.DataFrame:
        cohort, time = sample.labels[self.cohort], sample.periods[self.time]
        return pd.DataFrame(
            {
                "term": [f"cohort {g}, period {t}" for g, t in zip(cohort, time, strict=True)],
                "cohort": cohort,
                "time": time,
                "event_time": self.event,
            }
        )

    def name(self, sample: CohortSample, i: int) -> str:
        return f"cohort {sample.labels[self.cohort[i]]}, period {sample.periods[self.time[i]]}"


def group_time_cells(sample: CohortSample, *, universal: bool, not_yet: bool) -> CellTable:
    """Every cohort-period with its base period and comparison group.

    From ``anticipation`` periods before treatment on, the base is the last period before that
    (Callaway and Sant'Anna 2021, section 2). Before, it is the same period (universal) or the
    period just before (varying). Not yet treated units are those treated later than both periods,
    with anticipation.
    """
    ordinals, values, ahead = sample.ordinals, sample.values, sample.design.anticipation
    n_periods = len(ordinals)
    last_base = np.searchsorted(ordinals, values - ahead, side="left") - 1
    cohort = np.repeat(np.arange(len(values)), n_periods)
    time = np.tile(np.arange(n_periods), len(values))
    base = last_base[cohort]
    if not universal:
        before = ordinals[time] < values[cohort] - ahead
        base = np.where(before, time - 1, base)
    keep = base >= 0
    if sample.design.window is not None:
        low, high = sample.design.window
        event = ordinals[time] - values[cohort]
        keep &= (event >= low) & (event <= high)
    cohort, time, base = cohort[keep], time[keep], base[keep]
    control = np.zeros((len(cohort), sample.n_cohorts), dtype=bool)
    control[:, -1] = True
    if not_yet:
        later = ordinals[np.maximum(time, base)] + ahead
        control[:, :-1] = values[None, :] > later[:, None]
        control[np.arange(len(cohort)), cohort] = False
    return CellTable(cohort, time, base, ordinals[time] - values[cohort], time == base, control)


def balanced_contrasts(
    cells: CellTable, weight: FloatArray, path: FloatArray
) -> tuple[FloatArray, list[LinearMap]]:
    """Differences in differences of means, with the contributions of each cohort's units.

    Parameters
    ----------
    cells : CellTable
    weight : ndarray (C,)
    path : ndarray (C, T)

    Returns
    -------
    estimate : ndarray (k,)
        NaN where there is nobody to compare with.
    maps : list of LinearMap (C)
        For vectors ``w (1, y - path)``; rows k to k + G - 1 are the cohort shares.
    """
    k, n_cohorts = cells.control.shape
    change = path[:, cells.time] - path[:, cells.base]  # (C, k)
    pool = cells.control * weight  # (k, C)
    total = pool.sum(axis=1)
    safe = np.where(total > 0, total, 1.0)
    pooled = np.einsum("kc,ck->k", pool, change) / safe
    estimate = change[cells.cohort, np.arange(k)] - pooled
    estimate[total == 0] = np.nan
    estimate[cells.reference] = 0.0
    usable = (total > 0) & ~cells.reference
    maps = []
    for c in range(n_cohorts):
        mine = np.flatnonzero(usable & ((cells.cohort == c) | cells.control[:, c]))
        own = cells.cohort[mine] == c
        scale = np.where(own, 1 / weight[c] if weight[c] > 0 else 0.0, -1 / safe[mine])
        matrix = np.zeros((len(mine), path.shape[1] + 1))
        at = np.arange(len(mine))
        matrix[at, 1 + cells.time[mine]] = scale
        matrix[at, 1 + cells.base[mine]] = -scale
        matrix[:, 0] = np.where(own, 0.0, scale * (change[c, mine] - pooled[mine]))
        maps.append(_with_shares(mine, matrix, k, c, weight))
    return estimate, maps


def unbalanced_contrasts(
    cells: CellTable, weight: FloatArray, mean: FloatArray, unit_weight: FloatArray
) -> tuple[FloatArray, list[LinearMap]]:
    """As `balanced_contrasts` where each cohort-period has the mean of its own rows.

    Parameters
    ----------
    weight, mean : ndarray (C, T)
        Of each cohort-period.
    unit_weight : ndarray (C,)

    Returns
    -------
    estimate : ndarray (k,)
    maps : list of LinearMap (C)
        For vectors ``(w, w 1[seen in t], w 1[seen in t] (y - mean))`` of length 2 T + 1.
    """
    k, n_cohorts = cells.control.shape
    n_periods = mean.shape[1]
    at_time = []
    pooled, safe = np.zeros((2, k)), np.ones((2, k))
    usable = ~cells.reference
    for j, period in enumerate((cells.time, cells.base)):
        pool = cells.control * weight[:, period].T
        total = pool.sum(axis=1)
        own = weight[cells.cohort, period]
        usable &= (total > 0) & (own > 0)
        safe[j] = np.where(total > 0, total, 1.0)
        pooled[j] = np.einsum("kc,ck->k", pool, mean[:, period]) / safe[j]
        at_time.append(mean[cells.cohort, period] - pooled[j])
    estimate = at_time[0] - at_time[1]
    estimate[~usable] = np.nan
    estimate[cells.reference] = 0.0
    maps = []
    for c in range(n_cohorts):
        mine = np.flatnonzero(usable & ((cells.cohort == c) | cells.control[:, c]))
        own = cells.cohort[mine] == c
        matrix = np.zeros((len(mine), 2 * n_periods + 1))
        at = np.arange(len(mine))
        for j, (period, sign) in enumerate(((cells.time[mine], 1.0), (cells.base[mine], -1.0))):
            here = np.where(weight[c, period] > 0, weight[c, period], 1.0)
            scale = sign * np.where(own, 1 / here, -1 / safe[j, mine])
            matrix[at, 1 + n_periods + period] = scale
            matrix[at, 1 + period] = np.where(own, 0.0, scale * (mean[c, period] - pooled[j, mine]))
        maps.append(_with_shares(mine, matrix, k, c, unit_weight))
    return estimate, maps


def _with_shares(mine: NDArray[np.intp], matrix: FloatArray, k: int, c: int, weight: FloatArray) -> LinearMap:
    """Append the contributions of a unit of cohort c to the shares of treated cohorts."""
    return LinearMap(
        np.concatenate([mine, np.arange(k, k + len(weight) - 1)]),
        np.vstack([matrix, share_map(c, weight, matrix.shape[1])]),
    )


def share_map(c: int, weight: FloatArray, p: int) -> FloatArray:
    """Contributions ``(1[g = c] - share_g) w / sum(w)`` as a map (G, p) of vectors that begin with w."""
    shares = weight[:-1] / weight.sum()
    out = np.zeros((len(shares), p))
    out[:, 0] = -shares / weight.sum()
    if c < len(shares):
        out[c, 0] += 1 / weight.sum()
    return out
