"""Scales of the figures: where ticks stand and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report.canvas import DENSITY, LINE, MARGIN, SMALL, WIDTH, Canvas, halo, points


@dataclass(frozen=True)
class Timeline:
    """Positions of the periods, the ticks to write, and where any other period stands.

    Attributes
    ----------
    x : ndarray (n_periods,)
    ticks : sequence of (position, text)
    place : callable
        Position of a period given as in the index, or as text.
    """

    x: NDArray[np.float64]
    ticks: Sequence[tuple[float, str]]
    place: Callable[[Any], float]


def timeline(index: pd.Index, language: str, most: int = 7) -> Timeline:
    """Read an index of months, dates, years or anything else in order."""
    months = _as_months(index)
    if months is not None:
        return _monthly(months, language, most)
    try:
        values = np.asarray([float(str(period)) for period in index])
    except ValueError:
        return _ordered(index, most)
    if len(values) > 1 and values.max() < 1000:
        # not years: periods since something
        whole = [v for v in nice_ticks(values.min(), values.max(), most) if v == round(v)]
        return Timeline(
            values, [(v, words.number(v, language, 0)) for v in whole], lambda period: float(str(period))
        )
    steps = _thin(np.arange(np.ceil(values.min()), values.max() + 1), most)
    return Timeline(values, [(float(v), f"{v:.0f}") for v in steps], lambda period: float(str(period)))


def _as_months(index: pd.Index) -> pd.PeriodIndex | None:
    if isinstance(index, pd.PeriodIndex):
        return None if index.freqstr.startswith(("Y", "A")) else index.asfreq("M")
    if isinstance(index, pd.DatetimeIndex):
        return index.to_period("M")
    if len(index) and all(
        isinstance(period, str) and len(period) == 7 and period[4] == "-" for period in index
    ):
        return pd.PeriodIndex(index, freq="M")
    return None


def _monthly(months: pd.PeriodIndex, language: str, most: int) -> Timeline:
    def place(period: Any) -> float:
        when = pd.Period(str(period)[:7], freq="M")
        return when.year + (when.month - 1) / 12

    x = np.asarray([place(month) for month in months])
    years = np.arange(np.ceil(x.min() - 1e-9), np.floor(x.max()) + 1)
    if len(years) < 2:
        chosen = [months[int(i)] for i in _thin(np.arange(len(months)), 4)]
        ticks = [(place(month), words.month(month, language, short=True)) for month in chosen]
    else:
        suffix = "年" if language == "zh" else ""
        ticks = [(float(year), f"{year:.0f}{suffix}") for year in _thin(years, most)]
    return Timeline(x, ticks, place)


def _ordered(index: pd.Index, most: int) -> Timeline:
    names = [str(period) for period in index]
    x = np.arange(len(names), dtype=float)

    def place(period: Any) -> float:
        if str(period) not in names:
            raise ReportError(f"The figure has no period {period}.", expected=", ".join(names))
        return float(names.index(str(period)))

    return Timeline(x, [(float(i), names[int(i)]) for i in _thin(x, most)], place)


def _thin(values: NDArray[Any], most: int) -> NDArray[Any]:
    return values[:: max(1, int(np.ceil(len(values) / most)))]


def limits(*arrays: Any, margin: float = 0.06, include: float | None = None) -> tuple[float, float]:
    """Smallest and largest finite value with a margin (a share of the range) on both sides."""
    values = np.concatenate([np.asarray(array, dtype=float).ravel() for array in arrays])
    values = values[np.isfinite(values)]
    if include is not None:
        values = np.append(values, include)
    if not len(values):
        raise ReportError(
            "A figure has no number to draw.", fix="leave the figure out, and say that there are no data"
        )
    low, high = float(values.min()), float(values.max())
    pad = (high - low) * margin or 1.0
    return low - pad, high + pad


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values within the limits, at most about ``most``."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in ticks if low - 1e-9 <= tick <= high + 1e-9]


def tick_texts(ticks: Sequence[float], language: str, *, sign: bool = False) -> list[str]:
    """Write ticks with the decimals that their step needs."""
    step = min(np.diff(ticks)) if len(ticks) > 1 else 1.0
    digits = next((d for d in range(7) if abs(round(step, d) - step) < 1e-9 * max(1, abs(step))), 6)
    return [words.number(tick, language, digits, sign=sign) for tick in ticks]


def value_scale(
    canvas: Canvas, low: float, high: float, *, sign: bool = False
) -> tuple[list[float], list[str], float]:
    """Ticks of a vertical scale, their texts, and the room in pixels that they need at the left."""
    ticks = nice_ticks(low, high)
    texts = tick_texts(ticks, canvas.language, sign=sign)
    return ticks, texts, MARGIN + max(canvas.width(text, SMALL) for text in texts) + 6


def draw_value_scale(
    canvas: Canvas, axes: Any, ticks: Sequence[float], texts: Sequence[str], low: float, high: float
) -> None:
    """Faint horizontal lines with their values at the left."""
    axes.set_ylim(low, high)
    axes.set_yticks(ticks, texts)
    for tick in ticks:
        axes.axhline(tick, color=canvas.theme["rule"], lw=points(1), zorder=0)


def draw_time_scale(canvas: Canvas, axes: Any, line: Timeline, pad: float = 0.02) -> None:
    """Ticks of time below the plot, with short marks."""
    span = float(line.x.max() - line.x.min()) or 1.0
    axes.set_xlim(line.x.min() - pad * span, line.x.max() + pad * span)
    axes.set_xticks([at for at, _ in line.ticks], [text for _, text in line.ticks])
    axes.tick_params(axis="x", length=points(4), width=points(1), color=canvas.theme["reference"])


def draw_x_values(canvas: Canvas, axes: Any, ticks: Sequence[float], texts: Sequence[str]) -> None:
    """Values below the plot; one that would pass the sheet's edge is moved inwards."""
    axes.set_xticks(ticks, texts)
    box = axes.get_position()
    low, high = axes.get_xlim()
    for tick, label, text in zip(ticks, axes.get_xticklabels(), texts, strict=True):
        x = (box.x0 + box.width * (tick - low) / (high - low)) * WIDTH
        half = canvas.width(text, SMALL) / 2
        if x + half > WIDTH - 2:
            label.set_ha("right")
        elif x - half < 2:
            label.set_ha("left")


