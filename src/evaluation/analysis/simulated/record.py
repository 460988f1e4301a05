"""The claims, which nothing here can test, and the result file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from evaluation.analysis.estimate import Estimate, with_leads
from evaluation.analysis.results import ResultFile, collect
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
    return collect(
        case,
        with_leads(_estimate(case, row) for row in estimates.to_dict("records")),
        claims=check_claims(case),
        answer=answer,
        simulated=True,
        percentages=ranges.to_dict("records"),
        detectable=power.smallest.to_dict("records"),
    )


def _estimate(case: SimulatedCase, row: Mapping[Any, Any]) -> Estimate:
    estimator, inference = INFERENCE[row["method"]]
    return Estimate.of(
        row,
        unit="percent",
        estimator=estimator,
        estimand=f"change of {row['outcome']} in the treated district, comparison {row['comparison']}",
        scale="log",
        value=row["percent"],
        ci_low=row["percent_low"],
        ci_high=row["percent_high"],
        inference=inference + (f"; {row['reason']}" if row["reason"] else ""),
        n_treated=1,
        more={"truth": row["truth"], "simulated": True},
    )
