"""The result file of a bulletin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from evaluation.analysis.bulletin import BulletinCase
from evaluation.analysis.bulletin_ranks import MonthRanking
from evaluation.analysis.record import ResultFile, opening

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
    content = {
        **opening(case, answer),
        "bulletin": {
            "month": str(case.month),
            "measure": wanted.measure,
            "scale": wanted.scale,
            "level": wanted.level,
            "fixed_on": wanted.fixed_on,
            "rankings": [_summary(ranking) for ranking in rankings.values()],
            "history": [_summary(ranking) for ranking in history],
        },
        "estimates": [
            _estimate(ranking, row)
            for ranking in rankings.values()
            for row in ranking.table.to_dict("records")
        ],
        "claims": [],
        "diagnostics": [],
    }
    return ResultFile(content)


def _summary(ranking: MonthRanking) -> dict[str, Any]:
    return {
        "month": str(ranking.month),
        "measure": ranking.measure.id,
        "scale": ranking.scale,
        "first": list(ranking.first),
        "could_be_first": list(ranking.could_be_first),
        "places": ranking.n,
        "told_above": {better: list(worse) for better, worse in ranking.told.items()},
        "pairs_told_apart": ranking.sets.told_apart,
        "pairs": ranking.sets.pairs,
        "difference_needed": _clean(ranking.needed_points),
        "p_all_alike": _clean(ranking.p_equal),
        "left_out": list(ranking.left_out),
        "autocorrelation": {
            "correlation": _clean(ranking.autocorrelation.correlation),
            "std_error": _clean(ranking.autocorrelation.error),
            "widened_by": _clean(ranking.autocorrelation.factor),
        },
    }


def _estimate(ranking: MonthRanking, row: Mapping[Any, Any]) -> dict[str, Any]:
    percent = ranking.scale == "percent"
    return {
        "outcome": ranking.measure.id,
        "unit": "percent" if percent else ranking.measure.unit.en,
        "estimator": "difference from the same month of the year before",
        "estimand": f"change of {row['place']} from {ranking.month - 12} to {ranking.month}",
        "scale": ranking.scale,
        "place": row["place"],
        "before": _clean(row["before"]),
        "after": _clean(row["after"]),
        "estimate": _clean(row["percent"] if percent else row["change"]),
        "std_error": None,
        "ci_low": None,
        "ci_high": None,
        "p_value": None,
        "rank": int(row["rank"]),
        "rank_low": int(row["low"]),
        "rank_high": int(row["high"]),
        "inference": f"rank set, {100 * ranking.sets.level:g} % for all places; {NO_INTERVAL}",
        "n_units": ranking.n,
        "n_periods": 2,
        "n_treated": 0,
    }


def _clean(value: Any) -> float | int | None:
    # no more digits than any machine agrees on
    number = float(f"{float(value):.12g}")
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


__all__ = ["NO_INTERVAL", "bulletin_result"]
