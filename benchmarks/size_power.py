"""Size and power of every inference for one treated city, by simulation from the air data's own errors;
and of what `recommend` puts first, over designs with few treated.

    python benchmarks/size_power.py                     # prints the tables of the air, about a minute
    python benchmarks/size_power.py --write             # and writes benchmarks/RESULTS-size-power.md
    python benchmarks/size_power.py --part recommended --write    # benchmarks/RESULTS-recommended.md and
                                                        # src/evaluation/inference/measured.toml

Errors are ``u_it = s_i (sqrt(1 - c) a_it + sqrt(c) m_i,month)``: a is a stationary first-order
autoregression, m a season of the city's own, s_i the city's standard deviation, all taken from the
two-way residuals of monthly good-air days in data/air_quality/city_month.csv. What a method computes
from thousands of panels at once is `evaluation.inference._power`, as in `recommend`; ``check`` holds it to
the package's own functions, panel by panel.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from evaluation.inference import _power

ROOT = Path(__file__).resolve().parent.parent
SHANDONG = [
    *("济南", "青岛", "淄博", "枣庄", "东营", "烟台", "潍坊", "济宁", "泰安"),
    *("威海", "日照", "莱芜", "临沂", "德州", "聊城", "滨州", "菏泽"),
]
LEVEL = 0.05
EFFECTS = (0.5, 1.0, 1.5, 2.0, 3.0)
Array = np.ndarray
Method = Callable[[_power.Panels], Array]


@dataclass(frozen=True)
class World:
    """What errors look like, and when treatment starts."""

    name: str
    deviations: Array  # (N,)
    autocorrelation: float
    season: float
    n_periods: int
    n_before: int

    @property
    def unit_of_effect(self) -> float:
        """Residual standard deviation over all cities."""
        return float(np.sqrt(np.mean(self.deviations**2)))

    def errors(self, panels: int, rng: np.random.Generator) -> Array:
        n, t = len(self.deviations), self.n_periods
        shocks = rng.standard_normal((panels, n, t))
        a = np.empty_like(shocks)
        a[:, :, 0] = shocks[:, :, 0]
        keep = np.sqrt(1 - self.autocorrelation**2)
        for k in range(1, t):
            a[:, :, k] = self.autocorrelation * a[:, :, k - 1] + keep * shocks[:, :, k]
        m = rng.standard_normal((panels, n, 12))[:, :, np.arange(t) % 12]
        return self.deviations[:, None] * (np.sqrt(1 - self.season) * a + np.sqrt(self.season) * m)


def calibrate(cities: list[str] | None, start: str, end: str, treated_from: str, name: str) -> World:
    """Moments of the two-way residuals of cities with a complete record."""
    table = pd.read_csv(ROOT / "data/air_quality/city_month.csv")
    table = table[(table["month"] >= start) & (table["month"] <= end)]
    if cities is not None:
        table = table[table["city"].isin(cities)]
    wide = table.pivot(index="city", columns="month", values="good_days").dropna()
    y = wide.to_numpy(dtype=float)
    u = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
    u = u / u.std(axis=1, keepdims=True)
    one, twelve = (float((u[:, k:] * u[:, :-k]).mean()) for k in (1, 12))
    # lag 1 is (1 - c) r + c times what a season's months share (nothing); lag 12 is c + (1 - c) r**12
    season = max(twelve, 0.0)
    return World(
        name=name,
        deviations=(y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()).std(axis=1, ddof=1),
        autocorrelation=one / (1 - season),
        season=season,
        n_periods=y.shape[1],
        n_before=int((wide.columns < treated_from).sum()),
    )


METHODS: dict[str, tuple[Method, str]] = {
    "clustered t (CR1)": (_power.clustered_t, "0"),
    "wild cluster bootstrap, unrestricted": (partial(_power.wild, restricted=False), "2^-16"),
    "wild cluster bootstrap, restricted": (_power.wild, "2^-16"),
    "subcluster wild bootstrap, signs by month": (_power.subcluster, "1/400"),
    "placebo in space": (_power.randomization, "1/N"),
    "Conley-Taber": (_power.conley_taber, "1/N"),
    "Ferman-Pinto, variances from before": (_power.ferman_pinto, "1/N"),
    "placebo in time, cyclic shifts": (_power.in_time, "1/T"),
}
SUBCLUSTER = "subcluster wild bootstrap, signs by month"
SKIP_WIDE = {SUBCLUSTER}
DRAWN = {SUBCLUSTER: 399}
"""Vectors of signs where they are not 999."""


def rejections(
    world: World, name: str, treated: str, effect: float, panels: int, seed: int, level: float
) -> float:
    """Share of panels in which a method rejects a zero effect."""
    method, ways = METHODS[name][0], DRAWN.get(name, 999)
    rng = np.random.default_rng(seed)
    order = np.argsort(world.deviations)
    n, count = len(order), 0
    step = max(1, 4_000_000 // (n * world.n_periods))
    after = (np.arange(world.n_periods) >= world.n_before).astype(float)
    for start in range(0, panels, step):
        size = min(step, panels - start)
        y = world.errors(size, rng)
        if treated == "any":
            first = rng.integers(0, n, size=size)
        else:
            first = np.full(size, order[0] if treated == "quietest" else order[-1])
        rows = np.arange(size)
        y[rows, first], y[rows, 0] = y[rows, 0].copy(), y[rows, first].copy()
        y[:, 0] += effect * world.unit_of_effect * after
        count += int((method(_power.Panels(y, 1, world.n_before, rng, ways)) <= level + 1e-12).sum())
    return count / panels


def check(world: World, panels: int = 3, seed: int = 3) -> float:
    """Largest gap between the p-values here and those of the package, on a few panels."""
    from evaluation import Design, Panel
    from evaluation.estimators import TwoWayFixedEffects
    from evaluation.inference import (
        conley_taber as package_conley_taber,
    )
    from evaluation.inference import (
        ferman_pinto as package_ferman_pinto,
    )
    from evaluation.inference import randomization_in_time, randomization_test, wild_cluster_bootstrap

    rng = np.random.default_rng(seed)
    y = world.errors(panels, rng)
    y[:, 0] += 0.3 * world.unit_of_effect * (np.arange(world.n_periods) >= world.n_before)
    draw = _power.Panels(y, 1, world.n_before, rng, 399)
    estimator, design = TwoWayFixedEffects(), Design("y", "first")
    n, t = y.shape[1:]
    worst = 0.0
    ours = {name: method(draw) for name, (method, _) in METHODS.items() if n < 50 or name not in SKIP_WIDE}
    for r in range(panels):
        frame = pd.DataFrame(
            {"unit": np.repeat(np.arange(n), t), "time": np.tile(np.arange(t), n), "y": y[r].ravel()}
        )
        frame["first"] = np.where(frame["unit"] == 0, float(world.n_before), np.nan)
        panel = Panel(frame, unit="unit", time="time")
        exact = {
            "clustered t (CR1)": estimator.fit(panel, design).p_value,
            "placebo in space": randomization_test(estimator, panel, design).p_value,
            "Conley-Taber": package_conley_taber(estimator, panel, design).p_value,
            "Ferman-Pinto, variances from before": package_ferman_pinto(
                estimator, panel, design, variance="before"
            ).p_value,
            "placebo in time, cyclic shifts": randomization_in_time(estimator, panel, design).p_value,
        }
        worst = max(worst, *(abs(ours[name][r] - p) for name, p in exact.items()))
        if n > 50:
            continue
        for name, options in {
            "wild cluster bootstrap, unrestricted": {"impose_null": False},
            "wild cluster bootstrap, restricted": {},
            "subcluster wild bootstrap, signs by month": {"subcluster": "row", "seed": 1, "draws": 1_999},
        }.items():
            p = wild_cluster_bootstrap(estimator, panel, design, **options).p_value
            # drawn signs here: within four standard errors
            if abs(ours[name][r] - p) > 4 * np.sqrt(p * (1 - p) / 399) + 0.005:
                raise SystemExit(f"{name}: {ours[name][r]:.4f} here, {p:.4f} in the package")
    if worst > 1e-9:
        raise SystemExit(f"p-values here differ from the package's by {worst:.2g}")
    return worst


def table(world: World, panels: int, seed: int) -> list[str]:
    """Rows of a Markdown table."""
    n = len(world.deviations)
    head = ["method", "smallest p", "any city", "quietest", "noisiest", *(f"{e:g}" for e in EFFECTS)]
    lines = ["| " + " | ".join(head) + " |", "|---|---|" + "---:|" * (3 + len(EFFECTS))]
    for name, (_, smallest) in METHODS.items():
        if n > 50 and name in SKIP_WIDE:
            continue
        levels = [LEVEL]
        floor = {"1/N": 1 / n, "1/T": 1 / world.n_periods}.get(smallest, 0.0)
        if floor > LEVEL:
            levels.append(floor)
        for level in levels:
            cells = [
                rejections(world, name, who, 0.0, panels, seed, level)
                for who in ("any", "quietest", "noisiest")
            ]
            cells += [rejections(world, name, "any", effect, panels, seed + 1, level) for effect in EFFECTS]
            shown = f"{name}, at {level:.1%}" if level != LEVEL else name
            least = f"{floor:.3f}" if floor else smallest
            lines.append(f"| {shown} | {least} | " + " | ".join(f"{100 * c:.1f}" for c in cells) + " |")
    return lines


def report(panels: int, seed: int) -> str:
    worlds = [
        calibrate(SHANDONG, "2013-12", "2017-01", "2015-01", "17 cities of Shandong"),
        calibrate(None, "2014-01", "2016-12", "2015-01", "188 cities nationwide"),
    ]
    parts = []
    for world in worlds:
        gap = check(world)
        # the wide world is ten times as large
        count = panels if len(world.deviations) < 50 else panels // 2
        low, high = world.deviations.min(), world.deviations.max()
        parts.append(
            f"**{world.name}**, {world.n_periods} months, {world.n_before} before treatment, one treated. "
            f"Lag-1 autocorrelation of the error's moving part {world.autocorrelation:.2f}, season's share "
            f"{world.season:.2f}, standard deviations {low:.1f} to {high:.1f} days (root mean square "
            f"{world.unit_of_effect:.2f}). Percent of panels rejected at 5 %; {count:,} panels a cell.\n\n"
            + "\n".join(table(world, count, seed))
            + f"\n\nLargest gap to the package's own p-values where both are exact: {gap:.1e}."
        )
    return "\n\n".join(parts)


def cells(draws: int, seed: int) -> dict[str, dict[str, float]]:
    """Percent rejected by methods that are mostly ruled out: what the texts of `recommend` quote."""
    import _recommended as designs

    wanted = {
        "wild_one": ("50/1, any", "wild_restricted", (0, 2)),
        "wild_two": ("50/2, any", "wild_restricted", (0, 2)),
        "wild_three": ("30/3, any", "wild_restricted", (0, 1, 2, 3)),
        "wild_three_noisy": ("30/3, noisiest", "wild_restricted", (0,)),
        "unrestricted_one": ("50/1, any", "wild_unrestricted", (0,)),
        "unrestricted_three": ("30/3, any", "wild_unrestricted", (0,)),
        "clustered_one": ("50/1, any", "clustered_t", (0,)),
        "clustered_three": ("30/3, any", "clustered_t", (0,)),
        "clusters_together": ("30/3, neighbours with shared shocks", "ibragimov_muller", (0,)),
    }
    out: dict[str, dict[str, float]] = {}
    for name, (place, method, effects) in wanted.items():
        shares = designs.rejects(designs.NAMED[place], method, effects, draws, seed)
        out[name] = {
            f"power_{effect}" if effect else "size": round(100 * share, 1)
            for effect, share in zip(effects, shares, strict=True)
        }
    return out


def recommended(draws: int, seed: int) -> str:
    """The table of designs."""
    import _recommended as designs

    head = "| design | rejects | where one is recommended | first, percent of panels (of these rejects) |"
    # where persistence differs the answer is closest to the limit: three times the panels
    rows = [
        designs.row(place, designs.play(place, draws if place.own == place.others else 3 * draws, seed))
        for place in designs.PLACES
    ]
    return "\n".join([head, "|---|---:|---:|---|", *rows])


def write_measured(measured: dict[str, dict[str, float]], draws: int, seed: int) -> None:
    """What the texts of `recommend` read."""
    lines = [
        "# Percent of panels rejected at 5 %, in designs of benchmarks/_recommended.py; power_1, 2, 3 at",
        f"# effects of so many standard deviations of the treated. {draws} panels a cell, seed {seed}.",
        "# Made by `python benchmarks/size_power.py --part recommended --write`; the texts read it.",
        "",
        "[cell]",
    ]
    for name, cell in measured.items():
        lines.append(f"{name} = {{ " + ", ".join(f"{k} = {v}" for k, v in cell.items()) + " }")
    path = ROOT / "src" / "evaluation" / "inference" / "measured.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("air", "recommended"), default="air")
    parser.add_argument("--panels", type=int, default=2_000, help="panels a cell")
    parser.add_argument("--draws", type=int, default=200, help="panels a design of the recommendation")
    parser.add_argument("--seed", type=int, default=20_170_725)
    parser.add_argument("--write", action="store_true", help="write the tables")
    options = parser.parse_args()
    begun = time.perf_counter()
    if options.part == "air":
        text, name = report(options.panels, options.seed), "RESULTS-size-power.md"
        head = (
            "# Size and power with one treated city\n\n"
            "Made by `python benchmarks/size_power.py --write`. Columns: size when any city may be the "
            "treated one, when it is the quietest or the noisiest; power when any city is treated, for "
            "effects of so many residual standard deviations. CR2, CR3 and Ibragimov-Müller do not exist "
            "for one treated city.\n\n"
        )
    else:
        if options.write:
            write_measured(cells(options.panels, options.seed), options.panels, options.seed)
        text, name = recommended(options.draws, options.seed), "RESULTS-recommended.md"
        head = (
            "# Size of what is recommended\n\n"
            "Made by `python benchmarks/size_power.py --part recommended --write`. Errors with persistence "
            ".7 (unless said), t innovations of 3 degrees of freedom, a season of the place's own (a fifth "
            "of the variance), standard deviations from .4 to 2.2; 24 periods, 12 before, unless said "
            'in `benchmarks/_recommended.py`. "17/1": 17 places, one treated. Percent of '
            f"{options.draws} panels (unlike persistence: {3 * options.draws}) without an effect that the "
            "method recommended first rejects at 5 % "
            "(Monte Carlo error), then of those in which one is recommended.\n\n"
        )
    print(text)
    print(f"\n{time.perf_counter() - begun:.0f} seconds, {time.process_time():.0f} of processor time")
    if options.write:
        (ROOT / "benchmarks" / name).write_text(head + text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
