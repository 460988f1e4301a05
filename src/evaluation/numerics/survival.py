"""Durations that are not all finished: survival curves, means and quantiles, for many groups at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation import distributions

FloatArray = NDArray[np.float64]
_TIE = 1e-12


@dataclass(frozen=True, eq=False)
class SurvivalCurves:
    """Kaplan-Meier curves of G groups, one entry a group and distinct duration (m,).

    Attributes
    ----------
    group : ndarray of int (m,)
        In order; within a group durations rise.
    time : ndarray (m,)
        Duration at which somebody finished or was last seen.
    at_risk, events : ndarray (m,)
        Still open just before, and finished at, that duration.
    survival : ndarray (m,)
        Share still open after it.
    hazard_variance : ndarray (m,)
        ``sum d / (n (n - d))`` up to and including it: variance of the logarithm of survival. Infinite
        where survival is 0.
    start : ndarray of int (G + 1,)
        Group g has the entries ``start[g]`` to ``start[g + 1] - 1``; a group may have none.
    """

    group: NDArray[np.int64] = field(repr=False)
    time: FloatArray = field(repr=False)
    at_risk: FloatArray = field(repr=False)
    events: FloatArray = field(repr=False)
    survival: FloatArray = field(repr=False)
    hazard_variance: FloatArray = field(repr=False)
    start: NDArray[np.int64] = field(repr=False)

    @property
    def n_groups(self) -> int:
        """Number of groups, those without a case counted."""
        return len(self.start) - 1

    @property
    def last(self) -> FloatArray:
        """Longest duration seen in each group (G,), NaN for a group without a case."""
        out = np.full(self.n_groups, np.nan)
        some = np.diff(self.start) > 0
        out[some] = self.time[self.start[1:][some] - 1]
        return out


@dataclass(frozen=True, eq=False)
class RestrictedMean:
    """Mean up to a horizon: ``estimate`` and ``std_error`` (G,), NaN where the data end before it."""

    estimate: FloatArray
    std_error: FloatArray
    horizon: FloatArray


@dataclass(frozen=True, eq=False)
class Quantile:
    """Kaplan-Meier quantile (G,) with pointwise interval; an end that is not reached is infinite."""

    estimate: FloatArray
    ci_low: FloatArray
    ci_high: FloatArray


def kaplan_meier(
    time: ArrayLike,
    finished: ArrayLike,
    group: ArrayLike | None = None,
    n_groups: int | None = None,
    weight: ArrayLike | None = None,
) -> SurvivalCurves:
    """Product-limit estimate of the share still open, by group (Kaplan and Meier 1958, eq. 2b).

    Parameters
    ----------
    time : array_like (n,)
        Duration until the case finished or was last seen open; not negative.
    finished : array_like of bool (n,)
        Whether it finished then. A case last seen at a duration counts as open at it.
    group : array_like of int (n,), optional
        0 to ``n_groups - 1``; all one group when absent.
    n_groups : int, optional
    weight : array_like (n,), optional
        Number of identical cases that a row stands for.

    Returns
    -------
    SurvivalCurves

    Raises
    ------
    ValueError
        Arrays differ in length, or a duration is negative or not finite.
    """
    t = np.asarray(time, dtype=np.float64)
    done = np.asarray(finished, dtype=bool)
    g = np.zeros(len(t), dtype=np.int64) if group is None else np.asarray(group, dtype=np.int64)
    w = np.ones(len(t)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not (t.shape == done.shape == g.shape == w.shape) or t.ndim != 1:
        raise ValueError("time, finished, group and weight must be vectors of one length")
    if not np.isfinite(t).all() or (t < 0).any():
        raise ValueError("durations must be finite and not negative")
    count = int(n_groups if n_groups is not None else (g.max(initial=-1) + 1))
    if len(g) and (g.min() < 0 or g.max() >= count):
        raise ValueError("group must be from 0 to n_groups - 1")
    order = np.lexsort((t, g))
    t, done, g, w = t[order], done[order], g[order], w[order]
    new = np.ones(len(t), dtype=bool)
    new[1:] = (t[1:] != t[:-1]) | (g[1:] != g[:-1])
    place = np.cumsum(new) - 1
    m = int(new.sum())
    key_group, key_time = g[new], t[new]
    leaving = np.bincount(place, w, minlength=m)[:m]
    events: FloatArray = np.bincount(place, w * done, minlength=m)[:m].astype(np.float64)
    start = np.searchsorted(key_group, np.arange(count + 1)).astype(np.int64)
    size = np.bincount(key_group, leaving, minlength=count)[:count] if m else np.zeros(count)
    gone = np.cumsum(leaving) - leaving
    first = start[:-1][key_group]
    at_risk: FloatArray = np.asarray(size[key_group] - (gone - gone[first]), dtype=np.float64)
    # everybody finishing empties the group, so that this happens at its last duration only
    emptied = events >= at_risk * (1 - _TIE)
    ratio = np.where(emptied, 0.0, events / at_risk)
    survival = np.exp(_running(np.log1p(-ratio), first))
    variance = _running(np.where(emptied, 0.0, ratio / np.where(emptied, 1.0, at_risk - events)), first)
    return SurvivalCurves(
        group=key_group,
        time=key_time,
        at_risk=at_risk,
        events=events,
        survival=np.where(emptied, 0.0, survival),
        hazard_variance=np.where(emptied, np.inf, variance),
        start=start,
    )


def _running(values: FloatArray, first: NDArray[np.int64]) -> FloatArray:
    """Sums from each entry's group's first entry on (m,)."""
    total = np.cumsum(values)
    out: FloatArray = total - (total - values)[first]
    return out


def restricted_mean(curves: SurvivalCurves, horizon: ArrayLike) -> RestrictedMean:
    """Mean of ``min(duration, horizon)``: the area under the survival curve up to the horizon.

    ``mu = sum S(t_j) (t_{j+1} - t_j)``, variance ``sum A_j**2 d_j / (n_j (n_j - d_j))``, A_j the area from
    t_j to the horizon (Irwin 1949; Klein and Moeschberger 2003, eq. 4.5.1 and 4.5.2). It needs no
    knowledge of what happens after the horizon, and cases that are open are not left out.

    Parameters
    ----------
    curves : SurvivalCurves
    horizon : array_like, scalar or (G,)
        In units of the durations, above 0.

    Returns
    -------
    RestrictedMean
        NaN in a group whose record ends before the horizon with cases still open: the curve is not known
        there, and is not extended.
    """
    reach = np.broadcast_to(np.asarray(horizon, dtype=np.float64), (curves.n_groups,)).copy()
    if not (reach > 0).all():
        raise ValueError("the horizon must be above 0")
    estimate = np.full(curves.n_groups, np.nan)
    error = np.full(curves.n_groups, np.nan)
    if not len(curves.time):
        return RestrictedMean(estimate, error, reach)
    limit = reach[curves.group]
    last_entry = np.zeros(len(curves.time), dtype=bool)
    some = np.diff(curves.start) > 0
    last_entry[curves.start[1:][some] - 1] = True
    following = np.where(last_entry, np.inf, np.append(curves.time[1:], np.inf))
    width = np.clip(np.minimum(following, limit) - curves.time, 0.0, None)
    piece = curves.survival * width
    beyond = np.cumsum(piece)
    total = np.bincount(curves.group, piece, minlength=curves.n_groups)
    before = (beyond - piece)[curves.start[:-1][curves.group]]
    area = total[curves.group] - (beyond - piece - before)
    opening = np.full(curves.n_groups, np.nan)
    opening[some] = np.minimum(curves.time[curves.start[:-1][some]], reach[some])
    used = (curves.time <= limit) & (curves.events < curves.at_risk * (1 - _TIE))
    with np.errstate(invalid="ignore", divide="ignore"):
        term = np.where(
            used, area**2 * curves.events / (curves.at_risk * (curves.at_risk - curves.events)), 0.0
        )
    variance = np.bincount(curves.group, term, minlength=curves.n_groups)
    end = np.full(curves.n_groups, np.nan)
    end[some] = curves.survival[curves.start[1:][some] - 1]
    known = some & ((curves.last >= reach) | (end == 0))
    estimate[known] = (opening + total)[known]
    error[known] = np.sqrt(variance[known])
    return RestrictedMean(estimate, error, reach)


def quantile(curves: SurvivalCurves, probability: float = 0.5, level: float = 0.95) -> Quantile:
    """Shortest duration by which at least this share has finished, with its interval.

    The interval holds the durations at which ``log(-log S)`` is within the normal quantile times its
    standard error of ``log(-log(1 - p))`` (Brookmeyer and Crowley 1982, with the log-log transform of
    Klein and Moeschberger 2003, eq. 4.5.3); it starts where the lower limit of the curve first
    reaches the share, and ends where the upper one does.

    Parameters
    ----------
    curves : SurvivalCurves
    probability : float
        Share finished; 0.5 for the median.
    level : float

    Returns
    -------
    Quantile
        Infinite where the curve, or its upper limit, never falls that far; NaN in a group without cases.
    """
    if not 0 < probability < 1:
        raise ValueError("the probability must be between 0 and 1")
    target = 1.0 - probability
    z = float(distributions.norm.ppf(0.5 + level / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(curves.survival)
        spread = z * np.sqrt(curves.hazard_variance) / np.abs(log)
        low = np.where(curves.survival >= 1, 1.0, curves.survival ** np.exp(spread))
        high = np.where(curves.survival >= 1, 1.0, curves.survival ** np.exp(-spread))
    low = np.where(curves.survival <= 0, 0.0, low)
    high = np.where(curves.survival <= 0, 0.0, high)
    return Quantile(*(_first_below(curves, values, target) for values in (curves.survival, low, high)))


def _first_below(curves: SurvivalCurves, values: FloatArray, target: float) -> FloatArray:
    """The first duration of each group at which ``values`` (m,) are at most the target (G,)."""
    out = np.full(curves.n_groups, np.nan)
    out[np.diff(curves.start) > 0] = np.inf
    below = np.flatnonzero(values <= target + _TIE)
    groups, first = np.unique(curves.group[below], return_index=True)
    out[groups] = curves.time[below[first]]
    return out
