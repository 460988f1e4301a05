"""Rows: one number a line with its words above it, or a short row with its words at both sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import pandas as pd

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report.axes import beside, limits, value_scale, zero_line
from evaluation.report.canvas import BODY, LINE, MARGIN, SMALL, WIDTH, Canvas, Entry, Texts, draw, points
from evaluation.report.display import Figure
from evaluation.report.figures_key import need

_LARGE = 20.0  # px of a number that is the row's message
_NAN = float("nan")
_SIDE = 150.0  # widest words at the side of a short row, px


@dataclass(frozen=True)
class Row:
    """What one line shows; a number that is not known is NaN and leaves no mark.

    Attributes
    ----------
    label, text : str
        Above the line at the left and at the right.
    value, low, high : float
        The point and its interval; without an interval the point is open.
    inner : (float, float)
        A second, narrower interval, drawn thick.
    claimed : float
        An open ring, joined to zero.
    role : str
        Colour of the theme.
    heading : str
        Above this row and those that follow.
    strong : str
        Written large at the right, before ``text``; the value is then drawn as a bar from zero.
    """

    label: str
    text: str = ""
    value: float = _NAN
    low: float = _NAN
    high: float = _NAN
    inner: tuple[float, float] = (_NAN, _NAN)
    claimed: float = _NAN
    role: str = "treated"
    heading: str = ""
    strong: str = ""

    @property
    def known(self) -> bool:
        """Whether it has an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)


def _rows(
    canvas: Canvas, rows: Sequence[Row], scale: tuple[float, float], x_label: str, key: Sequence[Entry] = ()
) -> None:
    """The primitive: rows one below the other over one scale."""
    placed, y = [], 2.0
    room = WIDTH - 2 * MARGIN
    for row in rows:
        heading = canvas.wrap(row.heading, room, BODY) if row.heading else []
        start = y + (8 if heading and placed else 0)
        size = BODY if row.strong else SMALL
        large = _LARGE if canvas.width(row.strong, _LARGE) < room / 2 else BODY
        reserved = canvas.width(row.strong, large, bold=True) + 6 if row.strong else 0.0
        width = reserved + canvas.width(row.text)
        # where there is no room beside the label, the numbers stand on lines of their own
        beneath = width > 0.6 * room and canvas.width(row.label, size) > room - width - 12
        lines = canvas.wrap(row.label, room - (reserved if beneath else width) - 12, size)
        own = canvas.wrap(row.text, room) if beneath else []
        lines += [""] * len(own)
        above = start + len(heading) * BODY * LINE + (3 if heading else 0)
        tall = max(len(lines) * size * LINE, 24.0 if row.strong else 0.0)
        at = above + tall + (12 if row.strong else 8)
        y = at + (22 if row.strong else 13)
        if row.strong and not math.isfinite(row.value):
            y = at
        placed.append((row, heading, start, above, lines, size, large, own, at))
    canvas.key(key)
    axes = canvas.axes(y)
    axes.set_ylim(y, 0)
    axes.set_yticks([])
    bars = any(row.strong for row in rows)
    value_scale(axes, "x", *scale, canvas.language, sign=True, most=6 if bars else 5, grid=not bars)
    axes.tick_params(axis="x", length=0)
    if scale[0] <= 0 <= scale[1] and not bars:
        zero_line(canvas, axes, "x")
    for row, heading, start, above, lines, size, large, own, at in placed:
        for i, line in enumerate(heading):
            canvas.write(axes, MARGIN, start + (i + 0.85) * BODY * LINE, line, size=BODY, bold=True)
        for i, line in enumerate(lines):
            canvas.write(axes, MARGIN, above + (i + 0.85) * size * LINE, line, size=size)
        x = float(WIDTH - MARGIN)
        base = above + 0.85 * size * LINE + (5 if row.strong and len(lines) == 1 else 0)
        if not own:
            canvas.write(axes, x, base, row.text, colour="muted", ha="right")
        for i, line in enumerate(own):
            down = above + (len(lines) - len(own) + i + 0.85) * size * LINE
            canvas.write(axes, x, down, line, colour="muted", ha="right")
        if row.strong:
            x -= 0 if own or not row.text else canvas.width(row.text) + 6
            missing = not math.isfinite(row.value)
            style: dict[str, Any] = {"size": BODY if missing else large, "bold": not missing}
            canvas.write(axes, x, base, row.strong, colour="muted" if missing else row.role, ha="right", **style)
        _mark(canvas, axes, row, at, scale)
    canvas.below(x_label)


