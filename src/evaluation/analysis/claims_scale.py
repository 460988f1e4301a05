"""Claimed changes and what is left of them after the comparison, all as percentages."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from evaluation.analysis.change import change_test, year_table
from evaluation.analysis.ledger_data import Entry, LedgerCase

_NO_ACHIEVEMENT = {"rule", "plan", "formula"}
_NO_PERCENTAGE = {"places_up", "points"}


def one_scale(case: LedgerCase) -> pd.DataFrame:
    """Every claimed change that can be written as a percentage and has a better direction.

    A change in units counts when the source's own figures give the level before (`check_identities`). What is
    left is ``100 (exp(d) - 1)``, with ``d`` the difference in differences of logarithms against the pool
    of the study's rule.

    Parameters
    ----------
    case : LedgerCase

    Returns
    -------
    pandas.DataFrame
        ``claim, system, better, claimed, found, left, ci_low, ci_high, p_value, peers``; percent; NaN
        where there are no data. Those with data first, then in the order of the ledger.
    """
    rows = [row for entry in case.entries if (row := _row(case, entry)) is not None]
    frame = pd.DataFrame(rows)
    return frame.sort_values("left", key=lambda left: left.isna(), kind="stable", ignore_index=True)


def _row(case: LedgerCase, entry: Entry) -> dict[str, Any] | None:
    claim = entry.claim
    if claim.better is None or claim.because in _NO_ACHIEVEMENT or claim.unit in _NO_PERCENTAGE:
        return None
    if claim.kind == "relative_change":
        claimed = claim.value
    elif claim.kind == "change":
        before = next((rule.value for rule in entry.rules if rule.rule == "before"), math.nan)
        claimed = 100 * claim.value / before
    else:
        return None
    row: dict[str, Any] = {
        "claim": claim.id,
        "system": claim.system,
        "better": claim.better,
        "claimed": claimed,
        **dict.fromkeys(("found", "left", "ci_low", "ci_high", "p_value"), math.nan),
        "peers": 0,
    }
    return row | _evidence(entry)


def _evidence(entry: Entry) -> dict[str, Any]:
    """The same change in the study's data, and what is left beyond the study's pool."""
    if entry.case is None or not entry.check.tests:
        return {}
    study = entry.case.study
    theirs = next(item for item in study.claims if item.id == entry.claim.id)
    assert theirs.outcome is not None
    assert theirs.baseline is not None
    assert theirs.year is not None
    table = year_table(entry.case, theirs.outcome)
    own: Any = table.values.loc[entry.case.treated_unit]
    test = change_test(entry.case, table, theirs.baseline, theirs.year, study.rule.pool, "log")
    low, high, _ = test.interval(0.95)
    return {
        "found": 100 * float(own[theirs.year] / own[theirs.baseline] - 1),
        "left": 100 * math.expm1(test.estimate),
        "ci_low": 100 * math.expm1(low),
        "ci_high": 100 * math.expm1(high),
        "p_value": test.p_value,
        "peers": len(entry.case.donors(study.rule.pool)),
    }
