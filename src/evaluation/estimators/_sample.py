"""From a panel and a design to the arrays of a regression, with every dropped row counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.clusters import Clusters, read_clusters
from evaluation.design import NEVER, Design
from evaluation.errors import DataError, DesignError, shortlist
from evaluation.numerics.demean import singletons as find_singletons
from evaluation.panel import Panel
from evaluation.result import SampleCount

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows that enter a regression.

    Attributes
    ----------
    unit, time : ndarray of int (rows,)
        Codes in the panel's units and periods.
    group : ndarray of int (n_units,)
        Position of the unit's cohort in ``cohort_values``; the number of cohorts for never treated.
    outcome : ndarray (rows,)
    covariates : ndarray (rows, p)
    weights : ndarray (rows,), optional
    complete : bool
        Rows are all unit-periods in order, so that a column is a matrix as it lies.
    """

    panel: Panel
    design: Design
    unit: IntArray
    time: IntArray
    group: IntArray
    cohort_values: NDArray[np.int64]
    cohort_labels: pd.Index
    outcome: FloatArray
    covariates: FloatArray
    weights: FloatArray | None
    clusters: tuple[Clusters, ...]
    complete: bool
    dropped: dict[str, int]
    notes: tuple[str, ...]
    n_units: int
    n_periods: int
    n_treated: int
    rows: IntArray | None

    @property
    def n_rows(self) -> int:
        return len(self.outcome)

    def column(self, name: str) -> FloatArray:
        """Another column of the panel in the rows of the sample."""
        values = self.panel.column(name)
        return values if self.rows is None else values[self.rows]

    def without(self, reason: str, gone: NDArray[np.bool_]) -> Sample:
        """The sample less some of its rows (rows,), counted under a reason."""
        kept = np.flatnonzero(~gone)
        unit, time = self.unit[kept], self.time[kept]
        seen = np.bincount(unit, minlength=self.panel.n_units) > 0
        clusters = tuple(c.among(seen, time, kept) for c in self.clusters)
        return replace(
            self,
            unit=unit,
            time=time,
            outcome=self.outcome[kept],
            covariates=self.covariates[kept],
            weights=None if self.weights is None else self.weights[kept],
            clusters=clusters,
            complete=False,
            dropped={**self.dropped, reason: self.dropped.get(reason, 0) + int(gone.sum())},
            n_units=int(seen.sum()),
            n_periods=len(np.unique(time)),
            n_treated=int((seen & (self.group < len(self.cohort_values))).sum()),
            rows=kept if self.rows is None else self.rows[kept],
        )

    @property
    def event_time(self) -> NDArray[np.float64]:
        """Periods since treatment by cohort (G + 1, T); NaN in the last row, never treated."""
        table = np.full((len(self.cohort_values) + 1, self.panel.n_periods), np.nan)
        table[:-1] = self.panel.ordinals[None, :] - self.cohort_values[:, None]
        return table

    def count(self) -> SampleCount:
        return SampleCount(
            units=self.n_units,
            periods=self.n_periods,
            treated=self.n_treated,
            observations=self.n_rows,
            clusters=tuple(c.n for c in self.clusters),
            dropped=self.dropped,
        )


