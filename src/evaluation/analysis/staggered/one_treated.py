"""What must be so before one treated unit is compared with units whose record is complete."""

from __future__ import annotations

from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.errors import DataError, DesignError, shortlist
from evaluation.study.comparisons import Comparison
from evaluation.study.staggered import StaggeredStudy


def check_one(case: StaggeredCase) -> None:
    """Check the units, the records, the dates and the years of a study of one treated unit.

    Raises
    ------
    DataError
        The record of the treated unit is not complete.
    DesignError
        A unit that is not in the table, no donor left, or a date or a year outside the data.
    """
    study = case.study
    _check_dates(case)
    known = {str(unit) for unit in case.places.index}
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


def _placed(study: StaggeredStudy) -> list[tuple[str, Comparison]]:
    """Every comparison with its place in the study file."""
    page = [(f"pools.{i}", pool) for i, pool in enumerate(study.comparisons)]
    return [*page, *((f"choices.pools.{i}", pool) for i, pool in enumerate(study.choices.pools))]


def _check_treated(case: StaggeredCase, pool: str, place: str) -> None:
    data = case.study.data
    rows = case.donor_rows(pool)
    own = rows[rows[data.unit] == case.treated_unit]
    short = own[own[data.observed] < data.least] if data.observed and data.least else own.iloc[:0]
    if len(own) == rows[data.time].nunique() and short.empty:
        return
    raise DataError(
        f"the record of the treated unit {case.treated_unit} is not complete",
        where=f"table {data.table}; periods {shortlist(short[data.time])}; {place}",
        expected="every period of the window, with enough observations",
        fix="shorten start or end in the study file, or complete the table",
    )


def _check_dates(case: StaggeredCase) -> None:
    study = case.study
    data = study.data
    windows = {"data": (case.period(data.start), case.period(data.end))}
    windows |= {place: case.span(pool.id) for place, pool in _placed(study)}
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


def _years_named(study: StaggeredStudy) -> list[tuple[str, int]]:
    pair = study.headline.years
    named = (
        [] if pair is None else [(f"headline.years.{key}", getattr(pair, key)) for key in ("before", "after")]
    )
    for claim in study.claims:
        for key, year in (("year", claim.year), ("baseline", claim.baseline)):
            if year is not None:
                named.append((f"claims.{claim.id}.{key}", year))
    return named
