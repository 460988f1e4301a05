"""Tests of no trend before treatment, with their power against a linear one (Roth 2022)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from evaluation import distributions
from evaluation.diagnostics.event_study import EventStudy
from evaluation.errors import EstimationError
from evaluation.numerics.gaussian import box_moments
from evaluation.numerics.ranks import TIE, rank_p

FloatArray = NDArray[np.float64]


class TrendTest(Protocol):
    """A test of no trend before treatment whose behaviour under a linear trend is known."""

    @property
    def statistic(self) -> float:
        """Value of the test statistic."""
        ...

    @property
    def p_value(self) -> float:
        """For no trend."""
        ...

    @property
    def rejects(self) -> bool:
        """Whether the test rejects."""
        ...

    @property
    def size(self) -> float:
        """Probability of rejecting without a trend."""
        ...

    @property
    def words(self) -> str:
        """What is tested how."""
        ...

    def power(self, slope: float) -> float:
        """Probability of rejecting under a linear trend."""
        ...

    def slope(self, power: float) -> float:
        """The positive slope that is detected with a probability."""
        ...

    def if_passed(self, slope: float) -> FloatArray:
        """Mean of all estimates (K + P,) in samples with this trend that pass the test."""
        ...


@dataclass(frozen=True, eq=False)
class Joint:
    """Wald test of the K effects before treatment; everything in closed form.

    The statistic is non-central chi-squared, and for a normal vector z of identity covariance and mean
    m, ``E[z | z'z <= c] = m F_(K+2)(c) / F_K(c)``, F_k the distribution function of the non-central
    chi-squared with k degrees of freedom and non-centrality m'm. With finite ``df`` the critical value
    is that of the F test and the covariance is taken as known beyond it.
    """

    study: EventStudy
    statistic: float
    p_value: float
    rejects: bool
    size: float
    critical: float
    words: str = "Wald test that all effects before treatment are zero"

    @classmethod
    def of(cls, study: EventStudy, alpha: float) -> Joint:
        """The test for one event study."""
        k = study.pre
        b = study.estimates[:k]
        wald = float(b @ np.linalg.solve(study.covariance[:k, :k], b))
        if np.isfinite(study.df):
            p = float(distributions.f.sf(wald / k, k, study.df))
            critical = k * float(distributions.f.isf(alpha, k, study.df))
        else:
            p, critical = float(distributions.chi2.sf(wald, k)), float(distributions.chi2.isf(alpha, k))
        return cls(study, wald, p, p <= alpha, alpha, critical)

    def power(self, slope: float) -> float:
        """Probability of rejecting under a linear trend."""
        return float(distributions.ncx2.sf(self.critical, self.study.pre, max(slope**2 * self._unit, 1e-300)))

    def slope(self, power: float) -> float:
        """The positive slope that is detected with a probability."""
        k = self.study.pre
        top = 1.0
        while distributions.ncx2.sf(self.critical, k, top) < power:
            top *= 2

        def missed(noncentrality: float) -> float:
            return float(distributions.ncx2.sf(self.critical, k, noncentrality)) - power

        return float(np.sqrt(optimize.brentq(missed, 1e-300, top, xtol=1e-13, rtol=1e-13) / self._unit))

    def if_passed(self, slope: float) -> FloatArray:
        """Mean of all estimates (K + P,) in samples with this trend that pass the test."""
        k, strength = self.study.pre, max(slope**2 * self._unit, 1e-300)
        shrink = distributions.ncx2.cdf(self.critical, k + 2, strength) / distributions.ncx2.cdf(
            self.critical, k, strength
        )
        trend = slope * self.study.distance
        return _carried(self.study, trend, float(shrink) * trend[:k])

    @property
    def _unit(self) -> float:
        k = self.study.pre
        d = self.study.distance[:k]
        return float(d @ np.linalg.solve(self.study.covariance[:k, :k], d))


@dataclass(frozen=True, eq=False)
class Individual:
    """Any effect before treatment whose own interval leaves out 0: the complement of a box."""

    study: EventStudy
    statistic: float
    p_value: float
    rejects: bool
    size: float
    half: FloatArray
    words: str = "any single effect before treatment away from zero"

    @classmethod
    def of(cls, study: EventStudy, alpha: float) -> Individual:
        """The test for one event study; the p-value is that of the largest t statistic, adjusted."""
        k = study.pre
        se = study.std_errors[:k]
        critical = pointwise_critical(study, alpha)
        largest = float((np.abs(study.estimates[:k]) / se).max())
        cov, zero = study.covariance[:k, :k], np.zeros(k)
        p = 1 - box_moments(zero, cov, largest * se).probability
        size = 1 - box_moments(zero, cov, critical * se).probability
        return cls(study, largest, p, largest > critical, size, critical * se)

    def power(self, slope: float) -> float:
        """Probability of rejecting under a linear trend."""
        k = self.study.pre
        mean = slope * self.study.distance[:k]
        return 1 - box_moments(mean, self.study.covariance[:k, :k], self.half).probability

    def slope(self, power: float) -> float:
        """The positive slope that is detected with a probability."""
        if power <= self.size:
            raise EstimationError(
                f"the test rejects with probability {self.size:.3f} even without a trend",
                expected="powers above that",
            )
        d = np.abs(self.study.distance[: self.study.pre])
        return _root(self.power, power, float((self.half / d).min()))

    def if_passed(self, slope: float) -> FloatArray:
        """Mean of all estimates (K + P,) in samples with this trend that pass the test."""
        k = self.study.pre
        trend = slope * self.study.distance
        box = box_moments(trend[:k], self.study.covariance[:k, :k], self.half)
        return _carried(self.study, trend, box.mean)


@dataclass(frozen=True, eq=False)
class Placebo:
    """Root mean square of the estimates before treatment, among those of placebo units.

    A trend is added to each placebo path in turn, rising and falling; nothing is drawn.
    """

    study: EventStudy
    paths: FloatArray
    statistic: float
    p_value: float
    rejects: bool
    size: float
    critical: float
    words: str = "root mean square of the effects before treatment among placebo units"

    @classmethod
    def of(cls, study: EventStudy, alpha: float) -> Placebo:
        """The test for one event study with placebo paths."""
        assert study.placebo is not None
        k, n = study.pre, len(study.placebo)
        spread = np.sqrt(np.mean(study.placebo[:, :k] ** 2, axis=1))
        value = float(np.sqrt(np.mean(study.estimates[:k] ** 2)))
        p = float(rank_p(spread, value))
        allowed = int(np.floor(alpha * (n + 1) + 1e-9)) - 1
        critical = float(np.sort(spread)[::-1][allowed])
        return cls(study, study.placebo, value, p, p <= alpha, (allowed + 1) / (n + 1), critical)

    def power(self, slope: float) -> float:
        """Share of placebo paths that would be found with a trend added."""
        return float(np.mean([self._found(side * slope).mean() for side in (1, -1)]))

    def slope(self, power: float) -> float:
        """The smallest positive slope found in at least this share of placebo paths."""
        d = np.abs(self.study.distance[: self.study.pre])
        return _root(self.power, power, self.critical / float(np.sqrt(np.mean(d**2))))

    def if_passed(self, slope: float) -> FloatArray:
        """Mean of all estimates (K + P,) over placebo paths with this trend that pass."""
        rising, falling = self._moved(slope), -self._moved(-slope)
        passed = np.concatenate([rising[~self._found(slope)], falling[~self._found(-slope)]])
        if len(passed) == 0:
            return np.full(len(self.study.times), np.nan)
        out: FloatArray = passed.mean(axis=0)
        return out

    def _moved(self, slope: float) -> FloatArray:
        return self.paths + slope * self.study.distance

    def _found(self, slope: float) -> NDArray[np.bool_]:
        moved = self._moved(slope)[:, : self.study.pre]
        found: NDArray[np.bool_] = np.sqrt(np.mean(moved**2, axis=1)) > self.critical * (1 + TIE)
        return found


def _carried(study: EventStudy, trend: FloatArray, before: FloatArray) -> FloatArray:
    """Mean of all estimates given the mean of those before treatment (Roth 2022, proposition 1)."""
    k = study.pre
    gain = np.linalg.solve(study.covariance[:k, :k], study.covariance[:k, k:])
    return np.concatenate([before, trend[k:] + (before - trend[:k]) @ gain])


def _root(power: Callable[[float], float], wanted: float, start: float) -> float:
    low, high = 0.0, start
    while power(high) < wanted:
        low, high = high, 2 * high
    while high - low > 1e-7 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle) < wanted else (low, middle)
    return high


def pointwise_critical(study: EventStudy, alpha: float) -> float:
    """Critical value of one t statistic."""
    return float(distributions.t.isf(alpha / 2, study.df))
