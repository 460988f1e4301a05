"""Linear estimates of a balanced panel in many samples at once: each leaves some units out.

Two-way, imputation and group-time estimates without covariates, written as sums over units, so that a
sample is a row of weights and nothing is fitted again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def two_way(y: FloatArray, start: NDArray[np.integer], weights: FloatArray) -> FloatArray:
    """Static two-way coefficients (Frisch and Waugh).

    Parameters
    ----------
    y : ndarray (n, T)
    start : ndarray of int (n,)
        First treated column; T for never.
    weights : ndarray (R, n)
        Weight of each unit in each sample.

    Returns
    -------
    ndarray (R,)
        NaN where treatment does not vary.
    """
    treated = _treated(y, start)
    within = treated - treated.mean(axis=1, keepdims=True)
    by_period = (weights @ within) / weights.sum(axis=1, keepdims=True)
    above = weights @ (within * y).sum(axis=1) - (by_period * (weights @ y)).sum(axis=1)
    below = weights @ (within * treated).sum(axis=1) - (by_period * (weights @ treated)).sum(axis=1)
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 1e-12 * weights.sum(axis=1))


def imputation(y: FloatArray, start: NDArray[np.integer], weights: FloatArray) -> FloatArray:
    """Mean effects on treated unit-periods, imputed from untreated ones (Borusyak and others 2024).

    Parameters and returns as in `two_way`.
    """
    treated = _treated(y, start)
    free = 1 - treated
    seen = free.sum(axis=1)
    usable = seen > 0
    free, treated = free * usable[:, None], treated * usable[:, None]
    share = np.divide(free, seen[:, None], out=np.zeros_like(free), where=usable[:, None])
    level = (share * y).sum(axis=1)
    centred = free * (y - level[:, None])
    total = weights @ treated.sum(axis=1)
    out = np.full(len(weights), np.nan)
    for r, w in enumerate(weights):
        gram = np.diag(w @ free) - (share * w[:, None]).T @ free
        # one period is the reference; a period in which all are treated makes the rest unidentified
        if total[r] <= 0 or (np.diag(gram) <= 0).any():
            continue
        period = np.append(0.0, np.linalg.solve(gram[1:, 1:], (w @ centred)[1:]))
        effect = y - level[:, None] + (share @ period)[:, None] - period
        out[r] = w @ (treated * effect).sum(axis=1) / total[r]
    return out


def group_time(y: FloatArray, start: NDArray[np.integer], weights: FloatArray) -> FloatArray:
    """Mean effects on treated unit-periods against never treated units, each from the period before its own.

    The ``simple`` average of Callaway and Sant'Anna (2021). Parameters and returns as in `two_way`.
    """
    n, periods = y.shape
    treated = _treated(y, start) * (start > 0)[:, None]
    rows = np.arange(n)
    base = np.where((start > 0) & (start < periods), start - 1, 0)
    own = (treated * (y - y[rows, base][:, None])).sum(axis=1)
    cells = treated.sum(axis=1)
    never = (start >= periods).astype(float)
    control_weight = weights * never
    mass = control_weight.sum(axis=1, keepdims=True)
    control = np.divide(
        control_weight @ y, mass, out=np.full((len(weights), periods), np.nan), where=mass > 0
    )
    moved = (weights @ treated * control).sum(axis=1) - ((weights * cells) * control[:, base]).sum(axis=1)
    total = weights @ cells
    return np.divide(weights @ own - moved, total, out=np.full(len(total), np.nan), where=total > 0)


def _treated(y: FloatArray, start: NDArray[np.integer]) -> FloatArray:
    return (np.arange(y.shape[1]) >= start[:, None]).astype(float)


WITHOUT: dict[str, Callable[[FloatArray, NDArray[np.integer], FloatArray], FloatArray]] = {
    "two_way": two_way,
    "imputation": imputation,
    "extended": imputation,
    "group_time": group_time,
    "interaction_weighted": group_time,
}
"""Estimators by name. The extended two-way regression equals imputation (Wooldridge 2021), and the
interaction-weighted estimate group-time effects from the same base (Sun and Abraham 2021)."""
