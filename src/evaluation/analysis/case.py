"""A study with its data: checked once, before anything is estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.times import period_column, read_period, with_periods
from evaluation.design import Design
from evaluation.errors import DataError, DesignError, shortlist
from evaluation.panel import Panel, require_columns, require_variation
from evaluation.sources.manifest import TableInfo, read_table
from evaluation.study import Outcome, Pool, Study

FIRST_TREATED = "first_treated"


@dataclass(frozen=True, slots=True, eq=False)
class _PoolRows:
    """What a pool comes to in the data."""

    donors: tuple[str, ...]
    incomplete: Mapping[str, int]
    rows: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Case:
    """A study and its table, ready to be asked.

    Attributes
    ----------
    study : Study
    table : pandas.DataFrame
        Rows of the study's window, times as ``pandas.Period``.
    sources : tuple of TableInfo
        Every table read, with checksum and source.
    names : mapping of str to str
        English name of a unit; absent names fall back to the unit itself.
    annual : pandas.DataFrame, optional
        Yearly figures, where the study names a table of them.
    labels : pandas.DataFrame, optional
        What is known of each unit, where the study names a table of it.
    overrides : mapping
        Parameters that differ from the study file.
    root : Path
        The project folder.
    """

    study: Study
    table: pd.DataFrame = field(repr=False)
    sources: tuple[TableInfo, ...] = field(repr=False)
    names: Mapping[str, str] = field(repr=False)
    annual: pd.DataFrame | None = field(default=None, repr=False)
    labels: pd.DataFrame | None = field(default=None, repr=False)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    root: Path = field(default=Path(), repr=False)

    @property
    def simulated(self) -> bool:
        """Whether any table is simulated."""
        return any(source.simulated for source in self.sources)

    def name(self, unit: str, language: str) -> str:
        """A unit as readers of the language write it."""
        return self.names.get(unit, unit) if language == "en" else unit

    def period(self, date: str) -> pd.Period:
        """A date of the study file as a period of the data."""
        return read_period(date, self.study.data.frequency)

    @cached_property
    def treated(self) -> str:
        """The treated unit."""
        return self.study.treatment.unit

    def window(self, pool: str) -> tuple[pd.Period, pd.Period]:
        """First and last period in which a pool is compared."""
        chosen, data = self.study.pool(pool), self.study.data
        return self.period(chosen.start or data.start), self.period(chosen.end or data.end)

    def donors(self, pool: str) -> list[str]:
        """Comparison units of a pool with a complete record, sorted, without the treated one."""
        return list(self._pools[pool].donors)

    def incomplete(self, pool: str) -> dict[str, int]:
        """Units of a pool that are left out for want of periods: unit to periods with enough data."""
        return dict(self._pools[pool].incomplete)

    @cached_property
    def _pools(self) -> dict[str, _PoolRows]:
        """Every pool, found once: a page asks for them hundreds of times."""
        return {pool.id: self._find(pool.id) for pool in self.study.every_pool}

    def _find(self, pool: str) -> _PoolRows:
        frame, enough = self._in_window(pool)
        data, wanted = self.study.data, self._wanted(pool)
        seen = frame.loc[enough, data.unit].value_counts()
        needed = frame[data.time].nunique()
        incomplete = {unit: n for unit in sorted(wanted) if (n := int(seen.get(unit, 0))) != needed}
        donors = tuple(sorted(wanted - set(incomplete)))
        rows = frame[frame[data.unit].isin([self.treated, *donors])]
        return _PoolRows(donors, incomplete, rows)

    def _wanted(self, pool: str) -> set[str]:
        chosen = self.study.pool(pool)
        everyone = self.table[self.study.data.unit].unique() if chosen.units == "all" else chosen.units
        wanted = set(everyone) - {*chosen.exclude, self.treated}
        if chosen.where and self.labels is not None:
            fits = np.ones(len(self.labels), dtype=bool)
            for column, value in chosen.where.items():
                fits &= (self.labels[column].astype(str) == value).to_numpy()
            wanted &= set(self.labels.loc[fits, self.study.data.unit])
        return wanted

    def _in_window(self, pool: str) -> tuple[pd.DataFrame, pd.Series]:
        first, last = self.window(pool)
        data = self.study.data
        frame = self.table[(self.table[data.time] >= first) & (self.table[data.time] <= last)]
        enough = pd.Series(True, index=frame.index)
        if data.observed is not None and data.least is not None:
            enough = frame[data.observed] >= data.least
        return frame, enough

    def label(self, pool: str, language: str) -> str:
        """A pool in words, with the number of its units."""
        return self.study.pool(pool).label[language].format(count=len(self.donors(pool)))

    def rows(self, pool: str) -> pd.DataFrame:
        """Rows of the treated unit and of a pool, in the pool's window."""
        return self._pools[pool].rows.copy(deep=False)

    def panel(self, frame: pd.DataFrame, outcome: Outcome, scale: str, date: str) -> tuple[Panel, Design]:
        """Panel and design of one outcome on one scale with one treatment date.

        Parameters
        ----------
        frame : pandas.DataFrame
            Rows with the study's unit and time columns.
        outcome : Outcome
        scale : {"level", "log"}
        date : str

        Raises
        ------
        DesignError
            The logarithm of a value that is not positive.
        """
        data = self.study.data
        values = frame[outcome.column].astype("float64")
        if scale == "log":
            if (values <= 0).any():
                bad = frame.loc[values <= 0, [data.unit, data.time]]
                raise DesignError(
                    f"{outcome.column} is not positive in {len(bad)} rows, so it has no logarithm",
                    where=shortlist(f"{u} {t}" for u, t in bad.itertuples(index=False)),
                )
            values = pd.Series(np.log(values.to_numpy()), index=values.index)
        start = self.period(date)
        treated = frame[data.unit] == self.treated
        first = pd.array(
            [start if mine else pd.NaT for mine in treated], dtype=pd.PeriodDtype(data.frequency)
        )
        made = pd.DataFrame(
            {
                data.unit: frame[data.unit],
                data.time: frame[data.time],
                outcome.column: values,
                FIRST_TREATED: first,
            }
        )
        panel = Panel(made, unit=data.unit, time=data.time, frequency=data.frequency)
        return panel, Design(outcome=outcome.column, first_treated=FIRST_TREATED)


