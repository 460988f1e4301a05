"""Simulated panels: what is promised of them holds in large draws and in every draw."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from builders.simulate import Simulation
from evaluation import Design, Panel
from evaluation.errors import DesignError
from evaluation.estimators import GroupTime

MIXED = Simulation(
    units=60, cohorts=((3, 0.2), (6, 0.3)), effect=(2.0, -1.0), growth=(0.5, 0.0), missing=0.1, selection=1.0
)


def draw(simulation, seed=0):
    return simulation.draw(np.random.default_rng(seed))


def test_the_same_generator_gives_the_same_panel():
    one, two, other = draw(MIXED), draw(MIXED), draw(MIXED, 1)
    pd.testing.assert_frame_equal(one.frame, two.frame)
    assert not one.frame["y"].equals(other.frame["y"])


def test_it_is_marked_as_simulated():
    panel = draw(MIXED)
    assert panel.simulated is True
    assert panel.frame.attrs["simulated"] is True


def test_truth_lists_every_treated_cell():
    panel = draw(MIXED)
    truth = panel.truth.set_index(["cohort", "period"])
    assert len(truth) == 6 + 3
    assert truth.loc[(3, 3), "effect"] == 2.0
    assert truth.loc[(3, 8), "effect"] == 2.0 + 5 * 0.5
    assert truth.loc[(6, 8), "effect"] == -1.0
    assert (truth["event_time"] == [0, 1, 2, 3, 4, 5, 0, 1, 2]).all()
    for (cohort, period), row in truth.iterrows():
        here = (panel.frame["first_treated"] == cohort) & (panel.frame["period"] == period)
        assert row["observations"] == here.sum()
    # half of the units have z = 1, whose odds of each cohort are e times as large
    odds = np.array([0.2, 0.3]) * np.e
    expected = (np.array([0.2, 0.3]) + odds / (odds.sum() + 0.5)) / 2
    np.testing.assert_allclose(truth["share"].unique(), expected)


@pytest.mark.parametrize("by", ["simple", "group", "event_time", "calendar"])
def test_averages_are_those_of_results(by):
    """Noise taken away, what an estimator finds in the sample is the truth at the sample's shares."""
    still = Simulation(units=80, effect=(2.0, -1.0), growth=(0.5, 0.2), noise=0.0)
    panel = draw(still)
    frame = panel.frame.assign(y=panel.frame["y"] - panel.frame["v"] * panel.frame["period"] / 10)
    result = GroupTime().fit(
        Panel(frame, unit="unit", time="period"), Design("y", "first_treated", base_period="universal")
    )
    average = result.aggregate(by)
    after = ~(average.terms["event_time"] < 0).to_numpy(dtype=bool)
    np.testing.assert_allclose(average.coef[after], panel.average(by, shares="sample"), atol=1e-10)


def test_population_averages_weigh_by_probability():
    panel = draw(Simulation(cohorts=((4, 0.1), (8, 0.3)), effect=(1.0, 2.0)))
    assert panel.average()["ATT"] == pytest.approx((5 * 0.1 * 1 + 0.3 * 2) / (5 * 0.1 + 0.3))
    assert panel.average("event_time").tolist() == pytest.approx([(0.1 * 1 + 0.3 * 2) / 0.4, 1, 1, 1, 1])


def test_errors_are_serially_correlated():
    flat = Simulation(units=20_000, effect=0.0, cluster_noise=0.0, noise=2.0, correlation=0.6)
    frame = draw(flat).frame
    net = frame["y"] - frame["v"] * frame["period"] / 10 - np.sin(frame["period"])
    wide = net.to_numpy().reshape(20_000, 8)
    change = np.diff(wide, axis=1)  # unit effects gone
    assert change.var() == pytest.approx(2 * 4 * (1 - 0.6), rel=0.02)
    neighbours = (change[:, 1:] * change[:, :-1]).mean()
    assert neighbours == pytest.approx(-4 * (1 - 0.6) ** 2, rel=0.05)


def test_clusters_share_treatment_and_shocks():
    simulation = Simulation(
        units=4000, clusters=400, cluster_noise=1.5, noise=0.5, correlation=0.0, effect=0.0
    )
    frame = draw(simulation).frame
    assert (frame.groupby("cluster")["first_treated"].nunique(dropna=False) == 1).all()
    assert (frame.groupby("cluster")["z"].nunique() == 1).all()
    net = frame["y"] - frame["v"] * frame["period"] / 10 - np.sin(frame["period"])
    change = net.groupby(frame["unit"]).diff().dropna()
    between = change.groupby([frame["cluster"], frame["period"]]).mean().var()
    assert between == pytest.approx(2 * 1.5**2 + 2 * 0.5**2 / 10, rel=0.1)


def test_selection_is_on_trends_and_only_through_z():
    frame = draw(Simulation(units=40_000, selection=1.0, trend=0.3, effect=0.0)).frame
    ends = frame.pivot(index="unit", columns="period", values="y")
    unit = frame.groupby("unit")[["first_treated", "z"]].first().assign(change=ends[8] - ends[1])
    treated = unit["first_treated"].notna()
    plain = unit["change"].groupby(treated).mean().diff().iloc[1]
    within = unit.groupby(["z", treated])["change"].mean().groupby("z").diff().dropna()
    assert plain > 0.4
    np.testing.assert_allclose(within, 0, atol=0.05)


def test_missing_rows_are_missing_at_random():
    frame = draw(Simulation(units=10_000, missing=0.2)).frame
    assert len(frame) == pytest.approx(80_000 * 0.8, rel=0.01)
    assert frame.groupby(frame["first_treated"].notna()).size().min() > 0
    assert frame.index.tolist() == list(range(len(frame)))


def test_counts_have_the_ratio_of_means_that_is_promised():
    simulation = Simulation(units=60_000, counts=True, effect=0.4, noise=0.3, cohorts=((5, 0.5),))
    frame = draw(simulation).frame
    assert pd.api.types.is_integer_dtype(frame["y"])
    after = frame["period"] >= 5
    rate = frame.groupby([frame["first_treated"].notna(), after])[["y", "exposure"]].sum()
    logs = np.log(rate["y"] / rate["exposure"]).unstack()
    effect = (logs.loc[True, True] - logs.loc[True, False]) - (logs.loc[False, True] - logs.loc[False, False])
    assert effect == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cohorts": ()}, "no cohort is given"),
        ({"cohorts": ((4, 0.7), (5, 0.7))}, "probabilities"),
        ({"cohorts": ((1, 0.5),)}, "cohorts start in"),
        ({"cohorts": ((9, 0.5),)}, "cohorts start in"),
        ({"correlation": 1.0}, "the correlation is 1"),
        ({"missing": 1.0}, "missing is 1"),
        ({"counts": True, "spread": 0.2}, "differ between units"),
        ({"cluster_noise": 1.0}, "no clusters"),
        ({"effect": (1.0, 2.0, 3.0)}, "3 values of effect for 2 cohorts"),
    ],
)
def test_parameters_that_no_panel_can_have(options, message):
    with pytest.raises(DesignError, match=message):
        Simulation(**options)


def test_unknown_averages():
    with pytest.raises(DesignError, match="unknown average 'week'"):
        draw(MIXED).average("week")
    with pytest.raises(DesignError, match="shares is 'mine'"):
        draw(MIXED).average(shares="mine")
