"""Sentences of the page that compares variants, and how settings and numbers are said."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from evaluation.report import language as words
from evaluation.report.sections.comparison.data import Cell, Comparison, Measure, Number
from evaluation.report.text import Text, labels, sentence_case

FOLDER = "comparison"
"""Of the templates of this page."""


def text_in(language: str) -> Text:
    """The sentences of this page in a language."""
    return Text(language, folder=FOLDER)


def key_name(key: str, text: Text) -> str:
    """What readers call a key of the study file; the key itself where it has no name here."""
    known = labels(text.language, FOLDER).get(f"keys.{key}")
    return key if known is None else sentence_case(known)


def value_name(page: Comparison, value: str, text: Text) -> str:
    """A value as readers call it: the label of an outcome, a comparison or a pool, else as written."""
    plain = value.strip('"')
    label = page.names.get(plain)
    return plain if label is None else label[text.language]


def settings_text(page: Comparison, cell: Cell, text: Text, keys: Sequence[str] | None = None) -> str:
    """A variant in words, one setting after the other: those of all axes, or of some."""
    if cell.declared:
        return text("figure.declared")
    parts = []
    for key in page.keys if keys is None else keys:
        name, value = key_name(key, text), value_name(page, cell.settings[key], text)
        parts.append(text("figure.setting", key=name, value=value))
    return text("figure.join").join(parts)


def digits_of(numbers: Sequence[Number]) -> int:
    """Decimals that all numbers of a measure are written with: what the middle one of the intervals bears."""
    widths = [one.high - one.low for one in numbers if one.known and one.high > one.low]
    if widths:
        return words.interval_decimals(0.0, median(widths))
    sizes = [abs(one.estimate) for one in numbers if one.estimate == one.estimate and one.estimate]
    return words.figures(min(sizes), 2) if sizes else 0


def amount(value: float, measure: Measure, text: Text, digits: int) -> str:
    """An estimate with its unit."""
    shown = words.number(value, text.language, digits, sign=True)
    unit = measure.unit[text.language]
    if not unit or shown == words.NOT_A_NUMBER:
        return shown
    return words.with_unit(shown, unit, text.language)


def bounds(number: Number, text: Text, digits: int) -> str:
    """The interval, or words for none."""
    return words.interval(number.low, number.high, text.language, digits)


def agrees(cell: Cell, declared: Cell, measure: str, how: str) -> bool:
    """Whether a variant says of a measure what the study as declared says; see `how_agreed`."""
    one, other = cell.numbers.get(measure), declared.numbers.get(measure)
    if one is None or other is None:
        return False
    if how == "verdict":
        return one.verdict == other.verdict
    return one.side == other.side if how == "side" else (one.estimate > 0) == (other.estimate > 0)


def how_agreed(cells: Sequence[Cell], declared: Cell, measure: str) -> str:
    """By what variants are said to agree: ``verdict``, ``side`` or ``sign``.

    Verdicts where the study's rule gives all of them, else the side of no change on which intervals lie,
    or the sign where there are none; ``none`` where the declared study has no number.
    """
    other = declared.numbers.get(measure)
    if other is None:
        return "none"
    mine = [cell.numbers[measure] for cell in cells if measure in cell.numbers]
    if other.verdict and other.verdict not in ("not_testable", "no_data") and all(m.verdict for m in mine):
        return "verdict"
    return "side" if other.known and all(one.known for one in mine) else "sign"
