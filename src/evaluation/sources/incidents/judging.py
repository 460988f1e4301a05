"""Texts of an export read and judged: days, offences, places, and rows that stand twice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import DataError, shortlist
from evaluation.sources import cells
from evaluation.sources.incidents import scanning
from evaluation.sources.incidents.pieces import Piece, first_line_not, mixed

_LISTED = 20
_MOST_REPEATED = 200_000


def decoded(part: pd.DataFrame, piece: Piece) -> pd.DataFrame:
    """Texts as they are written, and the position of the file."""
    out = part.assign(file=piece.path.name)
    for name in ("offence", "place", "occurred", "reported"):
        codes, values = pd.factorize(part[name].astype(object), use_na_sentinel=False)
        try:
            texts = [cells.clean_text(piece.decode(None if pd.isna(value) else value)) for value in values]
        except UnicodeError:
            bad = first_line_not(piece.path, "gb18030")
            raise mixed(piece.path, bad) from None
        out[name] = np.array(texts, dtype=object)[codes]
    return out


# one number, one incident -----------------------------------------------------------------------


def repetitions(
    database: scanning.Database, pieces: list[Piece], hashed: list[NDArray[np.uint64]]
) -> tuple[pd.DataFrame, int]:
    """What must be taken off again because a row stands twice (negative rows), and rows with a number."""
    hashes = hashed[0] if len(hashed) == 1 else np.concatenate(hashed)
    numbered = len(hashes)
    hashes.sort()
    twice = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    columns = ["month", "delay", "after", "offence", "place", "occurred", "reported", "rows", "file"]
    if not len(twice):
        return pd.DataFrame(columns=columns), numbered
    del hashes
    if len(twice) > _MOST_REPEATED:
        raise DataError(
            f"more than {_MOST_REPEATED:,} incident numbers stand in several rows",
            where=shortlist(piece.path.name for piece in pieces),
            expected="one row an incident",
            fix="the incidents were exported more than once, or the column does not hold their numbers",
        )
    parts = []
    for piece in pieces:
        rows = scanning.rows_of_numbers(database, piece, twice)
        for name in rows.columns:
            rows[name] = [cells.clean_text(piece.decode(None if pd.isna(v) else v)) for v in rows[name]]
        parts.append(rows.assign(file=piece.path.name))
    rows = pd.concat(parts, ignore_index=True)
    content = [name for name in rows.columns if name != "file"]
    # two numbers may share a hash, and blanks are none
    rows = rows[rows.duplicated("number", keep=False) & (rows["number"] != "")]
    same = rows.duplicated(content, keep="first")
    differing = rows[~same].duplicated("number", keep=False)
    if differing.any():
        numbers = rows[~same].loc[differing, "number"].unique()
        raise DataError(
            f"{len(numbers)} incident numbers stand in rows that differ",
            where=shortlist(_where(pieces, number) for number in sorted(numbers)[:5]),
            expected="one row an incident",
            fix="keep the row that is right; a row that is repeated word for word does no harm",
        )
    extra = rows[same].drop(columns="number")
    extra = extra.groupby(list(extra.columns), as_index=False).size().rename(columns={"size": "rows"})
    return extra.assign(rows=-extra["rows"], month=np.nan, delay=np.nan, after=False)[columns], numbered


def _where(pieces: list[Piece], number: str) -> str:
    found = [
        f"{piece.path.name} row {row}"
        for piece in pieces
        for row, _ in scanning.find_rows(piece, "number", {number}, 3)
    ]
    return f"{number}: {' and '.join(found)}"


# days ------------------------------------------------------------------------------------------


def with_days(
    found: pd.DataFrame, pieces: list[Piece], as_of: str, allowed: float, rows_read: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Month and delay of rows whose days SQL left as texts; too many that cannot be read are an error."""
    texts = found["month"].isna()
    part = found[texts]
    occurred, bad = cells.days(part["occurred"])
    reported, late_bad = cells.days(part["reported"])
    known = ~(np.isnat(occurred) | np.isnat(reported))
    month = np.full(len(part), np.nan)
    month[known] = occurred[known].astype("datetime64[M]").astype(np.int64) + 1970 * 12
    delay = np.full(len(part), np.nan)
    delay[known] = (reported[known] - occurred[known]).astype(np.int64)
    out = found.assign(month=found["month"].astype(float), delay=found["delay"].astype(float))
    out.loc[texts, "month"], out.loc[texts, "delay"] = month, delay
    out.loc[texts, "after"] = known & (reported > np.datetime64(as_of, "D"))
    out["after"] = out["after"].astype(bool)
    lost = int(part.loc[~known, "rows"].sum())
    listing = _list_unreadable(
        part, {"occurred": bad | np.isnat(occurred), "reported": late_bad | np.isnat(reported)}, pieces
    )
    if lost > allowed * rows_read:
        shown = (f"{r.file} row {r.row}: {r.field} {r.text!r}" for r in listing.itertuples())
        raise DataError(
            f"{lost} of {rows_read} rows have no day that can be read ({lost / rows_read:.2%}), "
            f"more than the share {allowed:g} that is allowed",
            where=shortlist(shown, 8),
            expected="a day such as 2015-03-02 or 2015年3月2日 for the incident and for the report",
            fix="correct these cells, or raise 'unreadable' in the settings: they are then set aside",
        )
    return out, listing


