"""Where a run stands: what became of each report so far, and how long the rest may take."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Literal

from evaluation.pipeline.progress import Report
from evaluation.pipeline.spec import Failure, RenderOutcome

Now = Literal["up to date", "waiting", "running", "made", "failed", "stopped"]
_MOST_SCALED = 4.0  # a machine is not believed to have become faster or slower than this


@dataclass
class Row:
    """One report.

    Attributes
    ----------
    study : str
    now : str
        What became of it so far.
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
        None when no report was ever timed.
    guessed : int
        Reports among the rest whose time is that of others, because they were never made.
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
        Reports that can be under way; 0 before the first is begun, while the data are checked.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.rows: list[Row] = []
        self.begun = clock()
        self.at_once = 0
        self._made: dict[str, Row] = {}

    # what the run tells -------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Nothing is kept of it."""

    def planned(self, reports: Sequence[Report], up_to_date: Sequence[str]) -> None:
        """All rows are known from now on."""
        self._made = {one.study: Row(one.study, expected=one.expected) for one in reports}
        self.rows = [*self._made.values(), *(Row(study, "up to date") for study in up_to_date)]

    def changed(self, study: str, reasons: Sequence[str]) -> None:
        """Kept until it is begun."""
        more = f", and {len(reasons) - 1} more" if len(reasons) > 1 else ""
        # the file's name without its folders: the line is short
        self._made[study].why = re.sub(r"\S*/", "", one_line(reasons[0])) + more

    def refused(self, study: str, message: str) -> None:
        """It will not be made."""
        row = self._made[study]
        row.now, row.why = "failed", one_line(message)

    def started(self, study: str, at_once: int) -> None:
        """The report's own clock begins."""
        self.at_once = at_once
        row = self._made[study]
        row.now, row.begun, row.why = "running", self.clock(), ""

    def finished(self, study: str, outcome: RenderOutcome) -> None:
        """Seconds and failure of a report."""
        row = self._made[study]
        row.seconds = self.clock() - (self.clock() if row.begun is None else row.begun)
        row.now = "failed" if outcome.failure else "made"
        row.why = _why(outcome.failure) if outcome.failure else ""

    def published(self, study: str, failure: Failure | None) -> None:
        """A report that was made may not be written."""
        if failure is not None:
            self._made[study].now, self._made[study].why = "failed", _why(failure)

    def stopped(self) -> None:
        """The run ended before it was done."""
        for row in self._made.values():
            if row.now in ("running", "waiting"):
                row.seconds = self.elapsed(row)
                row.now, row.why = "stopped", ""

    # what can be said of it ---------------------------------------------------------------------

    @property
    def done(self) -> int:
        """Reports that are behind us, made or not."""
        return self.count("made", "failed")

    @property
    def reports(self) -> int:
        """Reports that were to be made; what is up to date does not count."""
        return len(self._made)

    def count(self, *now: Now) -> int:
        """Reports of which this became."""
        return sum(row.now in now for row in self._made.values())

    def elapsed(self, row: Row) -> float | None:
        """Seconds that a report took, or has taken so far."""
        if row.now == "running" and row.begun is not None:
            return self.clock() - row.begun
        return row.seconds

    def left(self) -> Left:
        """How long the rest may take, from the last time that each report was made.

        A report without a last time is taken for the mean of the others. The rest takes at least as long as
        the longest report, and at least its sum over what is made at once.
        """
        scale = self._scale()
        rest: list[float] = []
        guessed, overdue = 0, True
        for row in self._made.values():
            if row.now not in ("waiting", "running"):
                continue
            takes = row.expected * scale if row.expected is not None else self._usual(scale)
            if takes is None:
                return Left(None)
            guessed += row.expected is None
            remaining = max(takes - (self.elapsed(row) or 0.0), 0.0)
            overdue &= row.now == "running" and remaining == 0.0
            rest.append(remaining)
        if not rest:
            return Left(0.0)
        return Left(max(sum(rest) / max(self.at_once, 1), *rest), guessed, overdue)

    def _scale(self) -> float:
        """How much longer reports take today than the last time."""
        timed = [row for row in self._made.values() if row.now == "made" and row.expected and row.seconds]
        if not timed:
            return 1.0
        today = sum(row.seconds or 0.0 for row in timed) / sum(row.expected or 0.0 for row in timed)
        return min(max(today, 1 / _MOST_SCALED), _MOST_SCALED)

    def _usual(self, scale: float) -> float | None:
        known = []
        for row in self._made.values():
            if row.now == "made" and row.seconds is not None:
                known.append(row.seconds)
            elif row.expected is not None:
                known.append(row.expected * scale)
        return mean(known) if known else None


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
