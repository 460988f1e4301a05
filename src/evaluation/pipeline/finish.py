"""The end of a study's run: its files put in place, all or none, or a page that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from traceback import format_exception
from typing import Any

from evaluation.errors import EvaluationError, OutputError
from evaluation.pipeline.kernels.execute import scrub
from evaluation.pipeline.records import history
from evaluation.pipeline.site import Place, result_text, write_together, write_whole
from evaluation.pipeline.spec import Failure, RenderOutcome


@dataclass(frozen=True)
class StudyRun:
    """What became of one study.

    Attributes
    ----------
    place : Place
    outcome : RenderOutcome, optional
        None when the study was refused before it ran, or had nothing to do.
    failure : Failure, optional
        None after a good run.
    written : tuple of Path
        Files that were put in place.
    reasons : tuple of str
        Why it was run: what changed since its pages were made; empty when they were up to date.
    """

    place: Place
    outcome: RenderOutcome | None = None
    failure: Failure | None = None
    written: tuple[Path, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def up_to_date(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.outcome or self.failure or self.written)

    @property
    def exit_status(self) -> int:
        """0, 1 for a failed report, 2 for a mistake of the user."""
        return self.failure.exit_status if self.failure else 0


def publish(
    place: Place,
    outcome: RenderOutcome,
    making: Mapping[str, Any],
    stated: Mapping[str, Any],
    root: Path,
) -> StudyRun:
    """Put pages and result file in place, all languages or none.

    Parameters
    ----------
    place : Place
    outcome : RenderOutcome
    making : mapping
        Commit, time and versions, for the result file.
    stated : mapping
        The same with the command and the overrides, for a page of failure.
    root : Path
        The project folder.
    """
    if outcome.failure is not None:
        return publish_failure(place, outcome.failure, stated, outcome)
    assert outcome.result is not None
    result = {**outcome.result, **making}
    files: dict[Path, str | bytes] = {}
    try:
        files = {place.page(language): page for language, page in outcome.pages.items()}
        files[place.result] = result_text(result)
        recorded = history.record(place, result)
        place.failure.unlink(missing_ok=True)
        write_together({**files, **recorded})
    except (EvaluationError, OSError) as error:
        kind = type(error).__name__
        failure = Failure("output", kind, scrub(str(error), root))
        return publish_failure(place, failure, stated, outcome)
    return StudyRun(place, outcome, None, tuple(files))


def publish_failure(
    place: Place, failure: Failure, stated: Mapping[str, Any], outcome: RenderOutcome | None = None
) -> StudyRun:
    """Say on a page why there is no new report; the last good one is not touched."""
    from evaluation.report.index import render_failure

    written: tuple[Path, ...] = ()
    # where not even this page can be written, the summary and the exit status say it
    with suppress(OutputError):
        write_whole(place.failure, render_failure(place.name, failure, stated))
        written = (place.failure,)
    return StudyRun(place, outcome, failure, written)


def refused(place: Place, error: Exception, stated: Mapping[str, Any], root: Path) -> StudyRun:
    """A study that the checks before the run turned down, or that they could not be made of."""
    kind, message = type(error).__name__, scrub(str(error), root)
    if isinstance(error, EvaluationError):
        failure = Failure("input", kind, message, exit_status=error.exit_status)
    else:  # a fault of the program itself fails this study; its traceback goes to the log
        failure = Failure("page", kind, message, trace=scrub("".join(format_exception(error)), root))
    return publish_failure(place, failure, stated)
