"""What a study of many places is set beside: published numbers, the source's claims, why its record ends."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from evaluation.study.base import Model, Text, read_period
from evaluation.study.staggered_design import EstimatorName


class End(Model):
    """Why the record ends where it does."""

    why: Text
    table: str | None = None
    time: str | None = None
    frequency: Literal["Y", "Q", "M", "W", "D"] | None = None
    column: str | None = None
    label: Text | None = None
    unit: Text | None = None
    at: str | None = None
    mark: Text | None = None

    _read = field_validator("at", mode="before")(read_period)

    @model_validator(mode="after")
    def _whole(self) -> End:
        keys = ("table", "time", "frequency", "column", "label", "unit", "at", "mark")
        absent = [key for key in keys if getattr(self, key) is None]
        if absent and len(absent) < len(keys):
            raise ValueError(f"a figure of the break also needs {', '.join(absent)}")
        return self


class Limit(Model):
    """That a claim compares with the limit which the law allows: what it says of the past is arithmetic.

    Attributes
    ----------
    claim : str
        Id of the claim: a percentage below the limit.
    table : str, optional
        Published numbers of items and sums of promised limits, before and after.
    decided : str, optional
        Id of the outcome that counts decided cases alone, set beside the leading one in the answer.
    """

    claim: str
    table: str | None = None
    decided: str | None = None


class Published(Model):
    """A number of the literature and how near ours must come."""

    id: str
    outcome: str
    value: float
    what: Text
    citation: str
    agreement: Literal["exact", "size", "none"]
    tolerance: float | None = Field(default=None, gt=0)
    estimator: EstimatorName | None = None
    comparison: str | None = None
    covariates: tuple[str, ...] = ()
    weights: str | None = None
    scale: Literal["percent", "natural"] = "natural"

    @model_validator(mode="after")
    def _complete(self) -> Published:
        if (self.agreement == "exact") != (self.tolerance is not None):
            raise ValueError("'tolerance' belongs to agreement = \"exact\", which needs it")
        return self


class Claim(Model):
    """A figure of the source and how the data answer it."""

    id: str
    text: Text
    value: float
    unit: Text
    rounding: float = Field(default=1.0, gt=0)
    kind: Literal["relative_change", "none"]
    outcome: str | None = None
    before: str | None = None
    after: str | None = None
    needs: Text | None = None

    _read = field_validator("before", "after", mode="before")(read_period)

    @model_validator(mode="after")
    def _complete(self) -> Claim:
        if self.kind == "none" and self.needs is None:
            raise ValueError("a claim without data must say in 'needs' which data it would take")
        if self.kind != "none" and (self.outcome is None or self.before is None or self.after is None):
            raise ValueError(f"a claim of kind {self.kind!r} needs 'outcome', 'before' and 'after'")
        return self
