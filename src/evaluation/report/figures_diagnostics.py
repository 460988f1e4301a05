"""Figures of the checks: power, trends before treatment, a place and its twin, and one for any check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

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
from evaluation.report.canvas import (
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
from evaluation.report.figures_curve import Choices, specification_curve
from evaluation.report.figures_intervals import intervals
from evaluation.report.figures_key import Entry, Key, need, numbers, word

if TYPE_CHECKING:
    from evaluation.diagnostics.base import Diagnostic

_STYLES = (("treated", None), ("comparison", (5.0, 1.8)), ("reference", (1.6, 1.4)))
_END_ROOM = 112.0  # widest label at the end of a line, px
_NAMED_DONORS = 5
KINDS = (
    "specification_curve",
    "interval_by_parameter",
    "interval_by_date",
    "interval_by_label",
    "power_curve",
    "event_study_with_trends",
)


def power_curve(
    tables: pd.DataFrame | Mapping[str, pd.DataFrame],
    *,
    x_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    smallest: float | Mapping[str, float] | None = None,
    power: float = 0.8,
    level: float = 0.05,
    estimate: float | None = None,
    unit: str = "",
    height: float = 220,
) -> Figure:
    """Draw how likely an effect is to be found, by its size.

    Parameters
    ----------
    tables : DataFrame or mapping of label to DataFrame
        Columns ``effect, power`` (between 0 and 1). Up to three curves, labelled where they end.
    smallest : float or mapping of label to float, optional
        The smallest effect found with probability ``power``: marked where finite. A curve that is 0
        throughout, whose smallest effect is infinite, is drawn on to the edge and says so.
    power, level : float
        Horizontal lines.
    estimate : float, optional
        Marked by a vertical line at its absolute value.
    unit : str
        Written after the marked numbers, in the page's language.

    Raises
    ------
    ReportError
        A column is missing, nothing to draw, or more than three curves.
    """
    curves = {"": tables} if isinstance(tables, pd.DataFrame) else dict(tables)
    if not 1 <= len(curves) <= len(_STYLES):
        raise ReportError(f"{len(curves)} curves of power.", where=f"figure {name}", expected="1 to 3")
    for curve in curves.values():
        need(curve, ["effect", "power"], name)
    found = dict(smallest) if isinstance(smallest, Mapping) else {next(iter(curves)): smallest}
    reach = {label: float(np.inf if found.get(label) is None else found[label]) for label in curves}  # type: ignore[arg-type]
    never = {
        label: label in found and np.isinf(reach[label]) and bool((numbers(curve, "power") == 0).all())
        for label, curve in curves.items()
    }
    moving = [curve for label, curve in curves.items() if not never[label]] or list(curves.values())
    right_end = max(float(np.nanmax(numbers(curve, "effect"))) for curve in moving)
    here = None if estimate is None or not np.isfinite(estimate) else abs(float(estimate))
    right_end = max(right_end, 1.08 * here if here is not None else 0.0)

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
        texts = [words.percent(tick, language) for tick in ticks]
        left = MARGIN + 6 + max(canvas.width(text, SMALL) for text in texts)
        ends = [
            (label + (f"{words.text('interval', language)[:0]} " if label else "")
             + (word("never", language) if never[label] else "")).strip()
            for label in curves
        ]  # fmt: skip
        written = [canvas.wrap(text, _END_ROOM, SMALL) for text in ends]
        widths = [canvas.width(line, SMALL) for lines in written for line in lines]
        right = MARGIN + 4 + (max(widths) + 8 if any(ends) else 0)
        below = x_title_room(canvas, x_label)
        marks, mark_texts = [], []
        if here is not None:
            marks, mark_texts = [here], [word("estimate_here", language, value=_amount(here, unit, language))]
        above = SMALL * LINE + 2 if marks else 0
        axes = canvas.sheet(height, left=left, right=right, above=above, below=below)
        draw_value_scale(canvas, axes, ticks, texts, -0.02, 1.03)
        axes.set_xlim(0, right_end)
        across = nice_ticks(0, right_end, 6)
        draw_x_values(canvas, axes, across, tick_texts(across, language))
        axes.tick_params(axis="x", length=points(4), width=points(1), color=theme["reference"])
        draw_events(canvas, axes, marks, mark_texts, [0] * len(marks), WIDTH - MARGIN)
        plot = WIDTH - left - right
        for at, text in (
            (power, word("power_line", language, power=words.percent(power, language))),
            (level, word("level_line", language, level=words.percent(level, language))),
        ):
            axes.axhline(at, color=theme["reference"], lw=points(1.1), dashes=(2.5, 2.5), zorder=1)
            _over(canvas, axes, (0.0, at), text, shift=(4, 3), ha="left")
        tips = []
        for (label, curve), (role, dashes) in zip(curves.items(), _STYLES, strict=False):
            x, y = numbers(curve, "effect"), numbers(curve, "power")
            if never[label]:
                x, y = np.append(x, right_end), np.append(y, 0.0)
            inside = x <= right_end
            style: dict[str, Any] = {} if dashes is None else {"dashes": dashes}
            axes.plot(x, y, color=theme[role], lw=points(2.6), zorder=4, clip_on=False, **style)
            tips.append((float(y[inside][-1]), float(x[inside][-1]), role))
            if np.isfinite(reach[label]) and reach[label] <= right_end:
                spot = (reach[label], power)
                axes.plot([spot[0]] * 2, [-0.02, power], color=theme[role], lw=points(1.1), zorder=2)
                axes.plot(*spot, "o", color=theme[role], ms=points(8), zorder=6)
                text = _amount(reach[label], unit, language)
                side = "right" if spot[0] / right_end * plot > canvas.width(text, SMALL) + 12 else "left"
                _over(canvas, axes, spot, text, shift=(-6 if side == "right" else 6, 7), ha=side, role=role)
        if any(ends):
            _label_ends(canvas, axes, tips, written, height)
        x_title(canvas, axes, x_label, below)

    data = pd.concat([curve.assign(curve=label) for label, curve in curves.items()], ignore_index=True)
    return draw(
        paint,
        title=title,
        subtitle=word("power_axis", language),
        source=source,
        alt=alt,
        language=language,
        name=name,
        simulated=simulated,
        data=data if len(curves) > 1 else data.drop(columns="curve"),
    )


def event_study_with_trends(
    table: pd.DataFrame,
    *,
    x_label: str,
    y_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    policy: str | None = None,
    height: float = 240,
) -> Figure:
    """Draw an event study with the steady drifts that its test of pre-trends would have found.

    Parameters
    ----------
    table : DataFrame
        ``event_time, estimate, ci_low, ci_high`` (the reference without interval) and, for each drift, a
        column ``trend_50``, ``trend_80``, named by the chance in per cent with which it is found. Without
        such a column the event study alone is drawn. A drift that leaves the plot is cut at its edge.
    policy : str, optional
        Written at the line between the last period before and the first after.
    """
    need(table, ["event_time", "estimate", "ci_low", "ci_high"], name)
    frame = table.sort_values("event_time", ignore_index=True)
    time, value, low, high = (numbers(frame, c) for c in ("event_time", "estimate", "ci_low", "ci_high"))
    drifts = sorted(
        (column for column in frame.columns if str(column).startswith("trend_")),
        key=lambda column: float(str(column)[6:]),
    )
    bottom, top = limits(value, low, high, include=0)
    for column in drifts:
        before = numbers(frame, column)[time <= 0]
        bottom, top = min(bottom, 1.05 * float(before.min())), max(top, 1.05 * float(before.max()))
    known = np.isfinite(low) & np.isfinite(high) & (low < high)
    dashes = ((1.6, 1.6), (5.0, 1.8), (8.0, 2.0))

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, texts, left = value_scale(canvas, bottom, top, sign=True)
        below = x_title_room(canvas, x_label)
        entries = [Entry(word("estimates", language), "treated")]
        key = Key(canvas, entries)
        mark = SMALL * LINE + 2 if policy else 0
        axes = canvas.sheet(height, left=left, right=MARGIN + 4, above=key.height + mark, below=below)
        draw_value_scale(canvas, axes, ticks, texts, bottom, top)
        pad = max(0.6, 0.02 * float(np.ptp(time)))
        axes.set_xlim(time.min() - pad, time.max() + pad)
        at = [tick for tick in nice_ticks(time.min(), time.max(), 7) if tick == round(tick)]
        draw_x_values(canvas, axes, at, [words.number(tick, language, 0) for tick in at])
        axes.tick_params(axis="x", length=points(4), width=points(1), color=theme["reference"])
        key.draw(canvas.height * (1 - axes.get_position().y1) - mark - key.height)
        axes.axhline(0, color=theme["reference"], lw=points(1.2), zorder=1)
        if policy:
            draw_events(canvas, axes, [-0.5], [policy], [0], WIDTH - MARGIN)
        else:
            axes.axvline(-0.5, color=theme["reference"], lw=points(1.1), dashes=(2.5, 2.5), zorder=1)
        _drifts(canvas, axes, frame, drifts, dashes)
        size = points(4.6 if len(frame) > 26 else 7)
        axes.vlines(time[known], low[known], high[known], color=theme["treated"], lw=points(1.4), zorder=3)
        axes.plot(time[known], value[known], "o", color=theme["treated"], ms=size, mew=0, zorder=5)
        axes.plot(
            time[~known], value[~known], "o", mec=theme["treated"], mfc=theme["paper"], ms=size,
            mew=points(1.5), zorder=5,
        )  # fmt: skip
        x_title(canvas, axes, x_label, below)

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


def _drifts(canvas: Canvas, axes: Any, frame: pd.DataFrame, drifts: Sequence[Any], dashes: Any) -> None:
    """Lines of drift, each named where it ends or leaves the plot."""
    theme, time = canvas.theme, numbers(frame, "event_time")
    bottom, top = axes.get_ylim()
    for column, dash in zip(drifts, dashes, strict=False):
        y = numbers(frame, column)
        axes.plot(time, y, color=theme["comparison"], lw=points(1.9), dashes=dash, zorder=2.5)
        chance = words.percent(float(str(column)[6:]) / 100, canvas.language)
        inside = (y >= bottom) & (y <= top) & (time > 0)
        if not inside.any():
            continue
        last = int(np.flatnonzero(inside)[-1])
        _over(canvas, axes, (float(time[last]), float(y[last])), word("drift", canvas.language, power=chance),
              shift=(-6, 3), ha="right", role="comparison")  # fmt: skip


def pair(
    frame: pd.DataFrame,
    *,
    treated: Any,
    other: Any,
    y_label: str,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool = False,
    policy: tuple[Any, str] | None = None,
    weights: Sequence[tuple[str, float]] = (),
    labels: Mapping[Any, str] | None = None,
    height: float = 230,
) -> Figure:
    """Draw a place and its synthetic twin, the gap between them shaded from the policy on.

    Parameters
    ----------
    frame : DataFrame (n_periods, 2 or more)
        Index the periods, of whose columns ``treated`` and ``other`` are drawn; gaps stay gaps.
    policy : (period, text), optional
        A dated line.
    weights : sequence of (name, weight)
        What the twin is made of: the largest five are written below, the rest summed up.
    labels : mapping of column to str
        Names in the page's language.
    """
    need(frame, [treated, other], name)
    names = {column: str(column) for column in (treated, other)} | dict(labels or {})
    one, two = (numbers(frame, column) for column in (treated, other))
    line = timeline(frame.index, language, most=5)
    bottom, top = limits(one, two, margin=0.05)
    made = _made_of(names[other], weights, language)

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, texts, left = value_scale(canvas, bottom, top)
        written = [canvas.wrap(names[column], _END_ROOM, SMALL, bold=True) for column in (treated, other)]
        right = MARGIN + 8 + max(canvas.width(row, SMALL, bold=True) for rows in written for row in rows)
        span = float(np.ptp(line.x)) or 1.0
        places = [line.place(policy[0])] if policy else []
        event_texts = [policy[1]] if policy else []
        above = SMALL * LINE + 2 if policy else 0
        notes = canvas.wrap(made, WIDTH - 2 * MARGIN, SMALL) if made else []
        below = 22 + (8 + len(notes) * SMALL * LINE if notes else 0)
        axes = canvas.sheet(height, left=left, right=right, above=above, below=below)
        draw_value_scale(canvas, axes, ticks, texts, bottom, top)
        draw_time_scale(canvas, axes, line, pad=0.02)
        after = line.x >= (places[0] if places else line.x.min()) - 1e-9
        axes.fill_between(line.x, one, two, where=after, color=theme["treated"], alpha=0.18, lw=0, zorder=0.9)
        axes.plot(line.x, two, color=theme["comparison"], lw=points(2.1), dashes=(4, 1.6), zorder=4)
        axes.plot(line.x, one, color=theme["treated"], lw=points(2.6), zorder=5)
        rows = event_rows(canvas, places, event_texts, lambda p: left + (p - line.x.min()) / span, WIDTH)
        draw_events(canvas, axes, places, event_texts, rows, WIDTH - MARGIN)
        tips = [
            (_last(values), float(line.x[-1]), role)
            for values, role in ((one, "treated"), (two, "comparison"))
        ]
        _label_ends(canvas, axes, tips, written, height)
        start = canvas.height * (1 - axes.get_position().y0) + 22 + 8
        for i, note in enumerate(notes):
            canvas.write(MARGIN, start + i * SMALL * LINE, note, size=SMALL, colour=theme.text("comparison"))

    return draw(
        paint,
        title=title,
        subtitle=y_label,
        source=source,
        alt=alt,
        language=language,
        name=name,
        simulated=simulated,
        data=_named(frame[[treated, other]], names),
    )


def _named(frame: pd.DataFrame, names: Mapping[Any, str]) -> pd.DataFrame:
    """The numbers drawn, under the names drawn."""
    shown = frame.rename(columns=dict(names))
    shown.index = shown.index.rename(str(frame.index.name or "period"))
    return shown


def _made_of(twin: str, weights: Sequence[tuple[str, float]], language: str) -> str:
    ordered = sorted(weights, key=lambda item: -item[1])
    ordered = [(place, weight) for place, weight in ordered if abs(weight) >= 0.0005]
    if not ordered:
        return ""
    parts = [
        word("part", language, name=place, weight=words.percent(weight, language))
        for place, weight in ordered[:_NAMED_DONORS]
    ]
    rest = ordered[_NAMED_DONORS:]
    if rest:
        total = words.percent(sum(weight for _, weight in rest), language)
        parts.append(word("others", language, count=len(rest), weight=total))
    return word("made_of", language, name=twin, parts=word("comma", language).join(parts))


def _last(values: Any) -> float:
    return float(values[np.isfinite(values)][-1])


def _amount(value: float, unit: str, language: str) -> str:
    shown = words.number(value, language, words.figures(value, 2) if value else 0)
    return words.with_unit(shown, unit, language) if unit else shown


def _over(
    canvas: Canvas,
    axes: Any,
    at: tuple[float, float],
    text: str,
    *,
    shift: tuple[float, float],
    ha: str,
    role: str = "reference",
) -> None:
    """Words on the plot beside a point, in a rim of paper; ``shift`` in pixels."""
    written = axes.annotate(
        text,
        at,
        tuple(points(px) for px in shift),
        textcoords="offset points",
        ha=ha,
        va="bottom" if shift[1] >= 0 else "top",
        size=points(SMALL),
        color=canvas.theme.text(role),
        annotation_clip=False,
        zorder=7,
    )
    halo(written, canvas.theme)


def _label_ends(
    canvas: Canvas,
    axes: Any,
    tips: Sequence[tuple[float, float, str]],
    written: Sequence[Sequence[str]],
    height: float,
) -> None:
    """Words at the right ends of lines (y, x, role), moved apart where they would overlap."""
    bottom, top = axes.get_ylim()
    line = SMALL * 1.2
    wanted = [(y - bottom) / (top - bottom) * height for y, _, _ in tips]
    sizes = [len(lines) * line + 3 for lines in written]
    for place, lines, (_, x, role) in zip(spread(wanted, sizes, 4, height - 4), written, tips, strict=True):
        for i, text in enumerate(lines):
            y = place + ((len(lines) - 1) / 2 - i) * line
            shown = axes.annotate(
                text,
                (x, bottom + y / height * (top - bottom)),
                (points(7), 0),
                textcoords="offset points",
                size=points(SMALL),
                color=canvas.theme.text(role),
                va="center_baseline",
                annotation_clip=False,
                zorder=7,
            )
            if role == "treated":
                embolden(shown, canvas.theme.text(role), SMALL)
            else:
                halo(shown, canvas.theme)


def diagnostic_figure(
    diagnostic: Diagnostic,
    *,
    title: str,
    source: str,
    language: str,
    name: str,
    y_label: str,
    unit: str,
    simulated: bool = False,
    labels: Mapping[Any, str] | None = None,
    choices: Choices | None = None,
    main: Mapping[str, str] | None = None,
    policy: str | None = None,
) -> Figure:
    """Draw any check by its ``figure_kind``; the alternative text is its question and its answer.

    Parameters
    ----------
    diagnostic : Diagnostic
    y_label : str
        The outcome, without its unit.
    unit : str
        In the page's language.
    labels : mapping, optional
        Names of units in the page's language.
    choices, main : mapping, optional
        See `specification_curve`, which needs ``choices``.
    policy : str, optional
        Words for the date of the measure, for an event study.

    Raises
    ------
    ReportError
        There is no figure of that kind, or nothing to draw: a check that could not be made has words only.
    """
    kind, details = diagnostic.figure_kind, diagnostic.details
    if kind not in KINDS:
        raise ReportError(
            f"There is no figure of the kind {kind!r}.",
            where=f"check {diagnostic.name}",
            expected=", ".join(KINDS),
        )
    common: dict[str, Any] = {
        "title": title,
        "source": source,
        "language": language,
        "name": name,
        "simulated": simulated,
        "alt": word(
            "alt",
            language,
            kind=word(f"alt_{kind}", language),
            question=diagnostic.question[language],
            text=diagnostic.text[language],
        ),
    }
    table, axis = diagnostic.table, word("labelled", language, label=y_label, unit=unit)
    if kind == "specification_curve":
        if choices is None:
            raise ReportError("A specification curve needs the labels of its choices.", fix="pass choices")
        return specification_curve(table, choices=choices, main=main, y_label=y_label, **common)
    if kind == "power_curve":
        return power_curve(
            table,
            x_label=word("effect", language, unit=unit),
            smallest=diagnostic.statistic,
            power=details.get("power", 0.8),
            level=details.get("alpha", 0.05),
            estimate=details.get("estimate"),
            unit=unit,
            **common,
        )
    if kind == "event_study_with_trends":
        return event_study_with_trends(
            table, x_label=word("event_time", language), y_label=axis, policy=policy, **common
        )
    target = details.get("target")
    return intervals(
        table,
        kind=kind,  # type: ignore[arg-type]
        y_label=axis,
        x_label=word(diagnostic.name, language, unit=unit) if kind == "interval_by_parameter" else "",
        target=target,
        breakdown=diagnostic.statistic if kind == "interval_by_parameter" else None,
        labels=labels,
        marked=details.get("carried_by", ()),
        **common,
    )
