"""China's air quality index and composite index, as the national standards define them.

Standards
---------
HJ 633-2012
    环境空气质量指数（AQI）技术规定（试行）, Technical Regulation on Ambient Air Quality Index (on
    trial), 29 February 2012. Section 4: table 1 (breakpoints), equation (1) (individual index),
    equation (2) (index), primary pollutant. Results are carried up to whole numbers.
HJ 663-2013
    环境空气质量评价技术规范（试行）, Technical Regulation for Ambient Air Quality Assessment (on
    trial), 22 September 2013. Statistics that each pollutant is assessed by; appendix A:
    percentiles. The sum of the six single indices is the index of the national city ranking
    (环办〔2014〕64号, 城市环境空气质量排名技术规定).
GB 3095-2012
    环境空气质量标准, Ambient Air Quality Standards: the grade II limits of the single indices, at
    273 K and 101.325 kPa.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from builders.grouped import Groups
from evaluation.errors import DataError

Floats = NDArray[np.float64]

POLLUTANTS: tuple[str, ...] = ("pm25", "pm10", "so2", "co", "no2", "o3")
"""The six pollutants of the index, in the order of the daily record."""

UNITS: Mapping[str, str] = {name: "mg/m3" if name == "co" else "ug/m3" for name in POLLUTANTS}

INDEX_LEVELS: tuple[int, ...] = (0, 50, 100, 150, 200, 300, 400, 500)
"""Individual index at each breakpoint: HJ 633-2012, table 1, first column."""


@dataclass(frozen=True)
class Breakpoints:
    """One column of HJ 633-2012, table 1: what is averaged, over how long, and the limits."""

    pollutant: str
    averaging: str
    unit: str
    limits: tuple[float, ...]


BREAKPOINTS: Mapping[str, Breakpoints] = {
    "so2": Breakpoints("SO2", "24-hour mean", "ug/m3", (0, 50, 150, 475, 800, 1600, 2100, 2620)),
    "no2": Breakpoints("NO2", "24-hour mean", "ug/m3", (0, 40, 80, 180, 280, 565, 750, 940)),
    "pm10": Breakpoints("PM10", "24-hour mean", "ug/m3", (0, 50, 150, 250, 350, 420, 500, 600)),
    "co": Breakpoints("CO", "24-hour mean", "mg/m3", (0, 2, 4, 14, 24, 36, 48, 60)),
    "o3": Breakpoints("O3", "1-hour mean", "ug/m3", (0, 160, 200, 300, 400, 800, 1000, 1200)),
    "o3_8h": Breakpoints("O3", "8-hour moving mean", "ug/m3", (0, 100, 160, 215, 265, 800)),
    "pm25": Breakpoints("PM2.5", "24-hour mean", "ug/m3", (0, 35, 75, 115, 150, 250, 350, 500)),
}

GOOD_DAY_LIMIT = 100
"""A good day (优良天数) has an index of at most 100: HJ 633-2012, table 2, grades I and II."""

MINIMUM_POLLUTANTS = 5
"""A day has an index when at least five of the six pollutants are valid.

