"""Figures of a report. Each draws a light and a dark picture from plain numbers.

All take, by keyword, ``title`` (what the figure shows, a whole sentence), ``source`` (where its numbers come
from), ``alt`` (the same for those who cannot see it), ``language``, ``name`` and ``simulated``.
"""

from evaluation.report.figures_estimates import event_study, forest
from evaluation.report.figures_lines import series, slope
from evaluation.report.figures_numbers import Number, placebo, three_numbers

__all__ = ["Number", "event_study", "forest", "placebo", "series", "slope", "three_numbers"]
