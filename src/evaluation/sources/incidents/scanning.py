"""Rows of an export added up by DuckDB: 20 million in seconds, each file in its own encoding.

Nothing is decided here. Dates that SQL can read are turned into month and delay; every other text is
handed on as it stands, with the number of its rows, to be read and judged by `judging` beside this.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import DataError
from evaluation.sources import cells, sql
from evaluation.sources.incidents.layout import FIELDS
from evaluation.sources.incidents.pieces import Piece, codec, opened

Database = duckdb.DuckDBPyConnection
MEMORY = "600MB"
"""What DuckDB may use before it writes to a temporary folder."""

_DAYS = ("1971-01-01", "2099-12-31")  # SQL reads the word epoch as 1 January 1970
_LINE = re.compile(r"Line:? (\d+)")
_FIELDS = "the same number of fields in every row"
_FAULTS: tuple[tuple[str, str, str | None, str], ...] = (
    (
        "Expected Number of Columns",
        "a row of the file has more or fewer fields than the header",
        _FIELDS,
        "correct the line; a field with the delimiter in it needs quotation marks",
    ),
    (
        "unterminated quote",
        "a quotation mark is open to the end of the file, or closes within a field",
        _FIELDS,
        "correct the line; a quotation mark within a field is written twice",
    ),
    (
        "Maximum line size",
        "a line of the file is longer than two million bytes",
        None,
        "look for a quotation mark that was never closed, or empty the long field",
    ),
    (
        "Out of Memory Error",
        f"counting the file needs more than the {MEMORY} that it may use, and the temporary folder is full",
        None,
        "free some space in the temporary folder (TMPDIR), or split the file",
    ),
    (
        "IO Error",
        "the file cannot be read",
        None,
        "see that it is still there and may be read",
    ),
)
"""What DuckDB's errors say, and the same in words for who made the file: what, expected, how to mend it."""


@contextmanager
def connection(threads: int | None = None) -> Iterator[Database]:
    """A database in memory that may spill into a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="incidents-") as folder:
        database = duckdb.connect()
        try:
            database.execute(f"SET memory_limit = '{MEMORY}'")
            database.execute(f"SET temp_directory = {sql.quoted(folder)}")
            database.execute("SET preserve_insertion_order = false")
            database.execute("SET enable_progress_bar = false")
            if threads is not None:
                database.execute(f"SET threads = {int(threads)}")
            yield database
        finally:
            database.close()


def tally(
    database: Database, piece: Piece, as_of: str, offences: Iterable[str], places: Iterable[str]
) -> tuple[pd.DataFrame, NDArray[np.uint64]]:
    """Rows of a file added up by month, delay, offence and place, in one pass over the file.

    Parameters
    ----------
    database : Database
    piece : Piece
    as_of : str
        Day of the export.
    offences, places : iterable of str
        Texts that are known; rows with others take a second pass.

    Returns
    -------
    sums : pandas.DataFrame
        ``month`` (months since year 0), ``delay`` (days from incident to report), ``after`` (reported
        after ``as_of``), ``offence, place`` (texts as read by SQL), ``occurred, reported`` (texts, where SQL
        could not read one of the two), ``rows``.
    hashes : ndarray (rows,)
        Of every incident number that is not empty.

    Raises
    ------
    UnicodeError
        The file is not in the encoding that its beginning is in, or has characters that SQL refuses.
    """
    _kinds(database, piece, offences=offences, places=places)
    o, r = (_day(name, piece.bytewise) for name in ("occurred", "reported"))
    first, last = (f"DATE {sql.quoted(day)}" for day in _DAYS)
    # what is NULL or out of range, such as a year of two digits, is left to the reader of cells
    read = f"coalesce(o BETWEEN {first} AND {last} AND r BETWEEN {first} AND {last}, false)"
    sums = f"""CAST(year(o) * 12 + month(o) - 1 AS INTEGER) AS month, CAST(r - o AS INTEGER) AS delay,
               r > DATE {sql.quoted(as_of)} AS after"""
    # numbers of a byte or eight stand for the texts: 20 million rows stay in memory
    load = f"""
        CREATE OR REPLACE TEMP TABLE slim AS
        SELECT CASE WHEN number <> '' THEN hash(number) END AS h, {o} AS o, {r} AS r,
               TRY_CAST(offence AS offences) AS offence, TRY_CAST(place AS places) AS place
        FROM {piece.sql}"""
    plain = f"""
        SELECT {sums}, CAST(offence AS VARCHAR) AS offence, CAST(place AS VARCHAR) AS place,
               NULL AS occurred, NULL AS reported, count(*) AS rows
        FROM slim WHERE {read} AND offence IS NOT NULL AND place IS NOT NULL GROUP BY ALL"""
    _run(database, load, piece)
    frames = [_run(database, plain, piece).df()]
    if frames[0]["rows"].sum() < database.execute("SELECT count(*) FROM slim").fetchall()[0][0]:
        frames += _second_pass(database, piece, (o, r), read, sums)
    hashes = _hashes(database)
    database.execute("DROP TABLE slim")
    frame = pd.concat(frames, ignore_index=True)
    for name in ("month", "delay"):
        frame[name] = pd.to_numeric(frame[name], errors="coerce").astype(float)
    frame["after"] = frame["after"].astype(object).fillna(False).astype(bool)
    return frame.sort_values(list(frame.columns[:-1]), ignore_index=True), hashes


def _hashes(database: Database) -> NDArray[np.uint64]:
    """Hashes of the file, brought over an eighth at a time, so that they are never held twice."""
    number = int(database.execute("SELECT count(h) FROM slim").fetchall()[0][0])
    out = np.empty(number, dtype=np.uint64)
    start = 0
    for part in range(8):
        found = database.execute(f"SELECT h FROM slim WHERE h >> 61 = {part}").fetchnumpy()["h"]
        out[start : start + len(found)] = found
        start += len(found)
    return out


def _second_pass(
    database: Database, piece: Piece, days: tuple[str, str], read: str, sums: str
) -> list[pd.DataFrame]:
    """Rows with a day that SQL cannot read, or a text that is not known as it stands."""
    given = f"SELECT offence, place, occurred, reported, {days[0]} AS o, {days[1]} AS r FROM {piece.sql}"
    unknown = "TRY_CAST(offence AS offences) IS NULL OR TRY_CAST(place AS places) IS NULL"
    days_read = f"""SELECT {sums}, offence, place, NULL AS occurred, NULL AS reported, count(*) AS rows
                    FROM ({given}) WHERE {read} AND ({unknown}) GROUP BY ALL"""
    as_texts = f"""SELECT NULL AS month, NULL AS delay, false AS after, offence, place, occurred, reported,
                          count(*) AS rows
                   FROM ({given}) WHERE NOT {read} GROUP BY ALL"""
    return [_run(database, query, piece).df() for query in (days_read, as_texts)]


def _kinds(database: Database, piece: Piece, **known: Iterable[str]) -> None:
    """Types of the known texts, as the file's bytes are read."""
    for name, texts in known.items():
        written = [text.encode("gb18030").decode("latin-1") if piece.bytewise else text for text in texts]
        values = ", ".join(sql.quoted(text) for text in dict.fromkeys(written))
        database.execute(f"DROP TYPE IF EXISTS {name}")
        database.execute(f"CREATE TYPE {name} AS ENUM ({values})")


