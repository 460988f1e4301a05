"""Simplex weights as R synthdid stops them, to reproduce numbers that were printed with it.

Conditional gradients (Frank and Wolfe 1956) zigzag near a face of the simplex, and synthdid 0.0.9
ends them after 10,000 steps or when the mean objective falls by less than a threshold. Its weights
are thus near the minimum, not at it: for California's Proposition 99 the synthetic control
objective is 1 % above it and the estimate -19.620 instead of -19.514. `simplex` solves exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.numerics.simplex import SimplexFit

FloatArray = NDArray[np.float64]
_FIRST_STEPS = 100
_STEPS = 10_000


def frank_wolfe(
    matrix: ArrayLike,
    target: ArrayLike,
    *,
    ridge: ArrayLike = 0.0,
    intercept: bool = False,
    allowed: ArrayLike | None = None,
    row_weights: ArrayLike | None = None,
    threshold: ArrayLike = 0.0,
) -> SimplexFit:
    """As `simplex.simplex_least_squares`, by conditional gradients stopped as synthdid does.

    Uniform weights, 100 steps, weights up to a quarter of the largest set to zero, then up to
    10,000 steps, each to the minimum on the segment towards the best vertex.

    Parameters
    ----------
    matrix, target, ridge, intercept, allowed, row_weights
        As there.
    threshold : float or array_like (b,)
        A fall of the mean squared objective by less than its square ends the steps.

    Returns
    -------
    SimplexFit
    """
    a = np.asarray(matrix, dtype=float)
    b = np.atleast_2d(np.asarray(target, dtype=float))
    n = a.shape[-1]
    rows = np.atleast_2d(np.ones(a.shape[-2]) if row_weights is None else np.asarray(row_weights, float))
    may = np.atleast_2d(np.ones(n, dtype=bool) if allowed is None else np.asarray(allowed, dtype=bool))
    penalty = np.asarray(ridge, dtype=float)
    penalty = np.atleast_2d(penalty) if penalty.ndim else penalty[None, None]
    size = max(len(b), len(rows), len(may), len(penalty), len(a) if a.ndim == 3 else 1)
    limit = np.broadcast_to(np.asarray(threshold, dtype=float) ** 2, (size,))
    fits = []
    for i in range(size):
        own = a[i] if a.ndim == 3 else a
        weight, goal = rows[i % len(rows)], b[i % len(b)]
        fits.append(
            _one(
                own,
                goal,
                np.broadcast_to(penalty[i % len(penalty)], (n,)),
                may[i % len(may)],
                weight,
                intercept,
                float(limit[i]),
            )
        )
    weights, constant, objective, gap, scale = (np.array(part) for part in zip(*fits, strict=True))
    return SimplexFit(weights, constant, objective, gap, scale)


def _one(
    a: FloatArray,
    b: FloatArray,
    ridge: FloatArray,
    may: NDArray[np.bool_],
    rows: FloatArray,
    intercept: bool,
    limit: float,
) -> tuple[FloatArray, float, float, float, float]:
    share = rows / rows.sum()
    shift, constant = (share @ a, float(share @ b)) if intercept else (np.zeros(a.shape[1]), 0.0)
    root = np.sqrt(rows)
    a, b = (a - shift) * root[:, None], (b - constant) * root
    total = rows.sum()
    x = may / may.sum()
    x, _ = _descend(a, b, ridge, may, x, total, limit, _FIRST_STEPS)
    x = np.where(x <= x.max() / 4, 0.0, x)
    x, objective = _descend(a, b, ridge, may, x / x.sum(), total, limit, _STEPS)
    slope = (a @ x - b) @ a + ridge * x
    gap = float(slope @ x - slope[may].min())
    scale = float((((a - b[:, None]) ** 2).sum(axis=0) + ridge)[may].max())
    return x, constant - float(shift @ x), objective, gap, scale


def _descend(
    a: FloatArray,
    b: FloatArray,
    ridge: FloatArray,
    may: NDArray[np.bool_],
    x: FloatArray,
    total: float,
    limit: float,
    steps: int,
) -> tuple[FloatArray, float]:
    blocked = np.where(may, 0.0, np.inf)
    residual = a @ x - b
    before = np.inf
    for _ in range(steps):
        slope = residual @ a + ridge * x
        best = int((slope + blocked).argmin())
        move = -x
        move[best] += 1.0
        change = a @ move
        curvature = change @ change + ridge @ move**2
        length = float(np.clip(-(slope @ move) / curvature, 0.0, 1.0)) if curvature > 0 else 0.0
        x = x + length * move
        residual = a @ x - b
        objective = float(residual @ residual + ridge @ x**2)
        if before - objective <= limit * total:
            break
        before = objective
    return x, objective
