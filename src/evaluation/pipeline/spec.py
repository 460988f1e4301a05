"""What one report needs to be made, and what comes back: plain frozen values that cross a process."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Literal

from evaluation.errors import OutputError, StudyError

Kind = Literal["input", "cell", "timeout", "kernel", "page", "output"]

CELL_TIMEOUT = 900.0
"""Seconds that one cell may take, unless the command line says otherwise."""


@dataclass(frozen=True)
class PageSpec:
    """What a page of a report has of its own.

    Parameters
    ----------
    title : str
        In the page's language.
    alternate_href : str
        Where it links for the other language.
    """

    title: str = ""
    alternate_href: str = ""


@dataclass(frozen=True)
class RenderSpec:
    """One study: a notebook that is run once, and its page in each language.

    Parameters
    ----------
    study : str
        Handed to the notebook as its parameter, with ``overrides``.
    notebook : str
        Name in ``notebooks/``, without its ending.
    root : Path
        The project folder; the kernel works in it.
    pages : mapping of {"en", "zh"} to PageSpec
        The pages to make.
    index_href : str
        Where they link for the index.
    overrides : mapping
        Dotted keys of the study file to values.
    provenance : mapping
        What the pages print about their making: commit, time, versions, command.
    cell_timeout : float
        Seconds that one cell may take.
    executed : Path, optional
        Where the executed notebook is kept for a look after a failure.
    history : tuple of `evaluation.pipeline.records.history.Entry`, optional
        The last results, the newest first, that the pages compare their own with.
    private : tuple of str
        Names of the units whose own values no file of the page may hold; none where the data are public.
    """

    study: str
    notebook: str
    root: Path
    pages: Mapping[str, PageSpec] = field(default_factory=dict)
    index_href: str = "../index.html"
    overrides: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    cell_timeout: float = CELL_TIMEOUT
    executed: Path | None = None
    history: tuple[Any, ...] | None = None
    private: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Failure:
    """Why a report could not be made.

    Attributes
    ----------
    kind : {"input", "cell", "timeout", "kernel", "page", "output"}
        A user's mistake found before or in the notebook, an error in a cell, a cell that took too
        long, a kernel that died, a page that must not be published, or one that could not be written.
    error, message : str
        Name and text of the error, free of paths of this machine.
    cell : int, optional
        Number of the cell in the notebook, from 1.
    source : str
        Code of that cell.
    trace : str
        Traceback for the log; never on a page.
    exit_status : int
        2 for a mistake that the user can mend, else 1.
    """

    kind: Kind
    error: str
    message: str
    cell: int | None = None
    source: str = ""
    trace: str = ""
    exit_status: int = 1


@dataclass(frozen=True)
class RenderOutcome:
    """Pages by language and the result's content, or the failure; where the seconds went, what was read."""

    study: str
    pages: Mapping[str, str] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    failure: Failure | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    reads: tuple[str, ...] = ()


def find_notebook(root: Path, name: str) -> Path:
    """The project's own notebook of this name, else the package's; it may not be there."""
    own = root / "notebooks" / f"{name}.ipynb"
    return own if own.is_file() else package_notebooks() / own.name


def package_notebooks() -> Path:
    """The notebooks that come with the package; of an editable install those of its checkout."""
    return _shipped("notebooks")


def study_reference() -> str:
    """The page of every key of a study file, which comes with the package.

    Raises
    ------
    OutputError
        The package lacks it.
    """
    path = _shipped("docs") / "study-file.md"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise OutputError("the package is not whole", where=str(path), fix="install it again") from error


def _shipped(folder: str) -> Path:
    package = Path(__file__).resolve().parents[1]
    beside = package.parents[1] / folder
    return beside if package.parent.name == "src" and beside.is_dir() else package / folder


def parse_overrides(settings: Iterable[str]) -> dict[str, Any]:
    """Overrides from the command line: ``treatment.date=2016-03`` and the like.

    Raises
    ------
    StudyError
        A setting without ``=``, without a key, or given twice with different values; all are listed.
    """
    found: dict[str, Any] = {}
    problems = []
    for setting in settings:
        key, sign, text = setting.partition("=")
        key = key.strip()
        if not sign or not key:
            problems.append(f"{setting!r} is not of the form key=value")
            continue
        value = parse_value(text.strip())
        if key in found and found[key] != value:
            problems.append(f"{key} is set twice")
        found[key] = value
    if problems:
        raise StudyError(
            "; ".join(problems),
            where="--set",
            expected="--set key=value, such as --set treatment.date=2016-03",
        )
    return found


def parse_value(text: str) -> Any:
    """A TOML value, or the text itself where it is none; dates and times stay text."""
    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return _textual(table["value"]) if list(table) == ["value"] else text


def value_text(value: Any) -> str:
    """Text that `parse_value` reads as this value: the inverse, for commands and names."""
    if isinstance(value, str):
        return value if parse_value(value) == value else _quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(str(k))} = {toml_value(v)}" for k, v in value.items()) + "}"
    return toml_value(value)


def toml_value(value: Any) -> str:
    """A value as a TOML file writes it."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, Mapping):
        return value_text(value)
    return json.dumps(value)


def _quoted(text: str) -> str:
    # TOML and JSON escape alike, but for this one character
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _textual(value: Any) -> Any:
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, list):
        return [_textual(item) for item in value]
    if isinstance(value, dict):
        return {key: _textual(item) for key, item in value.items()}
    return value
