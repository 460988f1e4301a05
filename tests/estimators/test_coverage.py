"""Coverage of 95 % intervals: ``python -m pytest -m slow -s tests/estimators/test_coverage.py`` simulates it.

200 units (clusters) x 8 periods, never treated and cohorts 3, 5 and 7, unit and period effects, errors that
follow an AR(1) within units with a variance of their own. ``constant``: an effect of 1. ``growing``: cohorts
differ and effects grow, so that averages of effects and regression weights part ways. ``trends``: a
covariate moves trends and the timing of treatment. ``counts``: Poisson with a gamma unit effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.estimators import (
    ExtendedTwoWayFixedEffects,
    GroupTime,
    Imputation,
    InteractionWeighted,
    PoissonFixedEffects,
    Stacked,
    TwoWayFixedEffects,
)

pytestmark = pytest.mark.slow
REPLICATIONS = 1000
UNITS, PERIODS = 200, 8
COHORTS = np.array([np.nan, 3.0, 5.0, 7.0])
CHANCES = np.array([0.4, 0.2, 0.2, 0.2])
LOW, HIGH = 0.93, 0.97


def effect(kind: str, g: Any, t: Any) -> Any:
    """Effect of treatment by cohort and period."""
    since = t - g
    one = 1.0 if kind in ("constant", "trends") else (0.5 + 0.4 * since) * (10 - g) / 5
    return np.where(since >= 0, one, 0.0)


def draw(kind: str, rng: np.random.Generator) -> pd.DataFrame:
    t = np.arange(1, PERIODS + 1)
    x = rng.standard_normal(UNITS)
    if kind == "trends":
        rank = np.argsort(np.argsort(0.5 * x + rng.logistic(size=UNITS)))
        g = np.where(rank < 0.4 * UNITS, np.nan, COHORTS[1 + rng.integers(0, 3, UNITS)])
    else:
        g = rng.choice(COHORTS, size=UNITS, p=CHANCES)
    e = rng.standard_normal((UNITS, PERIODS))
    for j in range(1, PERIODS):
        e[:, j] += 0.5 * e[:, j - 1]
    e *= rng.uniform(0.5, 1.5, (UNITS, 1))
    mean = rng.standard_normal((UNITS, 1)) + 0.3 * np.sin(t)
    if kind == "trends":
        mean = mean + 0.3 * x[:, None] * t
    if kind == "counts":
        rate = np.exp(1 + 0.1 * t + np.where(t >= np.nan_to_num(g, nan=np.inf)[:, None], np.log(1.5), 0.0))
        y = rng.poisson(rate * rng.gamma(2, 0.5, (UNITS, 1)) * rng.gamma(10, 0.1, (UNITS, PERIODS)))
    else:
        y = mean + e + effect(kind, np.nan_to_num(g, nan=np.inf)[:, None], t)
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(UNITS), PERIODS),
            "t": np.tile(t, UNITS),
            "g": np.repeat(g, PERIODS),
            "y": np.asarray(y, dtype=float).ravel(),
            "x": np.repeat(x, PERIODS),
        }
    )


def average_effect(kind: str, frame: pd.DataFrame, *, population: bool) -> float:
    """Average effect over treated unit-periods, with the population's cohort shares or the sample's."""
    if population:
        cells = [
            (g, t, p)
            for g, p in zip(COHORTS[1:], CHANCES[1:], strict=True)
            for t in range(int(g), PERIODS + 1)
        ]
        return float(np.average([effect(kind, g, t) for g, t, _ in cells], weights=[p for *_, p in cells]))
    rows = frame[frame["t"] >= frame["g"]]
    return float(effect(kind, rows["g"].to_numpy(), rows["t"].to_numpy()).mean())


@dataclass(frozen=True)
class Study:
    """An estimator in a design; ``holds`` whether its assumptions do."""

    kind: str
    name: str
    run: Callable[[Panel], Any]
    target: Callable[[pd.DataFrame], float]
    holds: bool = True


def simple(estimator: Any, **options: Any) -> Callable[[Panel], Any]:
    return lambda panel: estimator.fit(panel, Design("y", "g", **options)).aggregate("simple")


def static(estimator: Any, **options: Any) -> Callable[[Panel], Any]:
    return lambda panel: estimator.fit(panel, Design("y", "g", **options))


def at_event(estimator: Any, event: int, **options: Any) -> Callable[[Panel], Any]:
    def run(panel: Panel) -> Any:
        result = estimator.fit(panel, Design("y", "g", **options))
        weights = (result.terms["event_time"] == event).to_numpy(dtype=float)
        return result.combine(weights, f"event time {event}")

    return run


def stacked_target(frame: pd.DataFrame) -> float:
    """Effect one period after treatment over the cohorts that have the whole window, each by its units."""
    size = frame.groupby("id")["g"].first().value_counts()
    kept = [g for g in COHORTS[1:] if g - 2 >= 1 and g + 1 <= PERIODS]
    return float(np.average([effect("growing", g, g + 1) for g in kept], weights=[size[g] for g in kept]))


def sample(kind: str) -> Callable[[pd.DataFrame], float]:
    return lambda frame: average_effect(kind, frame, population=False)


def population(kind: str) -> Callable[[pd.DataFrame], float]:
    return lambda frame: average_effect(kind, frame, population=True)


NOT_YET = {"comparison": "not_yet_treated"}
STUDIES = [
    Study("constant", "two-way, static", static(TwoWayFixedEffects()), sample("constant")),
    Study(
        "constant",
        "two-way, event time 1",
        at_event(TwoWayFixedEffects(event_study=True), 1),
        sample("constant"),
    ),
    Study("growing", "group-time, never treated", simple(GroupTime()), population("growing")),
    Study("growing", "group-time, not yet treated", simple(GroupTime(), **NOT_YET), population("growing")),
    Study("growing", "imputation", simple(Imputation()), sample("growing")),
    Study("growing", "interaction-weighted", simple(InteractionWeighted()), sample("growing")),
    Study("growing", "extended two-way", simple(ExtendedTwoWayFixedEffects(), **NOT_YET), sample("growing")),
    Study("growing", "stacked, event time 1", at_event(Stacked(), 1, window=(-2, 1)), stacked_target),
    Study("growing", "two-way, static", static(TwoWayFixedEffects()), sample("growing"), holds=False),
    Study("trends", "group-time dr", simple(GroupTime(method="dr"), covariates=("x",)), sample("trends")),
    Study("trends", "group-time ipw", simple(GroupTime(method="ipw"), covariates=("x",)), sample("trends")),
    Study("trends", "group-time reg", simple(GroupTime(method="reg"), covariates=("x",)), sample("trends")),
    Study("trends", "group-time without x", simple(GroupTime()), sample("trends"), holds=False),
    Study("counts", "Poisson, static", static(PoissonFixedEffects()), lambda frame: float(np.log(1.5))),
]


def coverage(study: Study, replications: int = REPLICATIONS, seed: int = 2024) -> tuple[float, float, float]:
    """Share of intervals that hold the target, mean error, mean standard error over the errors' spread."""
    rng = np.random.default_rng(seed)
    inside, errors, spreads = [], [], []
    for _ in range(replications):
        frame = draw(study.kind, rng)
        result = study.run(Panel(frame, unit="id", time="t"))
        target = study.target(frame)
        low, high = result.conf_int()
        inside.append(low <= target <= high)
        errors.append(result.estimate - target)
        spreads.append(result.std_error)
    return float(np.mean(inside)), float(np.mean(errors)), float(np.mean(spreads) / np.std(errors))


@pytest.mark.parametrize("study", STUDIES, ids=lambda s: f"{s.kind}: {s.name}")
def test_intervals_cover(study):
    share, bias, ratio = coverage(study)
    print(f"\n| {study.kind} | {study.name} | {100 * share:.1f} | {bias:+.3f} | {ratio:.2f} |")
    if study.holds:
        assert LOW <= share <= HIGH
    else:
        assert share < 0.8
