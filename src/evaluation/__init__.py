"""From a government's claim to a defensible answer: panels, designs, estimators, tests and reports.

Everything that a researcher uses is here by name, and loaded when it is first used:

>>> from evaluation import Design, GroupTime, Panel, Result
>>> from evaluation import audit, compare_results, randomization_test, recommend, wild_cluster_bootstrap
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it, without the time that importing typing takes
if TYPE_CHECKING:
    from typing import Any

    from evaluation.analysis import prepare as _prepare
    from evaluation.analysis.evaluate import evaluate as evaluate
    from evaluation.auditing import Audit, audit
    from evaluation.design import Design
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
    from evaluation.errors import DataError, DesignError, EstimationError, EvaluationError
    from evaluation.estimators.extended import ExtendedTwoWayFixedEffects
    from evaluation.estimators.group_time import GroupTime
    from evaluation.estimators.imputation import Imputation
    from evaluation.estimators.interaction_weighted import InteractionWeighted
    from evaluation.estimators.overall import OverallATT
    from evaluation.estimators.poisson import PoissonFixedEffects
    from evaluation.estimators.poisson_imputation import PoissonImputation
    from evaluation.estimators.stacked import Stacked
    from evaluation.estimators.synthetic_control import Predictor, SyntheticControl
    from evaluation.estimators.synthetic_did import SyntheticDiD
    from evaluation.estimators.two_by_two import TwoByTwo
    from evaluation.estimators.two_way import TwoWayFixedEffects
    from evaluation.inference._few_treated import FewTreated
    from evaluation.inference.cluster_robust import ClusterRobust, cluster_robust
    from evaluation.inference.conformal import ConformalTest, conformal_intervals, conformal_test
    from evaluation.inference.conley_taber import conley_taber, ferman_pinto
    from evaluation.inference.ibragimov_muller import ClusterTTest, ibragimov_muller
    from evaluation.inference.placebo import PlaceboPaths, placebo_paths
    from evaluation.inference.randomization import RandomizationTest, randomization_test
    from evaluation.inference.randomization_time import randomization_in_time
    from evaluation.inference.rank_sets import RankSets, rank_sets
    from evaluation.inference.recommend import Recommendation, recommend
    from evaluation.inference.romano_wolf import StepDown, romano_wolf
    from evaluation.inference.wild_bootstrap import WildBootstrap, wild_cluster_bootstrap
    from evaluation.panel import Panel
    from evaluation.result import Result
    from evaluation.tables import compare_results

    load = _prepare

__version__ = "0.1.0"

_NAMES = {
    "analysis": ("load",),
    "analysis.evaluate": ("evaluate",),
    "auditing": (
        "Audit",
        "audit",
    ),
    "design": ("Design",),
    "diagnostics": (
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
    ),
    "errors": (
        "DataError",
        "DesignError",
        "EstimationError",
        "EvaluationError",
    ),
    "estimators": (
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
    ),
    "inference": (
        "ClusterRobust",
        "ClusterTTest",
        "ConformalTest",
        "FewTreated",
        "PlaceboPaths",
        "RandomizationTest",
        "RankSets",
        "Recommendation",
        "StepDown",
        "WildBootstrap",
        "cluster_robust",
        "conformal_intervals",
        "conformal_test",
        "conley_taber",
        "ferman_pinto",
        "ibragimov_muller",
        "placebo_paths",
        "randomization_in_time",
        "randomization_test",
        "rank_sets",
        "recommend",
        "romano_wolf",
        "wild_cluster_bootstrap",
    ),
    "panel": ("Panel",),
    "result": ("Result",),
    "tables": ("compare_results",),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}
_ELSEWHERE = {"load": "prepare"}
"""Names that are called otherwise in their module."""

# what needs more than numpy, scipy and pandas is no part of `from evaluation import *`

__all__ = [
    "Audit",
    "ClusterRobust",
    "ClusterTTest",
    "ConformalTest",
    "DataError",
    "Design",
    "DesignError",
    "Diagnostic",
    "EstimationError",
    "EvaluationError",
    "EventStudy",
    "ExtendedTwoWayFixedEffects",
    "FewTreated",
    "GroupTime",
    "Imputation",
    "InteractionWeighted",
    "OverallATT",
    "Panel",
    "PlaceboPaths",
    "PoissonFixedEffects",
    "PoissonImputation",
    "Predictor",
    "RandomizationTest",
    "RankSets",
    "Recommendation",
    "Result",
    "Sampled",
    "Sampling",
    "Specification",
    "Stacked",
    "StepDown",
    "SyntheticControl",
    "SyntheticDiD",
    "TwoByTwo",
    "TwoWayFixedEffects",
    "WildBootstrap",
    "__version__",
    "audit",
    "bacon",
    "cluster_robust",
    "compare_results",
    "conformal_intervals",
    "conformal_test",
    "conley_taber",
    "event_study",
    "every_choice",
    "ferman_pinto",
    "from_estimates",
    "ibragimov_muller",
    "leave_one_out",
    "minimum_effect",
    "negative_weights",
    "placebo_dates",
    "placebo_paths",
    "pretrends",
    "randomization_in_time",
    "randomization_test",
    "rank_sets",
    "recommend",
    "romano_wolf",
    "sampling",
    "sensitivity",
    "specification_curve",
    "spillover",
    "wild_cluster_bootstrap",
]


def __getattr__(name: str) -> Any:
    # on first use, so that `import evaluation` does not wait for pandas and scipy
    if name in _HOME:
        from importlib import import_module

        module = _HOME[name]
        try:
            found = getattr(import_module(f"evaluation.{module}"), _ELSEWHERE.get(name, name))
        except ModuleNotFoundError as error:
            if not module.startswith("analysis") or (error.name or "").startswith("evaluation"):
                raise
            raise _missing(name, error) from error
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _missing(name: str, error: ModuleNotFoundError) -> Exception:
    from evaluation.errors import EvaluationError

    return EvaluationError(
        f"{name!r} needs the Python package {error.name!r}, which is not installed",
        fix="pip install 'reform-evaluation[studies]'",
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, "__version__"})
