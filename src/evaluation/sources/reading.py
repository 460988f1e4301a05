"""Reading tables that people and websites have made: what is wrong is said with file and line."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import DataError, shortlist

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_SUFFIXES = (".csv", ".csv.gz")
_LONGEST_LINE = 65_536
MOST_UNPACKED = 1_000_000_000
"""Bytes that a packed file may hold: what is far larger than its file is no table."""


@dataclass(frozen=True)
class RawFile:
    """What a table was made from: the file's (or folder's) name and the sha256 of its bytes."""

    name: str
    sha256: str


def sha256_of(content: bytes) -> str:
    """Checksum as the manifest writes it: 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def find_files(path: str | Path, *, suffixes: Sequence[str] = _SUFFIXES) -> list[Path]:
    """The file itself, or a folder's tables in the order of their names.

    Raises
    ------
    DataError
        Nothing is there, or the folder holds no such file.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.exists():
        raise DataError(
            "the raw file does not exist",
            where=str(path),
            expected="a CSV file, plain or gzipped, or a folder with one a city",
            fix="check the path; data/README.md says where the raw file is published",
        )
    files = sorted(
        (file for file in path.iterdir() if file.is_file() and file.name.lower().endswith(tuple(suffixes))),
        key=lambda file: file.name,
    )
    if not files:
        raise DataError(
            "the folder holds no table",
            where=str(path),
            expected="files that end in " + " or ".join(suffixes),
            fix="name the folder that holds one file a city",
        )
    return files


def table_name(path: Path) -> str:
    """A file's name without the endings of tables: ``淄博.csv.gz`` gives ``淄博``."""
    name = path.name
    for suffix in (".gz", ".csv"):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name


def require_file(path: Path) -> None:
    """Refuse a pipe, a device or a folder, which would be read without end or not at all.

    Raises
    ------
    DataError
        Something that is no file stands there.
    """
    if path.exists() and not path.is_file():
        raise DataError(
            "this is not a file that can be read to its end",
            where=str(path),
            expected="a file",
            fix="give the file itself, not a folder, a pipe or a device",
        )


def read_bytes(path: Path) -> tuple[bytes, str]:
    """A file's content, unpacked when it is gzipped, and the sha256 of the file as it lies.

    Raises
    ------
    DataError
        The file cannot be opened, or the gzip stream is broken.
    """
    require_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError("the file cannot be read", where=f"{path}: {error.strerror or error}") from None
    checksum = sha256_of(content)
    if content.startswith(_GZIP):
        try:
            with gzip.open(io.BytesIO(content)) as packed:
                content = packed.read(MOST_UNPACKED + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                "the gzip file is broken",
                where=f"{path}: {error}",
                expected="a whole gzip stream",
                fix="download or copy the file again",
            ) from None
        if len(content) > MOST_UNPACKED:
            raise DataError(
                f"the gzip file holds more than {MOST_UNPACKED / 1e9:.0f} GB",
                where=str(path),
                expected="a file that fits into memory",
                fix="unpack it and cut it into several, one a year",
            )
    elif path.name.lower().endswith(".gz") and content:
        raise DataError(
            "the file is named .gz but is not a gzip stream",
            where=str(path),
            fix="download the file again, or take .gz off its name when it is plain text",
        )
    return content, checksum


