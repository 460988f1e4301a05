"""What the commands print, write and answer with, in the tiny project."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from evaluation.pipeline import overview
from evaluation.pipeline import run as running
from evaluation.pipeline.spec import Failure
from evaluation.study import load_study

Evaluation = Callable[..., Any]


def test_run_prints_what_it_made_and_list_knows_it(
    project: Any, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500940800")
    before = evaluation("list")
    assert before.status == 0
    assert before.out.split("\n")[1].split() == ["tiny", "Did", "the", "level", "fall?", "never"]
    answer = evaluation("run", "--all", "--jobs", "1")
    assert answer.status == 0, answer.err
    for path in (
        "reports/en/tiny.html",
        "reports/zh/tiny.html",
        "reports/results/tiny.json",
        "reports/index.html",
    ):
        assert path in answer.out
    assert "2017-07-25T00:00:00Z" in evaluation("list").out
    assert evaluation("check").status == 0


def test_a_failed_run_says_which_cell(project: Any, evaluation: Evaluation) -> None:
    project.notebook("raise ValueError('seven is not six')")
    answer = evaluation("run", "tiny", "--jobs", "1")
    assert answer.status == 1
    for text in ("failed: tiny (cell 4): ValueError", "seven is not six", "reports/failures/tiny.html"):
        assert text in answer.err
    assert "Traceback" not in answer.out + answer.err
    assert "seven is not six" in (project.root / "build" / "evaluation.log").read_text()
    assert "then failed" in evaluation("list").out


def test_an_unexpected_error_is_short_and_logged(
    project: Any, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(overview, "study_rows", broken)
    answer = evaluation("list")
    assert answer.status == 1
    assert answer.err.startswith("unexpected error: ZeroDivisionError: a fault")
    assert "Traceback" not in answer.err
    log = project.root / "build" / "evaluation.log"
    assert str(log) in answer.err
    assert "in broken" in log.read_text()


def test_debug_shows_the_traceback(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from evaluation.cli import main
    from evaluation.errors import StudyError

    monkeypatch.setattr(sys, "argv", ["evaluation", "--debug", "run", "absent"])
    with pytest.raises(StudyError, match="unknown study"):
        main()


def test_stopping_by_hand_is_no_traceback(
    project: Any, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "run", stopped)
    answer = evaluation("run", "tiny")
    assert answer.status == 130
    assert answer.err == "stopped; what was written stands\n"


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_leaves_no_kernel_and_no_file(
    project: Any, tmp_path: Path, jobs: str, sign: signal.Signals
) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    project.notebook(
        f"import os\nopen({str(tmp_path)!r} + f'/{{study}}.pid', 'w').write(str(os.getpid()))",
        "import time\nwhile True:\n    time.sleep(0.1)",
    )
    project.study("other")
    process = subprocess.Popen(
        [sys.executable, "-m", "evaluation.cli", "run", "tiny", "other", "--jobs", jobs],
        cwd=project.root,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell that starts this run in the background has its children ignore Ctrl-C
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    )
    notes = [tmp_path / f"{study}.pid" for study in ("tiny", "other")[: int(jobs)]]
    try:
        assert within(120, lambda: all(note.exists() and note.read_text() for note in notes))
        process.send_signal(sign)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, out + err
    assert err == "stopped; what was written stands\n"
    assert within(10, lambda: not any(psutil.pid_exists(int(note.read_text())) for note in notes))
    assert not [path for path in project.reports.rglob("*") if path.is_file()]
    assert within(10, lambda: not list(temporary.glob("evaluation-*")))


def within(seconds: float, done: Callable[[], bool]) -> bool:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return True
        time.sleep(0.1)
    return done()


def test_a_study_that_does_not_load_is_listed_with_the_others(project: Any, evaluation: Evaluation) -> None:
    project.study("another", **{"seed = 1": 'seed = "one"'})
    answer = evaluation("list")
    assert answer.status == 0
    assert "cannot be read" in answer.out.split("\n")[1]
    assert "Did the level fall?" in answer.out


def test_a_new_study_loads_and_keeps_its_comments(project: Any, evaluation: Evaluation) -> None:
    template = project.root / "studies" / "tiny.toml"
    template.write_text("# Run it: evaluation run tiny\n# A remark.\n" + template.read_text())
    answer = evaluation("new", "second_study", "--from", "tiny")
    assert answer.status == 0, answer.err
    path = project.root / "studies" / "second_study.toml"
    text = path.read_text(encoding="utf-8")
    assert "# A remark." in text
    assert "evaluation run second_study" in text
    assert "evaluation run tiny" not in text
    assert tomllib.loads(text)["id"] == "second_study"
    assert load_study("second_study", root=project.root).notebook == "tiny"


def test_a_new_study_never_overwrites(project: Any, evaluation: Evaluation) -> None:
    before = (project.root / "studies" / "tiny.toml").read_bytes()
    answer = evaluation("new", "tiny")
    assert answer.status == 2
    assert "stands already" in answer.err
    assert (project.root / "studies" / "tiny.toml").read_bytes() == before


@pytest.mark.parametrize("name", ["../evil", "Two words", "", "9lives", "a.b"])
def test_a_new_study_has_a_plain_name(project: Any, evaluation: Evaluation, name: str) -> None:
    answer = evaluation("new", name)
    assert answer.status == 2
    assert "cannot name a study" in answer.err
    assert [p.name for p in (project.root / "studies").iterdir()] == ["tiny.toml"]


def test_a_new_study_from_a_named_one(project: Any, evaluation: Evaluation) -> None:
    project.study("other", **{"seed = 1": "seed = 77"})
    assert evaluation("new", "third", "--from", "other").status == 0
    assert load_study("third", root=project.root).seed == 77
    assert "unknown study" in evaluation("new", "fourth", "--from", "nobody").err


def test_tables_are_listed_with_their_licence(project: Any, evaluation: Evaluation) -> None:
    answer = evaluation("data", "list")
    assert answer.status == 0
    assert answer.out.split("\n")[1].split()[:2] == ["levels", "216"]


def test_tables_are_built_from_a_raw_record(project: Any, evaluation: Evaluation, tmp_path: Path) -> None:
    answer = evaluation("data", "build", "nothing", "--raw", str(tmp_path))
    assert answer.status == 2
    assert "one of approvals_cases, crime_incidents" in answer.err
    assert "has no folder data-raw/builders" in answer.err


def test_the_summary_says_everything_that_failed() -> None:
    from evaluation.pipeline.run import StudyRun
    from evaluation.pipeline.site import Place

    place = Place(Path("reports"), "tiny")
    failure = Failure("cell", "ValueError", "one\ntwo", cell=3)
    good, bad = overview.summary([StudyRun(place, failure=failure)], Path("reports"))
    assert good == ["index reports/index.html"]
    assert bad[0] == "failed: tiny (cell 3): ValueError\n  one\n  two"
