"""Intervals of one effect under growing violations of an assumption."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.report import language as words
from evaluation.report.axes import (
    draw_events,
    draw_value_scale,
    draw_x_values,
    limits,
    value_scale,
    x_title,
    x_title_room,
)
from evaluation.report.canvas import LINE, MARGIN, SMALL, WIDTH, Canvas, draw, points
from evaluation.report.display import Figure
from evaluation.report.figures_key import Entry, Key, need, numbers, word

_CUT = 2.5  # intervals further than so many lengths of the usual one are cut


def intervals(
    table: pd.DataFrame,
    *,
    x_label: str,
    y_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    target: str | None = None,
    breakdown: float | None = None,
) -> Figure:
    """Draw the intervals of one effect under growing violations of an assumption, side by side.

    Parameters
    ----------
    table : DataFrame
        ``parameter`` (how large the violation may be; NaN for the usual interval), ``estimate, ci_low,
        ci_high`` and optionally ``target``. A point without an interval is open.
    x_label : str
        What the parameter is.
    target : str, optional
        Which target to draw where the table has several; the first when absent.
    breakdown : float, optional
        The parameter from which on the interval holds zero.

    Raises
    ------
    ReportError
        A column is missing, or there is nothing to draw.
    """
    need(table, ["parameter", "estimate", "ci_low", "ci_high"], name)
    frame = table
    if "target" in table.columns:
        frame = table[table["target"] == (table["target"].iloc[0] if target is None else target)]
        need(frame, ["estimate"], name)
    frame = frame.sort_values("parameter", na_position="first", kind="stable", ignore_index=True)
    value, low, high = (numbers(frame, column) for column in ("estimate", "ci_low", "ci_high"))
    parameter = numbers(frame, "parameter")
    usual = np.isnan(parameter)
    span = float(np.nanmax(parameter)) if (~usual).any() else 1.0
    span = span or 1.0
    offset = -0.17 * span
    x = np.where(usual, offset, parameter)
    bottom, top = limits(value, low, high, include=0)
    first = int(np.argmax(np.isfinite(high - low)))
    length = max(high[first] - low[first], abs(float(value[first])))
    if np.isfinite(length):
        bottom, top = max(bottom, low[first] - _CUT * length), min(top, high[first] + _CUT * length)
    holds = ~((low > 0) | (high < 0))
    finite = breakdown is not None and np.isfinite(breakdown) and 0 < breakdown <= span
    most = words.figures(span, 3)
    texts = [_brief(p, language, most) for p in parameter]

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, written, left = value_scale(canvas, bottom, top, sign=True)
        below = x_title_room(canvas, x_label)
        entries = _zero_entries(holds, language)
        if (low < bottom).any() or (high > top).any():
            entries.append(Entry(word("cut", language), "reference", ""))
        key = Key(canvas, entries)
        mark = SMALL * LINE + 2 if finite else 0
        axes = canvas.sheet(220, left=left, right=MARGIN + 6, above=key.height + mark, below=below)
        draw_value_scale(canvas, axes, ticks, written, bottom, top)
        edges = (min(x.min(), 0.0) - 0.07 * span, span * 1.05)
        axes.set_xlim(*edges)
        plot = WIDTH - left - MARGIN - 6
        shown = _apart(canvas, x, [word("usual", language) if u else t for u, t in zip(usual, texts,
                       strict=True)], plot / (edges[1] - edges[0]))  # fmt: skip
        draw_x_values(canvas, axes, [x[i] for i, _ in shown], [text for _, text in shown])
        axes.axhline(0, color=theme["reference"], lw=points(1.2), zorder=1)
        if usual.any() and not usual.all():
            axes.axvline(offset / 2, color=theme["rule"], lw=points(1), zorder=0)
        start = canvas.height * (1 - axes.get_position().y1)
        key.draw(start - mark - key.height)
        for i in range(len(frame)):
            colour = "reference" if holds[i] else "treated"
            _upright(canvas, axes, (x[i], value[i], low[i], high[i]), colour, 3.2)
        if finite and breakdown is not None:
            text = word("breakdown", language, value=words.number(breakdown, language, words.figures(
                breakdown, 2)))  # fmt: skip
            draw_events(canvas, axes, [breakdown], [text], [0], WIDTH - MARGIN)
        x_title(canvas, axes, x_label, below)

    return draw(
        paint,
        title=title,
        subtitle=y_label,
        source=source,
        alt=alt,
        language=language,
        name=name,
        simulated=simulated,
        data=table,
    )


def _brief(value: float, language: str, most: int) -> str:
    """A number with as few decimals as say the same as ``most`` of them do."""
    if not np.isfinite(value):
        return words.NOT_A_NUMBER
    digits = next(d for d in range(most + 1) if round(value, d) == round(value, most))
    return words.number(value, language, digits)


def _zero_entries(holds: NDArray[np.bool_], language: str) -> list[Entry]:
    entries = []
    if (~holds).any():
        entries.append(Entry(word("excludes", language), "treated", "line"))
    if holds.any():
        entries.append(Entry(word("holds", language), "reference", "line"))
    return entries


def _apart(canvas: Canvas, x: NDArray[np.float64], texts: list[str], scale: float) -> list[tuple[int, str]]:
    """The ticks whose words do not run into those before; the first and the last are always kept."""
    half = [canvas.width(text, SMALL) / 2 + 3 for text in texts]
    kept = [0]
    last = len(texts) - 1
    for i in range(1, last + 1):
        while i == last and len(kept) > 1 and (x[i] - x[kept[-1]]) * scale < half[i] + half[kept[-1]]:
            kept.pop()
        if i == last or (x[i] - x[kept[-1]]) * scale >= half[i] + half[kept[-1]]:
            kept.append(i)
    return [(i, texts[i]) for i in kept]


def _upright(
    canvas: Canvas, axes: Any, at: tuple[float, float, float, float], colour: str, width: float
) -> None:
    """A vertical interval, cut at the plot's edges where it ends in an arrow; its point open without one."""
    x, value, low, high = at
    bottom, top = axes.get_ylim()
    shade = canvas.theme[colour]
    known = not (np.isnan(low) or np.isnan(high))
    if known:
        axes.vlines(x, max(low, bottom), min(high, top), color=shade, lw=points(width), zorder=3)
        for beyond, edge, marker in ((low < bottom, bottom, "v"), (high > top, top, "^")):
            if beyond:
                axes.plot(x, edge, marker, color=shade, ms=points(width + 5), mew=0, zorder=4, clip_on=False)
    axes.plot(
        x,
        value,
        "o",
        ms=points(width + 4.3),
        mec=shade,
        mew=points(1.6),
        mfc=shade if known else canvas.theme["paper"],
        zorder=5,
    )
