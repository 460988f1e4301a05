"""Survival curves beside hand-worked cases, a brute force, and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from evaluation.numerics.survival import kaplan_meier, quantile, restricted_mean


def brute(time: list[float], done: list[bool], horizon: float) -> tuple[float, float]:
    """Restricted mean and its standard error by following the definition, one duration at a time."""
    steps = sorted({t for t, d in zip(time, done, strict=True) if d and t <= horizon})
    grid, level, values = [0.0], 1.0, [1.0]
    for t in steps:
        n = sum(x >= t for x in time)
        d = sum(x == t and y for x, y in zip(time, done, strict=True))
        level *= 1 - d / n
        grid.append(t)
        values.append(level)
    ends = [*grid[1:], horizon]
    mean = sum(s * (b - a) for s, a, b in zip(values, grid, ends, strict=True))
    variance = 0.0
    for j, t in enumerate(steps):
        n = sum(x >= t for x in time)
        d = sum(x == t and y for x, y in zip(time, done, strict=True))
        area = sum(s * (b - a) for s, a, b in list(zip(values, grid, ends, strict=True))[j + 1 :])
        if n > d:
            variance += area**2 * d / (n * (n - d))
    return mean, variance**0.5


def test_without_open_cases_the_restricted_mean_is_the_mean() -> None:
    time = np.array([2.0, 5.0, 5.0, 9.0])
    mean = restricted_mean(kaplan_meier(time, np.ones(4, dtype=bool)), 20)
    assert mean.estimate[0] == pytest.approx(time.mean())
    assert mean.std_error[0] == pytest.approx(time.std() / 2)  # sum of squares over n squared


def test_a_case_worked_by_hand() -> None:
    # 1 finishes at 3 (of 4), one is last seen open at 4, one finishes at 6 (of 2), one is open at 10
    curves = kaplan_meier([3, 4, 6, 10], [True, False, True, False])
    np.testing.assert_allclose(curves.survival, [0.75, 0.75, 0.375, 0.375])
    mean = restricted_mean(curves, 10)
    assert mean.estimate[0] == pytest.approx(3 + 0.75 * 3 + 0.375 * 4)
    area = (0.75 * 3 + 0.375 * 4, 0.375 * 4)
    assert mean.std_error[0] == pytest.approx((area[0] ** 2 / 12 + area[1] ** 2 / 2) ** 0.5)
    assert quantile(curves).estimate[0] == 6


def test_nothing_is_said_beyond_the_record() -> None:
    curves = kaplan_meier([3, 8], [True, False])
    assert np.isnan(restricted_mean(curves, 9).estimate[0])
    assert restricted_mean(curves, 8).estimate[0] == pytest.approx(3 + 0.5 * 5)
    high = quantile(kaplan_meier([3, 8, 8], [True, False, False]))
    assert high.estimate[0] == np.inf


def test_a_group_without_cases_is_missing() -> None:
    curves = kaplan_meier([1.0, 2.0], [True, True], [0, 2], 4)
    mean = restricted_mean(curves, 5)
    np.testing.assert_allclose(mean.estimate, [1.0, np.nan, 2.0, np.nan])
    np.testing.assert_allclose(quantile(curves).estimate, [1.0, np.nan, 2.0, np.nan])


@settings(max_examples=120)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans(), st.integers(0, 3)), min_size=1, max_size=40),
    st.integers(1, 12),
)
def test_every_group_is_what_it_would_be_alone(cases: list[tuple[int, bool, int]], horizon: int) -> None:
    time, done, group = (list(x) for x in zip(*cases, strict=True))
    together = restricted_mean(kaplan_meier(time, done, group, 4), horizon)
    for g in range(4):
        mine = [(float(t), d) for t, d, k in cases if k == g]
        if not mine:
            assert np.isnan(together.estimate[g])
            continue
        own_time, own_done = [t for t, _ in mine], [d for _, d in mine]
        last_open = max(own_time) < horizon and not all(d for t, d in mine if t == max(own_time))
        if last_open:
            assert np.isnan(together.estimate[g])
            continue
        mean, error = brute(own_time, own_done, float(horizon))
        assert together.estimate[g] == pytest.approx(mean, abs=1e-9)
        assert together.std_error[g] == pytest.approx(error, abs=1e-9)


def test_curves_and_medians_are_those_of_statsmodels() -> None:
    rng = np.random.default_rng(5)
    time = np.ceil(rng.exponential(20, 300))
    seen = np.ceil(rng.uniform(5, 60, 300))
    done, observed = time <= seen, np.minimum(time, seen)
    curves = kaplan_meier(observed, done)
    peer = SurvfuncRight(observed, done.astype(int))
    place = np.searchsorted(curves.time, peer.surv_times)
    np.testing.assert_allclose(curves.survival[place], peer.surv_prob, rtol=1e-12)
    np.testing.assert_allclose(
        curves.survival[place] * np.sqrt(curves.hazard_variance[place]), peer.surv_prob_se, rtol=1e-9
    )
    found = quantile(curves)
    assert found.estimate[0] == peer.quantile(0.5)
    low, high = peer.quantile_ci(0.5, method="cloglog")
    assert (found.ci_low[0], found.ci_high[0]) == (low, high)


def test_weights_stand_for_repeated_cases() -> None:
    time, done, times = np.array([1.0, 2, 2, 5]), np.array([True, False, True, True]), np.array([3, 1, 2, 2])
    once = restricted_mean(kaplan_meier(time, done, weight=times), 6)
    often = restricted_mean(kaplan_meier(np.repeat(time, times), np.repeat(done, times)), 6)
    assert once.estimate[0] == pytest.approx(often.estimate[0])
    assert once.std_error[0] == pytest.approx(often.std_error[0])


def test_the_restricted_mean_covers_the_truth() -> None:
    rng = np.random.default_rng(11)
    draws, cases = 1000, 150
    time = rng.exponential(10, (draws, cases))
    seen = rng.uniform(4, 40, (draws, cases))
    group = np.repeat(np.arange(draws), cases)
    curves = kaplan_meier(np.minimum(time, seen).ravel(), (time <= seen).ravel(), group, draws)
    mean = restricted_mean(curves, 20)
    truth = 10 * (1 - np.exp(-2))
    covered = np.abs(mean.estimate - truth) <= 1.96 * mean.std_error
    assert 0.92 <= covered.mean() <= 0.97
    decided = np.array([t[d].mean() for t, d in zip(time, time <= seen, strict=True)])
    assert decided.mean() < 0.8 * 10  # the mean of finished cases misses by far


@pytest.mark.parametrize("bad", [[-1.0, 2.0], [np.nan, 1.0]])
def test_impossible_durations_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        kaplan_meier(bad, [True, True])
