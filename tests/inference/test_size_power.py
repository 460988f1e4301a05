"""Simulated size and power: the script behind the table in METHODS.md, and what it must show."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace

import numpy as np
import pytest

from evaluation.inference import _power


@pytest.fixture(scope="module")
def script(root):
    spec = importlib.util.spec_from_file_location("size_power", root / "benchmarks" / "size_power.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["size_power"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["size_power"]


@pytest.fixture(scope="module")
def world(script):
    return script.calibrate(script.SHANDONG, "2013-12", "2017-01", "2015-01", "17 cities")


def test_calibration_reads_the_committed_table(script, world):
    assert (len(world.deviations), world.n_periods, world.n_before) == (17, 38, 13)
    assert 0.2 < world.autocorrelation < 0.6
    assert 0 < world.season < 0.5
    assert world.deviations.max() > 2 * world.deviations.min()


def test_simulated_errors_have_the_moments_they_were_given(world):
    errors = world.errors(2_000, np.random.default_rng(1))
    np.testing.assert_allclose(errors.std(axis=(0, 2)), world.deviations, rtol=0.03)
    scaled = errors / world.deviations[:, None]
    lag = float((scaled[:, :, 1:] * scaled[:, :, :-1]).mean())
    assert lag == pytest.approx((1 - world.season) * world.autocorrelation, abs=0.01)
    year = float((scaled[:, :, 12:] * scaled[:, :, :-12]).mean())
    assert year == pytest.approx(world.season, abs=0.01)


def test_p_values_of_the_simulation_are_those_of_the_package(script, world):
    assert script.check(world) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "level"),
    [
        ("placebo in space", 1 / 17),
        ("Conley-Taber", 1 / 17),
        ("Ferman-Pinto, variances from before", 1 / 17),
        ("placebo in time, cyclic shifts", 0.05),
        ("subcluster wild bootstrap, signs by month", 0.05),
        ("wild cluster bootstrap, restricted", 0.05),
    ],
)
def test_size_is_held_when_any_city_may_be_the_treated_one(script, world, method, level):
    size = script.rejections(world, method, "any", 0.0, 2_000, 5, level)
    # three standard errors of 2,000 panels above the level
    assert size < level + 3 * np.sqrt(level * (1 - level) / 2_000)


@pytest.mark.slow
def test_usual_standard_errors_are_the_warning(script, world):
    for method in ("clustered t (CR1)", "wild cluster bootstrap, unrestricted"):
        assert script.rejections(world, method, "any", 0.0, 1_000, 6, 0.05) > 0.5


@pytest.mark.slow
def test_a_noisy_treated_city_breaks_the_placebo_in_space_and_not_ferman_pinto(script, world):
    space = "placebo in space"
    scaled = "Ferman-Pinto, variances from before"
    assert script.rejections(world, space, "noisiest", 0.0, 2_000, 7, 1 / 17) > 0.1
    for who in ("quietest", "noisiest"):
        assert 0.03 < script.rejections(world, scaled, who, 0.0, 2_000, 7, 1 / 17) < 0.085


@pytest.mark.slow
def test_power_grows_with_the_effect_but_for_the_restricted_bootstrap(script, world):
    found = [
        script.rejections(world, "placebo in space", "any", e, 1_000, 8, 1 / 17) for e in (0.0, 1.0, 2.0)
    ]
    assert found[0] < 0.1 < 0.4 < found[1] < 0.9 < found[2]
    restricted = "wild cluster bootstrap, restricted"
    assert script.rejections(world, restricted, "any", 1.0, 1_000, 8, 0.05) < 0.02


@pytest.mark.slow
def test_shifts_in_time_fail_where_the_gap_wanders(script, world):
    """Where `recommend` draws its line: an autocorrelation of 0.7."""
    time = "placebo in time, cyclic shifts"
    calm = replace(world, autocorrelation=0.6, season=0.0)
    wandering = replace(world, autocorrelation=0.9, season=0.0)
    assert script.rejections(calm, time, "any", 0.0, 2_000, 9, 0.05) < 0.065
    assert script.rejections(wandering, time, "any", 0.0, 2_000, 9, 0.05) > 0.08


@pytest.mark.slow
def test_unlike_serial_correlation_breaks_every_test_in_space(script, world):
    """The treated at 0.7, the others at 0.2: what no method here can see past but the one in time."""
    rng = np.random.default_rng(1)
    one = replace(world, autocorrelation=0.7, season=0.0, deviations=np.ones(17)).errors(1_000, rng)
    y = replace(world, autocorrelation=0.2, season=0.0, deviations=np.ones(17)).errors(1_000, rng)
    y[:, 0] = one[:, 0]
    draw = _power.Panels(y, 1, world.n_before, rng, 399)
    for name in ("placebo in space", "Ferman-Pinto, variances from before"):
        assert (script.METHODS[name][0](draw) <= 1 / 17 + 1e-9).mean() > 0.2
    assert (_power.subcluster(draw) <= 0.05).mean() > 0.2
    assert (_power.in_time(draw) <= 0.05).mean() < 0.09
