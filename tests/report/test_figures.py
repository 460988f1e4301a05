"""Figures: pictures, colours, fonts, words inside and outside."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.errors import ReportError
from evaluation.report import figures
from evaluation.report.axes import tick_texts, timeline
from evaluation.report.canvas import SMALL, WIDTH, Canvas, pieces, spread
from evaluation.report.png import darken, encode, night, size
from evaluation.report.theme import rc, rgb, themes

PHONE = 296  # CSS pixels that a figure is wide on the narrowest phone
COMMON: dict[str, Any] = {
    "source": "Source: none",
    "alt": "words",
    "language": "en",
    "name": "x",
    "title": "A title",
}


def small_series(**changes: Any) -> Any:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 3.0]}, index=[2015, 2016])
    return figures.series(frame, treated="a", y_label="Days", **{**COMMON, **changes})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_is_small_deterministic_and_bare(sample: SimpleNamespace, language: str) -> None:
    drawn = sample.drawings(language) + sample.drawings(language, simulated=True)
    draw_anew = sample.drawings.__wrapped__
    again = draw_anew(language) + draw_anew(language, simulated=True)
    for figure, other in zip(drawn, again, strict=True):
        assert figure.light == other.light
        assert figure.shared == other.shared
        assert figure.size[0] == size(figure.shared)[0] == 2 * WIDTH
        assert figure.size[1] < size(figure.shared)[1]  # title and source are drawn in what is taken away
        assert len(figure.light) < 40_000, f"{figure.name} weighs {len(figure.light)}"
        assert set(chunks(figure.light)) == {"IHDR", "PLTE", "IDAT", "IEND"}


def test_pictures_open_and_share_their_pixels(sample: SimpleNamespace) -> None:
    from PIL import Image

    figure = sample.drawings("zh")[1]
    light, dark = (Image.open(io.BytesIO(data)) for data in (figure.light, darken(figure.light)))
    assert light.size == dark.size == figure.size
    assert np.array_equal(np.asarray(light), np.asarray(dark))  # indices into two palettes
    assert light.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    corner = np.asarray(dark.convert("RGB").getpixel((0, 0))) / 255
    assert np.abs(corner - rgb(themes()[1]["paper"])).max() < 0.01


def test_simulated_figures_say_so(sample: SimpleNamespace) -> None:
    from PIL import Image

    purple = np.round(rgb(themes()[0].text("simulated")) * 255).astype(int)
    for plain, marked in zip(sample.drawings("en"), sample.drawings("en", simulated=True), strict=True):
        assert marked.simulated
        assert plain.light != marked.light  # the mark across the plot
        pixels = [
            np.asarray(Image.open(io.BytesIO(f.shared)).convert("RGB")).astype(int) for f in (plain, marked)
        ]
        close = [(np.abs(p - purple).sum(axis=2) < 12).sum() for p in pixels]
        assert close[0] == 0
        assert close[1] > 100


def test_smallest_text_is_legible_on_the_narrowest_phone() -> None:
    assert SMALL * PHONE / WIDTH >= 8


def test_a_missing_glyph_is_an_error() -> None:
    with pytest.raises(ReportError, match="no font can draw: \U0001f3ad"):
        small_series(title="Mask \U0001f3ad")


def test_names_are_not_formulas() -> None:
    assert small_series(title="$x$ and \\frac").title == "$x$ and \\frac"


@pytest.mark.parametrize("missing", ["title", "source", "alt", "name"])
def test_a_figure_needs_all_its_words(missing: str) -> None:
    with pytest.raises(ReportError, match="A figure has no"):
        small_series(**{missing: " "})


def test_wrong_tables_are_named() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0]}, index=[2015, 2016])
    with pytest.raises(ReportError, match="'z' is not a column"):
        figures.series(frame, treated="z", y_label="", **COMMON)
    with pytest.raises(ReportError, match="has no number"):
        figures.series(frame * np.nan, treated="a", y_label="", **COMMON)
    with pytest.raises(ReportError, match="no column ci_low, ci_high"):
        figures.forest(pd.DataFrame({"label": ["x"], "estimate": [1.0]}), x_label="", **COMMON)
    with pytest.raises(ReportError, match="is not among the values"):
        figures.placebo(pd.Series([1.0], index=["a"]), treated="b", x_label="", **COMMON)
    with pytest.raises(ReportError, match="no number to draw"):
        figures.three_numbers([], x_label="", **COMMON)


def test_gaps_missing_intervals_and_absent_numbers_are_drawn() -> None:
    frame = pd.DataFrame(
        {"a": [1.0, np.nan, 2.0], "b": [np.nan, 1.0, 3.0]}, index=["2016-01", "2016-02", "2016-03"]
    )
    assert figures.series(frame, treated="a", y_label="d", **COMMON).light
    rows = [figures.Number("nothing known", None), figures.Number("half known", 1.0, low=np.nan, high=2.0)]
    assert figures.three_numbers(rows, x_label="d", **COMMON).light
    lines = pd.DataFrame({"label": ["far"], "estimate": [5.0], "ci_low": [-50.0], "ci_high": [70.0]})
    assert figures.forest(lines, x_label="d", x_limits=(-10, 10), **COMMON).light


def test_user_settings_of_matplotlib_do_not_reach_the_figure() -> None:
    before = small_series().light
    with matplotlib.rc_context({"font.size": 40, "lines.linewidth": 9, "axes.facecolor": "red"}):
        assert small_series().light == before


def test_the_map_carries_the_light_theme_to_the_dark_one() -> None:
    light, dark = themes()
    for name in light.colours:
        mapped = np.clip(night() @ np.append(rgb(light[name]), 1), 0, 1)
        allowed = {"paper": 0.006, "ink": 0.01, "simulated-text": 0.2}.get(name, 0.13)
        assert np.abs(mapped - rgb(dark[name])).max() <= allowed, name


@pytest.mark.parametrize(
    "name", ["ink", "muted", "link", "treated-text", "comparison-text", "simulated-text"]
)
def test_text_colours_pass_contrast_on_paper_and_wash(name: str) -> None:
    for theme in themes():
        for ground in ("paper", "wash"):
            assert contrast(theme[name], theme[ground]) >= 4.5, (theme.scheme, ground)


@pytest.mark.parametrize("name", ["treated", "comparison", "reference"])
def test_marks_pass_contrast(name: str) -> None:
    for theme in themes():
        assert contrast(theme[name], theme["paper"]) >= 3, theme.scheme


def test_treated_and_comparison_differ_without_colour() -> None:
    for theme in themes():
        assert contrast(theme["treated"], theme["unit"]) > 1.5


def test_encode_keeps_flat_colours_and_darken_keeps_pixels() -> None:
    pixels = np.full((20, 30, 3), 255, np.uint8)
    pixels[5:10] = (200, 220, 240)  # not a colour of the theme, but it fills an area
    picture = encode(pixels, themes()[0])
    assert size(picture) == (30, 20)
    from PIL import Image

    assert np.array_equal(np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")), pixels)
    dark = Image.open(io.BytesIO(darken(picture)))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(picture))), np.asarray(dark))


@settings(max_examples=60)
@given(st.lists(st.floats(-50, 400), min_size=1, max_size=20))
def test_labels_are_spread_in_order_and_apart(wanted: list[float]) -> None:
    placed = spread(wanted, 14, 0, 400)
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(placed[order]) >= 14 - 1e-6).all()
    assert placed.min() >= -1e-6


def test_labels_stay_where_there_is_room() -> None:
    assert spread([10, 100, 50], 14, 0, 200).tolist() == [10, 100, 50]
    assert spread([50, 50], 10, 0, 200).tolist() == [45, 55]
    assert spread([50, 50], [10, 30], 0, 200).tolist() == [40, 60]


@pytest.fixture
def our_fonts() -> Iterator[None]:
    with matplotlib.rc_context(rc(themes()[0])):
        yield


@pytest.mark.usefixtures("our_fonts")
def test_chinese_breaks_at_characters_but_not_before_punctuation() -> None:
    parts = pieces("淄博，“优良”天数（AQI）增加 67 天。The end.")
    assert "".join(parts) == "淄博，“优良”天数（AQI）增加 67 天。The end."
    assert "博，" in parts
    assert "天。" in parts
    assert not any(part[0] in "，。）”" for part in parts)
    canvas = Canvas(themes()[0], "zh")
    lines = canvas.wrap("增加的67个优良天里，有51个别处也有，剩下的说不清", 300, 16)
    assert len(lines) == 2
    assert lines[1][0] not in "，。"
    assert all(canvas.width(line, 16) <= 300 for line in lines)
    broken = canvas.wrap("W" * 90, 100, 16)
    assert "".join(broken) == "W" * 90
    assert max(map(len, broken)) < 15


def test_time_axes() -> None:
    months = timeline(pd.period_range("2013-12", "2017-01", freq="M"), "zh")
    assert [text for _, text in months.ticks] == ["2014年", "2015年", "2016年", "2017年"]
    assert months.place("2016-03") == pytest.approx(2016 + 2 / 12)
    assert [t for _, t in timeline(pd.Index(["2016-03", "2016-04"]), "en").ticks] == ["Mar 2016", "Apr 2016"]
    assert [t for _, t in timeline(pd.Index([2014, 2015, 2016]), "en").ticks] == ["2014", "2015", "2016"]
    weeks = timeline(pd.period_range("2020-01-06", periods=9, freq="W-SUN"), "en")
    assert (np.diff(weeks.x) > 0).all()
    assert weeks.ticks[0][1] == "2020-01-06"
    quarters = timeline(pd.period_range("2019Q4", periods=3, freq="Q"), "en")
    assert [text for _, text in quarters.ticks] == ["2019Q4", "2020Q1", "2020Q2"]
    named = timeline(pd.Index(["before", "after"]), "en")
    assert named.place("after") == 1
    with pytest.raises(ReportError, match="no period later"):
        named.place("later")


def test_tick_texts_have_the_decimals_of_their_step() -> None:
    assert tick_texts([-0.5, 0, 0.5], "en", sign=True) == ["\u22120.5", "0.0", "+0.5"]
    assert tick_texts([0, 500, 1000], "en")[-1] == "1,000"
    assert tick_texts([-2e-9, 0, 2e-9], "en") == ["\u22122×10⁻⁹", "0", "2×10⁻⁹"]
    assert tick_texts([0, 5e9, 1e10], "zh") == ["0.0", "0.5×10¹⁰", "1.0×10¹⁰"]


def chunks(picture: bytes) -> list[str]:
    found, at = [], 8
    while at < len(picture):
        length = struct.unpack(">I", picture[at : at + 4])[0]
        kind, body = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]
        assert struct.unpack(">I", picture[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        found.append(kind.decode())
        at += 12 + length
    return found


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("room", [-10.6, 0.0, 3.0])
def test_a_line_is_broken_whatever_the_room(room: float) -> None:
    canvas = Canvas(themes()[0], "en")
    assert "".join(canvas.wrap("−0.00000000000024 to", room, 11.5)).replace(" ", "") == "−0.00000000000024to"
