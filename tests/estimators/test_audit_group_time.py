"""Group-time effects with weights, clusters, holes and anticipation at once, beside brute force."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation import Design, Panel
from evaluation.estimators import GroupTime

BY = ("simple", "group", "event_time", "calendar")


@pytest.fixture(scope="module")
def frame(simulate):
    """Holes, weights, and clusters that hold units of several cohorts."""
    return simulate(21, units=80, periods=7, cohorts=(3, 5, 7), missing=0.1)


def design(**options):
    given = {"weights": "w", "cluster": "cl", "anticipation": 1, "comparison": "not_yet_treated"}
    return Design("y", "g", **{**given, **options})


def fit(estimator, frame, asked):
    return estimator.fit(Panel(frame, unit="id", time="t"), asked)


def pieces(result):
    """The effects and every average of them, each with an overall effect."""
    averages = [result.aggregate(by) for by in BY]
    return [result, *averages, *(one.overall for one in averages)]


@pytest.mark.parametrize("base", ["varying", "universal"])
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize(
    ("estimator", "covariates"),
    [
        (GroupTime(), ()),
        (GroupTime(sampling="levels"), ()),
        (GroupTime(sampling="balanced"), ()),
        (GroupTime(method="dr"), ("x", "z")),
        (GroupTime(method="ipw", sampling="balanced"), ("z",)),
        (GroupTime(method="reg", sampling="levels"), ("x", "z")),
    ],
    ids=lambda value: str(value)[:48],
)
def test_the_covariance_is_that_of_derivatives_in_the_weight_of_a_cluster(
    frame, estimator, covariates, comparison, base
):
    """Sum over clusters of d d', d the change of an estimate as all weights of the cluster grow."""
    asked = design(covariates=covariates, comparison=comparison, base_period=base)
    result = fit(estimator, frame, asked)
    step = 1e-5
    columns = [[] for _ in pieces(result)]
    for cluster in sorted(frame["cl"].unique()):
        heavier = [
            fit(
                estimator,
                frame.assign(w=frame["w"] * np.where(frame["cl"] == cluster, 1 + sign * step, 1.0)),
                asked,
            )
            for sign in (1, -1)
        ]
        for column, up, down in zip(columns, *map(pieces, heavier), strict=True):
            column.append((up.coef - down.coef) / (2 * step))
    for one, column in zip(pieces(result), columns, strict=True):
        derivative = np.array(column)
        known = np.isfinite(one.std_errors)
        assert known.any()
        expected = derivative[:, known].T @ derivative[:, known]
        np.testing.assert_allclose(one.vcov[np.ix_(known, known)], expected, rtol=2e-4, atol=1e-7)
    whole = frame.groupby("id")["t"].transform("size") == 7
    used = frame[whole] if estimator.sampling == "balanced" else frame
    assert result.sample.clusters == (used["cl"].nunique(),)


@pytest.mark.parametrize("covariates", [("z",), ("x", "z")])
def test_outcome_regression_with_holes_is_four_weighted_regressions(frame, covariates):
    """Sant'Anna and Zhao (2020), section 2: regressions among comparison rows of each period, averaged
    over treated rows of both periods."""
    result = fit(GroupTime(method="reg", sampling="levels"), frame, design(covariates=covariates))
    data = frame.assign(g=frame["g"].fillna(np.inf), one=1.0)
    names = ["one", *covariates]

    def slopes(rows):
        root = np.sqrt(rows["w"])
        return np.linalg.lstsq(rows[names].mul(root, axis=0), rows["y"] * root, rcond=None)[0]

    checked = 0
    for term in result.terms.itertuples():
        last = term.cohort - 2  # one period of anticipation
        base = last if term.time > last else term.time - 1
        later = max(term.time, base) + 1
        control = data[(data["g"] > later) & (data["g"] != term.cohort)]
        treated = data[data["g"] == term.cohort]
        now, then = treated[treated["t"] == term.time], treated[treated["t"] == base]
        if not len(control[control["t"] == term.time]):
            continue
        gap = slopes(control[control["t"] == term.time]) - slopes(control[control["t"] == base])
        both = np.concatenate([now[names], then[names]])
        weight = np.concatenate([now["w"], then["w"]])
        expected = (
            np.average(now["y"], weights=now["w"])
            - np.average(then["y"], weights=then["w"])
            - np.average(both @ gap, weights=weight)
        )
        assert result.coef[term.Index] == pytest.approx(expected, abs=1e-9)
        checked += 1
    assert checked == len(result)


def test_weights_are_repetitions(frame):
    """A unit of weight 2 is two units of weight 1 that share a cluster."""
    frame = frame.assign(w=1.0 + frame["id"] % 2)
    again = frame[frame["w"] == 2].assign(id=lambda d: d["id"] + 1000)
    doubled = type(frame)(np.concatenate([frame, again]), columns=frame.columns)
    one = fit(GroupTime(sampling="levels"), frame, design())
    two = fit(GroupTime(sampling="levels"), doubled, design(weights=None))
    np.testing.assert_allclose(one.coef, two.coef, atol=1e-12)
    np.testing.assert_allclose(one.vcov, two.vcov, atol=1e-12)
    for by in BY:
        ours, theirs = one.aggregate(by), two.aggregate(by)
        np.testing.assert_allclose(ours.coef, theirs.coef, atol=1e-12)
        np.testing.assert_allclose(ours.vcov, theirs.vcov, atol=1e-12)
