"""Figures of a ranking: the set of ranks that each place may have, and a small line a place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report.axes import draw_x_values, x_title, x_title_room
from evaluation.report.canvas import LINE, MARGIN, SMALL, WIDTH, Canvas, draw, points
from evaluation.report.display import Figure
from evaluation.report.figures_key import Entry, Key

_ROW = 19.0
_SPARK_ROW = 25.0


def rank_intervals(
    frame: pd.DataFrame,
    *,
    most: int,
    x_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    subtitle: str = "",
    key: Sequence[Entry] = (),
) -> Figure:
    """Draw a line of whole numbers for each place: from its best to its worst possible rank.

    Parameters
    ----------
    frame : DataFrame
        ``label`` (at the left), ``rank`` (the point), ``low, high`` (the line), ``text`` (at the right) and
        ``role`` (``treated`` is drawn strong, else ``comparison``), in the order of the figure.
    most : int
        The last rank of the scale.
    key : sequence of Entry
        What point and line are.

    Raises
    ------
    ReportError
        A column is missing, the table is empty, or a rank lies outside its set or the scale.
    """
    _need(frame, ["label", "rank", "low", "high", "text", "role"], name)
    rank, low, high = (frame[column].to_numpy(dtype=float) for column in ("rank", "low", "high"))
    if not ((low >= 1) & (low <= rank) & (rank <= high) & (high <= most)).all():
        raise ReportError(
            "A rank lies outside its set.",
            where=f"figure {name}",
            expected=f"1 <= low <= rank <= high <= {most}",
        )

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        labels, texts = list(frame["label"].astype(str)), list(frame["text"].astype(str))
        strong = [role == "treated" for role in frame["role"]]
        left = MARGIN + 12 + max(canvas.width(text, SMALL, bold=True) for text in labels)
        right = MARGIN + 12 + max(canvas.width(text, SMALL, bold=True) for text in texts)
        marks = Key(canvas, key)
        below = x_title_room(canvas, x_label)
        tall = _ROW * len(frame) + 4
        axes = canvas.sheet(tall, left=left, right=right, above=marks.height, below=below)
        axes.set_xlim(0.5, most + 0.5)
        axes.set_ylim(tall, 0)
        axes.set_yticks([])
        ticks = _ranks(most)
        draw_x_values(canvas, axes, ticks, [words.number(tick, language, 0) for tick in ticks])
        for tick in ticks:
            axes.axvline(tick, color=theme["rule"], lw=points(1), zorder=0)
        top = canvas.height * (1 - axes.get_position().y1)
        marks.draw(top - marks.height)
        for i in range(len(frame)):
            y = (i + 0.5) * _ROW
            role = "treated" if strong[i] else "comparison"
            width = 4.2 if strong[i] else 2.6
            axes.plot(
                [low[i], high[i]],
                [y, y],
                color=theme[role],
                lw=points(width),
                solid_capstyle="round",
                zorder=2,
            )
            axes.plot(
                rank[i], y, "o", ms=points(8), mew=points(1.6), mec=theme["paper"], mfc=theme[role], zorder=5
            )
            at = top + y - SMALL * 0.62
            ink = theme.text("treated") if strong[i] else theme["ink"]
            canvas.write(MARGIN, at, labels[i], size=SMALL, colour=ink, bold=strong[i])
            x = WIDTH - MARGIN - canvas.width(texts[i], SMALL, bold=strong[i])
            canvas.write(
                x, at, texts[i], size=SMALL, colour=ink if strong[i] else theme["muted"], bold=strong[i]
            )
        x_title(canvas, axes, x_label, below)

    return draw(
        paint,
        title=title,
        subtitle=subtitle,
        source=source,
        alt=alt,
        language=language,
        name=name,
        simulated=simulated,
        data=frame,
    )


def sparklines(
    lines: pd.DataFrame,
    frame: pd.DataFrame,
    *,
    headings: tuple[str, str],
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    subtitle: str = "",
    key: Sequence[Entry] = (),
) -> Figure:
    """Draw a small line a place, each on its own scale, with two figures beside it.

    Parameters
    ----------
    lines : DataFrame
        A row a month (in order), a column a place. The last month is a full point and the one twelve before
        it an open one.
    frame : DataFrame
        ``place`` (a column of ``lines``), ``label, before, after`` (as written) and ``role``, in the order of
        the figure.
    headings : (str, str)
        Above the two columns of figures.

    Raises
    ------
    ReportError
        A column is missing, the table is empty, or a place has no line.
    """
    _need(frame, ["place", "label", "before", "after", "role"], name)
    absent = sorted(set(frame["place"]) - set(lines.columns))
    if absent:
        raise ReportError("A place has no line.", where=f"figure {name}: {', '.join(map(str, absent))}")
    x = np.arange(len(lines), dtype=float)
    ago = len(lines) - 13

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        columns = [list(frame[column].astype(str)) for column in ("before", "after")]
        heads = [canvas.wrap(heading, 84, SMALL) for heading in headings]
        rooms = [
            max(canvas.width(text, SMALL, bold=True) for text in [*texts, *head])
            for texts, head in zip(columns, heads, strict=True)
        ]
        strong = [role == "treated" for role in frame["role"]]
        left = MARGIN + 12 + max(canvas.width(text, SMALL, bold=True) for text in frame["label"])
        right = MARGIN + 24 + sum(rooms)
        marks = Key(canvas, key)
        above = max(len(head) for head in heads) * SMALL * LINE + 4
        tall = _SPARK_ROW * len(frame)
        axes = canvas.sheet(tall, left=left, right=right, above=above + marks.height)
        axes.set_xlim(-0.8, len(lines) - 0.2)
        axes.set_ylim(tall, 0)
        axes.set_xticks([])
        axes.set_yticks([])
        top = canvas.height * (1 - axes.get_position().y1)
        marks.draw(top - above - marks.height)
        edges = [WIDTH - MARGIN - rooms[1] - 12, WIDTH - MARGIN]
        for head, edge in zip(heads, edges, strict=True):
            for i, text in enumerate(head):
                y = top - (len(head) - i) * SMALL * LINE - 3
                canvas.write(edge - canvas.width(text, SMALL), y, text, size=SMALL, colour=theme["muted"])
        for i, place in enumerate(frame["place"]):
            _spark(axes, theme, x, lines[place].to_numpy(dtype=float), i, ago, strong[i])
            ink = theme.text("treated") if strong[i] else theme["ink"]
            at = top + (i + 0.5) * _SPARK_ROW - SMALL * 0.62
            canvas.write(MARGIN, at, str(frame["label"].iloc[i]), size=SMALL, colour=ink, bold=strong[i])
            for texts, edge in zip(columns, edges, strict=True):
                width = canvas.width(texts[i], SMALL, bold=strong[i])
                canvas.write(edge - width, at, texts[i], size=SMALL, colour=ink, bold=strong[i])

    return draw(
        paint,
        title=title,
        subtitle=subtitle,
        source=source,
        alt=alt,
        language=language,
        name=name,
        simulated=simulated,
        data=lines.rename_axis("month").reset_index().astype({"month": str}),
    )


def _ranks(most: int) -> list[float]:
    """At most seven evenly spaced ranks from 1 on, the last one among them where that is possible."""
    steps = [step for step in range(1, most) if (most - 1) / step <= 6] or [1]
    step = next((step for step in steps[: len(steps) // 2 + 1] if (most - 1) % step == 0), steps[0])
    return [float(tick) for tick in range(1, most + 1, step)]


def _spark(axes: Any, theme: Any, x: Any, values: Any, row: int, ago: int, strong: bool) -> None:
    """One line within its row: its own smallest value at the bottom, its largest at the top."""
    known = values[np.isfinite(values)]
    if not len(known):
        return
    low, span = known.min(), np.ptp(known) or 1.0
    y = (row + 1) * _SPARK_ROW - 4 - (values - low) / span * (_SPARK_ROW - 8)
    colour = theme["treated" if strong else "comparison"]
    axes.plot(x, y, color=colour, lw=points(1.8 if strong else 1.4), zorder=2)
    if 0 <= ago < len(y) and np.isfinite(y[ago]):
        axes.plot(
            x[ago], y[ago], "o", ms=points(6.5), mew=points(1.5), mec=colour, mfc=theme["paper"], zorder=5
        )
    axes.plot(x[-1], y[-1], "o", ms=points(6.5), mew=points(1.2), mec=theme["paper"], mfc=colour, zorder=5)


def _need(frame: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    absent = [column for column in columns if column not in frame.columns]
    if absent or frame.empty:
        raise ReportError(
            "A figure's table is empty."
            if not absent
            else f"A figure's table has no column {', '.join(absent)}.",
            where=f"figure {name}",
            expected=", ".join(columns),
        )
