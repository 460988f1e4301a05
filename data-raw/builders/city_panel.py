"""China's cities by year: output, its growth, the shares of the sectors, sulphur dioxide emitted by industry.

The raw file is a replication panel put together from the statistical yearbooks, in which each city reports
its own figures. Three things in it are not what their headings say, and are set aside here by rule:

* from 2017 on, output is that of the city's urban districts for some cities and of the whole city for others;
* in 2013 most growth rates are the change of output in current prices, not growth;
* from 2016 on, emissions are counted in another way, and the median city's fall by half in one year.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from builders.described import Described
from evaluation.errors import DataError, shortlist
from evaluation.sources.build import BuildSummary, publish
from evaluation.sources.reading import (
    RawFile,
    decode,
    first_record,
    read_bytes,
    read_fields,
    refuse_lines,
    to_numbers,
)
from evaluation.sources.tables import csv_bytes

TABLE = "city_panel/city_year"
YEARS = range(2011, 2017)
"""Years in which output is that of the whole city in every row."""
GROWTH_YEARS = range(2014, 2017)
"""Years whose growth makes the index of real output; 2013 is its base."""
LAST_SO2 = 2015
"""Last year in which emissions are counted as before."""
GROWTH_LIMITS = (-25.0, 30.0)
"""Growth of a city's output in percent beyond which a figure is taken for a slip of the pen."""
SAME = 0.0051
"""A growth rate this near to the change in current prices is that change, rounded."""

_RAW: Mapping[str, str] = {
    "gdp": "gdp",
    "gdp_growth": "GDP_GrowthRate",
    "secondary": "Proportion_SecondaryIndustry",
    "tertiary": "Proportion_ThirdIndustry",
    "so2": "OfficialSO2",
}
_DECIMALS = {"gdp": 2, "gdp_growth": 2, "gdp_real": 4, "primary": 2, "secondary": 2, "tertiary": 2, "so2": 0}
TABLES = Described("city_panel")


def read_city_panel(path: str | Path) -> tuple[pd.DataFrame, RawFile]:
    """The raw file with the columns that are used.

    Parameters
    ----------
    path : str or Path
        The CSV file as published, UTF-8.

    Returns
    -------
    frame : pandas.DataFrame (rows,)
        ``city`` (without the ending 市), ``province, year, gdp`` (100 million yuan at current prices),
        ``gdp_growth`` (percent, as the file has it), ``secondary, tertiary`` (percent of output), ``so2``
        (tonnes); NaN where a field is empty. The index is the line in the file.
    raw : RawFile

    Raises
    ------
    DataError
        Not such a file, a column is absent, a field is not a number, a city and year stands twice, a share
        is outside 0 to 100 or the two add up to more, or output or emissions are not above 0.
    """
    path = Path(path)
    content, checksum = read_bytes(path)
    text = decode(content, path)
    names = first_record(text)
    wanted = ["year", "city", "province", *_RAW.values()]
    absent = [name for name in wanted if name not in names]
    if absent:
        raise DataError(
            f"the file has no column {shortlist(absent, 10)}",
            where=str(path),
            expected=", ".join(wanted),
            fix="give panel_data_so2_new.csv as published; data/README.md says where",
        )
    fields, _ = read_fields(text, names, path, header=True)
    frame = pd.DataFrame({"city": fields["city"].str.strip().str.removesuffix("市")}, index=fields.index)
    frame["province"] = fields["province"].str.strip()
    year = to_numbers(fields, "year", path)
    refuse_lines(
        ~(np.mod(year, 1) == 0), fields, path, "years are not whole numbers", values="year",
        expected="a year such as 2016", fix="correct these lines",
    )  # fmt: skip
    frame["year"] = year.astype("int64")
    for name, column in _RAW.items():
        frame[name] = to_numbers(fields, column, path)
    refuse_lines(
        frame.duplicated(["city", "year"], keep=False).to_numpy(), frame, path,
        "rows name a city and year that stand in another row too", values="city",
        expected="one row a city and year", fix="remove one of each pair",
    )  # fmt: skip
    for name in ("gdp", "so2"):
        refuse_lines(
            (frame[name] <= 0).to_numpy(), fields, path, f"values of {_RAW[name]} are not above 0",
            values=_RAW[name], expected="a number above 0, or an empty field", fix="correct these lines",
        )  # fmt: skip
    shares = frame[["secondary", "tertiary"]]
    wrong = (shares < 0).any(axis=1) | (shares.sum(axis=1) > 100.005)
    refuse_lines(
        wrong.to_numpy(), fields, path, "rows have shares below 0 or above 100 together",
        values=_RAW["secondary"], expected="shares of output in percent", fix="correct these lines",
    )  # fmt: skip
    return frame, RawFile(path.name, checksum)


