"""The bulletin's words: both languages say the same, whoever leads and however little is told."""

from __future__ import annotations

import runpy
import string
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from evaluation import analysis
from evaluation.errors import DesignError, EstimationError, ReportError
from evaluation.inference import RankSets
from evaluation.report import bulletin_story as story
from evaluation.report import figures
from evaluation.report.bulletin_story.wording import STORY, names
from evaluation.report.story.wording import phrases

BANNED = ("significant", "显著", "***")
TINY = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "bulletin_project.py")))


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.fixture(scope="module")
def case(root):
    return analysis.prepare("monthly_bulletin", root=root)


@pytest.fixture(scope="module")
def rankings(case):
    return analysis.all_rankings(case)


@pytest.fixture(scope="module")
def ranking(rankings):
    return rankings["composite", "percent"]


def told(ranking, above):
    """The same ranking with other pairs told apart."""
    above = np.asarray(above, dtype=bool)
    low, high = 1 + above.sum(axis=0), ranking.n - above.sum(axis=1)
    old = ranking.sets
    sets = RankSets(old.values, old.ranks, low, high, above, old.critical, old.level)
    return replace(ranking, sets=sets, table=ranking.table.assign(low=low, high=high))


def none_above(ranking):
    return np.zeros((ranking.n, ranking.n), dtype=bool)


@pytest.mark.parametrize("key", sorted(phrases(STORY)))
def test_both_languages_and_values_that_each_key_names(key):
    words = phrases(STORY)[key]
    assert set(words) == {"en", "zh"}
    # one language may name the places where the other need not
    assert fields(words["zh"]) ^ fields(words["en"]) <= {"part", "city", "cities", "heading"}
    assert not any(word in text for text in words.values() for word in BANNED)


@pytest.mark.parametrize(
    ("language", "parts"),
    [
        (
            "en",
            [
                "In January 2017 Jining’s air improved most",
                "fell by 29%",
                "15 of the 16 other cities may truly",
                "Of the 136 pairs",
                "Jining above Zibo",
                "95% confidence",
            ],
        ),
        ("zh", ["2017年1月，济宁", "下降29%", "还有15市不能排除", "共136对", "济宁优于淄博", "95%置信度"]),
    ],
)
def test_the_answer_says_who_leads_and_how_little_that_is(case, ranking, rankings, language, parts):
    answer = story.answer(case, ranking, rankings["composite", "level"], language)
    for part in parts:
        assert part in answer.sentence
    assert answer.verdicts == ()
    assert "44" in answer.detail
    assert ("Jining" if language == "en" else "济宁") in answer.detail


@pytest.mark.parametrize(
    ("language", "all_may", "none_may", "no_pair"),
    [
        (
            "en",
            "any of the 16 other cities may truly",
            "None of the 16 other",
            "not one can be told",
        ),
        ("zh", "没有一个能排除", "都可以排除是第一", "没有一对分得出先后"),
    ],
)
def test_no_doubt_and_all_doubt(case, ranking, language, all_may, none_may, no_pair):
    nobody = story.answer(case, told(ranking, none_above(ranking)), None, language)
    assert all_may in nobody.sentence
    assert no_pair in nobody.sentence
    above = none_above(ranking)
    above[0, 1:] = True
    clear = story.answer(case, told(ranking, above), None, language)
    assert none_may in clear.sentence
    assert "16" in clear.sentence


@pytest.mark.parametrize(
    ("language", "said"), [("en", "no city’s air improved"), ("zh", "没有一市的空气比上年同月改善")]
)
def test_when_nobody_improved(case, ranking, language, said):
    table = ranking.table.assign(improvement=-0.1, percent=10.5)
    answer = story.answer(case, replace(ranking, table=table), None, language)
    assert said in answer.sentence
    assert ("rose by" if language == "en" else "上升") in answer.sentence


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Jining and Zaozhuang share first place"), ("zh", "济宁、枣庄比上年同月的改善并列第一")],
)
def test_a_shared_first_place(case, ranking, language, said):
    table = ranking.table.copy()
    table.loc[1, "rank"] = 1
    assert said in story.answer(case, replace(ranking, table=table), None, language).sentence


@pytest.mark.parametrize("language", ["en", "zh"])
def test_figures_have_titles_with_numbers_and_words_for_every_city(case, ranking, language):
    made = [
        story.ranks_figure(case, ranking, language),
        story.lines_figure(case, ranking, language),
        story.gap_figure(case, ranking, language),
        story.history_figure(case, analysis.earlier_bulletins(case), language),
    ]
    for figure in made:
        assert any(character.isdigit() for character in figure.title), figure.title
        assert figure.light.startswith(b"\x89PNG")
    for figure in made[:3]:
        for place in case.places:
            assert case.name(place, language) in figure.alt
    assert len({figure.name for figure in made}) == 4


def test_tables_say_what_the_rankings_say(case, ranking, rankings):
    plain = story.plain_table(case, rankings, "en").content()
    assert plain["rows"][0][:4] == ["Jining", "−29", "1", "1–16"]
    assert len(plain["rows"]) == 17
    assert "Told apart, by the leading measure: Jining above Zibo. Every other" in plain["notes"][1]
    measures = story.measures_table(case, rankings, "en").content()
    assert [row[0] for row in measures["rows"]][:2] == ["Composite index", "Good-air days"]
    assert measures["rows"][1][1:3] == ["none", "none"]
    assert measures["rows"][0][1:3] == ["Jining (−29%)", "16 of 17"]
    cities = story.cities_table(case, rankings, "zh").content()
    assert cities["rows"][0][:2] == ["济宁", "1（1～16）"]
    history = story.history_table(case, analysis.earlier_bulletins(case), "en").content()
    assert history["rows"][0][0] == "January 2017"
    assert len(history["rows"]) == 12
    pooled = story.pooled_table(case, analysis.several_months(case), "en").content()
    assert [row[0] for row in pooled["rows"]] == ["1", "3", "6", "12"]


