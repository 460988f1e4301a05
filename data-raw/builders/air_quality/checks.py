"""Is the record right? Official figures and an independent copy, beside the same from this record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from builders.aqi import POLLUTANTS
from evaluation.errors import DataError

LARGEST_GAP = 15.0
MEDIAN_GAP = 3.0
"""Percent: each official figure is met within the first, and half of them within the second."""

CORRELATION = 0.99
"""What the daily values of an independent copy are expected to exceed."""

DAYS_ABOVE_200 = "days_aqi_above_200"
PROVINCE_MEAN = "山东17市平均"
"""Place of an official figure that is the mean over the province's seventeen cities."""


def official_checkpoints(days: pd.DataFrame, figures: pd.DataFrame, cities: Sequence[str]) -> pd.DataFrame:
    """Official monthly and yearly figures beside the same figure computed from the daily record.

    Parameters
    ----------
    days : pandas.DataFrame (days,)
        A cleaned record: ``city, date``, the pollutants, ``aqi``.
    figures : pandas.DataFrame (figures,)
        ``period`` (2014-02 or 2015), ``place`` (a city, or :data:`PROVINCE_MEAN`), ``variable`` (a
        pollutant, whose mean is meant, or :data:`DAYS_ABOVE_200`, days with a published index above 200)
        and ``official``.
    cities : sequence of str
        The cities that the province's mean is over.

    Returns
    -------
    pandas.DataFrame (figures,)
        The figures with ``recomputed`` and ``gap_percent``, 100 (recomputed - official) / official; NaN where
        the record has no day of that place and period.

    Raises
    ------
    DataError
        A variable is not one that can be recomputed.
    """
    unknown = set(figures["variable"]) - {*POLLUTANTS, DAYS_ABOVE_200}
    if unknown:
        raise DataError(
            "official figures of unknown variables: " + ", ".join(sorted(unknown)),
            expected="one of " + ", ".join([*POLLUTANTS, DAYS_ABOVE_200]),
        )
    days = days[days["city"].isin({*cities, *figures["place"]})]
    found = [
        _recomputed(days, period, list(cities) if place == PROVINCE_MEAN else [place], variable)
        for period, place, variable in figures[["period", "place", "variable"]].itertuples(index=False)
    ]
    table = figures.copy()
    table["recomputed"] = np.array(found, dtype=np.float64)
    table["gap_percent"] = 100.0 * (table["recomputed"] - table["official"]) / table["official"]
    return table


def _recomputed(days: pd.DataFrame, period: str, places: Sequence[str], variable: str) -> float:
    start = pd.Period(period)
    inside = days["date"].between(start.start_time, start.end_time) & days["city"].isin(places)
    chosen = days[inside]
    if chosen.empty:
        return float("nan")
    if variable == DAYS_ABOVE_200:
        return float((chosen["aqi"] > 200).sum()) / len(places)
    return float(chosen.groupby("city")[variable].mean().mean())


def compare_copies(days: pd.DataFrame, copy: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Correlation of this record's daily particles with an independent copy, city by city.

    Parameters
    ----------
    days : pandas.DataFrame (days,)
        A cleaned record: ``city, date, pm25, pm10``.
    copy : pandas.DataFrame (rows,)
        ``city, date, pm25, pm10``; rows repeated word for word count once, zeros are missing.
    names : mapping of str to str
        The copy's name of each city to the record's.

    Returns
    -------
    pandas.DataFrame (cities x 2,)
        ``city, pollutant, days`` (with both values), ``correlation``, ``correlation_changes`` (of the change
        from the day before, which a common season cannot make high), ``median_gap_percent`` (of record over
        copy) and ``above_099``.

    Raises
    ------
    DataError
        The copy holds two different rows for one city-day, or a city that ``names`` lacks.
    """
    unknown = sorted(set(copy["city"]) - set(names))
    if unknown:
        raise DataError("cities of the copy have no name in the record: " + ", ".join(unknown))
    other = copy.drop_duplicates(["city", "date", "pm25", "pm10"])
    twice = other[other.duplicated(["city", "date"], keep=False)]
    if not twice.empty:
        first = twice.iloc[0]
        raise DataError(
            "the copy holds different rows for one city-day", where=f"first: {first['city']} {first['date']}"
        )
    other = other.assign(
        city=other["city"].map(names), date=pd.to_datetime(other["date"]).astype(days["date"].dtype)
    )
    both = days.merge(other, on=["city", "date"], suffixes=("", "_copy"), validate="one_to_one").sort_values(
        ["city", "date"]
    )
    rows = []
    for city, part in both.groupby("city", sort=True):
        for pollutant in ("pm25", "pm10"):
            copied = part[f"{pollutant}_copy"].astype("float64").replace(0.0, np.nan)
            pair = pd.DataFrame({"ours": part[pollutant], "copy": copied, "date": part["date"]}).dropna()
            follows = pair["date"].diff() == pd.Timedelta(days=1)
            changes = pair[["ours", "copy"]].diff()[follows]
            correlation = float(pair["ours"].corr(pair["copy"]))
            rows.append(
                {
                    "city": city,
                    "pollutant": pollutant,
                    "days": len(pair),
                    "correlation": correlation,
                    "correlation_changes": float(changes["ours"].corr(changes["copy"])),
                    "median_gap_percent": float((100.0 * (pair["ours"] / pair["copy"] - 1.0)).median()),
                    "above_099": correlation > CORRELATION,
                }
            )
    return pd.DataFrame(rows)
