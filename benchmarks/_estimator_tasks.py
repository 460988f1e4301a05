"""One measurement of benchmarks/estimators.py: a task, a package and a size, in this process alone.

    python benchmarks/_estimator_tasks.py TASK PACKAGE SIZE

prints a line of JSON: wall and CPU seconds from a DataFrame to a table, memory added beyond the
frame, the frame's size, and the number it arrived at.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

SIZES = {"S": (500, 10), "M": (10_000, 20), "L": (100_000, 20), "XL": (1_000_000, 12)}
DRAWS = 999
DOUBLY_ROBUST = "group-time dr, 999 draws"


def make_frame(units: int, periods: int, seed: int = 0) -> pd.DataFrame:
    """Balanced staggered panel, in order: id, t, g (missing for never treated), y, x1, x2, cl."""
    rng = np.random.default_rng(seed)
    t = np.arange(1, periods + 1)
    cohorts = np.array([np.nan, periods // 3 + 1, periods // 2 + 1, 2 * periods // 3 + 1, periods - 1])
    g = rng.choice(cohorts, size=units, p=[0.3, 0.2, 0.2, 0.2, 0.1])
    x = rng.standard_normal((2, units))
    since = t[None, :] - np.nan_to_num(g, nan=1e9)[:, None]
    y = rng.standard_normal((units, 1)) + 0.1 * t + rng.standard_normal((units, periods))
    y += np.where(since >= 0, 1 + 0.1 * since, 0.0) + 0.05 * x[0][:, None] * t
    columns = {
        "id": np.repeat(np.arange(units), periods),
        "t": np.tile(t, units),
        "g": np.repeat(g, periods),
        "y": y.ravel(),
        "x1": np.repeat(x[0], periods),
        "x2": np.repeat(x[1], periods),
        "cl": np.repeat(rng.integers(0, max(units // 50, 20), units), periods),
    }
    return pd.DataFrame(columns)


def ours(task: str, stages: dict[str, float] | None = None) -> Callable[[pd.DataFrame], float]:
    """Our run; with ``stages``, the seconds of its parts are written there."""
    from evaluation import Design, Panel
    from evaluation import estimators as e

    name, _, variant = task.partition(":")
    covariates = ("x1", "x2") if name == DOUBLY_ROBUST else ()
    design = Design("y", "g", covariates=covariates, cluster="cl" if variant == "clusters" else None)
    estimator: Any = {
        "group-time": e.GroupTime(),
        "group-time, 999 draws": e.GroupTime(),
        "group-time, 999 Rademacher draws": e.GroupTime(),
        DOUBLY_ROBUST: e.GroupTime(),
        "event-study two-way": e.TwoWayFixedEffects(event_study=True),
        "imputation": e.Imputation(),
        "interaction-weighted": e.InteractionWeighted(),
    }[name]

    def run(frame: pd.DataFrame) -> float:
        clock = time.process_time()
        panel = Panel(frame, unit="id", time="t")
        built = time.process_time()
        result = estimator.fit(panel, design)
        fitted = time.process_time()
        if name != "event-study two-way":
            result = result.aggregate("event_time")
        if "draws" in name:
            drawn = result.bootstrap(DRAWS, seed=1) if "Rademacher" in name else result
            table = drawn.simultaneous(draws=DRAWS, seed=1)
        else:
            table = result.tidy()
        if stages is not None:
            parts = {"panel": built - clock, "fit": fitted - built, "table": time.process_time() - fitted}
            stages.update({k: min(v, stages.get(k, v)) for k, v in parts.items()})
        return float(table.loc[table["event_time"] == 0, "estimate"].iloc[0])

    return run


def diff_diff(task: str) -> Callable[[pd.DataFrame], float]:
    import diff_diff as dd

    name, _, variant = task.partition(":")
    draws = DRAWS if "draws" in name else 0
    cluster = "cl" if variant == "clusters" else None
    covariates = ["x1", "x2"] if name == DOUBLY_ROBUST else None
    columns = {"outcome": "y", "unit": "id", "time": "t", "first_treat": "g"}
    if name.startswith("group-time"):
        unbalanced = variant == "unbalanced"
        model = dd.CallawaySantAnna(
            n_bootstrap=draws, seed=1, cluster=cluster, allow_unbalanced_panel=unbalanced
        )
        options = {"covariates": covariates, "aggregate": "event_study"}
    elif name == "imputation":
        model = dd.ImputationDiD(cluster=cluster)
        options = {"aggregate": "event_study"}
    else:
        model, options = dd.SunAbraham(cluster=cluster), {}

    def run(frame: pd.DataFrame) -> float:
        fitted = model.fit(frame.assign(g=frame["g"].fillna(0)), **columns, **options)
        return float(fitted.event_study_effects[0]["effect"])

    return run


def csdid(task: str) -> Callable[[pd.DataFrame], float]:
    from csdid.att_gt import ATTgt

    name, _, variant = task.partition(":")
    bootstrap = "draws" in name
    formula = "y ~ x1 + x2" if name == DOUBLY_ROBUST else None

    def run(frame: pd.DataFrame) -> float:
        fitted = ATTgt(
            yname="y",
            tname="t",
            idname="id",
            gname="g",
            data=frame.assign(g=frame["g"].fillna(0)),
            control_group=["nevertreated"],
            xformla=formula,
            allow_unbalanced_panel=variant == "unbalanced",
            biters=DRAWS,
            cband=bootstrap,
        ).fit(est_method="dr", base_period="varying", bstrap=bootstrap)
        found = fitted.aggte(typec="dynamic", bstrap=bootstrap, cband=bootstrap, biters=DRAWS).atte
        return float(np.ravel(found["att_egt"])[list(found["egt"]).index(0)])

    return run


def pyfixest(task: str) -> Callable[[pd.DataFrame], float]:
    import pyfixest as pf

    name, _, variant = task.partition(":")
    cluster = "cl" if variant == "clusters" else "id"

    def run(frame: pd.DataFrame) -> float:
        if name == "event-study two-way":
            table = frame.assign(since=(frame["t"] - frame["g"]).fillna(-1).astype(int))
            fitted = pf.feols("y ~ i(since, ref=-1) | id + t", data=table, vcov={"CRV1": cluster})
            return float(fitted.coef().filter(regex=r"::0(\.0)?$").iloc[0])
        fitted = pf.event_study(
            frame.assign(g=frame["g"].fillna(0)),
            yname="y",
            idname="id",
            tname="t",
            gname="g",
            estimator="saturated",
            cluster=cluster,
            att=True,
        )
        table = fitted.aggregate(weighting="shares")
        return float(table.loc[[float(i) == 0 for i in table.index], "Estimate"].iloc[0])

    return run


def measure_stages(task: str, size: str) -> dict[str, float]:
    """CPU seconds of the parts of our run, and of the one pass that the arithmetic needs."""
    from evaluation.numerics.cohorts import cohort_moments

    stages: dict[str, float] = {}
    run = ours(task, stages)
    frame = make_frame(*SIZES[size])
    for _ in range(4):
        run(frame)
    units, periods = SIZES[size]
    outcome = frame["y"].to_numpy().reshape(units, periods)
    codes = np.unique(frame["g"].to_numpy()[::periods], return_inverse=True)[1]
    floor = float("inf")
    for _ in range(4):
        clock = time.process_time()
        cohort_moments(outcome, codes, int(codes.max()) + 1)
        floor = min(floor, time.process_time() - clock)
    return {**stages, "floor": floor}


PACKAGES = {"ours": ours, "diff-diff": diff_diff, "csdid": csdid, "pyfixest": pyfixest}


def status(key: str) -> float:
    """A line of /proc/self/status in MiB, NaN where there is none."""
    try:
        with open("/proc/self/status", encoding="ascii") as lines:
            return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(key))
    except (OSError, StopIteration):
        return float("nan")


def measure(task: str, package: str, size: str) -> dict[str, float]:
    """Seconds and memory of one run, after a small one that loads and compiles everything."""
    run = PACKAGES[package](task)
    small = make_frame(300, 10, seed=1)
    if task.endswith(":unbalanced"):
        small = small[np.random.default_rng(2).random(len(small)) < 0.9].reset_index(drop=True)
    frame = make_frame(*SIZES[size])
    if task.endswith(":unbalanced"):
        frame = frame[np.random.default_rng(2).random(len(frame)) < 0.9].reset_index(drop=True)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        run(small)
        with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as reset:
            reset.write("5")  # peak memory counts from here
        before = status("VmRSS")
        wall, cpu = time.perf_counter(), time.process_time()
        value = run(frame)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        memory = status("VmHWM") - before
        for _ in range(4 if wall < 2 else 0):
            again, clock = time.perf_counter(), time.process_time()
            run(frame)
            wall, cpu = min(wall, time.perf_counter() - again), min(cpu, time.process_time() - clock)
    return {
        "wall": wall,
        "cpu": cpu,
        "memory": memory,
        "frame": float(frame.memory_usage(index=False).sum()) / 2**20,
        "value": value,
    }


if __name__ == "__main__":
    assert os.environ.get("OMP_NUM_THREADS") == "1", "run benchmarks/estimators.py, which sets one thread"
    task, package, size = sys.argv[1:4]
    print(json.dumps(measure_stages(task, size) if package == "stages" else measure(task, package, size)))
