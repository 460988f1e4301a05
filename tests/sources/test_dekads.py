"""The ten-day table of Shandong: it adds up to the monthly one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builders.air_quality.dekads import TABLE, build_dekads, by_dekad
from builders.aqi import POLLUTANTS, composite_index
from evaluation.errors import DataError
from evaluation.sources.build import build
from evaluation.sources.manifest import load_manifest, read_table


def test_dekads_add_up_to_the_months(root: Path) -> None:
    dekads, info = read_table(TABLE, root / "data")
    months = read_table("air_quality/city_month", root / "data")[0]
    assert not info.simulated
    counts = ["days", "days_aqi", "good_days", "good_days_published"]
    summed = dekads.groupby(["city", "month"])[counts].sum()
    monthly = months.set_index(["city", "month"]).loc[summed.index]
    assert summed.equals(monthly[counts])
    for name in POLLUTANTS:
        weighted = (dekads[name] * dekads["days"]).groupby([dekads["city"], dekads["month"]]).sum()
        # a missing value takes the mean of its dekad, so that a month can differ a little
        assert np.allclose(weighted / summed["days"], monthly[name], rtol=0.06)
        assert np.isclose(weighted / summed["days"], monthly[name], rtol=2e-3).mean() > 0.98


def test_ten_days_ten_days_and_the_rest() -> None:
    dates = pd.date_range("2014-01-01", "2014-02-28")
    record = pd.DataFrame({"city": "淄博", "date": dates, "aqi": 80.0})
    record = record.assign(**dict.fromkeys(POLLUTANTS, 1.0))
    record.loc[record["date"] > "2014-02-20", "pm25"] = 100.0
    table = by_dekad(record)
    assert table["days"].tolist() == [10, 10, 11, 10, 10, 8]
    assert table["good_days"].tolist() == [10, 10, 11, 10, 10, 0]
    assert table["good_days_published"].sum() == 59
    assert table["pm25"].tolist() == [1.0] * 5 + [100.0]


def test_a_part_of_the_record_is_refused(long_record: Path, tmp_path: Path, root: Path) -> None:
    with pytest.raises(DataError, match="lacks dekads"):
        build("air_quality_dekads", long_record, tmp_path, project=root)


@pytest.mark.shared
def test_the_raw_file_gives_the_committed_table_byte_for_byte(
    shared: Path, root: Path, tmp_path: Path
) -> None:
    build_dekads(shared / "data/air_quality/all_cities_daily.csv.gz", tmp_path)
    path = f"{TABLE}.csv"
    assert (tmp_path / path).read_bytes() == (root / "data" / path).read_bytes()
    assert load_manifest(tmp_path)[TABLE] == load_manifest(root / "data")[TABLE]


def test_the_composite_of_a_stretch_is_made_of_its_days(root: Path) -> None:
    rng = np.random.default_rng(0)
    dates = pd.date_range("2014-01-01", "2014-03-31")
    record = pd.DataFrame({"city": "淄博", "date": dates, "aqi": 80.0})
    record = record.assign(**{name: np.round(50 + 40 * rng.random(len(dates)), 1) for name in POLLUTANTS})
    table = by_dekad(record)
    # from 11 January on: days 10 to 39
    inside = record["date"].between("2014-01-11", "2014-02-10")
    expected = composite_index(record[inside])["composite"].item()
    assert table["composite_stretch"][1] == pytest.approx(expected)
    assert table["composite_stretch"].isna().tolist() == [False] * 7 + [True] * 2
    gap = by_dekad(record[~record["date"].between("2014-02-01", "2014-02-10")])
    assert gap["composite_stretch"].isna().tolist() == [False, True, True, False, False, False, True, True]


def test_the_stretch_of_a_first_dekad_is_the_month(root: Path) -> None:
    dekads = read_table(TABLE, root / "data")[0]
    first = dekads[dekads["dekad"] == 1].set_index(["city", "month"])["composite_stretch"]
    months = read_table("air_quality/city_month", root / "data")[0].set_index(["city", "month"])["composite"]
    assert first.equals(months.loc[first.index].rename("composite_stretch"))
