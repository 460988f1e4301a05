"""A panel: one row a unit-period, checked once, never changed."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.display import Summary, Table
from evaluation.errors import DataError, DesignError, shortlist
from evaluation.periods import FREQUENCIES, as_periods, period_ordinals

_MOST_PERIODS_GAP = 100_000
_LONGEST_TABLE = 10_000
LARGEST = 2.0**53
_OF_ROWS = ("in_order", "cells")


@dataclass(frozen=True, eq=False, repr=False)
class Panel:
    """Rows of a table as units observed over periods.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a unit-period (rows,). Kept as it is and never written to.
    unit, time : str
        Columns that name the unit and the period. Integers are periods as they stand; dates,
        ``Period`` values and texts such as ``2014-03`` need a calendar frequency, given or
        found from the values.
    frequency : {"Y", "Q", "M", "W", "D"}, optional
        Calendar frequency of ``time``.

    Attributes
    ----------
    unit_codes, time_codes : ndarray of int (rows,)
        Position of each row's unit in ``units`` and of its period in ``periods``.
    units : pandas.Index (n_units,)
        Units in sorted order.
    periods : pandas.Index (n_periods,)
        Periods in order: integers or ``pandas.Period``.
    ordinals : ndarray of int (n_periods,)
        Integer time of each period; event time is a difference of ordinals.

    Raises
    ------
    DataError
        A column is absent, a key is missing, a period cannot be read, or a unit-period stands twice.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Panel
    >>> Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    Panel(50 units (state), 11 periods 2000 to 2010, 550 rows, balanced)
    """

    frame: pd.DataFrame
    unit: str = field(kw_only=True)
    time: str = field(kw_only=True)
    frequency: str | None = field(default=None, kw_only=True)
    units: pd.Index = field(init=False, repr=False)
    periods: pd.Index = field(init=False, repr=False)
    ordinals: NDArray[np.int64] = field(init=False, repr=False)
    unit_codes: NDArray[np.intp] = field(init=False, repr=False)
    time_codes: NDArray[np.intp] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.frame, pd.DataFrame):
            raise DataError(
                f"a panel is made of a pandas DataFrame, not of {type(self.frame).__name__}",
                fix="pass a DataFrame with one row a unit-period",
            )
        if self.frequency is not None and self.frequency not in FREQUENCIES:
            raise DataError(
                f"unknown frequency {self.frequency!r}", expected="one of " + ", ".join(FREQUENCIES)
            )
        require_columns(self.frame, [self.unit, self.time], table="panel")
        if self.frame.empty:
            raise DataError("the panel has no rows", fix="check the filter or file that the rows come from")
        # copy-on-write: later changes to the caller's frame do not reach this one
        frame = self.frame.copy(deep=False)
        grid = _grid(frame[self.unit], frame[self.time])
        if grid is not None:
            unit_codes, units, raw_codes, raw = grid
            self.__dict__["in_order"] = True
        else:
            unit_codes, units = _factorize(frame[self.unit], self.unit)
            raw_codes, raw = _factorize(frame[self.time], self.time)
        periods, frequency = as_periods(raw, self.frequency, column=self.time)
        ordinals = period_ordinals(periods)
        if not (np.diff(ordinals) > 0).all():
            # two spellings of one period, or labels that do not sort as their periods do
            ordinals, position = np.unique(ordinals, return_inverse=True)
            first = np.zeros(len(ordinals), dtype=np.intp)
            first[position[::-1]] = np.arange(len(position))[::-1]
            periods, raw_codes = periods[first], position[raw_codes]
        if grid is None:
            _refuse_duplicates(frame, self.unit, self.time, unit_codes, raw_codes, len(periods))
        self._set(
            frame=frame,
            frequency=frequency,
            units=units,
            periods=periods,
            ordinals=ordinals,
            unit_codes=unit_codes,
            time_codes=raw_codes,
        )

    def _set(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.units)

    @property
    def n_periods(self) -> int:
        """Number of periods."""
        return len(self.periods)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.frame)

    @property
    def is_balanced(self) -> bool:
        """Whether every unit has a row in every period."""
        return self.n_rows == self.n_units * self.n_periods

    @cached_property
    def in_order(self) -> bool:
        """Whether rows run by unit, then period, so that a balanced column is a matrix as it lies."""
        if self.is_balanced:
            shape = (self.n_units, self.n_periods)
            units, times = self.unit_codes.reshape(shape), self.time_codes.reshape(shape)
            return bool(
                (units == np.arange(shape[0])[:, None]).all() and (times == np.arange(shape[1])).all()
            )
        return bool((np.diff(self.cells) > 0).all())

    @cached_property
    def cells(self) -> NDArray[np.int64]:
        """Position of each row in the flattened (n_units, n_periods) matrix, shape (rows,)."""
        return self.unit_codes.astype(np.int64) * self.n_periods + self.time_codes

    def where(self, rows: NDArray[np.bool_] | pd.Series) -> Panel:
        """The panel of some of its rows, with their types, index and calendar frequency.

        Units and periods without a row leave. Nothing is read anew: a part of what is checked needs no check.

        Parameters
        ----------
        rows : ndarray of bool or pandas.Series (rows,)
            Which rows to keep, in the order of ``frame``; a missing value keeps none.

        Raises
        ------
        DataError
            Not one true or false value a row, or no row is kept.
        """
        if isinstance(rows, pd.Series) and rows.dtype == "boolean":
            rows = rows.fillna(False).astype(bool)
        kept = np.asarray(rows)
        if kept.dtype != bool or kept.shape != (self.n_rows,):
            raise DataError(
                f"rows are chosen by {kept.dtype} values of shape {kept.shape}",
                expected=f"true or false for each of the {self.n_rows} rows",
                fix="compare a column: panel.where(panel.frame['year'] >= 1990)",
            )
        if not kept.any():
            raise DataError("no row of the panel is kept", fix="check the condition that rows are chosen by")
        if kept.all():
            return self
        units, unit_codes = _left(self.unit_codes[kept], self.n_units)
        periods, time_codes = _left(self.time_codes[kept], self.n_periods)
        out = self._copy(frame=self.frame[kept], unit_codes=unit_codes, time_codes=time_codes)
        out._set(units=self.units[units], periods=self.periods[periods], ordinals=self.ordinals[periods])
        if self.__dict__.get("in_order"):
            out.__dict__["in_order"] = True
        return out

    def assign(self, **columns: Any) -> Panel:
        """The panel with columns added or replaced; its other columns keep their types.

        Parameters
        ----------
        **columns : array_like (rows,) or scalar
            Values in the order of ``frame``. A ``pandas.Series`` is taken as it lies, whatever its index.

        Raises
        ------
        DataError
            The column of the unit or the period, or another number of values than of rows.
        """
        for name, values in columns.items():
            if name in (self.unit, self.time):
                raise DataError(
                    f"column {name!r} says which unit-period a row is and cannot be replaced",
                    fix="change the table and make a new panel of it",
                )
            if not isinstance(values, str) and np.ndim(values) and len(values) != self.n_rows:
                raise DataError(
                    f"{len(values)} values for column {name!r}",
                    expected=f"one for each of {self.n_rows} rows",
                )
        plain = {n: v.array if isinstance(v, pd.Series) else v for n, v in columns.items()}
        out = self._copy(frame=self.frame.assign(**plain))
        out.__dict__.update({name: self.__dict__[name] for name in _OF_ROWS if name in self.__dict__})
        return out

    def _copy(self, **changed: Any) -> Panel:
        out = object.__new__(Panel)
        out._set(**{f.name: getattr(self, f.name) for f in fields(self)} | changed)
        return out

    def column(self, name: str) -> NDArray[np.float64]:
        """A column as floats in row order (rows,), missing values as NaN.

        Raises
        ------
        DataError
            The column is absent, not numeric, or holds an infinite value.
        """
        require_columns(self.frame, [name], table="panel")
        values = self.frame[name]
        try:
            if pd.api.types.is_complex_dtype(values):
                raise TypeError("complex numbers have no order")
            array = values.to_numpy(dtype=float, na_value=np.nan)
        except OverflowError as error:
            raise _too_large(name, values.index) from error
        except (TypeError, ValueError) as error:
            bad = values
            if isinstance(error, ValueError):
                bad = values[pd.to_numeric(values, errors="coerce").isna() & values.notna()]
            raise DataError(
                f"column {name!r} must be numeric",
                where=f"rows {shortlist(bad.index)}: {shortlist(map(repr, bad.iloc[:3]), 3)}",
                fix="remove text and units from the column, leave missing values empty",
            ) from error
        if np.isinf(array).any():
            rows = self.frame.index[np.isinf(array)]
            raise DataError(
                f"column {name!r} holds infinite values",
                where=f"rows {shortlist(rows)}",
                expected="finite numbers, or empty where the value is missing",
                fix="look for a logarithm of zero or a division by zero",
            )
        whole = pd.api.types.is_integer_dtype(values)
        if whole and max(np.nanmax(array, initial=0.0), -np.nanmin(array, initial=0.0)) > LARGEST:
            raise _too_large(name, self.frame.index[np.abs(array) > LARGEST])
        return array

    def matrix(self, name: str) -> NDArray[np.float64]:
        """A column as an (n_units, n_periods) matrix, NaN where the unit-period has no row or no value."""
        values = self.column(name)
        if self.is_balanced and self.in_order:
            return values.reshape(self.n_units, self.n_periods)
        out = np.full(self.n_units * self.n_periods, np.nan)
        out[self.cells] = values
        return out.reshape(self.n_units, self.n_periods)

    def constant_in_unit(self, name: str) -> tuple[NDArray[Any], pd.Index]:
        """One value a unit for a column that must not vary within units.

        Returns
        -------
        codes : ndarray of int (n_units,)
            Position in ``labels``, -1 where the value is missing.
        labels : pandas.Index
            The distinct values.

        Raises
        ------
        DataError
            The value changes within a unit.
        """
        require_columns(self.frame, [name], table="panel")
        by_unit = self._first_rows(name)
        if by_unit is not None:
            codes, labels = pd.factorize(by_unit, sort=True)
            return codes.astype(np.int64), pd.Index(labels)
        row_codes, labels = pd.factorize(self.frame[name], sort=True)
        codes = np.full(self.n_units, -1, dtype=np.int64)
        codes[self.unit_codes] = row_codes
        changes = codes[self.unit_codes] != row_codes
        if changes.any():
            units = self.units[np.unique(self.unit_codes[changes])]
            raise DataError(
                f"column {name!r} changes within a unit",
                where=f"units {shortlist(units)}; rows {shortlist(self.frame.index[changes])}",
                expected="one value for all periods of a unit",
                fix=f"make {name!r} the same in every row of the unit",
            )
        return codes, pd.Index(labels)

    def clusters(self, name: str) -> tuple[NDArray[np.intp], pd.Index]:
        """Cluster of every unit.

        Returns
        -------
        codes : ndarray of int (n_units,)
            Position in ``labels``.
        labels : pandas.Index (G,)
            Clusters in sorted order; the units themselves for the unit's column.

        Raises
        ------
        DataError
            A row has no cluster.
        DesignError
            A unit lies in more than one.
        """
        require_columns(self.frame, [name], table="panel")
        if name == self.unit:
            return np.arange(self.n_units), self.units
        self.refuse_missing_clusters(name)
        try:
            codes, labels = self.constant_in_unit(name)
        except DataError as error:
            raise DesignError(
                f"cluster {name!r} cuts across units",
                where=error.where,
                expected="every unit in one cluster",
                fix="make the cluster the same in all periods of a unit, or, where the estimator clusters in "
                f"two ways: cluster=({self.unit!r}, {name!r})",
            ) from error
        return np.asarray(codes, dtype=np.intp), labels

    def refuse_missing_clusters(self, name: str) -> None:
        """Raise `DataError` that names the rows without a cluster."""
        missing = self.frame[name].isna().to_numpy()
        if missing.any():
            units = self.units[np.unique(self.unit_codes[missing])]
            raise DataError(
                f"cluster {name!r} is missing in {int(missing.sum())} rows",
                where=f"units {shortlist(units)}; rows {shortlist(self.frame.index[missing])}",
                expected="every row in one cluster",
                fix="fill the value in, or remove the rows before the panel is made",
            )

    def _first_rows(self, name: str) -> pd.Series | None:
        """A numeric column in the first row of each unit, where that is quick and all rows agree."""
        values = self.frame[name]
        if not (isinstance(values.dtype, np.dtype) and values.dtype.kind in "iuf"):
            return None
        if not self.in_order:
            return None
        array: NDArray[Any] = values.to_numpy()
        if array.dtype == np.float64:
            # bits compare missing values as equal; -0.0 and other missing values go the long way
            array = np.ascontiguousarray(array).view(np.int64)
        first: NDArray[Any]
        if self.is_balanced:
            starts: Any = slice(None, None, self.n_periods)
            first = array[starts][:, None]
            array = array.reshape(self.n_units, self.n_periods)
        else:
            counts = np.bincount(self.unit_codes, minlength=self.n_units)
            starts = np.cumsum(counts) - counts
            first = np.repeat(array[starts], counts)
        if not (array == first).all():
            return None
        return values.iloc[starts]

    def period_of(self, value: object) -> int:
        """Integer time of a date written as in ``time``, whether or not the panel observes it."""
        index, _ = as_periods(pd.Index([value]), self.frequency, column=self.time)
        return int(period_ordinals(index)[0])

    # display ----------------------------------------------------------------------------------

    def _span(self) -> str:
        calendar = {"Y": "yearly", "Q": "quarterly", "M": "monthly", "W": "weekly", "D": "daily"}
        kind = f" ({calendar[self.frequency]})" if self.frequency in calendar else ""
        return f"{self.n_periods} periods {self.periods[0]} to {self.periods[-1]}{kind}"

    def _missing(self) -> str:
        absent = self.n_units * self.n_periods - self.n_rows
        jumps = int((np.diff(self.ordinals) != 1).sum())
        words = (
            "balanced" if absent == 0 else f"{absent} of {self.n_units * self.n_periods} unit-periods absent"
        )
        return words + (f", {jumps} gaps between periods" if jumps else "")

    def __repr__(self) -> str:
        size = f"{self.n_units} units ({self.unit}), {self._span()}, {self.n_rows} rows"
        return f"Panel({size}, {self._missing()})"

    def _repr_html_(self) -> str:
        facts = {
            "Units": f"{self.n_units} ({self.unit})",
            "Periods": self._span(),
            "Rows": f"{self.n_rows}, {self._missing()}",
        }
        return Summary("Panel", facts, self.describe()).as_html()

    def describe(self) -> Table:
        """Each numeric column: how many values, mean, spread over all rows, between and within units.

        Returns
        -------
        Table
            Columns ``column, count, missing, mean, sd, sd_between, sd_within, min, max``. ``sd_between`` is
            of the units' means, ``sd_within`` of deviations from them.

        Examples
        --------
        >>> import pandas as pd
        >>> from evaluation import Panel
        >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
        >>> table = panel.describe()[["column", "count", "missing", "mean", "sd"]]
        >>> print(table.head(2).to_markdown())
        | column   | count | missing |    mean |      sd |
        |:---------|------:|--------:|--------:|--------:|
        | homicide |   550 |       0 | 320.260 | 403.634 |
        | rate     |   550 |       0 |   4.761 |   2.483 |
        """
        rows = []
        for name in self.frame.columns:
            values = self.frame[name]
            numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_complex_dtype(values)
            if name in (self.unit, self.time) or not numeric:
                continue
            seen = pd.Series(values.to_numpy(dtype=float, na_value=np.nan))
            means = seen.groupby(self.unit_codes).transform("mean")
            each = seen.groupby(self.unit_codes).mean()
            rows.append(
                {
                    "column": name,
                    "count": int(seen.count()),
                    "missing": int(seen.isna().sum()),
                    "mean": seen.mean(),
                    "sd": seen.std(),
                    "sd_between": each.std(),
                    "sd_within": (seen - means).std(),
                    "min": seen.min(),
                    "max": seen.max(),
                }
            )
        columns = ["column", "count", "missing", "mean", "sd", "sd_between", "sd_within", "min", "max"]
        return Table(pd.DataFrame(rows, columns=columns))

    def balance(self, design: Any, columns: list[str] | None = None) -> Table:
        """Treated beside comparison units before anybody is treated: levels and changes.

        The normalised difference is that of the means over the root of the mean of the two variances
        (Imbens and Rubin 2015, chapter 14); unlike a t statistic it does not grow with the sample.

        Parameters
        ----------
        design : Design
        columns : list of str, optional
            The outcome and the covariates when absent.

        Returns
        -------
        Table
            Columns ``column, kind, treated, comparison, difference, normalised, n_treated, n_comparison``.
            Kind ``level`` is a unit's mean over periods before the first treatment (less anticipation),
            ``change`` its last less its first value there. Comparison units are those never treated, or
            the last cohort where all are treated.

        Raises
        ------
        DataError
            A column is absent or not numeric.
        DesignError
            No period lies before treatment.

        Examples
        --------
        >>> import pandas as pd
        >>> from evaluation import Design, Panel
        >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
        >>> table = panel.balance(Design("rate", "first_treated"))
        >>> print(table[["column", "kind", "difference", "normalised"]].to_markdown())
        | column | kind   | difference | normalised |
        |:-------|:-------|-----------:|-----------:|
        | rate   | level  |      1.829 |     0.7534 |
        | rate   | change |     -0.123 |    -0.1328 |
        """
        cohorts = design.cohorts(self)
        first = cohorts.first
        before = self.ordinals < cohorts.values[0] - design.anticipation
        if not before.any():
            raise DesignError(
                "no period lies before treatment",
                where=f"first treated from {cohorts.labels[0]}; the panel begins in {self.periods[0]}",
                expected="periods in which nobody is treated",
            )
        treated = cohorts.treated
        if treated.all():
            treated = first != cohorts.values[-1]
        panel, design = design.with_numbers(self)
        names = list(dict.fromkeys(columns or [design.outcome, *design.covariates]))
        rows = []
        for name in names:
            values = panel.matrix(name)[:, before]
            frame = pd.DataFrame(values)
            filled = frame.ffill(axis=1).iloc[:, -1] - frame.bfill(axis=1).iloc[:, 0]
            for kind, by_unit in (("level", frame.mean(axis=1)), ("change", filled)):
                one, other = by_unit[treated].dropna(), by_unit[~treated].dropna()
                spread = np.sqrt((one.var() + other.var()) / 2)
                gap = one.mean() - other.mean()
                rows.append(
                    {
                        "column": name,
                        "kind": kind,
                        "treated": one.mean(),
                        "comparison": other.mean(),
                        "difference": gap,
                        "normalised": gap / spread if spread > 0 else np.nan,
                        "n_treated": len(one),
                        "n_comparison": len(other),
                    }
                )
        return Table(pd.DataFrame(rows))

    def plot(self, outcome: str, design: Any, ax: Any = None) -> Any:
        """Raw means of an outcome by period, one line a cohort and one for units never treated.

        Parameters
        ----------
        outcome : str
        design : Design
        ax : matplotlib.axes.Axes, optional

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        EvaluationError
            matplotlib is not installed, or the outcome or the design does not fit the panel.
        """
        from evaluation.plots import lines

        cohorts = design.cohorts(self)
        frame = pd.DataFrame(self.matrix(outcome), columns=self.periods)
        name = {
            int(v): f"first treated {label}" for v, label in zip(cohorts.values, cohorts.labels, strict=True)
        }
        names = np.array([name.get(int(v), "never treated") for v in cohorts.first])
        means = frame.groupby(names).mean().T
        starts = tuple(float(np.searchsorted(self.ordinals, v)) for v in cohorts.values)
        return lines(means, ax=ax, label=f"mean of {outcome}", starts=starts)

    def plot_treatment(self, design: Any, ax: Any = None) -> Any:
        """Who is treated when: units by periods, by first treatment; cells without a row are white.

        Parameters
        ----------
        design : Design
        ax : matplotlib.axes.Axes, optional

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        EvaluationError
            matplotlib is not installed, or the design does not fit the panel.
        """
        from evaluation.plots import cells

        first = design.cohorts(self).first
        status = np.zeros(self.n_units * self.n_periods, dtype=np.int8)
        status[self.cells] = 1 + (self.ordinals[self.time_codes] >= first[self.unit_codes])
        order = np.argsort(first, kind="stable")
        return cells(
            status.reshape(self.n_units, self.n_periods)[order], self.units[order], self.periods, ax=ax
        )


def _left(codes: NDArray[np.intp], n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Codes below ``n`` that still occur, and every row's position among them."""
    seen = np.bincount(codes, minlength=n) > 0
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[codes]


