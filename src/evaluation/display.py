"""How an object shows itself: one short text, its HTML, and the file formats of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import EvaluationError

__all__ = ["Displayed", "Summary", "Table", "number", "optional"]

_WIDTH = 78
_LONGEST = 60
_MOST_ROWS = 40
_LEFT = "style='text-align:left'"
_ONE_SCALE = ("estimate", "std_error", "ci_low", "ci_high")
_SCALAR = (str, bool, np.bool_, int, float, np.integer, np.floating)
_NUMBERS = (int, float, np.integer, np.floating)


def optional(module: str, *, extra: str, what: str) -> Any:
    """A part that is not installed with the library alone.

    Raises
    ------
    EvaluationError
        It is not installed: says what needs it and how to get it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise EvaluationError(
            f"{what} needs the Python package {module.split('.')[0]!r}, which is not installed",
            fix=f"pip install 'reform-evaluation[{extra}]'",
        ) from error


def number(value: Any, digits: int = 4) -> str:
    """A number with ``digits`` significant figures, in scientific notation where tiny or huge."""
    if not isinstance(value, _NUMBERS) or isinstance(value, bool | np.bool_):
        return "" if value is None or value is pd.NaT or value is pd.NA else str(value)
    if isinstance(value, int | np.integer):
        return str(int(value))
    if np.isnan(value):
        return "–"
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size != 0 and (size < 1e-4 or size >= 1e9):
        return f"{value:.{digits - 1}e}"
    whole = len(str(int(size)))
    return f"{value:.{max(0, digits - whole if size >= 1 else digits)}f}"


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The same table as text: one number of decimals a column, so that they stand under each other."""
    out = pd.DataFrame(index=frame.index)
    for j, name in enumerate(frame.columns):
        values = frame.iloc[:, j]
        if name == "p_value":
            out[name] = ["–" if np.isnan(v) else "<0.001" if v < 0.001 else f"{v:.3f}" for v in values]
        elif pd.api.types.is_float_dtype(values):
            # estimates and their intervals have one scale and one number of decimals
            scale = "estimate" if name in _ONE_SCALE and "estimate" in frame else name
            out[name] = _aligned(values.to_numpy(dtype=float), frame[scale].to_numpy(dtype=float))
        else:
            out[name] = [number(v) if pd.notna(v) else "" for v in values]
    return out


def _aligned(values: NDArray[np.float64], scale: NDArray[np.float64]) -> list[str]:
    finite = np.abs(scale[np.isfinite(scale)])
    largest = float(finite.max()) if len(finite) else 0.0
    if 0 < largest < 1e-3:
        return [number(v) for v in values]
    shown = values[np.isfinite(values)]
    whole = bool((shown == shown.round()).all())
    digits = len(str(int(largest))) if largest >= 1 else 0
    decimals = 0 if whole else max(3 if largest < 1000 else 1, 4 - digits)
    return [f"{v:.{decimals}f}" if np.isfinite(v) else number(v) for v in values]


class Table(pd.DataFrame):
    """A data frame that can be written for a paper.

    Examples
    --------
    >>> from evaluation.display import Table
    >>> print(Table({"method": ["group-time"], "estimate": [0.0614]}).to_markdown())
    | method     | estimate |
    |:-----------|---------:|
    | group-time |   0.0614 |
    """

    @property
    def _constructor(self) -> type[Table]:
        return Table

    def to_markdown(self, path: str | Path | None = None, **_: Any) -> str:  # type: ignore[override]
        """The table in Markdown."""
        return _kept(_markdown(self), path)

    def to_latex(self, path: str | Path | None = None, caption: str = "", **_: Any) -> str:  # type: ignore[override]
        """The table in LaTeX, with the rules of the package booktabs."""
        return _kept(_latex(self, caption), path)

    def to_excel(self, path: str | Path, **_: Any) -> None:  # type: ignore[override]
        """Write the table to an Excel file, numbers as numbers (needs openpyxl)."""
        write_excel(self, path)

    def to_word(self, path: str | Path, *, title: str = "", notes: Sequence[str] = ()) -> Path:
        """Write the table to a Word document.

        Raises
        ------
        EvaluationError
            The package python-docx is not installed.
        """
        return _word(self, path, title, notes)


def _kept(text: str, path: str | Path | None) -> str:
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def _markdown(frame: pd.DataFrame) -> str:
    cells = _cells(frame)
    right = [pd.api.types.is_numeric_dtype(frame[c]) for c in frame.columns]
    heads = [str(c) for c in cells.columns]
    rows = [[str(v).replace("|", "\\|") for v in row] for row in cells.itertuples(index=False)]
    widths = [max([3, len(h), *(len(r[j]) for r in rows)]) for j, h in enumerate(heads)]

    def line(values: Sequence[str]) -> str:
        parts = [v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right, strict=True)]
        return "| " + " | ".join(parts) + " |"

    rule = "".join(
        "|" + ("-" * (w + 1) + ":" if r else ":" + "-" * (w + 1)) for w, r in zip(widths, right, strict=True)
    )
    return "\n".join([line(heads), rule + "|", *(line(row) for row in rows)])


_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    "∞": r"$\infty$",
    "<": r"$<$",
    ">": r"$>$",
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(sign, sign) for sign in text)


def _latex(frame: pd.DataFrame, caption: str = "") -> str:
    cells = _cells(frame)
    layout = "".join("r" if pd.api.types.is_numeric_dtype(frame[c]) else "l" for c in frame.columns)
    lines = [rf"\begin{{tabular}}{{{layout}}}", r"\toprule"]
    lines.append(" & ".join(_tex(str(c)) for c in cells.columns) + r" \\")
    lines.append(r"\midrule")
    lines += [" & ".join(_tex(str(v)) for v in row) + r" \\" for row in cells.itertuples(index=False)]
    lines += [r"\bottomrule", r"\end{tabular}"]
    if caption:
        lines = [r"\begin{table}", r"\centering", rf"\caption{{{_tex(caption)}}}", *lines, r"\end{table}"]
    return "\n".join(lines) + "\n"


def _word(frame: pd.DataFrame, path: str | Path, title: str, notes: Sequence[str]) -> Path:
    docx = optional("docx", extra="tables", what="a Word document")
    document = docx.Document()
    if title:
        document.add_paragraph(title)
    cells = _cells(frame)
    table = document.add_table(rows=1, cols=len(cells.columns))
    for j, name in enumerate(cells.columns):
        table.rows[0].cells[j].text = str(name)
    for row in cells.itertuples(index=False):
        made = table.add_row().cells
        for j, value in enumerate(row):
            made[j].text = str(value)
    for note in notes:
        document.add_paragraph(note)
    path = Path(path)
    document.save(str(path))
    return path


def write_excel(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a table to an Excel file, numbers as numbers.

    Raises
    ------
    EvaluationError
        The package openpyxl is not installed.
    """
    optional("openpyxl", extra="tables", what="an Excel file")
    out = pd.DataFrame(frame).copy()
    for name in out.columns:
        if not pd.api.types.is_numeric_dtype(out[name]):
            out[name] = ["" if pd.isna(v) else str(v) for v in out[name]]
    out.to_excel(path, index=False)
    return Path(path)


