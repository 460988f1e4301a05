"""A run writes good reports whole, keeps the last good one, and says what failed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.pipeline import render as rendering
from evaluation.pipeline import run as running
from evaluation.pipeline.progress import Lines
from evaluation.pipeline.run import StudyRun, run
from evaluation.pipeline.spec import PageSpec, RenderOutcome, RenderSpec

pytestmark = pytest.mark.usefixtures("no_orphans")
STOP = "raise ValueError('stop <here> & now')"


def go(project: Any, *studies: str, jobs: int = 1, **options: Any) -> list[StudyRun]:
    return run(studies or ("tiny",), root=project.root, reports=project.reports, jobs=jobs, **options)


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def pages(folder: Path) -> list[str]:
    """Everything but the history, which has its own tests."""
    return [name for name in files(folder) if not name.startswith("history/")]


def test_a_run_makes_pages_result_and_index(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500940800")
    said: list[str] = []
    (done,) = go(project, progress=Lines(said.append))
    assert done.exit_status == 0
    made = ["en/tiny.html", "index.html", "results/tiny.json", "zh/tiny.html"]
    assert pages(project.reports) == made
    result = json.loads((project.reports / "results" / "tiny.json").read_text())
    assert result["study"] == "tiny"
    assert result["generated"] == "2017-07-25T00:00:00Z"
    assert result["commit"] == "unknown"
    assert set(result["versions"]) >= {"python", "evaluation", "numpy", "pandas", "statsmodels", "papermill"}
    assert result["data"][0]["simulated"] is True
    assert list(result)[:2] == ["study", "title"]
    assert "../zh/tiny.html" in (project.reports / "en" / "tiny.html").read_text()
    index = (project.reports / "index.html").read_text()
    assert "en/tiny.html" in index
    assert "zh/tiny.html" in index
    assert "Did the level fall?" in index
    assert "水平是否下降" in index
    assert [line.split(" in ")[0] for line in said] == ["tiny: made"]
    kept = project.root / "build" / "notebooks"
    assert [p.name for p in kept.iterdir()] == ["tiny.ipynb"]


def test_the_same_inputs_give_the_same_bytes(
    project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500940800")
    go(project)
    first = files(project.reports)
    monkeypatch.setenv("HOME", str(tmp_path))
    go(project, jobs=2, force=True)
    assert files(project.reports) == first
    for content in first.values():
        text = content.decode()
        assert str(project.root) not in text
        assert str(tmp_path) not in text


def test_only_the_time_differs_between_two_runs(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = []
    for epoch, stamp in (("1500940800", b"2017-07-25T00:00:00Z"), ("1500944461", b"2017-07-25T01:01:01Z")):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        go(project, force=True)
        pages.append(files(project.reports)["results/tiny.json"].replace(stamp, b"TIME"))
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (STOP, "cell"),
        ("import os\nos.kill(os.getpid(), 9)", "kernel"),
        ("import time\ntime.sleep(600)", "timeout"),
        ("x = 1", "page"),
    ],
)
def test_a_failure_keeps_the_last_good_report(project: Any, result_cell: str, bad: str, kind: str) -> None:
    go(project)
    good = files(project.reports)
    project.notebook(bad, *([] if kind == "page" else [result_cell]))
    (done,) = go(project, cell_timeout=30.0 if kind != "timeout" else 2.0)
    assert done.exit_status == 1
    assert done.failure.kind == kind
    now = files(project.reports)
    page = now.pop("failures/tiny.html").decode()
    now.pop("index.html")
    good.pop("index.html")
    assert now == good
    failure = done.failure
    assert failure.error in page
    if kind == "cell":
        assert "stop &lt;here&gt; &amp; now" in page
        assert "<here>" not in page
    assert str(project.root) not in page
    assert "failures/tiny.html" in (project.reports / "index.html").read_text()
    project.notebook(result_cell)
    (done,) = go(project)
    assert done.exit_status == 0
    assert not (project.reports / "failures" / "tiny.html").exists()
    assert "failures/tiny.html" not in (project.reports / "index.html").read_text()


def test_one_language_failing_holds_both_back(project: Any, result_cell: str) -> None:
    go(project)
    good = files(project.reports)
    only = "InLanguages({'en': Prose('only English')})"
    project.notebook(
        "from evaluation.report.display import Prose\n"
        f"from evaluation.report.languages import InLanguages\n{only}",
        result_cell,
    )
    (done,) = go(project)
    assert "no text in 'zh'" in done.failure.message
    assert done.exit_status == 1
    now = files(project.reports)
    assert now["en/tiny.html"] == good["en/tiny.html"]
    assert now["results/tiny.json"] == good["results/tiny.json"]


def test_a_notebook_is_run_once_for_all_pages(project: Any, result_cell: str) -> None:
    """Each page takes its language of what the one run displayed."""
    cell = """from pathlib import Path
