"""Every test of an effect is read in one way, and ties are ties everywhere."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from dense_panels import DESIGN, GROUPED, panel

from evaluation.errors import EstimationError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import (
    cluster_robust,
    conley_taber,
    ferman_pinto,
    ibragimov_muller,
    randomization_in_time,
    randomization_test,
    wild_cluster_bootstrap,
)
from evaluation.numerics.ranks import as_far, rank_p


def table():
    """16 units in 8 groups over 12 periods, two of them treated from period 7."""
    unit, time = np.repeat(np.arange(16), 12), np.tile(np.arange(1, 13), 16)
    y = np.random.default_rng(5).normal(size=192) + unit + time / 3 + ((unit % 8 == 0) & (time >= 7))
    first = np.where(unit % 8 == 0, 7.0, np.nan)
    return pd.DataFrame({"unit": unit, "time": time, "y": y, "first": first, "group": unit // 2})


TESTS = [
    (cluster_robust, DESIGN),
    (conley_taber, DESIGN),
    (partial(ferman_pinto, variance="before"), DESIGN),
    (ibragimov_muller, GROUPED),
    (randomization_in_time, DESIGN),
    (randomization_test, DESIGN),
    (wild_cluster_bootstrap, GROUPED),
]


@pytest.mark.parametrize(("ask", "design"), TESTS)
def test_every_test_is_read_in_one_way(ask, design):
    test = ask(TwoWayFixedEffects(), panel(table()), design)
    assert np.isfinite(test.estimate) or test.reason
    assert test.smallest_p <= test.p_value <= 1 or test.reason
    for level in (0.5, 0.9, 0.95):
        low, high, reason = test.interval(level)
        np.testing.assert_array_equal(test.conf_int(level), (low, high))
        assert np.isfinite([low, high]).all() or reason
    with pytest.raises(EstimationError, match="level"):
        test.conf_int(95)


def test_assignments_that_tie_but_for_rounding_count_as_ties():
    third = 0.1 + 0.2
    assert rank_p(np.array([0.3, 0.1, 0.2]), third) == 2 / 4
    np.testing.assert_array_equal(as_far([[0.3, 0.1], [0.2, 0.4]], [third, 0.4]), [[1, 0], [0, 1]])
    np.testing.assert_allclose(rank_p(np.array([[0.3, 0.1]]), np.array([[third]]), axis=1), [2 / 3])