def _mark(canvas: Canvas, axes: Any, row: Row, y: float, scale: tuple[float, float]) -> None:
    theme, (low, high) = canvas.theme, scale
    colour = theme.text(row.role) if row.strong else theme[row.role]

    def line(ends: tuple[float, float], width: float) -> None:
        axes.plot(np.clip(ends, low, high), [y, y], color=colour, lw=points(width), zorder=3,
                  solid_capstyle="butt")  # fmt: skip

    def point(x: float, size: float, face: str, edge: str) -> None:
        """A dot, or an arrow at the scale's edge."""
        beyond = ">" if x > high else "<" if x < low else "o"
        ring = {"mew": points(1.6), "mec": edge, "mfc": face}
        axes.plot(np.clip(x, low, high), y, beyond, ms=points(size), zorder=5, clip_on=False, **ring)

    if row.strong and math.isfinite(row.value):
        style = {"color": theme[row.role], "alpha": 0.35 if row.known else 0.85, "lw": 0, "zorder": 2}
        axes.barh(y, row.value, 14, **style)
        axes.plot([0, 0], [y - 11, y + 11], color=theme["reference"], lw=points(1.2), zorder=4)
    if math.isfinite(row.claimed):
        axes.plot([0, np.clip(row.claimed, low, high)], [y, y], color=theme["unit"], lw=points(1.2), zorder=1)
        point(row.claimed, 7.5, theme["paper"], theme["reference"])
    if row.known:
        line((row.low, row.high), 1.8)
        for end in (row.low, row.high):
            if not low <= end <= high:
                axes.plot(np.clip(end, low, high), y, "<" if end < low else ">", color=colour, ms=points(6),
                          zorder=4, clip_on=False)  # fmt: skip
            elif row.strong:
                axes.plot([end, end], [y - 4, y + 4], color=colour, lw=points(1.8), zorder=5)
    if np.isfinite(row.inner).all():
        line(row.inner, 4.5)
    if math.isfinite(row.value) and (row.known or not row.strong):
        full = row.known or math.isfinite(row.claimed)
        point(row.value, 7, colour if full else theme["paper"], colour)


def forest(
    frame: pd.DataFrame,
    *,
    x_label: str,
    x_limits: tuple[float, float] | None = None,
    **texts: Unpack[Texts],
) -> Figure:
    """Draw one estimate a line, its words above it, so that lines use the whole width of a phone.

    Parameters
    ----------
    frame : DataFrame
        Columns ``label, estimate, ci_low, ci_high``; optionally ``group`` (a heading where it changes),
        ``note`` (after the label), ``role`` (``treated`` by default, ``comparison``, ``reference``),
        ``inner_low, inner_high`` (a narrower interval, thick) and ``text`` (instead of the numbers written
        at the right). All estimates in the unit of ``x_label``. A missing interval is drawn as an open point.
    x_limits : (low, high), optional
        Intervals beyond are cut and end in an arrow.
    """
    need(frame, ["label", "estimate", "ci_low", "ci_high"], texts["name"], finite=False)
    ends = frame[["estimate", "ci_low", "ci_high"]].to_numpy(dtype=float)
    scale = x_limits or limits(ends, include=0, margin=0.04)
    rows, group = [], None
    for record in frame.to_dict("records"):
        given = {key: value for key, value in record.items() if value is not None and not pd.isna(value)}
        estimate, low, high = (float(record[key]) for key in ("estimate", "ci_low", "ci_high"))
        heading = given.get("group")
        rows.append(
            Row(
                label=" · ".join(str(given[key]) for key in ("label", "note") if given.get(key)),
                text=str(given.get("text", _written(estimate, low, high, texts["language"]))),
                value=estimate,
                low=low,
                high=high,
                inner=(float(given.get("inner_low", _NAN)), float(given.get("inner_high", _NAN))),
                role=str(given.get("role", "treated")),
                heading=str(heading) if heading is not None and heading != group else "",
            )
        )
        group = heading if heading is not None else group
    return draw(lambda canvas: _rows(canvas, rows, scale, x_label), data=frame, **texts)


def _written(estimate: float, low: float, high: float, language: str) -> str:
    if not math.isfinite(estimate):
        return words.text("no_data_short", language)
    if not (math.isfinite(low) and math.isfinite(high)):
        return words.number(estimate, language, None, sign=True)
    digits = words.interval_decimals(low, high)
    brackets = "（{}）" if language == "zh" else " ({})"
    return words.number(estimate, language, digits, sign=True) + brackets.format(
        words.interval(low, high, language, digits)
    )


