"""One estimate with the inference that is actually used, and what that inference could have found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation import distributions
from evaluation.design import Design
from evaluation.errors import EstimationError
from evaluation.estimators import OverallATT, TwoWayFixedEffects
from evaluation.inference.randomization import Estimator, RandomizationTest, randomization_test
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]
Inference = Literal["auto", "randomization", "standard"]
FEW = 3
"""Up to so many treated units ``"auto"`` is a randomisation test: standard errors are not valid."""
POWER = 0.8
"""Probability with which a check must be able to find trouble as large as the estimate."""


@dataclass(frozen=True)
class Inferring:
    """How estimates are tested: the same way in every row of a check.

    Attributes
    ----------
    inference : {"auto", "randomization", "standard"}
        ``"standard"`` takes the estimator's own standard error.
    alpha : float
    draws : int
        Most assignments of a randomisation test.
    seed : int, optional
        For assignments too many to enumerate; the same in every row.
    """

    inference: Inference = "auto"
    alpha: float = 0.05
    draws: int = 9_999
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.inference not in ("auto", "randomization", "standard"):
            raise EstimationError(
                f"the inference is {self.inference!r}", expected="'auto', 'randomization' or 'standard'"
            )
        if not 0 < self.alpha < 0.5:
            raise EstimationError(
                f"alpha is {self.alpha}", expected="a number between 0 and 1/2, such as 0.05"
            )

    def randomised(self, panel: Panel, design: Design) -> bool:
        """Whether a randomisation test is used."""
        if self.inference != "auto":
            return self.inference == "randomization"
        return int(design.cohorts(panel).treated.sum()) <= FEW

    def ask(
        self, estimator: Estimator, panel: Panel, design: Design, *, randomised: bool | None = None
    ) -> Answer:
        """Estimate one number and test it."""
        if randomised is None:
            randomised = self.randomised(panel, design)
        single = one_number(estimator)
        if not randomised:
            return from_result(single.fit(panel, design), self.alpha)
        test = randomization_test(single, panel, design, draws=self.draws, seed=self.seed)
        return from_test(test, self.alpha)


@dataclass(frozen=True, eq=False)
class Answer:
    """One estimate, tested.

    Attributes
    ----------
    estimate, ci_low, ci_high, p_value : float
    smallest_p : float
        What the test can reach; 0 for a standard error.
    detectable : float
        True effect that this test finds with probability `POWER`; infinite when it can find none.
    test : RandomizationTest or None
    std_error : float
        NaN for a randomisation test.
    """

    estimate: float
    ci_low: float
    ci_high: float
    p_value: float
    smallest_p: float
    detectable: float
    test: RandomizationTest | None = field(default=None, repr=False)
    std_error: float = np.nan

    def row(self) -> dict[str, float]:
        """Columns that all tables of checks share."""
        return {
            "estimate": self.estimate,
            "ci_low": self.ci_low,
            "ci_high": self.ci_high,
            "p_value": self.p_value,
            "detectable": self.detectable,
        }


def one_number(estimator: Estimator) -> Estimator:
    """The estimator itself where it gives one number and is known to be quick, else its average."""
    if isinstance(estimator, TwoWayFixedEffects):
        if estimator.event_study:
            raise EstimationError(
                "an event study has many terms, and this check needs one number",
                fix="use TwoWayFixedEffects() without event_study",
            )
        return estimator
    if getattr(estimator, "terms", None) == "att":
        return estimator  # synthetic methods: all placebos in one batch
    return OverallATT(estimator)


def from_result(result: Result, alpha: float) -> Answer:
    """The answer of a standard error."""
    low, high = result.conf_int(1 - alpha)
    error = result.std_error
    law = distributions.t  # with infinite degrees of freedom the normal law
    reach = float(law.isf(alpha / 2, result.df) + law.isf(1 - POWER, result.df)) * error
    return Answer(
        result.estimate,
        low,
        high,
        result.p_value,
        0.0,
        reach if np.isfinite(error) else np.inf,
        std_error=error,
    )


def from_test(test: RandomizationTest, alpha: float) -> Answer:
    """The answer of a randomisation test."""
    low, high, _ = test.interval(1 - alpha)
    critical = test.critical_value(alpha)
    if test.smallest_p > alpha * (1 + 1e-9) or critical is None:
        reach = np.inf
    else:
        placebo = test.placebo[:, 0]
        reach = least_detected(placebo, np.full(len(placebo), critical), POWER)
    return Answer(test.estimate, low, high, test.p_value, test.smallest_p, reach, test)


def least_detected(errors: FloatArray, critical: FloatArray, power: float) -> float:
    """The smallest effect found in a share ``power`` of samples, averaged over its two signs.

    Parameters
    ----------
    errors : ndarray (m,)
        Estimates of samples without an effect.
    critical : ndarray (m,)
        Smallest absolute estimate that each sample calls different from 0.
    power : float
    """
    usable = np.isfinite(errors) & np.isfinite(critical)
    e, c = errors[usable], critical[usable]
    if len(e) == 0:
        return float("inf")
    # an effect of size x is found when x >= c - e, or x <= -c - e: the second hardly ever, but it counts
    edges = np.concatenate([c - e, c + e])
    low, high = 0.0, float(max(edges.max(), 1e-300)) * (1 + 1e-9)

    def share(x: float) -> float:
        found = np.concatenate([np.abs(e + x) >= c, np.abs(e - x) >= c])
        return float(found.mean() * usable.mean())

    if share(high) < power:
        return float("inf")
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if share(middle) < power else (low, middle)
    return high


def with_column(panel: Panel, name: str, by_unit: pd.Series) -> Panel:
    """The panel with one column replaced by a value a unit (n_units,)."""
    return panel.assign(**{name: pd.Series(by_unit.to_numpy()[panel.unit_codes])})


def first_by_unit(panel: Panel, design: Design) -> pd.Series:
    """The column of first treated periods, one value a unit (n_units,)."""
    row = np.zeros(panel.n_units, dtype=np.int64)
    row[panel.unit_codes[::-1]] = np.arange(panel.n_rows)[::-1]
    return panel.frame[design.first_treated].iloc[row].set_axis(panel.units)
