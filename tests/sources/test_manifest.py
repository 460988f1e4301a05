"""The manifest: a table that is not the one it describes is refused, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.errors import DataError
from evaluation.sources.manifest import load_manifest, read_table
from evaluation.sources.reading import sha256_of

MONTHS = "air_quality/city_month"


def test_committed_tables_agree_with_the_manifest(root: Path) -> None:
    manifest = load_manifest(root / "data")
    assert manifest.verify() == []
    assert [table.name for table in manifest.tables if table.name.startswith("air_quality/")] == [
        *("air_quality/checkpoints", "air_quality/cities", "air_quality/city_month", "air_quality/city_year"),
        *("air_quality/official_figures", "air_quality/shandong_dekads"),
    ]


def test_every_table_says_where_it_comes_from_in_both_languages(root: Path) -> None:
    for table in load_manifest(root / "data").tables:
        assert table.simulated == ("simulated" in table.name)
        for words in (table.title, table.source, table.licence):
            assert words["en"].isascii() or "µ" in words["en"]
            assert any("\u4e00" <= letter <= "\u9fff" for letter in words["zh"])
        for column in table.columns:
            assert column.description["en"]
            assert column.description["zh"]
            assert bool(column.unit["en"]) == bool(column.unit["zh"])
        assert (table.raw is None) == (table.made_by == "hand")
    months = load_manifest(root / "data")[MONTHS]
    assert months.units["co"] == {"en": "mg/m³", "zh": "毫克/立方米"}
    assert months.units["pm25"] == {"en": "µg/m³", "zh": "微克/立方米"}
    assert months.units["good_days"] == {"en": "days", "zh": "天"}
    assert months.counts["cities_used"] == 188
    assert months.counts["rows_read"] == months.counts["rows_used"] + sum(
        months.counts["rows_dropped"].values()
    )
    assert months.counts["values_set_missing"]["zero"]["pm25"] == 421


def test_the_manifest_file_is_what_writing_it_gives(root: Path) -> None:
    manifest = load_manifest(root / "data")
    assert manifest.to_bytes() == (root / "data/manifest.toml").read_bytes()


def test_a_table_has_the_kinds_of_the_manifest(root: Path) -> None:
    frame, info = read_table(MONTHS, root / "data")
    assert frame["days"].dtype == "int64"
    assert frame["composite"].dtype == "float64"
    assert isinstance(frame["city"].iloc[0], str)
    assert len(frame) == info.rows
    cities, _ = read_table("air_quality/cities", root / "data")
    assert cities["part_of"].notna().all()


def test_a_changed_table_is_refused_with_both_checksums(data_dir: Path) -> None:
    path = data_dir / "air_quality/city_month.csv"
    path.write_bytes(path.read_bytes().replace(b",119", b",120", 1) + b" ")
    expected = load_manifest(data_dir)[MONTHS].sha256
    with pytest.raises(DataError) as caught:
        read_table(MONTHS, data_dir)
    message = str(caught.value)
    assert "is not the one that the manifest describes" in message
    assert str(path) in message
    assert f"expected: sha256 {expected}" in message
    assert (
        "git checkout -- data/air_quality/city_month.csv, or rebuild it: evaluation data build air_quality"
        in message
    )
    problems = load_manifest(data_dir).verify()
    assert [str(problem) for problem in problems] == [message]


def test_a_missing_table_and_a_table_that_nobody_knows(data_dir: Path) -> None:
    (data_dir / "air_quality/cities.csv").unlink()
    (data_dir / "stray.csv").write_text("a,b\n1,2\n")
    problems = [str(problem) for problem in load_manifest(data_dir).verify()]
    assert len(problems) == 1
    assert "the table air_quality/cities cannot be read" in problems[0]
    assert "to mend: git checkout -- data/air_quality/cities.csv" in problems[0]
    assert load_manifest(data_dir).unregistered() == ["stray"]
    frame, info = read_table("stray", data_dir)
    assert frame.to_dict("list") == {"a": [1], "b": [2]}
    assert (info.registered, info.rows, len(info.sha256)) == (False, 1, 64)
    assert info.source["en"] == "not registered: no source, licence or unit stated"


def change(data_dir: Path, old: str, new: str) -> None:
    path = data_dir / "manifest.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_rows_and_columns_that_differ_from_the_manifest(data_dir: Path) -> None:
    change(data_dir, "rows = 564", "rows = 565")
    change(data_dir, 'name = "part_of"', 'name = "belongs_to"')
    problems = [str(problem) for problem in load_manifest(data_dir).verify()]
    assert len(problems) == 2
    assert "188 rows of city, name_en" in problems[0]
    assert "belongs_to" in problems[0]
    assert "expected: 565 rows" in problems[1]


def test_columns_of_another_kind(data_dir: Path) -> None:
    change(data_dir, 'name = "name_en"\nkind = "text"', 'name = "name_en"\nkind = "integer"')
    with pytest.raises(DataError, match="188 values of name_en are not numbers"):
        read_table("air_quality/cities", data_dir)


def test_an_unknown_table_names_the_known(root: Path) -> None:
    with pytest.raises(DataError, match="there is no table 'air'") as caught:
        read_table("air", root / "data")
    assert MONTHS in str(caught.value)


@pytest.mark.parametrize(
    ("new", "said"),
    [("format = 2", "the manifest has format 2"), ("format = ", "the manifest is not valid TOML")],
)
def test_a_manifest_that_is_not_valid_as_a_whole(new: str, said: str, data_dir: Path) -> None:
    change(data_dir, "format = 1", new)
    with pytest.raises(DataError, match=said):
        load_manifest(data_dir)


@pytest.mark.parametrize(
    ("old", "new", "table", "said"),
    [
        ("rows = 564", "lines = 564", "air_quality/city_year", ("the key 'rows' is missing", "key rows")),
        (
            'name = "name_en"\nkind = "text"',
            'name = "name_en"\nkind = "words"',
            "air_quality/cities",
            ("the kind of column name_en is 'words'", "key columns.2.kind", "one of text, integer, number"),
        ),
        (
            'path = "air_quality/cities.csv"',
            'path = "../cities.csv"',
            "air_quality/cities",
            ("'../cities.csv' leaves the data folder", "key path"),
        ),
    ],
)
def test_a_wrong_entry_names_its_line_and_breaks_only_its_table(
    old: str, new: str, table: str, said: tuple[str, ...], data_dir: Path
) -> None:
    change(data_dir, old, new)
    lines = (data_dir / "manifest.toml").read_text(encoding="utf-8").splitlines()
    read_table(MONTHS, data_dir)
    with pytest.raises(DataError) as caught:
        read_table(table, data_dir)
    message = str(caught.value)
    for text in said:
        assert text in message
    number = int(message.partition(", line ")[2].partition(",")[0])
    assert lines[number - 1] == (new.splitlines()[-1] if "lines =" not in new else "[[tables]]")
    assert [str(problem) for problem in load_manifest(data_dir).verify()] == [message]


def test_an_entry_needs_four_keys_and_one_language(tmp_path: Path) -> None:
    content = "place,year,y\nA,2000,1\n".encode("gb18030")
    (tmp_path / "t.csv").write_bytes(content)
    (tmp_path / "manifest.toml").write_text(
        f'format = 1\n[[tables]]\nname = "t"\npath = "t.csv"\nsha256 = "{sha256_of(content)}"\nrows = 1\n'
        'source = "An office"\ncolumns = [{ name = "y", kind = "number", unit = "km" }]\n'
    )
    frame, info = read_table("t", tmp_path)
    assert frame["y"].dtype == "float64"
    assert list(frame) == ["place", "year", "y"]
    assert info.source["zh"] == info.source["en"] == "An office"
    assert info.licence["en"] == "licence not stated"
    assert info.units == {"y": {"en": "km", "zh": "km"}}


def test_no_manifest_is_one_without_entries(tmp_path: Path) -> None:
    assert load_manifest(tmp_path).tables == ()
