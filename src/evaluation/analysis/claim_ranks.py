"""Is the place first? Its rank by each measure, by percentage and by amount, and how far chance moves it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.analysis.change import year_table
from evaluation.analysis.ledger import ranks
from evaluation.analysis.ledger_data import LedgerCase
from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.errors import DataError
from evaluation.inference import RankSets, rank_sets

FloatArray = NDArray[np.float64]


def claimed_ranks(case: LedgerCase) -> pd.DataFrame:
    """Every claimed rank beside the rank that the data give, by each way of counting.

    Parameters
    ----------
    case : LedgerCase

    Returns
    -------
    pandas.DataFrame
        ``claim, study, outcome, of, claimed, by_rate, by_change, rate, first, first_rate, low, high, told``:
        ranks by percentage and by absolute change, the place's rate, the place that is first by rate with its
        own, the 95 % confidence set for the rank by rate (NaN where the record within the year does not hold
        the outcome), and how many of the pairs of places are told apart.
    """
    rows: list[dict[str, Any]] = []
    rng = np.random.default_rng(case.study.seed)
    for entry in case.entries:
        if entry.case is None or entry.claim.kind != "rank":
            continue
        theirs = next(item for item in entry.case.study.claims if item.id == entry.claim.id)
        if theirs.outcome is None or theirs.pool is None or theirs.baseline is None or theirs.year is None:
            continue
        rule = entry.case.study.rule
        names = rule.outcomes if theirs.outcome in rule.outcomes else (theirs.outcome,)
        for name in names:
            values = year_table(entry.case, name)
            table, by_change = (
                ranks(entry.case, values, theirs.baseline, theirs.year, theirs.pool, way)
                for way in ("rate", "change")
            )
            sign = 1 if entry.case.study.outcome(name).better == "higher" else -1
            place, units = entry.case.treated_unit, sorted(table.index)
            sets = _sets(case, entry.case, name, (theirs.baseline, theirs.year), units, sign, rng)
            at = None if sets is None else units.index(place)
            rows.append(
                {
                    "claim": entry.claim.id,
                    "study": entry.claim.study,
                    "outcome": name,
                    "of": len(table),
                    "claimed": int(entry.claim.value),
                    "by_rate": int(table["rank"][place]),
                    "by_change": int(by_change["rank"][place]),
                    "rate": float(table["rate"][place]),
                    "first": table.index[0],
                    "first_rate": float(table["rate"].iloc[0]),
                    "low": np.nan if sets is None or at is None else float(sets.low[at]),
                    "high": np.nan if sets is None or at is None else float(sets.high[at]),
                    "told": np.nan if sets is None else sets.distinguishable_pairs / sets.pairs,
                }
            )
    return pd.DataFrame(rows)


def _sets(
    case: LedgerCase,
    place: StaggeredCase,
    outcome: str,
    years: tuple[int, int],
    units: list[str],
    sign: int,
    rng: np.random.Generator,
) -> RankSets | None:
    """Confidence sets for the ranks of all places by their rate of change between two years."""
    chance = case.study.chance
    column = place.study.outcome(outcome).column
    if column not in case.chance.columns:
        return None
    before, after = (_year(case, column, year, units) for year in years)
    return rate_sets(before, after, chance.block, chance.draws, sign, rng)


def rate_sets(
    before: FloatArray, after: FloatArray, block: int, draws: int, sign: int, rng: np.random.Generator
) -> RankSets:
    """Confidence sets for the ranks of places by their rate of change between two years.

    Draws are stretched for what blocks of a short record leave out: by ``sqrt(T / (T - block))`` for the mean
    that is taken out, and each place's by ``sqrt(d / chi2_d)``, with d one less than the blocks of a year,
    because the size of its chance is itself estimated from so few.

    Parameters
    ----------
    before, after : ndarray (T, n)
        The parts of each year, by place.
    block : int
        Parts that are drawn together.
    draws : int
    sign : {1, -1}
        Sign of an improvement.
    rng : numpy.random.Generator

    Returns
    -------
    RankSets
    """
    values = sign * (after.mean(axis=0) / before.mean(axis=0) - 1)
    deviations = sign * _redrawn(before, after, block, draws, rng) - values
    periods, degrees = len(before), max(len(before) // block - 1, 1)
    stretch = np.sqrt(degrees / rng.chisquare(degrees, size=deviations.shape))
    return rank_sets(values, values + deviations * stretch * np.sqrt(periods / (periods - block)))


def _year(case: LedgerCase, column: str, year: int, units: list[str]) -> FloatArray:
    """The parts of a year (36,) by place (n,)."""
    chance, frame = case.study.chance, case.chance
    inside = frame[frame[chance.time].astype(str).str.startswith(f"{year}-")]
    wide = inside.pivot(index=[chance.time, chance.part], columns=chance.unit, values=column)
    absent = [unit for unit in units if unit not in wide.columns or wide[unit].isna().any()]
    if absent or wide.empty:
        raise DataError(
            f"the record within the year {year} is not complete for {', '.join(absent) or 'any place'}",
            where=f"table {chance.table}, column {column}",
            expected="every part of every month, for each place that is ranked",
        )
    return wide.sort_index()[units].to_numpy(dtype=float)


def _redrawn(
    before: FloatArray, after: FloatArray, block: int, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Rates of change (draws, n) when other parts of the year, in blocks, had been seen instead.

    Circular block bootstrap (Politis and Romano 1992): the same parts of both years and of all places are
    drawn together, so that the season and the weather that places share cancel.
    """
    periods = len(before)
    starts = rng.integers(periods, size=(draws, -(-periods // block)))
    chosen = ((starts[:, :, None] + np.arange(block)) % periods).reshape(draws, -1)[:, :periods]
    return np.asarray(after[chosen].mean(axis=1) / before[chosen].mean(axis=1) - 1)
