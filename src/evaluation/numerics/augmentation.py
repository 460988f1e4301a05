"""Ridge augmentation of a synthetic control (Ben-Michael, Feller and Rothstein 2021)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.numerics.simplex import simplex_least_squares

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


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
    x, _ = _centred(before, target, donors, intercept)
    largest = np.linalg.norm(x, ord=2, axis=(1, 2)) ** 2
    grid = largest[:, None] * 10.0 ** np.linspace(0, -8, steps)[None, :]
    errors = np.empty((len(pre), len(treated), steps))
    for s in range(len(pre)):
        rest = np.delete(np.arange(len(pre)), s)
        fit = simplex_least_squares(
            before[:, rest].T,
            target[:, rest],
            ridge=ridge / np.where(donors > 0, donors, 1.0),
            intercept=intercept,
            allowed=donors > 0,
        )
        part, goal = _centred(before[:, rest], target[:, rest], donors, intercept)
        held, level = before[:, s], target[:, s]
        constant = fit.intercept if intercept else 0.0
        miss = level - fit.weights @ held - constant
        left = goal - np.matmul(fit.weights[:, None, :], part)[:, 0]
        gram = np.matmul(np.swapaxes(part * donors[:, :, None], 1, 2), part)
        values, vectors = np.linalg.eigh(gram)
        loading = np.matmul(np.swapaxes(vectors, 1, 2), left[:, :, None])[:, :, 0]
        own = donors * held
        if intercept:
            # the held period less each unit's mean over the other periods
            own = donors * (held - before[:, rest].mean(axis=1))
        push = np.matmul(own[:, None, :], part)[:, 0]
        push = np.matmul(push[:, None, :], vectors)[:, 0]
        correction = (
            (push * loading)[:, None, :] / (np.maximum(values, 0)[:, None, :] + grid[:, :, None])
        ).sum(axis=2)
        errors[s] = (miss[:, None] - correction) ** 2
    mean = errors.mean(axis=0)
    spread = errors.std(axis=0, ddof=1) / np.sqrt(len(pre)) if len(pre) > 1 else np.zeros_like(mean)
    best = mean.argmin(axis=1)
    row = np.arange(len(best))
    bound = mean[row, best] + spread[row, best]
    chosen = (mean <= bound[:, None]).argmax(axis=1)  # the grid falls, so the first is the largest
    out: FloatArray = grid[row, chosen]
    return out
