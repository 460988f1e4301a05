"""The result file of a study of many places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from evaluation.analysis.record import ResultFile, _clean, opening
from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.analysis.staggered.findings import Findings
from evaluation.analysis.staggered.withheld import all_shares
from evaluation.diagnostics import Diagnostic

NAMES = {
    "poisson": "Poisson two-way fixed effects",
    "extended_poisson": "extended two-way Poisson, by imputation",
    "two_way": "two-way fixed effects",
    "imputation": "imputation",
    "extended": "extended two-way fixed effects",
    "group_time": "group-time effects",
    "interaction_weighted": "interaction-weighted effects",
    "stacked": "stacked difference in differences",
}


def result_file(
    case: StaggeredCase,
    found: Findings,
    diagnostics: Iterable[Diagnostic] = (),
    answer: Mapping[str, str] | None = None,
) -> ResultFile:
    """Collect a run's numbers.

    Parameters
    ----------
    case : StaggeredCase
    found : Findings
    diagnostics : iterable of Diagnostic
    answer : mapping, optional
        The answer in one sentence, by language.
    """
    study = case.study
    adjusted = found.together.set_index("outcome")["p_adjusted"]
    rows = [_row(case, row, adjusted) for row in found.estimates.to_dict("records")]
    against = found.against
    others = against[(against["comparison"] != case.main.id) | (against["dates"] != "")]
    rows += [_row(case, row, None) for row in others.to_dict("records")]
    content = {
        **opening(case, answer),
        "simulated": case.simulated,
        "rule": {
            "level": study.rule.level,
            "outcomes": list(study.rule.outcomes),
            "comparisons": list(study.rule.comparisons),
            "fixed_on": study.rule.fixed_on,
        },
        "estimates": rows,
        "verdicts": {name: check.as_record()["attributable"] for name, check in found.verdicts.items()},
        "claims": [claim.as_record() for claim in found.claims],
        "published": [_plain(row) for row in found.published.to_dict("records")],
        "truth": [_plain(row) for row in found.truth.to_dict("records")],
        "diagnostics": [check.as_record() for check in diagnostics],
    }
    withheld = all_shares(case)
    if withheld:
        content["disclosure"] = {name: found.as_record() for name, found in withheld.items()}
    return ResultFile(content)


def _row(case: StaggeredCase, row: Mapping[Any, Any], adjusted: pd.Series | None) -> dict[str, Any]:
    outcome = case.study.outcome(row["outcome"])
    log = outcome.model == "log" or row["estimator"] in ("poisson", "extended_poisson")
    unit = "log points" if log else outcome.unit.en
    if outcome.model == "count" and not log and case.study.data.per_label is not None:
        unit = case.study.data.per_label.en
    inference = row["inference"] or "none"
    dates = row.get("dates", "")
    if row["reason"]:
        inference = f"{inference}: {row['reason']}"
    made = {
        "outcome": outcome.id,
        "unit": unit,
        "estimator": NAMES[row["estimator"]],
        "estimand": f"mean effect on treated unit-periods{_near(case)}, against {row['comparison']}",
        "model": outcome.model,
        "comparison": row["comparison"],
        "dates": dates or "study",
        **{name: _number(row[name]) for name in ("estimate", "std_error", "ci_low", "ci_high", "p_value")},
        **{name: _number(row[name]) for name in ("percent", "percent_low", "percent_high")},
        "inference": inference,
        **{name: int(row[name]) for name in ("n_units", "n_periods", "n_treated", "n_clusters")},
        "simulated": case.simulated,
    }
    if adjusted is not None and row["leading"] and outcome.id in adjusted.index:
        made["p_adjusted"] = _number(adjusted[outcome.id])
    return made


def _near(case: StaggeredCase) -> str:
    window = case.study.design.window
    return "" if window is None else f" within {window} months of the start"


def _number(value: Any) -> Any:
    return None if value is None or pd.isna(value) else _clean(value)


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, bool | str):
            out[str(key)] = value
        else:
            out[str(key)] = _number(value)
    return out
