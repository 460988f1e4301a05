"""Ridge augmentation of a synthetic control (Ben-Michael, Feller and Rothstein 2021)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.numerics.simplex import simplex_least_squares

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
_TINY = float(np.finfo(float).tiny)


def shares(multiplicity: FloatArray) -> FloatArray:
    """Rows that sum to one."""
    out: FloatArray = multiplicity / multiplicity.sum(axis=1, keepdims=True)
    return out


def _centred(
    before: FloatArray, target: FloatArray, donors: FloatArray, intercept: bool
) -> tuple[FloatArray, FloatArray]:
    """Donors' outcomes less their mean (b, n, T0), rows of others 0, and the target alike (b, T0)."""
    if intercept:
        before = before - before.mean(axis=1, keepdims=True)
        target = target - target.mean(axis=1, keepdims=True)
    mean = shares(donors) @ before
    x = before[None] - mean[:, None, :]
    return np.where((donors > 0)[:, :, None], x, 0.0), target - mean


def augmentation(
    before: FloatArray,
    target: FloatArray,
    omega: FloatArray,
    donors: FloatArray,
    penalty: FloatArray,
    intercept: bool,
) -> FloatArray:
    """What is added to simplex weights (b, n); sums to zero, negative for some donors.

    Parameters
    ----------
    before : ndarray (n, T0)
        Outcomes before treatment.
    target : ndarray (b, T0)
        Treated means.
    omega, donors : ndarray (b, n)
        Simplex weights and multiplicities.
    penalty : ndarray (b,)
        In squared units of the outcome.
    intercept : bool
        Whether units' means before treatment are taken out first.
    """
    x, goal = _centred(before, target, donors, intercept)
    left = goal - np.matmul(omega[:, None, :], x)[:, 0]
    gram = np.matmul(np.swapaxes(x * donors[:, :, None], 1, 2), x)
    gram[:, np.arange(gram.shape[1]), np.arange(gram.shape[1])] += penalty[:, None]
    solved = np.linalg.solve(gram, left[:, :, None])
    out: FloatArray = np.matmul(x, solved)[:, :, 0] * donors
    return out


def augmentation_penalty(
    outcome: FloatArray,
    treated: FloatArray,
    donors: FloatArray,
    pre: IntArray,
    intercept: bool,
    ridge: float,
    steps: int = 20,
) -> FloatArray:
    """The largest penalty within one standard error of the best prediction of a left out period.

    Ben-Michael, Feller and Rothstein (2021, section 5.3): weights and ridge are fitted to all
    periods before treatment but one, which they predict.
    """
    before = outcome[:, pre]
    target = (shares(treated) @ outcome)[:, pre]
    x, goal = _centred(before, target, donors, False)
    gram = np.matmul(np.swapaxes(x * donors[:, :, None], 1, 2), x)
    shape = gram
    if intercept:
        shape = gram - gram.mean(axis=1, keepdims=True)
        shape = shape - shape.mean(axis=2, keepdims=True)
    grid = _largest_eigenvalue(shape)[:, None] * 10.0 ** np.linspace(0, -8, steps)[None, :]
    # what weights fitted without period s leave in it and in the others
    miss = np.empty((len(treated), len(pre)))
    left = np.empty((len(treated), len(pre), len(pre)))
    for s in range(len(pre)):
        rest = np.delete(np.arange(len(pre)), s)
        fit = simplex_least_squares(
            before[:, rest].T,
            target[:, rest],
            ridge=ridge / np.where(donors > 0, donors, 1.0),
            intercept=intercept,
            allowed=donors > 0,
        )
        miss[:, s] = target[:, s] - fit.weights @ before[:, s] - (fit.intercept if intercept else 0.0)
        left[:, s] = goal - np.matmul(fit.weights[:, None, :], x)[:, 0]
    place = np.arange(len(pre))
    left[:, place, place] = 0.0
    errors = np.empty((len(pre), len(treated), steps))
    for k in range(steps):
        full = gram + grid[:, k, None, None] * np.eye(len(pre))
        correction = _left_out(gram, np.linalg.inv(full), left, intercept)
        errors[:, :, k] = ((miss - correction) ** 2).T
    mean = errors.mean(axis=0)
    spread = errors.std(axis=0, ddof=1) / np.sqrt(len(pre)) if len(pre) > 1 else np.zeros_like(mean)
    best = mean.argmin(axis=1)
    row = np.arange(len(best))
    bound = mean[row, best] + spread[row, best]
    chosen = (mean <= bound[:, None]).argmax(axis=1)  # the grid falls, so the first is the largest
    out: FloatArray = grid[row, chosen]
    return out


def _left_out(gram: FloatArray, inverse: FloatArray, left: FloatArray, intercept: bool) -> FloatArray:
    """Ridge prediction of each period from what is left in all others (b, T0).

    The inverse without row and column s follows from the full one, so that no period costs a
    system of its own. A constant of each unit is taken out by holding coefficients to a sum of 0.
    """

    def solve(right: FloatArray) -> FloatArray:
        whole = np.matmul(right, inverse)
        diagonal = np.diagonal(whole, axis1=1, axis2=2) / np.diagonal(inverse, axis1=1, axis2=2)
        out: FloatArray = whole - diagonal[:, :, None] * inverse
        return out

    slope, push = solve(left), gram
    if intercept:
        others = 1.0 - np.eye(gram.shape[1])
        one = solve(np.broadcast_to(others, gram.shape))
        slope = slope - one * (slope.sum(axis=2) / one.sum(axis=2))[:, :, None]
        push = gram - np.matmul(others / others.sum(axis=1), gram)
    out: FloatArray = (push * slope).sum(axis=2)
    return out


def _largest_eigenvalue(gram: FloatArray) -> FloatArray:
    """By powers of the matrix (b,); the largest penalty of the grid need not be exact."""
    # a column of its own, since ones are what centring takes out
    v = gram[:, :, 0] + gram[:, :, -1]
    value = np.ones(len(gram))
    for _ in range(60):
        w = np.matmul(gram, v[:, :, None])[:, :, 0]
        value = np.sqrt((w**2).sum(axis=1)) / np.sqrt(np.maximum((v**2).sum(axis=1), _TINY))
        size = np.abs(w).max(axis=1, keepdims=True)
        v = np.where(size > 0, w / np.where(size > 0, size, 1.0), v)
    return np.where(value > 0, value, 1.0)
