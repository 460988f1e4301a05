"""The covariance that a design asks for, from any regression that can sum its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators._sample import Clusters, Sample
from evaluation.numerics.covariance import (
    SmallSample,
    crossing,
    factors,
    parameter_count,
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
        words = f"clustered by {only.name} ({only.n} clusters, {name})"
    else:
        one, two = dimensions
        meat, cells = _meat_crossing(fit, one, two, sample)
        f = factors(n, k, (one.n, two.n, cells), option)
        parts = [bread @ m @ bread for m in (_meat(fit, one, sample), _meat(fit, two, sample), meat)]
        vcov, mended = two_way(parts, f.parts)
        vcov = vcov * f.parameters
        if mended:
            notes.append(
                "the two-way clustered covariance was not positive semi-definite; "
                "its negative eigenvalues were set to 0"
            )
        words = f"clustered by {one.name} ({one.n}) and {two.name} ({two.n}) ({name})"
    few = min(c.n for c in dimensions)
    if few < 30:
        notes.append(
            f"{few} clusters are few: clustered standard errors are then too small; "
            "use a wild cluster bootstrap or randomisation inference"
        )
    return Covariance(vcov, f.df, words, tuple(notes))


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
