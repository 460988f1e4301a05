"""The raw record and the placebo comparison as figures and a table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evaluation.analysis import Case, EventPath, Headline, YearTable
from evaluation.report import figures
from evaluation.report.display import Figure, Table
from evaluation.report.language import month, number, p_value, percent
from evaluation.report.story.wording import amount, change_sentence, place, rose, source_line, unusual


def years_figure(case: Case, head: Headline, pool: str, language: str) -> Figure:
    """Every place's yearly figures as thin lines, the treated one strong."""
    return _years(case, head, pool, language, kind="series")


def slope_figure(case: Case, head: Headline, pool: str, language: str) -> Figure:
    """First and last year of every place as slopes."""
    return _years(case, head, pool, language, kind="slope")


def _years(case: Case, head: Headline, pool: str, language: str, *, kind: str) -> Figure:
    outcome, zh = head.years.outcome, language == "zh"
    units = [case.treated, *case.donors(pool)]
    wide = head.years.values.loc[units].T
    wide.columns = [case.name(unit, language) for unit in units]
    group = case.study.pool(pool).label[language]
    ours = amount(head.change, outcome, language, sign=True)
    theirs = amount(head.others_change[pool], outcome, language, sign=True)
    title = (
        f"{place(case, language)}{ours}，{group}平均{theirs}"
        if zh
        else f"{place(case, language)} {ours}; {group} {theirs} on average"
    )
    values = "、".join if zh else ", ".join
    said = values(f"{year}: {number(v, language, outcome.digits)}" for year, v in wide[place(case, language)].items())
    if zh:
        alt = (
            f"折线图，{outcome.label.zh}，{wide.index[0]}年到{wide.index[-1]}年，共{len(units)}个城市。"
            f"{place(case, language)}：{said}。{change_sentence(case, head, pool, language)}。"
        )
    else:
        alt = (
            f"Line chart of {outcome.phrase.en} a year, {wide.index[0]} to {wide.index[-1]}, in {len(units)} cities. "
            f"{place(case, language)}: {said}. {change_sentence(case, head, pool, language)}."
        )
    common = {
        "title": title,
        "source": source_line(case, language),
        "alt": alt,
        "language": language,
        "name": f"{kind}-{outcome.id}-{pool}",
        "simulated": case.simulated,
    }
    y_label = f"全年{outcome.label.zh}（{outcome.unit.zh}）" if zh else f"{outcome.label.en}, {outcome.unit.en} a year"
    if kind == "slope":
        return figures.slope(wide.loc[[head.before, head.after]], treated=place(case, language), y_label=y_label, **common)
    return figures.series(
        wide,
        treated=place(case, language),
        y_label=y_label,
        highlight_mean=f"{group}平均" if zh else f"mean of {group}",
        **common,
    )


def record_table(case: Case, tables: Sequence[YearTable], pool: str, language: str, before: int, after: int) -> Table:
    """The record of every city: yearly figures and change, by each way of measuring.

    Parameters
    ----------
    case : Case
    tables : sequence of YearTable
    pool : str
    language : {"en", "zh"}
    before, after : int
        The years whose change is shown.
    """
    zh = language == "zh"
    units = [case.treated, *case.donors(pool)]
    columns: dict[str, pd.Series] = {}
    for table in tables:
        short = table.outcome.label[language]
        for year in table.values.columns:
            columns[f"{short} {year}"] = table.values.loc[units, year]
        columns[f"{short} {before}–{after}"] = table.change(before, after).loc[units]
    frame = pd.DataFrame(columns)
    frame = frame.sort_values(frame.columns[len(tables[0].values.columns)], ascending=False, kind="stable")
    frame.index = pd.Index([case.name(unit, language) for unit in frame.index], name="城市" if zh else "City")
    changes = {column: (lambda v: number(v, language, 0, sign=True)) for column in frame.columns if "–" in column}
    plain = {column: (lambda v: number(v, language, 0)) for column in frame.columns if "–" not in column}
    mean = frame.drop(place(case, language)).iloc[:, len(tables[0].values.columns)].mean()
    outcome = tables[0].outcome
    shown = amount(mean, outcome, language, sign=True)
    return Table(
        frame,
        caption=(
            f"各市逐年{outcome.phrase.zh}：除{place(case, language)}外平均{shown}"
            if zh
            else f"Every city’s record: the others’ {outcome.phrase.en} changed by {shown} on average"
        ),
        name="record",
        formats={**plain, **changes},
        notes=(
            "按国标HJ 633—2012由六项污染物日值重算，与发布的指数并列；优良指指数不超过100。"
            if zh
            else "The index is recomputed from six pollutants under HJ 633-2012 and set beside the published one; "
            "good air is an index of 100 or less."
        ),
        simulated=case.simulated,
        language=language,
    )


