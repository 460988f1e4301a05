"""What a small report costs, made by `evaluation run` and by the command lines of papermill and nbconvert.

    python benchmarks/pipeline.py            # prints the table, about five minutes
    python benchmarks/pipeline.py --write    # and writes benchmarks/RESULTS-pipeline.md

Twelve reports of one small notebook (pandas, a regression by statsmodels, a figure), cold: nothing is known
of an earlier run, but bytecode is compiled. Processor seconds are of a command with all that it starts, until
the last of it has ended. The floor is the notebook's own work and the page: its cells run twelve times in one
process that has imported everything, and the outputs made into pages; there is no kernel.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from _small_reports import small_project

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS-pipeline.md"
BIN = Path(sys.executable).parent
REPORTS = 12
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of Linux

READ = """
import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import statsmodels.api as sm
from IPython.display import display

from evaluation.report.display import Figure, Table
from evaluation.study import load_study

asked = load_study(study, overrides)
frame = pd.read_csv("data/levels.csv")
wide = frame.pivot(index="month", columns="place", values="level")
display(Table(wide.iloc[:12].reset_index(), caption="Levels", name="levels"))
"""
FIT = """
frame["after"] = (frame["month"] >= asked.treatment.date).astype(float)
frame["treated"] = (frame["place"] == asked.treatment.unit).astype(float) * frame["after"]
noise = np.random.default_rng(asked.seed).normal(size=len(frame))
design = sm.add_constant(frame[["after", "treated"]])
fit = sm.OLS(frame["level"] + noise, design).fit(cov_type="HC1")
"""
DRAW = """
drawing, axes = plt.subplots(figsize=(8.4, 4), dpi=100)
axes.plot(wide.to_numpy())
axes.set(title="Levels", xlabel="month", ylabel="level")
picture = io.BytesIO()
drawing.savefig(picture, format="png")
plt.close(drawing)
words = {"alt": "Levels of six places", "title": "Levels", "name": "lines"}
display(Figure(picture.getvalue(), **words))
"""
SHOW = """
display(
    {
        "application/vnd.evaluation.result+json": {
            "study": study, "seed": asked.seed, "data": [], "claims": [], "diagnostics": [],
            "estimates": [{"outcome": "level", "estimate": float(fit.params["treated"])}],
        }
    },
    raw=True,
)
"""
CELLS = (READ, FIT, DRAW, SHOW)


class Cost(NamedTuple):
    """Of one way to make the reports: seconds, and megabytes of its largest process."""

    wall: float
    processor: float
    memory: float


def _children() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def adopt() -> None:
    """Become the parent of what a command leaves behind, so that its time is counted too."""
    if ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the processes that a command starts cannot be counted here")


def spend(folder: Path, *commands: Sequence[str]) -> Cost:
    """Run commands one after the other and wait for all that they have started."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    clean |= {"IPYTHONDIR": str(folder / "ipython"), "MPLCONFIGDIR": str(folder / "matplotlib")}
    before, begin = _children()[0], time.perf_counter()
    for command in commands:
        made = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
        if made.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{made.stdout}\n{made.stderr}")
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    after, memory = _children()
    return Cost(time.perf_counter() - begin, after - before, memory)


