"""Placebo in time: what the estimator finds when treatment starts at other dates.

A test in space needs other places that could as well have been treated. A test in time needs that
the gap between the treated and their comparison moves alike before and after, but for the effect:
then blocks of periods can change places (Chernozhukov, Wüthrich and Zhu 2021).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.design import NEVER, Cohorts, Design
from evaluation.errors import DesignError, EstimationError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference._regression import check_options
from evaluation.inference.randomization import Estimator, RandomizationTest
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]


def randomization_in_time(
    estimator: Estimator,
    panel: Panel,
    design: Design,
    *,
    scheme: Literal["cyclic", "before"] = "cyclic",
    before: int | None = None,
    after: int | None = None,
) -> RandomizationTest:
    """Compare the estimate with those of other treatment dates.

    ``"cyclic"`` moves the whole window: with the null imposed, residuals of the gap between treated and
    comparison are shifted around the circle of periods, and the mean over the treated periods is taken
    again (the moving block permutations of Chernozhukov, Wüthrich and Zhu 2021, section 2.2, with the
    mean as statistic). It uses every period, and is exact when the gap is stationary and shifts are
    exchangeable, nearly so when dependence is short against the number of periods.

    ``"before"`` gives placebo dates among the periods before treatment, each with as many periods
    after it, and refits any estimator on what was known then.

    Parameters
    ----------
    estimator : object with ``fit(panel, design) -> Result``
        One term. For ``"cyclic"`` a static `TwoWayFixedEffects`: a shifted window may end before the
        last period, which a first treated period cannot say.
    panel : Panel
    design : Design
        All treated units start together.
    before, after : int, optional
        For ``"before"``: periods before each placebo date at least (default 2), and after it (default as
        many as after treatment, at most half of those before it).

    Returns
    -------
    RandomizationTest
        ``labels`` are the placebo dates. `interval` inverts the test for a constant effect.

    Raises
    ------
    DesignError
        Several dates, or too few periods for a single placebo.
    EstimationError
        An estimator or panel that the scheme cannot take.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, TwoWayFixedEffects, randomization_in_time
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> test = randomization_in_time(TwoWayFixedEffects(), panel, design)
    >>> print(f"{test.p_value:.3f}, at least {test.smallest_p:.3f}")
    0.455, at least 0.091
    """
    check_options(scheme=(scheme, ("cyclic", "before")))
    cohorts, n_before, n_after = check_one_date(panel, design)
    if scheme == "cyclic":
        if before is not None or after is not None:
            raise EstimationError("before and after are for scheme='before'; cyclic shifts use every period")
        return _cyclic(estimator, panel, design, cohorts, n_before)
    return _dates_before(estimator, panel, design, cohorts, n_before, n_after, before, after)


def check_one_date(panel: Panel, design: Design) -> tuple[Cohorts, int, int]:
    """Cohorts and numbers of periods before and after; raise where a design is none for a test in time."""
    cohorts = design.cohorts(panel)
    if len(cohorts.values) > 1:
        raise DesignError(
            f"treatment starts at {len(cohorts.values)} dates, and a test in time moves one",
            fix="test each cohort beside the never treated, or use randomization_test",
        )
    if not (~cohorts.treated).any():
        raise DesignError(
            "every unit is treated, so there is no comparison to measure the gap from",
            fix="add units that are never treated",
        )
    start = int(cohorts.values[0]) - design.anticipation
    n_before = int((panel.ordinals < start).sum())
    n_after = panel.n_periods - n_before
    if n_before < 2 or n_after < 1:
        raise DesignError(
            f"{n_before} periods before treatment and {n_after} after",
            expected="at least 2 before and 1 after",
            fix="check the treatment date, or add periods",
        )
    return cohorts, n_before, n_after


def _cyclic(
    estimator: Estimator, panel: Panel, design: Design, cohorts: Cohorts, n_before: int
) -> RandomizationTest:
    known = isinstance(estimator, TwoWayFixedEffects) and not estimator.event_study
    outcome = panel.matrix(design.outcome)
    plain = panel.is_balanced and not np.isnan(outcome).any()
    if not known or design.covariates or design.weights or not plain:
        raise EstimationError(
            "cyclic shifts need TwoWayFixedEffects() on a complete panel without covariates or weights",
            fix="use scheme='before', which refits any estimator",
        )
    result = estimator.fit(panel, design)
    gap = outcome[cohorts.treated].mean(axis=0) - outcome[~cohorts.treated].mean(axis=0)
    window = np.zeros(panel.n_periods)
    window[n_before:] = 1.0
    contrast = window - window.mean()
    contrast = contrast / float(contrast @ window)
    # row s: the window moved s periods along the circle
    position = (np.arange(panel.n_periods) - np.arange(panel.n_periods)[:, None]) % panel.n_periods
    moved = contrast[position]
    value, slope = moved @ gap, moved @ window
    first = panel.periods[(n_before + np.arange(1, panel.n_periods)) % panel.n_periods]
    return RandomizationTest(
        terms=result.terms,
        observed=value[:1],
        placebo=value[1:, None],
        labels=tuple(first),
        slope=slope[1:, None],
        exact=True,
        notes=(
            f"{panel.n_periods} shifts in time; the test holds where the gap between treated and comparison "
            "is stationary, and rejects too often where it drifts",
        ),
    )


def _dates_before(
    estimator: Estimator,
    panel: Panel,
    design: Design,
    cohorts: Cohorts,
    n_before: int,
    n_after: int,
    before: int | None,
    after: int | None,
) -> RandomizationTest:
    least = 2 if before is None else before
    length = min(n_after, max(1, n_before // 2)) if after is None else after
    for name, value, most in (("before", least, n_before), ("after", length, n_after)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= most:
            raise DesignError(f"{name} is {value!r}", expected=f"a whole number from 1 to {most}")
    # placebo dates d with periods d - least .. d + length - 1, all before the true one
    dates = np.arange(least, n_before - length + 1)
    if len(dates) == 0:
        raise DesignError(
            f"{n_before} periods before treatment leave no placebo date with {least} periods before it "
            f"and {length} after",
            fix="give a smaller after=... or before=...",
        )
    notes = [
        f"{len(dates)} placebo dates before treatment, each with {length} periods after it; "
        "their windows overlap, so they are not independent"
    ]
    if length < n_after:
        notes.append(
            f"the estimate is that of the first {length} periods after treatment, like the placebos'"
        )
    actual = _refit(estimator, panel, design, cohorts, n_before, n_before + length)
    if len(actual.coef) != 1:
        raise EstimationError(
            f"the estimator has {len(actual.coef)} terms, and a test in time has one",
            fix="use a static estimator",
        )
    placebo = np.array(
        [_refit(estimator, panel, design, cohorts, int(d), int(d) + length).coef for d in dates]
    )
    return RandomizationTest(
        terms=actual.terms,
        observed=np.array(actual.coef),
        placebo=placebo,
        labels=tuple(panel.periods[dates + design.anticipation]),
        # an effect after treatment does not reach the periods before it
        slope=np.zeros_like(placebo),
        exact=True,
        notes=tuple(notes),
    )


def _refit(estimator: Estimator, panel: Panel, design: Design, cohorts: Cohorts, date: int, end: int) -> Any:
    """Fit on periods before position ``end`` with treatment from position ``date`` on."""
    kept = panel.time_codes < end
    treated = (cohorts.first != NEVER)[panel.unit_codes]
    start: Any = panel.periods[date + design.anticipation] if date + design.anticipation < end else None
    if start is None:
        raise DesignError(
            f"{design.anticipation} periods of anticipation leave no treated period in the window",
            fix="give a larger after=...",
        )
    values = pd.Series([start if own else None for own in treated])
    if isinstance(panel.periods, pd.PeriodIndex):
        values = values.astype(panel.periods.dtype)
    else:
        values = values.astype(float)
    return estimator.fit(panel.assign(**{design.first_treated: values}).where(kept), design)
