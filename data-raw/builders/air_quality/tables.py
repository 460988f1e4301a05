"""The committed tables: city by month and year, and official figures beside the recomputed ones."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from builders.air_quality import describe
from builders.air_quality.checks import official_checkpoints
from builders.air_quality.cleaning import RULES, CleanRecord, clean
from builders.air_quality.daily import read_daily
from builders.aqi import POLLUTANTS, composite_index, good_days, individual_indices, overall_aqi
from builders.grouped import Groups
from evaluation.errors import DataError, shortlist
from evaluation.sources.build import BuildSummary, publish
from evaluation.sources.manifest import TableInfo
from evaluation.sources.reading import RawFile, decode
from evaluation.sources.tables import csv_bytes

COMPLETE_FROM, COMPLETE_TO = "2014-01-01", "2016-12-31"
COMPLETE_DAYS = 1080
"""A city is complete with a row that measures something on 1,080 of the 1,096 days of 2014-2016."""

MONTHS_FROM, MONTHS_TO = "2013-12", "2017-01"
YEARS = ("2014", "2015", "2016")

DECIMALS: Mapping[str, int] = {
    **{name: 3 if name == "co" else 2 for name in POLLUTANTS},
    **{"co_p95": 3, "o3_p90": 2, "composite": 4, "official": 0, "recomputed": 1, "gap_percent": 1},
}


def complete_cities(
    days: pd.DataFrame, *, first: str = COMPLETE_FROM, last: str = COMPLETE_TO, minimum: int = COMPLETE_DAYS
) -> list[str]:
    """Cities with at least ``minimum`` days from ``first`` to ``last``, in code-point order.

    Parameters
    ----------
    days : pandas.DataFrame (days,)
        A cleaned record: ``city, date``, one row a day on which something was measured.
    first, last : str
        First and last day.
    minimum : int
        Days that a city needs.

    Returns
    -------
    list of str
        The complete cities.
    """
    inside = days["date"].between(pd.Timestamp(first), pd.Timestamp(last))
    number = days.loc[inside, "city"].value_counts()
    return sorted(number.index[number >= minimum])


def summarise(days: pd.DataFrame, frequency: str) -> pd.DataFrame:
    """Days, good days, means and composite index by city and month or year.

    Parameters
    ----------
    days : pandas.DataFrame (days,)
        A cleaned record: ``city, date``, the six pollutants, ``aqi`` (published).
    frequency : {"month", "year"}
        What a row is about.

    Returns
    -------
    pandas.DataFrame (city-periods,)
        ``city``, ``month`` (2014-03) or ``year`` (2014), ``days`` (with any pollutant), ``days_aqi`` (with a
        recomputed index), ``days_published`` (with a published one), ``good_days`` (recomputed index at most
        100), ``good_days_published``, means of the pollutants, ``co_p95`` and ``o3_p90`` (year only) and
        ``composite``. Sorted by city in code-point order and period.
    """
    unit = {"month": "M", "year": "Y"}[frequency]
    table = days.assign(
        **{frequency: days["date"].to_numpy().astype(f"datetime64[{unit}]").astype("datetime64[s]")}
    )
    by = ["city", frequency]
    groups = Groups(table, by)
    recomputed = overall_aqi(individual_indices(table))
    published = table["aqi"].to_numpy(dtype=np.float64)
    out = {
        "days": groups.count(np.ones(len(table), dtype=bool)),
        "days_aqi": groups.count(~np.isnan(recomputed)),
        "days_published": groups.count(~np.isnan(published)),
        "good_days": groups.count(good_days(recomputed)),
        "good_days_published": groups.count(good_days(published)),
        **{name: groups.mean(table[name].to_numpy(dtype=np.float64)) for name in POLLUTANTS},
    }
    if frequency == "year":
        out["co_p95"] = groups.percentile(table["co"].to_numpy(dtype=np.float64), 0.95)
        out["o3_p90"] = groups.percentile(table["o3"].to_numpy(dtype=np.float64), 0.90)
    out["composite"] = composite_index(table, by)["composite"].to_numpy()
    summary = pd.DataFrame(out, index=groups.index).reset_index()
    summary[frequency] = summary[frequency].dt.strftime({"month": "%Y-%m", "year": "%Y"}[frequency])
    return summary


def build_city_month(raw: Path, out_dir: Path) -> BuildSummary:
    """Make the committed air quality tables from the raw daily record.

    Writes ``air_quality/city_month.csv``, ``air_quality/city_year.csv`` and, when
    ``air_quality/official_figures.csv`` is there, ``air_quality/checkpoints.csv``, with their entries in
    ``manifest.toml``; all together or none. The same raw file gives the same bytes.

    Parameters
    ----------
    raw : Path
        File or folder in the daily city format.
    out_dir : Path
        The data folder.

    Returns
    -------
    BuildSummary
        What was read, set aside and written.

    Raises
    ------
    DataError
        The raw record cannot be read (see ``read_daily``), or no city is complete.
    OutputError
        The folder cannot be written to.
    """
    raw, out_dir = Path(raw), Path(out_dir)
    record = read_daily(raw)
    cleaned = clean(record)
    cities = complete_cities(cleaned.frame)
    if not cities:
        raise _no_city(cleaned.frame, raw)
    days = cleaned.frame[cleaned.frame["city"].isin(cities)]
    inside = days["date"].between(pd.Period(MONTHS_FROM).start_time, pd.Period(MONTHS_TO).end_time)
    days = days[inside]
    months = summarise(days, "month")
    years = summarise(days[days["date"].dt.year.astype(str).isin(YEARS)], "year")
    dropped = {
        "no pollutant was measured": cleaned.counts["rows_without_any_pollutant"],
        "the city is not complete in 2014-2016": int((~cleaned.frame["city"].isin(cities)).sum()),
        f"the day is not in {MONTHS_FROM} to {MONTHS_TO}": int((~inside).sum()),
    }
    counts = _counts(cleaned, days, dropped, len(cities))
    files = [
        _entry("air_quality/city_month", months, record.raw, counts),
        _entry("air_quality/city_year", years, record.raw, counts),
    ]
    notes = []
    if not describe.TABLES.known(record.raw):
        notes.append("the raw file is not the copy that the committed tables are about: the manifest says so")
    hand, absent = _hand_made(out_dir)
    files += hand
    figures = _figures(out_dir)
    if figures is not None:
        table = official_checkpoints(cleaned.frame, figures, describe.SHANDONG)
        files.append(
            _entry(
                "air_quality/checkpoints",
                table[describe.TABLES.names("air_quality/checkpoints")],
                record.raw,
                {},
            )
        )
        unmatched = int(table["recomputed"].isna().sum())
        if unmatched:
            notes.append(
                f"the raw file lacks the place or period of {unmatched} of {len(table)} official figures"
            )
    else:
        notes.append("checkpoints.csv was not made")
    notes += [f"{name} is not in the data folder" for name in absent]
    known = set(_city_names(out_dir))
    unnamed = [city for city in cities if city not in known] if known else []
    if unnamed:
        notes.append(f"cities.csv has no English name for {shortlist(unnamed)}")
    changed = publish(files, out_dir)
    return BuildSummary(
        name="air_quality",
        raw=record.raw,
        rows_read=cleaned.counts["rows_read"],
        dropped=dropped,
        missing={RULES[rule]: sum(by.values()) for rule, by in cleaned.missing.items()},
        tables=tuple(table for table, _ in files),
        changed=changed,
        notes=tuple(notes),
    )


def _counts(
    cleaned: CleanRecord, days: pd.DataFrame, dropped: Mapping[str, int], cities: int
) -> dict[str, Any]:
    return {
        "rows_read": cleaned.counts["rows_read"],
        "cities_read": cleaned.record.counts["cities"],
        "rows_used": len(days),
        "cities_used": cities,
        "rows_dropped": dict(dropped),
        "published_index_missing": cleaned.counts["published_index_missing"],
        "pm25_above_pm10_kept": cleaned.counts["pm25_above_pm10"],
        "values_set_missing": {rule: dict(by) for rule, by in cleaned.missing.items()},
        "values_missing_in_rows_used": {name: int(days[name].isna().sum()) for name in POLLUTANTS},
    }


def _entry(
    name: str, frame: pd.DataFrame, raw: RawFile | None, counts: Mapping[str, object]
) -> tuple[TableInfo, bytes]:
    content = csv_bytes(frame, {column: DECIMALS[column] for column in frame.columns if column in DECIMALS})
    return describe.TABLES.table_info(name, content, len(frame), raw=raw, counts=counts), content


def _hand_made(out_dir: Path) -> tuple[list[tuple[TableInfo, bytes]], list[str]]:
    """Entries of the tables typed by hand, as they lie, so that the manifest follows an edit."""
    found, absent = [], []
    for name in describe.HAND_MADE:
        path = out_dir / f"{name}.csv"
        if not path.is_file():
            absent.append(path.name)
            continue
        content = path.read_bytes()
        rows = len(_hand_frame(name, content, path))
        found.append((describe.TABLES.table_info(name, content, rows, raw=None, counts={}), content))
    return found, absent


def _hand_frame(name: str, content: bytes, path: Path) -> pd.DataFrame:
    frame = pd.read_csv(io.StringIO(decode(content, path)), dtype=str, keep_default_na=False)
    expected = describe.TABLES.names(name)
    if list(frame.columns) != expected:
        raise DataError(
            "a table typed by hand does not have its columns",
            where=f"{path}: " + ", ".join(frame.columns),
            expected=", ".join(expected),
            fix=f"git checkout -- data/{name}.csv",
        )
    return frame


def _figures(out_dir: Path) -> pd.DataFrame | None:
    path = out_dir / "air_quality/official_figures.csv"
    if not path.is_file():
        return None
    frame = _hand_frame("air_quality/official_figures", path.read_bytes(), path)
    frame["official"] = pd.to_numeric(frame["official"]).astype("float64")
    return frame


def _city_names(out_dir: Path) -> list[str]:
    path = out_dir / "air_quality/cities.csv"
    return list(_hand_frame("air_quality/cities", path.read_bytes(), path)["city"]) if path.is_file() else []


def _no_city(days: pd.DataFrame, raw: Path) -> DataError:
    inside = days["date"].between(pd.Timestamp(COMPLETE_FROM), pd.Timestamp(COMPLETE_TO))
    best = days.loc[inside, "city"].value_counts().head(3)
    return DataError(
        "no city of the raw file is complete in 2014-2016",
        where=f"{raw}: most days: "
        + (", ".join(f"{city} {n}" for city, n in best.items()) or "none in these years"),
        expected=f"at least one city with {COMPLETE_DAYS:,} days from {COMPLETE_FROM} to {COMPLETE_TO}",
        fix="give the whole record, not a part of it",
    )
