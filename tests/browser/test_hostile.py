"""A table, a study file and a notebook that mean harm leave pages inert: real browser, network log.

Everything hostile points at a server of the test's own, so that "nothing was asked for" is read off the
server's log and not only off the browser's. Each page is opened twice: as it is, and with its own policy
lifted, because the policy is a second lock and not the first.
"""

from __future__ import annotations

import base64
import csv
import importlib.util
import io
import json
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import pytest

from evaluation.errors import ReportError
from evaluation.pipeline.run import run
from evaluation.report.page import render_failure, render_index, render_page
from evaluation.report.site import data_uri

pytestmark = pytest.mark.browser
PIPELINE = Path(__file__).parent.parent / "pipeline" / "conftest.py"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPhfDwAChAGAZvMeNwAAAABJRU5ErkJggg=="


@dataclass
class Listener:
    """Where hostile content points, and what it was asked for."""

    address: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    """A server on this machine that logs every request."""
    log = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            log.asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"window.ran = 1")

        do_POST = do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    log.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield log
    server.shutdown()
    server.server_close()


def hostile_names(at: str) -> list[str]:
    """Names of places that mean harm."""
    return [
        f"<script>window.ran=1;fetch('{at}/script')</script>",
        f'"><img src="{at}/img" onerror="window.ran=1">',
        f"<svg onload=\"window.ran=1;fetch('{at}/svg')\"></svg>",
        f"<iframe src='{at}/frame'></iframe>",
        "=cmd|'/C calc'!A0",
        "＝HYPERLINK(1)",
        f'@SUM(1)*WEBSERVICE("{at}/web")',
        "+1+cmd|' /C notepad'!A0",
        "-2+3",
        f"[click](javascript:window.ran=1) ![x]({at}/md)",
        "../../../etc/passwd",
        "\u202egnp.exe",
        "{{ 7 * 7 }}{% raw %}$\\frac{x}$",
    ]


