"""Lines: series of units, a unit and its synthetic control, power, and what a number leaves possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report.axes import (
    beside,
    events,
    label_ends,
    limits,
    time_scale,
    timeline,
    value_scale,
    zero_line,
)
from evaluation.report.canvas import DASHES, DENSITY, Canvas, Texts, draw, points
from evaluation.report.display import Figure
from evaluation.report.figures_key import need, numbers, word

_NAMED_DONORS = 5
_FEW = 8  # so many periods have a dot each


@dataclass(frozen=True)
class Line:
    """One line; ``label`` stands at its end.

    Attributes
    ----------
    x, y : ndarray
    role : str
        Colour of the theme: ``treated`` is drawn strong, ``unit`` thin.
    label : str
    dash : {"", "dash", "dots"}
    band : (ndarray, ndarray), optional
        Drawn around it.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    role: str
    label: str = ""
    dash: str = ""
    band: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None


def _lines(canvas: Canvas, axes: Any, lines: Sequence[Line], height: float) -> None:
    """The primitive: lines over one scale, gaps stay gaps, names at their ends."""
    theme = canvas.theme
    tips = []
    for line in lines:
        known = np.flatnonzero(np.isfinite(line.y))
        if not known.size:
            continue
        width = {"unit": 1.0, "treated": 2.8}.get(line.role, 2.2)
        order = {"unit": 2.0, "treated": 5.0}.get(line.role, 4.0)
        style: dict[str, Any] = {"dashes": DASHES[line.dash]} if line.dash else {}
        if line.band is not None:
            axes.fill_between(line.x, *line.band, color=theme[line.role], alpha=0.14, lw=0, zorder=1.5)
        if line.role == "treated":
            axes.plot(line.x, line.y, color=theme["paper"], lw=points(5), zorder=order - 0.5)
        axes.plot(line.x, line.y, color=theme[line.role], lw=points(width), zorder=order, clip_on=False, **style)
        if line.label:
            tips.append((float(line.y[known[-1]]), float(line.x[known[-1]]), line.role, line.label))
        alone = np.isfinite(line.y) & ~np.isfinite(np.r_[np.nan, line.y[:-1]])
        alone &= ~np.isfinite(np.r_[line.y[1:], np.nan])
        dotted = known if line.role == "treated" and len(line.x) <= _FEW else np.flatnonzero(alone)
        size = points({"unit": 3.0, "treated": 6.0}.get(line.role, 5.0))
        axes.plot(line.x[dotted], line.y[dotted], "o", color=theme[line.role], ms=size, zorder=order)
    label_ends(canvas, axes, tips, height)


def _over_time(
    canvas: Canvas,
    index: pd.Index,
    lines: Sequence[Line],
    height: float,
    dates: Sequence[tuple[Any, str]],
    shade: tuple[Any, Any] | None = None,
    note: str = "",
) -> None:
    """Lines over the periods of ``index`` with dated lines, the gap of ``shade`` filled from the first date."""
    when = timeline(index, canvas.language, most=6)
    axes = canvas.axes(height)
    value_scale(axes, "y", *limits(*(line.y for line in lines), margin=0.04), canvas.language)
    time_scale(axes, when)
    places = [when.place(period) for period, _ in dates]
    if shade is not None:
        after = when.x >= (min(places) if places else when.x.min()) - 1e-9
        # a third of the hue is a shade of the palette: a thin area keeps its colour
        style: dict[str, Any] = {"color": canvas.theme["treated"], "alpha": 1 / 3, "lw": 0, "zorder": 0.9}
        axes.fill_between(when.x, *shade, where=after, **style)
    _lines(canvas, axes, lines, height)
    canvas.below(note, "comparison")
    events(canvas, axes, places, [text for _, text in dates])


