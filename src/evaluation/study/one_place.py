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
    unit: str
    time: str
    frequency: Literal["Y", "Q", "M", "W", "D"]
    start: str
    end: str
    observed: str | None = None
    """Column that counts the observations in a row, such as days; with ``least`` the fewest that will do."""
    least: int | None = Field(default=None, ge=1)
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
    label: Text
    why: Text

    _read = field_validator("date", mode="before")(read_period)


class Treatment(Model):
    """Who is treated, from when, and the other dates that could be argued for."""

    unit: str
    date: str
    label: Text
    why: Text
    alternatives: tuple[Date, ...] = ()

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
    label: Text
    units: tuple[str, ...] | Literal["all"]
    exclude: tuple[str, ...] = ()
    where: dict[str, str] = Field(default_factory=dict)
    """Column of the table of labels to the value that a unit must have there."""
    start: str | None = None
    """First period for this pool, where its record is shorter than the study's."""
    end: str | None = None

    _read = field_validator("start", "end", mode="before")(read_period)


class Window(Model):
    """A span of periods around the date of treatment."""

    id: str
    label: Text
    each_side: int = Field(ge=1)
    """Periods before the date, and as many from it on; fewer where the record ends."""


class Choices(Model):
    """What could be chosen otherwise, beside outcome, scale, date and method."""

    pools: tuple[Pool, ...] = ()
    """Pools that the rule's pool is exchanged for."""
    windows: tuple[Window, ...] = ()
    """Windows that the whole record is exchanged for."""
    why: Text | None = None

    @model_validator(mode="after")
    def _ids(self) -> Choices:
        problems = repeated_ids(self, "pools", "windows")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class Outcome(Model):
    """A column of the table, what it measures and how it adds up over a year."""

    id: str
    column: str
    label: Text
    phrase: Text
    """The outcome inside a sentence: ``Zibo's good-air days rose by ...``."""
    short: Text | None = None
    """The label where room is scarce, as in the heading of a column."""
    unit: Text
    annual: Literal["sum", "mean"] = "mean"
    better: Literal["higher", "lower"] = "lower"
    scales: tuple[Literal["level", "log"], ...] = ("level",)
    digits: int = Field(default=1, ge=0, le=6)


class Years(Model):
    """The two years that the claim itself compares."""

    before: int
    after: int

    @model_validator(mode="after")
    def _ordered(self) -> Years:
        if self.before >= self.after:
            raise ValueError(f"before ({self.before}) must lie before after ({self.after})")
        return self


class Headline(Model):
    """The outcome that leads the page, and the second way of measuring it."""

    outcome: str
    check: str | None = None
    years: Years


class Rule(Model):
    """How the verdict is reached; fixed before the estimates and printed on the page."""

    level: float = Field(gt=0, lt=0.5)
    pool: str
    outcomes: tuple[str, ...] = Field(min_length=1)
    scales: tuple[Literal["level", "log"], ...] = ("level",)
    fixed_on: str
    text: Text


class Claim(Model):
    """A figure of the source and how the data answer it."""

    id: str
    text: Text
    value: float
    unit: Text
    rounding: float = Field(default=1.0, gt=0)
    kind: Literal["level", "change", "relative_change", "rank", "none"]
    outcome: str | None = None
    year: int | None = None
    baseline: int | None = None
    pool: str | None = None
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
    source: Source
    data: Data
    treatment: Treatment
    pools: tuple[Pool, ...] = Field(min_length=1)
    neighbours: tuple[str, ...] = ()
    """Units that adjoin the treated one, for the check on spillovers."""
    outcomes: tuple[Outcome, ...] = Field(min_length=1)
    headline: Headline
    rule: Rule
    choices: Choices = Choices()
    claims: tuple[Claim, ...] = ()
    threats: tuple[Threat, ...] = ()
    settle: tuple[Text, ...] = ()

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
