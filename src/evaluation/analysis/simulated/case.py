"""A claim without data, with the simulated tables that stand in: checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluation.analysis.disclosure import CellSums, DisclosureMask
from evaluation.design import Design
from evaluation.errors import DataError, DesignError, shortlist
from evaluation.panel import Panel, require_columns
from evaluation.sources.manifest import TableInfo, read_table
from evaluation.study.simulated import SimulatedComparison, SimulatedStudy

FIRST = "first_treated"


@dataclass(frozen=True, eq=False)
class SimulatedCase:
    """A study with its simulated tables.

    Attributes
    ----------
    study : SimulatedStudy
    table : pandas.DataFrame
        ``unit, month`` (period), the outcomes as float, ``first_treated`` (period, NaT for never), ``near``.
    truth : pandas.DataFrame
        By outcome: ``percent`` and ``raw``.
    names : mapping of str to str
        English names.
    published : pandas.DataFrame
        Percentages that others published; empty where the study names none.
    sources : tuple of TableInfo
    overrides : mapping
    root : Path
        The project folder.
    """

    study: SimulatedStudy
    table: pd.DataFrame = field(repr=False)
    truth: pd.DataFrame = field(repr=False)
    names: Mapping[str, str] = field(repr=False)
    published: pd.DataFrame = field(repr=False)
    sources: tuple[TableInfo, ...] = field(repr=False)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    root: Path = field(default=Path(), repr=False)

    @property
    def simulated(self) -> bool:
        """Always: that is the kind of study."""
        return True

    @cached_property
    def treated(self) -> str:
        """The unit with the reform."""
        return str(self.table.loc[self.table[FIRST].notna(), "unit"].iloc[0])

    @cached_property
    def start(self) -> pd.Period:
        """First month with the reform."""
        period: pd.Period = self.table[FIRST].dropna().iloc[0]
        return period

    def name(self, unit: str, language: str) -> str:
        """A unit as readers of the language write it."""
        return self.names.get(unit, unit) if language == "en" else unit

    def rows(self, comparison: SimulatedComparison) -> pd.DataFrame:
        """Rows of the treated unit and of a comparison."""
        if comparison.neighbours == "keep":
            return self.table
        return self.table[self.table["near"] == ""].reset_index(drop=True)

    def label(self, comparison: SimulatedComparison, language: str) -> str:
        """A comparison in words, with the number of its units."""
        count = self.rows(comparison)["unit"].nunique() - 1
        return comparison.label[language].format(count=count)

    def panel(self, outcome: str, comparison: SimulatedComparison, *, log: bool) -> tuple[Panel, Design]:
        """Panel and design of an outcome; logarithms are of counts plus a half, nearly without bias."""
        frame = self.rows(comparison)
        if log:
            frame = frame.assign(**{outcome: np.log(frame[outcome].to_numpy() + 0.5)})
        panel = Panel(frame[["unit", "month", FIRST, outcome]], unit="unit", time="month", frequency="M")
        return panel, Design(outcome, FIRST)

    def yearly(self, outcome: str) -> pd.DataFrame:
        """Incidents by year (rows) and unit (columns)."""
        years = self.table["month"].dt.year.rename("year")
        table = self.table.groupby([years, self.table["unit"]])[outcome].sum().unstack()
        return table.rename_axis(columns=None)

    def shared(self, outcome: str) -> tuple[pd.DataFrame, pd.Series, DisclosureMask]:
        """What the page may show of an outcome: incidents by year and unit, the untreated together, the rule.

        What is withheld is NaN.

        Raises
        ------
        DesignError
            The years that the page compares have too few incidents in what its title names.
        """
        rule, table, data = self.study.disclosure, self.yearly(outcome), self.study.data
        others = table.drop(columns=self.treated).sum(axis=1)
        if rule is None:
            return table, others, DisclosureMask()
        cells = pd.Series(
            table.to_numpy().ravel(), index=pd.MultiIndex.from_product([table.index, table.columns])
        )
        sums = CellSums(cells, f"table {data.table}, column {outcome}")
        year, unit = (np.asarray(cells.index.get_level_values(level)) for level in (0, 1))
        named = {self.treated, *self.table.loc[self.table["near"] != "", "unit"]}
        for when in table.index:
            told = when in (data.before, data.after)
            sums.count(("others", when), (year == when) & (unit != self.treated), required=told)
            for name in table.columns:
                required = told and name in named
                sums.count(("unit", name, when), (year == when) & (unit == name), required=required)
        mask = sums.suppress(rule)
        shown = {name: mask.masked(mask.rounded(table[name]), "unit", name) for name in table.columns}
        return pd.DataFrame(shown), mask.masked(mask.rounded(others), "others"), mask


def prepare_simulated(study: SimulatedStudy, overrides: Mapping[str, Any], root: Path) -> SimulatedCase:
    """Read the tables of a study of a claim without data.

    Raises
    ------
    DataError
        A table is missing, corrupt or lacks a column; it is not marked as simulated; the truth of an
        outcome is absent.
    DesignError
        Not exactly one unit is treated, or a year lies outside the table.
    """
    folder, data = root / "data", study.data
    table, info = read_table(data.table, folder)
    places, places_info = read_table(data.places, folder)
    truth, truth_info = read_table(data.truth, folder)
    outcomes = [item.id for item in study.outcomes]
    require_columns(table, ["unit", "month", *outcomes], table=f"table {data.table}")
    require_columns(places, ["unit", "name_en", FIRST, "near"], table=f"table {data.places}")
    require_columns(truth, ["outcome", "percent", "raw"], table=f"table {data.truth}")
    for one in (info, places_info, truth_info):
        if not one.simulated:
            raise DataError(
                f"the table {one.name} is not marked as simulated",
                where="data/manifest.toml",
                expected='a table that is made up, for a study of the kind "simulated"',
                fix="use another kind of study for real data",
            )
    absent = [name for name in outcomes if name not in set(truth["outcome"])]
    if absent:
        raise DataError(f"the truth of {shortlist(absent)} is not given", where=f"table {data.truth}")
    treated = places[places[FIRST] != ""]
    if len(treated) != 1:
        raise DesignError(
            f"{len(treated)} units are treated", where=f"table {data.places}", expected="exactly one"
        )
    frame = table.merge(places[["unit", FIRST, "near"]], on="unit", how="left", validate="many_to_one")
    frame["month"] = pd.PeriodIndex(frame["month"].astype(str), freq="M")
    first = [pd.Period(text, freq="M") if isinstance(text, str) and text else pd.NaT for text in frame[FIRST]]
    frame[FIRST] = pd.array(first, dtype=pd.PeriodDtype("M"))
    frame = frame.astype(dict.fromkeys(outcomes, "float64"))
    years = set(frame["month"].dt.year)
    if not {data.before, data.after} <= years:
        raise DesignError(
            f"the years {data.before} and {data.after} are not both in the table",
            where="data.before, data.after",
            expected=f"years from {min(years)} to {max(years)}",
        )
    sources = [info, places_info, truth_info]
    published = pd.DataFrame()
    if study.percentages.published:
        published, published_info = read_table(study.percentages.published, folder)
        require_columns(
            published,
            ["place", "place_en", "period", "measure_zh", "measure_en", "percent", "source"],
            table=f"table {study.percentages.published}",
        )
        sources.append(published_info)
    names = dict(zip(places["unit"], places["name_en"], strict=True))
    return SimulatedCase(
        study,
        frame,
        truth.set_index("outcome"),
        names,
        published,
        tuple(sources),
        dict(overrides or {}),
        root,
    )
