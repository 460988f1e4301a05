"""Linear estimates in many samples at once: each leaves some units out of a panel.

Two-way, imputation and group-time estimates without covariates, written as sums over units, so that a
sample is a row of weights and nothing is fitted again. What differs between samples is one system of
equations in the effects of periods.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
_LEAST = 1e-10  # of the mean eigenvalue: less, and the effects of some periods hang in the air


def two_way(y: FloatArray, start: NDArray[np.integer], weights: FloatArray) -> FloatArray:
    """Static two-way coefficients (Frisch and Waugh).

    Parameters
    ----------
    y : ndarray (n, T)
        NaN where a unit was not observed.
    start : ndarray of int (n,)
        First treated column; T for never.
    weights : ndarray (R, n)
        Weight of each unit in each sample.

    Returns
    -------
    ndarray (R,)
        NaN where treatment does not vary, or the effects of all periods cannot be told apart.
    """
    seen = np.isfinite(y).astype(float)
    share = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    treated = _within(_treated(y, start), seen, share)
    level = _within(np.where(seen > 0, y, 0.0), seen, share)
    above, below = weights @ (treated * level).sum(axis=1), weights @ (treated * treated).sum(axis=1)
    least = 1e-12 * (weights @ seen.sum(axis=1))
    out = np.full(len(weights), np.nan)
    for r, w in enumerate(weights):
        of_treated, of_level = w @ treated, w @ level
        period = _periods(seen, share, w, of_treated)
        if period is not None and below[r] - of_treated @ period > least[r]:
            out[r] = (above[r] - of_level @ period) / (below[r] - of_treated @ period)
    return out


def imputation(y: FloatArray, start: NDArray[np.integer], weights: FloatArray) -> FloatArray:
    """Mean effects on treated unit-periods, imputed from untreated ones (Borusyak and others 2024).

    Parameters and returns as in `two_way`.
    """
    seen = np.isfinite(y)
    y = np.where(seen, y, 0.0)
    treated = _treated(y, start)
    free, treated = (1 - treated) * seen, treated * seen
    count = free.sum(axis=1, keepdims=True)
    treated = treated * (count > 0)
    share = free / np.maximum(count, 1)
    level = (share * y).sum(axis=1, keepdims=True)
    centred = free * (y - level)
    own, total = (treated * (y - level)).sum(axis=1), weights @ treated.sum(axis=1)
    # what an effect of a period takes from the unit's own sum
    taken = treated - treated.sum(axis=1, keepdims=True) * share
    out = np.full(len(weights), np.nan)
    for r, w in enumerate(weights):
        period = _periods(free, share, w, w @ centred)
        if period is not None and total[r] > 0:
            out[r] = (w @ own - w @ taken @ period) / total[r]
    return out


def _within(x: FloatArray, seen: FloatArray, share: FloatArray) -> FloatArray:
    """Deviations from the unit's mean over what was observed."""
    return np.asarray(seen * (x - (share * x).sum(axis=1, keepdims=True)), dtype=float)


def _periods(seen: FloatArray, share: FloatArray, weight: FloatArray, sums: FloatArray) -> FloatArray | None:
    """Effects of periods, the first 0, from sums of deviations by period; None where not identified."""
    gram = np.diag(weight @ seen) - (share * weight[:, None]).T @ seen
    inner = gram[1:, 1:]
    eigenvalues, vectors = np.linalg.eigh(inner)
    if not (weight @ seen > 0).all() or (eigenvalues <= _LEAST * eigenvalues.mean()).any():
        return None
    return np.append(0.0, vectors @ (vectors.T @ sums[1:] / eigenvalues))


def group_time(y: FloatArray, start: NDArray[np.integer], weights: FloatArray) -> FloatArray:
    """Mean effects on treated unit-periods against never treated units, each from the period before its own.

    The ``simple`` average of Callaway and Sant'Anna (2021). Parameters and returns as in `two_way`; with
    gaps an effect rests on units seen both in the period and in the one before treatment.
    """
    if not np.isfinite(y).all():
        return _group_time_pairs(y, start, weights)
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


def _group_time_pairs(y: FloatArray, start: NDArray[np.integer], weights: FloatArray) -> FloatArray:
    """`group_time` of a panel with gaps: cohort by cohort, since each has pairs of periods of its own."""
    periods = y.shape[1]
    present = np.isfinite(y).any(axis=1)
    never = present & (start >= periods)
    above, below = np.zeros((2, len(weights)))
    for first in np.unique(start[present & (start > 0) & (start < periods)]):
        own = present & (start == first)
        change = y[:, first:] - y[:, [first - 1]]
        seen = np.isfinite(change)
        change = np.where(seen, change, 0.0)
        mass, total = zip(
            *((weights[:, rows] @ seen[rows], weights[:, rows] @ change[rows]) for rows in (own, never)),
            strict=True,
        )
        known = (mass[0] > 0) & (mass[1] > 0)
        effect = total[0] / np.where(known, mass[0], 1.0) - total[1] / np.where(known, mass[1], 1.0)
        size = weights @ own
        above += size * (effect * known).sum(axis=1)
        below += size * known.sum(axis=1)
    return np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)


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

WITH_GAPS = ("two_way", "imputation", "group_time")
"""Those that are the same formula where units were not observed in every period."""
