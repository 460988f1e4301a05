"""The pages on many places: both languages say the same, with the numbers of the data."""

from __future__ import annotations

import string
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from evaluation.report.staggered_story.wording import PACKAGE, bounds, say, size, span, when

from evaluation.analysis import prepare, staggered
from evaluation.errors import ReportError
from evaluation.report import display, staggered_story
from evaluation.report.story.wording import phrases

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "analysis"))
from staggered_project import make

BANNED = ("significant", "显著", "***")
NO_METHODS = ("Poisson", "jackknife", "imputation", "fixed effects", "泊松", "刀切", "插补")
LANGUAGES = ("en", "zh")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.fixture(scope="module")
def rio(root):
    case = prepare("crime_rio", root=root)
    return case, staggered.findings(case)


@pytest.fixture(scope="module")
def castle(root):
    case = prepare("crime_castle", root=root)
    return case, staggered.findings(case)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    path = make(tmp_path_factory.mktemp("project"), simulated=True, truth={"crime": -25.0, "score": 2.0})
    case = prepare(path, root=path.parents[1])
    return case, staggered.findings(case)


@pytest.mark.parametrize("key", sorted(phrases(PACKAGE)))
def test_both_languages_and_values_that_each_key_names(key):
    words = phrases(PACKAGE)[key]
    assert set(words) == {"en", "zh"}
    extra = fields(words["zh"]) ^ fields(words["en"])
    # Chinese has no plural and may leave a value out that English needs
    assert extra <= {"period", "periods", "places", "s", "reason", "unit", "kind"}, extra
    assert not any(word in text for text in words.values() for word in BANNED)


@pytest.mark.parametrize(
    ("language", "parts"),
    [
        (
            "en",
            [
                "19 precincts",
                "49% lower",
                "25% to 65% lower",
                "46 other precincts",
                "38% lower",
                "better than",
            ],
        ),
        ("zh", ["19个", "低49%", "低25%至65%", "46个辖区", "低38%", "优于条件相近的地方"]),
    ],
)
def test_rio_answer(rio, language, parts):
    answer = staggered_story.answer(*rio, language)
    for part in parts:
        assert part in answer.sentence
    assert not any(word.lower() in answer.sentence.lower() for word in NO_METHODS)
    assert [verdict for _, verdict in answer.verdicts] == ["close", "beyond_comparison"]
    drift = {"en": "already moving apart in homicides, vehicle robberies", "zh": "两组走势就已分化"}
    assert drift[language] in answer.detail


