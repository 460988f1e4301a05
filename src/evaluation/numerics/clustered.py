"""A regression with unit and period effects as the sum of what its clusters contribute.

Unit effects are nested in the clusters, so they are removed inside each cluster and nothing is lost
by it. Period effects are not: a cluster's period effects are estimated from the others too. They
stay as columns, and every quantity that inference needs (scores, leverage, what is left when a
cluster is taken out) is then a function of two things per cluster: its cross-products
``H_g = X_g' X_g`` and its scores ``b_g = X_g' u_g``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evaluation.numerics.covariance import cluster_sums
from evaluation.numerics.least_squares import solve_normal

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
LEVERAGE = 1e-9
"""A leverage this close to 1 is 1: the cluster alone determines the direction."""


@dataclass(frozen=True, eq=False)
class ClusteredRegression:
    """Least squares on columns from which unit effects are removed.

    Attributes
    ----------
    columns : ndarray (n, K)
        Period indicators, covariates and terms, less their (weighted) means in each unit and times
        the root of the weight; only columns that are not collinear with earlier ones.
    inverse : ndarray (K, K)
        ``(X'X)^-1``.
    coef : ndarray (K,)
    residual : ndarray (n,)
        Times the root of the weight.
    cluster : ndarray of int (n,)
    n_clusters : int
    place : ndarray of int (k,)
        Position of each term among the columns, -1 where it was collinear.
    unit : ndarray of int (n,)
    root_weight : ndarray (n,), optional
    """

    columns: FloatArray
    inverse: FloatArray
    coef: FloatArray
    residual: FloatArray
    cluster: IntArray
    n_clusters: int
    place: IntArray
    unit: IntArray
    n_units: int
    root_weight: FloatArray | None

    @classmethod
    def build(
        cls,
        outcome: FloatArray,
        columns: FloatArray,
        unit: IntArray,
        time: IntArray,
        cluster: IntArray,
        *,
        n_units: int,
        n_periods: int,
        n_clusters: int,
        n_terms: int,
        weights: FloatArray | None = None,
    ) -> ClusteredRegression:
        """Regress an outcome (n,) on columns (n, p), unit and period effects.

        Parameters
        ----------
        outcome : ndarray (n,)
        columns : ndarray (n, p)
            Covariates, then the terms of interest.
        unit, time, cluster : ndarray of int (n,)
            Every unit lies in one cluster.
        n_terms : int
            How many of the last columns are terms of interest.
        weights : ndarray (n,), optional
            Positive.
        """
        n = len(outcome)
        periods = np.zeros((n, n_periods))
        periods[np.arange(n), time] = 1.0
        root = None if weights is None else np.sqrt(weights)
        raw = np.column_stack([periods, columns])
        # the scale of a column is its variation: a constant far from 0 must not hide it
        spread = raw - raw.mean(axis=0)
        scale = np.einsum("ij,ij->j", spread, spread if weights is None else spread * weights[:, None])
        within = remove_unit_means(raw, unit, n_units, root)
        gram = within.T @ within
        solution = solve_normal(gram, np.zeros((len(gram), 1)), scale)
        kept = solution.kept
        place = np.full(len(kept), -1)
        place[kept] = np.arange(int(kept.sum()))
        empty = np.zeros(int(kept.sum()))
        out = cls(
            columns=np.ascontiguousarray(within[:, kept]),
            inverse=solution.bread[np.ix_(kept, kept)],
            coef=empty,
            residual=np.zeros(n),
            cluster=cluster,
            n_clusters=n_clusters,
            place=place[len(kept) - n_terms :],
            unit=unit,
            n_units=n_units,
            root_weight=root,
        )
        return out.with_outcome(outcome)

    def with_outcome(self, outcome: FloatArray) -> ClusteredRegression:
        """The same regression of another outcome (n,)."""
        y = remove_unit_means(outcome[:, None], self.unit, self.n_units, self.root_weight)[:, 0]
        coef = self.inverse @ (self.columns.T @ y)
        residual = y - self.columns @ coef
        # one step of refinement wins back digits that the normal equations lost
        more = self.inverse @ (self.columns.T @ residual)
        out = replace(self, coef=coef + more, residual=residual - self.columns @ more)
        for name in ("products", "spectrum"):
            # what depends on the regressors alone is not computed again
            if name in self.__dict__:
                out.__dict__[name] = self.__dict__[name]
        return out

    @property
    def n_columns(self) -> int:
        """Number of columns, K."""
        return self.columns.shape[1]

    def direction(self, column: int) -> FloatArray:
        """A column less its projection on all others (n,): the residualised regressor."""
        out: FloatArray = self.columns @ (self.inverse[:, column] / self.inverse[column, column])
        return out

    def scores(
        self, values: FloatArray, codes: IntArray | None = None, n_codes: int | None = None
    ) -> FloatArray:
        """Sums of ``x_i values_i`` (n_codes, K) within clusters, or within finer groups of rows."""
        if codes is None or n_codes is None:
            codes, n_codes = self.cluster, self.n_clusters
        return cluster_sums(self.columns * values[:, None], codes, n_codes)

    @cached_property
    def products(self) -> FloatArray:
        """``H_g = X_g' X_g`` of each cluster (G, K, K)."""
        order = np.argsort(self.cluster, kind="stable")
        ends = np.cumsum(np.bincount(self.cluster, minlength=self.n_clusters))
        out = np.empty((self.n_clusters, self.n_columns, self.n_columns))
        start = 0
        for g, end in enumerate(ends):
            part = self.columns[order[start:end]]
            np.matmul(part.T, part, out=out[g])
            start = end
        return out

    @cached_property
    def spectrum(self) -> Leverage:
        """Leverage of each cluster, decomposed."""
        root = np.linalg.cholesky(self.inverse)
        values, vectors = np.linalg.eigh(root.T @ self.products @ root)
        return Leverage(np.asarray(root, dtype=float), np.clip(values, 0.0, 1.0), vectors)


@dataclass(frozen=True, slots=True)
class Leverage:
    """Eigenvalues of each cluster's block of the hat matrix.

    With ``(X'X)^-1 = L L'`` the block ``X_g L L' X_g'`` has the non-zero eigenvalues of
    ``L' H_g L``, a matrix as small as the number of columns, whatever the size of the cluster.

    Attributes
    ----------
    root : ndarray (K, K)
        L.
    values : ndarray (G, K)
        Between 0 and 1.
    vectors : ndarray (G, K, K)
    """

    root: FloatArray
    values: FloatArray
    vectors: FloatArray

    def power(self, exponent: float, times: int = 0) -> FloatArray:
        """``value**times * (1 - value)**exponent`` (G, K), 0 where the leverage is 1."""
        left = 1.0 - self.values
        usable = left > LEVERAGE
        out = np.where(usable, np.where(usable, left, 1.0) ** exponent, 0.0)
        return out * self.values**times if times else out

    def adjusted(self, scores: FloatArray, exponent: float) -> FloatArray:
        """``(X'X)^-1 X_g' (I - H_gg)^exponent u_g`` of each cluster (G, K) from ``X_g' u_g``.

        Exponent -1 gives the change of the coefficients when the cluster is left out.
        """
        turned = np.einsum("gkj,gk->gj", self.vectors, scores @ self.root)
        turned *= self.power(exponent)
        out: FloatArray = np.einsum("gkj,gj->gk", self.vectors, turned) @ self.root.T
        return out

    def row(self, column: int) -> FloatArray:
        """Row of ``(X'X - H_g)^-1`` for one column, each cluster left out in turn (G, K)."""
        turned = np.einsum("gkj,k->gj", self.vectors, self.root[column]) * self.power(-1.0)
        out: FloatArray = np.einsum("gkj,gj->gk", self.vectors, turned) @ self.root.T
        return out

    def lost(self, column: int) -> NDArray[np.bool_]:
        """Whether a coefficient is no longer identified when a cluster is left out (G,)."""
        own = np.einsum("gkj,k->gj", self.vectors, self.root[column])
        alone = 1.0 - self.values <= LEVERAGE
        share = np.sum(np.where(alone, own**2, 0.0), axis=1) / float(self.root[column] @ self.root[column])
        return share > 1e-8

    def satterthwaite(self, column: int, exponent: float) -> float:
        """Degrees of freedom of an adjusted variance when errors are independent and alike.

        Pustejovsky and Tipton (2018), equations 10 to 12, with an identity working model; Bell and
        McCaffrey (2002). The variance is a quadratic form in normal errors; its moments need the
        cross-products of one vector a cluster, and those follow from the decomposition.
        """
        own = np.einsum("gkj,k->gj", self.vectors, self.root[column])
        size = np.sum(own**2 * self.power(2 * exponent, 1), axis=1)
        turned = np.einsum("gkj,gj->gk", self.vectors, own * self.power(exponent, 1))
        # Omega = diag(size) - turned turned', without forming it
        square = np.sum(turned**2, axis=1)
        trace = float(np.sum(size - square))
        inner = turned.T @ turned
        below = float(np.sum(size**2) - 2 * np.sum(size * square) + np.sum(inner**2))
        return trace**2 / below if below > 0 else float("nan")


def remove_unit_means(
    values: FloatArray, unit: IntArray, n_units: int, root_weight: FloatArray | None
) -> FloatArray:
    """Columns (n, m) less their weighted means in each unit, times the root of the weight."""
    weight = None if root_weight is None else root_weight**2
    count = np.bincount(unit, weight, minlength=n_units).astype(float)
    count[count == 0] = 1.0
    weighted = values if weight is None else values * weight[:, None]
    means = cluster_sums(weighted, unit, n_units) / count[:, None]
    out = values - means[unit]
    return out if root_weight is None else out * root_weight[:, None]
