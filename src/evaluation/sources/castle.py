"""Castle doctrine laws and homicide: 50 states of the USA by year, 2000 to 2010.

The raw file is the replication data of Cheng and Hoekstra (2013), as the R package bacondecomp and
the Python package causaldata carry it; the copy with the population is the former.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from evaluation.errors import DataError, shortlist
from evaluation.sources.build import BuildSummary, publish
from evaluation.sources.manifest import Column, Kind, TableInfo, Words
from evaluation.sources.reading import RawFile, decode, read_bytes, refuse_lines, sha256_of, to_numbers
from evaluation.sources.tables import csv_bytes

TABLE = "crime/castle_state_year"
KNOWN_RAW = "bb7f57d05bec907ca997e7529b487e7d4096423150fea4341f412c3e74ba9635"
RAW_COLUMNS = ("state", "year", "homicide_c", "homicide", "population", "income", "post")
_NONE: Words = {"en": "", "zh": ""}
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
    info = _info(content, len(frame), source)
    changed = publish([(info, content)], Path(out_dir))
    return BuildSummary(
        name="castle",
        raw=source,
        rows_read=len(frame),
        dropped={},
        missing={},
        tables=(info,),
        changed=changed,
        notes=()
        if source.sha256 == KNOWN_RAW
        else ("the raw file is not the copy this project was checked with",),
    )


def _column(name: str, kind: Kind, unit: Words, en: str, zh: str) -> Column:
    return Column(name, kind, unit, {"en": en, "zh": zh})


_COLUMNS = (
    _column("state", "text", _NONE, "state of the USA", "美国各州"),
    _column("year", "integer", _NONE, "year", "年份"),
    _column("homicide", "number", {"en": "cases", "zh": "起"}, "homicides", "凶杀案件"),
    _column("rate", "number", {"en": "per 100,000", "zh": "每10万人"}, "homicides per 100,000", "凶杀率"),
    _column("population", "number", {"en": "persons", "zh": "人"}, "population", "人口"),
    _column("income", "number", {"en": "US dollars", "zh": "美元"}, "income, as in the raw file", "收入"),
    _column("first_treated", "text", _NONE, "first year of the law, empty: none", "法律生效首年，空为无"),
)  # fmt: skip
_SOURCE: Mapping[str, str] = {
    "en": "Replication data of Cheng and Hoekstra (2013), Journal of Human Resources 48(3), as in the "
    "R package bacondecomp",
    "zh": "Cheng和Hoekstra（2013，Journal of Human Resources 48卷3期）的复现数据，取自R软件包bacondecomp",
}  # fmt: skip


def _info(content: bytes, rows: int, raw: RawFile) -> TableInfo:
    return TableInfo(
        name=TABLE,
        path=f"{TABLE}.csv",
        sha256=sha256_of(content),
        rows=rows,
        title={
            "en": "Homicide and castle doctrine laws in 50 states of the USA, 2000 to 2010",
            "zh": "美国50州凶杀案与“城堡法”，2000年至2010年",
        },
        source=_SOURCE,
        licence={
            "en": "Published statistics of the FBI and census; seven of 150 columns are kept.",
            "zh": "美国联邦调查局与人口普查公布的统计数字，150列中保留7列。",
        },
        made_by=f"evaluation data build castle --raw {raw.name}",
        columns=_COLUMNS,
        raw=raw,
        counts={"rows_read": rows},
    )
