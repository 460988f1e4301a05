"""Placebos computed for all assignments at once are those of a fit for each."""

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Imputation, OverallATT, Panel, TwoWayFixedEffects
from evaluation.inference import randomization, randomization_test


def table(gaps: float) -> pd.DataFrame:
    random = np.random.default_rng(3)
    units, periods = 9, 8
    frame = pd.DataFrame(
        {"unit": np.repeat(np.arange(units), periods), "time": np.tile(np.arange(periods), units)}
    )
    frame["first"] = frame["unit"].map({0: 4, 1: 5, 2: 5})
    frame["x"] = random.normal(size=len(frame))
    frame["y"] = random.normal(size=len(frame)) + (frame["time"] >= frame["first"])
    frame["w"] = frame["unit"].map(dict(enumerate(random.uniform(1, 3, units))))
    return frame[random.random(len(frame)) >= gaps]


@pytest.mark.parametrize("estimator", [TwoWayFixedEffects(), OverallATT(OverallATT(Imputation()))])
@pytest.mark.parametrize(
    ("gaps", "options"),
    [(0.0, {"weights": "w"}), (0.1, {}), (0.1, {"weights": "w", "covariates": ("x",)})],
)
def test_all_at_once_is_one_after_the_other(estimator, gaps, options, monkeypatch):
    panel = Panel(table(gaps), unit="unit", time="time")
    design = Design("y", "first", **options)
    monkeypatch.setattr(randomization, "_refits", None)  # nothing is fitted for an assignment
    quick = randomization_test(estimator, panel, design, draws=9, seed=1)
    monkeypatch.undo()
    monkeypatch.setattr(randomization, "reassigned_placebos", lambda *given: None)
    slow = randomization_test(estimator, panel, design, draws=9, seed=1)
    for name in ("observed", "placebo", "slope"):
        assert np.allclose(getattr(quick, name), getattr(slow, name), rtol=1e-8, atol=1e-10), name
    assert quick.n_assignments == slow.n_assignments == 10


def test_an_assignment_that_cannot_be_solved_is_fitted():
    """Where an assignment leaves a period without anybody untreated the estimator says what it does."""
    frame = table(0.0)
    last = frame["time"] == 7
    frame = frame[~last | frame["unit"].isin([0, 1, 2, 3])]
    panel = Panel(frame, unit="unit", time="time")
    test = randomization_test(OverallATT(Imputation()), panel, Design("y", "first"), draws=200, seed=1)
    assert np.isfinite(test.observed).all()
