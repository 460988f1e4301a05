"""The page that sets variants beside each other: counts are computed, nothing hostile gets through."""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from math import nan
from pathlib import Path
from types import SimpleNamespace

import pytest

from evaluation.report.check import problems
from evaluation.report.comparison_story import Cell, Measure, Number, finding, render_comparison
from evaluation.report.comparison_story.sentences import answer
from evaluation.report.comparison_story.wording import PACKAGE
from evaluation.report.story.wording import phrases

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("compared.py"))))
LANGUAGES = ("en", "zh")


def test_the_title_counts_intervals_and_failures() -> None:
    page = made.comparison()
    assert finding(page, "en") == (
        "Killings: in 3 of 4 variants the interval excludes no change; 1 more could not be made"
    )
    assert finding(page, "zh") == "击毙人数：4个变体中有3个的区间排除“无变化”；另有1个未能生成"


@pytest.mark.parametrize(
    ("estimates", "said"),
    [
        ((-9.0, 8.0), "in each of 2 variants the interval excludes no change"),
        ((-1.0, 2.0), "in none of 2 variants does the interval exclude no change"),
        ((-9.0,), "in the one variant the interval excludes no change"),
        ((1.0,), "in the one variant the interval includes no change"),
    ],
)
def test_the_title_follows_the_numbers(estimates: tuple[float, ...], said: str) -> None:
    cells = tuple(Cell({"seed": str(i)}, made.numbers(x)) for i, x in enumerate(estimates))
    page = made.comparison(keys=("seed",), cells=cells)
    assert finding(page, "en") == f"Killings: {said}"


def test_an_interval_that_touches_no_change_includes_it() -> None:
    assert Number(5.0, 0.0, 10.0).side == 0
    assert Number(5.0, 0.1, 10.0).side == 1
    assert Number(-5.0, -9.0, -1.0).side == -1
    assert Number(5.0, nan, 10.0).side == 0


def test_the_answer_says_how_many_agree_by_verdict() -> None:
    story, detail = answer(made.comparison(), "en")
    assert "Estimates run from −14.0% to −3.0%" in story
    assert "the study as declared has −13.0% (95% interval: −18.0 to −8.0)" in story
    assert "By the study's rule that is “beyond the comparison group”; in 2 of 4 variants" in story
    assert "To pick the variant one likes best after seeing them all is no evidence." in detail


def test_without_verdicts_they_agree_by_the_side_of_the_interval() -> None:
    cells = tuple(
        Cell({"seed": str(i)}, {"killing": made.number(x, verdict="")}) for i, x in enumerate((-9, -1, 9))
    )
    declared = Cell({}, {"killing": made.number(-13.0, verdict="not_testable")}, declared=True)
    story, _ = answer(made.comparison(keys=("seed",), cells=cells, declared=declared), "en")
    assert "In 1 of 3 variants the interval lies as it does there" in story


def test_without_intervals_no_count_is_made() -> None:
    cells = tuple(Cell({"seed": str(i)}, {"killing": Number(x)}) for i, x in enumerate((-2.0, 1.0)))
    declared = Cell({}, {"killing": Number(-1.0)}, declared=True)
    page = made.comparison(keys=("seed",), cells=cells, declared=declared)
    assert finding(page, "en") == "Killings: 2 variants give from −2.0% to +1.0%, and no interval can be had"
    assert "In 1 of 2 variants the sign is the same" in answer(page, "en")[0]
    for language in LANGUAGES:
        assert problems(render_comparison(page, language)) == []


def test_a_declared_study_that_failed_is_no_yardstick() -> None:
    page = made.comparison(declared=Cell({}, declared=True, reason="DataError: gone `x`"))
    assert "nothing to compare the variants with" in answer(page, "en")[0]
    assert "DataError: gone x" in render_comparison(page, "en")


