"""The estimates over all declared choices, as a table, a figure and one sentence."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from evaluation.analysis import Case
from evaluation.report import figures
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.language import decimals, interval, month, number, p_value
from evaluation.report.story.wording import place, source_line

SEASON = {
    "month_effects": {"en": "all months, month effects", "zh": "全部月份，控制月份效应"},
    "year_on_year": {"en": "first year against the same months before", "zh": "首年与上年同月相比"},
}
SCALE = {"level": {"en": "level", "zh": "绝对值"}, "log": {"en": "log", "zh": "对数"}}


def estimates_table(case: Case, frame: pd.DataFrame, date: str, language: str) -> Table:
    """Every outcome, scale and season method for one treatment date: estimate, interval, placebo p-values.

    Parameters
    ----------
    case : Case
    frame : pandas.DataFrame
        From `evaluation.analysis.specifications`.
    date : str
    language : {"en", "zh"}
    """
    zh = language == "zh"
    local, wide = case.study.pools[0].id, case.study.rule.pool
    rows = []
    chosen = frame[frame["date"] == date]
    for (outcome_id, scale, season), group in chosen.groupby(["outcome", "scale", "season"], sort=False):
        by_pool = group.set_index("pool")
        near, far = by_pool.loc[local], by_pool.loc[wide]
        outcome = case.study.outcome(str(outcome_id))
        digits = _digits(far)
        unit = ("对数点" if zh else "log points") if scale == "log" else outcome.unit[language]
        absent = math.isnan(near["estimate"])
        rows.append(
            {
                ("指标" if zh else "Outcome"): outcome.label[language],
                ("尺度" if zh else "Scale"): f"{SCALE[str(scale)][language]}{'，' if zh else ', '}{unit}",
                ("比较方式" if zh else "Months compared"): SEASON[str(season)][language],
                ("对邻市：估计" if zh else "Neighbours: estimate"): number(near["estimate"], language, digits, sign=True),
                ("对邻市：安慰剂p" if zh else "Neighbours: placebo p"): p_value(near["p_value"], language),
                ("对全国：估计" if zh else "Nationwide: estimate"): number(far["estimate"], language, digits, sign=True),
                ("对全国：95%区间" if zh else "Nationwide: 95% interval"): (
                    ("无（有的月份为零天，不能取对数）" if zh else "none: some months have zero days, which have no logarithm")
                    if absent
                    else interval(far["ci_low"], far["ci_high"], language, digits, sign=True)
                ),
                ("对全国：安慰剂p" if zh else "Nationwide: placebo p"): p_value(far["p_value"], language),
            }
        )
    start = month(date, language)
    label = next(item for item in case.study.treatment.dates if item.date == date).label[language]
    return Table(
        pd.DataFrame(rows),
        caption=(
            f"以{start}（{label}）为起点：各指标、各种算法下的平均月度差距"
            if zh
            else f"Mean monthly gap from {start} on ({label}), for every outcome and way of computing it"
        ),
        name=f"estimates-{date}",
        notes=(
            "p值来自空间安慰剂检验：把每个城市依次当作受处理城市。对邻市只有17个城市，p值最小为1/17=0.059，因此没有95%区间。"
            if zh
            else "p-values are placebo tests in space: every city takes its turn as the treated one. Among 17 cities none can "
            "fall below 1/17 = 0.059, so against the neighbours no 95% interval exists."
        ),
        simulated=case.simulated,
        language=language,
    )


def _digits(row: pd.Series) -> int:
    width = (row["ci_high"] - row["ci_low"]) / 3.92
    return decimals(width) if math.isfinite(width) else 1


def estimates_figure(case: Case, frame: pd.DataFrame, language: str) -> Figure:
    """Every estimate as a multiple of the spread of its own placebos, so that all share one axis.

    A value of 1 is the 95 % limit of what the donors show by chance.
    """
    zh = language == "zh"
    pool = case.study.rule.pool
    chosen = frame[(frame["pool"] == pool) & np.isfinite(frame["estimate"]) & np.isfinite(frame["ci_low"])]
    rows = []
    for row in chosen.to_dict("records"):
        outcome = case.study.outcome(row["outcome"])
        half = (row["ci_high"] - row["ci_low"]) / 2
        better = 1 if outcome.better == "higher" else -1
        middle = better * row["estimate"] / half
        ends = sorted((better * row["ci_low"] / half, better * row["ci_high"] / half))
        rows.append(
            {
                "label": f"{SCALE[row['scale']][language]} · {month(row['date'], language)} · "
                + ({"month_effects": "全部月份", "year_on_year": "同月"} if zh else {"month_effects": "all months", "year_on_year": "same months"})[row["season"]],
                "group": outcome.label[language],
                "estimate": middle,
                "ci_low": ends[0],
                "ci_high": ends[1],
                "note": f"p {p_value(row['p_value'], language)}",
            }
        )
    table = pd.DataFrame(rows)
    beyond = int((table["ci_low"] > 0).sum())
    worse = int((table["ci_high"] < 0).sum())
    title = (
        f"{len(table)}种算法中，{beyond}种显示好于全国对照，{worse}种差于对照"
        if zh
        else f"Of {len(table)} ways to compute it, {beyond} say better than the comparison, {worse} say worse"
    )
    alt = (
        f"森林图：{place(case, language)}与全国对照城市的差距，按各自95%区间的半宽折算，右侧为改善。{title}。"
        if zh
        else f"Forest plot of {place(case, language)}’s gap to the nationwide comparison, each in units of half its own 95% "
        f"interval, improvement to the right. {title}."
    )
    return figures.forest(
        table,
        x_label="改善 →（以95%区间半宽为单位）" if zh else "Improvement → (in half-widths of the 95% interval)",
        title=title,
        source=source_line(case, language),
        alt=alt,
        language=language,
        name="estimates",
        simulated=case.simulated,
    )


def specification_sentence(case: Case, frame: pd.DataFrame, language: str) -> Prose:
    """Say how much the answer turns on the choices, and why the usual standard error is not used."""
    pool = case.study.rule.pool
    far = frame[(frame["pool"] == pool) & np.isfinite(frame["p_value"])]
    near = frame[(frame["pool"] != pool) & np.isfinite(frame["p_value"])]
    low = int((far["p_value"] <= case.study.rule.level).sum())
    clustered = near[(near["estimate"].abs() > 1.96 * near["cluster_se"])]
    level = f"{100 * case.study.rule.level:g}"
    absent = int(frame["estimate"].isna().sum())
    if language == "zh":
        return Prose(
            f"对全国{int(far['n_units'].max()) - 1}个城市，{len(far)}种算法中有{low}种的p值不超过{case.study.rule.level:g}。"
            f"若误用常规的聚类标准误，对邻市的{len(near)}种算法中会有{len(clustered)}种看似“超出{level}%水平”："
            "受处理的只有一个城市，它被完全拟合，标准误量不出它自身的波动。因此本页一律采用安慰剂检验。"
            f"另有{absent}种算法无法计算，原因列于表中。"
        )
    return Prose(
        f"Against {int(far['n_units'].max()) - 1} cities nationwide, {low} of {len(far)} ways of computing the effect have a "
        f"placebo p-value of {case.study.rule.level:g} or less. The usual clustered standard error would call "
        f"{len(clustered)} of {len(near)} comparisons with the neighbours clear at the {level}% level. It is wrong here: the one treated "
        "city is fitted exactly, so its own fluctuations are not counted. This page uses placebo tests throughout. "
        f"{absent} further combinations cannot be computed; the table says why."
    )
