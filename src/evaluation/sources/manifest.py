"""The manifest of the committed tables: where each comes from, its units, and its checksum."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import pandas as pd
import tomli_w

from evaluation.errors import DataError, shortlist
from evaluation.sources.reading import RawFile, explain_kinds, refuse_spaces, require_file, sha256_of

MANIFEST = "manifest.toml"
FORMAT = 1
Kind = Literal["text", "integer", "number"]
Words = Mapping[str, str]
"""A text in both languages: keys ``en`` and ``zh``."""

_TYPES: Mapping[str, str] = {"text": "str", "integer": "int64", "number": "float64"}


@dataclass(frozen=True)
class Column:
    """One column of a table: what it holds and in which unit (empty text: none)."""

    name: str
    kind: Kind
    unit: Words
    description: Words


@dataclass(frozen=True)
class TableInfo:
    """What the manifest says of one table.

    Attributes
    ----------
    name : str
        As studies name it: ``air_quality/city_month``.
    path : str
        Relative to the data folder, with forward slashes.
    sha256 : str
        Checksum of the file's bytes.
    rows : int
        Rows below the header.
    title, source, licence : Words
        In English and Chinese.
    made_by : str
        The command that makes it, or ``hand`` for a table typed by a person.
    columns : tuple of Column
        In the order of the file.
    raw : RawFile, optional
        The raw file it was made from.
    counts : mapping
        What was read, dropped and set to missing on the way, by reason.
    simulated : bool
        Whether the figures are simulated.
    """

    name: str
    path: str
    sha256: str
    rows: int
    title: Words
    source: Words
    licence: Words
    made_by: str
    columns: tuple[Column, ...]
    raw: RawFile | None = None
    counts: Mapping[str, Any] = field(default_factory=dict)
    simulated: bool = False

    @property
    def units(self) -> dict[str, Words]:
        """Unit of every column in both languages."""
        return {column.name: column.unit for column in self.columns}

    @property
    def restore(self) -> str:
        """What to do when the file is absent or changed."""
        checkout = f"git checkout -- data/{self.path}"
        return checkout if self.made_by == "hand" else f"{checkout}, or rebuild it: {self.made_by}"


@dataclass(frozen=True)
class Manifest:
    """All committed tables of a data folder."""

    folder: Path
    tables: tuple[TableInfo, ...]

    def __getitem__(self, name: str) -> TableInfo:
        for table in self.tables:
            if table.name == name:
                return table
        raise DataError(
            f"there is no table {name!r}",
            where=str(self.folder / MANIFEST),
            expected="one of " + ", ".join(table.name for table in self.tables),
            fix="correct the name, or build the table: evaluation data build NAME --raw FILE",
        )

    def verify(self) -> list[DataError]:
        """Compare every table with what the manifest says; an empty list means that all agree.

        Returns
        -------
        list of DataError
            One a fault: a file absent, a checksum, the columns or the number of rows that differ, or a
            CSV file in the folder that the manifest does not know.
        """
        problems: list[DataError] = []
        for table in self.tables:
            try:
                _checked(table, self.folder)
            except DataError as problem:
                problems.append(problem)
        known = {table.path for table in self.tables}
        for path in sorted(self.folder.rglob("*.csv")):
            relative = path.relative_to(self.folder).as_posix()
            if relative not in known:
                problems.append(
                    DataError(
                        "the manifest does not know this table",
                        where=str(path),
                        expected="one of " + ", ".join(sorted(known)),
                        fix="remove it, or build it with evaluation data build, which writes the manifest",
                    )
                )
        return problems

    def with_tables(self, tables: Iterable[TableInfo]) -> Manifest:
        """The manifest with these tables added, or put in place of those of the same name."""
        kept = {table.name: table for table in self.tables}
        kept.update({table.name: table for table in tables})
        return Manifest(self.folder, tuple(kept[name] for name in sorted(kept)))

    def to_bytes(self) -> bytes:
        """The manifest's TOML file; the same manifest gives the same bytes."""
        tables = [_as_dict(table) for table in self.tables]
        return tomli_w.dumps({"format": FORMAT, "tables": tables}).encode("utf-8")


def load_manifest(data_dir: str | Path) -> Manifest:
    """Read ``manifest.toml`` of a data folder.

    Raises
    ------
    DataError
        The file is absent, is not TOML, or lacks a key: names the table and key.
    """
    folder = Path(data_dir)
    path = folder / MANIFEST
    restore = f"git checkout -- data/{MANIFEST}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            "the manifest of the committed tables cannot be read",
            where=f"{path}: {error.strerror or error}",
            expected=f"a file {MANIFEST} in the data folder",
            fix=restore,
        ) from None
    try:
        loaded = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError("the manifest is not valid TOML", where=f"{path}: {error}", fix=restore) from None
    if loaded.get("format") != FORMAT:
        raise DataError(
            f"the manifest has format {loaded.get('format')!r}",
            where=str(path),
            expected=f"format = {FORMAT}",
            fix=restore,
        )
    tables = []
    for position, entry in enumerate(loaded.get("tables", []), start=1):
        try:
            tables.append(_from_dict(entry))
        except (KeyError, TypeError, AttributeError) as error:
            name = (
                entry.get("name", f"number {position}") if isinstance(entry, dict) else f"number {position}"
            )
            raise DataError(
                "an entry of the manifest lacks a key or has one of the wrong kind",
                where=f"{path}, table {name}: {error}",
                fix=restore,
            ) from None
    return Manifest(folder, tuple(tables))


