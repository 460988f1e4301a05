"""Cohort statistics: equal to direct sums, additive over units, whatever the blocks and clusters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.numerics import cohorts
from evaluation.numerics.cohorts import LinearMap, cohort_moments, contributions, members_of, unit_vectors

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def draw(seed, n=60, periods=5, n_cohorts=3):
    rng = np.random.default_rng(seed)
    outcome = rng.standard_normal((n, periods)) + rng.standard_normal((n, 1)) * 5
    cohort = np.concatenate([np.arange(n_cohorts), rng.integers(-1, n_cohorts, n - n_cohorts)])
    return outcome, cohort, rng.uniform(0.5, 2, n), rng.integers(0, 11, n)


@settings(max_examples=20, derandomize=True)
@given(seed=st.integers(0, 9999), weighted=st.booleans())
def test_statistics_are_direct_sums(seed, weighted):
    outcome, cohort, weights, _ = draw(seed)
    w = weights if weighted else np.ones(len(outcome))
    found = cohort_moments(outcome, cohort, 3, weights=weights if weighted else None)
    within = outcome - outcome.mean(axis=1, keepdims=True)
    for c in range(3):
        rows = cohort == c
        assert found.count[c] == rows.sum()
        np.testing.assert_allclose(found.weight[c], w[rows].sum(), **CLOSE)
        np.testing.assert_allclose(
            found.level[c] + found.path[c], np.average(outcome[rows], axis=0, weights=w[rows]), **CLOSE
        )
        v = w[rows, None] * np.column_stack([np.ones(rows.sum()), within[rows] - found.path[c]])
        np.testing.assert_allclose(found.gram[c], v.T @ v, **CLOSE)


@settings(max_examples=20, derandomize=True)
@given(seed=st.integers(0, 9999), cut=st.integers(3, 57), weighted=st.booleans(), clustered=st.booleans())
def test_merging_two_parts_is_the_whole(seed, cut, weighted, clustered):
    outcome, cohort, weights, codes = draw(seed)

    def build(rows):
        return cohort_moments(
            outcome[rows],
            cohort[rows],
            3,
            weights=weights[rows] if weighted else None,
            clusters=[(codes[rows], 1.0)] if clustered else (),
        )

    whole, merged = build(slice(None)), build(slice(None, cut)).merge(build(slice(cut, None)))
    for name in ("count", "weight", "level", "path", "gram"):
        np.testing.assert_allclose(getattr(merged, name), getattr(whole, name), **CLOSE)
    one, two = merged.second, whole.second
    np.testing.assert_allclose(one.own, two.own, **CLOSE)
    assert set(one.between) == set(two.between)
    for key, gram in two.between.items():
        np.testing.assert_allclose(one.between[key], gram, **CLOSE)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_blocks_do_not_change_sums(monkeypatch, size):
    outcome, cohort, weights, codes = draw(3)
    whole = cohort_moments(outcome, cohort, 3, weights=weights, clusters=[(codes, 1.0)])
    monkeypatch.setattr(cohorts.blocks, "__defaults__", (size,))
    monkeypatch.setattr(cohorts, "BLOCK_ROWS", size)
    parts = cohort_moments(outcome, cohort, 3, weights=weights, clusters=[(codes, 1.0)])
    np.testing.assert_allclose(parts.gram, whole.gram, **CLOSE)
    np.testing.assert_allclose(parts.second.own, whole.second.own, **CLOSE)


def test_covariance_of_any_map_is_the_sum_over_clusters():
    outcome, cohort, weights, codes = draw(8)
    found = cohort_moments(outcome, cohort, 3, weights=weights, clusters=[(codes, 1.0)])
    rng = np.random.default_rng(1)
    maps = [LinearMap(np.array([0, 2]), rng.standard_normal((2, 6))) for _ in range(2)]
    maps.append(LinearMap(np.array([1]), rng.standard_normal((1, 6))))
    members = members_of(cohort, 3)
    each = contributions(
        members, lambda rows, c: unit_vectors(outcome, rows, found.path[c], weights), maps, 60, 3
    )
    assert (each[cohort == -1] == 0).all()
    sums = np.array([each[codes == q].sum(axis=0) for q in range(11)])
    np.testing.assert_allclose(found.second.covariance(maps, 3), sums.T @ sums, **CLOSE)


def test_large_levels_cost_no_digits():
    outcome, cohort, _, _ = draw(5)
    shifted = outcome + 1e9 * np.arange(1, 61)[:, None]
    exact, far = (cohort_moments(np.round(y * 1024) / 1024, cohort, 3) for y in (outcome, shifted))
    np.testing.assert_allclose(far.gram, exact.gram, rtol=1e-4, atol=1e-3)


def test_the_input_is_not_written_to():
    outcome, cohort, weights, codes = draw(2)
    copies = [a.copy() for a in (outcome, cohort, weights, codes)]
    cohort_moments(outcome, cohort, 3, weights=weights, clusters=[(codes, 1.0)])
    for one, two in zip((outcome, cohort, weights, codes), copies, strict=True):
        np.testing.assert_array_equal(one, two)
