"""Where a run stands and how long the rest may take, by a clock that the test turns."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import pytest
from rich.console import Console

from evaluation.cli_progress import LiveTable, _chosen
from evaluation.pipeline.board import Board, Left, Row, in_words, one_line
from evaluation.pipeline.progress import Lines, Page
from evaluation.pipeline.spec import Failure, RenderOutcome


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def board(clock: Clock, *pages: Page, up_to_date: Sequence[str] = ()) -> Board:
    made = Board(clock)
    made.planned(pages, up_to_date)
    return made


def made(study: str, language: str, failure: Failure | None = None) -> tuple[str, RenderOutcome]:
    return study, RenderOutcome(study, language, failure=failure)


def test_time_left_comes_from_the_last_time(clock: Clock) -> None:
    now = board(clock, Page("a", "en", 30.0), Page("a", "zh", 10.0), Page("b", "en", 20.0), up_to_date=["c"])
    assert now.pages == 3
    assert now.left() == Left(60.0)
    now.started("a", "en", 2)
    now.started("b", "en", 2)
    # two at once: half of the sum of 60 s, but no less than the 40 s of a, whose pages wait for each other
    assert now.left() == Left(40.0)
    clock.now = 15.0
    assert now.left() == Left(25.0)
    clock.now = 30.0
    now.finished(*made("a", "en"))
    assert now.done == 1
    assert now.left() == Left(10.0)


def test_a_slower_machine_is_noticed(clock: Clock) -> None:
    now = board(clock, Page("a", "en", 10.0), Page("b", "en", 10.0))
    now.started("a", "en", 1)
    clock.now = 20.0
    now.finished(*made("a", "en"))
    assert now.left() == Left(20.0)


def test_a_page_never_made_is_taken_for_the_mean_of_its_language(clock: Clock) -> None:
    now = board(clock, Page("a", "en", 30.0), Page("a", "zh", 4.0), Page("new", "en"), Page("new", "zh"))
    assert now.left() == Left(68.0, guessed=2)
    unknown = board(clock, Page("new", "en"), Page("new", "zh"))
    assert unknown.left() == Left(None)
    unknown.started("new", "en", 1)
    clock.now = 7.0
    unknown.finished(*made("new", "en"))
    assert unknown.left() == Left(7.0, guessed=1)


def test_longer_than_the_last_time_is_said(clock: Clock) -> None:
    now = board(clock, Page("a", "en", 5.0))
    now.started("a", "en", 1)
    clock.now = 6.0
    assert now.left() == Left(0.0, overdue=True)


def test_a_failed_page_says_nothing_about_the_machine(clock: Clock) -> None:
    now = board(clock, Page("a", "en", 10.0), Page("b", "en", 10.0))
    now.started("a", "en", 1)
    clock.now = 1.0
    now.finished(*made("a", "en", Failure("cell", "ValueError", "no")))
    assert now.left() == Left(10.0)


def test_a_study_that_fails_in_one_language_holds_the_other_back(clock: Clock) -> None:
    now = board(clock, Page("a", "en"), Page("a", "zh"), Page("b", "en"), Page("b", "zh"))
    failure = Failure("cell", "ValueError", "no\nmore", cell=3)
    for page in (made("a", "en"), made("a", "zh", failure), made("b", "en"), made("b", "zh")):
        now.started(page[0], page[1].language, 1)
        now.finished(*page)
    now.published("a", {"zh": failure})
    now.published("b", {"both": Failure("page", "LanguagesDisagree", "they differ")})
    assert [(row.now, row.why) for row in now.rows] == [
        ("held back", "the study's other page failed"),
        ("failed", "cell 3, ValueError: no"),
        ("failed", "LanguagesDisagree: they differ"),
        ("failed", "LanguagesDisagree: they differ"),
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
    now = board(clock, *(Page(f"{name}-{i}", "en", 12.0) for i in range(40)), up_to_date=["other"])
    for i in (30, 31):
        now.started(f"{name}-{i}", "en", 2)
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
        assert "1 of 40 pages done, about 4 min left, 1 failed" in text


def test_rows_that_matter_are_left_out_last() -> None:
    rows = [Row("a", "en", "made"), Row("b", "en"), Row("c", "en", "failed"), Row("d", "", "up to date")]
    rows += [Row("e", "en", "running")]
    assert [row.study for row in _chosen(rows, 5)[0]] == ["a", "b", "c", "d", "e"]
    kept, left_out = _chosen(rows, 3)
    assert [row.study for row in kept] == ["c", "e"]
    assert [row.study for row in left_out] == ["a", "b", "d"]
    assert [row.study for row in _chosen(rows, 0)[0]] == ["e"]


def test_long_names_keep_what_tells_them_apart(clock: Clock) -> None:
    pages = [
        Page(f"crime_rio--design.window=24--estimator={name}", "en") for name in ("Imputation", "Stacked")
    ]
    first, second = shown(board(clock, *pages))[:2]
    assert first.startswith("crime…w=24--estimator=Imputation  English")
    assert "estimator=Stacked  English" in second


def test_the_line_below_says_what_is_known(clock: Clock) -> None:
    now = board(clock, Page("a", "en", 100.0), Page("b", "en"))
    assert "checking the data" in shown(now)[-1]
    now.changed("a", ["src/evaluation/studies/a.toml changed", "numpy 1 → 2"])
    assert shown(now)[0].rstrip().endswith("waiting     a.toml changed, and 1 more")
    now.started("a", "en", 2)
    assert "0 of 2 pages done, about 2 min left (1 never timed)" in shown(now)[-1]
    clock.now = 90.0
    now.finished(*made("a", "en"))
    now.started("b", "en", 2)
    clock.now = 120.0
    now.finished(*made("b", "en"))
    assert "2 of 2 pages made in 2 min" in shown(now)[-1]
    new = board(clock, Page("a", "en"))
    new.started("a", "en", 2)
    assert "time left unknown: none timed yet" in shown(new)[-1]


def test_lines_are_words_alone() -> None:
    said: list[str] = []
    lines = Lines(said.append)
    lines.note("because")
    lines.planned([Page("a", "en", 3.0)], ["b"])
    lines.changed("a", ["one", "two", "three", "four"])
    lines.started("a", "en", 2)
    lines.finished("a", RenderOutcome("a", "en", seconds={"imports": 1.0, "page": 0.26}))
    lines.published("a", {})
    lines.refused("c", "no\nmore")
    assert said == [
        "because",
        "b: up to date",
        "a: one; two; three",
        "a en: made in 1.3 s (imports 1.0, page 0.3)",
        "c: no\nmore",
    ]
    assert not re.search(r"\x1b", "".join(said))
