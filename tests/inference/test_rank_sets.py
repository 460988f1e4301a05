"""Confidence sets for ranks: what they say, and how often they hold."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.errors import EstimationError
from evaluation.inference import moving_blocks, rank_sets

PLACES = 17


def test_places_far_apart_are_told_apart_and_near_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    values = np.array([10.0, 5.0, 4.9, 0.0])
    found = rank_sets(values, values + 0.2 * rng.standard_normal((2000, 4)))
    assert found.ranks.tolist() == [1, 2, 3, 4]
    assert found.low.tolist() == [1, 2, 2, 4]
    assert found.high.tolist() == [1, 3, 3, 4]
    assert (found.told_apart, found.pairs) == (5, 6)


def test_one_pair_is_a_two_sided_test() -> None:
    rng = np.random.default_rng(1)
    draws = rng.standard_normal((20_000, 2))
    assert rank_sets([0, 0], draws).critical == pytest.approx(1.96, abs=0.03)


def test_what_all_places_share_does_not_blur_the_ranks() -> None:
    rng = np.random.default_rng(2)
    values = np.array([2.0, 1.0, 0.0])
    own = 0.05 * rng.standard_normal((999, 3))
    weather = 5 * rng.standard_normal((999, 1))
    with_weather = rank_sets(values, values + own + weather)
    assert np.array_equal(with_weather.above, rank_sets(values, values + own).above)
    assert with_weather.told_apart == 3


def test_step_down_tells_at_least_as_many_apart() -> None:
    rng = np.random.default_rng(3)
    values = np.array([9.0, 3.35, 0.0, 0.0])
    found = rank_sets(values, values + rng.standard_normal((4000, 4)))
    once = rank_sets(np.zeros(4), rng.standard_normal((4000, 4))).critical
    assert found.critical < once


def test_equal_values_share_a_rank_and_places_that_move_as_one() -> None:
    rng = np.random.default_rng(4)
    together = np.repeat(rng.standard_normal((99, 1)), 3, axis=1)
    found = rank_sets([1.0, 1.0, 0.5], together + np.array([1.0, 1.0, 0.5]))
    assert found.ranks.tolist() == [1, 1, 3]
    assert found.above.tolist() == [[False, False, True], [False, False, True], [False, False, False]]


@pytest.mark.parametrize(
    ("values", "draws", "complaint"),
    [
        ([1.0], np.zeros((9, 1)), "at least two places"),
        ([1.0, 2.0], np.zeros((9, 3)), "at least two places"),
        ([1.0, np.nan], np.zeros((9, 2)), "not finite"),
    ],
)
def test_wrong_input(values: list[float], draws: np.ndarray, complaint: str) -> None:
    with pytest.raises(EstimationError, match=complaint):
        rank_sets(values, draws)


def test_too_short_a_record() -> None:
    with pytest.raises(EstimationError, match="too few"):
        moving_blocks(np.zeros((11, 3)), length=3, window=5, draws=9, rng=np.random.default_rng(0))


def test_seasons_and_levels_are_not_taken_for_noise() -> None:
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((36, PLACES))
    season = np.sin(np.arange(36) / 36 * 2 * np.pi)[:, None]
    level = np.linspace(0, 9, PLACES)
    plain, seasonal = (
        moving_blocks(record, length=3, window=15, draws=2000, rng=np.random.default_rng(6))
        for record in (noise, noise + level + 3 * season)
    )
    assert np.allclose(plain, seasonal)
    white = moving_blocks(
        rng.standard_normal((3600, PLACES)), length=3, window=15, draws=4000, rng=np.random.default_rng(7)
    )
    assert white.std() == pytest.approx(np.sqrt(1 / 3 * (1 - 1 / PLACES)), rel=0.06)


@pytest.mark.slow
@pytest.mark.parametrize("persistence", [0.5, 0.7])
@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_the_sets_hold_all_true_ranks_as_often_as_they_say(persistence: float, spread: float) -> None:
    """Daily values with memory and shared weather, two years of 36 dekads, as the bulletin uses them."""
    rng = np.random.default_rng(8)
    runs, held = 200, 0
    for _ in range(runs):
        effect = np.sort(rng.normal(0.1, spread, PLACES))[::-1]
        years = []
        for sign in (0, 1):
            shocks = np.sqrt(0.3) * rng.standard_normal((390, PLACES)) + np.sqrt(0.7) * rng.standard_normal(
                (390, 1)
            )
            state = np.zeros((390, PLACES))
            for t in range(1, 390):
                state[t] = persistence * state[t - 1] + np.sqrt(1 - persistence**2) * shocks[t]
            daily = np.exp(0.5 * state[30:] - sign * effect)
            years.append(daily)
        month = [np.log(daily[180:210].mean(axis=0)) for daily in years]
        noise = [
            moving_blocks(
                np.log(daily.reshape(36, 10, PLACES).mean(axis=1)), length=3, window=15, draws=499, rng=rng
            )
            for daily in years
        ]
        values = month[0] - month[1]
        found = rank_sets(values, values + noise[0] - noise[1])
        true = 1 + (effect[None, :] > effect[:, None]).sum(axis=1)
        held += bool(((found.low <= true) & (true <= found.high)).all())
    # 0.95 promised; three standard errors of 200 runs below it
    assert held / runs >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / runs)
