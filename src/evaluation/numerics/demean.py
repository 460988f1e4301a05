"""Removing two sets of effects (units and periods) from columns, exactly where that is possible.

With weights w the effects solve the normal equations of a two-way layout. Eliminating the larger
set leaves a system the size of the smaller one (Frisch and Waugh 1933; Abowd, Creecy and Kramarz
2002): closed form when the layout is complete and unweighted, a Cholesky factor when the smaller
set is moderate, preconditioned conjugate gradient otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse import csgraph

from evaluation.errors import EstimationError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
DIRECT_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class Demeaned:
    """Columns without unit and period effects.

    Attributes
    ----------
    values : ndarray (n, k)
    method : str
        ``"closed form"``, ``"direct"`` or ``"conjugate gradient"``.
    iterations : int
        0 where the solution is exact.
    reached : float
        Largest relative residual of the effects' normal equations.
    """

    values: FloatArray
    method: str
    iterations: int
    reached: float


def demean(
    columns: FloatArray,
    first: IntArray,
    second: IntArray,
    *,
    n_first: int,
    n_second: int,
    weights: FloatArray | None = None,
    tolerance: float = 1e-10,
    max_iterations: int = 5_000,
    direct_limit: int = DIRECT_LIMIT,
) -> Demeaned:
    """Residuals of columns on two sets of effects.

    Parameters
    ----------
    columns : ndarray (n, k)
    first, second : ndarray of int (n,)
        Level of each row in either set; each pair at most once.
    n_first, n_second : int
        Number of levels; a level without rows is allowed.
    weights : ndarray (n,), optional
        Positive.
    tolerance : float
        Relative, of the iterative solution.
    max_iterations : int
    direct_limit : int
        Largest size of the reduced system that is factorised.

    Returns
    -------
    Demeaned

    Raises
    ------
    EstimationError
        Conjugate gradient did not reach the tolerance; the message says what it reached.
    """
    n = len(columns)
    if weights is None and n == n_first * n_second and n > 0:
        cells = first.astype(np.int64) * n_second + second
        if (np.diff(cells) > 0).all():
            return Demeaned(_complete(columns, n_first, n_second), "closed form", 0, 0.0)
        if np.bincount(cells, minlength=n).max() == 1:
            ordered = np.empty_like(columns)
            ordered[cells] = columns
            return Demeaned(_complete(ordered, n_first, n_second)[cells], "closed form", 0, 0.0)
    layout = _Layout.build(first, second, n_first, n_second, weights)
    # a mean taken out first keeps digits when the level dwarfs the variation
    columns = columns - (columns.mean(axis=0) if n else 0.0)
    iterations = 0
    if layout.size <= direct_limit:
        solve = layout.factorise()
        values = layout.residual(columns, solve)
        # one step of refinement: the effects of the residual are rounding error only
        values = layout.residual(values, solve)
        return Demeaned(values, "direct", 0, 0.0)
    values, iterations, reached = layout.iterate(columns, tolerance, max_iterations)
    return Demeaned(values, "conjugate gradient", iterations, reached)


def _complete(columns: FloatArray, n_first: int, n_second: int) -> FloatArray:
    """Double demeaning of rows ordered by first, then second level."""
    cube = columns.reshape(n_first, n_second, -1)
    out = cube - cube.mean(axis=1, keepdims=True)
    out -= out.mean(axis=0, keepdims=True)
    return out.reshape(columns.shape)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Sums by level, and the system left when the larger set is eliminated."""

    large: IntArray
    small: IntArray
    sum_large: sparse.csr_array
    sum_small: sparse.csr_array
    counts_large: FloatArray
    counts_small: FloatArray
    cross: sparse.csr_array  # (n_large, n_small) weight of each cell

    @classmethod
    def build(
        cls, first: IntArray, second: IntArray, n_first: int, n_second: int, weights: FloatArray | None
    ) -> _Layout:
        if n_first >= n_second:
            large, small, n_large, n_small = first, second, n_first, n_second
        else:
            large, small, n_large, n_small = second, first, n_second, n_first
        n = len(large)
        w = np.ones(n) if weights is None else weights
        rows = np.arange(n)
        sum_large = sparse.csr_array((w, (large, rows)), shape=(n_large, n))
        sum_small = sparse.csr_array((w, (small, rows)), shape=(n_small, n))
        cross = sparse.csr_array((w, (large, small)), shape=(n_large, n_small))
        return cls(
            large=large,
            small=small,
            sum_large=sum_large,
            sum_small=sum_small,
            counts_large=_no_zero(np.bincount(large, w, minlength=n_large).astype(float)),
            counts_small=np.bincount(small, w, minlength=n_small).astype(float),
            cross=cross,
        )

    @property
    def size(self) -> int:
        return self.cross.shape[1]

    def reduced_rhs(self, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
        sums = self.sum_large @ columns
        return self.sum_small @ columns - self.cross.T @ (sums / self.counts_large[:, None]), sums

    def subtract(self, columns: FloatArray, sums: FloatArray, effects: FloatArray) -> FloatArray:
        other = (sums - self.cross @ effects) / self.counts_large[:, None]
        return columns - effects[self.small] - other[self.large]

    def residual(self, columns: FloatArray, solve: _Factor) -> FloatArray:
        rhs, sums = self.reduced_rhs(columns)
        return self.subtract(columns, sums, solve(rhs))

    def factorise(self) -> _Factor:
        scaled = self.cross.multiply(1 / self.counts_large[:, None]).tocsr()
        system = np.diag(self.counts_small) - (self.cross.T @ scaled).toarray()
        return _Factor.build(system, self.cross)

    def iterate(
        self, columns: FloatArray, tolerance: float, max_iterations: int
    ) -> tuple[FloatArray, int, float]:
        """Conjugate gradient with a diagonal preconditioner, all columns side by side."""
        rhs, sums = self.reduced_rhs(columns)
        diagonal = self.counts_small - self.cross.multiply(self.cross).T @ (1 / self.counts_large)
        # a level seen only with levels of its own has a zero pivot and no right-hand side
        inverse = np.where(
            diagonal > 1e-12 * np.maximum(self.counts_small, 1e-300), 1 / _no_zero(diagonal), 0.0
        )
        inverse = inverse[:, None]
        effects = np.zeros_like(rhs)
        residual = rhs.copy()
        step = inverse * residual
        direction = step.copy()
        rho = np.einsum("ij,ij->j", residual, step)
        # relative to the column, not to the right-hand side: nothing to remove is converged
        root = np.sqrt(_no_zero(self.counts_small))[:, None]
        scale = np.sqrt(np.einsum("ij,ij->j", columns, columns))
        start = np.maximum(_norm(rhs / root), 1e-6 * scale)
        start[start == 0] = 1.0
        reached = float(np.max(_norm(residual / root) / start, initial=0.0))
        for iteration in range(1, max_iterations + 1):
            if reached <= tolerance:
                return self.subtract(columns, sums, effects), iteration - 1, reached
            image = self.counts_small[:, None] * direction - self.cross.T @ (
                (self.cross @ direction) / self.counts_large[:, None]
            )
            curvature = np.einsum("ij,ij->j", direction, image)
            alpha = np.where(curvature > 0, rho / _no_zero(curvature), 0.0)
            effects += alpha * direction
            residual -= alpha * image
            step = inverse * residual
            new = np.einsum("ij,ij->j", residual, step)
            direction = step + np.where(rho > 0, new / _no_zero(rho), 0.0) * direction
            rho = new
            reached = float(np.max(_norm(residual / root) / start, initial=0.0))
        if reached <= tolerance:
            return self.subtract(columns, sums, effects), max_iterations, reached
        raise EstimationError(
            f"unit and period effects did not converge in {max_iterations} iterations",
            where=f"relative residual {reached:.1e}",
            expected=f"at most {tolerance:.0e}",
            fix="drop units or periods that are hardly connected to the rest, or allow more iterations",
        )


@dataclass(frozen=True, slots=True)
class _Factor:
    """Cholesky factor with one level grounded at 0 in each connected part of the layout."""

    free: NDArray[np.bool_]
    factor: FloatArray

    @classmethod
    def build(cls, system: FloatArray, cross: sparse.csr_array) -> _Factor:
        return cls.from_system(system, parts_of(cross))

    @classmethod
    def from_system(cls, system: FloatArray, parts: IntArray) -> _Factor:
        free = np.ones(len(system), dtype=bool)
        free[np.unique(parts, return_index=True)[1]] = False
        block = system[np.ix_(free, free)]
        factor = linalg.cholesky(block, lower=True) if free.any() else np.zeros((0, 0))
        return cls(free, factor)

    def __call__(self, rhs: FloatArray) -> FloatArray:
        out = np.zeros_like(rhs)
        if self.free.any():
            out[self.free] = linalg.cho_solve((self.factor, True), rhs[self.free])
        return out


def parts_of(cross: sparse.csr_array) -> IntArray:
    """Connected part of each column level of a two-way layout (n_small,)."""
    n_large = cross.shape[0]
    graph = sparse.block_array([[None, cross], [cross.T, None]], format="csr")
    _, labels = csgraph.connected_components(graph, directed=False)
    return np.asarray(labels[n_large:])


def singletons(first: IntArray, second: IntArray, n_first: int, n_second: int) -> NDArray[np.bool_]:
    """Rows that are alone in their unit or period, found repeatedly until none is left (n,).

    Such a row is fitted perfectly: it adds to the number of observations and to nothing else
    (Correia 2015).
    """
    alone = np.zeros(len(first), dtype=bool)
    one, two = np.bincount(first, minlength=n_first), np.bincount(second, minlength=n_second)
    while (one == 1).any() or (two == 1).any():
        more = ~alone & ((one == 1)[first] | (two == 1)[second])
        alone |= more
        one -= np.bincount(first[more], minlength=n_first)
        two -= np.bincount(second[more], minlength=n_second)
    return alone


def _norm(values: FloatArray) -> FloatArray:
    out: FloatArray = np.sqrt(np.einsum("ij,ij->j", values, values))
    return out


def _no_zero(values: FloatArray) -> FloatArray:
    return np.where(values == 0, 1.0, values)
