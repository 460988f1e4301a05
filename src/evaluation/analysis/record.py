"""The result file: what a machine reads from a run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evaluation.analysis.case import Case
from evaluation.analysis.change import Headline
from evaluation.claims import ClaimCheck
from evaluation.diagnostics import Diagnostic

RESULT_MIME = "application/vnd.evaluation.result+json"


@dataclass(frozen=True, eq=False)
class ResultFile:
    """Content of ``reports/results/<study>.json`` but for time and commit.

    Displayed in a notebook it shows its size; the runner picks the content up and writes it.
    """

    content: dict[str, Any]

    def to_json(self) -> str:
        """The content as JSON text, sorted as written, no NaN."""
        return json.dumps(self.content, ensure_ascii=False, indent=1, allow_nan=False)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        shown = (
            f"result file: {len(self.content['estimates'])} estimates, {len(self.content['claims'])} claims"
        )
        return {RESULT_MIME: json.loads(self.to_json()), "text/plain": shown}


def opening(case: Any, answer: Mapping[str, str] | None) -> dict[str, Any]:
    """What the result file of every kind of study begins with: question, answer, seed, data.

    Parameters
    ----------
    case : object with ``study, overrides, sources``
    answer : mapping, optional
        The answer in one sentence, by language.
    """
    study = case.study
    return {
        "study": study.id,
        "title": study.title.model_dump(),
        "question": study.question.model_dump(),
        **({"answer": dict(answer)} if answer else {}),
        "seed": study.seed,
        "overrides": dict(case.overrides),
        "data": [
            {"name": source.name, "sha256": source.sha256, "simulated": bool(source.simulated)}
            for source in case.sources
        ],
    }


def finite(value: Any) -> float | None:
    """A number, or None where there is none: JSON knows no NaN."""
    number = float(value)
    return number if math.isfinite(number) else None


def result_file(
    case: Case,
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
    case : Case
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
    study = case.study
    rows = [_headline_row(case, head, pool.id) for head in headlines for pool in study.pools]
    rows += [_specification_row(case, row) for row in estimates.to_dict("records")]
    if synthetic is not None:
        rows += [_synthetic_row(case, row) for row in synthetic.to_dict("records")]
    content = {
        **opening(case, answer),
        "rule": {"level": study.rule.level, "pool": study.rule.pool, "fixed_on": study.rule.fixed_on},
        "years": [_years(case, head) for head in headlines],
        "estimates": rows,
        "claims": [claim.as_record() for claim in claims],
        "diagnostics": [check.as_record() for check in diagnostics],
    }
    return ResultFile(content)


def _years(case: Case, head: Headline) -> dict[str, Any]:
    treated = head.years.values.loc[case.treated]
    return {
        "outcome": head.years.outcome.id,
        "unit": head.years.outcome.unit.en,
        "treated": case.treated,
        "values": {str(year): _clean(treated[year]) for year in treated.index},
        "change": _clean(head.change),
        "others_change": {pool: _clean(value) for pool, value in head.others_change.items()},
        "difference": {pool: _clean(head.difference(pool)) for pool in head.tests},
    }


def _headline_row(case: Case, head: Headline, pool: str) -> dict[str, Any]:
    test = head.tests[pool]
    low, high, reason = test.interval()
    return {
        "outcome": head.years.outcome.id,
        "unit": head.years.outcome.unit.en,
        "estimator": "two-by-two",
        "estimand": f"change {head.before} to {head.after} beyond the mean change of the pool {pool}",
        "scale": "level",
        "pool": pool,
        "estimate": _clean(test.estimate),
        "std_error": None,
        "ci_low": _clean(low),
        "ci_high": _clean(high),
        "p_value": _clean(test.p_value),
        "inference": _inference(test.smallest_p, reason),
        "n_units": test.n_assignments,
        "n_periods": 2,
        "n_treated": 1,
    }


def _specification_row(case: Case, row: Mapping[Any, Any]) -> dict[str, Any]:
    outcome = case.study.outcome(row["outcome"])
    yearly = row["season"] == "year_on_year"
    return {
        "outcome": outcome.id,
        "unit": "log points" if row["scale"] == "log" else f"{outcome.unit.en} a period",
        "estimator": "two-by-two, same months a year before" if yearly else "two-way fixed effects",
        "estimand": f"average effect from {row['date']} on, against the pool {row['pool']}",
        "scale": row["scale"],
        "pool": row["pool"],
        "date": row["date"],
        "estimate": _clean(row["estimate"]),
        "std_error": None,
        "ci_low": _clean(row["ci_low"]),
        "ci_high": _clean(row["ci_high"]),
        "p_value": _clean(row["p_value"]),
        "inference": _inference(row["smallest_p"], row["reason"]),
        "n_units": int(row["n_units"]),
        "n_periods": int(row["n_periods"]),
        "n_treated": 1,
    }


def _synthetic_row(case: Case, row: Mapping[Any, Any]) -> dict[str, Any]:
    outcome = case.study.outcome(row["outcome"])
    names = {"control": "synthetic control", "did": "synthetic difference-in-differences"}
    return {
        "outcome": outcome.id,
        "unit": f"{outcome.unit.en} a period",
        "estimator": names[row["method"]],
        "estimand": f"average effect from {row['date']} on, against the pool {row['pool']}",
        "scale": row["scale"],
        "pool": row["pool"],
        "date": row["date"],
        "estimate": _clean(row["estimate"]),
        "std_error": None,
        "ci_low": None,
        "ci_high": None,
        "p_value": _clean(row["p_value"]),
        "inference": f"{_inference(row['smallest_p'], '')}; misfit before treatment {row['misfit']:.3g}",
        "n_units": int(row["n_units"]),
        "n_periods": int(row["n_periods"]),
        "n_treated": 1,
    }


def _inference(smallest_p: float, reason: str) -> str:
    if math.isnan(smallest_p):
        return f"none: {reason}"
    text = f"randomisation over all {round(1 / smallest_p)} units, exact; smallest p {smallest_p:.3f}"
    return f"{text}; no interval: {reason}" if reason else text


def _clean(value: Any) -> float | int | None:
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
