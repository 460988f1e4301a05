"""Intervals of one question asked many times: under growing violations, at other dates, without one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report.axes import (
    draw_events,
    draw_time_scale,
    draw_value_scale,
    draw_x_values,
    event_rows,
    limits,
    timeline,
    value_scale,
    x_title,
    x_title_room,
)
from evaluation.report.canvas import LINE, MARGIN, SMALL, WIDTH, Canvas, draw, points
from evaluation.report.display import Figure
from evaluation.report.figures_estimates import forest
from evaluation.report.figures_key import Entry, Key, need, numbers, word
from evaluation.report.figures_left_out import listed, strip

Kind = Literal["interval_by_parameter", "interval_by_date", "interval_by_label"]
_LISTED = 24  # up to so many left out are listed by name, more are drawn as a strip
_CUT = 2.5  # intervals further than so many lengths of the usual one are cut
_LABELS = ("left_out", "comparison", "label")
_COMPARISONS = {
    "all comparison places": "all_comparison",
    "without neighbours": "without_neighbours",
    "neighbours as treated": "as_treated",
}


def intervals(
    table: pd.DataFrame,
    *,
    kind: Kind,
    y_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    x_label: str = "",
    target: str | None = None,
    breakdown: float | None = None,
    labels: Mapping[Any, str] | None = None,
    marked: Sequence[Any] = (),
) -> Figure:
    """Draw intervals one beside the other.

    Parameters
    ----------
    table : DataFrame
        ``estimate, ci_low, ci_high`` and, for ``"interval_by_parameter"``, ``parameter`` (NaN: the usual
        interval) and optionally ``target``; for ``"interval_by_date"``, ``date`` and ``true`` (whether it is
        the actual one); for ``"interval_by_label"``, ``left_out`` (the full sample first, without
        a name) or ``comparison`` or ``label``. Without an interval a point is open. Rows without an estimate
        are counted on the figure.
    kind : {"interval_by_parameter", "interval_by_date", "interval_by_label"}
    x_label : str
        What the parameter is; for other kinds unused.
    target : str, optional
        Which target to draw where the table has several; the first when absent.
    breakdown : float, optional
        The parameter from which on the interval holds zero.
    labels : mapping, optional
        Names in the page's language of what was left out or compared.
    marked : sequence
        Left out places without which the conclusion is another: named, and drawn strong.

    Raises
    ------
    ReportError
        A column is missing, or there is nothing to draw.
    """
    needed = {"interval_by_parameter": ["parameter"], "interval_by_date": ["date", "true"]}.get(kind, [])
    need(table, [*needed, "estimate", "ci_low", "ci_high"], name)
    common: dict[str, Any] = {
        "title": title,
        "source": source,
        "alt": alt,
        "language": language,
        "name": name,
        "simulated": simulated,
    }
    if kind == "interval_by_parameter":
        return _by_parameter(table, y_label, x_label, target, breakdown, common)
    if kind == "interval_by_date":
        return _by_date(table, y_label, common)
    if kind != "interval_by_label":
        raise ReportError(
            f"There are no intervals {kind!r}.",
            expected="interval_by_parameter, interval_by_date or interval_by_label",
        )
    column = next((label for label in _LABELS if label in table.columns), None)
    if column is None:
        raise ReportError(
            "A figure's table has no names of its rows.",
            where=f"figure {name}",
            expected=" or ".join(_LABELS),
        )
    if column != "left_out":
        return _compared(table, column, y_label, labels or {}, common)
    if len(table) - 1 > _LISTED:
        return strip(table, y_label, labels or {}, marked, common)
    return listed(table, y_label, labels or {}, marked, common)


def _by_parameter(
    table: pd.DataFrame,
    y_label: str,
    x_label: str,
    target: str | None,
    breakdown: float | None,
    common: dict[str, Any],
) -> Figure:
    language = common["language"]
    frame = table
    if "target" in table.columns:
        frame = table[table["target"] == (table["target"].iloc[0] if target is None else target)]
        need(frame, ["estimate"], common["name"])
    frame = frame.sort_values("parameter", na_position="first", kind="stable", ignore_index=True)
    value, low, high = (numbers(frame, column) for column in ("estimate", "ci_low", "ci_high"))
    parameter = numbers(frame, "parameter")
    usual = np.isnan(parameter)
    span = float(np.nanmax(parameter)) if (~usual).any() else 1.0
    span = span or 1.0
    offset = -0.17 * span
    x = np.where(usual, offset, parameter)
    bottom, top = limits(value, low, high, include=0)
    first = int(np.argmax(np.isfinite(high - low)))
    length = max(high[first] - low[first], abs(float(value[first])))
    if np.isfinite(length):
        bottom, top = max(bottom, low[first] - _CUT * length), min(top, high[first] + _CUT * length)
    holds = ~((low > 0) | (high < 0))
    finite = breakdown is not None and np.isfinite(breakdown) and 0 < breakdown <= span
    most = words.figures(span, 3)
    texts = [_brief(p, language, most) for p in parameter]

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, written, left = value_scale(canvas, bottom, top, sign=True)
        below = x_title_room(canvas, x_label)
        entries = _zero_entries(holds, language)
        if (low < bottom).any() or (high > top).any():
            entries.append(Entry(word("cut", language), "reference", ""))
        key = Key(canvas, entries)
        mark = SMALL * LINE + 2 if finite else 0
        axes = canvas.sheet(220, left=left, right=MARGIN + 6, above=key.height + mark, below=below)
        draw_value_scale(canvas, axes, ticks, written, bottom, top)
        edges = (min(x.min(), 0.0) - 0.07 * span, span * 1.05)
        axes.set_xlim(*edges)
        plot = WIDTH - left - MARGIN - 6
        shown = _apart(canvas, x, [word("usual", language) if u else t for u, t in zip(usual, texts,
                       strict=True)], plot / (edges[1] - edges[0]))  # fmt: skip
        draw_x_values(canvas, axes, [x[i] for i, _ in shown], [text for _, text in shown])
        axes.axhline(0, color=theme["reference"], lw=points(1.2), zorder=1)
        if usual.any() and not usual.all():
            axes.axvline(offset / 2, color=theme["rule"], lw=points(1), zorder=0)
        start = canvas.height * (1 - axes.get_position().y1)
        key.draw(start - mark - key.height)
        for i in range(len(frame)):
            colour = "reference" if holds[i] else "treated"
            _upright(canvas, axes, (x[i], value[i], low[i], high[i]), colour, 3.2)
        if finite and breakdown is not None:
            text = word("breakdown", language, value=words.number(breakdown, language, words.figures(
                breakdown, 2)))  # fmt: skip
            draw_events(canvas, axes, [breakdown], [text], [0], WIDTH - MARGIN)
        x_title(canvas, axes, x_label, below)

    return draw(paint, subtitle=y_label, data=table, **common)


def _brief(value: float, language: str, most: int) -> str:
    """A number with as few decimals as say the same as ``most`` of them do."""
    if not np.isfinite(value):
        return words.NOT_A_NUMBER
    digits = next(d for d in range(most + 1) if round(value, d) == round(value, most))
    return words.number(value, language, digits)


def _zero_entries(holds: NDArray[np.bool_], language: str) -> list[Entry]:
    entries = []
    if (~holds).any():
        entries.append(Entry(word("excludes", language), "treated", "line"))
    if holds.any():
        entries.append(Entry(word("holds", language), "reference", "line"))
    return entries


def _apart(canvas: Canvas, x: NDArray[np.float64], texts: list[str], scale: float) -> list[tuple[int, str]]:
    """The ticks whose words do not run into those before; the first and the last are always kept."""
    half = [canvas.width(text, SMALL) / 2 + 3 for text in texts]
    kept = [0]
    last = len(texts) - 1
    for i in range(1, last + 1):
        while i == last and len(kept) > 1 and (x[i] - x[kept[-1]]) * scale < half[i] + half[kept[-1]]:
            kept.pop()
        if i == last or (x[i] - x[kept[-1]]) * scale >= half[i] + half[kept[-1]]:
            kept.append(i)
    return [(i, texts[i]) for i in kept]


def _upright(
    canvas: Canvas, axes: Any, at: tuple[float, float, float, float], colour: str, width: float
) -> None:
    """A vertical interval, cut at the plot's edges where it ends in an arrow; its point open without one."""
    x, value, low, high = at
    bottom, top = axes.get_ylim()
    shade = canvas.theme[colour]
    known = not (np.isnan(low) or np.isnan(high))
    if known:
        axes.vlines(x, max(low, bottom), min(high, top), color=shade, lw=points(width), zorder=3)
        for beyond, edge, marker in ((low < bottom, bottom, "v"), (high > top, top, "^")):
            if beyond:
                axes.plot(x, edge, marker, color=shade, ms=points(width + 5), mew=0, zorder=4, clip_on=False)
    axes.plot(
        x,
        value,
        "o",
        ms=points(width + 4.3),
        mec=shade,
        mew=points(1.6),
        mfc=shade if known else canvas.theme["paper"],
        zorder=5,
    )


