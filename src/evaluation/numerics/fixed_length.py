"""Shortest fixed-length intervals when the bias of an event study bends by at most M a period.

Rambachan and Roth (2023), the set Delta^SD(M), after Armstrong and Kolesar (2018). The estimator is affine:
``theta = v' b_pre + l' b_post``. Bias is bounded only for weights that cancel every straight line; write
the rest of the bias as a sum of kinks, one a period, each at most M. With ``w_s = sum_(t < s) v_t (s - t)``
the weight on a kink at period s <= 0, the worst bias is ``M (c + |w_0| + sum_(s < 0) |w_s|)``: c comes
from kinks after treatment and ``w_0`` is fixed by the straight line. So for a given price of bias the
weights solve a lasso problem, whose whole path is piecewise linear, and the best price is the root of
one monotone function. The interval is exact, not searched on a grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from evaluation.numerics.gaussian import folded_quantile

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class FixedLength:
    """A fixed-length interval and the estimator at its centre.

    Attributes
    ----------
    estimate, half_length : float
    std_error : float
        Of the estimator.
    worst_bias : float
        Largest bias that the bound allows.
    weights : ndarray (K,)
        On the estimates before treatment.
    """

    estimate: float
    half_length: float
    std_error: float
    worst_bias: float
    weights: FloatArray

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end."""
        return self.estimate - self.half_length, self.estimate + self.half_length


@dataclass(frozen=True, eq=False, slots=True)
class SmoothnessProblem:
    """Everything but M: the quadratic variance in free kink weights and the lasso path.

    Attributes
    ----------
    start, basis : ndarray (K + P,), (K + P, K - 1)
        Estimator weights are ``start + basis @ w``.
    post_kinks : float
        ``c + |w_0|``: bias a unit of M that no weights can remove.
    prices : ndarray (m,)
        Break points of the path in decreasing order, from the largest to 0.
    path : ndarray (m, K - 1)
        Solution at each.
    """

    estimates: FloatArray
    covariance: FloatArray
    start: FloatArray
    basis: FloatArray
    post_kinks: float
    prices: FloatArray
    path: FloatArray

    def at(self, price: float) -> FloatArray:
        """Free kink weights at a price of bias, shape (K - 1,)."""
        if self.path.shape[1] == 0:
            return self.path[0]
        rising = self.prices[::-1]
        return np.array([np.interp(price, rising, column[::-1]) for column in self.path.T])

    def moments(self, w: FloatArray) -> tuple[float, float]:
        """Standard error and bias a unit of M."""
        v = self.start + self.basis @ w
        return float(np.sqrt(v @ self.covariance @ v)), float(self.post_kinks + np.abs(w).sum())

    def interval(self, bound: float, alpha: float = 0.05) -> FixedLength:
        """The shortest interval for kinks of at most ``bound`` a period."""

        def gap(price: float) -> float:
            # the price is right when it equals M s (d chi / d bias) / (d chi / d s), chi the half-length
            s, b = self.moments(self.at(price))
            t = bound * b / s
            c = folded_quantile(t, alpha)
            slope = np.tanh(c * t)
            return float(price - bound * s * slope / (c - t * slope))

        top = float(self.prices[0])
        price = 0.0
        if bound > 0 and top > 0:
            price = (
                top if gap(top) <= 0 else float(optimize.brentq(gap, 0.0, top, xtol=1e-15 * top, rtol=1e-14))
            )
        w = self.at(price)
        s, b = self.moments(w)
        v = self.start + self.basis @ w
        return FixedLength(
            float(v @ self.estimates),
            s * folded_quantile(bound * b / s, alpha),
            s,
            bound * b,
            v[: self.basis.shape[1] + 1],
        )


