"""Read the data of a study of many places and check that the question can be put."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.limits import official_limits
from evaluation.analysis.staggered.case import LOG, MIX, StaggeredCase, is_never
from evaluation.analysis.staggered.one_treated import check_one
from evaluation.analysis.staggered.probe import require_estimates
from evaluation.analysis.staggered.size import require_room
from evaluation.analysis.times import with_periods
from evaluation.errors import DataError, DesignError, StudyError, shortlist
from evaluation.panel import require_columns, require_variation
from evaluation.sources.manifest import TableInfo, load_manifest, read_table
from evaluation.sources.times import EXAMPLE, period_column, read_period, read_periods
from evaluation.study.base import LANGUAGES, Text
from evaluation.study.defaults import PERCENT as IN_PERCENT
from evaluation.study.defaults import complete
from evaluation.study.staggered import Outcome, StaggeredStudy

PERCENT = Text(en="%", zh="%")


def prepare_staggered(
    study: StaggeredStudy,
    overrides: Mapping[str, Any],
    root: Path,
    table: tuple[pd.DataFrame, TableInfo] | None = None,
) -> StaggeredCase:
    """Read the data of a study of many places and check that the question can be put.

    Parameters
    ----------
    study : StaggeredStudy
    overrides : mapping
        Dotted keys to values that replaced those of the file.
    root : Path
        The project folder.
    table : tuple, optional
        The study's table where it stands in no file; nothing is read from the folder then.

    Returns
    -------
    StaggeredCase

    Raises
    ------
    DataError
        A table is missing or corrupt; a column is absent; a unit has a period twice; a period cannot be
        read; a count or an exposure that cannot be one; a first treated period that changes within a unit.
    DesignError
        A window outside the data, nobody treated within it, nobody to compare with, or a table too large
        for the machine's memory.
    StudyError
        A true effect although the data are real.
    """
    data = study.data
    frame, info = read_table(data.table, root / "data") if table is None else table
    sources = [info]
    if data.places:
        places, place_info = read_table(data.places, root / "data")
        sources.append(place_info)
        frame = _with_places(frame, places, study)
    require_columns(frame, _needed(study), table=f"table {data.table}")
    study, calendar = with_periods(study, frame)
    data = study.data
    problems = study.design.problems(data.frequency)
    if problems:
        raise StudyError("the window of the design does not fit the data", where=problems[0])
    frame = frame.assign(**{data.time: period_column(frame, data.time, data.frequency, data.table)})
    twice = frame.duplicated([data.unit, data.time])
    if twice.any():
        shown = frame.loc[twice, [data.unit, data.time]].astype(str).agg(" ".join, axis=1)
        raise DataError(
            f"the table {data.table} has a unit and period twice",
            where=shortlist(shown),
            fix="keep one row of each",
        )
    inside, before = _window(frame, study)
    _check_constant(inside, study)
    _check_units(inside, study)
    inside, changing = _weighed(inside, study)
    ending = _ending(study, root)
    if ending is not None and ending[1].name not in {source.name for source in sources}:
        sources.append(ending[1])
    one_each = inside.drop_duplicates(data.unit)
    names = {
        language: dict(zip(one_each[data.unit], one_each[column].astype(str), strict=True))
        for language, column in (("en", data.name_en), ("zh", data.name_zh))
        if column is not None
    }
    end = None if ending is None else ending[0]
    beside = _beside(study, root) if table is None else []
    sources += [info for info in beside if info.name not in {s.name for s in sources}]
    annual = None
    if data.annual:
        annual, annual_info = read_table(data.annual, root / "data")
        needed = [data.unit, "year", *(outcome.column for outcome in study.outcomes)]
        require_columns(annual, needed, table=f"table {data.annual}")
        sources.append(annual_info)
    case = StaggeredCase(
        study, inside, before, tuple(sources), names, end, dict(overrides), root, calendar, annual=annual
    )
    for outcome in study.outcomes:
        _check_values(case, outcome)
    if study.treatment.unit:
        check_one(case)
    for outcome in study.outcomes:
        _require_treated(case, outcome)
    case = _completed(case, changing)
    study = case.study
    require_room(case)
    if study.truth and not case.simulated:
        raise StudyError(
            "a true effect is given, and the data are real",
            where=f"[truth]; the manifest says that {shortlist(s.name for s in sources)} are not simulated",
            fix="take [truth] out",
        )
    if not study.treatment.unit and (
        study.headline.years is not None or study.choices.pools or study.choices.windows
    ):
        _ = case.treated_unit  # these are of one treated unit: refused where there are more
    for outcome in study.outcomes:
        _check_sides(case, outcome)
    if not study.treatment.unit:  # a page on one unit leaves out what its years do not hold
        require_estimates(case)
    return case


def _weighed(frame: pd.DataFrame, study: StaggeredStudy) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows with one weight a unit, the mean over its rows, and in how many units each column changed."""
    data, changing = study.data, {}
    named = (study.treatment.weights, *(item.weights for item in study.published))
    for column in dict.fromkeys(filter(None, named)):
        values = frame[column]
        if not pd.api.types.is_numeric_dtype(values):
            raise DataError(f"column {column!r} must be numeric", where=f"table {data.table}: weights")
        values = values.astype("float64")
        units = values.groupby(frame[data.unit])
        bad = (values <= 0) | np.isinf(values) | units.transform("count").eq(0)
        if bad.any():
            raise DataError(
                f"{frame.loc[bad, data.unit].nunique()} units have no weight above 0: column {column!r}",
                where=f"units {shortlist(frame.loc[bad, data.unit].unique())}; table {data.table}",
                expected="a number above 0 for every unit",
                fix="correct these values, or leave the units out",
            )
        varies = units.transform("min") != units.transform("max")
        varies |= values.isna()
        if varies.any():
            changing[column] = frame.loc[varies, data.unit].nunique()
            # a unit that does not change keeps its weight to the last digit
            frame = frame.assign(**{column: values.mask(varies, units.transform("mean"))})
    return frame, changing


