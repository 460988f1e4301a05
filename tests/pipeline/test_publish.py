"""A site is put in its place whole or not at all, with valid feeds of changed findings."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from evaluation.errors import OutputError, ReportError
from evaluation.pipeline.publishing import publish as publishing
from evaluation.pipeline.publishing.feed import feeds
from evaluation.pipeline.publishing.news import news
from evaluation.pipeline.publishing.publish import publish, site_files
from evaluation.pipeline.records import history
from evaluation.pipeline.site import Place, write_together
from evaluation.report.index import render_index

ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = "<script>alert(1)</script> ]]> & \x00"


def result(day: int, *, study: str = "tiny", verdict: str = "close", value: float = 67.0, **more: Any) -> Any:
    """A result of one day of July 2017."""
    attributable = {"estimate": value, "ci_low": -9.0, "ci_high": 99.0, "p_value": 0.5}
    attributable |= {"verdict": "not_distinguishable", "reason": ""}
    claim = {"id": "days", "claimed": 63, "reproduced": {"value": value, "verdict": verdict}}
    return {
        "study": study,
        "title": {"en": f"A study {HOSTILE}", "zh": "一项研究"},
        "question": {"en": "Did it fall?", "zh": "下降了吗？"},
        "answer": {"en": f"It fell by {value}.", "zh": f"下降了{value}。"},
        "generated": f"2017-07-{day:02d}T00:00:00Z",
        "commit": "a" * 40,
        "versions": {"numpy": "2.4.0"},
        "data": [{"name": "levels", "sha256": "1" * 64, "simulated": False}],
        "claims": [{**claim, "attributable": attributable}],
        **more,
    }


def site(reports: Path, *results: Any) -> Path:
    """A reports folder as runs leave it, with a history of these results."""
    entries = []
    for one in results:
        place = Place(reports, one["study"])
        write_together(history.record(place, one))
        for language in ("en", "zh"):
            place.page(language).parent.mkdir(parents=True, exist_ok=True)
            page = f'<a href="../index.html">x</a><p>{one["generated"]}</p>'
            place.page(language).write_text(page, encoding="utf-8")
        place.result.parent.mkdir(exist_ok=True)
        place.result.write_text(json.dumps(one))
        pages = {language: f"{language}/{one['study']}.html" for language in ("en", "zh")}
        entries.append({"result": one, "pages": pages, "failure": None, "variant": None})
    latest = {entry["result"]["study"]: entry for entry in entries}
    (reports / "index.html").write_text(render_index(latest.values()), encoding="utf-8")
    (reports / "en" / ".tiny.html.99.part").write_text("half")
    return reports


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# the site -----------------------------------------------------------------------------------------


def test_a_complete_site_is_put_in_place(
    tmp_path: Path, evaluation: Callable[..., Any], project: Any
) -> None:
    site(project.reports, result(25))
    target = tmp_path / "www" / "reports"
    answer = evaluation("publish", str(target), "--url", "https://example.org/r")
    assert answer.status == 0, answer.err
    assert answer.out.startswith("published 8 files")
    kept = {name for name in files(target) if name.startswith("history/")}
    pages = {"index.html", "en/tiny.html", "zh/tiny.html"}
    assert files(target) - kept == {*pages, "results/tiny.json", "feed.en.xml", "feed.zh.xml"}
    assert len(kept) == 2
    index = (target / "index.html").read_text(encoding="utf-8")
    assert 'type="application/atom+xml" hreflang="zh-CN" title="结论变动" href="feed.zh.xml"' in index
    assert evaluation("publish", str(target), "--url", "https://example.org/r").out.startswith(
        "nothing changed"
    )
    assert not list(target.parent.glob(".*.link"))


def test_a_reader_never_sees_parts_of_two_sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports, target = tmp_path / "reports", tmp_path / "www"
    site(reports, result(1))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500000000")
    publish(reports, str(target))
    seen: list[tuple[str, str]] = []
    faults: list[Exception] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                folder = os.open(target, os.O_RDONLY)  # as a server that answers one request
                try:
                    parts = []
                    for name in ("en/tiny.html", "zh/tiny.html"):
                        with open(os.open(name, os.O_RDONLY, dir_fd=folder)) as file:
                            parts.append(file.read())
                    seen.append((parts[0], parts[1]))
                finally:
                    os.close(folder)
            except OSError as error:
                faults.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for day in range(2, 12):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(1_500_000_000 + day))
        site(reports, result(day, value=float(day)))
        assert publish(reports, str(target), keep=3).changed
    stop.set()
    reader.join()
    assert faults == []
    assert all(one == other for one, other in seen)
    assert len(seen) > 10
    releases = sorted(path.name for path in (tmp_path / ".www.releases").iterdir())
    assert len(releases) == 3
    assert os.path.basename(os.readlink(target)) == releases[-1]


@pytest.mark.parametrize("fault", ["fsync", "symlink", "replace"])
def test_a_fault_leaves_the_old_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    reports, target = tmp_path / "reports", tmp_path / "www"
    site(reports, result(1))
    publish(reports, str(target))
    before = (target / "en" / "tiny.html").read_text()
    site(reports, result(2, value=1.0))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(publishing.os, fault, full)
        with pytest.raises(OutputError, match="what stood there stands"):
            publish(reports, str(target))
    assert (target / "en" / "tiny.html").read_text() == before
    assert not list((tmp_path / ".www.releases").glob(".*"))
    assert publish(reports, str(target)).changed
    assert (target / "en" / "tiny.html").read_text() != before


def test_nothing_of_somebody_else_is_replaced(tmp_path: Path) -> None:
    reports = site(tmp_path / "reports", result(1))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "letter.txt").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").write_text("mine")
    for name in ("own", "link", "file"):
        with pytest.raises(OutputError, match="holds something else"):
            publish(reports, str(tmp_path / name))
    assert (tmp_path / "own" / "letter.txt").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    assert publish(reports, str(tmp_path / "empty")).changed
    assert (tmp_path / "empty" / "index.html").is_file()


def test_a_site_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no site to publish"):
        site_files(tmp_path)
    reports = site(tmp_path / "reports", result(1))
    (reports / "zh" / "tiny.html").unlink()
    with pytest.raises(ReportError, match=r"index.html links to zh/tiny.html"):
        publish(reports, str(tmp_path / "www"))
    assert not (tmp_path / "www").exists()
    (reports / "results" / "gone.json").write_text('{"study": "gone"}')
    with pytest.raises(ReportError, match=r"results/gone.json has no page"):
        site_files(reports)


def test_an_address_takes_the_index_last_and_loses_what_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed (the extra 'publish')")
    from fsspec.implementations.memory import MemoryFileSystem

    reports = site(tmp_path / "reports", result(1), result(1, study="other"))
    put: list[str] = []
    plain = MemoryFileSystem.pipe_file

    def noted(self: Any, path: str, value: bytes, **options: Any) -> Any:
        put.append(path.partition("site/")[2])
        return plain(self, path, value, **options)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", noted)
    system = fsspec.filesystem("memory")
    system.pipe_file("/bucket/site/strangers.txt", b"not ours")
    put.clear()
    done = publish(reports, "memory://bucket/site", "https://example.org")
    assert (done.changed, done.target) == (True, "memory://…")
    assert put[-1] == "index.html"
    assert all(name.startswith("feed.") for name in put[-3:-1])
    expected = site_files(reports, "https://example.org")
    stored = {path.partition("/site/")[2]: system.cat_file(path) for path in system.find("/bucket/site")}
    assert stored.pop("strangers.txt") == b"not ours"
    assert stored == expected
    put.clear()
    assert not publish(reports, "memory://bucket/site", "https://example.org").changed
    assert put == []
    for path in [*reports.rglob("other.*")]:
        path.unlink()
    site(reports, result(2, value=3.0))
    publish(reports, "memory://bucket/site", "https://example.org")
    assert not system.exists("/bucket/site/en/other.html")
    assert system.exists("/bucket/site/strangers.txt")


def test_a_failing_address_is_not_printed(tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="fsspec is not installed (the extra 'publish')")
    reports = site(tmp_path / "reports", result(1))
    for address in ("nosuch://key:s3cret@host/x", f"file://{tmp_path}/reports/index.html/s3cret"):
        with pytest.raises(OutputError) as caught:
            publish(reports, address)
        assert "s3cret" not in str(caught.value)
        assert caught.value.__suppress_context__


# the feeds ----------------------------------------------------------------------------------------


def entries(text: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(text).findall(f"{ATOM}entry")


def text(element: ElementTree.Element, tag: str) -> str:
    found = element.find(f"{ATOM}{tag}")
    assert found is not None, tag
    return found.text or ""


def valid(feed: str, language: str) -> None:
    """What RFC 4287 asks of a feed and its entries (sections 4.1.1 and 4.1.2)."""
    root = ElementTree.fromstring(feed)
    assert root.tag == f"{ATOM}feed"
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == {"en": "en", "zh": "zh-CN"}[language]
    ids = []
    for element in (root, *root.findall(f"{ATOM}entry")):
        for tag in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{tag}")) == 1
        assert re.match(r"(urn:uuid:[0-9a-f-]{36}|https://\S+)\Z", text(element, "id"))
        ids.append(text(element, "id"))
        datetime.strptime(text(element, "updated"), "%Y-%m-%dT%H:%M:%SZ")
        alternates = [link.get("hreflang") for link in element.findall(f"{ATOM}link[@rel='alternate']")]
        assert len(alternates) == len(set(alternates)) == 1
    assert len(set(ids)) == len(ids)
    assert len(root.findall(f"{ATOM}author/{ATOM}name")) == 1
    updated = [text(entry, "updated") for entry in root.findall(f"{ATOM}entry")]
    assert updated == sorted(updated, reverse=True)
    if updated:
        assert text(root, "updated") == updated[0]
    for entry in root.findall(f"{ATOM}entry"):
        content = entry.find(f"{ATOM}content")
        assert content is not None
        assert content.get("type") == "html"
        assert "<script" not in (content.text or "")
        assert set(re.findall(r"<(/?\w+)", content.text or "")) <= {"p", "/p"}


@pytest.mark.parametrize("url", ["", "https://example.org/reports"])
def test_feeds_are_valid_and_tell_of_changed_findings_only(tmp_path: Path, url: str) -> None:
    reports = tmp_path / "reports"
    assert entries(feeds(reports, url)["feed.en.xml"]) == []
    other_versions = {"versions": {"numpy": "2.5.0"}}
    site(
        reports,
        result(1),
        result(2, **other_versions),  # nothing that a reader would call a finding
        result(3, **other_versions, value=70.0),
        result(4, **other_versions, value=70.0, verdict="reproduced"),
        result(5, **other_versions, value=70.0, verdict="reproduced", commit="b" * 40),
    )
    made = feeds(reports, url)
    for language in ("en", "zh"):
        feed = made[f"feed.{language}.xml"]
        valid(feed, language)
        categories = [entry.find(f"{ATOM}category") for entry in entries(feed)]
        assert [one.get("term") for one in categories if one is not None] == ["verdict", "numbers", "first"]
    english, chinese = (entries(made[f"feed.{language}.xml"])[0] for language in ("en", "zh"))
    assert text(english, "title") == "A verdict changed: A study <script>alert(1)</script> ]]> & \ufffd"
    assert "close → reproduced" in text(english, "content")
    assert "It fell by 70.0." in text(english, "content")
    assert text(chinese, "title") == "结论有变：一项研究"
    assert "大致相符 → 数字相符" in text(chinese, "content")
    link = english.find(f"{ATOM}link")
    assert link is not None
    assert link.get("href") == (f"{url}/en/tiny.html" if url else "en/tiny.html")


def test_ids_stay_whatever_comes_after_and_wherever_the_site_stands(tmp_path: Path) -> None:
    def ids(url: str) -> list[str]:
        return [text(entry, "id") for entry in entries(feeds(reports, url)["feed.zh.xml"])]

    reports = site(tmp_path / "reports", result(1), result(2, value=2.0))
    before = ids("")
    assert before == ids("https://example.org/elsewhere")
    site(reports, result(3), result(4, study="second"))
    after = ids("")
    assert after[-2:] == before  # the first result came back on day 3: another event, another id
    assert len(set(after)) == 4


def test_a_simulated_study_says_so_in_the_feed(tmp_path: Path) -> None:
    data = [{"name": "made", "sha256": "1" * 64, "simulated": True}]
    reports = site(tmp_path / "reports", result(1, data=data))
    assert text(entries(feeds(reports)["feed.en.xml"])[0], "title").startswith(
        "SIMULATED New report: A study"
    )
    assert news(reports)[0].title("zh").startswith("模拟数据 ")


def test_variants_are_no_news(tmp_path: Path) -> None:
    reports = site(tmp_path / "reports", result(1))
    write_together(history.record(Place(reports, "tiny", "tiny--seed=2"), result(9)))
    assert len(news(reports)) == 1
