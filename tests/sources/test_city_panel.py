"""The panel of China's cities: what is read, what is set aside, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builders.city_panel import TABLE, YEARS, clean, read_city_panel
from evaluation.errors import DataError
from evaluation.sources.build import build
from evaluation.sources.manifest import read_table

HEAD = (
    "year,province,city,gdp,GDP_GrowthRate,Proportion_SecondaryIndustry,Proportion_ThirdIndustry,OfficialSO2"
)


def rows(city: str = "甲市", **changes: dict[int, str]) -> list[str]:
    """A city's complete record; ``changes`` gives a column's text in some years."""
    out = []
    for i, year in enumerate(YEARS):
        cells = {
            "gdp": f"{100 * 1.05**i:.4f}",
            "growth": "7.5",
            "secondary": "50",
            "tertiary": "40",
            "so2": "900",
        }
        for name, by_year in changes.items():
            cells[name] = by_year.get(year, cells[name])
        out.append(",".join([str(year), "某省", city, *cells.values()]))
    return out


def file(tmp_path: Path, *lines: str, head: str = HEAD) -> Path:
    path = tmp_path / "panel.csv"
    path.write_text("\ufeff" + "\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_complete_city_is_kept_and_its_growth_is_chained(tmp_path: Path) -> None:
    frame, raw = read_city_panel(file(tmp_path, *rows()))
    table, dropped, missing = clean(frame)
    assert raw.name == "panel.csv"
    assert table["city"].unique().tolist() == ["甲"]
    assert table["gdp_real"].iloc[:2].isna().all()
    np.testing.assert_allclose(table["gdp_real"].iloc[2:], 100 * 1.075 ** np.arange(4))
    assert table["primary"].tolist() == [10.0] * 6
    assert table["so2"].notna().tolist() == [True] * 5 + [False]
    assert sum(dropped.values()) == 0
    assert list(missing.values()) == [0, 0, 1]


def test_growth_that_is_the_change_in_current_prices_is_set_aside(tmp_path: Path) -> None:
    frame, _ = read_city_panel(file(tmp_path, *rows(growth={2013: "5.00", 2014: "7.5"})))
    table, _, missing = clean(frame)
    assert np.isnan(table.set_index("year").loc[2013, "gdp_growth"])
    assert next(iter(missing.values())) == 1
    # in a year that the index needs, the city cannot be kept
    frame, _ = read_city_panel(file(tmp_path, *rows(growth={2014: "5.00"})))
    table, dropped, _ = clean(frame)
    assert table.empty
    assert list(dropped.values()) == [0, 6]


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"gdp": {2012: ""}}, 0),
        ({"secondary": {2015: ""}}, 0),
        ({"growth": {2014: "109"}}, 0),
        ({"so2": {2012: ""}}, 6),
    ],
)
def test_a_city_without_a_figure_that_is_needed_is_left_out(tmp_path: Path, changes, left) -> None:
    frame, _ = read_city_panel(file(tmp_path, *rows(**changes), *rows("乙市")))
    table, dropped, _ = clean(frame)
    assert len(table) == 6 + left
    assert sum(dropped.values()) == 6 - left


def test_years_after_2016_are_left_out_and_counted(tmp_path: Path) -> None:
    frame, _ = read_city_panel(file(tmp_path, *rows(), "2017,某省,甲市,35,7,50,40,100"))
    table, dropped, _ = clean(frame)
    assert table["year"].max() == 2016
    assert list(dropped.values()) == [1, 0]


@pytest.mark.parametrize(
    ("lines", "head", "complaint"),
    [
        (rows(), HEAD.replace("gdp,", "gnp,"), "no column gdp"),
        (rows(gdp={2013: "much"}), HEAD, r"values of gdp are not numbers.*|line 4 \('much'\)"),
        ([*rows(), *rows()], HEAD, "12 rows name a city and year that stand in another row too"),
        (rows(gdp={2013: "0"}), HEAD, "values of gdp are not above 0"),
        (rows(so2={2013: "-1"}), HEAD, "values of OfficialSO2 are not above 0"),
        (rows(secondary={2013: "70"}), HEAD, "shares below 0 or above 100"),
        ([rows()[0].replace("2011", "2011.5")], HEAD, "not whole numbers"),
        ([rows()[0] + ",7"], HEAD, "same number of fields"),
    ],
)
def test_a_wrong_file_is_refused_with_its_lines(tmp_path: Path, lines, head, complaint) -> None:
    with pytest.raises(DataError, match=complaint):
        read_city_panel(file(tmp_path, *lines, head=head))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_city_panel(tmp_path / "none.csv")


def test_the_committed_table_has_the_figures_that_the_source_states(root: Path) -> None:
    table, info = read_table(TABLE, root / "data")
    zibo = table[table["city"] == "淄博"].set_index("year")
    assert round(zibo.loc[2016, "gdp"]) == 4412
    assert zibo.loc[2016, "gdp_growth"] == 7.7
    assert zibo.loc[2015, ["primary", "secondary", "tertiary"]].round(1).tolist() == [3.5, 54.0, 42.5]
    assert zibo.loc[2016, ["primary", "secondary", "tertiary"]].round(1).tolist() == [3.4, 52.5, 44.1]
    assert (table["province"] == "山东省").sum() == 16 * 6  # Laiwu is not in the raw file
    assert table.groupby("city")["year"].nunique().eq(6).all()
    assert not info.simulated


@pytest.mark.shared
def test_the_table_is_built_again_byte_for_byte(root: Path, shared: Path, tmp_path: Path) -> None:
    made = build(
        "city_panel", shared / "data" / "china_city_panel" / "panel_data_so2_new.csv", tmp_path, project=root
    )
    name = f"{TABLE}.csv"
    assert (tmp_path / name).read_bytes() == (root / "data" / name).read_bytes()
    assert made.changed == (TABLE,)
    used = pd.read_csv(tmp_path / name)
    assert made.rows_read == len(used) + sum(made.dropped.values())
