"""One study: run its notebook and make its pages. Writes nothing into the reports folder."""

from __future__ import annotations

import csv
import html
import io
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from evaluation.errors import EvaluationError, OutputError, ReportError, StudyError
from evaluation.pipeline.kernels.execute import execute, extract_result, load_papermill, scrub
from evaluation.pipeline.records import history
from evaluation.pipeline.site import write_whole
from evaluation.pipeline.spec import Failure, RenderOutcome, RenderSpec, value_text

_WARNING = re.compile(r"(?P<file>[^\n:]*):(?P<line>\d+): (?P<kind>\w*Warning): (?P<text>[^\n<]*)")
_VARIANT = {
    "en": ("**A variant.** This page changes the study file for one run: ", ", ", "."),
    "zh": ("**变体**。本页在一次运行中改动了研究文件的设定：", "、", "。"),
}


@cache
def preload() -> None:
    """Import and compile what every report needs, so that it is done once for all workers."""
    load_papermill()
    from evaluation.report.page import ready

    ready()


def render(spec: RenderSpec) -> RenderOutcome:
    """Run the notebook once and render a page in each language.

    Same spec, same files, same pages: nothing of the clock, the machine or the user goes in but what
    ``spec.provenance`` states. The executed notebook is kept at ``spec.executed``, if that is given.

    Returns
    -------
    RenderOutcome
        Whatever goes wrong is in its ``failure``.
    """
    seconds: dict[str, float] = {}
    reads: list[str] = []
    begin = time.perf_counter()

    def lap(name: str) -> None:
        seconds[name] = time.perf_counter() - begin - sum(seconds.values())

    def failed(failure: Failure) -> RenderOutcome:
        return RenderOutcome(spec.study, failure=failure, seconds=seconds)

    try:
        preload()
        lap("imports")
        begun = history.inputs_of(spec)
        notebook, failure = execute(spec, reads)
        lap("notebook")
        if spec.executed is not None and notebook is not None:
            import nbformat

            with suppress(OutputError):  # it is kept for a look after a failure; a page can do without
                write_whole(spec.executed, scrub(nbformat.writes(notebook), spec.root) + "\n")
        if failure is not None:
            return failed(failure)
        result = history.with_inputs(extract_result(notebook), spec, begun)
        pages = _pages(spec, notebook, result)
        lap("pages")
    except EvaluationError as error:
        kind = type(error).__name__
        message = scrub(str(error), spec.root)
        status = error.exit_status
        return failed(Failure("input" if status == 2 else "page", kind, message, exit_status=status))
    except Exception as error:
        # a fault of the program itself is a failed report like any other; its traceback goes to the log
        trace = scrub(traceback.format_exc(), spec.root)
        return failed(Failure("page", type(error).__name__, scrub(str(error), spec.root), trace=trace))
    return RenderOutcome(spec.study, pages, result, seconds=seconds, reads=tuple(reads))


def _pages(spec: RenderSpec, notebook: Any, result: dict[str, Any]) -> dict[str, str]:
    from evaluation.report.page import render_page

    notebook.cells = [cell for cell in notebook.cells if not _missing(cell, result)]
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        if spec.private:
            _withhold(cell, set(spec.private))
    notebook.metadata.pop("papermill", None)
    if spec.overrides:
        notebook.cells[:0] = [_variant_note(spec, language) for language in spec.pages]
    known: dict[str, Any] = {
        key: result[key] for key in ("seed", "data", "simulated", "overrides") if key in result
    }
    made = {}
    for language, page in spec.pages.items():
        made[language] = render_page(
            notebook,
            language=language,
            study_id=spec.study,
            title=page.title,
            alternate_href=page.alternate_href,
            index_href=spec.index_href,
            provenance={**known, **spec.provenance, "history": history.standing(spec, result)},
        )
        _require_anonymous(made[language], spec.root)
    return made


