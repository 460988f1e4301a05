"""Simplex weights: equal to enumeration of faces and to SLSQP, optimal by their own certificate."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import minimize

from evaluation.errors import EstimationError
from evaluation.numerics.frank_wolfe import frank_wolfe
from evaluation.numerics.simplex import simplex_least_squares


def by_enumeration(a, b, ridge, intercept=False):
    """Least objective over all faces of the simplex, each by its Karush-Kuhn-Tucker system."""
    if intercept:
        a, b = a - a.mean(axis=0), b - b.mean()
    best = np.inf
    for size in range(1, a.shape[1] + 1):
        for face in map(list, combinations(range(a.shape[1]), size)):
            d = a[:, face] - b[:, None]
            q = d.T @ d + np.diag(ridge[face])
            system = np.block([[q, np.ones((size, 1))], [np.ones((1, size)), np.zeros((1, 1))]])
            w = np.linalg.lstsq(system, np.r_[np.zeros(size), 1.0], rcond=None)[0][:size]
            if (w > -1e-12).all():
                best = min(best, w @ q @ w)
    return best


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("ridged", [False, True])
@pytest.mark.parametrize("inside", [False, True])
def test_small_problems_equal_enumeration_of_all_faces(intercept, ridged, inside):
    rng = np.random.default_rng(3)
    for _ in range(25):
        m, n = rng.integers(1, 7), rng.integers(1, 7)
        a = rng.normal(size=(m, n)) + 5
        b = a @ rng.dirichlet(np.ones(n)) if inside else rng.normal(size=m) + 5
        ridge = rng.uniform(0, 1, n) * ridged
        fit = simplex_least_squares(a, b, ridge=ridge, intercept=intercept)
        assert fit.objective[0] == pytest.approx(by_enumeration(a, b, ridge, intercept), abs=1e-11)
        assert (fit.weights >= 0).all()
        assert fit.weights.sum() == pytest.approx(1, abs=1e-14)


def test_larger_problem_is_no_worse_than_a_general_solver():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(12, 15)), rng.normal(size=12)
    fit = simplex_least_squares(a, b)

    def objective(w):
        return ((a @ w - b) ** 2).sum()

    found = minimize(
        objective,
        np.full(15, 1 / 15),
        jac=lambda w: 2 * a.T @ (a @ w - b),
        bounds=[(0, 1)] * 15,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    assert fit.objective[0] <= found.fun * (1 + 1e-12)
    np.testing.assert_allclose(fit.weights[0], found.x, atol=1e-5)


@pytest.mark.parametrize(("n", "ridge"), [(10, 0.0), (60, 0.0), (60, 4.0), (60, 400.0)])
def test_karush_kuhn_tucker_conditions_hold(n, ridge):
    rng = np.random.default_rng(8)
    a = np.cumsum(rng.normal(size=(20, n)), axis=0) + 100
    allowed = ~np.eye(n, dtype=bool)
    fit = simplex_least_squares(a, a.T, ridge=ridge, allowed=allowed, intercept=True)
    centred = a - a.mean(axis=0)
    residual = fit.weights @ centred.T - centred.T
    slope = residual @ centred + ridge * fit.weights
    slope = slope / fit.scale[:, None]
    level = (slope * fit.weights).sum(axis=1, keepdims=True)
    used = fit.weights > 0
    assert np.abs(np.where(used, slope - level, 0)).max() < 1e-10
    assert np.where(allowed, slope - level, 0).min() > -1e-10
    assert (fit.weights[np.eye(n, dtype=bool)] == 0).all()
    # the constant is the mean of what the weights leave
    np.testing.assert_allclose(fit.intercept, (a.T - fit.weights @ a.T).mean(axis=1), atol=1e-9)


def test_a_batch_equals_its_problems_one_by_one():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(5, 9, 7)), rng.normal(size=(5, 9))
    rows, ridge = rng.integers(0, 3, size=(5, 9)).astype(float), rng.uniform(0.1, 1, size=(5, 7))
    rows[:, 0] = 1.0
    batch = simplex_least_squares(a, b, ridge=ridge, row_weights=rows, intercept=True)
    for i in range(5):
        repeated = np.repeat(np.arange(9), rows[i].astype(int))
        one = simplex_least_squares(a[i][repeated], b[i][repeated], ridge=ridge[i], intercept=True)
        np.testing.assert_allclose(batch.weights[i], one.weights[0], atol=1e-10)
        assert batch.objective[i] == pytest.approx(one.objective[0], rel=1e-10)


def test_identical_and_nearly_identical_columns_do_not_break_it():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(8, 4)), rng.normal(size=8)
    fit = simplex_least_squares(np.hstack([a, a, a + 1e-13]), b)
    alone = simplex_least_squares(a, b)
    assert fit.objective[0] == pytest.approx(alone.objective[0], rel=1e-11)
    np.testing.assert_allclose(fit.weights.reshape(3, 4).sum(axis=0), alone.weights[0], atol=1e-10)


def test_a_target_equal_to_every_column_has_no_error():
    fit = simplex_least_squares(np.ones((4, 3)), np.ones(4))
    assert fit.objective[0] == 0
    assert fit.weights.sum() == pytest.approx(1)


def test_no_column_allowed_is_said():
    with pytest.raises(EstimationError, match="no donor may get weight"):
        simplex_least_squares(np.ones((4, 3)), np.ones(4), allowed=np.zeros(3, dtype=bool))


def test_conditional_gradients_approach_the_exact_minimum_from_above():
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(20, 6)), rng.normal(size=20)
    exact = simplex_least_squares(a, b, ridge=2.0, intercept=True)
    slow = frank_wolfe(a, b, ridge=2.0, intercept=True, threshold=1e-7)
    assert slow.objective[0] >= exact.objective[0] - 1e-12
    assert slow.objective[0] == pytest.approx(exact.objective[0], rel=1e-4)
    np.testing.assert_allclose(slow.weights, exact.weights, atol=0.02)
