"""Covariance of least squares, and the corrections for small samples that packages apply to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class SmallSample:
    """Which factors multiply a covariance, and the degrees of freedom of t.

    Parameters
    ----------
    parameters : bool
        Multiply by (n - 1) / (n - K).
    fixed_effects : {"nonnested", "full", "none"}
        Effects counted in K: those not nested in a cluster, all, or none.
    clusters : bool
        Multiply by G / (G - 1).
    cluster_df : {"min", "each"}
        Two-way clustering: G of the smaller dimension for all parts, or of each part.
    t_df : {"min", "residual", "normal"}
        min(G) - 1 (n - K without clusters), n - K, or the normal distribution.
    """

    parameters: bool = True
    fixed_effects: Literal["nonnested", "full", "none"] = "nonnested"
    clusters: bool = True
    cluster_df: Literal["min", "each"] = "min"
    t_df: Literal["min", "residual", "normal"] = "min"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("fixed_effects", ("nonnested", "full", "none")),
            ("cluster_df", ("min", "each")),
            ("t_df", ("min", "residual", "normal")),
        ):
            if getattr(self, name) not in allowed:
                raise EstimationError(
                    f"{name} is {getattr(self, name)!r}", expected="one of " + ", ".join(map(repr, allowed))
                )


CONVENTIONS: dict[str, SmallSample] = {
    # R fixest (ssc() at its defaults), pyfixest, Stata reghdfe for effects nested in clusters
    "fixest": SmallSample(),
    # every effect counted: R felm, Stata areg, linearmodels with count_effects
    "full": SmallSample(fixed_effects="full"),
    # G / (G - 1) only: the sandwich as in textbooks
    "clusters": SmallSample(parameters=False),
    # no factor and the normal distribution: what influence functions give
    "none": SmallSample(parameters=False, clusters=False, t_df="normal"),
}


def small_sample(option: str | SmallSample) -> SmallSample:
    """A convention by name, or as given."""
    if isinstance(option, SmallSample):
        return option
    if option not in CONVENTIONS:
        raise EstimationError(
            f"unknown small-sample convention {option!r}",
            expected=", ".join(map(repr, CONVENTIONS)) + " or a SmallSample",
        )
    return CONVENTIONS[option]


def parameter_count(slopes: int, levels: Sequence[int], nested: Sequence[bool], option: SmallSample) -> int:
    """K: slopes and the effects that count.

    Parameters
    ----------
    slopes : int
    levels : sequence of int
        Number of levels of each set of effects.
    nested : sequence of bool
        Whether a set is nested in a cluster.
    """
    if option.fixed_effects == "none" or not levels:
        return slopes
    count = slopes + sum(levels) - (len(levels) - 1)
    if option.fixed_effects == "full" or not any(nested):
        return count
    within = sum(n for n, inside in zip(levels, nested, strict=True) if inside)
    # a nested set still takes part in the constant, so one of its levels stays counted
    return max(count - (within - sum(nested)), slopes)


@dataclass(frozen=True, slots=True)
class Factors:
    """Corrections of one covariance.

    Attributes
    ----------
    parameters : float
        (n - 1) / (n - K), or 1.
    parts : tuple of float
        G / (G - 1) of each part of the meat, or 1.
    df : float
        Of the t distribution.
    """

    parameters: float
    parts: tuple[float, ...]
    df: float


def factors(n: int, k: int, groups: Sequence[int], option: SmallSample, *, clustered: bool = True) -> Factors:
    """Corrections for n rows, K parameters and the cluster counts of each part of the meat.

    Parameters
    ----------
    n, k : int
    groups : sequence of int
        Empty for iid, (n,) for HC1, (G,) for one way, (G1, G2, G12) for two ways.
    option : SmallSample
    clustered : bool
        False for iid and HC1.

    Raises
    ------
    EstimationError
        No degrees of freedom are left, or there is one cluster.
    """
    if option.parameters and n <= k:
        raise EstimationError(
            f"{n} observations cannot determine {k} parameters and a standard error",
            fix="use more units or periods, or fewer terms",
        )
    sizes = groups[:2] if len(groups) == 3 else groups
    if clustered and min(sizes) < 2:
        raise EstimationError(
            "all rows are in one cluster, so clustered standard errors do not exist",
            fix="cluster by the unit, or use randomisation inference",
        )
    ratio = (n - 1) / (n - k) if option.parameters else 1.0
    if not option.clusters:
        parts = (1.0,) * len(groups)
    elif len(groups) == 3 and option.cluster_df == "min":
        parts = (min(sizes) / (min(sizes) - 1),) * 3
    else:
        parts = tuple(g / (g - 1) for g in groups)
    if option.t_df == "normal":
        df = np.inf
    elif option.t_df == "min" and clustered:
        df = float(min(sizes) - 1)
    else:
        df = float(max(n - k, 1))
    return Factors(ratio, parts, df)


def cluster_sums(scores: FloatArray, codes: IntArray, n_clusters: int) -> FloatArray:
    """Sum scores (n, k) within clusters, shape (n_clusters, k)."""
    out = np.empty((n_clusters, scores.shape[1]))
    for j in range(scores.shape[1]):
        out[:, j] = np.bincount(codes, scores[:, j], minlength=n_clusters)
    return out


def crossing(first: IntArray, second: IntArray, n_second: int) -> tuple[IntArray, int]:
    """Codes of the pairs that occur, and how many there are."""
    pairs = first.astype(np.int64) * n_second + second
    values, codes = np.unique(pairs, return_inverse=True)
    return codes, len(values)


def two_way(parts: Sequence[FloatArray], weights: Sequence[float]) -> tuple[FloatArray, bool]:
    """Covariance clustered in two ways: first plus second less their crossing.

    Cameron, Gelbach and Miller (2011), equation 2.11. Where the sum is not positive semi-definite
    its negative eigenvalues are set to 0, as they propose.

    Returns
    -------
    vcov : ndarray (k, k)
    mended : bool
        Whether an eigenvalue was negative.
    """
    total = weights[0] * parts[0] + weights[1] * parts[1] - weights[2] * parts[2]
    return nearest((total + total.T) / 2)


def nearest(vcov: FloatArray) -> tuple[FloatArray, bool]:
    """Covariance with negative eigenvalues at 0 (Cameron, Gelbach and Miller 2011); whether any was."""
    values, vectors = np.linalg.eigh(vcov)
    if len(values) == 0 or values.min() >= -1e-12 * max(values.max(), 0.0):
        return vcov, False
    return (vectors * np.clip(values, 0, None)) @ vectors.T, True
