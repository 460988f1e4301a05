"""From an estimator, a panel and a design to the regression that cluster inference works on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.design import Design
from evaluation.errors import DesignError, EstimationError, shortlist
from evaluation.estimators import TwoWayFixedEffects
from evaluation.estimators._sample import Sample, build_sample
from evaluation.estimators._terms import event_terms, static_term
from evaluation.numerics.clustered import ClusteredRegression
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClusteredFit:
    """A fitted two-way regression with its clusters.

    Attributes
    ----------
    result : Result
        What the estimator returns with standard errors clustered.
    regression : ClusteredRegression
    sample : Sample
    rows : ndarray of int (k,)
        Row of ``result.terms`` of each estimated term.
    labels : tuple
        Names of the clusters.
    treated : ndarray of bool (n_clusters,)
        Whether a cluster holds a unit that is ever treated.
    """

    result: Result
    regression: ClusteredRegression
    sample: Sample
    rows: NDArray[np.intp]
    labels: tuple[Any, ...]
    treated: NDArray[np.bool_]

    @property
    def names(self) -> list[str]:
        """Estimated terms, references left out."""
        return [str(self.result.terms["term"].iloc[row]) for row in self.rows]

    def term(self, name: str | None) -> int:
        """Position of a term by name; the only one when the name is absent.

        Raises
        ------
        EstimationError
            The name is absent and there are several terms, or there is no such term.
        """
        if name is None:
            if len(self.rows) == 1:
                return 0
            raise EstimationError(
                f"the estimator has {len(self.rows)} terms and none is named",
                where=shortlist(self.names, 12),
                fix="name one: term='event time 0'",
            )
        if name not in self.names:
            raise EstimationError(
                f"there is no estimated term {name!r}", expected="one of " + shortlist(self.names, 12)
            )
        return self.names.index(name)


def fit_clustered(method: str, estimator: object, panel: Panel, design: Design) -> ClusteredFit:
    """Fit with clustered standard errors and keep the regression.

    Parameters
    ----------
    method : str
        Name of the inference, for messages.

    Raises
    ------
    EstimationError
        The estimator is not a two-way regression, or clusters are not made of whole units.
    DataError, DesignError
        As the estimator.
    """
    if not isinstance(estimator, TwoWayFixedEffects):
        raise EstimationError(
            f"{method} works on a regression, and {type(estimator).__name__} is none",
            expected="TwoWayFixedEffects, static or event study",
            fix="use randomization_test, which takes any estimator",
        )
    if len(design.cluster_columns) > 1:
        raise EstimationError(
            f"{method} needs one dimension of clusters, and the design has two: "
            f"{shortlist(design.cluster_columns)}",
            fix="give the coarser one",
        )
    estimator = replace(estimator, covariance="cluster")
    panel, design = design.with_numbers(panel)
    result = estimator.fit(panel, design)
    drop = design.window if estimator.supports.window == "sample" else None
    sample = build_sample(
        panel,
        design,
        always_treated=estimator.always_treated,
        singletons=estimator.singletons,
        drop_cells=drop,
    )
    only = sample.clusters[0]
    if not only.holds_units:
        raise EstimationError(
            f"{method} needs clusters made of whole units, and {only.name!r} cuts across them",
            fix="cluster by the unit or by groups of units",
        )
    terms = (
        event_terms(sample, reference=estimator.reference, endpoints=estimator.endpoints)
        if estimator.event_study
        else static_term(sample)
    )
    by_unit = np.arange(panel.n_units) if only.by_unit is None else only.by_unit
    held, cluster = np.unique(by_unit[sample.unit], return_inverse=True)
    regression = ClusteredRegression.build(
        sample.outcome,
        np.column_stack([sample.covariates, terms.table[sample.group[sample.unit], sample.time]]),
        sample.unit,
        sample.time,
        cluster,
        n_units=panel.n_units,
        n_periods=panel.n_periods,
        n_clusters=len(held),
        n_terms=terms.table.shape[2],
        weights=sample.weights,
    )
    treated = np.zeros(len(held), dtype=bool)
    treated[cluster[sample.group[sample.unit] < len(sample.cohort_values)]] = True
    return ClusteredFit(result, regression, sample, terms.estimated, _labels(panel, only, held), treated)


def _labels(panel: Panel, cluster: Any, held: NDArray[Any]) -> tuple[Any, ...]:
    if cluster.by_unit is None:
        return tuple(panel.units[held])
    codes, labels = panel.constant_in_unit(cluster.name)
    first = {int(group): unit for unit, group in reversed(list(enumerate(cluster.by_unit)))}
    return tuple(labels[codes[first[int(group)]]] for group in held)


def few_treated(n_treated: int, n_clusters: int) -> str:
    """In words how few clusters are treated, or are not; empty when neither is few."""
    if n_treated == n_clusters:
        return ""
    fewest = min(n_treated, n_clusters - n_treated)
    if fewest > 5:
        return ""
    kind = "treated" if n_treated <= n_clusters - n_treated else "untreated"
    return f"{fewest} {kind} cluster{'s' if fewest > 1 else ''} of {n_clusters}"


def check_options(**options: tuple[object, tuple[object, ...]]) -> None:
    """Raise for an option that is not among those allowed."""
    for name, (value, allowed) in options.items():
        if value not in allowed:
            raise EstimationError(f"{name} is {value!r}", expected="one of " + ", ".join(map(repr, allowed)))


def check_level(level: float) -> None:
    """Raise unless 0 < level < 1."""
    if not 0 < level < 1:
        raise EstimationError(f"the level is {level}", expected="a number between 0 and 1, such as 0.95")


def check_draws(draws: int) -> None:
    """Raise unless draws is a whole number of at least 99."""
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 99:
        raise DesignError(
            f"draws is {draws!r}",
            expected="a whole number of at least 99: with fewer no p-value can be below 1 %",
        )
