"""The page that sets the variants of one study beside each other, in either language."""

from evaluation.report.comparison_story.data import Cell, Comparison, Measure, Number
from evaluation.report.comparison_story.page import render_comparison
from evaluation.report.comparison_story.sentences import finding

__all__ = ["Cell", "Comparison", "Measure", "Number", "finding", "render_comparison"]
