"""How fragile: the checks that a study of many places allows, and the smallest effect it could see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from evaluation import diagnostics, distributions
from evaluation.analysis.choice import SYNTHETIC
from evaluation.analysis.staggered.case import StaggeredCase, rate_of_count
from evaluation.analysis.staggered.effects import choose
from evaluation.analysis.staggered.methods import Asked, ask, jackknife
from evaluation.analysis.staggered.paths import Path
from evaluation.design import Design
from evaluation.diagnostics import Diagnostic
from evaluation.errors import EvaluationError
from evaluation.estimators import OverallATT
from evaluation.numerics.jackknife import t_quantile
from evaluation.panel import Panel
from evaluation.result import Result

POWER = 0.8
DRAWS_EACH = 199
"""Assignments looked at for each row of a check by randomisation: the smallest p-value is 0.005."""


@dataclass(frozen=True)
class Jackknifed:
    """An estimator whose standard error is the jackknife's, so that checks use the inference that holds."""

    name: str
    estimator: OverallATT

    def fit(self, panel: Panel, design: Design) -> Result:
        """The mean effect with its jackknife variance."""
        asked = Asked(self.name, self.estimator, panel, design)
        result = asked.fit()
        found = jackknife(asked, result)
        return replace(
            result,
            vcov=np.array([[found.std_error**2]]),
            df=found.df or np.nan,
            influence_function=None,
            shares=None,
        )


def checks(case: StaggeredCase, path: Path) -> dict[str, Diagnostic]:
    """The checks on the leading outcome against the main comparison.

    Parameters
    ----------
    case : StaggeredCase
    path : Path
        Of the leading outcome.

    Returns
    -------
    dict of str to Diagnostic
        ``pretrends, smoothness, relative_magnitudes, leave_one_out, bacon, negative_weights`` and, where the
        study names neighbours, ``spillover``; a check that this design does not allow is left out.
    """
    outcome = case.lead
    asked = ask(case, outcome, case.leading(outcome))
    held = Jackknifed(asked.name, asked.estimator)
    choice = choose(case, outcome)
    if choice.estimator in SYNTHETIC:
        return _of_synthetic(case, asked)
    estimator: Any = held if choice.kind == "jackknife" else asked.estimator
    linear, design = case.panel(outcome)
    alpha, seed = case.study.rule.level, case.study.seed
    how: Any = {"inference": "standard", "alpha": alpha, "seed": seed}
    if choice.kind == "randomization":
        how = {"inference": "randomization", "alpha": alpha, "seed": seed, "draws": DRAWS_EACH}
    wanted = {
        "pretrends": lambda: diagnostics.pretrends(path.source, alpha=alpha),
        "smoothness": lambda: diagnostics.sensitivity(path.source, restriction="smoothness", alpha=alpha),
        "relative_magnitudes": lambda: diagnostics.sensitivity(
            path.source, parameters=(0.25, 0.5, 1.0), alpha=alpha
        ),
        "leave_one_out": lambda: diagnostics.leave_one_out(
            estimator, asked.panel, asked.design, what="cohort", **how
        ),
        "bacon": lambda: diagnostics.bacon(linear, design),
        "negative_weights": lambda: diagnostics.negative_weights(linear, design),
        "spillover": lambda: diagnostics.spillover(
            estimator, asked.panel, asked.design, _reached(case, asked), **how
        ),
    }
    found = {}
    for name, make in wanted.items():
        if name == "spillover" and case.study.neighbours is None:
            continue
        if name == "leave_one_out" and len(design.cohorts(linear).values) == 1:
            continue
        if name in ("smoothness", "relative_magnitudes") and _cannot_reject(path, alpha):
            continue
        try:
            found[name] = make()
        except EvaluationError:
            continue
    both = [found[name] for name in ("smoothness", "relative_magnitudes") if name in found]
    if len(both) == 2 and (both[0].text == both[1].text or both[0].statistic == both[1].statistic == 0):
        del found["smoothness"]
    return found


def _of_synthetic(case: StaggeredCase, asked: Asked) -> dict[str, Diagnostic]:
    """Whether one donor carries the estimate: the only check of trends that weights fitted to them leave."""
    try:
        found = diagnostics.leave_one_out(
            asked.estimator.estimator,
            asked.panel,
            asked.design,
            what="donor",
            inference="standard",
            alpha=case.study.rule.level,
        )
    except EvaluationError:
        return {}
    return {"leave_one_out": found}


def _cannot_reject(path: Path, alpha: float) -> bool:
    """Whether placebos are so few that no interval of this level exists, whatever the bound on drift."""
    return path.test is not None and path.test.smallest_p > alpha


def _reached(case: StaggeredCase, asked: Asked) -> dict[Any, list[Any]]:
    """Neighbours by a treated unit whose start is the date from which they may have been reached."""
    first = case.first(case.lead)
    treated = first[case.treated(case.lead)]
    near = case.near
    reached: dict[Any, list[Any]] = {}
    for unit in case.controls(case.lead, case.main):
        same = treated.index[treated == near[unit]] if not pd.isna(near[unit]) else []
        if len(same) and unit in set(asked.panel.units):
            reached.setdefault(same[0], []).append(unit)
    return reached


def detectable(case: StaggeredCase, estimates: pd.DataFrame) -> pd.DataFrame:
    """The smallest effect of each outcome that the leading estimator would find four times in five.

    ``(t(1 - alpha/2) + t(0.8)) SE``, with the standard error and degrees of freedom that hold.

    Parameters
    ----------
    case : StaggeredCase
    estimates : pandas.DataFrame
        From `estimates`.

    Returns
    -------
    pandas.DataFrame
        ``outcome, size, fall, rise``: ``size`` in the estimate's unit; ``fall`` and ``rise`` the same in
        percent for counts and logarithms, else plus and minus ``size``.
    """
    level = case.study.rule.level
    rows = []
    for row in estimates[estimates["leading"]].to_dict("records"):
        outcome = case.study.outcome(row["outcome"])
        df, error = float(row["df"]), float(row["std_error"])
        reach = np.nan
        if np.isfinite(error):
            reach = (t_quantile(1 - level, df) + float(distributions.t.ppf(POWER, df))) * error
        fall, rise = -reach, reach
        if outcome.in_percent and rate_of_count(outcome, row["estimator"]):
            fall, rise = (100 * size / row["counterfactual"] for size in (-reach, reach))
        elif outcome.in_percent:
            fall, rise = 100 * np.expm1(-reach), 100 * np.expm1(reach)
        rows.append({"outcome": outcome.id, "size": reach, "fall": fall, "rise": rise})
    return pd.DataFrame(rows)
