"""A study with its data, whatever its kind: checked once, before anything is estimated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from evaluation.analysis.bulletin import prepare_bulletin
from evaluation.analysis.case import prepare_one_place
from evaluation.analysis.simulated.case import prepare_simulated
from evaluation.analysis.staggered.prepare import prepare_staggered
from evaluation.analysis.weighing import prepare_ledger
from evaluation.errors import StudyError
from evaluation.study import BaseStudy, find_root, load_study

PREPARE: dict[str, Callable[[Any, Mapping[str, Any], Path], Any]] = {
    "bulletin": prepare_bulletin,
    "one_place": prepare_one_place,
    "simulated": prepare_simulated,
    "staggered": prepare_staggered,
    "ledger": prepare_ledger,
}
"""For each kind of study, the function that reads its data and checks them; see `evaluation.study.KINDS`."""


def prepare(
    study: BaseStudy | str | Path, overrides: Mapping[str, Any] | None = None, root: Path | None = None
) -> Any:
    """Read a study and its data and check that the question can be put.

    Parameters
    ----------
    study : BaseStudy, str or Path
        A study, its name, or the path of its file.
    overrides : mapping, optional
        Dotted keys to values that replace those of the file.
    root : Path, optional
        The project folder.

    Returns
    -------
    object
        The study with its data, of the class that belongs to its kind: `Case` for one place,
        `StaggeredCase` for many, `BulletinCase` for a bulletin, `SimulatedCase` for a claim without data.

    Raises
    ------
    StudyError
        The study file is wrong.
    DataError
        A table is missing, corrupt, or lacks a column, a unit or a period.
    DesignError
        The data cannot answer the question as it is put.
    """
    root = root or find_root()
    if not isinstance(study, BaseStudy):
        study = load_study(study, overrides, root)
    if study.kind not in PREPARE:
        raise StudyError(f"no analysis is written for studies of the kind {study.kind!r}")
    return PREPARE[study.kind](study, dict(overrides or {}), root)
