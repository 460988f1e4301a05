"""The page's own sentences: both languages say the same, with the numbers of the data."""

from __future__ import annotations

import string

import pytest

from evaluation import analysis
from evaluation.errors import ReportError
from evaluation.report import story
from evaluation.report.display import Prose
from evaluation.report.story.wording import level_in_words, phrases, say

STUDY = "pollution_enforcement"
BANNED = ("significant", "显著", "***")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.fixture(scope="module")
def case(root):
    return analysis.prepare(STUDY, root=root)


@pytest.fixture(scope="module")
def head(case):
    return analysis.headline(case)


@pytest.mark.parametrize("key", sorted(phrases()))
def test_both_languages_and_values_that_each_key_names(key):
    words = phrases()[key]
    assert set(words) == {"en", "zh"}
    # a language may leave a value out that the other needs, never name one that is not given to both
    extra = fields(words["zh"]) ^ fields(words["en"])
    assert extra <= {"place", "count"}, extra
    assert not any(word in text for text in words.values() for word in BANNED)


def test_a_sentence_that_is_not_there_is_a_report_error():
    with pytest.raises(ReportError, match="no sentence"):
        say("answer.none", "en")
    with pytest.raises(ReportError, match="needs the value"):
        say("change.sentence", "en", before=2014)


@pytest.mark.parametrize(
    ("language", "parts"),
    [
        ("en", ["67", "they rose by 51", "16", "8 of the 16 others", "cannot be told"]),
        ("zh", ["淄博优良天数增加67天", "平均增加51天", "相差16天", "有8市", "不能断定淄博的改善"]),
    ],
)
def test_the_answer_says_change_comparison_and_doubt(case, head, language, parts):
    answer = story.answer(case, head, analysis.check_claims(case), language)
    for part in parts:
        assert part in answer.sentence
    assert [verdict for _, verdict in answer.verdicts] == ["close", "not_distinguishable"]
    assert "187" in answer.detail


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_has_a_title_with_numbers_and_alt_text(case, head, language):
    checks, estimates = analysis.check_claims(case), analysis.specifications(case)
    figures = [
        story.three_numbers(case, head, checks, language),
        story.years_figure(case, head, "province", language),
        story.placebo_figure(case, head, "nationwide", language),
        story.estimates_figure(case, estimates, "2015-01", language),
        story.path_figure(case, analysis.event_path(case, "good_days", "2015-01", "nationwide"), language),
    ]
    for figure in figures:
        assert any(character.isdigit() for character in figure.title), figure.title
        assert len(figure.alt) > 40
        assert figure.light.startswith(b"\x89PNG")
    assert len({figure.name for figure in figures}) == len(figures)


def test_levels_are_never_rounded_up():
    assert level_in_words(1 - 1 / 17) == "94%"
    assert level_in_words(0.95) == "95%"


def test_the_smallest_effect_is_said_for_each_pool(case, head):
    text = story.settle(case, head, "en").markdown
    assert "no gap, however large, gives a p-value below 0.059" in text
    needed = head.tests["nationwide"].critical_value(0.05)
    assert f"{needed:.0f}" in text


@pytest.mark.parametrize(
    ("language", "said"), [("en", "none of these estimates has a 95% interval"), ("zh", "不存在95%区间")]
)
def test_a_pool_too_small_for_intervals_is_said_instead_of_drawn(root, language, said):
    few = analysis.prepare(STUDY, {"rule.pool": "province"}, root)
    frame = analysis.specifications(few)
    shown = story.estimates_figure(few, frame, "2015-01", language)
    assert isinstance(shown, Prose)
    assert said in shown.markdown


def test_a_sensitivity_without_a_number_is_said_instead_of_drawn(root):
    few = analysis.prepare(STUDY, {"rule.pool": "province"}, root)
    shown = story.sensitivity_figure(few, analysis.diagnose(few)["relative_magnitudes"], "en")
    assert isinstance(shown, Prose)
    assert "singular covariance" in shown.markdown
