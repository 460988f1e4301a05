"""How often intervals hold the true effect in panels made from simulated approval cases: table of METHODS.md.

Each draw makes cases, counts them into the panel as an export would be, and estimates the effect on the
logarithm of the restricted mean with the items of the first year. Rows in italics are meant to fail.

    python benchmarks/case_coverage.py                # 200 draws of both designs, about 4 minutes
    python benchmarks/case_coverage.py --draws 20
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

from builders.simulate_cases import ITEMS, CaseSimulation, District
from evaluation import Design, Panel
from evaluation.estimators import (
    ExtendedTwoWayFixedEffects,
    GroupTime,
    Imputation,
    InteractionWeighted,
    PoissonFixedEffects,
    Stacked,
    TwoWayFixedEffects,
)
from evaluation.inference import randomization_test
from evaluation.sources.approvals import fixed_mix, measures

SEED = 20150401
DRAWS = 200


def halls() -> CaseSimulation:
    """48 service halls, three dates and a never treated half: enough places for the usual inference."""
    adopted = ("2015-01", "2015-04", "2015-07", None, None, None)
    places = tuple(
        District(f"大厅{i:02d}", f"Hall {i}", 60, 0.02 * (i % 7 - 3), adopted[i % 6]) for i in range(48)
    )
    return CaseSimulation(districts=places, items=ITEMS[:4], end="2015-12", as_of="2016-02-29")


HALLS, ZIBO = "48 service halls", "Zibo's eight districts"
DESIGNS: dict[str, CaseSimulation] = {HALLS: halls(), ZIBO: CaseSimulation()}


@dataclass(frozen=True)
class Row:
    """A method, and the outcome that it is put to."""

    label: str
    estimate: Callable[[pd.DataFrame], tuple[float, float, float, float]]
    fails: str = ""


def _fit(
    estimator: Any, outcome: str, *, aggregate: bool = False, window: tuple[int, int] | None = None
) -> Callable[[pd.DataFrame], Any]:
    def run(frame: pd.DataFrame) -> tuple[float, float, float, float]:
        used = frame[np.isfinite(frame[outcome])]
        panel = Panel(used, unit="district", time="month", frequency="M")
        result = estimator.fit(panel, Design(outcome, "adopted", window=window))
        if aggregate:
            result = result.aggregate("simple")
        elif window is not None:
            after = (result.terms["event_time"] >= 0).to_numpy(dtype=float)
            result = result.combine(after / after.sum(), "mean effect after adoption, within the window")
        low, high = result.conf_int(0.95)
        return result.estimate, result.std_error, low, high

    return run


def _randomised(outcome: str, truth: float) -> Callable[[pd.DataFrame], Any]:
    """Two-way fixed effects; whether a permutation of the dates over places rejects the true effect."""

    def run(frame: pd.DataFrame) -> tuple[float, float, float, float]:
        treated = (frame["month"] >= frame["adopted"]).fillna(False).astype(float)
        shifted = frame.assign(left=frame[outcome] - truth * treated)
        panel = Panel(shifted[np.isfinite(shifted["left"])], unit="district", time="month", frequency="M")
        test = randomization_test(TwoWayFixedEffects(), panel, Design("left", "adopted"))
        reach = np.inf if test.p_value > 0.05 else 0.0
        return truth + test.estimate, np.nan, truth - reach, truth + reach if reach else np.nan

    return run


LOG = "log_fixed"
FEW = "three treated places, each with a date of its own"
NAIVE = Row(
    "decided cases, all items",
    _fit(Imputation(), "log_naive", aggregate=True),
    "open cases and other items",
)
ROWS = (
    Row("TwoWayFixedEffects", _fit(TwoWayFixedEffects(), LOG)),
    Row("GroupTime", _fit(GroupTime(), LOG, aggregate=True)),
    Row("Imputation", _fit(Imputation(), LOG, aggregate=True)),
    Row("InteractionWeighted", _fit(InteractionWeighted(), LOG, aggregate=True)),
    Row("Extended", _fit(ExtendedTwoWayFixedEffects(), LOG, aggregate=True)),
    Row('Stacked, residuals="cohort"', _fit(Stacked(residuals="cohort"), LOG, window=(-6, 5))),
    Row("PoissonFixedEffects", _fit(PoissonFixedEffects(), "fixed")),
)
BY_DESIGN: dict[str, tuple[Row, ...]] = {
    HALLS: (*ROWS, NAIVE),
    ZIBO: (
        Row(
            "TwoWayFixedEffects, dates permuted over districts",
            _randomised(LOG, DESIGNS[ZIBO].true_effect(list(DESIGNS[ZIBO].months[:-2]))),
        ),
        *(replace(row, fails=FEW) for row in ROWS),
        NAIVE,
    ),
}


def panel_of(design: CaseSimulation, generator: np.random.Generator) -> pd.DataFrame:
    """One draw as the panel that a study reads."""
    cells = design.draw(generator).cells()
    fixed = fixed_mix(cells, design.horizon, list(design.months[:12]))
    frame = fixed.merge(
        measures(cells, design.horizon)[["district", "month", "mean"]], on=["district", "month"]
    )
    adopted = {d.name: pd.Period(d.adopted, "M") if d.adopted else pd.NaT for d in design.districts}
    frame["adopted"] = pd.array([adopted[name] for name in frame["district"]], dtype="period[M]")
    return frame.assign(log_fixed=np.log(frame["fixed"]), log_naive=np.log(frame["mean"]))


def coverage(draws: int, names: Iterable[str] = tuple(DESIGNS), seed: int = SEED) -> pd.DataFrame:
    """Coverage of each row in each design.

    Returns
    -------
    pandas.DataFrame
        ``design, label, fails, truth, mean, deviation, mean_se, covered, draws``.
    """
    out = []
    for name in names:
        design, rows = DESIGNS[name], BY_DESIGN[name]
        found = np.full((draws, len(rows), 4), np.nan)
        known = None
        for k in range(draws):
            frame = panel_of(design, np.random.default_rng([seed, k]))
            known = sorted(frame.loc[np.isfinite(frame["log_fixed"]), "month"].unique())
            for r, row in enumerate(rows):
                found[k, r] = row.estimate(frame)
        truth = design.true_effect(known)
        for r, row in enumerate(rows):
            estimate, error, low, high = found[:, r].T
            out.append(
                {
                    "design": name,
                    "label": row.label,
                    "fails": row.fails,
                    "truth": truth,
                    "mean": estimate.mean(),
                    "deviation": estimate.std(ddof=1) if draws > 1 else np.nan,
                    "mean_se": error.mean(),
                    "covered": float(((low <= truth) & (truth <= high)).mean()),
                    "draws": draws,
                }
            )
    return pd.DataFrame(out)


def markdown(table: pd.DataFrame) -> str:
    """The table as METHODS.md has it."""
    lines = [
        "| design | estimator | truth | mean estimate | mean s.e. / s.d. | interval, % |",
        "|---|---|---|---|---|---|",
    ]
    before = ""
    for row in table.itertuples():
        label = f"*{row.label}: {row.fails}*" if row.fails else row.label
        ratio = f"{row.mean_se / row.deviation:.2f}" if np.isfinite(row.mean_se) else ""
        lines.append(
            f"| {'' if row.design == before else row.design} | {label} | {row.truth:.3f} | {row.mean:.3f} "
            f"| {ratio} | {100 * row.covered:.1f} |"
        )
        before = row.design
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--design", action="append", choices=DESIGNS)
    chosen = parser.parse_args()
    print(markdown(coverage(chosen.draws, chosen.design or tuple(DESIGNS))))
