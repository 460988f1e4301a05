"""The effect by time since treatment, and whether the groups had moved apart before it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite, nan
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.analysis.choice import SYNTHETIC, Choice
from evaluation.analysis.staggered.case import EXPOSURE, StaggeredCase
from evaluation.analysis.staggered.effects import DRAWS, choose
from evaluation.analysis.staggered.methods import ask, clusters_of
from evaluation.design import Design
from evaluation.errors import EvaluationError
from evaluation.estimators import InteractionWeighted, PoissonFixedEffects, TwoWayFixedEffects
from evaluation.inference import RandomizationTest, placebo_paths, randomization_test
from evaluation.numerics.jackknife import degrees_of_freedom, jackknife_covariance, t_probability, t_quantile
from evaluation.panel import Panel
from evaluation.result import Result
from evaluation.study.staggered import Outcome

FloatArray = NDArray[np.float64]
_TIE = 1e-10


@dataclass(frozen=True, eq=False)
class Path:
    """The effect by event time, with the inference that the design chose for the effect itself.

    Attributes
    ----------
    outcome : Outcome
    frame : pandas.DataFrame
        ``event_time, estimate, ci_low, ci_high``, in percent for counts and logarithms, else in the
        outcome's unit; zero as ``base`` says. By randomisation there are no intervals, but
        ``placebo_low, placebo_high``: an estimate outside them is further from zero than `level` of
        the placebo assignments put it, or, with too few of them for that, than any does.
    result : Result
        By event time, from the last period before treatment, in log points or the outcome's unit; its
        covariance is the one that holds for the design, NaN where none does.
    choice : Choice
    drift, drift_low, drift_high, drift_p : float
        Slope a period of the estimates before treatment, in log points or the outcome's unit; NaN where
        it cannot be told. By randomisation the p-value is the share of assignments with a slope at least
        as steep, and there is no interval.
    carried : float
        What that drift would add up to by the mean period after treatment shown, were it to go on.
    base : {"all", "window", "synthetic"}
        Zero is the mean of all periods before treatment, as for the estimate of the effect, or, with
        several dates of treatment, of those of the window; or the synthetic comparison itself.
    test : RandomizationTest or None
        Of the path in the window, where the design asks for randomisation.
    n_placebos : int
        Placebo paths behind the band; 0 without one.
    level : float
        Of the intervals; of the placebos' band, 1 less the smallest p-value where that is lower.
    """

    outcome: Outcome
    frame: pd.DataFrame = field(repr=False)
    result: Result = field(repr=False)
    choice: Choice
    drift: float
    drift_low: float
    drift_high: float
    drift_p: float
    carried: float
    base: str = "window"
    test: RandomizationTest | None = field(default=None, repr=False)
    n_placebos: int = 0
    level: float = 0.95

    @property
    def drifting(self) -> bool:
        """Whether a drift before treatment is told from none at the 5 % level."""
        return bool(self.drift_p <= 0.05)

    @property
    def source(self) -> Result | RandomizationTest:
        """What checks on trends are to read: the randomisation test where that is the inference."""
        return self.result if self.test is None else self.test


def path(case: StaggeredCase, outcome: Outcome, level: float = 0.95) -> Path:
    """The effect by event time against the main comparison.

    Counts: Poisson regression with an indicator for each event time; else interaction-weighted
    effects averaged by event time. With several dates of treatment the window's ends are fitted one
    period further out, so that no estimate shown joins several event times; with one date every event
    time is fitted, and zero is the mean of all of them before treatment.

    Parameters
    ----------
    case : StaggeredCase
    outcome : Outcome
    level : float
        Of pointwise intervals, and of the placebos' band.
    """
    window = case.window()
    choice = choose(case, outcome)
    if choice.estimator in SYNTHETIC:
        return _to_synthetic(case, outcome, choice, level)
    asked = _asked(case, outcome, choice)
    result, test = _fit(asked, choice, case.study.seed)
    times = result.terms["event_time"].to_numpy(dtype=float).astype(int)
    shown, based = _within(times, window), (times < 0) & (asked.single | _within(times, window))
    before, after = shown & (times < 0), shown & (times >= 0)
    weights = np.eye(len(times)) - np.where(based, 1 / based.sum(), 0.0)
    values, covariance = _complete(result)
    ends = [weights @ values]
    slope, lever = nan, _lever(times, before)
    bound = p = nan
    if lever is not None:
        slope = float(lever @ values)
    if test is None:
        errors = np.sqrt(np.clip(np.diag(weights @ covariance @ weights.T), 0, None))
        half = t_quantile(level, result.df) * np.where(errors > 0, errors, nan)
        ends += [ends[0] - half, ends[0] + half]
        if lever is not None:
            variance = float(lever @ covariance @ lever)
            error = float(np.sqrt(variance)) if variance > 0 else nan
            bound = t_quantile(level, result.df) * error
            p = t_probability(slope / error, result.df) if error > 0 else nan
    else:
        missing = np.full(len(times), nan)
        reach = _reach(test.placebo @ weights.T, level)
        ends += [missing, missing, -reach, reach]
        level = min(level, 1 - test.smallest_p)
        if lever is not None:
            p = _share_as_far(slope, test.placebo @ lever)
    names = ["estimate", "ci_low", "ci_high", "placebo_low", "placebo_high"][: len(ends)]
    if outcome.in_percent:
        ends = [100 * np.expm1(end) for end in ends]
    frame = pd.DataFrame(dict(zip(names, ends, strict=True)))
    frame.insert(0, "event_time", times)
    return Path(
        outcome=outcome,
        frame=frame[shown].reset_index(drop=True),
        result=_kept(result, shown),
        choice=choice,
        drift=slope,
        drift_low=slope - bound,
        drift_high=slope + bound,
        drift_p=p,
        carried=slope * (_mean(times[after]) - _mean(times[based])),
        base="all" if asked.single else "window",
        test=None if test is None else _part(test, shown),
        n_placebos=0 if test is None else len(test.placebo),
        level=level,
    )


def _to_synthetic(case: StaggeredCase, outcome: Outcome, choice: Choice, level: float) -> Path:
    """The gap to the synthetic comparison by event time, measured as the estimate itself is.

    The weights fit the periods before treatment, so that a drift there can be told neither from the fit nor
    from none: it is NaN. With one treated unit the band is that of the placebo paths: those of a synthetic
    control each over its own root mean squared gap before treatment, times that of the treated, as the
    statistic of its p-value.
    """
    asked = ask(case, outcome, choice.estimator)
    result = asked.fit()
    parts = []
    for fit in result.details.fits:  # type: ignore[attr-defined]
        used = fit.path[fit.path["role"] != "unused"]
        weight = float(len(fit.treated))
        parts.append(
            pd.DataFrame({"event_time": used["event_time"], "sum": weight * used["effect"], "w": weight})
        )
    sums = pd.concat(parts).groupby("event_time")[["sum", "w"]].sum()
    low, high = case.window()
    shown = (sums.index >= low) & (sums.index <= high)
    values = (sums["sum"] / sums["w"]).to_numpy(dtype=float)[shown]
    times = sums.index.to_numpy(dtype=int)[shown]
    missing = np.full(len(times), nan)
    ends = {"estimate": values, "ci_low": missing, "ci_high": missing}
    reach = None
    try:
        paths = placebo_paths(asked.estimator.estimator, asked.panel, asked.design)
    except EvaluationError:
        paths = None
    if paths is not None:
        placebo = paths.effects[1:]
        if choice.estimator == "synthetic_control":
            with np.errstate(divide="ignore", invalid="ignore"):
                placebo = placebo * (paths.rmspe_before[0] / paths.rmspe_before[1:])[:, None]
            placebo = placebo[np.isfinite(placebo).all(axis=1)]
        if len(placebo):
            reach = _reach(placebo, level)[pd.Index(paths.event_time).get_indexer(times)]
            ends |= {"placebo_low": -reach, "placebo_high": reach}
            level = min(level, 1 - paths.smallest_p)
    if outcome.in_percent:
        ends = {name: 100 * np.expm1(end) for name, end in ends.items()}
    named = pd.DataFrame({"term": [f"event time {t}" for t in times], "event_time": times})
    by_time = replace(
        result,
        terms=named,
        coef=values,
        vcov=np.full((len(times), len(times)), nan),
        df=nan,
        inference="none",
        placebos=None,
        influence_function=None,
    )
    return Path(
        outcome=outcome,
        frame=pd.DataFrame({"event_time": times, **ends}),
        result=by_time,
        choice=choice,
        drift=nan,
        drift_low=nan,
        drift_high=nan,
        drift_p=nan,
        carried=nan,
        base="synthetic",
        n_placebos=0 if reach is None else len(placebo),
        level=level,
    )


def _mean(values: NDArray[np.integer]) -> float:
    return float(values.mean()) if len(values) else nan


def _within(times: NDArray[np.integer], window: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray((times >= window[0]) & (times <= window[1]))


def _reach(placebo: FloatArray, level: float) -> FloatArray:
    """How far from zero an estimate must lie to be told from the placebos (k,); see `Path.frame`."""
    # as in RandomizationTest.critical_value: so many placebos may be as far
    allowed = max(int(np.floor((1 - level) * (len(placebo) + 1) + 1e-9)) - 1, 0)
    return np.asarray(np.sort(np.abs(placebo), axis=0)[::-1][allowed])


def _share_as_far(value: float, placebo: FloatArray) -> float:
    """p-value: share of all assignments, the actual one included, at least as far from zero."""
    as_far = np.abs(placebo) >= abs(value) * (1 - _TIE)
    return float((1 + as_far.sum()) / (1 + len(placebo))) if isfinite(value) else nan


def paths(case: StaggeredCase) -> dict[str, Path]:
    """The path of every outcome that has one, by the outcome's id."""
    found = {}
    for outcome in case.study.outcomes:
        try:
            found[outcome.id] = path(case, outcome)
        except EvaluationError:
            if outcome.id == case.lead.id:
                raise
    return found


