"""The bulletin's sentences, tables and figures, each made from what `evaluation.analysis` found."""

from evaluation.report.sections.bulletin.answer import answer, gap_figure, ranks_figure
from evaluation.report.sections.bulletin.limits import record, settle, threats
from evaluation.report.sections.bulletin.rankings import (
    cities_table,
    lines_figure,
    measures_table,
    plain_table,
)
from evaluation.report.sections.bulletin.robustness import (
    choices_table,
    history_figure,
    history_table,
    pooled_table,
)

__all__ = [
    "answer",
    "choices_table",
    "cities_table",
    "gap_figure",
    "history_figure",
    "history_table",
    "lines_figure",
    "measures_table",
    "plain_table",
    "pooled_table",
    "ranks_figure",
    "record",
    "settle",
    "threats",
]
