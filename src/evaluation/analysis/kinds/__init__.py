"""The one registry of what is done with a study of each kind: how its data are read, what decides its claims.

A kind is a module beside this one, named as the kind is, with its `KIND`. It is imported when a study of the
kind is prepared, and only then: a page rests on the modules of its own study's kind, not on the others'
(`evaluation.pipeline.changes.closure`). The models of study files, which know no analysis, are listed in
`evaluation.study.KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from evaluation.claims import ClaimCheck
from evaluation.errors import StudyError
from evaluation.sources.manifest import TableInfo
from evaluation.study.base import BaseStudy


class Prepared(Protocol):
    """A study with its data, checked: what every kind of it has.

    Attributes
    ----------
    study : BaseStudy
        Of the model of its kind.
    root : Path
        The project folder.
    sources : tuple of TableInfo
        Every table that a page on it shows.
    simulated : bool
        Whether its data are simulated, so that they decide no claim.
    overrides : mapping
        Dotted keys to values that replaced those of the file.
    """

    @property
    def study(self) -> BaseStudy: ...
    @property
    def root(self) -> Path: ...
    @property
    def sources(self) -> tuple[TableInfo, ...]: ...
    @property
    def simulated(self) -> bool: ...
    @property
    def overrides(self) -> Mapping[str, Any]: ...


S = TypeVar("S", bound=BaseStudy)
C = TypeVar("C", bound=Prepared)


@dataclass(frozen=True)
class StudyKind(Generic[S, C]):
    """What is done with the studies of one kind.

    Attributes
    ----------
    model : type
        Of its study files.
    prepare : callable
        From a study, the keys that replaced those of its file, the project folder and the studies that it
        depends on, prepared, to the study with its data.
    check_claims : callable, optional
        From what ``prepare`` gives to the verdicts on the study's own claims; absent for kinds without any.
    """

    model: type[S]
    prepare: Callable[[S, Mapping[str, Any], Path, Mapping[str, Prepared]], C]
    check_claims: Callable[[C], tuple[ClaimCheck, ...]] | None = None


def alone(
    prepare: Callable[[S, Mapping[str, Any], Path], C],
) -> Callable[[S, Mapping[str, Any], Path, Mapping[str, Prepared]], C]:
    """The ``prepare`` of a kind whose studies depend on no other study."""
    return lambda study, overrides, root, others: prepare(study, overrides, root)


def _bulletin() -> StudyKind[Any, Any]:
    from evaluation.analysis.kinds.bulletin import KIND

    return KIND


def _ledger() -> StudyKind[Any, Any]:
    from evaluation.analysis.kinds.ledger import KIND

    return KIND


def _simulated() -> StudyKind[Any, Any]:
    from evaluation.analysis.kinds.simulated import KIND

    return KIND


def _staggered() -> StudyKind[Any, Any]:
    from evaluation.analysis.kinds.staggered import KIND

    return KIND


KINDS: Mapping[str, Callable[[], StudyKind[Any, Any]]] = {
    "bulletin": _bulletin,
    "ledger": _ledger,
    "simulated": _simulated,
    "staggered": _staggered,
}


def kind_of(study: BaseStudy) -> StudyKind[Any, Any]:
    """What is done with a study.

    Raises
    ------
    StudyError
        No analysis is written for its kind.
    """
    if study.kind not in KINDS:
        raise StudyError(
            f"no analysis is written for studies of the kind {study.kind!r}",
            expected="one of " + ", ".join(KINDS),
        )
    return KINDS[study.kind]()
