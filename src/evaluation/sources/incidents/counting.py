"""From a city's incidents to counts by district and month; no row is lost without a reason."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from evaluation.errors import DataError, shortlist
from evaluation.sources.exports import SUFFIXES, Columns
from evaluation.sources.incidents import judging, scanning
from evaluation.sources.incidents.delays import completeness
from evaluation.sources.incidents.layout import OffenceMap, PlaceMap
from evaluation.sources.incidents.pieces import as_gb18030, in_utf8, open_piece, same_twice
from evaluation.sources.reading import RawFile, find_files

_SILENT = 20.0
"""A unit with at least so many incidents in the usual month does not have a month without any by chance."""

NO_DAY = "no day of the incident or of the report can be read"
BEFORE = "reported before it happened"
AFTER = "reported after the day of the export"
OUTSIDE = "happened outside the months asked for"
LATE = "reported later than the longest delay that counts"
ELSEWHERE = "the place is in the map as one that is left out"
UNCOUNTED = "the offence is in the map as one that counts towards no outcome"
REPEATED = "the row repeats an earlier one"


@dataclass(frozen=True)
class Rules:
    """How incidents become counts.

    Attributes
    ----------
    first, last : str
        First and last month, such as ``2012-01``.
    as_of : str
        Day of the export: what was reported later is not in it.
    longest_delay : int, optional
        Count only what was reported within so many days, so that recent months are not short of late
        reports and all months are alike. All reports count when absent.
    unreadable : float
        Share of rows without a readable day above which nothing is counted.
    empty_months : {"stop", "missing"}
        What a month without any row means: a file that is absent, or counts that are not known.
    """

    first: str
    last: str
    as_of: str
    longest_delay: int | None = None
    unreadable: float = 0.01
    empty_months: Literal["stop", "missing"] = "stop"

    @property
    def months(self) -> pd.PeriodIndex:
        """Every month from first to last."""
        return pd.period_range(self.first, self.last, freq="M")

    def __post_init__(self) -> None:
        try:
            months, day = self.months, pd.Timestamp(self.as_of)
        except ValueError as error:
            raise DataError(
                "a month or day of the rules cannot be read",
                where=f"first {self.first!r}, last {self.last!r}, as_of {self.as_of!r}: {error}",
                expected="months such as 2012-01 and a day such as 2017-01-31",
            ) from None
        for wrong, what, expected in (
            (not len(months), f"last ({self.last}) lies before first ({self.first})", "months in order"),
            (
                len(months) and day < months[-1].end_time.normalize(),
                f"the day of the export, {self.as_of}, lies before the end of {self.last}",
                "a last month that was over when the records were taken",
            ),
            (
                self.longest_delay is not None and self.longest_delay < 0,
                f"the longest delay is {self.longest_delay} days",
                "0 or more days",
            ),
            (not 0 <= self.unreadable <= 1, f"unreadable is {self.unreadable}", "a share from 0 to 1"),
        ):
            if wrong:
                raise DataError(what, expected=expected, fix="correct the settings of the import")


@dataclass(frozen=True, eq=False)
class IncidentCounts:
    """Counts by unit and month, and what became of every row.

    Attributes
    ----------
    frame : pandas.DataFrame (units x months,)
        ``unit, month`` (period) and a column an outcome: incidents, 0 where there were none, NaN in months
        that are missing.
    completeness : pandas.DataFrame (months,)
        From `evaluation.sources.incidents.delays.completeness`.
    set_aside : mapping of str to int
        Rows that count nowhere, by reason.
    unreadable : pandas.DataFrame
        ``file, row, field, text``: the first cells whose day cannot be read.
    rows_read, rows_counted : int
        ``rows_read`` is ``rows_counted`` and those set aside.
    without_number : int
        Incidents without a number: counted, but a repetition of one would not be noticed.
    encodings : mapping of str to str
        By file.
    raw : tuple of RawFile
    notes : tuple of str
    """

    frame: pd.DataFrame = field(repr=False)
    completeness: pd.DataFrame = field(repr=False)
    set_aside: Mapping[str, int]
    unreadable: pd.DataFrame = field(repr=False)
    rows_read: int
    rows_counted: int
    without_number: int
    encodings: Mapping[str, str]
    raw: tuple[RawFile, ...] = ()
    notes: tuple[str, ...] = ()


def count_incidents(
    path: str | Path,
    offences: OffenceMap,
    places: PlaceMap,
    rules: Rules,
    columns: Columns | None = None,
    *,
    threads: int | None = None,
) -> IncidentCounts:
    """Count the incidents of a file or folder by unit, month and outcome.

    Parameters
    ----------
    path : str or Path
        A CSV (UTF-8 or GB18030, each file in its own), Excel or Parquet file, or a folder of them.
    offences : OffenceMap
    places : PlaceMap
    rules : Rules
    columns : mapping, optional
        Our field to the export's header; see :data:`FIELDS`.
    threads : int, optional
        For DuckDB; all processors when absent.

    Returns
    -------
    IncidentCounts

    Raises
    ------
    DataError
        A file cannot be read or lacks a header; more days than ``rules.unreadable`` cannot be read; an
        offence or place is not in its map; an incident number stands in rows that differ; a month has no
        row and ``rules.empty_months`` is "stop".
    """
    columns = columns or {}
    files = find_files(path, suffixes=SUFFIXES)
    with (
        tempfile.TemporaryDirectory(prefix="incidents-") as folder,
        scanning.connection(threads) as database,
    ):
        pieces, parts, hashes = [], [], []
        for number, file in enumerate(files):
            piece = open_piece(database, file, columns, number)
            while True:
                try:
                    part, hashed = scanning.tally(database, piece, rules.as_of, offences.of, places.of)
                    break
                except UnicodeError:
                    # UTF-8 becomes GB18030, that becomes a copy in UTF-8, which has no such error
                    known = piece.encoding == "gb18030"
                    if known and not piece.bytewise:
                        raise
                    piece = in_utf8(piece, columns, Path(folder)) if known else as_gb18030(piece, columns)
            if part.empty:
                raise DataError("the table has no rows", where=str(file), expected="at least one incident")
            pieces.append(piece)
            parts.append(judging.decoded(part, piece))
            hashes.append(hashed)
            del hashed
        same_twice(pieces)
        found = pd.concat(parts, ignore_index=True)
        repeated, numbered = judging.repetitions(database, pieces, hashes)
    rows_read = int(found["rows"].sum())
    found = pd.concat([found, repeated], ignore_index=True)
    found, unreadable = judging.with_days(found, pieces, rules.as_of, rules.unreadable, rows_read)
    found["outcomes"] = judging.mapped(found, "offence", offences.of, pieces, offences.raw.name)
    found["unit"] = judging.mapped(found, "place", places.of, pieces, places.raw.name)
    reasons = _reasons(found, rules)
    aside = found.assign(reason=reasons).groupby("reason")["rows"].sum()
    aside[REPEATED] = -int(repeated["rows"].sum())
    kept = found[reasons == ""]
    frame, notes = _panel(kept, offences.outcomes, places.units, rules)
    notes = (*_unread(Path(path), files), *notes)
    order = (NO_DAY, REPEATED, BEFORE, AFTER, OUTSIDE, ELSEWHERE, UNCOUNTED, LATE)
    return IncidentCounts(
        frame=frame,
        completeness=completeness(
            found[reasons.isin(["", LATE])], rules.months, rules.as_of, rules.longest_delay
        ),
        set_aside={reason: int(aside[reason]) for reason in order if aside.get(reason, 0)},
        unreadable=unreadable,
        rows_read=rows_read,
        rows_counted=int(kept["rows"].sum()),
        without_number=rows_read - numbered,
        encodings={piece.path.name: piece.encoding for piece in pieces},
        raw=tuple(piece.raw for piece in pieces),
        notes=notes,
    )


# counts ----------------------------------------------------------------------------------------


def _unread(path: Path, files: list[Path]) -> list[str]:
    """Files of the folder, and sheets of workbooks, that were not read."""
    notes = []
    if path.is_dir():
        others = sorted(item.name for item in path.iterdir() if item not in files and item.name[:1] != ".")
        if others:
            notes.append(
                f"not read, for their names do not end in {' or '.join(SUFFIXES)}: {shortlist(others)}"
            )
    for file in files:
        if file.suffix.lower() == ".xlsx":
            with zipfile.ZipFile(file) as parts:
                sheets = sum(name.startswith("xl/worksheets/sheet") for name in parts.namelist())
            if sheets > 1:
                notes.append(f"only the first of {sheets} sheets of {file.name} was read")
    return notes


def _reasons(found: pd.DataFrame, rules: Rules) -> pd.Series:
    """Why the rows of each entry count nowhere; empty where they count."""
    months = rules.months
    first, last = (month.year * 12 + month.month - 1 for month in (months[0], months[-1]))
    tests: tuple[tuple[str, pd.Series], ...] = (
        (NO_DAY, found["month"].isna()),
        (BEFORE, found["delay"] < 0),
        (OUTSIDE, (found["month"] < first) | (found["month"] > last)),
        (AFTER, found["after"]),
        (ELSEWHERE, found["unit"] == ""),
        (UNCOUNTED, found["outcomes"].map(len) == 0),
    )
    reason = pd.Series("", index=found.index, dtype=object)
    for words, wrong in tests:
        reason = reason.mask(wrong.to_numpy(dtype=bool) & (reason == "").to_numpy(), words)
    if rules.longest_delay is not None:
        late = (found["delay"] > rules.longest_delay).to_numpy(dtype=bool) & (reason == "").to_numpy()
        reason = reason.mask(late, LATE)
    return reason


def _panel(
    kept: pd.DataFrame, outcomes: tuple[str, ...], units: tuple[str, ...], rules: Rules
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    months = rules.months
    first = months[0].year * 12 + months[0].month - 1
    unit = kept["unit"].map({name: i for i, name in enumerate(units)}).to_numpy(dtype=np.int64)
    period = (kept["month"] - first).to_numpy(dtype=np.int64)
    weight = kept["rows"].to_numpy(dtype=float)
    size = len(units) * len(months)
    cell = unit * len(months) + period
    any_row = np.bincount(cell, weight, size).reshape(len(units), len(months))
    empty = any_row.sum(axis=0) <= 0
    if empty.any() and rules.empty_months == "stop":
        raise DataError(
            f"{int(empty.sum())} months have no incident at all",
            where=shortlist(months[empty].astype(str), 12),
            expected=f"at least one row a month from {rules.first} to {rules.last}",
            fix='add the file of that month, shorten first or last, or set empty_months = "missing" in the '
            "settings of the import: counts of these months are then missing, not 0",
        )
    frame = pd.DataFrame({"unit": np.repeat(units, len(months)), "month": np.tile(months, len(units))})
    for name in outcomes:
        counts_it = np.array([name in names for names in kept["outcomes"]], dtype=bool)
        column = np.bincount(cell[counts_it], weight[counts_it], size)
        frame[name] = np.where(np.tile(empty, len(units)), np.nan, column)
    notes = []
    silent = (any_row == 0) & ~empty & (np.median(any_row, axis=1) >= _SILENT)[:, None]
    if silent.any():
        where = (f"{units[i]} {months[j]}" for i, j in zip(*np.nonzero(silent), strict=True))
        notes.append(
            f"no incident where the usual month has many, perhaps a file is absent: {shortlist(where)}"
        )
    if empty.any():
        notes.append(f"months without any row, taken as missing: {shortlist(months[empty].astype(str))}")
    absent = [name for name, total in zip(units, any_row.sum(axis=1), strict=True) if total == 0]
    if absent:
        notes.append(f"units of the map without any incident: {shortlist(absent)}")
    return frame, tuple(notes)
