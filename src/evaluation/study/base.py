"""What every kind of study file has: texts in both languages, periods, the source, an id and a notebook."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from evaluation.claims.model import LANGUAGES, NOTHING, Model, Text

__all__ = [
    "LANGUAGES",
    "NOTHING",
    "BaseStudy",
    "Disclosure",
    "Model",
    "Source",
    "Text",
    "Threat",
    "languages_of",
    "read_period",
    "repeated_ids",
    "undeclared",
]

_PERIOD = re.compile(r"^(\d{4}(-(0[1-9]|1[0-2])(-\d{2})?|-?Q[1-4]|-W\d{2})?|-?\d{1,3})$")
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")


def read_period(value: Any) -> Any:
    """Accept 2016, "2016-03", "2016Q1", "2016-Q1", "2016-W05", "2016-03-07", a TOML date and a number."""
    if isinstance(value, bool):
        return value
    if isinstance(value, date | datetime):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, int):
        value = str(value)
    if isinstance(value, str) and not _PERIOD.match(value):
        raise ValueError("expected a period such as 2016, 2016-03, 2016Q1, 2016-W05 or 2016-03-07")
    return value.replace("-Q", "Q") if isinstance(value, str) else value


def languages_of(raw: Any) -> tuple[str, ...]:
    """The languages of a study file, as read: those it names, else those of its title; English by default."""
    if not isinstance(raw, dict):
        return ()
    named = raw.get("languages")
    if isinstance(named, list | tuple):
        return tuple(one for one in LANGUAGES if one in named)
    title = raw.get("title")
    if isinstance(title, dict):
        return tuple(one for one in LANGUAGES if one in title)
    return LANGUAGES[:1]


class Threat(Model):
    """Something that could make the estimate wrong, and which way."""

    title: Text
    """What it is called."""
    text: Text
    """What could make the estimate wrong."""
    direction: Text
    """Which way it would move the estimate."""


class Source(Model):
    """Where the claim was published."""

    title: Text
    """Of the document."""
    publisher: Text
    """Who published it."""
    date: str
    """The day it was published, such as "2017-07-25"."""
    section: str
    """Where in it."""


class Disclosure(Model):
    """Which counts the page and its files may show."""

    minimum: int = 10
    """Counts of 1 to one less than this, and what would give them away, are not shown."""
    rounding: int = 1
    """Shown counts are rounded to multiples of it, and rates are made from rounded counts."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """``smallest`` is another name of ``minimum``: the smallest count that may be shown."""
        if isinstance(value, dict) and "smallest" in value:
            if "minimum" in value:
                raise ValueError("smallest and minimum are one key: give one of them")
            return {("minimum" if key == "smallest" else key): item for key, item in value.items()}
        return value

    @model_validator(mode="after")
    def _possible(self) -> Disclosure:
        if self.minimum < 2:
            raise ValueError(
                f"minimum is {self.minimum}, so that no count is withheld: give the smallest count that may "
                "be shown, 2 or more (10 is usual), or take [disclosure] out"
            )
        if self.rounding < 1:
            raise ValueError(f"rounding is {self.rounding}: give 1 (none) or more, such as 5")
        return self


class BaseStudy(Model):
    """The keys that every study file has, of whatever kind."""

    id: str
    """The name of the file, which it is when absent."""
    kind: str
    """Which kind of study: it decides which further keys there are. A file without it is a panel study
    ("panel", "staggered" and "one_place" mean the same)."""
    notebook: str
    """Name of the notebook in ``notebooks/`` that makes the page."""
    seed: int = Field(default=1, ge=0)
    """Where random numbers start."""
    languages: tuple[Literal["en", "zh"], ...] = Field(min_length=1)
    """Of the pages; texts are asked for in these only. Absent: English where the title is plain text, else
    the languages of the title."""
    import_: dict[str, Any] | None = Field(default=None, alias="import", repr=False)
    """How the table is made from an export of one's own; read by ``evaluation data build`` and by nothing
    else."""
    publish_data: bool | None = None
    """Whether files of the page may hold values of single units by period; absent: not in a folder made by
    ``evaluation init``, and elsewhere they may."""
    title: Text
    """Of the page; absent: the id. Any text is a string, or a table of languages."""
    question: Text = NOTHING
    """What the page is to answer, in a sentence."""

    @model_validator(mode="before")
    @classmethod
    def _languages(cls, value: Any) -> Any:
        if isinstance(value, dict) and "languages" not in value:
            return {**value, "languages": languages_of(value)}
        return value

    @property
    def depends_on(self) -> tuple[str, ...]:
        """Other studies that this one reads: their files and tables are its inputs too."""
        return ()

    @model_validator(mode="before")
    @classmethod
    def _counts(cls, value: Any) -> Any:
        """Only pages with counts can withhold some."""
        if isinstance(value, dict) and "disclosure" in value and "disclosure" not in cls.model_fields:
            raise ValueError(
                f"disclosure: a study of the kind {value.get('kind')!r} shows no counts of events by place, "
                "so there is nothing to withhold; take [disclosure] out"
            )
        return value

    @field_validator("id", "notebook")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not _NAME.match(value):
            raise ValueError("expected a name of small letters, digits and underscores")
        return value


def repeated_ids(study: BaseModel, *names: str) -> list[str]:
    """Complaints about ids that stand twice in a list of entries."""
    problems = []
    for name in names:
        ids = [item.id for item in getattr(study, name)]
        repeated = sorted({i for i in ids if ids.count(i) > 1})
        if repeated:
            problems.append(f"{name}: the id {', '.join(repeated)} stands twice")
    return problems


def undeclared(used: list[tuple[str, str, set[str]]]) -> list[str]:
    """Complaints about names that are used but not declared: (place, name, declared names)."""
    return [
        f"{place}: {value!r} is not declared (declared: {', '.join(sorted(known))})"
        for place, value, known in used
        if value not in known
    ]
