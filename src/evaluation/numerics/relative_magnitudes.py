"""Robust intervals when the bias may move after treatment at most M times as fast as it did before.

Rambachan and Roth (2023), the set Delta^RM(M): every step of the bias after treatment is at most M
times the largest step before it. The set is a union over the step s that is taken as the yardstick and
its sign; the confidence set is the union of those of the parts. Each part is tested with the
conditional test of Andrews, Roth and Pakes (2023) with a least-favourable first stage (their hybrid),
on the moments that involve periods after treatment, as the paper's own software does.

The test statistic is the value of a linear program whose unknowns are the effects that are not of
interest. Here they can be eliminated by hand: within a part the steps after treatment are free, but
for one weighted sum, so that the dual has two kinds of extreme points: the two rows of one step after
treatment (which say that the yardstick is not negative), and for each sign the rows of all steps
weighted by the target. With g the yardstick's estimate, y the estimated effect less theta, D_t the
sum of the standard errors of the two rows of step t, the statistic is the largest of

    -2 M g / max D,  -2 M g / min D,  (y - M L g) / D_up,  (-y - M L g) / D_down,

L the sum of the absolute weights of the steps in the target. If the bias may only rise, each step has a
row more, and a weighted sum may take for each step the one or the other; those combinations that can be
the largest are nested by the gap between the two rows' standard errors. So no linear program is solved: the
least-favourable quantile is an integral in two dimensions, the truncation points of the conditional
test are read off, and the ends of the set are found by bisection between proved bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from evaluation.numerics.gaussian import truncated_tail

FloatArray = NDArray[np.float64]
FIRST_STAGE = 0.1
"""Share of the size that the least-favourable first stage uses, as in the paper."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
_FEW_NODES, _FEW_WEIGHTS = np.polynomial.legendre.leggauss(6)
# many short panels, for an integrand with corners
_PANELS = (
    (np.arange(128)[:, None] + (_FEW_NODES + 1) / 2).ravel() / 64 - 1,
    np.tile(_FEW_WEIGHTS, 128) / 128,
)
_FAR = 9.0
_SCAN = 160
_REFINE = 40


