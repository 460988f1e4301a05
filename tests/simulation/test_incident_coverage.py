"""Coverage in simulated incidents with one of eight districts treated: ``make slow``.

Designs, rows and arithmetic are those of ``benchmarks/incident_coverage.py``, whose table is in METHODS.md.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

DRAWS = 200
SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "incident_coverage.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("incident_coverage", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BENCHMARK = load()


@pytest.mark.slow
@pytest.mark.parametrize("design", list(BENCHMARK.DESIGNS))
def test_intervals_hold_the_truth_in_90_to_99_percent_of_draws(design: str) -> None:
    table = BENCHMARK.coverage(DRAWS, [design])
    print("\n" + BENCHMARK.markdown(table))
    for row in table.itertuples():
        name = f"{design}: {row.label}"
        if row.none:
            assert row.unbounded == 100, name
        elif row.fails:
            # a wide interval around a wrong number, and a slight bias, may cover all the same
            assert row.covered < 90 or "clustered" not in row.label, name
        else:
            low, high = (90, 99) if row.level == 95 else (80, 95)
            assert low <= row.covered <= high, name
            assert abs(row.mean - row.truth) < 4 * row.deviation / np.sqrt(DRAWS), name


def test_every_row_runs_and_says_whether_it_has_an_interval() -> None:
    """A few draws, so that the table cannot rot between slow runs."""
    table = BENCHMARK.coverage(2, ["all cases, months independent"])
    assert (table["unbounded"] == 100).equals(table["none"] != "")
    held = table[(table["fails"] == "") & (table["none"] == "")]
    assert (held["mean"] - held["truth"]).abs().max() < 0.1
    assert BENCHMARK.markdown(table).count("\n") == len(table) + 1
