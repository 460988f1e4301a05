"""Is the two-way estimate an average of effects? (de Chaisemartin and D'Haultfoeuille 2020)"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Design
from evaluation.diagnostics._static import residual_treatment, static_sample, two_way_estimate
from evaluation.diagnostics.base import Diagnostic, Verdict, show, show_percent
from evaluation.errors import DesignError
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
QUESTION = {
    "en": "Is the simple regression's estimate an average of the effects, or do some count negatively?",
    "zh": "简单回归得到的是各地各期效应的平均，还是有些效应被倒过来计算？",
}


def negative_weights(panel: Panel, design: Design, *, tolerated: float = 0.01) -> Diagnostic:
    """Weights of de Chaisemartin and D'Haultfoeuille (2020) in the static two-way estimate.

    Weights with which the static two-way estimate adds up effects by cohort and period.

    Under parallel trends ``E[beta] = E[sum s_gt w_gt effect_gt]`` over treated cells, s the cell's share of
    treated observations and ``w_gt = e_gt / sum s_gt e_gt``, e the mean residual of treatment on unit
    and period effects (theorem 1). Where some weights are negative, beta can have the wrong sign
    although every effect has the same one.

    Parameters
    ----------
    panel : Panel
        With or without gaps.
    design : Design
        ``weights`` and ``anticipation`` are used; covariates are refused.
    tolerated : float
        Sum of the negative ``s w`` up to which nothing is held against the estimate.

    Returns
    -------
    Diagnostic
        ``statistic`` is the sum of the negative ``s w``, in absolute value. Table: ``cohort, time, weight,
        share``, weight ``s w`` adding up to 1. ``details``: ``estimate``; ``spread_for_zero``, the smallest
        standard deviation of effects over cells with which their average could be 0 (corollary 1, i);
        ``spread_for_opposite``, that with which all effects could have the sign opposite to the
        estimate's (ii), infinite without negative weights.

    Raises
    ------
    DesignError
        Covariates, nobody to compare with, or treatment that does not vary beyond the effects.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, negative_weights
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> check = negative_weights(panel, design)
    >>> check
    Diagnostic(negative_weights: no_evidence_against; statistic 0.0000, p-value –)
    """
    if not 0 <= tolerated <= 1:
        raise DesignError(f"the tolerated sum is {tolerated}", expected="a number between 0 and 1")
    sample = static_sample(panel, design, balanced=False, what="the table of weights")
    estimate = two_way_estimate(sample)
    residual, treated = residual_treatment(sample), sample.treatment * sample.weight
    starts = [int(s) for s in np.unique(sample.start) if s < sample.outcome.shape[1]]
    mass = np.array([treated[sample.start == s].sum(axis=0) for s in starts])
    pull = np.array([(treated * residual)[sample.start == s].sum(axis=0) for s in starts])
    cell, time = np.nonzero(mass > 0)
    share = mass[cell, time] / mass.sum()
    weight = pull[cell, time] / pull.sum()
    # residuals of the size of rounding are zeros
    weight[np.abs(weight) < 1e-12] = 0.0
    table = pd.DataFrame(
        {
            "cohort": [sample.labels[starts[int(c)]] for c in cell],
            "time": [str(panel.periods[int(t)]) for t in time],
            "weight": weight,
            "share": share,
        }
    )
    below = float(-weight[weight < 0].sum()) if (weight < 0).any() else 0.0
    zero, opposite = _spreads(weight / share, share, estimate)
    verdict: Verdict = "evidence_against" if below > tolerated else "no_evidence_against"
    return Diagnostic(
        name="negative_weights",
        question=QUESTION,
        verdict=verdict,
        statistic=below,
        p_value=np.nan,
        table=table,
        text=_text(below, int((weight < 0).sum()), len(weight), zero, opposite, verdict),
        details={
            "estimate": estimate,
            "negative": int((weight < 0).sum()),
            "cells": len(weight),
            "spread_for_zero": zero,
            "spread_for_opposite": opposite,
            "tolerated": tolerated,
        },
    )


def _spreads(w: FloatArray, share: FloatArray, estimate: float) -> tuple[float, float]:
    """Least standard deviations of effects for a zero average, and for effects all of the other sign."""
    variance = float(share @ (w - 1) ** 2)
    zero = abs(estimate) / np.sqrt(variance) if variance > 1e-14 else np.inf
    if not (w < 0).any():
        return float(zero), float("inf")
    order = np.argsort(-w)
    w, share = w[order], share[order]
    # sums over the cells with the smallest weights, from each cell on
    p = np.cumsum(share[::-1])[::-1]
    s = np.cumsum((share * w)[::-1])[::-1]
    t = np.cumsum((share * w**2)[::-1])[::-1]
    # all cells together average 1, so the search begins at the second
    first = 1 + int(np.argmax(w[1:] < -s[1:] / (1 - p[1:])))
    return float(zero), float(abs(estimate) / np.sqrt(t[first] + s[first] ** 2 / (1 - p[first])))


def _text(
    below: float, negative: int, cells: int, zero: float, opposite: float, verdict: str
) -> dict[str, str]:
    if negative == 0:
        return {
            "en": "It is an average: every effect counts with a positive weight or none.",
            "zh": "是平均值：每个效应的权重都不为负。",
        }
    part = show_percent(below)
    if verdict == "no_evidence_against":
        return {
            "en": f"Very nearly an average: {negative} of {cells} effects count negatively, with {part} of "
            "the weight.",
            "zh": f"基本上是平均值：{cells}个效应中有{negative}个按负权重计算，合计仅占{part}。",
        }
    return {
        "en": f"Not an average: {negative} of {cells} effects count negatively, with {part} of the weight. "
        f"If effects differ between places and periods by {show(opposite, 2)} (standard deviation), all "
        f"of them could have the opposite sign; by {show(zero, 2)}, their average could be zero.",
        "zh": f"不是平均值：{cells}个效应中有{negative}个按负权重计算，合计占{part}。"
        f"若各地各期效应的标准差达到{show(opposite, 2)}，所有效应的符号都可能与估计值相反；"
        f"达到{show(zero, 2)}时，平均效应就可能为零。",
    }
