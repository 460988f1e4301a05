"""Covariate-adjusted differences in differences of one cohort with one comparison group.

Sant'Anna and Zhao (2020): outcome regression, inverse probability weighting (Hajek: the
comparison weights are divided by their own sum) and the doubly robust estimator of both, for
panels and for repeated cross-sections. Each returns estimates and what each unit (or row)
contributes to them, the estimated nuisance parameters included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.numerics.propensity import CellError, Propensity, check_independent, logit

FloatArray = NDArray[np.float64]
METHODS = ("dr", "ipw", "reg")


@dataclass(frozen=True, eq=False)
class Adjusted:
    """Estimates (m,), contributions of treated (n1, m) and comparison units (n0, m)."""

    estimate: FloatArray
    treated: FloatArray
    control: FloatArray
    trimmed: int
    start: FloatArray | None


def odds(
    fit: Propensity, treated: NDArray[np.bool_], weights: FloatArray | None, trim: float
) -> tuple[FloatArray, int]:
    """Weights ``w p / (1 - p)`` of comparison units (n0,), 0 where p reaches ``trim``."""
    p = np.minimum(fit.probability[~treated], 1 - 1e-6)
    out = p / (1 - p)
    cut = p >= trim
    out[cut] = 0.0
    if weights is not None:
        out *= weights[~treated]
    if out.sum() <= 0:
        raise CellError(f"every comparison unit has a treatment probability above {trim:g}")
    return out, int(cut.sum())


def panel_effects(
    method: str,
    y1: FloatArray,
    y0: FloatArray,
    x1: FloatArray,
    x0: FloatArray,
    w1: FloatArray | None,
    w0: FloatArray | None,
    difference: FloatArray,
    *,
    trim: float,
    start: FloatArray | None = None,
) -> Adjusted:
    """Effects in several periods that share covariates and comparison group.

    Parameters
    ----------
    method : {"dr", "ipw", "reg"}
    y1, y0 : ndarray (n1, T), (n0, T)
        Outcomes of treated and comparison units.
    x1, x0 : ndarray (n1, q), (n0, q)
        Covariates, first column 1.
    w1, w0 : ndarray (n1,), (n0,), optional
    difference : ndarray (T, m)
        ``y @ difference`` are the changes.
    trim : float
    start : ndarray (q,), optional
        Where the logit starts.

    Notes
    -----
    With e the residual changes, r the odds, H the Hessian of the logit and A the inverse
    cross-products of comparison units, a comparison unit contributes
    ``-r (e - eta0) / sum(r) - w x'A (xbar1 - xbar0) e - w x'H^-1 M (d - p)``.
    """
    n1, q, m = len(y1), x1.shape[1], difference.shape[1]
    treated = np.zeros(n1 + len(y0), dtype=bool)
    treated[:n1] = True
    weights = None if w1 is None or w0 is None else np.concatenate([w1, w0])
    share1 = _normalise(np.ones(n1) if w1 is None else w1)
    mean1 = share1 @ x1
    fit: Propensity | None = None
    trimmed = 0
    if method == "reg":
        share0 = None
        mean0 = np.zeros(q)
    else:
        x = np.vstack([x1, x0])
        check_independent(x, weights, "treated and comparison units")
        fit = logit(x, treated, weights, start)
        r, trimmed = odds(fit, treated, weights, trim)
        share0 = r / r.sum()
        mean0 = share0 @ x0
    beta = np.zeros((q, m))
    slope0: FloatArray | None = None
    if method != "ipw":
        check_independent(x0, w0, "comparison units")
        weighted = x0 if w0 is None else x0 * w0[:, None]
        inverse = np.linalg.inv(weighted.T @ x0)
        change0 = y0 @ difference
        beta = inverse @ (weighted.T @ change0)
        e0 = change0 - x0 @ beta
        slope0 = weighted @ (inverse @ (mean1 - mean0))
    else:
        e0 = y0 @ difference
    e1 = y1 @ difference - x1 @ beta
    eta1 = share1 @ e1
    control = np.zeros_like(e0)
    eta0 = np.zeros(m)
    treated_part = share1[:, None] * (e1 - eta1)
    scale = np.zeros(len(y0))
    if slope0 is not None:
        scale -= slope0
    if share0 is not None and fit is not None:
        eta0 = share0 @ e0
        moment = (x0 * share0[:, None]).T @ (e0 - eta0)  # (q, m)
        direction = fit.inverse_hessian @ moment
        score0 = -fit.probability[n1:] if w0 is None else -fit.probability[n1:] * w0
        score1 = 1 - fit.probability[:n1] if w1 is None else (1 - fit.probability[:n1]) * w1
        scale -= share0
        # two small products instead of many passes over (n0, m)
        control = np.column_stack([share0, -x0 * score0[:, None]]) @ np.vstack([eta0, direction])
        treated_part -= (x1 * score1[:, None]) @ direction
    e0 *= scale[:, None]
    control += e0
    return Adjusted(eta1 - eta0, treated_part, control, trimmed, None if fit is None else fit.coef)


def cross_section_effect(
    method: str,
    y: FloatArray,
    x: FloatArray,
    treated: NDArray[np.bool_],
    post: NDArray[np.bool_],
    w: FloatArray | None,
    *,
    trim: float,
    start: FloatArray | None = None,
) -> tuple[float, FloatArray, int, FloatArray | None]:
    """Effect from rows of two periods; doubly robust is the locally efficient form.

    Parameters
    ----------
    method : {"dr", "ipw", "reg"}
    y : ndarray (n,)
    x : ndarray (n, q)
    treated, post : ndarray of bool (n,)
    w : ndarray (n,), optional

    Returns
    -------
    estimate : float
    contributions : ndarray (n,)
    trimmed : int
    start : ndarray (q,) or None
        The logit's coefficients.
    """
    weights = np.ones(len(y)) if w is None else w
    fit: Propensity | None = None
    trimmed = 0
    if method != "reg":
        check_independent(x, w, "treated and comparison rows")
        fit = logit(x, treated, w, start)
        odd, trimmed = odds(fit, treated, w, trim)
        pull = np.zeros(len(y))
        pull[~treated] = odd
    out = np.zeros(len(y))
    estimate = 0.0
    regressions: dict[tuple[bool, bool], Callable[[FloatArray], FloatArray]] = {}
    fitted: dict[tuple[bool, bool], FloatArray] = {}
    if method != "ipw":
        for group in (False, True) if method == "dr" else (False,):
            for after in (True, False):
                rows = (treated == group) & (post == after)
                fitted[group, after], regressions[group, after] = _regress(x, y, weights, rows, group, after)
    moment = np.zeros(x.shape[1])
    for after, sign in ((True, 1.0), (False, -1.0)):
        one = np.where(treated & (post == after), weights, 0.0)
        base = fitted[False, after] if method != "ipw" else np.zeros(len(y))
        if method == "reg":
            share_all = _normalise(np.where(treated, weights, 0.0))
            share_one = _normalise(one)
            value, centre = share_one @ y, share_all @ base
            estimate += sign * float(value - centre)
            out += sign * (share_one * (y - value) - share_all * (base - centre))
            out -= sign * regressions[False, after](share_all @ x)
            continue
        e = y - base
        share1, share0 = _normalise(one), _normalise(np.where(post == after, pull, 0.0))
        eta1, eta0 = share1 @ e, share0 @ e
        estimate += sign * float(eta1 - eta0)
        out += sign * (share1 * (e - eta1) - share0 * (e - eta0))
        moment += sign * ((share0 * (e - eta0)) @ x)
        if method == "dr":
            gap = fitted[True, after] - base
            share_all = _normalise(np.where(treated, weights, 0.0))
            out -= sign * regressions[False, after]((share_all - share0) @ x)
            out += sign * regressions[True, after]((share_all - share1) @ x)
            all_mean, own_mean = share_all @ gap, share1 @ gap
            estimate += sign * float(all_mean - own_mean)
            out += sign * (share_all * (gap - all_mean) - share1 * (gap - own_mean))
    if fit is not None:
        score = weights * (treated - fit.probability)
        out -= score * (x @ (fit.inverse_hessian @ moment))
    return estimate, out, trimmed, None if fit is None else fit.coef


def beyond(x1: FloatArray, x0: FloatArray, w0: FloatArray | None) -> tuple[int, int]:
    """How many treated units lie beyond the comparison units' covariates, and of how many.

    ``h(x) = x' (X0' W0 X0)^-1 x`` is the variance of the regression's prediction at x in units of the
    residuals', and grows with the Mahalanobis distance from the comparison units' mean. A treated unit is
    beyond when h exceeds what every comparison unit has in the regression without itself,
    ``h_j / (1 - w_j h_j)``: the independent variable hull of Cook (1979), outside which a prediction is an
    extrapolation (Conn, Johnson and Boveng 2015), with comparison units as new points, as treated ones are.

    Parameters
    ----------
    x1, x0 : ndarray (n1, q), (n0, q)
        Covariates, first column 1; ``x0`` of full rank.
    w0 : ndarray (n0,), optional
    """
    weighted = x0 if w0 is None else x0 * w0[:, None]
    root = np.linalg.cholesky(np.linalg.inv(weighted.T @ x0))
    one, two = (((x @ root) ** 2).sum(axis=1) for x in (x1, x0))
    without = 1 - (two if w0 is None else two * w0)
    furthest = np.divide(two, without, out=np.full(len(two), np.inf), where=without > 1e-9).max()
    return int((one > furthest * (1 + 1e-9)).sum()), len(x1)


def _regress(
    x: FloatArray,
    y: FloatArray,
    weights: FloatArray,
    rows: NDArray[np.bool_],
    group: bool,
    after: bool,
) -> tuple[FloatArray, Callable[[FloatArray], FloatArray]]:
    """Fitted values everywhere, and the contributions of ``direction' beta`` (n,)."""
    who = f"{'treated' if group else 'comparison'} rows {'after' if after else 'before'}"
    xs, w = x[rows], weights[rows]
    check_independent(xs, w, who)
    weighted = xs * w[:, None]
    inverse = np.linalg.inv(weighted.T @ xs)
    beta = inverse @ (weighted.T @ y[rows])
    residual = y[rows] - xs @ beta

    def contribute(direction: FloatArray) -> FloatArray:
        out = np.zeros(len(y))
        out[rows] = (weighted @ (inverse @ direction)) * residual
        return out

    return x @ beta, contribute


def _normalise(weights: FloatArray) -> FloatArray:
    return weights / weights.sum()
