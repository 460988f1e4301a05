"""Cases of a file or folder, checked: what is impossible is set aside with its row, never silently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import DataError, shortlist
from evaluation.sources import cells
from evaluation.sources.approvals.tables import FIELDS, SUFFIXES, Columns, read_file
from evaluation.sources.reading import RawFile, find_files

DATES = ("applied", "accepted", "decided", "suspended", "resumed")
LIMITS = ("statutory", "promised")
TEXTS = ("number", "item", "department", "district", "outcome", "channel")


@dataclass(frozen=True)
class BrokenFile:
    """A file that could not be read and was passed over because that was asked for."""

    name: str
    what: str


@dataclass(frozen=True, eq=False)
class CaseRecord:
    """Cases that can be used, and what became of the others.

    Attributes
    ----------
    frame : pandas.DataFrame (cases,)
        ``file, row`` (where the case stands) and the fields of :data:`FIELDS`: texts, dates
        (datetime64, NaT where empty) and limits in working days (NaN where empty).
    set_aside : pandas.DataFrame
        ``file, row, reason``: rows that cannot be a case.
    counts : mapping of str to int
        ``rows_read``, ``cases``, ``open``, and what is missing in the cases used.
    raw : tuple of RawFile
        The files read.
    broken : tuple of BrokenFile
        Files passed over.
    """

    frame: pd.DataFrame = field(repr=False)
    set_aside: pd.DataFrame = field(repr=False)
    counts: Mapping[str, int]
    raw: tuple[RawFile, ...] = ()
    broken: tuple[BrokenFile, ...] = ()

    @property
    def reasons(self) -> dict[str, int]:
        """Rows set aside, by reason."""
        return {str(k): int(n) for k, n in self.set_aside["reason"].value_counts(sort=False).items()}


def read_cases(path: str | Path, columns: Columns | None = None, *, skip_broken: bool = False) -> CaseRecord:
    """Read a city's export of approval cases.

    Parameters
    ----------
    path : str or Path
        A CSV (UTF-8 or GB18030), Excel or Parquet file, or a folder of them.
    columns : mapping, optional
        Our field to the export's header, where it differs from the usual one.
    skip_broken : bool
        Pass over files of a folder that cannot be read, and say so; otherwise the first one is an error.

    Returns
    -------
    CaseRecord

    Raises
    ------
    DataError
        A file or value cannot be read, or a case number stands in two rows that differ: names file and rows.
    """
    path = Path(path)
    files = find_files(path, suffixes=SUFFIXES)
    parts, raw, broken = [], [], []
    for file in files:
        try:
            cells_of_file, origin = read_file(file, columns or {})
            parts.append(_typed(cells_of_file, file))
            raw.append(origin)
        except DataError as error:
            if not (skip_broken and path.is_dir()):
                raise
            broken.append(BrokenFile(file.name, error.what))
    if not parts:
        raise DataError(
            "none of the files can be read",
            where="; ".join(f"{item.name}: {item.what}" for item in broken[:5]),
            expected="at least one file of cases",
        )
    frame = pd.concat(parts, ignore_index=True)
    return _checked(frame, tuple(raw), tuple(broken))


def _typed(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Texts, days and limits; a cell that cannot be read is an error that names its row."""
    out: dict[str, object] = {"file": path.name, "row": frame.index.to_numpy()}
    for name in FIELDS:
        if name not in frame.columns:
            empty = {"datetime": np.datetime64("NaT", "s"), "limit": np.nan, "text": ""}
            out[name] = empty["datetime" if name in DATES else "limit" if name in LIMITS else "text"]
        elif name in DATES:
            read, wrong = cells.days(frame[name])
            _refuse(frame, name, wrong, path, "dates", "a day such as 2015-03-02 or 2015年3月2日, or nothing")
            out[name] = read.astype("datetime64[s]")
        elif name in LIMITS:
            values, wrong = cells.numbers(frame[name])
            _refuse(frame, name, wrong, path, "numbers", "working days such as 20, or nothing")
            with np.errstate(invalid="ignore"):
                _refuse(frame, name, values <= 0, path, "above 0", "working days above 0, or nothing")
            out[name] = values
        else:
            out[name] = cells.texts(frame[name]).to_numpy()
    return pd.DataFrame(out, index=range(len(frame)))


def _refuse(
    frame: pd.DataFrame, name: str, wrong: NDArray[np.bool_], path: Path, kind: str, expected: str
) -> None:
    if wrong.any():
        rows = frame.index[wrong]
        shown = (f"row {row} ({frame.at[row, name]!r})" for row in rows)
        raise DataError(
            f"{len(rows)} values of {name} are not {kind}",
            where=f"{path}: {shortlist(shown)}",
            expected=expected,
            fix="correct these cells, or empty those whose value is not known",
        )


def _checked(frame: pd.DataFrame, raw: tuple[RawFile, ...], broken: tuple[BrokenFile, ...]) -> CaseRecord:
    content = [name for name in FIELDS if name != "number"]
    repeated = frame.duplicated("number", keep=False) & (frame["number"] != "")
    same = frame.duplicated(["number", *content], keep="first") & repeated
    differing = frame[repeated & ~same].duplicated("number", keep=False)
    if differing.any():
        rows = frame.loc[differing.index[differing]]
        named = shortlist(
            f"{number}: " + " and ".join(f"{f} row {r}" for f, r in zip(g["file"], g["row"], strict=True))
            for number, g in rows.groupby("number", sort=False)
        )
        raise DataError(
            f"{rows['number'].nunique()} case numbers stand in rows that differ",
            where=named,
            expected="one row a case",
            fix="keep the row that is right; a row that is repeated word for word does no harm",
        )
    tests = {
        "no case number": frame["number"] == "",
        "the row repeats an earlier one": same,
        "no day of acceptance": frame["accepted"].isna(),
        "no item": frame["item"] == "",
        "no district": frame["district"] == "",
        "decided before it was accepted": frame["decided"] < frame["accepted"],
        "suspended without an end although decided": frame["suspended"].notna()
        & frame["resumed"].isna()
        & frame["decided"].notna(),
        "the suspended time ends before it begins, or has no beginning": (
            frame["resumed"] < frame["suspended"]
        )
        | (frame["resumed"].notna() & frame["suspended"].isna()),
        "suspended before it was accepted or after it was decided": (frame["suspended"] < frame["accepted"])
        | (frame["resumed"] > frame["decided"]),
    }
    reason = pd.Series("", index=frame.index, dtype=object)
    for words, wrong in tests.items():
        reason = reason.mask(wrong & (reason == ""), words)
    aside = frame.loc[reason != "", ["file", "row"]].assign(reason=reason[reason != ""])
    kept = frame[reason == ""].reset_index(drop=True)
    if kept.empty:
        raise DataError(
            "no row is a case that can be used",
            where=shortlist(f"{k}: {n}" for k, n in aside["reason"].value_counts().items()),
            expected="rows with number, item, district and day of acceptance",
        )
    counts = {
        "rows_read": len(frame),
        "cases": len(kept),
        "open": int(kept["decided"].isna().sum()),
        "without_statutory_limit": int(kept["statutory"].isna().sum()),
        "without_promised_limit": int(kept["promised"].isna().sum()),
        "suspended": int(kept["suspended"].notna().sum()),
        "accepted_before_applied": int((kept["accepted"] < kept["applied"]).sum()),
    }
    return CaseRecord(kept, aside.reset_index(drop=True), counts, raw, broken)
