"""What an estimator returns: estimates with their full covariance, and the algebra on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evaluation.aggregation import Averages
from evaluation.bands import Resampled, Resampling, band_values, parts_of
from evaluation.display import Summary, Table, number, write_excel
from evaluation.errors import EstimationError, shortlist
from evaluation.multipliers import multiplied_sums, normal_draws, quartile_covariance
from evaluation.result_parts import (
    CohortShares,
    Influence,
    Placebos,
    SampleCount,
    WaldTest,
    averages_of,
    band_notes,
    check_level,
    covariance_of,
    evaluated,
    named,
    pointwise,
    wald_test,
    with_intervals,
)

__all__ = ["CohortShares", "Influence", "Placebos", "Result", "SampleCount", "WaldTest"]

TERM_COLUMNS = ("term", "cohort", "time", "event_time")


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """Estimates of one method under one design.

    Parameters
    ----------
    method, estimand : str
        What was computed and what it stands for, in words.
    terms : pandas.DataFrame
        Columns ``term, cohort, time, event_time`` (k rows), missing where a term has none.
    coef : ndarray (k,)
        In units of the outcome. NaN where a term does not exist in the data.
    vcov : ndarray (k, k)
        Always full. NaN rows where a standard error is undefined.
    df : float
        Degrees of freedom of the t distribution, infinite for the normal.
    sample : SampleCount
    notes : tuple of str
        What a reader must know: dropped units, undefined terms, conventions.
    inference : str
        Which covariance, in words.
    influence_function : ndarray (n_units, k) or callable, optional
        Unit contributions psi with coef - truth ~ mean(psi), so that without corrections
        vcov = psi' psi / n_units**2. A callable is evaluated when `influence` is first read.
    shares : CohortShares, optional
        For results whose terms are cohort-by-period effects.
    resampled : Resampling or callable, optional
        Cohorts and clusters of the rows of the influence function; None where terms have none. A
        callable is evaluated when `resampling` is first read.
    aggregate_overall : Result, optional
        Set on aggregations: their one-term summary.
    placebos : Placebos, optional
        Placebo estimates behind the covariance: p-values are at least their ranks, intervals reach as far.
    details : object, optional
        What the method found besides estimates, such as the weights of a synthetic control.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, GroupTime, Panel
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> fit = GroupTime().fit(panel, Design("rate", "first_treated"))
    >>> path = fit.aggregate("event_time", window=(-2, 2))
    >>> print(path.tidy()[["event_time", "estimate", "std_error"]].round(3).to_string(index=False))
     event_time  estimate  std_error
             -2    -0.147      0.172
             -1    -0.323      0.232
              0     0.465      0.172
              1     0.778      0.248
              2     0.484      0.240
    >>> print(fit.aggregate("simple"))
    Result: Group-time effects (Callaway and Sant'Anna)
      ATT 0.4725, standard error 0.1967, 95% interval 0.0870 to 0.8579; 50 units, 11 periods
    """

    method: str
    estimand: str
    terms: pd.DataFrame
    coef: NDArray[np.float64]
    vcov: NDArray[np.float64]
    sample: SampleCount
    df: float = np.inf
    notes: tuple[str, ...] = ()
    inference: str = ""
    influence_function: Influence | None = field(default=None, repr=False)
    shares: CohortShares | None = field(default=None, repr=False)
    resampled: Resampled | None = field(default=None, repr=False)
    aggregate_overall: Result | None = field(default=None, repr=False)
    placebos: Placebos | None = field(default=None, repr=False)
    details: object | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        k = len(self.coef)
        terms = self.terms.reindex(columns=list(TERM_COLUMNS)).reset_index(drop=True)
        object.__setattr__(self, "terms", terms)
        coef = np.array(self.coef, dtype=float)
        vcov = np.array(self.vcov, dtype=float).reshape(k, k)
        if len(terms) != k:
            raise ValueError(f"{len(terms)} terms for {k} coefficients")
        for name, value in (("coef", coef), ("vcov", vcov)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.coef)

    @cached_property
    def influence(self) -> NDArray[np.float64] | None:
        """Unit contributions (n_units, k), or None where the method has none."""
        return evaluated(self.influence_function)

    @cached_property
    def resampling(self) -> Resampling | None:
        """What rows of the influence function are, or None where nothing is known of them."""
        return evaluated(self.resampled)

    @property
    def std_errors(self) -> NDArray[np.float64]:
        """Standard errors (k,); NaN where undefined, never 0 for lack of data."""
        variance = np.diag(self.vcov).copy()
        variance[~(variance > 0)] = np.nan
        return np.sqrt(variance)

    def __getstate__(self) -> dict[str, Any]:
        # what has been put off is computed: functions within functions cannot be pickled
        state = {name: getattr(self, name) for name in self.__dataclass_fields__}
        state["influence_function"] = self.influence
        state["resampled"] = self.resampling
        if self.shares is not None:
            state["shares"] = replace(self.shares, influence=evaluated(self.shares.influence))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name in ("coef", "vcov"):
            state[name].setflags(write=False)

    # as in statsmodels --------------------------------------------------------------------------

    @property
    def _names(self) -> pd.Index:
        return pd.Index(self.terms["term"].astype(str), name="term")

    @property
    def params(self) -> pd.Series:
        """Estimates by term (k,)."""
        return pd.Series(self.coef.copy(), index=self._names, name="estimate")

    @property
    def bse(self) -> pd.Series:
        """Standard errors by term (k,)."""
        return pd.Series(self.std_errors, index=self._names, name="std_error")

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided p-values of a zero effect by term (k,)."""
        return self.tidy().set_index("term")["p_value"]

    def cov_params(self) -> pd.DataFrame:
        """Covariance of the estimates (k, k) by term."""
        return pd.DataFrame(self.vcov.copy(), index=self._names, columns=self._names)

    @property
    def nobs(self) -> int:
        """Number of observations that entered."""
        return int(self.sample.observations)

    # one-term results -------------------------------------------------------------------------

    @property
    def overall(self) -> Result:
        """The one-term summary of an aggregation; a one-term result is its own."""
        if self.aggregate_overall is not None:
            return self.aggregate_overall
        if len(self) == 1:
            return self
        raise EstimationError(
            f"{self.method} has {len(self)} terms and no overall effect",
            fix='aggregate first: result.aggregate("simple")',
        )

    @property
    def estimate(self) -> float:
        """Estimate of a one-term result, in units of the outcome."""
        return float(self._single.coef[0])

    @property
    def std_error(self) -> float:
        """Standard error of a one-term result; NaN where undefined."""
        return float(self._single.std_errors[0])

    @property
    def p_value(self) -> float:
        """Two-sided p-value of a zero effect."""
        return float(self._single.tidy()["p_value"].iloc[0])

    def conf_int(self, level: float = 0.95) -> Any:
        """Pointwise intervals, in units of the outcome; NaN where there is none.

        Returns
        -------
        tuple of float, or pandas.DataFrame
            ``(low, high)`` of a one-term result; of several terms one row a term, columns
            ``ci_low, ci_high``.
        """
        table = self.tidy(level)
        if len(self) == 1:
            return float(table["ci_low"].iloc[0]), float(table["ci_high"].iloc[0])
        return table.set_index("term")[["ci_low", "ci_high"]]

    @property
    def _single(self) -> Result:
        if len(self) != 1:
            raise EstimationError(
                f"{self.method} has {len(self)} terms: {shortlist(self.terms['term'])}",
                expected="a one-term result",
                fix="read .tidy(), or take .overall of an aggregation",
            )
        return self

    # tables -----------------------------------------------------------------------------------

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """One row a term: estimate, standard error, pointwise interval and p-value.

        Parameters
        ----------
        level : float
            Coverage of the interval, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            Columns ``term, cohort, time, event_time, estimate, std_error, ci_low, ci_high, p_value``.
        """
        check_level(level)
        if self.placebos is not None:
            return self._table(self.placebos.critical(level, self.std_errors, self.df))
        return self._table(pointwise(level, self.df))

    def simultaneous(
        self, level: float = 0.95, draws: int = 999, *, seed: int | np.random.Generator
    ) -> pd.DataFrame:
        """As `tidy`, with intervals that cover all terms together with probability ``level``.

        Each term has a t law whose degrees of freedom are counted by cohort (Welch 1947; Satterthwaite
        1946), and all terms have the same level, at which the smallest p-value of a draw is exceeded
        with probability ``level``; see `evaluation.bands.band_values`. Where every cohort is large this
        comes to the quantile of the largest t statistic (Callaway and Sant'Anna 2021, Algorithm 1;
        Montiel Olea and Plagborg-Moller 2019). Standard errors and p-values are those of `tidy`.
        Placebos, where there are some, may widen the intervals to their own largest statistics.

        Parameters
        ----------
        level : float
        draws : int
        seed : int or numpy.random.Generator

        Returns
        -------
        pandas.DataFrame
            Columns as in `tidy`; no interval where a term has a cohort-period that is seen in one
            cluster only. ``attrs["notes"]`` says which, and which cohorts have few clusters.
        """
        check_level(level)
        table = self._table(self.critical_values(level, draws, seed=seed))
        table.attrs["notes"] = band_notes(self.terms["term"], self.std_errors, self.resampling)
        return table

    def critical_values(
        self, level: float = 0.95, draws: int = 999, *, seed: int | np.random.Generator
    ) -> NDArray[np.float64]:
        """Half widths of the simultaneous intervals in standard errors (k,), NaN where there is none."""
        generator = np.random.default_rng(seed)
        errors, resampling = self.std_errors, self.resampling
        usable = np.isfinite(errors)
        if resampling is not None:
            usable &= ~resampling.single
        out = np.full(len(self), np.nan)
        if not usable.any():
            return out

        def influence() -> NDArray[np.float64] | None:
            return None if self.influence is None else self.influence[:, usable]

        parts = parts_of(errors[usable] ** 2, self.df, resampling, influence)
        correlation = self.vcov[np.ix_(usable, usable)] / np.outer(errors[usable], errors[usable])
        out[usable] = band_values(correlation, parts, level, draws, generator)
        if self.placebos is not None:
            out = np.maximum(out, self.placebos.critical(level, errors, self.df, joint=True))
        return out

    def bootstrap(
        self, draws: int = 999, *, seed: int | np.random.Generator, multiplier: str = "rademacher"
    ) -> Result:
        """The same estimates with standard errors from a multiplier bootstrap.

        The influence function is multiplied by independent draws, one a unit or coarser cluster, and
        summed. Standard errors are the interquartile range of the sums beside that of the normal law
        (Callaway and Sant'Anna 2021, Algorithm 1); correlations are those of the sums. As draws become
        many this comes to the analytical covariance without small-sample factor, whatever the multiplier:
        intervals then cover as those of `tidy` do without the factor. Aggregate first.

        Parameters
        ----------
        draws : int
            At least 2.
        seed : int or numpy.random.Generator
        multiplier : {"rademacher", "mammen", "webb", "gaussian"}

        Returns
        -------
        Result
            ``inference`` says which bootstrap; `std_errors`, `tidy`, `wald` and `simultaneous` follow.

        Raises
        ------
        EstimationError
            The method has no influence function, sums over one dimension of clusters do not give its
            covariance (two dimensions, the period as cluster, ``"HC1"``, ``"iid"``), or fewer than 2 draws.
        """
        if draws < 2:
            raise EstimationError(f"{draws} draws have no spread", expected="at least 2, better 999")
        usable = np.isfinite(self.std_errors)
        scores = self._cluster_scores(usable)
        generator = np.random.default_rng(seed)
        if multiplier == "gaussian":
            sums = normal_draws(generator, draws, scores.T @ scores)
        else:
            sums = multiplied_sums(generator, draws, scores, multiplier)
        assert self.influence is not None
        sums /= len(self.influence)
        vcov = np.full(self.vcov.shape, np.nan)
        vcov[np.ix_(usable, usable)] = quartile_covariance(sums)
        words = f"multiplier bootstrap ({multiplier}, {draws} draws, interquartile range)"
        # the covariance with cohort shares is not drawn, so averages come first
        inference = f"{self.inference}; {words}" if self.inference else words
        return replace(self, vcov=vcov, inference=inference, shares=None)

    def _cluster_scores(self, usable: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Contributions of units, or of their clusters, to the terms that have a standard error."""
        psi, resampling = self.influence, self.resampling
        reason = resampling.instead if resampling is not None else ""
        if psi is None or reason:
            raise EstimationError(
                f"{self.method} has no multiplier bootstrap: {reason or 'it has no influence function'}",
                expected="independent units, or one dimension of clusters that hold whole units",
                fix="read tidy() or simultaneous(), which follow the covariance, or cluster in one dimension",
            )
        psi = psi[:, usable]
        return psi if resampling is None else resampling.cluster_sums(psi)

    def _table(self, critical: float | NDArray[np.float64]) -> pd.DataFrame:
        return with_intervals(self.terms, self.coef, self.std_errors, critical, self.df, self.placebos)

    # display ----------------------------------------------------------------------------------

    def __repr__(self) -> str:
        sample = f"{self.sample.units} units, {self.sample.periods} periods"
        if len(self) != 1:
            return f"Result: {self.method}\n  {len(self)} terms; {sample}"
        row = self.tidy().iloc[0]
        low, high = number(row["ci_low"]), number(row["ci_high"])
        return (
            f"Result: {self.method}\n  {row['term']} {number(row['estimate'])}, standard error "
            f"{number(row['std_error'])}, 95% interval {low} to {high}; {sample}"
        )

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def summary(self, level: float = 0.95) -> Summary:
        """Method, estimand, sample, clusters, inference, the table of estimates and the notes.

        Parameters
        ----------
        level : float
            Coverage of the pointwise intervals.

        Returns
        -------
        evaluation.display.Summary
            Prints as text; `as_html` and `as_latex` give other forms.
        """
        count = self.sample
        facts = {"Estimand": self.estimand, "Inference": self.inference or "none"}
        facts |= {
            "Observations": str(count.observations),
            "Units": str(count.units),
            "Periods": str(count.periods),
            "Treated units": str(count.treated),
        }
        if count.clusters:
            facts["Clusters"] = " by ".join(map(str, count.clusters))
        facts["Distribution"] = f"t, {number(self.df)} df" if np.isfinite(self.df) else "normal"
        if count.dropped:
            facts["Rows dropped"] = "; ".join(f"{n} {reason}" for reason, n in count.dropped.items())
        facts["Interval"] = f"{100 * level:g}%, pointwise"
        return Summary(self.method, facts, self._shown(level), self.notes)

    def _shown(self, level: float = 0.95) -> Table:
        table = self.tidy(level)
        return Table(table[["term", "estimate", "std_error", "ci_low", "ci_high", "p_value"]])

    def plot(
        self,
        ax: Any = None,
        *,
        level: float = 0.95,
        simultaneous: bool = True,
        draws: int = 999,
        seed: int = 0,
    ) -> Any:
        """Draw the estimates: over event time, over calendar time, or one row a term.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Drawn there; a new figure when absent.
        level : float
        simultaneous : bool
            Add intervals that cover all terms together (thin), where there are several.
        draws, seed : int
            Of the simultaneous intervals; see `simultaneous`.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        EvaluationError
            matplotlib is not installed.
        """
        from evaluation.plots import estimates

        wide = self.simultaneous(level, draws, seed=seed) if simultaneous and len(self) > 1 else None
        return estimates(self.tidy(level), wide, ax=ax, level=level, title=self.method, label=self.estimand)

    def to_latex(self, path: str | Path | None = None, *, caption: str = "") -> str:
        """The table of estimates in LaTeX (booktabs); written to ``path`` when given."""
        return self._shown().to_latex(path, caption=caption)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """The table of estimates in Markdown; written to ``path`` when given."""
        return self._shown().to_markdown(path)

    def to_excel(self, path: str | Path) -> Path:
        """Write `tidy` to an Excel file (needs openpyxl)."""
        return write_excel(self.tidy(), path)

    def to_word(self, path: str | Path) -> Path:
        """Write the table of estimates, the method and the notes to a Word document (needs python-docx)."""
        notes = (f"{self.estimand}. {self.inference}".strip(), *self.notes)
        return self._shown().to_word(path, title=self.method, notes=notes)

    # algebra ----------------------------------------------------------------------------------

    def combine(
        self, weights: ArrayLike, estimand: str, *, terms: pd.DataFrame | Sequence[str] | None = None
    ) -> Result:
        """Linear combinations of the terms, with weights taken as known.

        Parameters
        ----------
        weights : array_like (k,) or (m, k)
        estimand : str
        terms : pandas.DataFrame or sequence of str, optional
            Names of the m combinations.
        """
        matrix = np.atleast_2d(np.asarray(weights, dtype=float))
        if matrix.shape[1] != len(self):
            raise EstimationError(
                f"{matrix.shape[1]} weights for {len(self)} terms", expected=f"{len(self)} weights"
            )
        used = (matrix != 0).any(axis=0)
        part = matrix[:, used]

        def influence() -> Any:
            base = self.influence
            return None if base is None else base[:, used] @ part.T

        return replace(
            self,
            estimand=estimand,
            terms=named(terms, estimand, len(matrix)),
            coef=part @ self.coef[used],
            vcov=part @ self.vcov[np.ix_(used, used)] @ part.T,
            influence_function=None if self.influence_function is None else influence,
            resampled=self.resampled_as(matrix),
            shares=None,
            aggregate_overall=None,
            placebos=self._placebos(matrix),
        )

    def _placebos(self, weights: NDArray[np.float64]) -> Placebos | None:
        """Placebo estimates of linear combinations (m, k) of the terms."""
        if self.placebos is None:
            return None
        return replace(self.placebos, estimates=self.placebos.estimates @ weights.T)

    def wald(self, restriction: ArrayLike, null: ArrayLike = 0.0) -> WaldTest:
        """Test ``restriction @ coef = null``: chi-squared, or F when ``df`` is finite.

        With placebos the p-value is at least the rank among them.

        Parameters
        ----------
        restriction : array_like (m, k) or (k,)
        null : array_like (m,) or float
        """
        names = self.terms["term"].astype(str).to_numpy()
        return wald_test(self.coef, self.vcov, self.df, names, restriction, null, self.placebos)

    def aggregate(
        self,
        by: str,
        *,
        balance: int | None = None,
        window: tuple[int, int] | None = None,
    ) -> Result:
        """Average cohort-by-period effects (Callaway and Sant'Anna 2021, section 3.2).

        Parameters
        ----------
        by : {"simple", "group", "event_time", "calendar"}
            ``"simple"`` is one term, the ATT over all treated cells. The others carry `overall`.
        balance : int, optional
            Event time: keep only cohorts that are seen at least this long after treatment, and
            effects up to then.
        window : tuple of int, optional
            Event time: first and last event time to keep.

        Returns
        -------
        Result

        Raises
        ------
        EstimationError
            The terms are not cohort-by-period effects, or none is left.
        """
        shares = self.shares
        if shares is None:
            raise EstimationError(
                f"the terms of {self.method} are not cohort-by-period effects",
                fix="aggregate a result of GroupTime, Imputation or InteractionWeighted; bootstrap after",
            )
        averages, terms = averages_of(self.terms, self.coef, shares, by, balance=balance, window=window)
        overall = None
        if averages.overall is not None:
            overall = self._average(averages.overall, pd.DataFrame({"term": ["ATT"]}))
        return self._average(averages, terms, overall)

    def _average(self, averages: Averages, terms: pd.DataFrame, overall: Result | None = None) -> Result:
        shares = self.shares
        assert shares is not None
        used, total = covariance_of(averages, self.coef, self.vcov, shares)
        a, b = averages.by_effect[:, used], averages.by_share

        def influence() -> Any:
            effects, weights = self.influence, evaluated(shares.influence)
            if effects is None:
                return None
            # a copy is taken only where columns without an estimate must be left out
            whole = np.isfinite(self.coef).all()
            out = effects @ averages.by_effect.T if whole else effects[:, used] @ a.T
            return out if weights is None else out + weights @ b.T

        return replace(
            self,
            estimand=averages.estimand,
            terms=terms,
            coef=averages.value,
            vcov=total,
            notes=(*self.notes, *averages.notes),
            influence_function=None if self.influence_function is None else influence,
            resampled=self.resampled_as(averages.by_effect),
            shares=None,
            aggregate_overall=overall,
            placebos=self._placebos(averages.by_effect),
        )

    def resampled_as(self, weights: NDArray[np.float64]) -> Resampled | None:
        """What rows are for linear combinations (m, k) of the terms."""
        if self.resampled is None:
            return None

        def combined() -> Resampling:
            base = self.resampling
            assert base is not None
            return base.combined(weights)

        return combined
