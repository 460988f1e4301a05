"""Panel studies in which only the question stands: what is told from the data, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from foreign_studies import panel, project, question

from evaluation.analysis import asked_curve, prepare
from evaluation.analysis.change import year_table
from evaluation.analysis.effects import event_path, specifications
from evaluation.analysis.family import family
from evaluation.analysis.rule import rule_audit
from evaluation.analysis.yearly import yearly_estimates
from evaluation.errors import DataError, DesignError, StudyError
from evaluation.estimators import Imputation
from evaluation.report import sections
from evaluation.sources.times import read_periods, tell_frequency
from evaluation.study import load_study
from evaluation.study.words import plural

STATES = ["California", "Nevada", "Utah", "Ohio", "Texas", "Maine"]


def smoking(**more):
    frame = panel(STATES, list(range(1970, 2001)), treated={"California": 19}).rename_axis(["state", "year"])
    return frame.reset_index(), question("state", "year", {"units": {"California": "1989"}}, **more)


def prepared(folder, frame, study):
    return prepare(project(folder, frame, study), root=folder)


def effect(case, outcome=None):
    return Imputation().fit(*case.panel(outcome or case.lead)).aggregate("simple").overall.estimate


def test_one_state_in_annual_data_needs_only_its_question(tmp_path):
    case = prepared(tmp_path, *smoking())
    study = case.study
    assert (study.kind, study.notebook, study.seed, study.languages) == (
        "staggered",
        "panel_study",
        1,
        ("en",),
    )
    assert (study.data.frequency, study.data.start, study.data.end) == ("Y", "1970", "2000")
    assert study.words.place["en"].model_dump() == {"one": "state", "many": "states"}
    assert study.words.period["en"].many == "years"
    assert [item.id for item in study.comparisons] == ["untreated"]
    assert study.comparisons[0].label["en"] == "untreated states"
    assert study.treatment.treated["en"] == "California"
    lead = case.lead
    assert (lead.id, lead.label["en"], lead.better, lead.digits) == ("y", "y", None, 2)
    assert study.rule.level == 0.05
    assert study.rule.outcomes == ("y",)
    assert not any((study.question, study.rule.text, study.source, study.claims, study.threats))
    assert case.treated(lead) == ["California"]
    assert len(case.controls(lead, case.main)) == 5
    assert effect(case) == pytest.approx(2, abs=0.5)


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ({"california": "1989"}, "'California'"),
        ({"Californa": "1989"}, "'California'"),
        ({"California": "2031"}, "after 1970 and up to 2000"),
        ({"California": "1970"}, "leaves no period before"),
    ],
)
def test_a_unit_or_date_that_is_not_in_the_data_is_named(tmp_path, units, said):
    frame, study = smoking()
    study["treatment"]["units"] = units
    with pytest.raises(DesignError) as caught:
        prepared(tmp_path, frame, study)
    assert said in str(caught.value)


@pytest.mark.parametrize("start", [10, "2014-W11", "2014-03-10"])
def test_weekly_counts_without_exposure(tmp_path, start):
    weeks = pd.date_range("2014-01-06", periods=40, freq="7D").strftime("%Y-%m-%d").tolist()
    first = weeks[9] if start == 10 else start
    frame = panel([101, 102, 103, 104, 105], weeks, treated={101: 9}).rename_axis(["beat", "week"])
    frame = frame.assign(y=frame["y"].round().astype(int)).reset_index()
    study = question("beat", "week", {"units": {"101": first}}, outcomes__0__model="count")
    case = prepared(tmp_path, frame, study)
    assert case.study.data.frequency == "W"
    assert case.study.words.period["en"].one == "week"
    assert case.treated(case.lead) == [101]
    assert case.first(case.lead)[101] == pd.Period("2014-03-10", freq="W")
    assert case.lead.leading == "extended_poisson"
    panel_, _ = case.panel(case.lead, counts=True)
    assert panel_.n_periods == 40


@pytest.mark.parametrize(("unit", "scale"), [("%", 1.0), ("share", 0.01), (None, 0.01)])
def test_the_effect_on_a_share_is_in_percentage_points(tmp_path, unit, scale):
    frame, study = smoking(outcomes__0__model="share" if unit is None else "level")
    if unit:
        study["outcomes"][0]["unit"] = unit
    frame["y"] *= scale
    case = prepared(tmp_path, frame, study)
    assert case.lead.in_points
    assert not case.lead.in_percent
    assert case.lead.unit["en"] == "%"
    assert case.lead.effect_unit["en"] == "percentage points"
    assert effect(case) == pytest.approx(2, abs=0.5)


def test_one_treated_unit_is_asked_about_as_one_place_is(tmp_path):
    case = prepared(tmp_path, *smoking())
    assert case.treated_unit == "California"
    assert case.donors("untreated") == sorted(set(STATES) - {"California"})
    did = specifications(case).set_index("season").loc["month_effects"]
    assert did["estimate"] == pytest.approx(effect(case), abs=1e-8)
    assert did["n_assignments"] == 6
    yearly = yearly_estimates(case).set_index("method")
    assert set(yearly.index) == {"two_way", "control", "did"}
    assert yearly["estimate"].to_numpy() == pytest.approx([2, 2, 2], abs=0.7)
    assert event_path(case, "y").frame["event_time"].tolist() == list(range(-19, 12))
    assert family(case)["outcome"].tolist() == ["y"]
    assert year_table(case, "y").change(1988, 2000).index.tolist() == sorted(STATES)


def test_two_treated_units_are_not_one_place(tmp_path):
    frame, study = smoking()
    study["treatment"]["units"] = {"California": "1989", "Utah": "1990"}
    with pytest.raises(DesignError, match="2 units or dates of treatment"):
        _ = prepared(tmp_path, frame, study).treated_unit
    study["choices"] = {"windows": [{"id": "near", "label": "ten years", "each_side": 10}]}
    (tmp_path / "asked").mkdir()
    with pytest.raises(DesignError, match=r"headline\.years"):
        prepared(tmp_path / "asked", frame, study)


def test_when_all_are_treated_in_the_end_those_not_yet_treated_are_compared_with(tmp_path):
    names = [f"{'长' * 58}市, {i:03d}" for i in range(300)]
    treated = {name: 3 + i % 5 for i, name in enumerate(names)}
    frame = panel(names, list(range(1, 13)), treated=treated, effect=1.0).rename_axis(["单位", "period"])
    study = question("单位", "period", {"switched_on": "on"}, languages=["zh"])
    case = prepared(tmp_path, frame.reset_index(), study)
    assert case.study.treatment.comparison == "not_yet_treated"
    assert "not yet treated" in case.notes[0]["en"]
    assert not case.calendar
    assert case.study.words.period["zh"].one == "期"
    assert len(case.treated(case.lead)) == 300
    assert case.study.treatment.treated["zh"] == "300个处理组单位"
    assert effect(case) == pytest.approx(1, abs=0.2)


def test_all_treated_at_once_leaves_nobody_to_compare_with(tmp_path):
    frame = panel(STATES, list(range(1, 9)), treated=dict.fromkeys(STATES, 4)).rename_axis(["state", "t"])
    study = question("state", "t", {"switched_on": "on"})
    with pytest.raises(DesignError, match="every unit is treated from 5 on"):
        prepared(tmp_path, frame.reset_index(), study)


def test_integer_periods_have_no_calendar(tmp_path):
    frame = panel(STATES, list(range(1, 16)), treated={"Ohio": 7, "Utah": 9}).rename_axis(["state", "t"])
    frame = frame.reset_index()
    frame["first"] = frame["state"].map({"Ohio": 8, "Utah": 10}).fillna(-1).astype(int)
    case = prepared(tmp_path, frame, question("state", "t", {"first_treated": "first", "never": [-1]}))
    assert not case.calendar
    assert case.study.words.period["en"].one == "period"
    assert [when.year for when in case.first(case.lead).dropna()] == [8, 10]
    assert effect(case) == pytest.approx(2, abs=0.5)


def test_a_zero_in_the_dates_is_never_and_is_said(tmp_path):
    frame, study = smoking()
    frame["first"] = np.where(frame["state"] == "California", 1989, 0)
    study["treatment"] = {"first_treated": "first"}
    case = prepared(tmp_path, frame, study)
    assert case.treated(case.lead) == ["California"]
    assert "0 in the column first is taken to mean never treated (5 units)" in case.notes[0]["en"]


def test_treatment_that_switches_off_is_refused_with_its_rows(tmp_path):
    frame, study = smoking()
    frame.loc[frame["year"] >= 1995, "on"] = 0
    study["treatment"] = {"switched_on": "on"}
    with pytest.raises(DataError, match="California 1995"):
        prepared(tmp_path, frame, study)


def test_five_outcomes_are_told_in_order_and_judged_together(tmp_path):
    frame, study = smoking(outcomes=[{"column": c} for c in ("y", "Packs (sold)", "c", "d", "e")])
    for i, column in enumerate(("Packs (sold)", "c", "d", "e")):
        frame[column] = 100 * frame["y"] + np.arange(len(frame)) % (i + 2)
    case = prepared(tmp_path, frame, study)
    assert case.study.headline.outcome == "y"
    assert case.study.rule.outcomes == ("y", "packs_sold", "c", "d", "e")
    assert case.study.outcome("c").digits == 0


@pytest.mark.parametrize(
    ("languages", "texts", "wrong"),
    [
        (["en"], {"question": {"en": "Did it?"}}, None),
        (["zh"], {"question": {"en": "Did it?"}}, "question.zh: missing key"),
        (["en", "zh"], {"question": {"en": "Did it?"}}, "question.zh: missing key"),
        (["en", "zh"], {"question": "Did it?"}, None),
        (["en", "fr"], {}, "languages.1"),
        (["en"], {"question": ""}, "question: is empty"),
    ],
)
def test_texts_are_asked_for_in_the_languages_of_the_study_only(tmp_path, languages, texts, wrong):
    frame, study = smoking(languages=languages, **texts)
    path = project(tmp_path, frame, study)
    if wrong is None:
        assert load_study(path).languages == tuple(languages)
    else:
        with pytest.raises(StudyError) as caught:
            load_study(path)
        assert wrong in str(caught.value)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1990, 1991, 1995], ("Y", True)),
        ([1.0, 2.0, 3.0], ("Y", False)),
        (["2001", "2002"], ("Y", True)),
        ([201401, 201402, 201412], ("M", True)),
        ([20141, 20142, 20143, 20144, 20151], ("Q", True)),
        (["2014Q1", "2014-Q2"], ("Q", True)),
        (["2014-W01", "2014-W02"], ("W", True)),
        (["2014-01", "2014-02"], ("M", True)),
        (["2014-01-31", "2014-02-28", "2014-03-31"], ("M", True)),
        (["2014-03-31", "2014-06-30", "2014-12-31"], ("Q", True)),
        (["2014-06-01", "2015-06-01"], ("Y", True)),
        (["2014-01-06", "2014-01-20", "2014-01-27"], ("W", True)),
        (["2014-01-06", "2014-01-07", "2014-01-10"], ("D", True)),
    ],
)
def test_the_frequency_is_told_from_the_values(values, told):
    column = pd.Series(values, name="t")
    assert tell_frequency(column, "a table") == told
    assert read_periods(column, told[0]).is_monotonic_increasing


def test_the_plural_of_a_word():
    assert [plural(word) for word in ("county", "day", "parish", "state", "bus")] == [
        "counties", "days", "parishes", "states", "buses"
    ]  # fmt: skip


def test_daily_data_with_gaps(tmp_path):
    days = pd.date_range("2021-02-20", periods=30).strftime("%Y-%m-%d").tolist()
    frame = panel(["a", "b", "c, d", "e"], days, treated={"c, d": 20}).rename_axis(["station_id", "day"])
    frame = frame.reset_index().drop(index=[3, 47])
    case = prepared(tmp_path, frame, question("station_id", "day", {"units": {"c, d": days[20]}}))
    assert case.study.data.frequency == "D"
    assert case.study.words.place["en"].many == "stations"
    assert case.missing(case.lead) == 2
    assert effect(case) == pytest.approx(2, abs=0.5)


def test_a_study_of_one_place_is_a_panel_study_in_other_words(tmp_path):
    frame, study = smoking()
    words = {
        **study,
        "kind": "one_place",
        "treatment": {"unit": "California", "date": "1989", "label": "tax"},
    }
    words |= {
        "pools": [{"id": "others", "units": STATES}, {"id": "few", "units": "all", "exclude": ["Ohio"]}]
    }
    words |= {"headline": {"years": {"before": 1988, "after": 2000}}, "neighbours": ["Nevada"]}
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    place, panel = prepared(tmp_path / "one", frame, words), prepared(tmp_path / "two", frame, study)
    assert type(place.study) is type(panel.study)
    assert (place.study.kind, place.lead.better, place.study.treatment.event["en"]) == (
        "staggered",
        "lower",
        "tax",
    )
    assert place.donors("few") == sorted({"Nevada", "Utah", "Texas", "Maine"})
    assert effect(place) == pytest.approx(effect(panel), abs=1e-12)
    assert specifications(place)["estimate"].iloc[0] == specifications(panel)["estimate"].iloc[0]
    assert place.near.dropna().index.tolist() == ["Nevada"]
    audit = rule_audit(panel)  # a panel study is asked what one of one place is
    assert (audit.table["unit"].iloc[0], audit.others) == ("California", 5)


def test_nobody_treated_within_the_periods_is_refused_in_words(tmp_path):
    frame, study = smoking()
    frame["first"] = np.where(frame["state"] == "California", 2031, 0)
    study["treatment"] = {"first_treated": "first"}
    with pytest.raises(DesignError, match="no unit becomes treated"):
        prepared(tmp_path, frame, study)


def test_claims_on_two_years_and_counts_that_may_not_be_shown_exclude_each_other(tmp_path):
    frame, study = smoking(headline={"years": {"before": 1988, "after": 2000}}, disclosure={"minimum": 10})
    study["outcomes"][0]["model"] = "count"
    with pytest.raises(StudyError, match="cannot withhold some"):
        prepared(tmp_path, frame, study)


def test_declared_choices_of_one_treated_unit_are_a_curve_and_others_have_none(tmp_path):
    few = {"id": "few", "label": "few states", "units": ["Nevada", "Utah", "Ohio"]}
    window = {"id": "near", "label": "ten years", "each_side": 10}
    for name, more in (("asked", {"choices": {"pools": [few], "windows": [window]}}), ("not", {})):
        frame, study = smoking(**more)
        (tmp_path / name).mkdir()
        case = prepared(tmp_path / name, frame, study)
        curve = asked_curve(case)
        shown = (sections.curve_figure(case, curve), sections.curve_sentence(case, curve))
        if not more:
            assert curve is None
            assert shown == (None, None)
            continue
        assert set(curve.check.table["pool"]) == {"untreated", "few"}
        assert "8 of 8 ways to compute it give an increase" in shown[0]["en"].title
        assert "the 4 states that stand in every comparison" in shown[1]["en"].markdown
