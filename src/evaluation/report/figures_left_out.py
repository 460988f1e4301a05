"""What happens without one: every place left out in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.report import language as words
from evaluation.report.axes import (
    draw_value_scale,
    draw_x_values,
    limits,
    nice_ticks,
    tick_texts,
    value_scale,
)
from evaluation.report.canvas import LINE, MARGIN, SMALL, WIDTH, Canvas, draw, halo, points
from evaluation.report.display import Figure
from evaluation.report.figures_key import DASHES, Entry, Key, numbers, word


def _names(table: pd.DataFrame, labels: Mapping[Any, str]) -> list[str]:
    return [labels.get(label, str(label)) for label in table["left_out"]]


def _left_out(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Those left out in order of estimate, and how many of them cannot be estimated."""
    rest = table.iloc[1:]
    usable = rest[np.isfinite(numbers(rest, "estimate"))]
    return usable.sort_values("estimate", kind="stable"), len(rest) - len(usable)


def listed(
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
        if any(strong[1:]):
            entries.append(Entry(word("changes", language), "ink", ""))
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
        axes.axvline(value[0], color=theme["treated"], lw=points(1.2), dashes=DASHES["dash"], zorder=0.8)
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


def strip(
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
    digits = words.decimals(float(np.std(value)) or abs(full) / 10, 1)
    caption = word("rank", language, count=len(rest))
    caption += "" if not lost else word("comma", language) + word("not_estimated", language, count=lost)
    strong = rest["left_out"].isin(list(marked)).to_numpy()
    carried = [name for name, without in zip(names, strong, strict=True) if without]

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, written, left = value_scale(canvas, bottom, top, sign=True)
        everyone = f"{word('everyone', language)} {words.number(full, language, digits, sign=True)}"
        entries = [Entry(everyone, "treated", "dash"), Entry(word("left_out", language), "comparison")]
        if known.any():
            entries.append(Entry(word("band", language), "comparison", "band"))
        if strong.any():
            entries.append(
                Entry(word("changes_named", language, names=word("comma", language).join(carried)), "ink")
            )
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
        axes.axhline(full, color=theme["treated"], lw=points(1.6), dashes=DASHES["dash"], zorder=4)
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
