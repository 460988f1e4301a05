"""Several outcomes asked about together: the chance that any of them stands out by luck."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import randomization_test, romano_wolf


def family(case: StaggeredCase, date: str | None = None, scale: str = "level") -> pd.DataFrame:
    """Placebo p-values of every outcome, alone and adjusted for the family (Romano and Wolf 2005).

    The same placebo city is taken in all outcomes at once, so that their dependence is kept.

    Parameters
    ----------
    case : StaggeredCase
    date : str, optional
        The study's treatment date when absent.
    scale : {"level", "log"}

    Returns
    -------
    pandas.DataFrame
        ``outcome, scale, date, estimate, p_value, p_adjusted``, against the rule's pool; no row where no
        outcome is looked at on that scale.
    """
    study = case.study
    pool, date = study.rule.pool, date or case.dates[0].date
    outcomes = [outcome for outcome in study.outcomes if scale in outcome.scales]
    tests, kept = [], []
    for outcome in outcomes:
        if scale == "log" and (case.donor_rows(pool)[outcome.column] <= 0).any():
            continue
        panel, design = case.donor_panel(case.donor_rows(pool), outcome, scale, date)
        tests.append(randomization_test(TwoWayFixedEffects(), panel, design))
        kept.append(outcome.id)
    if not tests:
        return pd.DataFrame(columns=["outcome", "scale", "date", "estimate", "p_value", "p_adjusted"])
    observed = np.array([test.estimate for test in tests])
    placebo = np.column_stack([test.placebo[:, 0] for test in tests])
    adjusted = romano_wolf(observed, placebo, names=kept)
    return pd.DataFrame(
        {
            "outcome": kept,
            "scale": scale,
            "date": date,
            "estimate": observed,
            "p_value": [test.p_value for test in tests],
            "p_adjusted": adjusted.adjusted,
        }
    )
