"""Numbers, dates, units and words."""

from __future__ import annotations

import ast
import math
import re
import string
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report.display import VERDICTS
from evaluation.report.words_en import WORDS as EN
from evaluation.report.words_zh import WORDS as ZH

REPORT = Path(words.__file__).parent


def test_both_languages_have_the_same_words_with_the_same_blanks() -> None:
    assert set(EN) == set(ZH)
    for key in EN:
        blanks = [
            {name for _, name, _, _ in string.Formatter().parse(table[key]) if name} for table in (EN, ZH)
        ]
        assert blanks[0] == blanks[1], key


def test_every_word_asked_for_exists_and_every_word_is_asked_for() -> None:
    sources = [*REPORT.glob("*.py"), *REPORT.with_name("pipeline").rglob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources if "words_" not in path.name)
    pages = "\n".join(path.read_text(encoding="utf-8") for path in (REPORT / "template").glob("*.j2"))
    text = code + pages
    asked = set(re.findall(r"""\bwords\.text\(\s*["'](\w+)["']""", code))
    asked |= set(re.findall(r"""\b(?:word|say|word_in)\((?:["\w]+,\s*)?["'](\w+)["'](?!\s*~)""", pages))
    assert len(asked) > 30
    assert asked <= set(EN), asked - set(EN)
    # f"moved_{part}" asks for every word that begins so
    made = (*re.findall(r"""\bf["'](\w+_)\{""", code), "verdict_", "failure_")
    unused = {key for key in EN if f'"{key}"' not in text and not key.startswith(made)}
    assert unused == set()


def test_every_verdict_has_a_word_and_a_mark() -> None:
    from evaluation.report.site import MARKS

    assert set(MARKS) == set(VERDICTS)
    assert {f"verdict_{verdict}" for verdict in VERDICTS} <= set(EN)
    assert len({EN[f"verdict_{v}"] for v in VERDICTS}) == len(set(MARKS.values())) == len(VERDICTS)


def test_chinese_words_use_full_width_punctuation_between_chinese() -> None:
    for key, word in ZH.items():
        assert not re.search(r"[\u4e00-\u9fff][,;:?!()]|[,;:?!(][\u4e00-\u9fff]", word), key
    assert isinstance(ast.parse((REPORT / "words_zh.py").read_text(encoding="utf-8")), ast.Module)


@pytest.mark.parametrize(
    ("x", "digits", "sign", "written"),
    [
        (1234567, None, False, "1,234,567"),
        (-1234.5, 1, False, "\u22121,234.5"),
        (16.1, 0, True, "+16"),
        (0, 0, True, "0"),
        (-0.04, 1, True, "0.0"),
        (0.0123, None, False, "0.0123"),
        (12.345, None, False, "12.3"),
        (9.996, None, False, "10.0"),
        (math.nan, None, False, "–"),
        (math.inf, 2, False, "–"),
        (None, None, False, "–"),
        (pd.NA, None, False, "–"),
    ],
)
def test_number(x: object, digits: int | None, sign: bool, written: str) -> None:
    assert words.number(x, "en", digits, sign=sign) == written
    assert words.number(x, "zh", digits, sign=sign) == written


@given(st.floats(-1e12, 1e12), st.integers(0, 6))
def test_number_reads_back(x: float, digits: int) -> None:
    written = words.number(x, "en", digits)
    assert "-" not in written
    assert float(written.replace("\u2212", "-").replace(",", "")) == pytest.approx(round(x, digits), abs=0)


@pytest.mark.parametrize(
    ("error", "places"),
    [(12.3, 0), (9.96, 0), (9.94, 1), (1.23, 1), (0.0123, 3), (0.00995, 3), (250, 0), (0, 1), (math.nan, 1)],
)
def test_an_estimate_bears_the_second_figure_of_its_error(error: float, places: int) -> None:
    assert words.decimals(error) == places


def test_significant_and_interval() -> None:
    assert words.significant(-16.149, 1.23) == "\u221216.1"
    assert words.significant(16.149, 12.3, "zh", sign=True) == "+16"
    assert words.interval(-22.4, 54.2) == "\u221222 to 54"
    assert words.interval(-0.5, 1.25, "zh", 1) == "\u22120.5至1.2"
    assert words.interval(math.nan, 1) == "no interval"


def test_p_value_is_never_zero() -> None:
    assert [words.p_value(p) for p in (0.0, 0.0004, 0.0588, 0.0996, 0.35, 1.0, math.nan)] == [
        "<0.001",
        "<0.001",
        "0.059",
        "0.10",
        "0.35",
        "1.00",
        "–",
    ]


def test_percent_month_date_unit() -> None:
    assert words.percent(-0.246, "en", 1) == "\u221224.6%"
    assert words.percent(math.nan) == "–"
    for month in ("2016-03", pd.Period("2016-03", "M"), pd.Timestamp("2016-03-09")):
        assert words.month(month) == "March 2016"
        assert words.month(month, "zh") == "2016年3月"
    assert words.month("2016-03", short=True) == "Mar 2016"
    assert words.date("2016-11-04") == "4 November 2016"
    assert words.date("2016-11-04", "zh") == "2016年11月4日"
    assert words.unit("ug/m3") == words.unit("µg/m³") == words.unit("μg/m³") == "µg/m³"
    assert words.unit("ug/m3", "zh") == "微克/立方米"
    assert words.unit("furlongs", "zh") == "furlongs"
    assert words.with_unit("16", "days", "zh") == "16天"
    assert words.with_unit("16", "days") == "16\u00a0days"
    assert words.with_unit("5", "percent") == "5%"


def test_unknown_language_and_word() -> None:
    with pytest.raises(ReportError, match="no words for the language 'fr'"):
        words.number(1, "fr")
    with pytest.raises(ReportError, match="no words for 'nonsense'"):
        words.text("nonsense", "en")
    with pytest.raises(ReportError, match="they need the value 'study'"):
        words.text("failure_title", "en")


@pytest.mark.parametrize(
    ("x", "digits", "written"),
    [
        (-1.5e-30, None, "−1.5\u00a0×\u00a010⁻³⁰"),
        (-2.4e-13, 14, "−2.4\u00a0×\u00a010⁻¹³"),
        (0.0, 14, "0.000000000"),
        (0.00123, None, "0.00123"),
    ],
)
def test_a_tiny_number_is_not_written_as_a_row_of_zeros(x: float, digits: int | None, written: str) -> None:
    assert words.number(x, "en", digits) == written
