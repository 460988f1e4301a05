"""Size and power of each inference in panels drawn like a data set's own periods before treatment.

For a static two-way regression on a complete panel whose treatment starts at one date, every method but
those that move in time works on one number an item, its mean after less its mean before; so hundreds of
panels are tested in a few matrix products. `benchmarks/size_power.py` holds these p-values to those of the
package's own functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from evaluation import distributions
from evaluation.inference._facts import Before, corrected
from evaluation.numerics.ranks import as_far, rank_p

FloatArray = NDArray[np.float64]
EFFECTS = (0.0, 1.0, 2.0, 3.0)
"""Effects, in standard deviations of the treated items before treatment."""
WAYS = 199
"""Assignments, ways or vectors of signs drawn where they are not enumerated."""
LARGEST = 40_000
"""Items times periods above which nothing is drawn: it would take many seconds."""
_WARM = 50


@dataclass(frozen=True, eq=False)
class Process:
    """Errors like those before treatment: a first-order autoregression an item.

    Attributes
    ----------
    scale, memory : ndarray (n_items,)
        Standard deviation and autocorrelation; treated items come first.
    shocks : ndarray (k,)
        Innovations to draw from, with mean 0 and variance 1.
    n_treated, n_before, n_periods : int
    """

    scale: FloatArray
    memory: FloatArray
    shocks: FloatArray
    n_treated: int
    n_before: int
    n_periods: int

    @property
    def unit_of_effect(self) -> float:
        """Standard deviation of the treated items (root mean square)."""
        return float(np.sqrt((self.scale[: self.n_treated] ** 2).mean()))

    def draw(self, panels: int, rng: np.random.Generator) -> FloatArray:
        """Panels without an effect (panels, n_items, n_periods)."""
        n, memory = len(self.scale), self.memory
        keep = np.sqrt(1 - memory**2)
        state = np.zeros((panels, n))
        out = np.empty((panels, n, self.n_periods))
        for k in range(-_WARM, self.n_periods):
            state = memory * state + keep * self.shocks[rng.integers(0, len(self.shocks), size=(panels, n))]
            if k >= 0:
                out[:, :, k] = state
        return out * self.scale[:, None]


def process_before(early: Before, periods: int) -> Process | None:
    """The process of the residuals before treatment; None where they do not show one.

    Autocorrelations are corrected for the bias of short series and drawn towards their mean by as much as
    their spread exceeds what estimates of the same number would have (variance ``(1 - rho**2)/T``), because
    a spread that is error would make some items move unlike the rest. Standard deviations are widened by
    what the removal of a mean takes. Innovations are pooled, each item's at variance 1, so that tails are
    those of the data.
    """
    before = early.residual.shape[1]
    use = np.isfinite(early.lags[:, 0]) & (early.spread > 0)
    if before < 4 or not (use & early.treated).any() or (use & ~early.treated).sum() < 2:
        return None
    order = np.concatenate([np.flatnonzero(use & early.treated), np.flatnonzero(use & ~early.treated)])
    seen = early.seen[order].astype(float)
    raw = corrected(early.lags[order, 0], seen)
    middle = float(corrected(early.lags[order, 0].mean(), seen.mean()))
    observed = float(raw.var(ddof=1))
    error = float(((1 - middle**2) / seen).mean())
    kept = max(0.0, 1 - error / observed) if observed > 0 else 0.0
    memory = np.clip(middle + kept * (raw - middle), -0.95, 0.95)
    # the mean of T values of an autoregression has variance v times that of one
    lag = np.arange(1, before)
    v = (1 + 2 * ((1 - lag / before) * memory[:, None] ** lag).sum(axis=1)) / before
    scale = early.spread[order] / np.sqrt((1 - v) * before / (before - 1))
    residual = early.residual[order] / early.spread[order, None]
    shocks = residual[:, 1:] - memory[:, None] * residual[:, :-1]
    shocks = shocks[np.isfinite(shocks)]
    shocks = shocks - shocks.mean()
    if not shocks.std() > 0:
        return None
    return Process(scale, memory, shocks / shocks.std(), int((use & early.treated).sum()), before, periods)


@dataclass(frozen=True, eq=False)
class Panels:
    """Complete panels with the treated items first.

    Attributes
    ----------
    y : ndarray (R, n, T)
    treated, before : int
        Treated items; periods before treatment.
    rng : numpy.random.Generator
    ways : int
        Assignments, ways or vectors of signs drawn where they are not enumerated.
    """

    y: FloatArray
    treated: int
    before: int
    rng: np.random.Generator
    ways: int = WAYS

    def plus(self, effect: float) -> Panels:
        """With a constant effect on the treated."""
        y = self.y.copy()
        y[:, : self.treated, self.before :] += effect
        return replace(self, y=y)

    @cached_property
    def contrast(self) -> FloatArray:
        """Weights on periods: mean after less mean before (T,)."""
        after = np.arange(self.y.shape[2]) >= self.before
        return np.where(after, 1 / after.sum(), -1 / (~after).sum())

    @cached_property
    def change(self) -> FloatArray:
        """Mean after less mean before (R, n)."""
        out: FloatArray = self.y @ self.contrast
        return out

    @cached_property
    def weight(self) -> FloatArray:
        """Weights on changes whose sum is the estimate (n,)."""
        n, m = self.y.shape[1], self.treated
        return np.where(np.arange(n) < m, 1 / m, -1 / (n - m))

    @cached_property
    def estimate(self) -> FloatArray:
        """The two-way estimate (R,)."""
        out: FloatArray = self.change @ self.weight
        return out

    @cached_property
    def within(self) -> FloatArray:
        """Changes less their group's mean (R, n)."""
        m, out = self.treated, self.change.copy()
        out[:, :m] -= out[:, :m].mean(axis=1, keepdims=True)
        out[:, m:] -= out[:, m:].mean(axis=1, keepdims=True)
        return out

    @cached_property
    def error(self) -> FloatArray:
        """Clustered standard error without a factor for few clusters (R,)."""
        out: FloatArray = np.sqrt((self.weight**2 * self.within**2).sum(axis=1))
        return out


