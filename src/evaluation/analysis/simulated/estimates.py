"""What each method finds in the simulated record, beside the truth."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import inf, nan
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.estimate import permuted
from evaluation.analysis.simulated.case import SimulatedCase
from evaluation.errors import EvaluationError
from evaluation.estimators import PoissonFixedEffects, SyntheticDiD, TwoWayFixedEffects
from evaluation.inference import (
    Recommendation,
    randomization_in_time,
    randomization_test,
    recommend,
    wild_cluster_bootstrap,
)
from evaluation.numerics.count_ratio import ratio_interval
from evaluation.study.simulated import SimulatedComparison

LEVEL = 0.95
METHODS = ("subcluster", "in_time", "poisson_rows", "synthetic_did", "in_space", "clustered", "plain_change")
"""Every method of the page. The first leads: it needs districts that are equally persistent, which the data
alone cannot tell (`recommend` asks for it) and which is so in this record, because it is drawn so."""
FAILS = ("poisson_rows", "clustered", "plain_change")
"""Shown to say that they are wrong here."""


@lru_cache(maxsize=1)
def advice(case: SimulatedCase) -> Recommendation:
    """Every method of inference judged for the design, from months before the reform."""
    panel, design = case.panel(case.study.lead.id, case.study.comparisons[0], log=True)
    return recommend(panel, design)


def estimates(case: SimulatedCase) -> pd.DataFrame:
    """Each outcome by each comparison and method.

    Returns
    -------
    pandas.DataFrame
        ``outcome, comparison, method``; ``estimate, ci_low, ci_high`` (log points), ``level, p_value,
        n_as_extreme, n_assignments``; ``percent, percent_low, percent_high, truth`` (percent); ``covered``
        (missing without an interval), ``n_units, n_periods, reason``.
    """
    rows = []
    for outcome in case.study.outcomes:
        truth = float(case.truth["percent"][outcome.id])
        for comparison in case.study.comparisons:
            for method in METHODS:
                if method == "plain_change" and comparison is not case.study.comparisons[0]:
                    continue
                rows.append(_row(case, outcome.id, comparison, method, truth))
    return pd.DataFrame(rows)


def _row(
    case: SimulatedCase, outcome: str, comparison: SimulatedComparison, method: str, truth: float
) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(("estimate", "ci_low", "ci_high", "p_value"), nan)
    found |= {"level": LEVEL, "n_as_extreme": None, "n_assignments": 0, "reason": ""}
    try:
        found |= _ASK[method](case, outcome, comparison)
    except EvaluationError as error:
        found["reason"] = error.what
    ends = np.array([found["estimate"], found["ci_low"], found["ci_high"]], dtype=float)
    percent = 100 * np.expm1(ends)
    has = bool(np.isfinite(ends).all())
    return {
        "outcome": outcome,
        "comparison": comparison.id,
        "method": method,
        **found,
        **dict(zip(("percent", "percent_low", "percent_high"), percent.tolist(), strict=True)),
        "truth": truth,
        "covered": bool(percent[1] <= truth <= percent[2]) if has else None,
        "n_units": 1 if method == "plain_change" else int(case.rows(comparison)["unit"].nunique()),
        "n_periods": 2 if method == "plain_change" else int(case.table["month"].nunique()),
    }


def _bounded(low: float, high: float, reason: str) -> dict[str, Any]:
    return {
        "ci_low": low if np.isfinite(low) else nan,
        "ci_high": high if np.isfinite(high) else nan,
        "reason": reason,
    }


def _in_time(case: SimulatedCase, outcome: str, comparison: SimulatedComparison) -> dict[str, Any]:
    return permuted(
        randomization_in_time(TwoWayFixedEffects(), *case.panel(outcome, comparison, log=True)), LEVEL
    )


def _subcluster(case: SimulatedCase, outcome: str, comparison: SimulatedComparison) -> dict[str, Any]:
    panel, design = case.panel(outcome, comparison, log=True)
    test = wild_cluster_bootstrap(
        TwoWayFixedEffects(), panel, design, subcluster="row", seed=case.study.seed, draws=9_999
    )
    return {"estimate": test.estimate, "p_value": test.p_value, **_bounded(*test.interval(LEVEL))}


def _in_space(case: SimulatedCase, outcome: str, comparison: SimulatedComparison) -> dict[str, Any]:
    return permuted(
        randomization_test(TwoWayFixedEffects(), *case.panel(outcome, comparison, log=True)), LEVEL
    )


def _clustered(case: SimulatedCase, outcome: str, comparison: SimulatedComparison) -> dict[str, Any]:
    result = TwoWayFixedEffects().fit(*case.panel(outcome, comparison, log=True))
    low, high = result.conf_int(LEVEL)
    return {"estimate": result.estimate, "p_value": result.p_value, **_bounded(low, high, "")}


def _poisson_rows(case: SimulatedCase, outcome: str, comparison: SimulatedComparison) -> dict[str, Any]:
    panel, design = case.panel(outcome, comparison, log=False)
    result = PoissonFixedEffects(covariance="HC1").fit(panel, design)
    low, high = result.conf_int(LEVEL)
    return {"estimate": result.estimate, "p_value": result.p_value, **_bounded(low, high, "")}


def _synthetic_did(case: SimulatedCase, outcome: str, comparison: SimulatedComparison) -> dict[str, Any]:
    panel, design = case.panel(outcome, comparison, log=True)
    estimator = SyntheticDiD(variance="none")
    test = randomization_test(estimator, panel, design)
    reason = f"placebos in {test.n_assignments - 1} places give no p-value below {test.smallest_p:.3f}"
    return {**permuted(test, LEVEL), "reason": reason}


def _plain_change(case: SimulatedCase, outcome: str, comparison: SimulatedComparison) -> dict[str, Any]:
    """The later year over the earlier, with the exact interval of two counts."""
    years = case.yearly(outcome)[case.treated]
    before, after = float(years[case.study.data.before]), float(years[case.study.data.after])
    low, high = (float(end) for end in ratio_interval(before, after, LEVEL))
    with np.errstate(divide="ignore"):
        ends = np.log([after / before if before else inf, low, high])
    return {"estimate": float(ends[0]), **_bounded(float(ends[1]), float(ends[2]), "")}


_ASK: dict[str, Callable[[SimulatedCase, str, SimulatedComparison], dict[str, Any]]] = {
    "subcluster": _subcluster,
    "in_time": _in_time,
    "poisson_rows": _poisson_rows,
    "synthetic_did": _synthetic_did,
    "in_space": _in_space,
    "clustered": _clustered,
    "plain_change": _plain_change,
}
