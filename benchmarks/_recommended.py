"""Size and power of what `recommend` puts first, design by design.

Errors are ``s_i (sqrt(1 - c) a_it + sqrt(c) m_i,month)``: a is a first-order autoregression with t
innovations of 3 degrees of freedom, m a season of the place's own (c = 0.2), s_i rises from 0.4 to 2.2 by
size. Every panel goes through `recommend` and the package's own test.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from evaluation import Design, Panel
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import (
    _power,
    cluster_robust,
    conley_taber,
    ferman_pinto,
    ibragimov_muller,
    randomization_in_time,
    randomization_test,
    recommend,
    wild_cluster_bootstrap,
)

Array = np.ndarray
TWFE = TwoWayFixedEffects()
SEASON = 0.2
TESTS: dict[str, Callable[[Panel, Design], Any]] = {
    "randomization_test": lambda p, d: randomization_test(TWFE, p, d, seed=1, draws=999),
    "ferman_pinto": lambda p, d: ferman_pinto(TWFE, p, d, variance="before", seed=1, draws=999),
    "conley_taber": lambda p, d: conley_taber(TWFE, p, d, seed=1, draws=999),
    "randomization_in_time": lambda p, d: randomization_in_time(TWFE, p, d),
    "subcluster_bootstrap": lambda p, d: wild_cluster_bootstrap(
        TWFE, p, d, subcluster="row", seed=1, draws=399
    ),
    "wild_restricted": lambda p, d: wild_cluster_bootstrap(
        TWFE, p, d, variant="31", seed=1, draws=499, exhaustive=False
    ),
    "cr2": lambda p, d: cluster_robust(TWFE, p, d),
    "cr3": lambda p, d: cluster_robust(TWFE, p, d, kind="CR3"),
    "ibragimov_muller": lambda p, d: ibragimov_muller(TWFE, p, d),
    "clustered_t": lambda p, d: TWFE.fit(p, d),
}


@dataclass(frozen=True)
class Place:
    """A design: who is treated, when, and how errors move.

    Attributes
    ----------
    name : str
    units, treated, periods, before : int
    who : {"any", "noisiest", "quietest", "block"}
        "block": neighbours, whose errors share a neighbourhood's.
    own, others : float
        Autocorrelation of the treated and of the others.
    missing : float
        Share of rows left out at random.
    clusters : int
        Units in so many clusters, treated whole, with a random walk each; 0: units alone.
    """

    name: str
    units: int
    treated: int
    periods: int
    before: int
    who: str = "any"
    own: float = 0.7
    others: float = 0.7
    missing: float = 0.0
    clusters: int = 0

    @property
    def design(self) -> Design:
        return Design("y", "first", cluster="cluster" if self.clusters else None)

    def outcomes(self, rng: np.random.Generator) -> tuple[Array, float]:
        """Outcomes without an effect, the treated first, and the treated's standard deviation."""
        n, t = self.units, self.periods
        scale = np.exp(np.linspace(np.log(0.4), np.log(2.2), n))
        order = rng.permutation(n)
        if self.who in ("noisiest", "quietest"):
            order = np.arange(n)[::-1] if self.who == "noisiest" else np.arange(n)
            order = np.concatenate([order[: self.treated], rng.permutation(order[self.treated :])])
        if self.clusters:
            scale = np.ones(n)
        memory = np.r_[np.full(self.treated, self.own), np.full(n - self.treated, self.others)]
        y = self._errors(memory, rng)
        if self.who == "block":
            shared = self._errors(np.full(n // 3, self.others), rng)[np.arange(n) // 3]
            y = np.sqrt(0.6) * y + np.sqrt(0.4) * shared
        y *= scale[order][:, None]
        cluster = self._cluster
        if self.clusters:
            y = y + np.cumsum(rng.standard_normal((self.clusters, t)), axis=1)[cluster]
        return y, float(np.sqrt((scale[order][cluster < self.treated] ** 2).mean()))

    @property
    def _cluster(self) -> Array:
        n = self.units
        return np.arange(n) * self.clusters // n if self.clusters else np.arange(n)

    def panel(self, rng: np.random.Generator) -> Panel:
        """A panel without an effect."""
        n, t, cluster = self.units, self.periods, self._cluster
        y, _ = self.outcomes(rng)
        treated = cluster < self.treated
        frame = pd.DataFrame(
            {
                "unit": np.repeat(np.arange(n), t),
                "time": np.tile(np.arange(t), n),
                "y": y.ravel(),
                "first": np.repeat(np.where(treated, float(self.before), np.nan), t),
                "cluster": np.repeat(cluster, t),
            }
        )
        if self.missing:
            frame = frame[rng.random(len(frame)) > self.missing].reset_index(drop=True)
        return Panel(frame, unit="unit", time="time")

    def _errors(self, memory: Array, rng: np.random.Generator) -> Array:
        n, t, warm = len(memory), self.periods, 60
        shocks = rng.standard_t(3, size=(n, t + warm)) / np.sqrt(3)
        state, out = np.zeros(n), np.empty((n, t))
        for k in range(t + warm):
            state = memory * state + np.sqrt(1 - memory**2) * shocks[:, k]
            if k >= warm:
                out[:, k - warm] = state
        season = rng.standard_normal((n, 12))[:, np.arange(t) % 12]
        return np.sqrt(1 - SEASON) * out + np.sqrt(SEASON) * season


UNLIKE = {"own": 0.9, "others": 0.3}
PLACES = (
    Place("17/1, any", 17, 1, 38, 13),
    Place("17/1, any, 18 of 36 before", 17, 1, 36, 18),
    Place("50/1, any", 50, 1, 24, 12),
    Place("50/1, noisiest", 50, 1, 24, 12, "noisiest"),
    Place("50/1, quietest", 50, 1, 24, 12, "quietest"),
    Place("50/1, noisiest, 15 % missing", 50, 1, 24, 12, "noisiest", missing=0.15),
    Place("50/1, noisiest, 4 before", 50, 1, 16, 4, "noisiest"),
    Place("50/1, noisiest, 2 before", 50, 1, 14, 2, "noisiest"),
    Place("17/1, persistence .9 beside .3", 17, 1, 38, 13, **UNLIKE),
    Place("17/1, the same, 18 of 36 before", 17, 1, 36, 18, **UNLIKE),
    Place("50/1, persistence .9 beside .3", 50, 1, 36, 12, **UNLIKE),
    Place("50/1, the same, 18 of 36 before", 50, 1, 36, 18, **UNLIKE),
    Place("30/3, any", 30, 3, 24, 12),
    Place("30/3, noisiest", 30, 3, 24, 12, "noisiest"),
    Place("30/3, neighbours with shared shocks", 30, 3, 24, 12, "block"),
    Place("30/3, persistence .9 beside .3", 30, 3, 36, 12, **UNLIKE),
    Place("12/3, any", 12, 3, 24, 12),
    Place("40/8, any", 40, 8, 24, 12),
    Place("40/8, noisiest", 40, 8, 24, 12, "noisiest"),
    Place("12 clusters of 10, 3 treated, random walks", 120, 3, 20, 10, clusters=12),
)


NAMED = {place.name: place for place in (*PLACES, Place("50/2, any", 50, 2, 24, 12))}


@dataclass(frozen=True)
class Outcome:
    """What happened in the panels of one design: what came first, and what of it rejected."""

    chosen: Counter[str]
    rejected: Counter[str]
    draws: int

    @property
    def recommended(self) -> int:
        return self.draws - self.chosen["none"]

    @property
    def size(self) -> float:
        """Share of all panels that the recommended method rejects."""
        return sum(self.rejected.values()) / self.draws


def play(place: Place, draws: int, seed: int) -> Outcome:
    """Take what `recommend` puts first, panel after panel.

    Raises
    ------
    EvaluationError
        What is recommended refuses the design.
    """
    # an earlier state of the package has no option for the panels it draws
    quick = {"draws": 0} if "draws" in inspect.signature(recommend).parameters else {}
    chosen: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    for k in range(draws):
        panel = place.panel(np.random.default_rng([seed, k]))
        first = recommend(panel, place.design, **quick).first
        method = "none" if first is None else first.method
        chosen[method] += 1
        if first is not None:
            rejected[method] += TESTS[method](panel, place.design).p_value <= 0.05 + 1e-12
    return Outcome(chosen, rejected, draws)


def row(place: Place, outcome: Outcome) -> str:
    """A row of the table of designs."""
    size, n = outcome.size, outcome.draws
    error = np.sqrt(max(size * (1 - size), 0.01) / n)
    given = outcome.recommended
    among = f"{100 * size * n / given:.1f}" if given else ""
    by = "; ".join(
        f"{name} {100 * count / n:.0f}"
        + (f" ({100 * outcome.rejected[name] / count:.1f})" if name != "none" else "")
        for name, count in outcome.chosen.most_common()
    )
    return f"| {place.name} | {100 * size:.1f} ({100 * error:.1f}) | {among} | {by} |"


def rejects(place: Place, method: str, effects: tuple[float, ...], draws: int, seed: int) -> list[float]:
    """Share of panels in which a method rejects a zero effect at 5 %, by effect.

    Effects are in standard deviations of each panel's treated units. Tests are those of
    `evaluation.inference._power`; signs by cluster are of variant 11.
    """
    rng = np.random.default_rng(seed)
    made = [place.outcomes(rng) for _ in range(draws)]
    y, unit = np.stack([one[0] for one in made]), np.array([one[1] for one in made])
    tests = {**_power.METHODS, "wild_unrestricted": partial(_power.wild, restricted=False)}
    out = []
    for effect in effects:
        moved = y.copy()
        moved[:, : place.treated, place.before :] += (effect * unit)[:, None, None]
        p = tests[method](_power.Panels(moved, place.treated, place.before, rng))
        out.append(float((p <= 0.05 + 1e-12).mean()))
    return out
