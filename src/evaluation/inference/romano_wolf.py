"""Many outcomes at once: p-values that hold for the family.

Romano and Wolf (2005, 2016): statistics are tested from the largest down, each against the largest
of those not yet rejected, in the same resamples. Dependence between outcomes is used, not assumed
away, so that twenty alike outcomes cost little more than one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evaluation.display import Displayed
from evaluation.errors import EstimationError, shortlist
from evaluation.numerics.ranks import rank_p

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class StepDown(Displayed):
    """Family-wise p-values.

    Attributes
    ----------
    names : tuple of str (m,)
    observed : ndarray (m,)
        Statistics compared, after scaling.
    p_values : ndarray (m,)
        Of each outcome alone.
    adjusted : ndarray (m,)
        Family-wise: the smallest level at which the step-down procedure rejects. NaN for outcomes
        left out.
    smallest_p : float
        The smallest p-value that the resamples can give.
    notes : tuple of str
    """

    names: tuple[str, ...]
    observed: FloatArray
    p_values: FloatArray
    adjusted: FloatArray
    smallest_p: float
    notes: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """One row an outcome: ``outcome, statistic, p_value, p_family``."""
        return pd.DataFrame(
            {
                "outcome": self.names,
                "statistic": self.observed,
                "p_value": self.p_values,
                "p_family": self.adjusted,
            }
        )


def romano_wolf(
    observed: ArrayLike,
    resampled: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    studentize: bool = True,
) -> StepDown:
    """Step-down p-values of Romano and Wolf (2005) from a matrix of resampled statistics.

    Step-down p-values from any matrix of resampled statistics.

    Romano and Wolf (2016), equation 3: with outcomes ordered by size,
    ``p_j = (1 + #{max over k >= j of |s*_k| >= |s_j|}) / (1 + B)``, then made non-decreasing along the
    order. Two-sided.

    Parameters
    ----------
    observed : array_like (m,)
        One statistic an outcome.
    resampled : array_like (B, m)
        The same under the null hypothesis: placebo estimates of the same assignments, bootstrap
        statistics of the same draws, less the estimate where the bootstrap is centred on it.
    names : sequence of str, optional
    studentize : bool
        Divide each outcome by its root mean square over sample and resamples, so that units of
        measurement do not matter. It does not tell the sample from the resamples, so that a
        randomisation test stays exact.

    Returns
    -------
    StepDown

    Raises
    ------
    EstimationError
        Shapes or names that do not fit, or no outcome with finite statistics.

    Examples
    --------
    >>> import numpy as np
    >>> from evaluation import romano_wolf
    >>> draws = np.random.default_rng(1).normal(size=(999, 2))
    >>> family = romano_wolf([3.0, 0.5], draws, names=["theft", "burglary"])
    >>> print(family.adjusted.round(2))
    [0.01 0.64]
    """
    own = np.asarray(observed, dtype=float).ravel()
    drawn = np.asarray(resampled, dtype=float)
    if drawn.ndim != 2 or drawn.shape[1] != len(own) or len(drawn) == 0:
        raise EstimationError(
            f"resampled statistics have the shape {drawn.shape}",
            expected=f"a row a resample and {len(own)} columns, one an outcome",
        )
    labels = tuple(f"outcome {j + 1}" for j in range(len(own))) if names is None else tuple(map(str, names))
    if len(labels) != len(own):
        raise EstimationError(f"{len(labels)} names for {len(own)} outcomes")
    usable = np.isfinite(own) & np.isfinite(drawn).all(axis=0)
    notes = []
    if not usable.all():
        left = shortlist(name for name, ok in zip(labels, usable, strict=True) if not ok)
        notes.append(f"left out, a statistic is not finite: {left}")
    if not usable.any():
        raise EstimationError("no outcome has finite statistics", where=shortlist(labels))
    size, draws = np.abs(own), np.abs(drawn)
    if studentize:
        with np.errstate(invalid="ignore"):
            scale = np.sqrt((size**2 + (draws**2).sum(axis=0)) / (len(draws) + 1))
        scale[~(scale > 0)] = 1.0
        own, size, draws = own / scale, size / scale, draws / scale
    total = len(draws) + 1
    alone, adjusted = np.full(len(own), np.nan), np.full(len(own), np.nan)
    order = np.flatnonzero(usable)[np.argsort(-size[usable], kind="stable")]
    alone[order] = rank_p(draws[:, order], size[order])
    # from the smallest up: the largest of those not yet rejected
    largest = np.maximum.accumulate(draws[:, order[::-1]], axis=1)[:, ::-1]
    step = rank_p(largest, size[order])
    adjusted[order] = np.maximum.accumulate(step)
    return StepDown(labels, own, alone, adjusted, 1 / total, tuple(notes))
