"""Approval cases: a city's own export, one row a case, checked, and counted into a panel of durations."""

from evaluation.sources.approvals.cases import BrokenFile, CaseRecord, read_cases
from evaluation.sources.approvals.durations import durations
from evaluation.sources.approvals.mix import decompose, fixed_mix
from evaluation.sources.approvals.panel import CaseCounts, count_cases, measures
from evaluation.sources.approvals.tables import FIELDS, REQUIRED

__all__ = [
    "FIELDS",
    "REQUIRED",
    "BrokenFile",
    "CaseCounts",
    "CaseRecord",
    "count_cases",
    "decompose",
    "durations",
    "fixed_mix",
    "measures",
    "read_cases",
]
