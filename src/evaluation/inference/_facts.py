"""What a design looks like, counted: the ground on which an inference is recommended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, inf, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from evaluation import distributions
from evaluation.design import Design
from evaluation.errors import DesignError, EvaluationError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference.assignments import Assignments, assignments
from evaluation.inference.cluster_robust import cluster_robust
from evaluation.numerics.covariance import cluster_sums
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
MOST_FOR_DF = 500
"""With more clusters than this the degrees of freedom are not computed: they are many."""
FEWEST_FOR_NOISE = 3
"""Periods before treatment below which a standard deviation (1 degree of freedom) tells nothing."""
FEWEST_FOR_PERSISTENCE = 8
"""Periods before treatment below which autocorrelations and correlations of one unit tell nothing."""
_MOST_FOR_PAIRS = 500


@dataclass(frozen=True)
class DesignFacts:
    """What the rules look at.

    An item is what a randomisation test permutes: a unit, or a cluster whose units are treated together
    (its outcome is then the mean of its units). Noise and persistence are those of items.

    Attributes
    ----------
    units, treated_units, clusters, treated_clusters, control_clusters : int
        A cluster with a treated unit counts as treated; ``control_clusters`` are the others.
    mixed_clusters : int
        Clusters with treated and never treated units.
    periods, before, after, dates : int
        Periods in all, before the first treatment and from it on; number of treatment dates.
    complete, weighted : bool
        Every unit has an outcome in every period; the design has weights.
    coarse, two_way : bool
        Clusters are not the units; they are of two dimensions or of periods.
    level : {"unit", "cluster", "within", "refused"}
        What the randomisation test permutes, or that it refuses the design.
    items, treated_items : int
    assignments : float
        Distinct assignments of the treatment to items; 0 where refused.
    noise_ratio : float
        Standard deviation of the treated items' residuals before treatment over that of the untreated
        (root mean squares); NaN where it cannot be seen.
    excess, excess_bound : float
        Standard deviation of the estimate over that of its permutations, and the same with the noise ratio
        one standard error above; NaN where they cannot be seen.
    autocorrelation, own_autocorrelation, own_error : float
        Lag 1, corrected for the bias of short series: mean of untreated items, mean of treated ones, and
        the standard error of the latter; NaN where they cannot be seen.
    persistence_p, together_p : float
        One-sided p-values of "the treated are no more persistent than the untreated" and "the treated move
        together no more than pairs of untreated do"; NaN where it cannot be seen.
    together : float
        Mean correlation of pairs of treated items before treatment; NaN with one.
    size_ratio : float
        Largest cluster over the median one, in units.
    df : float
        Satterthwaite's degrees of freedom; NaN where undefined.
    """

    units: int
    treated_units: int
    clusters: int
    treated_clusters: int
    control_clusters: int
    mixed_clusters: int
    periods: int
    before: int
    after: int
    dates: int
    complete: bool
    weighted: bool
    coarse: bool
    two_way: bool
    level: str
    items: int
    treated_items: int
    assignments: float
    noise_ratio: float
    excess: float
    excess_bound: float
    autocorrelation: float
    own_autocorrelation: float
    own_error: float
    persistence_p: float
    together_p: float
    together: float
    size_ratio: float
    df: float


@dataclass(frozen=True, eq=False)
class Before:
    """Outcomes of items before treatment, less item means and the untreated items' period means.

    Attributes
    ----------
    residual : ndarray (n_items, n_before)
        NaN where an item is not seen.
    treated : ndarray of bool (n_items,)
    seen : ndarray of int (n_items,)
        Periods in which the item is seen.
    spread : ndarray (n_items,)
        Standard deviation with ``seen - 1`` degrees of freedom; NaN with fewer than 2 periods.
    lags : ndarray (n_items, 2)
        Autocorrelations at lags 1 and 2 over the pairs that are seen; NaN without pairs or variation.
    """

    residual: FloatArray
    treated: NDArray[np.bool_]
    seen: NDArray[np.intp]
    spread: FloatArray
    lags: FloatArray


def design_facts(panel: Panel, design: Design) -> tuple[DesignFacts, Before]:
    """Count what the rules of `recommend` look at, and give the residuals before treatment."""
    cohorts = design.cohorts(panel)
    treated = cohorts.treated
    if treated.all():
        raise DesignError(
            "every unit is treated, so no test can compare with the untreated",
            expected="units that are never treated",
            fix="add units to the donor pool",
        )
    columns = design.cluster_columns
    two_way = len(columns) > 1 or panel.time in columns
    cluster = _fewest_clusters(panel, design)
    sizes = np.bincount(cluster)
    has = np.bincount(cluster, treated) > 0
    mixed = has & (np.bincount(cluster, ~treated) > 0)
    start = int(cohorts.values[0]) - design.anticipation
    before = int((panel.ordinals < start).sum())
    values = panel.matrix(design.outcome)
    permuted = _assignments(panel, design)
    item: NDArray[np.integer] = np.arange(panel.n_units)
    if permuted is not None and permuted.level == "cluster":
        item = permuted.item
    early = residuals_before(values[:, :before], treated, item)
    n, m = len(early.treated), int(early.treated.sum())
    rho, own, own_error, persistence = _persistence(early)
    ratio, error = _noise(early, rho)
    together, together_p = _together(early)
    return DesignFacts(
        units=panel.n_units,
        treated_units=int(treated.sum()),
        clusters=len(sizes),
        treated_clusters=int(has.sum()),
        control_clusters=int((~has).sum()),
        mixed_clusters=int(mixed.sum()),
        periods=panel.n_periods,
        before=before,
        after=panel.n_periods - before,
        dates=len(cohorts.values),
        complete=bool(np.isfinite(values).all()),
        weighted=design.weights is not None,
        coarse=bool(columns) and columns != (panel.unit,),
        two_way=two_way,
        level="refused" if permuted is None else permuted.level,
        items=n,
        treated_items=m,
        assignments=0.0 if permuted is None else permuted.n_distinct,
        noise_ratio=ratio,
        excess=_excess(ratio, m, n),
        excess_bound=_excess(ratio * exp(error), m, n),
        autocorrelation=rho,
        own_autocorrelation=own,
        own_error=own_error,
        persistence_p=persistence,
        together_p=together_p,
        together=together,
        size_ratio=float(sizes.max() / np.median(sizes)),
        df=nan if two_way else _degrees(panel, design, len(sizes)),
    ), early


def residuals_before(values: FloatArray, treated: NDArray[np.bool_], item: NDArray[np.integer]) -> Before:
    """Two-way residuals before treatment, period effects from the untreated alone.

    With gaps the two sets of means are taken away in turn until nothing changes, so that no unit's level
    passes for a movement of the periods in which it is seen. Units are then averaged within items.

    Parameters
    ----------
    values : ndarray (n_units, n_before)
        NaN where a unit is not seen.
    treated : ndarray of bool (n_units,)
    item : ndarray of int (n_units,)
    """
    ok = np.isfinite(values)
    left = np.where(ok, values, 0.0)
    for _ in range(500):
        old = left
        left = left - ok * _means(left, ok, 1)
        left = left - ok * _means(left[~treated], ok[~treated], 0)
        if np.abs(left - old).max(initial=0.0) <= 1e-12 * np.abs(left).max(initial=0.0):
            break
    n = int(item.max()) + 1
    count, total = cluster_sums(ok, item, n), cluster_sums(left, item, n)
    here = count > 0
    left = np.where(here, total / np.maximum(count, 1), 0.0)
    left = left - here * _means(left, here, 1)
    of_item = np.zeros(n, dtype=bool)
    of_item[item[treated]] = True
    seen = here.sum(axis=1)
    square = (left**2).sum(axis=1)
    scale = np.abs(values[ok]).max(initial=0.0)
    square[square <= (1e-10 * scale) ** 2 * np.maximum(seen, 1)] = 0.0
    lags = np.full((n, 2), nan)
    for k in (1, 2):
        pairs = (here[:, k:] & here[:, :-k]).sum(axis=1) if values.shape[1] > k else np.zeros(n, dtype=int)
        use = (pairs > 0) & (square > 0)
        product = (left[:, k:] * left[:, :-k]).sum(axis=1)
        lags[use, k - 1] = product[use] / pairs[use] / (square[use] / seen[use])
    spread = np.where(seen > 1, np.sqrt(square / np.maximum(seen - 1, 1)), nan)
    return Before(np.where(here, left, nan), of_item, seen, spread, lags)


def corrected(lag: FloatArray | float, seen: FloatArray | float) -> FloatArray:
    """Autocorrelation without the bias of a short series whose mean is removed: about -(1 + 3 rho)/T.

    Kendall (1954) and Marriott and Pope (1954), solved for rho and held within -0.99 and 0.99.
    """
    seen = np.asarray(seen, dtype=float)
    return np.clip((np.asarray(lag) * seen + 1) / np.maximum(seen - 3, 1), -0.99, 0.99)


def _means(values: FloatArray, ok: NDArray[np.bool_], axis: int) -> FloatArray:
    return values.sum(axis=axis, keepdims=True) / np.maximum(ok.sum(axis=axis, keepdims=True), 1)


def _fewest_clusters(panel: Panel, design: Design) -> NDArray[np.intp]:
    """Cluster of each unit (n_units,); of two columns the one with fewer clusters."""
    best = np.arange(panel.n_units)
    for column in design.cluster_columns:
        if column in (panel.unit, panel.time):
            continue
        cluster, _ = panel.clusters(column)
        if cluster.max() < best.max():
            best = cluster
    return best


def _assignments(panel: Panel, design: Design) -> Assignments | None:
    try:
        return assignments(panel, design)
    except DesignError:
        return None


def noise_of(early: Before) -> float:
    """Root mean square deviation of the treated items over that of the untreated; NaN where unseen."""
    t, known = early.treated, np.isfinite(early.spread)
    n0, seen = int((~t).sum()), (known & t).any() and (known & ~t).any()
    if early.residual.shape[1] < FEWEST_FOR_NOISE or n0 < 2 or not seen:
        return nan
    # residuals of the untreated have their own period mean removed
    others = float((early.spread[known & ~t] ** 2).mean()) / (1 - 1 / n0)
    return sqrt(float((early.spread[known & t] ** 2).mean()) / others) if others > 0 else nan


def _noise(early: Before, rho: float) -> tuple[float, float]:
    """The noise ratio and the standard error of its logarithm.

    The standard error is ``1/sqrt(2 df)``; a series with autocorrelation rho counts for
    ``(1 - rho**2)/(1 + rho**2)`` of its degrees of freedom (Bartlett's formula for a variance).
    """
    ratio = noise_of(early)
    freedom = int((early.seen[early.treated & np.isfinite(early.spread)] - 1).sum())
    if np.isnan(ratio) or freedom < 2:
        return nan, nan
    square = 0.0 if np.isnan(rho) else rho**2
    freedom_left = max(freedom * (1 - square) / (1 + square), 1.0)
    return ratio, 1 / sqrt(2 * freedom_left)


def _excess(ratio: float, m: int, n: int) -> float:
    """Standard deviation of a difference of means over that of its permutations, m of n items treated."""
    if not np.isfinite(ratio):
        return nan
    own, permuted = ratio**2 / m + 1 / (n - m), ratio**2 / (n - m) + 1 / m
    return sqrt(own / permuted)


def _persistence(early: Before) -> tuple[float, float, float, float]:
    """Autocorrelations of untreated and treated items, the latter's standard error, and the p-value.

    The p-value compares the sum of the first two autocorrelations, the bias of which is the same for series
    of the same length, by a t test in which the spread is that of the untreated.
    """
    t, known = early.treated, np.isfinite(early.lags[:, 0])
    own, others = known & t, known & ~t
    if early.residual.shape[1] < 3 or not others.any():
        return nan, nan, nan, nan
    rho = float(corrected(early.lags[others, 0].mean(), early.seen[others].mean()))
    if not own.any():
        return rho, nan, nan, nan
    seen = float(early.seen[own].mean())
    mine = float(corrected(early.lags[own, 0].mean(), seen))
    error = sqrt((1 - mine**2) / seen / own.sum())
    both = np.isfinite(early.lags).all(axis=1)
    own, others = both & t, both & ~t
    if seen < FEWEST_FOR_PERSISTENCE or others.sum() < 5 or not own.any():
        return rho, mine, error, nan
    memory = early.lags.sum(axis=1)
    spread = float(memory[others].std(ddof=1)) * sqrt(1 / own.sum() + 1 / others.sum())
    if not spread > 0:
        return rho, mine, error, nan
    far = float(memory[own].mean() - memory[others].mean()) / spread
    return rho, mine, error, float(distributions.t.sf(far, int(others.sum()) - 1))


def _together(early: Before) -> tuple[float, float]:
    """Mean correlation of pairs of treated items, and the p-value of its excess over that of untreated pairs.

    Its standard error is the spread of the correlations of untreated pairs over the root of the number of
    treated pairs: pairs that share an item are nearly uncorrelated when items are independent.
    """
    known = early.spread > 0
    t, others = early.treated & known, ~early.treated & known
    if early.residual.shape[1] < FEWEST_FOR_PERSISTENCE or t.sum() < 2 or others.sum() < 5:
        return nan, nan
    unit = (
        np.where(np.isfinite(early.residual), early.residual, 0.0)
        / np.where(known, early.spread, inf)[:, None]
    )
    # the mean of all, not of the untreated alone: it correlates pairs of both kinds alike
    unit = unit - unit[known].mean(axis=0)
    unit = unit / np.maximum(np.sqrt((unit**2).sum(axis=1, keepdims=True)), 1e-300)
    mine, theirs = (_pairs(unit[group][:_MOST_FOR_PAIRS]) for group in (t, others))
    spread = float(theirs.std(ddof=1)) / sqrt(len(mine))
    far = (float(mine.mean()) - float(theirs.mean())) / spread if spread > 0 else nan
    return float(mine.mean()), float(distributions.norm.sf(far))


def _pairs(unit: FloatArray) -> FloatArray:
    product = unit @ unit.T
    out: FloatArray = product[np.triu_indices(len(unit), 1)]
    return out


def _degrees(panel: Panel, design: Design, clusters: int) -> float:
    if clusters > MOST_FOR_DF:
        return nan
    try:
        return float(cluster_robust(TwoWayFixedEffects(), panel, replace(design, window=None)).df[0])
    except EvaluationError:
        return nan
