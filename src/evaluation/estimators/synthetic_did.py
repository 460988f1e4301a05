"""Synthetic difference-in-differences (Arkhangelsky, Athey, Hirshberg, Imbens and Wager 2021)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.design import Design, Supports
from evaluation.errors import DataError, EstimationError, shortlist
from evaluation.estimators._synthetic import check_options, fit_synthetic
from evaluation.estimators._synthetic_sample import (
    SyntheticSample,
    TreatedCohort,
    build_synthetic,
    counted,
    synthetic_supports,
)
from evaluation.numerics.demean import demean
from evaluation.numerics.synthetic import Paths, Window, synthetic_did
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SyntheticDiD:
    """Synthetic difference-in-differences of Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021).

    Difference-in-differences with unit weights and time weights.

    ``(Ybar_tr,post - sum_t l_t Ybar_tr,t) - sum_j w_j (Ybar_j,post - sum_t l_t Y_jt)``: donors are
    weighted so that their path before treatment is parallel to that of the treated, periods before
    treatment so that they are parallel to those after (Arkhangelsky et al. 2021, Algorithm 1).
    Adding an effect to every period of a unit, or to every unit in a period, changes nothing.
    Under staggered adoption each cohort is compared with never treated donors, and effects are
    averaged over treated unit-periods (Clarke, Pailanir, Athey and Imbens 2023).

    Parameters
    ----------
    variance : {"placebo", "jackknife", "bootstrap", "none"}
        Algorithms 4, 3 and 2 of the paper. With one treated unit all donors are enumerated for the placebo,
        and the bootstrap is undefined; so is the jackknife with one treated unit in any cohort. The p-value
        of placebos is the larger one of t, with as many degrees of freedom as there are donors, less one,
        and of the estimate's rank among them, which is never below one over their number plus one; the
        interval is the wider one. Jackknife and bootstrap errors are read with the normal law.
    draws : int
        Placebo sets or bootstrap samples, where they are too many to enumerate.
    seed : int, optional
        Needed where there are draws.
    terms : {"att", "cohort_period"}
        One term, or one a cohort and period, which ``result.aggregate`` averages.
    unit_weights, time_weights : {"synthetic", "uniform"}
        Uniform weights for both give difference-in-differences.
    zeta : float, optional
        Penalty on unit weights in units of the outcome; ``(N_tr T_post)^(1/4) sigma`` when absent.
    solver : {"exact", "synthdid"}
        ``"synthdid"`` stops where R synthdid 0.0.9 does, short of the minimum, to reproduce
        numbers printed with it.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, SyntheticDiD
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> fit = SyntheticDiD().fit(panel, design)
    >>> print(fit.params.round(2).to_string())
    term
    ATT    0.39
    """

    variance: Literal["placebo", "jackknife", "bootstrap", "none"] = "placebo"
    draws: int = 200
    seed: int | None = None
    terms: Literal["att", "cohort_period"] = "att"
    unit_weights: Literal["synthetic", "uniform"] = "synthetic"
    time_weights: Literal["synthetic", "uniform"] = "synthetic"
    zeta: float | None = None
    solver: Literal["exact", "synthdid"] = "exact"

    supports: ClassVar[Supports] = synthetic_supports("SyntheticDiD")

    def __post_init__(self) -> None:
        check_options(self)
        for name, allowed in (
            ("unit_weights", ("synthetic", "uniform")),
            ("time_weights", ("synthetic", "uniform")),
            ("solver", ("exact", "synthdid")),
        ):
            if getattr(self, name) not in allowed:
                raise EstimationError(
                    f"{name} is {getattr(self, name)!r}", expected="one of " + ", ".join(map(repr, allowed))
                )
        if self.zeta is not None and not self.zeta >= 0:
            raise EstimationError(f"zeta is {self.zeta!r}", expected="0 or more, in units of the outcome")

    @property
    def name(self) -> str:
        """Method in words."""
        uniform = [w for w in ("unit", "time") if getattr(self, f"{w}_weights") == "uniform"]
        if len(uniform) == 2:
            return "Difference-in-differences with never treated units"
        extra = f", uniform {uniform[0]} weights" if uniform else ""
        return "Synthetic difference-in-differences" + extra

    @property
    def has_constant(self) -> bool:
        """A constant gap before treatment is no lack of fit."""
        return True

    def fit(self, panel: Panel, design: Design) -> Result:
        """Estimate the effect on the treated.

        Parameters
        ----------
        panel : Panel
        design : Design
            ``anticipation`` and ``window`` choose periods; ``covariates`` are taken out of the
            outcome by a two-way regression on all rows without treatment (Kranz 2022), those of treated
            units before it among them; Arkhangelsky et al. (2021) choose coefficients and weights jointly.

        Returns
        -------
        Result
            ``details`` is a `SyntheticDetails`: weights, paths, fit before treatment, placebos.

        Raises
        ------
        DesignError, DataError
            See `build_synthetic`.
        EstimationError
            Draws without a seed.
        """
        return fit_synthetic(self, panel, design)

    def prepare(self, panel: Panel, design: Design) -> SyntheticSample:
        """Treated units, donors and periods, checked, with covariates taken out."""
        panel, design = design.with_numbers(panel)
        self.supports.check(design)
        sample = build_synthetic(panel, design)
        return _without_covariates(sample) if design.covariates else sample

    def paths(
        self,
        sample: SyntheticSample,
        cohort: TreatedCohort,
        treated: FloatArray,
        donors: FloatArray,
        like: Paths | None = None,
    ) -> Paths:
        """Fit a batch of assignments (b, n), with the penalty of ``like`` if it is given."""
        zeta = self.zeta if like is None else float(like.penalty[0])
        return synthetic_did(
            sample.outcome,
            treated,
            donors,
            cohort.window,
            unit_weights=self.unit_weights,
            time_weights=self.time_weights,
            zeta_unit=zeta,
            exact=self.solver == "exact",
        )

    def residuals(
        self, outcome: FloatArray, treated: FloatArray, donors: FloatArray, window: Window
    ) -> FloatArray:
        """Residuals (b, T) of unit weights and constant fitted to all of ``window.pre``."""
        paths = synthetic_did(
            outcome,
            treated,
            donors,
            window,
            unit_weights=self.unit_weights,
            time_weights="uniform",
            zeta_unit=self.zeta,
            exact=self.solver == "exact",
        )
        return paths.gaps[:, window.pre] - paths.shift[:, None]


def _without_covariates(sample: SyntheticSample) -> SyntheticSample:
    """Outcome less what covariates explain in rows without treatment, given unit and period effects."""
    design, panel = sample.design, sample.panel
    values = np.stack([panel.matrix(name)[sample.units] for name in design.covariates])
    used = np.unique(np.concatenate([np.r_[c.window.pre, c.window.post] for c in sample.cohorts]))
    missing = np.asarray(np.isnan(values[:, :, used]).any(axis=(0, 2)))
    of_treated = missing & ~sample.donors
    if of_treated.any():
        raise DataError(
            "a treated unit misses a covariate",
            where=f"{shortlist(sample.names[of_treated])}; {shortlist(design.covariates)}",
            fix="fill the values in, or leave the covariate out",
        )
    if missing[sample.donors].all():
        raise DataError(
            "every donor misses a covariate",
            where=shortlist(design.covariates),
            fix="fill the values in, or leave the covariate out",
        )
    if missing.any():
        names = shortlist(sample.names[missing])
        note = f"{counted(int(missing.sum()), 'donor')} without a covariate left out: {names}"
        sample = sample.keep(~missing, "donor that misses a covariate", note)
        values = values[:, ~missing]

    untreated = np.zeros(sample.outcome.shape, dtype=bool)
    untreated[np.ix_(sample.donors, used)] = True
    for c in sample.cohorts:
        untreated[np.ix_(c.members, c.window.pre)] = True
    unit, time = np.nonzero(untreated)
    columns = np.column_stack([m[unit, time] for m in (sample.outcome, *values)])
    n_units, n_periods = len(sample.units), sample.panel.n_periods
    clean = demean(columns, unit, time, n_first=n_units, n_second=n_periods).values
    y, x = clean[:, 0], clean[:, 1:].copy()
    size = np.sqrt((x**2).sum(axis=0))
    flat = size <= 1e-10 * np.abs(values[:, :, used]).max(axis=(1, 2))
    x[:, flat] = 0.0
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    notes = sample.notes
    if flat.any():
        lost = [name for name, gone in zip(design.covariates, flat, strict=True) if gone]
        notes = (*notes, f"covariate {shortlist(lost)} does not vary beyond unit and period effects")
    adjusted = sample.outcome - np.tensordot(beta, values, axes=1)
    return replace(sample, outcome=adjusted, notes=(*notes, "covariate coefficients are taken as known"))
