"""Placebo paths of synthetic methods: what is found when each donor in turn is taken as treated."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan
from typing import Any, Literal, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Design
from evaluation.display import Displayed
from evaluation.errors import DesignError, EstimationError, shortlist
from evaluation.estimators._synthetic import SyntheticMethod, cell_terms
from evaluation.estimators._synthetic_sample import SyntheticSample
from evaluation.estimators._synthetic_variance import cell_effects
from evaluation.estimators.synthetic_control import SyntheticControl
from evaluation.estimators.synthetic_did import SyntheticDiD
from evaluation.inference._noise import noise_note
from evaluation.inference.assignments import Assignments, IntArray, assignments
from evaluation.numerics.ranks import as_far
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
_AT_ONCE = 256


@dataclass(frozen=True, eq=False, repr=False)
class PlaceboPaths(Displayed):
    """Effect paths of the treated unit and of every placebo.

    Attributes
    ----------
    units : pandas.Index (m,)
        The treated unit first, then donors in the order of the panel.
    periods : pandas.Index (T,)
        Periods that the design uses.
    event_time : ndarray of int (T,)
    effects : ndarray (m, T)
        Gap less its level before treatment, as the method takes it, in units of the outcome.
    estimates : ndarray (m,)
        Mean effect after treatment.
    rmspe_before, rmspe_after : ndarray (m,)
        Root mean squared gap, less the constant that was fitted.
    notes : tuple of str
        What a reader must know of the p-value of the ratio.
    """

    units: pd.Index
    periods: pd.Index
    event_time: NDArray[np.integer]
    effects: FloatArray = field(repr=False)
    estimates: FloatArray = field(repr=False)
    rmspe_before: FloatArray = field(repr=False)
    rmspe_after: FloatArray = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def ratios(self) -> FloatArray:
        """Gap after treatment relative to that before (m,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = self.rmspe_after / self.rmspe_before
        return np.where(self.rmspe_before > 0, ratio, np.where(self.rmspe_after > 0, np.inf, nan))

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that so few units can give."""
        return 1 / len(self.units)

    def p_value(
        self,
        statistic: Literal["rmspe_ratio", "estimate"] = "rmspe_ratio",
        *,
        most_misfit: float | None = None,
    ) -> float:
        """Share of units, the treated one included, at least as extreme as the treated one.

        NaN where the statistic of the treated one is. Parameters are those of `as_extreme`.
        """
        others, compared = self.as_extreme(statistic, most_misfit=most_misfit)
        return nan if others is None else (1 + others) / compared

    def as_extreme(
        self,
        statistic: Literal["rmspe_ratio", "estimate"] = "rmspe_ratio",
        *,
        most_misfit: float | None = None,
    ) -> tuple[int | None, int]:
        """Other units at least as extreme as the treated one, and all units compared.

        Parameters
        ----------
        statistic : {"rmspe_ratio", "estimate"}
            The ratio needs no cut-off for placebos that do not fit before treatment (Abadie, Diamond
            and Hainmueller 2010, section 3.4); estimates are compared in absolute value.
        most_misfit : float, optional
            Leave out placebos whose ``rmspe_before`` is more than this many times the treated one's.

        Returns
        -------
        others : int or None
            None where the statistic of the treated unit is NaN.
        compared : int
            The treated one included.
        """
        if statistic not in ("rmspe_ratio", "estimate"):
            raise EstimationError(f"statistic is {statistic!r}", expected="'rmspe_ratio' or 'estimate'")
        values = self.ratios if statistic == "rmspe_ratio" else np.abs(self.estimates)
        kept = np.isfinite(values) | np.isinf(values)
        if most_misfit is not None:
            kept &= self.rmspe_before <= most_misfit * self.rmspe_before[0]
            kept[0] = True
        if np.isnan(values[0]):
            return None, int(kept.sum())
        return int(as_far(values[kept][1:], values[0]).sum()), int(kept.sum())

    def frame(self) -> pd.DataFrame:
        """One row a unit and period: ``unit, treated, time, event_time, effect``."""
        m, t = self.effects.shape
        return pd.DataFrame(
            {
                "unit": np.repeat(self.units, t),
                "treated": np.repeat(np.arange(m) == 0, t),
                "time": np.tile(self.periods, m),
                "event_time": np.tile(self.event_time, m),
                "effect": self.effects.ravel(),
            }
        )


def placebo_paths(
    estimator: SyntheticMethod, panel: Panel, design: Design, *, treated_as_donor: bool = False
) -> PlaceboPaths:
    """Placebo paths of Abadie, Diamond and Hainmueller (2010): each donor in turn as treated.

    Take each donor in turn as treated at the same date, all in one batch.

    Parameters
    ----------
    estimator : SyntheticControl or SyntheticDiD
    panel : Panel
    design : Design
        One treated unit.
    treated_as_donor : bool
        Whether the treated unit is a donor of the placebos. Without (Abadie, Diamond and
        Hainmueller 2010) its effect does not reach them; with it the test is exact under no effect.

    Returns
    -------
    PlaceboPaths

    Raises
    ------
    DesignError
        More than one treated unit, fewer than two donors, or clusters of several units whose treatment
        was assigned together.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, SyntheticControl, placebo_paths
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> paths = placebo_paths(SyntheticControl(), panel, design)
    >>> paths.units[0], paths.effects.shape
    ('Florida', (30, 11))
    """
    if not is_synthetic(estimator):
        raise EstimationError(
            f"{type(estimator).__name__} is not a synthetic method",
            expected="SyntheticControl or SyntheticDiD",
            fix="use randomization_test, which takes any estimator",
        )
    sample = estimator.prepare(panel, design)
    if sample.n_treated != 1:
        raise DesignError(
            f"placebo paths are of one treated unit, and {sample.n_treated} are treated",
            where=shortlist(sample.names[~sample.donors]),
            fix="use randomization_test, which compares sets of units",
        )
    if sample.donors.sum() < 2:
        raise DesignError(
            "one donor is too few for a placebo: it would have no donor itself", fix="add donors"
        )
    plan = assignments(panel, design, units=sample.units)
    if plan.size.max() > 1:
        raise DesignError(
            f"treatment was assigned to whole clusters ({plan.cluster}), and the paths are of one unit each",
            fix="use randomization_test, which permutes clusters, or one row a cluster and period",
        )
    cohort = sample.cohorts[0]
    placebos = np.flatnonzero(sample.donors & (plan.stratum == plan.stratum[plan.actual[0]]))
    order = np.concatenate([np.flatnonzero(cohort.members), placebos])
    treated = np.eye(len(sample.units))[order]
    donors = 1.0 - treated
    if not treated_as_donor:
        donors[:, cohort.members] = 0.0
    window = cohort.window
    paths = estimator.paths(sample, cohort, treated, donors)
    used = np.sort(np.r_[window.pre, window.post])
    after = paths.gaps[:, window.post] - paths.shift[:, None]
    return PlaceboPaths(
        units=sample.names[order],
        periods=panel.periods[used],
        event_time=cohort.event_time[used],
        effects=paths.gaps[:, used] - paths.base(window)[:, None],
        estimates=paths.effects(window).mean(axis=1),
        rmspe_before=paths.fit_before(window),
        rmspe_after=np.sqrt((after**2).mean(axis=1)),
        notes=tuple(filter(None, [noise_note(panel, design, plan, statistic="rmspe_ratio")])),
    )


def is_synthetic(estimator: object) -> TypeGuard[SyntheticMethod]:
    """Whether placebos of an estimator can be made in one batch."""
    return isinstance(estimator, SyntheticControl | SyntheticDiD)


def synthetic_test(
    estimator: SyntheticMethod,
    panel: Panel,
    design: Design,
    *,
    statistic: str,
    treated_as_donor: bool,
    draws: int,
    seed: int | np.random.Generator | None,
) -> tuple[pd.DataFrame, FloatArray, FloatArray, tuple[Any, ...], FloatArray | None, bool, FloatArray | None]:
    """The pieces of a `RandomizationTest`, all assignments fitted in batches.

    Parameters
    ----------
    statistic : {"estimate", "rmspe_ratio"}
    treated_as_donor : bool
        False: treated units are no donors of the placebos, which are sets of donors.
    draws, seed
        As in `randomization_test`.

    Returns
    -------
    terms, observed, placebo, labels, slope, exact, misfit
    """
    if statistic not in ("estimate", "rmspe_ratio"):
        raise EstimationError(f"statistic is {statistic!r}", expected="'estimate' or 'rmspe_ratio'")
    sample = estimator.prepare(panel, design)
    if len(sample.cohorts) > 1 and (statistic != "estimate" or not treated_as_donor):
        raise EstimationError(
            f"statistic={statistic!r} and treated_as_donor={treated_as_donor} are for one cohort",
            where=f"{len(sample.cohorts)} cohorts",
            fix="leave these options at their defaults",
        )
    plan = assignments(panel, design, units=sample.units)
    sets, exact = plan.others(draws, seed, untreated_only=not treated_as_donor)
    sets = np.concatenate([plan.actual[None], sets])
    excluded = (plan.path[plan.item] >= 0) & (not treated_as_donor)
    batches = [
        _batch(estimator, sample, plan, sets[start : start + _AT_ONCE], statistic, excluded)
        for start in range(0, len(sets), _AT_ONCE)
    ]
    estimates = np.concatenate([values for values, _, _ in batches])
    gained = _joined([slope for _, slope, _ in batches])
    misfit = _joined([before for _, _, before in batches])
    labels = tuple(plan.labels[i] for i in sets[1:, 0]) if len(plan.actual) == 1 else ()
    if statistic == "rmspe_ratio":
        terms = pd.DataFrame({"term": ["RMSPE ratio"]})
    else:
        terms = pd.DataFrame({"term": ["ATT"]}) if estimator.terms == "att" else cell_terms(sample)
    slope = None if gained is None else gained[1:]
    return terms, estimates[0], estimates[1:], labels, slope, exact, misfit


def _joined(parts: list[FloatArray | None]) -> FloatArray | None:
    whole = [part for part in parts if part is not None]
    return np.concatenate(whole) if len(whole) == len(parts) else None


def _batch(
    estimator: SyntheticMethod,
    sample: SyntheticSample,
    plan: Assignments,
    sets: IntArray,
    statistic: str,
    excluded: NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray | None, FloatArray | None]:
    """Estimates (m, k), what each gains for a true effect of one where that is linear, misfit before (m,)."""
    treated = [plan.members(sets, c) for c in range(len(sample.cohorts))]
    donors = (~excluded).astype(float) * (1.0 - np.sum(treated, axis=0))
    if len(sample.cohorts) > 1:
        effects, att = cell_effects(estimator, sample, treated, donors)
        return (effects if estimator.terms == "cohort_period" else att[:, None]), None, None
    cohort = sample.cohorts[0]
    paths = estimator.paths(sample, cohort, treated[0], donors)
    before = paths.fit_before(cohort.window)
    if statistic == "rmspe_ratio":
        after = paths.gaps[:, cohort.window.post] - paths.shift[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.sqrt((after**2).mean(axis=1)) / before
        return np.asarray(ratio)[:, None], None, before
    effects = paths.effects(cohort.window)
    values = effects if estimator.terms == "cohort_period" else effects.mean(axis=1, keepdims=True)
    if excluded.any():
        return values, np.zeros_like(values), before
    if isinstance(estimator, SyntheticDiD) and estimator.time_weights == "synthetic":
        return values, None, before  # time weights move with donors' outcomes after treatment
    # weights rest on outcomes before treatment, so an effect enters with the weight of its unit
    share = treated[0] / treated[0].sum(axis=1, keepdims=True) - paths.unit_weights
    slope = share[:, cohort.members].sum(axis=1, keepdims=True)
    return values, np.repeat(slope, values.shape[1], axis=1), before
