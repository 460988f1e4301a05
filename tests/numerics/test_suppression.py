"""No small count is shown or follows from what is shown: the oracle asks by a null space."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import null_space

from evaluation.numerics.suppression import Sums, suppress

MINIMUM = 10


def crossed(n: int, m: int) -> np.ndarray:
    """Cells of a table, its row and column totals, and two overlapping corners."""
    cells = np.eye(n * m)
    rows = [np.repeat(np.eye(n)[i], m) for i in range(n)]
    columns = [np.tile(np.eye(m)[j], n) for j in range(m)]
    corner, other = np.zeros((2, n, m))
    corner[: n // 2 + 1, : m // 2], other[n // 2 :, 1:] = 1, 1
    return np.vstack([cells, rows, columns, corner.ravel(), other.ravel()])


def all_counts(rows: np.ndarray, required: tuple[int, ...] = ()) -> Sums:
    true = np.ones(len(rows), dtype=bool)
    return Sums(rows, true, true, np.isin(np.arange(len(rows)), required))


def follows(vector: np.ndarray, shown: np.ndarray) -> bool:
    """Whether every table that gives the shown sums gives the same for the vector."""
    free = null_space(shown) if len(shown) else np.eye(len(vector))
    return bool(np.abs(vector @ free).max(initial=0.0) < 1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_no_small_count_follows_from_what_is_shown(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(2, 6)), int(rng.integers(2, 7))
    cells = rng.poisson(rng.choice([1.0, 8.0, 40.0], size=n * m)).astype(float)
    rows = crossed(n, m)
    found = suppress(all_counts(rows), cells, MINIMUM)
    values = rows @ cells
    small = (values > 0) & (values < MINIMUM)
    assert (found.primary == small).all()
    assert not found.exposed.any()
    assert not (found.secondary & found.primary).any()
    shown = rows[~found.hidden]
    assert not any(follows(vector, shown) for vector in rows[small])
    # nor what the hidden parts of a total come to, where that is small
    for whole in rows:
        inside = (rows[: n * m] * whole).sum(axis=1) > 0
        hidden = inside & found.hidden[: n * m]
        rest = rows[: n * m][hidden].sum(axis=0)
        if 0 < rest @ cells < MINIMUM:
            assert not follows(rest, shown)


def test_nothing_is_withheld_where_nothing_is_small() -> None:
    found = suppress(all_counts(crossed(3, 4)), np.full(12, 25.0), MINIMUM)
    assert not found.hidden.any()


def test_zeros_are_shown_and_the_cheapest_other_count_is_withheld() -> None:
    rows = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 1, 1, 1]], dtype=float)
    found = suppress(all_counts(rows), np.array([3.0, 0.0, 15.0, 40.0]), MINIMUM)
    assert found.primary.tolist() == [True, False, False, False, False]
    assert found.secondary.tolist() == [False, False, True, False, False]


def test_two_small_parts_hide_a_third_so_that_their_sum_is_not_told() -> None:
    rows = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], dtype=float)
    found = suppress(all_counts(rows), np.array([1.0, 2.0, 50.0]), MINIMUM)
    assert found.hidden.tolist() == [True, True, True, False]


def test_a_mean_that_must_stay_hides_a_second_part() -> None:
    """An index whose mean is 100 by construction gives its one gap away."""
    rows = np.vstack([np.eye(4), np.full((1, 4), 0.25)])
    counts = np.array([True, True, True, True, False])
    shown, required = np.ones(5, dtype=bool), np.array([False] * 4 + [True])
    found = suppress(Sums(rows, counts, shown, required), np.array([4.0, 30.0, 20.0, 25.0]), MINIMUM)
    assert found.hidden.tolist() == [True, False, True, False, False]


def test_what_cannot_be_hidden_is_named() -> None:
    rows = np.vstack([np.eye(2), np.ones((1, 2))])
    found = suppress(all_counts(rows, required=(1, 2)), np.array([3.0, 40.0]), MINIMUM)
    assert found.exposed.tolist() == [True, False, False]
