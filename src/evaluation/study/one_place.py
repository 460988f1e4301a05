"""A study of one place: it is treated from a date on, and compared with pools of other places."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from evaluation.study.base import (
    BaseStudy,
    Model,
    Source,
    Text,
    Threat,
    read_period,
    repeated_ids,
    undeclared,
)


class Data(Model):
    """Which committed table, and how its rows are units and periods."""

    table: str = Field(min_length=1)
    """Name of the table: a row a unit and period."""
    unit: str
    """Column of the units."""
    time: str
    """Column of the periods."""
    frequency: Literal["Y", "Q", "M", "W", "D"]
    """Year, quarter, month, week or day."""
    start: str
    """First period used."""
    end: str
    """Last period used."""
    observed: str | None = None
    """Column that counts the observations in a row, such as days; with ``least`` the fewest that will do."""
    least: int | None = Field(default=None, ge=1)
    """Fewest observations of a period that will do."""
    annual: str | None = None
    """Table with the columns ``unit`` and ``year``: yearly figures that months cannot be added up to."""
    credit: Text | None = None
    """The source in a few words, for the line under a figure; the manifest's words when absent."""
    labels: str | None = None
    """Table with the columns ``unit`` and ``name_en``: names for English pages."""

    _read = field_validator("start", "end", mode="before")(read_period)

    @model_validator(mode="after")
    def _ordered(self) -> Data:
        if self.start > self.end:
            raise ValueError(f"start {self.start} lies after end {self.end}")
        return self


class Date(Model):
    """A date of treatment and where it comes from."""

    date: str
    """First treated period."""
    label: Text
    """What the date is called."""
    why: Text
    """Why it could be argued for."""

    _read = field_validator("date", mode="before")(read_period)


class Treatment(Model):
    """Who is treated, from when, and the other dates that could be argued for."""

    unit: str
    """The treated unit, written as in the table."""
    date: str
    """First treated period."""
    label: Text
    """What the date is called."""
    why: Text
    """Why this date."""
    alternatives: tuple[Date, ...] = ()
    """Other dates that could be argued for."""

    _read = field_validator("date", mode="before")(read_period)

    @property
    def dates(self) -> tuple[Date, ...]:
        """The main date first, then the alternatives that differ from it."""
        main = Date(date=self.date, label=self.label, why=self.why)
        stated = {item.date: item for item in self.alternatives}
        if self.date in stated:
            main = stated[self.date]
        return (main, *(item for item in self.alternatives if item.date != self.date))


class Pool(Model):
    """Places that the treated one is compared with."""

    id: str
    """To name it by."""
    label: Text
    """What these units are called; ``{count}`` in it is their number."""
    units: tuple[str, ...] | Literal["all"]
    """The units, or "all"."""
    exclude: tuple[str, ...] = ()
    """Units to leave out."""
    where: dict[str, str] = Field(default_factory=dict)
    """Column of the table of labels to the value that a unit must have there."""
    start: str | None = None
    """First period for this pool, where its record is shorter than the study's."""
    end: str | None = None
    """Last period for this pool; absent: the study's."""

    _read = field_validator("start", "end", mode="before")(read_period)


class Window(Model):
    """A span of periods around the date of treatment."""

    id: str
    """To name it by."""
    label: Text
    """What it is called."""
    each_side: int = Field(ge=1)
    """Periods before the date, and as many from it on; fewer where the record ends."""


class Choices(Model):
    """What could be chosen otherwise, beside outcome, scale, date and method."""

    pools: tuple[Pool, ...] = ()
    """Pools that the rule's pool is exchanged for."""
    windows: tuple[Window, ...] = ()
    """Windows that the whole record is exchanged for."""
    why: Text | None = None
    """Why these could be chosen."""

    @model_validator(mode="after")
    def _ids(self) -> Choices:
        problems = repeated_ids(self, "pools", "windows")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class Outcome(Model):
    """A column of the table, what it measures and how it adds up over a year."""

    id: str
    """To name it by."""
    column: str
    """Of the table."""
    label: Text
    """What it is called."""
    phrase: Text
    """The outcome inside a sentence: ``Zibo's good-air days rose by ...``."""
    short: Text | None = None
    """The label where room is scarce, as in the heading of a column."""
    unit: Text
    """Of a value."""
    annual: Literal["sum", "mean"] = "mean"
    """Whether a year is the sum or the mean of its periods."""
    better: Literal["higher", "lower"] = "lower"
    """Which way is an improvement."""
    scales: tuple[Literal["level", "log"], ...] = ("level",)
    """On which it is compared."""
    digits: int = Field(default=1, ge=0, le=6)
    """Digits after the point."""


class Years(Model):
    """The two years that the claim itself compares."""

    before: int
    """The earlier year."""
    after: int
    """The later year."""

    @model_validator(mode="after")
    def _ordered(self) -> Years:
        if self.before >= self.after:
            raise ValueError(f"before ({self.before}) must lie before after ({self.after})")
        return self


