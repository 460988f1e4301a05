"""How often synthetic difference-in-differences rejects no effect by its placebos; prints a Markdown table.

    python benchmarks/placebo_size.py               1,000 panels a design, about two minutes
    python benchmarks/placebo_size.py --runs 200

Panels of 24 periods, treated from the 17th: unit and period effects, one factor with loadings, and an
autoregression of order one (.7) whose standard deviation varies by unit (lognormal, .4) where it is said to.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.signal import lfilter

from evaluation import Design, Panel
from evaluation.estimators import SyntheticDiD

PERIODS, BEFORE, MEMORY = 24, 16, 0.7
DESIGN = Design("y", "first")


@dataclass(frozen=True)
class World:
    """Units, how many are treated, spread of the logarithm of their noise, and which are treated."""

    units: int
    treated: int
    spread: float = 0.0
    who: str = "any"


WORLDS = (
    World(17, 1),
    World(17, 1, 0.4),
    World(17, 1, 0.4, "noisiest"),
    World(50, 1, 0.4),
    World(50, 1, 0.4, "noisiest"),
    World(50, 1, 0.4, "quietest"),
    World(12, 2),
    World(12, 3, 0.4),
    World(30, 3),
)


def draw(world: World, rng: np.random.Generator) -> Panel:
    """A panel without an effect."""
    n = world.units
    size = np.exp(rng.normal(0, world.spread, n))
    order = {"noisiest": np.argsort(-size), "quietest": np.argsort(size)}.get(world.who, rng.permutation(n))
    shocks = rng.standard_normal((n, PERIODS + 50))
    noise = lfilter([np.sqrt(1 - MEMORY**2)], [1, -MEMORY], shocks, axis=1)[:, 50:]
    factor = np.cumsum(rng.normal(0, 0.2, PERIODS))
    y = rng.normal(size=(n, 1)) + rng.normal(size=(n, 1)) * factor + size[:, None] * noise
    unit = np.repeat(np.arange(n), PERIODS)
    first = np.where(np.isin(unit, order[: world.treated]), float(BEFORE), np.nan)
    time = np.tile(np.arange(PERIODS), n)
    frame = pd.DataFrame({"unit": unit, "time": time, "first": first, "y": y.ravel()})
    return Panel(frame, unit="unit", time="time")


def row(world: World, runs: int) -> str:
    """Rejections at 5 % and at 1/17, by a normal law and as the result has it, and what its note says."""
    rng = np.random.default_rng([1, world.units, world.treated, len(world.who), round(10 * world.spread)])
    normal, ours, said = [], [], {"noisier": 0, "quieter": 0}
    for _ in range(runs):
        result = SyntheticDiD(seed=1).fit(draw(world, rng), DESIGN)
        normal.append(2 * stats.norm.sf(abs(result.estimate) / result.std_error))
        ours.append(result.p_value)
        for word in said:
            said[word] += any(f"{word} than donors" in note for note in result.notes)
    sizes = [100 * np.mean(np.array(p) <= level + 1e-9) for p in (normal, ours) for level in (0.05, 1 / 17)]
    cells = " | ".join(f"{size:.1f}" for size in (sizes[0], sizes[2], sizes[1], sizes[3]))
    words = " | ".join(f"{100 * count / runs:.0f}" for count in said.values())
    who = world.who if world.who == "any" else f"the {world.who}"
    noise = f", noise by unit, {who} treated" if world.spread else ""
    return f"| {world.units}/{world.treated}{noise} | {cells} | {words} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    print(
        "| units/treated | normal, 5 % | placebos, 5 % | normal, 1/17 | placebos, 1/17 | noisier | quieter |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for world in WORLDS:
        print(row(world, runs), flush=True)


if __name__ == "__main__":
    main()
