"""Studies of many places: the file, its data, and every mistake with its place."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import prepare, staggered
from evaluation.analysis.staggered import size
from evaluation.errors import DataError, DesignError, StudyError
from evaluation.study import load_study

sys.path.insert(0, str(Path(__file__).parent))
from staggered_project import make


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    path = make(tmp_path_factory.mktemp("project"))
    return prepare(path, root=path.parents[1])


def test_who_is_treated_and_who_compared(case):
    crime = case.lead
    assert case.treated(crime) == [f"t{i:02d}" for i in range(14)]
    assert len(case.controls(crime, case.main)) == 26
    south = case.controls(crime, case.study.comparison("south"))
    assert south == [f"t{i:02d}" for i in range(19, 40, 2)]  # odd towns, the four neighbours left out
    assert case.already(crime) == []
    assert case.name("t03", "en") == "Town 3"
    assert case.name("t03", "zh") == "t03"
    assert not case.simulated


def test_a_unit_set_aside_by_the_other_dates_is_no_comparison(case):
    crime = case.lead
    assert case.treated(crime, "sure") == [f"t{i:02d}" for i in range(1, 14)]
    assert "t00" not in case.controls(crime, case.main, "sure")


def test_counts_are_rates_for_linear_estimators(case):
    crime = case.lead
    rates, design = case.panel(crime)
    counts, plain = case.panel(crime, counts=True)
    assert design.weights == "weight"
    assert plain.weights is None
    expected = 1000 * counts.column("value") / counts.column("exposure")
    np.testing.assert_allclose(rates.column("value"), expected)
    assert design.cluster == "cluster"
    assert rates.frame["weight"].groupby(rates.frame["town"]).nunique().eq(1).all()


def test_logarithms_are_taken(case):
    panel, _ = case.panel(case.study.outcome("days"))
    rows = case.rows(case.study.outcome("days"))
    np.testing.assert_allclose(panel.column("value"), np.log(rows["days"]))


def test_a_switch_gives_the_first_period_with_one(tmp_path, case):
    path = make(tmp_path, treatment__first_treated=None, treatment__switched_on="on")
    switched = prepare(path, root=tmp_path)
    pd.testing.assert_series_equal(switched.first(switched.lead), case.first(case.lead), check_names=False)


def test_units_treated_before_the_window_are_left_out(tmp_path):
    path = make(tmp_path, data__start="2005")
    late = prepare(path, root=tmp_path)
    assert late.already(late.lead) == ["t00", "t04", "t08", "t12"]
    assert not set(late.already(late.lead)) & set(late.rows(late.lead)["town"])


def test_missing_values_are_counted(tmp_path):
    def holes(rows, places):
        rows.loc[[5, 30], "crimes"] = np.nan
        return rows, places

    path = make(tmp_path, holes)
    holed = prepare(path, root=tmp_path)
    assert holed.missing(holed.lead) == 2
    assert len(holed.rows(holed.lead)) == 40 * 12 - 2


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ({"headline__outcome": "joy"}, "headline.outcome: 'joy' is not declared"),
        ({"rule__comparisons": ["moon"]}, "'moon' is not declared"),
        ({"treatment__switched_on": "on"}, "give one of 'first_treated', 'switched_on', not 2"),
        ({"treatment__first_treated": None}, "says when units are treated"),
        ({"treatment__window": [1, 3]}, "must begin before 0"),
        ({"data__start": "2013"}, "lies after end"),
        ({"data__frequency": "X"}, "data.frequency"),
        ({"neighbours": None}, "'drop' needs [neighbours]"),
        ({"outcomes__2__main": "poisson"}, "is for outcomes whose model is 'count'"),
        ({"outcomes__1__model": "sqrt"}, "outcomes.1.model"),
        ({"comparisons__1__values": []}, "belong together"),
        ({"published__0__agreement": "exact"}, "'tolerance' belongs to"),
        ({"published__0__estimator": "magic"}, "published.0.estimator"),
        ({"claims__0__needs": None}, "which data it would take"),
        ({"claims__1__before": None}, "needs 'outcome', 'before' and 'after'"),
        ({"truth": {"joy": 1.0}}, "truth.joy: 'joy' is not declared"),
        ({"comparisons__1__id": "all", "rule__comparisons": ["all"]}, "the id all stands twice"),
        ({"surprise": 1}, "surprise: unknown key"),
        ({"end": {"why": {"en": "E", "zh": "末"}, "table": "small"}}, "also needs time, frequency"),
    ],
)
def test_a_wrong_key_is_named(tmp_path, edits, said):
    path = make(tmp_path, **edits)
    with pytest.raises(StudyError) as caught:
        load_study(path)
    assert said in str(caught.value)


def _set(column, value, rows=slice(0, 1), table=0):
    def change(*frames):
        frame = frames[table]
        if isinstance(value, str):
            frame[column] = frame[column].astype(object)
        frame.loc[frame.index[rows], column] = value
        return frames

    return change


def _twice(rows, places):
    return pd.concat([rows, rows.iloc[[3]]], ignore_index=True), places


@pytest.mark.parametrize(
    ("change", "edits", "kind", "said"),
    [
        (_set("crimes", -1.0), {"data__start": "2000"}, DataError, "crimes is negative in 1 rows"),
        (_set("people", 0.0), {"data__start": "2000"}, DataError, "people is not above 0"),
        (_set("days", 0.0), {"data__start": "2000"}, DataError, "days has no logarithm in 1 rows"),
        (_set("first", "soon", table=1), {}, DataError, "column 'first' holds what is no period"),
        (_set("near", "2006", table=1), {}, DataError, "treated and stand as neighbours at once: t00"),
        (_set("town", "new", slice(0, 1)), {}, DataError, "are not in the table of places towns"),
        (_set("on", 2, slice(5, 6)), {"treatment__first_treated": None, "treatment__switched_on": "on"},
         DataError, "column 'on' holds 2"),
        (_twice, {}, DataError, "has a unit and period twice"),
        (None, {"outcomes__0__column": "joy"}, DataError, "has no column 'joy'"),
        (None, {"outcomes__0__column": "english"}, DataError, "must be numeric"),
        (None, {"data__table": "none"}, DataError, "there is no table 'none'"),
        (None, {"data__end": "2020"}, DesignError, "reaches outside the data"),
        (None, {"data__end": "2004"}, DesignError, "no unit becomes treated between 2001 and 2004"),
        (None, {"comparisons__1__values": ["moon"]}, DesignError, "no unit has region = 'moon'"),
        (None, {"truth": {"crime": -25.0}}, StudyError, "the data are real"),
    ],
)  # fmt: skip
def test_bad_data_are_named_before_anything_runs(tmp_path, change, edits, kind, said):
    path = make(tmp_path, change, **edits)
    with pytest.raises(kind) as caught:
        prepare(path, root=tmp_path)
    assert said in str(caught.value)


def test_dates_that_change_within_a_unit_are_refused(tmp_path):
    def change(rows, places):
        rows["first"] = rows["town"].map(dict(zip(places["town"], places["first"], strict=True)))
        rows.loc[rows.index[4], "first"] = "2009"
        return rows, places.drop(columns="first")

    path = make(tmp_path, change)
    with pytest.raises(DataError, match="changes within a unit") as caught:
        prepare(path, root=tmp_path)
    assert "units t00" in str(caught.value)


def test_nobody_to_compare_with(tmp_path):
    def change(rows, places):
        places["region"] = ["south" if f else "north" for f in places["first"]]
        return rows, places

    path = make(tmp_path, change, comparisons__1__neighbours="keep")
    with pytest.raises(DesignError, match="nobody is left to compare with in 'south'"):
        prepare(path, root=tmp_path)


def test_simulated_tables_may_state_the_truth(tmp_path):
    path = make(tmp_path, simulated=True, truth={"crime": -25.0})
    made = prepare(path, root=tmp_path)
    assert made.simulated
    assert made.study.truth == {"crime": -25.0}


def test_an_outcome_that_does_not_vary_is_refused(tmp_path):
    path = make(tmp_path, lambda rows, places: (rows.assign(days=5.0), places))
    with pytest.raises(DataError, match=r"'days' does not vary: it is 5\.0 in every row"):
        prepare(path, root=tmp_path)


def test_what_is_rounding_alone_is_zero_without_an_interval(tmp_path):
    def exact(rows, places):
        town = rows["town"].str[1:].astype(int)
        return rows.assign(score=50 + 0.1 * town + 0.3 * (rows["year"] - 2000)), places

    path = make(tmp_path, exact)
    case = prepare(path, root=tmp_path)
    score = next(outcome for outcome in case.study.outcomes if outcome.id == "score")
    row = staggered.estimates(case, outcomes=(score,), only_leading=True).iloc[0]
    assert row["estimate"] == 0
    assert row[["std_error", "ci_low", "ci_high", "p_value", "own_error"]].isna().all()
    assert "does not vary beyond" in row["reason"]


def test_a_table_that_is_too_large_is_refused_with_its_size(tmp_path, monkeypatch):
    assert size.memory(500_000, 25_000, 20, 25_000, counts=True) > 20e9
    assert size.memory(500_000, 25_000, 20, 25_000, counts=False) < 1e9
    monkeypatch.setattr(size, "installed", lambda: 1e6)
    path = make(tmp_path)
    with pytest.raises(DesignError, match=r"480 rows, 40 units, 12 periods"):
        prepare(path, root=tmp_path)
