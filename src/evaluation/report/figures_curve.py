"""The specification curve: every declared way of computing the effect, and what each one chose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import ReportError
from evaluation.report.axes import beside, limits, value_scale, zero_line
from evaluation.report.canvas import SMALL, WIDTH, Canvas, Entry, Texts, draw, points
from evaluation.report.display import Figure
from evaluation.report.figures_key import need, numbers, word

Choices = Mapping[str, tuple[str, Mapping[str, str]]]
_ROW = 16.0  # px of a line of the matrix
_LABEL_ROOM = 128.0  # widest label of an option, px


def specification_curve(
    table: pd.DataFrame,
    *,
    choices: Choices,
    y_label: str,
    main: Mapping[str, str] | None = None,
    level: float = 0.05,
    y_limits: tuple[float, float] | None = None,
    height: float = 170,
    **texts: Unpack[Texts],
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
    name, language = texts["name"], texts["language"]
    need(table, [*choices, "estimate"], name)
    _check_options(table, choices, name)
    frame = _ordered(table)
    at = None if main is None else _main_row(frame, main, name)
    value, low, high = (frame[column].to_numpy(float) for column in ("_value", "_low", "_high"))
    beyond = _beyond(frame, level)
    bottom, top = y_limits or limits(value, low, high, include=0)
    known = np.isfinite(low) & np.isfinite(high)
    count = {"level": f"{level:g}", "count": int(beyond.sum()), "all": len(frame)}
    key = [Entry(word("beyond", language, **count), "treated"), Entry(word("within", language), "unit")]
    if known.any():
        key.append(Entry(word("line" if known.all() else "line_some", language), "unit", ""))
    absent = len(table) - len(frame)
    note = word("columns", language, all=len(frame))
    note += word("absent", language, count=absent) if absent else ""

    def paint(canvas: Canvas) -> None:
        canvas.key(key)
        rows, tall = _matrix(canvas, frame, choices)
        axes = canvas.axes(height + tall)
        value_scale(axes, "y", bottom, top, language, sign=True)
        pixel = (top - bottom) / height
        axes.set_ylim(bottom - tall * pixel, top)  # the matrix hangs below the curve, on the same columns
        axes.set_xlim(-0.8, len(frame) - 0.2)
        axes.set_xticks([])
        zero_line(canvas, axes)
        step = (WIDTH - 140) / len(frame)
        _columns(canvas, axes, (value, low, high), beyond, known, step, bottom, top)
        for down, label, chosen in rows:
            y = bottom - down * pixel
            style: dict[str, Any] = {"coords": axes.get_yaxis_transform(), "va": "center"}
            role = "ink" if chosen.size else "muted"
            beside(canvas, axes, (0, y), label, shift=(-6, 0), ha="right", role=role, **style)
            if not chosen.size:
                continue
            axes.axhline(y, color=canvas.theme["rule"], lw=points(1), zorder=0)
            for part, colour in ((chosen & ~beyond, "reference"), (chosen & beyond, "treated")):
                width, ends = points(float(np.clip(step * 0.6, 1.5, 4.5))), (y - 5 * pixel, y + 5 * pixel)
                axes.vlines(np.flatnonzero(part), *ends, color=canvas.theme[colour], lw=width, zorder=3)
        canvas.below(note)
        if at is not None:
            _mark_main(canvas, axes, at, float(value[at]), bool(beyond[at]))

    return draw(paint, data=table, **{**texts, "subtitle": y_label})


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


def _matrix(
    canvas: Canvas, frame: pd.DataFrame, choices: Choices
) -> tuple[list[tuple[float, str, NDArray[np.bool_]]], float]:
    """Lines of the matrix (middle in px below the curve, words, who chose it; none: a heading), its height."""
    rows: list[tuple[float, str, NDArray[np.bool_]]] = []
    y = 8.0
    for column, (heading, labels) in choices.items():
        listed = [(heading, np.zeros(0, dtype=bool))] if heading else []
        listed += [(label, (frame[column] == option).to_numpy()) for option, label in labels.items()]
        for label, chosen in listed:
            if chosen.size and not chosen.any():
                continue
            lines = canvas.wrap(label, _LABEL_ROOM)
            tall = _ROW + (len(lines) - 1) * SMALL * 1.25
            rows.append((y + tall / 2, "\n".join(lines), chosen))
            y += tall
        y += 5
    return rows, y


def _columns(
    canvas: Canvas, axes: Any, drawn: Any, beyond: Any, known: Any, step: float, bottom: float, top: float
) -> None:
    """The curve: a thin interval and a dot a specification."""
    value, low, high = drawn
    x = np.arange(len(value))
    for chosen, colour, order in ((~beyond, "unit", 2.0), (beyond, "treated", 3.0)):
        part = chosen & known
        ends = np.clip(low[part], bottom, top), np.clip(high[part], bottom, top)
        width = points(min(1.6, max(1.0, step * 0.3)))
        axes.vlines(x[part], *ends, color=canvas.theme[colour], lw=width, zorder=order)
        dots = {"color": canvas.theme["treated" if colour == "treated" else "reference"], "mew": 0}
        size = points(float(np.clip(step * 0.95, 3.4, 6.5)))
        axes.plot(x[chosen], value[chosen], "o", ms=size, zorder=order + 2, **dots)


def _mark_main(canvas: Canvas, axes: Any, at: int, value: float, beyond: bool) -> None:
    """A line through curve and matrix at the main specification, its name above."""
    ink = canvas.theme["ink"]
    axes.axvline(at, color=ink, lw=points(1), zorder=1.6)
    face = canvas.theme["treated" if beyond else "reference"]
    axes.plot(at, value, "o", ms=points(8.5), mfc=face, mec=ink, mew=points(1.6), zorder=8)
    share = at / max(1, axes.get_xlim()[1])
    ha, shift = ("left", -2) if share < 0.2 else ("right", 2) if share > 0.8 else ("center", 0)
    style: dict[str, Any] = {"coords": axes.get_xaxis_transform(), "role": "ink", "bold": True}
    beside(canvas, axes, (at, 1), word("main", canvas.language), shift=(shift, 2), ha=ha, **style)