@contextmanager
def project() -> Iterator[tuple[Path, list[str]]]:
    """The project, new, with matplotlib's list of fonts made: that takes seconds once on a machine."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "project"
        names = small_project(folder, *CELLS, reports=REPORTS)
        fonts = folder / "build" / "cache" / "matplotlib"
        fonts.mkdir(parents=True)
        (folder / "matplotlib").symlink_to(fonts)
        make = [sys.executable, "-c", "import matplotlib.font_manager"]
        subprocess.run(make, env={**os.environ, "MPLCONFIGDIR": str(fonts)}, check=True)
        yield folder, names


def ours(*options: str) -> Cost:
    """`evaluation run` of all twelve."""
    with project() as (folder, names):
        command = [str(BIN / "evaluation"), "run", *names, "--language", "en", *options]
        cost = spend(folder, command)
        pages = list((folder / "reports" / "en").glob("*.html"))
        assert len(pages) == REPORTS, pages
    return cost


def command_lines() -> Cost:
    """`papermill`, then `jupyter nbconvert`, for each."""
    with project() as (folder, names):
        notebook = json.loads((folder / "notebooks" / "small.ipynb").read_text(encoding="utf-8"))
        notebook["metadata"]["kernelspec"] = {"name": "python3", "display_name": "p", "language": "python"}
        (folder / "small.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        commands = []
        for name in names:
            out = f"{name}.ipynb"
            commands.append([str(BIN / "papermill"), "small.ipynb", out, "-p", "study", name])
            commands.append([str(BIN / "jupyter"), "nbconvert", "--to", "html", out])
        cost = spend(folder, *commands)
        assert len(list(folder.glob("*.html"))) == REPORTS
    return cost


def floor() -> Cost:
    """The cells and the pages, in one process that has made one report before the clock starts."""
    with project() as (folder, names):
        code = [str(HERE / "pipeline.py"), "--floor", *names]
        made = subprocess.run([sys.executable, *code], cwd=folder, capture_output=True, text=True, check=True)
    return Cost(*json.loads(made.stdout.splitlines()[-1]))


def run_floor(names: Sequence[str]) -> None:
    """Print wall seconds, processor seconds and memory, in the folder of a project."""
    os.environ["MPLBACKEND"] = "agg"
    from IPython.core.interactiveshell import InteractiveShell
    from nbformat import v4
    from traitlets.config import Config

    from evaluation.report.page import render_page

    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))

    def report(name: str) -> None:
        from IPython.utils.capture import capture_output

        notebook = v4.new_notebook()
        shell.user_ns.update(study=name, overrides={})
        for source in CELLS:
            cell = v4.new_code_cell(source)
            with capture_output() as shown:
                shell.run_cell(source).raise_error()
            cell.outputs = [
                v4.new_output("display_data", one.data, metadata=one.metadata or {}) for one in shown.outputs
            ]
            notebook.cells.append(cell)
        page = render_page(
            notebook,
            language="en",
            study_id=name,
            title=name,
            alternate_href="",
            index_href="../index.html",
            provenance={},
        )
        assert "Levels" in page

    report(names[0])
    begin, used = time.perf_counter(), time.process_time()
    for name in names:
        report(name)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([time.perf_counter() - begin, time.process_time() - used, memory]))


def imports() -> Cost:
    """What the notebook imports, and nothing else."""
    with project() as (folder, _):
        alone = [sys.executable, "-c", "import pandas, statsmodels.api, matplotlib.pyplot"]
        return spend(folder, *[alone] * REPORTS)


WAYS: dict[str, Callable[[], Cost]] = {
    "papermill and nbconvert, command lines": command_lines,
    "evaluation run": ours,
    "the three imports in a process of their own": imports,
    "floor": floor,
}


def main() -> None:
    """Print the table; with ``--write`` keep it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--one", choices=sorted(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--floor", nargs="+", metavar="STUDY", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.floor:
        run_floor(chosen.floor)
        return
    if chosen.one:
        adopt()
        print(json.dumps(list(WAYS[chosen.one]())))
        return
    load, cores = os.getloadavg()[0], os.cpu_count()
    found: dict[str, Cost] = {}
    for name in WAYS:
        # each in a process of its own, which remembers the largest of its children for good
        command = [sys.executable, str(HERE / "pipeline.py"), "--one", name]
        made = subprocess.run(command, capture_output=True, text=True, check=True)
        wall, processor, memory = json.loads(made.stdout.splitlines()[-1])
        found[name] = Cost(wall / REPORTS, processor / REPORTS, memory)
        print(name, found[name], flush=True)
    peer = found["papermill and nbconvert, command lines"]
    lines = [
        "# What a small report costs",
        "",
        f"`python benchmarks/pipeline.py --write`, {cores} processors, load average {load:.1f} at the start,",
        f"Python {sys.version.split()[0]}. {REPORTS} reports of a notebook that imports pandas, statsmodels",
        "and pyplot, fits one regression and draws one figure. Seconds are of one report: those of the whole",
        "command, with its own start and all that it starts, divided by the number of reports. Memory is",
        "that of the largest process. `evaluation run` checks every study and its data first, makes two",
        "reports at once on two processors, and writes the result file, the history and the index as well.",
        "The floor is the cells' own work and the page, in one process that has imported everything; what a",
        "kernel that is started anew cannot do without are the three imports.",
        "",
        "| | processor, s | of the command lines | wall, s | memory, MB |",
        "|---|---|---|---|---|",
    ]
    for name, cost in found.items():
        share = f"{cost.processor / peer.processor:.2f}"
        lines.append(f"| {name} | {cost.processor:.2f} | {share} | {cost.wall:.2f} | {cost.memory:.0f} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if chosen.write:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
