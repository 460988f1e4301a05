"""Poisson regression with unit and period effects, by weighted least squares on a working outcome.

Each step of Newton's method is a weighted regression with unit and period effects removed exactly
(Correia, Guimaraes and Zylkin 2020), so that what converges is the coefficients, not the effects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError

FloatArray = NDArray[np.float64]


class Weighted(Protocol):
    """A weighted regression; `CellRegression` and `RowRegression` are."""

    @property
    def coef(self) -> FloatArray:
        """Coefficients (k,)."""
        ...

    @property
    def bread(self) -> FloatArray:
        """Inverse of the weighted cross-product (k, k)."""
        ...

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Whether a column was kept (K,)."""
        ...

    def unit_scores(self) -> FloatArray:
        """Scores summed over the rows of each unit (n_units, k)."""
        ...


Regress = Callable[[FloatArray, FloatArray], tuple[Weighted, FloatArray]]
"""Working outcome (n,) and weights (n,) to a regression and its residuals (n,)."""


@dataclass(frozen=True, slots=True)
class PoissonFit:
    """A Poisson regression.

    Attributes
    ----------
    regression : Weighted
        The last weighted regression: its scores are the Poisson scores.
    mean : ndarray (n,)
        Fitted means.
    deviance : float
    iterations : int
    moving : float
        Last relative change of coefficients (after the last iteration, or of the deviance). Above the
        tolerance where they moved on while the deviance stood still, which separated rows cause.
    """

    regression: Weighted
    mean: FloatArray
    deviance: float
    iterations: int
    moving: float


def fit_poisson(
    outcome: FloatArray,
    regress: Regress,
    *,
    offset: FloatArray | None = None,
    weights: FloatArray | None = None,
    tolerance: float = 1e-10,
    max_iterations: int = 60,
) -> PoissonFit:
    """Maximise the Poisson likelihood of counts (n,), or of any outcome that is not negative.

    Parameters
    ----------
    outcome : ndarray (n,)
    regress : callable
        See `Regress`.
    offset : ndarray (n,), optional
        Added to the linear predictor: the logarithm of exposure.
    weights : ndarray (n,), optional
    tolerance : float
        On coefficients (relative to 1 + their size) and on the relative change of the deviance.
    max_iterations : int

    Returns
    -------
    PoissonFit
        ``moving`` above the tolerance says that it has not converged: separated rows, or an error.
    """
    off = np.zeros(len(outcome)) if offset is None else offset
    # between the outcome and its mean, so that zeros have a logarithm
    level = float(outcome.sum() / np.exp(off).sum())
    mean = (outcome + level * np.exp(off)) / 2
    predictor = np.log(mean)
    deviance = _deviance(outcome, mean, weights)
    coef: FloatArray | None = None
    change = gap = np.inf
    still = 0
    for iteration in range(1, max_iterations + 1):
        working = predictor - off + (outcome - mean) / mean
        fit, residual = regress(working, mean if weights is None else mean * weights)
        proposed = off + working - residual
        new_mean, new_deviance = _evaluate(outcome, proposed, weights)
        halvings = 0
        # never on the first step, whose start is not a fit of the model
        while coef is not None and new_deviance > deviance * (1 + 1e-8) + 1e-8 and halvings < 12:
            proposed = (proposed + predictor) / 2
            new_mean, new_deviance = _evaluate(outcome, proposed, weights)
            halvings += 1
        change = abs(deviance - new_deviance) / (0.1 + abs(new_deviance))
        if coef is not None:
            gap = float(np.max(np.abs(fit.coef - coef) / (1 + np.abs(coef)), initial=0.0))
        predictor, mean, deviance, coef = proposed, new_mean, new_deviance, fit.coef
        still = still + 1 if change <= tolerance else 0
        if (gap <= tolerance and still and halvings == 0) or still >= 8:
            return PoissonFit(fit, mean, deviance, iteration, gap)
    return PoissonFit(fit, mean, deviance, max_iterations, max(gap, change))


def not_converged(iterations: int, gap: float, tolerance: float) -> EstimationError:
    """The error of an iteration that did not end."""
    return EstimationError(
        f"Poisson regression did not converge in {iterations} iterations",
        where=f"coefficients or the deviance still move by {gap:.1e}",
        expected=f"at most {tolerance:.0e}",
        fix="look for covariates of very different size, or for terms with almost no events",
    )


def _evaluate(
    outcome: FloatArray, predictor: FloatArray, weights: FloatArray | None
) -> tuple[FloatArray, float]:
    mean = np.exp(np.clip(predictor, -200, 200))
    return mean, _deviance(outcome, mean, weights)


def _deviance(outcome: FloatArray, mean: FloatArray, weights: FloatArray | None) -> float:
    positive = outcome > 0
    part = -(outcome - mean)
    part[positive] += outcome[positive] * np.log(outcome[positive] / mean[positive])
    return 2 * float(part.sum() if weights is None else part @ weights)


def separated(
    candidate: NDArray[np.bool_], regress: Regress, *, max_iterations: int = 200
) -> NDArray[np.bool_]:
    """Which rows with outcome 0 are predicted perfectly, so that no maximum exists (n,).

    The iterative rectifier of Correia, Guimaraes and Zylkin (2019): a combination of regressors and
    effects that is 0 wherever the outcome is positive and never negative elsewhere proves that the
    rows where it is positive are separated.

    Parameters
    ----------
    candidate : ndarray of bool (n,)
        Rows with outcome 0 that may be separated; the combination is held at 0 on all others.
    regress : callable
    """
    n = len(candidate)
    heavy = 1e6
    weights = np.where(candidate, 1.0, heavy)
    target = candidate.astype(float)
    for _ in range(max_iterations):
        _, residual = regress(target, weights)
        fitted = target - residual
        fitted[~candidate] = 0.0
        fitted[np.abs(fitted) < 1e-4] = 0.0
        if not fitted.any():
            return np.zeros(n, dtype=bool)
        if (fitted >= 0).all() and np.abs(residual[~candidate]).max(initial=0.0) < 1e-4:
            return fitted > 0
        target = np.maximum(fitted, 0.0)
        if not target.any():
            return np.zeros(n, dtype=bool)
    return np.zeros(n, dtype=bool)
