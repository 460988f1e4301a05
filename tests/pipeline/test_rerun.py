"""A run makes exactly what changed by content, and says why."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.pipeline import run as running
from evaluation.pipeline.changes import inputs as known
from evaluation.pipeline.changes.inputs import Project, changes
from evaluation.pipeline.run import preview, run
from evaluation.pipeline.spec import RenderOutcome, RenderSpec

Evaluation = Callable[..., Any]


@pytest.fixture
def made(project: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Reports that were rendered; nothing is run for them."""
    rendered: list[str] = []

    def render(spec: RenderSpec) -> RenderOutcome:
        rendered.append(spec.study)
        result = {"study": spec.study, "title": {"en": "T", "zh": "题"}, "data": [], "claims": []}
        reads = ("data/levels.csv", "data/manifest.toml", f"studies/{spec.study}.toml")
        pages = {language: f"<title>{language}</title>" for language in spec.pages}
        return RenderOutcome(spec.study, pages, result, seconds={"page": 1.0}, reads=reads)

    monkeypatch.setattr(running, "render", render)
    return rendered


def go(project: Any, *studies: str, **options: Any) -> list[Any]:
    return run(studies or ("tiny",), root=project.root, reports=project.reports, jobs=1, **options)


def why(project: Any, study: str = "tiny", **options: Any) -> list[str]:
    (one,) = preview([study], root=project.root, reports=project.reports, **options)
    return list(one.reasons)


def test_nothing_is_run_twice(project: Any, made: list[str]) -> None:
    (first,) = go(project)
    assert first.reasons
    assert not first.up_to_date
    assert made == ["tiny"]
    (second,) = go(project)
    assert second.up_to_date
    assert second.exit_status == 0
    assert len(made) == 1
    (forced,) = go(project, force=True)
    assert forced.reasons == ("it was forced",)
    assert len(made) == 2


