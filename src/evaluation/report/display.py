"""What a notebook shows: figures, tables, the answer, prose and records.

Each object shows itself in JupyterLab and carries a structured twin under a media type of our own,
from which the page is made; so the page never takes markup out of a notebook's output.
"""

from __future__ import annotations

import base64
import csv
import html
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report import png

MEDIA = "application/vnd.evaluation.{}+json"
FIGURE, TABLE, ANSWER, RECORD, LEDGER = (
    MEDIA.format(kind) for kind in ("figure", "table", "answer", "record", "ledger")
)
REPRODUCED = ("reproduced", "close", "not_reproduced", "no_data")
ATTRIBUTABLE = ("beyond_comparison", "differs", "not_distinguishable", "opposite", "not_testable")
VERDICTS = (*REPRODUCED, *ATTRIBUTABLE)
Align = Literal["left", "right", "center"]
Format = str | Callable[[Any], str]
Bundle = tuple[dict[str, Any], dict[str, Any]]
_RUN_BY_SPREADSHEETS = frozenset("=+-@\t\r\n\0＝＋－＠")
_BEHIND_SEPARATOR = re.compile(r"([;\t|]\s*\"?)([=+\-@＝＋－＠])")
_NUMERIC = re.compile(r"[+\-\u2212]?\s*(\d[\d,]*\.?\d*|\.\d+)([eE][+-]?\d+)?\s*%?")


def slug(name: str) -> str:
    """A name fit for an address or a file: letters (of any script), digits and hyphens."""
    return re.sub(r"[^\w]+", "-", name, flags=re.UNICODE).strip("-_").lower() or "item"


