"""The two studies of approval time on the committed tables: the numbers and verdicts of their pages."""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from evaluation.analysis import prepare, staggered
from evaluation.analysis.approvals import item_mix, open_cases, passed_over
from evaluation.errors import DataError, StudyError
from evaluation.report import sections as story
from evaluation.report.display import Figure, Prose, Table
from evaluation.report.sections import approvals as approval_story


@pytest.fixture(scope="module")
def business(root):
    return prepare("approval_doing_business", root=root)


@pytest.fixture(scope="module")
def huantai(root):
    return prepare("approval_huantai", root=root)


@pytest.fixture(scope="module")
def found(huantai):
    return staggered.findings(huantai)


def test_doing_business_meets_the_trial_run(business):
    """Two-way numbers known before the project began, from an independent computation."""
    for name, expected in (("permit", -0.310), ("start", -0.570), ("property", -0.521)):
        asked = staggered.methods.ask(business, business.study.outcome(name), "two_way")
        assert asked.fit().estimate == pytest.approx(expected, abs=0.0006), name


def test_group_time_effects_are_near_those_of_the_trial_run(business):
    for name, expected in (("permit", -0.336), ("start", -0.694), ("property", -0.646)):
        asked = staggered.methods.ask(business, business.study.outcome(name), "group_time")
        assert asked.fit().estimate == pytest.approx(expected, abs=0.03), name


def test_the_gap_grows_with_the_fall_that_is_asked_for(business):
    """The record of reforms is made from the outcome: this is what gives it away."""
    lead = business.lead
    found = [
        staggered.methods.ask(business, lead, "imputation", dates=dates).fit().estimate
        for dates in (None, "fall_5", "fall_10", "fall_20", "fall_30")
    ]
    assert all(np.diff(found) < 0)
    assert found[-1] < 1.8 * found[0]


def test_no_verdict_is_given_where_the_outcome_made_the_record(business):
    against = staggered.comparisons(business, outcomes=(business.lead,))
    lead = against[against["outcome"] == business.lead.id]
    assert lead["p_value"].iloc[0] < 1e-9
    checks = staggered.verdicts(business, against, against.iloc[:0])
    assert {check.attributable for check in checks.values()} == {"not_testable"}
    assert "because the days fell" in checks["permit"].reason
    assert approval_story.facts(business) == []
    assert approval_story.records(business) == []


def test_economies_without_a_figure_are_no_comparison(business):
    permit = business.study.outcome("permit")
    assert len(business.controls(permit, business.main)) == 97
    assert len(business.treated(permit)) == 90


def test_simulated_records_decide_no_claim(huantai, found):
    assert huantai.simulated
    (check,) = found.claims
    assert (check.id, check.reproduced, check.attributable) == (
        "approval-huantai-time",
        "no_data",
        "not_testable",
    )
    assert {item.attributable for item in found.verdicts.values()} == {"not_testable"}
    for language in ("en", "zh"):
        answer = approval_story.answer(huantai, found)[language]
        assert [verdict for _, verdict in answer.verdicts] == ["no_data", "not_testable"]
        assert "80%" in answer.sentence
    assert staggered.result_file(huantai, found).content["simulated"] is True


def test_open_cases_and_other_items_mislead_and_the_fixed_restricted_mean_does_not(huantai, found):
    rows = found.truth[found.truth["covered"].notna()].set_index(["outcome", "estimator"])
    assert rows.loc["fixed", "covered"].all()
    assert not rows.loc["naive", "covered"].any()
    assert (rows.loc["naive", "ci_high"] < -26.8).all()


def test_the_stated_truth_is_the_simulators(huantai):
    from evaluation.sources.approvals.simulated import CaseSimulation

    design = CaseSimulation()
    months = [month for month in design.months if str(month) <= huantai.study.data.end]
    effect = 100 * np.expm1(design.true_effect(months))
    assert list(huantai.study.truth.values()) == pytest.approx([effect] * 3, abs=0.05)


