"""Figures of the checks: their sizes, their words, what is missing, and what is refused."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import ReportError
from evaluation.report import figures
from evaluation.report.canvas import WIDTH
from evaluation.report.display import Figure
from evaluation.report.figures_key import _WORDS, word

LANGUAGES = ("en", "zh")
CHOICES = {
    "outcome": ("Outcome", {str(i): f"Pollutant {i}" for i in range(7)}),
    "scale": ("Scale", {"level": "level", "log": "log"}),
    "date": ("", {"2015-01": "2015年1月", "2016-03": "2016年3月"}),
    "season": ("Seasons", {"month": "all months", "year": "same months", "none": "unused"}),
    "pool": ("Against", {"near": "16 neighbours", "far": "187 nationwide"}),
}
MAIN = {"outcome": "0", "scale": "level", "date": "2015-01", "season": "month", "pool": "far"}


def common(language: str = "en", **changes: Any) -> dict[str, Any]:
    words = {"en": ("A title", "Source: none"), "zh": ("一个标题", "资料来源：无")}[language]
    return {
        "title": words[0],
        "source": words[1],
        "language": language,
        "name": "x",
        "alt": "words",
    } | changes


def specifications() -> pd.DataFrame:
    """112 rows; those against neighbours have no interval, two cannot be estimated."""
    draws = np.random.default_rng(1)
    labels = ([option for option in labels if option != "none"] for _, labels in CHOICES.values())
    frame = pd.DataFrame(list(itertools.product(*labels)), columns=list(CHOICES))
    frame["estimate"] = draws.normal(0.4, 1, len(frame))
    half = np.where(frame["pool"] == "far", 1.4, np.nan)
    frame["ci_low"], frame["ci_high"] = frame["estimate"] - half, frame["estimate"] + half
    frame["p_value"] = draws.uniform(0, 0.4, len(frame))
    frame.loc[[3, 50], ["estimate", "ci_low", "ci_high", "p_value"]] = np.nan
    return frame


def sensitivity() -> pd.DataFrame:
    rows = [("average", np.nan, 5.0, 1.0, 9.0)]
    rows += [("average", m, 5.0, 0.9 - 3 * m, 9.1 + 40 * m**2) for m in (0, 0.25, 0.5, 1, 2)]
    rows += [("first", np.nan, 1.0, -1.0, 3.0)]
    return pd.DataFrame(rows, columns=["target", "parameter", "estimate", "ci_low", "ci_high"])


def power(slope: float, top: float = 12.0) -> pd.DataFrame:
    effect = np.linspace(0, top, 41)
    return pd.DataFrame({"effect": effect, "power": 1 - 0.95 * np.exp(-((slope * effect) ** 2))})


def twins() -> pd.DataFrame:
    months = pd.period_range("2013-12", "2017-01", freq="M")
    wave = 18 + 5 * np.cos(np.arange(38) / 12 * 2 * np.pi)
    frame = pd.DataFrame({"淄博": wave + np.r_[np.zeros(27), np.arange(11) / 3], "twin": wave}, index=months)
    frame.iloc[5, 0] = np.nan
    return frame


DONORS = [("Heze", 0.06), ("Binzhou", 0.41), *((f"d{i}", 0.1) for i in range(5)), ("none", 0.0)]


@cache
def drawings(language: str, *, simulated: bool = False) -> list[Figure]:
    """One of every figure and of every form that it takes."""
    return draw(language, simulated)


def draw(language: str, simulated: bool) -> list[Figure]:
    kit = common(language, simulated=simulated)
    pools = (
        ("全国187市", "邻近16市", "按年") if language == "zh" else ("nationwide", "16 neighbours", "by year")
    )
    nothing = power(0.2, 1.0).assign(power=0.0)
    curves = dict(zip(pools, (power(0.2), nothing, power(0.1, 6)), strict=True))
    return [
        figures.specification_curve(specifications(), choices=CHOICES, main=MAIN, y_label="y", **kit),
        *(
            figures.intervals(sensitivity(), y_label="y", x_label="M", **extra, **kit)
            for extra in ({"breakdown": 0.29}, {"breakdown": np.inf, "target": "first"})
        ),
        figures.power_curve(
            curves,
            smallest=dict(zip(pools, (6.2, np.inf, np.inf), strict=True)),
            estimate=-1.3,
            unit="days",
            x_label="x",
            **kit,
        ),
        figures.power_curve(nothing, smallest=np.inf, x_label="x", **kit),
        figures.pair(
            twins(),
            treated="淄博",
            other="twin",
            y_label="y",
            policy=("2016-03", "a campaign"),
            weights=DONORS,
            labels={"twin": "synthetic"},
            **kit,
        ),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("simulated", [False, True])
def test_figures_are_light_narrow_and_the_same_every_time(language: str, simulated: bool) -> None:
    drawn, again = drawings(language, simulated=simulated), draw(language, simulated)
    for figure, other in zip(drawn, again, strict=True):
        assert figure.light == other.light
        assert figure.size[0] == 2 * WIDTH
        heaviest = 32_000 if figure is drawn[0] else 25_000
        assert len(figure.light) < heaviest, f"{figure.title} weighs {len(figure.light)}"
        assert 400 < figure.size[1] < 1500


def test_words_of_both_languages_take_the_same_values() -> None:
    import string

    def fields(text: str) -> set[str | None]:
        return {field for _, field, _, _ in string.Formatter().parse(text)} - {None}

    for key, (en, zh) in _WORDS.items():
        assert en != zh or key == "part", key
        assert fields(en) == fields(zh), key
    assert word("columns", "zh", all=5) == "每列为一种算法，共5种"


def test_specifications_are_checked() -> None:
    table = specifications()
    labels = {str(i): "x" for i in range(6)}
    with pytest.raises(ReportError, match="no label for 6"):
        figures.specification_curve(
            table, choices={**CHOICES, "outcome": ("", labels)}, y_label="y", **common()
        )
    with pytest.raises(ReportError, match="14 specifications fit the main choice"):
        figures.specification_curve(
            table,
            choices=CHOICES,
            main={"scale": "log", "date": "2015-01", "pool": "far"},
            y_label="y",
            **common(),
        )
    with pytest.raises(ReportError, match="no column outcome"):
        figures.specification_curve(table.drop(columns="outcome"), choices=CHOICES, y_label="y", **common())


def test_a_spread_puts_specifications_on_one_scale() -> None:
    table = specifications()
    turned = table.assign(spread=np.where(np.arange(len(table)) % 2, -2.0, 4.0))
    turned[["estimate", "ci_low", "ci_high"]] = table[["estimate", "ci_low", "ci_high"]].mul(
        turned["spread"], axis=0
    )
    plain, scaled = (
        figures.specification_curve(frame, choices=CHOICES, main=MAIN, y_label="y", **common())
        for frame in (table, turned)
    )
    assert plain.light == scaled.light
    marked = table.assign(beyond=table["p_value"] <= 0.05).drop(columns="p_value")
    assert (
        figures.specification_curve(marked, choices=CHOICES, main=MAIN, y_label="y", **common()).light
        == plain.light
    )


def test_a_missing_interval_is_another_picture_than_a_known_one() -> None:
    bare = sensitivity().assign(ci_low=np.nan, ci_high=np.nan)
    known, unknown = (
        figures.intervals(t, x_label="x", y_label="y", **common()) for t in (sensitivity(), bare)
    )
    assert known.light != unknown.light


def test_wrong_tables_are_named() -> None:
    with pytest.raises(ReportError, match="no column parameter"):
        figures.intervals(sensitivity().drop(columns="parameter"), x_label="x", y_label="y", **common())
    with pytest.raises(ReportError, match="4 curves of power"):
        figures.power_curve({str(i): power(1) for i in range(4)}, x_label="x", **common())
    with pytest.raises(ReportError, match="no column power"):
        figures.power_curve(power(1)[["effect"]], x_label="x", **common())
    with pytest.raises(ReportError, match="no column other"):
        figures.pair(twins(), treated="淄博", other="other", y_label="y", **common())


def test_a_missing_glyph_is_an_error_in_labels_too() -> None:
    with pytest.raises(ReportError, match="no font can draw: \U0001f3ad"):
        figures.pair(
            twins(), treated="淄博", other="twin", labels={"twin": "\U0001f3ad"}, y_label="y", **common()
        )
