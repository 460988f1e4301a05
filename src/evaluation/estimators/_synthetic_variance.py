"""Placebo, jackknife and bootstrap replicates of synthetic methods.

Arkhangelsky et al. (2021), Algorithms 2 to 4; staggered adoption after Clarke, Pailanir, Athey and
Imbens (2023). As in R synthdid, penalties are those of the estimate, and jackknife weights too; and the
jackknife is centred at the mean of its replicates, where Algorithm 3 has the estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError, shortlist
from evaluation.estimators._synthetic_sample import FEWEST_DONORS, SyntheticSample
from evaluation.numerics.augmentation import shares
from evaluation.numerics.synthetic import Paths

if TYPE_CHECKING:
    from evaluation.estimators._synthetic import SyntheticMethod

FloatArray = NDArray[np.float64]
_AT_ONCE = 256
_LEVEL = 0.95
_NOISIER, _QUIETER = 4 / 3, 3 / 4


@dataclass(frozen=True, eq=False)
class Replicates:
    """Estimates that a variance is made of.

    Attributes
    ----------
    att : ndarray (r,)
    effects : ndarray (r, k)
        Cohort-by-period effects, NaN where a bootstrap sample lacks the cohort.
    factor : float
        Multiplies the mean squared deviation.
    units : tuple
    words : str
        For ``Result.inference``.
    df : float
        Of the t distribution that the standard error is read with.
    placebos : bool
        Whether estimates are ranked among them: see `evaluation.result.Placebos`.
    """

    att: FloatArray
    effects: FloatArray = field(repr=False)
    factor: float = 1.0
    units: tuple[Any, ...] = ()
    words: str = ""
    notes: tuple[str, ...] = ()
    df: float = np.inf
    placebos: bool = False

    def variance(self, values: FloatArray) -> FloatArray:
        """Covariance (k, k) of replicates (r, k), NaN when there are fewer than two."""
        if len(values) < 2:
            return np.full((values.shape[1], values.shape[1]), np.nan)
        present = np.isfinite(values).astype(float)
        count = present.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            deviation = np.nan_to_num(values - np.nansum(values, axis=0) / count)
            out: FloatArray = self.factor * (deviation.T @ deviation) / (present.T @ present)
        return out


def replicates(method: SyntheticMethod, sample: SyntheticSample, found: list[Paths]) -> Replicates:
    """The replicates that ``method.variance`` asks for, none with the reason where it is undefined."""
    k = sum(len(c.window.post) for c in sample.cohorts)
    none = Replicates(np.empty(0), np.empty((0, k)), words="no standard error")
    if method.variance == "none":
        return none
    donors = int(sample.donors.sum())
    if donors < FEWEST_DONORS:
        return replace(none, words=f"no standard error: {donors} donors are fewer than {FEWEST_DONORS}")
    make: Callable[[SyntheticMethod, SyntheticSample, list[Paths]], Replicates | str] = {
        "placebo": _placebo,
        "jackknife": _jackknife,
        "bootstrap": _bootstrap,
    }[method.variance]
    made = make(method, sample, found)
    if isinstance(made, str):
        return replace(none, words=f"no standard error: {made}", notes=(f"no standard error: {made}",))
    return made


def cell_effects(
    method: SyntheticMethod,
    sample: SyntheticSample,
    treated: list[FloatArray],
    donors: FloatArray,
    like: list[Paths] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Effects of a batch of assignments by cohort and period (b, k), and their average (b,).

    Parameters
    ----------
    treated : list of ndarray (b, n)
        Multiplicities of each cohort's units.
    donors : ndarray (b, n)
    like : list of Paths, optional
        Whose penalties are used.
    """
    size = len(donors)
    parts, weights = [], []
    for i, cohort in enumerate(sample.cohorts):
        part = np.full((size, len(cohort.window.post)), np.nan)
        some = np.flatnonzero(treated[i].sum(axis=1) > 0)
        for start in range(0, len(some), _AT_ONCE):
            rows = some[start : start + _AT_ONCE]
            made = method.paths(
                sample, cohort, treated[i][rows], donors[rows], None if like is None else like[i]
            )
            part[rows] = made.effects(cohort.window)
        parts.append(part)
        weights.append(np.repeat(treated[i].sum(axis=1, keepdims=True), part.shape[1], axis=1))
    effects, weight = np.hstack(parts), np.hstack(weights)
    return effects, np.nansum(effects * weight, axis=1) / weight.sum(axis=1)


def _placebo(method: SyntheticMethod, sample: SyntheticSample, found: list[Paths]) -> Replicates | str:
    pool = np.flatnonzero(sample.donors)
    sizes = [int(c.members.sum()) for c in sample.cohorts]
    total = sum(sizes)
    if len(pool) <= total:
        return f"placebos need more donors ({len(pool)}) than treated units ({total})"
    one = len(sizes) == 1
    units: tuple[Any, ...] = ()
    if one and (total == 1 or comb(len(pool), total) <= method.draws):
        sets = pool[np.array(list(combinations(range(len(pool)), total)))]
        words = f"placebo: each of {len(sets)} "
        words += "donors in turn" if total == 1 else f"sets of {total} donors"
        if total == 1:
            units = tuple(sample.names[sets[:, 0]])
    else:
        generator = _generator(method, f"{total} of {len(pool)} donors can be chosen in too many ways")
        sets = generator.permuted(np.tile(pool, (method.draws, 1)), axis=1)[:, :total]
        words = f"placebo: {method.draws} draws of {total} donors"
    row = np.arange(len(sets))[:, None]
    treated, start = [], 0
    donors = np.tile(sample.donors.astype(float), (len(sets), 1))
    for size in sizes:
        chosen = np.zeros_like(donors)
        chosen[row, sets[:, start : start + size]] = 1.0
        donors -= chosen
        treated.append(chosen)
        start += size
    effects, att = cell_effects(method, sample, treated, donors, found)
    # sets share members: the donors, not the sets, are what is known of the spread
    df = min(len(sets), len(pool)) - 1
    words += f"; t with {df} degrees of freedom and rank among them, the larger p-value"
    return Replicates(
        att,
        effects,
        units=units,
        words=words,
        notes=(*_too_few(len(sets)), _noise(sample, sets)),
        df=df,
        placebos=True,
    )


