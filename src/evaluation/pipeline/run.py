"""Run studies: check everything first, render in parallel, publish what is good, say what is not."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation.errors import EvaluationError, StudyError
from evaluation.pipeline import history
from evaluation.pipeline.execute import LANGUAGES, scrub
from evaluation.pipeline.plan import how_made, plan, stated
from evaluation.pipeline.render import render
from evaluation.pipeline.site import (
    Place,
    differences,
    read_results,
    require_writable,
    result_text,
    write_whole,
)
from evaluation.pipeline.spec import CELL_TIMEOUT, Failure, RenderOutcome, RenderSpec

Say = Callable[[str], None]


@dataclass(frozen=True)
class StudyRun:
    """What became of one study.

    Attributes
    ----------
    place : Place
    outcomes : tuple of RenderOutcome
        One a language; empty when the study was refused before it ran.
    failures : mapping
        Language, or ``"both"``, to failure; empty after a good run.
    written : tuple of Path
        Files that were put in place.
    """

    place: Place
    outcomes: tuple[RenderOutcome, ...] = ()
    failures: Mapping[str, Failure] = field(default_factory=dict)
    written: tuple[Path, ...] = ()

    @property
    def exit_status(self) -> int:
        """0, 1 for a failed report, 2 for a mistake of the user."""
        return max((failure.exit_status for failure in self.failures.values()), default=0)


@dataclass(frozen=True)
class _Job:
    place: Place
    specs: tuple[RenderSpec, ...]


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
) -> list[StudyRun]:
    """Run studies and write their pages, result files and the index.

    Every study, its data, its dates and its notebook are checked before a kernel starts. A study
    that fails leaves its last good files as they are, and a page in ``failures/`` that says why.

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
        The reports folder cannot be written.
    """
    root, reports = root.resolve(), reports.absolute()
    overrides = dict(overrides or {})
    if jobs is not None and jobs < 1:
        raise StudyError(f"{jobs} jobs cannot run a report", where="--jobs", expected="1 or more")
    from evaluation.study import list_studies

    require_writable(reports)
    names = list(dict.fromkeys(studies))
    workers = min(jobs or min(os.cpu_count() or 1, 2), len(names) * len(languages))
    if workers > 1:
        _start_server()
    made = how_made(root)
    runs: list[StudyRun] = []
    ready: list[_Job] = []
    for study in names:
        place = Place.of(reports, study, overrides)
        try:
            ready.append(
                _Job(place, plan(place, root, overrides, languages, making=made, cell_timeout=cell_timeout))
            )
        except EvaluationError as error:
            if overrides or study not in list_studies(root):  # a path is no study, whatever lies there
                raise
            failure = Failure(
                "input", type(error).__name__, scrub(str(error), root), exit_status=error.exit_status
            )
            runs.append(_publish_failure(place, {"both": failure}, (), stated(place, overrides, made)))
            say(f"{place.name}: {failure.message}")
    workers = min(workers, sum(len(job.specs) for job in ready))
    for job, outcomes in _outcomes(ready, workers, say):
        runs.append(_publish(job, outcomes, made))
    _write_index(reports, root)
    return sorted(runs, key=lambda one: names.index(one.place.study))


def _outcomes(
    jobs: Sequence[_Job], workers: int, say: Say
) -> Iterator[tuple[_Job, tuple[RenderOutcome, ...]]]:
    """Render everything and hand each study over as soon as all its languages are done."""
    done: dict[Place, list[RenderOutcome]] = {job.place: [] for job in jobs}
    for job, outcome in _rendered(jobs, workers):
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in outcome.seconds.items())
        what = "failed" if outcome.failure else "made"
        say(f"{job.place.name} {outcome.language}: {what} in {sum(outcome.seconds.values()):.1f} s ({parts})")
        done[job.place].append(outcome)
        if len(done[job.place]) == len(job.specs):
            yield job, tuple(sorted(done[job.place], key=lambda one: one.language))


def _rendered(jobs: Sequence[_Job], workers: int) -> Iterator[tuple[_Job, RenderOutcome]]:
    todo = [(job, spec) for job in jobs for spec in job.specs]
    if workers <= 1:
        for job, spec in todo:
            yield job, render(spec)
        return
    before = multiprocessing.active_children()
    with ProcessPoolExecutor(workers, mp_context=_context(), initializer=_end_tidily) as pool:
        futures = {pool.submit(render, spec): (job, spec) for job, spec in todo}
        try:
            for future in as_completed(futures):
                job, spec = futures[future]
                yield job, _outcome(future, spec)
        except BaseException:
            # stopped by hand: without this the pool would wait for cells that may run for hours
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                if child not in before:
                    child.terminate()
            raise


def _outcome(future: Future[RenderOutcome], spec: RenderSpec) -> RenderOutcome:
    try:
        return future.result()
    except BrokenProcessPool:
        message = "the process that made this report was ended from outside; memory may have run out"
        return RenderOutcome(spec.study, spec.language, failure=Failure("kernel", "WorkerEnded", message))


def _end_tidily() -> None:
    """A worker that is told to end takes its kernel and temporary files along."""

    def stop(signum: int, frame: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def _context() -> Any:
    """Workers forked from a clean process that has imported what they need; fresh ones elsewhere."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["evaluation.pipeline._preload"])
    return context


