"""The result file of a bulletin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from evaluation.analysis.bulletin import BulletinCase
from evaluation.analysis.bulletin_ranks import MonthRanking
from evaluation.analysis.estimate import Estimate, with_leads
from evaluation.analysis.results import ResultFile, collect

DIGITS = 12
"""Significant digits on which any machine agrees."""
NO_INTERVAL = "no interval: weather shared by all places is left out of chance"


def bulletin_result(
    case: BulletinCase,
    rankings: Mapping[tuple[str, str], MonthRanking],
    history: Iterable[MonthRanking],
    answer: Mapping[str, str] | None = None,
) -> ResultFile:
    """Collect a bulletin's numbers.

    Parameters
    ----------
    case : BulletinCase
    rankings : mapping of (measure, scale) to MonthRanking
        From `all_rankings`.
    history : iterable of MonthRanking
        From `earlier_bulletins`.
    answer : mapping, optional
        The answer in one sentence, by language.
    """
    wanted = case.study.bulletin
    rows = [
        _estimate(ranking, row) for ranking in rankings.values() for row in ranking.table.to_dict("records")
    ]
    return collect(
        case,
        with_leads(rows, lambda row: row.scale == wanted.scale),
        answer=answer,
        digits=DIGITS,
        bulletin={
            "month": str(case.month),
            "measure": wanted.measure,
            "scale": wanted.scale,
            "level": wanted.level,
            "fixed_on": wanted.fixed_on,
            "rankings": [_summary(ranking) for ranking in rankings.values()],
            "history": [_summary(ranking) for ranking in history],
        },
    )


def _summary(ranking: MonthRanking) -> dict[str, Any]:
    return {
        "month": str(ranking.month),
        "measure": ranking.measure.id,
        "scale": ranking.scale,
        "first": list(ranking.first),
        "could_be_first": list(ranking.could_be_first),
        "places": ranking.n,
        "told_above": {better: list(worse) for better, worse in ranking.told.items()},
        "pairs_told_apart": ranking.sets.distinguishable_pairs,
        "pairs": ranking.sets.pairs,
        "difference_needed": ranking.needed_points,
        "p_all_alike": ranking.p_equal,
        "left_out": list(ranking.left_out),
        "autocorrelation": {
            "correlation": ranking.autocorrelation.correlation,
            "std_error": ranking.autocorrelation.error,
            "widened_by": ranking.autocorrelation.factor,
        },
    }


def _estimate(ranking: MonthRanking, row: Mapping[Any, Any]) -> Estimate:
    percent = ranking.scale == "percent"
    return Estimate(
        outcome=ranking.measure.id,
        unit="percent" if percent else ranking.measure.unit.en,
        estimator="difference from the same month of the year before",
        estimand=f"change of {row['place']} from {ranking.month - 12} to {ranking.month}",
        scale=ranking.scale,
        value=row["percent"] if percent else row["change"],
        percent=row["percent"],
        inference=f"rank set, {100 * ranking.sets.level:g} % for all places; {NO_INTERVAL}",
        n_units=ranking.n,
        n_periods=2,
        n_treated=0,
        reason=NO_INTERVAL,
        more={
            "place": row["place"],
            "before": row["before"],
            "after": row["after"],
            "rank": row["rank"],
            "rank_low": row["low"],
            "rank_high": row["high"],
        },
    )


__all__ = ["NO_INTERVAL", "bulletin_result"]
