"""What every estimator must do, in one loop over estimators and designs; exemptions have a reason.

A new estimator is added to `CASES`: `test_every_estimator_is_listed` fails until it is.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evaluation.estimators as package
from evaluation import Design, Panel
from evaluation.estimators import (
    ExtendedTwoWayFixedEffects,
    GroupTime,
    Imputation,
    InteractionWeighted,
    OverallATT,
    PoissonFixedEffects,
    PoissonImputation,
    Stacked,
    SyntheticControl,
    SyntheticDiD,
    TwoByTwo,
    TwoWayFixedEffects,
    is_linear,
)

CLOSE = {"rtol": 1e-7, "atol": 1e-8}


@dataclass(frozen=True)
class Case:
    """An estimator with a design that it can answer; ``exempt`` maps a property to the reason."""

    estimator: Any
    design: dict[str, Any] = field(default_factory=dict)
    cohorts: tuple[float, ...] = (3, 5)
    missing: float = 0.0
    outcome: str = "y"
    exempt: dict[str, str] = field(default_factory=dict)


MULTIPLICATIVE = {
    "unit effect": "effects multiply the mean",
    "period effect": "effects multiply the mean",
    "scale": "coefficients are log ratios, which scaling leaves alone",
    "no effect": "the mean is not additive in the effects",
}
COMPOSITION = {
    "unit effect": "each cohort-period has its own units, whose effects stay in its mean",
    "no effect": "the units of a cohort differ between periods",
}
ROWS = {"unit effect": "rows are independent: nothing is known of units"}
STACK = {
    "period effect": "experiments share effects by event time, so that calendar effects stay in residuals",
    "zero error": "as above",
}
PLACEBO = {"names": "placebo draws take donors by their position, which follows their names"}
PENALTY = {"period effect": "the penalty follows the spread of first differences, period effects among them"}
CASES = {
    "two by two": Case(TwoByTwo(), cohorts=(4,)),
    "two-way": Case(TwoWayFixedEffects()),
    "two-way, unbalanced": Case(TwoWayFixedEffects(), missing=0.1),
    "two-way, covariates, clusters, weights": Case(
        TwoWayFixedEffects(), {"covariates": ("x",), "cluster": "cl", "weights": "w"}
    ),
    "two-way, event study": Case(TwoWayFixedEffects(event_study=True)),
    "stacked": Case(Stacked(), {"window": (-2, 1)}, exempt=STACK),
    "extended": Case(ExtendedTwoWayFixedEffects(), {"comparison": "not_yet_treated"}),
    "extended, covariate": Case(ExtendedTwoWayFixedEffects(), {"covariates": ("z",)}),
    "group-time": Case(GroupTime()),
    "group-time, not yet treated, clusters, weights": Case(
        GroupTime(), {"comparison": "not_yet_treated", "cluster": "cl", "weights": "w"}
    ),
    "group-time, universal": Case(GroupTime(), {"base_period": "universal", "anticipation": 1}),
    "group-time, dr": Case(GroupTime(method="dr"), {"covariates": ("x", "z")}),
    "group-time, ipw": Case(GroupTime(method="ipw"), {"covariates": ("x", "z")}),
    "group-time, reg": Case(GroupTime(method="reg"), {"covariates": ("x", "z"), "cluster": "cl"}),
    "group-time, unbalanced": Case(GroupTime(), missing=0.1, exempt=COMPOSITION),
    "group-time, unbalanced dr": Case(GroupTime(), {"covariates": ("z",)}, missing=0.1, exempt=COMPOSITION),
    "group-time, complete units only": Case(GroupTime(sampling="balanced"), missing=0.03),
    "group-time, rows": Case(GroupTime(sampling="cross_sections"), exempt=ROWS),
    "group-time, one number": Case(OverallATT(GroupTime())),
    "imputation": Case(Imputation()),
    "imputation, unbalanced, covariates, clusters": Case(
        Imputation(), {"covariates": ("x",), "cluster": "cl"}, missing=0.1
    ),
    "interaction-weighted": Case(InteractionWeighted()),
    "interaction-weighted, unbalanced, covariates, weights": Case(
        InteractionWeighted(), {"covariates": ("x",), "weights": "w"}, missing=0.1
    ),
    "synthetic control": Case(
        SyntheticControl(variance="placebo", seed=1),
        cohorts=(5,),
        exempt={
            **PLACEBO,
            "unit effect": "it matches levels",
            "zero error": "donors far from the others cannot be matched in a placebo",
        },
    ),
    "synthetic control, intercept": Case(
        SyntheticControl(variance="placebo", seed=1, intercept=True),
        cohorts=(5,),
        exempt={
            **PLACEBO,
            "period effect": "26 donors fit 4 periods in more than one way, so placebos may move",
        },
    ),
    "synthetic did": Case(
        SyntheticDiD(variance="placebo", seed=1), cohorts=(5,), exempt={**PLACEBO, **PENALTY}
    ),
    "synthetic did, jackknife": Case(SyntheticDiD(variance="jackknife"), cohorts=(5,), exempt=PENALTY),
    "poisson": Case(PoissonFixedEffects(), outcome="count", exempt=MULTIPLICATIVE),
    "poisson imputation": Case(PoissonImputation(), outcome="count", exempt=MULTIPLICATIVE),
    "poisson imputation, event study, clusters": Case(
        PoissonImputation(event_study=True), {"cluster": "cl"}, outcome="count", exempt=MULTIPLICATIVE
    ),
}


@pytest.fixture(params=list(CASES))
def case(request):
    return CASES[request.param]


def data(simulate, case, seed=4, **options):
    return simulate(seed, units=60, cohorts=case.cohorts, missing=case.missing, **options)


def fit(case, frame):
    return case.estimator.fit(Panel(frame, unit="id", time="t"), Design(case.outcome, "g", **case.design))


def skip_if_exempt(case, name):
    if name in case.exempt:
        pytest.skip(f"exempt: {case.exempt[name]}")


def equal(one, two, **tolerance):
    tolerance = {**CLOSE, **tolerance}
    assert one.terms["term"].tolist() == two.terms["term"].tolist()
    np.testing.assert_allclose(two.coef, one.coef, **tolerance)
    np.testing.assert_allclose(two.vcov, one.vcov, **tolerance)


def effects_only(frame, case, effect=0.0):
    """The panel with unit and period effects, a constant effect of treatment and nothing else."""
    rng = np.random.default_rng(3)
    unit, period = rng.normal(0, 3, frame["id"].max() + 1), rng.normal(0, 3, frame["t"].max() + 1)
    if case.exempt is ROWS:
        unit[:] = 0.0
    treated = frame["t"] >= frame["g"]
    return frame.assign(y=unit[frame["id"]] + period[frame["t"]] + effect * treated)


def test_every_estimator_is_listed():
    known = {type(case.estimator) for case in CASES.values()}
    listed = {getattr(package, name) for name in package.__all__}
    estimators = {one for one in listed if isinstance(one, type) and hasattr(one, "fit")}
    assert estimators - known == set(), "add a case"


def test_estimators_are_frozen_options(case):
    assert dataclasses.is_dataclass(case.estimator)
    assert type(case.estimator).__dataclass_params__.frozen
    assert hash(case.estimator) == hash(dataclasses.replace(case.estimator))


def test_a_unit_effect_changes_nothing(simulate, case):
    skip_if_exempt(case, "unit effect")
    frame = data(simulate, case)
    shift = np.random.default_rng(0).normal(0, 50, frame["id"].max() + 1)
    equal(fit(case, frame), fit(case, frame.assign(y=frame["y"] + shift[frame["id"]])))


def test_a_period_effect_changes_nothing(simulate, case):
    frame = data(simulate, case)
    shift = np.random.default_rng(1).normal(0, 50, frame["t"].max() + 1)
    one = fit(case, frame)
    if case.exempt is MULTIPLICATIVE:
        pytest.skip(f"exempt: {case.exempt['period effect']}")
    two = fit(case, frame.assign(y=frame["y"] + shift[frame["t"]]))
    np.testing.assert_allclose(two.coef, one.coef, **CLOSE)
    skip_if_exempt(case, "period effect")
    equal(one, two)


def test_a_large_level_changes_nothing(simulate, case):
    if case.exempt is MULTIPLICATIVE:
        pytest.skip(f"exempt: {case.exempt['period effect']}")
    frame = data(simulate, case)
    equal(fit(case, frame), fit(case, frame.assign(y=frame["y"] + 1e6)), rtol=1e-4, atol=1e-4)


def test_coefficients_are_linear_in_the_outcome_where_the_estimator_says_so(simulate, case):
    """What `randomization_test` rests its intervals on."""
    frame = data(simulate, case)
    other = np.random.default_rng(6).poisson(3, len(frame)) * 1.0
    both = frame.assign(**{case.outcome: frame[case.outcome] + other})
    one, two, total = (
        fit(case, f) for f in (frame, frame.assign(**{case.outcome: other + 0 * frame[case.outcome]}), both)
    )
    equal_sum = np.allclose(total.coef, one.coef + two.coef, rtol=1e-7, atol=1e-8)
    assert equal_sum == is_linear(case.estimator)


@pytest.mark.parametrize("factor", [-3.0, 1e6, 1e-6])
def test_scaling_the_outcome_scales_the_estimate(simulate, case, factor):
    skip_if_exempt(case, "scale")
    frame = data(simulate, case)
    one, two = fit(case, frame), fit(case, frame.assign(y=frame["y"] * factor))
    np.testing.assert_allclose(two.coef / factor, one.coef, **CLOSE)
    np.testing.assert_allclose(two.vcov / factor**2, one.vcov, **CLOSE)


def test_units_may_have_any_names(simulate, case):
    frame = data(simulate, case)
    names = np.random.default_rng(2).permutation(frame["id"].max() + 1)
    if "names" in case.exempt:
        names.sort()
    equal(fit(case, frame), fit(case, frame.assign(id=[f"unit {names[i]:03d}" for i in frame["id"]])))


def test_periods_may_be_dates(simulate, case):
    frame = data(simulate, case)
    dates = frame.assign(
        t=[pd.Period(ordinal=t + 500, freq="M") for t in frame["t"]],
        g=[pd.NaT if np.isnan(g) else pd.Period(ordinal=int(g) + 500, freq="M") for g in frame["g"]],
    )
    one, two = fit(case, frame), fit(case, dates)
    np.testing.assert_allclose(two.coef, one.coef, **CLOSE)
    np.testing.assert_allclose(two.vcov, one.vcov, **CLOSE)
    assert one.terms["event_time"].equals(two.terms["event_time"])


def test_rows_may_stand_in_any_order(simulate, case):
    frame = data(simulate, case)
    equal(fit(case, frame), fit(case, frame.sample(frac=1, random_state=5)))


def test_the_input_is_not_written_to(simulate, case):
    frame = data(simulate, case)
    before = frame.copy(deep=True)
    result = fit(case, frame)
    assert len(result.tidy()) == len(result)
    if result.influence_function is not None:
        assert result.influence is not None
    pd.testing.assert_frame_equal(frame, before)


def test_the_same_input_gives_the_same_bytes(simulate, case):
    frame = data(simulate, case)
    one, two = fit(case, frame), fit(case, frame.copy())
    assert one.coef.tobytes() == two.coef.tobytes()
    assert one.vcov.tobytes() == two.vcov.tobytes()
    assert np.isfinite(one.std_errors).any()
    bands = [result.simultaneous(seed=9).to_csv() for result in (one, two)]
    assert bands[0] == bands[1]


def test_no_effect_gives_zero(simulate, case):
    skip_if_exempt(case, "no effect")
    result = fit(case, effects_only(data(simulate, case), case))
    np.testing.assert_allclose(result.coef, 0.0, atol=1e-8)
    skip_if_exempt(case, "zero error")
    errors = result.std_errors
    assert np.isnan(errors).all() or np.nanmax(errors) < 1e-6


def test_a_constant_effect_without_noise_is_found_exactly(simulate, case):
    skip_if_exempt(case, "no effect")
    result = fit(case, effects_only(data(simulate, case), case, effect=2.5))
    before = (result.terms["event_time"] < 0).to_numpy()
    assert not before.all()
    np.testing.assert_allclose(result.coef[~before], 2.5, rtol=1e-7)
    np.testing.assert_allclose(result.coef[before], 0.0, atol=1e-8)


def test_the_influence_function_adds_up_to_the_covariance(simulate, case):
    """Up to the small-sample factor of the label, which is the same for all terms."""
    result = fit(case, data(simulate, case))
    psi = result.influence
    if psi is None:
        pytest.skip("exempt: no influence function")
    sums = psi
    if result.cluster_codes is not None:
        sums = np.zeros((result.cluster_codes.max() + 1, psi.shape[1]))
        np.add.at(sums, result.cluster_codes, psi)
    known = np.isfinite(result.std_errors)
    assert known.any()
    raw = (sums.T @ sums / len(psi) ** 2)[np.ix_(known, known)]
    vcov = result.vcov[np.ix_(known, known)]
    factor = np.trace(vcov) / np.trace(raw)
    assert 0.999 < factor < 1.3
    np.testing.assert_allclose(vcov, factor * raw, rtol=1e-6, atol=1e-10)


def none(kind, **options):
    return kind(small_sample="none", **options)


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize(
    ("one", "two", "cohorts", "what", "balanced"),
    [
        ((none(TwoWayFixedEffects), {}), (GroupTime(), {"window": (0, 0)}), (2,), "all", True),
        ((none(TwoWayFixedEffects), {}), (none(InteractionWeighted), {"window": (0, 0)}), (2,), "all", True),
        ((none(TwoWayFixedEffects), {}), (none(TwoByTwo), {}), (2,), "all", True),
        ((none(TwoWayFixedEffects), {}), (Imputation(), {}), (2,), "coef", True),
        (
            (none(InteractionWeighted, estimated_shares=True), {}),
            (GroupTime(), {"base_period": "universal"}),
            (3, 5),
            "all",
            True,
        ),
        ((none(ExtendedTwoWayFixedEffects), {}), (none(InteractionWeighted), {}), (3, 5), "simple", False),
        (
            (none(ExtendedTwoWayFixedEffects), {"comparison": "not_yet_treated"}),
            (Imputation(), {}),
            (3, 5),
            "coef",
            True,
        ),
    ],
    ids=[
        "2x2 group-time",
        "2x2 interaction-weighted",
        "2x2 four means",
        "2x2 imputation",
        "saturated",
        "extended, never treated",
        "extended, not yet treated",
    ],
)
def test_estimators_that_must_coincide_do(simulate, one, two, cohorts, what, balanced, missing):
    if missing and balanced:
        pytest.skip("exempt: the estimators part ways where units differ between periods")
    frame = simulate(8, units=50, periods=2 if cohorts == (2,) else 6, cohorts=cohorts, missing=missing)
    panel = Panel(frame, unit="id", time="t")
    first, second = (estimator.fit(panel, Design("y", "g", **options)) for estimator, options in (one, two))
    if what == "simple":
        first, second = first.aggregate("simple"), second.aggregate("simple")
    np.testing.assert_allclose(first.coef, second.coef, rtol=1e-8, atol=1e-10)
    if what != "coef":
        np.testing.assert_allclose(first.vcov, second.vcov, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("lonely", ["treated", "never treated"])
@pytest.mark.parametrize(
    "estimator",
    [TwoWayFixedEffects(), PoissonFixedEffects(), Stacked(), TwoByTwo(), GroupTime(), InteractionWeighted()],
    ids=lambda e: type(e).__name__,
)
def test_a_lonely_unit_is_said_wherever_standard_errors_rest_on_it(estimator, lonely):
    units = 40
    treated = np.arange(units) == 0 if lonely == "treated" else np.arange(units) > 0
    frame = pd.DataFrame({"id": np.repeat(np.arange(units), 2), "t": np.tile([1, 2], units)})
    frame["g"] = np.where(treated[frame["id"]], 2.0, np.nan)
    frame["y"] = np.random.default_rng(7).poisson(20, len(frame)).astype(float)
    window = (-1, 0) if isinstance(estimator, Stacked) else None
    result = estimator.fit(Panel(frame, unit="id", time="t"), Design("y", "g", window=window))
    said = " ".join(result.notes)
    assert ("1 treated unit" if lonely == "treated" else "one never treated unit") in said or (
        "one unit only in" in said
    )
