"""Cases of a Parquet file whose dates are dates, counted by DuckDB where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evaluation.errors import DataError, shortlist
from evaluation.sources.approvals.tables import LAYOUT, Columns
from evaluation.sources.cells import EMPTY, texts
from evaluation.sources.exports import match
from evaluation.sources.sql import file as sql_file
from evaluation.sources.sql import quoted
from evaluation.sources.working_days import calendar_totals, working_days_between

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NAMED = 1000
"""Rows set aside that are named, by file; all are counted."""

MEMORY = "300MB"
_DATES = ("accepted", "decided", "suspended", "resumed")

FAULTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "no case number": ("{no_number}", ()),
    "no day of acceptance": ("accepted IS NULL", ()),
    "no item": ("", ()),
    "no district": ("", ()),
    "decided before it was accepted": ("decided < accepted", ()),
    "suspended without an end although decided": (
        "suspended IS NOT NULL AND resumed IS NULL AND decided IS NOT NULL",
        ("suspended", "resumed"),
    ),
    "the suspended time ends before it begins, or has no beginning": (
        "resumed < suspended OR (resumed IS NOT NULL AND suspended IS NULL)",
        ("suspended", "resumed"),
    ),
    "suspended before it was accepted or after it was decided": (
        "suspended < accepted OR resumed > decided",
        ("suspended", "resumed"),
    ),
}
"""Reasons to set a row aside, in the order of `cases`: condition, and the columns that it needs.

Whether a name says anything is seen once a name, when the rows have been counted.
"""


@dataclass(frozen=True, eq=False)
class Counted:
    """Counts of one file; see `evaluation.sources.approvals.partials.Partial`."""

    cells: pd.DataFrame = field(repr=False)
    counts: Mapping[str, int]
    set_aside: pd.DataFrame = field(repr=False)
    reasons: Mapping[str, int]
    numbers: tuple[str, str]


def is_typed(path: Path, columns: Columns) -> bool:
    """Whether the file is Parquet with dates as dates and limits as numbers.

    Raises
    ------
    DataError
        It is Parquet and lacks a header that is needed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.name.lower().endswith(".parquet"):
        return False
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError, ValueError):
        return False
    found = match(schema.names, columns, path, LAYOUT)
    kinds = {name: schema.field(header).type for name, header in found.items()}

    def text(kind: pa.DataType) -> bool:
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        return pa.types.is_string(kind) or pa.types.is_large_string(kind)

    return (
        all(
            pa.types.is_date(kinds[name]) or pa.types.is_timestamp(kinds[name])
            for name in _DATES
            if name in kinds
        )
        and (
            "statutory" not in kinds
            or pa.types.is_integer(kinds["statutory"])
            or pa.types.is_floating(kinds["statutory"])
        )
        and text(kinds["item"])
        and text(kinds["district"])
        and (text(kinds["number"]) or pa.types.is_integer(kinds["number"]))
    )


def count(path: Path, day: pd.Timestamp, columns: Columns, con: DuckDBPyConnection) -> Counted | None:
    """Counts of a file that `is_typed`; None when its case numbers repeat, which needs a closer look.

    Parameters
    ----------
    path : Path
    day : Timestamp
        Day of the export.
    columns : mapping
        Our field to the file's header.
    con : DuckDBPyConnection
        From `connection`.

    Raises
    ------
    DataError
        A limit is not above 0, a case was accepted after the day of the export, or a year's holidays
        are not known.
    """
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    found = match(schema.names, columns, path, LAYOUT)
    numbers = case_numbers(path, found["number"], con)
    if numbers is None:
        return None
    text = not str(schema.field(found["number"]).type).startswith(("int", "uint"))
    sql = _Sql(path, found, day, text)
    cells = con.execute(sql.cells(whole=False)).df()
    if cells["cases"].sum() != pq.read_metadata(path).num_rows:
        cells = con.execute(sql.cells(whole=True)).df()
    return _counted(con, sql, cells, numbers)


def connection() -> DuckDBPyConnection:
    """An own DuckDB in memory that knows the working days."""
    import duckdb

    con = duckdb.connect(config={"memory_limit": MEMORY, "preserve_insertion_order": "false"})
    start, total = calendar_totals()
    place = np.arange(len(total))
    days = start + place
    known = pd.DataFrame(
        {
            "day": days.astype("datetime64[s]"),
            "total": total.astype(np.int32),
            "month": days.astype("datetime64[M]").astype(np.int32),
        }
    )
    con.register("known", known)
    con.execute("CREATE TABLE calendar AS SELECT day::DATE AS day, total, month FROM known")
    con.unregister("known")
    return con


def _column(name: str) -> str:
    return quoted(name, '"')


