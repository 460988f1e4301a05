"""Confidence sets for ranks: what they say, and how often they hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.errors import EstimationError
from evaluation.inference import rank_sets


def test_places_far_apart_are_told_apart_and_near_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    values = np.array([10.0, 5.0, 4.9, 0.0])
    found = rank_sets(values, values + 0.2 * rng.standard_normal((2000, 4)))
    assert found.ranks.tolist() == [1, 2, 3, 4]
    assert found.low.tolist() == [1, 2, 2, 4]
    assert found.high.tolist() == [1, 3, 3, 4]
    assert (found.distinguishable_pairs, found.pairs) == (5, 6)


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
    assert with_weather.distinguishable_pairs == 3


def test_step_down_tells_at_least_as_many_apart() -> None:
    rng = np.random.default_rng(3)
    values = np.array([9.0, 3.35, 0.0, 0.0])
    found = rank_sets(values, values + rng.standard_normal((4000, 4)))
    once = rank_sets(np.zeros(4), rng.standard_normal((4000, 4))).critical
    assert found.critical < once


def test_the_reverse_order_stays_in_the_family() -> None:
    """Told that the first lies above both, the claims that they lie above it are still guarded against."""
    rng = np.random.default_rng(6)
    noise = rng.standard_normal((20_000, 3))
    found = rank_sets([100.0, 0.0, 0.0], noise + np.array([100.0, 0.0, 0.0]))
    assert found.distinguishable_pairs == 2
    orders = [(1, 0), (2, 0), (1, 2), (2, 1)]
    error = np.sqrt([((noise[:, j] - noise[:, k]) ** 2).mean() for j, k in orders])
    largest = (np.stack([noise[:, j] - noise[:, k] for j, k in orders], axis=1) / error).max(axis=1)
    assert found.critical == pytest.approx(np.quantile(largest, 0.95, method="higher"))


@pytest.mark.parametrize("name", ["diagonal_8", "correlated_17", "ties_6", "three_groups_12"])
def test_sets_are_those_of_csranks(name: str) -> None:
    """csranks 1.2.2.9001, 20,000 draws: two-sided, simultaneous, with step-down."""
    file = Path(__file__).parents[1] / "reference/r_csranks.json"
    case = json.loads(file.read_text())[name]
    values, covariance = np.array(case["x"]), np.array(case["Sigma"])
    drawn = np.random.default_rng(7).multivariate_normal(values, covariance, size=20_000)
    found, theirs = rank_sets(values, drawn), case["two-sided|stepdown=TRUE|simultaneous=TRUE"]
    assert found.low.tolist() == theirs["L"]
    assert found.high.tolist() == theirs["U"]
    assert found.ranks.tolist() == theirs["rank"]


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
