"""Which sums of counts may stand on a page, so that no small count stands there or follows from the rest."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_ZERO = 1e-7
_REVISED = 20_000
"""Rows times choices that are looked at again: each look takes the time of a decomposition."""


@dataclass(frozen=True, eq=False)
class Sums:
    """What a page would show of a table of counts: linear combinations of its cells.

    Attributes
    ----------
    rows : ndarray (k, n)
        Coefficients of the ``n`` cells in each combination.
    counts : ndarray of bool (k,)
        Rows that are counts themselves: coefficients of 0 and 1. Only these can be too small.
    shown : ndarray of bool (k,)
        Rows that the page would show; the others are counts that must not follow from it.
    required : ndarray of bool (k,)
        Shown rows that the page cannot do without, so that others are withheld instead.
    """

    rows: Floats = field(repr=False)
    counts: Bools = field(repr=False)
    shown: Bools = field(repr=False)
    required: Bools = field(repr=False)


@dataclass(frozen=True, eq=False)
class Suppressed:
    """What is not shown.

    Attributes
    ----------
    primary : ndarray of bool (k,)
        Counts of 1 to the minimum less one.
    secondary : ndarray of bool (k,)
        Shown rows that are withheld because a small count would follow from them.
    exposed : ndarray of bool (k,)
        Small counts that follow from the rows that must be kept, whatever else is withheld.
    """

    primary: Bools = field(repr=False)
    secondary: Bools = field(repr=False)
    exposed: Bools = field(repr=False)

    @property
    def hidden(self) -> Bools:
        """Every row that is not shown."""
        return self.primary | self.secondary


def suppress(sums: Sums, cells: Floats, minimum: int) -> Suppressed:
    """Withhold counts of 1 to ``minimum - 1``, and as many others as keep them from following from the rest.

    A reader who adds and subtracts what is shown knows exactly the combinations in the span of the shown
    rows. A small count in that span is protected by withholding the cheapest of the rows from which it
    follows (its cost: the incidents in it), until none is left in the span. A total less its shown parts is
    a count as well, that of its hidden parts together, and so are the small parts of a total together: where
    these are small they are protected alike. A count of 0 is shown and hides nothing.

    This is linear cell suppression for any set of overlapping totals (Cox 1980; Fischetti and Salazar 2001),
    solved greedily: not the fewest possible are withheld. It keeps exact numbers from following, not ranges.

    Parameters
    ----------
    sums : Sums
    cells : ndarray (n,)
        The counts of the cells.
    minimum : int
        Smallest count that is shown.

    Returns
    -------
    Suppressed
    """
    pattern, column = np.unique(sums.rows, axis=1, return_inverse=True)
    merged = np.zeros(pattern.shape[1])
    np.add.at(merged, np.asarray(column).ravel(), cells)
    # columns that always stand together are one cell: its share of a row's length is that of all of them
    size = np.sqrt(np.bincount(np.asarray(column).ravel(), minlength=pattern.shape[1]))
    vectors = pattern * size
    values = np.where(sums.counts, pattern @ merged, np.nan)
    primary = sums.counts & (values > 0) & (values < minimum)
    cost = np.where(pattern != 0, merged, 0.0).sum(axis=1)
    free = sums.shown & ~primary & ~sums.required & ~(sums.counts & (values == 0))
    secondary = np.zeros(len(vectors), dtype=bool)
    exposed = np.zeros(len(vectors), dtype=bool)
    nested = _parts(pattern, sums.counts & sums.shown)
    if not primary.any():
        return Suppressed(primary, secondary, exposed)

    def asked() -> tuple[NDArray[np.intp], Bools, Floats, NDArray[np.intp]]:
        seen = sums.shown & ~primary & ~secondary
        guarded, origin = _guarded(vectors, values, primary, nested, ~seen, minimum)
        return np.flatnonzero(seen), *_follows(vectors[seen], guarded), origin

    while True:
        seen, found, coefficients, origin = asked()
        touched, stuck, taken = np.zeros(len(vectors), dtype=bool), exposed & False, False
        for which in np.flatnonzero(found):
            support = seen[np.abs(coefficients[:, which]) > _ZERO]
            if touched[support].any():
                continue  # what was just withheld may protect this one too: asked again in the next round
            options = support[free[support] & ~secondary[support]]
            if not len(options):
                stuck[origin[which]] = True
                continue
            secondary[options[np.argmin(cost[options])]] = True
            touched[support], taken = True, True
        if not taken:
            exposed = stuck
            break
    # what a later choice made needless is shown after all, the dearest first
    for row in sorted(np.flatnonzero(secondary), key=lambda r: -cost[r])[: _REVISED // max(len(vectors), 1)]:
        secondary[row] = False
        _, found, _, origin = asked()
        secondary[row] = bool((found & ~exposed[origin]).any())
    return Suppressed(primary, secondary, exposed)


def _follows(shown: Floats, guarded: Floats) -> tuple[Bools, Floats]:
    """Whether each guarded row lies in the span of the shown ones, and by which coefficients."""
    if not len(shown) or not len(guarded):
        return np.zeros(len(guarded), dtype=bool), np.zeros((len(shown), len(guarded)))
    length = np.linalg.norm(shown, axis=1, keepdims=True)
    length[length == 0] = 1.0
    unit = shown / length
    roots, basis = np.linalg.eigh(unit @ unit.T)
    inverse = np.where(roots > _ZERO * roots.max(), 1 / np.where(roots > 0, roots, 1.0), 0.0)
    products = unit @ guarded.T
    coefficients = basis @ (inverse[:, None] * (basis.T @ products))
    squares = (guarded**2).sum(axis=1)
    left = squares - (products * coefficients).sum(axis=0)
    return left < 1e-6 * squares, coefficients


def _parts(pattern: Floats, counts: Bools) -> list[tuple[int, list[NDArray[np.intp]]]]:
    """For each count the families of counts within it that do not overlap."""
    place = np.flatnonzero(counts)
    inside = pattern[place] > 0
    size = inside.sum(axis=1)
    out = []
    for i, whole in enumerate(place):
        within = np.flatnonzero(((inside & ~inside[i]).sum(axis=1) == 0) & (size < size[i]) & (size > 0))
        families: list[tuple[Bools, list[int]]] = []
        for part in within:
            for covered, members in families:
                if not (covered & inside[part]).any():
                    covered |= inside[part]
                    members.append(int(place[part]))
                    break
            else:
                families.append((inside[part].copy(), [int(place[part])]))
        if families:
            out.append((int(whole), [np.array(members) for _, members in families]))
    return out


def _guarded(
    vectors: Floats,
    values: Floats,
    primary: Bools,
    nested: list[tuple[int, list[NDArray[np.intp]]]],
    unseen: Bools,
    minimum: int,
) -> tuple[Floats, NDArray[np.intp]]:
    """Rows that must not follow, and what each stands for: small counts, and several of a total together."""
    rows = [vectors[primary]]
    origin = [np.flatnonzero(primary)]
    for whole, families in nested:
        for members in families:
            parts = members[~unseen[members]]
            if len(parts) and 0 < values[whole] - values[parts].sum() < minimum:
                rows.append((vectors[whole] - vectors[parts].sum(axis=0))[None])
                gone = members[unseen[members]]
                origin.append(gone[:1] if len(gone) else np.array([whole]))
            few = members[primary[members]]
            if len(few) > 1 and values[few].sum() < minimum:
                rows.append(vectors[few].sum(axis=0)[None])
                origin.append(few[:1])
    return np.concatenate(rows), np.concatenate(origin)
