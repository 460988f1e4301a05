"""What a cell may print, leave behind and see; what a killed run leaves to the next one."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from evaluation.errors import OutputError, ReportError, StudyError
from evaluation.pipeline.kernels import environment
from evaluation.pipeline.kernels.execute import MOST_PRINTED, execute
from evaluation.pipeline.lock import NAME, sole_run
from evaluation.pipeline.publishing.publish import publish, site_files
from evaluation.pipeline.run import run
from evaluation.pipeline.site import require_writable, unfinished, write_together
from evaluation.pipeline.spec import RenderSpec

POSIX = pytest.mark.skipif(os.name != "posix", reason="links, modes and sessions of POSIX")
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc and prctl of Linux")


def spec(project: Any) -> RenderSpec:
    return RenderSpec(root=project.root, study="tiny", notebook="tiny")


@POSIX
def test_a_cell_prints_so_much_sees_no_secret_and_leaves_nothing_running(
    project: Any, monkeypatch: pytest.MonkeyPatch, result_cell: str
) -> None:
    monkeypatch.setenv("LC_SECRET", "hush")
    child = project.root / "child"
    project.notebook(
        "for i in range(30): print('x' * 100_000)\nprint('y' * 3_000_000)",
        "import os\nprint({n: v for n, v in os.environ.items() if n.startswith('LC_')})\n"
        "import pathlib\nfile = pathlib.Path('/proc/self/oom_score_adj')\n"
        "print('score', file.read_text() if file.exists() else '500')",
        "import subprocess, sys\n"
        "code = 'import time; time.sleep(600)'\n"
        "one = subprocess.Popen([sys.executable, '-c', code], start_new_session=True)\n"
        f"open({str(child)!r}, 'w').write(str(one.pid))",
        result_cell,
    )
    notebook, failure = execute(spec(project))
    assert failure is None
    texts = [
        "".join(output.text for output in cell.get("outputs", ()) if output.output_type == "stream")
        for cell in notebook.cells
    ]
    longest = max(texts, key=len)
    assert MOST_PRINTED <= len(longest) < MOST_PRINTED + 200
    assert longest.endswith("is left out]\n")
    assert not any("hush" in text for text in texts)
    assert any("score 500" in text for text in texts)
    end = time.monotonic() + 5
    while psutil.pid_exists(pid := int(child.read_text())) and time.monotonic() < end:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    else:
        assert not psutil.pid_exists(pid)


@LINUX
def test_the_environment_of_the_runner_is_closed() -> None:
    code = (
        "from evaluation.pipeline.kernels.environment import hide_environment; import ctypes\n"
        "hide_environment(); print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


@pytest.mark.parametrize("seconds", [0.0, -5.0, float("nan")])
def test_a_cell_needs_some_time(project: Any, seconds: float) -> None:
    with pytest.raises(StudyError, match="cannot be done in") as caught:
        run(["tiny"], root=project.root, reports=project.reports, cell_timeout=seconds)
    assert "--timeout" in str(caught.value)


@POSIX
def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    victim, reports = tmp_path / "victim", tmp_path / "reports"
    victim.write_text("mine")
    reports.mkdir()
    (reports / NAME).symlink_to(victim)
    with pytest.raises(OutputError, match="link to another file"), sole_run(reports):
        pass
    assert victim.read_text() == "mine"


def test_a_full_disk_is_noticed_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"reports: No space left on device"):
        require_writable(tmp_path / "reports")
    assert list((tmp_path / "reports").iterdir()) == []
    monkeypatch.setattr(os, "ftruncate", full)
    with pytest.raises(OutputError, match=r"locked\n.*No space left on device"), sole_run(tmp_path):
        pass


KILLED = """
import json, os, sys
from pathlib import Path
from evaluation.pipeline import site
left, put = int(sys.argv[2]), os.replace
def replace(*names):
    global left
    put(*names)
    left -= 1
    if left == 0:
        os._exit(9)
os.replace = replace
site.write_together({Path(name): text for name, text in json.loads(sys.argv[1]).items()})
"""


@POSIX
@pytest.mark.parametrize("after", [1, 2])
def test_pages_of_a_killed_run_are_never_a_mixture(tmp_path: Path, after: int) -> None:
    reports = tmp_path / "reports"
    pages = [reports / "en" / "one.html", reports / "zh" / "one.html", reports / "results" / "one.json"]
    write_together(dict.fromkeys(pages[:2], "old"))
    new = json.dumps({str(path): "new" for path in pages})
    done = subprocess.run([sys.executable, "-c", KILLED, new, str(after)])
    assert done.returncode == 9
    (reports / "index.html").write_text("<head></head>")
    (reports / NAME).write_text("{}")
    with pytest.raises(ReportError, match="some are new and some old"):
        site_files(reports)
    (reports / NAME).write_text(json.dumps({"user": "u", "process": 1, "machine": "m", "since": 0}))
    with sole_run(reports):
        assert [path.read_text() for path in pages[:2]] == ["old", "old"]
        assert not pages[2].exists()
        assert unfinished(reports) == []
    assert [path.name for path in reports.rglob(".*")] == []


@POSIX
def test_folders_of_killed_kernels_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    gone, ours, other = (tmp_path / f"evaluation-{n}-x" for n in (dead.pid, os.getpid(), "notes"))
    for folder in (gone, ours, other):
        folder.mkdir()
    environment.sweep_folders()
    assert sorted(tmp_path.iterdir()) == sorted([ours, other])


@POSIX
def test_a_site_can_be_read_whatever_the_umask(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "index.html").write_text("<html><head></head><body></body></html>")
    before = os.umask(0o077)
    try:
        publish(reports, str(tmp_path / "site"))
    finally:
        os.umask(before)
    site = tmp_path / "site"
    assert stat.S_IMODE(site.stat().st_mode) == 0o755
    assert stat.S_IMODE((site / "index.html").stat().st_mode) == 0o644


def test_a_long_temporary_folder_serves_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from evaluation.pipeline.executors import executor

    long = tmp_path / ("long" * 40)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    executor._context()
    assert os.name != "posix" or len(environment.tempfile.gettempdir()) < 80
