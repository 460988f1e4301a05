"""Critical values of simultaneous bands that allow for standard errors which rest on few units.

A band over k terms meets the worst of k t statistics. Where a cohort has six units, the standard error
of an effect of it is itself uncertain, and neither the normal law nor one t law for all terms holds.
Here every term has the degrees of freedom of Welch (1947) and Satterthwaite (1946), counted by
cohort, and the level at which single intervals are taken is found by simulating the smallest p-value
over all terms, standard errors and degrees of freedom being drawn anew each time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation import distributions
from evaluation.multipliers import normal_draws

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
ENOUGH = 200.0
"""With so many clusters in every cohort units are not read: one less than the fewest is close enough."""


@dataclass(frozen=True, eq=False)
class Resampling:
    """Which rows of an influence function are independent, and which are alike.

    Attributes
    ----------
    cohort : ndarray of int (n,), optional
        Cohort of each row of the influence function, -1 where the row is not in the sample; None where
        the covariance is no sum over units or clusters of units.
    clusters : ndarray of int (n,), optional
        Cluster of each row, where clusters are coarser than rows; the coarser dimension of two.
    weights : ndarray (n,), optional
        Sampling weight of each row.
    single : ndarray of bool (k,)
        Terms with a cohort-period that is seen in one cluster only, whose variation nobody knows.
    instead : str
        Why sums over these clusters do not give the covariance; empty where they do.
    """

    cohort: IntArray | None
    clusters: IntArray | None
    weights: FloatArray | None
    single: NDArray[np.bool_]
    instead: str = ""

    def combined(self, weights: FloatArray) -> Resampling:
        """The same for linear combinations (m, k) of the terms."""
        return replace(self, single=(weights != 0) @ self.single)

    def cluster_sums(self, psi: FloatArray) -> FloatArray:
        """Contributions (n, k) summed within clusters."""
        return psi if self.clusters is None else sums_by(psi, self.clusters)

    def effective_clusters(self) -> FloatArray:
        """Effective number of clusters in each cohort (cohorts,): the count where clusters are alike.

        ``1 / sum f**2``, f the cluster's share of the cohort (Carter, Schnepel and Steigerwald 2017, for
        errors that clusters share; Kish's effective sample size for weighted units).
        """
        _, _, cohort, size = self._cells()
        share = size / np.bincount(cohort, size)[cohort]
        return np.asarray(1 / np.bincount(cohort, share**2))

    def count(self) -> int:
        """Number of clusters, or of rows where those are independent."""
        assert self.cohort is not None
        kept = self.cohort >= 0
        return int(kept.sum()) if self.clusters is None else len(np.unique(self.clusters[kept]))

    def squares(self, psi: FloatArray) -> FloatArray:
        """Contributions (n, k) summed within cluster and cohort: their squares by cohort (cohorts, k)."""
        kept, cell, cohort, _ = self._cells()
        sums = psi[kept] if self.clusters is None else sums_by(psi[kept], cell)
        return sums_by(sums**2, cohort)

    def _cells(self) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
        """Rows in the sample and their pair of cluster and cohort; cohort and size of each pair."""
        assert self.cohort is not None
        kept = np.flatnonzero(self.cohort >= 0)
        _, cohort = np.unique(self.cohort[kept], return_inverse=True)
        weights: FloatArray = np.ones(len(cohort)) if self.weights is None else self.weights[kept]
        if self.clusters is None:
            return kept, np.arange(len(cohort)), cohort, weights
        pairs = self.clusters[kept].astype(np.int64) * (int(cohort.max()) + 1) + cohort
        _, first, cell = np.unique(pairs, return_index=True, return_inverse=True)
        return kept, cell, cohort[first], np.bincount(cell, weights).astype(float)


Resampled = Resampling | Callable[[], Resampling]


def sums_by(values: FloatArray, codes: IntArray) -> FloatArray:
    """Rows (n, k) added up by their code, rows with a negative code left out."""
    inside = codes >= 0
    codes, values = codes[inside], values[inside]
    return np.column_stack([np.bincount(codes, column) for column in values.T])


@dataclass(frozen=True, eq=False)
class Parts:
    """Variance of each term by the cohort it comes from.

    Attributes
    ----------
    variance : ndarray (C, k)
        Each with its own small-sample factor.
    df : ndarray (C,)
        Degrees of freedom of each; infinite where the variance is as good as known.
    scale : ndarray (k,)
        Root of the summed variance over the reported one, 1 or more.
    most : float
        Degrees of freedom that no term may exceed, as where clusters cut across cohorts.
    """

    variance: FloatArray
    df: FloatArray
    scale: FloatArray
    most: float


def parts_of(
    variance: FloatArray,
    df: float,
    resampling: Resampling | None,
    influence: Callable[[], FloatArray | None],
) -> Parts:
    """How the reported variances (k,) divide among cohorts.

    Parameters
    ----------
    variance : ndarray (k,)
    df : float
        Of the result; the only degrees of freedom where units are not known.
    resampling : Resampling, optional
    influence : callable
        Contributions (n, k) of rows to the terms; read only where a cohort is small.
    """
    whole = Parts(variance[None], np.array([df]), np.ones(len(variance)), df)
    if resampling is None or resampling.cohort is None:
        return whole
    clusters = np.maximum(resampling.effective_clusters(), 2.0)
    if clusters.min() >= ENOUGH:
        return replace(whole, df=np.array([min(df, clusters.min() - 1)]))
    psi = influence()
    if psi is None:
        return whole
    psi = psi / len(psi)
    most = min(df, resampling.count() - 1.0)
    squares = resampling.squares(psi)
    corrected = squares * (clusters / (clusters - 1))[:, None]
    factor = corrected.sum(axis=0) / squares.sum(axis=0)
    if not resampling.instead:
        # a reported variance may have a small-sample factor of its own, which counts once
        factor *= (resampling.cluster_sums(psi) ** 2).sum(axis=0) / variance
    return Parts(corrected, np.minimum(clusters - 1, most), np.sqrt(np.maximum(factor, 1.0)), most)


def band_values(
    correlation: FloatArray, parts: Parts, level: float, draws: int, generator: np.random.Generator
) -> FloatArray:
    """Critical value of each term (k,), in reported standard errors.

    With V_c the variance from cohort c and m_c its degrees of freedom, the term's are
    ``(sum_c V_c)**2 / sum_c V_c**2 / m_c``. In each draw the estimates' errors are normal with the given
    correlation and every V_c is multiplied by an independent ``chi2(m_c) / m_c``; t statistics,
    degrees of freedom and p-values follow. All terms then have the level at which the smallest p-value
    of a draw is exceeded with probability ``level`` (Beran 1988 on such calibration; Westfall and Young
    1993 on the smallest p-value).
    """
    k = len(correlation)
    errors = np.abs(normal_draws(generator, draws, correlation))
    known = parts.variance.sum(axis=0)
    df = _welch(known, (parts.variance**2 / parts.df[:, None]).sum(axis=0))
    total, squares = np.zeros((draws, k)), np.zeros((draws, k))
    for variance, m in zip(parts.variance, parts.df, strict=True):
        drawn = np.broadcast_to(variance, (draws, k))
        if np.isfinite(m):
            drawn = variance * (generator.chisquare(m, (draws, k)) / m)
        total += drawn
        squares += drawn**2 / m
    many = df > parts.most
    if many.any():
        df[many] = parts.most
        total[:, many] = known[many] * generator.chisquare(parts.most, (draws, int(many.sum()))) / parts.most
        squares[:, many] = total[:, many] ** 2 / parts.most
    p = 2 * distributions.t.sf(errors / np.sqrt(total / known), _welch(total, squares))
    # never above the pointwise level, which simulation noise could give for one term
    alone = min(float(np.quantile(p.min(axis=1), 1 - level, method="lower")), 1 - level)
    return np.asarray(parts.scale * distributions.t.isf(alone / 2, df))


def _welch(total: FloatArray, squares: FloatArray) -> FloatArray:
    return np.divide(total**2, squares, out=np.full_like(total, np.inf), where=squares > 0)
