"""The figures of the reports: thin calls of five primitives (rows, intervals, lines, dots, curve).

All take the words of `evaluation.report.canvas.Texts`: ``title`` (what it shows), ``source`` (where its
numbers come from), ``alt`` (the same for those who cannot see it), ``language``, ``name`` and ``simulated``.
No figure knows a subject: the words for units, periods and effects are the caller's.
"""

from evaluation.report.canvas import Entry
from evaluation.report.figures_curve import specification_curve
from evaluation.report.figures_dots import placebo
from evaluation.report.figures_intervals import event_study, intervals
from evaluation.report.figures_lines import pair, possible, power_curve, series
from evaluation.report.figures_rows import (
    Number,
    claimed_and_left,
    forest,
    rank_intervals,
    sparklines,
    three_numbers,
)

__all__ = [
    "Entry",
    "Number",
    "claimed_and_left",
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
