"""Parts of a result: what entered it, shares and the averages that they weigh, its table, a joint test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evaluation import distributions
from evaluation.aggregation import Averages, Cells, average
from evaluation.bands import Resampling
from evaluation.display import Displayed
from evaluation.errors import EstimationError, shortlist

T = TypeVar("T")
FEW = 5
Influence = NDArray[np.float64] | Callable[[], NDArray[np.float64]]
_TIE = 1e-10


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


def averages_of(
    terms: pd.DataFrame,
    coef: NDArray[np.float64],
    shares: CohortShares,
    by: str,
    *,
    balance: int | None,
    window: tuple[int, int] | None,
) -> tuple[Averages, pd.DataFrame]:
    """Averages of cohort-by-period effects and the terms that name them; see `evaluation.result.Result`."""
    position = {cohort: i for i, cohort in enumerate(shares.cohort)}
    times, time_labels = pd.factorize(terms["time"], sort=True)
    cells = Cells(
        coef=coef,
        cohort=np.array([position[c] for c in terms["cohort"]], dtype=np.intp),
        time=times.astype(np.int64),
        event=terms["event_time"].to_numpy(dtype=float),
        share=shares.share,
        names=tuple(terms["term"].astype(str)),
        weight=shares.term_weight,
    )
    averages = average(cells, by, balance=balance, window=window)
    keys = averages.keys
    if by == "simple":
        named = pd.DataFrame({"term": ["ATT"]})
    elif by == "group":
        labels = [shares.cohort[i] for i in keys]
        named = pd.DataFrame({"term": [f"cohort {c}" for c in labels], "cohort": labels})
    elif by == "calendar":
        labels = [time_labels[i] for i in keys]
        named = pd.DataFrame({"term": [f"period {t}" for t in labels], "time": labels})
    else:
        named = pd.DataFrame({"term": [f"event time {e}" for e in keys], "event_time": keys})
    return averages, named


def covariance_of(
    averages: Averages, coef: NDArray[np.float64], vcov: NDArray[np.float64], shares: CohortShares
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Covariance of m averages by the delta method, with estimated shares.

    Returns
    -------
    used : ndarray of bool (k,)
        Effects that enter any average.
    covariance : ndarray (m, m)
        NaN for averages of reference terms alone.
    """
    used = (averages.by_effect != 0).any(axis=0)
    a, b = averages.by_effect[:, used], averages.by_share
    part = vcov[np.ix_(used, used)].copy()
    # reference terms of a universal base are 0 by construction and add no variance
    reference = np.isnan(np.diag(part)) & (coef[used] == 0)
    part[reference], part[:, reference] = 0.0, 0.0
    cross = np.where(reference[:, None], 0.0, shares.cross[used])
    mixed = a @ cross @ b.T
    total = a @ part @ a.T + mixed + mixed.T + b @ shares.vcov @ b.T
    only_reference = (a[:, ~reference] == 0).all(axis=1)
    total[only_reference], total[:, only_reference] = np.nan, np.nan
    return used, total


@dataclass(frozen=True, eq=False)
class Placebos:
    """Estimates for untreated units behind a standard error, and how they test the terms.

    A p-value is the larger of two: that of t, and the rank of the estimate among placebos (Abadie, Diamond
    and Hainmueller 2010, section 2.4), so that it is never below ``1 / (B + 1)``; an interval is the wider
    one. The rank alone is not exact, since the treated unit is no donor of the placebos, and sets of several
    donors share members; t alone takes noise to be normal.

    Attributes
    ----------
    estimates : ndarray (B, k)
    """

    estimates: NDArray[np.float64]

    def critical(
        self, level: float, errors: NDArray[np.float64], df: float, *, joint: bool = False
    ) -> NDArray[np.float64]:
        """Critical values (k,) in standard errors, of each term or of all jointly; NaN where none exists."""
        beyond = int(np.floor((1 - level) * (len(self.estimates) + 1) + 1e-9))
        if beyond < 1:
            return np.full(len(errors), np.nan)
        size = np.abs(self.estimates) / errors
        if joint:
            size = np.repeat(np.nanmax(size, axis=1, keepdims=True), len(errors), axis=1)
        return np.maximum(np.sort(size, axis=0)[-beyond], pointwise(level, df))

    def p_values(self, coef: NDArray[np.float64], by_t: NDArray[np.float64]) -> NDArray[np.float64]:
        """The larger of ``by_t`` (k,) and the share of estimates as far from zero; NaN where ``by_t`` is."""
        as_far = np.abs(self.estimates) >= np.abs(coef) * (1 - _TIE)
        return np.maximum(by_t, (1 + as_far.sum(axis=0)) / (len(self.estimates) + 1))

    def joint_rank(self, gap: NDArray[np.float64], part: NDArray[np.float64]) -> float:
        """Share of estimates as far from a joint hypothesis, by the second moments of all of them."""
        values = np.vstack([gap, self.estimates @ part.T])
        distance = np.einsum("ij,ij->i", values @ np.linalg.pinv(values.T @ values, hermitian=True), values)
        return float((distance >= distance[0] * (1 - _TIE)).mean())


