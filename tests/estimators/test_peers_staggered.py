"""Ours beside csdid, diff-diff and pyfixest on random panels, with every difference explained."""

from __future__ import annotations

import contextlib
import io
import re
import warnings

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.estimators import GroupTime, Imputation, InteractionWeighted

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore")]
EXACT = 1e-9
PLAIN = {"rtol": 0, "atol": EXACT}


@pytest.fixture
def frame(simulate):
    return simulate(11, units=120, cohorts=(3, 5, 6))


@pytest.fixture
def gaps(simulate):
    return simulate(12, units=120, cohorts=(3, 5, 6), missing=0.1)


def zeros(frame):
    return frame.assign(g=frame["g"].fillna(0))


def csdid(frame, *, method="dr", control="nevertreated", base="varying", covariates=(), **options):
    from csdid.att_gt import ATTgt

    formula = "y~" + "+".join(covariates) if covariates else None
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = ATTgt(
            yname="y",
            tname="t",
            idname="id",
            gname="g",
            data=zeros(frame),
            control_group=[control],
            xformla=formula,
            **options,
        ).fit(est_method=method, base_period=base, bstrap=False)
    found = fitted.results
    return fitted, pd.DataFrame(
        {"cohort": found["group"], "time": found["year"], "att": found["att"], "se": found["se"]}
    )


def beside(result, theirs):
    table = result.tidy().merge(theirs, on=["cohort", "time"], how="outer", validate="one_to_one")
    assert len(table) == len(result)
    return table


def same(table):
    np.testing.assert_allclose(table["estimate"], table["att"], **PLAIN)
    np.testing.assert_allclose(table["std_error"], table["se"], rtol=EXACT)


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
@pytest.mark.parametrize(
    ("options", "design"),
    [
        ({"covariates": ["x", "z"]}, {"covariates": ("x", "z")}),
        (
            {"covariates": ["x", "z"], "control": "notyettreated"},
            {"covariates": ("x", "z"), "comparison": "not_yet_treated"},
        ),
        ({"covariates": ["z"], "weights_name": "w"}, {"covariates": ("z",), "weights": "w"}),
        ({"anticipation": 2}, {"anticipation": 2}),
        (
            {"weights_name": "w", "control": "notyettreated"},
            {"weights": "w", "comparison": "not_yet_treated"},
        ),
    ],
    ids=["covariates", "not yet", "weights", "anticipation 2", "weights not yet"],
)
def test_csdid_balanced(frame, method, options, design):
    _, theirs = csdid(frame, method=method, **options)
    result = GroupTime(method=method).fit(Panel(frame, unit="id", time="t"), Design("y", "g", **design))
    same(beside(result, theirs))


def test_csdid_takes_the_earlier_periods_covariates_with_a_universal_base(frame):
    """R's did does so too; ours by default holds covariates at the base period in all cells of a cohort."""
    _, theirs = csdid(frame, base="universal", covariates=["x", "z"])
    design = Design("y", "g", base_period="universal", covariates=("x", "z"))
    panel = Panel(frame, unit="id", time="t")
    same(beside(GroupTime(covariate_period="earlier").fit(panel, design), theirs))
    table = beside(GroupTime().fit(panel, design), theirs)
    after = table["time"] >= table["cohort"]
    same(table[after])
    before = table["time"] < table["cohort"] - 1
    assert (np.abs(table["estimate"] - table["att"])[before] > 1e-4).all()


@pytest.mark.parametrize("covariates", [(), ("x", "z")])
@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
@pytest.mark.parametrize("sampling", ["levels", "cross_sections"])
def test_csdid_unbalanced_and_cross_sections(gaps, sampling, method, covariates):
    rows = gaps.assign(id=np.arange(len(gaps))) if sampling == "cross_sections" else gaps
    options = {"panel": False} if sampling == "cross_sections" else {"allow_unbalanced_panel": True}
    _, theirs = csdid(rows, method=method, covariates=covariates, **options)
    estimator = GroupTime(method=method, sampling=sampling)
    result = estimator.fit(Panel(gaps, unit="id", time="t"), Design("y", "g", covariates=covariates))
    same(beside(result, theirs))
    if sampling == "cross_sections":
        again = GroupTime(method=method).fit(
            Panel(rows, unit="id", time="t"), Design("y", "g", covariates=covariates)
        )
        np.testing.assert_array_equal(again.coef, result.coef)


