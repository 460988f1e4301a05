"""The verdict rule examined on the committed table: whom else it would call, and what it would find."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation import analysis
from evaluation.analysis.change import change_test, year_table
from evaluation.analysis.rule import _placebo_p

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
    units = [case.treated, *case.donors("nationwide")]
    change = table.change(2014, 2016).loc[units].to_numpy(dtype=float)
    assert _placebo_p(change, change)[0] == pytest.approx(test.p_value, abs=1e-12)


def test_an_added_effect_moves_the_p_value_as_refitting_does(case):
    table = year_table(case, "good_days")
    units = [case.treated, *case.donors("nationwide")]
    values = table.values.loc[units]
    raised = values.copy()
    raised.loc[case.treated, 2016] += 60
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
