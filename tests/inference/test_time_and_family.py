"""Placebo in time, and Romano-Wolf: equal to enumeration, refits and closed testing."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from dense_panels import DESIGN, panel, table

from evaluation import Design, Panel
from evaluation.errors import DesignError, EstimationError
from evaluation.estimators import GroupTime, TwoWayFixedEffects
from evaluation.inference import randomization_in_time, romano_wolf

TWFE = TwoWayFixedEffects()
ONE = {4: 7}


def data(seed: int = 1) -> pd.DataFrame:
    return table(seed=seed, units=8, periods=10, treated=ONE)


def test_shifts_equal_least_squares_with_the_window_moved():
    frame = data()
    test = randomization_in_time(TWFE, panel(frame), DESIGN)
    wide = frame.pivot(index="unit", columns="time", values="y").to_numpy()
    for shift in range(10):
        window = np.roll((np.arange(10) >= 7).astype(float), shift)
        d = np.zeros_like(wide)
        d[4] = window
        d = d - d.mean(axis=1, keepdims=True) - d.mean(axis=0) + d.mean()
        theirs = (d * wide).sum() / (d**2).sum()
        ours = test.estimate if shift == 0 else test.placebo[shift - 1, 0]
        assert ours == pytest.approx(theirs)
    assert test.n_assignments == 10
    assert test.smallest_p == pytest.approx(0.1)
    assert test.labels[:4] == (8, 9, 0, 1)


def test_cyclic_interval_is_re_tested_at_its_ends():
    frame = data(3)
    low, high, reason = randomization_in_time(TWFE, panel(frame), DESIGN).interval(0.8)
    assert reason == ""

    def p_of(effect: float) -> float:
        shifted = frame.assign(y=frame["y"] - effect * (frame["time"] >= frame["first"]))
        return randomization_in_time(TWFE, panel(shifted), DESIGN).p_value

    assert p_of(low + 1e-6) > 0.2
    assert p_of(high - 1e-6) > 0.2
    assert p_of(low - 1e-6) <= 0.2
    assert p_of(high + 1e-6) <= 0.2


def test_cyclic_test_holds_its_size_where_the_gap_is_stationary():
    rng = np.random.default_rng(4)
    rejected = 0
    frame = table(units=5, periods=20, treated={0: 12})
    for _ in range(300):
        frame["y"] = rng.normal(size=len(frame))
        rejected += randomization_in_time(TWFE, panel(frame), DESIGN).p_value <= 0.1
    # binomial(300, 0.1): 30 expected, 5.2 standard deviation
    assert 15 <= rejected <= 46


@pytest.mark.parametrize("estimator", [TWFE, TwoWayFixedEffects(covariance="iid")])
def test_dates_before_treatment_are_refits_on_what_was_known_then(estimator):
    frame = data()
    test = randomization_in_time(estimator, panel(frame), DESIGN, scheme="before", after=2)
    assert test.labels == (2, 3, 4, 5)
    for date, value in zip(test.labels, test.placebo[:, 0], strict=True):
        part = frame[frame["time"] < date + 2].copy()
        part["first"] = np.where(part["unit"] == 4, float(date), np.nan)
        assert value == pytest.approx(TWFE.fit(panel(part.reset_index(drop=True)), DESIGN).estimate)
    first = frame[frame["time"] < 9].reset_index(drop=True)
    assert test.estimate == pytest.approx(TWFE.fit(panel(first), DESIGN).estimate)
    assert any("first 2 periods after treatment" in note for note in test.notes)
    low, high, reason = test.interval(0.8)
    assert reason == ""
    assert (low + high) / 2 == pytest.approx(test.estimate)


def test_months_and_another_estimator():
    frame = data()
    months = pd.period_range("2014-01", periods=10, freq="M")
    frame["month"] = months[frame["time"]].astype(str)
    frame["start"] = [months[7] if u == 4 else None for u in frame["unit"]]
    p = Panel(frame, unit="unit", time="month")

    class Overall:
        def fit(self, panel, design):
            return GroupTime().fit(panel, design).aggregate("simple")

    test = randomization_in_time(Overall(), p, Design("y", "start"), scheme="before", after=1)
    assert [str(label) for label in test.labels] == ["2014-03", "2014-04", "2014-05", "2014-06", "2014-07"]
    assert np.isfinite(test.p_value)


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        ({"treated": {4: 7, 5: 6}}, {}, DesignError, "treatment starts at 2 dates"),
        ({"treated": dict.fromkeys(range(8), 7)}, {}, DesignError, "every unit is treated"),
        ({"treated": {4: 1}}, {}, DesignError, "1 periods before treatment and 9 after"),
        ({"lost_rows": 1}, {}, EstimationError, "on a complete panel"),
        ({}, {"scheme": "random"}, EstimationError, "scheme is 'random'"),
        ({}, {"after": 2}, EstimationError, "cyclic shifts use every period"),
        ({}, {"scheme": "before", "after": 9}, DesignError, "after is 9"),
        ({}, {"scheme": "before", "before": 6, "after": 3}, DesignError, "leave no placebo date"),
    ],
)
def test_mistakes_are_named(change, options, error, message):
    frame = table(**({"units": 8, "periods": 10, "treated": ONE} | change))
    with pytest.raises(error, match=message):
        randomization_in_time(TWFE, panel(frame), DESIGN, **options)


# Romano-Wolf ----------------------------------------------------------------------------------


def statistics(m: int = 4, draws: int = 199, seed: int = 1):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(m, m)) + np.eye(m)
    return np.array([2.5, 0.3, 1.9, 3.1])[:m], rng.normal(size=(draws, m)) @ root


@pytest.mark.parametrize("studentize", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_step_down_equals_closed_testing(studentize, seed):
    """Rejecting an outcome means rejecting every set of outcomes that holds it, by its largest statistic."""
    own, drawn = statistics(seed=seed)
    test = romano_wolf(own, drawn, studentize=studentize)
    scale = np.sqrt((own**2 + (drawn**2).sum(axis=0)) / 200) if studentize else np.ones(4)
    s, d = np.abs(own) / scale, np.abs(drawn) / scale
    for j in range(4):
        worst = 0.0
        for size in range(1, 5):
            for subset in combinations(range(4), size):
                if j in subset:
                    largest = d[:, subset].max(axis=1)
                    worst = max(worst, (1 + (largest >= s[list(subset)].max()).sum()) / 200)
        assert test.adjusted[j] == pytest.approx(worst)
    assert (test.adjusted >= test.p_values - 1e-12).all()


def test_one_outcome_is_not_adjusted_and_copies_cost_nothing():
    own, drawn = statistics(m=1)
    test = romano_wolf(own, drawn)
    assert test.adjusted == pytest.approx(test.p_values)
    copies = romano_wolf(np.repeat(own, 5), np.repeat(drawn, 5, axis=1))
    np.testing.assert_allclose(copies.adjusted, test.p_values[0])


def test_units_of_measurement_do_not_matter_when_studentized():
    own, drawn = statistics()
    factor = np.array([1, 1000, 0.01, 5])
    np.testing.assert_allclose(
        romano_wolf(own, drawn).adjusted, romano_wolf(own * factor, drawn * factor).adjusted
    )


def test_family_wise_error_is_held():
    rng = np.random.default_rng(6)
    wrong = 0
    for _ in range(300):
        sample = rng.normal(size=(100, 6)) @ np.tril(np.ones((6, 6)))
        wrong += romano_wolf(sample[0], sample[1:]).adjusted.min() <= 0.1
    # binomial(300, 0.1): 30 expected, 5.2 standard deviation
    assert 15 <= wrong <= 46


def test_undefined_outcomes_are_left_out_by_name():
    own, drawn = statistics()
    own = own.copy()
    own[1] = np.nan
    test = romano_wolf(own, drawn, names=["a", "b", "c", "d"])
    assert np.isnan(test.adjusted[1])
    assert test.notes == ("left out, a statistic is not finite: b",)
    rest = romano_wolf(own[[0, 2, 3]], drawn[:, [0, 2, 3]])
    np.testing.assert_allclose(test.adjusted[[0, 2, 3]], rest.adjusted)
    assert list(test.tidy()["outcome"]) == ["a", "b", "c", "d"]


def test_shapes_and_names_are_checked():
    own, drawn = statistics()
    with pytest.raises(EstimationError, match=r"shape \(199, 4\)"):
        romano_wolf(own[:3], drawn)
    with pytest.raises(EstimationError, match="2 names for 4 outcomes"):
        romano_wolf(own, drawn, names=["a", "b"])
    with pytest.raises(EstimationError, match="no outcome has finite statistics"):
        romano_wolf([np.nan], np.ones((3, 1)))
