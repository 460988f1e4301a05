"""Panel studies: places that are treated at dates of their own, or one of them."""

from evaluation.analysis.kinds import StudyKind, alone
from evaluation.analysis.staggered.prepare import prepare_staggered
from evaluation.analysis.staggered.published_results import check_claims
from evaluation.study.staggered import StaggeredStudy

KIND = StudyKind(StaggeredStudy, alone(prepare_staggered), check_claims)