def test_names_are_joined_as_the_language_joins_them(case):
    places = ["济宁", "枣庄", "临沂"]
    assert names(case, places, "en") == "Jining, Zaozhuang and Linyi"
    assert names(case, places, "zh") == "济宁、枣庄、临沂"
    assert names(case, places[:1], "en") == "Jining"
    assert names(case, [], "zh") == ""


def test_a_place_left_out_is_named_and_everything_made_up_is_marked(tmp_path):
    frame = TINY.table()
    gone = (frame["place"] == "Cedar") & (frame["month"] == "2016-12") & (frame["dekad"] == 2)
    TINY.write(tmp_path, frame[~gone])
    case = analysis.prepare("tiny_bulletin", root=tmp_path)
    rankings = analysis.all_rankings(case)
    plain = story.plain_table(case, rankings, "en")
    assert any("Cedar" in note for note in plain.notes)
    assert plain.simulated
    record = story.record(case, rankings["dust", "percent"], "zh")
    assert ("未参加排名", "Cedar") in list(record.items)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_measure_that_few_places_have_is_absent_with_its_reason(tmp_path, language):
    frame = TINY.table()
    gone = frame["place"].isin(["Alder", "Birch", "Cedar"]) & (frame["month"] == "2016-12")
    frame.loc[gone, "dust"] = np.nan
    lead = {"bulletin.measure": "good", "bulletin.scale": "level"}
    TINY.write(tmp_path, frame)
    case = analysis.prepare("tiny_bulletin", lead, tmp_path)
    rankings = analysis.all_rankings(case)
    assert list(rankings) == [("good", "level")]
    dust = {"en": "Dust: no ranking", "zh": "扬尘：两个月记录都完整的镇太少"}[language]
    assert any(note.startswith(dust) for note in story.measures_table(case, rankings, language).notes)
    cities = story.cities_table(case, rankings, language).content()
    assert {row[1] for row in cities["rows"]} == {"none" if language == "en" else "无"}
    with pytest.raises(DesignError, match="places have dust in 2016-12"):
        analysis.month_ranking(case, "dust", "percent")
    # the leading measure itself follows to the last month that it has
    assert str(analysis.prepare("tiny_bulletin", root=tmp_path).month) == "2016-11"


def smooth(correlation: float) -> pd.DataFrame:
    """The made-up table with dust that keeps so much of its difference from other places."""
    frame, rng = TINY.table(), np.random.default_rng(0)
    order = frame.sort_values(["month", "dekad", "place"]).index
    n = len(TINY.PLACES)
    noise = rng.standard_normal((len(frame) // n, n))
    for t in range(1, len(noise)):
        noise[t] = correlation * noise[t - 1] + np.sqrt(1 - correlation**2) * noise[t]
    frame.loc[order, "dust"] = np.exp(4 + 0.2 * noise.ravel())
    return frame


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "the sets are widened for that"), ("zh", "区间已相应放宽")],
)
def test_a_smooth_measure_has_wider_sets_and_its_page_says_so(tmp_path, language, said):
    TINY.write(tmp_path, smooth(0.6))
    case = analysis.prepare("tiny_bulletin", root=tmp_path)
    rankings = analysis.all_rankings(case)
    lead = rankings["dust", "percent"]
    assert lead.autocorrelation.widened
    assert lead.autocorrelation.correlation == pytest.approx(0.6, abs=0.2)
    assert any(said in note for note in story.plain_table(case, rankings, language).notes)
    notes = story.measures_table(case, rankings, language).notes
    assert any("0.25" in note and f"{lead.autocorrelation.correlation:.2f}" in note for note in notes)
    summary = analysis.bulletin_result(case, rankings, ()).content["bulletin"]["rankings"][0]
    assert summary["autocorrelation"]["widened_by"] == pytest.approx(lead.autocorrelation.factor)


@pytest.mark.parametrize(("language", "said"), [("en", "resemble each other too much"), ("zh", "过于相似")])
def test_a_measure_that_is_too_alike_is_not_ranked_and_its_page_says_so(tmp_path, language, said):
    TINY.write(tmp_path, smooth(0.995))
    lead = {"bulletin.measure": "good", "bulletin.scale": "level"}
    case = analysis.prepare("tiny_bulletin", lead, tmp_path)
    rankings = analysis.all_rankings(case)
    assert list(rankings) == [("good", "level")]
    assert any(said in note for note in story.measures_table(case, rankings, language).notes)
    with pytest.raises(EstimationError, match="dust: neighbouring periods correlate"):
        analysis.month_ranking(case, "dust", "percent")


def test_a_rank_outside_its_set_is_a_report_error():
    frame = pd.DataFrame(
        {"label": ["a"], "rank": [3], "low": [1], "high": [2], "text": ["x"], "role": ["treated"]}
    )
    words = {"title": "t", "source": "s", "alt": "a", "language": "en", "name": "n"}
    with pytest.raises(ReportError, match="outside its set"):
        figures.rank_intervals(frame, most=5, x_label="", **words)
    with pytest.raises(ReportError, match="no column role"):
        figures.rank_intervals(frame.drop(columns="role"), most=5, x_label="", **words)
    with pytest.raises(ReportError, match="no line"):
        figures.sparklines(
            pd.DataFrame({"b": [1.0, 2.0]}),
            pd.DataFrame(
                {"place": ["a"], "label": ["a"], "before": ["1"], "after": ["2"], "role": ["treated"]}
            ),
            headings=("x", "y"),
            **words,
        )
