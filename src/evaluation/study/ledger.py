"""A ledger: every figure of a source, weighed by the study that tests it, or with the reason why none can."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from evaluation.study.base import BaseStudy, Model, Source, Threat
from evaluation.study.one_place import Study


class Chance(Model):
    """A record within the year, from which it is told how much of a rank is chance.

    Attributes
    ----------
    table : str
        A row a place, month and part of a month; its columns are named like those of the studies' outcomes.
    unit, time, part : str
        Columns of the place, the month and the part.
    block : int
        Parts that are drawn together: neighbouring ones resemble each other.
    draws : int
    """

    table: str
    unit: str
    time: str
    part: str
    block: int = Field(ge=1)
    draws: int = Field(ge=100)


class Ledger(BaseStudy):
    """The claims of one source, and where each is tested.

    Attributes
    ----------
    entries : str
        The claims file: ``data/<entries>.toml``.
    studies : tuple of str
        Studies whose own checks decide on claims. The page depends on them: on their files and their tables.
    here : Study
        A study of one place that has no page of its own: it is told on this one.
    chance : Chance
        The record behind the confidence sets for ranks.

    Raises
    ------
    StudyError
        From `load_study`, listing every key that is wrong and its place.
    """

    kind: Literal["ledger"]
    source: Source
    entries: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    studies: tuple[str, ...]
    here: Study
    chance: Chance
    threats: tuple[Threat, ...] = ()

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
