"""Tables as people keep them: CSV in any separator and encoding, Excel, Parquet, Stata, SPSS.

Columns come back in one of four kinds: text (``object``, empty cells missing), whole numbers, numbers and
dates. Nothing is corrected in silence: a column with a cell that is no number stays text, and whoever needs
numbers names the cell.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluation.errors import DataError, shortlist

ENDINGS = (
    ".csv.gz",
    ".csv",
    ".tsv",
    ".txt",
    ".xlsx",
    ".xlsm",
    ".xls",
    ".parquet",
    ".dta",
    ".sav",
)
"""Endings of files that can be read; what a file holds is taken from its ending."""

_EXCEL = (".xlsx", ".xlsm", ".xls")
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_MISSING = {"", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", ".", "-", "—", "…"}
"""What stands for an empty cell in a column of numbers; in a column of text only the empty cell does."""
_LEADING_ZERO = re.compile(r"0\d+\Z")
_COMMA_DECIMAL = re.compile(r"-?\d+,\d+\Z")


@dataclass(frozen=True)
class ReadFile:
    """A file as a table.

    Attributes
    ----------
    frame : pandas.DataFrame
        Whole numbers are int64 (float64 where cells are empty), dates datetime64, all else text.
    how : str
        In words: the format, the encoding and the separator.
    sheet : str
        The sheet of a workbook that was read, else empty.
    """

    frame: pd.DataFrame
    how: str
    sheet: str = ""


class SheetError(DataError):
    """A workbook of several sheets, none of which was named."""


def ending_of(path: Path | str) -> str:
    """The ending that says what a file holds, in small letters.

    Raises
    ------
    DataError
        It is none that can be read.
    """
    name = str(path).lower()
    for ending in ENDINGS:
        if name.endswith(ending):
            return ending
    raise DataError(
        "this kind of file cannot be read",
        where=str(path),
        expected="a name that ends in " + ", ".join(ENDINGS),
        fix="save the table as CSV (UTF-8), or give the file the ending of what it holds",
    )


def read_file(
    path: Path, content: bytes | None = None, *, sheet: str | None = None, skip_rows: int = 0
) -> ReadFile:
    """Read a table from a file.

    Parameters
    ----------
    path : Path
        Its ending says what it holds.
    content : bytes, optional
        The file's bytes, where they were read already.
    sheet : str, optional
        Name of a workbook's sheet, or its number from 1; needed where there are several.
    skip_rows : int
        Lines above the header.

    Raises
    ------
    DataError
        A file that is absent, empty, broken or of another kind; a header without names, or with one twice.
    """
    ending = ending_of(path)
    if content is None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(
                "the file cannot be read",
                where=f"{path}: {error.strerror or error}",
                expected="a table that may be read",
                fix="check the path",
            ) from None
    if not content.strip():
        raise DataError("the file is empty", where=str(path), expected="a header and at least one row")
    try:
        if ending in _EXCEL:
            frame, how, sheet = _excel(path, content, sheet, skip_rows)
        elif ending == ".parquet":
            frame, how = pd.read_parquet(io.BytesIO(content)), "Parquet"
        elif ending == ".dta":
            frame, how = _stata(content), "Stata"
        elif ending == ".sav":
            frame, how = _spss(path, content), "SPSS"
        else:
            frame, how = _csv(path, content, ending, skip_rows)
    except DataError:
        raise
    except ImportError as error:
        raise DataError(
            f"a file that ends in {ending} needs the package {error.name or 'of its format'}, which is not "
            "installed",
            where=str(path),
            fix="pip install 'reform-evaluation[import]', or save the table as CSV (UTF-8)",
        ) from None
    except Exception as error:  # the readers of these formats raise whatever their libraries do
        raise DataError(
            f"the file is not what its ending {ending} says, or is damaged",
            where=f"{path}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            fix="open it in the program it came from and save it again, as CSV (UTF-8) if that fails",
        ) from None
    frame.columns = [str(name).strip() for name in frame.columns]
    _check_header(frame, path)
    return ReadFile(_kinds(frame), how, sheet or "")


def kind_of(values: pd.Series) -> str:
    """Kind of a column as the manifest writes it: text, integer, number or date."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return "date"
    if pd.api.types.is_integer_dtype(values):
        return "integer"
    return "number" if pd.api.types.is_numeric_dtype(values) else "text"


