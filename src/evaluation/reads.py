"""Which files of a project a process reads, told by the interpreter itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# code is followed by its imports and environments by their versions; build/ holds only what can be made again
_ELSEWHERE = (".venv", "build", "src", ".git", "__pycache__")


class _Watch:
    root: str | None = None
    note: int | None = None
    seen: set[str]
    open: list[set[str]]


_watch = _Watch()
_watch.seen, _watch.open = set(), []


def watch(root: str, note: str | None = None) -> None:
    """From now on notice every file under ``root`` that this process opens to read.

    Code, caches and the environment are left out. Once begun it lasts as long as the process:
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


@contextmanager
def reading() -> Iterator[set[str]]:
    """Paths, relative to the root, that are read while this is open; nothing unless `watch` was called."""
    found: set[str] = set()
    _watch.open.append(found)
    try:
        yield found
    finally:
        # by identity: two sets may hold the same paths
        _watch.open[:] = [one for one in _watch.open if one is not found]


def watched_root() -> str | None:
    """The folder that is watched."""
    return _watch.root


def _noticed(event: str, details: tuple[Any, ...]) -> None:
    if event != "open" or _watch.root is None:
        return
    path, _mode, flags = details
    if isinstance(path, int) or path is None or (flags or 0) & (os.O_WRONLY | os.O_RDWR):
        return
    full = os.path.abspath(os.fsdecode(path))
    if not full.startswith(_watch.root + os.sep):
        return
    relative = full[len(_watch.root) + 1 :]
    parts = relative.split(os.sep)
    if parts[0] in _ELSEWHERE or "__pycache__" in parts or relative.endswith((".py", ".pyc")):
        return
    relative = "/".join(parts)
    for found in _watch.open:
        found.add(relative)
    if relative not in _watch.seen:
        _watch.seen.add(relative)
        if _watch.note is not None:
            os.write(_watch.note, relative.encode("utf-8") + b"\n")
