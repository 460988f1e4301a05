"""When clusters are so few that inference which counts on many of them fails: one rule for all who ask."""

from __future__ import annotations

from typing import Literal

FEW_CLUSTERS = 6
"""Fewer treated, or untreated, clusters than this: methods that count on many of them fail."""
MANY_CLUSTERS = 40
"""With as many treated and untreated clusters the usual clustered standard error holds."""


def how_many(treated: int, untreated: int) -> Literal["few", "some", "many"]:
    """Whether clusters are enough, judged by the smaller side.

    Parameters
    ----------
    treated, untreated : int
        Clusters with a treated unit, and with an untreated one; a cluster with both counts on either
        side. Without untreated units there is one side.
    """
    fewest = min(treated, untreated or treated)
    if fewest < FEW_CLUSTERS:
        return "few"
    return "many" if fewest >= MANY_CLUSTERS else "some"
