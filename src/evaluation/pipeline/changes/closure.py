"""Which files of the package a study's page rests on, followed from import to import."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

from evaluation.errors import OutputError
from evaluation.pipeline.changes.imports import Facts, Use, facts_of
from evaluation.pipeline.site import write_whole

PACKAGE = "evaluation"
HERE = Path(__file__).resolve().parents[2]
REGISTRIES = ("evaluation.study.kinds", "evaluation.analysis.kinds")
"""What lists the kinds of study: of what they import, modules that are named as another kind do not count."""
_CACHE_FORMAT = 2


class Code:
    """The package's files, each read once; what they import is remembered from run to run by content.

    Parameters
    ----------
    cache : Path, optional
        File of what was found in earlier runs.
    package : Path
        Folder of the package.
    """

    def __init__(self, cache: Path | None = None, package: Path = HERE) -> None:
        self.package = package
        self._cache = cache
        self._files: dict[str, Path | None] = {}
        self._digests: dict[Path, str] = {}
        self._facts: dict[str, Facts] = {}
        self._beside: dict[Path, list[Path]] = {}
        self._kept: dict[str, Facts] = _read_cache(cache)
        self._new = False

    def files(self, uses: Iterable[Use], *kinds: str) -> dict[Path, str]:
        """Every file that these uses lead to for studies of these kinds, with its checksum.

        A file that only lists names from elsewhere (an ``__init__.py``) is followed name by name and does
        not count itself; from a registry of kinds (`REGISTRIES`) only the modules named as the kinds asked
        for are followed. Files that are not Python count where a module of their folder does: words,
        templates, style sheets.
        """
        walk = _Walk(self, kinds)
        for use in uses:
            walk.follow(use)
        found = {path: self.digest(path) for path in walk.files}
        for folder in {path.parent for path in walk.files}:
            if folder not in self._beside:
                self._beside[folder] = _data_files(folder)
            for path in self._beside[folder]:
                found[path] = self.digest(path)
        return found

    def text_uses(self, text: str) -> tuple[Use, ...]:
        """What a piece of code outside the package, such as a notebook's, uses of it."""
        return facts_of(text, "__main__", PACKAGE).uses

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Every kind of study: a module a kind stands beside the last of the registries."""
        folder = self.package.joinpath(*REGISTRIES[-1].split(".")[1:])
        return frozenset(path.stem for path in folder.glob("*.py")) - {"__init__"}

    def find(self, module: str) -> Path | None:
        """File of a module, or of a package's ``__init__``."""
        if module not in self._files:
            path = self.package.joinpath(*module.split(".")[1:])
            choices = (path / "__init__.py", path.with_suffix(".py"))
            self._files[module] = next((choice for choice in choices if choice.is_file()), None)
        return self._files[module]

    def digest(self, path: Path) -> str:
        """Checksum of a file."""
        if path not in self._digests:
            self._digests[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._digests[path]

    def facts(self, module: str, path: Path) -> Facts:
        """What a module uses."""
        if module not in self._facts:
            name = f"{module}.__init__" if path.name == "__init__.py" else module
            key = f"{name} {self.digest(path)}"
            if key not in self._kept:
                try:
                    self._kept[key] = facts_of(path.read_text(encoding="utf-8"), name, PACKAGE)
                except SyntaxError:
                    self._kept[key] = Facts()  # its content counts all the same, and running it will say
                self._new = True
            self._facts[module] = self._kept[key]
        return self._facts[module]

    def remember(self) -> None:
        """Write what was found for the next run; a build folder that cannot be written costs only time."""
        if self._cache is None or not self._new:
            return
        used = {key: asdict(facts) for key, facts in self._kept.items() if self._current(key)}
        with suppress(OutputError):
            write_whole(self._cache, json.dumps({"format": _CACHE_FORMAT, "files": used}))

    def _current(self, key: str) -> bool:
        name, _, digest = key.partition(" ")
        path = self.find(name.removesuffix(".__init__"))
        return path is not None and self._digests.get(path, digest) == digest


class _Walk:
    """One walk along the imports."""

    def __init__(self, code: Code, kinds: tuple[str, ...]) -> None:
        self.code, self.kinds = code, kinds
        self.files: set[Path] = set()
        self._done: set[tuple[str, str | None, tuple[str, ...] | None]] = set()

    def follow(self, use: Use) -> None:
        key = (use.module, use.name, use.attributes)
        path = self.code.find(use.module)
        if key in self._done or path is None:
            return
        self._done.add(key)
        self._parents(use.module)
        if use.name is None or use.name == "*":
            self._whole(use.module, path)
            return
        inner = f"{use.module}.{use.name}"
        inside = self.code.find(inner) if path.name == "__init__.py" else None
        if inside is not None:
            self._part(inner, inside, use.attributes)
            return
        facts = self.code.facts(use.module, path)
        source = facts.gives(use.name) if facts.plain else None
        if source is None:
            self._whole(use.module, path)
        else:
            self.follow(Use(source.module, source.name, source.bound, use.attributes))

    def _part(self, module: str, path: Path, attributes: tuple[str, ...] | None) -> None:
        """A module of which only some names are used."""
        if attributes is None or not self.code.facts(module, path).plain:
            self.follow(Use(module, None, ""))
            return
        for name in attributes:
            self.follow(Use(module, name, name))

    def _whole(self, module: str, path: Path) -> None:
        facts = self.code.facts(module, path)
        if path in self.files:
            return
        if not facts.plain:
            self.files.add(path)
        others = self.code.kinds - set(self.kinds) if module in REGISTRIES else set()
        for use in facts.uses:
            if use.module.rpartition(".")[2] not in others:
                self.follow(use)

    def _parents(self, module: str) -> None:
        """Packages around a module are run first; one that only lists names adds nothing to it."""
        parent = module.rpartition(".")[0]
        if parent:
            path = self.code.find(parent)
            if path is not None and not self.code.facts(parent, path).plain:
                self.follow(Use(parent, None, ""))
            self._parents(parent)


def _data_files(folder: Path) -> list[Path]:
    """Files of a package's folder that are not Python, and those of folders in it that are no packages."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name != "__pycache__" and not (path / "__init__.py").exists():
                found += [inner for inner in sorted(path.rglob("*")) if inner.is_file()]
        elif path.suffix not in (".py", ".pyc") and not path.name.startswith("."):
            found.append(path)
    return found


def _read_cache(cache: Path | None) -> dict[str, Facts]:
    if cache is None:
        return {}
    try:
        read = json.loads(cache.read_text(encoding="utf-8"))
        if read["format"] != _CACHE_FORMAT:
            return {}
        return {key: _facts(entry) for key, entry in read["files"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _facts(entry: dict[str, object]) -> Facts:
    uses = tuple(
        Use(u["module"], u["name"], u["bound"], None if u["attributes"] is None else tuple(u["attributes"]))
        for u in entry["uses"]  # type: ignore[attr-defined]
    )
    return Facts(uses, bool(entry["plain"]))
