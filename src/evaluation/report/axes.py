"""Scales of the figures: where ticks stand and how they are written, dated lines, words at lines' ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report.canvas import DENSITY, LINE, MARGIN, SMALL, WIDTH, Canvas, emphasize, points, spread

_DATED = re.compile(r"\d{4}([-/]\d{2}){1,2}|\d{4}-?Q[1-4]")
_PLAIN = (1e-4, 1e7)  # numbers between are written out, others as multiples of a power of ten
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_END_ROOM = 112.0  # widest label at the end of a line, px


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
    """Read an index of dates of any frequency, years, numbers or anything else in order."""
    if _dated(index):
        return _dates(index, language, most)
    try:
        values = np.asarray([float(str(period)) for period in index])
    except ValueError:
        return _ordered(index, most)
    low, high = values.min(), values.max()
    years = high >= 1000  # anything smaller counts periods since something
    whole = [v for v in _ticks(low, high, most) if v == round(v)] if not years else [
        float(v) for v in _thin(np.arange(np.ceil(low), high + 1), most)]  # fmt: skip
    texts = [f"{v:.0f}" if years else words.number(v, language, 0) for v in whole]
    return Timeline(values, list(zip(whole, texts, strict=True)), lambda period: float(str(period)))


def _dated(index: pd.Index) -> bool:
    if isinstance(index, pd.PeriodIndex):
        return not index.freqstr.startswith(("Y", "A"))
    if isinstance(index, pd.DatetimeIndex):
        return True
    return len(index) > 0 and all(isinstance(period, str) and _DATED.fullmatch(period) for period in index)


def _start(period: Any) -> pd.Timestamp:
    """The first day of a period."""
    if isinstance(period, pd.Period):
        return period.start_time
    return pd.Timestamp(period) if isinstance(period, pd.Timestamp) else pd.Period(str(period)).start_time


def _dates(index: pd.Index, language: str, most: int) -> Timeline:
    def place(period: Any) -> float:
        day = _start(period)
        return float(day.year + (day.month - 1 + (day.day - 1) / day.days_in_month) / 12)

    def written(period: Any) -> str:
        if isinstance(period, pd.Period) and period.freqstr.startswith("Q"):
            return str(period)
        monthly = all(_start(each).day == 1 for each in index)
        return words.month(_start(period), language, short=True) if monthly else f"{_start(period):%Y-%m-%d}"

    x = np.asarray([place(period) for period in index])
    years = np.arange(np.ceil(x.min() - 1e-9), np.floor(x.max()) + 1)
    if len(years) < 2:
        chosen = [index[int(i)] for i in _thin(np.arange(len(index)), 4)]
        return Timeline(x, [(place(period), written(period)) for period in chosen], place)
    suffix = "年" if language == "zh" else ""
    return Timeline(x, [(float(year), f"{year:.0f}{suffix}") for year in _thin(years, most)], place)


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


def _ticks(low: float, high: float, most: int) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    slack = 1e-9 * (high - low)
    return [float(tick) for tick in ticks if low - slack <= tick <= high + slack]


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
    pad = (high - low) * margin or abs(high) * 0.1 or 1.0
    return low - pad, high + pad


def tick_texts(ticks: Sequence[float], language: str, *, sign: bool = False, suffix: str = "") -> list[str]:
    """Write ticks with the decimals that their step needs; far from one, with a power of ten.

    ``suffix`` is written after every number.
    """
    largest = max(map(abs, ticks), default=0.0)
    power = 0
    if largest and not _PLAIN[0] <= largest < _PLAIN[1]:
        power = int(np.floor(np.log10(largest)))
        suffix = "×10" + str(power).translate(_SUPERSCRIPT) + suffix
    values = [tick / 10.0**power for tick in ticks]
    step = min(np.diff(values)) if len(values) > 1 else 1.0
    digits = next((d for d in range(7) if abs(round(step, d) - step) < 1e-6 * abs(step)), 6)
    return [
        words.number(value, language, digits, sign=sign) + (suffix if value or not power else "")
        for value in values
    ]


def value_scale(
    axes: Any,
    side: str,
    low: float,
    high: float,
    language: str,
    *,
    sign: bool = False,
    most: int = 5,
    grid: bool = True,
    whole: bool = False,
    suffix: str = "",
    scale: float = 1.0,
) -> None:
    """Limits, ticks as written in the page's language and faint lines of a scale (``side`` x or y).

    ``scale`` times a value is what is written, with ``suffix`` after it.
    """
    from matplotlib.ticker import FixedFormatter, FixedLocator

    axis = getattr(axes, f"{side}axis")
    getattr(axes, f"set_{side}lim")(low, high)
    ticks = _ticks(low * scale, high * scale, most)
    ticks = [tick for tick in ticks if not whole or tick == round(tick)]
    texts = tick_texts(ticks, language, sign=sign, suffix=suffix)
    axis.set_major_locator(FixedLocator([tick / scale for tick in ticks]))
    axis.set_major_formatter(FixedFormatter(texts))
    if grid:
        axes.grid(visible=True, axis=side, lw=points(1))
    else:
        axes.tick_params(axis=side, length=points(4), width=points(1))


def time_scale(axes: Any, line: Timeline, pad: float = 0.02) -> None:
    """Ticks of time below the plot, with short marks."""
    span = float(line.x.max() - line.x.min()) or 1.0
    axes.set_xlim(line.x.min() - pad * span, line.x.max() + pad * span)
    axes.set_xticks([at for at, _ in line.ticks], [text for _, text in line.ticks])
    axes.tick_params(axis="x", length=points(4), width=points(1))


def zero_line(canvas: Canvas, axes: Any, side: str = "y") -> None:
    """The line at zero of a scale."""
    draw = axes.axhline if side == "y" else axes.axvline
    draw(0, color=canvas.theme["reference"], lw=points(1.2), zorder=1)


def events(canvas: Canvas, axes: Any, places: Sequence[float], texts: Sequence[str]) -> None:
    """Dated lines through the plot, each with its label above; no two labels overlap.

    Later dates take the lower rows: a label then never crosses the line of a date after it.
    """
    if not places:
        return
    canvas.settle()
    edges = axes.get_tightbbox().x0 / DENSITY, WIDTH - MARGIN - 1
    taken: list[tuple[float, float, float, float]] = []
    for i in sorted(range(len(places)), key=lambda i: -places[i]):
        lines = canvas.wrap(texts[i], WIDTH - 2 * MARGIN - 12)
        width = max((canvas.width(line) for line in lines), default=0.0)
        x = axes.transData.transform((places[i], 0))[0] / DENSITY
        start = x + 5 if x + 5 + width <= edges[1] else max(edges[0], x - 5 - width)
        tall, bottom = len(lines) * SMALL * LINE, 4.0
        for left, right, low, high in sorted(taken, key=lambda each: each[2]):
            if start < right + 6 and start + width > left - 6 and bottom < high and bottom + tall > low:
                bottom = high
        taken.append((start, start + width, bottom, bottom + tall))
        top = 1 + (bottom + tall) / axes.get_window_extent().height * DENSITY
        axes.plot(
            [places[i]] * 2,
            [0, top],
            transform=axes.get_xaxis_transform(),
            color=canvas.theme["reference"],
            lw=points(1.1),
            dashes=(2.5, 2.5),
            zorder=1.5,
            clip_on=False,
        )
        beside(
            canvas,
            axes,
            (places[i], 1),
            "\n".join(lines),
            shift=(start - x, bottom),
            ha="left",
            coords=axes.get_xaxis_transform(),
        )


def beside(
    canvas: Canvas,
    axes: Any,
    at: tuple[float, float],
    text: str,
    *,
    shift: tuple[float, float],
    ha: str,
    role: str = "reference",
    coords: Any = "data",
    va: str = "",
    bold: bool = False,
) -> Any:
    """Words beside a point, in a rim of paper; ``shift`` in pixels."""
    ink = canvas.theme.text(role)
    written = axes.annotate(
        text,
        at,
        tuple(points(px) for px in shift),
        xycoords=coords,
        textcoords="offset points",
        ha=ha,
        va=va or ("bottom" if shift[1] >= 0 else "top"),
        size=points(SMALL),
        color=ink,
        annotation_clip=False,
        zorder=7,
    )
    return emphasize(written, canvas.theme, ink if bold else None)


def label_ends(canvas: Canvas, axes: Any, tips: Sequence[tuple[float, float, str, str]], height: float) -> None:
    """Words at the right ends of lines (y, x, role, text), moved apart where they would overlap."""
    bottom, top = axes.get_ylim()
    line = SMALL * 1.2
    written = [canvas.wrap(text, _END_ROOM) for *_, text in tips]
    wanted = [(y - bottom) / (top - bottom) * height for y, *_ in tips]
    sizes = [len(lines) * line + 3 for lines in written]
    edge = max(sizes, default=0.0) / 2
    middles = spread(wanted, sizes, edge, height - edge)
    for place, lines, (_, x, role, _) in zip(middles, written, tips, strict=True):
        at = (x, bottom + place / height * (top - bottom))
        shown = "\n".join(lines)
        beside(
            canvas, axes, at, shown, shift=(7, 0), ha="left", role="muted" if role == "unit" else role,
            va="center", bold=role == "treated",
        )  # fmt: skip