@dataclass(frozen=True)
class Figure:
    """A picture, drawn light, with its words; a dark page shows it through `evaluation.report.png.night`.

    Attributes
    ----------
    light : bytes
        PNG, 840 pixels wide: the plot alone; its words are text around it.
    shared : bytes
        The same with title, subtitle and source drawn in, for a reader who takes the picture away.
    alt : str
        What the picture says, for those who do not see it.
    title, subtitle, source, name : str
        Above it, below it, and its address within the page.
    simulated : bool
        Mark it as made from simulated data.
    data : DataFrame, optional
        The numbers drawn.
    """

    light: bytes = field(repr=False)
    alt: str
    title: str
    name: str
    language: str = "en"
    data: pd.DataFrame | None = field(default=None, repr=False, compare=False)
    subtitle: str = ""
    source: str = ""
    simulated: bool = False
    shared: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ReportError(
                "A figure has no alternative text.", where=self.name, fix="say in words what it shows (alt)"
            )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the picture."""
        return png.size(self.light)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        width, height = self.size
        light, shared = (
            base64.b64encode(picture).decode("ascii") for picture in (self.light, self.shared or self.light)
        )
        structured = {
            "light": light,
            "shared": shared,
            "alt": self.alt,
            "title": self.title,
            "subtitle": self.subtitle,
            "source": self.source,
            "simulated": self.simulated,
            "name": slug(self.name),
            "width": width,
            "height": height,
            "csv": None if self.data is None else to_csv(self.data),
        }
        data = {"image/png": shared, FIGURE: structured, "text/plain": f"{self.title}\n{self.alt}"}
        return data, {"image/png": {"alt": self.alt, "width": width // 2}}


@dataclass(frozen=True)
class Table:
    """A table with a caption that says what it shows and a link to its numbers.

    Parameters
    ----------
    frame : DataFrame
        Columns as they are headed. The index is shown when it is named.
    caption : str
    name : str
        Address within the page and name of the CSV file.
    formats : mapping of column to format
        A format specification (``".1f"``) or a function of the cell. A column of numbers is else
        written with the decimals that give its middle value three figures. The CSV
        file always holds the values as they are.
    align : mapping of column to {"left", "right", "center"}
        By default numbers right, text left.
    notes : str or sequence of str
        Below the table.
    simulated : bool
        Mark the table as made from simulated data.
    links : mapping of column to sequence of str or None
        Addresses that the cells of a column lead to, a row each.
    """

    frame: pd.DataFrame
    caption: str
    name: str
    formats: Mapping[Any, Format] = field(default_factory=dict)
    align: Mapping[Any, Align] = field(default_factory=dict)
    notes: str | Sequence[str] = ()
    simulated: bool = False
    language: str = "en"
    data: pd.DataFrame | None = None
    links: Mapping[Any, Sequence[str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.caption.strip():
            raise ReportError("A table has no caption.", where=self.name, fix="say what it shows")
        columns = set(_with_index(self.frame).columns)
        unknown = [str(key) for key in (*self.formats, *self.align, *self.links) if key not in columns]
        if unknown:
            raise ReportError(
                "A table has formats for columns it does not have.",
                where=f"table {self.name}: {', '.join(unknown)}",
                expected=", ".join(map(str, columns)),
            )

    def content(self) -> dict[str, Any]:
        """Everything the page needs, as plain text and lists."""
        frame = _with_index(self.frame)
        columns = []
        for position, column in enumerate(frame.columns):
            values = frame.iloc[:, position]
            numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
            default = "right" if numeric or (len(values) > 0 and all(map(_looks_numeric, values))) else "left"
            columns.append({"label": _label(column), "align": self.align.get(column, default)})
        digits = [_digits(frame.iloc[:, position]) for position in range(frame.shape[1])]
        rows = [
            [
                _write(cell, self.formats.get(column), self.language, places)
                for column, cell, places in zip(frame.columns, row, digits, strict=True)
            ]
            for row in frame.itertuples(index=False, name=None)
        ]
        notes = [self.notes] if isinstance(self.notes, str) else list(self.notes)
        return {
            "caption": self.caption,
            "name": slug(self.name),
            "columns": columns,
            "rows": rows,
            "notes": notes,
            "simulated": self.simulated,
            "csv": to_csv(frame if self.data is None else self.data),
            **({"links": self._links(frame)} if self.links else {}),
        }

    def _links(self, frame: pd.DataFrame) -> list[list[str | None]]:
        """The address of every cell, None for most."""
        return [
            [self.links[column][i] if column in self.links else None for column in frame.columns]
            for i in range(len(frame))
        ]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        content = self.content()
        mark = f"<strong>{words.text('simulated', self.language)}</strong> " if self.simulated else ""
        head = "".join(f"<th>{html.escape(column['label'])}</th>" for column in content["columns"])
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in content["rows"]
        )
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in content["notes"])
        markup = (
            f"<table><caption>{mark}{html.escape(self.caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"
        )
        return {"text/html": markup, TABLE: content, "text/plain": f"{self.caption}\n{self.frame}"}, {}


@dataclass(frozen=True)
class Answer:
    """The first box on the page: one sentence that answers the question.

    Parameters
    ----------
    sentence : str
        In plain words, with its uncertainty.
    verdicts : sequence of (label, verdict)
        What is judged, and one of ``VERDICTS``.
    detail : str
        A line below, in smaller type.
    """

    sentence: str
    verdicts: Sequence[tuple[str, str]] = ()
    detail: str = ""
    language: str = "en"

    def __post_init__(self) -> None:
        if not self.sentence.strip():
            raise ReportError(
                "The answer has no sentence.", fix="write one sentence that answers the question"
            )
        for label, verdict in self.verdicts:
            check_verdict(verdict, where=label)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        marks = [(label, words.text(f"verdict_{verdict}", self.language)) for label, verdict in self.verdicts]
        items = "".join(
            f"<li>{html.escape(label)}: <strong>{html.escape(word)}</strong></li>" for label, word in marks
        )
        sentence, detail = html.escape(self.sentence), html.escape(self.detail)
        markup = f"<p><strong>{sentence}</strong></p><ul>{items}</ul><p>{detail}</p>"
        content = {
            "sentence": self.sentence,
            "verdicts": [{"label": label, "verdict": verdict} for label, verdict in self.verdicts],
            "detail": self.detail,
        }
        plain = "\n".join([self.sentence, *(f"{label}: {word}" for label, word in marks), self.detail])
        return {"text/html": markup, ANSWER: content, "text/plain": plain}, {}


@dataclass(frozen=True)
class Prose:
    """Text written by the notebook's code, in markdown. Markup in it is shown, not obeyed."""

    markdown: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        return {"text/markdown": self.markdown, "text/plain": self.markdown}, {}


