"""Which values of the daily record are not measurements: rules as data, every case counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from builders.air_quality.daily import DailyRecord
from builders.aqi import POLLUTANTS

Masks = NDArray[np.bool_]


@dataclass(frozen=True)
class Limit:
    """Above this value a figure is not taken as a measurement of a city's air."""

    value: float
    unit: str
    reason: str


LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "pm25": Limit(
            1000.0,
            "ug/m3",
            "the ordinary range of the network's PM2.5 instruments ends at 1,000 (HJ 653-2013); the highest "
            "daily mean that the day's other pollutants bear out is 897.5 (Shenyang, 8 November 2015)",
        ),
        "pm10": Limit(
            5000.0,
            "ug/m3",
            "half the widest range of the instruments, 10,000 (HJ 653-2013): in a 24-hour mean above it "
            "so many hours stand near the end of the scale that the mean no longer measures the dust; up "
            "to here dust storms are kept",
        ),
        "so2": Limit(
            1000.0,
            "ug/m3",
            "the instruments' range ends at 500 ppb, 1,429 ug/m3 (HJ 654-2013), and a daily mean near it "
            "means an analyser at the end of its scale; the highest that other pollutants bear out is "
            "800.5 (Linfen, 4 January 2017)",
        ),
        "co": Limit(
            30.0,
            "mg/m3",
            "half the instruments' range of 50 ppm, 62.5 mg/m3 (HJ 654-2013); the record's highest is 19.05 "
            "(Tangshan, 21 December 2016), borne out by the particles of that day",
        ),
        "no2": Limit(
            300.0,
            "ug/m3",
            "a quarter above the highest daily mean that other pollutants bear out, 233.3 (Xingtai, "
            "25 December 2013)",
        ),
        "o3": Limit(
            600.0,
            "ug/m3",
            "about the highest 1-hour mean reported for a station in China, 286 ppb or 612 ug/m3 (Wang et "
            "al. 2006, Geophysical Research Letters 33, L21806); in this record values of that size fall "
            "in winter as often as in summer, which photochemistry does not",
        ),
    }
)


@dataclass(frozen=True)
class SourceError:
    """A stretch of a city's record that its own neighbours show to be an instrument's fault."""

    city: str
    pollutant: str
    first: str
    last: str
    reason: str


SOURCE_ERRORS: tuple[SourceError, ...] = (
    SourceError(
        "临安",
        "so2",
        "2016-09-27",
        "2016-10-12",
        "0 for two days, then 350 to 1,471 with clean air in all else",
    ),
    SourceError(
        "临安", "no2", "2016-09-27", "2016-10-09", "2.0 on eleven days running beside the faulty SO2"
    ),
    SourceError(
        "太仓", "no2", "2014-11-22", "2014-11-24", "268 to 574 between days at 115 and 34, all else as usual"
    ),
    SourceError(
        "岳阳", "pm10", "2014-03-29", "2014-03-29", "2,520 with PM2.5 at 36: no dust storm was there"
    ),
    SourceError("铜川", "pm25", "2014-05-18", "2014-05-18", "775 with PM10, of which it is a part, at 134"),
)
"""Declared by hand, after the extremes of the cities in the committed table were looked at.

None concerns a city of Shandong: the comparison of the study rests on general rules alone.
"""

RULES: Mapping[str, str] = MappingProxyType(
    {
        "empty": "the field is empty in the raw file",
        "negative": "below 0: not a concentration",
        "zero": "exactly 0: the record's mark for a missing value; air without the pollutant does not occur",
        "above_limit": "above the pollutant's limit",
        "source_error": "in a stretch declared faulty",
    }
)
"""Why a value is set to missing, in the order in which the rules are tried; each value counts once."""


@dataclass(frozen=True, eq=False)
class CleanRecord:
    """The record with only what is taken as measured.

    Attributes
    ----------
    frame : pandas.DataFrame (days,)
        ``city, date``, the six pollutants and ``aqi``, the published index; NaN where missing.
    missing : mapping of str to mapping of str to int
        Rule of :data:`RULES`, then pollutant, then how many values were set to missing by it.
    counts : mapping of str to int
        ``rows_read``, ``rows_kept``, ``rows_without_any_pollutant`` (dropped), ``published_index_missing``
        (an index of 0 or outside 1 to 500, set to missing) and ``pm25_above_pm10`` (kept: the two are
        measured by different instruments, and stations that report differ; says how good the record is).
    record : DailyRecord
        What was cleaned.
    """

    frame: pd.DataFrame
    missing: Mapping[str, Mapping[str, int]]
    counts: Mapping[str, int]
    record: DailyRecord

    def missing_table(self) -> pd.DataFrame:
        """Values set to missing: a row a rule, a column a pollutant (5, 6)."""
        return pd.DataFrame(self.missing).T[list(POLLUTANTS)].astype("int64")


def clean(
    record: DailyRecord,
    *,
    limits: Mapping[str, Limit] = LIMITS,
    source_errors: tuple[SourceError, ...] = SOURCE_ERRORS,
) -> CleanRecord:
    """Set to missing what is not a measurement, and count every case by rule and pollutant.

    Parameters
    ----------
    record : DailyRecord
        A record as read; it is not changed.
    limits : mapping of str to Limit
        The highest credible value of each pollutant.
    source_errors : tuple of SourceError
        Stretches declared faulty.

    Returns
    -------
    CleanRecord
        The days with at least one valid pollutant.
    """
    frame = record.frame.copy()
    missing: dict[str, dict[str, int]] = {rule: {} for rule in RULES}
    for pollutant in POLLUTANTS:
        values = frame[pollutant].to_numpy(dtype=np.float64)
        masks: dict[str, Masks] = {
            "empty": np.isnan(values),
            "negative": values < 0,
            "zero": values == 0,
            "above_limit": values > limits[pollutant].value,
            "source_error": _declared(frame, pollutant, source_errors),
        }
        taken = np.zeros(len(values), dtype=bool)
        for rule in RULES:
            mask = masks[rule] & ~taken
            missing[rule][pollutant] = int(mask.sum())
            taken |= mask
        frame[pollutant] = np.where(taken, np.nan, values)
    published = frame["aqi"].to_numpy(dtype=np.float64)
    has_index = (published >= 1) & (published <= 500)
    frame["aqi"] = np.where(has_index, published, np.nan)
    measured = frame[list(POLLUTANTS)].notna().any(axis=1)
    kept = frame.loc[measured, ["city", "date", *POLLUTANTS, "aqi"]].reset_index(drop=True)
    counts = {
        "rows_read": len(frame),
        "rows_kept": len(kept),
        "rows_without_any_pollutant": int((~measured).sum()),
        "published_index_missing": int((~has_index).sum()),
        "pm25_above_pm10": int((kept["pm25"] > kept["pm10"]).sum()),
    }
    return CleanRecord(frame=kept, missing=missing, counts=counts, record=record)


def _declared(frame: pd.DataFrame, pollutant: str, source_errors: tuple[SourceError, ...]) -> Masks:
    mask = np.zeros(len(frame), dtype=bool)
    for error in source_errors:
        if error.pollutant == pollutant:
            days = frame["date"].between(pd.Timestamp(error.first), pd.Timestamp(error.last))
            mask |= (days & (frame["city"] == error.city)).to_numpy()
    return mask
