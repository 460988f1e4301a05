"""What must hold for every estimator, in one loop; an exemption is written beside its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    TwoByTwo,
    TwoWayFixedEffects,
)

CLOSE = {"rtol": 1e-8, "atol": 1e-9}


@dataclass(frozen=True)
class Case:
    """An estimator with the design it needs.

    Attributes
    ----------
    counts : bool
        Exponential mean: period effects multiply and a scale is absorbed.
    exempt : str
        From the invariance to effects: ``"all"``, or ``"standard errors"`` where only period effects
        enter them: one effect an event time serves several calendar periods of a stack, and a
        saturated Poisson cell is fitted exactly but weighs its scores.
    """

    name: str
    estimator: Any
    design: dict[str, Any] = field(default_factory=dict)
    counts: bool = False
    one_cohort: bool = False
    exempt: str = ""


CASES = [
    Case("two-way", TwoWayFixedEffects()),
    Case("two-way event study", TwoWayFixedEffects(event_study=True)),
    Case("two-way clustered", TwoWayFixedEffects(event_study=True), {"cluster": "cl", "covariates": ("x",)}),
    Case("two-way HC1", TwoWayFixedEffects(covariance="HC1"), {"weights": "w"}),
    Case("two by two", TwoByTwo(), one_cohort=True),
    Case("group-time", GroupTime()),
    Case("group-time dr", GroupTime(method="dr"), {"covariates": ("z",)}),
    Case("imputation", Imputation(), {"covariates": ("x",)}),
    Case("interaction-weighted", InteractionWeighted()),
    Case("stacked", Stacked(), {"window": (-2, 1)}, exempt="standard errors"),
    Case("extended", ExtendedTwoWayFixedEffects(), {"covariates": ("z",)}),
    Case("poisson", PoissonFixedEffects(), counts=True, exempt="all"),
    Case(
        "poisson event study",
        PoissonFixedEffects(event_study=True),
        {"covariates": ("x",)},
        counts=True,
        exempt="all",
    ),
    Case(
        "extended poisson",
        ExtendedTwoWayFixedEffects(family="poisson"),
        counts=True,
        exempt="standard errors",
    ),
]
every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def frame(simulate) -> pd.DataFrame:
    data = simulate(11, units=45, periods=7, cohorts=(4, 6))
    return data.assign(positive=np.exp(data["y"] / 3))


def data_of(case: Case, frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    data = frame[frame["g"].isna() | (frame["g"] == 4)] if case.one_cohort else frame
    return data.reset_index(drop=True), "positive" if case.counts else "y"


def fit(case: Case, data: pd.DataFrame, outcome: str):
    return case.estimator.fit(Panel(data, unit="id", time="t"), Design(outcome, "g", **case.design))


def same(one, two, scale: float = 1.0) -> None:
    np.testing.assert_allclose(two.coef, scale * one.coef, **CLOSE)
    np.testing.assert_allclose(two.std_errors, abs(scale) * one.std_errors, rtol=1e-6, atol=1e-10)


@every
def test_unit_and_period_effects_change_nothing(case, frame):
    if case.exempt == "all":
        pytest.skip("the likelihood weighs a cell by its mean, which effects change")
    data, y = data_of(case, frame)
    unit, time = np.sin(data["id"] * 7.0), np.cos(data["t"] * 3.0)
    moved = data[y] * np.exp(time) if case.counts else data[y] + 100 * unit + 10 * time
    one, two = fit(case, data, y), fit(case, data.assign(**{y: moved}), y)
    if case.exempt == "standard errors":
        np.testing.assert_allclose(two.coef, one.coef, **CLOSE)
        alone = fit(case, data.assign(**{y: data[y] + 100 * unit}), y) if not case.counts else one
        same(one, alone)
    else:
        same(one, two)


@every
def test_scaling_the_outcome(case, frame):
    data, y = data_of(case, frame)
    one, two = fit(case, data, y), fit(case, data.assign(**{y: data[y] * 1000}), y)
    same(one, two, 1.0 if case.counts else 1000.0)


@every
def test_unit_names_and_row_order_do_not_matter(case, frame):
    data, y = data_of(case, frame)
    names = {u: f"unit {(u * 17) % 101:03d}" for u in data["id"].unique()}
    assert len(set(names.values())) == len(names)
    changed = data.assign(id=data["id"].map(names)).sample(frac=1, random_state=3)
    same(fit(case, data, y), fit(case, changed, y))


@every
def test_later_calendar_does_not_matter(case, frame):
    data, y = data_of(case, frame)
    same(fit(case, data, y), fit(case, data.assign(t=data["t"] + 2000, g=data["g"] + 2000), y))


@every
def test_no_effect_and_no_noise_is_zero(case, frame):
    data, y = data_of(case, frame)
    exact = np.sin(data["id"] * 7.0) + np.cos(data["t"] * 3.0)
    exact = np.exp(exact) if case.counts else exact
    result = fit(case, data.assign(**{y: exact}), y)
    np.testing.assert_allclose(np.nan_to_num(result.coef), 0, atol=1e-8)


@every
def test_input_is_not_changed_and_results_repeat(case, frame):
    data, y = data_of(case, frame)
    before = data.copy()
    one, two = fit(case, data, y), fit(case, data, y)
    pd.testing.assert_frame_equal(data, before)
    assert one.coef.tobytes() == two.coef.tobytes()
    assert one.vcov.tobytes() == two.vcov.tobytes()
    assert one.simultaneous(draws=50, seed=1).equals(two.simultaneous(draws=50, seed=1))


@every
def test_the_result_is_whole(case, frame):
    data, y = data_of(case, frame)
    result = fit(case, data, y)
    k = len(result)
    assert result.vcov.shape == (k, k)
    assert result.influence.shape == (data["id"].nunique(), k)
    assert result.tidy().columns.tolist() == [
        "term", "cohort", "time", "event_time", "estimate", "std_error", "ci_low", "ci_high", "p_value",
    ]  # fmt: skip
    defined = np.isfinite(result.std_errors)
    assert defined.any()
    assert (result.std_errors[defined] > 0).all()
    np.testing.assert_allclose(result.vcov, result.vcov.T)
    assert result.sample.units == data["id"].nunique()
    assert result.sample.periods == 7
    assert result.inference
