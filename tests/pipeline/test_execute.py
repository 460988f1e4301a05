"""One notebook in a kernel of its own: what it is given, and how it fails."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from evaluation.errors import ReportError, StudyError
from evaluation.pipeline.kernels.execute import check_parameters, execute, extract_result, read_notebook
from evaluation.pipeline.spec import RenderSpec

pytestmark = pytest.mark.usefixtures("no_orphans")


def spec(project: Any, **changes: Any) -> RenderSpec:
    return RenderSpec(**{"study": "tiny", "notebook": "tiny", "root": project.root, **changes})


def printed(notebook: Any) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream")


def test_parameters_reach_the_notebook_as_they_are(project: Any) -> None:
    project.notebook("print(repr((study, overrides)))")
    overrides = {"a.text": 'it\'s "quoted"\n淄博', "a.list": [1, 2.5, True], "a.none": None}
    notebook, failure = execute(spec(project, overrides=overrides))
    assert failure is None
    assert printed(notebook) == repr(("tiny", overrides)) + "\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("../etc/passwd", {}), "not the name of a study"),
        (("tiny", {"a b": 1}), "not a key"),
        (("tiny", {"a": {1, 2}}), "of the type set"),
    ],
)
def test_wrong_parameters_are_refused(arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        check_parameters(*arguments)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (None, "0 cells are tagged"),
        ('study = "tiny"\nlanguage = "en"', "declares study, language"),
        (
            'study = "tiny"\noverrides = {}\nwindow: int = 3',
            "declares study, overrides, window",
        ),
        ("study = ", "not valid Python"),
    ],
)
def test_a_notebook_declares_exactly_the_three_parameters(
    project: Any, parameters: str | None, said: str
) -> None:
    project.notebook("1", parameters=parameters)
    with pytest.raises(StudyError, match=said):
        execute(spec(project))


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}'])
def test_what_is_no_notebook_is_named(project: Any, content: str) -> None:
    (project.root / "notebooks" / "tiny.ipynb").write_text(content)
    with pytest.raises(StudyError, match=r"notebooks/tiny\.ipynb is not a notebook"):
        read_notebook(project.root, "tiny")


def test_an_absent_notebook_is_named(project: Any) -> None:
    with pytest.raises(StudyError, match="no notebook 'other'"):
        read_notebook(project.root, "other")


def test_the_kernel_is_this_interpreter_and_hears_no_user_settings(
    project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    startup = home / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "a.py").write_text("meddled = True")
    (tmp_path / "start.py").write_text("meddled = True")
    kernels = home / ".local" / "share" / "jupyter" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    (kernels / "kernel.json").write_text('{"argv": ["false"], "display_name": "x", "language": "python"}')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "start.py"))
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    project.notebook(
        "import os, sys",
        "print(sys.prefix, os.getcwd(), 'meddled' in globals(), os.environ['OMP_NUM_THREADS'])",
    )
    notebook, failure = execute(spec(project))
    assert failure is None
    assert printed(notebook).split() == [sys.prefix, str(project.root), "False", "1"]


def test_an_empty_home_stays_empty(project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    project.notebook("import matplotlib.pyplot\nprint('ok')")
    notebook, failure = execute(spec(project))
    assert failure is None
    assert printed(notebook) == "ok\n"
    assert list(home.iterdir()) == []


def test_a_long_temporary_folder_does_not_break_the_sockets(
    project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    project.notebook("print('ok')")
    notebook, failure = execute(spec(project))
    assert failure is None
    assert printed(notebook) == "ok\n"
    assert list(folder.iterdir()) == []


def test_a_failing_cell_is_told_by_number_source_and_message(project: Any) -> None:
    project.notebook("x = 1", f"open('{project.root}/absent.csv')", "print('never')")
    notebook, failure = execute(spec(project))
    assert failure is not None
    assert (failure.kind, failure.error, failure.cell, failure.exit_status) == (
        "cell",
        "FileNotFoundError",
        5,
        1,
    )
    assert failure.source == f"open('{project.root}/absent.csv')"
    assert failure.message == "[Errno 2] No such file or directory: './absent.csv'"
    assert str(project.root) not in failure.trace
    assert "FileNotFoundError" in failure.trace
    assert printed(notebook) == ""


def test_a_mistake_of_the_user_keeps_its_words_and_status(project: Any) -> None:
    project.notebook(
        "from evaluation.errors import DataError\nraise DataError('no rows', where='row 3', fix='add some')"
    )
    _, failure = execute(spec(project))
    assert failure is not None
    assert (failure.kind, failure.exit_status, failure.error) == ("input", 2, "DataError")
    assert failure.message == "no rows\n  where: row 3\n  to mend: add some"


def gone_within(seconds: float, pid: int) -> bool:
    """Whether a process ends in time: a killed one may still be listed while the system puts it away."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_a_killed_kernel_and_what_it_started_are_gone(project: Any, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    project.notebook(
        "import os, subprocess\nchild = subprocess.Popen(['sleep', '600'])",
        f"open({str(note)!r}, 'w').write(str(child.pid))",
        "os.kill(os.getpid(), 9)",
        "print('never')",
    )
    notebook, failure = execute(spec(project))
    assert failure is not None
    assert (failure.kind, failure.error, failure.cell, failure.exit_status) == (
        "kernel",
        "DeadKernelError",
        6,
        1,
    )
    assert failure.source == "os.kill(os.getpid(), 9)"
    assert notebook is not None
    child = int(note.read_text())
    assert gone_within(10, child)


@pytest.mark.parametrize(
    "loop",
    [
        "while True:\n    time.sleep(0.1)",
        "while True:\n    try:\n        time.sleep(0.1)\n    except BaseException:\n        pass",
    ],
)
def test_a_cell_that_takes_too_long_is_ended(project: Any, loop: str) -> None:
    project.notebook(f"import time\n{loop}")
    _, failure = execute(spec(project, cell_timeout=1.0))
    assert failure is not None
    assert (failure.kind, failure.error, failure.cell, failure.exit_status) == (
        "timeout",
        "CellTimeoutError",
        4,
        1,
    )
    assert failure.message == "the cell took longer than 1 seconds"


def test_leaving_through_sys_exit_is_no_success(project: Any, result_cell: str) -> None:
    project.notebook("import sys\nsys.exit(0)", "x = 1")
    _, failure = execute(spec(project))
    assert failure is not None
    assert (failure.error, failure.cell, failure.source) == ("SystemExit", 5, "x = 1")


def test_a_kernel_that_cannot_start_is_a_failure(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.root / "ipykernel_launcher.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(project.root))
    project.notebook("1")
    _, failure = execute(spec(project))
    assert failure is not None
    assert (failure.kind, failure.error, failure.exit_status) == ("kernel", "KernelStartError", 1)


def test_the_result_is_taken_from_the_notebook(project: Any) -> None:
    show = "display({'application/vnd.evaluation.result+json': {'a': [1, 2.5, None]}}, raw=True)"
    project.notebook(show)
    notebook, failure = execute(spec(project))
    assert failure is None
    assert extract_result(notebook) == {"a": [1, 2.5, None]}
    project.notebook(show, show)
    with pytest.raises(ReportError, match="displayed 2 results"):
        extract_result(execute(spec(project))[0])
    project.notebook("1")
    with pytest.raises(ReportError, match="displayed 0 results"):
        extract_result(execute(spec(project))[0])


def test_this_process_is_left_as_it_was(project: Any) -> None:
    before = (os.getcwd(), dict(os.environ))
    project.notebook("import os\nos.chdir('/')")
    execute(spec(project))
    assert (os.getcwd(), dict(os.environ)) == before
