"""Which comparisons is the two-way estimate made of? (Goodman-Bacon 2021)"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evaluation.design import Design
from evaluation.diagnostics._static import StaticSample, static_sample, two_way_estimate
from evaluation.diagnostics.base import Diagnostic, Verdict, show, show_percent
from evaluation.errors import DesignError
from evaluation.panel import Panel

QUESTION = {
    "en": "Does the simple regression compare treated places with places that had not been treated?",
    "zh": "简单的双向固定效应回归，是不是拿实施地区与尚未实施的地区作比较？",
}
KINDS = (
    "treated vs never treated",
    "earlier vs later treated",
    "later vs earlier treated",
    "treated vs always treated",
)
CLEAN = KINDS[:2]


def bacon(panel: Panel, design: Design, *, tolerated: float = 0.1) -> Diagnostic:
    """Decomposition of Goodman-Bacon (2021) of the two-way estimate into two-group comparisons.

    Take the static two-way estimate apart into two-group, two-period comparisons.

    ``beta = sum s_ab b_ab`` over ordered pairs of cohorts (theorem 1). b is a difference in
    differences of cohort means in the window in which only ``a`` changes its treatment; its weight is
    proportional to ``n_a n_b`` times the shares of all periods in which a is not, and is, treated in
    that window (equations 10e to 10g, which all have this form). Comparisons with units that are
    already treated carry the changes of these units' own effects.

    Parameters
    ----------
    panel : Panel
        Balanced in the outcome.
    design : Design
        ``weights`` (constant within units) and ``anticipation`` are used; covariates are refused.
    tolerated : float
        Share of the weight on comparisons with already treated units up to which nothing is held
        against the estimate.

    Returns
    -------
    Diagnostic
        ``statistic`` is that share. Table: ``treated, comparison, kind, weight, estimate``, the first
        two named by the first treated period. ``details``: the two-way ``estimate``, the sums by kind, and
        ``clean``, the weighted mean of the comparisons with units not yet treated.

    Raises
    ------
    DesignError
        Missing unit-periods, covariates, varying weights, nobody to compare with.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, bacon
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> check = bacon(panel, design)
    >>> check
    Diagnostic(bacon: no_evidence_against; statistic 0.0319, p-value –)
    """
    if not 0 <= tolerated <= 1:
        raise DesignError(f"the tolerated share is {tolerated}", expected="a number between 0 and 1")
    sample = static_sample(panel, design, balanced=True, what="the decomposition")
    table = pd.DataFrame(_comparisons(sample))
    table["weight"] /= table["weight"].sum()
    by_kind = (
        table.assign(product=table["weight"] * table["estimate"])
        .groupby("kind")[["weight", "product"]]
        .sum()
        .reindex([kind for kind in KINDS if (table["kind"] == kind).any()])
    )
    by_kind["estimate"] = by_kind["product"] / by_kind["weight"]
    clean = table["kind"].isin(CLEAN).to_numpy()
    weight, value = table["weight"].to_numpy(dtype=float), table["estimate"].to_numpy(dtype=float)
    share = float(weight[~clean].sum())
    clean_estimate = float(np.average(value[clean], weights=weight[clean])) if clean.any() else np.nan
    estimate = float(weight @ value)
    verdict: Verdict = "evidence_against" if share > tolerated else "no_evidence_against"
    return Diagnostic(
        name="bacon",
        question=QUESTION,
        verdict=verdict,
        statistic=share,
        p_value=np.nan,
        table=table.sort_values("weight", ascending=False, ignore_index=True),
        text=_text(share, estimate, clean_estimate, verdict),
        details={
            "estimate": estimate,
            "regression": two_way_estimate(sample),
            "clean": clean_estimate,
            "by_kind": by_kind[["weight", "estimate"]].reset_index(),
            "tolerated": tolerated,
        },
    )


def _comparisons(sample: StaticSample) -> list[dict[str, Any]]:
    periods = sample.outcome.shape[1]
    starts = np.unique(sample.start)
    size = np.array([sample.weight[sample.start == s, 0].sum() for s in starts])
    path = np.array(
        [
            np.average(sample.outcome[sample.start == s], axis=0, weights=sample.weight[sample.start == s, 0])
            for s in starts
        ]
    )
    rows = []
    for i, a in enumerate(starts):
        if a in (0, periods):
            continue  # never changes its treatment
        for j, b in enumerate(starts):
            if i == j:
                continue
            # while b does not change: before b is treated, or after
            first, last = (0, b) if b > a else (b, periods)
            change = path[i] - path[j]
            rows.append(
                {
                    "treated": sample.labels[a],
                    "comparison": sample.labels[b],
                    "kind": _kind(int(a), int(b), periods),
                    "weight": size[i] * size[j] * (a - first) * (last - a) / periods**2,
                    "estimate": change[a:last].mean() - change[first:a].mean(),
                }
            )
    return rows


def _kind(a: int, b: int, periods: int) -> str:
    if b == periods:
        return KINDS[0]
    if b == 0:
        return KINDS[3]
    return KINDS[1] if a < b else KINDS[2]


def _text(share: float, estimate: float, clean: float, verdict: str) -> dict[str, str]:
    if share == 0:
        return {
            "en": "Yes: every comparison in the regression is with places that had not been treated by then.",
            "zh": "是：回归中的每一个比较，都以当时尚未实施的地区为对照。",
        }
    part = show_percent(share)
    if not np.isfinite(clean):
        return {
            "en": "No: all comparisons are with places already treated; the estimate of "
            f"{show(estimate)} mixes the effect with changes of effects elsewhere.",
            "zh": "不是：所有比较都以已经实施的地区为对照，"
            f"估计值{show(estimate)}混入了这些地区效应自身的变化。",
        }
    opening = (
        {
            "en": f"Not altogether: {part} of the weight is on comparisons with places already treated",
            "zh": f"不完全是：有{part}的权重来自与已实施地区的比较",
        }
        if verdict == "evidence_against"
        else {
            "en": f"Nearly: only {part} of the weight is on comparisons with places already treated",
            "zh": f"基本是：只有{part}的权重来自与已实施地区的比较",
        }
    )
    return {
        "en": f"{opening['en']}. The regression gives {show(estimate)}; comparisons with places "
        f"not yet treated alone give {show(clean)}.",
        "zh": f"{opening['zh']}。回归估计值为{show(estimate)}；只用尚未实施的地区作对照，则为{show(clean)}。",
    }
