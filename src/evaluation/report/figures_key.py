"""The key of a figure, the words that figures of checks share, and small things that all of them draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import ReportError
from evaluation.report.canvas import LINE, MARGIN, SMALL, WIDTH, Canvas, embolden, halo, points, spread
from evaluation.report.language import check_language

_WORDS: dict[str, tuple[str, str]] = {
    "beyond": (
        "beyond chance (p ≤ {level}): {count} of {all}",
        "超出偶然（p ≤ {level}）：{all}种中{count}种",
    ),
    "within": ("within chance", "未超出偶然"),
    "line": ("line: 95% interval", "竖线：95%区间"),
    "line_some": ("line: 95% interval, where one exists", "竖线：95%区间（存在时）"),
    "main": ("main choice", "主要设定"),
    "columns": ("Each column is one estimate, {all} in all", "每列为一种算法，共{all}种"),
    "absent": ("; {count} more cannot be computed", "；另有{count}种无法计算"),
    "usual": ("usual", "常规"),
    "excludes": ("interval without zero", "区间不含零"),
    "holds": ("interval that holds zero", "区间包含零"),
    "breakdown": ("reaches zero at {value}", "至{value}时包含零"),
    "power_axis": ("Chance that the effect is found", "效应被发现的机会"),
    "power_line": ("found {power} of the time", "发现机会{power}"),
    "level_line": ("{level}: found by chance alone", "{level}：仅凭偶然"),
    "estimate_here": ("the estimate, {value}", "实际估计值{value}"),
    "never_alone": ("never found", "无从发现"),
    "cut": ("arrow: goes on beyond the plot", "箭头：超出图外"),
    "never": ("{label}: never found", "{label}：无从发现"),
    "made_of": ("{name}: {parts}", "{name}：{parts}"),
    "part": ("{name} {weight}", "{name}{weight}"),
    "others": ("{count} others {weight}", "其余{count}个地区{weight}"),
    "comma": (", ", "、"),
    "sensitivity_relative_magnitudes": (
        "Largest step apart after the start, as a multiple of the largest before it",
        "措施后逐期偏离的上限，以此前最大变动的倍数计",
    ),
    "sensitivity_smoothness": (
        "Largest bend of the drift from one period to the next, {unit}",
        "走势偏离逐期弯折的上限（{unit}）",
    ),
    "labelled": ("{label}, {unit}", "{label}（{unit}）"),
    "intervals_alt": (
        "Intervals under growing violations of parallel trends. {question} {text}",
        "平行趋势偏离渐增时的区间图。{question}{text}",
    ),
}  # fmt: skip


def word(key: str, language: str, **values: object) -> str:
    """A word or phrase of these figures in the page's language."""
    return _WORDS[key][0 if check_language(language) == "en" else 1].format(**values)


@dataclass(frozen=True)
class Entry:
    """One line of a key.

    Attributes
    ----------
    text : str
    colour : str
        Name of a colour of the theme, of the mark.
    mark : {"dot", "open", "line", "dash", "dots", "band", ""}
    """

    text: str
    colour: str
    mark: str = "dot"


DASHES = {"dash": (5.0, 1.8), "dots": (1.6, 1.4)}
_MARK = 22.0  # px of a mark and the space after it
_GAP = 14.0  # px between entries


class Key:
    """Marks with their words, as many to a row as fit. Made before the sheet, which it takes room from."""

    def __init__(self, canvas: Canvas, entries: Sequence[Entry]) -> None:
        self.canvas = canvas
        self.placed: list[tuple[float, int, Entry, list[str]]] = []
        x, row, last = float(MARGIN), 0, -1
        for entry in entries:
            indent = _MARK if entry.mark else 0.0
            lines = canvas.wrap(entry.text, WIDTH - 2 * MARGIN - indent, SMALL)
            width = indent + max(canvas.width(line, SMALL) for line in lines)
            if x > MARGIN and (x + width > WIDTH - MARGIN or len(lines) > 1):
                x, row = float(MARGIN), last + 1
            self.placed.append((x, row, entry, lines))
            last = max(last, row + len(lines) - 1)
            x += width + _GAP
            if len(lines) > 1:
                x = float(WIDTH)
        self.height = (last + 1) * SMALL * LINE + (6 if entries else 0)

    def draw(self, top: float) -> None:
        """Draw it, its upper edge ``top`` pixels from the sheet's."""
        for x, row, entry, lines in self.placed:
            y = top + row * SMALL * LINE
            indent = _MARK if entry.mark else 0.0
            self._mark(x, y + SMALL * 0.62, entry)
            for i, line in enumerate(lines):
                self.canvas.write(
                    x + indent, y + i * SMALL * LINE, line, size=SMALL, colour=text_colour(self.canvas, entry)
                )

    def _mark(self, x: float, y: float, entry: Entry) -> None:
        if not entry.mark:
            return
        from matplotlib.lines import Line2D
        from matplotlib.patches import Rectangle

        canvas, colour = self.canvas, self.canvas.theme[entry.colour]
        place = canvas.figure.transFigure
        at = 1 - y / canvas.height
        if entry.mark == "band":
            box = (x / WIDTH, 1 - (y + 5) / canvas.height)
            canvas.figure.add_artist(
                Rectangle(
                    box, 16 / WIDTH, 10 / canvas.height, transform=place, color=colour, alpha=0.16, lw=0
                )
            )
        elif entry.mark in ("line", *DASHES):
            style: dict[str, Any] = {"dashes": DASHES[entry.mark]} if entry.mark in DASHES else {}
            canvas.figure.add_artist(
                Line2D(
                    [x / WIDTH, (x + 17) / WIDTH],
                    [at, at],
                    transform=place,
                    color=colour,
                    lw=points(2),
                    **style,
                )
            )
        else:
            canvas.figure.add_artist(
                Line2D(
                    [(x + 8) / WIDTH],
                    [at],
                    transform=place,
                    marker="o",
                    ms=points(7),
                    mec=colour,
                    mew=points(1.5),
                    mfc=colour if entry.mark == "dot" else canvas.theme["paper"],
                    ls="",
                )
            )


def text_colour(canvas: Canvas, entry: Entry) -> str:
    """Colour of words beside a mark: legible, of the mark's meaning."""
    return canvas.theme["muted"] if entry.colour in ("unit", "rule") else canvas.theme.text(entry.colour)


def numbers(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """A column as floats; NaN for all rows where the table has none of that name."""
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    return frame[column].to_numpy(dtype=float, na_value=np.nan)


def need(frame: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    """Raise ReportError unless the table has the columns and a finite estimate or power.

    Raises
    ------
    ReportError
    """
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise ReportError(
            f"A figure's table has no column {', '.join(absent)}.",
            where=f"figure {name}",
            expected=", ".join(columns),
        )
    value = "estimate" if "estimate" in columns else columns[-1]
    if not np.isfinite(numbers(frame, value)).any():
        raise ReportError(
            "A figure's table has no number to draw.",
            where=f"figure {name}, column {value}",
            fix="leave the figure out, and say in words why there is none",
        )


def beside(
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


def label_ends(
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
