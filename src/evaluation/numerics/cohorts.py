"""One pass over a balanced panel: cohort sizes, mean paths and Gram matrices of demeaned paths.

Without covariates, group-time effects, event studies, interaction-weighted and imputation
estimates and their covariances are linear maps of these statistics. They add over units, so they
are built by blocks of rows and can be merged across files or machines.

A unit of cohort c contributes the vector ``v = w * (1, y - m_c)``, y with the unit's own mean taken
out (no estimator here depends on it, and digits are kept when levels dwarf changes). An estimate
with contributions ``B_c v`` has covariance ``sum_c B_c G_c B_c'`` with ``G_c`` the Gram matrix of v.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
ClusterDimension = tuple[IntArray, float]
"""Cluster of each unit (n,) and the sign with which its covariance enters the sum."""
BLOCK_ROWS = 4096


@dataclass(frozen=True, eq=False)
class LinearMap:
    """Contributions of one cohort's units: ``rows`` of the estimates get ``matrix @ v``.

    Attributes
    ----------
    rows : ndarray of int (r,)
    matrix : ndarray (r, p)
    """

    rows: IntArray
    matrix: FloatArray


@dataclass(frozen=True, eq=False)
class SecondMoments:
    """Sums over clusters of the outer products of their vectors.

    Attributes
    ----------
    own : ndarray (C, p, p)
        Within each cohort.
    between : dict of (c, d), c < d, to ndarray (p, p)
        Between cohorts that share a cluster; empty when the unit is the cluster.
    """

    own: FloatArray
    between: dict[tuple[int, int], FloatArray]

    def covariance(self, maps: Sequence[LinearMap], k: int) -> FloatArray:
        """Covariance (k, k) of estimates with these contributions."""
        out = np.zeros((k, k))
        for c, part in enumerate(maps):
            if len(part.rows):
                out[np.ix_(part.rows, part.rows)] += part.matrix @ self.own[c] @ part.matrix.T
        for (c, d), gram in self.between.items():
            one, two = maps[c], maps[d]
            if len(one.rows) and len(two.rows):
                block = one.matrix @ gram @ two.matrix.T
                out[np.ix_(one.rows, two.rows)] += block
                out[np.ix_(two.rows, one.rows)] += block.T
        return (out + out.T) / 2


@dataclass(frozen=True, eq=False)
class ClusterSums:
    """Vectors summed within each (cluster, cohort) that occurs.

    Attributes
    ----------
    cluster : list of ndarray of int
        For each cohort, the clusters that hold a unit of it, ascending.
    sums : list of ndarray (clusters of the cohort, p)
    sign : float
    """

    cluster: list[IntArray]
    sums: list[FloatArray]
    sign: float = 1.0

    def second(self) -> SecondMoments:
        """Second moments of the cluster sums, within and between cohorts."""
        own = np.array([s.T @ s for s in self.sums]) * self.sign
        between = {}
        for c in range(len(self.sums)):
            for d in range(c + 1, len(self.sums)):
                _, i, j = np.intersect1d(
                    self.cluster[c], self.cluster[d], assume_unique=True, return_indices=True
                )
                if len(i):
                    between[c, d] = self.sign * (self.sums[c][i].T @ self.sums[d][j])
        return SecondMoments(own, between)


def add_moments(parts: Sequence[SecondMoments]) -> SecondMoments:
    """Sum of second moments, for clustering in two ways."""
    own = np.sum([part.own for part in parts], axis=0)
    between: dict[tuple[int, int], FloatArray] = {}
    for part in parts:
        for key, gram in part.between.items():
            between[key] = between[key] + gram if key in between else gram
    return SecondMoments(own, between)


@dataclass(frozen=True, eq=False)
class CohortMoments:
    """Sufficient statistics of a balanced panel by cohort.

    Attributes
    ----------
    count : ndarray of int (C,)
        Units.
    weight : ndarray (C,)
        Sum of their weights.
    level : ndarray (C,)
        Weighted mean of the units' own means.
    path : ndarray (C, T)
        Weighted mean path, unit means taken out: ``level + path`` is the mean outcome.
    gram : ndarray (C, T + 1, T + 1)
        Sum over units of ``v v'``, ``v = w (1, y - path)``.
    clusters : tuple of ClusterSums
        Empty when the unit is the cluster.
    """

    count: NDArray[np.int64]
    weight: FloatArray
    level: FloatArray
    path: FloatArray
    gram: FloatArray
    clusters: tuple[ClusterSums, ...] = ()

    @property
    def second(self) -> SecondMoments:
        """Second moments of units, or of cluster sums where there are clusters."""
        if not self.clusters:
            return SecondMoments(self.gram, {})
        return add_moments([part.second() for part in self.clusters])

    def merge(self, other: CohortMoments) -> CohortMoments:
        """Statistics of both sets of units together; clusters with the same code are one."""
        weight = self.weight + other.weight
        share = np.divide(other.weight, weight, out=np.zeros_like(weight), where=weight > 0)
        path = self.path + share[:, None] * (other.path - self.path)
        level = self.level + share * (other.level - self.level)
        one, two = (_shift(part.path - path) for part in (self, other))
        gram = one @ self.gram @ one.transpose(0, 2, 1) + two @ other.gram @ two.transpose(0, 2, 1)
        clusters = tuple(
            _merge_sums(a, b, one, two) for a, b in zip(self.clusters, other.clusters, strict=True)
        )
        return CohortMoments(self.count + other.count, weight, level, path, gram, clusters)


def cohort_moments(
    outcome: FloatArray,
    cohort: IntArray,
    n_cohorts: int,
    *,
    weights: FloatArray | None = None,
    clusters: Sequence[ClusterDimension] = (),
) -> CohortMoments:
    """Statistics of each cohort, in blocks of rows.

    Parameters
    ----------
    outcome : ndarray (n, T)
        Without missing values in rows of a cohort.
    cohort : ndarray of int (n,)
        0 to n_cohorts - 1; -1 leaves the unit out.
    n_cohorts : int
    weights : ndarray (n,), optional
    clusters : sequence of (codes (n,), sign)
    """
    n_periods = outcome.shape[1]
    count = np.zeros(n_cohorts, dtype=np.int64)
    weight, level = np.zeros(n_cohorts), np.zeros(n_cohorts)
    path = np.zeros((n_cohorts, n_periods))
    gram = np.zeros((n_cohorts, n_periods + 1, n_periods + 1))
    members = members_of(cohort, n_cohorts)
    for c, rows in enumerate(members):
        count[c] = len(rows)
        if len(rows):
            weight[c], level[c], path[c], gram[c] = _one_cohort(outcome, rows, weights)
    sums = tuple(
        ClusterSums(
            *_sum_clusters(
                members, codes, lambda rows, c: unit_vectors(outcome, rows, path[c], weights), n_periods + 1
            ),
            sign=sign,
        )
        for codes, sign in clusters
    )
    return CohortMoments(count, weight, level, path, gram, sums)


def members_of(cohort: IntArray, n_cohorts: int) -> list[NDArray[np.intp]]:
    """Rows of each cohort, ascending."""
    # small codes are sorted by radix, in linear time
    codes = cohort.astype(np.int16) if n_cohorts < 2**15 else cohort
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(n_cohorts + 1))
    return [order[bounds[c] : bounds[c + 1]] for c in range(n_cohorts)]


def unit_vectors(
    outcome: FloatArray, rows: IntArray, path: FloatArray, weights: FloatArray | None
) -> FloatArray:
    """``w (1, y - path)`` of units, shape (rows, T + 1)."""
    out = np.empty((len(rows), outcome.shape[1] + 1))
    block = outcome[rows]
    np.subtract(block, _row_mean(block)[:, None], out=out[:, 1:])
    out[:, 1:] -= path
    out[:, 0] = 1.0
    if weights is not None:
        out *= weights[rows, None]
    return out


def second_moments(
    members: Sequence[IntArray],
    vectors: Callable[[IntArray, int], FloatArray],
    p: int,
    clusters: Sequence[ClusterDimension] = (),
) -> SecondMoments:
    """Second moments of any unit vectors ``vectors(rows, cohort) -> (rows, p)``, built by blocks."""
    if clusters:
        return add_moments(
            [
                ClusterSums(*_sum_clusters(members, codes, vectors, p), sign=sign).second()
                for codes, sign in clusters
            ]
        )
    own = np.zeros((len(members), p, p))
    for c, rows in enumerate(members):
        for part in blocks(rows):
            v = vectors(part, c)
            own[c] += v.T @ v
    return SecondMoments(own, {})


def blocks(rows: IntArray, size: int = BLOCK_ROWS) -> Iterator[IntArray]:
    """Slices of an index that fit in the cache."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def contributions(
    members: Sequence[IntArray],
    vectors: Callable[[IntArray, int], FloatArray],
    maps: Sequence[LinearMap],
    n: int,
    k: int,
) -> FloatArray:
    """What each unit adds to each estimate (n, k), 0 for units left out."""
    out = np.zeros((n, k))
    for c, rows in enumerate(members):
        part = maps[c]
        if len(part.rows):
            for block in blocks(rows):
                out[np.ix_(block, part.rows)] = vectors(block, c) @ part.matrix.T
    return out


