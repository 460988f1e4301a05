"""Kernels forked from one that has the libraries: the same pages, nothing shared but what was imported."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import StudyError
from evaluation.pipeline.kernels.execute import execute
from evaluation.pipeline.kernels.warm import require_warm, warm_kernels
from evaluation.pipeline.plan import plan
from evaluation.pipeline.run import run
from evaluation.pipeline.site import Place
from evaluation.pipeline.spec import RenderSpec

pytestmark = [
    pytest.mark.usefixtures("no_orphans"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kernels are forked on Linux only"),
]
DRAWN = """
import io

import matplotlib.pyplot as plt
from IPython.display import display
from evaluation.report.display import Figure

drawing, axes = plt.subplots(figsize=(8.4, 4))
axes.plot([1, 3, 2])
axes.set_title("Zibo")
picture = io.BytesIO()
drawing.savefig(picture, format="png")
display(Figure(picture.getvalue(), alt="A line", title="A line", name="line"))
"""
ABOUT = """
import json, os, random, sys
own = sorted(name for name in sys.modules if name.partition(".")[0] == "evaluation")
import numpy as np
print(json.dumps({
    "parent": os.getppid(),
    "draws": [np.random.random(), random.random()],
    "environment": dict(os.environ),
    "started": open("/proc/self/environ").read().split(chr(0)),
    "own": own,
    "folder": os.getcwd(),
    "path": sys.path,
    "threads": len(os.listdir("/proc/self/task")),
    "group": os.getpgid(0) == os.getpid(),
    "pandas": "pandas" in sys.modules,
}))
"""


@pytest.fixture
def server(project: Any) -> Iterator[Path]:
    """Address of a server for the project."""
    with warm_kernels(project.root) as address:
        yield address


def spec(project: Any, **changes: Any) -> RenderSpec:
    return RenderSpec(**{"study": "tiny", "notebook": "tiny", "root": project.root, **changes})


def about(project: Any, warm: Path | None) -> dict[str, Any]:
    project.notebook(ABOUT)
    notebook, failure = execute(spec(project, warm=warm))
    assert failure is None, failure
    (said,) = [output["text"] for cell in notebook.cells for output in cell.get("outputs", ())]
    return dict(json.loads(said))


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_pages_are_the_same_byte_for_byte(
    project: Any, monkeypatch: pytest.MonkeyPatch, result_cell: str, jobs: int
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500940800")
    project.notebook(DRAWN, result_cell)
    made = {}
    for warm in (False, True):
        reports = project.root / f"reports-{warm}"
        (done,) = run(["tiny"], root=project.root, reports=reports, jobs=jobs, warm=warm)
        assert done.failure is None
        made[warm] = files(reports)
    assert made[True] == made[False]
    assert {"en/tiny.html", "zh/tiny.html", "results/tiny.json", "index.html"} <= set(made[True])
    assert b"data:image/png" in made[True]["en/tiny.html"]


def test_kernels_share_libraries_and_nothing_else(
    project: Any, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITY_TOKEN", "not-for-a-notebook")
    first, second = about(project, server), about(project, server)
    plain = about(project, None)
    assert first["parent"] == second["parent"] != os.getpid()
    assert (first["pandas"], plain["pandas"]) == (True, False)
    # the project's own code is imported by each kernel: as much of it as in a kernel that is started anew
    assert first["own"] == plain["own"]
    for number in range(2):
        assert first["draws"][number] != second["draws"][number]
    assert "CITY_TOKEN" not in first["environment"]
    assert not [entry for entry in first["started"] if "not-for-a-notebook" in entry]
    changing = {"HOME", "USERPROFILE", "JPY_PARENT_PID", "JPY_SESSION_NAME", "PYTHONPATH"}
    changing |= {name for name in first["environment"] if name.startswith(("JUPYTER_", "IPYTHON"))}
    assert {k: v for k, v in first["environment"].items() if k not in changing} == {
        k: v for k, v in plain["environment"].items() if k not in changing
    }
    for same in ("folder", "path", "group"):
        assert first[same] == plain[same]


def test_a_server_ends_with_what_it_is_for(project: Any) -> None:
    with warm_kernels(project.root) as address:
        server = about(project, address)["parent"]
        assert Path(f"/proc/{server}").exists()
    assert not Path(f"/proc/{server}").exists()
    assert not address.parent.exists()


def test_a_killed_kernel_is_a_failed_report_and_the_next_one_is_made(
    project: Any, server: Path, result_cell: str
) -> None:
    project.notebook("1 + 1", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    _, failure = execute(spec(project, warm=server))
    assert failure is not None
    assert (failure.kind, failure.error, failure.cell) == ("kernel", "DeadKernelError", 5)
    project.notebook(result_cell)
    assert execute(spec(project, warm=server))[1] is None


def test_a_cell_that_takes_too_long_leaves_no_kernel(project: Any, server: Path) -> None:
    project.notebook("import time\ntime.sleep(600)")
    _, failure = execute(spec(project, warm=server, cell_timeout=1.0))
    assert failure is not None
    assert failure.kind == "timeout"


def test_a_killed_server_is_said_and_its_kernels_are_gone(
    project: Any, evaluation: Callable[..., Any]
) -> None:
    project.notebook("import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)")
    project.study("other")
    answer = evaluation("run", "tiny", "other", "--warm", "--jobs", "1")
    assert answer.status == 1
    # the first study loses its kernel, the second finds nobody to fork one
    assert "the kernel died" in answer.err
    assert "the process that warm kernels are forked from has ended; run without --warm" in answer.err


def test_without_anything_to_do_no_server_is_started(
    project: Any, monkeypatch: pytest.MonkeyPatch, evaluation: Callable[..., Any]
) -> None:
    assert evaluation("run", "tiny", "--warm").status == 0

    def never(root: Path) -> None:
        raise AssertionError("a server was started")

    monkeypatch.setattr("evaluation.pipeline.run.warm_kernels", never)
    answer = evaluation("run", "tiny", "--warm")
    assert answer.status == 0
    assert "up to date" in answer.out


def test_a_kernel_reports_what_it_reads(project: Any, server: Path, result_cell: str) -> None:
    project.notebook(result_cell)
    one = plan(Place.of(project.reports, "tiny", {}), project.root, {}, ("en",))
    reads: list[str] = []
    assert execute(replace(one, warm=server), reads)[1] is None
    assert {"data/levels.csv", "studies/tiny.toml"} <= set(reads)


def test_where_kernels_cannot_be_forked_it_is_said(
    monkeypatch: pytest.MonkeyPatch, project: Any, evaluation: Callable[..., Any]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(StudyError, match="warm kernels need Linux"):
        require_warm()
    monkeypatch.undo()
    monkeypatch.chdir(project.root)
    answer = evaluation("run", "tiny", "--warm", "--cluster", "local:1")
    assert answer.status == 2
    assert "--warm or --cluster, not both" in answer.err
