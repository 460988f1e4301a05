"""What a run may not give away, and where a setting may not reach."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import EvaluationError
from evaluation.pipeline.plan import how_made, plan
from evaluation.pipeline.run import run
from evaluation.pipeline.site import Place

pytestmark = pytest.mark.usefixtures("no_orphans")
SECRET = "s3cret-of-this-machine"
USER = "an-official-of-zibo"


# nothing of the machine in what a run leaves ------------------------------------------------------


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A secret, a user name and a home folder in the environment, under names old and new."""
    home = tmp_path / "home" / USER
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for name in ("USER", "LOGNAME", "USERNAME", "MAIL"):
        monkeypatch.setenv(name, USER)
    for name in ("EVALUATION_NOTIFY_URLS", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY", "A_NEW_VARIABLE"):
        monkeypatch.setenv(name, f"https://user:{SECRET}@example.org/")
    return home


def left(project: Any) -> dict[str, str]:
    """Text of everything that the project's folders hold but for its sources."""
    folders = [project.reports, project.root / "build"]
    found = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(project.root).as_posix(): path.read_text("utf-8", errors="replace") for path in found
    }


def test_a_notebook_that_prints_its_environment_gives_nothing_away(
    project: Any, result_cell: str, planted: Path
) -> None:
    project.notebook(
        "import os\nfor name, value in sorted(os.environ.items()):\n"
        "    if name not in ('PATH', 'PYTHONPATH', 'VIRTUAL_ENV') and '/' not in value:\n"
        "        print(name, value)",
        "print('home is the one of', 'nobody' if 'home' in os.path.expanduser('~') else '?')",
        result_cell,
    )
    (done,) = run(("tiny",), root=project.root, reports=project.reports, jobs=1)
    assert done.exit_status == 0, done.failure
    texts = left(project)
    assert any("PYTHONHASHSEED 0" in text for text in texts.values())  # it did print what it has
    assert {"build/notebooks/tiny.ipynb", "reports/en/tiny.html", "reports/results/tiny.json"} <= set(texts)
    for name, text in texts.items():
        for word in (SECRET, USER, str(planted), str(project.root), sys.prefix + "/"):
            assert word not in text, (name, word)


def test_a_failing_notebook_gives_nothing_away_either(project: Any, planted: Path) -> None:
    project.notebook("import os\nraise ValueError(str(dict(os.environ)))")
    (done,) = run(("tiny",), root=project.root, reports=project.reports, jobs=1, languages=("en",))
    assert done.exit_status == 1
    texts = left(project)
    assert "PYTHONHASHSEED" in texts["reports/failures/tiny.html"]
    for name, text in texts.items():
        for word in (SECRET, USER, str(planted), str(project.root), sys.prefix + "/"):
            assert word not in text, (name, word)


# where a setting may reach ------------------------------------------------------------------------


@contextmanager
def watching(wanted: Path) -> Iterator[list[str]]:
    """Every opening, by this process, of a file in this folder."""
    seen: list[str] = []
    active = [True]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if active and event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], str | bytes):
            name = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode(errors="replace")
            if Path(os.path.abspath(name)).is_relative_to(wanted):
                seen.append(name)

    sys.addaudithook(hook)
    try:
        yield seen
    finally:
        active.clear()


def leaves(raw: Any, place: tuple[str, ...] = ()) -> Iterator[str]:
    """Dotted keys of all texts of a study file, as ``--set`` takes them."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            yield from leaves(value, (*place, key))
    elif isinstance(raw, list):
        for number, value in enumerate(raw):
            if isinstance(value, dict):
                yield from leaves(value, (*place, str(value.get("id", number))))
    elif isinstance(raw, str):
        yield ".".join(place)


EXTRA = ("data.labels", "data.annual", "data.observed", "notebook", "id", "kind", "data.table")


def test_no_setting_reaches_a_file_outside_the_project(project: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside-the-project"
    outside.mkdir()
    content = (project.root / "data" / "levels.csv").read_bytes()
    for name in ("secret.csv", "secret.toml", "secret.ipynb", "secret"):
        (outside / name).write_bytes(content)
    raw = tomllib.loads((project.root / "studies" / "tiny.toml").read_text(encoding="utf-8"))
    keys = sorted({*leaves(raw), *EXTRA})
    assert len(keys) > 25
    made = how_made(project.root)
    with watching(outside) as seen:
        (outside / "secret").open().close()
        assert len(seen) == 1  # the watch sees what it must
        for key in keys:
            for value in (f"{outside}/secret", "../../outside-the-project/secret", f"{outside}/secret.csv"):
                overrides = {key: value}
                place = Place.of(project.reports, "tiny", overrides)
                inside = project.reports / "variants"
                assert place.page("en").resolve().is_relative_to(inside)
                assert len(place.page("en").relative_to(inside).parts) == 2
                try:
                    plan(place, project.root, overrides, making=made)
                except EvaluationError:
                    continue
        assert len(seen) == 1, seen[1:]


@pytest.mark.parametrize(
    "name", ["../outside/evil", "../../outside/evil", "studies/tiny", "/etc/passwd", ".."]
)
def test_a_study_that_is_a_path_writes_nothing(
    project: Any, tmp_path: Path, evaluation: Callable[..., Any], name: str
) -> None:
    for folder in (project.root / "outside", tmp_path / "outside"):
        folder.mkdir()
        (folder / "evil.toml").write_text((project.root / "studies" / "tiny.toml").read_text())
    before = sorted(tmp_path.rglob("*"))
    answer = evaluation("run", name)
    assert answer.status == 2, answer.out
    assert "not the name of a study" in answer.err
    after = [path for path in sorted(tmp_path.rglob("*")) if path not in before]
    assert [path.name for path in after if path.is_file()] == []


def test_a_study_file_of_a_strange_name_fails_alone_and_its_page_is_linked(project: Any) -> None:
    strange = "a#b <script>"
    (project.root / "studies" / f"{strange}.toml").write_text("x = 1")
    done = run((strange,), root=project.root, reports=project.reports, jobs=1)
    assert [one.exit_status for one in done] == [2]
    assert (project.reports / "failures" / f"{strange}.html").is_file()
    index = (project.reports / "index.html").read_text(encoding="utf-8")
    assert 'href="failures/a%23b%20%3Cscript%3E.html"' in index
    assert "<script" not in index


def test_characters_that_no_file_may_hold_do_not_stop_the_others(project: Any, result_cell: str) -> None:
    project.study("other")
    project.study("odd", notebook="odd")
    project.notebook(
        "print('a\\x00b\\x1b]8;;http://example.org\\x07c \\ud800 \\u202eabc')", result_cell, name="odd"
    )
    done = run(("odd", "other"), root=project.root, reports=project.reports, jobs=1)
    assert done[1].exit_status == 0
    page = project.reports / ("en/odd.html" if done[0].exit_status == 0 else "failures/odd.html")
    text = page.read_text(encoding="utf-8")
    for character in "\x00\x1b\x07\u202e":
        assert character not in text
