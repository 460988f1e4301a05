"""From a city's export to a committed table of counts, by the settings of one file.

``evaluation data build crime_incidents --raw FILE.toml``: the file says where the records lie, under which
headers, by which maps they are read and which months are counted. A city needs no Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from evaluation.errors import DataError, shortlist
from evaluation.sources.build import BuildSummary, publish
from evaluation.sources.exports import Columns
from evaluation.sources.incidents.counting import IncidentCounts, Rules, count_incidents
from evaluation.sources.incidents.disclosure import share
from evaluation.sources.incidents.layout import read_offences, read_places, read_population
from evaluation.sources.manifest import Column, TableInfo, Words
from evaluation.sources.reading import RawFile, sha256_of
from evaluation.sources.settings import Named, Strict, first_months, mapped, named, read_settings
from evaluation.sources.tables import csv_bytes

_NONE: Words = {"en": "", "zh": ""}
_CASES: Words = {"en": "cases", "zh": "起"}


_TEXTS: Mapping[str, Words] = {
    "name_en": {"en": "English name", "zh": "英文名"},
    "adopted": {"en": "first month of the measure; empty: never", "zh": "措施起始月份；空为未实施"},
}
_BESIDE = ("complete", "population", *_TEXTS)
_SHARED: Mapping[str, Words] = {
    "unit": {
        "en": "district or county; empty: all; a count that is withheld is empty",
        "zh": "区县；空为合计；隐去的计数为空",
    },
    "month": {"en": "month of the incident; empty: all", "zh": "发案月份；空为合计"},
}
_MAPS: Mapping[str, tuple[Words, tuple[Column, ...]]] = {
    "offences": (
        {
            "en": "Offences of a city's export and the outcomes that they count towards",
            "zh": "导出记录中的案别与统计指标对照",
        },
        (
            Column("offence", "text", _NONE, {"en": "as in the export", "zh": "导出记录中的写法"}),
            Column(
                "outcomes",
                "text",
                _NONE,
                {
                    "en": "outcomes, a space between; empty: not counted",
                    "zh": "统计指标，以空格分隔；空为不计",
                },
            ),
        ),
    ),
    "places": (
        {"en": "Places of a city's export and the districts they lie in", "zh": "导出记录中的地点与区县对照"},
        (
            Column("place", "text", _NONE, {"en": "as in the export", "zh": "导出记录中的写法"}),
            Column("unit", "text", _NONE, {"en": "district; empty: left out", "zh": "区县；空为不计"}),
        ),
    ),
    "population": (
        {"en": "Population by district and year", "zh": "各区县年度人口"},
        (
            Column("unit", "text", _NONE, {"en": "district", "zh": "区县"}),
            Column("year", "integer", _NONE, {"en": "year", "zh": "年份"}),
            Column("population", "number", {"en": "persons", "zh": "人"}, {"en": "persons", "zh": "人口"}),
        ),
    ),
}


class Disclosure(Strict):
    """How counts are shared: see `evaluation.sources.incidents.disclosure.share`."""

    minimum: int = Field(default=10, ge=0)
    rounding: int = Field(default=1, ge=1)


class Import(Strict):
    """The settings of an import.

    Attributes
    ----------
    table : str
        Name of the committed table: ``crime/zhangdian_month``.
    records : str
        File or folder of the export, relative to the settings.
    first, last, as_of, longest_delay, unreadable, empty_months
        See `Rules`.
    offences, places, population : str
        A table of the data folder such as ``crime/offences``, or a CSV file relative to the settings.
    columns : mapping
        Our field to the export's header.
    outcomes : mapping
        Name of each outcome for readers.
    adopted : mapping of str to str
        District to the first month of the measure, for a study of it; others never had it.
    names_en : mapping of str to str
        District to its name on English pages.
    disclosure : Disclosure, optional
        Make a second table, ``table`` with ``_shared`` at its end, from which small counts are withheld: the
        one to hand on, while the first stays with the city.
    """

    table: str = Field(pattern=r"^[a-z0-9_]+/[a-z0-9_]+$")
    records: str
    first: str
    last: str
    as_of: str
    longest_delay: int | None = None
    unreadable: float = 0.01
    empty_months: Literal["stop", "missing"] = "stop"
    offences: str = "crime/offences"
    places: str = "crime/places"
    population: str | None = None
    columns: dict[str, str | list[str]] = Field(default_factory=dict)
    outcomes: dict[str, Named] = Field(default_factory=dict)
    adopted: dict[str, str] = Field(default_factory=dict)
    names_en: dict[str, str] = Field(default_factory=dict)
    disclosure: Disclosure | None = None
    title: Named
    source: Named
    licence: Named

    _months = field_validator("adopted", mode="before")(first_months)

    @property
    def rules(self) -> Rules:
        """The rules of counting."""
        return Rules(
            self.first, self.last, self.as_of, self.longest_delay, self.unreadable, self.empty_months
        )


@dataclass(frozen=True, eq=False)
class Imported:
    """Counts with the table that is committed.

    Attributes
    ----------
    counts : IncidentCounts
    frame : pandas.DataFrame
        ``unit, month``, the outcomes, ``complete`` and, where it was given, ``population``.
    """

    counts: IncidentCounts
    frame: pd.DataFrame


def import_incidents(
    settings: Import, folder: Path, data_dir: Path, columns: Columns | None = None
) -> Imported:
    """Count a city's incidents as the settings say.

    Parameters
    ----------
    settings : Import
    folder : Path
        What relative paths of the settings are relative to.
    data_dir : Path
    columns : mapping, optional
        The headers of the settings, with the place where they stand.

    Raises
    ------
    DataError
        See `count_incidents`, `read_offences`, `read_places` and `read_population`.
    """
    offences = read_offences(_file(settings.offences, folder, data_dir))
    places = read_places(_file(settings.places, folder, data_dir))
    records = folder / settings.records
    counts = count_incidents(records, offences, places, settings.rules, columns or settings.columns)
    frame = counts.frame.merge(counts.completeness[["month", "complete"]], on="month")
    if settings.population is not None:
        years = range(frame["month"].dt.year.min(), frame["month"].dt.year.max() + 1)
        people = read_population(_file(settings.population, folder, data_dir), places.units, years)
        frame = (
            frame.assign(year=frame["month"].dt.year).merge(people, on=["unit", "year"]).drop(columns="year")
        )
    frame = frame.sort_values(["unit", "month"], ignore_index=True)
    absent = [name for name in (*settings.adopted, *settings.names_en) if name not in places.units]
    if absent:
        raise DataError(
            f"adopted or names_en name districts that there are not: {shortlist(absent)}",
            where="the settings of the import",
            expected=f"one of {shortlist(places.units, 20)}",
            fix=f"write the names as in the column unit of {places.raw.name}",
        )
    for column, values in (("name_en", settings.names_en), ("adopted", settings.adopted)):
        if values:
            other = frame["unit"] if column == "name_en" else ""
            frame[column] = frame["unit"].map(values).fillna(other)
    return Imported(counts, frame.assign(month=frame["month"].astype(str)))


def build_incidents(raw: Path, out_dir: Path) -> BuildSummary:
    """Make a table of counts from a city's export, by a file of settings or ``[import]`` of a study file.

    Raises
    ------
    DataError
        See `evaluation.sources.settings.read_settings` and `import_incidents`.
    OutputError
        The folder cannot be written to.
    """
    raw, out_dir = Path(raw), Path(out_dir)
    settings = read_settings(raw, Import)
    imported = import_incidents(settings, raw.parent, out_dir, mapped(settings.columns, raw))
    origin = listing(settings.records, imported.counts.raw)
    made_by = f"evaluation data build crime_incidents --raw {named(raw)}"
    whole = table_of(settings, imported, origin, made_by, simulated=False)
    files = [whole, *shared_of(settings, imported, whole[0]), *maps_of(settings, out_dir)]
    return summary_of("crime_incidents", imported.counts, origin, files, out_dir)


def shared_of(settings: Import, imported: Imported, whole: TableInfo) -> list[tuple[TableInfo, bytes]]:
    """The table to hand on, where the settings ask for one: an outcome at a time, with its totals."""
    rule = settings.disclosure
    if rule is None:
        return []
    frame = imported.frame
    names = [c.name for c in whole.columns if c.name in frame.columns and c.unit == _CASES]
    units, months = (sorted(frame[name].unique()) for name in ("unit", "month"))
    index = pd.MultiIndex.from_product([[*units, ""], [*months, ""]], names=["unit", "month"])
    out = pd.DataFrame(index=index)
    withheld = {}
    for name in names:
        counts = frame.pivot(index="unit", columns="month", values=name).loc[units, months]
        shared = share(counts.to_numpy(), rule.minimum, rule.rounding)
        table = np.full((len(units) + 1, len(months) + 1), np.nan)
        table[:-1, :-1] = shared.values
        table[:-1, -1], table[-1, :-1] = shared.row_totals, shared.column_totals
        out[name] = table.ravel()
        withheld[name] = {"small": int(shared.primary.sum()), "beside": int(shared.secondary.sum())}
    out = out.reset_index()
    content = csv_bytes(out, dict.fromkeys(names, 0))
    keys = [replace(c, description=_SHARED[c.name]) for c in whole.columns if c.name in ("unit", "month")]
    info = replace(
        whole,
        name=f"{whole.name}_shared",
        path=f"{whole.name}_shared.csv",
        sha256=sha256_of(content),
        rows=len(out),
        columns=(*keys, *(c for c in whole.columns if c.name in names)),
        counts={"minimum": rule.minimum, "rounding": rule.rounding, "withheld": withheld},
    )
    return [(info, content)]


def maps_of(settings: Import, data_dir: Path) -> list[tuple[TableInfo, bytes]]:
    """Maps that lie in the data folder, typed by hand, with their entries in the manifest."""
    files = []
    for kind in ("offences", "places", "population"):
        name = getattr(settings, kind)
        if name is None or name.lower().endswith(".csv"):
            continue
        content = (data_dir / f"{name}.csv").read_bytes()
        title, columns = _MAPS[kind]
        header = content.decode("utf-8-sig").splitlines()[0].split(",")
        info = TableInfo(
            name=name,
            path=f"{name}.csv",
            sha256=sha256_of(content),
            rows=len(content.decode("utf-8-sig").strip().splitlines()) - 1,
            title=title,
            source={"en": "typed for the import of incidents", "zh": "为导入案件记录手工编制"},
            licence={"en": "part of this project", "zh": "属本项目"},
            made_by="hand",
            columns=tuple(column for name in header for column in columns if column.name == name),
        )
        files.append((info, content))
    return files


def summary_of(
    name: str,
    counts: IncidentCounts,
    origin: RawFile,
    files: Sequence[tuple[TableInfo, bytes]],
    out_dir: Path,
) -> BuildSummary:
    """Write the tables, and what to tell at the command line."""
    changed = publish(files, out_dir)
    unread = [f"{r.file} row {r.row}: {r.field} {r.text!r}" for r in counts.unreadable.itertuples()]
    encodings = ", ".join(f"{file} {encoding}" for file, encoding in counts.encodings.items())
    return BuildSummary(
        name=name,
        raw=origin,
        rows_read=counts.rows_read,
        dropped=counts.set_aside,
        missing={},
        tables=tuple(info for info, _ in files),
        changed=changed,
        notes=(
            f"read as: {encodings}",
            *(f"no readable day: {text}" for text in unread),
            *((f"{counts.without_number} incidents have no number",) if counts.without_number else ()),
            *counts.notes,
        ),
    )


def listing(name: str, files: Sequence[RawFile]) -> RawFile:
    """A folder's checksum: that of the sorted lines ``sha256  name``."""
    if len(files) == 1:
        return files[0]
    text = "".join(f"{file.sha256}  {file.name}\n" for file in sorted(files, key=lambda f: f.name))
    return RawFile(Path(name).name, sha256_of(text.encode()))