FEWER_DRAWS = 199
_MANY_ROWS = 5_000
"""With several dates each assignment of a path is fitted: beyond so many rows `FEWER_DRAWS` are drawn."""


@dataclass(frozen=True)
class ByEvent:
    """An estimator whose effects of cohorts and periods are averaged by event time within a window."""

    estimator: Any
    window: tuple[int, int] | None

    def fit(self, panel: Panel, design: Design) -> Result:
        """The path, event times without an estimate and joined ends left out."""
        result: Result = self.estimator.fit(panel, design)
        if result.shares is not None:
            result = result.aggregate("event_time", window=self.window)
        times = result.terms["event_time"].to_numpy(dtype=float)
        keep = np.isfinite(times) & np.isfinite(result.coef)
        return _kept(result, keep if self.window is None else keep & _within(times, self.window))


@dataclass(frozen=True)
class _Asked:
    """What the path of an outcome is estimated with; `single` for one date of treatment."""

    estimator: ByEvent
    panel: Panel
    design: Design
    single: bool

    def fit(self) -> Result:
        return self.estimator.fit(self.panel, self.design)


def _asked(case: StaggeredCase, outcome: Outcome, choice: Choice) -> _Asked:
    low, high = case.window()
    counts = outcome.model == "count"
    panel, design = case.panel(outcome, counts=counts)
    single = len(design.cohorts(panel).values) == 1
    estimator: PoissonFixedEffects | InteractionWeighted = InteractionWeighted()
    if counts:
        exposure = EXPOSURE if EXPOSURE in panel.frame else None
        estimator = PoissonFixedEffects(
            event_study=True, exposure=exposure, covariance="iid" if choice.kind == "rows" else "cluster"
        )
    window = None if single else (low, high)
    if window is not None:
        design = replace(design, window=(low - 1, high + 1))
    return _Asked(ByEvent(estimator, window), panel, design, single)


