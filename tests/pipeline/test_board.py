"""Where a run stands and how long the rest may take, by a clock that the test turns."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import pytest
from rich.console import Console

from evaluation.cli_progress import LiveTable, _chosen
from evaluation.pipeline.board import Board, Left, Row, in_words, one_line
from evaluation.pipeline.progress import Lines, Report
from evaluation.pipeline.spec import Failure, RenderOutcome


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def board(clock: Clock, *reports: Report, up_to_date: Sequence[str] = ()) -> Board:
    made = Board(clock)
    made.planned(reports, up_to_date)
    return made


def made(study: str, failure: Failure | None = None) -> tuple[str, RenderOutcome]:
    return study, RenderOutcome(study, failure=failure)


def test_time_left_comes_from_the_last_time(clock: Clock) -> None:
    now = board(clock, Report("a", 40.0), Report("b", 20.0), up_to_date=["c"])
    assert now.reports == 2
    assert now.left() == Left(60.0)
    now.started("a", 2)
    now.started("b", 2)
    # two at once: half of the sum of 60 s, but no less than the 40 s of a
    assert now.left() == Left(40.0)
    clock.now = 15.0
    assert now.left() == Left(25.0)
    clock.now = 20.0
    now.finished(*made("b"))
    assert now.done == 1
    assert now.left() == Left(20.0)


def test_a_slower_machine_is_noticed(clock: Clock) -> None:
    now = board(clock, Report("a", 10.0), Report("b", 10.0))
    now.started("a", 1)
    clock.now = 20.0
    now.finished(*made("a"))
    assert now.left() == Left(20.0)


def test_a_report_never_made_is_taken_for_the_mean_of_the_others(clock: Clock) -> None:
    now = board(clock, Report("a", 30.0), Report("b", 4.0), Report("new"), Report("newer"))
    assert now.left() == Left(68.0, guessed=2)
    unknown = board(clock, Report("new"), Report("newer"))
    assert unknown.left() == Left(None)
    unknown.started("new", 1)
    clock.now = 7.0
    unknown.finished(*made("new"))
    assert unknown.left() == Left(7.0, guessed=1)


def test_longer_than_the_last_time_is_said(clock: Clock) -> None:
    now = board(clock, Report("a", 5.0))
    now.started("a", 1)
    clock.now = 6.0
    assert now.left() == Left(0.0, overdue=True)


def test_a_failed_page_says_nothing_about_the_machine(clock: Clock) -> None:
    now = board(clock, Report("a", 10.0), Report("b", 10.0))
    now.started("a", 1)
    clock.now = 1.0
    now.finished(*made("a", Failure("cell", "ValueError", "no")))
    assert now.left() == Left(10.0)


def test_a_report_that_is_made_may_fail_when_it_is_written(clock: Clock) -> None:
    now = board(clock, Report("a"), Report("b"), Report("c"))
    failure = Failure("cell", "ValueError", "no\nmore", cell=3)
    written = Failure("output", "OSError", "No space left")
    ends = {"a": (failure, failure), "b": (None, written), "c": (None, None)}
    for study, (one, end) in ends.items():
        now.started(study, 1)
        now.finished(*made(study, one))
        now.published(study, end)
    assert [(row.now, row.why) for row in now.rows] == [
        ("failed", "cell 3, ValueError: no"),
        ("failed", "OSError: No space left"),
        ("made", ""),
    ]


def test_words_for_times_are_no_finer_than_what_is_known() -> None:
    times = [0, 3, 10, 11, 44, 51, 89, 91, 600, 5399, 5400, 20_000]
    said = "10 s, 10 s, 10 s, 20 s, 50 s, 60 s, 90 s, 2 min, 10 min, 90 min, 2 h, 6 h"
    assert ", ".join(map(in_words, times)) == said


def test_a_message_cannot_steer_the_terminal() -> None:
    assert one_line("\n a \x1b]0;title\x07 b\x9b2J\tc \u202e\rd\nsecond") == "a ]0;title b 2J c"


# how it is drawn --------------------------------------------------------------------------------


def screen(table: LiveTable, console: Console) -> list[str]:
    file = console.file
    assert isinstance(file, io.StringIO)
    file.seek(0)
    file.truncate()
    console.print(table._drawn())
    return file.getvalue().splitlines()


def shown(now: Board, width: int = 80, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    table = LiveTable(lambda text: None, board=now, console=console)
    return screen(table, console)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_rows_fit_the_terminal(clock: Clock, width: int) -> None:
    name = "crime_rio--design.window=24--estimator=Imputation--and-much-more-of-it"
    now = board(clock, *(Report(f"{name}-{i}", 12.0) for i in range(40)), up_to_date=["other"])
    for i in (30, 31):
        now.started(f"{name}-{i}", 2)
    clock.now = 5.0
    now.refused(f"{name}-35", "no place [red]x[/red]\nmore")
    lines = shown(now, width)
    assert len(lines) <= 22
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert text.count("running") == 2
    assert text.count("failed") >= 1
    assert "… 22 more" in text
    if width > 40:
        assert "5 s, last time 12 s" in text
        assert re.search("… 22 more +21 waiting, 1 up to date", text)
        assert "no place [red]x[/red]" in text
        assert "1 of 40 reports done, about 4 min left, 1 failed" in text


def test_rows_that_matter_are_left_out_last() -> None:
    rows = [Row("a", "made"), Row("b"), Row("c", "failed"), Row("d", "up to date")]
    rows += [Row("e", "running")]
    assert [row.study for row in _chosen(rows, 5)[0]] == ["a", "b", "c", "d", "e"]
    kept, left_out = _chosen(rows, 3)
    assert [row.study for row in kept] == ["c", "e"]
    assert [row.study for row in left_out] == ["a", "b", "d"]
    assert [row.study for row in _chosen(rows, 0)[0]] == ["e"]


def test_long_names_keep_what_tells_them_apart(clock: Clock) -> None:
    names = ("Imputation", "Stacked")
    reports = [Report(f"crime_rio--design.window=24--estimator={name}") for name in names]
    first, second = shown(board(clock, *reports), width=71)[:2]
    assert first.startswith("crime…w=24--estimator=Imputation  waiting")
    assert "estimator=Stacked  waiting" in second


def test_the_line_below_says_what_is_known(clock: Clock) -> None:
    now = board(clock, Report("a", 100.0), Report("b"))
    assert "checking the data" in shown(now)[-1]
    now.changed("a", ["src/evaluation/studies/a.toml changed", "numpy 1 → 2"])
    assert shown(now)[0].rstrip().endswith("waiting     a.toml changed, and 1 more")
    now.started("a", 2)
    assert "0 of 2 reports done, about 2 min left (1 never timed)" in shown(now)[-1]
    clock.now = 90.0
    now.finished(*made("a"))
    now.started("b", 2)
    clock.now = 120.0
    now.finished(*made("b"))
    assert "2 of 2 reports made in 2 min" in shown(now)[-1]
    new = board(clock, Report("a"))
    new.started("a", 2)
    assert "time left unknown: none timed yet" in shown(new)[-1]


def test_lines_are_words_alone() -> None:
    said: list[str] = []
    lines = Lines(said.append)
    lines.note("because")
    lines.planned([Report("a", 3.0)], ["b"])
    lines.changed("a", ["one", "two", "three", "four"])
    lines.started("a", 2)
    lines.finished("a", RenderOutcome("a", seconds={"imports": 1.0, "page": 0.26}))
    lines.published("a", None)
    lines.refused("c", "no\nmore")
    assert said == [
        "because",
        "b: up to date",
        "a: one; two; three",
        "a: made in 1.3 s (imports 1.0, page 0.3)",
        "c: no\nmore",
    ]
    assert not re.search(r"\x1b", "".join(said))
