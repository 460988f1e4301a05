"""Files of an export opened: their encoding, their headers, and the SQL that reads their five fields."""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import shutil
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import duckdb
import numpy as np
import pandas as pd

from evaluation.errors import DataError
from evaluation.sources import cells, sql
from evaluation.sources.exports import Columns, distinct, match, read_export
from evaluation.sources.incidents.layout import FIELDS, LAYOUT
from evaluation.sources.reading import RawFile

_SAMPLE = 1 << 20
_HEADER_WITHIN = 10
_SUMS = ThreadPoolExecutor(1, thread_name_prefix="checksum")


@dataclass(frozen=True, eq=False)
class Piece:
    """One file, ready to be read by SQL.

    Attributes
    ----------
    path : Path
    sql : str
        Expression for a table with the five fields as texts.
    encoding : str
        ``utf-8``, ``gb18030``, or ``excel`` or ``parquet``, whose texts need no decoding.
    checksum : Future of str
        Taken beside the reading: it needs one processor, and reading is not always at work on all.
    skip : int
        Lines up to the header, the header included.
    places : mapping of str to int
        Position of each field, for CSV.
    delimiter : str
    frame : pandas.DataFrame, optional
        Cells of a workbook.
    bytewise : bool
        SQL reads GB18030 as Latin-1, a letter a byte: commas, quotes and line ends are never part of a
        Chinese character, and only the few distinct texts are decoded.
    """

    path: Path
    sql: str
    encoding: str
    checksum: Future[str]
    skip: int = 0
    places: Mapping[str, int] = field(default_factory=dict)
    delimiter: str = ","
    frame: pd.DataFrame | None = field(default=None, repr=False)
    bytewise: bool = False

    @property
    def raw(self) -> RawFile:
        """Name and checksum, once it is there."""
        return RawFile(self.path.name, self.checksum.result())

    def decode(self, text: str | None) -> str:
        """A text as DuckDB gave it; GB18030 was read byte by byte.

        Raises
        ------
        UnicodeDecodeError
            Bytes that are no GB18030.
        """
        if text is None:
            return ""
        return text.encode("latin-1").decode("gb18030") if self.bytewise else text


def open_piece(database: duckdb.DuckDBPyConnection, path: Path, columns: Columns, number: int) -> Piece:
    """Find a file's encoding and headers.

    Parameters
    ----------
    database : DuckDBPyConnection
        Workbooks become tables in it.
    path : Path
    columns : mapping
        Headers by field, see :data:`FIELDS`.
    number : int
        Position of the file, for the name of its table.

    Raises
    ------
    DataError
        The file cannot be read, or lacks a header.
    """
    name = path.name.lower()
    if name.endswith((".xls", ".xlsx")):
        return _workbook(database, path, columns, number)
    if name.endswith(".parquet"):
        return _parquet(database, path, columns)
    return _csv(path, columns)


def same_twice(pieces: list[Piece]) -> None:
    """Refuse two files with the same bytes.

    Raises
    ------
    DataError
    """
    seen: dict[str, Path] = {}
    for piece in pieces:
        if piece.raw.sha256 in seen:
            raise DataError(
                "two files are the same, so that every incident would count twice",
                where=f"{seen[piece.raw.sha256].name} and {piece.path.name}",
                fix="remove one of them",
            )
        seen[piece.raw.sha256] = piece.path


def _csv(path: Path, columns: Columns) -> Piece:
    encoding = _sniff(path)
    return _csv_as(path, columns, encoding, _SUMS.submit(_checksum, path))


def _csv_as(
    path: Path, columns: Columns, encoding: str, checksum: Future[str], copy: Path | None = None
) -> Piece:
    with opened(path) as stream:
        head = stream.read(_SAMPLE).decode(codec(encoding), errors="replace")
    lines = head.splitlines()[:_HEADER_WITHIN]
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(",\t;", key=first.count)
    rows = [
        [cells.clean_text(cell) for cell in next(csv.reader([line], delimiter=delimiter), [])]
        for line in lines
    ]
    header = next((i for i, row in enumerate(rows) if _complete(row, columns)), 0)
    # what no row has is said of the first one
    found = match(distinct(rows[header] if rows else []), columns, path, LAYOUT)
    names = distinct(rows[header])
    places = {name: names.index(header_of) for name, header_of in found.items()}
    table = {f"c{i}": "VARCHAR" for i in range(len(names))}
    described = ", ".join(f"'{name}': '{kind}'" for name, kind in table.items())
    bytewise = encoding == "gb18030" and copy is None
    reader = (
        f"read_csv({sql.file(copy or path)}, hive_partitioning = false, auto_detect = false, "
        f"header = false, skip = {header + 1}, "
        f"delim = {sql.quoted(delimiter)}, quote = '\"', escape = '\"', "
        f"encoding = '{'latin-1' if bytewise else 'utf-8'}', columns = {{{described}}})"
    )
    fields = ", ".join(f"c{place} AS {name}" for name, place in places.items())
    return Piece(
        path,
        f"(SELECT {fields} FROM {reader})",
        encoding,
        checksum,
        header + 1,
        places,
        delimiter,
        bytewise=bytewise,
    )


