"""The verdict rule examined on the committed table: whom else it would call, and what it would find."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation import analysis
from evaluation.analysis.change import change_test, year_table
from evaluation.analysis.choices import FITS
from evaluation.analysis.rule import _placebo_p
from evaluation.estimators import TwoWayFixedEffects

STUDY = "pollution_enforcement"


@pytest.fixture(scope="module")
def case(root):
    return analysis.prepare(STUDY, root=root)


@pytest.fixture(scope="module")
def power(case):
    return analysis.rule_power(case)


def test_the_rule_calls_at_most_one_of_sixteen_neighbours(case):
    audit = analysis.rule_audit(case)
    assert audit.others == 16
    assert audit.called <= 1
    assert audit.table["unit"].iloc[0] == "淄博"
    assert audit.table["verdict"].iloc[0] == "not_distinguishable"


def test_the_closed_form_p_value_is_that_of_the_randomisation_test(case):
    table = year_table(case, "good_days")
    test = change_test(case, table, 2014, 2016, "nationwide")
    units = [case.treated_unit, *case.donors("nationwide")]
    change = table.change(2014, 2016).loc[units].to_numpy(dtype=float)
    assert _placebo_p(change, change)[0] == pytest.approx(test.p_value, abs=1e-12)


def test_an_added_effect_moves_the_p_value_as_refitting_does(case):
    table = year_table(case, "good_days")
    units = [case.treated_unit, *case.donors("nationwide")]
    values = table.values.loc[units]
    raised = values.copy()
    raised.loc[case.treated_unit, 2016] += 60
    test = change_test(case, analysis.YearTable(table.outcome, raised), 2014, 2016, "nationwide")
    change = (values[2016] - values[2014]).to_numpy(dtype=float)
    assert _placebo_p(change, change + 60)[0] == pytest.approx(test.p_value, abs=1e-12)


def test_power_grows_from_a_small_size(power):
    assert power.size <= 0.05
    found = power.table["power"].to_numpy()
    assert found[0] <= 0.1
    assert found[-1] >= 0.9
    assert (np.diff(found) >= -1e-12).all()
    smallest = power.smallest()
    assert 40 < smallest < 120
    assert np.isnan(power.smallest(1.1))


def test_synthetic_comparisons_and_the_curve(case):
    frame = analysis.synthetic_estimates(case)
    assert len(frame) == len(case.study.outcomes) * 2 * 2
    assert frame["p_value"].between(1 / 188, 1).all()
    rows = frame.set_index(["outcome", "pool", "method"])
    # sulphur dioxide in Zibo lay above what any mix of other cities reaches
    so2 = rows.loc[("so2", "province", "control")]
    assert so2["misfit"] > abs(so2["estimate"])
    twin = analysis.twin(case, "good_days", "province")
    assert twin.weights.sum() == pytest.approx(1, abs=0.02)
    assert (twin.path["treated"] - twin.path["synthetic"]).abs().max() > 0


def test_the_curve_runs_over_places_and_spans_too(case):
    curve = analysis.specification_curve(case)
    table = curve.check.table
    assert {"outcome", "scale", "date", "pool", "window", "method"} == set(curve.check.details["choices"])
    used = table[table["reason"] == ""]
    assert set(used["pool"]) == {"nationwide", "prefectures"}
    assert set(used["window"]) == {"whole", "year"}
    # the prefectures are among the cities of the nationwide pool, so that they are the placebos of all
    assert curve.check.details["assignments"] == len(case.donors("prefectures")) + 1
    assert curve.unfit == (table["reason"] != "").sum() > 0
    left_out = table[table["reason"] != ""]
    assert (left_out["method"] == "control").all()
    assert (left_out["misfit_ratio"] > FITS).all()
    assert (used.loc[used["method"] == "control", "misfit_ratio"] <= FITS).all()
    synthetic = used[used["method"].isin(["control", "did"])]
    assert set(synthetic["pool"]) == {"nationwide"}
    main = used[
        (used["outcome"] == "good_days")
        & (used["scale"] == "level")
        & (used["date"] == "2015-01")
        & (used["method"] == "month_effects")
    ].set_index(["pool", "window"])["estimate"]
    short = case.donor_panel(
        case.donor_rows("prefectures").query("'2014-01' <= month <= '2015-12'"),
        case.study.outcome("good_days"),
        "level",
        "2015-01",
    )
    assert main["prefectures", "year"] == pytest.approx(TwoWayFixedEffects().fit(*short).estimate, abs=1e-10)


def test_the_rule_with_prefectures_alone(case):
    frame = analysis.rule_by_pool(case)
    assert list(dict.fromkeys(frame["pool"])) == ["nationwide", "prefectures"]
    own = {claim.id: claim for claim in analysis.check_claims(case)}["pollution-good-days-change"]
    assert frame.loc[frame["pool"] == "nationwide", "p_value"].tolist() == [t.p_value for t in own.tests]
    assert set(frame["verdict"]) == {"not_distinguishable"}
    levels = case.places["level"]
    assert set(levels[case.donors("prefectures")]) == {"prefecture"}


def test_the_share_of_few_places_has_an_interval(power):
    table = power.table
    assert (table["low"] <= table["power"]).all()
    assert (table["power"] <= table["high"]).all()
    none = table.iloc[0]
    # Wilson's interval by hand: the roots of (p - share)^2 = z^2 p (1 - p) / n
    z2, n, share = 1.959963984540054**2, power.places, none["power"]
    roots = np.roots([1 + z2 / n, -2 * share - z2 / n, share**2])
    assert sorted(roots) == pytest.approx([none["low"], none["high"]])


def test_diagnostics_are_recorded(case):
    checks = analysis.diagnose(case)
    assert {"pretrends", "relative_magnitudes", "leave_one_out", "minimum_effect", "spillover"} <= set(checks)
    for check in checks.values():
        record = check.as_record()
        assert set(record) == {"name", "verdict", "statistic", "p_value", "text"}
        assert record["text"]["zh"]


def test_inference_says_that_the_clustered_error_does_not_hold(case):
    frame = analysis.inference_methods(case, "nationwide").set_index("method")
    assert bool(frame.loc["randomization_test", "holds"])
    assert not bool(frame.loc["clustered_t", "holds"])
    assert frame.loc["clustered_t", "p_value"] < 0.01 < frame.loc["ferman_pinto", "p_value"]


def test_outcomes_asked_about_together(case):
    frame = analysis.family(case).set_index("outcome")
    assert (frame["p_adjusted"] >= frame["p_value"] - 1e-12).all()
    assert frame.loc["so2", "p_adjusted"] <= 0.05 < frame.loc["good_days", "p_adjusted"]
    logs = analysis.family(case, scale="log").set_index("outcome")
    assert "good_days" not in logs.index  # a month without a good day has no logarithm
    assert (logs["p_adjusted"] > 0.05).all()
