"""What a published percentage can mean when the counts behind it are not published."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.simulated.case import SimulatedCase
from evaluation.numerics.count_ratio import ratio_interval, smallest_base

LEVEL = 0.95


def claim_ranges(case: SimulatedCase) -> pd.DataFrame:
    """The true change that a claimed one is compatible with, for each base count and dispersion.

    Returns
    -------
    pandas.DataFrame
        ``claim, percent, dispersion, count, low, high``: percent. The later count is the base times one
        plus the claimed change, rounded; see `evaluation.numerics.count_ratio.ratio_interval`.
    """
    settings = case.study.percentages
    rows = []
    for claim in case.study.claims:
        for dispersion in settings.dispersions:
            for count in settings.counts:
                after = np.floor(count * (1 + claim.value / 100) + 0.5)
                low, high = ratio_interval(count, after, LEVEL, dispersion)
                rows.append(
                    {
                        "claim": claim.id,
                        "percent": claim.value,
                        "dispersion": dispersion,
                        "count": count,
                        "low": 100 * (float(low) - 1),
                        "high": 100 * (float(high) - 1),
                    }
                )
    return pd.DataFrame(rows)


def smallest_counts(case: SimulatedCase) -> pd.DataFrame:
    """The base count from which on each claimed or published change is told from none.

    Returns
    -------
    pandas.DataFrame
        ``claim`` (id, or the row of the published table), ``percent`` and a column a dispersion.
    """
    stated = [(claim.id, claim.value) for claim in case.study.claims]
    stated += [(f"published {i}", float(value)) for i, value in enumerate(case.published.get("percent", []))]
    rows = []
    for name, percent in stated:
        counts: dict[Any, Any] = {
            dispersion: smallest_base(percent / 100, LEVEL, dispersion)
            for dispersion in case.study.percentages.dispersions
        }
        rows.append({**counts, "claim": name, "percent": percent})
    return pd.DataFrame(rows)
