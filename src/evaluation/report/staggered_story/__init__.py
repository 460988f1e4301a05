"""The sentences, tables and figures of pages on many places, each made from what the analysis found."""

from evaluation.report.staggered_story.agreement import claims_table, published_table, truth_table
from evaluation.report.staggered_story.answer import answer, three_numbers
from evaluation.report.staggered_story.estimates import (
    estimates_table,
    family_table,
    inference_sentence,
    methods_sentence,
    outcomes_figure,
    path_figure,
)
from evaluation.report.staggered_story.evidence import (
    around_figure,
    cohort_table,
    end_figure,
    withheld,
    years_figure,
)
from evaluation.report.staggered_story.limits import record, replication, settle, threats
from evaluation.report.staggered_story.robustness import (
    bacon_table,
    checks_table,
    comparisons_figure,
    comparisons_table,
    drift_table,
)

__all__ = [
    "answer",
    "around_figure",
    "bacon_table",
    "checks_table",
    "claims_table",
    "cohort_table",
    "comparisons_figure",
    "comparisons_table",
    "drift_table",
    "end_figure",
    "estimates_table",
    "family_table",
    "inference_sentence",
    "methods_sentence",
    "outcomes_figure",
    "path_figure",
    "published_table",
    "record",
    "replication",
    "settle",
    "threats",
    "three_numbers",
    "truth_table",
    "withheld",
    "years_figure",
]
