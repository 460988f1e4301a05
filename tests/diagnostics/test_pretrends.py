"""Power of tests for trends against closed forms and simulation; what may be read from an estimate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evaluation import Design
from evaluation.diagnostics import event_study, from_estimates, pretrends
from evaluation.diagnostics.trend_tests import Individual, Joint
from evaluation.errors import DesignError, EstimationError
from evaluation.estimators import GroupTime, Imputation, TwoWayFixedEffects
from evaluation.inference import randomization_test

TREATED = {0: 6.0, 1: 6.0, 2: 6.0, 3: 6.0, 4: 6.0, 5: 6.0}


def study_of(published, name="BC", **options):
    estimates, covariance, pre = published(name)
    times = np.concatenate([np.arange(-pre - 1, -1), np.arange(len(estimates) - pre)])
    return from_estimates(times, estimates, covariance, **options)


def test_wald_statistic_is_that_of_the_result(simulate, panel_of):
    panel = panel_of(simulate(first=TREATED, units=30))
    result = TwoWayFixedEffects(event_study=True).fit(panel, Design("y", "first"))
    before = result.terms["event_time"].to_numpy(dtype=float) < -1
    expected = result.wald(np.eye(len(result))[before])
    got = pretrends(result)
    assert got.statistic / expected.df == pytest.approx(expected.statistic / expected.df, rel=1e-9)
    assert got.p_value == pytest.approx(expected.p_value, rel=1e-8)


@pytest.mark.parametrize("power", [0.5, 0.8])
def test_one_period_before_has_the_power_of_a_z_test(power):
    study = from_estimates([-2, 0], [0.1, 3.0], [[0.04, 0.01], [0.01, 0.09]])
    slope = Joint.of(study, 0.05).slope(power)
    z = stats.norm.ppf(0.975)
    shift = slope / 0.2
    assert stats.norm.sf(z - shift) + stats.norm.cdf(-z - shift) == pytest.approx(power, abs=1e-10)
    # both rules are the same test, and its mean given passing is that of a truncated normal
    other = Individual.of(study, 0.05)
    assert other.slope(power) == pytest.approx(slope, rel=1e-6)
    law = stats.truncnorm(-z + shift, z + shift, -slope, 0.2)
    for test in (Joint.of(study, 0.05), other):
        passed = test.if_passed(slope)
        assert passed[0] == pytest.approx(law.mean(), abs=1e-6)
        assert passed[1] == pytest.approx(slope + 0.01 / 0.04 * (law.mean() + slope), abs=1e-6)


@pytest.mark.parametrize("rule", ["joint", "individual"])
def test_power_and_bias_agree_with_simulation(published, rule):
    study = study_of(published)
    test = (Joint if rule == "joint" else Individual).of(study, 0.05)
    slope = test.slope(0.5)
    assert test.power(slope) == pytest.approx(0.5, abs=1e-6)
    rng = np.random.default_rng(0)
    draws = rng.multivariate_normal(slope * study.distance, study.covariance, size=200_000)
    before = draws[:, :4]
    if rule == "joint":
        wald = np.einsum("ij,jk,ik->i", before, np.linalg.inv(study.covariance[:4, :4]), before)
        found = wald > stats.chi2.isf(0.05, 4)
    else:
        found = (np.abs(before) > stats.norm.isf(0.025) * study.std_errors[:4]).any(axis=1)
    assert found.mean() == pytest.approx(0.5, abs=5e-3)
    np.testing.assert_allclose(test.if_passed(slope), draws[~found].mean(axis=0), atol=5e-4)


def test_slope_is_free_of_the_estimates_and_scales_with_the_errors(published):
    estimates, covariance, _ = published("BC")
    a = pretrends(study_of(published)).details["power"]
    times = [-5, -4, -3, -2, 0, 1, 2, 3]
    b = pretrends(from_estimates(times, 0 * estimates, 4 * covariance)).details["power"]
    np.testing.assert_allclose(b["slope"], 2 * a["slope"], rtol=1e-9)
    np.testing.assert_allclose(b["bias_if_passed"], 2 * a["bias_if_passed"], rtol=1e-9)
    np.testing.assert_allclose(a["bias"], a["slope"] * 2.5)  # average of 1, 2, 3 and 4 periods


def test_verdicts(published):
    _, covariance, _ = published("BC")
    times = [-5, -4, -3, -2, 0, 1, 2, 3]
    flat = np.zeros(8)
    assert pretrends(study_of(published)).verdict == "evidence_against"
    big = from_estimates(times, flat + 1.0 * (np.array(times) >= 0), covariance)
    small = from_estimates(times, flat + 0.02 * (np.array(times) >= 0), covariance)
    assert pretrends(big).verdict == "no_evidence_against"
    passed = pretrends(small)
    assert passed.p_value > 0.9
    assert passed.verdict == "not_informative"
    assert pretrends(small, matters=1.0).verdict == "no_evidence_against"
    # the rule as it stands: the bias of the trend found 80 % of the time against what matters
    row = passed.details["power"].iloc[-1]
    edge = max(abs(row["bias"]), abs(row["bias_if_passed"]))
    assert pretrends(small, matters=edge * 1.001).verdict == "no_evidence_against"
    assert pretrends(small, matters=edge * 0.999).verdict == "not_informative"


def test_individual_rule_states_its_size():
    independent = from_estimates([-4, -3, -2, 0], np.zeros(4), np.eye(4))
    assert pretrends(independent, rule="individual").details["size"] == pytest.approx(1 - 0.95**3, abs=1e-6)


def test_table_has_the_reference_and_the_trend_through_it(published):
    table = pretrends(study_of(published)).table
    row = table[table["event_time"] == -1].iloc[0]
    assert row["estimate"] == row["trend_80"] == row["passed_80"] == 0
    slope = pretrends(study_of(published)).details["power"]["slope"].iloc[-1]
    np.testing.assert_allclose(np.diff(table["trend_80"]), slope)


# randomisation --------------------------------------------------------------------------------


def test_placebo_paths_give_p_value_and_power_by_counting(simulate, panel_of):
    panel = panel_of(simulate(3, units=60, periods=8, first={0: 5.0}))
    test = randomization_test(TwoWayFixedEffects(event_study=True), panel, Design("y", "first"))
    got = pretrends(test)
    times = test.terms["event_time"].to_numpy(dtype=float)
    before = times < -1
    spread = np.sqrt((test.placebo[:, before] ** 2).mean(axis=1))
    value = np.sqrt((test.observed[before] ** 2).mean())
    assert got.statistic == pytest.approx(value)
    assert got.p_value == pytest.approx((1 + (spread >= value).sum()) / 60)
    critical = np.sort(spread)[::-1][2]  # 5 % of 60 assignments are 3, the actual one among them
    row = got.details["power"].iloc[0]
    share = []
    for side in (1, -1):
        moved = test.placebo[:, before] + side * row["slope"] * (times[before] + 1)
        share.append((np.sqrt((moved**2).mean(axis=1)) > critical).mean())
    assert np.mean(share) >= 0.5
    assert np.mean(share) < 0.5 + 2 / 59


def test_few_placebos_cannot_reject_and_say_so(simulate, panel_of):
    panel = panel_of(simulate(units=17, trend=5.0))
    test = randomization_test(TwoWayFixedEffects(event_study=True), panel, Design("y", "first"))
    got = pretrends(test)
    assert got.verdict == "not_informative"
    assert "0.059" in got.text["en"]
    assert "0.059" in got.text["zh"]


# what cannot be judged ------------------------------------------------------------------------


def test_one_treated_unit_with_clustered_errors_is_not_informative(simulate, panel_of):
    result = TwoWayFixedEffects(event_study=True).fit(
        panel_of(simulate(units=40, periods=6, first={0: 4.0})), Design("y", "first")
    )
    got = pretrends(result)
    assert got.verdict == "not_informative"
    assert "one treated unit" in got.text["en"]
    assert np.isnan(got.p_value)


def test_singular_covariance_is_not_informative(simulate, panel_of):
    result = TwoWayFixedEffects(event_study=True).fit(
        panel_of(simulate(units=8, periods=12, first={0: 6.0, 1: 6.0, 2: 6.0})), Design("y", "first")
    )
    got = pretrends(result)
    assert got.verdict == "not_informative"
    assert "singular" in got.text["en"]


def test_no_period_before_is_not_informative():
    got = pretrends(from_estimates([0, 1], [1.0, 2.0], np.eye(2)))
    assert got.verdict == "not_informative"
    assert got.as_record()["p_value"] is None


def test_group_time_needs_a_universal_base(simulate, panel_of):
    panel = panel_of(simulate(first=TREATED, units=30))
    with pytest.raises(EstimationError, match="universal"):
        pretrends(GroupTime().fit(panel, Design("y", "first")))
    study = event_study(GroupTime().fit(panel, Design("y", "first", base_period="universal")))
    two_way = event_study(TwoWayFixedEffects(event_study=True).fit(panel, Design("y", "first")))
    # one cohort: the two are the same numbers
    np.testing.assert_allclose(study.estimates, two_way.estimates, atol=1e-10)
    assert study.reference == two_way.reference == -1


def test_results_without_a_path_before_are_refused(simulate, panel_of):
    panel = panel_of(simulate(first=TREATED, units=30))
    with pytest.raises(EstimationError, match="reference"):
        pretrends(Imputation().fit(panel, Design("y", "first")))
    with pytest.raises(EstimationError, match="event time"):
        pretrends(TwoWayFixedEffects().fit(panel, Design("y", "first")))


def test_anticipated_periods_may_drift_but_are_no_effects(simulate, panel_of):
    panel = panel_of(simulate(first=TREATED, units=30))
    study = event_study(TwoWayFixedEffects(event_study=True).fit(panel, Design("y", "first", anticipation=2)))
    assert study.reference == -3
    assert study.times[study.pre :].tolist() == [-2, -1, 0, 1, 2, 3]
    np.testing.assert_allclose(study.target("average"), [0, 0, 0.25, 0.25, 0.25, 0.25])
    np.testing.assert_allclose(study.target("first"), [0, 0, 1, 0, 0, 0])
    row = pretrends(study).details["power"].iloc[0]
    assert row["bias"] == pytest.approx(row["slope"] * np.mean([3, 4, 5, 6]))


def test_binned_ends_are_left_out_with_a_note(simulate, panel_of):
    panel = panel_of(simulate(first=TREATED, units=30))
    result = TwoWayFixedEffects(event_study=True).fit(panel, Design("y", "first", window=(-4, 2)))
    study = event_study(result)
    assert study.times.tolist() == [-3, -2, 0, 1]
    assert "<= -4" in study.notes[0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: from_estimates([-3, 0], [1, 2], np.eye(2)), "gaps"),
        (lambda: from_estimates([-1, 0], [1, 2], np.eye(2)), "reference"),
        (lambda: from_estimates([-3, -2], [1, 2], np.eye(2)), "after treatment"),
        (lambda: from_estimates([-2, 0], [1, 2], np.eye(3)), "covariance"),
        (lambda: from_estimates([-2, 0], [1, np.nan], np.eye(2)), "missing"),
        (lambda: pretrends(from_estimates([-2, 0], [1, 2], np.eye(2)), powers=(0.01,)), "powers"),
        (lambda: pretrends(from_estimates([-2, 0], [1, 2], np.eye(2)), rule="all"), "rule"),
        (lambda: pretrends(from_estimates([-2, 0], [1, 2], np.eye(2)), target=[1, 2]), "weights"),
        (lambda: pretrends(from_estimates([-2, 0], [1, 2], np.eye(2)), target="last"), "target"),
        (lambda: pretrends([1, 2, 3]), "Result"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(EstimationError, match=words):
        call()


def test_a_window_without_the_reference_is_refused(published):
    with pytest.raises(DesignError, match="reference"):
        pretrends(study_of(published), window=(0, 3))
