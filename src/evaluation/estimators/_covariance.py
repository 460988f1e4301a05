"""The covariance that a design asks for, from any regression that can sum its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.clusters import REPAIRED, Clusters, clustered_by, convention_name, few_cluster_note
from evaluation.errors import EstimationError
from evaluation.estimators._sample import Sample
from evaluation.numerics.covariance import (
    SmallSample,
    cluster_sums,
    crossing,
    factors,
    parameter_count,
    small_sample,
    two_way,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
COVARIANCES = ("cluster", "iid", "HC1")


class Regression(Protocol):
    """What a fitted regression must offer; shapes as in `RowRegression`."""

    @property
    def bread(self) -> FloatArray: ...
    @property
    def kept(self) -> NDArray[np.bool_]: ...
    @property
    def sum_of_squares(self) -> float: ...
    def robust(self) -> FloatArray: ...
    def by_unit(self) -> FloatArray: ...
    def by_time(self) -> FloatArray: ...
    def by_clusters(self, codes: IntArray, n: int) -> FloatArray: ...
    def by_clusters_and_time(self, codes: IntArray, n: int) -> FloatArray: ...
    def unit_scores(self) -> FloatArray: ...


@dataclass(frozen=True, slots=True)
class Covariance:
    """A covariance with what a reader must know of it."""

    vcov: FloatArray
    df: float
    inference: str
    notes: tuple[str, ...]


def check_covariance(kind: str) -> None:
    if kind not in COVARIANCES:
        raise EstimationError(
            f"unknown covariance {kind!r}", expected="one of " + ", ".join(map(repr, COVARIANCES))
        )


def covariance(
    fit: Regression,
    sample: Sample,
    kind: str,
    option: SmallSample,
    name: str,
    *,
    dispersion: bool = True,
) -> Covariance:
    """Sandwich (or iid) covariance of all coefficients, corrected for small samples.

    Parameters
    ----------
    fit : Regression
    sample : Sample
    kind : {"cluster", "iid", "HC1"}
    option : SmallSample
    name : str
        Of the convention, for the label.
    dispersion : bool
        Whether iid errors have an estimated variance; False for Poisson.
    """
    n, slopes, bread = sample.n_rows, int(fit.kept.sum()), fit.bread
    levels = (sample.n_units, sample.n_periods)
    notes: list[str] = []
    if kind != "cluster":
        k = parameter_count(slopes, levels, (False, False), option)
        if kind == "iid":
            f = factors(n, k, (), option, clustered=False)
            variance = fit.sum_of_squares / (n - 1) if dispersion else 1.0
            return Covariance(f.parameters * variance * bread, f.df, f"iid errors ({name})", ())
        f = factors(n, k, (n,), option, clustered=False)
        vcov = f.parameters * f.parts[0] * (bread @ fit.robust() @ bread)
        return Covariance(vcov, f.df, f"HC1, robust to unequal variances ({name})", ())
    dimensions = sample.clusters
    nested = (any(c.holds_units for c in dimensions), any(c.holds_periods for c in dimensions))
    k = parameter_count(slopes, levels, nested, option)
    if len(dimensions) == 1:
        only = dimensions[0]
        f = factors(n, k, (only.n,), option)
        vcov = f.parameters * f.parts[0] * (bread @ _meat(fit, only, sample) @ bread)
    else:
        one, two = dimensions
        meat, cells = _meat_crossing(fit, one, two, sample)
        f = factors(n, k, (one.n, two.n, cells), option)
        parts = [bread @ m @ bread for m in (_meat(fit, one, sample), _meat(fit, two, sample), meat)]
        vcov, mended = two_way(parts, f.parts)
        vcov = vcov * f.parameters
        if mended:
            notes.append(REPAIRED)
    return _clustered(vcov, f.df, sample, name, notes)


def needs_rows(sample: Sample) -> bool:
    """Whether a cluster is neither made of whole units nor the period."""
    return any(c.kind == "rows" for c in sample.clusters)


def _meat(fit: Regression, dimension: Clusters, sample: Sample) -> FloatArray:
    if dimension.kind == "unit":
        return fit.by_unit()
    if dimension.kind == "time":
        return fit.by_time()
    if dimension.by_unit is not None:
        return fit.by_clusters(dimension.by_unit, dimension.n)
    return fit.by_codes(dimension.codes(sample.unit, sample.time), dimension.n)  # type: ignore[attr-defined]


def _meat_crossing(fit: Regression, one: Clusters, two: Clusters, sample: Sample) -> tuple[FloatArray, int]:
    """Meat and number of the pairs of two clusters."""
    if {one.kind, two.kind} == {"unit", "time"}:
        return fit.robust(), sample.n_rows
    codes, n = crossing(
        one.codes(sample.unit, sample.time),
        two.codes(sample.unit, sample.time),
        1 + max(sample.panel.n_units, sample.panel.n_periods, two.n),
    )
    other = two if one.kind == "time" else one
    if "time" in (one.kind, two.kind) and other.by_unit is not None:
        return fit.by_clusters_and_time(other.by_unit, other.n), n
    if one.holds_units and two.holds_units:
        by_unit = np.full(sample.panel.n_units, -1, dtype=np.int64)
        by_unit[sample.unit] = codes
        return fit.by_clusters(by_unit, n), n
    return fit.by_codes(codes, n), n  # type: ignore[attr-defined]


def unit_covariance(
    contributions: FloatArray,
    sample: Sample,
    slopes: int,
    levels: tuple[int, ...],
    convention: str | SmallSample,
    rows: int | None = None,
) -> Covariance:
    """Clustered covariance of estimates that are sums over units (n_units, k).

    Parameters
    ----------
    contributions : ndarray (n_units, k)
        Unit parts of estimate - truth.
    sample : Sample
        Its clusters must hold whole units.
    slopes, levels : int and tuple of int
        For the count of parameters in the regression that the estimates stand for; the first set
        of effects is the units'.
    convention : str or SmallSample
    rows : int, optional
        Rows of that regression; those of the sample when absent.
    """
    option = small_sample(convention)
    outside = [c.name for c in sample.clusters if not c.holds_units]
    if outside:
        raise EstimationError(
            f"cluster {outside[0]!r} cuts across units, and this estimator adds up units",
            fix="cluster by the unit or by groups of units",
        )
    n = sample.n_rows if rows is None else rows
    k = parameter_count(slopes, levels, (True, False)[: len(levels)], option)

    def square(cluster: Clusters) -> FloatArray:
        if cluster.by_unit is None:
            return contributions.T @ contributions
        inside = cluster.by_unit >= 0
        sums = cluster_sums(contributions[inside], cluster.by_unit[inside], cluster.n)
        return sums.T @ sums

    if len(sample.clusters) == 1:
        only = sample.clusters[0]
        f = factors(n, k, (only.n,), option)
        vcov = f.parameters * f.parts[0] * square(only)
        return _clustered(vcov, f.df, sample, convention_name(convention), [])
    one, two = sample.clusters
    unit = np.flatnonzero(np.bincount(sample.unit, minlength=sample.panel.n_units) > 0)
    codes, cells = crossing(one.codes(unit, unit), two.codes(unit, unit), sample.panel.n_units + two.n)
    by_unit = np.full(sample.panel.n_units, -1, dtype=np.int64)
    by_unit[unit] = codes
    both = Clusters("both", "units", cells, by_unit=by_unit)
    f = factors(n, k, (one.n, two.n, cells), option)
    vcov, mended = two_way([square(c) for c in (one, two, both)], f.parts)
    notes = [REPAIRED] if mended else []
    return _clustered(f.parameters * vcov, f.df, sample, convention_name(convention), notes)


def _clustered(vcov: FloatArray, df: float, sample: Sample, name: str, notes: list[str]) -> Covariance:
    counts = [c.n for c in sample.clusters]
    words = clustered_by([c.name for c in sample.clusters], counts, f"small sample: {name}")
    return Covariance(vcov, df, words, (*notes, *few_cluster_note(counts)))
