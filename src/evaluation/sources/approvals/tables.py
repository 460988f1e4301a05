"""One file of cases as it lies: CSV in UTF-8 or GB18030, Excel or Parquet, its columns under our names."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluation.errors import DataError, shortlist
from evaluation.sources.approvals.cells import clean_text
from evaluation.sources.reading import RawFile, decode, first_record, read_bytes, read_fields

FIELDS: Mapping[str, str] = {
    "number": "办件编号",
    "item": "事项名称",
    "department": "部门",
    "district": "区县",
    "applied": "申请日期",
    "accepted": "受理日期",
    "decided": "办结日期",
    "outcome": "办理结果",
    "statutory": "法定时限",
    "promised": "承诺时限",
    "channel": "申请渠道",
    "suspended": "补正开始",
    "resumed": "补正结束",
}
"""Name here and the header looked for when the study file names none."""

REQUIRED = ("number", "item", "district", "accepted", "decided")
SUFFIXES = (".csv", ".csv.gz", ".parquet", ".xls", ".xlsx")
_HEADER_WITHIN = 10
_EXACT_DIGITS = 15

Columns = Mapping[str, str | Sequence[str]]


def read_file(path: Path, columns: Columns) -> tuple[pd.DataFrame, RawFile]:
    """Cells of one file under our names, as they stand.

    Parameters
    ----------
    path : Path
    columns : mapping
        Our field to the file's header, or to several headers of which the first found is taken; see
        :data:`FIELDS` for those that are not named.

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
        frame = _excel(content, path, columns)
    elif name.endswith(".parquet"):
        frame = _parquet(content, path)
    else:
        frame = _csv(content, path)
    found = _match([str(c) for c in frame.columns], columns, path)
    frame = frame[list(found.values())].set_axis(list(found), axis=1)
    _refuse_lost_digits(frame, path)
    return frame, RawFile(path.name, checksum)


def headers(columns: Columns) -> dict[str, list[str]]:
    """Headers looked for, by field, as they are compared.

    Raises
    ------
    DataError
        A field that there is not.
    """
    unknown = [name for name in columns if name not in FIELDS]
    if unknown:
        raise DataError(
            f"there is no field {shortlist(unknown)} of a case",
            where="data.columns",
            expected="one of " + ", ".join(FIELDS),
        )
    wanted = {}
    for field, usual in FIELDS.items():
        named = columns.get(field, usual)
        wanted[field] = [clean_text(text) for text in ([named] if isinstance(named, str) else named)]
    return wanted


def _match(found: list[str], columns: Columns, path: Path) -> dict[str, str]:
    wanted = headers(columns)
    place = {clean_text(header): header for header in reversed(found)}
    out = {}
    for field, names in wanted.items():
        known = [name for name in names if name in place]
        if known:
            out[field] = place[known[0]]
    absent = [f"{field} ({' or '.join(wanted[field])})" for field in REQUIRED if field not in out]
    absent += [
        f"{field} ({columns[field]})" for field in columns if field not in out and field not in REQUIRED
    ]
    if absent:
        raise DataError(
            f"the file has no column for {shortlist(absent, 10)}",
            where=f"{path}: its headers are {shortlist(found, 30)}",
            expected="the headers named in data.columns of the study file",
            fix="correct data.columns, or the header of the file",
        )
    return out


def _csv(content: bytes, path: Path) -> pd.DataFrame:
    try:
        text = decode(content, path)
    except DataError:
        try:
            converted = content.decode("gb18030")
        except UnicodeDecodeError:
            converted = "\x00"
        # what is neither, and what holds zero bytes, is reported as it was
        if "\x00" in converted or not converted.strip():
            raise
        text = converted.replace("\r\n", "\n").replace("\r", "\n")
    frame, _ = read_fields(text, _distinct(first_record(text)), path, header=True)
    return frame


def _distinct(names: list[str]) -> list[str]:
    """Headers made different, so that an empty or repeated one does no harm."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 and name else f"{name}#{seen[name]}")
    return out


def _excel(content: bytes, path: Path, columns: Columns) -> pd.DataFrame:
    try:
        sheet = pd.read_excel(io.BytesIO(content), header=None, dtype=object)
    except (ValueError, OSError, KeyError, zipfile.BadZipFile, AssertionError) as error:
        raise _unreadable("an Excel workbook", path, error) from None
    except Exception as error:  # xlrd and openpyxl have errors of their own kinds
        if type(error).__module__.split(".")[0] not in ("xlrd", "openpyxl"):
            raise
        raise _unreadable("an Excel workbook", path, error) from None
    sheet.index = pd.RangeIndex(1, 1 + len(sheet), name="line")
    wanted = headers(columns)
    for row in sheet.index[:_HEADER_WITHIN]:
        names = [clean_text(value) for value in sheet.loc[row]]
        if any(name in names for name in wanted["accepted"]):
            body = sheet.loc[row + 1 :].set_axis(_distinct(names), axis=1)
            body = body[~body.isna().all(axis=1)]
            if body.empty:
                break
            return body
    first = [clean_text(value) for value in sheet.iloc[0]] if len(sheet) else []
    raise DataError(
        "the sheet has no row with the headers of cases, or none below it",
        where=f"{path}: the first row is {shortlist(first, 20)}",
        expected=f"a header {' or '.join(wanted['accepted'])} in one of the first {_HEADER_WITHIN} rows",
        fix="put the cases on the first sheet, or correct data.columns in the study file",
    )


def _parquet(content: bytes, path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except (ValueError, OSError) as error:
        raise _unreadable("a Parquet file", path, error) from None
    if frame.empty:
        raise DataError("the table has no rows", where=str(path), expected="at least one case")
    frame.index = pd.RangeIndex(1, 1 + len(frame), name="line")
    return frame


def _unreadable(kind: str, path: Path, error: Exception) -> DataError:
    return DataError(
        f"the file is not {kind} that can be read",
        where=f"{path}: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
        expected="a whole, unencrypted file",
        fix="export it again, or save it as CSV UTF-8",
    )


def _refuse_lost_digits(frame: pd.DataFrame, path: Path) -> None:
    """Excel keeps 15 digits of a number: longer case numbers stored as numbers have lost their ends."""

    def long_number(value: Any) -> bool:
        return (
            isinstance(value, float | int | np.integer)
            and not isinstance(value, bool)
            and value == value
            and abs(value) >= 10**_EXACT_DIGITS
        )

    if frame["number"].dtype == object and path.suffix.lower() in (".xls", ".xlsx"):
        bad = frame["number"].map(long_number).to_numpy(dtype=bool)
        if bad.any():
            raise DataError(
                f"{int(bad.sum())} case numbers are stored as numbers of more than {_EXACT_DIGITS} digits, "
                "whose last digits Excel has replaced by zeros",
                where=f"{path}: rows {shortlist(frame.index[bad])}",
                expected="case numbers as text",
                fix="format the column as text before the export, or export to CSV",
            )
