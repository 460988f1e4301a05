"""The fast paths beside brute force: dummy variables, direct formulas, and derivatives in the weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation import Design, Panel
from evaluation.estimators import GroupTime, Imputation, InteractionWeighted

CLOSE = {"rtol": 1e-7, "atol": 1e-9}
quick = settings(max_examples=12, derandomize=True)
SEEDS = st.integers(0, 10_000)
MISSING = st.sampled_from([0.0, 0.0, 0.15])
COHORTS = st.sampled_from([(3.0, 5.0), (2.0, 4.0, 6.0), (4.0,)])


def make(simulate, seed, missing, cohorts, never=True):
    return simulate(seed, units=36, periods=6, cohorts=cohorts, missing=missing, never=never)


def dummies(codes):
    values, place = np.unique(codes, return_inverse=True)
    return np.eye(len(values))[place]


def clustered(columns, weights, residual, codes, contrast):
    """Sandwich variance of ``contrast @ beta``, one cluster at a time; the minimum-norm inverse."""
    bread = np.linalg.pinv(columns.T @ (columns * weights[:, None]), rcond=1e-11, hermitian=True)
    out = np.zeros((len(contrast), len(contrast)))
    for code in np.unique(codes):
        rows = codes == code
        score = contrast @ bread @ (columns[rows].T @ (weights * residual)[rows])
        out += np.outer(score, score)
    return out


def shared_design(data):
    weights = data.draw(st.sampled_from([None, "w"]))
    cluster = data.draw(st.sampled_from([None, "cl"]))
    covariates = data.draw(st.sampled_from([(), ("x",)]))
    return {"weights": weights, "cluster": cluster, "covariates": covariates}


@quick
@given(seed=SEEDS, missing=MISSING, cohorts=COHORTS, data=st.data())
def test_interaction_weighted_is_a_dummy_regression(simulate, seed, missing, cohorts, data):
    frame = make(simulate, seed, missing, cohorts)
    options = shared_design(data)
    result = InteractionWeighted(small_sample="none").fit(
        Panel(frame, unit="id", time="t"), Design("y", "g", **options)
    )
    w = np.ones(len(frame)) if options["weights"] is None else frame["w"].to_numpy()
    blocks = [dummies(frame["id"]), dummies(frame["t"])]
    place = []
    for i, row in enumerate(result.terms.itertuples()):
        if row.event_time != -1 and np.isfinite(result.coef[i]):
            blocks.append(((frame["g"] == row.cohort) & (frame["t"] == row.time)).to_numpy(float)[:, None])
            place.append(i)
    blocks += [frame[[name]].to_numpy() for name in options["covariates"]]
    columns = np.hstack(blocks)
    root = np.sqrt(w)
    beta = np.linalg.lstsq(columns * root[:, None], frame["y"] * root, rcond=1e-11)[0]
    start = blocks[0].shape[1] + blocks[1].shape[1]
    np.testing.assert_allclose(result.coef[place], beta[start : start + len(place)], **CLOSE)
    contrast = np.eye(columns.shape[1])[start : start + len(place)]
    codes = frame["id" if options["cluster"] is None else "cl"].to_numpy()
    expected = clustered(columns, w, (frame["y"] - columns @ beta).to_numpy(), codes, contrast)
    np.testing.assert_allclose(result.vcov[np.ix_(place, place)], expected, **CLOSE)


@quick
@given(seed=SEEDS, missing=MISSING, cohorts=COHORTS, never=st.booleans(), data=st.data())
def test_imputation_follows_the_paper(simulate, seed, missing, cohorts, never, data):
    """Theorem 2 and section 4.3 of Borusyak, Jaravel and Spiess with dense dummy matrices."""
    if not never and len(cohorts) == 1:
        return
    frame = make(simulate, seed, missing, cohorts, never)
    options = shared_design(data)
    result = Imputation().fit(Panel(frame, unit="id", time="t"), Design("y", "g", **options))
    treated = (frame["t"] >= frame["g"]).to_numpy()
    w = np.ones(len(frame)) if options["weights"] is None else frame["w"].to_numpy()
    columns = np.hstack(
        [dummies(frame["id"]), dummies(frame["t"]), *(frame[[name]] for name in options["covariates"])]
    )
    y = frame["y"].to_numpy()
    z0, z1 = columns[~treated], columns[treated]
    bread = np.linalg.pinv(z0.T @ (z0 * w[~treated, None]), rcond=1e-11, hermitian=True)
    beta = bread @ (z0.T @ (w * y)[~treated])
    known = np.abs(z1 - z1 @ (bread @ (z0.T @ (z0 * w[~treated, None])))).max(axis=1) < 1e-8
    effect = y[treated] - z1 @ beta
    g, t = frame["g"].to_numpy()[treated], frame["t"].to_numpy()[treated]
    codes = frame["id" if options["cluster"] is None else "cl"].to_numpy()
    terms, residual = [], np.zeros(len(frame))
    residual[~treated] = y[~treated] - z0 @ beta
    weights = []
    for i, row in enumerate(result.terms.itertuples()):
        cell = (g == row.cohort) & (t == row.time) & known
        if not cell.any():
            assert np.isnan(result.coef[i])
            continue
        own = np.where(cell, w[treated], 0.0) / w[treated][cell].sum()
        np.testing.assert_allclose(result.coef[i], own @ effect, **CLOSE)
        # equation 8, the cluster in the unit's place
        inside = codes[treated][cell, None] == np.unique(codes)
        mass, total = own[cell] @ inside, (own * effect)[cell] @ inside
        residual[np.flatnonzero(treated)[cell]] = effect[cell] - mass @ total / (mass @ mass)
        v = np.zeros(len(frame))
        v[treated] = own
        v[~treated] = -w[~treated] * (z0 @ (bread @ (z1.T @ own)))
        weights.append(v)
        terms.append(i)
    sums = np.array([[(v * residual)[codes == c].sum() for c in np.unique(codes)] for v in weights])
    np.testing.assert_allclose(result.vcov[np.ix_(terms, terms)], sums @ sums.T, **CLOSE)
    simple = result.aggregate("simple")
    kept = w[treated] * known
    np.testing.assert_allclose(simple.estimate, kept @ effect / kept.sum(), **CLOSE)


def test_imputation_centres_by_cluster_and_not_by_unit():
    """Borusyak, Jaravel and Spiess's equation 8 for treated units in clusters of unequal size, balanced.

    One date and no covariates: an effect is a change from the mean before, less the untreated one's.
    """
    sizes = (12, 6, 4, 4, 2, 2)
    cluster = np.repeat(np.arange(12), (*sizes, *([5] * 6)))
    treated = cluster < 6
    rng = np.random.default_rng(12)
    y = rng.normal(size=(len(cluster), 5)) + rng.normal(size=(12, 5))[cluster]
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(len(cluster)), 5),
            "t": np.tile(np.arange(1, 6), len(cluster)),
            "g": np.repeat(np.where(treated, 4.0, np.nan), 5),
            "cl": np.repeat(cluster, 5),
            "y": y.ravel(),
        }
    )
    result = Imputation().fit(Panel(frame, unit="id", time="t"), Design("y", "g", cluster="cl"))
    change = y[:, 3:].mean(axis=1) - y[:, :3].mean(axis=1)  # of both treated periods, as in "simple"
    by_period = y[:, 3:] - y[:, :3].mean(axis=1, keepdims=True)
    total = np.array([[by_period[cluster == c, p].sum() for p in range(2)] for c in range(12)])
    mass = np.bincount(cluster)
    centre = mass[:6] @ total[:6] / (mass[:6] @ mass[:6])
    own = (total[:6] - mass[:6, None] * centre).mean(axis=1) / treated.sum()
    # residuals of the untreated are from their own mean path
    others = (total[6:] - mass[6:, None] * total[6:].sum(axis=0) / mass[6:].sum()).mean(axis=1) / (
        ~treated
    ).sum()
    simple = result.aggregate("simple")
    assert simple.estimate == pytest.approx(change[treated].mean() - change[~treated].mean(), abs=1e-12)
    assert simple.std_error == pytest.approx(np.sqrt(own @ own + others @ others), rel=1e-10)
    units = np.sqrt(
        sum(
            ((by_period[cluster == c] - by_period[treated].mean(axis=0)).mean(axis=1).sum() / treated.sum())
            ** 2
            for c in range(6)
        )
        + others @ others
    )
    assert abs(simple.std_error / units - 1) > 0.005


@quick
@given(seed=SEEDS, missing=MISSING, leads=st.integers(1, 3), covariate=st.booleans())
def test_pre_trends_are_a_regression_on_untreated_rows(simulate, seed, missing, leads, covariate):
    frame = make(simulate, seed, missing, (4.0, 6.0))
    names = ("x",) if covariate else ()
    result = Imputation().pre_trends(
        Panel(frame, unit="id", time="t"),
        Design("y", "g", covariates=names),
        leads=leads,
        small_sample_correction="none",
    )
    rows = frame[~(frame["t"] >= frame["g"])]
    event = (rows["t"] - rows["g"]).to_numpy()
    lead = np.column_stack([event == e for e in result.terms["event_time"]]).astype(float)
    columns = np.hstack([lead, dummies(rows["id"]), dummies(rows["t"]), rows[list(names)]])
    beta = np.linalg.lstsq(columns, rows["y"], rcond=1e-11)[0]
    np.testing.assert_allclose(result.coef, beta[:leads], **CLOSE)
    contrast = np.eye(columns.shape[1])[:leads]
    residual = (rows["y"] - columns @ beta).to_numpy()
    expected = clustered(columns, np.ones(len(rows)), residual, rows["id"].to_numpy(), contrast)
    np.testing.assert_allclose(result.vcov, expected, **CLOSE)
    test = result.wald(np.eye(leads))
    assert test.df == leads
    np.testing.assert_allclose(
        test.statistic, result.coef @ np.linalg.solve(expected, result.coef), rtol=1e-6
    )


@quick
@given(
    seed=SEEDS,
    missing=MISSING,
    cohorts=COHORTS,
    not_yet=st.booleans(),
    universal=st.booleans(),
    ahead=st.integers(0, 2),
    weighted=st.booleans(),
)
def test_group_time_is_a_difference_of_four_means(
    simulate, seed, missing, cohorts, not_yet, universal, ahead, weighted
):
    frame = make(simulate, seed, missing, cohorts)
    design = Design(
        "y",
        "g",
        comparison="not_yet_treated" if not_yet else "never_treated",
        base_period="universal" if universal else "varying",
        anticipation=ahead,
        weights="w" if weighted else None,
    )
    if not any(g - ahead > 1 for g in cohorts):
        return
    result = GroupTime(sampling="levels").fit(Panel(frame, unit="id", time="t"), design)
    w = frame["w"] if weighted else pd.Series(1.0, index=frame.index)
    g, t = frame["g"].fillna(np.inf), frame["t"]

    def mean(rows):
        return np.average(frame["y"][rows], weights=w[rows]) if rows.any() else np.nan

    for i, row in enumerate(result.terms.itertuples()):
        last = row.cohort - ahead - 1
        base = last if universal or row.time > last else row.time - 1
        later = max(row.time, base) + ahead
        control = (g == np.inf) | ((g > later) & (g != row.cohort) & (g - ahead > 1) & not_yet)
        expected = (
            mean((g == row.cohort) & (t == row.time))
            - mean((g == row.cohort) & (t == base))
            - mean(control & (t == row.time))
            + mean(control & (t == base))
        )
        np.testing.assert_allclose(result.coef[i], expected, **CLOSE)


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize(
    ("estimator", "covariates"),
    [
        (GroupTime(), ()),
        (GroupTime(method="dr"), ("x", "z")),
        (GroupTime(method="ipw"), ("x", "z")),
        (GroupTime(method="reg"), ("x", "z")),
        (GroupTime(sampling="levels"), ()),
        (GroupTime(sampling="pairs"), ()),
        (GroupTime(method="dr", sampling="levels"), ("x", "z")),
        (GroupTime(method="dr", sampling="cross_sections"), ("x", "z")),
        (GroupTime(method="ipw", sampling="levels"), ("x", "z")),
        (GroupTime(method="reg", sampling="levels"), ("x", "z")),
        (GroupTime(method="ipw", sampling="cross_sections"), ("x", "z")),
        (InteractionWeighted(small_sample="none", estimated_shares=True), ()),
        (InteractionWeighted(small_sample="none", estimated_shares=True), ("x",)),
    ],
    ids=str,
)
def test_influence_is_the_derivative_in_a_units_weight(simulate, estimator, covariates, comparison):
    """Infinitesimal jackknife: contributions are derivatives, nuisance parameters and shares included."""
    frame = simulate(7, units=60, periods=4, cohorts=(2.0, 4.0))
    cross = getattr(estimator, "sampling", "auto") == "cross_sections"
    frame["w"] = frame["w"] if cross else frame.groupby("id")["w"].transform("first")
    design = Design("y", "g", covariates=covariates, weights="w", comparison=comparison)
    result = estimator.fit(Panel(frame, unit="id", time="t"), design)
    step = 1e-5
    for unit in (0, 9, 25):
        rows = np.arange(len(frame)) == unit if cross else (frame["id"] == unit).to_numpy()

        def shifted(sign, rows=rows):
            other = frame.assign(w=frame["w"] * np.where(rows, 1 + sign * step, 1.0))
            return estimator.fit(Panel(other, unit="id", time="t"), design)

        up, down = shifted(1), shifted(-1)
        for pick in (
            lambda r: r,
            lambda r: r.aggregate("simple"),
            lambda r: r.aggregate("group").overall,
            lambda r: r.aggregate("calendar"),
            lambda r: r.aggregate("event_time"),
        ):
            derivative = (pick(up).coef - pick(down).coef) / (2 * step)
            one = pick(result)
            known = np.isfinite(derivative) & np.isfinite(one.influence[unit])
            assert known.any()
            np.testing.assert_allclose(
                one.influence[unit][known] / len(one.influence), derivative[known], rtol=1e-4, atol=1e-7
            )


def test_two_way_clusters_add_and_subtract(simulate):
    frame = simulate(3, units=60)
    frame["other"] = frame["id"] % 7
    panel = Panel(frame, unit="id", time="t")
    plain = GroupTime().fit(panel, Design("y", "g"))
    psi, k = np.column_stack([plain.influence, plain.shares.influence()]), len(plain)
    both = frame.groupby("id")[["cl", "other"]].first()
    expected = np.zeros((psi.shape[1],) * 2)
    for codes, sign in ((both["cl"], 1), (both["other"], 1), (both["cl"] * 100 + both["other"], -1)):
        sums = pd.DataFrame(psi).groupby(codes.to_numpy()).sum().to_numpy()
        expected += sign * sums.T @ sums / len(psi) ** 2
    values, vectors = np.linalg.eigh(expected)
    assert values.min() < 0  # this one must be mended
    expected = (vectors * np.clip(values, 0, None)) @ vectors.T
    result = GroupTime().fit(panel, Design("y", "g", cluster=("cl", "other")))
    np.testing.assert_allclose(result.vcov, expected[:k, :k], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(result.shares.cross, expected[:k, k:], rtol=1e-9, atol=1e-12)
    assert np.linalg.eigvalsh(result.vcov).min() > -1e-12
    assert any("negative eigenvalues were set to 0" in note for note in result.notes)
    assert result.sample.clusters == (both["cl"].nunique(), 7)
    adjusted = GroupTime().fit(panel, Design("y", "g", cluster=("cl", "other"), covariates=("z",)))
    assert (adjusted.std_errors > 0).all()


def test_periods_with_gaps(simulate):
    """The base is the last period seen before treatment, the one before t the last one seen before t."""
    frame = simulate(6, units=50, periods=9, cohorts=(4, 7))
    frame = frame[frame["t"].isin([1, 2, 5, 6, 9])]
    result = GroupTime().fit(Panel(frame, unit="id", time="t"), Design("y", "g"))
    mean = frame.groupby([frame["g"].fillna(0), "t"])["y"].mean()
    base = {(4, 2): 1, (4, 5): 2, (4, 6): 2, (4, 9): 2, (7, 2): 1, (7, 5): 2, (7, 6): 5, (7, 9): 6}
    assert list(zip(result.terms["cohort"], result.terms["time"], strict=True)) == list(base)
    for estimate, ((g, t), b) in zip(result.coef, base.items(), strict=True):
        np.testing.assert_allclose(estimate, mean[g, t] - mean[g, b] - mean[0, t] + mean[0, b], **CLOSE)
    assert result.terms["event_time"].tolist() == [t - g for g, t in base]
    imputed = Imputation().fit(Panel(frame, unit="id", time="t"), Design("y", "g"))
    assert imputed.terms["event_time"].tolist() == [1, 2, 5, 2]
