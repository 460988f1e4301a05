"""The manifest of a data folder's tables: where each comes from, its units, and its checksum.

An entry serves and does not block: a table without one is used, and said to be unregistered; an entry that is
wrong breaks the studies that use its table, and no other; only name, path, checksum and rows are needed.
"""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import pandas as pd
import tomli_w

from evaluation.errors import DataError, shortlist
from evaluation.sources.files import ENDINGS, kind_of, read_file
from evaluation.sources.reading import RawFile, explain_kinds, refuse_spaces, require_file, sha256_of
from evaluation.sources.shaping import Shape, shaped

MANIFEST = "manifest.toml"
ADDED = "evaluation data add"
"""What made a table that a user gave as a file."""
FORMAT = 1
Kind = Literal["text", "integer", "number", "date"]
Words = Mapping[str, str]
"""A text in both languages: keys ``en`` and ``zh``."""

_TYPES: Mapping[str, str] = {
    "text": "str",
    "integer": "int64",
    "number": "float64",
    "date": "datetime64[us]",
}
UNSTATED: Mapping[str, Words] = {
    "source": {"en": "source not stated", "zh": "未注明来源"},
    "licence": {"en": "licence not stated", "zh": "未注明许可"},
}
UNREGISTERED: Words = {
    "en": "not registered: no source, licence or unit stated",
    "zh": "未登记：未注明来源、许可和单位",
}
"""What a page says of a table that the manifest does not know, in the place of its source."""


class Plain(dict[str, str]):
    """A text that was written once, for readers of every language."""

    def __init__(self, text: str) -> None:
        super().__init__(en=text, zh=text)


@dataclass(frozen=True)
class Column:
    """One column of a table: what it holds and in which unit (empty text: none, or not stated)."""

    name: str
    kind: Kind
    unit: Words = field(default_factory=lambda: Plain(""))
    description: Words = field(default_factory=lambda: Plain(""))


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
        Those that are described, in the order of the file.
    raw : RawFile, optional
        The raw file it was made from.
    counts : mapping
        What was read, dropped and set to missing on the way, by reason.
    simulated : bool
        Whether the figures are simulated.
    registered : bool
        Whether the manifest has an entry, without which no source, licence or unit is stated.
    shape : Shape
        How the file becomes the table: sheet, lines above the header, a wide table made long, rows combined.
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
    registered: bool = True
    shape: Shape = field(default_factory=Shape)

    @property
    def units(self) -> dict[str, Words]:
        """Unit of every column that is described, in both languages."""
        return {column.name: column.unit for column in self.columns}

    @property
    def restore(self) -> str:
        """What to do when the file is absent or changed."""
        if self.made_by == ADDED:
            return (
                "put the file back; or, where the new one is meant: evaluation data add FILE "
                f"--name {self.name} --replace"
            )
        checkout = f"git checkout -- data/{self.path}"
        return checkout if self.made_by == "hand" else f"{checkout}, or rebuild it: {self.made_by}"


@dataclass(frozen=True)
class Manifest:
    """All tables of a data folder that the manifest knows.

    Attributes
    ----------
    folder : Path
    tables : tuple of TableInfo
    broken : mapping
        Name of a table to what is wrong with its entry.
    """

    folder: Path
    tables: tuple[TableInfo, ...]
    broken: Mapping[str, DataError] = field(default_factory=dict)

    def __getitem__(self, name: str) -> TableInfo:
        if name in self.broken:
            raise self.broken[name]
        for table in self.tables:
            if table.name == name:
                return table
        path = self.lying(name)
        if path is not None:
            return TableInfo(
                name=name,
                path=path.relative_to(self.folder).as_posix(),
                sha256="",
                rows=0,
                title=Plain(name),
                source=UNREGISTERED,
                licence=UNSTATED["licence"],
                made_by=ADDED,
                columns=(),
                registered=False,
            )
        known = sorted({table.name for table in self.tables} | set(self.unregistered()))
        raise DataError(
            f"there is no table {name!r}",
            where=str(self.folder / MANIFEST),
            expected="one of " + shortlist(known, 30) if known else "a table in the data folder",
            fix="correct the name; or add the table: evaluation data add FILE, or evaluation data build",
        )

    def lying(self, name: str) -> Path | None:
        """The file of a table that has no entry: its name with an ending, or with any ending that is read."""
        if not name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            return None
        for path in (self.folder / name, *(self.folder / f"{name}{ending}" for ending in ENDINGS)):
            if path.is_file() and path.name.lower().endswith(ENDINGS):
                return path
        return None

    def unregistered(self) -> list[str]:
        """Files in the folder that can be read as tables and have no entry, as studies name them."""
        known = {table.path for table in self.tables}
        found = []
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            ending = next((one for one in ENDINGS if name.lower().endswith(one)), None)
            if ending and ending != ".txt" and name not in known and path.is_file():
                found.append(name[: -len(ending)])
        return found

    def verify(self) -> list[DataError]:
        """Compare every table with what the manifest says; an empty list means that all agree.

        Returns
        -------
        list of DataError
            One a fault: an entry that is wrong, a file absent, a checksum, the columns or the number of rows
            that differ.
        """
        problems: list[DataError] = list(self.broken.values())
        for table in self.tables:
            try:
                _checked(table, self.folder)
            except DataError as problem:
                problems.append(problem)
        return problems

    def with_tables(self, tables: Iterable[TableInfo]) -> Manifest:
        """The manifest with these tables added, or put in place of those of the same name."""
        kept = {table.name: table for table in self.tables}
        kept.update({table.name: table for table in tables})
        return Manifest(self.folder, tuple(kept[name] for name in sorted(kept)))

    def without(self, name: str) -> Manifest:
        """The manifest without a table."""
        return Manifest(self.folder, tuple(table for table in self.tables if table.name != name))

    def to_bytes(self) -> bytes:
        """The manifest's TOML file; the same manifest gives the same bytes."""
        tables = [_as_dict(table) for table in self.tables]
        return tomli_w.dumps({"format": FORMAT, "tables": tables}).encode("utf-8")


