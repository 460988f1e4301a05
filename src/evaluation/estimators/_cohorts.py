"""From a panel and a design to cohorts of units, with everything that was dropped counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.clusters import cluster_columns, cluster_of_row
from evaluation.design import NEVER, Design
from evaluation.errors import DataError, DesignError, shortlist
from evaluation.numerics.cohorts import ClusterDimension, members_of
from evaluation.numerics.covariance import crossing
from evaluation.panel import Panel
from evaluation.result import SampleCount

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
Sampling = Literal["balanced", "unbalanced", "cross_sections"]


@dataclass(frozen=True, eq=False)
class CohortSample:
    """Units (rows, in cross-sections) by cohort.

    Attributes
    ----------
    sampling : {"balanced", "unbalanced", "cross_sections"}
    outcome : ndarray
        (n, T) with NaN where a unit is not observed; (n,) in cross-sections.
    cohort : ndarray of int (n,)
        Position in ``values``; the number of treated cohorts for never treated; -1 for units left out.
    values : ndarray of int (G,)
        First treated ordinal of each treated cohort.
    labels : pandas.Index (G,)
        The same as periods.
    periods, ordinals : pandas.Index (T,), ndarray of int (T,)
    time : ndarray of int (n,), optional
        Period of each row, in cross-sections.
    weights : ndarray (n,), optional
    clusters : tuple of (codes (n,), sign)
        Empty when the unit is the cluster.
    cluster_counts : tuple of int
    """

    panel: Panel
    design: Design
    sampling: Sampling
    outcome: FloatArray
    cohort: IntArray
    values: NDArray[np.int64]
    labels: pd.Index
    periods: pd.Index
    ordinals: NDArray[np.int64]
    time: IntArray | None
    weights: FloatArray | None
    clusters: tuple[ClusterDimension, ...]
    cluster_counts: tuple[int, ...]
    dropped: dict[str, int]
    notes: tuple[str, ...]

    @property
    def n_cohorts(self) -> int:
        """Treated cohorts and never treated."""
        return len(self.values) + 1

    @property
    def n_periods(self) -> int:
        return len(self.ordinals)

    @property
    def n(self) -> int:
        """Rows of the influence function: all units of the panel, or all rows in cross-sections."""
        return len(self.cohort)

    @cached_property
    def members(self) -> list[NDArray[np.intp]]:
        return members_of(self.cohort, self.n_cohorts)

    @property
    def cluster_codes(self) -> NDArray[np.intp] | None:
        """Cluster of each unit, where there is one dimension of them."""
        return np.asarray(self.clusters[0][0], dtype=np.intp) if len(self.clusters) == 1 else None

    @property
    def names(self) -> list[str]:
        """Cohorts in words."""
        return [*map(str, self.labels), "never treated"]

    @cached_property
    def n_observations(self) -> int:
        if self.sampling == "balanced":
            return sum(map(len, self.members)) * self.n_periods
        kept = self.cohort >= 0
        outcome = self.outcome if kept.all() else self.outcome[kept]
        return outcome.size - int(np.count_nonzero(np.isnan(outcome)))

    def count(self) -> SampleCount:
        sizes = [len(rows) for rows in self.members]
        return SampleCount(
            units=sum(sizes),
            periods=self.n_periods,
            treated=sum(sizes[:-1]),
            observations=self.n_observations,
            clusters=self.cluster_counts,
            dropped=self.dropped,
        )

    def last_cohort_as_comparison(self) -> CohortSample:
        """Without never treated units: the last cohort stands in, up to its treatment.

        Sun and Abraham (2021), section 4.1.
        """
        if len(self.values) < 2:
            raise DesignError(
                "all units are treated at the same time, so there is nobody to compare them with",
                fix="add units that are never treated, or treated later",
            )
        end = int((self.ordinals < self.values[-1] - self.design.anticipation).sum())
        cohort = self.cohort
        kept = self.outcome[:, :end]
        lost = int(np.isfinite(self.outcome[:, end:][cohort >= 0]).sum())
        return replace(
            self,
            cohort=cohort,
            values=self.values[:-1],
            labels=self.labels[:-1],
            outcome=kept,
            periods=self.periods[:end],
            ordinals=self.ordinals[:end],
            dropped={**self.dropped, "period in which every unit is treated": lost},
            notes=(
                *self.notes,
                f"no unit is never treated: cohort {self.labels[-1]} is the comparison, until its treatment",
            ),
        )


def build_cohorts(
    panel: Panel, design: Design, sampling: str = "auto", *, never_needed: bool | None = None
) -> CohortSample:
    """Cohorts of a panel, or of repeated cross-sections.

    Parameters
    ----------
    panel : Panel
    design : Design
    sampling : {"auto", "balanced", "unbalanced", "cross_sections"}
        ``"auto"``: cross-sections when no unit is seen twice, balanced when every unit has an
        outcome in every period, unbalanced otherwise. ``"balanced"`` drops units that are not
        seen in every period.
    never_needed : bool, optional
        Whether never treated units are required; as ``design.comparison`` says when absent.

    Raises
    ------
    DataError, DesignError
        Columns that are absent, malformed or vary within a unit; nobody treated; nobody to compare.
    """
    if panel.n_periods < 2:
        raise DesignError(
            f"the panel has one period, {panel.periods[0]}",
            expected="at least one period before and one after treatment",
            fix="add earlier periods to the table",
        )
    if sampling == "auto" and panel.n_rows == panel.n_units:
        sampling = "cross_sections"
    cross = sampling == "cross_sections"
    found = design.cohorts(panel)
    first = found.first[panel.unit_codes] if cross else found.first
    per_unit = 1 if cross else _rows_per_unit(panel)
    notes: list[str] = [*found.notes]
    dropped: dict[str, int] = {}
    keep = np.ones(len(first), dtype=bool)

    def drop(reason: str, gone: NDArray[np.bool_]) -> None:
        gone = gone & keep
        if gone.any():
            rows = per_unit * int(gone.sum()) if isinstance(per_unit, int) else int(per_unit[gone].sum())
            dropped[reason] = rows
            keep[gone] = False

    early = first <= int(panel.ordinals[0]) + design.anticipation
    if early.any():
        drop("unit treated from the first period on", early)
        notes.append(
            f"{int(early.sum())} units are treated from the first period on, so nothing is known of them "
            "before treatment, and are left out"
        )
    weights = _weights(panel, design, cross, drop)
    dimensions = _clusters(panel, design, cross)
    time = panel.time_codes if cross else None
    outcome, observed = _outcome(panel, design, cross, dropped, keep)
    if observed is None:
        if not cross and sampling == "auto":
            sampling = "balanced"
    elif cross:
        keep &= observed
    elif sampling == "balanced":
        partial = ~observed.all(axis=1) & keep
        if partial.any():
            dropped["unit not seen in every period"] = int(observed[partial].sum())
            notes.append(f"{int(partial.sum())} units are not seen in every period and are left out")
            keep &= ~partial
    else:
        if sampling == "auto":
            whole = observed.all() if keep.all() else observed[keep].all()
            sampling = "balanced" if whole else "unbalanced"
        keep &= observed @ np.ones(observed.shape[1]) > 0
    values = np.unique(first[keep & (first != NEVER)])
    if len(values) == 0:
        raise DesignError(
            "no treated unit is left in the sample",
            where=", ".join(f"{reason}: {n} rows" for reason, n in dropped.items()) or None,
            expected="units that are seen before and after their treatment",
            fix="add earlier periods, or look at the missing values of the treated units",
        )
    cohort = np.searchsorted(values, first)
    cohort[first == NEVER] = len(values)
    cohort[~keep] = -1
    never = bool((cohort == len(values)).any())
    if never_needed is None:
        never_needed = design.comparison == "never_treated"
    if never_needed and not never:
        raise DesignError(
            "no unit is never treated, and the comparison is with never treated units",
            where=f"column {design.first_treated!r} has a date for every unit that is kept",
            fix='add never treated units, or set comparison="not_yet_treated"',
        )
    if not never and len(values) == 1:
        raise DesignError(
            "all units are treated at the same time, so there is nobody to compare them with",
            where=f"first treated in {found.labels[found.values == values[0]][0]}",
            fix="add units that are never treated, or treated later",
        )
    cluster_pairs, counts = _dimensions(dimensions, cohort)
    return CohortSample(
        panel=panel,
        design=design,
        sampling=sampling,  # type: ignore[arg-type]
        outcome=outcome,
        cohort=cohort,
        values=values,
        labels=found.labels[np.isin(found.values, values)],
        periods=panel.periods,
        ordinals=panel.ordinals,
        time=time,
        weights=weights,
        clusters=cluster_pairs,
        cluster_counts=counts or (int((cohort >= 0).sum()),),
        dropped=dropped,
        notes=tuple(notes),
    )


def _rows_per_unit(panel: Panel) -> int | NDArray[np.intp]:
    return panel.n_periods if panel.is_balanced else np.bincount(panel.unit_codes, minlength=panel.n_units)


def _outcome(
    panel: Panel, design: Design, cross: bool, dropped: dict[str, int], keep: NDArray[np.bool_]
) -> tuple[FloatArray, NDArray[np.bool_] | None]:
    """Outcome by unit (or row), and where it is observed with its covariates; None for everywhere."""
    names = [design.outcome, *design.covariates]
    outcome = panel.column(design.outcome) if cross else panel.matrix(design.outcome)
    # one sum tells whether anything is missing
    complete = bool(np.isfinite(outcome.sum()))
    bad: NDArray[np.bool_] | None = None
    for name in names:
        if name == design.outcome and complete:
            continue
        values = panel.column(name)
        if np.isfinite(values.sum()):
            continue
        missing = np.isnan(values) if bad is None else np.isnan(values) & ~bad
        rows = missing & (keep if cross else keep[panel.unit_codes])
        if rows.any():
            word = "outcome" if name == design.outcome else "covariate"
            dropped[f"missing {word} {name!r}"] = int(rows.sum())
        bad = missing if bad is None else bad | missing
    if bad is None and complete:
        return outcome, None
    if bad is not None and bad.any():
        outcome = outcome.copy()
        if cross:
            outcome[bad] = np.nan
        else:
            outcome.reshape(-1)[panel.cells[bad]] = np.nan
    return outcome, ~np.isnan(outcome)


def _weights(panel: Panel, design: Design, cross: bool, drop: object) -> FloatArray | None:
    if design.weights is None:
        return None
    values = panel.column(design.weights)
    if (values < 0).any():
        raise DataError(
            f"weights in column {design.weights!r} are below 0",
            where=f"rows {shortlist(panel.frame.index[values < 0])}",
            expected="0 or more",
        )
    if not cross:
        by_unit = np.full(panel.n_units, np.nan)
        by_unit[panel.unit_codes] = values
        back = by_unit[panel.unit_codes]
        changes = (back != values) & ~(np.isnan(back) & np.isnan(values))
        if changes.any():
            units = panel.units[np.unique(panel.unit_codes[changes])]
            raise DataError(
                f"weights in column {design.weights!r} change within a unit",
                where=f"units {shortlist(units)}; rows {shortlist(panel.frame.index[changes])}",
                expected="one sampling weight for all periods of a unit",
                fix="use the unit's weight in the first period, or its mean, in every row",
            )
        values = by_unit
    drop(f"missing weight {design.weights!r}", np.isnan(values))  # type: ignore[operator]
    drop(f"weight {design.weights!r} is 0", values == 0)  # type: ignore[operator]
    return np.nan_to_num(values)


def _clusters(panel: Panel, design: Design, cross: bool) -> list[tuple[str, IntArray]]:
    """Name and code of each unit (row, in cross-sections) in each dimension coarser than the unit."""
    columns = cluster_columns(panel, design)
    if columns == (panel.unit,) and not cross:
        return []
    return [(n, cluster_of_row(panel, n) if cross else panel.clusters(n)[0]) for n in columns]


def _dimensions(
    dimensions: list[tuple[str, IntArray]], cohort: IntArray
) -> tuple[tuple[ClusterDimension, ...], tuple[int, ...]]:
    """Codes with signs: one dimension as it is; two as first plus second less their crossing."""
    kept = cohort >= 0
    counts = tuple(len(np.unique(codes[kept])) for _, codes in dimensions)
    for (name, _), count in zip(dimensions, counts, strict=True):
        if count < 2:
            raise DesignError(
                f"all units are in one cluster of {name!r}, so clustered standard errors do not exist",
                fix="cluster by the unit, or use randomisation inference",
            )
    if not dimensions:
        return (), ()
    if len(dimensions) == 1:
        return ((dimensions[0][1], 1.0),), counts
    one, two = (np.asarray(codes, dtype=np.int64) for _, codes in dimensions)
    both, _ = crossing(one, two, int(two.max()) + 1)
    return ((one, 1.0), (two, 1.0), (both, -1.0)), counts
