"""Tables, answers, records and prose as a notebook shows them."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import ReportError
from evaluation.report.display import (
    ANSWER,
    FIGURE,
    RECORD,
    TABLE,
    Answer,
    Figure,
    Prose,
    Record,
    Table,
    slug,
    to_csv,
)
from evaluation.report.languages import IN_LANGUAGES, in_languages


@in_languages
def _told(shown: dict[str, object], language: str) -> object:
    """What a page's function may return: a block, a list of blocks, or nothing."""
    return shown.get(language)


def test_a_function_that_writes_in_a_language_shows_all_without_one() -> None:
    words = {"en": Prose("the words"), "zh": Prose("文字")}
    assert _told(words, "zh") == Prose("文字")
    data, _ = _told(words)._repr_mimebundle_()
    assert data["text/markdown"] == "the words"  # what JupyterLab shows
    assert data[IN_LANGUAGES]["zh"]["text/markdown"] == "文字"
    first, second = _told({language: [prose, None] for language, prose in words.items()})
    assert (first["zh"], second) == (Prose("文字"), None)
    assert _told({}) is None
    with pytest.raises(ReportError, match="do not show the same"):
        _told({"en": Prose("only here")})


def test_table_escapes_in_jupyter_and_keeps_plain_text_for_the_page(sample: SimpleNamespace) -> None:
    table = sample.tables("en")[0]
    data, _ = table._repr_mimebundle_()
    assert "<script>" not in data["text/html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in data["text/html"]
    assert data[TABLE]["rows"][0][0] == sample.HOSTILE


def test_numbers_of_a_column_share_their_decimals(sample: SimpleNamespace) -> None:
    rows = sample.tables("en")[0].content()["rows"]
    assert [row[2] for row in rows] == ["\u22120.5", "12.2", "67.0", "1,234,567.9", "–", "3.1"]
    assert [row[1] for row in rows] == ["119", "136", "186", "1,203", "–", "\u22125"]


def test_formats_align_index_and_months() -> None:
    frame = pd.DataFrame(
        {
            "share": [0.125, -0.5],
            "word": ["a", "b"],
            "flag": [True, False],
            "when": pd.period_range("2016-03", periods=2, freq="M"),
        },
        index=pd.Index(["x", "y"], name="place"),
    )
    content = Table(
        frame,
        caption="c",
        name="A name/with <odd> signs",
        formats={"share": ".2f", "word": str.upper},
        align={"word": "center"},
        language="zh",
        notes="one",
    ).content()
    assert [column["label"] for column in content["columns"]] == ["place", "share", "word", "flag", "when"]
    assert [column["align"] for column in content["columns"]] == ["left", "right", "center", "left", "left"]
    assert content["rows"][1] == ["y", "\u22120.50", "B", "False", "2016年4月"]
    assert content["name"] == "a-name-with-odd-signs"
    assert content["notes"] == ["one"]


def test_formats_of_no_column_and_no_caption() -> None:
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(ReportError, match="columns it does not have"):
        Table(frame, caption="c", name="n", formats={"b": ".1f"})
    with pytest.raises(ReportError, match="no caption"):
        Table(frame, caption=" ", name="n")


@pytest.mark.parametrize("cell", ["=1+1", "+cmd()", "-cmd()", "@x", "\tx", "\r=x", "\n=x"])
def test_csv_runs_nothing(cell: str) -> None:
    out = to_csv(pd.DataFrame({cell: [cell]}))
    rows = list(csv.reader(io.StringIO(out, newline="")))
    assert rows == [["'" + cell], ["'" + cell]]


@pytest.mark.parametrize("cell", ["-5", "+3.2", "-1,234.5", "-2e-3", "-12%", "plain", 'a,b"c\nd', ""])
def test_csv_keeps_numbers_and_text(cell: str) -> None:
    out = to_csv(pd.DataFrame({"x": [cell], "y": [1]}))
    assert list(csv.reader(io.StringIO(out, newline="")))[1] == [cell, "1"]


def test_csv_holds_values_as_they_are_and_nothing_for_missing() -> None:
    out = to_csv(pd.DataFrame({"x": [1.23456789, np.nan, -0.1], "n": pd.array([1, None, 3], dtype="Int64")}))
    assert out.splitlines() == ["x,n", "1.23456789,1", ",", "-0.1,3"]


def test_figure_carries_its_words_and_one_picture(sample: SimpleNamespace) -> None:
    figure = sample.drawings("zh")[1]
    data, metadata = figure._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == figure.alt == data[FIGURE]["alt"]
    assert data["image/png"] == data[FIGURE]["shared"]
    assert data[FIGURE]["csv"].startswith("period,济南,青岛,淄博")
    with pytest.raises(ReportError, match="no alternative text"):
        Figure(light=figure.light, alt=" ", title="t", name="n")


def test_answer_record_prose() -> None:
    answer = Answer("<b>Yes</b>", [("claim", "close")], "detail", "zh")
    data, _ = answer._repr_mimebundle_()
    assert "&lt;b&gt;Yes" in data["text/html"]
    assert "大致相符" in data["text/html"]
    assert data[ANSWER]["verdicts"] == [{"label": "claim", "verdict": "close"}]
    with pytest.raises(ReportError, match="no verdict 'perhaps'"):
        Answer("Yes", [("claim", "perhaps")])
    with pytest.raises(ReportError, match="no sentence"):
        Answer(" ")
    data, _ = Record([("a", 1), ("<i>", "<u>")])._repr_mimebundle_()
    assert data[RECORD]["items"] == [["a", "1"], ["<i>", "<u>"]]
    assert "<u>" not in data["text/html"]
    assert Prose("# x")._repr_mimebundle_()[0]["text/markdown"] == "# x"


def test_slug() -> None:
    assert slug("What could be wrong?") == "what-could-be-wrong"
    assert slug("可能的 偏差！") == "可能的-偏差"
    assert slug("../../<x>") == "x"
    assert slug("?!") == "item"
