"""What a user can get wrong, and what is said about it."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation import Design, Panel
from evaluation.errors import DataError, DesignError, EstimationError, EvaluationError
from evaluation.estimators import GroupTime, Imputation, InteractionWeighted

ALL = [GroupTime(), Imputation(), InteractionWeighted()]


def fit(frame, estimator, **options):
    return estimator.fit(Panel(frame, unit="id", time="t"), Design("y", "g", **options))


@pytest.mark.parametrize("estimator", ALL, ids=str)
def test_one_period(simulate, estimator):
    frame = simulate(1)
    with pytest.raises(DesignError, match="the panel has one period, 4"):
        fit(frame[frame["t"] == 4], estimator)


@pytest.mark.parametrize("estimator", ALL, ids=str)
def test_everyone_treated_at_once(simulate, estimator):
    frame = simulate(1, cohorts=(3,), never=False)
    with pytest.raises(DesignError, match="all units are treated at the same time"):
        fit(frame, estimator, comparison="not_yet_treated")


@pytest.mark.parametrize("estimator", [GroupTime(), InteractionWeighted()], ids=str)
def test_no_never_treated_when_asked_for(simulate, estimator):
    with pytest.raises(DesignError, match="no unit is never treated") as caught:
        fit(simulate(1, never=False), estimator)
    assert 'comparison="not_yet_treated"' in str(caught.value)


def test_last_cohort_stands_in_for_never_treated(simulate):
    frame = simulate(1, cohorts=(3, 4, 6), never=False)
    result = fit(frame, InteractionWeighted(), comparison="not_yet_treated")
    lost = int((frame["t"] >= 6).sum())
    assert result.sample.dropped == {"period in which every unit is treated": lost}
    assert set(result.terms["cohort"]) == {3, 4}
    assert any("cohort 6 is the comparison, until its treatment" in note for note in result.notes)
    short = frame[frame["t"] < 6].assign(g=frame["g"].where(frame["g"] < 6))
    np.testing.assert_allclose(result.coef, fit(short, InteractionWeighted()).coef, atol=1e-12)


@pytest.mark.parametrize("estimator", ALL, ids=str)
def test_treated_from_the_first_period_on_is_dropped_and_counted(simulate, estimator):
    frame = simulate(1, cohorts=(1, 3, 5))
    early = frame["g"] == 1
    result = fit(frame, estimator)
    assert result.sample.dropped == {"unit treated from the first period on": int(early.sum())}
    assert set(result.terms["cohort"]) == {3, 5}
    assert result.sample.units == frame.loc[~early, "id"].nunique()
    other = fit(frame[~early], estimator)
    np.testing.assert_allclose(result.coef, other.coef, atol=1e-12)
    np.testing.assert_allclose(result.vcov, other.vcov, atol=1e-12)


@pytest.mark.parametrize("estimator", ALL, ids=str)
def test_only_early_units(simulate, estimator):
    with pytest.raises(DesignError, match="no treated unit is left"):
        fit(simulate(1, cohorts=(1,)), estimator)


def test_treated_just_after_the_last_period_may_anticipate(simulate):
    frame = simulate(1, cohorts=(3, 7))
    result = fit(frame, GroupTime(), anticipation=1)
    assert set(result.terms["cohort"]) == {3, 7}
    assert result.sample.treated == frame.loc[frame["g"].notna(), "id"].nunique()


@pytest.mark.parametrize("estimator", ALL, ids=str)
def test_missing_outcomes_are_dropped_and_counted(simulate, estimator):
    frame = simulate(1)
    frame.loc[[3, 40, 77], "y"] = np.nan
    result = fit(frame, estimator)
    assert result.sample.dropped == {"missing outcome 'y'": 3}
    assert result.sample.observations == len(frame) - 3
    np.testing.assert_allclose(result.coef, fit(frame.drop([3, 40, 77]), estimator).coef, atol=1e-12)


@pytest.mark.parametrize("estimator", ALL, ids=str)
def test_missing_covariates_are_dropped_and_counted(simulate, estimator):
    frame = simulate(1, units=60)
    frame.loc[[3, 40], "x"] = np.nan
    frame.loc[40, "y"] = np.nan
    result = fit(frame, estimator, covariates=("x",))
    assert result.sample.dropped == {"missing outcome 'y'": 1, "missing covariate 'x'": 1}
    np.testing.assert_allclose(
        result.coef, fit(frame.drop([3, 40]), estimator, covariates=("x",)).coef, atol=1e-9
    )


@pytest.mark.parametrize("estimator", ALL, ids=str)
@pytest.mark.parametrize(
    ("change", "options", "kind", "message"),
    [
        (
            lambda f: f.assign(y=f["y"].where(f.index != 5, np.inf)),
            {},
            DataError,
            "'y' holds infinite values",
        ),
        (lambda f: f.assign(y="many"), {}, DataError, "'y' must be numeric"),
        (lambda f: f.assign(g=f["g"].where(f.index != 2, 4)), {}, DataError, "'g' changes within a unit"),
        (lambda f: f, {"cluster": "t"}, DesignError, "cluster 't' cuts across units"),
        (lambda f: f.assign(one=1), {"cluster": "one"}, DesignError, "all units are in one cluster of 'one'"),
        (lambda f: f, {"cluster": ("cl", "cl")}, DesignError, "both cluster columns are 'cl'"),
        (lambda f: f, {"cluster": ("cl", "id", "z")}, DesignError, "3 cluster columns"),
        (lambda f: f, {"cluster": "village"}, DataError, "no column 'village'"),
        (lambda f: f, {"weights": "x"}, DataError, "weights in column 'x' are below 0"),
        (lambda f: f.assign(w=f["w"] + f["t"]), {"weights": "w"}, DataError, "change within a unit"),
        (lambda f: f.assign(g=np.nan), {}, DesignError, "no unit is ever treated"),
        (lambda f: f.assign(g=f["g"].fillna(0)), {}, DesignError, "the panel has no period 0"),
        (lambda f: f, {"window": (20, 30)}, EstimationError, "is left to"),
        (lambda f: f, {"covariates": ("income",)}, DataError, "no column 'income'"),
    ],
)
def test_named(simulate, estimator, change, options, kind, message):
    with pytest.raises(kind, match=message):
        fit(change(simulate(1)), estimator, **options)


@pytest.mark.parametrize("estimator", ALL, ids=str)
def test_missing_weights_are_counted(simulate, estimator):
    frame = simulate(1)
    frame["w"] = frame["w"].where(frame["id"] != 9).where(frame["id"] != 11, 0.0)
    result = fit(frame, estimator, cluster="cl", weights="w")
    assert result.sample.dropped == {"missing weight 'w'": 6, "weight 'w' is 0": 6}
    other = fit(frame[~frame["id"].isin([9, 11])], estimator, cluster="cl", weights="w")
    np.testing.assert_allclose(result.vcov, other.vcov, atol=1e-12)


@pytest.mark.parametrize("sampling", ["balanced", "pairs", "levels"])
@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
def test_singular_covariates_are_named_with_cohort_and_period(simulate, method, sampling):
    frame = simulate(1, units=60).assign(twice=lambda f: 2 * f["z"] - 1)
    with pytest.raises(EstimationError) as caught:
        fit(frame, GroupTime(method=method, sampling=sampling), covariates=("z", "twice"))
    text = str(caught.value)
    assert "covariate 'twice'" in text
    assert "cohort 3, period 2" in text
    assert "'z'" not in text.split("\n")[0]


def test_covariate_that_varies_only_elsewhere(simulate):
    frame = simulate(1, units=60)
    frame["local"] = np.where(frame["g"] == 5, frame["z"], 0.0)
    with pytest.raises(EstimationError, match="covariate 'local': among the") as caught:
        fit(frame, GroupTime(), covariates=("local",))
    assert "cohort 3" in str(caught.value)


def test_covariate_that_is_the_same_everywhere(simulate):
    with pytest.raises(EstimationError, match="covariate 'one' is the same for every unit and period"):
        fit(simulate(1).assign(one=1.0), GroupTime(), covariates=("one",))


@pytest.mark.parametrize("method", ["dr", "ipw"])
def test_no_overlap_names_cohort_period_and_covariate(simulate, method):
    frame = simulate(1, units=60)
    frame["size"] = frame["z"] + np.where(frame["g"] == 5, 100.0, 0.0)
    with pytest.raises(EstimationError, match="covariate 'size': its values do not overlap") as caught:
        fit(frame, GroupTime(method=method), covariates=("x", "size"))
    assert "cohort 5, period 2" in str(caught.value)
    skipped = fit(frame, GroupTime(method=method, failing_cells="skip"), covariates=("x", "size"))
    five = skipped.terms["cohort"] == 5
    assert np.isnan(skipped.coef[five]).all()
    assert np.isfinite(skipped.coef[~five]).all()
    assert any("cohort 5, period 2: left out, covariate 'size'" in note for note in skipped.notes)
    simple = skipped.aggregate("simple")
    assert np.isfinite(simple.std_error)
    assert any("cohort 5, period 5" in note for note in simple.notes)
    assert np.isfinite(fit(frame, GroupTime(method="reg"), covariates=("x", "size")).coef).all()


def test_trimmed_units_are_counted(simulate):
    frame = simulate(1, units=80)
    result = fit(frame, GroupTime(trim=0.5), covariates=("z",))
    assert any("treatment probability above the limit" in note for note in result.notes)


@pytest.mark.parametrize("estimator", [Imputation(), InteractionWeighted()], ids=str)
def test_covariate_constant_in_units_is_left_out_with_a_note(simulate, estimator):
    frame = simulate(1)
    result = fit(frame, estimator, covariates=("z",))
    assert any("covariate 'z' is collinear" in note for note in result.notes)
    plain = fit(frame, estimator)
    np.testing.assert_allclose(result.coef, plain.coef, atol=1e-10)
    np.testing.assert_allclose(result.vcov, plain.vcov, atol=1e-10)


@pytest.mark.parametrize("estimator", [Imputation(), InteractionWeighted()], ids=str)
def test_unit_effects_need_units_seen_twice(simulate, estimator):
    frame = simulate(1)
    with pytest.raises(EstimationError, match="no unit is seen twice"):
        fit(frame.assign(id=np.arange(len(frame))), estimator)


def test_unimputable_cells_and_units(simulate):
    frame = simulate(1, never=False, cohorts=(3, 6))
    result = fit(frame, Imputation())
    assert np.isnan(result.coef[result.terms["time"] == 6]).all()
    assert any("cannot be imputed" in note and "cohort 3, period 6" in note for note in result.notes)
    gone = frame[~((frame["id"] == 0) & (frame["t"] < 3))]
    result = fit(gone, Imputation())
    # everyone in period 6, and the unit that is never seen untreated in periods 3 to 5
    lost = int((gone["t"] == 6).sum()) + 3
    assert any(f"{lost} treated observations have no unit or period effect" in n for n in result.notes)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: GroupTime(method="ols"), "method is 'ols'"),
        (lambda: GroupTime(sampling="wide"), "sampling is 'wide'"),
        (lambda: GroupTime(failing_cells="ignore"), "failing_cells is 'ignore'"),
        (lambda: GroupTime(covariate_period="last"), "covariate_period is 'last'"),
        (lambda: GroupTime(trim=2), "trim is 2"),
        (lambda: InteractionWeighted(small_sample="stata"), "unknown small-sample convention 'stata'"),
    ],
)
def test_bad_options(build, message):
    with pytest.raises(EvaluationError, match=message):
        build()


@pytest.mark.parametrize(
    ("leads", "message"),
    [(0, "leads is 0"), (True, "leads is True"), (9, "leads .* cannot be told apart")],
)
def test_bad_leads(simulate, leads, message):
    frame = simulate(1, cohorts=(4, 6))
    with pytest.raises(EstimationError, match=message):
        Imputation().pre_trends(Panel(frame, unit="id", time="t"), Design("y", "g"), leads=leads)


def test_no_pre_trend_with_one_period_before(simulate):
    frame = simulate(1, cohorts=(2,))
    with pytest.raises(EstimationError, match="no cohort is seen in two periods before treatment"):
        Imputation().pre_trends(Panel(frame, unit="id", time="t"), Design("y", "g"))


@pytest.mark.parametrize("estimator", ALL, ids=str)
def test_a_cohort_of_one_unit_is_said_to_be_one(simulate, estimator):
    frame = simulate(1, cohorts=(3, 5))
    first = frame.loc[frame["g"] == 5, "id"].iloc[0]
    frame = frame[(frame["g"] != 5) | (frame["id"] == first)]
    result = fit(frame, estimator)
    assert any("one unit only in 5" in note for note in result.notes)
