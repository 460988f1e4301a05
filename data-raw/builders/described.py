"""What the manifest says of the tables that a builder makes: read from the TOML file beside the builder."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.sources.manifest import Column, TableInfo, Words
from evaluation.sources.reading import RawFile, sha256_of

_NONE: Words = {"en": "", "zh": ""}


class Described:
    """Titles, sources, licences and columns of a builder's tables.

    Parameters
    ----------
    name : str
        Of the file: ``castle`` for ``castle.toml``.

    Attributes
    ----------
    columns : dict of str to tuple of Column
        Of each table, in the order of its file: those of ``[columns]``, or the table's ``own`` where a name
        means another thing there.
    """

    def __init__(self, name: str) -> None:
        path = Path(__file__).with_name(f"{name}.toml")
        self._name = name
        self._file: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        self.columns: dict[str, tuple[Column, ...]] = {
            table: tuple(self._column(column, said.get("own", {})) for column in said["columns"])
            for table, said in self._file["tables"].items()
        }

    def _column(self, name: str, own: Mapping[str, Any]) -> Column:
        said = own.get(name) or self._file["columns"][name]
        return Column(name, said["kind"], said.get("unit", _NONE), said["description"])

    def names(self, table: str) -> list[str]:
        """Columns of a table in the order of its file."""
        return [column.name for column in self.columns[table]]

    def known(self, raw: RawFile) -> bool:
        """Whether this is the raw record that the committed tables are about."""
        return bool(raw.sha256 == self._file["known_raw"])

    def table_info(
        self,
        table: str,
        content: bytes,
        rows: int,
        *,
        raw: RawFile | None,
        counts: Mapping[str, Any],
        name: str | None = None,
        simulated: bool = False,
    ) -> TableInfo:
        """The manifest's entry of a table with this content; without a raw record it was typed by hand.

        The source names the record that the project was checked against; ``other_record`` stands in its place
        where the raw file has another checksum. `name` is the builder's, where it is not the file's.
        """
        said = self._file["tables"][table]
        source: Words = said["source"]
        if raw is not None and "record" in self._file and not self.known(raw):
            record, other = self._file["record"], self._file["other_record"]
            source = {
                language: text.replace(record[language], other[language]) for language, text in source.items()
            }
        return TableInfo(
            name=table,
            path=f"{table}.csv",
            sha256=sha256_of(content),
            rows=rows,
            title=said["title"],
            source=source,
            licence=said["licence"],
            made_by="hand" if raw is None else f"evaluation data build {name or self._name} --raw {raw.name}",
            columns=self.columns[table],
            raw=raw,
            counts=counts,
            simulated=simulated,
        )