@dataclass(frozen=True, repr=False)
class WaldTest(Displayed):
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
    placebos: Placebos | None = None,
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
    if placebos is not None:
        p_value = max(p_value, placebos.joint_rank(gap, matrix))
    return WaldTest(words, statistic, rank, df, p_value)


def named(terms: pd.DataFrame | Sequence[str] | None, estimand: str, m: int) -> pd.DataFrame:
    """Terms of m combinations: as given, or numbered after the estimand."""
    if terms is None:
        terms = [estimand] if m == 1 else [f"{estimand} [{i}]" for i in range(m)]
    return terms if isinstance(terms, pd.DataFrame) else pd.DataFrame({"term": list(terms)})


def check_level(level: float) -> None:
    """Raises an `EstimationError` for a level that is no probability."""
    if not 0 < level < 1:
        raise EstimationError(f"the level is {level}", expected="a number between 0 and 1, such as 0.95")


def pointwise(level: float, df: float) -> float:
    """Critical value of one t statistic for an interval of this level."""
    return float(distributions.t.ppf(0.5 + level / 2, df))


def with_intervals(
    terms: pd.DataFrame,
    coef: NDArray[np.float64],
    errors: NDArray[np.float64],
    critical: float | NDArray[np.float64],
    df: float,
    placebos: Placebos | None = None,
) -> pd.DataFrame:
    """The terms with ``estimate, std_error, ci_low, ci_high, p_value``; p-values are of single terms."""
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = np.abs(coef) / errors
    out = terms.copy()
    out["estimate"] = coef
    out["std_error"] = errors
    out["ci_low"] = coef - critical * errors
    out["ci_high"] = coef + critical * errors
    p_values = 2 * np.asarray(distributions.t.sf(statistic, df), dtype=float)
    out["p_value"] = p_values if placebos is None else placebos.p_values(coef, p_values)
    return out


def band_notes(
    terms: pd.Series, errors: NDArray[np.float64], resampling: Resampling | None
) -> tuple[str, ...]:
    """What a reader of a simultaneous band must know: terms without one, and cohorts of few clusters."""
    if resampling is None or resampling.cohort is None:
        return ()
    notes = []
    absent = resampling.single & np.isfinite(errors)
    if absent.any():
        notes.append(
            f"no simultaneous interval for {shortlist(terms[absent])}: a cohort-period in it is seen in one "
            "unit or cluster only, so nothing is known of its variation (2 or more are needed); use "
            "randomisation inference"
        )
    clusters = resampling.effective_clusters()
    few = (clusters >= 2) & (clusters < FEW)
    if few.any():
        notes.append(
            f"{int(few.sum())} of {len(clusters)} cohorts, comparison units among them, have the weight of "
            f"fewer than {FEW} equal units or clusters (the smallest {clusters[few].min():.1f}): the band is "
            "wide where they weigh, and rests on normal errors"
        )
    return tuple(notes)


def evaluated(value: T | Callable[[], T] | None) -> T | None:
    """An influence function, or what else may have been put off until it is asked for."""
    return value() if callable(value) else value
