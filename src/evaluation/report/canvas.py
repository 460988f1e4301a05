"""The sheet that every figure is drawn on: title above, source below.

Lengths are CSS pixels on a sheet 420 wide, drawn at 2 device pixels each. Shown on the narrowest
phone the sheet is 296 wide, where the smallest text (11.5) is still 8 pixels high.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report.display import Figure
from evaluation.report.png import encode
from evaluation.report.theme import Theme, rc, themes

WIDTH = 420
DENSITY = 2.0
MARGIN = 8
SMALL, BODY, TITLE = 11.5, 12.5, 16.0
LINE = 1.3  # line height
_INCH = 100  # CSS pixels to the inch of matplotlib, so that one point is 100/72 px
_NOT_AT_START = "，。、；：？！）》」』】〕…—％%”’·,.;:?!)]}"
_NOT_AT_END = "（《「『【〔“‘([{"
_MISSING = re.compile(r"Glyph (\d+)")


def points(px: float) -> float:
    """CSS pixels as points of matplotlib."""
    return px * 72 / _INCH


def draw(
    paint: Callable[[Canvas], None],
    *,
    title: str,
    source: str,
    alt: str,
    language: str,
    name: str,
    simulated: bool,
    subtitle: str = "",
    data: Any = None,
) -> Figure:
    """Paint a figure.

    Parameters
    ----------
    paint : callable
        Draws on a fresh canvas, whose ``sheet`` it calls first.
    title, source, alt : str
        What the figure shows, where its numbers come from (both inside the picture) and the same for
        those who cannot see it.
    data : DataFrame, optional
        The numbers drawn, linked below the figure.

    Raises
    ------
    ReportError
        When no font has a glyph for a character, or a text is missing.
    """
    words.check_language(language)
    for label, value in (("title", title), ("source", source), ("alternative text", alt), ("name", name)):
        if not str(value).strip():
            raise ReportError(f"A figure has no {label}.", where=name or title, fix=f"write the {label}")
    picture = _paint(paint, themes()[0], (title, subtitle, source, language, simulated), name)
    return Figure(light=picture, alt=alt, title=title, name=name, language=language, data=data)


def _paint(
    paint: Callable[[Canvas], None], theme: Theme, texts: tuple[str, str, str, str, bool], name: str
) -> bytes:
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings(record=True) as caught:
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(rc(theme))
        warnings.simplefilter("always")
        canvas = Canvas(theme, *texts)
        paint(canvas)
        picture = canvas.png()
    missing = set()
    for warning in caught:
        match = _MISSING.search(str(warning.message))
        if match:
            missing.add(chr(int(match.group(1))))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if missing:
        raise ReportError(
            "A figure has characters that no font can draw: " + " ".join(sorted(missing)),
            where=f"figure {name}",
            fix="write them otherwise; a box in their place would be shown to every reader",
        )
    return picture


class Canvas:
    """One sheet. Call ``sheet`` once, then draw on the axes it returns."""

    def __init__(
        self, theme: Theme, title: str, subtitle: str, source: str, language: str, simulated: bool
    ) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Sheet

        self.theme, self.language, self.simulated = theme, language, simulated
        self.title, self.subtitle, self.source = title, subtitle, source
        self.figure = Sheet(figsize=(WIDTH / _INCH, 1), dpi=_INCH * DENSITY)
        self._agg = FigureCanvasAgg(self.figure)
        self.height = 0.0

    def sheet(self, height: float, *, left: float, right: float, above: float = 0, below: float = 0) -> Any:
        """Lay out title, subtitle, a plot ``height`` high and the source; return the axes.

        ``above`` and ``below`` are kept free for what the plot writes outside its axes.
        """
        room = WIDTH - 2 * MARGIN
        titles = self.wrap(self.title, room, TITLE, bold=True)
        subtitles = self.wrap(self.subtitle, room, BODY) if self.subtitle else []
        sources = self.wrap(self.source, room, SMALL)
        y = 6.0
        placed: list[tuple[float, str, float, str, bool]] = []
        if self.simulated:
            placed.append(
                (y, words.text("simulated", self.language), SMALL, self.theme.text("simulated"), True)
            )
            y += SMALL * LINE + 1
        for lines, size, colour, bold, gap in (
            (titles, TITLE, self.theme["ink"], True, 4.0),
            (subtitles, BODY, self.theme["muted"], False, 4.0),
        ):
            for line in lines:
                placed.append((y, line, size, colour, bold))
                y += size * LINE
            y += gap if lines else 0
        top = y + 6 + above
        y = top + height + below + 10
        for line in sources:
            placed.append((y, line, SMALL, self.theme["muted"], False))
            y += SMALL * LINE
        self.height = y + 6
        self.figure.set_size_inches(WIDTH / _INCH, round(self.height * DENSITY) / DENSITY / _INCH)
        self.height = self.figure.get_figheight() * _INCH
        for y, line, size, colour, bold in placed:
            self.write(MARGIN, y, line, size=size, colour=colour, bold=bold)
        axes = self.figure.add_axes(
            (
                left / WIDTH,
                1 - (top + height) / self.height,
                (WIDTH - left - right) / WIDTH,
                height / self.height,
            )
        )
        axes.patch.set_visible(False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, labelsize=points(SMALL), pad=points(5))
        if self.simulated:
            self._mark_simulated(axes)
        return axes

    def write(self, x: float, y: float, line: str, *, size: float, colour: str, bold: bool = False) -> None:
        """Write one line, its top left corner ``x, y`` pixels from the sheet's."""
        text = self.figure.text(
            x / WIDTH, 1 - (y + size) / self.height, line, size=points(size), color=colour, va="baseline"
        )
        if bold:
            embolden(text, colour, size)

    def width(self, line: str, size: float, *, bold: bool = False) -> float:
        """Width of a line in pixels."""
        text = self.figure.text(0, 0, line, size=points(size))
        extent = text.get_window_extent(self._agg.get_renderer())
        text.remove()
        return float(extent.width) / DENSITY + (0.3 if bold else 0)

    def wrap(self, line: str, room: float, size: float, *, bold: bool = False) -> list[str]:
        """Break a text into as few lines as fit ``room`` pixels, of about equal length."""
        lines = self._fill(line, room, size, bold)
        if len(lines) < 2:
            return lines
        clauses = self._clauses(line, room, size, bold)
        if clauses and len(clauses) <= len(lines):
            return clauses
        narrow, wide = room / 2, room
        while wide - narrow > 4:
            middle = (narrow + wide) / 2
            if len(self._fill(line, middle, size, bold)) > len(lines):
                narrow = middle
            else:
                wide = middle
        return self._fill(line, wide, size, bold)

    def _clauses(self, line: str, room: float, size: float, bold: bool) -> list[str]:
        """Lines broken after Chinese punctuation only, which reads best; none where a clause is too wide."""
        if not re.search(r"[\u4e00-\u9fff]", line):
            return []
        lines = [""]
        for clause in re.findall(r"[^，；：。？！]+[，；：。？！]*”?|[，；：。？！]+", line):
            if lines[-1] and self.width(lines[-1] + clause, size, bold=bold) > room:
                lines.append("")
            lines[-1] += clause
        return lines if all(self.width(part, size, bold=bold) <= room for part in lines) else []

    def _fill(self, line: str, room: float, size: float, bold: bool) -> list[str]:
        lines: list[str] = []
        current = ""
        for piece in pieces(line):
            if current and self.width((current + piece).rstrip(), size, bold=bold) > room:
                lines.append(current.rstrip())
                piece = piece.lstrip()
                current = ""
            current += piece
            # one word wider than the room: cut, but never below one character, however little room there is
            while len(current) > 1 and self.width(current.rstrip(), size, bold=bold) > room:
                cut = max(
                    (k for k in range(1, len(current)) if self.width(current[:k], size, bold=bold) <= room),
                    default=1,
                )
                lines.append(current[:cut])
                current = current[cut:]
        return [*lines, current.rstrip()] if current.strip() else lines

    def _mark_simulated(self, axes: Any) -> None:
        axes.text(
            0.5,
            0.5,
            words.text("simulated", self.language),
            transform=axes.transAxes,
            rotation=min(24, 2 + axes.get_position().height * self.height / 12),
            ha="center",
            va="center",
            size=points(44),
            color=self.theme["simulated"],
            alpha=0.32,
            zorder=0.5,
        )

    def png(self) -> bytes:
        """The picture."""
        self._agg.draw()
        return encode(np.asarray(self._agg.buffer_rgba())[..., :3], self.theme)


