"""Parts of a result: what entered it, the shares that weigh its averages, a joint test of its terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation import distributions
from evaluation.errors import shortlist

Influence = NDArray[np.float64] | Callable[[], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class SampleCount:
    """What entered an estimate.

    Attributes
    ----------
    units, periods, treated, observations : int
        Counted after rows were dropped.
    clusters : tuple of int
        Number of clusters in each dimension, empty when there are none.
    dropped : mapping of str to int
        Reason to number of rows dropped.
    """

    units: int
    periods: int
    treated: int
    observations: int
    clusters: tuple[int, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class CohortShares:
    """Estimated cohort shares, the weights of aggregations, with their sampling covariance.

    Aggregated effects are smooth functions of (coef, share); their variance follows by the delta
    method on the joint covariance (Callaway and Sant'Anna 2021, Corollary 2).

    Attributes
    ----------
    cohort : tuple (G,)
        Cohort labels as in ``Result.terms["cohort"]``.
    share : ndarray (G,)
        Share of the (weighted) units in each cohort, or any number proportional to it.
    vcov : ndarray (G, G)
        Zero where shares are taken as fixed.
    cross : ndarray (k, G)
        Covariance of the coefficients with the shares.
    influence : ndarray (n_units, G) or callable, optional
    term_weight : ndarray (k,), optional
        Fixed weight of each term inside an average, in place of its cohort's share: the number of
        unit-periods behind it, for methods that average over unit-periods.
    """

    cohort: tuple[Any, ...]
    share: NDArray[np.float64]
    vcov: NDArray[np.float64]
    cross: NDArray[np.float64]
    influence: Influence | None = None
    term_weight: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class WaldTest:
    """A joint test of linear restrictions, with its null hypothesis in words."""

    null: str
    statistic: float
    df: int
    df_denominator: float
    p_value: float


def wald_test(
    coef: NDArray[np.float64],
    vcov: NDArray[np.float64],
    df: float,
    names: NDArray[Any],
    restriction: ArrayLike,
    null: ArrayLike,
) -> WaldTest:
    """Test ``restriction @ coef = null``; see `evaluation.result.Result.wald`."""
    matrix = np.atleast_2d(np.asarray(restriction, dtype=float))
    used = (matrix != 0).any(axis=0)
    part = matrix[:, used]
    value = np.broadcast_to(np.asarray(null, dtype=float), (len(matrix),))
    gap = part @ coef[used] - value
    covariance = part @ vcov[np.ix_(used, used)] @ part.T
    restricted = names[used]
    words = (
        f"{shortlist(restricted)} {'is' if len(restricted) == 1 else 'are all'} {value[0]:g}"
        if (np.count_nonzero(matrix, axis=1) == 1).all() and np.ptp(value) == 0
        else f"{len(matrix)} linear restrictions on {shortlist(restricted)} hold"
    )
    if not np.isfinite(covariance).all() or not np.isfinite(gap).all():
        return WaldTest(f"{words} (not testable: a standard error is undefined)", np.nan, 0, np.nan, np.nan)
    rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
    statistic = float(gap @ np.linalg.pinv(covariance, hermitian=True) @ gap)
    if np.isfinite(df):
        p_value = float(distributions.f.sf(statistic / rank, rank, df)) if rank else np.nan
    else:
        p_value = float(distributions.chi2.sf(statistic, rank)) if rank else np.nan
    return WaldTest(words, statistic, rank, df, p_value)


def evaluated(influence: Influence | None) -> NDArray[np.float64] | None:
    """An influence function that may have been put off until it is asked for."""
    return influence() if callable(influence) else influence
