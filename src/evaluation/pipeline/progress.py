"""What a run tells while it goes on, and the plain way to show it: a line for whatever is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from evaluation.pipeline.spec import Failure, RenderOutcome

Say = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """A report that a run is going to make.

    Attributes
    ----------
    study : str
        Name of the study, or of the variant.
    expected : float, optional
        Seconds that it took the last time; None when that is not known.
    """

    study: str
    expected: float | None = None


class Progress(Protocol):
    """Is told what a run does, in the order in which it happens, by one thread."""

    def note(self, text: str) -> None:
        """Something that the user should know, such as a lock that is taken over."""

    def planned(self, reports: Sequence[Report], up_to_date: Sequence[str]) -> None:
        """What changed is known: these reports will be made, and these studies are left alone."""

    def changed(self, study: str, reasons: Sequence[str]) -> None:
        """Why a study that was made before is made again; its checks begin."""

    def refused(self, study: str, message: str) -> None:
        """The checks before the run turned a study down; it is not begun."""

    def started(self, study: str, at_once: int) -> None:
        """A report is begun; as many as ``at_once`` can be under way."""

    def finished(self, study: str, outcome: RenderOutcome) -> None:
        """A report was made, or could not be made."""

    def published(self, study: str, failure: Failure | None) -> None:
        """All pages of a study are in place, or with a failure none of them."""


class Lines:
    """A line for each thing that is done, as a log or a pipe takes it.

    Parameters
    ----------
    say : callable
        Called with each line.
    """

    def __init__(self, say: Say = lambda text: None) -> None:
        self._say = say

    def note(self, text: str) -> None:
        """As it is."""
        self._say(text)

    def planned(self, reports: Sequence[Report], up_to_date: Sequence[str]) -> None:
        """A line for each study with nothing to do."""
        for study in up_to_date:
            self._say(f"{study}: up to date")

    def changed(self, study: str, reasons: Sequence[str]) -> None:
        """The first reasons."""
        self._say(f"{study}: {'; '.join(reasons[:3])}")

    def refused(self, study: str, message: str) -> None:
        """Study and message."""
        self._say(f"{study}: {message}")

    def started(self, study: str, at_once: int) -> None:
        """Nothing: the line comes when it is done."""

    def finished(self, study: str, outcome: RenderOutcome) -> None:
        """How long it took, and what the time went into."""
        parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in outcome.seconds.items())
        what = "failed" if outcome.failure else "made"
        self._say(f"{study}: {what} in {sum(outcome.seconds.values()):.1f} s ({parts})")

    def published(self, study: str, failure: Failure | None) -> None:
        """Nothing: the summary at the end says it."""
