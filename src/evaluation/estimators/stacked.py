"""Stacked difference in differences with weights that make the stack an average of cohorts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import NEVER, Design, Supports
from evaluation.errors import DesignError, EstimationError, shortlist
from evaluation.estimators._covariance import unit_covariance
from evaluation.estimators._sample import Sample, build_sample
from evaluation.estimators._terms import references
from evaluation.estimators.two_way import few_units, resampling
from evaluation.numerics.covariance import SmallSample, small_sample
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Stacked:
    """Stacked event study (Cengiz, Dube, Lindner and Zipperer 2019): clean experiments, one a cohort.

    Event study on a stack of clean experiments, one a cohort.

    A cohort's experiment holds its units and those not treated by the end of its window, over the
    periods of ``design.window``; cohorts without the whole window are trimmed. Treated units have
    weight 1, comparison units ``(N_treated,a / N_treated) / (N_comparison,a / N_comparison)`` (Wing,
    Freedman and Hollingsworth 2024, equation 6), and the regression
    ``y = d_h + D_i (m + delta_h)``, h the event time, gives
    ``delta_h = sum_a (N_treated,a / N_treated) DiD_a,h``: an average of cohorts that is the same at
    every event time.

    Parameters
    ----------
    reference : int, optional
        Event time whose effect is 0; the last one before treatment, less anticipation, when absent.
    small_sample : str or SmallSample
        As in `TwoWayFixedEffects`; rows of the stack and parameters of the regression count.
    residuals : {"pooled", "cohort"}
        Where residuals start in the standard error. ``"pooled"``: from the mean of an arm at an event
        time over cohorts, as the regression has it, so that calendar effects that differ between
        windows and effects that differ between cohorts make it larger. ``"cohort"``: from the mean
        of the cohort's own arm, which takes the cohorts' shares as known and is not conservative.

    Notes
    -----
    ``design.window`` is required. ``design.comparison`` chooses comparison units: never treated only,
    or also those treated after the window. Clusters are the unit (which stands in the stack more
    than once) or groups of units.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, Stacked
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> fit = Stacked().fit(panel, Design("rate", "first_treated", window=(-2, 1)))
    >>> print(fit.tidy()[["event_time", "estimate"]].round(3).to_string(index=False))
     event_time  estimate
             -2     0.323
             -1     0.000
              0     0.465
              1     0.778
    """

    linear: ClassVar[bool] = True
    supports: ClassVar[Supports] = Supports(
        "a stack",
        covariates=False,
        weights=False,
        window="required",
        instead={name: f"leave the {name} out, or use GroupTime" for name in ("covariates", "weights")},
    )
    reference: int | None = None
    small_sample: str | SmallSample = "fixest"
    residuals: Literal["pooled", "cohort"] = "pooled"

    def __post_init__(self) -> None:
        small_sample(self.small_sample)
        references(self.reference, 0)
        if self.residuals not in ("pooled", "cohort"):
            raise EstimationError(f"residuals is {self.residuals!r}", expected="'pooled' or 'cohort'")

    def fit(self, panel: Panel, design: Design) -> Result:
        """Estimate one effect an event time of the window.

        Raises
        ------
        DesignError
            No window, covariates or weights given, the reference outside the window, or no cohort
            whose window is observed with comparison units.
        """
        self.supports.check(design)
        window, base = _checked(design, self.reference)
        sample = build_sample(panel, design, always_treated="drop")
        grid = np.full((panel.n_units, panel.n_periods), np.nan)
        grid[sample.unit, sample.time] = sample.outcome
        pieces, notes = _experiments(sample, grid, window)
        times = np.arange(window[0], window[1] + 1)
        n_treated = sum(len(piece.treated) for piece in pieces)
        # shares of the cohorts in both arms: that is what the weights bring about
        treated_mean = sum(grid[p.treated][:, p.columns].sum(axis=0) for p in pieces) / n_treated
        share = [len(piece.treated) / n_treated for piece in pieces]
        control_mean = sum(
            s * grid[p.control][:, p.columns].mean(axis=0) for s, p in zip(share, pieces, strict=True)
        )
        at = int(base - window[0])
        gap = treated_mean - control_mean
        coef = gap - gap[at]
        psi = np.zeros((panel.n_units, len(times)))
        own = self.residuals == "cohort"
        for s, piece in zip(share, pieces, strict=True):
            left = grid[piece.treated][:, piece.columns]
            left = left - (left.mean(axis=0) if own else treated_mean)
            psi[piece.treated] += (left - left[:, [at]]) / n_treated
            left = grid[piece.control][:, piece.columns]
            left = left - (left.mean(axis=0) if own else control_mean)
            psi[piece.control] -= (left - left[:, [at]]) * (s / len(piece.control))
        used = np.zeros(panel.n_units, dtype=bool)
        for piece in pieces:
            used[piece.treated] = used[piece.control] = True
        unused = ~used[sample.unit]
        if unused.any():
            sample = sample.without("unit in no experiment", unused)
        rows = len(times) * sum(len(p.treated) + len(p.control) for p in pieces)
        # slopes and effects of arm and event time; none is nested in a unit, which is in both
        cov = unit_covariance(psi, sample, 2 * len(times), (), self.small_sample, rows=rows)
        vcov = cov.vcov.copy()
        vcov[at], vcov[:, at] = np.nan, np.nan
        if float(np.abs(psi).max()) <= 1e-14 * float(np.abs(sample.outcome).max()):
            vcov[:] = np.nan
            notes.append("units of an arm change alike: standard errors are undefined")
        repeated = rows // len(times) - int(used.sum())
        if repeated:
            notes.append(f"units stand in {repeated} more places of the stack than there are units")
        return Result(
            method="Stacked difference in differences",
            estimand="effect by time since treatment, cohorts by their number of treated units",
            terms=pd.DataFrame({"term": [f"event time {e}" for e in times], "event_time": times}),
            coef=coef,
            vcov=vcov,
            sample=sample.count(),
            df=cov.df,
            inference=cov.inference + (", residuals within cohorts" if own else ""),
            notes=(*sample.notes, *notes, *cov.notes, *few_units(sample)),
            influence_function=lambda: panel.n_units * psi,
            resampled=lambda: resampling(sample, m=len(times)),
        )


@dataclass(frozen=True, slots=True)
class _Experiment:
    treated: NDArray[np.intp]
    control: NDArray[np.intp]
    columns: NDArray[np.intp]


def _checked(design: Design, reference: int | None) -> tuple[tuple[int, int], int]:
    assert design.window is not None
    (base,) = references(reference, design.anticipation)
    low, high = design.window
    if not low <= base <= high:
        raise DesignError(
            f"the reference event time {base} is outside the window ({low}, {high})", fix="widen the window"
        )
    if high < -design.anticipation:
        raise DesignError(f"the window ({low}, {high}) ends before treatment", fix="widen the window")
    return design.window, base


def _experiments(
    sample: Sample, grid: FloatArray, window: tuple[int, int]
) -> tuple[list[_Experiment], list[str]]:
    """Experiments with a whole window and both arms, and notes on what was trimmed."""
    panel, design = sample.panel, sample.design
    first = np.append(sample.cohort_values, NEVER)[sample.group]
    place = {int(o): i for i, o in enumerate(panel.ordinals)}
    if design.comparison == "never_treated" and not (first[sample.unit] == NEVER).any():
        raise DesignError(
            "no unit is never treated, and never treated units are the comparison",
            fix='set comparison="not_yet_treated", or add never treated units',
        )
    pieces: list[_Experiment] = []
    trimmed: list[object] = []
    alone: list[object] = []
    incomplete = 0
    for g, value in enumerate(sample.cohort_values):
        wanted = range(int(value) + window[0], int(value) + window[1] + 1)
        if not all(o in place for o in wanted):
            trimmed.append(sample.cohort_labels[g])
            continue
        columns = np.array([place[o] for o in wanted])
        whole = np.isfinite(grid[:, columns]).all(axis=1)
        treated = sample.group == g
        if design.comparison == "never_treated":
            control = first == NEVER
        else:
            control = (first == NEVER) | (first - design.anticipation > value + window[1])
        incomplete += int((treated & ~whole).sum())
        arms = np.flatnonzero(treated & whole), np.flatnonzero(control & whole)
        if min(map(len, arms)) == 0:
            alone.append(sample.cohort_labels[g])
            continue
        pieces.append(_Experiment(*arms, columns))
    notes = []
    if trimmed:
        notes.append(f"cohorts {shortlist(trimmed)} were trimmed: their window is not wholly observed")
    if alone:
        notes.append(f"cohorts {shortlist(alone)} were left out: an arm has no complete unit")
    if incomplete:
        notes.append(f"{incomplete} treated units are not observed in their whole window and were left out")
    if not pieces:
        raise DesignError(
            f"no cohort is observed from event time {window[0]} to {window[1]} with comparison units",
            where="; ".join(notes) or None,
            fix="narrow the window"
            + ("" if design.comparison == "not_yet_treated" else ', or set comparison="not_yet_treated"'),
        )
    return pieces, notes
