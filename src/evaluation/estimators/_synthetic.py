"""What synthetic methods share: details of a fit, replicates for variances, and the result."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Design
from evaluation.errors import EstimationError, shortlist
from evaluation.estimators._synthetic_sample import SyntheticSample, TreatedCohort
from evaluation.estimators._synthetic_variance import replicates
from evaluation.numerics.synthetic import Paths, Window, hull_distance, noise_level
from evaluation.panel import Panel
from evaluation.result import CohortShares, Placebos, Result

FloatArray = NDArray[np.float64]
VARIANCES = ("placebo", "jackknife", "bootstrap", "none")
_INSIDE = 1e-7


class SyntheticMethod(Protocol):
    """An estimator whose comparison is a weighted mean of donors."""

    @property
    def variance(self) -> str: ...
    @property
    def draws(self) -> int: ...
    @property
    def seed(self) -> int | None: ...
    @property
    def terms(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def has_constant(self) -> bool: ...

    def fit(self, panel: Panel, design: Design) -> Result:
        """Estimate the design's effect on the panel."""
        ...

    def prepare(self, panel: Panel, design: Design) -> SyntheticSample:
        """Treated units, donors and periods, checked."""
        ...

    def paths(
        self,
        sample: SyntheticSample,
        cohort: TreatedCohort,
        treated: FloatArray,
        donors: FloatArray,
        like: Paths | None = None,
    ) -> Paths:
        """Fit a batch of assignments (b, n), with the penalties of ``like`` if it is given."""
        ...

    def residuals(
        self, outcome: FloatArray, treated: FloatArray, donors: FloatArray, window: Window
    ) -> FloatArray:
        """Residuals (b, T) of unit weights and constant fitted to all of ``window.pre``."""
        ...


@dataclass(frozen=True, eq=False)
class SyntheticFit:
    """One cohort and its synthetic comparison.

    Attributes
    ----------
    cohort : object
        First treated period.
    treated : tuple
        Treated units.
    unit_weights : pandas.Series (n_donors,)
        Sum to one; below 0 only after ridge augmentation.
    time_weights : pandas.Series (T0,) or None
    path : pandas.DataFrame
        One row a period: ``time, event_time, treated`` (mean outcome), ``synthetic`` (weighted
        donors), ``gap`` (their difference), ``effect`` (gap less its level before treatment, as the
        method takes it), ``role`` (``"before"``, ``"after"`` or ``"unused"``).
    rmspe_before, rmspe_after : float
        Root mean squared gap, less the constant that was fitted, in units of the outcome.
    hull_distance : float
        Root mean squared distance of the treated path from the donors' convex hull before treatment.
    shape_distance : float
        The same when paths may be moved up and down: how far its shape is from their shapes.
    penalty : float
        Ridge: zeta of synthetic difference-in-differences, or the penalty of the augmentation.
    optimality : float
        The objective lies at most this above its minimum, relative to the largest squared distance
        of a donor from the treated path.
    balance : pandas.DataFrame or None
        Predictors: ``predictor, treated, synthetic, donors, importance``.
    """

    cohort: Any
    treated: tuple[Any, ...]
    unit_weights: pd.Series = field(repr=False)
    time_weights: pd.Series | None = field(repr=False)
    path: pd.DataFrame = field(repr=False)
    rmspe_before: float
    rmspe_after: float
    hull_distance: float
    shape_distance: float
    penalty: float
    optimality: float
    balance: pd.DataFrame | None = field(default=None, repr=False)

    @property
    def rmspe_ratio(self) -> float:
        """Gap after treatment relative to that before (Abadie, Diamond and Hainmueller 2010)."""
        return self.rmspe_after / self.rmspe_before if self.rmspe_before > 0 else np.inf


@dataclass(frozen=True, eq=False)
class SyntheticDetails:
    """What a synthetic method found besides its estimate.

    Attributes
    ----------
    fits : tuple of SyntheticFit
        One a cohort.
    replicates : ndarray (r,)
        Estimates of the placebos, jackknife or bootstrap samples behind the standard error.
    replicate_units : tuple
        Placebo unit, or unit left out, of each replicate; empty where there is none.
    """

    fits: tuple[SyntheticFit, ...]
    replicates: FloatArray = field(repr=False)
    replicate_units: tuple[Any, ...] = field(repr=False)

    @property
    def fit(self) -> SyntheticFit:
        """The only fit, where there is one cohort."""
        if len(self.fits) != 1:
            raise EstimationError(
                f"there are {len(self.fits)} cohorts: {shortlist(f.cohort for f in self.fits)}",
                fix="read details.fits, one a cohort",
            )
        return self.fits[0]


def check_options(method: SyntheticMethod) -> None:
    """Refuse options that do not exist."""
    for name, allowed in (("variance", VARIANCES), ("terms", ("att", "cohort_period"))):
        value = getattr(method, name)
        if value not in allowed:
            raise EstimationError(f"{name} is {value!r}", expected="one of " + ", ".join(map(repr, allowed)))
    draws = method.draws
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 2:
        raise EstimationError(f"draws is {draws!r}", expected="a whole number, 2 or more, such as 200")


