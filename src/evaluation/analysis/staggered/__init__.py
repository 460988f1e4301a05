"""Many places treated at dates of their own: what notebooks call, in the order of the page."""

from evaluation.analysis.staggered.case import StaggeredCase
from evaluation.analysis.staggered.prepare import prepare_staggered

__all__ = ["StaggeredCase", "prepare_staggered"]
