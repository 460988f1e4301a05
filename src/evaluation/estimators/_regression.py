"""Choice of arithmetic for a regression on cell terms and covariates; the numbers are the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators._covariance import needs_rows
from evaluation.estimators._sample import Sample
from evaluation.estimators._terms import Terms
from evaluation.numerics.cell_regression import CellRegression, fit_cells
from evaluation.numerics.cohorts import members_of
from evaluation.numerics.grid import Grid
from evaluation.numerics.poisson import Regress
from evaluation.numerics.row_regression import RowRegression, fit_rows

FloatArray = NDArray[np.float64]
# a matrix with more empty cells, or periods, than this costs more than the rows themselves
MOST_EMPTY, MOST_PERIODS, MOST_MOMENTS = 4, 500, 20_000_000


def use_grid(sample: Sample) -> bool:
    """Whether unit-by-period matrices are the cheaper way."""
    panel = sample.panel
    t = panel.n_periods
    return (
        t <= MOST_PERIODS
        and panel.n_units * t <= MOST_EMPTY * sample.n_rows
        and (len(sample.cohort_values) + 1) * t * t <= MOST_MOMENTS
        and not needs_rows(sample)
    )


def as_grid(sample: Sample, *columns: FloatArray) -> Grid:
    """Columns in the sample's rows (outcome first) as unit-by-period matrices."""
    shape = (sample.panel.n_units, sample.panel.n_periods)
    groups = len(sample.cohort_values) + 1
    if sample.complete:
        values = tuple(column.reshape(shape) for column in columns)
        weights = None if sample.weights is None else sample.weights.reshape(shape)
        return Grid(values, weights, sample.group, groups)
    cells = sample.unit.astype(np.int64) * shape[1] + sample.time

    def spread(column: FloatArray) -> FloatArray:
        out = np.zeros(shape[0] * shape[1])
        out[cells] = column
        return out.reshape(shape)

    if sample.weights is None:
        mask = np.zeros(shape[0] * shape[1], dtype=bool)
        mask[cells] = True
        return Grid(tuple(map(spread, columns)), mask.reshape(shape), sample.group, groups)
    return Grid(tuple(map(spread, columns)), spread(sample.weights), sample.group, groups)


def regress(sample: Sample, terms: Terms) -> CellRegression | RowRegression:
    """Outcome on terms, covariates, unit and period effects.

    Raises
    ------
    EstimationError
        Effects of a large, sparse panel did not converge.
    """
    if use_grid(sample):
        columns = [np.ascontiguousarray(column) for column in sample.covariates.T]
        return fit_cells(as_grid(sample, sample.outcome, *columns), terms.table)
    return regress_rows(sample, terms)


def regress_rows(sample: Sample, terms: Terms) -> RowRegression:
    """The same with a column a term: any panel, any cluster."""
    columns = terms.table[sample.group[sample.unit], sample.time]
    return fit_rows(
        sample.outcome,
        np.column_stack([columns, sample.covariates]),
        sample.unit,
        sample.time,
        n_units=sample.panel.n_units,
        n_periods=sample.panel.n_periods,
        weights=sample.weights,
    )


def weighted_regression(sample: Sample, terms: Terms) -> Regress:
    """The regression with other outcomes and weights, as iterations need it."""
    if not use_grid(sample):
        columns = np.column_stack([terms.table[sample.group[sample.unit], sample.time], sample.covariates])

        def by_rows(outcome: FloatArray, weights: FloatArray) -> tuple[RowRegression, FloatArray]:
            fit = fit_rows(
                outcome,
                columns,
                sample.unit,
                sample.time,
                n_units=sample.panel.n_units,
                n_periods=sample.panel.n_periods,
                weights=weights,
            )
            return fit, fit.residual

        return by_rows
    shape = (sample.panel.n_units, sample.panel.n_periods)
    cells = None if sample.complete else sample.unit.astype(np.int64) * shape[1] + sample.time
    fixed = (
        as_grid(sample, *(np.ascontiguousarray(column) for column in sample.covariates.T)).values
        if (sample.covariates.shape[1])
        else ()
    )

    def spread(column: FloatArray) -> FloatArray:
        if cells is None:
            return column.reshape(shape)
        out = np.zeros(shape[0] * shape[1])
        out[cells] = column
        return out.reshape(shape)

    members = tuple(members_of(sample.group, len(terms.table)))

    def by_cells(outcome: FloatArray, weights: FloatArray) -> tuple[CellRegression, FloatArray]:
        grid = Grid((spread(outcome), *fixed), spread(weights), sample.group, len(terms.table), members)
        fit = fit_cells(grid, terms.table)
        flat = fit.residual_matrix().reshape(-1)
        return fit, flat if cells is None else flat[cells]

    return by_cells


def not_estimable(fit: CellRegression | RowRegression, k: int) -> NDArray[np.bool_]:
    """Which of the first k terms have no meaning of their own (k,).

    Not only those that were left out as collinear: what is left out of a group becomes the reference of
    the others in it.
    """
    kept = fit.kept[:k]
    if kept.all():
        return ~kept
    if isinstance(fit, CellRegression):
        applied = fit.moments.system @ fit.regressors
        gram = np.tensordot(fit.regressors, applied, axes=([0, 1], [0, 1]))
    else:
        columns = fit.columns[:, :k]
        gram = columns.T @ (columns if fit.weights is None else columns * fit.weights[:, None])
    out = ~kept
    if kept.any():
        shares = fit.bread[:k, :k][np.ix_(kept, kept)] @ gram[np.ix_(kept, ~kept)]
        out[np.flatnonzero(kept)[(np.abs(shares) > 1e-6).any(axis=1)]] = True
    return out


def is_perfect(fit: CellRegression | RowRegression, sample: Sample) -> bool:
    """Whether what is left of the outcome is rounding error."""
    weight = sample.n_rows if sample.weights is None else float(sample.weights.sum())
    largest = max(float(sample.outcome.max()), -float(sample.outcome.min()))
    return fit.sum_of_squares <= max(fit.rounding, weight * (1e-14 * largest) ** 2)