def rows_of_numbers(database: Database, piece: Piece, hashes: NDArray[np.uint64]) -> pd.DataFrame:
    """The rows of a file whose incident number has one of these hashes, fields as texts."""
    database.register("wanted", pd.DataFrame({"h": hashes}))
    fields = ", ".join(name for name in FIELDS if name != "number")
    query = f"""SELECT number, {fields} FROM {piece.sql} WHERE hash(number) IN (SELECT h FROM wanted)"""
    try:
        return _run(database, query, piece).df()
    finally:
        database.unregister("wanted")


def find_rows(piece: Piece, name: str, wanted: set[str], most: int = 5) -> list[tuple[int, str]]:
    """The first rows of a file, the first being 1, in which a field has one of these texts."""
    found: list[tuple[int, str]] = []
    for row, text in _cells(piece, name):
        if text in wanted:
            found.append((row, text))
            if len(found) >= most:
                break
    return found


def _cells(piece: Piece, name: str) -> Iterator[tuple[int, str]]:
    if piece.frame is not None:
        for row, value in piece.frame[name].items():
            yield int(str(row)), cells.clean_text(value)
    elif piece.places:
        with opened(piece.path) as stream:
            # a byte that is wrong must not hide the rows before it
            text = io.TextIOWrapper(stream, encoding=codec(piece.encoding), errors="replace", newline="")
            reader = csv.reader(text, delimiter=piece.delimiter)
            for fields in reader:
                if reader.line_num > piece.skip and len(fields) > piece.places[name]:
                    yield reader.line_num, cells.clean_text(fields[piece.places[name]])
    else:
        with connection() as database:
            values = database.execute(f"SELECT {name} FROM {piece.sql}").df()[name]
            for row, value in enumerate(values, start=1):
                yield row, cells.clean_text(value)


# SQL ------------------------------------------------------------------------------------------


def _run(database: Database, query: str, piece: Piece) -> Any:
    try:
        return database.execute(query)
    except duckdb.Error as error:
        text = str(error)
        if any(name in text.lower() for name in ("unicode", "utf-8", "latin-1 encoded")):
            raise UnicodeError(text) from None
        found = _LINE.search(text)
        line = f", line {found.group(1)}" if found else ""
        lines = [part.strip()[:200] for part in text.splitlines() if part.strip()]
        what, expected, fix = next(
            (told[1:] for told in _FAULTS if told[0] in text),
            ("the file cannot be read by DuckDB", None, "correct the file, or save it again as CSV UTF-8"),
        )
        said = lines[1] if line and len(lines) > 1 else lines[0]
        raise DataError(what, where=f"{piece.path}{line}: {said}", expected=expected, fix=fix) from None


def _day(name: str, bytewise: bool) -> str:
    """SQL for a day: ISO and its relatives first, then years, months and days in Chinese or with dots."""
    year, month, day = (mark.encode("gb18030").decode("latin-1") if bytewise else mark for mark in "年月日")
    chinese = (
        f"replace(replace(replace(replace({name}, '{year}', '-'), '{month}', '-'), '{day}', ''), '.', '-')"
    )
    return f"coalesce(TRY_CAST({name} AS DATE), TRY_CAST({chinese} AS DATE))"
