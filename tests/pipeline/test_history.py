"""Every result is kept once, and a page says what moved since the one before it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import ReportError, StudyError
from evaluation.pipeline.records import history
from evaluation.pipeline.records.difference import compare
from evaluation.pipeline.records.history import Entry
from evaluation.pipeline.records.moved import moved
from evaluation.pipeline.run import run
from evaluation.pipeline.site import Place, write_together

pytestmark = pytest.mark.usefixtures("no_orphans")
DAYS = {"first": "1500940800", "second": "1501027200", "third": "1501113600"}  # 25, 26, 27 July 2017


def result(**changes: Any) -> dict[str, Any]:
    """A result file with one estimate, one claim and one check."""
    estimate = {"estimate": 16.1, "ci_low": -43.0, "ci_high": 73.0, "p_value": 0.53, "n_units": 17}
    check = {"name": "pre-trends", "verdict": "not_informative", "statistic": 1.5, "p_value": None}
    row = {"outcome": "days", "unit": "days", "estimator": "two-by-two", "pool": "near", **estimate}
    claim = {
        "id": "days",
        "claimed": 63,
        "reproduced": {"value": 67, "verdict": "close"},
        "attributable": {"estimate": 16.1, "ci_low": -43.0, "ci_high": 73.0, "p_value": 0.5}
        | {"verdict": "not_distinguishable", "reason": "8 of 16"},
    }
    made = {
        "study": "tiny",
        "generated": "2017-07-25T00:00:00Z",
        "commit": "a" * 40,
        "versions": {"python": "3.11.7", "numpy": "2.4.0"},
        "seed": 1,
        "data": [{"name": "levels", "sha256": "1" * 64, "simulated": False}],
        "inputs": {"study": "s", "notebook": "n", "package": "p", "rows": {"levels": 216}},
        "estimates": [row],
        "claims": [claim],
        "diagnostics": [check],
    }
    return {**json.loads(json.dumps(made)), **changes}


def go(project: Any, monkeypatch: pytest.MonkeyPatch, day: str, **options: Any) -> dict[str, bytes]:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", DAYS[day])
    (done,) = run(("tiny",), root=project.root, reports=project.reports, jobs=1, force=True, **options)
    assert done.exit_status == 0, done.failure
    return files(project.reports)


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def text_of(page: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.decode()))


def test_a_run_without_change_gives_the_same_page_and_stores_nothing_twice(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = go(project, monkeypatch, "first")
    kept = [name for name in first if name.startswith("history/tiny/")]
    assert len(kept) == 2  # the log and one result
    assert "first found on 25 July 2017" in text_of(first["en/tiny.html"])
    assert "No earlier result is kept here" in text_of(first["en/tiny.html"])
    assert "最早得出于2017年7月25日" in text_of(first["zh/tiny.html"])
    assert go(project, monkeypatch, "first") == first
    later = go(project, monkeypatch, "second")
    assert set(later) == set(first)
    stamp, later_stamp = b"2017-07-25T00:00:00Z", b"2017-07-26T00:00:00Z"
    day, later_day = b"25 July 2017, 00:00 UTC", b"26 July 2017, 00:00 UTC"
    page = later["en/tiny.html"].replace(later_stamp, stamp).replace(later_day, day)
    assert page == first["en/tiny.html"]  # the time of making and nothing else
    log = json.loads(later["history/tiny/log.json"])
    assert [entry["first"]["generated"] for entry in log["runs"]] == [stamp.decode()]
    assert log["runs"][0]["last"]["generated"] == later_stamp.decode()


def test_a_page_says_what_moved_and_which_input_changed(
    project: Any, levels: list[str], result_cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(project, monkeypatch, "first")
    go(project, monkeypatch, "second")
    project.study(**{"seed = 1": "seed = 2"})
    project.notebook(result_cell.replace("mean(treated) -", "1 + mean(treated) -"))
    moved_now = go(project, monkeypatch, "third")
    english, chinese = text_of(moved_now["en/tiny.html"]), text_of(moved_now["zh/tiny.html"])
    assert "first found on 27 July 2017" in english
    assert "Against the result that stood until 26 July 2017" in english
    before, after = re.search(r"Estimate level: (\S+) → (\S+)", english).groups()  # type: ignore[union-attr]
    assert float(after.replace("−", "-")) - float(before.replace("−", "-")) == pytest.approx(1, abs=0.02)
    assert "Record seed: 1 → 2" in english
    assert "Changed in between: the study file; the notebook." in english
    assert "其间变动：研究文件；笔记本。" in chinese
    assert "与截至2017年7月26日的结果相比" in chinese
    # the same again: the page compares with the result before, not with itself
    assert go(project, monkeypatch, "third") == moved_now


def test_a_result_that_comes_back_is_compared_with_the_one_before_it(tmp_path: Path) -> None:
    place = Place(tmp_path, "tiny")
    one, two = result(), result(seed=2)
    for number, content in enumerate([one, two, {**one, "commit": "b" * 40}]):
        files = history.record(place, {**content, "generated": f"2017-07-2{number}T00:00:00Z"})
        assert files
        write_together(files)
    entries = history.read(place)
    assert [entry.result["seed"] for entry in entries] == [1, 2, 1]
    assert len(list(history.folder_of(place).glob("*.json"))) == 3  # the log and two results
    newest, step = history.changes(place)[0]
    assert newest.first["commit"] == "b" * 40
    assert step is not None
    assert [(change.name, change.before, change.after) for change in step.changes] == [("seed", 2, 1)]
    assert history.changes(place)[-1][1] is None


def test_a_commit_or_an_hour_alone_is_no_new_content() -> None:
    other = result(commit="b" * 40, generated="2020-01-01T00:00:00Z", inputs={})
    assert history.content_of(other) == history.content_of(result())
    assert history.content_of(result(seed=2)) != history.content_of(result())


@given(st.permutations(["outcome", "estimator", "pool"]))
def test_content_survives_json(order: list[str]) -> None:
    row = dict.fromkeys(order, "x") | {"estimate": 0.1 + 0.2, "ci_low": float("nan")}
    made = result(estimates=[row])
    from evaluation.pipeline.site import result_text

    assert history.content_of(json.loads(result_text(made))) == history.content_of(made)


def test_moved_names_each_kind_of_change_and_verdicts_come_first() -> None:
    before, after = result(), result()
    after["estimates"][0].update(estimate=20.0, ci_low=2.0)
    after["claims"][0]["attributable"].update(verdict="beyond_comparison", estimate=20.0)
    after["diagnostics"][0]["verdict"] = "evidence_against"
    after["data"][0]["sha256"] = "2" * 64
    after["inputs"] = {**after["inputs"], "rows": {"levels": 228}, "package": "q"}
    after["versions"]["numpy"] = "2.5.0"
    after["commit"] = "b" * 40
    found = moved(before, after)
    assert [change.part for change in found.changes] == ["claim", "estimate", "diagnostic", "data", "version"]
    assert found.changes[0].verdict
    assert found.changes[1].name == "days, two-by-two, near"
    assert found.changes[1].unit == "days"
    assert found.changes[3].after["rows"] == 228
    assert [cause.what for cause in found.causes] == ["data", "code", "versions"]
    assert found.causes[1].after == "b" * 40
    json.dumps(found.as_record())


def test_rounding_of_another_processor_is_no_move_and_order_does_not_matter() -> None:
    before, after = result(), result()
    second = {**before["estimates"][0], "pool": "far", "estimate": 3.0}
    before["estimates"].append(second)
    after["estimates"].insert(0, {**second, "estimate": 3.0 * (1 + 1e-12)})
    assert moved(before, after).changes == ()


def test_what_a_newer_version_writes_beside_an_estimate_moves_nothing() -> None:
    before, after = result(), result()
    after["estimates"][0].update(period="M", base_unit="days", scale="level", reason=None, n_as_extreme=8)
    assert moved(before, after).changes == ()


def test_estimates_that_share_a_name_are_told_apart_by_their_estimand() -> None:
    rows = [
        {"outcome": "days", "estimator": "x", "estimand": f"change to {year}", "estimate": float(year)}
        for year in (2015, 2016)
    ]
    after = [rows[0], {**rows[1], "estimate": 9.0}]
    (change,) = moved(result(estimates=rows), result(estimates=after)).changes
    assert change.name == "days, x, change to 2016"
    assert moved(result(estimates=rows), result(estimates=rows[:1])).changes[0].after is None


def test_without_a_record_of_the_code_the_commit_stands_in() -> None:
    (cause,) = moved(result(inputs={}), result(inputs={}, commit="b" * 40)).causes
    assert cause.what == "code"
    assert moved(result(), result(commit="b" * 40)).causes == ()  # another commit, the same code


@pytest.mark.parametrize("damage", ["not json", '{"format": 9, "runs": []}', '{"format": 1, "runs": [{}]}'])
def test_a_damaged_log_is_said_and_not_written_over(tmp_path: Path, damage: str) -> None:
    place = Place(tmp_path, "tiny")
    write_together(history.record(place, result()))
    log = history.folder_of(place) / "log.json"
    log.write_text(damage)
    for use in (lambda: history.read(place), lambda: history.record(place, result(seed=3))):
        with pytest.raises(ReportError, match="history of earlier results cannot be read"):
            use()
    assert log.read_text() == damage


def test_a_result_that_was_edited_is_not_compared_with(tmp_path: Path) -> None:
    place = Place(tmp_path, "tiny")
    write_together(history.record(place, result()))
    (kept,) = (p for p in history.folder_of(place).glob("*.json") if p.name != "log.json")
    kept.write_text(kept.read_text().replace("16.1", "61.1"))
    with pytest.raises(ReportError, match="not what it was"):
        history.read(place)
    log = history.folder_of(place) / "log.json"
    log.write_text(log.read_text().replace(kept.stem, "../../../secret"))
    with pytest.raises(ReportError, match="not the name of a file"):
        history.read(place)


def test_a_damaged_history_fails_its_study_and_no_other(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.study("other")
    go(project, monkeypatch, "first")
    (project.reports / "history" / "tiny" / "log.json").write_text("{")
    done = run(("tiny", "other"), root=project.root, reports=project.reports, jobs=1, force=True)
    assert [one.exit_status for one in done] == [1, 0]
    assert "history/tiny/log.json" in done[0].failure.message


def test_an_entry_crosses_a_process() -> None:
    import pickle

    entry = Entry("c", {"generated": "x"}, {"generated": "y"}, result())
    assert pickle.loads(pickle.dumps(entry)) == entry


# the command ------------------------------------------------------------------------------------


@pytest.fixture
def reports(project: Any) -> Path:
    """A history of two results of ``tiny``, a week apart."""
    place = Place(project.reports, "tiny")
    after = result(generated="2017-08-01T00:00:00Z", commit="b" * 40)
    after["estimates"][0]["estimate"] = 20.0
    after["data"][0]["sha256"] = "2" * 64
    write_together(history.record(place, result()))
    write_together(history.record(place, after))
    place.result.parent.mkdir()
    place.result.write_text(json.dumps(after))
    return project.reports


def test_diff_prints_a_table_and_json(reports: Path, evaluation: Callable[..., Any]) -> None:
    answer = evaluation("diff", "tiny")
    assert answer.status == 0, answer.err
    assert "before: tiny@before, made 2017-07-25T00:00:00Z, commit aaaaaaaaaaaaaa" in answer.out
    row = next(line for line in answer.out.splitlines() if line.startswith("estimate"))
    assert re.split(r"  +", row.strip()) == [
        "estimate",
        "days, two-by-two, near",
        "estimate 16.1",
        "estimate 20",
    ]
    assert "2 things moved" in answer.out
    assert "changed in between: data" in answer.out
    machine = json.loads(evaluation("diff", "tiny@2017-07-30", "tiny", "--json").out)
    assert machine["before"]["generated"] == "2017-07-25T00:00:00Z"
    assert {change["part"] for change in machine["moved"]} == {"estimate", "data"}
    assert machine["changed_inputs"] == [{"what": "data", "before": "", "after": ""}]
    assert "nothing moved" in evaluation("diff", "tiny", "tiny").out


def test_diff_takes_names_dates_contents_and_paths(reports: Path) -> None:
    old = "2017-07-25T00:00:00Z"
    content = history.read(Place(reports, "tiny"))[1].content
    path = str(reports / "history" / "tiny" / f"{content}.json")
    for before in ("tiny@2017-07-25", "tiny@before", f"tiny@{content[:8]}", path):
        assert compare(before, "tiny", reports).before.result["generated"] == old
    assert compare("tiny", "2017-07-31", reports).after.result["generated"] == old
    assert compare("tiny", "@before", reports).after.result["generated"] == old


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing",), "there is no result of 'nothing'"),
        (("tiny@2016-01-01", "tiny"), "2017-07-25"),
        (("tiny@soon", "tiny"), "no result of tiny is kept for 'soon'"),
        (("absent.json", "tiny"), "there is no file absent.json"),
        (("../tiny", "tiny"), "there is no result of '../tiny'"),
        (("tiny@before",), "compared with nothing"),
    ],
)
def test_diff_says_what_is_kept(reports: Path, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(StudyError) as caught:
        compare(words[0], words[1] if len(words) > 1 else None, reports)
    assert said in str(caught.value)


def test_diff_refuses_two_studies(reports: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps(result(study="other")))
    with pytest.raises(StudyError, match="different studies"):
        compare(str(other), "tiny", reports)