from evaluation.report.display import Prose
from evaluation.report.languages import spoken
note = Path('build/runs.txt')
note.write_text((note.read_text() if note.exists() else '') + 'x')
@spoken()
def told(runs, *, text):
    return Prose({'en': 'the English', 'zh': '中文的'}[text.language] + f' text {runs}')
told(len(note.read_text()))"""
    project.notebook(cell, result_cell)
    (done,) = go(project)
    assert done.exit_status == 0, done.failure
    english, chinese = (files(project.reports)[f"{name}/tiny.html"].decode() for name in ("en", "zh"))
    assert "<p>the English text 1</p>" in english
    assert "中文的 text" not in english
    assert "<p>中文的 text 1</p>" in chinese


def test_a_notebook_edited_during_the_run_is_named(project: Any, result_cell: str) -> None:
    edit = "from pathlib import Path\nnotebook = Path('notebooks/tiny.ipynb')\n"
    project.notebook(edit + "notebook.write_text(notebook.read_text() + ' ')", result_cell)
    (done,) = go(project)
    assert done.exit_status == 1
    assert "the notebook changed while the report was made" in done.failure.message


def test_a_failing_study_does_not_stop_the_others(project: Any) -> None:
    project.study("broken", notebook="broken")
    project.notebook(STOP, name="broken")
    project.study("wrong", **{'unit = "Alder"': 'unit = "Oak"'})
    done = go(project, "broken", "tiny", "wrong", jobs=2)
    assert [(one.place.study, one.exit_status) for one in done] == [("broken", 1), ("tiny", 0), ("wrong", 2)]
    made = files(project.reports)
    assert {"en/tiny.html", "failures/broken.html", "failures/wrong.html"} <= set(made)
    assert b"Oak" in made["failures/wrong.html"]
    assert "en/broken.html" not in made


def test_a_mistake_in_the_notebook_has_status_2(project: Any) -> None:
    project.notebook(
        "from evaluation.errors import DataError\nraise DataError('no rows left', fix='widen the window')"
    )
    (done,) = go(project)
    assert done.exit_status == 2
    page = (project.reports / "failures" / "tiny.html").read_text()
    assert "no rows left" in page
    assert "widen the window" in page


def test_overrides_make_a_variant_beside_the_study(project: Any) -> None:
    go(project)
    good = files(project.reports)
    (done,) = go(project, overrides={"treatment.date": "2016-03"})
    assert done.exit_status == 0
    now = files(project.reports)
    folder = "variants/tiny--treatment.date=2016-03"
    new = {name for name in set(now) - set(good) if not name.startswith("history/")}
    assert new == {f"{folder}/en.html", f"{folder}/zh.html", f"{folder}/result.json"}
    assert all(now[name] == content for name, content in good.items() if name != "index.html")
    assert json.loads(now[f"{folder}/result.json"])["overrides"] == {"treatment.date": "2016-03"}
    page = now[f"{folder}/en.html"].decode()
    assert "A variant." in page
    assert page.index("treatment.date = 2016-03") < page.index("<h2")
    assert "变体" in now[f"{folder}/zh.html"].decode()
    assert "A variant." not in now["en/tiny.html"].decode()
    assert "evaluation run tiny --set treatment.date=2016-03" in page.replace("&#39;", "'")
    assert f"{folder}/en.html" in now["index.html"].decode()
    assert 'href="zh.html"' in page
    assert 'href="../../index.html"' in page


def test_one_language_alone(project: Any) -> None:
    go(project, languages=("zh",))
    assert pages(project.reports) == ["index.html", "results/tiny.json", "zh/tiny.html"]
    assert "en/tiny.html" not in (project.reports / "zh" / "tiny.html").read_text()
    go(project, languages=("en",))
    assert "../zh/tiny.html" in (project.reports / "en" / "tiny.html").read_text()


def test_a_hostile_override_is_text_on_the_page(project: Any) -> None:
    value = "x`</code><script>alert(1)</script><img src=http://example.org/a.png>\n# heading"
    (done,) = go(project, overrides={"title.en": value}, languages=("en",))
    assert done.exit_status == 0, done.failure
    page = files(done.place.page("en").parent)["en.html"].decode()
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    (folder,) = (project.reports / "variants").iterdir()
    assert re.fullmatch(r"tiny--title\.en=x-code-script-alert-1-script-img-src=[A-Za-z0-9._=-]+", folder.name)


@pytest.mark.parametrize(
    ("naming", "said"),
    [
        ("import os\nprint('kept in', os.getcwd() + '/data')", "names a folder of this machine"),
        ("import warnings\nwarnings.warn('<careful>')", "a cell printed a warning: UserWarning: <careful>"),
    ],
)
def test_a_page_that_names_this_machine_is_refused(
    project: Any, result_cell: str, naming: str, said: str
) -> None:
    project.notebook(naming, result_cell)
    (done,) = go(project)
    assert done.exit_status == 1
    assert said in done.failure.message
    assert str(project.root) not in (project.reports / "failures" / "tiny.html").read_text()


def test_a_worker_ended_from_outside_is_a_failure(project: Any, result_cell: str) -> None:
    project.notebook("import os\nos.kill(os.getppid(), 9)", result_cell)
    project.study("other")
    done, _ = go(project, "tiny", "other", jobs=2)
    assert done.exit_status == 1
    assert done.failure.kind == "kernel"
    assert "results/tiny.json" not in files(project.reports)


def test_a_worker_that_dies_takes_no_other_along(project: Any, result_cell: str) -> None:
    for name in ("killer", "other"):
        project.study(name, notebook=name)
        project.notebook(result_cell, name=name)
    project.notebook("import os\nos.kill(os.getppid(), 9)", result_cell, name="killer")
    done = go(project, "killer", "tiny", "other", jobs=2, languages=("en",))
    assert [one.exit_status for one in done] == [1, 0, 0]
    assert done[0].failure.error == "WorkerEnded"


def test_a_fault_of_the_program_is_a_failed_report(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(rendering, "_pages", broken)
    (done,) = go(project)
    assert done.exit_status == 1
    assert done.failure.error == "ZeroDivisionError"
    assert "broken" in done.failure.trace


def test_a_spec_and_its_outcome_cross_a_process(project: Any) -> None:
    import pickle

    spec = RenderSpec("tiny", "tiny", project.root, {"en": PageSpec("T")}, overrides={"a": [1]})
    assert pickle.loads(pickle.dumps(spec)) == spec
    outcome = RenderOutcome("tiny", {"en": "x"}, result={"a": 1})
    assert pickle.loads(pickle.dumps(outcome)) == outcome


def test_nothing_starts_before_everything_was_checked(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[RenderSpec] = []
    monkeypatch.setattr(running, "render", started.append)
    project.notebook("1", parameters="study = 1")
    (done,) = go(project)
    assert done.exit_status == 2
    assert "declares study" in done.failure.message
    assert started == []


def test_the_working_folder_does_not_matter(
    project: Any, tmp_path: Path, evaluation: Callable[..., Any]
) -> None:
    os.chdir(project.root / "notebooks")
    answer = evaluation("run", "tiny", "--jobs", "1", "--language", "en")
    assert answer.status == 0, answer.err
    assert (project.reports / "en" / "tiny.html").is_file()
