"""All placebos of the two-way regression in one product, because it is linear in the outcome."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Cohorts, Design
from evaluation.estimators import OverallATT, TwoWayFixedEffects
from evaluation.inference.assignments import Assignments, IntArray
from evaluation.numerics.covariance import cluster_sums
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]


Placebos = tuple[pd.DataFrame, Callable[[IntArray], FloatArray], Callable[[IntArray], FloatArray | None]]


def two_way_placebos(estimator: Any, panel: Panel, design: Design, plan: Assignments) -> Placebos | None:
    """Terms, and functions that give estimates and slopes (m, k) under each assignment (m, n_treated).

    None where the estimator is not a plain two-way regression of a complete panel.
    """
    inner = estimator.estimator if isinstance(estimator, OverallATT) else estimator
    if not isinstance(inner, TwoWayFixedEffects) or not panel.is_balanced:
        return None
    if design.covariates or design.weights or design.anticipation or design.window:
        return None
    outcome = panel.matrix(design.outcome)
    if np.isnan(outcome).any():
        return None
    cohorts = design.cohorts(panel)
    if inner.event_study and (len(cohorts.values) > 1 or isinstance(inner.reference, tuple)):
        return None
    result = estimator.fit(panel, design)
    if inner.event_study:
        path = _event_study(inner, panel, plan, cohorts, outcome, result)
        observed = path(plan.actual[None])[0]
        if not np.allclose(observed, result.coef, rtol=1e-8, atol=1e-8):
            return None
        return result.terms, path, lambda sets: None
    indicator = (panel.ordinals[None, :] >= cohorts.first[:, None]).astype(float)
    static = partial(_static, plan, panel.ordinals[None, :] >= cohorts.values[:, None])
    return result.terms, lambda sets: static(outcome, sets), lambda sets: static(indicator, sets)


def _static(plan: Assignments, paths: NDArray[np.bool_], values: FloatArray, sets: IntArray) -> FloatArray:
    """Two-way coefficients of ``values`` (n, T) on treatment under each assignment (m, 1).

    With paths p_c less their means over periods, and N_c units in cohort c, the coefficient of y on treatment
    beside both effects is ``sum_i p_c(i)'(y_i - mean y) / (sum_c N_c p_c'p_c - |sum_c N_c p_c|^2 / n)``.
    """
    p = paths - paths.mean(axis=1, keepdims=True)
    score = cluster_sums((values - values.mean(axis=0)) @ p.T, plan.item, len(plan.path))
    total = np.zeros(len(sets))
    units = np.zeros((len(sets), len(p)))
    for k, c in enumerate(plan.cohort):
        total += score[:, c][sets[:, k]]
        units[:, c] += plan.size[sets[:, k]]
    gram = p @ p.T
    square = units @ np.diag(gram) - ((units @ gram) * units).sum(axis=1) / len(values)
    return (total / square)[:, None]


def _event_study(
    estimator: TwoWayFixedEffects,
    panel: Panel,
    plan: Assignments,
    cohorts: Cohorts,
    outcome: FloatArray,
    result: Result,
) -> Callable[[IntArray], FloatArray]:
    """Event-study coefficients of one cohort under each assignment: changes of means from the reference."""
    reference = estimator.reference if isinstance(estimator.reference, int) else -1
    events = result.terms["event_time"].to_numpy(dtype=float)
    columns = np.searchsorted(panel.ordinals, events.astype(np.int64) + int(cohorts.values[0]))
    base = int(np.searchsorted(panel.ordinals, int(cohorts.values[0]) + reference))
    centred = outcome - outcome.mean(axis=0)
    change = cluster_sums(centred[:, columns] - centred[:, [base]], plan.item, len(plan.path))

    def path(sets: IntArray) -> FloatArray:
        total = np.zeros((len(sets), change.shape[1]))
        units = np.zeros(len(sets))
        for k in range(sets.shape[1]):
            total += change[sets[:, k]]
            units += plan.size[sets[:, k]]
        return total / (units * (1 - units / len(outcome)))[:, None]

    return path
