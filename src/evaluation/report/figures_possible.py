"""What a published number leaves possible: a bound as a curve, its allowed side shaded, points named."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evaluation.report.axes import (
    draw_value_scale,
    draw_x_values,
    limits,
    nice_ticks,
    tick_texts,
    value_scale,
    x_title,
    x_title_room,
)
from evaluation.report.canvas import MARGIN, SMALL, WIDTH, Canvas, draw, points
from evaluation.report.display import Figure
from evaluation.report.figures_key import beside, need, numbers

_GAP = 6.0


def possible(
    curve: pd.DataFrame,
    *,
    x: str,
    y: str,
    marks: Sequence[tuple[float, float, str]] = (),
    shaded: str = "",
    x_percent: bool = False,
    x_label: str,
    y_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    height: float = 240,
) -> Figure:
    """Draw a bound as a curve with points of it named.

    Parameters
    ----------
    curve : DataFrame
        Columns ``x`` and ``y``, in the order of x.
    x, y : str
        Columns of the horizontal and the vertical value.
    marks : sequence of (x, y, text)
        Points with words beside them, from left to right.
    shaded : str
        Words in the shaded side, below the curve; nothing is shaded without.
    x_percent : bool
        Write the horizontal values as percentages of 1.
    """
    need(curve, [x, y], name)
    across, up = numbers(curve, x), numbers(curve, y)
    low, high = limits(up, [item[1] for item in marks], margin=0.12, include=0.0)

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, texts, left = value_scale(canvas, low, high, sign=True)
        below = x_title_room(canvas, x_label)
        axes = canvas.sheet(height, left=left, right=MARGIN + 6, below=below)
        draw_value_scale(canvas, axes, ticks, texts, low, high)
        axes.set_xlim(across[0], across[-1])
        scale = 100.0 if x_percent else 1.0
        values = [tick / scale for tick in nice_ticks(across[0] * scale, across[-1] * scale, 7)]
        written = tick_texts([value * scale for value in values], language)
        draw_x_values(canvas, axes, values, [text + "%" if x_percent else text for text in written])
        axes.tick_params(axis="x", length=points(4), width=points(1), color=theme["reference"])
        axes.axhline(0, color=theme["reference"], lw=points(1.1), dashes=(2.5, 2.5), zorder=1)
        if shaded:
            axes.fill_between(across, up, low, color=theme["treated"], alpha=0.13, lw=0, zorder=1)
            beside(canvas, axes, (across[0], low), shaded, shift=(8, 8), ha="left", role="treated")
        axes.plot(across, up, color=theme["treated"], lw=points(2.6), zorder=4, clip_on=False)
        plot = WIDTH - left - MARGIN - 6
        for at, value, text in marks:
            axes.plot(at, value, "o", color=theme["treated"], ms=points(8), zorder=6, clip_on=False)
            share = (at - across[0]) / (across[-1] - across[0])
            room = (1 - share) * plot > canvas.width(text, SMALL) + 3 * _GAP
            # on the side of the point that the curve leaves free
            upright = (_GAP if room else -_GAP) * (-1 if up[-1] > up[0] else 1)
            shift = (_GAP + 3 if room else -_GAP - 3, upright)
            beside(canvas, axes, (at, value), text, shift=shift, ha="left" if room else "right")
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
        data=curve[[x, y]],
    )
