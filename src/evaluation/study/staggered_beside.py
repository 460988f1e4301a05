"""What a study of many places is set beside: published numbers, the source's claims, why its record ends."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from evaluation.study.base import Model, Text, read_period
from evaluation.study.panel import Figure
from evaluation.study.staggered_design import EstimatorName


class End(Model):
    """Why the record ends where it does."""

    why: Text
    """Why the record ends."""
    table: str | None = None
    """Table of the figure."""
    time: str | None = None
    """Its column of periods."""
    frequency: Literal["Y", "Q", "M", "W", "D"] | None = None
    """Of the periods."""
    column: str | None = None
    """Its column of values."""
    label: Text | None = None
    """What they are called."""
    unit: Text | None = None
    """Of a value."""
    at: str | None = None
    """Period of the break."""
    mark: Text | None = None
    """Words at the break."""

    _read = field_validator("at", mode="before")(read_period)

    @model_validator(mode="after")
    def _whole(self) -> End:
        keys = ("table", "time", "frequency", "column", "label", "unit", "at", "mark")
        absent = [key for key in keys if getattr(self, key) is None]
        if absent and len(absent) < len(keys):
            raise ValueError(f"a figure of the break also needs {', '.join(absent)}")
        return self


class Limit(Model):
    """That a claim compares with the limit which the law allows: what it says of the past is arithmetic."""

    claim: str
    """Id of the claim: a percentage below the limit."""
    table: str | None = None
    """Published numbers of items and sums of promised limits: columns ``figure`` (items_before,
    items_after, days_before, days_after) and ``value``."""
    decided: str | None = None
    """Id of the outcome that counts decided cases alone, set beside the leading one."""


class Published(Model):
    """A number of the literature and how near ours must come."""

    id: str
    """To name it by."""
    outcome: str
    """Id of the outcome."""
    value: float
    """The number."""
    what: Text
    """What it is, in words."""
    citation: str
    """Where it stands."""
    agreement: Literal["exact", "size", "none"]
    """"exact" (within ``tolerance``), "size" (same sign, and between half and twice as large) or "none"
    (the other found no clear effect)."""
    tolerance: float | None = Field(default=None, gt=0)
    """Largest difference that agrees."""
    estimator: EstimatorName | None = None
    """That makes our number; absent: the leading one."""
    comparison: str | None = None
    """Id of the comparison; absent: the first."""
    covariates: tuple[str, ...] = ()
    """Instead of the outcome's own."""
    weights: str | None = None
    """Instead of the study's own."""
    scale: Literal["percent", "natural"] = "natural"
    """"natural": log points for counts and logarithms, the unit for others."""

    @model_validator(mode="after")
    def _complete(self) -> Published:
        if (self.agreement == "exact") != (self.tolerance is not None):
            raise ValueError("'tolerance' belongs to agreement = \"exact\", which needs it")
        return self


class Claim(Figure):
    """A figure of the source and how the data answer it."""

    kind: Literal["level", "change", "relative_change", "rank", "none"]
    """What the figure is. Without ``headline.years`` it is "relative_change": of the total of the treated
    units between two periods, in percent; with them, of one treated unit, also "level", "change" and "rank".
    "none": no data."""
    before: str | None = None
    """The earlier period."""
    after: str | None = None
    """The later period, of the same length."""
    year: int | None = None
    """With ``headline.years``: the year that it speaks of."""
    baseline: int | None = None
    """The year that it compares with."""
    pool: str | None = None
    """Id of the comparison in which a rank is taken."""
    by: Literal["rate", "change"] = "rate"
    """For ``kind = "rank"``: whether places are ranked by percentage or by absolute change."""

    _read = field_validator("before", "after", mode="before")(read_period)

    def problems(self, *, years: bool) -> list[str]:
        """What the claim lacks, in a study whose claims compare two years, or two periods."""
        if self.kind == "none":
            return []
        if not years and self.kind != "relative_change":
            return [f"claims.{self.id}: a claim of kind {self.kind!r} needs headline.years"]
        needed = ["outcome", "before", "after"]
        if years:
            needed = ["outcome", "year"]
            needed += ["baseline"] if self.kind != "level" else []
            needed += ["pool"] if self.kind == "rank" else []
        if all(getattr(self, key) is not None for key in needed):
            return []
        named = " and ".join([", ".join(map(repr, needed[:-1])), repr(needed[-1])])
        return [f"claims.{self.id}: a claim of kind {self.kind!r} needs {named}"]
