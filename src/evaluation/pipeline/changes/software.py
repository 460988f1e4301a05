"""Versions of the installed packages that a page rests on, without those of the tools around it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from platform import python_version

from evaluation.errors import OutputError
from evaluation.pipeline.site import write_whole

PROJECT = "reform-evaluation"
TOOLS = frozenset(("jupyterlab", "rich", "typer"))
"""What the project requires for its user, not for its pages."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def installed(cache: Path | None = None) -> dict[str, str]:
    """Python and every package that the project requires, or that these require, with their versions.

    Parameters
    ----------
    cache : Path, optional
        Where the list of names is kept while the same packages are installed.
    """
    versions = _present()
    names = _remembered(cache, versions)
    if names is None:
        names = _required(versions)
        if cache is not None:
            with suppress(OutputError):
                write_whole(cache, json.dumps({"installed": versions, "required": names}))
    return {"python": python_version(), **{name: versions[name] for name in names}}


def _present() -> dict[str, str]:
    """Every installed package, from the names of folders alone: reading them all takes longer."""
    found: dict[str, str] = {}
    for place in map(Path, dict.fromkeys(sys.path)):
        with suppress(OSError):
            for path in place.iterdir():
                if path.name.endswith(".dist-info"):
                    name, _, version = path.name.removesuffix(".dist-info").rpartition("-")
                    found.setdefault(_plain(name), version)
    return dict(sorted(found.items()))


def _remembered(cache: Path | None, versions: dict[str, str]) -> list[str] | None:
    try:
        kept = json.loads(cache.read_text(encoding="utf-8")) if cache is not None else {}
        return kept["required"] if kept["installed"] == versions else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _required(versions: Iterable[str]) -> list[str]:
    todo, seen = [PROJECT], set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        for need in needs:
            wanted = _NAME.match(need)
            if wanted and not re.search(r"\bextra\s*==", need) and _plain(wanted.group()) not in TOOLS:
                todo.append(_plain(wanted.group()))
    return sorted((seen & set(versions)) - {PROJECT})


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
