"""Two-way fixed effects beside R's fixest, dummy-variable regressions and itself on other paths."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation import Design, Panel
from evaluation.errors import DataError, DesignError, EstimationError
from evaluation.estimators import TwoByTwo, TwoWayFixedEffects
from evaluation.estimators import two_way as module
from evaluation.estimators._regression import regress_rows
from evaluation.numerics.covariance import SmallSample

ESTIMATE = 1e-8  # absolute, against R
STD_ERROR = 1e-6  # relative, against R
SAME = 1e-9  # the same regression by other arithmetic

CLUSTERS = [None, "cl", "t", ("cl", "t"), ("id", "t"), ("cl", "cl2"), ("id", "cl"), ("cl", "mixed")]


@pytest.fixture(scope="module")
def frame(staggered):
    rng = np.random.default_rng(0)
    return staggered.assign(
        x1t=staggered["x1"] * staggered["t"],
        z=rng.standard_normal(len(staggered)),
        w=rng.uniform(0.5, 2, len(staggered)),
        cl2=staggered["cl"] % 7,
        mixed=rng.integers(0, 20, len(staggered)),
    )


def panel_of(frame: pd.DataFrame) -> Panel:
    return Panel(frame, unit="id", time="t")


# reference numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "cluster", "covariates", "df"),
    [
        ("twfe", None, (), 359),
        ("twfe_cl", "cl", (), 29),
        ("twfe_twoway", ("cl", "t"), ("x1t",), 7),
    ],
)
def test_fixest(frame, reference, key, cluster, covariates, df):
    theirs = reference("r_fixest_bjs.json")[key]
    design = Design("y", "g", cluster=cluster, covariates=covariates)
    result = TwoWayFixedEffects(report_covariates=True).fit(panel_of(frame), design)
    np.testing.assert_allclose(result.coef, np.atleast_1d(theirs["coef"]), rtol=0, atol=ESTIMATE)
    np.testing.assert_allclose(result.std_errors, np.atleast_1d(theirs["se"]), rtol=STD_ERROR)
    assert result.df == df


@pytest.mark.peer
@pytest.mark.parametrize("cluster", ["cl", "iid", "HC1"])
@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("share", [1.0, 0.8])
def test_pyfixest(frame, cluster, weights, share):
    """Not clustered by the unit: pyfixest 0.60 then counts parameters by the order of a set.

    Its standard error depends on PYTHONHASHSEED there (.04885, which is R's, or .04879).
    """
    pf = pytest.importorskip("pyfixest")
    part = frame.sample(frac=share, random_state=1).assign(
        rel=lambda d: (d["t"] - d["g"]).fillna(-1).astype(int)
    )
    kind = "cluster" if cluster == "cl" else cluster
    their_kind = {"cl": {"CRV1": "cl"}, "iid": "iid", "HC1": "hetero"}[cluster]
    design = Design("y", "g", cluster="cl", weights=weights, covariates=("z",))
    result = TwoWayFixedEffects(event_study=True, covariance=kind, report_covariates=True).fit(
        panel_of(part), design
    )
    theirs = pf.feols("y ~ i(rel, ref=-1) + z | id + t", part, vcov=their_kind, weights=weights)
    table = result.tidy()
    table = table[table["event_time"] != -1]
    np.testing.assert_allclose(table["estimate"], theirs.coef().to_numpy(), atol=ESTIMATE)
    np.testing.assert_allclose(table["std_error"], theirs.se().to_numpy(), rtol=STD_ERROR)
    np.testing.assert_allclose(table["p_value"], theirs.pvalue().to_numpy(), atol=1e-7)


@pytest.mark.shared
@pytest.mark.parametrize(("covariates", "published"), [((), 0.0818), (("l_pop", "l_income"), 0.0906)])
def test_castle(shared, covariates, published):
    """Cheng and Hoekstra (2013) as printed in the vignette of R bacondecomp."""
    castle = pd.read_csv(shared / "data" / "benchmarks" / "castle.csv")
    first = castle[castle["post"] > 0].groupby("state")["year"].min()
    castle = castle[["state", "year", "l_homicide", "l_pop", "l_income"]]
    panel = Panel(castle.assign(first=castle["state"].map(first)), unit="state", time="year")
    result = TwoWayFixedEffects().fit(panel, Design("l_homicide", "first", covariates=covariates))
    assert abs(result.estimate - published) < 5e-5


# dummy variables --------------------------------------------------------------------------------


@settings(max_examples=8)
@given(
    seed=st.integers(0, 10**6),
    missing=st.sampled_from([0.0, 0.2]),
    weighted=st.booleans(),
    event=st.booleans(),
)
def test_statsmodels_with_dummies(simulate, seed, missing, weighted, event):
    data = simulate(seed, units=16, periods=5, cohorts=(3, 4), missing=missing)
    data = data.assign(rel=(data["t"] - data["g"]).fillna(-1).astype(int), d=(data["t"] >= data["g"]) * 1)
    formula = "y ~ x + C(id) + C(t) + " + ("C(rel, Treatment(-1))" if event else "d")
    weights = data["w"] if weighted else np.ones(len(data))
    model = smf.wls(formula, data, weights=weights)
    theirs = model.fit(cov_type="cluster", cov_kwds={"groups": data["id"], "use_correction": False})
    design = Design("y", "g", covariates=("x",), weights="w" if weighted else None)
    result = TwoWayFixedEffects(event_study=event, small_sample="none", report_covariates=True).fit(
        Panel(data, unit="id", time="t"), design
    )
    names = [n for n in theirs.params.index if "rel" in n or n == "d"] + ["x"]
    table = result.tidy()
    table = table[table["event_time"] != -1]
    np.testing.assert_allclose(table["estimate"], theirs.params[names].to_numpy(), atol=SAME)
    np.testing.assert_allclose(table["std_error"], theirs.bse[names].to_numpy(), rtol=1e-7)
    iid = TwoWayFixedEffects(event_study=event, covariance="iid", report_covariates=True).fit(
        Panel(data, unit="id", time="t"), design
    )
    plain = iid.tidy()
    plain = plain[plain["event_time"] != -1]
    np.testing.assert_allclose(plain["std_error"], model.fit().bse[names].to_numpy(), rtol=1e-7)


# two ways of computing the same -------------------------------------------------------------------


@pytest.mark.parametrize("cluster", [*CLUSTERS, "iid", "HC1"], ids=str)
@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("covariates", [(), ("x1t", "z")], ids=["plain", "covariates"])
def test_cell_arithmetic_equals_row_arithmetic(frame, monkeypatch, cluster, weights, covariates):
    kind = cluster if cluster in ("iid", "HC1") else "cluster"
    design = Design(
        "y", "g", cluster=None if kind != "cluster" else cluster, weights=weights, covariates=covariates
    )
    for data in (frame, frame.sample(frac=0.8, random_state=1)):
        panel = panel_of(data)
        for event in (False, True):
            estimator = TwoWayFixedEffects(event_study=event, covariance=kind, report_covariates=True)
            one = estimator.fit(panel, design)
            with monkeypatch.context() as patch:
                patch.setattr(module, "regress", regress_rows)
                two = estimator.fit(panel, design)
            scale = np.nanmax(np.abs(two.vcov))
            np.testing.assert_allclose(one.coef, two.coef, atol=1e-12)
            np.testing.assert_allclose(one.vcov, two.vcov, atol=1e-11 * scale)
            np.testing.assert_allclose(one.influence, two.influence, atol=1e-10)
            assert one.notes == two.notes


def test_influence_function_gives_the_covariance(frame):
    result = TwoWayFixedEffects(event_study=True, small_sample="none").fit(panel_of(frame), Design("y", "g"))
    used = np.isfinite(result.std_errors)
    psi = result.influence[:, used]
    np.testing.assert_allclose(psi.T @ psi / len(psi) ** 2, result.vcov[np.ix_(used, used)], atol=1e-14)


def test_reference_period_is_zero_without_a_standard_error(frame):
    table = TwoWayFixedEffects(event_study=True).fit(panel_of(frame), Design("y", "g")).tidy()
    row = table[table["event_time"] == -1].iloc[0]
    assert row["estimate"] == 0
    assert np.isnan(row["std_error"])
    assert np.isnan(row["p_value"])


def test_two_by_two(frame):
    one_cohort = frame[frame["g"].isna() | (frame["g"] == 5)]
    for design in (
        Design("y", "g"),
        Design("y", "g", cluster="cl"),
        Design("y", "g", anticipation=1),
        Design("y", "g", cluster=("cl", "cl2")),
    ):
        four = TwoByTwo().fit(panel_of(one_cohort), design)
        two_way = TwoWayFixedEffects().fit(panel_of(one_cohort), design)
        np.testing.assert_allclose(four.coef, two_way.coef, atol=1e-13)
        np.testing.assert_allclose(four.std_errors, two_way.std_errors, rtol=1e-12)
        np.testing.assert_allclose(four.influence, two_way.influence, atol=1e-12)
    means = TwoByTwo().means(panel_of(one_cohort), Design("y", "g"))
    assert means.loc["treated", "change"] - means.loc["comparison", "change"] == pytest.approx(
        TwoByTwo().fit(panel_of(one_cohort), Design("y", "g")).estimate, abs=1e-14
    )


# conventions ------------------------------------------------------------------------------------


def test_small_sample_conventions(frame):
    panel, design = panel_of(frame), Design("y", "g")
    n, units, periods = 2880, 360, 8
    bare = TwoWayFixedEffects(small_sample="none").fit(panel, design)
    assert bare.df == np.inf
    for option, factor in (
        ("fixest", (n - 1) / (n - 1 - periods) * units / (units - 1)),
        ("full", (n - 1) / (n - 1 - periods - units + 1) * units / (units - 1)),
        ("clusters", units / (units - 1)),
        (SmallSample(fixed_effects="none", clusters=False), (n - 1) / (n - 1)),
    ):
        result = TwoWayFixedEffects(small_sample=option).fit(panel, design)
        assert result.std_error**2 / bare.std_error**2 == pytest.approx(factor, rel=1e-12)


def test_two_way_clusters_of_each_part(frame):
    panel, design = panel_of(frame), Design("y", "g", cluster=("cl", "t"))
    least = TwoWayFixedEffects().fit(panel, design)
    each = TwoWayFixedEffects(small_sample=SmallSample(cluster_df="each")).fit(panel, design)
    assert each.std_error < least.std_error


def test_a_covariance_that_is_not_positive_is_mended_and_noted(frame):
    result = TwoWayFixedEffects(event_study=True).fit(panel_of(frame), Design("y", "g", cluster=("cl", "t")))
    used = np.isfinite(result.std_errors)
    assert np.linalg.eigvalsh(result.vcov[np.ix_(used, used)]).min() > -1e-15
    assert any("not positive semi-definite" in note for note in result.notes)
    assert any("8 clusters are few" in note for note in result.notes)


# samples ----------------------------------------------------------------------------------------


def test_dropped_rows_are_counted_with_reasons(frame):
    data = frame.copy()
    data.loc[data.index[:5], "y"] = np.nan
    data.loc[data.index[10:12], "z"] = np.nan
    data.loc[data.index[20:23], "w"] = np.nan
    data.loc[data.index[30], "w"] = 0.0
    before = data.copy()
    result = TwoWayFixedEffects().fit(panel_of(data), Design("y", "g", covariates="z", weights="w"))
    assert dict(result.sample.dropped) == {
        "missing outcome 'y'": 5,
        "missing covariate 'z'": 2,
        "missing weight 'w'": 3,
        "weight 'w' is 0": 1,
    }
    assert result.sample.observations == len(frame) - 11
    pd.testing.assert_frame_equal(data, before)


def test_window_joins_or_drops_far_event_times(frame):
    panel = panel_of(frame)
    design = Design("y", "g", window=(-3, 2))
    binned = TwoWayFixedEffects(event_study=True).fit(panel, design)
    assert binned.terms["event_time"].tolist() == [-3, -2, -1, 0, 1, 2]
    assert binned.terms["term"].iloc[[0, -1]].tolist() == ["event time <= -3", "event time >= 2"]
    assert "event times outside -3 to 2 are joined to its ends" in binned.notes
    data = frame.assign(rel=(frame["t"] - frame["g"]).clip(-3, 2).fillna(-1).astype(int))
    theirs = smf.ols("y ~ C(rel, Treatment(-1)) + C(id) + C(t)", data).fit()
    coef = theirs.params[[n for n in theirs.params.index if "rel" in n]].to_numpy()
    np.testing.assert_allclose(binned.coef[[0, 1, 3, 4, 5]], coef, atol=SAME)
    dropped = TwoWayFixedEffects(event_study=True, endpoints="drop").fit(panel, design)
    gone = int((((frame["t"] - frame["g"]) < -3) | ((frame["t"] - frame["g"]) > 2)).sum())
    assert dropped.sample.dropped == {"event time outside -3 to 2": gone}
    assert dropped.terms["term"].iloc[0] == "event time -3"


def test_anticipation_moves_the_start_and_the_reference(frame):
    static = TwoWayFixedEffects().fit(panel_of(frame), Design("y", "g", anticipation=1))
    earlier = TwoWayFixedEffects().fit(panel_of(frame.assign(g=frame["g"] - 1)), Design("y", "g"))
    assert static.estimate == pytest.approx(earlier.estimate, abs=1e-13)
    table = TwoWayFixedEffects(event_study=True).fit(panel_of(frame), Design("y", "g", anticipation=1)).tidy()
    assert table.loc[table["estimate"] == 0, "event_time"].tolist() == [-2]


def test_always_treated_units_are_kept_with_a_note_or_dropped_and_counted(frame):
    data = frame.assign(g=frame["g"].where(frame["id"] > 3, 1))
    kept = TwoWayFixedEffects().fit(panel_of(data), Design("y", "g"))
    assert any("treated in every period" in note for note in kept.notes)
    dropped = TwoWayFixedEffects(always_treated="drop").fit(panel_of(data), Design("y", "g"))
    assert dropped.sample.dropped == {"unit treated from the first period on": 24}
    alone = TwoWayFixedEffects().fit(panel_of(frame[frame["id"] > 3]), Design("y", "g"))
    assert dropped.estimate == pytest.approx(alone.estimate, abs=1e-13)


def test_singletons_change_the_count_of_rows_only(frame):
    data = pd.concat([frame[frame["id"] > 1], frame[(frame["id"] == 1) & (frame["t"] == 4)]])
    kept = TwoWayFixedEffects().fit(panel_of(data), Design("y", "g"))
    dropped = TwoWayFixedEffects(singletons="drop").fit(panel_of(data), Design("y", "g"))
    assert kept.estimate == pytest.approx(dropped.estimate, abs=1e-13)
    assert any("1 rows are alone" in note for note in kept.notes)
    assert dropped.sample.dropped == {"alone in its unit or period": 1}
    assert (kept.sample.observations, dropped.sample.observations) == (len(data), len(data) - 1)


def test_one_treated_unit_is_warned_of(frame):
    few = frame[frame["g"].isna() | (frame["id"] == frame.loc[frame["g"] == 5, "id"].iloc[0])]
    result = TwoWayFixedEffects().fit(panel_of(few), Design("y", "g"))
    assert any("1 treated unit: standard errors" in note for note in result.notes)


def test_collinear_covariate_is_named_and_left_out(frame):
    data = frame.assign(twice=2 * frame["z"] + frame["x1"] + frame["t"])
    panel = panel_of(data)
    result = TwoWayFixedEffects(report_covariates=True).fit(
        panel, Design("y", "g", covariates=("z", "twice", "x1"))
    )
    assert any("covariate twice, x1 is collinear" in note for note in result.notes)
    assert result.terms["term"].tolist() == ["ATT", "z"]
    without = TwoWayFixedEffects(report_covariates=True).fit(panel, Design("y", "g", covariates="z"))
    np.testing.assert_allclose(result.coef, without.coef, atol=1e-12)
    np.testing.assert_allclose(result.vcov, without.vcov, atol=1e-14)


def test_without_noise_the_standard_error_is_undefined(frame):
    data = frame.assign(y=3.0 * (frame["t"] >= frame["g"]) + frame["id"] + frame["t"] ** 2)
    for share in (1.0, 0.9):
        result = TwoWayFixedEffects().fit(panel_of(data.sample(frac=share, random_state=0)), Design("y", "g"))
        assert result.estimate == pytest.approx(3, abs=1e-9)
        assert np.isnan(result.std_error)
        assert any("perfectly" in note for note in result.notes)


def test_sparse_panel_with_long_gaps_goes_row_by_row(simulate):
    data = simulate(5, units=30, periods=6)
    far = data.assign(t=data["t"] + 700 * (data["id"] % 15), g=data["g"] + 700 * (data["id"] % 15))
    panel = Panel(far, unit="id", time="t")
    assert panel.n_periods * panel.n_units > 4 * panel.n_rows
    result = TwoWayFixedEffects(small_sample="none").fit(panel, Design("y", "g"))
    columns = pd.get_dummies(far[["id", "t"]].astype(str), dtype=float).to_numpy()
    both = np.column_stack([far["t"] >= far["g"], columns]).astype(float)
    coef = np.linalg.lstsq(both, far["y"].to_numpy(), rcond=None)[0]
    assert result.estimate == pytest.approx(coef[0], abs=1e-9)


# mistakes ---------------------------------------------------------------------------------------


def refuse(error, message, data, design=None, **options):
    with pytest.raises(error, match=message) as caught:
        TwoWayFixedEffects(**options).fit(panel_of(data), design or Design("y", "g"))
    return caught.value


def test_mistakes_in_the_design(frame):
    refuse(DesignError, "the panel has one period", frame[frame["t"] == 3])
    refuse(DesignError, "no unit is ever treated", frame.assign(g=np.nan))
    refuse(EstimationError, "not identified", frame[frame["g"] == 5])
    refuse(EstimationError, "every row is treated", frame.assign(g=1.0))
    refuse(DataError, "changes within a unit", frame.assign(g=frame["g"].where(frame["t"] > 2, 4)))
    refuse(DataError, "has no column 'income'", frame, Design("y", "g", covariates="income"))
    refuse(
        DataError,
        "must be numeric",
        frame.assign(z=[*["high"] * (len(frame) - 1), "1.5"]),
        Design("y", "g", covariates="z"),
    )
    refuse(DataError, "infinite", frame.assign(y=np.log(frame["count"].where(frame["count"] > 2, 0))))
    refuse(DataError, "no row is left", frame.assign(y=np.nan))
    lone = frame[frame["g"].isna() | (frame["g"] == 5)]
    refuse(DesignError, "no treated unit is left", lone.assign(y=lone["y"].where(lone["g"].isna())))
    refuse(
        DataError, "weights in column 'w' are below 0", frame.assign(w=-1.0), Design("y", "g", weights="w")
    )


def test_mistakes_in_clusters(frame):
    error = refuse(DesignError, "cluster 'mixed' cuts across units", frame, Design("y", "g", cluster="mixed"))
    assert "cluster=('id', 'mixed')" in error.fix
    refuse(DesignError, "3 cluster columns", frame, Design("y", "g", cluster=("cl", "t", "id")))
    refuse(DesignError, "both cluster columns are 'cl'", frame, Design("y", "g", cluster=("cl", "cl")))
    refuse(EstimationError, "all rows are in one cluster", frame.assign(cl=1), Design("y", "g", cluster="cl"))


def test_event_study_without_never_treated_needs_a_second_reference(frame):
    treated = frame[frame["g"].notna()]
    error = refuse(EstimationError, "cannot be told apart", treated, event_study=True)
    assert "linear trend" in error.where
    result = TwoWayFixedEffects(event_study=True, reference=(-7, -1)).fit(panel_of(treated), Design("y", "g"))
    assert result.terms.loc[np.isnan(result.std_errors), "event_time"].tolist() == [-7, -1]


def test_mistakes_in_options(frame):
    refuse(DesignError, "reference event time 9", frame, event_study=True, reference=9)
    with pytest.raises(EstimationError, match="unknown covariance 'hc3'"):
        TwoWayFixedEffects(covariance="hc3")
    with pytest.raises(EstimationError, match="unknown small-sample convention 'stata'"):
        TwoWayFixedEffects(small_sample="stata")
    with pytest.raises(EstimationError, match="endpoints is 'trim'"):
        TwoWayFixedEffects(endpoints="trim")
    with pytest.raises(DesignError, match=r"the reference is 0\.5"):
        TwoWayFixedEffects(reference=0.5)
    with pytest.raises(EstimationError, match="fixed_effects is 'some'"):
        SmallSample(fixed_effects="some")
    assert json.dumps(str(TwoWayFixedEffects()))  # options print


def test_mistakes_in_two_by_two(frame):
    def message(data, design=None):
        with pytest.raises((DesignError, EstimationError)) as caught:
            TwoByTwo().fit(panel_of(data), design or Design("y", "g"))
        return str(caught.value)

    one_cohort = frame[frame["g"].isna() | (frame["g"] == 5)]
    assert "treated at 4 different times" in message(frame)
    assert "no comparison unit" in message(frame[frame["g"] == 5])
    assert "takes no covariates" in message(one_cohort, Design("y", "g", covariates="z"))
    assert "no period before treatment" in message(one_cohort.assign(g=one_cohort["g"] - 4))
    assert "change within a unit" in message(one_cohort, Design("y", "g", weights="w"))
    assert "cuts across units" in message(one_cohort, Design("y", "g", cluster=("cl", "t")))
    hole = one_cohort.drop(index=one_cohort.index[3])
    result = TwoByTwo().fit(panel_of(hole), Design("y", "g"))
    assert result.sample.dropped == {"unit not observed in every period": 7}