def load_manifest(data_dir: str | Path) -> Manifest:
    """Read ``manifest.toml`` of a data folder.

    A folder without the file has a manifest without entries. An entry that is wrong is kept under
    ``broken``: asking for its table raises what is wrong with it.

    Raises
    ------
    DataError
        The file cannot be read, or is not TOML as a whole.
    """
    folder = Path(data_dir)
    path = folder / MANIFEST
    try:
        text = path.read_bytes().decode("utf-8")
        loaded = tomllib.loads(text)
    except FileNotFoundError:
        return Manifest(folder, ())
    except OSError as error:
        raise DataError(
            "the manifest of the tables cannot be read", where=f"{path}: {error.strerror or error}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(
            "the manifest is not valid TOML", where=f"{path}: {error}", fix="correct that line"
        ) from None
    if loaded.get("format") != FORMAT:
        raise DataError(
            f"the manifest has format {loaded.get('format')!r}",
            where=str(path),
            expected=f"format = {FORMAT}",
            fix=f"write format = {FORMAT} in its first line",
        )
    entries = loaded.get("tables", [])
    if not isinstance(entries, list):
        raise DataError(
            "'tables' is not a list", where=str(path), expected="an entry [[tables]] for each table"
        )
    tables: list[TableInfo] = []
    broken: dict[str, DataError] = {}
    for position, entry in enumerate(entries, start=1):
        name = entry.get("name") if isinstance(entry, dict) else None
        label = name if isinstance(name, str) and name else f"number {position}"
        try:
            if any(table.name == label for table in tables):
                raise _Wrong("name", f"two entries have the name {label!r}", "a name of its own")
            tables.append(_from_dict(entry))
        except _Wrong as error:
            line = _line_of(text, position, error.key)
            broken[label] = DataError(
                f"the entry of the table {label} is wrong: {error.what}",
                where=f"{path}, line {line}, key {error.key}",
                expected=error.expected,
                fix=f"correct that line of {MANIFEST}, or take the entry out: the table is used without one",
            )
    return Manifest(folder, tuple(tables), broken)


class _Wrong(Exception):
    """What is wrong with a key of an entry."""

    def __init__(self, key: str, what: str, expected: str) -> None:
        self.key, self.what, self.expected = key, what, expected


def _line_of(text: str, position: int, key: str) -> int:
    """The line of a key in the entry with this number, or of the entry's head where the key is absent."""
    parts = key.split(".")
    head, seen, columns, inside = 1, 0, 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if bare.startswith("[[tables]]"):
            seen, inside, columns = seen + 1, "", 0
            head = number if seen == position else head
        elif bare.startswith("[") and seen == position:
            inside = bare.strip("[]").removeprefix("tables.")
            columns += bare.startswith("[[tables.columns]]")
            if inside == key or (parts[0] == "columns" and parts[1:2] == [str(columns)] and len(parts) == 2):
                return number
        elif seen == position:
            where = f"columns.{columns}" if inside.startswith("columns") else inside
            if where == ".".join(parts[:-1]) and re.match(rf'"?{re.escape(parts[-1])}"?\s*=', bare):
                return number
    return head


