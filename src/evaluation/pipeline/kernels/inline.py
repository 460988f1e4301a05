"""Run a notebook on a study that is in memory, in this process: no kernel, no file."""

from __future__ import annotations

import ast
import io
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from evaluation.pipeline.kernels.execute import load_papermill, read_notebook


def execute_here(name: str, case: Any) -> Any:
    """The notebook with the outputs of its code cells, one after the other in one namespace.

    Parameters
    ----------
    name : str
        Of a notebook that comes with the package.
    case : Prepared
        What its `prepare` gives.

    Returns
    -------
    nbformat.NotebookNode

    Raises
    ------
    EvaluationError
        Whatever a cell raises.
    """
    _, nbformat, _ = load_papermill()
    from IPython.core.formatters import DisplayFormatter

    formatter = DisplayFormatter()
    notebook = nbformat.from_dict(read_notebook(Path(), name))
    shown: list[Any] = []

    def display(*things: Any) -> None:
        for thing in things:
            data, metadata = formatter.format(thing)
            shown.append(nbformat.v4.new_output("display_data", data=data, metadata=metadata))

    names: dict[str, Any] = {"__name__": "__main__", "display": display}
    for cell in notebook.cells:
        cell.source = "".join(cell.source)
        if cell.cell_type != "code":
            continue
        printed = io.StringIO()
        with redirect_stdout(printed):
            _execute(cell.source, names, display)
        if "parameters" in cell.metadata.get("tags", ()):
            names |= {"study": case, "overrides": {}}
        cell.outputs = shown[:]
        if printed.getvalue():
            cell.outputs.insert(0, nbformat.v4.new_output("stream", name="stdout", text=printed.getvalue()))
        shown.clear()
    return notebook


def _execute(source: str, names: dict[str, Any], display: Callable[..., None]) -> None:
    """Run a cell and show the value of its last line, where that is an expression."""
    body = ast.parse(source)
    last = body.body.pop() if body.body and isinstance(body.body[-1], ast.Expr) else None
    exec(compile(body, "<cell>", "exec"), names)  # the package's own notebook, or the user's
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
        if value is not None:
            display(value)
