"""What a study of many places finds: on the committed records, and on small made-up ones."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import prepare, staggered
from evaluation.analysis.staggered import methods
from evaluation.analysis.staggered.published_results import agrees
from evaluation.diagnostics import bacon
from evaluation.errors import EvaluationError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import cluster_robust
from evaluation.report import sections as story

sys.path.insert(0, str(Path(__file__).parent))
from staggered_project import frames, make


@pytest.fixture(scope="module")
def rio(root):
    return prepare("crime_rio", root=root)


@pytest.fixture(scope="module")
def castle(root):
    return prepare("crime_castle", root=root)


@pytest.fixture(scope="module")
def rio_found(rio):
    return staggered.findings(rio)


@pytest.fixture(scope="module")
def castle_found(castle):
    return staggered.findings(castle)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = make(tmp_path_factory.mktemp("project"))
    return prepare(path, root=path.parents[1])


def leading(found, outcome, comparison):
    table = found.against
    rows = table[(table["outcome"] == outcome) & (table["comparison"] == comparison) & (table["dates"] == "")]
    return rows.iloc[0]


# Rio ------------------------------------------------------------------------------------------


def test_rio_is_nineteen_precincts_beside_the_metropolis_and_the_city(rio):
    crime = rio.lead
    assert len(rio.treated(crime)) == 19
    sizes = [len(rio.controls(crime, item)) for item in rio.study.comparisons]
    assert sizes == [46, 20, 34, 107]
    choice = staggered.choose(rio, crime)
    assert (choice.kind, choice.treated, choice.clusters) == ("jackknife", 12, 25)


def test_rio_meets_an_earlier_independent_computation(rio_found):
    """Two-way Poisson of a first draft: -47, -48, -27, -29 and +3 %, beside the metropolis."""
    rows = rio_found.estimates[rio_found.estimates["estimator"] == "poisson"].set_index("outcome")
    for outcome, percent in (
        ("police_killing", -47),
        ("vehicle_robbery", -48),
        ("street_robbery", -27),
        ("homicide", -29),
        ("theft", 3),
    ):
        assert rows.loc[outcome, "percent"] == pytest.approx(percent, abs=1.5)


def test_rio_leading_numbers(rio_found):
    row = leading(rio_found, "police_killing", "metropolis")
    assert row["percent"] == pytest.approx(-48.7, abs=0.05)
    assert (row["percent_low"], row["percent_high"]) == pytest.approx((-64.7, -25.4), abs=0.1)
    assert leading(rio_found, "police_killing", "city")["percent"] == pytest.approx(-38.4, abs=0.05)
    assert leading(rio_found, "homicide", "city")["percent"] == pytest.approx(-7.4, abs=0.05)
    assert row["df"] == 11


def test_rio_adjusted_p_values_are_never_below_the_outcomes_own(rio_found):
    table = rio_found.together
    assert (table["p_adjusted"] >= table["p_value"]).all()
    out = table.loc[table["p_adjusted"] <= 0.05, "outcome"].tolist()
    assert out == ["police_killing", "homicide", "vehicle_robbery", "street_robbery"]


def test_rio_verdicts_ask_for_both_comparisons(rio_found):
    words = {name: check.attributable for name, check in rio_found.verdicts.items()}
    assert words.pop("police_killing") == "beyond_comparison"
    assert set(words.values()) == {"not_distinguishable"}
    tests = rio_found.verdicts["homicide"].tests
    assert [test.p_value <= 0.05 for test in tests] == [True, False]


def test_rio_drift_before_the_start(rio_found):
    drifting = {name for name, path in rio_found.paths.items() if path.drifting}
    assert drifting == {"homicide", "vehicle_robbery"}
    path = rio_found.paths["vehicle_robbery"]
    # a drift that would by itself give most of what is found
    assert path.carried < -0.35
    assert path.frame["event_time"].tolist() == list(range(-8, 17))
    logs = np.log1p(path.frame["estimate"] / 100)
    assert logs[path.frame["event_time"] < 0].mean() == pytest.approx(0, abs=1e-9)


def test_rio_agrees_with_published_work_except_that_homicide_is_asked_in_the_city(rio_found):
    assert rio_found.published["agrees"].tolist() == [True, True, True]
    assert set(rio_found.published["comparison"]) == {"city"}


def test_the_usual_standard_error_is_too_small_where_each_cohort_has_one_place(rio_found):
    rows = rio_found.estimates[rio_found.estimates["estimator"] == "imputation"]
    assert (rows["own_error"] / rows["std_error"]).mean() < 0.7


def test_rio_raw_figures(rio, rio_found):
    changes = rio_found.event_time_means.changes
    assert changes == pytest.approx((-48.2, -16.7), abs=0.1)
    rows = rio.rows(rio.lead)
    ever = rows["first_treated"].notna()
    year = rows["quarter"].dt.year == 2016
    expected = 1e5 * rows.loc[ever & year, "police_killing"].sum() / rows.loc[ever & year, "population"].sum()
    yearly = staggered.yearly(rio, rio.lead)
    assert yearly.treated[2016] == pytest.approx(expected)
    assert 2006 not in yearly.treated.index  # half a year is no year
    cohorts = staggered.cohorts(rio, rio.lead)
    assert cohorts["places"].sum() == 19
    assert len(cohorts) == 14


def test_rio_claims_stand_without_data(rio_found):
    assert {(c.reproduced, c.attributable) for c in rio_found.claims} == {("no_data", "not_testable")}


def test_rio_checks(rio, rio_found):
    found = staggered.checks(rio, rio_found.paths["police_killing"])
    assert set(found) == {
        "pretrends", "relative_magnitudes", "leave_one_out", "bacon", "negative_weights", "spillover",
    }  # fmt: skip
    spill = found["spillover"].table.set_index("comparison")
    assert spill.loc["neighbours as treated", "units"] == 12
    without = leading(rio_found, "police_killing", "metropolis_far")["estimate"]
    assert spill.loc["without neighbours", "estimate"] == pytest.approx(without, abs=1e-8)


def test_rio_ends_before_the_strike(rio):
    series = rio.ending
    assert series is not None
    assert series[pd.Period("2017-02", freq="M")] < 0.5 * series[pd.Period("2016-02", freq="M")]
    assert rio.table["quarter"].max() == pd.Period("2016Q4", freq="Q")


# castle ---------------------------------------------------------------------------------------


def test_castle_meets_the_published_numbers(castle_found):
    """R package bacondecomp, vignette; shared/data/README.md."""
    rows = castle_found.published.set_index("id")
    assert rows.loc["two-way", "ours"] == pytest.approx(0.0818, abs=1e-4)
    assert rows.loc["two-way-covariates", "ours"] == pytest.approx(0.0906, abs=1e-4)
    assert rows["agrees"].tolist() == [True, True, True]


def test_castle_decomposition_is_the_published_one(castle):
    panel, design = castle.panel(castle.lead)
    parts = bacon(panel, design).details["by_kind"].set_index("kind")
    expected = {
        "earlier vs later treated": (0.0598, -0.0055),
        "later vs earlier treated": (0.0319, 0.0703),
        "treated vs never treated": (0.9083, 0.0880),
    }
    for kind, (weight, estimate) in expected.items():
        assert parts.loc[kind, "weight"] == pytest.approx(weight, abs=1e-4)
        assert parts.loc[kind, "estimate"] == pytest.approx(estimate, abs=1e-4)


def test_castle_modern_estimators(castle_found):
    rows = castle_found.estimates[castle_found.estimates["outcome"] == "log_homicide"].set_index("estimator")
    assert rows.loc["imputation", "percent"] == pytest.approx(8.3, abs=0.05)
    assert rows.loc["group_time", "percent"] == pytest.approx(11.7, abs=0.05)
    assert rows.loc["extended", "same_as"] == "imputation"
    assert rows.loc["interaction_weighted", "same_as"] == "group_time"
    assert castle_found.verdicts["log_homicide"].attributable == "not_distinguishable"


def test_castle_jackknife_is_cr3(castle, castle_found):
    panel, design = castle.panel(castle.lead)
    error = cluster_robust(TwoWayFixedEffects(), panel, design, kind="CR3").std_error
    rows = castle_found.estimates.set_index(["outcome", "estimator"])
    assert rows.loc[("log_homicide", "two_way"), "std_error"] == pytest.approx(error, rel=1e-8)


# a made-up place ------------------------------------------------------------------------------


def test_known_effects_are_found(small):
    rows = staggered.estimates(small, only_leading=True).set_index("outcome")
    for outcome, effect in (("crime", -25), ("days", -20)):
        assert rows.loc[outcome, "percent_low"] < effect < rows.loc[outcome, "percent_high"]
        assert rows.loc[outcome, "percent"] == pytest.approx(effect, abs=4)
    assert rows.loc["score", "estimate"] == pytest.approx(2, abs=0.8)
    assert np.isnan(rows.loc["score", "percent"])


def test_every_estimator_answers_or_says_why(small):
    rows = staggered.estimates(small)
    assert len(rows) == 8 + 6 + 6
    absent = rows[rows["estimate"].isna()]
    assert absent["estimator"].tolist() == ["stacked"]  # rates are weighted, and a stack takes no weights
    assert absent["reason"].str.contains("weights").all()
    assert rows.loc[rows["estimate"].notna(), "std_error"].notna().all()


def test_leaving_clusters_out_at_once_is_refitting(small, monkeypatch):
    asked = methods.ask(small, small.lead, "imputation")
    quick = methods.jackknife(asked)
    monkeypatch.setattr(methods, "_without_each", lambda *a: None)
    slow = methods.jackknife(asked)
    np.testing.assert_allclose(quick.without, slow.without, atol=1e-9)
    assert quick.clusters == slow.clusters


def test_percent_of_a_rate_is_of_what_was_to_be_expected(small):
    row = staggered.estimates(small, outcomes=(small.lead,)).set_index("estimator").loc["imputation"]
    asked = methods.ask(small, small.lead, "imputation")
    value, weight = methods.treated_sums(asked)
    mean = value.sum() / weight.sum()
    assert row["percent"] == pytest.approx(100 * row["estimate"] / (mean - row["estimate"]))


def test_one_treated_place_is_tested_by_randomisation(tmp_path):
    def one(rows, places):
        keep = ["t00", *(f"t{i:02d}" for i in range(14, 40))]
        return rows[rows["town"].isin(keep)], places[places["town"].isin(keep)]

    path = make(
        tmp_path,
        one,
        treatment__cluster=None,
        alternatives=[],
        rule__comparisons=["all"],
        headline__outcome="days",
    )
    case = prepare(path, root=tmp_path)
    found = staggered.findings(case)
    assert found.choice.kind == "randomization"
    row = found.estimates.set_index(["outcome", "estimator"]).loc[("days", "imputation")]
    assert row["p_value"] == pytest.approx(1 / 27, abs=0.08)
    assert "27 assignments" in row["inference"]
    two_way = found.estimates.set_index(["outcome", "estimator"]).loc[("days", "two_way")]
    assert two_way["ci_low"] < np.log(0.8) < two_way["ci_high"]
    assert found.together["p_adjusted"].notna().any()


def test_where_every_place_is_treated_in_the_end_later_ones_compare(tmp_path):
    def everyone(rows, places):
        from staggered_project import frames

        rows, places = frames(treated=40)
        return rows, places.assign(near="")

    path = make(
        tmp_path,
        everyone,
        treatment__comparison="not_yet_treated",
        headline__outcome="days",
        rule__comparisons=["all"],
        alternatives=[],
    )
    case = prepare(path, root=tmp_path)
    assert case.controls(case.lead, case.main) == []
    choice = staggered.choose(case, case.lead)
    assert (choice.kind, choice.treated, choice.untreated) == ("jackknife", 20, 0)
    row = staggered.estimates(case, outcomes=(case.lead,), only_leading=True).iloc[0]
    assert row["df"] == 19
    assert row["percent_low"] < -20 < row["percent_high"]
    counts = staggered.estimates(case, only_leading=True).set_index("outcome").loc["crime"]
    assert "nobody to compare with" in counts["reason"]


def test_many_clusters_take_the_usual_error(tmp_path):
    def many(rows, places):
        from staggered_project import frames

        return frames(towns=90, treated=44)

    path = make(tmp_path, many, treatment__cluster=None, rule__comparisons=["all"])
    case = prepare(path, root=tmp_path)
    assert staggered.choose(case, case.lead).kind == "clustered"
    row = staggered.estimates(case, outcomes=(case.study.outcome("days"),), only_leading=True).iloc[0]
    assert row["std_error"] == row["own_error"]
    assert staggered.family(case)["p_adjusted"].notna().all()


def test_simulated_data_decide_no_claim(tmp_path):
    path = make(tmp_path, simulated=True, truth={"crime": -25.0, "score": 2.0})
    case = prepare(path, root=tmp_path)
    found = staggered.findings(case)
    assert {(c.reproduced, c.attributable) for c in found.claims} == {("no_data", "not_testable")}
    assert {check.attributable for check in found.verdicts.values()} == {"not_testable"}
    truth = found.truth.set_index(["outcome", "estimator"])
    assert truth.loc[("crime", "extended_poisson"), "covered"]
    assert set(found.truth["outcome"]) == {"crime", "score"}
    content = json.loads(staggered.result_file(case, found).to_json())
    assert content["simulated"] is True
    assert all(row["simulated"] for row in content["estimates"])


def test_a_record_that_the_outcome_made_decides_no_claim(tmp_path):
    path = make(tmp_path, treatment__from_outcome={"en": "Dates are falls.", "zh": "日期取自降幅。"})
    case = prepare(path, root=tmp_path)
    claims = {claim.id: claim for claim in case.study.claims}
    for check in staggered.check_claims(case):
        assert check.attributable == "not_testable"
        if claims[check.id].kind != "none":
            assert np.isfinite(check.found)
            assert check.reason == "Dates are falls."


def test_independent_rows_are_taken_at_their_word(tmp_path):
    path = make(tmp_path, simulated=True, treatment__independent_rows=True)
    case = prepare(path, root=tmp_path)
    rows = staggered.estimates(case, outcomes=(case.lead,)).set_index("estimator")
    assert rows.loc["poisson", "inference"] == "rows independent"
    assert np.isfinite(rows.loc["poisson", "std_error"])
    assert "no standard error for independent rows" in rows.loc["imputation", "reason"]


def test_a_claim_about_a_change_is_weighed(small):
    found = staggered.findings(small)
    claim = {check.id: check for check in found.claims}["d"]
    treated = small.treated(small.lead)
    rows = small.table[small.table["town"].isin(treated)]
    sums = rows.groupby(rows["year"].dt.year)["crimes"].sum()
    assert claim.found == pytest.approx(100 * (sums[2010] / sums[2004] - 1))
    assert claim.attributable in ("beyond_comparison", "not_distinguishable")
    assert {check.id: check.reproduced for check in found.claims}["c"] == "no_data"


def test_detectable_effects_follow_from_the_standard_error(small):
    rows = staggered.estimates(small, only_leading=True)
    found = staggered.detectable(small, rows).set_index("outcome")
    from scipy import stats

    row = rows.set_index("outcome").loc["crime"]
    reach = (stats.t.ppf(0.975, row["df"]) + stats.t.ppf(0.8, row["df"])) * row["std_error"]
    assert found.loc["crime", "size"] == pytest.approx(reach)
    assert found.loc["crime", "fall"] == pytest.approx(100 * np.expm1(-reach))


def test_agreement_in_three_ways(castle, rio):
    exact, _, size = castle.study.published
    none = rio.study.published[2]
    assert agrees(exact, 0.08185, 0, 1)
    assert not agrees(exact, 0.0820, 0, 1)
    assert agrees(size, 4.0, 0, 1)
    assert not agrees(size, 3.9, 0, 1)
    assert not agrees(size, -8.0, 0, 1)
    assert agrees(none, -5.0, -20.0, 5.0)
    assert not agrees(none, -5.0, -9.0, -1.0)


def test_an_outcome_that_cannot_be_estimated_leaves_the_others(tmp_path):
    def silent(rows, places):
        # nothing on record in treated towns before the start
        start = rows["town"].map(dict(zip(places["town"], places["first"], strict=True)))
        before = (start != "") & (rows["year"] < pd.to_numeric(start, errors="coerce"))
        rows.loc[before, "crimes"] = 0.0
        return rows, places

    path = make(tmp_path, silent, headline__outcome="days")
    case = prepare(path, root=tmp_path)
    rows = staggered.estimates(case, only_leading=True).set_index("outcome")
    assert "nothing can be expected" in rows.loc["crime", "reason"]
    assert np.isfinite(rows.loc["days", "estimate"])
    assert staggered.family(case).set_index("outcome")["p_adjusted"].notna().tolist() == [False, True, True]


def test_the_result_file_has_the_contracts_shape(small):
    found = staggered.findings(small)
    made = staggered.result_file(small, found, answer={"en": "A", "zh": "答"})
    content = json.loads(made.to_json())
    keys = {
        "outcome", "unit", "estimator", "estimand", "estimate", "std_error", "ci_low", "ci_high", "p_value",
        "inference", "n_units", "n_periods", "n_treated",
    }  # fmt: skip
    assert all(keys <= set(row) for row in content["estimates"])
    assert content["simulated"] is False
    assert content["data"][0]["simulated"] is False
    assert made.to_json() == staggered.result_file(small, found, answer={"en": "A", "zh": "答"}).to_json()


def test_a_leading_outcome_that_cannot_be_estimated_stops(tmp_path):
    def none(rows, places):
        rows["crimes"] = 0.0
        return rows, places

    path = make(tmp_path, none)
    with pytest.raises(EvaluationError):
        staggered.findings(prepare(path, root=tmp_path))


def test_many_comparison_units_make_no_warning(tmp_path):
    """A page of more than 100 untreated places: pandas warns of a frame that grew a column at a time."""

    def many(rows, places):
        return frames(towns=150)

    path = make(tmp_path, many)
    case = prepare(path, root=tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = story.years_figure(case, staggered.yearly(case, case.lead))["en"]
    assert len(shown.data.columns) > 100
