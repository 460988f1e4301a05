"""Inference for few treated units beside the Python packages that offer it; writes RESULTS-inference.md.

    python benchmarks/inference.py                 all parts
    python benchmarks/inference.py synthetic       one of them
    python benchmarks/inference.py --no-peers      ours alone

A part is a module `_inference_<part>.py` with `rows(peers) -> list[Row]`. One BLAS thread; the best of
several runs after one that loads and compiles everything, end to end from a DataFrame.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes
    ----------
    task, package : str
    seconds : float
        Best of several runs by the clock.
    cpu : float
        Processor seconds of that run.
    result : str
        What was found, for comparison.
    """

    task: str
    package: str
    seconds: float
    cpu: float
    result: str = ""


def best(task: str, package: str, run: Callable[[], str], budget: float = 3.0) -> Row:
    """The best of up to seven runs within a budget of seconds, after one to warm up."""
    run()
    found: list[tuple[float, float]] = []
    result = ""
    began = time.perf_counter()
    while len(found) < 7 and (not found or time.perf_counter() - began < budget):
        start, cpu = time.perf_counter(), time.process_time()
        result = run()
        found.append((time.perf_counter() - start, time.process_time() - cpu))
    seconds, used = min(found)
    print(f"{task} · {package}: {seconds:.4f} s · {result}", flush=True)
    return Row(task, package, seconds, used, result)


def table(rows: list[Row]) -> list[str]:
    """Markdown: seconds, and how many times ours."""
    own = {row.task: row.cpu for row in rows if row.package == "ours"}
    out = ["| task | package | seconds | CPU | CPU, times ours | found |", "|---|---|---|---|---|---|"]
    for row in rows:
        base = own.get(row.task)
        ratio = f"{row.cpu / base:.3g}" if base and row.package != "ours" else ""
        out.append(
            f"| {row.task} | {row.package} | {row.seconds:.3g} | {row.cpu:.3g} | {ratio} | {row.result} |"
        )
    return out


def main() -> None:
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # read when a part imports numpy
    sys.path.insert(0, str(HERE))
    parts = sorted(p.stem.removeprefix("_inference_") for p in HERE.glob("_inference_*.py"))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(parts)}; all when absent")
    parser.add_argument("--no-peers", action="store_true", help="time our own code only")
    parser.add_argument("--output", type=Path, default=HERE / "RESULTS-inference.md")
    options = parser.parse_args()
    unknown = set(options.parts) - set(parts)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    rows: dict[str, list[Row]] = {}
    for part in options.parts or parts:
        rows[part] = importlib.import_module(f"_inference_{part}").rows(not options.no_peers)
    names = ("numpy", "scipy", "pandas", "diff-diff", "pyfixest")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    text = [
        "# Benchmarks of inference",
        "",
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {versions}.",
        "One BLAS thread. Made by `python benchmarks/inference.py`.",
    ]
    for part, found in rows.items():
        module = sys.modules[f"_inference_{part}"]
        about = " ".join((module.__doc__ or "").split())
        text += ["", f"## {part.replace('_', ' ').capitalize()}", "", about, "", *table(found)]
    options.output.write_text("\n".join([*text, ""]), encoding="utf-8")


if __name__ == "__main__":
    # parts import this module by name
    sys.modules["inference"] = sys.modules["__main__"]
    main()
