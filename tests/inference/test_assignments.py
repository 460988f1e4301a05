"""What a randomisation test permutes: clusters, units within them, several dates; and its intervals."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.diagnostics import minimum_effect
from evaluation.errors import DesignError, EstimationError, EvaluationError
from evaluation.estimators import (
    ExtendedTwoWayFixedEffects,
    GroupTime,
    Imputation,
    InteractionWeighted,
    OverallATT,
    PoissonImputation,
    Stacked,
    SyntheticControl,
    TwoWayFixedEffects,
)
from evaluation.inference import (
    assignments,
    conley_taber,
    ferman_pinto,
    ibragimov_muller,
    placebo_paths,
    randomization_in_time,
    randomization_test,
    refusal,
)

TWFE = TwoWayFixedEffects()
DESIGN = Design("y", "first")
BY_CLUSTER = Design("y", "first", cluster="city")
SIZES = (1, 2, 2, 3, 4)
PERIODS = 6


class Refitted:
    """The same estimator, not recognised, so that every assignment is fitted anew."""

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, panel, design):
        return self.estimator.fit(panel, design)


def frame(first, sizes=SIZES, seed=0, periods=PERIODS) -> pd.DataFrame:
    """Units in cities of some sizes; ``first`` gives the first treated period of a unit or of a city."""
    rng = np.random.default_rng(seed)
    city = np.repeat(np.arange(len(sizes)), sizes)
    n = len(city)
    start = [first.get(("city", c), first.get(u, np.nan)) for u, c in enumerate(city)]
    shock = np.cumsum(rng.normal(size=(len(sizes), periods)), axis=1)[city]
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(n), periods),
            "time": np.tile(np.arange(periods), n),
            "city": np.repeat([f"city {c}" for c in city], periods),
            "first": np.repeat(np.array(start, dtype=float), periods),
            "y": (shock + rng.normal(size=(n, periods))).ravel(),
            "x": np.repeat(rng.normal(size=n), periods),
            "z": rng.normal(size=n * periods),
        }
    )


def panel(data: pd.DataFrame) -> Panel:
    return Panel(data, unit="unit", time="time")


CITIES = {("city", 1): 3, ("city", 3): 3}
TWO_DATES = {("city", 1): 3, ("city", 3): 4}
UNITS = {3: 3, 5: 4, 8: 3}  # one of two in city 2, one of three in city 3, one of four in city 4


def everything(data: pd.DataFrame, swaps) -> np.ndarray:
    """Estimates for every first treated period a unit in ``swaps``, fitted one by one."""
    moved = (panel(data.assign(first=np.array(by_unit)[data["unit"]])) for by_unit in swaps)
    return np.sort([TWFE.fit(one, DESIGN).estimate for one in moved])


def test_clusters_are_permuted_where_they_were_treated_as_a_whole():
    """Of unequal size: the denominator of the regression moves with the assignment."""
    data = frame(TWO_DATES)
    plan = assignments(panel(data), BY_CLUSTER)
    assert (plan.level, plan.n_distinct, plan.cluster) == ("cluster", 20.0, "city")
    test = randomization_test(TWFE, panel(data), BY_CLUSTER)
    ways = set(permutations([3.0, 4.0, np.inf, np.inf, np.inf]))
    expected = everything(data, [np.repeat(way, SIZES) for way in ways])
    assert len(expected) == test.n_assignments == 20
    np.testing.assert_allclose(np.sort([test.estimate, *test.placebo[:, 0]]), expected, atol=1e-12)
    assert test.exact
    assert "2 of 5 are treated" in test.notes[0]
    assert "1 to 4 units" in test.notes[1]
    slow = randomization_test(Refitted(TWFE), panel(data), BY_CLUSTER)
    np.testing.assert_allclose(slow.placebo, test.placebo, atol=1e-12)


@pytest.mark.parametrize("starts", [CITIES, {("city", 2): 3}])
def test_event_studies_and_synthetic_methods_permute_clusters_too(starts):
    data = panel(frame(starts))
    for estimator in (
        TwoWayFixedEffects(event_study=True),
        SyntheticControl(variance="none", intercept=True),
    ):
        fast = randomization_test(estimator, data, BY_CLUSTER)
        slow = randomization_test(Refitted(estimator), data, BY_CLUSTER)
        np.testing.assert_allclose(fast.placebo, slow.placebo, atol=1e-8)
        np.testing.assert_allclose(fast.observed, slow.observed, atol=1e-8)
        assert fast.labels == slow.labels
        assert (fast.labels == ("city 0", "city 1", "city 3", "city 4")) == (len(starts) == 1)


def test_units_are_permuted_within_clusters_where_treatment_varies_within_them():
    data = frame(UNITS)
    plan = assignments(panel(data), BY_CLUSTER)
    assert (plan.level, plan.n_distinct) == ("within", 24.0)
    test = randomization_test(TWFE, panel(data), BY_CLUSTER)
    swaps = []
    for a, b, c in product((3, 4), (5, 6, 7), (8, 9, 10, 11)):
        by_unit = np.full(12, np.inf)
        by_unit[[a, b, c]] = 3.0, 4.0, 3.0
        swaps.append(by_unit)
    np.testing.assert_allclose(
        np.sort([test.estimate, *test.placebo[:, 0]]), everything(data, swaps), atol=1e-12
    )
    drawn = randomization_test(TWFE, panel(data), BY_CLUSTER, draws=20, seed=1)
    assert not drawn.exact
    assert set(np.round(drawn.placebo[:, 0], 9)) <= set(np.round(everything(data, swaps), 9))


def test_three_dates_are_enumerated():
    data = frame({0: 2, 1: 3, 2: 4}, sizes=(1,) * 8)
    assert assignments(panel(data), DESIGN).n_distinct == 336
    test = randomization_test(TWFE, panel(data), DESIGN, draws=335)
    assert test.exact
    assert test.n_assignments == 336
    with pytest.raises(DesignError, match="336 assignments"):
        randomization_test(TWFE, panel(data), DESIGN, draws=300)


def test_as_many_ways_as_no_float_holds_are_infinitely_many():
    data = frame(dict.fromkeys(range(600), 2), sizes=(1,) * 1200, periods=3)
    assert assignments(panel(data), DESIGN).n_distinct == np.inf


@pytest.mark.parametrize(
    ("starts", "design", "message"),
    [
        ({("city", 1): 3, 5: 3}, BY_CLUSTER, "as a whole: city 1; in part: city 3"),
        (CITIES, Design("y", "first", cluster=("city", "time")), "city and time"),
        (CITIES, Design("y", "first", cluster="time"), r"periods \(time\) as clusters"),
        ({("city", c): 3 for c in range(5)}, BY_CLUSTER, "no donor is left"),
    ],
)
def test_what_cannot_be_permuted_is_refused_with_the_reason(starts, design, message):
    data = frame(starts)
    with pytest.raises(DesignError, match=message):
        randomization_test(TWFE, panel(data), design)
    assert isinstance(refusal("randomization_test", panel(data), design), DesignError)


def test_a_cluster_that_is_the_unit_changes_nothing():
    data = panel(frame(UNITS))
    own = Design("y", "first", cluster="unit")
    one, two = (randomization_test(TWFE, data, d, draws=99, seed=1) for d in (DESIGN, own))
    assert assignments(data, own).level == "unit"
    assert one.placebo.tobytes() == two.placebo.tobytes()


def test_refusals_are_the_errors_of_the_methods():
    data = panel(frame(CITIES))
    calls = {
        "randomization_test": lambda e, p, d: randomization_test(e, p, d, draws=9, seed=1),
        "conley_taber": lambda e, p, d: conley_taber(e, p, d, draws=99, seed=1),
        "ferman_pinto": lambda e, p, d: ferman_pinto(e, p, d, variance="before", draws=99, seed=1),
        "ibragimov_muller": ibragimov_muller,
        "randomization_in_time": randomization_in_time,
    }
    gaps = panel(frame(TWO_DATES).drop(index=7))
    early = panel(frame({("city", 1): 1, ("city", 3): 1}))
    refused = set()
    for where, (p, d) in {
        "plain": (data, DESIGN),
        "clusters": (data, BY_CLUSTER),
        "two-way": (data, Design("y", "first", cluster=("city", "time"))),
        "gaps": (gaps, DESIGN),
        "early": (early, DESIGN),
    }.items():
        for name, call in calls.items():
            found = refusal(name, p, d)
            try:
                call(TWFE, p, d)
                raised = None
            except EvaluationError as error:
                raised = error
                refused.add((where, name))
            assert str(found) == str(raised), (where, name)
    assert ("clusters", "conley_taber") in refused
    assert ("clusters", "randomization_test") not in refused
    with pytest.raises(EstimationError, match="there is no method 'magic'"):
        refusal("magic", data, DESIGN)


def test_size_is_held_where_clusters_share_a_random_walk():
    """Units permuted would reject in about half of these panels, at 5 %."""
    rng, rejected, sizes = np.random.default_rng(5), 0, (1, 2, 3, 4, 5, 6, 4, 4, 5, 6)
    for _ in range(100):
        chosen = rng.choice(10, 3, replace=False)
        data = frame({("city", int(c)): 3 for c in chosen}, sizes=sizes, seed=rng)
        rejected += randomization_test(TWFE, panel(data), BY_CLUSTER).p_value <= 0.05
    # 120 assignments: binomial(100, 0.05), 5 expected, 2.2 standard deviation
    assert rejected <= 12


def test_minimum_effect_assigns_clusters():
    got = minimum_effect(TWFE, panel(frame({("city", 2): 3})), BY_CLUSTER, inference="randomization")
    assert got.details["samples"] == 5  # each city in turn
    with pytest.raises(DesignError, match="2 of 5 clusters of city are treated"):
        minimum_effect(TWFE, panel(frame(CITIES)), BY_CLUSTER)


def test_placebo_paths_stay_within_the_treated_units_cluster():
    data = panel(frame({8: 3}))
    assert list(placebo_paths(SyntheticControl(intercept=True), data, BY_CLUSTER).units) == [8, 9, 10, 11]
    with pytest.raises(DesignError, match="whole clusters"):
        placebo_paths(SyntheticControl(intercept=True), panel(frame({0: 3})), BY_CLUSTER)


LINEAR = {
    "two-way, covariate": (TWFE, {"covariates": ("z",)}),
    "two-way, anticipation": (TWFE, {"anticipation": 1}),
    "group-time": (GroupTime(), {}),
    "group-time, reg": (GroupTime(method="reg"), {"covariates": ("x",)}),
    "group-time, dr": (GroupTime(), {"covariates": ("x",)}),
    "group-time, ipw": (GroupTime(method="ipw"), {"covariates": ("x",), "comparison": "not_yet_treated"}),
    "imputation": (Imputation(), {}),
    "interaction-weighted": (InteractionWeighted(), {}),
    "extended": (ExtendedTwoWayFixedEffects(), {}),
    "stacked": (Stacked(), {"window": (-2, 1)}),
}


@pytest.mark.parametrize("case", list(LINEAR))
def test_linear_estimators_know_what_an_effect_adds_to_each_placebo(case):
    estimator, options = LINEAR[case]
    estimator = OverallATT(estimator)
    design = Design("y", "first", **options)
    data = frame(dict.fromkeys((0, 2, 9, 13), 3) | dict.fromkeys((1, 4, 7, 21), 4), sizes=(1,) * 30)
    data = data.drop(index=5) if case == "imputation" else data
    test = randomization_test(estimator, panel(data), design, draws=6, seed=3)
    assert test.interval(0.7)[2] == ""
    reached = data["time"] + design.anticipation >= data["first"]
    moved = panel(data.assign(y=data["y"] - 3 * reached))
    without = randomization_test(estimator, moved, design, draws=6, seed=3, slopes=False)
    np.testing.assert_allclose(without.placebo, test.placebo - 3 * test.slope, atol=1e-9)
    np.testing.assert_allclose(without.estimate, test.estimate - 3, atol=1e-9)
    assert without.interval(0.7)[2] == "slopes were not asked for"


def test_an_estimator_that_is_not_linear_says_so_and_not_that_places_are_few():
    data = frame({0: 3}, sizes=(1,) * 25)
    counts = panel(data.assign(y=np.random.default_rng(1).poisson(5, len(data))))
    assert "not linear" in randomization_test(PoissonImputation(), counts, DESIGN).interval(0.9)[2]


def test_one_number_of_any_estimator():
    data = panel(frame({0: 3, 1: 4}, sizes=(1,) * 12))
    whole = GroupTime().fit(data, DESIGN)
    assert OverallATT(GroupTime()).fit(data, DESIGN).estimate == whole.aggregate("simple").estimate
    assert OverallATT(TWFE).fit(data, DESIGN).estimate == TWFE.fit(data, DESIGN).estimate
    stack = Stacked().fit(data, Design("y", "first", window=(-2, 1)))
    after = stack.terms["event_time"].to_numpy() >= 0
    one = OverallATT(Stacked()).fit(data, Design("y", "first", window=(-2, 1)))
    assert one.estimate == pytest.approx(stack.coef[after].mean())
    with pytest.raises(EstimationError, match="leave event_study out"):
        OverallATT(TwoWayFixedEffects(event_study=True)).fit(data, DESIGN)
    plain, said = (
        randomization_test(e, data, DESIGN, draws=9, seed=1) for e in (GroupTime(), OverallATT(GroupTime()))
    )
    assert plain.estimate == whole.aggregate("simple").estimate
    assert (plain.p_value, plain.interval(0.8)) == (said.p_value, said.interval(0.8))


@pytest.mark.parametrize(("scale", "often", "seldom"), [(4.0, "often", "rarely"), (0.2, "rarely", "often")])
def test_treated_units_unlike_the_rest_before_treatment_are_noted(scale, often, seldom):
    data = frame({7: 10}, sizes=(1,) * 25, periods=16)
    data["y"] = np.random.default_rng(3).normal(size=len(data))
    plain = panel(data)
    assert randomization_test(TWFE, plain, DESIGN).notes == ()
    data.loc[data["unit"] == 7, "y"] *= scale
    unlike = panel(data)
    for test in (randomization_test(TWFE, unlike, DESIGN), conley_taber(TWFE, unlike, DESIGN)):
        assert f"rejects too {often}" in test.notes[-1]
    ratio = placebo_paths(SyntheticControl(intercept=True), unlike, DESIGN)
    assert f"rejects too {seldom}" in ratio.notes[0]


def test_a_cluster_that_cuts_across_a_unit_is_an_error():
    data = frame(CITIES)
    data.loc[3, "city"] = "elsewhere"
    with pytest.raises(DesignError, match="cuts across units"):
        randomization_test(TWFE, panel(data), BY_CLUSTER)
