"""The page: what is kept, what is refused, and that it is the same every time."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from evaluation.errors import ReportError
from evaluation.report.check import problems
from evaluation.report.display import Prose
from evaluation.report.markdown import Writer, formula
from evaluation.report.page import render_failure, render_index, render_page


def render(notebook: Any, language: str = "en", provenance: dict[str, Any] | None = None) -> str:
    other = "zh" if language == "en" else "en"
    return render_page(
        notebook,
        language=language,
        study_id="sample",
        title="A title & more",
        alternate_href=f"../{other}/sample.html",
        provenance=provenance or {},
    )


def one_cell(sample: SimpleNamespace, *outputs: Any) -> Any:
    return nbformat.v4.new_notebook(cells=[sample.code("x", *outputs)])


@pytest.fixture(scope="module", params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def page(sample: SimpleNamespace, language: str) -> str:
    return render(sample.notebook(language), language, sample.PROVENANCE)


def test_same_input_same_bytes(sample: SimpleNamespace, language: str, page: str) -> None:
    assert render(sample.notebook(language), language, sample.PROVENANCE) == page


def test_nothing_of_the_data_is_markup(sample: SimpleNamespace, page: str) -> None:
    assert problems(page) == []
    assert "<script" not in page.lower()
    assert html.escape(sample.HOSTILE) in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page  # markup in markdown is shown
    assert 'href="javascript:' not in page


def test_policy_allows_this_style_sheet_and_no_other(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page).group(1)  # type: ignore[union-attr]
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL).group(1)  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert html.unescape(policy).startswith("default-src 'none'; img-src data:; style-src")
    assert f"'sha256-{digest}'" in html.unescape(policy)
    assert "unsafe" not in policy


def test_head(page: str, language: str) -> None:
    own, other = ("en", "zh-CN") if language == "en" else ("zh-CN", "en")
    assert f'<html lang="{own}">' in page
    assert f'<link rel="alternate" hreflang="{other}" href="../{other[:2]}/sample.html">' in page
    assert "<title>A title &amp; more – " in page
    description = re.search(r'name="description" content="([^"]+)"', page).group(1)  # type: ignore[union-attr]
    assert ("51 of them" if language == "en" else "其中51天") in description


def test_cells_of_the_other_language_and_hidden_output_are_left_out(page: str, language: str) -> None:
    assert ("发生了什么" in page) == (language == "zh")
    assert ("What happened" in page) == (language == "en")
    assert '<details class="code"><summary>' in page
    assert "# set up" in re.sub(r"<[^>]+>", "", page)  # hidden cells keep their code for the referee
    assert ">never shown<" not in page
    assert "own title" not in page  # the page has one title


def test_contents_and_headings(page: str, language: str) -> None:
    addresses = re.findall(r'<h2 id="([^"]+)"', page)
    linked = re.findall(r'<li><a href="#([^"]+)"', page)
    assert linked == addresses * 2  # beside the text on a desk, folded on a phone
    assert page.count("<h1") == 1
    assert re.search(r"</section>.*?class=\"contents narrow\"", page, re.DOTALL), (
        "the answer stands before the contents"
    )


def test_figures_tables_and_links(sample: SimpleNamespace, page: str, language: str) -> None:
    assert page.count('class="picture"') == len(sample.drawings(language)) + 1
    assert page.count("<img ") == page.count('alt="') == page.count('class="picture"')
    tables = page.count('<figure id="hostile" class="table">') + page.count(
        '<figure id="wide" class="table">'
    )
    assert tables == 2
    links = dict(
        re.findall(r'download="([\w-]+\.csv)" href="data:text/csv;charset=utf-8;base64,([^"]+)"', page)
    )
    assert {"hostile.csv", "wide.csv", "years.csv"} <= set(links)
    hostile = base64.b64decode(links["hostile.csv"]).decode("utf-8-sig")
    assert base64.b64decode(links["hostile.csv"]).startswith(b"\xef\xbb\xbf")
    assert "'=cmd" in hostile
    assert "-5,-5,3.14159" in hostile
    assert page.count("SIMULATED" if language == "en" else "模拟数据") >= 2


def test_formulas_are_mathml(page: str) -> None:
    assert page.count("<math ") == 2
    assert 'display="block"' in page
    assert "$" not in re.sub(r"data:[^\"]+|<style>.*?</style>", "", page, flags=re.DOTALL)


def test_outputs_without_markup(page: str) -> None:
    assert "red &amp; &lt;b&gt;plain&lt;/b&gt;" in page
    assert "\x1b" not in page
    assert "<td>1</td>" not in page  # a frame's own markup is not taken; its plain text is
    assert "vnd.evaluation" not in page


def test_record(sample: SimpleNamespace, page: str) -> None:
    for value in ("evaluation run sample", "0123456789abcdef", "a" * 64, "b" * 64, "numpy 2.4.0", "20170725"):
        assert value in page
    assert 'datetime="2017-07-25T08:30:00Z"' in page
    assert page.count("2017-07-25T08:30") == 1  # the only clock on the page
    assert "treatment.date = 2016-03" in page


def test_record_says_what_moved(sample: SimpleNamespace, page: str, language: str) -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    said = {
        "en": (
            "These numbers were first found on 20 July 2017.",
            "Against the result that stood until 19 July 2017:",
            "close → reproduced; 67 → 63",
            "16 (−43 to 73) → 20 (−40 to 77)",
            "new: new: 1",
            "6,300 → 6,412 rows; another checksum",
            "cannot tell → against the estimate",
            "1 more. All of them: evaluation diff sample",
            "Changed in between: the data; the program (aaaaaaaaaaaa → bbbbbbbbbbbb-dirty).",
        ),
        "zh": (
            "最早得出于2017年7月20日。",
            "大致相符 → 数字相符；67 → 63",
            "16（−43至73） → 20（−40至77）",
            "6,300 → 6,412 行；校验和有变",
            "另有1处，全部列出： evaluation diff sample",
            "其间变动：数据；程序（aaaaaaaaaaaa → bbbbbbbbbbbb-dirty）。",
        ),
    }[language]
    for sentence in said:
        assert sentence in text
    assert html.escape(sample.HOSTILE) in page


def test_record_without_change_or_without_an_earlier_result(sample: SimpleNamespace) -> None:
    def shown(moved: Any, before: str | None) -> str:
        told = {"name": "sample", "since": "2017-07-20T08:30:00Z", "before": before, "moved": moved}
        return render(one_cell(sample), provenance={"history": told, "command": "evaluation run sample"})

    assert "No earlier result is kept here" in shown(None, None)
    only_version = [{"part": "version", "name": "numpy", "before": "2.4.0", "after": "2.5.0"}]
    page = shown({"moved": only_version, "changed_inputs": []}, "2017-07-19T00:00:00Z")
    assert "no estimate, interval or verdict moved" in page
    assert "the reason is not known" in page
    hidden = {"estimate": 16.1, "ci_low": -43.0, "ci_high": 73.0}
    hidden = [{"part": "estimate", "name": "x", "before": hidden, "after": {**hidden, "estimate": 16.11}}]
    page = shown({"moved": hidden, "changed_inputs": []}, "2017-07-19T00:00:00Z")
    assert "estimate 16.1 → 16.11" in page  # where rounding would show the same number twice
    assert "standing" not in render(one_cell(sample))


def test_a_page_of_simulated_data_says_so_at_the_top(sample: SimpleNamespace) -> None:
    notebook = one_cell(sample)
    data = [{"name": "made", "sha256": "0", "simulated": True}]
    assert 'class="notice"' in render(notebook, provenance={"data": data})
    assert 'class="notice"' not in render(
        notebook, provenance={"data": [*data, {"name": "real", "sha256": "1"}]}
    )
    assert 'class="notice"' not in render(notebook)


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPhfDwAChAGAZvMeNwAAAABJRU5ErkJggg=="


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"image/png": PIXEL}, "no alternative text"),
        ({"text/html": "<p>x</p><SCRIPT>alert(1)</SCRIPT>", "text/plain": "x"}, "holds a script"),
        ({"application/javascript": "alert(1)"}, "run on the reader's machine"),
        ({"application/vnd.jupyter.widget-view+json": {}}, "run on the reader's machine"),
        ({"image/svg+xml": "<svg/>"}, "no form that a page takes"),
        ({"text/html": "<b>x</b>"}, "no form that a page takes"),
        ({"text/markdown": "![x](https://example.org/x.png)"}, "a picture from a file or an address"),
        ({"text/markdown": "$\\nosuchcommand{x}$"}, "formula"),
    ],
)
def test_refused_outputs(sample: SimpleNamespace, data: dict[str, Any], message: str) -> None:
    with pytest.raises(ReportError, match=message):
        render(one_cell(sample, sample.output(data)))


def test_a_picture_with_words_is_taken(sample: SimpleNamespace) -> None:
    page = render(one_cell(sample, sample.output({"image/png": PIXEL}, {"image/png": {"alt": "a <dot>"}})))
    assert 'alt="a &lt;dot&gt;"' in page


def test_a_failed_cell_is_no_page(sample: SimpleNamespace) -> None:
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="\x1b[31mbad\x1b[0m", traceback=[])
    with pytest.raises(ReportError, match="Cell 1 failed: ValueError: bad"):
        render(one_cell(sample, error))


@pytest.mark.parametrize(
    ("markup", "found"),
    [
        ("<script>1</script>", "<script>"),
        ("<p onclick='x()'>", "<p onclick=…>"),
        ("<img src='https://a.b/c.png' alt='x'>", "<img src="),
        ("<img src='data:image/png;base64,AA' alt=' '>", "without alternative text"),
        ("<img src='data:image/png;base64,AA'>", "without alternative text"),
        ("<a href='java\nscript:alert(1)'>x</a>", "a link to"),
        ("<a href='data:text/html,x'>x</a>", "a link to"),
        ("<a href='#nowhere'>x</a>", "#nowhere"),
        ("<style>@import 'x.css';</style>", "a style that fetches"),
        ("<style>p{background:url(https://a.b/c.png)}</style>", "a style that fetches"),
        ("<link rel='stylesheet' href='x.css'>", "<link rel='stylesheet'>"),
        ("<meta http-equiv='refresh' content='0'>", "refresh"),
        ("<meta http-equiv='refresh' content='0' http-equiv='x'>", "refresh"),
        ("<iframe src='x'></iframe>", "<iframe>"),
        ("<p style='color:red'>", "policy blocks"),
        ("<svg><use href='https://a.b/c.svg#x'/></svg>", "<use href="),
        ("<p id='a'></p><p id='a'></p>", "two elements"),
    ],
)
def test_check_finds(markup: str, found: str) -> None:
    assert any(found in problem for problem in problems(markup))


def test_check_passes_what_is_allowed() -> None:
    page = "<style>p{filter:url(#n)}</style><p id=n></p><a href='https://example.org'>x</a><a href='#n'>y</a>"
    assert problems(page + "<a href='data:text/csv;charset=utf-8;base64,AA' download=x>z</a>") == []


def test_formula_keeps_its_letters_and_refuses_the_rest() -> None:
    markup = formula(r"a < b", block=False, language="en")
    assert markup.startswith("<math")
    assert "style=" not in formula(
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}", block=True, language="zh"
    )
    for bad in (r"\frac{a", r"\nosuch x"):
        with pytest.raises(ReportError, match="formula"):
            formula(bad, block=False, language="en")


@pytest.mark.parametrize(
    "label",
    [
        r'\text{<meta/http-equiv="refresh"/content="0;url=file:///x"/http-equiv="y">}',
        r"\text{<marquee>}",
        r"\text{&lt;meta http-equiv='refresh'&gt;}",
        r"\text{<mi href='x'>}",
        r"\mathrm{<maction>}",
    ],
)
def test_text_in_a_formula_stays_text(label: str) -> None:
    markup = formula(label, block=False, language="en")
    assert set(re.findall(r"</?([a-zA-Z-]+)", markup)) <= {"math", "mrow", "mtext", "mi", "mo", "mstyle"}
    assert "href=" not in re.sub(r">[^<]*<", "><", markup)


def test_a_formula_with_a_link_is_refused() -> None:
    with pytest.raises(ReportError, match="cannot be converted"):
        formula(r"\href{https://example.org}{x}", block=False, language="en")


def test_writer_gives_every_heading_its_own_address() -> None:
    writer = Writer("en")
    first = writer.write("# Left out\n\n## Same")
    assert "Left out" not in first
    assert '<h2 id="same-2">' in writer.write("# Same")
    assert writer.contents == [("same", "Same"), ("same-2", "Same")]
    assert 'class="right"' in writer.write("| a |\n|--:|\n| 1 |")
    assert "<em>" in Writer("zh").write(Prose("*着重*").markdown)


def test_index(sample: SimpleNamespace) -> None:
    page = render_index(sample.index_entries())
    assert problems(page) == []
    assert sample.HOSTILE not in page
    assert 'href="en/sample.html"' in page
    assert 'href="zh/sample.html"' in page
    assert 'href="failures/other.html"' in page
    assert "2 close" in page
    assert "2 大致相符" in page
    assert "with treatment.date = 2016-03" in page
    assert "51 of the 67 days" in page
    assert "Made 25 July 2017, 08:30 UTC" in page
    assert "生成于2017年7月25日，08:30 UTC" in page
    assert page == render_index(sample.index_entries())
    assert "no report yet" in render_index([])
    with pytest.raises(ReportError, match="no verdict"):
        render_index(
            [
                {
                    "result": {"study": "x", "claims": [{"id": "c", "reproduced": {"verdict": "maybe"}}]},
                    "pages": {},
                }
            ]
        )


def failure(**changes: Any) -> SimpleNamespace:
    given = {
        "kind": "cell",
        "error": "ValueError",
        "message": "no <donor> left",
        "cell": 7,
        "source": "fit('<x>')",
    }
    return SimpleNamespace(**{**given, **changes})


def test_failure_page_says_what_where_and_how_to_run_it_alone() -> None:
    making = {
        "commit": "abc",
        "generated": "2017-07-25T08:30:00Z",
        "versions": {"python": "3.11"},
        "overrides": {"a.b": 1},
    }
    page = render_failure("my_study", failure(), making)
    assert problems(page) == []
    for part in (
        "my_study",
        "ValueError",
        "no &lt;donor&gt; left",
        "fit(&#39;&lt;x&gt;&#39;)",
        "evaluation run my_study",
    ):
        assert part in page
    for part in ("A cell of the notebook failed", "Cell 7", "第 7 格", "a.b = 1", "python 3.11"):
        assert part in page
    assert page.count("no &lt;donor&gt; left") == 1
    assert "nothing" in render_failure("s", failure())


@pytest.mark.parametrize("kind", ["input", "cell", "timeout", "kernel", "page"])
def test_every_kind_of_failure_has_words(kind: str) -> None:
    assert render_failure("s", failure(kind=kind, cell=None, source=""))


def heading_cells(*sources: str) -> object:
    from nbformat import v4

    return v4.new_notebook(cells=[v4.new_markdown_cell(source) for source in sources])


def test_a_heading_with_nothing_under_it_is_left_out() -> None:
    made = render_page(
        heading_cells("Words.", "## Full", "Words.", "## Outer", "### Inner", "x", "## Empty", "## Last"),
        language="en",
        study_id="s",
        title="t",
        provenance={},
    )
    assert re.findall(r"<h[23] id=\"([\w-]+)\"", made)[:3] == ["full", "outer", "inner"]
    assert "Empty" not in made
    assert "Last" not in made
    assert "hreflang" not in made  # one language: no link to another
    assert 'class="contents' in made


def test_an_index_of_one_language_has_no_choice_of_languages() -> None:
    entry = {"result": {"study": "s", "title": "Only"}, "pages": {"en": "en/s.html"}}
    made = render_index([entry])
    assert 'id="choose-zh"' not in made
    assert not re.search(r"[\u4e00-\u9fff]", re.sub(r"<style>.*?</style>", "", made, flags=re.DOTALL))
    chinese = render_index([{"result": {"study": "s"}, "pages": {"zh": "zh/s.html"}}])
    assert '<html lang="zh-CN">' in chinese