@dataclass(frozen=True, eq=False, slots=True)
class RelativeSet:
    """Union of the parts' confidence sets, as the shortest interval that holds it.

    Attributes
    ----------
    low, high : float
        NaN when every value is rejected by every part.
    pieces : ndarray (m, 2)
        The disjoint intervals of the union, up to gaps narrower than the scan.
    binding : tuple of tuple of int
        Step (0 is the earliest) and sign that give the lower and the upper end.
    """

    low: float
    high: float
    pieces: FloatArray
    binding: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """One yardstick: forms of (g, y) whose largest value is the test statistic.

    Attributes
    ----------
    loadings : ndarray (J, 2)
        On g and on the estimated effect.
    shift : ndarray (J,)
        Added theta times: 0 for the first two, which do not depend on theta.
    value : ndarray (J,)
        The forms at the estimates and theta = 0.
    covariance : ndarray (2, 2)
        Of (g, y).
    """

    loadings: FloatArray
    shift: FloatArray
    value: FloatArray
    covariance: FloatArray

    def first_stage(self, size: float) -> float:
        """The 1 - ``size`` quantile of the statistic when every moment holds with equality."""
        sd_g, sd_y = np.sqrt(np.diag(self.covariance))
        slope = self.covariance[0, 1] / sd_g
        spread = np.sqrt(max(sd_y**2 - slope**2, 0.0))
        up, down = self.loadings[self.shift < 0], self.loadings[self.shift > 0]
        steepest = float(self.loadings[self.shift == 0, 0].min())
        nodes, weights = (_NODES, _WEIGHTS) if len(up) == len(down) == 1 else _PANELS

        def missed(c: float) -> float:
            # given g, the forms leave an interval for y; g itself is bounded below by the first two
            low = max(-_FAR, c / (steepest * sd_g)) if steepest < 0 else -_FAR
            z = 0.5 * (_FAR - low) * (nodes + 1) + low
            above = ((c - np.outer(sd_g * z, up[:, 0])) / up[:, 1]).min(axis=1)
            below = ((c - np.outer(sd_g * z, down[:, 0])) / down[:, 1]).max(axis=1)
            inside = special.ndtr((above - slope * z) / spread) - special.ndtr((below - slope * z) / spread)
            density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
            covered = weights @ (density * np.maximum(inside, 0.0))
            return float(0.5 * (_FAR - low) * covered) - (1 - size)

        largest = float(
            np.sqrt(np.einsum("ij,jk,ik->i", self.loadings, self.covariance, self.loadings)).max()
        )
        return float(optimize.brentq(missed, 0.0, 9 * largest, xtol=1e-13 * largest, rtol=1e-13))

    def statistic(self, theta: FloatArray) -> FloatArray:
        """Value of the linear program at each effect (n,)."""
        out: FloatArray = (self.value + np.asarray(theta, dtype=float)[:, None] * self.shift).max(axis=1)
        return out

    def rejects(self, theta: FloatArray, first: float, alpha: float) -> NDArray[np.bool_]:
        """Whether the hybrid test rejects each effect (n,).

        Parameters
        ----------
        theta : ndarray (n,)
        first : float
            From `first_stage` with ``FIRST_STAGE * alpha``.
        alpha : float
        """
        values = self.value + theta[:, None] * self.shift
        best = values.argmax(axis=1)
        statistic = values[np.arange(len(theta)), best]
        cov = self.loadings @ self.covariance @ self.loadings.T
        variance = np.diag(cov)[best]
        # with M = 0 the first two forms are 0 for certain and never reject
        noisy = variance > 1e-14 * np.diag(cov).max()
        safe = np.where(noisy, variance, 1.0)
        # given what is independent of the largest form, another one is a line in it
        share = cov[:, best].T / safe[:, None]
        rest = values - share * statistic[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            edge = rest / (1 - share)
        low = np.where(share < 1 - 1e-10, edge, -np.inf).max(axis=1)
        high = np.minimum(np.where(share > 1 + 1e-10, edge, np.inf).min(axis=1), first)
        sd = np.sqrt(safe)
        tail = truncated_tail(statistic / sd, low / sd, high / sd)
        size = (1 - FIRST_STAGE) * alpha / (1 - FIRST_STAGE * alpha)
        return np.asarray((statistic > first) | (noisy & (statistic > 0) & (tail < size)))

    def bounds(self, first: float) -> tuple[float, float] | None:
        """Effects outside which the first stage rejects for certain; None when it rejects every one."""
        up, down = self.shift < 0, self.shift > 0
        if (self.value[~up & ~down] > first).any():
            return None
        low = float(((self.value[up] - first) / -self.shift[up]).max())
        high = float(((first - self.value[down]) / self.shift[down]).min())
        return (low, high) if low < high else None

    def accepted(self, alpha: float, first: float) -> list[tuple[float, float]]:
        """Intervals of effects that are not rejected, to the precision of floats at their ends."""
        bounds = self.bounds(first)
        if bounds is None:
            return []
        low, high = bounds
        corners = self._corners()
        near = (high - low) * 1e-9
        scan = np.concatenate([np.linspace(low, high, _SCAN), corners - near, corners, corners + near])
        theta = np.unique(scan[(scan >= low) & (scan <= high)])
        kept = ~self.rejects(theta, first, alpha)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(int)))
        pieces = []
        for start, stop in edges.reshape(-1, 2):
            left = low if start == 0 else self._edge(theta[start - 1], theta[start], first, alpha)
            right = high if stop == len(theta) else self._edge(theta[stop], theta[stop - 1], first, alpha)
            pieces.append((float(left), float(right)))
        return pieces

    def _corners(self) -> FloatArray:
        """Effects where another form becomes the largest, or it passes 0: there the test may jump.

        At a tie the conditional test cannot reject, so that narrow islands of acceptance lie there.
        """
        i, j = np.nonzero(self.shift[:, None] < self.shift)
        crossing = (self.value[i] - self.value[j]) / (self.shift[j] - self.shift[i])
        values = self.value + crossing[:, None] * self.shift
        highest = values.max(axis=1)
        tied = values[np.arange(len(i)), i] >= highest - 1e-9 * np.abs(values).max(axis=1)
        moving = self.shift != 0
        return np.concatenate([crossing[tied], -self.value[moving] / self.shift[moving]])

    def _edge(self, outside: float, inside: float, first: float, alpha: float) -> float:
        """Where rejection ends between a rejected and an accepted effect."""
        tolerance = 1e-12 * abs(inside - outside) + 1e-15 * abs(inside)
        while abs(inside - outside) > tolerance:
            theta = np.linspace(outside, inside, _REFINE)
            kept = ~self.rejects(theta, first, alpha)
            kept[0], kept[-1] = False, True
            at = int(kept.argmax())
            if (theta[at - 1], theta[at]) == (outside, inside):
                break
            outside, inside = float(theta[at - 1]), float(theta[at])
        return inside


