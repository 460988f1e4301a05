"""A bulletin: places ranked by their improvement on the same month of the year before."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from evaluation.study.base import BaseStudy, Model, Text, Threat, read_period, repeated_ids, undeclared

Scale = Literal["percent", "level"]


class BulletinData(Model):
    """The table: a row for each place and part of a month, such as ten days."""

    table: str = Field(min_length=1)
    """Name of the table: a row a unit and part of a month."""
    unit: str
    """Column of what is ranked."""
    month: str
    """Column of the months."""
    part: str
    """Column that numbers the parts of a month from 1."""
    parts: int = Field(default=3, ge=2, le=6)
    """Parts of a month: three of ten days (旬), four of about a week."""
    parts_name: Text
    """What parts are called, many of them: ``ten-day periods``, ``旬``."""
    days: str
    """Column that counts the days measured in a part; means are weighted by it."""
    least: int = Field(default=20, ge=1, le=28)
    """Fewest days of a month for a place to be ranked."""
    credit: Text | None = None
    """The source in a few words, for the line under a figure; the manifest's words when absent."""
    labels: str | None = None
    """Table with the columns ``unit`` and ``name_en``: names for English pages."""


class Measure(Model):
    """A column of the table and how it is made into a month's figure.

    ``mean`` is averaged over the parts by their days, ``count`` is added up, and ``stretch`` stands in the
    row of its first part for the whole stretch of ``parts`` parts: for figures that parts cannot be
    added up to, such as percentiles of days.
    """

    id: str
    """To name it by."""
    column: str
    """Of the table."""
    kind: Literal["mean", "count", "stretch"] = "mean"
    """"mean" over the parts by their days; "count": a sum; "stretch": the row of the first part stands for
    the whole month."""
    of: str | None = None
    """For a count: column of the days that were counted over."""
    label: Text
    """What it is called."""
    phrase: Text
    """The measure inside a sentence."""
    unit: Text
    """Of a value."""
    better: Literal["higher", "lower"] = "lower"
    """Which way is an improvement."""
    scales: tuple[Scale, ...] = ("percent", "level")
    """On which it is ranked."""
    digits: int = Field(default=1, ge=0, le=6)
    """Digits after the point."""

    @model_validator(mode="after")
    def _countable(self) -> Measure:
        if not self.scales or len(set(self.scales)) != len(self.scales):
            raise ValueError("scales must name percent, level or both, each once")
        if self.kind != "count":
            return self
        if self.of is None:
            raise ValueError("a count needs 'of', the column of the days that were counted over")
        if "percent" in self.scales:
            raise ValueError("a count may be 0 and then has no percentage: scales must be ['level']")
        return self


class Ranking(Model):
    """Which month, which measure leads, and how sure the sets are."""

    month: str | None = None
    """The month of the bulletin; the last of the table when absent."""
    history: int = Field(default=12, ge=1, le=36)
    """How many bulletins back the history goes, this one among them."""
    measure: str
    """Id of the measure that leads."""
    scale: Scale
    """Whether its change is in percent or in its unit."""
    why: Text
    """Why this measure and scale lead."""
    fixed_on: str
    """The day on which this was written down."""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence of the sets of ranks."""
    draws: int = Field(default=1999, ge=199, le=20_000)
    """Random draws behind the sets."""

    _read = field_validator("month", mode="before")(read_period)

    @field_validator("month")
    @classmethod
    def _monthly(cls, value: str | None) -> str | None:
        if value is not None and (len(value) != 7 or value[4] != "-"):
            raise ValueError("expected a month such as 2016-11")
        return value


class Chance(Model):
    """How chance is learnt from the record: see METHODS.md, confidence sets for ranks."""

    window: int = Field(default=15, ge=4)
    """Parts of months around a stretch over which a place's own level is taken."""
    season: int = Field(default=3, ge=0)
    """Stretches that begin up to so many parts earlier or later in any year are of the same season."""


class Bulletin(BaseStudy):
    """A monthly ranking with what is needed to say how sure it is.

    Raises
    ------
    StudyError
        From `load_study`, listing every key that is wrong and its place.
    """

    kind: Literal["bulletin"]
    """"bulletin"."""
    place: Text
    """What one of those that are ranked is called: ``city``, ``城市``."""
    places: Text
    """What many are called, after a number: ``cities``, ``市``."""
    data: BulletinData
    """The table."""
    bulletin: Ranking
    """Which month, which measure leads, and how sure the sets are."""
    chance: Chance = Chance()
    """How chance is learnt from the record."""
    outcomes: tuple[Measure, ...] = Field(min_length=1)
    """What is measured."""
    threats: tuple[Threat, ...] = ()
    """What could make the ranking wrong."""
    settle: tuple[Text, ...] = ()
    """Data that would settle it."""

    @model_validator(mode="after")
    def _refers(self) -> Bulletin:
        """The leading measure must be declared, on a scale that it has, and the window must fit."""
        problems = repeated_ids(self, "outcomes")
        lead = self.bulletin.measure
        problems += undeclared([("bulletin.measure", lead, {item.id for item in self.outcomes})])
        if not problems and self.bulletin.scale not in self.outcome(lead).scales:
            problems.append(f"bulletin.scale: {lead!r} is not ranked by {self.bulletin.scale}")
        around = self.chance.window - self.data.parts
        if around < 2 or around % 2:
            problems.append(
                f"chance.window: {self.chance.window} does not fit months of {self.data.parts} parts "
                f"(expected {self.data.parts + 2}, {self.data.parts + 4} and so on)"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def outcome(self, name: str) -> Measure:
        """The measure with this id."""
        return next(item for item in self.outcomes if item.id == name)
