"""One run at a time in a reports folder: a second one is told who is at work, and since when."""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from evaluation.errors import OutputError
from evaluation.pipeline.kernels.environment import sweep_folders
from evaluation.pipeline.site import put_back

NAME = ".run.lock"


@contextmanager
def sole_run(reports: Path, say: Callable[[str], None] = lambda text: None) -> Iterator[None]:
    """Hold the lock of a reports folder.

    The system itself holds it for this process and lets go when the process ends, however that happens: a
    file that is left behind locks nobody out. What a killed run had begun to write is removed.

    Parameters
    ----------
    reports : Path
        An existing folder.
    say : callable
        Told of a lock that a killed run left.

    Raises
    ------
    OutputError
        Another run holds it: names the user, process and machine, and since when.
    """
    path = reports / NAME
    handle = _acquire(path)
    try:
        before = _read(handle)
        if before:
            say(
                f"a run was ended from outside before it was done ({_holder(before)}); its lock is taken over"
            )
            put_back(reports)
            sweep_folders()
        _write(handle, path)
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        os.close(handle)


def _acquire(path: Path) -> int:
    while True:
        handle = -1
        try:
            # a link is not followed: what it points to is not ours to write
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
            _lock(handle)
            # its last holder may have removed the file between the two lines above
            if os.fstat(handle).st_ino == path.stat().st_ino:
                return handle
            os.close(handle)
        except FileNotFoundError:
            os.close(handle)
        except BlockingIOError as error:
            said = _read(handle)
            os.close(handle)
            raise OutputError(
                "another run is making these reports",
                where=f"{path.parent}: {_holder(said)}" if said else str(path.parent),
                expected="one run at a time in a reports folder",
                fix="wait until it is done, end that process, or give another folder with --reports DIR",
            ) from error
        except OSError as error:
            if handle >= 0:
                os.close(handle)
            link = path.is_symlink()
            raise OutputError(
                "the reports folder cannot be locked",
                where=f"{path}: it is a link to another file" if link else f"{path}: {error.strerror}",
                fix="remove the link" if link else "give another folder, or change its permissions",
            ) from error


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except PermissionError as error:
            raise BlockingIOError from error
        return
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _write(handle: int, path: Path) -> None:
    holder = {"user": _user(), "process": os.getpid(), "machine": socket.gethostname(), "since": time.time()}
    try:
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, json.dumps(holder).encode())
    except OSError as error:
        raise OutputError(
            "the reports folder cannot be locked",
            where=f"{path}: {error.strerror}",
            fix="make room on the disk, or give another folder with --reports DIR",
        ) from error


def _read(handle: int) -> dict[str, Any]:
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        said = json.loads(os.read(handle, 4096))
        return said if isinstance(said, dict) else {}
    except (OSError, ValueError):
        return {}


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in some containers
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "somebody"


def _holder(said: dict[str, Any]) -> str:
    try:
        age = lasted(time.time() - float(said["since"]))
        return f"{said['user']}, process {said['process']} on {said['machine']}, begun {age} ago"
    except (KeyError, TypeError, ValueError):
        return "an unknown run"


def lasted(seconds: float) -> str:
    """A length of time in words: ``40 s``, ``3 min``, ``5 h``, ``2 days``."""
    for size, unit in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size or (seconds >= size and unit != "days"):
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
