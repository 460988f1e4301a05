"""How often all rank sets of the bulletin hold their true ranks; prints a Markdown table.

    python benchmarks/rank_sets.py                       500 bulletins of every design, about ten minutes
    python benchmarks/rank_sets.py --runs 100 --only "all alike"
    python benchmarks/rank_sets.py --autocorrelation     17 tied places by that of their dekads, two minutes

Days of six pollutants in 17 cities are drawn with what `data/air_quality/shandong_dekads.csv` shows: each
city's and season's own level, the size of chance by city, pollutant and season, and what cities and
pollutants share. Days remember the day before. In the month of the bulletin every city's air is cleaner by a
known share than in the same month of the year before, from which all else equal its levels are taken. Each
bulletin is made as `evaluation.analysis` makes it: stretches of three dekads, their percentiles and counts of
good days, rank sets from 999 resamples.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "data-raw"))

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from builders.aqi import POLLUTANTS, SINGLE_INDICES
from evaluation.errors import EstimationError
from evaluation.inference import (
    Season,
    improvements,
    moving_stretches,
    rank_sets,
    stabilised_share,
    stretch_autocorrelation,
)

TABLE = Path(__file__).resolve().parents[1] / "data" / "air_quality" / "shandong_dekads.csv"
SEED = 20170131
DAYS, PARTS, WINDOW, REACH = 10, 3, 15, 3
GOOD = {"pm25": 75.0, "pm10": 150.0, "so2": 150.0, "co": 4.0, "no2": 80.0, "o3": 200.0}
MEASURES = (
    ("composite", "percent"),
    ("composite", "level"),
    ("pm10", "percent"),
    ("pm10", "level"),
    ("so2", "percent"),
    ("good_days", "count"),
)


@dataclass(frozen=True)
class Truth:
    """How the cities' true improvements differ: standard deviation in log points; memory from day to day."""

    spread: float
    memory: float


DESIGNS = {
    "all alike": Truth(0.0, 0.5),
    "all alike, long memory": Truth(0.0, 0.8),
    "as different as chance": Truth(0.12, 0.5),
    "as different as chance, long memory": Truth(0.12, 0.8),
    "far apart": Truth(0.4, 0.5),
}


@dataclass(frozen=True, eq=False)
class World:
    """What the draws take from the table."""

    level: np.ndarray  # (dekads, 17 * 6), logarithms
    strays: np.ndarray  # (dekads, 17 * 6), of a dekad from its surroundings
    season: np.ndarray  # (36, 6), size of chance by time of year
    place: np.ndarray  # (dekads,)


def world() -> World:
    """Levels and chance as in the committed table."""
    frame = pd.read_csv(TABLE)
    frame["at"] = pd.factorize(frame["month"], sort=True)[0] * PARTS + frame["dekad"] - 1
    place = (np.arange(frame["at"].nunique()) + 11 * PARTS) % 36  # the record begins in December
    levels, strays, seasons = [], [], []
    for name in POLLUTANTS:
        log = np.log(frame.pivot(index="at", columns="city", values=name).sort_index(axis=1))
        level = log.rolling(WINDOW, center=True, min_periods=1).mean()
        stray = (log - level).to_numpy() * np.sqrt(WINDOW / (WINDOW - 1))
        apart = np.abs(place[:, None] - np.arange(36)[None, :])
        near = np.minimum(apart, 36 - apart) <= REACH
        size = np.sqrt(np.array([(stray[near[:, k]] ** 2).mean() for k in range(36)]))
        seasons.append(size / np.sqrt((size**2).mean()))
        levels.append(level.to_numpy())
        strays.append(stray / seasons[-1][place][:, None])
    return World(np.hstack(levels), np.hstack(strays), np.array(seasons).T, place)


