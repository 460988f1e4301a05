"""What a page says of its inference is true of a stranger's data: few places, one place, groups of places."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import prepare, staggered
from evaluation.analysis.staggered import effects
from evaluation.inference import recommend
from evaluation.inference.enough import FEW_CLUSTERS, MANY_CLUSTERS, how_many
from evaluation.report import sections as story

sys.path.insert(0, str(Path(__file__).parent))
from stranger_projects import SHARE, insurance, one_state, stranger

LANGUAGES = ("en", "zh")


def read(path):
    case = prepare(path, root=path.parents[1])
    return case, staggered.findings(case)


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    """51 states in four groups that share shocks: too few for a clustered error, not for an interval."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(effects, "DRAWS", 39)
        patch.setattr(sys.modules["evaluation.analysis.staggered.paths"], "DRAWS", 39)
        yield read(insurance(tmp_path_factory.mktemp("grouped"), treatment__cluster="county"))


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return read(one_state(tmp_path_factory.mktemp("one"), 24))


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return read(one_state(tmp_path_factory.mktemp("few"), 17))


def test_fifty_one_places_have_an_interval_whoever_leads(grouped):
    case, found = grouped
    assert found.choice.kind == "randomization"
    rows = found.estimates.set_index("estimator")
    for name in ("imputation", "two_way", "extended"):
        assert rows.loc[name, "ci_low"] < -2.5 < rows.loc[name, "ci_high"], name
    for language, words in (("en", "so few places"), ("zh", "地区太少")):
        answer = story.answer(case, found)[language]
        assert words not in answer.sentence
        assert "95%" in answer.sentence
    assert set(rows.loc[["group_time", "stacked"], "no_interval"]) == {"not_run"}


def test_the_reason_for_no_interval_is_the_tests_own(few):
    case, found = few
    row = found.estimates[found.estimates["leading"]].iloc[0]
    assert (row["no_interval"], row["n_assignments"]) == ("few_assignments", 18)
    assert "could have been given in 18 ways, which allow no p-value below 0.056" in str(
        story.answer(case, found)["en"].sentence
    )
    assert "18种安置方式" in story.answer(case, found)["zh"].sentence
    title = story.outcomes_figure(case, found)["en"].title
    assert "18 ways" in title
    assert "18 ways" in story.methods_sentence(case, found)["en"].markdown


def test_every_reason_has_its_words_in_both_languages():
    from evaluation.report.sections.base import no_interval
    from evaluation.report.text import Text

    for key in effects.NO_INTERVAL:
        for language in LANGUAGES:
            assert "95%" in no_interval(
                {"no_interval": key, "n_assignments": 18}, Text(language, {"kins": "x"})
            )


@pytest.mark.parametrize("draw", range(3))
def test_with_one_treated_place_drift_is_told_by_placebos_alone(tmp_path, draw):
    case = prepare(one_state(tmp_path, 24, seed=draw), root=tmp_path)
    path = staggered.path(case, case.lead)
    assert path.test is not None
    assert np.isnan(path.frame[["ci_low", "ci_high"]]).all(axis=None)
    assert np.isnan([path.drift_low, path.drift_high]).all()
    panel, design = case.panel(case.lead)
    y = panel.matrix(design.outcome)
    steps = np.arange(-5, 0) + 3.0
    slope = (y - y.mean(axis=0))[:, 9:14] @ steps / (steps**2).sum()
    assert path.drift_p == pytest.approx(np.mean(np.abs(slope) >= abs(slope[0]) * (1 - 1e-9)))
    assert path.drift == pytest.approx(slope[0] * 25 / 24)


def test_the_answer_speaks_of_drift_as_often_as_a_test_at_five_percent_may(tmp_path):
    """One treated state and no drift: clustered errors of the same path told one in most draws."""
    told = 0
    for draw in range(8):
        folder = tmp_path / str(draw)
        case = prepare(one_state(folder, 24, effect=0.0, seed=100 + draw), root=folder)
        told += staggered.path(case, case.lead).drifting
    assert told <= 2  # each with probability 0.04: more in one run of 300


def test_the_band_is_where_the_placebos_are(one):
    case, found = one
    path = found.paths["share"]
    after = path.frame["event_time"] >= 0
    outside = (path.frame["estimate"] < path.frame["placebo_low"])[after].to_numpy()
    assert path.test.placebo.shape == (24, 11)
    reach = path.frame["placebo_high"].to_numpy()
    # 25 assignments: p is at most 0.05 for the farthest alone
    estimate = path.frame["estimate"].to_numpy()
    assert (np.abs(estimate[after]) > reach[after]).tolist() == outside.tolist()
    shown = story.path_figure(case, path)["en"]
    assert f"{outside.sum()} of 6 later years have p at most 0.05 by randomisation" in shown.alt
    assert "interval" not in shown.alt


def test_one_date_of_treatment_has_one_zero_for_path_and_effect(one):
    case, found = one
    path = found.paths["share"]
    assert path.base == "all"
    panel, design = case.panel(case.lead)
    y = panel.matrix(design.outcome)
    gap = y[0] - y[1:].mean(axis=0)
    after = path.frame.set_index("event_time")["estimate"]
    assert after[0] == pytest.approx(gap[14] - gap[:14].mean())
    assert "as for the effect above" in story.path_figure(case, path)["en"].alt


