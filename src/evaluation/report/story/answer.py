"""The first screen: the answer in one sentence, and the numbers it rests on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from evaluation.analysis import Case, Headline
from evaluation.claims import ClaimCheck
from evaluation.report import figures
from evaluation.report.display import Answer, Figure
from evaluation.report.language import interval, number
from evaluation.report.story.wording import amount, change_sentence, place, source_line, unusual


def answer(case: Case, head: Headline, checks: Sequence[ClaimCheck], language: str) -> Answer:
    """One sentence that answers the question, with the verdicts on the leading claim.

    Parameters
    ----------
    case : Case
    head : Headline
    checks : sequence of ClaimCheck
    language : {"en", "zh"}
    """
    check = leading_check(case, checks)
    pool = case.study.pools[0].id
    extra, (as_far, others) = head.difference(pool), unusual(head, pool)
    outcome = head.years.outcome
    gap = amount(abs(extra), outcome, language)
    story = change_sentence(case, head, pool, language)
    verdict = check.attributable
    group = case.study.pool(pool).label[language]
    decisive = case.study.rule.pool
    far_all, n_all = unusual(head, decisive)
    wide = case.study.pool(decisive).label[language]
    if language == "zh":
        ends = {
            "beyond_comparison": "按事先定下的规则，这一变化超出了对照城市的变化。",
            "opposite": "按事先定下的规则，这一变化比对照城市更差。",
            "not_distinguishable": "因此，不能断定这一变化超过了对照城市同期的变化。",
            "not_testable": f"因此无法检验：{check.reason}。",
        }
        sentence = (
            f"{story}。相差{gap}；但{group}中，也有{as_far}个偏离平均的幅度不小于此。{ends[verdict]}"
            if verdict != "not_testable"
            else f"{story}。{ends[verdict]}"
        )
    else:
        ends = {
            "beyond_comparison": "By the rule fixed beforehand, that is more than comparable places had.",
            "opposite": "By the rule fixed beforehand, that is worse than comparable places had.",
            "not_distinguishable": "So the change cannot be told from what comparable places had.",
            "not_testable": f"It cannot be tested: {check.reason}.",
        }
        strayed = f"{as_far} of the {others} others strayed as far from the average or further"
        sentence = (
            f"{story}. The gap is {gap}, but {strayed}. {ends[verdict]}"
            if verdict != "not_testable"
            else f"{story}. {ends[verdict]}"
        )
    low, high, _ = head.tests[decisive].interval()
    detail = _detail(case, head, decisive, wide, far_all, n_all, low, high, language)
    questions = ("数据中能否得到官方数字？", "是否超过对照城市？") if language == "zh" else (
        "Do independent data give the figure?",
        "Is it more than comparable places had?",
    )
    return Answer(
        sentence=sentence,
        verdicts=[(questions[0], check.reproduced), (questions[1], check.attributable)],
        detail=detail,
        language=language,
    )


def _detail(
    case: Case, head: Headline, pool: str, group: str, as_far: int, others: int, low: float, high: float, language: str
) -> str:
    outcome = head.years.outcome
    extra = amount(head.difference(pool), outcome, language, sign=True)
    bounds = interval(low, high, language, outcome.digits)
    unit = outcome.unit[language]
    if language == "zh":
        between = f"，95%区间为{bounds}{unit}" if math.isfinite(low) else ""
        return (
            f"与{group}相比，差距为{extra}{between}；其中{as_far}个城市的变化同样或更加不寻常。"
            "“无法区分”不等于“没有效果”，而是凭这些数据看不出来。"
        )
    between = f" (95% interval {bounds} {unit})" if math.isfinite(low) else ""
    return (
        f"Against {group} the gap is {extra}{between}; {as_far} of them changed as unusually or more. "
        "“Not distinguishable” is not “no effect”: these data cannot show which."
    )


def leading_check(case: Case, checks: Sequence[ClaimCheck]) -> ClaimCheck:
    """The check of the claim that the headline is about: a change of the headline outcome."""
    wanted = [
        claim.id
        for claim in case.study.claims
        if claim.outcome == case.study.headline.outcome and claim.kind in ("change", "relative_change")
    ]
    return next((check for check in checks if check.id in wanted), checks[0])


def three_numbers(case: Case, head: Headline, checks: Sequence[ClaimCheck], language: str) -> Figure:
    """Claimed, found, and left after the comparison, on one scale."""
    check = leading_check(case, checks)
    outcome = head.years.outcome
    zh = language == "zh"
    rows = [
        {"kind": "claimed", "label": "官方公布" if zh else "Claimed by the city", "value": check.claimed},
        {"kind": "found", "label": "独立数据重算" if zh else "Found in independent data", "value": head.change},
    ]
    for pool in case.study.pools:
        test = head.tests[pool.id]
        low, high, _ = test.interval()
        level = 0.95
        if not math.isfinite(low):
            level = test.widest_level
            low, high, _ = test.interval(level)
        group = pool.label[language]
        shown = f"{100 * level:.0f}%"
        rows.append(
            {
                "kind": "attributable",
                "label": f"减去{group}的平均变化" if zh else f"Beyond {group}",
                "value": test.estimate,
                "ci_low": low,
                "ci_high": high,
                "note": f"{shown}区间" if zh else f"{shown} interval",
            }
        )
    frame = pd.DataFrame(rows)
    extra = amount(head.difference(case.study.pools[0].id), outcome, language, sign=True)
    claimed = amount(check.claimed, outcome, language, sign=True)
    title = (
        f"官方公布{claimed}，扣除邻市同期变化后为{extra}"
        if zh
        else f"Claimed {claimed}; beyond the neighbours, {extra}"
    )
    parts = "; ".join(_say(row, language) for row in rows)
    alt = (
        f"点图，{outcome.label.zh}{head.before}年到{head.after}年的变化：{parts}。"
        if zh
        else f"Dot plot of the change in {outcome.phrase.en}, {head.before} to {head.after}: {parts}."
    )
    return figures.three_numbers(
        frame,
        x_label=f"{head.before}→{head.after}，{outcome.unit.zh}" if zh else f"Change {head.before} to {head.after}, {outcome.unit.en}",
        title=title,
        source=source_line(case, language),
        alt=alt,
        language=language,
        name="three-numbers",
        simulated=case.simulated,
    )


def _say(row: dict[str, object], language: str) -> str:
    value = number(row["value"], language, sign=True, digits=0)
    text = f"{row['label']} {value}"
    low = row.get("ci_low")
    if isinstance(low, float) and math.isfinite(low):
        bounds = interval(low, float(str(row["ci_high"])), language, 0)
        text += f"（{row['note']} {bounds}）" if language == "zh" else f" ({row['note']} {bounds})"
    return text


__all__ = ["answer", "leading_check", "place", "three_numbers"]