@dataclass(frozen=True, eq=False, repr=False)
class Summary:
    """What a printed page of a regression program says: facts, a table, notes.

    Attributes
    ----------
    title : str
    facts : mapping of str to str
        Printed in two columns where they fit.
    table : pandas.DataFrame
    notes : tuple of str

    Examples
    --------
    >>> from evaluation.display import Summary
    >>> import pandas as pd
    >>> print(Summary("A title", {"Units": "2"}, pd.DataFrame({"term": ["ATT"], "estimate": [0.5]})))
    A title
    ==============================================================================
    Units: 2
    ------------------------------------------------------------------------------
    term estimate
     ATT   0.5000
    ==============================================================================
    """

    title: str
    facts: Mapping[str, str]
    table: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.as_text()

    __repr__ = __str__

    def as_text(self) -> str:
        """The summary as text."""
        from textwrap import wrap

        out = [self.title, "=" * _WIDTH, *_two_columns(self.facts)]
        if self.table is not None and len(self.table):
            out += ["-" * _WIDTH, _cells(self._first).to_string(index=False, line_width=200)]
        if self.table is not None and len(self.table) > _MOST_ROWS:
            out.append(f"the first {_MOST_ROWS} of {len(self.table)} rows")
        out.append("=" * _WIDTH)
        for i, note in enumerate(self.notes, 1):
            out += wrap(f"[{i}] {note}", _WIDTH, subsequent_indent="    ", break_long_words=False)
        return "\n".join(out)

    @property
    def _first(self) -> pd.DataFrame:
        assert self.table is not None
        return self.table.head(_MOST_ROWS)

    def as_latex(self) -> str:
        """Its table in LaTeX."""
        return "" if self.table is None else _latex(self.table, self.title)

    def as_html(self) -> str:
        """The summary as HTML."""
        head = "".join(
            f"<tr><th {_LEFT}>{escape(k)}</th><td {_LEFT}>{escape(v)}</td></tr>"
            for k, v in self.facts.items()
        )
        parts = [f"<p><strong>{escape(self.title)}</strong></p><table>{head}</table>"]
        if self.table is not None and len(self.table):
            parts.append(_cells(self._first).to_html(index=False, escape=True, border=0))
        if self.notes:
            parts.append("<ul>" + "".join(f"<li>{escape(note)}</li>" for note in self.notes) + "</ul>")
        return "<div>" + "".join(parts) + "</div>"

    _repr_html_ = as_html


