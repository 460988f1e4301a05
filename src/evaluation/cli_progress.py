"""A run shown on a terminal: a row for each report, and the time that is left. Elsewhere plain lines."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from evaluation.pipeline.board import Board, Row, in_words
from evaluation.pipeline.lock import lasted
from evaluation.pipeline.progress import Lines, Progress, Report
from evaluation.pipeline.spec import Failure, RenderOutcome

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

# rich takes a tenth of a second to import: it waits until something is run

_STYLES = {"running": "bold", "made": "green", "failed": "bold red", "stopped": "yellow"}
_ROOM = {"running": 0, "failed": 1, "stopped": 2, "waiting": 3, "made": 4, "up to date": 5}
"""Which rows are left out last where the terminal is too low for all."""
_A_SECOND = 2  # how often it is drawn


@contextmanager
def shown(*, error: bool = False) -> Iterator[Progress]:
    """How a run is shown while the block lasts: live on a terminal that can, else in lines.

    Parameters
    ----------
    error : bool
        On standard error, because standard output is for a machine.
    """
    say = partial(typer.echo, err=error)
    if not _can_be_live(error):
        yield Lines(say)
        return
    table = LiveTable(say, error=error)
    try:
        yield table
    except BaseException:
        table.close(stopped=True)
        raise
    table.close()


def brief(written: list[str], most: int = 9) -> list[str]:
    """What a run wrote, no longer than leaves the table above it on the screen; whole where there is none.

    Parameters
    ----------
    written : list of str
        A line for each file, the last one for the index.
    most : int
        Lines that may follow the table.
    """
    if len(written) <= most or not _can_be_live(error=False):
        return written
    return [f"wrote {len(written) - 1} files", written[-1]]


def _can_be_live(error: bool) -> bool:
    stream = sys.stderr if error else sys.stdout
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("", "dumb", "unknown")


class LiveTable:
    """Draws a `Board` twice a second, from the moment that there is something to make.

    Parameters
    ----------
    say : callable
        Takes plain lines as long as there is no table.
    error : bool
        Draw on standard error.
    console : rich.console.Console, optional
        Where to draw instead, for tests.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        error: bool = False,
        board: Board | None = None,
        console: Console | None = None,
    ) -> None:
        self.board = board or Board()
        self._lines = Lines(say)
        self._error, self._console = error, console
        self._live: Live | None = None
        self._whole = False

    # what the run tells -------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """A line above the table."""
        if self._live is None:
            self._lines.note(text)
            return
        from rich.text import Text

        self._live.console.print(Text(text))

    def planned(self, reports: Sequence[Report], up_to_date: Sequence[str]) -> None:
        """The table appears, unless there is nothing to make."""
        if not reports:
            self._lines.planned(reports, up_to_date)
            return
        from rich.console import Console
        from rich.live import Live

        self.board.planned(reports, up_to_date)
        self._console = self._console or Console(stderr=self._error, force_terminal=True, highlight=False)
        self._live = Live(
            get_renderable=self._drawn,
            console=self._console,
            refresh_per_second=_A_SECOND,
            vertical_overflow="crop",
        )
        self._live.start(refresh=True)

    def changed(self, study: str, reasons: Sequence[str]) -> None:
        """Shown in its row while it waits."""
        self.board.changed(study, reasons)

    def refused(self, study: str, message: str) -> None:
        """Its row fails."""
        self.board.refused(study, message)

    def started(self, study: str, at_once: int) -> None:
        """Its row runs."""
        self.board.started(study, at_once)

    def finished(self, study: str, outcome: RenderOutcome) -> None:
        """Its row is done."""
        self.board.finished(study, outcome)

    def published(self, study: str, failure: Failure | None) -> None:
        """Its row may fail yet."""
        self.board.published(study, failure)

    def close(self, *, stopped: bool = False) -> None:
        """Draw the last state with all rows, and give the terminal back."""
        if self._live is None:
            return
        if stopped:
            self.board.stopped()
            # nothing was begun: what was wrong is said in the message, and a table would say nothing
            self._live.transient = not self.board.at_once
        self._whole = True
        try:
            self._live.stop()
        finally:
            self._live.console.show_cursor(True)  # should a second Ctrl-C have come in between
            self._live = None

    # how it looks -------------------------------------------------------------------------------

    def _drawn(self) -> RenderableType:
        from rich.console import Group

        console = self._console
        assert console is not None
        room = len(self.board.rows) if self._whole else console.height - 4
        return Group(self._table(room, console.width), "", self._total(console.width))

    def _table(self, room: int, width: int) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        rows, left_out = _chosen(self.board.rows, room)
        name = min(max(len(row.study) for row in self.board.rows), max(width - 39, 16))
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
        cut: dict[str, Any] = {"no_wrap": True, "overflow": "ellipsis"}
        table.add_column(width=name, **cut)
        table.add_column(width=10, **cut)
        table.add_column(ratio=1, **cut)
        for row in rows:
            style = _STYLES.get(row.now, "dim")
            cells = Text(row.now, style=style), Text(self._detail(row), style=style)
            table.add_row(Text(_cut(row.study, name)), *cells)
        if left_out:
            counts = Counter(row.now for row in left_out)
            more = ", ".join(f"{count} {now}" for now, count in counts.items())
            table.add_row(Text(f"… {len(left_out)} more", style="dim"), "", Text(more, style="dim"))
        return table

    def _detail(self, row: Row) -> str:
        seconds = self.board.elapsed(row)
        took = "" if seconds is None else f"{seconds:.0f} s"
        if row.now == "running" and row.expected is not None:
            return f"{took}, last time {row.expected:.0f} s"
        return ", ".join(filter(None, (took, row.why)))

    def _total(self, width: int) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        board = self.board
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=max(min(24, width - 66), 8))
        line.add_column(no_wrap=True, overflow="ellipsis")
        line.add_row(ProgressBar(total=board.reports, completed=board.done), Text(self._said()))
        return line

    def _said(self) -> str:
        board = self.board
        failed = board.count("failed")
        tail = f", {failed} failed" if failed else ""
        if board.done < board.reports and not self._whole:
            return f"{board.done} of {board.reports} reports done, {self._time_left()}{tail}"
        took = lasted(board.clock() - board.begun)
        stopped = ", stopped" if board.done < board.reports else ""
        return f"{board.count('made')} of {board.reports} reports made in {took}{stopped}{tail}"

    def _time_left(self) -> str:
        if not self.board.at_once:
            return "checking the data"
        left = self.board.left()
        if left.seconds is None:
            return "time left unknown: none timed yet"
        if left.overdue:
            return "longer than the last time"
        guess = f" ({left.guessed} never timed)" if left.guessed else ""
        return f"about {in_words(left.seconds)} left{guess}"


def _cut(name: str, width: int) -> str:
    """A name with its middle left out: variants of a study differ at their end."""
    if len(name) <= width:
        return name
    head = width // 6
    return f"{name[:head]}…{name[len(name) - (width - head - 1) :]}"


def _chosen(rows: Sequence[Row], room: int) -> tuple[list[Row], list[Row]]:
    """The rows that there is room for, and those that there is none for, each in their order."""
    if len(rows) <= room:
        return list(rows), []
    ranked = sorted(range(len(rows)), key=lambda i: (_ROOM[rows[i].now], i))
    kept = set(ranked[: max(room - 1, 1)])
    return [rows[i] for i in sorted(kept)], [row for i, row in enumerate(rows) if i not in kept]
