"""Many places treated at dates of their own: what notebooks call, in the order of the page."""

from evaluation.analysis.choice import Choice
from evaluation.analysis.staggered.case import StaggeredCase, rate_of_count
from evaluation.analysis.staggered.checks import checks, detectable
from evaluation.analysis.staggered.descriptives import (
    EventTimeMeans,
    Yearly,
    cohorts,
    event_time_means,
    total_change,
    yearly,
)
from evaluation.analysis.staggered.disclosure import disclosure_mask, disclosure_masks
from evaluation.analysis.staggered.effects import advice, choose, estimates
from evaluation.analysis.staggered.family import comparisons, family
from evaluation.analysis.staggered.findings import Findings, findings
from evaluation.analysis.staggered.methods import ask, without_events
from evaluation.analysis.staggered.paths import Path, path, paths
from evaluation.analysis.staggered.prepare import prepare_staggered
from evaluation.analysis.staggered.published_results import check_claims, published, truth, verdicts
from evaluation.analysis.staggered.record import result_file
from evaluation.analysis.staggered.relative import said_ends

__all__ = [
    "Choice",
    "EventTimeMeans",
    "Findings",
    "Path",
    "StaggeredCase",
    "Yearly",
    "advice",
    "ask",
    "check_claims",
    "checks",
    "choose",
    "cohorts",
    "comparisons",
    "detectable",
    "disclosure_mask",
    "disclosure_masks",
    "estimates",
    "event_time_means",
    "family",
    "findings",
    "path",
    "paths",
    "prepare_staggered",
    "published",
    "rate_of_count",
    "result_file",
    "said_ends",
    "total_change",
    "truth",
    "verdicts",
    "without_events",
    "yearly",
]
