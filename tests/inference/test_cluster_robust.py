"""CR2 and CR3: equal to dense algebra with a dummy for every effect, and to leaving clusters out."""

from __future__ import annotations

import numpy as np
import pytest
from dense_panels import DESIGN, GROUPED, cr2_dense, dense, panel, static_term, table
from scipy import stats

from evaluation import Design
from evaluation.errors import EstimationError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import cluster_robust

EXPONENT = {"CR2": -0.5, "CR3": -1.0}


@pytest.mark.parametrize("kind", ["CR2", "CR3"])
@pytest.mark.parametrize("cluster", [None, "group"])
@pytest.mark.parametrize("lost_rows", [0, 7])
@pytest.mark.parametrize("covariates", [(), ("x",)])
@pytest.mark.parametrize("weights", [None, "w"])
def test_equal_to_dense_algebra(kind, cluster, lost_rows, covariates, weights):
    data = table(lost_rows=lost_rows)
    design = Design("y", "first", cluster=cluster, covariates=covariates, weights=weights)
    ours = cluster_robust(TwoWayFixedEffects(), panel(data), design, kind=kind)
    y, x = dense(data, static_term(data), covariates, weights)
    groups = data[cluster or "unit"].to_numpy()
    beta, vcov, df = cr2_dense(y, x, groups, EXPONENT[kind])
    factor = (ours.n_clusters - 1) / ours.n_clusters if kind == "CR3" else 1.0
    np.testing.assert_allclose(ours.coef, beta, rtol=1e-9)
    np.testing.assert_allclose(ours.vcov, factor * vcov, rtol=1e-8)
    np.testing.assert_allclose(ours.df, df, rtol=1e-8)


def test_event_study_has_a_full_covariance_and_its_own_df():
    data = table(treated={1: 3, 4: 3, 7: 3, 10: 3})
    ours = cluster_robust(TwoWayFixedEffects(event_study=True), panel(data), DESIGN)
    event = (data["time"] - data["first"]).to_numpy()
    terms = (event[:, None] == np.array([-3, -2, 0, 1, 2])).astype(float)
    y, x = dense(data, terms)
    beta, vcov, df = cr2_dense(y, x, data["unit"].to_numpy(), -0.5, k=5)
    np.testing.assert_allclose(ours.coef, beta, atol=1e-10)
    np.testing.assert_allclose(ours.vcov, vcov, rtol=1e-8)
    np.testing.assert_allclose(ours.df, df, rtol=1e-8)
    assert list(ours.tidy()["event_time"]) == [-3, -2, 0, 1, 2]
    with pytest.raises(EstimationError, match="5 terms"):
        _ = ours.p_value


@pytest.mark.parametrize("lost_rows", [0, 7])
def test_cr3_is_the_jackknife_over_clusters(lost_rows):
    data = table(lost_rows=lost_rows)
    ours = cluster_robust(TwoWayFixedEffects(), panel(data), GROUPED, kind="CR3")
    full = TwoWayFixedEffects().fit(panel(data), DESIGN).estimate
    groups = sorted(data["group"].unique())
    left = [
        TwoWayFixedEffects().fit(panel(data[data["group"] != g].reset_index(drop=True)), DESIGN).estimate
        for g in groups
    ]
    jackknife = (len(groups) - 1) / len(groups) * sum((b - full) ** 2 for b in left)
    assert ours.std_error == pytest.approx(np.sqrt(jackknife), rel=1e-9)


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_cr3_equals_pyfixest_but_for_its_factor():
    """pyfixest multiplies the jackknife's sum of squares by G/(G - 1), the jackknife by (G - 1)/G."""
    pf = pytest.importorskip("pyfixest")
    data = table().assign(d=lambda f: (f["time"] >= f["first"]).astype(float))
    theirs = pf.feols(
        "y ~ d | unit + time", data, vcov={"CRV3": "group"}, ssc=pf.ssc(k_adj=False, G_adj=False)
    )
    ours = cluster_robust(TwoWayFixedEffects(), panel(data), GROUPED, kind="CR3")
    assert ours.std_error == pytest.approx(float(theirs.se().iloc[0]) * np.sqrt(5 / 6), rel=1e-6)