def page_of_case(case: Any, language: str) -> str:
    """The page of a study that is prepared already, made in this process: no kernel, no file, no clock.

    Values of single units by period are left out of the page's files, unless the study has
    ``publish_data = true``.

    Parameters
    ----------
    case : Prepared
        Its study names the notebook.
    language : str
        One of the study's.

    Raises
    ------
    StudyError
        The study has no such language.
    EvaluationError
        Whatever a cell of the notebook raises.
    """
    preload()
    from evaluation.pipeline.kernels.inline import execute_here
    from evaluation.report.page import render_page

    study = case.study
    if language not in study.languages:
        raise StudyError(
            f"the study has no text in {language!r}",
            where="language",
            expected=" or ".join(map(repr, study.languages)),
            fix="pass languages=[...] to evaluate",
        )
    notebook = execute_here(study.notebook, case)
    result = extract_result(notebook)
    notebook.cells = [cell for cell in notebook.cells if not _missing(cell, result)]
    if not study.publish_data:
        for cell in notebook.cells:
            _withhold(cell, set(map(str, case.table[study.data.unit].unique())))
    return render_page(
        notebook,
        language=language,
        study_id=study.id,
        title=study.title[language],
        provenance={key: result[key] for key in ("seed", "data", "simulated") if key in result},
        index_href="",
    )


def _missing(cell: Any, result: dict[str, Any]) -> bool:
    """Whether a cell is about what the study has none of: tagged ``needs-claims``, and there is no claim."""
    tags = cell.metadata.get("tags", [])
    return any(not result.get(tag.removeprefix("needs-")) for tag in tags if tag.startswith("needs-"))


def _withhold(cell: Any, units: set[str], few: int = 3) -> None:
    """Take the file away from a figure or table that would hold the values of single units by period.

    That is one with a column for each of more than ``few`` units, or with several rows for each of them. The
    picture and what is computed over units stay.
    """
    for output in cell.get("outputs", ()):
        for content in _with_files(output.get("data", {})):
            rows = list(csv.reader(io.StringIO(content["csv"])))
            columns = {name for name in rows[0] if name in units or name.rpartition(" ")[0] in units}
            counts = Counter(name for row in rows[1:] for name in set(row) & units)
            if len(columns) > few or sum(count > 1 for count in counts.values()) > few:
                content["csv"] = None


def _with_files(content: Any) -> Iterator[Any]:
    """What has a file of values, wherever it stands in an output: in blocks, in languages."""
    if isinstance(content, dict):
        if isinstance(content.get("csv"), str) and content["csv"].strip():
            yield content
        for item in content.values():
            yield from _with_files(item)
    elif isinstance(content, list):
        for item in content:
            yield from _with_files(item)


def _variant_note(spec: RenderSpec, language: str) -> Any:
    """The first words of a page that does not show the study file as it stands."""
    from nbformat.v4 import new_markdown_cell

    settings = [f"{key} = {value_text(value)}" for key, value in spec.overrides.items()]
    # nothing in a value may close the code span and become markup
    shown = [re.sub(r"[`\s]+", " ", text)[:200] for text in settings]
    words = _VARIANT[language]
    text = words[0] + words[1].join(f"`{text}`" for text in shown) + words[2]
    return new_markdown_cell(text, metadata={"tags": [language]})


def _require_anonymous(page: str, root: Path) -> None:
    """A page that names a folder of this machine is not the same on the next one.

    Raises
    ------
    ReportError
        The project folder, the home folder, the interpreter's or a temporary one is named; by a warning
        of Python's, too, which names a file: then the warning is what the error tells.
    """
    places = {str(root), str(Path.home()), sys.prefix}
    named = [re.escape(place) for place in sorted(places, key=len, reverse=True) if len(place) > 1]
    # a warning names the cell by a file of the kernel's process
    named.append(re.escape(tempfile.gettempdir()) + r"/ipykernel_\d+")
    for place in named:
        # neighbours that are base64 digits: a picture holds every short word by chance
        found = re.search(r"(?<![A-Za-z0-9+/=.])" + place + r"(?![A-Za-z0-9+=])", page)
        warning = _WARNING.match(page, found.end()) if found else None
        if warning:
            # readers cannot act on a warning of Python's, and the author should: so it is no page yet
            raise ReportError(
                f"a cell printed a warning: {warning['kind']}: {html.unescape(warning['text']).strip()}",
                where=f"line {warning['line']} of {html.unescape(warning['file'])}",
                expected="no warnings among the outputs of a page",
                fix="mend what it warns of; where nothing is wrong, filter it in that cell "
                "(warnings.catch_warnings)",
            )
        if found:
            around = page[max(0, found.start() - 60) : found.end() + 60]
            raise ReportError(
                "the page names a folder of this machine",
                where=scrub(" ".join(around.split()), root),
                expected="paths relative to the project",
                fix="mend the cell that prints it",
            )