def prepare_one_place(study: Study, overrides: Mapping[str, Any], root: Path) -> Case:
    """Read the data of a study of one place and check that the question can be put.

    Parameters
    ----------
    study : Study
    overrides : mapping
        Dotted keys to values that replaced those of the file.
    root : Path
        The project folder.

    Returns
    -------
    Case

    Raises
    ------
    DataError
        The table is missing, corrupt, or lacks a column, a unit or a period.
    DesignError
        A date outside the data, or no donor left.
    """
    data = study.data
    frame, info = read_table(data.table, root / "data")
    columns = [data.unit, data.time, *dict.fromkeys(o.column for o in study.outcomes)]
    columns += [data.observed] if data.observed else []
    require_columns(frame, columns, table=f"table {data.table}")
    sources = [info]
    names: dict[str, str] = {}
    labels = None
    if data.labels:
        labels, label_info = read_table(data.labels, root / "data")
        asked = dict.fromkeys(column for pool in study.every_pool for column in pool.where)
        require_columns(labels, [data.unit, "name_en", *asked], table=f"table {data.labels}")
        names = dict(zip(labels[data.unit], labels["name_en"], strict=True))
        sources.append(label_info)
    annual = None
    if data.annual:
        annual, annual_info = read_table(data.annual, root / "data")
        needed = [data.unit, "year", *(o.column for o in study.outcomes)]
        require_columns(annual, needed, table=f"table {data.annual}")
        sources.append(annual_info)
    study, _ = with_periods(study, frame)
    data = study.data
    times = pd.PeriodIndex(period_column(frame, data.time, data.frequency, data.table))
    frame = frame.assign(**{data.time: times})
    rows = _window(frame, study, times)
    case = Case(study, rows, tuple(sources), names, annual, labels, dict(overrides or {}), root)
    for outcome in study.outcomes:
        require_variation(
            rows[outcome.column], outcome.column, f"table {data.table}, {data.start} to {data.end}"
        )
    _check_units(case)
    _check_dates(case)
    return case


