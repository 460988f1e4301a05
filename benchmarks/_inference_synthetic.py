"""Synthetic control and synthetic difference-in-differences with one treated unit. Panels are simulated
with two factors, unit levels and noise. With one treated unit a placebo standard error has as many
distinct terms as there are donors: ours fits each once, diff-diff draws 200 at random."""

from __future__ import annotations

import numpy as np
import pandas as pd
from inference import Row, best

from evaluation import Design, Panel
from evaluation.estimators import SyntheticControl, SyntheticDiD
from evaluation.inference import conformal_intervals, randomization_test


def simulate(units: int, periods: int, start: int) -> pd.DataFrame:
    rng = np.random.default_rng(units)
    factors = np.cumsum(rng.normal(size=(2, periods)), axis=1)
    y = rng.normal(size=(units, 2)) @ factors + rng.normal(size=(units, periods))
    y += 10 + 3 * rng.normal(size=(units, 1))
    data = pd.DataFrame(
        {"unit": np.repeat(np.arange(units), periods), "time": np.tile(np.arange(periods), units)}
    )
    data["first"] = np.where(data["unit"] == 0, float(start), np.nan)
    data["treated"] = (data["unit"] == 0).astype(int)
    data["y"] = y.ravel() + 2.0 * (data["time"] >= data["first"])
    return data


def rows(peers: bool) -> list[Row]:
    """Measurements of this part."""
    out: list[Row] = []
    design = Design("y", "first")
    for units, periods, start in ((51, 60, 40), (189, 38, 28)):
        data = simulate(units, periods, start)
        size = f"{units} x {periods}"

        def panel(data: pd.DataFrame = data) -> Panel:
            return Panel(data, unit="unit", time="time")

        def ours(estimator: SyntheticControl | SyntheticDiD, panel=panel) -> str:
            found = estimator.fit(panel(), design)
            made = len(found.details.replicates)
            return f"{found.estimate:.4f} ({found.std_error:.4f}), {made} placebos"

        task = f"synthetic DiD with placebos, {size}"
        out.append(best(task, "ours", lambda ours=ours: ours(SyntheticDiD())))
        if peers:
            out.append(best(task, "diff-diff", lambda data=data, start=start: diff_diff(data, start)))
        task = f"synthetic control with placebos, {size}"
        out.append(best(task, "ours", lambda ours=ours: ours(SyntheticControl())))
        task = f"ridge-augmented synthetic control with placebos, {size}"
        out.append(best(task, "ours", lambda ours=ours: ours(SyntheticControl(augment="cv"))))

        def test(panel=panel) -> str:
            found = randomization_test(SyntheticControl(), panel(), design, statistic="rmspe_ratio")
            return f"p {found.p_value:.4f} of {found.n_assignments}"

        out.append(best(f"RMSPE ratio among all units, {size}", "ours", test))

        def conformal(panel=panel) -> str:
            found = conformal_intervals(SyntheticControl(), panel(), design, by="constant")
            return f"{found['ci_low'][0]:.3f} to {found['ci_high'][0]:.3f}"

        out.append(best(f"conformal interval, {size}", "ours", conformal))
    return out


def diff_diff(data: pd.DataFrame, start: int) -> str:
    """The peer's synthetic difference-in-differences, 200 placebo draws."""
    import diff_diff as package

    found = package.SyntheticDiD(variance_method="placebo", n_bootstrap=200, seed=1).fit(
        data,
        outcome="y",
        treatment="treated",
        unit="unit",
        time="time",
        post_periods=list(range(start, int(data["time"].max()) + 1)),
    )
    return f"{found.att:.4f} ({found.se:.4f}), 200 draws"
