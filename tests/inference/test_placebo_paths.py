"""Placebos of synthetic methods in one batch: equal to refitting, exact under no effect."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.errors import DesignError, EstimationError
from evaluation.estimators import SyntheticControl, SyntheticDiD, TwoWayFixedEffects
from evaluation.inference import placebo_paths, randomization_test

DESIGN = Design("y", "first")
METHODS = (
    SyntheticControl(variance="none"),
    SyntheticControl(variance="none", augment=2.0),
    SyntheticControl(variance="none", predictors=("y", "x"), importance="equal"),
    SyntheticDiD(variance="none"),
)


class Refitted:
    """The same estimator, not recognised as synthetic, so that every placebo is fitted anew."""

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, panel, design):
        return self.estimator.fit(panel, design)


def table(seed=0, units=9, periods=12, starts=None, effect=2.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {"unit": np.repeat(np.arange(units), periods), "time": np.tile(np.arange(periods), units)}
    )
    data["first"] = data["unit"].map({3: 8} if starts is None else starts).astype(float)
    data["x"] = rng.normal(size=len(data))
    data["y"] = np.cumsum(rng.normal(size=(units, periods)), axis=1).ravel()
    data["y"] += effect * (data["time"] >= data["first"])
    return data


def panel(data: pd.DataFrame) -> Panel:
    return Panel(data, unit="unit", time="time")


@pytest.mark.parametrize("estimator", METHODS, ids=lambda e: e.name)
def test_randomization_test_equals_refitting_every_placebo(estimator):
    data = panel(table())
    fast, slow = (randomization_test(e, data, DESIGN) for e in (estimator, Refitted(estimator)))
    np.testing.assert_allclose(fast.placebo, slow.placebo, atol=1e-8)
    np.testing.assert_allclose(fast.observed, slow.observed, atol=1e-9)
    assert fast.labels == slow.labels
    assert fast.p_value == slow.p_value
    assert fast.exact


def test_staggered_draws_equal_refitting():
    data = panel(table(starts={3: 8, 4: 8, 5: 6}))
    estimator = SyntheticDiD(variance="none")
    fast, slow = (
        randomization_test(e, data, DESIGN, draws=15, seed=4) for e in (estimator, Refitted(estimator))
    )
    np.testing.assert_allclose(fast.placebo, slow.placebo, atol=1e-8)


@pytest.mark.parametrize("estimator", METHODS, ids=lambda e: e.name)
def test_paths_without_the_treated_unit_are_fits_of_a_panel_without_it(estimator):
    data = table()
    paths = placebo_paths(estimator, panel(data), DESIGN)
    assert list(paths.units) == [3, 0, 1, 2, 4, 5, 6, 7, 8]
    without = data[data["unit"] != 3]
    one = estimator.fit(panel(without.assign(first=np.where(without["unit"] == 5, 8.0, np.nan))), DESIGN)
    if not getattr(estimator, "predictors", ()):  # which are standardised among all units
        assert paths.estimates[5] == pytest.approx(one.estimate, abs=1e-9)
        assert paths.rmspe_before[5] == pytest.approx(one.details.fit.rmspe_before, abs=1e-9)
    own = estimator.fit(panel(data), DESIGN)
    assert paths.estimates[0] == pytest.approx(own.estimate, abs=1e-9)
    assert paths.ratios[0] == pytest.approx(own.details.fit.rmspe_ratio, rel=1e-8)
    np.testing.assert_allclose(paths.effects[:, 8:].mean(axis=1), paths.estimates, atol=1e-10)
    assert len(paths.frame()) == 9 * 12


def test_p_values_count_units_at_least_as_extreme():
    paths = placebo_paths(SyntheticControl(), panel(table(effect=50.0)), DESIGN)
    assert paths.p_value() == paths.p_value("estimate") == paths.smallest_p == pytest.approx(1 / 9)
    paths = placebo_paths(SyntheticControl(), panel(table(effect=0.0)), DESIGN)
    assert paths.p_value() == (paths.ratios >= paths.ratios[0]).mean()
    near = paths.rmspe_before <= 1.2 * paths.rmspe_before[0]
    expected = (paths.ratios[near] >= paths.ratios[0]).mean()
    assert paths.p_value(most_misfit=1.2) == expected
    others, compared = paths.as_extreme(most_misfit=1.2)
    assert (1 + others, compared) == ((paths.ratios[near] >= paths.ratios[0]).sum(), near.sum())


def test_ratio_statistic_of_the_randomization_test():
    data = panel(table())
    paths = placebo_paths(SyntheticDiD(), data, DESIGN)
    test = randomization_test(SyntheticDiD(), data, DESIGN, statistic="rmspe_ratio", treated_as_donor=False)
    np.testing.assert_allclose(test.placebo[:, 0], paths.ratios[1:])
    assert test.p_value == paths.p_value()
    both = randomization_test(SyntheticDiD(), data, DESIGN, statistic="rmspe_ratio")
    assert both.p_value == placebo_paths(SyntheticDiD(), data, DESIGN, treated_as_donor=True).p_value()


@pytest.mark.parametrize("treated_as_donor", [True, False])
@pytest.mark.parametrize("estimator", [SyntheticControl(), SyntheticDiD()], ids=["SC", "SDID"])
def test_intervals_hold_exactly_the_effects_that_are_not_rejected(estimator, treated_as_donor):
    data = table(units=21)
    options = {"treated_as_donor": treated_as_donor}
    test = randomization_test(estimator, panel(data), DESIGN, **options)
    low, high, reason = test.interval(0.9)
    if isinstance(estimator, SyntheticDiD) and treated_as_donor:
        assert np.isnan([low, high]).all()
        assert "linear" in reason
        return

    def p_of(effect):
        moved = data.assign(y=data["y"] - effect * (data["time"] >= data["first"]))
        return randomization_test(estimator, panel(moved), DESIGN, **options).p_value

    assert p_of(low + 1e-6) > 0.1
    assert p_of(high - 1e-6) > 0.1
    assert p_of(low - 1e-6) <= 0.1
    assert p_of(high + 1e-6) <= 0.1


def test_size_is_held_when_the_treated_unit_is_any_unit():
    """Every unit in turn treated: at most a share alpha of them is rejected, whatever the data."""
    data = table(effect=0.0, units=20)
    estimator = SyntheticControl()
    values = []
    for unit in range(20):
        moved = data.assign(first=np.where(data["unit"] == unit, 8.0, np.nan))
        values.append(randomization_test(estimator, panel(moved), DESIGN, statistic="rmspe_ratio").p_value)
    assert sorted(values) == pytest.approx(np.arange(1, 21) / 20)


def test_sets_of_donors_for_several_treated_units():
    data = panel(table(starts={3: 8, 4: 8}))
    test = randomization_test(SyntheticControl(), data, DESIGN, treated_as_donor=False)
    assert test.exact
    assert test.n_assignments == 1 + 21  # 7 choose 2
    drawn = randomization_test(SyntheticControl(), data, DESIGN, treated_as_donor=False, draws=10, seed=1)
    assert not drawn.exact
    assert drawn.n_assignments == 11


def test_donors_with_missing_months_are_no_placebos():
    data = table()
    data.loc[(data["unit"] == 6) & (data["time"] == 0), "y"] = np.nan
    test = randomization_test(SyntheticControl(), panel(data), DESIGN)
    assert 6 not in test.labels
    assert test.n_assignments == 8


def test_what_cannot_be_asked_is_said():
    data = panel(table())
    with pytest.raises(EstimationError, match="not a synthetic method"):
        placebo_paths(TwoWayFixedEffects(), data, DESIGN)
    with pytest.raises(EstimationError, match="options of synthetic methods"):
        randomization_test(TwoWayFixedEffects(), data, DESIGN, statistic="rmspe_ratio")
    with pytest.raises(EstimationError, match="statistic is 'ratio'"):
        randomization_test(SyntheticControl(), data, DESIGN, statistic="ratio")
    with pytest.raises(DesignError, match="of one treated unit, and 2 are treated"):
        placebo_paths(SyntheticControl(), panel(table(starts={3: 8, 4: 8})), DESIGN)
    with pytest.raises(DesignError, match="one donor is too few"):
        placebo_paths(SyntheticControl(), panel(table(units=2, starts={1: 8})), DESIGN)
