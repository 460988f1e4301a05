"""Removing unit and period effects: closed form, factorised and iterative agree with dummies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.errors import EstimationError
from evaluation.numerics.demean import demean, singletons
from evaluation.numerics.least_squares import independent, least_squares

EXACT = 1e-10
ITERATED = 1e-8


def layout(seed: int, n: int, t: int, share: float) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    first, second = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(t), indexing="ij"))
    keep = rng.random(n * t) < share
    keep[0] = True
    first, second = first[keep], second[keep]
    return first, second, rng.standard_normal((len(first), 2)) + 5, rng.uniform(0.2, 3, len(first))


def by_dummies(columns, first, second, n, t, weights):
    effects = np.hstack([np.eye(n)[first], np.eye(t)[second]])
    root = np.sqrt(weights)[:, None]
    coef = np.linalg.lstsq(effects * root, columns * root, rcond=None)[0]
    return columns - effects @ coef


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 9),
    t=st.integers(1, 7),
    share=st.sampled_from([0.3, 0.7, 1.0]),
    weighted=st.booleans(),
)
def test_every_method_equals_dummies(seed, n, t, share, weighted):
    first, second, columns, weights = layout(seed, n, t, share)
    w = weights if weighted else None
    expected = by_dummies(columns, first, second, n, t, weights if weighted else np.ones(len(first)))
    options = {"n_first": n, "n_second": t, "weights": w}
    exact = demean(columns, first, second, **options)
    assert exact.method in ("closed form", "direct")
    np.testing.assert_allclose(exact.values, expected, atol=EXACT)
    iterated = demean(columns, first, second, direct_limit=0, tolerance=1e-12, **options)
    np.testing.assert_allclose(iterated.values, expected, atol=ITERATED)
    order = np.random.default_rng(seed).permutation(len(first))
    shuffled = demean(
        columns[order],
        first[order],
        second[order],
        n_first=n,
        n_second=t,
        weights=None if w is None else w[order],
    )
    np.testing.assert_allclose(shuffled.values, expected[order], atol=EXACT)


def test_balanced_is_closed_form_in_any_order():
    first, second, columns, _ = layout(1, 6, 5, 1.0)
    order = np.random.default_rng(2).permutation(len(first))
    result = demean(columns[order], first[order], second[order], n_first=6, n_second=5)
    assert result.method == "closed form"
    np.testing.assert_allclose(
        result.values, demean(columns, first, second, n_first=6, n_second=5).values[order], atol=1e-14
    )


def test_levels_far_from_zero_keep_their_digits():
    first, second, columns, _ = layout(3, 40, 6, 0.8)
    near = demean(columns, first, second, n_first=40, n_second=6).values
    far = demean(columns + 1e8, first, second, n_first=40, n_second=6).values
    np.testing.assert_allclose(far, near, atol=1e-7)


def test_not_converged_says_what_was_reached():
    first, second, columns, _ = layout(4, 60, 50, 0.05)
    with pytest.raises(EstimationError, match="did not converge in 1 iterations") as caught:
        demean(columns, first, second, n_first=60, n_second=50, direct_limit=0, max_iterations=1)
    assert "relative residual" in caught.value.where


def test_singletons_are_found_until_none_is_left():
    # unit 0 is seen in period 0 only; without it period 0 has one row left, of unit 1
    first, second = np.array([0, 1, 1, 1, 2, 2]), np.array([0, 0, 1, 2, 1, 2])
    assert singletons(first, second, 3, 3).tolist() == [True, True, False, False, False, False]


def test_collinear_columns_are_the_later_ones():
    x = np.random.default_rng(0).standard_normal((50, 3))
    columns = np.column_stack([x[:, 0], x[:, 1], x[:, 0] - 2 * x[:, 1], x[:, 2]])
    gram = columns.T @ columns
    assert independent(gram, np.diag(gram)).tolist() == [True, True, False, True]
    fit = least_squares(columns, x @ [1.0, 2.0, 3.0])
    np.testing.assert_allclose(fit.coef, [1, 2, 0, 3], atol=1e-12)
    assert fit.bread[2].tolist() == [0, 0, 0, 0]


def test_columns_of_very_different_size_are_not_collinear():
    x = np.random.default_rng(1).standard_normal((50, 2)) * [1e-9, 1e9]
    fit = least_squares(x, x @ [1e9, 1e-9])
    np.testing.assert_allclose(fit.coef, [1e9, 1e-9], rtol=1e-10)
