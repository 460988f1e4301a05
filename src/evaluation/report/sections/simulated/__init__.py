"""The sentences, tables and figures of pages on a claim without data."""

from evaluation.report.sections.simulated.answer import answer, three_numbers
from evaluation.report.sections.simulated.claims import (
    claims_table,
    ranges_figure,
    ranges_table,
    smallest_table,
)
from evaluation.report.sections.simulated.limits import (
    power_figure,
    power_table,
    record,
    settle,
    threats,
)
from evaluation.report.sections.simulated.results import (
    found_figure,
    inference_sentence,
    inference_table,
    moves_table,
    replication,
    truth_table,
    years_figure,
)

__all__ = [
    "answer",
    "claims_table",
    "found_figure",
    "inference_sentence",
    "inference_table",
    "moves_table",
    "power_figure",
    "power_table",
    "ranges_figure",
    "ranges_table",
    "record",
    "replication",
    "settle",
    "smallest_table",
    "threats",
    "three_numbers",
    "truth_table",
    "years_figure",
]