def read_table(name: str, data_dir: str | Path) -> tuple[pd.DataFrame, TableInfo]:
    """A committed table and what the manifest says of it, after its checksum was compared.

    Parameters
    ----------
    name : str
        As in the manifest: ``air_quality/city_month``.
    data_dir : str or Path
        The data folder.

    Returns
    -------
    frame : pandas.DataFrame (rows,)
        Columns with the manifest's kinds: text, integer (int64) or number (float64).
    info : TableInfo
        Source, licence, units and checksum.

    Raises
    ------
    DataError
        No such table, or the file is absent or is not the one that the manifest describes.
    """
    manifest = load_manifest(data_dir)
    table = manifest[name]
    return _checked(table, manifest.folder), table


def _checked(table: TableInfo, folder: Path) -> pd.DataFrame:
    path = folder / table.path
    require_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"the table {table.name} cannot be read",
            where=f"{path}: {error.strerror or error}",
            expected=f"a file with sha256 {table.sha256}",
            fix=table.restore,
        ) from None
    found = sha256_of(content)
    if found != table.sha256:
        raise DataError(
            f"the table {table.name} is not the one that the manifest describes",
            where=f"{path}: sha256 {found}",
            expected=f"sha256 {table.sha256}",
            # a table that is kept by hand grows: nobody may be told to throw the new rows away
            fix=f"where the change is meant, write the new sha256 and rows into {MANIFEST}; where it is not: "
            f"{table.restore}"
            if table.made_by == "hand"
            else table.restore,
        )
    names = [column.name for column in table.columns]
    types: Any = {column.name: _TYPES[column.kind] for column in table.columns}
    try:
        frame = pd.read_csv(
            io.BytesIO(content), dtype=types, encoding="utf-8", keep_default_na=False, na_values=[""]
        )
    except (ValueError, pd.errors.ParserError) as error:
        explain_kinds(content, {column.name: column.kind for column in table.columns}, path)
        raise DataError(
            f"the table {table.name} does not have the kinds of columns that the manifest gives",
            where=f"{path}: {error}",
            fix=table.restore,
        ) from None
    if list(frame.columns) != names or len(frame) != table.rows:
        raise DataError(
            f"the table {table.name} does not have the columns or rows that the manifest gives",
            where=f"{path}: {len(frame)} rows of {shortlist(frame.columns, most=20)}",
            expected=f"{table.rows} rows of {', '.join(names)}",
            fix=table.restore,
        )
    for column in table.columns:
        if column.kind == "text":
            frame[column.name] = frame[column.name].fillna("")
    refuse_spaces(frame, path)
    return frame


def _as_dict(table: TableInfo) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": table.name,
        "path": table.path,
        "sha256": table.sha256,
        "rows": table.rows,
        "simulated": table.simulated,
        "made_by": table.made_by,
        "title": dict(table.title),
        "source": dict(table.source),
        "licence": dict(table.licence),
    }
    if table.raw is not None:
        entry["raw"] = {"name": table.raw.name, "sha256": table.raw.sha256}
    if table.counts:
        entry["counts"] = _plain(table.counts)
    entry["columns"] = [
        {
            "name": column.name,
            "kind": column.kind,
            "unit": dict(column.unit),
            "description": dict(column.description),
        }
        for column in table.columns
    ]
    return entry


def _plain(value: Any) -> Any:
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, Mapping) else value


def _from_dict(entry: Mapping[str, Any]) -> TableInfo:
    path = PurePosixPath(entry["path"])
    if path.is_absolute() or ".." in path.parts:
        raise TypeError(f"path {entry['path']!r} leaves the data folder")
    columns = []
    for column in entry["columns"]:
        if column["kind"] not in _TYPES:
            raise TypeError(f"kind {column['kind']!r} of column {column['name']}")
        columns.append(
            Column(column["name"], column["kind"], _words(column, "unit"), _words(column, "description"))
        )
    raw = entry.get("raw")
    return TableInfo(
        name=entry["name"],
        path=path.as_posix(),
        sha256=entry["sha256"],
        rows=entry["rows"],
        title=_words(entry, "title"),
        source=_words(entry, "source"),
        licence=_words(entry, "licence"),
        made_by=entry["made_by"],
        columns=tuple(columns),
        raw=RawFile(raw["name"], raw["sha256"]) if raw is not None else None,
        counts=entry.get("counts", {}),
        simulated=bool(entry["simulated"]),
    )


def _words(entry: Mapping[str, Any], key: str) -> Words:
    words = entry[key]
    return {language: words[language] for language in ("en", "zh")}
