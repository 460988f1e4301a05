"""What happened, year by year: the treated place and the places beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.staggered.case import FIRST, StaggeredCase
from evaluation.claims import Test
from evaluation.design import Design
from evaluation.errors import DesignError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import RandomizationTest, randomization_test
from evaluation.panel import Panel
from evaluation.study.staggered import Outcome


@dataclass(frozen=True, eq=False)
class YearTable:
    """Yearly figures of one outcome.

    Attributes
    ----------
    outcome : Outcome
    values : pandas.DataFrame
        A row a unit, a column a complete year.
    """

    outcome: Outcome
    values: pd.DataFrame = field(repr=False)

    def change(self, before: int, after: int) -> pd.Series:
        """Change of each unit between two years."""
        return self.values[after] - self.values[before]


@dataclass(frozen=True, eq=False)
class Headline:
    """The claim's own comparison, with what the others did in the same years.

    Attributes
    ----------
    years : YearTable
    before, after : int
    treated_before, treated_after, change : float
        The treated unit, in units of the outcome.
    others_change : dict of str to float
        Mean change of each donor pool.
    tests : dict of str to RandomizationTest
        Difference of the changes, by pool.
    """

    years: YearTable
    before: int
    after: int
    treated_before: float
    treated_after: float
    others_change: dict[str, float]
    tests: dict[str, RandomizationTest]

    @classmethod
    def of(
        cls,
        case: StaggeredCase,
        years: YearTable,
        before: int,
        after: int,
        tests: dict[str, RandomizationTest],
    ) -> Headline:
        """What the tests of two years, by pool, say of the treated unit of a case."""
        treated: Any = years.values.loc[case.treated_unit]
        change = years.change(before, after)
        return cls(
            years=years,
            before=before,
            after=after,
            treated_before=float(treated[before]),
            treated_after=float(treated[after]),
            others_change={pool: float(change[case.donors(pool)].mean()) for pool in tests},
            tests=tests,
        )

    @property
    def change(self) -> float:
        """Change of the treated unit between the two years."""
        return self.treated_after - self.treated_before

    def difference(self, pool: str) -> float:
        """Change of the treated unit beyond the mean change of a pool."""
        return self.tests[pool].estimate


def year_table(case: StaggeredCase, outcome: Outcome | str) -> YearTable:
    """Yearly figures of an outcome: from the yearly table, else summed or averaged over complete years.

    Parameters
    ----------
    case : StaggeredCase
    outcome : Outcome or str
    """
    chosen = case.study.outcome(outcome) if isinstance(outcome, str) else outcome
    data = case.study.data
    if case.annual is not None:
        values = case.annual.pivot(index=data.unit, columns="year", values=chosen.column)
        return YearTable(chosen, values.rename_axis(columns=None))
    years = case.table[data.time].dt.year.rename("year")
    periods = {"Y": 1, "Q": 4, "M": 12}.get(data.frequency)
    grouped = case.measured(case.table, chosen).groupby([case.table[data.unit], years])
    values = (grouped.sum() if chosen.annual == "sum" else grouped.mean()).unstack()
    seen = case.table.groupby(years)[data.time].nunique()
    complete = [year for year in values.columns if periods is None or seen[year] == periods]
    values = values[complete].rename_axis(columns=None)
    values.columns = pd.Index([int(year) for year in values.columns])
    return YearTable(chosen, values)


def headline(case: StaggeredCase, outcome: str | None = None) -> Headline:
    """Compare the change that the claim speaks of with that of every donor pool.

    Parameters
    ----------
    case : StaggeredCase
    outcome : str, optional
        Id of the outcome; the study's headline outcome when absent.
    """
    study = case.study
    table = year_table(case, outcome or study.headline.outcome)
    before, after = case.years.before, case.years.after
    tests = {pool.id: change_test(case, table, before, after, pool.id) for pool in study.comparisons}
    return Headline.of(case, table, before, after, tests)


def change_test(
    case: StaggeredCase, table: YearTable, before: int, after: int, pool: str, scale: str = "level"
) -> RandomizationTest:
    """Difference in differences of two years, with every donor as a placebo; see `two_years`."""
    return randomization_test(TwoWayFixedEffects(), *two_years(case, table, before, after, pool, scale))


def two_years(
    case: StaggeredCase, table: YearTable, before: int, after: int, pool: str, scale: str = "level"
) -> tuple[Panel, Design]:
    """Panel and design of two years: the treated unit and the donors of a pool.

    Parameters
    ----------
    case : StaggeredCase
    table : YearTable
    before, after : int
    pool : str
    scale : {"level", "log"}
        ``"log"`` compares proportional changes, in log points.

    Raises
    ------
    DesignError
        A unit has no value in one of the years, or none that has a logarithm.
    """
    units = [case.treated_unit, *case.donors(pool)]
    values = table.values.loc[units, [before, after]]
    if not np.isfinite(values.to_numpy()).all():
        raise DesignError(f"{table.outcome.id} has no value for some units in {before} or {after}")
    if scale == "log":
        if (values <= 0).to_numpy().any():
            raise DesignError(f"{table.outcome.id} is zero for some units in {before} or {after}")
        values = pd.DataFrame(np.log(values.to_numpy()), index=values.index, columns=values.columns)
    long = pd.DataFrame(
        {
            "unit": np.repeat(values.index.to_numpy(), 2),
            "year": np.tile([before, after], len(values)),
            "value": values.to_numpy().ravel(),
        }
    )
    long[FIRST] = np.where(long["unit"] == case.treated_unit, float(after), np.nan)
    return Panel(long, unit="unit", time="year"), Design(outcome="value", first_treated=FIRST)


def as_test(test: RandomizationTest, outcome: str, scale: str, level: float = 0.95) -> Test:
    """A randomisation test as the ledger reads it."""
    low, high, _ = test.interval(level)
    return Test(test.estimate, low, high, test.p_value, f"{outcome}, {scale}", outcome, scale)
