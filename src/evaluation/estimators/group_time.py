"""Group-time average treatment effects of Callaway and Sant'Anna (2021)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.bands import sums_by
from evaluation.design import Design, Supports
from evaluation.errors import EstimationError, shortlist
from evaluation.estimators._adjusted import Adjustment, adjusted_cross_sections, adjusted_panel
from evaluation.estimators._cells import (
    CellTable,
    balanced_contrasts,
    group_time_cells,
    share_map,
    unbalanced_contrasts,
)
from evaluation.estimators._cohorts import CohortSample, build_cohorts
from evaluation.estimators._pairs import counted, pair_contrasts, pairs_of
from evaluation.estimators._shared import Vectors, joint_result, lazy, unit_weight
from evaluation.estimators._unbalanced import cell_means, row_second_moments, unbalanced_vectors
from evaluation.numerics.cohorts import (
    LinearMap,
    SecondMoments,
    cohort_moments,
    second_moments,
    unit_vectors,
)
from evaluation.numerics.pairs import PairSums, pair_contributions, pair_covariance
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class GroupTime:
    """Group-time effects of Callaway and Sant'Anna (2021): each cohort in each period.

    Effect of each cohort in each period against never or not yet treated units.

    ``ATT(g, t) = E[Y_t - Y_b | g] - E[Y_t - Y_b | comparison]``, adjusted for covariates at the base
    period b by outcome regression, inverse probability weighting or both (Callaway and Sant'Anna
    2021, Theorem 1; Sant'Anna and Zhao 2020). Without covariates the three are the same
    number, and everything follows from cohort means and Gram matrices.

    Parameters
    ----------
    method : {"dr", "ipw", "reg"}
        Doubly robust, inverse probability weighting, outcome regression.
    sampling : {"auto", "pairs", "balanced", "levels", "cross_sections"}
        ``"auto"``: cross-sections when no unit is seen twice, otherwise pairs. ``"pairs"``: each effect
        from the changes of units seen in its period and in its base period, treated and comparison
        units alike; in a balanced panel these are all units. ``"balanced"`` leaves out and counts units
        not seen in every period. ``"levels"`` uses every row, each cohort-period by its own mean, with
        standard errors clustered by unit, as R's did with ``allow_unbalanced_panel=TRUE``: when units
        leave because of their level, whoever leaves changes the mean and that counts as an effect.
        ``"cross_sections"`` takes every row as another unit.
    trim : float
        Comparison units with a treatment probability from here on get no weight, and are counted.
    covariate_period : {"base", "earlier"}
        Which period's covariates a cell of a balanced panel is adjusted for: the base period's, or
        those of the earlier of its two periods, as R's did takes them. They differ only for covariates
        that vary over time, before treatment, with a universal base.
    failing_cells : {"raise", "skip"}
        What to do with a cell whose covariates are singular or do not overlap: raise an error that
        names cohort, period and covariate, or leave the cell NaN with that reason in the notes.

    Notes
    -----
    Covariance: ``sum_i psi_i psi_i' / n**2`` of the influence functions, summed within clusters when
    these are coarser, without small-sample factor; normal quantiles. Simultaneous bands draw from
    N(0, V), which is what Gaussian multipliers give; ``multiplier="rademacher"`` draws signs.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, GroupTime
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> fit = GroupTime().fit(panel, design)
    >>> att = fit.aggregate("simple").tidy()[["term", "estimate", "std_error"]]
    >>> print(att.round(3).to_string(index=False))
    term  estimate  std_error
     ATT     0.472      0.197
    """

    linear: ClassVar[bool] = True
    supports: ClassVar[Supports] = Supports("GroupTime")
    method: Literal["dr", "ipw", "reg"] = "dr"
    sampling: Literal["auto", "pairs", "balanced", "levels", "cross_sections"] = "auto"
    trim: float = 0.995
    covariate_period: Literal["base", "earlier"] = "base"
    failing_cells: Literal["raise", "skip"] = "raise"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("method", ("dr", "ipw", "reg")),
            ("sampling", ("auto", "pairs", "balanced", "levels", "cross_sections")),
            ("covariate_period", ("base", "earlier")),
            ("failing_cells", ("raise", "skip")),
        ):
            if getattr(self, name) not in allowed:
                raise EstimationError(
                    f"{name} is {getattr(self, name)!r}", expected="one of " + ", ".join(map(repr, allowed))
                )
        if not 0 < self.trim <= 1:
            raise EstimationError(f"trim is {self.trim!r}", expected="a probability, such as 0.995")

    def fit(self, panel: Panel, design: Design) -> Result:
        """Estimate every cohort-period.

        Parameters
        ----------
        panel : Panel
        design : Design
            ``comparison``, ``covariates``, ``cluster``, ``weights``, ``anticipation``,
            ``base_period`` and ``window`` are used.

        Returns
        -------
        Result
            Terms are cohort-by-period effects; aggregate with ``result.aggregate(...)``. NaN where
            a cell has no units or nobody to compare with. With gaps ``details`` is a `PairCounts`: the
            units behind each effect.

        Raises
        ------
        DataError, DesignError
            See `Panel` and `Design`; no comparison units; treatment from the first period on only.
        EstimationError
            Covariates that are singular or do not overlap in a cell.
        """
        panel, design = design.with_numbers(panel)
        gaps = self.sampling in ("pairs", "levels")
        sample = build_cohorts(panel, design, "unbalanced" if gaps else self.sampling)
        cells = group_time_cells(
            sample,
            universal=design.base_period == "universal",
            not_yet=design.comparison == "not_yet_treated",
        )
        if len(cells) == 0 or cells.reference.all():
            raise EstimationError(
                "no cohort-period is left to estimate",
                where=f"window {design.window}, anticipation {design.anticipation}",
                fix="widen the window",
            )
        pairs = sample.sampling == "unbalanced" and self.sampling != "levels"
        sums = pairs_of(sample) if pairs else None
        if design.covariates:
            fitted = self._adjusted(sample, cells, changes=pairs or sample.sampling == "balanced")
        elif sums is not None:
            fitted = _from_pairs(sample, cells, sums)
        elif sample.sampling == "balanced":
            fitted = _from_balanced(sample, cells)
        else:
            fitted = _from_cells(sample, cells)
        lost = np.isnan(fitted.estimate)
        counts, few = (None, []) if sums is None else counted(sample, cells, sums, lost)
        seen = "" if sums is None else " seen both in the period and in its base period"
        result = joint_result(
            sample,
            cells,
            fitted.estimate,
            fitted.vcov,
            fitted.effects,
            fitted.shares,
            method=self._words(sample, pairs),
            estimand="effect on the treated of a cohort in a period",
            convention="influence functions without small-sample factor",
            notes=[*few, *fitted.notes, *_empty_notes(sample, cells, lost, fitted.notes, seen)],
        )
        return result if counts is None else replace(result, details=counts)

    def _words(self, sample: CohortSample, pairs: bool) -> str:
        how = {"dr": "doubly robust", "ipw": "inverse probability weighting", "reg": "outcome regression"}
        adjusted = f", {how[self.method]}" if sample.design.covariates else ""
        data = {
            "balanced": "",
            "unbalanced": ", units seen in both periods" if pairs else ", means of all rows",
            "cross_sections": ", repeated cross-sections",
        }
        return f"Group-time effects (Callaway and Sant'Anna){adjusted}{data[sample.sampling]}"

    def _adjusted(self, sample: CohortSample, cells: CellTable, *, changes: bool) -> _Fitted:
        fit = adjusted_panel if changes else adjusted_cross_sections
        options = {
            "trim": self.trim,
            "skip": self.failing_cells == "skip",
            "earlier": self.covariate_period == "earlier",
        }
        done: Adjustment = fit(sample, cells, self.method, **options)  # type: ignore[arg-type]
        k, g = len(cells), len(sample.values)
        weight = unit_weight(sample)
        share_of = np.array([share_map(c, weight, 1)[:, 0] for c in range(sample.n_cohorts)])

        def shares() -> FloatArray:
            per_unit = _weight_of_units(sample)
            out = np.zeros((sample.n, g))
            for c, rows in enumerate(sample.members):
                out[rows] = per_unit[rows, None] * share_of[c]
            return sample.n * out

        vcov = np.zeros((k + g, k + g))
        effects, of_shares = done.contributions, shares() / sample.n
        for codes, sign in sample.clusters or ((None, 1.0),):
            e = effects if codes is None else sums_by(effects, codes)
            p = of_shares if codes is None else sums_by(of_shares, codes)
            cross = e.T @ p
            vcov += sign * np.block([[e.T @ e, cross], [cross.T, p.T @ p]])
        del effects
        return _Fitted(
            done.estimate,
            vcov,
            lambda: sample.n * fit(sample, cells, self.method, **options).contributions,  # type: ignore[arg-type]
            shares,
            done.notes,
        )


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Estimates (k,), joint covariance of estimates and shares, and influence functions on request."""

    estimate: FloatArray
    vcov: FloatArray
    effects: Callable[[], FloatArray]
    shares: Callable[[], FloatArray]
    notes: tuple[str, ...] = ()


def _from_balanced(sample: CohortSample, cells: CellTable) -> _Fitted:
    moments = cohort_moments(
        sample.outcome,
        sample.cohort,
        sample.n_cohorts,
        weights=sample.weights,
        clusters=sample.clusters,
    )
    estimate, maps = balanced_contrasts(cells, moments.weight, moments.path)
    path = moments.path

    def vectors(rows: NDArray[np.integer], c: int) -> FloatArray:
        return unit_vectors(sample.outcome, rows, path[c], sample.weights)

    return _mapped(sample, estimate, moments.second, maps, vectors)


def _from_pairs(sample: CohortSample, cells: CellTable, sums: PairSums) -> _Fitted:
    estimate, maps = pair_contrasts(cells, sums, unit_weight(sample))
    k, total = len(cells), len(cells) + len(sample.values)
    units = sample.outcome, sample.members

    def influence() -> FloatArray:
        return sample.n * pair_contributions(*units, maps, total, sample.weights)

    return _Fitted(
        estimate,
        pair_covariance(*units, maps, total, sample.weights, sample.clusters),
        lambda: influence()[:, :k],
        lambda: influence()[:, k:],
    )


def _from_cells(sample: CohortSample, cells: CellTable) -> _Fitted:
    means = cell_means(sample)
    estimate, maps = unbalanced_contrasts(cells, means.weight, means.mean, means.unit_weight)
    vectors = unbalanced_vectors(sample, means)
    p = 2 * sample.n_periods + 1
    if sample.sampling == "cross_sections":
        second = row_second_moments(sample, means)
    else:
        second = second_moments(sample.members, vectors, p, sample.clusters)
    return _mapped(sample, estimate, second, maps, vectors)


def _mapped(
    sample: CohortSample,
    estimate: FloatArray,
    second: SecondMoments,
    maps: list[LinearMap],
    vectors: Vectors,
) -> _Fitted:
    k, g = len(estimate), len(sample.values)
    return _Fitted(
        estimate,
        second.covariance(maps, k + g),
        lazy(sample, maps, vectors, 0, k),
        lazy(sample, maps, vectors, k, k + g),
    )


def _empty_notes(
    sample: CohortSample, cells: CellTable, lost: NDArray[np.bool_], known: tuple[str, ...], seen: str
) -> list[str]:
    """Cells without units or comparison group; those with a reason of their own are in ``known``.

    ``seen`` says when units must have been seen.
    """
    mentioned = " ".join(known)
    names = [cells.name(sample, int(i)) for i in np.flatnonzero(lost)]
    names = [name for name in names if f"{name}:" not in mentioned]
    if not names:
        return []
    who = "never treated" if sample.design.comparison == "never_treated" else "not yet treated"
    return [
        f"{len(names)} cohort-periods have no units, or no {who} units to compare with,{seen} and are not "
        f"identified: {shortlist(names)}"
    ]


def _weight_of_units(sample: CohortSample) -> FloatArray:
    return np.ones(sample.n) if sample.weights is None else sample.weights
