"""One place that is treated, and pools of others."""

from evaluation.analysis.case import prepare_one_place
from evaluation.analysis.kinds import StudyKind, alone
from evaluation.analysis.ledger import check_claims
from evaluation.study.one_place import Study

KIND = StudyKind(Study, alone(prepare_one_place), check_claims)
