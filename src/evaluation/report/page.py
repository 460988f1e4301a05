"""From an executed notebook to a page that stands alone."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from evaluation.errors import ReportError
from evaluation.report import display
from evaluation.report import language as words
from evaluation.report.check import printable, require_safe
from evaluation.report.index import render_failure, render_index
from evaluation.report.languages import IN_LANGUAGES
from evaluation.report.markdown import Writer, formula, highlight
from evaluation.report.moved import moved_since
from evaluation.report.site import data_uri, furniture, template_folder

__all__ = ["ready", "render_failure", "render_index", "render_page"]

RESULT = "application/vnd.evaluation.result+json"
_SETUP = {"parameters", "injected-parameters", "hide"}
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
_RUNS = ("application/javascript", "text/javascript", "application/vnd.jupyter.widget-view+json")
_HEADING = re.compile(r'<h(?P<level>\d) id="(?P<address>[^"]*)">((?!</?h\d).)*</h(?P=level)>', re.DOTALL)
_LARGEST_CSV = 16_000  # characters of a figure's numbers carried in the page
Block = dict[str, Any]


def render_page(
    notebook: Any,
    *,
    language: str,
    study_id: str,
    title: str,
    provenance: Mapping[str, Any],
    alternate_href: str = "",
    index_href: str = "../index.html",
) -> str:
    """Make the page of an executed notebook.

    Parameters
    ----------
    notebook : NotebookNode
        Run once for all languages: of an output in several that of the page is taken, and markdown and code
        cells tagged ``en`` or ``zh`` are kept in their own only. Cells tagged
        ``parameters``, ``injected-parameters`` or ``hide`` show no output; their code is folded away
        with that of the next cell.
    language : {"en", "zh"}
    study_id, title : str
    alternate_href, index_href : str
        Addresses of the same page in the other language (none for a page of one language) and of the index,
        relative to this page.
    provenance : mapping
        ``command, commit, generated, seed, versions, data, overrides`` and ``history`` (what moved, see
        `evaluation.report.moved`); anything else is listed too.

    Returns
    -------
    str
        HTML: no script, nothing fetched.

    Raises
    ------
    ReportError
        A cell that failed, a picture without words, a script, something to be fetched, a formula that
        cannot be converted.
    """
    words.check_language(language)
    blocks, writer = _blocks(notebook, language, home=index_href.removesuffix("index.html"))
    answer = next((block for block in blocks if block["kind"] == "answer"), None)
    record_at = writer.address("record")
    context = furniture(
        language,
        title=title,
        description=answer["sentence"] if answer else title,
        alternate_href=alternate_href,
        index_href=index_href,
    )
    context.update(
        study_id=study_id,
        blocks=blocks,
        contents=[*writer.contents, (record_at, words.text("record", language))],
        contents_after=_after(blocks, answer),
        record_at=record_at,
        record=_record(provenance, language),
        simulated=_all_simulated(provenance),
    )
    return require_safe(_export(notebook, context), f"page {language}/{study_id}")


def ready() -> None:
    """Make a page of next to nothing: what is loaded and compiled on first use is there for what follows."""
    from nbformat import v4

    cells = [v4.new_markdown_cell("# x\n\n$x$"), v4.new_code_cell("x = 1")]
    notebook = v4.new_notebook(cells=cells)
    render_page(notebook, language="en", study_id="x", title="x", provenance={})


def _export(notebook: Any, context: dict[str, Any]) -> str:
    """Run nbconvert's template machinery with our own folder, escaping everything by default."""
    page, _ = _exporter().from_notebook_node(notebook, resources={"page": context})
    return printable(page)


@cache
def _exporter() -> Any:
    """One for all pages of a process: it compiles the template."""
    from nbconvert.exporters.templateexporter import TemplateExporter

    class PageExporter(TemplateExporter):
        output_mimetype = "text/html"

        def _file_extension_default(self) -> str:
            return ".html"

        def _template_extension_default(self) -> str:
            return ".html.j2"

        def _create_environment(self) -> Any:
            environment = super()._create_environment()
            environment.autoescape = True
            environment.trim_blocks = environment.lstrip_blocks = True
            return environment

    folder = template_folder()
    exporter = PageExporter(template_name=folder.name, extra_template_basedirs=[str(folder.parent)])
    exporter.default_preprocessors = []
    return exporter