def randomization(p: Panels) -> FloatArray:
    """Share of assignments whose estimate is as far from 0, the actual one among them."""
    n, m = p.y.shape[1], p.treated
    if comb(n, m) <= 2 * p.ways:
        sets = np.array(list(combinations(range(n), m)))
    else:
        drawn = np.argsort(p.rng.random((p.ways, n)), axis=1)[:, :m]
        sets = np.vstack([np.arange(m), drawn])
    member = np.zeros((len(sets), n))
    member[np.arange(len(sets))[:, None], sets] = 1.0
    total = p.change.sum(axis=1, keepdims=True)
    inside = p.change @ member.T
    far = np.abs(inside / m - (total - inside) / (n - m))
    return as_far(far, np.abs(p.estimate)[:, None]).mean(axis=1)


def conley_taber(p: Panels, scale: FloatArray | None = None) -> FloatArray:
    """Other items in place of the treated; ``scale`` (R, n0, m) multiplies the untreated's changes.

    Untreated items stand in where one is treated or changes are scaled, else all, the null imposed.
    """
    n, m = p.y.shape[1], p.treated
    if m > 1 and scale is None:
        table = np.repeat((p.change - p.change.mean(axis=1, keepdims=True))[:, :, None], m, axis=2)
        widen = 1 / np.sqrt((1 - m / n) * (1 - 1 / n))
    else:
        table = np.repeat(p.within[:, m:, None], m, axis=2) * (1.0 if scale is None else scale)
        widen = np.sqrt(n / (n - m - 1))
    pool = table.shape[1]
    if pool**m <= 2 * p.ways:
        noise = table[:, :, 0]
        for j in range(1, m):
            noise = (noise[:, :, None] + table[:, None, :, j]).reshape(len(noise), -1)
    else:
        chosen = p.rng.integers(0, pool, size=(p.ways, m))
        noise = table[:, chosen, np.arange(m)].sum(axis=2)
    return rank_p(np.abs(noise) * widen / m, np.abs(p.estimate)[:, None], axis=1)


def ferman_pinto(p: Panels) -> FloatArray:
    """As `conley_taber`, each change brought to the treated item's deviation before treatment."""
    early = p.y[:, :, : p.before]
    spread = (early - early.mean(axis=1, keepdims=True)).std(axis=2, ddof=1)
    return conley_taber(p, spread[:, None, : p.treated] / spread[:, p.treated :, None])


def in_time(p: Panels) -> FloatArray:
    """Cyclic shifts of the treated window over the gap between the groups' means."""
    gap, t = np.einsum("n,rnt->rt", p.weight, p.y), p.y.shape[2]
    moved = p.contrast[(np.arange(t) - np.arange(t)[:, None]) % t]
    far = np.abs(gap @ moved.T)
    return as_far(far, far[:, :1]).mean(axis=1)


def subcluster(p: Panels) -> FloatArray:
    """Signs by item and period, null imposed; the variance stays clustered by item."""
    n, t = p.y.shape[1:]
    u = p.y - p.y.mean(axis=2, keepdims=True)
    u = ((u - u.mean(axis=1, keepdims=True)) * p.contrast).astype(np.float32)
    signs = p.rng.choice(np.array([-1, 1], dtype=np.float32), size=(n, t, p.ways))
    moved = np.matmul(u.transpose(1, 0, 2), signs)  # (n, R, B)
    inner, outer = moved[: p.treated], moved[p.treated :]
    means = inner.mean(axis=0), outer.mean(axis=0)
    square = (inner.var(axis=0) / p.treated) + outer.var(axis=0) / len(outer)
    reach = (np.abs(p.estimate) / p.error)[:, None] * np.sqrt(square)
    # signs are in single precision
    return rank_p(np.abs(means[0] - means[1]), reach, axis=1, tie=1e-6)


