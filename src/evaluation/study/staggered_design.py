"""Two choices of a study of many places that are often varied: months used, and the leading estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import Field

from evaluation.study.base import Model

EstimatorName = Literal[
    "poisson",
    "extended_poisson",
    "two_way",
    "imputation",
    "group_time",
    "interaction_weighted",
    "extended",
    "stacked",
]
SyntheticName = Literal["synthetic_control", "synthetic_did"]
InferenceName = Literal[
    "randomization_test",
    "ferman_pinto",
    "conley_taber",
    "randomization_in_time",
    "subcluster_bootstrap",
    "wild_restricted",
    "wild_unrestricted",
    "cr2",
    "cr3",
    "ibragimov_muller",
    "jackknife",
    "clustered_t",
]
"""What `evaluation.inference.recommend` calls the methods that it recommends."""
POISSON = ("poisson", "extended_poisson")
CLASSES: Mapping[str, EstimatorName | SyntheticName] = {
    "PoissonFixedEffects": "poisson",
    "PoissonImputation": "extended_poisson",
    "TwoWayFixedEffects": "two_way",
    "Imputation": "imputation",
    "GroupTime": "group_time",
    "InteractionWeighted": "interaction_weighted",
    "ExtendedTwoWayFixedEffects": "extended",
    "Stacked": "stacked",
    "SyntheticControl": "synthetic_control",
    "SyntheticDiD": "synthetic_did",
}
"""What the classes of `evaluation.estimators` are called in a study file; either name is read."""
_MONTHS = {"Y": 12.0, "Q": 3.0, "M": 1.0, "W": 12 / 52.1775, "D": 12 / 365.2425}
_PERIODS = {"Y": "years", "Q": "quarters", "M": "months"}


class Span(Model):
    """What part of the record the estimates use."""

    window: int | None = Field(default=None, ge=1)
    """Months on either side of the start of treatment: rows of treated units further away are left out of
    the estimates, all rows of units that are never treated stay. Absent: the whole record."""

    def periods(self, frequency: str) -> int | None:
        """The window in periods of the data, from weeks and days rounded to whole ones; None without one."""
        if self.window is None:
            return None
        return max(1, round(self.window / _MONTHS[frequency]))

    def problems(self, frequency: str) -> list[str]:
        """Complaint about a window that is no whole number of years or quarters."""
        if self.window is None or frequency not in _PERIODS or self.window % _MONTHS[frequency] == 0:
            return []
        size = int(_MONTHS[frequency])
        return [
            f"design.window: {self.window} months are no whole number of {_PERIODS[frequency]} "
            f"(expected a multiple of {size}, such as {size * max(1, self.window // size)})"
        ]


def read_estimator(value: Any) -> Any:
    """An estimator by its name in study files or by its class's: ``GroupTime`` is ``group_time``."""
    return CLASSES.get(value, value) if isinstance(value, str) else value


def with_leading(raw: Any) -> Any:
    """A study file in which the estimator named at its top leads for every outcome.

    A name that is no estimator is left where it is, for the check of the key itself to say so.
    """
    if not isinstance(raw, dict):
        return raw
    name = read_estimator(raw.get("estimator"))
    if name not in get_args(EstimatorName) or not isinstance(raw.get("outcomes"), list | tuple):
        return raw
    outcomes = [{**one, "main": name} if isinstance(one, dict) else one for one in raw["outcomes"]]
    return {**raw, "estimator": name, "outcomes": outcomes}
