"""Files are whole, names are safe, and a result file is plain JSON."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import OutputError, StudyError
from evaluation.pipeline import site
from evaluation.pipeline.site import (
    Place,
    commit_of,
    generated_now,
    read_results,
    require_writable,
    result_text,
    variant_name,
    write_whole,
)
from evaluation.pipeline.spec import parse_overrides, parse_value, value_text

VALUES = st.recursive(
    st.text(max_size=8)
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.parametrize("fault", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    path = tmp_path / "en" / "page.html"
    write_whole(path, "old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(site.os, fault, full)
    with pytest.raises(OutputError, match="No space left"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(path.parent) == ["page.html"]


def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    write_whole(tmp_path / "page.html", "淄博\n")
    (tmp_path / "other").write_text("")
    assert (tmp_path / "page.html").read_bytes() == "淄博\n".encode()
    assert (tmp_path / "page.html").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_folder_under_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="reports folder cannot be written") as caught:
        require_writable(tmp_path / "file" / "reports")
    assert caught.value.exit_status == 2


def test_a_read_only_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, mode: str) -> Any:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(OutputError, match="Read-only file system"):
        require_writable(tmp_path / "reports")


def test_trying_a_folder_leaves_nothing_in_it(tmp_path: Path) -> None:
    require_writable(tmp_path / "reports")
    assert list((tmp_path / "reports").iterdir()) == []


def test_names_of_variants_are_readable_where_they_can_be() -> None:
    assert variant_name("pollution", {"treatment.date": "2016-03"}) == "pollution--treatment.date=2016-03"
    assert variant_name("a", {"y": 2, "x": True}) == "a--x=true--y=2"


@given(
    st.lists(
        st.dictionaries(st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3})?", fullmatch=True), VALUES, max_size=3),
        min_size=2,
        max_size=2,
    )
)
def test_different_overrides_never_share_a_folder(pair: list[dict[str, Any]]) -> None:
    first, second = (variant_name("study", overrides) for overrides in pair)
    same = json.dumps(pair[0], sort_keys=True) == json.dumps(pair[1], sort_keys=True)
    assert (first == second) == same
    for name in (first, second):
        assert len(name) <= 100
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=-")
        assert name.startswith("study")


@given(VALUES)
def test_a_value_survives_the_command_that_states_it(value: Any) -> None:
    text = value_text(value)
    if text == text.strip():
        again = parse_overrides([f"key={text}"])["key"]
        assert json.dumps(again) == json.dumps(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2016-03", "2016-03"),
        ("2016-03-01", "2016-03-01"),
        ("2016", 2016),
        ("0.05", 0.05),
        ("true", True),
        ("['a', 'b']", ["a", "b"]),
        ('"2016"', "2016"),
        ("plain text", "plain text"),
        ("1\nother = 2", "1\nother = 2"),
        ("", ""),
        ("{ a = 2016-03-01 }", {"a": "2016-03-01"}),
    ],
)
def test_values_are_toml_or_text(text: str, value: Any) -> None:
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)


def test_all_malformed_settings_are_named_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        parse_overrides(["noequals", "=x", "a=1", "a=2"])
    assert "'noequals'" in str(caught.value)
    assert "'=x'" in str(caught.value)
    assert "a is set twice" in str(caught.value)


def test_a_number_that_does_not_exist_is_null() -> None:
    text = result_text(
        {"claims": [], "estimates": [{"p_value": float("nan"), "ci_low": float("-inf")}], "study": "甲"}
    )
    assert json.loads(text) == {"study": "甲", "claims": [], "estimates": [{"p_value": None, "ci_low": None}]}
    assert text.index('"study"') < text.index('"claims"')
    assert "甲" in text


def git(root: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *identity, *words], check=True, capture_output=True)


def test_the_commit_says_when_files_were_changed(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "a.toml").write_text("a")
    assert commit_of(tmp_path) == "unknown"
    git(tmp_path, "init")
    assert commit_of(tmp_path) == "unknown"
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    commit = commit_of(tmp_path)
    assert len(commit) == 40
    (tmp_path / "untracked").write_text("")
    assert commit_of(tmp_path) == commit
    (tmp_path / "studies" / "a.toml").write_text("b")
    assert commit_of(tmp_path) == f"{commit}-dirty"


def test_no_git_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(tmp_path) == "unknown"


def test_the_clock_can_be_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500940800")
    assert generated_now() == "2017-07-25T00:00:00Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(StudyError, match="SOURCE_DATE_EPOCH"):
        generated_now()


def test_places_of_a_study_and_of_a_variant(tmp_path: Path) -> None:
    plain = Place.of(tmp_path, "a", {})
    assert plain.page("en") == tmp_path / "en" / "a.html"
    assert plain.result == tmp_path / "results" / "a.json"
    assert plain.alternate("zh") == "../zh/a.html"
    variant = Place.of(tmp_path, "a", {"x.y": 1})
    assert variant.page("zh") == tmp_path / "variants" / "a--x.y=1" / "zh.html"
    assert variant.result == tmp_path / "variants" / "a--x.y=1" / "result.json"
    for place in (plain, variant):
        folder = place.page("en").parent
        assert (folder / place.index).resolve() == tmp_path / "index.html"
        assert (folder / place.alternate("zh")).resolve() == place.page("zh")


def test_results_on_disk_are_read_with_their_places(tmp_path: Path) -> None:
    places = [Place.of(tmp_path, "b", {}), Place.of(tmp_path, "a", {}), Place.of(tmp_path, "a", {"x": 1})]
    for place in places:
        write_whole(place.result, result_text({"study": place.study}))
    assert [place for place, _ in read_results(tmp_path)] == [places[1], places[0], places[2]]
    (tmp_path / "results" / "c.json").write_text("{}")
    assert (Place(tmp_path, "c"), None) in read_results(tmp_path)
