"""Unit and period effects on part of a matrix with gaps, exactly and by blocks of units.

Unit effects are eliminated unit by unit, which leaves normal equations the size of the periods.
Period effects are common to a group of cohorts: all of them (imputation), or each cohort has its own
(a saturated event study). Covariates are partialled out of the same equations
(Frisch and Waugh 1933).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from evaluation.numerics.cohorts import blocks
from evaluation.numerics.least_squares import solve_normal

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class MaskedPanel:
    """Outcome and covariates by unit and period, and the observations that the effects are fitted on.

    Attributes
    ----------
    members : sequence of ndarray of int
        Rows of each cohort.
    variables : sequence of ndarray (n, T)
        Outcome first; NaN where not observed (in the outcome).
    allowed : ndarray of bool (C, T)
        Periods that the effects are fitted on, by cohort.
    weights : ndarray (n,), optional
    """

    members: Sequence[IntArray]
    variables: Sequence[FloatArray]
    allowed: NDArray[np.bool_]
    weights: FloatArray | None

    @cached_property
    def _arranged(self) -> tuple[NDArray[np.intp], FloatArray, NDArray[np.bool_]]:
        """Place of each unit in the order of cohorts, and in that order variables and where they are seen.

        Every pass reads the same blocks of units, so gaps are found and filled once.
        """
        order = np.concatenate(self.members)
        place = np.full(len(self.variables[0]), -1, dtype=np.intp)
        place[order] = np.arange(len(order))
        values = np.empty((len(self.variables), len(order), self.allowed.shape[1]))
        for j, variable in enumerate(self.variables):
            np.take(variable, order, axis=0, out=values[j], mode="clip")
        absent = np.isnan(values[0])
        for each in values:
            np.copyto(each, 0.0, where=absent)
        return place, values, ~absent

    def block(self, rows: IntArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Variables (1 + q, rows, T) with 0 for missing, and where they are observed (rows, T).

        Views, not to be written to, where ``rows`` are neighbours in one of ``members``.
        """
        place, values, seen = self._arranged
        at = place[rows]
        if (at[1:] - at[:-1] == 1).all():
            here = slice(at[0], at[-1] + 1) if len(at) else slice(0, 0)
            return values[:, here], seen[here]
        return values[:, at], seen[at]

    def weight(self, rows: IntArray) -> FloatArray:
        """Sampling weight of units (len(rows),), one where there are none."""
        return np.ones(len(rows)) if self.weights is None else self.weights[rows]


@dataclass(frozen=True, eq=False)
class EffectsFit:
    """Fitted period effects and slopes.

    Attributes
    ----------
    group : ndarray of int (C,)
        Group of each cohort.
    inverse : ndarray (groups, T, T)
        Generalised inverse of the normal equations, one period in each connected part at 0.
    part : ndarray of int (groups, T)
        Connected part of each period, -1 where it is not observed.
    path : ndarray (groups, 1 + q, T)
        Period effects of outcome and covariates, before slopes.
    beta : ndarray (q,)
        Slopes, 0 for covariates that are collinear.
    kept : ndarray of bool (q,)
    hessian_inverse : ndarray (q, q)
    """

    group: IntArray
    inverse: FloatArray
    part: NDArray[np.intp]
    path: FloatArray
    beta: FloatArray
    kept: NDArray[np.bool_]
    hessian_inverse: FloatArray

    @property
    def outcome_path(self) -> FloatArray:
        """Period effects of the outcome net of slopes (groups, T)."""
        return self.path[:, 0] - np.einsum("q,gqt->gt", self.beta, self.path[:, 1:])

    def residuals(self, values: FloatArray, mask: NDArray[np.bool_], c: int) -> FloatArray:
        """Variables less unit means over ``mask`` and period effects, everywhere, shape (1 + q, rows, T)."""
        out = values - self.path[self.group[c]][:, None, :]
        seen = mask.astype(float)
        # products are much faster than sums over a short axis
        out -= ((out * seen) @ np.ones(seen.shape[1]) / _count(seen))[:, :, None]
        return out

    def net(self, residuals: FloatArray) -> FloatArray:
        """Outcome residuals net of the slopes (rows, T)."""
        if len(self.beta) == 0:
            return residuals[0]
        return np.asarray(residuals[0] - np.tensordot(self.beta, residuals[1:], axes=1))


