"""Sections of a page on a panel study: one file a section, with a template in each language.

A section takes the case and what the cells of a notebook made, and returns a block in each language of the
study, a list of them, or None where it has nothing to say.
"""

from collections.abc import Iterator
from typing import Any

from evaluation.report.sections.answer import answer, three_numbers
from evaluation.report.sections.beside import beside_lead, claims_table, published_table, truth_table
from evaluation.report.sections.curve import curve_figure, curve_sentence
from evaluation.report.sections.effects import (
    estimates_table,
    family_table,
    inference_sentence,
    methods_lead,
    methods_sentence,
    model_lead,
    outcomes_figure,
)
from evaluation.report.sections.event_study import drift_table, path_figure, path_lead
from evaluation.report.sections.limits import settle, threats
from evaluation.report.sections.raw import (
    cohort_table,
    end_figure,
    event_time_figure,
    moved_lead,
    notes,
    raw_lead,
    withheld,
    years_figure,
)
from evaluation.report.sections.record import can_replicate, record, replication, replication_lead
from evaluation.report.sections.robustness import (
    bacon_table,
    checks_lead,
    checks_table,
    comparisons_figure,
    comparisons_table,
    robustness_lead,
)

__all__ = [
    "answer",
    "bacon_table",
    "beside_lead",
    "can_replicate",
    "checks_lead",
    "checks_table",
    "claims_table",
    "cohort_table",
    "comparisons_figure",
    "comparisons_table",
    "curve_figure",
    "curve_sentence",
    "drift_table",
    "end_figure",
    "estimates_table",
    "event_time_figure",
    "family_table",
    "inference_sentence",
    "methods_lead",
    "methods_sentence",
    "model_lead",
    "moved_lead",
    "notes",
    "outcomes_figure",
    "path_figure",
    "path_lead",
    "published_table",
    "raw_lead",
    "record",
    "replication",
    "replication_lead",
    "robustness_lead",
    "settle",
    "there",
    "threats",
    "three_numbers",
    "truth_table",
    "withheld",
    "years_figure",
]


def there(*parts: Any) -> Iterator[Any]:
    """What there is of a page's parts, in order, for a notebook to display; of lists, item by item."""
    for part in parts:
        if isinstance(part, list):
            yield from there(*part)
        elif part is not None:
            yield part
