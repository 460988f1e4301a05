"""Coverage of 95 percent intervals in simulated panels whose effects are known; prints a Markdown table.

    python benchmarks/interval_coverage.py        1,000 draws of every design, about 15 minutes
    python benchmarks/interval_coverage.py --draws 200 --only counts

Every estimator of a design sees the same draws. Intervals are taken as they come: default options,
the normal or t quantile of the method, simultaneous bands from 999 draws. Methods that take cohort
shares as known are held to the average with the shares of the draw, others to the population's.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "data-raw"))

import numpy as np
import pandas as pd

from builders.simulate import SimulatedPanel, Simulation
from evaluation import Design, Panel
from evaluation.estimators import (
    ExtendedTwoWayFixedEffects,
    GroupTime,
    Imputation,
    InteractionWeighted,
    PoissonFixedEffects,
    PoissonImputation,
    Stacked,
    TwoByTwo,
    TwoWayFixedEffects,
)
from evaluation.result import Result

SEED = 20160301
EVENT = 2  # the event time whose interval is counted for event studies
DIFFERING: dict[str, Any] = {"effect": (3.0, 1.0), "growth": (1.0, 0.0), "spread": 0.5}
GROWING: dict[str, Any] = {"effect": 1.0, "growth": 0.5}
SHOCKS: dict[str, Any] = {"cluster_noise": 0.7, "units": 400}
SELECTED: dict[str, Any] = {"selection": 1.0, "trend": 0.3, "units": 400}
COUNTS: dict[str, Any] = {"counts": True, "noise": 0.3}
SMALL: dict[str, Any] = {"units": 60, "periods": 20, "cohorts": ((8, 0.1), (11, 0.1), (14, 0.1)), **GROWING}


def _rare(mean: float) -> Simulation:
    return Simulation(effect=0.0, level=float(np.log(mean / 3.65)), **COUNTS)


def _noisy(units: int) -> Simulation:
    return Simulation(units=units, effect=0.7, counts=True, noise=0.8, level=float(np.log(3 / 4.8)))


DESIGNS = {
    "one date": Simulation(cohorts=((5, 0.4),), growth=0.5),
    "constant effect": Simulation(),
    "effects grow alike": Simulation(**GROWING),
    "effects differ between cohorts": Simulation(**DIFFERING),
    "trends differ by a covariate": Simulation(**SELECTED, **DIFFERING),
    "rows missing, constant effect": Simulation(missing=0.15),
    "rows missing, effects differ": Simulation(missing=0.15, **DIFFERING),
    "40 clusters, constant effect": Simulation(clusters=40, **SHOCKS),
    "40 clusters, effects grow alike": Simulation(clusters=40, **SHOCKS, **GROWING),
    "40 clusters, effects differ": Simulation(clusters=40, **SHOCKS, **DIFFERING),
    "100 clusters, effects differ": Simulation(clusters=100, **SHOCKS, **DIFFERING),
    "30 clusters, effects grow alike": Simulation(clusters=30, **{**SHOCKS, **GROWING, "units": 300}),
    "cohorts of about 6 units, effects grow alike": Simulation(**SMALL),
    "the same, rows missing": Simulation(missing=0.15, **SMALL),
    "counts, constant effect": Simulation(effect=0.3, **COUNTS),
    "counts, effects grow alike": Simulation(effect=0.2, growth=0.1, **COUNTS),
    "counts, effects differ": Simulation(effect=(0.4, 0.1), growth=(0.3, 0.0), **COUNTS),
    "counts, effects differ, 800 units": Simulation(
        units=800, effect=(0.4, 0.1), growth=(0.3, 0.0), **COUNTS
    ),
    # a mean of 3.65 at level 0, and of 4.8 with the stronger shocks
    **{f"rare counts, mean {mean}, no effect": _rare(mean) for mean in (0.1, 0.2, 0.5)},
    **{f"noisy counts, {units} units": _noisy(units) for units in (30, 60)},
}


@dataclass(frozen=True)
class Row:
    """An estimator in a design.

    ``shares`` says which average it is about, ``fails`` why it must not cover, ``why`` a property of the
    method that takes its coverage out of 93 to 97 percent, and ``expected`` where to. ``biased`` says that
    its mean is known to be off the truth.
    """

    label: str
    estimator: Any
    design: dict[str, Any] = field(default_factory=dict)
    shares: str = "sample"
    fails: str = ""
    why: str = ""
    expected: tuple[float, float] = (0.93, 0.97)
    biased: bool = False


NOT_YET = {"comparison": "not_yet_treated"}
CLUSTER = {"cluster": "cluster"}
STACK = {"window": (-3, 2)}
STATIC = Row("TwoWayFixedEffects", TwoWayFixedEffects())
EVENTS = Row("TwoWayFixedEffects, event study", TwoWayFixedEffects(event_study=True))
GROUP_TIME = Row("GroupTime, never treated", GroupTime(), shares="population")
GROUP_TIME_NOT_YET = Row("GroupTime, not yet treated", GroupTime(), NOT_YET, "population")
IMPUTATION = Row("Imputation", Imputation())
WEIGHTED = Row("InteractionWeighted", InteractionWeighted())
EXTENDED = Row("Extended, never treated", ExtendedTwoWayFixedEffects())
EXTENDED_NOT_YET = Row("Extended, not yet treated", ExtendedTwoWayFixedEffects(), NOT_YET)
STACKED = Row(
    "Stacked", Stacked(), STACK, why="what windows differ by is in its residuals", expected=(0.93, 1.0)
)
STACKED_OWN = Row('Stacked, residuals="cohort"', Stacked(residuals="cohort"), STACK)
STACKS = [STACKED, STACKED_OWN]
ALL = [GROUP_TIME, GROUP_TIME_NOT_YET, IMPUTATION, WEIGHTED, EXTENDED, EXTENDED_NOT_YET]
SMALL = "sandwich errors of few clusters are too small"
MIXED_UP = "treated cohorts serve as comparison"
COUNT = PoissonFixedEffects(exposure="exposure")
COUNT_EVENTS = PoissonFixedEffects(exposure="exposure", event_study=True)
COUNT_CELLS = ExtendedTwoWayFixedEffects(family="poisson", exposure="exposure")


def changed(row: Row, label: str = "", fails: str = "", **design: Any) -> Row:
    return replace(row, label=label or row.label, design={**row.design, **design}, fails=fails or row.fails)


def few(rows: list[Row]) -> list[Row]:
    """Rows whose single intervals take no account of how few units or clusters a cohort has."""
    return [replace(row, expected=(0.86, 0.97)) for row in rows]


def adjusted() -> list[Row]:
    """Rows for trends that differ by a covariate: the adjusted estimators, and two that are not."""
    rows = [
        Row(
            f"GroupTime {method}, {comparison.replace('_', ' ')}",
            GroupTime(method=method),
            {"covariates": ("z", "v"), "comparison": comparison},
            "population",
        )
        for method in ("dr", "ipw", "reg")
        for comparison in ("never_treated", "not_yet_treated")
    ]
    return [
        *rows,
        changed(IMPUTATION, "Imputation, z by period", covariates=("z_by_period",)),
        changed(WEIGHTED, "InteractionWeighted, z by period", covariates=("z_by_period",)),
        changed(EXTENDED, covariates=("z", "v")),
        changed(EXTENDED_NOT_YET, covariates=("z", "v")),
        changed(GROUP_TIME, "GroupTime without covariates", fails="trends are parallel only given z"),
    ]


ROWS: dict[str, list[Row]] = {
    "one date": [
        Row("TwoByTwo", TwoByTwo()),
        STATIC,
        EVENTS,
        GROUP_TIME,
        IMPUTATION,
        WEIGHTED,
    ],
    "constant effect": [STATIC, EVENTS, *ALL, *STACKS],
    "effects grow alike": [EVENTS, *STACKS, changed(STATIC, fails=MIXED_UP)],
    "effects differ between cohorts": [
        *ALL,
        *STACKS,
        changed(STACKED_OWN, 'Stacked, residuals="cohort", not yet treated', **NOT_YET),
        changed(STATIC, fails=MIXED_UP),
        changed(EVENTS, fails=MIXED_UP),
    ],
    "trends differ by a covariate": adjusted(),
    "rows missing, constant effect": [STATIC, EVENTS],
    "rows missing, effects differ": ALL,
    "40 clusters, constant effect": [changed(STATIC, **CLUSTER)],
    "40 clusters, effects grow alike": [changed(EVENTS, **CLUSTER)],
    "40 clusters, effects differ": [changed(row, **CLUSTER) for row in [*ALL, *STACKS]]
    + [changed(GROUP_TIME, "GroupTime, clustered by unit", fails="shocks are shared within clusters")],
    "100 clusters, effects differ": [changed(row, **CLUSTER) for row in [*ALL, *STACKS]],
    "30 clusters, effects grow alike": few([changed(row, **CLUSTER) for row in [EVENTS, *ALL]]),
    "cohorts of about 6 units, effects grow alike": few([EVENTS, *ALL]),
    "the same, rows missing": few([EVENTS, *ALL]),
    "counts, constant effect": [
        Row("PoissonFixedEffects", COUNT),
        Row("Extended Poisson, never treated", COUNT_CELLS),
        Row("Extended Poisson, not yet treated", COUNT_CELLS, NOT_YET),
    ],
    "counts, effects grow alike": [Row("PoissonFixedEffects, event study", COUNT_EVENTS)],
    "counts, effects differ": [
        Row(
            "Extended Poisson, never treated",
            COUNT_CELLS,
            why="large units weigh most, so fewer than 200 carry it",
            expected=(0.92, 0.97),
        ),
        Row("Extended Poisson, not yet treated", COUNT_CELLS, NOT_YET),
        Row("PoissonFixedEffects", COUNT, fails=MIXED_UP),
    ],
    "counts, effects differ, 800 units": [
        Row("Extended Poisson, never treated", COUNT_CELLS),
        Row("Extended Poisson, not yet treated", COUNT_CELLS, NOT_YET),
    ],
    **{
        name: [
            Row("PoissonImputation", PoissonImputation(exposure="exposure"), expected=(0.93, 0.98)),
            Row("PoissonFixedEffects", COUNT, expected=(0.92, 0.98)),
        ]
        for name in DESIGNS
        if name.startswith("rare counts")
    },
    **{
        name: [
            Row("PoissonImputation", PoissonImputation(exposure="exposure"), expected=(0.93, 0.98)),
            Row("PoissonFixedEffects", COUNT, why=SMALL, expected=(0.86, 0.95)),
            Row(
                "Extended Poisson, not yet treated",
                COUNT_CELLS,
                NOT_YET,
                why=f"{SMALL}, and a mean of logs is biased in small cells",
                expected=(0.80, 0.95),
                biased=True,
            ),
        ]
        for name in DESIGNS
        if name.startswith("noisy counts")
    },
}


@dataclass(frozen=True)
class Truth:
    """Averages of one draw by the two kinds of shares: over everything, and by event time."""

    simple: dict[str, float]
    by_event: dict[str, dict[int, float]]

    @classmethod
    def of(cls, drawn: SimulatedPanel) -> Truth:
        kinds = ("population", "sample")
        return cls(
            {kind: float(drawn.average(shares=kind).iloc[0]) for kind in kinds},
            {kind: drawn.average("event_time", shares=kind).to_dict() for kind in kinds},
        )


def measure(row: Row, truth: Truth, panel: Panel, seed: Any) -> tuple[float, ...]:
    """Truth, estimate, standard error, whether the interval covers, whether the band covers everything."""
    result = row.estimator.fit(panel, Design("y", "first_treated", **row.design))
    if result.shares is None and len(result) > 1:
        events = result
        one = result.combine(result.terms["event_time"] == EVENT, "effect at one event time")
        target = truth.by_event[row.shares][EVENT]
    else:
        events = None if result.shares is None else result.aggregate("event_time")
        one = result if result.shares is None else result.aggregate("simple")
        target = truth.simple[row.shares]
    low, high = one.conf_int()
    band = np.nan if events is None else _band(events, truth.by_event[row.shares], seed)
    return target, one.estimate, one.std_error, float(low <= target <= high), band


def _band(result: Result, truth: dict[int, float], seed: Any) -> float:
    critical = result.critical_values(seed=np.random.default_rng(seed))
    used = np.isfinite(critical)
    target = np.array([truth.get(int(e), 0.0) for e in result.terms["event_time"][used]])
    return float((np.abs(result.coef[used] - target) <= (critical * result.std_errors)[used]).all())


def coverage(draws: int, designs: Iterable[str] = tuple(DESIGNS), *, seed: int = SEED) -> pd.DataFrame:
    """One row an estimator and design.

    Columns ``design, estimator, truth, mean, mean_se, deviation`` (units of the outcome), ``covered`` and
    ``band`` (shares of draws, NaN where there is no band), ``fails``, ``why``, ``expected`` and ``biased``.
    """
    out = []
    for name in designs:
        place = list(DESIGNS).index(name)
        found = np.empty((draws, len(ROWS[name]), 5))
        for draw in range(draws):
            drawn = DESIGNS[name].draw(np.random.default_rng([seed, place, draw]))
            panel, truth_of = Panel(drawn.frame, unit="unit", time="period"), Truth.of(drawn)
            for j, row in enumerate(ROWS[name]):
                found[draw, j] = measure(row, truth_of, panel, [seed, place, draw, j])
        for j, row in enumerate(ROWS[name]):
            truth, estimate, error, covered, band = found[:, j].T
            out.append(
                {
                    "design": name,
                    "estimator": row.label,
                    "truth": truth.mean(),
                    "mean": estimate.mean(),
                    "mean_se": error.mean(),
                    # the target moves with the draw where shares are taken as known
                    "deviation": (estimate - truth).std(ddof=1),
                    "covered": covered.mean(),
                    "band": band.mean(),
                    "fails": row.fails,
                    "why": row.why,
                    "expected": row.expected,
                    "biased": row.biased,
                }
            )
    return pd.DataFrame(out)


def markdown(table: pd.DataFrame) -> str:
    """The table in Markdown; designs in which a method must fail are said to be such."""
    lines = [
        "| design | estimator | truth | mean estimate | mean s.e. / s.d. | interval, % | band, % |",
        "|---|---|---|---|---|---|---|",
    ]
    before = ""
    for row in table.itertuples():
        label = f"*{row.estimator}: {row.fails}*" if row.fails else row.estimator
        label += f" ({row.why})" if row.why else ""
        band = "" if np.isnan(row.band) else f"{100 * row.band:.1f}"
        lines.append(
            f"| {row.design if row.design != before else ''} | {label} | {row.truth:.3f} | {row.mean:.3f} | "
            f"{row.mean_se / row.deviation:.3f} | {100 * row.covered:.1f} | {band} |"
        )
        before = row.design
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", default="", help="designs whose name holds this text")
    options = parser.parse_args()
    designs = [name for name in DESIGNS if options.only in name]
    if not designs or options.draws < 2:
        parser.error(f"2 or more draws, and one of the designs: {', '.join(DESIGNS)}")
    start = time.perf_counter()
    for i, name in enumerate(designs):
        lines = markdown(coverage(options.draws, [name], seed=options.seed)).splitlines()
        print("\n".join(lines[2:] if i else lines), flush=True)
    error = 100 * np.sqrt(0.95 * 0.05 / options.draws)
    print(
        f"\n{options.draws} draws, seed {options.seed}; Monte Carlo error of 95 percent: {error:.1f} points."
    )
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
