"""The pollution study on the committed table: the numbers that the page shows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evaluation import analysis
from evaluation.analysis.change import year_table
from evaluation.errors import DataError, DesignError, StudyError
from evaluation.estimators import TwoByTwo
from evaluation.report.sections.one_place.answer import leading_check

STUDY = "pollution_enforcement"


@pytest.fixture(scope="module")
def case(root):
    return analysis.prepare(STUDY, root=root)


@pytest.fixture(scope="module")
def head(case):
    return analysis.headline(case)


@pytest.fixture(scope="module")
def estimates(case):
    return analysis.specifications(case)


def test_good_days_by_the_recomputed_and_the_published_index(case):
    zibo = {
        name: year_table(case, name).values.loc["淄博"].tolist()
        for name in ("good_days", "good_days_published")
    }
    assert zibo == {"good_days": [119, 136, 186], "good_days_published": [104, 140, 202]}


def test_the_others_and_the_difference(head):
    assert head.change == 67
    assert head.others_change["province"] == pytest.approx(50.875)
    assert head.difference("province") == pytest.approx(16.125)


def test_the_difference_is_that_of_four_means(case, head):
    values = head.years.values
    others = values.loc[case.donors("province")].mean()
    treated = values.loc["淄博"]
    by_hand = (treated[2016] - treated[2014]) - (others[2016] - others[2014])
    assert head.difference("province") == pytest.approx(by_hand, abs=1e-10)


def test_the_regression_on_two_years_is_the_two_by_two(case, estimates):
    """`year_on_year` is a two-by-two of means over the same months."""
    from evaluation.analysis.effects import season_panel

    outcome = case.study.outcome("so2")
    panel, design = season_panel(case, outcome, "level", "2015-01", "year_on_year", "province")
    estimate = TwoByTwo().fit(panel, design).estimate
    rows = estimates.set_index(["outcome", "scale", "date", "season", "pool"])
    row = rows.loc[("so2", "level", "2015-01", "year_on_year", "province")]
    assert row["estimate"] == pytest.approx(estimate, abs=1e-9)


def test_trial_runs_are_met(estimates):
    """Figures known before the project began, from an independent computation."""
    main = estimates[
        (estimates.season == "month_effects") & (estimates.date == "2015-01") & (estimates.pool == "province")
    ]
    rows = main.set_index(["outcome", "scale"])
    assert rows.loc[("good_days", "level"), "estimate"] == pytest.approx(0.3, abs=0.05)
    assert rows.loc[("good_days", "level"), "p_value"] == pytest.approx(0.88, abs=0.01)
    assert rows.loc[("good_days_published", "level"), "estimate"] == pytest.approx(1.6, abs=0.05)
    assert rows.loc[("good_days_published", "level"), "p_value"] == pytest.approx(0.35, abs=0.01)
    assert rows.loc[("so2", "level"), "estimate"] == pytest.approx(-33.7, abs=0.05)
    assert rows.loc[("so2", "level"), "p_value"] == pytest.approx(1 / 17)
    assert rows.loc[("so2", "log"), "estimate"] == pytest.approx(-0.16, abs=0.005)
    assert rows.loc[("so2", "log"), "p_value"] == pytest.approx(0.29, abs=0.01)


def test_every_declared_choice_is_computed_or_says_why_not(estimates, case):
    outcomes = sum(len(outcome.scales) for outcome in case.study.outcomes)
    assert len(estimates) == outcomes * 2 * 2 * 2
    absent = estimates[estimates["estimate"].isna()]
    assert set(absent["scale"]) == {"log"}
    assert absent["reason"].str.contains("not positive").all()


def test_no_interval_against_sixteen_neighbours(estimates):
    near = estimates[(estimates.pool == "province") & estimates.estimate.notna()]
    assert near["ci_low"].isna().all()
    assert near["reason"].str.contains("no 95% interval exists").all()
    assert (near["n_assignments"] == 17).all()
    np.testing.assert_allclose(near["p_value"], (1 + near["n_as_extreme"]) / 17)


def test_verdicts(case):
    checks = analysis.check_claims(case)
    found = {check.id: (check.reproduced, check.attributable) for check in checks}
    assert found["pollution-good-days-2016"] == ("close", "not_testable")
    assert found["pollution-good-days-change"] == ("close", "not_distinguishable")
    assert found["pollution-blue-days-change"] == ("no_data", "not_testable")
    # the composite index fell unusually in points, not in proportion: the rule asks for both
    assert found["pollution-index-rank"] == ("not_reproduced", "not_distinguishable")
    index = next(check for check in checks if check.id == "pollution-index-rank")
    assert [test.p_value <= 0.05 for test in index.tests] == [True, False]
    assert leading_check(case, checks).id == "pollution-good-days-change"


def test_ranks_count_from_the_best(case):
    ranked = analysis.ranks(case, year_table(case, "pm10"), 2014, 2016, "province")
    assert len(ranked) == 17
    assert ranked.loc["淄博", "rank"] == 3
    assert ranked["rank"].iloc[0] == 1
    assert ranked["rate"].is_monotonic_increasing  # less is better
    composite = analysis.ranks(case, year_table(case, "composite"), 2014, 2016, "province")
    assert composite.index[:2].tolist() == ["临沂", "淄博"]
    good = analysis.ranks(case, year_table(case, "good_days"), 2014, 2016, "province")
    assert good["rate"].is_monotonic_decreasing


def test_the_other_date_changes_the_estimate(root, case):
    later = analysis.prepare(STUDY, {"treatment.date": "2016-03"}, root)
    assert later.study.treatment.date == "2016-03"
    assert analysis.event_path(later, "good_days").frame["event_time"].min() == -27
    assert analysis.event_path(case, "good_days").frame["event_time"].min() == -13


def test_the_event_path_is_measured_from_the_mean_before(case):
    path = analysis.event_path(case, "good_days").frame
    before = path[path["event_time"] < 0]
    assert before["estimate"].mean() == pytest.approx(0, abs=1e-10)


def test_the_result_file_is_plain_json(case, head, estimates):
    checks = analysis.check_claims(case)
    made = analysis.result_file(case, [head], estimates, checks)
    content = json.loads(made.to_json())
    assert content["study"] == STUDY
    assert content["data"][0]["simulated"] is False
    assert len(content["data"][0]["sha256"]) == 64
    assert content["years"][0]["values"] == {"2014": 119, "2015": 136, "2016": 186}
    keys = {
        "outcome",
        "unit",
        "estimator",
        "estimand",
        "estimate",
        "std_error",
        "ci_low",
        "ci_high",
        "p_value",
        "inference",
        "n_units",
        "n_periods",
        "n_treated",
    }
    assert all(keys <= set(row) for row in content["estimates"])
    assert made.to_json() == analysis.result_file(case, [head], estimates, checks).to_json()


@pytest.mark.parametrize(
    ("overrides", "kind", "said"),
    [
        ({"treatment.date": "2018-01"}, DesignError, "expected: a date after 2014-01 and up to 2016-12"),
        ({"treatment.date": "2013-12"}, DesignError, "leaves no period before it"),
        ({"data.end": "2019-01"}, DesignError, "reaches outside the data"),
        ({"data.start": "2014-03"}, DesignError, "reaches outside the study's"),
        ({"headline.years.before": 2010}, DesignError, "the year 2010 is outside the data"),
        ({"treatment.unit": "Zibo"}, DesignError, "the treated unit 'Zibo' is not in the table"),
        ({"pools.province.units": ["伦敦"]}, DesignError, "names units that are not in the table: 伦敦"),
        ({"pools.province.units": ["淄博"]}, DesignError, "no donor is left in the pool 'province'"),
        ({"data.table": "air_quality/none"}, DataError, "there is no table 'air_quality/none'"),
        ({"data.unit": "town"}, DataError, "has no column 'town'"),
        ({"seed": "x"}, StudyError, "seed"),
    ],
)
def test_bad_input_is_named_before_anything_runs(root, overrides, kind, said):
    with pytest.raises(kind) as caught:
        analysis.prepare(STUDY, overrides, root)
    assert said in str(caught.value)
