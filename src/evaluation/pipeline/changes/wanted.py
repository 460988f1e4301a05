"""One study of a run: whether its pages must be made, and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evaluation.errors import EvaluationError, StudyError
from evaluation.pipeline.changes.inputs import Project, changes, digest_of
from evaluation.pipeline.changes.state import Made, State, read_state, reasons, write_state
from evaluation.pipeline.kernels.execute import LANGUAGES, check_parameters
from evaluation.pipeline.plan import alternate
from evaluation.pipeline.site import Place
from evaluation.pipeline.spec import RenderOutcome
from evaluation.reads import UNTRACKED


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
    inputs : mapping
        What its pages rest on.
    state : State
        Of its last good run.
    """

    place: Place
    overrides: Mapping[str, Any]
    languages: tuple[str, ...]
    reasons: tuple[str, ...]
    inputs: Mapping[str, str] = field(repr=False)
    state: State = field(repr=False)

    @property
    def links(self) -> dict[str, str]:
        """Where each page links for the other language."""
        return {one: alternate(self.place, one, self.languages) or "none" for one in self.languages}


def look(
    project: Project,
    study: str,
    reports: Path,
    overrides: Mapping[str, Any],
    languages: Sequence[str] | None,
    force: bool,
) -> Wanted:
    """Compare what a study's pages rest on now with what they were made from.

    Pages are made in the languages of the study, or in those of them that are asked for.

    Raises
    ------
    StudyError
        There is no such study, or it has none of the languages.
    """
    from evaluation.study import list_studies, load_study

    if study not in list_studies(project.root):  # a path is no study, whatever lies there
        check_parameters(study, overrides)
        load_study(study, root=project.root)
    tongues = _languages(project, study, overrides, languages)
    place = Place.of(reports, study, overrides)
    state = read_state(project.root, place)
    inputs = project.inputs(study, overrides, state.reads)
    one = Wanted(place, overrides, tongues, (), inputs, state)
    why = reasons(place, state, inputs, one.links)
    native = [path.removeprefix(UNTRACKED) for path in state.reads if path.startswith(UNTRACKED)]
    if native and state.pages:
        why.append(f"it reads files that cannot be tracked ({', '.join(native)}), so it is run every time")
    return replace(one, reasons=tuple(why or (["it was forced"] if force else [])))


def _languages(
    project: Project, study: str, overrides: Mapping[str, Any], asked: Sequence[str] | None
) -> tuple[str, ...]:
    from evaluation.study import load_study

    try:
        own: tuple[str, ...] = load_study(study, overrides, project.root).languages
    except EvaluationError:  # the checks before the run say what is wrong, on a page in every language
        return tuple(asked or LANGUAGES)
    found = tuple(one for one in own if asked is None or one in asked)
    if not found:
        raise StudyError(
            f"the study {study} has no page in {', '.join(asked or ())}",
            where=f"studies/{study}.toml, key languages",
            expected=f"--lang {','.join(own)}",
            fix="add the language to the study file, with its texts",
        )
    return found


def note(project: Project, one: Wanted, outcome: RenderOutcome, begun: float) -> None:
    """Keep what the new pages were made from, as it was when the run began."""
    reads = tuple(sorted(set(outcome.reads)))
    inputs = dict(project.inputs(one.place.study, one.overrides, reads))
    for path in inputs.keys() - one.inputs.keys():
        if _changed_since(project.root / path, begun):
            inputs[path] = "changed while it was read"
    inputs.update({key: value for key, value in one.inputs.items() if key in inputs})
    # a page in another language stands as long as nothing changed since
    pages = {} if changes(one.state.inputs, inputs) else dict(one.state.pages)
    for language, link in one.links.items():
        pages[language] = Made(digest_of(one.place.page(language)), link)
    seconds = round(sum(outcome.seconds.values()), 2)
    state = State(pages, inputs, digest_of(one.place.result), seconds, reads)
    write_state(project.root, one.place, state)


def _changed_since(path: Path, moment: float) -> bool:
    try:
        return path.stat().st_mtime >= moment
    except OSError:
        return False
