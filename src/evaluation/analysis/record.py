"""The result file of a study of one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from evaluation.analysis.change import Headline
from evaluation.analysis.estimate import Estimate, permuted, with_leads
from evaluation.analysis.results import ResultFile, collect
from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.claims import ClaimCheck
from evaluation.diagnostics import Diagnostic

LEVEL = 0.95
KEYS = {"comparison": "pool"}
SYNTHETIC = {"control": "synthetic control", "did": "synthetic difference-in-differences"}


def result_file(
    case: StaggeredCase,
    headlines: Iterable[Headline],
    estimates: pd.DataFrame,
    claims: Iterable[ClaimCheck],
    synthetic: pd.DataFrame | None = None,
    diagnostics: Iterable[Diagnostic] = (),
    answer: Mapping[str, str] | None = None,
) -> ResultFile:
    """Collect a run's numbers.

    Parameters
    ----------
    case : StaggeredCase
    headlines : iterable of Headline
        Yearly comparisons; each gives one estimate a donor pool.
    estimates : pandas.DataFrame
        From `evaluation.analysis.specifications`.
    claims : iterable of ClaimCheck
    synthetic : pandas.DataFrame, optional
        From `evaluation.analysis.synthetic_estimates`.
    diagnostics : iterable of Diagnostic
    answer : mapping, optional
        The answer in one sentence, by language.
    """
    study, heads = case.study, list(headlines)
    rows = [_headline(head, pool.id) for head in heads for pool in study.comparisons]
    rows += [_specification(case, row) for row in estimates.to_dict("records")]
    if synthetic is not None:
        rows += [_synthetic(case, row) for row in synthetic.to_dict("records")]
    return collect(
        case,
        with_leads(rows, lambda row: row.comparison == study.rule.pool),
        claims=claims,
        diagnostics=diagnostics,
        answer=answer,
        keys=KEYS,
        rule={"level": study.rule.level, "pool": study.rule.pool, "fixed_on": study.rule.fixed_on},
        years=[_years(case, head) for head in heads],
    )


def pool_estimate(case: StaggeredCase, row: Mapping[Any, Any], estimand: str, **stated: Any) -> Estimate:
    """An estimate from a row of a table by outcome, scale, date and donor pool.

    Parameters
    ----------
    case : StaggeredCase
    row : mapping
    estimand : str
        What is averaged, before the date and the pool are said.
    **stated
        Further attributes of `Estimate`.
    """
    log = row["scale"] == "log"
    named = {
        "unit": "log points" if log else case.study.outcome(row["outcome"]).unit.en,
        "estimand": f"{estimand} from {row['date']} on, against the pool {row['pool']}",
        "comparison": row["pool"],
        "n_treated": 1,
    }
    return Estimate.of(row, **named | stated)


def _years(case: StaggeredCase, head: Headline) -> dict[str, Any]:
    return {
        "outcome": head.years.outcome.id,
        "unit": head.years.outcome.unit.en,
        "treated": case.treated_unit,
        "values": head.years.values.loc[case.treated_unit].to_dict(),
        "change": head.change,
        "others_change": head.others_change,
        "difference": {pool: head.difference(pool) for pool in head.tests},
    }


def _headline(head: Headline, pool: str) -> Estimate:
    test = head.tests[pool]
    found = permuted(test, LEVEL)
    return Estimate.of(
        found,
        outcome=head.years.outcome.id,
        unit=head.years.outcome.unit.en,
        estimator="two-by-two",
        estimand=f"change {head.before} to {head.after} beyond the mean change of the pool {pool}",
        scale="level",
        comparison=pool,
        inference=_inference(test.n_assignments, found["reason"]),
        n_units=test.n_assignments,
        n_periods=2,
        n_treated=1,
    )


def _specification(case: StaggeredCase, row: Mapping[Any, Any]) -> Estimate:
    yearly = row["season"] == "year_on_year"
    return pool_estimate(
        case,
        row,
        "average effect",
        period="" if row["scale"] == "log" else case.study.data.frequency,
        estimator="two-by-two, same months a year before" if yearly else "two-way fixed effects",
        inference=_inference(row["n_assignments"], row["reason"]),
    )


def _synthetic(case: StaggeredCase, row: Mapping[Any, Any]) -> Estimate:
    return pool_estimate(
        case,
        row,
        "average effect",
        period=case.study.data.frequency,
        estimator=SYNTHETIC[row["method"]],
        inference=f"{_inference(row['n_assignments'], '')}; misfit before treatment {row['misfit']:.3g}",
        more={"misfit": row["misfit"]},
    )


def _inference(n: int, reason: str) -> str:
    if not n:
        return f"none: {reason}"
    text = f"randomisation over all {n} units, exact; smallest p {1 / n:.3f}"
    return f"{text}; no interval: {reason}" if reason else text
