"""Means and percentiles by group that come out the same, bit for bit, on any machine.

Concentrations are published with at most three decimals. They are summed as whole thousandths,
so that the order of summation cannot move the last digit of a committed table.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_PARTS = 1000


class Groups:
    """The rows of a table by the values of some of its columns.

    Parameters
    ----------
    frame : pandas.DataFrame (rows,)
        The rows.
    by : sequence of str
        Columns whose values make a group; none makes the whole table one group.

    Attributes
    ----------
    codes : ndarray of int (rows,)
        Group of each row, in the sorted order of ``index``.
    index : pandas.Index (n_groups,)
        The groups in sorted order; a MultiIndex when ``by`` names several columns.
    """

    def __init__(self, frame: pd.DataFrame, by: Sequence[str] = ()) -> None:
        self.codes: NDArray[np.intp]
        self.index: pd.Index
        if by:
            grouped = frame.groupby(list(by), sort=True, observed=True)
            self.codes = grouped.ngroup().to_numpy().astype(np.intp)
            self.index = grouped.size().index
        else:
            self.codes = np.zeros(len(frame), dtype=np.intp)
            self.index = pd.RangeIndex(1)

    def count(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows of each group where ``mask`` (rows,) holds: (n_groups,)."""
        return np.bincount(self.codes[mask], minlength=len(self.index)).astype(np.int64)

    def mean(self, values: Floats) -> Floats:
        """Mean of the values (rows,) that are not missing: (n_groups,), NaN where there is none."""
        valid = ~np.isnan(values)
        parts = np.round(values[valid] * _PARTS)
        # doubles add whole numbers below 2^53 exactly, so this sum has no rounding at all
        total = np.bincount(self.codes[valid], weights=parts, minlength=len(self.index))
        number = self.count(valid)
        with np.errstate(invalid="ignore", divide="ignore"):
            return total / (number * _PARTS)

    def percentile(self, values: Floats, share: float) -> Floats:
        """Percentile of the values (rows,) that are not missing, by HJ 663-2013, appendix A.

        The n values in rising order are X(1)..X(n); with k = 1 + (n - 1) p and s the whole part
        of k, the percentile is X(s) + (X(s+1) - X(s)) (k - s).

        Parameters
        ----------
        values : ndarray of float (rows,)
            Values; NaN is missing.
        share : float
            p, between 0 and 1.

        Returns
        -------
        ndarray of float (n_groups,)
            NaN for a group without a value.
        """
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"a percentile's share lies between 0 and 1, not {share}")
        valid = ~np.isnan(values)
        codes, parts = self.codes[valid], np.round(values[valid] * _PARTS)
        parts = parts[np.lexsort((parts, codes))]
        number = np.bincount(codes, minlength=len(self.index))
        last = np.cumsum(number) - 1
        first = last - number + 1
        place = np.where(number > 0, (number - 1) * share, 0.0)
        below = np.floor(place).astype(np.intp)
        low = np.clip(first + below, 0, max(len(parts) - 1, 0))
        high = np.minimum(low + 1, np.maximum(last, 0))
        result = np.full(len(self.index), np.nan)
        has = number > 0
        lower, upper = parts[low[has]], parts[high[has]]
        result[has] = (lower + (upper - lower) * (place - below)[has]) / _PARTS
        return result