def _blocks(notebook: Any, language: str, home: str = "../") -> tuple[list[Block], Writer]:
    """The page's parts in order. Code waits for the first output after it and is folded below that."""
    writer = Writer(language, home)
    blocks: list[Block] = []
    waiting: list[str] = []
    for number, cell in enumerate(notebook.cells, start=1):
        tags = set(cell.metadata.get("tags", []))
        if tags & set(words.LANGUAGES) and language not in tags:
            continue
        if cell.cell_type == "markdown":
            markup = writer.write(cell.source)
            if markup.strip():
                blocks.append({"kind": "prose", "html": markup})
        elif cell.cell_type == "code":
            if cell.source.strip():
                waiting.append(highlight(cell.source))
            shown = _outputs(cell, number, writer, hidden=bool(tags & _SETUP))
            if shown:
                blocks += [*shown, {"kind": "code", "sources": waiting}]
                waiting = []
    if waiting:
        blocks.append({"kind": "code", "sources": waiting})
    blocks = _without_empty_headings(blocks, writer)
    _number(blocks)
    _join_links(blocks)
    return blocks, writer


def _without_empty_headings(blocks: list[Block], writer: Writer) -> list[Block]:
    """The blocks without headings that nothing stands under, since their cells showed nothing."""
    kept: list[Block] = []
    following = 0  # level of the heading that comes next; 0 where something is to be read before one
    for block in reversed(blocks):
        markup = block.get("html", "") if block["kind"] == "prose" else ""
        alone = _HEADING.fullmatch(markup.strip())
        first = _HEADING.match(markup.strip())
        last = not any(one["kind"] != "code" for one in kept)
        if alone and (last or 0 < following <= int(alone["level"])):
            address = html.unescape(alone["address"])
            writer.contents = [item for item in writer.contents if item[0] != address]
            continue
        kept.append(block)
        if block["kind"] != "code":
            following = int(first["level"]) if first else 0
    return kept[::-1]


def _after(blocks: list[Block], answer: Block | None) -> int:
    """Where the contents stand on a phone: after the answer and its code; -1 above everything."""
    if answer is None:
        return -1
    place = blocks.index(answer)
    return place + 1 if place + 1 < len(blocks) and blocks[place + 1]["kind"] == "code" else place


def _join_links(blocks: list[Block]) -> None:
    """The links to a figure's picture and numbers stand in one line with the fold of its code."""
    for block, after in itertools.pairwise(blocks):
        if after["kind"] == "code" and (block.get("csv") or block.get("shared")):
            after["of"] = {**block, "caption": block.get("title") or block.get("caption")}
            block["csv"] = block["shared"] = None


def _outputs(cell: Any, number: int, writer: Writer, *, hidden: bool) -> list[Block]:
    blocks: list[Block] = []
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            raise ReportError(
                f"Cell {number} failed: {output.ename}: {_plain(output.evalue)}",
                where=cell.source.strip()[:200],
            )
        if output.output_type == "stream":
            text = _plain(output.text)
            if text.strip():
                blocks.append({"kind": "stream", "name": output.name, "text": text})
            continue
        block = _shown(output.data, output.get("metadata", {}), number, writer)
        if block is not None:
            blocks.append(block)
    return [] if hidden else blocks


def _shown(data: Mapping[str, Any], metadata: Mapping[str, Any], number: int, writer: Writer) -> Block | None:
    """The richest form of an output that the page takes; markup from a notebook is never one."""
    where = f"cell {number}"
    if RESULT in data:
        return None
    for media in _RUNS:
        if media in data:
            raise ReportError("An output would run on the reader's machine.", where=f"{where}: {media}")
    if IN_LANGUAGES in data:
        mine = data[IN_LANGUAGES].get(writer.language)
        if mine is None:
            raise ReportError(f"An output has no text in {writer.language!r}.", where=where)
        return _shown(mine, {}, number, writer)
    for media, make in _OWN.items():
        if media in data:
            return make(data[media], writer)
    if display.RECORD in data:
        return {**data[display.RECORD], "kind": "record"}
    if re.search(r"<\s*script", str(data.get("text/html", "")), flags=re.IGNORECASE):
        raise ReportError("An output holds a script.", where=where, fix="show a Table or a Figure instead")
    if "text/markdown" in data:
        return {"kind": "prose", "html": writer.write(data["text/markdown"])}
    if "text/latex" in data:
        source = data["text/latex"].strip().strip("$")
        return {"kind": "prose", "html": formula(source, block=True, language=writer.language)}
    if "image/png" in data:
        return _picture(data["image/png"], metadata.get("image/png", {}), where, writer)
    if "image/svg+xml" in data or ("text/html" in data and "text/plain" not in data):
        raise ReportError(
            "An output has no form that a page takes.",
            where=where,
            expected="Figure, Table, Answer, Record or Prose of evaluation.report.display, or plain text",
        )
    text = _plain(data.get("text/plain", ""))
    return {"kind": "text", "text": text} if text.strip() else None


