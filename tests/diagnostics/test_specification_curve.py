"""The specification curve: joint p-values by counting, alignment of placebos, choices that fail."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation import Design
from evaluation.diagnostics import Specification, every_choice, specification_curve
from evaluation.diagnostics.specification_curve import MISFIT, joint_test
from evaluation.errors import DesignError, EstimationError
from evaluation.estimators import GroupTime, SyntheticControl, TwoWayFixedEffects
from evaluation.inference import placebo_paths, randomization_test

TWO_WAY = TwoWayFixedEffects()
DESIGN = Design("y", "first")


def declared(data: pd.DataFrame, panel_of) -> list[Specification]:
    """Two scales, two windows, two pools, two estimators."""
    data = data.assign(cube=np.cbrt(data["y"]))
    out = []
    for scale in ("y", "cube"):
        for window, low in (("all", 0), ("late", 3)):
            for pool, most in (("wide", 36), ("narrow", 27)):
                for estimator in (TWO_WAY, GroupTime()):
                    part = data[(data["time"] >= low) & (data["unit"] < most)]
                    choices = {
                        "scale": scale,
                        "window": window,
                        "pool": pool,
                        "estimator": type(estimator).__name__,
                    }
                    out.append(Specification(choices, panel_of(part), Design(scale, "first"), estimator))
    return out


def test_joint_p_values_by_counting(simulate, panel_of):
    specs = declared(simulate(1, units=36, effect=6.0), panel_of)
    got = specification_curve(specs)
    columns = []
    for spec in specs:
        labels = spec.panel.units
        estimates = []
        for unit in range(27):  # comparison units that all pools share, the treated one first
            frame = spec.panel.frame.assign(
                first=np.where(spec.panel.frame["unit"] == labels[unit], 6.0, np.nan)
            )
            result = spec.estimator.fit(panel_of(frame), spec.design)
            estimates.append((result if len(result) == 1 else result.aggregate("simple")).estimate)
        columns.append(np.array(estimates) / np.sqrt(np.mean(np.square(estimates))))
    z = np.array(columns).T
    median = np.abs(np.median(z, axis=1))
    joint = got.details["joint"].set_index("statistic")
    assert got.statistic == pytest.approx(median[0], abs=1e-10)
    assert got.p_value == pytest.approx(np.mean(median >= median[0] - 1e-12))
    size = np.abs(z).mean(axis=1)
    assert joint.loc["mean absolute", "p_value"] == pytest.approx(np.mean(size >= size[0] - 1e-12))
    share = np.array(
        [
            np.mean(
                [
                    np.mean(np.abs(z[:, s]) >= np.abs(z[i, s]) - 1e-12) <= 0.05
                    and np.sign(z[i, s]) == np.sign(np.median(z[i]))
                    for s in range(z.shape[1])
                ]
            )
            for i in range(len(z))
        ]
    )
    assert joint.loc["share beyond", "value"] == pytest.approx(share[0])
    assert joint.loc["share beyond", "p_value"] == pytest.approx(np.mean(share >= share[0] - 1e-12))
    assert got.verdict == "no_evidence_against"
    assert got.details["assignments"] == 27


def test_each_row_is_its_own_randomisation_test(simulate, panel_of):
    specs = declared(simulate(2, units=36, effect=1.0), panel_of)[::2]
    table = specification_curve(specs).table.set_index(["scale", "window", "pool"])
    for spec in specs:
        row = table.loc[(spec.choices["scale"], spec.choices["window"], spec.choices["pool"])]
        test = randomization_test(TWO_WAY, spec.panel, spec.design)
        assert row["estimate"] == pytest.approx(test.estimate)
        assert row["p_value"] == test.p_value
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(test.interval(0.95)[:2])
    assert table["estimate"].is_monotonic_increasing


def test_p_values_are_exact_when_there_is_no_effect():
    """Any row could be the actual one: over all of them each p-value occurs once."""
    rng = np.random.default_rng(3)
    curve = rng.normal(size=(20, 7)) @ np.diag([1, 10, 0.1, 3, 1, 1, 5])
    p = [
        joint_test(np.vstack([curve[i], np.delete(curve, i, axis=0)])).loc["absolute median", "p_value"]
        for i in range(20)
    ]
    np.testing.assert_allclose(np.sort(p), np.arange(1, 21) / 20)


def test_scale_of_one_specification_does_not_matter():
    curve = np.random.default_rng(1).normal(size=(30, 4))
    scaled = curve * np.array([1, 1000, 1e-6, 1])
    pd.testing.assert_frame_equal(joint_test(curve), joint_test(scaled))


def test_no_effect_does_not_hold(simulate, panel_of):
    got = specification_curve(declared(simulate(5, units=36, effect=0.0), panel_of))
    assert got.p_value > 0.05
    assert got.verdict == "evidence_against"


def test_few_donors_cannot_tell(simulate, panel_of):
    specs = [Specification({"pool": "province"}, panel_of(simulate(units=17, effect=9.0)), DESIGN, TWO_WAY)]
    got = specification_curve(specs)
    assert got.verdict == "not_informative"
    assert "0.059" in got.text["en"]


def test_what_cannot_be_estimated_stays_in_the_table_with_its_reason(simulate, panel_of):
    data = simulate(units=30, effect=5.0)
    good = Specification({"from": "start"}, panel_of(data), DESIGN, TWO_WAY)
    bad = Specification({"from": "late"}, panel_of(data[data["time"] >= 7]), DESIGN, TWO_WAY)
    got = specification_curve([good, bad])
    assert len(got.table) == 2
    assert np.isnan(got.table["estimate"].iloc[-1])
    assert got.table["reason"].iloc[-1]
    assert got.details["not_estimated"] == 1
    with pytest.raises(EstimationError, match="none of the specifications"):
        specification_curve([bad])


def test_several_treated_units_share_their_draws(simulate, panel_of):
    data = simulate(3, units=30, first=dict.fromkeys(range(4), 6.0), effect=3.0)
    specs = [
        Specification({"window": str(low)}, panel_of(data[data["time"] >= low]), DESIGN, TWO_WAY)
        for low in (0, 3)
    ]
    got = specification_curve(specs, draws=199, seed=1)
    assert got.p_value == pytest.approx(1 / 200)
    other = Specification({}, panel_of(data[data["unit"] < 25]), DESIGN, TWO_WAY)
    with pytest.raises(DesignError, match="same units"):
        specification_curve([specs[0], other], draws=199, seed=1)
    with pytest.raises(EstimationError, match="seed"):
        # without a seed no specification has a test
        specification_curve(specs, draws=199)


def test_every_choice_is_built_or_says_why_not(simulate, panel_of):
    data = simulate(units=30, effect=5.0)

    def build(chosen):
        if chosen["scale"] == "log" and chosen["from"] == "3":
            raise DesignError("the logarithm of a negative value")
        return panel_of(data[data["time"] >= int(chosen["from"])]), DESIGN, TWO_WAY

    specs = every_choice({"scale": ["level", "log"], "from": ["0", "3"]}, build)
    assert [tuple(spec.choices.values()) for spec in specs] == [
        ("level", "0"),
        ("level", "3"),
        ("log", "0"),
        ("log", "3"),
    ]
    table = specification_curve(specs).table
    assert table["reason"].tolist() == ["", "", "", "the logarithm of a negative value"]
    with pytest.raises(EstimationError, match="no option"):
        every_choice({"scale": []}, build)


def test_different_treated_units_are_refused(simulate, panel_of):
    data = simulate(units=20)
    other = data.assign(first=np.where(data["unit"] == 3, 6.0, np.nan))
    specs = [Specification({}, panel_of(frame), DESIGN, TWO_WAY) for frame in (data, other)]
    with pytest.raises(DesignError, match="different units"):
        specification_curve(specs)
    with pytest.raises(EstimationError, match="no specification"):
        specification_curve([])


def test_speed_of_a_large_curve(simulate, panel_of):
    import time

    data = simulate(1, units=188, periods=38, first={0: 26.0})
    specs = [
        Specification({"drop": str(k)}, panel_of(data[data["time"] >= k % 12]), DESIGN, TWO_WAY)
        for k in range(24)
    ]
    start = time.perf_counter()
    specification_curve(specs)
    assert time.perf_counter() - start < 5


def test_a_synthetic_comparison_that_fits_badly_is_left_out_with_its_reason(simulate, panel_of):
    data = simulate(2, units=20, effect=0.0)
    mine = data["unit"] == data.loc[data["first"].notna(), "unit"].iloc[0]
    far = data.assign(y=data["y"] + np.where(mine, 50.0 * data["time"], 0.0))
    synthetic = SyntheticControl(variance="none")
    specs = [
        Specification({"method": "plain"}, panel_of(data), DESIGN, TWO_WAY),
        Specification({"method": "near"}, panel_of(data), DESIGN, synthetic, most_misfit=50.0),
        Specification({"method": "far"}, panel_of(far), DESIGN, synthetic, most_misfit=2.0),
    ]
    table = specification_curve(specs).table.set_index("method")
    assert table.loc["far", "reason"] == MISFIT
    assert np.isnan(table.loc["far", "estimate"])
    assert table.loc["far", "misfit_ratio"] > 2
    assert table.loc["near", "reason"] == table.loc["plain", "reason"] == ""
    paths = placebo_paths(synthetic, panel_of(data), DESIGN, treated_as_donor=True)
    expected = paths.rmspe_before[0] / np.median(paths.rmspe_before[1:])
    assert table.loc["near", "misfit_ratio"] == pytest.approx(expected, rel=1e-9)
    assert np.isnan(table.loc["plain", "misfit_ratio"])
