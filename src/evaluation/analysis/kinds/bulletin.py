"""A bulletin of a month: places that are ranked; it states nothing that a rule decides."""

from evaluation.analysis.bulletin import prepare_bulletin
from evaluation.analysis.kinds import StudyKind, alone
from evaluation.study.bulletin import Bulletin

KIND = StudyKind(Bulletin, alone(prepare_bulletin))
