"""What can be drawn for a covariance, the factors of a two-way one, and bands with small cohorts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from builders.simulate import Simulation
from evaluation import Design, Panel
from evaluation.errors import EstimationError
from evaluation.estimators import (
    ExtendedTwoWayFixedEffects,
    GroupTime,
    Imputation,
    InteractionWeighted,
    TwoWayFixedEffects,
)
from evaluation.numerics.covariance import SmallSample

EVENTS = TwoWayFixedEffects(event_study=True)


def crossed(seed: int = 3, missing: float = 0.0) -> pd.DataFrame:
    """120 units in 30 regions and 24 trades."""
    frame = Simulation(units=120, missing=missing).draw(np.random.default_rng(seed)).frame
    return frame.assign(region=frame["unit"] % 30, trade=(frame["unit"] // 5) % 24)


@pytest.mark.parametrize(
    ("estimator", "cluster", "reason"),
    [
        (GroupTime(), ("region", "trade"), "clustered by 'region' and 'trade'"),
        (InteractionWeighted(), ("region", "trade"), "clustered by 'region' and 'trade'"),
        (Imputation(), ("region", "trade"), "clustered by 'region' and 'trade'"),
        (EVENTS, ("region", "trade"), "clustered by 'region' and 'trade'"),
        (EVENTS, ("unit", "period"), "clustered by 'unit' and 'period'"),
        (EVENTS, "period", "clustered by 'period'"),
        (TwoWayFixedEffects(event_study=True, covariance="HC1"), None, "not clustered"),
        (ExtendedTwoWayFixedEffects(covariance="iid"), None, "not clustered"),
    ],
    ids=str,
)
def test_a_bootstrap_that_cannot_follow_the_clusters_is_refused(estimator, cluster, reason):
    design = Design("y", "first_treated", cluster=cluster)
    result = estimator.fit(Panel(crossed(), unit="unit", time="period"), design)
    result = result if result.shares is None else result.aggregate("event_time")
    with pytest.raises(EstimationError, match=reason):
        result.bootstrap(seed=1)
    # the band follows the covariance, and is wider than the pointwise intervals
    band = result.simultaneous(seed=1)
    known = np.isfinite(result.std_errors)
    assert (band["ci_low"] < result.tidy()["ci_low"])[known].all()


def two_way_by_hand(frame, psi):
    """Sums over regions, trades and their pairs, each with G / (G - 1) of its own."""
    units = frame.drop_duplicates("unit").sort_values("unit")
    keys = [units["region"], units["trade"], units["region"] * 100 + units["trade"]]
    total = np.zeros((psi.shape[1],) * 2)
    for key, sign in zip(keys, (1, 1, -1), strict=True):
        sums = pd.DataFrame(psi).groupby(key.to_numpy()).sum().to_numpy()
        total += sign * len(sums) / (len(sums) - 1) * (sums.T @ sums)
    return total / len(psi) ** 2


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_each_part_of_a_two_way_covariance_has_its_own_factor(missing):
    frame = crossed(missing=missing)
    panel = Panel(frame, unit="unit", time="period")
    design = Design("y", "first_treated", cluster=("region", "trade"), window=(0, 0))
    option = SmallSample(parameters=False, cluster_df="each")
    weighted = InteractionWeighted(small_sample=option).fit(panel, design)
    leads = Imputation().pre_trends(panel, design, leads=2, small_sample_correction=option)
    events = TwoWayFixedEffects(small_sample=option).fit(panel, replace(design, window=None))
    for result in (weighted, leads, events):
        assert not any("semi-definite" in note for note in result.notes)
        known = np.isfinite(result.std_errors)
        by_hand = two_way_by_hand(frame, result.influence[:, known])
        np.testing.assert_allclose(result.vcov[np.ix_(known, known)], by_hand, rtol=1e-8)


def test_bands_hold_with_cohorts_of_six():
    """100 draws of 60 units, 6 in each of three cohorts: the quantile of normal draws covers 87 %."""
    rng = np.random.default_rng(8)
    units, periods = 60, 14
    first = np.r_[np.repeat([6.0, 8.0, 10.0], 6), np.full(42, np.nan)]
    covered = []
    for draw in range(100):
        errors = rng.standard_normal((units, periods))
        for t in range(1, periods):
            errors[:, t] = 0.5 * errors[:, t - 1] + np.sqrt(0.75) * errors[:, t]
        frame = pd.DataFrame(
            {
                "unit": np.repeat(np.arange(units), periods),
                "time": np.tile(np.arange(1, periods + 1), units),
                "first": np.repeat(first, periods),
                "y": errors.ravel(),
            }
        )
        fit = GroupTime().fit(Panel(frame, unit="unit", time="time"), Design("y", "first"))
        band = fit.aggregate("event_time").simultaneous(seed=draw)
        covered.append(((band["ci_low"] < 0) & (band["ci_high"] > 0)).all())
    assert 0.92 <= np.mean(covered) <= 0.99


def test_a_cohort_seen_in_one_cluster_has_no_band_of_its_own():
    frame = crossed()
    frame = frame[
        ~frame["first_treated"].eq(6)
        | frame["unit"].eq(frame.loc[frame["first_treated"].eq(6), "unit"].min())
    ]
    fit = GroupTime().fit(Panel(frame, unit="unit", time="period"), Design("y", "first_treated"))
    band = fit.simultaneous(seed=1)
    alone = band["cohort"] == 6
    known = np.isfinite(fit.std_errors)
    assert band.loc[alone, "ci_low"].isna().all()
    assert band.loc[~alone & known, "ci_low"].notna().all()
    assert "cohort-period in it is seen in one unit or cluster only" in band.attrs["notes"][0]
    events = fit.aggregate("event_time").simultaneous(seed=1)
    # event times -2, -1 and 0 to 2 have units of cohort 6, and 3 and 4 of cohort 4 alone
    assert events.set_index("event_time")["ci_low"].notna().loc[[3, 4]].all()
    assert events.set_index("event_time")["ci_low"].isna().loc[[0, 1, 2]].all()
