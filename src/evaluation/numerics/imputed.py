"""Imputed effects of a balanced panel from cohort means and Gram matrices alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.numerics.cohorts import CohortMoments, LinearMap
from evaluation.numerics.effects import invert_periods

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Imputed:
    """Cohort-period effects (k,), their weights, and maps of the vectors ``w (1, y - path)``."""

    estimate: FloatArray
    weight: FloatArray
    maps: list[LinearMap]


def balanced_imputation(
    moments: CohortMoments,
    untreated: NDArray[np.bool_],
    cohort: IntArray,
    time: IntArray,
    gram: FloatArray | None = None,
) -> Imputed:
    """Effects of cohorts in periods after treatment.

    With P_c the projection off the mean over the untreated periods of cohort c and W_c its weight,
    period effects solve ``(sum W_c P_c) b = sum W_c P_c m_c``. A unit's residual before treatment is
    ``P_c (y - b)``, its imputed effect ``y_t - b_t`` less the mean of ``y - b`` before treatment: both are
    linear in ``(1, y - m_c)``, so no unit is read again.

    Parameters
    ----------
    moments : CohortMoments
    untreated : ndarray of bool (C, T)
        Each row true first, then false.
    cohort, time : ndarray of int (k,)
    gram : ndarray (C, T + 1, T + 1), optional
        Second moments around which treated positions are centred: those of cluster sums, where clusters
        are coarser than units; the units' own when absent.
    """
    gram = moments.gram if gram is None else gram
    n_cohorts, n_periods = untreated.shape
    share = untreated / untreated.sum(axis=1)[:, None]  # (C, T) mean over untreated periods
    # off[c] takes the mean over untreated periods out of a path
    off = np.eye(n_periods)[None] - share[:, None, :]
    inside = off * untreated[:, :, None]
    system = np.einsum("c,cst->st", moments.weight, inside)
    right = np.einsum("c,cst,ct->s", moments.weight, inside, moments.path)
    inverse, part = invert_periods((system + system.T) / 2)
    effects = inverse @ right
    gap = np.einsum("cst,ct->cs", off, moments.path - effects)  # residual mean path, all periods
    # each cohort's untreated periods include the first period of the panel
    usable = (part[time] >= 0) & (part[time] == part[0]) & (moments.weight[cohort] > 0)
    estimate = np.where(usable, gap[cohort, time], np.nan)
    weight = np.where(usable, moments.weight[cohort], 0.0)
    mine = np.flatnonzero(usable)
    distance = -share[cohort[mine]]
    distance[np.arange(len(mine)), time[mine]] += 1.0
    through = distance @ inverse
    maps = []
    for c in range(n_cohorts):
        linear = np.zeros((n_periods, n_periods + 1))
        linear[:, 1:] = off[c]
        linear[:, 0] = gap[c]
        # treated positions are centred by the mean with squared weights, which is 0 with equal ones
        if gram[c, 0, 0] > 0:
            linear[:, 0] = np.where(untreated[c], gap[c], -(off[c] @ gram[c, 0, 1:]) / gram[c, 0, 0])
        position = np.where(untreated[c], -through, 0.0)
        own = np.flatnonzero(cohort[mine] == c)
        if len(own):
            position[own, time[mine][own]] = 1 / moments.weight[c]
        maps.append(LinearMap(mine, position @ linear))
    return Imputed(estimate, weight, maps)
