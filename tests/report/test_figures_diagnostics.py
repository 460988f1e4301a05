"""Figures of the checks: their sizes, their words, what is missing, and what is refused."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.diagnostics import Diagnostic
from evaluation.errors import ReportError
from evaluation.report import figures
from evaluation.report.canvas import WIDTH
from evaluation.report.display import Figure
from evaluation.report.figures_diagnostics import KINDS
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
QUESTION = {"en": "Does it hold?", "zh": "是否成立？"}
TEXT = {"en": "It does not.", "zh": "不成立。"}


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


def placebo_dates() -> pd.DataFrame:
    frame = pd.DataFrame(
        {"date": ["2014-03", "2014-09", "2015-02", "2016-03"], "estimate": [1.0, -2, 0.5, 2.5]}
    )
    frame["true"] = frame["date"] == "2016-03"
    frame["ci_low"], frame["ci_high"] = frame["estimate"] - 3, frame["estimate"] + 3
    frame.loc[1, ["ci_low", "ci_high"]] = np.nan
    return frame


def left_out(count: int) -> pd.DataFrame:
    shift = np.random.default_rng(2).normal(0, 0.2, count)
    frame = pd.DataFrame(
        {"left_out": ["", *(f"c{i}" for i in range(count))], "estimate": [1.3, *(1.3 + shift)]}
    )
    frame["ci_low"], frame["ci_high"] = frame["estimate"] - 4, frame["estimate"] + 4
    frame.loc[4, ["estimate", "ci_low", "ci_high"]] = np.nan
    frame.loc[6, ["ci_low", "ci_high"]] = np.nan
    return frame


def spillover() -> pd.DataFrame:
    names = ["all comparison places", "without neighbours", "neighbours as treated"]
    return pd.DataFrame(
        {
            "comparison": names,
            "estimate": [1.3, 1.4, 0.5],
            "ci_low": [-2.0, np.nan, -3],
            "ci_high": [5.0, np.nan, 4],
            "units": [187, 180, 7],
        }
    )


def power(slope: float, top: float = 12.0) -> pd.DataFrame:
    effect = np.linspace(0, top, 41)
    return pd.DataFrame({"effect": effect, "power": 1 - 0.95 * np.exp(-((slope * effect) ** 2))})


def drifts() -> pd.DataFrame:
    frame = pd.DataFrame({"event_time": range(-13, 24)})
    frame["estimate"] = np.random.default_rng(3).normal(0, 2, len(frame))
    frame["ci_low"], frame["ci_high"] = frame["estimate"] - 4, frame["estimate"] + 4
    frame.loc[12, ["estimate", "ci_low", "ci_high"]] = [0, np.nan, np.nan]
    for chance, slope in ((50, 0.7), (80, 1.0)):
        frame[f"trend_{chance}"] = slope * (frame["event_time"] + 1)
    return frame


def twins() -> pd.DataFrame:
    months = pd.period_range("2013-12", "2017-01", freq="M")
    wave = 18 + 5 * np.cos(np.arange(38) / 12 * 2 * np.pi)
    frame = pd.DataFrame({"淄博": wave + np.r_[np.zeros(27), np.arange(11) / 3], "twin": wave}, index=months)
    frame.iloc[5, 0] = np.nan
    return frame


DONORS = [("Heze", 0.06), ("Binzhou", 0.41), *((f"d{i}", 0.1) for i in range(5)), ("none", 0.0)]
TABLES = {
    "specification_curve": specifications(),
    "interval_by_parameter": sensitivity(),
    "interval_by_date": placebo_dates(),
    "interval_by_label": left_out(16),
    "power_curve": power(0.2),
    "event_study_with_trends": drifts(),
}


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
            figures.intervals(table, kind=kind, y_label="y", x_label="M", **extra, **kit)
            for table, kind, extra in (
                (sensitivity(), "interval_by_parameter", {"breakdown": 0.29}),
                (sensitivity(), "interval_by_parameter", {"breakdown": np.inf, "target": "first"}),
                (placebo_dates(), "interval_by_date", {}),
                (left_out(16), "interval_by_label", {"marked": ["c1"]}),
                (left_out(187), "interval_by_label", {"marked": ["c1"], "labels": {"c1": "三亚"}}),
                (spillover(), "interval_by_label", {}),
            )
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
        figures.event_study_with_trends(drifts(), x_label="x", y_label="y", policy="2015", **kit),
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
        assert figure.light != figure.dark
        assert figure.size[0] == 2 * WIDTH
        heaviest = 32_000 if figure is drawn[0] else 25_000
        assert len(figure.light) < heaviest, f"{figure.title} weighs {len(figure.light)}"
        assert 400 < figure.size[1] < 1500


def test_words_of_both_languages_take_the_same_values() -> None:
    import string

    def fields(text: str) -> set[str | None]:
        return {field for _, field, _, _ in string.Formatter().parse(text)} - {None}

    for key, (en, zh) in _WORDS.items():
        assert en != zh or key in ("part", "drift_more"), key
        assert fields(en) == fields(zh), key
    assert word("columns", "zh", all=5) == "每列为一种算法，共5种"


def diagnostic(kind: str, **changes: Any) -> Diagnostic:
    name = "sensitivity_smoothness" if kind == "interval_by_parameter" else kind
    given: dict[str, Any] = {"name": name, "figure_kind": kind, "statistic": 0.4, "p_value": 0.1}
    given |= {"question": QUESTION, "text": TEXT, "verdict": "not_informative", "table": TABLES.get(kind)}
    return Diagnostic(**(given | changes))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_any_check_is_drawn_and_says_its_question_and_answer(kind: str, language: str) -> None:
    check = diagnostic(kind)
    kit = {key: value for key, value in common(language).items() if key != "alt"}
    assert figures.drawable(check)
    figure = figures.diagnostic_figure(check, y_label="y", unit="days", choices=CHOICES, main=MAIN, **kit)
    assert QUESTION[language] in figure.alt
    assert TEXT[language] in figure.alt
    assert figure.alt.startswith(word(f"alt_{kind}", language))
    assert figure.data is not None
    assert len(figure.data) == len(TABLES[kind])


def test_a_check_without_a_figure_says_so() -> None:
    kit = {key: value for key, value in common().items() if key != "alt"} | {"y_label": "y", "unit": "days"}
    empty = diagnostic("interval_by_parameter", table=sensitivity().iloc[:0])
    assert not figures.drawable(empty)
    with pytest.raises(ReportError, match="no number to draw"):
        figures.diagnostic_figure(empty, **kit)
    other = diagnostic("weight_by_cell", table=power(1))
    assert not figures.drawable(other)
    with pytest.raises(ReportError, match="no figure of the kind 'weight_by_cell'"):
        figures.diagnostic_figure(other, **kit)
    with pytest.raises(ReportError, match="needs the labels of its choices"):
        figures.diagnostic_figure(diagnostic("specification_curve"), **kit)


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
    for table, kind in (
        (sensitivity(), "interval_by_parameter"),
        (placebo_dates(), "interval_by_date"),
        (left_out(16), "interval_by_label"),
        (left_out(40), "interval_by_label"),
        (spillover(), "interval_by_label"),
    ):
        bare = table.assign(ci_low=np.nan, ci_high=np.nan)
        known, open_ = (figures.intervals(t, kind=kind, y_label="y", **common()) for t in (table, bare))
        assert known.light != open_.light, kind


def test_wrong_tables_are_named() -> None:
    with pytest.raises(ReportError, match="no column true"):
        figures.intervals(
            placebo_dates().drop(columns="true"), kind="interval_by_date", y_label="y", **common()
        )
    with pytest.raises(ReportError, match="no names of its rows"):
        figures.intervals(placebo_dates(), kind="interval_by_label", y_label="y", **common())
    with pytest.raises(ReportError, match="no intervals 'x'"):
        figures.intervals(placebo_dates(), kind="x", y_label="y", **common())  # type: ignore[arg-type]
    with pytest.raises(ReportError, match="4 curves of power"):
        figures.power_curve({str(i): power(1) for i in range(4)}, x_label="x", **common())
    with pytest.raises(ReportError, match="no column power"):
        figures.power_curve(power(1)[["effect"]], x_label="x", **common())
    with pytest.raises(ReportError, match="no column other"):
        figures.pair(twins(), treated="淄博", other="other", y_label="y", **common())


def test_a_missing_glyph_is_an_error_in_labels_too() -> None:
    with pytest.raises(ReportError, match="no font can draw: \U0001f3ad"):
        figures.intervals(
            left_out(16), kind="interval_by_label", labels={"c1": "\U0001f3ad"}, y_label="y", **common()
        )