def wild(p: Panels, *, restricted: bool = True) -> FloatArray:
    """Signs by item (variant 11), with the null imposed or not."""
    n, m = p.y.shape[1], p.treated
    u = p.change - p.change.mean(axis=1, keepdims=True) if restricted else p.within
    signs = p.rng.choice([-1.0, 1.0], size=(p.ways, n))
    inner = u[:, :m] @ signs[:, :m].T / m, (u[:, :m] ** 2).mean(axis=1)[:, None]
    outer = u[:, m:] @ signs[:, m:].T / (n - m), (u[:, m:] ** 2).mean(axis=1)[:, None]
    square = np.maximum((inner[1] - inner[0] ** 2) / m + (outer[1] - outer[0] ** 2) / (n - m), 0)
    reach = (np.abs(p.estimate) / p.error)[:, None] * np.sqrt(square)
    return rank_p(np.abs(inner[0] - outer[0]), reach, axis=1)


def _two_groups(p: Panels, df: FloatArray | float, factors: tuple[float, float]) -> FloatArray:
    """t test of the estimate, variances of the groups' means times factors."""
    m, n = p.treated, p.y.shape[1]
    square = factors[0] * p.within[:, :m].var(axis=1, ddof=1) / m
    square = square + factors[1] * p.within[:, m:].var(axis=1, ddof=1) / (n - m)
    out: FloatArray = 2 * distributions.t.sf(np.abs(p.estimate) / np.sqrt(square), df)
    return out


def cr2(p: Panels) -> FloatArray:
    """Variances of two groups, degrees of freedom under equal variances (Bell and McCaffrey 2002)."""
    m, n0 = p.treated, p.y.shape[1] - p.treated
    return _two_groups(p, _df(m, n0, 1.0, 1.0), (1.0, 1.0))


def cr3(p: Panels) -> FloatArray:
    """The jackknife: variances of the groups' means times ``q/(q - 1)`` and ``(n - 1)/n``."""
    m, n0 = p.treated, p.y.shape[1] - p.treated
    a, b = (q / (q - 1) * (m + n0 - 1) / (m + n0) for q in (m, n0))
    return _two_groups(p, _df(m, n0, a, b), (a, b))


def _df(m: int, n0: int, a: float, b: float) -> float:
    one, two = a / m, b / n0
    return float((one + two) ** 2 / (one**2 / (m - 1) + two**2 / (n0 - 1)))


def ibragimov_muller(p: Panels) -> FloatArray:
    """Welch's t with the smaller group's degrees of freedom."""
    return _two_groups(p, min(p.treated, p.y.shape[1] - p.treated) - 1, (1.0, 1.0))


def clustered_t(p: Panels) -> FloatArray:
    """The usual clustered standard error, t with one less than the number of items."""
    n, t = p.y.shape[1:]
    factor = np.sqrt(n / (n - 1) * (n * t - 1) / (n * t - t - 1))
    out: FloatArray = 2 * distributions.t.sf(np.abs(p.estimate) / (p.error * factor), n - 1)
    return out


METHODS: dict[str, Callable[[Panels], FloatArray]] = {
    "randomization_test": randomization,
    "ferman_pinto": ferman_pinto,
    "conley_taber": conley_taber,
    "randomization_in_time": in_time,
    "subcluster_bootstrap": subcluster,
    "wild_restricted": wild,
    "cr2": cr2,
    "cr3": cr3,
    "ibragimov_muller": ibragimov_muller,
    "clustered_t": clustered_t,
}


def rejected(
    process: Process,
    methods: tuple[str, ...],
    *,
    draws: int,
    seed: int,
    level: float = 0.05,
    effects: tuple[float, ...] = EFFECTS,
) -> dict[str, tuple[float, ...]]:
    """Share of panels in which each method rejects a zero effect, by effect.

    Parameters
    ----------
    process : Process
    methods : tuple of str
        Keys of ``METHODS``.
    draws : int
        Panels.
    seed : int
    level : float
    effects : tuple of float
        In standard deviations of the treated items.

    Returns
    -------
    dict of str to tuple of float
        Shares, one an effect; the same panels for all.
    """
    rng = np.random.default_rng(seed)
    count = {method: np.zeros(len(effects)) for method in methods}
    step = max(1, 400_000 // (len(process.scale) * process.n_periods))
    for start in range(0, draws, step):
        panels = Panels(process.draw(min(step, draws - start), rng), process.n_treated, process.n_before, rng)
        for k, effect in enumerate(effects):
            with_effect = panels.plus(effect * process.unit_of_effect)
            for method in methods:
                p = METHODS[method](with_effect)
                count[method][k] += int((p <= level + 1e-12).sum())
    return {method: tuple((found / draws).tolist()) for method, found in count.items()}