@dataclass(frozen=True, eq=False, slots=True)
class RelativeProblem:
    """One event study and target, prepared for any M.

    Attributes
    ----------
    pre : ndarray (K,)
        Estimates before treatment.
    effect : float
        ``l' b_post``.
    steps : ndarray (K, K + P)
        Steps before treatment as forms of the estimates, in order of time.
    after : ndarray (P, K + P)
        Steps after treatment.
    covariance : ndarray (K + P, K + P)
    target : ndarray (P,)
    onward : ndarray (P,)
        Weight of each step after treatment in the effect.
    rising : bool
        Whether the bias may only rise after treatment.
    """

    pre: FloatArray
    effect: float
    steps: FloatArray
    after: FloatArray
    covariance: FloatArray
    target: FloatArray
    onward: FloatArray
    rising: bool = False

    def part(self, step: int, sign: int, ratio: float) -> Part:
        """The test that takes step ``step`` (0 is the earliest), times ``sign``, as the yardstick."""
        yardstick = sign * self.steps[step]
        sd_up = self._deviation(self.after - ratio * yardstick)
        sd_down = self._deviation(-self.after - ratio * yardstick)
        sd_step = self._deviation(self.after) if self.rising else None
        both = 2 * ratio / (sd_up + sd_down)
        if sd_step is not None:
            both = np.concatenate([both, ratio / (sd_up + sd_step)])
        above = _sums(self.onward, ratio, sd_up, sd_down, sd_step)
        below = _sums(-self.onward, ratio, sd_up, sd_down, sd_step)
        loadings = np.array(
            [[-both.min(), 0.0], [-both.max(), 0.0]]
            + [[-reach / scale, 1 / scale] for reach, scale in above]
            + [[-reach / scale, -1 / scale] for reach, scale in below]
        )
        shift = -loadings[:, 1]
        forms = np.stack([yardstick, np.concatenate([np.zeros(len(self.pre)), self.target])])
        g = float(yardstick[: len(self.pre)] @ self.pre)
        return Part(loadings, shift, loadings @ np.array([g, self.effect]), forms @ self.covariance @ forms.T)

    def confidence_set(self, ratio: float, alpha: float = 0.05) -> RelativeSet:
        """All effects not rejected when the bias moves at most ``ratio`` times as fast as before.

        Parameters
        ----------
        ratio : float
            M-bar, at least 0.
        alpha : float
        """
        waiting = []
        for step, sign, part, first in self._parts(ratio, alpha):
            bounds = part.bounds(first)
            if bounds is not None:
                waiting.append((bounds, step, sign, part, first))
        # the widest first, so that parts inside what is already accepted need no scan
        waiting.sort(key=lambda item: item[0][0] - item[0][1])
        found: list[tuple[float, float, tuple[int, int]]] = []
        for bounds, step, sign, part, first in waiting:
            if any(low <= bounds[0] and bounds[1] <= high for low, high, _ in found):
                continue
            found += [(low, high, (step, sign)) for low, high in part.accepted(alpha, first)]
        if not found:
            return RelativeSet(np.nan, np.nan, np.zeros((0, 2)), ())
        lowest, highest = min(found, key=lambda f: f[0]), max(found, key=lambda f: f[1])
        pieces = _merge(np.array([[low, high] for low, high, _ in found]))
        return RelativeSet(lowest[0], highest[1], pieces, (lowest[2], highest[2]))

    def accepts(self, theta: float, ratio: float, alpha: float = 0.05) -> bool:
        """Whether some part does not reject one effect: `confidence_set` at a point, much quicker."""
        at = np.array([theta])
        return any(not part.rejects(at, first, alpha)[0] for _, _, part, first in self._parts(ratio, alpha))

    def _parts(self, ratio: float, alpha: float) -> Iterator[tuple[int, int, Part, float]]:
        for step in range(len(self.pre)):
            for sign in (1, -1):
                part = self.part(step, sign, ratio)
                yield step, sign, part, part.first_stage(FIRST_STAGE * alpha)

    def identified_set(self, ratio: float) -> tuple[float, float]:
        """Effects that the estimates would allow if they were the truth (the identified set)."""
        steps = self.steps[:, : len(self.pre)] @ self.pre
        reach = ratio * float(np.abs(steps).max()) * float(np.abs(self.onward).sum())
        return self.effect - reach, self.effect + reach

    def _deviation(self, rows: FloatArray) -> FloatArray:
        return np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", rows, self.covariance, rows), 0.0))