def _one_cohort(
    outcome: FloatArray, rows: IntArray, weights: FloatArray | None
) -> tuple[float, float, FloatArray, FloatArray]:
    """Weight, level, path and Gram matrix of one cohort in one pass around a provisional mean."""
    n_periods = outcome.shape[1]
    reference: FloatArray | None = None
    total, level = 0.0, 0.0
    first = np.zeros(n_periods)
    gram = np.zeros((n_periods + 1, n_periods + 1))
    v = np.empty((min(BLOCK_ROWS, len(rows)), n_periods + 1))
    for part in blocks(rows):
        block = outcome[part]
        means = _row_mean(block)
        block -= means[:, None]
        if reference is None:
            reference = block.mean(axis=0)
        used = v[: len(part)]
        np.subtract(block, reference, out=used[:, 1:])
        used[:, 0] = 1.0
        if weights is None:
            total += len(part)
            level += float(means.sum())
        else:
            w = weights[part]
            used *= w[:, None]
            total += float(w.sum())
            level += float(w @ means)
        first += np.ones(len(part)) @ used[:, 1:]
        gram += used.T @ used
    assert reference is not None
    gap = first / total
    shift = _shift(-gap[None])[0]
    return total, float(level / total), reference + gap, shift @ gram @ shift.T


def _row_mean(block: FloatArray) -> FloatArray:
    # a product is much faster than a reduction over a short last axis
    n = block.shape[1]
    return np.asarray(block @ np.full(n, 1 / n))


