"""What a city's export of incidents holds, the headers it is looked for under, and the maps it is read by."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from evaluation.errors import DataError, shortlist
from evaluation.sources.cells import clean_text
from evaluation.sources.exports import Columns, Layout, decode_text
from evaluation.sources.reading import RawFile, read_bytes

FIELDS: Columns = {
    "number": ("案件编号", "案件号", "警情编号", "接警单编号", "incident number"),
    "occurred": ("发案日期", "发案时间", "案发时间", "发生时间", "date of incident"),
    "reported": ("报案日期", "报案时间", "受案日期", "立案日期", "date of report"),
    "offence": ("案别", "案由", "案件类别", "案别代码", "offence"),
    "place": ("发案地", "发案区县", "区县", "所属分局", "place"),
}
"""Name here and the headers looked for when the settings name none."""

LAYOUT = Layout(
    one="an incident",
    many="incidents",
    fields=FIELDS,
    required=tuple(FIELDS),
    anchor="occurred",
    number="number",
)


@dataclass(frozen=True)
class OffenceMap:
    """Which outcomes an offence code counts towards.

    Attributes
    ----------
    outcomes : tuple of str
        In the order in which they first stand in the table.
    of : mapping of str to tuple of str
        Code as in the export to outcomes; none for a code that is known and not counted.
    raw : RawFile
    """

    outcomes: tuple[str, ...]
    of: Mapping[str, tuple[str, ...]]
    raw: RawFile


@dataclass(frozen=True)
class PlaceMap:
    """Which unit a place of the export lies in.

    Attributes
    ----------
    units : tuple of str
        In the order in which they first stand in the table.
    of : mapping of str to str
        Place as in the export to unit; empty for a place that is known and left out.
    raw : RawFile
    """

    units: tuple[str, ...]
    of: Mapping[str, str]
    raw: RawFile


def read_offences(path: str | Path) -> OffenceMap:
    """Read a table with the columns ``offence`` and ``outcomes`` (several with a space between).

    Raises
    ------
    DataError
        The table lacks a column, a code stands twice, or no code counts towards any outcome.
    """
    frame, raw = _table(Path(path), "offence", "outcomes", "offences")
    of = {code: tuple(text.split()) for code, text in zip(frame["offence"], frame["outcomes"], strict=True)}
    outcomes = tuple(dict.fromkeys(name for names in of.values() for name in names))
    return OffenceMap(_some(outcomes, "outcomes", Path(path)), of, raw)


def read_places(path: str | Path) -> PlaceMap:
    """Read a table with the columns ``place`` and ``unit``.

    Raises
    ------
    DataError
        The table lacks a column, a place stands twice, or no place lies in any unit.
    """
    frame, raw = _table(Path(path), "place", "unit", "places")
    of = dict(zip(frame["place"], frame["unit"], strict=True))
    units = tuple(dict.fromkeys(unit for unit in of.values() if unit))
    return PlaceMap(_some(units, "unit", Path(path)), of, raw)


def read_population(path: str | Path, units: tuple[str, ...], years: range) -> pd.DataFrame:
    """Read a table with the columns ``unit``, ``year`` and ``population`` (persons).

    Returns
    -------
    pandas.DataFrame (units x years,)
        ``unit, year, population``.

    Raises
    ------
    DataError
        A population is absent, is not a number or not above 0, or a unit has a year twice: names the rows.
    """
    path = Path(path)
    frame, _ = _cells(path, ("unit", "year", "population"), "population")
    numbers = pd.to_numeric(frame["population"], errors="coerce")
    bad = ~(numbers > 0)
    if bad.any():
        shown = (f"row {row} ({frame.at[row, 'population']!r})" for row in frame.index[bad])
        raise DataError(
            f"{int(bad.sum())} populations are not above 0",
            where=f"{path}: {shortlist(shown)}",
            expected="persons, a number above 0",
            fix="correct these rows",
        )
    out = pd.DataFrame(
        {
            "unit": frame["unit"],
            "year": pd.to_numeric(frame["year"], errors="coerce").fillna(-1).astype("int64"),
            "population": numbers,
        }
    )
    twice = out.duplicated(["unit", "year"])
    if twice.any():
        shown = (f"{u} {y}" for u, y in out.loc[twice, ["unit", "year"]].itertuples(index=False))
        raise DataError("a unit has a year twice", where=f"{path}: {shortlist(shown)}", fix="remove one row")
    known = set(zip(out["unit"], out["year"], strict=True))
    absent = [f"{unit} {year}" for unit in units for year in years if (unit, year) not in known]
    if absent:
        raise DataError(
            f"the population of {len(absent)} units and years is not given",
            where=f"{path}: {shortlist(absent)}",
            expected="one row a unit and year of the record",
            fix="add these rows",
        )
    return out[out["unit"].isin(units) & out["year"].isin(list(years))].reset_index(drop=True)


def _table(path: Path, key: str, value: str, what: str) -> tuple[pd.DataFrame, RawFile]:
    frame, raw = _cells(path, (key, value), what)
    twice = frame.duplicated(key, keep=False) | (frame[key] == "")
    if twice.any():
        shown = (f"row {row} ({frame.at[row, key]!r})" for row in frame.index[twice])
        raise DataError(
            f"the table of {what} has rows that are empty or stand twice",
            where=f"{path}: {shortlist(shown)}",
            expected=f"each {key} once, written as in the export",
            fix="remove or correct these rows",
        )
    return frame, raw


def _cells(path: Path, names: tuple[str, ...], what: str) -> tuple[pd.DataFrame, RawFile]:
    content, checksum = read_bytes(path)
    try:
        frame = pd.read_csv(io.StringIO(decode_text(content, path)), dtype=str, keep_default_na=False)
    except ValueError as error:
        raise DataError(f"the table of {what} is not a CSV table", where=f"{path}: {error}") from None
    frame.columns = pd.Index([clean_text(name) for name in frame.columns])
    frame.index = pd.RangeIndex(2, 2 + len(frame), name="line")
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise DataError(
            f"the table of {what} has no column {shortlist(absent)}",
            where=f"{path}: its columns are {shortlist(frame.columns, 20)}",
            expected=", ".join(names),
            fix="add the column, or correct its name",
        )
    return frame[list(names)].map(clean_text), RawFile(f"{path.parent.name}/{path.name}", checksum)


def _some(names: tuple[str, ...], column: str, path: Path) -> tuple[str, ...]:
    if not names:
        raise DataError(
            f"no row of the table has an entry in {column}, so that nothing would be counted",
            where=str(path),
            expected=f"at least one row with {column}",
            fix="fill in the column",
        )
    return names
