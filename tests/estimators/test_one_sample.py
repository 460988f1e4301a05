"""One reading of a panel under a design, whoever asks: late treatment, missing clusters, few units."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.analysis.staggered.methods import clusters_of
from evaluation.diagnostics import bacon, negative_weights
from evaluation.errors import DataError, DesignError
from evaluation.estimators import (
    ExtendedTwoWayFixedEffects,
    GroupTime,
    Imputation,
    InteractionWeighted,
    PoissonFixedEffects,
    PoissonImputation,
    Stacked,
    SyntheticControl,
    SyntheticDiD,
    TwoByTwo,
    TwoWayFixedEffects,
)
from evaluation.inference import ibragimov_muller, randomization_test, recommend

EVERY = [
    TwoWayFixedEffects(),
    TwoWayFixedEffects(event_study=True),
    TwoByTwo(),
    PoissonFixedEffects(),
    PoissonImputation(),
    Stacked(),
    ExtendedTwoWayFixedEffects(),
    ExtendedTwoWayFixedEffects(family="poisson"),
    GroupTime(),
    Imputation(),
    InteractionWeighted(),
    SyntheticControl(variance="none"),
    SyntheticDiD(variance="none"),
]


def counts(units=24, periods=8, treated=8, start=5, seed=3):
    rng = np.random.default_rng(seed)
    ids, times = np.arange(units), np.arange(1, periods + 1)
    frame = pd.DataFrame({"id": np.repeat(ids, periods), "t": np.tile(times, units)})
    frame["y"] = rng.poisson(6 + frame["id"] % 5 + frame["t"] % 3).astype(float)
    frame["g"] = np.where(frame["id"] < treated, float(start), np.nan)
    frame["cl"] = frame["id"] // 2
    return frame


def windowed(estimator, design):
    return replace(design, window=(-3, 2)) if estimator.supports.window == "required" else design


def panel(frame):
    return Panel(frame, unit="id", time="t")


@pytest.mark.parametrize("late", [20, 9999])
@pytest.mark.parametrize("never", ["some never treated", "all others late"])
@pytest.mark.parametrize("estimator", EVERY, ids=str)
def test_units_treated_after_the_panel_count_as_never_treated(estimator, never, late):
    frame = counts()
    design = Design("y", "g", window=(-3, 2) if isinstance(estimator, Stacked) else None)
    expected = estimator.fit(panel(frame), design)
    others = frame["g"].isna() & ((frame["id"] >= 20) | (never == "all others late"))
    result = estimator.fit(panel(frame.assign(g=frame["g"].mask(others, late))), design)
    np.testing.assert_array_equal(result.coef, expected.coef)
    np.testing.assert_array_equal(result.vcov, expected.vcov)
    assert result.sample.treated == 8
    n = frame.loc[others, "id"].nunique()
    assert f"{n} units are treated after the last period and count as never treated" in result.notes


@pytest.mark.parametrize(
    "ask",
    [
        lambda p, d: randomization_test(TwoWayFixedEffects(), p, d, draws=50, seed=1).placebo,
        lambda p, d: recommend(p, d).facts.treated_units,
        lambda p, d: bacon(p, d).table["weight"].to_numpy(),
        lambda p, d: negative_weights(p, d).statistic,
    ],
    ids=["randomization_test", "recommend", "bacon", "negative_weights"],
)
def test_tests_and_diagnostics_read_late_treatment_alike(ask):
    frame = counts()
    late = frame.assign(g=frame["g"].fillna(9999))
    np.testing.assert_array_equal(ask(panel(late), Design("y", "g")), ask(panel(frame), Design("y", "g")))


def test_nobody_treated_within_the_panel_is_refused():
    with pytest.raises(
        DesignError, match=r"after the panel's last period(.|\n)*from 20; the panel ends in 8"
    ):
        GroupTime().fit(panel(counts(start=20)), Design("y", "g"))


@pytest.mark.parametrize(
    "ask",
    [
        *(lambda p, d, e=e: e.fit(p, windowed(e, d)) for e in EVERY[:-2]),
        lambda p, d: ibragimov_muller(TwoByTwo(), p, d),
        lambda p, d: randomization_test(TwoWayFixedEffects(), p, d, draws=50, seed=1),
        recommend,
        clusters_of,
    ],
)
def test_a_missing_cluster_is_an_error_that_names_the_rows(ask):
    frame = counts()
    frame["cl"] = frame["cl"].astype(float).mask(frame["id"] == 7)
    with pytest.raises(DataError, match=r"cluster 'cl' is missing in 8 rows\n  where: units 7; rows 56, 57"):
        ask(panel(frame), Design("y", "g", cluster="cl"))


@pytest.mark.parametrize(("treated", "words"), [(8, "8 treated"), (16, "8 untreated"), (12, None)])
def test_few_clusters_on_a_side_have_a_note(treated, words):
    notes = TwoWayFixedEffects().fit(panel(counts(treated=treated)), Design("y", "g")).notes
    assert any(f"{words} clusters are few" in note for note in notes) == (words is not None)


def test_a_cohort_of_one_has_a_note_in_every_cohort_estimator():
    frame = counts()
    frame.loc[frame["id"] == 0, "g"] = 4.0
    for estimator in (GroupTime(), Imputation(), InteractionWeighted(), ExtendedTwoWayFixedEffects()):
        assert any(
            "one unit only in 4" in note for note in estimator.fit(panel(frame), Design("y", "g")).notes
        )


ABSENT = {"covariates": ("x",), "weights": "x", "cluster": ("id", "cl"), "comparison": "not_yet_treated"}


@pytest.mark.parametrize("estimator", EVERY, ids=str)
def test_what_an_estimator_does_not_take_is_declared_and_refused(estimator):
    data, design = panel(counts().assign(x=1.0)), windowed(estimator, Design("y", "g"))
    takes = estimator.supports
    estimator.fit(data, design)
    for name, value in ABSENT.items():
        allowed = {"cluster": takes.clusters == 2, "comparison": takes.not_yet_treated}
        if not allowed.get(name, getattr(takes, name, True)):
            with pytest.raises(DesignError, match=f"{takes.method} takes") as caught:
                estimator.fit(data, replace(design, **{name: value}))
            assert caught.value.where == f"{name}={value!r}"
            assert caught.value.fix


@pytest.mark.parametrize("estimator", EVERY, ids=str)
def test_no_effect_outside_the_window_is_reported(estimator):
    """And where the window is for reports alone, the effects inside are what they are without one."""
    data, design, inside = panel(counts(start=5)), Design("y", "g"), replace(Design("y", "g"), window=(-2, 1))
    takes = estimator.supports.window
    if takes == "none":
        with pytest.raises(DesignError, match="takes no window"):
            estimator.fit(data, inside)
        return
    found = estimator.fit(data, inside)
    if "event_time" in found.terms:
        assert found.terms["event_time"].dropna().between(-2, 1).all()
    if takes == "reported" and found.terms.get("event_time", pd.Series()).notna().any():
        every = estimator.fit(data, design)
        within = every.terms["event_time"].between(-2, 1).to_numpy()
        np.testing.assert_allclose(found.coef, every.coef[within], rtol=1e-10)


def test_one_ratio_of_counts_is_of_the_window():
    """Treated from period 5: periods 5 and 6 alone, as if the panel ended there."""
    frame = counts(start=5)
    found = PoissonImputation().fit(panel(frame), Design("y", "g", window=(0, 1)))
    by_event = PoissonImputation(event_study=True).fit(panel(frame), Design("y", "g", window=(0, 1)))
    assert by_event.coef.min() <= found.estimate <= by_event.coef.max()
    short = PoissonImputation().fit(panel(frame[frame["t"] <= 6]), Design("y", "g"))
    np.testing.assert_allclose(found.estimate, short.estimate, rtol=1e-10)
