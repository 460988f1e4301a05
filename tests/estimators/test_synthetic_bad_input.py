"""Synthetic methods say in words what is wrong, drop nothing unsaid, claim no p-value they cannot have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.errors import DataError, DesignError, EstimationError, EvaluationError
from evaluation.estimators import Predictor, SyntheticControl, SyntheticDiD

DESIGN = Design("y", "first")
BOTH = pytest.mark.parametrize("estimator", [SyntheticControl(), SyntheticDiD()], ids=["SC", "SDID"])


def table(units=9, periods=12, start=8.0, seed=0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "unit": [f"u{i}" for i in np.repeat(np.arange(units), periods)],
            "time": np.tile(np.arange(periods), units),
        }
    )
    data["first"] = np.where(data["unit"] == "u0", start, np.nan)
    data["y"] = np.cumsum(rng.normal(size=(units, periods)), axis=1).ravel() + 10
    data["x"] = rng.normal(size=len(data))
    return data


def fit(estimator, data, design=DESIGN):
    return estimator.fit(Panel(data, unit="unit", time="time"), design)


@BOTH
def test_donors_with_missing_months_are_dropped_and_counted(estimator):
    data = table()
    data.loc[(data["unit"] == "u3") & (data["time"] == 2), "y"] = np.nan
    data = data[~((data["unit"] == "u5") & (data["time"] == 11))]
    result = fit(estimator, data)
    assert result.sample.dropped == {"donor without an outcome in every period": 12 + 11}
    assert any("2 donors without an outcome in every period left out: u3, u5" in n for n in result.notes)
    assert result.sample.units == 7
    without = fit(estimator, data[~data["unit"].isin(["u3", "u5"])])
    assert result.estimate == pytest.approx(without.estimate, abs=1e-12)


@BOTH
def test_months_outside_the_window_may_miss(estimator):
    data = table()
    data.loc[(data["unit"] == "u3") & (data["time"] == 0), "y"] = np.nan
    assert fit(estimator, data, Design("y", "first", window=(-7, 3))).sample.dropped == {}


@BOTH
def test_treated_unit_with_a_missing_month_is_named(estimator):
    data = table()
    data.loc[(data["unit"] == "u0") & (data["time"] == 4), "y"] = np.nan
    with pytest.raises(DataError, match="a treated unit has no outcome 'y' in 1 period") as caught:
        fit(estimator, data)
    assert "u0 in 4" in str(caught.value)


@BOTH
def test_no_period_before_treatment(estimator):
    with pytest.raises(DesignError, match="no period before treatment") as caught:
        fit(estimator, table(start=0.0).assign(time=lambda d: d["time"] + 0))
    assert "the panel runs from 0 to 11" in str(caught.value)


@BOTH
def test_one_period_before_treatment_is_too_few(estimator):
    with pytest.raises(DesignError, match="one period before treatment is too few"):
        fit(estimator, table(start=1.0))


@BOTH
def test_few_periods_before_treatment_are_noted(estimator):
    assert any("only 3 periods before treatment" in n for n in fit(estimator, table(start=3.0)).notes)


@BOTH
def test_a_cohort_without_periods_before_is_left_out_and_counted(estimator):
    data = table()
    data.loc[data["unit"] == "u1", "first"] = 1.0
    result = fit(estimator, data)
    assert result.sample.dropped == {"treated from 1: 1 period before treatment": 12}
    assert any("u1 left out" in n for n in result.notes)
    assert result.estimate == pytest.approx(fit(estimator, data[data["unit"] != "u1"]).estimate)


@BOTH
def test_more_donors_than_periods_are_noted(estimator):
    result = fit(estimator, table(units=20))
    assert np.isfinite(result.estimate)
    assert any("19 donors for 8 periods before treatment" in n for n in result.notes)


def test_exact_fit_with_many_donors_is_called_not_unique():
    data = table(units=20)
    mean = data[data["unit"] != "u0"].groupby("time")["y"].mean()
    own = data["unit"] == "u0"
    data.loc[own, "y"] = data.loc[own, "time"].map(mean)
    notes = fit(SyntheticControl(), data).notes
    assert any("u0 lies inside the donors' hull" in n and "not unique" in n for n in notes)


def test_outside_the_hull_says_how_far():
    data = table()
    highest = data[data["unit"] != "u0"].groupby("time")["y"].max()
    own = data["unit"] == "u0"
    data.loc[own, "y"] = data.loc[own, "time"].map(highest) + 5
    result = fit(SyntheticControl(), data)
    (note,) = [n for n in result.notes if "outside the donors' hull" in n]
    distance = result.details.fit.hull_distance
    assert distance > 5
    assert f"is {distance:.4g} away" in note
    assert "above every donor in 8 of 8 periods" in note


@BOTH
def test_fewer_than_five_donors_get_no_p_value(estimator):
    result = fit(estimator, table(units=5))
    assert np.isfinite(result.estimate)
    assert np.isnan(result.std_error)
    assert np.isnan(result.p_value)
    assert any("4 donors: a placebo test cannot give a p-value below 1/5" in n for n in result.notes)
    assert np.isfinite(fit(estimator, table(units=6)).std_error)


@BOTH
def test_one_donor_gets_all_the_weight(estimator):
    weights = fit(estimator, table(units=2)).details.fit.unit_weights
    assert weights.to_dict() == {"u1": 1.0}


@BOTH
def test_identical_donors_share_weight_evenly_and_are_named(estimator):
    data = table()
    copy = data[data["unit"] == "u4"].assign(unit="z4")
    result = fit(estimator, pd.concat([data, copy]))
    assert any(
        "2 donors are identical to another before treatment" in n and "u4, z4" in n for n in result.notes
    )
    weights = result.details.fit.unit_weights
    assert weights["u4"] == pytest.approx(weights["z4"], abs=1e-12)
    if isinstance(estimator, SyntheticControl):
        alone = fit(estimator, data)
        assert result.estimate == pytest.approx(alone.estimate, abs=1e-9)


@BOTH
def test_all_donors_identical(estimator):
    data = table()
    base = data[data["unit"] == "u1"].set_index("time")["y"]
    donors = data["unit"] != "u0"
    data.loc[donors, "y"] = data.loc[donors, "time"].map(base)
    weights = fit(estimator, data).details.fit.unit_weights
    np.testing.assert_allclose(weights, 1 / 8)


@BOTH
def test_constant_outcome_has_no_effect_and_no_standard_error(estimator):
    result = fit(estimator, table().assign(y=3.0))
    assert result.estimate == pytest.approx(0, abs=1e-12)
    assert np.isnan(result.std_error)


@BOTH
def test_no_donor_left(estimator):
    with pytest.raises(DesignError, match="no donor is left: no unit is never treated"):
        fit(estimator, table().assign(first=8.0))
    data = table()
    data.loc[(data["unit"] != "u0") & (data["time"] == 3), "y"] = np.nan
    with pytest.raises(DesignError, match="all 8 never treated units miss an outcome"):
        fit(estimator, data)


@BOTH
@pytest.mark.parametrize(
    ("design", "words"),
    [
        (Design("y", "first", comparison="not_yet_treated"), "never treated units only"),
        (Design("y", "first", weights="x"), "takes no weights"),
    ],
)
def test_designs_that_synthetic_methods_do_not_know(estimator, design, words):
    with pytest.raises(DesignError, match=words):
        fit(estimator, table(), design)


def test_covariates_of_synthetic_control_are_predictors():
    with pytest.raises(DesignError, match=r"(?s)takes no covariates.*predictors"):
        fit(SyntheticControl(), table(), Design("y", "first", covariates=("x",)))


@pytest.mark.parametrize(
    ("predictor", "kind", "words"),
    [
        (Predictor("x", 6, 8), DesignError, "x 6 to 8 reaches beyond treatment"),
        (Predictor("x", -9, -5), DesignError, "x -9 to -5: no period"),
        ("nothing", DataError, "has no column 'nothing'"),
    ],
)
def test_predictors_that_do_not_exist_or_look_ahead(predictor, kind, words):
    with pytest.raises(kind, match=words):
        fit(SyntheticControl(predictors=(predictor,)), table())


def test_units_without_a_predictor():
    data = table()
    data.loc[data["unit"] == "u3", "x"] = np.nan
    result = fit(SyntheticControl(predictors=("x", "y"), importance="equal"), data)
    assert result.sample.dropped == {"donor that misses a predictor": 12}
    data.loc[data["unit"] == "u0", "x"] = np.nan
    with pytest.raises(DataError, match="a treated unit misses a predictor"):
        fit(SyntheticControl(predictors=("x", "y")), data)


def test_units_without_a_covariate():
    design = Design("y", "first", covariates=("x",))
    data = table()
    data.loc[data["unit"] == "u3", "x"] = np.nan
    assert fit(SyntheticDiD(), data, design).sample.dropped == {"donor that misses a covariate": 12}
    data.loc[data["unit"] == "u0", "x"] = np.nan
    with pytest.raises(DataError, match="a treated unit misses a covariate"):
        fit(SyntheticDiD(), data, design)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (SyntheticDiD, {"variance": "cluster"}),
        (SyntheticDiD, {"terms": "all"}),
        (SyntheticDiD, {"draws": 1}),
        (SyntheticDiD, {"zeta": -1.0}),
        (SyntheticDiD, {"solver": "R"}),
        (SyntheticDiD, {"time_weights": "none"}),
        (SyntheticControl, {"ridge": -1.0}),
        (SyntheticControl, {"augment": "loo"}),
        (SyntheticControl, {"augment": 0.0}),
        (SyntheticControl, {"importance": "best"}),
        (SyntheticControl, {"predictors": ("x",), "importance": (0.5, 0.5)}),
        (SyntheticControl, {"predictors": ("x",), "intercept": True}),
        (SyntheticControl, {"solver": "R"}),
    ],
)
def test_options_that_do_not_exist(kind, options):
    with pytest.raises(EstimationError):
        kind(**options)


def test_draws_need_a_seed():
    data = table(units=12)
    data.loc[data["unit"].isin(["u1", "u2"]), "first"] = 8.0
    for options in ({"draws": 20}, {"variance": "bootstrap"}):
        with pytest.raises(EvaluationError, match="no seed is given"):
            fit(SyntheticDiD(**options), data)


@BOTH
def test_more_treated_units_than_donors_have_no_placebo(estimator):
    data = table(units=12)
    data.loc[data["unit"].isin([f"u{i}" for i in range(1, 6)]), "first"] = 8.0
    result = fit(estimator, data)
    assert np.isnan(result.std_error)
    assert any("placebos need more donors (6) than treated units (6)" in n for n in result.notes)