def fit_effects(panel: MaskedPanel, group: IntArray) -> EffectsFit:
    """Least squares on unit effects, period effects by group, and covariates.

    Parameters
    ----------
    panel : MaskedPanel
    group : ndarray of int (C,)
        Cohorts with the same number share their period effects.
    """
    n_groups, n_periods = int(group.max()) + 1, panel.allowed.shape[1]
    q = len(panel.variables) - 1
    system = np.zeros((n_groups, n_periods, n_periods))
    right = np.zeros((n_groups, n_periods, 1 + q))
    ones = np.ones(n_periods)

    def first(values: FloatArray, mask: NDArray[np.bool_], w: FloatArray, c: int) -> None:
        seen = mask.astype(float)
        count = _count(seen)
        scale = w / count
        system[group[c]] -= (seen * scale[:, None]).T @ seen
        np.fill_diagonal(system[group[c]], np.diag(system[group[c]]) + w @ seen)
        for j, variable in enumerate(values):
            inside = variable * seen
            right[group[c], :, j] += w @ inside - (scale * (inside @ ones)) @ seen

    _each_block(panel, first)
    inverse = np.zeros_like(system)
    part = np.full((n_groups, n_periods), -1, dtype=np.intp)
    path = np.zeros((n_groups, 1 + q, n_periods))
    for g in range(n_groups):
        inverse[g], part[g] = invert_periods(system[g])
        path[g] = (inverse[g] @ right[g]).T
    draft = EffectsFit(group, inverse, part, path, np.zeros(q), np.ones(q, dtype=bool), np.zeros((q, q)))
    if q == 0:
        return draft
    gram = np.zeros((1 + q, 1 + q))
    size = np.zeros(1 + q)
    total, mass = np.zeros(1 + q), 0.0

    def second(values: FloatArray, mask: NDArray[np.bool_], w: FloatArray, c: int) -> None:
        nonlocal mass
        inner = (draft.residuals(values, mask, c) * mask).reshape(1 + q, -1)
        spread = np.broadcast_to(w[:, None], mask.shape).reshape(-1)
        gram[:] += (inner * spread) @ inner.T
        flat = (values * mask).reshape(1 + q, -1)
        size[:] += (flat * flat) @ spread
        total[:] += flat @ spread
        mass += float((mask * w[:, None]).sum())

    _each_block(panel, second)
    scale = size - total**2 / max(mass, 1e-300)
    solution = solve_normal(gram[1:, 1:], gram[1:, 0], scale[1:])
    return EffectsFit(group, inverse, part, path, solution.coef, solution.kept, solution.bread)


def score_vectors(
    panel: MaskedPanel, fit: EffectsFit, centre: FloatArray | None = None
) -> Callable[[IntArray, int], FloatArray]:
    """``(w, w e, w sum_t x e)`` of units, shape (rows, 1 + T + q).

    On the observations that effects are fitted on, e is the residual and x the covariate residual;
    on the others e is the imputed effect less ``centre`` (C, T), or 0 without one or where that is NaN.
    """
    n_periods = panel.allowed.shape[1]

    def vectors(rows: IntArray, c: int) -> FloatArray:
        values, seen = panel.block(rows)
        mask = seen & panel.allowed[c]
        residuals = fit.residuals(values, mask, c)
        e = fit.net(residuals)
        out = np.zeros((len(rows), 1 + n_periods + len(fit.beta)))
        out[:, 0] = 1.0
        if len(fit.beta):
            out[:, 1 + n_periods :] = np.einsum("jit,it->ij", residuals[1:], e * mask)
        entered = mask
        if centre is not None:
            other = imputable(fit, mask, seen, c) & ~np.isnan(centre[c])
            # cells are wholly inside or outside the mask, so a column is centred as one
            e = e - np.where(panel.allowed[c], 0.0, np.nan_to_num(centre[c]))
            entered = mask | other
        np.multiply(e, entered, out=out[:, 1 : 1 + n_periods])
        return out if panel.weights is None else out * panel.weights[rows, None]

    return vectors


def imputable(fit: EffectsFit, mask: NDArray[np.bool_], seen: NDArray[np.bool_], c: int) -> NDArray[np.bool_]:
    """Observations outside the mask whose unit and period effects are both known (rows, T)."""
    part = fit.part[fit.group[c]]
    first = np.argmax(mask, axis=1)
    known = mask[np.arange(len(mask)), first][:, None]
    outside = (seen & ~mask) & known
    if (part == part[0]).all():
        return outside
    # all masked observations of a unit are in one part
    return outside & np.equal(part[None, :], part[first][:, None])


def _count(seen: FloatArray) -> FloatArray:
    """Observations of each unit, at least 1; a product is much faster than a sum over a short axis."""
    return np.maximum(seen @ np.ones(seen.shape[1]), 1.0)


def _each_block(
    panel: MaskedPanel, visit: Callable[[FloatArray, NDArray[np.bool_], FloatArray, int], None]
) -> None:
    for c, rows in enumerate(panel.members):
        for part in blocks(rows):
            values, seen = panel.block(part)
            visit(values, seen & panel.allowed[c], panel.weight(part), c)


def invert_periods(system: FloatArray) -> tuple[FloatArray, NDArray[np.intp]]:
    """Inverse with the first period of each connected part at 0, and the parts."""
    diagonal = np.diag(system)
    scale = float(diagonal.max(initial=0.0))
    # a period seen only by units that are seen once links to nothing, and is known to nobody else
    linked: NDArray[np.bool_] = np.abs(system) > 1e-12 * max(scale, 1e-300)
    _, labels = csgraph.connected_components(sparse.csr_array(linked), directed=False)
    part = np.asarray(np.where(diagonal > 1e-12 * max(scale, 1e-300), labels, -1), dtype=np.intp)
    inverse = np.zeros_like(system)
    free: NDArray[np.bool_] = np.asarray(part >= 0)
    free[[np.flatnonzero(part == p)[0] for p in np.unique(part[part >= 0])]] = False
    if free.any():
        index = np.ix_(free, free)
        inverse[index] = np.linalg.inv(system[index])
    return inverse, part