def _completed(case: StaggeredCase, changing: Mapping[str, int]) -> StaggeredCase:
    """The case with everything in its study that was left to the data, and notes on what was taken so."""
    study = case.study
    told: dict[str, dict[str, Any]] = {}
    table = case.table
    for outcome in study.outcomes:
        values = table[outcome.column].astype("float64")
        told[outcome.id] = {}
        in_points = (
            outcome.in_points and study.headline.years is None
        )  # which are said in the study's own unit
        if in_points and _is_fraction(outcome, values):
            table = table.assign(**{outcome.column: 100 * values})
            values = 100 * values
        if in_points:
            told[outcome.id]["unit"] = PERCENT
        if "digits" not in outcome.model_fields_set:
            told[outcome.id]["digits"] = _digits(
                values - values.groupby(table[study.data.unit]).transform("mean")
            )
    lead = case.lead
    units = case.treated(lead)
    study = complete(
        study,
        treated={one: tuple(case.name(unit, one) for unit in units) for one in LANGUAGES},
        untreated=bool((~(case.first(lead) <= case.period(study.data.end))).any()),
        outcomes=told,
    )
    notes = _notes(case, study, changing)
    return replace(case, study=study, table=table, notes=notes)


def _is_fraction(outcome: Outcome, values: pd.Series) -> bool:
    """Whether a share is of 1 and not of 100."""
    unit = outcome.unit.en.strip().lower()
    return unit == "share" or (unit not in IN_PERCENT and bool(values.abs().max() <= 1))


def _digits(values: pd.Series) -> int:
    """Digits after the point that show a hundredth of an outcome's spread within its units."""
    spread = float(values.std())
    if not spread > 0:
        return 1
    return int(np.clip(1 - np.floor(np.log10(spread)), 0, 6))


def _notes(case: StaggeredCase, study: StaggeredStudy, changing: Mapping[str, int]) -> tuple[Text, ...]:
    """What was taken for granted of the columns of dates and of weights."""
    notes = [
        Text(
            en=f"The weight {column} is not the same in all rows of {count} "
            f"unit{'' if count == 1 else 's'}: each unit has the mean over its rows.",
            zh=f"权重{column}在{count}个单位的各行中不相同：每个单位取其各行的平均值。",
        )
        for column, count in changing.items()
    ]
    for column in dict.fromkeys(
        o.first_treated or case.study.treatment.first_treated for o in study.outcomes
    ):
        zeros = 0 if column is None else int(is_never(case.places[column], ()).sum())
        if zeros:
            notes.append(
                Text(
                    en=f"A 0 in the column {column} is taken to mean never treated ({zeros} units).",
                    zh=f"{column}列中的0视为从未处理（{zeros}个单位）。",
                )
            )
    for outcome in study.outcomes:
        units = case.unseen(outcome)
        if units:
            notes.append(
                Text(
                    en=f"Left out of {outcome.label.en}, without a value from the first treated period on: "
                    f"{shortlist(case.name(unit, 'en') for unit in units)}.",
                    zh=f"{outcome.label.zh}未计入起始期之后没有数值的单位："
                    f"{shortlist(case.name(unit, 'zh') for unit in units)}。",
                )
            )
    if study.treatment.comparison != case.study.treatment.comparison:
        notes.append(
            Text(
                en="Every unit is treated in the end: the comparison is with units that are not yet treated.",
                zh="所有单位最终都接受处理，故与尚未处理的单位比较。",
            )
        )
    return tuple(notes)


