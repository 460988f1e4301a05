"""Run studies: see what changed, check everything first, render in parallel, publish what is good."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evaluation.errors import EvaluationError, StudyError
from evaluation.pipeline.crew import Alone, Crew, Processes, start_server
from evaluation.pipeline.execute import LANGUAGES, check_parameters
from evaluation.pipeline.finish import StudyRun, publish, refused
from evaluation.pipeline.inputs import Inputs, Project, digest_of
from evaluation.pipeline.listing import listed, write_index
from evaluation.pipeline.lock import sole_run
from evaluation.pipeline.plan import alternate, how_made, plan, stated
from evaluation.pipeline.render import render
from evaluation.pipeline.site import Place, generated_now, require_writable, write_whole
from evaluation.pipeline.spec import CELL_TIMEOUT, RenderOutcome, RenderSpec
from evaluation.pipeline.state import Made, State, read_state, reasons, state_file, write_state

__all__ = ["StudyRun", "Wanted", "preview", "run"]

Say = Callable[[str], None]
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


@dataclass(frozen=True)
class _Job:
    wanted: Wanted
    specs: tuple[RenderSpec, ...]


def preview(
    studies: Sequence[str],
    *,
    root: Path,
    reports: Path,
    overrides: Mapping[str, Any] | None = None,
    languages: Sequence[str] = LANGUAGES,
    force: bool = False,
) -> list[Wanted]:
    """What `run` would do with these arguments, and why; nothing is run or written."""
    project = Project(root.resolve())
    names = dict.fromkeys(studies)
    return [
        _wanted(project, name, reports.absolute(), overrides or {}, tuple(languages), force) for name in names
    ]


def run(
    studies: Sequence[str],
    *,
    root: Path,
    reports: Path,
    overrides: Mapping[str, Any] | None = None,
    languages: Sequence[str] = LANGUAGES,
    jobs: int | None = None,
    cell_timeout: float = CELL_TIMEOUT,
    say: Say = lambda text: None,
    force: bool = False,
    crew: Crew | None = None,
) -> list[StudyRun]:
    """Run studies whose pages are not up to date, and write their pages, result files and the index.

    A study is run when anything that its pages rest on has other content than when they were made.
    Every study that is run, its data, its dates and its notebook are checked before a kernel starts. A
    study that fails leaves its last good files as they are, and a page in ``failures/`` that says why. A
    study is estimated in its first language; the second finds the results.

    Parameters
    ----------
    studies : sequence of str
        Names from ``studies/``.
    root, reports : Path
        The project folder, and the folder that pages go to.
    overrides : mapping, optional
        Dotted keys to values; the pages go to ``variants/``.
    languages : sequence of {"en", "zh"}
    jobs : int, optional
        Reports made at once; by default two, or one on a single processor.
    cell_timeout : float
        Seconds that one cell may take.
    say : callable
        Called with a line for the user whenever something is done.
    force : bool
        Run and estimate again what is up to date, too.
    crew : Crew, optional
        Who makes the reports; by default ``jobs`` processes on this machine.

    Returns
    -------
    list of StudyRun

    Raises
    ------
    StudyError
        An unknown study, or overrides that the study does not take.
    DataError, DesignError
        With one study, or with overrides: what is wrong in the data. With several the others go on.
    OutputError
        The reports folder cannot be written, or another run is writing it.
    """
    root, reports = root.resolve(), reports.absolute()
    overrides = dict(overrides or {})
    if jobs is not None and jobs < 1:
        raise StudyError(f"{jobs} jobs cannot run a report", where="--jobs", expected="1 or more")
    require_writable(reports)
    names = list(dict.fromkeys(studies))
    with sole_run(reports, say):
        project = Project(root)
        wanted = [_wanted(project, name, reports, overrides, tuple(languages), force) for name in names]
        runs = [StudyRun(one.place) for one in wanted if not one.reasons]
        for done in runs:
            say(f"{done.place.name}: up to date")
        todo = [one for one in wanted if one.reasons]
        if todo:
            runs += _run(todo, project, jobs, cell_timeout, say, force, crew)
        _index(project, reports)
        project.remember()
    return sorted(runs, key=lambda one: names.index(one.place.study))


def _wanted(
    project: Project,
    study: str,
    reports: Path,
    overrides: Mapping[str, Any],
    languages: tuple[str, ...],
    force: bool,
) -> Wanted:
    from evaluation.study import list_studies, load_study

    if study not in list_studies(project.root):  # a path is no study, whatever lies there
        check_parameters(study, overrides, languages[0])
        load_study(study, root=project.root)
    place = Place.of(reports, study, overrides)
    state = read_state(project.root, place)
    inputs = project.inputs(study, overrides, state.reads)
    one = Wanted(place, overrides, languages, (), inputs, state)
    why = reasons(place, state, {language: one.page_inputs(language) for language in languages})
    return replace(one, reasons=tuple(why or (["it was forced"] if force else [])))


def _run(
    todo: Sequence[Wanted],
    project: Project,
    jobs: int | None,
    cell_timeout: float,
    say: Say,
    force: bool,
    crew: Crew | None,
) -> Iterator[StudyRun]:
    """Check all, then render and publish each study as soon as all its languages are done."""
    begun = time.time()
    size = min(jobs or min(os.cpu_count() or 1, 2), sum(len(one.languages) for one in todo))
    if crew is None:
        crew = Processes(render, size) if size > 1 else Alone(render)
        if size > 1:
            start_server()
    made = how_made(project.root)
    ready: list[_Job] = []
    for one in todo:
        if one.state.pages:
            say(f"{one.place.name}: {'; '.join(one.reasons[:3])}")
        try:
            specs = plan(
                one.place, project.root, one.overrides, one.languages, making=made, cell_timeout=cell_timeout
            )
        except EvaluationError as error:
            if one.overrides:
                raise
            failed = refused(one.place, error, stated(one.place, one.overrides, made), project.root)
            say(f"{one.place.name}: {failed.failures['both'].message}")
            yield replace(failed, reasons=one.reasons)
            continue
        store = _store(project.root, one, force)
        ready.append(_Job(one, tuple(replace(spec, store=store) for spec in specs)))
    # the longest first, so that it does not run alone at the end
    ready.sort(key=lambda job: -job.wanted.seconds)
    for job, outcomes in _outcomes(ready, crew, say):
        spec = job.specs[0]
        done = publish(job.wanted.place, outcomes, made, spec.provenance, project.root)
        if not done.failures:
            _note(project, job.wanted, outcomes, begun)
        yield replace(done, reasons=job.wanted.reasons)


def _outcomes(jobs: Sequence[_Job], crew: Crew, say: Say) -> Iterator[tuple[_Job, tuple[RenderOutcome, ...]]]:
    """Render everything: one language of a study after the other, several studies at once."""
    waiting = [(job, 0) for job in jobs]
    under_way: dict[tuple[str, str], tuple[_Job, int]] = {}
    done: dict[Place, list[RenderOutcome]] = {job.wanted.place: [] for job in jobs}
    try:
        while waiting or under_way:
            while waiting and len(under_way) < crew.size:
                job, turn = waiting.pop(0)
                under_way[job.wanted.place.name, job.specs[turn].language] = job, turn
                crew.start(job.specs[turn])
            spec, outcome = crew.finished()
            name = Place.of(Path(), spec.study, spec.overrides).name
            job, turn = under_way.pop((name, spec.language))
            say(_line(name, outcome))
            done[job.wanted.place].append(outcome)
            if turn + 1 < len(job.specs):
                waiting.insert(0, (job, turn + 1))
            else:
                yield job, tuple(sorted(done[job.wanted.place], key=lambda one: one.language))
    except BaseException:
        # stopped by hand: nothing may wait for cells that run for hours
        crew.stop()
        raise


def _line(name: str, outcome: RenderOutcome) -> str:
    parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in outcome.seconds.items())
    what = "failed" if outcome.failure else "made"
    return f"{name} {outcome.language}: {what} in {sum(outcome.seconds.values()):.1f} s ({parts})"


def _store(root: Path, one: Wanted, force: bool) -> Path:
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


def _note(project: Project, one: Wanted, outcomes: Sequence[RenderOutcome], begun: float) -> None:
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


def _index(project: Project, reports: Path) -> None:
    """Write the index, unless it shows what stands in the folder already."""
    note = state_file(project.root, Place(reports, "index")).with_name("index.txt")
    moment = generated_now()
    now = listed(reports, project.index_code(), moment)
    page = reports / "index.html"
    if f"{now} {digest_of(page)}" != _read(note):
        write_index(reports, project.root, moment)
        try:
            write_whole(note, f"{now} {digest_of(page)}")
        except EvaluationError:
            return  # without it the index is written again the next time


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
