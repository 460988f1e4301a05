"""All outcomes asked about together, and what each comparison gives for the leading estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.analysis.staggered.effects import choose, estimates, randomised
from evaluation.analysis.staggered.methods import ask, clusters_of, jackknife
from evaluation.errors import EvaluationError
from evaluation.inference import romano_wolf
from evaluation.study.staggered import Outcome

FloatArray = NDArray[np.float64]
RESAMPLES = 9_999


def family(case: StaggeredCase) -> pd.DataFrame:
    """p-values of the rule's outcomes by their leading estimators, alone and adjusted for the family.

    Romano and Wolf (2005, 2016). Statistics under no effect: each cluster's part of the error (from the
    jackknife or the influence function) with a normal multiplier that is the same in all outcomes, over a
    chi-squared that makes them t; with randomisation, the placebo estimates of the same assignments.

    Parameters
    ----------
    case : StaggeredCase

    Returns
    -------
    pandas.DataFrame
        ``outcome, estimate, p_value, p_adjusted, reason``, in the rule's order; estimates as in `estimates`.
    """
    chosen = [case.study.outcome(name) for name in case.study.rule.outcomes]
    choices = [choose(case, outcome).kind for outcome in chosen]
    found: dict[str, tuple[float, FloatArray]] = {}
    reasons: dict[str, str] = {}
    permuted = set(choices) <= {"randomization", "placebo"}
    if permuted:
        statistics = _placebos(case, chosen, reasons)
    else:
        statistics = _multiplied(case, chosen, reasons)
    found = {name: pair for name, pair in statistics.items() if np.isfinite(pair[1]).all()}
    rows = []
    adjusted = dict.fromkeys(found, np.nan)
    alone = dict.fromkeys(found, np.nan)
    if found:
        names = list(found)
        done = romano_wolf(
            np.array([found[n][0] for n in names]),
            np.column_stack([found[n][1] for n in names]),
            names=names,
            studentize=permuted,
        )
        adjusted = dict(zip(names, done.adjusted.tolist(), strict=True))
        alone = dict(zip(names, done.p_values.tolist(), strict=True))
    main = estimates(case, outcomes=tuple(chosen), only_leading=True).set_index("outcome")
    for outcome in chosen:
        row: Any = main.loc[outcome.id]
        own = float(row["p_value"])
        p = own if np.isfinite(own) else alone.get(outcome.id, np.nan)
        rows.append(
            {
                "outcome": outcome.id,
                "estimate": row["estimate"],
                "p_value": p,
                # simulation noise must not make the family's p-value smaller than the outcome's own
                "p_adjusted": float(np.fmax(adjusted.get(outcome.id, np.nan), p)),
                "reason": reasons.get(outcome.id, str(row["reason"])),
            }
        )
    out = pd.DataFrame(rows)
    return out.assign(p_adjusted=out["p_adjusted"].where(out["outcome"].isin(list(found))))


def _multiplied(
    case: StaggeredCase, outcomes: list[Outcome], reasons: dict[str, str]
) -> dict[str, tuple[float, FloatArray]]:
    """t statistics with draws of them under no effect; one multiplier a cluster for all outcomes."""
    parts: dict[str, tuple[float, pd.Series, float]] = {}
    for outcome in outcomes:
        try:
            parts[outcome.id] = _parts(case, outcome)
        except EvaluationError as problem:
            reasons[outcome.id] = problem.what
    if not parts:
        return {}
    everyone = pd.Index(sorted({label for _, part, _ in parts.values() for label in part.index}, key=str))
    rng = np.random.default_rng(case.study.seed)
    signs = rng.standard_normal((RESAMPLES, len(everyone)))
    df = min(df for _, _, df in parts.values())
    scale = np.sqrt(rng.chisquare(df, RESAMPLES) / df) if np.isfinite(df) and df > 0 else 1.0
    out = {}
    for name, (estimate, part, _) in parts.items():
        aligned = part.reindex(everyone).fillna(0.0).to_numpy(dtype=float)
        error = float(np.sqrt((aligned**2).sum()))
        if not (error > 0 and np.isfinite(error)):
            reasons[name] = "no standard error exists"
            continue
        out[name] = (estimate / error, (signs @ (aligned / error)) / scale)
    return out


def _parts(case: StaggeredCase, outcome: Outcome) -> tuple[float, pd.Series, float]:
    """Estimate, each cluster's part of its error, and degrees of freedom."""
    asked = ask(case, outcome, case.leading(outcome))
    result = asked.fit()
    choice = choose(case, outcome)
    influence = result.influence if choice.kind in ("clustered", "rows") else None
    if influence is None:
        found = jackknife(asked, result)
        if not np.isfinite(found.std_error):
            raise EvaluationError("without one of the clusters there is no effect")
        return result.estimate, pd.Series(found.deviations, index=list(found.clusters)), float(found.df)
    labels, codes = clusters_of(asked.panel, asked.design)
    sums = np.bincount(codes, influence[:, 0], minlength=len(labels)) / len(influence)
    return result.estimate, pd.Series(sums, index=list(labels)), float(result.df)


def _placebos(
    case: StaggeredCase, outcomes: list[Outcome], reasons: dict[str, str]
) -> dict[str, tuple[float, FloatArray]]:
    out = {}
    for outcome in outcomes:
        asked = ask(case, outcome, case.leading(outcome))
        try:
            test = randomised(asked, case.study.seed)
        except EvaluationError as error:
            reasons[outcome.id] = error.what
            continue
        if np.isfinite(test.estimate):
            out[outcome.id] = (test.estimate, test.placebo[:, 0])
    lengths = {len(draws) for _, draws in out.values()}
    if len(lengths) > 1:
        reasons |= dict.fromkeys(out, "outcomes have different sets of places, so placebos do not match")
        return {}
    return out


def comparisons(case: StaggeredCase, outcomes: tuple[Outcome, ...] | None = None) -> pd.DataFrame:
    """The leading estimator against every comparison, and by every alternative set of dates.

    Returns
    -------
    pandas.DataFrame
        As `estimates`, with ``dates`` (an alternative's id, empty for the study's own).
    """
    frames = [
        estimates(case, item, outcomes=outcomes, only_leading=True).assign(dates="")
        for item in case.study.comparisons
    ]
    frames += [
        estimates(case, outcomes=outcomes, only_leading=True, dates=item.id).assign(dates=item.id)
        for item in case.study.alternatives
    ]
    return pd.concat(frames, ignore_index=True)