def smoothness_problem(
    estimates: FloatArray, covariance: FloatArray, pre: int, target: FloatArray
) -> SmoothnessProblem:
    """Set up intervals for one event study and target.

    Parameters
    ----------
    estimates : ndarray (pre + P,)
        Event-study estimates in order of time, the reference period (whose effect is 0) between the
        ``pre`` before and the P after it left out.
    covariance : ndarray (pre + P, pre + P)
        Positive definite.
    pre : int
        At least 1.
    target : ndarray (P,)
        Weights l of the effect of interest.
    """
    k, p = pre, len(target)
    time = np.arange(1, p + 1)
    # kink at s >= 1 moves period t > s by t - s
    after = np.array([target[s:] @ (time[s:] - s) for s in range(1, p)])
    fixed = float(target @ time)
    # v_s = w_(s+1) - 2 w_s + w_(s-1), s = -1 ... -k, with w_0 fixed and w_(-k) = w_(-k-1) = 0
    by_kink = np.zeros((k, k + 1))  # columns w_0, w_-1, ..., w_-k
    for j in range(1, k + 1):
        by_kink[j - 1, j - 1] += 1
        by_kink[j - 1, j] -= 2
        if j + 1 <= k:
            by_kink[j - 1, j + 1] += 1
    in_time = by_kink[::-1]
    start = np.concatenate([in_time[:, 0] * fixed, target])
    basis = np.vstack([in_time[:, 1:k], np.zeros((p, k - 1))])
    quadratic = basis.T @ covariance @ basis
    linear = basis.T @ (covariance @ start)
    prices, path = lasso_path(quadratic, linear)
    return SmoothnessProblem(
        estimates,
        covariance,
        start,
        basis,
        float(np.abs(after).sum()) + abs(fixed),
        prices,
        path,
    )


def lasso_path(quadratic: FloatArray, linear: FloatArray) -> tuple[FloatArray, FloatArray]:
    """All minimisers of ``w' Q w / 2 + q' w + price * sum |w|`` (Osborne, Presnell and Turlach 2000).

    Parameters
    ----------
    quadratic : ndarray (n, n)
        Q, positive definite.
    linear : ndarray (n,)
        q.

    Returns
    -------
    prices : ndarray (m,)
        From the smallest price at which w = 0, down to 0; w is linear in between.
    path : ndarray (m, n)
    """
    n = len(linear)
    if n == 0 or not np.abs(linear).max() > 0:
        return np.zeros(1), np.zeros((1, n))
    price = float(np.abs(linear).max())
    w = np.zeros(n)
    active = np.abs(linear) >= price * (1 - 1e-14)
    sign = np.where(active, -np.sign(linear), 0.0)
    prices, path = [price], [w.copy()]
    tiny = 1e-13 * price
    for _ in range(20 * n + 20):
        at = np.flatnonzero(active)
        # w_A = -Q_AA^-1 (q_A + price sign_A): what a fall of the price by one adds
        step = np.zeros(n)
        step[at] = np.linalg.solve(quadratic[np.ix_(at, at)], sign[at])
        gradient = linear + quadratic @ w
        drift = quadratic @ step
        fall, event, enters = price, -1, False
        for j in range(n):
            if active[j]:
                if step[j] * sign[j] < 0 and w[j] != 0:
                    hit = -w[j] / step[j]
                    if hit < fall - tiny:
                        fall, event, enters = hit, j, False
                continue
            # gradient_j + fall * drift_j = +- (price - fall)
            for side in (1.0, -1.0):
                slope = 1.0 + side * drift[j]
                room = price - side * gradient[j]
                if slope > 1e-14 and room / slope < fall - tiny:
                    fall, event, enters = max(room / slope, 0.0), j, True
        w = w + fall * step
        price -= fall
        if event < 0:
            price = 0.0
        elif enters:
            active[event] = True
            sign[event] = -np.sign(linear[event] + quadratic[event] @ w)
        else:
            active[event], sign[event], w[event] = False, 0.0, 0.0
        prices.append(price)
        path.append(w.copy())
        if price == 0.0:
            return np.array(prices), np.array(path)
    raise ArithmeticError("the path of weights did not end")
