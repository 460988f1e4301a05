"""Effects in percent of what treated places would have had, with intervals of the ratio itself."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, log, nan
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.analysis.staggered.case import is_poisson
from evaluation.analysis.staggered.methods import Asked, Jackknife, clusters_of, jackknife, treated_sums
from evaluation.numerics.jackknife import jackknife_covariance, t_quantile
from evaluation.result import Result
from evaluation.study.staggered import Outcome

FloatArray = NDArray[np.float64]
KNOWN_SHARES = ("imputation", "extended", "interaction_weighted")
"""Estimators whose standard errors take the shares of cohorts and periods as known."""


PERCENT = ("percent", "percent_low", "percent_high")
"""Columns of an effect and the ends of its interval in percent."""


def said_ends(outcome: Outcome, row: Mapping[Any, Any] | pd.Series) -> tuple[float, float, float]:
    """An effect and the ends of its interval as effects on the outcome are said, from a row of estimates."""
    effect, low, high = PERCENT if outcome.in_percent else ("estimate", "ci_low", "ci_high")
    return float(row[effect]), float(row[low]), float(row[high])


def relative(
    asked: Asked,
    outcome: Outcome,
    result: Result,
    kind: str,
    found: Jackknife | None,
    ends: tuple[float, float],
    level: float,
) -> tuple[dict[str, float], str]:
    """An effect and its interval relative to what treated places would have had, in percent.

    Log points are exponentiated, ends of their interval alike. A linear estimate d of a count's rate, whose
    mean in treated unit-periods is m, is ``100 (m / (m - d) - 1)``. m strays with the data as d does, so the
    interval is that of ``log(m / (m - d))``, by the inference that the estimate itself has: both are computed
    without each cluster in turn (jackknife), or the delta method is put to their joint influence function.

    Parameters
    ----------
    asked : Asked
    outcome : Outcome
    result : Result
        Of one term.
    kind : str
        Of inference, see `Choice`.
    found : Jackknife, optional
        Where it was computed before.
    ends : tuple of float
        Interval of the estimate, in its own unit.
    level : float

    Returns
    -------
    dict, str
        ``percent, percent_low, percent_high``, NaN where there is none (all three for rates and levels), with
        ``counterfactual`` (``m - d``, NaN for log points), and why an interval is absent although the
        estimate's own is there.
    """
    if outcome.model == "log" or is_poisson(asked.name):
        shown = 100 * np.expm1(np.array([result.estimate, *ends], dtype=float))
        return {**dict(zip(PERCENT, shown.tolist(), strict=True)), "counterfactual": nan}, ""
    blank = dict.fromkeys((*PERCENT, "counterfactual"), nan)
    if outcome.model != "count":
        return blank, ""
    value, weight = treated_sums(asked)
    mean = float(value.sum() / weight.sum())
    without = mean - result.estimate
    if not without > 0:
        return blank, "nothing is left of the outcome without treatment, so no percentage exists"
    point = {**blank, "counterfactual": without, "percent": 100 * (mean / without - 1)}
    if not mean > 0:
        return point, "no event in treated unit-periods, so the percentage has no interval"
    if kind == "jackknife":
        found = jackknife(asked, result) if found is None else found
        error, df = _without_each(asked, found, value, weight, log(mean / without)), float(found.df)
    elif kind == "clustered":
        error, df = _delta(asked, result, value, weight), result.df
    else:
        words = "randomisation" if kind in ("randomization", "placebo") else "an error for independent rows"
        return point, f"{words} gives an interval for the rate and none for the percentage"
    if not isfinite(error):
        return point, "the percentage has no standard error" if isfinite(ends[0]) else ""
    half = t_quantile(level, df) * error
    low, high = (100 * (mean / without * np.exp(sign * half) - 1) for sign in (-1, 1))
    return {**point, "percent_low": float(low), "percent_high": float(high)}, ""


def _without_each(
    asked: Asked, found: Jackknife, value: FloatArray, weight: FloatArray, estimate: float
) -> float:
    """Jackknife error of the log ratio; NaN where it does not exist without some cluster."""
    _, codes = clusters_of(asked.panel, asked.design)
    count = len(found.without)
    rest = [part.sum() - np.bincount(codes, part, minlength=count) for part in (value, weight)]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = rest[0] / rest[1]
        ratio = np.log(mean / (mean - found.without))
    if not np.isfinite(ratio).all():
        return nan
    return float(np.sqrt(jackknife_covariance(np.array([estimate]), ratio[:, None])[0, 0]))


def _delta(asked: Asked, result: Result, value: FloatArray, weight: FloatArray) -> float:
    """Clustered error of the log ratio from the influence functions of d and of m.

    With c = m - d, ``log(m / c)`` moves by ``dm / m - (dm - dd) / c``. The estimate's small-sample factor is
    kept. Where shares of cells are known to d they are to m.
    """
    effect = result.influence
    if effect is None:
        return nan
    effect = effect[:, 0]
    n = len(effect)
    mean = float(value.sum() / weight.sum())
    without = mean - result.estimate
    centre = treated_sums(asked, by_cell=True)[0] if asked.name in KNOWN_SHARES else mean * weight
    moved = n * (value - centre) / weight.sum()
    joint = moved / mean - (moved - effect) / without
    _, codes = clusters_of(asked.panel, asked.design)
    own, both = (float((np.bincount(codes, part) ** 2).sum()) for part in (effect, joint))
    return result.std_error * float(np.sqrt(both / own)) if own > 0 else nan
