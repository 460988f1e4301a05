"""The verdict rule examined: whom else it would call, and how large an effect it would find.

A rule is only worth its word if it seldom speaks without cause and often speaks with one. The first is
seen by putting every comparison place in the treated one's position; the second by adding a known
change to each of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.analysis.change import year_table
from evaluation.analysis.ledger import check_claim
from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.claims import ClaimCheck
from evaluation.numerics.chunks import each
from evaluation.study.staggered_beside import Claim

_TIE = 1e-10
_PLACES_AT_ONCE = 4


@dataclass(frozen=True, eq=False)
class RuleAudit:
    """The rule applied to places where nothing was claimed.

    Attributes
    ----------
    table : pandas.DataFrame
        A row a place: ``unit, verdict, estimate, largest_p``; the treated unit first.
    """

    table: pd.DataFrame = field(repr=False)

    @property
    def others(self) -> int:
        """Places that were put in the treated one's position."""
        return len(self.table) - 1

    @property
    def called(self) -> int:
        """How many of them the rule calls beyond comparison."""
        return int((self.table["verdict"].iloc[1:] == "beyond_comparison").sum())


def leading_claim(case: StaggeredCase) -> Claim:
    """What the rule is asked about: the claim of a change of the headline outcome, else the first claim.

    Where the study has no claim it is the headline's own change, of which nothing is claimed: its value is
    not a number.
    """
    study, head, years = case.study, case.study.headline, case.years
    for claim in study.claims:
        if claim.outcome == head.outcome and claim.kind in ("change", "relative_change"):
            return claim
    if study.claims:
        return study.claims[0]
    return Claim(
        id="headline",
        text=study.question,
        value=np.nan,
        unit=study.outcome(head.outcome).unit,
        kind="change",
        outcome=head.outcome,
        year=years.after,
        baseline=years.before,
    )


def leading_check(case: StaggeredCase) -> ClaimCheck:
    """The verdicts on what the rule is asked about; see `leading_claim`."""
    return check_claim(case, leading_claim(case))


def rule_audit(case: StaggeredCase, pool: str | None = None) -> RuleAudit:
    """Make each place of a pool in turn "the treated one" and run the whole rule.

    Parameters
    ----------
    case : StaggeredCase
    pool : str, optional
        Whose places are tried; the first pool when absent. They are compared as the rule says.
    """
    claim = leading_claim(case)
    units = [case.treated_unit, *case.donors(pool or case.study.comparisons[0].id)]
    return RuleAudit(pd.DataFrame(each(partial(_tried, case, claim), units, chunk=_PLACES_AT_ONCE)))


def _tried(case: StaggeredCase, claim: Claim, unit: str) -> dict[str, object]:
    check = check_claim(case.with_treated(unit), claim)
    worst = max((test.p_value for test in check.tests), default=np.nan)
    estimate = check.tests[0].estimate if check.tests else np.nan
    return {"unit": unit, "verdict": check.attributable, "estimate": estimate, "largest_p": worst}


@dataclass(frozen=True, eq=False)
class RulePower:
    """How often the rule speaks, by the size of the effect.

    Attributes
    ----------
    table : pandas.DataFrame
        ``effect, power, low, high``, for places that started like the treated one; effect 0 is the size.
        ``low`` and ``high`` are the 95 % interval of a share of so few places (Wilson 1927).
    places : int
        How many places started like the treated one.
    size : float
        Share of all places of the pool that the rule calls beyond comparison without an added effect.
    """

    table: pd.DataFrame = field(repr=False)
    places: int
    size: float

    def smallest(self, wanted: float = 0.8) -> float:
        """The smallest effect found with at least this probability, interpolated; NaN if none is."""
        x, y = (self.table[name].to_numpy(dtype=float) for name in ("effect", "power"))
        reached = y >= wanted
        if not reached.any():
            return float("nan")
        i = int(reached.argmax())
        return float(
            x[0] if i == 0 else x[i - 1] + (wanted - y[i - 1]) / (y[i] - y[i - 1]) * (x[i] - x[i - 1])
        )


def rule_power(case: StaggeredCase, sizes: NDArray[np.float64] | None = None) -> RulePower:
    """How often the rule finds an effect of a given size, from the places' own changes.

    Every place of the rule's pool whose headline outcome started between half and one and a half
    times the treated one's is taken as treated in turn, with the effect added to its later year in every
    outcome that the rule names. The same number of days is a larger share where days are few, so that
    places that started elsewhere would say little of this one.

    Parameters
    ----------
    case : StaggeredCase
    sizes : ndarray (m,), optional
        Improvements in units of the headline outcome; a grid over four standard deviations of the
        changes when absent.
    """
    rule, years = case.study.rule, case.years
    units = [case.treated_unit, *case.donors(rule.pool)]
    headline = case.study.outcome(case.study.headline.outcome)
    sign = 1.0 if headline.better == "higher" else -1.0
    tables = [year_table(case, name).values.loc[units] for name in rule.outcomes]
    pairs = [(t[years.before].to_numpy(dtype=float), t[years.after].to_numpy(dtype=float)) for t in tables]
    before, after = pairs[0]
    like = (before >= 0.5 * before[0]) & (before <= 1.5 * before[0])
    if sizes is None:
        sizes = np.linspace(0.0, 4.0 * float(np.std(after - before)), 25)
    found = [_found(pairs, rule.scales, sign, float(size), rule.level) for size in sizes]
    power = np.array([each[like].mean() for each in found])
    low, high = _wilson(power, int(like.sum()))
    table = pd.DataFrame({"effect": sizes, "power": power, "low": low, "high": high})
    none = _found(pairs, rule.scales, sign, 0.0, rule.level)
    return RulePower(table, int(like.sum()), float(none.mean()))


def _wilson(share: NDArray[np.float64], n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    z = 1.959963984540054
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def _found(
    pairs: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
    scales: tuple[str, ...],
    sign: float,
    size: float,
    level: float,
) -> NDArray[np.bool_]:
    """Whether the rule finds an effect of this size in each unit (n,)."""
    found = np.ones(len(pairs[0][0]), dtype=bool)
    for before, after in pairs:
        raised = after + sign * size
        for scale in scales:
            change = np.log(after / before) if scale == "log" else after - before
            with np.errstate(invalid="ignore", divide="ignore"):
                own = np.log(raised / before) if scale == "log" else raised - before
            found &= _placebo_p(change, own) <= level
            found &= sign * (own - (change.sum() - change) / (len(change) - 1)) > 0
    return found


def _placebo_p(change: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Placebo p-value of each unit in turn when its change is ``own`` and the others' are ``change``.

    A two-by-two estimate is proportional to the distance from the mean of all, so units are ordered
    by that distance.
    """
    n = len(change)
    mean = (change.sum() - change + own) / n
    distance = np.abs(own - mean)
    others = np.abs(change[None, :] - mean[:, None])
    np.fill_diagonal(others, np.inf)
    out: NDArray[np.float64] = (others >= distance[:, None] * (1 - _TIE)).sum(axis=1) / n
    # a fall to zero or below has no logarithm and no p-value
    return np.where(np.isfinite(own), out, np.inf)
