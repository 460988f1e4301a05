"""How wrong may parallel trends be before the conclusion falls? (Rambachan and Roth 2023)"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.diagnostics.base import Diagnostic, Verdict, show, show_percent
from evaluation.diagnostics.event_study import EventStudy, event_study
from evaluation.errors import EstimationError
from evaluation.inference.randomization import RandomizationTest
from evaluation.numerics.fixed_length import smoothness_problem
from evaluation.numerics.gaussian import folded_quantile
from evaluation.numerics.relative_magnitudes import relative_problem
from evaluation.result import Result

FloatArray = NDArray[np.float64]
Restriction = Literal["relative_magnitudes", "smoothness"]
Interval = Callable[[float], tuple[float, float]]
RATIOS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
MOST = 2.0**12
"""Where the search for a breakdown value gives up, in units of its benchmark."""

QUESTION = {
    "en": "How far may the treated and comparison places have drifted apart by themselves before the "
    "conclusion falls?",
    "zh": "处理组与对照组自身的走势偏离到多大程度，结论才会被推翻？",
}


def sensitivity(
    source: Result | RandomizationTest | EventStudy,
    *,
    restriction: Restriction = "relative_magnitudes",
    parameters: Sequence[float] | None = None,
    target: str | Sequence[float] = "average",
    drift: Literal["any", "rising", "falling"] = "any",
    alpha: float = 0.05,
    window: tuple[int, int] | None = None,
) -> Diagnostic:
    """Intervals of Rambachan and Roth (2023) under bounded violations of parallel trends.

    Intervals that stay valid under bounded violations of parallel trends, and where they reach 0.

    ``"relative_magnitudes"``: from one period to the next the bias moves after treatment at most M
    times as far as in its largest move before (their set Delta^RM). Intervals invert the conditional test
    with a least-favourable first stage. ``"smoothness"``: the bias departs from a straight line by at
    most M a period (Delta^SD). Intervals are the shortest of fixed length.

    The verdict compares the breakdown value, the smallest M whose interval holds 0, with a benchmark:
    1 for relative magnitudes (violations as large as the largest seen); the largest bend of the
    estimates before treatment for smoothness.

    Parameters
    ----------
    source : Result, RandomizationTest or EventStudy
        See `event_study`.
    restriction : {"relative_magnitudes", "smoothness"}
    parameters : sequence of float, optional
        Values of M to tabulate, in units of the outcome for smoothness; 0 is always among them. By
        default multiples of the benchmark, from 1/4 to 2.
    target : {"average", "first"} or sequence of float
        The effect that the verdict is about: the average over all periods after treatment or the
        first of them. The table shows both, and the weights given if any.
    drift : {"any", "rising", "falling"}
        Whether the bias may move both ways after treatment, or only up or only down (their
        sign and monotonicity restrictions); for relative magnitudes.
    alpha : float
        Quantiles are normal, as in the paper, whatever the degrees of freedom.
    window : tuple of int, optional
        Event times to use.

    Returns
    -------
    Diagnostic
        ``statistic`` is the breakdown value of the target: 0 when the usual interval holds 0 already,
        which leaves nothing to be overturned (``not_informative``). Table: ``target, parameter,
        estimate, ci_low, ci_high, method``, with the usual interval as the row without parameter.

    Raises
    ------
    EstimationError
        See `event_study`; a negative parameter; an unknown restriction or target.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, GroupTime, sensitivity
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated", base_period="universal")
    >>> path = GroupTime().fit(panel, design).aggregate("event_time")
    >>> check = sensitivity(path)
    >>> check
    Diagnostic(sensitivity_relative_magnitudes: evidence_against; statistic 0.0318, p-value –)
    """
    study = event_study(source, window=window)
    if restriction not in ("relative_magnitudes", "smoothness"):
        raise EstimationError(
            f"the restriction is {restriction!r}", expected="'relative_magnitudes' or 'smoothness'"
        )
    if drift not in ("any", "rising", "falling") or (drift != "any" and restriction == "smoothness"):
        raise EstimationError(
            f"the drift is {drift!r} for {restriction}",
            expected="'any', or with relative magnitudes 'rising' or 'falling'",
        )
    if not 0 < alpha < 0.5:
        raise EstimationError(f"alpha is {alpha}", expected="a number between 0 and 1/2, such as 0.05")
    given = None if parameters is None else np.unique(np.asarray(list(parameters), dtype=float))
    if given is not None and (not np.isfinite(given).all() or (given < 0).any()):
        raise EstimationError("a bound on violations is negative or missing", expected="numbers from 0 on")
    named = target if isinstance(target, str) else "weights"
    chosen = study.target(target)
    name = f"sensitivity_{restriction}"
    obstacle = _obstacle(study)
    if obstacle is not None:
        return _uninformative(name, obstacle, study)
    weights = {"average": study.target("average"), "first": study.target("first")}
    weights[named] = chosen
    benchmark = 1.0 if restriction == "relative_magnitudes" else largest_bend(study)
    scale = benchmark if benchmark > 0 else float(np.median(study.std_errors))
    grid = np.array(RATIOS) * scale if given is None else given
    grid = np.unique(np.append(grid, 0.0))
    rows: list[dict[str, Any]] = []
    breakdowns: dict[str, float] = {}
    for label, weight in weights.items():
        interval, holds_zero = _problem(study, weight, restriction, alpha, drift)
        breakdowns[label] = breakdown(holds_zero, scale)
        rows += _rows(study, weight, label, interval, grid, alpha, restriction, drift)
    limit = breakdowns[named]
    verdict: Verdict
    if limit == 0 or benchmark == 0:
        verdict = "not_informative"
    else:
        verdict = "no_evidence_against" if limit >= benchmark else "evidence_against"
    return Diagnostic(
        name=name,
        question=QUESTION,
        verdict=verdict,
        statistic=limit,
        p_value=np.nan,
        table=pd.DataFrame(rows),
        text=_text(restriction, named, limit, benchmark, alpha, study),
        details={
            "breakdown": breakdowns,
            "benchmark": benchmark,
            "target": named,
            "weights": dict(zip(study.times[study.pre :].tolist(), chosen.tolist(), strict=True)),
            "alpha": alpha,
            "drift": drift,
            "reference": study.reference,
        },
        notes=study.notes
        if np.isinf(study.df)
        else (*study.notes, f"normal quantiles; the estimator's own intervals use t with {study.df:g}"),
    )


def largest_bend(study: EventStudy) -> float:
    """Largest absolute second difference of the estimates before treatment; 0 when there is none."""
    path = np.append(study.estimates[: study.pre], 0.0)
    return float(np.abs(np.diff(path, 2)).max()) if len(path) > 2 else 0.0


def breakdown(holds_zero: Callable[[float], bool], scale: float = 1.0) -> float:
    """The smallest bound on violations whose interval holds 0.

    Parameters
    ----------
    holds_zero : callable
        Whether the interval under a bound holds 0.
    scale : float
        A typical bound: the search doubles from a 64th of it on.

    Returns
    -------
    float
        0 when the interval without violations holds 0; infinite when none does up to 4,096 scales.
        Found to a relative 1e-6, by bisection: the sets grow with the bound.
    """
    if holds_zero(0.0):
        return 0.0
    low, high = 0.0, scale / 64
    while not holds_zero(high):
        low, high = high, 2 * high
        if high > MOST * scale:
            return float("inf")
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if holds_zero(middle) else (middle, high)
    return high


def _problem(
    study: EventStudy, target: FloatArray, restriction: str, alpha: float, drift: str
) -> tuple[Interval, Callable[[float], bool]]:
    """The interval under a bound, and a quick answer to whether it holds 0."""
    if restriction == "smoothness":
        smooth = smoothness_problem(study.estimates, study.covariance, study.pre, target)

        def fixed(bound: float) -> tuple[float, float]:
            return smooth.interval(bound, alpha).interval

        def inside(bound: float) -> bool:
            low, high = fixed(bound)
            return low <= 0 <= high

        return fixed, inside
    # a falling drift is a rising one of the mirror image
    side = -1.0 if drift == "falling" else 1.0
    relative = relative_problem(
        side * study.estimates, study.covariance, study.pre, target, rising=drift != "any"
    )

    def robust(bound: float) -> tuple[float, float]:
        found = relative.confidence_set(bound, alpha)
        return (found.low, found.high) if side > 0 else (-found.high, -found.low)

    return robust, lambda bound: relative.accepts(0.0, bound, alpha)


def _rows(
    study: EventStudy,
    target: FloatArray,
    label: str,
    interval: Interval,
    grid: FloatArray,
    alpha: float,
    restriction: str,
    drift: str,
) -> list[dict[str, Any]]:
    effect = float(target @ study.estimates[study.pre :])
    deviation = float(np.sqrt(target @ study.covariance[study.pre :, study.pre :] @ target))
    half = folded_quantile(0.0, alpha) * deviation
    rows: list[dict[str, Any]] = [
        {
            "target": label,
            "parameter": np.nan,
            "estimate": effect,
            "ci_low": effect - half,
            "ci_high": effect + half,
            "method": "usual interval, parallel trends",
        }
    ]
    method = {
        "relative_magnitudes": "relative magnitudes, conditional least-favourable hybrid",
        "smoothness": "smoothness, fixed length",
    }[restriction] + ("" if drift == "any" else f", drift only {drift}")
    for bound in grid:
        low, high = interval(float(bound))
        rows.append(
            {
                "target": label,
                "parameter": float(bound),
                "estimate": effect,
                "ci_low": low,
                "ci_high": high,
                "method": method,
            }
        )
    return rows


def _obstacle(study: EventStudy) -> dict[str, str] | None:
    if study.pre == 0:
        return {
            "en": "no period before the reference is estimated, so that nothing is known about drift",
            "zh": "基期之前没有可用的时期，无从了解两组走势的偏离",
        }
    return study.obstacle


def _uninformative(name: str, why: dict[str, str], study: EventStudy) -> Diagnostic:
    columns = ["target", "parameter", "estimate", "ci_low", "ci_high", "method"]
    return Diagnostic(
        name=name,
        question=QUESTION,
        verdict="not_informative",
        statistic=np.nan,
        p_value=np.nan,
        table=pd.DataFrame({column: pd.Series(dtype=float) for column in columns}),
        text={
            "en": f"This cannot be judged from these estimates: {why['en']}.",
            "zh": f"凭这些估计值无法判断：{why['zh']}。",
        },
        notes=study.notes,
    )


_TARGETS = {
    "average": ("the average effect over all periods after the start", "措施开始后各期的平均效应"),
    "first": ("the effect in the first period", "首期效应"),
    "weights": ("the weighted effect", "加权效应"),
}


def _text(
    restriction: str, target: str, limit: float, benchmark: float, alpha: float, study: EventStudy
) -> dict[str, str]:
    en, zh = _TARGETS[target]
    level = show_percent(1 - alpha)
    if limit == 0 and restriction == "smoothness":
        # a bound of 0 still allows a straight line, drawn on from the periods before
        return {
            "en": f"Even if the drift seen before had gone on in a straight line and no further, the {level} "
            f"interval of {en} holds zero, so there is no conclusion that a bend of it could overturn.",
            "zh": f"即使此前的偏离只沿直线延续，{zh}的{level}区间也包含零，没有结论可供推翻。",
        }
    if limit == 0:
        return {
            "en": f"Even if both groups would have moved exactly in parallel, the {level} interval of {en} "
            "holds zero, so there is no conclusion that drift could overturn.",
            "zh": f"即使两组走势完全平行，{zh}的{level}区间也包含零，没有结论可供推翻。",
        }
    if restriction == "relative_magnitudes":
        if not np.isfinite(limit):
            return {
                "en": f"No drift that was looked at, up to {show(MOST)} times the largest seen before the "
                f"start, brings {en} to zero.",
                "zh": f"即使偏离达到此前最大变动的{show(MOST)}倍，{zh}的区间仍不包含零。",
            }
        tail = (
            ("more than was ever seen before the start", "超过此前出现过的最大变动")
            if limit >= 1
            else ("less than was already seen before the start", "小于此前已经出现过的变动")
        )
        return {
            "en": f"The {level} interval of {en} reaches zero once the two groups drift apart, from one "
            f"period to the next, {show(limit, 2)} times as far as in their largest move before the start: "
            f"{tail[0]}.",
            "zh": f"两组逐期偏离达到措施开始前最大变动的{show(limit, 2)}倍时，{zh}的{level}区间就会包含零，"
            f"这一幅度{tail[1]}。",
        }
    if not np.isfinite(limit):
        return {
            "en": f"No bend in the trends that was looked at brings {en} to zero.",
            "zh": f"在所考察的趋势弯折范围内，{zh}的区间均不包含零。",
        }
    opening = {
        "en": f"The {level} interval of {en} allows for a straight drift, and reaches zero once "
        f"the drift bends by {show(limit, 2)} a period",
        "zh": f"{zh}的{level}区间已容许直线式偏离；若偏离每期再弯折{show(limit, 2)}，区间就会包含零",
    }
    if benchmark == 0:
        return {
            "en": opening["en"]
            + "; with one period before the reference no bend was ever seen to compare it with.",
            "zh": opening["zh"] + "；基期之前只有一期，没有可供对比的弯折。",
        }
    more = limit >= benchmark
    return {
        "en": opening["en"]
        + f"; the largest bend of the estimates before the start was {show(benchmark, 2)}, "
        + ("less than that." if more else "already more."),
        "zh": opening["zh"]
        + f"；此前估计值的最大弯折为{show(benchmark, 2)}，"
        + ("小于这一数值。" if more else "已经超过这一数值。"),
    }
