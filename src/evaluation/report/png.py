"""Small palette pictures, and their dark twins.

A picture is drawn once, in light colours. Its palette holds the theme's greys, which are each other's
steps from paper to ink, and a few steps from paper to each hue: all that smoothed edges need. The dark twin
has the same pixels under another palette: one affine map of colours carries the light theme to the dark one,
so that a page needs to hold each picture only once and lets the browser apply the map (an SVG filter).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from evaluation.report.theme import Theme, themes

SHADES = (1 / 3, 2 / 3, 1.0)
_HUES = ("treated", "comparison", "simulated")
_WHOLE = ("paper", "rule", "unit", "muted", "reference", "ink", *(f"{hue}-text" for hue in _HUES))
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
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


def rgb(colour: str) -> NDArray[np.float64]:
    """``#rrggbb`` as red, green, blue in 0..1."""
    return np.asarray([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def palette(theme: Theme, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours (k, 3) of a picture: the theme's with their steps from paper, and whatever fills areas."""
    paper = rgb(theme["paper"])
    steps = [paper + (rgb(theme[name]) - paper) * shade for name in _HUES for shade in SHADES]
    named = np.round(np.stack([*(rgb(theme[name]) for name in _WHOLE), *steps]) * 255).astype(np.int64)
    codes, counts = np.unique(_codes(pixels), return_counts=True)
    flat = codes[counts >= _FLAT * counts.sum()]
    both = np.unique(np.concatenate([_codes(named), flat]))
    return np.stack([both >> 16, both >> 8 & 255, both & 255], axis=1).astype(np.uint8)


def encode(pixels: NDArray[np.uint8], theme: Theme) -> bytes:
    """Pixels (h, w, 3) as a PNG of the theme's shades: no metadata, so the same picture is the same bytes."""
    colours = palette(theme, pixels).astype(np.int64)
    codes, place = np.unique(_codes(pixels), return_inverse=True)
    seen = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1)
    nearest = ((seen[:, None, :] - colours[None]) ** 2).sum(axis=2).argmin(axis=1)
    used, nearest = np.unique(nearest, return_inverse=True)
    height, width = pixels.shape[:2]
    rows = nearest[place].reshape(height, width).astype(np.uint8)
    lines = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()
    return _SIGNATURE + b"".join(
        [
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", colours[used].astype(np.uint8).tobytes()),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        ]
    )


def darken(picture: bytes) -> bytes:
    """The dark twin of a picture made by ``encode``."""
    out = [_SIGNATURE]
    for kind, body in _chunks(picture):
        if kind == b"PLTE":
            colours = np.frombuffer(body, np.uint8).reshape(-1, 3) / 255
            mapped = np.clip(colours @ night()[:, :3].T + night()[:, 3], 0, 1)
            body = np.round(mapped * 255).astype(np.uint8).tobytes()
        out.append(_chunk(kind, body))
    return b"".join(out)


def size(picture: bytes) -> tuple[int, int]:
    """Width and height in pixels."""
    return struct.unpack(">II", picture[16:24])


def _codes(pixels: NDArray[np.integer]) -> NDArray[np.int64]:
    flat = pixels.reshape(-1, 3).astype(np.int64)
    return flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(picture):
        length = int.from_bytes(picture[at : at + 4], "big")
        yield picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]
        at += 12 + length
