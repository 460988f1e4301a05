"""A city's own export as it lies: CSV in UTF-8 or GB18030, Excel or Parquet, its columns under our names."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluation.errors import DataError, shortlist
from evaluation.sources.cells import clean_text
from evaluation.sources.reading import RawFile, decode, first_record, read_bytes, read_fields

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".xls", ".xlsx")
_HEADER_WITHIN = 10
_EXACT_DIGITS = 15
_MOST_WORKBOOK = 400_000_000
"""Bytes of a workbook, unpacked: a full sheet of fifteen columns has about half of it."""
_MOST_CELLS = 50_000_000
_BARE_FORMULA = re.compile(
    rb"<c\b[^>]*?\br=\"([A-Z]+\d+)\"[^>]*>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>"
)

Columns = Mapping[str, str | Sequence[str]]
"""Our field to the export's header, or to several headers of which the first found is taken."""


class Mapped(dict[str, str | Sequence[str]]):
    """Headers by field, with the file in which they were mapped, so that an error can name the line to edit.

    Parameters
    ----------
    columns : mapping
    path : Path
        The settings or the study file.
    table : str
        The table of that file: ``columns`` or ``import.columns``.
    """

    def __init__(self, columns: Columns, path: Path, table: str) -> None:
        super().__init__(columns)
        self.path, self.table = path, table

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (dict(self), self.path, self.table)

    def line(self, field: str) -> str:
        """Where the header of a field is named, or where it would be."""
        lines = self.path.read_text(encoding="utf-8-sig").splitlines()
        heads = [re.sub(r"[\s\"']", "", line.split("#")[0]) for line in lines]
        name = f"{self.path.parent.name}/{self.path.name}"
        if f"[{self.table}]" not in heads:
            return f'{name}: add a table [{self.table}] with {field} = "…"'
        top = heads.index(f"[{self.table}]")
        for place in range(top + 1, len(heads)):
            if heads[place].startswith("["):
                break
            if heads[place].startswith(f"{field}="):
                said = re.sub(r"\s+#.*$", "", lines[place]).strip()
                return f"{name} line {place + 1}: {said}"
        return f'{name}: add {field} = "…" below line {top + 1}, [{self.table}]'


def place_to_edit(columns: Columns, fields: Sequence[str]) -> str:
    """The lines that map these fields to headers; words for columns that no file named."""
    if isinstance(columns, Mapped):
        return "; ".join(columns.line(field) for field in fields)
    return "the columns of the import"


@dataclass(frozen=True)
class Layout:
    """What kind of record an export holds.

    Attributes
    ----------
    one, many : str
        ``a case`` and ``cases``, for messages.
    fields : mapping of str to str or sequence of str
        Our field to the headers looked for when the settings name none.
    required : tuple of str
        Fields without which the file is of no use.
    anchor : str
        Field whose header marks the row of headers in a workbook with titles above it.
    number : str
        Field that identifies a row: its digits must not be lost.
    """

    one: str
    many: str
    fields: Columns
    required: tuple[str, ...]
    anchor: str
    number: str


def read_export(path: Path, columns: Columns, layout: Layout) -> tuple[pd.DataFrame, RawFile]:
    """Cells of one file under our names, as they stand.

    Parameters
    ----------
    path : Path
    columns : mapping
        Headers by field; those of the layout for fields that are not named.
    layout : Layout

    Returns
    -------
    frame : pandas.DataFrame (rows,)
        A column for each field that the file has; the index is the row in the file, the first being 1.
    raw : RawFile

    Raises
    ------
    DataError
        The file cannot be read, is empty, or lacks a header that is needed.
    """
    content, checksum = read_bytes(path)
    name = path.name.lower()
    if name.endswith((".xls", ".xlsx")):
        frame = _excel(content, path, columns, layout)
    elif name.endswith(".parquet"):
        frame = _parquet(content, path, layout)
    else:
        text = decode_text(content, path)
        frame, _ = read_fields(text, distinct(first_record(text)), path, header=True)
    found = match([str(c) for c in frame.columns], columns, path, layout)
    frame = frame[list(found.values())].set_axis(list(found), axis=1)
    _refuse_lost_digits(frame, path, layout)
    return frame, RawFile(path.name, checksum)


