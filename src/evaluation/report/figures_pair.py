"""A place and its synthetic control over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.report import language as words
from evaluation.report.axes import (
    draw_events,
    draw_time_scale,
    draw_value_scale,
    event_rows,
    limits,
    timeline,
    value_scale,
)
from evaluation.report.canvas import (
    LINE,
    MARGIN,
    SMALL,
    WIDTH,
    Canvas,
    draw,
    points,
)
from evaluation.report.display import Figure
from evaluation.report.figures_key import label_ends, need, numbers, word

_END_ROOM = 112.0  # widest label at the end of a line, px
_NAMED_DONORS = 5


def pair(
    frame: pd.DataFrame,
    *,
    treated: Any,
    other: Any,
    y_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    policy: tuple[Any, str] | None = None,
    weights: Sequence[tuple[str, float]] = (),
    labels: Mapping[Any, str] | None = None,
    height: float = 230,
) -> Figure:
    """Draw a place and its synthetic control, the gap between them shaded from the policy on.

    Parameters
    ----------
    frame : DataFrame (n_periods, 2 or more)
        Index the periods, of whose columns ``treated`` and ``other`` are drawn; gaps stay gaps.
    policy : (period, text), optional
        A dated line.
    weights : sequence of (name, weight)
        What the synthetic control is made of: the largest five are written below, the rest summed up.
    labels : mapping of column to str
        Names in the page's language.
    """
    need(frame, [treated, other], name)
    names = {column: str(column) for column in (treated, other)} | dict(labels or {})
    one, two = (numbers(frame, column) for column in (treated, other))
    line = timeline(frame.index, language, most=5)
    bottom, top = limits(one, two, margin=0.05)
    made = _made_of(names[other], weights, language)

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, texts, left = value_scale(canvas, bottom, top)
        written = [canvas.wrap(names[column], _END_ROOM, SMALL, bold=True) for column in (treated, other)]
        right = MARGIN + 8 + max(canvas.width(row, SMALL, bold=True) for rows in written for row in rows)
        span = float(np.ptp(line.x)) or 1.0
        places = [line.place(policy[0])] if policy else []
        event_texts = [policy[1]] if policy else []
        above = SMALL * LINE + 2 if policy else 0
        notes = canvas.wrap(made, WIDTH - 2 * MARGIN, SMALL) if made else []
        below = 22 + (8 + len(notes) * SMALL * LINE if notes else 0)
        axes = canvas.sheet(height, left=left, right=right, above=above, below=below)
        draw_value_scale(canvas, axes, ticks, texts, bottom, top)
        draw_time_scale(canvas, axes, line, pad=0.02)
        after = line.x >= (places[0] if places else line.x.min()) - 1e-9
        # a third of the hue is a shade of the palette: a thin area keeps its colour
        shade: dict[str, Any] = {"color": theme["treated"], "alpha": 1 / 3, "lw": 0, "zorder": 0.9}
        axes.fill_between(line.x, one, two, where=after, **shade)
        axes.plot(line.x, two, color=theme["comparison"], lw=points(2.1), dashes=(4, 1.6), zorder=4)
        axes.plot(line.x, one, color=theme["treated"], lw=points(2.6), zorder=5)
        rows = event_rows(canvas, places, event_texts, lambda p: left + (p - line.x.min()) / span, WIDTH)
        draw_events(canvas, axes, places, event_texts, rows, WIDTH - MARGIN)
        tips = [
            (_last(values), float(line.x[-1]), role)
            for values, role in ((one, "treated"), (two, "comparison"))
        ]
        label_ends(canvas, axes, tips, written, height)
        start = canvas.height * (1 - axes.get_position().y0) + 22 + 8
        for i, note in enumerate(notes):
            canvas.write(MARGIN, start + i * SMALL * LINE, note, size=SMALL, colour=theme.text("comparison"))

    return draw(
        paint,
        title=title,
        subtitle=y_label,
        source=source,
        alt=alt,
        language=language,
        name=name,
        simulated=simulated,
        data=_named(frame[[treated, other]], names),
    )


def _named(frame: pd.DataFrame, names: Mapping[Any, str]) -> pd.DataFrame:
    """The numbers drawn, under the names drawn."""
    shown = frame.rename(columns=dict(names))
    shown.index = shown.index.rename(str(frame.index.name or "period"))
    return shown


def _made_of(twin: str, weights: Sequence[tuple[str, float]], language: str) -> str:
    ordered = sorted(weights, key=lambda item: -item[1])
    ordered = [(place, weight) for place, weight in ordered if abs(weight) >= 0.0005]
    if not ordered:
        return ""
    parts = [
        word("part", language, name=place, weight=words.percent(weight, language))
        for place, weight in ordered[:_NAMED_DONORS]
    ]
    rest = ordered[_NAMED_DONORS:]
    if rest:
        total = words.percent(sum(weight for _, weight in rest), language)
        parts.append(word("others", language, count=len(rest), weight=total))
    return word(
        "made_of", language, name=twin[:1].upper() + twin[1:], parts=word("comma", language).join(parts)
    )


def _last(values: Any) -> float:
    return float(values[np.isfinite(values)][-1])
