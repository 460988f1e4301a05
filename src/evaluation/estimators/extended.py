"""Extended two-way fixed effects: an effect for every treated cohort and period."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.clusters import convention_name
from evaluation.design import Design, Supports
from evaluation.errors import DataError, DesignError, EstimationError, shortlist
from evaluation.estimators._covariance import check_covariance, covariance, unit_covariance
from evaluation.estimators._regression import is_perfect, not_estimable, regress
from evaluation.estimators._sample import Sample, build_sample
from evaluation.estimators._shared import lone_cohorts
from evaluation.estimators._terms import Terms
from evaluation.estimators.poisson import FEW, PERFECT, count_covariance, few_for_counts, fit_counts
from evaluation.estimators.two_way import assemble, resampling
from evaluation.numerics.covariance import SmallSample, small_sample
from evaluation.panel import Panel
from evaluation.result import CohortShares, Result

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ExtendedTwoWayFixedEffects:
    """Extended two-way fixed effects of Wooldridge (2025): a term for each treated cohort and period.

    Least squares with unit and period effects and a term for each treated cohort and period.

    ``y_it = a_i + b_t + sum_g sum_{t >= g} tau_gt 1[g_i = g, t] + u_it`` (Wooldridge 2021, equation
    6.33). With ``comparison="not_yet_treated"`` all untreated observations are compared with, and
    coefficients equal imputation; with ``"never_treated"`` terms before treatment are added but for
    the last period before it, and coefficients equal Sun and Abraham's and group-time effects. With
    ``family="poisson"`` the mean is exponential (Wooldridge 2023).

    Covariates must not vary within units. They enter with period effects of their own and, less
    their cohort mean, interacted with each term, so that terms are effects at the cohort mean
    (Wooldridge 2021, section 6.3); cohort means are taken as known in standard errors.

    Parameters
    ----------
    family : {"gaussian", "poisson"}
    effects : {"log", "count"}
        Poisson: effects in log points, or in events per unit and period:
        ``mean(y_gt) (1 - exp(-tau_gt))``, whose standard error counts the sampling of units.
    exposure : str, optional
        Poisson: as in `PoissonFixedEffects`.
    covariance, small_sample
        As in `TwoWayFixedEffects`.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, ExtendedTwoWayFixedEffects
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> fit = ExtendedTwoWayFixedEffects().fit(panel, design)
    >>> att = fit.aggregate("simple").tidy()[["term", "estimate", "std_error"]]
    >>> print(att.round(3).to_string(index=False))
    term  estimate  std_error
     ATT     0.472       0.21
    """

    family: Literal["gaussian", "poisson"] = "gaussian"
    effects: Literal["log", "count"] = "log"
    exposure: str | None = None
    covariance: Literal["cluster", "iid", "HC1"] = "cluster"
    small_sample: str | SmallSample = "fixest"

    supports: ClassVar[Supports] = Supports("ExtendedTwoWayFixedEffects")

    def __post_init__(self) -> None:
        check_covariance(self.covariance)
        small_sample(self.small_sample)
        for name, allowed in (("family", ("gaussian", "poisson")), ("effects", ("log", "count"))):
            if getattr(self, name) not in allowed:
                raise EstimationError(
                    f"{name} is {getattr(self, name)!r}", expected="one of " + ", ".join(map(repr, allowed))
                )
        if self.family == "gaussian" and (self.exposure is not None or self.effects == "count"):
            raise EstimationError(
                "exposure and effects in counts belong to the Poisson family", fix='set family="poisson"'
            )
        if self.effects == "count" and self.covariance != "cluster":
            raise EstimationError("effects in counts have a clustered covariance only")

    @property
    def linear(self) -> bool:
        """Whether coefficients are linear in the outcome: not those of an exponential mean."""
        return self.family == "gaussian"

    def fit(self, panel: Panel, design: Design) -> Result:
        """Estimate every treated cohort and period.

        Returns
        -------
        Result
            Cohort-by-period effects; averages weigh them by their number of observations.

        Raises
        ------
        DataError
            A covariate varies within a unit.
        DesignError
            No unit is never treated where they are the comparison, or nothing to compare with.
        """
        panel, design = design.with_numbers(panel)
        sample = build_sample(
            panel,
            design,
            clustered=self.covariance == "cluster",
            always_treated="drop",
            required=() if self.exposure is None else (self.exposure,),
        )
        sample = _comparable(sample)
        terms = _cell_terms(sample)
        sample, interacted = _interact(sample, terms)
        notes: list[str] = []
        if self.family == "gaussian":
            fit = regress(sample, terms)
            cov = covariance(
                fit, sample, self.covariance, small_sample(self.small_sample), _name(self.small_sample)
            )
            lost = np.zeros(len(fit.coef), dtype=bool)
            df = cov.df
            if is_perfect(fit, sample):
                cov = replace(cov, vcov=np.full_like(cov.vcov, np.nan))
                notes.append(PERFECT)
        else:
            fitted = fit_counts(sample, terms, exposure=self.exposure, tolerance=1e-10)
            cov = count_covariance(fitted, self.covariance, self.small_sample)
            if fitted.perfect:
                cov = replace(cov, vcov=np.full_like(cov.vcov, np.nan))
                notes.append(PERFECT)
            sample, fit, df = fitted.sample, fitted.fit.regression, np.inf  # type: ignore[assignment]
            lost = fitted.empty
            notes.extend(fitted.notes)
        k = terms.table.shape[2]
        apart = not_estimable(fit, k)
        unknown = lost | ~fit.kept
        unknown[:k] |= apart
        if unknown[:k].all():
            raise EstimationError(
                "no treated cohort-period can be told apart from unit and period effects",
                fix="add units that are not treated while others are",
            )
        gone = apart & ~lost[:k]
        if gone.any():
            names = terms.frame["term"].to_numpy()[terms.estimated[gone]]
            notes.append(f"{shortlist(names)} have no comparison in the data and no estimate")
        units = [np.unique(sample.unit[sample.group[sample.unit] == g]) for g in range(len(terms.table))]
        notes += lone_cohorts(
            [*map(str, sample.cohort_labels), "never treated"], units, resampling(sample).clusters
        )
        if self.family == "poisson":
            notes += few_for_counts(sample, self.covariance)
            smallest = min(len(rows) for rows in units[:-1] if len(rows))
            if self.effects == "log" and smallest < FEW:
                notes.append(
                    f"the smallest cohort has {smallest} units: an average of effects in log points is a "
                    "mean of logs, biased where cells are small; the ratio of totals (PoissonImputation, or "
                    'effects="count") is less so'
                )
        if interacted:
            notes.append("effects are at the cohort means of the covariates")
            notes.extend(_lost_covariates(sample, design, fit.kept[k:], len(terms.estimated)))
        result = assemble(
            sample,
            terms,
            np.where(unknown, np.nan, fit.coef),
            np.where(unknown[:, None] | unknown, np.nan, cov.vcov),
            fit.kept,
            method="Extended two-way fixed effects" + (", Poisson" if self.family == "poisson" else ""),
            estimand="average effect on the treated by cohort and period"
            + (", in log points" if self.family == "poisson" else ""),
            df=df,
            inference=cov.inference,
            notes=[*sample.notes, *notes, *cov.notes],
            influence=lambda: np.where(unknown, np.nan, panel.n_units * (fit.unit_scores() @ fit.bread)),
            report_covariates=False,
        )
        result = _with_shares(result, sample, terms)
        if self.effects == "count":
            result = _in_counts(result, sample, self.small_sample)
        return _within_window(result, design)


def _name(option: str | SmallSample) -> str:
    return convention_name(option)


def _comparable(sample: Sample) -> Sample:
    """Leave out periods in which everyone is treated: they say nothing without a comparison."""
    never = len(sample.cohort_values)
    present = np.unique(sample.group[sample.unit])
    if never in present:
        return sample
    if sample.design.comparison == "never_treated":
        raise DesignError(
            "no unit is never treated, and never treated units are the comparison",
            fix='set comparison="not_yet_treated", or add never treated units',
        )
    last = int(sample.cohort_values[present].max()) - sample.design.anticipation
    late = sample.panel.ordinals[sample.time] >= last
    if late.all() or len(present) == 1:
        raise DesignError(
            "all units are treated at the same time, so there is nothing to compare with",
            fix="add never treated units, or units treated at another time",
        )
    return sample.without("period in which every unit is treated", late) if late.any() else sample


def _cell_terms(sample: Sample) -> Terms:
    design, event = sample.design, sample.event_time
    t = event.shape[1]
    seen = np.zeros(event.size, dtype=bool)
    seen[sample.group[sample.unit] * t + sample.time] = True
    inside = seen.reshape(event.shape) & np.isfinite(event)
    reference = np.zeros_like(inside)
    if design.comparison == "never_treated":
        # the last period seen before anything can happen, as in Sun and Abraham
        for g in range(len(event) - 1):
            before = np.flatnonzero(inside[g] & (event[g] < -design.anticipation))
            if len(before):
                reference[g, before[-1]] = True
    else:
        inside &= event >= -design.anticipation
    cohort, time = np.nonzero(inside)
    if not (event[cohort, time] >= -design.anticipation).any():
        raise EstimationError(
            "no treated cohort-period is observed with a comparison",
            fix=f"check the dates in column {design.first_treated!r}",
        )
    estimated = np.flatnonzero(~reference[cohort, time])
    table = np.zeros((*event.shape, len(estimated)))
    table[cohort[estimated], time[estimated], np.arange(len(estimated))] = 1.0
    labels, periods = sample.cohort_labels[cohort], sample.panel.periods[time]
    frame = pd.DataFrame(
        {
            "term": [f"cohort {g}, period {p}" for g, p in zip(labels, periods, strict=True)],
            "cohort": labels,
            "time": periods,
            "event_time": event[cohort, time].astype(int),
        }
    )
    return Terms(frame, table, estimated)


def _interact(sample: Sample, terms: Terms) -> tuple[Sample, bool]:
    """Covariates by period, and less their cohort mean by term."""
    p = sample.covariates.shape[1]
    if p == 0:
        return sample, False
    panel = sample.panel
    weight = np.ones(sample.n_rows) if sample.weights is None else sample.weights
    value = np.zeros((panel.n_units, p))
    value[sample.unit] = sample.covariates
    for j, name in enumerate(sample.design.covariates):
        varies = value[sample.unit, j] != sample.covariates[:, j]
        if varies.any():
            units = panel.units[np.unique(sample.unit[varies])]
            raise DataError(
                f"covariate {name!r} varies within units",
                where=f"units {shortlist(units)}",
                expected="one value for all periods of a unit, from before treatment",
                fix="take its value before treatment, or use TwoWayFixedEffects or Imputation",
            )
    rows = np.maximum(np.bincount(sample.unit, minlength=panel.n_units), 1)
    unit_weight = np.bincount(sample.unit, weight, minlength=panel.n_units) / rows
    groups = len(terms.table)
    total = np.maximum(np.bincount(sample.group, unit_weight, minlength=groups), 1e-300)
    columns = []
    cells = terms.table[sample.group[sample.unit], sample.time]
    periods = np.unique(sample.time)[1:]
    for j in range(p):
        mean = np.bincount(sample.group, unit_weight * value[:, j], minlength=groups) / total
        centred = sample.covariates[:, j] - mean[sample.group[sample.unit]]
        columns.append((sample.time[:, None] == periods) * sample.covariates[:, j, None])
        columns.append(cells * centred[:, None])
    return replace(sample, covariates=np.column_stack(columns)), True


def _lost_covariates(sample: Sample, design: Design, kept: NDArray[np.bool_], n_terms: int) -> list[str]:
    """Covariates left out in every period; columns of `_interact` are by covariate, period and term."""
    each = np.split(kept, len(design.covariates))
    periods = len(kept) // len(design.covariates) - n_terms
    lost = [name for name, own in zip(design.covariates, each, strict=True) if not own[:periods].any()]
    return [f"covariate {shortlist(map(repr, lost))} is collinear and was left out"] if lost else []


def _cell_count(sample: Sample, terms: Terms) -> FloatArray:
    """Weight of the observations behind every term of the frame (m,)."""
    t = terms.table.shape[1]
    cells = sample.group[sample.unit] * t + sample.time
    count = np.bincount(cells, sample.weights, minlength=terms.table.shape[0] * t).astype(float)
    return count[_places(sample, terms)]


def _places(sample: Sample, terms: Terms) -> NDArray[np.intp]:
    cohort = pd.Index(sample.cohort_labels).get_indexer(pd.Index(terms.frame["cohort"]))
    time = sample.panel.periods.get_indexer(pd.Index(terms.frame["time"]))
    return np.asarray(cohort * sample.panel.n_periods + time)


def _with_shares(result: Result, sample: Sample, terms: Terms) -> Result:
    labels = [g for g in sample.cohort_labels if (terms.frame["cohort"] == g).any()]
    size = np.bincount(sample.group, minlength=len(terms.table))
    share = np.array([size[i] for i, g in enumerate(sample.cohort_labels) if g in labels]) / size.sum()
    shares = CohortShares(
        cohort=tuple(labels),
        share=share,
        vcov=np.zeros((len(labels), len(labels))),
        cross=np.zeros((len(result), len(labels))),
        term_weight=_cell_count(sample, terms),
    )
    return replace(result, shares=shares)


def _in_counts(result: Result, sample: Sample, convention: str | SmallSample) -> Result:
    """Effects in events: mean(y) (1 - exp(-tau)), the fitted mean being the observed one.

    A saturated cell is fitted exactly, so mean(y_gt) less its counterfactual is the effect. Its
    contribution of unit i adds the sampling of mean(y_gt) to that of tau.
    """
    places = _places(sample, Terms(result.terms, np.empty((0, 0, 0)), np.empty(0, dtype=np.intp)))
    t = sample.panel.n_periods
    cells = sample.group[sample.unit] * t + sample.time
    weight = np.ones(sample.n_rows) if sample.weights is None else sample.weights
    size = len(sample.cohort_values) * t + t
    count = np.bincount(cells, weight, minlength=size)
    mean = np.bincount(cells, weight * sample.outcome, minlength=size) / np.maximum(count, 1e-300)
    at, kept = mean[places], 1 - np.exp(-result.coef)
    psi = result.influence
    assert psi is not None
    psi = np.nan_to_num(psi) * (at * np.exp(-result.coef))
    column = np.full(size, -1)
    column[places] = np.arange(len(places))
    inside = column[cells] >= 0
    j = column[cells[inside]]
    gap = weight[inside] * (sample.outcome[inside] - mean[cells[inside]]) / count[cells[inside]]
    np.add.at(psi, (sample.unit[inside], j), sample.panel.n_units * gap * kept[j])
    psi[:, np.isnan(result.coef)] = np.nan
    k = int(np.isfinite(np.diag(result.vcov)).sum())
    levels = (sample.n_units, sample.n_periods)
    joint = unit_covariance(np.nan_to_num(psi) / sample.panel.n_units, sample, k, levels, convention)
    undefined = np.isnan(np.diag(result.vcov))
    vcov = np.where(undefined[:, None] | undefined, np.nan, joint.vcov)
    return replace(
        result,
        estimand="average effect on the treated by cohort and period, in events",
        coef=at * kept,
        vcov=vcov,
        influence_function=psi,
        inference=joint.inference,
    )


def _within_window(result: Result, design: Design) -> Result:
    """Report only event times inside the window; all were estimated."""
    if design.window is None or result.shares is None:
        return result
    event = result.terms["event_time"].to_numpy()
    keep = np.flatnonzero((event >= design.window[0]) & (event <= design.window[1]))
    if len(keep) == 0:
        raise DesignError(f"no event time lies in the window {design.window}", fix="widen the window")
    base = result.influence_function
    shares = result.shares
    assert shares.term_weight is not None

    def influence() -> FloatArray:
        values = result.influence
        assert values is not None
        return values[:, keep]

    return replace(
        result,
        terms=result.terms.iloc[keep],
        coef=result.coef[keep],
        vcov=result.vcov[np.ix_(keep, keep)],
        influence_function=None if base is None else influence,
        resampled=result.resampled_as(np.eye(len(result))[keep]),
        shares=replace(shares, cross=shares.cross[keep], term_weight=shares.term_weight[keep]),
        notes=(*result.notes, f"event times outside {design.window} are estimated and not reported"),
    )
