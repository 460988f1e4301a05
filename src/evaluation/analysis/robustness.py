"""How fragile the answer is: synthetic comparisons, and the checks that the study's design allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pandas as pd

from evaluation import diagnostics
from evaluation.analysis.choices import SYNTHETIC
from evaluation.analysis.estimate import placebos
from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.design import Design
from evaluation.diagnostics import Diagnostic
from evaluation.estimators import SyntheticControl, TwoWayFixedEffects
from evaluation.inference import (
    conley_taber,
    ferman_pinto,
    placebo_paths,
    randomization_in_time,
    randomization_test,
    recommend,
    wild_cluster_bootstrap,
)
from evaluation.panel import Panel
from evaluation.result import Result
from evaluation.study import LANGUAGES
from evaluation.study.staggered import Outcome


@dataclass(frozen=True, eq=False)
class Twin:
    """A place and its synthetic twin.

    Attributes
    ----------
    path : pandas.DataFrame
        ``time, treated, synthetic``, one row a period.
    weights : pandas.Series
        Weights of the donors above 0.5 %, largest first.
    outcome : Outcome
    date, pool : str
    rmspe_before : float
        Root mean squared gap before treatment, in units of the outcome.
    """

    path: pd.DataFrame = field(repr=False)
    weights: pd.Series = field(repr=False)
    outcome: Outcome
    date: str
    pool: str
    rmspe_before: float

    @classmethod
    def of(cls, result: Result, outcome: Outcome, date: str, pool: str) -> Twin:
        """What a fit of `SyntheticControl` gives."""
        details: Any = result.details
        weights = details.fit.unit_weights
        return cls(
            path=details.fit.path[["time", "treated", "synthetic"]],
            weights=weights[weights > 0.005].sort_values(ascending=False),
            outcome=outcome,
            date=date,
            pool=pool,
            rmspe_before=details.fit.rmspe_before,
        )


def twin(case: StaggeredCase, outcome: str, pool: str, date: str | None = None) -> Twin:
    """The synthetic control of the treated place: donors weighted to follow it before treatment."""
    chosen, date = case.study.outcome(outcome), date or case.dates[0].date
    panel, design = case.donor_panel(case.donor_rows(pool), chosen, "level", date)
    return Twin.of(SyntheticControl(variance="none").fit(panel, design), chosen, date, pool)


def synthetic_estimates(case: StaggeredCase, date: str | None = None) -> pd.DataFrame:
    """Synthetic control and synthetic difference-in-differences for every outcome and donor pool.

    Parameters
    ----------
    case : StaggeredCase
    date : str, optional
        The study's treatment date when absent.

    Returns
    -------
    pandas.DataFrame
        A row of `synthetic_estimate` for each.
    """
    date = date or case.dates[0].date
    choices = product(case.study.outcomes, case.study.comparisons, SYNTHETIC)
    return pd.DataFrame(
        synthetic_estimate(case, outcome, pool.id, method, date) for outcome, pool, method in choices
    )


def synthetic_estimate(
    case: StaggeredCase, outcome: Outcome, pool: str, method: str, date: str
) -> dict[str, Any]:
    """One synthetic comparison, with every donor as a placebo.

    Parameters
    ----------
    case : StaggeredCase
    outcome : Outcome
    pool : str
    method : {"control", "did"}
        Synthetic control, or synthetic difference-in-differences.
    date : str

    Returns
    -------
    dict
        ``outcome, scale, date, pool, method, estimate, p_value, n_as_extreme, n_assignments, p_ratio, misfit,
        misfit_ratio, n_units, n_periods``. ``p_value`` compares estimates, ``p_ratio`` the gap after
        treatment relative to that before; ``misfit`` is the gap before, in units of the outcome,
        ``misfit_ratio`` that beside the median of the placebos: above `FITS` no mix of donors follows the
        treated place.
    """
    panel, design = case.donor_panel(case.donor_rows(pool), outcome, "level", date)
    paths = placebo_paths(SYNTHETIC[method](variance="none"), panel, design, treated_as_donor=True)
    named = {"outcome": outcome.id, "scale": "level", "date": date, "pool": pool, "method": method}
    return named | placebos(paths) | {"n_units": panel.n_units, "n_periods": panel.n_periods}


def inference_methods(case: StaggeredCase, pool: str) -> pd.DataFrame:
    """Every method of inference for the headline outcome against a pool: whether it holds, and what it gives.

    Methods are judged from the design and from outcomes before treatment (`evaluation.inference.recommend`);
    those that are ruled out are computed all the same where that is possible, to show what they would say.

    Parameters
    ----------
    case : StaggeredCase
    pool : str

    Returns
    -------
    pandas.DataFrame
        ``pool, method, holds, p_value, name_en, name_zh, reason_en, reason_zh``, best first.
    """
    panel, design = _headline_panel(case, pool)
    advice = recommend(panel, design)
    computed = _p_values(panel, design, case.study.seed)
    rows = [
        {
            "pool": pool,
            "method": item.method,
            "holds": item.holds,
            "p_value": computed.get(item.method, float("nan")),
            **{f"name_{language}": item.name[language] for language in LANGUAGES},
            **{f"reason_{language}": item.reason[language] for language in LANGUAGES},
        }
        for item in (*advice.methods, *advice.ruled_out)
    ]
    return pd.DataFrame(rows)


def _p_values(panel: Panel, design: Design, seed: int) -> dict[str, float]:
    static = TwoWayFixedEffects()
    return {
        "randomization_test": randomization_test(static, panel, design).p_value,
        "ferman_pinto": ferman_pinto(static, panel, design, variance="before", seed=seed).p_value,
        "conley_taber": conley_taber(static, panel, design, seed=seed).p_value,
        "randomization_in_time": randomization_in_time(static, panel, design).p_value,
        "subcluster_bootstrap": wild_cluster_bootstrap(
            static, panel, design, subcluster="row", seed=seed
        ).p_value,
        "wild_restricted": wild_cluster_bootstrap(static, panel, design, seed=seed).p_value,
        "wild_unrestricted": wild_cluster_bootstrap(
            static, panel, design, impose_null=False, seed=seed
        ).p_value,
        "clustered_t": static.fit(panel, design).p_value,
    }


def diagnose(case: StaggeredCase) -> dict[str, Diagnostic]:
    """The checks on the headline outcome, level, study's date, against the rule's pool.

    Returns
    -------
    dict of str to Diagnostic
        ``pretrends, relative_magnitudes, smoothness, placebo_dates, leave_one_out, minimum_effect`` and,
        where the study names neighbours in its first pool, ``spillover``.
    """
    study = case.study
    pool, alpha = study.rule.pool, study.rule.level
    panel, design = _headline_panel(case, pool)
    static = TwoWayFixedEffects()
    path = randomization_test(TwoWayFixedEffects(event_study=True), panel, design)
    checks = {
        "pretrends": diagnostics.pretrends(path, alpha=alpha),
        "relative_magnitudes": diagnostics.sensitivity(path, alpha=alpha),
        "smoothness": diagnostics.sensitivity(path, restriction="smoothness", alpha=alpha),
        "placebo_dates": diagnostics.placebo_dates(static, panel, design, alpha=alpha),
        "leave_one_out": diagnostics.leave_one_out(
            static, panel, design, english=case.names.get("en", {}), alpha=alpha
        ),
        "minimum_effect": diagnostics.minimum_effect(static, panel, design, alpha=alpha, seed=study.seed),
    }
    reached = set() if study.neighbours is None else set(case.near.dropna().index)
    near = [unit for unit in case.donors(pool) if unit in reached]
    if near:
        checks["spillover"] = diagnostics.spillover(static, panel, design, near, alpha=alpha, seed=study.seed)
    return checks


def _headline_panel(case: StaggeredCase, pool: str) -> tuple[Panel, Design]:
    outcome = case.study.outcome(case.study.headline.outcome)
    return case.donor_panel(case.donor_rows(pool), outcome, "level", case.dates[0].date)
