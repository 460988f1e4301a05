"""Wild bootstrap statistics as ratios of a linear and a quadratic form in the drawn signs.

Multiplying each cluster's residuals by a sign v_g moves the estimate by ``a'v`` and the vector of
cluster scores behind its variance to ``C v``. Both are computed once, so that a bootstrap sample
costs two small products and never touches a row. Under the null hypothesis beta = beta0 residuals
are linear in beta0, so a and C are too, and the p-value as a function of beta0 is known exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evaluation.numerics.clustered import ClusteredRegression

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
WEBB = np.array([-np.sqrt(1.5), -1.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0, np.sqrt(1.5)])
"""Six points with mean 0 and variance 1 (Webb 2023)."""
_CHUNK = 4_000_000
_DENSE = 4_000_000


@dataclass(frozen=True, eq=False)
class WildSystem:
    """Maps from signs to bootstrap statistics of one coefficient.

    Index 0 holds for unrestricted residuals; index 1 is what each unit of ``estimate - null`` adds
    when the null is imposed (absent where it is not).

    Attributes
    ----------
    numerator : ndarray (1 or 2, S)
        a.
    own : ndarray (1 or 2, S)
        What a sign adds to its own cluster in C v, scaled so that ``|C v|**2`` is the variance.
    scores : ndarray (1 or 2, S, K)
        ``X_s' u_s``, which every cluster shares in through the coefficients of the other columns.
    shared : ndarray (G, K)
    home : ndarray of int (S,)
        Cluster of each sign.
    """

    numerator: FloatArray
    own: FloatArray
    scores: FloatArray
    shared: FloatArray
    home: IntArray

    @property
    def restricted(self) -> bool:
        """Whether the null is imposed on the residuals."""
        return len(self.numerator) == 2

    @classmethod
    def build(
        cls,
        regression: ClusteredRegression,
        column: int,
        *,
        restricted: bool,
        variance: str,
        transformed: bool,
        factor: float,
        codes: IntArray | None = None,
        n_codes: int | None = None,
    ) -> WildSystem:
        """Maps for a column of a regression.

        Parameters
        ----------
        restricted : bool
            Impose the null on the residuals.
        variance : {"1", "3"}
            Sandwich or jackknife variance of each bootstrap sample.
        transformed : bool
            Scores from leave-one-cluster-out residuals.
        factor : float
            Multiplies the sum of squared cluster contributions.
        codes : ndarray of int (n,), optional
            Groups of rows, each inside one cluster, that share a sign; the clusters when absent.
        """
        values = [regression.residual] + ([regression.direction(column)] if restricted else [])
        if codes is None or n_codes is None:
            codes, n_codes = regression.cluster, regression.n_clusters
        home = np.zeros(n_codes, dtype=np.intp)
        home[codes] = regression.cluster
        scores = [regression.scores(v, codes, n_codes) for v in values]
        if transformed:
            scores = [_left_out(regression, s, column if restricted else None) for s in scores]
        own = regression.inverse[column]
        if variance == "3":
            rows = regression.spectrum.row(column)
            shared = np.einsum("gk,gkl->gl", rows, regression.products) @ regression.inverse
        else:
            rows = np.broadcast_to(own, (regression.n_clusters, len(own)))
            shared = regression.scores(regression.columns @ own) @ regression.inverse
        root = np.sqrt(factor)
        return cls(
            numerator=np.stack([s @ own for s in scores]),
            own=np.stack([root * np.einsum("sk,sk->s", rows[home], s) for s in scores]),
            scores=np.stack(scores),
            shared=root * shared,
            home=home,
        )

    @cached_property
    def maps(self) -> FloatArray | None:
        """C itself (1 or 2, G, S), where it is small enough to be the quicker way."""
        g, s = len(self.shared), len(self.home)
        if g * s > _DENSE:
            return None
        inside = np.arange(g)[:, None] == self.home
        return np.stack([inside * o - self.shared @ b.T for o, b in zip(self.own, self.scores, strict=True)])

    def moved(self, v: FloatArray, weights: FloatArray) -> FloatArray:
        """``C v`` (B, G) for a weighted sum of the two maps."""
        k = len(weights)
        if self.maps is not None:
            return v @ np.einsum("i,igs->gs", weights, self.maps[:k]).T
        alone = v * (weights @ self.own[:k])
        order = np.argsort(self.home, kind="stable")
        starts = np.concatenate([[0], np.flatnonzero(np.diff(self.home[order])) + 1])
        sums = np.add.reduceat(alone[:, order], starts, axis=1)
        return sums - (v @ np.einsum("i,isk->sk", weights, self.scores[:k])) @ self.shared.T

    def statistics(self, signs: NDArray[np.number], distance: float) -> FloatArray:
        """Bootstrap t statistics (B,) when the estimate is ``distance`` from the null."""
        weights = np.array([1.0, distance]) if self.restricted else np.ones(1)
        a = weights @ self.numerator
        parts = []
        for v in _chunks(signs):
            spread = self.moved(v, weights)
            parts.append(ratio(v @ a, np.einsum("ij,ij->i", spread, spread)))
        return np.concatenate(parts)

    def moments(self, signs: NDArray[np.number]) -> FloatArray:
        """Coefficients ``n0, n1, d0, d1, d2`` (5, B) of numerator and variance in the distance.

        Numerator ``n0 + x n1``, variance ``d0 + 2 x d1 + x**2 d2`` at distance x.
        """
        parts = []
        for v in _chunks(signs):
            n = v @ self.numerator.T
            zero, one = self.moved(v, np.array([1.0, 0.0])), self.moved(v, np.array([0.0, 1.0]))
            d = [np.einsum("ij,ij->i", x, y) for x, y in ((zero, zero), (zero, one), (one, one))]
            parts.append(np.stack([n[:, 0], n[:, 1], *d]))
        return np.concatenate(parts, axis=1)


def jackknife_error(regression: ClusteredRegression, column: int) -> float:
    """Standard error from leaving each cluster out: MacKinnon, Nielsen and Webb (2023), CV3."""
    g = regression.n_clusters
    change = np.einsum("gk,gk->g", regression.spectrum.row(column), regression.scores(regression.residual))
    return float(np.sqrt((g - 1) / g * (change @ change)))


def all_signs(size: int) -> NDArray[np.int8]:
    """Half of all sign vectors (2**(size - 1), size): the other half gives the same |t|.

    The first row is all ones, the sample itself.
    """
    codes = np.arange(2 ** (size - 1), dtype=np.uint32)
    out = np.ones((len(codes), size), dtype=np.int8)
    for j in range(1, size):
        out[:, j] -= (2 * ((codes >> (j - 1)) & 1)).astype(np.int8)
    return out


def all_webb(size: int) -> FloatArray:
    """All vectors of Webb's six points (6**size, size)."""
    grid = np.indices((6,) * size).reshape(size, -1).T
    return np.ascontiguousarray(WEBB[grid])