def _fit(asked: _Asked, choice: Choice, seed: int) -> tuple[Result, RandomizationTest | None]:
    """The path with the covariance that holds, or its randomisation test."""
    full = asked.fit()
    if choice.kind == "randomization":
        return _without_errors(full), _randomised(asked, full, seed)
    if choice.kind == "rows" and isinstance(asked.estimator.estimator, InteractionWeighted):
        # it has no standard error for independent rows
        return _without_errors(full), None
    if choice.kind != "jackknife":
        return full, None
    labels, codes = clusters_of(asked.panel, asked.design)
    rows = []
    names = full.terms["term"].tolist()
    for code in range(len(labels)):
        try:
            left = asked.panel.where((codes != code)[asked.panel.unit_codes])
            part = asked.estimator.fit(left, asked.design)
            rows.append(pd.Series(part.coef, index=part.terms["term"]).reindex(names).to_numpy(dtype=float))
        except EvaluationError:
            rows.append(np.full(len(names), nan))
    covariance = jackknife_covariance(np.array(full.coef), np.array(rows))
    undefined = np.isnan(np.diag(full.vcov))
    covariance[undefined], covariance[:, undefined] = nan, nan
    sides = degrees_of_freedom(choice.treated, choice.untreated)
    return replace(
        full, vcov=covariance, df=sides or nan, inference="jackknife over clusters", influence_function=None
    ), None


