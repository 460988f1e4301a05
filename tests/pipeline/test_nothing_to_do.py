"""A run with nothing to do does little, and yet sees every change of content. Work is counted, not time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evaluation.pipeline import run as running
from evaluation.pipeline.changes import closure
from evaluation.pipeline.run import preview, run
from evaluation.pipeline.spec import RenderOutcome, RenderSpec

HEAVY = [
    "pandas",
    "numpy",
    "scipy",
    "statsmodels",
    "matplotlib",
    "pyarrow",
    "papermill",
    "nbformat",
    "nbclient",
]
HEAVY += ["nbconvert", "jupyter_client", "zmq", "IPython", "jinja2", "rich", "distributed", "dask"]
HEAVY += ["multiprocessing.forkserver", "evaluation.analysis", "evaluation.report.page"]
LOOK = f"""
import atexit, json, sys
atexit.register(lambda: print(json.dumps([name for name in {HEAVY!r} if name in sys.modules])))
from evaluation.cli import main
main()
"""


@pytest.fixture
def made(project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The tiny project after a run; no kernel was needed for it."""

    def render(spec: RenderSpec) -> RenderOutcome:
        result = {"study": spec.study, "title": {"en": "T", "zh": "题"}, "data": [], "claims": []}
        reads = ("data/levels.csv", f"studies/{spec.study}.toml")
        return RenderOutcome(spec.study, dict.fromkeys(spec.pages, "<title>x</title>"), result, reads=reads)

    monkeypatch.setattr(running, "render", render)
    project.study("other")
    go(project)
    return project


def go(project: Any) -> list[Any]:
    return run(["tiny", "other"], root=project.root, reports=project.reports, jobs=1)


def why(project: Any) -> list[str]:
    (one,) = preview(["tiny"], root=project.root, reports=project.reports)
    return list(one.reasons)


@pytest.mark.parametrize("words", [["run", "--all"], ["run", "--all", "--json"]])
def test_it_imports_nothing_that_a_study_needs(made: Any, words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK, *words], cwd=made.root, capture_output=True, text=True, check=True
    )
    assert "tiny: up to date" in done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_a_failure_that_is_an_hour_older_is_written_anew_and_no_sooner(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index says how old the last good report of a failed study is."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500940800")
    run(["tiny", "other"], root=made.root, reports=made.reports, jobs=1, force=True)
    made.study("other", **{'unit = "Alder"': 'unit = "Oak"'})
    index = made.reports / "index.html"
    written = []
    for later in (0, 3 * 3600, 4 * 3600 - 1, 4 * 3600):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(1500940800 + later))
        run(["other"] if not later else ["tiny"], root=made.root, reports=made.reports, jobs=1)
        written.append((index.stat().st_mtime_ns, "3 hours earlier" in index.read_text(encoding="utf-8")))
    assert written[1] != written[0]
    assert written[2] == written[1]
    assert written[3] != written[2]
    assert [told for _, told in written] == [False, True, True, False]


def test_it_reads_each_file_once_and_parses_none_of_the_package(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: Counter[str] = Counter()
    parsed: list[str] = []
    read, facts_of = Path.read_bytes, closure.facts_of

    def counted(path: Path) -> bytes:
        opened[str(path)] += 1
        return read(path)

    def noted(text: str, module: str, package: str) -> closure.Facts:
        parsed.append(module)
        return facts_of(text, module, package)

    monkeypatch.setattr(Path, "read_bytes", counted)
    monkeypatch.setattr(closure, "facts_of", noted)
    assert all(one.up_to_date for one in go(made))
    assert set(parsed) == {"__main__"}  # the notebooks' own cells
    package = {path: count for path, count in opened.items() if path.endswith((".py", ".toml", ".csv"))}
    assert len(package) > 40
    assert set(package.values()) == {1}


@pytest.mark.parametrize(
    "name", ["studies/tiny.toml", "data/levels.csv", "notebooks/tiny.ipynb", "reports/zh/tiny.html"]
)
def test_an_edit_of_the_same_size_at_the_same_moment_is_seen(made: Any, name: str) -> None:
    """Size and time stamps are what others go by; nothing here remembers either."""
    path = made.root / name
    before, stamps = path.read_bytes(), path.stat()
    changed = before.replace(b"Alder", b"Birch").replace(b"x</title>", b"y</title>")
    if name.endswith(".ipynb"):
        changed = before.replace(b"mean(treated) -", b"mean(treated) +")
    assert changed != before
    assert len(changed) == len(before)
    path.write_bytes(changed)
    os.utime(path, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    assert path.stat().st_mtime_ns == stamps.st_mtime_ns
    (said,) = why(made)
    assert said.startswith(name)
    path.write_bytes(before)
    os.utime(path, (stamps.st_mtime + 60, stamps.st_mtime + 60))
    assert why(made) == []


def test_what_is_remembered_of_the_code_is_by_its_content(tmp_path: Path) -> None:
    """The only thing kept from run to run: what a module of this content imports."""
    package = tmp_path / "evaluation"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for name in ("one", "two"):
        (package / f"{name}.py").write_text("x = 1\n")
    user = package / "user.py"
    user.write_text("from evaluation import one\none\n")
    stamps = user.stat()

    def files() -> set[str]:
        code = closure.Code(tmp_path / "cache.json", package)
        found = {path.name for path in code.files(code.text_uses("import evaluation.user"))}
        code.remember()
        return found

    assert files() == {"user.py", "one.py"}
    user.write_text("from evaluation import two\ntwo\n")
    os.utime(user, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    assert user.stat().st_size == stamps.st_size
    assert files() == {"user.py", "two.py"}
