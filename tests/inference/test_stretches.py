"""How far a month strays by chance: against white noise, seasons, and what it must not take for chance."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.errors import EstimationError
from evaluation.inference import (
    Season,
    improvements,
    moving_stretches,
    rank_sets,
    stabilised_share,
    stretch_autocorrelation,
)

PLACES = 17


def means(record: np.ndarray, length: int = 3) -> np.ndarray:
    total = np.vstack([np.zeros((1, record.shape[1])), np.cumsum(record, axis=0)])
    return (total[length:] - total[:-length]) / length


def draw(stretches: np.ndarray, draws: int = 4000, seed: int = 1, **options: object) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return moving_stretches(stretches, length=3, window=15, draws=draws, rng=rng, **options)


def test_white_noise_has_the_variance_of_a_mean() -> None:
    record = np.random.default_rng(0).standard_normal((3600, PLACES))
    assert draw(means(record)).std() == pytest.approx(np.sqrt((1 - 1 / PLACES) / 3), rel=0.04)


def test_levels_seasons_and_shared_weather_are_not_chance() -> None:
    rng = np.random.default_rng(2)
    record = rng.standard_normal((144, PLACES))
    moved = record + np.linspace(0, 9, PLACES) + 5 * rng.standard_normal((144, 1))
    assert np.allclose(draw(means(record)), draw(means(moved)))
    slow = means(record + np.linspace(0, 3, 144)[:, None] * np.linspace(-1, 1, PLACES))
    assert draw(slow).std() == pytest.approx(draw(means(record)).std(), rel=0.05)


def autoregressive(correlation: float, periods: int, rng: np.random.Generator) -> np.ndarray:
    """An autoregression of order one with variance 1 (periods, PLACES)."""
    out = rng.standard_normal((periods, PLACES))
    for t in range(1, periods):
        out[t] = correlation * out[t - 1] + np.sqrt(1 - correlation**2) * out[t]
    return out


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6, 0.8])
def test_autocorrelation_is_found_and_a_month_strays_as_far_as_it_does(correlation: float) -> None:
    record = means(autoregressive(correlation, 3600, np.random.default_rng(3)))
    serial = stretch_autocorrelation(record, length=3, window=15)
    assert serial.correlation == pytest.approx(correlation, abs=4 * serial.error)
    assert serial.error < 0.02
    assert serial.widened == (correlation > 0.25)
    # 3 + 4 r + 2 r^2 ninths is the variance of a mean of three
    variance = (3 + 4 * correlation + 2 * correlation**2) / 9 * (1 - 1 / PLACES)
    assert draw(record).std() == pytest.approx(np.sqrt(variance), rel=0.06)


def test_little_autocorrelation_changes_nothing() -> None:
    serial = stretch_autocorrelation(
        means(autoregressive(0.1, 900, np.random.default_rng(4))), length=3, window=15
    )
    assert (serial.factor, serial.together(3, 12)) == (1.0, 1.0)


def test_autocorrelated_months_stray_together() -> None:
    rng = np.random.default_rng(5)
    record = autoregressive(0.6, 36 * 300, rng)
    serial = stretch_autocorrelation(means(record), length=3, window=15)
    year, month = (record.reshape(-1, n, PLACES).mean(axis=1).var() for n in (36, 3))
    assert serial.together(3, 12) == pytest.approx(np.sqrt(12 * year / month), rel=0.05)


@pytest.mark.parametrize("correlation", [0.6, 0.8])
def test_tied_places_are_not_told_apart_however_smooth_their_record(correlation: float) -> None:
    """114 dekads of 17 places; with dekads taken as independent 72 % and 17 % of these held."""
    rng = np.random.default_rng(10)
    held = made = 0
    for _ in range(60):
        record = means(autoregressive(correlation, 114, rng))
        own = record[75] - record[39]
        try:
            drawn = [draw(record, 499, seed) for seed in rng.integers(2**31, size=2)]
        except EstimationError:
            continue
        made += 1
        held += rank_sets(own, own + drawn[1] - drawn[0]).distinguishable_pairs == 0
    assert made >= 35
    assert held >= 0.86 * made  # 95 % less three standard errors of 60


def test_a_record_that_is_too_alike_is_refused() -> None:
    record = means(autoregressive(0.97, 114, np.random.default_rng(11)))
    with pytest.raises(EstimationError, match=r"neighbouring periods correlate by 0\.9"):
        draw(record)


def test_strays_are_brought_to_the_season() -> None:
    rng = np.random.default_rng(4)
    record = rng.standard_normal((36 * 60, PLACES))
    place = np.arange(len(record)) % 36
    record[(place >= 9) & (place < 27)] *= 3
    stretches, starts = means(record), place[: len(record) - 2]
    quiet = draw(stretches, season=Season(starts, 36, 0, 3)).std()
    loud = draw(stretches, season=Season(starts, 36, 17, 3)).std()
    assert loud / quiet == pytest.approx(3, rel=0.1)
    # a year wide is no season at all
    assert np.allclose(draw(stretches), draw(stretches, season=Season(starts, 36, 0, 18)))


def test_any_statistic_of_a_stretch_will_do() -> None:
    record = np.random.default_rng(5).standard_normal((3000, PLACES))
    windows = np.lib.stride_tricks.sliding_window_view(record, 3, axis=0)
    largest = np.log(np.exp(windows).max(axis=-1))
    across = largest - largest.mean(axis=1, keepdims=True)
    assert draw(largest).std() == pytest.approx(across.std(), rel=0.08)


def test_a_stretch_with_a_gap_is_left_out() -> None:
    stretches = means(np.random.default_rng(6).standard_normal((144, PLACES)))
    stretches[40:44, 3] = np.nan
    assert np.isfinite(draw(stretches)).all()


def test_few_stretches_widen_the_tails() -> None:
    rng = np.random.default_rng(7)
    short = draw(means(rng.standard_normal((24, 400))), 20_000)
    long = draw(means(rng.standard_normal((2400, 400))), 20_000)

    def tail(drawn: np.ndarray) -> float:
        return float(np.quantile(np.abs(drawn), 0.999) / np.quantile(np.abs(drawn), 0.5))

    assert tail(short) > 1.2 * tail(long)


@pytest.mark.parametrize(
    ("rows", "window", "said"),
    [(10, 15, "too few"), (30, 14, "does not fit"), (30, 3, "does not fit"), (40, 45, "at least 45 periods")],
)
def test_wrong_input(rows: int, window: int, said: str) -> None:
    with pytest.raises(EstimationError, match=said):
        moving_stretches(np.ones((rows, 3)), length=3, window=window, draws=9, rng=np.random.default_rng(0))


def test_steady_share_is_anscombes_angle() -> None:
    assert stabilised_share(np.array(0.0), np.array(30.0)) == pytest.approx(np.arcsin(np.sqrt(0.375 / 30.75)))
    assert stabilised_share(np.array(15.0), np.array(30.0)) == pytest.approx(np.pi / 4)
    # the variance of a binomial angle is about 1 / (4 n) whatever the share
    rng = np.random.default_rng(8)
    for share in (0.1, 0.5, 0.9):
        angle = stabilised_share(rng.binomial(30, share, 20_000), np.full(20_000, 30.0))
        assert angle.var() * 4 * 30 == pytest.approx(1, rel=0.12)


def test_improvements_on_each_scale() -> None:
    before, after = np.array([10.0, 20.0]), np.array([5.0, 18.0])
    nothing = (np.zeros((2, 2)), np.zeros((2, 2)))
    percent, drawn = improvements(before, after, nothing, scale="percent", better="lower")
    assert percent == pytest.approx(np.log([2.0, 20 / 18]))
    assert np.array_equal(drawn, np.tile(percent, (2, 1)))
    level, _ = improvements(before, after, nothing, scale="level", better="lower")
    assert level.tolist() == [5.0, 2.0]
    days, _ = improvements(before, after, nothing, scale="count", better="higher", of=(before * 3, after * 9))
    assert days.tolist() == [-5.0, -2.0]
    # a stray of 1 % after moves a level by 1 % of what is there
    deviations = (np.zeros((1, 2)), np.full((1, 2), np.log(1.01)))
    _, moved = improvements(before, after, deviations, scale="level", better="lower")
    assert moved[0] == pytest.approx([5.0 - 0.05, 2.0 - 0.18])
    # a count of half its days moves by n e
    of = (np.full(2, 30.0), np.full(2, 30.0))
    half = np.full(2, 15.0)
    _, counted = improvements(
        half, half, (np.zeros((1, 2)), np.full((1, 2), 0.1)), scale="count", better="higher", of=of
    )
    assert counted[0] == pytest.approx([3.0, 3.0])