def _start_server() -> None:
    """Let the workers' common imports run while this process checks the data."""
    if _context().get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        ensure_running()


def _publish(job: _Job, outcomes: tuple[RenderOutcome, ...], made: Mapping[str, Any]) -> StudyRun:
    """Put pages and result file in place, all languages or none."""
    place = job.place
    failures = {one.language: one.failure for one in outcomes if one.failure is not None}
    first = outcomes[0].result
    for other in outcomes[1:]:
        differ = differences(first, other.result) if not failures else []
        if differ:
            names = ", ".join(differ[:5])
            message = f"the two languages disagree in {len(differ)} places of the result: {names}"
            failures["both"] = Failure("page", "LanguagesDisagree", message)
    if failures:
        return _publish_failure(place, failures, outcomes, job.specs[0].provenance)
    assert first is not None
    written = []
    for outcome in outcomes:
        assert outcome.page is not None
        write_whole(place.page(outcome.language), outcome.page)
        written.append(place.page(outcome.language))
    write_whole(place.result, result_text({**first, **made}))
    history.record(place, {**first, **made})
    place.failure.unlink(missing_ok=True)
    return StudyRun(place, outcomes, {}, (*written, place.result))


def _publish_failure(
    place: Place,
    failures: Mapping[str, Failure],
    outcomes: tuple[RenderOutcome, ...],
    made: Mapping[str, Any],
) -> StudyRun:
    """Say on a page why there is no new report; the last good one is not touched."""
    from evaluation.report.page import render_failure

    write_whole(place.failure, render_failure(place.name, failures, made))
    return StudyRun(place, outcomes, failures, (place.failure,))


def _write_index(reports: Path, root: Path) -> None:
    """The index shows every good report on disk, made now or earlier, and every failure."""
    from evaluation.report.page import render_index

    entries = []
    for place, result in read_results(reports):
        pages = {
            language: place.page(language).relative_to(reports).as_posix()
            for language in LANGUAGES
            if place.page(language).is_file()
        }
        entries.append(
            {"result": result, "pages": pages, "failure": _failed(place), "variant": place.variant}
        )
    shown = {entry["failure"] for entry in entries}
    for path in sorted((reports / "failures").glob("*.html")):
        failure = path.relative_to(reports).as_posix()
        if failure not in shown:
            study, sign, _ = path.stem.partition("--")
            known = {"study": study, **_titles(study, root)}
            entries.append(
                {"result": known, "pages": {}, "failure": failure, "variant": path.stem if sign else None}
            )
    write_whole(reports / "index.html", render_index(entries))


def _failed(place: Place) -> str | None:
    return place.failure.relative_to(place.reports).as_posix() if place.failure.is_file() else None


def _titles(study: str, root: Path) -> dict[str, Any]:
    """Title and question of a study that has no result yet, if its file can be read."""
    from evaluation.study import load_study

    try:
        loaded = load_study(study, root=root)
    except EvaluationError:
        return {}
    return {"title": loaded.title.model_dump(), "question": loaded.question.model_dump()}
