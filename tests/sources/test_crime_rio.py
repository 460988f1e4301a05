"""Recorded crime of Rio: what the reader accepts and refuses, and the committed tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from builders.crime_rio import COUNTS, read_counts, read_names, read_population, read_units
from evaluation.errors import DataError
from evaluation.sources.build import build
from evaluation.sources.manifest import load_manifest, read_table

HAND = ("crime/precinct_splits", "crime/upp_precincts")
HEADER = ["CISP", "mes", "vano", "munic", "Regiao", "AISP", *COUNTS.values()]


def row(
    precinct: int, month: int, year: int = 2003, count: object = 1, **changed: object
) -> dict[str, object]:
    fields: dict[str, object] = {
        "CISP": precinct,
        "mes": month,
        "vano": year,
        "munic": "São Gonçalo     ",
        "Regiao": "Grande Niterói    ",
        "AISP": 7,
        **dict.fromkeys(COUNTS.values(), count),
    }
    return {**fields, **changed}


def write(path: Path, rows: list[dict[str, object]], *, encoding: str = "latin-1", sep: str = ";") -> Path:
    columns = list(rows[0])
    lines = [sep.join(columns), *(sep.join(str(r[c]) for c in columns) for r in rows)]
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig"])
def test_padded_names_and_either_encoding_are_read(tmp_path: Path, encoding: str) -> None:
    record = read_counts(write(tmp_path / "counts.csv", [row(1, 1), row(1, 2)], encoding=encoding))
    assert record.frame["municipality"].tolist() == ["São Gonçalo"] * 2
    assert record.frame["region"].tolist() == ["Grande Niterói"] * 2
    assert [str(month) for month in record.frame["month"]] == ["2003-01", "2003-02"]


def test_an_empty_count_is_missing_and_counted(tmp_path: Path) -> None:
    record = read_counts(write(tmp_path / "counts.csv", [row(1, 1, hom_doloso=""), row(1, 2)]))
    assert record.frame["homicide"].isna().tolist() == [True, False]
    assert record.empty["homicide"] == 1
    assert record.empty["theft"] == 0


def test_decimals_may_have_a_comma(tmp_path: Path) -> None:
    rows = [
        {"circ": 1, "mes": 7, "vano": 2006, "pop_circ": "1586,857274"},
        {"circ": 1, "mes": 8, "vano": 2006, "pop_circ": "1587.866084"},
    ]
    frame, _ = read_population(write(tmp_path / "population.csv", rows))
    assert frame["population"].tolist() == [1586.857274, 1587.866084]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row(1, 1, hom_doloso="two"), row(1, 2)], r"hom_doloso are not numbers[\s\S]*line 2 \('two'\)"),
        ([row(1, 1), row(1, 2, hom_doloso=-1)], r"hom_doloso are negative[\s\S]*line 3"),
        ([row(1, 1), row(1, 2, hom_doloso="1.5")], "not whole numbers"),
        ([row(1, 1), row(1, 2, hom_doloso="1.000")], None),
        ([row(1, 1), row(1, 13)], "a year or month that there is not"),
        ([row(1, 1), row(1, 1)], r"a month twice[\s\S]*precinct 1 in 2003-01"),
        ([row(1, 1), row(1, 3)], r"lack months[\s\S]*precincts 1"),
        ([row("A", 1)], r"CISP are not[\s\S]*line 2"),
    ],
)
def test_bad_counts_are_refused_with_their_place(
    tmp_path: Path, rows: list[dict[str, object]], message: str | None
) -> None:
    path = write(tmp_path / "counts.csv", rows)
    if message is None:
        assert len(read_counts(path).frame) == len(rows)
    else:
        with pytest.raises(DataError, match=message):
            read_counts(path)


def test_files_that_are_not_the_format_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="separated by commas: export it with semicolons"):
        read_counts(write(tmp_path / "commas.csv", [row(1, 1)], sep=","))
    with pytest.raises(DataError, match="UTF-16"):
        read_counts(write(tmp_path / "wide.csv", [row(1, 1)], encoding="utf-16"))
    with pytest.raises(DataError, match="absent"):
        read_counts(tmp_path / "nowhere.csv")
    short = {key: value for key, value in row(1, 1).items() if key != "hom_doloso"}
    with pytest.raises(DataError, match="no column hom_doloso"):
        read_counts(write(tmp_path / "short.csv", [short]))
    path = write(tmp_path / "uneven.csv", [row(1, 1), row(1, 2)])
    path.write_bytes(path.read_bytes() + b"\r\n1;3;2003")
    with pytest.raises(DataError, match=r"do not have its 13 fields[\s\S]*lines 4"):
        read_counts(path)
    empty = tmp_path / "empty.csv"
    empty.write_bytes((";".join(HEADER)).encode())
    with pytest.raises(DataError, match="no rows"):
        read_counts(empty)


def test_a_population_of_zero_or_less_is_refused(tmp_path: Path) -> None:
    rows = [{"circ": 1, "mes": 7, "vano": 2006, "pop_circ": "-5.0"}]
    with pytest.raises(DataError, match=r"not above 0[\s\S]*line 2 \('-5.0'\)"):
        read_population(write(tmp_path / "population.csv", rows))


def test_opening_days_and_units_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    good = {"Data": "28/11/08", "Unidade": "1ª UPP", "Favela": "Santa Marta", "Localidade": "Botafogo"}
    noted = {**good, "Unidade": "11° UPP[1]", "Data": "17/09/10"}
    frame, _ = read_units(write(tmp_path / "units.csv", [good, noted]))
    assert frame["unit"].tolist() == [1, 11]
    assert str(frame["opened"][0].date()) == "2008-11-28"
    with pytest.raises(DataError, match=r"opening days cannot be read[\s\S]*31/02/09"):
        read_units(write(tmp_path / "day.csv", [good, {**noted, "Data": "31/02/09"}]))
    with pytest.raises(DataError, match="no number, or one that another has"):
        read_units(write(tmp_path / "twice.csv", [good, {**good, "Data": "29/11/08"}]))


@pytest.fixture
def raw(shared: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "crime_rio"
    shutil.copytree(shared / "data" / "crime_rio", folder)
    for file in folder.iterdir():
        file.chmod(0o644)
    folder.chmod(0o755)
    return folder


@pytest.fixture
def data(root: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "crime").mkdir(parents=True)
    for name in HAND:
        shutil.copy(root / "data" / f"{name}.csv", folder / f"{name}.csv")
    return folder


@pytest.mark.shared
def test_the_raw_files_give_the_committed_tables_byte_for_byte(raw: Path, data: Path, root: Path) -> None:
    summary = build("crime_rio", raw, data, project=root)
    assert summary.notes == ()
    assert summary.rows_read == 23_323
    committed = load_manifest(root / "data")
    for table in summary.tables:
        assert committed[table.name] == table
        assert (data / table.path).read_bytes() == (root / "data" / table.path).read_bytes()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("crime/upp_precincts", "10,2010-07-28", "10,2010-07-29", "unit 10 opened on 2010-07-28"),
        ("crime/upp_precincts", "Rocinha,São Conrado,15", "Rocinha,São Conrado,500", "no precinct 500"),
        ("crime/precinct_splits", "130,123,2008-06,Quissamã was cut from Macaé\n", "", "precincts 130"),
        ("crime/precinct_splits", "42,16,2010-04", "42,16,2010-05", r"42 \(2010-04, not 2010-05\)"),
    ],
)
def test_hand_made_tables_that_disagree_with_the_record_are_refused(
    raw: Path, data: Path, table: str, old: str, new: str, message: str, root: Path
) -> None:
    path = data / f"{table}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        build("crime_rio", raw, data, project=root)


@pytest.mark.shared
def test_twice_encoded_names_are_mended(raw: Path) -> None:
    names, _ = read_names(raw / "delegacias_names.csv")
    assert names[7] == "Santa Teresa"
    assert names[1] == "Praça Mauá"
    assert names[16] == "Barra da Tijuca"


def test_a_folder_is_expected(tmp_path: Path, root: Path) -> None:
    with pytest.raises(DataError, match="a folder with four files"):
        build("crime_rio", tmp_path / "counts.csv", tmp_path, project=root)


def test_the_committed_quarters_are_complete_and_add_up(root: Path) -> None:
    quarters, info = read_table("crime/rio_precinct_quarter", root / "data")
    months, _ = read_table("crime/rio_month", root / "data")
    places, _ = read_table("crime/rio_precincts", root / "data")
    assert not info.simulated
    assert quarters["precinct"].nunique() == 126 == len(places)
    assert len(quarters) == 126 * 56
    late = quarters[quarters["quarter"] >= "2007Q1"]
    assert late.drop(columns=["first_upp", "first_upp_sure", "first_near"]).notna().all(axis=None)
    months["year"] = months["month"].str[:4]
    yearly = months[months["year"].between("2007", "2016")].groupby("year")[list(COUNTS)].sum()
    ours = late.groupby(late["quarter"].str[:4])[list(COUNTS)].sum()
    pd.testing.assert_frame_equal(yearly, ours, check_names=False)
    assert (places["first_upp"] != "").sum() == 19
    assert places.loc[places["first_upp"] != "", "first_upp"].min() == "2008Q4"
    assert not ((places["first_upp"] != "") & (places["first_near"] != "")).any()


def test_recording_breaks_in_february_2017(root: Path) -> None:
    months, _ = read_table("crime/rio_month", root / "data")
    total = months.set_index("month")["total"]
    assert total["2017-02"] < 0.5 * total["2016-02":"2016-12"].mean()
    homicide = months.set_index("month")["homicide"]
    assert homicide["2017-02"] > homicide["2016-02":"2016-12"].mean()


def test_every_unit_has_a_precinct_a_certainty_and_a_reason(root: Path) -> None:
    units, _ = read_table("crime/upp_precincts", root / "data")
    places, _ = read_table("crime/rio_precincts", root / "data")
    assert units["unit"].astype(int).tolist() == list(range(1, 43))
    assert units["reason"].str.len().min() > 20
    assert set(units["precinct"].astype(int)) == set(places.loc[places["first_upp"] != "", "precinct"])
    assert (units.loc[units["opened"] >= "2015", "certainty"] == "doubtful").all()
