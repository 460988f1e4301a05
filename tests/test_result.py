"""The algebra on results: combinations, tests, simultaneous intervals, aggregations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluation.errors import EstimationError
from evaluation.result import Result, SampleCount

K, N = 3, 50
PSI = np.random.default_rng(3).normal(size=(N, K)) @ np.array([[1, 0.5, 0], [0, 1, 0.2], [0, 0, 2]])
COUNT = SampleCount(units=N, periods=4, treated=10, observations=200)


def result(**options) -> Result:
    defaults = {
        "method": "test",
        "estimand": "three effects",
        "terms": pd.DataFrame({"term": ["a", "b", "c"]}),
        "coef": np.array([1.0, -2.0, 0.5]),
        "vcov": PSI.T @ PSI / N**2,
        "sample": COUNT,
        "influence_function": PSI,
    }
    return Result(**(defaults | options))


def single(value=2.0, variance=1.0, **options) -> Result:
    return result(
        terms=pd.DataFrame({"term": ["ATT"]}),
        coef=[value],
        vcov=[[variance]],
        influence_function=None,
        **options,
    )


def test_tidy_has_the_columns_of_the_contract():
    table = result().tidy()
    assert list(table) == [
        "term", "cohort", "time", "event_time", "estimate", "std_error", "ci_low", "ci_high", "p_value",
    ]  # fmt: skip
    np.testing.assert_allclose(table["ci_high"] - table["ci_low"], 2 * 1.959963984540054 * table["std_error"])


def test_one_term():
    made = single(df=10.0)
    assert (made.estimate, made.std_error) == (2.0, 1.0)
    assert made.p_value == pytest.approx(2 * stats.t.sf(2, 10))
    low, high = made.conf_int(0.9)
    assert high - 2 == pytest.approx(stats.t.ppf(0.95, 10))
    assert low == pytest.approx(4 - high)
    assert made.overall is made


def test_many_terms_have_no_single_estimate():
    with pytest.raises(EstimationError, match="3 terms"):
        _ = result().estimate
    with pytest.raises(EstimationError, match="no overall effect"):
        _ = result().overall


def test_an_undefined_standard_error_is_nan():
    made = single(variance=0.0)
    assert np.isnan(made.std_error)
    assert np.isnan(made.p_value)
    assert np.isnan(made.conf_int()).all()


def test_combination_carries_covariance_and_influence():
    weights = np.array([[0.5, 0.5, 0], [0, 1, -1]])
    made = result().combine(weights, "mix")
    np.testing.assert_allclose(made.coef, weights @ result().coef)
    np.testing.assert_allclose(made.vcov, weights @ result().vcov @ weights.T)
    np.testing.assert_allclose(made.influence, PSI @ weights.T)
    np.testing.assert_allclose(made.vcov, made.influence.T @ made.influence / N**2)


def test_combination_needs_a_weight_for_each_term():
    with pytest.raises(EstimationError, match="2 weights for 3 terms"):
        result().combine([1, 0], "x")


def test_wald_against_the_formula_and_in_words():
    made = result()
    restriction = np.eye(3)[:2]
    test = made.wald(restriction)
    gap, cov = made.coef[:2], made.vcov[:2, :2]
    assert test.statistic == pytest.approx(gap @ np.linalg.inv(cov) @ gap)
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, 2))
    assert test.null == "a, b are all 0"
    finite = result(df=20.0).wald(restriction)
    assert finite.p_value == pytest.approx(stats.f.sf(finite.statistic / 2, 2, 20))


def test_wald_of_an_undefined_covariance_says_so():
    made = result(vcov=np.full((3, 3), np.nan))
    test = made.wald(np.eye(3))
    assert np.isnan(test.p_value)
    assert "not testable" in test.null


@pytest.mark.parametrize("multiplier", ["gaussian", "rademacher"])
def test_simultaneous_critical_value_is_the_quantile_of_the_largest_t(multiplier):
    made = result()
    value = made.critical_value(draws=20_000, seed=1, multiplier=multiplier)
    errors = made.std_errors
    correlation = made.vcov / np.outer(errors, errors)
    draws = np.random.default_rng(9).multivariate_normal(np.zeros(3), correlation, size=200_000)
    exact = np.quantile(np.abs(draws).max(axis=1), 0.95)
    assert value == pytest.approx(exact, abs=0.04)
    assert value > 1.96


def test_simultaneous_is_wider_and_reproducible():
    made = result()
    first, again = made.simultaneous(seed=4), made.simultaneous(seed=4)
    pd.testing.assert_frame_equal(first, again)
    assert (first["ci_low"] < made.tidy()["ci_low"]).all()


def test_simultaneous_of_one_term_is_not_below_pointwise():
    assert single().critical_value(seed=1) >= stats.norm.ppf(0.975)


def test_results_cannot_be_changed():
    made = result()
    with pytest.raises(ValueError, match="read-only"):
        made.coef[0] = 1
    with pytest.raises(AttributeError):
        made.coef = np.zeros(3)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_levels_are_shares(level):
    with pytest.raises(EstimationError, match="between 0 and 1"):
        result().tidy(level)


def test_only_cohort_effects_aggregate():
    with pytest.raises(EstimationError, match="not cohort-by-period"):
        result().aggregate("simple")


@pytest.mark.parametrize("multiplier", ["gaussian", "rademacher", "mammen", "webb"])
def test_bootstrap_comes_to_the_influence_functions_covariance(multiplier):
    made = result().bootstrap(40_000, seed=1, multiplier=multiplier)
    analytical = PSI.T @ PSI / N**2
    np.testing.assert_allclose(made.std_errors, np.sqrt(np.diag(analytical)), rtol=0.03)
    correlation = made.vcov / np.outer(made.std_errors, made.std_errors)
    expected = analytical / np.sqrt(np.outer(np.diag(analytical), np.diag(analytical)))
    np.testing.assert_allclose(correlation, expected, atol=0.02)
    assert f"multiplier bootstrap ({multiplier}, 40000 draws" in made.inference
    np.testing.assert_array_equal(made.coef, result().coef)


def test_bootstrap_repeats_itself_and_follows_into_the_tables():
    one, two = (result().bootstrap(99, seed=8) for _ in range(2))
    np.testing.assert_array_equal(one.vcov, two.vcov)
    table = one.tidy()
    np.testing.assert_allclose(table["std_error"], one.std_errors)
    assert (one.simultaneous(seed=1)["ci_low"] < table["ci_low"]).all()


def test_what_a_bootstrap_cannot_do():
    with pytest.raises(EstimationError, match="no influence function"):
        result(influence_function=None).bootstrap(seed=1)
    with pytest.raises(EstimationError, match="1 draws have no spread"):
        result().bootstrap(1, seed=1)
    with pytest.raises(EstimationError, match="unknown multiplier 'normal'"):
        result().bootstrap(seed=1, multiplier="normal")
