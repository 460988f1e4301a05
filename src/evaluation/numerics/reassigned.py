"""Linear estimates under many assignments of treatment at once: nothing is fitted again.

The sums are those of `leave_out`, with the first treated periods in the place of the weights as what
differs from one sample to the next.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
_LEAST = 1e-10  # of the mean eigenvalue: less, and the effects of some periods hang in the air
_AT_ONCE = 2_000_000
"""Numbers of a block of assignments by units by periods."""


def two_way(y: FloatArray, starts: IntArray, weight: FloatArray, x: FloatArray | None = None) -> FloatArray:
    """Static two-way coefficients (Frisch and Waugh).

    Parameters
    ----------
    y : ndarray (n, T)
        NaN where a unit was not observed.
    starts : ndarray of int (m, n)
        First treated column of each unit under each assignment; T for never.
    weight : ndarray (n,)
        Of each unit.
    x : ndarray (q, n, T), optional
        Covariates, known wherever ``y`` is.

    Returns
    -------
    ndarray (m,)
        NaN where treatment does not vary, or effects of periods and covariates cannot be told apart.
    """
    seen = np.isfinite(y).astype(float)
    share = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    levels = _filled(y, x, seen)
    levels = seen * (levels - (share * levels).sum(axis=2, keepdims=True))
    level, others = levels[0], levels[1:]
    gram = _gram(seen[None], share[None], weight, others[None])
    # treatment is in no equation of the other terms, so that one inverse serves all assignments
    of_level = _sums(level[None], weight, others[None])
    if _solved(gram, of_level) is None:
        return np.full(len(starts), np.nan)
    inverse = np.zeros_like(gram[0])
    inverse[1:, 1:] = np.linalg.inv(gram[0, 1:, 1:])
    out = np.full(len(starts), np.nan)
    least = 1e-12 * float(weight @ seen.sum(axis=1))
    for rows, treated in _blocks(starts, y.shape[1]):
        within = (treated - np.einsum("rnt,nt->rn", treated, share)[:, :, None]) * seen
        of_treated = _sums(within, weight, others[None])
        solved = of_treated @ inverse
        above = np.einsum("n,rnt,nt->r", weight, within, level) - solved @ of_level[0]
        below = np.einsum("n,rnt,rnt->r", weight, within, within) - (solved * of_treated).sum(axis=1)
        out[rows] = np.divide(above, below, out=np.full(len(above), np.nan), where=below > least)
    return out


def imputation(
    y: FloatArray, starts: IntArray, weight: FloatArray, x: FloatArray | None = None
) -> FloatArray:
    """Mean effects on treated unit-periods, imputed from untreated ones (Borusyak and others 2024).

    Parameters and returns as in `two_way`.
    """
    seen = np.isfinite(y)
    levels = _filled(y, x, seen)
    out = np.full(len(starts), np.nan)
    for rows, treated in _blocks(starts, y.shape[1], len(levels)):
        free = (1 - treated) * seen
        count = free.sum(axis=2, keepdims=True)
        treated = treated * seen * (count > 0)
        share = free / np.maximum(count, 1)
        gaps = levels - np.einsum("rnt,qnt->rqn", share, levels)[..., None]
        own = np.einsum("n,rnt,rqnt->rq", weight, treated, gaps)
        total = np.einsum("n,rnt->r", weight, treated)
        # what an effect of a period takes from the unit's own sum
        taken = np.einsum("n,rnt->rt", weight, treated - treated.sum(axis=2, keepdims=True) * share)
        left = free[:, None] * gaps
        gram = _gram(free, share, weight, left[:, 1:])
        found = _solved(gram, _sums(left[:, 0], weight, left[:, 1:]))
        if found is None:
            return np.full(len(starts), np.nan)
        effect = own[:, 0] - (np.concatenate([taken, own[:, 1:]], axis=1) * found).sum(axis=1)
        out[rows] = np.divide(effect, total, out=np.full(len(total), np.nan), where=total > 0)
    return out


def _filled(y: FloatArray, x: FloatArray | None, seen: FloatArray) -> FloatArray:
    """The outcome and the covariates (1 + q, n, T), covariates of about the size of 1, 0 where unseen."""
    every = np.stack([y, *([] if x is None else x)])
    every = np.where(seen > 0, every, 0.0)
    size = np.abs(every).max(axis=(1, 2), keepdims=True)
    size[0] = 1.0
    return np.asarray(every / np.where(size > 0, size, 1.0))


def _gram(seen: FloatArray, share: FloatArray, weight: FloatArray, x: FloatArray) -> FloatArray:
    """Equations of the effects of periods and of covariates within units (r, T + q, T + q)."""
    periods = np.arange(seen.shape[2])
    inner = -np.swapaxes(share * weight[:, None], 1, 2) @ seen
    inner[:, periods, periods] += np.einsum("n,rnt->rt", weight, seen)
    cross = np.einsum("n,rqnt->rtq", weight, x)
    own = np.einsum("n,rqnt,rpnt->rqp", weight, x, x)
    return np.concatenate(
        [np.concatenate([inner, cross], axis=2), np.concatenate([np.swapaxes(cross, 1, 2), own], axis=2)],
        axis=1,
    )


def _sums(z: FloatArray, weight: FloatArray, x: FloatArray) -> FloatArray:
    """The other side of these equations for a variable within units (r, T + q)."""
    by_period = np.einsum("n,rnt->rt", weight, z)
    x = np.broadcast_to(x, (len(z), *x.shape[1:]))
    return np.concatenate([by_period, np.einsum("n,rqnt,rnt->rq", weight, x, z)], axis=1)


def _blocks(starts: IntArray, periods: int, variables: int = 1) -> Iterator[tuple[slice, FloatArray]]:
    """Treatment (r, n, T) under a few assignments at a time."""
    step = max(1, _AT_ONCE // (starts.shape[1] * periods * variables))
    for first in range(0, len(starts), step):
        rows = slice(first, first + step)
        yield rows, (np.arange(periods) >= starts[rows, :, None]).astype(float)


def _solved(gram: FloatArray, sums: FloatArray) -> FloatArray | None:
    """Effects of periods (r, T), the first 0; None where some are not identified."""
    inner = gram[:, 1:, 1:]
    eigenvalues = np.linalg.eigvalsh(inner)
    if (eigenvalues <= _LEAST * eigenvalues.mean(axis=1, keepdims=True)).any():
        return None
    found = np.linalg.solve(inner, sums[:, 1:, None])[:, :, 0]
    return np.concatenate([np.zeros((len(found), 1)), found], axis=1)