def _check_units(frame: pd.DataFrame, study: StaggeredStudy) -> None:
    """Units that the study dates are in the table, and their dates within its periods."""
    data = study.data
    for place, named in (("treatment", study.treatment), *((f"outcomes.{o.id}", o) for o in study.outcomes)):
        known = {str(unit) for unit in frame[data.unit].unique()}
        first, last = frame[data.time].min(), frame[data.time].max()
        key = "units" if named.units else "unit"
        for unit, when in named.starts.items():
            if unit not in known:
                near = get_close_matches(unit, known, 5, 0.5)
                near += [one for one in sorted(known) if one.lower() == unit.lower() and one not in near]
                raise DesignError(
                    f"the treated unit {unit!r} is not in the table",
                    where=f"{place}.{key}; column {data.unit!r} of table {data.table}",
                    expected=f"one of {shortlist(map(repr, near or sorted(known)), 20)}",
                    fix="write the name as the table does, letter for letter",
                )
            if not named.units:
                continue  # the dates of one treated unit depend on its comparisons, too
            try:
                date = read_period(when, data.frequency)
            except ValueError:
                date = None
            if date is None or not first < date <= last:
                raise DesignError(
                    f"{unit} is treated from {when}, which leaves no period before or none after it",
                    where=f"{place}.units; table {data.table}",
                    expected=f"a period after {first} and up to {last}",
                    fix="correct the date, or widen the table's periods",
                )


def _ending(study: StaggeredStudy, root: Path) -> tuple[pd.Series, TableInfo] | None:
    """The series that shows why the record ends where it does, where the study has one."""
    end = study.end
    if end is None or not (end.table and end.time and end.frequency and end.column):
        return None
    frame, info = read_table(end.table, root / "data")
    require_columns(frame, [end.time, end.column], table=f"table {end.table}")
    times = period_column(frame, end.time, end.frequency, end.table)
    return pd.Series(frame[end.column].to_numpy(dtype=float), index=pd.PeriodIndex(times)), info


def _beside(study: StaggeredStudy, root: Path) -> list[TableInfo]:
    """Tables beside the study's own that its page shows: its item mix, the official figures of its claim."""
    names = {study.data.table.removesuffix("_month") + MIX}
    if study.limit is not None and study.limit.table is not None:
        official_limits(root, study.limit.table)
        names.add(study.limit.table)
    return [table for table in load_manifest(root / "data").tables if table.name in names]


def _needed(study: StaggeredStudy) -> list[str]:
    data, treatment = study.data, study.treatment
    names = [data.unit, data.time, data.name_en, data.name_zh, data.exposure]
    names += [treatment.first_treated, treatment.switched_on, treatment.cluster, treatment.weights]
    names += [item.column(outcome.id) for item in study.alternatives for outcome in study.outcomes]
    names += [study.neighbours.column if study.neighbours else None]
    names += [data.observed]
    names += [column for item in study.every_pool for column in (item.column, *item.where)]
    for outcome in study.outcomes:
        names += [outcome.column, outcome.first_treated, outcome.switched_on]
        names += [name.removeprefix(LOG) for name in outcome.covariates]
    for item in study.published:
        names += [*(name.removeprefix(LOG) for name in item.covariates), item.weights]
    return list(dict.fromkeys(name for name in names if name))


def _with_places(frame: pd.DataFrame, places: pd.DataFrame, study: StaggeredStudy) -> pd.DataFrame:
    data = study.data
    require_columns(frame, [data.unit], table=f"table {data.table}")
    require_columns(places, [data.unit], table=f"table {data.places}")
    twice = places[data.unit][places[data.unit].duplicated()]
    if len(twice):
        raise DataError(
            f"the table {data.places} has a unit twice", where=shortlist(twice), fix="keep one row"
        )
    absent = sorted(set(frame[data.unit]) - set(places[data.unit]))
    if absent:
        raise DataError(
            f"{len(absent)} units of {data.table} are not in the table of places {data.places}",
            where=shortlist(absent),
            fix="add a row for each, or take them out of the main table",
        )
    new = [column for column in places.columns if column == data.unit or column not in frame.columns]
    return frame.merge(places[new], on=data.unit, how="left", validate="many_to_one")


