"""Least squares with unit and period effects row by row: any panel, any regressors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.numerics.covariance import cluster_sums
from evaluation.numerics.demean import demean
from evaluation.numerics.least_squares import least_squares

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class RowRegression:
    """A fitted regression that can sum its scores in any way.

    Attributes
    ----------
    coef : ndarray (k,)
    bread : ndarray (k, k)
    kept : ndarray of bool (k,)
    columns : ndarray (n, k)
        Regressors free of effects.
    residual : ndarray (n,)
    weights : ndarray (n,), optional
    unit, time : ndarray of int (n,)
    """

    coef: FloatArray
    bread: FloatArray
    kept: NDArray[np.bool_]
    columns: FloatArray
    residual: FloatArray
    weights: FloatArray | None
    unit: IntArray
    time: IntArray
    n_units: int
    n_periods: int
    rounding: float

    @property
    def scores(self) -> FloatArray:
        """Contribution of each row to the normal equations (n, k)."""
        e = self.residual if self.weights is None else self.residual * self.weights
        return self.columns * e[:, None]

    @property
    def sum_of_squares(self) -> float:
        """Weighted sum of squared residuals."""
        e = self.residual
        return float(e @ e if self.weights is None else e @ (self.weights * e))

    def robust(self) -> FloatArray:
        """Sum over rows of squared scores (k, k)."""
        scores = self.scores
        return scores.T @ scores

    def by_unit(self) -> FloatArray:
        """Cross-product of scores summed by unit (k, k)."""
        sums = self.unit_scores()
        return sums.T @ sums

    def by_time(self) -> FloatArray:
        """Cross-product of scores summed by period (k, k)."""
        sums = cluster_sums(self.scores, self.time, self.n_periods)
        return sums.T @ sums

    def by_clusters(self, codes: IntArray, n: int) -> FloatArray:
        """Cross-product of scores summed by clusters of units, ``codes`` (n_units,)."""
        return self.by_codes(codes[self.unit], n)

    def by_clusters_and_time(self, codes: IntArray, n: int) -> FloatArray:
        """Cross-product of scores summed by cluster and period."""
        return self.by_codes(codes[self.unit] * self.n_periods + self.time, n * self.n_periods)

    def by_codes(self, codes: IntArray, n: int) -> FloatArray:
        """Cross-product of scores summed by codes of rows (rows,)."""
        sums = cluster_sums(self.scores, codes, n)
        return sums.T @ sums

    def unit_scores(self) -> FloatArray:
        """Scores summed within units (n_units, k)."""
        return cluster_sums(self.scores, self.unit, self.n_units)


def fit_rows(
    outcome: FloatArray,
    columns: FloatArray,
    unit: IntArray,
    time: IntArray,
    *,
    n_units: int,
    n_periods: int,
    weights: FloatArray | None = None,
) -> RowRegression:
    """Regress an outcome (n,) on columns (n, k), unit and period effects.

    Raises
    ------
    EstimationError
        The effects did not converge.
    """
    # the scale of a column is its variation: a constant far from 0 must not hide it, nor rounding of
    # a column that has none pass for some
    heavy = 1 if weights is None else weights[:, None]
    scale = ((columns - columns.mean(axis=0)) ** 2 * heavy).sum(axis=0)
    scale = np.maximum(scale, 1e-16 * (columns**2 * heavy).sum(axis=0))
    stacked = np.column_stack([outcome, columns])
    within = demean(stacked, unit, time, n_first=n_units, n_second=n_periods, weights=weights).values
    fit = least_squares(within[:, 1:], within[:, 0], weights, scale)
    spread = outcome - outcome.mean()
    return RowRegression(
        coef=fit.coef,
        bread=fit.bread,
        kept=fit.kept,
        columns=within[:, 1:],
        residual=fit.residual,
        weights=weights,
        unit=unit,
        time=time,
        n_units=n_units,
        n_periods=n_periods,
        rounding=1e-24 * float(spread @ (spread if weights is None else weights * spread)),
    )
