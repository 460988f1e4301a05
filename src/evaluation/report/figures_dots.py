"""Dots: one unit among its placebos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import pandas as pd

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report.axes import beside, limits, value_scale, zero_line
from evaluation.report.canvas import DENSITY, Canvas, Texts, draw, points, spread
from evaluation.report.display import Figure

_TALLEST = 150.0  # px of the highest stack of dots


def placebo(
    values: pd.Series,
    *,
    treated: Any,
    x_label: str,
    labels: Mapping[Any, str] | None = None,
    **texts: Unpack[Texts],
) -> Figure:
    """Draw one dot a unit, stacked, with the treated unit marked among its placebos.

    Parameters
    ----------
    values : Series
        Estimate of every unit as if it had been treated, the treated one's own included; index the units.
    treated : index label
    labels : mapping of index label to str
        Names in the page's language; units named here other than the treated are labelled too.
    """
    if treated not in values.index:
        raise ReportError(
            f"The treated unit {treated!r} is not among the values.", where=f"figure {texts['name']}"
        )
    values = values.astype(float).dropna()
    names = {place: name for place, name in ({treated: str(treated)} | dict(labels or {})).items()
             if place in values.index}  # fmt: skip
    low, high = limits(values, include=0, margin=0.05)

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        axes = canvas.axes(120)
        value_scale(axes, "x", low, high, canvas.language, sign=True, most=6, grid=False)
        axes.set_yticks([])
        zero_line(canvas, axes)
        axes.axvline(0, color=theme["reference"], lw=points(1), dashes=(2.5, 2.5), zorder=0.5)
        canvas.below(x_label)
        canvas.settle()
        plot = axes.get_window_extent().width / DENSITY
        dot, columns, levels = _stack(values, low, high, plot)
        rise = min(dot, _TALLEST / (max(levels.values()) + 1))  # dots of very many equal values overlap
        tall = max(120.0, max(levels.values()) * rise + dot + 62)
        canvas.grow(tall)
        axes.set_ylim(0, tall)
        centres = {place: column * dot for place, column in columns.items()}
        for place, level in levels.items():
            strong = place == treated
            axes.plot(
                low + centres[place] / plot * (high - low),
                level * rise + dot / 2 + 2,
                "o",
                mew=0,
                ms=points(dot * (1.15 if strong else 0.86)),
                color=theme["treated" if strong else "comparison"],
                alpha=1 if strong else 0.62,
                zorder=5 if strong else 3,
            )
        digits = words.decimals(float(values.std()) or 1.0)
        written = {
            place: canvas.wrap(
                f"{name} {words.number(values[place], canvas.language, digits, sign=True)}",
                min(180.0, plot / len(names) - 12),
            )
            for place, name in names.items()
        }
        ordered = sorted(names, key=lambda place: centres[place])
        widths = [max(canvas.width(line, bold=True) for line in written[place]) for place in ordered]
        edges = widths[0] / 2 - 4, plot - widths[-1] / 2 + 4
        middles = spread([centres[place] for place in ordered], [width + 10 for width in widths], *edges)
        for place, middle in zip(ordered, middles, strict=True):
            strong = place == treated
            across = [low + px / plot * (high - low) for px in (centres[place], centres[place], middle)]
            up = [levels[place] * rise + dot + 3, tall - 30, tall - 19]
            role = "treated" if strong else "comparison"
            axes.plot(across, up, color=theme.text(role), lw=points(1), zorder=2)
            beside(
                canvas, axes, (across[-1], tall - 18), "\n".join(written[place]), shift=(0, 0), ha="center",
                role=role, bold=strong,
            )  # fmt: skip

    data = values.rename("estimate").rename_axis(values.index.name or "unit").reset_index()
    return draw(paint, data=data, **texts)


def _stack(
    values: pd.Series, low: float, high: float, plot: float
) -> tuple[float, dict[Any, int], dict[Any, int]]:
    """Dot size in pixels, column and level of each unit (Wilkinson's dot plot on a grid)."""
    for dot in (11.0, 9.0, 7.5, 6.0, 5.0, 4.0):
        columns = {unit: round((value - low) / (high - low) * plot / dot) for unit, value in values.items()}
        counts: dict[int, int] = {}
        levels: dict[Any, int] = {}
        for unit in values.sort_values(kind="stable").index:
            levels[unit] = counts.get(columns[unit], 0)
            counts[columns[unit]] = levels[unit] + 1
        if max(counts.values()) * dot <= _TALLEST:
            break
    return dot, columns, levels
