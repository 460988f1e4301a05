"""A claim without data: what its percentages can mean, and what methods find where the truth is known."""

from evaluation.analysis.simulated.case import SimulatedCase, prepare_simulated
from evaluation.analysis.simulated.detectable import Detectable, detectable
from evaluation.analysis.simulated.estimates import METHODS, advice, estimates
from evaluation.analysis.simulated.percentages import claim_ranges, smallest_counts
from evaluation.analysis.simulated.record import check_claims, result_file

__all__ = [
    "METHODS",
    "Detectable",
    "SimulatedCase",
    "advice",
    "check_claims",
    "claim_ranges",
    "detectable",
    "estimates",
    "prepare_simulated",
    "result_file",
    "smallest_counts",
]
