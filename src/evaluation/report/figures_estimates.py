"""Estimates with their intervals: event study, forest plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.errors import ReportError
from evaluation.report import language as words
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
from evaluation.report.canvas import BODY, LINE, MARGIN, SMALL, WIDTH, Canvas, draw, embolden, halo, points
from evaluation.report.display import Figure


def event_study(
    frame: pd.DataFrame,
    *,
    x_label: str,
    y_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    bands: str | None = None,
    policy: str | None = None,
    height: float = 250,
) -> Figure:
    """Draw estimates by event time with their intervals.

    Parameters
    ----------
    frame : DataFrame
        Columns ``event_time, estimate, ci_low, ci_high``; optionally ``inner_low, inner_high`` (50 %
        interval, thick) and ``placebo_low, placebo_high`` (a band of untreated places). A row without
        interval, the reference period, is an open point.
    bands : str, optional
        What the band of placebos is, written on the figure.
    policy : str, optional
        Written at the line between the last period before and the first after.
    """
    _need(frame, ["event_time", "estimate", "ci_low", "ci_high"], name)
    frame = frame.sort_values("event_time")
    time = frame["event_time"].to_numpy(dtype=float)
    banded = {"placebo_low", "placebo_high"} <= set(frame.columns)
    ends = [
        column
        for column in ("estimate", "ci_low", "ci_high", "placebo_low", "placebo_high")
        if column in frame
    ]
    low, high = limits(frame[ends].to_numpy(dtype=float), include=0)
    thin = len(frame) > 26

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, texts, left = value_scale(canvas, low, high, sign=True)
        below = x_title_room(canvas, x_label)
        notes = canvas.wrap(bands, WIDTH - 2 * MARGIN - 22, SMALL) if bands and banded else []
        above = (SMALL * LINE + 4 if policy else 0) + (len(notes) * SMALL * LINE + 6 if notes else 0)
        axes = canvas.sheet(height, left=left, right=MARGIN + 4, above=above, below=below)
        draw_value_scale(canvas, axes, ticks, texts, low, high)
        span = time.max() - time.min() or 1
        axes.set_xlim(time.min() - max(0.5, span * 0.02), time.max() + max(0.5, span * 0.02))
        at = [tick for tick in nice_ticks(time.min(), time.max(), 7) if tick == round(tick)]
        axes.set_xticks(at, [words.number(tick, language, 0) for tick in at])
        axes.tick_params(axis="x", length=points(4), width=points(1), color=theme["reference"])
        axes.axhline(0, color=theme["reference"], lw=points(1.2), zorder=1)
        if banded:
            axes.fill_between(
                time,
                frame["placebo_low"].to_numpy(float),
                frame["placebo_high"].to_numpy(float),
                color=theme["comparison"],
                alpha=0.16,
                lw=0,
                zorder=0.8,
            )
        top = canvas.height * (1 - axes.get_position().y1)
        for i, note in enumerate(notes):
            y = top - above + i * SMALL * LINE
            canvas.write(MARGIN + 22, y, note, size=SMALL, colour=theme.text("comparison"))
        if notes:
            _swatch(canvas, MARGIN, top - above + 1)
        if policy:
            edge = axes.get_position().x0 * WIDTH
            x = edge + (-0.5 - axes.get_xlim()[0]) / np.diff(axes.get_xlim())[0] * (WIDTH - edge - MARGIN - 4)
            canvas.write(
                min(x - 2, WIDTH - MARGIN - canvas.width(policy, SMALL)),
                top - SMALL * LINE - 4,
                policy,
                size=SMALL,
                colour=theme.text("reference"),
            )
        axes.plot(
            [-0.5, -0.5],
            [0, 1 + (4 / height if policy else 0)],
            transform=axes.get_xaxis_transform(),
            color=theme["reference"],
            lw=points(1.1),
            dashes=(2.5, 2.5),
            zorder=1,
            clip_on=False,
        )
        _points(canvas, axes, frame, time, thin)
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
        data=frame,
    )


def forest(
    frame: pd.DataFrame,
    *,
    x_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    x_limits: tuple[float, float] | None = None,
) -> Figure:
    """Draw one estimate a line, its words above it, so that lines use the whole width of a phone.

    Parameters
    ----------
    frame : DataFrame
        Columns ``label, estimate, ci_low, ci_high``; optionally ``group`` (a heading where it changes),
        ``note`` (after the label), ``role`` (``treated`` by default, ``comparison``, ``reference``) and
        ``text`` (instead of the numbers written at the right). All estimates in the unit of ``x_label``.
        A missing interval is drawn as an open point.
    x_limits : (low, high), optional
        Intervals beyond are cut and end in an arrow.
    """
    _need(frame, ["label", "estimate", "ci_low", "ci_high"], name)
    low, high = x_limits or limits(
        frame[["estimate", "ci_low", "ci_high"]].to_numpy(dtype=float), include=0, margin=0.04
    )

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        rows = _forest_rows(canvas, frame, language)
        below = x_title_room(canvas, x_label)
        tall = rows[-1]["bottom"]
        axes = canvas.sheet(tall, left=MARGIN, right=MARGIN, below=below)
        axes.set_ylim(tall, 0)
        axes.set_xlim(low, high)
        axes.set_yticks([])
        ticks = nice_ticks(low, high, 5)
        draw_x_values(canvas, axes, ticks, tick_texts(ticks, language, sign=True))
        for tick in ticks:
            axes.axvline(tick, color=theme["rule"], lw=points(1), zorder=0)
        if low <= 0 <= high:
            axes.axvline(0, color=theme["reference"], lw=points(1.2), zorder=0.6)
        top = canvas.height * (1 - axes.get_position().y1)
        for row in rows:
            _forest_row(canvas, axes, row, top, (low, high))
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


def _forest_rows(canvas: Canvas, frame: pd.DataFrame, language: str) -> list[dict[Any, Any]]:
    """Place every line: heading where the group changes, words, and the interval below them."""
    rows: list[dict[Any, Any]] = []
    y, group = 2.0, None
    room = WIDTH - 2 * MARGIN
    for record in frame.to_dict("records"):
        heading = record.get("group")
        heading = None if heading is None or pd.isna(heading) or heading == group else str(heading)
        if heading is not None:
            group = heading
            y += 8 if rows else 0
        heading_lines = canvas.wrap(heading, room, BODY, bold=True) if heading else []
        start = y
        y += len(heading_lines) * BODY * LINE + (3 if heading_lines else 0)
        written = record.get("text")
        if written is None or pd.isna(written):
            written = _written(record, language)
        width = canvas.width(written, SMALL)
        note = record.get("note")
        label = (
            str(record["label"])
            if note is None or pd.isna(note) or not str(note)
            else f"{record['label']} · {note}"
        )
        lines = canvas.wrap(label, room - width - 12, SMALL)
        words_at = y
        y += len(lines) * SMALL * LINE + 8
        rows.append(
            {
                **record,
                "heading": heading_lines,
                "start": start,
                "words": words_at,
                "lines": lines,
                "written": written,
                "width": width,
                "at": y,
                "bottom": y + 13,
            }
        )
        y += 13
    return rows


def _forest_row(
    canvas: Canvas, axes: Any, row: dict[Any, Any], top: float, scale: tuple[float, float]
) -> None:
    theme, (low, high) = canvas.theme, scale
    for i, line in enumerate(row["heading"]):
        _masked(canvas, MARGIN, top + row["start"] + i * BODY * LINE, line, BODY, theme["ink"], bold=True)
    for i, line in enumerate(row["lines"]):
        _masked(canvas, MARGIN, top + row["words"] + i * SMALL * LINE, line, SMALL, theme["ink"])
    _masked(canvas, WIDTH - MARGIN - row["width"], top + row["words"], row["written"], SMALL, theme["muted"])
    role = row.get("role")
    colour = theme["treated" if role is None or pd.isna(role) else role]
    estimate, ends = float(row["estimate"]), (float(row["ci_low"]), float(row["ci_high"]))
    y = row["at"]
    known = bool(np.isfinite(ends).all())
    if known:
        axes.plot(
            np.clip(ends, low, high), [y, y], color=colour, lw=points(1.8), zorder=3, solid_capstyle="butt"
        )
        for end, edge, marker in ((ends[0], low, "<"), (ends[1], high, ">")):
            if (end < low) if marker == "<" else (end > high):
                axes.plot(edge, y, marker, color=colour, ms=points(6), zorder=4, clip_on=False)
    inner = np.asarray([row.get("inner_low", np.nan), row.get("inner_high", np.nan)], dtype=float)
    if np.isfinite(inner).all():
        axes.plot(
            np.clip(inner, low, high), [y, y], color=colour, lw=points(4.5), zorder=3, solid_capstyle="butt"
        )
    if np.isfinite(estimate) and low <= estimate <= high:
        axes.plot(
            estimate,
            y,
            "o",
            ms=points(8),
            mew=points(1.6),
            color=colour,
            zorder=5,
            mfc=colour if known else theme["paper"],
        )


def _points(canvas: Canvas, axes: Any, frame: pd.DataFrame, time: Any, thin: bool) -> None:
    colour = canvas.theme["treated"]
    estimate = frame["estimate"].to_numpy(dtype=float)
    low, high = (frame[column].to_numpy(dtype=float) for column in ("ci_low", "ci_high"))
    known = np.isfinite(low) & np.isfinite(high) & (low < high)
    # where no period has an interval, only the reference period (zero by construction) is open
    solid = known if known.any() else estimate != 0
    axes.vlines(time[known], low[known], high[known], color=colour, lw=points(1.3 if thin else 1.7), zorder=3)
    if {"inner_low", "inner_high"} <= set(frame.columns):
        axes.vlines(
            time[known],
            frame["inner_low"].to_numpy(float)[known],
            frame["inner_high"].to_numpy(float)[known],
            color=colour,
            lw=points(3 if thin else 4.5),
            zorder=3,
        )
    size = points(5 if thin else 7.5)
    axes.plot(time[solid], estimate[solid], "o", color=colour, ms=size, zorder=5)
    axes.plot(
        time[~solid],
        estimate[~solid],
        "o",
        mec=colour,
        mfc=canvas.theme["paper"],
        mew=points(1.6),
        ms=size,
        zorder=5,
    )


def _written(record: dict[Any, Any], language: str) -> str:
    estimate, low, high = (float(record[key]) for key in ("estimate", "ci_low", "ci_high"))
    if not np.isfinite(estimate):
        return words.text("no_data_short", language)
    if not (np.isfinite(low) and np.isfinite(high)):
        return words.number(estimate, language, None, sign=True)
    digits = words.interval_decimals(low, high)
    brackets = "（{}）" if language == "zh" else " ({})"
    return words.number(estimate, language, digits, sign=True) + brackets.format(
        words.interval(low, high, language, digits)
    )


def _masked(
    canvas: Canvas, x: float, y: float, line: str, size: float, colour: str, *, bold: bool = False
) -> None:
    """Text over the scale's lines: its own colour within a rim of paper."""
    text = canvas.figure.text(
        x / WIDTH, 1 - (y + size) / canvas.height, line, size=points(size), color=colour, zorder=6
    )
    halo(text, canvas.theme)
    if bold:
        from matplotlib import patheffects

        effects = text.get_path_effects()
        text.set_path_effects(
            [effects[0], patheffects.withStroke(linewidth=points(size * 0.045), foreground=colour)]
        )


def _swatch(canvas: Canvas, x: float, y: float) -> None:
    from matplotlib.patches import Rectangle

    canvas.figure.add_artist(
        Rectangle(
            (x / WIDTH, 1 - (y + 12) / canvas.height),
            15 / WIDTH,
            11 / canvas.height,
            transform=canvas.figure.transFigure,
            color=canvas.theme["comparison"],
            alpha=0.22,
            lw=0,
        )
    )


def _need(frame: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise ReportError(
            f"A figure's table has no column {', '.join(absent)}.",
            where=f"figure {name}",
            expected=", ".join(columns),
        )
    if frame.empty:
        raise ReportError("A figure's table is empty.", where=f"figure {name}")


__all__ = ["embolden", "event_study", "forest"]
