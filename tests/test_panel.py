"""Panels and designs: checked once, errors that name rows, columns and the fix."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.design import NEVER
from evaluation.errors import DataError, DesignError


def rows(**columns) -> pd.DataFrame:
    base = {"unit": ["a", "a", "b", "b"], "time": [1, 2, 1, 2], "y": [1.0, 2.0, 3.0, 5.0]}
    return pd.DataFrame(base | columns)


def panel(frame=None, **options) -> Panel:
    return Panel(rows() if frame is None else frame, unit="unit", time="time", **options)


def test_shape_and_matrix():
    made = panel(rows().iloc[[3, 0, 2, 1]])
    assert (made.n_units, made.n_periods, made.n_rows) == (2, 2, 4)
    assert made.is_balanced
    assert not made.in_order
    np.testing.assert_array_equal(made.matrix("y"), [[1, 2], [3, 5]])


def test_an_absent_row_is_nan_in_the_matrix():
    made = panel(rows().iloc[[0, 2, 3]])
    assert not made.is_balanced
    np.testing.assert_array_equal(made.matrix("y"), [[1, np.nan], [3, 5]])


def test_it_does_not_change_its_frame_and_is_not_changed_by_it():
    frame = rows()
    before = frame.copy(deep=True)
    made = panel(frame)
    frame.loc[0, "y"] = 99.0
    assert made.matrix("y")[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        made.unit_codes[0] = 1
    pd.testing.assert_frame_equal(frame.assign(y=before["y"]), before)


@pytest.mark.parametrize(
    ("times", "frequency", "expected"),
    [
        (["2014-01", "2014-02"], "M", ["2014-01", "2014-02"]),
        (["2014-01-01", "2014-02-01"], None, ["2014-01", "2014-02"]),
        ([2014, 2016], "Y", ["2014", "2016"]),
        (list(pd.period_range("2014Q1", periods=2, freq="Q")), None, ["2014Q1", "2014Q2"]),
        ([2.0, 3.0], None, ["2", "3"]),
        ([201412, 201501], "M", ["2014-12", "2015-01"]),
        ([20144, 20151], "Q", ["2014Q4", "2015Q1"]),
        ([20141231, 20150101], "D", ["2014-12-31", "2015-01-01"]),
        ([102, 205], None, ["102", "205"]),
    ],
)
def test_times_are_read_as_periods(times, frequency, expected):
    made = panel(rows(time=times * 2), frequency=frequency)
    assert [str(period) for period in made.periods] == expected
    assert made.period_of(times[0]) == made.ordinals[0]


def test_periods_keep_their_distance():
    made = panel(rows(time=[2003, 2006, 2003, 2006]))
    assert np.diff(made.ordinals).tolist() == [3]


def test_months_written_as_numbers_are_a_month_apart_at_new_year():
    made = panel(rows(time=[201412, 201501, 201412, 201501]), frequency="M")
    assert np.diff(made.ordinals).tolist() == [1]


def test_two_spellings_of_a_month_are_one_period():
    made = panel(rows(time=["2014-01", "2014-02", "2014-1", "2014-02"]), frequency="M")
    assert made.n_periods == 2
    np.testing.assert_array_equal(made.matrix("y"), [[1, 2], [3, 5]])


FIELDS = ("frequency", "units", "periods", "ordinals", "unit_codes", "time_codes", "in_order", "cells")


def same(one: Panel, other: Panel) -> None:
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.periods.dtype == other.periods.dtype
    assert one.units.dtype == other.units.dtype
    pd.testing.assert_frame_equal(one.frame, other.frame)


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize(
    "keep", [lambda f: f["unit"] != "b", lambda f: f["k"] % 3 != 0, lambda f: f["k"] < 9]
)
def test_some_rows_of_a_panel_are_the_panel_of_some_rows(keep, shuffled):
    months = pd.period_range("2014-11", periods=4, freq="M").astype(str)
    frame = pd.DataFrame({"unit": np.repeat(list("abc"), 4), "time": np.tile(months, 3), "k": range(12)})
    frame["small"] = frame["k"].astype("Int8")
    if shuffled:
        frame = frame.sample(frac=1, random_state=1)
    made = panel(frame, frequency="M")
    rows = keep(frame)
    assert made.in_order is not shuffled
    same(made.where(rows), panel(frame[rows], frequency="M"))
    unknown = pd.Series(pd.array([True if row else None for row in rows], dtype="boolean"))
    same(made.where(unknown), panel(frame[rows], frequency="M"))


def test_a_column_is_assigned_in_row_order_and_the_others_keep_their_types():
    frame = rows(small=pd.array([1, None, 3, 4], dtype="Int8")).set_axis([7, 7, 8, 9])
    made = panel(frame)
    assert made.in_order
    other = made.assign(y=pd.Series([4.0, 3.0, 2.0, 1.0]), z=0)
    same(other, panel(frame.assign(y=[4.0, 3.0, 2.0, 1.0], z=0)))
    np.testing.assert_array_equal(made.column("y"), [1, 2, 3, 5])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda made: made.where(np.zeros(4, dtype=bool)), "no row"),
        (lambda made: made.where(np.array([0, 1, 2, 3])), "true or false for each of the 4 rows"),
        (lambda made: made.where(np.array([True])), "true or false for each of the 4 rows"),
        (lambda made: made.assign(time=[1, 2, 3, 4]), "'time'"),
        (lambda made: made.assign(y=[1, 2]), "one for each of 4 rows"),
    ],
)
def test_a_panel_is_not_changed_into_none(change, said):
    with pytest.raises(DataError, match=said):
        change(panel())


def test_duplicates_are_named():
    frame = pd.concat([rows(), rows().iloc[[1]]], ignore_index=True)
    with pytest.raises(DataError) as caught:
        panel(frame)
    said = str(caught.value)
    assert "1 unit-periods stand in more than one row: (a, 2)" in said
    assert "rows 1, 4" in said
    assert "to mend" in said


@pytest.mark.parametrize(
    ("frame", "options", "said"),
    [
        (rows().drop(columns="time"), {}, "has no column 'time'"),
        (rows().iloc[:0], {}, "has no rows"),
        (rows(unit=["a", None, "b", "b"]), {}, "column 'unit' is missing in 1 rows"),
        (rows(time=[1, 2, 1, np.nan]), {}, "column 'time' is missing in 1 rows"),
        (rows(time=[1.5, 2, 1.5, 2]), {}, "must hold whole periods"),
        (rows(time=["spring", "2014-02"] * 2), {"frequency": "M"}, "not dates"),
        (rows(time=[True, False] * 2), {}, "true and false"),
        (rows(), {"frequency": "M"}, "leave the frequency out"),
        (rows(time=[201412, 201501] * 2), {}, r"201412 to 201501 it is not(.|\n)*give frequency='M'"),
        (rows(time=[20141231, 20150101] * 2), {}, "give frequency='D'"),
        (rows(time=[201412, 201513] * 2), {"frequency": "M"}, r"cannot read(.|\n)*201513"),
        (rows(time=["01/02/2014", "01/03/2014"] * 2), {}, r"the month(.|\n)*'01/02/2014'(.|\n)*format="),
        (rows(time=["1.2.14", "13.2.14"] * 2), {"frequency": "D"}, "day or the month comes first"),
        (rows(), {"frequency": "month"}, "unknown frequency"),
    ],
)
def test_bad_rows_are_refused_with_their_place(frame, options, said):
    with pytest.raises(DataError, match=said):
        panel(frame, **options)


@pytest.mark.parametrize(
    ("values", "said"),
    [([1.0, np.inf, 2.0, 3.0], "infinite values"), (["1", "x", "2", "3"], "must be numeric")],
)
def test_bad_outcomes_name_their_rows(values, said):
    made = panel(rows(y=values))
    with pytest.raises(DataError, match=said) as caught:
        made.matrix("y")
    assert "rows 1" in str(caught.value)


def design(**options) -> Design:
    return Design("y", "first", **options)


def test_cohorts():
    made = panel(rows(first=[2, 2, np.nan, np.nan]))
    cohorts = design().cohorts(made)
    assert cohorts.first.tolist() == [2, NEVER]
    assert cohorts.values.tolist() == [2]
    assert cohorts.treated.tolist() == [True, False]


def test_infinity_means_never_treated():
    cohorts = design().cohorts(panel(rows(first=[2, 2, np.inf, np.inf])))
    assert cohorts.first.tolist() == [2, NEVER]


@pytest.mark.parametrize(
    ("first", "kind", "said"),
    [
        ([np.nan] * 4, DesignError, "no unit is ever treated"),
        ([2, 1, np.nan, np.nan], DataError, "changes within a unit"),
        ([2, 2, 0, 0], DesignError, "the panel has no period 0"),
    ],
)
def test_a_treatment_that_cannot_be_read(first, kind, said):
    with pytest.raises(kind, match=said):
        design().cohorts(panel(rows(first=first)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"comparison": "neighbours"}, "comparison is 'neighbours'"),
        ({"base_period": "first"}, "base_period is 'first'"),
        ({"anticipation": -1}, "0 or more"),
        ({"anticipation": 1.5}, "whole number"),
        ({"window": (3, -3)}, "is empty"),
    ],
)
def test_unknown_options_are_refused(options, said):
    with pytest.raises(DesignError, match=said):
        design(**options)
