"""A claim without data, and what data could tell of it."""

from evaluation.analysis.kinds import StudyKind, alone
from evaluation.analysis.simulated.case import prepare_simulated
from evaluation.analysis.simulated.record import check_claims
from evaluation.study.simulated import SimulatedStudy

KIND = StudyKind(SimulatedStudy, alone(prepare_simulated), check_claims)