def series(
    frame: pd.DataFrame,
    *,
    treated: Any,
    y_label: str,
    events: Sequence[tuple[Any, str]] = (),
    labels: Mapping[Any, str] | None = None,
    highlight_mean: str | None = None,
    pooled: pd.Series | None = None,
    height: float = 250,
    **texts: Unpack[Texts],
) -> Figure:
    """Draw every unit's series as it is, the treated one strong.

    Parameters
    ----------
    frame : DataFrame (n_periods, n_units)
        Index the periods (dates of any frequency, years), a column a unit; gaps stay gaps.
    treated : column label
    y_label : str
        What is drawn and its unit.
    events : sequence of (period, text)
        Dated lines, such as the start of the policy.
    labels : mapping of column to str
        Names in the page's language; units named here other than the treated are labelled too.
    highlight_mean : str, optional
        Draw the others' mean, dashed, and label it so.
    pooled : Series (n_periods,), optional
        What is drawn in its place: the others taken together, such as a rate of all of them.
    height : float
        Of the plot, px.
    """
    if treated not in frame.columns:
        raise ReportError(
            f"The treated unit {treated!r} is not a column of the figure's table.",
            expected=", ".join(map(str, frame.columns[:8])),
        )
    if not np.isfinite(numbers(frame, treated)).any():
        raise ReportError(f"The treated unit {treated!r} has no number to draw.")
    names = dict(labels or {})
    others = [column for column in frame.columns if column != treated]
    values = frame.astype(float)
    x = timeline(frame.index, texts["language"]).x
    digits = _digits(values)

    def ending(text: str, column: pd.Series) -> str:
        last = float(column.dropna().iloc[-1]) if column.notna().any() else float("nan")
        return f"{text} {words.number(last, texts['language'], digits)}"

    lines = [
        Line(x, numbers(values, column), "unit", ending(names[column], values[column]) if column in names else "")
        for column in others
    ]
    if highlight_mean and (others or pooled is not None):
        mean = values[others].mean(axis=1) if pooled is None else pooled.reindex(values.index).astype(float)
        lines.append(Line(x, mean.to_numpy(float), "comparison", ending(highlight_mean, mean), "dash"))
    name = names.get(treated, str(treated))
    lines.append(Line(x, numbers(values, treated), "treated", ending(name, values[treated])))
    return draw(
        lambda canvas: _over_time(canvas, frame.index, lines, height, events),
        data=_named(frame, names),
        **{**texts, "subtitle": y_label},
    )


def pair(
    frame: pd.DataFrame,
    *,
    treated: Any,
    other: Any,
    y_label: str,
    policy: tuple[Any, str] | None = None,
    weights: Sequence[tuple[str, float]] = (),
    labels: Mapping[Any, str] | None = None,
    height: float = 230,
    **texts: Unpack[Texts],
) -> Figure:
    """Draw a unit and its synthetic control, the gap between them shaded from the policy on.

    Parameters
    ----------
    frame : DataFrame (n_periods, 2 or more)
        Index the periods, of whose columns ``treated`` and ``other`` are drawn; gaps stay gaps.
    policy : (period, text), optional
        A dated line.
    weights : sequence of (name, weight)
        What the synthetic control is made of: the largest five are written below, the rest summed up.
    labels : mapping of column to str
        Names in the page's language.
    """
    need(frame, [treated, other], texts["name"])
    names = {column: str(column) for column in (treated, other)} | dict(labels or {})
    one, two = (numbers(frame, column) for column in (treated, other))
    x = timeline(frame.index, texts["language"]).x
    lines = [
        Line(x, two, "comparison", names[other], "dash"),
        Line(x, one, "treated", names[treated]),
    ]
    dates = [policy] if policy else []
    made = _made_of(names[other], weights, texts["language"])
    return draw(
        lambda canvas: _over_time(canvas, frame.index, lines, height, dates, (one, two), made),
        data=_named(frame[[treated, other]], names),
        **{**texts, "subtitle": y_label},
    )


