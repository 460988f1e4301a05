"""Run studies: check everything first, render in parallel, publish what is good, say what is not."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation.errors import EvaluationError, StudyError
from evaluation.pipeline.execute import LANGUAGES, check_parameters, read_notebook, scrub
from evaluation.pipeline.render import render
from evaluation.pipeline.site import (
    Place,
    commit_of,
    differences,
    generated_now,
    read_results,
    require_writable,
    result_text,
    versions,
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
    require_writable(reports)
    making = {"commit": commit_of(root), "generated": generated_now(), "versions": versions()}
    runs: list[StudyRun] = []
    ready: list[_Job] = []
    for study in dict.fromkeys(studies):
        place = Place.of(reports, study, overrides)
        try:
            ready.append(_Job(place, _specs(place, root, overrides, languages, making, cell_timeout)))
        except EvaluationError as error:
            if overrides or not (root / "studies" / f"{study}.toml").is_file():
                raise
            failure = Failure(
                "input", type(error).__name__, scrub(str(error), root), exit_status=error.exit_status
            )
            runs.append(_publish_failure(place, {"both": failure}, (), making))
            say(f"{place.name}: {failure.message}")
    workers = min(jobs or min(os.cpu_count() or 1, 2), sum(len(job.specs) for job in ready))
    for job, outcomes in _outcomes(ready, workers, say):
        runs.append(_publish(job, outcomes, making))
    _write_index(reports)
    order = list(dict.fromkeys(studies))
    return sorted(runs, key=lambda one: order.index(one.place.study))


def _specs(
    place: Place,
    root: Path,
    overrides: Mapping[str, Any],
    languages: Sequence[str],
    making: Mapping[str, Any],
    cell_timeout: float,
) -> tuple[RenderSpec, ...]:
    """Check the study with its data, and write down what its pages need."""
    from evaluation.analysis import prepare
    from evaluation.study import load_study

    for language in languages:
        check_parameters(place.study, overrides, language)
    study = load_study(place.study, overrides, root)
    read_notebook(root, study.notebook)
    prepare(study, overrides, root)
    return tuple(
        RenderSpec(
            study=place.study,
            language=language,
            notebook=study.notebook,
            root=root,
            title=study.title[language],
            alternate_href=place.alternate("zh" if language == "en" else "en"),
            index_href=place.index,
            overrides=overrides,
            provenance={**making, "command": command(place.study, overrides)},
            cell_timeout=cell_timeout,
            executed=root / "build" / "notebooks" / f"{place.name}.{language}.ipynb",
        )
        for language in languages
    )


def command(study: str, overrides: Mapping[str, Any]) -> str:
    """The command that makes this very page."""
    import shlex

    from evaluation.pipeline.spec import value_text

    settings = [f"--set {shlex.quote(f'{key}={value_text(value)}')}" for key, value in overrides.items()]
    return " ".join(["evaluation run", study, *settings])


def _outcomes(
    jobs: Sequence[_Job], workers: int, say: Say
) -> Iterator[tuple[_Job, tuple[RenderOutcome, ...]]]:
    """Render everything and hand each study over as soon as all its languages are done."""
    done: dict[Place, list[RenderOutcome]] = {job.place: [] for job in jobs}
    for job, outcome in _rendered(jobs, workers):
        total = sum(outcome.seconds.values())
        say(
            f"{job.place.name} {outcome.language}: {'failed' if outcome.failure else 'made'} in {total:.1f} s"
        )
        done[job.place].append(outcome)
        if len(done[job.place]) == len(job.specs):
            yield job, tuple(sorted(done[job.place], key=lambda one: one.language))


def _rendered(jobs: Sequence[_Job], workers: int) -> Iterator[tuple[_Job, RenderOutcome]]:
    todo = [(job, spec) for job in jobs for spec in job.specs]
    if workers <= 1:
        for job, spec in todo:
            yield job, render(spec)
        return
    context = _context()
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        futures = {pool.submit(render, spec): (job, spec) for job, spec in todo}
        for future in as_completed(futures):
            job, spec = futures[future]
            try:
                yield job, future.result()
            except BrokenProcessPool:
                message = "the process that made this report was ended from outside; memory may have run out"
                failure = Failure("kernel", "WorkerEnded", message)
                yield job, RenderOutcome(spec.study, spec.language, failure=failure)


def _context() -> Any:
    """Workers forked from a clean process that has imported what they need; fresh ones elsewhere."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["evaluation.pipeline._preload"])
    return context


def _publish(job: _Job, outcomes: tuple[RenderOutcome, ...], making: Mapping[str, Any]) -> StudyRun:
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
        return _publish_failure(place, failures, outcomes, making)
    assert first is not None
    written = []
    for outcome in outcomes:
        assert outcome.page is not None
        write_whole(place.page(outcome.language), outcome.page)
        written.append(place.page(outcome.language))
    write_whole(place.result, result_text({**first, **making}))
    place.failure.unlink(missing_ok=True)
    return StudyRun(place, outcomes, {}, (*written, place.result))


def _publish_failure(
    place: Place,
    failures: Mapping[str, Failure],
    outcomes: tuple[RenderOutcome, ...],
    making: Mapping[str, Any],
) -> StudyRun:
    """Say on a page why there is no new report; the last good one is not touched."""
    from evaluation.report.page import render_failure

    write_whole(place.failure, render_failure(place.name, failures, making))
    return StudyRun(place, outcomes, failures, (place.failure,))


def _write_index(reports: Path) -> None:
    """The index shows every good report on disk, made now or earlier."""
    from evaluation.report.page import render_index

    entries = []
    for place, result in read_results(reports):
        pages = {
            language: place.page(language).relative_to(reports).as_posix()
            for language in LANGUAGES
            if place.page(language).is_file()
        }
        failed = place.failure.relative_to(reports).as_posix() if place.failure.is_file() else None
        entries.append({"result": result, "pages": pages, "failure": failed, "variant": place.variant})
    write_whole(reports / "index.html", render_index(entries))
