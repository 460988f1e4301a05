"""A case that stands in two files would be counted twice: such files are refused, with the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from evaluation.errors import DataError, shortlist
from evaluation.sources import sql
from evaluation.sources.approvals import typed
from evaluation.sources.approvals.tables import LAYOUT, Columns, read_file
from evaluation.sources.cells import texts
from evaluation.sources.exports import match
from evaluation.sources.tables import write_together

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from evaluation.sources.approvals.partials import Partial


def refuse_repeats(
    files: Sequence[Path], partials: Sequence[Partial], columns: Columns, cache: Path | None = None
) -> None:
    """Stop when a case number stands in two files.

    Files whose lowest and highest numbers do not overlap need no look; exports by month or year with
    numbers that rise have none. Numbers are compared as texts.

    Parameters
    ----------
    files : sequence of Path
    partials : sequence of Partial
        One a file.
    columns : mapping
    cache : Path, optional
        Folder in which it is kept that files with these checksums share no case.

    Raises
    ------
    DataError
        Names the numbers, the files and the rows.
    """
    for group in _overlapping(partials):
        mark = None
        if cache is not None:
            sums = sorted(partials[i].raw.sha256 for i in group)
            mark = cache / f"{hashlib.sha256('|'.join(['distinct', *sums]).encode()).hexdigest()}.distinct"
            if mark.is_file():
                continue
        _compare([files[i] for i in group], columns)
        if mark is not None:
            write_together({mark: b""})


def _overlapping(partials: Sequence[Partial]) -> list[list[int]]:
    """Groups of two or more files whose ranges of numbers overlap."""
    order = sorted(range(len(partials)), key=lambda i: partials[i].numbers)
    groups: list[list[int]] = []
    highest = ""
    for i in order:
        low, high = partials[i].numbers
        if groups and low <= highest:
            groups[-1].append(i)
        else:
            groups.append([i])
        highest = max(highest, high) if len(groups[-1]) > 1 else high
    return [group for group in groups if len(group) > 1]


def _compare(files: Sequence[Path], columns: Columns) -> None:
    con = typed.connection()
    try:
        con.execute("CREATE TABLE seen (number VARCHAR, file INTEGER, row BIGINT)")
        for i, file in enumerate(files):
            _put(con, file, i, columns)
        twice = con.execute(
            "SELECT number, list(file ORDER BY file, row) AS files, list(row ORDER BY file, row) AS rows "
            "FROM seen WHERE number IN "
            "(SELECT number FROM seen GROUP BY number HAVING count(DISTINCT file) > 1) "
            "GROUP BY number ORDER BY number LIMIT 1000"
        ).fetchall()
    finally:
        con.close()
    if twice:
        shown = (
            f"{number}: " + " and ".join(f"{files[f].name} row {r}" for f, r in zip(where, rows, strict=True))
            for number, where, rows in twice
        )
        raise DataError(
            f"{len(twice)}{' or more' if len(twice) == 1000 else ''} case numbers stand in two files",
            where=shortlist(shown),
            expected="each case in one file",
            fix="take the rows out of one of the files, or export periods that do not overlap",
        )


def _put(con: DuckDBPyConnection, file: Path, place: int, columns: Columns) -> None:
    if typed.is_typed(file, columns):
        import pyarrow.parquet as pq

        column = match(pq.read_schema(file).names, columns, file, LAYOUT)["number"]
        name = sql.quoted(column, '"')
        con.execute(
            f"INSERT INTO seen SELECT {name}::VARCHAR, {place}, file_row_number + 1 "
            f"FROM read_parquet({sql.file(file)}, hive_partitioning = false, file_row_number = true) "
            f"WHERE {name} IS NOT NULL"
        )
        return
    frame, _ = read_file(file, columns)
    told = pd.DataFrame({"number": texts(frame["number"]), "file": place, "row": frame.index.to_numpy()})
    told = told[told["number"] != ""]
    con.register("told", told)
    con.execute("INSERT INTO seen SELECT * FROM told")
    con.unregister("told")
