"""How a run is shown: live on a real terminal, in lines elsewhere, and what it says of the time left."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
SLOW = "import os, time\nopen({note!r}, 'w').write(str(os.getpid()))\nwhile True:\n    time.sleep(0.1)"


# a terminal -------------------------------------------------------------------------------------


class Terminal:
    """A command on a pseudo-terminal of its own, as a user sits before it."""

    def __init__(self, folder: Path, *words: str, size: tuple[int, int] = (24, 80), **env: str) -> None:
        self.size = size
        self._own, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        drop = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
        kept = {name: value for name, value in os.environ.items() if name not in drop}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "evaluation.cli", *words],
            cwd=folder,
            env={**kept, "TERM": "xterm-256color", **env},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=_takes_terminal,
        )
        os.close(theirs)
        self.said = ""

    def read(self, until: Callable[[str], bool] = lambda said: False, seconds: float = 120.0) -> str:
        """Read until it said that, or ended."""
        end = time.monotonic() + seconds
        while not until(self.said):
            assert time.monotonic() < end, self.said
            if not select.select([self._own], [], [], 0.2)[0]:
                continue
            try:
                piece = os.read(self._own, 65536)
            except OSError:  # how Linux says that the other side is gone
                piece = b""
            if not piece:
                break
            self.said += piece.decode()
        return self.said

    def press(self, key: bytes) -> None:
        os.write(self._own, key)

    def screen(self) -> list[str]:
        """All lines that stand there, those that were scrolled away included."""
        return drawn(self.said)


def _takes_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def drawn(said: str) -> list[str]:
    """What a text with the few movements that rich uses leaves on the screen."""
    lines, at, column = [""], 0, 0
    for control, move, text in re.findall(r"\x1b\[(\??[\d;]*)([A-Za-z])|(\r|\n|[^\x1b\r\n]+)", said):
        if text == "\r":
            column = 0
        elif text == "\n":
            at += 1
            lines += [""] * (at + 1 - len(lines))
        elif text:
            lines[at] = lines[at][:column].ljust(column) + text + lines[at][column + len(text) :]
            column += len(text)
        elif move == "A":
            at = max(at - int(control or 1), 0)
        elif move == "K":
            lines[at] = ""
        else:
            assert move in "mhl", (control, move)
    return [line.rstrip() for line in lines]


def test_a_run_on_a_terminal_is_a_table(project: Any, result_cell: str) -> None:
    project.study("broken", notebook="broken")
    project.notebook("raise ValueError('seven is not six')", name="broken")
    project.study("wrong", **{'unit = "Alder"': 'unit = "Oak"'})
    terminal = Terminal(project.root, "run", "--all", "--jobs", "2")
    said = terminal.read()
    assert terminal.process.wait(30) == 1 or terminal.process.returncode == 2
    assert said.count(HIDE) == 1
    assert said.rindex(SHOW) > said.rindex(HIDE)
    assert "running" in said
    assert "waiting" in said
    screen = terminal.screen()
    assert max(map(len, screen)) <= 80
    rows = {line.split()[0]: line for line in screen[:3]}
    assert "cell 4, ValueError: seven is not six" in rows["broken"]
    assert re.search(r"made +\d+ s", rows["tiny"])
    assert re.search("failed .*Oak", rows["wrong"])
    total = next(line for line in screen if "1 of 3 reports made in " in line)
    assert "2 failed" in total
    assert "reports/index.html" in screen[-2]
    # what is up to date is shown, and does not count
    project.notebook("1", result_cell, name="broken")
    terminal = Terminal(project.root, "run", "broken", "tiny", "--language", "en", NO_COLOR="1")
    said = terminal.read()
    assert terminal.process.wait(30) == 0
    screen = terminal.screen()
    assert [line.split() for line in screen if "up to date" in line] == [["tiny", "up", "to", "date"]]
    assert any("1 of 1 reports made in " in line for line in screen)
    assert not re.search(r"\x1b\[[\d;]*3\dm", said)
    # nothing to do: no table
    terminal = Terminal(project.root, "run", "broken", "--language", "en")
    assert terminal.read().split("\r\n")[0] == "broken: up to date"
    assert "\x1b" not in terminal.said


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(project: Any) -> None:
    terminal = Terminal(project.root, "run", "tiny", "--language", "en", "--jobs", "1", TERM="dumb")
    assert "tiny: made in " in terminal.read()
    assert "\x1b" not in terminal.said


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("how", ["key", "SIGTERM"])
def test_a_stopped_run_gives_the_terminal_back(project: Any, tmp_path: Path, jobs: str, how: str) -> None:
    note = tmp_path / "note"
    project.notebook(SLOW.format(note=str(note)))
    terminal = Terminal(project.root, "run", "tiny", "--jobs", jobs)
    terminal.read(lambda said: "running" in said and note.exists() and bool(note.read_text()))
    assert SHOW not in terminal.said
    if how == "key":
        terminal.press(b"\x03")
    else:
        terminal.process.terminate()
    said = terminal.read()
    assert terminal.process.wait(30) == 130
    assert said.rindex(SHOW) > said.rindex(HIDE)
    assert "Traceback" not in said
    screen = terminal.screen()
    assert [line.split()[1] for line in screen if line.startswith("tiny")] == ["stopped"]
    assert any(re.search(r"0 of 1 reports made in \d+ s, stopped$", line) for line in screen)
    assert screen[-2].endswith("stopped; what was written stands")
    end = time.monotonic() + 10
    while psutil.pid_exists(int(note.read_text())) and time.monotonic() < end:
        time.sleep(0.1)
    assert not psutil.pid_exists(int(note.read_text()))


def test_a_setting_that_is_refused_leaves_only_the_message(project: Any) -> None:
    terminal = Terminal(project.root, "run", "tiny", "--set", "treatment.unit=Oak")
    said = terminal.read()
    assert terminal.process.wait(30) == 2
    assert said.count(HIDE) <= said.count(SHOW)
    shown = [line for line in terminal.screen() if line]
    assert shown[0].startswith("error: ")
    assert "Oak" in shown[0]


def test_json_leaves_the_table_to_standard_error(project: Any, tmp_path: Path) -> None:
    """Standard output goes to a file while a user watches standard error."""
    code = (
        "import os, sys; out = os.open('out.json', os.O_WRONLY | os.O_CREAT); os.dup2(out, 1);"
        "from evaluation.cli import main; main()"
    )
    words = ["run", "tiny", "--language", "en", "--json"]
    own, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=project.root,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        os.close(theirs)
        assert process.wait(120) == 0
    assert HIDE in os.read(own, 65536).decode()
    assert (project.root / "out.json").read_text().startswith("{")


def test_piped_output_has_no_escape(project: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evaluation.cli", "run", "tiny", "--jobs", "1"],
        cwd=project.root,
        env={**os.environ, "TERM": "xterm", "FORCE_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stdout.startswith("tiny: made in ")
