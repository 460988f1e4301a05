"""Whether the treated were as noisy as the untreated before treatment."""

from __future__ import annotations

from math import nan, sqrt

import numpy as np

from evaluation.design import Design
from evaluation.inference._facts import FEWEST_FOR_NOISE, noise_of, residuals_before
from evaluation.inference.assignments import Assignments
from evaluation.panel import Panel

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
        f"before treatment the treated {kind} vary {ratio:.2g} times as much as the untreated: "
        f"over all assignments the test holds its level, but for {kind} as {how} as these it rejects "
        f"too {'often' if often else 'rarely'}"
    )


def noise_ratio(panel: Panel, design: Design, plan: Assignments) -> tuple[float, float]:
    """The noise ratio that `recommend` reads (`noise_of`), and how far the treated items are from the others.

    How far: difference between the mean log deviations of treated and untreated items in standard errors,
    with the untreated items' spread for both. NaN with fewer than 3 periods, or 3 untreated items.
    """
    cohorts = design.cohorts(panel)
    start = int(cohorts.values[0]) - design.anticipation
    values = panel.matrix(design.outcome)[:, panel.ordinals < start]
    item = plan.item if plan.level == "cluster" else np.arange(panel.n_units)
    early = residuals_before(values, cohorts.treated, item)
    usable = (early.seen >= FEWEST_FOR_NOISE) & (early.spread > 0)
    own, others = usable & early.treated, usable & ~early.treated
    if not own.any() or others.sum() < 3:
        return nan, nan
    log = np.log(early.spread, where=usable, out=np.zeros_like(early.spread))
    error = float(log[others].std(ddof=1)) * sqrt(1 / own.sum() + 1 / others.sum())
    gap = float(log[own].mean() - log[others].mean())
    return noise_of(early), gap / error if error > 0 else nan