def _window(frame: pd.DataFrame, study: StaggeredStudy) -> tuple[pd.DataFrame, pd.DataFrame]:
    data = study.data
    times = frame[data.time]
    start, end = (read_period(x, data.frequency) for x in (data.start, data.end))
    if start < times.min() or end > times.max():
        raise DesignError(
            f"the window {start} to {end} reaches outside the data",
            where="data.start, data.end",
            expected=f"dates from {times.min()} to {times.max()}",
            fix="shorten the window in the study file",
        )
    # a copy in one piece: a table of a hundred columns, each in a piece of its own, makes pandas warn later
    frame = frame.sort_values([data.unit, data.time], ignore_index=True).copy()
    inside = frame[(frame[data.time] >= start) & (frame[data.time] <= end)]
    return inside.reset_index(drop=True), frame[frame[data.time] < start].reset_index(drop=True)


def _check_constant(frame: pd.DataFrame, study: StaggeredStudy) -> None:
    """Columns of dates, places and clusters have one value a unit, and dates can be read."""
    data = study.data
    dates = {study.treatment.first_treated, *(outcome.first_treated for outcome in study.outcomes)}
    dates |= {item.column(outcome.id) for item in study.alternatives for outcome in study.outcomes}
    dates |= {study.neighbours.column} if study.neighbours else set()
    places = {column for item in study.every_pool for column in (item.column, *item.where)}
    places |= {study.treatment.cluster}
    for column in sorted(name for name in dates | places if name):
        changing = frame.groupby(data.unit)[column].nunique(dropna=False)
        if (changing > 1).any():
            raise DataError(
                f"column {column!r} changes within a unit",
                where=f"units {shortlist(changing.index[changing > 1])}; table {data.table}",
                expected="one value for all periods of a unit",
                fix="treatment that switches off or on again is not what this kind of study is for: "
                "give the first date, or leave the unit out",
            )
        if column in dates:
            by_unit = frame.drop_duplicates(data.unit).set_index(data.unit)[column]
            try:
                never = {code for named in (study.treatment, *study.outcomes) for code in named.never}
                read_periods(by_unit.mask(is_never(by_unit, tuple(never))), data.frequency)
            except ValueError as error:
                raise DataError(
                    f"column {column!r} holds what is no period",
                    where=str(error),
                    expected=f"the first treated period, such as {EXAMPLE[data.frequency]}, or nothing",
                ) from None
    for named in (study.treatment, *study.outcomes):
        if named.switched_on:
            _check_switch(frame, named.switched_on, study)


def _check_switch(frame: pd.DataFrame, column: str, study: StaggeredStudy) -> None:
    """A column that says whether a unit is treated holds 0 and 1, and no unit goes back to 0."""
    data = study.data
    values = set(frame[column].dropna().unique())
    if not values <= {0, 1}:
        raise DataError(
            f"column {column!r} holds {shortlist(sorted(values - {0, 1}, key=str))}",
            where=f"table {data.table}",
            expected="0 and 1: whether the unit is treated in the period",
            fix="correct the values, or name a column of first treated periods as 'first_treated'",
        )
    rows = frame[[data.unit, data.time, column]].dropna()
    off = (rows[column] == 0) & (rows.groupby(data.unit)[column].cummax() == 1)
    if off.any():
        shown = rows.loc[off, [data.unit, data.time]].itertuples(index=False)
        raise DataError(
            f"{rows.loc[off, data.unit].nunique()} units are no longer treated after they were: "
            f"column {column!r} is 0 again",
            where=f"table {data.table}: {shortlist(f'{u} {t}' for u, t in shown)}",
            expected="1 in every period from the first treated one on",
            fix="give the first date in a column and name it as 'first_treated', or leave these units out",
        )


def _check_values(case: StaggeredCase, outcome: Outcome) -> None:
    study, data = case.study, case.study.data
    values = case.table[outcome.column]
    if not pd.api.types.is_numeric_dtype(values):
        raise DataError(f"column {outcome.column!r} must be numeric", where=f"table {data.table}")
    require_variation(values, outcome.column, f"table {data.table}, {data.start} to {data.end}")
    if outcome.model == "count":
        _refuse(case, values < 0, f"{outcome.column} is negative", "counts of 0 or more")
        if data.exposure:
            exposure = case.table[data.exposure]
            _refuse(case, exposure <= 0, f"{data.exposure} is not above 0", "a positive exposure, or nothing")
    for name in outcome.covariates:
        _check_covariate(case, name)
    if outcome.model == "log":
        _refuse(case, values <= 0, f"{outcome.column} has no logarithm", "values above 0, or nothing")
    if np.isinf(values.to_numpy(dtype=float, na_value=np.nan)).any():
        raise DataError(f"column {outcome.column!r} holds infinite values", where=f"table {data.table}")
    for column, values_of in ((item.column, item.values) for item in study.comparisons if item.column):
        known = set(case.places[column])
        absent = [value for value in values_of if value not in known]
        if absent:
            raise DesignError(
                f"no unit has {column} = {shortlist(map(repr, absent))}",
                where="comparisons",
                expected=f"one of {shortlist(sorted(map(repr, known)), 20)}",
                fix="write the values as the table does",
            )


