"""Every estimator that a Python peer offers too, beside it on random panels; differences are explained.

diff-diff 3.13, csdid 0.4.3 and pyfixest 0.60. Known differences that these panels avoid and other tests show:
`test_peers_staggered.py` (diff-diff's doubly robust weights, csdid's covariates with a universal base,
pyfixest's cohorts where a first treated row is missing) and `test_two_way.py` (pyfixest by unit clusters).
"""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation import Design, Panel
from evaluation.estimators import (
    ExtendedTwoWayFixedEffects,
    GroupTime,
    Imputation,
    InteractionWeighted,
    PoissonFixedEffects,
    Stacked,
    TwoWayFixedEffects,
)

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore")]
few = settings(max_examples=5, derandomize=True)
SEEDS = st.integers(0, 10_000)
COHORTS = st.sampled_from([(3.0, 5.0), (3.0, 4.0, 6.0), (4.0,)])
COMPARISON = st.sampled_from(["never_treated", "not_yet_treated"])
MISSING = st.sampled_from([0.0, 0.1])
EXACT = {"rtol": 1e-8, "atol": 1e-9}
ITERATED = {"rtol": 1e-6, "atol": 1e-7}  # peers that remove effects by iteration
LONG = {"outcome": "y", "unit": "id", "time": "t", "first_treat": "g"}


def make(simulate, seed, cohorts, missing=0.0):
    frame = simulate(seed, units=90, periods=7, cohorts=cohorts, missing=missing)
    return frame, frame.assign(g=frame["g"].fillna(0)), Panel(frame, unit="id", time="t")


@few
@given(
    seed=SEEDS,
    cohorts=COHORTS,
    comparison=COMPARISON,
    method=st.sampled_from(["dr", "ipw", "reg"]),
    covariates=st.sampled_from([(), ("z",)]),
    weights=st.sampled_from([None, "w"]),
    ahead=st.integers(0, 1),
)
def test_group_time_is_csdid(simulate, seed, cohorts, comparison, method, covariates, weights, ahead):
    from csdid.att_gt import ATTgt

    _, zeros, panel = make(simulate, seed, cohorts)
    with contextlib.redirect_stdout(io.StringIO()):
        found = (
            ATTgt(
                yname="y",
                tname="t",
                idname="id",
                gname="g",
                data=zeros,
                control_group=["nevertreated" if comparison == "never_treated" else "notyettreated"],
                xformla="y~" + "+".join(covariates) if covariates else None,
                anticipation=ahead,
                weights_name=weights,
            )
            .fit(est_method=method, base_period="varying", bstrap=False)
            .results
        )
    result = GroupTime(method=method).fit(
        panel,
        Design("y", "g", comparison=comparison, covariates=covariates, weights=weights, anticipation=ahead),
    )
    theirs = dict(
        zip(
            zip(found["group"], found["year"], strict=True),
            zip(found["att"], found["se"], strict=True),
            strict=True,
        )
    )
    ours = result.tidy().set_index(["cohort", "time"])
    assert set(theirs) == set(ours.index)
    both = np.array([theirs[key] for key in ours.index], dtype=float)
    np.testing.assert_allclose(ours["estimate"], both[:, 0], **EXACT)
    np.testing.assert_allclose(ours["std_error"], both[:, 1], **EXACT)


@few
@given(seed=SEEDS, cohorts=COHORTS, missing=MISSING, weights=st.sampled_from([None, "w"]))
def test_event_study_is_pyfixest(simulate, seed, cohorts, missing, weights):
    import pyfixest

    frame, _, panel = make(simulate, seed, cohorts, missing)
    data = frame.assign(rel=(frame["t"] - frame["g"]).fillna(-1).astype(int))
    theirs = pyfixest.feols(
        "y ~ i(rel, ref=-1) + x | id + t", data, vcov={"CRV1": "cl"}, weights=weights
    ).tidy()
    result = TwoWayFixedEffects(event_study=True, report_covariates=True).fit(
        panel, Design("y", "g", covariates="x", cluster="cl", weights=weights)
    )
    table = result.tidy()
    table = table[table["event_time"] != -1]
    np.testing.assert_allclose(table["estimate"], theirs["Estimate"], **ITERATED)
    np.testing.assert_allclose(table["std_error"], theirs["Std. Error"], **ITERATED)


