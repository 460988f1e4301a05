"""Coverage of the jackknife where cohorts have one place and clusters are few, as in Rio's record."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.analysis.staggered.methods import Asked, jackknife
from evaluation.estimators import Imputation, OverallATT, PoissonFixedEffects, PoissonImputation
from evaluation.numerics.jackknife import t_quantile

DRAWS, LEVEL, EFFECT = 300, 0.95, -0.4
UNITS, PERIODS, CLUSTERS, TREATED = 65, 42, 25, 19


def draw(rng: np.random.Generator) -> pd.DataFrame:
    """Counts with lasting shocks to places and clusters; effects differ between places."""
    cluster = rng.permutation(np.arange(UNITS) % CLUSTERS)
    order = np.argsort(cluster + 0.6 * rng.standard_normal(UNITS) * CLUSTERS / 4)
    first = np.full(UNITS, np.nan)
    first[order[:TREATED]] = rng.integers(9, 32, TREATED)

    def lasting(n: int, spread: float) -> np.ndarray:
        shocks = spread * np.sqrt(1 - 0.8**2) * rng.standard_normal((n, PERIODS))
        shocks[:, 0] /= np.sqrt(1 - 0.8**2)
        for t in range(1, PERIODS):
            shocks[:, t] += 0.8 * shocks[:, t - 1]
        return shocks

    t = np.arange(PERIODS)
    on = t[None, :] >= np.nan_to_num(first, nan=np.inf)[:, None]
    own = EFFECT + 0.3 * rng.standard_normal(UNITS)
    people = np.exp(rng.normal(0, 0.5, UNITS))
    log = 1.2 + rng.normal(0, 0.6, UNITS)[:, None] + 0.2 * np.sin(t / 6) + own[:, None] * on
    log = log + lasting(UNITS, 0.2) + lasting(CLUSTERS, 0.15)[cluster]
    counts = rng.poisson(people[:, None] * np.exp(log))
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(UNITS), PERIODS),
            "t": np.tile(t, UNITS),
            "g": np.repeat(first, PERIODS),
            "cl": np.repeat(cluster, PERIODS),
            "people": np.repeat(people, PERIODS),
            "count": counts.ravel().astype(float),
            "without": (people[:, None] * np.exp(log - own[:, None] * on) * on).ravel(),
            "w": np.repeat(people, PERIODS),
        }
    )


@pytest.mark.slow
def test_intervals_cover_where_each_cohort_has_one_place():
    """The jackknife holds 95 %; the clustered error of imputation, blind to single units, does not."""
    rng = np.random.default_rng(20081219)
    held = {
        "imputed counts": 0,
        "imputation, jackknife": 0,
        "imputation, clustered": 0,
        "poisson, clustered": 0,
    }
    target = EFFECT + 0.3**2 / 2
    for _ in range(DRAWS):
        frame = draw(rng)
        frame["rate"] = frame["count"] / frame["people"]
        panel = Panel(frame, unit="id", time="t")
        counts = Design("count", "g", cluster="cl")
        rates = Design("rate", "g", cluster="cl", weights="w")
        ours = PoissonImputation(exposure="people").fit(panel, counts)
        low, high = ours.conf_int(LEVEL)
        held["imputed counts"] += low <= target <= high
        plain = PoissonFixedEffects(exposure="people").fit(panel, counts)
        low, high = plain.conf_int(LEVEL)
        held["poisson, clustered"] += low <= target <= high
        # the rate's effect: what is expected of the treated cells' own means
        cells = frame["t"] >= frame["g"]
        share = (np.exp(target) - 1) * frame.loc[cells, "without"].sum() / frame.loc[cells, "people"].sum()
        asked = Asked("imputation", OverallATT(Imputation()), panel, rates)
        result = asked.fit()
        found = jackknife(asked, result)
        half = t_quantile(LEVEL, found.df) * found.std_error
        held["imputation, jackknife"] += abs(result.estimate - share) <= half
        low, high = result.conf_int(LEVEL)
        held["imputation, clustered"] += low <= share <= high
    share_of = {name: count / DRAWS for name, count in held.items()}
    print(share_of)
    assert 0.92 <= share_of["imputed counts"] <= 0.995
    assert 0.92 <= share_of["imputation, jackknife"] <= 0.995
    assert share_of["imputation, clustered"] < share_of["imputation, jackknife"] - 0.05
