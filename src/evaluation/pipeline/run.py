"""Run studies: see what changed, check everything first, render in parallel, publish what is good."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evaluation.errors import EvaluationError, StudyError
from evaluation.pipeline.changes.inputs import Project, digest_of
from evaluation.pipeline.changes.state import read_state, state_file
from evaluation.pipeline.changes.wanted import Wanted, look, note
from evaluation.pipeline.executors.executor import Alone, Executor, Processes, start_server
from evaluation.pipeline.finish import StudyRun, publish, refused
from evaluation.pipeline.kernels.environment import hide_environment
from evaluation.pipeline.listing import listed, write_index
from evaluation.pipeline.lock import sole_run
from evaluation.pipeline.plan import how_made, plan, stated
from evaluation.pipeline.progress import Lines, Progress, Report
from evaluation.pipeline.render import render
from evaluation.pipeline.site import COMPARISON, Place, damaged, generated_now, require_writable, write_whole
from evaluation.pipeline.spec import CELL_TIMEOUT, RenderOutcome, RenderSpec

__all__ = ["Order", "StudyRun", "Wanted", "preview", "run", "run_orders"]


@dataclass(frozen=True)
class Order:
    """A study with the changes to its file.

    Attributes
    ----------
    study : str
    overrides : mapping
        Dotted keys to values; with any the pages go to ``variants/``.
    """

    study: str
    overrides: Mapping[str, Any] = field(default_factory=dict)


def preview(
    orders: Sequence[str | Order],
    *,
    root: Path,
    reports: Path,
    overrides: Mapping[str, Any] | None = None,
    languages: Sequence[str] | None = None,
    force: bool = False,
) -> list[Wanted]:
    """What a run would do with these arguments, and why; nothing is run or written."""
    project = Project(root.resolve())
    return [
        look(project, one.study, reports.absolute(), one.overrides, languages, force)
        for one in _orders(orders, overrides)
    ]


def run(
    studies: Sequence[str],
    *,
    root: Path,
    reports: Path,
    overrides: Mapping[str, Any] | None = None,
    languages: Sequence[str] | None = None,
    jobs: int | None = None,
    cell_timeout: float = CELL_TIMEOUT,
    progress: Progress | None = None,
    force: bool = False,
    executor: Executor | None = None,
) -> list[StudyRun]:
    """Run studies whose pages are not up to date, and write their pages, result files and the index.

    A study is run when anything that its pages rest on has other content than when they were made.
    Every study that is run, its data, its dates and its notebook are checked before a kernel starts. A
    study that fails leaves its last good files as they are, and a page in ``failures/`` that says why. Its
    notebook is run once, whatever the number of languages.

    Parameters
    ----------
    studies : sequence of str
        Names from ``studies/``.
    root, reports : Path
        The project folder, and the folder that pages go to.
    overrides : mapping, optional
        Dotted keys to values; the pages go to ``variants/``.
    languages : sequence of {"en", "zh"}, optional
        Of those that a study has; by default all of them.
    jobs : int, optional
        Reports made at once; by default two, or one on a single processor.
    cell_timeout : float
        Seconds that one cell may take.
    progress : Progress, optional
        Told whatever is done, for the user.
    force : bool
        Run what is up to date, too.
    executor : Executor, optional
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
    return run_orders(
        _orders(studies, overrides),
        root=root,
        reports=reports,
        languages=languages,
        jobs=jobs,
        cell_timeout=cell_timeout,
        progress=progress,
        force=force,
        executor=executor,
        strict=bool(overrides),
    )


def run_orders(
    orders: Sequence[Order],
    *,
    root: Path,
    reports: Path,
    languages: Sequence[str] | None = None,
    jobs: int | None = None,
    cell_timeout: float = CELL_TIMEOUT,
    progress: Progress | None = None,
    force: bool = False,
    executor: Executor | None = None,
    strict: bool = False,
    then: Callable[[list[StudyRun]], None] = lambda runs: None,
) -> list[StudyRun]:
    """Run studies, each with its own changes; see `run`.

    Parameters
    ----------
    orders : sequence of Order
    root, reports, languages, jobs, cell_timeout, progress, force, executor
        As in `run`.
    strict : bool
        Raise what the checks before the run find, instead of making a page of it.
    then : callable
        Called with the outcome before the index is written, while the reports folder is still locked.
    """
    root, reports = root.resolve(), reports.absolute()
    if jobs is not None and jobs < 1:
        raise StudyError(f"{jobs} jobs cannot run a report", where="--jobs", expected="1 or more")
    if not cell_timeout > 0:
        raise StudyError(
            f"a cell cannot be done in {cell_timeout:g} seconds",
            where="--timeout",
            expected="a number of seconds above 0",
        )
    hide_environment()
    require_writable(reports)
    progress = progress or Lines()
    with sole_run(reports, progress.note):
        project = Project(root)
        wanted = [look(project, one.study, reports, one.overrides, languages, force) for one in orders]
        runs = [StudyRun(one.place) for one in wanted if not one.reasons]
        todo = [one for one in wanted if one.reasons]
        progress.planned(_reports(todo, project), [done.place.name for done in runs])
        if todo:
            runs += _run(todo, project, jobs, cell_timeout, progress, executor, strict)
        places = [one.place for one in wanted]
        runs.sort(key=lambda one: places.index(one.place))
        then(runs)
        if any(not one.up_to_date for one in runs) and any(reports.glob(f"variants/*/{COMPARISON}")):
            from evaluation.pipeline.grids.compare import compare_again  # it runs grids by way of this module

            compare_again(root, reports, runs, progress)
        _index(project, reports)
        for path in damaged(reports):
            name = path.relative_to(reports).as_posix()
            progress.note(f"{name} cannot be read: delete it, or run the study or variant again")
        project.remember()
    return runs


