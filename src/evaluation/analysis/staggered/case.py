"""A study of many places with its data: read and checked once, before anything is estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.choice import Choice, choose_for
from evaluation.design import Design
from evaluation.errors import DesignError, shortlist
from evaluation.panel import Panel
from evaluation.sources.manifest import TableInfo
from evaluation.sources.times import read_period, read_periods
from evaluation.study.base import Text
from evaluation.study.staggered import MAIN, POISSON, Comparison, Outcome, StaggeredStudy

VALUE, FIRST, EXPOSURE, CLUSTER, WEIGHT = "value", "first_treated", "exposure", "cluster", "weight"
LOG = "log "
MIX = "_mix"
"""Ending of the table of the item mix, beside a table by month that ends in ``_month``."""


@dataclass(frozen=True, eq=False)
class StaggeredCase:
    """A study and its table, ready to be asked.

    Attributes
    ----------
    study : StaggeredStudy
    table : pandas.DataFrame
        Rows of the study's window, times as ``pandas.Period``, the columns of the table of places merged in.
    before : pandas.DataFrame
        Rows of the table before the window: they tell who was treated earlier.
    sources : tuple of TableInfo
        Every table read, with checksum and source.
    names : mapping
        Language to a mapping of unit to its name.
    ending : pandas.Series, optional
        What shows why the record ends where it does, by period.
    overrides : mapping
        Parameters that differ from the study file.
    calendar : bool
        False where periods are numbers of no calendar, kept as the years 1, 2, 3 ...
    notes : tuple of Text
        What was taken for granted when the data were read, for the page to say.
    root : Path
        The project folder, from which whatever else the page shows is read, too.
    """

    study: StaggeredStudy
    table: pd.DataFrame = field(repr=False)
    before: pd.DataFrame = field(repr=False)
    sources: tuple[TableInfo, ...] = field(repr=False)
    names: Mapping[str, Mapping[Any, str]] = field(repr=False)
    ending: pd.Series | None = field(default=None, repr=False)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    root: Path = field(default=Path(), repr=False)
    calendar: bool = True
    notes: tuple[Text, ...] = ()

    @property
    def simulated(self) -> bool:
        """Whether any table is simulated."""
        return any(source.simulated for source in self.sources)

    @property
    def main(self) -> Comparison:
        """The comparison that leads: the first."""
        return self.study.comparisons[0]

    @property
    def lead(self) -> Outcome:
        """The outcome that leads the page."""
        return self.study.outcome(self.study.headline.outcome)

    @property
    def choice(self) -> Choice:
        """What the design chose for the leading outcome against the main comparison."""
        return self.chosen(self.lead)

    def chosen(self, outcome: Outcome, comparison: Comparison | None = None) -> Choice:
        """Estimator and inference for an outcome against a comparison, found from the design alone.

        The estimator is that against the main comparison, where it leads.
        """
        comparison = comparison or self.main
        if (outcome.id, comparison.id) not in self._choices:
            panel, design = self.panel(outcome, comparison)
            study = self.study
            found = choose_for(
                panel,
                design,
                model=outcome.model,
                usual=MAIN[outcome.model],
                exposure=study.data.exposure is not None,
                main=outcome.main,
                estimator=study.estimator,
                inference=study.inference,
                independent_rows=study.treatment.independent_rows,
            )
            if comparison.id != self.main.id:
                found = found.of(self.chosen(outcome).estimator)
            self._choices[outcome.id, comparison.id] = found
        return self._choices[outcome.id, comparison.id]

    @cached_property
    def _choices(self) -> dict[tuple[str, str], Choice]:
        return {}

    def leading(self, outcome: Outcome) -> str:
        """The estimator that leads for an outcome."""
        return self.chosen(outcome).estimator

    def name(self, unit: Any, language: str) -> str:
        """A unit as readers of the language write it."""
        return str(self.names.get(language, {}).get(unit, unit))

    def period(self, date: str) -> pd.Period:
        """A date of the study file as a period of the data."""
        return read_period(date, self.study.data.frequency)

    def first(self, outcome: Outcome, dates: str | None = None) -> pd.Series:
        """First treated period of every unit, NaT for never; index the units in order.

        Parameters
        ----------
        outcome : Outcome
        dates : str, optional
            Id of an alternative.
        """
        return self._firsts[outcome.id, dates]

    def treated(self, outcome: Outcome, dates: str | None = None) -> list[Any]:
        """Units that become treated within the window, in order."""
        first = self.first(outcome, dates)
        start, end = self.period(self.study.data.start), self.period(self.study.data.end)
        return first.index[(first > start) & (first <= end)].tolist()

    def already(self, outcome: Outcome, dates: str | None = None) -> list[Any]:
        """Units that were treated when the window begins: they show no change and are left out."""
        start = self.period(self.study.data.start)
        first = self.first(outcome, dates)
        return first.index[first <= start].tolist()

    def controls(self, outcome: Outcome, comparison: Comparison, dates: str | None = None) -> list[Any]:
        """Units of a comparison: not treated by the end of the window, the outcome known once, in order."""
        end = self.period(self.study.data.end)
        out = ~(self.first(outcome, dates) <= end)
        out &= self.table[outcome.column].notna().groupby(self.table[self.study.data.unit]).any()
        if dates is not None:
            # a unit whose usual date is set aside as doubtful is no comparison either
            out &= ~(self.first(outcome) <= end)
        if comparison.column is not None:
            out &= self.places[comparison.column].isin(list(comparison.values))
        if comparison.neighbours == "drop":
            out &= self.near.isna()
        return out.index[out].tolist()

    @property
    def near(self) -> pd.Series:
        """First period from which an untreated unit may have been reached, NaT for none."""
        assert self.study.neighbours is not None
        return read_periods(self.places[self.study.neighbours.column], self.study.data.frequency)

    @cached_property
    def places(self) -> pd.DataFrame:
        """The first row of every unit, index the unit: for columns that do not change."""
        unit = self.study.data.unit
        return self.table.drop_duplicates(unit).set_index(unit).sort_index()

    @cached_property
    def _firsts(self) -> dict[tuple[str, str | None], pd.Series]:
        """First treated periods by outcome and alternative, read once."""
        kinds = [None, *(item.id for item in self.study.alternatives)]
        return {(o.id, dates): _first(self, o, dates) for o in self.study.outcomes for dates in kinds}

    def rows(
        self, outcome: Outcome, comparison: Comparison | None = None, dates: str | None = None
    ) -> pd.DataFrame:
        """Complete rows of the treated units and of a comparison, with ``first_treated``."""
        comparison = comparison or self.main
        data = self.study.data
        kept = [*self.treated(outcome, dates), *self.controls(outcome, comparison, dates)]
        frame = self.table[self.table[data.unit].isin(kept)]
        needed = [outcome.column, *([data.exposure] if data.exposure and outcome.model == "count" else [])]
        frame = frame.dropna(subset=needed)
        first = self.first(outcome, dates)
        end = self.period(data.end)
        when = first.where(first.isna() | (first <= end))
        return frame.assign(**{FIRST: frame[data.unit].map(when).astype(pd.PeriodDtype(data.frequency))})

    def used(
        self, outcome: Outcome, comparison: Comparison | None = None, dates: str | None = None
    ) -> pd.DataFrame:
        """The rows that estimates use: of `rows`, those of treated units near their start, with a window.

        Event times from ``-k`` to ``k - 1`` are kept, with ``k`` the periods of ``design.window``: as many
        before the start as from it on. Units that are never treated keep all their rows.
        """
        frame = self.rows(outcome, comparison, dates)
        each_side = self.study.design.periods(self.study.data.frequency)
        if each_side is None:
            return frame
        start = frame[FIRST]
        event = frame[self.study.data.time].array.asi8 - start.array.asi8
        near = (event >= -each_side) & (event < each_side)
        return frame[start.isna().to_numpy() | near]

    def left_out(self, outcome: Outcome) -> int:
        """Rows of treated units that lie outside the window of the estimates."""
        return len(self.rows(outcome)) - len(self.used(outcome))

    def missing(self, outcome: Outcome, comparison: Comparison | None = None) -> int:
        """Unit-periods of the comparison's window without a value (or a row)."""
        comparison = comparison or self.main
        units = len(self.treated(outcome)) + len(self.controls(outcome, comparison))
        return units * self.table[self.study.data.time].nunique() - len(self.rows(outcome, comparison))

    def panel(
        self,
        outcome: Outcome,
        comparison: Comparison | None = None,
        *,
        counts: bool = False,
        dates: str | None = None,
        covariates: tuple[str, ...] | None = None,
        weights: str | None = None,
        frame: pd.DataFrame | None = None,
    ) -> tuple[Panel, Design]:
        """Panel and design of one outcome against one comparison.

        Parameters
        ----------
        outcome : Outcome
        comparison : Comparison, optional
            The main one when absent.
        counts : bool
            The counts themselves, for Poisson regression; else what linear estimators work on: rates for
            counts with an exposure, logarithms for the model "log".
        dates : str, optional
            Id of an alternative for the dates of treatment.
        covariates : tuple of str, optional
            Instead of the outcome's own.
        weights : str, optional
            Instead of the study's.
        frame : pandas.DataFrame, optional
            Rows instead of `used`.

        Raises
        ------
        DesignError
            A logarithm of what is not positive, or no unit left on one side.
        """
        study, data = self.study, self.study.data
        frame = self.used(outcome, comparison, dates) if frame is None else frame
        values = frame[outcome.column].astype("float64")
        made = {data.unit: frame[data.unit], data.time: frame[data.time], FIRST: frame[FIRST]}
        if data.exposure and outcome.model == "count":
            made[EXPOSURE] = frame[data.exposure].astype("float64")
        if outcome.model == "count" and not counts and data.exposure:
            values = data.per * values / made[EXPOSURE]
        if outcome.model == "log":
            values = self._log(frame, outcome.column)
        made[VALUE] = values
        if study.treatment.cluster:
            made[CLUSTER] = frame[study.treatment.cluster]
        names = []
        for i, name in enumerate(outcome.covariates if covariates is None else covariates):
            column = name.removeprefix(LOG)
            made[f"x{i}"] = self._log(frame, column) if name.startswith(LOG) else frame[column].astype(float)
            names.append(f"x{i}")
        weights = weights or study.treatment.weights
        if not counts and weights:
            made[WEIGHT] = frame[weights].astype("float64")
        elif not counts and EXPOSURE in made:
            made[WEIGHT] = made[EXPOSURE].groupby(frame[data.unit]).transform("mean")
        panel = Panel(pd.DataFrame(made), unit=data.unit, time=data.time, frequency=data.frequency)
        design = Design(
            outcome=VALUE,
            first_treated=FIRST,
            comparison=study.treatment.comparison,
            covariates=tuple(names),
            cluster=CLUSTER if study.treatment.cluster else None,
            weights=WEIGHT if WEIGHT in made else None,
            anticipation=study.treatment.anticipation,
        )
        return panel, design

    def _log(self, frame: pd.DataFrame, column: str) -> pd.Series:
        values = frame[column].astype("float64")
        if (values <= 0).any():
            data = self.study.data
            bad = frame.loc[values <= 0, [data.unit, data.time]]
            raise DesignError(
                f"{column} is not positive in {len(bad)} rows, so it has no logarithm",
                where=shortlist(f"{u} {t}" for u, t in bad.itertuples(index=False)),
                expected="values above 0",
                fix='leave these values empty in the table, or choose model = "level" or "count"',
            )
        return pd.Series(np.log(values.to_numpy()), index=values.index)

    def window(self) -> tuple[int, int]:
        """First and last event time of the paths."""
        year = {"Y": 1, "Q": 4, "M": 12, "W": 52, "D": 365}[self.study.data.frequency]
        usual = (-2 * year if year > 1 else -5, 3 * year if year > 1 else 5)
        low, high = self.study.treatment.window or usual
        each_side = self.study.design.periods(self.study.data.frequency)
        return (low, high) if each_side is None else (max(low, -each_side), min(high, each_side - 1))