@few
@given(seed=SEEDS, cohorts=COHORTS, missing=MISSING, event=st.booleans())
def test_poisson_is_pyfixest(simulate, seed, cohorts, missing, event):
    import pyfixest

    frame, _, _ = make(simulate, seed, cohorts, missing)
    frame = frame.assign(count=frame["count"] + 1)  # nothing is separated
    data = frame.assign(
        rel=(frame["t"] - frame["g"]).fillna(-1).astype(int), d=(frame["t"] >= frame["g"]) * 1.0
    )
    what = "i(rel, ref=-1)" if event else "d"
    theirs = pyfixest.fepois(f"count ~ {what} + x | id + t", data, vcov={"CRV1": "cl"}, iwls_tol=1e-10).tidy()
    result = PoissonFixedEffects(event_study=event, report_covariates=True).fit(
        Panel(frame, unit="id", time="t"), Design("count", "g", covariates="x", cluster="cl")
    )
    table = result.tidy()
    table = table[table["event_time"] != -1]
    np.testing.assert_allclose(table["estimate"], theirs["Estimate"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(table["std_error"], theirs["Std. Error"], rtol=1e-4)


@few
@given(seed=SEEDS, cohorts=COHORTS, missing=MISSING, covariates=st.sampled_from([(), ("x",)]))
def test_imputation_is_diff_diff(simulate, seed, cohorts, missing, covariates):
    from diff_diff import ImputationDiD

    _, zeros, panel = make(simulate, seed, cohorts, missing)
    theirs = ImputationDiD().fit(zeros, **LONG, covariates=list(covariates) or None, aggregate="event_study")
    result = Imputation().fit(panel, Design("y", "g", covariates=covariates))
    simple = result.aggregate("simple")
    np.testing.assert_allclose(simple.estimate, theirs.overall_att, **ITERATED)
    np.testing.assert_allclose(simple.std_error, theirs.overall_se, **ITERATED)
    for row in result.aggregate("event_time").tidy().itertuples():
        other = theirs.event_study_effects[row.event_time]
        np.testing.assert_allclose(row.estimate, other["effect"], **ITERATED)
        np.testing.assert_allclose(row.std_error, other["se"], **ITERATED)


@few
@given(seed=SEEDS, cohorts=COHORTS)
def test_interaction_weighted_is_diff_diff(simulate, seed, cohorts):
    from diff_diff import SunAbraham

    _, zeros, panel = make(simulate, seed, cohorts)
    theirs = SunAbraham().fit(zeros, **LONG)
    simple = InteractionWeighted().fit(panel, Design("y", "g")).aggregate("simple")
    np.testing.assert_allclose(simple.estimate, theirs.overall_att, **EXACT)
    np.testing.assert_allclose(simple.std_error, theirs.overall_se, **EXACT)


@few
@given(seed=SEEDS, cohorts=COHORTS, comparison=COMPARISON)
def test_stacked_is_diff_diff(simulate, seed, cohorts, comparison):
    from diff_diff import StackedDiD

    _, zeros, panel = make(simulate, seed, cohorts)
    theirs = StackedDiD(kappa_pre=2, kappa_post=1, control_group=comparison).fit(zeros, **LONG)
    result = Stacked().fit(panel, Design("y", "g", window=(-2, 1), comparison=comparison))
    for row in result.tidy().itertuples():
        other = theirs.event_study_effects[row.event_time]
        np.testing.assert_allclose(row.estimate, other["effect"], **EXACT)
        if row.event_time == -1:
            # theirs gives the reference a standard error of 0, ours none
            assert np.isnan(row.std_error)
        else:
            np.testing.assert_allclose(row.std_error, other["se"], **EXACT)


@few
@given(seed=SEEDS, cohorts=COHORTS, comparison=COMPARISON)
def test_extended_is_diff_diff(simulate, seed, cohorts, comparison):
    from diff_diff import WooldridgeDiD

    _, zeros, panel = make(simulate, seed, cohorts)
    theirs = WooldridgeDiD(control_group=comparison).fit(zeros, **LONG)
    result = ExtendedTwoWayFixedEffects().fit(panel, Design("y", "g", comparison=comparison))
    compared = 0
    for row in result.tidy().itertuples():
        other = theirs.group_time_effects.get((row.cohort, row.time))
        if other is not None:
            np.testing.assert_allclose(row.estimate, other["att"], **EXACT)
            np.testing.assert_allclose(row.std_error, other["se"], **EXACT)
            compared += 1
    assert compared == np.isfinite(result.std_errors).sum()
    simple = result.aggregate("simple")
    np.testing.assert_allclose(simple.estimate, theirs.overall_att, **EXACT)
    np.testing.assert_allclose(simple.std_error, theirs.overall_se, **EXACT)


@few
@given(seed=SEEDS, cohorts=COHORTS)
def test_extended_poisson_in_events_is_diff_diff_but_for_one_factor(simulate, seed, cohorts):
    """Theirs has dummies of cohorts for unit effects, the same fit, and counts them in its factor."""
    from diff_diff import WooldridgeDiD

    frame, zeros, _ = make(simulate, seed, cohorts)
    frame, zeros = (one.assign(count=one["count"] + 1) for one in (frame, zeros))
    theirs = WooldridgeDiD(method="poisson").fit(zeros, **{**LONG, "outcome": "count"})
    result = ExtendedTwoWayFixedEffects(family="poisson", effects="count").fit(
        Panel(frame, unit="id", time="t"), Design("count", "g", comparison="not_yet_treated")
    )
    cells = [
        theirs.group_time_effects[key]
        for key in zip(result.terms["cohort"], result.terms["time"], strict=True)
    ]
    simple = result.aggregate("simple")
    effects = [*(cell["att"] for cell in cells), theirs.overall_att]
    np.testing.assert_allclose([*result.coef, simple.estimate], effects, rtol=1e-7, atol=1e-8)
    factor = np.array([*(cell["se"] for cell in cells), theirs.overall_se]) / [
        *result.std_errors,
        simple.std_error,
    ]
    assert 1 < factor[0] < 1.01
    np.testing.assert_allclose(factor, factor[0], rtol=1e-6)
