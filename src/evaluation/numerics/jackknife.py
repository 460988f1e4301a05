"""The jackknife over clusters: a variance from estimates without each cluster in turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation import distributions

FloatArray = NDArray[np.float64]


def jackknife_covariance(estimate: FloatArray, without: FloatArray) -> FloatArray:
    """``(G - 1)/G sum_g (b_g - b)(b_g - b)'`` around the full-sample estimate.

    MacKinnon, Nielsen and Webb (2023), equation 14 (their CV3). It counts the spread between the effects of
    single treated clusters, which a variance from residuals cannot see where each cohort has one unit.

    Parameters
    ----------
    estimate : ndarray (k,)
    without : ndarray (G, k)
        Estimates without each cluster. A NaN makes the variance of its column NaN: without that cluster
        the effect does not exist.

    Returns
    -------
    ndarray (k, k)
    """
    g = len(without)
    gap = without - estimate
    return np.asarray((g - 1) / g * gap.T @ gap, dtype=float)


def smaller_side(cluster: NDArray[np.integer], treated: NDArray[np.bool_]) -> tuple[int, int]:
    """Clusters with a treated unit, and clusters with an untreated one.

    Parameters
    ----------
    cluster : ndarray of int (n,)
        Cluster of each unit.
    treated : ndarray of bool (n,)
    """
    return len(np.unique(cluster[treated])), len(np.unique(cluster[~treated]))


def degrees_of_freedom(treated: int, untreated: int) -> int:
    """Clusters of the smaller side less one.

    Welch's bound for a difference of two means: whatever their variances, a t test with so many degrees
    of freedom is not too short. Where every unit is treated in the end, there is one side.
    """
    return max(min(treated, untreated or treated) - 1, 0)


def t_quantile(level: float, df: float) -> float:
    """Two-sided quantile; NaN without degrees of freedom."""
    return float(distributions.t.ppf(0.5 + level / 2, df)) if df > 0 else float("nan")


def t_probability(statistic: float, df: float) -> float:
    """Two-sided p-value; NaN without degrees of freedom."""
    return float(2 * distributions.t.sf(abs(statistic), df)) if df > 0 else float("nan")
