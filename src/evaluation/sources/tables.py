"""Writing committed tables: the same numbers give the same bytes, and a table is whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from evaluation.errors import OutputError


def csv_bytes(frame: pd.DataFrame, decimals: Mapping[str, int]) -> bytes:
    """A table as CSV: UTF-8, a line feed after each row, fixed decimals, empty for missing.

    Parameters
    ----------
    frame : pandas.DataFrame (rows,)
        Columns in the order of the file; the index is not written.
    decimals : mapping of str to int
        Decimals of the columns of numbers; the others are written as they stand.

    Returns
    -------
    bytes
        The file's content.
    """
    columns = []
    for name in frame.columns:
        values = frame[name].tolist()
        if name in decimals:
            columns.append([_fixed(value, decimals[name]) for value in values])
        else:
            columns.append(["" if value is None or value != value else str(value) for value in values])
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode("utf-8")


def _fixed(value: float, decimals: int) -> str:
    if math.isnan(value):
        return ""
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files to temporary names, then put all in place: none is replaced unless all were written.

    Parameters
    ----------
    files : mapping of Path to bytes
        Content by place; put in place in this order. Folders are made when absent.

    Raises
    ------
    OutputError
        A folder or file cannot be written.
    """
    waiting: list[tuple[Path, Path]] = []
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            waiting.append((temporary, path))
            with temporary.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        for temporary, path in waiting:
            temporary.replace(path)
    except OSError as error:
        raise OutputError(
            "the table cannot be written",
            where=f"{error.filename or next(iter(files))}: {error.strerror or error}",
            expected="a folder that can be written to",
            fix="give another folder, or change its permissions; what stood there before is unchanged",
        ) from None
    finally:
        for temporary, _ in waiting:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