def _figure(content: Mapping[str, Any], writer: Writer) -> Block:
    if not str(content.get("alt", "")).strip():
        raise ReportError("A figure has no alternative text.", where=str(content.get("name")))
    csv = content.get("csv")
    return {
        "kind": "figure",
        "id": writer.address(content["name"]),
        "source": f"data:image/png;base64,{content['light']}",
        "shared": f"data:image/png;base64,{content['shared']}" if content.get("shared") else None,
        "alt": content["alt"],
        "title": content["title"],
        "subtitle": content.get("subtitle", ""),
        "note": content.get("source", ""),
        "simulated": content.get("simulated", False),
        "name": display.slug(content["name"]),
        "width": content["width"] // 2,
        "height": content["height"] // 2,
        "csv": data_uri(csv) if csv and len(csv) <= _LARGEST_CSV else None,
    }


def _picture(data: str, metadata: Mapping[str, Any], where: str, writer: Writer) -> Block:
    """A picture that a notebook drew by other means; it must bring its words."""
    alt = str(metadata.get("alt", "")).strip()
    if not alt:
        raise ReportError(
            "A picture has no alternative text.",
            where=where,
            fix="draw it with evaluation.report.figures, or display it with metadata image/png: alt",
        )
    return {
        "kind": "picture",
        "id": writer.address("picture"),
        "source": "data:image/png;base64," + "".join(data.split()),
        "alt": alt,
    }


def _table(content: Mapping[str, Any], writer: Writer) -> Block:
    columns = [
        {**column, "room": _room([column["label"], *(row[place] for row in content["rows"])])}
        for place, column in enumerate(content["columns"])
    ]
    address = writer.address(content["name"])
    csv = content["csv"] and data_uri(content["csv"])
    made = {"name": display.slug(content["name"]), "columns": columns, "csv": csv}
    return {**content, **made, "kind": "table", "id": address}


def _room(cells: Iterable[str]) -> str:
    """How much a column needs so as not to be squeezed: a class of the style sheet.

    Chinese may break after every character, so a browser left alone makes columns of one.
    """
    longest = max((sum(1 if ord(c) > 0x2E7F else 0.55 for c in cell) for cell in cells), default=0)
    return "short" if longest <= 6 else "middling" if longest <= 12 else "long"


def _answer(content: Mapping[str, Any], writer: Writer) -> Block:
    for item in content["verdicts"]:
        display.check_verdict(item["verdict"], where=item["label"])
    return {**content, "kind": "answer"}


def _ledger(content: Mapping[str, Any], writer: Writer) -> Block:
    """Rows with addresses of their own; a study is a link to its page beside this one."""
    groups = []
    for group in content["groups"]:
        rows = [{**row, "address": writer.address(row["id"])} for row in group["rows"]]
        for part in (p for row in rows for line in row["lines"] for entry in line["entries"] for p in entry):
            if part["study"]:
                part["href"] = f"{writer.home}{writer.language}/{part['study']}.html"
        groups.append({"heading": group["heading"], "rows": rows})
    csv = content["csv"] and data_uri(content["csv"])
    return {"kind": "ledger", **content, "groups": groups, "id": writer.address(content["name"]), "csv": csv}


def _number(blocks: Iterable[Block]) -> None:
    """Plain outputs have no caption: a number tells them apart for those who listen."""
    for count, block in enumerate((b for b in blocks if b["kind"] in ("text", "stream")), start=1):
        block["number"] = count


def _plain(text: Any) -> str:
    joined = "".join(text) if isinstance(text, list) else str(text)
    return _ANSI.sub("", joined).replace("\x1b", "")


_OWN: dict[str, Callable[[Mapping[str, Any], Writer], Block]] = {
    display.FIGURE: _figure,
    display.TABLE: _table,
    display.ANSWER: _answer,
    display.LEDGER: _ledger,
}
"""What each media type of our own becomes on the page."""


def _record(provenance: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What the foot of the page says, in reading order, what is not known left out."""
    known = (
        *("command", "commit", "generated", "seed", "versions"),
        *("data", "simulated", "overrides", "history"),
    )
    versions = provenance.get("versions") or {}
    overrides = provenance.get("overrides") or {}
    return {
        "command": provenance.get("command"),
        "commit": provenance.get("commit"),
        "generated": provenance.get("generated"),
        "seed": provenance.get("seed"),
        "versions": [f"{name} {version}" for name, version in versions.items()],
        "data": [dict(entry) for entry in provenance.get("data") or []],
        "overrides": [f"{key} = {value}" for key, value in overrides.items()],
        "history": moved_since(provenance.get("history"), language),
        "others": [(str(key), str(value)) for key, value in provenance.items() if key not in known],
    }


def _all_simulated(provenance: Mapping[str, Any]) -> bool:
    data = provenance.get("data") or []
    return bool(provenance.get("simulated", bool(data) and all(entry.get("simulated") for entry in data)))
