"""Checks on an estimate, one question a file, each answered with a `Diagnostic`."""

from evaluation.diagnostics.bacon import bacon
from evaluation.diagnostics.base import Diagnostic
from evaluation.diagnostics.event_study import EventStudy, event_study, from_estimates
from evaluation.diagnostics.negative_weights import negative_weights
from evaluation.diagnostics.pretrends import pretrends
from evaluation.diagnostics.sensitivity import sensitivity

__all__ = [
    "Diagnostic",
    "EventStudy",
    "bacon",
    "event_study",
    "from_estimates",
    "negative_weights",
    "pretrends",
    "sensitivity",
]