def _two_columns(facts: Mapping[str, str]) -> list[str]:
    from textwrap import wrap

    lines: list[str] = []
    waiting = ""
    half = _WIDTH // 2
    for key, value in facts.items():
        text = f"{key}: {value}"
        if len(text) >= half:
            if waiting:
                lines.append(waiting)
                waiting = ""
            lines += wrap(text, _WIDTH, subsequent_indent="  ", break_long_words=False)
        elif waiting:
            lines.append(f"{waiting:<{half}}{text}")
            waiting = ""
        else:
            waiting = text
    return [*lines, waiting] if waiting else lines


class Displayed:
    """A frozen dataclass with a short `repr`, HTML in notebooks and a `summary`; arrays are not printed."""

    _also: tuple[str, ...] = (
        "estimate",
        "std_error",
        "statistic",
        "p_value",
        "smallest_p",
        "reason",
    )

    def _facts(self) -> dict[str, str]:
        named = [f.name for f in fields(self) if f.repr]  # type: ignore[arg-type]
        out: dict[str, str] = {}
        for name in dict.fromkeys((*named, *self._also)):
            if name == "notes":
                continue
            try:
                value = getattr(self, name, None)
            except EvaluationError:
                continue
            if isinstance(value, Mapping) and "en" in value:
                value = value["en"]
            if isinstance(value, np.ndarray) and value.ndim == 0:
                value = value[()]
            if (
                isinstance(value, str | bool | np.bool_ | int | float | np.integer | np.floating)
                and value != ""
            ):
                out[name] = number(value)
        return out

    def _rows(self) -> pd.DataFrame | None:
        table = getattr(self, "table", None) if hasattr(self, "table") else getattr(self, "tidy", None)
        if callable(table):
            table = table()
        return table if isinstance(table, pd.DataFrame) else None

    def summary(self) -> Summary:
        """What was asked and found, as a text that prints and shows in a notebook."""
        notes = tuple(str(note) for note in getattr(self, "notes", ()))
        return Summary(type(self).__name__, self._facts(), self._rows(), notes)

    def __repr__(self) -> str:
        short = {k: v if len(v) <= _LONGEST else v[: _LONGEST - 1] + "…" for k, v in self._facts().items()}
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in short.items())})"

    def _repr_html_(self) -> str:
        return self.summary().as_html()