def not_numbers(values: pd.Series) -> pd.Series:
    """Cells of a column that hold neither a number nor nothing, by their row."""
    if pd.api.types.is_numeric_dtype(values):
        return values.iloc[:0]
    text = values.astype("string").str.strip()
    bad = pd.to_numeric(text, errors="coerce").isna() & ~text.isna() & ~text.isin(_MISSING)
    return values[bad.fillna(False).to_numpy(dtype=bool)]


def _check_header(frame: pd.DataFrame, path: Path) -> None:
    names = [str(name) for name in frame.columns]
    empty = [i for i, name in enumerate(names, start=1) if not name or name.startswith("Unnamed: ")]
    filled = [i for i in empty if frame.iloc[:, i - 1].notna().any()]
    if filled and len(filled) > 1:
        raise DataError(
            f"{len(filled)} columns have no name",
            where=f"{path}, columns {shortlist(filled)}",
            expected="a header with a name for each column",
            fix="name them, or give --skip-rows N where lines stand above the header",
        )
    if frame.empty:
        raise DataError("the table has no row below its header", where=str(path), expected="at least one row")


def _check_names(header: Iterable[Any], path: Path) -> None:
    """A header names no column twice; the readers would number the second one in silence."""
    names = [str(name).strip() for name in header if not _empty(name) and str(name).strip()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"the header names {shortlist(twice)} more than once", where=str(path), fix="rename one of them"
        )


