"""Placebo in space: what the estimator finds when treatment is given to other units.

With one treated unit a clustered standard error measures nothing: its only treated cluster is
fitted exactly. A randomisation test asks instead how unusual the estimate is among those that
result from every other assignment of the same treatment paths to units (Fisher 1935; Abadie,
Diamond and Hainmueller 2010, section 2.4). It is exact if the treated unit could as well have been
any of the others, and it cannot give a p-value below one over the number of assignments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from math import comb, inf, nan
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Cohorts, Design
from evaluation.errors import DesignError, EstimationError, shortlist
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference.placebo import is_synthetic, synthetic_test
from evaluation.numerics.chunks import each
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]
_TIE = 1e-10
_FITS_AT_ONCE = 16


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
    misfit : ndarray (n_assignments,) or None
        Of synthetic methods with one cohort: root mean squared gap before treatment under each
        assignment, the actual one first, in units of the outcome.
    notes : tuple of str
        What a reader must know.
    """

    terms: pd.DataFrame
    observed: FloatArray
    placebo: FloatArray = field(repr=False)
    labels: tuple[Any, ...] = field(repr=False)
    slope: FloatArray | None = field(repr=False)
    exact: bool
    misfit: FloatArray | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

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
    statistic: Literal["estimate", "rmspe_ratio"] = "estimate",
    treated_as_donor: bool = True,
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
    statistic : {"estimate", "rmspe_ratio"}
        The ratio of the gap after treatment to that before, for synthetic methods with one cohort.
    treated_as_donor : bool
        Whether treated units are donors of the placebos; synthetic methods only. Without, as
        Abadie, Diamond and Hainmueller (2010) do, an effect does not reach the placebos, but the
        test is no longer exact.

    Returns
    -------
    RandomizationTest

    Raises
    ------
    DesignError
        No donor is left, or a seed is needed.
    EstimationError
        An option of synthetic methods for another estimator.
    """
    if is_synthetic(estimator) and not design.covariates:
        return RandomizationTest(
            *synthetic_test(
                estimator,
                panel,
                design,
                statistic=statistic,
                treated_as_donor=treated_as_donor,
                draws=draws,
                seed=seed,
                choose=lambda among: _sets(among, draws, seed),
            )
        )
    if statistic != "estimate" or not treated_as_donor:
        raise EstimationError(
            "statistic and treated_as_donor are options of synthetic methods without covariates",
            where=type(estimator).__name__,
            fix="leave them out, or use SyntheticControl or SyntheticDiD",
        )
    cohorts = design.cohorts(panel)
    n_treated = int(cohorts.treated.sum())
    if n_treated == panel.n_units:
        raise DesignError(
            "no donor is left: every unit of the panel is treated",
            expected="units that are never treated",
            fix="add units to the donor pool",
        )
    sets, exact = _sets(cohorts, draws, seed)
    labels = tuple(panel.units[sets[:, 0]]) if n_treated == 1 else ()
    fast = _linear(estimator, panel, design, cohorts)
    if fast is not None:
        terms, effect, slope = fast
        observed = effect(_actual(cohorts)[None])[0]
        return RandomizationTest(terms, observed, effect(sets), labels, slope(sets), exact)
    result = estimator.fit(panel, design)
    rows = _refits(estimator, panel, design, _paths(sets, cohorts))
    placebo = np.array(rows).reshape(len(rows), len(result))
    return RandomizationTest(result.terms, np.array(result.coef), placebo, labels, None, exact)


def _cohort_of(cohorts: Cohorts) -> NDArray[np.intp]:
    """Cohort of each treated unit, cohort by cohort (n_treated,)."""
    codes = np.searchsorted(cohorts.values, cohorts.first[cohorts.treated])
    return np.sort(codes)


def _actual(cohorts: Cohorts) -> NDArray[np.intp]:
    """Treated units, cohort by cohort (n_treated,)."""
    units = np.flatnonzero(cohorts.treated)
    return units[np.argsort(cohorts.first[units], kind="stable")]


def _sets(
    cohorts: Cohorts, draws: int, seed: int | np.random.Generator | None
) -> tuple[NDArray[np.integer], bool]:
    """Units treated under other assignments (m, n_treated), in the order of `_cohort_of`."""
    n, treated = len(cohorts.first), int(cohorts.treated.sum())
    actual = _actual(cohorts)
    if len(cohorts.values) == 1 and comb(n, treated) <= max(draws + 1, n if treated == 1 else 0):
        every = np.array(list(combinations(range(n), treated)))
        return every[(every != actual).any(axis=1)], True
    if seed is None:
        raise DesignError(
            "the assignments are too many to enumerate and no seed is given",
            where=f"{treated} of {n} units treated in {len(cohorts.values)} cohorts",
            fix="pass seed=...",
        )
    return _draw_sets(n, treated, draws, np.random.default_rng(seed)), False


def _draw_sets(n: int, size: int, draws: int, generator: np.random.Generator) -> NDArray[np.integer]:
    """Ordered sets of units drawn without replacement (draws, size): a shuffle that stops early."""
    pool = np.empty((n, draws), dtype=np.int16 if n <= 2**15 else np.int64)
    pool[:] = np.arange(n)[:, None]
    column = np.arange(draws)
    for k in range(size):
        other = generator.integers(k, n, size=draws)
        chosen = pool[other, column]
        pool[other, column] = pool[k]
        pool[k] = chosen
    return pool[:size].T


def _paths(sets: NDArray[np.integer], cohorts: Cohorts) -> NDArray[np.intp]:
    """For each assignment the unit whose treatment path each unit takes (m, n_units)."""
    out = np.full((len(sets), len(cohorts.first)), np.flatnonzero(~cohorts.treated)[0])
    first_of = np.array([np.flatnonzero(cohorts.first == value)[0] for value in cohorts.values])
    out[np.arange(len(sets))[:, None], sets] = first_of[_cohort_of(cohorts)]
    return out


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
        # unit i under path c adds score[i, c]; all but the treated follow the path of the never treated
        never = paths[np.flatnonzero(~cohorts.treated)[0]]
        own_path = [paths[np.flatnonzero(cohorts.first == value)[0]] - never for value in cohorts.values]
        gain = np.stack(own_path, axis=1) / scale
        cohort = _cohort_of(cohorts)

        def static(values: FloatArray, sets: NDArray[np.integer]) -> FloatArray:
            score = values @ gain
            total = np.full(len(sets), float(values.sum(axis=0) @ never) / scale)
            for k, c in enumerate(cohort):
                total += score[:, c][sets[:, k]]
            return total[:, None]

        indicator = after.astype(float)
        return result.terms, lambda sets: static(outcome, sets), lambda sets: static(indicator, sets)
    events = result.terms["event_time"].to_numpy(dtype=float)
    columns = np.searchsorted(panel.ordinals, events.astype(np.int64) + int(cohorts.values[0]))
    base = int(np.searchsorted(panel.ordinals, int(cohorts.values[0]) + reference))
    centred = outcome - outcome.mean(axis=0)
    change = centred[:, columns] - centred[:, [base]]
    size, share = int(cohorts.treated.sum()), float(cohorts.treated.mean())

    def path(sets: NDArray[np.integer]) -> FloatArray:
        total = np.zeros((len(sets), change.shape[1]))
        for k in range(size):
            total += change[sets[:, k]]
        return total / (size * (1 - share))

    observed = path(_actual(cohorts)[None])[0]
    if not np.allclose(observed, result.coef, rtol=1e-8, atol=1e-8):
        return None
    return result.terms, path, lambda sets: None


def _demean(values: FloatArray) -> FloatArray:
    out: FloatArray = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    return out


def _refits(
    estimator: Estimator, panel: Panel, design: Design, order: NDArray[np.intp]
) -> list[NDArray[np.float64]]:
    """Coefficients under each assignment (k,), a few at a time by whoever does the work."""
    column = panel.frame[design.first_treated].to_numpy()
    first_row = np.zeros(panel.n_units, dtype=np.int64)
    first_row[panel.unit_codes[::-1]] = np.arange(panel.n_rows)[::-1]
    return each(
        partial(_refit, estimator, panel, design, column[first_row]), list(order), chunk=_FITS_AT_ONCE
    )


def _refit(
    estimator: Estimator, panel: Panel, design: Design, by_unit: NDArray[Any], source: NDArray[np.intp]
) -> NDArray[np.float64]:
    values = pd.Series(by_unit[source][panel.unit_codes], index=panel.frame.index)
    frame = panel.frame.assign(**{design.first_treated: values})
    other = Panel(frame, unit=panel.unit, time=panel.time, frequency=panel.frequency)
    return np.array(estimator.fit(other, design).coef)