def table_of(
    settings: Import, imported: Imported, origin: RawFile, made_by: str, *, simulated: bool
) -> tuple[TableInfo, bytes]:
    """The committed table with its entry in the manifest."""
    counts, frame = imported.counts, imported.frame
    outcomes = [name for name in frame.columns if name not in ("unit", "month", *_BESIDE)]
    decimals = {**dict.fromkeys(outcomes, 0), "complete": 4, "population": 0}
    content = csv_bytes(frame, {name: n for name, n in decimals.items() if name in frame.columns})
    columns = [
        Column("unit", "text", _NONE, {"en": "district or county", "zh": "区县"}),
        Column("month", "text", _NONE, {"en": "month of the incident", "zh": "发案月份"}),
    ]
    for name in outcomes:
        named = settings.outcomes.get(name)
        words: Words = {"en": named.en, "zh": named.zh} if named else {"en": name, "zh": name}
        columns.append(Column(name, "number", _CASES, words))
    columns.append(
        Column(
            "complete",
            "number",
            {"en": "share", "zh": "比例"},
            {
                "en": "estimated share of the month's incidents that was reported by the day of the export",
                "zh": "截至导出日，当月案件已报案比例的估计值",
            },
        )
    )
    if "population" in frame.columns:
        columns.append(
            Column("population", "number", {"en": "persons", "zh": "人"}, {"en": "population", "zh": "人口"})
        )
    columns += [Column(name, "text", _NONE, _TEXTS[name]) for name in _TEXTS if name in frame.columns]
    told: dict[str, Any] = {
        "rows_read": counts.rows_read,
        "rows_counted": counts.rows_counted,
        "rows_set_aside": dict(counts.set_aside),
        "incidents_without_number": counts.without_number,
    }
    info = TableInfo(
        name=settings.table,
        path=f"{settings.table}.csv",
        sha256=sha256_of(content),
        rows=len(frame),
        title=settings.title.model_dump(),
        source=settings.source.model_dump(),
        licence=settings.licence.model_dump(),
        made_by=made_by,
        columns=tuple(columns),
        raw=origin,
        counts=told,
        simulated=simulated,
    )
    return info, content


def _file(name: str, folder: Path, data_dir: Path) -> Path:
    """A table of the data folder by its name, or a file beside the settings."""
    return folder / name if name.lower().endswith(".csv") else data_dir / f"{name}.csv"
