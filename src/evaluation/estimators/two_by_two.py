"""Four means: the difference in differences that the other estimators must meet in the simplest case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Design, Supports
from evaluation.errors import DesignError, EstimationError, shortlist
from evaluation.estimators._covariance import unit_covariance
from evaluation.estimators._sample import Sample, build_sample
from evaluation.estimators.two_way import few_units, resampling
from evaluation.numerics.covariance import SmallSample, small_sample
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class TwoByTwo:
    """Change of the treated units' mean less change of the others' mean.

    ``ATT = (mean_T,after - mean_T,before) - (mean_C,after - mean_C,before)``; with more than two
    periods each unit's mean before and after. One treatment date, every unit observed in every
    period. Equals static two-way fixed effects, coefficient and clustered standard error.

    Parameters
    ----------
    small_sample : str or SmallSample
        As in `TwoWayFixedEffects`.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoByTwo
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> fit = TwoByTwo().fit(panel, design)
    >>> print(fit.params.round(3).to_string())
    term
    ATT    0.394
    """

    linear: ClassVar[bool] = True
    supports: ClassVar[Supports] = Supports(
        "a comparison of four means",
        covariates=False,
        window="none",
        instead={"covariates": "leave them out, or use GroupTime or TwoWayFixedEffects"},
    )
    small_sample: str | SmallSample = "fixest"

    def __post_init__(self) -> None:
        small_sample(self.small_sample)

    def fit(self, panel: Panel, design: Design) -> Result:
        """Estimate on a panel.

        Raises
        ------
        DesignError
            More than one treatment date, covariates, or no period before or after.
        EstimationError
            One of the four means has no unit.
        """
        sample, change, weight, _, treated = _changes(panel, design)
        used = weight > 0
        share = [weight * group for group in (treated, ~treated)]
        means = [float(np.sum(w * change, where=used) / w.sum()) for w in share]
        psi = np.zeros((panel.n_units, 1))
        for sign, w, group, mean in zip((1, -1), share, (treated, ~treated), means, strict=True):
            inside = used & group
            psi[inside, 0] = sign * (w / w.sum())[inside] * (change[inside] - mean)
        cov = unit_covariance(psi, sample, 1, (sample.n_units, sample.n_periods), self.small_sample)
        vcov = cov.vcov
        notes = [*sample.notes, *cov.notes, *few_units(sample)]
        if float(np.abs(psi).max()) <= 1e-14 * float(np.abs(sample.outcome).max()):
            vcov = np.full((1, 1), np.nan)
            notes.append("units of a group change alike: the standard error is undefined")
        return Result(
            method="Two by two",
            estimand="average effect on the treated, from four means",
            terms=pd.DataFrame({"term": ["ATT"]}),
            coef=np.array([means[0] - means[1]]),
            vcov=vcov,
            sample=sample.count(),
            df=cov.df,
            notes=tuple(notes),
            inference=cov.inference,
            influence_function=lambda: panel.n_units * psi,
            resampled=lambda: resampling(sample, m=1),
        )

    def means(self, panel: Panel, design: Design) -> pd.DataFrame:
        """The four means: rows treated and comparison, columns before, after and change."""
        sample, _, weight, after, treated = _changes(panel, design)
        grid = _matrix(sample)
        rows = {}
        for name, group in (("treated", treated), ("comparison", ~treated)):
            w = weight * group
            inside = w > 0
            before_mean = w[inside] @ grid[inside][:, ~after].mean(axis=1) / w.sum()
            after_mean = w[inside] @ grid[inside][:, after].mean(axis=1) / w.sum()
            rows[name] = {"before": before_mean, "after": after_mean, "change": after_mean - before_mean}
        return pd.DataFrame(rows).T


def _matrix(sample: Sample) -> FloatArray:
    shape = (sample.panel.n_units, sample.panel.n_periods)
    if sample.complete:
        return sample.outcome.reshape(shape)
    out = np.full(shape, np.nan)
    out[sample.unit, sample.time] = sample.outcome
    return out


def _changes(
    panel: Panel, design: Design
) -> tuple[Sample, FloatArray, FloatArray, NDArray[np.bool_], NDArray[np.bool_]]:
    """Sample, change and weight of each unit, which periods are after, which units are treated."""
    TwoByTwo.supports.check(design)
    sample = build_sample(panel, design)
    grid = _matrix(sample)
    incomplete = np.asarray(np.isnan(grid).any(axis=1))
    if incomplete.any():
        sample = sample.without("unit not observed in every period", incomplete[sample.unit])
    weight = np.zeros(panel.n_units)
    weight[sample.unit] = 1.0
    if sample.weights is not None:
        weight[sample.unit] = sample.weights
        if not np.array_equal(weight[sample.unit], sample.weights):
            raise DesignError(
                f"weights in column {design.weights!r} change within a unit",
                expected="one weight for all periods of a unit",
            )
    treated = sample.group < len(sample.cohort_values)
    present = np.unique(sample.group[(weight > 0) & treated])
    dates = sample.cohort_values[present]
    if len(dates) > 1:
        raise DesignError(
            f"units are treated at {len(dates)} different times: {shortlist(sample.cohort_labels[present])}",
            expected="one treatment date",
            fix="use GroupTime, Imputation or InteractionWeighted",
        )
    if len(dates) == 0 or not (~treated & (weight > 0)).any():
        missing = "treated" if len(dates) == 0 else "comparison"
        if missing == "comparison" and treated.all():
            raise DesignError(
                "there is no comparison unit: every unit is treated",
                where=f"treated from {shortlist(sample.cohort_labels)}",
                fix="add never treated units",
            )
        raise EstimationError(
            f"no {missing} unit is observed in every period", fix="look at the missing values of these units"
        )
    start = int(dates[0]) - design.anticipation
    after = np.greater_equal(panel.ordinals, start)
    if after.all() or not after.any():
        raise DesignError(
            f"no period {'before' if after.all() else 'after'} treatment",
            where=f"treated from {sample.cohort_labels[present][0]}; "
            f"periods {panel.periods[0]} to {panel.periods[-1]}",
        )
    with np.errstate(invalid="ignore"):
        change = grid[:, after].mean(axis=1) - grid[:, ~after].mean(axis=1)
    return sample, change, weight, after, treated
