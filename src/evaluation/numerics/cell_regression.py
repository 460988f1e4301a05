"""Least squares with unit and period effects where treatment depends on cohort and period only.

Event-study and cohort-by-period terms have one value in a (cohort, period) cell. Eliminating unit
effects then leaves, for each cohort, a T x T matrix and a T vector; coefficients follow from these
and never need a column a term. Without missing cells, weights or covariates the cohort's size, mean
path and Gram matrix hold all that coefficients and their covariance depend on, so one pass over the
outcomes is enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from evaluation.numerics.demean import _Factor
from evaluation.numerics.grid import BLOCK_CELLS, CohortMoments, Grid, less_unit_mean, moments, positive
from evaluation.numerics.least_squares import solve_normal

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class CellRegression:
    """A fitted regression that can sum its scores in any way.

    Attributes
    ----------
    coef : ndarray (k + p,)
        Of the terms, then of the covariates.
    bread : ndarray (k + p, k + p)
    kept : ndarray of bool (k + p,)
    regressors : ndarray (G, T, k)
        Terms less their projection on period effects.
    loadings : ndarray (k, p)
        Coefficients of the covariates' regressions on the terms.
    paths : ndarray (G, T, 1 + p)
        Fitted path of the outcome (and of each covariate) but for the unit effect.
    slopes : ndarray (p,)
    grams : ndarray (G, T, T), optional
        Sum over units of squared weighted residual paths, with weights and without covariates.
    """

    grid: Grid
    moments: CohortMoments
    coef: FloatArray
    bread: FloatArray
    kept: NDArray[np.bool_]
    regressors: FloatArray
    loadings: FloatArray
    paths: FloatArray
    slopes: FloatArray
    sum_of_squares: float
    rounding: float
    grams: FloatArray | None = None

    @property
    def _is_plain(self) -> bool:
        return self.moments.gram is not None

    def residuals(self, g: int, rows: IntArray) -> tuple[FloatArray, list[FloatArray], FloatArray | None]:
        """Weighted residuals (m, T), residual covariates (m, T) each, and weights (m, T) of a block."""
        w = None if self.grid.weights is None else self.grid.weights[rows].astype(float, copy=False)
        free = [
            less_unit_mean(values[rows] - self.paths[g, :, j], w) for j, values in enumerate(self.grid.values)
        ]
        e = free[0]
        for slope, column in zip(self.slopes, free[1:], strict=True):
            e = e - slope * column
        return (e if w is None else w * e), free[1:], w

    def residual_matrix(self) -> FloatArray:
        """Residuals without weights (N, T), 0 in empty cells."""
        out = np.zeros(self.grid.shape)
        for g, rows in self.grid.blocks():
            r, _, w = self.residuals(g, rows)
            out[rows] = r if w is None else np.divide(r, w, out=np.zeros_like(r), where=w > 0)
        return out

    def _columns(self, g: int, free: list[FloatArray], w: FloatArray | None, m: int) -> FloatArray:
        """Regressors free of effects, row by row (m, T, k + p)."""
        x = self.regressors[g]
        if w is None:
            own = np.broadcast_to(x - x.mean(axis=0), (m, *x.shape))
        else:
            own = x - ((w @ x) / positive(w.sum(axis=1))[:, None])[:, None, :]
        return np.concatenate([own, *(column[:, :, None] for column in free)], axis=2)

    def _gram(self, g: int) -> FloatArray:
        """Sum over a cohort's units of residual paths squared (T, T)."""
        assert self.moments.gram is not None
        gap = self._gap(g)
        out: FloatArray = self.moments.gram[g] + self.moments.cells[g, 0] * np.outer(gap, gap)
        return out

    def _cluster_paths(self, codes: IntArray, n: int, g: int) -> FloatArray:
        """Residual paths of a cohort's units summed within clusters (n, T), without weights."""
        own = np.flatnonzero((self.grid.group == g) & (codes >= 0))
        # levels differ far more between units than residuals do: they go before the sum
        total, count = np.zeros((n, self.grid.shape[1])), np.bincount(codes[own], minlength=n)
        size = max(1, BLOCK_CELLS // max(self.grid.shape[1], 1))
        for start in range(0, len(own), size):
            rows = own[start : start + size]
            total += _indicator(codes[rows], n) @ less_unit_mean(self.grid.values[0][rows], None)
        path = self.paths[g, :, 0]
        out: FloatArray = total - count[:, None] * (path - path.mean())
        return out

    def _gap(self, g: int) -> FloatArray:
        """Mean residual path of a cohort (T,)."""
        size = max(self.moments.cells[g, 0], 1.0)
        path = self.paths[g, :, 0]
        out: FloatArray = self.moments.rhs[g, :, 0] / size - (path - path.mean())
        return out

    def _finish(self, meat: FloatArray) -> FloatArray:
        """From covariates free of the terms back to the covariates as they are."""
        k, p = self.loadings.shape
        if p == 0:
            return meat
        back = np.eye(k + p)
        back[k:, :k] = self.loadings.T
        out: FloatArray = back @ meat @ back.T
        return out

    def _meat(self, sums: FloatArray) -> FloatArray:
        flat = sums.reshape(-1, len(self.coef))
        return self._finish(flat.T @ flat)

    def robust(self) -> FloatArray:
        """Sum over rows of squared scores."""
        out = np.zeros((len(self.coef),) * 2)
        if self._is_plain:
            for g, x in enumerate(self.regressors):
                x = x - x.mean(axis=0)
                out += x.T @ (np.diag(self._gram(g))[:, None] * x)
            return out
        for g, rows in self.grid.blocks():
            r, free, w = self.residuals(g, rows)
            scores = (self._columns(g, free, w, len(r)) * r[:, :, None]).reshape(-1, len(out))
            out += scores.T @ scores
        return self._finish(out)

    def by_unit(self) -> FloatArray:
        """Sum over units of squared scores."""
        out = np.zeros((len(self.coef),) * 2)
        if len(self.grid.values) > 1:
            return self._meat(self._raw_unit_scores())
        for g, x in enumerate(self.regressors):
            gram = self._gram(g) if self.grams is None else self.grams[g]
            out += x.T @ gram @ x
        return out

    def by_time(self) -> FloatArray:
        """Sum over periods of squared scores."""
        sums = np.zeros((self.grid.shape[1], len(self.coef)))
        if self._is_plain:
            for g, x in enumerate(self.regressors):
                sums += (self.moments.cells[g, 0] * self._gap(g))[:, None] * (x - x.mean(axis=0))
            return sums.T @ sums
        for g, rows in self.grid.blocks():
            r, free, w = self.residuals(g, rows)
            sums += np.einsum("itk,it->tk", self._columns(g, free, w, len(r)), r)
        return self._meat(sums)

    def by_clusters(self, codes: IntArray, n: int) -> FloatArray:
        """Sum over clusters of units (codes by unit, -1 for none) of squared scores."""
        sums = np.zeros((n, len(self.coef)))
        if self._is_plain:
            for g, x in enumerate(self.regressors):
                sums += self._cluster_paths(codes, n, g) @ x
            return sums.T @ sums
        for g, rows in self.grid.blocks():
            own = codes[rows]
            r, free, _ = self.residuals(g, rows)
            indicator = _indicator(own, n)
            if free:
                sums += indicator @ self._block_scores(g, r, free)
            else:
                # the regressors are the cohort's, so paths are summed first
                sums += (indicator @ r) @ self.regressors[g]
        return self._meat(sums)

    def by_clusters_and_time(self, codes: IntArray, n: int) -> FloatArray:
        """Sum over pairs of a cluster of units and a period of squared scores."""
        t = self.grid.shape[1]
        sums = np.zeros((t, n, len(self.coef)))
        if self._is_plain:
            for g, x in enumerate(self.regressors):
                sums += self._cluster_paths(codes, n, g).T[:, :, None] * (x - x.mean(axis=0))[:, None, :]
            return self._meat(sums)
        for g, rows in self.grid.blocks():
            r, free, w = self.residuals(g, rows)
            indicator = _indicator(codes[rows], n)
            columns = self._columns(g, free, w, len(r))
            for s in range(t):
                sums[s] += indicator @ (columns[:, s] * r[:, s, None])
        return self._meat(sums)

    def _block_scores(self, g: int, r: FloatArray, free: list[FloatArray]) -> FloatArray:
        own = r @ self.regressors[g]
        if not free:
            return own
        return np.column_stack([own, *((r * column).sum(axis=1) for column in free)])

    def _raw_unit_scores(self) -> FloatArray:
        out = np.zeros((self.grid.shape[0], len(self.coef)))
        for g, rows in self.grid.blocks():
            r, free, _ = self.residuals(g, rows)
            out[rows] = self._block_scores(g, r, free)
        return out

    def unit_scores(self) -> FloatArray:
        """Scores summed within units (N, k + p)."""
        out = self._raw_unit_scores()
        k, p = self.loadings.shape
        if p:
            out[:, k:] += out[:, :k] @ self.loadings
        return out


def fit_cells(grid: Grid, table: FloatArray) -> CellRegression:
    """Regress the outcome on cell terms, covariates, unit and period effects.

    Parameters
    ----------
    grid : Grid
    table : ndarray (G, T, k)
        Value of each term by cohort and period.

    Returns
    -------
    CellRegression
    """
    m = moments(grid)
    k, p = table.shape[2], len(grid.values) - 1
    solve = period_solver(m.system)
    applied = m.system @ table  # (G, T, k)
    period_rhs = m.rhs.sum(axis=0)
    projection = solve(applied.sum(axis=0))
    regressors = table - projection
    gram = np.tensordot(table, applied, axes=([0, 1], [0, 1]))
    gram = gram - applied.sum(axis=0).T @ projection
    rhs = np.tensordot(regressors, m.rhs, axes=([0, 1], [0, 1]))
    solution = solve_normal((gram + gram.T) / 2, rhs, _spread(m.cells, table))
    beta = solution.coef
    # one step of refinement wins back digits that the normal equations lost
    for _ in range(2):
        period = solve(period_rhs - np.tensordot(applied, beta, axes=([2], [0])).sum(axis=0))
        paths = period + table @ beta
        if _ == 0:
            left = m.rhs - m.system @ paths
            beta = beta + solution.bread @ np.tensordot(regressors, left, axes=([0, 1], [0, 1]))
    bread, kept = solution.bread, solution.kept
    partial = CellRegression(
        grid, m, beta[:, 0], bread, kept, regressors, np.zeros((k, 0)), paths, np.zeros(p), 0.0, m.rounding
    )
    if p == 0:
        if m.gram is not None:
            total = float(sum(np.trace(partial._gram(g)) for g in range(grid.n_groups)))
            return replace(partial, sum_of_squares=total)
        grams, total = _residual_grams(partial)
        return replace(partial, grams=grams, sum_of_squares=total)
    cross, scale = _covariate_products(partial)
    slopes = solve_normal(cross[1:, 1:], cross[1:, 0], scale)
    loadings = beta[:, 1:]
    shift = np.eye(k + p)
    shift[:k, k:] = -loadings
    joint = np.zeros((k + p, k + p))
    joint[:k, :k], joint[k:, k:] = bread, slopes.bread
    # a covariate that was left out has no part in the others
    shift[:k, k:][:, ~slopes.kept] = 0
    return replace(
        partial,
        coef=np.concatenate([beta[:, 0] - loadings @ slopes.coef, slopes.coef]),
        bread=shift @ joint @ shift.T,
        kept=np.concatenate([kept, slopes.kept]),
        loadings=np.where(slopes.kept, loadings, 0.0),
        slopes=slopes.coef,
        sum_of_squares=float(cross[0, 0] - cross[0, 1:] @ slopes.coef),
        rounding=1e-14 * float(cross[0, 0]),
    )


def period_solver(system: FloatArray) -> _Factor:
    """Solver of the normal equations of period effects, summed over cohorts (G, T, T)."""
    total = system.sum(axis=0)
    graph = sparse.csr_array(np.abs(total) > 0)
    _, parts = csgraph.connected_components(graph, directed=False)
    return _Factor.from_system(total, parts)


def _covariate_products(fit: CellRegression) -> tuple[FloatArray, FloatArray]:
    """Cross-products of outcome and covariates free of effects and terms, and the covariates' spread."""
    m = len(fit.grid.values)
    cross = np.zeros((m, m))
    raw = np.zeros((3, m))
    for g, rows in fit.grid.blocks():
        w = None if fit.grid.weights is None else fit.grid.weights[rows].astype(float, copy=False)
        whole = [values[rows] for values in fit.grid.values]
        free = [less_unit_mean(v - fit.paths[g, :, j], w) for j, v in enumerate(whole)]
        for i in range(m):
            left = free[i] if w is None else w * free[i]
            cross[i, i:] += [float(np.vdot(left, free[j])) for j in range(i, m)]
            v = whole[i]
            u = v if w is None else w * v
            raw[:, i] += np.array([v.size if w is None else w.sum(), u.sum(), np.vdot(u, v)])
    cross = cross + np.triu(cross, 1).T
    spread = raw[2] - raw[1] ** 2 / raw[0]
    return cross, spread[1:]


def _residual_grams(fit: CellRegression) -> tuple[FloatArray, float]:
    """Sums over units of squared residual paths (G, T, T), and the weighted sum of squares."""
    grams, total = np.zeros_like(fit.moments.system), 0.0
    weights = fit.grid.weights
    plain = weights is None or weights.dtype == np.bool_
    for g, rows in fit.grid.blocks():
        r, _, w = fit.residuals(g, rows)
        grams[g] += r.T @ r
        if w is not None and not plain:
            total += float(np.vdot(r, np.divide(r, w, out=np.zeros_like(r), where=w > 0)))
    if plain:
        total = float(np.trace(grams, axis1=1, axis2=2).sum())
    return grams, total


def _spread(cells: FloatArray, table: FloatArray) -> FloatArray:
    weight = cells[:, :, None]
    mean = (weight * table).sum(axis=(0, 1)) / max(cells.sum(), 1e-300)
    spread: FloatArray = (weight * (table - mean) ** 2).sum(axis=(0, 1))
    # a term that is the same everywhere has no spread, and rounding would pass for some
    return np.maximum(spread, 1e-3 * (weight * table**2).sum(axis=(0, 1)))


def _indicator(codes: IntArray, n: int) -> sparse.csr_array:
    inside = codes >= 0
    columns = np.flatnonzero(inside)
    return sparse.csr_array((np.ones(len(columns)), (codes[inside], columns)), shape=(n, len(codes)))
