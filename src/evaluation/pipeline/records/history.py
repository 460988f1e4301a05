"""Every result that a study ever had, kept once by content, and what moved when it changed.

``reports/history/<study>/log.json`` lists the runs in their order; a run that gave the same content as the
one before it only moves the end of that entry. ``<content>.json`` beside it is the result file as it was
first made. Two results have the same content when they differ in nothing but when and from which
version of the project they were made (`CIRCUMSTANCES`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from evaluation.errors import EvaluationError, ReportError
from evaluation.pipeline.records.moved import CIRCUMSTANCES, Moved, moved
from evaluation.pipeline.site import Place, result_text, variant_name
from evaluation.pipeline.spec import RenderSpec, find_notebook

FOLDER = "history"
LOG = "log.json"
FORMAT = 1
_CODE = (".py", ".toml", ".j2", ".css", ".json")


@dataclass(frozen=True)
class Entry:
    """A result and the first and the last of the runs in a row that gave it.

    Attributes
    ----------
    content : str
        Its address: a checksum of what it says.
    first, last : mapping
        ``generated``, ``commit`` and ``inputs`` of the two runs.
    result : mapping
        The result file as it was first made.
    """

    content: str
    first: Mapping[str, Any]
    last: Mapping[str, Any]
    result: Mapping[str, Any]

    @property
    def until(self) -> dict[str, Any]:
        """The result with the circumstances of its last run."""
        return {**self.result, **self.last}


def folder_of(place: Place) -> Path:
    """Where the history of a study, or of a variant, is kept."""
    return place.reports / FOLDER / place.name


def content_of(result: Mapping[str, Any]) -> str:
    """Address of a result: a checksum of everything but the circumstances of its making."""
    said = {key: value for key, value in result.items() if key not in CIRCUMSTANCES}
    return hashlib.sha256(result_text(said).encode("utf-8")).hexdigest()[:20]


def read(place: Place, most: int | None = None) -> tuple[Entry, ...]:
    """The entries of a study's history, the newest first.

    Parameters
    ----------
    place : Place
    most : int, optional
        Read only so many.

    Raises
    ------
    ReportError
        The log, or a result that it names, is damaged or absent.
    """
    folder = folder_of(place)
    runs = _log(folder)[::-1][:most]
    return tuple(Entry(run["content"], run["first"], run["last"], _result(folder, run)) for run in runs)


def record(place: Place, result: Mapping[str, Any]) -> dict[Path, str]:
    """The files that append a run to the history of its study; nothing is stored twice.

    They are for the caller to write, together with the result itself: both stand, or neither.

    Parameters
    ----------
    place : Place
    result : mapping
        Content of the result file.

    Returns
    -------
    dict of Path to str
        Files with their content; none where this very run was recorded before.
    """
    folder = folder_of(place)
    runs = _log(folder)
    stamp = {key: result[key] for key in CIRCUMSTANCES if key in result}
    content = content_of(result)
    files: dict[Path, str] = {}
    if runs and runs[-1]["content"] == content:
        if runs[-1]["last"] == stamp:
            return {}
        runs[-1] = {**runs[-1], "last": stamp}
    else:
        kept = folder / f"{content}.json"
        if not kept.is_file():
            files[kept] = result_text(result)
        runs.append({"content": content, "first": stamp, "last": stamp})
    log = {"format": FORMAT, "study": place.study, "runs": runs}
    return {**files, folder / LOG: json.dumps(log, ensure_ascii=False, indent=1) + "\n"}


def _log(folder: Path) -> list[dict[str, Any]]:
    path = folder / LOG
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(folder, LOG, str(error)) from error
    try:
        log = json.loads(text)
        runs = [
            {"content": str(run["content"]), "first": dict(run["first"]), "last": dict(run["last"])}
            for run in log["runs"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, LOG, str(error)) from error
    if log.get("format") != FORMAT:
        raise _damaged(folder, LOG, f"format {log.get('format')!r}")
    return runs


def _result(folder: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    name = f"{run['content']}.json"
    try:
        if Path(name).name != name:
            raise ValueError("not the name of a file")
        result = json.loads((folder / name).read_text(encoding="utf-8"))
        if content_of(result) != run["content"]:
            raise ValueError("its content is not what it was")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, name, str(error)) from error
    return dict(result)


def _damaged(folder: Path, name: str, why: str) -> EvaluationError:
    where = f"{FOLDER}/{folder.name}/{name}"
    return ReportError(
        "the history of earlier results cannot be read",
        where=f"{where} in the reports folder: {why}",
        expected="the files as earlier runs wrote them",
        fix=f"restore them from a copy, or move {FOLDER}/{folder.name} away to begin a new history",
    )


def inputs_of(spec: RenderSpec) -> dict[str, str | None]:
    """Checksums of what a report is made from; its data stand in its result."""
    return {
        "study": _checksum(spec.root / "studies" / f"{spec.study}.toml"),
        "notebook": _checksum(find_notebook(spec.root, spec.notebook)),
        "package": package_checksum(),
    }


def with_inputs(
    result: Mapping[str, Any], spec: RenderSpec, begun: Mapping[str, str | None]
) -> dict[str, Any]:
    """The result with checksums of what it was made from, and the rows of its tables.

    Raises
    ------
    ReportError
        The study or the notebook is not as it was when the run began.
    """
    inputs = inputs_of(spec)
    changed = [key for key, value in inputs.items() if value != begun[key]]
    if changed:
        raise ReportError(
            f"the {' and the '.join(changed)} changed while the report was made", fix="run it again"
        )
    rows = _rows(spec.root, [str(source.get("name")) for source in result.get("data") or []])
    return {**result, "inputs": {**inputs, "rows": rows}}


def _checksum(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None  # the run itself has said that the file is not there


@cache
def package_checksum() -> str:
    """Checksum of the package's own files: code, words, templates."""
    import evaluation

    package = Path(evaluation.__file__).parent
    total = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.suffix in _CODE and path.is_file():
            total.update(f"{path.relative_to(package).as_posix()}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _rows(root: Path, names: Sequence[str]) -> dict[str, int]:
    from evaluation.sources.manifest import load_manifest

    try:
        tables = {table.name: table.rows for table in load_manifest(root / "data").tables}
    except EvaluationError:
        return {}  # the study reads no committed table, or it has said so itself
    return {name: tables[name] for name in names if name in tables}


def standing(spec: RenderSpec, result: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a page says of the history: since when its numbers stand, and what moved then.

    The result is compared with the newest entry that says something else, so that a run which
    changes nothing gives the very page that the run before it gave.

    Returns
    -------
    dict or None
        ``name``, ``since`` (time at which these numbers were first found), ``before`` (time at which the
        result before them was last found, or None) and ``moved`` (as of `Moved.as_record`); None
        without a history.
    """
    if spec.history is None:
        return None
    stated = {
        key: spec.provenance[key] for key in ("generated", "commit", "versions") if key in spec.provenance
    }
    made = {**result, **stated}
    name = variant_name(spec.study, spec.overrides) if spec.overrides else spec.study
    earlier = list(spec.history)
    since = made
    if earlier and earlier[0].content == content_of(made):
        since = {**earlier[0].result, **earlier[0].first}
        del earlier[0]
    if not earlier:
        return {"name": name, "since": since.get("generated"), "before": None, "moved": None}
    until = earlier[0].until
    return {
        "name": name,
        "since": since.get("generated"),
        "before": until.get("generated"),
        "moved": moved(until, since).as_record(),
    }


def changes(place: Place) -> list[tuple[Entry, Moved | None]]:
    """Each entry of a history with what moved when it came, the newest first; None for the first of all."""
    entries = read(place)
    found: list[tuple[Entry, Moved | None]] = []
    for entry, before in zip(entries, [*entries[1:], None], strict=True):
        step = None if before is None else moved(before.until, {**entry.result, **entry.first})
        found.append((entry, step))
    return found