@dataclass(frozen=True)
class _Sql:
    """The questions put to one file."""

    path: Path
    found: Mapping[str, str]
    day: pd.Timestamp
    text_number: bool

    def rows(self) -> str:
        """Every row under our names with ``fault``, the number of the first reason that holds, or 0."""
        have = self.found
        fields = [f"{_column(have[name])} AS {name}" for name in ("number", "item", "district")]
        fields += [
            f"{_column(have[name])}::DATE AS {name}" if name in have else f"NULL::DATE AS {name}"
            for name in _DATES
        ]
        limit = (
            f"nullif({_column(have['statutory'])}::DOUBLE, 'nan')" if "statutory" in have else "NULL::DOUBLE"
        )
        fields.append(f"{limit} AS statutory")
        empty = ", ".join(quoted(word) for word in sorted(EMPTY))
        no_number = "number IS NULL"
        if self.text_number:
            longest = max(map(len, EMPTY))
            no_number += f" OR (length(number) <= {longest} AND lower(trim(number)) IN ({empty}))"
        cases = " ".join(
            f"WHEN {condition.format(no_number=no_number)} THEN {i}"
            for i, (condition, needs) in enumerate(FAULTS.values(), start=1)
            if condition and all(name in have for name in needs)
        )
        source = f"read_parquet({sql_file(self.path)}, hive_partitioning = false, file_row_number = true)"
        return (
            f"SELECT *, CASE {cases} ELSE 0 END AS fault FROM "
            f"(SELECT file_row_number + 1 AS row, {', '.join(fields)} FROM {source})"
        )

    def took(self, *, whole: bool = True) -> str:
        """Every row with its ``month``, ``finished`` and working ``days``.

        ``whole`` keeps rows whose dates are missing or lie outside the calendar, with NULL; without, they are
        lost, which is faster.
        """
        join = "LEFT JOIN" if whole else "JOIN"
        day = f"DATE '{self.day:%Y-%m-%d}'"
        known = (
            f"SELECT *, coalesce(decided <= {day}, false) AS finished, "
            f"least(coalesce(decided, {day}), {day}) AS until FROM ({self.rows()})"
        )
        joined = f"{join} calendar a ON a.day = c.accepted {join} calendar u ON u.day = c.until"
        if "suspended" not in self.found:
            return f"SELECT c.*, a.month AS month, u.total - a.total AS days FROM ({known}) c {joined}"
        paused = (
            "SELECT *, CASE WHEN suspended <= until THEN suspended ELSE until END AS pause, "
            "CASE WHEN suspended <= until THEN least(coalesce(resumed, until), until) ELSE until END "
            f"AS go_on FROM ({known})"
        )
        return (
            "SELECT c.*, a.month AS month, (u.total - a.total) - (g.total - p.total) AS days "
            f"FROM ({paused}) c {joined} "
            f"{join} calendar p ON p.day = c.pause {join} calendar g ON g.day = c.go_on"
        )

    def cells(self, *, whole: bool) -> str:
        """The counts."""
        late = f"accepted > DATE '{self.day:%Y-%m-%d}'"
        return (
            f"SELECT fault, district, item, month, statutory, finished, days, {late} AS late, "
            f"count(*) AS cases FROM ({self.took(whole=whole)}) GROUP BY ALL"
        )


def _counted(con: DuckDBPyConnection, sql: _Sql, cells: pd.DataFrame, numbers: tuple[str, str]) -> Counted:
    fault = cells["fault"].to_numpy(copy=True)
    place = {reason: i for i, reason in enumerate(FAULTS, start=1)}
    # a name is cleaned once, not in every row; one that says nothing is known as such only then
    renamed = False
    for name in ("item", "district"):
        clean = texts(cells[name])
        renamed |= not clean.equals(cells[name].astype(clean.dtype))
        cells[name] = clean
        code = place[f"no {name}"]
        unnamed = (cells[name] == "").to_numpy() & ((fault == 0) | (fault > code))
        fault[unnamed] = code
    cells["fault"] = fault
    bad = {i: int(cells.loc[fault == i, "cases"].sum()) for i in np.unique(fault[fault > 0]).tolist()}
    names = list(FAULTS)
    reasons = {names[i - 1]: n for i, n in bad.items()}
    good = cells[fault == 0]
    _refuse(con, sql, good)
    if good.empty:
        raise DataError(
            "no row is a case that can be used",
            where=f"{sql.path}: " + shortlist(f"{k}: {n}" for k, n in reasons.items()),
            expected="rows with number, item, district and day of acceptance",
        )
    good = good.astype(
        {"month": "int32", "days": "int32", "statutory": "float64", "cases": "int64", "finished": bool}
    )
    keys = ["district", "item", "month", "statutory", "finished", "days"]
    summed = good[[*keys, "cases"]]
    if renamed:
        summed = summed.groupby(keys, dropna=False, sort=True)["cases"].sum().reset_index()
    counts = {
        "rows_read": int(cells["cases"].sum()),
        "cases": int(summed["cases"].sum()),
        "open": int(summed.loc[~summed["finished"], "cases"].sum()),
    }
    return Counted(summed, counts, _named(con, sql, list(bad)), reasons, numbers)


