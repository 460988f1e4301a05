"""Castle doctrine: what the reader refuses, and the committed table beside the package's copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from causaldata import castle

from builders.castle import read_castle
from evaluation.errors import DataError
from evaluation.sources.build import build
from evaluation.sources.manifest import load_manifest, read_table

HEADER = "state,year,homicide_c,homicide,population,income,post"
ROWS = ["Alabama,2000,100,10,1000000,40000,0", "Alabama,2001,120,12,1000000,41000,1"]


def written(tmp_path: Path, rows: list[str], header: str = HEADER) -> Path:
    path = tmp_path / "castle.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return path


def test_the_first_year_with_a_law_is_found(tmp_path: Path) -> None:
    frame, _ = read_castle(written(tmp_path, [*ROWS, "Maine,2000,10,1,1000000,30000,0"]))
    assert frame["first_treated"].tolist()[:2] == [2001, 2001]
    assert np.isnan(frame["first_treated"].iloc[2])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROWS[0], "Alabama,2001,120,12,-1,41000,1"], r"population are not above 0[\s\S]*line 3"),
        ([ROWS[0], "Alabama,2001,120,13,1000000,41000,1"], "not the cases over the population"),
        ([ROWS[0], ROWS[0]], r"a year twice[\s\S]*Alabama 2000"),
        ([*ROWS, "Alabama,2002,120,12,1000000,41000,0"], r"in force in one year and not in the next"),
        ([ROWS[0], "Alabama,2001,many,12,1000000,41000,1"], "homicide_c are not numbers"),
    ],
)
def test_bad_rows_are_refused(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_castle(written(tmp_path, rows))


def test_an_absent_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column population"):
        read_castle(written(tmp_path, ROWS, header=HEADER.replace("population", "people")))


@pytest.mark.shared
def test_the_raw_file_gives_the_committed_table(shared: Path, root: Path, tmp_path: Path) -> None:
    raw = tmp_path / "castle.csv"
    shutil.copy(shared / "data" / "benchmarks" / "castle.csv", raw)
    summary = build("castle", raw, tmp_path / "data", project=root)
    assert summary.notes == ()
    [table] = summary.tables
    assert load_manifest(root / "data")[table.name] == table
    assert (tmp_path / "data" / table.path).read_bytes() == (root / "data" / table.path).read_bytes()


def test_the_committed_rates_are_those_of_the_package(root: Path) -> None:
    ours, _ = read_table("crime/castle_state_year", root / "data")
    theirs = castle.load_pandas().data.sort_values(["sid", "year"], ignore_index=True)
    assert len(ours) == 550
    # both are in the order of the alphabet
    np.testing.assert_allclose(ours["rate"], theirs["homicide"], atol=1e-5)
    # the package's column begins in the first whole year with the law, ours in the year it came into force
    post = ours["year"] > ours["first_treated"].replace("", "9999").astype(int)
    assert (post.to_numpy() == theirs["post"].to_numpy(dtype=bool)).all()