def _too_few(placebos: int) -> list[str]:
    """Why there is no interval of the usual level."""
    if (placebos + 1) * (1 - _LEVEL) >= 1 - 1e-9:
        return []
    least = 1 / (placebos + 1)
    return [
        f"{placebos} placebos give no p-value below 1/{placebos + 1} = {least:.3f}: there is no {_LEVEL:.0%} "
        f"interval, the widest level is {100 * (1 - least):.1f}%"
    ]


def _noise(sample: SyntheticSample, sets: NDArray[np.integer]) -> str:
    """How noisy treated units are before any treatment, against placebo sets (B, n_treated) of donors."""
    pre = min((c.window.pre for c in sample.cohorts), key=lambda window: int(window[-1]))
    values, donors = sample.outcome[:, pre], sample.donors
    gaps = values - values[donors].mean(axis=0)
    # a donor is compared with the other donors, as a treated unit is with all of them
    gaps[donors] *= donors.sum() / (donors.sum() - 1)
    square = gaps.var(axis=1, ddof=1)
    own = float(np.sqrt(square[~donors].mean()))
    others = np.sqrt(square[sets].mean(axis=1))
    middle = float(np.median(others))
    taken = "placebos take treated units to be as noisy as donors"
    if not middle > 0:
        return f"{taken}; donors do not differ before treatment, so that this cannot be checked"
    ratio, below = own / middle, int((others < own).sum())
    who = shortlist(sample.names[~donors])
    told = (
        f"{taken}: before treatment the standard deviation of {who} from the donors' mean path is "
        f"{ratio:.2f} times that of the median placebo and above that of {below} of {len(sets)} "
        f"(from {len(pre)} periods)"
    )
    if ratio > _NOISIER:
        return told + ": noisier than donors, p-values may be too small"
    return told + (": quieter than donors, p-values may be too large" if ratio < _QUIETER else "")


def _jackknife(method: SyntheticMethod, sample: SyntheticSample, found: list[Paths]) -> Replicates | str:
    if any(c.members.sum() == 1 for c in sample.cohorts):
        return "the jackknife leaves out each treated unit in turn and is undefined with one treated unit" + (
            " in a cohort" if len(sample.cohorts) > 1 else ""
        )
    n = len(sample.units)
    parts, weights = [], []
    for cohort, paths in zip(sample.cohorts, found, strict=True):
        keep = 1.0 - np.eye(n)
        omega = paths.unit_weights * keep
        total = omega.sum(axis=1, keepdims=True)
        if (np.abs(total) < 1e-10).any():
            return "the jackknife is undefined when one donor has all the weight"
        own = keep * cohort.members
        gaps = shares(own) @ sample.outcome - (omega / total) @ sample.outcome
        shift = gaps[:, cohort.window.pre].mean(axis=1) if method.has_constant else np.zeros(n)
        time = np.repeat(paths.time_weights, n, axis=0)
        left = replace(paths, unit_weights=omega, time_weights=time, gaps=gaps, shift=shift)
        parts.append(left.effects(cohort.window))
        weights.append(np.repeat(own.sum(axis=1, keepdims=True), parts[-1].shape[1], axis=1))
    effects, weight = np.hstack(parts), np.hstack(weights)
    att = (effects * weight).sum(axis=1) / weight.sum(axis=1)
    notes: tuple[str, ...] = ()
    if not method.has_constant:
        notes = (
            "the jackknife is not advised for a synthetic control without a constant: leaving out a donor "
            "with its weights held moves the estimate by the donor's level, not by its noise alone",
        )
    return Replicates(
        att,
        effects,
        factor=n - 1.0,
        units=tuple(sample.names),
        words=f"jackknife over {n} units, weights held",
        notes=notes,
    )


def _bootstrap(method: SyntheticMethod, sample: SyntheticSample, found: list[Paths]) -> Replicates | str:
    if sample.n_treated == 1:
        return "the bootstrap draws treated units and is undefined with one of them"
    generator = _generator(method, "the bootstrap draws units")
    n = len(sample.units)
    drawn = np.empty((0, n))
    while len(drawn) < method.draws:
        more = generator.multinomial(n, np.full(n, 1 / n), size=method.draws).astype(float)
        usable = (more[:, sample.donors].sum(axis=1) > 0) & (more[:, ~sample.donors].sum(axis=1) > 0)
        drawn = np.vstack([drawn, more[usable]])[: method.draws]
    treated = [drawn * c.members for c in sample.cohorts]
    effects, att = cell_effects(method, sample, treated, drawn * sample.donors, found)
    notes: tuple[str, ...] = ()
    if sample.n_treated < 10:
        notes = (f"the bootstrap with {sample.n_treated} treated units is too small: prefer the placebo",)
    return Replicates(
        att, effects, words=f"bootstrap: {method.draws} samples of units, weights found anew", notes=notes
    )


def _generator(method: SyntheticMethod, why: str) -> np.random.Generator:
    if method.seed is None:
        raise EstimationError(
            f"{why}, and no seed is given",
            where=f"variance={method.variance!r}",
            fix="pass seed=..., or variance='none'",
        )
    return np.random.default_rng(method.seed)