def clean(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int], dict[str, int]]:
    """Cities with a complete record, with the figures that mean what they say.

    Parameters
    ----------
    frame : pandas.DataFrame (rows,)
        From `read_city_panel`.

    Returns
    -------
    table : pandas.DataFrame (city-years,)
        ``city, province, year, gdp, gdp_growth, gdp_real, primary, secondary, tertiary, so2``, sorted.
    dropped, missing : dict of str to int
        Rows that are left out and values that are set to missing, by reason.
    """
    ordered = frame.sort_values(["city", "year"], kind="stable")
    nominal = 100 * (ordered["gdp"] / ordered.groupby("city")["gdp"].shift() - 1)
    late = ~ordered["year"].isin(YEARS)
    table, nominal = ordered[~late].copy(), nominal[~late]
    growth = table["gdp_growth"]
    copied = (growth - nominal).abs() < SAME
    absurd = ~copied & growth.notna() & ~growth.between(*GROWTH_LIMITS)
    table["gdp_growth"] = growth.mask(copied | absurd)
    other = (table["year"] > LAST_SO2) & table["so2"].notna()
    table["so2"] = table["so2"].mask(other)
    table["primary"] = 100 - table["secondary"] - table["tertiary"]
    used = table["year"].isin(GROWTH_YEARS)
    table["gdp_real"] = table["gdp_growth"].where(used, 0.0)
    table["gdp_real"] = 100 * (1 + table["gdp_real"] / 100).groupby(table["city"]).cumprod()
    table["gdp_real"] = table["gdp_real"].mask(table["year"] < GROWTH_YEARS[0] - 1)
    needed = table[["gdp", "secondary", "tertiary"]].notna().all(axis=1)
    needed &= ~used | table["gdp_growth"].notna()
    whole = needed.groupby(table["city"]).transform("sum") == len(YEARS)
    dropped = {
        f"the year is after {YEARS[-1]}: output is no longer that of the whole city everywhere": int(
            late.sum()
        ),
        "the city lacks a year, its output, its shares or its growth": int((~whole).sum()),
    }
    missing = {
        "the growth rate is the change in current prices": int(copied.sum()),
        "the growth rate is beyond the limits": int(absurd.sum()),
        f"emissions after {LAST_SO2} are counted in another way": int(other.sum()),
    }
    return table[whole][TABLES.names(TABLE)].reset_index(drop=True), dropped, missing


def build_city_panel(raw: Path, out_dir: Path) -> BuildSummary:
    """Make ``city_panel/city_year.csv`` from the raw file; the same file gives the same bytes.

    Parameters
    ----------
    raw : Path
        ``panel_data_so2_new.csv``.
    out_dir : Path
        The data folder.

    Returns
    -------
    BuildSummary

    Raises
    ------
    DataError, OutputError
        See `read_city_panel` and `evaluation.sources.tables.write_together`.
    """
    frame, source = read_city_panel(raw)
    table, dropped, missing = clean(frame)
    content = csv_bytes(table, _DECIMALS)
    info = TABLES.table_info(
        TABLE,
        content,
        len(table),
        raw=source,
        counts={
            "rows_read": len(frame),
            "cities_read": int(frame["city"].nunique()),
            "cities_used": int(table["city"].nunique()),
            "rows_dropped": dropped,
            "values_set_to_missing": missing,
        },
    )
    changed = publish([(info, content)], Path(out_dir))
    return BuildSummary(
        name="city_panel",
        raw=source,
        rows_read=len(frame),
        dropped=dropped,
        missing=missing,
        tables=(info,),
        changed=changed,
    )
