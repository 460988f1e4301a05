"""Castle doctrine laws and homicide: 50 states of the USA by year, 2000 to 2010.

The raw file is the replication data of Cheng and Hoekstra (2013), as the R package bacondecomp and
the Python package causaldata carry it; the copy with the population is the former.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd

from builders.described import Described
from evaluation.errors import DataError, shortlist
from evaluation.sources.build import BuildSummary, publish
from evaluation.sources.reading import RawFile, decode, read_bytes, refuse_lines, to_numbers
from evaluation.sources.tables import csv_bytes

TABLE = "crime/castle_state_year"
TABLES = Described("castle")
RAW_COLUMNS = ("state", "year", "homicide_c", "homicide", "population", "income", "post")
_DECIMALS = {"homicide": 0, "population": 0, "rate": 6, "income": 0}


def read_castle(path: str | Path) -> tuple[pd.DataFrame, RawFile]:
    """The state-years with the columns that are used.

    Returns
    -------
    frame : pandas.DataFrame (rows,)
        ``state, year, homicide`` (cases), ``rate`` (per 100,000), ``population``, ``income`` (dollars a
        person) and ``first_treated`` (first year with a law in force, NaN for none).
    raw : RawFile

    Raises
    ------
    DataError
        A column is absent, a number cannot be read or is not above 0, a state-year stands twice, the
        rate is not the cases over the population, or a law is in force, then not.
    """
    path = Path(path)
    content, checksum = read_bytes(path)
    text = decode(content, path)
    frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    frame.index = pd.RangeIndex(2, 2 + len(frame), name="line")
    absent = [name for name in RAW_COLUMNS if name not in frame.columns]
    if absent:
        raise DataError(
            f"the file has no column {', '.join(absent)}",
            where=f"{path}, line 1",
            expected=", ".join(RAW_COLUMNS),
            fix="give castle.csv of the R package bacondecomp, exported with its column names",
        )
    values = {name: to_numbers(frame, name, path) for name in RAW_COLUMNS[1:]}
    for name in RAW_COLUMNS[1:-1]:
        refuse_lines(
            ~(values[name] > 0),
            frame,
            path,
            f"values of {name} are not above 0",
            values=name,
            expected="a number above 0",
            fix="correct these lines",
        )
    rate = 1e5 * values["homicide_c"] / values["population"]
    refuse_lines(
        np.abs(rate - values["homicide"]) > 1e-3 * rate,
        frame,
        path,
        "homicide rates are not the cases over the population",
        values="homicide",
        expected="homicide = 100,000 x homicide_c / population",
        fix="correct these lines",
    )
    table = pd.DataFrame(
        {
            "state": frame["state"].str.strip(),
            "year": values["year"].astype(np.int64),
            "homicide": values["homicide_c"],
            "rate": values["homicide"],
            "population": values["population"],
            "income": values["income"],
            "post": values["post"],
        }
    ).sort_values(["state", "year"], ignore_index=True)
    twice = table.duplicated(["state", "year"])
    if twice.any():
        shown = table.loc[twice, ["state", "year"]].astype(str).agg(" ".join, axis=1)
        raise DataError("a state has a year twice", where=f"{path}: {shortlist(shown)}", fix="remove one")
    off = table.groupby("state")["post"].diff() < 0
    if off.any():
        raise DataError(
            "a law is in force in one year and not in the next",
            where=f"{path}: {shortlist(table.loc[off, 'state'])}",
            expected="post to stay 1 once it is 1",
            fix="correct the column post",
        )
    first = table[table["post"] > 0].groupby("state")["year"].min()
    table["first_treated"] = table["state"].map(first)
    return table.drop(columns="post"), RawFile(path.name, checksum)


def build_castle(raw: Path, out_dir: Path) -> BuildSummary:
    """Make ``crime/castle_state_year.csv`` from the raw file.

    Raises
    ------
    DataError
        See `read_castle`.
    OutputError
        The folder cannot be written to.
    """
    frame, source = read_castle(raw)
    frame = frame.assign(
        first_treated=[("" if np.isnan(year) else str(int(year))) for year in frame["first_treated"]]
    )
    content = csv_bytes(frame, _DECIMALS)
    info = TABLES.table_info(TABLE, content, len(frame), raw=source, counts={"rows_read": len(frame)})
    changed = publish([(info, content)], Path(out_dir))
    return BuildSummary(
        name="castle",
        raw=source,
        rows_read=len(frame),
        dropped={},
        missing={},
        tables=(info,),
        changed=changed,
        notes=() if TABLES.known(source) else ("the raw file is not the copy this project was checked with",),
    )
