"""The page's own sentences, tables and figures, each made from what `evaluation.analysis` found."""

from evaluation.report.sections.one_place.answer import answer, three_numbers
from evaluation.report.sections.one_place.claims import claims_table, rule_table
from evaluation.report.sections.one_place.estimates import (
    estimates_figure,
    estimates_table,
    specification_sentence,
)
from evaluation.report.sections.one_place.evidence import (
    path_figure,
    placebo_figure,
    record_table,
    years_figure,
)
from evaluation.report.sections.one_place.family import family_table
from evaluation.report.sections.one_place.limits import record, replication, settle, threats
from evaluation.report.sections.one_place.robustness import (
    audit_table,
    checks_table,
    curve_figure,
    curve_sentence,
    inference_table,
    pools_sentence,
    power_figure,
    power_sentence,
    sensitivity_figure,
    synthetic_table,
    twin_figure,
)

__all__ = [
    "answer",
    "audit_table",
    "checks_table",
    "claims_table",
    "curve_figure",
    "curve_sentence",
    "estimates_figure",
    "estimates_table",
    "family_table",
    "inference_table",
    "path_figure",
    "placebo_figure",
    "pools_sentence",
    "power_figure",
    "power_sentence",
    "record",
    "record_table",
    "replication",
    "rule_table",
    "sensitivity_figure",
    "settle",
    "specification_sentence",
    "synthetic_table",
    "threats",
    "three_numbers",
    "twin_figure",
    "years_figure",
]
