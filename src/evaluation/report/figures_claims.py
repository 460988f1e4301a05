"""Claimed changes on one scale, and what is left of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evaluation.errors import ReportError
from evaluation.report.axes import draw_x_values, nice_ticks, tick_texts, x_title, x_title_room
from evaluation.report.canvas import LINE, MARGIN, SMALL, WIDTH, Canvas, draw, halo, points
from evaluation.report.display import Figure
from evaluation.report.figures_key import Entry, Key

_ROW = 15.0  # px from the words of a row to the words of the next, beside the words' own height


def claimed_and_left(
    frame: pd.DataFrame,
    *,
    x_label: str,
    limits: tuple[float, float],
    words: dict[str, str],
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
) -> Figure:
    """Draw a row a claim: an open dot for what is claimed, a full one with its interval for what is left.

    Parameters
    ----------
    frame : DataFrame
        ``label, text, claimed, left, ci_low, ci_high``, signed so that an improvement is positive; ``left``
        is missing where there are no data, and the row then shows the claim alone.
    limits : (low, high)
        Ends of the scale; what lies beyond is drawn as an arrow at the edge.
    words : dict
        Words of the key: ``claimed, left, cut``.

    Raises
    ------
    ReportError
        There is no row, or no row has a claim.
    """
    if frame.empty or not np.isfinite(frame["claimed"].to_numpy(dtype=float)).all():
        raise ReportError("A figure of claims has a row without a claim, or no row.", where=f"figure {name}")
    low, high = limits

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        placed, y = [], 2.0
        for record in frame.to_dict("records"):
            room = WIDTH - 2 * MARGIN - canvas.width(record["text"], SMALL) - 12
            lines = canvas.wrap(record["label"], room, SMALL)
            at = y + len(lines) * SMALL * LINE + 6
            placed.append((record, lines, y, at))
            y = at + _ROW
        entries = [Entry(words["claimed"], "reference", "open"), Entry(words["left"], "treated", "dot")]
        if ((frame["claimed"] < low) | (frame["claimed"] > high)).any():
            entries.append(Entry(words["cut"], "reference", ""))
        key = Key(canvas, entries)
        below = x_title_room(canvas, x_label)
        axes = canvas.sheet(y, left=MARGIN + 4, right=MARGIN + 4, above=key.height, below=below)
        axes.set_ylim(y, 0)
        axes.set_xlim(low, high)
        axes.set_yticks([])
        ticks = nice_ticks(low, high, 6)
        draw_x_values(canvas, axes, ticks, tick_texts(ticks, language, sign=True))
        for tick in ticks:
            axes.axvline(tick, color=theme["rule"], lw=points(1), zorder=0)
        axes.axvline(0, color=theme["reference"], lw=points(1.2), zorder=0.6)
        top = canvas.height * (1 - axes.get_position().y1)
        key.draw(top - key.height)
        for record, lines, start, at in placed:
            _row(canvas, axes, record, lines, top + start, at, (low, high))
        x_title(canvas, axes, x_label, below)

    return draw(
        paint,
        title=title,
        source=source,
        alt=alt,
        language=language,
        name=name,
        simulated=simulated,
        data=frame,
    )


def _row(
    canvas: Canvas,
    axes: Any,
    record: dict[Any, Any],
    lines: list[str],
    words_at: float,
    at: float,
    scale: tuple[float, float],
) -> None:
    theme, (low, high) = canvas.theme, scale
    for i, line in enumerate(lines):
        _words(canvas, MARGIN, words_at + i * SMALL * LINE, line, theme["ink"])
    width = canvas.width(record["text"], SMALL)
    _words(canvas, WIDTH - MARGIN - width, words_at, record["text"], theme["muted"])
    known = bool(np.isfinite(record["left"]))
    if known:
        ends = np.clip([record["ci_low"], record["ci_high"]], low, high)
        if np.isfinite(ends).all():
            axes.plot(ends, [at, at], color=theme["treated"], lw=points(1.8), zorder=3)
            for end, edge, marker in ((record["ci_low"], low, "<"), (record["ci_high"], high, ">")):
                if (end < low) if marker == "<" else (end > high):
                    axes.plot(edge, at, marker, color=theme["treated"], ms=points(6), zorder=4, clip_on=False)
        axes.plot(record["left"], at, "o", color=theme["treated"], ms=points(8), zorder=5, clip_on=False)
    claimed, style = record["claimed"], {"ms": points(7.5), "mew": points(1.6), "mec": theme["reference"]}
    if low <= claimed <= high:
        axes.plot([0, claimed], [at, at], color=theme["unit"], lw=points(1.2), zorder=1)
        axes.plot(claimed, at, "o", mfc=theme["paper"], zorder=4, clip_on=False, **style)
    else:
        edge, marker = (high, ">") if claimed > high else (low, "<")
        axes.plot([0, edge], [at, at], color=theme["unit"], lw=points(1.2), zorder=1)
        axes.plot(edge, at, marker, mfc=theme["paper"], zorder=4, clip_on=False, **style)


def _words(canvas: Canvas, x: float, y: float, line: str, colour: str) -> None:
    """Text over the scale's lines, in a rim of paper."""
    text = canvas.figure.text(
        x / WIDTH, 1 - (y + SMALL) / canvas.height, line, size=points(SMALL), color=colour, zorder=6
    )
    halo(text, canvas.theme)


__all__ = ["claimed_and_left"]
