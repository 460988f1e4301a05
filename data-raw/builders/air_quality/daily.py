"""The daily city format: one row a city and day with index, grade, six pollutants and rank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from builders.aqi import POLLUTANTS
from evaluation.errors import DataError, shortlist
from evaluation.sources.reading import (
    RawFile,
    decode,
    find_files,
    first_record,
    looks_like_date,
    read_bytes,
    read_fields,
    refuse_lines,
    sha256_of,
    table_name,
    to_dates,
    to_numbers,
)

COLUMNS = ("city", "date", "aqi", "aqi_range", "level", "pm25", "pm10", "so2", "co", "no2", "o3", "rank")
"""Columns of the format in their order, which a file without a header has."""

NUMBERS = ("aqi", *POLLUTANTS)
REQUIRED = ("date", *NUMBERS)


@dataclass(frozen=True, eq=False)
class DailyRecord:
    """A record as it was read: nothing is dropped or changed yet.

    Attributes
    ----------
    frame : pandas.DataFrame (rows,)
        ``city`` (text), ``date`` (day), ``aqi`` (the published index) and the six pollutants as
        numbers, sorted by city in code-point order and date. NaN where the field is empty.
    counts : mapping of str to int
        ``files``, ``rows``, ``cities``, ``blank_lines`` and ``empty_fields``.
    raw : RawFile
        Name and checksum of what was read. A folder's checksum is that of the sorted lines
        ``sha256  name``, one a file.
    """

    frame: pd.DataFrame
    counts: Mapping[str, int]
    raw: RawFile = field(repr=False)


def read_daily(path: str | Path) -> DailyRecord:
    """Read the daily city format from a file or from a folder of one file a city.

    Files are plain or gzipped CSV, UTF-8 with or without a byte order mark, with or without a header. A
    file without the column ``city`` is about the city that its name says (``淄博.csv``). Columns with
    a header may come in any order; ``aqi_range``, ``level`` and ``rank`` may be absent.

    Parameters
    ----------
    path : str or Path
        The file or folder.

    Returns
    -------
    DailyRecord
        Every row of the raw file.

    Raises
    ------
    DataError
        The file is missing, empty, broken, not UTF-8 or not this table; a date or number
        cannot be read; a city-day stands twice, within a file or across files.
    """
    path = Path(path)
    files = find_files(path)
    parts, checksums, blank = [], [], 0
    for file in files:
        part, checksum, passed = _read_file(file)
        part["file"] = file.name
        parts.append(part)
        checksums.append(f"{checksum}  {file.name}")
        blank += passed
    frame = pd.concat(parts) if len(parts) > 1 else parts[0]
    frame = frame.reset_index()
    _refuse_duplicates(frame, path)
    frame = frame.sort_values(["city", "date"], kind="stable", ignore_index=True)[["city", "date", *NUMBERS]]
    whole = checksums[0].split()[0] if path.is_file() else sha256_of("\n".join(sorted(checksums)).encode())
    counts = {
        "files": len(files),
        "rows": len(frame),
        "cities": int(frame["city"].nunique()),
        "blank_lines": blank,
        "empty_fields": int(frame[list(NUMBERS)].isna().to_numpy().sum()),
    }
    return DailyRecord(frame=frame, counts=counts, raw=RawFile(name=path.name, sha256=whole))


def _read_file(file: Path) -> tuple[pd.DataFrame, str, int]:
    content, checksum = read_bytes(file)
    text = decode(content, file)
    names, header = _columns(first_record(text), file)
    fields, blank = read_fields(text, names, file, header=header)
    if "city" in names:
        codes, distinct = pd.factorize(fields["city"])
        city = pd.Series(distinct.str.strip().take(codes), index=fields.index)
        refuse_lines(
            (city == "").to_numpy(),
            fields,
            file,
            "rows name no city",
            expected="a city in every row",
            fix="complete them",
        )
    else:
        city = pd.Series(table_name(file), index=fields.index)
    frame = pd.DataFrame({"city": city, "date": to_dates(fields, "date", file)}, index=fields.index)
    for column in NUMBERS:
        frame[column] = to_numbers(fields, column, file)
    return frame, checksum, blank


def _columns(first: list[str], file: Path) -> tuple[list[str], bool]:
    """Names of a file's columns from its first line, and whether that line is a header."""
    lowered = [name.lower() for name in first]
    if any(name in COLUMNS for name in lowered):
        absent = [name for name in REQUIRED if name not in lowered]
        twice = sorted({name for name in lowered if lowered.count(name) > 1})
        if absent or twice:
            said = [f"absent: {', '.join(absent)}"] if absent else []
            said += [f"more than once: {', '.join(twice)}"] if twice else []
            raise _wrong_columns(file, "; ".join(said), first)
        return lowered, True
    for names in (COLUMNS, COLUMNS[1:]):
        if len(first) == len(names) and looks_like_date(first[names.index("date")]):
            return list(names), False
    raise _wrong_columns(file, "no column of the format", first)


def _wrong_columns(file: Path, said: str, found: list[str]) -> DataError:
    return DataError(
        "the file does not have the columns of the daily city format",
        where=f"{file}: {said}; found in line 1: {shortlist(found, most=15)}",
        expected="the columns "
        + ", ".join(COLUMNS)
        + " (aqi_range, level and rank may be absent; city too when the "
        "file is named after it), or the same fields in this order without a header",
        fix="rename the columns in line 1, or give another file",
    )


def _refuse_duplicates(frame: pd.DataFrame, path: Path) -> None:
    # whole numbers are compared faster than texts, and this is the usual case of no duplicate
    codes, _ = pd.factorize(frame["city"])
    keys = codes.astype(np.int64) * 1_000_000 + frame["date"].to_numpy().astype("datetime64[D]").astype(
        np.int64
    )
    repeated = pd.Series(keys).duplicated(keep=False).to_numpy()
    if not repeated.any():
        return
    several = frame["file"].nunique() > 1
    said = []
    for (city, day), rows in frame[repeated].groupby(["city", "date"], sort=True):
        places = [
            f"{file} line {line}" if several else str(line)
            for file, line in zip(rows["file"], rows["line"], strict=True)
        ]
        lines = " and ".join(places) if several else "lines " + " and ".join(places)
        said.append(f"{city} {day:%Y-%m-%d} ({lines})")
    number = len(said)
    raise DataError(
        "1 city-day stands more than once" if number == 1 else f"{number} city-days stand more than once",
        where=f"{path}: {shortlist(said)}",
        expected="one row a city and day",
        fix="remove the repeated rows; where they differ, decide which is right",
    )
