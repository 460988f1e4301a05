"""HJ 633-2012 and HJ 663-2013, against the tables of the standards and by their properties."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.aqi import (
    BREAKPOINTS,
    INDEX_LEVELS,
    POLLUTANTS,
    SINGLE_INDICES,
    composite_index,
    good_days,
    individual_aqi,
    individual_indices,
    overall_aqi,
    primary_pollutant,
)
from evaluation.errors import DataError

CLEAN = {"pm25": 20.0, "pm10": 40.0, "so2": 10.0, "co": 0.5, "no2": 20.0, "o3": 80.0}
concentrations = st.floats(min_value=0.0, max_value=5000.0, allow_nan=False)


def day(**changed: float) -> pd.DataFrame:
    return pd.DataFrame([{**CLEAN, **changed}])


@pytest.mark.parametrize("pollutant", BREAKPOINTS)
def test_every_breakpoint_has_exactly_its_index(pollutant: str) -> None:
    limits = BREAKPOINTS[pollutant].limits
    assert individual_aqi(pollutant, limits).tolist() == list(INDEX_LEVELS[: len(limits)])


@pytest.mark.parametrize(
    ("pollutant", "concentration", "index"),
    [
        ("pm25", 75.1, 101),  # 100.125 is carried up
        ("pm25", 55.0, 75),
        ("pm25", 122.0, 160),  # 150 + 50/35 x 7 is 160 on paper, not 161
        ("pm10", 100.3, 76),
        ("no2", 60.0, 75),
        ("co", 3.0, 75),
        ("so2", 100.0, 75),
        ("o3", 180.0, 75),
        ("o3_8h", 130.0, 75),
        ("pm25", 0.1, 1),
    ],
)
def test_equation_1(pollutant: str, concentration: float, index: int) -> None:
    assert individual_aqi(pollutant, concentration) == index


@pytest.mark.parametrize("pollutant", POLLUTANTS)
def test_beyond_the_last_breakpoint_the_index_is_500(pollutant: str) -> None:
    assert individual_aqi(pollutant, BREAKPOINTS[pollutant].limits[-1] * 1.5) == 500


def test_eight_hour_ozone_has_no_index_above_800() -> None:
    assert np.isnan(individual_aqi("o3_8h", 800.5))
    indices = individual_indices(day().rename(columns={"o3": "o3_8h"}).assign(o3_8h=900.0), ozone="o3_8h")
    assert indices["o3"].tolist() == [350.0]  # as the 1-hour mean: 300 + 100 x (900 - 800) / 200


@given(pollutant=st.sampled_from(POLLUTANTS), low=concentrations, high=concentrations)
def test_the_individual_index_never_falls_as_the_concentration_rises(
    pollutant: str, low: float, high: float
) -> None:
    low, high = sorted((low, high))
    first, second = individual_aqi(pollutant, [low, high])
    assert 0 <= first <= second <= 500
    assert float(first).is_integer()


@given(pollutant=st.sampled_from(POLLUTANTS), whole=st.integers(0, 500))
def test_a_concentration_computed_back_from_a_whole_index_gives_that_index(
    pollutant: str, whole: int
) -> None:
    concentration = np.interp(whole, INDEX_LEVELS, BREAKPOINTS[pollutant].limits)
    assert individual_aqi(pollutant, concentration) == whole


def test_missing_stays_missing_and_negative_is_refused() -> None:
    assert np.isnan(individual_aqi("pm25", [np.nan])).all()
    with pytest.raises(DataError, match="1 concentrations of pm25 are negative"):
        individual_aqi("pm25", [-0.1, 5.0])
    with pytest.raises(DataError, match="'nh3' has no air quality index"):
        individual_aqi("nh3", 1.0)
    with pytest.raises(DataError, match="absent: no2, o3"):
        individual_indices(day().drop(columns=["no2", "o3"]))


@given(st.lists(st.one_of(st.floats(0, 500).map(np.ceil), st.just(np.nan)), min_size=6, max_size=6))
def test_the_index_is_the_largest_when_at_least_five_are_valid(values: list[float]) -> None:
    indices = pd.DataFrame([dict(zip(POLLUTANTS, values, strict=True))])
    found = overall_aqi(indices)[0]
    valid = [value for value in values if not np.isnan(value)]
    if len(valid) < 5:
        assert np.isnan(found)
    else:
        assert found == max(valid)


def test_a_day_is_good_up_to_an_index_of_100_and_not_without_an_index() -> None:
    assert good_days([100.0, 101.0, np.nan, 0.0]).tolist() == [True, False, False, True]


def test_two_missing_particles_do_not_make_a_dust_storm_a_good_day() -> None:
    storm = individual_indices(day(pm25=np.nan, pm10=np.nan))
    assert np.isnan(overall_aqi(storm)).all()
    assert not good_days(overall_aqi(storm)).any()


def test_primary_pollutant_is_the_largest_above_50() -> None:
    table = pd.concat([day(), day(pm25=80.0), day(pm25=75.0, no2=80.0)], ignore_index=True)
    assert primary_pollutant(individual_indices(table)) == ["", "pm25", "pm25+no2"]


def test_composite_index_is_the_sum_of_six_single_indices() -> None:
    at_the_limits = pd.DataFrame([{name: single.limit for name, single in SINGLE_INDICES.items()}] * 5)
    assert composite_index(at_the_limits)["composite"].tolist() == [6.0]


def test_percentiles_follow_appendix_a() -> None:
    # n = 20: k = 1 + 19 x 0.95 = 19.05, so X(19) + 0.05 (X(20) - X(19)); k = 18.1 for ozone
    table = pd.DataFrame([CLEAN] * 20)
    table["co"] = np.arange(1.0, 21.0)[::-1]
    table["o3"] = np.arange(10.0, 210.0, 10.0)
    found = composite_index(table)
    assert found["co"][0] == pytest.approx(19.05 / 4.0, abs=1e-12)
    assert found["o3"][0] == pytest.approx(181.0 / 160.0, abs=1e-12)


@given(st.lists(st.integers(1, 400_000).map(lambda parts: parts / 1000), min_size=1, max_size=60))
def test_percentiles_by_group_equal_numpy_group_by_group(values: list[float]) -> None:
    table = pd.DataFrame(dict.fromkeys(POLLUTANTS, values))
    table["city"] = ["ab"[place % 2] for place in range(len(values))]
    found = composite_index(table, ["city"])
    for city, part in table.groupby("city"):
        assert found.loc[city, "co"] == pytest.approx(np.percentile(part["co"], 95) / 4, rel=1e-9)
        assert found.loc[city, "o3"] == pytest.approx(np.percentile(part["o3"], 90) / 160, rel=1e-9)
        assert found.loc[city, "so2"] == pytest.approx(part["so2"].mean() / 60, rel=1e-9)


def test_the_order_of_rows_does_not_move_a_bit_of_the_composite_index() -> None:
    generator = np.random.default_rng(7)
    table = pd.DataFrame({name: generator.integers(1, 300_000, 400) / 1000 for name in POLLUTANTS})
    shuffled = table.sample(frac=1.0, random_state=3)
    assert composite_index(table)["composite"][0] == composite_index(shuffled)["composite"][0]


def test_a_pollutant_without_any_valid_day_leaves_no_composite_index() -> None:
    table = pd.DataFrame([CLEAN] * 3).assign(o3=np.nan)
    assert composite_index(table)["composite"].isna().all()
