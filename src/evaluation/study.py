"""A study file: the question, its data, design, claims and rule, as a frozen model.

A study is one TOML file in ``studies/``. Every key that is unknown, absent or ill-typed is
reported at once with its place in the file, before any work is done.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from evaluation.errors import StudyError, shortlist

LANGUAGES = ("en", "zh")
_PERIOD = re.compile(r"^\d{4}(-(0[1-9]|1[0-2])|Q[1-4])?$")
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")


class Model(BaseModel):
    """Frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, value: Any) -> Any:
        """TOML has arrays, a frozen model has tuples."""
        if isinstance(value, dict):
            return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
        return value


class Text(Model):
    """A sentence in both languages."""

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)

    def __getitem__(self, language: str) -> str:
        return str(getattr(self, language))


def _period(value: Any) -> Any:
    """Accept 2016, "2016-03", a TOML date and "2016Q1"; keep text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, date | datetime):
        return f"{value:%Y-%m}"
    if isinstance(value, int):
        value = str(value)
    if isinstance(value, str) and not _PERIOD.match(value):
        raise ValueError("expected a period such as 2016, 2016-03 or 2016Q1")
    return value


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

    _read = field_validator("start", "end", mode="before")(_period)

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

    _read = field_validator("date", mode="before")(_period)


class Treatment(Model):
    """Who is treated, from when, and the other dates that could be argued for."""

    unit: str
    date: str
    label: Text
    why: Text
    alternatives: tuple[Date, ...] = ()

    _read = field_validator("date", mode="before")(_period)

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
    start: str | None = None
    """First period for this pool, where its record is shorter than the study's."""
    end: str | None = None

    _read = field_validator("start", "end", mode="before")(_period)


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


class Threat(Model):
    """Something that could make the estimate wrong, and which way."""

    title: Text
    text: Text
    direction: Text


class Source(Model):
    """Where the claim was published."""

    title: Text
    publisher: Text
    date: str
    section: str


