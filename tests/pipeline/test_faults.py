"""What goes wrong on a machine that runs for years, done for real: nothing is left half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from evaluation.errors import OutputError
from evaluation.pipeline import run as running
from evaluation.pipeline.lock import NAME, lasted, sole_run
from evaluation.pipeline.progress import Lines
from evaluation.pipeline.records import history
from evaluation.pipeline.run import preview, run
from evaluation.pipeline.spec import RenderOutcome, RenderSpec

Evaluation = Callable[..., Any]
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")
SLOW = "import os, time\nopen({note!r}, 'w').write(str(os.getpid()))\nwhile True:\n    time.sleep(0.1)"


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system of its own in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def drawn(monkeypatch: pytest.MonkeyPatch, size: int = 100) -> None:
    """Pages of a size, made without a kernel."""

    def render(spec: RenderSpec) -> RenderOutcome:
        result = {"study": spec.study, "title": {"en": "T", "zh": "题"}, "data": [], "claims": []}
        return RenderOutcome(spec.study, dict.fromkeys(spec.pages, "x" * size), result)

    monkeypatch.setattr(running, "render", render)


def go(project: Any, *studies: str, **options: Any) -> list[Any]:
    return run(studies or ("tiny",), root=project.root, reports=project.reports, jobs=1, **options)


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def begun(project: Any, note: Path, *words: str) -> subprocess.Popen[str]:
    """A run in a process of its own, once its kernel has written a note."""
    process = subprocess.Popen(
        [sys.executable, "-m", "evaluation.cli", "run", *words],
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    )
    if not within(120, lambda: note.exists() and bool(note.read_text())):
        process.kill()
        pytest.fail(str(process.communicate()))
    return process


def within(seconds: float, done: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return True
        time.sleep(0.1)
    return done()


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# the disk ---------------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_old_report_whole(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    project.study("small")
    with mounted(project.reports, "-t", "tmpfs", "-o", "size=256k", "tmpfs"):
        drawn(monkeypatch)
        assert [done.exit_status for done in go(project, "tiny", "small")] == [0, 0]
        good = files(project.reports)
        drawn(monkeypatch, size=100_000)
        big, small = go(project, "tiny", "small", force=True)
        assert big.exit_status == 1
        assert "No space left" in big.failure.message
        now = files(project.reports)
        for name in ("en/tiny.html", "zh/tiny.html", "results/tiny.json"):
            assert now[name] == good[name]
        assert not [name for name in now if name.endswith(".part")]
        assert small.failure.kind == "output"
        drawn(monkeypatch, size=200)
        assert [done.exit_status for done in go(project, "tiny", "small")] == [0, 0]
        assert "failures/tiny.html" not in files(project.reports)


@POSIX
def test_a_limit_on_file_sizes_is_a_failed_report(project: Any) -> None:
    """Works without rights to mount: the system refuses to write a file of more than 9,000 bytes."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"
    code = f"{limit}; from evaluation.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "tiny", "--jobs", "1"],
        cwd=project.root,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    left = [name for name in files(project.reports) if not name.startswith("failures/")]
    assert left in ([], ["index.html"])
    assert go(project)[0].exit_status == 0


@pytest.mark.parametrize("place", ["reports", "project"])
def test_a_read_only_file_system(
    project: Any, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    drawn(monkeypatch)
    if place == "reports":
        with mounted(project.reports, "-t", "tmpfs", "-o", "ro", "tmpfs"):
            answer = evaluation("run", "tiny", "--jobs", "1")
            assert answer.status == 2
            assert "Read-only file system" in answer.err
            assert "--reports" in answer.err
        return
    with mounted(project.root, "--bind", str(project.root)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(project.root)], check=True)
        elsewhere = tmp_path / "elsewhere"
        for _ in range(2):  # nothing can be remembered, so it is made each time
            (done,) = run(["tiny"], root=project.root, reports=elsewhere, jobs=1)
            assert done.exit_status == 0
            assert done.written


def test_a_kernel_in_a_read_only_project_makes_its_page(project: Any, tmp_path: Path) -> None:
    with mounted(project.root, "--bind", str(project.root)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(project.root)], check=True)
        (done,) = run(["tiny"], root=project.root, reports=tmp_path / "elsewhere", jobs=1, languages=("en",))
        assert done.exit_status == 0, done.failure


# memory and time --------------------------------------------------------------------------------


@POSIX
def test_a_notebook_that_asks_for_too_much_memory(project: Any, result_cell: str) -> None:
    project.study("other", notebook="other")
    project.notebook(result_cell, name="other")
    project.notebook(
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))",
        "held = [bytearray(2**28) for _ in range(64)]",
        result_cell,
    )
    failed, good = go(project, "tiny", "other", languages=("en",))
    assert (failed.exit_status, good.exit_status) == (1, 0)
    failure = failed.failure
    assert (failure.error, failure.cell) == ("MemoryError", 5)
    page = (project.reports / "failures" / "tiny.html").read_text()
    assert "MemoryError" in page
    assert "evaluation run tiny" in page


