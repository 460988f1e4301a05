"""The specification curve: every declared way of computing the effect, and what each one chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import ReportError
from evaluation.report.axes import draw_value_scale, limits, value_scale
from evaluation.report.canvas import LINE, MARGIN, SMALL, WIDTH, Canvas, draw, points
from evaluation.report.display import Figure
from evaluation.report.figures_key import Entry, Key, need, numbers, word

Choices = Mapping[str, tuple[str, Mapping[str, str]]]
_ROW = 16.0  # px of a line of the matrix
_LABEL_ROOM = 128.0  # widest label of an option, px


@dataclass(frozen=True)
class _Option:
    """A line of the matrix: where it stands (px below the curve), its words, who chose it."""

    top: float
    lines: list[str]
    chosen: NDArray[np.bool_]
    heading: bool = False


def specification_curve(
    table: pd.DataFrame,
    *,
    choices: Choices,
    y_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    main: Mapping[str, str] | None = None,
    level: float = 0.05,
    y_limits: tuple[float, float] | None = None,
    height: float = 170,
) -> Figure:
    """Draw all specifications in order of their estimates, and below them a matrix of their choices.

    Parameters
    ----------
    table : DataFrame
        A column for each of ``choices`` and ``estimate``; optionally ``ci_low, ci_high`` (a missing
        interval is not drawn), ``p_value`` (at most ``level`` is beyond chance) or, instead, ``beyond``
        (bool), and ``spread``, by which estimate and interval are divided before they are drawn, so that
        specifications in several units share one scale; a negative one turns an outcome of which less is
        better. Rows without an estimate are counted below the matrix.
    choices : mapping of column to (heading, mapping of option to label)
        In the order in which they are shown, in the page's language. An empty heading is left out; an
        option that no estimate uses, too.
    main : mapping of column to option, optional
        The choices of the main specification: exactly one row must fit.
    y_limits : (low, high), optional
        Intervals beyond are cut.

    Raises
    ------
    ReportError
        A column is missing, an option has no label, or not exactly one row fits ``main``.
    """
    need(table, [*choices, "estimate"], name)
    _check_options(table, choices, name)
    frame = _ordered(table)
    at = None if main is None else _main_row(frame, main, name)
    absent = len(table) - len(frame)
    value, low, high = (frame[column].to_numpy(float) for column in ("_value", "_low", "_high"))
    beyond = _beyond(frame, level)
    bottom, top = y_limits or limits(value, low, high, include=0)
    x = np.arange(len(frame), dtype=float)
    known = np.isfinite(low) & np.isfinite(high)

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, texts, left = value_scale(canvas, bottom, top, sign=True)
        options, tall = _matrix(canvas, frame, choices)
        left = max(
            left,
            MARGIN + 8 + max(canvas.width(line, SMALL) for option in options for line in option.lines
                             if not option.heading),
        )  # fmt: skip
        key = Key(canvas, _entries(frame, beyond, known, level, language))
        caption = word("columns", language, all=len(frame))
        caption += word("absent", language, count=absent) if absent else ""
        notes = canvas.wrap(caption, WIDTH - 2 * MARGIN, SMALL)
        mark = SMALL * LINE + 4 if at is not None else 0
        below = tall + 6 + len(notes) * SMALL * LINE
        axes = canvas.sheet(height, left=left, right=MARGIN + 2, above=key.height + mark, below=below)
        draw_value_scale(canvas, axes, ticks, texts, bottom, top)
        axes.set_xlim(-0.8, len(frame) - 0.2)
        axes.set_xticks([])
        axes.axhline(0, color=theme["reference"], lw=points(1.2), zorder=1)
        start = canvas.height * (1 - axes.get_position().y1)
        key.draw(start - mark - key.height)
        step = (WIDTH - left - MARGIN - 2) / len(frame)
        _curve(canvas, axes, (x, value, low, high), beyond, known, step)
        _draw_matrix(canvas, axes, options, beyond, start + height, step)
        if at is not None:
            _mark_main(canvas, axes, (float(at), float(value[at])), tall, height, start, beyond[at])
        for i, note in enumerate(notes):
            y = start + height + tall + 6 + i * SMALL * LINE
            canvas.write(MARGIN, y, note, size=SMALL, colour=theme["muted"])

    return draw(
        paint,
        title=title,
        subtitle=y_label,
        source=source,
        alt=alt,
        language=language,
        name=name,
        simulated=simulated,
        data=table,
    )


def _check_options(table: pd.DataFrame, choices: Choices, name: str) -> None:
    for column, (_, labels) in choices.items():
        unknown = [str(option) for option in table[column].unique() if option not in labels]
        if unknown:
            raise ReportError(
                f"A figure has no label for {', '.join(unknown[:5])}.",
                where=f"figure {name}, choice {column}",
                expected=", ".join(map(str, labels)),
            )


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that have an estimate, in order, with what is drawn of each."""
    spread = numbers(table, "spread") if "spread" in table.columns else np.ones(len(table))
    ends = np.sort(np.stack([numbers(table, c) / spread for c in ("ci_low", "ci_high")]), axis=0)
    frame = table.assign(_value=numbers(table, "estimate") / spread, _low=ends[0], _high=ends[1])
    frame = frame[np.isfinite(frame["_value"].to_numpy(float))]
    return frame.sort_values("_value", kind="stable", ignore_index=True)


