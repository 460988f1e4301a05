"""The estimators of a study of many places, and one estimate without each cluster in turn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.analysis.choice import SYNTHETIC
from evaluation.analysis.staggered.case import EXPOSURE, StaggeredCase, is_poisson
from evaluation.design import Design
from evaluation.errors import EvaluationError
from evaluation.estimators import (
    ExtendedTwoWayFixedEffects,
    GroupTime,
    Imputation,
    InteractionWeighted,
    OverallATT,
    PoissonFixedEffects,
    PoissonImputation,
    Stacked,
    SyntheticControl,
    SyntheticDiD,
    TwoWayFixedEffects,
)
from evaluation.estimators.poisson_imputation import ImputedCounts
from evaluation.numerics.jackknife import degrees_of_freedom, jackknife_covariance, smaller_side
from evaluation.numerics.leave_out import WITH_GAPS, WITHOUT
from evaluation.panel import Panel
from evaluation.result import Result
from evaluation.study.staggered import Comparison, Outcome

FloatArray = NDArray[np.float64]
LINEAR = ("two_way", "imputation", "extended", "group_time", "interaction_weighted", "stacked")
COUNTS = ("extended_poisson", "poisson", *LINEAR)


def names_for(case: StaggeredCase, outcome: Outcome) -> tuple[str, ...]:
    """Estimators that an outcome is put to, the leading one first."""
    choice = case.chosen(outcome)
    every = (*(COUNTS if outcome.model == "count" else LINEAR), *choice.beside)
    return (choice.estimator, *(name for name in every if name != choice.estimator))


@dataclass(frozen=True)
class Asked:
    """An estimator with the panel and design that it is given.

    Attributes
    ----------
    name : str
    estimator : OverallATT
    panel : Panel
    design : Design
    """

    name: str
    estimator: OverallATT
    panel: Panel
    design: Design

    def fit(self) -> Result:
        """The mean effect."""
        return self.estimator.fit(self.panel, self.design)


def ask(
    case: StaggeredCase,
    outcome: Outcome,
    name: str,
    comparison: Comparison | None = None,
    **options: Any,
) -> Asked:
    """Put an estimator to an outcome.

    Parameters
    ----------
    case : StaggeredCase
    outcome : Outcome
    name : str
        An estimator, as study files name it.
    comparison : Comparison, optional
        The main one when absent.
    **options
        Of `StaggeredCase.panel`: ``dates, covariates, weights, frame``.
    """
    panel, design = case.panel(outcome, comparison, counts=is_poisson(name), **options)
    return Asked(name, OverallATT(_estimator(name, panel)), panel, _fitting(name, case, design))


def _estimator(name: str, panel: Panel) -> Any:
    exposure = EXPOSURE if EXPOSURE in panel.frame else None
    made: dict[str, Any] = {
        "poisson": PoissonFixedEffects(exposure=exposure),
        "extended_poisson": PoissonImputation(exposure=exposure),
        "two_way": TwoWayFixedEffects(),
        "imputation": Imputation(),
        "extended": ExtendedTwoWayFixedEffects(),
        "group_time": GroupTime(),
        "interaction_weighted": InteractionWeighted(),
        "stacked": Stacked(),
        "synthetic_control": SyntheticControl(variance="none"),
        "synthetic_did": SyntheticDiD(variance="none"),
    }
    return made[name]


def _fitting(name: str, case: StaggeredCase, design: Design) -> Design:
    """The design in the form that an estimator takes."""
    if name == "stacked":
        return replace(design, window=case.window())
    if name in SYNTHETIC:
        return replace(design, weights=None, covariates=())
    if name == "extended":
        return replace(design, comparison="not_yet_treated")
    return design


@dataclass(frozen=True, eq=False)
class Jackknife:
    """An estimate without each cluster in turn.

    Attributes
    ----------
    estimate : float
    without : ndarray (G,)
        NaN where there is no estimate without the cluster.
    clusters : tuple (G,)
    treated, untreated : int
        Clusters with a treated unit, and with an untreated one.
    """

    estimate: float
    without: FloatArray = field(repr=False)
    clusters: tuple[Any, ...] = field(repr=False)
    treated: int
    untreated: int

    @property
    def std_error(self) -> float:
        """Square root of the jackknife variance; NaN where it does not exist."""
        variance = jackknife_covariance(np.array([self.estimate]), self.without[:, None])[0, 0]
        return float(np.sqrt(variance)) if variance > 0 else float("nan")

    @property
    def df(self) -> int:
        """Degrees of freedom: clusters of the smaller side, less one."""
        return degrees_of_freedom(self.treated, self.untreated)

    @property
    def deviations(self) -> FloatArray:
        """What each cluster adds to the error (G,): the sum of squares is the variance."""
        g = len(self.without)
        return np.asarray(np.sqrt((g - 1) / g) * (self.without - self.estimate), dtype=float)


def jackknife(asked: Asked, result: Result | None = None) -> Jackknife:
    """Estimate again without each cluster (the unit, where the design names none)."""
    result = asked.fit() if result is None else result
    labels, codes = clusters_of(asked.panel, asked.design)
    treated = asked.design.cohorts(asked.panel).treated
    sides = smaller_side(codes, treated)
    details = result.details
    if isinstance(details, ImputedCounts):
        # units never seen before treatment were left out, and their clusters with them: nothing changes
        without = pd.Series(details.without[:, 0], index=details.clusters).reindex(labels)
        filled = without.where(without.index.isin(details.clusters), result.estimate)
        return Jackknife(result.estimate, np.asarray(filled, dtype=np.float64), tuple(labels), *sides)
    quick = _without_each(asked, codes, len(labels))
    if quick is not None:
        return Jackknife(result.estimate, quick, tuple(labels), *sides)
    values = []
    for code in range(len(labels)):
        try:
            part = _without(asked.panel, codes == code)
            values.append(asked.estimator.fit(part, asked.design).estimate)
        except EvaluationError:
            values.append(np.nan)
    return Jackknife(result.estimate, np.array(values), tuple(labels), *sides)


def _without_each(asked: Asked, codes: NDArray[np.intp], count: int) -> FloatArray | None:
    """Estimates without each cluster, all at once; None where that way is not open."""
    panel, design = asked.panel, asked.design
    if asked.name not in WITHOUT or design.covariates or design.anticipation:
        return None
    y = panel.matrix(design.outcome)
    if asked.name not in WITH_GAPS and not np.isfinite(y).all():
        return None
    if asked.name in ("group_time", "interaction_weighted") and design.comparison != "never_treated":
        return None
    weight = np.ones(len(y)) if design.weights is None else _by_unit(panel.matrix(design.weights))
    if not np.isfinite(weight).all():
        return None
    start = np.searchsorted(panel.ordinals, design.cohorts(panel).first)
    keep = (codes[None, :] != np.arange(count)[:, None]) * weight
    found = WITHOUT[asked.name](y, start, keep)
    # where periods have nobody untreated the estimators leave cells out, each in its way
    return found if np.isfinite(found).all() else None


def _by_unit(weight: FloatArray) -> FloatArray:
    """The weight of each unit (n,), whatever periods it lacks; NaN where it changes."""
    seen = np.isfinite(weight)
    first = weight[np.arange(len(weight)), seen.argmax(axis=1)]
    same = (weight == first[:, None]) | ~seen
    return np.where(same.all(axis=1), first, np.nan)


def clusters_of(panel: Panel, design: Design) -> tuple[pd.Index, NDArray[np.intp]]:
    """Labels of the clusters and the cluster of each unit (n_units,)."""
    columns = design.cluster_columns
    if not columns or columns[0] == panel.unit:
        return panel.units, np.arange(panel.n_units)
    codes, labels = panel.clusters(columns[0])
    return labels, codes


def _without(panel: Panel, gone: NDArray[np.bool_]) -> Panel:
    rows = ~gone[panel.unit_codes]
    return Panel(panel.frame[rows], unit=panel.unit, time=panel.time, frequency=panel.frequency)


def treated_sums(asked: Asked, *, by_cell: bool = False) -> tuple[FloatArray, FloatArray]:
    """Weighted sum of the outcome, and sum of weights, over each unit's treated periods (n_units,) each.

    With ``by_cell`` the outcome is replaced by the mean of the unit's cohort and period.
    """
    panel, design = asked.panel, asked.design
    first = design.cohorts(panel).first[panel.unit_codes]
    after = panel.ordinals[panel.time_codes] >= first
    weight = np.ones(panel.n_rows) if design.weights is None else panel.column(design.weights)
    value = panel.column(design.outcome)
    used = after & np.isfinite(value) & np.isfinite(weight)
    unit, value, weight = panel.unit_codes[used], value[used], weight[used]
    if by_cell:
        cell = np.unique(first[used] * panel.n_periods + panel.time_codes[used], return_inverse=True)[1]
        value = (np.bincount(cell, weight * value) / np.bincount(cell, weight))[cell]
    sums = (np.bincount(unit, part, minlength=panel.n_units) for part in (weight * value, weight))
    total, mass = (np.asarray(part, dtype=np.float64) for part in sums)
    return total, mass


def without_events(case: StaggeredCase, outcome: Outcome) -> int:
    """Treated units of the main comparison whose count is 0 in every period before treatment."""
    panel, design = case.panel(outcome, counts=True)
    cohorts = design.cohorts(panel)
    value = panel.column(design.outcome)
    start = cohorts.first[panel.unit_codes] - design.anticipation
    before = (panel.ordinals[panel.time_codes] < start) & np.isfinite(value)
    seen = np.bincount(panel.unit_codes[before], minlength=panel.n_units)
    events = np.bincount(panel.unit_codes[before], value[before], minlength=panel.n_units)
    return int((cohorts.treated & (seen > 0) & (events == 0)).sum())
