"""Estimators: one file a method, each a frozen dataclass with ``fit(panel, design) -> Result``."""

from evaluation.estimators.extended import ExtendedTwoWayFixedEffects
from evaluation.estimators.group_time import GroupTime
from evaluation.estimators.imputation import Imputation
from evaluation.estimators.interaction_weighted import InteractionWeighted
from evaluation.estimators.overall import OverallATT, is_linear
from evaluation.estimators.poisson import PoissonFixedEffects
from evaluation.estimators.poisson_imputation import PoissonImputation
from evaluation.estimators.stacked import Stacked
from evaluation.estimators.synthetic_control import Predictor, SyntheticControl
from evaluation.estimators.synthetic_did import SyntheticDiD
from evaluation.estimators.two_by_two import TwoByTwo
from evaluation.estimators.two_way import TwoWayFixedEffects

__all__ = [
    "ExtendedTwoWayFixedEffects",
    "GroupTime",
    "Imputation",
    "InteractionWeighted",
    "OverallATT",
    "PoissonFixedEffects",
    "PoissonImputation",
    "Predictor",
    "Stacked",
    "SyntheticControl",
    "SyntheticDiD",
    "TwoByTwo",
    "TwoWayFixedEffects",
    "is_linear",
]
