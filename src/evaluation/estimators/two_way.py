"""Two-way fixed effects, static and event study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.bands import Resampling
from evaluation.clusters import Clusters, convention_name
from evaluation.design import Design, Supports
from evaluation.errors import EstimationError, shortlist
from evaluation.estimators._covariance import check_covariance, covariance
from evaluation.estimators._regression import is_perfect, regress
from evaluation.estimators._sample import Sample, build_sample
from evaluation.estimators._terms import Terms, event_terms, references, static_term
from evaluation.numerics.covariance import SmallSample, small_sample
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]
FEW_ON_A_SIDE = 10
"""With fewer treated, or untreated, clusters a clustered t test at 5 % rejects 7 % and more (METHODS.md)."""


@dataclass(frozen=True)
class TwoWayFixedEffects:
    """Two-way fixed effects (Wooldridge 2010, chapter 10): least squares with unit and period effects.

    Least squares on treatment, unit effects and period effects.

    ``y_it = a_i + b_t + sum_e beta_e 1[t - g_i = e] + x_it' gamma + u_it``, the static form with one
    indicator for ``t >= g_i``. Under staggered timing and effects that differ between cohorts or
    change over time, the coefficients are not averages of effects with positive weights
    (de Chaisemartin and D'Haultfoeuille 2020; Goodman-Bacon 2021; Sun and Abraham 2021).

    Parameters
    ----------
    event_study : bool
        One term for each event time instead of one for all.
    reference : int or tuple of int, optional
        Event times whose effect is 0. When absent, the last period before treatment, less
        ``design.anticipation``. Without never treated units two references are needed.
    covariance : {"cluster", "iid", "HC1"}
        ``"cluster"`` reads ``design.cluster``: the unit when that is absent, two columns for
        two-way clustering.
    small_sample : str or SmallSample
        ``"fixest"`` (R fixest's defaults), ``"full"`` (all effects counted), ``"clusters"``
        (G / (G - 1) only), ``"none"``, or a `SmallSample`.
    endpoints : {"bin", "drop"}
        Event times beyond ``design.window``: joined to its ends, or their rows dropped and counted.
    always_treated : {"keep", "drop"}
        Units treated in every period: kept as comparisons with a note, as other packages do, or
        dropped and counted.
    singletons : {"keep", "drop"}
        Rows alone in their unit or period.
    report_covariates : bool
        Add the covariates' coefficients to the terms.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoWayFixedEffects
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> fit = TwoWayFixedEffects().fit(panel, design)
    >>> print(fit.tidy()[["term", "estimate", "std_error"]].round(3).to_string(index=False))
    term  estimate  std_error
     ATT     0.135      0.198
    """

    linear: ClassVar[bool] = True
    event_study: bool = False
    reference: int | tuple[int, ...] | None = None
    covariance: Literal["cluster", "iid", "HC1"] = "cluster"
    small_sample: str | SmallSample = "fixest"
    endpoints: Literal["bin", "drop"] = "bin"
    always_treated: Literal["keep", "drop"] = "keep"
    singletons: Literal["keep", "drop"] = "keep"
    report_covariates: bool = False

    def __post_init__(self) -> None:
        check_covariance(self.covariance)
        small_sample(self.small_sample)
        references(self.reference, 0)
        check_options(self)

    @property
    def supports(self) -> Supports:
        """What it takes of a design."""
        return regression_supports(self)

    def fit(self, panel: Panel, design: Design) -> Result:
        """Estimate on a panel.

        Parameters
        ----------
        panel : Panel
        design : Design

        Returns
        -------
        Result
            One term ``ATT``, or a term for each event time with 0 and no standard error at the
            reference.

        Raises
        ------
        DataError, DesignError
            See `Panel` and `Design`.
        EstimationError
            Treatment does not vary beyond unit and period effects, or event times are collinear.
        """
        panel, design = design.with_numbers(panel)
        self.supports.check(design)
        drop = design.window if self.supports.window == "sample" else None
        sample = build_sample(
            panel,
            design,
            clustered=self.covariance == "cluster",
            always_treated=self.always_treated,
            singletons=self.singletons,
            drop_cells=drop,
        )
        if self.event_study:
            terms = event_terms(sample, reference=self.reference, endpoints=self.endpoints)
        else:
            terms = static_term(sample)
        fit = regress(sample, terms)
        check_identified(sample, terms, fit.kept)
        cov = covariance(
            fit,
            sample,
            self.covariance,
            small_sample(self.small_sample),
            convention_name(self.small_sample),
        )
        notes = [*sample.notes, *covariate_notes(sample, terms, fit.kept), *cov.notes]
        notes.extend(window_notes(design, self.endpoints))
        vcov = cov.vcov
        if is_perfect(fit, sample):
            vcov = np.full_like(vcov, np.nan)
            notes.append("unit and period effects fit the outcome perfectly: standard errors are undefined")
        return assemble(
            sample,
            terms,
            fit.coef,
            vcov,
            fit.kept,
            method="Two-way fixed effects" + (", event study" if self.event_study else ""),
            estimand=(
                "effect by time since treatment, relative to the reference period"
                if self.event_study
                else "effect of treatment, averaged with regression weights"
            ),
            df=cov.df,
            inference=cov.inference,
            notes=notes,
            influence=lambda: panel.n_units * (fit.unit_scores() @ fit.bread),
            report_covariates=self.report_covariates,
        )


def check_options(estimator: object) -> None:
    """Raise for an option that is not one of those offered."""
    for name, allowed in (
        ("endpoints", ("bin", "drop")),
        ("always_treated", ("keep", "drop")),
        ("singletons", ("keep", "drop")),
    ):
        value = getattr(estimator, name)
        if value not in allowed:
            raise EstimationError(f"{name} is {value!r}", expected="one of " + ", ".join(map(repr, allowed)))


def regression_supports(estimator: Any) -> Supports:
    """What a two-way regression takes of a design: a window with event times, by what it does with ends."""
    if not estimator.event_study:
        return Supports(f"a static {type(estimator).__name__}", window="none")
    ends: Literal["ends", "sample"] = "ends" if estimator.endpoints == "bin" else "sample"
    return Supports(type(estimator).__name__, window=ends)


def window_notes(design: Design, endpoints: str) -> tuple[str, ...]:
    """What became of event times beyond the window."""
    if design.window is None:
        return ()
    ends = "joined to its ends" if endpoints == "bin" else "dropped"
    return (f"event times outside {design.window[0]} to {design.window[1]} are {ends}",)


def check_identified(sample: Sample, terms: Terms, kept: NDArray[np.bool_]) -> None:
    """Raise when a treatment term is a combination of effects and earlier terms."""
    k = terms.table.shape[2]
    if len(terms.frame) == 1:
        present = np.unique(terms.table[sample.group[sample.unit], sample.time, 0])
        if len(present) == 1:
            raise EstimationError(
                "no row is treated" if present[0] == 0 else "every row is treated",
                where=f"periods {sample.panel.periods[0]} to {sample.panel.periods[-1]}",
                expected="periods before and after treatment",
                fix=f"check the dates in column {sample.design.first_treated!r}",
            )
    if kept[:k].all():
        return
    lost = terms.frame["term"].to_numpy()[terms.estimated[~kept[:k]]]
    never = bool((sample.group[sample.unit] == len(sample.cohort_values)).any())
    if len(terms.frame) == 1:
        raise EstimationError(
            "treatment does not vary beyond unit and period effects, so its effect is not identified",
            where="all units are treated at the same time" if not never else None,
            expected="units that are not treated while others are",
            fix="add never treated units, or units treated at another time",
        )
    raise EstimationError(
        f"{shortlist(lost)} cannot be told apart from unit and period effects and the other terms",
        where="; ".join(f"{n} rows dropped: {reason}" for reason, n in sample.dropped.items()) or None
        if never
        else "no unit is never treated, so effects are known only up to a linear trend",
        fix="add never treated units, or give a second reference such as reference=(-5, -1), or a window"
        if not never
        else "choose a narrower window",
    )


def covariate_notes(sample: Sample, terms: Terms, kept: NDArray[np.bool_]) -> list[str]:
    """Which covariates were left out."""
    lost = ~kept[terms.table.shape[2] :]
    if not lost.any():
        return []
    names = [name for name, gone in zip(sample.design.covariates, lost, strict=True) if gone]
    return [
        f"covariate {shortlist(names)} is collinear with unit and period effects or earlier terms "
        "and was left out"
    ]


def assemble(
    sample: Sample,
    terms: Terms,
    coef: FloatArray,
    vcov: FloatArray,
    kept: NDArray[np.bool_],
    *,
    influence: object,
    report_covariates: bool,
    notes: list[str],
    **fields: object,
) -> Result:
    """Place estimates among the references: coefficient 0, no standard error."""
    k = terms.table.shape[2]
    frame = terms.frame
    place = terms.estimated
    source = np.arange(k)
    if report_covariates and len(coef) > k:
        extra = np.flatnonzero(kept[k:]) + k
        names = [sample.design.covariates[j - k] for j in extra]
        place = np.concatenate([place, np.arange(len(frame), len(frame) + len(extra))])
        source = np.concatenate([source, extra])
        frame = pd.concat([frame, pd.DataFrame({"term": names})], ignore_index=True)
    out = np.zeros(len(frame))
    full = np.full((len(frame), len(frame)), np.nan)
    out[place] = coef[source]
    full[np.ix_(place, place)] = vcov[np.ix_(source, source)]
    m = len(frame)

    def spread() -> FloatArray:
        values = influence()  # type: ignore[operator]
        result = np.zeros((len(values), m))
        result[:, place] = values[:, source]
        return result

    return Result(
        terms=frame,
        resampled=lambda: resampling(sample, terms, m),
        coef=out,
        vcov=full,
        sample=sample.count(),
        notes=(*notes, *few_units(sample)),
        influence_function=spread,
        **fields,  # type: ignore[arg-type]
    )


def _smaller_side(sample: Sample) -> tuple[int, str] | None:
    """Clusters with treated units, or those without, whichever are fewer; None without clusters of units."""
    if len(sample.clusters) != 1 or not sample.clusters[0].holds_units:
        return None
    units = np.unique(sample.unit)
    codes = sample.clusters[0].codes(units, units)
    treated = np.unique(codes[sample.group[units] < len(sample.cohort_values)])
    others = len(np.unique(codes)) - len(treated)
    return min((len(treated), "treated"), (others, "untreated"))


def few_units(sample: Sample) -> list[str]:
    """Warnings where standard errors rest on very few treated or comparison units."""
    notes = []
    if sample.n_treated <= 3:
        notes.append(
            f"{sample.n_treated} treated unit{'s' if sample.n_treated > 1 else ''}: standard errors rest on "
            "the comparison units and are not valid; use randomisation inference"
        )
    elif (side := _smaller_side(sample)) is not None and side[0] < FEW_ON_A_SIDE:
        notes.append(
            f"{side[0]} {side[1]} clusters are few: clustered standard errors are then too small; use "
            "cluster_robust, wild_cluster_bootstrap or randomization_test"
        )
    if sample.count().units - sample.n_treated == 1:
        notes.append(
            "one never treated unit: its own variation is not in the standard errors, which are too small"
        )
    return notes


def resampling(sample: Sample, terms: Terms | None = None, m: int = 0) -> Resampling:
    """Cohorts and clusters of the panel's units, for draws and bands.

    Parameters
    ----------
    sample : Sample
    terms : Terms, optional
        Those whose cells may be seen in one cluster only.
    m : int
        Number of terms of the result, the first of which are those of ``terms``.
    """
    held = [c for c in sample.clusters if c.holds_units]
    if not sample.clusters:
        instead = "its covariance is not clustered, and draws follow units or clusters of units"
    elif len(held) == len(sample.clusters) == 1:
        instead = ""
    else:
        names = " and ".join(repr(c.name) for c in sample.clusters)
        instead = f"its covariance is clustered by {names}, and draws follow one dimension that holds units"
    single = np.zeros(m, dtype=bool)
    if not held:
        return Resampling(cohort=None, clusters=None, weights=None, single=single, instead=instead)
    cluster = min(held, key=lambda c: c.n)
    if terms is not None:
        single[terms.estimated] = _single(sample, terms, cluster)
    present = np.bincount(sample.unit, minlength=sample.panel.n_units) > 0
    weights = None
    if sample.weights is not None:
        weights = np.zeros(sample.panel.n_units)
        weights[sample.unit] = sample.weights
    return Resampling(
        cohort=np.where(present, sample.group, -1),
        clusters=cluster.by_unit,
        weights=weights,
        single=single,
        instead=instead,
    )


def _single(sample: Sample, terms: Terms, cluster: Clusters) -> NDArray[np.bool_]:
    """Which terms are other than 0 in one cluster only (k,)."""
    place = sample.group[sample.unit] * terms.table.shape[1] + sample.time
    table = terms.table.reshape(-1, terms.table.shape[2])
    codes = cluster.codes(sample.unit, sample.time)
    low = np.full(len(table), np.iinfo(np.int64).max)
    high = np.full(len(table), -1)
    np.minimum.at(low, place, codes)
    np.maximum.at(high, place, codes)
    active = table != 0
    first = np.where(active, low[:, None], np.iinfo(np.int64).max).min(axis=0)
    last = np.where(active, high[:, None], -1).max(axis=0)
    return np.asarray(first == last)
