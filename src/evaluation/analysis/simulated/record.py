"""The claims, which nothing here can test, and the result file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from evaluation.analysis.record import ResultFile, finite
from evaluation.analysis.simulated.case import SimulatedCase
from evaluation.analysis.simulated.detectable import Detectable
from evaluation.claims import ClaimCheck, compare

INFERENCE: Mapping[str, tuple[str, str]] = {
    "subcluster": ("two-way fixed effects of logarithms", "subcluster wild bootstrap"),
    "in_time": ("two-way fixed effects of logarithms", "randomisation in time, all shifts"),
    "poisson_rows": (
        "Poisson fixed effects",
        "rows taken as independent: can be too short, as the treated district is a third of all incidents",
    ),
    "synthetic_did": ("synthetic difference-in-differences of logarithms", "placebos in space"),
    "in_space": ("two-way fixed effects of logarithms", "randomisation in space"),
    "clustered": ("two-way fixed effects of logarithms", "clustered: wrong with one treated district"),
    "plain_change": ("later year over the earlier, no comparison", "exact for two Poisson counts"),
}


def check_claims(case: SimulatedCase) -> tuple[ClaimCheck, ...]:
    """Every claim: no data, not testable, with what it would take."""
    return tuple(
        compare(
            claim.id,
            claim.value,
            claim.unit.en,
            None,
            (),
            level=0.05,
            direction=-1,
            simulated=True,
            reason=claim.needs.en,
        )
        for claim in case.study.claims
    )


def result_file(
    case: SimulatedCase,
    estimates: pd.DataFrame,
    ranges: pd.DataFrame,
    power: Detectable,
    answer: Mapping[str, str],
) -> ResultFile:
    """Collect a run's numbers.

    Parameters
    ----------
    case : SimulatedCase
    estimates : pandas.DataFrame
        From `estimates`.
    ranges : pandas.DataFrame
        From `claim_ranges`.
    power : Detectable
    answer : mapping
        The answer in one sentence, by language.
    """
    study = case.study
    content = {
        "study": study.id,
        "title": study.title.model_dump(),
        "question": study.question.model_dump(),
        "answer": dict(answer),
        "seed": study.seed,
        "overrides": dict(case.overrides),
        "simulated": True,
        "data": [
            {"name": source.name, "sha256": source.sha256, "simulated": bool(source.simulated)}
            for source in case.sources
        ],
        "estimates": [_row(case, row) for row in estimates.to_dict("records")],
        "claims": [check.as_record() for check in check_claims(case)],
        "percentages": [_clean_all(row) for row in ranges.to_dict("records")],
        "detectable": [_clean_all(row) for row in power.smallest.to_dict("records")],
        "diagnostics": [],
    }
    return ResultFile(content)


def _row(case: SimulatedCase, row: Mapping[Any, Any]) -> dict[str, Any]:
    estimator, inference = INFERENCE[row["method"]]
    return {
        "outcome": row["outcome"],
        "unit": "percent",
        "estimator": estimator,
        "estimand": f"change of {row['outcome']} in the treated district, comparison {row['comparison']}",
        "simulated": True,
        "estimate": finite(row["percent"]),
        "std_error": None,
        "ci_low": finite(row["percent_low"]),
        "ci_high": finite(row["percent_high"]),
        "p_value": finite(row["p_value"]),
        "truth": finite(row["truth"]),
        "inference": inference + (f"; {row['reason']}" if row["reason"] else ""),
        "n_units": int(row["n_units"]),
        "n_periods": int(row["n_periods"]),
        "n_treated": 1,
    }


def _clean_all(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): value if isinstance(value, str) else finite(value) for key, value in row.items()}
