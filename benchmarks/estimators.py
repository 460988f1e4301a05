"""Every estimator beside the Python packages that offer it; writes benchmarks/RESULTS.md.

    python benchmarks/estimators.py                      S, M and L with peers, XL ours alone
    python benchmarks/estimators.py --sizes S M --timeout 60

Each cell is a fresh process with one BLAS thread, end to end from a DataFrame (checking the panel
included) to a table by event time, after a run on 300 units that loads and compiles everything; the
best of five runs where one takes less than two seconds. Memory is the growth of the process's peak.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON")
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in LIBRARIES}
PEERS = {
    "group-time": ("diff-diff", "csdid"),
    "group-time, 999 draws": ("diff-diff", "csdid"),
    "group-time, 999 Rademacher draws": ("diff-diff",),
    "group-time dr, 999 draws": ("diff-diff", "csdid"),
    "event-study two-way": ("pyfixest",),
    "imputation": ("diff-diff",),
    "interaction-weighted": ("diff-diff", "pyfixest"),
}
VARIANTS = [f"{task}:{kind}" for task in PEERS if "draws" not in task for kind in ("unbalanced", "clusters")]
AIMS = {
    "group-time": 6,
    "group-time, 999 draws": 20,
    "group-time dr, 999 draws": 5,
    "event-study two-way": 30,
    "imputation": 50,
    "interaction-weighted": 100,
}
SAME = 1e-6
# theirs divides comparison weights by the treated group's sum, which the tests explain
KNOWN_DIFFERENCES = {("group-time dr, 999 draws", "diff-diff")}


def run(task: str, package: str, size: str, timeout: float) -> dict[str, float] | str:
    """One measurement in a fresh process, or the reason why there is none."""
    command = [sys.executable, str(HERE / "_estimator_tasks.py"), task, package, size]
    try:
        done = subprocess.run(
            command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        return f"over {timeout:.0f} s"
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        return "out of memory" if done.returncode in (-9, 137) else last[0][:60]
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def versions() -> str:
    names = ("numpy", "pandas", "scipy", "diff-diff", "csdid", "pyfixest")
    found = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return f"Python {platform.python_version()}, {found}"


def machine() -> str:
    """Processor and memory in words."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
        total = Path("/proc/meminfo").read_text(encoding="utf-8").split()[1]
        return f"{model}, {os.cpu_count()} cores, {int(total) / 2**20:.0f} GiB, {platform.system()}"
    except (OSError, StopIteration):
        return f"{model}, {os.cpu_count()} cores, {platform.system()}"


def number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def table(
    results: dict[tuple[str, str, str], dict[str, float] | str], tasks: list[str], sizes: list[str]
) -> list[str]:
    """Markdown rows: seconds, CPU, memory, and the ratio to the fastest peer."""
    out = [
        "| estimator | size | package | seconds | CPU | MiB added | of the frame | CPU, times ours | aim |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for task in tasks:
        for size in sizes:
            own = results.get((task, "ours", size))
            for package in ("ours", *PEERS[task]):
                found = results.get((task, package, size))
                if found is None:
                    continue
                lead = f"| {task} | {size} | {package} |"
                if isinstance(found, str):
                    out.append(f"{lead} {found} | | | | | |")
                    continue
                ratio, aim = "", ""
                if package != "ours" and isinstance(own, dict):
                    ratio = number(found["cpu"] / own["cpu"])
                    gap = abs(found["value"] - own["value"])
                    if gap > SAME and (task, package) not in KNOWN_DIFFERENCES:
                        ratio += f" (differs by {gap:.1e})"
                    if size == "L" and task in AIMS:
                        aim = f"{AIMS[task]}"
                out.append(
                    f"{lead} {number(found['wall'])} | {number(found['cpu'])} | {found['memory']:.0f} "
                    f"| {found['memory'] / found['frame']:.2f} | {ratio} | {aim} |"
                )
    return out


def variant_table(results: dict[tuple[str, str, str], dict[str, float] | str], size: str) -> list[str]:
    out = [
        "| estimator | balanced | 10 % of rows missing | clusters of 50 units |",
        "|---|---|---|---|",
    ]
    for task in PEERS:
        if "draws" in task:
            continue
        row = []
        base = results.get((task, "ours", size))
        for key in (task, f"{task}:unbalanced", f"{task}:clusters"):
            found = results.get((key, "ours", size))
            if isinstance(found, dict) and isinstance(base, dict):
                row.append(f"{number(found['cpu'])} s ({found['cpu'] / base['cpu']:.1f})")
            else:
                row.append(str(found))
        out.append(f"| {task} | " + " | ".join(row) + " |")
    return out


def stage_table(timeout: float, size: str) -> list[str]:
    out = ["| estimator | panel | fit | table | one pass | all / one pass |", "|---|---|---|---|---|---|"]
    for task in PEERS:
        found = run(task, "stages", size, timeout)
        print(task, "stages", size, found, flush=True)
        if isinstance(found, str):
            out.append(f"| {task} | {found} | | | | |")
            continue
        parts = [found[key] for key in ("panel", "fit", "table", "floor")]
        row = " | ".join(f"{part:.4f}" for part in parts)
        out.append(f"| {task} | {row} | {sum(parts[:3]) / parts[3]:.1f} |")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=["S", "M", "L", "XL"], choices=["S", "M", "L", "XL"])
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for one process")
    parser.add_argument("--peers-at-xl", action="store_true", help="also run peers on 12 million rows")
    parser.add_argument("--output", type=Path, default=HERE / "RESULTS.md")
    options = parser.parse_args()
    results: dict[tuple[str, str, str], dict[str, float] | str] = {}
    largest = "L" if "L" in options.sizes else options.sizes[-1]
    plan = [
        (task, package, size)
        for size in options.sizes
        for task in PEERS
        for package in ("ours", *PEERS[task])
        if package == "ours" or size != "XL" or options.peers_at_xl
    ]
    plan += [(task, "ours", largest) for task in VARIANTS]
    for key in plan:
        results[key] = run(*key, options.timeout)
        print(*key, results[key], flush=True)
    text = [
        "# Benchmarks",
        "",
        f"Machine: {machine()}. {versions()}. One BLAS thread. Made by `python benchmarks/estimators.py`.",
        "",
        "End to end from a DataFrame to a table by event time, checking the panel included; each line is a",
        "fresh process. Units x periods: S 500 x 10, M 10,000 x 20, L 100,000 x 20, XL 1,000,000 x 12; four",
        "cohorts and never treated units. Draws are Gaussian, N(0, V), unless Rademacher is said. Ratios are",
        "of CPU seconds, which other work on the machine moves less than the clock.",
        "",
        *table(results, list(PEERS), options.sizes),
        "",
        f"## Unbalanced panels and coarser clusters, {largest}, ours (CPU, ratio to balanced)",
        "",
        *variant_table(results, largest),
        "",
        f"## Where our time goes, {largest}, CPU seconds",
        "",
        "`one pass` is the floor: cohort sums and Gram matrices, read once from memory, nothing else.",
        "`panel` reads and checks unit and time columns; `fit` reads cohorts, weights and clusters, checks",
        "missing and infinite values, passes over the outcome and solves; `table` aggregates and draws.",
        "",
        *stage_table(options.timeout, largest),
        "",
    ]
    options.output.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
