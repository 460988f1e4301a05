"""Conley-Taber, Ferman-Pinto, Ibragimov-Müller: equal to their formulas written out, and what they refuse."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from dense_panels import DESIGN, dense, panel, static_term, table
from scipy import stats

from evaluation import Design
from evaluation.errors import DataError, DesignError, EstimationError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import (
    conley_taber,
    ferman_pinto,
    ibragimov_muller,
    t_test_of_clusters,
    t_test_of_two_groups,
)

TWFE = TwoWayFixedEffects()


def written_out(data, treated, covariates=(), scale=None):
    """Noise of every choice of controls, from a regression with dummies."""
    y, x = dense(data, static_term(data), covariates)
    residual = (y - x @ np.linalg.lstsq(x, y, rcond=None)[0]).reshape(12, 6)
    path = (np.arange(6) >= np.array([treated[j] for j in sorted(treated)])[:, None]).astype(float)
    path -= path.mean(axis=1, keepdims=True)
    controls = [i for i in range(12) if i not in treated]
    w = residual[controls] @ path.T
    if scale is not None:
        w = w * scale(controls, sorted(treated), w)
    noise = [
        sum(w[unit, j] for j, unit in enumerate(chosen))
        for chosen in product(range(len(controls)), repeat=len(treated))
    ]
    return np.array(noise) / (path**2).sum()


@pytest.mark.parametrize("treated", [{4: 3}, {4: 3, 7: 2}])
@pytest.mark.parametrize("covariates", [(), ("x",)])
def test_conley_taber_puts_every_control_in_place_of_the_treated(treated, covariates):
    data = table(treated=treated)
    design = Design("y", "first", covariates=covariates)
    test = conley_taber(TWFE, panel(data), design, small_sample=False)
    np.testing.assert_allclose(
        np.sort(test.noise), np.sort(written_out(data, treated, covariates)), atol=1e-9
    )
    assert test.estimate == pytest.approx(TWFE.fit(panel(data), design).estimate)
    assert test.exact
    far = (np.abs(test.noise) >= abs(test.estimate)).sum()
    assert test.p_value == pytest.approx((1 + far) / (1 + len(test.noise)))


@pytest.mark.parametrize("by_size", [False, True])
def test_with_several_treated_all_units_are_drawn_with_the_null_imposed(by_size):
    """Each effect is tested as a zero effect of the outcome without it."""
    treated = {4: 3, 7: 2}
    data = table(treated=treated)
    data["size"] = np.repeat(np.arange(12) + 1.0, 6)

    def test_of(frame):
        if by_size:
            return ferman_pinto(TWFE, panel(frame), DESIGN, size="size")
        return conley_taber(TWFE, panel(frame), DESIGN)

    test = test_of(data)
    path = (np.arange(6) >= np.array([3, 2])[:, None]).astype(float)
    path -= path.mean(axis=1, keepdims=True)
    y = data["y"].to_numpy().reshape(12, 6)
    null = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
    w = null @ path.T
    if by_size:
        a, b = test.variance  # of the first; fitted for each, as the dates differ
        assert a >= 0 <= b
    else:
        every = np.array([w[i, 0] + w[j, 1] for i in range(12) for j in range(12)])
        square, both = (path**2).sum(), (path**2).sum() - (path.sum(axis=0) ** 2).sum() / 12
        factor = np.sqrt(both / (square * (1 - 1 / 12))) / both
        np.testing.assert_allclose(np.sort(test.noise), np.sort(every * factor), atol=1e-9)
        # what the treated contribute is the estimate
        assert (w[4, 0] + w[7, 1]) / both == pytest.approx(test.estimate)
    low, high, reason = test.interval(0.9)
    assert reason == ""
    cells = data["time"] >= data["first"]
    for effect in (low, high, 0.3):
        shifted = test_of(data.assign(y=data["y"] - effect * cells))
        assert shifted.p_value == pytest.approx(test.p_value_at(effect), abs=1.5 / 145)
    assert test.p_value_at(low + 1e-6) > 0.1 >= test.p_value_at(low - 1e-6)
    assert test.p_value_at(high - 1e-6) > 0.1 >= test.p_value_at(high + 1e-6)


def test_small_sample_factor_for_one_treated_is_what_the_control_mean_adds():
    data = panel(table(treated={4: 3}))
    wide, plain = conley_taber(TWFE, data, DESIGN), conley_taber(TWFE, data, DESIGN, small_sample=False)
    # variance 1 + 1/11 of the estimate against 1 - 1/11 of a control's residual
    np.testing.assert_allclose(wide.noise / plain.noise, np.sqrt((12 / 11) / (10 / 11)))


def test_drawn_choices_agree_with_all_of_them():
    data = panel(table(treated={4: 3, 7: 2, 9: 4}))
    every = conley_taber(TWFE, data, DESIGN)
    drawn = conley_taber(TWFE, data, DESIGN, draws=500, seed=1)
    assert every.exact
    assert not drawn.exact
    assert drawn.p_value == pytest.approx(every.p_value, abs=0.07)
    assert set(np.round(drawn.noise, 9)) <= set(np.round(every.noise, 9))


def test_interval_is_re_tested_at_its_ends():
    test = conley_taber(TWFE, panel(table(treated={4: 3, 7: 2})), DESIGN)
    low, high, reason = test.interval(0.9)
    assert reason == ""
    assert test.p_value_at(low + 1e-7) > 0.1
    assert test.p_value_at(high - 1e-7) > 0.1
    assert test.p_value_at(low - 1e-7) <= 0.1
    assert test.p_value_at(high + 1e-7) <= 0.1


def test_eleven_controls_have_no_95_percent_interval():
    test = conley_taber(TWFE, panel(table(treated={4: 3})), DESIGN)
    low, high, reason = test.interval()
    assert (low, high) == (-np.inf, np.inf)
    assert "11 untreated units give no p-value below 0.083" in reason
    assert any("11 untreated units are few" in note for note in test.notes)


def test_ferman_pinto_rescales_by_the_fitted_variance():
    data = table(treated={4: 3, 7: 2}, seed=8)
    sizes = data.groupby("unit")["size"].first().to_numpy()

    def scale(controls, treated, w):
        out = np.empty_like(w)
        for j, own in enumerate(treated):
            x = np.column_stack([np.ones(len(controls)), 1 / sizes[controls]])
            a, b = np.linalg.lstsq(x, w[:, j] ** 2, rcond=None)[0]
            assert a > 0
            assert b > 0
            out[:, j] = np.sqrt((a + b / sizes[own]) / (a + b / sizes[controls]))
        return out

    test = ferman_pinto(TWFE, panel(data), DESIGN, size="size", small_sample=False)
    theirs = written_out(data, {4: 3, 7: 2}, scale=scale)
    np.testing.assert_allclose(np.sort(test.noise), np.sort(theirs), atol=1e-9)
    assert len(test.variance) == 2


def test_equal_sizes_give_conley_taber():
    data = panel(table(treated={4: 3}).assign(size=7.0))
    np.testing.assert_allclose(
        ferman_pinto(TWFE, data, DESIGN, size="size").noise, conley_taber(TWFE, data, DESIGN).noise
    )


def test_a_negative_fit_is_held_at_zero():
    data = table(treated={4: 3})
    spread = data.groupby("unit")["y"].std().rank().to_numpy()
    data["size"] = spread[data["unit"]]  # larger units vary more: the slope on 1/size is negative
    test = ferman_pinto(TWFE, panel(data), DESIGN, size="size")
    assert test.variance[1] == 0
    assert "does not depend on size" in test.notes[0]


def test_variance_from_before_treatment_is_each_units_own():
    data = table(treated={4: 3})
    y, x = dense(data, static_term(data))
    residual = (y - x @ np.linalg.lstsq(x, y, rcond=None)[0]).reshape(12, 6)
    spread = residual[:, :3].std(axis=1, ddof=1)
    test = ferman_pinto(TWFE, panel(data), DESIGN, variance="before", small_sample=False)
    theirs = written_out(
        data, {4: 3}, scale=lambda controls, treated, w: spread[treated] / spread[controls][:, None]
    )
    np.testing.assert_allclose(np.sort(test.noise), np.sort(theirs), atol=1e-9)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"estimator": TwoWayFixedEffects(event_study=True)}, EstimationError, "the event study has several"),
        ({"design": Design("y", "first", weights="w")}, EstimationError, "takes no weights"),
        ({"design": Design("y", "first", cluster="group")}, EstimationError, "takes units as clusters"),
        ({"data": table(lost_rows=2)}, EstimationError, "needs every unit in every period"),
        ({"data": table(treated=dict.fromkeys(range(11), 3))}, DesignError, "there are 1"),
        ({"draws": 3}, DesignError, "draws is 3"),
        ({"data": table(treated=dict.fromkeys(range(6), 3))}, DesignError, "too many to enumerate"),
    ],
)
def test_conley_taber_says_what_it_cannot_do(change, error, message):
    options = {"estimator": TWFE, "data": table(), "design": DESIGN} | change
    extra = {k: v for k, v in options.items() if k == "draws"}
    with pytest.raises(error, match=message):
        conley_taber(options["estimator"], panel(options["data"]), options["design"], **extra)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, DesignError, "needs the size of each unit"),
        ({"variance": "length"}, EstimationError, "variance is 'length'"),
        ({"size": "x"}, DataError, "changes within a unit"),
        ({"size": "minus"}, DataError, "missing or not above 0 for 12 units"),
    ],
)
def test_ferman_pinto_says_what_it_needs(options, error, message):
    data = panel(table(treated={4: 3}).assign(minus=-1.0))
    with pytest.raises(error, match=message):
        ferman_pinto(TWFE, data, DESIGN, **options)


def test_too_few_periods_before_treatment_for_a_variance():
    with pytest.raises(DesignError, match="2 periods before treatment do not show"):
        ferman_pinto(TWFE, panel(table(treated={4: 2})), DESIGN, variance="before")


# Ibragimov-Müller -----------------------------------------------------------------------------


def test_one_group_is_the_t_test_of_scipy():
    values = [1.0, 2.5, 0.3, 1.9]
    mean, error, df, p = t_test_of_clusters(values, null=0.5)
    theirs = stats.ttest_1samp(values, 0.5)
    assert (mean, df) == (pytest.approx(np.mean(values)), 3)
    assert p == pytest.approx(theirs.pvalue)
    assert (mean - 0.5) / error == pytest.approx(theirs.statistic)


def test_two_groups_have_welchs_statistic_and_the_smaller_df():
    one, two = [1.0, 2.5, 0.3], [0.1, 0.4, -0.2, 0.6, 0.0]
    gap, error, df, p = t_test_of_two_groups(one, two)
    statistic = stats.ttest_ind(one, two, equal_var=False).statistic
    assert gap / error == pytest.approx(statistic)
    assert df == 2
    assert p == pytest.approx(2 * stats.t.sf(abs(statistic), 2))


def test_wholly_treated_clusters_are_compared_by_their_changes():
    data = table(treated=dict.fromkeys((0, 1, 2, 3, 8, 9), 3))  # groups 0 (with unit 2), 1 and 4
    design = Design("y", "first", cluster="group")
    test = ibragimov_muller(TWFE, panel(data), design)
    wide = data.pivot(index="unit", columns="time", values="y").to_numpy()
    change = wide[:, 3:].mean(axis=1) - wide[:, :3].mean(axis=1)
    group = data.groupby("unit")["group"].first().to_numpy()
    by_group = np.array([change[group == g].mean() for g in range(6)])
    gap, error, df, p = t_test_of_two_groups(by_group[[0, 1, 4]], by_group[[2, 3, 5]])
    assert (test.estimate, test.std_error, test.df) == pytest.approx((gap, error, df))
    assert test.p_value == pytest.approx(p)
    low, high, reason = test.interval()
    assert reason == ""
    assert (low + high) / 2 == pytest.approx(gap)
    assert "95 % and above" in test.interval(0.8)[2]


def test_mixed_clusters_are_estimated_one_by_one():
    data = table(units=12, treated={0: 3, 4: 3, 8: 4})
    data["block"] = data["unit"] // 4
    test = ibragimov_muller(TWFE, panel(data), Design("y", "first", cluster="block"))
    each = [
        TWFE.fit(panel(part.reset_index(drop=True)), DESIGN).estimate for _, part in data.groupby("block")
    ]
    mean, error, df, _ = t_test_of_clusters(each)
    assert (test.estimate, test.std_error, test.df) == pytest.approx((mean, error, df))


@pytest.mark.parametrize(
    ("treated", "reason"),
    [
        ({4: 3}, "1 treated cluster: the spread among treated clusters is not seen"),
        ({4: 3, 5: 2}, "treatment starts at 2 dates"),
    ],
)
def test_where_it_does_not_exist_it_says_why(treated, reason):
    test = ibragimov_muller(TWFE, panel(table(treated=treated)), DESIGN)
    assert np.isnan([test.p_value, test.estimate, test.smallest_p]).all()
    assert test.reason.startswith(reason)
    assert test.interval()[2] == test.reason


def test_bad_cluster_estimates_are_named():
    with pytest.raises(EstimationError, match="1 cluster estimates have no spread"):
        t_test_of_clusters([1.0])
    with pytest.raises(EstimationError, match="1 cluster estimates are not finite"):
        t_test_of_clusters([1.0, 2.0, np.nan])
    with pytest.raises(EstimationError, match="change of their means"):
        ibragimov_muller(TwoWayFixedEffects(event_study=True), panel(table()), DESIGN)
    with pytest.raises(DesignError, match="one dimension of clusters"):
        ibragimov_muller(TWFE, panel(table()), Design("y", "first", cluster=("group", "time")))
