"""A short yearly record: the treated place beside others by three methods, with the fit before the date."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.estimate import permuted, placebos
from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.design import Design
from evaluation.estimators import SyntheticControl, SyntheticDiD, TwoWayFixedEffects
from evaluation.inference import placebo_paths, randomization_test
from evaluation.panel import Panel
from evaluation.study.staggered import Outcome

METHODS = ("two_way", "control", "did")
LEVEL = 0.95
FEWEST_BEFORE = 3
"""Fewer periods before the date than these cannot tell one mix of places from another."""


def yearly_estimates(case: StaggeredCase) -> pd.DataFrame:
    """Mean gap after each date, for every outcome on its first scale, by method and pool.

    Parameters
    ----------
    case : StaggeredCase
        Its table may lack an outcome in some years (those are left out for all places) or for some places
        (those are left out for this outcome).

    Returns
    -------
    pandas.DataFrame
        ``outcome, scale, date, pool, method, estimate, ci_low, ci_high, level, p_value, n_as_extreme,
        n_assignments, reason, p_ratio, misfit, misfit_ratio, n_units, n_before, n_after``. ``method`` is
        ``"two_way"`` (difference in differences), ``"control"`` (synthetic control) or ``"did"`` (synthetic
        difference-in-differences); ``p_value`` compares estimates with those of every other place taken as
        treated, ``p_ratio`` the gap after the date relative to that before; ``misfit`` is the gap before
        (root mean square), ``misfit_ratio`` that beside the median of the placebos. Combinations without
        enough years are left out.
    """
    rows = []
    for outcome, date, pool in product(case.study.outcomes, case.dates, case.study.comparisons):
        made = _panel(case, outcome, date.date, pool.id)
        if made is None:
            continue
        panel, design, before = made
        named = {"outcome": outcome.id, "scale": outcome.scales[0], "date": date.date, "pool": pool.id}
        sizes = {"n_units": panel.n_units, "n_before": before, "n_after": panel.n_periods - before}
        rows += [
            {**named, "method": method, **_estimate(method, panel, design), **sizes}
            for method in METHODS
            if method == "two_way" or before >= FEWEST_BEFORE
        ]
    return pd.DataFrame(rows)


def _panel(case: StaggeredCase, outcome: Outcome, date: str, pool: str) -> tuple[Panel, Design, int] | None:
    """The places and years in which the outcome is known, and the years before the date."""
    data = case.study.data
    rows = case.donor_rows(pool)
    known = rows.groupby(data.time)[outcome.column].transform("count") > 0
    rows = rows[known]
    whole = rows[outcome.column].notna().groupby(rows[data.unit]).transform("all")
    rows = rows[whole]
    start, times = case.period(date), pd.PeriodIndex(rows[data.time].unique())
    before = int((times < start).sum())
    if before < 1 or before == len(times) or case.treated_unit not in set(rows[data.unit]):
        return None
    panel, design = case.donor_panel(rows, outcome, outcome.scales[0], date)
    return panel, design, before


def _estimate(method: str, panel: Panel, design: Design) -> dict[str, Any]:
    if method == "two_way":
        test = randomization_test(TwoWayFixedEffects(), panel, design)
        return permuted(test, LEVEL) | dict.fromkeys(("p_ratio", "misfit", "misfit_ratio"), np.nan)
    estimator = SyntheticControl(variance="none") if method == "control" else SyntheticDiD(variance="none")
    paths = placebo_paths(estimator, panel, design, treated_as_donor=True)
    blank = {**dict.fromkeys(("ci_low", "ci_high", "level"), np.nan), "reason": ""}
    return blank | placebos(paths)
