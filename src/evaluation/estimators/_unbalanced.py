"""Cohort-period means and unit vectors where not every unit is seen in every period."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators._cohorts import CohortSample
from evaluation.numerics.cohorts import ClusterSums, SecondMoments, add_moments, blocks

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class CellMeans:
    """Weighted means of cohort-periods.

    Attributes
    ----------
    weight, mean : ndarray (C, T)
        Mean 0 where nobody is seen.
    unit_weight : ndarray (C,)
        Each unit once.
    """

    weight: FloatArray
    mean: FloatArray
    unit_weight: FloatArray


def cell_means(sample: CohortSample) -> CellMeans:
    """Means by cohort and period, of a matrix with gaps or of rows."""
    shape = (sample.n_cohorts, sample.n_periods)
    weight, total = np.zeros(shape), np.zeros(shape)
    unit = np.zeros(shape[0])
    w = sample.weights
    for c, rows in enumerate(sample.members):
        unit[c] = len(rows) if w is None else w[rows].sum()
        if sample.time is not None:
            time = sample.time[rows]
            own = None if w is None else w[rows]
            y = sample.outcome[rows]
            weight[c] = np.bincount(time, own, minlength=shape[1])
            centre = y.mean() if len(y) else 0.0
            y = (y - centre) if own is None else (y - centre) * own
            total[c] = np.bincount(time, y, minlength=shape[1]) + centre * weight[c]
            continue
        for part in blocks(rows):
            block = sample.outcome[part]
            seen = ~np.isnan(block)
            block = np.where(seen, block, 0.0)
            factor = np.ones(len(part)) if w is None else w[part]
            weight[c] += factor @ seen
            total[c] += factor @ block
    return CellMeans(weight, total / np.where(weight > 0, weight, 1.0), unit)


def unbalanced_vectors(sample: CohortSample, means: CellMeans) -> Callable[[IntArray, int], FloatArray]:
    """``(w, w 1[seen], w 1[seen] (y - mean))`` of units, shape (rows, 2 T + 1)."""
    n_periods = sample.n_periods

    def vectors(rows: IntArray, c: int) -> FloatArray:
        out = np.zeros((len(rows), 2 * n_periods + 1))
        out[:, 0] = 1.0
        if sample.time is not None:
            at, time = np.arange(len(rows)), sample.time[rows]
            out[at, 1 + time] = 1.0
            out[at, 1 + n_periods + time] = sample.outcome[rows] - means.mean[c, time]
        else:
            block = sample.outcome[rows]
            seen = ~np.isnan(block)
            out[:, 1 : n_periods + 1] = seen
            out[:, n_periods + 1 :] = np.where(seen, block - means.mean[c], 0.0)
        if sample.weights is not None:
            out *= sample.weights[rows, None]
        return out

    return vectors


def row_second_moments(sample: CohortSample, means: CellMeans) -> SecondMoments:
    """Second moments of cross-sections from sums by cell, without a vector a row.

    A row's vector has three entries that are not 0, so that sums by (cohort, period) are enough;
    with clusters, sums by (cluster, cohort, period).
    """
    if sample.clusters:
        parts = [_cluster_rows(sample, means, codes, sign).second() for codes, sign in sample.clusters]
        return add_moments(parts)
    n_cohorts, t = means.mean.shape
    own = np.zeros((n_cohorts, 2 * t + 1, 2 * t + 1))
    seen, deviation = np.arange(1, t + 1), np.arange(t + 1, 2 * t + 1)
    for c, rows in enumerate(sample.members):
        time, w, e = _row_parts(sample, means, rows, c)
        s0, s1, s2 = (np.bincount(time, v, minlength=t) for v in (w * w, w * w * e, w * w * e * e))
        own[c, 0, 0] = s0.sum()
        own[c, 0, seen] = own[c, seen, 0] = own[c, seen, seen] = s0
        own[c, 0, deviation] = own[c, deviation, 0] = s1
        own[c, seen, deviation] = own[c, deviation, seen] = s1
        own[c, deviation, deviation] = s2
    return SecondMoments(own, {})


def _row_parts(
    sample: CohortSample, means: CellMeans, rows: IntArray, c: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    assert sample.time is not None
    time = sample.time[rows]
    w = np.ones(len(rows)) if sample.weights is None else sample.weights[rows]
    return time, w, sample.outcome[rows] - means.mean[c, time]


def _cluster_rows(sample: CohortSample, means: CellMeans, codes: IntArray, sign: float) -> ClusterSums:
    t = sample.n_periods
    clusters, sums = [], []
    for c, rows in enumerate(sample.members):
        time, w, e = _row_parts(sample, means, rows, c)
        present, place = np.unique(codes[rows], return_inverse=True)
        cell = place * t + time
        counts = np.bincount(cell, w, minlength=len(present) * t).reshape(len(present), t)
        deviations = np.bincount(cell, w * e, minlength=len(present) * t).reshape(len(present), t)
        clusters.append(present)
        sums.append(np.column_stack([counts.sum(axis=1), counts, deviations]))
    return ClusterSums(clusters, sums, sign)
