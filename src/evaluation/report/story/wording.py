"""Phrases that several parts of a page share."""

from __future__ import annotations

from evaluation.analysis import Case, Headline
from evaluation.report.language import number, with_unit
from evaluation.study import Outcome


def place(case: Case, language: str) -> str:
    """The treated place by name."""
    return case.name(case.treated, language)


def amount(value: float, outcome: Outcome, language: str, *, sign: bool = False) -> str:
    """A value with its unit and as many digits as the outcome is given."""
    return with_unit(number(value, language, outcome.digits, sign=sign), outcome.unit[language], language)


def rose(value: float, language: str) -> str:
    """The verb for a change."""
    if language == "zh":
        return "增加" if value >= 0 else "减少"
    return "rose by" if value >= 0 else "fell by"


def change_sentence(case: Case, head: Headline, pool: str, language: str) -> str:
    """What happened to the treated place and, in the same years, to a pool; no full stop."""
    outcome, group = head.years.outcome, case.study.pool(pool).label[language]
    ours, theirs = head.change, head.others_change[pool]
    own, other = (amount(abs(x), outcome, language) for x in (ours, theirs))
    if language == "zh":
        return (
            f"{head.before}年到{head.after}年，{place(case, language)}{outcome.phrase.zh}{rose(ours, 'zh')}{own}，"
            f"同期{group}平均{rose(theirs, 'zh')}{other}"
        )
    return (
        f"From {head.before} to {head.after} {place(case, language)}’s {outcome.phrase.en} {rose(ours, 'en')} {own}; "
        f"in {group} they {rose(theirs, 'en')} {other} on average"
    )


def unusual(head: Headline, pool: str) -> tuple[int, int]:
    """How many of the other places strayed from the average at least as far, and how many there are."""
    test = head.tests[pool]
    others = test.n_assignments - 1
    return round(test.p_value * test.n_assignments) - 1, others


def level_in_words(level: float) -> str:
    """A level of confidence as a percentage: 0.9412 is 94%."""
    return f"{100 * level:.0f}%" if abs(100 * level - round(100 * level)) < 0.05 else f"{int(100 * level)}%"


def source_line(case: Case, language: str) -> str:
    """The line under a figure: who measured, who computed."""
    text = case.sources[0].citation[language] if case.sources[0].citation else case.sources[0].name
    return ("数据：" if language == "zh" else "Data: ") + text
