"""Claims beside evidence. `compare` alone gives verdicts; nobody writes one by hand.

Two questions are asked of a figure and never mixed. *Reproduced*: do independent data give it?
*Attributable*: is the change more than what comparable places had in the same years?
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evaluation.plain import plain

Reproduced = Literal["reproduced", "close", "not_reproduced", "no_data"]
Attributable = Literal["beyond_comparison", "not_distinguishable", "opposite", "not_testable"]

CLOSE_WITHIN = 0.10
"""A figure within this share of the claimed one is ``close``."""


@dataclass(frozen=True, slots=True)
class Test:
    """One test of the change against comparable places.

    Attributes
    ----------
    estimate : float
        Change beyond the comparison, in units of the outcome.
    ci_low, ci_high : float
        Interval, NaN where none can be had.
    p_value : float
        Two-sided, for no change beyond the comparison.
    name : str
        Which measure and comparison.
    outcome, scale : str
        The measure by its id, and the scale of the estimate.
    """

    __test__ = False  # not a test class for pytest

    estimate: float
    ci_low: float
    ci_high: float
    p_value: float
    name: str = ""
    outcome: str = ""
    scale: str = "level"


@dataclass(frozen=True, slots=True)
class ClaimCheck:
    """A claim with both verdicts and the numbers behind them."""

    id: str
    claimed: float
    unit: str
    found: float
    reproduced: Reproduced
    tests: tuple[Test, ...]
    attributable: Attributable
    reason: str

    def as_record(self) -> dict[str, object]:
        """The claim as it stands in the result file."""
        first = self.tests[0] if self.tests else Test(math.nan, math.nan, math.nan, math.nan)
        record: dict[str, object] = plain(
            {
                "id": self.id,
                "claimed": self.claimed,
                "unit": self.unit,
                "reproduced": {"value": self.found, "verdict": self.reproduced},
                "attributable": {
                    "estimate": first.estimate,
                    "ci_low": first.ci_low,
                    "ci_high": first.ci_high,
                    "p_value": first.p_value,
                    "verdict": self.attributable,
                    "reason": self.reason,
                },
            }
        )
        return record


def compare(
    id: str,
    claimed: float,
    unit: str,
    found: float | None,
    tests: Sequence[Test],
    *,
    level: float,
    direction: Literal[1, -1],
    rounding: float = 1.0,
    exact: bool = False,
    simulated: bool = False,
    reason: str = "",
) -> ClaimCheck:
    """Weigh a claim against the evidence.

    Parameters
    ----------
    id : str
    claimed : float
    unit : str
        Unit of the claimed figure.
    found : float or None
        The same figure from independent data; None where there are none.
    tests : sequence of Test
        Every test that the rule names; all of them must agree. Empty: the claim is not testable.
    level : float
        Size of each test, such as 0.05.
    direction : {1, -1}
        Sign of an improvement.
    rounding : float
        Step to which the claim is rounded: it is reproduced when the two differ by at most half.
    exact : bool
        For ranks: any other rank is not reproduced, however near.
    simulated : bool
        Simulated data never decide a real claim.
    reason : str
        Said beside the verdict when there is no test.

    Returns
    -------
    ClaimCheck
    """
    if simulated:
        found, tests = None, ()
        reason = reason or "the only data are simulated"
    reproduced = _reproduced(claimed, found, rounding, exact)
    attributable, why = _attributable(tests, level, direction)
    return ClaimCheck(
        id=id,
        claimed=claimed,
        unit=unit,
        found=math.nan if found is None else float(found),
        reproduced=reproduced,
        tests=tuple(tests),
        attributable=attributable,
        reason=reason or why,
    )


def _reproduced(claimed: float, found: float | None, rounding: float, exact: bool) -> Reproduced:
    if found is None or math.isnan(found):
        return "no_data"
    gap = abs(found - claimed)
    if gap <= rounding / 2 + 1e-9:
        return "reproduced"
    if not exact and gap <= CLOSE_WITHIN * abs(claimed):
        return "close"
    return "not_reproduced"


def _attributable(tests: Sequence[Test], level: float, direction: int) -> tuple[Attributable, str]:
    usable = [test for test in tests if not math.isnan(test.p_value)]
    if not usable:
        return "not_testable", "no test is possible with the data at hand"
    if len(usable) < len(tests):
        return "not_testable", "a test that the rule names is not possible with the data at hand"
    passed = [test.p_value <= level for test in usable]
    named = "; ".join(f"{test.name}: p = {test.p_value:.3f}".removeprefix(": ") for test in usable)
    rule = f"rule: p <= {level:g} in each of {len(usable)} tests, all in one direction"
    signs = {math.copysign(1, test.estimate * direction) for test in usable}
    if all(passed) and signs == {1.0}:
        return "beyond_comparison", f"{named} ({rule})"
    if all(passed) and signs == {-1.0}:
        return "opposite", f"{named} ({rule})"
    return "not_distinguishable", f"{named} ({rule})"