def fit_synthetic(method: SyntheticMethod, panel: Panel, design: Design) -> Result:
    """Fit every cohort, then the variance, and put both together."""
    sample = method.prepare(panel, design)
    donors = sample.donors.astype(float)[None]
    treated = [c.members.astype(float)[None] for c in sample.cohorts]
    found = [method.paths(sample, c, t, donors) for c, t in zip(sample.cohorts, treated, strict=True)]
    effects = np.concatenate([p.effects(c.window)[0] for p, c in zip(found, sample.cohorts, strict=True)])
    weight = np.concatenate([np.full(len(c.window.post), float(c.members.sum())) for c in sample.cohorts])
    made = replicates(method, sample, found)
    fits = tuple(
        _describe(method, sample, c, p, t, donors)
        for c, p, t in zip(sample.cohorts, found, treated, strict=True)
    )
    details = SyntheticDetails(fits, made.att, made.units)
    notes = [
        *sample.notes,
        *(note for c, f in zip(sample.cohorts, fits, strict=True) for note in _warn(method, sample, c, f)),
    ]
    placebos = Placebos(made.att[:, None]) if made.placebos else None
    result = Result(
        method=method.name,
        estimand="effect on the treated, averaged over treated unit-periods",
        terms=pd.DataFrame({"term": ["ATT"]}),
        coef=np.array([weight @ effects / weight.sum()]),
        vcov=np.array([[made.variance(made.att[:, None])[0, 0]]]),
        sample=sample.count(),
        df=made.df,
        notes=(*notes, *made.notes),
        inference=made.words,
        placebos=placebos,
        details=details,
    )
    if method.terms == "att":
        return result
    labels = [str(c.label) for c in sample.cohorts]
    return replace(
        result,
        estimand="effect on the treated by cohort and period",
        terms=cell_terms(sample),
        coef=effects,
        vcov=made.variance(made.effects),
        placebos=None if placebos is None else Placebos(made.effects),
        shares=CohortShares(
            cohort=tuple(c.label for c in sample.cohorts),
            share=np.array([c.members.sum() for c in sample.cohorts], dtype=float),
            vcov=np.zeros((len(labels), len(labels))),
            cross=np.zeros((len(effects), len(labels))),
            term_weight=weight,
        ),
    )


def cell_terms(sample: SyntheticSample) -> pd.DataFrame:
    """One row a cohort and period of treatment."""
    rows: list[dict[str, Any]] = []
    for c in sample.cohorts:
        for t in c.window.post:
            time = sample.panel.periods[t]
            rows.append(
                {
                    "term": f"cohort {c.label}, period {time}",
                    "cohort": c.label,
                    "time": time,
                    "event_time": int(c.event_time[t]),
                }
            )
    return pd.DataFrame(rows)


def _describe(
    method: SyntheticMethod,
    sample: SyntheticSample,
    cohort: TreatedCohort,
    paths: Paths,
    treated: FloatArray,
    donors: FloatArray,
) -> SyntheticFit:
    window, periods = cohort.window, sample.panel.periods
    mean = sample.outcome[cohort.members].mean(axis=0)
    gap = paths.gaps[0]
    role = np.full(len(periods), "unused", dtype=object)
    role[window.pre], role[window.post] = "before", "after"
    path = pd.DataFrame(
        {
            "time": periods,
            "event_time": cohort.event_time,
            "treated": mean,
            "synthetic": mean - gap,
            "gap": gap,
            "effect": gap - paths.base(window)[0],
            "role": role,
        }
    )
    after = gap[window.post] - paths.shift[0]
    weights = pd.Series(
        paths.unit_weights[0][sample.donors], index=sample.names[sample.donors], name="unit_weight"
    )
    times = None
    if paths.time_weights.any():
        times = pd.Series(paths.time_weights[0], index=periods[window.pre], name="time_weight")
    hull, shape = (
        float(hull_distance(sample.outcome, treated, donors, window.pre, intercept)[0])
        for intercept in (False, True)
    )
    balance = getattr(method, "balance", None)
    return SyntheticFit(
        cohort=cohort.label,
        treated=tuple(sample.names[cohort.members]),
        unit_weights=weights,
        time_weights=times,
        path=path,
        rmspe_before=float(paths.fit_before(window)[0]),
        rmspe_after=float(np.sqrt((after**2).mean())),
        hull_distance=hull,
        shape_distance=shape,
        penalty=float(paths.penalty[0]),
        optimality=float(paths.optimality[0]),
        balance=None if balance is None else balance(sample, cohort, paths),
    )


def _warn(
    method: SyntheticMethod, sample: SyntheticSample, cohort: TreatedCohort, fit: SyntheticFit
) -> list[str]:
    """How far the treated path is from anything that donors can make."""
    pre = cohort.window.pre
    own = sample.outcome[cohort.members].mean(axis=0)[pre]
    others = sample.outcome[sample.donors][:, pre]
    size = float(np.sqrt((others**2).mean())) or 1.0
    who = shortlist(fit.treated) if len(fit.treated) == 1 else f"the mean of {shortlist(fit.treated)}"
    distance = fit.shape_distance if method.has_constant else fit.hull_distance
    donors = len(others)
    if distance <= _INSIDE * size:
        if donors > len(pre) + 1 and not method.has_constant:
            return [
                f"{who} lies inside the donors' hull and {donors} donors fit its {len(pre)} periods "
                "before treatment exactly: the weights are not unique, and the fit shows little"
            ]
        return []
    noise = float(noise_level(others, np.ones((1, donors)), np.arange(len(pre)))[0])
    beyond = f", {distance / noise:.2g} times the donors' usual change between periods" if noise > 0 else ""
    above, below = int((own > others.max(axis=0)).sum()), int((own < others.min(axis=0)).sum())
    sides = [
        f"{word} every donor in {count} of {len(pre)} periods"
        for word, count in (("above", above), ("below", below))
        if count
    ]
    where = f"; it is {' and '.join(sides)}" if sides else ""
    hull = "donors' hull, moved up or down" if method.has_constant else "donors' hull"
    return [
        f"{who} lies outside the {hull}, before treatment: the nearest mix of donors is {distance:.4g} away "
        f"(root mean square){beyond}{where}"
    ]
