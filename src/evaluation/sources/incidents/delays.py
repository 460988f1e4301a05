"""How complete each month is: late reports have not all come in when a record is taken."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LONGEST = 365
"""Days after which a report is taken to come no more, where no longest delay is set."""


def completeness(
    found: pd.DataFrame, months: pd.PeriodIndex, as_of: str, longest_delay: int | None = None
) -> pd.DataFrame:
    """Share of each month's incidents that was reported by the day of the export.

    Delays are seen only up to the day of the export, so recent months show short ones only. The
    share reported within d days is estimated as the product over k > d of one minus g(k), with g(k)
    the reports that came after exactly k days over those that came within k days, in months that are old
    enough to show both: the estimator for right truncation of Lagakos, Barraj and De Gruttola (1988,
    Biometrika 75), used for reporting delays by Kalbfleisch and Lawless (1989). It supposes that delays
    have the same distribution in all months.

    Parameters
    ----------
    found : pandas.DataFrame
        ``month`` (months since year 0), ``delay`` (days), ``rows``.
    months : pandas.PeriodIndex
    as_of : str
        Day of the export.
    longest_delay : int, optional
        Delays that count; `LONGEST` when absent. The share is of what will be reported within it.

    Returns
    -------
    pandas.DataFrame
        ``month, reported`` (incidents in the record within the longest delay), ``complete`` (estimated
        share, 1 where every day of the month is older than the longest delay), ``late`` (share of what was
        reported that came after more than 30 days).
    """
    longest = LONGEST if longest_delay is None else longest_delay
    day = np.datetime64(pd.Timestamp(as_of), "D")
    last = months.end_time.to_numpy().astype("datetime64[D]")
    seen_to = (day - last).astype(np.int64)
    first = months[0].year * 12 + months[0].month - 1
    place = found["month"].to_numpy(dtype=np.int64) - first
    delay = found["delay"].to_numpy(dtype=np.int64)
    weight = found["rows"].to_numpy(dtype=float)
    inside = delay <= longest
    width = longest + 1
    table = np.bincount(place[inside] * width + delay[inside], weight[inside], len(months) * width).reshape(
        len(months), width
    )
    # a month shows delays of all its days only up to the age of its last day
    shown = np.arange(width)[None, :] <= seen_to[:, None]
    exactly = np.where(shown, table, 0.0).sum(axis=0)
    within = np.where(shown, table.cumsum(axis=1), 0.0).sum(axis=0)
    share = _within(exactly, within)
    first_day = months.start_time.to_numpy().astype("datetime64[D]")
    complete = [
        float(np.mean(share[np.minimum((day - np.arange(a, b + 1)).astype(np.int64), longest)]))
        for a, b in zip(first_day, last, strict=True)
    ]
    reported = table.sum(axis=1)
    with np.errstate(invalid="ignore"):
        late = table[:, 31:].sum(axis=1) / reported
    return pd.DataFrame({"month": months, "reported": reported, "complete": complete, "late": late})


def _within(exactly: NDArray[np.float64], within: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share reported within 0, 1, ... days: reverse-time product limit."""
    with np.errstate(invalid="ignore", divide="ignore"):
        hazard = np.where(within > 0, exactly / within, 0.0)
    product = np.cumprod((1.0 - hazard)[::-1])[::-1]
    return np.append(product[1:], 1.0)
