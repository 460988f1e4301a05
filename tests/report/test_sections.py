"""The pages on many places: both languages say the same, with the numbers of the data."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import meta

from evaluation.analysis import prepare, staggered
from evaluation.errors import ReportError
from evaluation.report import display, sections
from evaluation.report.sections.base import Effect
from evaluation.report.text import Text, environment, labels, period

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "analysis"))
from staggered_project import make

BANNED = ("significant", "显著", "***")
NO_METHODS = ("Poisson", "jackknife", "imputation", "fixed effects", "泊松", "刀切", "插补")
LANGUAGES = ("en", "zh")
FREE = {
    *("place", "places", "kin", "kins", "measured", "counted", "period", "periods", "count", "units", "own"),
    *("city", "cities", "heading"),
    *(
        "treated",
        "names",
        "clusters",
        "later",
        "later_spell",
        "spell",
        "span",
        "alone",
        "exposure",
        "cluster",
    ),
    *("one", "named", "simulated", "single", "word", "together", "same", "agree", "better", "against"),
    *("city", "cities", "heading", "versus", "synthetic", "later", "kin", "measured"),
}
"""Values that one language may name and the other not: a word of the study, or one and many."""


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


@pytest.mark.parametrize("section", environment("en").list_templates())
def test_a_section_has_the_same_sentences_in_both_languages(section):
    made = {language: environment(language) for language in LANGUAGES}
    source = {one: env.loader.get_source(env, section)[0] for one, env in made.items()}
    assert set(made["en"].get_template(section).blocks) == set(made["zh"].get_template(section).blocks)
    named = {one: meta.find_undeclared_variables(env.parse(source[one])) for one, env in made.items()}
    # one language may need a word of the study, or one and many, where the other does not
    assert named["en"] ^ named["zh"] <= FREE, (named["en"] ^ named["zh"]) - FREE
    assert not any(word in text for text in source.values() for word in BANNED)


@pytest.mark.parametrize("folder", ["", "bulletin", "comparison", "ledger", "one_place", "simulated"])
def test_labels_have_both_languages_and_no_values(folder):
    assert set(labels("en", folder)) == set(labels("zh", folder))
    for language in LANGUAGES:
        for key, label in labels(language, folder).items():
            assert label, key
            assert "{" not in label, key
            assert not any(word in label for word in BANNED)


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
    answer = sections.answer(*rio)[language]
    for part in parts:
        assert part in answer.sentence
    assert not any(word.lower() in answer.sentence.lower() for word in NO_METHODS)
    assert [verdict for _, verdict in answer.verdicts] == ["close", "beyond_comparison"]
    drift = {"en": "already moving apart in homicides, vehicle robberies", "zh": "两组走势就已分化"}
    assert drift[language] in answer.detail


def test_castle_answer_says_the_doubt(castle):
    answer = sections.answer(*castle)["en"]
    assert "8% higher" in answer.sentence
    assert "5% lower to 24% higher" in answer.sentence
    assert "cannot be told" in answer.sentence
    assert [verdict for _, verdict in answer.verdicts] == ["reproduced", "not_distinguishable"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_simulated_data_say_so_and_decide_nothing(simulated, language):
    case, found = simulated
    answer = sections.answer(case, found)[language]
    assert {"en": "In simulated data", "zh": "模拟数据中"}[language] in answer.sentence
    assert [verdict for _, verdict in answer.verdicts] == ["no_data", "not_testable"]
    table = sections.truth_table(case, found)[language]
    assert table.simulated
    content = table.content()
    assert len(content["rows"]) == 7 + 6
    assert all(row[2] == ("−25.0" if i < 7 else "+2.0") for i, row in enumerate(content["rows"]))
    for made in every(case, found, language):
        if isinstance(made, display.Table):
            assert made.simulated, made.name


def every(case, found, language):
    """Everything that the notebook shows, in its order."""
    story = sections
    yearly, cohorts = staggered.yearly(case, case.lead), staggered.cohorts(case, case.lead)
    checks = staggered.checks(case, found.paths[case.lead.id])
    made = [
        story.answer(case, found),
        story.three_numbers(case, found),
        story.years_figure(case, yearly),
        story.event_time_figure(case, found.event_time_means),
        story.cohort_table(case, cohorts),
        story.end_figure(case),
        story.inference_sentence(case, found),
        story.outcomes_figure(case, found),
        story.family_table(case, found),
        story.truth_table(case, found),
        *(story.path_figure(case, path) for path in found.paths.values()),
        story.drift_table(case, found),
        story.estimates_table(case, found),
        story.methods_sentence(case, found),
        story.comparisons_figure(case, found),
        story.comparisons_table(case, found),
        story.checks_table(case, checks, found),
        story.bacon_table(case, checks),
        story.published_table(case, found),
        story.claims_table(case, found),
        story.threats(case),
        story.settle(case, found),
        story.record(case),
    ]
    return [item[language] for item in made if item is not None]


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
    assert sections.comparisons_figure(case, found) is None
    assert sections.comparisons_table(case, found) is None
    assert sections.end_figure(case) is None
    assert sections.claims_table(case, found) is None
    assert sections.truth_table(case, found) is None


def test_the_decomposition_shows_the_published_figures(castle):
    case, found = castle
    checks = staggered.checks(case, found.paths[case.lead.id])
    rows = sections.bacon_table(case, checks)["en"].content()["rows"]
    assert [row[1:] for row in rows] == [
        ["0.9083", "+0.0880"],
        ["0.0598", "−0.0055"],
        ["0.0319", "+0.0703"],
        ["1.0000", "+0.0818"],
    ]


def test_methods_that_agree_are_said_to(castle):
    text = sections.methods_sentence(*castle)["en"].markdown
    assert "the simple regression gives +9%" in text
    assert "give +8% to +12%" in text
    assert "3 of the 6 intervals leave out zero and the others hold it" in text


def test_sizes_in_words(castle, simulated):
    percent, level = castle[0].lead, simulated[0].study.outcome("score")
    en, zh = Text("en"), Text("zh")
    assert Effect(percent, -48.7, -64.7, -25.4).size(en) == "49% lower"
    assert Effect(percent, 8.3, -5.1, 23.6).size(zh) == "高8%"
    assert Effect(level, 2.04, -1.0, 3.9).size(en) == "2.0\u00a0points higher"
    assert Effect(percent, -48.7, -64.7, -25.4).span(en) == "25% to 65% lower"
    assert Effect(percent, 8.0, 3.0, 12.0).span(zh) == "高3%至12%"
    assert Effect(percent, 8.3, -5.1, 23.6).span(en) == "5% lower to 24% higher"


def test_periods_as_readers_write_them():
    assert period("2008Q4", "en", "Q") == "fourth quarter of 2008"
    assert period("2008Q4", "en", "Q", short=True) == "2008 Q4"
    assert period("2008Q4", "zh", "Q") == "2008年四季度"
    assert period("2016-03", "zh", "M") == "2016年3月"
    assert period("2016", "en", "Y") == "2016"
    assert period("2021-01-04/2021-01-10", "en", "W") == "week 1 of 2021"
    assert period("2021-01-04", "zh", "D") == "2021年1月4日"


def test_a_sentence_that_is_not_there_or_lacks_a_value_is_a_report_error():
    for key in ("answer.nothing", "nothing.full", "answer.full"):
        with pytest.raises(ReportError, match="sentence"):
            Text("en")(key)


@pytest.mark.parametrize(("language", "said"), [("en", "no interval"), ("zh", "无区间")])
def test_an_effect_without_an_interval_is_not_said_with_one(castle, language: str, said: str) -> None:
    for low, high in ((float("-inf"), float("inf")), (float("nan"), float("nan"))):
        assert Effect(castle[0].lead, 1.0, low, high).bounds(Text(language)) == said


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
        notes = sections.estimates_table(case, found)[language].notes
        assert sum(said in note for note in notes) == 1
