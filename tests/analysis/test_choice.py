"""The design chooses estimator and inference from its own facts, and every reader of it sees one choice."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis.choice import SYNTHETIC
from evaluation.analysis.evaluate import evaluate
from evaluation.analysis.staggered import estimates, path
from evaluation.errors import DesignError, StudyError
from evaluation.inference import recommend


def panel(starts, periods=24, *, effect=0.0, seed=1, level=10.0, own_level=10.0, column="y"):
    """A row a unit and period; ``starts[i]`` is the first treated period of unit i, None for never."""
    rng = np.random.default_rng(seed)
    rows = []
    trend = np.cumsum(rng.normal(0, 1, (2, periods)), axis=1)
    for i, start in enumerate(starts):
        share = rng.uniform(0.2, 0.8)
        base = level + rng.normal(0, 2)
        if start is not None:
            base = own_level
        for t in range(periods):
            on = start is not None and t >= start
            value = base + share * trend[0, t] + (1 - share) * trend[1, t] + rng.normal(0, 0.3)
            rows.append((f"u{i:02d}", 2000 + t, None if start is None else 2000 + start, value + effect * on))
    return pd.DataFrame(rows, columns=["unit", "year", "first", column])


def asked(starts, periods=24, *, made=None, **keys):
    data = panel(starts, periods, **(made or {}))
    return evaluate(data, unit="unit", time="year", outcome="y", first_treated="first", **keys)


MANY = [8] * 45 + [None] * 45


@pytest.mark.parametrize(
    ("starts", "periods", "estimator", "inference", "because"),
    [
        ([12] + [None] * 24, 24, "synthetic_control", "placebo", "few_treated"),
        ([12, 12, 12] + [None] * 24, 24, "synthetic_control", "placebo", "few_treated"),
        ([3] + [None] * 24, 10, "imputation", "randomization_test", "no_synthetic"),
        ([10] * 10 + [None] * 20, 20, "imputation", "jackknife", "many_treated"),
        (MANY, 12, "imputation", "clustered_t", "many_treated"),
    ],
)
def test_the_design_chooses(starts, periods, estimator, inference, because):
    choice = asked(starts, periods).choice
    assert (choice.estimator, choice.inference) == (estimator, inference)
    assert choice.why["leads_because"] == because
    assert choice.why["n_treated"] == sum(start is not None for start in starts)
    assert not choice.overridden


def test_a_treated_unit_that_donors_cannot_reach_is_led_by_differences():
    choice = asked([12] + [None] * 24, made={"own_level": 40.0}).choice
    assert choice.estimator == "synthetic_did"
    assert choice.why["misfit"] > choice.why["misfit_regression"] > choice.why["misfit_synthetic_did"]


def test_counts_stay_with_poisson_however_few_are_treated():
    data = panel([12] + [None] * 24)
    data["y"] = np.random.default_rng(2).poisson(50, len(data))
    data["people"] = 1000.0
    for exposure in (None, "people"):
        found = evaluate(
            data,
            unit="unit",
            time="year",
            outcome="y",
            first_treated="first",
            model="count",
            exposure=exposure,
        )
        assert found.choice.estimator == "extended_poisson"
        assert found.choice.inference == "randomization_test"


def test_what_the_study_names_goes_before_and_is_recorded():
    starts = [10] * 10 + [None] * 20
    found = asked(starts, 20, estimator="synthetic_did", inference=None).choice
    assert (found.estimator, found.inference, found.overridden) == (
        "synthetic_did",
        "placebo",
        ("estimator",),
    )
    found = asked(starts, 20, inference="clustered_t").choice
    assert (found.estimator, found.inference, found.overridden) == (
        "imputation",
        "clustered_t",
        ("inference",),
    )
    assert found.why["holds"] is False
    with pytest.raises(DesignError, match="two-way regression alone"):
        _ = asked(starts, 20, inference="wild_restricted").choice
    with pytest.raises(StudyError, match="inference"):
        asked(starts, 20, inference="magic")


@pytest.mark.parametrize("treated", [2, 5, 6, 20, 38, 44, 58])
def test_the_leading_row_has_what_recommend_says(treated):
    """Of the methods that hold and take any estimator, the page has the first."""
    found = asked([6] * treated + [None] * (60 - treated), 12, estimator="imputation")
    case = found.case
    first = recommend(*case.panel(case.lead), draws=0).first_for_any
    if first is None:
        assert found.choice.why["holds"] is False
        assert found.choice.inference == "randomization_test"
    else:
        assert found.choice.inference == first.method
    words = {"jackknife": "jackknife", "clustered_t": "clustered", "randomization_test": "randomisation"}
    row = estimates(case, only_leading=True).iloc[0]
    assert words[found.choice.inference] in row["inference"]


def test_interval_and_p_value_of_a_synthetic_control_are_one_test():
    """The interval leaves out zero exactly where p is at most 0.05 (Firpo and Possebom 2018)."""
    told = set()
    for seed in range(4):
        for effect in (0.0, 2.0):
            case = asked([12] + [None] * 24, made={"effect": effect, "seed": seed}).case
            rows = estimates(case).set_index("estimator").loc[list(SYNTHETIC)]
            for row in rows[rows["ci_low"].notna()].to_dict("records"):
                outside = row["ci_low"] > 0 or row["ci_high"] < 0
                assert outside == (row["p_value"] <= 0.05)
                told.add(outside)
            assert (rows["n_assignments"] == 25).all()
    assert told == {True, False}


def test_the_path_of_a_synthetic_lead_averages_to_its_estimate():
    case = asked([20] + [None] * 24, made={"effect": 3.0}).case
    shown = path(case, case.lead)
    after = shown.frame["event_time"] >= 0
    row = estimates(case, only_leading=True).iloc[0]
    assert shown.base == "synthetic"
    assert shown.n_placebos == 24
    assert after.sum() == 4
    assert shown.frame.loc[after, "estimate"].mean() == pytest.approx(row["estimate"])
    assert np.isnan(shown.drift_p)  # weights fit the periods before: no drift can be told


def test_effects_on_shares_are_in_points_and_logarithms_in_percent():
    data = panel([12] * 10 + [None] * 20, effect=5.0, level=50.0, own_level=50.0)
    share = evaluate(data, unit="unit", time="year", outcome="y", first_treated="first", model="share")
    row = share.table.iloc[0]
    assert np.isnan(row["percent"])
    data["y"] = np.exp(data["y"] / 50)
    logged = evaluate(data, unit="unit", time="year", outcome="y", first_treated="first", model="log")
    row = logged.table.iloc[0]
    assert row["percent"] == pytest.approx(100 * np.expm1(row["estimate"]))


def test_who_is_treated_is_said_in_one_way():
    data = panel([12] + [None] * 24)
    with pytest.raises(DesignError, match="in no way"):
        evaluate(data, unit="unit", time="year", outcome="y")
    with pytest.raises(DesignError, match="in 2 ways"):
        evaluate(data, unit="unit", time="year", outcome="y", first_treated="first", treated={"u00": 2012})


def test_a_wide_panel_is_not_refitted_without_each_unit(monkeypatch):
    from evaluation.analysis.staggered import family

    def refit(*_):
        raise AssertionError("refitted without a unit")

    for name in ("effects", "family"):
        monkeypatch.setattr(sys.modules[f"evaluation.analysis.staggered.{name}"], "jackknife", refit)
    case = asked([6] * 300 + [8] * 300 + [None] * 600, 12).case
    assert case.choice.inference == "clustered_t"
    assert estimates(case)["std_error"].notna().all()
    assert family(case)["p_adjusted"].notna().all()
