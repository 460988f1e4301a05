"""Start a study from one that works."""

from __future__ import annotations

import json
import re
from pathlib import Path

from evaluation.errors import OutputError, StudyError
from evaluation.pipeline.site import write_whole
from evaluation.pipeline.starting.tables import require_name
from evaluation.study import load_study


def start_study(root: Path, name: str, source: str) -> Path:
    """Copy a study file, with its comments, under a new name.

    Parameters
    ----------
    root : Path
        The project folder.
    name : str
        Name of the new study.
    source : str
        Study to copy.

    Raises
    ------
    StudyError
        A name that is not plain, a study that stands already, or no such study to copy.
    """
    require_name(name)
    path = root / "studies" / f"{name}.toml"
    if path.exists():
        raise StudyError(
            f"the study {name!r} stands already", where=f"studies/{name}.toml", fix="choose another name"
        )
    load_study(source, root=root)
    text = (root / "studies" / f"{source}.toml").read_text(encoding="utf-8-sig")
    lines = [
        f"# Started from {source}. Every key is checked by `evaluation check`.",
        f"# Run it with: evaluation run {name}",
    ]
    body = with_id(text, name)
    body = re.sub(rf"(?m)^(#.*evaluation run ){source}\b", rf"\g<1>{name}", body)
    write_whole(path, "\n".join(lines) + "\n\n" + body)
    try:
        load_study(name, root=root)
    except StudyError as error:
        path.unlink()
        raise OutputError(
            f"{source!r} cannot be copied", where=error.what, fix="choose another with --from"
        ) from error
    return path


def with_id(text: str, name: str) -> str:
    """A study file's text with another id at its top, where it has one there."""
    top, sign, rest = text.partition("\n[")
    return re.sub(r"(?m)^id\s*=.*$", lambda match: f"id = {json.dumps(name)}", top, count=1) + sign + rest
