"""Small counts withheld from what is shared: few incidents in a small place may point at a person."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.errors import DataError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shared:
    """A table of counts that may be shared.

    Attributes
    ----------
    values : ndarray (n, m)
        Counts, rounded; NaN where withheld.
    row_totals, column_totals : ndarray (n,), (m,)
        Of all cells, the withheld ones among them, rounded; NaN where a total would give a cell away.
    primary : ndarray of bool (n, m)
        Withheld because they are small.
    secondary : ndarray of bool (n, m)
        Withheld because a small one could be worked out from them and the totals.
    """

    values: FloatArray = field(repr=False)
    row_totals: FloatArray = field(repr=False)
    column_totals: FloatArray = field(repr=False)
    primary: NDArray[np.bool_] = field(repr=False)
    secondary: NDArray[np.bool_] = field(repr=False)

    @property
    def withheld(self) -> int:
        """Cells withheld."""
        return int((self.primary | self.secondary).sum())


def share(counts: ArrayLike, minimum: int = 10, rounding: int = 1) -> Shared:
    """Withhold counts of 1 to ``minimum - 1``, and as many others as keep them from being worked out.

    A withheld cell is exactly known from the totals of its row and column unless it lies on a cycle of
    withheld cells, rows and columns taken in turn. For each small cell without a cycle the cells that
    close one at the least cost, in counts, are withheld too: a shortest path between its row and its
    column (the heuristic of Carvalho, Dellaert and de Sanches Osório 1994). Zeros are shown and close no
    cycle: nothing could be moved into them from a cell that must not become negative. Where no cycle can be
    closed the totals of the row and the column are withheld instead. A cycle hides the exact number, not its
    range: bounds that follow from the totals may still be narrow.

    Parameters
    ----------
    counts : array_like (n, m)
        Whole numbers; NaN is missing and stays so.
    minimum : int
        Smallest count that is shown; 0 or 1 withholds nothing.
    rounding : int
        Counts and totals are rounded to the nearest multiple of this, each by itself, so that rounded
        cells need not add up to rounded totals.

    Returns
    -------
    Shared

    Raises
    ------
    DataError
        A count is negative or no whole number, or a rule that cannot be.
    """
    table = np.array(counts, dtype=float)
    known = np.isfinite(table)
    if (table[known] < 0).any() or (table[known] % 1 != 0).any() or table.ndim != 2:
        raise DataError(
            "counts that are to be shared are not whole numbers of 0 or more",
            expected="a table of counts, rows by columns",
        )
    if minimum < 0 or rounding < 1:
        raise DataError(
            f"minimum is {minimum} and rounding is {rounding}",
            where="disclosure",
            expected="a minimum of 0 or more and a rounding of 1 or more",
        )
    primary = known & (table > 0) & (table < minimum)
    hidden = primary.copy()
    rows, columns = np.nansum(table, axis=1), np.nansum(table, axis=0)
    for i, j in zip(*np.nonzero(primary), strict=True):
        path = _cheapest_cycle(table, hidden, int(i), int(j))
        if path is None:
            rows[i] = columns[j] = np.nan
            continue
        for cell in path:
            hidden[cell] = True
    return Shared(
        values=np.where(hidden, np.nan, _rounded(table, rounding)),
        row_totals=_rounded(rows, rounding),
        column_totals=_rounded(columns, rounding),
        primary=primary,
        secondary=hidden & ~primary,
    )


def _rounded(values: FloatArray, rounding: int) -> FloatArray:
    return values if rounding == 1 else rounding * np.floor(values / rounding + 0.5)


def _cheapest_cycle(
    table: FloatArray, hidden: NDArray[np.bool_], row: int, column: int
) -> list[tuple[int, int]] | None:
    """Cells of the cheapest path from a row to a column without their own cell; None where there is none."""
    n, m = table.shape
    with np.errstate(invalid="ignore"):
        cost = np.where(hidden, 0.0, np.where(table > 0, table, np.inf))
    cost[row, column] = np.inf
    best = np.full(n + m, np.inf)
    came = np.full(n + m, -1)
    best[row] = 0.0
    heap: list[tuple[float, int]] = [(0.0, row)]
    while heap:
        length, node = heapq.heappop(heap)
        if node == n + column:
            break
        if length > best[node]:
            continue
        steps = cost[node] if node < n else cost[:, node - n]
        offset = n if node < n else 0
        for other in np.flatnonzero(np.isfinite(steps)):
            # a cell already hidden is free, but a short path is better than a long one of the same cost
            reached = length + float(steps[other]) + 1e-6
            target = int(other) + offset
            if reached < best[target]:
                best[target], came[target] = reached, node
                heapq.heappush(heap, (reached, target))
    if not np.isfinite(best[n + column]):
        return None
    path, node = [], n + column
    while node != row:
        before = int(came[node])
        path.append((before, node - n) if before < n else (node, before - n))
        node = before
    return path
