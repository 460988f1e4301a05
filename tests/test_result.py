"""The algebra on results: combinations, tests, simultaneous intervals, aggregations."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluation import Design, GroupTime, Panel, compare_results
from evaluation.bands import Resampling
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


def test_bands_are_the_quantile_of_the_largest_t_where_standard_errors_are_known():
    made = result()
    value = made.critical_values(draws=20_000, seed=1)
    errors = made.std_errors
    correlation = made.vcov / np.outer(errors, errors)
    draws = np.random.default_rng(9).multivariate_normal(np.zeros(3), correlation, size=200_000)
    exact = np.quantile(np.abs(draws).max(axis=1), 0.95)
    np.testing.assert_allclose(value, exact, atol=0.04)
    assert (value > 1.96).all()


def test_simultaneous_is_wider_and_reproducible():
    made = result()
    first, again = made.simultaneous(seed=4), made.simultaneous(seed=4)
    pd.testing.assert_frame_equal(first, again)
    assert (first["ci_low"] < made.tidy()["ci_low"]).all()


def test_simultaneous_of_one_term_is_not_below_pointwise():
    assert single().critical_values(seed=1)[0] >= stats.norm.ppf(0.975)


def grouped(sizes, scale=1.0, **options):
    """One term, the difference of two cohorts' means, and what its rows are."""
    rng = np.random.default_rng(1)
    cohort = np.repeat([0, 1], sizes)
    values = np.where(cohort == 0, scale, 1.0) * rng.normal(size=len(cohort))
    psi = np.zeros((len(cohort), 1))
    for c, sign in ((0, 1), (1, -1)):
        own = cohort == c
        psi[own, 0] = sign * len(cohort) * (values[own] - values[own].mean()) / own.sum()
    rows = {"clusters": None, "weights": None, "single": np.zeros(1, dtype=bool)} | options
    made = result(
        terms=pd.DataFrame({"term": ["gap"]}),
        coef=[0.0],
        vcov=psi.T @ psi / len(psi) ** 2,
        influence_function=psi,
        resampled=Resampling(cohort=cohort, **rows),
    )
    return made, values[cohort == 0], values[cohort == 1]


def test_the_band_of_one_term_is_welchs_interval():
    made, one, two = grouped([400, 8])
    welch = stats.ttest_ind(one, two, equal_var=False)
    width = made.critical_values(draws=200_000, seed=1)[0] * made.std_error
    error = np.sqrt(one.var(ddof=1) / len(one) + two.var(ddof=1) / len(two))
    # calibration moves Welch's own level, whose error is small, and nothing else
    assert width == pytest.approx(stats.t.ppf(0.975, welch.df) * error, rel=0.02)


def test_effective_clusters_by_hand():
    rows = {"single": np.zeros(1, dtype=bool)}
    cohort = np.array([0, 0, 0, 0, 1, 1, 1, -1])
    plain = Resampling(cohort=cohort, clusters=None, weights=None, **rows)
    np.testing.assert_allclose(plain.effective_clusters(), [4, 3])
    made = Resampling(cohort=cohort, clusters=np.array([0, 0, 0, 1, 1, 2, 3, 9]), weights=None, **rows)
    f = np.array([3, 1]) / 4
    np.testing.assert_allclose(made.effective_clusters(), [1 / (f**2).sum(), 3])
    assert (made.count(), plain.count()) == (4, 7)
    weighed = Resampling(cohort=cohort, clusters=None, weights=np.array([3, 1, 1, 1, 2, 2, 2, 5.0]), **rows)
    f = np.array([3, 1, 1, 1]) / 6
    np.testing.assert_allclose(weighed.effective_clusters(), [1 / (f**2).sum(), 3])


def test_a_cohort_period_of_one_unit_has_no_band_and_few_are_noted():
    made, _, _ = grouped([40, 8], single=np.array([True]))
    table = made.simultaneous(seed=1)
    assert table[["ci_low", "ci_high"]].isna().all(axis=None)
    assert "no simultaneous interval for gap" in table.attrs["notes"][0]
    few, _, _ = grouped([40, 3])
    table = few.simultaneous(seed=1)
    assert np.isfinite(table["ci_low"]).all()
    assert "fewer than 5 equal units or clusters (the smallest 3.0)" in table.attrs["notes"][0]
    enough, _, _ = grouped([40, 6])
    assert enough.simultaneous(seed=1).attrs["notes"] == ()


