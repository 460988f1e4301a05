"""The imputation estimator of Borusyak, Jaravel and Spiess (2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.clusters import REPAIRED, clustered_by, convention_name, few_cluster_note
from evaluation.design import Design, Supports
from evaluation.errors import EstimationError, shortlist
from evaluation.estimators._cells import CellTable
from evaluation.estimators._cohorts import CohortSample, build_cohorts
from evaluation.estimators._shared import (
    Vectors,
    cluster_factors,
    joint_result,
    lazy,
    named,
    resampling,
)
from evaluation.numerics.cohorts import (
    LinearMap,
    SecondMoments,
    blocks,
    cohort_moments,
    contributions,
    second_moments,
    unit_vectors,
)
from evaluation.numerics.covariance import SmallSample, nearest, small_sample
from evaluation.numerics.effects import EffectsFit, MaskedPanel, fit_effects, imputable, score_vectors
from evaluation.numerics.imputed import balanced_imputation
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Imputation:
    """Imputation of Borusyak, Jaravel and Spiess (2024): outcomes less what untreated rows predict.

    Effects as outcomes less what untreated observations predict.

    Step 1 fits ``y_it = a_i + b_t + x_it' gamma`` on observations not yet treated; step 2 takes
    ``tau_it = y_it - a_i - b_t - x_it' gamma`` for treated ones; step 3 averages them (Borusyak, Jaravel and
    Spiess 2024, theorem 2). All observations before treatment, less ``design.anticipation``, are
    used whatever ``design.comparison`` says.

    Notes
    -----
    Standard error (their section 4.3): ``sum_i (sum_t v_it e_it)**2`` over units or coarser clusters,
    v the weight of an observation in the estimate, e the residual for untreated observations and
    ``tau_it`` less a mean of its cohort-period for treated ones. The mean is the one that makes the
    variance smallest (their equation 8, with the cluster in place of the unit): with V_c the sum of v over
    cluster c in the cohort-period, ``sum_c V_c (sum_i v_it tau_it) / sum_c V_c**2``, which for unit clusters
    has weights ``v**2``. With two-way clusters the unit's mean is used. The error is conservative where
    effects differ within cohort-periods, and sees nothing of the noise of a cohort that lies in one
    cluster. No small-sample factor; normal quantiles.

    Terms are cohort-by-period means; averages weigh them by their number of observations, so that
    ``aggregate("simple")`` is the average over all treated observations.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, Imputation
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> fit = Imputation().fit(panel, design)
    >>> att = fit.aggregate("simple").tidy()[["term", "estimate", "std_error"]]
    >>> print(att.round(3).to_string(index=False))
    term  estimate  std_error
     ATT     0.109      0.203
    """

    linear: ClassVar[bool] = True
    supports: ClassVar[Supports] = Supports("Imputation")

    def fit(self, panel: Panel, design: Design) -> Result:
        """Estimate every treated cohort-period.

        Parameters
        ----------
        panel : Panel
        design : Design
            ``covariates``, ``cluster``, ``weights``, ``anticipation`` and ``window`` are used.

        Returns
        -------
        Result
            Terms are effects by cohort and period; NaN where nobody untreated is seen in the period.

        Raises
        ------
        DataError, DesignError
            See `Panel` and `Design`.
        EstimationError
            No treated cohort-period can be imputed.
        """
        panel, design = design.with_numbers(panel)
        sample = _sample(panel, design)
        cells = _treated_cells(sample)
        if sample.sampling == "balanced" and not design.covariates:
            moments = cohort_moments(
                sample.outcome,
                sample.cohort,
                sample.n_cohorts,
                weights=sample.weights,
                clusters=sample.clusters,
            )
            by_cluster = None if sample.cluster_codes is None else moments.second.own
            imputed = balanced_imputation(moments, _untreated(sample), cells.cohort, cells.time, by_cluster)
            path = moments.path

            def vectors(rows: NDArray[np.integer], c: int) -> FloatArray:
                return unit_vectors(sample.outcome, rows, path[c], sample.weights)

            return _result(
                sample, cells, imputed.estimate, imputed.weight, moments.second, imputed.maps, vectors, ()
            )
        masked = _masked(sample, [])
        fit = fit_effects(masked, np.zeros(sample.n_cohorts, dtype=np.intp))
        estimate, maps, weight, centre, dropped = _impute(sample, cells, masked, fit)
        scores = score_vectors(masked, fit, centre)
        p = 1 + sample.n_periods + len(fit.beta)
        second = second_moments(sample.members, scores, p, sample.clusters)
        notes = list(named(sample, fit))
        if dropped:
            notes.append(
                f"{dropped} treated observations have no unit or period effect (the unit or period is never "
                "seen untreated) and are left out"
            )
        return _result(sample, cells, estimate, weight, second, maps, scores, tuple(notes))

    def pre_trends(
        self,
        panel: Panel,
        design: Design,
        *,
        leads: int | None = None,
        small_sample_correction: str | SmallSample = "fixest",
    ) -> Result:
        """Effects that should be 0: leads of treatment among untreated observations.

        ``y_it = a_i + b_t + x_it' gamma + sum_p delta_p 1[t - g_i = -p] + e_it`` on observations not
        yet treated only, so that the test does not share its errors with the estimates
        (their section 4.4). ``result.wald(np.eye(len(result)))`` tests all leads.

        Parameters
        ----------
        panel : Panel
        design : Design
        leads : int, optional
            Number of periods before treatment with an effect; earlier ones are the reference. When
            absent, one less than the cohort with the fewest untreated periods (2 or more) has.
        small_sample_correction : str or SmallSample
            As in `TwoWayFixedEffects`.

        Returns
        -------
        Result
            A term for each event time from ``-leads`` to the last before treatment.

        Raises
        ------
        EstimationError
            No cohort has two periods before treatment, or the leads are collinear with the effects.
        """
        panel, design = design.with_numbers(panel)
        sample = _sample(panel, design)
        last = -1 - design.anticipation
        untreated = _untreated(sample)
        before = untreated[:-1].sum(axis=1)
        enough = before[before >= 2]
        if len(enough) == 0:
            raise EstimationError(
                "no cohort is seen in two periods before treatment, so there is no trend to test",
                fix="add earlier periods",
            )
        if leads is None:
            leads = int(enough.min()) - 1
        if isinstance(leads, bool) or leads < 1:
            raise EstimationError(f"leads is {leads!r}", expected="1 or more periods")
        events = np.arange(last - leads + 1, last + 1)
        event = sample.ordinals[None, :] - sample.values[:, None]
        dummies = []
        for e in events:
            table = np.vstack([event == e, np.zeros((1, sample.n_periods), dtype=bool)]).astype(float)
            dummies.append(table[sample.cohort])  # units left out read the last row and are not used
        masked = _masked(sample, dummies)
        fit = fit_effects(masked, np.zeros(sample.n_cohorts, dtype=np.intp))
        if not fit.kept[: len(events)].all():
            lost = events[~fit.kept[: len(events)]]
            raise EstimationError(
                f"leads {shortlist(lost)} cannot be told apart from unit and period effects",
                where=f"cohorts have {shortlist(before)} untreated periods",
                fix=f"ask for fewer than {leads} leads",
            )
        m, q = len(events), len(fit.beta)
        matrix = np.zeros((m, 1 + sample.n_periods + q))
        matrix[:, 1 + sample.n_periods :] = fit.hessian_inverse[:m]
        maps = [LinearMap(np.arange(m), matrix) for _ in sample.members]
        scores = score_vectors(masked, fit)
        observations, *levels = _fitted_size(sample, untreated)
        option = small_sample(small_sample_correction)
        f, clusters = cluster_factors(
            sample, observations, int(fit.kept.sum()), (levels[0], levels[1]), option
        )
        second = second_moments(sample.members, scores, matrix.shape[1], clusters)
        vcov = f.parameters * second.covariance(maps, m)
        mended = False
        if len(clusters) == 3:
            vcov, mended = nearest(vcov)
        return Result(
            method="Pre-trends of the imputation estimator (Borusyak, Jaravel and Spiess)",
            estimand="difference before treatment, among untreated observations",
            terms=pd.DataFrame({"term": [f"event time {e}" for e in events], "event_time": events}),
            coef=fit.beta[:m],
            vcov=vcov,
            df=f.df,
            sample=sample.count(),
            notes=(
                *sample.notes,
                *_lost_covariates(sample, fit, m),
                *([REPAIRED] if mended else []),
                *few_cluster_note(sample.cluster_counts),
                f"reference: event times before {events[0]}, and never treated units",
            ),
            inference=clustered_by(
                design.cluster_columns or (panel.unit,),
                sample.cluster_counts,
                f"small sample: {convention_name(small_sample_correction)}",
            ),
            influence_function=lambda: sample.n * contributions(sample.members, scores, maps, sample.n, m),
            resampled=lambda: resampling(sample, np.zeros(m, dtype=bool)),
        )


def _sample(panel: Panel, design: Design) -> CohortSample:
    sample = build_cohorts(panel, design, never_needed=False)
    if sample.sampling == "cross_sections":
        raise EstimationError(
            "no unit is seen twice, and unit effects need that",
            fix="use GroupTime for repeated cross-sections",
        )
    return sample


def _untreated(sample: CohortSample) -> NDArray[np.bool_]:
    """Periods before anything can happen, by cohort (C, T)."""
    out = np.ones((sample.n_cohorts, sample.n_periods), dtype=bool)
    out[:-1] = sample.ordinals[None, :] < sample.values[:, None] - sample.design.anticipation
    return out


def _treated_cells(sample: CohortSample) -> CellTable:
    cohort, time = np.nonzero(~_untreated(sample))
    event = sample.ordinals[time] - sample.values[cohort]
    if sample.design.window is not None:
        low, high = sample.design.window
        keep = (event >= low) & (event <= high)
        cohort, time, event = cohort[keep], time[keep], event[keep]
    if len(cohort) == 0:
        raise EstimationError(
            "no treated observation is left to impute",
            where=f"window {sample.design.window}",
            fix="widen the window, or add periods after treatment",
        )
    k = len(cohort)
    return CellTable(
        cohort, time, time, event, np.zeros(k, dtype=bool), np.zeros((k, sample.n_cohorts), dtype=bool)
    )


def _masked(sample: CohortSample, extra: list[FloatArray]) -> MaskedPanel:
    covariates = [sample.panel.matrix(name) for name in sample.design.covariates]
    return MaskedPanel(
        sample.members, [sample.outcome, *extra, *covariates], _untreated(sample), sample.weights
    )


def _fitted_size(sample: CohortSample, untreated: NDArray[np.bool_]) -> tuple[int, int, int]:
    """Untreated observations, units and periods with one."""
    observations, units = 0, 0
    periods = np.zeros(sample.n_periods, dtype=bool)
    for c, rows in enumerate(sample.members):
        for part in blocks(rows):
            seen = ~np.isnan(sample.outcome[part]) & untreated[c]
            observations += int(seen.sum())
            units += int(seen.any(axis=1).sum())
            periods |= seen.any(axis=0)
    return observations, units, int(periods.sum())


def _impute(
    sample: CohortSample, cells: CellTable, masked: MaskedPanel, fit: EffectsFit
) -> tuple[FloatArray, list[LinearMap], FloatArray, FloatArray, int]:
    """Cohort-period means of imputed effects, contributions, weights, centres, unimputed observations."""
    k, q, n_periods, n_cohorts = len(cells), len(fit.beta), sample.n_periods, sample.n_cohorts
    shape = (n_cohorts, n_periods)
    mass, total, square, squared_total = (np.zeros(shape) for _ in range(4))
    links = np.zeros((*shape, n_periods))  # weighted mean position of the unit's untreated periods
    tilt = np.zeros((*shape, q))
    dropped = 0
    ones = np.ones(n_periods)
    for c, rows in enumerate(sample.members[:-1]):
        # sums of weights and of weighted effects by cluster, which the centre weighs clusters with
        place = np.zeros(0, dtype=np.intp)
        if sample.cluster_codes is not None:
            place = np.unique(sample.cluster_codes[rows], return_inverse=True)[1]
        sums = np.zeros((2, place.max(initial=-1) + 1, n_periods))
        for at, part in zip(blocks(np.arange(len(rows))), blocks(rows), strict=True):
            values, seen = masked.block(part)
            mask = seen & masked.allowed[c]
            here = imputable(fit, mask, seen, c)
            dropped += int((seen & ~masked.allowed[c] & ~here).sum())
            residuals = fit.residuals(values, mask, c)
            w = masked.weight(part)
            effect = fit.net(residuals) * here
            placed = here * w[:, None]
            mass[c] += w @ here
            total[c] += w @ effect
            if sample.cluster_codes is None:
                square[c] += w @ placed
                squared_total[c] += (w * w) @ effect
            else:
                np.add.at(sums[0], place[at], placed)
                np.add.at(sums[1], place[at], w[:, None] * effect)
            untreated = mask.astype(float)
            links[c] += placed.T @ (untreated / np.maximum(untreated @ ones, 1.0)[:, None])
            if q:
                tilt[c] += np.einsum("it,jit->tj", placed, residuals[1:])
        if sample.cluster_codes is not None:
            square[c], squared_total[c] = (sums[0] ** 2).sum(axis=0), (sums[0] * sums[1]).sum(axis=0)
    g, t = cells.cohort, cells.time
    weight = mass[g, t]
    safe = np.where(weight > 0, weight, 1.0)
    estimate = np.where(weight > 0, total[g, t] / safe, np.nan)
    centre = np.where(square > 0, squared_total / np.where(square > 0, square, 1.0), np.nan)
    distance = -links[g, t] / safe[:, None]
    distance[np.arange(k), t] += 1.0
    through = distance @ fit.inverse[0]  # (k, T)
    slope = -(tilt[g, t] / safe[:, None]) @ fit.hessian_inverse
    usable = weight > 0
    maps = []
    for c in range(n_cohorts):
        mine = np.flatnonzero(usable)
        matrix = np.zeros((len(mine), 1 + n_periods + q))
        matrix[:, 1 : 1 + n_periods] = np.where(masked.allowed[c], -through[mine], 0.0)
        own = np.flatnonzero(g[mine] == c)
        matrix[own, 1 + t[mine][own]] = 1 / weight[mine][own]
        matrix[:, 1 + n_periods :] = slope[mine]
        maps.append(LinearMap(mine, matrix))
    return estimate, maps, weight, centre, dropped


def _lost_covariates(sample: CohortSample, fit: EffectsFit, m: int) -> list[str]:
    lost = [name for name, kept in zip(sample.design.covariates, fit.kept[m:], strict=True) if not kept]
    return [f"covariate {shortlist(map(repr, lost))} is collinear and was left out"] if lost else []


def _result(
    sample: CohortSample,
    cells: CellTable,
    estimate: FloatArray,
    weight: FloatArray,
    second: SecondMoments,
    maps: list[LinearMap],
    vectors: Vectors,
    notes: tuple[str, ...],
) -> Result:
    k, g = len(cells), len(sample.values)
    lost = np.isnan(estimate)
    if lost.all():
        raise EstimationError(
            "no treated observation can be imputed: no unit is seen untreated in the same period",
            fix="add never treated units, or units treated later",
        )
    out = list(notes)
    if lost.any():
        names = [cells.name(sample, int(i)) for i in np.flatnonzero(lost)]
        out.append(
            f"{len(names)} treated cohort-periods cannot be imputed, as nobody untreated is seen in the "
            f"period: {shortlist(names)}"
        )
    return joint_result(
        sample,
        cells,
        estimate,
        second.covariance(maps, k + g),
        lazy(sample, maps, vectors, 0, k),
        None,
        method="Imputation (Borusyak, Jaravel and Spiess)",
        estimand="effect on the treated of a cohort in a period",
        convention="conservative, without small-sample factor",
        term_weight=weight,
        notes=out,
    )
