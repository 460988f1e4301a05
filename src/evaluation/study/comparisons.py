"""Whom treated units are compared with; the dates and years of one treated unit, and its other choices."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from evaluation.study.base import NOTHING, Model, Text, read_period, repeated_ids
from evaluation.study.panel import Lead


class Comparison(Model):
    """Untreated units that the treated ones are compared with."""

    id: str
    """To name it by; the first comparison leads."""
    label: Text = NOTHING
    """What these units are called; ``{count}`` in it is their number."""
    why: Text = NOTHING
    """Why these."""
    column: str | None = None
    """Only untreated units with one of ``values`` in this column are taken."""
    values: tuple[str | int, ...] = ()
    """The values."""
    neighbours: Literal["keep", "drop"] = "keep"
    """Whether units that ``[neighbours]`` names are kept or dropped."""
    units: tuple[str, ...] | Literal["all"] = "all"
    """The units, or "all"."""
    exclude: tuple[str, ...] = ()
    """Units to leave out."""
    where: dict[str, str] = Field(default_factory=dict)
    """Column to the value that a unit must have there."""
    start: str | None = None
    """First period for this comparison, where its record is shorter than the study's."""
    end: str | None = None
    """Last period for this comparison; absent: the study's."""

    _read = field_validator("start", "end", mode="before")(read_period)

    @model_validator(mode="after")
    def _complete(self) -> Comparison:
        if (self.column is None) != (not self.values):
            raise ValueError("'column' and 'values' belong together: only units with these values are taken")
        return self


class Window(Model):
    """A span of periods around the date of treatment."""

    id: str
    """To name it by."""
    label: Text
    """What it is called."""
    each_side: int = Field(ge=1)
    """Periods before the date, and as many from it on; fewer where the record ends."""


class Choices(Model):
    """What could be chosen otherwise for one treated unit, beside outcome, scale, date and method."""

    pools: tuple[Comparison, ...] = ()
    """Comparisons that the rule's is exchanged for."""
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


class Date(Model):
    """A date of treatment and where it comes from."""

    date: str
    """First treated period."""
    label: Text
    """What the date is called."""
    why: Text
    """Why it could be argued for."""

    _read = field_validator("date", mode="before")(read_period)


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
    """The outcome that leads the page, the years compared, and the second way of measuring it."""

    check: str | None = None
    """Id of the second way of measuring it."""
    years: Years | None = None
    """The two years that the claims compare, with one treated unit. Absent: the last before the start of
    treatment and the last there is, and claims compare periods."""