def test_units_are_not_read_where_every_cohort_is_large():
    made, _, _ = grouped([500, 300])

    def read():
        raise AssertionError

    large = replace(made, influence_function=read)
    assert large.critical_values(seed=1)[0] == pytest.approx(1.96, abs=0.03)


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


# display --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted(root):
    panel = Panel(pd.read_csv(root / "data/crime/castle_state_year.csv"), unit="state", time="year")
    return GroupTime().fit(panel, Design("rate", "first_treated"))


def test_a_result_prints_in_two_lines_and_shows_as_html(fitted):
    simple = fitted.aggregate("simple")
    assert len(repr(fitted).splitlines()) == len(repr(simple).splitlines()) == 2
    assert "0.4725" in repr(simple)
    assert "50 terms" in repr(fitted)
    assert "<table" in simple._repr_html_()
    assert "<script" not in replace(simple, method="<script>")._repr_html_()


def test_a_summary_has_what_a_reader_needs_and_no_stars(fitted):
    text = str(fitted.aggregate("event_time").summary())
    for part in (
        "Callaway",
        "Estimand",
        "Inference",
        "Observations: 550",
        "Clusters: 50",
        "event time 0",
        "[1]",
    ):
        assert part in text
    assert "*" not in text
    assert "nan" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_result_is_read_as_in_statsmodels(fitted):
    path = fitted.aggregate("event_time")
    np.testing.assert_array_equal(path.params.to_numpy(), path.coef)
    np.testing.assert_array_equal(path.bse.to_numpy(), path.std_errors)
    np.testing.assert_array_equal(path.cov_params().to_numpy(), path.vcov)
    np.testing.assert_array_equal(path.pvalues.to_numpy(), path.tidy()["p_value"])
    assert path.nobs == 550
    assert list(path.conf_int(0.9).columns) == ["ci_low", "ci_high"]
    low, high = fitted.aggregate("simple").conf_int()
    assert low < 0.4725 < high


@pytest.mark.parametrize("copied", [lambda r: pickle.loads(pickle.dumps(r)), copy.deepcopy, copy.copy])
def test_a_result_survives_pickling_and_copying(fitted, copied):
    again = copied(fitted)
    one, other = fitted.aggregate("event_time"), again.aggregate("event_time")
    pd.testing.assert_frame_equal(one.tidy(), other.tidy())
    pd.testing.assert_frame_equal(one.simultaneous(draws=99, seed=1), other.simultaneous(draws=99, seed=1))
    assert not again.coef.flags.writeable


@pytest.mark.parametrize("by", ["event_time", "group", "calendar", "simple"])
def test_a_result_is_drawn_on_the_axes_given(fitted, by):
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    result = fitted.aggregate(by)
    assert result.plot(ax, draws=99) is ax
    drawn = ax.lines[0].get_xydata()
    column = 1 if by in ("event_time", "calendar") else 0
    np.testing.assert_allclose(drawn[:, column], result.coef)
    assert len(ax.collections) == (1 if by == "simple" else 2)


def test_tables_are_written_for_papers(fitted, tmp_path):
    path = fitted.aggregate("event_time", window=(0, 1))
    assert path.to_latex().count(r"\\") == 3
    assert r"std\_error" in path.to_latex(tmp_path / "t.tex")
    assert (tmp_path / "t.tex").read_text() == path.to_latex()
    assert len(path.to_markdown().splitlines()) == 4
    read = pd.read_excel(path.to_excel(tmp_path / "t.xlsx"))
    np.testing.assert_allclose(read["estimate"], path.coef)
    import docx

    (table,) = docx.Document(str(path.to_word(tmp_path / "t.docx"))).tables
    assert table.rows[1].cells[0].text == "event time 0"


def test_results_stand_side_by_side(fitted):
    simple = fitted.aggregate("simple")
    table = compare_results([simple, simple])
    assert list(table.columns) == ["", simple.method, f"{simple.method} (2)"]
    assert table.iloc[0, 1] == "0.4725"
    with pytest.raises(EstimationError, match="no result"):
        compare_results([])
