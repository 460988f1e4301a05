"""Least squares with weights on the unit simplex, solved to optimality, many problems at once.

Synthetic control weights are the nearest point of a polytope. Wolfe's method (1976, Finding the
nearest point in a polytope, Mathematical Programming 11:128-149) walks from face to face, each
time to the exact minimum over the affine hull of a face, and ends after finitely many faces; it
needs no step length and no stopping rule for slow progress. Problems of a batch walk in lockstep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.errors import EstimationError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
_EPS = float(np.finfo(float).eps)
_STRONG = 1e-6  # ridge, relative to the scale, that makes every face well posed
_AT_ONCE = 8_000_000  # numbers held by a batch of matrices


@dataclass(frozen=True, eq=False)
class SimplexFit:
    """Solutions of a batch of problems.

    Attributes
    ----------
    weights : ndarray (b, n)
        Non-negative, each row sums to one.
    intercept : ndarray (b,)
        0 where none was asked for.
    objective : ndarray (b,)
        ``sum_r s_r (a_r'w + c - b_r)**2 + sum_j ridge_j w_j**2`` with row weights s.
    gap : ndarray (b,)
        Half the Frank-Wolfe duality gap: the objective lies at most twice this above the minimum,
        and no Karush-Kuhn-Tucker condition is violated by more.
    scale : ndarray (b,)
        Largest squared distance of a column from the target, to which the gap is relative.
    """

    weights: FloatArray
    intercept: FloatArray
    objective: FloatArray
    gap: FloatArray
    scale: FloatArray


def simplex_least_squares(
    matrix: ArrayLike,
    target: ArrayLike,
    *,
    ridge: ArrayLike = 0.0,
    intercept: bool = False,
    allowed: ArrayLike | None = None,
    row_weights: ArrayLike | None = None,
) -> SimplexFit:
    """Minimise ``||A w + c - b||^2 + sum_j ridge_j w_j^2`` over weights on the simplex.

    Parameters
    ----------
    matrix : array_like (m, n) or (b, m, n)
        Shared by all problems, or one a problem.
    target : array_like (m,) or (b, m)
    ridge : float or array_like (n,) or (b, n)
        Penalty on squared weights, 0 or more.
    intercept : bool
        Whether a free constant c is fitted.
    allowed : array_like of bool (n,) or (b, n), optional
        Columns that may get weight; all when absent.
    row_weights : array_like (m,) or (b, m), optional
        0 or more; 1 when absent.

    Returns
    -------
    SimplexFit

    Raises
    ------
    EstimationError
        A problem has no column to give weight to.
    """
    a, b = np.asarray(matrix, dtype=float), np.atleast_2d(np.asarray(target, dtype=float))
    n = a.shape[-1]
    size = max(len(b), len(a) if a.ndim == 3 else 1)
    penalty = np.asarray(ridge, dtype=float)
    may = np.ones(n, dtype=bool) if allowed is None else np.asarray(allowed, dtype=bool)
    rows = None if row_weights is None else np.asarray(row_weights, dtype=float)
    for given in (penalty, may, rows):
        if given is not None and given.ndim == 2:
            size = max(size, len(given))
    b, may = np.broadcast_to(b, (size, b.shape[1])), np.broadcast_to(may, (size, n))
    penalty = np.broadcast_to(penalty, (size, n))
    if not may.any(axis=1).all():
        raise EstimationError("no donor may get weight", expected="at least one donor")
    own = a.ndim == 3 or (rows is not None and rows.ndim == 2)
    step = max(1, _AT_ONCE // max(1, a.shape[-2] * n)) if own else size
    parts = [
        _prepare_and_solve(
            a[i : i + step] if a.ndim == 3 else a,
            b[i : i + step],
            penalty[i : i + step],
            may[i : i + step],
            rows if rows is None or rows.ndim == 1 else rows[i : i + step],
            intercept,
        )
        for i in range(0, size, step)
    ]
    if len(parts) == 1:
        return parts[0]
    return SimplexFit(
        *(
            np.concatenate([getattr(p, name) for p in parts])
            for name in ("weights", "intercept", "objective", "gap", "scale")
        )
    )


def _prepare_and_solve(
    a: FloatArray,
    b: FloatArray,
    ridge: FloatArray,
    may: NDArray[np.bool_],
    rows: FloatArray | None,
    intercept: bool,
) -> SimplexFit:
    # weights sum to one, so a vector taken from all columns and the target changes nothing
    centre = a.mean(axis=-1)
    a = a - centre[..., None]
    b = b - centre
    shift_a: FloatArray = np.zeros(a.shape[-1])
    shift_b: FloatArray = np.zeros(len(b))
    if intercept:
        s = np.ones(b.shape[1]) if rows is None else rows
        share = s / s.sum(axis=-1, keepdims=True)
        if a.ndim == 2 and share.ndim == 1:
            shift_a, shift_b = share @ a, b @ share
        else:
            share = np.broadcast_to(share, b.shape)
            shift_a = np.matmul(share[:, None, :], a)[:, 0]
            shift_b = (b * share).sum(axis=1)
        a, b = a - shift_a[..., None, :], b - shift_b[:, None]
    if rows is not None:
        root = np.sqrt(rows)
        a, b = a * root[..., None], b * root
    weights, objective, gap, scale = _Walk(a, b, ridge, may).run()
    constant = shift_b - (weights * shift_a).sum(axis=1)
    return SimplexFit(weights, constant, objective, gap, scale)


class _Walk:
    """Wolfe's method on a batch; columns are seen from the target, d_j = a_j - b."""

    def __init__(self, a: FloatArray, b: FloatArray, ridge: FloatArray, may: NDArray[np.bool_]) -> None:
        self.columns = np.ascontiguousarray(np.swapaxes(a, -1, -2))  # (n, m) or (b, n, m)
        self.b, self.ridge, self.may = b, ridge, may
        size, n = may.shape
        if self.columns.ndim == 2:
            distance = (self.columns**2).sum(axis=1) - 2 * b @ self.columns.T
            distance = distance + (b**2).sum(axis=1)[:, None]
        else:
            distance = ((self.columns - b[:, None, :]) ** 2).sum(axis=2)
        distance = np.where(may, np.maximum(distance, 0) + ridge, np.inf)
        self.scale = np.where(may, distance, 0).max(axis=1)
        # a constant for a problem whose columns all equal the target
        self.unit = np.where(self.scale > 0, self.scale, 1.0)
        self.x = np.zeros((size, n))
        self.x[np.arange(size), distance.argmin(axis=1)] = 1.0
        self.inside = self.x > 0
        self.objective = np.full(size, np.inf)
        self.gap = np.full(size, np.inf)
        self.kept = self.x.copy()

    def run(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        self._crash()
        size, n = self.may.shape
        running = np.arange(size)
        for _ in range(100 * n + 1_000):
            y, position, filled = self._face(running)
            full = np.zeros((len(running), n))
            here = np.broadcast_to(np.arange(len(running))[:, None], position.shape)
            full[here[filled], position[filled]] = y[filled]
            blocked = self.inside[running] & (full <= 0)
            shrink = blocked.any(axis=1)
            if shrink.any():
                self._retreat(running[shrink], full[shrink], blocked[shrink])
            if not shrink.all():
                whole = ~shrink
                done = self._advance(running[whole], full[whole])
                finished = running[whole][done]
                running = np.setdiff1d(running, finished, assume_unique=True)
                if len(running) == 0:
                    return self.kept, self.objective, self.gap, self.scale
        raise EstimationError(
            "synthetic weights were not found: the search did not end",
            where=f"{len(running)} of {size} problems with {n} columns",
            fix="look for columns of very different size in the outcome",
        )

    def _crash(self) -> None:
        """Where a ridge makes every face well posed, start from many columns at once."""
        strong = (np.where(self.may, self.ridge, np.inf).min(axis=1) > _STRONG * self.unit).nonzero()[0]
        if len(strong) == 0:
            return
        self.inside[strong] = self.may[strong]
        running = strong
        while len(running):
            y, position, filled = self._face(running)
            bad = filled & (y <= 0)
            here = np.broadcast_to(running[:, None], position.shape)
            self.inside[here[bad], position[bad]] = False
            settled = ~bad.any(axis=1)
            done = running[settled]
            self.x[done] = 0.0
            use = filled[settled]
            self.x[here[settled][use], position[settled][use]] = y[settled][use]
            running = running[~settled]

    def _face(self, which: IntArray) -> tuple[FloatArray, IntArray, NDArray[np.bool_]]:
        """Minimum over the affine hull of the columns inside, padded to the largest face.

        The minimiser of y'Qy with 1'y = 1 is proportional to (Q + s 11')^-1 1, which is positive
        definite whenever the columns are affinely independent.
        """
        inside = self.inside[which]
        count = inside.sum(axis=1)
        k = int(count.max())
        position = np.argsort(~inside, axis=1, kind="stable")[:, :k]
        filled = np.arange(k) < count[:, None]
        if self.columns.ndim == 2:
            d = self.columns[position]
        else:
            d = np.take_along_axis(self.columns[which], position[:, :, None], axis=1)
        d = np.where(filled[:, :, None], d - self.b[which][:, None, :], 0.0)
        penalty = np.take_along_axis(self.ridge[which], position, axis=1) / self.unit[which][:, None]
        d = d / np.sqrt(self.unit[which])[:, None, None]
        one = filled.astype(float)[:, :, None]
        if k > d.shape[2] + 1 and np.where(filled, penalty, np.inf).min() > _STRONG:
            u = _solve_tall(d, np.where(filled, penalty, 1.0)[:, :, None], one)
        else:
            u = _solve_square(d, np.where(filled, penalty, 1.0), filled, one)
        y = np.where(filled, u[:, :, 0], 0.0)
        total = y.sum(axis=1, keepdims=True)
        return np.where(total != 0, y / np.where(total != 0, total, 1.0), y), position, filled

    def _retreat(self, which: IntArray, y: FloatArray, blocked: NDArray[np.bool_]) -> None:
        """Go towards the minimum until the first weight is zero; that column leaves the face."""
        x = self.x[which]
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(blocked, x / (x - y), np.inf)
        reach = np.where(np.isnan(reach), 0.0, reach)
        step = np.clip(reach.min(axis=1), 0.0, 1.0)
        x = x + step[:, None] * (y - x)
        leave = blocked & ((reach <= step[:, None]) | (x <= 0))
        x = np.where(leave | ~self.inside[which], 0.0, np.maximum(x, 0.0))
        self.x[which] = x / x.sum(axis=1, keepdims=True)
        self.inside[which] &= ~leave

    def _advance(self, which: IntArray, y: FloatArray) -> NDArray[np.bool_]:
        """Take the minimum of the face; say which problems are solved, else add the best column."""
        residual, product = self._gradient(which, y)
        penalty = self.ridge[which]
        objective = (residual**2).sum(axis=1) + (penalty * y**2).sum(axis=1)
        slope = product + penalty * y
        lowest = np.where(self.may[which], slope, np.inf)
        add = lowest.argmin(axis=1)
        gap = (slope * y).sum(axis=1) - lowest[np.arange(len(which)), add]
        # at the limit of floating point a new face may not be better: keep the old one
        better = objective < self.objective[which]
        chosen = which[better]
        self.kept[chosen], self.objective[chosen] = y[better], objective[better]
        self.gap[chosen] = np.maximum(gap[better], 0.0)
        self.x[which] = y
        done: NDArray[np.bool_] = ~better | (gap <= 8 * _EPS * self.unit[which])
        go = which[~done]
        repeated = self.inside[go, add[~done]]
        self.inside[go, add[~done]] = True
        done[np.flatnonzero(~done)[repeated]] = True
        return done

    def _gradient(self, which: IntArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residual A w - b (b, m) and d_j' residual of every column (b, n)."""
        b = self.b[which]
        if self.columns.ndim == 2:
            residual = y @ self.columns - b
            product = residual @ self.columns.T
        else:
            columns = self.columns[which]
            residual = np.matmul(y[:, None, :], columns)[:, 0] - b
            product = np.matmul(columns, residual[:, :, None])[:, :, 0]
        out: FloatArray = product - (residual * b).sum(axis=1)[:, None]
        return residual, out


def _solve_square(
    d: FloatArray, diagonal: FloatArray, filled: NDArray[np.bool_], one: FloatArray
) -> FloatArray:
    """(D D' + R + 11')^-1 1 for faces (b, k, m), refined."""
    k = d.shape[1]
    gram = np.matmul(d, np.swapaxes(d, 1, 2)) + (filled[:, :, None] & filled[:, None, :])
    place = np.arange(k)
    gram[:, place, place] += diagonal
    jittered = gram.copy()
    # keeps a face of all but equal columns solvable; the refinement takes its effect away
    jittered[:, place, place] += 4 * _EPS
    u = np.linalg.solve(jittered, one)
    for _ in range(2):
        u = u + np.linalg.solve(jittered, one - np.matmul(gram, u))
    out: FloatArray = u
    return out


def _solve_tall(d: FloatArray, diagonal: FloatArray, one: FloatArray) -> FloatArray:
    """The same through a system of as many rows as the problem has (Woodbury), for large faces."""
    wide = np.concatenate([d, one], axis=2)
    flat = np.swapaxes(wide, 1, 2)
    small = np.matmul(flat, wide / diagonal) + np.eye(wide.shape[2])

    def inverse(v: FloatArray) -> FloatArray:
        v = v / diagonal
        out: FloatArray = v - np.matmul(wide, np.linalg.solve(small, np.matmul(flat, v))) / diagonal
        return out

    u = inverse(one)
    for _ in range(2):
        u = u + inverse(one - np.matmul(wide, np.matmul(flat, u)) - diagonal * u)
    return u
