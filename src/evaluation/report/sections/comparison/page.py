"""The page that compares variants, put together like every other page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from evaluation.report.display import Answer
from evaluation.report.sections.comparison.data import Comparison
from evaluation.report.sections.comparison.figure import variants_figure
from evaluation.report.sections.comparison.sentences import answer, beyond, finding, numbers_of
from evaluation.report.sections.comparison.tables import failures_table, others_table, variants_table
from evaluation.report.sections.comparison.wording import text_in
from evaluation.report.text import Text


def render_comparison(page: Comparison, language: str, index_href: str = "../../index.html") -> str:
    """Make the page in one language.

    Parameters
    ----------
    page : Comparison
    language : {"en", "zh"}
    index_href : str
        Address of the index from this page.

    Returns
    -------
    str
        HTML: no script, nothing fetched. The same comparison gives the same page.

    Raises
    ------
    ReportError
        Something that no page may hold.
    """
    from nbformat.v4 import new_notebook

    from evaluation.report.page import render_page

    text = text_in(language)
    other = "zh" if language == "en" else "en"
    return render_page(
        new_notebook(cells=_cells(page, text)),
        language=language,
        study_id=page.study,
        title=finding(page, text),
        alternate_href=page.alternates.get(other, ""),
        provenance={**page.provenance, **_record(page, text)},
        index_href=index_href,
    )


def _cells(page: Comparison, text: Text) -> list[Any]:
    sentence, detail = answer(page, text=text)
    cells = [
        _prose(_plain(page.title[text.language])),
        _shown(Answer(sentence, detail=detail, language=text.language)),
    ]
    lead = page.measures[0] if page.measures else None
    figure = variants_figure(page, lead, text) if lead else None
    cells.append(_prose(f"## {text('figure.heading')}"))
    if page.declared.reason:
        cells.append(_prose(text("failures.declared", reason=_code(page.declared.reason))))
    cells += [_shown(figure)] if figure is not None else []
    cells.append(_shown(variants_table(page, text)))
    others = others_table(page, text)
    if others is not None:
        cells += [_prose(f"## {text('others.heading')}"), _shown(others)]
    failures = failures_table(page, text)
    if failures is not None:
        cells += [_prose(f"## {text('failures.heading')}"), _shown(failures)]
    mine = [] if lead is None else numbers_of(page.good, lead)
    counted = any(one.known for one in mine)
    caution = text(
        "caution.text",
        count=text("caution.intervals", k=beyond(mine), n=len(mine)) if counted else text("caution.plain"),
        command=_code(str(page.provenance.get("command", ""))),
    )
    return [*cells, _prose(f"## {text('caution.heading')}"), _prose(caution)]


def _record(page: Comparison, text: Text) -> dict[str, str]:
    """What of the grid stands at the foot of the page, under the words of its language."""
    grid = "; ".join(
        f"{key} = {', '.join(dict.fromkeys(cell.settings[key] for cell in page.cells))}" for key in page.keys
    )
    return {text("record.grid"): grid}


def _code(text: str) -> str:
    # nothing in a value may close the code span and become markup
    plain = re.sub(r"[`\s]+", " ", text)
    return f"`{plain}`"


def _plain(text: str) -> str:
    """Text in which markdown finds nothing to obey."""
    return re.sub(r"([\\`*_\[\]<>#$|~^])", r"\\\1", " ".join(text.split()))


def _prose(text: str) -> Any:
    from nbformat.v4 import new_markdown_cell

    return new_markdown_cell(text)


def _shown(thing: Any) -> Any:
    from nbformat.v4 import new_code_cell, new_output

    bundle: tuple[Mapping[str, Any], Mapping[str, Any]] = thing._repr_mimebundle_()
    output = new_output("display_data", data=dict(bundle[0]), metadata=dict(bundle[1]))
    return new_code_cell("", outputs=[output])
