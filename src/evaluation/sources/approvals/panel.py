"""Any number of case files to a panel of districts by month: counts by file are merged, records never are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import DataError, shortlist
from evaluation.numerics import survival
from evaluation.sources.approvals.cases import BrokenFile
from evaluation.sources.approvals.partials import Partial, add_up, count_file
from evaluation.sources.approvals.repeats import refuse_repeats
from evaluation.sources.approvals.tables import SUFFIXES, Columns
from evaluation.sources.approvals.typed import connection
from evaluation.sources.reading import RawFile, find_files

_LEVEL = 0.95
_Z = 1.959963984540054
DISTRICT_MONTH = ("district", "month")


@dataclass(frozen=True, eq=False)
class CaseCounts:
    """The cases of many files as counts.

    Attributes
    ----------
    cells : pandas.DataFrame
        ``district, item, month, statutory, finished, days, cases``; see
        `evaluation.sources.approvals.partials.Partial`. ``month`` is a ``pandas.Period``.
    as_of : Timestamp
        Day of the export.
    counts, reasons : mapping of str to int
        Summed over the files.
    set_aside : pandas.DataFrame
        ``file, row, reason``: the first thousand of each file.
    files : tuple of RawFile
    cached : tuple of str
        Names of files whose counts were at hand already.
    broken : tuple of BrokenFile
        Files passed over because they cannot be read and that was asked for.
    """

    cells: pd.DataFrame = field(repr=False)
    as_of: pd.Timestamp
    counts: dict[str, int]
    reasons: dict[str, int]
    set_aside: pd.DataFrame = field(repr=False)
    files: tuple[RawFile, ...] = field(repr=False)
    cached: tuple[str, ...] = field(default=(), repr=False)
    broken: tuple[BrokenFile, ...] = ()


def count_cases(
    path: str | Path,
    as_of: str | pd.Timestamp,
    columns: Columns | None = None,
    *,
    cache: Path | None = None,
    skip_broken: bool = False,
) -> CaseCounts:
    """Count the cases of a file or folder, file by file.

    Parameters
    ----------
    path : str or Path
        A CSV, Excel or Parquet file, or a folder of them.
    as_of : str or Timestamp
        Day of the export.
    columns : mapping, optional
        Our field to the export's header, where it differs from the usual one.
    cache : Path, optional
        Folder in which the counts of each file are kept under its checksum: only a file that changed
        is read again.
    skip_broken : bool
        Pass over files of a folder that cannot be read, and say so; otherwise the first one is an error.

    Returns
    -------
    CaseCounts

    Raises
    ------
    DataError
        As `read_cases`; or a case number stands in two files: names files and rows.
    """
    path = Path(path)
    day = pd.Timestamp(as_of).normalize()
    partials: list[Partial] = []
    kept: list[Path] = []
    broken = []
    con = connection()
    for file in find_files(path, suffixes=SUFFIXES):
        try:
            partials.append(count_file(file, day, columns, cache, con))
            kept.append(file)
        except DataError as error:
            if not (skip_broken and path.is_dir()):
                raise
            broken.append(BrokenFile(file.name, error.what))
    if not partials:
        raise DataError(
            "none of the files can be read",
            where="; ".join(f"{item.name}: {item.what}" for item in broken[:5]),
            expected="at least one file of cases",
        )
    con.close()
    refuse_repeats(kept, partials, columns or {}, cache)
    cells = add_up(pd.concat([part.cells for part in partials], ignore_index=True))
    cells["month"] = pd.PeriodIndex(cells["month"].to_numpy().astype("datetime64[M]"), freq="M")
    return CaseCounts(
        cells=cells,
        as_of=day,
        counts=_total([part.counts for part in partials]),
        reasons=_total([part.reasons for part in partials]),
        set_aside=pd.concat([part.set_aside for part in partials], ignore_index=True),
        files=tuple(part.raw for part in partials),
        cached=tuple(part.raw.name for part in partials if part.cached),
        broken=tuple(broken),
    )


def _total(parts: Sequence[object]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        assert hasattr(part, "items")
        for name, number in part.items():
            total[name] = total.get(name, 0) + int(number)
    return total


def measures(cells: pd.DataFrame, horizon: float, by: Sequence[str] = DISTRICT_MONTH) -> pd.DataFrame:
    """What the counts come to by district and month, or by other columns.

    Parameters
    ----------
    cells : pandas.DataFrame
        From `CaseCounts.cells`, or some of its rows.
    horizon : float
        Working days up to which the restricted mean is taken.
    by : sequence of str
        Columns that make a group, such as ``district``, ``month``, ``item``.

    Returns
    -------
    pandas.DataFrame
        Columns of ``by``, then

        - ``cases, decided, open``: accepted in the month; decided by, or open on, the day of the export;
        - ``mean, median, p90``: working days of the decided ones alone. They leave out what is still open,
          and are too low wherever something is;
        - ``limit_share``: mean share of the statutory limit that decided cases with a limit took;
        - ``on_time, judged``: share within the limit of those judged: decided with a limit, or open
          beyond it;
        - ``restricted_mean, restricted_mean_se``: mean of ``min(days, horizon)`` of all cases, open
          ones as censored (`evaluation.numerics.survival.restricted_mean`); missing where the record ends
          before the horizon;
        - ``km_median, km_median_low, km_median_high, km_median_se``: Kaplan-Meier median of all cases with
          its 95 % interval, in whole days; the standard error is the interval's width over 2 x 1.96, missing
          where an end of it is not reached, and where both ends are the same day: it is then less than a
          day and days cannot tell how much.

    Raises
    ------
    DataError
        A column of ``by`` is not there.
    """
    absent = [name for name in by if name not in cells.columns]
    if absent:
        raise DataError(
            f"cases cannot be grouped by {shortlist(absent)}", expected="one of " + ", ".join(cells.columns)
        )
    grouped = cells.groupby(list(by), sort=True, observed=True)
    group = grouped.ngroup().to_numpy()
    keys = grouped.size().index.to_frame(index=False)
    n = len(keys)
    days, number = cells["days"].to_numpy(dtype=np.float64), cells["cases"].to_numpy(dtype=np.float64)
    done, limit = cells["finished"].to_numpy(dtype=bool), cells["statutory"].to_numpy(dtype=np.float64)
    has_limit = ~np.isnan(limit)
    with np.errstate(invalid="ignore"):
        judged = has_limit & (done | (days > limit))
        on_time = judged & done & (days <= limit)
        share = np.where(has_limit, days / limit, 0.0)

    def total(values: NDArray[np.float64], where: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(group[where], values[where], minlength=n)[:n].astype(np.float64)

    cases, decided = total(number, np.ones(len(days), dtype=bool)), total(number, done)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = keys.assign(
            cases=cases.astype(np.int64),
            decided=decided.astype(np.int64),
            open=(cases - decided).astype(np.int64),
            mean=total(number * days, done) / decided,
            median=count_quantile(days[done], number[done], group[done], n, 0.5),
            p90=count_quantile(days[done], number[done], group[done], n, 0.9),
            limit_share=total(number * share, done & has_limit) / total(number, done & has_limit),
            on_time=total(number, on_time) / total(number, judged),
            judged=total(number, judged).astype(np.int64),
        )
    curves = survival.kaplan_meier(days, done, group, n, number)
    mean = survival.restricted_mean(curves, horizon)
    middle = survival.quantile(curves, 0.5, _LEVEL)
    width = _finite(middle.ci_high) - _finite(middle.ci_low)
    return out.assign(
        restricted_mean=mean.estimate,
        restricted_mean_se=mean.std_error,
        km_median=_finite(middle.estimate),
        km_median_low=_finite(middle.ci_low),
        km_median_high=_finite(middle.ci_high),
        km_median_se=np.where(width > 0, width / (2 * _Z), np.nan),
    )


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)


def count_quantile(
    values: NDArray[np.float64],
    number: NDArray[np.float64],
    group: NDArray[np.int64],
    n_groups: int,
    probability: float,
) -> NDArray[np.float64]:
    """Quantile of each group (G,) of values (m,) that stand for ``number`` (m,) cases each.

    That of Hyndman and Fan (1996), definition 7, as numpy and DuckDB's ``quantile_cont`` have it: the same as
    if each case were a row.

    Parameters
    ----------
    values, number, group : ndarray (m,)
    n_groups : int
    probability : float

    Returns
    -------
    ndarray (n_groups,)
        NaN for a group without a case.
    """
    order = np.lexsort((values, group))
    values, number, group = values[order], number[order], group[order]
    size = np.bincount(group, number, minlength=n_groups)[:n_groups]
    start = np.concatenate([[0.0], np.cumsum(size)])[:-1]
    upto = np.cumsum(number)
    out = np.full(n_groups, np.nan)
    some = np.flatnonzero(size > 0)
    place = (size[some] - 1) * probability
    below = np.floor(place)
    last = len(values) - 1

    def at(rank: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[np.minimum(np.searchsorted(upto, start[some] + rank, side="right"), last)]

    low, high = at(below), at(np.minimum(below + 1, size[some] - 1))
    out[some] = low + (high - low) * (place - below)
    return out
