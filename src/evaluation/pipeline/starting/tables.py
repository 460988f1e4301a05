"""A user's file as a table of the project: copied as it is, and entered in the manifest."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from evaluation.errors import DataError, StudyError
from evaluation.pipeline.site import shown, write_together
from evaluation.sources.files import ENDINGS, SheetError, ending_of, read_file
from evaluation.sources.findings import CannotTell
from evaluation.sources.manifest import (
    ADDED,
    MANIFEST,
    UNSTATED,
    Manifest,
    Plain,
    TableInfo,
    described,
    load_manifest,
)
from evaluation.sources.reading import sha256_of
from evaluation.sources.shaping import Shape, shaped

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True)
class Given:
    """A file that was read, and what it becomes in the project.

    Attributes
    ----------
    path : Path
    content : bytes
    frame : pandas.DataFrame
    how : str
        What was read, in words.
    """

    path: Path
    content: bytes
    frame: pd.DataFrame
    how: str
    shape: Shape

    @classmethod
    def read(cls, path: Path, sheet: str | None, skip_rows: int) -> Given:
        """Read a file.

        Raises
        ------
        CannotTell
            A workbook of several sheets, none of which was named.
        DataError
            It cannot be read.
        """
        ending_of(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(
                "the file cannot be read",
                where=f"{path}: {error.strerror or error}",
                fix="check the path",
            ) from None
        try:
            read = read_file(path, content, sheet=sheet, skip_rows=skip_rows)
        except SheetError as error:
            raise CannotTell(error.what, "--sheet NAME", where=error.where) from None
        return cls(path, content, read.frame, read.how, Shape(sheet=read.sheet, skip_rows=skip_rows))

    def shaped(self, shape: Shape) -> Given:
        """The same, wide made long and rows combined."""
        shape = replace(shape, sheet=self.shape.sheet, skip_rows=self.shape.skip_rows)
        return replace(self, frame=shaped(self.frame, shape, str(self.path)), shape=shape)

    def entry(self, name: str, before: TableInfo | None = None) -> TableInfo:
        """What the manifest says of it: of a table before it what people wrote, the rest of this file."""
        columns = described(self.frame)
        if before is not None:
            known = {column.name: column for column in before.columns}
            columns = tuple(
                replace(known[one.name], kind=one.kind) if one.name in known else one for one in columns
            )
        fresh = TableInfo(
            name=name,
            path=f"{name}{ending_of(self.path)}",
            sha256=sha256_of(self.content),
            rows=len(self.frame),
            title=Plain(self.path.name),
            source=UNSTATED["source"],
            licence=UNSTATED["licence"],
            made_by=ADDED,
            columns=columns,
            shape=self.shape,
        )
        if before is None:
            return fresh
        return replace(
            before,
            path=fresh.path,
            sha256=fresh.sha256,
            rows=fresh.rows,
            columns=columns,
            shape=self.shape,
            made_by=ADDED,
            raw=None,
            counts={},
        )


def require_name(name: str, what: str = "a study") -> None:
    """Refuse a name that is not plain.

    Raises
    ------
    StudyError
    """
    if not NAME.match(name):
        raise StudyError(
            f"{name!r} cannot name {what}", expected="small letters, digits and underscores, a letter first"
        )


def lying(manifest: Manifest, name: str) -> list[Path]:
    """Files of a table with this name, entered or not."""
    found = {manifest.folder / table.path for table in manifest.tables if table.name == name}
    found |= {manifest.folder / f"{name}{ending}" for ending in ENDINGS}
    return sorted(path for path in found if path.is_file())


def files_of(given: Given, manifest: Manifest, entry: TableInfo) -> dict[Path, str | bytes]:
    """What is written for a table: its file as it was given, and the manifest."""
    folder = manifest.folder
    if manifest.broken:
        first = next(iter(manifest.broken.values()))
        raise DataError(
            "the manifest has an entry that is wrong, so it cannot be written anew",
            where=first.where,
            expected=first.expected,
            fix="correct it first: " + first.what,
        )
    files: dict[Path, str | bytes] = {folder / MANIFEST: manifest.with_tables([entry]).to_bytes()}
    target = folder / entry.path
    if not (target.is_file() and target.read_bytes() == given.content):
        files[target] = given.content
    return files


def drop_others(manifest: Manifest, entry: TableInfo) -> None:
    """Remove files of a replaced table that had another ending."""
    for path in lying(manifest, entry.name):
        if path != manifest.folder / entry.path:
            path.unlink(missing_ok=True)


def add_table(
    root: Path, path: Path, name: str | None, *, replace_it: bool, sheet: str | None, skip_rows: int | None
) -> list[str]:
    """Enter a file as a table of the project.

    Returns
    -------
    list of str
        What was found and written.

    Raises
    ------
    StudyError
        No plain name can be made of the file's, or a table of that name stands already.
    DataError
        The file cannot be read.
    """
    ending = ending_of(path)
    if name is None:
        name = path.name[: -len(ending)].lower()
        if not NAME.match(name):
            raise CannotTell(f"{path.name!r} does not make a plain name for a table", "--name NAME")
    require_name(name, "a table")
    manifest = load_manifest(root / "data")
    before = next((table for table in manifest.tables if table.name == name), None)
    shape = before.shape if before is not None else Shape()
    given = Given.read(
        path, sheet or shape.sheet or None, shape.skip_rows if skip_rows is None else skip_rows
    )
    given = given.shaped(shape)
    if before is not None and before.sha256 == sha256_of(given.content) and given.shape == shape:
        return [f"{name} is the same as before: sha256 {before.sha256[:12]}, nothing to do"]
    held = lying(manifest, name)
    target = root / "data" / f"{name}{ending}"
    own = len(held) == 1 and before is None and held[0].resolve() == path.resolve()
    if (before is not None or held) and not (replace_it or own):
        raise StudyError(
            f"a table {name!r} stands already",
            where=", ".join(map(shown, held)) or f"data/{MANIFEST}",
            fix="give --replace to put this file in its place, or another --name",
        )
    entry = given.entry(name, before)
    write_together(files_of(given, manifest, entry))
    drop_others(manifest, entry)
    kinds = ", ".join(f"{column.name} ({column.kind})" for column in entry.columns)
    unstated = [column.name for column in entry.columns if column.kind in ("number", "integer")]
    said = [f"read {path}: {given.how}", f"rows       {entry.rows:,}", f"columns    {kinds}"]
    if before is not None:
        said.append(f"before     {before.rows:,} rows, sha256 {before.sha256[:12]}")
    open_units = [one.name for one in entry.columns if one.name in unstated and not one.unit["en"]]
    if open_units:
        said.append(
            f"left open  units of {', '.join(open_units[:8])}{' …' if len(open_units) > 8 else ''}, source "
            f"and licence: write them in data/{MANIFEST}"
        )
    return [
        *said,
        f"wrote {shown(target)}, sha256 {entry.sha256[:12]}",
        f"wrote {shown(root / 'data' / MANIFEST)}",
    ]