def _shift(gap: FloatArray) -> FloatArray:
    """Matrices (C, p, p) that turn ``w (1, y - a)`` into ``w (1, y - a + gap)``."""
    n_cohorts, n_periods = gap.shape
    out = np.zeros((n_cohorts, n_periods + 1, n_periods + 1))
    out[:, np.arange(n_periods + 1), np.arange(n_periods + 1)] = 1.0
    out[:, 1:, 0] = gap
    return out


def _sum_clusters(
    members: Sequence[IntArray],
    codes: IntArray,
    vectors: Callable[[IntArray, int], FloatArray],
    p: int,
) -> tuple[list[IntArray], list[FloatArray]]:
    clusters, sums = [], []
    for c, rows in enumerate(members):
        own = codes[rows]
        order = np.argsort(own, kind="stable")
        own = own[order]
        starts = np.flatnonzero(np.r_[True, own[1:] != own[:-1]]) if len(own) else np.zeros(0, dtype=np.intp)
        place = np.cumsum(np.r_[False, own[1:] != own[:-1]]) if len(own) else starts
        out = np.zeros((len(starts), p))
        for index in blocks(np.arange(len(rows))):
            local = place[index]
            cut = np.flatnonzero(np.r_[True, local[1:] != local[:-1]])
            out[local[cut]] += np.add.reduceat(vectors(rows[order[index]], c), cut, axis=0)
        clusters.append(own[starts])
        sums.append(out)
    return clusters, sums


def _merge_sums(
    one: ClusterSums, two: ClusterSums, shift_one: FloatArray, shift_two: FloatArray
) -> ClusterSums:
    clusters, sums = [], []
    for c in range(len(one.sums)):
        codes, place = np.unique(np.r_[one.cluster[c], two.cluster[c]], return_inverse=True)
        out = np.zeros((len(codes), one.sums[c].shape[1]))
        np.add.at(out, place, np.vstack([one.sums[c] @ shift_one[c].T, two.sums[c] @ shift_two[c].T]))
        clusters.append(codes)
        sums.append(out)
    return ClusterSums(clusters, sums, one.sign)
