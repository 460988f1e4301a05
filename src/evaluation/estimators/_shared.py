"""From contributions of units to a result with cohort-by-period terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evaluation.bands import Resampling
from evaluation.clusters import REPAIRED, clustered_by, few_cluster_note
from evaluation.errors import shortlist
from evaluation.estimators._cells import CellTable
from evaluation.estimators._cohorts import CohortSample
from evaluation.numerics.cohorts import ClusterDimension, LinearMap, contributions
from evaluation.numerics.covariance import Factors, SmallSample, factors, nearest, parameter_count
from evaluation.numerics.effects import EffectsFit
from evaluation.result import CohortShares, Result

FloatArray = NDArray[np.float64]
EXACT = "units of a cohort change alike: standard errors without any variation behind them are undefined"
Vectors = Callable[[NDArray[np.integer], int], FloatArray]


def unit_weight(sample: CohortSample) -> FloatArray:
    """Sum of weights by cohort (C,)."""
    if sample.weights is None:
        return np.array([float(len(rows)) for rows in sample.members])
    return np.array([sample.weights[rows].sum() for rows in sample.members])


def lazy(
    sample: CohortSample, maps: list[LinearMap], vectors: Vectors, first: int, last: int
) -> Callable[[], FloatArray]:
    """Influence function of the estimates from ``first`` to ``last``, computed when read."""

    def influence() -> FloatArray:
        chosen = []
        for part in maps:
            inside = (part.rows >= first) & (part.rows < last)
            chosen.append(LinearMap(part.rows[inside] - first, part.matrix[inside]))
        return sample.n * contributions(sample.members, vectors, chosen, sample.n, last - first)

    return influence


def cluster_factors(
    sample: CohortSample, observations: int, slopes: int, levels: tuple[int, int], option: SmallSample
) -> tuple[Factors, tuple[ClusterDimension, ...]]:
    """Corrections of a clustered covariance, and the clusters whose signs carry the factor of each part.

    Parameters
    ----------
    observations, slopes : int
        Of the regression.
    levels : tuple of int
        Units and periods in it.

    Returns
    -------
    Factors
        ``parameters`` with the factor of the unit as cluster, where that is the one.
    tuple of (codes (n,), sign times G / (G - 1))
    """
    counted = parameter_count(slopes, levels, (True, False), option)
    kept = sample.cohort >= 0
    groups = [len(np.unique(codes[kept])) for codes, _ in sample.clusters]
    f = factors(observations, counted, groups or sample.cluster_counts, option)
    if not groups:
        return replace(f, parameters=f.parameters * f.parts[0]), ()
    pairs = zip(sample.clusters, f.parts, strict=True)
    return f, tuple((codes, sign * part) for (codes, sign), part in pairs)


def joint_result(
    sample: CohortSample,
    cells: CellTable,
    estimate: FloatArray,
    joint: FloatArray,
    effects: Callable[[], FloatArray],
    shares: Callable[[], FloatArray] | None,
    *,
    method: str,
    estimand: str,
    convention: str,
    df: float = np.inf,
    term_weight: FloatArray | None = None,
    notes: list[str],
) -> Result:
    """Result with cohort-by-period terms, from the joint covariance of effects and cohort shares.

    Parameters
    ----------
    joint : ndarray (k + G, k + G)
        Covariance of effects, then cohort shares.
    effects, shares : callable
        Influence functions (n, k), (n, G); None where shares are taken as known.
    convention : str
        Of the standard error, for its label.
    term_weight : ndarray (k,), optional
        Fixed weights of cells in averages.
    """
    k = len(cells)
    mended = False
    if len(sample.cluster_counts) == 2:
        joint, mended = nearest(joint)
    exact = ~np.isnan(estimate) & ~cells.reference & _without_variation(sample, np.diag(joint)[:k])
    undefined = np.isnan(estimate) | cells.reference | exact
    vcov, cross, of_shares = joint[:k, :k].copy(), joint[:k, k:].copy(), joint[k:, k:].copy()
    vcov[undefined], vcov[:, undefined] = np.nan, np.nan
    cross[undefined] = 0.0
    if shares is None:
        cross[:], of_shares[:] = 0.0, 0.0
    weight = unit_weight(sample)
    lost = np.isnan(estimate)

    def influence() -> FloatArray:
        out = effects()
        out[:, lost] = np.nan
        return out

    return Result(
        method=method,
        estimand=estimand,
        terms=cells.frame(sample),
        coef=estimate,
        vcov=vcov,
        df=df,
        sample=sample.count(),
        notes=(
            *sample.notes,
            *notes,
            *([REPAIRED] if mended else []),
            *([EXACT] if exact.any() else []),
            *single_unit_note(sample),
            *few_cluster_note(sample.cluster_counts),
        ),
        inference=_label(sample, convention),
        influence_function=influence,
        resampled=lambda: resampling(sample, _single(sample, cells)),
        shares=CohortShares(
            cohort=tuple(sample.labels),
            share=weight[:-1] / weight.sum(),
            vcov=of_shares,
            cross=cross,
            influence=shares,
            term_weight=term_weight,
        ),
    )


def resampling(sample: CohortSample, single: NDArray[np.bool_]) -> Resampling:
    """Cohorts and clusters of the rows of an influence function; two dimensions by the coarser one."""
    codes = [codes for codes, _ in sample.clusters[:2]]
    instead = ""
    if len(codes) == 2:
        names = " and ".join(map(repr, sample.design.cluster_columns))
        instead = f"the covariance is clustered by {names}, and draws follow one dimension"
    coarsest = codes[int(np.argmin(sample.cluster_counts))] if codes else None
    return Resampling(
        cohort=sample.cohort, clusters=coarsest, weights=sample.weights, single=single, instead=instead
    )


def _single(sample: CohortSample, cells: CellTable) -> NDArray[np.bool_]:
    """Cells whose cohort is seen in one cluster only, then or in the base period (k,)."""
    none = np.iinfo(np.int64).max
    alone = np.zeros((sample.n_cohorts, sample.n_periods), dtype=bool)
    for codes in [codes for codes, _ in sample.clusters[:2]] or [np.arange(sample.n)]:
        for c, rows in enumerate(sample.members):
            own = codes[rows]
            low, high = np.full(sample.n_periods, none), np.full(sample.n_periods, -1)
            if sample.time is None and len(rows):
                seen = ~np.isnan(sample.outcome[rows])
                low = np.where(seen, own[:, None], none).min(axis=0)
                high = np.where(seen, own[:, None], -1).max(axis=0)
            elif sample.time is not None:
                np.minimum.at(low, sample.time[rows], own)
                np.maximum.at(high, sample.time[rows], own)
            alone[c] |= low == high
    out = alone[cells.cohort, cells.time] | alone[cells.cohort, cells.base]
    if sample.design.comparison == "never_treated":
        out |= alone[-1, cells.time] | alone[-1, cells.base]
    return np.asarray(out)


def _without_variation(sample: CohortSample, variance: FloatArray) -> NDArray[np.bool_]:
    """Which variances are rounding error of the outcome's level, and not variation (k,)."""
    # the level of a few units is enough to see that the others need not be read
    near = np.nanmax(np.abs(sample.outcome[:256]), initial=0.0)
    if not (variance <= (1e-12 * near) ** 2).any():
        return np.zeros(len(variance), dtype=bool)
    return np.asarray(variance <= (1e-15 * np.nanmax(np.abs(sample.outcome))) ** 2)


