"""Clusters of a panel under a design: read, cut to a sample, crossed, corrected, named; once for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Design
from evaluation.errors import DesignError, shortlist
from evaluation.numerics.covariance import SmallSample
from evaluation.panel import Panel, require_columns

IntArray = NDArray[np.integer]
FEW = 30
"""Clusters below which clustered standard errors are known to be too small."""
REPAIRED = (
    "the two-way clustered covariance was not positive semi-definite; its negative eigenvalues were set to 0"
)


@dataclass(frozen=True, slots=True)
class Clusters:
    """One dimension of clustering.

    Attributes
    ----------
    name : str
    kind : {"unit", "time", "units", "rows"}
        The unit itself, the period itself, groups of units, or anything else.
    n : int
        Clusters with a row in the sample.
    holds_periods : bool
        Whether a period lies in one cluster.
    by_unit : ndarray of int (n_units,), optional
        Cluster of each unit, -1 for units without rows, for ``"units"``.
    by_row : ndarray of int (rows,), optional
        Cluster of each row, for ``"rows"``.
    """

    name: str
    kind: str
    n: int
    holds_periods: bool = False
    by_unit: IntArray | None = None
    by_row: IntArray | None = None

    @property
    def holds_units(self) -> bool:
        """Whether a unit lies in one cluster."""
        return self.kind in ("unit", "units")

    def codes(self, unit: IntArray, time: IntArray) -> IntArray:
        """Cluster of each row (rows,)."""
        if self.by_unit is not None:
            return self.by_unit[unit]
        if self.by_row is not None:
            return self.by_row
        return unit if self.kind == "unit" else time

    def among(self, seen: NDArray[np.bool_], time: IntArray, kept: IntArray) -> Clusters:
        """The dimension in a part of the rows.

        Parameters
        ----------
        seen : ndarray of bool (n_units,)
            Units with a row in the part.
        time : ndarray of int (m,)
            Periods of its rows.
        kept : ndarray of int (m,)
            Their positions among the rows so far.
        """
        if self.kind == "unit":
            return replace(self, n=int(seen.sum()))
        if self.kind == "time":
            return replace(self, n=len(np.unique(time)))
        if self.by_unit is not None:
            units, n = _numbered(self.by_unit, seen)
            return replace(self, n=n, by_unit=units)
        assert self.by_row is not None
        values, codes = np.unique(self.by_row[kept], return_inverse=True)
        return replace(self, n=len(values), by_row=codes)


def cluster_columns(panel: Panel, design: Design) -> tuple[str, ...]:
    """Columns of the design's clusters, none where the unit is the cluster.

    Raises
    ------
    DataError
        A column is absent.
    DesignError
        More than two columns, or one twice.
    """
    columns = design.cluster_columns
    if len(columns) > 2:
        raise DesignError(
            f"{len(columns)} cluster columns: {shortlist(columns)}",
            expected="one column, or two for two-way clustering",
        )
    if len(set(columns)) < len(columns):
        raise DesignError(f"both cluster columns are {columns[0]!r}", expected="two different columns")
    require_columns(panel.frame, list(columns), table="panel")
    return columns


def cluster_of_row(panel: Panel, name: str) -> IntArray:
    """Cluster of each row of the panel (rows,), which may cut across units."""
    panel.refuse_missing_clusters(name)
    codes: IntArray = pd.factorize(panel.frame[name], sort=True)[0]
    return codes


def clusters_of_units(panel: Panel, design: Design, method: str) -> tuple[NDArray[np.intp], pd.Index]:
    """Cluster of each unit (n_units,) and the clusters' labels, for what takes one dimension of whole units.

    Raises
    ------
    DesignError
        Two dimensions, clusters of periods, or clusters that cut across units.
    """
    columns = cluster_columns(panel, design)
    if len(columns) > 1:
        raise DesignError(
            f"{method} takes one dimension of clusters, and the design has {' and '.join(columns)}",
            fix="keep the dimension in which treatment was assigned",
        )
    if columns == (panel.time,):
        raise DesignError(
            f"{method} takes clusters made of units, and the design has periods ({panel.time}) as clusters",
            fix="leave the cluster out of the design, or name a column with groups of units",
        )
    return panel.clusters(columns[0] if columns else panel.unit)


def read_clusters(
    panel: Panel,
    design: Design,
    rows: IntArray | None,
    unit: IntArray,
    time: IntArray,
    seen: NDArray[np.bool_],
    n_periods: int,
) -> tuple[Clusters, ...]:
    """The dimensions of clustering in a sample of rows.

    Parameters
    ----------
    rows : ndarray of int (m,), optional
        Positions of the sample's rows in the panel; all in order when absent.
    unit, time : ndarray of int (m,)
        Codes of the sample's rows.
    seen : ndarray of bool (n_units,)
        Units with a row in the sample.
    n_periods : int
        Periods with one.
    """
    columns = cluster_columns(panel, design) or (panel.unit,)
    out = []
    for name in columns:
        if name == panel.unit:
            out.append(Clusters(name, "unit", int(seen.sum())))
        elif name == panel.time:
            out.append(Clusters(name, "time", n_periods, holds_periods=True))
        elif len(columns) == 1:
            units, n = _numbered(panel.clusters(name)[0], seen)
            out.append(Clusters(name, "units", n, by_unit=units))
        else:
            codes = cluster_of_row(panel, name)
            out.append(_of_rows(name, codes if rows is None else codes[rows], panel, unit, time))
    return tuple(out)


def _of_rows(name: str, codes: IntArray, panel: Panel, unit: IntArray, time: IntArray) -> Clusters:
    values, codes = np.unique(codes, return_inverse=True)
    units = np.full(panel.n_units, -1, dtype=np.int64)
    units[unit] = codes
    if (units[unit] == codes).all():
        return Clusters(name, "units", len(values), by_unit=units)
    periods = np.full(panel.n_periods, -1, dtype=np.int64)
    periods[time] = codes
    holds_periods = bool((periods[time] == codes).all())
    return Clusters(name, "rows", len(values), holds_periods=holds_periods, by_row=codes)


def _numbered(by_unit: IntArray, seen: NDArray[np.bool_]) -> tuple[IntArray, int]:
    """Clusters of the units that are seen, numbered anew; -1 for the others."""
    units = np.full(len(seen), -1, dtype=np.int64)
    values, units[seen] = np.unique(by_unit[seen], return_inverse=True)
    return units, len(values)


def clustered_by(names: Sequence[str], counts: Sequence[int], convention: str = "") -> str:
    """Label of a standard error: ``clustered by city (17 clusters), small sample: fixest``."""
    words = " and ".join(f"{name} ({n} clusters)" for name, n in zip(names, counts, strict=True))
    return f"clustered by {words}" + (f", {convention}" if convention else "")


def convention_name(option: str | SmallSample) -> str:
    """Name of a small-sample convention for a label."""
    return option if isinstance(option, str) else "own correction"


def few_cluster_note(counts: Sequence[int]) -> tuple[str, ...]:
    """A warning where clustered standard errors are known to be too small."""
    if min(counts) >= FEW:
        return ()
    return (
        f"{min(counts)} clusters are few: clustered standard errors are then too small; "
        "use a wild cluster bootstrap or randomisation inference",
    )