def _complete(row: list[str], columns: Columns) -> bool:
    wanted = {name: columns.get(name, usual) for name, usual in FIELDS.items()}
    options = [[value] if isinstance(value, str) else value for value in wanted.values()]
    return all(any(cells.clean_text(text) in row for text in option) for option in options)


def _workbook(database: duckdb.DuckDBPyConnection, path: Path, columns: Columns, number: int) -> Piece:
    frame, raw = read_export(path, columns, LAYOUT)
    texts = {}
    for name in FIELDS:
        if name in ("occurred", "reported"):
            read, wrong = cells.days(frame[name])
            plain = pd.Series(np.datetime_as_string(read), index=frame.index, dtype=object)
            texts[name] = plain.mask(
                pd.Series(wrong | np.isnat(read), index=frame.index), cells.texts(frame[name])
            )
        else:
            texts[name] = cells.texts(frame[name])
    plain_frame = pd.DataFrame(texts).astype(str)
    table = f"workbook_{number}"
    database.register("given", plain_frame.astype(object))
    database.execute(f"CREATE TABLE {table} AS SELECT * FROM given")
    database.unregister("given")
    known: Future[str] = Future()
    known.set_result(raw.sha256)
    return Piece(path, table, "excel", known, frame=plain_frame)


def _parquet(database: duckdb.DuckDBPyConnection, path: Path, columns: Columns) -> Piece:
    source = f"read_parquet({sql.file(path)}, hive_partitioning = false)"
    try:
        described = database.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    except duckdb.Error as error:
        raise DataError(
            "the file is not a Parquet file that can be read",
            where=f"{path}: {str(error).splitlines()[0]}",
            expected="a whole, unencrypted file",
            fix="export it again, or save it as CSV UTF-8",
        ) from None
    found = match([str(row[0]) for row in described], columns, path, LAYOUT)
    fields = ", ".join(
        f'CAST("{header.replace(chr(34), chr(34) * 2)}" AS VARCHAR) AS {name}'
        for name, header in found.items()
    )
    return Piece(path, f"(SELECT {fields} FROM {source})", "parquet", _SUMS.submit(_checksum, path))


def as_gb18030(piece: Piece, columns: Columns) -> Piece:
    """A file that began as UTF-8 and does not go on so, taken as GB18030 from the start.

    Raises
    ------
    DataError
        It is not GB18030 throughout either: names the first line that is not UTF-8.
    """
    return _csv_as(piece.path, columns, _second_choice(piece.path), piece.checksum)


def in_utf8(piece: Piece, columns: Columns, folder: Path) -> Piece:
    """A GB18030 file by way of a copy in UTF-8: SQL refuses the bytes of its rarer characters.

    Raises
    ------
    DataError
        It is not GB18030 throughout: names the first line.
    """
    copy = folder / f"{len(list(folder.iterdir()))}.csv"
    try:
        with (
            opened(piece.path) as stream,
            io.TextIOWrapper(stream, encoding="gb18030", newline="") as source,
            copy.open("w", encoding="utf-8", newline="") as target,
        ):
            shutil.copyfileobj(source, target, _SAMPLE)
    except UnicodeDecodeError:
        raise mixed(piece.path, first_line_not(piece.path, "gb18030")) from None
    return _csv_as(piece.path, columns, piece.encoding, piece.checksum, copy)


def mixed(path: Path, line: int) -> DataError:
    """The error that a file mixes encodings."""
    return DataError(
        "the file mixes encodings",
        where=f"{path}, line {line}",
        expected="one encoding a file, UTF-8 or GB18030; files of a folder may differ",
        fix="export it again, or split it at that line and convert the second part",
    )


def _sniff(path: Path) -> str:
    with opened(path) as stream:
        head = stream.read(_SAMPLE)
    if not head.removeprefix(codecs.BOM_UTF8).strip():
        raise DataError("the file is empty", where=str(path), expected="a header and at least one row")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(
            "the file is in UTF-16",
            where=str(path),
            expected="UTF-8 or GB18030",
            fix="save the file as UTF-8 (CSV UTF-8 in Excel)",
        )
    if b"\x00" in head:
        raise DataError(
            "the file is not a CSV table", where=f"{path}: it holds zero bytes", expected="plain text"
        )
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return _second_choice(path)
    return "utf-8"


def _second_choice(path: Path) -> str:
    """GB18030, for a file that is not UTF-8 throughout."""
    line = first_line_not(path, "utf-8")
    # lines with Chinese before the first that is not UTF-8 are UTF-8, so the file holds both
    if first_line_not(path, "ascii") < line or first_line_not(path, "gb18030"):
        raise mixed(path, line)
    return "gb18030"


def first_line_not(path: Path, encoding: str) -> int:
    """Number of the first line that is not in the encoding; 0 where all are."""
    with opened(path) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                return number
    return 0


def codec(encoding: str) -> str:
    """Python's name of an encoding."""
    return "utf-8-sig" if encoding == "utf-8" else encoding


def opened(path: Path) -> IO[bytes]:
    """A file as a stream of bytes, unpacked when it is gzipped."""
    try:
        stream: IO[bytes] = path.open("rb")
        if stream.read(2) == b"\x1f\x8b":
            stream.close()
            return gzip.open(path, "rb")  # type: ignore[return-value]
        stream.seek(0)
        return stream
    except OSError as error:
        raise DataError("the file cannot be read", where=f"{path}: {error.strerror or error}") from None


def _checksum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
