"""A study of one place: it is treated from a date on, and compared with pools of other places."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from evaluation.study.base import (
    Model,
    Source,
    Text,
    read_period,
    repeated_ids,
    undeclared,
)
from evaluation.study.panel import Decision, Figure, Lead, Measured, PanelData, PanelStudy


class Data(PanelData):
    """Which tables, and how their rows are units and periods."""

    observed: str | None = None
    """Column that counts the observations in a row, such as days; with ``least`` the fewest that will do."""
    least: int | None = Field(default=None, ge=1)
    """Fewest observations of a period that will do."""
    annual: str | None = None
    """Table with the columns ``unit`` and ``year``: yearly figures that months cannot be added up to."""
    labels: str | None = None
    """Table with the columns ``unit`` and ``name_en``: names for English pages."""


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


class Outcome(Measured):
    """A column of the table, what it measures and how it adds up over a year."""

    annual: Literal["sum", "mean"] = "mean"
    """Whether a year is the sum or the mean of its periods."""
    better: Literal["higher", "lower"] = "lower"
    """Which way is an improvement."""
    scales: tuple[Literal["level", "log"], ...] = ("level",)
    """On which it is compared."""


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


class Headline(Lead):
    """The outcome that leads the page, and the second way of measuring it."""

    check: str | None = None
    """Id of the second way of measuring it."""
    years: Years
    """The two years that the claim compares."""


class Rule(Decision):
    """How the verdict is reached; fixed before the estimates and printed on the page."""

    pool: str
    """Id of the pool that decides; absent: the first."""
    scales: tuple[Literal["level", "log"], ...] = ("level",)
    """On which the rule compares."""


class Claim(Figure):
    """A figure of the source and how the data answer it."""

    kind: Literal["level", "change", "relative_change", "rank", "none"]
    """What the figure is; "none": no data."""
    year: int | None = None
    """The year that it speaks of."""
    baseline: int | None = None
    """The year that it compares with."""
    pool: str | None = None
    """Id of the pool in which a rank is taken."""
    by: Literal["rate", "change"] = "rate"
    """For ``kind = "rank"``: whether places are ranked by percentage or by absolute change."""

    @model_validator(mode="after")
    def _complete(self) -> Claim:
        if self.kind == "none":
            return self
        if self.outcome is None or self.year is None:
            raise ValueError(f"a claim of kind {self.kind!r} needs 'outcome' and 'year'")
        if self.kind != "level" and self.baseline is None:
            raise ValueError(f"a claim of kind {self.kind!r} needs 'baseline'")
        if self.kind == "rank" and self.pool is None:
            raise ValueError("a claim of kind 'rank' needs 'pool'")
        return self


class Study(PanelStudy):
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

    @model_validator(mode="before")
    @classmethod
    def _first_pool(cls, value: Any) -> Any:
        """The first pool decides, where the file does not say."""
        if not isinstance(value, dict) or not isinstance(value.get("rule", {}), dict):
            return value
        first = next(iter(value.get("pools") or ()), None)
        named = {"pool": first["id"]} if isinstance(first, dict) and "id" in first else {}
        return {**value, "rule": {**named, **value.get("rule", {})}}

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
