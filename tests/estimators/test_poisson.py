"""Poisson fixed effects beside R's fepois, a Poisson regression with dummies, and separated data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation import Design, Panel
from evaluation.errors import DataError, EstimationError
from evaluation.estimators import ExtendedTwoWayFixedEffects, PoissonFixedEffects
from evaluation.estimators import _regression as regression
from evaluation.estimators.poisson import percent_change, percent_table

ESTIMATE = 1e-8  # absolute, against R
STD_ERROR = 1e-6  # relative; fixest's weights are those before its last step
SAME = 1e-7  # statsmodels' own convergence


def panel_of(frame: pd.DataFrame) -> Panel:
    return Panel(frame, unit="id", time="t")


@pytest.fixture(scope="module")
def frame(staggered):
    rng = np.random.default_rng(0)
    return staggered.assign(
        population=rng.uniform(1, 5, len(staggered)),
        z=rng.standard_normal(len(staggered)),
        w=rng.uniform(0.5, 2, len(staggered)),
    )


def test_fepois(frame, reference):
    theirs = reference("r_fixest_bjs.json")["fepois"]
    result = PoissonFixedEffects().fit(panel_of(frame), Design("count", "g"))
    assert abs(result.estimate - theirs["coef"]) <= ESTIMATE
    assert abs(result.std_error / theirs["se"] - 1) <= STD_ERROR
    assert result.sample.observations == theirs["n"]
    assert result.df == np.inf


@settings(max_examples=5)
@given(seed=st.integers(0, 10**6), missing=st.sampled_from([0.0, 0.15]), event=st.booleans())
def test_statsmodels_with_dummies(simulate, seed, missing, event):
    data = simulate(seed, units=18, periods=5, cohorts=(3, 4), missing=missing)
    data = data.assign(
        rel=(data["t"] - data["g"]).fillna(-1).astype(int),
        d=(data["t"] >= data["g"]) * 1,
        people=np.exp(0.1 * data["z"] + 1),
        count=data["count"] + 1,
    )
    formula = "count ~ x + C(id) + C(t) + " + ("C(rel, Treatment(-1))" if event else "d")
    model = smf.glm(formula, data, family=sm.families.Poisson(), offset=np.log(data["people"]))
    fitted = model.fit(
        tol=1e-12, cov_type="cluster", cov_kwds={"groups": data["id"], "use_correction": False}
    )
    names = [n for n in fitted.params.index if "rel" in n or n == "d"] + ["x"]
    result = PoissonFixedEffects(
        event_study=event, exposure="people", small_sample="none", report_covariates=True
    ).fit(panel_of(data), Design("count", "g", covariates="x"))
    table = result.tidy()
    table = table[table["event_time"] != -1]
    np.testing.assert_allclose(table["estimate"], fitted.params[names], atol=SAME)
    np.testing.assert_allclose(table["std_error"], fitted.bse[names], rtol=1e-5)


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("share", [1.0, 0.8])
def test_cell_arithmetic_equals_row_arithmetic(frame, monkeypatch, weights, share):
    panel = panel_of(frame.sample(frac=share, random_state=3))
    design = Design("count", "g", covariates="z", weights=weights, cluster="cl")
    estimator = PoissonFixedEffects(event_study=True, report_covariates=True)
    one = estimator.fit(panel, design)
    monkeypatch.setattr(regression, "use_grid", lambda sample: False)
    two = estimator.fit(panel, design)
    np.testing.assert_allclose(one.coef, two.coef, atol=1e-10)
    np.testing.assert_allclose(one.vcov, two.vcov, atol=1e-12)


def test_exposure_that_belongs_to_the_unit_changes_nothing(frame):
    data = frame.assign(size=frame["id"] % 7 + 1.0)
    plain = PoissonFixedEffects().fit(panel_of(data), Design("count", "g"))
    out_of = PoissonFixedEffects(exposure="size").fit(panel_of(data), Design("count", "g"))
    assert plain.estimate == pytest.approx(out_of.estimate, abs=1e-10)
    moving = PoissonFixedEffects(exposure="population").fit(panel_of(data), Design("count", "g"))
    assert abs(plain.estimate - moving.estimate) > 1e-3


def test_static_effect_of_a_balanced_two_by_two_is_a_ratio_of_totals(frame):
    data = frame[frame["g"].isna() | (frame["g"] == 5)]
    result = PoissonFixedEffects().fit(panel_of(data), Design("count", "g"))
    total = data.groupby([data["g"].notna(), data["t"] >= 5])["count"].sum()
    expected = np.log(total[True, True] * total[False, False] / (total[True, False] * total[False, True]))
    assert result.estimate == pytest.approx(expected, abs=1e-10)


def test_percent_change(frame):
    result = PoissonFixedEffects().fit(panel_of(frame), Design("count", "g"))
    percent = percent_change(result)
    assert percent.estimate == pytest.approx(100 * (np.exp(result.estimate) - 1))
    assert percent.std_error == pytest.approx(100 * np.exp(result.estimate) * result.std_error)
    assert percent.influence.std() == pytest.approx(100 * np.exp(result.estimate) * result.influence.std())
    low, high = result.conf_int()
    row = percent_table(result).iloc[0]
    assert row["ci_low"] == pytest.approx(100 * (np.exp(low) - 1))
    assert row["ci_high"] == pytest.approx(100 * (np.exp(high) - 1))
    assert PoissonFixedEffects.percent_change(result).estimand == "percent effect of treatment"


def test_units_without_events_are_dropped_counted_and_named(frame):
    data = frame.assign(count=frame["count"].where(frame["id"] != 5, 0))
    result = PoissonFixedEffects().fit(panel_of(data), Design("count", "g"))
    assert result.sample.dropped == {"outcome of the unit always 0": 8}
    assert any("1 units never have an event" in note and "(5)" in note for note in result.notes)
    without = PoissonFixedEffects().fit(panel_of(data[data["id"] != 5]), Design("count", "g"))
    assert result.estimate == pytest.approx(without.estimate, abs=1e-10)
    assert result.std_error == pytest.approx(without.std_error, rel=1e-9)


def test_periods_without_events_are_dropped(frame):
    data = frame.assign(count=frame["count"].where(frame["t"] != 2, 0))
    result = PoissonFixedEffects().fit(panel_of(data), Design("count", "g"))
    assert result.sample.dropped == {"outcome of the period always 0": 360}
    assert any("periods 2, which were dropped" in note for note in result.notes)


def test_a_term_without_events_has_no_estimate_and_says_why(frame):
    gone = (frame["t"] - frame["g"]) == 5
    data = frame.assign(count=frame["count"].where(~gone, 0))
    result = PoissonFixedEffects(event_study=True).fit(panel_of(data), Design("count", "g"))
    row = result.tidy().set_index("event_time").loc[5]
    assert np.isnan(row["estimate"])
    assert np.isnan(row["std_error"])
    assert any("no event in the cells of event time 5" in note for note in result.notes)
    assert result.sample.dropped == {"term without an event (separation)": int(gone.sum())}
    others = PoissonFixedEffects(event_study=True).fit(panel_of(data[~gone]), Design("count", "g"))
    kept = np.isfinite(result.coef)
    np.testing.assert_allclose(result.coef[kept], others.coef, atol=1e-9)


def test_separation_by_a_covariate_is_found_and_named(frame):
    alone = (frame["id"] == 7) & (frame["t"] > 5)
    data = frame.assign(count=frame["count"].where(~alone, 0), flag=alone * 1.0)
    result = PoissonFixedEffects().fit(panel_of(data), Design("count", "g", covariates="flag"))
    assert result.sample.dropped == {"outcome of 0 predicted perfectly (separation)": 3}
    assert any("predicted perfectly" in note and "units 7" in note for note in result.notes)
    without = PoissonFixedEffects().fit(panel_of(data[~alone]), Design("count", "g"))
    assert result.estimate == pytest.approx(without.estimate, abs=1e-9)


def test_extended_poisson_fits_cells_exactly(frame):
    panel = panel_of(frame)
    design = Design("count", "g", comparison="not_yet_treated")
    logs = ExtendedTwoWayFixedEffects(family="poisson").fit(panel, design)
    counts = ExtendedTwoWayFixedEffects(family="poisson", effects="count").fit(panel, design)
    means = frame.groupby(["g", "t"])["count"].mean()
    observed = np.array([means[g, t] for g, t in zip(logs.terms["cohort"], logs.terms["time"], strict=True)])
    np.testing.assert_allclose(counts.coef, observed * (1 - np.exp(-logs.coef)), atol=1e-12)
    # with all events scaled the log effect stays and the count effect scales
    twice = ExtendedTwoWayFixedEffects(family="poisson", effects="count").fit(
        panel_of(frame.assign(count=2 * frame["count"])), design
    )
    np.testing.assert_allclose(twice.coef, 2 * counts.coef, atol=1e-9)
    np.testing.assert_allclose(twice.std_errors, 2 * counts.std_errors, rtol=1e-7)


def test_extended_poisson_is_the_dummy_regression(frame):
    data = frame[frame["id"] <= 60]
    cells = [(g, t) for g in sorted(data["g"].dropna().unique()) for t in range(int(g), 9)]
    for j, (g, t) in enumerate(cells):
        data = data.assign(**{f"c{j}": ((data["g"] == g) & (data["t"] == t)) * 1})
    formula = "count ~ C(id) + C(t) + " + " + ".join(f"c{j}" for j in range(len(cells)))
    alive = data.groupby("id")["count"].transform("sum") > 0
    theirs = smf.glm(formula, data[alive], family=sm.families.Poisson()).fit(tol=1e-12)
    result = ExtendedTwoWayFixedEffects(family="poisson").fit(
        panel_of(data), Design("count", "g", comparison="not_yet_treated")
    )
    expected = theirs.params[[f"c{j}" for j in range(len(cells))]].to_numpy()
    np.testing.assert_allclose(result.coef, expected, atol=SAME)


def test_mistakes(frame):
    def message(error, data, design=None, **options):
        with pytest.raises(error) as caught:
            PoissonFixedEffects(**options).fit(panel_of(data), design or Design("count", "g"))
        return str(caught.value)

    assert "outcome 'y' is negative" in message(DataError, frame, Design("y", "g"))
    assert "is 0 in every row" in message(EstimationError, frame.assign(count=0))
    bad = frame.assign(population=frame["population"].where(frame["id"] != 4, 0.0))
    assert "exposure 'population' is not positive" in message(DataError, bad, exposure="population")
    assert "no column 'people'" in message(DataError, frame, exposure="people")
    missing = frame.assign(population=frame["population"].where(frame["id"] != 4))
    result = PoissonFixedEffects(exposure="population").fit(panel_of(missing), Design("count", "g"))
    assert result.sample.dropped == {"missing 'population'": 8}
    with pytest.raises(EstimationError, match="belong to the Poisson family"):
        ExtendedTwoWayFixedEffects(exposure="population")
