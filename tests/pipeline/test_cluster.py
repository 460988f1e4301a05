"""Reports and pieces of work on real worker processes: the same bytes, also when a worker is killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from evaluation.errors import OutputError, ReportError, StudyError
from evaluation.numerics.chunks import _normal, spread, working
from evaluation.pipeline.executors import cluster as clusters
from evaluation.pipeline.executors.cluster import Asked, Cluster, asked, cluster, slurm
from evaluation.pipeline.run import run

distributed = pytest.importorskip("distributed", reason="distributed is not installed (the extra 'cluster')")
WAIT = 90


@pytest.fixture(autouse=True)
def _nothing_is_left(no_orphans: None) -> Iterator[None]:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    end = time.monotonic() + 20
    while time.monotonic() < end:
        left = [c for c in psutil.Process().children(recursive=True) if c.pid not in before]
        left = [c for c in left if "dask" in " ".join(_command(c)) or "ipykernel" in " ".join(_command(c))]
        if not left:
            return
        time.sleep(0.2)
    raise AssertionError(f"left behind: {left}")


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def within(seconds: float, done: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return True
        time.sleep(0.05)
    return done()


def opened(where: str, root: Path) -> None:
    """Open a cluster and close it again."""
    with cluster(where, root) as executor:
        assert executor is not None
        assert executor.size


# what is asked for --------------------------------------------------------------------------------


def test_what_can_be_asked_for(tmp_path: Path) -> None:
    assert asked("local:3") == Asked("local", workers=3)
    assert asked("local").workers == os.cpu_count()
    assert asked("tcp://node-1:8786") == Asked("tcp", address="tcp://node-1:8786")
    path = tmp_path / "slurm.yaml"
    path.write_text("queue: short\ncores: 4\nmemory: 8GB\njobs: 10\nwalltime: '01:00:00'\n")
    assert asked(str(path)).settings["jobs"] == 10


@pytest.mark.parametrize(
    "text", ["remote", "local:0", "local:two", "tcp://host", "http://host:80", "x.toml", ""]
)
def test_what_cannot_be_asked_for_is_said(text: str) -> None:
    with pytest.raises(StudyError, match="--cluster"):
        asked(text)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("cores: 4", "missing key 'jobs'; missing key 'memory'"),
        ("cores: 0\nmemory: 8GB\njobs: 1", "cores is 0"),
        ("cores: 1\nmemory: 8GB\njobs: 1\nsudo: rm", "unknown key 'sudo'"),
        ("cores: 1\nmemory: 8GB\njobs: 1\nextra: --exclusive", "not a list of lines"),
        ("- a", "has no settings"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_wrong_file_for_slurm_names_its_keys(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "slurm.yaml"
    path.write_text(content)
    with pytest.raises(StudyError) as caught:
        asked(str(path))
    assert said in str(caught.value)


def test_the_job_that_slurm_is_given() -> None:
    pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed (the extra 'cluster')")
    settings = {"queue": "short", "account": "zibo", "cores": 4, "memory": "8GB", "walltime": "02:00:00"}
    made = slurm({**settings, "jobs": 10, "setup": ["module load python"], "extra": ["--exclusive"]})
    try:
        script = made.job_script()
    finally:
        made.close()
    for line in ("#SBATCH -p short", "#SBATCH -A zibo", "#SBATCH --cpus-per-task=4", "#SBATCH -t 02:00:00"):
        assert line in script
    assert "#SBATCH --exclusive" in script
    assert "module load python" in script
    assert "--nthreads 8 --resources report=4,piece=4" in script


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(OutputError, match="not installed"):
        opened("local:1", tmp_path)


def test_a_scheduler_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(clusters, "PATIENCE", 0.5)
    with pytest.raises(ReportError, match="no worker"):
        opened("tcp://127.0.0.1:9", tmp_path)


def test_nothing_to_do_starts_no_worker(
    project: Any, evaluation: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert evaluation("run", "tiny", "--jobs", "1", "--language", "en").status == 0
    monkeypatch.setattr(Cluster, "_open", lambda self: pytest.fail("a cluster was started"))
    answer = evaluation("run", "tiny", "--cluster", "local:2", "--language", "en")
    assert answer.status == 0, answer.err
    assert "up to date" in answer.out


# reports ------------------------------------------------------------------------------------------


def test_reports_have_the_same_bytes_and_survive_a_killed_worker(
    project: Any, result_cell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two studies on two workers; one worker is killed, with no warning, while it makes a report."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500940800")
    project.study("other")
    # the first kernel of all notes its parent, a worker, and waits to lose it; whoever comes later goes on
    note = tmp_path / "worker"
    wait = (
        "import os, time\n"
        f"try:\n    file = open({str(note)!r}, 'x')\n"
        "except FileExistsError:\n    pass\n"
        "else:\n    file.write(str(os.getppid())); file.close(); time.sleep(600)"
    )
    project.notebook(wait, result_cell)
    note.write_text("0")
    options = {"root": project.root, "force": True}
    alone = run(("tiny", "other"), reports=tmp_path / "alone", jobs=1, **options)
    assert [one.exit_status for one in alone] == [0, 0]
    note.unlink()
    killed: list[int] = []

    def kill() -> None:
        if within(WAIT, lambda: note.exists() and bool(note.read_text())):
            killed.append(int(note.read_text()))
            os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with cluster("local:2", project.root) as executor:
        assert executor is not None
        assert executor.size == 2
        pids = set(executor.client.run(os.getpid).values())
        done = run(("tiny", "other"), reports=tmp_path / "spread", executor=executor, **options)
        killer.join()
        assert killed
        assert killed[0] in pids  # it was a worker
    assert [one.exit_status for one in done] == [0, 0], [one.failure for one in done]
    assert files(tmp_path / "spread") == files(tmp_path / "alone")


def test_a_report_that_ends_every_worker_is_a_failure_and_the_others_are_made(
    project: Any, result_cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "TRIES", 1)
    project.study("deadly", notebook="deadly")
    project.notebook("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", result_cell, name="deadly")
    with cluster("local:2", project.root) as executor:
        done = run(
            ("deadly", "tiny"),
            root=project.root,
            reports=project.reports,
            languages=("en",),
            executor=executor,
        )
    assert [one.exit_status for one in done] == [1, 0]
    failure = done[0].failure
    assert (failure.kind, failure.error) == ("kernel", "KilledWorker")
    assert "2 workers that made this report were lost" in failure.message


# pieces of work -----------------------------------------------------------------------------------


def deadly(note: str, count: int, generator: np.random.Generator) -> np.ndarray:
    """Draws; but the first of all to come here ends its own process."""
    try:
        open(note, "x").close()
    except FileExistsError:
        return generator.standard_normal(count)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_pieces_have_the_same_bytes_on_one_and_two_workers_and_after_a_loss(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    plain = np.concatenate(spread(_normal, 400, seed=11, chunk=25)).tobytes()
    for where in ("local:1", "local:2"):
        with cluster(where, tmp_path) as executor:
            assert executor is not None
            with working(executor.workers):
                assert np.concatenate(spread(_normal, 400, seed=11, chunk=25)).tobytes() == plain
                if where == "local:2":
                    work = partial(deadly, str(tmp_path / "note"))
                    lost = np.concatenate(spread(work, 400, seed=11, chunk=25)).tobytes()
                    assert (tmp_path / "note").exists()
                    assert lost == plain


INNER = """
import operator, os
from pathlib import Path
from evaluation.numerics.chunks import each

found = each(operator.call, [os.getpid] * 6)
Path(NOTE, "found").write_text(" ".join(map(str, [os.getpid(), *found])))
assert "EVALUATION_CLUSTER" not in os.environ
"""


def test_a_report_hands_its_pieces_to_the_workers(project: Any, result_cell: str, tmp_path: Path) -> None:
    project.notebook(INNER.replace("NOTE", repr(str(tmp_path))), result_cell)
    with cluster("local:1", project.root) as executor:
        assert executor is not None
        pids = set(executor.client.run(os.getpid).values())
        (done,) = run(
            ("tiny",), root=project.root, reports=project.reports, languages=("en",), executor=executor
        )
    assert done.exit_status == 0, done.failure
    kernel, *found = map(int, (tmp_path / "found").read_text().split())
    assert set(found) == pids
    assert kernel not in pids


def test_other_code_or_another_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReportError, match="does not see the project"):
        opened("local:1", tmp_path)
    (tmp_path / "studies").mkdir()
    monkeypatch.setattr(clusters, "package_checksum", lambda: "another")
    with pytest.raises(ReportError, match="another version"):
        opened("local:1", tmp_path)
