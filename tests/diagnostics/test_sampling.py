"""What an estimator does over many draws, and that the table does not depend on who makes them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd
import pytest

from builders.simulate import Simulation
from evaluation import Design, Panel
from evaluation.diagnostics import Sampled, sampling
from evaluation.errors import EstimationError
from evaluation.estimators import GroupTime, TwoWayFixedEffects
from evaluation.numerics.chunks import working

WORLD = Simulation(units=40, periods=4, cohorts=((3, 0.5),), effect=1.0, noise=1.0)


def world(generator: np.random.Generator) -> Sampled:
    drawn = WORLD.draw(generator)
    panel = Panel(drawn.frame, unit="unit", time="period")
    return Sampled(panel, Design(outcome="y", first_treated="first_treated"), float(drawn.average().iloc[0]))


ESTIMATORS = {"two-way": TwoWayFixedEffects(), "group-time": GroupTime(method="reg")}


def test_one_date_is_estimated_without_bias_and_covered() -> None:
    found = sampling(world, ESTIMATORS, draws=60, seed=5)
    table = found.table().set_index("estimator")
    assert list(table.index) == list(ESTIMATORS)
    assert len(found.draws) == 120
    for row in table.itertuples():
        assert abs(row.bias) < 4 * row.deviation / np.sqrt(60)
        assert 0.8 <= row.coverage <= 1
        assert row.rejected > 0.5  # the effect is three standard errors
        assert row.failed == 0
        assert row.coverage_error == pytest.approx(np.sqrt(row.coverage * (1 - row.coverage) / 60))


def test_the_table_is_the_same_on_two_processes() -> None:
    alone = sampling(world, ESTIMATORS, draws=30, seed=5, chunk=7)
    pool = ProcessPoolExecutor(2, mp_context=get_context("fork"))
    with pool, working(lambda function, arguments: list(pool.map(function, arguments))):
        together = sampling(world, ESTIMATORS, draws=30, seed=5, chunk=7)
    pd.testing.assert_frame_equal(alone.draws, together.draws, check_exact=True)


@dataclass(frozen=True)
class Sometimes:
    """Has no answer for panels whose first outcome is negative."""

    def fit(self, panel: Panel, design: Design) -> Any:
        if panel.frame[design.outcome].iloc[0] < 0:
            raise EstimationError("no answer")
        return TwoWayFixedEffects().fit(panel, design)


def test_a_draw_without_an_answer_is_counted() -> None:
    found = sampling(world, {"sometimes": Sometimes()}, draws=20, seed=1)
    (row,) = found.table().itertuples()
    absent = int(found.draws["estimate"].isna().sum())
    assert row.failed == absent > 0
    assert np.isfinite(row.coverage)


@pytest.mark.parametrize(("estimators", "draws"), [({}, 10), (ESTIMATORS, 1)])
def test_too_little_says_nothing(estimators: Any, draws: int) -> None:
    with pytest.raises(EstimationError, match="say nothing"):
        sampling(world, estimators, draws=draws, seed=1)
