"""Normal integrals that sensitivity and power need, computed without simulation noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from evaluation import distributions

FloatArray = NDArray[np.float64]


def folded_quantile(bias: float, alpha: float = 0.05) -> float:
    """The 1 - alpha quantile of ``|N(bias, 1)|``, to machine precision.

    The ``cv_alpha`` of Armstrong and Kolesar (2018): the half-length, in standard errors, of an
    interval that allows for a bias of up to ``bias`` standard errors.

    Parameters
    ----------
    bias : float
        In standard errors; only its size matters.
    alpha : float
        Between 0 and 1/2.
    """
    t = abs(float(bias))
    low, high = t + distributions.norm.isf(alpha), t + distributions.norm.isf(alpha / 2)
    if t == 0:
        return float(high)

    def missed(c: float) -> float:
        return float(special.ndtr(t - c) + special.ndtr(-c - t)) - alpha

    if missed(low) <= 0:  # the far tail has underflowed
        return float(low)
    return float(optimize.brentq(missed, low, high, xtol=1e-15, rtol=8.9e-16))


def truncated_tail(value: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """``P(Z > value | low <= Z <= high)`` for a standard normal Z, also far in a tail.

    Parameters
    ----------
    value, low, high : ndarray (n,)
        Standardised; infinite bounds are allowed.

    Returns
    -------
    ndarray (n,)
        0 where ``value >= high``, 1 where ``value <= low``.
    """
    # mirrored so that the nearer tail is the upper one: differences of its logarithms keep their digits
    low, high = np.broadcast_to(low, value.shape), np.broadcast_to(high, value.shape)
    left = low < -high
    base = np.where(left, special.log_ndtr(high), special.log_ndtr(-low))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        at = np.exp(np.where(left, special.log_ndtr(value), special.log_ndtr(-value)) - base)
        end = np.exp(np.where(left, special.log_ndtr(low), special.log_ndtr(-high)) - base)
        out = np.where(left, (1 - at) / (1 - end), (at - end) / (1 - end))
    out = np.where(value >= high, 0.0, np.where(value <= low, 1.0, out))
    return np.clip(out, 0.0, 1.0)


@dataclass(frozen=True, eq=False, slots=True)
class Box:
    """Probability of a box under a normal law, and the mean inside it (k,)."""

    probability: float
    mean: FloatArray


def box_moments(mean: FloatArray, cov: FloatArray, half: FloatArray, points: int = 1 << 14) -> Box:
    """``P(|X_j| <= half_j for all j)`` and ``E[X | that]`` for ``X ~ N(mean, cov)``.

    Sequential conditioning on a Sobol sequence (Genz 1992; Hajivassiliou and Ruud 1994): each
    coordinate is drawn inside its bounds given those before it, and the product of the bounds'
    probabilities weighs the draw. Exact for one coordinate; else accurate to about 1e-5.

    Parameters
    ----------
    mean : ndarray (k,)
    cov : ndarray (k, k)
        Positive definite.
    half : ndarray (k,)
        Half-widths of the box around 0.
    points : int
        A power of 2.
    """
    k = len(mean)
    root = np.linalg.cholesky(cov)
    uniform = _sobol(points, k)
    z = np.zeros((len(uniform), k))
    weight = np.ones(len(uniform))
    for j in range(k):
        centre = mean[j] + z[:, :j] @ root[j, :j]
        low, high = (-half[j] - centre) / root[j, j], (half[j] - centre) / root[j, j]
        # in whichever tail keeps the digits
        flip = low > 0
        low, high = np.where(flip, -high, low), np.where(flip, -low, high)
        p_low, p_high = special.ndtr(low), special.ndtr(high)
        inside = p_high - p_low
        draw = special.ndtri(np.clip(p_low + uniform[:, j] * inside, 1e-300, 1 - 1e-16))
        z[:, j] = np.where(flip, -draw, draw)
        weight *= inside
    total = weight.mean()
    if not total > 0:
        return Box(0.0, np.full(k, np.nan))
    return Box(float(total), mean + (weight @ z / len(z) / total) @ root.T)


def _sobol(points: int, dimensions: int) -> FloatArray:
    """Sobol points in the open cube, without the one at the origin."""
    from scipy.stats import qmc  # takes half a second to import, and few need it

    bits = int(np.ceil(np.log2(points)))
    sequence = qmc.Sobol(dimensions, scramble=False).random_base2(bits)
    # centres of the cells of the finest grid, so that none lies on a face
    return np.asarray(sequence + 0.5 / (1 << bits), dtype=float)
