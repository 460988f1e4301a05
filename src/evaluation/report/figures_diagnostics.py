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
    points,
)
from evaluation.report.display import Figure
from evaluation.report.figures_curve import Choices, specification_curve
from evaluation.report.figures_intervals import intervals
from evaluation.report.figures_key import DASHES, Entry, Key, label_ends, need, numbers, word
from evaluation.report.figures_power import power_curve

if TYPE_CHECKING:
    from evaluation.diagnostics.base import Diagnostic

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
    marks = [("dots", "dash", "line")[i % 3] for i in range(len(drifts))]

    def paint(canvas: Canvas) -> None:
        theme = canvas.theme
        ticks, texts, left = value_scale(canvas, bottom, top, sign=True)
        below = x_title_room(canvas, x_label)
        entries = [Entry(word("estimates", language), "treated")]
        for i, (column, mark) in enumerate(zip(drifts, marks, strict=True)):
            chance = words.percent(float(str(column)[6:]) / 100, language)
            entries.append(
                Entry(word("drift_more" if i else "drift", language, power=chance), "comparison", mark)
            )
        key = Key(canvas, entries)
        head = SMALL * LINE + 2 if policy else 0
        axes = canvas.sheet(height, left=left, right=MARGIN + 4, above=key.height + head, below=below)
        draw_value_scale(canvas, axes, ticks, texts, bottom, top)
        pad = max(0.6, 0.02 * float(np.ptp(time)))
        axes.set_xlim(time.min() - pad, time.max() + pad)
        at = [tick for tick in nice_ticks(time.min(), time.max(), 7) if tick == round(tick)]
        draw_x_values(canvas, axes, at, [words.number(tick, language, 0) for tick in at])
        axes.tick_params(axis="x", length=points(4), width=points(1), color=theme["reference"])
        key.draw(canvas.height * (1 - axes.get_position().y1) - head - key.height)
        axes.axhline(0, color=theme["reference"], lw=points(1.2), zorder=1)
        if policy:
            draw_events(canvas, axes, [-0.5], [policy], [0], WIDTH - MARGIN)
        else:
            axes.axvline(-0.5, color=theme["reference"], lw=points(1.1), dashes=(2.5, 2.5), zorder=1)
        for column, mark in zip(drifts, marks, strict=True):
            style: dict[str, Any] = {"dashes": DASHES[mark]} if mark in DASHES else {}
            drift = numbers(frame, column)
            axes.plot(time, drift, color=theme["comparison"], lw=points(1.9), zorder=2.5, **style)
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
        # a third of the hue is a shade of the palette: a thin area keeps its colour
        shade: dict[str, Any] = {"color": theme["treated"], "alpha": 1 / 3, "lw": 0, "zorder": 0.9}
        axes.fill_between(line.x, one, two, where=after, **shade)
        axes.plot(line.x, two, color=theme["comparison"], lw=points(2.1), dashes=(4, 1.6), zorder=4)
        axes.plot(line.x, one, color=theme["treated"], lw=points(2.6), zorder=5)
        rows = event_rows(canvas, places, event_texts, lambda p: left + (p - line.x.min()) / span, WIDTH)
        draw_events(canvas, axes, places, event_texts, rows, WIDTH - MARGIN)
        tips = [
            (_last(values), float(line.x[-1]), role)
            for values, role in ((one, "treated"), (two, "comparison"))
        ]
        label_ends(canvas, axes, tips, written, height)
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
    return word(
        "made_of", language, name=twin[:1].upper() + twin[1:], parts=word("comma", language).join(parts)
    )


def _last(values: Any) -> float:
    return float(values[np.isfinite(values)][-1])


def drawable(diagnostic: Diagnostic) -> bool:
    """Whether `diagnostic_figure` has anything to draw; a check that could not be made has words only."""
    column = "power" if diagnostic.figure_kind == "power_curve" else "estimate"
    table = diagnostic.table
    return diagnostic.figure_kind in KINDS and bool(np.isfinite(numbers(table, column)).any())


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
