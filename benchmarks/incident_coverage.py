"""How often intervals hold the true effect in simulated incidents with one of eight districts treated.

The table of METHODS.md. Each draw is counted within the longest delay, as the importer would count it.
Effects are in log points; logarithms are of counts plus a half. Rows in italics do not hold, though a
wide interval may cover all the same; a row without an interval says why.

    python benchmarks/incident_coverage.py                # 200 draws of each design, about 3 minutes
    python benchmarks/incident_coverage.py --draws 20
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "data-raw"))

import numpy as np
import pandas as pd

from builders.crime_simulated import read_simulation
from builders.simulate_incidents import IncidentSimulation
from evaluation import Design, Panel
from evaluation.estimators import (
    GroupTime,
    Imputation,
    PoissonFixedEffects,
    SyntheticControl,
    SyntheticDiD,
    TwoWayFixedEffects,
)
from evaluation.inference import (
    conformal_intervals,
    conley_taber,
    randomization_in_time,
    randomization_test,
    wild_cluster_bootstrap,
)

SEED = 20170725
DRAWS = 200
WITHIN = 30
SETTINGS = Path(__file__).resolve().parents[1] / "data" / "crime" / "zhangdian_simulation.toml"
BASE = read_simulation(SETTINGS)[1]
INDEPENDENT = "all cases, months independent"
RARE = "robbery, months independent"
TOGETHER = "all cases, months hang together (0.4)"
DESIGNS: dict[str, tuple[IncidentSimulation, str]] = {
    INDEPENDENT: (BASE, "all"),
    RARE: (BASE, "robbery"),
    TOGETHER: (replace(BASE, correlation=0.4), "all"),
}
Ends = tuple[float, float, float]


@dataclass(frozen=True)
class Row:
    """A method with its inference.

    ``fails`` says why it does not cover 90 to 99 percent; ``level`` is nominal, in percent; ``none`` says
    why there is no interval at all.
    """

    label: str
    ask: Callable[[pd.DataFrame], Ends]
    fails: str = ""
    level: float = 95.0
    none: str = ""
    neighbour: bool = False


def design_of(frame: pd.DataFrame, column: str) -> tuple[Panel, Design]:
    """Panel and design of a column."""
    return Panel(frame, unit="unit", time="month", frequency="M"), Design(column, "first_treated")


def by_log(test: Callable[[Panel, Design], Any], level: float = 0.95) -> Callable[[pd.DataFrame], Ends]:
    """A test of the two-way estimate of logarithms, inverted."""

    def run(frame: pd.DataFrame) -> Ends:
        found = test(*design_of(frame, "log"))
        low, high, _ = found.interval(level)
        return found.estimate, low, high

    return run


def by_result(
    estimator: Any, column: str = "log", *, aggregate: bool = False
) -> Callable[[pd.DataFrame], Ends]:
    """An estimator's own interval."""

    def run(frame: pd.DataFrame) -> Ends:
        result = estimator.fit(*design_of(frame, column))
        result = result.aggregate("simple") if aggregate else result
        low, high = result.conf_int(0.95)
        return result.estimate, low, high

    return run


def conformal(estimator: Any) -> Callable[[pd.DataFrame], Ends]:
    """Constant effects that the moving-block test does not reject."""

    def run(frame: pd.DataFrame) -> Ends:
        panel, design = design_of(frame, "log")
        row = conformal_intervals(estimator, panel, design, level=0.95, by="constant").iloc[0]
        return float(row["estimate"]), float(row["ci_low"]), float(row["ci_high"])

    return run


