"""Coverage of intervals and bands in panels whose effects are known: ``make slow``.

Designs, rows and arithmetic are those of ``benchmarks/interval_coverage.py``, whose table is in METHODS.md.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

DRAWS = 1000
SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "interval_coverage.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("coverage_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BENCHMARK = load()


@pytest.mark.slow
@pytest.mark.parametrize("design", list(BENCHMARK.DESIGNS))
def test_intervals_and_bands_cover(design: str) -> None:
    table = BENCHMARK.coverage(DRAWS, [design])
    print("\n" + BENCHMARK.markdown(table))
    for row in table.itertuples():
        name = f"{design}: {row.estimator}"
        if row.fails:
            assert row.covered < 0.85, name
            continue
        low, high = row.expected
        assert row.biased or abs(row.mean - row.truth) < 4 * row.deviation / np.sqrt(DRAWS), name
        assert low <= row.covered <= high, name
        # what single intervals lack with small cohorts, bands make up for
        assert np.isnan(row.band) or 0.915 <= row.band <= max(high, 0.97) + 0.02, name


def test_every_row_runs_and_its_truth_is_the_designs() -> None:
    """A few draws of every design, so that the table cannot rot between slow runs."""
    table = BENCHMARK.coverage(2)
    assert table.groupby("design", sort=False).ngroups == len(BENCHMARK.DESIGNS)
    assert np.isfinite(table[["truth", "mean", "mean_se", "deviation", "covered"]]).all().all()
    assert (table["mean"] - table["truth"]).abs().max() < 1.5
    text = BENCHMARK.markdown(table)
    assert text.count("\n") == len(table) + 1
    pd.testing.assert_frame_equal(
        table[table["design"] == "one date"], BENCHMARK.coverage(2, ["one date"]), check_like=True
    )


def test_every_estimator_of_the_package_has_a_row() -> None:
    names = {type(row.estimator).__name__ for rows in BENCHMARK.ROWS.values() for row in rows}
    assert names == {
        "TwoWayFixedEffects",
        "GroupTime",
        "Imputation",
        "InteractionWeighted",
        "PoissonFixedEffects",
        "PoissonImputation",
        "Stacked",
        "ExtendedTwoWayFixedEffects",
        "TwoByTwo",
    }
