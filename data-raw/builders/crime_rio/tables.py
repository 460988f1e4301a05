"""From the state's monthly record to the committed tables: areas with fixed borders, by quarter."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from builders.crime_rio.record import (
    COUNTS,
    CrimeRecord,
    read_counts,
    read_names,
    read_population,
    read_units,
)
from builders.described import Described
from evaluation.errors import DataError, shortlist
from evaluation.sources.build import BuildSummary, publish
from evaluation.sources.manifest import TableInfo
from evaluation.sources.reading import RawFile, sha256_of
from evaluation.sources.tables import csv_bytes

TABLES = Described("crime_rio")

FILES = (
    "BaseDPEvolucaoMensalCisp.csv",
    "PopulacaoEvolucaoMensalCisp.csv",
    "UppDatasDeInstalacao.csv",
    "delegacias_names.csv",
)
LAST_QUARTER = "2016Q4"
"""Recording breaks off in February 2017, when the civil police were on strike."""


def build_rio(raw: Path, out_dir: Path) -> BuildSummary:
    """Make the committed tables of recorded crime in Rio from the folder of the state's files.

    Parameters
    ----------
    raw : Path
        Folder with the four files named in `FILES`.
    out_dir : Path
        The data folder, with the tables typed by hand: ``crime/upp_precincts.csv`` (which precinct each
        pacification unit lies in, with the reason) and ``crime/precinct_splits.csv``.

    Returns
    -------
    BuildSummary

    Raises
    ------
    DataError
        A file is absent or wrong (see `builders.crime_rio.record`), or a table typed by hand
        does not agree with the record.
    OutputError
        The folder cannot be written to.
    """
    raw, out_dir = Path(raw), Path(out_dir)
    if not raw.is_dir():
        raise DataError(
            "the raw record is a folder with four files",
            where=str(raw),
            expected=", ".join(FILES),
            fix="give the folder: evaluation data build crime_rio --raw FOLDER",
        )
    counts = read_counts(raw / FILES[0])
    population, people_sha = read_population(raw / FILES[1])
    units, units_sha = read_units(raw / FILES[2])
    names, names_sha = read_names(raw / FILES[3])
    splits, splits_bytes = _hand("crime/precinct_splits", out_dir)
    mapping, mapping_bytes = _hand("crime/upp_precincts", out_dir)
    check_units(mapping, units, set(counts.frame["precinct"]))
    first = first_units(mapping, parents(splits, counts))
    quarters, missing, dropped = precinct_quarters(counts, population, splits)
    places = _places(counts, splits, names, first)
    quarters = quarters.merge(places[["precinct", "first_upp", "first_upp_sure", "first_near"]])
    months = counts.frame.groupby("month")[list(COUNTS)].sum(min_count=1).reset_index()
    months["month"] = months["month"].astype(str)
    sums = zip(FILES, (counts.sha256, people_sha, units_sha, names_sha), strict=True)
    listing = "".join(f"{checksum}  {name}\n" for name, checksum in sorted(sums))
    raw_file = RawFile(name="crime_rio", sha256=sha256_of(listing.encode()))
    told = {
        "rows_read": counts.rows,
        "precincts_read": int(counts.frame["precinct"].nunique()),
        "areas": len(places),
        "rows_dropped": dict(dropped),
        "values_set_missing": dict(missing),
    }
    whole = dict.fromkeys(COUNTS, 0)
    files: list[tuple[TableInfo, bytes]] = []
    for name, frame, decimals, record in (
        ("crime/rio_precinct_quarter", quarters, {**whole, "population": 0}, raw_file),
        ("crime/rio_precincts", places, {}, raw_file),
        ("crime/rio_month", months, whole, raw_file),
    ):
        ordered = frame[TABLES.names(name)]
        content = csv_bytes(ordered, decimals)
        files.append((TABLES.table_info(name, content, len(ordered), raw=record, counts=told), content))
    for name, frame, content in (
        ("crime/precinct_splits", splits, splits_bytes),
        ("crime/upp_precincts", mapping, mapping_bytes),
    ):
        files.append((TABLES.table_info(name, content, len(frame), raw=None, counts={}), content))
    changed = publish(files, out_dir)
    return BuildSummary(
        name="crime_rio",
        raw=raw_file,
        rows_read=counts.rows,
        dropped=dropped,
        missing=missing,
        tables=tuple(table for table, _ in files),
        changed=changed,
        notes=()
        if TABLES.known(raw_file)
        else ("the raw files are not the copy that the committed tables are about: the manifest says so",),
    )


def parents(splits: pd.DataFrame, counts: CrimeRecord) -> dict[int, int]:
    """The area of every precinct: itself, or the precinct that it was cut from.

    Raises
    ------
    DataError
        A precinct of the splits is not in the record, begins at another month than they say, or one is
        missing among them: it has a shorter record than the others.
    """
    months = counts.frame.groupby("precinct")["month"].agg(["min", "max"])
    cut = dict(zip(splits["precinct"].astype(int), splits["cut_from"].astype(int), strict=True))
    began = dict(zip(splits["precinct"].astype(int), splits["month"], strict=True))
    wrong = [
        f"{child} ({months['min'].get(child, 'absent')}, not {began[child]})"
        for child in cut
        if str(months["min"].get(child)) != began[child] or cut[child] not in months.index
    ]
    late = [p for p in months.index if months.loc[p, "min"] > months["min"].min() and p not in cut]
    short = list(months.index[months["max"] < months["max"].max()])
    if wrong or late or short:
        raise DataError(
            "the record and the table of precincts that were cut from others do not agree",
            where="; ".join(
                text
                for text in (
                    f"begin otherwise: {shortlist(wrong)}" if wrong else "",
                    f"begin late and are not in the table: precincts {shortlist(late)}" if late else "",
                    f"end early: precincts {shortlist(short)}" if short else "",
                )
                if text
            ),
            expected="data/crime/precinct_splits.csv to name each precinct with a shorter record",
            fix="edit it; the publisher's dictionary of variables lists the changes (sheet desmembra_dp)",
        )
    return {int(precinct): cut.get(int(precinct), int(precinct)) for precinct in months.index}


def precinct_quarters(
    counts: CrimeRecord, population: pd.DataFrame, splits: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, int], dict[str, int]]:
    """Counts and population of areas with fixed borders by quarter.

    Parameters
    ----------
    counts : CrimeRecord
    population : pandas.DataFrame
        From `read_population`.
    splits : pandas.DataFrame
        ``precinct, cut_from, month``: the first is added back to the second.

    Returns
    -------
    frame : pandas.DataFrame (areas x quarters,)
        ``precinct, quarter``, the columns of `COUNTS` (NaN where a month of the quarter was not
        recorded) and ``population`` (mean of the months, NaN where one is absent).
    missing : dict of str to int
        Area-quarters set to missing, by reason.
    dropped : dict of str to int
        Rows of the record that are in no quarter, by reason.
    """
    area = parents(splits, counts)
    frame = counts.frame.assign(precinct=counts.frame["precinct"].map(area))
    frame["quarter"] = frame["month"].dt.asfreq("Q")
    last = pd.Period(LAST_QUARTER, freq="Q")
    dropped = {f"the month is after {LAST_QUARTER}": int((frame["quarter"] > last).sum())}
    frame = frame[frame["quarter"] <= last]
    monthly = frame.groupby(["precinct", "quarter", "month"])[list(COUNTS)].sum(min_count=1)
    silent = (monthly["total"] == 0).groupby(level=["precinct", "quarter"]).any()
    groups = monthly.groupby(level=["precinct", "quarter"])
    sums, seen = groups.sum(min_count=3), groups.size()
    sums[(seen < 3) | silent] = np.nan
    missing = {
        "a month without any occurrence on record: nothing was recorded": int(silent.sum()),
        "the quarter does not have three months": int((seen < 3).sum()),
    }
    people = population.assign(precinct=population["precinct"].map(area))
    known = people[people["precinct"].notna()]
    monthly_people = known.groupby(["precinct", "month"])["population"].sum().reset_index()
    monthly_people["quarter"] = monthly_people["month"].dt.asfreq("Q")
    quarterly = monthly_people.groupby(["precinct", "quarter"])["population"].agg(["mean", "size"])
    sums["population"] = quarterly["mean"].where(quarterly["size"] == 3).reindex(sums.index)
    missing["population is published from July 2006 on"] = int(sums["population"].isna().sum())
    out = sums.reset_index()
    out["precinct"] = out["precinct"].astype("int64")
    out["quarter"] = out["quarter"].astype(str)
    return out.sort_values(["precinct", "quarter"], ignore_index=True), missing, dropped


def check_units(mapping: pd.DataFrame, units: pd.DataFrame, precincts: set[int]) -> None:
    """Compare the table of units and precincts with the published opening dates.

    Raises
    ------
    DataError
        A unit is in one and not in the other, has another day, lacks a reason, or lies in a precinct
        that the record does not have.
    """
    ours = mapping.assign(unit=mapping["unit"].astype(int)).set_index("unit")
    theirs = units.set_index("unit")["opened"].dt.strftime("%Y-%m-%d")
    problems = [
        *(f"unit {unit} is not in the table" for unit in theirs.index.difference(ours.index)),
        *(f"unit {unit} is not in the record" for unit in ours.index.difference(theirs.index)),
    ]
    for unit, row in ours.iterrows():
        if unit in theirs.index and row["opened"] != theirs[unit]:
            problems.append(f"unit {unit} opened on {theirs[unit]}, not {row['opened']}")
        if not str(row["precinct"]).isdigit() or int(row["precinct"]) not in precincts:
            problems.append(f"unit {unit}: there is no precinct {row['precinct']}")
        if not row["reason"].strip() or row["certainty"] not in ("sure", "doubtful"):
            problems.append(f"unit {unit} has no reason, or is neither sure nor doubtful")
    if problems:
        raise DataError(
            "the table of pacification units and precincts does not agree with the record",
            where=shortlist(problems, 8),
            expected="each of the published units once, with its day, precinct, certainty and reason",
            fix="edit data/crime/upp_precincts.csv",
        )


def first_units(mapping: pd.DataFrame, area: Mapping[int, int]) -> pd.DataFrame:
    """First quarter with a unit, by area.

    Returns
    -------
    pandas.DataFrame
        Index the area; ``first_upp`` of all units and ``first_upp_sure`` of those whose precinct and date
        are sure, as texts such as 2008Q4, empty where there is none.
    """
    frame = mapping.assign(
        area=mapping["precinct"].astype(int).map(area),
        quarter=pd.PeriodIndex(pd.to_datetime(mapping["opened"]), freq="Q"),
    )
    out = pd.DataFrame(
        {
            "first_upp": frame.groupby("area")["quarter"].min(),
            "first_upp_sure": frame[frame["certainty"] == "sure"].groupby("area")["quarter"].min(),
        }
    )
    return out.astype(str).replace("NaT", "")


def _places(
    counts: CrimeRecord, splits: pd.DataFrame, names: Mapping[int, str], first: pd.DataFrame
) -> pd.DataFrame:
    """One row an area: name, municipality, region, battalion, what was added, treatment, neighbours'."""
    last = counts.frame[counts.frame["month"] <= pd.Period(LAST_QUARTER, freq="Q").asfreq("M", "end")]
    latest = last.sort_values("month").groupby("precinct").tail(1).set_index("precinct")
    children = splits.assign(child=splits["precinct"].astype(int)).groupby(splits["cut_from"].astype(int))
    added = {parent: " ".join(map(str, sorted(group["child"]))) for parent, group in children}
    cut = set(splits["precinct"].astype(int))
    unnamed = [p for p in latest.index if p not in names]
    if unnamed:
        raise DataError(
            f"precincts {shortlist(unnamed)} have no name",
            where=FILES[3],
            fix="add them to the file, one row a precinct",
        )
    out = latest.loc[[p for p in latest.index if p not in cut], ["municipality", "region", "battalion"]]
    out = out.reset_index()
    out["name"] = out["precinct"].map(names)
    out["with_precincts"] = out["precinct"].map(added).fillna("")
    out = out.join(first, on="precinct").fillna({"first_upp": "", "first_upp_sure": ""})
    treated = out[out["first_upp"] != ""].groupby("battalion")["first_upp"].min()
    near = out["battalion"].map(treated).fillna("")
    out["first_near"] = near.where(out["first_upp"] == "", "")
    return out.sort_values("precinct", ignore_index=True)


def _hand(name: str, out_dir: Path) -> tuple[pd.DataFrame, bytes]:
    path = out_dir / f"{name}.csv"
    try:
        content = path.read_bytes()
        frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"the table {name} cannot be read",
            where=f"{path}: {error}",
            fix=f"git checkout -- data/{name}.csv",
        ) from None
    if list(frame.columns) != TABLES.names(name):
        raise DataError(
            "a table typed by hand does not have its columns",
            where=f"{path}: " + ", ".join(frame.columns),
            expected=", ".join(TABLES.names(name)),
            fix=f"git checkout -- data/{name}.csv",
        )
    return frame, content
