"""A ledger of claims, which takes the verdicts of the studies that it depends on."""

from evaluation.analysis.kinds import StudyKind
from evaluation.analysis.ledger_data import prepare_ledger
from evaluation.study.ledger import Ledger

KIND = StudyKind(Ledger, prepare_ledger)
