"""Unit-by-period matrices, and what each cohort contributes to normal equations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.numerics.cohorts import cohort_moments, members_of

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
BLOCK_CELLS = 200_000


@dataclass(frozen=True, slots=True)
class Grid:
    """Outcome and covariates as unit-by-period matrices.

    Attributes
    ----------
    values : tuple of ndarray (N, T)
        Outcome, then covariates; 0 where a cell is empty.
    weights : ndarray (N, T), optional
        0 (or False) where a cell is empty; None when every cell counts once.
    group : ndarray of int (N,)
        Cohort of the unit, 0 to G - 1.
    n_groups : int
    members : tuple of ndarray of int, optional
        Rows of each cohort, found when absent.
    """

    values: tuple[FloatArray, ...]
    weights: NDArray[np.floating | np.bool_] | None
    group: IntArray
    n_groups: int
    members: tuple[IntArray, ...] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Units and periods."""
        n, t = self.values[0].shape
        return int(n), int(t)

    def __post_init__(self) -> None:
        if self.members is None:
            object.__setattr__(self, "members", tuple(members_of(self.group, self.n_groups)))

    def blocks(self) -> Iterator[tuple[int, IntArray]]:
        """Cohort by cohort, the rows of a few thousand units."""
        size = max(1, BLOCK_CELLS // max(self.shape[1], 1))
        assert self.members is not None
        for g, rows in enumerate(self.members):
            for low in range(0, len(rows), size):
                yield g, rows[low : low + size]


@dataclass(frozen=True, slots=True)
class CohortMoments:
    """What a cohort contributes.

    Attributes
    ----------
    cells : ndarray (G, T)
        Weight in each cell.
    system : ndarray (G, T, T)
        Sum over units of diag(w) - w w' / sum(w).
    rhs : ndarray (G, T, m)
        The same applied to outcome and covariates.
    gram : ndarray (G, T, T) or None
        Sum over units of e e', e the unit-demeaned outcome less its cohort mean; only without
        weights and covariates.
    rounding : float
        Sum of squared residuals that rounding alone can leave in ``gram``.
    """

    cells: FloatArray
    system: FloatArray
    rhs: FloatArray
    gram: FloatArray | None
    rounding: float


def moments(grid: Grid) -> CohortMoments:
    """One pass over the units."""
    n, t = grid.shape
    m, g_count = len(grid.values), grid.n_groups
    size = np.bincount(grid.group, minlength=g_count).astype(float)
    rhs = np.zeros((g_count, t, m))
    if grid.weights is None:
        gram, rounding = None, 0.0
        if m == 1:
            stats = cohort_moments(grid.values[0], grid.group, g_count)
            gram = stats.gram[:, 1:, 1:]
            rhs[:, :, 0] = size[:, None] * stats.path
            gap = stats.path - (size @ stats.path) / n
            rounding = 1e-14 * float(np.trace(gram, axis1=1, axis2=2).sum() + size @ (gap**2).sum(axis=1))
        else:
            for g, rows in grid.blocks():
                for j, values in enumerate(grid.values):
                    rhs[g, :, j] += less_unit_mean(values[rows], None).sum(axis=0)
        centre = np.eye(t) - 1 / t
        cells = np.repeat(size[:, None], t, axis=1)
        return CohortMoments(cells, size[:, None, None] * centre, rhs, gram, rounding)
    cells, system = np.zeros((g_count, t)), np.zeros((g_count, t, t))
    for g, rows in grid.blocks():
        w = grid.weights[rows].astype(float, copy=False)
        share = w / positive(w @ np.ones(t))[:, None]
        cells[g] += np.ones(len(w)) @ w
        system[g] -= share.T @ w
        for j, values in enumerate(grid.values):
            block = values[rows]
            block = w * (block - ((share * block) @ np.ones(t))[:, None])
            rhs[g, :, j] += np.ones(len(block)) @ block
    system[:, np.arange(t), np.arange(t)] += cells
    return CohortMoments(cells, system, rhs, None, 0.0)


def less_unit_mean(values: FloatArray, w: FloatArray | None) -> FloatArray:
    """Values (m, T) less the weighted mean of their row; meaningless where the weight is 0."""
    # empty cells are not set to 0: whatever is made of this is multiplied by their weight
    if w is None:
        # a product is much faster than a reduction over a short last axis
        return values - (values @ np.full(values.shape[1], 1 / values.shape[1]))[:, None]
    ones = np.ones(values.shape[1])
    mean = ((w * values) @ ones) / positive(w @ ones)
    return values - mean[:, None]


def positive(values: FloatArray) -> FloatArray:
    """Values with 1 in place of 0, to divide by."""
    return np.where(values > 0, values, 1.0)