def headers(columns: Columns, layout: Layout) -> dict[str, list[str]]:
    """Headers looked for, by field, as they are compared.

    Raises
    ------
    DataError
        A field that there is not.
    """
    unknown = [name for name in columns if name not in layout.fields]
    if unknown:
        raise DataError(
            f"there is no field {shortlist(unknown)} of {layout.one}",
            where=place_to_edit(columns, unknown),
            expected="one of " + ", ".join(layout.fields),
            fix="write the name of the field on the left, the header of the export on the right",
        )
    wanted = {}
    for field, usual in layout.fields.items():
        named = columns.get(field, usual)
        wanted[field] = [clean_text(text) for text in ([named] if isinstance(named, str) else named)]
    return wanted


def match(found: list[str], columns: Columns, path: Path, layout: Layout) -> dict[str, str]:
    """The file's header of each field that it has.

    Raises
    ------
    DataError
        A field that is required or named in ``columns`` has no header: names all headers of the file.
    """
    wanted = headers(columns, layout)
    _refuse_separator(found, path)
    out = _place(found, wanted)
    absent = [field for field in layout.required if field not in out]
    absent += [field for field in columns if field not in out and field not in layout.required]
    if absent:
        looked = [f"{field} ({' or '.join(wanted[field])})" for field in absent]
        raise DataError(
            f"the file has no column for {shortlist(looked, 10)}",
            where=f"{path}: its headers are {shortlist(found, 30)}",
            expected="a column with the header in brackets for each",
            fix=f"write the header as the file has it: {place_to_edit(columns, absent)}",
        )
    return out


def _refuse_separator(found: list[str], path: Path) -> None:
    for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "upright bars")):
        if len(found) == 1 and sign in found[0]:
            raise DataError(
                f"the fields are separated by {word}, not by commas",
                where=f"{path}, line 1: {found[0][:80]!r}",
                expected="a CSV file with a comma between fields",
                fix="save it as CSV UTF-8 with commas, or as .xlsx",
            )


def _place(found: list[str], wanted: Mapping[str, list[str]]) -> dict[str, str]:
    place = {clean_text(header): header for header in reversed(found)}
    known = {field: [name for name in names if name in place] for field, names in wanted.items()}
    return {field: place[names[0]] for field, names in known.items() if names}


def decode_text(content: bytes, path: Path) -> str:
    """Text in UTF-8, with or without a byte order mark, or in GB18030.

    Raises
    ------
    DataError
        The file is in neither, or mixes them: names the first line where that is so.
    """
    try:
        return decode(content, path)
    except DataError:
        try:
            converted = content.decode("gb18030")
        except UnicodeDecodeError:
            converted = "\x00"
        # what is neither, and what holds zero bytes, is reported as it was
        if "\x00" in converted or not converted.strip():
            raise
        return converted.replace("\r\n", "\n").replace("\r", "\n")


def distinct(names: Sequence[str]) -> list[str]:
    """Headers made different, so that an empty or repeated one does no harm."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 and name else f"{name}#{seen[name]}")
    return out


def _excel(content: bytes, path: Path, columns: Columns, layout: Layout) -> pd.DataFrame:
    _check_workbook(content, path)
    try:
        sheet = pd.read_excel(io.BytesIO(content), header=None, dtype=object)
    except (ValueError, OSError, KeyError, zipfile.BadZipFile, AssertionError) as error:
        raise _unreadable("an Excel workbook", path, error) from None
    except Exception as error:  # xlrd and openpyxl have errors of their own kinds
        if type(error).__module__.split(".")[0] not in ("xlrd", "openpyxl"):
            raise
        raise _unreadable("an Excel workbook", path, error) from None
    sheet.index = pd.RangeIndex(1, 1 + len(sheet), name="line")
    wanted = headers(columns, layout)
    top = [[clean_text(value) for value in sheet.loc[row]] for row in sheet.index[: _HEADER_WITHIN + 1]]
    chosen = _header_row(top, wanted, layout)
    if chosen is not None:
        names, last = chosen
        body = sheet.loc[last + 2 :].set_axis(distinct(names), axis=1)
        body = body[~body.isna().all(axis=1)]
        if not body.empty:
            return body
    raise DataError(
        f"the sheet has no row with the headers of {layout.many}, or none below it",
        where=f"{path}: the first row is {shortlist(top[0] if top else [], 20)}",
        expected=f"a header {' or '.join(wanted[layout.anchor])} in one of the first {_HEADER_WITHIN} rows",
        fix=f"put the {layout.many} on the first sheet, or name its headers: "
        f"{place_to_edit(columns, [layout.anchor])}; "
        "a header merged over several cells is read by the words in its lowest row",
    )


def _check_workbook(content: bytes, path: Path) -> None:
    """Refuse what would fill the memory, and formulas whose values the workbook does not hold."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            size = sum(part.file_size for part in book.infolist())
            if size > _MOST_WORKBOOK:
                raise _too_large(path, f"{size / 1e6:,.0f} MB unpacked")
            name = next((n for n in sorted(book.namelist()) if n.startswith("xl/worksheets/sheet")), None)
            sheet = book.read(name) if name else b""
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, zlib.error):
        return  # an .xls, or no workbook: the reader says which
    found = re.findall(rb"<c\b[^>]*?\br=\"([A-Z]{1,3})(\d{1,7})\"", sheet)
    if found:
        across = max(_column_number(column) for column in {column for column, _ in found})
        down = max(int(row) for _, row in found)
        if across * down > _MOST_CELLS:
            raise _too_large(path, f"{down:,} rows of {across:,} columns, most of them empty")
    bare = _BARE_FORMULA.findall(sheet)
    if bare:
        raise DataError(
            f"cells hold a formula and no value: {len(bare)}",
            where=f"{path}: {shortlist([cell.decode() for cell in bare])}",
            expected="values",
            fix="open and save the workbook in a spreadsheet program, or paste the cells as values",
        )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _too_large(path: Path, size: str) -> DataError:
    return DataError(
        "the workbook is too large to be read",
        where=f"{path}: {size}",
        expected=f"at most {_MOST_WORKBOOK // 10**6:,} MB unpacked and {_MOST_CELLS:,} cells",
        fix="delete what is not part of the table, or save it as CSV UTF-8",
    )