def relative_problem(
    estimates: FloatArray, covariance: FloatArray, pre: int, target: FloatArray, *, rising: bool = False
) -> RelativeProblem:
    """Set up robust intervals for one event study and target.

    Parameters
    ----------
    estimates : ndarray (pre + P,)
        In order of time without the reference period, which stands between the two groups.
    covariance : ndarray (pre + P, pre + P)
        Positive definite.
    pre : int
        At least 1.
    target : ndarray (P,)
        Weights l of the effect of interest, not all 0.
    rising : bool
        Assume besides that the bias only rises after treatment.
    """
    k, p = pre, len(target)
    steps = np.zeros((k, k + p))
    steps[np.arange(k), np.arange(k)] = -1.0
    steps[np.arange(k - 1), np.arange(1, k)] = 1.0
    after = np.zeros((p, k + p))
    after[np.arange(p), k + np.arange(p)] = 1.0
    after[np.arange(1, p), k + np.arange(p - 1)] = -1.0
    return RelativeProblem(
        pre=estimates[:k].copy(),
        effect=float(target @ estimates[k:]),
        steps=steps,
        after=after,
        covariance=covariance,
        target=target,
        # the effect at t is the sum of the steps up to t
        onward=np.cumsum(target[::-1])[::-1],
        rising=rising,
    )


def _sums(
    weight: FloatArray, ratio: float, sd_up: FloatArray, sd_down: FloatArray, sd_step: FloatArray | None
) -> list[tuple[float, float]]:
    """Bounds on a weighted sum of steps that can bind: multiple of g and of the statistic in each.

    A step with positive weight is bounded by its upper row. One with negative weight is bounded by its
    lower row, or by being at least 0, whichever is nearer: which of the two depends on where g over the
    statistic lies among the gaps between their standard errors, so the choices are nested.
    """
    size, over = np.abs(weight), weight > 0
    reach = ratio * size
    scale = size * np.where(over, sd_up, sd_down)
    out = [(float(reach.sum()), float(scale.sum()))]
    if sd_step is None:
        return out
    under = np.flatnonzero(weight < 0)
    order = under[np.argsort(sd_step[under] - sd_down[under])]
    for chain in (order, order[::-1]):
        changed_reach, changed_scale = reach.copy(), scale.copy()
        for t in chain:
            changed_reach[t], changed_scale[t] = 0.0, size[t] * sd_step[t]
            out.append((float(changed_reach.sum()), float(changed_scale.sum())))
    return list(dict.fromkeys(out))


def _merge(intervals: FloatArray) -> FloatArray:
    """Disjoint union of intervals (m, 2)."""
    merged: list[list[float]] = []
    for low, high in intervals[np.argsort(intervals[:, 0])]:
        if merged and low <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], high)
        else:
            merged.append([low, high])
    return np.array(merged)