def _too_large(name: str, rows: pd.Index) -> DataError:
    return DataError(
        f"whole numbers in column {name!r} are too large to be told apart in floating point",
        where=f"rows {shortlist(rows)}",
        expected="at most 2**53 (about 9e15); a count beyond that is often an overflow",
        fix="look at how the counts were summed, or measure in thousands or millions",
    )


def require_columns(frame: pd.DataFrame, columns: list[str], *, table: str) -> None:
    """Raise `DataError` that names every absent column and those that exist."""
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise DataError(
            f"the {table} has no column {', '.join(map(repr, absent))}",
            where=f"its columns are {shortlist(map(repr, frame.columns), 20)}",
            fix="correct the name, or add the column to the table",
        )


def require_variation(values: pd.Series, column: str, where: str) -> None:
    """Raise `DataError` when an outcome has one value in all rows, or none: there is nothing to estimate."""
    seen = values.dropna()
    if seen.nunique() > 1:
        return
    what = f"is {seen.iloc[0]} in every row" if len(seen) else "is empty in every row"
    raise DataError(
        f"the outcome {column!r} does not vary: it {what}",
        where=where,
        expected="an outcome with at least two different values",
        fix="correct the column, take the outcome out of the study, or widen the window",
    )


def _factorize(values: pd.Series, column: str) -> tuple[NDArray[np.intp], pd.Index]:
    codes, labels = _runs(values)
    if codes is None:
        codes, labels = _short_range(values)
    if codes is None:
        codes, labels = pd.factorize(values, sort=True)
    missing = codes < 0
    if missing.any():
        rows = values.index[missing]
        raise DataError(
            f"column {column!r} is missing in {int(missing.sum())} rows",
            where=f"rows {shortlist(rows)}",
            expected="every row names its unit and its period",
            fix="fill the value in or remove the rows",
        )
    return codes, pd.Index(labels)


