"""The study's claims beside what the data give."""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd

from evaluation.analysis.change import YearTable, as_test, change_test, year_table
from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.claims import ClaimCheck, Test, compare
from evaluation.study.staggered_beside import Claim


def ranks(
    case: StaggeredCase, table: YearTable, before: int, after: int, pool: str, by: str = "rate"
) -> pd.DataFrame:
    """Units of a pool and the treated one, ranked by their improvement.

    Parameters
    ----------
    case : StaggeredCase
    table : YearTable
    before, after : int
    pool : str
    by : {"rate", "change"}
        By percentage or by absolute change.

    Returns
    -------
    pandas.DataFrame
        Index unit; ``before, after, change, rate, rank``, best first; equal ones share the better rank.
    """
    units = [case.treated_unit, *case.donors(pool)]
    values = table.values.loc[units]
    sign = 1 if table.outcome.better == "higher" else -1
    frame = pd.DataFrame({"before": values[before], "after": values[after]})
    frame["change"] = frame["after"] - frame["before"]
    frame["rate"] = frame["change"] / frame["before"]
    frame["rank"] = (sign * frame[by]).rank(ascending=False, method="min").astype(int)
    return frame.sort_values(["rank", "before"])


def check_years(case: StaggeredCase) -> tuple[ClaimCheck, ...]:
    """Every claim of a study that compares two years, with its verdicts by the study's rule."""
    return tuple(check_claim(case, claim) for claim in case.study.claims)


def check_claim(case: StaggeredCase, claim: Claim) -> ClaimCheck:
    """One claim, with its verdicts by the study's rule."""
    rule = case.study.rule
    found: float | None = None
    tests: tuple[Test, ...] = ()
    reason, direction = "", 1
    if claim.kind == "none":
        assert claim.needs is not None
        reason = claim.needs.en
    else:
        assert claim.outcome is not None
        assert claim.year is not None
        table = year_table(case, claim.outcome)
        direction = 1 if table.outcome.better == "higher" else -1
        found = _found(case, claim, table)
        if claim.kind == "level":
            reason = "a level by itself is not an effect; the change is tested"
        else:
            assert claim.baseline is not None
            tests = _tests(case, claim, claim.baseline, claim.year)
    return compare(
        claim.id,
        claim.value,
        claim.unit.en,
        found,
        tests,
        level=rule.level,
        direction=1 if direction > 0 else -1,
        rounding=claim.rounding,
        exact=claim.kind == "rank",
        simulated=case.simulated,
        reason=reason,
    )


def _found(case: StaggeredCase, claim: Claim, table: YearTable) -> float:
    treated: Any = table.values.loc[case.treated_unit]
    assert claim.year is not None
    if claim.kind == "level":
        return float(treated[claim.year])
    assert claim.baseline is not None
    change = float(treated[claim.year] - treated[claim.baseline])
    if claim.kind == "change":
        return change
    if claim.kind == "relative_change":
        return 100 * change / float(treated[claim.baseline])
    assert claim.pool is not None
    ranked = ranks(case, table, claim.baseline, claim.year, claim.pool, claim.by)
    rank: Any = ranked.loc[case.treated_unit, "rank"]
    return float(rank)


def _tests(case: StaggeredCase, claim: Claim, before: int, after: int) -> tuple[Test, ...]:
    """The tests of the rule: its own outcomes together, another outcome alone; on each scale."""
    rule = case.study.rule
    assert claim.outcome is not None
    names = rule.outcomes if claim.outcome in rule.outcomes else (claim.outcome,)
    tests = []
    for name, scale in product(names, rule.scales):
        table = year_table(case, name)
        tests.append(as_test(change_test(case, table, before, after, rule.pool, scale), name, scale))
    return tuple(tests)
