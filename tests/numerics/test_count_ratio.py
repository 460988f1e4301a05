"""Two counts and the ratio of their means: exact tails, coverage, and the base count that a claim needs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, poisson

from evaluation.numerics.count_ratio import ratio_interval, ratio_p_value, smallest_base

COUNTS = st.integers(0, 400)


@given(COUNTS, COUNTS)
def test_the_interval_is_clopper_and_pearsons(before: int, after: int) -> None:
    low, high = ratio_interval(before, after)
    if before + after == 0:
        assert (float(low), float(high)) == (0.0, np.inf)
        return
    exact = binomtest(after, before + after).proportion_ci(0.95, "exact")
    assert float(low / (1 + low)) == pytest.approx(exact.low, abs=1e-11)
    if before:
        # as shares: the reference finds a root to 2e-12, which 1 - share near 0 would magnify
        assert float(high / (1 + high)) == pytest.approx(exact.high, abs=1e-11)
    else:
        assert np.isinf(high)


@given(COUNTS, COUNTS)
def test_the_p_value_is_twice_the_smaller_tail_and_agrees_with_the_interval(before: int, after: int) -> None:
    n = before + after
    tails = binom.cdf(after, n, 0.5), binom.sf(after - 1, n, 0.5)
    p = float(ratio_p_value(before, after))
    assert p == pytest.approx(min(1.0, 2 * min(tails)), rel=1e-9)
    low, high = (float(end) for end in ratio_interval(before, after))
    assert (p < 0.05) == (not low <= 1 <= high) or abs(p - 0.05) < 1e-9


def test_it_covers_at_least_as_often_as_it_says() -> None:
    """Summed over all pairs of counts, not simulated."""
    for mean, ratio in ((3.0, 0.5), (20.0, 0.77), (60.0, 0.39)):
        b, a = np.meshgrid(np.arange(200), np.arange(200), indexing="ij")
        low, high = ratio_interval(b, a)
        chance = poisson.pmf(b, mean) * poisson.pmf(a, mean * ratio)
        covered = float(chance[(low <= ratio) & (ratio <= high)].sum())
        assert 0.95 <= covered < 0.995


def test_noisier_counts_have_wider_intervals_of_the_right_coverage() -> None:
    assert float(ratio_interval(1000, 770, dispersion=4)[1]) == pytest.approx(
        float(ratio_interval(250, 192.5)[1])
    )
    rng = np.random.default_rng(0)
    mean, ratio, spread = 900.0, 0.77, 4.0
    b, a = (rng.negative_binomial(m / (spread - 1), 1 / spread, 20_000) for m in (mean, mean * ratio))
    low, high = ratio_interval(b, a, dispersion=spread)
    assert np.mean((low <= ratio) & (ratio <= high)) == pytest.approx(0.95, abs=0.012)
    low, high = ratio_interval(b, a)
    assert np.mean((low <= ratio) & (ratio <= high)) < 0.75


@pytest.mark.parametrize(
    ("change", "dispersion"),
    [(-0.23, 1), (-0.61, 1), (-0.246, 2), (-0.488, 4), (-0.165, 1), (0.5, 1), (-1, 1)],
)
def test_from_the_smallest_base_on_a_change_is_told_from_none(change: float, dispersion: float) -> None:
    base = smallest_base(change, dispersion=dispersion)
    several = np.arange(base, 4 * base + 50)
    after = np.floor(several * (1 + change) + 0.5)
    assert (ratio_p_value(several, after, dispersion) <= 0.05).all()
    if base > 1:
        before = base - 1
        assert ratio_p_value(before, np.floor(before * (1 + change) + 0.5), dispersion) > 0.05


def test_known_numbers() -> None:
    """A fall of 23 % is told from none from 137 cases on, of 61 % from 18."""
    low, high = ratio_interval(100, 77)
    assert 100 * (float(low) - 1) == pytest.approx(-43.6, abs=0.05)
    assert 100 * (float(high) - 1) == pytest.approx(4.7, abs=0.05)
    assert [smallest_base(c) for c in (-0.23, -0.61, -0.246, -0.488)] == [137, 18, 120, 28]
    assert smallest_base(-1) == 6  # 2 * 0.5**6 = 0.031


@pytest.mark.parametrize(
    "call",
    [
        lambda: ratio_interval(-1, 2),
        lambda: ratio_interval(1, 2, dispersion=0.5),
        lambda: smallest_base(0.0),
        lambda: smallest_base(-1.5),
    ],
)
def test_what_cannot_be_is_refused(call) -> None:
    with pytest.raises(ValueError, match=r"below 0|below 1|must be"):
        call()
