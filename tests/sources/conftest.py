"""A small daily record that is made here, so that most tests need no raw file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

HEADER = "city,date,aqi,aqi_range,level,pm25,pm10,so2,co,no2,o3,rank"
GOOD = "80,60~100,良,40.0,80.0,20.0,1.0,30.0,100,7"


@pytest.fixture
def lines() -> list[str]:
    """Header and four rows of the daily city format."""
    return [
        HEADER,
        "淄博,2014-01-01,168,150~190,中度污染,120.5,210.0,90.1,2.5,61.2,80,300",
        "淄博,2014-01-02,92,60~120,良,60.0,130.5,70.0,1.225,50.0,90,200",
        "青岛,2014-01-01,55,30~80,良,30.0,60.0,20.0,0.8,25.0,70,40",
        "青岛,2014-01-02,120,90~150,轻度污染,85.1,100.0,30.0,1.0,35.0,75,210",
    ]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write lines to a file of the test's own folder."""

    def write_lines(
        rows: list[str], name: str = "record.csv", *, encoding: str = "utf-8", end: str = "\n"
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((end.join(rows) + end).encode(encoding))
        return path

    return write_lines


@pytest.fixture(scope="session")
def long_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole record of two cities, 2013-12-31 to 2017-01-02, with a third that is too short."""
    rows = [HEADER]
    for day in pd.date_range("2013-12-31", "2017-01-02"):
        worse = day.day % 3 == 0
        rows.append(
            f"淄博,{day:%Y-%m-%d},"
            + ("150,100~200,轻度污染,100.0,190.0,60.0,2.0,55.0,110,9" if worse else GOOD)
        )
        rows.append(f"青岛,{day:%Y-%m-%d},{GOOD}")
        if day.year == 2014:
            rows.append(f"临安,{day:%Y-%m-%d},{GOOD}")
    path = tmp_path_factory.mktemp("raw") / "two_cities.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def data_dir(tmp_path: Path, root: Path) -> Path:
    """A data folder with the committed tables, to be changed at will."""
    folder = tmp_path / "data"
    shutil.copytree(root / "data", folder)
    return folder
