"""Whether the question can be answered from the data at all, found before a page is begun."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from evaluation.analysis.staggered.case import CLUSTER, EXPOSURE, FIRST, VALUE, WEIGHT, StaggeredCase
from evaluation.analysis.staggered.methods import ask
from evaluation.errors import EvaluationError
from evaluation.study.staggered import Outcome


def require_estimates(case: StaggeredCase) -> None:
    """Refuse a study whose page would fail: a design that nothing can be chosen for, no leading estimate.

    Raises
    ------
    EvaluationError
        As of `StaggeredCase.chosen` and of the leading estimator, with the table's own names of columns.
    """
    for outcome in case.study.outcomes:
        for comparison in case.study.comparisons:
            with _in_own_words(case, outcome):
                case.chosen(outcome, comparison)
    with _in_own_words(case, case.lead):
        ask(case, case.lead, case.choice.estimator).fit()


@contextmanager
def _in_own_words(case: StaggeredCase, outcome: Outcome) -> Iterator[None]:
    """Errors name columns as the table does, and say which outcome they are about."""
    try:
        yield
    except EvaluationError as error:
        place = f"outcome {outcome.id}, table {case.study.data.table}"
        where, expected, fix = (
            None if text is None else own_words(case, outcome, text)
            for text in (error.where, error.expected, error.fix)
        )
        raise type(error)(
            own_words(case, outcome, error.what),
            where="; ".join(filter(None, (place, where))),
            expected=expected,
            fix=fix,
        ) from None


def own_words(case: StaggeredCase, outcome: Outcome, text: str) -> str:
    """A message of the library's about a panel of a case, with the columns named as the table does."""
    treatment, data = case.study.treatment, case.study.data
    own = {
        VALUE: outcome.column,
        FIRST: outcome.first_treated or treatment.first_treated,
        EXPOSURE: data.exposure,
        CLUSTER: treatment.cluster,
        WEIGHT: treatment.weights or data.exposure,
        **{f"x{i}": name for i, name in enumerate(outcome.covariates)},
    }
    return re.sub(r"'(\w+)'", lambda found: repr(own.get(found[1]) or found[1]), text)
