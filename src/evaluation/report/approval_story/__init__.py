"""What pages on approval time say beyond those on any other reform."""

from evaluation.report.approval_story.facts import (
    eighty_figure,
    eighty_sentence,
    limits_figure,
    limits_table,
)

__all__ = ["eighty_figure", "eighty_sentence", "limits_figure", "limits_table"]