def _kinds(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with every column in one of the four kinds."""
    made: dict[str, Any] = {}
    for name in frame.columns:
        values = frame[name]
        if name.startswith("Unnamed: ") and values.isna().all():
            continue
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype(values.cat.categories.dtype)
        if pd.api.types.is_bool_dtype(values) and not values.isna().any():
            values = values.astype("int64")
        elif pd.api.types.is_datetime64_any_dtype(values):
            values = values.dt.tz_localize(None)
        elif pd.api.types.is_numeric_dtype(values):
            values = _number(values)
        else:
            values = _text(values)
        made[str(name)] = values
    return pd.DataFrame(made)


def _number(values: pd.Series) -> pd.Series:
    if pd.api.types.is_integer_dtype(values) and not values.isna().any():
        return values.astype("int64")
    return pd.Series(values.to_numpy(dtype="float64", na_value=np.nan), index=values.index)


def _text(values: pd.Series) -> pd.Series:
    """Text, or numbers where every cell that is not empty is one."""
    plain = [None if _empty(value) else value for value in values]
    if plain and all(isinstance(value, str) or value is None for value in plain):
        text = pd.Series(plain, index=values.index, dtype="object")
        if not_numbers(text).empty and any(value not in _MISSING for value in plain if value is not None):
            stripped = text.astype("string").str.strip()
            return _whole(pd.to_numeric(stripped.where(~stripped.isin(_MISSING)), errors="coerce"))
        return text
    if all(
        value is None or isinstance(value, pd.Timestamp) or hasattr(value, "isoformat") for value in plain
    ):
        return pd.to_datetime(pd.Series(plain, index=values.index))
    if all(isinstance(value, int | float | np.number) or value is None for value in plain):
        return _whole(pd.to_numeric(pd.Series(plain, index=values.index), errors="coerce"))
    return pd.Series([None if v is None else str(v) for v in plain], index=values.index, dtype="object")


def _empty(value: Any) -> bool:
    return (
        value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value))
    )


def _whole(values: pd.Series) -> pd.Series:
    numbers = values.astype("float64")
    whole = not numbers.isna().any() and bool((numbers == np.round(numbers)).all()) and len(numbers)
    if whole and pd.api.types.is_integer_dtype(values):
        return values.astype("int64")
    return numbers


# the formats ------------------------------------------------------------------------------------


def _excel(path: Path, content: bytes, sheet: str | None, skip_rows: int) -> tuple[pd.DataFrame, str, str]:
    with pd.ExcelFile(io.BytesIO(content)) as book:
        names = [str(name) for name in book.sheet_names]
        if sheet is None and len(names) > 1:
            raise SheetError(
                f"the workbook has {len(names)} sheets",
                where=f"{path}: {shortlist(names, 20)}",
                expected="one of them",
                fix="name it with --sheet NAME",
            )
        chosen = names[0] if sheet is None else str(sheet)
        if chosen not in names and chosen.isdigit() and 1 <= int(chosen) <= len(names):
            chosen = names[int(chosen) - 1]
        if chosen not in names:
            raise DataError(
                f"the workbook has no sheet {chosen!r}",
                where=str(path),
                expected=f"one of {shortlist(names, 20)}",
                fix="name it with --sheet NAME",
            )
        shared: dict[str, Any] = {"sheet_name": chosen, "skiprows": skip_rows}
        _check_names(pd.read_excel(book, header=None, nrows=1, **shared).to_numpy().ravel(), path)
        frame = pd.read_excel(book, keep_default_na=False, na_values=[""], **shared)
    return frame.dropna(how="all"), f"Excel, sheet {chosen!r}", chosen if len(names) > 1 else ""


def _stata(content: bytes) -> pd.DataFrame:
    try:
        return pd.read_stata(io.BytesIO(content))
    except ValueError:  # labels that stand for more than one value: the codes are unique
        return pd.read_stata(io.BytesIO(content), convert_categoricals=False)


def _spss(path: Path, content: bytes) -> pd.DataFrame:
    if importlib.util.find_spec("pyreadstat") is None:
        raise DataError(
            "an SPSS file needs the package pyreadstat, which is not installed",
            where=str(path),
            fix="pip install 'reform-evaluation[import]', or save the table as CSV (UTF-8) in SPSS",
        )
    with tempfile.TemporaryDirectory() as folder:  # the reader takes a path and nothing else
        copy = Path(folder) / "table.sav"
        copy.write_bytes(content)
        return pd.read_spss(copy)


def _csv(path: Path, content: bytes, ending: str, skip_rows: int) -> tuple[pd.DataFrame, str]:
    if ending.endswith(".gz"):
        import gzip

        content = gzip.decompress(content)
    text, encoding = _decoded(content, path)
    lines = text.splitlines()[skip_rows : skip_rows + 2000]
    if not any(line.strip() for line in lines):
        raise DataError("the file has no line below those skipped", where=f"{path}, --skip-rows {skip_rows}")
    separator = _separator(lines)
    rows = csv.reader(filter(str.strip, lines), delimiter=separator)
    header = next(rows)
    _check_names(header, path)
    longer = next((row for row in rows if any(map(str.strip, row[len(header) :]))), None)
    if longer is not None:
        raise DataError(
            "a line has more cells than the header",
            where=f"{path}: {separator.join(longer)[:80]}",
            expected=f"{len(header)} cells separated by the {_SEPARATORS[separator]}, as in the header",
            fix="correct the line, or give --skip-rows N where lines stand above the header",
        )
    shared: dict[str, Any] = {
        "sep": separator,
        "skiprows": skip_rows,
        "keep_default_na": False,
        "na_values": [""],
        "skipinitialspace": True,
        "index_col": False,
    }
    try:
        head = pd.read_csv(io.StringIO(text), dtype=str, nrows=2000, **shared)
        codes = {name: str for name in head.columns if _any(head[name], _LEADING_ZERO)}
        decimal = "," if separator != "," and any(_any(head[n], _COMMA_DECIMAL) for n in head) else "."
        frame = pd.read_csv(io.StringIO(text), dtype=codes, decimal=decimal, low_memory=False, **shared)
    except pd.errors.ParserError as error:
        said = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise DataError(
            "a line has more cells than the header",
            where=f"{path}: {said}",
            expected=f"cells separated by the {_SEPARATORS[separator]}, and as many as the header has",
            fix="correct the line, or give --skip-rows N where lines stand above the header",
        ) from None
    except pd.errors.EmptyDataError:
        raise DataError("the file has no header", where=str(path), fix="give --skip-rows N") from None
    return frame.dropna(how="all"), f"CSV, {encoding}, separated by the {_SEPARATORS[separator]}"


def _any(values: pd.Series, pattern: re.Pattern[str]) -> bool:
    return any(bool(pattern.match(value)) for value in values.dropna())


def _decoded(content: bytes, path: Path) -> tuple[str, str]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16"), "UTF-16"
    try:
        return content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    try:
        return content.decode("gb18030"), "GB18030"
    except UnicodeDecodeError:
        raise DataError(
            "the file is neither UTF-8 nor GB18030",
            where=f"{path}, line {line}",
            expected="text in UTF-8, or in GB18030 (GBK)",
            fix="save it as UTF-8 (CSV UTF-8 in Excel)",
        ) from None


def _separator(lines: Iterable[str]) -> str:
    """The separator that cuts the header and most lines into the same number of cells, more than one."""
    kept = [line for line in lines if line.strip()][:50]

    def fit(separator: str) -> tuple[float, int]:
        counts = [len(row) for row in csv.reader(kept, delimiter=separator)]
        return (counts.count(counts[0]) / len(counts), counts[0]) if counts and counts[0] > 1 else (0.0, 0)

    return max(_SEPARATORS, key=fit)
