"""Conformal inference for one treated unit (Chernozhukov, Wuthrich and Zhu 2021).

Under a hypothesis on the effect the untreated outcome is known in every period. The synthetic
control is then fitted to all periods, treatment included, and its residuals after treatment are
compared with those before: under the hypothesis any block of residuals is as likely as another.
The test is exact when residuals are exchangeable, and approximately valid when they are
stationary; donors' effects need not be exchangeable with the treated unit's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, nan
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evaluation.design import Design
from evaluation.display import Displayed
from evaluation.errors import DesignError, EstimationError
from evaluation.estimators._synthetic import SyntheticMethod
from evaluation.estimators._synthetic_sample import SyntheticSample
from evaluation.inference.placebo import is_synthetic
from evaluation.numerics.ranks import as_far
from evaluation.numerics.synthetic import Window
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
_GRID = 101
_FINER = 33
_NARROWINGS = 6
_WIDENINGS = 6


@dataclass(frozen=True, repr=False)
class ConformalTest(Displayed):
    """A test of an effect path.

    Attributes
    ----------
    p_value : float
        Share of permutations whose statistic is at least as large, the actual order included.
    statistic : float
        ``(mean |u|^q)^(1/q) sqrt(T1)`` of residuals after treatment, up to a constant.
    n_permutations : int
    smallest_p : float
        The smallest p-value that this test can give.
    residuals : tuple of float
        Of every period that the design uses, under the hypothesis.
    """

    p_value: float
    statistic: float
    n_permutations: int
    smallest_p: float
    residuals: tuple[float, ...] = field(repr=False)


def conformal_test(
    estimator: SyntheticMethod,
    panel: Panel,
    design: Design,
    *,
    effect: ArrayLike = 0.0,
    permutations: Literal["block", "iid"] = "block",
    q: float = 1.0,
    draws: int = 9_999,
    seed: int | np.random.Generator | None = None,
) -> ConformalTest:
    """Conformal test of Chernozhukov, Wüthrich and Zhu (2021) of an effect path.

    Test that the effect after treatment is ``effect`` (equations 4 and 5 of the paper).

    Parameters
    ----------
    estimator : SyntheticControl without predictors, or SyntheticDiD, whose unit weights and
        constant are used; its time weights would treat periods differently.
    panel : Panel
    design : Design
        One cohort; several treated units are one, their mean.
    effect : float or array_like (T1,)
        Constant, or one a period of treatment.
    permutations : {"block", "iid"}
        Moving blocks: the T shifts of the residuals, valid under serial correlation. ``"iid"``:
        ``draws`` random orders, for residuals that are exchangeable.
    q : float
        Power of the statistic: 1 for effects that last, large for effects that peak.
    draws : int
    seed : int or numpy.random.Generator, optional
        Needed with ``"iid"``.

    Returns
    -------
    ConformalTest

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, SyntheticControl, conformal_test
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> test = conformal_test(SyntheticControl(), panel, design)
    >>> print(f"{test.p_value:.3f}, at least {test.smallest_p:.3f}")
    0.091, at least 0.091
    """
    problem = _Problem.of(estimator, panel, design)
    t1 = len(problem.post)
    path = np.broadcast_to(np.asarray(effect, dtype=float), (t1,))
    residuals = problem.residuals(path[None])[0]
    order = _orders(len(residuals), permutations, draws, seed)
    statistics = _statistic(residuals[order][:, -t1:], q)
    p = float(as_far(statistics, statistics[0]).mean())
    return ConformalTest(p, float(statistics[0]), len(order), 1 / len(order), tuple(map(float, residuals)))


def conformal_intervals(
    estimator: SyntheticMethod,
    panel: Panel,
    design: Design,
    *,
    level: float = 0.95,
    by: Literal["period", "constant"] = "period",
    q: float = 1.0,
) -> pd.DataFrame:
    """Effects not rejected by the conformal test of Chernozhukov, Wüthrich and Zhu (2021).

    Effects that the moving-block test does not reject.

    Parameters
    ----------
    estimator, panel, design
        As in `conformal_test`.
    level : float
        Needs ``1 / (1 - level)`` periods: 20 for 95 %, 10 for 90 %.
    by : {"period", "constant"}
        One interval a period of treatment, each from the periods before treatment and that one
        (Algorithm 1 of the paper), or one for an effect that is the same in all of them.
    q : float

    Returns
    -------
    pandas.DataFrame
        Columns ``term, time, event_time, estimate, ci_low, ci_high, p_value, smallest_p, reason``.
        The interval is the smallest that holds every effect not rejected; NaN with the reason when
        periods are too few for the level, infinite where effects however far are not rejected.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, SyntheticControl, conformal_intervals
    >>> table = pd.read_csv("data/crime/castle_state_year.csv")
    >>> table = table[table["first_treated"].isna() | (table["state"] == "Florida")]
    >>> panel = Panel(table, unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> table = conformal_intervals(SyntheticControl(), panel, design, level=0.8)
    >>> print(list(table.columns))
    ['term', 'time', 'event_time', 'estimate', 'ci_low', 'ci_high', 'p_value', 'smallest_p', 'reason']
    """
    if not 0 < level < 1:
        raise EstimationError(f"the level is {level}", expected="a number between 0 and 1, such as 0.95")
    if by not in ("period", "constant"):
        raise EstimationError(f"by is {by!r}", expected="'period' or 'constant'")
    whole = _Problem.of(estimator, panel, design)
    parts = [whole] if by == "constant" else [whole.only(t) for t in whole.post]
    rows = []
    for part in parts:
        n = len(part.pre) + len(part.post)
        estimate = part.estimate()
        p = part.p_values(np.zeros(1), q)[0]
        low, high, reason = nan, nan, ""
        if 1 / n > 1 - level:
            reason = (
                f"{n} periods give no p-value below {1 / n:.3f}, so no {level:.0%} interval exists; the "
                f"widest level is {1 - 1 / n:.1%}"
            )
        else:
            low, high = _invert(part, estimate, 1 - level, q)
            if np.isinf([low, high]).any():
                reason = "effects however far are not rejected: the fit takes them up"
            elif np.isnan(low):
                reason = "every effect is rejected: the model does not hold"
        single = by == "period"
        time = panel.periods[part.post[0]] if single else None
        event = int(whole.event_time[part.post[0]]) if single else None
        rows.append(
            {
                "term": f"period {time}" if single else "constant effect",
                "time": time,
                "event_time": event,
                "estimate": estimate,
                "ci_low": low,
                "ci_high": high,
                "p_value": p,
                "smallest_p": 1 / n,
                "reason": reason,
            }
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class _Problem:
    """A treated path and its donors, in the periods of one test."""

    estimator: SyntheticMethod
    sample: SyntheticSample
    pre: NDArray[np.integer]
    post: NDArray[np.integer]

    @classmethod
    def of(cls, estimator: SyntheticMethod, panel: Panel, design: Design) -> _Problem:
        if not is_synthetic(estimator):
            raise EstimationError(
                f"{type(estimator).__name__} is not a synthetic method",
                expected="SyntheticControl or SyntheticDiD",
            )
        if getattr(estimator, "predictors", ()):
            raise EstimationError(
                "conformal inference fits every period alike, and predictors are of some periods only",
                fix="leave the predictors out",
            )
        sample = estimator.prepare(panel, design)
        if len(sample.cohorts) > 1:
            raise DesignError(
                f"conformal inference is for one cohort, and there are {len(sample.cohorts)}",
                fix="keep one cohort and the never treated units in the panel",
            )
        window = sample.cohorts[0].window
        return cls(estimator, sample, window.pre, window.post)

    @property
    def event_time(self) -> NDArray[np.integer]:
        return self.sample.cohorts[0].event_time

    def only(self, period: int) -> _Problem:
        return _Problem(self.estimator, self.sample, self.pre, np.array([period]))

    def estimate(self) -> float:
        """Mean effect after treatment from weights that fit the periods before."""
        treated = self.sample.cohorts[0].members.astype(float)[None]
        cohort = self.sample.cohorts[0]
        donors = self.sample.donors.astype(float)[None]
        paths = self.estimator.paths(self.sample, cohort, treated, donors)
        gap = paths.gaps[0] - paths.base(cohort.window)[0]
        return float(gap[self.post].mean())

    def residuals(self, effects: FloatArray) -> FloatArray:
        """Residuals (b, T) of fits to all periods under effect paths (b, T1)."""
        used = np.r_[self.pre, self.post]
        cohort = self.sample.cohorts[0]
        own = self.sample.outcome[cohort.members].mean(axis=0)[used]
        size, n = len(effects), int(self.sample.donors.sum())
        target = np.tile(own, (size, 1))
        target[:, len(self.pre) :] -= effects
        # each hypothesis is a unit of its own that donors are fitted to
        outcome = np.vstack([target, self.sample.outcome[self.sample.donors][:, used]])
        treated = np.eye(size, size + n)
        donors = np.zeros((size, size + n))
        donors[:, size:] = 1.0
        everything = np.arange(len(used))
        return self.estimator.residuals(outcome, treated, donors, Window(everything, self.post))

    def p_values(self, effects: FloatArray, q: float) -> FloatArray:
        """Moving-block p-value of each constant effect (b,)."""
        t1 = len(self.post)
        u = self.residuals(np.repeat(effects[:, None], t1, axis=1))
        order = _orders(u.shape[1], "block", 0, None)
        statistics = _statistic(u[:, order][:, :, -t1:], q)
        return np.asarray(as_far(statistics, statistics[:, :1]).mean(axis=1))


def _invert(problem: _Problem, centre: float, alpha: float, q: float) -> tuple[float, float]:
    """Ends of the set of effects with a p-value above alpha: a grid, widened, then halvings."""
    scale = float(np.abs(problem.residuals(np.full((1, len(problem.post)), centre))).max())
    scale = scale or max(abs(centre), 1.0)
    half = 4 * scale
    for _ in range(_WIDENINGS):
        grid = np.linspace(centre - half, centre + half, _GRID)
        inside = problem.p_values(grid, q) > alpha
        if inside.any() and not inside[0] and not inside[-1]:
            break
        half *= 4
    if not inside.any():
        return nan, nan
    # both ends are narrowed together, by a finer grid between the last effect kept and its neighbour
    ends = [int(np.flatnonzero(inside)[0]), int(np.flatnonzero(inside)[-1])]
    bounded = [ends[0] > 0, ends[1] < _GRID - 1]
    kept = np.array([grid[e] for e in ends])
    out = np.array([grid[max(ends[0] - 1, 0)], grid[min(ends[1] + 1, _GRID - 1)]])
    share = np.linspace(0, 1, _FINER)
    for _ in range(_NARROWINGS):
        between = kept[:, None] + share * (out - kept)[:, None]
        good = (problem.p_values(between.ravel(), q) > alpha).reshape(between.shape)
        good[:, 0] = True
        # the farthest effect of an unbroken run of effects that are kept
        last = np.minimum.accumulate(good, axis=1).sum(axis=1) - 1
        row = np.arange(2)
        kept, out = between[row, last], between[row, np.minimum(last + 1, _FINER - 1)]
    return (float(kept[0]) if bounded[0] else -inf), (float(kept[1]) if bounded[1] else inf)


def _statistic(after: FloatArray, q: float) -> FloatArray:
    if not q > 0:
        raise EstimationError(f"q is {q!r}", expected="a number above 0, such as 1")
    size = np.abs(after)
    if np.isinf(q):
        return np.asarray(size.max(axis=-1))
    return np.asarray((size**q).sum(axis=-1) ** (1 / q))


def _orders(
    n: int, permutations: str, draws: int, seed: int | np.random.Generator | None
) -> NDArray[np.integer]:
    """Orders of n periods (m, n), the actual one first."""
    identity = np.arange(n)
    if permutations == "block":
        return (identity[None, :] + identity[:, None]) % n
    if permutations != "iid":
        raise EstimationError(f"permutations is {permutations!r}", expected="'block' or 'iid'")
    if seed is None:
        raise EstimationError("random orders need a seed", fix="pass seed=..., or permutations='block'")
    drawn = np.random.default_rng(seed).permuted(np.tile(identity, (draws, 1)), axis=1)
    return np.vstack([identity, drawn])