def _header_row(
    top: list[list[str]], wanted: Mapping[str, list[str]], layout: Layout
) -> tuple[list[str], int] | None:
    """Headers and the position of their last row: cells merged downwards or across make two rows one."""
    for row in range(min(_HEADER_WITHIN, len(top))):
        choices = [(top[row], row)]
        if row + 1 < len(top):
            choices += [(_merged(top[row], top[row + 1], join=join), row + 1) for join in (False, True)]
        for names, last in choices:
            if set(layout.required) <= set(_place(names, wanted)):
                return names, last
    # no row has all: the one with the anchor is reported with what it lacks
    for row, names in enumerate(top[:_HEADER_WITHIN]):
        if any(name in names for name in wanted[layout.anchor]):
            return names, row
    return None


def _merged(upper: list[str], lower: list[str], *, join: bool) -> list[str]:
    """One name a column: a cell merged downwards has its words above, one merged across only at its left."""
    out, across = [], ""
    for above, below in zip(upper, lower, strict=True):
        across = above or across
        out.append(above if not below else f"{across}{below}" if join else below)
    return out


def _parquet(content: bytes, path: Path, layout: Layout) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except (ValueError, OSError) as error:
        raise _unreadable("a Parquet file", path, error) from None
    if frame.empty:
        raise DataError("the table has no rows", where=str(path), expected=f"at least {layout.one[2:]}")
    frame.index = pd.RangeIndex(1, 1 + len(frame), name="line")
    return frame


def _unreadable(kind: str, path: Path, error: Exception) -> DataError:
    return DataError(
        f"the file is not {kind} that can be read",
        where=f"{path}: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
        expected="a whole, unencrypted file",
        fix="export it again, or save it as CSV UTF-8",
    )


def _refuse_lost_digits(frame: pd.DataFrame, path: Path, layout: Layout) -> None:
    """Excel keeps 15 digits of a number: longer numbers stored as numbers have lost their ends."""

    def long_number(value: Any) -> bool:
        return (
            isinstance(value, float | int | np.integer)
            and not isinstance(value, bool)
            and value == value
            and abs(value) >= 10**_EXACT_DIGITS
        )

    if layout.number not in frame.columns or path.suffix.lower() not in (".xls", ".xlsx"):
        return
    if frame[layout.number].dtype == object:
        bad = frame[layout.number].map(long_number).to_numpy(dtype=bool)
        if bad.any():
            raise DataError(
                f"{int(bad.sum())} {layout.one[2:]} numbers are stored as numbers of more than "
                f"{_EXACT_DIGITS} digits, whose last digits Excel has replaced by zeros",
                where=f"{path}: rows {shortlist(frame.index[bad])}",
                expected=f"{layout.one[2:]} numbers as text",
                fix="format the column as text before the export, or export to CSV",
            )
