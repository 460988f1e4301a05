"""The penalty of the ridge augmentation, beside one regression a left out period and penalty."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.numerics.augmentation import augmentation_penalty
from evaluation.numerics.simplex import simplex_least_squares


def one_by_one(donors, treated, intercept):
    """Fit, predict the period left out, for each of 20 penalties; the largest within one standard error."""
    periods = len(treated)

    def centre(y, own, kept):
        level = y[:, kept].mean(axis=1, keepdims=True) if intercept else 0.0
        own_level = own[kept].mean() if intercept else 0.0
        mean = (y - level).mean(axis=0)
        return y - level - mean, own - own_level - mean

    x, _ = centre(donors, treated, np.arange(periods))
    grid = np.linalg.norm(x, 2) ** 2 * 10.0 ** np.linspace(0, -8, 20)
    errors = np.empty((periods, 20))
    for s in range(periods):
        kept = np.delete(np.arange(periods), s)
        w = simplex_least_squares(donors[:, kept].T, treated[kept], intercept=intercept).weights[0]
        x, own = centre(donors, treated, kept)
        left = own - w @ x
        for k, penalty in enumerate(grid):
            system = x[:, kept].T @ x[:, kept] + penalty * np.eye(periods - 1)
            slope = np.linalg.solve(system, x[:, kept].T @ x[:, s])
            errors[s, k] = (left[s] - left[kept] @ slope) ** 2
    mean = errors.mean(axis=0)
    bound = mean.min() + errors[:, mean.argmin()].std(ddof=1) / np.sqrt(periods)
    return grid[np.flatnonzero(mean <= bound)[0]]


@pytest.mark.parametrize("intercept", [False, True])
def test_penalty_equals_leaving_out_periods_one_by_one(intercept):
    rng = np.random.default_rng(0)
    y = np.cumsum(rng.normal(size=(12, 9)), axis=1) + 20
    treated = np.eye(12)[:5]
    found = augmentation_penalty(y, treated, 1 - treated, np.arange(9), intercept, 0.0)
    expected = [one_by_one(np.delete(y, i, axis=0), y[i], intercept) for i in range(5)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_outcomes_without_variation_have_a_penalty_too():
    treated = np.eye(6)[:1]
    found = augmentation_penalty(np.full((6, 5), 3.0), treated, 1 - treated, np.arange(5), False, 0.0)
    assert found[0] > 0
