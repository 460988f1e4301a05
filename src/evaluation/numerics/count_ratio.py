"""What two counts say about the ratio of their means: exact for Poisson counts, and for noisier ones.

Given their sum, the second of two Poisson counts is binomial with probability r / (1 + r), r the ratio of
the means (Przyborowski and Wilenski 1940). A percentage change between two counts is therefore known no
better than a binomial share: its exact interval (Clopper and Pearson 1934) gives that of the change.
"""

from __future__ import annotations

from math import ceil, log

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv

from evaluation import distributions

FloatArray = NDArray[np.float64]


def ratio_interval(
    before: ArrayLike, after: ArrayLike, level: float = 0.95, dispersion: ArrayLike = 1.0
) -> tuple[FloatArray, FloatArray]:
    """Interval for the ratio of two means from one count each.

    Parameters
    ----------
    before, after : array_like
        Counts of two periods that are equally long; broadcast.
    level : float
    dispersion : array_like
        Variance of a count over its mean. At 1 the interval is exact. Above, counts are taken as ``count /
        dispersion`` Poisson events, each worth ``dispersion``: the quasi-Poisson variance, with the binomial
        continued to shares that are not whole (beta quantiles).

    Returns
    -------
    low, high : ndarray
        0 where no event came after, infinite where none came before, and both where there was none at all.
    """
    b, a, spread = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (before, after, dispersion)))
    _check(b, a, spread)
    tail = (1 - level) / 2
    b, a = b / spread, a / spread
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(a > 0, betaincinv(np.maximum(a, 1e-12), b + 1, tail), 0.0)
        high = np.where(b > 0, betaincinv(a + 1, np.maximum(b, 1e-12), 1 - tail), 1.0)
        return low / (1 - low), np.where(high < 1, high / (1 - high), np.inf)


def ratio_p_value(before: ArrayLike, after: ArrayLike, dispersion: ArrayLike = 1.0) -> FloatArray:
    """Two-sided p-value of equal means: twice the smaller tail, at most 1; below alpha exactly where
    `ratio_interval` at 1 - alpha leaves 1 out.

    Parameters
    ----------
    before, after, dispersion : array_like
        As in `ratio_interval`.
    """
    b, a, spread = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (before, after, dispersion)))
    _check(b, a, spread)
    b, a = b / spread, a / spread
    # P(X <= a) and P(X >= a) of a binomial with probability 1/2, by the incomplete beta function
    fewer = np.where(b > 0, betainc(np.maximum(b, 1e-12), a + 1, 0.5), 1.0)
    more = np.where(a > 0, betainc(np.maximum(a, 1e-12), b + 1, 0.5), 1.0)
    return np.minimum(1.0, 2 * np.minimum(fewer, more))


def smallest_base(change: float, level: float = 0.95, dispersion: float = 1.0) -> int:
    """The base count from which on a reported change is told from none.

    Parameters
    ----------
    change : float
        Relative change, such as -0.23; the later count is the base times 1 + change, rounded.
    level : float
    dispersion : float
        As in `ratio_interval`.

    Returns
    -------
    int
        For this base count and every larger one the interval leaves 1 out. Rounding makes single smaller ones
        do so too.
    """
    if change < -1 or change == 0:
        raise ValueError(f"the change is {change}, and must be -1 or more and not 0")
    wide = distributions.norm.ppf(1 - (1 - level) / 2)
    ratio = max(1 + change, 1e-3)
    # var log ratio = dispersion (1 / base + 1 / after)
    about = dispersion * (1 + 1 / ratio) * (wide / log(ratio)) ** 2
    base = np.arange(1, ceil(2 * about) + ceil(50 * dispersion))
    after = np.floor(base * (1 + change) + 0.5)
    unclear = ratio_p_value(base, after, dispersion) > 1 - level
    return int(base[unclear].max()) + 1 if unclear.any() else 1


def _check(before: FloatArray, after: FloatArray, dispersion: FloatArray) -> None:
    if (before < 0).any() or (after < 0).any():
        raise ValueError("a count is below 0")
    if (dispersion < 1).any():
        raise ValueError("a dispersion below 1 is less noise than counts of independent events have")
