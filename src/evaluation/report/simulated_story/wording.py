"""Sentences of pages on a claim without data."""

from __future__ import annotations

from evaluation.analysis.simulated import SimulatedCase
from evaluation.report.language import MINUS, interval, number
from evaluation.report.story.wording import sentence

STORY = "evaluation.report.simulated_story"


def say(key: str, language: str, /, **values: object) -> str:
    """A sentence of this package with its values filled in."""
    return sentence(STORY, key, language, **values)


def join(parts: list[str], language: str) -> str:
    """Several things in a row."""
    return say("numbers.separator", language).join(parts)


def percent(value: float, language: str, digits: int = 0, *, sign: bool = True) -> str:
    """A percentage with its sign: ``−23%``."""
    shown = number(value, language, digits, sign=sign)
    return shown if shown[-1:] not in "0123456789" else f"{shown}%"


def bounds(low: float, high: float, language: str, digits: int = 0) -> str:
    """Ends of an interval in percent; infinity stays infinity."""
    if high == float("inf"):
        infinite = {"en": "any rise", "zh": "任意上升"}[language]
        return say("ranges.cell", language, low=percent(low, language, digits), high=infinite)
    return f"{interval(low, high, language, digits, sign=True)}%"


def size(value: float, language: str) -> str:
    """The size of a fall without its sign, such as ``23%``; with decimals where it has them."""
    digits = 0 if value == round(value) else 1
    return percent(abs(value), language, digits, sign=False).replace(MINUS, "")


def source_line(case: SimulatedCase, language: str) -> str:
    """The line under a figure of simulated numbers."""
    credit = case.study.data.credit
    text = credit[language] if credit else say("source.simulated", language)
    source = sentence("evaluation.report.story", "source.line", language, source=text)
    return source
