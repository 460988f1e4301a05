"""Goodman-Bacon and de Chaisemartin-D'Haultfoeuille against R, published numbers and brute force."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from evaluation import Design, Panel
from evaluation.diagnostics import bacon, negative_weights
from evaluation.errors import DesignError
from evaluation.estimators import TwoWayFixedEffects

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
DESIGN = Design("y", "first")
STAGGERED = {0: 3.0, 1: 3.0, 2: 5.0, 3: 6.0, 4: 6.0, 5: 0.0}


def test_every_comparison_equals_bacondecomp(staggered):
    reference = pd.DataFrame(json.loads((REFERENCE / "r_bacon.json").read_text()))
    got = bacon(Panel(staggered, unit="id", time="t"), Design("y", "g")).table
    names = {"treated": got["treated"].astype(int), "untreated": got["comparison"]}
    names["untreated"] = names["untreated"].replace("never treated", "99999").astype(int)
    merged = reference.merge(got.assign(**names), on=["treated", "untreated"], suffixes=("_r", ""))
    assert len(merged) == len(reference) == len(got) == 16
    np.testing.assert_allclose(merged["weight"], merged["weight_r"], atol=1e-10)
    np.testing.assert_allclose(merged["estimate"], merged["estimate_r"], atol=1e-10)
    kinds = {"treated vs never treated": "Treated vs Untreated"}
    for ours, theirs in zip(merged["kind"], merged["type"], strict=True):
        assert kinds.get(ours, ours).lower() == theirs.lower()


@pytest.mark.shared
def test_castle_doctrine_as_printed(shared):
    castle = pd.read_csv(
        shared / "data" / "benchmarks" / "castle.csv", usecols=["sid", "year", "post", "l_homicide"]
    )
    castle["first"] = castle["sid"].map(castle[castle["post"] > 0].groupby("sid")["year"].min())
    got = bacon(Panel(castle, unit="sid", time="year"), Design("l_homicide", "first"))
    assert got.details["estimate"] == pytest.approx(0.0818, abs=5e-5)
    by_kind = got.details["by_kind"].set_index("kind")
    for kind, weight, estimate in (
        ("earlier vs later treated", 0.0598, -0.0055),
        ("later vs earlier treated", 0.0319, 0.0703),
        ("treated vs never treated", 0.9083, 0.0880),
    ):
        assert by_kind.loc[kind, "weight"] == pytest.approx(weight, abs=5e-5)
        assert by_kind.loc[kind, "estimate"] == pytest.approx(estimate, abs=5e-5)
    assert got.verdict == "no_evidence_against"
    assert got.statistic == pytest.approx(0.0319, abs=5e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("anticipation", [0, 1])
def test_parts_add_up_to_the_regression(simulate, panel_of, weighted, anticipation):
    data = simulate(2, units=14, periods=9, first=STAGGERED, effect=1.0)
    data["w"] = 1.0 + data["unit"] % 4
    design = Design("y", "first", weights="w" if weighted else None, anticipation=anticipation)
    fitted = TwoWayFixedEffects().fit(panel_of(data), design).estimate
    got = bacon(panel_of(data), design)
    assert got.table["weight"].sum() == pytest.approx(1, abs=1e-12)
    assert (got.table["weight"] > 0).all()
    assert got.details["estimate"] == pytest.approx(fitted, abs=1e-10)
    assert got.details["regression"] == pytest.approx(fitted, abs=1e-10)
    assert negative_weights(panel_of(data), design).details["estimate"] == pytest.approx(fitted, abs=1e-10)


def test_each_comparison_is_a_regression_on_its_own_units_and_periods(simulate, panel_of):
    data = simulate(5, units=12, periods=8, first={0: 3.0, 1: 3.0, 2: 5.0, 3: 5.0, 4: 5.0})
    for row in bacon(panel_of(data), DESIGN).table.itertuples():
        a = float(row.treated)
        b = np.inf if row.comparison == "never treated" else float(row.comparison)
        part = data[data["first"].fillna(np.inf).isin([a, b])]
        part = part[part["time"] < b] if b > a else part[part["time"] >= b]
        dummies = pd.get_dummies(part[["unit", "time"]].astype(str), dtype=float)
        treated = ((part["first"] == a) & (part["time"] >= a)).to_numpy(dtype=float)
        x = np.column_stack([treated, dummies.to_numpy()])
        assert np.linalg.lstsq(x, part["y"], rcond=None)[0][0] == pytest.approx(row.estimate, abs=1e-10)


def test_one_cohort_is_clean(simulate, panel_of):
    got = bacon(panel_of(simulate()), DESIGN)
    assert got.statistic == 0
    assert got.verdict == "no_evidence_against"
    assert len(got.table) == 1


def test_growing_effects_are_caught(simulate, panel_of):
    """Without noise and with effects that grow, comparisons with treated units bias the estimate."""
    data = simulate(
        1, units=12, periods=10, first=dict.fromkeys(range(6), 2.0) | dict.fromkeys(range(6, 12), 6.0)
    )
    data["y"] = np.maximum(data["time"] - data["first"] + 1, 0)
    got = bacon(panel_of(data), DESIGN)
    assert got.verdict == "evidence_against"
    forbidden = got.table[got.table["kind"] == "later vs earlier treated"]["estimate"].iloc[0]
    clean = got.table[got.table["kind"] == "earlier vs later treated"]["estimate"].iloc[0]
    assert clean == pytest.approx(2.5)  # mean of 1 to 4
    assert forbidden == pytest.approx(2.5 - 4.0)  # less what the earlier effect grew by meanwhile
    assert got.details["clean"] == pytest.approx(clean)


# weights of effects ---------------------------------------------------------------------------


def weights_by_regression(data: pd.DataFrame) -> pd.DataFrame:
    """Residual of treatment on dummies, summed by cohort and period."""
    dummies = pd.get_dummies(data[["unit", "time"]].astype(str), dtype=float).to_numpy()
    d = (data["time"] >= data["first"]).to_numpy(dtype=float)
    residual = d - dummies @ np.linalg.lstsq(dummies, d, rcond=None)[0]
    out = data.assign(weight=d * residual / (d @ residual))[d > 0]
    return out.groupby(["first", "time"], as_index=False)["weight"].sum()


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=20)
def test_weights_equal_dummy_regressions(seed, gaps):
    rng = np.random.default_rng(seed)
    units, periods = 12, 7
    data = pd.DataFrame(
        {"unit": np.repeat(np.arange(units), periods), "time": np.tile(np.arange(periods), units)}
    )
    starts = rng.choice([2.0, 3.0, 5.0, np.nan], size=units)
    starts[:2] = 3.0, np.nan
    data["first"] = starts[data["unit"]]
    data["y"] = rng.normal(size=len(data))
    if gaps:
        data = data[rng.uniform(size=len(data)) > 0.1]
    got = negative_weights(Panel(data, unit="unit", time="time"), DESIGN)
    expected = weights_by_regression(data)
    table = got.table.assign(first=got.table["cohort"].astype(float), time=got.table["time"].astype(int))
    merged = expected.merge(table, on=["first", "time"], suffixes=("_r", ""))
    assert len(merged) == len(expected) == len(table)
    np.testing.assert_allclose(merged["weight"], merged["weight_r"], atol=1e-10)
    assert table["weight"].sum() == pytest.approx(1)
    assert got.statistic == pytest.approx(-expected["weight"].clip(upper=0).sum(), abs=1e-10)


def test_the_estimate_is_the_weighted_sum_of_true_effects(simulate, panel_of):
    data = simulate(1, units=10, periods=8, first={0: 2.0, 1: 2.0, 2: 4.0, 3: 6.0})
    effect = np.sin(data["first"].fillna(0) * 3 + data["time"]) * (data["time"] >= data["first"])
    data["y"] = effect + 0.3 * data["unit"] + data["time"] ** 2
    got = negative_weights(panel_of(data), DESIGN)
    by_cell = (
        data.assign(effect=effect)[data["time"] >= data["first"]].groupby(["first", "time"])["effect"].mean()
    )
    keys = zip(got.table["cohort"].astype(float), got.table["time"].astype(int), strict=True)
    assert got.table["weight"] @ np.array([by_cell[k] for k in keys]) == pytest.approx(
        got.details["estimate"], abs=1e-10
    )


def test_spreads_are_the_smallest_by_quadratic_programming(simulate, panel_of):
    data = simulate(9, units=8, periods=8, first={0: 1.0, 1: 1.0, 2: 1.0, 3: 4.0, 4: 6.0}, effect=2.0)
    data = data[data["unit"] < 6]
    got = negative_weights(panel_of(data), DESIGN)
    share, w = got.table["share"].to_numpy(), (got.table["weight"] / got.table["share"]).to_numpy()
    beta = got.details["estimate"]
    assert got.details["negative"] > 0

    def spread(effects):
        return share @ (effects - share @ effects) ** 2

    hits = {"type": "eq", "fun": lambda e: share @ (w * e) - beta}
    none = {"type": "eq", "fun": lambda e: share @ e}
    options = {"maxiter": 500, "ftol": 1e-14}
    zero = optimize.minimize(spread, beta * w, constraints=[hits, none], method="SLSQP", options=options)
    assert np.sqrt(zero.fun) == pytest.approx(got.details["spread_for_zero"], rel=1e-5)
    sign = np.sign(beta)
    bounds = [(None, 0) if sign > 0 else (0, None)] * len(w)
    other = optimize.minimize(
        spread, -sign * np.ones(len(w)), constraints=[hits], bounds=bounds, method="SLSQP", options=options
    )
    assert other.success
    assert np.sqrt(other.fun) == pytest.approx(got.details["spread_for_opposite"], rel=1e-4)
    assert got.verdict == "evidence_against"


def test_one_cohort_has_no_negative_weight(simulate, panel_of):
    got = negative_weights(panel_of(simulate()), DESIGN)
    assert got.statistic == 0
    assert got.verdict == "no_evidence_against"
    np.testing.assert_allclose(got.table["weight"], 0.25)
    assert got.details["spread_for_opposite"] == np.inf


# bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [bacon, negative_weights])
def test_what_cannot_be_decomposed_is_named(simulate, panel_of, check):
    data = simulate(units=6, first={0: 3.0, 1: 5.0})
    data["x"] = data["y"] ** 2
    with pytest.raises(DesignError, match="covariates"):
        check(panel_of(data), Design("y", "first", covariates=("x",)))
    with pytest.raises(DesignError, match="window"):
        check(panel_of(data), Design("y", "first", window=(-2, 2)))
    with pytest.raises(DesignError, match="tolerated"):
        check(panel_of(data), DESIGN, tolerated=2)
    with pytest.raises(DesignError, match="same time"):
        check(panel_of(data.assign(first=3.0)), DESIGN)


def test_gaps_are_refused_with_the_units_named(simulate, panel_of):
    data = simulate(units=6, first={0: 3.0, 1: 5.0})
    data.loc[(data["unit"] == 4) & (data["time"] == 2), "y"] = np.nan
    with pytest.raises(DesignError, match=r"1 unit-periods of 4"):
        bacon(panel_of(data), DESIGN)
    assert negative_weights(panel_of(data), DESIGN).details["estimate"] == pytest.approx(
        TwoWayFixedEffects().fit(panel_of(data), DESIGN).estimate, abs=1e-10
    )


def test_varying_weights_are_refused(simulate, panel_of):
    data = simulate(units=6, first={0: 3.0, 1: 5.0}).assign(w=lambda f: 1.0 + f["time"])
    with pytest.raises(DesignError, match="constant within units"):
        bacon(panel_of(data), Design("y", "first", weights="w"))