The index is a maximum, so every missing pollutant can only make a day look better than it was. One
that is missing seldom matters (in Shandong on 5 of 18,628 city-days of 2014-2016); with two missing,
usually both kinds of particles in a dust storm, the rest would call the day good.
"""


@dataclass(frozen=True)
class SingleIndex:
    """What a pollutant contributes to the composite index: a statistic over a limit."""

    statistic: str
    percentile: float | None
    limit: float
    unit: str


SINGLE_INDICES: Mapping[str, SingleIndex] = {
    "so2": SingleIndex("mean of daily means", None, 60.0, "ug/m3"),
    "no2": SingleIndex("mean of daily means", None, 40.0, "ug/m3"),
    "pm10": SingleIndex("mean of daily means", None, 70.0, "ug/m3"),
    "pm25": SingleIndex("mean of daily means", None, 35.0, "ug/m3"),
    "co": SingleIndex("95th percentile of daily means", 0.95, 4.0, "mg/m3"),
    "o3": SingleIndex("90th percentile of daily maxima of the 8-hour mean", 0.90, 160.0, "ug/m3"),
}

OZONE_NOTE = (
    "The record's o3 behaves like the daily maximum of the 1-hour mean. The composite index asks for the "
    "8-hour mean, which is lower: the ozone part, and with it the index, stands somewhat above the official "
    "one. It is the same for every city, so changes and comparisons are little touched."
)


def individual_aqi(pollutant: str, concentration: ArrayLike) -> Floats:
    """Individual air quality index (IAQI) of one pollutant: HJ 633-2012, equation (1) and table 1.

    Linear between the breakpoints and carried up to a whole number. Beyond the last breakpoint the
    index is 500; the 8-hour ozone column ends at 800 ug/m3 (index 300), above which the standard
    computes no 8-hour index, so the value is missing.

    Parameters
    ----------
    pollutant : {"pm25", "pm10", "so2", "co", "no2", "o3", "o3_8h"}
        ``o3`` is the 1-hour mean, ``o3_8h`` the 8-hour mean, the others 24-hour means.
    concentration : array-like of float (...)
        ug/m3, for ``co`` mg/m3. NaN is missing.

    Returns
    -------
    ndarray of float (...)
        Whole numbers from 0 to 500; NaN where the concentration is missing.

    Raises
    ------
    DataError
        The pollutant is not in the standard, or a concentration is negative.
    """
    column = _breakpoints(pollutant)
    values = np.asarray(concentration, dtype=np.float64)
    negative = values < 0
    if negative.any():
        raise DataError(
            f"{int(negative.sum())} concentrations of {pollutant} are negative",
            expected="concentrations of at least 0, missing ones as NaN",
            fix="clean the record first",
        )
    levels = INDEX_LEVELS[: len(column.limits)]
    index = np.interp(values, column.limits, levels)
    # rounding error must not carry an index that is whole on paper up to the next number
    index = np.ceil(index - 1e-9)
    missing = np.isnan(values)
    if len(levels) < len(INDEX_LEVELS):
        missing |= values > column.limits[-1]
    return np.where(missing, np.nan, index)


def individual_indices(daily: pd.DataFrame, *, ozone: str = "o3") -> pd.DataFrame:
    """Individual index of all six pollutants for every day.

    Parameters
    ----------
    daily : pandas.DataFrame (days,)
        Columns ``pm25, pm10, so2, co, no2`` and the one that ``ozone`` names.
    ozone : {"o3", "o3_8h"}
        Which ozone statistic the table holds. Above 800 ug/m3 the 8-hour value is read on the
        1-hour scale, as the standard asks, for the 1-hour maximum cannot lie below it.

    Returns
    -------
    pandas.DataFrame (days, 6)
        Columns :data:`POLLUTANTS`, indexed as ``daily``.

    Raises
    ------
    DataError
        A column is absent or a concentration negative.
    """
    columns = {name: ozone if name == "o3" else name for name in POLLUTANTS}
    absent = [column for column in columns.values() if column not in daily.columns]
    if absent:
        raise DataError(
            "the index needs six pollutants",
            where="absent: " + ", ".join(absent),
            expected="the columns " + ", ".join(columns.values()),
        )
    table = {}
    for name, column in columns.items():
        index = individual_aqi(column, daily[column].to_numpy(dtype=np.float64))
        if column == "o3_8h":
            values = daily[column].to_numpy(dtype=np.float64)
            above = values > BREAKPOINTS[column].limits[-1]
            index[above] = individual_aqi("o3", values[above])
        table[name] = index
    return pd.DataFrame(table, index=daily.index)


def overall_aqi(indices: pd.DataFrame, *, minimum: int = MINIMUM_POLLUTANTS) -> Floats:
    """Air quality index of each day: the largest individual index, HJ 633-2012, equation (2).

    Parameters
    ----------
    indices : pandas.DataFrame (days, 6)
        Individual indices as :func:`individual_indices` gives them.
    minimum : int
        Pollutants that must be valid for the day to have an index.

    Returns
    -------
    ndarray of float (days,)
        Whole numbers from 0 to 500; NaN where fewer than ``minimum`` pollutants are valid.
    """
    values = indices[list(POLLUTANTS)].to_numpy(dtype=np.float64)
    valid = ~np.isnan(values)
    largest = np.where(valid, values, -1.0).max(axis=1, initial=-1.0)
    return np.where(valid.sum(axis=1) >= max(minimum, 1), largest, np.nan)


def primary_pollutant(indices: pd.DataFrame) -> list[str]:
    """Primary pollutant of each day: the one with the largest index when that is above 50.

    HJ 633-2012, section 4. Several with the same index are all primary, joined by ``+``; a day at or below
    50 has none, the empty text.

    Parameters
    ----------
    indices : pandas.DataFrame (days, 6)
        Individual indices as :func:`individual_indices` gives them.

    Returns
    -------
    list of str (days,)
        Names out of :data:`POLLUTANTS`.
    """
    values = np.nan_to_num(indices[list(POLLUTANTS)].to_numpy(dtype=np.float64), nan=-1.0)
    largest = values.max(axis=1, initial=-1.0)
    first = (values == largest[:, None]) & (largest > 50)[:, None]
    return [
        "+".join(name for name, is_first in zip(POLLUTANTS, row, strict=True) if is_first) for row in first
    ]


def good_days(aqi: ArrayLike) -> NDArray[np.bool_]:
    """Which days are good: an index of at most 100. A day without an index is not counted as good."""
    return np.asarray(aqi, dtype=np.float64) <= GOOD_DAY_LIMIT


def composite_index(daily: pd.DataFrame, by: Sequence[str] = (), *, ozone: str = "o3") -> pd.DataFrame:
    """Composite index: the sum of the six single indices, HJ 663-2013.

    SO2, NO2, PM10 and PM2.5 enter by the mean of the daily means over 60, 40, 70 and 35 ug/m3; CO by
    the 95th percentile of the daily means over 4 mg/m3; ozone by the 90th percentile of the daily
    maxima over 160 ug/m3. Percentiles follow appendix A. Lower is better. See :data:`OZONE_NOTE` for
    a record that holds the 1-hour ozone maximum.

    Parameters
    ----------
    daily : pandas.DataFrame (days,)
        Daily concentrations, NaN for missing.
    by : sequence of str
        Columns that name the place and period; none means that all rows are one.
    ozone : str
        Column of the daily ozone maximum.

    Returns
    -------
    pandas.DataFrame (n_groups,)
        Columns ``so2, no2, pm10, pm25, co, o3`` (single indices) and ``composite``, which is NaN
        when a pollutant has no valid day.
    """
    groups = Groups(daily, by)
    table: dict[str, Floats] = {}
    for name, single in SINGLE_INDICES.items():
        values = daily[ozone if name == "o3" else name].to_numpy(dtype=np.float64)
        statistic = (
            groups.mean(values) if single.percentile is None else groups.percentile(values, single.percentile)
        )
        table[name] = statistic / single.limit
    table["composite"] = np.sum([table[name] for name in SINGLE_INDICES], axis=0)
    return pd.DataFrame(table, index=groups.index)


def _breakpoints(pollutant: str) -> Breakpoints:
    try:
        return BREAKPOINTS[pollutant]
    except KeyError:
        raise DataError(
            f"{pollutant!r} has no air quality index", expected="one of " + ", ".join(BREAKPOINTS)
        ) from None
