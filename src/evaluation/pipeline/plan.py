"""Before anything runs: check a study with its data, and write down what its pages need."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.pipeline.kernels.execute import LANGUAGES, check_parameters, read_notebook
from evaluation.pipeline.records import history
from evaluation.pipeline.site import Place, commit_of, generated_now, versions
from evaluation.pipeline.spec import CELL_TIMEOUT, PageSpec, RenderSpec, value_text
from evaluation.study.base import BaseStudy
from evaluation.study.loading import PRIVATE


def plan(
    place: Place,
    root: Path,
    overrides: Mapping[str, Any],
    languages: Sequence[str] = LANGUAGES,
    *,
    making: Mapping[str, Any] | None = None,
    cell_timeout: float = CELL_TIMEOUT,
) -> RenderSpec:
    """Check a study, its overrides, its notebook and its data.

    Parameters
    ----------
    place : Place
        Where the study's files go.
    root : Path
        The project folder.
    overrides : mapping
        Dotted keys to values.
    languages : sequence of {"en", "zh"}
    making : mapping, optional
        From `how_made`, so that all pages of a run state the same commit and time.
    cell_timeout : float
        Seconds that one cell may take.

    Raises
    ------
    StudyError, DataError, DesignError
        Whatever can be known to be wrong without running the notebook.
    """
    from evaluation.study import load_study

    check_parameters(place.study, overrides)
    study = load_study(place.study, overrides, root)
    read_notebook(root, study.notebook)
    from evaluation.analysis import prepare  # takes a second to import: only once the study itself is sound

    case = prepare(study, overrides, root)
    made = how_made(root) if making is None else making
    return RenderSpec(
        study=place.study,
        notebook=study.notebook,
        root=root,
        pages={
            language: PageSpec(study.title[language], alternate(place, language, languages))
            for language in languages
        },
        index_href=place.index,
        overrides=overrides,
        provenance=stated(place, overrides, made),
        cell_timeout=cell_timeout,
        executed=root / "build" / "notebooks" / f"{place.name}.ipynb",
        history=history.read(place, most=2),
        private=() if publishes(study, root) else _units(case),
    )


def publishes(study: BaseStudy, root: Path) -> bool:
    """Whether files of the page may hold values of single units: by the study, else by its folder."""
    said = study.publish_data
    return not (root / PRIVATE).is_file() if said is None else said


def _units(case: Any) -> tuple[str, ...]:
    """Names of the units of a study's table, where it has one by unit."""
    unit = getattr(getattr(case.study, "data", None), "unit", None)
    table = getattr(case, "table", None)
    return () if table is None or unit not in table else tuple(map(str, table[unit].unique()))


def alternate(place: Place, language: str, languages: Sequence[str]) -> str:
    """Link to the other language where there is such a page, or will be."""
    other = "zh" if language == "en" else "en"
    return place.alternate(other) if other in languages or place.page(other).is_file() else ""


def how_made(root: Path) -> dict[str, Any]:
    """Commit, time and versions of a run, looked up once for all its pages."""
    return {"commit": commit_of(root), "generated": generated_now(), "versions": versions()}


def stated(place: Place, overrides: Mapping[str, Any], making: Mapping[str, Any]) -> dict[str, Any]:
    """What a page says about its making."""
    return {**making, "command": command(place.study, overrides), "overrides": dict(overrides)}


def command(study: str, overrides: Mapping[str, Any]) -> str:
    """The command that makes this very page."""
    settings = [f"--set {shlex.quote(f'{key}={value_text(value)}')}" for key, value in overrides.items()]
    return " ".join(["evaluation run", study, *settings])
