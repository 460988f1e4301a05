"""How much memory the pages of a study take, estimated before any of it is taken."""

from __future__ import annotations

import os

from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.errors import DesignError

DUMMIES = 44
"""Bytes a row and dummy of the replication, which has a dummy for each unit and period: measured with
statsmodels at 400 and 800 units of 12 periods (45.6 and 43.8)."""

MOST_CELLS = 20_000_000
"""The largest table of dummies, rows by columns, that the replication makes; beyond, a page leaves it out."""

LEFT_OUT = 38
"""Bytes a cluster and unit of a Poisson estimate without each cluster: measured at 1,000 and 2,000 units,
each its own cluster, of 13 periods (the peak grew by 32 and 152 MB)."""

SHARE = 0.8
"""Of the machine's memory that a page may take."""
_UNKNOWN = 8e9  # where the system does not tell its memory


def memory(rows: int, units: int, periods: int, clusters: int, *, counts: bool) -> float:
    """Bytes that the largest step of a page takes, about.

    Parameters
    ----------
    rows, units, periods, clusters : int
    counts : bool
        Whether an outcome is a count, for which Poisson estimates are made without each cluster.
    """
    return max(DUMMIES * min(rows * (units + periods), MOST_CELLS), LEFT_OUT * clusters * units if counts else 0.0)


def require_room(case: StaggeredCase) -> None:
    """Refuse a study whose pages would take more than `SHARE` of the machine's memory.

    Raises
    ------
    DesignError
        Names the size of the table and what would make it smaller.
    """
    study, data = case.study, case.study.data
    units, periods = case.table[data.unit].nunique(), case.table[data.time].nunique()
    clusters = case.table[study.treatment.cluster].nunique() if study.treatment.cluster else units
    counts = any(outcome.model == "count" for outcome in study.outcomes)
    needed = memory(len(case.table), units, periods, clusters, counts=counts)
    there = installed()
    if needed <= SHARE * there:
        return
    raise DesignError(
        f"a page of this study would take about {needed / 1e9:,.0f} GB of memory",
        where=f"table {data.table}: {len(case.table):,} rows, {units:,} units, {periods:,} periods",
        expected=f"at most {SHARE * there / 1e9:,.0f} GB, {SHARE:.0%} of what this machine has",
        fix="take fewer units or a shorter window (data.start, data.end), add units up to larger ones, "
        "or use the library: evaluation.estimators take such a table, without a page's replication and "
        "checks",
    )


def installed() -> float:
    """The machine's memory in bytes."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return _UNKNOWN