def x_title(canvas: Canvas, axes: Any, text: str, below: float) -> None:
    """Write the title of the horizontal scale, wrapped, its last line at the bottom of ``below`` pixels."""
    if not text:
        return
    lines = canvas.wrap(text, WIDTH - 2 * MARGIN, SMALL)
    bottom = axes.get_position().y0 * canvas.height
    left = axes.get_position().x0 * WIDTH
    widest = max(canvas.width(line, SMALL) for line in lines)
    x = min(left, WIDTH - MARGIN - widest)
    for i, line in enumerate(lines):
        y = canvas.height - bottom + below - (len(lines) - i) * SMALL * LINE
        canvas.write(max(MARGIN, x), y, line, size=SMALL, colour=canvas.theme["muted"])


def x_title_room(canvas: Canvas, text: str) -> float:
    """Pixels that ticks and title of a horizontal scale take below the plot."""
    lines = canvas.wrap(text, WIDTH - 2 * MARGIN, SMALL) if text else []
    return 24 + len(lines) * SMALL * LINE


def event_rows(
    canvas: Canvas,
    places: Sequence[float],
    texts: Sequence[str],
    to_px: Callable[[float], float],
    right: float,
) -> list[int]:
    """Row (0 lowest) for each label of a dated line, so that no two overlap.

    Later dates take the lower rows: a label then never crosses the line of a date after it.
    """
    rows = [0] * len(places)
    taken: list[tuple[int, float, float]] = []
    for i in sorted(range(len(places)), key=lambda i: -places[i]):
        place, text = places[i], texts[i]
        start, end = _label_span(to_px(place), canvas.width(text, SMALL), right)
        row = 0
        while any(r == row and start < e + 6 and end > s - 6 for r, s, e in taken):
            row += 1
        taken.append((row, start, end))
        rows[i] = row
    return rows


def draw_events(
    canvas: Canvas,
    axes: Any,
    places: Sequence[float],
    texts: Sequence[str],
    rows: Sequence[int],
    right: float,
) -> None:
    """Dated lines through the plot, each with its label above."""
    transform = axes.get_xaxis_transform()
    height = axes.get_position().height * canvas.height
    for place, text, row in zip(places, texts, rows, strict=True):
        top = 1 + (4 + (row + 1) * SMALL * LINE) / height
        axes.plot(
            [place, place],
            [0, top],
            transform=transform,
            color=canvas.theme["reference"],
            lw=points(1.1),
            dashes=(2.5, 2.5),
            zorder=1.5,
            clip_on=False,
        )
        x = axes.transData.transform((place, 0))[0] / DENSITY
        start, _ = _label_span(x, canvas.width(text, SMALL), right)
        shift = (start - x) / (axes.get_position().width * WIDTH) * (axes.get_xlim()[1] - axes.get_xlim()[0])
        halo(
            axes.text(
                place + shift,
                1 + (4 + row * SMALL * LINE) / height,
                text,
                transform=transform,
                size=points(SMALL),
                color=canvas.theme.text("reference"),
                va="bottom",
                zorder=6,
            ),
            canvas.theme,
        )


def _label_span(x: float, width: float, right: float) -> tuple[float, float]:
    """A label begins right of its line, or ends left of it where it would pass the right edge."""
    start = x + 5 if x + 5 + width <= right else max(MARGIN, x - 5 - width)
    return start, start + width
