"""Placebo in space: what the estimator finds when treatment is given to other units.

With one treated unit a clustered standard error measures nothing: its only treated cluster is
fitted exactly. A randomisation test asks instead how unusual the estimate is among those that
result from every other assignment of the same treatment paths to units (Fisher 1935; Abadie,
Diamond and Hainmueller 2010, section 2.4). It is exact if the treated unit could as well have been
any of the others, and it cannot give a p-value below one over the number of assignments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import comb, inf, nan
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Cohorts, Design
from evaluation.errors import DesignError, EstimationError, shortlist
from evaluation.estimators import TwoWayFixedEffects
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]
_TIE = 1e-10


class Estimator(Protocol):
    """Anything with ``fit(panel, design) -> Result``."""

    def fit(self, panel: Panel, design: Design) -> Result:
        """Estimate the design's effect on the panel."""
        ...


@dataclass(frozen=True, eq=False)
class RandomizationTest:
    """The estimate among those of all placebo assignments.

    Attributes
    ----------
    terms : pandas.DataFrame
        Terms of the estimator (k rows).
    observed : ndarray (k,)
        Estimates under the actual assignment.
    placebo : ndarray (n_assignments - 1, k)
        Estimates under the others; with sampling, under the draws.
    labels : tuple
        With one treated unit: the placebo unit of each row. Else empty.
    slope : ndarray (n_assignments - 1, k) or None
        What each placebo estimate gains for a true effect of one; None where the estimator is
        not known to be linear.
    exact : bool
        Whether every assignment was enumerated.
    """

    terms: pd.DataFrame
    observed: FloatArray
    placebo: FloatArray = field(repr=False)
    labels: tuple[Any, ...] = field(repr=False)
    slope: FloatArray | None = field(repr=False)
    exact: bool

    @property
    def n_assignments(self) -> int:
        """Assignments compared, the actual one included."""
        return len(self.placebo) + 1

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that this test can give."""
        return 1 / self.n_assignments

    @property
    def estimate(self) -> float:
        """Estimate of a one-term test."""
        return float(self.observed[self._one])

    @property
    def p_value(self) -> float:
        """Two-sided p-value of a one-term test."""
        return float(self.p_values[self._one])

    @property
    def p_values(self) -> FloatArray:
        """Two-sided p-value of each term (k,): share of assignments at least as far from zero."""
        reach = np.abs(self.observed) * (1 - _TIE)
        extreme = (np.abs(self.placebo) >= reach).sum(axis=0)
        p = (1 + extreme) / self.n_assignments
        return np.where(np.isfinite(self.observed), p, nan)

    def interval(self, level: float = 0.95) -> tuple[float, float, str]:
        """Effects that the test does not reject, for a constant effect.

        Subtracting an effect tau from treated cells moves the estimate by tau and every placebo
        estimate by tau times its slope, so the set is found without refitting.

        Parameters
        ----------
        level : float

        Returns
        -------
        low, high : float
            NaN when no bounded interval exists.
        reason : str
            Why it is absent, else empty.
        """
        column = self._one
        if self.slope is None:
            return nan, nan, "the estimator is not known to be linear in the outcome"
        needed = int(np.floor((1 - level) * self.n_assignments + 1e-9))
        # p(tau) > 1 - level needs at least this many other assignments as extreme
        if needed < 1:
            return (
                nan,
                nan,
                f"{self.n_assignments} assignments give no p-value below {self.smallest_p:.3f}, "
                f"so no {level:.0%} interval exists",
            )
        a0, a, b = self.observed[column], self.placebo[:, column], self.slope[:, column]
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.stack([(a0 - a) / (1 - b), (a0 + a) / (1 + b)])
        low, high = ends.min(axis=0), ends.max(axis=0)
        # a placebo that moves one for one with the effect is always as extreme, or never
        same = np.abs(b) >= 1 - 1e-12
        low, high = np.where(same, -inf, low), np.where(same, inf, high)
        bounds = float(np.sort(low)[needed - 1]), float(np.sort(high)[::-1][needed - 1])
        if not np.isfinite(bounds).all():
            return nan, nan, "the set of effects not rejected is unbounded"
        return *bounds, ""

    def critical_value(self, alpha: float = 0.05) -> float | None:
        """The smallest absolute estimate whose p-value would be at most ``alpha``; None if none is.

        The placebo estimates are held as they are, so for one treated unit of few the value is
        approximate: an effect also moves the mean that the placebo units are compared with.
        """
        allowed = int(np.floor(alpha * self.n_assignments + 1e-9)) - 1
        if allowed < 0:
            return None
        far = np.sort(np.abs(self.placebo[:, self._one]))[::-1]
        return float(np.nextafter(far[allowed], inf)) if allowed < len(far) else 0.0

    @property
    def widest_level(self) -> float:
        """The highest level at which `interval` is bounded, just below 1 - 1/assignments."""
        return 1 - self.smallest_p

    @property
    def _one(self) -> int:
        if self.placebo.shape[1] != 1:
            raise EstimationError(
                f"the test has {self.placebo.shape[1]} terms: {shortlist(self.terms['term'])}",
                expected="a one-term estimator",
                fix="read .p_values and .placebo, one column a term",
            )
        return 0


def randomization_test(
    estimator: Estimator,
    panel: Panel,
    design: Design,
    *,
    draws: int = 9_999,
    seed: int | np.random.Generator | None = None,
) -> RandomizationTest:
    """Compare the estimate with those of every other assignment of treatment to units.

    The treatment paths that occur are permuted over the units, the treated unit serving as a
    comparison for the others. All assignments are enumerated when there are at most ``draws``;
    else ``draws`` are sampled.

    Parameters
    ----------
    estimator : object with ``fit(panel, design) -> Result``
    panel : Panel
        The treated units and the donor pool.
    design : Design
    draws : int
        Most assignments to look at.
    seed : int or numpy.random.Generator, optional
        Needed when assignments are sampled.

    Returns
    -------
    RandomizationTest

    Raises
    ------
    DesignError
        No donor is left, or a seed is needed.
    """
    cohorts = design.cohorts(panel)
    n_treated = int(cohorts.treated.sum())
    if n_treated == panel.n_units:
        raise DesignError(
            "no donor is left: every unit of the panel is treated",
            expected="units that are never treated",
            fix="add units to the donor pool",
        )
    assignments, exact = _assignments(cohorts, draws, seed)
    labels = tuple(panel.units[assignments.argmax(axis=1)]) if n_treated == 1 else ()
    fast = _linear(estimator, panel, design, cohorts)
    if fast is not None:
        terms, effect, slope = fast
        observed = effect(np.arange(panel.n_units)[None])[0]
        order = _permutations(assignments, cohorts)
        placebo, slopes = effect(order), slope(order)
        return RandomizationTest(terms, observed, placebo, labels, slopes, exact)
    result = estimator.fit(panel, design)
    rows = list(_refits(estimator, panel, design, cohorts, _permutations(assignments, cohorts)))
    placebo = np.array([row.coef for row in rows]).reshape(len(rows), len(result))
    return RandomizationTest(result.terms, np.array(result.coef), placebo, labels, None, exact)


def _assignments(
    cohorts: Cohorts, draws: int, seed: int | np.random.Generator | None
) -> tuple[NDArray[np.int64], bool]:
    """Other assignments (m, n_units): 0 for never treated, else 1 + cohort."""
    n = len(cohorts.first)
    code = np.searchsorted(cohorts.values, cohorts.first) + 1
    code[~cohorts.treated] = 0
    treated = int(cohorts.treated.sum())
    one_cohort = len(cohorts.values) == 1
    if one_cohort and treated == 1:
        donors = np.flatnonzero(~cohorts.treated)
        out = np.zeros((len(donors), n), dtype=np.int64)
        out[np.arange(len(donors)), donors] = 1
        return out, True
    if one_cohort and comb(n, treated) <= draws + 1:
        from itertools import combinations

        sets = np.array(list(combinations(range(n), treated)))
        out = np.zeros((len(sets), n), dtype=np.int64)
        out[np.arange(len(sets))[:, None], sets] = 1
        return out[(out != code).any(axis=1)], True
    if seed is None:
        raise DesignError(
            "the assignments are too many to enumerate and no seed is given",
            where=f"{treated} of {n} units treated in {len(cohorts.values)} cohorts",
            fix="pass seed=...",
        )
    generator = np.random.default_rng(seed)
    return generator.permuted(np.tile(code, (draws, 1)), axis=1), False


def _permutations(assignments: NDArray[np.int64], cohorts: Cohorts) -> NDArray[np.int64]:
    """For each assignment the unit whose treatment path each unit takes, shape (m, n_units)."""
    code = np.searchsorted(cohorts.values, cohorts.first) + 1
    code[~cohorts.treated] = 0
    sources = np.array(
        [np.flatnonzero(code == c)[0] if (code == c).any() else 0 for c in range(code.max() + 1)]
    )
    return sources[assignments]


def _linear(
    estimator: Estimator, panel: Panel, design: Design, cohorts: Cohorts
) -> tuple[pd.DataFrame, Any, Any] | None:
    """All placebos in one product, where the estimator is a known linear map of the outcome."""
    if not isinstance(estimator, TwoWayFixedEffects) or not panel.is_balanced:
        return None
    if design.covariates or design.weights or design.anticipation or design.window:
        return None
    outcome = panel.matrix(design.outcome)
    if np.isnan(outcome).any():
        return None
    reference = estimator.reference if isinstance(estimator.reference, int) else -1
    if estimator.event_study and (len(cohorts.values) > 1 or isinstance(estimator.reference, tuple)):
        return None
    result = estimator.fit(panel, design)
    after = panel.ordinals[None, :] >= cohorts.first[:, None]
    if not estimator.event_study:
        paths = _demean(after.astype(float))
        scale = float((paths**2).sum())
        # unit i under the path of unit j: a sum over units of score[i, j]
        sources, path_of = np.unique(cohorts.first, return_inverse=True)
        distinct = np.stack([paths[np.flatnonzero(path_of == k)[0]] for k in range(len(sources))])
        own = outcome @ distinct.T / scale
        ours = after.astype(float) @ distinct.T / scale

        def static(score: FloatArray, order: NDArray[np.int64]) -> FloatArray:
            out: FloatArray = score[np.arange(len(score)), path_of[order]].sum(axis=1)[:, None]
            return out

        return result.terms, lambda o: static(own, o), lambda o: static(ours, o)
    events = result.terms["event_time"].to_numpy(dtype=float)
    columns = np.searchsorted(panel.ordinals, events.astype(np.int64) + int(cohorts.values[0]))
    base = int(np.searchsorted(panel.ordinals, int(cohorts.values[0]) + reference))
    centred = outcome - outcome.mean(axis=0)
    change = centred[:, columns] - centred[:, [base]]
    treated = cohorts.treated

    def path(order: NDArray[np.int64]) -> FloatArray:
        chosen = treated[order].astype(float)
        return chosen @ change / (chosen.sum(axis=1, keepdims=True) * (1 - treated.mean()))

    observed = path(np.arange(panel.n_units)[None])[0]
    if not np.allclose(observed, result.coef, rtol=1e-8, atol=1e-8):
        return None
    return result.terms, path, lambda o: None


def _demean(values: FloatArray) -> FloatArray:
    out: FloatArray = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    return out


def _refits(
    estimator: Estimator, panel: Panel, design: Design, cohorts: Cohorts, order: NDArray[np.int64]
) -> Iterator[Result]:
    column = panel.frame[design.first_treated].to_numpy()
    first_row = np.zeros(panel.n_units, dtype=np.int64)
    first_row[panel.unit_codes[::-1]] = np.arange(panel.n_rows)[::-1]
    by_unit = column[first_row]
    for source in order:
        values = pd.Series(by_unit[source][panel.unit_codes], index=panel.frame.index)
        frame = panel.frame.assign(**{design.first_treated: values})
        yield estimator.fit(Panel(frame, unit=panel.unit, time=panel.time, frequency=panel.frequency), design)
