"""One or a few treated units: the noise of their estimate read off the untreated units.

With few treated units the estimate does not settle down as untreated ones are added: it keeps the
noise of the treated. Conley and Taber (2011) take the distribution of that noise from the residuals
of the untreated, who are many, if they are alike. Ferman and Pinto (2019) let its variance depend on
the size of the unit, so that a large treated unit is not measured with the noise of small ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, nan
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from evaluation.design import Design
from evaluation.errors import DataError, DesignError, EstimationError, shortlist
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference._regression import (
    ClusteredFit,
    check_draws,
    check_level,
    check_options,
    fit_clustered,
)
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
_TIE = 1e-10
FEW_CONTROLS = 20
FEWEST_BEFORE = 3
"""Periods before treatment from which a unit's own variance can be read."""


@dataclass(frozen=True, eq=False)
class FewTreated:
    """An estimate beside the noise that untreated units would have given it.

    Attributes
    ----------
    method : str
    estimate : float
        In units of the outcome.
    noise : ndarray (B,)
        What the estimate would be without an effect, for each choice of untreated units in place
        of the treated.
    exact : bool
        Whether all choices were enumerated.
    n_treated, n_controls : int
    variance : tuple of float
        Ferman and Pinto: the constant and the coefficient on 1/size; else empty.
    notes : tuple of str
    """

    method: str
    estimate: float
    noise: FloatArray = field(repr=False)
    exact: bool
    n_treated: int
    n_controls: int
    variance: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that this test can give."""
        return 1 / (1 + len(self.noise))

    @property
    def p_value(self) -> float:
        """Two-sided: ``(1 + #{|noise| >= |estimate|}) / (1 + B)``."""
        return self.p_value_at(0.0)

    @property
    def reason(self) -> str:
        """Always empty: where the test does not exist, the function says so by an error."""
        return ""

    def p_value_at(self, null: float) -> float:
        """The p-value of another effect."""
        gap = abs(self.estimate - null) * (1 - _TIE)
        return (1 + int((np.abs(self.noise) >= gap).sum())) / (1 + len(self.noise))

    def interval(self, level: float = 0.95) -> tuple[float, float, str]:
        """Effects not rejected at 1 - level: low, high, and why there is no bounded interval."""
        check_level(level)
        needed = int(np.floor((1 - level) * (1 + len(self.noise)) + 1e-9))
        if needed < 1:
            return (
                -inf,
                inf,
                f"{self.n_controls} untreated units give no p-value below {self.smallest_p:.3f}, "
                f"so no {level:.0%} interval is bounded",
            )
        half = float(np.sort(np.abs(self.noise))[::-1][needed - 1])
        return self.estimate - half, self.estimate + half, ""


def conley_taber(
    estimator: object,
    panel: Panel,
    design: Design,
    *,
    small_sample: bool = True,
    draws: int = 9_999,
    seed: int | np.random.Generator | None = None,
) -> FewTreated:
    """Inference for few treated units from the residuals of the untreated.

    Conley and Taber (2011), equations 5 and 6: the estimate less the effect tends to
    ``sum_j sum_t (d_jt - d_j)(u_jt - u_j) / sum_j sum_t (d_jt - d_j)**2`` over treated j, and its
    distribution is estimated by putting untreated units in place of the treated, in every way, each
    treated unit keeping its own dates.

    Parameters
    ----------
    estimator : TwoWayFixedEffects
        Static.
    panel : Panel
        Complete: every unit in every period.
    design : Design
    small_sample : bool
        Widen the noise by the root of ``D / (D2 (1 - 1/N0))``, with D and D2 the treatment's sum of
        squares less unit means, and less both means: residuals of N0 untreated units have their own
        mean removed, while the estimate carries the noise of that mean. Their asymptotics let N0 grow
        and have the factor 1 (``False``).
    draws : int
        When there are more ways than this.
    seed : int or numpy.random.Generator, optional
        Needed when ways are drawn.

    Returns
    -------
    FewTreated

    Raises
    ------
    EstimationError
        Not a static two-way regression, or a panel with gaps or weights.
    DesignError
        Fewer than 2 untreated units, or a seed is needed.
    """
    parts = _parts("Conley-Taber inference", estimator, panel, design)
    noise, exact = _combine(parts.table / parts.sum_of_squares, draws, seed)
    return _result("Conley-Taber", parts, noise, exact, small_sample, (), ())


def ferman_pinto(
    estimator: object,
    panel: Panel,
    design: Design,
    *,
    size: str | None = None,
    variance: Literal["size", "before"] = "size",
    small_sample: bool = True,
    draws: int = 9_999,
    seed: int | np.random.Generator | None = None,
) -> FewTreated:
    """As `conley_taber`, with noise whose variance depends on the unit.

    Ferman and Pinto (2019), section 3: the variance of a unit's contribution W is ``A + B / size``,
    fitted to the squared contributions of the untreated; each is brought to the variance of the
    treated unit that it stands for. Where the fit is negative, A and B are held at 0 or above. They
    resample all units with the null imposed; here, as in Conley and Taber, untreated residuals stand
    in for the treated and the noise of the comparison comes by ``small_sample``, so that the test can
    be enumerated and inverted.

    Parameters
    ----------
    size : str, optional
        Column with the number of observations behind the unit (population, schools, monitors), one
        value a unit. For ``variance="size"``.
    variance : {"size", "before"}
        ``"before"`` is not in the paper: each unit's variance is that of its own residuals before
        the first treatment, so that no size is needed. It takes a unit's variance as constant in
        time, and serial correlation as alike across units.
    estimator, panel, design, small_sample, draws, seed
        As in `conley_taber`.

    Raises
    ------
    DataError
        A size that is missing, not positive, or changes within a unit.
    EstimationError, DesignError
        As `conley_taber`; a size is needed; too few periods before treatment for ``"before"``.
    """
    check_options(variance=(variance, ("size", "before")))
    periods = FEWEST_BEFORE if variance == "before" else 1
    parts = _parts("Ferman-Pinto inference", estimator, panel, design, periods=periods)
    fitted: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    if variance == "before":
        spread = _before(parts)
        table = parts.table / spread[~parts.treated][:, None] * spread[parts.treated]
        ratio = float(spread[parts.treated].mean() / np.median(spread[~parts.treated]))
        notes = (f"the treated's residuals before treatment are {ratio:.2f} times the untreated median",)
        name = "Ferman-Pinto, variances from before treatment"
    else:
        if size is None:
            raise DesignError(
                "Ferman-Pinto inference needs the size of each unit",
                expected="size='population' or another column with one value a unit",
                fix="name the column, or use variance='before', which needs none",
            )
        sizes = _sizes(panel, size)
        table = np.empty_like(parts.table)
        constants = []
        for j, own in enumerate(np.flatnonzero(parts.treated)):
            a, b = _variance_function(parts.table[:, j], sizes[~parts.treated])
            controls = a + b / sizes[~parts.treated]
            table[:, j] = parts.table[:, j] * np.sqrt((a + b / sizes[own]) / controls)
            constants.append((a, b))
        fitted = constants[0]
        if min(fitted) == 0:
            notes = (
                "the fitted variance does not depend on size"
                if fitted[1] == 0
                else "the fitted variance is proportional to 1/size",
            )
        name = f"Ferman-Pinto, variance by {size}"
    noise, exact = _combine(table / parts.sum_of_squares, draws, seed)
    return _result(name, parts, noise, exact, small_sample, fitted, notes)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Contributions of the untreated in place of each treated unit."""

    estimate: float
    table: FloatArray  # (n_controls, n_treated)
    sum_of_squares: float
    widen: float
    residual: FloatArray  # (n_units, n_periods)
    treated: NDArray[np.bool_]
    first: int  # position of the first treated period of any unit


def _parts(method: str, estimator: object, panel: Panel, design: Design, *, periods: int = 1) -> _Parts:
    if isinstance(estimator, TwoWayFixedEffects) and estimator.event_study:
        raise EstimationError(
            f"{method} is for one effect, and the event study has several",
            fix="use TwoWayFixedEffects() without event_study",
        )
    check_few_treated(method, panel, design, periods=periods)
    fit: ClusteredFit = fit_clustered(method, estimator, panel, design)
    sample = fit.sample
    if not sample.complete:
        raise _incomplete(method, panel, sample.dropped)
    shape = (panel.n_units, panel.n_periods)
    cohorts = design.cohorts(panel)
    treated = cohorts.treated
    start = np.where(treated, cohorts.first - design.anticipation, cohorts.first)
    paths = (panel.ordinals[None, :] >= start[:, None]).astype(float)
    paths -= paths.mean(axis=1, keepdims=True)
    residual = fit.regression.residual.reshape(shape)
    square = float((paths**2).sum())
    both = float(((paths - paths.mean(axis=0)) ** 2).sum())
    n0 = int((~treated).sum())
    position = int(np.searchsorted(panel.ordinals, start[treated].min()))
    return _Parts(
        estimate=float(fit.result.coef[0]),
        table=residual[~treated] @ paths[treated].T,
        sum_of_squares=square,
        widen=float(np.sqrt(square / (both * (1 - 1 / n0)))),
        residual=residual,
        treated=treated,
        first=position,
    )


def check_few_treated(method: str, panel: Panel, design: Design, *, periods: int = 1) -> None:
    """Raise where a design is none for untreated units in place of the treated.

    Parameters
    ----------
    periods : int
        Periods before treatment that are needed.
    """
    if design.weights is not None:
        raise EstimationError(
            f"{method} takes no weights",
            fix="leave weights out; ferman_pinto(size=...) handles unequal units",
        )
    if design.cluster_columns and design.cluster_columns != (panel.unit,):
        raise EstimationError(
            f"{method} takes units as clusters, and the design has {shortlist(design.cluster_columns)}",
            fix="average the units of a cluster first, so that each row is a cluster-period",
        )
    cohorts = design.cohorts(panel)
    untreated = int((~cohorts.treated).sum())
    if untreated < 2:
        raise DesignError(
            f"{method} reads the noise off untreated units, and there are {untreated}",
            expected="at least 2, and 20 or more to be of use",
            fix="add units that are never treated",
        )
    if np.isnan(panel.matrix(design.outcome)).any():
        raise _incomplete(method, panel, {})
    before = int((panel.ordinals < cohorts.values[0] - design.anticipation).sum())
    if before < periods:
        raise DesignError(
            f"{before} periods before treatment do not show how much a unit varies",
            expected=f"at least {periods}",
            fix="use variance='size', or add earlier periods",
        )


def _incomplete(method: str, panel: Panel, dropped: dict[str, int]) -> EstimationError:
    reasons = ", ".join(f"{reason}: {count} rows" for reason, count in dropped.items())
    return EstimationError(
        f"{method} needs every unit in every period",
        where=reasons or f"{panel.n_units} units, {panel.n_periods} periods, {panel.n_rows} rows",
        fix="drop units or periods with gaps, and say which",
    )


def _combine(
    table: FloatArray, draws: int, seed: int | np.random.Generator | None
) -> tuple[FloatArray, bool]:
    """Sums over treated units, each with any untreated unit in its place."""
    check_draws(draws)
    n0, n1 = table.shape
    if n1 * np.log(n0) <= np.log(draws + n0) + 1e-9:
        total = table[:, 0]
        for j in range(1, n1):
            total = np.add.outer(total, table[:, j]).ravel()
        return total, True
    if seed is None:
        raise DesignError(
            f"{n0} untreated units can stand for {n1} treated in {n0}^{n1} ways, too many to enumerate, "
            "and no seed is given",
            fix="pass seed=...",
        )
    chosen = np.random.default_rng(seed).integers(0, n0, size=(draws, n1))
    return table[chosen, np.arange(n1)].sum(axis=1), False


def _result(
    name: str,
    parts: _Parts,
    noise: FloatArray,
    exact: bool,
    small_sample: bool,
    variance: tuple[float, ...],
    notes: tuple[str, ...],
) -> FewTreated:
    n0 = int((~parts.treated).sum())
    if n0 < FEW_CONTROLS:
        notes = (
            *notes,
            f"{n0} untreated units are few: the method rests on their number being large, and no p-value "
            f"is below {1 / (1 + len(noise)):.3g}",
        )
    return FewTreated(
        method=name,
        estimate=parts.estimate,
        noise=noise * (parts.widen if small_sample else 1.0),
        exact=exact,
        n_treated=int(parts.treated.sum()),
        n_controls=n0,
        variance=variance,
        notes=notes,
    )


def _variance_function(contribution: FloatArray, sizes: FloatArray) -> tuple[float, float]:
    """A and B of ``A + B / size``, least squares, at 0 or above where the line goes below 0."""
    columns = np.column_stack([np.ones_like(sizes), 1 / sizes])
    square = contribution**2
    (a, b), *_ = np.linalg.lstsq(columns, square, rcond=None)
    if np.ptp(sizes) == 0:
        return float(square.mean()), 0.0
    if (a + b / sizes > 0).all() and a >= 0 and b >= 0:
        return float(a), float(b)
    scale = float(square.mean()) or 1.0
    (a, b), _ = nnls(columns, square / scale)
    return float(a * scale), float(b * scale)


def _sizes(panel: Panel, column: str) -> FloatArray:
    codes, labels = panel.constant_in_unit(column)
    panel.column(column)
    values = np.where(codes >= 0, labels.to_numpy(dtype=float)[codes], nan)
    bad = ~(values > 0)
    if bad.any():
        raise DataError(
            f"size {column!r} is missing or not above 0 for {int(bad.sum())} units",
            where=f"units {shortlist(panel.units[bad])}",
            expected="the number of observations behind each unit",
        )
    return values


def _before(parts: _Parts) -> FloatArray:
    """Standard deviation of each unit's residuals before the first treatment (n_units,)."""
    before = parts.residual[:, : parts.first]
    spread = before.std(axis=1, ddof=1)
    if not (spread > 0).all():
        raise DesignError(
            f"{int((~(spread > 0)).sum())} units do not vary before treatment",
            fix="drop them, or use variance='size'",
        )
    return spread
