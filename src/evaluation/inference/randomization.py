"""Placebo in space: what the estimator finds when treatment is given to other units.

With one treated unit a clustered standard error measures nothing: its only treated cluster is
fitted exactly. A randomisation test asks instead how unusual the estimate is among those that
result from every other assignment of the same treatment paths to units (Fisher 1935; Abadie,
Diamond and Hainmueller 2010, section 2.4). It is exact if the treated unit could as well have been
any of the others, and it cannot give a p-value below one over the number of assignments. What is
permuted is what was assigned: clusters, where the design has them (`assignments`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from math import inf, nan
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Design
from evaluation.display import Displayed
from evaluation.errors import EstimationError, shortlist
from evaluation.estimators import OverallATT, is_linear
from evaluation.inference._inversion import not_rejected
from evaluation.inference._noise import noise_note
from evaluation.inference._reassigned import reassigned_placebos
from evaluation.inference._two_way_placebos import two_way_placebos
from evaluation.inference.assignments import Assignments, IntArray, assignments
from evaluation.inference.base import WithInterval
from evaluation.inference.placebo import is_synthetic, synthetic_test
from evaluation.numerics.chunks import each
from evaluation.numerics.ranks import as_far
from evaluation.panel import Panel
from evaluation.result import Result
from evaluation.result_parts import check_level

FloatArray = NDArray[np.float64]
_FITS_AT_ONCE = 16


class Estimator(Protocol):
    """Anything with ``fit(panel, design) -> Result``."""

    def fit(self, panel: Panel, design: Design) -> Result:
        """Estimate the design's effect on the panel."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class RandomizationTest(WithInterval, Displayed):
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
        With one treated unit or cluster: the placebo unit or cluster of each row. Else empty.
    slope : ndarray (n_assignments - 1, k) or None
        What each placebo estimate gains for a true effect of one; None where that is not known.
    exact : bool
        Whether every assignment was enumerated.
    misfit : ndarray (n_assignments,) or None
        Of synthetic methods with one cohort: root mean squared gap before treatment under each
        assignment, the actual one first, in units of the outcome.
    notes : tuple of str
        What a reader must know.
    no_slope : str
        Why there are no slopes.
    """

    terms: pd.DataFrame
    observed: FloatArray
    placebo: FloatArray = field(repr=False)
    labels: tuple[Any, ...] = field(repr=False)
    slope: FloatArray | None = field(repr=False)
    exact: bool
    misfit: FloatArray | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    no_slope: str = "what an effect adds to the placebo estimates is not known"

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
    def n_as_extreme(self) -> int | None:
        """Other assignments whose estimate is at least as far from zero, of a one-term test.

        None where the estimate is NaN.
        """
        one = self._one
        return int(self._others_as_far[one]) if np.isfinite(self.observed[one]) else None

    @property
    def _others_as_far(self) -> IntArray:
        return np.asarray(as_far(np.abs(self.placebo), np.abs(self.observed)).sum(axis=0))

    @property
    def p_values(self) -> FloatArray:
        """Two-sided p-value of each term (k,): share of assignments at least as far from zero."""
        p = (1 + self._others_as_far) / self.n_assignments
        return np.where(np.isfinite(self.observed), p, nan)

    @property
    def reason(self) -> str:
        """Why a one-term test has no bounded 95 % interval, else empty."""
        return self.interval()[2]

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
        check_level(level)
        column = self._one
        if self.slope is None:
            return nan, nan, self.no_slope
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
        bounds = not_rejected(float(a0), a, b, needed)
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
                fix="put the estimator into OverallATT(...) for its average effect, or read .p_values and "
                ".placebo, one column a term",
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
    slopes: bool = True,
) -> RandomizationTest:
    """Randomisation test (Fisher 1935): the estimate among those of every other assignment.

    Compare the estimate with those of every other assignment of treatment.

    The treatment paths that occur are permuted over the units, the treated unit serving as a
    comparison for the others. With ``design.cluster`` whole clusters exchange their paths where
    treatment is the same within clusters, and units of the same cluster do where it is not; see
    `assignments`. All assignments are enumerated when there are at most ``draws``, one date or
    several; else ``draws`` are sampled.

    Parameters
    ----------
    estimator : object with ``fit(panel, design) -> Result``
        Effects by cohort and period are averaged over treated unit-periods, as `OverallATT` does.
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
    slopes : bool
        Whether to compute what an effect adds to each placebo estimate, which `interval` needs. For
        linear estimators other than the two-way regression it costs a second fit of each assignment.

    Returns
    -------
    RandomizationTest

    Raises
    ------
    DesignError
        No donor is left, a seed is needed, or clusters that do not say what was assigned.
    EstimationError
        An option of synthetic methods for another estimator.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoWayFixedEffects, randomization_test
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> test = randomization_test(TwoWayFixedEffects(), panel, design)
    >>> print(f"{test.p_value:.3f}, at least {test.smallest_p:.3f}")
    0.500, at least 0.033
    """
    plan = assignments(panel, design)
    if is_synthetic(estimator) and not design.covariates:
        test = RandomizationTest(
            *synthetic_test(
                estimator,
                panel,
                design,
                statistic=statistic,
                treated_as_donor=treated_as_donor,
                draws=draws,
                seed=seed,
            ),
            no_slope="placebo estimates are not linear in an effect: weights, or a ratio, move with it",
        )
        return replace(test, notes=_notes(panel, design, plan, statistic))
    if statistic != "estimate" or not treated_as_donor:
        raise EstimationError(
            "statistic and treated_as_donor are options of synthetic methods without covariates",
            where=type(estimator).__name__,
            fix="leave them out, or use SyntheticControl or SyntheticDiD",
        )
    sets, exact = plan.others(draws, seed)
    labels = tuple(plan.labels[i] for i in sets[:, 0]) if len(plan.actual) == 1 else ()
    notes = _notes(panel, design, plan, statistic)
    fast = two_way_placebos(estimator, panel, design, plan)
    if fast is None:
        fast = reassigned_placebos(estimator, panel, design, plan)
    if fast is not None:
        terms, effect, slope = fast
        observed, placebo, gained = effect(plan.actual[None])[0], effect(sets), slope(sets)
        # where an assignment leaves effects of periods unidentified the estimator itself says what it does
        if np.isfinite(placebo).all() and (gained is None or np.isfinite(gained).all()):
            why = "" if gained is not None else _NOT_FOR_PATHS
            if not slopes and not why:
                gained, why = None, "slopes were not asked for"
            return RandomizationTest(
                terms, observed, placebo, labels, gained, exact, notes=notes, no_slope=why
            )
    result = estimator.fit(panel, design)
    if len(result) > 1 and result.shares is not None:
        estimator = OverallATT(estimator)
        result = estimator.average(result)
    outcomes: tuple[str, ...] = (design.outcome,)
    why = ""
    if len(result) > 1:
        why = _NOT_FOR_PATHS
    elif not is_linear(estimator):
        why = "the estimator is not linear in the outcome, so slopes of placebo estimates are not known"
    elif not slopes:
        why = "slopes were not asked for"
    else:
        panel, name = _with_indicator(panel, design)
        own = estimator.fit(panel, replace(design, outcome=name)).coef
        if np.allclose(own, 1, atol=1e-6):
            outcomes = (design.outcome, name)
        else:
            why = f"an effect of 1 on treated cells moves the estimate by {float(own[0]):.4g}, not by 1"
    rows = _refits(estimator, panel, design, plan, sets, outcomes)
    if any(row.shape[1] != len(result) for row in rows):
        raise EstimationError(
            "under other assignments the estimator has other terms, so they cannot be compared",
            fix="put the estimator into OverallATT(...) for its average effect",
        )
    fitted = np.array(rows).reshape(len(rows), len(outcomes), len(result))
    return RandomizationTest(
        result.terms,
        np.array(result.coef),
        fitted[:, 0],
        labels,
        fitted[:, 1] if len(outcomes) > 1 else None,
        exact,
        notes=notes,
        no_slope=why,
    )


_NOT_FOR_PATHS = "intervals are for one effect"


def _notes(panel: Panel, design: Design, plan: Assignments, statistic: str) -> tuple[str, ...]:
    """What was permuted where it is not units, and whether the treated are as noisy as the rest."""
    notes = []
    if plan.level == "cluster":
        sizes = plan.size
        low, high = int(sizes.min()), int(sizes.max())
        notes.append(
            f"whole clusters ({plan.cluster}) exchange their treatment: {len(plan.actual)} of "
            f"{len(sizes)} are treated"
        )
        if low != high:
            notes.append(
                f"clusters have {low} to {high} units: the test is exact where clusters were treated "
                "whatever their size, not where larger or smaller ones were likelier to be"
            )
    elif plan.level == "within":
        used = np.unique(plan.stratum[plan.actual])
        notes.append(
            f"units exchange their treatment within clusters ({plan.cluster}), {len(used)} of "
            f"{len(np.unique(plan.stratum))} of which have treated units"
        )
    noise = noise_note(panel, design, plan, statistic=statistic)
    return (*notes, noise) if noise else tuple(notes)


def _with_indicator(panel: Panel, design: Design) -> tuple[Panel, str]:
    """The panel with a column that is 1 in cells that an effect reaches, missing as the outcome is."""
    name = f"{design.outcome} (effect of 1)"
    while name in panel.frame:
        name += "_"
    first = design.cohorts(panel).first[panel.unit_codes]
    reached = panel.ordinals[panel.time_codes] + design.anticipation >= first
    values = np.where(np.isnan(panel.column(design.outcome)), nan, reached.astype(float))
    return panel.assign(**{name: values}), name


def _refits(
    estimator: Estimator,
    panel: Panel,
    design: Design,
    plan: Assignments,
    sets: IntArray,
    outcomes: tuple[str, ...],
) -> list[FloatArray]:
    """Coefficients of each outcome under each assignment (o, k), a few at a time by whoever does the work."""
    column = panel.frame[design.first_treated].to_numpy()
    first_row = np.zeros(panel.n_units, dtype=np.int64)
    first_row[panel.unit_codes[::-1]] = np.arange(panel.n_rows)[::-1]
    path = plan.path[plan.item]
    # one unit of each cohort, and one that is never treated in the last place, where -1 finds it
    one = [np.flatnonzero(path == c)[0] for c in (*range(int(plan.path.max()) + 1), -1)]
    dates = column[first_row[one]]
    return each(
        partial(_refit, estimator, panel, design, plan, dates, outcomes), list(sets), chunk=_FITS_AT_ONCE
    )


def _refit(
    estimator: Estimator,
    panel: Panel,
    design: Design,
    plan: Assignments,
    dates: NDArray[Any],
    outcomes: tuple[str, ...],
    chosen: IntArray,
) -> FloatArray:
    # a Series finds the type of dates again that an object array holds
    values = pd.Series(dates[plan.paths(chosen)][panel.unit_codes])
    other = panel.assign(**{design.first_treated: values})
    return np.stack([estimator.fit(other, replace(design, outcome=name)).coef for name in outcomes])
