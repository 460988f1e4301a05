"""Doing Business: days that three procedures take in 189 economies, and the years of recorded reforms.

The raw file is the replication data of Doshi, Kelley and Simmons, *The Power of Ranking*, from the World
Bank's Doing Business project. A reform is recorded by the World Bank when an indicator improves (or
worsens: negative codes), so that the record of reforms is partly a record of the outcome.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from builders.described import Described
from evaluation.errors import DataError, shortlist
from evaluation.sources.build import BuildSummary, publish
from evaluation.sources.manifest import TableInfo
from evaluation.sources.reading import RawFile, read_bytes
from evaluation.sources.tables import csv_bytes

TABLE = "approvals/doing_business"
REFORMS = "approvals/doing_business_reforms"
MISSING = -99
"""The raw file's code for a figure that does not exist."""

PROCEDURES: Mapping[str, str] = {"permit": "cp", "start": "sb", "property": "rp"}
"""Name here and prefix in the raw file: to get a construction permit, start a business, register property."""

FALLS = (5, 10, 20, 30)
"""Percent by which days must have fallen for a recorded reform to count as one of at least this size."""

TABLES = Described("doing_business")


def read_doing_business(path: str | Path) -> tuple[pd.DataFrame, RawFile]:
    """The raw Stata file with the columns that are used.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    frame : pandas.DataFrame (rows,)
        ``economy, year, name`` and, for each of :data:`PROCEDURES`, ``*_days`` (NaN where missing) and
        ``*_reform`` (sum of reforms recorded in the year: positive makes it easier; NaN for none).
    raw : RawFile

    Raises
    ------
    DataError
        Not a Stata file, a column is absent, an economy-year stands twice, or days are not above 0.
    """
    path = Path(path)
    content, checksum = read_bytes(path)
    try:
        raw = pd.read_stata(io.BytesIO(content), convert_categoricals=False)
    except (ValueError, TypeError, KeyError, IndexError, OSError) as error:
        raise DataError(
            "the file is not a Stata table that can be read",
            where=f"{path}: {error}",
            expected="MasterWBMarch16_15.dta as published",
            fix="download the file again; data/README.md says where",
        ) from None
    prefixes = list(PROCEDURES.values())
    wanted = ["ccode", "year", "country_name", *(f"{p}_{x}" for p in prefixes for x in ("days", "reform"))]
    absent = [name for name in wanted if name not in raw.columns]
    if absent:
        raise DataError(
            f"the file has no column {shortlist(absent, 10)}",
            where=str(path),
            expected=", ".join(wanted),
            fix="give the master file of The Power of Ranking",
        )
    year = raw["year"].dt.year if pd.api.types.is_datetime64_any_dtype(raw["year"]) else raw["year"]
    frame = pd.DataFrame({"economy": raw["ccode"].astype("int64"), "year": year.astype("int64")})
    twice = frame.duplicated(keep=False)
    if twice.any():
        raise DataError(
            f"{int(twice.sum())} rows name an economy and year that stand in another row too",
            where=f"{path}, rows {shortlist(frame.index[twice] + 1)}",
            expected="one row an economy and year",
        )
    names = raw["country_name"].groupby(frame["economy"]).max()
    frame["name"] = frame["economy"].map(names)
    for procedure, prefix in PROCEDURES.items():
        days = raw[f"{prefix}_days"].astype("float64")
        days = days.mask(days == MISSING)
        wrong = days <= 0
        if wrong.any():
            raise DataError(
                f"{int(wrong.sum())} values of {prefix}_days are not above 0",
                where=f"{path}, rows {shortlist(frame.index[wrong] + 1)}",
                expected=f"days above 0, or {MISSING} where missing",
            )
        frame[f"{procedure}_days"] = days
        frame[f"{procedure}_reform"] = raw[f"{prefix}_reform"].astype("float64")
    return frame, RawFile(path.name, checksum)