def _list_unreadable(part: pd.DataFrame, wrong: Mapping[str, object], pieces: list[Piece]) -> pd.DataFrame:
    rows: list[tuple[str, int, str, str]] = []
    for piece in pieces:
        own = (part["file"] == piece.path.name).to_numpy() & (part["rows"] > 0).to_numpy()
        for name, bad in wrong.items():
            wanted = set(part.loc[own & np.asarray(bad, dtype=bool), name])
            if wanted and len(rows) < _LISTED:
                hits = scanning.find_rows(piece, name, wanted, _LISTED - len(rows))
                rows += [(piece.path.name, row, name, text) for row, text in hits]
    return pd.DataFrame(rows, columns=["file", "row", "field", "text"])


# maps ------------------------------------------------------------------------------------------


def mapped(
    found: pd.DataFrame, name: str, of: Mapping[str, object], pieces: list[Piece], table: str
) -> pd.Series:
    """What a map makes of the texts of a field; a text that is in no map is an error that names it."""
    unknown = ~found[name].isin(list(of))
    if unknown.any():
        sums = found[unknown].groupby(name)["rows"].sum().sort_values(ascending=False)
        for piece in pieces:
            _refuse_mixed(piece, [str(text) for text in sums.index], of, name)
        what = {"offence": "offence codes are not in the map", "place": "places are outside the map"}[name]
        first = str(sums.index[0])
        hits = (f"{p.path.name} row {r}" for p in pieces for r, _ in scanning.find_rows(p, name, {first}, 1))
        raise DataError(
            f"{len(sums)} {what}",
            where=shortlist((f"{text or 'an empty cell'} ({int(n)} rows)" for text, n in sums.items()), 12)
            + f"; the first in {next(hits, 'the files')}",
            expected=f"one of the entries of {table}, such as {shortlist(of, 8)}",
            fix=f"add a row to {table}; leave its second column empty for what is not to be counted",
        )
    return found[name].map(dict(of))


def _refuse_mixed(piece: Piece, unknown: list[str], of: Mapping[str, object], name: str) -> None:
    """A name that reads as a known one in the other encoding gives the mixture away."""
    if piece.encoding not in ("utf-8", "gb18030"):
        return
    for text in unknown:
        try:
            other = text.encode("gb18030").decode("utf-8")
        except UnicodeError:
            continue
        if other in of and piece.encoding == "gb18030":
            raise mixed(piece.path, next((row for row, _ in scanning.find_rows(piece, name, {text}, 1)), 0))
