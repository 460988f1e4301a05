"""The sheet that every figure is drawn on, and the picture made of it.

A page writes title, subtitle and source as text around the picture; the picture that a reader takes away
carries them within. Lengths are CSS pixels on a sheet 420 wide, drawn at 2 device pixels each. Shown on the
narrowest phone the sheet is 296 wide, where the smallest text (11.5) is still 8 pixels high.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict, Unpack

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
DASHES = {"dash": (5.0, 1.8), "dots": (1.6, 1.4)}
_INCH = 100  # CSS pixels to the inch of matplotlib, so that one point is 100/72 px
_NOT_AT_START = "，。、；：？！）》」』】〕…—％%”’·,.;:?!)]}"
_NOT_AT_END = "（《「『【〔“‘([{"
_MISSING = re.compile(r"Glyph (\d+)")


class Texts(TypedDict):
    """The words that every figure has.

    ``title`` is what it shows, ``source`` where its numbers come from, ``alt`` the same for those who cannot
    see it, ``name`` its address within the page.
    """

    title: str
    source: str
    alt: str
    language: str
    name: str
    simulated: NotRequired[bool]
    subtitle: NotRequired[str]


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


def points(px: float) -> float:
    """CSS pixels as points of matplotlib."""
    return px * 72 / _INCH


def draw(paint: Callable[[Canvas], None], *, data: Any = None, **texts: Unpack[Texts]) -> Figure:
    """Paint a figure.

    Parameters
    ----------
    paint : callable
        Draws on a fresh canvas, of which it asks ``axes`` once.
    data : DataFrame, optional
        The numbers drawn, linked below the figure.
    **texts : Texts

    Raises
    ------
    ReportError
        When no font has a glyph for a character, or a text is missing.
    """
    import matplotlib

    words.check_language(texts["language"])
    for key, label in (
        ("title", "title"),
        ("source", "source"),
        ("alt", "alternative text"),
        ("name", "name"),
    ):
        if not str(texts[key]).strip():  # type: ignore[literal-required]
            where = texts["name"] or texts["title"]
            raise ReportError(f"A figure has no {label}.", where=where, fix=f"write the {label}")
    theme = themes()[0]
    with matplotlib.rc_context(), warnings.catch_warnings(record=True) as caught:
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(rc(theme))
        warnings.simplefilter("always")
        canvas = Canvas(theme, texts["language"], texts.get("simulated", False))
        paint(canvas)
        plot = canvas.pixels()
        shared = np.vstack([canvas.strip(_head(texts, theme)), plot, canvas.strip(_foot(texts, theme))])
    _complain(caught, texts["name"])
    return Figure(light=encode(plot, theme), shared=encode(shared, theme), data=data, **texts)


def _complain(caught: Sequence[warnings.WarningMessage], name: str) -> None:
    """Raise an error for glyphs that no font has; give every other warning on."""
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


def _head(texts: Texts, theme: Theme) -> list[tuple[str, float, str, bool]]:
    mark = words.text("simulated", texts["language"]) if texts.get("simulated") else ""
    return [
        (mark, SMALL, theme.text("simulated"), True),
        (texts["title"], TITLE, theme["ink"], True),
        (texts.get("subtitle", ""), BODY, theme["muted"], False),
    ]


def _foot(texts: Texts, theme: Theme) -> list[tuple[str, float, str, bool]]:
    return [(texts["source"], SMALL, theme["muted"], False)]


class Canvas:
    """One sheet. Ask it once for ``axes``, whose height is kept while matplotlib lays out what is around."""

    def __init__(self, theme: Theme, language: str, simulated: bool = False) -> None:
        self.theme, self.language, self.simulated = theme, language, simulated
        self.figure = _sheet(1.0)
        self.figure.set_layout_engine(
            "constrained", w_pad=MARGIN / _INCH, h_pad=6 / _INCH, wspace=0, hspace=0
        )
        self._plot: Any = None
        self._height = 0.0

    def axes(self, height: float) -> Any:
        """Axes ``height`` pixels high; their width is what ticks and words at their sides leave."""
        self._height = height
        self.figure.set_size_inches(WIDTH / _INCH, (height + 60) / _INCH)
        self._plot = axes = self.figure.add_subplot()
        axes.patch.set_visible(False)
        axes.tick_params(labelsize=points(SMALL), pad=points(5), color=self.theme["reference"])
        axes.grid(visible=False)
        if self.simulated:
            axes.text(
                0.5,
                0.5,
                words.text("simulated", self.language),
                transform=axes.transAxes,
                rotation=min(24, 2 + height / 12),
                ha="center",
                va="center",
                size=points(44),
                color=self.theme["simulated"],
                alpha=0.32,
                zorder=0.5,
                in_layout=False,
            )
        return axes

    def grow(self, height: float) -> None:
        """Make the axes ``height`` pixels high after all."""
        self._height = height

    def settle(self) -> None:
        """Let matplotlib lay the sheet out, as high as the plot's own height asks for."""
        for _ in range(4):
            self.figure.get_layout_engine().execute(self.figure)
            short = self._height - self._plot.get_window_extent().height / DENSITY
            if abs(short) < 0.3:
                return
            high = self.figure.get_figheight() * _INCH + short
            self.figure.set_figheight(round(high * DENSITY) / DENSITY / _INCH)

    def below(self, text: str, colour: str = "muted") -> None:
        """Write what the horizontal scale is, or a note, below the plot."""
        if text:
            lines = "\n".join(self.wrap(text, WIDTH - 2 * MARGIN, SMALL))
            style: dict[str, Any] = {"size": points(SMALL), "color": self.theme.text(colour)}
            self.figure.supxlabel(lines, x=MARGIN / WIDTH, ha="left", **style)

    def key(self, entries: Sequence[Entry]) -> None:
        """Marks with their words above the plot, in as many columns as fit."""
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        if not entries:
            return
        handles: list[Any] = []
        for entry in entries:
            colour = self.theme[entry.colour]
            if entry.mark == "band":
                handles.append(Patch(color=colour, alpha=0.22, lw=0))
            elif entry.mark in ("line", *DASHES):
                style = {"dashes": DASHES[entry.mark]} if entry.mark in DASHES else {}
                handles.append(Line2D([], [], color=colour, lw=points(2), **style))
            elif entry.mark:
                face = colour if entry.mark == "dot" else self.theme["paper"]
                ring = {"mec": colour, "mew": points(1.5), "mfc": face}
                handles.append(Line2D([], [], marker="o", ms=points(7), ls="", **ring))
            else:
                handles.append(Line2D([], [], ls=""))
        room = WIDTH - 2 * MARGIN
        lines = ["\n".join(self.wrap(entry.text, room - 26, SMALL)) for entry in entries]
        colours = [
            self.theme["muted"] if entry.colour in ("unit", "rule") else self.theme.text(entry.colour)
            for entry in entries
        ]
        for columns in range(len(entries), 0, -1):
            legend = self.figure.legend(
                handles,
                lines,
                ncols=columns,
                loc="outside upper left",
                fontsize=points(SMALL),
                labelcolor=colours,
                borderpad=0,
                borderaxespad=MARGIN / SMALL,
                handlelength=1.5,
                handletextpad=0.5,
                columnspacing=1.2,
                labelspacing=0.3,
            )
            if columns == 1 or legend.get_window_extent().width <= room * DENSITY:
                return
            legend.remove()

    def write(
        self,
        axes: Any,
        x: float,
        y: float,
        line: str,
        *,
        size: float = SMALL,
        colour: str = "ink",
        bold: bool = False,
        ha: str = "left",
    ) -> Any:
        """Write a line ``x`` pixels from the sheet's left edge at the height of the axes' ``y``, over lines."""
        from matplotlib.transforms import blended_transform_factory

        ink = self.theme.text(colour)
        text = axes.text(
            x / WIDTH,
            y,
            line,
            transform=blended_transform_factory(self.figure.transFigure, axes.transData),
            size=points(size),
            color=ink,
            ha=ha,
            va="baseline",
            zorder=6,
            in_layout=False,
        )
        return emphasize(text, self.theme, ink if bold else None)

    def width(self, line: str, size: float = SMALL, *, bold: bool = False) -> float:
        """Width of a line in pixels."""
        text = self.figure.text(0, 0, line, size=points(size))
        extent = text.get_window_extent()
        text.remove()
        return float(extent.width) / DENSITY + (0.3 if bold else 0)

    def wrap(self, line: str, room: float, size: float = SMALL) -> list[str]:
        """Break a text into lines that fit ``room`` pixels."""
        lines: list[str] = []
        current = ""
        for piece in pieces(line):
            if current and self.width((current + piece).rstrip(), size) > room:
                lines.append(current.rstrip())
                piece = piece.lstrip()
                current = ""
            current += piece
            # one word wider than the room: cut, but never below one character, however little room there is
            while len(current) > 1 and self.width(current.rstrip(), size) > room:
                cut = max(
                    (k for k in range(1, len(current)) if self.width(current[:k], size) <= room), default=1
                )
                lines.append(current[:cut])
                current = current[cut:]
        return [*lines, current.rstrip()] if current.strip() else lines

    def pixels(self) -> NDArray[np.uint8]:
        """The plot as it is drawn."""
        self.settle()
        return _pixels(self.figure)

    def strip(self, texts: Sequence[tuple[str, float, str, bool]]) -> NDArray[np.uint8]:
        """Lines of words (text, size, colour, bold) alone, as wide as the plot."""
        placed, y = [], 6.0
        for text, size, colour, bold in texts:
            for line in self.wrap(text, WIDTH - 2 * MARGIN, size) if text else []:
                y += size * LINE
                placed.append((y - 0.3 * size, line, size, colour, bold))
            y += 3 if text else 0
        height = round(y + 4)
        sheet = _sheet(height)
        for at, line, size, colour, bold in placed:
            text = sheet.text(MARGIN / WIDTH, 1 - at / height, line, size=points(size), color=colour)
            emphasize(text, self.theme, colour if bold else None)
        return _pixels(sheet)


def _sheet(height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Sheet

    sheet = Sheet(figsize=(WIDTH / _INCH, height / _INCH), dpi=_INCH * DENSITY)
    FigureCanvasAgg(sheet)
    return sheet


def _pixels(sheet: Any) -> NDArray[np.uint8]:
    sheet.canvas.draw()
    return np.asarray(sheet.canvas.buffer_rgba())[..., :3]


def emphasize(text: Any, theme: Theme, bold: str | None = None) -> Any:
    """Put a rim of the paper's colour round a text; with a colour, thicken it too.

    The Chinese font has one weight, and two families in one line would not match.
    """
    from matplotlib import patheffects

    effects = [patheffects.withStroke(linewidth=points(3), foreground=theme["paper"])]
    if bold:
        stroke = text.get_size() * 0.045
        effects.append(patheffects.withStroke(linewidth=stroke, foreground=bold))
    text.set_path_effects(effects)
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
