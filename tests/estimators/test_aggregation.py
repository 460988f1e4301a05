"""Averages of cohort-by-period effects: weights by hand, what is left out, bands."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.errors import EstimationError
from evaluation.estimators import GroupTime, Imputation, InteractionWeighted, TwoWayFixedEffects

BY = ("simple", "group", "event_time", "calendar")


@pytest.fixture
def result(staggered):
    return GroupTime().fit(Panel(staggered, unit="id", time="t"), Design("y", "g"))


def test_weights_by_hand(staggered, result):
    table = result.tidy()
    size = staggered.groupby("id")["g"].first().value_counts()
    table["n"] = table["cohort"].map(size)
    after = table[table["event_time"] >= 0]
    assert result.aggregate("simple").estimate == pytest.approx(
        np.average(after["estimate"], weights=after["n"])
    )
    groups = after.groupby("cohort")["estimate"].mean()
    ours = result.aggregate("group")
    np.testing.assert_allclose(ours.coef, groups)
    assert ours.overall.estimate == pytest.approx(np.average(groups, weights=size[groups.index]))
    events = table.groupby("event_time").apply(lambda d: np.average(d["estimate"], weights=d["n"]))
    ours = result.aggregate("event_time")
    np.testing.assert_allclose(ours.coef, events)
    assert ours.overall.estimate == pytest.approx(events[events.index >= 0].mean())
    times = after.groupby("time").apply(lambda d: np.average(d["estimate"], weights=d["n"]))
    ours = result.aggregate("calendar")
    np.testing.assert_allclose(ours.coef, times)
    assert ours.overall.estimate == pytest.approx(times.mean())


def test_balance_keeps_cohorts_seen_long_enough_and_no_longer(staggered, result):
    ours = result.aggregate("event_time", balance=2)
    table = result.tidy()
    size = staggered.groupby("id")["g"].first().value_counts()
    kept = table[table["cohort"].isin([3, 5, 6]) & (table["event_time"] <= 2)]
    events = kept.groupby("event_time").apply(
        lambda d: np.average(d["estimate"], weights=d["cohort"].map(size))
    )
    assert ours.terms["event_time"].tolist() == list(events.index)
    np.testing.assert_allclose(ours.coef, events)
    assert any("1 cohorts seen fewer than 2 periods" in note for note in ours.notes)
    psi = ours.influence
    np.testing.assert_allclose(psi.T @ psi / len(psi) ** 2, ours.vcov, rtol=1e-9)


def test_window(result):
    ours = result.aggregate("event_time", window=(-2, 1))
    assert ours.terms["event_time"].tolist() == [-2, -1, 0, 1]
    whole = result.aggregate("event_time")
    pick = whole.terms["event_time"].isin([-2, -1, 0, 1])
    np.testing.assert_array_equal(ours.coef, whole.coef[pick])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "week"}, "unknown aggregation 'week'"),
        ({"by": "event_time", "balance": 9}, "no cohort is seen 9 periods after treatment"),
        ({"by": "event_time", "window": (30, 40)}, "no event time is left"),
        ({"by": "group", "balance": 1}, "belong to event time"),
    ],
)
def test_bad_options_are_named(result, arguments, message):
    with pytest.raises(EstimationError, match=message):
        result.aggregate(**arguments)


def test_a_regression_without_cells_cannot_be_aggregated(staggered):
    with pytest.raises(EstimationError, match="not cohort-by-period effects"):
        TwoWayFixedEffects().fit(Panel(staggered, unit="id", time="t"), Design("y", "g")).aggregate("simple")


def test_empty_cells_are_nan_with_a_reason_and_averages_name_them(staggered):
    frame = staggered[~((staggered["g"] == 5) & (staggered["t"] == 7))]
    result = GroupTime().fit(Panel(frame, unit="id", time="t"), Design("y", "g"))
    lost = result.terms["term"] == "cohort 5, period 7"
    assert np.isnan(result.coef[lost]).all()
    assert np.isnan(result.std_errors[lost]).all()
    assert any("have no units" in note and "cohort 5, period 7" in note for note in result.notes)
    for by in BY:
        one = result.aggregate(by)
        assert any("are left out: cohort 5, period 7" in note for note in one.notes), by
        assert np.isfinite(one.overall.estimate)
        assert np.isfinite(one.overall.std_error)
        psi = one.influence
        np.testing.assert_allclose(psi.T @ psi / len(psi) ** 2, one.vcov, rtol=1e-9)


def test_all_treated_in_the_end_leaves_cells_without_comparison(staggered):
    frame = staggered[staggered["g"].notna()]
    design = Design("y", "g", comparison="not_yet_treated")
    result = GroupTime().fit(Panel(frame, unit="id", time="t"), design)
    assert np.isnan(result.coef[result.terms["time"] == 8]).all()
    assert np.isnan(result.coef[(result.terms["cohort"] == 8) & (result.terms["time"] >= 8)]).all()
    assert any("no not yet treated units to compare with" in note for note in result.notes)
    assert np.isfinite(result.aggregate("simple").std_error)


def test_unbalanced_imputation_averages_over_observations(staggered_unbalanced):
    result = Imputation().fit(Panel(staggered_unbalanced, unit="id", time="t"), Design("y", "g"))
    table = result.tidy()
    seen = staggered_unbalanced.groupby(["g", "t"]).size().rename("n").reset_index()
    table = table.merge(seen, left_on=["cohort", "time"], right_on=["g", "t"])
    assert result.sample.observations == len(staggered_unbalanced)
    expected = np.average(table["estimate"], weights=table["n"])
    assert result.aggregate("simple").estimate == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("estimator", [GroupTime(), Imputation(), InteractionWeighted()], ids=str)
@pytest.mark.parametrize("cluster", [None, "cl"])
def test_bands_repeat_themselves_and_follow_a_bootstrap(staggered, estimator, cluster):
    panel = Panel(staggered, unit="id", time="t")
    ours = estimator.fit(panel, Design("y", "g", cluster=cluster)).aggregate("event_time")
    drawn = ours.bootstrap(9_999, seed=2)
    plain, band, again, signs = (
        t["ci_high"] - t["ci_low"]
        for t in (
            ours.tidy(),
            ours.simultaneous(seed=1),
            ours.simultaneous(seed=1),
            drawn.simultaneous(seed=1),
        )
    )
    assert (band / plain).dropna().between(1.2, 3.0).all()
    pd.testing.assert_series_equal(band, again)
    # few clusters make signs lighter in the tail
    np.testing.assert_allclose((signs / band).dropna(), 1, atol=0.05 if cluster is None else 0.2)


def test_the_covariance_of_averages_covers_estimated_shares(staggered):
    """Delta method by hand: effects and shares jointly, from their influence functions."""
    result = GroupTime().fit(Panel(staggered, unit="id", time="t"), Design("y", "g"))
    shares = result.shares
    joint = np.column_stack([result.influence, shares.influence()])
    n = len(joint)
    np.testing.assert_allclose(
        joint.T @ joint / n**2,
        np.block([[result.vcov, shares.cross], [shares.cross.T, shares.vcov]]),
        atol=1e-14,
    )
    assert shares.share.sum() == pytest.approx(staggered["g"].notna().mean())


@pytest.mark.parametrize("estimator", [GroupTime(), Imputation(), TwoWayFixedEffects()], ids=str)
@pytest.mark.parametrize("cluster", [None, "cl"])
def test_bootstrap_of_estimators_is_near_their_analytical_errors(staggered, estimator, cluster):
    fitted = estimator.fit(Panel(staggered, unit="id", time="t"), Design("y", "g", cluster=cluster))
    one = fitted.aggregate("event_time") if fitted.shares is not None else fitted
    ratio = one.bootstrap(9_999, seed=3).std_errors / one.std_errors
    # ten to twenty clusters make the quartiles of sums of signs a little lighter
    np.testing.assert_allclose(ratio[np.isfinite(ratio)], 1, atol=0.04 if cluster is None else 0.12)
    assert np.isfinite(ratio).any()
