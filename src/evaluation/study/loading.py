"""Find, read and check study files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from evaluation.errors import StudyError, shortlist
from evaluation.study.base import BaseStudy, languages_of
from evaluation.study.claimed import fill_claims
from evaluation.study.defaults import PANEL, SAME
from evaluation.study.kinds import KINDS

PRIVATE = "evaluation.toml"
"""Marks a folder made by ``evaluation init``: its data are not published unless a study says so."""


def find_root(start: Path | None = None) -> Path:
    """The project folder: the nearest one above ``start`` that holds ``studies`` and ``data``.

    Raises
    ------
    StudyError
        There is none.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "studies").is_dir() and (folder / "data").is_dir():
            return folder
    raise StudyError(
        "no project folder found",
        where=f"looked in {here} and above",
        expected="a folder with studies/ and data/",
        fix="change into your project, or make one: evaluation init FOLDER",
    )


def list_studies(root: Path | None = None) -> list[str]:
    """Names of the study files, sorted."""
    return sorted(path.stem for path in ((root or find_root()) / "studies").glob("*.toml"))


def load_study(
    name: str | Path, overrides: Mapping[str, Any] | None = None, root: Path | None = None
) -> BaseStudy:
    """Read and check a study.

    Parameters
    ----------
    name : str or Path
        A name from ``studies/`` or the path of a TOML file.
    overrides : mapping, optional
        Dotted keys to values, such as ``{"treatment.date": "2016-03"}``.
    root : Path, optional
        The project folder.

    Returns
    -------
    BaseStudy
        Of the class that its ``kind`` names.

    Raises
    ------
    StudyError
        No such study, one that cannot be read, not TOML, or any key wrong: all are listed.
    DataError
        A claim leaves its value to the ledger, and the ledger cannot be read.
    """
    path = _locate(name, root)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise StudyError(
            f"{path.name} is not UTF-8", where=f"byte {error.start}", fix="save the file as UTF-8"
        ) from error
    except OSError as error:
        raise StudyError(
            f"{path.name} cannot be read", where=str(error.strerror), expected="a text file that may be read"
        ) from error
    except ValueError as error:  # of the syntax, or a number of more digits than Python reads
        raise StudyError(f"{path.name} is not valid TOML", where=str(error)) from error
    except RecursionError as error:
        raise StudyError(
            f"{path.name} is not a study file", where="its lists are nested too deeply to be read"
        ) from error
    origin = {}
    for key, value in (overrides or {}).items():
        _override(raw, key, value)
        origin[key] = True
    kind = file_kind(raw)
    if not isinstance(kind, str) or kind not in KINDS:
        raise StudyError(
            f"unknown kind of study {kind!r}",
            where=f"{path.name}, key kind",
            expected="one of " + ", ".join(KINDS),
        )
    raw |= {"kind": kind, "id": raw.get("id", path.stem)}
    raw.setdefault("title", raw["id"])
    project = root or _project(path)
    fill_claims(raw, KINDS[kind], project)
    try:
        study = KINDS[kind].model_validate(raw, context={"languages": languages_of(raw)})
    except ValidationError as error:
        raise _explain(error, path, origin) from None
    if study.id != path.stem:
        raise StudyError(
            f"the study {path.name} calls itself {study.id!r}",
            where=f"{path.name}, key id",
            expected=f'id = "{path.stem}"',
        )
    return study


def file_kind(raw: Mapping[str, Any]) -> Any:
    """Which kind of study a file is of: a panel study, unless it says otherwise."""
    kind = raw.get("kind", PANEL)
    return PANEL if kind in SAME else kind


def _locate(name: str | Path, root: Path | None) -> Path:
    text = str(name)
    if text.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise StudyError(f"there is no study file {text}")
        return path
    folder = (root or find_root()) / "studies"
    known = list_studies(folder.parent)
    if text not in known:
        raise StudyError(
            f"unknown study {text!r}",
            where="studies/",
            expected="one of " + ", ".join(known) if known else "a TOML file in studies/",
            fix="run `evaluation list` for the studies, or `evaluation new NAME` to start one",
        )
    return folder / f"{text}.toml"


def _project(path: Path) -> Path:
    """The project around a study file that is named by its path, or the folder above its own."""
    try:
        return find_root(path.parent)
    except StudyError:
        return path.resolve().parent.parent


def _override(raw: dict[str, Any], key: str, value: Any) -> None:
    parts = key.split(".")
    place: Any = raw
    if len(parts) > 1 and parts[0] not in raw and _is_table(raw, parts[0]):
        raw[parts[0]] = {}  # a table that the kind has and the file leaves out
    for i, part in enumerate(parts[:-1]):
        if isinstance(place, list):
            place = _item(place, part, key)
        elif isinstance(place, dict) and isinstance(place.get(part), dict | list):
            place = place[part]
        else:
            raise StudyError(
                f"the study has no key {'.'.join(parts[: i + 1])!r}",
                where=f"--set {key}",
                expected="one of " + shortlist(place if isinstance(place, dict) else [], 30),
            )
    last = parts[-1]
    if isinstance(place, list):
        raise StudyError(f"{key!r} names a whole entry", where=f"--set {key}", fix="name one key inside it")
    place[last] = value


def _is_table(raw: Mapping[str, Any], name: str) -> bool:
    """Whether a key at the top of a file of this kind is a table with keys of its own."""
    model = KINDS.get(str(file_kind(raw)))
    annotation = (
        None if model is None or name not in model.model_fields else model.model_fields[name].annotation
    )
    options = (annotation, *get_args(annotation))
    return any(isinstance(one, type) and issubclass(one, BaseModel) for one in options)


def _item(entries: list[Any], part: str, key: str) -> Any:
    """An entry of a list of tables, by its id or its number from 0."""
    for entry in entries:
        if isinstance(entry, dict) and entry.get("id") == part:
            return entry
    if part.isdigit() and int(part) < len(entries):
        return entries[int(part)]
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict) and "id" in entry]
    raise StudyError(
        f"no entry {part!r}",
        where=f"--set {key}",
        expected=f"one of {shortlist(ids or range(len(entries)), 30)}",
    )


_KINDS = {
    "extra_forbidden": "unknown key",
    "missing": "missing key",
}


def _explain(error: ValidationError, path: Path, overrides: Mapping[str, bool]) -> StudyError:
    lines = []
    problems = error.errors(include_url=False)
    for problem in problems:
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        message = _KINDS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        if problem["input"] is None:  # TOML has no such value: `Text` puts it where a language is asked for
            message = "missing key"
        elif problem["type"] not in ("missing", "value_error") and problem["loc"]:
            message += f" (found {problem['input']!r})"[:120]
        source = "  [from --set]" if place in overrides else ""
        lines.append(f"    {place}: {message}{source}")
    count = len(problems)
    return StudyError(
        f"{path.name} has {count} wrong {'key' if count == 1 else 'keys'}",
        where="\n" + "\n".join(lines),
        fix=f"edit studies/{path.name}; every key is named in docs/study-file.md",
    )
