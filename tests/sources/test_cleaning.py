"""Every value that is set aside is counted once, by rule and pollutant, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builders.air_quality import LIMITS, SOURCE_ERRORS, clean, read_daily
from builders.air_quality.cleaning import RULES
from builders.air_quality.describe import SHANDONG
from builders.aqi import POLLUTANTS

Write = Callable[..., Path]
HEADER = "city,date,aqi,pm25,pm10,so2,co,no2,o3"


def test_each_rule_takes_its_cases(write: Write) -> None:
    path = write(
        [
            HEADER,
            "淄博,2014-01-01,80,0,80,20,1,30,100",
            "淄博,2014-01-02,80,40,,20,-1,30,100",
            "淄博,2014-01-03,80,1000.1,80,1000,1,300.1,600.1",
            "太仓,2014-11-23,138,44.7,68.2,18.2,0.9,250,84",
            "太仓,2014-11-25,55,34.2,56.5,18.2,0.8,34.3,81",
        ]
    )
    record = read_daily(path)
    before = record.frame.copy(deep=True)
    cleaned = clean(record)
    table = cleaned.missing_table()
    assert list(table.index) == list(RULES)
    assert table.loc["zero"].to_dict() == {**dict.fromkeys(POLLUTANTS, 0), "pm25": 1}
    assert table.loc["empty"].to_dict() == {**dict.fromkeys(POLLUTANTS, 0), "pm10": 1}
    assert table.loc["negative"].to_dict() == {**dict.fromkeys(POLLUTANTS, 0), "co": 1}
    assert table.loc["above_limit"].to_dict() == {
        **dict.fromkeys(POLLUTANTS, 0),
        "pm25": 1,
        "no2": 1,
        "o3": 1,
    }
    assert table.loc["source_error"].to_dict() == {**dict.fromkeys(POLLUTANTS, 0), "no2": 1}
    assert cleaned.frame[list(POLLUTANTS)].isna().to_numpy().sum() == table.to_numpy().sum() == 7
    assert cleaned.frame.set_index(["city", "date"]).loc[("淄博", "2014-01-03"), "so2"] == 1000.0
    pd.testing.assert_frame_equal(record.frame, before)


def test_a_row_without_any_pollutant_is_dropped_and_an_index_of_zero_is_missing(write: Write) -> None:
    rows = [
        HEADER,
        "淄博,2014-01-01,0,0,0,0,0,0,0",
        "淄博,2014-01-02,0,40,80,20,1,30,100",
        "淄博,2014-01-03,501,90,80,2,1,3,4",
    ]
    cleaned = clean(read_daily(write(rows)))
    assert cleaned.counts == {
        "rows_read": 3,
        "rows_kept": 2,
        "rows_without_any_pollutant": 1,
        "published_index_missing": 3,
        "pm25_above_pm10": 1,
    }
    assert np.isnan(cleaned.frame["aqi"]).all()
    assert cleaned.frame["pm25"].tolist() == [40.0, 90.0]  # above PM10, and kept


def test_limits_lie_above_every_breakpoint_that_decides_a_good_day_and_say_why() -> None:
    assert set(LIMITS) == set(POLLUTANTS)
    for pollutant, limit in LIMITS.items():
        assert len(limit.reason) > 40, pollutant
        assert limit.unit == ("mg/m3" if pollutant == "co" else "ug/m3")


def test_no_declared_fault_touches_shandong() -> None:
    assert len(SHANDONG) == len(set(SHANDONG)) == 17
    assert not {error.city for error in SOURCE_ERRORS} & set(SHANDONG)
    for error in SOURCE_ERRORS:
        assert error.first <= error.last
        assert error.reason


@pytest.mark.shared
def test_what_is_set_aside_of_the_whole_record(shared: Path) -> None:
    cleaned = clean(read_daily(shared / "data/air_quality/all_cities_daily.csv.gz"))
    found = cleaned.missing_table()
    assert found.loc["zero"].to_dict() == {
        "pm25": 421,
        "pm10": 514,
        "so2": 424,
        "co": 452,
        "no2": 443,
        "o3": 556,
    }
    assert found.loc["above_limit"].to_dict() == {
        "pm25": 12,
        "pm10": 3,
        "so2": 10,
        "co": 0,
        "no2": 4,
        "o3": 31,
    }
    assert found.loc["source_error"].to_dict() == {
        "pm25": 1,
        "pm10": 1,
        "so2": 4,
        "co": 0,
        "no2": 14,
        "o3": 0,
    }
    assert found.loc[["empty", "negative"]].to_numpy().sum() == 0
    assert cleaned.counts["rows_without_any_pollutant"] == 332
    province = cleaned.frame[
        cleaned.frame["city"].isin(SHANDONG) & cleaned.frame["date"].dt.year.between(2014, 2016)
    ]
    assert len(province) == 17 * 1096 - 2
    assert province[list(POLLUTANTS)].isna().any(axis=1).sum() == 5
