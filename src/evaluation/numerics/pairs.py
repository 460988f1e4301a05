"""Changes between two periods within the units seen in both: sums and covariances for many pairs.

Of each pair of periods (t, b) and cohort c only the sums over units seen in both enter an effect. All pairs
come from two products of matrices, the mask of what was seen with itself and with the outcomes. A covariance
needs the units' own contributions, which are made for a block of units at a time and only for pairs in use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.numerics.cohorts import ClusterDimension, blocks

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
_ENTRIES = 2**21  # of the largest block, 16 MiB


@dataclass(frozen=True, eq=False)
class PairSums:
    """Sums over the units of a cohort that are seen in both of two periods.

    Attributes
    ----------
    count : ndarray (C, T, T)
        Units.
    weight : ndarray (C, T, T)
        Sum of their weights.
    change : ndarray (C, T, T)
        Weighted sum of ``y_t - y_b`` at ``[c, t, b]``.
    """

    count: FloatArray
    weight: FloatArray
    change: FloatArray


@dataclass(frozen=True, eq=False)
class PairMap:
    """What a unit of one cohort adds to the estimates.

    With s the mask of what was seen, a unit has the vector ``v``: ``w s_t s_b (y_t - y_b - mean)`` for each
    of m pairs of periods, and last its weight w. Estimate ``rows[j]`` gets ``factor[j] * v[place[j]]``.

    Attributes
    ----------
    time, base : ndarray of int (m,)
    mean : ndarray (m,)
    rows, place : ndarray of int (r,)
    factor : ndarray (r,)
    """

    time: IntArray
    base: IntArray
    mean: FloatArray
    rows: IntArray
    place: IntArray
    factor: FloatArray

    def vectors(self, outcome: FloatArray, rows: IntArray, weights: FloatArray | None) -> FloatArray:
        """The vectors of units, shape (m + 1, units)."""
        seen, y = _centred(outcome[rows])
        seen, y = np.ascontiguousarray(seen.T), np.ascontiguousarray(y.T)
        out = np.empty((len(self.time) + 1, len(rows)))
        change = out[:-1]
        np.subtract(y[self.time], y[self.base], out=change)
        change -= self.mean[:, None]
        change *= seen[self.time]
        change *= seen[self.base]
        out[-1] = 1.0
        if weights is not None:
            out *= weights[rows]
        return out

    def spread(self, values: FloatArray) -> FloatArray:
        """From vectors (m + 1, n) to contributions (r, n)."""
        return np.asarray(values[self.place] * self.factor[:, None], dtype=float)

    def pieces(self, rows: IntArray) -> Iterator[IntArray]:
        """Slices of units whose vectors fit in the cache."""
        return blocks(rows, max(_ENTRIES // (8 * (len(self.time) + 1)), 64))


def pair_sums(
    outcome: FloatArray, members: Sequence[IntArray], weights: FloatArray | None = None
) -> PairSums:
    """Sums for every pair of periods, by blocks of units.

    Parameters
    ----------
    outcome : ndarray (n, T)
        NaN where a unit is not seen.
    members : sequence of ndarray of int
        Rows of each cohort.
    weights : ndarray (n,), optional
    """
    shape = (len(members), outcome.shape[1], outcome.shape[1])
    count, weight, level = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for c, rows in enumerate(members):
        for part in blocks(rows):
            seen, y = _centred(outcome[part])
            count[c] += seen.T @ seen
            if weights is not None:
                w = weights[part, None]
                weight[c] += (w * seen).T @ seen
                y *= w
            level[c] += y.T @ seen
    return PairSums(count, count if weights is None else weight, level - level.transpose(0, 2, 1))


def pair_covariance(
    outcome: FloatArray,
    members: Sequence[IntArray],
    maps: Sequence[PairMap],
    k: int,
    weights: FloatArray | None = None,
    clusters: Sequence[ClusterDimension] = (),
) -> FloatArray:
    """Covariance (k, k): outer products of contributions, summed within clusters where these are coarser.

    Parameters
    ----------
    outcome, members, weights
        As in `pair_sums`.
    maps : sequence of PairMap
        One a cohort.
    clusters : sequence of (codes (n,), sign)
        Empty when the unit is the cluster.
    """
    out = np.zeros((k, k))
    for codes, sign in clusters:
        for sums in _cluster_sums(outcome, members, maps, k, weights, codes):
            out += sign * (sums.T @ sums)
    if not clusters:
        for rows, part in zip(members, maps, strict=True):
            gram = np.zeros((len(part.time) + 1,) * 2)
            for piece in part.pieces(rows):
                v = part.vectors(outcome, piece, weights)
                gram += v @ v.T
            factors = part.factor[:, None] * part.factor
            out[np.ix_(part.rows, part.rows)] += factors * gram[np.ix_(part.place, part.place)]
    return (out + out.T) / 2


def pair_contributions(
    outcome: FloatArray,
    members: Sequence[IntArray],
    maps: Sequence[PairMap],
    k: int,
    weights: FloatArray | None = None,
) -> FloatArray:
    """What each unit adds to each estimate (n, k), 0 for units left out; see `pair_covariance`."""
    out = np.zeros((len(outcome), k))
    for rows, part in zip(members, maps, strict=True):
        for piece in part.pieces(rows):
            out[np.ix_(piece, part.rows)] = part.spread(part.vectors(outcome, piece, weights)).T
    return out


def _centred(block: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What was seen as 0 and 1, and outcomes less the unit's own mean, 0 where not seen.

    No change depends on the mean, and digits are kept when levels dwarf changes.
    """
    known = ~np.isnan(block)
    seen = known.astype(float)
    y = np.where(known, block, 0.0)
    y -= (y.sum(axis=1) / np.maximum(seen.sum(axis=1), 1.0))[:, None]
    y *= seen
    return seen, y


def _cluster_sums(
    outcome: FloatArray,
    members: Sequence[IntArray],
    maps: Sequence[PairMap],
    k: int,
    weights: FloatArray | None,
    codes: IntArray,
) -> Iterator[FloatArray]:
    """Contributions summed within clusters, for as many clusters (rows) at a time as fit in memory."""
    ordered = [rows[np.argsort(codes[rows], kind="stable")] for rows in members]
    of = [codes[rows] for rows in ordered]
    used = np.unique(np.concatenate(of))
    for chunk in blocks(used, max(_ENTRIES // k, 1)):
        sums = np.zeros((len(chunk), k))
        for rows, own, part in zip(ordered, of, maps, strict=True):
            inside = rows[np.searchsorted(own, chunk[0]) : np.searchsorted(own, chunk[-1], side="right")]
            for piece in part.pieces(inside):
                place = np.searchsorted(chunk, codes[piece])
                cut = np.flatnonzero(np.r_[True, place[1:] != place[:-1]])
                added = np.add.reduceat(part.vectors(outcome, piece, weights), cut, axis=1)
                sums[np.ix_(place[cut], part.rows)] += part.spread(added).T
        yield sums
