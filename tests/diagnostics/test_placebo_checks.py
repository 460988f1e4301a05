"""Placebo dates, leaving one out, spillovers and the smallest effect, against counting by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluation import Design, Panel
from evaluation.diagnostics import leave_one_out, minimum_effect, placebo_dates, spillover
from evaluation.diagnostics._inference import least_detected
from evaluation.errors import DesignError, EstimationError
from evaluation.estimators import GroupTime, PoissonFixedEffects, TwoWayFixedEffects
from evaluation.inference import randomization_test

DESIGN = Design("y", "first")
MANY = dict.fromkeys(range(15), 6.0)
TWO_WAY = TwoWayFixedEffects()


# dates ----------------------------------------------------------------------------------------


def test_each_date_is_the_estimate_on_the_periods_before(simulate, panel_of):
    data = simulate(3, units=30)
    got = placebo_dates(TWO_WAY, panel_of(data), DESIGN, dates=[2, 4])
    early = data[data["time"] < 6]
    every = []
    for date, row in zip((2, 4), got.table.itertuples(), strict=False):
        moved = panel_of(early.assign(first=np.where(early["unit"] == 0, float(date), np.nan)))
        test = randomization_test(TWO_WAY, moved, DESIGN)
        assert row.estimate == pytest.approx(test.estimate, abs=1e-12)
        assert row.p_value == test.p_value
        assert (row.periods_before, row.periods_after, row.true) == (date, 6 - date, False)
        every.append(np.append(test.observed, test.placebo))
    size = np.mean([np.abs(e) / np.sqrt(np.mean(e**2)) for e in every], axis=0)
    assert got.statistic == pytest.approx(size[0])
    assert got.p_value == pytest.approx(np.mean(size >= size[0]))
    assert got.table["true"].tolist() == [False, False, True]


def test_true_effect_never_enters(simulate, panel_of):
    without = placebo_dates(TWO_WAY, panel_of(simulate(3, units=30)), DESIGN)
    effect = placebo_dates(TWO_WAY, panel_of(simulate(3, units=30, effect=50.0)), DESIGN)
    np.testing.assert_allclose(without.table["estimate"][:-1], effect.table["estimate"][:-1], atol=1e-10)
    assert effect.details["dates"] == ["2", "3", "4"]


def test_a_jump_before_treatment_is_found(simulate, panel_of):
    data = simulate(3, units=40, periods=12, first={0: 8.0}, effect=4.0, noise=0.5)
    clean = placebo_dates(TWO_WAY, panel_of(data), DESIGN)
    assert clean.verdict == "no_evidence_against"
    data.loc[(data["unit"] == 0) & (data["time"] >= 4), "y"] += 4
    jump = placebo_dates(TWO_WAY, panel_of(data), DESIGN)
    assert jump.verdict == "evidence_against"
    assert jump.p_value == pytest.approx(1 / 40)


def test_without_power_the_dates_say_nothing(simulate, panel_of):
    few = placebo_dates(TWO_WAY, panel_of(simulate(1, units=17, effect=20.0)), DESIGN)
    assert few.verdict == "not_informative"
    assert "0.059" in few.text["en"]
    weak = placebo_dates(TWO_WAY, panel_of(simulate(1, units=60, effect=0.0)), DESIGN, alpha=0.05)
    if weak.p_value > 0.05:
        assert weak.verdict == "not_informative"
    short = placebo_dates(TWO_WAY, panel_of(simulate(units=30, first={0: 3.0})), DESIGN)
    assert short.verdict == "not_informative"
    assert np.isnan(short.p_value)


def test_standard_inference_adjusts_for_the_number_of_dates(simulate, panel_of):
    got = placebo_dates(TWO_WAY, panel_of(simulate(5, units=40, first=MANY, effect=3.0)), DESIGN)
    rows = got.table[~got.table["true"]]
    assert got.p_value == pytest.approx(min(1, 3 * rows["p_value"].min()))
    assert got.verdict == "no_evidence_against"


def test_months_are_read_as_the_panel_writes_them(simulate):
    data = simulate(2, units=25)
    data["time"] = [f"2014-{m + 1:02d}" for m in data["time"]]
    data["first"] = np.where(data["unit"] == 0, "2014-07", None)
    panel = Panel(data, unit="unit", time="time", frequency="M")
    got = placebo_dates(TWO_WAY, panel, DESIGN, dates=["2014-04"])
    assert got.table["date"].tolist() == ["2014-04", "2014-07"]
    with pytest.raises(DesignError, match="2014-08"):
        placebo_dates(TWO_WAY, panel, DESIGN, dates=["2014-08"])
    with pytest.raises(DesignError, match="2014-01"):
        placebo_dates(TWO_WAY, panel, DESIGN, dates=["2014-01"])


# leaving out ----------------------------------------------------------------------------------


def test_each_row_is_the_estimate_without_one_unit(simulate, panel_of):
    data = simulate(6, units=12, effect=3.0)
    got = leave_one_out(TWO_WAY, panel_of(data), DESIGN)
    assert got.table["left_out"].tolist() == ["", *map(str, range(1, 12))]
    for unit in range(1, 12):
        part = data[data["unit"] != unit]
        fitted = TWO_WAY.fit(panel_of(part), DESIGN).estimate
        assert got.table["estimate"].iloc[unit] == pytest.approx(fitted, abs=1e-12)
    changes = got.table["estimate"].iloc[1:] - got.table["estimate"].iloc[0]
    assert got.statistic == pytest.approx(changes.abs().max())


def test_one_donor_that_carries_the_answer_is_named(simulate, panel_of):
    data = simulate(6, units=30, effect=2.0, noise=0.3)
    assert leave_one_out(TWO_WAY, panel_of(data), DESIGN).verdict == "no_evidence_against"
    data.loc[(data["unit"] == 7) & (data["time"] >= 6), "y"] -= 80
    got = leave_one_out(TWO_WAY, panel_of(data), DESIGN)
    assert got.verdict == "evidence_against"
    assert got.details["carried_by"] == ["7"]
    assert "7" in got.text["en"]
    assert "7" in got.text["zh"]


def test_cohorts_and_treated_units_can_be_left_out(simulate, panel_of):
    data = simulate(
        2, units=40, first=dict.fromkeys(range(6), 4.0) | dict.fromkeys(range(6, 14), 7.0), effect=4.0
    )
    estimator = GroupTime()
    cohorts = leave_one_out(estimator, panel_of(data), DESIGN, what="cohort")
    assert cohorts.table["left_out"].tolist() == ["", "4", "7"]
    part = panel_of(data[data["first"] != 4.0])
    expected = estimator.fit(part, DESIGN).aggregate("simple").estimate
    assert cohorts.table["estimate"].iloc[1] == pytest.approx(expected, abs=1e-12)
    treated = leave_one_out(estimator, panel_of(data), DESIGN, what="treated")
    assert len(treated.table) == 15


def test_too_little_to_leave_out_is_not_informative(simulate, panel_of):
    got = leave_one_out(TWO_WAY, panel_of(simulate(effect=3.0)), DESIGN, what="treated")
    assert got.verdict == "not_informative"
    assert "no unit is ever treated" in got.table["reason"].iloc[1]
    assert got.details["not_estimated"] == 1


def test_without_a_conclusion_changes_of_sign_do_not_count(simulate, panel_of):
    data = simulate(8, units=40, first=MANY, effect=0.0)
    got = leave_one_out(TWO_WAY, panel_of(data), DESIGN)
    assert got.details["p_value"] > 0.2
    assert got.verdict == "no_evidence_against"


# spillover ------------------------------------------------------------------------------------


def test_rows_are_the_three_comparisons(simulate, panel_of):
    data = simulate(4, units=30, effect=4.0)
    got = spillover(TWO_WAY, panel_of(data), DESIGN, [1, 2])
    estimates = got.table.set_index("comparison")["estimate"]
    assert estimates["all comparison places"] == pytest.approx(TWO_WAY.fit(panel_of(data), DESIGN).estimate)
    without = data[~data["unit"].isin([1, 2])]
    assert estimates["without neighbours"] == pytest.approx(TWO_WAY.fit(panel_of(without), DESIGN).estimate)
    near = data[data["unit"] != 0].assign(first=lambda f: np.where(f["unit"].isin([1, 2]), 6.0, np.nan))
    test = randomization_test(TWO_WAY, panel_of(near), DESIGN)
    assert got.statistic == estimates["neighbours as treated"] == pytest.approx(test.estimate)
    assert got.p_value == test.p_value
    assert got.table["units"].tolist() == [29, 27, 2]


def test_a_spillover_is_found_and_its_absence_too(simulate, panel_of):
    data = simulate(5, units=40, effect=5.0, noise=0.4)
    assert spillover(TWO_WAY, panel_of(data), DESIGN, [1, 2]).verdict == "no_evidence_against"
    data.loc[data["unit"].isin([1, 2]) & (data["time"] >= 6), "y"] += 3
    got = spillover(TWO_WAY, panel_of(data), DESIGN, [1, 2])
    assert got.verdict == "evidence_against"
    table = got.table.set_index("comparison")["estimate"]
    assert table["without neighbours"] > table["all comparison places"]


def test_a_spillover_that_could_not_be_seen(simulate, panel_of):
    got = spillover(TWO_WAY, panel_of(simulate(4, units=12, effect=0.2)), DESIGN, [1])
    assert got.verdict == "not_informative"


def test_neighbours_by_treated_unit_take_its_date(simulate, panel_of):
    data = simulate(4, units=30, first={0: 4.0, 1: 7.0}, effect=4.0)
    got = spillover(TWO_WAY, panel_of(data), DESIGN, {0: [5, 6], 1: [6, 7]}, seed=1, draws=99)
    near = data[data["unit"] > 1].assign(first=lambda f: f["unit"].map({5: 4.0, 6: 4.0, 7: 7.0}))
    assert got.statistic == pytest.approx(TWO_WAY.fit(panel_of(near), DESIGN).estimate)


@pytest.mark.parametrize(
    ("neighbours", "words"),
    [
        ([99], "not units"),
        ([0], "treated itself"),
        ([], "no neighbour"),
        (list(range(1, 10)), "every comparison unit"),
        ({3: [4]}, "not treated"),
        ({77: [4]}, "not units"),
    ],
)
def test_neighbours_that_make_no_sense_are_refused(simulate, panel_of, neighbours, words):
    with pytest.raises(DesignError, match=words):
        spillover(TWO_WAY, panel_of(simulate(units=10)), DESIGN, neighbours)


def test_a_plain_list_needs_one_date(simulate, panel_of):
    with pytest.raises(DesignError, match="mapping"):
        spillover(TWO_WAY, panel_of(simulate(units=10, first={0: 4.0, 1: 6.0})), DESIGN, [5])


# smallest effect ------------------------------------------------------------------------------


def test_power_of_the_randomisation_test_by_full_recount(simulate, panel_of):
    """Every unit in turn treated, the effect put into the data, the test run from the start."""
    data = simulate(7, units=20, effect=2.0)
    got = minimum_effect(TWO_WAY, panel_of(data), DESIGN, power=0.5)
    quiet = data.assign(y=data["y"] - got.details["estimate"] * (data["time"] >= data["first"]))

    def share(effect: float) -> float:
        found = []
        for unit in range(20):
            for side in (1, -1):
                frame = quiet.assign(first=np.where(quiet["unit"] == unit, 6.0, np.nan))
                frame["y"] += side * effect * (frame["time"] >= frame["first"])
                found.append(randomization_test(TWO_WAY, panel_of(frame), DESIGN).p_value <= 0.05)
        return float(np.mean(found))

    assert share(got.statistic * 1.001) >= 0.5
    assert share(got.statistic * 0.98) < 0.5
    for row in got.table.iloc[[0, 13, 30]].itertuples():
        assert row.power == pytest.approx(share(row.effect), abs=1e-12)


def test_power_of_a_standard_error_by_full_recount(simulate, panel_of):
    data = simulate(7, units=24, first=dict.fromkeys(range(8), 6.0), effect=1.0)
    got = minimum_effect(TWO_WAY, panel_of(data), DESIGN, samples=40, seed=3)
    effect = got.statistic
    quiet = data.assign(y=data["y"] - got.details["estimate"] * (data["time"] >= data["first"]))
    generator, found = np.random.default_rng(3), []
    first = data.groupby("unit")["first"].first().to_numpy()
    for _ in range(40):
        frame = quiet.assign(first=first[generator.permutation(24)][quiet["unit"]])
        for side in (1, -1):
            moved = frame.assign(y=frame["y"] + side * effect * 1.0001 * (frame["time"] >= frame["first"]))
            found.append(TWO_WAY.fit(panel_of(moved), DESIGN).p_value < 0.05)
    assert np.mean(found) >= 0.8
    assert np.mean(found) < 0.8 + 2 / 80 + 1e-9


def test_smallest_effect_of_normal_noise_is_the_textbook_one():
    errors = np.random.default_rng(0).normal(size=200_000)
    z = stats.norm.ppf(0.975)
    got = least_detected(errors, np.full(len(errors), z), 0.8)
    assert got == pytest.approx(z + stats.norm.ppf(0.8), abs=0.01)


def test_smallest_effect_does_not_depend_on_the_effect_there_is(simulate, panel_of):
    for estimator in (TWO_WAY, GroupTime()):
        a, b = (
            minimum_effect(estimator, panel_of(simulate(2, units=25, effect=e)), DESIGN) for e in (0.0, 9.0)
        )
        assert a.statistic == pytest.approx(b.statistic, rel=1e-5)
        assert b.verdict == "no_evidence_against"
        assert a.details["size"] <= 0.05


def test_a_rule_that_can_never_fire_has_no_power(simulate, panel_of):
    got = minimum_effect(TWO_WAY, panel_of(simulate(2, units=17, effect=30.0)), DESIGN)
    assert got.statistic == np.inf
    assert got.as_record()["statistic"] is None
    assert got.verdict == "not_informative"
    assert "0.059" in got.text["zh"]
    assert (got.table["power"] == 0).all()


def test_estimators_that_do_not_move_one_for_one_are_refused(simulate, panel_of):
    data = simulate(2, units=25).assign(y=lambda f: np.exp(f["y"]))
    with pytest.raises(EstimationError, match="one for one"):
        minimum_effect(PoissonFixedEffects(), panel_of(data), DESIGN, samples=25)


def test_seeds_are_asked_for(simulate, panel_of):
    panel = panel_of(simulate(units=24, first=dict.fromkeys(range(8), 6.0)))
    with pytest.raises(DesignError, match="seed"):
        minimum_effect(TWO_WAY, panel, DESIGN)
    a, b = (minimum_effect(TWO_WAY, panel, DESIGN, samples=20, seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(a.table, b.table)


@pytest.mark.parametrize("check", [placebo_dates, leave_one_out, minimum_effect])
@pytest.mark.parametrize(
    ("estimator", "options", "words"),
    [
        (TWO_WAY, {"inference": "bootstrap"}, "inference"),
        (TWO_WAY, {"alpha": 0.9}, "alpha"),
        (TwoWayFixedEffects(event_study=True), {}, "one number"),
    ],
)
def test_bad_options_are_named(simulate, panel_of, check, estimator, options, words):
    options = options | ({"power": 0.95} if check is minimum_effect else {})
    with pytest.raises(EstimationError, match=words):
        check(estimator, panel_of(simulate()), DESIGN, **options)


def test_nothing_is_written_into_the_panel(simulate, panel_of):
    panel = panel_of(simulate(effect=2.0))
    before = panel.frame.copy(deep=True)
    placebo_dates(TWO_WAY, panel, dataclasses.replace(DESIGN, anticipation=1))
    spillover(TWO_WAY, panel, DESIGN, [3])
    minimum_effect(TWO_WAY, panel, DESIGN)
    pd.testing.assert_frame_equal(panel.frame, before)
