"""Run one notebook with papermill, in this process, and turn whatever goes wrong into a `Failure`."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from evaluation import errors
from evaluation.errors import ReportError, StudyError
from evaluation.pipeline.kernels.environment import reads_of
from evaluation.pipeline.kernels.kernel import private_kernel
from evaluation.pipeline.spec import Failure, Kind, RenderSpec, find_notebook

PARAMETERS = ("study", "overrides")
RESULT_MIME = "application/vnd.evaluation.result+json"
LANGUAGES = ("en", "zh")
MOST_PRINTED = 100_000
"""Characters that a cell may print; the rest is left out, and the page says so."""
_STUDY = re.compile(r"[a-z][a-z0-9_]*\Z")
_KEY = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*\Z")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def check_parameters(study: str, overrides: Mapping[str, Any]) -> None:
    """Refuse parameters that papermill would pass on without a word.

    Raises
    ------
    StudyError
        A study that is not a plain name, or an override that is not a dotted key with a TOML value.
    """
    if not isinstance(study, str) or not _STUDY.match(study):
        raise StudyError(
            f"{study!r} is not the name of a study",
            expected="small letters, digits and underscores, as in studies/",
            fix="run `evaluation list` for the studies",
        )
    for key, value in overrides.items():
        if not isinstance(key, str) or not _KEY.match(key):
            raise StudyError(f"{key!r} is not a key of a study file", expected="a dotted key: treatment.date")
        if not _plain(value):
            raise StudyError(
                f"the value of {key} is of the type {type(value).__name__}",
                expected="text, a number, true or false, or a list or table of these",
            )


def _plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _plain(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def read_notebook(root: Path, name: str) -> dict[str, Any]:
    """Read a notebook and check that it can be parameterised.

    Raises
    ------
    StudyError
        No such notebook, one that cannot be read, not a notebook, or its cell tagged ``parameters`` does not
        declare exactly study and overrides.
    """
    where = f"notebooks/{name}.ipynb"
    path = find_notebook(root, name)
    if not _STUDY.match(name) or not path.is_file():
        raise StudyError(
            f"there is no notebook {name!r}", where=where, fix="name it in the study file's notebook key"
        )
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = [(cell["cell_type"], "".join(cell["source"]), _tags(cell)) for cell in notebook["cells"]]
    except OSError as error:
        raise StudyError(f"{where} cannot be read", where=str(error.strerror)) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StudyError(
            f"{where} is not a notebook",
            where=f"{type(error).__name__}: {error}",
            expected="JSON with a list of cells, each with a cell_type and a source",
        ) from error
    tagged = [source for _, source, tags in cells if "parameters" in tags]
    if len(tagged) != 1:
        raise StudyError(
            f"{len(tagged)} cells are tagged 'parameters'",
            where=where,
            expected="one code cell that declares " + ", ".join(PARAMETERS),
        )
    declared = _assigned(tagged[0], where)
    if sorted(declared) != sorted(PARAMETERS):
        raise StudyError(
            "the cell tagged 'parameters' declares " + (", ".join(declared) or "nothing"),
            where=where,
            expected="exactly " + ", ".join(PARAMETERS),
            fix="every other choice belongs in the study file",
        )
    return notebook


def _tags(cell: Mapping[str, Any]) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", []))


def _assigned(source: str, where: str) -> list[str]:
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise StudyError(
            "the cell tagged 'parameters' is not valid Python", where=f"{where}: {error}"
        ) from error
    names: list[str] = []
    for statement in body:
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        names += [target.id for target in targets if isinstance(target, ast.Name)]
    return names


def execute(spec: RenderSpec, reads: list[str] | None = None) -> tuple[Any, Failure | None]:
    """Run the notebook of ``spec`` top to bottom in a kernel of its own.

    Parameters
    ----------
    spec : RenderSpec
    reads : list of str, optional
        Takes the paths, relative to the project folder, of the files that the notebook read.

    Returns
    -------
    notebook : nbformat.NotebookNode or None
        As far as it was run.
    failure : Failure or None

    Raises
    ------
    StudyError
        The parameters or the notebook are not valid; no kernel was started.
    """
    check_parameters(spec.study, spec.overrides)
    source = read_notebook(spec.root, spec.notebook)
    papermill, nbformat, engine = load_papermill()
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    parameters = {"study": spec.study, "overrides": _lists(spec.overrides)}
    kept: dict[str, Any] = {}
    failure: Failure | None = None
    with private_kernel(spec.root) as (manager, environment):
        try:
            papermill.execute_notebook(
                nbformat.from_dict(source),
                None,
                parameters,
                engine_name=engine,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                autosave_cell_every=0,
                execution_timeout=spec.cell_timeout,
                kept=kept,
                manager=manager,
                start={"env": environment, "cwd": str(spec.root)},
            )
        except papermill.PapermillExecutionError as error:
            failure = _cell_failure(error, kept["notebook"], spec.root)
        except CellTimeoutError:
            message = f"the cell took longer than {spec.cell_timeout:g} seconds"
            failure = _stopped(kept, "timeout", "CellTimeoutError", message)
        except DeadKernelError:
            message = "the kernel died while it ran this cell; it may have run out of memory"
            failure = _stopped(kept, "kernel", "DeadKernelError", message)
        except RuntimeError as error:  # nbclient has no error of its own for a kernel that never answers
            if "ernel" not in str(error):
                raise
            failure = _stopped(kept, "kernel", "KernelStartError", scrub(str(error), spec.root))
        if reads is not None:
            reads += reads_of(environment)
    notebook = kept.get("notebook")
    if failure is None:
        failure = _unfinished(notebook)
    return notebook, failure


def extract_result(notebook: Any) -> dict[str, Any]:
    """The result file's content that the notebook displayed.

    Raises
    ------
    ReportError
        The notebook displayed none, or more than one.
    """
    found = [
        output["data"][RESULT_MIME]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if RESULT_MIME in output.get("data", {})
    ]
    if len(found) != 1:
        raise ReportError(
            f"the notebook displayed {len(found)} results",
            expected=f"one output of the type {RESULT_MIME}, from its last cell",
        )
    content = found[0]
    return json.loads(content) if isinstance(content, str) else json.loads(json.dumps(content))


def load_papermill() -> tuple[Any, Any, str]:
    """Import papermill once and register the engine that runs our kernels.

    Returns
    -------
    papermill, nbformat : module
    engine : str
        Name of the engine, for ``papermill.execute_notebook``.
    """
    with _skip("rfc3987_syntax"):
        import nbformat
        import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NBClientEngine, papermill_engines

    class Limited(PapermillNotebookClient):
        """Keeps what a cell prints up to a length that a person may read."""

        def output(self, outs: Any, msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
            if msg["msg_type"] != "stream":
                return super().output(outs, msg, display_id, cell_index)
            printed = sum(len(one.text) for one in outs if one.output_type == "stream")
            room = MOST_PRINTED - printed
            if room < 0:  # the note below stands there
                return None
            text = msg["content"]["text"]
            if len(text) > room:
                text = (
                    f"{text[:room]}\n[what the cell printed beyond {MOST_PRINTED:,} characters is left out]\n"
                )
            # joined to the piece before it, as on a page: a million pieces would take the memory of a page
            last = outs[-1] if outs else None
            if last is not None and last.output_type == "stream" and last.name == msg["content"]["name"]:
                last.text += text
                return None
            msg["content"]["text"] = text
            return super().output(outs, msg, display_id, cell_index)

    class PrivateKernel(NBClientEngine):
        """Keeps hold of the notebook whatever happens, and leaves no process behind."""

        @classmethod
        def execute_managed_notebook(
            cls,
            nb_man: Any,
            kernel_name: str,
            *,
            kept: dict[str, Any],
            manager: Any,
            start: dict[str, Any],
            execution_timeout: float,
            start_timeout: int = 60,
            **_: Any,
        ) -> None:
            kept["notebook"] = nb_man.nb
            client = Limited(
                nb_man,
                km=manager,
                kernel_name=kernel_name,
                timeout=execution_timeout,
                startup_timeout=start_timeout,
                shutdown_kernel="immediate",
                # a kernel that prints faster than this reads is no cell that takes too long
                raise_on_iopub_timeout=False,
            )
            try:
                client.execute(cleanup_kc=True, **start)
            except DeadKernelError:
                _end_group(manager)
                raise

    name = "evaluation"
    papermill_engines.register(name, PrivateKernel)
    return papermill, nbformat, name


def _end_group(manager: Any) -> None:
    """End what a kernel that died by itself had started: it led a process group of its own."""
    group = getattr(manager.provisioner, "pgid", None)
    if os.name == "posix" and group and group != os.getpgrp():
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


@contextmanager
def _skip(module: str) -> Iterator[None]:
    """Import without an optional module: this one compiles a grammar for a second to no use."""
    if module in sys.modules or importlib.util.find_spec(module) is None:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


def _lists(overrides: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(dict(overrides)))


def _cell_failure(error: Any, notebook: Any, root: Path) -> Failure:
    """An error in a cell; a mistake of the user keeps its own words and exit status."""
    kind = getattr(errors, error.ename, None)
    mistake = isinstance(kind, type) and issubclass(kind, errors.EvaluationError)
    status = kind.exit_status if mistake else 1  # type: ignore[union-attr]
    return Failure(
        kind="input" if status == 2 else "cell",
        error=error.ename,
        message=scrub(error.evalue, root),
        cell=_number(_without_markers(notebook), error.cell_index),
        source=error.source,
        trace=scrub(_COLOUR.sub("", "\n".join(error.traceback)), root),
        exit_status=status,
    )


def _stopped(kept: dict[str, Any], kind: Kind, error: str, message: str) -> Failure:
    """A failure that papermill knows nothing of: the cell is the last one that was started."""
    cells = kept["notebook"].cells if "notebook" in kept else []
    started = [i for i, cell in enumerate(cells) if cell.metadata.get("papermill", {}).get("start_time")]
    if not started:
        return Failure(kind=kind, error=error, message=message)
    last = started[-1]
    return Failure(
        kind=kind, error=error, message=message, cell=_number(cells, last), source=cells[last].source
    )


def _without_markers(notebook: Any) -> list[Any]:
    tag = "papermill-error-cell-tag"
    return [cell for cell in notebook.cells if tag not in cell.metadata.get("tags", [])]


def _number(cells: list[Any], index: int) -> int:
    """Number of a cell, from 1, as the author counts: the injected cell is not his."""
    injected = ["injected-parameters" in cell.metadata.get("tags", []) for cell in cells]
    return index + 1 - sum(injected[:index])


def _unfinished(notebook: Any) -> Failure | None:
    """papermill calls a notebook that left through ``sys.exit()`` a success."""
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
            message = "the notebook stopped before this cell"
            number = _number(notebook.cells, i)
            return Failure(kind="cell", error="SystemExit", message=message, cell=number, source=cell.source)
    return None


def scrub(text: str, root: Path) -> str:
    """Take the paths of this machine out of a message that will stand on a page."""
    places = [(str(root), "."), (sys.prefix, "python"), (str(Path.home()), "~")]
    for place, word in sorted(places, key=lambda pair: -len(pair[0])):
        if len(place) > 1:
            text = re.sub(re.escape(place) + r"(?![\w.-])", word, text)
    return text
