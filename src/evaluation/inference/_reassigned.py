"""Placebos of the two-way regression and of imputation at once, also with gaps and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.design import Design
from evaluation.estimators import ExtendedTwoWayFixedEffects, Imputation, OverallATT, TwoWayFixedEffects
from evaluation.inference._two_way_placebos import Placebos
from evaluation.inference.assignments import Assignments, IntArray
from evaluation.numerics import reassigned
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
_AGREE = 1e-7
"""Of the estimator's own number, for the assignments that are fitted as a check."""


def reassigned_placebos(estimator: Any, panel: Panel, design: Design, plan: Assignments) -> Placebos | None:
    """Terms, and functions that give estimates and slopes (m, 1) under each assignment (m, n_treated).

    None where the estimator is neither or has options of its own, where the design has anticipation
    or a window, or where the formula does not give the estimator's own number.
    """
    inner = estimator
    while isinstance(inner, OverallATT):
        inner = inner.estimator
    outcome = panel.matrix(design.outcome)
    complete = bool(np.isfinite(outcome).all())
    if inner == TwoWayFixedEffects():
        formula = reassigned.two_way
    elif not isinstance(estimator, OverallATT):
        return None
    elif inner == Imputation() or (
        complete and not design.covariates and inner == ExtendedTwoWayFixedEffects()
    ):
        formula = reassigned.imputation
    else:
        return None
    if design.anticipation or design.window:
        return None
    covariates = np.stack([panel.matrix(name) for name in design.covariates]) if design.covariates else None
    if covariates is not None:
        outcome = np.where(np.isfinite(covariates).all(axis=0), outcome, np.nan)
    weight = np.ones(len(outcome))
    if design.weights is not None:
        given = panel.matrix(design.weights)
        weight = np.nanmax(given, axis=1)
        if not (np.nanmin(given, axis=1) == weight).all():
            return None
    result = estimator.fit(panel, design)
    first = design.cohorts(panel).first
    starts = np.append(np.searchsorted(panel.ordinals, design.cohorts(panel).values), panel.n_periods)
    reached = np.arange(panel.n_periods) >= np.searchsorted(panel.ordinals, first)[:, None]
    indicator = np.where(np.isfinite(outcome), reached, np.nan)

    def of(values: FloatArray, sets: IntArray) -> FloatArray:
        paths = np.stack([plan.paths(chosen) for chosen in sets])
        return formula(values, starts[paths], weight, covariates)[:, None]

    def effect(sets: IntArray) -> FloatArray:
        return of(outcome, sets)

    def slope(sets: IntArray) -> FloatArray:
        return of(indicator, sets)

    ours = effect(plan.actual[None])[0]
    if len(result) != 1 or not np.allclose(ours, result.coef, rtol=_AGREE, atol=1e-9):
        return None
    if not np.allclose(slope(plan.actual[None]), 1, atol=1e-6):
        return None
    return result.terms, effect, slope
