"""The interaction-weighted event study of Sun and Abraham (2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from evaluation.clusters import convention_name
from evaluation.design import Design, Supports
from evaluation.errors import EstimationError, shortlist
from evaluation.estimators._cells import CellTable, balanced_contrasts, group_time_cells, share_map
from evaluation.estimators._cohorts import CohortSample, build_cohorts
from evaluation.estimators._shared import Vectors, cluster_factors, joint_result, lazy, named, unit_weight
from evaluation.numerics.cohorts import (
    ClusterDimension,
    LinearMap,
    SecondMoments,
    cohort_moments,
    second_moments,
    unit_vectors,
)
from evaluation.numerics.covariance import Factors, SmallSample, small_sample
from evaluation.numerics.effects import EffectsFit, MaskedPanel, fit_effects, score_vectors
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class InteractionWeighted:
    """Interaction weights of Sun and Abraham (2021): effects by cohort and period, averaged.

    Least squares with an effect for each cohort and period, averaged by cohort shares.

    ``y_it = a_i + b_t + sum_g sum_t delta_gt 1[g_i = g] 1[t] + x_it' gamma + u_it`` without the terms
    of each cohort's last period before treatment (Sun and Abraham 2021, section 4.1). The
    interactions are saturated, so that each cohort has its own path; with a balanced panel and no
    covariates ``delta_gt`` is a difference in differences of cohort means.

    Parameters
    ----------
    small_sample : str or SmallSample
        ``"fixest"`` (R fixest's defaults), ``"full"``, ``"clusters"``, ``"none"``, or a `SmallSample`.
    estimated_shares : bool
        False takes cohort shares in averages as known, as fixest's sunab does; True adds their
        sampling variance.

    Notes
    -----
    Without never treated units and with ``design.comparison = "not_yet_treated"`` the last cohort is
    the comparison and the periods from its treatment on are dropped and counted (their section 4.1, step 1).

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, InteractionWeighted
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> fit = InteractionWeighted().fit(panel, design)
    >>> att = fit.aggregate("simple").tidy()[["term", "estimate", "std_error"]]
    >>> print(att.round(3).to_string(index=False))
    term  estimate  std_error
     ATT     0.472       0.21
    """

    linear: ClassVar[bool] = True
    supports: ClassVar[Supports] = Supports("InteractionWeighted")
    small_sample: str | SmallSample = "fixest"
    estimated_shares: bool = False

    def __post_init__(self) -> None:
        small_sample(self.small_sample)

    def fit(self, panel: Panel, design: Design) -> Result:
        """Estimate every cohort-period relative to the last period before treatment.

        Parameters
        ----------
        panel : Panel
        design : Design
            ``covariates``, ``cluster``, ``weights``, ``anticipation`` and ``window`` are used.

        Returns
        -------
        Result
            Terms are cohort-by-period effects, 0 without a standard error at the reference;
            aggregate with ``result.aggregate(...)``.

        Raises
        ------
        DataError, DesignError
            See `Panel` and `Design`; no never treated units when they are asked for.
        EstimationError
            No cohort-period is left, or no degrees of freedom.
        """
        panel, design = design.with_numbers(panel)
        sample = build_cohorts(panel, design)
        if sample.sampling == "cross_sections":
            raise EstimationError(
                "no unit is seen twice, and unit effects need that",
                fix="use GroupTime for repeated cross-sections",
            )
        if len(sample.members[-1]) == 0:
            sample = sample.last_cohort_as_comparison()
        cells = group_time_cells(sample, universal=True, not_yet=False)
        if len(cells) == 0 or cells.reference.all():
            raise EstimationError("no cohort-period is left to estimate", fix="widen the window")
        if sample.sampling == "balanced" and not design.covariates:
            return self._balanced(sample, cells)
        return self._regression(sample, cells)

    def _balanced(self, sample: CohortSample, cells: CellTable) -> Result:
        f, clusters = self._factors(sample, len(sample.values) * (sample.n_periods - 1))
        moments = cohort_moments(
            sample.outcome,
            sample.cohort,
            sample.n_cohorts,
            weights=sample.weights,
            clusters=clusters,
        )
        estimate, maps = balanced_contrasts(cells, moments.weight, moments.path)
        return self._result(
            sample,
            cells,
            estimate,
            np.repeat(moments.weight[:, None], sample.n_periods, axis=1),
            factors=f,
            second=moments.second,
            vectors=lambda rows, c: unit_vectors(sample.outcome, rows, moments.path[c], sample.weights),
            maps=maps,
        )

    def _regression(self, sample: CohortSample, cells: CellTable) -> Result:
        design = sample.design
        covariates = [sample.panel.matrix(name)[:, : sample.n_periods] for name in design.covariates]
        allowed = np.ones((sample.n_cohorts, sample.n_periods), dtype=bool)
        panel = MaskedPanel(sample.members, [sample.outcome, *covariates], allowed, sample.weights)
        fit = fit_effects(panel, np.arange(sample.n_cohorts))
        estimate, maps, weight = _saturated(sample, cells, fit)
        vectors = score_vectors(panel, fit)
        p = 1 + sample.n_periods + len(fit.beta)
        linked = [int((fit.part[g] >= 0).sum()) - len(set(fit.part[g][fit.part[g] >= 0])) for g in fit.group]
        f, clusters = self._factors(sample, sum(linked[:-1]) + int(fit.kept.sum()))
        return self._result(
            sample,
            cells,
            estimate,
            weight,
            factors=f,
            second=second_moments(sample.members, vectors, p, clusters),
            vectors=vectors,
            maps=maps,
            notes=named(sample, fit),
        )

    def _factors(self, sample: CohortSample, slopes: int) -> tuple[Factors, tuple[ClusterDimension, ...]]:
        levels = (sum(map(len, sample.members)), sample.n_periods)
        return cluster_factors(sample, sample.n_observations, slopes, levels, small_sample(self.small_sample))

    def _result(
        self,
        sample: CohortSample,
        cells: CellTable,
        estimate: FloatArray,
        cell_weight: FloatArray,
        *,
        factors: Factors,
        second: SecondMoments,
        vectors: Vectors,
        maps: list[LinearMap],
        notes: tuple[str, ...] = (),
    ) -> Result:
        lost = np.isnan(estimate)
        empty: list[str] = []
        if lost.any():
            names = [cells.name(sample, int(i)) for i in np.flatnonzero(lost)]
            empty.append(
                f"{len(names)} cohort-periods are not linked to their reference period by any unit: "
                f"{shortlist(names)}"
            )
        convention = convention_name(self.small_sample)
        k, g = len(cells), len(sample.values)
        return joint_result(
            sample,
            cells,
            estimate,
            factors.parameters * second.covariance(maps, k + g),
            lazy(sample, maps, vectors, 0, k),
            lazy(sample, maps, vectors, k, k + g) if self.estimated_shares else None,
            df=factors.df,
            method="Interaction-weighted (Sun and Abraham)",
            estimand="effect on the treated of a cohort in a period, relative to its last period before",
            convention=f"small sample: {convention}",
            term_weight=None if self.estimated_shares else cell_weight[cells.cohort, cells.time],
            notes=[*notes, *empty],
        )


def _saturated(
    sample: CohortSample, cells: CellTable, fit: EffectsFit
) -> tuple[FloatArray, list[LinearMap], FloatArray]:
    """Contrasts of the cohorts' fitted paths, their maps, and the weight of each cohort-period."""
    k, q, n_periods = len(cells), len(fit.beta), sample.n_periods
    never = sample.n_cohorts - 1
    path, part = fit.outcome_path, fit.part
    g, t, b = cells.cohort, cells.time, cells.base
    linked = (part[g, t] == part[g, b]) & (part[g, t] >= 0)
    linked &= (part[never, t] == part[never, b]) & (part[never, t] >= 0)
    estimate = path[g, t] - path[g, b] - (path[never, t] - path[never, b])
    estimate[~linked] = np.nan
    estimate[cells.reference] = 0.0
    usable = linked & ~cells.reference
    tilt = fit.path[g, 1:, t] - fit.path[g, 1:, b] - (fit.path[never, 1:, t] - fit.path[never, 1:, b])
    slope = -tilt @ fit.hessian_inverse  # (k, q)
    unit = unit_weight(sample)
    maps = []
    for c in range(sample.n_cohorts):
        mine = np.flatnonzero(usable & ((g == c) | (c == never) | (q > 0)))
        matrix = np.zeros((len(mine), 1 + n_periods + q))
        sign = np.where(g[mine] == c, 1.0, -1.0 if c == never else 0.0)
        inverse = fit.inverse[c]
        matrix[:, 1 : 1 + n_periods] = sign[:, None] * (inverse[t[mine]] - inverse[b[mine]])
        matrix[:, 1 + n_periods :] = slope[mine]
        rows = np.concatenate([mine, np.arange(k, k + never)])
        maps.append(LinearMap(rows, np.vstack([matrix, share_map(c, unit, matrix.shape[1])])))
    weight = np.zeros((sample.n_cohorts, n_periods))
    for c, rows in enumerate(sample.members):
        seen = ~np.isnan(sample.outcome[rows])
        weight[c] = seen.sum(axis=0) if sample.weights is None else sample.weights[rows] @ seen
    return estimate, maps, weight
