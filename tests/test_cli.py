"""The command line of this very project: quick to start, and light where it can be."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import evaluation

HEAVY = ("pandas", "numpy", "scipy", "statsmodels", "matplotlib", "papermill", "nbconvert")


def command(root: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evaluation.cli", *words],
        cwd=root,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        timeout=120,
    )


def test_help_comes_within_half_a_second(root: Path) -> None:
    def once() -> float:
        begin = time.perf_counter()
        answer = command(root, "--help")
        assert answer.returncode == 0
        for word in ("list", "check", "run", "data", "new", "schedule"):
            assert word in answer.stdout
        return time.perf_counter() - begin

    # the best of five: other work on the machine is not what is measured
    assert min(once() for _ in range(5)) < 0.5


@pytest.mark.parametrize("words", [["--help"], ["list"], ["schedule"], ["run", "--help"]])
def test_light_commands_import_nothing_heavy(root: Path, words: list[str]) -> None:
    code = (
        "import sys\nfrom evaluation.cli import main\n"
        f"sys.argv = ['evaluation', *{words!r}]\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        f"print('heavy:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert answer.stdout.rstrip().endswith("heavy: []")


def test_version(root: Path) -> None:
    assert command(root, "--version").stdout.strip() == evaluation.__version__


def test_list_names_every_study_file(root: Path) -> None:
    answer = command(root, "list")
    assert answer.returncode == 0
    listed = {line.split()[0] for line in answer.stdout.splitlines()[1:]}
    assert listed == {path.stem for path in (root / "studies").glob("*.toml")}
    assert "cannot be read" not in answer.stdout


def test_the_project_passes_its_own_check(root: Path) -> None:
    answer = command(root, "check")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "as they should be" in answer.stdout


def test_an_unknown_study_has_status_2(root: Path) -> None:
    answer = command(root, "run", "nothing_of_the_kind")
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: unknown study 'nothing_of_the_kind'")
    assert "Traceback" not in answer.stderr


def test_a_closed_pipe_is_no_error_message(root: Path) -> None:
    answer = subprocess.run(
        f"{sys.executable} -m evaluation.cli list | true",
        shell=True,
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert answer.stderr == ""
