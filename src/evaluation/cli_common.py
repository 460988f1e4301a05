"""What the commands share: the project, the reports folder, a table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from evaluation.errors import OutputError, StudyError

ReportsOption = Annotated[
    Path | None,
    typer.Option(
        "--reports",
        metavar="DIR",
        help="Folder for the pages; reports/ of the project by default.",
        show_default=False,
    ),
]


LangOption = Annotated[
    str | None,
    typer.Option(
        "--lang",
        "--language",
        metavar="en|zh|en,zh",
        help="Of the languages that a study has; by default all of them.",
        show_default=False,
    ),
]


def languages_of(text: str | None) -> tuple[str, ...] | None:
    """Languages named on the command line: ``en``, ``zh`` or ``en,zh``; None where none were.

    Raises
    ------
    StudyError
        Another language.
    """
    if text is None:
        return None
    named = ["en", "zh"] if text == "both" else [one.strip() for one in text.split(",")]
    if not set(named) <= {"en", "zh"}:
        raise StudyError(f"{text!r} names no language", where="--lang", expected="en, zh or en,zh")
    return tuple(one for one in ("en", "zh") if one in named)


def project_root() -> Path:
    """The project folder that the command is about."""
    from evaluation.study import find_root

    return find_root()


def reports_folder(given: Path | None) -> Path:
    """The folder given with ``--reports``, or the project's own.

    Raises
    ------
    OutputError
        It is a file.
    """
    if given is None:
        return project_root() / "reports"
    if given.exists() and not given.is_dir():
        raise OutputError(
            "the reports folder is a file", where=str(given), fix="give a folder with --reports DIR"
        )
    return given


def table(head: Sequence[str], rows: Sequence[tuple[str, ...]], *, error: bool = False) -> None:
    """Print rows under their headings, each line whole where no terminal reads it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(*head, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        made.add_row(*map(Text, row))
    # not a terminal: no line is broken, so that another program can read it
    console = Console(stderr=error)
    width = None if console.is_terminal else 10_000
    Console(stderr=error, width=width).print(made)
