"""What the decompositions of the static two-way estimator read from a panel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.design import Design, Supports
from evaluation.errors import DesignError, shortlist
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StaticSample:
    """Outcome, treatment and weights as matrices.

    Attributes
    ----------
    outcome : ndarray (n, T)
        NaN where the unit-period is not observed.
    weight : ndarray (n, T)
        0 where it is not.
    start : ndarray of int (n,)
        First treated period, less anticipation, as a position among the periods: 0 for always treated,
        T for units not treated in the panel.
    labels : tuple of str (T + 1,)
        Name of the cohort for each start.
    """

    outcome: FloatArray
    weight: FloatArray
    start: NDArray[np.intp]
    labels: tuple[str, ...]

    @property
    def treatment(self) -> FloatArray:
        """Indicator of treatment (n, T)."""
        out: FloatArray = (np.arange(self.outcome.shape[1]) >= self.start[:, None]).astype(float)
        return out


def static_sample(panel: Panel, design: Design, *, balanced: bool, what: str) -> StaticSample:
    """Read the sample of a static two-way regression without covariates.

    Raises
    ------
    DesignError
        Covariates or a window, a panel with gaps where it must have none, nobody to compare with.
    """
    Supports(what, covariates=False, window="none").check(design)
    cohorts = design.cohorts(panel)
    outcome = panel.matrix(design.outcome)
    weight = np.ones_like(outcome) if design.weights is None else panel.matrix(design.weights)
    seen = np.isfinite(outcome) & np.isfinite(weight)
    if balanced and not seen.all():
        units = panel.units[np.flatnonzero(~seen.all(axis=1))]
        raise DesignError(
            f"{what} needs every unit in every period",
            where=f"{int((~seen).sum())} unit-periods of {shortlist(units)} are missing",
            fix="drop these units, or the periods that they miss",
        )
    if balanced and not np.allclose(weight, weight[:, :1], rtol=1e-12):
        same = np.isclose(weight, weight[:, :1], rtol=1e-12).all(axis=1)
        changing = panel.units[np.flatnonzero(~same)]
        raise DesignError(
            f"{what} needs weights that are constant within units", where=f"units {shortlist(changing)}"
        )
    if (weight[seen] < 0).any():
        raise DesignError(f"column {design.weights!r} holds negative weights")
    first = np.minimum(cohorts.first, panel.ordinals[-1] + 1 + design.anticipation) - design.anticipation
    start = np.searchsorted(panel.ordinals, first)
    if len(np.unique(start)) == 1:
        raise DesignError(
            "all units are treated at the same time, so there is nobody to compare with",
            fix="add units that are never treated, or treated at another time",
        )
    labels = [str(period) for period in panel.periods] + ["never treated"]
    labels[0] = "always treated"
    return StaticSample(
        np.where(seen, outcome, np.nan), np.where(seen, weight, 0.0), start.astype(np.intp), tuple(labels)
    )


def residual_treatment(sample: StaticSample) -> FloatArray:
    """Treatment less its weighted projection on unit and period effects (n, T), 0 where not observed."""
    w, d = sample.weight, sample.treatment
    total = w.sum(axis=1)
    seen = total > 0
    share = np.divide(w, total[:, None], out=np.zeros_like(w), where=seen[:, None])
    within = d - (share * d).sum(axis=1, keepdims=True)
    # normal equations of the period effects after unit effects are removed
    gram = np.diag(w.sum(axis=0)) - share.T @ w
    effects = np.linalg.lstsq(gram, (w * within).sum(axis=0), rcond=None)[0]
    residual = within - effects + (share @ effects)[:, None]
    return np.where(w > 0, residual, 0.0)


def two_way_estimate(sample: StaticSample) -> float:
    """The static coefficient (Frisch and Waugh)."""
    residual = residual_treatment(sample)
    scale = float((sample.weight * residual * sample.treatment).sum())
    if not scale > 1e-12 * float(sample.weight.sum()):
        raise DesignError(
            "treatment does not vary beyond unit and period effects, so its effect is not identified",
            fix="add units that are never treated, or treated at another time",
        )
    return float(np.nansum(sample.weight * residual * sample.outcome) / scale)
