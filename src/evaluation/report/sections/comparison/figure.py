"""The variants drawn: a line each, or, where they are many, the curve of all with their settings below it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from evaluation.report import figures
from evaluation.report import language as words
from evaluation.report.display import Figure
from evaluation.report.sections.comparison.data import Cell, Comparison, Measure
from evaluation.report.sections.comparison.sentences import digits, ends, numbers_of
from evaluation.report.sections.comparison.wording import (
    amount,
    bounds,
    key_name,
    settings_text,
    value_name,
)
from evaluation.report.text import Text

MOST_LINES = 30
"""Variants drawn a line each; more are drawn as a curve."""
_SAID = 12


def variants_figure(page: Comparison, measure: Measure, text: Text) -> Figure | None:
    """The leading estimate of every variant with its interval, the declared study first; None without any."""
    mine = numbers_of(page.good, measure)
    if not mine:
        return None
    low, high = ends(page, measure, mine, text)
    unit = measure.unit[text.language]
    axis = text("figure.axis" if unit else "figure.axis_none", label=measure.label[text.language], unit=unit)
    kind = "title_one" if len(mine) == 1 else "title_same" if low == high else "title"
    common: dict[str, Any] = {
        "title": text(f"figure.{kind}", low=low, high=high, n=len(mine)),
        "source": text("figure.source"),
        "alt": _alt(page, measure, text),
        "language": text.language,
        "name": "variants",
        "simulated": page.simulated,
    }
    if len(mine) > MOST_LINES:
        return _curve(page, measure, text, axis, common)
    return figures.forest(_lines(page, measure, text), x_label=axis, **common)


def _lines(page: Comparison, measure: Measure, text: Text) -> pd.DataFrame:
    rows = []
    places = digits(page, measure)
    for cell in (page.declared, *page.good):
        if measure.id not in cell.numbers:
            continue
        one = cell.numbers[measure.id]
        brackets = "（{}）" if text.language == "zh" else " ({})"
        rows.append(
            {
                "label": settings_text(page, cell, text, page.keys[-1:]),
                "note": text("figure.same") if cell.same else "",
                "group": _group(page, cell, text),
                "role": "reference" if cell.declared else "treated",
                "estimate": one.estimate,
                "ci_low": one.low,
                "ci_high": one.high,
                "text": words.number(one.estimate, text.language, places, sign=True)
                + brackets.format(bounds(one, text, places)),
            }
        )
    return pd.DataFrame(rows)


def _group(page: Comparison, cell: Cell, text: Text) -> str:
    """The heading that lines stand under: all axes but the last, which is at the line."""
    if cell.declared:
        return text("figure.group")
    outer = page.keys[:-1]
    return settings_text(page, cell, text, outer) if outer else text("figure.variants")


def _curve(page: Comparison, measure: Measure, text: Text, axis: str, common: dict[str, Any]) -> Figure:
    rows = []
    for cell in page.good:
        if measure.id in cell.numbers:
            one = cell.numbers[measure.id]
            beyond = {"estimate": one.estimate, "ci_low": one.low, "ci_high": one.high}
            rows.append({**cell.settings, **beyond, "beyond": one.side != 0})
    choices = {
        key: (
            key_name(key, text),
            {
                value: value_name(page, value, text)
                for value in dict.fromkeys(cell.settings[key] for cell in page.good)
            },
        )
        for key in page.keys
    }
    table = pd.DataFrame(rows)
    same = [cell.settings for cell in page.good if cell.same and measure.id in cell.numbers]
    return figures.specification_curve(
        table, choices=choices, y_label=axis, main=dict(same[0]) if same else None, **common
    )


def _alt(page: Comparison, measure: Measure, text: Text) -> str:
    places = digits(page, measure)
    brackets = "（{}）" if text.language == "zh" else " ({})"
    said = [
        text(
            "figure.alt_row",
            label=settings_text(page, cell, text),
            value=amount(cell.numbers[measure.id].estimate, measure, text, places)
            + brackets.format(bounds(cell.numbers[measure.id], text, places)),
        )
        for cell in (page.declared, *page.good)
        if measure.id in cell.numbers
    ]
    more = [text("figure.alt_more", n=len(said) - _SAID)] if len(said) > _SAID else []
    return text(
        "figure.alt",
        label=measure.label[text.language],
        unit=measure.unit[text.language],
        rows=words.text("list_comma", text.language).join([*said[:_SAID], *more]),
    )