class Headline(Model):
    """The outcome that leads the page, and the second way of measuring it."""

    outcome: str
    """Id of the outcome that leads the page."""
    check: str | None = None
    """Id of the second way of measuring it."""
    years: Years
    """The two years that the claim compares."""


class Rule(Model):
    """How the verdict is reached; fixed before the estimates and printed on the page."""

    level: float = Field(gt=0, lt=0.5)
    """Of tests and of intervals."""
    pool: str
    """Id of the pool that decides."""
    outcomes: tuple[str, ...] = Field(min_length=1)
    """Ids of the outcomes that are adjusted for together."""
    scales: tuple[Literal["level", "log"], ...] = ("level",)
    """On which the rule compares."""
    fixed_on: str
    """The day on which the rule was written down."""
    text: Text
    """The rule in words."""


class Claim(Model):
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
    kind: Literal["level", "change", "relative_change", "rank", "none"]
    """What the figure is; "none": no data."""
    outcome: str | None = None
    """Id of the outcome."""
    year: int | None = None
    """The year that it speaks of."""
    baseline: int | None = None
    """The year that it compares with."""
    pool: str | None = None
    """Id of the pool in which a rank is taken."""
    by: Literal["rate", "change"] = "rate"
    """For ``kind = "rank"``: whether places are ranked by percentage or by absolute change."""
    needs: Text | None = None
    """For ``kind = "none"``: the data that would be needed."""

    @model_validator(mode="after")
    def _complete(self) -> Claim:
        if self.kind == "none":
            if self.needs is None:
                raise ValueError("a claim without data must say in 'needs' which data it would take")
            return self
        if self.outcome is None or self.year is None:
            raise ValueError(f"a claim of kind {self.kind!r} needs 'outcome' and 'year'")
        if self.kind != "level" and self.baseline is None:
            raise ValueError(f"a claim of kind {self.kind!r} needs 'baseline'")
        if self.kind == "rank" and self.pool is None:
            raise ValueError("a claim of kind 'rank' needs 'pool'")
        return self


class Study(BaseStudy):
    """One question with everything needed to answer it.

    Raises
    ------
    StudyError
        From `load_study`, listing every key that is wrong and its place.
    """

    kind: Literal["one_place"] = "one_place"
    """"one_place"; absent: the same, where there are ``[[pools]]``."""
    source: Source
    """Where the claim comes from."""
    data: Data
    """Which tables, and how their rows are units and periods."""
    treatment: Treatment
    """Who is treated, and from when."""
    pools: tuple[Pool, ...] = Field(min_length=1)
    """Units to compare with."""
    neighbours: tuple[str, ...] = ()
    """Units that adjoin the treated one, for the check on spillovers."""
    outcomes: tuple[Outcome, ...] = Field(min_length=1)
    """What is measured."""
    headline: Headline
    """What leads the page."""
    rule: Rule
    """How the verdict is reached."""
    choices: Choices = Choices()
    """What could be chosen otherwise."""
    claims: tuple[Claim, ...] = ()
    """Figures of the source, and how the data answer them."""
    threats: tuple[Threat, ...] = ()
    """What could make the estimates wrong."""
    settle: tuple[Text, ...] = ()
    """Data that would settle the question."""

    @model_validator(mode="after")
    def _refers(self) -> Study:
        """Every name used elsewhere in the file must be declared in it."""
        problems = repeated_ids(self, "pools", "outcomes", "claims")
        twice = {item.id for item in self.pools} & {item.id for item in self.choices.pools}
        problems += [f"choices.pools: the id {name} stands among the pools" for name in sorted(twice)]
        if any(pool.where for pool in self.every_pool) and self.data.labels is None:
            problems.append("pools: 'where' needs a table of labels, data.labels")
        outcomes = {item.id for item in self.outcomes}
        pools = {item.id for item in self.pools}
        used = [
            ("headline.outcome", self.headline.outcome, outcomes),
            *((f"rule.outcomes.{i}", o, outcomes) for i, o in enumerate(self.rule.outcomes)),
            ("rule.pool", self.rule.pool, pools),
        ]
        if self.headline.check:
            used.append(("headline.check", self.headline.check, outcomes))
        for claim in self.claims:
            if claim.outcome:
                used.append((f"claims.{claim.id}.outcome", claim.outcome, outcomes))
            if claim.pool:
                used.append((f"claims.{claim.id}.pool", claim.pool, pools))
        problems += undeclared(used)
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def outcome(self, name: str) -> Outcome:
        """The outcome with this id."""
        return next(item for item in self.outcomes if item.id == name)

    def pool(self, name: str) -> Pool:
        """The pool with this id."""
        return next(item for item in self.every_pool if item.id == name)

    @property
    def every_pool(self) -> tuple[Pool, ...]:
        """The pools of the page, and those that only the curve of all choices uses."""
        return (*self.pools, *self.choices.pools)
