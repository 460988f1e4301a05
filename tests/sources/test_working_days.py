"""Chinese working days beside the State Council's notices."""

from __future__ import annotations

import chinese_calendar
import numpy as np
import pytest

from evaluation.errors import DataError
from evaluation.sources.working_days import covered_years, is_working_day, working_days_between


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def test_a_holiday_is_no_working_day_and_its_makeup_saturday_is_one() -> None:
    # National Day 2015: 1 to 7 October free, Saturday 10 October worked
    found = is_working_day(days("2015-09-30", "2015-10-01", "2015-10-07", "2015-10-08", "2015-10-10"))
    assert found.tolist() == [True, False, False, True, True]
    assert is_working_day(days("2015-10-11")).tolist() == [False]


def test_the_day_of_acceptance_does_not_count() -> None:
    start, end = (
        days("2015-09-30", "2015-09-30", "2015-09-30"),
        days("2015-09-30", "2015-10-08", "2015-10-10"),
    )
    np.testing.assert_array_equal(working_days_between(start, end), [0, 1, 3])


def test_every_day_agrees_with_the_calendar_package() -> None:
    year = np.arange(np.datetime64("2014-01-01"), np.datetime64("2018-01-01"))
    expected = [chinese_calendar.is_workday(day) for day in year.tolist()]
    np.testing.assert_array_equal(is_working_day(year), expected)


def test_backwards_is_negative_and_missing_stays_missing() -> None:
    out = working_days_between(days("2016-03-08", "NaT"), days("2016-03-01", "2016-03-01"))
    assert out[0] == -5
    assert np.isnan(out[1])


def test_a_year_outside_the_table_is_an_error_that_names_it() -> None:
    first, last = covered_years()
    with pytest.raises(DataError, match=str(last + 1)) as caught:
        working_days_between(days(f"{last}-12-30"), days(f"{last + 1}-01-05"))
    assert f"{first} to {last}" in str(caught.value)
    with pytest.raises(DataError, match="1999"):
        working_days_between(days("1999-05-05"), days("2015-01-05"))