STATIC = TwoWayFixedEffects()
FEW = "one treated district: a clustered standard error measures nothing"
IN_TIME = by_log(lambda p, d: randomization_in_time(STATIC, p, d))
SUBCLUSTER = by_log(lambda p, d: wild_cluster_bootstrap(STATIC, p, d, subcluster="row", draws=999, seed=1))
ROWS = (
    Row("TwoWayFixedEffects of logs, randomisation in time", IN_TIME),
    Row("TwoWayFixedEffects of logs, subcluster bootstrap", SUBCLUSTER),
    Row(
        "SyntheticControl of logs, conformal",
        conformal(SyntheticControl()),
        "the largest district is treated, and no mix of the others reaches its level",
    ),
    Row(
        "SyntheticDiD of logs, conformal",
        conformal(SyntheticDiD()),
        none="its constant is fitted to all months and takes up an effect of 36 of 60",
    ),
    Row(
        "PoissonFixedEffects, rows independent (HC1)",
        by_result(PoissonFixedEffects(covariance="HC1"), "count"),
        "period effects follow the treated district, a third of all incidents, and shrink its residuals",
    ),
    Row(
        "TwoWayFixedEffects of logs, randomisation in space at 85 %",
        by_log(lambda p, d: randomization_test(STATIC, p, d), 0.85),
        level=85.0,
    ),
    Row(
        "TwoWayFixedEffects of logs, randomisation in space at 95 %",
        by_log(lambda p, d: randomization_test(STATIC, p, d)),
        none="7 districts give no p-value below 1/7",
    ),
    Row(
        "TwoWayFixedEffects of logs, Conley-Taber at 95 %",
        by_log(lambda p, d: conley_taber(STATIC, p, d, seed=1)),
        none="6 untreated districts give no p-value below 1/7",
    ),
    Row("TwoWayFixedEffects of logs, clustered", by_result(STATIC), FEW),
    Row("PoissonFixedEffects, clustered", by_result(PoissonFixedEffects(), "count"), FEW),
    Row("Imputation of logs, clustered", by_result(Imputation(), aggregate=True), FEW),
    Row("GroupTime of logs, clustered", by_result(GroupTime(), aggregate=True), FEW),
    Row(
        "TwoWayFixedEffects of logs, randomisation in time, with the neighbour",
        IN_TIME,
        fails="a tenth of what is prevented happens in a comparison district",
        neighbour=True,
    ),
)


def panels(
    design: IncidentSimulation, outcome: str, generator: np.random.Generator
) -> dict[bool, pd.DataFrame]:
    """One draw, without the neighbour and with it."""
    frame = design.counts(generator, within=WITHIN)
    first = pd.Period(design.start, freq="M")
    frame["first_treated"] = pd.array(
        [first if unit == design.treated else pd.NaT for unit in frame["unit"]], dtype="period[M]"
    )
    frame["count"] = frame[outcome].astype(float)
    frame["log"] = np.log(frame["count"] + 0.5)
    return {False: frame[frame["unit"] != design.neighbour].reset_index(drop=True), True: frame}


def coverage(draws: int, names: Iterable[str] = tuple(DESIGNS), seed: int = SEED) -> pd.DataFrame:
    """Coverage of each row in each design.

    Returns
    -------
    pandas.DataFrame
        ``design, label, fails, none, level, truth, mean, deviation, half, covered`` (percent), ``unbounded``
        (percent of draws without a bounded interval).
    """
    out = []
    for name in names:
        design, outcome = DESIGNS[name]
        truth = float(np.log1p(design.truth().set_index("outcome")["percent"][outcome] / 100))
        found = np.full((draws, len(ROWS), 3), np.nan)
        for k in range(draws):
            both = panels(design, outcome, np.random.default_rng([seed, k]))
            for i, row in enumerate(ROWS):
                found[k, i] = row.ask(both[row.neighbour])
        estimate, low, high = np.moveaxis(found, 2, 0)
        bounded = np.isfinite(low) & np.isfinite(high)
        for i, row in enumerate(ROWS):
            has = bounded[:, i]
            inside = (low[has, i] <= truth) & (truth <= high[has, i])
            out.append(
                {
                    "design": name,
                    "label": row.label,
                    "fails": row.fails,
                    "none": row.none,
                    "level": row.level,
                    "truth": truth,
                    "mean": estimate[:, i].mean(),
                    "deviation": estimate[:, i].std(ddof=1) if draws > 1 else np.nan,
                    "half": float((high - low)[has, i].mean() / 2) if has.any() else np.nan,
                    "covered": 100 * inside.mean() if has.any() else np.nan,
                    "unbounded": 100 * (1 - has.mean()),
                }
            )
    return pd.DataFrame(out)


def markdown(table: pd.DataFrame) -> str:
    """The table of METHODS.md."""
    lines = [
        "| design | estimator and inference | truth | mean estimate | s.d. | half width | covered, % |",
        "|---|---|---|---|---|---|---|",
    ]
    shown = ""
    for row in table.itertuples():
        label = f"*{row.label}: {row.fails}*" if row.fails else row.label
        covered = f"none: {row.none}" if np.isnan(row.covered) else f"{row.covered:.1f}"
        if row.level != 95:
            covered += f" (of {row.level:g})"
        half = "" if np.isnan(row.half) else f"{row.half:.3f}"
        design = row.design if row.design != shown else ""
        shown = row.design
        numbers = f"{row.truth:.3f} | {row.mean:.3f} | {row.deviation:.3f} | {half}"
        lines.append(f"| {design} | {label} | {numbers} | {covered} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--only", choices=tuple(DESIGNS), action="append")
    options = parser.parse_args()
    print(markdown(coverage(options.draws, options.only or tuple(DESIGNS))))


if __name__ == "__main__":
    main()