def draw_days(found: World, memory: float, rng: np.random.Generator) -> np.ndarray:
    """Days of chance (days, 17 * 6): covariance of dekads as in the table, first-order memory."""
    count, burn = DAYS * len(found.place), 60
    shared = rng.standard_normal((count + burn, len(found.strays))) @ found.strays
    apart = np.abs(np.subtract.outer(np.arange(DAYS), np.arange(DAYS)))
    scale = np.sqrt((memory**apart).mean() * len(found.strays))
    days = lfilter([np.sqrt(1 - memory**2)], [1, -memory], shared, axis=0)[burn:] / scale
    season = np.repeat(found.season[found.place], DAYS, axis=0)
    return days * np.repeat(season, days.shape[1] // len(POLLUTANTS), axis=1)


def stretches(days: np.ndarray, measure: str) -> tuple[np.ndarray, np.ndarray]:
    """Figure of every three dekads (stretches, 17) and the same on the scale of chance."""
    pollutant = dict(zip(POLLUTANTS, np.split(days, len(POLLUTANTS), axis=1), strict=True))
    windows = {
        name: np.lib.stride_tricks.sliding_window_view(values, DAYS * PARTS, axis=0)[::DAYS]
        for name, values in pollutant.items()
    }
    if measure == "good_days":
        good = np.all([windows[name] <= limit for name, limit in GOOD.items()], axis=0).sum(axis=-1)
        return good.astype(float), stabilised_share(good, np.full(good.shape, DAYS * PARTS))
    if measure != "composite":
        value = windows[measure].mean(axis=-1)
        return value, np.log(value)
    parts = [
        (w.mean(axis=-1) if one.percentile is None else np.quantile(w, one.percentile, axis=-1)) / one.limit
        for name, one in SINGLE_INDICES.items()
        for w in [windows[name]]
    ]
    value = np.sum(parts, axis=0)
    return value, np.log(value)


def bulletin(found: World, truth: Truth, rng: np.random.Generator) -> list[tuple[str, str, bool, int, int]]:
    """One simulated bulletin: for each measure whether all ranks are held, and what is told."""
    n = found.level.shape[1] // len(POLLUTANTS)
    gain = rng.normal(0.1, truth.spread, n) if truth.spread else np.full(n, 0.1)
    month = int(rng.integers(12, len(found.place) // PARTS))
    ago, at = (month - 12) * PARTS, month * PARTS
    level = found.level.copy()
    usual = level[ago : ago + PARTS].mean(axis=0)
    level[ago : ago + PARTS] = usual
    level[at : at + PARTS] = usual - np.tile(gain, len(POLLUTANTS))
    level = np.repeat(level, DAYS, axis=0)
    chance = draw_days(found, truth.memory, rng)
    days = np.exp(level + chance)
    rows = []
    for measure, scale in MEASURES:
        values, steady = stretches(days, measure)
        season = Season(found.place[: len(values)], 36, int(found.place[at]), REACH)
        deviations = [
            moving_stretches(steady, length=PARTS, window=WINDOW, draws=999, rng=rng, season=season)
            for _ in range(2)
        ]
        of = np.full(n, float(DAYS * PARTS))
        own, drawn = improvements(
            values[ago],
            values[at],
            (deviations[0], deviations[1]),
            scale=scale,
            better="higher" if scale == "count" else "lower",
            of=(of, of),
        )
        sets = rank_sets(own, drawn)
        true = true_gain(found, gain, usual, measure, scale, at, truth.memory, rng)
        true = np.round(true, 9)
        # every statement of an order is true: then every set holds its true rank, or ranks that are shared
        held = not sets.above[true[:, None] <= true[None, :]].any()
        rows.append((measure, scale, held, int((sets.low == 1).sum()), sets.distinguishable_pairs))
    return rows


def true_gain(
    found: World,
    gain: np.ndarray,
    usual: np.ndarray,
    measure: str,
    scale: str,
    at: int,
    memory: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Expected improvement of each city, without this month's chance."""
    if scale == "percent":
        return gain
    # a long stretch at one time of year: its mean is what a month would be without chance
    still = World(found.level, found.strays, np.tile(found.season[found.place[at]], (36, 1)), found.place)
    chance = draw_days(still, memory, np.random.default_rng(SEED))
    before = stretches(np.exp(usual + chance), measure)[0].mean(axis=0)
    if measure != "good_days":
        return before * (1 - np.exp(-gain))
    lower = np.tile(gain, len(POLLUTANTS))
    return stretches(np.exp(usual - lower + chance), measure)[0].mean(axis=0) - before


def coverage(runs: int, only: Iterable[str] = ()) -> pd.DataFrame:
    """A row a design and measure: share of bulletins whose sets hold all true ranks, and what they tell."""
    found = world()
    parts = []
    for name, truth in DESIGNS.items():
        if only and name not in only:
            continue
        rng = np.random.default_rng([SEED, list(DESIGNS).index(name)])
        rows = [row for _ in range(runs) for row in bulletin(found, truth, rng)]
        frame = pd.DataFrame(rows, columns=["measure", "scale", "held", "first", "told"])
        means = frame.groupby(["measure", "scale"], sort=False).mean().reset_index()
        parts.append(means.assign(design=name))
    return pd.concat(parts, ignore_index=True)


MEMORIES = ((0.0, 0), (0.15, 0), (0.25, 0), (0.3, 0), (0.3, 3), (0.6, 0), (0.6, 3), (0.8, 0), (0.9, 0))


def tied_places(correlation: float, tails: int, runs: int, places: int = 17, dekads: int = 114) -> str:
    """A row: how often the sets of tied places hold, whose dekads are an autoregression of order one.

    Parameters
    ----------
    correlation : float
        Of neighbouring dekads.
    tails : int
        Degrees of freedom of Student innovations; 0: normal.
    """
    rng = np.random.default_rng([SEED, round(100 * correlation), tails])
    count, start = dekads - PARTS + 1, np.arange(dekads - PARTS + 1) % 36
    found, widened, refused, held = [], 0, 0, 0
    for _ in range(runs):
        shape = (dekads + 60, places)
        shocks = rng.standard_t(tails, shape) if tails else rng.standard_normal(shape)
        series = lfilter([1.0], [1.0, -correlation], shocks, axis=0)[60:]
        record = sum(series[k : k + count] for k in range(PARTS)) / PARTS
        at = PARTS * int(rng.integers(12, dekads // PARTS))
        own = record[at] - record[at - 36]
        options = {"length": PARTS, "window": WINDOW, "season": Season(start, 36, at % 36, REACH)}
        serial = stretch_autocorrelation(record, **options)
        found.append(serial.correlation)
        widened += serial.widened
        try:
            drawn = [moving_stretches(record, draws=999, rng=rng, **options) for _ in range(2)]
        except EstimationError:
            refused += 1
            continue
        held += rank_sets(own, own + drawn[1] - drawn[0]).distinguishable_pairs == 0
    made = runs - refused
    shares = " | ".join(f"{100 * share / runs:.0f}" for share in (widened, refused, made - held))
    words = f"{correlation}, t{tails}" if tails else f"{correlation}"
    kept = f"{100 * held / made:.1f}" if made else "none"
    return f"| {words} | {np.mean(found):.2f} ({np.std(found):.2f}) | {kept} | {shares} |"


def markdown(table: pd.DataFrame) -> str:
    """The table as in METHODS.md."""
    lines = [
        "| true improvements | measure | all held, % | may be first, of 17 | told apart, of 136 pairs |",
        "|---|---|---:|---:|---:|",
    ]
    last = ""
    for row in table.itertuples():
        name = row.design if row.design != last else ""
        last = row.design
        lines.append(
            f"| {name} | {row.measure}, {row.scale} "
            f"| {100 * row.held:.1f} | {row.first:.1f} | {row.told:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run the designs and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--only", action="append", default=[], choices=list(DESIGNS))
    parser.add_argument("--autocorrelation", action="store_true")
    chosen = parser.parse_args()
    begin = time.perf_counter()
    if chosen.autocorrelation:
        print(
            "| correlation | found (sd) | held, % of those made | widened, % | refused, % | false order, % |"
        )
        print("|---|---:|---:|---:|---:|---:|")
        for correlation, tails in MEMORIES:
            print(tied_places(correlation, tails, chosen.runs), flush=True)
        return
    print(markdown(coverage(chosen.runs, chosen.only)))
    print(f"\n{chosen.runs} bulletins a design, {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main()
