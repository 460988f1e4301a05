"""Air quality of Shandong's 17 prefectures by ten days, for the monthly bulletin.

Ten days (a dekad, 旬) are long enough to keep together days that resemble each other, and short enough that a
year holds 36 of them. No daily value is kept. The composite index holds percentiles of days, so that ten days
cannot be added up to a month: it is given for each stretch of three dekads, the month's own among them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from builders.air_quality import describe
from builders.air_quality.cleaning import RULES, clean
from builders.air_quality.daily import read_daily
from builders.air_quality.tables import DECIMALS, MONTHS_FROM, MONTHS_TO
from builders.aqi import POLLUTANTS, composite_index, good_days, individual_indices, overall_aqi
from builders.grouped import Groups
from evaluation.errors import DataError
from evaluation.sources.build import BuildSummary, publish
from evaluation.sources.tables import csv_bytes

TABLE = "air_quality/shandong_dekads"
PER_MONTH = 3


def by_dekad(days: pd.DataFrame) -> pd.DataFrame:
    """Days, good days and mean concentrations by city and ten days.

    Parameters
    ----------
    days : pandas.DataFrame (days,)
        A cleaned record: ``city, date``, the six pollutants, ``aqi`` (published).

    Returns
    -------
    pandas.DataFrame (city-dekads,)
        The columns of :data:`COLUMNS`, sorted by city in code-point order, month and dekad.
    """
    table = days.assign(
        month=days["date"].dt.strftime("%Y-%m"),
        dekad=np.minimum((days["date"].dt.day.to_numpy() - 1) // 10, PER_MONTH - 1) + 1,
    )
    groups = Groups(table, ["city", "month", "dekad"])
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
    frame = pd.DataFrame(out, index=groups.index).reset_index()
    starts = pd.MultiIndex.from_arrays([frame["city"], _place(frame)])
    whole = np.ones(len(frame), dtype=bool)
    for later in range(1, PER_MONTH):
        whole &= pd.MultiIndex.from_arrays([frame["city"], _place(frame) + later]).isin(starts)
    stretches = _composite_of_stretches(table).reindex(starts).to_numpy()
    frame["composite_stretch"] = np.where(whole, stretches, np.nan)
    return frame[describe.TABLES.names(TABLE)]


def _place(frame: pd.DataFrame) -> pd.Series:
    """Number of each dekad, counted from the year 0."""
    year, month = frame["month"].str[:4].astype(int), frame["month"].str[5:7].astype(int)
    return (year * 12 + month - 1) * PER_MONTH + frame["dekad"] - 1


def _composite_of_stretches(days: pd.DataFrame) -> pd.Series:
    """Composite index of every three dekads in a row, by city and number of the first."""
    place = _place(days)
    parts = []
    for shift in range(PER_MONTH):
        # every day is in one stretch of each of the three sequences
        first = place - (place - shift) % PER_MONTH
        parts.append(composite_index(days.assign(first=first), ["city", "first"])["composite"])
    return pd.concat(parts)


def build_dekads(raw: Path, out_dir: Path) -> BuildSummary:
    """Make the ten-day table from the raw daily record.

    Parameters
    ----------
    raw : Path
        File or folder in the daily city format.
    out_dir : Path
        The data folder.

    Returns
    -------
    BuildSummary

    Raises
    ------
    DataError
        The raw record cannot be read, or lacks one of the 17 prefectures or one of their dekads.
    OutputError
        The folder cannot be written to.
    """
    record = read_daily(Path(raw))
    cleaned = clean(record)
    days = cleaned.frame
    ours = days["city"].isin(describe.SHANDONG)
    inside = days["date"].between(pd.Period(MONTHS_FROM).start_time, pd.Period(MONTHS_TO).end_time)
    frame = by_dekad(days[ours & inside])
    expected = len(describe.SHANDONG) * PER_MONTH * len(pd.period_range(MONTHS_FROM, MONTHS_TO, freq="M"))
    if len(frame) != expected or frame[list(POLLUTANTS)].isna().any(axis=None):
        raise DataError(
            "the raw file lacks dekads of Shandong's prefectures",
            where=f"{raw}: {len(frame)} city-dekads",
            expected=f"{expected} city-dekads with all six pollutants, {MONTHS_FROM} to {MONTHS_TO}",
            fix="give the whole record, not a part of it",
        )
    content = csv_bytes(frame, {**{name: DECIMALS[name] for name in POLLUTANTS}, "composite_stretch": 4})
    info = describe.TABLES.table_info(
        TABLE,
        content,
        len(frame),
        raw=record.raw,
        counts={"rows_read": cleaned.counts["rows_read"], "rows_used": int((ours & inside).sum())},
        name="air_quality_dekads",
    )
    changed = publish([(info, content)], Path(out_dir))
    return BuildSummary(
        name="air_quality_dekads",
        raw=record.raw,
        rows_read=cleaned.counts["rows_read"],
        dropped={
            "no pollutant was measured": cleaned.counts["rows_without_any_pollutant"],
            "the city is not one of Shandong's 17 prefectures": int((~ours).sum()),
            f"the day is not in {MONTHS_FROM} to {MONTHS_TO}": int((ours & ~inside).sum()),
        },
        missing={RULES[rule]: sum(by.values()) for rule, by in cleaned.missing.items()},
        tables=(info,),
        changed=changed,
        notes=()
        if describe.TABLES.known(record.raw)
        else ("the raw file is not the copy that the project was checked against",),
    )