def _by_date(table: pd.DataFrame, y_label: str, common: dict[str, Any]) -> Figure:
    language = common["language"]
    frame = table[np.isfinite(numbers(table, "estimate"))].reset_index(drop=True)
    true = frame["true"].to_numpy(dtype=bool)
    value, low, high = (numbers(frame, column) for column in ("estimate", "ci_low", "ci_high"))
    line = timeline(pd.Index(frame["date"].astype(str)), language, most=6)
    bottom, top = limits(value, low, high, include=0)
    known = np.isfinite(low) & np.isfinite(high)

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, written, left = value_scale(canvas, bottom, top, sign=True)
        entries = [
            Entry(word("placebo_dates", language), "comparison"),
            Entry(word("actual", language), "treated"),
        ]
        if not known.all():
            entries.append(Entry(word("open", language), "reference", "open"))
        if len(frame) < len(table):
            entries.append(
                Entry(word("not_estimated", language, count=len(table) - len(frame)), "reference", "")
            )
        key = Key(canvas, entries)
        places, texts = line.x[true], [_date(frame["date"][i], language) for i in np.flatnonzero(true)]
        right = MARGIN + 4
        span = float(np.ptp(line.x)) or 1.0
        plot = WIDTH - left - right
        rows = event_rows(
            canvas,
            places,
            texts,
            lambda p: left + plot * ((p - line.x.min()) / span + 0.06) / 1.12,
            WIDTH - MARGIN,
        )
        mark = (max(rows) + 1) * SMALL * LINE + 2 if rows else 0
        axes = canvas.sheet(210, left=left, right=right, above=key.height + mark, below=22)
        draw_value_scale(canvas, axes, ticks, written, bottom, top)
        draw_time_scale(canvas, axes, line, pad=0.06)
        axes.axhline(0, color=theme["reference"], lw=points(1.2), zorder=1)
        key.draw(canvas.height * (1 - axes.get_position().y1) - mark - key.height)
        draw_events(canvas, axes, places, texts, rows, WIDTH - MARGIN)
        for i in range(len(frame)):
            colour = "treated" if true[i] else "comparison"
            _upright(canvas, axes, (line.x[i], value[i], low[i], high[i]), colour, 2.4)

    return draw(paint, subtitle=y_label, data=table, **common)


def _date(date: Any, language: str) -> str:
    written = str(date)
    return words.month(written, language) if len(written) == 7 and written[4] == "-" else written


def _compared(
    table: pd.DataFrame, column: str, y_label: str, labels: Mapping[Any, str], common: dict[str, Any]
) -> Figure:
    """A few comparisons whose names are sentences: a forest plot, the first one strong."""
    language = common["language"]
    known = {key: word(value, language) for key, value in _COMPARISONS.items()} | dict(labels)
    frame = pd.DataFrame(
        {
            "label": [known.get(label, str(label)) for label in table[column]],
            **{c: numbers(table, c) for c in ("estimate", "ci_low", "ci_high")},
            "role": ["treated"] + ["comparison"] * (len(table) - 1),
        }
    )
    if "units" in table.columns:
        frame["note"] = [word("places", language, count=int(count)) for count in table["units"]]
    return forest(frame, x_label=y_label, **common)


__all__ = ["Kind", "intervals"]
