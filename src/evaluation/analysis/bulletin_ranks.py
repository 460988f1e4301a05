"""Places ranked by improvement, with confidence sets for their ranks; earlier bulletins; other choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.analysis.bulletin import FEWEST_PLACES, BulletinCase
from evaluation.errors import DesignError, EstimationError
from evaluation.inference import (
    Autocorrelation,
    RankSets,
    Season,
    improvements,
    moving_stretches,
    rank_sets,
    stretch_autocorrelation,
)
from evaluation.inference.stretches import REFUSE_ABOVE, WIDEN_ABOVE
from evaluation.study.bulletin import Measure

FloatArray = NDArray[np.float64]
POOLED = (1, 3, 6, 12)
__all__ = [
    "FEWEST_PLACES",
    "REFUSE_ABOVE",
    "WIDEN_ABOVE",
    "Choices",
    "MonthRanking",
    "all_rankings",
    "earlier_bulletins",
    "month_ranking",
    "monthly_series",
    "other_choices",
    "several_months",
]


@dataclass(frozen=True, eq=False)
class MonthRanking:
    """Places ranked by one measure in one month.

    Attributes
    ----------
    month : pandas.Period
    measure : Measure
    scale : {"percent", "level"}
    table : pandas.DataFrame
        A row a place, the most improved first: ``place, before, after, change`` (in units), ``percent``
        (change in percent; NaN for a count), ``improvement`` (what is ranked: log points or units, larger is
        better), ``rank``, ``low, high`` (its rank set).
    sets : RankSets
        In the order of ``table``.
    errors : ndarray (n, n)
        Standard deviation of the difference of two places' improvements, in the order of ``table``.
    p_equal : float
        How often places that all improve alike show a largest difference as large as this one's.
    left_out : tuple of str
        Places that lack the month, or the same month of the year before.
    autocorrelation : Autocorrelation
        How much of a part of a month is left in the next, and whether the sets are widened for it.
    """

    month: pd.Period
    measure: Measure
    scale: str
    table: pd.DataFrame = field(repr=False)
    sets: RankSets = field(repr=False)
    errors: FloatArray = field(repr=False)
    p_equal: float
    left_out: tuple[str, ...]
    autocorrelation: Autocorrelation

    @property
    def first(self) -> tuple[str, ...]:
        """The place named first; several when they are equal."""
        return tuple(self.table.loc[self.table["rank"] == 1, "place"])

    @property
    def could_be_first(self) -> tuple[str, ...]:
        """Places whose rank set holds 1, those named first among them."""
        return tuple(self.table.loc[self.table["low"] == 1, "place"])

    @property
    def told(self) -> dict[str, tuple[str, ...]]:
        """Places that are told to lie above others, the best first, each with those others."""
        place = self.table["place"].to_numpy(dtype=object)
        above = {place[i]: tuple(place[row]) for i, row in enumerate(self.sets.above)}
        return {better: worse for better, worse in above.items() if worse}

    def behind(self) -> pd.DataFrame:
        """How far each place is behind the first one, with intervals that hold for all pairs at once.

        Returns
        -------
        pandas.DataFrame
            ``place, estimate, ci_low, ci_high``: by percent, the further change in percent that would make up
            for it; else units. An interval above 0 says that the place is told to be behind.
        """
        value = self.table["improvement"].to_numpy()
        gap, half = value[0] - value[1:], self.sets.critical * self.errors[0, 1:]
        columns = {"estimate": gap, "ci_low": gap - half, "ci_high": gap + half}
        if self.scale == "percent":
            sign = 1.0 if self.measure.better == "higher" else -1.0
            columns = {name: 100 * sign * np.expm1(sign * column) for name, column in columns.items()}
        return pd.DataFrame({"place": self.table["place"].to_numpy()[1:], **columns})

    @property
    def n(self) -> int:
        """Places that were ranked."""
        return len(self.table)

    @property
    def needed(self) -> float:
        """Middle difference at which two places are told apart, in the unit of ``improvement``."""
        first, second = np.triu_indices(self.n, k=1)
        critical = self.sets.critical
        return (
            float(np.median(critical * self.errors[first, second])) if np.isfinite(critical) else float("nan")
        )

    @property
    def needed_points(self) -> float:
        """`needed` in percentage points around the middle change; for a level, `needed` itself."""
        if self.scale != "percent":
            return self.needed
        sign = 1.0 if self.measure.better == "higher" else -1.0
        middle = np.exp(sign * float(np.median(self.table["improvement"])))
        return float(100 * middle * 2 * np.sinh(self.needed / 2))


@dataclass(frozen=True)
class Choices:
    """How chance is measured, where it differs from the study file."""

    window: int | None = None
    season: int | None = None
    level: float | None = None


def month_ranking(
    case: BulletinCase,
    measure: str | None = None,
    scale: str | None = None,
    month: pd.Period | None = None,
    choices: Choices | None = None,
) -> MonthRanking:
    """Rank the places by one measure in one month.

    Parameters
    ----------
    case : BulletinCase
    measure, scale : str, optional
        Those that lead the study when absent.
    month : pandas.Period, optional
        The bulletin's month when absent.
    choices : Choices, optional

    Raises
    ------
    DesignError
        Fewer than three places have the month and the same month of the year before.
    EstimationError
        The record does not say how far a month strays by chance: it is too short, or its parts resemble
        each other too much.
    """
    wanted = case.study.bulletin
    chosen = case.study.outcome(measure or wanted.measure)
    scale, month = scale or wanted.scale, case.month if month is None else month
    values, draws, keep, serial = _compared(case, chosen, scale, month, choices or Choices())
    figures = _figures(case, chosen, month, keep)
    # the best first; equals by name, so that the order is the same everywhere
    order = np.lexsort((figures["place"].to_numpy(dtype=str), -values))
    values, draws = values[order], draws[:, order]
    sets = rank_sets(values, draws, level=(choices.level if choices else None) or wanted.level)
    return MonthRanking(
        month=month,
        measure=chosen,
        scale=scale,
        table=figures.iloc[order]
        .reset_index(drop=True)
        .assign(improvement=values, rank=sets.ranks, low=sets.low, high=sets.high),
        sets=sets,
        errors=_errors(draws - values),
        p_equal=_p_equal(values, draws - values),
        left_out=tuple(place for place, kept in zip(case.places, keep, strict=True) if not kept),
        autocorrelation=serial,
    )


def all_rankings(case: BulletinCase) -> dict[tuple[str, str], MonthRanking]:
    """The month ranked by every measure that enough places have, on every scale of it.

    A measure whose record does not say how far it strays by chance is left out as well.

    Raises
    ------
    DesignError, EstimationError
        The leading measure is one of these.
    """
    found: dict[tuple[str, str], MonthRanking] = {}
    for item in case.study.outcomes:
        for scale in item.scales:
            try:
                found[item.id, scale] = month_ranking(case, item.id, scale)
            except (DesignError, EstimationError):
                if item.id == case.study.bulletin.measure:
                    raise
    return found


def earlier_bulletins(case: BulletinCase) -> tuple[MonthRanking, ...]:
    """The leading ranking of this and the months before, this one last."""
    return tuple(month_ranking(case, month=month) for month in case.history)


def other_choices(case: BulletinCase) -> dict[str, MonthRanking | None]:
    """The leading ranking when chance is measured otherwise: see `Choices`; None where it cannot be."""
    parts, chance = case.study.data.parts, case.study.chance
    found: dict[str, MonthRanking | None] = {"study": month_ranking(case)}
    for name, choices in (
        ("shorter", Choices(window=max(chance.window - 2 * parts, parts + 2))),
        ("longer", Choices(window=chance.window + 2 * parts)),
        ("all_year", Choices(season=6 * parts)),
        ("level_90", Choices(level=0.9)),
    ):
        try:
            found[name] = month_ranking(case, choices=choices)
        except EstimationError:
            found[name] = None
    return found


def several_months(case: BulletinCase, counts: Sequence[int] = POOLED) -> pd.DataFrame:
    """How many places are told apart when the improvements of several months are averaged.

    Parameters
    ----------
    case : BulletinCase
    counts : sequence of int
        Months up to the bulletin's; more than there are is left out.

    Returns
    -------
    pandas.DataFrame
        ``months, first`` (place named first), ``could_be_first, places, told_apart, pairs``.
    """
    wanted = case.study.bulletin
    measure = case.study.outcome(wanted.measure)
    upto = [month for month in case.months if month <= case.month]
    rows = []
    for count in counts:
        months = upto[-count:]
        if len(months) < count or (months[-1] - months[0]).n + 1 != count:
            continue
        parts = [_compared(case, measure, wanted.scale, month, Choices()) for month in months]
        keep = np.asarray(np.logical_and.reduce([kept for _, _, kept, _ in parts]))
        if keep.sum() < FEWEST_PLACES:
            continue
        own = [values[keep[kept]] for values, _, kept, _ in parts]
        drawn = [draws[:, keep[kept]] for _, draws, kept, _ in parts]
        values = np.mean(own, axis=0)
        # autocorrelated months stray together
        together = max(serial.together(case.study.data.parts, count) for *_, serial in parts)
        draws = values + together * (np.mean(drawn, axis=0) - values)
        sets = rank_sets(values, draws, level=wanted.level)
        places = np.array(case.places)[keep]
        rows.append(
            {
                "months": count,
                "first": str(places[int(np.argmax(values))]),
                "could_be_first": int((sets.low == 1).sum()),
                "places": int(keep.sum()),
                "told_apart": sets.distinguishable_pairs,
                "pairs": sets.pairs,
            }
        )
    return pd.DataFrame(rows)


def monthly_series(case: BulletinCase, measure: str | None = None, months: int = 25) -> pd.DataFrame:
    """A measure by month up to the bulletin's: a row a month, a column a place."""
    values = case.stretches(measure or case.study.bulletin.measure).values
    start = max(case.first, case.month - months + 1)
    wanted = pd.period_range(start, case.month, freq="M")
    rows = [values[case.row(month)] for month in wanted]
    return pd.DataFrame(rows, index=wanted, columns=list(case.places))