def is_poisson(estimator: str) -> bool:
    """Whether an estimator works on the counts themselves."""
    return estimator in POISSON


def rate_of_count(outcome: Outcome, estimator: str) -> bool:
    """Whether an estimate of an outcome is of its rate, though effects on it are said in percent."""
    return outcome.model == "count" and not is_poisson(estimator)


def _first(case: StaggeredCase, outcome: Outcome, dates: str | None) -> pd.Series:
    study, data = case.study, case.study.data
    named = outcome if outcome.dated else study.treatment
    column = named.first_treated
    if dates is not None:
        column = next(item for item in study.alternatives if item.id == dates).column(outcome.id)
    if column is not None:
        values = case.places[column]
        return read_periods(values.mask(is_never(values, named.never)), data.frequency)
    if named.units:
        when = pd.Series(named.units)
        return read_periods(case.places.index.to_series().astype(str).map(when), data.frequency)
    assert named.switched_on is not None
    both = pd.concat([case.before, case.table])
    on = both[both[named.switched_on] == 1]
    first = on.groupby(data.unit)[data.time].min()
    return first.reindex(case.places.index).astype(pd.PeriodDtype(data.frequency))


def is_never(values: pd.Series, codes: tuple[str | int | float, ...]) -> pd.Series:
    """Whether a first treated period is a code for never: 0, or one that the study lists."""
    known = {"0", "0.0", *(str(code) for code in codes)}
    known |= {f"{float(code)}" for code in codes if not isinstance(code, str)}
    return values.astype(str).str.strip().isin(list(known))