def read_table(name: str, data_dir: str | Path) -> tuple[pd.DataFrame, TableInfo]:
    """A table and what the manifest says of it, after its checksum was compared where one was stated.

    Parameters
    ----------
    name : str
        As in the manifest: ``air_quality/city_month``; or a file of the data folder, with or without its
        ending.
    data_dir : str or Path
        The data folder.

    Returns
    -------
    frame : pandas.DataFrame (rows,)
        Columns with the manifest's kinds: text, integer (int64), number (float64) or date; those that are
        not described as they were read.
    info : TableInfo
        Source, licence, units and checksum; of a table without an entry the checksum, rows and columns that
        were found, and ``registered`` False.

    Raises
    ------
    DataError
        No such table, or the file is absent or is not the one that the manifest describes.
    """
    manifest = load_manifest(data_dir)
    table = manifest[name]
    frame, found = _checked(table, manifest.folder)
    return frame, found


def described(frame: pd.DataFrame) -> tuple[Column, ...]:
    """Columns of a table with the kinds that they have, nothing said of units."""
    return tuple(Column(str(name), kind_of(frame[name])) for name in frame.columns)  # type: ignore[arg-type]


def _checked(table: TableInfo, folder: Path) -> tuple[pd.DataFrame, TableInfo]:
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
    if not table.registered:
        frame = shaped(read_file(path, content).frame, table.shape, str(path))
        return frame, replace(table, sha256=found, rows=len(frame), columns=described(frame))
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
    whole = table.made_by != ADDED and content[: content.find(b"\n")].decode("utf-8", "replace").strip()
    if path.suffix == ".csv" and whole == ",".join(names):
        frame = _plain_csv(table, path, content)
    else:
        shape = table.shape
        read = read_file(path, content, sheet=shape.sheet or None, skip_rows=shape.skip_rows)
        frame = _as_described(shaped(read.frame, shape, str(path)), table, path)
    if not set(names) <= set(frame.columns) or len(frame) != table.rows:
        raise DataError(
            f"the table {table.name} does not have the columns or rows that the manifest gives",
            where=f"{path}: {len(frame)} rows of {shortlist(frame.columns, most=20)}",
            expected=f"{table.rows} rows of {', '.join(names)}",
            fix=table.restore,
        )
    return frame, table


def _plain_csv(table: TableInfo, path: Path, content: bytes) -> pd.DataFrame:
    """A table as the project writes them: UTF-8, separated by commas, every column described."""
    types: Any = {column.name: _TYPES[column.kind] for column in table.columns}
    try:
        frame = pd.read_csv(
            io.BytesIO(content), dtype=types, encoding="utf-8", keep_default_na=False, na_values=[""]
        )
    except (ValueError, pd.errors.ParserError) as error:
        explain_kinds(content, {column.name: column.kind for column in table.columns}, path)
        raise _other_kinds(table, path, error) from None
    for column in table.columns:
        if column.kind == "text":
            frame[column.name] = frame[column.name].fillna("")
    refuse_spaces(frame, path)
    return frame


def _as_described(frame: pd.DataFrame, table: TableInfo, path: Path) -> pd.DataFrame:
    """A table that a user gave, the columns that are described in the kinds that are stated."""
    made = {}
    for column in table.columns:
        if column.name not in frame:
            continue
        values = frame[column.name]
        try:
            if column.kind == "text":
                made[column.name] = values.map(str, na_action="ignore").astype("object").fillna("")
            elif column.kind == "integer" and values.isna().any():
                raise ValueError(f"column {column.name} has empty cells, and 'integer' allows none")
            else:
                made[column.name] = values.astype(_TYPES[column.kind])  # type: ignore[call-overload]
        except (ValueError, TypeError) as error:
            raise _other_kinds(table, path, error) from None
    return frame.assign(**made)


def _other_kinds(table: TableInfo, path: Path, error: Exception) -> DataError:
    return DataError(
        f"the table {table.name} does not have the kinds of columns that the manifest gives",
        where=f"{path}: {error}",
        fix=table.restore,
    )


