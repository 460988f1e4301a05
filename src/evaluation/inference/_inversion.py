"""Effects that a test by ranks does not reject, where estimates move linearly with the effect."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def not_rejected(estimate: float, others: FloatArray, slope: FloatArray, needed: int) -> tuple[float, float]:
    """Smallest and largest tau with ``|others - tau slope| >= |estimate - tau|`` for ``needed`` others.

    Each of the others is at least as far for tau in an interval around the estimate, so their ends are
    sorted. Infinite where the set has no bound.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.stack([(estimate - others) / (1 - slope), (estimate + others) / (1 + slope)])
    low, high = ends.min(axis=0), ends.max(axis=0)
    # one that moves one for one with the effect is always as extreme, or never
    same = np.abs(slope) >= 1 - 1e-12
    low, high = np.where(same, -inf, low), np.where(same, inf, high)
    return float(np.sort(low)[needed - 1]), float(np.sort(high)[::-1][needed - 1])
