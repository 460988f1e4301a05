"""What is done with a study that stands: its notebook copied, the study renamed or removed."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from evaluation.errors import EvaluationError, OutputError, StudyError
from evaluation.pipeline.changes.state import state_file
from evaluation.pipeline.kernels.execute import LANGUAGES, read_notebook
from evaluation.pipeline.listing import write_index
from evaluation.pipeline.lock import sole_run
from evaluation.pipeline.records.history import FOLDER
from evaluation.pipeline.site import Place, generated_now, read_results, result_text, shown, write_together
from evaluation.pipeline.spec import package_notebooks
from evaluation.pipeline.starting.copying import with_id
from evaluation.pipeline.starting.tables import require_name
from evaluation.study import list_studies, load_study

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


def remove(root: Path, reports: Path, name: str, *, history: bool = False) -> list[str]:
    """Remove a study: its file, pages and results. Its table stays, and its history unless it is asked for.

    Raises
    ------
    StudyError
        There is no such study.
    """
    _require(root, name)
    said = []
    reports.mkdir(parents=True, exist_ok=True)
    with sole_run(reports):
        gone = [root / "studies" / f"{name}.toml", *_files(reports, name)]
        if history:
            gone.append(reports / FOLDER / name)
        for path in gone:
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()
            else:
                continue
            said.append(f"removed {shown(path)}")
        with suppress(OSError):
            state_file(root, Place(reports, name)).unlink(missing_ok=True)
        write_index(reports, root, generated_now())
    if not history and (reports / FOLDER / name).is_dir():
        said.append(f"kept {shown(reports / FOLDER / name)}: --history removes it, too")
    return said


def rename(root: Path, reports: Path, old: str, new: str) -> list[str]:
    """Give a study another name, with its pages, results and history.

    Raises
    ------
    StudyError
        There is no such study, the new name is not plain or is taken, or another study rests on this one.
    """
    _require(root, old)
    require_name(new)
    target = root / "studies" / f"{new}.toml"
    if target.exists() or Place(reports, new).result.exists() or (reports / FOLDER / new).exists():
        raise StudyError(
            f"the study {new!r} stands already",
            where=f"studies/{new}.toml, or its results",
            fix="give another name, or remove it first: evaluation remove NAME --history",
        )
    users = [one for one in list_studies(root) if one != old and _names(root, one, old)]
    if users:
        raise StudyError(
            f"{', '.join(users)} names the study {old}",
            where=", ".join(f"studies/{one}.toml" for one in users),
            fix="change the name there first",
        )
    source = root / "studies" / f"{old}.toml"
    text = source.read_text(encoding="utf-8-sig")
    text = re.sub(rf"(?m)^(#.*evaluation run ){old}\b", rf"\g<1>{new}", with_id(text, new))
    before, after = Place(reports, old), Place(reports, new)
    reports.mkdir(parents=True, exist_ok=True)
    with sole_run(reports):
        files: dict[Path, str | bytes] = {target: text}
        for language in LANGUAGES:
            page = before.page(language)
            if page.is_file():
                content = page.read_text(encoding="utf-8").replace(f"/{old}.html", f"/{new}.html")
                files[after.page(language)] = content.replace(
                    f"evaluation run {old}", f"evaluation run {new}"
                )
        result = dict(read_results(reports)).get(before)
        if result is not None:
            files[after.result] = result_text({**result, "study": new})
        write_together(files)
        if (reports / FOLDER / old).is_dir():
            (reports / FOLDER / old).rename(reports / FOLDER / new)
        for path in (source, *_files(reports, old)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        write_index(reports, root, generated_now())
    wrote = [f"wrote {shown(path)}" for path in files]
    return [*wrote, f"{old} is gone; next: evaluation run {new}"]


def _require(root: Path, name: str) -> None:
    if name not in list_studies(root):
        load_study(name, root=root)  # it says what there is


def _names(root: Path, study: str, other: str) -> bool:
    text = (root / "studies" / f"{study}.toml").read_text(encoding="utf-8-sig")
    return re.search(rf"[\"']{other}[\"']", text) is not None


def _files(reports: Path, name: str) -> list[Path]:
    """Pages, results, failures and variants of a study."""
    place = Place(reports, name)
    found = [place.result, place.failure, *(place.page(language) for language in LANGUAGES)]
    found += sorted((reports / "variants").glob(f"{name}--*"))
    found += sorted((reports / "failures").glob(f"{name}--*.html"))
    return [path for path in found if path.exists()]