def _orders(studies: Sequence[str | Order], overrides: Mapping[str, Any] | None = None) -> list[Order]:
    """Names as orders, none twice."""
    shared = dict(overrides or {})
    orders = [one if isinstance(one, Order) else Order(one, shared) for one in studies]
    return [one for i, one in enumerate(orders) if one not in orders[:i]]


def _reports(todo: Sequence[Wanted], project: Project) -> list[Report]:
    """What is to be made; a variant that was never made may take as long as its study did."""
    reports = []
    for one in todo:
        last = one.state.seconds
        if last is None and one.place.variant:
            last = read_state(project.root, Place(one.place.reports, one.place.study)).seconds
        reports.append(Report(one.place.name, last))
    return reports


def _run(
    todo: Sequence[Wanted],
    project: Project,
    jobs: int | None,
    cell_timeout: float,
    progress: Progress,
    executor: Executor | None,
    strict: bool,
) -> Iterator[StudyRun]:
    """Check all, then render the studies and publish each as soon as it is done."""
    begun = time.time()
    size = min(jobs or min(os.cpu_count() or 1, 2), len(todo))
    if executor is None:
        executor = Processes(render, size) if size > 1 else Alone(render)
        if size > 1:
            start_server()
    made = how_made(project.root)
    ready: list[tuple[Wanted, RenderSpec]] = []
    for one in todo:
        if one.state.pages:
            progress.changed(one.place.name, one.reasons)
        try:
            spec = plan(
                one.place, project.root, one.overrides, one.languages, making=made, cell_timeout=cell_timeout
            )
        except Exception as error:
            if strict:
                raise
            failed = refused(one.place, error, stated(one.place, one.overrides, made), project.root)
            assert failed.failure is not None
            progress.refused(one.place.name, failed.failure.message)
            yield replace(failed, reasons=one.reasons)
            continue
        ready.append((one, spec))
    # the longest first, so that it does not run alone at the end
    ready.sort(key=lambda pair: -(pair[0].state.seconds or 0.0))
    for one, spec, outcome in _outcomes(ready, executor, progress):
        done = publish(one.place, outcome, made, spec.provenance, project.root)
        if done.failure is None:
            note(project, one, outcome, begun)
        progress.published(one.place.name, done.failure)
        yield replace(done, reasons=one.reasons)


def _outcomes(
    ready: Sequence[tuple[Wanted, RenderSpec]], executor: Executor, progress: Progress
) -> Iterator[tuple[Wanted, RenderSpec, RenderOutcome]]:
    """Render everything, as many studies at once as the executor takes."""
    waiting = list(ready)
    under_way: dict[str, Wanted] = {}
    try:
        while waiting or under_way:
            while waiting and len(under_way) < (size := executor.size):
                one, spec = waiting.pop(0)
                under_way[one.place.name] = one
                executor.start(spec)
                progress.started(one.place.name, size)
            spec, outcome = executor.finished()
            name = Place.of(Path(), spec.study, spec.overrides).name
            progress.finished(name, outcome)
            yield under_way.pop(name), spec, outcome
    except BaseException:
        # stopped by hand: nothing may wait for cells that run for hours
        executor.stop()
        raise


def _index(project: Project, reports: Path) -> None:
    """Write the index, unless it shows what stands in the folder already."""
    kept = state_file(project.root, Place(reports, "index")).with_name("index.txt")
    moment = generated_now()
    now = listed(reports, project.index_code(), moment)
    page = reports / "index.html"
    if f"{now} {digest_of(page)}" != _read(kept):
        write_index(reports, project.root, moment)
        try:
            write_whole(kept, f"{now} {digest_of(page)}")
        except EvaluationError:
            return  # without it the index is written again the next time


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
