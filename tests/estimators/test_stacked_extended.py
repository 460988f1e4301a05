"""Stacked and extended regressions beside the stack and the dummies written out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from evaluation import Design, Panel
from evaluation.errors import DataError, DesignError, EstimationError
from evaluation.estimators import (
    ExtendedTwoWayFixedEffects,
    GroupTime,
    Imputation,
    InteractionWeighted,
    Stacked,
    TwoWayFixedEffects,
)

SAME = 1e-10
NOT_YET = Design("y", "g", comparison="not_yet_treated")


def panel_of(frame: pd.DataFrame) -> Panel:
    return Panel(frame, unit="id", time="t")


def written_out(frame: pd.DataFrame, low: int, high: int, *, later: bool) -> pd.DataFrame:
    """The stack of Wing, Freedman and Hollingsworth (2024), with its weights."""
    parts = []
    for a in sorted(frame["g"].dropna().unique()):
        if a + low < frame["t"].min() or a + high > frame["t"].max():
            continue
        clean = frame["g"].isna() | (later & (frame["g"] > a + high))
        rows = frame[frame["t"].between(a + low, a + high) & ((frame["g"] == a) | clean)]
        parts.append(rows.assign(a=a, D=(rows["g"] == a) * 1, h=(rows["t"] - a).astype(int)))
    stack = pd.concat(parts)
    n = stack[stack["h"] == 0].groupby(["a", "D"]).size().unstack()
    treated, control = n[1] / n[1].sum(), n[0] / n[0].sum()
    ratio = stack["a"].map(treated / control)
    return stack.assign(q=np.where(stack["D"] == 1, 1.0, ratio))


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("window", [(-2, 2), (-1, 0), (-2, 0)])
def test_stacked_is_the_weighted_regression(staggered, comparison, window):
    later = comparison == "not_yet_treated"
    stack = written_out(staggered, *window, later=later)
    model = smf.wls("y ~ C(h, Treatment(-1)) * D", stack, weights=stack["q"])
    theirs = model.fit(cov_type="cluster", cov_kwds={"groups": stack["id"], "use_correction": True})
    result = Stacked().fit(panel_of(staggered), Design("y", "g", comparison=comparison, window=window))
    table = result.tidy()
    assert table["event_time"].tolist() == list(range(window[0], window[1] + 1))
    table = table[table["event_time"] != -1]
    names = [n for n in theirs.params.index if n.endswith(":D")]
    np.testing.assert_allclose(table["estimate"], theirs.params[names], atol=SAME)
    np.testing.assert_allclose(table["std_error"], theirs.bse[names], rtol=1e-9)
    assert result.df == stack["id"].nunique() - 1
    used = np.isfinite(result.std_errors)
    plain = Stacked(small_sample="none").fit(
        panel_of(staggered), Design("y", "g", comparison=comparison, window=window)
    )
    psi = plain.influence[:, used]
    np.testing.assert_allclose(psi.T @ psi / len(psi) ** 2, plain.vcov[np.ix_(used, used)], atol=1e-14)


def test_stacked_with_one_cohort_is_the_event_study(staggered):
    frame = staggered[(staggered["g"].isna() | (staggered["g"] == 5)) & staggered["t"].between(3, 7)]
    result = Stacked(small_sample="none").fit(panel_of(frame), Design("y", "g", window=(-2, 2)))
    event = TwoWayFixedEffects(event_study=True, small_sample="none").fit(panel_of(frame), Design("y", "g"))
    np.testing.assert_allclose(result.coef, event.coef, atol=1e-13)
    np.testing.assert_allclose(result.std_errors, event.std_errors, rtol=1e-11)


def test_stacked_residuals_within_cohorts_are_those_of_sun_and_abraham(staggered):
    """With the shares of whole cohorts taken as known the two are one estimator."""
    frame = staggered[staggered["g"].isna() | staggered["g"].between(5, 6)]
    design = Design("y", "g", window=(-2, 2), cluster="cl")
    bare = InteractionWeighted(small_sample="none").fit(panel_of(frame), design).aggregate("event_time")
    own = Stacked(small_sample="none", residuals="cohort").fit(panel_of(frame), design)
    np.testing.assert_allclose(own.coef, bare.coef, atol=SAME)
    used = np.isfinite(bare.std_errors)
    np.testing.assert_allclose(own.vcov[np.ix_(used, used)], bare.vcov[np.ix_(used, used)], atol=1e-13)
    assert "residuals within cohorts" in own.inference
    pooled = Stacked(small_sample="none").fit(panel_of(frame), design)
    np.testing.assert_array_equal(pooled.coef, own.coef)
    with pytest.raises(EstimationError, match="residuals is 'mine'"):
        Stacked(residuals="mine")


def test_stacked_trims_and_counts(staggered, staggered_unbalanced):
    result = Stacked().fit(panel_of(staggered), Design("y", "g", window=(-2, 2)))
    assert any("cohorts 8 were trimmed" in note for note in result.notes)
    assert result.sample.dropped["unit in no experiment"] == 8 * int((staggered["g"] == 8).sum() / 8)
    holes = Stacked().fit(panel_of(staggered_unbalanced), Design("y", "g", window=(-2, 2)))
    assert any("not observed in their whole window" in note for note in holes.notes)


def test_mistakes_in_the_stack(staggered):
    def message(design, **options):
        with pytest.raises(DesignError) as caught:
            Stacked(**options).fit(panel_of(staggered), design)
        return str(caught.value)

    assert "needs a window" in message(Design("y", "g"))
    assert "takes no covariates" in message(Design("y", "g", window=(-1, 1), covariates="x1"))
    assert "takes no weights" in message(Design("y", "g", window=(-1, 1), weights="x1"))
    assert "reference event time -1 is outside" in message(Design("y", "g", window=(0, 2)))
    assert "ends before treatment" in message(Design("y", "g", window=(-3, -1)))
    assert "no cohort is observed" in message(Design("y", "g", window=(-7, 7)))


# extended ---------------------------------------------------------------------------------------


def test_extended_equals_imputation_on_a_balanced_panel(staggered, staggered_unbalanced):
    extended = ExtendedTwoWayFixedEffects(small_sample="none").fit(panel_of(staggered), NOT_YET)
    imputed = Imputation().fit(panel_of(staggered), NOT_YET)
    np.testing.assert_allclose(extended.coef, imputed.coef, atol=SAME)
    np.testing.assert_allclose(extended.vcov, imputed.vcov, atol=1e-13)
    for by in ("simple", "event_time", "group", "calendar"):
        one, two = extended.aggregate(by), imputed.aggregate(by)
        np.testing.assert_allclose(one.coef, two.coef, atol=SAME, err_msg=by)
        np.testing.assert_allclose(one.std_errors, two.std_errors, rtol=1e-9, err_msg=by)
    # with missing rows one effect a cell says something about unit effects, and the two part ways
    extended = ExtendedTwoWayFixedEffects().fit(panel_of(staggered_unbalanced), NOT_YET)
    imputed = Imputation().fit(panel_of(staggered_unbalanced), NOT_YET)
    assert np.abs(extended.coef - imputed.coef).max() > 0.01


def test_extended_with_leads_equals_sun_abraham_and_group_time(staggered):
    design = Design("y", "g", base_period="universal")
    extended = ExtendedTwoWayFixedEffects(small_sample="none").fit(panel_of(staggered), design)
    group_time = GroupTime().fit(panel_of(staggered), design)
    weighted = InteractionWeighted(small_sample="none").fit(panel_of(staggered), design)
    for other in (group_time, weighted):
        assert extended.terms["time"].tolist() == other.terms["time"].tolist()
        np.testing.assert_allclose(extended.coef, other.coef, atol=SAME)
        np.testing.assert_allclose(extended.vcov, other.vcov, atol=1e-12)


def test_extended_is_the_dummy_regression(staggered_unbalanced):
    data = staggered_unbalanced[staggered_unbalanced["id"] <= 80]
    result = ExtendedTwoWayFixedEffects(small_sample="none").fit(panel_of(data), NOT_YET)
    names = []
    for j, (g, t) in enumerate(zip(result.terms["cohort"], result.terms["time"], strict=True)):
        data = data.assign(**{f"c{j}": ((data["g"] == g) & (data["t"] == t)) * 1})
        names.append(f"c{j}")
    theirs = smf.ols("y ~ C(id) + C(t) + " + " + ".join(names), data).fit(
        cov_type="cluster", cov_kwds={"groups": data["id"], "use_correction": False}
    )
    np.testing.assert_allclose(result.coef, theirs.params[names], atol=1e-9)
    np.testing.assert_allclose(result.std_errors, theirs.bse[names], rtol=1e-8)


def test_extended_covariates_are_the_interacted_regression(staggered):
    data = staggered[staggered["id"] <= 120]
    design = Design("y", "g", comparison="not_yet_treated", covariates=("x1", "x2"))
    result = ExtendedTwoWayFixedEffects(small_sample="none").fit(panel_of(data), design)
    unit = data.drop_duplicates("id")
    names = []
    terms = []
    for j, (g, t) in enumerate(zip(result.terms["cohort"], result.terms["time"], strict=True)):
        cell = ((data["g"] == g) & (data["t"] == t)) * 1
        mean = unit.loc[unit["g"] == g, ["x1", "x2"]].mean()
        data = data.assign(
            **{
                f"c{j}": cell,
                f"u{j}": cell * (data["x1"] - mean["x1"]),
                f"v{j}": cell * (data["x2"] - mean["x2"]),
            }
        )
        names.append(f"c{j}")
        terms += [f"c{j}", f"u{j}", f"v{j}"]
    theirs = smf.ols("y ~ C(id) + C(t) + C(t):x1 + C(t):x2 + " + " + ".join(terms), data).fit()
    np.testing.assert_allclose(result.coef, theirs.params[names], atol=1e-8)


def test_extended_with_covariates_equals_outcome_regression(staggered):
    """Interacted leads and lags compare each cohort with the never treated, as method "reg" does."""
    design = Design("y", "g", covariates=("x1", "x2"), base_period="universal")
    extended = ExtendedTwoWayFixedEffects().fit(panel_of(staggered), design)
    outcome_regression = GroupTime(method="reg").fit(panel_of(staggered), design)
    np.testing.assert_allclose(extended.coef, outcome_regression.coef, atol=SAME)


def test_extended_without_never_treated_leaves_the_last_periods_out(staggered):
    data = staggered[staggered["g"].notna()]
    result = ExtendedTwoWayFixedEffects().fit(panel_of(data), NOT_YET)
    assert result.sample.dropped == {"period in which every unit is treated": data["id"].nunique()}
    assert result.terms["time"].max() == 7
    imputed = Imputation().fit(panel_of(data), NOT_YET)
    both = result.tidy().merge(imputed.tidy(), on=["cohort", "time"])
    np.testing.assert_allclose(both["estimate_x"], both["estimate_y"], atol=SAME)


def test_extended_window_reports_fewer_terms(staggered):
    whole = ExtendedTwoWayFixedEffects().fit(panel_of(staggered), NOT_YET)
    part = ExtendedTwoWayFixedEffects().fit(
        panel_of(staggered), Design("y", "g", comparison="not_yet_treated", window=(0, 1))
    )
    early = whole.aggregate("event_time", window=(0, 1))
    np.testing.assert_allclose(part.aggregate("event_time").coef, early.coef, atol=1e-14)
    assert part.influence.shape == (360, len(part))


def test_always_treated_are_dropped_and_counted(staggered):
    data = staggered.assign(g=staggered["g"].where(staggered["id"] > 5, 1))
    result = ExtendedTwoWayFixedEffects().fit(panel_of(data), NOT_YET)
    assert result.sample.dropped == {"unit treated from the first period on": 40}


def test_mistakes_in_extended(staggered):
    def message(error, data, design):
        with pytest.raises(error) as caught:
            ExtendedTwoWayFixedEffects().fit(panel_of(data), design)
        return str(caught.value)

    moving = staggered.assign(z=staggered["t"] * staggered["id"] * 1.0)
    design = Design("y", "g", comparison="not_yet_treated", covariates="z")
    assert "covariate 'z' varies within units" in message(DataError, moving, design)
    treated = staggered[staggered["g"].notna()]
    assert "no unit is never treated" in message(DesignError, treated, Design("y", "g"))
    assert "treated at the same time" in message(DesignError, treated[treated["g"] == 5], NOT_YET)
    late = staggered.assign(g=staggered["g"] + 50)
    assert "after the panel's last period" in message(DesignError, late, NOT_YET)
    with pytest.raises(EstimationError, match="family is 'logit'"):
        ExtendedTwoWayFixedEffects(family="logit")
