"""Approval cases: a city's own export, one row a case, checked and turned into durations."""

from evaluation.sources.approvals.cases import BrokenFile, CaseRecord, read_cases
from evaluation.sources.approvals.durations import durations
from evaluation.sources.approvals.tables import FIELDS, REQUIRED

__all__ = ["FIELDS", "REQUIRED", "BrokenFile", "CaseRecord", "durations", "read_cases"]
