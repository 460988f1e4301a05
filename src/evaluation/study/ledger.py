"""A ledger: every figure of a source, weighed by the study that tests it, or with the reason why none can."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from evaluation.study.base import BaseStudy, Model, Source, Threat
from evaluation.study.staggered import StaggeredStudy


class Chance(Model):
    """A record within the year, from which it is told how much of a rank is chance."""

    table: str
    """A row a unit, month and part of a month; its columns are named as the studies' outcomes."""
    unit: str
    """Column of the units."""
    time: str
    """Column of the months."""
    part: str
    """Column of the parts."""
    block: int = Field(ge=1)
    """Parts that are drawn together: neighbouring ones resemble each other."""
    draws: int = Field(ge=100)
    """Random draws."""


class Ledger(BaseStudy):
    """The claims of one source, and where each is tested.

    Raises
    ------
    StudyError
        From `load_study`, listing every key that is wrong and its place.
    """

    kind: Literal["ledger"]
    """"ledger"."""
    source: Source
    """Whose claims they are."""
    entries: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """The claims file: ``data/<entries>.toml``."""
    studies: tuple[str, ...]
    """Studies whose own checks decide on claims; the page depends on their files and tables."""
    here: StaggeredStudy
    """A study of one place without a page of its own: it is told on this one."""
    chance: Chance
    """The record behind the confidence sets for ranks."""
    threats: tuple[Threat, ...] = ()
    """What could make the ledger wrong."""

    @model_validator(mode="after")
    def _sound(self) -> Ledger:
        problems = []
        repeated = sorted({name for name in self.studies if self.studies.count(name) > 1})
        if repeated:
            problems.append(f"studies: {', '.join(repeated)} stands twice")
        if self.id in self.studies:
            problems.append(f"studies: {self.id!r} is this study itself; what it tests stands in 'here'")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The studies that must be sound before this one."""
        return self.studies
