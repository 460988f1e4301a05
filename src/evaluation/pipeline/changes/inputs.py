"""Everything that a study's pages rest on, each with a checksum, so that a run knows what changed."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from evaluation.pipeline.changes.closure import HERE, Code
from evaluation.pipeline.changes.imports import Use
from evaluation.pipeline.changes.software import installed
from evaluation.pipeline.spec import find_notebook, value_text
from evaluation.reads import UNTRACKED
from evaluation.study.loading import file_kind

MANIFEST = "data/manifest.toml"
_MAKERS = ("evaluation.pipeline.render", "evaluation.pipeline.plan")


class Project:
    """A project folder whose files are each read once for all studies."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.code = Code(root / "build" / "cache" / "imports.json")
        self._digests: dict[str, str] = {}
        self._stated: dict[str, dict[str, Any]] = {}

    @cached_property
    def software(self) -> dict[str, str]:
        """Versions of Python and of the packages that pages rest on."""
        return installed(self.root / "build" / "cache" / "packages.json")

    @cached_property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Entries of the manifest by name; empty where it cannot be read, which the run itself will say."""
        loaded = _toml(self.root / MANIFEST)
        entries = loaded.get("tables", [])
        return {entry["name"]: entry for entry in entries if isinstance(entry, dict) and "name" in entry}

    def inputs(self, study: str, overrides: Mapping[str, Any], reads: Iterable[str] = ()) -> dict[str, str]:
        """What the pages of a study rest on.

        Parameters
        ----------
        study : str
        overrides : mapping
            Dotted keys to values.
        reads : iterable of str
            Files that an earlier run of its notebook read, relative to the project folder; modules of the
            project among them, which are followed into the package as the notebook is.

        Returns
        -------
        dict
            What it is, in words for the user, to its checksum or value.
        """
        reads = tuple(path for path in reads if not path.startswith(UNTRACKED))
        path = f"studies/{study}.toml"
        stated = self._toml(path)
        name = str(overrides.get("notebook", stated.get("notebook", "panel_study")))
        notebook = f"notebooks/{name}.ipynb"
        cells = _cells(find_notebook(self.root, name))
        found = {path: self.digest(path), notebook: digest_of_text(json.dumps(cells))}
        found.update({f"setting {key}": value_text(value) for key, value in overrides.items()})
        found.update(self._data(set(_texts([stated, dict(overrides)])), set(reads) - {*found, MANIFEST}))
        # a page on other studies uses the code of their kinds, too
        others = [self._toml(other) for other in reads if other.startswith("studies/")]
        kinds = {str(file_kind(item)) for item in (*others, {**stated, **overrides})}
        helpers = [path for path in reads if path.endswith(".py")]
        found.update(self._code(cells, helpers, sorted(kinds)))
        found.update({f"software {key}": value for key, value in self.software.items()})
        return found

    def _data(self, words: set[str], reads: set[str]) -> dict[str, str]:
        """Tables that the study file names or its notebook read, each with its entry in the manifest."""
        found = {path: self.digest(path) for path in sorted(reads)}
        for name, entry in self.tables.items():
            path = f"data/{entry.get('path')}"
            if name in words or path in reads:
                found[path] = self.digest(path)
                found[f"{MANIFEST}, {name}"] = digest_of_text(json.dumps(entry, sort_keys=True, default=str))
        return found

    def _code(
        self, cells: list[dict[str, Any]], helpers: Iterable[str], kinds: Iterable[str]
    ) -> dict[str, str]:
        texts = ["\n".join(cell["source"] for cell in cells if cell["cell_type"] == "code")]
        texts += [_text(self.root / path) for path in helpers]
        try:
            uses = tuple(use for text in texts for use in self.code.text_uses(text))
        except (
            SyntaxError,
            ValueError,
        ):  # a cell with a magic: the notebook itself counts, and the whole package
            uses = tuple(
                Use(".".join(("evaluation", *path.relative_to(HERE).with_suffix("").parts)), None, "")
                for path in sorted(HERE.rglob("*.py"))
                if path.name != "__init__.py"
            )
        makers = [Use(name, None, "") for name in _MAKERS]
        files = self.code.files([*uses, *makers], *kinds)
        return {self.shown(path): digest for path, digest in sorted(files.items())}

    def _toml(self, path: str) -> dict[str, Any]:
        if path not in self._stated:
            self._stated[path] = _toml(self.root / path)
        return self._stated[path]

    def index_code(self) -> dict[str, str]:
        """Files that make the index."""
        files = self.code.files([Use("evaluation.pipeline.listing", None, "")])
        return {self.shown(path): digest for path, digest in sorted(files.items())}

    def shown(self, path: Path) -> str:
        """A file of the package as the user would name it."""
        inside = path.is_relative_to(self.root)
        return path.relative_to(self.root).as_posix() if inside else f"{path.relative_to(HERE.parent)}"

    def digest(self, path: str) -> str:
        """Checksum of a file of the project; ``absent`` when there is none."""
        if path not in self._digests:
            self._digests[path] = digest_of(self.root / path)
        return self._digests[path]

    def remember(self) -> None:
        """Keep what was found about the code for the next run."""
        self.code.remember()


def digest_of(path: Path) -> str:
    """Checksum of a file; ``absent`` when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "absent"


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What differs between two sets of inputs, in words."""
    said = []
    for key in dict.fromkeys([*new, *old]):
        before, now = old.get(key), new.get(key)
        if before == now:
            continue
        if key.startswith(("software ", "setting ")):
            name = key.partition(" ")[2]
            said.append(f"{name} {before or 'none'} → {now or 'none'}")
        elif now == "absent" or now is None:
            said.append(f"{key} is gone" if now == "absent" else f"{key} is no longer used")
        else:
            said.append(f"{key} {'is new' if before in (None, 'absent') else 'changed'}")
    return said


def _cells(path: Path) -> list[dict[str, Any]]:
    """Cells of a notebook without outputs and what an editor adds; none where it is no notebook."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return [
            {
                "cell_type": str(cell["cell_type"]),
                "source": "".join(cell["source"]),
                "tags": list(cell.get("metadata", {}).get("tags", [])),
            }
            for cell in cells
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def _text(path: Path) -> str:
    """A file's text; none where it is gone: its checksum says so."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _toml(path: Path) -> dict[str, Any]:
    """A TOML file; empty where it cannot be read: the checks before a run say what is wrong."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def digest_of_text(text: str) -> str:
    """Checksum of a text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
