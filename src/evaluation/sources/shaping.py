"""From a file as it lies to a table of a row a unit and period: wide to long, several rows into one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evaluation.errors import DataError, shortlist

_PERIOD = re.compile(
    r"(?P<stem>.*?)[ _.\-]?(?P<period>(1[89]|2[01])\d\d([ _.\-]?(Q[1-4]|W\d\d|\d\d([._\-]?\d\d)?))?)\Z", re.I
)
HOW = ("mean", "sum")


@dataclass(frozen=True)
class Shape:
    """How a file becomes the table that studies read; what is empty does nothing.

    Attributes
    ----------
    sheet : str
        The sheet of a workbook.
    skip_rows : int
        Lines above the header.
    wide : tuple of str
        Names for the column of periods and the column of values, of a table with a column a period.
    by : tuple of str
        Columns that name a row: those of unit and period.
    aggregate : str
        "mean" or "sum": what several rows of the same unit and period become in columns of numbers.
    """

    sheet: str = ""
    skip_rows: int = 0
    wide: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    aggregate: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The keys of an entry's ``read``."""
        content = {"sheet": self.sheet, "skip_rows": self.skip_rows, "wide": list(self.wide)}
        content |= {"by": list(self.by), "aggregate": self.aggregate}
        return {key: value for key, value in content.items() if value}

    @classmethod
    def from_dict(cls, given: Any) -> Shape:
        """The inverse.

        Raises
        ------
        ValueError
            A key that is unknown or of the wrong kind.
        """
        if not isinstance(given, Mapping):
            raise ValueError("read is not a table of keys")
        unknown = sorted(set(given) - {"sheet", "skip_rows", "wide", "by", "aggregate"})
        if unknown:
            raise ValueError(f"read has the unknown keys {shortlist(unknown)}")
        made = cls(
            sheet=str(given.get("sheet", "")),
            skip_rows=int(given.get("skip_rows", 0)),
            wide=tuple(map(str, given.get("wide", ()))),
            by=tuple(map(str, given.get("by", ()))),
            aggregate=str(given.get("aggregate", "")),
        )
        if made.aggregate and (made.aggregate not in HOW or not made.by):
            raise ValueError(f"read.aggregate is {made.aggregate!r}: give mean or sum, and read.by")
        if made.wide and len(made.wide) != 2:
            raise ValueError("read.wide names two columns: of periods, and of values")
        return made


def period_columns(names: list[str]) -> dict[str, str]:
    """Columns whose names are periods, all after the same word if any: ``cigsale_1990`` to ``1990``."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        match = _PERIOD.match(name)
        if match:
            found.setdefault(match["stem"], {})[name] = re.sub(r"[ _.]", "-", match["period"])
    return max(found.values(), key=len, default={})


def shaped(frame: pd.DataFrame, shape: Shape, where: str) -> pd.DataFrame:
    """The table in the shape that is asked for.

    Raises
    ------
    DataError
        A wide table without columns named by periods, or columns of ``by`` that are not there.
    """
    if shape.wide:
        time, value = shape.wide
        columns = period_columns([str(name) for name in frame.columns])
        if len(columns) < 2:
            raise DataError(
                "no columns are named by periods",
                where=f"{where}: {shortlist(frame.columns, 20)}",
                expected="a column a period, named 1990, 1990-01, 1990Q1 or the same after a word",
                fix="take --wide away where the table has a row a unit and period",
            )
        kept = [name for name in frame.columns if name not in columns]
        clash = [name for name in (time, value) if name in kept]
        if clash:
            raise DataError(
                f"the table has a column {clash[0]!r} already", where=where, fix="give another name"
            )
        frame = frame.melt(id_vars=kept, value_vars=list(columns), var_name=time, value_name=value)
        frame[time] = frame[time].map(columns)
        if frame[time].str.fullmatch(r"\d{4}").all():
            frame[time] = frame[time].astype("int64")
        frame = frame.dropna(subset=[value], ignore_index=True)
    if shape.aggregate:
        absent = [name for name in shape.by if name not in frame]
        if absent:
            raise DataError(f"the table has no column {shortlist(absent)}", where=where)
        frame = combined(frame, shape.by, shape.aggregate)
    return frame


def combined(frame: pd.DataFrame, by: tuple[str, ...], how: str) -> pd.DataFrame:
    """A row for each value of ``by``: numbers combined, a column that does not vary kept.

    A mean leaves empty cells out; a sum of empty cells alone is empty. Text takes the group's first value.
    """
    groups = frame.groupby(list(by), sort=False, dropna=False)
    made = {}
    for name in frame.columns:
        if name in by:
            continue
        values = groups[name]
        fixed = bool((values.nunique(dropna=False) <= 1).all())
        if fixed or not pd.api.types.is_numeric_dtype(frame[name]):
            made[name] = values.first()
        else:
            made[name] = values.mean() if how == "mean" else values.sum(min_count=1)
    return pd.DataFrame(made).reset_index()[list(frame.columns)]
