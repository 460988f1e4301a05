"""The page's own sentences: both languages say the same, with the numbers of the data."""

from __future__ import annotations

import pytest

from evaluation import analysis
from evaluation.report.display import Prose
from evaluation.report.sections import one_place as story
from evaluation.report.sections.one_place.wording import level_in_words

STUDY = "pollution_enforcement"


@pytest.fixture(scope="module")
def case(root):
    return analysis.prepare(STUDY, root=root)


@pytest.fixture(scope="module")
def head(case):
    return analysis.headline(case)


@pytest.mark.parametrize(
    ("language", "parts"),
    [
        ("en", ["67", "they rose by 51", "16", "8 of the 16 others", "cannot be told"]),
        ("zh", ["淄博优良天数增加67天", "平均增加51天", "相差16天", "有8市", "不能断定淄博的改善"]),
    ],
)
def test_the_answer_says_change_comparison_and_doubt(case, head, language, parts):
    answer = story.answer(case, head, analysis.check_claims(case))[language]
    for part in parts:
        assert part in answer.sentence
    assert [verdict for _, verdict in answer.verdicts] == ["close", "not_distinguishable"]
    assert "187" in answer.detail


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_has_a_title_with_numbers_and_alt_text(case, head, language):
    checks, estimates = analysis.check_claims(case), analysis.specifications(case)
    figures = [
        story.three_numbers(case, head, checks)[language],
        story.years_figure(case, head, "province")[language],
        story.placebo_figure(case, head, "nationwide")[language],
        story.estimates_figure(case, estimates, "2015-01")[language],
        story.path_figure(case, analysis.event_path(case, "good_days", "2015-01", "nationwide"))[language],
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
    text = story.settle(case, head)["en"].markdown
    assert "no gap, however large, gives a p-value below 0.059" in text
    needed = head.tests["nationwide"].critical_value(0.05)
    assert f"{needed:.0f}" in text


@pytest.mark.parametrize(
    ("language", "said"), [("en", "none of these estimates has a 95% interval"), ("zh", "不存在95%区间")]
)
def test_a_pool_too_small_for_intervals_is_said_instead_of_drawn(root, language, said):
    few = analysis.prepare(STUDY, {"rule.pool": "province"}, root)
    frame = analysis.specifications(few)
    shown = story.estimates_figure(few, frame, "2015-01")[language]
    assert isinstance(shown, Prose)
    assert said in shown.markdown


def test_a_sensitivity_without_a_number_is_said_instead_of_drawn(root):
    few = analysis.prepare(STUDY, {"rule.pool": "province"}, root)
    shown = story.sensitivity_figure(few, analysis.diagnose(few)["relative_magnitudes"])["en"]
    assert isinstance(shown, Prose)
    assert "singular covariance" in shown.markdown
