"""Sentences of pages on a claim without data."""

from __future__ import annotations

from evaluation.analysis.simulated import SimulatedCase
from evaluation.report.language import MINUS, interval, number
from evaluation.report.languages import spoken
from evaluation.report.text import Text

said = spoken("simulated")
"""For sections of pages on a claim without data."""


def join(parts: list[str], text: Text) -> str:
    """Several things in a row."""
    return text("numbers.separator").join(parts)


def percent(value: float, text: Text, digits: int = 0, *, sign: bool = True) -> str:
    """A percentage with its sign: ``−23%``."""
    shown = number(value, text.language, digits, sign=sign)
    return shown if shown[-1:] not in "0123456789" else f"{shown}%"


def bounds(low: float, high: float, text: Text, digits: int = 0) -> str:
    """Ends of an interval in percent; infinity stays infinity."""
    if high == float("inf"):
        infinite = {"en": "any rise", "zh": "任意上升"}[text.language]
        return text("ranges.cell", low=percent(low, text, digits), high=infinite)
    return f"{interval(low, high, text.language, digits, sign=True)}%"


def size(value: float, text: Text) -> str:
    """The size of a fall without its sign, such as ``23%``; with decimals where it has them."""
    digits = 0 if value == round(value) else 1
    return percent(abs(value), text, digits, sign=False).replace(MINUS, "")


def source_line(case: SimulatedCase, text: Text) -> str:
    """The line under a figure of simulated numbers."""
    credit = case.study.data.credit
    source = credit[text.language] if credit else text("source.simulated")
    return text("words.source", source=source)