def _grid(
    units: pd.Series, times: pd.Series
) -> tuple[NDArray[np.intp], pd.Index, NDArray[np.intp], pd.Index] | None:
    """Codes and labels of a balanced panel of whole numbers in order, found by comparing alone."""
    for values in (units, times):
        if not (isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu"):
            return None
    unit, time = units.to_numpy(), times.to_numpy()
    n_periods = int(np.searchsorted(unit, unit[0], side="right"))
    if n_periods == 0 or len(unit) % n_periods:
        return None
    table, calendar = unit.reshape(-1, n_periods), time.reshape(-1, n_periods)
    rising = (table[1:, 0] > table[:-1, 0]).all() and (calendar[0, 1:] > calendar[0, :-1]).all()
    if not rising or (table != table[:, :1]).any() or (calendar != calendar[0]).any():
        return None
    n_units = len(table)
    return (
        np.repeat(np.arange(n_units, dtype=np.intp), n_periods),
        pd.Index(table[:, 0].copy()),
        np.tile(np.arange(n_periods, dtype=np.intp), n_units),
        pd.Index(calendar[0].copy()),
    )


def _runs(values: pd.Series) -> tuple[NDArray[np.intp] | None, Any]:
    """Codes of an integer column that is already in order, without a hash table."""
    if not (isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu"):
        return None, None
    array = values.to_numpy()
    if len(array) < 2 or (array[1:] < array[:-1]).any():
        return None, None
    starts = np.empty(len(array), dtype=bool)
    starts[0] = True
    np.not_equal(array[1:], array[:-1], out=starts[1:])
    return np.cumsum(starts, dtype=np.intp) - 1, array[starts]


def _short_range(values: pd.Series) -> tuple[NDArray[np.intp] | None, Any]:
    """Codes of whole numbers that lie close together, by a table of those that occur."""
    if not (isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu"):
        return None, None
    array = values.to_numpy()
    low, high = int(array.min()), int(array.max())
    if high - low > _LONGEST_TABLE:
        return None, None
    place = (array - array.dtype.type(low)).astype(np.intp)
    present = np.zeros(high - low + 1, dtype=bool)
    present[place] = True
    codes = (np.cumsum(present) - 1)[place]
    return codes, np.flatnonzero(present).astype(array.dtype) + array.dtype.type(low)


def _refuse_duplicates(
    frame: pd.DataFrame,
    unit: str,
    time: str,
    unit_codes: NDArray[np.intp],
    time_codes: NDArray[np.intp],
    n_periods: int,
) -> None:
    cells = unit_codes.astype(np.int64) * n_periods + time_codes
    if (np.diff(cells) > 0).all():
        return
    most = int(cells.max()) + 1
    if most <= 20 * len(cells) + _MOST_PERIODS_GAP:
        counts = np.bincount(cells, minlength=most)
        repeated = counts[cells] > 1
    else:
        repeated = pd.Series(cells).duplicated(keep=False).to_numpy()
    if not repeated.any():
        return
    rows = frame.loc[repeated, [unit, time]]
    pairs = rows.drop_duplicates()
    named = shortlist(f"({u}, {t})" for u, t in zip(pairs[unit], pairs[time], strict=True))
    raise DataError(
        f"{len(pairs)} unit-periods stand in more than one row: {named}",
        where=f"rows {shortlist(rows.index, 8)}; columns {unit!r}, {time!r}",
        expected="one row a unit-period",
        fix="remove the repeated rows, or aggregate them before the panel is made",
    )
