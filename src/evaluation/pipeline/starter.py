"""Start a study from one that works."""

from __future__ import annotations

import json
import re
from pathlib import Path

from evaluation.errors import OutputError, StudyError
from evaluation.pipeline.site import write_whole
from evaluation.study import list_studies, load_study

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def start_study(root: Path, name: str, template: str | None = None) -> Path:
    """Copy a study file, with its comments, under a new name.

    Parameters
    ----------
    root : Path
        The project folder.
    name : str
        Name of the new study.
    template : str, optional
        Study to copy; by default the first one that asks about one place.

    Raises
    ------
    StudyError
        A name that is not plain, a study that stands already, or no template.
    """
    if not _NAME.match(name):
        raise StudyError(
            f"{name!r} cannot name a study", expected="small letters, digits and underscores, a letter first"
        )
    path = root / "studies" / f"{name}.toml"
    if path.exists():
        raise StudyError(
            f"the study {name!r} stands already", where=f"studies/{name}.toml", fix="choose another name"
        )
    known = list_studies(root)
    if not known:
        raise StudyError("there is no study to start from", where="studies/")
    source = template or _usual(root, known)
    load_study(source, root=root)
    text = (root / "studies" / f"{source}.toml").read_text(encoding="utf-8-sig")
    lines = [
        f"# Started from {source}. Every key is checked by `evaluation check`.",
        f"# Run it with: evaluation run {name}",
    ]
    body, n = re.subn(r"(?m)^id\s*=.*$", lambda match: f"id = {json.dumps(name)}", text, count=1)
    body = re.sub(rf"(?m)^(#.*evaluation run ){source}\b", rf"\g<1>{name}", body)
    if n != 1:
        raise StudyError(f"the study {source!r} has no line 'id = ...'", where=f"studies/{source}.toml")
    write_whole(path, "\n".join(lines) + "\n\n" + body)
    try:
        load_study(name, root=root)
    except StudyError as error:
        path.unlink()
        raise OutputError(
            f"{source!r} cannot be copied", where=error.what, fix="choose another with --from"
        ) from error
    return path


def _usual(root: Path, known: list[str]) -> str:
    """The study that a new one is copied from: the first that asks about one place, else the first of all."""
    for name in known:
        try:
            if load_study(name, root=root).kind == "one_place":
                return name
        except StudyError:
            continue
    return known[0]
