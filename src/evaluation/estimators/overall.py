"""One number from any estimator: the mean effect over all treated unit-periods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.design import Design
from evaluation.errors import EstimationError, shortlist
from evaluation.panel import Panel
from evaluation.result import Result


@dataclass(frozen=True)
class OverallATT:
    """Another estimator's average effect on the treated, as a one-term result.

    Effects of cohorts and periods are averaged over treated unit-periods
    (``result.aggregate("simple")``); those of `Stacked`, which are averages over cohorts already, over
    event times from 0 on. A one-term result is returned as it is. With it every estimator can be put to
    inference for one number: `randomization_test`, `randomization_in_time`, `minimum_effect`.

    Parameters
    ----------
    estimator : object with ``fit(panel, design) -> Result``

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, GroupTime, OverallATT
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> fit = OverallATT(GroupTime()).fit(panel, design)
    >>> print(fit.params.round(3).to_string())
    term
    ATT    0.472
    """

    estimator: Any

    @property
    def linear(self) -> bool:
        """Whether the estimator's coefficients are linear in the outcome; False where it does not say."""
        return is_linear(self.estimator)

    def fit(self, panel: Panel, design: Design) -> Result:
        """The average effect.

        Raises
        ------
        EstimationError
            As `average`, and as the estimator.
        """
        return self.average(self.estimator.fit(panel, design))

    def average(self, result: Result) -> Result:
        """The average of a result of the estimator.

        Raises
        ------
        EstimationError
            The result is an event study of a regression, whose coefficients have no average over the
            treated.
        """
        if len(result) == 1:
            return result
        if result.shares is not None:
            return result.aggregate("simple")
        if "event_time" in result.terms and not getattr(self.estimator, "event_study", False):
            after = result.terms["event_time"].to_numpy(dtype=float, na_value=np.nan) >= 0
            return result.combine(after / after.sum(), "mean effect over event times")
        raise EstimationError(
            f"{result.method} has {len(result)} terms, and one number is needed",
            where=f"terms {shortlist(result.terms['term'])}",
            fix="leave event_study out of the estimator",
        )


def is_linear(estimator: object) -> bool:
    """Whether an estimator's coefficients are a linear map of the outcome, given all other columns.

    Estimators declare it as an attribute ``linear``. An effect added to treated cells then moves the
    estimate under another assignment by a known amount: the estimator applied to the indicator of
    those cells. Weights found from outcomes (synthetic methods) and exponential means are not linear.
    """
    return bool(getattr(estimator, "linear", False))
