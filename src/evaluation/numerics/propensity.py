"""Logit of belonging to the treated group, with the causes of failure named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from evaluation.errors import EstimationError
from evaluation.numerics.least_squares import independent

FloatArray = NDArray[np.float64]
_FAR = 30.0
_STEPS = 40


class CellError(EstimationError):
    """A cell whose regression does not exist; ``columns`` are to blame, 0 the constant."""

    def __init__(self, what: str, columns: tuple[int, ...] = ()) -> None:
        super().__init__(what)
        self.columns = columns


@dataclass(frozen=True, eq=False)
class Propensity:
    """A fitted logit.

    Attributes
    ----------
    coef : ndarray (q,)
    probability : ndarray (n,)
    inverse_hessian : ndarray (q, q)
        Inverse of ``sum w p (1 - p) x x'``.
    """

    coef: FloatArray
    probability: FloatArray
    inverse_hessian: FloatArray


def logit(
    x: FloatArray, treated: NDArray[np.bool_], weights: FloatArray | None, start: FloatArray | None = None
) -> Propensity:
    """Maximum likelihood by Newton steps.

    Parameters
    ----------
    x : ndarray (n, q)
        First column 1, the others on comparable scales.
    treated : ndarray of bool (n,)
    weights : ndarray (n,), optional
    start : ndarray (q,), optional

    Raises
    ------
    CellError
        A covariate is collinear, or separates treated from comparison units.
    """
    d = treated.astype(float)
    mean = float(np.average(d, weights=weights))
    initial = np.zeros(x.shape[1])
    initial[0] = np.log(mean / (1 - mean))
    for begin in ([start] if start is not None else []) + [initial]:
        coef, eta = begin.copy(), x @ begin
        value = _deviance(eta, d, weights)
        for _ in range(_STEPS):
            p = expit(eta)
            v = p * (1 - p)
            r = d - p
            if weights is not None:
                v, r = v * weights, r * weights
            hessian = (x * v[:, None]).T @ x
            step = _solve(hessian, x.T @ r)
            if step is None:
                break
            for _ in range(30):
                eta_new = x @ (coef + step)
                new = _deviance(eta_new, d, weights)
                if new <= value * (1 + 1e-12) + 1e-300:
                    break
                step = step / 2
            coef, eta, done = coef + step, eta_new, float(np.abs(step).max()) < 1e-10
            value = new
            if done:
                break
        else:
            continue
        if step is not None and np.abs(eta).max() < _FAR + np.abs(initial[0]):
            p = expit(eta)
            v = p * (1 - p) if weights is None else p * (1 - p) * weights
            return Propensity(coef, p, np.linalg.inv((x * v[:, None]).T @ x))
    raise _blame(x, treated)


def check_independent(x: FloatArray, weights: FloatArray | None, who: str) -> None:
    """Raise `CellError` naming the columns that are combinations of those before them."""
    if len(x) == 0:
        raise CellError(f"there are no {who}")
    centred = x.copy()
    centred[:, 1:] -= x[:, 1:].mean(axis=0)
    gram = centred.T @ centred if weights is None else centred.T @ (centred * weights[:, None])
    # compared with the column's size over all units (columns come with unit scale)
    scale = np.full(len(gram), float(len(x)) if weights is None else float(weights.sum()))
    kept = independent(gram, scale, 1e-10)
    if not kept.all():
        lost = tuple(np.flatnonzero(~kept).tolist())
        if len(x) < x.shape[1]:
            raise CellError(f"{len(x)} {who} are fewer than the {x.shape[1]} coefficients", lost)
        raise CellError(f"among the {who} it is constant or a combination of the other covariates", lost)


def _solve(hessian: FloatArray, gradient: FloatArray) -> FloatArray | None:
    try:
        return np.asarray(np.linalg.solve(hessian, gradient), dtype=float)
    except np.linalg.LinAlgError:
        return None


def _deviance(eta: FloatArray, d: FloatArray, weights: FloatArray | None) -> float:
    loss = np.logaddexp(0, eta) - d * eta
    return float(loss.sum() if weights is None else loss @ weights)


def _blame(x: FloatArray, treated: NDArray[np.bool_]) -> CellError:
    """Name the covariates whose ranges in the two groups do not overlap."""
    one, two = x[treated], x[~treated]
    apart = [
        j
        for j in range(1, x.shape[1])
        if one[:, j].min() >= two[:, j].max() or two[:, j].min() >= one[:, j].max()
    ]
    if apart:
        return CellError("its values do not overlap between treated and comparison units", tuple(apart))
    gaps = np.abs(one.mean(axis=0) - two.mean(axis=0))
    worst = tuple(np.flatnonzero(gaps == gaps.max()).tolist())
    return CellError(
        "the covariates together separate treated from comparison units, most of all by this one", worst
    )
