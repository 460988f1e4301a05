"""Bias-reduced and jackknife cluster variances with degrees of freedom that fit the design.

The usual clustered variance is too small when clusters are few or unequal, because residuals are
smaller than errors where a cluster has leverage. CR2 (Bell and McCaffrey 2002; Pustejovsky and
Tipton 2018) scales each cluster's residuals by ``(I - H_gg)^-1/2``, which makes the variance unbiased
when errors are independent and alike; CR3 by ``(I - H_gg)^-1``, which is the jackknife over clusters
(MacKinnon, Nielsen and Webb 2023). The t distribution takes Satterthwaite's degrees of freedom: for CR2
those of Bell and McCaffrey and of Pustejovsky and Tipton, for CR3 the same two moments with CR3's
adjustment in them; MacKinnon, Nielsen and Webb take G - 1 there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation import distributions
from evaluation.design import Design
from evaluation.display import Displayed
from evaluation.errors import EstimationError, shortlist
from evaluation.inference._regression import check_level, check_options, few_treated, fit_clustered
from evaluation.inference.base import WithInterval
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
NAMES = {"CR2": "bias-reduced (CR2)", "CR3": "cluster jackknife (CR3)"}
FEW_DF = 4.0


@dataclass(frozen=True, eq=False, repr=False)
class ClusterRobust(WithInterval, Displayed):
    """Estimates with a small-sample cluster variance.

    Attributes
    ----------
    kind : {"CR2", "CR3"}
    terms : pandas.DataFrame
        Estimated terms (k rows).
    coef : ndarray (k,)
        In units of the outcome.
    vcov : ndarray (k, k)
        NaN rows where a variance does not exist.
    df : ndarray (k,)
        Degrees of freedom of t for each term.
    reasons : tuple of str (k,)
        Why a term has no standard error, else empty.
    n_clusters, n_treated_clusters : int
    notes : tuple of str
    """

    kind: str
    terms: pd.DataFrame = field(repr=False)
    coef: FloatArray
    vcov: FloatArray = field(repr=False)
    df: FloatArray
    reasons: tuple[str, ...]
    n_clusters: int
    n_treated_clusters: int
    notes: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """Name in words."""
        return f"{NAMES[self.kind]}, t with Satterthwaite degrees of freedom"

    @property
    def std_errors(self) -> FloatArray:
        """Standard errors (k,), NaN where undefined."""
        variance = np.diag(self.vcov).copy()
        variance[~(variance > 0)] = nan
        return np.sqrt(variance)

    @property
    def p_values(self) -> FloatArray:
        """Two-sided p-values of a zero effect (k,)."""
        return np.asarray(2 * distributions.t.sf(np.abs(self.coef) / self.std_errors, self.df), dtype=float)

    @property
    def estimate(self) -> float:
        """Estimate of the only term."""
        return float(self.coef[self._one])

    @property
    def std_error(self) -> float:
        """Standard error of the only term; NaN where undefined."""
        return float(self.std_errors[self._one])

    @property
    def p_value(self) -> float:
        """Two-sided p-value of the only term."""
        return float(self.p_values[self._one])

    @property
    def smallest_p(self) -> float:
        """A t test has no smallest p-value above 0; NaN where there is no test."""
        return 0.0 if np.isfinite(self.std_error) else nan

    @property
    def reason(self) -> str:
        """Why the only term has no p-value and interval, else empty."""
        return self.reasons[self._one]

    def interval(self, level: float = 0.95) -> tuple[float, float, str]:
        """Interval of the only term: low, high, and why it is absent.

        Raises
        ------
        EstimationError
            The level is not between 0 and 1.
        """
        check_level(level)
        one = self._one
        half = float(distributions.t.ppf(0.5 + level / 2, self.df[one]) * self.std_errors[one])
        return self.estimate - half, self.estimate + half, self.reasons[one]

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """One row a term: ``term, event_time, estimate, std_error, df, ci_low, ci_high, p_value, reason``."""
        check_level(level)
        half = distributions.t.ppf(0.5 + level / 2, self.df) * self.std_errors
        return self.terms.assign(
            estimate=self.coef,
            std_error=self.std_errors,
            df=self.df,
            ci_low=self.coef - half,
            ci_high=self.coef + half,
            p_value=self.p_values,
            reason=list(self.reasons),
        )

    @property
    def _one(self) -> int:
        if len(self.coef) != 1:
            raise EstimationError(
                f"there are {len(self.coef)} terms: {shortlist(self.terms['term'])}",
                expected="a one-term estimator",
                fix="read .tidy(), one row a term",
            )
        return 0


def cluster_robust(
    estimator: object, panel: Panel, design: Design, *, kind: Literal["CR2", "CR3"] = "CR2"
) -> ClusterRobust:
    """CR2 or CR3 variance (Bell and McCaffrey 2002; Pustejovsky and Tipton 2018) of a two-way regression.

    CR2 or CR3 variance of a two-way regression, exact with its effects.

    ``V = sum_g (X'X)^-1 X_g' A_g u_g u_g' A_g X_g (X'X)^-1`` with ``A_g = (I - H_gg)^-1/2`` (CR2,
    Pustejovsky and Tipton 2018, equation 5 with an identity working model) or ``(I - H_gg)^-1``
    times ``(G - 1)/G`` (CR3, the jackknife of MacKinnon, Nielsen and Webb 2023, equation 14, around
    the full-sample estimate). H is the hat matrix of all columns, the unit and period indicators
    among them. With weights the working model has variances inverse to them.

    Parameters
    ----------
    estimator : TwoWayFixedEffects
        Static or event study; its choice of covariance is not used.
    panel : Panel
    design : Design
        ``cluster`` names one column, or the unit is the cluster.
    kind : {"CR2", "CR3"}

    Returns
    -------
    ClusterRobust
        With one treated cluster no standard error exists, and the reason says so: the cluster is
        fitted by its own effect, and its residuals hold nothing of its errors.

    Raises
    ------
    EstimationError
        Not a two-way regression, or clusters that cut across units.
    DataError, DesignError
        As the estimator.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoWayFixedEffects, cluster_robust
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> test = cluster_robust(TwoWayFixedEffects(), panel, design)
    >>> print(f"{test.estimate:.3f} {test.std_error:.3f} {test.p_value:.3f}")
    0.135 0.199 0.502
    """
    check_options(kind=(kind, ("CR2", "CR3")))
    fit = fit_clustered(f"a {kind} variance", estimator, panel, design)
    regression, leverage = fit.regression, fit.regression.spectrum
    exponent = -0.5 if kind == "CR2" else -1.0
    parts = leverage.adjusted(regression.scores(regression.residual), exponent)[:, regression.place]
    vcov = parts.T @ parts
    g = regression.n_clusters
    if kind == "CR3":
        vcov = vcov * ((g - 1) / g)
    df, reasons = np.full(len(regression.place), nan), []
    perfect = not np.isfinite(fit.result.std_errors[fit.rows]).any()
    for j, column in enumerate(regression.place):
        lost = np.flatnonzero(leverage.lost(int(column)))
        reason = ""
        if perfect:
            reason = "the regression fits the outcome perfectly"
        elif len(lost):
            names = shortlist(fit.labels[i] for i in lost)
            reason = (
                f"without cluster {names} the effect does not exist, so its errors cannot be measured; "
                "use randomisation inference"
            )
        else:
            df[j] = leverage.satterthwaite(int(column), exponent)
        if reason:
            vcov[j], vcov[:, j] = nan, nan
        reasons.append(reason)
    n_treated = int(fit.treated.sum())
    notes = []
    few = few_treated(n_treated, g)
    if few:
        notes.append(f"{few}: the t approximation rests on few residuals")
    if np.nanmin(df, initial=np.inf) < FEW_DF:
        notes.append(
            f"degrees of freedom of {np.nanmin(df):.1f} are below {FEW_DF:g}, where the approximation "
            "is known to be poor (Pustejovsky and Tipton 2018, section 5)"
        )
    return ClusterRobust(
        kind=kind,
        terms=fit.result.terms.iloc[fit.rows][["term", "event_time"]].reset_index(drop=True),
        coef=np.array(fit.result.coef[fit.rows]),
        vcov=vcov,
        df=df,
        reasons=tuple(reasons),
        n_clusters=g,
        n_treated_clusters=n_treated,
        notes=tuple(notes),
    )
