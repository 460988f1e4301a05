"""Figures of a report. Each draws a light and a dark picture from plain numbers.

All take, by keyword, ``title`` (what the figure shows, a whole sentence), ``source`` (where its numbers come
from), ``alt`` (the same for those who cannot see it), ``language``, ``name`` and ``simulated``.
"""

from evaluation.report.figures_curve import specification_curve
from evaluation.report.figures_estimates import event_study, forest
from evaluation.report.figures_intervals import intervals
from evaluation.report.figures_lines import series
from evaluation.report.figures_numbers import Number, placebo, three_numbers
from evaluation.report.figures_pair import pair
from evaluation.report.figures_possible import possible
from evaluation.report.figures_power import power_curve
from evaluation.report.figures_ranks import rank_intervals, sparklines

__all__ = [
    "Number",
    "event_study",
    "forest",
    "intervals",
    "pair",
    "placebo",
    "possible",
    "power_curve",
    "rank_intervals",
    "series",
    "sparklines",
    "specification_curve",
    "three_numbers",
]
