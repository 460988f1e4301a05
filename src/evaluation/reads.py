"""Which files of a project a process reads, told by the interpreter itself."""

from __future__ import annotations

import os
import sys
from typing import Any

# build/ holds only what can be made again; of installed packages the versions count, and this package's own
# code is followed by its imports
_ELSEWHERE = (".venv", "build", ".git")
_INSTALLED = ("site-packages", "dist-packages")
_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_NATIVE = frozenset(
    ("duckdb", "polars", "pyogrio", "fiona", "rasterio", "osgeo", "h5py", "netCDF4", "tables", "pyreadstat")
)
_NATIVE_PARTS = frozenset(
    f"pyarrow._{part}" for part in ("csv", "dataset", "feather", "fs", "json", "orc", "parquet")
)
UNTRACKED = "//"
"""Begins a note of a library that opens files by itself, of which the interpreter is told nothing."""


class _Watch:
    root: str | None = None
    note: int | None = None
    seen: set[str]


_watch = _Watch()
_watch.seen = set()


def watch(root: str, note: str | None = None) -> None:
    """From now on notice every file under ``root`` that this process opens to read.

    Caches, the environment and this package are left out; a module of the project counts, whether its
    source is read or its bytecode. A library that opens files in native code tells the interpreter of none:
    that it was imported is noted, `UNTRACKED` and its name. Once begun it lasts as long as the process:
    Python cannot take an audit hook away.

    Parameters
    ----------
    root : str
        The project folder.
    note : str, optional
        File to which each path is added at once, a line each, relative to the root: a process that is
        killed has told what it read.
    """
    begun = _watch.root is not None
    _watch.root = os.path.abspath(root)
    if note is not None:
        _watch.note = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if not begun:
        sys.addaudithook(_noticed)


def _noticed(event: str, details: tuple[Any, ...]) -> None:
    if _watch.root is None:
        return
    if event == "open":
        path, _mode, flags = details
        if not isinstance(path, int) and path is not None and not (flags or 0) & (os.O_WRONLY | os.O_RDWR):
            _read(os.path.abspath(os.fsdecode(path)))
    elif event == "sqlite3.connect":
        if isinstance(details[0], str | bytes | os.PathLike):
            _read(os.path.abspath(os.fsdecode(details[0])))
    elif event == "import":
        name = str(details[0])
        top = name.partition(".")[0]
        # a part of a library is looked for when the library was found; others only try to import one
        if name in _NATIVE_PARTS or (top in _NATIVE and top != name and top in sys.modules):
            _tell(UNTRACKED + top)


def _read(full: str) -> None:
    if full.startswith(_PACKAGE + os.sep) or not full.startswith(f"{_watch.root}{os.sep}"):
        return
    parts = full[len(str(_watch.root)) + 1 :].split(os.sep)
    if parts[0] in _ELSEWHERE or any(part in _INSTALLED for part in parts):
        return
    if len(parts) > 1 and parts[-2] == "__pycache__":  # bytecode in place of a module's source
        parts[-2:] = [parts[-1].partition(".")[0] + ".py"]
    _tell("/".join(parts))


def _tell(what: str) -> None:
    if what not in _watch.seen:
        _watch.seen.add(what)
        if _watch.note is not None:
            os.write(_watch.note, what.encode("utf-8") + b"\n")
