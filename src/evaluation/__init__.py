"""From a government's claim to a defensible answer: panels, designs, estimators, tests and reports.

Everything that a researcher uses is here by name, and loaded when it is first used:

>>> from evaluation import Design, GroupTime, Panel, Result
>>> from evaluation import audit, compare_results, randomization_test, recommend, wild_cluster_bootstrap
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.analysis import prepare as load
    from evaluation.auditing import Audit, audit
    from evaluation.design import Design
    from evaluation.diagnostics import (
        Diagnostic,
        EventStudy,
        Sampled,
        Sampling,
        Specification,
        bacon,
        event_study,
        every_choice,
        from_estimates,
        leave_one_out,
        minimum_effect,
        negative_weights,
        placebo_dates,
        pretrends,
        sampling,
        sensitivity,
        specification_curve,
        spillover,
    )
    from evaluation.errors import DataError, DesignError, EstimationError, EvaluationError
    from evaluation.estimators import (
        ExtendedTwoWayFixedEffects,
        GroupTime,
        Imputation,
        InteractionWeighted,
        OverallATT,
        PoissonFixedEffects,
        PoissonImputation,
        Predictor,
        Stacked,
        SyntheticControl,
        SyntheticDiD,
        TwoByTwo,
        TwoWayFixedEffects,
    )
    from evaluation.inference import (
        ClusterRobust,
        ClusterTTest,
        ConformalTest,
        FewTreated,
        PlaceboPaths,
        RandomizationTest,
        RankSets,
        Recommendation,
        StepDown,
        WildBootstrap,
        cluster_robust,
        conformal_intervals,
        conformal_test,
        conley_taber,
        ferman_pinto,
        ibragimov_muller,
        placebo_paths,
        randomization_in_time,
        randomization_test,
        rank_sets,
        recommend,
        romano_wolf,
        wild_cluster_bootstrap,
    )
    from evaluation.panel import Panel
    from evaluation.result import Result
    from evaluation.tables import compare_results

__version__ = "0.1.0"

_NAMES = {
    "analysis": ("load",),
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
            if module != "analysis" or (error.name or "").startswith("evaluation"):
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