def embolden(text: Any, colour: str, size: float) -> None:
    """Thicken a text: the Chinese font has one weight, and two families in one line would not match."""
    from matplotlib import patheffects

    text.set_path_effects([patheffects.withStroke(linewidth=points(size * 0.045), foreground=colour)])


def halo(text: Any, theme: Theme, px: float = 3) -> Any:
    """Put a rim of the paper's colour round a text that stands on lines."""
    from matplotlib import patheffects

    text.set_path_effects([patheffects.withStroke(linewidth=points(px), foreground=theme["paper"])])
    return text


def pieces(line: str) -> list[str]:
    """Split where a line may break: at spaces, and between Chinese characters but not before closing
    or after opening punctuation."""
    parts: list[str] = []
    for token in re.findall(
        r"\s+|[\u2e80-\u9fff\u3000-\u303f\uff00-\uffef]|[^\s\u2e80-\u9fff\u3000-\u303f\uff00-\uffef]+", line
    ):
        glue = parts and (token.isspace() or token[0] in _NOT_AT_START or parts[-1][-1] in _NOT_AT_END)
        if glue:
            parts[-1] += token
        else:
            parts.append(token)
    return parts


def spread(
    wanted: Sequence[float], gap: float | Sequence[float], low: float, high: float
) -> NDArray[np.float64]:
    """Centres nearest to those wanted, in the same order, of things ``gap`` long (each) that do not overlap.

    Least squares under the gaps is isotonic regression of ``wanted`` less the room taken by those before.
    ``low`` and ``high`` bound the first and the last centre.
    """
    wanted_ = np.asarray(wanted, dtype=float)
    if not len(wanted_):
        return wanted_
    order = np.argsort(wanted_, kind="stable")
    lengths = np.broadcast_to(np.asarray(gap, dtype=float), wanted_.shape)[order]
    steps = np.concatenate([[0.0], np.cumsum((lengths[1:] + lengths[:-1]) / 2)])
    blocks: list[list[float]] = []  # mean, size
    for value in wanted_[order] - steps:
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, size = blocks.pop()
            blocks[-1] = [
                (blocks[-1][0] * blocks[-1][1] + mean * size) / (blocks[-1][1] + size),
                blocks[-1][1] + size,
            ]
    fitted = np.concatenate([np.full(int(size), mean) for mean, size in blocks])
    fitted = np.clip(fitted, low, max(low, high - steps[-1])) + steps
    placed = np.empty(len(order))
    placed[order] = fitted
    return placed
