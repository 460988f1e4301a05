"""Which places are really told apart: confidence sets for ranks.

Mogstad, Romano, Shaikh and Wilhelm (2024, Review of Economic Studies 91:476-518): a rank is as uncertain as
the comparisons behind it. All pairs of places are compared at once, each difference against its own standard
error, with one critical value for the largest of them; a place ranks below those that beat it and above those
that it beats, and anywhere among the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.display import Displayed
from evaluation.errors import EstimationError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class RankSets(Displayed):
    """Ranks with simultaneous confidence sets; rank 1 is the largest value.

    Attributes
    ----------
    values : ndarray (n,)
        What is ranked.
    ranks : ndarray of int (n,)
        Plain ranks; equal values share the better rank.
    low, high : ndarray of int (n,)
        Best and worst rank in each place's set. In ``level`` of samples all sets hold their true ranks.
    above : ndarray of bool (n, n)
        ``above[j, k]``: j is told to lie above k.
    critical : float
        Critical value of the last step, in standard errors of a difference.
    level : float
    """

    values: FloatArray
    ranks: IntArray
    low: IntArray
    high: IntArray
    above: NDArray[np.bool_]
    critical: float
    level: float

    @property
    def distinguishable_pairs(self) -> int:
        """Pairs of places whose order is told."""
        return int(self.above.sum())

    @property
    def pairs(self) -> int:
        """Pairs of places."""
        n = len(self.values)
        return n * (n - 1) // 2


def rank_sets(values: ArrayLike, draws: ArrayLike, *, level: float = 0.95) -> RankSets:
    """Confidence sets for ranks (Mogstad, Romano, Shaikh and Wilhelm 2024), with step-down.

    Simultaneous confidence sets for the ranks of all places, with step-down.

    The place j is told to lie above k when ``v_j - v_k > c s_jk``, where ``s_jk`` is the standard deviation
    of ``v*_j - v*_k`` over the draws and ``c`` the ``level`` quantile of the largest
    ``(v*_j - v*_k - (v_j - v_k)) / s_jk`` over the ordered pairs (j, k) not yet told; the pair (k, j) stays
    among them when (j, k) is told (Mogstad, Romano, Shaikh and Wilhelm 2024, and their csranks).

    Parameters
    ----------
    values : array_like (n,)
        Estimates, larger is better.
    draws : array_like (B, n)
        The same in B resamples of all places together, so that what they share cancels.
    level : float
        Confidence that all sets hold their ranks.

    Returns
    -------
    RankSets

    Raises
    ------
    EstimationError
        Fewer than two places, shapes that do not fit, or a value that is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from evaluation import rank_sets
    >>> draws = np.random.default_rng(1).normal(size=(999, 3))
    >>> sets = rank_sets([9.0, 5.0, 1.0], draws)
    >>> print(sets.ranks.tolist())
    [1, 2, 3]
    """
    own = np.asarray(values, dtype=float).ravel()
    drawn = np.asarray(draws, dtype=float)
    if len(own) < 2 or drawn.ndim != 2 or drawn.shape[1] != len(own) or len(drawn) < 2:
        raise EstimationError(
            f"resampled values have the shape {drawn.shape} for {len(own)} places",
            expected="at least two places, and a row a resample with one column a place",
        )
    if not (np.isfinite(own).all() and np.isfinite(drawn).all()):
        raise EstimationError("a value to be ranked is not finite")
    if not 0 < level < 1:
        raise EstimationError(f"the level is {level}", expected="a level between 0 and 1")
    first, second = np.nonzero(~np.eye(len(own), dtype=bool))
    gap = own[first] - own[second]
    deviations = drawn[:, first] - drawn[:, second] - gap
    error = np.sqrt((deviations**2).mean(axis=0))
    # two places that move together exactly are told apart by any difference, and by none when equal
    exact = error <= 1e-12 * max(1.0, float(np.abs(own).max()))
    safe = np.where(exact, 1.0, error)
    size = np.where(exact, np.where(gap > 0, np.inf, 0.0), gap / safe)
    moved = np.where(exact, 0.0, deviations / safe)
    told = np.isinf(size)
    critical = float("nan")
    reverse = np.lexsort((first, second))
    # the reverse of an order that is told stays in the family, though it can no longer be told itself
    while not (told | told[reverse] | exact).all():
        largest = moved[:, ~told].max(axis=1)
        critical = float(np.quantile(largest, level, method="higher"))
        more = ~told & (size > critical)
        if not more.any():
            break
        told |= more
    above = np.zeros((len(own), len(own)), dtype=bool)
    above[first, second] = told
    ranks = 1 + (own[None, :] > own[:, None]).sum(axis=1)
    return RankSets(
        values=own,
        ranks=ranks.astype(np.int64),
        low=(1 + above.sum(axis=0)).astype(np.int64),
        high=(len(own) - above.sum(axis=1)).astype(np.int64),
        above=above,
        critical=critical,
        level=level,
    )
