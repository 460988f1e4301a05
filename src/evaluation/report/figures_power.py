"""Power: how likely an effect of each size is to be found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report.axes import (
    draw_events,
    draw_value_scale,
    draw_x_values,
    nice_ticks,
    tick_texts,
    x_title,
    x_title_room,
)
from evaluation.report.canvas import LINE, MARGIN, SMALL, WIDTH, Canvas, draw, points
from evaluation.report.display import Figure
from evaluation.report.figures_key import DASHES, beside, label_ends, need, numbers, word

_STYLES = (("treated", None), ("comparison", DASHES["dash"]), ("reference", DASHES["dots"]))
_END_ROOM = 112.0  # widest label at the end of a line, px


def power_curve(
    tables: pd.DataFrame | Mapping[str, pd.DataFrame],
    *,
    x_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    smallest: float | Mapping[str, float] | None = None,
    power: float = 0.8,
    level: float = 0.05,
    estimate: float | None = None,
    unit: str = "",
    height: float = 220,
) -> Figure:
    """Draw how likely an effect is to be found, by its size.

    Parameters
    ----------
    tables : DataFrame or mapping of label to DataFrame
        Columns ``effect, power`` (between 0 and 1), and optionally ``low, high``, drawn as a band. Up to
        three curves, labelled where they end.
    smallest : float or mapping of label to float, optional
        The smallest effect found with probability ``power``: marked where finite. A curve that is 0
        throughout, whose smallest effect is infinite, is drawn on to the edge and says so.
    power, level : float
        Horizontal lines.
    estimate : float, optional
        Marked by a vertical line at its absolute value.
    unit : str
        Written after the marked numbers, in the page's language.

    Raises
    ------
    ReportError
        A column is missing, nothing to draw, or more than three curves.
    """
    curves = {"": tables} if isinstance(tables, pd.DataFrame) else dict(tables)
    if not 1 <= len(curves) <= len(_STYLES):
        raise ReportError(f"{len(curves)} curves of power.", where=f"figure {name}", expected="1 to 3")
    for curve in curves.values():
        need(curve, ["effect", "power"], name)
    found = dict(smallest) if isinstance(smallest, Mapping) else {next(iter(curves)): smallest}
    reach = {label: float(np.inf if found.get(label) is None else found[label]) for label in curves}  # type: ignore[arg-type]
    never = {
        label: label in found and np.isinf(reach[label]) and bool((numbers(curve, "power") == 0).all())
        for label, curve in curves.items()
    }
    moving = [curve for label, curve in curves.items() if not never[label]] or list(curves.values())
    right_end = max(float(np.nanmax(numbers(curve, "effect"))) for curve in moving)
    here = None if estimate is None or not np.isfinite(estimate) else abs(float(estimate))
    right_end = max(right_end, 1.08 * here if here is not None else 0.0)

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
        texts = [words.percent(tick, language) for tick in ticks]
        left = MARGIN + 6 + max(canvas.width(text, SMALL) for text in texts)
        ends = [
            word("never" if label else "never_alone", language, label=label) if never[label] else label
            for label in curves
        ]
        written = [canvas.wrap(text, _END_ROOM, SMALL) for text in ends]
        widths = [canvas.width(line, SMALL) for lines in written for line in lines]
        right = MARGIN + 4 + (max(widths) + 8 if any(ends) else 0)
        below = x_title_room(canvas, x_label)
        marks, mark_texts = [], []
        if here is not None:
            marks, mark_texts = [here], [word("estimate_here", language, value=_amount(here, unit, language))]
        above = SMALL * LINE + 2 if marks else 0
        axes = canvas.sheet(height, left=left, right=right, above=above, below=below)
        draw_value_scale(canvas, axes, ticks, texts, -0.02, 1.03)
        axes.set_xlim(0, right_end)
        across = nice_ticks(0, right_end, 6)
        draw_x_values(canvas, axes, across, tick_texts(across, language))
        axes.tick_params(axis="x", length=points(4), width=points(1), color=theme["reference"])
        draw_events(canvas, axes, marks, mark_texts, [0] * len(marks), WIDTH - MARGIN)
        plot = WIDTH - left - right
        told = word("power_line", language, power=words.percent(power, language))
        behind = right_end * (1 - (canvas.width(told, SMALL) + 6) / plot)
        clear = all(_height(curve, behind) > power + 0.08 for curve in moving)
        left_free = here if here is not None and here < 0.3 * right_end else 0.0
        for line, text, start, side in (
            (power, told, right_end if clear else left_free, "right" if clear else "left"),
            (
                level,
                word("level_line", language, level=words.percent(level, language)),
                right_end,
                "right",
            ),
        ):
            axes.axhline(line, color=theme["reference"], lw=points(1.1), dashes=(2.5, 2.5), zorder=1)
            beside(canvas, axes, (start, line), text, shift=(5 if side == "left" else -2, 3), ha=side)
        tips = []
        for (label, curve), (role, dashes) in zip(curves.items(), _STYLES, strict=False):
            x, y = numbers(curve, "effect"), numbers(curve, "power")
            if never[label]:
                x, y = np.append(x, right_end), np.append(y, 0.0)
            inside = x <= right_end
            if {"low", "high"} <= set(curve.columns) and not never[label]:
                bounds = numbers(curve, "low"), numbers(curve, "high")
                axes.fill_between(x, *bounds, color=theme[role], alpha=0.14, lw=0, zorder=1.5)
            style: dict[str, Any] = {} if dashes is None else {"dashes": dashes}
            axes.plot(x, y, color=theme[role], lw=points(2.6), zorder=4, clip_on=False, **style)
            tips.append((float(y[inside][-1]), float(x[inside][-1]), role))
            if np.isfinite(reach[label]) and reach[label] <= right_end:
                spot = (reach[label], power)
                axes.plot([spot[0]] * 2, [-0.02, power], color=theme[role], lw=points(1.1), zorder=2)
                axes.plot(*spot, "o", color=theme[role], ms=points(8), zorder=6)
                text = _amount(reach[label], unit, language)
                room = (1 - spot[0] / right_end) * plot > canvas.width(text, SMALL) + 8
                shift = (7, -5) if room else (-7, 18)
                beside(canvas, axes, spot, text, shift=shift, ha="left" if room else "right", role=role)
        if any(ends):
            label_ends(canvas, axes, tips, written, height)
        x_title(canvas, axes, x_label, below)

    data = pd.concat([curve.assign(curve=label) for label, curve in curves.items()], ignore_index=True)
    return draw(
        paint,
        title=title,
        subtitle=word("power_axis", language),
        source=source,
        alt=alt,
        language=language,
        name=name,
        simulated=simulated,
        data=data if len(curves) > 1 else data.drop(columns="curve"),
    )


def _height(curve: pd.DataFrame, effect: float) -> float:
    """Power at an effect; infinite where the curve ends before, so that nothing is in the way."""
    x, y = numbers(curve, "effect"), numbers(curve, "power")
    return float(np.interp(effect, x, y)) if effect <= x.max() else float("inf")


def _amount(value: float, unit: str, language: str) -> str:
    shown = words.number(value, language, words.figures(value, 2) if value else 0)
    return words.with_unit(shown, unit, language) if unit else shown
