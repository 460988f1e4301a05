"""Event-study two-way fixed effects beside pyfixest, end to end from a DataFrame.

Each measurement runs in a fresh process with one BLAS thread: wall and CPU seconds of the best of
three runs after a small one (one run of the peer above 1,000,000 rows), and the memory that the
process grew by beyond the input frame.

    python benchmarks/two_way.py            # S, M, L
    python benchmarks/two_way.py S M L XL   # XL needs 10 GiB for the peer
    python benchmarks/two_way.py L --panel unbalanced --panel clusters
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time

SIZES = {"S": (500, 10), "M": (10_000, 20), "L": (100_000, 20), "XL": (1_000_000, 12)}
PANELS = ("balanced", "unbalanced", "clusters", "shuffled")


def measure(size: str, panel: str, package: str) -> dict[str, float]:
    """Time one package in this process."""
    import numpy as np
    import pandas as pd

    units, periods = SIZES[size]
    rng = np.random.default_rng(0)
    first = rng.choice([np.nan, *range(periods // 3, periods - 1, max(1, periods // 8))], size=units)
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), periods),
            "time": np.tile(np.arange(periods), units),
            "first": np.repeat(first, periods),
            "y": rng.standard_normal(units * periods) + np.repeat(rng.standard_normal(units), periods),
        }
    )
    if panel == "unbalanced":
        frame = frame[rng.random(len(frame)) < 0.9].reset_index(drop=True)
    if panel == "shuffled":
        frame = frame.sample(frac=1, random_state=0).reset_index(drop=True)
    cluster = "unit"
    if panel == "clusters":
        frame["region"] = frame["unit"] // 50
        cluster = "region"

    if package == "ours":
        from evaluation import Design, Panel
        from evaluation.estimators import TwoWayFixedEffects

        def run(data: pd.DataFrame) -> float:
            design = Design("y", "first", cluster=None if cluster == "unit" else cluster)
            estimator = TwoWayFixedEffects(event_study=True)
            return float(estimator.fit(Panel(data, unit="unit", time="time"), design).coef[0])
    else:
        import pyfixest

        def run(data: pd.DataFrame) -> float:
            data = data.assign(rel=(data["time"] - data["first"]).fillna(-1).astype(int))
            fit = pyfixest.feols("y ~ i(rel, ref=-1) | unit + time", data, vcov={"CRV1": cluster})
            return float(fit.coef().iloc[0])

    run(frame[frame["unit"] < 200])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    best = (np.inf, np.inf)
    for _ in range(1 if package != "ours" and len(frame) > 1_000_000 else 3):
        wall, cpu = time.perf_counter(), time.process_time()
        value = run(frame)
        best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    memory = float(frame.memory_usage().sum()) / 2**20
    return {"wall": best[0], "cpu": best[1], "grown": grown, "frame": memory, "value": value}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sizes", nargs="*", default=["S", "M", "L"])
    parser.add_argument("--panel", action="append", choices=PANELS)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*options.one)))
        return
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    print("| size | panel | ours s | pyfixest s | ratio | ours MiB added | frame MiB | pyfixest MiB added |")
    print("|---|---|---|---|---|---|---|---|")
    for size in options.sizes:
        for panel in options.panel or ["balanced"]:
            row = []
            for package in ("ours", "pyfixest"):
                command = [sys.executable, __file__, "--one", size, panel, package]
                done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=True)
                row.append(json.loads(done.stdout.splitlines()[-1]))
            ours, peer = row
            if abs(ours["value"] - peer["value"]) > 1e-6:
                raise SystemExit(f"the two disagree: {ours['value']} and {peer['value']}")
            ratio = peer["wall"] / ours["wall"]
            print(
                f"| {size} | {panel} | {ours['wall']:.4f} | {peer['wall']:.3f} | {ratio:.0f} "
                f"| {ours['grown']:.0f} | {ours['frame']:.0f} | {peer['grown']:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
