"""A bulletin's data: every stretch as long as a month, checked once before anything is ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import DataError, DesignError, shortlist
from evaluation.inference import stabilised_share
from evaluation.panel import require_columns
from evaluation.sources.manifest import TableInfo, read_table
from evaluation.study.bulletin import Bulletin, Measure

FloatArray = NDArray[np.float64]
FEWEST_PLACES = 3


@dataclass(frozen=True, eq=False)
class Stretches:
    """One measure over every stretch of as many parts as a month has.

    Attributes
    ----------
    values : ndarray (stretches, places)
        Figure of the stretch that begins with each part of the record; NaN where a part is missing or too few
        days were measured.
    stabilised : ndarray (stretches, places)
        The same on the scale on which chance is measured: logarithms, or `stabilised_share` of a count.
    of : ndarray (stretches, places)
        Days that a count was made over; NaN for other measures.
    """

    values: FloatArray
    stabilised: FloatArray
    of: FloatArray


@dataclass(frozen=True, eq=False)
class BulletinCase:
    """A bulletin study and its table, ready to be ranked.

    Attributes
    ----------
    study : Bulletin
    table : pandas.DataFrame
        The rows, with ``_at``, the number of the part from the record's first.
    places : tuple of str
        In code-point order: the columns of every array.
    first : pandas.Period
        First month of the record.
    n_months : int
    sources : tuple of TableInfo
    names : mapping of str to str
        English name of a place; absent names fall back to the place itself.
    overrides : mapping
    root : Path
        The project folder.
    """

    study: Bulletin
    table: pd.DataFrame = field(repr=False)
    places: tuple[str, ...]
    first: pd.Period
    n_months: int
    sources: tuple[TableInfo, ...] = field(repr=False)
    names: Mapping[str, str] = field(repr=False)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    root: Path = field(default=Path(), repr=False)

    @property
    def simulated(self) -> bool:
        """Whether any table is simulated."""
        return any(source.simulated for source in self.sources)

    def name(self, place: str, language: str) -> str:
        """A place as readers of the language write it."""
        return self.names.get(place, place) if language == "en" else place

    @cached_property
    def months(self) -> tuple[pd.Period, ...]:
        """Months that a bulletin can be made for: enough places have them and the same month a year
        before."""
        known = np.isfinite(self.stretches(self.study.bulletin.measure).values)
        found = []
        for at in range(12, self.n_months):
            both = known[self.row(self.first + at)] & known[self.row(self.first + at - 12)]
            if both.sum() >= FEWEST_PLACES:
                found.append(self.first + at)
        return tuple(found)

    @property
    def month(self) -> pd.Period:
        """The month of this bulletin."""
        asked = self.study.bulletin.month
        return self.months[-1] if asked is None else pd.Period(asked, freq="M")

    @property
    def history(self) -> tuple[pd.Period, ...]:
        """Months of the last bulletins, this one last."""
        upto = [month for month in self.months if month <= self.month]
        return tuple(upto[-self.study.bulletin.history :])

    def ranked(self, measure: Measure, month: pd.Period | None = None) -> NDArray[np.bool_]:
        """Which places have the measure in the month, this bulletin's when absent, and a year before."""
        chosen = self.month if month is None else month
        rows = self.stretches(measure).values[[self.row(chosen - 12), self.row(chosen)]]
        return np.asarray(np.isfinite(rows).all(axis=0))

    def row(self, month: pd.Period) -> int:
        """Row of the arrays of `stretches` that is a month."""
        return self.study.data.parts * (month - self.first).n

    @cached_property
    def place_in_year(self) -> NDArray[np.int64]:
        """Part of the year in which each stretch begins (stretches,)."""
        parts = self.study.data.parts
        start = (self.first.month - 1) * parts
        return np.asarray((start + np.arange(self.n_stretches)) % (12 * parts), dtype=np.int64)

    @property
    def n_stretches(self) -> int:
        """Stretches that the record holds."""
        return self.study.data.parts * (self.n_months - 1) + 1

    def stretches(self, measure: Measure | str) -> Stretches:
        """Every stretch of a measure, computed once."""
        chosen = self.study.outcome(measure) if isinstance(measure, str) else measure
        return self._stretches[chosen.id]

    @cached_property
    def _stretches(self) -> dict[str, Stretches]:
        return {measure.id: self._measure(measure) for measure in self.study.outcomes}

    def _measure(self, measure: Measure) -> Stretches:
        data = self.study.data
        days = self._wide(data.days)
        enough = self._summed(days) >= data.least  # False where a part is missing
        column = self._wide(measure.column)
        nothing = np.full((self.n_stretches, len(self.places)), np.nan)
        if measure.kind == "count":
            counted = self._wide(str(measure.of))
            values, of = self._summed(column), self._summed(counted)
            stabilised = stabilised_share(values, of)
        elif measure.kind == "mean":
            with np.errstate(invalid="ignore", divide="ignore"):
                values, of = self._summed(column * days) / self._summed(days), nothing
                stabilised = np.log(values)
        else:
            values, of = column[: self.n_stretches], nothing
            stabilised = np.log(values)
        return Stretches(
            values=np.where(enough, values, np.nan),
            stabilised=np.where(enough, stabilised, np.nan),
            of=np.where(enough, of, np.nan),
        )

    def _wide(self, column: str) -> FloatArray:
        data = self.study.data
        wide = self.table.pivot(index="_at", columns=data.unit, values=column)
        wide = wide.reindex(index=range(self.n_months * data.parts), columns=list(self.places))
        return wide.to_numpy(dtype=float)

    def _summed(self, parts: FloatArray) -> FloatArray:
        """Sum over every stretch; NaN where a part is missing."""
        shifted = [parts[shift : shift + self.n_stretches] for shift in range(self.study.data.parts)]
        return np.asarray(np.sum(shifted, axis=0))