def claimed_and_left(
    frame: pd.DataFrame,
    *,
    x_label: str,
    limits: tuple[float, float],
    words: dict[str, str],
    **texts: Unpack[Texts],
) -> Figure:
    """Draw a row a claim: an open dot for what is claimed, a full one with its interval for what is left.

    Parameters
    ----------
    frame : DataFrame
        ``label, text, claimed, left, ci_low, ci_high``; ``left`` is missing where there are no data, and the
        row then shows the claim alone.
    limits : (low, high)
        Ends of the scale; what lies beyond is drawn as an arrow at the edge.
    words : dict
        Words of the key: ``claimed, left, cut``.

    Raises
    ------
    ReportError
        There is no row, or no row has a claim.
    """
    if frame.empty or not np.isfinite(frame["claimed"].to_numpy(dtype=float)).all():
        raise ReportError(
            "A figure of claims has a row without a claim, or no row.", where=f"figure {texts['name']}"
        )
    rows = [
        Row(
            str(record["label"]), str(record["text"]), value=float(record["left"]),
            low=float(record["ci_low"]), high=float(record["ci_high"]), claimed=float(record["claimed"]),
        )
        for record in frame.to_dict("records")
    ]  # fmt: skip
    key = [Entry(words["claimed"], "reference", "open"), Entry(words["left"], "treated", "dot")]
    if ((frame["claimed"] < limits[0]) | (frame["claimed"] > limits[1])).any():
        key.append(Entry(words["cut"], "reference", ""))
    return draw(lambda canvas: _rows(canvas, rows, limits, x_label, key), data=frame, **texts)


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


def three_numbers(rows: Sequence[Number], *, x_label: str, **texts: Unpack[Texts]) -> Figure:
    """Draw a few numbers, such as claimed, found and left, one bar from zero each.

    An interval is a line through the bar's end, and is written beside the number.
    """
    if not rows:
        raise ReportError("There is no number to draw.", where=f"figure {texts['name']}")
    language = texts["language"]
    shown = []
    for row in rows:
        ends = row.interval
        digits = words.interval_decimals(*ends) if ends else None
        missing = words.text("no_data_short", language)
        written = missing if row.missing else words.number(row.value, language, digits, sign=True)
        low, high = ends or (_NAN, _NAN)
        small = words.interval(low, high, language, digits) if ends and not row.missing else ""
        value = _NAN if row.value is None else float(row.value)
        shown.append(Row(row.label, small, value, low, high, role=row.role, strong=row.text or written))
    every = [value for row in shown for value in (row.value, row.low, row.high) if math.isfinite(value)]
    low, high = limits(every or [1.0], include=0, margin=0.03)
    scale = (low if min([*every, 0.0]) < 0 else 0.0, high if max([*every, 0.0]) > 0 or not every else 0.0)
    data = pd.DataFrame([{"label": r.label, "value": r.value, "low": r.low, "high": r.high} for r in rows])
    return draw(lambda canvas: _rows(canvas, shown, scale, x_label), data=data, **texts)


def _listed(
    canvas: Canvas, labels: Sequence[str], columns: Sequence[Sequence[str]], strong: Sequence[bool], least: float
) -> tuple[Any, list[float], list[float]]:
    """Axes of short rows with words at both sides; the middle and the height of every row, in pixels."""
    written = [canvas.wrap(label, _SIDE) for label in labels]
    sides = [[canvas.wrap(text, _SIDE / len(columns)) for text in column] for column in columns]
    heights = [
        max(least, 4 + SMALL * LINE * max(len(lines), *(len(side[i]) for side in sides)))
        for i, lines in enumerate(written)
    ]
    middles = [sum(heights[:i]) + height / 2 for i, height in enumerate(heights)]
    axes = canvas.axes(sum(heights) + 4)
    axes.set_ylim(sum(heights) + 4, 0)
    axes.set_yticks([])
    across = axes.get_yaxis_transform()
    widths = [max(canvas.width(line, bold=True) for lines in side for line in lines) for side in sides]
    widest = max(canvas.width(line, bold=True) for lines in written for line in lines)
    for i, middle in enumerate(middles):
        role = "treated" if strong[i] else "ink"
        style: dict[str, Any] = {"va": "center", "coords": across, "bold": strong[i]}
        beside(canvas, axes, (0, middle), "\n".join(written[i]), shift=(-widest - 10, 0), ha="left", role=role,
               **style)  # fmt: skip
        for k, side in enumerate(sides):
            shift = sum(widths[: k + 1]) + 10 + 12 * k
            beside(canvas, axes, (1, middle), "\n".join(side[i]), shift=(shift, 0), ha="right", role=role,
                   **style)  # fmt: skip
    return axes, middles, [sum(widths[: k + 1]) + 10 + 12 * k for k in range(len(sides))]


