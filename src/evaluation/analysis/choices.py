"""Every choice that could be made otherwise, all at once: the curve of all choices, and the rule by pool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pandas as pd

from evaluation import diagnostics
from evaluation.analysis.effects import SEASONS, per_year, season_panel
from evaluation.analysis.ledger import check_claim
from evaluation.analysis.rule import leading_claim
from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.design import Design
from evaluation.diagnostics import Diagnostic, Specification
from evaluation.diagnostics.specification_curve import MISFIT
from evaluation.errors import EvaluationError
from evaluation.estimators import SyntheticControl, SyntheticDiD, TwoWayFixedEffects
from evaluation.panel import Panel
from evaluation.study.staggered import Outcome

SYNTHETIC: dict[str, type[SyntheticControl] | type[SyntheticDiD]] = {
    "control": SyntheticControl,
    "did": SyntheticDiD,
}
FITS = 2.0
"""A misfit before treatment of more than this many times the placebos' median is no fit."""
WHOLE = "whole"
"""The window that takes the whole record."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Every declared choice with one joint test.

    Attributes
    ----------
    check : Diagnostic
    unfit : int
        Synthetic controls left out because no mix of donors follows the treated place.
    """

    check: Diagnostic
    unfit: int


def asked_curve(case: StaggeredCase) -> Curve | None:
    """`specification_curve` where one unit is treated and the study has ``[choices]``; else None."""
    choices = case.study.choices
    return specification_curve(case) if choices.pools or choices.windows else None


def specification_curve(case: StaggeredCase) -> Curve:
    """Every declared choice at once, signed so that an improvement is positive, with one joint test.

    Choices: outcome, scale, date, comparison places, window, and method (two-way over all months, the
    same months a year before, synthetic control, synthetic difference-in-differences). Synthetic methods
    choose their comparison themselves, over the whole record of the rule's pool.
    """
    found = list(_specifications(case))
    check = diagnostics.specification_curve(found, alpha=case.study.rule.level, seed=case.study.seed)
    return Curve(check, int((check.table["reason"] == MISFIT).sum()))


def _specifications(case: StaggeredCase) -> Iterator[Specification]:
    study = case.study
    pools = (study.rule.pool, *(pool.id for pool in study.choices.pools))
    year = next((w.id for w in study.choices.windows if w.each_side == per_year(case)), WHOLE)
    for outcome in study.outcomes:
        for scale, date, pool in product(outcome.scales, case.dates, pools):
            named = {"outcome": outcome.id, "scale": scale, "date": date.date, "pool": pool}
            for season in SEASONS:
                try:
                    panel, design = season_panel(case, outcome, scale, date.date, season, pool)
                except EvaluationError:
                    continue  # counted with its reason by `specifications`
                if season != SEASONS[0]:
                    choice = {**named, "window": year, "method": season}
                    yield _improving(choice, outcome, panel, design, TwoWayFixedEffects())
                    continue
                for window, part in _windows(case, panel, date.date):
                    choice = {**named, "window": window, "method": season}
                    yield _improving(choice, outcome, part, design, TwoWayFixedEffects())
                for method in SYNTHETIC if pool == study.rule.pool else ():
                    choice = {**named, "window": WHOLE, "method": method}
                    kind = SYNTHETIC[method](variance="none")
                    made = _improving(choice, outcome, panel, design, kind)
                    yield replace(made, most_misfit=FITS) if method == "control" else made


def _windows(case: StaggeredCase, panel: Panel, date: str) -> Iterator[tuple[str, Panel]]:
    """The whole record, and the parts of it that the study declares."""
    yield WHOLE, panel
    start = case.period(date)
    for window in case.study.choices.windows:
        times = panel.frame[panel.time]
        inside = (times >= start - window.each_side) & (times < start + window.each_side)
        if inside.any() and not inside.all():
            yield window.id, panel.where(inside)


def _improving(
    choices: dict[str, str], outcome: Outcome, panel: Panel, design: Design, estimator: Any
) -> Specification:
    if outcome.better == "lower":
        panel = panel.assign(**{design.outcome: -panel.frame[design.outcome]})
    return Specification(choices, panel, design, estimator)


def rule_by_pool(case: StaggeredCase) -> pd.DataFrame:
    """The rule on the leading claim, with its pool exchanged for each that the study declares instead.

    Returns
    -------
    pandas.DataFrame
        ``pool, units, outcome, scale, estimate, p_value, verdict``, a row a question of the rule; the rule's
        own pool first; none where simulated data decide nothing.
    """
    study, claim = case.study, leading_claim(case)
    rows = []
    for pool in (study.rule.pool, *(pool.id for pool in study.choices.pools)):
        rule = study.rule.model_copy(update={"pool": pool})
        check = check_claim(replace(case, study=study.model_copy(update={"rule": rule})), claim)
        rows += [
            {
                "pool": pool,
                "units": len(case.donors(pool)) + 1,
                "outcome": test.outcome,
                "scale": test.scale,
                "estimate": test.estimate,
                "p_value": test.p_value,
                "verdict": check.attributable,
            }
            for test in check.tests
        ]
    columns = ["pool", "units", "outcome", "scale", "estimate", "p_value", "verdict"]
    return pd.DataFrame(rows, columns=columns)
