"""A city's table by a file of settings, end to end through the command line's own function."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.errors import DataError
from evaluation.sources.build import build
from evaluation.sources.manifest import load_manifest, read_table

SETTINGS = """\
table = "crime/test_month"
records = "records"
first = "2015-01"
last = "2015-02"
as_of = "2015-03-31"
longest_delay = 30
population = "people.csv"

[columns]
occurred = ["案发日", "发案日期"]

[outcomes]
theft = { en = "theft", zh = "盗窃" }

[title]
en = "Incidents of a city"
zh = "某市案件"
[source]
en = "the city's own record"
zh = "该市记录"
[licence]
en = "none"
zh = "无"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    records = tmp_path / "records"
    records.mkdir()
    one = [
        "案件编号,案发日,报案日期,案别,发案地",
        "1,2015-01-05,2015-01-05,入室盗窃,张店分局",
        "2,2015-01-07,2015-03-20,盗窃,370321",
    ]
    two = [
        "案件编号,发案日期,报案日期,案别,发案地",
        "3,2015年2月5日,2015年2月6日,抢夺,张店区",
        "4,2015年2月5日,2015年2月6日,治安案件,外地",
    ]
    (records / "1.csv").write_text("\n".join(one), encoding="utf-8")
    (records / "2.csv").write_text("\n".join(two), encoding="gb18030")
    units = ("张店区", "淄川区", "博山区", "临淄区", "周村区", "桓台县", "高青县", "沂源县")
    people = "".join(f"{unit},2015,{100_000 + i}\n" for i, unit in enumerate(units))
    (tmp_path / "people.csv").write_text("unit,year,population\n" + people, encoding="utf-8")
    path = tmp_path / "import.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    return path


def test_a_city_gets_its_table_without_python(settings: Path, data_dir: Path) -> None:
    summary = build("crime_incidents", settings, data_dir)
    frame, info = read_table("crime/test_month", data_dir)
    assert len(frame) == 16
    assert list(frame.columns) == [
        "unit",
        "month",
        "all",
        "theft",
        "burglary",
        "robbery",
        "complete",
        "population",
    ]
    counts = frame.set_index(["unit", "month"])[["all", "theft", "burglary", "robbery"]]
    assert counts.loc[("张店区", "2015-01")].tolist() == [1, 1, 1, 0]
    assert counts.loc[("张店区", "2015-02")].tolist() == [1, 0, 0, 1]
    assert counts.to_numpy().sum() == 5
    assert summary.dropped == {
        "the place is in the map as one that is left out": 1,
        "reported later than the longest delay that counts": 1,
    }
    assert "1.csv utf-8, 2.csv gb18030" in summary.notes[0]
    assert info.counts["rows_read"] == 4
    assert not info.simulated
    assert info.units["theft"] == {"en": "cases", "zh": "起"}
    assert load_manifest(data_dir).verify() == []
    assert build("crime_incidents", settings, data_dir).changed == ()


def test_a_table_to_hand_on_holds_no_small_count(settings: Path, data_dir: Path) -> None:
    asked = "[disclosure]\nminimum = 10\n\n[title]"
    settings.write_text(SETTINGS.replace("[title]", asked), encoding="utf-8")
    build("crime_incidents", settings, data_dir)
    frame, info = read_table("crime/test_month_shared", data_dir)
    assert len(frame) == 9 * 3
    shown = frame[["all", "theft", "burglary", "robbery"]].to_numpy().ravel()
    assert not ((shown > 0) & (shown < 10)).any()
    # two single incidents, which no other count can hide: their totals are withheld with them
    assert info.counts["withheld"]["all"] == {"small": 2, "beside": 0}
    assert load_manifest(data_dir).verify() == []
    settings.write_text(SETTINGS.replace("[title]", asked.replace("10", "-1")), encoding="utf-8")
    with pytest.raises(DataError, match=r"disclosure\.minimum"):
        build("crime_incidents", settings, data_dir)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('last = "2015-02"', 'lst = "2015-02"', r"2 wrong keys[\s\S]*last: [\s\S]*lst: "),
        ('table = "crime/test_month"', 'table = "../x"', "table: "),
        ('records = "records"', 'records = "nowhere"', "does not exist"),
        ("longest_delay = 30", "longest_delay = ", "not TOML"),
        ('as_of = "2015-03-31"', 'as_of = "2015-02-03"', "before the end of 2015-02"),
    ],
)
def test_wrong_settings_are_named(settings: Path, data_dir: Path, old: str, new: str, words: str) -> None:
    settings.write_text(SETTINGS.replace(old, new), encoding="utf-8")
    before = sorted(path.name for path in (data_dir / "crime").iterdir())
    with pytest.raises(DataError, match=words):
        build("crime_incidents", settings, data_dir)
    assert sorted(path.name for path in (data_dir / "crime").iterdir()) == before


def test_negative_population_stops_the_build(settings: Path, data_dir: Path) -> None:
    people = settings.parent / "people.csv"
    people.write_text(people.read_text(encoding="utf-8").replace("100002", "-100002"), encoding="utf-8")
    with pytest.raises(DataError, match="not above 0"):
        build("crime_incidents", settings, data_dir)
    assert not (data_dir / "crime" / "test_month.csv").exists()