def _randomised(asked: _Asked, full: Result, seed: int) -> RandomizationTest | None:
    """The test of the path, its terms as in ``full``; None where treatment cannot be permuted."""
    estimator: Any = asked.estimator
    if asked.single and isinstance(estimator.estimator, InteractionWeighted):
        # with one date the same estimates, and the placebos are one product
        estimator = TwoWayFixedEffects(event_study=True)
    draws = DRAWS if asked.single or asked.panel.n_rows <= _MANY_ROWS else FEWER_DRAWS
    try:
        test = randomization_test(estimator, asked.panel, asked.design, draws=draws, seed=seed)
    except EvaluationError:
        return None
    of_test, of_path = (pd.Index(terms["event_time"].astype(int)) for terms in (test.terms, full.terms))
    at = of_test.get_indexer(of_path)
    test = _part(test, at) if (at >= 0).all() else test
    agree = test.observed.shape == full.coef.shape and np.allclose(test.observed, full.coef)
    return test if agree and np.isfinite(test.placebo).all() else None


def _without_errors(result: Result) -> Result:
    """A path whose own standard errors do not hold."""
    return replace(
        result, vcov=np.full_like(result.vcov, nan), df=nan, inference="none", influence_function=None
    )


def _part(test: RandomizationTest, keep: NDArray[Any]) -> RandomizationTest:
    """The test of some terms."""
    return replace(
        test,
        terms=test.terms.iloc[np.arange(len(test.terms))[keep]].reset_index(drop=True),
        observed=test.observed[keep],
        placebo=test.placebo[:, keep],
        slope=None,
    )


def _kept(result: Result, keep: NDArray[np.bool_]) -> Result:
    """Some terms of a path."""
    at = np.flatnonzero(keep)
    return replace(
        result,
        terms=result.terms.iloc[at],
        coef=result.coef[at],
        vcov=result.vcov[np.ix_(at, at)],
        influence_function=None,
        shares=None,
        aggregate_overall=None,
    )


def _complete(result: Result) -> tuple[FloatArray, FloatArray]:
    """Estimates and covariance with the reference period as an exact 0."""
    covariance = np.array(result.vcov)
    reference = (result.coef == 0) & np.isnan(np.diag(covariance))
    covariance[reference], covariance[:, reference] = 0.0, 0.0
    return np.array(result.coef), covariance


def _lever(times: NDArray[np.integer], before: NDArray[np.bool_]) -> FloatArray | None:
    """Weights of estimates in their least-squares slope before treatment; None with fewer than three."""
    if before.sum() < 3:
        return None
    weights = np.zeros(len(times))
    centred = times[before] - times[before].mean()
    weights[before] = centred / (centred**2).sum()
    return weights
