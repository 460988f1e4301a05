"""Each mistake, put to every estimator: an error that says what, where and how to mend it, or a count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.errors import DataError, DesignError, EstimationError, EvaluationError
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

ESTIMATORS = {
    "two-way": TwoWayFixedEffects(),
    "two-way, event study": TwoWayFixedEffects(event_study=True),
    "group-time": GroupTime(),
    "imputation": Imputation(),
    "interaction-weighted": InteractionWeighted(),
    "poisson": PoissonFixedEffects(),
    "poisson, event study": PoissonFixedEffects(event_study=True),
    "stacked": Stacked(),
    "extended": ExtendedTwoWayFixedEffects(),
    "extended, poisson": ExtendedTwoWayFixedEffects(family="poisson"),
    "two by two": TwoByTwo(),
}
every = pytest.mark.parametrize("name", ESTIMATORS)


@pytest.fixture(scope="module")
def frame(simulate) -> pd.DataFrame:
    return simulate(1, units=40, cohorts=(4,)).assign(y=lambda d: d["count"])


def fit(name, frame, **options):
    window = {"window": (-1, 1)} if name == "stacked" else {}
    return ESTIMATORS[name].fit(Panel(frame, unit="id", time="t"), Design("y", "g", **window, **options))


def refuse(kind, message, name, frame, *parts, **options):
    with pytest.raises(kind, match=message) as caught:
        fit(name, frame, **options)
    for part in parts:
        assert part in str(caught.value)
    assert "Traceback" not in str(caught.value)
    return caught.value


@every
def test_treatment_that_switches_off_names_units_and_says_who_would_allow_it(frame, name):
    off = frame.assign(g=frame["g"].where(~frame["id"].isin([0, 2]) | (frame["t"] < 6)))
    error = refuse(DataError, "the first treated period 'g' changes within a unit", name, off)
    assert "units 0, 2" in error.where
    assert "Chaisemartin" in error.fix


@every
def test_everyone_treated_at_once(frame, name):
    treated = frame[frame["g"].notna()]
    refuse(
        EvaluationError,
        "never treated|at the same time|not identified|told apart|no comparison",
        name,
        treated,
    )


@every
def test_everyone_treated_from_the_first_period_on(frame, name):
    with pytest.raises(EvaluationError) as caught:
        fit(name, frame.assign(g=1.0))
    assert caught.value.fix or caught.value.where


@pytest.mark.parametrize("name", ["group-time", "interaction-weighted", "extended", "stacked"])
def test_no_never_treated_when_asked_for(frame, simulate, name):
    staggered = simulate(1, units=40, cohorts=(3, 5), never=False)
    error = refuse(DesignError, "no unit is never treated", name, staggered)
    assert 'comparison="not_yet_treated"' in error.fix


@pytest.mark.parametrize("name", [n for n in ESTIMATORS if n != "two by two"])
def test_treated_in_the_first_period_is_counted_or_said_to_be_kept(frame, name):
    early = frame.assign(g=frame["g"].where(frame["id"] > 1, 1))
    result = fit(name, early)
    if name.startswith(("two-way", "poisson")):
        assert any("2 units are treated in every period" in note for note in result.notes)
    else:
        assert result.sample.dropped["unit treated from the first period on"] == 12
        assert not any("serve as comparisons" in note for note in result.notes)


@every
def test_missing_outcomes_are_counted(frame, name):
    result = fit(name, frame.assign(y=frame["y"].astype(float).where(frame.index != 9)))
    assert result.sample.dropped["missing outcome 'y'"] == 1
    if name == "two by two":
        assert result.sample.dropped["unit not observed in every period"] == 5


@every
def test_repeated_rows(frame, name):
    twice = pd.concat([frame, frame.iloc[[3]]], ignore_index=True)
    refuse(DataError, r"\(0, 4\)", name, twice, "rows 3, 240", "one row a unit-period")


@every
def test_one_period(frame, name):
    refuse(DesignError, "the panel has one period, 4", name, frame[frame["t"] == 4])


@every
def test_infinite_values(frame, name):
    wrong = frame.assign(y=frame["y"].astype(float).where(frame.index != 5, np.inf))
    refuse(DataError, "'y' holds infinite values", name, wrong, "rows 5")


@every
def test_a_cluster_that_cuts_across_units(frame, name):
    error = refuse(
        DesignError, "cluster 'c' cuts across units", name, frame.assign(c=frame.index % 5), cluster="c"
    )
    assert "units 0, 1" in error.where


@every
def test_numbers_too_large_to_be_exact(frame, name):
    """Sums that ran over, and counts that floating point cannot tell apart, are not estimated from."""
    for wrong in (
        frame.assign(y=frame["y"].astype("int64") + 2**62),
        frame.assign(y=np.uint64(2**64 - 1) - frame["y"].astype("uint64")),
        frame.assign(y=[10**400 + int(value) for value in frame["y"]]),
    ):
        refuse(DataError, "'y' are too large to be told apart", name, wrong, "overflow")


@every
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "Int32", "uint64"])
def test_narrow_counts_do_not_run_over(frame, name, dtype):
    """Sums of 240 values near 100 do not fit in these types."""
    near = (100 + frame["y"].clip(0, 20)).astype("int64")
    one, two = fit(name, frame.assign(y=near)), fit(name, frame.assign(y=near.astype(dtype)))
    np.testing.assert_array_equal(one.coef, two.coef)
    np.testing.assert_array_equal(one.vcov, two.vcov)


@every
def test_values_that_are_no_numbers(frame, name):
    refuse(DataError, "'y' must be numeric", name, frame.assign(y="many"))
    refuse(DataError, "'y' must be numeric", name, frame.assign(y=frame["y"] * 1j))


@every
def test_an_outcome_without_variation_has_no_standard_error_and_says_so(frame, name):
    result = fit(name, frame.assign(y=3))
    np.testing.assert_allclose(result.coef, 0, atol=1e-12)
    assert np.isnan(result.std_errors).all()
    assert any("undefined" in note for note in result.notes)


@pytest.mark.parametrize("name", ["group-time", "imputation", "interaction-weighted", "extended"])
def test_effects_without_noise_have_no_standard_error(frame, name):
    exact = frame.assign(y=frame["id"] / 7 + frame["t"] ** 2 / 3 + 2.5 * (frame["t"] >= frame["g"]))
    result = fit(name, exact)
    after = (result.terms["event_time"] >= 0).to_numpy()
    np.testing.assert_allclose(result.coef[after], 2.5, atol=1e-10)
    assert np.isnan(result.std_errors).all()
    simple = result.aggregate("simple")
    assert simple.estimate == pytest.approx(2.5)
    assert np.isnan(simple.std_error)
    assert np.isnan(simple.p_value)


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize(
    "name", ["group-time", "imputation", "interaction-weighted", "extended", "extended, poisson"]
)
def test_a_cohort_never_seen_before_its_treatment_has_no_estimate(simulate, name, comparison):
    """Its cells could only be compared with each other, and averages leave them out by name."""
    frame = simulate(1, units=60, cohorts=(3, 5)).assign(y=lambda d: d["count"] + 1)
    frame = frame[~((frame["g"] == 3) & (frame["t"] < 3))]
    result = fit(name, frame, comparison=comparison)
    three = (result.terms["cohort"] == 3).to_numpy() & (result.terms["event_time"] >= 0).to_numpy()
    assert three.sum() == 4
    assert np.isnan(result.coef[three]).all()
    five = (result.terms["cohort"] == 5).to_numpy()
    assert np.isfinite(result.coef[five]).all()
    assert any("cohort 3, period 6" in note for note in result.notes)
    simple = result.aggregate("simple")
    assert any("4 treated cohort-periods have no estimate" in note for note in simple.notes)
    assert np.isfinite(simple.std_error)


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
def test_a_cohort_without_events_before_treatment_is_separated(simulate, comparison):
    frame = simulate(1, units=60, cohorts=(3, 5))
    frame = frame.assign(y=(frame["count"] + 1).where(~((frame["g"] == 3) & (frame["t"] < 3)), 0))
    estimator = ExtendedTwoWayFixedEffects(family="poisson")
    result = estimator.fit(Panel(frame, unit="id", time="t"), Design("y", "g", comparison=comparison))
    after = (result.terms["cohort"] == 3).to_numpy() & (result.terms["event_time"] >= 0).to_numpy()
    assert np.isnan(result.coef[after]).all()
    assert any("separation" in reason for reason in result.sample.dropped)
    assert any("predicted perfectly" in note or "no event in the cells" in note for note in result.notes)
    whole = frame[frame["g"] != 3]
    other = estimator.fit(Panel(whole, unit="id", time="t"), Design("y", "g", comparison="never_treated"))
    five = (result.terms["cohort"] == 5).to_numpy()
    if comparison == "never_treated":
        np.testing.assert_allclose(result.coef[five], other.coef, atol=1e-8)


def test_separated_reference_of_a_count_event_study_is_named(simulate):
    frame = simulate(1, units=40, cohorts=(3,))
    frame = frame[frame["g"].isna() | (frame["id"] == 0)]
    frame = frame.assign(y=(frame["count"] + 1).where(~((frame["id"] == 0) & (frame["t"] == 2)), 0))
    with pytest.raises(EstimationError, match="cannot be told apart") as caught:
        fit("poisson, event study", frame)
    assert "1 rows dropped: outcome of 0 predicted perfectly (separation)" in caught.value.where


@pytest.mark.parametrize("name", ["two-way", "poisson", "two by two"])
def test_an_estimator_of_one_effect_refuses_a_window(frame, name):
    with pytest.raises(DesignError, match=r"(?s)one effect for all event times.*window=None"):
        fit(name, frame, window=(-1, 1))


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_collinear_covariates_of_the_extended_regression_are_named(frame, family):
    data = frame.assign(twice=2 * frame["z"])
    estimator = ExtendedTwoWayFixedEffects(family=family)
    one, two = (
        estimator.fit(Panel(data, unit="id", time="t"), Design("y", "g", covariates=names))
        for names in (("z",), ("z", "twice"))
    )
    assert any("covariate 'twice' is collinear" in note for note in two.notes)
    assert not any("collinear" in note for note in one.notes)
    np.testing.assert_allclose(one.coef, two.coef, atol=1e-7)
