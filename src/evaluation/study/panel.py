"""What studies of panels have in common: the table, what is measured, the lead, the rule and the claims."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from evaluation.study.base import NOTHING, BaseStudy, Model, Source, Text, Threat, read_period
from evaluation.study.words import Words

Frequency = Literal["", "Y", "Q", "M", "W", "D"]


class PanelData(Model):
    """Which table, and how its rows are units and periods."""

    table: str = Field(min_length=1)
    """Name of the table: a row a unit and period."""
    unit: str
    """Column of the units."""
    time: str
    """Column of the periods: 2016, "2016-03", "2016Q1", "2016-W05", "2016-03-07", or numbers 1, 2, 3 …"""
    frequency: Frequency = ""
    """Year, quarter, month, week or day; absent: told from the values of ``time``."""
    start: str = ""
    """First period used; absent: the first of the table."""
    end: str = ""
    """Last period used; absent: the last of the table."""
    credit: Text | None = None
    """The source in a few words, under figures; absent: the manifest's words."""

    _read = field_validator("start", "end", mode="before")(read_period)

    @model_validator(mode="after")
    def _ordered(self) -> PanelData:
        alike = len(self.start) == len(self.end) and self.start[:4].isdigit()
        if alike and self.start > self.end:
            raise ValueError(f"start {self.start} lies after end {self.end}")
        return self


class Measured(Model):
    """A column of the table and what it measures."""

    id: str
    """To name it by; absent: the column, in small letters."""
    column: str
    """Of the table."""
    label: Text
    """What it is called; absent: the name of the column."""
    phrase: Text
    """The outcome inside a sentence; absent: the label."""
    short: Text | None = None
    """The label where room is scarce, as in the heading of a column."""
    unit: Text = NOTHING
    """Of a value."""
    better: Literal["higher", "lower"] | None = None
    """Which way is an improvement; absent: no word of improvement."""
    digits: int = Field(default=1, ge=0, le=6)
    """Digits after the point."""

    @model_validator(mode="before")
    @classmethod
    def _after_its_column(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("column"), str):
            return value
        label = value.get("label", value["column"])
        return {"id": name_of(value["column"]), "label": label, "phrase": label, **value}


class Lead(Model):
    """The outcome that leads the page."""

    outcome: str
    """Id of the outcome that leads the page; absent: the first."""


class Decision(Model):
    """How the verdict is reached; fixed before the estimates and printed on the page."""

    level: float = Field(default=0.05, gt=0, lt=0.5)
    """Of tests and of intervals: 0.05 gives intervals of 95 %."""
    outcomes: tuple[str, ...] = Field(min_length=1)
    """Ids of the outcomes that are adjusted for together; absent: all."""
    fixed_on: str = ""
    """The day on which the rule was written down."""
    text: Text = NOTHING
    """The rule in words."""


class Figure(Model):
    """A figure of the source and how the data answer it."""

    id: str
    """Of the claim; of a claim of ``data/claims.toml`` the id and the outcome are enough."""
    text: Text
    """What is claimed."""
    value: float
    """The figure."""
    unit: Text
    """Of the figure."""
    rounding: float = Field(default=1.0, gt=0)
    """The step to which it is rounded."""
    kind: str
    """What the figure is; "none": no data."""
    outcome: str | None = None
    """Id of the outcome."""
    needs: Text | None = None
    """For ``kind = "none"``: the data that it would take."""

    @model_validator(mode="after")
    def _needs(self) -> Figure:
        if self.kind == "none" and self.needs is None:
            raise ValueError("a claim without data must say in 'needs' which data it would take")
        return self


class PanelStudy(BaseStudy):
    """A question about a panel, with everything needed to answer it."""

    source: Source | None = None
    """Where the question or the claim comes from."""
    data: PanelData
    """Which table, and how its rows are units and periods."""
    words: Words = Words()
    """What units and periods are called."""
    threats: tuple[Threat, ...] = ()
    """What could make the estimates wrong."""
    settle: tuple[Text, ...] = ()
    """Data that would settle the question."""

    @model_validator(mode="before")
    @classmethod
    def _lead_and_family(cls, value: Any) -> Any:
        """The first outcome leads, and all are of the rule's family, where the file does not say."""
        if not isinstance(value, dict) or not isinstance(value.get("outcomes"), list | tuple):
            return value
        ids = tuple(
            one.get("id") or name_of(one["column"])
            for one in value["outcomes"]
            if isinstance(one, dict) and isinstance(one.get("column"), str)
        )
        headline, rule = value.get("headline", {}), value.get("rule", {})
        if ids and isinstance(headline, dict):
            value = {**value, "headline": {"outcome": ids[0], **headline}}
        if isinstance(rule, dict):
            value = {**value, "rule": {"outcomes": ids, **rule}}
        return value


def name_of(column: str) -> str:
    """The id of an outcome that a study names by its column alone."""
    return re.sub(r"\W+", "_", column).strip("_").lower() or "outcome"
