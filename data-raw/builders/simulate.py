"""Simulated panels whose effects are known: what estimators are tried on before they meet a record.

Nothing here is data. Every frame says so in ``frame.attrs["simulated"]``, and no claim may rest on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import DesignError

FloatArray = NDArray[np.float64]
_KEYS = {"group": "cohort", "event_time": "event_time", "calendar": "period"}


@dataclass(frozen=True, eq=False)
class SimulatedPanel:
    """One draw, with the effects that made it.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row a unit-period: ``unit, period, first_treated`` (NaN for never treated), ``y``, the
        covariates ``z, v, z_by_period``, ``cluster``, and ``exposure`` for counts.
    truth : pandas.DataFrame
        One row a treated cohort-period: ``cohort, period, event_time``, ``effect`` (units of y, or
        log points for counts), ``share`` (probability of the cohort) and ``observations`` (rows of
        ``frame`` in it).
    simulated : bool
        Always True.
    """

    frame: pd.DataFrame
    truth: pd.DataFrame
    simulated: Literal[True] = field(default=True, init=False)

    def average(self, by: str = "simple", *, shares: str = "population") -> pd.Series:
        """True effect, averaged as `Result.aggregate` averages estimates.

        Parameters
        ----------
        by : {"simple", "group", "event_time", "calendar"}
        shares : {"population", "sample"}
            Cohorts weighed by their probability, or by the rows that this draw has of them: what
            estimators that take cohort shares as known are about.

        Returns
        -------
        pandas.Series
            Effects by cohort, event time or period; one value under ``"ATT"`` for ``"simple"``.
        """
        if by != "simple" and by not in _KEYS:
            raise DesignError(f"unknown average {by!r}", expected=", ".join(["simple", *_KEYS]))
        if shares not in ("population", "sample"):
            raise DesignError(f"shares is {shares!r}", expected="'population' or 'sample'")
        weight = self.truth["share" if shares == "population" else "observations"].to_numpy(dtype=float)
        effect = self.truth["effect"].to_numpy()
        if by == "simple":
            return pd.Series([np.average(effect, weights=weight)], index=["ATT"])
        values, place = np.unique(self.truth[_KEYS[by]], return_inverse=True)
        sums = np.bincount(place, weight * effect) / np.bincount(place, weight)
        return pd.Series(sums, index=pd.Index(values, name=_KEYS[by]))


@dataclass(frozen=True)
class Simulation:
    """A panel to be drawn.

    ``y_it = a_i + b_t + (trend z_i + v_i / 10) t + tau_it D_it + c_kt + e_it``: unit effects a and a
    smooth period effect b; e and the shocks c that a cluster shares follow AR(1). Effects are
    ``effect_g + growth_g (t - g)`` plus a normal deviation of each unit. Counts are Poisson with mean
    ``exposure_it exp(the same)``, at a tenth of the scale of period effects and trends; normal errors in
    the exponent multiply all means by one number, so that log-point effects stay what they are.

    z is 0 or 1. It moves the log odds of treatment by ``selection`` and the trend by ``trend``: with both,
    parallel trends hold only given z. As z has two values every propensity model with it is exact,
    whoever is the comparison. v moves trends and not treatment.

    Parameters
    ----------
    units, periods : int
        Periods are 1, 2, ...
    cohorts : tuple of (int, float)
        First treated period and probability of each cohort (where z is 0); the rest is never treated.
    effect, growth : float or tuple of float
        In the first treated period, and added in each period after it; for all cohorts or each.
    spread : float
        Standard deviation of effects between units of a cohort.
    noise, correlation : float
        Standard deviation of e and its correlation from one period to the next.
    clusters : int, optional
        Units lie in so many clusters, and treatment and z are drawn by cluster; otherwise by unit.
    cluster_noise : float
        Standard deviation of the shocks that a cluster shares, correlated over time like e.
    selection, trend : float
    missing : float
        Probability that a row is not observed, whatever is in it.
    counts : bool
    level : float
        Added to y, or to the exponent of counts: ``-3.6`` makes a mean count of about 0.1.

    Raises
    ------
    DesignError
        Parameters that no panel can have.
    """

    units: int = 200
    periods: int = 8
    cohorts: tuple[tuple[int, float], ...] = ((4, 0.25), (6, 0.25))
    effect: float | tuple[float, ...] = 1.0
    growth: float | tuple[float, ...] = 0.0
    spread: float = 0.0
    noise: float = 1.0
    correlation: float = 0.5
    clusters: int | None = None
    cluster_noise: float = 0.0
    selection: float = 0.0
    trend: float = 0.0
    missing: float = 0.0
    counts: bool = False
    level: float = 0.0

    def __post_init__(self) -> None:
        odds = [share for _, share in self.cohorts]
        for wrong, what, expected in (
            (not self.cohorts, "no cohort is given", "one or more (period, probability)"),
            (
                any(share <= 0 for share in odds) or sum(odds) > 1 + 1e-12,
                f"cohorts have probabilities {odds}",
                "above 0, with a sum of 1 or less",
            ),
            (
                any(not 1 < first <= self.periods for first, _ in self.cohorts),
                f"cohorts start in {[first for first, _ in self.cohorts]}",
                f"periods 2 to {self.periods}",
            ),
            (not -1 < self.correlation < 1, f"the correlation is {self.correlation}", "between -1 and 1"),
            (not 0 <= self.missing < 1, f"missing is {self.missing}", "0 or more and less than 1"),
            (
                self.counts and self.spread > 0,
                "effects on counts differ between units",
                "spread=0: a mean of log points is not the log of a ratio of means",
            ),
            (
                self.cluster_noise > 0 and self.clusters is None,
                "there are cluster shocks and no clusters",
                "a number of clusters",
            ),
        ):
            if wrong:
                raise DesignError(what, expected=expected)
        for name in ("effect", "growth"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != len(self.cohorts):
                raise DesignError(
                    f"{len(value)} values of {name} for {len(self.cohorts)} cohorts",
                    expected="one number, or one a cohort",
                )

    def probabilities(self) -> FloatArray:
        """Probability of each cohort and of never being treated, by z (2, cohorts + 1)."""
        base = np.array([share for _, share in self.cohorts])
        odds = np.append(base, max(1 - base.sum(), 0.0))[None, :].repeat(2, axis=0)
        odds[1, :-1] *= np.exp(self.selection)
        return odds / odds.sum(axis=1, keepdims=True)

    def draw(self, generator: np.random.Generator) -> SimulatedPanel:
        """One panel; the same generator state gives the same bytes."""
        n, periods = self.units, np.arange(1, self.periods + 1)
        groups = n if self.clusters is None else self.clusters
        cluster = np.arange(n) % groups
        z = generator.integers(0, 2, groups)[cluster]
        cumulated = self.probabilities().cumsum(axis=1)
        point = generator.random(groups)[cluster]
        # rounding may leave the last sum a hair below 1
        cohort = np.minimum((point[:, None] >= cumulated[z]).sum(axis=1), len(self.cohorts))
        first = np.append([float(start) for start, _ in self.cohorts], np.inf)
        event = periods[None, :] - first[:, None]
        path = np.zeros((len(first), self.periods))
        level, growth = self._by_cohort(self.effect), self._by_cohort(self.growth)
        path[:-1] = level[:, None] + growth[:, None] * event[:-1].clip(min=0)
        effects = path[cohort] + self.spread * generator.standard_normal((n, 1))
        v = generator.standard_normal(n)
        scale = 0.1 if self.counts else 1.0
        y = (
            self.level
            + (0.5 if self.counts else 2.0) * generator.standard_normal((n, 1))
            + scale * np.sin(periods)
            + scale * np.outer(self.trend * z + v / 10, periods)
            + effects * (event[cohort] >= 0)
            + self.noise * _autoregression(generator, n, self.periods, self.correlation)
        )
        if self.cluster_noise > 0:
            shocks = _autoregression(generator, groups, self.periods, self.correlation)
            y = y + self.cluster_noise * shocks[cluster]
        columns: dict[str, object] = {
            "unit": np.repeat(np.arange(n), self.periods),
            "period": np.tile(periods, n),
            "first_treated": np.repeat(np.where(np.isinf(first), np.nan, first)[cohort], self.periods),
            "y": y.ravel(),
            "z": np.repeat(z.astype(float), self.periods),
            "v": np.repeat(v, self.periods),
            "z_by_period": np.outer(z, periods).ravel().astype(float),
            "cluster": np.repeat(cluster, self.periods),
        }
        if self.counts:
            # population: differs between units, and grows at a rate of the unit's own
            size = np.exp(1 + 0.5 * generator.standard_normal((n, 1)))
            exposure = size * np.exp(0.02 * generator.standard_normal((n, 1)) * periods)
            columns["exposure"] = exposure.ravel()
            columns["y"] = generator.poisson(exposure * np.exp(y)).ravel()
        frame = pd.DataFrame(columns)
        if self.missing > 0:
            frame = frame[generator.random(len(frame)) >= self.missing].reset_index(drop=True)
        frame.attrs["simulated"] = True
        return SimulatedPanel(frame, self._truth(frame, path, event))

    def _by_cohort(self, value: float | tuple[float, ...]) -> FloatArray:
        return np.broadcast_to(np.asarray(value, dtype=float), len(self.cohorts))

    def _truth(self, frame: pd.DataFrame, path: FloatArray, event: FloatArray) -> pd.DataFrame:
        c, t = np.nonzero(event[:-1] >= 0)
        start = np.array([first for first, _ in self.cohorts])
        seen = frame.groupby(["first_treated", "period"]).size()
        keys = pd.MultiIndex.from_arrays([start[c].astype(float), t + 1])
        return pd.DataFrame(
            {
                "cohort": start[c],
                "period": t + 1,
                "event_time": event[c, t].astype(int),
                "effect": path[c, t],
                "share": self.probabilities().mean(axis=0)[c],
                "observations": seen.reindex(keys, fill_value=0).to_numpy(),
            }
        )


def _autoregression(
    generator: np.random.Generator, rows: int, periods: int, correlation: float
) -> FloatArray:
    """Stationary AR(1) with variance 1 (rows, periods)."""
    out = generator.standard_normal((rows, periods))
    out[:, 1:] *= np.sqrt(1 - correlation**2)
    for t in range(1, periods):
        out[:, t] += correlation * out[:, t - 1]
    return out
