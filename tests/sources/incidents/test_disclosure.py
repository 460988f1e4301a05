"""What is shared: small counts are withheld, and cannot be worked out from what is shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from evaluation.errors import DataError
from evaluation.sources.incidents.disclosure import share


def exactly_known(counts: np.ndarray, shared, cell: tuple[int, int]) -> bool:
    """Whether totals and shown cells leave one value for a withheld cell: two linear programmes."""
    hidden = np.argwhere(np.isnan(shared.values))
    place = {tuple(c): k for k, c in enumerate(hidden)}
    equations, right = [], []
    for axis, totals in ((0, shared.row_totals), (1, shared.column_totals)):
        for line, total in enumerate(totals):
            if np.isnan(total):
                continue
            shown = shared.values[line] if axis == 0 else shared.values[:, line]
            equations.append([float(c[axis] == line) for c in hidden])
            right.append(total - np.nansum(shown))
    target = np.zeros(len(hidden))
    target[place[cell]] = 1
    found = [
        linprog(sign * target, A_eq=equations or None, b_eq=right or None, bounds=(0, None))
        for sign in (1, -1)
    ]
    # no end: unbounded
    ends = [np.inf if end.fun is None else abs(end.fun) for end in found]
    return bool(abs(ends[1] - ends[0]) < 0.5)


def test_a_single_small_count_hides_the_cheapest_rectangle() -> None:
    counts = np.array([[3, 40, 50], [60, 20, 90], [70, 95, 30]])
    shared = share(counts, 10)
    assert np.argwhere(shared.primary).tolist() == [[0, 0]]
    # rows 0 and 1 with columns 0 and 1 cost 40 + 60 + 20; any other rectangle costs more
    assert np.argwhere(shared.secondary).tolist() == [[0, 1], [1, 0], [1, 1]]
    assert shared.row_totals.tolist() == [93, 170, 195]
    assert shared.withheld == 4
    assert share(counts, 0).withheld == 0


def test_zeros_are_shown_and_missing_counts_stay_missing() -> None:
    shared = share([[0.0, 12.0], [np.nan, 30.0]], 10, rounding=5)
    assert shared.values[0].tolist() == [0, 10]
    assert np.isnan(shared.values[1, 0])
    assert not shared.primary.any()
    assert shared.column_totals.tolist() == [0, 40]


def test_where_nothing_can_hide_a_count_its_totals_are_withheld() -> None:
    shared = share([[3, 0], [0, 50]], 10)
    assert np.isnan(shared.row_totals).tolist() == [True, False]
    assert np.isnan(shared.column_totals).tolist() == [True, False]


@settings(max_examples=60)
@given(
    arrays(
        np.int64,
        st.tuples(st.integers(2, 5), st.integers(2, 6)),
        elements=st.one_of(st.just(0), st.integers(1, 12), st.integers(13, 200)),
    )
)
def test_no_small_count_can_be_worked_out(counts: np.ndarray) -> None:
    shared = share(counts, 10)
    shown = ~np.isnan(shared.values)
    assert (shared.values[shown] == counts[shown]).all()
    assert not ((shared.values > 0) & (shared.values < 10)).any()
    for cell in np.argwhere(shared.primary):
        assert not exactly_known(counts, shared, tuple(cell))


@pytest.mark.parametrize(
    ("counts", "options", "words"),
    [
        ([[1.5, 2]], {}, "whole numbers"),
        ([[-1, 2]], {}, "whole numbers"),
        ([[1, 2]], {"minimum": -1}, "minimum is -1"),
        ([[1, 2]], {"rounding": 0}, "rounding is 0"),
    ],
)
def test_what_cannot_be_is_refused(counts: list, options: dict[str, int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        share(counts, **options)
