"""The laws are those of scipy.stats, number for number."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from evaluation import distributions

DRAWN = np.random.default_rng(20160101)
P, X = DRAWN.uniform(size=2000), 4 * DRAWN.normal(size=2000)
Q, K, N = np.abs(5 * X), DRAWN.integers(1, 300, size=2000), DRAWN.integers(1, 300, size=2000)
NC = DRAWN.uniform(0, 30, size=2000)


@pytest.mark.parametrize(
    ("law", "name", "given"),
    [
        ("norm", "ppf", (P,)),
        ("norm", "isf", (P,)),
        ("norm", "sf", (X,)),
        ("t", "ppf", (P, K)),
        ("t", "isf", (P, K)),
        ("t", "sf", (X, K)),
        ("t", "sf", (X, K / 7)),
        ("chi2", "isf", (P, K)),
        ("chi2", "sf", (Q, K)),
        ("f", "isf", (P, K, N)),
        ("f", "sf", (Q, K, N)),
        ("ncx2", "cdf", (Q, K, NC)),
    ],
)
def test_equal_to_the_last_digit(law: str, name: str, given: tuple[np.ndarray, ...]) -> None:
    ours = getattr(getattr(distributions, law), name)(*given)
    assert np.array_equal(ours, getattr(getattr(stats, law), name)(*given))


def test_the_noncentral_tail_within_rounding() -> None:
    gap = distributions.ncx2.sf(Q, K, NC) - stats.ncx2.sf(Q, K, NC)
    assert np.abs(gap).max() < 1e-12


def test_infinite_degrees_of_freedom_are_the_normal_law() -> None:
    assert np.array_equal(distributions.t.ppf(P, np.inf), stats.norm.ppf(P))
    assert np.array_equal(distributions.t.isf(P, np.inf), stats.norm.isf(P))
    assert np.array_equal(distributions.t.sf(X, np.inf), stats.norm.sf(X))
    both = distributions.t.ppf(0.9, np.array([np.inf, 3.0]))
    assert np.array_equal(both, [stats.norm.ppf(0.9), stats.t.ppf(0.9, 3.0)])


def test_numbers_give_numbers_and_nothing_gives_nothing() -> None:
    assert float(distributions.t.ppf(0.975, 4)) == stats.t.ppf(0.975, 4)
    assert np.isnan(distributions.t.ppf(0.975, np.nan))
    assert np.isnan(distributions.t.sf(np.nan, 3))


def test_an_analysis_does_without_scipy_stats() -> None:
    code = "import sys, evaluation.analysis, evaluation.report.sections; print('scipy.stats' in sys.modules)"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "False"