def _window(frame: pd.DataFrame, study: Study, times: pd.PeriodIndex) -> pd.DataFrame:
    data = study.data
    first, last = times.min(), times.max()
    start, end = (read_period(x, data.frequency) for x in (data.start, data.end))
    if start < first or end > last:
        raise DesignError(
            f"the window {start} to {end} reaches outside the data",
            where="data.start, data.end",
            expected=f"dates from {first} to {last}",
            fix="shorten the window in the study file",
        )
    return frame[(times >= start) & (times <= end)].reset_index(drop=True)


def _placed(study: Study) -> list[tuple[str, Pool]]:
    """Every pool with its place in the study file."""
    page = [(f"pools.{i}", pool) for i, pool in enumerate(study.pools)]
    return [*page, *((f"choices.pools.{i}", pool) for i, pool in enumerate(study.choices.pools))]


def _check_units(case: Case) -> None:
    study = case.study
    known = set(case.table[study.data.unit])
    if case.treated not in known:
        raise DesignError(
            f"the treated unit {case.treated!r} is not in the table",
            where=f"treatment.unit; table {study.data.table}",
            expected=f"one of {shortlist(sorted(known), 20)}",
            fix="write the name as the table does",
        )
    for place, pool in _placed(study):
        absent = [] if pool.units == "all" else [unit for unit in pool.units if unit not in known]
        if absent:
            raise DesignError(
                f"the pool {pool.id!r} names units that are not in the table: {shortlist(absent)}",
                where=f"{place}.units; table {study.data.table}",
                fix="write the names as the table does, or leave them out",
            )
        if not case.donors(pool.id):
            raise DesignError(
                f"no donor is left in the pool {pool.id!r}",
                where=f"{place}; {len(case.incomplete(pool.id))} units were left out for want of data",
                expected="at least one unit beside the treated one",
                fix="add units or shorten 'exclude'",
            )
        _check_treated(case, pool.id, place)


def _check_treated(case: Case, pool: str, place: str) -> None:
    data = case.study.data
    rows = case.rows(pool)
    ours = rows[rows[data.unit] == case.treated]
    short = ours[ours[data.observed] < data.least] if data.observed and data.least else ours.iloc[:0]
    if len(ours) == rows[data.time].nunique() and short.empty:
        return
    raise DataError(
        f"the record of the treated unit {case.treated} is not complete",
        where=f"table {data.table}; periods {shortlist(short[data.time])}; {place}",
        expected="every period of the window, with enough observations",
        fix="shorten start or end in the study file, or complete the table",
    )


def _check_dates(case: Case) -> None:
    study = case.study
    data = study.data
    windows = {"data": (case.period(data.start), case.period(data.end))}
    windows |= {place: case.window(pool.id) for place, pool in _placed(study)}
    first, last = max(w[0] for w in windows.values()), min(w[1] for w in windows.values())
    for name, (start, end) in windows.items():
        if start < windows["data"][0] or end > windows["data"][1] or start > end:
            raise DesignError(
                f"the window {start} to {end} of a pool reaches outside the study's",
                where=f"{name}.start, {name}.end",
                expected=f"dates from {data.start} to {data.end}",
            )
    dated = [("treatment.date", study.treatment.date)] + [
        (f"treatment.alternatives.{i}.date", item.date) for i, item in enumerate(study.treatment.alternatives)
    ]
    for place, date in dated:
        if not first < case.period(date) <= last:
            raise DesignError(
                f"the treatment date {date} leaves no period before it or none after it",
                where=place,
                expected=f"a date after {first} and up to {last}",
                fix="choose a date inside the window of the data",
            )
    years = set(case.table[data.time].dt.year)
    for place, year in _years_named(study):
        if year not in years:
            raise DesignError(
                f"the year {year} is outside the data",
                where=place,
                expected=f"a year from {min(years)} to {max(years)}",
            )


def _years_named(study: Study) -> list[tuple[str, int]]:
    named = [
        ("headline.years.before", study.headline.years.before),
        ("headline.years.after", study.headline.years.after),
    ]
    for claim in study.claims:
        for key, year in (("year", claim.year), ("baseline", claim.baseline)):
            if year is not None:
                named.append((f"claims.{claim.id}.{key}", year))
    return named