def rank_intervals(
    frame: pd.DataFrame,
    *,
    most: int,
    x_label: str,
    key: Sequence[Entry] = (),
    **texts: Unpack[Texts],
) -> Figure:
    """Draw a line of whole numbers a row: from the best to the worst possible rank.

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
    need(frame, ["label", "rank", "low", "high", "text", "role"], texts["name"], finite=False)
    rank, low, high = (frame[column].to_numpy(dtype=float) for column in ("rank", "low", "high"))
    if not ((low >= 1) & (low <= rank) & (rank <= high) & (high <= most)).all():
        raise ReportError(
            "A rank lies outside its set.",
            where=f"figure {texts['name']}",
            expected=f"1 <= low <= rank <= high <= {most}",
        )

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        strong = [role == "treated" for role in frame["role"]]
        canvas.key(key)
        axes, middles, _ = _listed(
            canvas, list(frame["label"].astype(str)), [list(frame["text"].astype(str))], strong, 19.0
        )
        axes.set_xlim(0.5, most + 0.5)
        ticks = _ranks(most)
        axes.set_xticks(ticks, [words.number(tick, canvas.language, 0) for tick in ticks])
        axes.grid(visible=True, axis="x", lw=points(1))
        for i, y in enumerate(middles):
            colour = theme["treated" if strong[i] else "comparison"]
            axes.plot([low[i], high[i]], [y, y], color=colour, lw=points(4.2 if strong[i] else 2.6), zorder=2)
            ring = {"mew": points(1.6), "mec": theme["paper"], "mfc": colour}
            axes.plot(rank[i], y, "o", ms=points(8), zorder=5, **ring)
        canvas.below(x_label)

    return draw(paint, data=frame, **texts)


def _ranks(most: int) -> list[float]:
    """At most seven evenly spaced ranks from 1 on, the last one among them where that is possible."""
    steps = [step for step in range(1, most) if (most - 1) / step <= 6] or [1]
    step = next((step for step in steps[: len(steps) // 2 + 1] if (most - 1) % step == 0), steps[0])
    return [float(tick) for tick in range(1, most + 1, step)]


def sparklines(
    lines: pd.DataFrame,
    frame: pd.DataFrame,
    *,
    headings: tuple[str, str],
    key: Sequence[Entry] = (),
    ago: int = 12,
    **texts: Unpack[Texts],
) -> Figure:
    """Draw a small line a row, each on its own scale, with two numbers beside it.

    Parameters
    ----------
    lines : DataFrame
        A row a period (in order), a column a line. The last period is a full point and the one ``ago``
        periods before it an open one.
    frame : DataFrame
        ``place`` (a column of ``lines``), ``label, before, after`` (as written) and ``role``, in the order of
        the figure.
    headings : (str, str)
        Above the two columns of numbers.

    Raises
    ------
    ReportError
        A column is missing, the table is empty, or a row has no line.
    """
    need(frame, ["place", "label", "before", "after", "role"], texts["name"], finite=False)
    absent = sorted(set(frame["place"]) - set(lines.columns))
    if absent:
        where = f"figure {texts['name']}: {', '.join(map(str, absent))}"
        raise ReportError("A row has no line.", where=where)

    def paint(canvas: Canvas) -> None:
        strong = [role == "treated" for role in frame["role"]]
        columns = [list(frame[column].astype(str)) for column in ("before", "after")]
        canvas.key(key)
        axes, middles, edges = _listed(canvas, list(frame["label"].astype(str)), columns, strong, 25.0)
        axes.set_xlim(-0.8, len(lines) - 0.2)
        axes.set_xticks([])
        for heading, edge in zip(headings, edges, strict=True):
            shown = "\n".join(canvas.wrap(heading, 84))
            beside(canvas, axes, (1, 1), shown, shift=(edge, 2), ha="right", role="muted", coords="axes fraction")
        for place, middle, loud in zip(frame["place"], middles, strong, strict=True):
            _spark(canvas, axes, lines[place].to_numpy(dtype=float), middle, ago, loud)

    data = lines.rename_axis(lines.index.name or "period").reset_index()
    return draw(paint, data=data.astype({data.columns[0]: str}), **texts)


def _spark(canvas: Canvas, axes: Any, values: Any, middle: float, ago: int, strong: bool) -> None:
    """One line within its row: its own smallest value at the bottom, its largest at the top."""
    known = values[np.isfinite(values)]
    if not len(known):
        return
    colour, paper = canvas.theme["treated" if strong else "comparison"], canvas.theme["paper"]
    y = middle + 8.5 - (values - known.min()) / (np.ptp(known) or 1.0) * 17
    axes.plot(np.arange(len(y)), y, color=colour, lw=points(1.8 if strong else 1.4), zorder=2)
    for at, edge, face in ((len(y) - 1 - ago, colour, paper), (len(y) - 1, paper, colour)):
        if 0 <= at < len(y) and np.isfinite(y[at]):
            axes.plot(at, y[at], "o", ms=points(6.5), mew=points(1.4), mec=edge, mfc=face, zorder=5)
