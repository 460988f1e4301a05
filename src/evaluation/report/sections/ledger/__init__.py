"""The ledger's own sentences, rows, tables and figure, each made from what `evaluation.analysis` found."""

from evaluation.report.sections.ledger.answer import answer
from evaluation.report.sections.ledger.figures import scale_figure
from evaluation.report.sections.ledger.rows import ledger
from evaluation.report.sections.ledger.tables import (
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
