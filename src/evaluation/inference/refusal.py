"""Whether a method takes a design, and why not: the method's own checks, without its estimate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from evaluation.clusters import clusters_of_units
from evaluation.design import Design
from evaluation.errors import EstimationError, EvaluationError
from evaluation.inference.assignments import assignments
from evaluation.inference.conley_taber import FEWEST_BEFORE, check_few_treated
from evaluation.inference.randomization_time import check_one_date
from evaluation.panel import Panel

_CHECKS: Mapping[str, Callable[[Panel, Design], object]] = {
    "randomization_test": assignments,
    "conley_taber": lambda panel, design: check_few_treated("Conley-Taber inference", panel, design),
    "ferman_pinto": lambda panel, design: check_few_treated(
        "Ferman-Pinto inference", panel, design, periods=FEWEST_BEFORE
    ),
    "ibragimov_muller": partial(clusters_of_units, method="a t test on clusters"),
    "randomization_in_time": check_one_date,
}


def refusal(method: str, panel: Panel, design: Design) -> EvaluationError | None:
    """The error with which a method refuses a design; None where it takes it.

    The static two-way regression is taken as the estimator, and for ``ferman_pinto`` variances from
    before treatment. A method that takes a design need not be a good one for it: see `recommend`.

    Parameters
    ----------
    method : str
        ``"randomization_test"``, ``"conley_taber"``, ``"ferman_pinto"``, ``"ibragimov_muller"`` or
        ``"randomization_in_time"``.
    panel : Panel
    design : Design

    Raises
    ------
    EstimationError
        There is no such method.
    """
    if method not in _CHECKS:
        raise EstimationError(f"there is no method {method!r}", expected="one of " + ", ".join(_CHECKS))
    try:
        _CHECKS[method](panel, design)
    except EvaluationError as error:
        return error
    return None
