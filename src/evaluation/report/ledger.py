"""A ledger of claims for a page: rows that open to their evidence, and filters that need no script."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from evaluation.errors import ReportError
from evaluation.report import language as words
from evaluation.report.display import ATTRIBUTABLE, LEDGER, REPRODUCED, check_verdict, slug, to_csv

SILENT = "silent"
"""The kind of a row that states no figure."""
FILTERS = (*REPRODUCED, *ATTRIBUTABLE, SILENT)
"""What rows can be filtered by; the style sheet has a rule for each."""


@dataclass(frozen=True)
class Part:
    """A piece of text, with the address or the study's page that it leads to."""

    text: str
    href: str = ""
    study: str = ""


@dataclass(frozen=True)
class Line:
    """A term and what is said of it; each item stands on a line of its own."""

    term: str
    items: Sequence[Sequence[Part]]


@dataclass(frozen=True)
class Row:
    """One claim: what is seen, and what opens below it.

    Parameters
    ----------
    id : str
        Its address on the page.
    title, value, when : str
        What is claimed, the figure with its unit, and the time it is about.
    verdicts : sequence of (label, verdict)
        Both verdicts; none for a row without a figure.
    lines : sequence of Line
        The evidence.
    simulated : bool
        The only data are simulated.
    """

    id: str
    title: str
    value: str
    when: str
    verdicts: Sequence[tuple[str, str]]
    lines: Sequence[Line]
    simulated: bool = False

    @property
    def kinds(self) -> list[str]:
        """What the row is found by."""
        return [verdict for _, verdict in self.verdicts] or [SILENT]


@dataclass(frozen=True)
class Ledger:
    """All rows in groups, with the counts of each verdict as filters above them.

    Parameters
    ----------
    groups : sequence of (heading, rows)
    caption, name : str
    everything, silent : str
        Labels of the filters that show all rows, and those without a figure.
    legends : (str, str, str)
        What the filters do, and the two questions that the verdicts answer.
    data : DataFrame
        The rows as numbers.
    """

    groups: Sequence[tuple[str, Sequence[Row]]]
    caption: str
    name: str
    everything: str
    silent: str
    legends: tuple[str, str, str]
    language: str = "en"
    data: pd.DataFrame | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        ids = [row.id for row in self._rows()]
        repeated = sorted({i for i in ids if ids.count(i) > 1})
        if not ids or repeated:
            raise ReportError(
                "A ledger has two rows with one address." if repeated else "A ledger has no row.",
                where=f"ledger {self.name}: {', '.join(repeated)}",
            )
        for row in self._rows():
            for label, verdict in row.verdicts:
                check_verdict(verdict, where=f"{row.id}, {label}")

    def _rows(self) -> Iterator[Row]:
        for _, rows in self.groups:
            yield from rows

    def content(self) -> dict[str, Any]:
        """Everything the page needs, as plain text and lists."""
        found = [kind for row in self._rows() for kind in row.kinds]
        counts = {kind: found.count(kind) for kind in FILTERS}
        return {
            "name": slug(self.name),
            "caption": self.caption,
            "legends": list(self.legends),
            "everything": {"label": self.everything, "count": sum(1 for _ in self._rows())},
            "filters": [
                [{"kind": k, "count": counts[k]} for k in kinds if counts[k] or k in _ALWAYS]
                for kinds in (REPRODUCED, ATTRIBUTABLE)
            ],
            "silent": {"label": self.silent, "count": counts[SILENT]},
            "groups": [
                {"heading": heading, "rows": [_row(row) for row in rows]} for heading, rows in self.groups
            ],
            "csv": None if self.data is None else to_csv(self.data),
        }

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], Any]:
        content = self.content()
        parts = [f"<p><strong>{html.escape(self.caption)}</strong></p>"]
        plain = [self.caption]
        for heading, rows in self.groups:
            parts.append(f"<h4>{html.escape(heading)}</h4><ul>")
            plain.append(heading)
            for row in rows:
                said = "; ".join(words.text(f"verdict_{v}", self.language) for _, v in row.verdicts)
                text = " – ".join(filter(None, (row.title, row.value, row.when, said)))
                parts.append(f"<li>{html.escape(text)}</li>")
                plain.append(f"  {text}")
            parts.append("</ul>")
        return {"text/html": "".join(parts), LEDGER: content, "text/plain": "\n".join(plain)}, {}


_ALWAYS = {"beyond_comparison", "reproduced", "not_reproduced"}
"""Counted even when there are none: that there are none is said too."""


def _row(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "value": row.value,
        "when": row.when,
        "verdicts": [{"label": label, "verdict": verdict} for label, verdict in row.verdicts],
        "kinds": row.kinds,
        "simulated": row.simulated,
        "lines": [
            {
                "term": line.term,
                "entries": [[vars(part) for part in item] for item in line.items],
            }
            for line in row.lines
        ],
    }
