"""Did the groups already move apart before treatment, and would we have noticed? (Roth 2022)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.diagnostics.base import Diagnostic, Verdict, show, show_p, show_percent
from evaluation.diagnostics.event_study import EventStudy, event_study, path_table
from evaluation.diagnostics.trend_tests import Individual, Joint, Placebo, TrendTest, pointwise_critical
from evaluation.errors import EstimationError
from evaluation.inference.randomization import RandomizationTest
from evaluation.result import Result

FloatArray = NDArray[np.float64]
QUESTION = {
    "en": "Did the treated places already move apart before the measure, and would this check have noticed?",
    "zh": "措施实施之前，处理组与对照组的走势是否已经分化？如果有，这项检验能否发现？",
}


def pretrends(
    source: Result | RandomizationTest | EventStudy,
    *,
    rule: Literal["joint", "individual"] = "joint",
    target: str | Sequence[float] = "average",
    powers: Sequence[float] = (0.5, 0.8),
    matters: float | None = None,
    alpha: float = 0.05,
    window: tuple[int, int] | None = None,
) -> Diagnostic:
    """Test that nothing moved before treatment, with its power (Roth 2022).

    Test that nothing moved before treatment, with the power of the test and what passing it costs.

    For a trend that moves the treated units by a constant slope a period, the power of the test is
    computed, and the slopes are found that it detects with the probabilities ``powers``; each brings a
    bias into the effect after treatment, on average and among samples that pass the test (Roth 2022).

    Parameters
    ----------
    source : Result, RandomizationTest or EventStudy
        See `event_study`. From a randomisation test the test is one too: the root mean square of the
        estimates before treatment among those of the placebo units, whose paths also give the power.
    rule : {"joint", "individual"}
        ``"joint"``: the Wald test that all effects before treatment are 0. ``"individual"``: any of them
        further from 0 than ``alpha`` allows for one, as event studies are often read; its size is
        larger than ``alpha`` and is stated.
    target : {"average", "first"} or sequence of float
        The effect after treatment whose bias is stated.
    powers : sequence of float
        Between ``alpha`` and 1; the largest decides the verdict.
    matters : float, optional
        Bias that would change the conclusion, in units of the outcome; the size of the estimated
        effect when absent.
    alpha : float
    window : tuple of int, optional
        Event times to use.

    Returns
    -------
    Diagnostic
        ``evidence_against`` when the test rejects; ``no_evidence_against`` when it does not and the
        trend that it would find with the largest of ``powers`` brings a bias smaller than ``matters``;
        else ``not_informative``. Table: the event study with the trends and, for each, the estimates to
        be expected in samples that pass. ``details["power"]``: ``power, slope, bias, bias_if_passed``.

    Raises
    ------
    EstimationError
        See `event_study`; powers not between the size of the test and 1.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, GroupTime, pretrends
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated", base_period="universal")
    >>> path = GroupTime().fit(panel, design).aggregate("event_time")
    >>> check = pretrends(path)
    >>> check
    Diagnostic(pretrends: evidence_against; statistic 85.99, p-value 3.016e-15)
    """
    study = event_study(source, window=window)
    if rule not in ("joint", "individual"):
        raise EstimationError(f"the rule is {rule!r}", expected="'joint' or 'individual'")
    if not 0 < alpha < 0.5:
        raise EstimationError(f"alpha is {alpha}", expected="a number between 0 and 1/2, such as 0.05")
    wanted = sorted(float(p) for p in powers)
    if not wanted or not (alpha < wanted[0] and wanted[-1] < 1):
        raise EstimationError(f"the powers are {list(powers)}", expected=f"numbers between {alpha:g} and 1")
    weights = study.target(target)
    effect = float(weights @ study.estimates[study.pre :])
    matters = abs(effect) if matters is None else float(matters)
    why = _obstacle(study, alpha)
    if why is not None:
        return _uninformative(study, why, alpha)
    test: TrendTest
    if study.placebo is not None:
        test = Placebo.of(study, alpha)
    elif rule == "joint":
        test = Joint.of(study, alpha)
    else:
        test = Individual.of(study, alpha)
    lever = float(weights @ study.distance[study.pre :])
    rows, table = [], path_table(study, pointwise_critical(study, alpha))
    for power in wanted:
        slope = test.slope(power)
        passed = test.if_passed(slope)
        row = {
            "power": power,
            "slope": slope,
            "bias": slope * lever,
            "bias_if_passed": float(weights @ passed[study.pre :]),
        }
        rows.append(row)
        at = study.times.tolist()
        tag = f"{100 * power:g}"
        table[f"trend_{tag}"] = slope * (table["event_time"] - study.reference)
        table[f"passed_{tag}"] = table["event_time"].map(dict(zip(at, passed, strict=True))).fillna(0.0)
    frame = pd.DataFrame(rows)
    hidden = float(frame[["bias", "bias_if_passed"]].iloc[-1].abs().max())
    verdict: Verdict = "evidence_against"
    if not test.rejects:
        verdict = "no_evidence_against" if hidden < matters else "not_informative"
    return Diagnostic(
        name="pretrends",
        question=QUESTION,
        verdict=verdict,
        statistic=test.statistic,
        p_value=test.p_value,
        table=table,
        text=_text(test, verdict, wanted[-1], float(frame["slope"].iloc[-1]), hidden, matters, effect),
        details={
            "power": frame,
            "rule": test.words,
            "size": test.size,
            "effect": effect,
            "matters": matters,
            "target": target if isinstance(target, str) else "weights",
            "periods_before": study.pre,
            "alpha": alpha,
        },
        notes=study.notes,
    )


def _obstacle(study: EventStudy, alpha: float) -> dict[str, str] | None:
    if study.pre == 0:
        return {
            "en": "only the reference period lies before the measure, so no trend can be seen",
            "zh": "措施之前只有基期一期，看不出任何趋势",
        }
    if study.placebo is not None:
        n = len(study.placebo) + 1
        if alpha * n < 1 - 1e-9:
            return {
                "en": f"with {n} assignments no p-value can be below {1 / n:.3f}",
                "zh": f"只有{n}种安置方式，p值最小只能到{1 / n:.3f}",
            }
        return None
    return study.obstacle


def _uninformative(study: EventStudy, why: dict[str, str], alpha: float) -> Diagnostic:
    return Diagnostic(
        name="pretrends",
        question=QUESTION,
        verdict="not_informative",
        statistic=np.nan,
        p_value=np.nan,
        table=path_table(study, pointwise_critical(study, alpha)),
        text={
            "en": f"This check cannot tell: {why['en']}.",
            "zh": f"这项检验无法给出答案：{why['zh']}。",
        },
        details={"periods_before": study.pre},
        notes=study.notes,
    )


def _text(
    test: TrendTest, verdict: str, power: float, slope: float, hidden: float, matters: float, effect: float
) -> dict[str, str]:
    p = show_p(test.p_value)
    chance = show_percent(power)
    if verdict == "evidence_against":
        return {
            "en": f"Yes: the groups had moved apart before the measure (p {p}), so part of what is seen "
            "after it may be the same drift.",
            "zh": f"是：措施之前两组走势已经分化（p {p}），措施之后的差异可能有一部分只是这种走势的延续。",
        }
    known = {
        "en": f"a steady drift of {show(slope, 2)} a period would have been noticed {chance} of the time; "
        f"left unnoticed, it would add up to {show(hidden, 2)} to the effect",
        "zh": f"若两组每期持续偏离{show(slope, 2)}，这项检验有{chance}的机会发现；如未发现，"
        f"它会给效应带来最多{show(hidden, 2)}的偏差",
    }
    if verdict == "no_evidence_against":
        return {
            "en": f"No drift before the measure was found (p {p}), and {known['en']}, less than the "
            f"{show(matters, 2)} that would change the conclusion.",
            "zh": f"未发现措施之前的走势分化（p {p}）。{known['zh']}，小于足以改变结论的{show(matters, 2)}。",
        }
    return {
        "en": f"No drift was found (p {p}), but that says little: {known['en']}, "
        f"no less than the {show(matters, 2)} that would change the conclusion.",
        "zh": f"虽未发现走势分化（p {p}），但说明不了什么：{known['zh']}，"
        f"不小于足以改变结论的{show(matters, 2)}。",
    }