def visit(browser: Any, page: Path, *, trusted: bool) -> dict[str, Any]:
    """Open a page, unfold everything, press everything, and report what happened."""
    context = browser.new_context(bypass_csp=trusted, accept_downloads=False)
    tab = context.new_page()
    asked: list[str] = []
    dialogs: list[str] = []
    tab.on("request", lambda r: asked.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    tab.on("dialog", lambda d: (dialogs.append(d.message), d.dismiss()))
    try:
        tab.goto(page.as_uri(), wait_until="load")
        tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        tab.mouse.wheel(0, 30_000)
        tab.evaluate(PRESS)
        tab.wait_for_timeout(150)
        state = tab.evaluate(STATE)
    finally:
        context.close()
    return {**state, "asked": asked, "dialogs": dialogs}


# every element hears what hostile handlers wait for; links are looked at, not followed
PRESS = """() => { document.addEventListener('click', e => e.preventDefault(), true);
  for (const e of document.querySelectorAll('*'))
    for (const kind of ['click', 'mouseover', 'focus', 'load', 'error', 'toggle', 'animationstart'])
      e.dispatchEvent(new Event(kind)); }"""
STATE = """() => ({
  ran: window.ran !== undefined,
  scripts: document.scripts.length,
  frames: window.frames.length,
  handlers: [...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())
    .filter(n => n.startsWith('on')),
  foreign: document.querySelectorAll(
    'iframe, object, embed, form, base, audio, video, svg image, svg script').length,
  links: [...new Set([...document.querySelectorAll('a[href]')].map(a => a.protocol))],
})"""


def inert(seen: dict[str, Any]) -> bool:
    """Nothing ran, nothing was asked for, nothing waits to be pressed."""
    allowed = {"file:", "data:", "http:", "https:", "mailto:"}
    return (
        not seen["ran"]
        and seen["scripts"] == seen["frames"] == seen["foreign"] == 0
        and seen["handlers"] == seen["asked"] == seen["dialogs"] == []
        and set(seen["links"]) <= allowed
    )


def test_the_watch_sees_a_page_that_is_not_inert(browser: Any, listener: Listener, tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(f'<img src="{listener.address}/control" onerror="x"><script>window.ran = 1</script>')
    seen = visit(browser, page, trusted=True)
    assert seen["ran"]
    assert not inert(seen)
    assert listener.asked == ["/control"]
    listener.asked.clear()


@pytest.fixture(scope="module")
def hostile_project(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Any:
    """The pipeline's tiny project with hostile places, words and settings; run as it is."""
    spec = importlib.util.spec_from_file_location("pipeline_conftest", PIPELINE)
    assert spec is not None
    assert spec.loader is not None
    conftest = importlib.util.module_from_spec(spec)
    sys.modules["pipeline_conftest"] = conftest
    spec.loader.exec_module(conftest)
    project = conftest.Project(tmp_path_factory.mktemp("hostile") / "project")
    for folder in ("studies", "notebooks", "data"):
        (project.root / folder).mkdir(parents=True)
    names = hostile_names(listener.address)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for i, place in enumerate(names):
        writer.writerows([place, month, 10 + i + j % 12] for j, month in enumerate(conftest.MONTHS))
    project.table(text.getvalue().splitlines())

    def quoted(word: str) -> str:
        return json.dumps(word)

    words = " ".join(names)
    project.study(
        **{
            'unit = "Alder"': f"unit = {quoted(names[0])}",
            'en = "A tiny study"': f"en = {quoted(words)}",
            'zh = "一项小研究"': f"zh = {quoted(words)}",
            'en = "Did the level fall?"': f"en = {quoted(words)}",
        }
    )
    project.notebook(SHOW, conftest.RESULT)
    project.study("failing", notebook="failing", **{'unit = "Alder"': f"unit = {quoted(names[0])}"})
    project.notebook(f"raise ValueError({words!r})", name="failing")
    (project.root / "studies" / "a&b <img src=x>.toml").write_text("x = 1")
    return project


SHOW = """
import csv
import pandas as pd
from pathlib import Path
from IPython.display import display
from evaluation.report import figures
from evaluation.report.display import Answer, Prose, Record, Table
from evaluation.report.languages import spoken

rows = list(csv.DictReader(Path("data/levels.csv").open(encoding="utf-8")))
names = sorted({row["place"] for row in rows})
frame = pd.DataFrame({name: [name, name] for name in names})
@spoken()
def shown(text):
    table = Table(frame, caption=names[0], name="../../" + names[1], notes=names, language=text.language)
    return [table, Answer(" ".join(names), [(names[0], "close")], detail=names[1], language=text.language)]
display(*shown())
display(Table(pd.DataFrame({"place": names, "level": range(len(names))}), caption="places", name="places"))
display(Record({name: name for name in names}, title=names[0]))
display(Prose(" ".join(name for name in names if "![" not in name)))
print(*names)
"""


def test_a_hostile_table_leaves_every_page_inert(
    browser: Any, listener: Listener, hostile_project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(hostile_project.root)
    studies = ("tiny", "failing", "a&b <img src=x>")
    done = run(studies, root=hostile_project.root, reports=hostile_project.reports, jobs=1)
    assert [one.exit_status for one in done] == [0, 1, 2], [one.failure for one in done]
    value = hostile_names(listener.address)[0]
    (varied,) = run(
        ("tiny",),
        root=hostile_project.root,
        reports=hostile_project.reports,
        jobs=1,
        overrides={"title.en": value},
    )
    assert varied.exit_status == 0
    pages = sorted(hostile_project.reports.rglob("*.html"))
    assert len(pages) == 7  # index, two languages, two of the variant, two failures
    assert all(page.resolve().is_relative_to(hostile_project.reports.resolve()) for page in pages)
    for page in pages:
        for trusted in (False, True):
            seen = visit(browser, page, trusted=trusted)
            assert inert(seen), (page.name, seen)
    assert listener.asked == []
    page = (hostile_project.reports / "en" / "tiny.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;window.ran=1" in page  # it is there to be read
    assert "\u202e" not in page
    check_csv(page)


def check_csv(page: str) -> None:
    """No cell behind a link is one that a spreadsheet would run; file names are plain."""
    links = re.findall(r'download="([^"]*)" href="data:text/csv;charset=utf-8;base64,([^"]+)"', page)
    assert len(links) == 2
    for name, content in links:
        assert re.fullmatch(r"[\w-]+\.csv", name), name
        for row in csv.reader(io.StringIO(base64.b64decode(content).decode("utf-8-sig"))):
            for cell in row:
                number = re.fullmatch(r"[+-]?[\d.,]+", cell)
                assert number or cell[:1] not in tuple("=+-@＝＋－＠\t\r\n"), cell


def outputs(at: str) -> dict[str, dict[str, Any]]:
    """What a notebook may display to do harm, by name."""
    plain = {"text/plain": "shown instead"}
    html = {
        "remote picture": f'<img src="{at}/a.png">',
        "picture set": f'<img srcset="{at}/b.png 2x" src="data:,">',
        "frame": f'<iframe src="{at}/c" srcdoc="<script>parent.ran=1</script>"></iframe>',
        "handler": '<p onclick="window.ran=1" onmouseover="window.ran=1">x</p>',
        "script link": '<a href="javascript:window.ran=1">x</a>',
        "data link": '<a href="data:text/html,<script>parent.ran=1</script>">x</a>',
        "object": f'<object data="{at}/d"></object><embed src="{at}/e">',
        "form": f'<form action="{at}/f"><input autofocus onfocus="window.ran=1"></form>',
        "refresh": f'<meta http-equiv="refresh" content="0;url={at}/g">',
        "base": f'<base href="{at}/">',
        "style": f"<style>@import url({at}/h.css); body {{ background: url({at}/i.png) }}</style>",
        "style attribute": f'<p style="background:url({at}/j.png)">x</p>',
        "svg in html": f'<svg onload="window.ran=1"><image href="{at}/k"/><use href="{at}/l#x"/></svg>',
        "link": f'<link rel="stylesheet" href="{at}/m.css"><link rel="prefetch" href="{at}/n">',
        "media": f'<video src="{at}/o" autoplay></video><audio src="{at}/p"></audio>',
        "math": f'<math><mtext><img src="{at}/q"></mtext></math>',
        "template": f"<template><img src='{at}/r'></template><noscript><img src='{at}/s'></noscript>",
    }
    found = {f"html: {name}": {"text/html": markup, **plain} for name, markup in html.items()}
    found |= {f"html alone: {name}": {"text/html": markup} for name, markup in html.items()}
    markdown = {
        **html,
        "picture": f"![x]({at}/t.png)",
        "reference": f"![x][y]\n\n[y]: {at}/u.png",
        "link to script": "[x](javascript:window.ran=1) [y](JaVaScRiPt&#58;x) [z](java\tscript:x)",
        "link to data": "[x](data:text/html;base64,PHNjcmlwdD5wYXJlbnQucmFuPTE8L3NjcmlwdD4=)",
        "automatic": "<javascript:window.ran=1> <vbscript:x>",
        "title": '[x](http://example.org "onmouseover=window.ran=1 x=")',
    }
    found |= {f"markdown: {name}": {"text/markdown": text, **plain} for name, text in markdown.items()}
    latex = [
        r"\href{javascript:window.ran=1}{x}",
        rf"\text{{<img src={at}/v onerror=window.ran=1>}}",
        rf"\includegraphics{{{at}/w.png}}",
        r"x < y \text{</math><script>window.ran=1</script>}",
        rf'\text{{<meta/http-equiv="refresh"/content="0;url={at}/refresh"/http-equiv="x">}}',
    ]
    found |= {f"latex {i}": {"text/latex": f"${text}$", **plain} for i, text in enumerate(latex)}
    svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="window.ran=1"><script>window.ran=1</script>'
    svg += f'<image href="{at}/x.png"/><foreignObject><img src="{at}/y"/></foreignObject></svg>'
    found["svg"] = {"image/svg+xml": svg, **plain}
    found["picture that is none"] = {"image/png": f'"><img src={at}/z>'}
    found["javascript"] = {"application/javascript": "window.ran = 1", **plain}
    return found


def test_no_output_of_a_notebook_does_harm(browser: Any, listener: Listener, tmp_path: Path) -> None:
    """Each is refused by name or shown as text; what is shown is opened, with the policy and without."""
    cells, refused = [], {}
    for name, data in outputs(listener.address).items():
        metadata = {"image/png": {"alt": f'"><img src={listener.address}/alt onerror=window.ran=1>'}}
        output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
        cell = nbformat.v4.new_code_cell(f"# {name}", outputs=[output])
        try:
            render_page(nbformat.v4.new_notebook(cells=[cell]), **GIVEN)
        except ReportError as error:
            refused[name] = str(error)
        else:
            cells.append(cell)
    assert {"svg", "javascript", "markdown: picture", "html alone: form", "latex 0", "latex 2"} <= set(
        refused
    )
    with_script = {"html: frame", "html: data link"}
    assert {name for name in refused if name.startswith("html: ")} == with_script, refused
    page = tmp_path / "outputs.html"
    page.write_text(render_page(nbformat.v4.new_notebook(cells=cells), **GIVEN), encoding="utf-8")
    assert len(cells) > 30
    for trusted in (False, True):
        seen = visit(browser, page, trusted=trusted)
        assert inert(seen), seen
    assert listener.asked == []


GIVEN = {
    "language": "en",
    "study_id": "x",
    "title": "x",
    "alternate_href": "../zh/x.html",
    "provenance": {},
}


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "code", "sources": ["<img src=AT/1 onerror=window.ran=1>"]},
        {"name": '"><script>window.ran=1</script>', "id": '"><script>window.ran=1</script>'},
        {"name": "../../x", "csv": "=1\r\n", "light": '" onerror="window.ran=1'},
    ],
)
def test_a_notebook_cannot_forge_what_the_package_displays(
    browser: Any, listener: Listener, tmp_path: Path, content: dict[str, Any]
) -> None:
    """The structured twins of figures, tables, answers and records, made by hand with keys of their own."""
    hostile = json.loads(json.dumps(content).replace("AT", listener.address))
    table: dict[str, Any] = {"caption": "c", "name": "n", "notes": [], "csv": "a\r\n", "rows": []}
    table["columns"] = [{"label": "<b>", "align": '"><script>window.ran=1</script>'}]
    figure = {"light": PIXEL, "alt": "a", "title": "t", "name": "n", "width": 2, "height": 2, "csv": None}
    answer = {"sentence": "s", "verdicts": [], "detail": ""}
    record = {"title": "", "items": [["a", "b"]]}
    cells = []
    for media, made in (("figure", figure), ("table", table), ("answer", answer), ("record", record)):
        data = {f"application/vnd.evaluation.{media}+json": {**made, **hostile}}
        output = nbformat.v4.new_output("display_data", data=data)
        cells.append(nbformat.v4.new_code_cell("x", outputs=[output]))
    page = tmp_path / "forged.html"
    page.write_text(render_page(nbformat.v4.new_notebook(cells=cells), **GIVEN), encoding="utf-8")
    assert inert(visit(browser, page, trusted=True))
    assert listener.asked == []


def test_index_and_failure_pages_of_hostile_words(browser: Any, listener: Listener, tmp_path: Path) -> None:
    words = " ".join(hostile_names(listener.address))
    both = {"en": words, "zh": words}
    result = {"study": words, "title": both, "question": both, "answer": both, "generated": words}
    entry = {"result": {**result, "overrides": {words: words}}, "pages": {"en": words}, "failure": words}

    @dataclass
    class Fault:
        kind: str = "cell"
        error: str = words
        message: str = words
        cell: int = 3
        source: str = words

    making = {"command": words, "commit": words, "generated": words, "versions": {words: words}}
    for name, page in (
        ("index", render_index([entry])),
        ("failure", render_failure(words, Fault(), {**making, "overrides": {words: words}})),
    ):
        path = tmp_path / f"{name}.html"
        path.write_text(page, encoding="utf-8")
        for trusted in (False, True):
            assert inert(visit(browser, path, trusted=trusted)), name
    assert listener.asked == []


def test_numbers_behind_a_link_are_what_they_were() -> None:
    assert base64.b64decode(data_uri("a\r\n1").partition(",")[2]).decode("utf-8-sig") == "a\r\n1"