def test_a_touched_file_is_not_a_changed_one(project: Any, made: list[str]) -> None:
    go(project)
    for path in project.root.rglob("*.*"):
        if path.is_file() and "build" not in path.parts:
            os.utime(path, (time.time() + 60, time.time() + 60))
    notebook = project.root / "notebooks" / "tiny.ipynb"
    content = json.loads(notebook.read_text())
    content["metadata"]["kernelspec"] = {"name": "mine"}
    content["cells"][-1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x"}]
    notebook.write_text(json.dumps(content, indent=1))
    assert why(project) == []


def test_each_change_is_named(project: Any, made: list[str], levels: list[str], result_cell: str) -> None:
    go(project)
    project.study(**{"seed = 1": "seed = 2"})
    assert why(project) == ["studies/tiny.toml changed"]
    project.study()
    project.notebook(result_cell, "x = 1")
    assert why(project) == ["notebooks/tiny.ipynb changed"]
    project.notebook(result_cell)
    project.table(levels[:-1])
    assert why(project) == ["data/levels.csv changed", "data/manifest.toml, levels changed"]
    project.table(levels)
    assert why(project) == []
    page = project.reports / "en" / "tiny.html"
    page.write_text("edited by hand")
    assert why(project) == ["reports/en/tiny.html is not as it was made"]
    page.unlink()
    assert why(project) == ["reports/en/tiny.html is gone"]


def test_only_the_changed_study_is_run(project: Any, made: list[str]) -> None:
    project.study("other")
    go(project, "tiny", "other")
    made.clear()
    project.study("other", **{"seed = 1": "seed = 2"})
    first, second = go(project, "tiny", "other")
    assert first.up_to_date
    assert second.reasons == ("studies/other.toml changed",)
    assert made == ["other"]


def test_a_table_of_another_study_changes_nothing(project: Any, made: list[str]) -> None:
    go(project)
    manifest = project.root / "data" / "manifest.toml"
    text = manifest.read_text()
    entry = text[text.index("[[tables]]") :].replace('"levels"', '"more"').replace("levels.csv", "more.csv")
    manifest.write_text(text + "\n" + entry)
    (project.root / "data" / "more.csv").write_text("a\n")
    assert why(project) == []


def test_a_file_that_the_notebook_read_by_itself_counts(project: Any, result_cell: str) -> None:
    extra = project.root / "data" / "extra.txt"
    extra.write_text("1")
    project.notebook("from pathlib import Path\nPath('data/extra.txt').read_text()", result_cell)
    (done,) = go(project, languages=("en",))
    assert done.exit_status == 0, done.failure
    assert why(project, languages=("en",)) == []
    extra.write_text("2")
    assert why(project, languages=("en",)) == ["data/extra.txt changed"]
    extra.unlink()
    assert why(project, languages=("en",)) == ["data/extra.txt is gone"]


def test_a_file_that_changed_during_the_run_is_read_again(project: Any, result_cell: str) -> None:
    text = (
        "from pathlib import Path\nPath('data/extra.txt').read_text()\nPath('data/extra.txt').write_text('2')"
    )
    (project.root / "data" / "extra.txt").write_text("1")
    project.notebook(text, result_cell)
    go(project, languages=("en",))
    assert why(project, languages=("en",)) == ["data/extra.txt changed"]


def test_versions_and_code_count(project: Any, made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    go(project)
    before = Project(project.root).inputs("tiny", {})
    assert "software numpy" in before
    assert "software typer" not in before
    assert "software pytest" not in before
    monkeypatch.setattr(known, "installed", lambda cache: {"python": "3.0", "numpy": "1.0"})
    said = why(project)
    assert any(line.startswith("numpy ") and line.endswith(" → 1.0") for line in said)


def test_changes_are_said_in_words() -> None:
    old = {"a.py": "1", "software numpy": "1", "gone.csv": "1", "setting x": "1", "left.py": "1"}
    new = {"a.py": "2", "software numpy": "2", "gone.csv": "absent", "setting x": "2", "new.py": "1"}
    said = "a.py changed; numpy 1 → 2; gone.csv is gone; x 1 → 2; new.py is new; left.py is no longer used"
    assert "; ".join(changes(old, new)) == said


def test_a_failed_run_is_tried_again(project: Any, made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from evaluation.pipeline.spec import Failure

    go(project)
    monkeypatch.setattr(
        running,
        "render",
        lambda s: RenderOutcome(s.study, failure=Failure("kernel", "X", "died")),
    )
    (failed,) = go(project, force=True)
    assert failed.exit_status == 1
    assert why(project) == ["the last run failed"]


def test_another_reports_folder_is_another_state(project: Any, made: list[str], tmp_path: Path) -> None:
    go(project)
    (done,) = run(["tiny"], root=project.root, reports=tmp_path / "elsewhere", jobs=1)
    assert not done.up_to_date
    assert why(project) == []


def test_the_index_is_mended(project: Any, made: list[str]) -> None:
    go(project)
    index = project.reports / "index.html"
    good = index.read_bytes()
    index.unlink()
    go(project)
    assert index.read_bytes() == good


def test_a_state_of_an_earlier_version_means_run_again(project: Any, made: list[str]) -> None:
    go(project)
    (state,) = (project.root / "build" / "made").glob("*/tiny.json")
    page = {"inputs": {}, "page": "x", "result": "y", "seconds": 1.0}
    state.write_text(json.dumps({"format": 1, "study": "tiny", "reads": [], "pages": {"en": page}}))
    assert why(project)[0] == "reports/en/tiny.html was never made here"
    go(project)
    assert why(project) == []


def test_the_second_language_is_added_to_the_first(project: Any, made: list[str]) -> None:
    go(project, languages=("zh",))
    assert why(project, languages=("zh",)) == []
    assert why(project) == [
        "reports/en/tiny.html was never made here",
        "link to the other language changed",
    ]
    go(project)
    assert why(project) == []


def test_dry_run_says_what_and_why_and_runs_nothing(
    project: Any, evaluation: Evaluation, made: list[str]
) -> None:
    answer = evaluation("run", "--all", "--dry-run")
    assert answer.status == 0
    assert "never made" in answer.out
    assert not project.reports.exists()
    go(project)
    made.clear()
    project.study(**{"seed = 1": "seed = 2"})
    answer = evaluation("run", "tiny", "--dry-run")
    assert answer.out.splitlines()[1].split("  ")[0] == "tiny"
    assert "studies/tiny.toml changed" in answer.out
    (planned,) = json.loads(evaluation("run", "tiny", "--dry-run", "--json").out)
    assert planned["would_run"] is True
    assert planned["reasons"] == ["studies/tiny.toml changed"]
    assert made == []


def test_json_is_the_only_thing_on_stdout(project: Any, evaluation: Evaluation, made: list[str]) -> None:
    answer = evaluation("run", "--all", "--jobs", "1", "--json")
    told = json.loads(answer.out)
    assert told["exit_status"] == 0
    (study,) = told["studies"]
    assert study["status"] == "made"
    assert study["seconds"] == 1.0
    assert "reports/results/tiny.json" in study["written"]
    assert "tiny: made" in answer.err
    (study,) = json.loads(evaluation("run", "--all", "--json").out)["studies"]
    assert study["status"] == "up_to_date"


def test_a_module_of_the_project_counts(project: Any, result_cell: str) -> None:
    helper = project.root / "notebooks" / "helpers.py"
    helper.write_text("from evaluation.periods import as_periods\nSHIFT = 1\n")
    project.notebook("import sys\nsys.path.insert(0, 'notebooks')\nimport helpers", result_cell)
    for _ in range(2):  # from its source, then from its bytecode
        (done,) = go(project, languages=("en",), force=True)
        assert done.exit_status == 0, done.failure
        assert why(project, languages=("en",)) == []
        now = Project(project.root).inputs("tiny", {}, ["notebooks/helpers.py"])
        assert any(key.endswith("evaluation/periods.py") for key in now)
        text = helper.read_text()
        helper.write_text("SHIFT = 20\n")
        assert "notebooks/helpers.py changed" in why(project, languages=("en",))
        helper.write_text(text)


def test_what_cannot_be_tracked_is_run_every_time(project: Any, result_cell: str) -> None:
    (project.root / "data" / "extra.txt").write_text("a\n1\n")
    project.notebook("import duckdb\nduckdb.sql(\"from read_csv('data/extra.txt')\").fetchall()", result_cell)
    (done,) = go(project, languages=("en",))
    assert done.exit_status == 0, done.failure
    said = "it reads files that cannot be tracked (duckdb), so it is run every time"
    assert why(project, languages=("en",)) == [said]
