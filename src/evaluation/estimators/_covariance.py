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
    def by_codes(self, codes: IntArray, n: int) -> FloatArray: ...


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


def _meat(fit: Regression, dimension: Clusters, sample: Sample) -> FloatArray:
    if dimension.codes is None:
        return fit.by_unit()
    if dimension.name == sample.panel.time:
        return fit.by_time()
    return fit.by_codes(dimension.codes, dimension.n)


def _meat_crossing(fit: Regression, one: Clusters, two: Clusters, sample: Sample) -> tuple[FloatArray, int]:
    first = sample.unit if one.codes is None else one.codes
    second = sample.unit if two.codes is None else two.codes
    names = {one.name, two.name}
    if names == {sample.panel.unit, sample.panel.time}:
        return fit.robust(), sample.n_rows
    codes, n = crossing(first, second, int(second.max()) + 1)
    return fit.by_codes(codes, n), n