def _check_covariate(case: StaggeredCase, name: str) -> None:
    """Numbers, finite, and above 0 where their logarithm is taken."""
    column = name.removeprefix(LOG)
    values = case.table[column]
    if not pd.api.types.is_numeric_dtype(values):
        raise DataError(
            f"covariate {column!r} must be numeric",
            where=f"table {case.study.data.table}",
            fix="write a 0 and 1 column for each of its values, or leave it out",
        )
    infinite = values.astype("float64").abs() == np.inf
    _refuse(case, infinite, f"{column} is infinite", "numbers, or nothing")
    if column != name:
        _refuse(case, values <= 0, f"{column} has no logarithm", "values above 0, or nothing")


def _refuse(case: StaggeredCase, bad: pd.Series, what: str, expected: str) -> None:
    if not bad.any():
        return
    data = case.study.data
    rows = case.table.loc[bad, [data.unit, data.time]]
    raise DataError(
        f"{what} in {len(rows)} rows",
        where=f"table {data.table}: {shortlist(f'{u} {t}' for u, t in rows.itertuples(index=False))}",
        expected=expected,
        fix="correct these values, or leave them empty",
    )


def _require_treated(case: StaggeredCase, outcome: Outcome, dates: str | None = None) -> None:
    """Somebody becomes treated within the window."""
    if case.treated(outcome, dates):
        return
    start, end = case.study.data.start, case.study.data.end
    named = f" by the dates {dates!r}" if dates else ""
    raise DesignError(
        f"no unit becomes treated between {start} and {end}{named}: outcome {outcome.id}",
        where=f"{len(case.already(outcome, dates))} units were treated before",
        expected="first treated periods after the window's start and up to its end",
        fix="correct the column of dates or the window",
    )


def _check_sides(case: StaggeredCase, outcome: Outcome) -> None:
    study = case.study
    for dates in (None, *(item.id for item in study.alternatives)):
        named = f" by the dates {dates!r}" if dates else ""
        _require_treated(case, outcome, dates)
        starts = case.first(outcome, dates)[case.treated(outcome, dates)]
        if study.treatment.comparison == "not_yet_treated" and starts.nunique() > 1:
            continue
        _require_others(case, outcome, dates, named)
        for item in study.comparisons:
            if not case.controls(outcome, item, dates):
                raise DesignError(
                    f"nobody is left to compare with in {item.id!r}{named}: outcome {outcome.id}",
                    where=f"comparisons.{item.id}",
                    expected="at least one unit that is not treated by the end of the window",
                    fix="widen the comparison",
                )
    both = [] if study.neighbours is None else _near_and_treated(case, outcome)
    if both:
        raise DataError(
            f"units are treated and stand as neighbours at once: {shortlist(both)}",
            where=f"column {study.neighbours.column!r}" if study.neighbours else None,
            expected="a date for untreated units only",
            fix="empty the column for treated units",
        )


def _require_others(case: StaggeredCase, outcome: Outcome, dates: str | None, named: str) -> None:
    """Somebody is untreated to the end; else nobody is left, whatever the comparison."""
    first = case.first(outcome, dates)
    end = case.period(case.study.data.end)
    if (first <= end).all():
        when = first.min()
        once = bool((first == when).all())
        written = when if case.calendar else when.year
        raise DesignError(
            f"nobody is left to compare with{named}: every unit is treated "
            + (
                f"from {written} on, none later or never"
                if once
                else f"by {end if case.calendar else end.year}"
            ),
            where=f"{len(first)} units; outcome {outcome.id}",
            expected="a unit that is never treated, or units that are treated at different dates",
            fix="add untreated units to the table"
            + ("" if once else ', or set treatment.comparison = "not_yet_treated"'),
        )


def _near_and_treated(case: StaggeredCase, outcome: Outcome) -> list[Any]:
    near, first = case.near, case.first(outcome)
    return [unit for unit in near.index if not pd.isna(near[unit]) and not pd.isna(first[unit])]
