"""The result file of a study of many places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from evaluation.analysis.estimate import Estimate, with_leads
from evaluation.analysis.results import ResultFile, collect
from evaluation.analysis.staggered.case import StaggeredCase, is_poisson
from evaluation.analysis.staggered.disclosure import disclosure_masks
from evaluation.analysis.staggered.findings import Findings
from evaluation.diagnostics import Diagnostic

NAMES = {
    "poisson": "Poisson two-way fixed effects",
    "extended_poisson": "extended two-way Poisson, by imputation",
    "two_way": "two-way fixed effects",
    "imputation": "imputation",
    "extended": "extended two-way fixed effects",
    "group_time": "group-time effects",
    "interaction_weighted": "interaction-weighted effects",
    "synthetic_control": "synthetic control",
    "synthetic_did": "synthetic difference in differences",
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
    rows = [_estimate(case, row, adjusted) for row in found.estimates.to_dict("records")]
    against = found.against
    others = against[(against["comparison"] != case.main.id) | (against["dates"] != "")]
    rows += [_estimate(case, row, None) for row in others.to_dict("records")]
    sections: dict[str, Any] = {}
    withheld = disclosure_masks(case)
    if withheld:
        sections["disclosure"] = {name: mask.as_record() for name, mask in withheld.items()}
    return collect(
        case,
        with_leads(rows),
        claims=found.claims,
        diagnostics=diagnostics,
        answer=answer,
        keys={"scale": "model", "date": "dates"},
        simulated=case.simulated,
        rule={
            "level": study.rule.level,
            "outcomes": study.rule.outcomes,
            "comparisons": study.rule.comparisons,
            "fixed_on": study.rule.fixed_on,
        },
        verdicts={name: check.as_record()["attributable"] for name, check in found.verdicts.items()},
        choices={outcome.id: case.chosen(outcome).as_record() for outcome in study.outcomes},
        published=found.published.to_dict("records"),
        truth=found.truth.to_dict("records"),
        **sections,
    )


def _estimate(case: StaggeredCase, row: Mapping[Any, Any], adjusted: pd.Series | None) -> Estimate:
    outcome = case.study.outcome(row["outcome"])
    log = outcome.model == "log" or is_poisson(row["estimator"])
    unit = "log points" if log else outcome.effect_unit.en
    if outcome.model == "count" and not log and case.study.data.per_label is not None:
        unit = case.study.data.per_label.en
    window = case.study.design.window
    near = "" if window is None else f" within {window} months of the start"
    more: dict[str, Any] = {"simulated": case.simulated}
    if adjusted is not None and row["leading"] and outcome.id in adjusted.index:
        more["p_adjusted"] = adjusted[outcome.id]
    return Estimate.of(
        row,
        unit=unit,
        estimator=NAMES[row["estimator"]],
        estimand=f"mean effect on treated unit-periods{near}, against {row['comparison']}",
        scale=outcome.model,
        date=row.get("dates") or "study",
        inference=": ".join(filter(None, (row["inference"] or "none", row["reason"]))),
        more=more,
    )
