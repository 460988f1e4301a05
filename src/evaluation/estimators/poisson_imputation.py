"""Counts: what treated places would have had, from a Poisson model of everything not yet treated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Design, Supports
from evaluation.errors import DesignError, shortlist
from evaluation.estimators._sample import Sample, build_sample
from evaluation.estimators.poisson import check_counts
from evaluation.numerics.jackknife import degrees_of_freedom, jackknife_covariance, smaller_side
from evaluation.numerics.proportional import fit_proportional
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ImputedCounts:
    """What stands behind the estimate.

    Attributes
    ----------
    without : ndarray (G, k)
        Estimates without each cluster in turn.
    clusters : pandas.Index (G,)
    events, expected : float
        Events in treated unit-periods, and those to be expected without treatment.
    """

    without: FloatArray
    clusters: pd.Index
    events: float
    expected: float


@dataclass(frozen=True)
class PoissonImputation:
    """Imputation of counts (Wooldridge 2023): events over those to be expected without treatment.

    Events of treated unit-periods over those to be expected without treatment.

    ``E[y_it(0)] = exposure_it a_i b_t`` is fitted to the unit-periods not yet treated; the estimate is
    ``log(sum y / sum E[y(0)])`` over treated ones. In a balanced panel whose exposure moves by the same
    ratio in all units this is the extended two-way Poisson regression of Wooldridge (2023, section 4)
    summed up in one ratio; elsewhere the two differ, because one effect a cohort and period leaves its
    cells a say in a. Unlike that regression's mean of log effects, neither cells without an event nor
    treated units without one before treatment are left out.

    Assumed: without treatment the means of all units would have moved by the same ratio from period to
    period (parallel ratios). The estimand is a ratio of totals, so places with many events dominate it.

    Parameters
    ----------
    exposure : str, optional
        Column with what the count is out of, positive.
    event_study : bool
        A ratio for each period since treatment instead of one.

    Notes
    -----
    Covariance: jackknife over clusters (``numerics.jackknife``), t with as many degrees of freedom as the
    smaller of the two sides has clusters, less one.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, PoissonImputation
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> fit = PoissonImputation().fit(panel, Design("homicide", "first_treated"))
    >>> print(fit.params.round(3).to_string())
    term
    ATT    0.084
    """

    supports: ClassVar[Supports] = Supports(
        "an imputation of counts",
        covariates=False,
        weights=False,
        clusters=1,
        instead=dict.fromkeys(
            ("covariates", "weights", "cluster"), "leave it out, or use PoissonFixedEffects"
        ),
    )
    exposure: str | None = None
    event_study: bool = False

    def fit(self, panel: Panel, design: Design) -> Result:
        """Estimate on a panel.

        Parameters
        ----------
        panel : Panel
            With or without gaps.
        design : Design
            ``cluster`` (one column), ``anticipation`` and ``window`` (event times to report) are used;
            covariates and weights are refused.

        Returns
        -------
        Result
            Log ratios; `percent_change` and `percent_table` turn them into percent. ``details`` is
            `ImputedCounts`. A standard error is NaN where the effect hangs on one cluster.

        Raises
        ------
        DataError
            The outcome is negative, or the exposure is not positive.
        DesignError
            Covariates, weights, nobody untreated in a period, or no event before treatment.
        EstimationError
            The fit did not converge.
        """
        self.supports.check(design)
        sample = build_sample(
            panel, design, always_treated="drop", required=() if self.exposure is None else (self.exposure,)
        )
        check_counts(sample, self.exposure)
        cells = _Cells.of(sample, self.exposure)
        cells, notes = cells.usable(panel)
        terms, chosen = _terms(cells, design, self.event_study)
        clusters, codes = _clusters(sample, cells)
        keep = np.vstack([np.ones(len(codes)), (codes[None, :] != np.arange(len(clusters))[:, None])])
        unit, period = fit_proportional(cells.events, cells.exposure, cells.untreated, keep)
        estimate = _log_ratios(cells, keep, unit, period, chosen)
        vcov = jackknife_covariance(estimate[0], estimate[1:])
        sides = smaller_side(codes, np.asarray(cells.treated.any(axis=1), dtype=bool))
        lost = np.isnan(np.diag(vcov))
        if lost.any():
            names = terms["term"].to_numpy()[lost]
            notes.append(
                f"{shortlist(names)}: without one of the clusters there is no effect, no standard error"
            )
        expected = np.where(cells.treated, unit[0][:, None] * cells.exposure * period[0], 0.0)
        return Result(
            method="Poisson imputation",
            estimand="log ratio of events to those expected without treatment"
            + (", by time since treatment" if self.event_study else ""),
            terms=terms,
            coef=estimate[0],
            vcov=vcov,
            sample=sample.count(),
            df=degrees_of_freedom(*sides) or np.nan,
            notes=(*sample.notes, *notes),
            inference=f"jackknife over {len(clusters)} clusters, {sides[0]} of them with treated units",
            details=ImputedCounts(
                estimate[1:], clusters, float(cells.events[cells.treated].sum()), float(np.nansum(expected))
            ),
        )


@dataclass(frozen=True, eq=False)
class _Cells:
    """Unit-periods as matrices (n, T); event time is NaN for units never treated."""

    units: NDArray[np.intp]
    events: FloatArray
    exposure: FloatArray
    untreated: NDArray[np.bool_]
    treated: NDArray[np.bool_]
    event_time: FloatArray

    @classmethod
    def of(cls, sample: Sample, exposure: str | None) -> _Cells:
        shape = (sample.panel.n_units, sample.panel.n_periods)
        events, out_of = np.zeros(shape), np.zeros(shape)
        seen = np.zeros(shape, dtype=bool)
        events[sample.unit, sample.time] = sample.outcome
        out_of[sample.unit, sample.time] = 1.0 if exposure is None else sample.column(exposure)
        seen[sample.unit, sample.time] = True
        event_time = sample.event_time[sample.group]
        with np.errstate(invalid="ignore"):
            after = event_time >= -sample.design.anticipation
        kept = np.flatnonzero(seen.any(axis=1))
        return cls(
            kept, events[kept], out_of[kept], (seen & ~after)[kept], (seen & after)[kept], event_time[kept]
        )

    def usable(self, panel: Panel) -> tuple[_Cells, list[str]]:
        """Without treated units never seen before treatment, which have no effect of their own.

        Units seen there without an event stay: what to leave out may not depend on the outcome. Nothing is
        expected of them, and their later events count, which balances the units whose events before
        treatment were by chance too many.
        """
        treated, seen = self.treated.any(axis=1), self.untreated.any(axis=1)
        unseen = treated & ~seen
        notes = []
        if unseen.any():
            names = shortlist(panel.units[self.units[unseen]])
            notes.append(
                f"{int(unseen.sum())} treated units are not observed before treatment; they were left out "
                f"({names})"
            )
        cells = _Cells(*(getattr(self, name)[~unseen] for name in self.__dataclass_fields__))
        before = np.where(cells.untreated, cells.events, 0.0).sum(axis=1)
        silent = cells.treated.any(axis=1) & (before == 0)
        count = int(cells.treated.any(axis=1).sum())
        if silent.any():
            names = shortlist(panel.units[cells.units[silent]])
            notes.append(
                f"{int(silent.sum())} of {count} treated units have no event before treatment ({names}): 0 "
                "events are expected of them afterwards and theirs count; leaving them out would choose "
                "units by their outcome and bias the ratio downwards"
            )
        if silent.sum() == count:
            raise DesignError(
                "no treated unit has an event before treatment, so nothing can be expected of any",
                fix="begin the window earlier, or measure something less rare",
            )
        lonely = np.asarray(cells.treated.any(axis=0) & ~cells.untreated.any(axis=0), dtype=bool)
        if lonely.any():
            raise DesignError(
                f"in {int(lonely.sum())} periods every unit is treated, so there is nobody to compare with",
                where=f"periods {shortlist(panel.periods[np.flatnonzero(lonely)])}",
                fix="end the window before, or add units that are never treated",
            )
        return cells, notes


def _terms(cells: _Cells, design: Design, by_event: bool) -> tuple[pd.DataFrame, list[NDArray[np.bool_]]]:
    """Names, and which treated cells each sums up."""
    low, high = design.window or (-np.inf, np.inf)
    if not by_event:
        after = cells.treated & (cells.event_time >= max(0, low)) & (cells.event_time <= high)
        if not after.any():
            raise DesignError(f"no event time lies in the window {design.window}", fix="widen the window")
        return pd.DataFrame({"term": ["ATT"]}), [after]
    times = np.unique(cells.event_time[cells.treated])
    times = times[(times >= low) & (times <= high)].astype(int)
    if not len(times):
        raise DesignError(f"no event time lies in the window {design.window}", fix="widen the window")
    frame = pd.DataFrame({"term": [f"event time {e}" for e in times], "event_time": times})
    return frame, [cells.treated & (cells.event_time == e) for e in times]


def _clusters(sample: Sample, cells: _Cells) -> tuple[pd.Index, NDArray[np.intp]]:
    """Labels of the clusters, and that of each unit."""
    (cluster,) = sample.clusters
    if cluster.kind == "unit":
        return sample.panel.units[cells.units], np.arange(len(cells.units))
    if cluster.by_unit is None:
        raise DesignError(f"clusters of {cluster.name!r} cut across units", expected="units inside clusters")
    by_unit, labels = sample.panel.clusters(cluster.name)
    values, codes = np.unique(by_unit[cells.units], return_inverse=True)
    return labels[values], codes


def _log_ratios(
    cells: _Cells,
    keep: FloatArray,
    unit: FloatArray,
    period: FloatArray,
    chosen: list[NDArray[np.bool_]],
) -> FloatArray:
    """Log ratios (R, k) in each sample; NaN where nothing is treated or expected."""
    out = np.full((len(keep), len(chosen)), np.nan)
    filled = np.nan_to_num(period)
    for k, cell in enumerate(chosen):
        events = keep @ np.where(cell, cells.events, 0.0).sum(axis=1)
        expected = (keep * unit * (filled @ np.where(cell, cells.exposure, 0.0).T)).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            out[:, k] = np.where(expected > 0, np.log(events / expected), np.nan)
    return np.where(np.isinf(out), np.nan, out)
