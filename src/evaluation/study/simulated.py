"""A study of a claim without data: what it can mean, and what methods find in a simulated record."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from evaluation.study.base import BaseStudy, Disclosure, Model, Source, Text, Threat, repeated_ids, undeclared


class SimulatedData(Model):
    """Simulated tables, and the years that the claim compares."""

    table: str = Field(min_length=1)
    """A simulated table: a row a unit and month."""
    places: str = Field(min_length=1)
    """A row a unit: ``unit, name_en, first_treated, near``."""
    truth: str = Field(min_length=1)
    """A row an outcome: ``outcome, percent, raw``."""
    before: int
    """The earlier year that the claim compares."""
    after: int
    """The later year."""
    credit: Text | None = None
    """The source in a few words."""

    @model_validator(mode="after")
    def _ordered(self) -> SimulatedData:
        if self.before >= self.after:
            raise ValueError(f"before ({self.before}) must lie before after ({self.after})")
        return self


class SimulatedComparison(Model):
    """Places that the treated one is compared with."""

    id: str
    """To name it by."""
    label: Text
    """What these units are called; ``{count}`` in it is their number."""
    why: Text
    """Why these."""
    neighbours: Literal["keep", "drop"] = "keep"
    """Whether units that are near are kept or dropped."""


class SimulatedOutcome(Model):
    """A column of counts."""

    id: str
    """A column of the table."""
    label: Text
    """What it is called."""
    phrase: Text
    """The outcome inside a sentence."""


class Percentages(Model):
    """Counts at which the claimed percentages are read."""

    counts: tuple[int, ...] = Field(min_length=1)
    """Counts before, to try."""
    dispersions: tuple[float, ...] = Field(min_length=1)
    """Variance over mean: 1 for independent events."""
    published: str | None = None
    """Table of percentages that others published."""

    @model_validator(mode="after")
    def _possible(self) -> Percentages:
        if min(self.counts) < 1 or min(self.dispersions) < 1:
            raise ValueError("counts and dispersions must be 1 or more")
        return self


class PowerSettings(Model):
    """What the real design is tried with."""

    counts: tuple[float, ...] = Field(min_length=1)
    """Events a month in each unit."""
    noise: float = Field(ge=0, le=1)
    """Of a unit's month, in logarithms."""
    draws: int = Field(ge=50, le=20_000)
    """Random draws."""


class UntestedClaim(Model):
    """A percentage change that no data can check yet."""

    id: str
    """Of the claim; of a claim of ``data/claims.toml`` the id is enough."""
    text: Text
    """What is claimed."""
    value: float = Field(gt=-100)
    """The percentage."""
    unit: Text
    """Of the figure."""
    outcome: str | None = None
    """Id of an outcome that is simulated."""
    needs: Text
    """The data that it would take."""


class SimulatedStudy(BaseStudy):
    """A claim without data; see the module for every key.

    Raises
    ------
    StudyError
        From `load_study`, listing every key that is wrong and its place.
    """

    kind: Literal["simulated"]
    """"simulated"."""
    source: Source
    """Where the claim comes from."""
    data: SimulatedData
    """The simulated tables."""
    comparisons: tuple[SimulatedComparison, ...] = Field(min_length=1)
    """Units to compare with."""
    outcomes: tuple[SimulatedOutcome, ...] = Field(min_length=1)
    """What is simulated."""
    percentages: Percentages
    """What percentages of small counts can mean."""
    power: PowerSettings
    """Which effects could be found."""
    disclosure: Disclosure | None = None
    """Which counts may be shown."""
    claims: tuple[UntestedClaim, ...] = Field(min_length=1)
    """What the source claims; none can be tested."""
    threats: tuple[Threat, ...] = ()
    """What could make the answer wrong."""
    settle: tuple[Text, ...] = ()
    """Data that would settle the question."""

    @model_validator(mode="after")
    def _refers(self) -> SimulatedStudy:
        """Every name used elsewhere in the file must be declared in it."""
        problems = repeated_ids(self, "outcomes", "comparisons", "claims")
        outcomes = {item.id for item in self.outcomes}
        used = [(f"claims.{c.id}.outcome", c.outcome, outcomes) for c in self.claims if c.outcome]
        problems += undeclared(used)
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def lead(self) -> SimulatedOutcome:
        """The outcome that leads the page: the first."""
        return self.outcomes[0]

    def outcome(self, name: str) -> SimulatedOutcome:
        """The outcome with this id."""
        return next(item for item in self.outcomes if item.id == name)
