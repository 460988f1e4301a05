"""How far a month's figure strays by chance, learnt from every stretch as long as a month in a long
record."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
FEWEST = 4  # stretches side by side that a record must hold
WIDEN_ABOVE = 0.25  # correlation of neighbouring periods up to which periods may be taken as independent
REFUSE_ABOVE = 0.85
_FAR = 4  # windows after which strays are no longer alike
_GRID = np.round(np.arange(-0.9, 0.951, 0.01), 2)


@dataclass(frozen=True, eq=False)
class Season:
    """Where in the year each stretch begins.

    Attributes
    ----------
    place : ndarray of int (stretches,)
        Period of the year in which a stretch begins, 0 to ``cycle - 1``.
    cycle : int
        Periods of a year.
    at : int
        The time of year that the strays are wanted for.
    reach : int
        Stretches that begin up to so many periods earlier or later in any year are alike.
    """

    place: IntArray
    cycle: int
    at: int
    reach: int


@dataclass(frozen=True)
class Autocorrelation:
    """How much of a period is left in the next, apart from what all places share and from their levels.

    Attributes
    ----------
    correlation : float
        Of neighbouring periods.
    error : float
        Its standard error, by leaving out one part of the record after the other.
    factor : float
        By how much strays are widened for it; 1 while correlation and error together are at most 0.25.
    """

    correlation: float
    error: float
    factor: float

    @property
    def reached(self) -> float:
        """The correlation that is reckoned with: one standard error above the estimate."""
        return self.correlation + self.error

    @property
    def widened(self) -> bool:
        """Whether strays are widened for it."""
        return self.factor > 1

    def together(self, length: int, count: int) -> float:
        """Standard deviation of the mean of neighbouring stretches over that of separate ones.

        Parameters
        ----------
        length : int
            Periods of a stretch.
        count : int
            Stretches; 1 where strays are not widened, which are then taken as separate.
        """
        if not self.widened:
            return 1.0
        one, all_of_them = (
            float(np.power(self.reached, np.abs(np.subtract.outer(range(n), range(n)))).mean())
            for n in (length, length * count)
        )
        return float(np.sqrt(all_of_them / one * count))


def stretch_autocorrelation(
    stretches: FloatArray, *, length: int, window: int, season: Season | None = None
) -> Autocorrelation:
    """The correlation of neighbouring periods, from stretches that overlap.

    Strays, each place's divided by their root mean square and pooled, correlate with those that begin one
    period later. That correlation is a known increasing function of the correlation of periods, if they are
    an autoregression of order one and the statistic is a mean, whose surroundings have been taken out as
    `moving_stretches` does. It is inverted.

    Parameters
    ----------
    stretches, length, window, season
        As in `moving_stretches`.

    Returns
    -------
    Autocorrelation

    Raises
    ------
    EstimationError
        As `moving_stretches`.
    """
    return _autocorrelation(*_blocks(stretches, length, window, season), length, window)


def moving_stretches(
    stretches: FloatArray,
    *,
    length: int,
    window: int,
    draws: int,
    rng: np.random.Generator,
    season: Season | None = None,
) -> FloatArray:
    """What a statistic over ``length`` neighbouring periods strays by, for all places together.

    Moving block bootstrap (Kuensch 1989) with blocks as long as what is measured, so that the statistic may
    be anything that a stretch of periods has, percentiles among them. Taken out first are the mean of all
    places, stretch by stretch, which no comparison of places needs, and each place's own mean over the
    stretches within ``window`` periods, so that seasons and lasting changes are not taken for chance. What
    that takes out of the chance itself is given back by ``sqrt(v / w)``, where v is the variance of a stretch
    and w that of its difference from its surroundings when periods are independent. Strays are brought to the
    size that they have, over all places, at the wanted time of year. Each place's draws are stretched by the
    root of ``d / chi2(d)``, d being the number of stretches side by side, less what the surroundings take,
    for its spread is itself estimated. Where the correlation of neighbouring periods and its standard error
    (`stretch_autocorrelation`) together exceed 0.25, v, w and d are those of an autoregression of order one
    with that correlation.

    Parameters
    ----------
    stretches : ndarray (stretches, n)
        The statistic of the periods s to s + length - 1 in row s, on a scale on which chance is about as
        large for all values: logarithms, or `stabilised_share`. A row with NaN is left out.
    length : int
        Periods of a stretch.
    window : int
        Periods over which a place's own level is taken; odd or even as ``length`` is.
    draws : int
    rng : numpy.random.Generator
    season : Season, optional

    Returns
    -------
    ndarray (draws, n)
        Around zero.

    Raises
    ------
    EstimationError
        Fewer than four stretches side by side, a window that does not fit, or neighbouring periods that
        correlate by more than 0.85, one standard error included: the record is too short for that.
    """
    blocks, steps, whole = _blocks(stretches, length, window, season)
    serial = _autocorrelation(blocks, steps, whole, length, window)
    if serial.reached > REFUSE_ABOVE:
        raise EstimationError(
            f"neighbouring periods correlate by {serial.correlation:.2f} (standard error "
            f"{serial.error:.2f}): the record does not say how far a stretch strays",
            expected=f"a correlation of at most {REFUSE_ABOVE}, one standard error included",
            fix="use another measure, or stretches that are long against the correlation",
        )
    side_by_side = (len(steps) + length - 1) / length * (1 - length / window)
    if serial.widened:
        side_by_side *= _strays(serial.reached, length, window)[2] / _strays(0.0, length, window)[2]
    degrees = max(side_by_side, 1.0)
    stretch = np.sqrt(degrees / rng.chisquare(degrees, size=(draws, blocks.shape[1])))
    return np.asarray(serial.factor * blocks[rng.integers(len(blocks), size=draws)] * stretch)


def _blocks(
    stretches: FloatArray, length: int, window: int, season: Season | None
) -> tuple[FloatArray, IntArray, NDArray[np.bool_]]:
    """Strays (m, n) of the stretches without a gap, which these are (m,), and whether all that surround them
    are known (m,)."""
    values = np.asarray(stretches, dtype=float)
    reach = (window - length) // 2
    if values.ndim != 2 or reach < 1 or (window - length) % 2:
        raise EstimationError(
            f"a window of {window} does not fit stretches of {length} periods",
            expected="a window longer than a stretch by an even number of periods",
        )
    known = np.isfinite(values).all(axis=1)
    apart = values - values.mean(axis=1, keepdims=True)
    if known.sum() + length - 1 < max(FEWEST * length, window):
        raise EstimationError(
            f"{int(known.sum())} stretches of {length} periods are too few to say how far one strays",
            expected=f"a record of at least {max(FEWEST * length, window)} periods in a row",
        )
    deviations, whole, steps = [], [], np.flatnonzero(known)
    for at in map(int, steps):
        near = np.flatnonzero(known[max(at - reach, 0) : at + reach + 1]) + max(at - reach, 0)
        deviations.append((apart[at] - apart[near].mean(axis=0)) * _given_back(at, near, length))
        whole.append(len(near) == 2 * reach + 1)
    blocks = np.array(deviations)
    if season is not None:
        blocks = blocks * _to_season(blocks, season, season.place[steps])[:, None]
    return blocks, steps, np.array(whole)


def _autocorrelation(
    blocks: FloatArray, steps: IntArray, whole: NDArray[np.bool_], length: int, window: int
) -> Autocorrelation:
    if 2 * whole.sum() >= len(whole):  # what is expected of a stray holds where its surroundings are whole
        blocks, steps = blocks[whole], steps[whole]
    size = np.sqrt((blocks**2).mean(axis=0))
    moving = size > 0
    scaled = blocks[:, moving] / size[moving]
    square = (scaled**2).sum(axis=1)
    follows = np.flatnonzero(np.diff(steps) == 1)
    product = np.zeros(len(steps))
    product[follows] = (scaled[follows] * scaled[follows + 1]).sum(axis=1)
    expected = [_strays(value, length, window)[1] for value in _GRID]

    def correlation(kept: NDArray[np.bool_]) -> float:
        pairs = kept[follows].sum()
        if not pairs or not square[kept].any():
            return 0.0
        lag = product[kept].sum() / pairs / square[kept].mean()
        return float(np.interp(lag, expected, _GRID))

    found = correlation(np.ones(len(steps), dtype=bool))
    parts = max(FEWEST, len(steps) // window)
    part = np.arange(len(steps)) * parts // len(steps)
    without = np.array([correlation(part != left_out) for left_out in range(parts)])
    error = float(np.sqrt((parts - 1) / parts * ((without - without.mean()) ** 2).sum()))
    factor = 1.0
    if WIDEN_ABOVE < found + error <= REFUSE_ABOVE:
        independent = _strays(0.0, length, window)[0]
        factor = float(np.sqrt(_strays(found + error, length, window)[0] / independent))
    return Autocorrelation(found, error, factor)


@lru_cache(maxsize=1024)
def _strays(correlation: float, length: int, window: int) -> tuple[float, float, float]:
    """Of a mean over ``length`` periods of an autoregression of order one, less its surroundings.

    Returns
    -------
    ratio : float
        The variance of the mean over that of its stray.
    lag : float
        Correlation of the strays of stretches that begin one period apart.
    degrees : float
        Independent strays that one of a long row of strays is worth, for estimating their variance.
    """
    reach = (window - length) // 2
    mean = np.zeros(window)
    mean[reach : reach + length] = 1 / length
    stray = mean - np.mean([np.roll(mean, shift) for shift in range(-reach, reach + 1)], axis=0)
    apart = np.arange(1 - window, window)

    def covariances(share: FloatArray) -> FloatArray:
        """Of sums of periods with these shares that begin 0, 1, 2 ... periods apart."""
        lags = np.abs(apart + np.arange(_FAR * window)[:, None])
        return np.asarray(np.power(correlation, lags) @ np.correlate(share, share, "full"))

    own = covariances(stray)
    alike = own[1:] / own[0]
    return float(covariances(mean)[0] / own[0]), float(alike[0]), float(1 / (1 + 2 * (alike**2).sum()))


def _given_back(at: int, near: IntArray, length: int) -> float:
    """By how much a stretch less the mean of those near it varies too little."""
    first = min(near.min(), at)
    share = np.zeros(max(near.max(), at) - first + length)
    for start in near:
        share[start - first : start - first + length] -= 1 / len(near)
    share[at - first : at - first + length] += 1
    left = float((share**2).sum()) / length
    return 1.0 / np.sqrt(left) if left > 0 else 1.0


def _to_season(blocks: FloatArray, season: Season, place: IntArray) -> FloatArray:
    """For each block, the usual size at the wanted time of year over that at its own."""
    square = (blocks**2).mean(axis=1)

    def usual(at: int) -> float:
        away = np.abs(place - at)
        near = np.minimum(away, season.cycle - away) <= season.reach
        return float(np.sqrt(square[near].mean())) if near.any() else float(np.sqrt(square.mean()))

    sizes = {int(at): usual(int(at)) for at in np.unique(np.append(place, season.at))}
    own = np.array([sizes[int(at)] for at in place])
    return np.divide(sizes[season.at], own, out=np.ones_like(own), where=own > 0)


def stabilised_share(count: FloatArray, of: FloatArray) -> FloatArray:
    """A share on a scale on which chance is about as large for all shares.

    Anscombe (1948): ``arcsin sqrt((x + 3/8) / (n + 3/4))`` for x of n, in radians.
    """
    return np.asarray(np.arcsin(np.sqrt((np.asarray(count) + 0.375) / (np.asarray(of) + 0.75))))


def improvements(
    before: FloatArray,
    after: FloatArray,
    deviations: tuple[FloatArray, FloatArray],
    *,
    scale: Literal["percent", "level", "count"],
    better: Literal["higher", "lower"],
    of: tuple[FloatArray, FloatArray] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Improvement of each place between two stretches, and the same in resamples.

    Parameters
    ----------
    before, after : ndarray (n,)
        The statistic of both stretches; positive but for a count.
    deviations : pair of ndarray (draws, n)
        From `moving_stretches` for either stretch: in logarithms, for a count in radians of
        `stabilised_share`.
    scale : {"percent", "level", "count"}
        ``"percent"``: difference of logarithms, which orders places as percentages do. ``"level"``:
        difference, the strays carried to the level of the place. ``"count"``: difference of counts out of
        ``of``; a stray e moves a count of n by ``n sin(2 phi) e``, phi being its `stabilised_share`.
    better : {"higher", "lower"}
    of : pair of ndarray (n,), optional
        For a count: days that were counted over.

    Returns
    -------
    values : ndarray (n,)
        Larger is better.
    draws : ndarray (draws, n)
    """
    sign = 1.0 if better == "higher" else -1.0
    if scale == "percent":
        values = np.log(after) - np.log(before)
        moved = deviations[1] - deviations[0]
    elif scale == "level":
        values = after - before
        moved = after * np.expm1(deviations[1]) - before * np.expm1(deviations[0])
    else:
        assert of is not None
        values = after - before
        slopes = [n * np.sin(2 * stabilised_share(x, n)) for x, n in zip((before, after), of, strict=True)]
        moved = slopes[1] * deviations[1] - slopes[0] * deviations[0]
    return sign * values, sign * (values + moved)
