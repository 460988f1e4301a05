"""A city's own export of approval cases to a committed table, by a file of settings; no code is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field, field_validator

from evaluation.errors import DataError, shortlist
from evaluation.sources.approvals.columns import measured_columns, mix_columns
from evaluation.sources.approvals.mix import decompose, fixed_mix
from evaluation.sources.approvals.panel import CaseCounts, count_cases, measures
from evaluation.sources.build import BuildSummary, publish
from evaluation.sources.manifest import Column, TableInfo, Words
from evaluation.sources.reading import RawFile, sha256_of
from evaluation.sources.settings import Named, Strict, first_months, mapped, named, read_settings
from evaluation.sources.tables import csv_bytes

NAME = "approvals_cases"
EVERYWHERE = "全市"


class Import(Strict):
    """The settings of an import.

    Attributes
    ----------
    table : str
        Name of the committed table, ending in ``_month``; the decomposition stands beside it in ``_mix``.
    records : str
        File or folder of the export, relative to the settings.
    as_of : str
        Day of the export.
    horizon : int
        Working days up to which means are restricted.
    base_months : int
        Months from the first on whose items are held fixed.
    columns : mapping
        Our field to the export's header, where it differs from the usual one.
    adopted : mapping of str to str
        District to the first month of the measure; districts that are not named never had it.
    names_en : mapping of str to str
        District to its name on English pages.
    """

    table: str = Field(pattern=r"^[a-z0-9_]+/[a-z0-9_]+_month$")
    records: str
    as_of: str
    horizon: int = Field(default=40, ge=1)
    base_months: int = Field(default=12, ge=1)
    columns: dict[str, str | list[str]] = Field(default_factory=dict)
    adopted: dict[str, str] = Field(default_factory=dict)
    names_en: dict[str, str] = Field(default_factory=dict)
    title: Named
    source: Named
    licence: Named

    @field_validator("as_of", mode="before")
    @classmethod
    def _day(cls, value: Any) -> str:
        try:
            return f"{pd.Timestamp(value):%Y-%m-%d}"
        except (ValueError, TypeError):
            raise ValueError("expected a day such as 2016-12-31") from None

    _months = field_validator("adopted", mode="before")(first_months)


def build_cases(raw: Path, out_dir: Path, *, skip_broken: bool = False) -> BuildSummary:
    """Make the table of a city's own export, by a file of settings or ``[import]`` of a study file.

    Parameters
    ----------
    raw : Path
        The file of settings, or the study file.
    out_dir : Path
        The data folder. Counts of each file are kept in ``build/cases`` beside it, so that a file that did
        not change is not read again.
    skip_broken : bool
        Pass over files that cannot be read; the manifest and the page then say so.

    Raises
    ------
    DataError, OutputError
        See `evaluation.sources.settings.read_settings`, `evaluation.sources.approvals.count_cases` and
        `evaluation.sources.tables.write_together`.
    """
    settings = read_settings(raw, Import)
    counted = count_cases(
        raw.parent / settings.records,
        settings.as_of,
        mapped(settings.columns, raw),
        cache=out_dir.absolute().parent / "build" / "cases",
        skip_broken=skip_broken,
    )
    origin = folder_of(counted, Path(settings.records).name)
    known = set(counted.cells["district"])
    absent = [place for place in (*settings.adopted, *settings.names_en) if place not in known]
    if absent:
        raise DataError(
            f"the settings name districts without a case: {shortlist(absent)}",
            where=f"{raw}: adopted, names_en",
            expected=f"one of {shortlist(sorted(known), 20)}",
            fix="write the names as the records do",
        )
    made_by = f"evaluation data build {NAME} --raw {named(raw)}"
    panel, columns = panel_of(counted, settings.horizon, settings.base_months)
    panel.insert(1, "name_en", [settings.names_en.get(place, place) for place in panel["district"]])
    panel.insert(3, "adopted", [settings.adopted.get(place, "") for place in panel["district"]])
    words = {key: getattr(settings, key).model_dump() for key in ("title", "source", "licence")}
    files = [entry(settings.table, panel, columns, counted, origin, made_by, words)]
    mix = mix_of(counted, settings.horizon, settings.base_months)
    if mix is not None:
        name = settings.table.removesuffix("_month") + "_mix"
        files.append(entry(name, *mix, counted, origin, made_by, words))
    return published(NAME, counted, origin, files, out_dir)


def published(
    name: str, counted: CaseCounts, origin: RawFile, files: list[tuple[TableInfo, bytes]], out_dir: Path
) -> BuildSummary:
    """Write tables of counted cases, and say what was done."""
    changed = publish(files, out_dir)
    return BuildSummary(
        name=name,
        raw=origin,
        rows_read=counted.counts["rows_read"],
        dropped=counted.reasons,
        missing={},
        tables=tuple(info for info, _ in files),
        changed=changed,
        notes=notes_of(counted),
    )


def notes_of(counted: CaseCounts) -> tuple[str, ...]:
    """For the person at the command line: rows set aside, files passed over, files not read again."""
    rows = [f"set aside: {r.file} row {r.row}: {r.reason}" for r in counted.set_aside.head(20).itertuples()]
    broken = [f"passed over {item.name}: {item.what}" for item in counted.broken]
    kept = [f"{len(counted.cached)} files had not changed"] if counted.cached else []
    return (*rows, *broken, *kept)


def folder_of(counted: CaseCounts, name: str) -> RawFile:
    """A file's checksum, or a folder's: that of the sorted lines ``sha256  name``."""
    if len(counted.files) == 1:
        return counted.files[0]
    lines = "\n".join(f"{file.sha256}  {file.name}" for file in counted.files)
    return RawFile(name, sha256_of(lines.encode()))


def panel_of(counted: CaseCounts, horizon: int, base_months: int) -> tuple[pd.DataFrame, tuple[Column, ...]]:
    """Measures by district and month with the mix held fixed, and the columns as the manifest has them."""
    first = counted.cells["month"].min()
    fixed = fixed_mix(counted.cells, horizon, [first + k for k in range(base_months)])
    panel = measures(counted.cells, horizon).merge(fixed.drop(columns="raw"), on=["district", "month"])
    panel = panel.rename(columns={"fixed": "fixed_mean", "fixed_se": "fixed_mean_se", "weight": "mix_weight"})
    return panel.assign(month=panel["month"].astype(str)), measured_columns(horizon, str(first), base_months)


def mix_of(
    counted: CaseCounts, horizon: int, base_months: int
) -> tuple[pd.DataFrame, tuple[Column, ...]] | None:
    """The change from the base months to as many last ones, taken apart; None for too short a record."""
    city = measures(counted.cells, horizon, ["month"])
    first = city["month"].min()
    last = city.loc[city["restricted_mean"].notna(), "month"].max()
    if pd.isna(last) or (last - first).n + 1 < 2 * base_months:
        return None
    spans = ([first + k for k in range(base_months)], [last - k for k in range(base_months)][::-1])
    parts = pd.concat(
        [
            decompose(counted.cells, horizon, *spans).frame.assign(district=EVERYWHERE),
            decompose(counted.cells, horizon, *spans, by=["district"]).frame,
        ],
        ignore_index=True,
    )
    columns = mix_columns(spans)
    return parts[[column.name for column in columns]], columns


def entry(
    name: str,
    table: pd.DataFrame,
    columns: tuple[Column, ...],
    counted: CaseCounts,
    origin: RawFile,
    made_by: str,
    words: dict[str, Words],
    *,
    simulated: bool = False,
) -> tuple[TableInfo, bytes]:
    """A committed table with its entry in the manifest."""
    table = table[[column.name for column in columns]]
    content = csv_bytes(table, {column.name: 6 for column in columns if column.kind == "number"})
    counts: dict[str, object] = {**counted.counts, "rows_set_aside": counted.reasons}
    if counted.broken:
        counts["files_passed_over"] = {item.name: item.what for item in counted.broken}
    info = TableInfo(
        name=name,
        path=f"{name}.csv",
        sha256=sha256_of(content),
        rows=len(table),
        made_by=made_by,
        columns=columns,
        raw=origin,
        counts=counts,
        simulated=simulated,
        title=words["title"],
        source=words["source"],
        licence=words["licence"],
    )
    return info, content
