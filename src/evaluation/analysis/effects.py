"""Estimates over every choice that the study declares, and the path of the effect over time."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.estimate import permuted
from evaluation.analysis.staggered.case import FIRST, StaggeredCase
from evaluation.design import Design
from evaluation.errors import DesignError, EvaluationError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import RandomizationTest, randomization_test
from evaluation.panel import Panel
from evaluation.periods import PER_YEAR
from evaluation.study.staggered import Outcome

SEASONS = ("month_effects", "year_on_year")


@dataclass(frozen=True, eq=False)
class EventPath:
    """The treated unit beside its comparison, period by period.

    Attributes
    ----------
    frame : pandas.DataFrame
        ``event_time, time, estimate, placebo_low, placebo_high``: estimates are measured from the
        mean of the periods before treatment; the band holds the middle 95 % of the donors' own paths.
    outcome : Outcome
    date : str
    pool : str
    n_donors : int
    """

    frame: pd.DataFrame = field(repr=False)
    outcome: Outcome
    date: str
    pool: str
    n_donors: int

    @classmethod
    def of(cls, test: RandomizationTest, outcome: Outcome, start: pd.Period, pool: str) -> EventPath:
        """The path that a randomisation test of an event study gives, measured from its mean before."""
        events = test.terms["event_time"].to_numpy(dtype=int)
        # the mean of the periods before treatment is a steadier zero than a single month
        observed, placebo = _from_mean_before(test, events)
        low, high = np.quantile(placebo, [0.025, 0.975], axis=0)
        frame = pd.DataFrame(
            {
                "event_time": events,
                "time": pd.PeriodIndex([start + int(e) for e in events]),
                "estimate": observed,
                "placebo_low": low,
                "placebo_high": high,
            }
        )
        return cls(
            frame.sort_values("event_time", ignore_index=True), outcome, str(start), pool, len(placebo)
        )


def specifications(case: StaggeredCase, level: float = 0.95) -> pd.DataFrame:
    """The average effect for each outcome, scale, treatment date, season method and donor pool.

    Returns
    -------
    pandas.DataFrame
        A row of `specification` for each.
    """
    study = case.study
    return pd.DataFrame(
        specification(case, outcome, scale, date.date, season, pool.id, level=level)
        for outcome in study.outcomes
        for scale, date, season, pool in product(outcome.scales, case.dates, SEASONS, study.comparisons)
    )


def specification(
    case: StaggeredCase,
    outcome: Outcome,
    scale: str,
    date: str,
    season: str,
    pool: str,
    estimator: TwoWayFixedEffects | None = None,
    level: float = 0.95,
) -> dict[str, Any]:
    """The average effect by one choice of outcome, scale, treatment date, season method and donor pool.

    ``month_effects`` is two-way fixed effects over the whole window. ``year_on_year`` compares the
    first twelve periods from the date (fewer at the end of the data) with the same months of the
    year before, so that a season of the treated place's own cannot pass for an effect.

    Parameters
    ----------
    case : StaggeredCase
    outcome : Outcome
    scale : {"level", "log"}
    date : str
    season : {"month_effects", "year_on_year"}
    pool : str
    estimator : TwoWayFixedEffects, optional
        With other options than its own.
    level : float
        Level of the interval from placebo tests.

    Returns
    -------
    dict
        ``outcome, scale, date, season, pool, estimate, ci_low, ci_high, level, p_value, n_as_extreme,
        n_assignments, cluster_se, cluster_p, n_units, n_periods, reason``; estimates in units of the outcome
        a period, or in log points. ``reason`` says why a number is absent.
    """
    estimator = estimator or TwoWayFixedEffects()
    named = {"outcome": outcome.id, "scale": scale, "date": date, "season": season, "pool": pool}
    blank: dict[str, Any] = dict.fromkeys(
        ("estimate", "ci_low", "ci_high", "p_value", "cluster_se", "cluster_p"), np.nan
    )
    blank |= {"level": level, "n_as_extreme": None, "n_assignments": 0, "n_units": 0, "n_periods": 0}
    try:
        panel, design = season_panel(case, outcome, scale, date, season, pool)
        test = randomization_test(estimator, panel, design)
    except EvaluationError as error:
        return {**named, **blank, "reason": error.what}
    clustered = estimator.fit(panel, design)
    return {
        **named,
        **permuted(test, level),
        "cluster_se": clustered.std_error,
        "cluster_p": clustered.p_value,
        "n_units": panel.n_units,
        "n_periods": panel.n_periods,
    }


def per_year(case: StaggeredCase) -> int:
    """Periods in a year."""
    return PER_YEAR[case.study.data.frequency]


def season_panel(
    case: StaggeredCase, outcome: Outcome, scale: str, date: str, season: str, pool: str
) -> tuple[Panel, Design]:
    """Panel and design for one way of handling seasons; see `specifications`."""
    panel, design = case.donor_panel(case.donor_rows(pool), outcome, scale, date)
    if season == "month_effects":
        return panel, design
    start = case.period(date)
    year = per_year(case)
    length = min(year, int((panel.periods[-1] - start).n) + 1)
    matrix = pd.DataFrame(panel.matrix(outcome.column), index=panel.units, columns=panel.periods)
    after = [start + k for k in range(length)]
    before = [period - year for period in after]
    absent = [period for period in before if period not in matrix.columns]
    if absent:
        raise DesignError(f"the data hold no {absent[0]}, so there is no year before {date} to compare with")
    long = pd.DataFrame(
        {
            "unit": np.repeat(panel.units.to_numpy(), 2),
            "year": np.tile([0, 1], panel.n_units),
            "value": np.column_stack([matrix[before].mean(axis=1), matrix[after].mean(axis=1)]).ravel(),
        }
    )
    long[FIRST] = np.where(long["unit"] == case.treated_unit, 1.0, np.nan)
    return (
        Panel(long, unit="unit", time="year"),
        Design(outcome="value", first_treated=FIRST),
    )


def event_path(
    case: StaggeredCase, outcome: str, date: str | None = None, pool: str | None = None
) -> EventPath:
    """The effect period by period, with the donors' own paths as the yardstick.

    Parameters
    ----------
    case : StaggeredCase
    outcome : str
    date : str, optional
        The study's treatment date when absent.
    pool : str, optional
        The first pool when absent.
    """
    chosen = case.study.outcome(outcome)
    date, pool = date or case.dates[0].date, pool or case.study.comparisons[0].id
    panel, design = case.donor_panel(case.donor_rows(pool), chosen, "level", date)
    test = randomization_test(TwoWayFixedEffects(event_study=True), panel, design)
    return EventPath.of(test, chosen, case.period(date), pool)


def _from_mean_before(
    test: RandomizationTest, events: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    before = events < 0
    return (
        test.observed - test.observed[before].mean(),
        test.placebo - test.placebo[:, before].mean(axis=1, keepdims=True),
    )
