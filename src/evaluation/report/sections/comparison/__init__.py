"""The page that sets the variants of one study beside each other, in either language."""

from evaluation.report.sections.comparison.data import Cell, Comparison, Measure, Number
from evaluation.report.sections.comparison.page import render_comparison
from evaluation.report.sections.comparison.sentences import finding
from evaluation.report.sections.comparison.wording import text_in

__all__ = ["Cell", "Comparison", "Measure", "Number", "finding", "render_comparison", "text_in"]
