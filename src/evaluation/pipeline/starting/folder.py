"""A folder of one's own: data, studies, reports, and a few lines that say how it is used."""

from __future__ import annotations

from pathlib import Path

from evaluation.errors import OutputError
from evaluation.pipeline.site import write_together
from evaluation.study.loading import PRIVATE

_README = """# {name}

evaluation new NAME --data FILE --unit COLUMN --time COLUMN --outcome COLUMN --first-treated COLUMN
evaluation check NAME
evaluation run NAME

`data/` holds the tables and `manifest.toml`, which says of each where it is from and its checksum;
`studies/` a file for each question; `reports/index.html` lists the pages. Next month's table:
`evaluation data add FILE --name NAME --replace`, then run. No row of a table goes into a page or a file
beside it, unless the study says `publish_data = true`. The file `evaluation.toml` marks this folder.
"""
_MARK = "# A folder of studies, made by `evaluation init`: its data stay in it.\nformat = 1\n"
_IGNORED = "build/\nreports/\n"


def init(folder: Path) -> list[str]:
    """Make a project folder.

    Parameters
    ----------
    folder : Path
        A folder that is empty or not there yet.

    Returns
    -------
    list of str
        What was made, and the next command.

    Raises
    ------
    OutputError
        It is a file, is not empty, or cannot be made.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise OutputError(
                f"{folder} is a file", expected="a new or empty folder", fix="give another name"
            )
        held = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        if held:
            raise OutputError(
                f"the folder {folder} is not empty",
                where=", ".join(held[:5]) + (" and more" if len(held) > 5 else ""),
                expected="a new or empty folder",
                fix="give another name",
            )
        for name in ("data", "studies", "reports"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder {folder} cannot be made",
            where=str(error.strerror or error),
            fix="give a folder that you may write",
        ) from error
    write_together(
        {
            folder / PRIVATE: _MARK,
            folder / "data" / "manifest.toml": "format = 1\n",
            folder / "README.md": _README.format(name=folder.resolve().name),
            folder / ".gitignore": _IGNORED,
        }
    )
    made = [f"made {folder}: data/, studies/, reports/, README.md"]
    return [*made, f"next: cd {folder}, then: evaluation new NAME --data FILE"]
