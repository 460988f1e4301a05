"""A study of a claim without data: what it can mean, and what methods find in a simulated record.

One TOML file; ``studies/crime_zhangdian.toml`` is the example. Keys marked * are optional.

Top of the file
    ``id, kind = "simulated", notebook, seed, title, question``; ``[source]`` as in every study.
``[data]``
    ``table`` (a row a unit and month, simulated), ``places`` (a row a unit: ``unit, name_en, first_treated,
    near``), ``truth`` (a row an outcome: ``outcome, percent, raw``), ``before`` and ``after`` (the years
    that the claim compares), ``credit`` *.
``[[comparisons]]``
    ``id, label`` (``{count}`` is filled in), ``why``, ``neighbours`` ("keep" or "drop" units that are near).
``[[outcomes]]``
    ``id`` (a column), ``label, phrase``.
``[percentages]``
    ``counts`` (base counts to try), ``dispersions`` (variance over mean: 1 for independent events),
    ``published`` * (table of percentages that others published).
``[power]``
    ``counts`` (events a month in each place), ``noise`` (of a place's month, in logarithms), ``draws``.
``[[claims]]``
    ``id, text, value`` (percent), ``unit``, ``outcome`` * (one that is simulated), ``needs``.
``[disclosure]`` *
    ``minimum`` (10) and ``rounding`` * (1), as for many places (`evaluation.study.staggered`): for the counts
    that the page draws and offers as numbers.
``[[threats]]``, ``[[settle]]``
    As in every study.

Claims of such a study have no data and are not testable, whatever the simulation shows.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from evaluation.study.base import BaseStudy, Disclosure, Model, Source, Text, Threat, repeated_ids, undeclared


class SimulatedData(Model):
    """Simulated tables, and the years that the claim compares."""

    table: str = Field(min_length=1)
    places: str = Field(min_length=1)
    truth: str = Field(min_length=1)
    before: int
    after: int
    credit: Text | None = None

    @model_validator(mode="after")
    def _ordered(self) -> SimulatedData:
        if self.before >= self.after:
            raise ValueError(f"before ({self.before}) must lie before after ({self.after})")
        return self


class SimulatedComparison(Model):
    """Places that the treated one is compared with."""

    id: str
    label: Text
    why: Text
    neighbours: Literal["keep", "drop"] = "keep"


class SimulatedOutcome(Model):
    """A column of counts."""

    id: str
    label: Text
    phrase: Text


class Percentages(Model):
    """Counts at which the claimed percentages are read."""

    counts: tuple[int, ...] = Field(min_length=1)
    dispersions: tuple[float, ...] = Field(min_length=1)
    published: str | None = None

    @model_validator(mode="after")
    def _possible(self) -> Percentages:
        if min(self.counts) < 1 or min(self.dispersions) < 1:
            raise ValueError("counts and dispersions must be 1 or more")
        return self


class PowerSettings(Model):
    """What the real design is tried with."""

    counts: tuple[float, ...] = Field(min_length=1)
    noise: float = Field(ge=0, le=1)
    draws: int = Field(ge=50, le=20_000)


class UntestedClaim(Model):
    """A percentage change that no data can check yet."""

    id: str
    text: Text
    value: float = Field(gt=-100)
    unit: Text
    outcome: str | None = None
    needs: Text


class SimulatedStudy(BaseStudy):
    """A claim without data; see the module for every key.

    Raises
    ------
    StudyError
        From `load_study`, listing every key that is wrong and its place.
    """

    kind: Literal["simulated"]
    source: Source
    data: SimulatedData
    comparisons: tuple[SimulatedComparison, ...] = Field(min_length=1)
    outcomes: tuple[SimulatedOutcome, ...] = Field(min_length=1)
    percentages: Percentages
    power: PowerSettings
    disclosure: Disclosure | None = None
    claims: tuple[UntestedClaim, ...] = Field(min_length=1)
    threats: tuple[Threat, ...] = ()
    settle: tuple[Text, ...] = ()

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