def prepare_bulletin(study: Bulletin, overrides: Mapping[str, Any], root: Path) -> BulletinCase:
    """Read the data of a bulletin and check that it can be made.

    Parameters
    ----------
    study : Bulletin
    overrides : mapping
        Dotted keys to values that replaced those of the file.
    root : Path
        The project folder.

    Returns
    -------
    BulletinCase

    Raises
    ------
    DataError
        The table is missing or corrupt, lacks a column, holds a part twice or a value that cannot be.
    DesignError
        The month lies outside the data, or too few places can be ranked in it.
    """
    data = study.data
    frame, info = read_table(data.table, root / "data")
    columns = [data.unit, data.month, data.part, data.days]
    columns += [name for item in study.outcomes for name in (item.column, item.of) if name]
    require_columns(frame, list(dict.fromkeys(columns)), table=f"table {data.table}")
    sources = [info]
    names: dict[str, str] = {}
    if data.labels:
        labels, label_info = read_table(data.labels, root / "data")
        require_columns(labels, [data.unit, "name_en"], table=f"table {data.labels}")
        names = dict(zip(labels[data.unit], labels["name_en"], strict=True))
        sources.append(label_info)
    months = _months(frame, study)
    _check_rows(frame, study)
    first, last = months.min(), months.max()
    at = (months.year - first.year) * 12 + months.month - first.month
    case = BulletinCase(
        study=study,
        table=frame.assign(_at=np.asarray(at) * data.parts + frame[data.part].to_numpy() - 1),
        places=tuple(sorted(frame[data.unit].unique())),
        first=first,
        n_months=(last - first).n + 1,
        sources=tuple(sources),
        names=names,
        overrides=dict(overrides),
        root=root,
    )
    _check_month(case)
    return case


def _months(frame: pd.DataFrame, study: Bulletin) -> pd.PeriodIndex:
    texts = frame[study.data.month].astype(str)
    wrong = ~texts.str.fullmatch(r"\d{4}-(0[1-9]|1[0-2])")
    if wrong.any() or not len(frame):
        raise DataError(
            f"{int(wrong.sum())} rows of the table {study.data.table} name no month"
            if len(frame)
            else f"the table {study.data.table} has no rows",
            where=f"column {study.data.month}: {shortlist(texts[wrong].unique())}" if len(frame) else None,
            expected="months such as 2016-03",
            fix="correct the table and its checksum in data/manifest.toml",
        )
    return pd.PeriodIndex(texts, freq="M")


def _check_rows(frame: pd.DataFrame, study: Bulletin) -> None:
    """Parts in range, none twice, days and counts that can be, and values that have a logarithm."""
    data = study.data
    keys = [data.unit, data.month, data.part]
    problems: list[tuple[str, pd.Series, str]] = [
        (
            f"{data.part} is not a part of a month",
            ~frame[data.part].isin(range(1, data.parts + 1)),
            f"whole numbers from 1 to {data.parts}",
        ),
        ("a part of a month stands twice", frame.duplicated(keys, keep=False), "one row a place and part"),
        (f"{data.days} is not a number of days", ~frame[data.days].between(0, 31), "0 to 31"),
    ]
    for item in study.outcomes:
        values = frame[item.column]
        if item.kind == "count":
            of = frame[str(item.of)]
            problems.append(
                (f"{item.column} is not a count out of {item.of}", ~values.between(0, of), "0 to all")
            )
        else:
            # a missing value leaves its stretches out; one that is not positive has no logarithm
            positive = (values > 0) & np.isfinite(values) | values.isna()
            problems.append((f"{item.column} is not positive", ~positive, "values above 0, or empty fields"))
    for what, wrong, expected in problems:
        if wrong.any():
            rows = frame.loc[wrong, keys].astype(str).agg(" ".join, axis=1)
            raise DataError(
                f"{what} in {int(wrong.sum())} rows of the table {data.table}",
                where=shortlist(rows),
                expected=expected,
                fix="correct the table and its checksum in data/manifest.toml",
            )


def _check_month(case: BulletinCase) -> None:
    if not case.months:
        raise DesignError(
            f"no month of the table {case.study.data.table} can be compared with the one a year before",
            where=f"months {case.first} to {case.first + case.n_months - 1}",
            expected=f"at least 13 months with all their parts, for {FEWEST_PLACES} places or more",
        )
    if case.month not in case.months:
        raise DesignError(
            f"no bulletin can be made for {case.month}",
            where="bulletin.month",
            expected=f"a month from {case.months[0]} to {case.months[-1]}"
            + ("" if len(case.months) == (case.months[-1] - case.months[0]).n + 1 else " that has data"),
            fix="a bulletin needs the month itself and the same month of the year before",
        )
