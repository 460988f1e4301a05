"""Synthetic control (Abadie, Diamond and Hainmueller 2010), plain, with predictors, augmented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import Design, Supports
from evaluation.errors import DataError, DesignError, EstimationError, shortlist
from evaluation.estimators._synthetic import check_options, fit_synthetic
from evaluation.estimators._synthetic_sample import (
    SyntheticSample,
    TreatedCohort,
    build_synthetic,
    counted,
    synthetic_supports,
)
from evaluation.numerics.predictors import choose_importance, weights_given
from evaluation.numerics.synthetic import Paths, Window, synthetic_control
from evaluation.panel import Panel
from evaluation.result import Result

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Predictor:
    """A unit's mean of a column over periods before treatment.

    Parameters
    ----------
    column : str
    first, last : object, optional
        First and last period of the mean, written as in the panel's time column; all periods before
        treatment when absent. Missing values inside are left out of the mean.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, Predictor, SyntheticControl
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> predictors = (Predictor("income", (2000, 2004)),)
    >>> SyntheticControl(predictors=predictors).predictors[0].column
    'income'
    """

    column: str
    first: Any = None
    last: Any = None

    @property
    def label(self) -> str:
        """Column and periods."""
        if self.first is None and self.last is None:
            return self.column
        ends = [str(e) for e in (self.first, self.last) if e is not None]
        return f"{self.column} {' to '.join(dict.fromkeys(ends))}"


@dataclass(frozen=True)
class SyntheticControl:
    """Synthetic control of Abadie, Diamond and Hainmueller (2010): a weighted mean of donors.

    Effect on treated units against a weighted mean of donors that follows them before treatment.

    Weights are 0 or more, sum to one and minimise the squared gap over all periods before treatment,
    or the gap in predictors (Abadie, Diamond and Hainmueller 2010, equations 2 to 4): without
    ``predictors`` every outcome before treatment is matched alike, which is not their estimator. The minimum
    is exact: no stopping rule, no dependence on the order of donors. Several treated units of a
    cohort are one unit, their mean; cohorts are averaged over treated unit-periods.

    Parameters
    ----------
    variance : {"placebo", "jackknife", "bootstrap", "none"}
        As in `SyntheticDiD`. The jackknife is not advised without ``intercept``: nothing takes up the level
        of a donor that is left out.
    draws : int
        Placebo sets or bootstrap samples, where they are too many to enumerate.
    seed : int, optional
        Needed where there are draws.
    terms : {"att", "cohort_period"}
        One term, or one a cohort and period, which ``result.aggregate`` averages.
    predictors : tuple of Predictor or str
        When given, weights fit these instead of every outcome before treatment.
    importance : {"nested", "search", "regression", "equal"} or tuple of float
        Weights V of the predictors. ``"nested"`` descends from equal ones to those whose synthetic
        control fits outcomes before treatment, the usual choice and a local minimum; ``"search"``
        tries many starts, finds a lower minimum, and tends to leave all to one predictor; squared
        regression coefficients; equal after standardisation; or given.
    fit_periods : tuple, optional
        First and last period whose outcomes the choice fits.
    intercept : bool
        Whether a constant gap is allowed (Doudchenko and Imbens 2016; Ferman and Pinto 2021).
    ridge : float
        Penalty on squared weights, in squared units of the outcome.
    augment : {"cv"} or float, optional
        Ridge augmentation, which takes out what imbalance before treatment predicts (Ben-Michael,
        Feller and Rothstein 2021); its penalty, or ``"cv"`` to choose it by leaving out periods.
    solver : {"exact", "synthdid"}
        ``"synthdid"`` stops where R synthdid 0.0.9 does, short of the minimum, to reproduce
        numbers printed with it.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, SyntheticControl
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> fit = SyntheticControl().fit(panel, design)
    >>> print(fit.params.round(2).to_string())
    term
    ATT    0.72
    """

    variance: Literal["placebo", "jackknife", "bootstrap", "none"] = "placebo"
    draws: int = 200
    seed: int | None = None
    terms: Literal["att", "cohort_period"] = "att"
    predictors: tuple[Predictor | str, ...] = ()
    importance: Literal["nested", "search", "regression", "equal"] | tuple[float, ...] = "nested"
    fit_periods: tuple[Any, Any] | None = None
    intercept: bool = False
    ridge: float = 0.0
    augment: Literal["cv"] | float | None = None
    solver: Literal["exact", "synthdid"] = "exact"

    supports: ClassVar[Supports] = synthetic_supports(
        "SyntheticControl",
        covariates=False,
        instead={"covariates": "give the columns as SyntheticControl(predictors=...) and no covariates"},
    )

    def __post_init__(self) -> None:
        check_options(self)
        given = (self.predictors,) if isinstance(self.predictors, str | Predictor) else self.predictors
        made = tuple(p if isinstance(p, Predictor) else Predictor(p) for p in given)
        object.__setattr__(self, "predictors", made)
        if isinstance(self.importance, str):
            if self.importance not in ("nested", "search", "regression", "equal"):
                raise EstimationError(
                    f"importance is {self.importance!r}",
                    expected="'nested', 'search', 'regression', 'equal' or one number a predictor",
                )
        else:
            values = tuple(float(v) for v in self.importance)
            object.__setattr__(self, "importance", values)
            if len(values) != len(made) or min(values, default=0) < 0 or sum(values) <= 0:
                raise EstimationError(
                    f"importance has {len(values)} numbers for {len(made)} predictors",
                    expected="one number a predictor, 0 or more, not all 0",
                )
        if self.solver not in ("exact", "synthdid"):
            raise EstimationError(f"solver is {self.solver!r}", expected="'exact' or 'synthdid'")
        if not self.ridge >= 0:
            raise EstimationError(f"ridge is {self.ridge!r}", expected="0 or more")
        if isinstance(self.augment, str) and self.augment != "cv":
            raise EstimationError(f"augment is {self.augment!r}", expected="'cv', a penalty, or None")
        if isinstance(self.augment, int | float) and not self.augment > 0:
            raise EstimationError(f"augment is {self.augment!r}", expected="a penalty above 0")
        if made and (self.intercept or self.ridge or self.solver != "exact"):
            raise EstimationError(
                "intercept, ridge and solver are for weights that fit outcomes, not predictors",
                fix="leave them out, or leave the predictors out",
            )

    @property
    def name(self) -> str:
        """Method in words."""
        words = "Synthetic control"
        if self.predictors:
            words += " with predictors"
        if self.intercept:
            words += ", demeaned"
        return words + (", ridge-augmented" if self.augment is not None else "")

    @property
    def has_constant(self) -> bool:
        """Whether a constant gap before treatment is no lack of fit."""
        return self.intercept

    def fit(self, panel: Panel, design: Design) -> Result:
        """Estimate the effect on the treated.

        Parameters
        ----------
        panel : Panel
        design : Design
            ``anticipation`` and ``window`` choose periods.

        Returns
        -------
        Result
            ``details`` is a `SyntheticDetails`: weights, paths, fit before treatment, placebos.

        Raises
        ------
        DesignError, DataError
            See `build_synthetic`; predictors after treatment or missing for a treated unit.
        EstimationError
            Draws without a seed.
        """
        return fit_synthetic(self, panel, design)

    def prepare(self, panel: Panel, design: Design) -> SyntheticSample:
        """Treated units, donors and periods, checked; donors without a predictor left out."""
        self.supports.check(design)
        sample = build_synthetic(panel, design)
        for cohort in sample.cohorts if self.predictors else ():
            missing = np.asarray(np.isnan(self._table(sample, cohort)).any(axis=1))
            if (missing & ~sample.donors).any():
                raise DataError(
                    "a treated unit misses a predictor in all periods of its mean",
                    where=f"{shortlist(sample.names[missing & ~sample.donors])}; "
                    f"predictors {shortlist(p.label for p in self._predictors)}",
                    fix="choose periods in which the column is there",
                )
            if missing[sample.donors].all():
                raise DataError(
                    "every donor misses a predictor in all periods of its mean",
                    where=f"predictors {shortlist(p.label for p in self._predictors)}",
                    fix="choose periods in which the columns are there",
                )
            if missing.any():
                note = (
                    f"{counted(int(missing.sum()), 'donor')} without a predictor left out: "
                    f"{shortlist(sample.names[missing])}"
                )
                sample = sample.keep(~missing, "donor that misses a predictor", note)
        return sample

    def paths(
        self,
        sample: SyntheticSample,
        cohort: TreatedCohort,
        treated: FloatArray,
        donors: FloatArray,
        like: Paths | None = None,
    ) -> Paths:
        """Fit a batch of assignments (b, n), with the penalty of ``like`` if it is given."""
        weights = self._weights(sample, cohort, treated, donors)[1] if self.predictors else None
        return synthetic_control(
            sample.outcome,
            treated,
            donors,
            cohort.window,
            intercept=self.intercept,
            ridge=self.ridge,
            augment=self.augment,
            weights=weights,
            penalty=None if like is None or self.augment is None else float(like.penalty[0]),
            exact=self.solver == "exact",
        )

    def residuals(
        self, outcome: FloatArray, treated: FloatArray, donors: FloatArray, window: Window
    ) -> FloatArray:
        """Residuals (b, T) of weights and constant fitted to all of ``window.pre``."""
        paths = synthetic_control(
            outcome,
            treated,
            donors,
            window,
            intercept=self.intercept,
            ridge=self.ridge,
            augment=self.augment,
            exact=self.solver == "exact",
        )
        return paths.gaps[:, window.pre] - paths.shift[:, None]

    def balance(self, sample: SyntheticSample, cohort: TreatedCohort, paths: Paths) -> pd.DataFrame | None:
        """Predictors of the treated, its synthetic control and the mean donor."""
        if not self.predictors:
            return None
        table = self._table(sample, cohort)
        treated = cohort.members.astype(float)[None]
        donors = sample.donors.astype(float)[None]
        importance, _ = self._weights(sample, cohort, treated, donors)
        return pd.DataFrame(
            {
                "predictor": [p.label for p in self._predictors],
                "treated": table[cohort.members].mean(axis=0),
                "synthetic": paths.unit_weights[0][sample.donors] @ table[sample.donors],
                "donors": table[sample.donors].mean(axis=0),
                "importance": importance[0],
            }
        )

    @property
    def _predictors(self) -> tuple[Predictor, ...]:
        return tuple(p for p in self.predictors if isinstance(p, Predictor))

    def _weights(
        self, sample: SyntheticSample, cohort: TreatedCohort, treated: FloatArray, donors: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Importances (b, K) and unit weights (b, n)."""
        table = self._table(sample, cohort)
        used = sample.donors | cohort.members
        spread = table[used].std(axis=0, ddof=1)
        table = np.nan_to_num((table - table[used].mean(axis=0)) / np.where(spread > 0, spread, 1.0))
        if not isinstance(self.importance, str):
            given = np.array(self.importance) / sum(self.importance)
            v = np.tile(given, (len(treated), 1))
            return v, weights_given(table, treated, donors, v)
        fitted = cohort.window.pre
        if self.fit_periods is not None:
            fitted = self._between(sample, cohort, *self.fit_periods, "fit_periods")
        v, w, _ = choose_importance(table, sample.outcome[:, fitted], treated, donors, self.importance)
        return v, w

    def _table(self, sample: SyntheticSample, cohort: TreatedCohort) -> FloatArray:
        """Predictors (n, K), NaN where a unit has none."""
        columns = []
        for p in self._predictors:
            inside = self._between(sample, cohort, p.first, p.last, p.label)
            values = sample.panel.matrix(p.column)[sample.units][:, inside]
            present = np.isfinite(values).sum(axis=1)
            with np.errstate(invalid="ignore"):
                columns.append(np.where(present > 0, np.nansum(values, axis=1) / present, np.nan))
        return np.column_stack(columns)

    @staticmethod
    def _between(
        sample: SyntheticSample, cohort: TreatedCohort, first: Any, last: Any, label: str
    ) -> NDArray[np.intp]:
        """Periods from first to last, all before treatment."""
        panel, pre = sample.panel, cohort.window.pre
        low = panel.ordinals[pre[0]] if first is None else panel.period_of(first)
        high = panel.ordinals[pre[-1]] if last is None else panel.period_of(last)
        inside = np.flatnonzero((panel.ordinals >= low) & (panel.ordinals <= high))
        if len(inside) == 0 or inside[-1] > pre[-1]:
            raise DesignError(
                f"{label}: no period" if len(inside) == 0 else f"{label} reaches beyond treatment",
                where=f"treatment from {cohort.label}; the panel starts with {panel.periods[0]}",
                expected="periods before treatment, less anticipation",
                fix="change the first and last period",
            )
        return inside
