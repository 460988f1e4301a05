"""Texts, names and files as DuckDB's SQL writes them."""

from __future__ import annotations

from pathlib import Path

from evaluation.errors import DataError

_PATTERN = {"[": "[[]", "*": "[*]", "?": "[?]"}


def quoted(name: str, mark: str = "'") -> str:
    """A text as SQL writes it; with ``mark='"'`` the name of a column or table."""
    return mark + name.replace(mark, 2 * mark) + mark


def file(path: Path) -> str:
    """A file's path for ``read_csv`` and ``read_parquet``: this file and no other.

    DuckDB takes a path as a pattern, in which ``[1]``, ``*`` and ``?`` stand for other characters: unescaped,
    ``export[1].csv`` reads ``export1.csv``.

    Raises
    ------
    DataError
        A backslash in a name beside such a character, which DuckDB has no way to write.
    """
    name = path.as_posix()
    if not any(mark in name for mark in _PATTERN):
        return quoted(name)
    if "\\" in name:
        raise DataError(
            "the file's path cannot be read: it has a backslash beside one of the characters [ * ?",
            where=str(path),
            fix="rename the file or its folder",
        )
    return quoted("".join(_PATTERN.get(letter, letter) for letter in name))
