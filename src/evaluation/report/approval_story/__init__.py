"""What pages on approval time say beyond those on any other reform."""

from evaluation.report.approval_story.facts import (
    eighty_figure,
    eighty_sentence,
    limits_figure,
    limits_table,
)
from evaluation.report.approval_story.records import answer, beside, facts, records

__all__ = [
    "answer",
    "beside",
    "eighty_figure",
    "eighty_sentence",
    "facts",
    "limits_figure",
    "limits_table",
    "records",
]
