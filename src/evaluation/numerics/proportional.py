"""Poisson regression on unit and period effects alone: proportional fitting, many samples at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError

FloatArray = NDArray[np.float64]
_MOST = 20_000


def fit_proportional(
    events: FloatArray,
    exposure: FloatArray,
    used: NDArray[np.bool_],
    weights: FloatArray,
    *,
    tolerance: float = 1e-11,
) -> tuple[FloatArray, FloatArray]:
    """Unit and period factors of ``E[y_it] = exposure_it a_i b_t`` in R samples.

    The Poisson likelihood's equations say that fitted and observed events agree by unit and by period;
    solving them in turn (iterative proportional fitting) converges to its maximum. A sample is a
    weight for each unit, so that samples without a cluster are fitted together.

    Parameters
    ----------
    events, exposure : ndarray (n, T)
        Not negative; anything where not ``used``.
    used : ndarray of bool (n, T)
    weights : ndarray (R, n)
        0 leaves a unit out of a sample.
    tolerance : float
        Largest relative change of a period's factor in the last step.

    Returns
    -------
    unit : ndarray (R, n)
        0 for a unit without events. Also for units left out, from their own events.
    period : ndarray (R, T)
        NaN where no unit of the sample is used.

    Raises
    ------
    EstimationError
        Not converged.
    """
    counted, exposed = np.where(used, events, 0.0), np.where(used, exposure, 0.0)
    total = counted.sum(axis=1)
    by_period = weights @ counted
    period = np.divide(by_period, weights @ exposed, out=np.ones_like(by_period), where=weights @ exposed > 0)
    unseen = (weights @ used.astype(float)) == 0
    for _ in range(_MOST):
        unit = _ratio(np.broadcast_to(total, weights.shape), period @ exposed.T)
        new = _ratio(by_period, (weights * unit) @ exposed)
        moved = np.abs(new - period).max(initial=0.0, where=period > 0) / period.max()
        relative = np.abs(new - period) / np.where(period > 0, period, 1.0)
        period = new
        if moved <= tolerance and relative.max() <= tolerance:
            unit = _ratio(np.broadcast_to(total, weights.shape), period @ exposed.T)
            return unit, np.where(unseen, np.nan, period)
    raise EstimationError(
        f"proportional fitting did not converge in {_MOST} steps",
        where=f"largest relative change {relative.max():.2g}",
        expected=f"at most {tolerance:g}",
        fix="units and periods may share nothing: leave out units seen only while treated",
    )


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0)
