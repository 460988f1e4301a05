"""Placebo in space: exact, fast path equal to refitting, intervals that invert the test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.errors import DesignError, EstimationError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import randomization_test

UNITS, PERIODS, START = 9, 6, 4


class Refitted:
    """The same estimator, not recognised as linear, so that every placebo is fitted anew."""

    def __init__(self, **options):
        self.estimator = TwoWayFixedEffects(**options)

    def fit(self, panel, design):
        return self.estimator.fit(panel, design)


def frame(seed: int = 1, effect: float = 2.0, treated=(3,), units: int = UNITS) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {"unit": np.repeat(np.arange(units), PERIODS), "time": np.tile(np.arange(PERIODS), units)}
    )
    data["first"] = np.where(data["unit"].isin(treated), float(START), np.nan)
    data["y"] = rng.normal(size=len(data)) + effect * (data["time"] >= data["first"])
    return data


def panel(data: pd.DataFrame) -> Panel:
    return Panel(data, unit="unit", time="time")


DESIGN = Design("y", "first")


@pytest.mark.parametrize("event_study", [False, True])
def test_all_placebos_in_one_pass_equal_refitting(event_study):
    fast = randomization_test(TwoWayFixedEffects(event_study=event_study), panel(frame()), DESIGN)
    slow = randomization_test(Refitted(event_study=event_study), panel(frame()), DESIGN)
    np.testing.assert_allclose(fast.placebo, slow.placebo, atol=1e-12)
    np.testing.assert_allclose(fast.observed, slow.observed, atol=1e-12)
    assert fast.labels == slow.labels == (0, 1, 2, 4, 5, 6, 7, 8)


def test_staggered_draws_equal_refitting():
    data = frame(treated=(3, 4))
    data.loc[data["unit"] == 4, "first"] = 2.0
    fast = randomization_test(TwoWayFixedEffects(), panel(data), DESIGN, draws=50, seed=7)
    slow = randomization_test(Refitted(), panel(data), DESIGN, draws=50, seed=7)
    np.testing.assert_allclose(fast.placebo, slow.placebo, atol=1e-12)
    assert not fast.exact


def test_p_value_is_the_share_of_assignments_at_least_as_far():
    test = randomization_test(TwoWayFixedEffects(), panel(frame()), DESIGN)
    far = np.abs(np.append(test.placebo[:, 0], test.estimate)) >= abs(test.estimate) - 1e-12
    assert test.p_value == pytest.approx(far.mean())
    assert test.n_as_extreme == far.sum() - 1
    assert test.exact
    assert test.smallest_p == pytest.approx(1 / UNITS)


def test_two_treated_units_are_enumerated():
    test = randomization_test(TwoWayFixedEffects(), panel(frame(treated=(3, 5))), DESIGN)
    assert test.exact
    assert test.n_assignments == 36  # 9 choose 2
    assert test.labels == ()


def test_interval_holds_exactly_the_effects_that_are_not_rejected():
    data = frame()
    test = randomization_test(TwoWayFixedEffects(), panel(data), DESIGN)
    low, high, reason = test.interval(0.75)
    assert reason == ""

    def p_of(effect: float) -> float:
        shifted = data.assign(y=data["y"] - effect * (data["time"] >= data["first"]))
        return randomization_test(TwoWayFixedEffects(), panel(shifted), DESIGN).p_value

    assert p_of(low + 1e-6) > 0.25
    assert p_of(high - 1e-6) > 0.25
    assert p_of(low - 1e-6) <= 0.25
    assert p_of(high + 1e-6) <= 0.25


def test_interval_is_absent_with_its_reason_when_places_are_few():
    test = randomization_test(TwoWayFixedEffects(), panel(frame()), DESIGN)
    low, high, reason = test.interval(0.95)
    assert np.isnan(low)
    assert np.isnan(high)
    assert "9 assignments give no p-value below 0.111" in reason
    low, high, reason = test.interval(test.widest_level)
    assert np.isfinite([low, high]).all()
    assert test.critical_value(0.05) is None


def test_critical_value_is_the_smallest_estimate_that_would_be_told():
    test = randomization_test(TwoWayFixedEffects(), panel(frame(units=40)), DESIGN)
    needed = test.critical_value(0.05)
    assert needed is not None
    # 40 assignments: at most one other may be as extreme
    assert (np.abs(test.placebo) >= needed).sum() == 1


def test_size_is_held_under_the_null():
    """With exchangeable units the p-value is uniform on its grid, whatever the serial correlation."""
    rng = np.random.default_rng(20)
    rejected = 0
    for _ in range(400):
        noise = np.cumsum(rng.normal(size=(20, PERIODS)), axis=1)
        data = frame(units=20, effect=0.0).assign(y=noise.ravel())
        rejected += randomization_test(TwoWayFixedEffects(), panel(data), DESIGN).p_value <= 0.05
    # binomial(400, 0.05): 20 expected, 4.4 standard deviation
    assert 7 <= rejected <= 33


def test_clustered_standard_error_fails_where_the_placebo_test_holds():
    rng = np.random.default_rng(21)
    rejected = 0
    for _ in range(200):
        noise = np.cumsum(rng.normal(size=(20, PERIODS)), axis=1)
        data = frame(units=20, effect=0.0).assign(y=noise.ravel())
        rejected += TwoWayFixedEffects().fit(panel(data), DESIGN).p_value <= 0.05
    assert rejected > 100


def test_no_donor_is_an_error():
    data = frame()
    data["first"] = float(START)
    with pytest.raises(DesignError, match="no donor is left"):
        randomization_test(TwoWayFixedEffects(), panel(data), DESIGN)


def test_sampling_without_a_seed_is_an_error():
    data = frame(units=40, treated=tuple(range(10)))
    with pytest.raises(DesignError, match="no seed is given"):
        randomization_test(TwoWayFixedEffects(), panel(data), DESIGN)


def test_a_test_of_many_terms_has_no_single_p_value():
    test = randomization_test(TwoWayFixedEffects(event_study=True), panel(frame()), DESIGN)
    with pytest.raises(EstimationError, match="6 terms"):
        _ = test.p_value
    assert test.p_values.shape == (6,)


@pytest.mark.parametrize(("treated", "exact"), [((3,), True), ((3, 5, 8), True)])
def test_unequal_arms_are_permuted_not_redrawn(treated, exact):
    """Every assignment treats as many units as were treated."""
    data = frame(units=14, treated=treated, effect=1.2)
    every = randomization_test(TwoWayFixedEffects(), panel(data), DESIGN)
    assert every.exact is exact
    slow = randomization_test(Refitted(), panel(data), DESIGN)
    assert every.p_value == pytest.approx(slow.p_value)
    if len(treated) > 1:
        drawn = randomization_test(TwoWayFixedEffects(), panel(data), DESIGN, draws=300, seed=4)
        assert not drawn.exact
        # binomial(300, p): within 3.5 standard deviations of all 364 assignments
        spread = np.sqrt(every.p_value * (1 - every.p_value) / 300)
        assert abs(drawn.p_value - every.p_value) < 3.5 * spread + 2 / 300


def test_drawn_sets_are_uniform_over_assignments():
    from evaluation.inference.assignments import draw_sets

    sets = draw_sets(5, 2, 40_000, np.random.default_rng(2))
    pairs, count = np.unique(sets[:, 0] * 5 + sets[:, 1], return_counts=True)
    assert len(pairs) == 20
    assert (sets[:, 0] != sets[:, 1]).all()
    # 2,000 expected for each ordered pair, 44 standard deviation
    assert abs(count - 2_000).max() < 180


def test_two_cohorts_of_unequal_size_equal_all_assignments():
    data = frame(units=6, treated=(1, 2, 4))
    data.loc[data["unit"] == 4, "first"] = 2.0
    from itertools import permutations

    observed = TwoWayFixedEffects().fit(panel(data), DESIGN).estimate
    values = []
    for order in set(permutations(["n", "a", "a", "n", "b", "n"])):
        first = [{"n": np.nan, "a": 4.0, "b": 2.0}[o] for o in order]
        moved = data.assign(first=np.array(first)[data["unit"]])
        values.append(TwoWayFixedEffects().fit(panel(moved), DESIGN).estimate)
    assert len(values) == 60
    truth = np.mean(np.abs(values) >= abs(observed) - 1e-9)
    test = randomization_test(TwoWayFixedEffects(), panel(data), DESIGN, draws=59)
    assert test.exact
    assert test.p_value == pytest.approx(truth)
    np.testing.assert_allclose(sorted([observed, *test.placebo[:, 0]]), sorted(values), atol=1e-9)
    drawn = randomization_test(TwoWayFixedEffects(), panel(data), DESIGN, draws=58, seed=1)
    assert not drawn.exact


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_where_ritest_of_pyfixest_goes_wrong():
    """It draws each unit's treatment from 0 and 1 alike: 3 of 40 treated become about 20."""
    pf = pytest.importorskip("pyfixest")
    treated = (3, 5, 8)
    data = frame(units=40, treated=treated, effect=0.0)
    wide = data.pivot(index="unit", columns="time", values="y").to_numpy()
    change = wide[:, START:].mean(axis=1) - wide[:, :START].mean(axis=1)
    # an estimate at about 1.3 standard deviations of its permutation distribution
    effect = 0.8 * change.std() - (change[list(treated)].mean() - np.delete(change, treated).mean())
    data["y"] += effect * (data["time"] >= data["first"])
    flat = data.assign(d=data["unit"].isin(treated).astype(int)).groupby("unit")[["d"]].first()
    flat["change"] = change + effect * flat["d"]
    ours = randomization_test(TwoWayFixedEffects(), panel(data), DESIGN)
    assert ours.exact
    fit = pf.feols("change ~ d", flat)
    assert ours.estimate == pytest.approx(float(fit.coef()["d"]))
    theirs = fit.ritest("d", reps=400, rng=np.random.default_rng(1))
    assert 0.1 < ours.p_value < 0.3
    assert float(theirs["Pr(>|t|)"]) < 0.06
