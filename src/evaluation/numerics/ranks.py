"""Where a statistic stands among those of other assignments: one rule for ties, one p-value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

TIE = 1e-9
"""Relative gap below which two statistics count as equal: those that tie in theory differ by rounding."""


def as_far(values: ArrayLike, observed: ArrayLike, *, tie: float = TIE) -> NDArray[np.bool_]:
    """Which statistics are at least as large as an observed one of 0 or more, ties among them."""
    return np.asarray(np.asarray(values) >= np.asarray(observed) * (1 - tie))


def rank_p(others: ArrayLike, observed: ArrayLike, *, axis: int = 0, tie: float = TIE) -> Any:
    """Share of statistics at least as large as the observed one, which counts itself: never 0.

    Parameters
    ----------
    others : array_like
        Statistics of the other assignments along ``axis``, 0 or more.
    observed : array_like
        Broadcast against them.
    """
    found = as_far(others, observed, tie=tie)
    return (1 + found.sum(axis=axis)) / (1 + found.shape[axis])
