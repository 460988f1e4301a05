"""One or a few treated units: the noise of their estimate read off the untreated units.

With few treated units the estimate does not settle down as untreated ones are added: it keeps the
noise of the treated. Conley and Taber (2011) take the distribution of that noise from the residuals
of the untreated, who are many, if they are alike. Ferman and Pinto (2019) let its variance depend on
the size of the unit, so that a large treated unit is not measured with the noise of small ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from evaluation.design import Design
from evaluation.errors import DataError, DesignError, EstimationError, shortlist
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference._few_treated import FewTreated
from evaluation.inference._noise import noise_note
from evaluation.inference._regression import (
    ClusteredFit,
    check_draws,
    check_options,
    fit_clustered,
)
from evaluation.inference.assignments import assignments
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
FEW_CONTROLS = 20
FEWEST_BEFORE = 3
"""Periods before treatment from which a unit's own variance can be read."""


def conley_taber(
    estimator: object,
    panel: Panel,
    design: Design,
    *,
    small_sample: bool = True,
    draws: int = 9_999,
    seed: int | np.random.Generator | None = None,
) -> FewTreated:
    """Conley and Taber (2011): few treated units, tested by the residuals of the untreated.

    Inference for few treated units from the residuals of the untreated.

    Conley and Taber (2011), equations 5 and 6: the estimate less the effect tends to
    ``sum_j sum_t (d_jt - d_j)(u_jt - u_j) / sum_j sum_t (d_jt - d_j)**2`` over treated j, and its
    distribution is estimated by putting untreated units in place of the treated, in every way, each
    treated unit keeping its own dates; the same unit may stand for several. Two-sided by absolute values,
    where they take quantiles of both tails, and with one added to both counts of the p-value.

    Parameters
    ----------
    estimator : TwoWayFixedEffects
        Static.
    panel : Panel
        Complete: every unit in every period.
    design : Design
    small_sample : bool
        Corrections for N0 untreated units, which their asymptotics let grow (``False``: none). D and D2
        are the treatment's sum of squares less unit means, and less both means. With one treated unit
        the noise is widened by the root of ``D / (D2 (1 - 1/N0))``: residuals of the untreated have
        their own mean removed, while the estimate carries the noise of that mean. With several, a pool
        without the treated is too narrow (7.6 % rejections at 5 % with 3 treated of 30): units are
        drawn from all N, the null imposed, and their noise takes the root of ``D2 / (D (1 - 1/N))``.
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

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoWayFixedEffects, conley_taber
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> test = conley_taber(TwoWayFixedEffects(), panel, design)
    >>> print(f"{test.estimate:.3f} {test.p_value:.3f}")
    0.394 0.500
    """
    parts = _parts("Conley-Taber inference", estimator, panel, design)
    note = noise_note(panel, design, assignments(panel, design))
    relative = np.ones_like(parts.table)
    return _result("Conley-Taber", parts, relative, draws, seed, small_sample, notes=(note,) if note else ())


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
    """Ferman and Pinto (2019): as `conley_taber`, with noise whose variance depends on the unit.

    As `conley_taber`, with noise whose variance depends on the unit.

    Ferman and Pinto (2019), section 3: the variance of a unit's contribution W is ``A + B / size``,
    fitted to the squared contributions of the untreated; each is brought to the variance of the
    treated unit that it stands for. A and B are variances and held at 0 or above, also where a line that
    falls would be positive at all sizes. They resample all units with the null imposed, as is done here
    with several treated units; with one, or ``small_sample=False``, untreated residuals stand in for it.

    Parameters
    ----------
    size : str, optional
        Column with the number of observations behind the unit (population, schools, monitors), one
        value a unit. For ``variance="size"``.
    variance : {"size", "before"}
        ``"before"`` is not in the paper: each unit's variance is that of its own residuals before
        the first treatment, so that no size is needed. It takes a unit's variance as constant in
        time, and serial correlation as alike across units. Untreated units only are drawn: own
        deviations are estimated, and with the treated in the pool it would reject too rarely.
    estimator, panel, design, small_sample, draws, seed
        As in `conley_taber`.

    Raises
    ------
    DataError
        A size that is missing, not positive, or changes within a unit.
    EstimationError, DesignError
        As `conley_taber`; a size is needed; too few periods before treatment for ``"before"``.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoWayFixedEffects, ferman_pinto
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> table["people"] = table.groupby("state")["population"].transform("mean")
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> test = ferman_pinto(TwoWayFixedEffects(), panel, design, size="people")
    >>> print(f"{test.estimate:.3f} {test.p_value:.3f}")
    0.394 0.433
    """
    check_options(variance=(variance, ("size", "before")))
    periods = FEWEST_BEFORE if variance == "before" else 1
    parts = _parts("Ferman-Pinto inference", estimator, panel, design, periods=periods)
    fitted: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    if variance == "before":
        spread = _before(parts)
        relative = spread[parts.treated] / spread[:, None]
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
        relative = np.empty_like(parts.table)
        constants = []
        for j, own in enumerate(np.flatnonzero(parts.treated)):
            a, b = _variance_function(parts.table[~parts.treated, j], sizes[~parts.treated])
            relative[:, j] = np.sqrt((a + b / sizes[own]) / (a + b / sizes))
            constants.append((a, b))
        fitted = constants[0]
        if min(fitted) == 0:
            notes = (
                "the fitted variance does not depend on size"
                if fitted[1] == 0
                else "the fitted variance is proportional to 1/size",
            )
        name = f"Ferman-Pinto, variance by {size}"
    every = variance == "size"
    return _result(
        name, parts, relative, draws, seed, small_sample, every=every, variance=fitted, notes=notes
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """Contributions of every unit in place of each treated unit."""

    estimate: float
    table: FloatArray  # (n_units, n_treated), of residuals
    moves: FloatArray  # the same of treatment less both means: what residuals gain without the effect
    square: float  # the treatment's sum of squares less unit means
    both: float  # less both means
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
    within = paths - paths.mean(axis=0)
    position = int(np.searchsorted(panel.ordinals, start[treated].min()))
    return _Parts(
        estimate=float(fit.result.coef[0]),
        table=residual @ paths[treated].T,
        moves=within @ paths[treated].T,
        square=float((paths**2).sum()),
        both=float((within**2).sum()),
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
    tables: list[FloatArray], draws: int, seed: int | np.random.Generator | None
) -> tuple[list[FloatArray], bool]:
    """Sums over treated units, each with any unit of the pool in its place, the same in every table."""
    check_draws(draws)
    n, n1 = tables[0].shape
    if n1 * np.log(n) <= np.log(draws + n) + 1e-9:
        totals = []
        for table in tables:
            total = table[:, 0]
            for j in range(1, n1):
                total = np.add.outer(total, table[:, j]).ravel()
            totals.append(total)
        return totals, True
    if seed is None:
        raise DesignError(
            f"{n} units can stand for {n1} treated in {n}^{n1} ways, too many to enumerate, and no seed is "
            "given",
            fix="pass seed=...",
        )
    chosen = np.random.default_rng(seed).integers(0, n, size=(draws, n1))
    return [table[chosen, np.arange(n1)].sum(axis=1) for table in tables], False


def _result(
    name: str,
    parts: _Parts,
    relative: FloatArray,
    draws: int,
    seed: int | np.random.Generator | None,
    small_sample: bool,
    *,
    every: bool = True,
    variance: tuple[float, ...] = (),
    notes: tuple[str, ...] = (),
) -> FewTreated:
    """The test, with contributions brought to the treated units' scale by ``relative`` (n_units, n_treated).

    ``every``: with several treated units all units are drawn from, the null imposed.
    """
    n, n1 = parts.table.shape
    n0 = n - n1
    slope: FloatArray | None = None
    if small_sample and every and n1 > 1:
        # residuals with an effect of tau imposed are these plus (estimate - tau) times the treatment
        null = parts.table + parts.estimate * parts.moves
        factor = float(np.sqrt(parts.both / (parts.square * (1 - 1 / n)))) / parts.both
        (noise, slope), exact = _combine(
            [null * relative * factor, parts.moves * relative * factor], draws, seed
        )
    else:
        factor = np.sqrt(parts.square / (parts.both * (1 - 1 / n0))) if small_sample else 1.0
        table = (parts.table * relative)[~parts.treated] * (float(factor) / parts.square)
        (noise,), exact = _combine([table], draws, seed)
    if n0 < FEW_CONTROLS:
        notes = (
            *notes,
            f"{n0} untreated units are few: the method rests on their number being large, and no p-value "
            f"is below {1 / (1 + len(noise)):.3g}",
        )
    return FewTreated(
        method=name,
        estimate=parts.estimate,
        noise=noise,
        exact=exact,
        n_treated=n1,
        n_controls=n0,
        variance=variance,
        notes=notes,
        slope=slope,
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