# two runs, and runs that end --------------------------------------------------------------------


@POSIX
def test_a_second_run_is_told_of_the_first(project: Any, tmp_path: Path, evaluation: Evaluation) -> None:
    note = tmp_path / "note"
    project.notebook(SLOW.format(note=str(note)))
    first = begun(project, note, "tiny", "--jobs", "1")
    try:
        answer = evaluation("run", "tiny")
        assert answer.status == 2
        assert "another run is making these reports" in answer.err
        assert f"process {first.pid} on " in answer.err
        assert " s ago" in answer.err or " min ago" in answer.err
        assert evaluation("run", "tiny", "--dry-run").status == 0
    finally:
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=60)
    assert first.returncode == 130
    assert gone(int(note.read_text()))
    assert not (project.reports / NAME).exists()


@POSIX
@pytest.mark.parametrize("options", ["--jobs 1", "--jobs 2"])
def test_a_run_that_is_killed_leaves_no_kernel_and_no_lock(
    project: Any, tmp_path: Path, options: str, result_cell: str
) -> None:
    note = tmp_path / "note"
    project.notebook(SLOW.format(note=str(note)))
    first = begun(project, note, "tiny", *options.split())
    below = [child.pid for child in psutil.Process(first.pid).children(recursive=True)]
    half = project.reports / "en" / ".tiny.html.1.part"
    half.parent.mkdir(exist_ok=True)
    half.write_text("<html")
    first.kill()
    first.communicate()
    assert within(30, lambda: all(map(gone, [*below, int(note.read_text())])))
    assert (project.reports / NAME).exists()
    project.notebook(result_cell)
    said: list[str] = []
    (done,) = go(project, progress=Lines(said.append), languages=("en",))
    assert done.exit_status == 0
    assert "ended from outside before it was done" in said[0]
    assert f"process {first.pid} on " in said[0]
    assert not half.exists()
    assert not (project.reports / NAME).exists()


@POSIX
def test_the_next_run_goes_on_where_one_was_stopped(project: Any, tmp_path: Path, result_cell: str) -> None:
    note = tmp_path / "note"
    project.study("later", notebook="later")
    project.notebook(SLOW.format(note=str(note)), name="later")
    stopped = begun(project, note, "tiny", "later", "--jobs", "1", "--language", "en")
    stopped.send_signal(signal.SIGTERM)
    _, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, err
    assert json.loads((project.reports / "results" / "tiny.json").read_text())["study"] == "tiny"
    project.notebook(result_cell, name="later")
    first, second = go(project, "tiny", "later", languages=("en",))
    assert first.up_to_date
    assert second.written
    assert [one.reasons for one in preview(["later"], root=project.root, reports=project.reports)] != [()]


