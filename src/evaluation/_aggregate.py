"""Aggregations of cohort-by-period effects as functions of effects and cohort shares.

Each aggregate is a ratio: a share-weighted mean of effects. Its gradient in effects and in shares,
applied to their joint covariance, gives the variance; the same gradient applied to the
influence functions gives the influence function (Callaway and Sant'Anna 2021, section 4.1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.result import CohortShares, Result, _evaluate

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Linear:
    """Values with their gradients: m combinations of k effects and G shares."""

    by_effect: FloatArray  # (m, k)
    by_share: FloatArray  # (m, G)

    def mean(self, weight: FloatArray) -> _Linear:
        return _Linear(weight @ self.by_effect, weight @ self.by_share)


def aggregate(
    result: Result, by: str, *, balance: int | None, window: tuple[int, int] | None
) -> Result:
    """See `Result.aggregate`."""
    shares = result.shares
    assert shares is not None
    terms = result.terms
    position = {cohort: i for i, cohort in enumerate(shares.cohort)}
    cohort = np.array([position[c] for c in terms["cohort"]], dtype=int)
    event = terms["event_time"].to_numpy(dtype=float)
    defined = np.isfinite(result.coef)
    after = (event >= 0) & defined
    notes = list(result.notes)
    lost = int(((event >= 0) & ~defined).sum())
    if lost:
        notes.append(f"{lost} treated cohort-periods have no estimate and are left out of the average")
    if not after.any():
        raise EstimationError("no effect after treatment is estimated, so there is nothing to average")

    def over(cells: NDArray[np.bool_]) -> tuple[float, FloatArray, FloatArray]:
        """Share-weighted mean of cells: value, gradient in effects, gradient in shares."""
        p = shares.share[cohort[cells]]
        total = p.sum()
        value = float(p @ result.coef[cells] / total)
        in_effect = np.zeros(len(result))
        in_effect[cells] = p / total
        in_share = np.zeros(len(shares.share))
        np.add.at(in_share, cohort[cells], (result.coef[cells] - value) / total)
        return value, in_effect, in_share

    if by == "simple":
        value, in_effect, in_share = over(after)
        labels = _terms(["ATT"])
        return _build(
            result, shares, np.array([value]), _Linear(in_effect[None], in_share[None]), labels,
            "average effect on the treated, over all treated unit-periods", notes, None,
        )
    key: NDArray[Any]
    if by == "group":
        key, eligible = cohort, after
        values = [i for i in range(len(shares.cohort)) if (eligible & (cohort == i)).any()]
        absent = len(shares.cohort) - len(values)
        if absent:
            notes.append(f"{absent} cohorts have no estimate after treatment and are left out")
    elif by == "calendar":
        key = pd.factorize(terms["time"], sort=True)[0]
        eligible = after
        values = sorted(set(key[eligible]))
    else:
        key, eligible = event, defined.copy()
        if balance is not None:
            longest = np.full(len(shares.cohort), -np.inf)
            np.maximum.at(longest, cohort[defined], event[defined])
            keep = longest >= balance
            if not keep.any():
                raise EstimationError(
                    f"no cohort is seen {balance} periods after treatment", fix="choose a smaller balance"
                )
            eligible &= keep[cohort] & (event <= balance)
            notes.append(f"{int((~keep).sum())} cohorts seen fewer than {balance} periods are left out")
        if window is not None:
            eligible &= (event >= window[0]) & (event <= window[1])
        values = sorted(set(key[eligible]))
        if not values:
            raise EstimationError("no event time is left", fix="widen the window")
    parts = [over(eligible & (key == v)) for v in values]
    coef = np.array([part[0] for part in parts])
    linear = _Linear(np.array([part[1] for part in parts]), np.array([part[2] for part in parts]))
    if by == "group":
        p = shares.share[values]
        weight = p / p.sum()
        overall_linear = linear.mean(weight[None])
        extra = np.zeros(len(shares.share))
        extra[values] = (coef - weight @ coef) / p.sum()
        overall_linear = replace(overall_linear, by_share=overall_linear.by_share + extra)
        overall_coef = np.array([weight @ coef])
        labels = _terms(
            [f"cohort {shares.cohort[i]}" for i in values], cohort=[shares.cohort[i] for i in values]
        )
        words = "average effect on the treated by cohort, over its treated periods"
        overall_words = "average effect on the treated, each cohort by its share"
    elif by == "calendar":
        times = [terms["time"].iloc[np.flatnonzero(key == v)[0]] for v in values]
        labels = _terms([f"period {t}" for t in times], time=times)
        weight = np.full(len(values), 1 / len(values))
        overall_coef, overall_linear = np.array([coef.mean()]), linear.mean(weight[None])
        words = "average effect on the units treated by then, by period"
        overall_words = "average over periods of the effect on the units treated by then"
    else:
        events = np.array(values, dtype=int)
        labels = _terms([f"event time {e}" for e in events], event_time=events)
        post = events >= 0
        words = "average effect on the treated by time since treatment"
        overall_words = "average over event times of the effect on the treated"
        if not post.any():
            return _build(result, shares, coef, linear, labels, words, notes, None)
        weight = post / post.sum()
        overall_coef, overall_linear = np.array([weight @ coef]), linear.mean(weight[None])
    overall = _build(
        result, shares, overall_coef, overall_linear, _terms(["ATT"]), overall_words, notes, None
    )
    return _build(result, shares, coef, linear, labels, words, notes, overall)


def _terms(names: list[str], **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"term": names, **columns})


def _build(
    result: Result,
    shares: CohortShares,
    coef: FloatArray,
    linear: _Linear,
    terms: pd.DataFrame,
    estimand: str,
    notes: list[str],
    overall: Result | None,
) -> Result:
    used = (linear.by_effect != 0).any(axis=0)
    a, b = linear.by_effect[:, used], linear.by_share
    mixed = a @ shares.cross[used] @ b.T
    # reference terms of a universal base are 0 by construction and add no variance
    base = _zero_if_reference(result.vcov[np.ix_(used, used)], result.coef[used])
    vcov = a @ base @ a.T + mixed + mixed.T + b @ shares.vcov @ b.T

    def influence() -> Any:
        effects, weights = result.influence, _evaluate(shares.influence)
        if effects is None:
            return None
        out = np.nan_to_num(effects[:, used]) @ a.T
        return out if weights is None else out + weights @ b.T

    return replace(
        result,
        estimand=estimand,
        terms=terms,
        coef=coef,
        vcov=vcov,
        notes=tuple(notes),
        influence_function=None if result.influence_function is None else influence,
        shares=None,
        aggregate_overall=overall,
    )


def _zero_if_reference(vcov: FloatArray, coef: FloatArray) -> FloatArray:
    reference = np.isnan(np.diag(vcov)) & (coef == 0)
    if not reference.any():
        return vcov
    out = vcov.copy()
    out[reference] = 0.0
    out[:, reference] = 0.0
    return out