def power_curve(
    tables: pd.DataFrame | Mapping[str, pd.DataFrame],
    *,
    x_label: str,
    smallest: float | Mapping[str, float] | None = None,
    power: float = 0.8,
    level: float = 0.05,
    estimate: float | None = None,
    unit: str = "",
    height: float = 220,
    **texts: Unpack[Texts],
) -> Figure:
    """Draw how likely an effect is to be found, by its size.

    Parameters
    ----------
    tables : DataFrame or mapping of label to DataFrame
        Columns ``effect, power`` (between 0 and 1), and optionally ``low, high``, drawn as a band. Up to
        three curves, labelled where they end.
    smallest : float or mapping of label to float, optional
        The smallest effect found with probability ``power``: marked where finite. A curve that is 0
        throughout, whose smallest effect is infinite, is drawn on to the edge and says so.
    power, level : float
        Horizontal lines.
    estimate : float, optional
        Marked by a vertical line at its absolute value.
    unit : str
        Written after the marked numbers, in the page's language.
    """
    curves = {"": tables} if isinstance(tables, pd.DataFrame) else dict(tables)
    styles = [("treated", ""), ("comparison", "dash"), ("reference", "dots")]
    name, language = texts["name"], texts["language"]
    if not 1 <= len(curves) <= len(styles):
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
    right = max(float(np.nanmax(numbers(curve, "effect"))) for curve in moving)
    here = None if estimate is None or not np.isfinite(estimate) else abs(float(estimate))
    right = max(right, 1.08 * here if here is not None else 0.0)
    lines = []
    for (label, curve), (role, dash) in zip(curves.items(), styles, strict=False):
        x, y = numbers(curve, "effect"), numbers(curve, "power")
        band = None
        if never[label]:
            x, y = np.append(x, right), np.append(y, 0.0)
            label = word("never" if label else "never_alone", language, label=label)
        elif {"low", "high"} <= set(curve.columns):
            band = numbers(curve, "low"), numbers(curve, "high")
        y = np.where(x <= right, y, np.nan)
        lines.append(Line(x, y, role, label, dash, band))

    def paint(canvas: Canvas) -> None:
        axes = canvas.axes(height)
        value_scale(axes, "y", -0.02, 1.03, language, scale=100, suffix="%", most=6)
        value_scale(axes, "x", 0, right, language, most=6, grid=False)
        _lines(canvas, axes, lines, height)
        for (label, curve), line in zip(curves.items(), lines, strict=True):
            if reach[label] <= right:
                colour = canvas.theme[line.role]
                axes.plot([reach[label]] * 2, [-0.02, power], color=colour, lw=points(1.1), zorder=2)
                axes.plot(reach[label], power, "o", color=colour, ms=points(8), zorder=6)
        canvas.below(x_label)
        canvas.settle()
        plot = axes.get_window_extent().width / DENSITY
        for label, line in zip(curves, lines, strict=True):
            if reach[label] <= right:
                text = _amount(reach[label], unit, language)
                room = (1 - reach[label] / right) * plot > canvas.width(text) + 8
                shift, ha = ((7, -5), "left") if room else ((-7, 18), "right")
                beside(canvas, axes, (reach[label], power), text, shift=shift, ha=ha, role=line.role)
        told = word("power_line", language, power=words.percent(power, language))
        behind = right * (1 - (canvas.width(told) + 6) / plot)
        clear = all(_height(curve, behind) > power + 0.08 for curve in moving)
        start = 0.0 if here is None or here >= 0.3 * right else here
        chance = word("level_line", language, level=words.percent(level, language))
        ends = [(power, told, right if clear else start, clear), (level, chance, right, True)]
        for at, text, x, last in ends:
            axes.axhline(at, color=canvas.theme["reference"], lw=points(1.1), dashes=(2.5, 2.5), zorder=1)
            shift = (-2 if last else 5, 3)
            beside(canvas, axes, (x, at), text, shift=shift, ha="right" if last else "left")
        if here is not None:
            shown = word("estimate_here", language, value=_amount(here, unit, language))
            events(canvas, axes, [here], [shown])

    data = pd.concat([curve.assign(curve=label) for label, curve in curves.items()], ignore_index=True)
    return draw(
        paint,
        data=data if len(curves) > 1 else data.drop(columns="curve"),
        **{**texts, "subtitle": word("power_axis", language)},
    )