def decode(content: bytes, path: Path) -> str:
    """UTF-8 text, with or without a byte order mark.

    Raises
    ------
    DataError
        The file is empty, UTF-16, binary, GB18030, or has bytes that are not UTF-8: names the first
        line where that is so.
    """
    if not content.removeprefix(b"\xef\xbb\xbf").strip():
        raise DataError(
            "the file is empty",
            where=str(path),
            expected="a header and at least one row",
            fix="download it again",
        )
    if content.startswith(_UTF16):
        raise _encoding(path, "UTF-16", "save the file as UTF-8 (CSV UTF-8 in Excel)")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        where = f"{path}, line {line}"
        try:
            content.decode("gb18030")
        except UnicodeDecodeError:
            raise DataError(
                "the file is not UTF-8 text, or mixes encodings",
                where=f"{where}: byte 0x{content[error.start]:02x}",
                expected="UTF-8, with or without a byte order mark",
                fix="correct or remove that line, or download the file again",
            ) from None
        raise _encoding(
            Path(where), "GB18030 (GBK)", f"iconv -f GB18030 -t UTF-8 '{path.name}' > 'utf8-{path.name}'"
        ) from None
    if "\x00" in text:
        raise DataError(
            "the file is not a CSV table", where=f"{path}: it holds zero bytes", expected="plain text"
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encoding(where: Path, found: str, fix: str) -> DataError:
    return DataError(
        f"the file is in {found}, not in UTF-8",
        where=str(where),
        expected="UTF-8, with or without a byte order mark",
        fix=fix,
    )


def first_record(text: str) -> list[str]:
    """Fields of a text's first line, without surrounding space."""
    start = text[:_LONGEST_LINE]
    return [field.strip() for field in next(csv.reader(io.StringIO(start)), [])]


def looks_like_date(text: str) -> bool:
    """Whether a text has the shape of a date, year first, with hyphens."""
    return bool(_DATE.match(text.strip()))


def read_fields(text: str, names: Sequence[str], path: Path, *, header: bool) -> tuple[pd.DataFrame, int]:
    """All fields of a CSV text as they stand, and how many blank lines were passed over.

    Parameters
    ----------
    text : str
        The table.
    names : sequence of str
        Columns in the order of the file.
    path : Path
        For messages.
    header : bool
        Whether the first line is a header, to be passed over.

    Returns
    -------
    frame : pandas.DataFrame (rows,)
        Texts; the index is the line of each row in the file, the first line being 1.
    blank : int
        Blank lines.

    Raises
    ------
    DataError
        A row has more or fewer fields than columns, or no rows follow the header.
    """
    try:
        # the header is read as a row, so that a first row with more fields than it is noticed too
        frame = pd.read_csv(
            io.StringIO(text),
            header=None,
            names=list(names),
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            index_col=False,
            on_bad_lines="error",
        )
    except pd.errors.ParserError as error:
        message = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise DataError(
            "the file is not a CSV table with the same number of fields in every row",
            where=f"{path}: {message}",
            expected=f"{len(names)} fields: " + ", ".join(names),
            fix="correct the line; a field with a comma needs quotation marks",
        ) from None
    frame.index = pd.RangeIndex(1, 1 + len(frame), name="line")
    blank = pd.Series(False, index=frame.index)
    # the parser fills what a short row lacks with empty fields, so only rows that end in one are in doubt
    if (frame[names[-1]] == "").any():
        width = np.fromiter((len(row) for row in csv.reader(io.StringIO(text))), dtype=np.int64)[: len(frame)]
        blank = (frame == "").all(axis=1) | (frame[names[0]].str.strip() == "") & (width <= 1)
        refuse_lines(
            (width < len(names)) & ~blank.to_numpy(),
            frame,
            path,
            "rows have fewer fields than the table has columns",
            expected=f"{len(names)} fields: " + ", ".join(names),
            fix="complete or remove these lines",
        )
    if header:
        frame, blank = frame.iloc[1:], blank.iloc[1:]
    frame = frame.loc[~blank] if blank.any() else frame
    if frame.empty:
        raise DataError(
            "the table has no rows",
            where=str(path),
            expected="at least one row below the header",
            fix="download it again",
        )
    return frame, int(blank.sum())


def refuse_lines(
    bad: NDArray[np.bool_],
    frame: pd.DataFrame,
    path: Path,
    what: str,
    *,
    values: str = "",
    expected: str,
    fix: str,
) -> None:
    """Raise a DataError that names the lines where ``bad`` (rows,) holds, and their ``values`` column."""
    if not bad.any():
        return
    lines = frame.index[bad]
    if values:
        shown: Iterable[str] = (
            f"line {line} ({text!r})" for line, text in zip(lines, frame.loc[bad, values], strict=True)
        )
    else:
        shown = (f"line {line}" for line in lines)
    raise DataError(
        f"{len(lines)} {what}" if len(lines) > 1 else f"1 of the {what}",
        where=f"{path}: {shortlist(shown)}",
        expected=expected,
        fix=fix,
    )


def to_numbers(frame: pd.DataFrame, column: str, path: Path) -> NDArray[np.float64]:
    """A column of texts as numbers; an empty field is missing (NaN).

    Raises
    ------
    DataError
        A text is not a finite number: names lines and texts.
    """
    texts = frame[column]
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, copy=True)
    doubtful = ~np.isfinite(numbers)
    if doubtful.any():
        bad = doubtful.copy()
        bad[doubtful] = texts[doubtful].str.strip().to_numpy() != ""
        refuse_lines(
            bad,
            frame,
            path,
            f"values of {column} are not numbers",
            values=column,
            expected="a number such as 35.5, or an empty field for a missing value",
            fix="correct these lines, or empty the fields whose value is not known",
        )
        numbers[doubtful] = np.nan
    return numbers


