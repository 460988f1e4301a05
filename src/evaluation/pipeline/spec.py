"""What one report needs to be made, and what comes back: plain frozen values that cross a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["input", "cell", "timeout", "kernel", "page"]

CELL_TIMEOUT = 900.0
"""Seconds that one cell may take, unless the command line says otherwise."""


@dataclass(frozen=True)
class RenderSpec:
    """One study in one language.

    Parameters
    ----------
    study, language : str
        Handed to the notebook as its parameters, with ``overrides``.
    notebook : str
        Name in ``notebooks/``, without its ending.
    root : Path
        The project folder; the kernel works in it.
    title : str
        Title of the page, in its language.
    alternate_href, index_href : str
        Where the page links for the other language and for the index.
    overrides : mapping
        Dotted keys of the study file to values.
    provenance : mapping
        What the page prints about its making: commit, time, versions, command.
    cell_timeout : float
        Seconds that one cell may take.
    executed : Path, optional
        Where the executed notebook is kept for a look after a failure.
    """

    study: str
    language: str
    notebook: str
    root: Path
    title: str = ""
    alternate_href: str = ""
    index_href: str = "../index.html"
    overrides: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    cell_timeout: float = CELL_TIMEOUT
    executed: Path | None = None


@dataclass(frozen=True)
class Failure:
    """Why a report could not be made.

    Attributes
    ----------
    kind : {"input", "cell", "timeout", "kernel", "page"}
        A user's mistake found before or in the notebook, an error in a cell, a cell that took too
        long, a kernel that died, or a page that must not be published.
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
    """The page and the result file's content, or the failure; and where the seconds went."""

    study: str
    language: str
    page: str | None = None
    result: Mapping[str, Any] | None = None
    failure: Failure | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
