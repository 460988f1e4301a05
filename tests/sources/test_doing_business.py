"""Doing Business: the committed table, and what the reader refuses."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builders.doing_business import (
    FALLS,
    PROCEDURES,
    REFORMS,
    TABLE,
    first_reforms,
    read_doing_business,
)
from evaluation.errors import DataError
from evaluation.sources.build import build
from evaluation.sources.manifest import load_manifest, read_table

RAW = "data/doing_business/MasterWBMarch16_15.dta"


@pytest.fixture(scope="module")
def table(root: Path) -> pd.DataFrame:
    return read_table(TABLE, root / "data")[0]


def stata(path: Path, **changed: object) -> Path:
    columns: dict[str, object] = {
        "ccode": [2.0, 2.0, 20.0],
        "year": pd.to_datetime(["2005", "2006", "2005"]),
        "country_name": ["United States", "", "Canada"],
    }
    for prefix in PROCEDURES.values():
        columns |= {f"{prefix}_days": [10.5, -99.0, 3.0], f"{prefix}_reform": [np.nan, 1.0, -1.0]}
    pd.DataFrame(columns | changed).to_stata(path, write_index=False)
    return path


def test_the_table_has_what_the_raw_file_has(table: pd.DataFrame) -> None:
    assert table["economy"].nunique() == 189
    assert (table["year"].min(), table["year"].max()) == (1999, 2014)
    for procedure, count in (("start", 2453), ("permit", 1812), ("property", 1942)):
        days = table[f"{procedure}_days"].dropna()
        assert len(days) == count  # -99 is not among them
        assert days.min() > 0


def test_the_code_for_missing_is_no_number_of_days(tmp_path: Path) -> None:
    frame, raw = read_doing_business(stata(tmp_path / "raw.dta"))
    assert frame["permit_days"].isna().tolist() == [False, True, False]
    assert frame["name"].tolist() == ["United States", "United States", "Canada"]
    assert raw.name == "raw.dta"


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="rows 3"):
        read_doing_business(stata(tmp_path / "zero.dta", cp_days=[1.0, 2.0, 0.0]))
    with pytest.raises(DataError, match="rows 1, 2"):
        read_doing_business(stata(tmp_path / "twice.dta", year=pd.to_datetime(["2005", "2005", "2005"])))
    text = tmp_path / "text.dta"
    text.write_text("economy,year\n", encoding="utf-8")
    with pytest.raises(DataError, match="not a Stata table"):
        read_doing_business(text)
    lacking = tmp_path / "lacking.dta"
    pd.DataFrame({"ccode": [1.0]}).to_stata(lacking, write_index=False)
    with pytest.raises(DataError, match="cp_days"):
        read_doing_business(lacking)


@pytest.mark.shared
def test_the_raw_file_gives_the_committed_bytes(root: Path, shared: Path, tmp_path: Path) -> None:
    shutil.copy(root / "data" / "manifest.toml", tmp_path / "manifest.toml")
    summary = build("approvals_doing_business", shared / RAW, tmp_path, project=root)
    assert summary.rows_read == 3204
    assert sum(summary.dropped.values()) + summary.tables[0].rows == 3204
    made = (tmp_path / "approvals" / "doing_business.csv").read_bytes()
    assert made == (root / "data" / "approvals" / "doing_business.csv").read_bytes()
    assert load_manifest(tmp_path)[TABLE] == load_manifest(root / "data")[TABLE]
    dates = (tmp_path / "approvals" / "doing_business_reforms.csv").read_bytes()
    assert dates == (root / "data" / "approvals" / "doing_business_reforms.csv").read_bytes()


def test_the_first_reform_and_the_first_with_a_large_fall() -> None:
    frame = pd.DataFrame({"economy": [1] * 6 + [2] * 2, "year": [*range(2004, 2009), 2010, 2004, 2005]})
    for procedure in PROCEDURES:
        frame[f"{procedure}_days"] = [100.0, 100, 95, 50, 50, 1, 40, np.nan]
        frame[f"{procedure}_reform"] = [np.nan, 1, 1, -1, 0, 1, 0, np.nan]
    found = first_reforms(frame)
    assert found.loc[1, "start_first"] == 2005
    assert found.loc[1, "start_first_5"] == 2006
    # the halving of 2007 is no reform, and the fall of 2010 is not from the year before
    assert np.isnan(found.loc[1, ["start_first_10", "start_first_30"]].to_numpy(dtype=float)).all()
    assert found.loc[2].isna().all()


def test_larger_falls_come_later_and_less_often(root: Path) -> None:
    dates = read_table(REFORMS, root / "data")[0]
    assert len(dates) == 189
    for procedure in PROCEDURES:
        for smaller, larger in pairwise(["first", *(f"first_{size}" for size in FALLS)]):
            few, many = dates[f"{procedure}_{larger}"], dates[f"{procedure}_{smaller}"]
            assert few.notna().sum() <= many.notna().sum()
            assert (few.dropna() >= many[few.notna()]).all()
