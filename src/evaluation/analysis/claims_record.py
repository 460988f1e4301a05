"""The ledger's result file: every claim with both verdicts, and the numbers of the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from evaluation.analysis.estimate import Estimate, with_leads
from evaluation.analysis.ledger_data import LedgerCase
from evaluation.analysis.record import KEYS, SYNTHETIC, pool_estimate
from evaluation.analysis.results import ResultFile, collect

_ESTIMATORS = {"two_way": "difference in differences", **SYNTHETIC}


def ledger_result(
    case: LedgerCase, estimates: pd.DataFrame, ranks: pd.DataFrame, answer: Mapping[str, str]
) -> ResultFile:
    """Collect a run's numbers.

    Parameters
    ----------
    case : LedgerCase
    estimates : pandas.DataFrame
        From `evaluation.analysis.yearly_estimates`.
    ranks : pandas.DataFrame
        From `evaluation.analysis.claimed_ranks`.
    answer : mapping
        The answer in one sentence, by language.
    """
    rule = case.here.study.rule
    rows = [_estimate(case, row) for row in estimates.to_dict("records")]
    return collect(
        case,
        with_leads(rows, lambda row: row.comparison == rule.pool),
        claims=[entry.check for entry in case.entries],
        answer=answer,
        files=case.files,
        keys=KEYS,
        kind=case.study.kind,
        rule={"level": rule.level, "pool": rule.pool, "fixed_on": rule.fixed_on},
        consistency=[
            {name: getattr(check, name) for name in ("id", "rule", "claims", *_CHECKED, "holds")}
            for check in case.identities
        ],
        ranks=ranks.to_dict("records"),
    )


_CHECKED = ("value", "low", "high", "stated")


def _estimate(case: LedgerCase, row: Mapping[Any, Any]) -> Estimate:
    fit = "" if math.isnan(row["misfit"]) else f"; misfit before the date {row['misfit']:.3g}"
    return pool_estimate(
        case.here,
        row,
        "average gap",
        estimator=_ESTIMATORS[row["method"]],
        inference=f"placebo in space, smallest p {1 / row['n_assignments']:.4f}{fit}",
        n_periods=int(row["n_before"] + row["n_after"]),
        more={"misfit": row["misfit"]},
    )
