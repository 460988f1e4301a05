"""What the published figures on approval limits can mean: bounds, by arithmetic alone.

Two figures of Zibo for 2015 are a number of items and a sum of promised limits, before and after. How the sum
fell depends on how long the dropped items were, which was not published.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from evaluation.errors import DataError
from evaluation.panel import require_columns
from evaluation.sources.manifest import read_table

FIGURES = ("items_before", "items_after", "days_before", "days_after")


@dataclass(frozen=True)
class Limits:
    """Items under approval and the sum of their promised limits, before and after.

    Attributes
    ----------
    items_before, items_after : int
    days_before, days_after : float
        Sum of promised limits, working days.
    least : float
        Shortest limit that an item can have, working days.

    Raises
    ------
    DataError
        Figures that no list of items can have.
    """

    items_before: int
    items_after: int
    days_before: float
    days_after: float
    least: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.items_after < self.items_before:
            raise DataError(
                f"{self.items_before} items before and {self.items_after} after",
                expected="fewer after than before, and more than none",
            )
        for items, days in ((self.items_before, self.days_before), (self.items_after, self.days_after)):
            if days < items * self.least:
                raise DataError(
                    f"{items} items of at least {self.least:g} days cannot sum to {days:g}",
                    expected="a sum of limits that the items can have",
                )

    @property
    def dropped(self) -> int:
        """Items that are no longer there, none being new."""
        return self.items_before - self.items_after

    def kept_before(self, dropped_mean: float) -> float:
        """Sum of the kept items' limits before, when the dropped ones had this mean limit."""
        return self.days_before - self.dropped * dropped_mean

    def handling(self, dropped_mean: float) -> float:
        """Change of the kept items' limits in working days, when the dropped ones had this mean limit."""
        return self.days_after - self.kept_before(dropped_mean)

    def dropped_mean(self, handling: float) -> float:
        """Mean limit of the dropped items at which the kept items' limits changed by this much."""
        return (handling - self.days_after + self.days_before) / self.dropped


def limit_bounds(limits: Limits) -> pd.DataFrame:
    """What the fall of the sum can be made of.

    With D the dropped items' limits before, the sum fell by D through dropping and changed by
    ``days_after - (days_before - D)`` through other limits for the kept items: the two add up to the whole
    change, and one number moves both.

    Parameters
    ----------
    limits : Limits

    Returns
    -------
    pandas.DataFrame
        ``case, dropped_mean, dropped, handling, percent``: mean limit of a dropped item; part of the change
        through dropping and through handling, working days; handling as a percentage of the kept items'
        limits before. Cases: ``shortest`` (every dropped item had the least limit: the most that handling
        can have done), ``all_dropped`` (no kept item's limit changed), ``average`` (dropped items were like
        all) and ``longest`` (every kept item had the least limit before: the least that handling can have
        done).
    """
    means = {
        "shortest": limits.least,
        "all_dropped": limits.dropped_mean(0.0),
        "average": limits.days_before / limits.items_before,
        "longest": (limits.days_before - limits.items_after * limits.least) / limits.dropped,
    }
    rows = []
    for case, mean in means.items():
        part = limits.handling(mean)
        rows.append(
            {
                "case": case,
                "dropped_mean": mean,
                "dropped": -limits.dropped * mean,
                "handling": part,
                "percent": 100 * part / limits.kept_before(mean),
            }
        )
    return pd.DataFrame(rows)


def limit_curve(limits: Limits, points: int = 121) -> pd.DataFrame:
    """The change of the kept items' limits in percent by the mean limit of a dropped item.

    Returns
    -------
    pandas.DataFrame
        ``dropped_mean, percent``, from the least limit to somewhat beyond the mean of all items.
    """
    mean = limits.days_before / limits.items_before
    at = np.linspace(limits.least, 1.1 * mean, points)
    return pd.DataFrame({"dropped_mean": at, "percent": [100 * _share(limits, x) for x in at]})


def _share(limits: Limits, mean: float) -> float:
    return limits.handling(mean) / limits.kept_before(mean)


def compatible(below_limit: float, points: int = 121, most: float = 1.2) -> pd.DataFrame:
    """Changes in handling time that are compatible with "at least so far below the statutory limit".

    The statement is about the share of the limit taken afterwards, ``after <= 1 - below_limit``. The change
    is ``after / before - 1``; ``before``, the share taken earlier, is not part of the statement.

    Parameters
    ----------
    below_limit : float
        Such as 0.8.
    points : int
    most : float
        Largest share of the limit taken before that is looked at; above 1 the limit was not kept.

    Returns
    -------
    pandas.DataFrame
        ``before`` (share of the limit) and ``percent``: the smallest fall that the statement implies, in
        percent (positive where even a rise is compatible).

    Raises
    ------
    DataError
        The statement is no share between 0 and 1.
    """
    if not 0 < below_limit < 1:
        raise DataError(f"a time {below_limit:g} below the limit", expected="a share between 0 and 1")
    before = np.linspace(0.85 * (1 - below_limit), most, points)
    return pd.DataFrame({"before": before, "percent": 100 * ((1 - below_limit) / before - 1)})


def official_limits(root: Path, table: str) -> Limits:
    """Published figures on items and their promised limits.

    Parameters
    ----------
    root : Path
        The project folder.
    table : str
        With the columns ``figure`` and ``value``.
    """
    frame, _ = read_table(table, root / "data")
    require_columns(frame, ["figure", "value"], table=f"table {table}")
    value = dict(zip(frame["figure"], frame["value"], strict=True))
    absent = [name for name in FIGURES if name not in value]
    if absent:
        raise DataError(
            f"the table {table} lacks {', '.join(absent)}",
            where="column figure",
            expected="a row for each of " + ", ".join(FIGURES),
        )
    return Limits(
        int(value["items_before"]),
        int(value["items_after"]),
        float(value["days_before"]),
        float(value["days_after"]),
    )
