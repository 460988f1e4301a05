"""Synthetic control and synthetic difference-in-differences on arrays, for batches of assignments.

A batch is a list of assignments of one treatment date: which units are treated and which are
donors, as multiplicities, so that placebos, subsets and bootstrap samples are all the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.numerics.augmentation import augmentation, augmentation_penalty, shares
from evaluation.numerics.frank_wolfe import frank_wolfe
from evaluation.numerics.simplex import SimplexFit, simplex_least_squares

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
_STOP = 1e-5  # of the noise level, R synthdid's min.decrease


@dataclass(frozen=True, eq=False)
class Window:
    """Columns of the outcome matrix before and after treatment.

    Attributes
    ----------
    pre, post : ndarray of int
        Positions in the order of time. Periods in neither are shown but not used.
    """

    pre: IntArray
    post: IntArray


@dataclass(frozen=True, eq=False)
class Paths:
    """Fits of a batch of b assignments of n units over T periods.

    Attributes
    ----------
    unit_weights : ndarray (b, n)
        Of donors; sum to one, negative only after ridge augmentation.
    time_weights : ndarray (b, T0)
        Of periods before treatment; all 0 where the method has none.
    gaps : ndarray (b, T)
        Treated mean less weighted donors, before any time weights are used.
    shift : ndarray (b,)
        Constant that the fit before treatment takes out of the gaps.
    penalty : ndarray (b,)
        Ridge on unit weights, or the ridge of the augmentation.
    unit_objective, time_objective : ndarray (b,)
    optimality : ndarray (b,)
        Largest distance of an objective from its minimum, relative to its scale.
    """

    unit_weights: FloatArray
    time_weights: FloatArray
    gaps: FloatArray
    shift: FloatArray
    penalty: FloatArray
    unit_objective: FloatArray
    time_objective: FloatArray
    optimality: FloatArray

    def base(self, window: Window) -> FloatArray:
        """Level of the gap that counts as no effect (b,)."""
        weighted = (self.gaps[:, window.pre] * self.time_weights).sum(axis=1)
        return np.where(self.time_weights.any(axis=1), weighted, self.shift)

    def effects(self, window: Window) -> FloatArray:
        """Effect in each period after treatment (b, T1)."""
        out: FloatArray = self.gaps[:, window.post] - self.base(window)[:, None]
        return out

    def fit_before(self, window: Window) -> FloatArray:
        """Root mean squared gap before treatment, less the constant that was fitted (b,)."""
        gap = self.gaps[:, window.pre] - self.shift[:, None]
        return np.sqrt((gap**2).mean(axis=1))


def solve_weights(
    matrix: FloatArray,
    target: FloatArray,
    *,
    donors: FloatArray | None = None,
    groups: IntArray | None = None,
    threshold: FloatArray | None = None,
    **options: Any,
) -> SimplexFit:
    """Simplex weights, exact or stopped as synthdid does, equal among donors that are identical.

    Parameters
    ----------
    matrix, target, options
        See `simplex_least_squares`.
    donors : ndarray (b, n), optional
        Multiplicities of the columns.
    groups : ndarray of int (n,), optional
        Columns with one number are identical.
    threshold : ndarray (b,), optional
        Where given, conditional gradients with this stopping threshold.
    """
    if donors is not None:
        options["allowed"] = donors > 0
    if threshold is not None:
        return frank_wolfe(matrix, target, threshold=threshold, **options)
    fit = simplex_least_squares(matrix, target, **options)
    if groups is None or donors is None:
        return fit
    # which of identical columns gets the weight would else depend on their order
    member = (groups[:, None] == np.arange(groups.max() + 1)).astype(float)
    total, count = fit.weights @ member, donors @ member
    even = donors * (total / np.where(count > 0, count, 1.0))[:, groups]
    return replace(fit, weights=even)


def identical_columns(before: FloatArray) -> IntArray | None:
    """A number for each unit, shared by units with one path before treatment; None if all differ."""
    _, groups = np.unique(before, axis=0, return_inverse=True)
    groups = groups.reshape(-1)
    return groups if groups.max() + 1 < len(groups) else None


def noise_level(outcome: FloatArray, donors: FloatArray, pre: IntArray) -> FloatArray:
    """Standard deviation of donors' changes from period to period before treatment (b,).

    Arkhangelsky et al. (2021), equation 5, with the divisor n - 1 that R synthdid uses.
    """
    change = np.diff(outcome[:, pre], axis=1)
    if change.shape[1] == 0:
        return np.zeros(len(donors))
    change = change - change.mean()
    n = donors.sum(axis=1) * change.shape[1]
    total, square = donors @ change.sum(axis=1), donors @ (change**2).sum(axis=1)
    variance = np.maximum(square - total**2 / n, 0) / np.maximum(n - 1, 1)
    return np.sqrt(variance)


def synthetic_did(
    outcome: FloatArray,
    treated: FloatArray,
    donors: FloatArray,
    window: Window,
    *,
    unit_weights: str = "synthetic",
    time_weights: str = "synthetic",
    zeta_unit: FloatArray | float | None = None,
    zeta_time: FloatArray | float | None = None,
    exact: bool = True,
) -> Paths:
    """Unit and time weights of Arkhangelsky et al. (2021, Algorithm 1).

    Unit weights minimise ``sum_t (c + sum_j w_j Y_jt - Ybar_tr,t)^2 + zeta^2 T0 ||w||^2`` before
    treatment (equation 4), time weights ``sum_j (c + sum_t l_t Y_jt - Ybar_j,post)^2 + zeta'^2 N0
    ||l||^2`` over donors (equation 6), both on the simplex with a free constant.

    Parameters
    ----------
    outcome : ndarray (n, T)
    treated, donors : ndarray (b, n)
        Multiplicities, 0 for units that are not.
    window : Window
    unit_weights, time_weights : {"synthetic", "uniform"}
    zeta_unit, zeta_time : float or ndarray (b,), optional
        In units of the outcome. When absent ``(N1 T1)^(1/4) sigma`` and ``1e-6 sigma``.
    exact : bool
        False: stopped as R synthdid does.

    Returns
    -------
    Paths
    """
    pre, post = window.pre, window.post
    size, t0 = len(treated), len(pre)
    sigma = noise_level(outcome, donors, pre)
    if zeta_unit is None:
        zeta = (treated.sum(axis=1) * len(post)) ** 0.25 * sigma
    else:
        zeta = np.broadcast_to(np.asarray(zeta_unit, dtype=float), (size,))
    target = shares(treated) @ outcome
    may = donors > 0
    optimality = np.zeros(size)
    threshold = None if exact else _STOP * sigma
    if unit_weights == "synthetic":
        ridge = (zeta**2 * t0)[:, None] / np.where(may, donors, 1.0)
        fit = solve_weights(
            outcome[:, pre].T,
            target[:, pre],
            ridge=ridge,
            intercept=True,
            donors=donors,
            groups=identical_columns(outcome[:, pre]),
            threshold=threshold,
        )
        omega, unit_objective = fit.weights, fit.objective
        optimality = np.maximum(optimality, 2 * fit.gap / np.where(fit.scale > 0, fit.scale, 1.0))
    else:
        omega, unit_objective = shares(donors), np.full(size, np.nan)
    if time_weights == "synthetic":
        small = 1e-6 * sigma if zeta_time is None else np.broadcast_to(np.asarray(zeta_time), (size,))
        after = outcome[:, post].mean(axis=1)
        fit = solve_weights(
            outcome[:, pre],
            after,
            ridge=(small**2 * donors.sum(axis=1))[:, None],
            intercept=True,
            row_weights=donors,
            threshold=threshold,
        )
        lambda_, time_objective = fit.weights, fit.objective
        optimality = np.maximum(optimality, 2 * fit.gap / np.where(fit.scale > 0, fit.scale, 1.0))
    else:
        lambda_, time_objective = np.full((size, t0), 1 / t0), np.full(size, np.nan)
    gaps = target - omega @ outcome
    shift = gaps[:, pre].mean(axis=1)
    return Paths(omega, lambda_, gaps, shift, zeta, unit_objective, time_objective, optimality)


def synthetic_control(
    outcome: FloatArray,
    treated: FloatArray,
    donors: FloatArray,
    window: Window,
    *,
    intercept: bool = False,
    ridge: float = 0.0,
    augment: str | float | None = None,
    weights: FloatArray | None = None,
    penalty: FloatArray | float | None = None,
    exact: bool = True,
) -> Paths:
    """Synthetic control on all outcomes before treatment, with ridge augmentation on request.

    Weights minimise ``sum_t (sum_j w_j Y_jt - Ybar_tr,t)^2 + ridge ||w||^2`` before treatment
    (Abadie, Diamond and Hainmueller 2010, equation 2 with the outcomes as predictors and equal
    V). The augmentation adds ``(x_1 - X_0'w)'(X_0'X_0 + k I)^-1 X_0'`` to them, X_0 being donors'
    outcomes before treatment less their mean (Ben-Michael, Feller and Rothstein 2021, equation 12).

    Parameters
    ----------
    outcome : ndarray (n, T)
    treated, donors : ndarray (b, n)
    window : Window
    intercept : bool
        Whether a constant gap is allowed (Doudchenko and Imbens 2016; Ferman and Pinto 2021).
    ridge : float
        In squared units of the outcome.
    augment : {"cv"} or float, optional
        Penalty k of the augmentation; ``"cv"`` leaves out one period at a time.
    weights : ndarray (b, n), optional
        Weights found elsewhere, from predictors.
    penalty : float or ndarray (b,), optional
        Penalty of the augmentation found elsewhere, in place of cross-validation.
    exact : bool
        False: stopped as R synthdid does.

    Returns
    -------
    Paths
    """
    pre = window.pre
    size = len(treated)
    target = shares(treated) @ outcome
    optimality = np.zeros(size)
    if weights is None:
        threshold = None if exact else _STOP * noise_level(outcome, donors, pre)
        fit = solve_weights(
            outcome[:, pre].T,
            target[:, pre],
            ridge=ridge / np.where(donors > 0, donors, 1.0),
            intercept=intercept,
            donors=donors,
            groups=identical_columns(outcome[:, pre]),
            threshold=threshold,
        )
        omega, objective = fit.weights, fit.objective
        optimality = 2 * fit.gap / np.where(fit.scale > 0, fit.scale, 1.0)
    else:
        omega, objective = weights, np.full(size, np.nan)
    used = np.full(size, float(ridge))
    if augment is not None:
        if penalty is not None:
            used = np.broadcast_to(np.asarray(penalty, dtype=float), (size,)).copy()
        elif augment == "cv":
            used = augmentation_penalty(outcome, treated, donors, pre, intercept, ridge)
        else:
            used = np.full(size, float(augment))
        omega = omega + augmentation(outcome[:, pre], target[:, pre], omega, donors, used, intercept)
    gaps = target - omega @ outcome
    shift = gaps[:, pre].mean(axis=1) if intercept else np.zeros(size)
    return Paths(
        omega,
        np.zeros((size, len(pre))),
        gaps,
        shift,
        used,
        objective,
        np.full(size, np.nan),
        optimality,
    )


def hull_distance(
    outcome: FloatArray, treated: FloatArray, donors: FloatArray, pre: IntArray, intercept: bool
) -> FloatArray:
    """Root mean squared distance of the treated path from the donors' hull before treatment (b,).

    With ``intercept`` paths may be moved up and down first, so that the distance is of shapes.
    """
    target = (shares(treated) @ outcome)[:, pre]
    fit = simplex_least_squares(outcome[:, pre].T, target, intercept=intercept, allowed=donors > 0)
    out: FloatArray = np.sqrt(np.maximum(fit.objective, 0) / len(pre))
    return out
