"""The committed tables: what they say, and that the raw file gives them byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builders.air_quality import (
    build_city_month,
    clean,
    compare_copies,
    official_checkpoints,
    read_daily,
)
from builders.air_quality.checks import LARGEST_GAP, MEDIAN_GAP
from builders.air_quality.describe import HAND_MADE, SHANDONG
from builders.aqi import POLLUTANTS
from evaluation.errors import DataError, OutputError
from evaluation.sources.build import build
from evaluation.sources.manifest import load_manifest, read_table
from evaluation.sources.tables import csv_bytes, write_together

RAW = "data/air_quality/all_cities_daily.csv.gz"


@pytest.fixture(scope="module")
def months(root: Path) -> pd.DataFrame:
    return read_table("air_quality/city_month", root / "data")[0]


@pytest.fixture(scope="module")
def years(root: Path) -> pd.DataFrame:
    return read_table("air_quality/city_year", root / "data")[0]


@pytest.fixture(scope="module")
def cities(root: Path) -> pd.DataFrame:
    return read_table("air_quality/cities", root / "data")[0]


def yearly(months: pd.DataFrame, column: str) -> pd.DataFrame:
    """City by year, summed over months."""
    return months.assign(year=months["month"].str[:4].astype(int)).pivot_table(
        index="city", columns="year", values=column, aggfunc="sum"
    )


def test_good_days_of_zibo_and_of_the_sixteen_others(months: pd.DataFrame) -> None:
    recomputed, published = yearly(months, "good_days"), yearly(months, "good_days_published")
    assert recomputed.loc["淄博", [2014, 2015, 2016]].tolist() == [119, 136, 186]
    assert published.loc["淄博", [2014, 2015, 2016]].tolist() == [104, 140, 202]
    change = (recomputed[2016] - recomputed[2014]).loc[list(SHANDONG)]
    others = change.drop("淄博")
    assert len(others) == 16
    assert round(others.mean(), 1) == 50.9
    assert round(change["淄博"] - others.mean(), 1) == 16.1


def test_composite_index_of_zibo_fell_most_in_the_province(years: pd.DataFrame) -> None:
    table = years[years["city"].isin(SHANDONG)].pivot(index="city", columns="year", values="composite")
    assert table.loc["淄博"].round(2).tolist() == [10.84, 9.83, 8.29]
    assert (table[2016] - table[2014]).idxmin() == "淄博"


def test_the_table_has_188_cities_sorted_and_whole(months: pd.DataFrame, root: Path) -> None:
    assert months["city"].nunique() == 188
    assert len(months) == 188 * 38 - 1  # Daqing begins in January 2014
    assert set(months.loc[months["month"] == "2013-12", "city"]) == set(months["city"]) - {"大庆"}
    keys = list(zip(months["city"], months["month"], strict=True))
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    assert (months["month"].min(), months["month"].max()) == ("2013-12", "2017-01")
    assert (root / "data/air_quality/city_month.csv").stat().st_size < 700_000


def test_days_are_consistent_and_within_the_month(months: pd.DataFrame) -> None:
    length = pd.PeriodIndex(months["month"], freq="M").days_in_month
    assert (months["days"] <= length).all()
    assert (months["days_aqi"] <= months["days"]).all()
    assert (months["good_days"] <= months["days_aqi"]).all()
    assert (months["good_days_published"] <= months["days_published"]).all()
    complete = yearly(months, "days")[[2014, 2015, 2016]].sum(axis=1)
    assert (complete >= 1080).all()


def test_months_add_up_to_years(months: pd.DataFrame, years: pd.DataFrame) -> None:
    for column in ("days", "days_aqi", "days_published", "good_days", "good_days_published"):
        summed = yearly(months, column)[[2014, 2015, 2016]]
        pd.testing.assert_frame_equal(
            summed,
            years.pivot(index="city", columns="year", values=column),
            check_dtype=False,
            check_names=False,
        )


def test_every_city_has_a_name_of_its_own_and_shandong_is_seventeen(
    months: pd.DataFrame, cities: pd.DataFrame
) -> None:
    assert set(cities["city"]) == set(months["city"])
    assert cities["city"].is_unique
    assert cities["name_en"].is_unique
    assert cities["name_en"].str.isascii().all()
    names = cities.set_index("city")["name_en"]
    assert names[["淄博", "台州", "泰州", "哈尔滨", "西安", "拉萨", "呼和浩特"]].tolist() == [
        *("Zibo", "Taizhou (Zhejiang)", "Taizhou (Jiangsu)", "Harbin", "Xi'an", "Lhasa", "Hohhot"),
    ]
    prefectures = cities[(cities["province"] == "山东") & (cities["level"] == "prefecture")]
    assert set(prefectures["city"]) == set(SHANDONG)
    assert cities.groupby("province")["province_en"].nunique().eq(1).all()
    assert (cities["part_of"] == "").equals(cities["level"] == "prefecture")
    inside = set(cities.loc[cities["level"] == "prefecture", "city"]) | {"巴音郭楞州"}
    assert set(cities.loc[cities["level"] == "county", "part_of"]) <= inside


def test_official_figures_are_met(root: Path) -> None:
    table = read_table("air_quality/checkpoints", root / "data")[0]
    assert len(table) == 36
    gap = (table["recomputed"] / table["official"] - 1).abs() * 100
    assert gap.max() < LARGEST_GAP
    assert gap.median() < MEDIAN_GAP
    assert np.allclose(gap, table["gap_percent"].abs(), atol=0.25)  # recomputed is kept to one decimal
    assert table["url"].str.startswith("http").all()


def test_a_build_of_a_small_record(long_record: Path, tmp_path: Path, root: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    summary = build("air_quality", long_record, first, project=root)
    assert summary.rows_read == 1099 * 2 + 365
    assert summary.dropped["the city is not complete in 2014-2016"] == 365
    assert set(summary.changed) == {"air_quality/city_month", "air_quality/city_year"}
    assert any("not the copy" in note for note in summary.notes)
    assert load_manifest(first).verify() == []
    table, info = read_table("air_quality/city_month", first)
    zibo = table[(table["city"] == "淄博") & (table["month"] == "2014-01")].iloc[0]
    assert (zibo["days"], zibo["good_days"], zibo["good_days_published"]) == (31, 21, 21)
    assert zibo["pm25"] == pytest.approx((21 * 40 + 10 * 100) / 31, abs=0.005)
    assert info.counts["rows_read"] == summary.rows_read
    assert info.raw is not None
    assert info.raw.name == "two_cities.csv"
    assert not info.simulated
    assert build("air_quality", long_record, first, project=root).changed == ()
    shuffled = tmp_path / "two_cities.csv"
    head, *rows = long_record.read_text(encoding="utf-8").splitlines()
    shuffled.write_text("\n".join([head, *reversed(rows)]), encoding="utf-8")
    build("air_quality", shuffled, second, project=root)
    path = "air_quality/city_month.csv"
    assert (first / path).read_bytes() == (second / path).read_bytes()


def test_a_record_without_a_complete_city_builds_nothing(
    lines: list[str], tmp_path: Path, root: Path
) -> None:
    raw = tmp_path / "short.csv"
    raw.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match="no city of the raw file is complete") as caught:
        build("air_quality", raw, tmp_path / "data", project=root)
    assert "淄博 2" in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_an_unknown_source(tmp_path: Path, root: Path) -> None:
    with pytest.raises(DataError, match="there is no source 'water' to build") as caught:
        build("water", tmp_path, tmp_path, project=root)
    assert "one of air_quality" in str(caught.value)
    with pytest.raises(DataError, match="data-raw/builders, which does not exist") as caught:
        build("castle", tmp_path, tmp_path, project=tmp_path)
    assert "one of approvals_cases, crime_incidents\n" in str(caught.value)


def test_a_folder_that_cannot_be_written_leaves_what_was_there(
    long_record: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    before = {path: path.read_bytes() for path in data_dir.rglob("*") if path.is_file()}
    opened = Path.open

    def refuse(self: Path, *arguments: object, **named: object) -> object:
        if self.name.startswith(".city_year.csv"):
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OutputError, match="the table cannot be written") as caught:
        build("air_quality", long_record, data_dir, project=root)
    assert "Permission denied" in str(caught.value)
    monkeypatch.undo()
    assert {path: path.read_bytes() for path in data_dir.rglob("*") if path.is_file()} == before


def test_a_folder_in_the_place_of_a_file_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(OutputError):
        write_together({tmp_path / "data" / "a.csv": b"x"})


def test_csv_has_fixed_decimals_line_feeds_and_no_negative_zero() -> None:
    frame = pd.DataFrame({"a": ["x,y", "", "淄博"], "b": [-0.001, np.nan, 2.0 / 3.0], "c": [1, 2, 3]})
    assert csv_bytes(frame, {"b": 2}).decode() == 'a,b,c\n"x,y",0.00,1\n,,2\n淄博,0.67,3\n'


def test_figures_of_unknown_variables_and_places(long_record: Path) -> None:
    days = clean(read_daily(long_record)).frame
    figures = pd.DataFrame(
        {
            "period": ["2014-01", "2014"],
            "place": ["淄博", "北京"],
            "variable": ["pm25", "so2"],
            "official": [60.0, 9.0],
        }
    )
    table = official_checkpoints(days, figures, ["淄博", "青岛"])
    assert table["recomputed"][0] == pytest.approx((21 * 40 + 10 * 100) / 31)
    assert np.isnan(table["recomputed"][1])
    with pytest.raises(DataError, match="unknown variables: nh3"):
        official_checkpoints(days, figures.assign(variable="nh3"), ["淄博"])


def test_a_copy_with_two_values_for_one_day_is_refused(long_record: Path) -> None:
    days = clean(read_daily(long_record)).frame
    copy = pd.DataFrame({"city": "Zibo", "date": ["2014-01-01"] * 2, "pm25": [1, 2], "pm10": [3, 3]})
    with pytest.raises(DataError, match="different rows for one city-day"):
        compare_copies(days, copy, {"Zibo": "淄博"})
    with pytest.raises(DataError, match="no name in the record: Zibo"):
        compare_copies(days, copy, {})


@pytest.mark.shared
def test_the_raw_file_gives_the_committed_tables_byte_for_byte(
    shared: Path, root: Path, tmp_path: Path
) -> None:
    for name in HAND_MADE:
        target = tmp_path / f"{name}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "data" / f"{name}.csv", target)
    summary = build_city_month(shared / RAW, tmp_path)
    assert summary.notes == ()
    for table in summary.tables:
        assert (tmp_path / table.path).read_bytes() == (root / "data" / table.path).read_bytes(), table.path
    built, committed = load_manifest(tmp_path), load_manifest(root / "data")
    for table in built.tables:
        assert table == committed[table.name]


@pytest.mark.shared
def test_the_official_figures_are_those_of_the_collection(shared: Path, root: Path) -> None:
    collected = pd.read_csv(shared / "data/air_quality/official_checkpoints.csv")
    ours = read_table("air_quality/checkpoints", root / "data")[0]
    assert ours["official"].tolist() == collected["official"].tolist()
    assert ours["url"].tolist() == collected["url"].tolist()
    assert np.allclose(ours["recomputed"], collected["from_daily_file"], atol=0.101)


@pytest.mark.shared
def test_an_independent_copy_agrees(shared: Path, cities: pd.DataFrame) -> None:
    days = clean(read_daily(shared / RAW)).frame
    copy = pd.read_csv(shared / "data/air_quality/gao2016_shandong_daily.csv")
    named = cities[cities["city"].isin(SHANDONG)]
    names = dict(zip(named["name_en"].str.replace("'", ""), named["city"], strict=True))
    table = compare_copies(days, copy, names)
    assert len(table) == 32
    assert table["above_099"].all()
    assert (table["correlation_changes"] > 0.98).all()
    zibo = table[(table["city"] == "淄博") & (table["pollutant"] == "pm25")].iloc[0]
    assert round(zibo["correlation"], 3) == 0.998
    assert set(POLLUTANTS) >= set(table["pollutant"])
