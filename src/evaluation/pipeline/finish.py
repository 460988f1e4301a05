"""The end of a study's run: its files put in place, all or none, or a page that says why not."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from traceback import format_exception
from typing import Any

from evaluation.errors import EvaluationError, OutputError
from evaluation.pipeline.kernels.execute import scrub
from evaluation.pipeline.records import history
from evaluation.pipeline.site import Place, differences, result_text, write_together, write_whole
from evaluation.pipeline.spec import Failure, RenderOutcome


@dataclass(frozen=True)
class StudyRun:
    """What became of one study.

    Attributes
    ----------
    place : Place
    outcomes : tuple of RenderOutcome
        One a language; empty when the study was refused before it ran, or had nothing to do.
    failures : mapping
        Language, or ``"both"``, to failure; empty after a good run.
    written : tuple of Path
        Files that were put in place.
    reasons : tuple of str
        Why it was run: what changed since its pages were made; empty when they were up to date.
    """

    place: Place
    outcomes: tuple[RenderOutcome, ...] = ()
    failures: Mapping[str, Failure] = field(default_factory=dict)
    written: tuple[Path, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def up_to_date(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.outcomes or self.failures or self.written)

    @property
    def exit_status(self) -> int:
        """0, 1 for a failed report, 2 for a mistake of the user."""
        return max((failure.exit_status for failure in self.failures.values()), default=0)


def publish(
    place: Place,
    outcomes: tuple[RenderOutcome, ...],
    making: Mapping[str, Any],
    stated: Mapping[str, Any],
    root: Path,
) -> StudyRun:
    """Put pages and result file in place, all languages or none.

    Parameters
    ----------
    place : Place
    outcomes : tuple of RenderOutcome
        One a language.
    making : mapping
        Commit, time and versions, for the result file.
    stated : mapping
        The same with the command and the overrides, for a page of failure.
    root : Path
        The project folder.
    """
    failures = {one.language: one.failure for one in outcomes if one.failure is not None}
    first = outcomes[0].result
    for other in outcomes[1:]:
        differ = differences(first, other.result) if not failures else []
        if differ:
            failures["both"] = _disagreement(differ)
    if failures:
        return publish_failure(place, failures, outcomes, stated)
    assert first is not None
    files: dict[Path, str | bytes] = {}
    try:
        for outcome in outcomes:
            assert outcome.page is not None
            files[place.page(outcome.language)] = outcome.page
        files[place.result] = result_text({**first, **making})
        recorded = history.record(place, {**first, **making})
        place.failure.unlink(missing_ok=True)
        write_together({**files, **recorded})
    except (EvaluationError, OSError) as error:
        kind = type(error).__name__
        failure = Failure("output", kind, scrub(str(error), root))
        return publish_failure(place, {"both": failure}, outcomes, stated)
    return StudyRun(place, outcomes, {}, tuple(files))


def _disagreement(differ: list[str]) -> Failure:
    """Why two languages that must say the same do not: mostly a file that was edited between them."""
    names = ", ".join(differ[:5])
    if all(key.startswith("inputs.") for key in differ):
        what = f"files changed while the report was made ({names}); run it again"
        return Failure("page", "ChangedMeanwhile", what)
    message = f"the two languages disagree in {len(differ)} places of the result: {names}"
    return Failure("page", "LanguagesDisagree", message)


def publish_failure(
    place: Place,
    failures: Mapping[str, Failure],
    outcomes: tuple[RenderOutcome, ...],
    stated: Mapping[str, Any],
) -> StudyRun:
    """Say on a page why there is no new report; the last good one is not touched."""
    from evaluation.report.index import render_failure

    written: tuple[Path, ...] = ()
    # where not even this page can be written, the summary and the exit status say it
    with suppress(OutputError):
        write_whole(place.failure, render_failure(place.name, failures, stated))
        written = (place.failure,)
    return StudyRun(place, outcomes, failures, written)


def refused(place: Place, error: Exception, stated: Mapping[str, Any], root: Path) -> StudyRun:
    """A study that the checks before the run turned down, or that they could not be made of."""
    kind, message = type(error).__name__, scrub(str(error), root)
    if isinstance(error, EvaluationError):
        failure = Failure("input", kind, message, exit_status=error.exit_status)
    else:  # a fault of the program itself fails this study; its traceback goes to the log
        failure = Failure("page", kind, message, trace=scrub("".join(format_exception(error)), root))
    return publish_failure(place, {"both": failure}, (), stated)
