"""Importance of predictors of a synthetic control, chosen so that outcomes before treatment fit.

Abadie and Gardeazabal (2003, appendix B): given importances V, unit weights minimise ``(x_1 - X_0
w)' V (x_1 - X_0 w)``; V minimises the mean squared gap of the outcome that these weights leave. The
outer problem is not convex and its objective not smooth: what is published is the end of a descent
from equal importances, often far above the minimum, whose V in turn leaves nearly all to one
predictor. Both are here, with the inner problem solved exactly each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from evaluation.numerics.augmentation import shares
from evaluation.numerics.simplex import simplex_least_squares

FloatArray = NDArray[np.float64]
_FACTORS = (30.0, 5.0, 2.0, 1.3, 1.08, 1.02)
_MOST_ROUNDS = 400
_FLOOR = 1e-9


def weights_given(
    predictors: FloatArray, treated: FloatArray, donors: FloatArray, importance: FloatArray
) -> FloatArray:
    """Unit weights (b, n) for importances (b, K) of standardised predictors (n, K)."""
    root = np.sqrt(importance)
    target = (shares(treated) @ predictors) * root
    matrix = predictors.T[None] * root[:, :, None]
    # among weights that match the predictors equally well a trace of ridge picks the most even
    small = 1e-8 / np.where(donors > 0, donors, 1.0)
    return simplex_least_squares(matrix, target, ridge=small, allowed=donors > 0).weights


def regression_importance(
    predictors: FloatArray, outcome: FloatArray, treated: FloatArray, donors: FloatArray
) -> FloatArray:
    """Importances (b, K) from a regression of outcomes on predictors over donors and treated.

    Squared coefficients summed over periods, the usual start of the search.
    """
    out = np.empty((len(treated), predictors.shape[1]))
    for b in range(len(treated)):
        rows = (treated[b] > 0) | (donors[b] > 0)
        x = predictors[rows] - predictors[rows].mean(axis=0)
        y = outcome[rows] - outcome[rows].mean(axis=0)
        beta = np.linalg.lstsq(x, y, rcond=1e-8)[0]
        out[b] = (beta**2).sum(axis=1)
    return _normal(out)


def choose_importance(
    predictors: FloatArray,
    outcome: FloatArray,
    treated: FloatArray,
    donors: FloatArray,
    method: str,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Importances, unit weights and mean squared gap of a batch.

    Parameters
    ----------
    predictors : ndarray (n, K)
        In standard deviations.
    outcome : ndarray (n, S)
        In the periods that V is to fit.
    treated, donors : ndarray (b, n)
    method : {"nested", "search", "regression", "equal"}
        A descent from equal importances (Nelder and Mead 1965), or a search from several starts.

    Returns
    -------
    importance : ndarray (b, K)
        Sums to one.
    weights : ndarray (b, n)
    loss : ndarray (b,)
    """
    size, k = len(treated), predictors.shape[1]
    even = np.full((size, k), 1 / k)
    goal = shares(treated) @ outcome

    def loss(v: FloatArray, who: NDArray[np.integer]) -> tuple[FloatArray, FloatArray]:
        w = weights_given(predictors, treated[who], donors[who], v)
        return ((goal[who] - w @ outcome) ** 2).mean(axis=1), w

    everyone = np.arange(size)
    if method == "nested" and k > 1:
        v = np.stack([_descend(lambda x, b=b: loss(x, everyone[[b]])[0], k) for b in everyone])
        value, w = loss(v, everyone)
        return v, w, value
    if method != "search" or k == 1:
        v = (
            even
            if method == "equal" or k == 1
            else regression_importance(predictors, outcome, treated, donors)
        )
        value, w = loss(v, everyone)
        return v, w, value
    starts = [even, regression_importance(predictors, outcome, treated, donors)]
    starts += [_normal(np.where(np.arange(k) == j, 1.0, 0.01) * np.ones((size, 1))) for j in range(k)]
    tried = np.stack([_normal(np.maximum(s, _FLOOR)) for s in starts], axis=1)  # (b, starts, k)
    value, _ = loss(tried.reshape(-1, k), np.repeat(everyone, len(starts)))
    order = value.reshape(size, -1).argsort(axis=1, kind="stable")[:, :2]
    # the two best starts of each unit are searched side by side
    v = np.take_along_axis(tried, order[:, :, None], axis=1).reshape(-1, k)
    who = np.repeat(everyone, 2)
    v, value = _search(v, who, loss)
    best = value.reshape(size, 2).argmin(axis=1)
    v = v.reshape(size, 2, k)[everyone, best]
    value, w = loss(v, everyone)
    return v, w, value


def _descend(loss: Any, k: int) -> FloatArray:
    """Nelder and Mead's descent over absolute importances from equal ones."""

    def of(x: FloatArray) -> float:
        total = np.abs(x).sum()
        return float(loss(np.abs(x)[None] / total)[0]) if total > 0 else np.inf

    found = minimize(of, np.full(k, 1 / k), method="Nelder-Mead", options={"maxiter": 1_000})
    out: FloatArray = np.abs(found.x) / np.abs(found.x).sum()
    return out


def _search(v: FloatArray, who: NDArray[np.integer], loss: Any) -> tuple[FloatArray, FloatArray]:
    """Change one importance at a time by a factor, the best first; then by smaller factors."""
    k = v.shape[1]
    value, _ = loss(v, who)
    level = np.zeros(len(v), dtype=int)
    for _ in range(_MOST_ROUNDS):
        live = np.flatnonzero(level < len(_FACTORS))
        if len(live) == 0:
            break
        factor = np.array(_FACTORS)[level[live]][:, None, None]
        step = np.where(np.eye(k, dtype=bool)[None], factor, 1.0)
        options = np.concatenate([v[live, None] * step, v[live, None] / step], axis=1)
        options = _normal(np.maximum(options.reshape(-1, k), _FLOOR))
        found, _ = loss(options, np.repeat(who[live], 2 * k))
        found = found.reshape(len(live), 2 * k)
        best = found.argmin(axis=1)
        gain = found[np.arange(len(live)), best]
        better = gain < value[live] * (1 - 1e-9) - 1e-300
        chosen = options.reshape(len(live), 2 * k, k)[np.arange(len(live)), best]
        v[live[better]], value[live[better]] = chosen[better], gain[better]
        level[live[~better]] += 1
    return v, value


def _normal(v: FloatArray) -> FloatArray:
    total = v.sum(axis=-1, keepdims=True)
    return np.where(total > 0, v / np.where(total > 0, total, 1.0), 1 / v.shape[-1])