def _as_dict(table: TableInfo) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": table.name,
        "path": table.path,
        "sha256": table.sha256,
        "rows": table.rows,
        "simulated": table.simulated,
        "made_by": table.made_by,
        "title": _written(table.title),
        "source": _written(table.source),
        "licence": _written(table.licence),
    }
    for key, unstated in UNSTATED.items():
        if entry[key] == unstated:
            del entry[key]
    if table.raw is not None:
        entry["raw"] = {"name": table.raw.name, "sha256": table.raw.sha256}
    if table.counts:
        entry["counts"] = _plain(table.counts)
    if table.shape != Shape():
        entry["read"] = table.shape.as_dict()
    entry["columns"] = []
    for column in table.columns:
        texts = {"unit": _written(column.unit), "description": _written(column.description)}
        kept = {key: text for key, text in texts.items() if text != ""}
        entry["columns"].append({"name": column.name, "kind": column.kind, **kept})
    return entry


def _written(words: Words) -> str | dict[str, str]:
    return words["en"] if isinstance(words, Plain) else dict(words)


def _plain(value: Any) -> Any:
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, Mapping) else value


def _from_dict(entry: Any) -> TableInfo:
    if not isinstance(entry, dict):
        raise _Wrong("tables", "it is not a table of keys", "an entry [[tables]]")
    for key, kind, expected in (
        ("name", str, "the table's name"),
        ("path", str, "the file's path below the data folder"),
        ("sha256", str, "the checksum of the file's bytes"),
        ("rows", int, "the number of rows below the header"),
    ):
        if key not in entry:
            raise _Wrong(key, f"the key {key!r} is missing", expected)
        if not isinstance(entry[key], kind) or isinstance(entry[key], bool):
            raise _Wrong(key, f"{key} is {entry[key]!r}", expected)
    path = PurePosixPath(entry["path"])
    if path.is_absolute() or ".." in path.parts:
        raise _Wrong(
            "path", f"path {entry['path']!r} leaves the data folder", "a path inside the data folder"
        )
    raw = entry.get("raw")
    if raw is not None and not (isinstance(raw, dict) and {"name", "sha256"} <= raw.keys()):
        raise _Wrong("raw", "raw is not a table with name and sha256", "name and sha256 of the raw file")
    listed = entry.get("columns", [])
    if not isinstance(listed, list):
        raise _Wrong("columns", "columns is not a list", "an entry [[tables.columns]] for each column")
    try:
        shape = Shape.from_dict(entry.get("read", {}))
    except (TypeError, ValueError) as error:
        raise _Wrong("read", str(error), "sheet, skip_rows, wide, aggregate") from None
    return TableInfo(
        name=entry["name"],
        path=path.as_posix(),
        sha256=entry["sha256"],
        rows=entry["rows"],
        title=_words(entry, "title", Plain(entry["name"])),
        source=_words(entry, "source", UNSTATED["source"]),
        licence=_words(entry, "licence", UNSTATED["licence"]),
        made_by=str(entry.get("made_by", "hand")),
        columns=tuple(_column(column, i) for i, column in enumerate(listed, start=1)),
        raw=RawFile(raw["name"], raw["sha256"]) if raw is not None else None,
        counts=entry.get("counts", {}),
        simulated=bool(entry.get("simulated", False)),
        shape=shape,
    )


def _column(column: Any, number: int) -> Column:
    at = f"columns.{number}"
    if not isinstance(column, dict) or not isinstance(column.get("name"), str):
        raise _Wrong(f"{at}.name", f"column {number} has no name", "the column's name in the file's header")
    kind: Any = column.get("kind")
    if kind not in _TYPES:
        said = "is missing" if kind is None else f"is {kind!r}"
        raise _Wrong(
            f"{at}.kind", f"the kind of column {column['name']} {said}", "one of " + ", ".join(_TYPES)
        )
    empty = Plain("")
    return Column(
        column["name"],
        kind,
        _words(column, "unit", empty, f"{at}."),
        _words(column, "description", empty, f"{at}."),
    )


def _words(entry: Mapping[str, Any], key: str, absent: Words, at: str = "") -> Words:
    """A text written once for all readers, or in one language or more."""
    given = entry.get(key, absent)
    if isinstance(given, str):
        return Plain(given)
    if not isinstance(given, Mapping) or not all(isinstance(given.get(x, ""), str) for x in ("en", "zh")):
        raise _Wrong(f"{at}{key}", f"{key} is {given!r}", "a text, or a table of texts in en, zh or both")
    if given is absent:
        return absent
    first = given.get("en", given.get("zh"))
    if first is None:
        raise _Wrong(f"{at}{key}", f"{key} has neither en nor zh", "a text, or a table of texts in en or zh")
    both = {language: given.get(language, first) for language in ("en", "zh")}
    return both if {"en", "zh"} <= given.keys() else Plain(first)
