"""Colours and fonts of the figures; the colours are those of the page's style sheet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import ReportError

STYLE_SHEET = Path(__file__).parent / "template" / "style.css"
FONT = "Evaluation Sans"
FALLBACK = "Evaluation Sans Fallback"
Scheme = Literal["light", "dark"]


@dataclass(frozen=True)
class Theme:
    """Named colours (``#rrggbb``) of one colour scheme, each with one meaning in every figure.

    Attributes
    ----------
    scheme : {"light", "dark"}
    colours : mapping of str to str
        ``paper, ink, muted, rule, treated, comparison, unit, reference, simulated`` and, darker or
        lighter so that small text is legible, ``treated-text, comparison-text, simulated-text``.
    """

    scheme: Scheme
    colours: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.colours[name]

    def text(self, role: str) -> str:
        """Colour of text that speaks of ``role``."""
        return self.colours.get(f"{role}-text", self.colours[role])


def rgb(colour: str) -> NDArray[np.float64]:
    """``#rrggbb`` as red, green, blue in 0..1."""
    return np.asarray([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


@cache
def themes() -> tuple[Theme, Theme]:
    """The light and the dark theme, read from the style sheet."""
    sheet = STYLE_SHEET.read_text(encoding="utf-8")
    blocks = re.findall(r":root\s*\{(.*?)\}", sheet, flags=re.DOTALL)
    light, dark = (dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", block)) for block in blocks[:2])
    return Theme("light", light), Theme("dark", {**light, **dark})


@cache
def register_fonts() -> tuple[str, str]:
    """Make the two families known to matplotlib and return their names.

    They are registered under names of our own: a font of the same name that the machine happens to
    have (a variable one, say, which matplotlib draws at its lightest weight) would otherwise be
    taken, and figures would differ from machine to machine.

    Raises
    ------
    ReportError
        When the font package is not installed.
    """
    import matplotlib
    from matplotlib import font_manager

    try:
        import pylopdf_fonts_zh_cn as package
    except ImportError as error:
        raise ReportError(
            "The Chinese font for figures is missing.",
            where="Python package pylopdf-fonts-zh-cn",
            fix="install the project's dependencies again (make)",
        ) from error
    files = {
        FONT: Path(package.__file__).parent / "NotoSansSC-Regular.otf",
        FALLBACK: Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf",
    }
    for name, path in files.items():
        entry = font_manager.ttfFontProperty(font_manager.get_font(str(path)))
        font_manager.fontManager.ttflist.append(replace(entry, name=name))
    return FONT, FALLBACK


def rc(theme: Theme) -> dict[Any, Any]:
    """Settings of matplotlib under which every figure is drawn, whatever the user's own are."""
    return {
        # glyph by glyph: a family list in font.family falls back, one in font.sans-serif does not
        "font.family": list(register_fonts()),
        "text.color": theme["ink"],
        "axes.edgecolor": theme["reference"],
        "axes.labelcolor": theme["muted"],
        "axes.facecolor": theme["paper"],
        "axes.unicode_minus": True,
        "axes.axisbelow": True,
        "figure.facecolor": theme["paper"],
        "savefig.facecolor": theme["paper"],
        "xtick.color": theme["muted"],
        "ytick.color": theme["muted"],
        "grid.color": theme["rule"],
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.spines.bottom": False,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "legend.frameon": False,
        "lines.solid_capstyle": "round",
        "lines.solid_joinstyle": "round",
        "lines.dash_capstyle": "round",
        "text.parse_math": False,  # a place called $x$ is a name, not a formula
        "text.usetex": False,
        "path.simplify": True,
    }
