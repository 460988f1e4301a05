"""Imputed counts, the jackknife over clusters, and estimates without each unit at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from builders.simulate import Simulation
from evaluation import Design, Panel
from evaluation.errors import DataError, DesignError, EstimationError
from evaluation.estimators import (
    ExtendedTwoWayFixedEffects,
    GroupTime,
    Imputation,
    InteractionWeighted,
    PoissonFixedEffects,
    PoissonImputation,
    TwoWayFixedEffects,
)
from evaluation.inference import cluster_robust
from evaluation.numerics.jackknife import degrees_of_freedom, jackknife_covariance, smaller_side
from evaluation.numerics.leave_out import WITH_GAPS, WITHOUT
from evaluation.numerics.proportional import fit_proportional


@pytest.fixture
def frame(simulate):
    made = simulate(11, units=40, periods=8, cohorts=(4, 6))
    rng = np.random.default_rng(3)
    size = rng.uniform(0.5, 5, made["id"].max() + 1)
    made["pop"] = size[made["id"]] * (1 + 0.02 * made["t"])
    on = made["t"] >= made["g"]
    made["count"] = rng.poisson(6 * made["pop"] * np.exp(0.1 * made["t"] - 0.4 * on)).astype(float)
    return made


def fit(frame, estimator=None, **design):
    panel = Panel(frame, unit="id", time="t")
    return (estimator or PoissonImputation(exposure="pop")).fit(panel, Design("count", "g", **design))


def test_it_is_the_poisson_regression_on_untreated_rows(frame):
    """statsmodels on untreated rows with dummies, predicted for treated ones."""
    untreated = ~(frame["t"] >= frame["g"])
    x = pd.get_dummies(frame[["id", "t"]].astype("category"), drop_first=True, dtype=float)
    x.insert(0, "one", 1.0)
    model = sm.GLM(
        frame.loc[untreated, "count"],
        x[untreated],
        family=sm.families.Poisson(),
        offset=np.log(frame.loc[untreated, "pop"]),
    ).fit(tol=1e-12)
    expected = model.predict(x[~untreated], offset=np.log(frame.loc[~untreated, "pop"])).sum()
    events = frame.loc[~untreated, "count"].sum()
    result = fit(frame)
    assert result.estimate == pytest.approx(np.log(events / expected), abs=1e-8)
    assert result.details.events == events
    assert result.details.expected == pytest.approx(expected, rel=1e-8)


def test_it_is_the_extended_regression_where_no_cell_is_empty(frame):
    """Wooldridge (2023): effects in counts, weighted by observations, give the same sum."""
    extended = fit(
        frame,
        ExtendedTwoWayFixedEffects(family="poisson", effects="count", exposure="pop"),
        comparison="not_yet_treated",
    )
    mean_effect = extended.aggregate("simple").estimate
    treated = frame[frame["t"] >= frame["g"]]
    expected = treated["count"].sum() - mean_effect * len(treated)
    assert fit(frame).estimate == pytest.approx(np.log(treated["count"].sum() / expected), abs=1e-7)


def test_one_date_and_two_periods_is_the_ratio_of_ratios(frame):
    two = frame[frame["t"].isin([1, 5])].assign(g=lambda f: f["g"].where(f["g"] == 4))
    sums = two.groupby([two["g"].notna(), "t"])["count"].sum()
    # without exposure one cohort's own sums are sufficient
    expected = np.log(sums[True, 5] / sums[True, 1] * sums[False, 1] / sums[False, 5])
    assert fit(two, PoissonImputation()).estimate == pytest.approx(expected, abs=1e-9)


def test_event_times_add_up_to_the_whole(frame):
    whole, by_event = fit(frame), fit(frame, PoissonImputation(exposure="pop", event_study=True))
    treated = frame[frame["t"] >= frame["g"]]
    events = treated.groupby(treated["t"] - treated["g"])["count"].sum().to_numpy()
    assert (events / np.exp(by_event.coef)).sum() == pytest.approx(whole.details.expected, rel=1e-8)
    assert by_event.terms["event_time"].tolist() == [0, 1, 2, 3, 4]


def test_the_standard_error_is_the_jackknife_by_refitting(frame):
    result = fit(frame, cluster="cl")
    labels = sorted(frame["cl"].unique())
    without = np.array([fit(frame[frame["cl"] != label], cluster="cl").estimate for label in labels])
    np.testing.assert_allclose(result.details.without[:, 0], without, atol=1e-8)
    g = len(labels)
    variance = (g - 1) / g * ((without - result.estimate) ** 2).sum()
    assert result.std_error == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_cells_without_an_event_stay_in(frame):
    """A cohort-period without events is -100 percent in the regression and dropped there; here it counts."""
    empty = frame.copy()
    empty.loc[(empty["g"] == 6) & (empty["t"] == 7), "count"] = 0.0
    assert fit(empty).estimate < fit(frame).estimate - 0.05


def silenced(frame):
    unit = frame.loc[frame["g"] == 4, "id"].iloc[0]
    silent = frame.copy()
    silent.loc[(silent["id"] == unit) & (silent["t"] < 4), "count"] = 0.0
    return silent, unit


def test_a_treated_unit_without_events_before_stays(frame):
    """Its events after treatment are counted and 0 are expected: events do not decide who is left out."""
    silent, unit = silenced(frame)
    result = fit(silent)
    others = fit(silent[silent["id"] != unit])
    after = silent.loc[(silent["id"] == unit) & (silent["t"] >= 4), "count"].sum()
    assert after > 0
    assert result.details.expected == pytest.approx(others.details.expected, rel=1e-9)
    assert result.details.events == others.details.events + after
    assert any("1 of 28 treated units have no event before" in note for note in result.notes)


def test_the_standard_error_counts_a_unit_without_events_before(frame):
    """The jackknife leaves it out in its turn, as it does every other."""
    silent, _ = silenced(frame)
    result = fit(silent)
    without = np.array([fit(silent[silent["id"] != i]).estimate for i in sorted(silent["id"].unique())])
    np.testing.assert_allclose(result.details.without[:, 0], without, atol=1e-8)


def test_a_unit_never_seen_before_treatment_is_left_out(frame):
    unit = frame.loc[frame["g"] == 4, "id"].iloc[0]
    late = frame[(frame["id"] != unit) | (frame["t"] >= 4)]
    result = fit(late)
    assert result.estimate == pytest.approx(fit(frame[frame["id"] != unit]).estimate, abs=1e-9)
    assert any("not observed before treatment" in note for note in result.notes)


def test_rare_events_where_nothing_happened_show_no_effect():
    """Mean 0.2, true ratio 1: leaving out units without an event before finds a fall by a quarter."""
    draws = [
        Simulation(effect=0.0, counts=True, noise=0.3, level=-2.9).draw(np.random.default_rng([20, i]))
        for i in range(40)
    ]
    design = Design("y", "first_treated")
    found = [
        PoissonImputation(exposure="exposure").fit(Panel(drawn.frame, unit="unit", time="period"), design)
        for drawn in draws
    ]
    estimates = np.array([result.estimate for result in found])
    assert abs(estimates.mean()) < 3 * estimates.std(ddof=1) / np.sqrt(len(draws))
    held = np.mean([low <= 0 <= high for low, high in (result.conf_int() for result in found)])
    assert held > 0.85


def test_equal_to_the_extended_regression_only_where_exposure_is_constant_and_nothing_is_missing(frame):
    """Summed up in one ratio the two agree in a balanced panel with fixed exposure, and part elsewhere."""

    def both(data):
        ours = fit(data)
        cells = fit(
            data,
            ExtendedTwoWayFixedEffects(family="poisson", effects="count", exposure="pop"),
            comparison="not_yet_treated",
        )
        treated = data[data["t"] >= data["g"]]
        expected = treated["count"].sum() - cells.aggregate("simple").estimate * len(treated)
        return ours.estimate, np.log(treated["count"].sum() / expected)

    fixed = frame.assign(pop=frame.groupby("id")["pop"].transform("first"))
    ours, theirs = both(fixed)
    assert ours == pytest.approx(theirs, abs=1e-7)
    rng = np.random.default_rng(8)
    moving = fixed.assign(pop=fixed["pop"] * rng.uniform(0.3, 3, len(fixed)))
    ours, theirs = both(moving)
    assert abs(ours - theirs) > 0.002
    ours, theirs = both(fixed[rng.uniform(size=len(fixed)) < 0.8])
    assert abs(ours - theirs) > 0.002


def test_it_is_close_to_two_way_poisson_when_the_effect_is_constant(frame):
    simple = fit(frame, PoissonFixedEffects(exposure="pop"))
    assert fit(frame).estimate == pytest.approx(simple.estimate, abs=0.05)
    assert fit(frame).estimate == pytest.approx(-0.4, abs=0.1)


def test_without_the_only_treated_cluster_there_is_no_error(frame):
    one = frame[(frame["g"].isna()) | (frame["id"] == frame.loc[frame["g"] == 4, "id"].iloc[0])]
    result = fit(one)
    assert np.isfinite(result.estimate)
    assert np.isnan(result.std_error)
    assert any("without one of the clusters" in note for note in result.notes)


@pytest.mark.parametrize(
    ("change", "design", "kind", "said"),
    [
        ({}, {"covariates": ("x",)}, DesignError, "takes no covariates"),
        ({}, {"weights": "w"}, DesignError, "takes no weights"),
        ({"count": -1.0}, {}, DataError, "is negative"),
        ({"pop": 0.0}, {}, DataError, "exposure 'pop' is not positive"),
    ],
)
def test_bad_input(frame, change, design, kind, said):
    bad = frame.copy()
    for column, value in change.items():
        bad.loc[bad.index[3], column] = value
    with pytest.raises(kind, match=said.replace("(", r"\(")):
        fit(bad, **design)


def test_a_period_in_which_all_are_treated_is_named(frame):
    with pytest.raises(DesignError, match="nobody to compare with"):
        fit(frame[frame["g"].notna()])


def test_nothing_before_treatment_to_expect_from(frame):
    bad = frame.copy()
    bad.loc[bad["g"].notna() & (bad["t"] < bad["g"]), "count"] = 0.0
    with pytest.raises(DesignError, match="nothing can be expected"):
        fit(bad)


# proportional fitting ---------------------------------------------------------------------------


def test_fitted_sums_are_the_observed_ones():
    rng = np.random.default_rng(5)
    events, exposure = rng.poisson(4, (12, 6)).astype(float), rng.uniform(1, 3, (12, 6))
    used = rng.uniform(size=(12, 6)) > 0.2
    weights = np.vstack([np.ones(12), np.arange(12) != 4])
    unit, period = fit_proportional(events, exposure, used, weights)
    for r in range(2):
        mean = np.where(used, unit[r][:, None] * exposure * period[r], 0.0)
        kept = weights[r] > 0
        observed = np.where(used, events, 0.0)[kept]
        np.testing.assert_allclose(mean[kept].sum(axis=0), observed.sum(axis=0), rtol=1e-8)
        np.testing.assert_allclose(mean[kept].sum(axis=1), observed.sum(axis=1), rtol=1e-8)


def test_a_fit_that_does_not_settle_is_an_error(monkeypatch):
    monkeypatch.setattr("evaluation.numerics.proportional._MOST", 1)
    rng = np.random.default_rng(5)
    with pytest.raises(EstimationError, match="did not converge"):
        fit_proportional(
            rng.poisson(4, (6, 5)).astype(float),
            rng.uniform(1, 3, (6, 5)),
            np.ones((6, 5), dtype=bool),
            np.ones((1, 6)),
        )


# leaving out ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "estimator", "design"),
    [
        ("two_way", TwoWayFixedEffects(), {}),
        ("imputation", Imputation(), {}),
        ("extended", ExtendedTwoWayFixedEffects(), {"comparison": "not_yet_treated"}),
        ("group_time", GroupTime(), {}),
        ("interaction_weighted", InteractionWeighted(), {}),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_estimates_without_each_unit_are_those_of_refitting(simulate, name, estimator, design, weighted):
    frame = simulate(5, units=24, periods=7, cohorts=(3, 5))
    options = {**design, "weights": "w"} if weighted else design
    panel = Panel(frame, unit="id", time="t")
    start = np.searchsorted(panel.ordinals, Design("y", "g").cohorts(panel).first)
    weight = panel.matrix("w")[:, 0] if weighted else np.ones(panel.n_units)
    keep = (np.arange(24)[None, :] != np.arange(24)[:, None]) * weight
    quick = WITHOUT[name](panel.matrix("y"), start, keep)
    for i in range(0, 24, 5):
        part = Panel(frame[frame["id"] != panel.units[i]], unit="id", time="t")
        result = estimator.fit(part, Design("y", "g", **options))
        expected = result.estimate if len(result) == 1 else result.aggregate("simple").estimate
        assert quick[i] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "estimator"),
    [("two_way", TwoWayFixedEffects()), ("imputation", Imputation()), ("group_time", GroupTime())],
)
@pytest.mark.parametrize("seed", [5, 6])
def test_estimates_without_each_unit_of_a_panel_with_gaps(simulate, name, estimator, seed):
    frame = simulate(seed, units=24, periods=7, cohorts=(3, 5)).sample(frac=0.8, random_state=seed)
    panel = Panel(frame, unit="id", time="t")
    assert not panel.is_balanced
    start = np.searchsorted(panel.ordinals, Design("y", "g").cohorts(panel).first)
    keep = (np.arange(24)[None, :] != np.arange(24)[:, None]).astype(float)
    quick = WITHOUT[name](panel.matrix("y"), start, keep)
    assert name in WITH_GAPS
    for i in range(24):
        part = Panel(frame[frame["id"] != panel.units[i]], unit="id", time="t")
        result = estimator.fit(part, Design("y", "g"))
        expected = result.estimate if len(result) == 1 else result.aggregate("simple").estimate
        assert quick[i] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", ["two_way", "imputation"])
def test_periods_that_hang_in_the_air_give_no_estimate(name):
    # two halves of the periods that no unit joins: their levels cannot be set against each other
    y = np.array([[1.0, 2.0, np.nan, np.nan], [2.0, 2.5, np.nan, np.nan], [np.nan, np.nan, 1.0, 4.0]])
    y = np.vstack([y, [np.nan, np.nan, 0.5, 1.0]])
    found = WITHOUT[name](y, np.array([4, 4, 3, 4]), np.ones((1, 4)))
    assert np.isnan(found).all()


def test_the_jackknife_is_cr3(simulate):
    frame = simulate(5, units=24, periods=7, cohorts=(3, 5))
    panel, design = Panel(frame, unit="id", time="t"), Design("y", "g")
    start = np.searchsorted(panel.ordinals, design.cohorts(panel).first)
    keep = (np.arange(24)[None, :] != np.arange(24)[:, None]).astype(float)
    without = WITHOUT["two_way"](panel.matrix("y"), start, keep)
    full = TwoWayFixedEffects().fit(panel, design).estimate
    ours = jackknife_covariance(np.array([full]), without[:, None])[0, 0]
    cr3 = cluster_robust(TwoWayFixedEffects(), panel, design, kind="CR3")
    assert np.sqrt(ours) == pytest.approx(cr3.std_error, rel=1e-8)


def test_degrees_of_freedom_are_the_smaller_sides():
    cluster, treated = np.array([0, 0, 1, 2, 3, 3]), np.array([1, 0, 1, 0, 0, 0], dtype=bool)
    assert smaller_side(cluster, treated) == (2, 3)
    assert degrees_of_freedom(2, 3) == 1
    assert degrees_of_freedom(1, 3) == 0
    assert degrees_of_freedom(4, 0) == 3  # every unit is treated in the end


# notes on few clusters --------------------------------------------------------------------------


def test_few_clusters_and_small_cohorts_of_counts_are_named():
    """Sandwich errors of counts and means of logs hold for many; few on one side have a note."""

    def notes(units, estimator, **design):
        drawn = Simulation(units=units, counts=True, noise=0.3, effect=0.3).draw(np.random.default_rng(2))
        panel = Panel(drawn.frame, unit="unit", time="period")
        return " ".join(estimator.fit(panel, Design("y", "first_treated", **design)).notes)

    cells = ExtendedTwoWayFixedEffects(family="poisson")
    assert "clusters on the smaller side are few" in notes(40, PoissonFixedEffects())
    assert "clusters on the smaller side are few" in notes(40, cells)
    assert "a mean of logs" in notes(40, cells)
    in_counts = ExtendedTwoWayFixedEffects(family="poisson", effects="count")
    assert "a mean of logs" not in notes(40, in_counts)
    for estimator in (PoissonFixedEffects(), cells):
        assert "few" not in notes(240, estimator)


def test_a_cohort_of_one_unit_or_cluster_is_named(frame):
    one = frame.loc[frame["g"] == 6, "id"].iloc[0]
    few = frame[(frame["g"] != 6) | (frame["id"] == one)]
    extended = fit(few, ExtendedTwoWayFixedEffects(), comparison="not_yet_treated")
    assert any("one unit only in 6" in note for note in extended.notes)
    together = frame.assign(cl=frame["cl"].where(frame["g"] != 6, 99))
    for estimator in (ExtendedTwoWayFixedEffects(), Imputation(), GroupTime()):
        found = fit(together, estimator, comparison="not_yet_treated", cluster="cl")
        assert any("one cluster only in 6" in note for note in found.notes)
