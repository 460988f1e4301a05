"""``evaluation data build NAME --raw PATH``: which builder makes which tables, and what it reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
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
    "air_quality": "evaluation.sources.air_quality.tables:build_city_month",
    "air_quality_dekads": "evaluation.sources.air_quality.dekads:build_dekads",
    "approvals_cases": "evaluation.sources.approvals.own:build_cases",
    "approvals_doing_business": "evaluation.sources.doing_business:build_doing_business",
    "approvals_huantai_simulated": "evaluation.sources.approvals.monthly:build_huantai",
    "castle": "evaluation.sources.castle:build_castle",
    "city_panel": "evaluation.sources.city_panel:build_city_panel",
    "crime_incidents": "evaluation.sources.incidents.tables:build_incidents",
    "crime_zhangdian_simulated": "evaluation.sources.crime_simulated:build_simulated",
    "crime_rio": "evaluation.sources.crime_rio.tables:build_rio",
}
"""Module and function of each builder: it is given the raw path and the data folder.

One that reads a folder file by file takes ``skip_broken`` too.
"""

SIMULATORS: Mapping[str, str] = {
    "approvals_huantai_simulated": "evaluation.sources.approvals.monthly:simulate",
}
"""Module and function that write a simulated raw record into a folder, the same every time."""


def build(name: str, raw: str | Path, data_dir: str | Path, *, skip_broken: bool = False) -> BuildSummary:
    """Make the committed tables of one source from its raw file, and write them into the manifest.

    Parameters
    ----------
    name : str
        A key of :data:`BUILDERS`.
    raw : str or Path
        The raw file or folder.
    data_dir : str or Path
        The data folder; ``manifest.toml`` stands in it.
    skip_broken : bool
        Pass over files of a folder that cannot be read; the summary, the manifest and the page name them.

    Returns
    -------
    BuildSummary
        For the command line to print.

    Raises
    ------
    DataError
        No such builder, or the raw file is not what the builder reads.
    OutputError
        The tables cannot be written; the ones before are unchanged.
    """
    builder = cast(Builder, _function(name, BUILDERS, "source {name!r} to build"))
    if not skip_broken:
        return builder(Path(raw), Path(data_dir))
    if "skip_broken" not in signature(builder).parameters:
        raise DataError(
            f"the source {name!r} cannot be built from a part of its files",
            where="--skip-broken",
            fix="leave --skip-broken out, and mend the file that cannot be read",
        )
    return builder(Path(raw), Path(data_dir), skip_broken=True)


def simulate(name: str, folder: str | Path) -> list[Path]:
    """Write a simulated raw record; returns the files.

    Raises
    ------
    DataError
        No such simulator.
    OutputError
        The folder cannot be written to.
    """
    simulator = _function(name, SIMULATORS, "record {name!r} to simulate")
    return cast(list[Path], simulator(Path(folder)))


def _function(name: str, known: Mapping[str, str], what: str) -> Callable[..., object]:
    try:
        module, function = known[name].split(":")
    except KeyError:
        raise DataError(
            f"there is no {what.format(name=name)}",
            expected="one of " + ", ".join(sorted(known)),
            fix="correct the name, or add one: CONTRIBUTING.md says how",
        ) from None
    return cast(Callable[..., object], getattr(import_module(module), function))


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
