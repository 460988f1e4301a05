"""Multiplier draws have the moments of their law."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.errors import EstimationError
from evaluation.multipliers import multiplied_sums, normal_draws, quartile_spread

SCORES = np.random.default_rng(5).normal(size=(40, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
MANY = 200_000


@pytest.mark.parametrize("multiplier", ["rademacher", "mammen", "webb"])
def test_sums_have_mean_zero_and_the_covariance_of_the_scores(multiplier):
    sums = multiplied_sums(np.random.default_rng(1), MANY, SCORES, multiplier)
    expected = SCORES.T @ SCORES
    scale = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(sums.mean(axis=0) / scale, 0, atol=0.01)
    np.testing.assert_allclose(
        np.cov(sums.T) / np.outer(scale, scale), expected / np.outer(scale, scale), atol=0.01
    )


def test_mammen_multipliers_keep_the_third_moment():
    skewed = np.abs(SCORES)
    sums = multiplied_sums(np.random.default_rng(2), MANY, skewed, "mammen")
    third = (skewed**3).sum(axis=0)
    scale = (skewed**2).sum(axis=0) ** 1.5
    np.testing.assert_allclose(((sums**3).mean(axis=0) - third) / scale, 0, atol=0.02)


def test_signs_are_drawn_for_each_unit_and_once():
    # with orthogonal contributions the sums show every sign
    sums = multiplied_sums(np.random.default_rng(3), 64, np.eye(9), "rademacher")
    assert set(np.unique(sums)) == {-1.0, 1.0}
    webb = multiplied_sums(np.random.default_rng(3), 640, np.eye(3), "webb")
    assert len(np.unique(webb.round(12))) == 6


def test_normal_draws_of_a_singular_covariance_stay_in_its_space():
    draws = normal_draws(np.random.default_rng(4), 1000, np.array([[1.0, 2.0], [2.0, 4.0]]))
    np.testing.assert_allclose(draws[:, 1], 2 * draws[:, 0], atol=1e-7)


def test_quartile_spread_is_the_deviation_of_a_normal_law_and_ignores_outliers():
    draws = 3 * np.random.default_rng(6).standard_normal((MANY, 1))
    assert quartile_spread(draws)[0] == pytest.approx(3, rel=0.01)
    draws[:100] = 1e9
    assert quartile_spread(draws)[0] == pytest.approx(3, rel=0.01)


def test_an_unknown_multiplier_is_named():
    with pytest.raises(EstimationError, match="unknown multiplier 'normal'"):
        multiplied_sums(np.random.default_rng(1), 9, SCORES, "normal")
