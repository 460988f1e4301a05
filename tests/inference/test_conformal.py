"""Conformal tests: their size, their intervals, and what they refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.errors import DesignError, EstimationError
from evaluation.estimators import SyntheticControl, SyntheticDiD, TwoWayFixedEffects
from evaluation.inference import conformal_intervals, conformal_test
from evaluation.numerics.simplex import simplex_least_squares

DESIGN = Design("y", "first")


def table(seed=0, units=8, periods=20, start=18, effect=0.0) -> pd.DataFrame:
    """The treated unit is the mean of two donors and noise, so that the model is true."""
    rng = np.random.default_rng(seed)
    y = np.cumsum(rng.normal(size=(units, periods)), axis=1)
    y[0] = (y[1] + y[2]) / 2 + rng.normal(size=periods)
    data = pd.DataFrame(
        {"unit": np.repeat(np.arange(units), periods), "time": np.tile(np.arange(periods), units)}
    )
    data["first"] = np.where(data["unit"] == 0, float(start), np.nan)
    data["y"] = y.ravel() + effect * (data["time"] >= data["first"])
    return data


def panel(data: pd.DataFrame) -> Panel:
    return Panel(data, unit="unit", time="time")


def test_residuals_are_of_a_fit_to_all_periods_under_the_hypothesis():
    data = table(effect=3.0)
    test = conformal_test(SyntheticControl(), panel(data), DESIGN, effect=[3.0, 1.0])
    y = data["y"].to_numpy().reshape(8, 20).copy()
    y[0, 18:] -= [3.0, 1.0]
    fit = simplex_least_squares(y[1:].T, y[0])
    u = y[0] - fit.weights[0] @ y[1:]
    np.testing.assert_allclose(test.residuals, u, atol=1e-10)
    statistics = [np.abs(np.roll(u, -k)[18:]).sum() for k in range(20)]
    assert test.p_value == pytest.approx(np.mean(np.array(statistics) >= statistics[0] - 1e-12))
    assert test.smallest_p == pytest.approx(1 / 20)


@pytest.mark.parametrize("estimator", [SyntheticControl(), SyntheticControl(intercept=True), SyntheticDiD()])
def test_size_under_the_model(estimator):
    values = np.array([conformal_test(estimator, panel(table(s)), DESIGN).p_value for s in range(150)])
    # binomial(150, 0.1): 15 expected, 3.7 standard deviation
    assert (values <= 0.1).sum() <= 27
    assert 0.4 < values.mean() < 0.7


def test_an_effect_is_found():
    test = conformal_test(SyntheticControl(), panel(table(effect=12.0)), DESIGN)
    assert test.p_value == pytest.approx(test.smallest_p)
    back = conformal_test(SyntheticControl(), panel(table(effect=12.0)), DESIGN, effect=12.0)
    assert back.p_value > 0.1


@pytest.mark.parametrize("estimator", [SyntheticControl(), SyntheticControl(augment=500.0), SyntheticDiD()])
def test_interval_ends_where_the_test_begins_to_reject(estimator):
    data = table(effect=4.0)
    found = conformal_intervals(estimator, panel(data), DESIGN, level=0.9)
    assert found["time"].tolist() == [18, 19]
    for row in found.itertuples():
        kept = data[(data["time"] < 18) | (data["time"] == row.time)]

        def p(effect, kept=kept):
            return conformal_test(estimator, panel(kept), DESIGN, effect=effect).p_value

        assert row.ci_low < row.estimate < row.ci_high
        width = row.ci_high - row.ci_low
        for end, outward in ((row.ci_low, -1), (row.ci_high, 1)):
            assert p(end - outward * 1e-4 * width) > 0.1
            assert p(end + outward * 1e-4 * width) <= 0.1


def test_constant_effect_interval_holds_the_effect():
    found = conformal_intervals(SyntheticControl(), panel(table(effect=4.0)), DESIGN, by="constant")
    assert len(found) == 1
    assert found["ci_low"][0] < 4.0 < found["ci_high"][0]


def test_a_level_that_the_periods_cannot_give_is_refused_in_words():
    found = conformal_intervals(SyntheticControl(), panel(table()), DESIGN)  # 95 %, as everywhere
    assert found[["ci_low", "ci_high"]].isna().all().all()
    assert "19 periods give no p-value below 0.053" in found["reason"][0]


def test_a_fit_that_takes_up_any_effect_gives_an_unbounded_interval_and_says_so():
    found = conformal_intervals(SyntheticControl(augment=1.0), panel(table(effect=4.0)), DESIGN, level=0.9)
    unbounded = np.isinf(found["ci_low"]) & np.isinf(found["ci_high"])
    assert unbounded.tolist() == [False, True]
    assert found["reason"].str.contains("effects however far are not rejected").tolist() == [False, True]


def test_random_orders_need_a_seed_and_agree_with_blocks_on_white_noise():
    data = panel(table(effect=12.0))
    with pytest.raises(EstimationError, match="seed"):
        conformal_test(SyntheticControl(), data, DESIGN, permutations="iid")
    drawn = conformal_test(SyntheticControl(), data, DESIGN, permutations="iid", draws=999, seed=1)
    assert drawn.p_value < 0.05
    assert drawn.n_permutations == 1000


def test_what_cannot_be_asked_is_said():
    data = table()
    with pytest.raises(EstimationError, match="not a synthetic method"):
        conformal_test(TwoWayFixedEffects(), panel(data), DESIGN)
    with pytest.raises(EstimationError, match="predictors"):
        conformal_test(SyntheticControl(predictors=("y",)), panel(data), DESIGN)
    staggered = data.assign(first=data["first"].where(data["unit"] != 1, 15.0))
    with pytest.raises(DesignError, match="one cohort, and there are 2"):
        conformal_test(SyntheticControl(), panel(staggered), DESIGN)
    with pytest.raises(EstimationError, match="level"):
        conformal_intervals(SyntheticControl(), panel(data), DESIGN, level=95)
