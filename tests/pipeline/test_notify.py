"""People are told of failures and changed verdicts, once each; no address is ever printed or written."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import ReportError, StudyError
from evaluation.pipeline.publishing.notify import KINDS, VARIABLE, notices, notify, read_told
from evaluation.pipeline.records import history
from evaluation.pipeline.site import Place, write_together

apprise = pytest.importorskip("apprise", reason="apprise is not installed (the extra 'notify')")
SECRET = "tok3n-that-nobody-may-see"


@dataclass
class Box:
    """A mail box of the test's own: what was posted to it, and how it answers."""

    address: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)
    answer: int = 200


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    """A server on this machine that takes apprise's ``json://`` messages."""
    made = Box()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if made.answer == 200:
                made.taken.append(json.loads(body))
            self.send_response(made.answer)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.address = f"json://user:{SECRET}@127.0.0.1:{server.server_address[1]}/{SECRET}"
    monkeypatch.setenv(VARIABLE, made.address)
    yield made
    server.shutdown()
    server.server_close()


def result(day: int, verdict: str = "close", value: float = 67.0) -> dict[str, Any]:
    claim = {"id": "days", "reproduced": {"value": value, "verdict": verdict}, "attributable": {}}
    return {
        "study": "tiny",
        "title": {"en": "A tiny study", "zh": "一项小研究"},
        "answer": {"en": f"It fell by {value}.", "zh": f"下降了{value}。"},
        "generated": f"2017-07-{day:02d}T00:00:00Z",
        "claims": [claim],
    }


def fail(reports: Path, study: str) -> Path:
    path = reports / "failures" / f"{study}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


def test_a_changed_verdict_is_told_once_in_both_languages(box: Box, tmp_path: Path) -> None:
    place = Place(tmp_path, "tiny")
    write_together(history.record(place, result(1)))
    assert notify(tmp_path) == []  # a first result is no change
    write_together(history.record(place, result(2, "reproduced", 63.0)))
    (told,) = notify(tmp_path, url="https://example.org/r/")
    assert told.kind == "verdict"
    assert notify(tmp_path) == []
    [message] = box.taken
    assert message["title"] == "Evaluation reports: 1 to look at · 评估报告：1项待查看"
    assert message["type"] == "info"
    for part in (
        "A verdict changed: A tiny study",
        "close → reproduced",
        "It fell by 63.0.",
        "https://example.org/r/en/tiny.html",
        "结论有变：一项小研究",
        "大致相符 → 数字相符",
        "https://example.org/r/zh/tiny.html",
    ):
        assert part in message["message"]
    write_together(history.record(place, result(3, "reproduced", 64.0)))  # other numbers, same verdict
    assert notify(tmp_path) == []
    write_together(history.record(place, result(4, "close", 64.0)))
    write_together(history.record(place, result(5, "not_reproduced", 64.0)))
    assert len(notify(tmp_path)) == 2  # both changes since the last time


def test_a_failure_and_its_end_are_told_once_each(box: Box, tmp_path: Path) -> None:
    page = fail(tmp_path, "tiny")
    assert [one.kind for one in notify(tmp_path)] == ["failed"]
    assert box.taken[0]["type"] == "failure"
    assert "tiny: the report could not be made" in box.taken[0]["message"]
    assert "tiny：报告未能生成" in box.taken[0]["message"]
    assert notify(tmp_path) == []
    fail(tmp_path, "other")
    assert [one.study for one in notify(tmp_path)] == ["other"]
    page.unlink()
    assert [(one.study, one.kind) for one in notify(tmp_path)] == [("tiny", "recovered")]
    assert len(box.taken) == 3


def test_a_run_that_fails_is_told(
    project: Any, box: Box, evaluation: Callable[..., Any], result_cell: str
) -> None:
    project.notebook("raise ValueError('seven')")
    assert evaluation("run", "tiny", "--jobs", "1", "--language", "en").status == 1
    answer = evaluation("notify", "--dry-run")
    assert "tiny: the report could not be made" in answer.out
    assert box.taken == []
    answer = evaluation("notify", "--language", "zh")
    assert (answer.status, answer.err) == (0, "")
    assert "told 1 address" in answer.out
    assert "tiny：报告未能生成" in box.taken[0]["message"]
    assert "could not be made" not in box.taken[0]["message"]
    assert "nothing to tell" in evaluation("notify").out


BAD = (
    "json://user:{secret}@127.0.0.1:9/{secret}",  # nobody listens there
    "nosuchkind://{secret}",
    "{secret}",
    "mailto://{secret}:{secret}@127.0.0.1:9",
    "slack://{secret}",
)


def test_no_secret_of_a_failing_address_is_printed_logged_or_written(
    project: Any,
    box: Box,
    evaluation: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail(project.reports, "tiny")
    box.answer = 500
    addresses = [box.address, *(one.format(secret=SECRET) for one in BAD)]
    monkeypatch.setenv(VARIABLE, "\n".join(addresses))
    caplog.set_level(logging.DEBUG)
    logging.basicConfig(level=logging.DEBUG)
    for words in (("notify",), ("notify", "--url", "https://example.org")):
        answer = evaluation(*words)
        assert answer.status == 1
        assert "6 of 6 addresses did not take the message" in answer.err
        assert "address 1 (JSON), address 2 (JSON), address 3, address 4, address 5 (mail)" in answer.err
        assert SECRET not in answer.out + answer.err
    assert SECRET not in caplog.text
    for path in project.root.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert read_told(project.reports).failing == ()  # nobody was told, so it is told the next time
    box.answer = 200
    answer = evaluation("notify")
    assert answer.status == 1
    assert "5 of 6 addresses" in answer.err
    assert len(box.taken) == 1
    assert read_told(project.reports).failing == ("tiny",)


def test_even_the_traceback_of_a_failing_address_holds_no_secret(box: Box, tmp_path: Path) -> None:
    import traceback

    fail(tmp_path, "tiny")
    box.answer = 500
    with pytest.raises(ReportError) as caught:
        notify(tmp_path)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert logging.root.manager.disable == logging.NOTSET
    assert not logging.getLogger("apprise").disabled


def test_without_an_address_the_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert notify(tmp_path) == []
    fail(tmp_path, "tiny")
    with pytest.raises(StudyError, match="no address to send them to") as caught:
        notify(tmp_path)
    assert VARIABLE in str(caught.value)


def test_a_damaged_memory_is_said(tmp_path: Path) -> None:
    (tmp_path / "history").mkdir()
    (tmp_path / "history" / "notified.json").write_text("{}")
    with pytest.raises(ReportError, match="told before cannot be read"):
        notices(tmp_path, read_told(tmp_path))


@pytest.mark.parametrize(
    "address",
    [
        "mailto://user:password@example.org",
        "wecombot://botkey-0123456789",
        "dingtalk://token0123456789/13800000000",
        "feishu://token0123456789",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#reports",
    ],
)
def test_apprise_knows_every_kind_that_the_readme_names(address: str, root: Path) -> None:
    with_scheme = address.partition("://")[0]
    assert apprise.Apprise.instantiate(address) is not None
    assert with_scheme in KINDS
    assert KINDS[with_scheme] in (root / "README.md").read_text(encoding="utf-8")
