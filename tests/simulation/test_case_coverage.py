"""Coverage in panels made from simulated approval cases: ``make slow``.

Designs, rows and arithmetic are those of ``benchmarks/case_coverage.py``, whose table is in METHODS.md.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

DRAWS = 200
SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "case_coverage.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("case_coverage", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BENCHMARK = load()


@pytest.mark.slow
@pytest.mark.parametrize("design", list(BENCHMARK.DESIGNS))
def test_intervals_cover_the_true_effect(design: str) -> None:
    table = BENCHMARK.coverage(DRAWS, [design])
    print("\n" + BENCHMARK.markdown(table))
    for row in table.itertuples():
        if row.fails:
            assert row.covered < 0.9, row.label
        else:
            assert 0.9 <= row.covered <= 0.99, row.label
            assert abs(row.mean - row.truth) < 0.01, row.label


def test_every_row_runs() -> None:
    """Two draws of each design, so that the table cannot rot between slow runs."""
    table = BENCHMARK.coverage(2)
    assert np.isfinite(table[["truth", "mean", "covered"]]).all().all()
    naive = table[table["label"] == "decided cases, all items"]
    assert (naive["mean"] < naive["truth"] - 0.05).all()
    assert BENCHMARK.markdown(table).count("\n") == len(table) + 1
