"""Raw numbers over time: the treated place strong, the others thin and grey. Nothing modelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.errors import ReportError
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
from evaluation.report.canvas import LINE, MARGIN, SMALL, WIDTH, Canvas, draw, halo, points, spread
from evaluation.report.display import Figure

_LABEL_ROOM = 118  # widest label at the end of a line, px


def series(
    frame: pd.DataFrame,
    *,
    treated: Any,
    y_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    events: Sequence[tuple[Any, str]] = (),
    labels: Mapping[Any, str] | None = None,
    highlight_mean: str | None = None,
    pooled: pd.Series | None = None,
    height: float = 250,
) -> Figure:
    """Draw every place's series, the treated one strong.

    Parameters
    ----------
    frame : DataFrame (n_periods, n_units)
        Index the periods (months, years), a column a place; gaps stay gaps.
    treated : column label
    y_label : str
        What is drawn and its unit.
    events : sequence of (period, text)
        Dated lines, such as the start of the policy.
    labels : mapping of column to str
        Names in the page's language; places named here other than the treated are labelled too.
    highlight_mean : str, optional
        Draw the others' mean, dashed, and label it so.
    pooled : Series (n_periods,), optional
        What is drawn in its place: the others taken together, such as a rate of all of them.
    height : float
        Of the plot, px.
    """
    _check(frame, treated)
    names = dict(labels or {})
    others = [column for column in frame.columns if column != treated]
    values = frame.astype(float)
    mean = values[others].mean(axis=1) if highlight_mean and others else None
    if highlight_mean and pooled is not None:
        mean = pooled.reindex(values.index).astype(float)
    line = timeline(frame.index, language)
    low, high = limits(values, [] if mean is None else mean, margin=0.04)
    ends: list[tuple[float, str, str, bool]] = []
    if mean is not None and highlight_mean:
        ends.append((_last(mean), highlight_mean, "comparison", False))
    ends.append((_last(values[treated]), names.get(treated, str(treated)), "treated", True))
    ends += [(_last(values[column]), names[column], "unit", False) for column in others if column in names]

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, texts, left = value_scale(canvas, low, high)
        written = [
            canvas.wrap(
                f"{text} {words.number(end, language, _digits(values))}", _LABEL_ROOM, SMALL, bold=bold
            )
            for end, text, _, bold in ends
        ]
        right = MARGIN + 8 + max(canvas.width(row, SMALL, bold=True) for rows in written for row in rows)
        span = (line.x.max() - line.x.min()) or 1.0
        plot = WIDTH - left - right

        def to_px(x: float) -> float:
            return left + plot * ((x - line.x.min()) / span * 0.962 + 0.019)

        places = [line.place(period) for period, _ in events]
        event_texts = [text for _, text in events]
        rows = event_rows(canvas, places, event_texts, to_px, WIDTH - MARGIN)
        above = (max(rows) + 1) * SMALL * LINE + 2 if rows else 0
        axes = canvas.sheet(height, left=left, right=right, above=above, below=22)
        draw_value_scale(canvas, axes, ticks, texts, low, high)
        draw_time_scale(canvas, axes, line, pad=0.02)
        for column in others:
            axes.plot(line.x, values[column], color=theme["unit"], lw=points(1), zorder=2)
        if mean is not None:
            axes.plot(line.x, mean, color=theme["comparison"], lw=points(2.2), dashes=(4, 1.6), zorder=4)
            axes.plot(line.x[-1], mean.iloc[-1], "o", color=theme["comparison"], ms=points(5), zorder=4)
        axes.plot(line.x, values[treated], color=theme["paper"], lw=points(5), zorder=4.5)
        axes.plot(line.x, values[treated], color=theme["treated"], lw=points(2.8), zorder=5)
        few = len(line.x) <= 8
        axes.plot(
            line.x if few else line.x[-1:],
            values[treated] if few else values[treated].iloc[-1:],
            "o",
            color=theme["treated"],
            ms=points(6),
            zorder=5,
        )
        draw_events(canvas, axes, places, event_texts, rows, WIDTH - MARGIN)
        _write_ends(canvas, axes, line.x[-1], ends, written, (low, high), height)

    return draw(
        paint,
        title=title,
        subtitle=y_label,
        source=source,
        alt=alt,
        language=language,
        name=name,
        simulated=simulated,
        data=_named(frame, names),
    )


def _check(frame: pd.DataFrame, treated: Any) -> None:
    if treated not in frame.columns:
        raise ReportError(
            f"The treated place {treated!r} is not a column of the figure's table.",
            expected=", ".join(map(str, frame.columns[:8])),
        )
    if frame[treated].isna().all():
        raise ReportError(f"The treated place {treated!r} has no number to draw.")
    if len(frame) < 2:
        raise ReportError("A line needs at least two periods.", where=f"{len(frame)} given")


def _write_ends(
    canvas: Canvas,
    axes: Any,
    x: float,
    ends: Sequence[tuple[float, str, str, bool]],
    written: Sequence[Sequence[str]],
    scale: tuple[float, float],
    height: float,
) -> None:
    """Labels at the ends of the lines, moved apart where they would overlap."""
    low, high = scale
    line = SMALL * 1.2
    tallest = max(len(rows) for rows in written) * line
    wanted = [_px(end, low, high, height) for end, *_ in ends]
    for place, rows, (_, _, role, bold) in zip(
        spread(wanted, tallest + 3, 4, height - 4), written, ends, strict=True
    ):
        for i, row in enumerate(rows):
            y = place + ((len(rows) - 1) / 2 - i) * line
            colour = canvas.theme["muted"] if role == "unit" else canvas.theme.text(role)
            text = axes.annotate(
                row,
                (x, low + y / height * (high - low)),
                (points(7), 0),
                textcoords="offset points",
                size=points(SMALL),
                color=colour,
                va="center_baseline",
                annotation_clip=False,
                zorder=7,
            )
            if bold:
                _bold(text, colour)
            else:
                halo(text, canvas.theme)


def _bold(text: Any, colour: str) -> None:
    from evaluation.report.canvas import embolden

    embolden(text, colour, SMALL)


def _px(value: float, low: float, high: float, height: float) -> float:
    return (value - low) / (high - low) * height


def _last(column: pd.Series) -> float:
    return float(column.dropna().iloc[-1])


def _digits(frame: pd.DataFrame) -> int:
    values = frame.to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    if np.all(values == np.round(values)):
        return 0
    return words.decimals(float(values.max() - values.min()) / 4)


def _named(frame: pd.DataFrame, names: Mapping[Any, str]) -> pd.DataFrame:
    """The numbers drawn, under the names drawn."""
    shown = frame.rename(columns=dict(names))
    shown.index = shown.index.rename(str(frame.index.name or "period"))
    return shown