def _compared(
    case: BulletinCase, measure: Measure, scale: str, month: pd.Period, choices: Choices
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_], Autocorrelation]:
    """Improvements, the same in resamples, which places have them, and the autocorrelation of the record."""
    stretches, chance = case.stretches(measure), case.study.chance
    at, ago = case.row(month), case.row(month - 12)
    keep = case.ranked(measure, month)
    if keep.sum() < FEWEST_PLACES:
        raise DesignError(
            f"{int(keep.sum())} places have {measure.column} in {month} and in {month - 12}",
            where=f"table {case.study.data.table}",
            expected=f"at least {FEWEST_PLACES} that have both months whole",
            fix="choose another month, or leave the measure out",
        )
    draws = case.study.bulletin.draws
    # of the month and the measure alone, so that a bulletin is the same whatever else is made beside it
    order = [item.id for item in case.study.outcomes].index(measure.id)
    rng = np.random.default_rng([case.study.seed, month.year, month.month, order])
    season = Season(
        place=case.place_in_year,
        cycle=12 * case.study.data.parts,
        at=int(case.place_in_year[at]),
        reach=chance.season if choices.season is None else choices.season,
    )
    record = stretches.stabilised[:, keep]
    length, window = case.study.data.parts, choices.window or chance.window
    try:
        serial = stretch_autocorrelation(record, length=length, window=window, season=season)
        deviations = [
            moving_stretches(record, length=length, window=window, draws=draws, rng=rng, season=season)
            for _ in range(2)
        ]
    except EstimationError as error:
        raise EstimationError(
            f"{measure.id}: {error.what}",
            where=f"table {case.study.data.table}",
            expected=error.expected,
            fix=error.fix or "add earlier months to the table",
        ) from None
    values, drawn = improvements(
        stretches.values[ago, keep],
        stretches.values[at, keep],
        (deviations[0], deviations[1]),
        scale="count" if measure.kind == "count" else "percent" if scale == "percent" else "level",
        better=measure.better,
        of=(stretches.of[ago, keep], stretches.of[at, keep]),
    )
    return values, drawn, keep, serial


