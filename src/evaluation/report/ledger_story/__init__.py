"""The ledger's own sentences, rows, tables and figure, each made from what `evaluation.analysis` found."""

from evaluation.report.ledger_story.answer import answer
from evaluation.report.ledger_story.figures import scale_figure
from evaluation.report.ledger_story.rows import ledger
from evaluation.report.ledger_story.tables import (
    arithmetic_table,
    economy_table,
    ranks_table,
    record,
    threats,
    yearbook_note,
)

__all__ = [
    "answer",
    "arithmetic_table",
    "economy_table",
    "ledger",
    "ranks_table",
    "record",
    "scale_figure",
    "threats",
    "yearbook_note",
]
