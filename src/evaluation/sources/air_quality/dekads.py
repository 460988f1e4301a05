"""Air quality of Shandong's 17 prefectures by ten days, for the monthly bulletin.

Ten days (a dekad, 旬) are long enough to keep together days that resemble each other, and short enough that a
year holds 36 of them. No daily value is kept. The composite index holds percentiles of days, so that ten days
cannot be added up to a month: it is given for each stretch of three dekads, the month's own among them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from evaluation.errors import DataError
from evaluation.sources.air_quality import describe
from evaluation.sources.air_quality.cleaning import RULES, clean
from evaluation.sources.air_quality.daily import read_daily
from evaluation.sources.air_quality.tables import DECIMALS, MONTHS_FROM, MONTHS_TO
from evaluation.sources.aqi import POLLUTANTS, composite_index, good_days, individual_indices, overall_aqi
from evaluation.sources.build import BuildSummary, publish
from evaluation.sources.grouped import Groups
from evaluation.sources.manifest import Column, TableInfo
from evaluation.sources.reading import sha256_of
from evaluation.sources.tables import csv_bytes

TABLE = "air_quality/shandong_dekads"
PER_MONTH = 3
_NONE = {"en": "", "zh": ""}
_OF_MONTH = {column.name: column for column in describe.COLUMNS["air_quality/city_month"]}
COLUMNS: tuple[Column, ...] = (
    _OF_MONTH["city"],
    _OF_MONTH["month"],
    Column(
        "dekad",
        "integer",
        _NONE,
        {"en": "1: days 1 to 10, 2: days 11 to 20, 3: the rest", "zh": "1为上旬，2为中旬，3为下旬"},
    ),
    *(_OF_MONTH[name] for name in ("days", "days_aqi", "days_published", "good_days", "good_days_published")),
    *(_OF_MONTH[name] for name in POLLUTANTS),
    Column(
        "composite_stretch",
        "number",
        _NONE,
        {
            "en": "composite index (HJ 663-2013) of the days of this dekad and the two after it, in the row "
            "of dekad 1 the month's own; empty where the record ends before",
            "zh": "本旬及其后两旬逐日值的综合指数（HJ 663-2013）；上旬所列即当月值；不足三旬者空缺",
        },
    ),
)


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
    return frame[[column.name for column in COLUMNS]]


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
    known = record.raw.sha256 == describe.KNOWN_RAW
    months = describe.table_info(
        "air_quality/city_month", b"", 0, raw=record.raw, counts={}
    )  # for the words about the record
    info = TableInfo(
        name=TABLE,
        path=f"{TABLE}.csv",
        sha256=sha256_of(content),
        rows=len(frame),
        title={
            "en": "Air quality of Shandong's 17 prefectures by ten days, December 2013 to January 2017",
            "zh": "山东17市分旬空气质量，2013年12月至2017年1月",
        },
        source=months.source,
        licence={
            "en": "The copy states no licence. Only ten-day figures computed by this project are kept here, "
            "never the daily record.",
            "zh": "该副本未注明许可。这里只保存本项目计算的分旬数值，不保存逐日数据。",
        },
        made_by=f"evaluation data build air_quality_dekads --raw {record.raw.name}",
        columns=COLUMNS,
        raw=record.raw,
        counts={"rows_read": cleaned.counts["rows_read"], "rows_used": int((ours & inside).sum())},
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
        notes=() if known else ("the raw file is not the copy that the project was checked against",),
    )