@dataclass(frozen=True)
class Record:
    """A list of terms and what is recorded for each: choices made, data used, versions."""

    items: Mapping[str, object] | Iterable[tuple[str, object]]
    title: str = ""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        pairs = self.items.items() if isinstance(self.items, Mapping) else self.items
        rows = [(str(term), str(value)) for term, value in pairs]
        body = "".join(f"<dt>{html.escape(term)}</dt><dd>{html.escape(value)}</dd>" for term, value in rows)
        plain = "\n".join(f"{term}: {value}" for term, value in rows)
        content = {"title": self.title, "items": [list(row) for row in rows]}
        return {"text/html": f"<dl>{body}</dl>", RECORD: content, "text/plain": plain}, {}


def check_verdict(verdict: str, where: str = "") -> str:
    """Return the verdict or raise ReportError when there is no such one."""
    if verdict not in VERDICTS:
        raise ReportError(
            f"There is no verdict {verdict!r}.", where=where or None, expected=", ".join(VERDICTS)
        )
    return verdict


def to_csv(frame: pd.DataFrame) -> str:
    """The frame as CSV, values as they are; text that a spreadsheet would run is made harmless.

    A cell that begins with ``= + - @`` (also full width), a tab or a line end and is not a number gets an
    apostrophe in front (OWASP's rule against CSV injection).
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    frame = _with_index(frame)
    writer.writerow([_harmless(_label(column)) for column in frame.columns])
    for row in frame.itertuples(index=False, name=None):
        writer.writerow(["" if _missing(cell) else _harmless(cell) for cell in row])
    return out.getvalue()


def _harmless(cell: Any) -> Any:
    if isinstance(cell, float):
        return f"{cell:.10g}"
    # where a spreadsheet takes a semicolon for the separator, a cell begins behind it, too
    written = _BEHIND_SEPARATOR.sub(r"\1'\2", str(cell))
    if written[:1] in _RUN_BY_SPREADSHEETS and not _NUMERIC.fullmatch(written):
        return "'" + written
    return written


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    named = any(name is not None for name in frame.index.names)
    return frame.reset_index() if named else frame


def _label(column: Any) -> str:
    return " ".join(str(part) for part in column if str(part)) if isinstance(column, tuple) else str(column)


def _missing(cell: Any) -> bool:
    return cell is None or (pd.api.types.is_scalar(cell) and bool(pd.isna(cell)))


def _looks_numeric(cell: Any) -> bool:
    return isinstance(cell, str) and _NUMERIC.fullmatch(cell.strip()) is not None


def _digits(column: pd.Series) -> int | None:
    """Decimals of a column of numbers: those that give its middle value three figures."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return None
    values = column.dropna().astype(float).abs()
    values = values[(values > 0) & (values < float("inf"))]
    if (values == values.round()).all():
        return 0
    return words.figures(float(values.median()), 3)


def _write(cell: Any, how: Format | None, language: str, digits: int | None = None) -> str:
    if callable(how):
        return str(how(cell))
    if _missing(cell):
        return words.NOT_A_NUMBER
    if how is not None:
        return format(cell, how).replace("-", words.MINUS) if _is_number(cell) else format(cell, how)
    if isinstance(cell, pd.Period | pd.Timestamp):
        monthly = isinstance(cell, pd.Period) and cell.freqstr.startswith("M")
        return words.month(cell, language) if monthly else str(cell)
    return words.number(cell, language, digits) if _is_number(cell) else str(cell)


def _is_number(cell: Any) -> bool:
    return pd.api.types.is_number(cell) and not isinstance(cell, bool)