def test_the_whole_record_shows_what_decided_cases_leave_out(huantai, root):
    cases = open_cases(huantai)
    assert cases is not None
    assert len(cases.frame) == 36
    assert cases.shortfall.iloc[-1] > 0.4
    assert abs(cases.frame["restricted_mean"] / cases.frame["true_mean"] - 1).max() < 0.12
    assert np.isnan(cases.frame["restricted_mean"].iloc[-1])
    mix = item_mix(huantai)
    assert mix is not None
    parts = mix[["handling", "mix", "new_items", "dropped_items"]].sum(axis=1)
    np.testing.assert_allclose(parts, mix["change"], atol=5e-6)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_real_figures_are_not_marked_simulated_and_simulated_ones_are(huantai, language):
    real = [part[language] for part in approval_story.facts(huantai)]
    assert [type(part) for part in real] == [Prose, Prose, Figure, Prose, Figure, Table]
    assert not real[-1].simulated
    made = [part[language] for part in approval_story.records(huantai)]
    assert [type(part) for part in made] == [Prose, Figure, Figure, Table]
    assert made[-1].simulated
    assert ("SIMULATED" if language == "en" else "模拟") in made[0].markdown.upper()


def test_files_passed_over_are_named_on_the_page(huantai):
    info = huantai.sources[0]
    counts = {**info.counts, "files_passed_over": {"办件2017.csv": "the file is empty"}}
    case = dataclasses.replace(
        huantai, sources=(dataclasses.replace(info, counts=counts), *huantai.sources[1:])
    )
    assert passed_over(case) == {"办件2017.csv": "the file is empty"}
    assert passed_over(huantai) == {}
    first = approval_story.records(case)[0]["zh"]
    assert "办件2017.csv" in first.markdown
    assert "未计入" in first.markdown


def test_checks_of_a_circular_record_say_what_they_are_worth(business):
    paths = {business.lead.id: staggered.path(business, business.lead)}

    class Found:
        pass

    found = Found()
    found.paths = paths
    found.estimates = staggered.estimates(business, outcomes=(business.lead,), only_leading=True)
    table = story.drift_table(business, found)["en"]
    assert "not for it" in table.notes[-1]


def test_every_table_that_the_page_shows_is_in_the_result_and_from_the_project(root, tmp_path, monkeypatch):
    """A study prepared for another project reads its tables there, wherever the process works."""
    for name in ("studies", "data"):
        shutil.copytree(root / name, tmp_path / name)
    monkeypatch.chdir(root)
    case = prepare("approval_huantai", root=tmp_path)
    named = [source.name for source in case.sources]
    table = case.study.data.table
    assert {table, table.removesuffix("_month") + "_mix", "approvals/zibo_official"} <= set(named)
    assert case.simulated
    figures = tmp_path / "data" / "approvals" / "zibo_official.csv"
    figures.write_text(figures.read_text(encoding="utf-8") + " ", encoding="utf-8")
    for look in (partial(approval_story.facts, case), partial(prepare, case.study, root=tmp_path)):
        with pytest.raises(DataError, match="zibo_official"):
            look()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_answer_on_a_legal_limit_hangs_on_no_id(root, huantai, found, tmp_path, language):
    """Another name for the claim and for the outcome; without `[limit]` the page answers as any other."""
    for name in ("studies", "data"):
        shutil.copytree(root / name, tmp_path / name)
    path = tmp_path / "studies" / "approval_huantai.toml"
    text = path.read_text(encoding="utf-8")
    claim = 'id = "approval-huantai-time"\nkind = "none"\nvalue = -80'
    text = text.replace('id = "approval-huantai-time"', claim).replace("approval-huantai-time", "ours")
    text = text.replace('"naive"', '"done"').replace("naive = -26.8", "done = -26.8")
    own = approval_story.answer(huantai, found)[language]
    path.write_text(text, encoding="utf-8")
    case = prepare("approval_huantai", root=tmp_path)
    rows = found.estimates.replace({"outcome": {"naive": "done"}})
    claims = tuple(replace(check, id="ours") for check in found.claims)
    ours = approval_story.answer(case, replace(found, estimates=rows, claims=claims))[language]
    assert (ours.sentence, ours.detail, ours.verdicts) == (own.sentence, own.detail, own.verdicts)
    assert len(approval_story.facts(case)) == 6
    plain = replace(case, study=case.study.model_copy(update={"limit": None}))
    assert approval_story.facts(plain) == []
    path.write_text(text.replace('decided = "done"', 'decided = "gone"'), encoding="utf-8")
    with pytest.raises(StudyError, match=r"limit.decided: 'gone' is not declared"):
        prepare("approval_huantai", root=tmp_path)
