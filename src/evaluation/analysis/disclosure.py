"""Sums of counts that a page would show, collected one by one, and which of them are withheld."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from evaluation.errors import DataError, DesignError, shortlist
from evaluation.numerics.suppression import Sums, Suppressed, suppress
from evaluation.study.base import Disclosure


@dataclass(frozen=True, eq=False)
class DisclosureMask:
    """What may be shown.

    Attributes
    ----------
    hidden : frozenset
        Keys of the sums that are not shown.
    primary, secondary : int
        Shown sums withheld because they are small, and because small ones would follow from them.
    rule : Disclosure or None
    """

    hidden: frozenset[Hashable] = field(default=frozenset(), repr=False)
    primary: int = 0
    secondary: int = 0
    rule: Disclosure | None = None

    @property
    def active(self) -> bool:
        """Whether anything is asked to be withheld."""
        return self.rule is not None

    def withheld(self, *kinds: str) -> int:
        """How many sums of some kinds (the first word of their keys) are withheld."""
        return sum(isinstance(key, tuple) and key[0] in kinds for key in self.hidden)

    def allows(self, key: Hashable) -> bool:
        """Whether a sum may be shown."""
        return key not in self.hidden

    def masked(self, values: pd.Series, *kind: Hashable) -> pd.Series:
        """Values by the last part of their keys, NaN where withheld."""
        return values.where(np.array([self.allows((*kind, key)) for key in values.index], dtype=bool))

    def rounded(self, counts: pd.Series) -> pd.Series:
        """Counts rounded as the rule says."""
        step = 1 if self.rule is None else self.rule.rounding
        return counts if step == 1 else step * np.floor(counts / step + 0.5)

    def as_record(self) -> dict[str, int]:
        """For the result file."""
        assert self.rule is not None
        told = {"minimum": self.rule.minimum, "rounding": self.rule.rounding}
        return told | {"withheld_small": self.primary, "withheld_beside": self.secondary}


class CellSums:
    """Collects what a page would show of a table of counts.

    Parameters
    ----------
    counts : pandas.Series
        The cells: whole numbers of 0 or more.
    where : str
        Which table and column, for errors.
    """

    def __init__(self, counts: pd.Series, where: str) -> None:
        values = counts.to_numpy(dtype=float)
        bad = counts.index[(values < 0) | (values % 1 != 0)]
        if len(bad):
            raise DataError(
                f"[disclosure] is given, and {len(bad)} counts are not whole numbers of 0 or more",
                where=f"{where}: {shortlist(bad)}",
                expected="counts of events",
                fix="correct the table, or take [disclosure] out of the study file",
            )
        self._cells = values
        self._rows: list[np.ndarray] = []
        self._keys: list[Hashable] = []
        self._flags: list[tuple[bool, bool, bool]] = []
        self._where = where

    def count(self, key: Hashable, cells: np.ndarray, *, shown: bool = True, required: bool = False) -> None:
        """A count: the sum of the cells for which the mask is true."""
        self._add(key, np.asarray(cells, dtype=float), (True, shown, required))

    def combination(self, key: Hashable, weights: np.ndarray, *, required: bool = False) -> None:
        """Another figure that is linear in the cells, by their weights."""
        self._add(key, np.asarray(weights, dtype=float), (False, True, required))

    def _add(self, key: Hashable, row: np.ndarray, flags: tuple[bool, bool, bool]) -> None:
        if row.any():
            self._rows.append(row)
            self._keys.append(key)
            self._flags.append(flags)

    def suppress(self, rule: Disclosure) -> DisclosureMask:
        """Which of the sums may be shown.

        Raises
        ------
        DesignError
            A small count follows from what the page cannot do without.
        """
        if not self._rows:
            return DisclosureMask(rule=rule)
        counts, shown, required = (np.array(flag) for flag in zip(*self._flags, strict=True))
        found = suppress(Sums(np.array(self._rows), counts, shown, required), self._cells, rule.minimum)
        self._refuse(found, required)
        hidden = frozenset(key for key, out in zip(self._keys, found.hidden, strict=True) if out)
        return DisclosureMask(hidden, int((found.primary & shown).sum()), int(found.secondary.sum()), rule)

    def _refuse(self, found: Suppressed, required: np.ndarray) -> None:
        exposed = [self._keys[i] for i in np.flatnonzero(found.exposed | (found.primary & required))]
        if exposed:
            names = (" ".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in exposed)
            raise DesignError(
                f"{len(exposed)} counts below the minimum of [disclosure] follow from what the page must say",
                where=f"{self._where}: {shortlist(names)}",
                expected="enough events in what the page's first sentences compare",
                fix="compare longer periods or larger places, or choose another leading outcome",
            )
