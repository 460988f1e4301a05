"""The variants drawn: a line each, or, where they are many, the curve of all with their settings below it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from evaluation.report import figures
from evaluation.report import language as words
from evaluation.report.comparison_story.data import Cell, Comparison, Measure
from evaluation.report.comparison_story.sentences import digits, ends, numbers_of
from evaluation.report.comparison_story.wording import (
    amount,
    bounds,
    key_name,
    say,
    settings_text,
    value_name,
)
from evaluation.report.display import Figure

MOST_LINES = 30
"""Variants drawn a line each; more are drawn as a curve."""
_SAID = 12


def variants_figure(page: Comparison, measure: Measure, language: str) -> Figure | None:
    """The leading estimate of every variant with its interval, the declared study first; None without any."""
    mine = numbers_of(page.good, measure)
    if not mine:
        return None
    low, high = ends(page, measure, mine, language)
    unit = measure.unit[language]
    axis = say(
        "figure.axis" if unit else "figure.axis_none", language, label=measure.label[language], unit=unit
    )
    kind = "title_one" if len(mine) == 1 else "title_same" if low == high else "title"
    common: dict[str, Any] = {
        "title": say(f"figure.{kind}", language, low=low, high=high, n=len(mine)),
        "source": say("figure.source", language),
        "alt": _alt(page, measure, language),
        "language": language,
        "name": "variants",
        "simulated": page.simulated,
    }
    if len(mine) > MOST_LINES:
        return _curve(page, measure, language, axis, common)
    return figures.forest(_lines(page, measure, language), x_label=axis, **common)


def _lines(page: Comparison, measure: Measure, language: str) -> pd.DataFrame:
    rows = []
    places = digits(page, measure)
    for cell in (page.declared, *page.good):
        if measure.id not in cell.numbers:
            continue
        one = cell.numbers[measure.id]
        brackets = "（{}）" if language == "zh" else " ({})"
        rows.append(
            {
                "label": settings_text(page, cell, language, page.keys[-1:]),
                "note": say("figure.same", language) if cell.same else "",
                "group": _group(page, cell, language),
                "role": "reference" if cell.declared else "treated",
                "estimate": one.estimate,
                "ci_low": one.low,
                "ci_high": one.high,
                "text": words.number(one.estimate, language, places, sign=True)
                + brackets.format(bounds(one, language, places)),
            }
        )
    return pd.DataFrame(rows)


def _group(page: Comparison, cell: Cell, language: str) -> str:
    """The heading that lines stand under: all axes but the last, which is at the line."""
    if cell.declared:
        return say("figure.group", language)
    outer = page.keys[:-1]
    return settings_text(page, cell, language, outer) if outer else say("figure.variants", language)


def _curve(page: Comparison, measure: Measure, language: str, axis: str, common: dict[str, Any]) -> Figure:
    rows = []
    for cell in page.good:
        if measure.id in cell.numbers:
            one = cell.numbers[measure.id]
            beyond = {"estimate": one.estimate, "ci_low": one.low, "ci_high": one.high}
            rows.append({**cell.settings, **beyond, "beyond": one.side != 0})
    choices = {
        key: (
            key_name(key, language),
            {
                value: value_name(page, value, language)
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


def _alt(page: Comparison, measure: Measure, language: str) -> str:
    places = digits(page, measure)
    brackets = "（{}）" if language == "zh" else " ({})"
    said = [
        say(
            "figure.alt_row",
            language,
            label=settings_text(page, cell, language),
            value=amount(cell.numbers[measure.id].estimate, measure, language, places)
            + brackets.format(bounds(cell.numbers[measure.id], language, places)),
        )
        for cell in (page.declared, *page.good)
        if measure.id in cell.numbers
    ]
    more = [say("figure.alt_more", language, n=len(said) - _SAID)] if len(said) > _SAID else []
    return say(
        "figure.alt",
        language,
        label=measure.label[language],
        unit=measure.unit[language],
        rows=words.text("list_comma", language).join([*said[:_SAID], *more]),
    )
