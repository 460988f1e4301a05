"""Where a run stands: what became of each page so far, and how long the rest may take."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Literal

from evaluation.pipeline.progress import Page
from evaluation.pipeline.spec import Failure, RenderOutcome

Now = Literal["up to date", "waiting", "running", "made", "failed", "held back", "stopped"]
_MOST_SCALED = 4.0  # a machine is not believed to have become faster or slower than this


@dataclass
class Row:
    """One page, or all pages of a study that is up to date.

    Attributes
    ----------
    study, language : str
    now : str
        What became of it so far; a page is held back when another one of its study failed.
    expected : float, optional
        Seconds that it took the last time.
    begun : float, optional
        When it was begun, by the clock of the board.
    seconds : float, optional
        How long it took.
    why : str
        In one line why it failed or, while it waits, what changed since it was last made.
    """

    study: str
    language: str
    now: Now = "waiting"
    expected: float | None = None
    begun: float | None = None
    seconds: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Left:
    """How long the rest of a run may take.

    Attributes
    ----------
    seconds : float, optional
        None when no page was ever timed.
    guessed : int
        Pages among the rest whose time is that of others, because they were never made.
    overdue : bool
        Everything under way has already taken longer than the last time.
    """

    seconds: float | None
    guessed: int = 0
    overdue: bool = False


class Board:
    """Keeps what a run tells: a `evaluation.pipeline.progress.Progress` that shows nothing itself.

    Parameters
    ----------
    clock : callable
        Seconds that never go back.

    Attributes
    ----------
    rows : list of Row
    begun : float
    at_once : int
        Pages that can be under way; 0 before the first is begun, while the data are checked.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.rows: list[Row] = []
        self.begun = clock()
        self.at_once = 0
        self._page: dict[tuple[str, str], Row] = {}

    # what the run tells -------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Nothing is kept of it."""

    def planned(self, pages: Sequence[Page], up_to_date: Sequence[str]) -> None:
        """All rows are known from now on."""
        made = [Row(page.study, page.language, expected=page.expected) for page in pages]
        self._page = {(row.study, row.language): row for row in made}
        self.rows = [*made, *(Row(study, "", "up to date") for study in up_to_date)]

    def changed(self, study: str, reasons: Sequence[str]) -> None:
        """Kept until its pages are begun."""
        more = f", and {len(reasons) - 1} more" if len(reasons) > 1 else ""
        for row in self._of(study):
            # the file's name without its folders: the line is short
            row.why = re.sub(r"\S*/", "", one_line(reasons[0])) + more

    def refused(self, study: str, message: str) -> None:
        """None of the study's pages will be made."""
        for row in self._of(study):
            row.now, row.why = "failed", one_line(message)

    def started(self, study: str, language: str, at_once: int) -> None:
        """The page's own clock begins."""
        self.at_once = at_once
        row = self._page[study, language]
        row.now, row.begun, row.why = "running", self.clock(), ""

    def finished(self, study: str, outcome: RenderOutcome) -> None:
        """Seconds and failure of a page."""
        row = self._page[study, outcome.language]
        row.seconds = self.clock() - (self.clock() if row.begun is None else row.begun)
        row.now = "failed" if outcome.failure else "made"
        row.why = _why(outcome.failure) if outcome.failure else ""

    def published(self, study: str, failures: Mapping[str, Failure]) -> None:
        """Without all of its pages a study puts none in place."""
        if not failures:
            return
        both = failures.get("both")
        for row in self._of(study):
            if both is not None:
                row.now, row.why = "failed", _why(both)
            elif row.now == "made":
                row.now, row.why = "held back", "the study's other page failed"

    def stopped(self) -> None:
        """The run ended before it was done."""
        for row in self._page.values():
            if row.now in ("running", "waiting"):
                row.seconds = self.elapsed(row)
                row.now, row.why = "stopped", ""

    # what can be said of it ---------------------------------------------------------------------

    @property
    def done(self) -> int:
        """Pages that are behind us, made or not."""
        return self.count("made", "failed", "held back")

    @property
    def pages(self) -> int:
        """Pages that were to be made; what is up to date does not count."""
        return len(self._page)

    def count(self, *now: Now) -> int:
        """Pages of which this became."""
        return sum(row.now in now for row in self._page.values())

    def elapsed(self, row: Row) -> float | None:
        """Seconds that a page took, or has taken so far."""
        if row.now == "running" and row.begun is not None:
            return self.clock() - row.begun
        return row.seconds

    def left(self) -> Left:
        """How long the rest may take, from the last time that each page was made.

        A page without a last time is taken for the mean of the others of its language, or of all: the second
        language of a study costs less than the first. Pages of a study are made one after the other, so the
        rest takes at least as long as the longest study, and at least its sum over what is made at once.
        """
        scale = self._scale()
        rest: dict[str, float] = {}
        guessed, overdue = 0, True
        for row in self._page.values():
            if row.now not in ("waiting", "running"):
                continue
            takes = row.expected * scale if row.expected is not None else self._usual(row.language, scale)
            if takes is None:
                return Left(None)
            guessed += row.expected is None
            remaining = max(takes - (self.elapsed(row) or 0.0), 0.0)
            overdue &= row.now == "running" and remaining == 0.0
            rest[row.study] = rest.get(row.study, 0.0) + remaining
        if not rest:
            return Left(0.0)
        return Left(max(sum(rest.values()) / max(self.at_once, 1), *rest.values()), guessed, overdue)

    def _scale(self) -> float:
        """How much longer pages take today than the last time."""
        timed = [row for row in self._page.values() if row.now == "made" and row.expected and row.seconds]
        if not timed:
            return 1.0
        today = sum(row.seconds or 0.0 for row in timed) / sum(row.expected or 0.0 for row in timed)
        return min(max(today, 1 / _MOST_SCALED), _MOST_SCALED)

    def _usual(self, language: str, scale: float) -> float | None:
        known: list[tuple[str, float]] = []
        for row in self._page.values():
            if row.now == "made" and row.seconds is not None:
                known.append((row.language, row.seconds))
            elif row.expected is not None:
                known.append((row.language, row.expected * scale))
        alike = [seconds for other, seconds in known if other == language]
        return mean(alike or [seconds for _, seconds in known]) if known else None

    def _of(self, study: str) -> list[Row]:
        return [row for row in self._page.values() if row.study == study]


def one_line(text: str) -> str:
    """The first line of a text that may come from anywhere, with nothing that could steer a terminal."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return " ".join("".join(char if char.isprintable() else " " for char in first).split())


def in_words(seconds: float) -> str:
    """A time that is still to come, no finer than it can be known: ``10 s``, ``2 min``, ``2 h``."""
    if seconds <= 90:
        return f"{max(math.ceil(seconds / 10), 1) * 10} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h"


def _why(failure: Failure) -> str:
    where = f"cell {failure.cell}, " if failure.cell else ""
    return one_line(f"{where}{failure.error}: {one_line(failure.message)}")
