"""A few numbers side by side: claimed, found, attributable; and one place among its placebos."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report.axes import draw_x_values, limits, nice_ticks, tick_texts, x_title, x_title_room
from evaluation.report.canvas import (
    BODY,
    LINE,
    MARGIN,
    SMALL,
    WIDTH,
    Canvas,
    draw,
    embolden,
    halo,
    points,
    spread,
)
from evaluation.report.display import Figure


@dataclass(frozen=True)
class Number:
    """One row of ``three_numbers``.

    Attributes
    ----------
    label : str
        In plain words.
    value : float or None
        None where there is no datum, and the figure says so.
    low, high : float or None
        Interval.
    role : {"reference", "treated", "comparison", "simulated"}
        Colour: a claim is ``reference``.
    text : str, optional
        Instead of the number as written by default.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    role: str = "treated"
    text: str | None = None

    @property
    def missing(self) -> bool:
        """Whether there is no number."""
        return self.value is None or not math.isfinite(self.value)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval, where both ends are known."""
        if self.low is None or self.high is None or not math.isfinite(self.high - self.low):
            return None
        return self.low, self.high


def three_numbers(
    rows: Sequence[Number],
    *,
    x_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
) -> Figure:
    """Draw what was claimed, what was found and what is left, one bar from zero each.

    An interval is a line through the bar's end, and is written beside the number.
    """
    if not rows:
        raise ReportError("There is no number to draw.", where=f"figure {name}")
    every = [value for row in rows for value in (row.value, row.low, row.high) if value is not None]
    low, high = limits(every or [1.0], include=0, margin=0.03)
    low = min(low, 0.0) if min([*every, 0]) < 0 else 0.0

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        below = x_title_room(canvas, x_label)
        placed: list[tuple[Number, str, str, list[str], float, float]] = []
        y = 0.0
        for row in rows:
            big, small = _parts(row, language)
            size = BODY if row.missing else 20
            width = canvas.width(big, size, bold=True) + (canvas.width(small, SMALL) + 6 if small else 0)
            lines = canvas.wrap(row.label, WIDTH - 2 * MARGIN - width - 14, BODY)
            block = max(len(lines) * BODY * LINE, 24.0)
            placed.append((row, big, small, lines, y, y + block + 12))
            y += block + (8 if row.missing else 34)
        axes = canvas.sheet(y - 6, left=MARGIN, right=MARGIN, below=below)
        axes.set_xlim(low, high)
        axes.set_ylim(y - 6, 0)
        axes.set_yticks([])
        ticks = nice_ticks(low, high, 6)
        draw_x_values(canvas, axes, ticks, tick_texts(ticks, language, sign=True))
        top = canvas.height * (1 - axes.get_position().y1)
        for row, big, small, lines, start, at in placed:
            _number_row(canvas, axes, row, at)
            baseline = top + start + 18
            for i, line in enumerate(lines):
                y_line = (
                    baseline - BODY - (len(lines) - 1 - i) * BODY * LINE
                    if len(lines) == 1
                    else top + start + i * BODY * LINE
                )
                canvas.write(MARGIN, y_line, line, size=BODY, colour=theme["ink"])
            x = float(WIDTH - MARGIN)
            if small:
                x -= canvas.width(small, SMALL)
                canvas.write(x, baseline - SMALL, small, size=SMALL, colour=theme["muted"])
                x -= 6
            size = BODY if row.missing else 20
            colour = theme["muted"] if row.missing else theme.text(row.role)
            x -= canvas.width(big, size, bold=not row.missing)
            canvas.write(x, baseline - size, big, size=size, colour=colour, bold=not row.missing)
        x_title(canvas, axes, x_label, below)

    data = pd.DataFrame([{"label": r.label, "value": r.value, "low": r.low, "high": r.high} for r in rows])
    return draw(
        paint,
        title=title,
        source=source,
        alt=alt,
        language=language,
        name=name,
        simulated=simulated,
        data=data,
    )


def placebo(
    values: pd.Series,
    *,
    treated: Any,
    x_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    labels: Mapping[Any, str] | None = None,
) -> Figure:
    """Draw one dot a place, stacked, with the treated place marked among its placebos.

    Parameters
    ----------
    values : Series
        Estimate of every place as if it had been treated, the treated one's own included; index the places.
    treated : index label
    labels : mapping of index label to str
        Names in the page's language; places named here other than the treated are labelled too.
    """
    if treated not in values.index:
        raise ReportError(f"The treated place {treated!r} is not among the values.", where=f"figure {name}")
    values = values.astype(float).dropna()
    names = {treated: str(treated), **(labels or {})}
    named = [place for place in names if place in values.index]
    low, high = limits(values, include=0, margin=0.05)
    dot, stacks = _stack(values, low, high)
    tall = max(120.0, (max(stacks.values()) + 1) * dot + 62)

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        below = x_title_room(canvas, x_label)
        axes = canvas.sheet(tall, left=MARGIN + 4, right=MARGIN + 4, below=below)
        axes.set_xlim(low, high)
        axes.set_ylim(0, tall)
        axes.set_yticks([])
        ticks = nice_ticks(low, high, 6)
        draw_x_values(canvas, axes, ticks, tick_texts(ticks, language, sign=True))
        axes.tick_params(axis="x", length=points(4), width=points(1), color=theme["reference"])
        axes.axhline(0, color=theme["reference"], lw=points(1.2), zorder=1)
        axes.axvline(0, color=theme["reference"], lw=points(1), dashes=(2.5, 2.5), zorder=0.5)
        for place, level in stacks.items():
            strong = place == treated
            axes.plot(
                _centre(values[place], low, high, dot),
                (level + 0.5) * dot + 2,
                "o",
                mew=0,
                ms=points(dot * (1.15 if strong else 0.86)),
                color=theme["treated" if strong else "comparison"],
                alpha=1 if strong else 0.62,
                zorder=5 if strong else 3,
            )
        _name_places(
            canvas,
            axes,
            {place: names[place] for place in named},
            values,
            stacks,
            (low, high, dot, tall),
            treated,
        )
        x_title(canvas, axes, x_label, below)

    data = values.rename("estimate").rename_axis("place").reset_index()
    return draw(
        paint,
        title=title,
        source=source,
        alt=alt,
        language=language,
        name=name,
        simulated=simulated,
        data=data,
    )


def _parts(row: Number, language: str) -> tuple[str, str]:
    """The number as it is written large, and its interval as it is written small."""
    if row.missing:
        return row.text or words.text("no_data_short", language), ""
    ends = row.interval
    digits = words.interval_decimals(*ends) if ends else None
    big = row.text or words.number(row.value, language, digits, sign=True)
    return big, words.interval(*ends, language, digits) if ends else ""


def _number_row(canvas: Canvas, axes: Any, row: Number, at: float) -> None:
    theme = canvas.theme
    if row.value is None or row.missing:
        return
    axes.plot([0, 0], [at - 11, at + 11], color=theme["reference"], lw=points(1.2), zorder=4)
    from matplotlib.patches import Rectangle

    ends = row.interval
    axes.add_patch(
        Rectangle(
            (0, at - 7), row.value, 14, color=theme[row.role], alpha=0.35 if ends else 0.85, lw=0, zorder=2
        )
    )
    if ends:
        axes.plot(ends, [at, at], color=theme.text(row.role), lw=points(1.8), zorder=5, solid_capstyle="butt")
        for end in ends:
            axes.plot([end, end], [at - 4, at + 4], color=theme.text(row.role), lw=points(1.8), zorder=5)
        axes.plot(row.value, at, "o", color=theme.text(row.role), ms=points(8), zorder=6)


def _stack(values: pd.Series, low: float, high: float) -> tuple[float, dict[Any, int]]:
    """Dot size in pixels and the level of each place in its column (Wilkinson's dot plot on a grid)."""
    plot = WIDTH - 2 * (MARGIN + 4)
    for dot in (11.0, 9.0, 7.5, 6.0, 5.0, 4.0):
        columns = {place: round((value - low) / (high - low) * plot / dot) for place, value in values.items()}
        counts: dict[int, int] = {}
        levels: dict[Any, int] = {}
        for place in values.sort_values(kind="stable").index:
            levels[place] = counts.get(columns[place], 0)
            counts[columns[place]] = levels[place] + 1
        if max(counts.values()) * dot <= 150:
            break
    return dot, levels


def _centre(value: float, low: float, high: float, dot: float) -> float:
    plot = WIDTH - 2 * (MARGIN + 4)
    return low + round((value - low) / (high - low) * plot / dot) * dot / plot * (high - low)


def _name_places(
    canvas: Canvas,
    axes: Any,
    names: Mapping[Any, str],
    values: pd.Series,
    stacks: Mapping[Any, int],
    scale: tuple[float, float, float, float],
    treated: Any,
) -> None:
    """Names above the dots on one line, moved apart, each with a hair line down to its dot."""
    low, high, dot, tall = scale
    plot = WIDTH - 2 * (MARGIN + 4)
    centres = {place: _centre(values[place], low, high, dot) for place in names}
    to_px = {place: (centre - low) / (high - low) * plot for place, centre in centres.items()}
    digits = words.decimals(float(values.std()) or 1.0)
    texts = {
        place: f"{name} {words.number(values[place], canvas.language, digits, sign=True)}"
        for place, name in names.items()
    }
    widths = {place: canvas.width(text, SMALL, bold=True) for place, text in texts.items()}
    ordered = sorted(names, key=lambda place: to_px[place])
    half = [widths[ordered[0]] / 2 - 4, plot - widths[ordered[-1]] / 2 + 4]
    centres_of = spread([to_px[p] for p in ordered], [widths[p] + 10 for p in ordered], *half)
    for place, at in zip(ordered, centres_of, strict=True):
        y = tall - 14
        colour = canvas.theme.text("treated") if place == treated else canvas.theme.text("comparison")
        axes.plot(
            [centres[place], centres[place], low + at / plot * (high - low)],
            [(stacks[place] + 1) * dot + 3, y - 16, y - 5],
            color=colour,
            lw=points(1),
            zorder=2,
        )
        text = axes.text(
            low + at / plot * (high - low),
            y,
            texts[place],
            ha="center",
            va="baseline",
            size=points(SMALL),
            color=colour,
            zorder=8,
        )
        if place == treated:
            embolden(text, colour, SMALL)
        else:
            halo(text, canvas.theme)
