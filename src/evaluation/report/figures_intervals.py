"""Intervals over a horizontal scale: event study, and one effect under growing violations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.report import language as words
from evaluation.report.axes import events, limits, value_scale, zero_line
from evaluation.report.canvas import DENSITY, Canvas, Entry, Texts, draw, points
from evaluation.report.display import Figure
from evaluation.report.figures_key import need, numbers, word

_CUT = 2.5  # intervals further than so many lengths of the usual one are cut
Column = NDArray[np.float64]


def _intervals(
    canvas: Canvas,
    axes: Any,
    x: Column,
    value: Column,
    ends: tuple[Column, Column],
    *,
    roles: Sequence[str],
    width: float,
    size: float,
    full: NDArray[np.bool_] | None = None,
    inner: tuple[Column, Column] | None = None,
) -> None:
    """The primitive: upright intervals with their points, open where there is no interval (or not ``full``).

    What lies beyond the plot is cut and ends in an arrow.
    """
    bottom, top = axes.get_ylim()
    low, high = ends
    known = np.isfinite(low) & np.isfinite(high) & (low < high)
    full = known if full is None else full
    for i in np.flatnonzero(np.isfinite(value)):
        colour = canvas.theme[roles[i]]
        if known[i]:
            axes.vlines(x[i], max(low[i], bottom), min(high[i], top), color=colour, lw=points(width), zorder=3)
            for beyond, edge, marker in ((low[i] < bottom, bottom, "v"), (high[i] > top, top, "^")):
                if beyond:
                    axes.plot(x[i], edge, marker, color=colour, ms=points(width + 5), mew=0, zorder=4,
                              clip_on=False)  # fmt: skip
            if inner is not None:
                axes.vlines(x[i], inner[0][i], inner[1][i], color=colour, lw=points(2.5 * width), zorder=3)
        face = colour if full[i] else canvas.theme["paper"]
        ring = {"mec": colour, "mfc": face, "mew": points(1.6 if not full[i] else 0.8)}
        axes.plot(x[i], value[i], "o", ms=points(size - (0 if full[i] else 0.8)), zorder=5, **ring)


def event_study(
    frame: pd.DataFrame,
    *,
    x_label: str,
    y_label: str,
    bands: str | None = None,
    policy: str | None = None,
    height: float = 250,
    **texts: Unpack[Texts],
) -> Figure:
    """Draw estimates by event time with their intervals.

    Parameters
    ----------
    frame : DataFrame
        Columns ``event_time, estimate, ci_low, ci_high``; optionally ``inner_low, inner_high`` (50 %
        interval, thick) and ``placebo_low, placebo_high`` (a band of untreated units). A row without
        interval, the reference period, is an open point.
    bands : str, optional
        What the band of placebos is, written on the figure.
    policy : str, optional
        Written at the line between the last period before and the first after.
    """
    need(frame, ["event_time", "estimate", "ci_low", "ci_high"], texts["name"])
    frame = frame.sort_values("event_time")
    time, value, low, high = (numbers(frame, c) for c in ("event_time", "estimate", "ci_low", "ci_high"))
    banded = {"placebo_low", "placebo_high"} <= set(frame.columns)
    band = numbers(frame, "placebo_low"), numbers(frame, "placebo_high")
    inner = numbers(frame, "inner_low"), numbers(frame, "inner_high")
    scale = limits(value, low, high, *band, include=0)
    thin = len(frame) > 26
    known = np.isfinite(low) & np.isfinite(high) & (low < high)
    # where no period has an interval, only the reference period (zero by construction) is open
    full = known if known.any() else value != 0

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        canvas.key([Entry(bands, "comparison", "band")] if bands and banded else [])
        axes = canvas.axes(height)
        value_scale(axes, "y", *scale, canvas.language, sign=True)
        pad = max(0.5, 0.02 * float(np.ptp(time)))
        value_scale(axes, "x", time.min() - pad, time.max() + pad, canvas.language, most=7, grid=False,
                    whole=True)  # fmt: skip
        zero_line(canvas, axes)
        if banded:
            axes.fill_between(time, *band, color=theme["comparison"], alpha=0.16, lw=0, zorder=0.8)
        _intervals(
            canvas, axes, time, value, (low, high), roles=["treated"] * len(time), full=full,
            width=1.3 if thin else 1.7, size=5 if thin else 7.5, inner=inner,
        )  # fmt: skip
        canvas.below(x_label)
        if axes.get_xlim()[0] <= -0.5 <= axes.get_xlim()[1]:
            events(canvas, axes, [-0.5], [policy or ""])

    return draw(paint, data=frame, **{**texts, "subtitle": y_label})


def intervals(
    table: pd.DataFrame,
    *,
    x_label: str,
    y_label: str,
    target: str | None = None,
    breakdown: float | None = None,
    **texts: Unpack[Texts],
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
    need(table, ["parameter", "estimate", "ci_low", "ci_high"], texts["name"])
    frame = table
    if "target" in table.columns:
        frame = table[table["target"] == (table["target"].iloc[0] if target is None else target)]
        need(frame, ["estimate"], texts["name"])
    frame = frame.sort_values("parameter", na_position="first", kind="stable", ignore_index=True)
    value, low, high = (numbers(frame, column) for column in ("estimate", "ci_low", "ci_high"))
    parameter = numbers(frame, "parameter")
    usual = np.isnan(parameter)
    span = (float(np.nanmax(parameter)) if (~usual).any() else 1.0) or 1.0
    x = np.where(usual, -0.17 * span, parameter)
    bottom, top = limits(value, low, high, include=0)
    first = int(np.argmax(np.isfinite(high - low)))
    length = max(high[first] - low[first], abs(float(value[first])))
    if np.isfinite(length):
        bottom, top = max(bottom, low[first] - _CUT * length), min(top, high[first] + _CUT * length)
    holds = ~((low > 0) | (high < 0))
    most = words.figures(span, 3)

    def paint(canvas: Canvas) -> None:
        language = canvas.language
        entries = [Entry(word("excludes", language), "treated", "line")] if (~holds).any() else []
        entries += [Entry(word("holds", language), "reference", "line")] if holds.any() else []
        if (low < bottom).any() or (high > top).any():
            entries.append(Entry(word("cut", language), "reference", ""))
        canvas.key(entries)
        axes = canvas.axes(220)
        value_scale(axes, "y", bottom, top, language, sign=True)
        axes.set_xlim(min(x.min(), 0.0) - 0.07 * span, span * 1.05)
        texts_ = [word("usual", language) if u else _brief(p, language, most)
                  for u, p in zip(usual, parameter, strict=True)]  # fmt: skip
        axes.set_xticks(x, texts_)
        zero_line(canvas, axes)
        if usual.any() and not usual.all():
            axes.axvline(-0.085 * span, color=canvas.theme["rule"], lw=points(1), zorder=0)
        roles = ["reference" if one else "treated" for one in holds]
        _intervals(canvas, axes, x, value, (low, high), roles=roles, width=3.2, size=8.3)
        canvas.below(x_label)
        _thin_ticks(canvas, axes)
        if breakdown is not None and np.isfinite(breakdown) and 0 < breakdown <= span:
            shown = words.number(breakdown, language, words.figures(breakdown, 2))
            events(canvas, axes, [breakdown], [word("breakdown", language, value=shown)])

    return draw(paint, data=table, **{**texts, "subtitle": y_label})


def _brief(value: float, language: str, most: int) -> str:
    """A number with as few decimals as say the same as ``most`` of them do."""
    if not np.isfinite(value):
        return words.NOT_A_NUMBER
    digits = next(d for d in range(most + 1) if round(value, d) == round(value, most))
    return words.number(value, language, digits)


def _thin_ticks(canvas: Canvas, axes: Any) -> None:
    """Empty the ticks whose words run into those before; the first and the last are always kept."""
    canvas.settle()
    labels = axes.get_xticklabels()
    boxes = [label.get_window_extent() for label in labels]
    kept: list[int] = []
    for i, box in enumerate(boxes):
        last = i == len(boxes) - 1
        while last and len(kept) > 1 and box.x0 - boxes[kept[-1]].x1 < 6 * DENSITY:
            kept.pop()
        if not kept or last or box.x0 - boxes[kept[-1]].x1 >= 6 * DENSITY:
            kept.append(i)
    ticks = axes.get_xticks()
    axes.set_xticks([ticks[i] for i in kept], [labels[i].get_text() for i in kept])