@pytest.mark.parametrize(
    ("by", "name"), [("group", "group"), ("event_time", "dynamic"), ("calendar", "calendar")]
)
@pytest.mark.parametrize("covariates", [(), ("z",)])
def test_csdid_aggregations(frame, by, name, covariates):
    fitted, _ = csdid(frame, covariates=covariates)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = fitted.aggte(typec=name, bstrap=False, cband=False).atte
    result = GroupTime().fit(Panel(frame, unit="id", time="t"), Design("y", "g", covariates=covariates))
    ours = result.aggregate(by)
    np.testing.assert_allclose(ours.coef, np.ravel(theirs["att_egt"]), **PLAIN)
    np.testing.assert_allclose(ours.std_errors, np.ravel(theirs["se_egt"]), rtol=EXACT)
    np.testing.assert_allclose(ours.overall.estimate, theirs["overall_att"], **PLAIN)
    np.testing.assert_allclose(ours.overall.std_error, np.ravel(theirs["overall_se"])[0], rtol=EXACT)


def test_csdid_balanced_event_window(frame):
    fitted, _ = csdid(frame)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = fitted.aggte(typec="dynamic", balance_e=1, bstrap=False, cband=False).atte
    result = GroupTime().fit(Panel(frame, unit="id", time="t"), Design("y", "g"))
    ours = result.aggregate("event_time", balance=1)
    assert ours.terms["event_time"].tolist() == list(theirs["egt"])
    np.testing.assert_allclose(ours.coef, np.ravel(theirs["att_egt"]), **PLAIN)
    np.testing.assert_allclose(ours.std_errors, np.ravel(theirs["se_egt"]), rtol=EXACT)


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
@pytest.mark.parametrize("covariates", [(), ("z",)])
def test_diff_diff_group_time(frame, method, covariates):
    from diff_diff import CallawaySantAnna

    theirs = CallawaySantAnna(estimation_method=method).fit(
        zeros(frame),
        outcome="y",
        unit="id",
        time="t",
        first_treat="g",
        covariates=list(covariates) or None,
    )
    result = GroupTime(method=method).fit(
        Panel(frame, unit="id", time="t"), Design("y", "g", covariates=covariates)
    )
    cells = [
        theirs.group_time_effects[key]
        for key in zip(*(result.terms[c] for c in ("cohort", "time")), strict=True)
    ]
    effects = np.array([cell["effect"] for cell in cells])
    if method == "dr" and covariates:
        # theirs divides the comparison group's weights by the treated group's sum, ours by their own
        np.testing.assert_allclose(effects, unnormalised(frame, result), rtol=0, atol=1e-7)
        assert np.abs(effects - result.coef).max() > 1e-4
        return
    np.testing.assert_allclose(effects, result.coef, **PLAIN)
    np.testing.assert_allclose([cell["se"] for cell in cells], result.std_errors, rtol=EXACT)


@pytest.mark.parametrize(
    "options",
    [{}, {"comparison": "not_yet_treated"}, {"base_period": "universal"}, {"anticipation": 1}],
    ids=str,
)
@pytest.mark.parametrize(
    ("method", "covariates"), [("dr", ()), ("ipw", ("z",)), ("ipw", ("x",)), ("reg", ("x", "z"))], ids=str
)
def test_diff_diff_with_gaps(gaps, method, covariates, options):
    """Effects and standard errors of changes within units seen in both periods."""
    from diff_diff import CallawaySantAnna

    theirs = CallawaySantAnna(
        estimation_method=method,
        control_group=options.get("comparison", "never_treated"),
        base_period=options.get("base_period", "varying"),
        anticipation=options.get("anticipation", 0),
    ).fit(
        zeros(gaps),
        outcome="y",
        unit="id",
        time="t",
        first_treat="g",
        covariates=list(covariates) or None,
    )
    cells = theirs.group_time_effects.items()
    theirs = pd.DataFrame(
        [(g, t, cell["effect"], cell["se"]) for (g, t), cell in cells],
        columns=["cohort", "time", "att", "se"],
    )
    design = Design("y", "g", covariates=covariates, **options)
    result = GroupTime(method=method).fit(Panel(gaps, unit="id", time="t"), design)
    table = result.tidy().merge(theirs, on=["cohort", "time"], validate="one_to_one")
    assert len(table) == len(theirs) >= 12
    same(table[table["std_error"].notna()])