def possible(
    curve: pd.DataFrame,
    *,
    x: str,
    y: str,
    x_label: str,
    y_label: str,
    marks: Sequence[tuple[float, float, str]] = (),
    shaded: str = "",
    x_percent: bool = False,
    height: float = 240,
    **texts: Unpack[Texts],
) -> Figure:
    """Draw a bound as a curve with points of it named, its allowed side shaded.

    Parameters
    ----------
    curve : DataFrame
        Columns ``x`` and ``y``, in the order of x.
    x, y : str
        Columns of the horizontal and the vertical value.
    marks : sequence of (x, y, text)
        Points with words beside them, from left to right.
    shaded : str
        Words in the shaded side, below the curve; nothing is shaded without.
    x_percent : bool
        Write the horizontal values as percentages of 1.
    """
    need(curve, [x, y], texts["name"])
    across, up = numbers(curve, x), numbers(curve, y)
    low, high = limits(up, [item[1] for item in marks], margin=0.12, include=0.0)

    def paint(canvas: Canvas) -> None:
        axes = canvas.axes(height)
        value_scale(axes, "y", low, high, canvas.language, sign=True)
        percent: dict[str, Any] = {"scale": 100.0, "suffix": "%"} if x_percent else {}
        value_scale(axes, "x", across[0], across[-1], canvas.language, most=7, grid=False, **percent)
        zero_line(canvas, axes)
        if shaded:
            axes.fill_between(across, up, low, color=canvas.theme["treated"], alpha=0.13, lw=0, zorder=1)
            beside(canvas, axes, (across[0], low), shaded, shift=(8, 8), ha="left", role="treated")
        _lines(canvas, axes, [Line(across, up, "treated")], height)
        canvas.below(x_label)
        canvas.settle()
        plot = axes.get_window_extent().width / DENSITY
        for at, value, text in marks:
            axes.plot(at, value, "o", color=canvas.theme["treated"], ms=points(8), zorder=6, clip_on=False)
            room = (across[-1] - at) / (across[-1] - across[0]) * plot > canvas.width(text) + 18
            # on the side of the point that the curve leaves free
            upright = (6 if room else -6) * (-1 if up[-1] > up[0] else 1)
            shift = (9 if room else -9, upright)
            beside(canvas, axes, (at, value), text, shift=shift, ha="left" if room else "right")

    return draw(paint, data=curve[[x, y]], **{**texts, "subtitle": y_label})


def _digits(frame: pd.DataFrame) -> int:
    values = frame.to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    if np.all(values == np.round(values)):
        return 0
    return words.decimals(float(values.max() - values.min()) / 4 or abs(float(values.max())))


def _named(frame: pd.DataFrame, names: Mapping[Any, str]) -> pd.DataFrame:
    """The numbers drawn, under the names drawn."""
    shown = frame.rename(columns=dict(names))
    shown.index = shown.index.rename(str(frame.index.name or "period"))
    return shown


def _made_of(twin: str, weights: Sequence[tuple[str, float]], language: str) -> str:
    ordered = [item for item in sorted(weights, key=lambda item: -item[1]) if abs(item[1]) >= 0.0005]
    if not ordered:
        return ""
    parts = [
        word("part", language, name=unit, weight=words.percent(weight, language))
        for unit, weight in ordered[:_NAMED_DONORS]
    ]
    rest = ordered[_NAMED_DONORS:]
    if rest:
        total = words.percent(sum(weight for _, weight in rest), language)
        parts.append(word("others", language, count=len(rest), weight=total))
    shown = word("comma", language).join(parts)
    return word("made_of", language, name=twin[:1].upper() + twin[1:], parts=shown)


def _height(curve: pd.DataFrame, effect: float) -> float:
    """Power at an effect; infinite where the curve ends before, so that nothing is in the way."""
    x, y = numbers(curve, "effect"), numbers(curve, "power")
    return float(np.interp(effect, x, y)) if effect <= x.max() else float("inf")


def _amount(value: float, unit: str, language: str) -> str:
    shown = words.number(value, language, words.figures(value, 2) if value else 0)
    return words.with_unit(shown, unit, language) if unit else shown
