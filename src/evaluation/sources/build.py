"""``evaluation data build NAME --raw PATH``: which builder makes which tables, and what it reports."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from inspect import signature
from pathlib import Path
from typing import cast

from evaluation.errors import DataError
from evaluation.sources.manifest import MANIFEST, Manifest, TableInfo, load_manifest
from evaluation.sources.reading import RawFile
from evaluation.sources.tables import write_together


@dataclass(frozen=True)
class BuildSummary:
    """What a build read, set aside and wrote.

    Attributes
    ----------
    name : str
        The builder's name.
    raw : RawFile
        Name and checksum of what was read.
    rows_read : int
        Rows of the raw file.
    dropped : mapping of str to int
        Rows that are in no table, by reason.
    missing : mapping of str to int
        Values set to missing, by reason.
    tables : tuple of TableInfo
        The tables as they are now in the manifest.
    changed : tuple of str
        Names of the tables whose bytes differ from before; empty when the build changed nothing.
    notes : tuple of str
        What the person at the command line should know.
    """

    name: str
    raw: RawFile
    rows_read: int
    dropped: Mapping[str, int]
    missing: Mapping[str, int]
    tables: tuple[TableInfo, ...]
    changed: tuple[str, ...]
    notes: tuple[str, ...] = ()


Builder = Callable[..., BuildSummary]

BUILDERS: Mapping[str, str] = {
    "approvals_cases": "evaluation.sources.approvals.own:build_cases",
    "crime_incidents": "evaluation.sources.incidents.tables:build_incidents",
}
"""Module and function of each importer of a city's own records; a project's `data-raw` folder has more."""

FOLDER, PACKAGE = "data-raw", "builders"


def build(
    name: str,
    raw: str | Path,
    data_dir: str | Path,
    *,
    skip_broken: bool = False,
    project: str | Path | None = None,
) -> BuildSummary:
    """Make the committed tables of one source from its raw file, and write them into the manifest.

    Parameters
    ----------
    name : str
        A key of :data:`BUILDERS`, or of ``BUILDERS`` in the project's ``data-raw/builders``.
    raw : str or Path
        The raw file or folder.
    data_dir : str or Path
        The data folder; ``manifest.toml`` stands in it.
    skip_broken : bool
        Pass over files of a folder that cannot be read; the summary, the manifest and the page name them.
    project : str or Path, optional
        Folder of the project; by default the one that the data folder is in.

    Returns
    -------
    BuildSummary
        For the command line to print.

    Raises
    ------
    DataError
        No such builder, or the project has no ``data-raw``, or the raw file is not what the builder reads.
    OutputError
        The tables cannot be written; the ones before are unchanged.
    """
    home = Path(data_dir).absolute().parent if project is None else Path(project).absolute()
    builder = cast(Builder, _function(name, BUILDERS, "BUILDERS", home, "source {name!r} to build"))
    if not skip_broken:
        return builder(Path(raw), Path(data_dir))
    if "skip_broken" not in signature(builder).parameters:
        raise DataError(
            f"the source {name!r} cannot be built from a part of its files",
            where="--skip-broken",
            fix="leave --skip-broken out, and mend the file that cannot be read",
        )
    return builder(Path(raw), Path(data_dir), skip_broken=True)


def simulate(name: str, folder: str | Path, project: str | Path) -> list[Path]:
    """Write a simulated raw record by a simulator of the project's ``data-raw``; returns the files.

    Raises
    ------
    DataError
        No such simulator, or the project has no ``data-raw``.
    OutputError
        The folder cannot be written to.
    """
    home = Path(project).absolute()
    simulator = _function(name, {}, "SIMULATORS", home, "record {name!r} to simulate")
    return cast(list[Path], simulator(Path(folder)))


def _function(
    name: str, own: Mapping[str, str], more: str, project: Path, what: str
) -> Callable[..., object]:
    """The function of this name: of the package, or of the project's ``data-raw/builders``."""
    known = own if name in own else {**_of_project(project, more), **own}
    if name not in known:
        place = project / FOLDER / PACKAGE
        absent = not place.is_dir()
        raise DataError(
            f"there is no {what.format(name=name)}",
            where=f"{project} has no folder {FOLDER}/{PACKAGE}"
            if absent
            else str(project / FOLDER / PACKAGE),
            expected="one of " + ", ".join(sorted(known)) if known else "a project with builders of its own",
            fix=f"run it in a checkout that holds {FOLDER}/, or correct the name"
            if absent
            else "correct the name, or add one: CONTRIBUTING.md says how",
        )
    module, function = known[name].split(":")
    return cast(Callable[..., object], getattr(import_module(module), function))


def _of_project(project: Path, names: str) -> Mapping[str, str]:
    """The builders or simulators that a project declares, their package imported from its folder."""
    path = project / FOLDER / PACKAGE / "__init__.py"
    if not path.is_file():
        return {}
    package = sys.modules.get(PACKAGE)
    if package is None or Path(str(package.__file__)).resolve() != path.resolve():
        for module in [m for m in sys.modules if m == PACKAGE or m.startswith(f"{PACKAGE}.")]:
            del sys.modules[module]
        spec = spec_from_file_location(PACKAGE, path, submodule_search_locations=[str(path.parent)])
        assert spec is not None
        assert spec.loader is not None
        package = sys.modules[PACKAGE] = module_from_spec(spec)
        spec.loader.exec_module(package)
    return cast(Mapping[str, str], getattr(package, names, {}))


def publish(files: Sequence[tuple[TableInfo, bytes]], data_dir: Path) -> tuple[str, ...]:
    """Write tables and manifest together, the manifest last; say which tables changed.

    Parameters
    ----------
    files : list of (TableInfo, bytes)
        Each table's entry and content.
    data_dir : Path
        The data folder.

    Returns
    -------
    tuple of str
        Names of the tables whose bytes differ from what stood there.
    """
    pairs = list(files)
    before = load_manifest(data_dir) if (data_dir / MANIFEST).exists() else Manifest(data_dir, ())
    after = before.with_tables(table for table, _ in pairs)
    changed = tuple(
        table.name
        for table, content in pairs
        if not (data_dir / table.path).is_file() or (data_dir / table.path).read_bytes() != content
    )
    write_together(
        {
            **{data_dir / table.path: content for table, content in pairs},
            data_dir / MANIFEST: after.to_bytes(),
        }
    )
    return changed