def to_dates(frame: pd.DataFrame, column: str, path: Path) -> NDArray[np.datetime64]:
    """A column of texts as days.

    Raises
    ------
    DataError
        A text is not a day of the calendar: names lines and texts.
    """
    days = pd.to_datetime(frame[column], format="%Y-%m-%d", errors="coerce")
    if days.isna().any():
        days = pd.to_datetime(frame[column].str.strip(), format="%Y-%m-%d", errors="coerce")
    refuse_lines(
        days.isna().to_numpy(),
        frame,
        path,
        f"values of {column} are not dates",
        values=column,
        expected="a day as 2016-03-01",
        fix="correct these lines",
    )
    return days.to_numpy().astype("datetime64[D]")


def explain_kinds(content: bytes, kinds: Mapping[str, str], path: Path) -> None:
    """Say by line and text why a CSV table does not have the kinds of columns that are stated of it.

    Parameters
    ----------
    content : bytes
    kinds : mapping of str to {"text", "integer", "number"}
        Of each column, in the order of the file.
    path : Path
        For messages.

    Raises
    ------
    DataError
        The encoding, the number of fields, or the lines whose values are no numbers, or no whole ones.
    """
    text = decode(content, path)
    names = list(kinds)
    if first_record(text) != names:
        raise DataError(
            "the table does not have the columns that the manifest gives",
            where=f"{path}, line 1: {shortlist(first_record(text), 20)}",
            expected=", ".join(names),
            fix="correct the header, or the columns in the manifest",
        )
    frame, _ = read_fields(text, names, path, header=True)
    for name, kind in kinds.items():
        if kind == "text":
            continue
        numbers = to_numbers(frame, name, path)
        if kind == "integer":
            refuse_lines(
                ~(np.mod(numbers, 1) == 0),
                frame,
                path,
                f"values of {name} are not whole numbers",
                values=name,
                expected="a whole number such as 2016 in every row",
                fix="correct these lines, or call the column a number in the manifest",
            )


def refuse_spaces(frame: pd.DataFrame, path: Path) -> None:
    """Refuse texts that are another text of their column but for space around them: two units by mistake.

    Raises
    ------
    DataError
        Names the column, the texts and the lines.
    """
    for name in frame.columns:
        if not pd.api.types.is_string_dtype(frame[name].dtype):
            continue
        texts = set(frame[name].dropna().unique())
        odd = {text for text in texts if text != text.strip() and text.strip() in texts}
        if odd:
            refuse_lines(
                frame[name].isin(odd).to_numpy(),
                frame.set_axis(pd.RangeIndex(2, 2 + len(frame)), axis=0),
                path,
                f"values of {name} have space around them and stand without it in other rows",
                values=name,
                expected="one way of writing each name",
                fix="remove the space",
            )