def draw_signs(size: int, draws: int, kind: str, generator: np.random.Generator) -> NDArray[np.number]:
    """Random vectors (draws, size): Rademacher signs or Webb's six points."""
    if kind == "webb":
        return WEBB[generator.integers(0, 6, size=(draws, size))]
    width = -(-size // 8)
    raw = np.frombuffer(generator.bytes(draws * width), dtype=np.uint8).reshape(draws, width)
    return np.unpackbits(raw, axis=1)[:, :size].astype(np.int8) * np.int8(2) - np.int8(1)


def extreme_sets(moments: FloatArray, error: float) -> tuple[FloatArray, FloatArray, int]:
    """Where each bootstrap statistic is at least as far from 0 as the sample's.

    With x the distance in standard errors the condition ``|t*(x)| >= |x|`` is a quartic inequality;
    its real roots cut the line into pieces on which it holds or not.

    Parameters
    ----------
    moments : ndarray (5, B)
        As in `WildSystem.moments`.
    error : float
        Standard error of the estimate.

    Returns
    -------
    starts, ends : ndarray (m,)
        Pieces where the condition holds, one entry a piece, infinite where unbounded.
    always : int
        Statistics for which it holds everywhere.
    """
    n0, n1, d0, d1, d2 = moments
    n0, d0, d1 = n0 / error, d0 / error**2, d1 / error
    quartic = np.stack([-d2, -2 * d1, n1**2 - d0, 2 * n0 * n1, n0**2], axis=1)
    size = np.abs(quartic).max(axis=1)
    # the vector of ones is the sample itself, which ties at every null
    flat = size < 1e-12
    quartic = quartic[~flat]
    roots = _real_roots(quartic)
    cuts = np.column_stack([np.full(len(roots), -np.inf), roots, np.full(len(roots), np.inf)])
    left, right = cuts[:, :-1], cuts[:, 1:]
    with np.errstate(invalid="ignore"):
        middle = np.where(
            np.isinf(left),
            np.where(np.isinf(right), 0.0, right - 1 - np.abs(right)),
            np.where(np.isinf(right), left + 1 + np.abs(left), (left + right) / 2),
        )
    value = quartic[:, :1] * middle
    for j in range(1, 5):
        value = (value + quartic[:, j : j + 1]) * (middle if j < 4 else 1.0)
    holds = (value >= 0) & (right > left)
    return left[holds], right[holds], int(flat.sum())


def where_count_reaches(
    starts: FloatArray, ends: FloatArray, always: int, needed: int
) -> list[tuple[float, float]]:
    """Pieces of the line that at least ``needed`` of the closed pieces cover."""
    if always >= needed:
        return [(-np.inf, np.inf)]
    points = np.concatenate([starts, ends])
    steps = np.concatenate([np.ones(len(starts), dtype=np.int64), -np.ones(len(ends), dtype=np.int64)])
    # closed pieces: where one ends and another starts both count
    order = np.lexsort((-steps, points))
    points, count = points[order], always + np.cumsum(steps[order])
    inside = count >= needed
    opens = np.flatnonzero(inside & ~np.concatenate([[False], inside[:-1]]))
    closes = np.flatnonzero(~inside & np.concatenate([[False], inside[:-1]]))
    pieces: list[tuple[float, float]] = []
    for start, end in zip(points[opens], points[closes], strict=False):
        # pieces of one statistic meet at its roots, so gaps of rounding size are none
        if pieces and start - pieces[-1][1] <= 1e-9 * (1 + abs(start)):
            pieces[-1] = (pieces[-1][0], float(end))
        else:
            pieces.append((float(start), float(end)))
    return pieces


def _left_out(regression: ClusteredRegression, scores: FloatArray, column: int | None) -> FloatArray:
    """Scores from residuals of the regression without the cluster, of all columns or all but one."""
    free = np.ones(regression.n_columns, dtype=bool)
    if column is not None:
        free[column] = False
    gram = regression.columns.T @ regression.columns
    products = regression.products
    out = scores.copy()
    for g in range(regression.n_clusters):
        rest = np.linalg.pinv(gram[np.ix_(free, free)] - products[g][np.ix_(free, free)], hermitian=True)
        out[g] += products[g][:, free] @ (rest @ scores[g, free])
    return out


def _real_roots(quartic: FloatArray) -> FloatArray:
    """Real roots in order (B, 4), infinite where there are fewer."""
    roots = np.full((len(quartic), 4), np.inf)
    lead = np.abs(quartic[:, 0]) > 1e-12 * np.abs(quartic).max(axis=1)
    monic = quartic[lead, 1:] / quartic[lead, :1]
    companion = np.zeros((len(monic), 4, 4))
    companion[:, 0] = -monic
    companion[:, [1, 2, 3], [0, 1, 2]] = 1.0
    found = np.linalg.eigvals(companion)
    real = np.abs(found.imag) <= 1e-6 * (1e-6 + np.abs(found))
    roots[lead] = np.where(real, found.real, np.inf)
    for i in np.flatnonzero(~lead):
        some = np.roots(np.where(np.abs(quartic[i]) > 1e-12 * np.abs(quartic[i]).max(), quartic[i], 0.0))
        some = np.sort(some.real[np.abs(some.imag) <= 1e-6 * (1e-6 + np.abs(some))])
        roots[i, : len(some)] = some
    return np.sort(roots, axis=1)


def _chunks(signs: NDArray[np.number]) -> Iterator[FloatArray]:
    step = max(1, _CHUNK // max(signs.shape[1], 1))
    for start in range(0, len(signs), step):
        yield signs[start : start + step].astype(np.float64)


def ratio(numerator: FloatArray, variance: FloatArray) -> FloatArray:
    """t statistics, 0 for draws that move nothing beyond rounding error."""
    level = 1e-24 * max(float(variance.max(initial=0.0)), float((numerator**2).max(initial=0.0)))
    moves = numerator**2 > level
    with np.errstate(divide="ignore", invalid="ignore"):
        out: FloatArray = np.where(moves, numerator / np.sqrt(variance), 0.0)
    return out
