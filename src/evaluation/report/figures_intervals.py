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
    nice_ticks,
    tick_texts,
    timeline,
    value_scale,
    x_title,
    x_title_room,
)
from evaluation.report.canvas import LINE, MARGIN, SMALL, WIDTH, Canvas, draw, halo, points
from evaluation.report.display import Figure
from evaluation.report.figures_estimates import forest
from evaluation.report.figures_key import Entry, Key, need, numbers, word

Kind = Literal["interval_by_parameter", "interval_by_date", "interval_by_label"]
_LISTED = 24  # up to so many left out are listed by name, more are drawn as a strip
_CUT = 6.0  # intervals further than so many lengths of the usual one are cut
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
        return _strip(table, y_label, labels or {}, marked, common)
    return _listed(table, y_label, labels or {}, marked, common)


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
    texts = [words.number(p, language) for p in parameter]

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, written, left = value_scale(canvas, bottom, top, sign=True)
        below = x_title_room(canvas, x_label)
        key = Key(canvas, _zero_entries(holds, language))
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


def _names(table: pd.DataFrame, labels: Mapping[Any, str]) -> list[str]:
    return [labels.get(label, str(label)) for label in table["left_out"]]


def _left_out(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Those left out in order of estimate, and how many of them cannot be estimated."""
    rest = table.iloc[1:]
    usable = rest[np.isfinite(numbers(rest, "estimate"))]
    return usable.sort_values("estimate", kind="stable"), len(rest) - len(usable)


def _listed(
    table: pd.DataFrame,
    y_label: str,
    labels: Mapping[Any, str],
    marked: Sequence[Any],
    common: dict[str, Any],
) -> Figure:
    """One line a place, the full sample first and as a line through all."""
    language = common["language"]
    rest, lost = _left_out(table)
    frame = pd.concat([table.iloc[:1], rest])
    names = [word("everyone", language), *_names(rest, labels)]
    strong = [True, *(label in set(marked) for label in rest["left_out"])]
    value, low, high = (numbers(frame, column) for column in ("estimate", "ci_low", "ci_high"))
    known = np.isfinite(low) & np.isfinite(high)
    start, end = limits(value, low, high, include=0, margin=0.05)
    digits = words.decimals(float(np.nanstd(value[1:])) or abs(float(value[0])) / 10)
    row = 17.0

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        written = [words.number(v, language, digits, sign=True) for v in value]
        left = MARGIN + 8 + max(canvas.width(text, SMALL, bold=True) for text in names)
        right = MARGIN + 8 + max(canvas.width(text, SMALL, bold=True) for text in written)
        entries = [Entry(word("left_out", language), "comparison")]
        if not known.all():
            entries.append(Entry(word("open", language), "reference", "open"))
        if lost:
            entries.append(Entry(word("not_estimated", language, count=lost), "reference", ""))
        key = Key(canvas, entries)
        tall = row * len(frame) + 6
        axes = canvas.sheet(tall, left=left, right=right, above=key.height, below=22)
        axes.set_xlim(start, end)
        axes.set_ylim(tall, 0)
        axes.set_yticks([])
        ticks = nice_ticks(start, end, 5)
        draw_x_values(canvas, axes, ticks, tick_texts(ticks, language, sign=True))
        for tick in ticks:
            axes.axvline(tick, color=theme["rule"], lw=points(1), zorder=0)
        axes.axvline(0, color=theme["reference"], lw=points(1.2), zorder=0.6)
        axes.axvline(value[0], color=theme["treated"], lw=points(1.2), dashes=(3, 2), zorder=0.8)
        top = canvas.height * (1 - axes.get_position().y1)
        key.draw(top - key.height)
        for i in range(len(frame)):
            y = (i + 0.5) * row + (4 if i else 0)
            role = "treated" if i == 0 else "comparison"
            colour = theme[role]
            if known[i]:
                axes.plot([low[i], high[i]], [y, y], color=colour, lw=points(1.8), solid_capstyle="butt")
            axes.plot(
                value[i], y, "o", ms=points(7.5), mew=points(1.6), mec=colour, zorder=5,
                mfc=colour if known[i] else theme["paper"],
            )  # fmt: skip
            ink = theme.text("treated") if i == 0 else theme["ink"]
            at = top + y - SMALL * 0.62
            canvas.write(MARGIN, at, names[i], size=SMALL, colour=ink, bold=strong[i])
            x = WIDTH - MARGIN - canvas.width(written[i], SMALL, bold=strong[i])
            number_ink = ink if strong[i] else theme["muted"]
            canvas.write(x, at, written[i], size=SMALL, colour=number_ink, bold=strong[i])

    return draw(paint, subtitle=y_label, data=table, **common)


def _strip(
    table: pd.DataFrame,
    y_label: str,
    labels: Mapping[Any, str],
    marked: Sequence[Any],
    common: dict[str, Any],
) -> Figure:
    """Many places in order of estimate; only the extremes are named."""
    language = common["language"]
    rest, lost = _left_out(table)
    names = _names(rest, labels)
    value, low, high = (numbers(rest, column) for column in ("estimate", "ci_low", "ci_high"))
    full = float(numbers(table, "estimate")[0])
    known = np.isfinite(low) & np.isfinite(high)
    bottom, top = limits(value, low, high, [full], include=0)
    x = np.arange(len(rest), dtype=float)
    digits = words.decimals(float(np.std(value)) or abs(full) / 10)
    caption = word("rank", language, count=len(rest))
    caption += "" if not lost else word("comma", language) + word("not_estimated", language, count=lost)
    strong = rest["left_out"].isin(list(marked)).to_numpy()

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, written, left = value_scale(canvas, bottom, top, sign=True)
        everyone = f"{word('everyone', language)} {words.number(full, language, digits, sign=True)}"
        entries = [Entry(everyone, "treated", "dash"), Entry(word("left_out", language), "comparison")]
        if known.any():
            entries.append(Entry(word("band", language), "comparison", "band"))
        key = Key(canvas, entries)
        notes = canvas.wrap(caption, WIDTH - 2 * MARGIN, SMALL)
        axes = canvas.sheet(
            200, left=left, right=MARGIN + 4, above=key.height, below=4 + len(notes) * SMALL * LINE
        )
        draw_value_scale(canvas, axes, ticks, written, bottom, top)
        axes.set_xlim(-2, len(rest) + 1)
        axes.set_xticks([])
        start = canvas.height * (1 - axes.get_position().y1)
        key.draw(start - key.height)
        axes.axhline(0, color=theme["reference"], lw=points(1.2), zorder=1)
        if known.any():
            axes.fill_between(
                x, low, high, where=known, color=theme["comparison"], alpha=0.16, lw=0, zorder=0.8
            )
        axes.plot(x, value, "o", color=theme["comparison"], ms=points(3.4), mew=0, zorder=3)
        axes.plot(x[strong], value[strong], "o", color=theme["ink"], ms=points(5.5), mew=0, zorder=5)
        axes.axhline(full, color=theme["treated"], lw=points(1.6), dashes=(3, 2), zorder=4)
        per_px = (top - bottom) / 200
        for i, side, step in ((0, "left", -1), (len(rest) - 1, "right", 1)):
            text = word("without", language, label=names[i], value=words.number(value[i], language, digits,
                        sign=True))  # fmt: skip
            y = value[i] + step * 17 * per_px
            name = axes.text(x[i], y, text, ha=side, va="center_baseline", size=points(SMALL), zorder=7)
            halo(name, theme).set_color(theme["ink"])
            axes.plot(
                [x[i]] * 2, [value[i], y - step * 7 * per_px], color=theme["ink"], lw=points(1), zorder=3.5
            )
            axes.plot(x[i], value[i], "o", color=theme["comparison"], ms=points(6.5), mew=0, zorder=6)
        for i, note in enumerate(notes):
            y = start + 200 + 4 + i * SMALL * LINE
            canvas.write(MARGIN, y, note, size=SMALL, colour=theme["muted"])

    return draw(paint, subtitle=y_label, data=table, **common)


__all__ = ["Kind", "intervals"]