def _refuse(con: DuckDBPyConnection, sql: _Sql, good: pd.DataFrame) -> None:
    """Stop at what `read_cases` and `durations` stop at, with the rows."""
    day = f"{sql.day:%Y-%m-%d}"
    if (limit := good["statutory"] <= 0).any():
        raise DataError(
            f"{int(good.loc[limit, 'cases'].sum())} values of statutory are not above 0",
            where=_rows(con, sql, "statutory <= 0"),
            expected="working days above 0, or nothing",
            fix="correct these cells, or empty those whose value is not known",
        )
    late = good["late"].fillna(False).astype(bool)
    if late.any():
        raise DataError(
            f"{int(good.loc[late, 'cases'].sum())} cases were accepted after the day of the export, {day}",
            where=_rows(con, sql, f"accepted > DATE '{day}'"),
            fix="give the day on which the records were taken (data.as_of)",
        )
    if good["days"].isna().any():
        shown = con.execute(
            f"SELECT accepted, until FROM ({sql.took()}) WHERE fault = 0 AND days IS NULL LIMIT 1000"
        ).df()
        # names the years and the dates
        working_days_between(
            *(shown[name].to_numpy().astype("datetime64[D]") for name in ("accepted", "until"))
        )
        raise DataError("working days cannot be counted", where=_rows(con, sql, "days IS NULL"))


def _rows(con: DuckDBPyConnection, sql: _Sql, condition: str) -> str:
    found = con.execute(
        f"SELECT row FROM ({sql.took()}) WHERE fault = 0 AND ({condition}) ORDER BY row LIMIT 1000"
    ).df()
    return f"{sql.path}: rows {shortlist(found['row'])}"


def _named(con: DuckDBPyConnection, sql: _Sql, codes: Sequence[int]) -> pd.DataFrame:
    """The first rows set aside, each with its reason."""
    if not len(codes):
        return pd.DataFrame({"file": [], "row": [], "reason": []})
    place = {reason: i for i, reason in enumerate(FAULTS, start=1)}
    unnamed = "false"
    if place["no item"] in codes or place["no district"] in codes:
        unnamed = "item IS NULL OR district IS NULL OR length(trim(item)) <= 4 OR length(trim(district)) <= 4"
    rows = con.execute(
        f"SELECT row, fault, item, district FROM ({sql.rows()}) WHERE fault > 0 OR {unnamed} ORDER BY row"
    ).df()
    fault = rows["fault"].to_numpy(copy=True)
    for name in ("item", "district"):
        code = place[f"no {name}"]
        fault[(texts(rows[name]) == "").to_numpy() & ((fault == 0) | (fault > code))] = code
    names = np.array(["", *FAULTS], dtype=object)
    out = pd.DataFrame({"file": sql.path.name, "row": rows["row"], "reason": names[fault]})
    return out[fault > 0].head(NAMED).reset_index(drop=True)


def case_numbers(path: Path, column: str, con: DuckDBPyConnection) -> tuple[str, str] | None:
    """Lowest and highest case number, as texts; None when one stands twice."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    rising = True
    last: Any = None
    ends: list[Any] = []
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=1 << 18, columns=[column]):
            values = batch.column(0)
            if not len(values):
                continue
            if values.null_count or (last is not None and not last < values[0].as_py()):
                rising = False
            elif len(values) > 1:
                rising = bool(pc.all(pc.less(values[:-1], values[1:])).as_py())
            if not rising:
                break
            last = values[-1].as_py()
            ends = [ends[0] if ends else values[0].as_py(), last]
    if rising and ends and len(str(ends[0])) == len(str(ends[1])):
        return str(ends[0]), str(ends[1])
    parquet = f"read_parquet({sql_file(path)}, hive_partitioning = false)"
    source = f"(SELECT {_column(column)}::VARCHAR AS number FROM {parquet})"
    twice = con.execute(
        f"SELECT number FROM {source} WHERE number IS NOT NULL GROUP BY number HAVING count(*) > 1 LIMIT 1"
    ).fetchone()
    if twice is not None:
        return None
    low, high = con.execute(f"SELECT min(number), max(number) FROM {source}").fetchone() or ("", "")
    return str(low or ""), str(high or "")