def _figures(case: BulletinCase, measure: Measure, month: pd.Period, keep: NDArray[np.bool_]) -> pd.DataFrame:
    values = case.stretches(measure).values
    before, after = values[case.row(month - 12), keep], values[case.row(month), keep]
    percent = np.full(len(before), np.nan) if measure.kind == "count" else 100 * (after / before - 1)
    return pd.DataFrame(
        {
            "place": np.array(case.places)[keep],
            "before": before,
            "after": after,
            "change": after - before,
            "percent": percent,
        }
    )


def _errors(deviations: FloatArray) -> FloatArray:
    """Root mean square of the difference of two places' strays (n, n)."""
    square = deviations.T @ deviations / len(deviations)
    own = np.diag(square)
    return np.asarray(np.sqrt(np.maximum(own[:, None] + own[None, :] - 2 * square, 0)))


def _p_equal(values: FloatArray, deviations: FloatArray) -> float:
    """Share of resamples whose largest difference, in standard errors, is at least the observed one."""
    first, second = np.triu_indices(len(values), k=1)
    error = _errors(deviations)[first, second]
    usable = error > 0
    if not usable.any():
        return float("nan")
    first, second, error = first[usable], second[usable], error[usable]
    observed = (np.abs(values[first] - values[second]) / error).max()
    drawn = (np.abs(deviations[:, first] - deviations[:, second]) / error).max(axis=1)
    return float((1 + (drawn >= observed).sum()) / (1 + len(drawn)))