class Study(Model):
    """One question with everything needed to answer it.

    Raises
    ------
    StudyError
        From `load_study`, listing every key that is wrong and its place.
    """

    id: str
    notebook: str
    seed: int = Field(ge=0)
    title: Text
    question: Text
    source: Source
    data: Data
    treatment: Treatment
    pools: tuple[Pool, ...] = Field(min_length=1)
    neighbours: tuple[str, ...] = ()
    """Units that adjoin the treated one, for the check on spillovers."""
    outcomes: tuple[Outcome, ...] = Field(min_length=1)
    headline: Headline
    rule: Rule
    claims: tuple[Claim, ...] = ()
    threats: tuple[Threat, ...] = ()
    settle: tuple[Text, ...] = ()

    @field_validator("id", "notebook")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not _NAME.match(value):
            raise ValueError("expected a name of small letters, digits and underscores")
        return value

    @model_validator(mode="after")
    def _refers(self) -> Study:
        """Every name used elsewhere in the file must be declared in it."""
        problems: list[str] = []
        for name in ("pools", "outcomes", "claims"):
            ids = [item.id for item in getattr(self, name)]
            repeated = sorted({i for i in ids if ids.count(i) > 1})
            if repeated:
                problems.append(f"{name}: the id {', '.join(repeated)} stands twice")
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
        problems += [
            f"{place}: {value!r} is not declared (declared: {', '.join(sorted(known))})"
            for place, value, known in used
            if value not in known
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def outcome(self, name: str) -> Outcome:
        """The outcome with this id."""
        return next(item for item in self.outcomes if item.id == name)

    def pool(self, name: str) -> Pool:
        """The pool with this id."""
        return next(item for item in self.pools if item.id == name)


def find_root(start: Path | None = None) -> Path:
    """The project folder: the nearest one above ``start`` that holds ``studies`` and ``data``.

    Raises
    ------
    StudyError
        There is none above the current folder, nor around an editable install.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents, *Path(__file__).resolve().parents[2:3]):
        if (folder / "studies").is_dir() and (folder / "data").is_dir():
            return folder
    raise StudyError(
        "no project folder found",
        where=f"looked in {here} and above",
        expected="a folder with studies/ and data/",
        fix="run the command inside a clone of the repository",
    )


def list_studies(root: Path | None = None) -> list[str]:
    """Names of the study files, sorted."""
    return sorted(path.stem for path in ((root or find_root()) / "studies").glob("*.toml"))


def load_study(
    name: str | Path, overrides: Mapping[str, Any] | None = None, root: Path | None = None
) -> Study:
    """Read and check a study.

    Parameters
    ----------
    name : str or Path
        A name from ``studies/`` or the path of a TOML file.
    overrides : mapping, optional
        Dotted keys to values, such as ``{"treatment.date": "2016-03"}``.
    root : Path, optional
        The project folder.

    Returns
    -------
    Study

    Raises
    ------
    StudyError
        No such study, not TOML, or any key wrong: all are listed.
    """
    path = _locate(name, root)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise StudyError(
            f"{path.name} is not UTF-8", where=f"byte {error.start}", fix="save the file as UTF-8"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{path.name} is not valid TOML", where=str(error)) from error
    origin = {}
    for key, value in (overrides or {}).items():
        _override(raw, key, value)
        origin[key] = True
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        raise _explain(error, path, origin) from None
    if study.id != path.stem:
        raise StudyError(
            f"the study {path.name} calls itself {study.id!r}",
            where=f"{path.name}, key id",
            expected=f'id = "{path.stem}"',
        )
    return study


def _locate(name: str | Path, root: Path | None) -> Path:
    text = str(name)
    if text.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise StudyError(f"there is no study file {text}")
        return path
    folder = (root or find_root()) / "studies"
    known = list_studies(folder.parent)
    if text not in known:
        raise StudyError(
            f"unknown study {text!r}",
            where="studies/",
            expected="one of " + ", ".join(known) if known else "a TOML file in studies/",
            fix="run `evaluation list` for the studies, or `evaluation new NAME` to start one",
        )
    return folder / f"{text}.toml"


def _override(raw: dict[str, Any], key: str, value: Any) -> None:
    parts = key.split(".")
    place: Any = raw
    for i, part in enumerate(parts[:-1]):
        if isinstance(place, list):
            place = _item(place, part, key)
        elif isinstance(place, dict) and isinstance(place.get(part), dict | list):
            place = place[part]
        else:
            raise StudyError(
                f"the study has no key {'.'.join(parts[: i + 1])!r}",
                where=f"--set {key}",
                expected="one of " + shortlist(place if isinstance(place, dict) else [], 30),
            )
    last = parts[-1]
    if isinstance(place, list):
        raise StudyError(f"{key!r} names a whole entry", where=f"--set {key}", fix="name one key inside it")
    place[last] = value


def _item(entries: list[Any], part: str, key: str) -> Any:
    """An entry of a list of tables, by its id or its number from 0."""
    for entry in entries:
        if isinstance(entry, dict) and entry.get("id") == part:
            return entry
    if part.isdigit() and int(part) < len(entries):
        return entries[int(part)]
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict) and "id" in entry]
    raise StudyError(
        f"no entry {part!r}",
        where=f"--set {key}",
        expected=f"one of {shortlist(ids or range(len(entries)), 30)}",
    )


_KINDS = {
    "extra_forbidden": "unknown key",
    "missing": "missing key",
}


def _explain(error: ValidationError, path: Path, overrides: Mapping[str, bool]) -> StudyError:
    lines = []
    problems = error.errors(include_url=False)
    for problem in problems:
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        message = _KINDS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        if problem["type"] not in ("missing", "value_error") and problem["loc"]:
            message += f" (found {problem['input']!r})"[:120]
        source = "  [from --set]" if place in overrides else ""
        lines.append(f"    {place}: {message}{source}")
    count = len(problems)
    return StudyError(
        f"{path.name} has {count} wrong {'key' if count == 1 else 'keys'}",
        where="\n" + "\n".join(lines),
        fix=f"edit studies/{path.name}; CONTRIBUTING.md names every key",
    )
