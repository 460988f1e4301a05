"""What a design looks like, counted: the ground on which an inference is recommended."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, inf, lgamma, log, nan
from typing import Any

import numpy as np

from evaluation.design import Design
from evaluation.errors import DesignError, EvaluationError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference.cluster_robust import cluster_robust
from evaluation.panel import Panel

MOST_FOR_DF = 500
"""With more clusters than this the degrees of freedom are not computed: they are many."""


@dataclass(frozen=True)
class DesignFacts:
    """What the rules look at.

    Attributes
    ----------
    units, treated_units, clusters, treated_clusters, control_clusters : int
        A cluster with a treated unit counts as treated; ``control_clusters`` are the others.
    mixed_clusters : int
        Clusters with treated and never treated units.
    periods, before, after, dates : int
        Periods in all, before the first treatment and from it on; number of treatment dates.
    complete : bool
        Every unit has an outcome in every period.
    variance_ratio : float
        Standard deviation of the treated units' gap to the never treated before treatment, over that
        of the median never treated unit; NaN where it cannot be seen.
    autocorrelation : float
        Lag-1, of the same gaps.
    size_ratio : float
        Largest cluster over the median one, in units.
    assignments : float
        Ways to give the treatment to units.
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
    variance_ratio: float
    autocorrelation: float
    size_ratio: float
    assignments: float
    df: float


def design_facts(panel: Panel, design: Design) -> DesignFacts:
    """Count what the rules of `recommend` look at."""
    cohorts = design.cohorts(panel)
    treated = cohorts.treated
    if treated.all():
        raise DesignError(
            "every unit is treated, so no test can compare with the untreated",
            expected="units that are never treated",
            fix="add units to the donor pool",
        )
    columns = design.cluster_columns
    if len(columns) == 1 and columns[0] not in (panel.unit, panel.time):
        codes, _ = panel.clusters(columns[0])
        _, cluster = np.unique(codes, return_inverse=True)
    else:
        cluster = np.arange(panel.n_units)
    sizes = np.bincount(cluster)
    has = np.bincount(cluster, treated) > 0
    mixed = has & (np.bincount(cluster, ~treated) > 0)
    start = int(cohorts.values[0]) - design.anticipation
    before = int((panel.ordinals < start).sum())
    values = panel.matrix(design.outcome)
    ratio, autocorrelation = _spread(values[:, :before], treated)
    n, m = panel.n_units, int(treated.sum())
    groups = np.unique(cohorts.first, return_counts=True)[1]
    ways = lgamma(n + 1) - sum(lgamma(g + 1) for g in groups)
    return DesignFacts(
        units=n,
        treated_units=m,
        clusters=len(sizes),
        treated_clusters=int(has.sum()),
        control_clusters=int((~has).sum()),
        mixed_clusters=int(mixed.sum()),
        periods=panel.n_periods,
        before=before,
        after=panel.n_periods - before,
        dates=len(cohorts.values),
        complete=bool(np.isfinite(values).all()),
        variance_ratio=ratio,
        autocorrelation=autocorrelation,
        size_ratio=float(sizes.max() / np.median(sizes)),
        assignments=_ways(n, m, len(groups), ways),
        df=_degrees(panel, design, len(sizes)),
    )


def _ways(n: int, m: int, groups: int, logarithm: float) -> float:
    if groups == 2 and logarithm < log(1e12):
        return float(comb(n, m))
    return float(np.exp(logarithm)) if logarithm < 700 else inf


def _spread(values: Any, treated: Any) -> tuple[float, float]:
    """Ratio of standard deviations and lag-1 autocorrelation of gaps to the never treated's mean."""
    if values.shape[1] < 3 or (~treated).sum() < 2:
        return nan, nan
    values = values[:, np.isfinite(values).all(axis=0)]
    if values.shape[1] < 3:
        return nan, nan
    gaps = values - values[~treated].mean(axis=0)
    gaps = gaps - gaps.mean(axis=1, keepdims=True)
    spread = gaps.std(axis=1, ddof=1)
    middle = float(np.median(spread[~treated]))
    moving = spread > 0
    if not middle > 0 or not moving.any():
        return nan, nan
    scaled = gaps[moving] / spread[moving][:, None]
    # removing a mean of T values takes about 1/T from the autocorrelation
    lag = float((scaled[:, 1:] * scaled[:, :-1]).mean()) + 1 / values.shape[1]
    return float(np.sqrt((spread[treated] ** 2).mean()) / middle), lag


def _degrees(panel: Panel, design: Design, clusters: int) -> float:
    if clusters > MOST_FOR_DF or len(design.cluster_columns) > 1:
        return nan
    try:
        return float(cluster_robust(TwoWayFixedEffects(), panel, design).df[0])
    except EvaluationError:
        return nan
