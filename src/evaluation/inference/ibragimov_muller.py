"""t tests on one estimate a cluster: few clusters, unequal in everything.

Estimates of different clusters need only be independent and roughly normal around the same effect;
their variances may differ as they like, since the t test at 5 % and below does not then reject too
often (Bakirov and Szekely 2005; Ibragimov and Müller 2010, 2016).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import nan
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evaluation import distributions
from evaluation.clusters import clusters_of_units
from evaluation.design import Design
from evaluation.display import Displayed
from evaluation.errors import EstimationError, EvaluationError, shortlist
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference._regression import check_level
from evaluation.inference.base import WithInterval
from evaluation.inference.randomization import Estimator
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class ClusterTTest(WithInterval, Displayed):
    """A t test on cluster-level estimates.

    Attributes
    ----------
    method : str
    estimates : pandas.DataFrame
        ``cluster, treated, estimate``: one row a cluster.
    estimate, std_error, df : float
        NaN with a `reason` where the test does not exist.
    reason : str
    notes : tuple of str
    """

    method: str
    estimates: pd.DataFrame = field(repr=False)
    estimate: float
    std_error: float
    df: float
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def statistic(self) -> float:
        """t of a zero effect."""
        return self.estimate / self.std_error if self.std_error > 0 else nan

    @property
    def p_value(self) -> float:
        """Two-sided; valid where it is 5 % or below."""
        return float(2 * distributions.t.sf(abs(self.statistic), self.df))

    @property
    def smallest_p(self) -> float:
        """A t test has no smallest p-value above 0; NaN where there is no test."""
        return 0.0 if np.isfinite(self.std_error) else nan

    def interval(self, level: float = 0.95) -> tuple[float, float, str]:
        """Interval, and why it is absent or not to be relied on."""
        check_level(level)
        half = float(distributions.t.ppf(0.5 + level / 2, self.df)) * self.std_error
        reason = self.reason
        if not reason and level < 0.95:
            reason = "the t test on clusters is known to hold for levels of 95 % and above only"
        return self.estimate - half, self.estimate + half, reason


def t_test_of_clusters(estimates: ArrayLike, null: float = 0.0) -> tuple[float, float, float, float]:
    """Ibragimov and Müller (2010): mean, standard error, degrees of freedom and p-value.

    Parameters
    ----------
    estimates : array_like (q,)
        One estimate of the same effect from each cluster.
    null : float

    Raises
    ------
    EstimationError
        Fewer than 2 estimates, or one that is not finite.
    """
    values = _finite(estimates)
    q = len(values)
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(q))
    p = float(2 * distributions.t.sf(abs(mean - null) / error, q - 1)) if error > 0 else nan
    return mean, error if error > 0 else nan, float(q - 1), p


def t_test_of_two_groups(first: ArrayLike, second: ArrayLike) -> tuple[float, float, float, float]:
    """Ibragimov and Müller (2016): difference of means, standard error, df and p-value.

    The statistic is Welch's, with ``min(q1, q2) - 1`` degrees of freedom.
    """
    one, two = _finite(first), _finite(second)
    gap = float(one.mean() - two.mean())
    error = float(np.sqrt(one.var(ddof=1) / len(one) + two.var(ddof=1) / len(two)))
    df = float(min(len(one), len(two)) - 1)
    p = float(2 * distributions.t.sf(abs(gap) / error, df)) if error > 0 else nan
    return gap, error if error > 0 else nan, df, p


def ibragimov_muller(estimator: Estimator, panel: Panel, design: Design) -> ClusterTTest:
    """Ibragimov and Müller (2010, 2016): a t test on one estimate a cluster.

    Test the effect from one estimate a cluster.

    Where every cluster holds treated and never treated units the estimator is fitted in each, and the
    estimates are tested as one group (2010). Where clusters are wholly treated or wholly not, from one
    date on, the change of each cluster's mean is tested between the two groups (2016). Clusters are
    those of the design, or its units.

    Parameters
    ----------
    estimator : object with ``fit(panel, design) -> Result``
        One term. For two groups, `TwoWayFixedEffects` without options that the change of means does
        not know (covariates, weights, event study).
    panel : Panel
    design : Design

    Returns
    -------
    ClusterTTest
        Without p-value, and with its reason, for one treated cluster or staggered dates.

    Raises
    ------
    DesignError, EstimationError
        Two dimensions of clusters, clusters that cut across units, or an estimator with several terms.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoWayFixedEffects, ibragimov_muller
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table.query("first_treated == 2006 or first_treated.isna()")
    >>> panel = Panel(table, unit="state", time="year")
    >>> test = ibragimov_muller(TwoWayFixedEffects(), panel, Design("rate", "first_treated"))
    >>> print(f"{test.estimate:.3f} {test.p_value:.3f}")
    0.007 0.981
    """
    cluster, names = clusters_of_units(panel, design, "a t test on clusters")
    labels = tuple(names)
    treated = design.cohorts(panel).treated
    has_treated = np.bincount(cluster, treated, minlength=len(labels)) > 0
    has_never = np.bincount(cluster, ~treated, minlength=len(labels)) > 0
    both = has_treated & has_never
    if both.any():
        return _within(estimator, panel, design, cluster, labels, both)
    return _between(estimator, panel, design, cluster, labels, has_treated)


def _within(
    estimator: Estimator,
    panel: Panel,
    design: Design,
    cluster: NDArray[np.intp],
    labels: tuple[Any, ...],
    both: NDArray[np.bool_],
) -> ClusterTTest:
    rows, notes = [], []
    alone = replace(design, cluster=None)
    for g in np.flatnonzero(both):
        try:
            fit = estimator.fit(panel.where((cluster == g)[panel.unit_codes]), alone)
        except EvaluationError as mistake:
            notes.append(f"cluster {labels[g]} has no estimate of its own: {mistake.what}")
            continue
        rows.append({"cluster": labels[g], "treated": True, "estimate": fit.estimate})
    if not both.all():
        notes.append(
            f"{int((~both).sum())} clusters hold only treated or only untreated units and are left out "
            f"({shortlist(labels[i] for i in np.flatnonzero(~both))})"
        )
    table = pd.DataFrame(rows, columns=["cluster", "treated", "estimate"])
    name = "Ibragimov-Müller t test, one group of clusters"
    if len(table) < 2:
        why = f"{len(table)} clusters have an estimate of their own, and 2 are needed"
        return ClusterTTest(name, table, nan, nan, nan, why, tuple(notes))
    mean, error, df, _ = t_test_of_clusters(table["estimate"])
    reason = "" if np.isfinite(error) else "all clusters have the same estimate"
    return ClusterTTest(name, table, mean, error, df, reason, tuple(notes))


def _between(
    estimator: Estimator,
    panel: Panel,
    design: Design,
    cluster: NDArray[np.intp],
    labels: tuple[Any, ...],
    treated: NDArray[np.bool_],
) -> ClusterTTest:
    name = "Ibragimov-Müller t test, two groups of clusters"
    known = isinstance(estimator, TwoWayFixedEffects) and not estimator.event_study
    if not known or design.covariates or design.weights:
        raise EstimationError(
            "clusters are wholly treated or wholly untreated, so the change of their means is compared",
            expected="TwoWayFixedEffects() without event study, covariates or weights",
            fix="use a cluster that holds treated and untreated units, or one of the randomisation tests",
        )
    empty = pd.DataFrame(columns=["cluster", "treated", "estimate"])
    cohorts = design.cohorts(panel)
    if len(cohorts.values) > 1:
        why = (
            f"treatment starts at {len(cohorts.values)} dates, so untreated clusters have no single change "
            "to compare with, and differences that share them are not independent"
        )
        return ClusterTTest(name, empty, nan, nan, nan, why)
    q1, q0 = int(treated.sum()), int((~treated).sum())
    if min(q1, q0) < 2:
        few = "treated" if q1 < 2 else "untreated"
        why = f"{min(q1, q0)} {few} cluster: the spread among {few} clusters is not seen, and 2 are needed"
        return ClusterTTest(name, empty, nan, nan, nan, why)
    values = panel.matrix(design.outcome)
    after = panel.ordinals >= int(cohorts.values[0]) - design.anticipation
    change, kept = np.full(len(labels), nan), np.ones(len(labels), dtype=bool)
    for g in range(len(labels)):
        part = values[cluster == g]
        seen = np.isfinite(part)
        if not (seen[:, after].any() and seen[:, ~after].any()):
            kept[g] = False
            continue
        change[g] = np.nanmean(part[:, after]) - np.nanmean(part[:, ~after])
    notes = []
    if not kept.all():
        notes.append(
            f"clusters {shortlist(labels[i] for i in np.flatnonzero(~kept))} lack periods and are left out"
        )
    table = pd.DataFrame({"cluster": labels, "treated": treated, "estimate": change})[kept].reset_index(
        drop=True
    )
    if min(int((treated & kept).sum()), int((~treated & kept).sum())) < 2:
        return ClusterTTest(
            name, table, nan, nan, nan, "fewer than 2 clusters are left in a group", tuple(notes)
        )
    gap, error, df, _ = t_test_of_two_groups(change[treated & kept], change[~treated & kept])
    reason = "" if np.isfinite(error) else "clusters do not differ from one another"
    return ClusterTTest(name, table, gap, error, df, reason, tuple(notes))


def _finite(estimates: ArrayLike) -> FloatArray:
    values = np.asarray(estimates, dtype=float).ravel()
    if len(values) < 2:
        raise EstimationError(f"{len(values)} cluster estimates have no spread", expected="at least 2")
    if not np.isfinite(values).all():
        raise EstimationError(
            f"{int((~np.isfinite(values)).sum())} cluster estimates are not finite",
            fix="leave the clusters out and say so",
        )
    return values