def _label(sample: CohortSample, convention: str) -> str:
    columns = sample.design.cluster_columns
    if sample.sampling == "cross_sections" and not columns:
        return f"independent rows ({sample.cluster_counts[0]}), {convention}"
    return clustered_by(columns or (sample.panel.unit,), sample.cluster_counts, convention)


def single_unit_note(sample: CohortSample) -> list[str]:
    """`lone_cohorts` of a sample by cohort."""
    return lone_cohorts(sample.names, sample.members, sample.cluster_codes)


def lone_cohorts(
    names: Sequence[str],
    members: Sequence[NDArray[np.integer]],
    clusters: NDArray[np.integer] | None,
) -> list[str]:
    """Note on cohorts of one unit or cluster, whose residuals from their own mean add up to 0."""
    kind = "unit" if clusters is None else "cluster"
    single = []
    for name, rows in zip(names, members, strict=True):
        codes = rows if clusters is None else clusters[rows]
        if len(rows) and (codes == codes[0]).all():
            single.append(name)
    if not single:
        return []
    return [
        f"one {kind} only in {shortlist(single)}: its own variation is not in the standard errors, "
        "which are too small; use randomisation inference"
    ]


def named(sample: CohortSample, fit: EffectsFit) -> tuple[str, ...]:
    """Note on covariates that were left out as collinear."""
    lost = [name for name, kept in zip(sample.design.covariates, fit.kept, strict=True) if not kept]
    if not lost:
        return ()
    return (
        f"covariate {shortlist(map(repr, lost))} is collinear with unit and period effects or with other "
        "covariates and was left out",
    )
