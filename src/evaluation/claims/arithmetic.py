"""Do the source's figures agree among themselves, within what rounding allows?

Each figure stands for all that round to it: 7.7 for 7.65 to 7.75. A rule is broken only when no choice of
such figures obeys it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import NormalDist

from evaluation.claims.entries import Claim, ClaimsFile, Identity

_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """What a rule makes of its claims.

    Attributes
    ----------
    id, rule : str
    claims : tuple of str
    value : float
        The implied figure: the total, the percentage, the earlier level, the share.
    low, high : float
        Its range, as rounding allows.
    stated : float
        What the source itself states for it; NaN where it states nothing.
    holds : bool or None
        Whether the range meets what is stated or what is possible; None where there is nothing to
        meet, and the figure is only implied.
    """

    id: str
    rule: str
    claims: tuple[str, ...]
    value: float
    low: float
    high: float
    stated: float
    holds: bool | None


def _sum(*values: float) -> float:
    return math.fsum(values)


def _percent_of_change(after: float, change: float) -> float:
    return 100 * change / (after - change)


def _before(after: float, change: float) -> float:
    return after - change


def _before_percent(after: float, percent: float) -> float:
    return after / (1 + percent / 100)


def _product(first: float, second: float) -> float:
    return 100 * ((1 + first / 100) * (1 + second / 100) - 1)


def _ratio(first: float, second: float) -> float:
    return (1 + first / 100) / (1 + second / 100)


def _percent_between(before: float, after: float) -> float:
    return 100 * (after / before - 1)


def _part(part: float, whole: float) -> float:
    return 100 * part / whole


_RULES: dict[str, Callable[..., float]] = {
    "sum": _sum,
    "growth": _percent_of_change,
    "before": _before,
    "before_percent": _before_percent,
    "product": _product,
    "ratio": _ratio,
    "percent_between": _percent_between,
    "part": _part,
}


def check_identities(ledger: ClaimsFile) -> tuple[IdentityCheck, ...]:
    """Put every rule of the file to its claims.

    Parameters
    ----------
    ledger : ClaimsFile

    Returns
    -------
    tuple of IdentityCheck
        In the order of the file.
    """
    return tuple(
        check_identity(rule, [ledger.claim(name) for name in rule.claims]) for rule in ledger.identities
    )


def check_identity(identity: Identity, claims: Sequence[Claim]) -> IdentityCheck:
    """One rule: the implied figure with its range, and whether it meets what is stated or possible.

    Every rule is monotone in each figure, so its extremes lie where every figure is at an end of its range.
    """
    used = claims[:2] if identity.rule == "growth" else claims
    calculate = _RULES[identity.rule]
    reached = [calculate(*ends) for ends in product(*(claim.range for claim in used))]
    low, high = min(reached), max(reached)
    stated, target = math.nan, None
    if identity.rule == "sum":
        assert identity.total is not None
        stated = identity.total
        target = (stated, stated)
    elif identity.rule == "growth":
        stated = claims[2].value
        target = claims[2].range
    elif identity.rule == "part":
        target = (0.0, 100.0)
    elif identity.within is not None:
        target = identity.within
    holds = None if target is None else low <= target[1] + _EDGE and high >= target[0] - _EDGE
    return IdentityCheck(
        id=identity.id,
        rule=identity.rule,
        claims=identity.claims,
        value=calculate(*(claim.value for claim in used)),
        low=low,
        high=high,
        stated=stated,
        holds=holds,
    )


def cases_needed(change: float, peers: int, *, level: float = 0.05, power: float = 0.8) -> int:
    """Cases a year at the start for a change in percent to be told from that of the peers.

    Counts are taken as Poisson, the most favourable case: real counts vary more, so this is the least.
    The log ratio of ratios has the variance 1/n + 1/(n r) + 2/(n k), with n cases a place in the first
    year, r = 1 + change/100 and k peers that do not change.

    Parameters
    ----------
    change : float
        In percent, above -100 and not 0.
    peers : int
        Comparison places of the same size.
    level, power : float
        Size of the two-sided test, and the chance to see such a change.

    Returns
    -------
    int
    """
    ratio = 1 + change / 100
    if ratio <= 0 or change == 0 or peers < 1:
        raise ValueError("a change above -100 percent and not 0, and at least one peer")
    z = NormalDist().inv_cdf(1 - level / 2) + NormalDist().inv_cdf(power)
    return math.ceil(z**2 * (1 + 1 / ratio + 2 / peers) / math.log(ratio) ** 2)


def spreads_needed(treated: int, peers: int, *, level: float = 0.05, power: float = 0.8) -> float:
    """Smallest effect that a comparison of changes can show, in standard deviations of a unit's change.

    ``(z_{1 - level/2} + z_power) sqrt(1/treated + 1/peers)``: units change independently of one another,
    and their spread is known. Both are favourable, so this is the least.

    Parameters
    ----------
    treated, peers : int
        Units with the measure and without it.
    level, power : float
        Size of the two-sided test, and the chance to see such an effect.

    Returns
    -------
    float
    """
    if treated < 1 or peers < 1:
        raise ValueError("at least one unit with the measure and one without it")
    z = NormalDist().inv_cdf(1 - level / 2) + NormalDist().inv_cdf(power)
    return z * math.sqrt(1 / treated + 1 / peers)
