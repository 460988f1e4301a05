"""The ledger's result file: every claim with both verdicts, and the numbers of the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from evaluation.analysis.record import ResultFile, finite
from evaluation.analysis.weighing import LedgerCase

_ESTIMATORS = {
    "two_way": "difference in differences",
    "control": "synthetic control",
    "did": "synthetic difference-in-differences",
}


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
    study, rule = case.study, case.here.study.rule
    return ResultFile(
        {
            "study": study.id,
            "kind": study.kind,
            "title": study.title.model_dump(),
            "question": study.question.model_dump(),
            "answer": dict(answer),
            "seed": study.seed,
            "overrides": dict(case.overrides),
            "data": [
                *(
                    {"name": name, "sha256": sha256, "simulated": False}
                    for name, sha256 in case.files.items()
                ),
                *(
                    {"name": table.name, "sha256": table.sha256, "simulated": bool(table.simulated)}
                    for table in case.sources
                ),
            ],
            "rule": {"level": rule.level, "pool": rule.pool, "fixed_on": rule.fixed_on},
            "estimates": [_estimate(case, row) for row in estimates.to_dict("records")],
            "claims": [entry.check.as_record() for entry in case.entries],
            "diagnostics": [],
            "consistency": [
                {
                    "id": check.id,
                    "rule": check.rule,
                    "claims": list(check.claims),
                    **{key: finite(getattr(check, key)) for key in ("value", "low", "high", "stated")},
                    "holds": check.holds,
                }
                for check in case.identities
            ],
            "ranks": [
                {key: finite(value) if isinstance(value, float) else value for key, value in row.items()}
                for row in ranks.to_dict("records")
            ],
        }
    )


def _estimate(case: LedgerCase, row: Mapping[Any, Any]) -> dict[str, Any]:
    outcome = case.here.study.outcome(row["outcome"])
    fit = "" if math.isnan(row["misfit"]) else f"; misfit before the date {row['misfit']:.3g}"
    return {
        "outcome": outcome.id,
        "unit": "log points" if row["scale"] == "log" else outcome.unit.en,
        "estimator": _ESTIMATORS[row["method"]],
        "estimand": f"average gap from {row['date']} on, against the pool {row['pool']}",
        "scale": row["scale"],
        "pool": row["pool"],
        "date": row["date"],
        "estimate": finite(row["estimate"]),
        "std_error": None,
        "ci_low": finite(row["ci_low"]),
        "ci_high": finite(row["ci_high"]),
        "p_value": finite(row["p_value"]),
        "inference": f"placebo in space, smallest p {row['smallest_p']:.4f}{fit}",
        "n_units": int(row["n_units"]),
        "n_periods": int(row["n_before"] + row["n_after"]),
        "n_treated": 1,
    }
