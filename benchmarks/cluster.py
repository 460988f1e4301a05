"""Reports and simulations on Dask workers: the same bytes, and how much faster two are than one.

    python benchmarks/cluster.py            # prints the tables, about three minutes
    python benchmarks/cluster.py --write    # and writes benchmarks/RESULTS-cluster.md

Wall times are of workers started beforehand. On a busy machine two workers are no faster than one, so the
processor seconds of the busiest worker stand beside them: what the same work takes at best where every
worker has a processor of its own. `docs/thousand-cities.md` counts with the costs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "data-raw"))

import numpy as np
from _small_reports import small_project

from builders.simulate import Simulation
from evaluation import Design, Panel
from evaluation.diagnostics import Sampled, sampling
from evaluation.estimators import GroupTime, TwoWayFixedEffects
from evaluation.numerics.chunks import here, working
from evaluation.pipeline.executors.cluster import cluster
from evaluation.pipeline.run import run

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "RESULTS-cluster.md"
DRAWS, SEED = 300, 20170725
REPORTS = 6
ESTIMATORS = {"two-way": TwoWayFixedEffects(), "group-time": GroupTime(method="reg")}
WORLD = Simulation(units=200, periods=8, cohorts=((4, 0.25), (6, 0.25)), effect=1.0)

WORK = """
import numpy as np
import pandas as pd
from IPython.display import display
from evaluation.report.display import Table
from evaluation.study import load_study

asked = load_study(study, overrides)
frame = pd.read_csv("data/levels.csv")
wide = frame.pivot(index="place", columns="month", values="level")
signs = np.random.default_rng(asked.seed).choice([-1.0, 1.0], size=(20_000, wide.size))
share = float((np.abs(signs @ wide.to_numpy().ravel()) > 100).mean())
display(Table(wide.iloc[:, :6].reset_index(), caption="Levels", name="levels"))
display(
    {
        "application/vnd.evaluation.result+json": {
            "study": study, "seed": asked.seed, "data": [], "claims": [], "diagnostics": [],
            "estimates": [{"outcome": "level", "estimate": share}],
        }
    },
    raw=True,
)
"""


def world(generator: np.random.Generator) -> Sampled:
    """One draw of 200 places over 8 periods in two cohorts."""
    drawn = WORLD.draw(generator)
    panel = Panel(drawn.frame, unit="unit", time="period")
    return Sampled(panel, Design(outcome="y", first_treated="first_treated"), float(drawn.average().iloc[0]))


def simulate() -> str:
    """Checksum of the table of all draws."""
    found = sampling(world, ESTIMATORS, draws=DRAWS, seed=SEED).draws
    return hashlib.sha256(found.select_dtypes("number").to_numpy().tobytes()).hexdigest()[:12]


def site(folder: Path) -> str:
    """Checksum of all files of a reports folder."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return total.hexdigest()[:12]


def processor() -> float:
    """Processor seconds of this process and of all that it has started and seen end."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure(folder: Path, where: str | None) -> dict[str, tuple[float, float, str]]:
    """Wall seconds, processor seconds of the busiest worker and checksum, of the draws and the reports."""
    names = small_project(folder, WORK, reports=REPORTS)
    begin = time.perf_counter()
    with cluster(where, folder) as executor:
        if executor is not None:
            assert executor.size >= 1
            executor.workers(abs, [1, 2])
        found = {"start": (time.perf_counter() - begin, 0.0, "")}

        def reports() -> str:
            done = run(
                names, root=folder, reports=folder / "reports", languages=("en",), jobs=1, executor=executor
            )
            assert all(one.exit_status == 0 for one in done), [dict(one.failures) for one in done]
            return site(folder / "reports")

        def draws() -> str:
            with working(here if executor is None else executor.workers):
                return simulate()

        def each() -> dict[str, float]:
            return {"": processor()} if executor is None else executor.client.run(processor)

        for name, work in (("draws", draws), ("reports", reports)):
            before, begin = each(), time.perf_counter()
            checksum = work()
            wall, after = time.perf_counter() - begin, each()
            found[name] = wall, max(after[worker] - before[worker] for worker in before), checksum
    return found


def one_study() -> float:
    """Processor seconds of a real study with all its estimates and its pages in two languages."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "evaluation.cli", "run", "pollution_enforcement", "--jobs", "1"]
        command += ["--reports", folder]
        before = processor()
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        return processor() - before


def main() -> None:
    """Print the tables; with ``--write`` keep them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    os.environ["SOURCE_DATE_EPOCH"] = "1500940800"
    load, cores = os.getloadavg()[0], os.cpu_count()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, where in (("this process", None), ("1 worker", "local:1"), ("2 workers", "local:2")):
            found[name] = measure(Path(folder) / name.replace(" ", "-"), where)
            print(name, {key: one[:2] for key, one in found[name].items()}, flush=True)
    study = one_study()
    lines = [
        "# Reports and simulations on Dask workers",
        "",
        f"`python benchmarks/cluster.py --write`, {cores} processors, load average {load:.1f} at the start,",
        f"Python {sys.version.split()[0]}. *Draws*: {DRAWS} panels of 200 places, 8 periods, two estimators.",
        f"*Reports*: {REPORTS} small ones. Processor seconds: of the busiest worker and its kernels,",
        "what the work takes at best where every worker has a processor of its own. Wall seconds are of this",
        "machine, and mean little where it is busy.",
        "",
        "| | draws: wall | processor | times 1 worker | reports: wall | processor | times 1 worker | start |",
        "|---|---|---|---|---|---|---|---|",
    ]
    one = found["1 worker"]
    for name, rows in found.items():
        cells = []
        for key in ("draws", "reports"):
            wall, busiest, _ = rows[key]
            cells += [f"{wall:.1f}", f"{busiest:.1f}", f"{one[key][1] / busiest:.2f}"]
        cells.append("–" if name == "this process" else f"{rows['start'][0]:.1f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append("")
    for key in ("draws", "reports"):
        sums = sorted({rows[key][2] for rows in found.values()})
        same = f"the same in all three rows: `{sums[0]}`" if len(sums) == 1 else f"THEY DIFFER: {sums}"
        lines.append(f"Checksum of the {key}, {same}.")
    lines += [
        "",
        "One real study (`pollution_enforcement`), all estimates and the pages in two languages, took "
        f"{study:.1f} processor seconds.",
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if chosen.write:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
