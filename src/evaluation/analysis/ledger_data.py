"""The whole ledger: every claim with the study that tests it and the verdicts which that study computes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from evaluation.analysis.change import change_test, year_table
from evaluation.analysis.kinds import Prepared, kind_of
from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.analysis.staggered.prepare import prepare_staggered
from evaluation.analysis.staggered.published_results import check_claims
from evaluation.claims import (
    Claim,
    ClaimCheck,
    ClaimsFile,
    Fact,
    IdentityCheck,
    System,
    cases_needed,
    check_identities,
    compare,
    load_claims,
    spreads_needed,
)
from evaluation.errors import DataError, StudyError
from evaluation.panel import require_columns
from evaluation.sources.manifest import TableInfo, read_table
from evaluation.sources.reading import sha256_of
from evaluation.study import list_studies
from evaluation.study.ledger import Ledger

LEVEL = 0.05
"""Size of the tests for which the smallest effect is given."""


@dataclass(frozen=True, slots=True)
class Needed:
    """The smallest effect that data could show.

    Attributes
    ----------
    kind : {"gap", "percent_gap", "cases", "spread", "sizes"}
        What the values are: the gap, in units of the outcome or in percent, that the study's data could tell
        from chance; the cases a year that a change as large as the claimed one takes; a multiple of the
        spread of the places' changes; that multiple for 10, 50 and 200 units on each side.
    values : tuple of float
    peers : int or None
        Comparison places.
    outcome : str
        Id of the study's outcome, for a gap.
    """

    kind: str
    values: tuple[float, ...]
    peers: int | None = None
    outcome: str = ""


@dataclass(frozen=True, eq=False)
class Entry:
    """One figure of the source, weighed.

    Attributes
    ----------
    claim : Claim
    system : System
    check : ClaimCheck
    case : StaggeredCase or None
        The study of one place whose data answer it.
    rules : tuple of IdentityCheck
        The arithmetic that it takes part in.
    facts : tuple of Fact
    needed : Needed or None
        None where nothing is to be tested: background, rules, plans.
    simulated : bool
        The only data of the study are simulated.
    """

    claim: Claim
    system: System
    check: ClaimCheck
    case: StaggeredCase | None = field(repr=False)
    rules: tuple[IdentityCheck, ...]
    facts: tuple[Fact, ...]
    needed: Needed | None
    simulated: bool = False


@dataclass(frozen=True, eq=False)
class LedgerCase:
    """A ledger with its claims and the studies that test them, ready to be asked.

    Attributes
    ----------
    study : Ledger
    claims : ClaimsFile
    here : StaggeredCase
        The study that is told on the ledger's own page.
    cases : mapping of str to Prepared
        Every other study with its data, by name.
    chance : pandas.DataFrame
        The record from which it is told how much of a rank is chance.
    chance_source : TableInfo
    files : mapping of str to str
        Checksums of the claims file and of the study files that the ledger depends on.
    overrides : mapping
        Parameters that differ from the study file.
    root : Path
        The project folder.
    """

    study: Ledger
    claims: ClaimsFile = field(repr=False)
    here: StaggeredCase = field(repr=False)
    cases: Mapping[str, Prepared] = field(repr=False)
    chance: pd.DataFrame = field(repr=False)
    chance_source: TableInfo = field(repr=False)
    files: Mapping[str, str]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    root: Path = field(default=Path(), repr=False)

    @property
    def simulated(self) -> bool:
        """The ledger itself is of real figures; single studies may rest on simulated ones."""
        return False

    @property
    def file(self) -> str:
        """The claims file, from the project folder."""
        return f"data/{self.study.entries}.toml"

    @property
    def sources(self) -> tuple[TableInfo, ...]:
        """Every table that was read, once."""
        others = (table for case in self.cases.values() for table in case.sources)
        tables = [*self.here.sources, *others, self.chance_source]
        return tuple({table.name: table for table in tables}.values())

    @cached_property
    def identities(self) -> tuple[IdentityCheck, ...]:
        """Every rule of arithmetic put to its claims."""
        return check_identities(self.claims)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Every claim, weighed, in the order of the file."""
        found = {self.study.id: {check.id: check for check in check_claims(self.here)}}
        for name, case in self.cases.items():
            found[name] = {check.id: check for check in _checks(case)}
        return tuple(self._entry(claim, found) for claim in self.claims.claims)

    def _entry(self, claim: Claim, found: Mapping[str, Mapping[str, ClaimCheck]]) -> Entry:
        system = self.claims.systems[claim.system]
        case = None if claim.study is None else self._case(claim.study)
        if claim.study is None:
            assert claim.because is not None
            check = compare(
                claim.id,
                claim.value,
                self.claims.units[claim.unit].en,
                None,
                (),
                level=LEVEL,
                direction=1,
                reason=self.claims.because[claim.because].en,
            )
        else:
            check = found[claim.study][claim.id]
        one_place = None
        if isinstance(case, StaggeredCase) and case.study.headline.years is not None:
            one_place = case
        return Entry(
            claim=claim,
            system=system,
            check=check,
            case=one_place,
            rules=tuple(rule for rule in self.identities if claim.id in rule.claims),
            facts=tuple(fact for fact in self.claims.facts if claim.id in fact.claims),
            needed=_needed(claim, system, one_place, check),
            simulated=bool(case is not None and case.simulated),
        )

    def _case(self, study: str) -> Prepared:
        return self.here if study == self.study.id else self.cases[study]

    def theirs(self, study: str, claim: str) -> Any:
        """A claim as the study that tests it states it, of the model of that study's kind."""
        return next(item for item in _claims(self._case(study)) if item.id == claim)

    @cached_property
    def silent(self) -> dict[str, System]:
        """Systems of which the source states no figure."""
        used = {claim.system for claim in self.claims.claims}
        return {name: system for name, system in self.claims.systems.items() if name not in used}


