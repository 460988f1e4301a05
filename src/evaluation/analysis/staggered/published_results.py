"""Ours beside what others published, beside a known truth, and the verdicts by the study's rule."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.staggered.case import StaggeredCase, rate_of_count
from evaluation.analysis.staggered.descriptives import total_change
from evaluation.analysis.staggered.disclosure import may_compare
from evaluation.analysis.staggered.effects import choose, infer
from evaluation.analysis.staggered.family import comparisons, family
from evaluation.analysis.staggered.methods import ask
from evaluation.analysis.staggered.relative import PERCENT, relative, said_ends
from evaluation.claims import ClaimCheck, Test, compare
from evaluation.errors import EvaluationError
from evaluation.study.staggered import Outcome
from evaluation.study.staggered_beside import Published

SIZE = (0.5, 2.0)
"""A published effect agrees in size when ours is between half and twice as large, of the same sign."""


def published(case: StaggeredCase) -> pd.DataFrame:
    """Each published number beside ours, computed by the estimator that the study file names.

    Returns
    -------
    pandas.DataFrame
        ``id, outcome, comparison, estimator, value, ours, ci_low, ci_high, scale, agreement, agrees,
        reason``. ``agrees`` is missing where ours cannot be computed.
    """
    rows = []
    for item in case.study.published:
        row: dict[str, Any] = {
            "id": item.id,
            "outcome": item.outcome,
            "comparison": item.comparison or case.main.id,
            "estimator": item.estimator or case.leading(case.study.outcome(item.outcome)),
            "value": item.value,
            **dict.fromkeys(("ours", "ci_low", "ci_high"), nan),
            "scale": item.scale,
            "agreement": item.agreement,
            "agrees": None,
            "reason": "",
        }
        try:
            row |= _ours(case, item)
        except EvaluationError as error:
            row["reason"] = error.what
        rows.append(row)
    columns = [
        "id",
        "outcome",
        "comparison",
        "estimator",
        "value",
        "ours",
        "ci_low",
        "ci_high",
        "scale",
        "agreement",
    ]
    return pd.DataFrame(rows, columns=[*columns, "agrees", "reason"])


def _ours(case: StaggeredCase, item: Published) -> dict[str, Any]:
    outcome = case.study.outcome(item.outcome)
    name = item.estimator or case.leading(outcome)
    against = case.study.comparison(item.comparison) if item.comparison else case.main
    asked = ask(case, outcome, name, against, covariates=item.covariates or None, weights=item.weights)
    result = asked.fit()
    kind = choose(case, outcome, against).kind_of(name)
    held = infer(asked, result, kind, None, 0.95, case.study.seed, leading=True)
    ends = np.array([result.estimate, held["ci_low"], held["ci_high"]])
    if rate_of_count(outcome, name):
        # a rate has no log points of its own: they are those of its percentage
        shown, _ = relative(asked, outcome, result, kind, None, (held["ci_low"], held["ci_high"]), 0.95)
        ends = np.array([shown[name] for name in PERCENT])
        ends = ends if item.scale == "percent" else np.log1p(ends / 100)
    elif item.scale == "percent":
        ends = 100 * np.expm1(ends)
    ours, low, high = ends.tolist()
    return {"ours": ours, "ci_low": low, "ci_high": high, "agrees": agrees(item, ours, low, high)}


def agrees(item: Published, ours: float, low: float, high: float) -> bool:
    """Whether ours agrees with a published number in the way that the study file asks for."""
    if item.agreement == "exact":
        assert item.tolerance is not None
        return abs(ours - item.value) <= item.tolerance
    if item.agreement == "none":
        return low <= 0 <= high
    ratio = ours / item.value if item.value else nan
    return bool(SIZE[0] <= ratio <= SIZE[1])


def truth(case: StaggeredCase, estimates: pd.DataFrame) -> pd.DataFrame:
    """What each estimator finds beside the known effect of simulated data.

    Parameters
    ----------
    case : StaggeredCase
    estimates : pandas.DataFrame
        From `estimates`.

    Returns
    -------
    pandas.DataFrame
        ``outcome, estimator, truth, found, ci_low, ci_high, covered``: percent for counts and logarithms,
        else the outcome's unit. ``covered`` is missing without an interval. Empty for real data.
    """
    rows = []
    for row in estimates.to_dict("records"):
        if row["outcome"] not in case.study.truth or not np.isfinite(row["estimate"]):
            continue
        outcome = case.study.outcome(row["outcome"])
        found, low, high = said_ends(outcome, row)
        known = case.study.truth[outcome.id]
        rows.append(
            {
                "outcome": outcome.id,
                "estimator": row["estimator"],
                "truth": known,
                "found": found,
                "ci_low": low,
                "ci_high": high,
                "covered": low <= known <= high if np.isfinite(low) and np.isfinite(high) else None,
            }
        )
    columns = ["outcome", "estimator", "truth", "found", "ci_low", "ci_high", "covered"]
    return pd.DataFrame(rows, columns=columns)


def tests(case: StaggeredCase, outcome: Outcome, against: pd.DataFrame, together: pd.DataFrame) -> list[Test]:
    """The tests that the rule asks for: the main comparison adjusted for the family, the others alone.

    Parameters
    ----------
    case : StaggeredCase
    outcome : Outcome
    against : pandas.DataFrame
        From `comparisons`.
    together : pandas.DataFrame
        From `family`.
    """
    found = []
    for name in case.study.rule.comparisons:
        rows = against[
            (against["outcome"] == outcome.id) & (against["comparison"] == name) & (against["dates"] == "")
        ]
        row = rows.iloc[0]
        p = float(row["p_value"])
        member = together[together["outcome"] == outcome.id]
        if name == case.main.id and len(member):
            p = float(member["p_adjusted"].iloc[0])
        found.append(Test(*said_ends(outcome, row), p, name, outcome.id, outcome.model))
    return found


def verdicts(case: StaggeredCase, against: pd.DataFrame, together: pd.DataFrame) -> dict[str, ClaimCheck]:
    """The rule's word on every outcome, by the outcome's id: more than the comparison, or not.

    Parameters
    ----------
    case : StaggeredCase
    against : pandas.DataFrame
        From `comparisons`.
    together : pandas.DataFrame
        From `family`.
    """
    out = {}
    # where the outcome made the record of treatment, no comparison can decide
    circular = case.study.treatment.from_outcome
    for outcome in case.study.outcomes:
        out[outcome.id] = compare(
            f"{case.study.id}-{outcome.id}",
            nan,
            "%" if outcome.in_percent else outcome.effect_unit.en,
            None,
            [] if circular else tests(case, outcome, against, together),
            level=case.study.rule.level,
            direction=1 if outcome.better == "higher" else -1,
            simulated=case.simulated,
            reason=circular.en if circular else "",
        )
    return out


def check_claims(
    case: StaggeredCase, against: pd.DataFrame | None = None, together: pd.DataFrame | None = None
) -> tuple[ClaimCheck, ...]:
    """Every claim of the study with both verdicts; simulated data decide none.

    Parameters
    ----------
    case : StaggeredCase
    against, together : pandas.DataFrame, optional
        From `comparisons` and `family`; estimated here when absent, where a claim needs them.
    """
    if case.study.headline.years is not None:
        from evaluation.analysis.ledger import check_years  # which rests on this package

        return check_years(case)
    if any(claim.kind != "none" for claim in case.study.claims):
        against = comparisons(case) if against is None else against
        together = family(case) if together is None else together
    done = []
    # where the outcome made the record of treatment, no comparison can decide
    circular = case.study.treatment.from_outcome
    for claim in case.study.claims:
        found: float | None = None
        asked: list[Test] = []
        direction, reason = -1, ""
        if claim.kind == "none":
            assert claim.needs is not None
            reason = claim.needs.en
        else:
            assert claim.outcome is not None
            assert claim.before is not None
            assert claim.after is not None
            assert against is not None
            assert together is not None
            outcome = case.study.outcome(claim.outcome)
            direction = 1 if outcome.better == "higher" else -1
            found = total_change(case, outcome, claim.before, claim.after)
            reason = circular.en if circular else ""
            if not may_compare(case, claim, outcome):
                found, reason = None, "withheld: one of the two counts is below the minimum that may be shown"
            asked = [] if circular else tests(case, outcome, against, together)
        done.append(
            compare(
                claim.id,
                claim.value,
                claim.unit.en,
                found,
                asked,
                level=case.study.rule.level,
                direction=1 if direction > 0 else -1,
                rounding=claim.rounding,
                simulated=case.simulated,
                reason=reason,
            )
        )
    return tuple(done)