def _main_row(frame: pd.DataFrame, main: Mapping[str, str], name: str) -> int:
    fits = np.ones(len(frame), dtype=bool)
    for column, option in main.items():
        fits &= (frame[column] == option).to_numpy()
    if fits.sum() != 1:
        raise ReportError(
            f"{int(fits.sum())} specifications fit the main choice.",
            where=f"figure {name}: " + ", ".join(f"{key} = {value}" for key, value in main.items()),
            expected="exactly one with an estimate",
        )
    return int(fits.argmax())


def _beyond(frame: pd.DataFrame, level: float) -> NDArray[np.bool_]:
    if "beyond" in frame.columns:
        return frame["beyond"].to_numpy(dtype=bool)
    found: NDArray[np.bool_] = numbers(frame, "p_value") <= level * (1 + 1e-9)
    return found


def _entries(
    frame: pd.DataFrame, beyond: NDArray[np.bool_], known: NDArray[np.bool_], level: float, language: str
) -> list[Entry]:
    told = {"level": f"{level:g}", "count": int(beyond.sum()), "all": len(frame)}
    entries = [
        Entry(word("beyond", language, **told), "treated"),
        Entry(word("within", language), "unit"),
    ]
    if known.any():
        entries.append(Entry(word("line" if known.all() else "line_some", language), "unit", ""))
    return entries


def _matrix(canvas: Canvas, frame: pd.DataFrame, choices: Choices) -> tuple[list[_Option], float]:
    """Lines of the matrix from top to bottom, and its height in pixels."""
    options: list[_Option] = []
    y = 8.0
    for column, (heading, labels) in choices.items():
        if heading:
            options.append(_Option(y, [heading], np.zeros(0, dtype=bool), heading=True))
            y += _ROW - 1
        for option, label in labels.items():
            chosen = (frame[column] == option).to_numpy()
            if not chosen.any():
                continue
            lines = canvas.wrap(label, _LABEL_ROOM, SMALL)
            options.append(_Option(y, lines, chosen))
            y += _ROW + (len(lines) - 1) * SMALL * 1.2
        y += 5
    return options, y


def _curve(
    canvas: Canvas, axes: Any, drawn: tuple[Any, Any, Any, Any], beyond: Any, known: Any, step: float
) -> None:
    x, value, low, high = drawn
    bottom, top = axes.get_ylim()
    for chosen, colour, order in ((~beyond, "unit", 2.0), (beyond, "treated", 3.0)):
        part = chosen & known
        axes.vlines(
            x[part],
            np.clip(low[part], bottom, top),
            np.clip(high[part], bottom, top),
            color=canvas.theme[colour],
            lw=points(min(1.6, max(1.0, step * 0.3))),
            zorder=order,
        )
        axes.plot(
            x[chosen],
            value[chosen],
            "o",
            color=canvas.theme["treated" if colour == "treated" else "reference"],
            ms=points(float(np.clip(step * 0.95, 3.4, 6.5))),
            mew=0,
            zorder=order + 2,
        )


def _draw_matrix(
    canvas: Canvas, axes: Any, options: list[_Option], beyond: Any, start: float, step: float
) -> None:
    theme = canvas.theme
    transform = axes.get_xaxis_transform()
    height = axes.get_position().height * canvas.height
    width = points(float(np.clip(step * 0.6, 1.5, 4.5)))
    for option in options:
        for i, line in enumerate(option.lines):
            y = start + option.top + i * SMALL * 1.2
            colour = theme["muted"] if option.heading else theme["ink"]
            canvas.write(MARGIN, y, line, size=SMALL, colour=colour)
        if option.heading:
            continue
        middle = option.top + SMALL * 0.62 + (len(option.lines) - 1) * SMALL * 0.6
        axes.plot(
            [0, 1],
            [-middle / height] * 2,
            transform=axes.transAxes,
            color=theme["rule"],
            lw=points(1),
            clip_on=False,
            zorder=0,
        )
        for part, colour in ((option.chosen & ~beyond, "reference"), (option.chosen & beyond, "treated")):
            axes.vlines(
                np.flatnonzero(part),
                -(middle - 5) / height,
                -(middle + 5) / height,
                transform=transform,
                color=theme[colour],
                lw=width,
                clip_on=False,
                capstyle="butt",
                zorder=3,
            )


def _mark_main(
    canvas: Canvas,
    axes: Any,
    at: tuple[float, float],
    tall: float,
    height: float,
    start: float,
    beyond: bool,
) -> None:
    """A line through curve and matrix at the main specification, its name above."""
    theme = canvas.theme
    axes.plot(
        [at[0]] * 2,
        [-(tall - 5) / height, 1 + 3 / height],
        transform=axes.get_xaxis_transform(),
        color=theme["ink"],
        lw=points(1),
        zorder=1.6,
        clip_on=False,
    )
    axes.plot(
        *at,
        "o",
        ms=points(8.5),
        mfc=theme["treated" if beyond else "reference"],
        mec=theme["ink"],
        mew=points(1.6),
        zorder=8,
    )
    text = word("main", canvas.language)
    width = canvas.width(text, SMALL, bold=True)
    box = axes.get_position()
    low, high = axes.get_xlim()
    x = (box.x0 + box.width * (at[0] - low) / (high - low)) * WIDTH
    left = float(np.clip(x - width / 2, MARGIN, WIDTH - MARGIN - width))
    canvas.write(left, start - SMALL * LINE - 3, text, size=SMALL, colour=theme["ink"], bold=True)


__all__ = ["Choices", "specification_curve"]