def test_several_dates_say_in_words_that_the_zeros_differ(grouped):
    case, found = grouped
    path = found.paths["share"]
    assert path.base == "window"
    assert (
        "mean of the 5 years shown before the start; the effects above"
        in story.path_figure(case, path)["en"].alt
    )


def test_checks_use_the_placebos_or_are_left_out(one, few):
    case, found = one
    checks = staggered.checks(case, found.paths["share"])
    assert checks["pretrends"].p_value > 0.05
    assert "singular" not in checks["pretrends"].text["en"]
    case, found = few
    checks = staggered.checks(case, found.paths["share"])
    assert "18 assignments" in checks["pretrends"].text["en"]
    assert not {"smoothness", "relative_magnitudes"} & set(checks)


def test_the_two_tests_before_the_start_say_what_each_asks(one):
    case, found = one
    table = story.drift_table(case, found)["en"]
    assert any("the answer rests on" in note for note in table.notes)
    checks = staggered.checks(case, found.paths["share"])
    asked = story.checks_table(case, checks)["en"].frame.iloc[:, 0]
    assert any("the steady drift is in the table above" in question for question in asked)


def test_worse_is_counted_where_it_is_said(tmp_path):
    lower = {**SHARE, "better": "lower"}
    case, found = read(one_state(tmp_path, 24, effect=3.0, outcomes=[lower]))
    table = story.family_table(case, found)["en"]
    assert table.frame.iloc[0, -1] == "worse"
    assert "by the rule, worse than the comparison" in table.caption


def test_each_outcome_is_captioned_with_its_own_places(tmp_path):
    """The second outcome was never observed in ten of the states."""

    def change(rows, places):
        rows.loc[rows["town"] >= "s025", "other"] = np.nan
        return rows, places

    other = {**SHARE, "id": "other", "column": "other", "label": {"en": "Other", "zh": "其他"}}
    first = [*[2014] * 8, *[None] * 27]
    path = stranger(
        tmp_path,
        first,
        range(2008, 2020),
        effect=-2.0,
        change=change,
        outcomes=[SHARE, other],
        rule__outcomes=["share", "other"],
    )
    case, found = read(path)
    table = story.estimates_table(case, found)["en"]
    assert "17 to 27 other states" in table.notes[0]
    assert [name.rpartition("beside ")[2] for name in table.frame.iloc[:, 0]] == ["27", "17"]
    assert any("17 to 27 other states" in name for name in story.family_table(case, found)["en"].frame)
    assert "17 other states" in story.path_figure(case, found.paths["other"])["en"].alt


def test_one_rule_says_when_clusters_are_few():
    assert how_many(FEW_CLUSTERS - 1, 100) == how_many(100, FEW_CLUSTERS - 1) == "few"
    assert how_many(FEW_CLUSTERS, 100) == how_many(MANY_CLUSTERS - 1, 100) == "some"
    assert how_many(MANY_CLUSTERS, MANY_CLUSTERS) == how_many(MANY_CLUSTERS, 0) == "many"


@pytest.mark.parametrize(("treated", "others"), [(5, 20), (6, 20), (20, 5), (20, 6)])
def test_the_page_and_the_recommendation_agree_when_places_are_few(tmp_path, treated, others):
    case = prepare(
        stranger(
            tmp_path,
            [2014] * treated + [None] * others,
            range(2008, 2020),
            effect=0.0,
            estimator="imputation",
        ),
        root=tmp_path,
    )
    few = recommend(*case.panel(case.lead), draws=0).advice("wild_unrestricted").key == "few"
    assert (staggered.choose(case, case.lead).kind == "randomization") == few


def test_no_effect_is_said_to_be_invisible_that_the_page_has_found(one, few):
    assert "however large" not in story.settle(*one)["en"].markdown
    assert "not computed" in story.settle(*one)["en"].markdown
    assert "no effect, however large" in story.settle(*few)["en"].markdown


def test_methods_that_disagree_on_zero_are_not_said_to_agree(few):
    case, found = few
    table = found.estimates.copy()
    table.loc[:, ["ci_low", "ci_high"]] = [-4.0, 0.5]
    table.loc[table["estimator"] == "group_time", "ci_high"] = -0.5
    text = story.methods_sentence(case, replace(found, estimates=table))["en"].markdown
    assert "1 of the 8 intervals leave out zero" in text


def test_methods_of_inference_are_captioned_with_the_pool_they_were_computed_with(root):
    from evaluation.report.sections import one_place

    case = prepare("pollution_enforcement", {"rule.pool": "province"}, root=root)
    row = {"pool": "nationwide", "method": "m", "holds": True, "p_value": 0.5}
    row |= dict.fromkeys(("name_en", "name_zh", "reason_en", "reason_zh"), "m")
    table = one_place.inference_table(case, pd.DataFrame([row]))["en"]
    assert f"{len(case.donors('nationwide')) + 1}" in table.caption
    assert case.label("nationwide", "en") in str(table.notes)


def test_three_hundred_places_have_the_usual_error(tmp_path):
    first = [2012 + i % 4 if i < 120 else None for i in range(300)]
    case, found = read(stranger(tmp_path, first, range(2005, 2019), effect=-2.0))
    assert found.choice.kind == "clustered"
    assert found.paths["share"].test is None
    row = found.estimates[found.estimates["leading"]].iloc[0]
    assert row["ci_low"] < -2.0 < row["ci_high"]
    assert "120 groups with a treated place and 180" in story.inference_sentence(case, found)["en"].markdown
