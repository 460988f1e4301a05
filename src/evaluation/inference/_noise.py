"""Whether the treated were as noisy as the untreated before treatment."""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import NDArray

from evaluation.design import NEVER, Cohorts, Design
from evaluation.inference.assignments import Assignments
from evaluation.numerics.covariance import cluster_sums
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
LEAST_BEFORE = 3
_FAR = 1.645
"""Standard errors between mean log deviations beyond which the treated count as unlike: 5 % a side."""


def noise_note(panel: Panel, design: Design, plan: Assignments, *, statistic: str = "estimate") -> str:
    """A sentence where the treated items' noise before treatment is beyond that of the untreated; else "".

    A randomisation test is exact over all assignments together. Given that those treated are noisier than
    the rest it rejects too often, and given that they are quieter, too rarely; ratios of the gap after
    treatment to that before, the other way round.
    """
    ratio, far = noise_ratio(panel, design, plan)
    if not abs(far) > _FAR:
        return ""
    often = (ratio > 1) == (statistic == "estimate")
    kind = "clusters" if plan.level == "cluster" else "units"
    how = "noisy" if ratio > 1 else "quiet"
    return (
        f"before treatment the treated {kind} vary {ratio:.2g} times as much as the median untreated one: "
        f"over all assignments the test holds its level, but for {kind} as {how} as these it rejects "
        f"too {'often' if often else 'rarely'}"
    )


def noise_ratio(panel: Panel, design: Design, plan: Assignments) -> tuple[float, float]:
    """Deviation of the treated items' gaps over that of the median untreated one, and how far that is.

    Gaps are to the mean of the never treated units, in periods before the first treatment, less the
    item's own mean. How far: difference between the mean log deviations of treated and untreated items
    in standard errors, with the untreated items' spread for both. NaN with fewer than 3 periods, or
    3 untreated items.
    """
    cohorts: Cohorts = design.cohorts(panel)
    start = int(cohorts.values[0]) - design.anticipation
    values = panel.matrix(design.outcome)[:, panel.ordinals < start]
    never = cohorts.first == NEVER
    seen = np.isfinite(values)
    values = np.where(seen, values, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = np.where(seen, values - values[never].sum(axis=0) / seen[never].sum(axis=0), 0.0)
        known = seen & np.isfinite(gaps)
        gaps[~known] = 0.0
        # an item's gap in a period is the mean over its units that are seen
        count = _sum_by(known.astype(float), plan)
        mean = _sum_by(gaps, plan) / count
        there = count > 0
        mean[~there] = 0.0
        periods = there.sum(axis=1)
        mean -= np.where(there, (mean.sum(axis=1) / periods)[:, None], mean)
        spread = np.sqrt((mean**2).sum(axis=1) / (periods - 1))
    usable = (periods >= LEAST_BEFORE) & (spread > 0)
    own, others = usable & (plan.path >= 0), usable & (plan.path < 0)
    if not own.any() or others.sum() < 3:
        return nan, nan
    log = np.log(spread, where=usable, out=np.zeros_like(spread))
    error = float(log[others].std(ddof=1)) * float(np.sqrt(1 / own.sum() + 1 / others.sum()))
    ratio = float(np.sqrt((spread[own] ** 2).mean()) / np.median(spread[others]))
    gap = float(log[own].mean() - log[others].mean())
    return ratio, gap / error if error > 0 else nan


def _sum_by(values: FloatArray, plan: Assignments) -> FloatArray:
    if plan.level != "cluster":
        return values
    return cluster_sums(values, plan.item, len(plan.path))