def prepare_ledger(
    study: Ledger, overrides: Mapping[str, Any], root: Path, cases: Mapping[str, Prepared]
) -> LedgerCase:
    """Read the claims and check that they and the studies that test them fit together.

    Parameters
    ----------
    study : Ledger
    overrides : mapping
        Dotted keys to values that replaced those of the file.
    root : Path
        The project folder.
    cases : mapping of str to Prepared
        The studies that it depends on, with their data.

    Returns
    -------
    LedgerCase

    Raises
    ------
    DataError
        The claims file is wrong, or a study does not test a claim that points to it, or states another figure
        for it.
    StudyError
        A claim points to a study on which the ledger does not say that it depends.
    DesignError
        The data of the study that is told here cannot answer its question.
    """
    path = root / "data" / f"{study.entries}.toml"
    claims = load_claims(path, {*list_studies(root), study.id})
    _check_studies(study, claims, path)
    here = prepare_staggered(study.here, {}, root)
    chance, source = read_table(study.chance.table, root / "data")
    columns = [study.chance.unit, study.chance.time, study.chance.part]
    require_columns(chance, columns, table=f"table {study.chance.table}")
    read = [path, *(root / "studies" / f"{name}.toml" for name in study.studies)]
    files = {file.relative_to(root).as_posix(): sha256_of(file.read_bytes()) for file in read}
    case = LedgerCase(study, claims, here, cases, chance, source, files, dict(overrides), root)
    _check_tested(case, path)
    return case


def _claims(case: Prepared) -> tuple[Any, ...]:
    """A study's own claims, whatever its kind."""
    return getattr(case.study, "claims", ())


def _checks(case: Prepared) -> tuple[ClaimCheck, ...]:
    """The verdicts of a study; simulated data give none, so nothing is estimated for them."""
    if case.simulated:
        return tuple(
            compare(claim.id, claim.value, claim.unit.en, None, (), level=LEVEL, direction=1, simulated=True)
            for claim in _claims(case)
        )
    check = kind_of(case.study).check_claims
    return check(case) if check is not None else ()


def _check_studies(study: Ledger, claims: ClaimsFile, path: Path) -> None:
    named = {claim.study: claim.id for claim in claims.claims if claim.study is not None}
    lost = sorted(set(named) - {study.id, *study.studies})
    if lost:
        raise StudyError(
            f"the ledger does not say that it depends on {', '.join(lost)}",
            where=f"studies/{study.id}.toml, key studies; {path.name}: "
            + ", ".join(f"claim {named[name]} points to {name}" for name in lost),
            expected="every study that a claim points to",
            fix="add the study to 'studies'",
        )


def _check_tested(case: LedgerCase, path: Path) -> None:
    """Every claim that points to a study is one of that study's, with the same figure."""
    problems = []
    for claim in case.claims.claims:
        if claim.study is None:
            continue
        theirs = {item.id: item for item in _claims(case._case(claim.study))}
        if claim.id not in theirs:
            problems.append(f"{claim.id}: the study {claim.study} does not test it")
        elif not math.isclose(theirs[claim.id].value, claim.value):
            problems.append(
                f"{claim.id}: {claim.value:g} here, {theirs[claim.id].value:g} in the study {claim.study}"
            )
    if problems:
        raise DataError(
            "the ledger and the studies do not agree",
            where=f"{path.name}: " + "; ".join(problems),
            expected="each claim once in the study that it points to, with the same figure",
            fix="add the claim to the study file, or say in 'because' why no study tests it",
        )


_UNTESTED = {"rule", "plan", "context", "output", "award", "formula"}


def _needed(claim: Claim, system: System, case: StaggeredCase | None, check: ClaimCheck) -> Needed | None:
    """The smallest effect that the study's data, or those which the system asks for, could show."""
    if case is not None and check.tests:
        theirs = next(item for item in case.study.claims if item.id == claim.id)
        assert theirs.outcome is not None
        assert theirs.baseline is not None
        assert theirs.year is not None
        scale = check.tests[0].scale
        gap = smallest_gap(case, theirs.outcome, theirs.baseline, theirs.year, scale)
        if gap is not None:
            kind = "gap" if scale == "level" else "percent_gap"
            value = gap if scale == "level" else 100 * math.expm1(gap)
            return Needed(kind, (value,), len(case.donors(case.study.rule.pool)), theirs.outcome)
    if claim.because in _UNTESTED or claim.kind == "level":
        return None
    return needed_for(system, claim.value if claim.kind == "relative_change" else None)


@lru_cache(maxsize=64)
def smallest_gap(case: StaggeredCase, outcome: str, before: int, after: int, scale: str) -> float | None:
    """The smallest gap between two years that the study's rule could tell from chance.

    Parameters
    ----------
    case : StaggeredCase
    outcome : str
        Id of the outcome.
    before, after : int
    scale : {"level", "log"}

    Returns
    -------
    float or None
        In units of the outcome or in log points; None where there are too few places for any.
    """
    rule = case.study.rule
    test = change_test(case, year_table(case, outcome), before, after, rule.pool, scale)
    return test.critical_value(rule.level)


def needed_for(system: System, change: float | None = None) -> Needed:
    """The smallest effect that the data which a system asks for could show, before there are any.

    Parameters
    ----------
    system : System
    change : float, optional
        The claimed change in percent, where the outcome is a count.
    """
    if system.peers is None:
        return Needed("sizes", tuple(spreads_needed(n, n) for n in (10, 50, 200)))
    if system.counted and change is not None and -100 < change < 0:
        return Needed("cases", (cases_needed(change, system.peers),), system.peers)
    return Needed("spread", (spreads_needed(1, system.peers),), system.peers)
