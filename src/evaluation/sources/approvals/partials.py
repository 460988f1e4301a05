"""What one file of cases comes to: how many cases of each kind took how many working days.

These counts are all that a panel needs, they add up over files, and they are small. A file is read once;
its counts are kept under the checksum of its bytes, so that a changed file costs only itself.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluation.errors import DataError
from evaluation.sources.approvals import typed
from evaluation.sources.approvals.cases import CaseRecord, read_cases
from evaluation.sources.approvals.durations import durations
from evaluation.sources.approvals.tables import LAYOUT, Columns
from evaluation.sources.exports import headers
from evaluation.sources.reading import RawFile
from evaluation.sources.tables import write_together
from evaluation.sources.working_days import covered_years

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CELL = ("district", "item", "month", "statutory", "finished", "days")
"""Columns that make a cell of counts. Months of acceptance are numbered from January 1970 on."""

FORMAT = 1
"""Of the kept counts; raised when what is counted changes, so that old ones are not taken."""


@dataclass(frozen=True, eq=False)
class Partial:
    """Counts of one file.

    Attributes
    ----------
    cells : pandas.DataFrame
        :data:`CELL` and ``cases``, their number. ``days`` are working days until decided or, where not
        ``finished``, until the day of the export; ``statutory`` is NaN where no limit is given.
    counts : mapping of str to int
        ``rows_read``, ``cases``, ``open``.
    set_aside : pandas.DataFrame
        ``file, row, reason`` of rows that cannot be a case: the first thousand.
    reasons : mapping of str to int
        All rows set aside, by reason.
    numbers : (str, str)
        Lowest and highest case number, as texts.
    raw : RawFile
    cached : bool
        Whether the counts were at hand already.
    """

    cells: pd.DataFrame = field(repr=False)
    counts: Mapping[str, int]
    set_aside: pd.DataFrame = field(repr=False)
    reasons: Mapping[str, int]
    numbers: tuple[str, str]
    raw: RawFile
    cached: bool = False


def count_file(
    path: Path,
    as_of: str | pd.Timestamp,
    columns: Columns | None = None,
    cache: Path | None = None,
    con: DuckDBPyConnection | None = None,
) -> Partial:
    """Count the cases of one file.

    A Parquet file whose dates are dates is counted by DuckDB where it lies. Any other file, and a Parquet
    file in which case numbers repeat, is read by `evaluation.sources.approvals.read_cases`.

    Parameters
    ----------
    path : Path
        A CSV, Excel or Parquet file.
    as_of : str or Timestamp
        Day of the export: what happened after it is not known.
    columns : mapping, optional
        Our field to the export's header.
    cache : Path, optional
        Folder in which counts are kept.
    con : DuckDBPyConnection, optional
        From `typed.connection`, to be used for many files.

    Returns
    -------
    Partial

    Raises
    ------
    DataError
        As `read_cases` and `durations`.
    """
    day = pd.Timestamp(as_of).normalize()
    checksum = _checksum(path)
    kept = None if cache is None else cache / f"{_key(checksum, day, columns or {})}.counts"
    if kept is not None and (found := _load(kept, path, checksum)) is not None:
        return found
    raw = RawFile(path.name, checksum)
    made = None
    if typed.is_typed(path, columns or {}):
        made = typed.count(path, day, columns or {}, con or typed.connection())
    if made is None:
        record = read_cases(path, columns)
        partial = _of_record(record, day, raw)
    else:
        partial = Partial(made.cells, made.counts, made.set_aside, made.reasons, made.numbers, raw)
    if kept is not None:
        write_together({kept: _dump(partial)})
    return partial


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise DataError("the file cannot be read", where=f"{path}: {error.strerror or error}") from None
    return digest.hexdigest()


def _key(checksum: str, day: pd.Timestamp, columns: Columns) -> str:
    """Name of the kept counts: the file and everything else that they depend on."""
    what = [FORMAT, checksum, f"{day:%Y-%m-%d}", headers(columns, LAYOUT), covered_years()]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _of_record(record: CaseRecord, day: pd.Timestamp, raw: RawFile) -> Partial:
    frame = record.frame
    took = durations(frame, day)
    month = frame["accepted"].dt.year * 12 + frame["accepted"].dt.month - 1 - 1970 * 12
    keys = pd.DataFrame(
        {
            "district": frame["district"],
            "item": frame["item"],
            "month": month.astype("int32"),
            "statutory": frame["statutory"],
            "finished": took["finished"],
            "days": took["working_days"].astype("int32"),
        }
    )
    numbers = frame["number"].astype(str)
    return Partial(
        add_up(keys.assign(cases=np.int64(1))),
        {
            "rows_read": record.counts["rows_read"],
            "cases": len(frame),
            "open": int((~took["finished"]).sum()),
        },
        record.set_aside.head(typed.NAMED),
        record.reasons,
        (str(numbers.min()), str(numbers.max())),
        raw,
    )


def add_up(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells of the same kind made one, in order."""
    summed = cells.groupby(list(CELL), dropna=False, observed=True, sort=True)["cases"].sum()
    return summed.reset_index()


def _dump(partial: Partial) -> bytes:
    """Counts as one file: a Parquet table and what was counted beside it; the same counts, the same bytes."""
    table = io.BytesIO()
    partial.cells.to_parquet(table, index=False, compression="zstd")
    told = {
        "counts": dict(partial.counts),
        "reasons": dict(partial.reasons),
        "numbers": list(partial.numbers),
        "set_aside": partial.set_aside[["row", "reason"]].to_numpy().tolist(),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in (
            ("cells.parquet", table.getvalue()),
            ("told.json", json.dumps(told, ensure_ascii=False).encode()),
        ):
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def _load(kept: Path, path: Path, checksum: str) -> Partial | None:
    """Counts kept earlier; a file that was cut short or spoilt counts as absent and is made again."""
    if not kept.is_file():
        return None
    with suppress(zipfile.BadZipFile, KeyError, ValueError, OSError), zipfile.ZipFile(kept) as archive:
        told = json.loads(archive.read("told.json"))
        cells = pd.read_parquet(io.BytesIO(archive.read("cells.parquet")))
        aside = pd.DataFrame(told["set_aside"], columns=["row", "reason"])
        aside.insert(0, "file", path.name)
        low, high = told["numbers"]
        raw = RawFile(path.name, checksum)
        partial = Partial(cells, told["counts"], aside, told["reasons"], (low, high), raw)
        return replace(partial, cached=True)
    return None
