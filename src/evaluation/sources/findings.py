"""What a table shows of a question: its units, periods, who was treated when, and what is wrong with it.

Everything that the words of a study file rest on is told from the data here; what cannot be told is a
`CannotTell`, which names the option that tells it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from evaluation.errors import DataError, StudyError, shortlist
from evaluation.periods import FREQUENCIES, as_periods, spelt_as
from evaluation.sources.files import not_numbers

WORDS = {"Y": "years", "Q": "quarters", "M": "months", "W": "weeks", "D": "days"}
EXAMPLES = {"Y": "2016", "Q": "2016-Q1", "M": "2016-03", "W": "2016-W09", "D": "2016-03-07"}
_WEEK = re.compile(r"(\d{4})[- ]?W(\d{1,2})\Z", re.I)
_QUARTER = re.compile(r"(\d{4})[- ]?Q([1-4])\Z", re.I)
_FORMS = {
    "Y": re.compile(r"\d{4}([-/]\d{1,2}([-/]\d{1,2})?)?\Z"),
    "Q": re.compile(r"(\d{4}[- ]?Q[1-4]|\d{4}-\d{2}(-\d{2})?)\Z", re.I),
    "M": re.compile(r"\d{4}-\d{1,2}(-\d{1,2})?\Z"),
    "W": re.compile(r"(\d{4}[- ]?W\d{1,2}|\d{4}-\d{2}-\d{2})\Z", re.I),
    "D": re.compile(r"\d{4}-\d{2}-\d{2}\Z"),
}


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
    periods : pandas.Index
        Every period that the table has, in order.
    frequency : str or None
        None where periods are plain whole numbers.
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
    periods: pd.Index
    frequency: str | None
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
        word = WORDS.get(self.frequency or "", "periods")
        said = [
            f"units      {self.units:,}",
            f"periods    {_number(count, word)}, {self.periods[0]} to {self.periods[-1]}",
            f"frequency  {self.frequency or 'none: whole numbers count the periods'}",
            f"rows       {self.rows:,}",
        ]
        many = list(self.cohorts.items())
        shown = [f"{when} ({_number(size, 'units')})" for when, size in many[:12]]
        rest = sum(size for _, size in many[12:])
        tail = f" and {len(many) - 12} later starts ({_number(rest, 'units')})" if len(many) > 12 else ""
        said.append(f"treated    {_number(sum(self.cohorts.values()), 'units')}: " + ", ".join(shown) + tail)
        said.append(f"never      {_number(self.never, 'units')} never treated")
        if self.later:
            said.append(f"           {_number(self.later, 'units')} treated only after {self.periods[-1]}")
        if self.early:
            said.append(
                f"           {_number(self.early, 'units')} treated in {self.periods[0]} or before: left out, "
                "since nothing is known of the time before"
            )
        said.append("gaps       " + (f"{self.gaps:,} unit-periods have no row" if self.gaps else "none"))
        if self.skipped:
            said.append(f"           no unit has {shortlist(self.skipped)}")
        for name, (low, high, empty) in self.ranges.items():
            cells = f", {_number(empty, 'cells')} empty" if empty else ""
            said.append(f"outcome    {name}: {low:,.6g} to {high:,.6g}{cells}")
        return said + [f"note       {text}" for text in self.notes]


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
    times, frequency = read_times(frame[asked.time], asked.frequency, asked.time)
    units = frame[asked.unit]
    twice = pd.DataFrame({"unit": units, "time": times}).duplicated()
    if twice.any():
        shown = [f"{u} {t}" for u, t in zip(units[twice], times[twice], strict=True)]
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
    if asked.cluster:
        _require_fixed(frame, asked, asked.cluster, "cluster")
    ordered = pd.Index(sorted(set(times)))
    first, notes = _starts(frame, asked, times, frequency, ordered)
    cohorts = {when: int(n) for when, n in first.dropna().value_counts().sort_index().items()}
    later = sum(n for when, n in cohorts.items() if when > ordered[-1])
    early = sum(n for when, n in cohorts.items() if when <= ordered[0])
    within = {when: n for when, n in cohorts.items() if ordered[0] < when <= ordered[-1]}
    if not within:
        raise DataError(
            "no unit becomes treated within the data",
            where=f"periods {ordered[0]} to {ordered[-1]}; treated after them: {later}, from the first on or "
            f"before: {early}, never: {int(first.isna().sum())}",
            expected=f"first treated periods after {ordered[0]} and up to {ordered[-1]}",
            fix="correct the dates of treatment, or give a longer record",
        )
    grid = _grid(ordered)
    return Findings(
        units=int(units.nunique()),
        rows=len(frame),
        periods=ordered,
        frequency=frequency,
        cohorts=within,
        never=int(first.isna().sum()),
        later=later,
        early=early,
        gaps=int(units.nunique()) * len(ordered) - len(frame),
        skipped=tuple(one for one in grid if one not in set(ordered)),
        ranges=ranges,
        notes=tuple(notes),
    )


def read_times(values: pd.Series, frequency: str | None, column: str) -> tuple[pd.Series, str | None]:
    """A column of periods, and their frequency: the one given, or the one that the values tell.

    Returns
    -------
    periods : pandas.Series
        Periods, or whole numbers where these only count.
    frequency : str or None
    """
    labels = pd.Index(values.unique())
    if frequency is not None and frequency not in FREQUENCIES:
        raise StudyError(
            f"{frequency!r} is no frequency", where="--frequency", expected="Y, Q, M, W or D"
        )
    if pd.api.types.is_numeric_dtype(labels) and frequency is None:
        whole = labels.to_numpy(dtype=float)
        if np.isfinite(whole).all() and (whole == np.round(whole)).all():
            years = bool(((whole >= 1800) & (whole <= 2200)).all())
            frequency = "Y" if years else spelt_as(whole.astype(np.int64))
    read, found = _labels(labels, frequency, column)
    mapping = dict(zip(labels, read, strict=True))
    return pd.Series([mapping[value] for value in values], index=values.index, dtype="object"), found


def _labels(labels: pd.Index, frequency: str | None, column: str) -> tuple[list[Any], str | None]:
    texts = [str(label).strip() for label in labels]
    for pattern, freq in ((_WEEK, "W"), (_QUARTER, "Q")):
        if all(pattern.match(text) for text in texts):
            return [period_of(text, frequency or freq) for text in texts], frequency or freq
    if frequency is None and not pd.api.types.is_numeric_dtype(labels):
        if all(_FORMS["Y"].match(text) and len(text) == 4 for text in texts):
            frequency = "Y"
        elif all(_FORMS["M"].match(text) and text.count("-") == 1 for text in texts):
            frequency = "M"
        else:
            frequency = _told(labels, column)
    if frequency is None or pd.api.types.is_numeric_dtype(labels):
        read, found = as_periods(labels, frequency, column=column)
        return list(read), found
    read, _ = as_periods(labels, "D" if frequency == "W" else frequency, column=column)
    return [period.asfreq(frequency) for period in read] if frequency == "W" else list(read), frequency


def _told(labels: pd.Index, column: str) -> str:
    """The frequency of dates, by the shortest time between two of them."""
    days, _ = as_periods(labels, "D", column=column)
    dates = pd.PeriodIndex(days).unique().sort_values()
    gaps = np.diff(dates.asi8)
    if not len(gaps):
        raise CannotTell(
            "one period alone does not tell a frequency", "--frequency Y, Q, M, W or D", where=column
        )
    for frequency, least in (("Y", 360), ("Q", 88), ("M", 27)):
        if gaps.min() >= least and dates.asfreq(frequency).is_unique:
            return frequency
    if (gaps % 7 == 0).all():
        return "W"
    if gaps.min() == 1:
        return "D"
    raise CannotTell(
        "the dates do not tell whether they are days, weeks or months",
        "--frequency D, W or M",
        where=f"column {column!r}: {shortlist(dates)}",
    )


def period_of(text: str, frequency: str | None) -> Any:
    """A date written YYYY, YYYY-MM, YYYY-Qn, YYYY-Wnn, YYYY-MM-DD, or a whole number, as a period.

    Raises
    ------
    ValueError
        It is none of the frequency.
    """
    text = text.strip()
    if frequency is None:
        return int(text)
    week = _WEEK.match(text)
    if week:
        monday = datetime.strptime(f"{week[1]}-{int(week[2])}-1", "%G-%V-%u")
        return pd.Period(monday, freq=frequency)
    quarter = _QUARTER.match(text)
    if quarter:
        text = f"{quarter[1]}Q{quarter[2]}"
    elif not _FORMS[frequency].match(text):
        raise ValueError(text)
    return pd.Period(text, freq=frequency)


def _grid(periods: pd.Index) -> list[Any]:
    if isinstance(periods[0], pd.Period):
        return list(pd.period_range(periods[0], periods[-1]))
    return list(range(int(periods[0]), int(periods[-1]) + 1))


# who is treated, and when -----------------------------------------------------------------------


def _starts(
    frame: pd.DataFrame, asked: Asked, times: pd.Series, frequency: str | None, periods: pd.Index
) -> tuple[pd.Series, list[str]]:
    """First treated period by unit, missing for never, and what cells were taken to mean."""
    if asked.first_treated:
        return _by_column(frame, asked, frequency, periods)
    if asked.switched_on:
        return _by_switch(frame, asked, times)
    return _by_name(frame, asked, frequency, periods)


def _by_column(
    frame: pd.DataFrame, asked: Asked, frequency: str | None, periods: pd.Index
) -> tuple[pd.Series, list[str]]:
    column = asked.first_treated
    assert column is not None
    _require_fixed(frame, asked, column, "first treated period")
    values = frame.groupby(asked.unit, sort=False)[column].first()
    empty = _empty(values)
    zero = ~empty & values.map(_is_zero)
    if zero.any() and not isinstance(periods[0], pd.Period) and periods[0] <= 0 <= periods[-1]:
        raise DataError(
            f"0 in {column!r} may mean never, or the period 0",
            where=f"column {asked.time!r} runs from {periods[0]} to {periods[-1]}",
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
            read[value] = _one_start(value, frequency)
        except (ValueError, OverflowError):
            bad[value] = [unit for unit, held in dated.items() if held == value]
    if bad:
        units = [f"{unit} ({value})" for value, held in bad.items() for unit in held]
        raise DataError(
            f"column {column!r} holds what is no period",
            where=shortlist(units),
            expected=f"the first treated period, such as {EXAMPLES.get(frequency or '', '5')}; empty for never",
            fix="correct these cells",
        )
    first = pd.Series([read.get(value) for value in values], index=values.index, dtype="object")
    return first.where(~(empty | zero), None), notes


def _one_start(value: Any, frequency: str | None) -> Any:
    if isinstance(value, pd.Timestamp | datetime):
        return pd.Period(value, freq=frequency) if frequency else int(value)  # type: ignore[call-overload]
    if isinstance(value, int | float | np.number):
        if not float(value).is_integer():
            raise ValueError(value)
        if frequency is None:
            return int(value)
        return as_periods(pd.Index([int(value)]), frequency, column="")[0][0]
    return period_of(str(value), frequency)


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
            fix="correct these rows, leave these units out, or give the first treated period with --first-treated",
        )
    notes = [f"0 in {column} is not treated yet, 1 treated"]
    if empty.any():
        notes.append(f"an empty cell of {column} is not treated ({_number(int(empty.sum()), 'rows')})")
    units = pd.Index(frame[asked.unit].unique())
    return pd.Series([start.get(unit) for unit in units], index=units, dtype="object"), notes


def _by_name(
    frame: pd.DataFrame, asked: Asked, frequency: str | None, periods: pd.Index
) -> tuple[pd.Series, list[str]]:
    units = pd.Index(frame[asked.unit].unique())
    names = {str(unit): unit for unit in units}
    first: dict[Any, Any] = {}
    for name, date in asked.treated:
        if name not in names:
            near = difflib.get_close_matches(name, list(names), n=3, cutoff=0.5)
            raise DataError(
                f"no unit is called {name!r}",
                where=f"--treated; column {asked.unit!r} has {_number(len(units), 'units')}",
                expected=f"a unit exactly as the table writes it, such as {shortlist(near or sorted(names))}",
                fix="correct the name",
            )
        try:
            when = period_of(date, frequency)
        except ValueError:
            raise StudyError(
                f"{date!r} is no period of this table",
                where=f'--treated "{name}={date}"',
                expected=f"a date such as {EXAMPLES.get(frequency or '', '5, a whole number')}",
                fix=f'write --treated "{name}={EXAMPLES.get(frequency or "", "5")}"',
            ) from None
        if not periods[0] < when <= periods[-1]:
            raise StudyError(
                f"{date} lies outside the data of {name}"
                if not periods[0] <= when <= periods[-1]
                else f"{date} is the first period: nothing is known of the time before",
                where=f'--treated "{name}={date}"',
                expected=f"a period after {periods[0]} and up to {periods[-1]}",
                fix="correct the date, or give a longer record",
            )
        if names[name] in first:
            raise StudyError(f"{name!r} is treated twice", where="--treated", fix="give its first date alone")
        first[names[name]] = when
    return pd.Series([first.get(unit) for unit in units], index=units, dtype="object"), []


# what columns must be ---------------------------------------------------------------------------


def _require(frame: pd.DataFrame, asked: Asked) -> None:
    flags = {
        "--unit": [asked.unit],
        "--time": [asked.time],
        "--outcome": list(asked.outcomes),
        "--first-treated": [asked.first_treated],
        "--switched-on": [asked.switched_on],
        "--weights": [asked.weights],
        "--cluster": [asked.cluster],
        "--covariates": list(asked.covariates),
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