def placebo_figure(case: Case, head: Headline, pool: str, language: str) -> Figure:
    """Where the treated place stands among the places where nothing was claimed."""
    zh, test = language == "zh", head.tests[pool]
    outcome, group = head.years.outcome, case.study.pool(pool).label[language]
    values = pd.Series(test.placebo[:, 0], index=[case.name(unit, language) for unit in test.labels])
    values[place(case, language)] = test.estimate
    as_far, others = unusual(head, pool)
    p = p_value(test.p_value, language)
    gap = amount(test.estimate, outcome, language, sign=True)
    title = (
        f"{others}个城市中，{as_far}个的变化同样不寻常或更甚"
        if zh
        else f"{as_far} of {others} other cities changed as unusually as {place(case, language)}"
    )
    if zh:
        alt = (
            f"点图：把{group}逐一当作“受处理城市”时得到的差距。{place(case, language)}为{gap}，"
            f"{others}个城市中有{as_far}个离零同样远或更远，安慰剂检验p值{p}。"
        )
    else:
        alt = (
            f"Each of {group} in turn treated as if it had the reform. {place(case, language)}’s gap is {gap}; "
            f"{as_far} of {others} lie as far from zero or further: placebo p-value {p}."
        )
    return figures.placebo(
        values,
        treated=place(case, language),
        x_label=(
            f"{head.before}→{head.after}年变化与其余城市平均之差（{outcome.unit.zh}）"
            if zh
            else f"Change {head.before} to {head.after} beyond the others’ mean, {outcome.unit.en}"
        ),
        title=title,
        source=source_line(case, language),
        alt=alt,
        language=language,
        name=f"placebo-{outcome.id}-{pool}",
        simulated=case.simulated,
    )


def path_figure(case: Case, path: EventPath, language: str) -> Figure:
    """The event study of the treated place within the band of the donors' own paths."""
    zh, outcome, frame = language == "zh", path.outcome, path.frame
    group = case.study.pool(path.pool).label[language]
    after = frame[frame["event_time"] >= 0]
    outside = (after["estimate"] < after["placebo_low"]) | (after["estimate"] > after["placebo_high"])
    mean = float(after["estimate"].mean())
    gap = amount(abs(mean), outcome, language) if outcome.digits else _tenth(abs(mean), outcome.unit[language], language)
    share = percent(float(outside.mean()), language)
    start = month(path.date, language)
    title = (
        f"{start}起，{int(outside.sum())}/{len(after)}个月超出其他城市的通常波动"
        if zh
        else f"{int(outside.sum())} of {len(after)} months from {start} leave the range of other cities"
    )
    if zh:
        alt = (
            f"事件研究图：{place(case, language)}每月{outcome.phrase.zh}与{group}之差，以{start}之前各月的平均为零。"
            f"此后平均{rose(mean, 'zh')}{gap}；{share}的月份落在{path.n_donors}个城市安慰剂路径的95%范围之外。"
        )
    else:
        alt = (
            f"Event study: {place(case, language)}’s {outcome.phrase.en} a month against {group}, zero being the mean "
            f"before {start}. From then on it {rose(mean, 'en')} {gap} on average; {share} of the months lie outside "
            f"the middle 95% of {path.n_donors} placebo paths."
        )
    return figures.event_study(
        frame,
        x_label=f"距{start}的月数" if zh else f"Months since {start}",
        y_label=f"与其余城市之差（{outcome.unit.zh}/月）" if zh else f"Gap to the others, {outcome.unit.en} a month",
        title=title,
        source=source_line(case, language),
        alt=alt,
        language=language,
        name=f"event-study-{outcome.id}-{path.date}",
        simulated=case.simulated,
    )


def _tenth(value: float, unit: str, language: str) -> str:
    return f"{number(value, language, 1)}{'' if language == 'zh' else ' '}{unit}"
