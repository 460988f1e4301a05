"""A study of many places with its data: read and checked once, before anything is estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.choice import Choice, choose_for
from evaluation.design import Design
from evaluation.errors import DesignError, shortlist
from evaluation.panel import Panel
from evaluation.periods import PER_YEAR
from evaluation.sources.manifest import TableInfo
from evaluation.sources.times import read_period, read_periods
from evaluation.study.base import Text
from evaluation.study.comparisons import Comparison, Date, Years
from evaluation.study.staggered import MAIN, POISSON, Outcome, StaggeredStudy

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
    annual : pandas.DataFrame, optional
        Yearly figures, where the study names a table of them.
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
    annual: pd.DataFrame | None = field(default=None, repr=False)

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
        if (outcome.id, dates) not in self._firsts:
            self._firsts[outcome.id, dates] = _first(self, outcome, dates)
        return self._firsts[outcome.id, dates]

    def treated(self, outcome: Outcome, dates: str | None = None) -> list[Any]:
        """Units that become treated within the window and are seen from then on, in order.

        The one unit of a study of two years is treated whatever its outcomes hold.
        """
        first = self.first(outcome, dates)
        within = self._starts_within(first)
        if not self.study.treatment.unit:
            within &= self._last_seen[outcome.column] >= first
        return first.index[within].tolist()

    def unseen(self, outcome: Outcome) -> list[Any]:
        """Units treated within the window that have no value from then on: they are left out."""
        first, kept = self.first(outcome), self.treated(outcome)
        return [unit for unit in first.index[self._starts_within(first)] if unit not in set(kept)]

    def _starts_within(self, first: pd.Series) -> pd.Series:
        """Whether a first treated period lies after the window's start and up to its end."""
        start, end = self.period(self.study.data.start), self.period(self.study.data.end)
        return (first > start) & (first <= end)

    @cached_property
    def _last_seen(self) -> dict[str, pd.Series]:
        """The last period with a value, NaT for none: by column, a series with the units in order."""
        unit, time = self.table[self.study.data.unit], self.table[self.study.data.time]
        return {
            column: time.where(self.table[column].notna()).groupby(unit).max().reindex(self.places.index)
            for column in dict.fromkeys(outcome.column for outcome in self.study.outcomes)
        }

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
        for column, value in comparison.where.items():
            out &= self.places[column].astype(str) == value
        names = out.index.astype(str)
        if comparison.units != "all":
            out &= names.isin(comparison.units)
        out &= ~names.isin(comparison.exclude)
        if comparison.neighbours == "drop":
            out &= self.near.isna()
        return out.index[out].tolist()

    @property
    def near(self) -> pd.Series:
        """First period from which an untreated unit may have been reached, NaT for none."""
        named, frequency = self.study.neighbours, self.study.data.frequency
        assert named is not None
        if named.column is not None:
            return read_periods(self.places[named.column], frequency)
        start = self.first(self.lead).min()
        reached = self.places.index.astype(str).isin(named.units)
        made = pd.array([start if one else pd.NaT for one in reached], dtype=pd.PeriodDtype(frequency))
        return pd.Series(made, index=self.places.index)

    @cached_property
    def places(self) -> pd.DataFrame:
        """The first row of every unit, index the unit: for columns that do not change."""
        unit = self.study.data.unit
        return self.table.drop_duplicates(unit).set_index(unit).sort_index()

    @cached_property
    def _firsts(self) -> dict[tuple[str, str | None], pd.Series]:
        """First treated periods by outcome and alternative, read once."""
        return {}

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
        frame = self._within(frame, comparison)
        starts = self.first(outcome, dates)
        when = starts.where(starts.isna() | (starts <= self.period(data.end)))
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
        year = PER_YEAR[self.study.data.frequency]
        usual = (-2 * year if year > 1 else -5, 3 * year if year > 1 else 5)
        low, high = self.study.treatment.window or usual
        each_side = self.study.design.periods(self.study.data.frequency)
        return (low, high) if each_side is None else (max(low, -each_side), min(high, each_side - 1))

    @cached_property
    def treated_unit(self) -> Any:
        """The treated unit, where there is one.

        Raises
        ------
        DesignError
            Not one unit is treated, or not at one date in all outcomes.
        """
        outcomes = self.study.outcomes
        starts = {(unit, self.first(one)[unit]) for one in outcomes for unit in self.treated(one)}
        if len(starts) != 1:
            raise DesignError(
                f"{len(starts)} units or dates of treatment, where one is asked about",
                where=shortlist(f"{unit} {when}" for unit, when in sorted(starts, key=str)),
                expected="one treated unit, at one date in all outcomes",
                fix="take [choices] and headline.years, which are of one treated unit, out of the study",
            )
        return starts.pop()[0]

    @cached_property
    def dates(self) -> tuple[Date, ...]:
        """The start of the one treated unit, then the other dates that could be argued for."""
        treatment, unit = self.study.treatment, self.treated_unit
        if treatment.unit:
            return treatment.dates
        kinds = [
            (None, treatment.event, treatment.why),
            *((one.id, one.label, one.why) for one in self.study.alternatives),
        ]
        starts = [(self.first(self.lead, dates)[unit], label, why) for dates, label, why in kinds]
        return tuple(
            Date.model_construct(date=str(when).split("/")[0], label=label, why=why)
            for when, label, why in starts
            if not pd.isna(when)
        )

    @property
    def years(self) -> Years:
        """The years compared: the study's, else the last before the start and the last there is."""
        start, end = self.period(self.dates[0].date), self.period(self.study.data.end)
        return self.study.headline.years or Years(before=start.year - 1, after=end.year)

    def span(self, pool: str | Comparison) -> tuple[pd.Period, pd.Period]:
        """First and last period in which a comparison, or the one with an id, is made."""
        chosen, data = self.study.comparison(pool) if isinstance(pool, str) else pool, self.study.data
        return self.period(chosen.start or data.start), self.period(chosen.end or data.end)

    def _within(self, frame: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
        (first, last), times = self.span(comparison), frame[self.study.data.time]
        return frame[(times >= first) & (times <= last)]

    def donors(self, pool: str) -> list[Any]:
        """Untreated units of a comparison with a complete record, sorted."""
        return list(self._complete(pool)[0])

    def incomplete(self, pool: str) -> dict[Any, int]:
        """Units of a comparison that are left out for want of periods: unit to periods with enough data."""
        return dict(self._complete(pool)[1])

    def donor_rows(self, pool: str) -> pd.DataFrame:
        """Rows of the one treated unit and of the donors of a comparison, in the comparison's span."""
        return self._complete(pool)[2].copy(deep=False)

    def _complete(self, pool: str) -> tuple[list[Any], dict[Any, int], pd.DataFrame]:
        """Donors, incomplete units and rows of a comparison, found once: a page asks for them often."""
        if pool not in self._completed:
            data, lead = self.study.data, self.lead.column
            frame = self._within(self.table, self.study.comparison(pool))
            # a period in which nobody's value is known is no gap in a unit's record
            enough = frame[lead].notna() | frame.groupby(data.time)[lead].transform("count").eq(0)
            if data.observed is not None and data.least is not None:
                enough &= frame[data.observed] >= data.least
            seen, needed = frame.loc[enough, data.unit].value_counts(), frame[data.time].nunique()
            units = sorted(self.controls(self.lead, self.study.comparison(pool)))
            short = {unit: n for unit in units if (n := int(seen.get(unit, 0))) != needed}
            donors = [unit for unit in units if unit not in short]
            rows = frame[frame[data.unit].isin([self.treated_unit, *donors])]
            self._completed[pool] = donors, short, rows
        return self._completed[pool]

    @cached_property
    def _completed(self) -> dict[str, tuple[list[Any], dict[Any, int], pd.DataFrame]]:
        return {}

    def label(self, pool: str, language: str) -> str:
        """A comparison in words, with the number of its donors."""
        return self.study.comparison(pool).label[language].format(count=len(self.donors(pool)))

    def measured(self, frame: pd.DataFrame, outcome: Outcome) -> pd.Series:
        """Values of an outcome; counts with an exposure are rates."""
        data, values = self.study.data, frame[outcome.column].astype("float64")
        return (
            data.per * values / frame[data.exposure] if data.exposure and outcome.model == "count" else values
        )

    def donor_panel(
        self, frame: pd.DataFrame, outcome: Outcome, scale: str, date: str
    ) -> tuple[Panel, Design]:
        """Panel and design of the one treated unit: an outcome on a scale with a treatment date.

        Parameters
        ----------
        frame : pandas.DataFrame
            Of `donor_rows`, or some of them.
        outcome : Outcome
        scale : {"level", "log"}
        date : str

        Raises
        ------
        DesignError
            The logarithm of a value that is not positive.
        """
        data = self.study.data
        frame = frame[frame.groupby(data.time)[outcome.column].transform("count") > 0]
        values = self.measured(frame, outcome)
        if scale == "log":
            self._log(frame, outcome.column)
            values = pd.Series(np.log(values.to_numpy()), index=values.index)
        start, treated = self.period(date), frame[data.unit] == self.treated_unit
        first = pd.array([start if own else pd.NaT for own in treated], dtype=pd.PeriodDtype(data.frequency))
        named = {
            data.unit: frame[data.unit],
            data.time: frame[data.time],
            outcome.column: values,
            FIRST: first,
        }
        panel = Panel(pd.DataFrame(named), unit=data.unit, time=data.time, frequency=data.frequency)
        return panel, Design(outcome=outcome.column, first_treated=FIRST)

    def with_treated(self, unit: Any) -> StaggeredCase:
        """The case with another unit in the treated one's position, which becomes a donor."""
        study, own = self.study, self.treated_unit
        undated: dict[str, Any] = {"first_treated": None, "switched_on": None, "units": {}}
        pools = []
        for pool in study.comparisons:
            units = pool.units
            if units != "all":
                units = tuple(str(name) for name in (*units, own) if str(name) != str(unit))
            elif not study.treatment.unit:
                others = (*self.controls(self.lead, pool), own)
                units = tuple(str(name) for name in others if name != unit)
            pools.append(pool.model_copy(update={"units": units}))
        treatment = {**undated, "unit": str(unit), "date": self.dates[0].date, "alternatives": self.dates[1:]}
        update = {
            "treatment": study.treatment.model_copy(update=treatment),
            "comparisons": tuple(pools),
            "outcomes": tuple(one.model_copy(update=undated) for one in study.outcomes),
        }
        return replace(self, study=study.model_copy(update=update))


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
    if named.starts:
        when = pd.Series(named.starts)
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
