"""The few functions that notebooks call, in the order in which a page tells its story."""

from evaluation.analysis.case import Case, prepare
from evaluation.analysis.change import Headline, YearTable, headline, year_table
from evaluation.analysis.effects import EventPath, event_path, specifications
from evaluation.analysis.ledger import check_claims, ranks
from evaluation.analysis.record import ResultFile, result_file

__all__ = [
    "Case",
    "EventPath",
    "Headline",
    "ResultFile",
    "YearTable",
    "check_claims",
    "event_path",
    "headline",
    "prepare",
    "ranks",
    "result_file",
    "specifications",
    "year_table",
]
