"""A study with its data, whatever its kind: checked once, before anything is estimated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.analysis.kinds import Prepared, kind_of
from evaluation.errors import EvaluationError
from evaluation.study import BaseStudy, find_root, load_study


def prepare(
    study: BaseStudy | str | Path | Prepared,
    overrides: Mapping[str, Any] | None = None,
    root: Path | None = None,
) -> Prepared:
    """Read a study and its data and check that the question can be put.

    Parameters
    ----------
    study : BaseStudy, str, Path or Prepared
        A study, its name, or the path of its file; what is prepared already is returned as it is.
    overrides : mapping, optional
        Dotted keys to values that replace those of the file.
    root : Path, optional
        The project folder.

    Returns
    -------
    Prepared
        The study with its data, of the class that belongs to its kind: `StaggeredCase` for a panel,
        `BulletinCase` for a bulletin, `SimulatedCase` for a claim without data,
        `LedgerCase` for a ledger.

    Raises
    ------
    StudyError
        The study file is wrong.
    DataError
        A table is missing, corrupt, or lacks a column, a unit or a period.
    DesignError
        The data cannot answer the question as it is put.
    """
    if not isinstance(study, BaseStudy | str | Path):
        return study
    root = root or find_root()
    if not isinstance(study, BaseStudy):
        study = load_study(study, overrides, root)
    kind = kind_of(study)
    others = {name: _depended_on(name, study, root) for name in study.depends_on}
    return kind.prepare(study, dict(overrides or {}), root, others)


def _depended_on(name: str, study: BaseStudy, root: Path) -> Prepared:
    """A study that another depends on; its mistakes are said to be the other's, too."""
    try:
        return prepare(name, {}, root)
    except EvaluationError as error:
        raise type(error)(
            f"the study {name}, on which {study.id} depends, cannot be run: {error.what}",
            where=error.where,
            expected=error.expected,
            fix=error.fix,
        ) from None
