"""Least squares from cross-products, with collinear columns found in the order they are given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
COLLINEAR = 1e-10


@dataclass(frozen=True, slots=True)
class NormalSolution:
    """Solution of ``gram @ coef = rhs`` on the independent columns.

    Attributes
    ----------
    coef : ndarray (k, m)
        0 for dropped columns.
    bread : ndarray (k, k)
        Inverse of the cross-products, 0 in rows and columns of dropped ones.
    kept : ndarray of bool (k,)
    """

    coef: FloatArray
    bread: FloatArray
    kept: NDArray[np.bool_]


def independent(gram: FloatArray, scale: FloatArray, tolerance: float = COLLINEAR) -> NDArray[np.bool_]:
    """Which columns are not combinations of those before them.

    Parameters
    ----------
    gram : ndarray (k, k)
        Cross-products after effects and other columns were removed.
    scale : ndarray (k,)
        Cross-product of each column with itself before that: a column is collinear when less than
        ``tolerance`` of it is left.

    Returns
    -------
    ndarray of bool (k,)
    """
    k = len(gram)
    kept = np.zeros(k, dtype=bool)
    lower = np.zeros((k, k))
    for j in range(k):
        left = float(gram[j, j] - lower[j, :j] @ lower[j, :j])
        if left <= tolerance * float(scale[j]) or left <= 0:
            continue
        kept[j] = True
        lower[j, j] = np.sqrt(left)
        lower[j + 1 :, j] = (gram[j + 1 :, j] - lower[j + 1 :, :j] @ lower[j, :j]) / lower[j, j]
    return kept


def solve_normal(
    gram: FloatArray, rhs: FloatArray, scale: FloatArray | None = None, tolerance: float = COLLINEAR
) -> NormalSolution:
    """Solve normal equations, dropping columns that are collinear with earlier ones.

    Parameters
    ----------
    gram : ndarray (k, k)
    rhs : ndarray (k, m) or (k,)
    scale : ndarray (k,), optional
        As in `independent`; the diagonal of ``gram`` when absent.
    """
    scale = np.diag(gram) if scale is None else scale
    kept = independent(gram, scale, tolerance)
    coef = np.zeros_like(rhs, dtype=float)
    bread = np.zeros_like(gram, dtype=float)
    if kept.any():
        block = gram[np.ix_(kept, kept)]
        # scaling to a unit diagonal keeps columns of very different size apart from collinear ones
        size = 1 / np.sqrt(np.diag(block))
        scaled = block * size[:, None] * size
        inverse = np.linalg.inv(scaled)
        inverse = (inverse + inverse.T) / 2
        part = rhs[kept]
        tall = part.reshape(len(part), -1) * size[:, None]
        solution = np.linalg.solve(scaled, tall)
        coef[kept] = (solution * size[:, None]).reshape(part.shape)
        bread[np.ix_(kept, kept)] = inverse * size[:, None] * size
    return NormalSolution(coef, bread, kept)


@dataclass(frozen=True, slots=True)
class LeastSquares:
    """A weighted regression on columns already free of effects.

    Attributes
    ----------
    coef : ndarray (k,)
    bread : ndarray (k, k)
        Inverse of X'WX.
    kept : ndarray of bool (k,)
    residual : ndarray (n,)
    """

    coef: FloatArray
    bread: FloatArray
    kept: NDArray[np.bool_]
    residual: FloatArray


def least_squares(
    columns: FloatArray,
    outcome: FloatArray,
    weights: FloatArray | None = None,
    scale: FloatArray | None = None,
) -> LeastSquares:
    """Regress an outcome (n,) on columns (n, k); collinear columns get coefficient 0.

    Parameters
    ----------
    columns : ndarray (n, k)
    outcome : ndarray (n,)
    weights : ndarray (n,), optional
    scale : ndarray (k,), optional
        Sum of squares of each column before effects were removed.
    """
    weighted = columns if weights is None else columns * weights[:, None]
    solution = solve_normal(weighted.T @ columns, weighted.T @ outcome, scale)
    residual = outcome - columns @ solution.coef
    # one step of refinement wins back digits that the normal equations lost
    more = solution.bread @ (weighted.T @ residual)
    return LeastSquares(solution.coef + more, solution.bread, solution.kept, residual - columns @ more)
