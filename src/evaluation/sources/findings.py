"""What a table shows of a question: its units, periods, who was treated when, and what is wrong with it.

Everything that the words of a study file rest on is told from the data here; what cannot be told is a
`CannotTell`, which names the option that tells it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from evaluation.errors import DataError, StudyError, shortlist
from evaluation.periods import FREQUENCIES
from evaluation.sources.files import not_numbers
from evaluation.sources.times import read_period, read_periods, tell_frequency

WORDS = {"Y": "years", "Q": "quarters", "M": "months", "W": "weeks", "D": "days"}
EXAMPLES = {"Y": "2016", "Q": "2016-Q1", "M": "2016-03", "W": "2016-W09", "D": "2016-03-07"}
_FORMS = {
    "Y": re.compile(r"\d{4}(-\d{2}(-\d{2})?)?\Z"),
    "Q": re.compile(r"(\d{4}[- ]?Q[1-4]|\d{4}-\d{2}(-\d{2})?)\Z", re.I),
    "M": re.compile(r"\d{4}-\d{1,2}(-\d{1,2})?\Z"),
    "W": re.compile(r"(\d{4}[- ]?W\d{1,2}|\d{4}-\d{2}-\d{2})\Z", re.I),
    "D": re.compile(r"\d{4}-\d{2}-\d{2}\Z"),
}
_COUNTED = re.compile(r"-?\d{1,4}\Z")


class CannotTell(StudyError):
    """What the data and the options leave open.

    Parameters
    ----------
    what : str
        The question.
    flag : str
        The option that answers it.
    choices : sequence of str
        Possible answers, as far as they can be listed.
    where : str, optional
    """

    def __init__(self, what: str, flag: str, choices: Sequence[str] = (), where: str | None = None) -> None:
        self.flag, self.choices = flag, tuple(choices)
        expected = f"one of {shortlist(choices, 30)}" if choices else None
        super().__init__(what, where=where, expected=expected, fix=f"give {flag}")

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.what, self.flag, self.choices, self.where)


@dataclass(frozen=True)
class Asked:
    """Columns of the table by what they are; treatment is one of the last three."""

    unit: str
    time: str
    outcomes: tuple[str, ...]
    frequency: str | None = None
    weights: str | None = None
    cluster: str | None = None
    covariates: tuple[str, ...] = ()
    exposure: str | None = None
    first_treated: str | None = None
    switched_on: str | None = None
    treated: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Findings:
    """What the table shows.

    Attributes
    ----------
    units, rows : int
    periods : pandas.PeriodIndex
        Every period that the table has, in order.
    frequency : str
    calendar : bool
        False where periods are plain whole numbers.
    cohorts : mapping
        First treated period to the number of units.
    never, later, early : int
        Units never treated; treated after the last period; treated in the first period or before it.
    gaps : int
        Unit-periods between the first and the last period without a row.
    skipped : tuple
        Periods between the first and the last that no unit has.
    ranges : mapping
        Outcome to smallest and largest value and the number of empty cells.
    notes : tuple of str
        What cells were taken to mean.
    """

    units: int
    rows: int
    periods: pd.PeriodIndex
    frequency: str
    calendar: bool
    cohorts: dict[Any, int]
    never: int
    later: int
    early: int
    gaps: int
    skipped: tuple[Any, ...]
    ranges: dict[str, tuple[float, float, int]]
    notes: tuple[str, ...] = field(default=())

    def lines(self) -> list[str]:
        """The same in words."""
        count = len(self.periods)
        word = WORDS[self.frequency] if self.calendar else "periods"
        first, last = self.shown(self.periods[0]), self.shown(self.periods[-1])
        said = [
            f"units      {self.units:,}",
            f"periods    {_number(count, word)}, {first} to {last}",
            f"frequency  {self.frequency if self.calendar else 'none: whole numbers count the periods'}",
            f"rows       {self.rows:,}",
        ]
        many = list(self.cohorts.items())
        shown = [f"{self.shown(when)} ({_number(size, 'units')})" for when, size in many[:12]]
        rest = sum(size for _, size in many[12:])
        tail = f" and {len(many) - 12} later starts ({_number(rest, 'units')})" if len(many) > 12 else ""
        said.append(f"treated    {_number(sum(self.cohorts.values()), 'units')}: " + ", ".join(shown) + tail)
        said.append(f"never      {_number(self.never, 'units')} never treated")
        if self.later:
            said.append(f"           {_number(self.later, 'units')} treated only after {last}")
        if self.early:
            said.append(
                f"           {_number(self.early, 'units')} treated in {first} or before: left out, "
                "since nothing is known of the time before"
            )
        said.append("gaps       " + (f"{self.gaps:,} unit-periods have no row" if self.gaps else "none"))
        if self.skipped:
            said.append(f"           no unit has {shortlist(map(self.shown, self.skipped))}")
        for name, (low, high, empty) in self.ranges.items():
            cells = f", {_number(empty, 'cells')} empty" if empty else ""
            said.append(f"outcome    {name}: {low:,.6g} to {high:,.6g}{cells}")
        return said + [f"note       {text}" for text in self.notes]

    def shown(self, when: pd.Period) -> str:
        """A period as the study file writes it."""
        return written(when, self.calendar)


def written(when: pd.Period, calendar: bool = True) -> str:
    """A period as a study file writes it: the day on which a week begins, a plain number of no calendar."""
    if not calendar:
        return str(when.year)
    return str(when.start_time.date()) if when.freqstr.startswith("W") else str(when)


def _number(count: int, word: str) -> str:
    return f"{count:,} {word[:-1] if count == 1 else word}"


def find(frame: pd.DataFrame, asked: Asked) -> Findings:
    """Look at a table as the question would have it.

    Raises
    ------
    CannotTell
        A frequency or a shape that the data do not tell.
    DataError, StudyError
        Columns that are absent, cells that cannot be what the question takes them for: with their rows.
    """
    _require(frame, asked)
    for column, what in ((asked.unit, "unit"), (asked.time, "time")):
        empty = _empty(frame[column])
        if empty.any():
            raise DataError(
                f"{int(empty.sum())} rows have no {what}",
                where=f"column {column!r}, rows {shortlist(_rows(frame, empty))}",
                expected=f"a {what} in every row",
                fix="fill it in, or take these rows out",
            )
    times, frequency, calendar = read_times(frame[asked.time], asked.frequency, asked.time)
    units = frame[asked.unit]
    twice = pd.DataFrame({"unit": units, "time": times}).duplicated()
    if twice.any():
        shown = [f"{u} {written(t, calendar)}" for u, t in zip(units[twice], times[twice], strict=True)]
        raise CannotTell(
            f"{int(twice.sum())} rows repeat a unit and period",
            "--aggregate mean or --aggregate sum, or take the rows out that are too many",
            where=f"{shortlist(dict.fromkeys(shown))}; rows {shortlist(_rows(frame, twice))}",
        )
    ranges = {name: _range(frame, name, asked) for name in asked.outcomes}
    for name in (*asked.covariates, *filter(None, (asked.weights, asked.exposure))):
        _require_numbers(frame, name)
    for name in filter(None, (asked.weights, asked.exposure)):
        _refuse(frame, frame[name] <= 0, f"{name} is not above 0", "numbers above 0", asked)
    for name in asked.covariates:
        infinite = pd.Series(np.isinf(frame[name].astype("float64")), index=frame.index)
        _refuse(frame, infinite, f"{name} is infinite", "numbers, or nothing", asked)
    if asked.weights:
        _require_weights(frame, asked, asked.weights)
    if asked.cluster:
        _require_clusters(frame, asked, asked.cluster)
    ordered = pd.PeriodIndex(times.unique()).sort_values()
    first, notes = _starts(frame, asked, times, frequency, ordered, calendar)
    counts = first.dropna().value_counts()
    cohorts = {when: int(counts[when]) for when in sorted(counts.index)}
    later = sum(n for when, n in cohorts.items() if when > ordered[-1])
    early = sum(n for when, n in cohorts.items() if when <= ordered[0])
    low, high = written(ordered[0], calendar), written(ordered[-1], calendar)
    within = {when: n for when, n in cohorts.items() if ordered[0] < when <= ordered[-1]}
    if not within:
        raise DataError(
            "no unit becomes treated within the data",
            where=f"periods {low} to {high}; treated after them: {later}, from the first on or "
            f"before: {early}, never: {int(first.isna().sum())}",
            expected=f"first treated periods after {low} and up to {high}",
            fix="correct the dates of treatment, or give a longer record",
        )
    for outcome in asked.outcomes:
        _require_seen(frame, asked, outcome, times, first, (ordered[0], ordered[-1]))
    grid = pd.period_range(ordered[0], ordered[-1], freq=frequency)
    return Findings(
        units=int(units.nunique()),
        rows=len(frame),
        periods=ordered,
        frequency=frequency,
        calendar=calendar,
        cohorts=within,
        never=int(first.isna().sum()),
        later=later,
        early=early,
        gaps=int(units.nunique()) * len(ordered) - len(frame),
        skipped=tuple(grid.difference(ordered)),
        ranges=ranges,
        notes=tuple(notes),
    )


def read_times(values: pd.Series, frequency: str | None, column: str) -> tuple[pd.Series, str, bool]:
    """A column of periods, their frequency (the one given, or the one that the values tell), and whether
    they are of a calendar."""
    if frequency is not None and frequency not in FREQUENCIES:
        raise StudyError(f"{frequency!r} is no frequency", where="--frequency", expected="Y, Q, M, W or D")
    try:
        told, calendar = tell_frequency(values, column)
    except DataError as error:
        if frequency is None and error.fix and "data.frequency" in error.fix:
            raise CannotTell(error.what, "--frequency", FREQUENCIES, error.where) from None
        if frequency is None:
            raise
        told, calendar = frequency, True
    frequency = frequency or told
    try:
        return read_periods(values, frequency), frequency, calendar
    except ValueError as error:
        raise DataError(
            f"column {column!r} holds what is no period",
            where=str(error),
            expected=f"periods of the frequency {frequency}, such as {EXAMPLES[frequency]}",
            fix="correct the values, or give another --frequency",
        ) from None


# who is treated, and when -----------------------------------------------------------------------


def _starts(
    frame: pd.DataFrame,
    asked: Asked,
    times: pd.Series,
    frequency: str,
    periods: pd.PeriodIndex,
    calendar: bool,
) -> tuple[pd.Series, list[str]]:
    """First treated period by unit, missing for never, and what cells were taken to mean."""
    if asked.first_treated:
        return _by_column(frame, asked, frequency, periods, calendar)
    if asked.switched_on:
        return _by_switch(frame, asked, times)
    return _by_name(frame, asked, frequency, periods, calendar)


def _by_column(
    frame: pd.DataFrame, asked: Asked, frequency: str, periods: pd.PeriodIndex, calendar: bool
) -> tuple[pd.Series, list[str]]:
    column = asked.first_treated
    assert column is not None
    example = EXAMPLES[frequency] if calendar else "5"
    _require_fixed(frame, asked, column, "first treated period")
    values = frame.groupby(asked.unit, sort=False)[column].first()
    empty = _empty(values)
    zero = ~empty & values.map(_is_zero)
    if zero.any() and not calendar and periods[0].year <= 0 <= periods[-1].year:
        raise DataError(
            f"0 in {column!r} may mean never, or the period 0",
            where=f"column {asked.time!r} runs from {periods[0].year} to {periods[-1].year}",
            fix="leave the cell empty for units that are never treated, or number the periods from 1",
        )
    notes = []
    if empty.any():
        notes.append(f"an empty cell of {column} is never treated ({_number(int(empty.sum()), 'units')})")
    if zero.any():
        notes.append(f"0 in {column} is never treated ({_number(int(zero.sum()), 'units')})")
    dated = values[~(empty | zero)]
    read: dict[Any, Any] = {}
    bad: dict[Any, Any] = {}
    for value in dated.unique():
        try:
            read[value] = read_period(value, frequency)
        except ValueError:
            bad[value] = dated.index[dated == value]
    if bad:
        units = [f"{unit} ({value})" for value, held in bad.items() for unit in held]
        raise DataError(
            f"column {column!r} holds what is no period",
            where=shortlist(units),
            expected=f"the first treated period, such as {example}; empty for never",
            fix="correct these cells",
        )
    return pd.Series([read.get(value) for value in values], index=values.index, dtype="object"), notes


def _is_zero(value: Any) -> bool:
    return str(value).strip() in ("0", "0.0")


def _by_switch(frame: pd.DataFrame, asked: Asked, times: pd.Series) -> tuple[pd.Series, list[str]]:
    column = asked.switched_on
    assert column is not None
    _require_numbers(frame, column)
    values = frame[column]
    empty = values.isna()
    _refuse(frame, ~empty & ~values.isin([0, 1]), f"{column} is neither 0 nor 1", "0 and 1", asked)
    table = pd.DataFrame({"unit": frame[asked.unit], "time": times, "on": values == 1, "known": ~empty})
    start = table[table["on"]].groupby("unit")["time"].min()
    began = table["unit"].map(start)
    after = began.notna() & table["known"] & ~table["on"]
    off = after & (table["time"] > began.where(began.notna(), table["time"]))
    if off.any():
        rows = [f"{u} {t}" for u, t in zip(table["unit"][off], table["time"][off], strict=True)]
        raise DataError(
            f"{table['unit'][off].nunique()} units switch off again: {column} is 0 after it was 1",
            where=f"{shortlist(rows)}; rows {shortlist(_rows(frame, off))}",
            expected="1 in every period from the first treated one on",
            fix="correct these rows, leave these units out, or give the first period with --first-treated",
        )
    notes = [f"0 in {column} is not treated yet, 1 treated"]
    if empty.any():
        notes.append(f"an empty cell of {column} is not treated ({_number(int(empty.sum()), 'rows')})")
    units = pd.Index(frame[asked.unit].unique())
    return pd.Series([start.get(unit) for unit in units], index=units, dtype="object"), notes


def _by_name(
    frame: pd.DataFrame, asked: Asked, frequency: str, periods: pd.PeriodIndex, calendar: bool
) -> tuple[pd.Series, list[str]]:
    units = pd.Index(frame[asked.unit].unique())
    names = {str(unit): unit for unit in units}
    example = EXAMPLES[frequency] if calendar else "5"
    first: dict[Any, Any] = {}
    low, high = written(periods[0], calendar), written(periods[-1], calendar)
    for name, date in asked.treated:
        if name not in names:
            near = difflib.get_close_matches(name, list(names), n=3, cutoff=0.5)
            raise DataError(
                f"no unit is called {name!r}",
                where=f"--treated; column {asked.unit!r} has {_number(len(units), 'units')}",
                expected=f"a unit exactly as the table writes it, such as {shortlist(near or sorted(names))}",
                fix="correct the name",
            )
        form = _FORMS[frequency] if calendar else _COUNTED
        try:
            when = read_period(date if form.match(date) else "?", frequency)
        except ValueError:
            raise StudyError(
                f"{date!r} is no period of this table",
                where=f'--treated "{name}={date}"',
                expected=f"a date such as {example}",
                fix=f'write --treated "{name}={example}"',
            ) from None
        if not periods[0] < when <= periods[-1]:
            raise StudyError(
                f"{date} lies outside the data of {name}"
                if not periods[0] <= when <= periods[-1]
                else f"{date} is the first period: nothing is known of the time before",
                where=f'--treated "{name}={date}"',
                expected=f"a period after {low} and up to {high}",
                fix="correct the date, or give a longer record",
            )
        if names[name] in first:
            raise StudyError(f"{name!r} is treated twice", where="--treated", fix="give its first date alone")
        first[names[name]] = when
    return pd.Series([first.get(unit) for unit in units], index=units, dtype="object"), []


# what columns must be ---------------------------------------------------------------------------


def _require(frame: pd.DataFrame, asked: Asked) -> None:
    flags: dict[str, list[str | None]] = {
        "--unit": [asked.unit],
        "--time": [asked.time],
        "--outcome": [*asked.outcomes],
        "--first-treated": [asked.first_treated],
        "--switched-on": [asked.switched_on],
        "--weights": [asked.weights],
        "--cluster": [asked.cluster],
        "--covariates": [*asked.covariates],
        "--exposure": [asked.exposure],
    }
    known = [str(name) for name in frame.columns]
    for flag, names in flags.items():
        for name in filter(None, names):
            if name not in known:
                near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
                raise StudyError(
                    f"the table has no column {name!r}",
                    where=flag,
                    expected=f"one of {shortlist(known, 30)}",
                    fix=f"did you mean {' or '.join(near)}?" if near else None,
                )


def _range(frame: pd.DataFrame, name: str, asked: Asked) -> tuple[float, float, int]:
    _require_numbers(frame, name)
    values = frame[name].astype("float64")
    if values.isna().all():
        raise DataError(f"column {name!r} is empty", where="--outcome", expected="numbers")
    _refuse(frame, pd.Series(np.isinf(values)), f"{name} is infinite", "numbers, or nothing", asked)
    if asked.exposure:
        _refuse(frame, values < 0, f"{name} is negative", "counts of 0 or more, with --exposure", asked)
    return float(values.min()), float(values.max()), int(values.isna().sum())


def _require_numbers(frame: pd.DataFrame, name: str) -> None:
    values = frame[name]
    if pd.api.types.is_numeric_dtype(values):
        return
    bad = not_numbers(values)
    shown = [f"row {row}: {value!r}" for row, value in zip(_rows(frame, bad.index), bad, strict=True)]
    raise DataError(
        f"column {name!r} holds text where numbers are needed",
        where=shortlist(shown) or f"column {name!r}: dates",
        expected="numbers with a point as decimal sign and no separator of thousands, or empty cells",
        fix="correct these cells, or name another column",
    )


def _require_fixed(frame: pd.DataFrame, asked: Asked, column: str, what: str) -> None:
    changing = frame.groupby(asked.unit, sort=False)[column].nunique(dropna=False)
    changing = changing[changing > 1]
    if len(changing):
        raise DataError(
            f"the {what} changes within a unit",
            where=f"column {column!r}, units {shortlist(changing.index)}",
            expected="one value for all periods of a unit",
            fix="correct the column; a column of 0 and 1 by period belongs to --switched-on"
            if column == asked.first_treated
            else "correct the column",
        )


def _require_clusters(frame: pd.DataFrame, asked: Asked, column: str) -> None:
    _require_fixed(frame, asked, column, "cluster")
    empty = _empty(frame[column])
    if empty.any():
        raise DataError(
            f"{_number(frame.loc[empty, asked.unit].nunique(), 'units')} have no cluster",
            where=f"column {column!r}, units {shortlist(frame.loc[empty, asked.unit].unique())}",
            expected="every unit in one cluster",
            fix="fill it in, or take these units out",
        )
    if frame[column].nunique() == 1:
        raise DataError(
            "all units are in one cluster, so that no error can be estimated",
            where=f"column {column!r}: {frame[column].iloc[0]}",
            expected="several clusters, treated and untreated",
            fix="name another column with --cluster, or leave it out: units are the clusters then",
        )


def _require_weights(frame: pd.DataFrame, asked: Asked, column: str) -> None:
    known = frame.groupby(asked.unit, sort=False)[column].count()
    if (known == 0).any():
        raise DataError(
            f"{_number(int((known == 0).sum()), 'units')} have no weight",
            where=f"column {column!r}, units {shortlist(known.index[known == 0])}",
            expected="a weight above 0 for every unit",
            fix="fill it in, or take these units out",
        )


def _require_seen(
    frame: pd.DataFrame,
    asked: Asked,
    outcome: str,
    times: pd.Series,
    first: pd.Series,
    ends: tuple[pd.Period, pd.Period],
) -> None:
    """Some treated unit is seen before and from its start on, and somebody untreated is seen."""
    needed = [outcome, *asked.covariates, *filter(None, [asked.exposure])]
    complete = frame[needed].notna().all(axis=1).to_numpy(dtype=bool)
    codes, units = pd.factorize(frame[asked.unit])
    begins = pd.PeriodIndex(pd.Series(first.reindex(units).to_numpy(), dtype="object"), freq=ends[0].freq)
    start = begins.asi8[codes]
    never = begins.isna()[codes] | (start > ends[1].ordinal)
    when = pd.PeriodIndex(times).asi8
    within = complete & ~never & (start > ends[0].ordinal)
    before, after = (set(codes[within & side].tolist()) for side in (when < start, when >= start))
    what = ""
    if not before & after:
        what = f"no treated unit has {outcome!r} both before and from its first treated period on"
    elif not (complete & (never | (when < start))).any():
        what = f"no untreated unit has {outcome!r}"
    if what:
        others = f", with {shortlist(map(repr, needed[1:]))}" if needed[1:] else ""
        raise DataError(
            what + others,
            where=f"columns {shortlist(map(repr, needed))}: {int((~complete).sum())} of {len(frame)} rows "
            "lack a value",
            expected="values on both sides of the start of treatment, and of units to compare with",
            fix="fill the values in, or name another column",
        )


def _refuse(frame: pd.DataFrame, bad: pd.Series, what: str, expected: str, asked: Asked) -> None:
    bad = bad.fillna(False).astype(bool)
    if not bad.any():
        return
    rows = frame.loc[bad.to_numpy(), [asked.unit, asked.time]].itertuples(index=False)
    raise DataError(
        f"{what} in {_number(int(bad.sum()), 'rows')}",
        where=f"{shortlist(f'{u} {t}' for u, t in rows)}; rows {shortlist(_rows(frame, bad))}",
        expected=expected,
        fix="correct these cells, or leave them empty",
    )


def _empty(values: pd.Series) -> pd.Series:
    blank = values.isna()
    if not pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_datetime64_any_dtype(values):
        blank = blank | (values.astype("string").str.strip() == "").fillna(False)
    return blank.astype(bool)


def _rows(frame: pd.DataFrame, chosen: pd.Series | pd.Index) -> list[int]:
    """Numbers of rows as a spreadsheet counts them below a header in row 1."""
    positions: Callable[[Any], Any] = frame.index.get_indexer
    labels = chosen if isinstance(chosen, pd.Index) else frame.index[chosen.to_numpy(dtype=bool)]
    return [int(i) + 2 for i in positions(labels)]
