"""What a study of approval cases holds beyond its estimates: open cases, the item mix, files passed over."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from evaluation.analysis.staggered import StaggeredCase
from evaluation.analysis.staggered.case import MIX
from evaluation.sources.manifest import load_manifest, read_table

_MONTHLY = ("mean", "restricted_mean", "true_mean", "cases", "open")


@dataclass(frozen=True, eq=False)
class OpenCases:
    """Ways of taking a mean of durations beside the truth, by month of acceptance.

    Attributes
    ----------
    frame : pandas.DataFrame
        Index months (Period); ``mean`` (decided cases), ``restricted_mean`` (all; missing where the record
        ends before the horizon), ``true_mean``, ``cases``, ``open``: over all places, weighed by cases.
    """

    frame: pd.DataFrame = field(repr=False)

    @property
    def shortfall(self) -> pd.Series:
        """By how much the mean of decided cases falls short of the truth, as a share of it."""
        return 1 - self.frame["mean"] / self.frame["true_mean"]


def open_cases(case: StaggeredCase) -> OpenCases | None:
    """Means with and without open cases over the whole record; None for a table that has not both.

    Parameters
    ----------
    case : StaggeredCase
    """
    data = case.study.data
    if not set(_MONTHLY) <= set(case.table.columns):
        return None
    table, _ = read_table(data.table, case.root / "data")
    months = pd.PeriodIndex(table[data.time], freq=data.frequency)
    weight = table["cases"]
    made = pd.DataFrame({"month": months, "cases": weight, "open": table["open"]})
    for name in ("mean", "restricted_mean", "true_mean"):
        made[name] = table[name] * weight
        made.loc[table[name].isna(), name] = np.nan
    summed = made.groupby("month").sum(min_count=1)
    unknown = made.isna().groupby(made["month"]).any()
    summed = summed.mask(unknown.reindex(columns=summed.columns))
    for name in ("mean", "restricted_mean", "true_mean"):
        summed[name] = summed[name] / summed["cases"]
    return OpenCases(summed)


def item_mix(case: StaggeredCase) -> pd.DataFrame | None:
    """The decomposition that stands beside the study's table; None where there is none.

    Returns
    -------
    pandas.DataFrame
        As `evaluation.sources.approvals.Decomposition`, index district; the first row is the whole city.
    """
    folder = case.root / "data"
    name = case.study.data.table.removesuffix("_month") + MIX
    if name not in {table.name for table in load_manifest(folder).tables}:
        return None
    return read_table(name, folder)[0].set_index("district")


def passed_over(case: StaggeredCase) -> dict[str, str]:
    """Files that the tables were made without because they could not be read: name to what was wrong."""
    found: dict[str, str] = {}
    for source in case.sources:
        found |= dict(source.counts.get("files_passed_over", {}))
    return found