def build_sample(
    panel: Panel,
    design: Design,
    *,
    clustered: bool = True,
    always_treated: str = "keep",
    singletons: str = "keep",
    drop_cells: tuple[int, int] | None = None,
    required: tuple[str, ...] = (),
) -> Sample:
    """Rows with everything that a regression needs.

    Parameters
    ----------
    panel : Panel
    design : Design
    clustered : bool
        Whether clusters are read.
    always_treated : {"keep", "drop"}
        Units treated from their first period of the panel on.
    singletons : {"keep", "drop"}
        Rows alone in their unit or period.
    drop_cells : tuple of int, optional
        Window of event times; rows of treated units outside it are dropped.
    required : tuple of str
        Further columns whose missing rows are dropped.

    Raises
    ------
    DataError, DesignError
        Columns that are absent, not numeric or infinite; weights below 0; nothing left.
    """
    if panel.n_periods < 2:
        raise DesignError(
            f"the panel has one period, {panel.periods[0]}",
            expected="at least one period before and one after treatment",
            fix="add earlier periods to the table",
        )
    cohorts = design.cohorts(panel)
    group = np.searchsorted(cohorts.values, cohorts.first).astype(np.intp)
    group[cohorts.first == NEVER] = len(cohorts.values)
    outcome = panel.column(design.outcome)
    weights = None if design.weights is None else panel.column(design.weights)
    covariates = (
        np.column_stack([panel.column(name) for name in design.covariates])
        if design.covariates
        else np.empty((panel.n_rows, 0))
    )
    dropped: dict[str, int] = {}
    notes: list[str] = [*cohorts.notes]
    keep = np.ones(panel.n_rows, dtype=bool)

    def drop(reason: str, rows: NDArray[np.bool_]) -> int:
        gone = int((rows & keep).sum())
        if gone:
            dropped[reason] = gone
            keep[rows] = False
        return gone

    drop(f"missing outcome {design.outcome!r}", np.isnan(outcome))
    for j, name in enumerate(design.covariates):
        drop(f"missing covariate {name!r}", np.isnan(covariates[:, j]))
    for name in required:
        drop(f"missing {name!r}", np.isnan(panel.column(name)))
    if weights is not None:
        if (weights < 0).any():
            raise DataError(
                f"weights in column {design.weights!r} are below 0",
                where=f"rows {shortlist(panel.frame.index[weights < 0])}",
                expected="0 or more",
            )
        drop(f"missing weight {design.weights!r}", np.isnan(weights))
        drop(f"weight {design.weights!r} is 0", weights == 0)
    early = cohorts.first - design.anticipation <= panel.ordinals[0]
    if early.any():
        if always_treated == "drop":
            drop("unit treated from the first period on", early[panel.unit_codes])
        else:
            notes.append(
                f"{int(early.sum())} units are treated in every period and serve as comparisons "
                f"({shortlist(panel.units[early])})"
            )
    if drop_cells is not None:
        low, high = drop_cells
        first = cohorts.first[panel.unit_codes]
        distance = panel.ordinals[panel.time_codes] - np.where(first == NEVER, 0, first)
        drop(f"event time outside {low} to {high}", (first != NEVER) & ((distance < low) | (distance > high)))
    everything = bool(keep.all())
    count = _count_singletons(panel, keep, everything)
    if count is not None and count.any():
        if singletons == "drop":
            drop("alone in its unit or period", count)
        else:
            notes.append(
                f"{int(count.sum())} rows are alone in their unit or period: they are fitted perfectly "
                "and counted as observations"
            )
    if not keep.any():
        raise DataError(
            "no row is left: " + ", ".join(f"{reason} ({n})" for reason, n in dropped.items()),
            fix=f"look at the columns of {design.outcome!r} and its covariates, weights and clusters",
        )
    everything = bool(keep.all())
    rows: IntArray | None = None if everything else np.flatnonzero(keep)
    complete = everything and panel.is_balanced and panel.in_order
    if not complete and (everything or int(keep.sum()) == panel.n_rows) and panel.is_balanced:
        # a balanced table in any order is sorted once
        rows = np.argsort(panel.cells)
        complete = True

    def take(values: Any) -> Any:
        return values if rows is None else values[rows]

    unit, time = take(panel.unit_codes), take(panel.time_codes)
    if everything:
        seen = np.ones(panel.n_units, dtype=bool)
        n_periods = panel.n_periods
    else:
        seen = np.bincount(unit, minlength=panel.n_units) > 0
        n_periods = int((np.bincount(time, minlength=panel.n_periods) > 0).sum())
    treated = seen & cohorts.treated
    if not treated.any():
        raise DesignError(
            "no treated unit is left in the sample",
            where=", ".join(f"{reason}: {n} rows" for reason, n in dropped.items()),
            fix="look at the missing values of the treated units",
        )
    return Sample(
        panel=panel,
        design=design,
        unit=unit,
        time=time,
        group=group,
        cohort_values=cohorts.values,
        cohort_labels=cohorts.labels,
        outcome=take(outcome),
        covariates=take(covariates),
        weights=None if weights is None else take(weights),
        clusters=read_clusters(panel, design, rows, unit, time, seen, n_periods) if clustered else (),
        complete=complete,
        dropped=dropped,
        notes=tuple(notes),
        n_units=int(seen.sum()),
        n_periods=n_periods,
        n_treated=int(treated.sum()),
        rows=rows,
    )


def _count_singletons(panel: Panel, keep: NDArray[np.bool_], everything: bool) -> NDArray[np.bool_] | None:
    if everything and panel.is_balanced:
        return None
    if everything:
        return find_singletons(panel.unit_codes, panel.time_codes, panel.n_units, panel.n_periods)
    out = np.zeros(panel.n_rows, dtype=bool)
    out[keep] = find_singletons(
        panel.unit_codes[keep], panel.time_codes[keep], panel.n_units, panel.n_periods
    )
    return out
