"""Small palette pictures, and their dark twins.

A picture is drawn once, in light colours. Its palette holds the theme's greys, which are each other's
steps from paper to ink, and a few steps from paper to each hue: all that smoothed edges need. The dark twin
has the same pixels under another palette: one affine map of colours carries the light theme to the dark one,
so that a page needs to hold each picture only once and lets the browser apply the map (an SVG filter).
"""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evaluation.report.theme import Theme, rgb, themes

if TYPE_CHECKING:
    from PIL.Image import Image

SHADES = (1 / 3, 2 / 3, 1.0)
_HUES = ("treated", "comparison", "simulated")
_WHOLE = ("paper", "rule", "unit", "muted", "reference", "ink", *(f"{hue}-text" for hue in _HUES))
_FLAT = 0.002  # a colour that fills this share of the picture is kept as it is
# How closely the map must carry each colour: paper and ink nearly exactly, simulated least.
_ANCHORS = {"paper": 50.0, "ink": 10.0, "treated": 1.0, "comparison": 1.0, "simulated": 0.35}


@cache
def night() -> NDArray[np.float64]:
    """The map (3, 4) from light to dark colours: red, green, blue in 0..1 and a constant; least squares."""
    light, dark = themes()
    weight = np.asarray(list(_ANCHORS.values()))[:, None]
    given = np.stack([np.append(rgb(light[name]), 1.0) for name in _ANCHORS])
    wanted = np.stack([rgb(dark[name]) for name in _ANCHORS])
    solution, *_ = np.linalg.lstsq(given * weight, wanted * weight, rcond=None)
    return np.round(solution.T, 4)


def encode(pixels: NDArray[np.uint8], theme: Theme) -> bytes:
    """Pixels (h, w, 3) as a PNG of the theme's shades: no metadata, so the same picture is the same bytes."""
    from PIL import Image

    paper = rgb(theme["paper"])
    shades = [paper + (rgb(theme[name]) - paper) * shade for name in _HUES for shade in SHADES]
    named = np.round(np.stack([*(rgb(theme[name]) for name in _WHOLE), *shades]) * 255).astype(np.int64)
    codes = pixels.astype(np.int64) @ (1 << 16, 1 << 8, 1)
    seen, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    seen = np.stack([seen >> 16, seen >> 8 & 255, seen & 255], axis=1)
    colours = np.unique(np.vstack([named, seen[counts >= _FLAT * codes.size]]), axis=0)
    # Pillow's own quantize rounds: paper would not stay paper
    nearest = ((seen[:, None] - colours[None]) ** 2).sum(axis=2).argmin(axis=1)
    used, nearest = np.unique(nearest, return_inverse=True)
    picture = Image.fromarray(nearest[place].reshape(codes.shape).astype(np.uint8), "P")
    picture.putpalette(colours[used].ravel().tolist())
    return _png(picture)


def darken(picture: bytes) -> bytes:
    """The dark twin of a picture made by ``encode``."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture))
    colours = np.asarray(image.getpalette()).reshape(-1, 3) / 255
    mapped = np.clip(colours @ night()[:, :3].T + night()[:, 3], 0, 1)
    image.putpalette(np.round(mapped * 255).astype(int).ravel().tolist())
    return _png(image)


def size(picture: bytes) -> tuple[int, int]:
    """Width and height in pixels."""
    from PIL import Image

    return Image.open(io.BytesIO(picture)).size


def _png(image: Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=9)
    return out.getvalue()