def test_the_lock_is_one_at_a_time_and_goes(tmp_path: Path) -> None:
    with sole_run(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["process"] == os.getpid()
        with pytest.raises(OutputError, match="another run") as caught, sole_run(tmp_path):
            pass
        assert f"process {os.getpid()}" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / NAME).write_text("not a lock of ours")
    with sole_run(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_ages_are_said_in_words() -> None:
    assert [lasted(s) for s in (-1, 0, 59, 60, 119, 3600, 86_400, 200_000)] == [
        "0 s", "0 s", "59 s", "1 min", "2 min", "1 h", "24 h", "2 days",
    ]  # fmt: skip


def test_the_index_says_how_old_the_last_good_report_is(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500940800")
    drawn(monkeypatch)
    go(project)
    project.study(**{'unit = "Alder"': 'unit = "Oak"'})
    for later, english, chinese in (
        (60, "less than two hours earlier", "不到两小时"),
        (20 * 3600, "20 hours earlier", "20小时"),
        (4 * 86_400, "4 days earlier", "4天"),
    ):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(1500940800 + later))
        assert go(project)[0].exit_status == 2
        index = (project.reports / "index.html").read_text()
        assert english in index
        assert chinese in index


# one bad study, one bad file ---------------------------------------------------------------------


def folder(project: Any) -> None:
    (project.root / "studies" / "bad.toml").mkdir()


def dangling(project: Any) -> None:
    (project.root / "studies" / "bad.toml").symlink_to("nowhere.toml")


def list_as_kind(project: Any) -> None:
    project.study("bad", **{"seed = 1": 'seed = 1\nkind = ["a"]'})


def many_brackets(project: Any) -> None:
    project.study("bad", **{"seed = 1": f"seed = {'[' * 5000}{']' * 5000}"})


def many_digits(project: Any) -> None:
    project.study("bad", **{"seed = 1": f"seed = {'1' * 10_000}"})


def no_cells(project: Any) -> None:
    project.study("bad", notebook="bad")
    (project.root / "notebooks" / "bad.ipynb").write_text('{"cells": 3}')


def cell_without_source(project: Any) -> None:
    project.study("bad", notebook="bad")
    content = '{"cells": [{"cell_type": "code", "metadata": {"tags": ["parameters"]}}]}'
    (project.root / "notebooks" / "bad.ipynb").write_text(content)


def deep_notebook(project: Any) -> None:
    project.study("bad", notebook="bad")
    (project.root / "notebooks" / "bad.ipynb").write_text('{"cells": ' + "[" * 100_000 + "]" * 100_000 + "}")


BAD = {
    folder: "cannot be read",
    dangling: "cannot be read",
    list_as_kind: "unknown kind of study",
    many_brackets: "nested too deeply",
    many_digits: "4300 digits",
    no_cells: "is not a notebook",
    cell_without_source: "is not a notebook",
    deep_notebook: "is not a notebook",
}


@pytest.mark.parametrize("harm", BAD, ids=lambda harm: harm.__name__)
def test_a_bad_study_fails_alone(
    project: Any, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Any], None]
) -> None:
    drawn(monkeypatch)
    harm(project)
    answer = evaluation("run", "--all", "--jobs", "1")
    assert answer.status == 2
    assert "unexpected" not in answer.err
    made = files(project.reports)
    assert {"en/tiny.html", "zh/tiny.html", "results/tiny.json", "failures/bad.html", "index.html"} <= set(
        made
    )
    assert BAD[harm] in answer.err
    assert BAD[harm].split()[0].encode() in made["failures/bad.html"]
    listed = evaluation("list")
    assert (listed.status, "tiny" in listed.out, "bad" in listed.out) == (0, True, True)
    checked = evaluation("check")
    assert checked.status == 2
    assert BAD[harm] in checked.err
    assert evaluation("run", "--all", "--dry-run").status == 0


def test_a_fault_of_the_program_in_one_study_lets_the_others_go_on(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn(monkeypatch)
    project.study("bad")
    plan = running.plan

    def faulty(place: Any, *words: Any, **options: Any) -> Any:
        if place.study == "bad":
            raise ZeroDivisionError("a fault")
        return plan(place, *words, **options)

    monkeypatch.setattr(running, "plan", faulty)
    bad, good = go(project, "bad", "tiny")
    assert (bad.exit_status, good.exit_status) == (1, 0)
    assert "ZeroDivisionError" in bad.failure.trace


def test_a_history_that_cannot_be_written_leaves_the_old_report(
    project: Any, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn(monkeypatch)
    assert go(project)[0].exit_status == 0
    good = files(project.reports)
    log = project.reports / "history" / "tiny" / "log.json"
    log.unlink()
    log.mkdir()  # as root may write anywhere: a folder in the file's place, which nobody can replace
    (log / "x").write_text("")
    monkeypatch.setattr(history, "_log", lambda folder: [])
    drawn(monkeypatch, size=200)
    answer = evaluation("run", "tiny", "--force", "--jobs", "1")
    assert answer.status == 1
    assert "log.json cannot be written" in answer.err
    assert "the last good report is as it was" in answer.err
    now = files(project.reports)
    for name in ("en/tiny.html", "zh/tiny.html", "results/tiny.json"):
        assert now[name] == good[name]
    assert not [name for name in now if name.endswith((".part", ".old"))]


def test_a_damaged_result_of_a_variant_is_named_and_blocks_nothing(
    project: Any, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    drawn(monkeypatch)
    assert evaluation("run", "tiny", "--jobs", "1").status == 0
    assert evaluation("run", "tiny", "--set", "seed=2", "--jobs", "1").status == 0
    half = project.reports / "variants" / "tiny--seed=2" / "result.json"
    half.write_bytes(half.read_bytes()[:20])
    project.study("other")
    answer = evaluation("run", "--all", "--jobs", "1")
    assert answer.status == 0
    assert "variants/tiny--seed=2/result.json cannot be read" in answer.out + answer.err
    index = (project.reports / "index.html").read_text()
    assert "en/other.html" in index
    assert "The file with its results cannot be read" in index
    answer = evaluation("publish", str(tmp_path / "site"))
    assert answer.status == 0
    assert "left out" in answer.err
    published = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.*")}
    assert "variants/tiny--seed=2/en.html" in published
    assert "variants/tiny--seed=2/result.json" not in published
    assert evaluation("run", "tiny", "--set", "seed=2", "--jobs", "1").status == 0
    assert "cannot be read" not in (project.reports / "index.html").read_text()