def test_interval_and_p_value_come_from_t_with_its_df():
    ours = cluster_robust(TwoWayFixedEffects(), panel(table()), DESIGN)
    low, high, reason = ours.interval(0.9)
    assert reason == ""
    half = stats.t.ppf(0.95, ours.df[0]) * ours.std_error
    assert (low, high) == pytest.approx((ours.estimate - half, ours.estimate + half))
    assert 2 * stats.t.sf(abs(ours.estimate) / ours.std_error, ours.df[0]) == pytest.approx(ours.p_value)
    assert ours.df[0] < ours.n_clusters - 1


def test_variance_is_unbiased_for_independent_errors():
    """What CR2 is made for; the usual clustered variance is biased down. 4,000 draws."""
    data = table(treated={1: 3, 4: 3, 7: 3}, units=10)
    regression_of = cluster_robust(TwoWayFixedEffects(), panel(data), DESIGN)
    rng = np.random.default_rng(5)
    from evaluation.inference._regression import fit_clustered

    fit = fit_clustered("CR2", TwoWayFixedEffects(), panel(data), DESIGN)
    column = int(fit.regression.place[0])
    truth = fit.regression.inverse[column, column]
    draws = []
    for _ in range(4_000):
        one = fit.regression.with_outcome(rng.normal(size=len(data)))
        part = one.spectrum.adjusted(one.scores(one.residual), -0.5)[:, column]
        draws.append(part @ part)
    assert np.mean(draws) == pytest.approx(truth, rel=0.05)
    assert regression_of.df[0] == pytest.approx(2 * np.mean(draws) ** 2 / np.var(draws), rel=0.1)


@pytest.mark.parametrize("kind", ["CR2", "CR3"])
def test_one_treated_cluster_has_no_standard_error_and_says_why(kind):
    ours = cluster_robust(TwoWayFixedEffects(), panel(table(treated={4: 3})), DESIGN, kind=kind)
    assert np.isnan([ours.std_error, ours.p_value, ours.smallest_p]).all()
    low, high, reason = ours.interval()
    assert np.isnan([low, high]).all()
    assert reason.startswith("without cluster 4 the effect does not exist")
    assert "1 treated cluster of 12" in ours.notes[0]


def test_few_degrees_of_freedom_are_said():
    ours = cluster_robust(TwoWayFixedEffects(), panel(table(treated={1: 3, 4: 3})), DESIGN)
    assert any("degrees of freedom" in note for note in ours.notes)


def test_perfect_fit_has_no_standard_error():
    data = table().assign(y=1.0)
    ours = cluster_robust(TwoWayFixedEffects(), panel(data), DESIGN)
    assert np.isnan(ours.std_error)
    assert ours.reason == "the regression fits the outcome perfectly"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "CR1"}, "kind is 'CR1'"),
        ({"design": Design("y", "first", cluster=("group", "time"))}, "one dimension of clusters"),
        ({"design": Design("y", "first", cluster="time")}, "made of whole units, and 'time' cuts across"),
        ({"estimator": object()}, "works on a regression, and object is none"),
    ],
)
def test_what_it_cannot_do_is_said(change, message):
    options = {"estimator": TwoWayFixedEffects(), "design": DESIGN, "kind": "CR2"} | change
    with pytest.raises(EstimationError, match=message):
        cluster_robust(options["estimator"], panel(table()), options["design"], kind=options["kind"])


def test_level_is_checked():
    with pytest.raises(EstimationError, match=r"the level is 95"):
        cluster_robust(TwoWayFixedEffects(), panel(table()), DESIGN).interval(95)
