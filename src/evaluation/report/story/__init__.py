"""The page's own sentences, tables and figures, each made from what `evaluation.analysis` found."""

from evaluation.report.story.answer import answer, three_numbers
from evaluation.report.story.claims import claims_table, rule_table
from evaluation.report.story.estimates import estimates_figure, estimates_table, specification_sentence
from evaluation.report.story.evidence import (
    path_figure,
    placebo_figure,
    record_table,
    slope_figure,
    years_figure,
)
from evaluation.report.story.limits import record, replication, settle, threats

__all__ = [
    "answer",
    "claims_table",
    "estimates_figure",
    "estimates_table",
    "path_figure",
    "placebo_figure",
    "record",
    "record_table",
    "replication",
    "rule_table",
    "settle",
    "slope_figure",
    "specification_sentence",
    "threats",
    "three_numbers",
    "years_figure",
]
