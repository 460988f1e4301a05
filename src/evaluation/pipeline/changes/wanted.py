"""One study of a run: whether its pages must be made, where results are kept, what pages rest on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evaluation.pipeline.changes.inputs import Inputs, Project, digest_of
from evaluation.pipeline.changes.state import Made, State, read_state, reasons, write_state
from evaluation.pipeline.kernels.execute import check_parameters
from evaluation.pipeline.plan import alternate
from evaluation.pipeline.site import Place
from evaluation.pipeline.spec import RenderOutcome
from evaluation.reads import UNTRACKED

LINK = "link to the other language"
_KEPT_STORES = 3


@dataclass(frozen=True)
class Wanted:
    """One study that was asked for, and why it must be run.

    Attributes
    ----------
    place : Place
    overrides : mapping
    languages : tuple of str
    reasons : tuple of str
        What changed since its pages were made; empty when they are up to date.
    inputs : Inputs
        What its pages rest on.
    state : State
        Of its last good run.
    """

    place: Place
    overrides: Mapping[str, Any]
    languages: tuple[str, ...]
    reasons: tuple[str, ...]
    inputs: Inputs = field(repr=False)
    state: State = field(repr=False)

    def page_inputs(self, language: str, inputs: Inputs | None = None) -> dict[str, str]:
        """What one page rests on."""
        link = alternate(self.place, language, self.languages)
        return {**(inputs or self.inputs).page, LINK: link or "none"}

    @property
    def seconds(self) -> float:
        """How long its pages took the last time; 0 when that is not known."""
        return sum(made.seconds for made in self.state.pages.values())


def look(
    project: Project,
    study: str,
    reports: Path,
    overrides: Mapping[str, Any],
    languages: tuple[str, ...],
    force: bool,
) -> Wanted:
    """Compare what a study's pages rest on now with what they were made from.

    Raises
    ------
    StudyError
        There is no such study.
    """
    from evaluation.study import list_studies, load_study

    if study not in list_studies(project.root):  # a path is no study, whatever lies there
        check_parameters(study, overrides, languages[0])
        load_study(study, root=project.root)
    place = Place.of(reports, study, overrides)
    state = read_state(project.root, place)
    inputs = project.inputs(study, overrides, state.reads)
    one = Wanted(place, overrides, languages, (), inputs, state)
    why = reasons(place, state, {language: one.page_inputs(language) for language in languages})
    native = [path.removeprefix(UNTRACKED) for path in state.reads if path.startswith(UNTRACKED)]
    if native and state.pages:
        why.append(f"it reads files that cannot be tracked ({', '.join(native)}), so it is run every time")
    return replace(one, reasons=tuple(why or (["it was forced"] if force else [])))


def store_of(root: Path, one: Wanted, force: bool) -> Path:
    """Folder for the study's results of analysis, named after all that they rest on; old ones are removed."""
    folder = root / "build" / "analysis" / one.place.name
    store = folder / one.inputs.analysis[:32]
    if force:
        shutil.rmtree(store, ignore_errors=True)
    try:
        old = sorted((path for path in folder.iterdir() if path != store), key=lambda p: p.stat().st_mtime)
    except OSError:
        return store
    for path in old[: 1 - _KEPT_STORES or None]:
        shutil.rmtree(path, ignore_errors=True)
    return store


def note(project: Project, one: Wanted, outcomes: Sequence[RenderOutcome], begun: float) -> None:
    """Keep what the new pages were made from, as it was when the run began."""
    reads = sorted({path for outcome in outcomes for path in outcome.reads})
    inputs = project.inputs(one.place.study, one.overrides, reads)
    page = dict(inputs.page)
    for path in page.keys() - one.inputs.page.keys():
        if _changed_since(project.root / path, begun):
            page[path] = "changed while it was read"
    page.update({key: value for key, value in one.inputs.page.items() if key in page})
    final = Inputs(page, inputs.analysis)
    result = digest_of(one.place.result)
    pages = {}
    for language, kept in one.state.pages.items():
        if kept.inputs.keys() == page.keys() | {LINK} and all(kept.inputs[key] == page[key] for key in page):
            pages[language] = replace(kept, result=result)
    for outcome in outcomes:
        pages[outcome.language] = Made(
            one.page_inputs(outcome.language, final),
            digest_of(one.place.page(outcome.language)),
            result,
            round(sum(outcome.seconds.values()), 2),
        )
    write_state(project.root, one.place, State(pages, tuple(reads)))


def _changed_since(path: Path, moment: float) -> bool:
    try:
        return path.stat().st_mtime >= moment
    except OSError:
        return False