def unnormalised(frame, result):
    """Doubly robust effects with comparison weights divided by the number of treated units."""
    import statsmodels.api as sm

    wide, out = frame.pivot(index="id", columns="t", values="y"), []
    unit = frame.groupby("id")[["g", "z"]].first()
    for cohort, time in zip(result.terms["cohort"], result.terms["time"], strict=True):
        base = cohort - 1 if time >= cohort else time - 1
        use = unit[(unit["g"] == cohort) | unit["g"].isna()]
        d, x = (use["g"] == cohort).to_numpy(float), sm.add_constant(use["z"].to_numpy())
        change = (wide[time] - wide[base]).loc[use.index].to_numpy()
        p = sm.Logit(d, x).fit(disp=0, tol=1e-12).predict(x)
        residual = change - x @ np.linalg.lstsq(x[d == 0], change[d == 0], rcond=None)[0]
        odds = p / (1 - p) * (1 - d)
        out.append((d - odds) @ residual / d.sum())
    return np.array(out)


@pytest.mark.parametrize("covariates", [(), ("x",)])
@pytest.mark.parametrize("kind", ["frame", "gaps"])
def test_diff_diff_imputation(request, kind, covariates):
    from diff_diff import ImputationDiD

    frame = request.getfixturevalue(kind)
    theirs = ImputationDiD().fit(
        zeros(frame),
        outcome="y",
        unit="id",
        time="t",
        first_treat="g",
        covariates=list(covariates) or None,
        aggregate="event_study",
    )
    result = Imputation().fit(Panel(frame, unit="id", time="t"), Design("y", "g", covariates=covariates))
    simple = result.aggregate("simple")
    # its effects are found by iteration to about 1e-8
    assert abs(simple.estimate - theirs.overall_att) < 1e-7
    assert abs(simple.std_error / theirs.overall_se - 1) < 1e-6
    table = result.aggregate("event_time").tidy()
    for row in table.itertuples():
        other = theirs.event_study_effects[row.event_time]
        assert abs(row.estimate - other["effect"]) < 1e-7
        assert abs(row.std_error / other["se"] - 1) < 1e-6


def test_diff_diff_sun_abraham(frame):
    from diff_diff import SunAbraham

    theirs = SunAbraham().fit(zeros(frame), outcome="y", unit="id", time="t", first_treat="g")
    result = InteractionWeighted().fit(Panel(frame, unit="id", time="t"), Design("y", "g"))
    simple = result.aggregate("simple")
    np.testing.assert_allclose(simple.estimate, theirs.overall_att, **PLAIN)
    np.testing.assert_allclose(simple.std_error, theirs.overall_se, rtol=EXACT)


@pytest.mark.parametrize("kind", ["frame", "gaps"])
@pytest.mark.parametrize("cluster", ["id", "cl"])
def test_pyfixest_saturated(request, kind, cluster):
    import pyfixest

    frame = request.getfixturevalue(kind)
    if kind == "gaps":
        # it takes the first treated row that is seen for the start of treatment, and so moves units
        # whose first treated row is missing to a later cohort
        seen = set(frame.loc[frame["t"] == frame["g"], "id"]) | set(frame.loc[frame["g"].isna(), "id"])
        frame = frame[frame["id"].isin(seen)]
        assert frame.groupby("id").size().nunique() > 1
    theirs = pyfixest.event_study(
        zeros(frame),
        yname="y",
        idname="id",
        tname="t",
        gname="g",
        estimator="saturated",
        cluster=cluster,
        att=True,
    ).tidy()
    found = [re.fullmatch(r"rel_time::(-?\d+)\.0:first_treated_period::(\d+)", name) for name in theirs.index]
    theirs = pd.DataFrame(
        {
            "cohort": [int(match[2]) for match in found],
            "time": [int(match[1]) + int(match[2]) for match in found],
            "att": theirs["Estimate"].to_numpy(),
            "se": theirs["Std. Error"].to_numpy(),
        }
    )
    result = InteractionWeighted().fit(Panel(frame, unit="id", time="t"), Design("y", "g", cluster=cluster))
    table = beside(result, theirs)
    table = table[table["event_time"] != -1]
    np.testing.assert_allclose(table["estimate"], table["att"], rtol=0, atol=1e-7)
    # its effects are removed by iteration; factors are the same
    np.testing.assert_allclose(table["std_error"], table["se"], rtol=1e-6)
