"""The claims file: what the source states, figure by figure, and what it would take to test it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from evaluation.claims.model import Model, Text
from evaluation.errors import DataError, shortlist

Kind = Literal["level", "change", "relative_change", "rank", "award"]
_JUDGED = ("verdict", "reproduced", "attributable", "consistent", "found", "estimate")
_ONLY = {"rank": "rank", "relative_change": "percent", "award": "award"}


class System(Model):
    """One system of the reform: what would show that it works, and how that could be found out.

    Attributes
    ----------
    outcome, data, design : Text
        The outcome that would show success; the data (unit, period, who holds it); the comparison.
    study : str
        The study file that runs it, or would.
    peers : int, optional
        Comparison places that the one treated place would have; absent where many units would be
        compared and their number is not known.
    counted : bool
        Whether the outcome is a count of cases, so that chance can be known before there are data.
    """

    name: Text
    outcome: Text
    data: Text
    design: Text
    study: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    peers: int | None = Field(default=None, ge=1)
    counted: bool = False


class Fact(Model):
    """Something printed elsewhere, with its address; it stands beside claims and decides nothing."""

    claims: tuple[str, ...] = Field(min_length=1)
    text: Text
    url: str = Field(pattern=r"^https?://\S+$")


class Claim(Model):
    """A figure as the source states it, in our own words. It holds no verdict.

    Attributes
    ----------
    step : float
        The step to which the figure is rounded.
    written : str, optional
        Its digits as they stand in the source; absent when the source uses words.
    bound : "at_least", optional
        For "more than" and "at least".
    of : int, optional
        For a rank: among how many.
    study, because : str
        The study that tests it, or the reason (a key of ``because``) why none can.
    data : Text, optional
        The data that would settle it, where they are other than the system's.
    """

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    system: str
    section: str
    place: str
    indicator: Text
    kind: Kind
    value: float
    unit: str
    step: float = Field(gt=0)
    period: str
    baseline: str | None = None
    bound: Literal["at_least"] | None = None
    of: int | None = Field(default=None, ge=2)
    better: Literal["higher", "lower"] | None = None
    written: str | None = None
    study: str | None = None
    because: str | None = None
    data: Text | None = None
    note: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_verdict(cls, value: Any) -> Any:
        named = [key for key in _JUDGED if isinstance(value, Mapping) and key in value]
        if named:
            raise ValueError(f"{', '.join(named)}: a verdict is computed, never written; take it out")
        return value

    @model_validator(mode="after")
    def _sound(self) -> Claim:
        problems = []
        if not math.isfinite(self.value):
            problems.append("the value is not a number")
        only = _ONLY.get(self.kind)
        if (only is not None and self.unit != only) or (only is None and self.unit in ("rank", "award")):
            fits = only or "a unit of measurement"
            problems.append(f"the unit {self.unit!r} does not fit the kind {self.kind!r}: expected {fits}")
        if self.kind == "change" and self.unit == "percent":
            problems.append("a change of a share is in points; a change in percent is a relative_change")
        if self.kind == "level" and self.unit == "percent" and not 0 <= self.value <= 100:
            problems.append(f"a share of {self.value:g} percent")
        if self.kind == "rank" and not (self.value >= 1 and self.value == int(self.value)):
            problems.append(f"{self.value:g} is no rank")
        if self.kind == "rank" and self.of is not None and self.value > self.of:
            problems.append(f"rank {self.value:g} of {self.of}")
        if self.kind in ("change", "relative_change") and self.baseline is None:
            problems.append(f"a claim of kind {self.kind!r} needs 'baseline'")
        if (self.study is None) == (self.because is None):
            problems.append("expected either 'study' (which tests it) or 'because' (why none can)")
        if self.written is not None and not _same_number(self.written, self.value):
            problems.append(f"written {self.written!r} is not the value {self.value:g}")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def range(self) -> tuple[float, float]:
        """The figures that round to the value; for "at least", up to the next round number."""
        if self.bound == "at_least":
            zeros = len(f"{abs(self.value):.0f}") - len(f"{abs(self.value):.0f}".rstrip("0"))
            reach = math.copysign(10.0**zeros, self.value)
            return tuple(sorted((self.value, self.value + reach)))  # type: ignore[return-value]
        return self.value - self.step / 2, self.value + self.step / 2


class Identity(Model):
    """An equation that claims must obey among themselves; see `evaluation.claims.arithmetic`."""

    id: str
    label: Text
    rule: Literal["sum", "growth", "before", "before_percent", "product", "ratio", "percent_between", "part"]
    claims: tuple[str, ...] = Field(min_length=2)
    total: float | None = None
    within: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Identity:
        expected = {"growth": 3}.get(self.rule, 2)
        if self.rule != "sum" and len(self.claims) != expected:
            raise ValueError(f"the rule {self.rule!r} takes {expected} claims, not {len(self.claims)}")
        if (self.rule == "sum") != (self.total is not None):
            raise ValueError("'total' belongs to the rule 'sum', and 'sum' needs it")
        return self


class LeftOut(Model):
    """Digits of the source that state no achievement: how often, and why they are in no claim."""

    number: str
    times: int = Field(ge=1)
    why: Text


class ClaimsFile(Model):
    """All claims of a source with the systems they are about and the arithmetic among them."""

    source: str
    units: Mapping[str, Text]
    places: Mapping[str, Text]
    because: Mapping[str, Text]
    systems: Mapping[str, System]
    claims: tuple[Claim, ...] = Field(min_length=1)
    identities: tuple[Identity, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    facts: tuple[Fact, ...] = ()

    @model_validator(mode="after")
    def _refers(self) -> ClaimsFile:
        problems = []
        for name, entries in (("claims", self.claims), ("identities", self.identities)):
            ids = [entry.id for entry in entries]
            repeated = sorted({i for i in ids if ids.count(i) > 1})
            if repeated:
                problems.append(f"{name}: the id {', '.join(repeated)} stands twice")
        known = {claim.id for claim in self.claims}
        tables = {
            "system": self.systems,
            "place": self.places,
            "unit": self.units,
            "because": self.because,
        }
        for claim in self.claims:
            for key, table in tables.items():
                value = getattr(claim, key)
                if value is not None and value not in table:
                    problems.append(f"claims.{claim.id}.{key}: {value!r} is not declared")
        for identity in self.identities:
            absent = [name for name in identity.claims if name not in known]
            if absent:
                problems.append(f"identities.{identity.id}: no claim {', '.join(absent)}")
        for i, fact in enumerate(self.facts):
            absent = [name for name in fact.claims if name not in known]
            if absent:
                problems.append(f"facts.{i}: no claim {', '.join(absent)}")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def claim(self, name: str) -> Claim:
        """The claim with this id."""
        return next(claim for claim in self.claims if claim.id == name)


def load_claims(path: Path, studies: Collection[str] | None) -> ClaimsFile:
    """Read and check a claims file.

    Parameters
    ----------
    path : Path
    studies : collection of str, optional
        Names of the studies that exist; not compared when absent.

    Returns
    -------
    ClaimsFile

    Raises
    ------
    DataError
        Not readable, not TOML, or any entry wrong: each is named with its place. Among them a repeated
        id, a unit that does not fit its kind, a verdict written by hand, a study that does not exist.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError("the claims cannot be read", where=f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError("the claims file is not valid TOML", where=f"{path}: {error}") from None
    try:
        ledger = ClaimsFile.model_validate(raw)
    except ValidationError as error:
        raise _explain(error, raw, path) from None
    known = {None, *({claim.study for claim in ledger.claims} if studies is None else studies)}
    lost = {claim.study: claim.id for claim in ledger.claims if claim.study not in known}
    if lost:
        raise DataError(
            "claims point to a study that does not exist",
            where="; ".join(f"{path.name}, {claim}: study {study!r}" for study, claim in lost.items()),
            expected="one of " + shortlist(sorted(studies or ()), 30),
            fix="correct the name, or say in 'because' why no study tests it",
        )
    return ledger


def _explain(error: ValidationError, raw: Mapping[str, Any], path: Path) -> DataError:
    lines = []
    problems = error.errors(include_url=False)
    for problem in problems:
        place = list(problem["loc"])
        if len(place) > 1 and isinstance(place[1], int):
            entry = raw[str(place[0])][place[1]]
            place[1] = str(entry.get("id", place[1])) if isinstance(entry, Mapping) else place[1]
        names = {"extra_forbidden": "unknown key", "missing": "missing key"}
        message = names.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        lines.append(f"    {'.'.join(map(str, place)) or 'the file'}: {message}")
    return DataError(
        f"{path.name} has {len(problems)} wrong {'entry' if len(problems) == 1 else 'entries'}",
        where="\n" + "\n".join(lines),
        fix=f"edit data/{path.name}",
    )


def _same_number(written: str, value: float) -> bool:
    try:
        return math.isclose(float(written), abs(value))
    except ValueError:
        return False
