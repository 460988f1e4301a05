"""What could be wrong, what would settle it, and the record of choices."""

from __future__ import annotations

import pandas as pd

from evaluation.analysis import Case, Headline
from evaluation.report.display import Prose, Record, Table
from evaluation.report.language import date as written_date
from evaluation.report.language import month
from evaluation.report.story.wording import amount


def threats(case: Case, language: str) -> Table:
    """Threats to validity in plain words, each with which way it would bias."""
    zh = language == "zh"
    rows = [
        {
            ("可能的问题" if zh else "What could be wrong"): item.title[language],
            ("说明" if zh else "Why"): item.text[language],
            ("偏向" if zh else "Which way"): item.direction[language],
        }
        for item in case.study.threats
    ]
    return Table(
        pd.DataFrame(rows),
        caption="六个可能使结论出错的原因" if zh and len(rows) == 6 else ("可能使结论出错的原因" if zh else f"{len(rows)} reasons why the estimate could be wrong"),
        name="threats",
        language=language,
    )


def settle(case: Case, head: Headline, language: str) -> Prose:
    """The smallest effect that this design can show, and data that would decide."""
    study, outcome = case.study, head.years.outcome
    zh = language == "zh"
    lines = []
    for pool in study.pools:
        needed = head.tests[pool.id].critical_value(study.rule.level)
        group = pool.label[language]
        if needed is None:
            smallest = head.tests[pool.id].smallest_p
            lines.append(
                f"与{group}相比：无论差距多大，p值都不会低于{smallest:.3f}，按{study.rule.level:g}的规则永远无法认定。"
                if zh
                else f"Against {group}: no gap, however large, gives a p-value below {smallest:.3f}, so a rule at {study.rule.level:g} can never be met."
            )
        else:
            size = amount(needed, outcome, language)
            lines.append(
                f"与{group}相比：{head.before}年到{head.after}年的差距要达到约{size}，才能与偶然波动区分开。"
                if zh
                else f"Against {group}: the gap from {head.before} to {head.after} must reach about {size} to be told from chance."
            )
    lead = "用这些数据能看出多大的效果？" if zh else "How large must an effect be for these data to show it?"
    data = "以下数据可以给出更明确的答案：" if zh else "Data that would decide:"
    return Prose(
        "\n".join([f"**{lead}**", "", *(f"- {line}" for line in lines), "", f"**{data}**", "", *(f"- {item[language]}" for item in study.settle)])
    )


def record(case: Case, language: str) -> Record:
    """Choices that were fixed beforehand."""
    study, zh = case.study, language == "zh"
    join = "；".join if zh else "; ".join
    pairs: list[tuple[str, object]] = [
        ("说法出处" if zh else "Source of the claims", join([study.source.title[language], study.source.publisher[language], written_date(study.source.date, language), study.source.section])),
        ("研究区间" if zh else "Window", f"{month(study.data.start, language)}{' 至 ' if zh else ' to '}{month(study.data.end, language)}"),
        ("处理日期" if zh else "Treatment dates", join(f"{month(d.date, language)}{'：' if zh else ': '}{d.why[language]}" for d in study.treatment.dates)),
        ("对照组" if zh else "Donor pools", join(f"{p.label[language]}（{len(case.donors(p))}）" if zh else f"{p.label[language]} ({len(case.donors(p))})" for p in study.pools)),
        ("判定规则" if zh else "Rule for the verdict", f"{study.rule.text[language]} {'规则确定于' if zh else 'Fixed on'} {written_date(study.rule.fixed_on, language)}{'。' if zh else '.'}"),
        ("随机种子" if zh else "Seed", study.seed),
    ]
    for source in case.sources:
        pairs.append((f"{'数据表' if zh else 'Table'} {source.name}", f"sha256 {source.sha256}"))
    if case.overrides:
        pairs.insert(0, ("与研究文件不同的参数" if zh else "Parameters that differ from the study file", join(f"{k} = {v}" for k, v in case.overrides.items())))
    return Record(pairs)
