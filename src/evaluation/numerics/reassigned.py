"""Linear estimates under many assignments of treatment at once: nothing is fitted again.

The sums are those of `leave_out`, with the first treated periods in the place of the weights as what
differs from one sample to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
_LEAST = 1e-10  # of the mean eigenvalue: less, and the effects of some periods hang in the air
_AT_ONCE = 2_000_000
"""Numbers of a block of assignments by units by periods."""


def two_way(y: FloatArray, starts: IntArray, weight: FloatArray) -> FloatArray:
    """Static two-way coefficients (Frisch and Waugh).

    Parameters
    ----------
    y : ndarray (n, T)
        NaN where a unit was not observed.
    starts : ndarray of int (m, n)
        First treated column of each unit under each assignment; T for never.
    weight : ndarray (n,)
        Of each unit.

    Returns
    -------
    ndarray (m,)
        NaN where treatment does not vary, or the effects of all periods cannot be told apart.
    """
    seen = np.isfinite(y).astype(float)
    share = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    level = np.where(seen > 0, y, 0.0)
    level = seen * (level - (share * level).sum(axis=1, keepdims=True))
    of_level = weight @ level
    gram = np.diag(weight @ seen) - (share * weight[:, None]).T @ seen
    solved = _solved(gram[None], of_level[None])
    out = np.full(len(starts), np.nan)
    if solved is None:
        return out
    inverse = np.zeros_like(gram)
    inverse[1:, 1:] = np.linalg.inv(gram[1:, 1:])
    least = 1e-12 * float(weight @ seen.sum(axis=1))
    for rows, treated in _blocks(starts, y.shape[1]):
        mean = np.einsum("rnt,nt->rn", treated, share)
        within = (treated - mean[:, :, None]) * seen
        of_treated = np.einsum("n,rnt->rt", weight, within)
        period = of_treated @ inverse
        above = np.einsum("n,rnt,nt->r", weight, within, level) - period @ of_level
        below = np.einsum("n,rnt,rnt->r", weight, within, within) - (period * of_treated).sum(axis=1)
        out[rows] = np.divide(above, below, out=np.full(len(above), np.nan), where=below > least)
    return out


def imputation(y: FloatArray, starts: IntArray, weight: FloatArray) -> FloatArray:
    """Mean effects on treated unit-periods, imputed from untreated ones (Borusyak and others 2024).

    Parameters and returns as in `two_way`.
    """
    seen = np.isfinite(y)
    y = np.where(seen, y, 0.0)
    out = np.full(len(starts), np.nan)
    for rows, treated in _blocks(starts, y.shape[1]):
        free = (1 - treated) * seen
        count = free.sum(axis=2, keepdims=True)
        treated = treated * seen * (count > 0)
        share = free / np.maximum(count, 1)
        gap = y - np.einsum("rnt,nt->rn", share, y)[:, :, None]
        own = np.einsum("n,rnt,rnt->r", weight, treated, gap)
        total = np.einsum("n,rnt->r", weight, treated)
        # what an effect of a period takes from the unit's own sum
        taken = np.einsum("n,rnt->rt", weight, treated - treated.sum(axis=2, keepdims=True) * share)
        mass = np.einsum("n,rnt->rt", weight, free)
        gram = -np.swapaxes(share * weight[:, None], 1, 2) @ free
        places = np.arange(y.shape[1])
        gram[:, places, places] += mass
        period = _solved(gram, np.einsum("n,rnt->rt", weight, free * gap))
        if period is None:
            return np.full(len(starts), np.nan)
        found = own - (taken * period).sum(axis=1)
        out[rows] = np.divide(found, total, out=np.full(len(total), np.nan), where=total > 0)
    return out


def _blocks(starts: IntArray, periods: int) -> Iterator[tuple[slice, FloatArray]]:
    """Treatment (r, n, T) under a few assignments at a time."""
    step = max(1, _AT_ONCE // (starts.shape[1] * periods))
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


REASSIGNED: dict[str, Callable[[FloatArray, IntArray, FloatArray], FloatArray]] = {
    "two_way": two_way,
    "imputation": imputation,
}
"""Estimators by name."""
