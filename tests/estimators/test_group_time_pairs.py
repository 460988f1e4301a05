"""Group-time effects of panels with gaps: changes within units seen in a period and in its base period."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.estimators import GroupTime
from evaluation.numerics import pairs

BY = ("simple", "group", "event_time", "calendar")


@pytest.fixture(scope="module")
def frame(simulate):
    return simulate(21, units=80, periods=7, cohorts=(3, 5, 7), missing=0.2)


def fit(estimator, frame, **design):
    return estimator.fit(Panel(frame, unit="id", time="t"), Design("y", "g", **design))


def in_loops(units, term, method, covariates, comparison, base_period, ahead):
    """One effect from units, each with its rows by period, with statsmodels."""
    import statsmodels.api as sm

    last = term.cohort - ahead - 1
    base = last if base_period == "universal" or term.time > last else term.time - 1
    later = max(term.time, base) + ahead
    rows = []
    for unit in units:
        g = next(iter(unit.values()))["g"]
        ours = g == term.cohort
        waits = comparison == "not_yet_treated" and g > later and not ours
        if (ours or np.isnan(g) or waits) and {term.time, base} <= set(unit):
            now, then = unit[term.time], unit[base]
            rows.append((ours, now["y"] - then["y"], then["w"], [1.0, *(then[name] for name in covariates)]))
    d, change, w = (np.array(column, dtype=float) for column in list(zip(*rows, strict=True))[:3])
    x = np.array([row[3] for row in rows])
    if len(d) == 0 or d.all() or not d.any():
        return np.nan
    pull, one = w * (1 - d), d == 1
    if covariates and method != "reg":
        p = sm.GLM(d, x, family=sm.families.Binomial(), var_weights=w).fit(tol=1e-13).predict(x)
        pull = w * (1 - d) * p / (1 - p)
    if covariates and method != "ipw":
        change = change - x @ sm.WLS(change[~one], x[~one], weights=w[~one]).fit().params
    effect = np.average(change[one], weights=w[one])
    return effect if covariates and method == "reg" else effect - np.average(change, weights=pull)


@pytest.mark.parametrize(
    ("method", "covariates", "comparison", "base", "ahead"),
    [
        ("dr", (), "never_treated", "varying", 0),
        ("dr", (), "not_yet_treated", "universal", 1),
        ("dr", ("x", "z"), "not_yet_treated", "varying", 1),
        ("ipw", ("x",), "never_treated", "universal", 0),
        ("reg", ("x", "z"), "never_treated", "universal", 1),
    ],
)
def test_effects_are_those_of_a_loop_over_units(frame, method, covariates, comparison, base, ahead):
    asked = {"covariates": covariates, "comparison": comparison, "base_period": base, "anticipation": ahead}
    result = fit(GroupTime(method=method), frame, weights="w", **asked)
    options = method, covariates, comparison, base, ahead
    units = [
        {row["t"]: row for row in rows.to_dict("records")} for _, rows in frame.groupby("id", sort=False)
    ]
    expected = [
        0.0 if np.isnan(result.std_errors[term.Index]) else in_loops(units, term, *options)
        for term in result.terms.itertuples()
    ]
    np.testing.assert_allclose(result.coef, expected, rtol=0, atol=1e-8)
    assert len(result) >= 12


@pytest.mark.parametrize("cluster", ["id", "cl", ("cl", "other")])
def test_covariances_in_pieces_are_those_of_influence_functions(frame, cluster, monkeypatch):
    """Units, and clusters, are taken a few at a time."""
    monkeypatch.setattr(pairs, "_ENTRIES", 100)
    frame = frame.assign(other=frame["id"] % 9)
    options = {"cluster": cluster, "weights": "w", "comparison": "not_yet_treated"}
    result = fit(GroupTime(), frame, **options)
    psi = np.column_stack([result.influence, result.shares.influence()]) / len(result.influence)
    names = [cluster] if isinstance(cluster, str) else list(cluster)
    codes = frame.groupby("id")[[*{*names} - {"id"}]].first().assign(id=lambda d: d.index)
    expected = np.zeros((psi.shape[1],) * 2)
    for keys, sign in [([name], 1) for name in names] + ([(names, -1)] if len(names) == 2 else []):
        sums = pd.DataFrame(psi).groupby([codes[key].to_numpy() for key in keys]).sum().to_numpy()
        expected += sign * sums.T @ sums
    values, vectors = np.linalg.eigh(expected)
    expected = (vectors * np.clip(values, 0, None)) @ vectors.T
    k = len(result)
    np.testing.assert_allclose(result.vcov, expected[:k, :k], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(result.shares.cross, expected[:k, k:], rtol=1e-9, atol=1e-12)


def test_a_balanced_panel_is_the_case_without_gaps(simulate):
    frame = simulate(3, units=60)
    options = {"weights": "w", "cluster": "cl", "comparison": "not_yet_treated"}
    for method, covariates in (("dr", ()), ("ipw", ("x", "z"))):
        one, two = (
            fit(GroupTime(method=method, sampling=s), frame, covariates=covariates, **options)
            for s in ("balanced", "pairs")
        )
        for by in BY:
            np.testing.assert_allclose(two.aggregate(by).coef, one.aggregate(by).coef, atol=1e-12)
            np.testing.assert_allclose(two.aggregate(by).vcov, one.aggregate(by).vcov, atol=1e-12)


def test_a_row_of_a_unit_seen_once_changes_only_the_shares(frame):
    """The share of a cohort counts each of its units once, in however many periods it is seen."""
    lone = frame[(frame["id"] == 0) & (frame["t"] == frame["t"].max())].assign(id=500, y=1e6, g=3.0)
    one, two = fit(GroupTime(), frame), fit(GroupTime(), pd.concat([frame, lone]))
    np.testing.assert_allclose(two.coef, one.coef, rtol=0, atol=1e-8)
    units = frame.groupby("id")["g"].first()
    np.testing.assert_allclose(one.shares.share, [(units == g).mean() for g in (3, 5, 7)])
    assert two.shares.share[0] > one.shares.share[0]


def left_by_level(rng, units=200, periods=8):
    """Effect 1 from period 5; after period 4 units with a high fixed level are seen less often."""
    level, t = rng.standard_normal(units) * 2, np.arange(1, periods + 1)
    g = np.where(rng.random(units) < 0.5, 5.0, np.nan)
    treated = t >= np.nan_to_num(g, nan=np.inf)[:, None]
    y = level[:, None] + 0.2 * t + treated + rng.standard_normal((units, periods))
    gone = (t > 4) & (level > 0)[:, None] & ~np.isnan(g)[:, None]
    seen = rng.random((units, periods)) >= np.where(gone, 0.6, 0.05)
    frame = pd.DataFrame({"id": np.repeat(np.arange(units), periods), "t": np.tile(t, units)})
    frame = frame.assign(y=y.ravel(), g=np.repeat(g, periods))
    return frame[seen.ravel()]


def test_units_that_leave_by_their_level_leave_no_bias():
    """200 draws, effect 1: the means of all rows are off, changes within units are not."""
    rng = np.random.default_rng(5)
    estimates, inside, levels = [], [], []
    for draw in range(200):
        frame = left_by_level(rng)
        effect = fit(GroupTime(), frame).aggregate("simple")
        estimates.append(effect.estimate)
        inside.append(abs(effect.estimate - 1) <= 1.959964 * effect.std_error)
        if draw < 20:
            levels.append(fit(GroupTime(sampling="levels"), frame).aggregate("simple").estimate)
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - 1) < 3 * error
    assert 0.90 <= np.mean(inside) <= 0.99  # three Monte Carlo errors on either side of 0.95
    assert np.mean(levels) < 0.5


def test_the_result_says_on_how_many_units_each_effect_rests(frame):
    result = fit(GroupTime(), frame)
    table = result.details.table.set_index("term")
    wide = frame.pivot(index="id", columns="t", values="y")
    g = frame.groupby("id")["g"].first()
    both = wide[[2, 6]].notna().all(axis=1)
    row = table.loc["cohort 3, period 6"]
    assert row.tolist() == [int((both & (g == 3)).sum()), int((both & g.isna()).sum())]
    assert (
        f"{len(result)} effects rest on {table['units'].min()} to {table['units'].max()} tr"
        in result.notes[0]
    )
    assert not any("fewer than" in note for note in result.notes)
    # all of cohort 3 but two units leave after period 5, and cohort 5 has no base period
    keep = np.flatnonzero(g == 3)[:2]
    gone = ((frame["g"] == 3) & ~frame["id"].isin(keep) & (frame["t"] > 5)) | (
        (frame["g"] == 5) & (frame["t"] == 4)
    )
    few = fit(GroupTime(), frame[~gone])
    assert any("rest on fewer than 5 units on one side" in n and "cohort 3, period 6" in n for n in few.notes)
    lost = np.isnan(few.coef)
    assert set(few.terms["cohort"][lost]) == {5}
    assert (few.details.table["units"][lost] == 0).all()
    assert any(
        f"{lost.sum()} cohort-periods have no units" in n and "seen both in the period and in its base" in n
        for n in few.notes
    )
    assert fit(GroupTime(sampling="levels"), frame).details is None


def test_a_missing_row_changes_no_effect_but_those_of_its_pairs(simulate):
    frame = simulate(4, units=60, cohorts=(4,))
    one = fit(GroupTime(), frame)
    unit = frame.loc[frame["g"] == 4, "id"].iloc[0]
    two = fit(GroupTime(), frame[~((frame["id"] == unit) & (frame["t"] == 6))])
    before = one.terms["time"] != 6
    np.testing.assert_allclose(two.coef[before], one.coef[before], atol=1e-12)
    assert abs(two.coef[~before] - one.coef[~before]) > 1e-3


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("sampling", ["auto", "levels"])
def test_outcome_regression_far_from_its_data_says_so(missing, sampling):
    rng = np.random.default_rng(2)
    n, t = 120, np.arange(1, 5)
    treated = np.arange(n) < 40
    frame = pd.DataFrame({"id": np.repeat(np.arange(n), 4), "t": np.tile(t, n)})
    frame["g"] = np.where(treated, 3.0, np.nan)[frame["id"]]
    frame["y"] = rng.standard_normal(len(frame))
    near = rng.standard_normal(n)
    frame = frame[rng.random(len(frame)) >= missing]

    def notes(x):
        found = fit(
            GroupTime(method="reg", sampling=sampling), frame.assign(x=x[frame["id"]]), covariates=("x",)
        )
        return [note for note in found.notes if "extrapolates" in note]

    assert notes(near) == []
    (note,) = notes(near + 5 * treated)
    assert "outcome regression extrapolates in 3 effects" in note
    assert "than any comparison unit" in note
