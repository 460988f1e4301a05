"""The notebooks of a project: the package's, or copies of them that the project changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from evaluation.errors import EvaluationError, OutputError
from evaluation.pipeline.kernels.execute import read_notebook
from evaluation.pipeline.site import shown, write_together
from evaluation.pipeline.spec import package_notebooks
from evaluation.study import load_study

_FROM = "evaluation"
"""Key of a copied notebook's metadata: which notebook of the package it is a copy of."""


def copy_notebook(root: Path, study: str, *, replace: bool = False) -> list[str]:
    """Copy a study's notebook from the package into the project, which uses its own from then on.

    Raises
    ------
    StudyError
        No such study or notebook.
    OutputError
        The project has a copy already, or is the checkout that the package was installed from.
    """
    from evaluation import __version__

    name = load_study(study, root=root).notebook
    source = package_notebooks() / f"{name}.ipynb"
    target = root / "notebooks" / source.name
    if target.resolve() == source.resolve():
        raise OutputError(
            f"{shown(target)} is the package's own notebook", fix="edit it, or name another in the study file"
        )
    if target.exists() and not replace:
        raise OutputError(
            f"{shown(target)} stands already",
            where=older(root, name),
            fix="give --replace to copy the package's notebook over it: your changes are lost",
        )
    content = read_notebook(package_notebooks().parent, name)
    content["metadata"] = {
        **content.get("metadata", {}),
        _FROM: {"version": __version__, "sha256": _checksum(source)},
    }
    write_together({target: json.dumps(content, ensure_ascii=False, indent=1) + "\n"})
    return [f"wrote {shown(target)}", f"from now on it makes the page: evaluation run {study}"]


def older(root: Path, name: str) -> str | None:
    """What to say where the project's copy of a notebook is of another version; None where it is not."""
    own, source = root / "notebooks" / f"{name}.ipynb", package_notebooks() / f"{name}.ipynb"
    if not own.is_file() or not source.is_file() or own.resolve() == source.resolve():
        return None
    try:
        stamp = json.loads(own.read_text(encoding="utf-8"))["metadata"][_FROM]
        version, sha256 = stamp["version"], stamp["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a notebook of the user's own
    if sha256 == _checksum(source):
        return None
    return (
        f"{shown(own)} is a copy of the notebook of version {version}, and the package has a newer one: "
        "evaluation notebook NAME --replace takes it, and your changes are lost"
    )


def copies(root: Path, studies: Iterable[str]) -> list[str]:
    """What to say of notebooks in the project that are copies of an earlier version's."""
    said = []
    for name in studies:
        try:
            text = older(root, load_study(name, root=root).notebook)
        except EvaluationError:
            continue
        if text is not None:
            said.append(text.replace("NAME", name))
    return list(dict.fromkeys(said))


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
