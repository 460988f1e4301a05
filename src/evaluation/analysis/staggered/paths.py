"""The effect by time since treatment, and whether the groups had moved apart before it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import nan

import numpy as np
import pandas as pd

from evaluation.analysis.staggered.case import EXPOSURE, StaggeredCase
from evaluation.analysis.staggered.effects import Choice, choose
from evaluation.analysis.staggered.methods import _without, clusters_of
from evaluation.errors import EvaluationError
from evaluation.estimators import InteractionWeighted, PoissonFixedEffects
from evaluation.numerics.jackknife import degrees_of_freedom, jackknife_covariance, t_probability, t_quantile
from evaluation.result import Result
from evaluation.study.staggered import Outcome


@dataclass(frozen=True, eq=False)
class Path:
    """The effect by event time.

    Attributes
    ----------
    outcome : Outcome
    frame : pandas.DataFrame
        ``event_time, estimate, ci_low, ci_high``, measured from the mean of the periods shown before
        treatment; in percent for counts and logarithms, else in the outcome's unit.
    result : Result
        By event time, from the last period before treatment, in log points or the outcome's unit; its
        covariance is the one that holds for the design.
    choice : Choice
    drift, drift_low, drift_high, drift_p : float
        Slope a period of the estimates before treatment, in log points or the outcome's unit; NaN where
        it cannot be told.
    carried : float
        What that drift would add up to by the mean period after treatment shown, were it to go on.
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

    @property
    def drifting(self) -> bool:
        """Whether a drift before treatment is told from none at the 5 % level."""
        return bool(self.drift_p <= 0.05)


def path(case: StaggeredCase, outcome: Outcome, level: float = 0.95) -> Path:
    """The effect by event time against the main comparison.

    Counts: Poisson regression with an indicator for each event time; else interaction-weighted
    effects averaged by event time. The window's ends are fitted one period further out, so that no
    estimate shown joins several event times.

    Parameters
    ----------
    case : StaggeredCase
    outcome : Outcome
    level : float
        Of pointwise intervals.
    """
    low, high = case.window()
    choice = choose(case, outcome)
    result = _shown(_fit(case, outcome, choice), low, high)
    times = result.terms["event_time"].to_numpy(dtype=float).astype(int)
    before = times < 0
    weights = np.eye(len(times)) - np.where(before, 1 / before.sum(), 0.0)
    values, covariance = _complete(result)
    moved = weights @ values
    errors = np.sqrt(np.clip(np.diag(weights @ covariance @ weights.T), 0, None))
    half = t_quantile(level, result.df) * np.where(errors > 0, errors, nan)
    ends = np.column_stack([moved, moved - half, moved + half])
    if outcome.in_percent:
        ends = 100 * np.expm1(ends)
    frame = pd.DataFrame(ends, columns=["estimate", "ci_low", "ci_high"])
    frame.insert(0, "event_time", times)
    slope, error = _slope(times, values, covariance)
    bound = t_quantile(level, result.df) * error
    after = float(times[~before].mean()) if (~before).any() else nan
    return Path(
        outcome=outcome,
        frame=frame,
        result=result,
        choice=choice,
        drift=slope,
        drift_low=slope - bound,
        drift_high=slope + bound,
        drift_p=t_probability(slope / error, result.df) if error > 0 else nan,
        carried=slope * (after - float(times[before].mean())),
    )


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


def _fit(case: StaggeredCase, outcome: Outcome, choice: Choice) -> Result:
    low, high = case.window()
    counts = outcome.model == "count"
    panel, design = case.panel(outcome, counts=counts)
    design = replace(design, window=(low - 1, high + 1))
    estimator: PoissonFixedEffects | InteractionWeighted
    if counts:
        exposure = EXPOSURE if EXPOSURE in panel.frame else None
        estimator = PoissonFixedEffects(
            event_study=True, exposure=exposure, covariance="iid" if choice.kind == "rows" else "cluster"
        )
    else:
        estimator = InteractionWeighted()

    def by_event(result: Result) -> Result:
        return result if result.shares is None else result.aggregate("event_time", window=(low, high))

    full = by_event(estimator.fit(panel, design))
    if choice.kind != "jackknife":
        return full
    labels, codes = clusters_of(panel, design)
    rows = []
    names = full.terms["term"].tolist()
    for code in range(len(labels)):
        try:
            part = by_event(estimator.fit(_without(panel, codes == code), design))
            rows.append(pd.Series(part.coef, index=part.terms["term"]).reindex(names).to_numpy(dtype=float))
        except EvaluationError:
            rows.append(np.full(len(names), nan))
    covariance = jackknife_covariance(np.array(full.coef), np.array(rows))
    undefined = np.isnan(np.diag(full.vcov))
    covariance[undefined], covariance[:, undefined] = nan, nan
    sides = degrees_of_freedom(choice.treated, choice.untreated)
    return replace(
        full, vcov=covariance, df=sides or nan, inference="jackknife over clusters", influence_function=None
    )


def _shown(result: Result, low: int, high: int) -> Result:
    """The event times of the window, without the joined ends."""
    times = result.terms["event_time"].to_numpy(dtype=float)
    keep = np.flatnonzero((times >= low) & (times <= high) & (np.isfinite(result.coef)))
    return replace(
        result,
        terms=result.terms.iloc[keep],
        coef=result.coef[keep],
        vcov=result.vcov[np.ix_(keep, keep)],
        influence_function=None,
        shares=None,
        aggregate_overall=None,
    )


def _complete(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and covariance with the reference period as an exact 0."""
    covariance = np.array(result.vcov)
    reference = (result.coef == 0) & np.isnan(np.diag(covariance))
    covariance[reference], covariance[:, reference] = 0.0, 0.0
    return np.array(result.coef), covariance


def _slope(times: np.ndarray, values: np.ndarray, covariance: np.ndarray) -> tuple[float, float]:
    """Least-squares slope of the estimates before treatment and its standard error."""
    before = times < 0
    if before.sum() < 3:
        return nan, nan
    centred = times[before] - times[before].mean()
    weights = np.where(before, 0.0, 0.0)
    weights[before] = centred / (centred**2).sum()
    variance = float(weights @ covariance @ weights)
    return float(weights @ values), float(np.sqrt(variance)) if variance > 0 else nan
