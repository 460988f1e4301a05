"""Checks on an estimate, one question a file, each answered with a `Diagnostic`."""

from evaluation.diagnostics.bacon import bacon
from evaluation.diagnostics.base import Diagnostic
from evaluation.diagnostics.event_study import EventStudy, event_study, from_estimates
from evaluation.diagnostics.leave_one_out import leave_one_out
from evaluation.diagnostics.minimum_effect import minimum_effect
from evaluation.diagnostics.negative_weights import negative_weights
from evaluation.diagnostics.placebo_dates import placebo_dates
from evaluation.diagnostics.pretrends import pretrends
from evaluation.diagnostics.sampling import Sampled, Sampling, sampling
from evaluation.diagnostics.sensitivity import sensitivity
from evaluation.diagnostics.specification_curve import Specification, every_choice, specification_curve
from evaluation.diagnostics.spillover import spillover

__all__ = [
    "Diagnostic",
    "EventStudy",
    "Sampled",
    "Sampling",
    "Specification",
    "bacon",
    "event_study",
    "every_choice",
    "from_estimates",
    "leave_one_out",
    "minimum_effect",
    "negative_weights",
    "placebo_dates",
    "pretrends",
    "sampling",
    "sensitivity",
    "specification_curve",
    "spillover",
]
