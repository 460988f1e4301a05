"""Averages of cohort-by-period effects, with their gradients in effects and in cohort shares.

Each average is a ratio: a share-weighted mean of effects. The gradients, applied to the joint
covariance of (effects, shares), give its variance; applied to their influence functions, its
influence function (Callaway and Sant'Anna 2021, section 3.2 and Corollary 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError, shortlist

AGGREGATIONS = ("simple", "group", "event_time", "calendar")
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cells:
    """Cohort-by-period effects to average.

    Attributes
    ----------
    coef : ndarray (k,)
        Effects, NaN where one does not exist.
    cohort : ndarray of int (k,)
        Position in ``share``.
    time : ndarray of int (k,)
        Any number that orders the periods.
    event : ndarray of float (k,)
        Periods since treatment.
    share : ndarray (G,)
        Number proportional to the size of each cohort.
    weight : ndarray (k,), optional
        Fixed weight of each cell inside an average, in place of its cohort's share: the number of
        unit-periods behind the cell in an unbalanced panel.
    names : sequence of str (k,)
        Names of cells for messages.
    """

    coef: FloatArray
    cohort: NDArray[np.intp]
    time: NDArray[np.int64]
    event: FloatArray
    share: FloatArray
    names: tuple[str, ...]
    weight: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Averages:
    """m averages of k effects under G shares: values and gradients.

    Attributes
    ----------
    keys : list (m,)
        Cohort position, event time or time of each average; empty for the simple one.
    value : ndarray (m,)
    by_effect : ndarray (m, k)
    by_share : ndarray (m, G)
    estimand : str
    notes : tuple of str
        What was left out.
    overall : Averages, optional
        The one-number summary.
    """

    keys: list[Any]
    value: FloatArray
    by_effect: FloatArray
    by_share: FloatArray
    estimand: str
    notes: tuple[str, ...] = ()
    overall: Averages | None = None


def average(
    cells: Cells, by: str, *, balance: int | None = None, window: tuple[int, int] | None = None
) -> Averages:
    """Average cells over everything, by cohort, by event time or by calendar period.

    Raises
    ------
    EstimationError
        Unknown ``by``, an option that does not belong to it, or nothing left to average.
    """
    if by not in AGGREGATIONS:
        raise EstimationError(f"unknown aggregation {by!r}", expected=", ".join(AGGREGATIONS))
    if by != "event_time" and (balance is not None or window is not None):
        raise EstimationError(
            f"balance and window belong to event time, not to {by!r}",
            fix='use aggregate("event_time", ...)',
        )
    defined = np.isfinite(cells.coef)
    after = (cells.event >= 0) & defined
    notes = _left_out(cells, defined, before=by == "event_time")
    if not after.any():
        raise EstimationError(
            "no effect after treatment is estimated, so there is nothing to average",
            where="; ".join(notes) or None,
        )
    if by == "simple":
        value, in_effect, in_share = _mean(cells, after)
        words = "average effect on the treated, over all treated unit-periods"
        return Averages([], np.array([value]), in_effect[None], in_share[None], words, tuple(notes))
    if by == "group":
        return _by_group(cells, after, notes)
    if by == "calendar":
        averages = _over(cells, after, cells.time)
        flat = np.full(len(averages.keys), 1 / len(averages.keys))
        return _with_overall(
            averages,
            flat,
            "average effect on the units treated by then, by period",
            "average over periods of the effect on the units treated by then",
            notes,
        )
    return _by_event(cells, defined, balance, window, notes)


def _by_group(cells: Cells, after: NDArray[np.bool_], notes: list[str]) -> Averages:
    averages = _over(cells, after, cells.cohort)
    absent = len(cells.share) - len(averages.keys)
    if absent:
        notes.append(f"{absent} cohorts have no estimate after treatment and are left out")
    p = cells.share[averages.keys]
    extra = np.zeros(len(cells.share))
    extra[averages.keys] = (averages.value - p @ averages.value / p.sum()) / p.sum()
    return _with_overall(
        averages,
        p / p.sum(),
        "average effect on the treated by cohort, over its treated periods",
        "average effect on the treated, each cohort by its share",
        notes,
        extra,
    )


def _by_event(
    cells: Cells,
    defined: NDArray[np.bool_],
    balance: int | None,
    window: tuple[int, int] | None,
    notes: list[str],
) -> Averages:
    eligible = defined.copy()
    if balance is not None:
        longest = np.full(len(cells.share), -np.inf)
        np.maximum.at(longest, cells.cohort[defined], cells.event[defined])
        keep = longest >= balance
        if not keep.any():
            raise EstimationError(
                f"no cohort is seen {balance} periods after treatment",
                where=f"the longest is seen {int(longest.max())} periods after",
                fix="choose a smaller balance",
            )
        eligible &= keep[cells.cohort] & (cells.event <= balance)
        out = int((~keep[np.unique(cells.cohort)]).sum())
        if out:
            notes.append(f"{out} cohorts seen fewer than {balance} periods after treatment are left out")
    if window is not None:
        eligible &= (cells.event >= window[0]) & (cells.event <= window[1])
    if not eligible.any():
        raise EstimationError("no event time is left", fix="widen the window")
    averages = _over(cells, eligible, cells.event.astype(np.int64))
    post = np.array(averages.keys) >= 0
    weight = post / post.sum() if post.any() else None
    return _with_overall(
        averages,
        weight,
        "average effect on the treated by time since treatment",
        "average over event times of the effect on the treated",
        notes,
    )


def _over(cells: Cells, eligible: NDArray[np.bool_], key: NDArray[Any]) -> Averages:
    keys = sorted(set(key[eligible].tolist()))
    parts = [_mean(cells, eligible & (key == value)) for value in keys]
    return Averages(
        keys,
        np.array([part[0] for part in parts]),
        np.array([part[1] for part in parts]),
        np.array([part[2] for part in parts]),
        "",
    )


def _mean(cells: Cells, chosen: NDArray[np.bool_]) -> tuple[float, FloatArray, FloatArray]:
    """Weighted mean of chosen cells: value, gradient in effects (k,), gradient in shares (G,)."""
    in_effect, in_share = np.zeros(len(cells.coef)), np.zeros(len(cells.share))
    p = cells.share[cells.cohort[chosen]] if cells.weight is None else cells.weight[chosen]
    total = p.sum()
    value = float(p @ cells.coef[chosen] / total)
    in_effect[chosen] = p / total
    if cells.weight is None:
        np.add.at(in_share, cells.cohort[chosen], (cells.coef[chosen] - value) / total)
    return value, in_effect, in_share


def _with_overall(
    averages: Averages,
    weight: FloatArray | None,
    words: str,
    overall_words: str,
    notes: list[str],
    extra: FloatArray | None = None,
) -> Averages:
    overall = None
    if weight is not None:
        by_share = weight @ averages.by_share
        overall = Averages(
            [],
            np.array([weight @ averages.value]),
            (weight @ averages.by_effect)[None],
            (by_share if extra is None else by_share + extra)[None],
            overall_words,
            tuple(notes),
        )
    return Averages(
        averages.keys, averages.value, averages.by_effect, averages.by_share, words, tuple(notes), overall
    )


def _left_out(cells: Cells, defined: NDArray[np.bool_], *, before: bool) -> list[str]:
    notes = []
    for words, where in (("treated", cells.event >= 0), ("pre-treatment", (cells.event < 0) & before)):
        lost = np.flatnonzero(where & ~defined)
        if len(lost):
            names = shortlist([cells.names[i] for i in lost])
            notes.append(f"{len(lost)} {words} cohort-periods have no estimate and are left out: {names}")
    return notes
