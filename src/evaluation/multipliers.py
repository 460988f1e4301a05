"""Multiplier draws: how a sum of unit contributions would vary from sample to sample.

Each unit's contribution is multiplied by an independent draw of mean 0 and variance 1, and the products
are summed. Given the sample, normal multipliers make exactly a normal vector with the estimated
covariance, so that those need the covariance alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation import distributions
from evaluation.errors import EstimationError

FloatArray = NDArray[np.float64]
MULTIPLIERS = ("gaussian", "rademacher", "mammen", "webb")
_DRAWS_AT_ONCE, _UNITS_AT_ONCE = 64, 4096
_FIVE = 5.0**0.5
# Mammen (1993): two points, skewness 1
_MAMMEN = ((1 - _FIVE) / 2, (1 + _FIVE) / 2, (_FIVE - 1) / (2 * _FIVE))
# Webb (2023): six points, for few clusters
_WEBB = np.array([-(1.5**0.5), -1.0, -(0.5**0.5), 0.5**0.5, 1.0, 1.5**0.5])


def normal_draws(generator: np.random.Generator, draws: int, covariance: FloatArray) -> FloatArray:
    """Draws (draws, k) from N(0, covariance), also for a singular one."""
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.clip(values, 0, None))).T
    return np.asarray(generator.standard_normal((draws, len(covariance))) @ root)


def multiplied_sums(
    generator: np.random.Generator, draws: int, scores: FloatArray, multiplier: str
) -> FloatArray:
    """Sums of contributions (n, k) with a multiplier for each unit, one row a draw.

    Parameters
    ----------
    generator : numpy.random.Generator
    draws : int
    scores : ndarray (n, k)
    multiplier : {"rademacher", "mammen", "webb"}

    Returns
    -------
    ndarray (draws, k)

    Raises
    ------
    EstimationError
        Another multiplier.
    """
    if multiplier not in MULTIPLIERS[1:]:
        names = ", ".join(map(repr, MULTIPLIERS))
        raise EstimationError(f"unknown multiplier {multiplier!r}", expected=f"one of {names}")
    if multiplier == "rademacher":
        return _signed_sums(generator, draws, scores)
    out = np.zeros((draws, scores.shape[1]))
    # blocks of units and draws that fit in the cache
    for start in range(0, len(scores), _UNITS_AT_ONCE):
        part = scores[start : start + _UNITS_AT_ONCE]
        for first in range(0, draws, _DRAWS_AT_ONCE):
            rows = slice(first, min(first + _DRAWS_AT_ONCE, draws))
            shape = (rows.stop - rows.start, len(part))
            if multiplier == "mammen":
                low, high, share = _MAMMEN
                values = np.where(generator.random(shape) < share, high, low)
            else:
                values = _WEBB[generator.integers(0, len(_WEBB), shape)]
            out[rows] += values @ part
    return out


def _signed_sums(generator: np.random.Generator, draws: int, scores: FloatArray) -> FloatArray:
    n = len(scores)
    out = np.zeros((draws, scores.shape[1]))
    for first in range(0, draws, _DRAWS_AT_ONCE):
        rows = slice(first, min(first + _DRAWS_AT_ONCE, draws))
        size = rows.stop - rows.start
        raw = np.frombuffer(generator.bytes(size * -(-n // 8)), dtype=np.uint8).reshape(size, -1)
        for start in range(0, n, _UNITS_AT_ONCE):
            part = scores[start : start + _UNITS_AT_ONCE]
            bits = np.unpackbits(raw[:, start // 8 : (start + _UNITS_AT_ONCE) // 8], axis=1)[:, : len(part)]
            out[rows] += bits.astype(np.float64) @ part
    # a bit b stands for the sign 2 b - 1
    return 2 * out - scores.sum(axis=0)


def quartile_spread(draws: FloatArray) -> FloatArray:
    """Standard deviation (k,) read off the quartiles of draws (m, k), as for a normal law.

    Outlying draws do not move it (Callaway and Sant'Anna 2021, Algorithm 1, step 3).
    """
    low, high = np.quantile(draws, [0.25, 0.75], axis=0)
    return np.asarray((high - low) / (distributions.norm.ppf(0.75) - distributions.norm.ppf(0.25)))


def quartile_covariance(draws: FloatArray) -> FloatArray:
    """Covariance (k, k) with the correlations of draws (m, k) and the deviations of `quartile_spread`."""
    spread, plain = quartile_spread(draws), draws.std(axis=0)
    scale = np.divide(spread, plain, out=np.ones_like(spread), where=plain > 0)
    return np.atleast_2d(np.cov(draws.T, bias=True)) * np.outer(scale, scale)