def build_doing_business(raw: Path, out_dir: Path) -> BuildSummary:
    """Make both tables of Doing Business from the raw file; the same file gives the same bytes.

    Parameters
    ----------
    raw : Path
        ``MasterWBMarch16_15.dta``.
    out_dir : Path
        The data folder.

    Returns
    -------
    BuildSummary

    Raises
    ------
    DataError, OutputError
        See `read_doing_business` and `evaluation.sources.tables.write_together`.
    """
    frame, source = read_doing_business(raw)
    days = [f"{procedure}_days" for procedure in PROCEDURES]
    used = frame[days].notna().any(axis=1)
    table = frame[used].sort_values(["economy", "year"], kind="stable").reset_index(drop=True)
    reforms = [f"{procedure}_reform" for procedure in PROCEDURES]
    table[reforms] = table[reforms].fillna(0).astype("int64")
    table = table[TABLES.names(TABLE)]
    content = csv_bytes(table, dict.fromkeys(days, 1))
    dropped = {"no days are given for any of the three procedures": int((~used).sum())}
    missing = {f"{name} is not given": int(table[name].isna().sum()) for name in days}
    lost = {name: int(((frame[name] > 0) & ~used).sum()) for name in reforms}
    info = TABLES.table_info(
        TABLE,
        content,
        len(table),
        raw=source,
        name="approvals_doing_business",
        counts={
            "rows_read": len(frame),
            "economies_read": int(frame["economy"].nunique()),
            "rows_used": len(table),
            "economies_without_a_name": int((table.groupby("economy")["name"].first() == "").sum()),
            "rows_dropped": dropped,
            "values_missing_in_rows_used": {name: int(table[name].isna().sum()) for name in days},
            "reforms_in_rows_dropped": lost,
        },
    )
    dates = _reforms(frame, table, source)
    changed = publish([(info, content), dates], Path(out_dir))
    return BuildSummary(
        name="approvals_doing_business",
        raw=source,
        rows_read=len(frame),
        dropped=dropped,
        missing=missing,
        tables=(info, dates[0]),
        changed=changed,
    )


def first_reforms(frame: pd.DataFrame) -> pd.DataFrame:
    """The first year of a recorded reform of each procedure, by economy.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `read_doing_business`.

    Returns
    -------
    pandas.DataFrame
        Index economy. ``permit_first``: first year with a reform that makes it easier, missing for none.
        ``permit_first_5``: first such year in which days were at least 5 % below those of the year before;
        the same for the other procedures and for :data:`FALLS`. The choice of years by the size of the fall
        looks at the outcome.
    """
    rows = frame.sort_values(["economy", "year"], kind="stable")
    out = pd.DataFrame(index=pd.Index(sorted(rows["economy"].unique()), name="economy"))
    follows = (rows.groupby("economy")["year"].diff() == 1).to_numpy()
    for procedure in PROCEDURES:
        easier = (rows[f"{procedure}_reform"] > 0).to_numpy()
        days = rows[f"{procedure}_days"]
        fall = (100 * (1 - days / days.groupby(rows["economy"]).shift())).to_numpy()
        for size in (0, *FALLS):
            # a percentage that is 5 in decimals must not miss it by the last bit of a double
            chosen = easier if size == 0 else easier & follows & (fall >= size - 1e-9)
            name = f"{procedure}_first" + (f"_{size}" if size else "")
            out[name] = rows[chosen].groupby("economy")["year"].min()
    return out


def _reforms(frame: pd.DataFrame, table: pd.DataFrame, raw: RawFile) -> tuple[TableInfo, bytes]:
    found = first_reforms(frame).reindex(sorted(table["economy"].unique())).reset_index()
    names = table.drop_duplicates("economy").set_index("economy")["name"]
    found.insert(1, "name", found["economy"].map(names))
    years = list(found.columns[2:])
    content = csv_bytes(found, dict.fromkeys(years, 0))
    info = TABLES.table_info(
        REFORMS,
        content,
        len(found),
        raw=raw,
        name="approvals_doing_business",
        counts={"economies": len(found), "with_a_reform": {c: int(found[c].notna().sum()) for c in years}},
    )
    return info, content