def test_castle_answer_says_the_doubt(castle):
    answer = staggered_story.answer(*castle, "en")
    assert "8% higher" in answer.sentence
    assert "5% lower to 24% higher" in answer.sentence
    assert "cannot be told" in answer.sentence
    assert [verdict for _, verdict in answer.verdicts] == ["reproduced", "not_distinguishable"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_simulated_data_say_so_and_decide_nothing(simulated, language):
    case, found = simulated
    answer = staggered_story.answer(case, found, language)
    assert {"en": "In simulated data", "zh": "模拟数据中"}[language] in answer.sentence
    assert [verdict for _, verdict in answer.verdicts] == ["no_data", "not_testable"]
    table = staggered_story.truth_table(case, found, language)
    assert table.simulated
    content = table.content()
    assert len(content["rows"]) == 7 + 6
    assert all(row[2] == ("−25.0" if i < 7 else "+2.0") for i, row in enumerate(content["rows"]))
    for made in every(case, found, language):
        if isinstance(made, display.Table):
            assert made.simulated, made.name


def every(case, found, language):
    """Everything that the notebook shows, in its order."""
    story = staggered_story
    checks = staggered.checks(case, found.paths[case.lead.id])
    made = [
        story.answer(case, found, language),
        story.three_numbers(case, found, language),
        story.years_figure(case, language),
        story.around_figure(case, found, language),
        story.cohort_table(case, language),
        story.end_figure(case, language),
        story.inference_sentence(case, found, language),
        story.outcomes_figure(case, found, language),
        story.family_table(case, found, language),
        story.truth_table(case, found, language),
        *(story.path_figure(case, path, language) for path in found.paths.values()),
        story.drift_table(case, found, language),
        story.estimates_table(case, found, language),
        story.methods_sentence(case, found, language),
        story.comparisons_figure(case, found, language),
        story.comparisons_table(case, found, language),
        story.checks_table(case, checks, language),
        story.bacon_table(case, checks, language),
        story.published_table(case, found, language),
        story.claims_table(case, found, language),
        story.threats(case, language),
        story.settle(case, found, language),
        story.record(case, found, language),
    ]
    return [item for item in made if item is not None]


@pytest.mark.parametrize("which", ["rio", "castle", "simulated"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_part_is_made_with_words_and_numbers(which, language, request):
    case, found = request.getfixturevalue(which)
    parts = every(case, found, language)
    figures = [part for part in parts if isinstance(part, display.Figure)]
    assert len({figure.name for figure in figures}) == len(figures)
    for figure in figures:
        assert any(character.isdigit() for character in figure.title), figure.title
        assert len(figure.alt) > 40
        assert figure.light.startswith(b"\x89PNG")
    for table in (part for part in parts if isinstance(part, display.Table)):
        assert table.content()["rows"], table.name
        assert any(character.isdigit() for character in table.caption) or table.name == "claims"
    text = " ".join(str(part) for part in parts)
    assert not any(word in text for word in BANNED)
    assert "nan" not in text.split()


def test_a_study_without_more_comparisons_or_an_end_leaves_these_out(castle):
    case, found = castle
    assert staggered_story.comparisons_figure(case, found, "en") is None
    assert staggered_story.comparisons_table(case, found, "en") is None
    assert staggered_story.end_figure(case, "en") is None
    assert staggered_story.claims_table(case, found, "en") is None
    assert staggered_story.truth_table(case, found, "en") is None


def test_the_decomposition_shows_the_published_figures(castle):
    case, found = castle
    checks = staggered.checks(case, found.paths[case.lead.id])
    rows = staggered_story.bacon_table(case, checks, "en").content()["rows"]
    assert [row[1:] for row in rows] == [
        ["0.9083", "+0.0880"],
        ["0.0598", "−0.0055"],
        ["0.0319", "+0.0703"],
        ["1.0000", "+0.0818"],
    ]


def test_methods_that_agree_are_said_to(castle):
    text = staggered_story.methods_sentence(*castle, "en").markdown
    assert "the simple regression gives +9%" in text
    assert "give +8% to +12%" in text
    assert "3 of the 6 intervals leave out zero and the others hold it" in text


def test_sizes_in_words(castle, simulated):
    percent, level = castle[0].lead, simulated[0].study.outcome("score")
    assert size(percent, -48.7, "en") == "49% lower"
    assert size(percent, 8.3, "zh") == "高8%"
    assert size(level, 2.04, "en", 1) == "2.0\u00a0points higher"
    assert span(percent, -64.7, -25.4, "en") == "25% to 65% lower"
    assert span(percent, 3, 12, "zh") == "高3%至12%"
    assert span(percent, -5.1, 23.6, "en") == "5% lower to 24% higher"


def test_periods_as_readers_write_them():
    assert when("2008Q4", "en", "Q") == "fourth quarter of 2008"
    assert when("2008Q4", "en", "Q", short=True) == "2008 Q4"
    assert when("2008Q4", "zh", "Q") == "2008年四季度"
    assert when("2016-03", "zh", "M") == "2016年3月"
    assert when("2016", "en", "Y") == "2016"


def test_a_sentence_that_is_not_there_is_a_report_error():
    with pytest.raises(ReportError, match="no sentence"):
        say("answer.nothing", "en")


@pytest.mark.parametrize(("language", "said"), [("en", "no interval"), ("zh", "无区间")])
def test_a_simple_regression_without_an_interval_is_not_judged_by_one(language: str, said: str) -> None:
    outcome = SimpleNamespace(in_percent=True)
    for low, high in ((-np.inf, np.inf), (np.nan, np.nan)):
        assert bounds(outcome, low, high, language) == said


def test_the_page_says_which_treated_places_had_no_event_before(tmp_path):
    def quiet(rows, places):
        town = places.loc[places["first"] != "", "town"].iloc[0]
        start = int(places.loc[places["town"] == town, "first"].iloc[0])
        rows.loc[(rows["town"] == town) & (rows["year"] < start), "crimes"] = 0.0
        return rows, places

    case = prepare(make(tmp_path, quiet), root=tmp_path)
    assert staggered.without_events(case, case.lead) == 1
    found = SimpleNamespace(estimates=staggered.estimates(case))
    for language, said in (
        ("en", "without an event before the start: 1"),
        ("zh", "没有任何事件的受处理地方有1个"),
    ):
        notes = staggered_story.estimates_table(case, found, language).notes
        assert sum(said in note for note in notes) == 1