@pytest.mark.parametrize(
    ("language", "said"), [("en", "cannot be tested as an effect"), ("zh", "不能当作效果来检验")]
)
def test_a_gap_that_the_rule_does_not_test_is_not_left_to_stand_alone(language: str, said: str) -> None:
    untested = Cell({}, made.numbers(-13.0, "not_testable"), declared=True)
    assert said in answer(made.comparison(declared=untested), language)[1]
    assert said not in answer(made.comparison(), language)[1]


def test_kinds_without_a_number_show_their_answers() -> None:
    answers = [{"en": f"Answer {i}.", "zh": f"答案{i}。"} for i in (0, 0, 1)]
    declared = Cell({}, answer=answers[0], declared=True)
    cells = tuple(Cell({"seed": str(i)}, answer=text) for i, text in enumerate(answers[1:]))
    page = made.comparison(keys=("seed",), cells=cells, declared=declared, measures=())
    assert finding(page, "en") == "1 of 2 variants give the answer of the study as declared, word for word"
    html = render_comparison(page, "en")
    assert "Answer 1." in html
    assert "is a count, not a vote" in html
    assert "a count of intervals" not in html
    verdicts = {"a": "not_distinguishable", "reproduced:a": "close"}
    other = {**verdicts, "a": "beyond_comparison"}
    judged = replace(
        page,
        declared=replace(declared, claims=verdicts),
        cells=tuple(replace(c, claims=v) for c, v in zip(cells, (verdicts, other), strict=True)),
    )
    assert finding(judged, "en") == "1 of 2 variants give the verdicts of the study as declared"
    assert "1 of 2" in render_comparison(judged, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_safe_and_the_same_every_time(language: str) -> None:
    page = made.comparison()
    html = render_comparison(page, language)
    assert problems(html) == []
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<em>stars</em>" not in html
    assert html == render_comparison(page, language)
    assert len(html) < 500_000
    other = "zh" if language == "en" else "en"
    assert f'href="{other}.html"' in html
    assert html.count(f'href="../../{language}/sample.html"') == 5
    assert 'href="../../failures/other.html"' in html
    assert re.search(r'alt="[^"]+"', html)
    assert 'download="all-variants.csv"' in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_simulated_data_are_marked_everywhere(language: str) -> None:
    data = [{"name": "levels", "sha256": "a" * 64, "simulated": True}]
    page = made.comparison(simulated=True, provenance={"command": "x", "data": data})
    mark = {"en": "SIMULATED", "zh": "模拟数据"}[language]
    html = render_comparison(page, language)
    assert html.count(f'<strong class="simulated">{mark}</strong>') >= 5  # notice, three tables, the data
    assert finding(page, language).startswith({"en": "Simulated data. ", "zh": "模拟数据："}[language])
    assert answer(page, language)[0].startswith({"en": "In simulated data: ", "zh": "模拟数据中："}[language])


def test_many_variants_are_drawn_as_a_curve() -> None:
    keys = ("design.window", "seed")
    cells = tuple(
        Cell({"design.window": str(w), "seed": str(s)}, {"killing": made.number(w - 3.0 * s)})
        for w in range(8)
        for s in range(5)
    )
    html = render_comparison(made.comparison(keys=keys, cells=cells), "en")
    assert problems(html) == []
    assert "and 29 more" in html
    assert len(html) < 500_000


def test_both_languages_say_the_same_with_the_same_values() -> None:
    for key, words in phrases(PACKAGE).items():
        names = [set(re.findall(r"\{(\w+)\}", words[language])) for language in LANGUAGES]
        assert set(words) == set(LANGUAGES), key
        assert names[0] == names[1], key


def test_a_measure_without_a_unit_needs_none() -> None:
    measure = Measure("killing", {"en": "Level", "zh": "水平"}, {"en": "", "zh": ""})
    page = made.comparison(measures=(measure,))
    assert finding(page, "en").startswith("Level: in 3 of 4")
    assert problems(render_comparison(page, "zh")) == []
