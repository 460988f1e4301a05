"""The bulletin's rank sets hold all true ranks at once: ``make slow``.

Designs and arithmetic are those of ``benchmarks/rank_sets.py``, whose table is in METHODS.md.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

RUNS = 300
SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "rank_sets.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rank_sets_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BENCHMARK = load()


@pytest.mark.slow
@pytest.mark.parametrize("design", list(BENCHMARK.DESIGNS))
def test_all_ranks_are_held_as_often_as_promised(design: str) -> None:
    table = BENCHMARK.coverage(RUNS, [design])
    print("\n" + BENCHMARK.markdown(table))
    # 95 % promised; three standard errors of so many runs below it
    assert (table["held"] >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / RUNS)).all()
    if design == "far apart":
        assert table.set_index(["measure", "scale"]).loc[("composite", "percent"), "told"] > 5


def test_every_design_runs() -> None:
    """One bulletin of every design, so that the table cannot rot between slow runs."""
    table = BENCHMARK.coverage(1)
    assert len(table) == len(BENCHMARK.DESIGNS) * len(BENCHMARK.MEASURES)
    assert table["first"].between(1, 17).all()
    assert BENCHMARK.markdown(table).count("\n") == len(table) + 1


def test_places_with_autocorrelation_run() -> None:
    rows = [BENCHMARK.tied_places(correlation, tails, 1) for correlation, tails in ((0.3, 3), (0.97, 0))]
    assert [row.count("|") for row in rows] == [7, 7]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("correlation", "tails"), [(0.0, 0), (0.25, 0), (0.3, 3), (0.6, 0), (0.6, 3), (0.8, 0)]
)
def test_tied_places_are_held_however_alike_their_dekads_are(correlation: float, tails: int) -> None:
    row = BENCHMARK.tied_places(correlation, tails, RUNS)
    print("\n" + row)
    held = float(row.split("|")[3])
    assert held >= 95 - 3 * 100 * np.sqrt(0.95 * 0.05 / RUNS)
