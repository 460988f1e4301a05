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


@pytest.fixture
def study(settings: Path) -> Path:
    """The same settings in a study file, with paths relative to it."""
    text = SETTINGS.replace('table = "crime/test_month"\n', "").replace('"people.csv"', '"../people.csv"')
    text = text.replace('records = "records"', 'records = "../records"')
    for name in ("columns", "outcomes", "title", "source", "licence"):
        text = text.replace(f"[{name}]", f"[import.{name}]")
    path = settings.parent / "studies" / "our_crime.toml"
    path.parent.mkdir()
    head = 'id = "our_crime"\nkind = "staggered"\n[data]\ntable = "crime/test_month"\n\n[import]\n'
    path.write_text(head + text, encoding="utf-8")
    return path


def test_headers_may_be_mapped_in_the_study_file(study: Path, settings: Path, data_dir: Path) -> None:
    build("crime_incidents", settings, data_dir)
    frame, _ = read_table("crime/test_month", data_dir)
    summary = build("crime_incidents", study, data_dir)
    assert summary.changed == ()
    again, info = read_table("crime/test_month", data_dir)
    assert again.equals(frame)
    assert info.made_by == "evaluation data build crime_incidents --raw studies/our_crime.toml"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'occurred = ["案发日", "发案日期"]',
            'occurred = "出事日期"  # as the police write it',
            [
                "no column for occurred (出事日期)",
                "1.csv",
                "案件编号, 案发日",
                'line 15: occurred = "出事日期"',
            ],
        ),
        (
            "[import.columns]",
            '[import.columns]\nplace = "地段"',
            ["no column for place (地段)", "line 15: place"],
        ),
        (
            "[import.columns]",
            '[import.columns]\nscene = "地段"',
            ["there is no field scene", "line 15: scene"],
        ),
        ('first = "2015-01"', 'frist = "2015-01"', ["frist: unknown key", "first: missing key"]),
        ("[import]", "[imports]", ["does not say how its table is made", "[import]"]),
    ],
)
def test_a_wrong_line_of_the_study_file_is_named(
    study: Path, data_dir: Path, old: str, new: str, said: list[str]
) -> None:
    text = study.read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new, 1)
    study.write_text(text.replace("[import.", "[imports.") if new == "[imports]" else text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        build("crime_incidents", study, data_dir)
    for words in (*said, "our_crime.toml"):
        assert words in str(caught.value)


def test_a_header_that_no_line_names_says_where_to_add_it(settings: Path, data_dir: Path) -> None:
    one = settings.parent / "records" / "1.csv"
    one.write_text(one.read_text(encoding="utf-8").replace("发案地", "地段"), encoding="utf-8")
    with pytest.raises(DataError, match="no column for place") as caught:
        build("crime_incidents", settings, data_dir)
    assert 'import.toml: add place = "…" below line 9, [columns]' in str(caught.value)


def test_what_a_study_needs_of_districts_stands_in_the_table(settings: Path, data_dir: Path) -> None:
    said = 'adopted = { "张店区" = "2015-02" }\nnames_en = { "张店区" = "Zhangdian" }\n'
    settings.write_text(said + SETTINGS, encoding="utf-8")
    build("crime_incidents", settings, data_dir)
    frame, info = read_table("crime/test_month", data_dir)
    by = frame.fillna("").drop_duplicates("unit").set_index("unit")
    assert by.loc["张店区", ["name_en", "adopted"]].tolist() == ["Zhangdian", "2015-02"]
    assert by.loc["高青县", ["name_en", "adopted"]].tolist() == ["高青县", ""]
    assert "first month of the measure; empty: never" in {c.description["en"] for c in info.columns}
    for old, new, words in (
        ("张店区", "张店", "districts that there are not: 张店"),
        ("2015-02", "spring", "张店区: expected a month such as 2015-04"),
    ):
        settings.write_text(said.replace(old, new) + SETTINGS, encoding="utf-8")
        with pytest.raises(DataError, match=words):
            build("crime_incidents", settings, data_dir)


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
