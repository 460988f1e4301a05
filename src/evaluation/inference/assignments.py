"""What a randomisation test permutes, how many ways there are, and the ways themselves.

A test is exact when it permutes what was assigned (Fisher 1935; Lehmann and Romano 2005, section
15.2). The design says what that is: its clusters where whole clusters were treated together, units
within each cluster where treatment differs inside clusters, else units.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, product
from math import comb, inf, lgamma, log
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.clusters import clusters_of_units
from evaluation.design import NEVER, Design
from evaluation.errors import DesignError, shortlist

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Assignments:
    """Items that exchange their treatment paths, and within which strata.

    An item is a unit, or a cluster whose units are treated together. A treatment path is a first
    treated period, or never.

    Attributes
    ----------
    level : {"unit", "cluster", "within"}
        Units are permuted, clusters are, or units within each cluster.
    n_distinct : float
        Distinct assignments, the actual one included: a multinomial coefficient, for ``"within"`` the
        product of one a cluster; infinite beyond the largest float.
    cluster : str or None
        Column of the clusters, None for ``"unit"``.
    item : ndarray of int (n_units,)
        Item of each unit of the panel.
    stratum : ndarray of int (n_items,)
        Items exchange paths within strata: all 0 unless ``"within"``.
    path : ndarray of int (n_items,)
        Position of the item's first treated period among the cohorts, -1 for never treated.
    labels : tuple (n_items,)
        Names of units or clusters.
    """

    level: Literal["unit", "cluster", "within"]
    n_distinct: float
    cluster: str | None
    item: IntArray = field(repr=False)
    stratum: IntArray = field(repr=False)
    path: IntArray = field(repr=False)
    labels: tuple[Any, ...] = field(repr=False)

    @cached_property
    def actual(self) -> IntArray:
        """Treated items, stratum by stratum and cohort by cohort (n_treated,)."""
        treated = np.flatnonzero(self.path >= 0)
        return treated[np.lexsort((treated, self.path[treated], self.stratum[treated]))]

    @cached_property
    def cohort(self) -> IntArray:
        """Cohort whose path the items in each column of an assignment take (n_treated,)."""
        return self.path[self.actual]

    @cached_property
    def size(self) -> IntArray:
        """Units of each item (n_items,)."""
        return np.bincount(self.item, minlength=len(self.path))

    @property
    def words(self) -> str:
        """What is permuted."""
        if self.level == "unit":
            return "units"
        return f"clusters of {self.cluster}" if self.level == "cluster" else f"units within {self.cluster}"

    def paths(self, chosen: IntArray) -> IntArray:
        """Cohort of every unit under one assignment (n_treated,), -1 for never treated (n_units,)."""
        path = np.full(len(self.path), -1)
        path[chosen] = self.cohort
        return path[self.item]

    def members(self, sets: IntArray, cohort: int) -> FloatArray:
        """Indicator of the units in a cohort under each assignment (m, n_treated): (m, n_units)."""
        items = np.zeros((len(sets), len(self.path)))
        items[np.arange(len(sets))[:, None], sets[:, self.cohort == cohort]] = 1.0
        return items[:, self.item]

    def others(
        self, draws: int, seed: int | np.random.Generator | None, *, untreated_only: bool = False
    ) -> tuple[IntArray, bool]:
        """Other assignments (m, n_treated), and whether they are all.

        All are enumerated where they are at most ``draws``, or where one item is treated and the panel
        has no more items than that many assignments; else ``draws`` are drawn, in which one assignment
        may occur again.

        Parameters
        ----------
        draws : int
        seed : int or numpy.random.Generator, optional
        untreated_only : bool
            Take the treated from the never treated items only.

        Raises
        ------
        DesignError
            Assignments are to be drawn and no seed is given; too few never treated items.
        """
        eligible = np.flatnonzero(self.path < 0) if untreated_only else np.arange(len(self.path))
        used = np.unique(self.stratum[self.actual])
        strata = [eligible[self.stratum[eligible] == s] for s in used]
        groups = [np.bincount(self.cohort[self.stratum[self.actual] == s]) for s in used]
        short = sum(len(items) - g.sum() < untreated_only for items, g in zip(strata, groups, strict=True))
        if short:
            raise DesignError(
                f"{len(eligible)} donors are too few for placebos of {len(self.actual)} treated {self.words} "
                "that are no donors",
                fix="add donors, or use treated_as_donor=True",
            )
        ways = _ways([(len(items), g) for items, g in zip(strata, groups, strict=True)])
        if ways <= draws + 1 or len(self.actual) == 1:
            every = np.array([sum(parts, ()) for parts in product(*map(_every, strata, groups))])
            return every[(every != self.actual).any(axis=1)], True
        if seed is None:
            raise DesignError(
                "the assignments are too many to enumerate and no seed is given",
                where=f"{len(self.actual)} of {len(self.path)} {self.words} treated in "
                f"{len(set(self.cohort.tolist()))} cohorts: {ways:,.4g} assignments",
                fix="pass seed=...",
            )
        generator = np.random.default_rng(seed)
        drawn = [
            items[draw_sets(len(items), int(g.sum()), draws, generator)]
            for items, g in zip(strata, groups, strict=True)
        ]
        return np.concatenate(drawn, axis=1), False


def assignments(panel: Panel, design: Design, *, units: IntArray | None = None) -> Assignments:
    """What is permuted under a design, and in how many ways.

    Without ``design.cluster``, or with the unit as cluster, units are permuted. With clusters of units,
    clusters are permuted where the units of every cluster have the same first treated period, and units
    are permuted within each cluster where they differ in some clusters and the others are untreated.

    Parameters
    ----------
    panel : Panel
    design : Design
    units : ndarray of int, optional
        Positions of the panel's units that take part; all of them when absent.

    Returns
    -------
    Assignments

    Raises
    ------
    DesignError
        Every unit is treated; clusters of two dimensions or of periods; some clusters treated as a whole
        and others in part; a unit without cluster.
    DataError
        As `Design.cohorts`; a cluster that changes within a unit.
    """
    units = np.arange(panel.n_units) if units is None else units
    names = panel.units[units]
    first = design.cohorts(panel).first[units]
    if (first != NEVER).all():
        raise DesignError(
            "no donor is left: every unit of the panel is treated",
            expected="units that are never treated",
            fix="add units to the donor pool",
        )
    columns = tuple(name for name in design.cluster_columns if name != panel.unit)
    if not columns:
        return _made("unit", None, first, np.arange(len(units)), np.zeros(len(units), np.intp), tuple(names))
    column = columns[0]
    codes, values = clusters_of_units(panel, design, "one assignment of treatment")
    codes = codes[units]
    used, cluster = np.unique(codes, return_inverse=True)
    labels = tuple(values[used])
    earliest, latest = np.full(len(used), NEVER), np.full(len(used), np.iinfo(np.int64).min)
    np.minimum.at(earliest, cluster, first)
    np.maximum.at(latest, cluster, first)
    differs = earliest != latest
    if not differs.any():
        if not (earliest == NEVER).any():
            raise DesignError("no donor is left: every cluster is treated", fix="add untreated clusters")
        return _made("cluster", column, earliest, cluster, np.zeros(len(used), dtype=np.intp), labels)
    whole = ~differs & (earliest != NEVER)
    if whole.any():
        raise DesignError(
            f"treatment was given to some clusters of {column!r} as a whole and to others in part, so it is "
            "not known whether clusters or units within them are to be permuted",
            where=f"treated as a whole: {shortlist(labels[i] for i in np.flatnonzero(whole))}; "
            f"in part: {shortlist(labels[i] for i in np.flatnonzero(differs))}",
            expected="clusters whose units all start together, or no cluster treated as a whole",
            fix="name the column by whose values treatment was assigned, leave the cluster out of the design "
            "if units were chosen one by one, or leave one of the two kinds of clusters out of the panel",
        )
    return _made("within", column, first, np.arange(len(units)), cluster, tuple(names))


def _made(
    level: Literal["unit", "cluster", "within"],
    column: str | None,
    first: NDArray[np.int64],
    item: IntArray,
    stratum: IntArray,
    labels: tuple[Any, ...],
) -> Assignments:
    path = np.where(first != NEVER, np.searchsorted(np.unique(first[first != NEVER]), first), -1)
    inside = [path[stratum == s] for s in np.unique(stratum[path >= 0])]
    ways = _ways([(len(own), np.bincount(own[own >= 0])) for own in inside])
    return Assignments(level, ways, column, item, stratum, path, labels)


def _ways(strata: list[tuple[int, IntArray]]) -> float:
    """Ways to give n items to groups of fixed size and the rest to none, in each stratum: multinomials."""
    sizes = [(n, (*groups.tolist(), n - int(groups.sum()))) for n, groups in strata]
    logarithm = sum(lgamma(n + 1) - sum(lgamma(g + 1) for g in every) for n, every in sizes)
    if logarithm > log(sys.float_info.max) - 1:
        return inf
    ways = 1
    for n, every in sizes:
        for group in every:
            ways *= comb(n, group)
            n -= group
    return float(ways)


def _every(items: IntArray, groups: IntArray) -> Iterator[tuple[int, ...]]:
    """All ways to choose one set of items a group (in the order of the groups)."""
    if len(groups) == 0:
        yield ()
        return
    for chosen in combinations(items.tolist(), int(groups[0])):
        rest = np.setdiff1d(items, chosen, assume_unique=True) if len(groups) > 1 else items[:0]
        for more in _every(rest, groups[1:]):
            yield chosen + more


def draw_sets(n: int, size: int, draws: int, generator: np.random.Generator) -> IntArray:
    """Ordered sets of n items drawn without replacement (draws, size): a shuffle that stops early."""
    pool = np.empty((n, draws), dtype=np.int16 if n <= 2**15 else np.int64)
    pool[:] = np.arange(n)[:, None]
    column = np.arange(draws)
    for k in range(size):
        other = generator.integers(k, n, size=draws)
        chosen = pool[other, column]
        pool[other, column] = pool[k]
        pool[k] = chosen
    return pool[:size].T
