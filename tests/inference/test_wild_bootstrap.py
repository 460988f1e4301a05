"""Wild cluster bootstrap: equal to refitting every vector of signs, interval re-tested at its ends."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from dense_panels import DESIGN, GROUPED, dense, panel, static_term, table

from evaluation import Design
from evaluation.errors import DesignError, EstimationError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import wild_cluster_bootstrap

GROUPS = 6


def clustered_t(y, x, groups, null, jackknife):
    """t of the first coefficient with a plain or jackknife variance, every effect a dummy."""
    bread = np.linalg.pinv(x.T @ x)
    beta = bread @ (x.T @ y)
    names = np.unique(groups)
    g = len(names)
    if jackknife:
        left = [np.linalg.lstsq(x[groups != i], y[groups != i], rcond=None)[0][0] for i in names]
        variance = (g - 1) / g * sum((b - beta[0]) ** 2 for b in left)
    else:
        residual = y - x @ beta
        parts = [bread[0] @ (x[groups == i].T @ residual[groups == i]) for i in names]
        variance = sum(p**2 for p in parts)
    return (beta[0] - null) / np.sqrt(variance)


def left_out_residual(y, x, groups):
    out = np.empty_like(y)
    for i in np.unique(groups):
        rows = groups == i
        # the unit dummies of the cluster are removed inside it, as they are nested
        beta = np.linalg.lstsq(x[~rows], y[~rows], rcond=None)[0]
        gap = y[rows] - x[rows] @ beta
        inside = x[rows][:, (x[~rows] == 0).all(axis=0) & (x[rows] != 0).any(axis=0)]
        out[rows] = gap - inside @ np.linalg.lstsq(inside, gap, rcond=None)[0]
    return out


def refitted(data, null, impose, variant, signs_of, vectors, covariates=(), weights=None):
    """t* of each vector, by refitting; the CV1 factor cancels in comparisons of |t*| with |t|."""
    y, x = dense(data, static_term(data), covariates, weights)
    groups = data["group"].to_numpy()
    if impose:
        z, target = x[:, 1:], y - null * x[:, 0]
        fitted = z @ np.linalg.lstsq(z, target, rcond=None)[0] + null * x[:, 0]
        residual = y - fitted
        moved = left_out_residual(target, z, groups) if variant[0] == "3" else residual
        centre = null
    else:
        beta = np.linalg.lstsq(x, y, rcond=None)[0]
        fitted = x @ beta
        moved = left_out_residual(y, x, groups) if variant[0] == "3" else y - fitted
        centre = beta[0]
    jack = variant[1] == "3"
    out = [clustered_t(fitted + np.asarray(v)[signs_of] * moved, x, groups, centre, jack) for v in vectors]
    return np.array(out), clustered_t(y, x, groups, null, jack)


@pytest.mark.parametrize("variant", ["11", "31", "13", "33"])
@pytest.mark.parametrize("impose", [True, False])
@pytest.mark.parametrize(
    ("lost_rows", "covariates", "weights"), [(0, (), None), (7, ("x",), None), (5, (), "w")]
)
def test_every_vector_equals_a_refit(variant, impose, lost_rows, covariates, weights):
    data = table(lost_rows=lost_rows)
    design = Design("y", "first", cluster="group", covariates=covariates, weights=weights)
    ours = wild_cluster_bootstrap(
        TwoWayFixedEffects(small_sample=_none()),
        panel(data),
        design,
        null=0.3,
        impose_null=impose,
        variant=variant,
    )
    vectors = [(1, *rest[::-1]) for rest in product([1, -1], repeat=GROUPS - 1)]
    theirs, t = refitted(data, 0.3, impose, variant, data["group"].to_numpy(), vectors, covariates, weights)
    assert ours.exact
    np.testing.assert_allclose(ours.statistics, theirs, atol=1e-8)
    assert ours.statistic == pytest.approx(t)
    extreme = (np.abs(theirs) >= abs(t) - 1e-9).sum()
    assert ours.p_value == pytest.approx(extreme / 32 if impose else (1 + extreme) / 33)


def _none():
    from evaluation.numerics.covariance import SmallSample

    return SmallSample(parameters=False, clusters=False)


@pytest.mark.parametrize("impose", [True, False])
@pytest.mark.parametrize("level", ["row", "unit"])
def test_subclusters_equal_refits(impose, level):
    data = table(lost_rows=3)
    ours = wild_cluster_bootstrap(
        TwoWayFixedEffects(small_sample=_none()),
        panel(data),
        GROUPED,
        impose_null=impose,
        subcluster=level,
        draws=99,
        exhaustive=False,
        seed=3,
    )
    codes = np.arange(len(data)) if level == "row" else data["unit"].to_numpy()
    from evaluation.numerics.wild import draw_signs

    vectors = draw_signs(codes.max() + 1, 99, "rademacher", np.random.default_rng(3))
    theirs, _ = refitted(data, 0.0, impose, "11", codes, vectors)
    np.testing.assert_allclose(ours.statistics, theirs, atol=1e-8)
    assert ours.n_groups == codes.max() + 1
    assert not ours.exact


def test_webb_points_are_enumerated_for_few_clusters():
    data = table(groups=3)
    ours = wild_cluster_bootstrap(
        TwoWayFixedEffects(small_sample=_none()), panel(data), GROUPED, weights="webb"
    )
    assert ours.exact
    assert len(ours.statistics) == 6**3
    points = [-np.sqrt(1.5), -1, -np.sqrt(0.5), np.sqrt(0.5), 1, np.sqrt(1.5)]
    theirs, t = refitted(data, 0.0, True, "11", data["group"].to_numpy(), product(points, repeat=3))
    np.testing.assert_allclose(ours.statistics, theirs, atol=1e-8)
    assert ours.p_value == pytest.approx((np.abs(theirs) >= abs(t) - 1e-9).mean())


def test_drawn_webb_points_have_mean_0_and_variance_1():
    from evaluation.numerics.wild import draw_signs

    drawn = draw_signs(40, 5_000, "webb", np.random.default_rng(1))
    assert abs(drawn.mean()) < 0.01
    assert drawn.var() == pytest.approx(1, abs=0.01)


def test_event_study_term_is_tested_with_the_others_held():
    data = table(treated={1: 3, 4: 3, 7: 3, 10: 3})
    estimator = TwoWayFixedEffects(event_study=True, small_sample=_none())
    ours = wild_cluster_bootstrap(
        estimator, panel(data), DESIGN, term="event time 1", draws=99, seed=1, exhaustive=False
    )
    event = (data["time"] - data["first"]).to_numpy()
    terms = (event[:, None] == np.array([1, -3, -2, 0, 2])).astype(float)
    y, x = dense(data, terms)
    assert ours.statistic == pytest.approx(clustered_t(y, x, data["unit"].to_numpy(), 0.0, False))
    from evaluation.numerics.wild import draw_signs

    z = x[:, 1:]
    fitted = z @ np.linalg.lstsq(z, y, rcond=None)[0]
    vectors = draw_signs(12, 99, "rademacher", np.random.default_rng(1))
    units = data["unit"].to_numpy()
    theirs = [clustered_t(fitted + v[units] * (y - fitted), x, units, 0.0, False) for v in vectors]
    np.testing.assert_allclose(ours.statistics, theirs, atol=1e-8)


@pytest.mark.parametrize("subcluster", [None, "unit", "row"])
def test_many_clusters_go_without_the_full_map(subcluster, monkeypatch):
    from evaluation.numerics import wild

    data = panel(table(units=14, groups=7, lost_rows=4))
    options = {"subcluster": subcluster, "seed": 1, "draws": 199, "exhaustive": False}
    dense_map = wild_cluster_bootstrap(TwoWayFixedEffects(), data, GROUPED, **options)
    limits = dense_map.interval(0.9)
    monkeypatch.setattr(wild, "_DENSE", 0)
    split = wild_cluster_bootstrap(TwoWayFixedEffects(), data, GROUPED, **options)
    np.testing.assert_allclose(split.statistics, dense_map.statistics, atol=1e-10)
    assert split.interval(0.9)[:2] == pytest.approx(limits[:2])


# the interval ---------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["11", "13", "33"])
@pytest.mark.parametrize("impose", [True, False])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_interval_is_re_tested_at_its_ends(variant, impose, seed):
    data = table(seed=seed, units=16, groups=10, treated={1: 3, 4: 3, 7: 4, 10: 4, 13: 2})
    options = {"impose_null": impose, "variant": variant}
    test = wild_cluster_bootstrap(TwoWayFixedEffects(), panel(data), GROUPED, **options)
    low, high, reason = test.interval(0.9)
    assert reason == ""
    step = 1e-6 * test.std_error

    def p_of(null: float) -> float:
        return wild_cluster_bootstrap(
            TwoWayFixedEffects(), panel(data), GROUPED, null=null, **options
        ).p_value

    assert p_of(low + step) > 0.1
    assert p_of(high - step) > 0.1
    assert p_of(low - step) <= 0.1
    assert p_of(high + step) <= 0.1
    assert low < test.estimate < high


def test_no_effect_far_outside_the_interval_is_left_unrejected():
    test = wild_cluster_bootstrap(TwoWayFixedEffects(), panel(table(units=20, groups=10)), GROUPED)
    low, high, _ = test.interval(0.95)
    grid = np.concatenate([np.linspace(low - 50, low, 400)[:-1], np.linspace(high, high + 50, 400)[1:]])
    assert max(test.p_value_at(x) for x in grid) <= 0.05
    inner = np.linspace(low, high, 400)[1:-1]
    assert min(test.p_value_at(x) for x in inner) > 0.05


@pytest.mark.parametrize("impose", [True, False])
def test_p_value_at_another_null_equals_a_new_test(impose):
    data = table()
    test = wild_cluster_bootstrap(TwoWayFixedEffects(), panel(data), GROUPED, impose_null=impose)
    for null in (-2.0, 0.0, 0.7, 5.0):
        again = wild_cluster_bootstrap(
            TwoWayFixedEffects(), panel(data), GROUPED, impose_null=impose, null=null
        )
        assert test.p_value_at(null) == pytest.approx(again.p_value)


def test_result_crosses_a_process():
    import pickle

    test = wild_cluster_bootstrap(TwoWayFixedEffects(), panel(table(units=14, groups=7)), GROUPED)
    again = pickle.loads(pickle.dumps(test))
    assert again.interval(0.9) == test.interval(0.9)
    assert again.p_value == test.p_value


def test_five_clusters_have_no_95_percent_interval_and_it_is_said():
    test = wild_cluster_bootstrap(TwoWayFixedEffects(), panel(table(groups=5)), GROUPED)
    assert test.smallest_p == pytest.approx(1 / 16)
    low, high, reason = test.interval(0.95)
    assert (low, high) == (-np.inf, np.inf)
    assert "the smallest p-value is 0.0625, so no 95% interval is bounded" in reason


def test_webb_points_bound_an_interval_with_four_clusters():
    """2 of 6^4 vectors are the sample and its mirror image, where Rademacher signs leave 1 in 8."""
    data = panel(table(groups=4))
    signs = wild_cluster_bootstrap(TwoWayFixedEffects(), data, GROUPED)
    assert np.isinf(signs.interval(0.95)[:2]).all()
    points = wild_cluster_bootstrap(TwoWayFixedEffects(), data, GROUPED, weights="webb")
    assert points.smallest_p == pytest.approx(2 / 6**4)
    low, high, _ = points.interval(0.95)
    assert np.isfinite([low, high]).all()
    assert low < points.estimate < high


def test_one_treated_cluster_is_warned_of_in_words():
    data = panel(table(treated={4: 3}))
    restricted = wild_cluster_bootstrap(TwoWayFixedEffects(), data, DESIGN)
    assert "1 treated cluster of 12: with so few the restricted" in restricted.notes[0]
    assert "far too rarely" in restricted.notes[0]
    free = wild_cluster_bootstrap(TwoWayFixedEffects(), data, DESIGN, impose_null=False)
    assert "far too often" in free.notes[0]
    jack = wild_cluster_bootstrap(TwoWayFixedEffects(), data, DESIGN, variant="13")
    assert np.isnan(jack.p_value)
    assert jack.reason.startswith("without cluster 4 the effect does not exist")
    assert np.isnan(jack.interval()[0])


# peers ----------------------------------------------------------------------------------------


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("variant", ["11", "31"])
@pytest.mark.parametrize("impose", [True, False])
def test_equal_to_wildboottest(variant, impose):
    """Its jackknife variances (13, 33) stop with an error under numpy 2.4, so they have refits only."""
    peer = pytest.importorskip("wildboottest.wildboottest", reason="wildboottest is not installed")
    data = table(units=20, groups=8)
    y, x = dense(data, static_term(data))
    restriction = np.eye(x.shape[1])[0]
    boot = peer.WildboottestCL(X=x, Y=y, cluster=data["group"].to_numpy(), R=restriction, B=9999, seed=1)
    boot.get_scores(bootstrap_type=variant, impose_null=impose, adj=True, cluster_adj=True)
    boot.get_weights(weights_type="rademacher")
    boot.get_numer()
    boot.get_denom()
    boot.get_tboot()
    boot.get_vcov()
    boot.get_tstat()
    ours = wild_cluster_bootstrap(
        TwoWayFixedEffects(small_sample="full"),
        panel(data),
        GROUPED,
        variant=variant,
        impose_null=impose,
    )
    assert ours.statistic == pytest.approx(float(np.ravel(boot.t_stat)[0]), rel=1e-6)
    both = np.sort(np.abs(np.concatenate([ours.statistics, ours.statistics])))
    np.testing.assert_allclose(np.sort(np.abs(boot.t_boot.ravel())), both, atol=1e-6)


# mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weights": "mammen"}, EstimationError, "weights is 'mammen'"),
        ({"variant": "21"}, EstimationError, "variant is '21'"),
        ({"draws": 10}, DesignError, "draws is 10"),
        ({"null": np.nan}, EstimationError, "the null is nan"),
        ({"term": "event time 3"}, EstimationError, "there is no estimated term 'event time 3'"),
        ({"exhaustive": False}, DesignError, "no seed is given"),
        ({"subcluster": "time"}, DesignError, "subcluster 'time' cuts across clusters"),
        ({"subcluster": "row", "variant": "31", "seed": 1}, EstimationError, "it has no subclusters"),
        ({"subcluster": "row", "exhaustive": True}, DesignError, "too many to enumerate"),
    ],
)
def test_mistakes_are_named(options, error, message):
    with pytest.raises(error, match=message):
        wild_cluster_bootstrap(TwoWayFixedEffects(), panel(table()), GROUPED, **options)


def test_missing_subcluster_is_named():
    data = table().assign(block=lambda f: f["unit"].astype(float))
    data.loc[3, "block"] = np.nan
    with pytest.raises(DesignError, match="subcluster 'block' is missing in 1 rows"):
        wild_cluster_bootstrap(TwoWayFixedEffects(), panel(data), GROUPED, subcluster="block", seed=1)


def test_several_terms_need_a_name():
    with pytest.raises(EstimationError, match="terms and none is named"):
        wild_cluster_bootstrap(TwoWayFixedEffects(event_study=True), panel(table()), GROUPED)
