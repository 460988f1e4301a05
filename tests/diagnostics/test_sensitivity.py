"""The sensitivity check: breakdown values, targets, verdicts and words."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evaluation import Design
from evaluation.diagnostics import from_estimates, sensitivity
from evaluation.errors import EstimationError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import randomization_test
from evaluation.numerics.fixed_length import smoothness_problem
from evaluation.numerics.relative_magnitudes import relative_problem


@pytest.fixture
def study(published):
    estimates, covariance, _ = published("BC")
    return from_estimates([-5, -4, -3, -2, 0, 1, 2, 3], estimates, covariance)


@pytest.mark.parametrize("restriction", ["relative_magnitudes", "smoothness"])
@pytest.mark.parametrize("target", ["average", "first"])
def test_breakdown_is_where_the_interval_reaches_zero(study, restriction, target):
    got = sensitivity(study, restriction=restriction, target=target)
    limit = got.statistic
    weights = study.target(target)
    if restriction == "smoothness":
        problem = smoothness_problem(study.estimates, study.covariance, 4, weights)
        below, above = (problem.interval(limit * f).interval for f in (1 - 1e-4, 1 + 1e-4))
    else:
        relative = relative_problem(study.estimates, study.covariance, 4, weights)
        sets = [relative.confidence_set(limit * f) for f in (1 - 1e-4, 1 + 1e-4)]
        below, above = ((s.low, s.high) for s in sets)
    assert below[0] > 0
    assert above[0] <= 0 <= above[1]


def test_table_states_both_targets_and_the_usual_interval(study):
    table = sensitivity(study, parameters=[0.5, 1]).table
    assert table.groupby("target", sort=False)["parameter"].apply(list).map(len).to_dict() == {
        "average": 4,
        "first": 4,
    }
    usual = table[(table["target"] == "first") & table["parameter"].isna()].iloc[0]
    half = stats.norm.ppf(0.975) * study.std_errors[4]
    assert (usual["ci_low"], usual["ci_high"]) == pytest.approx(
        (study.estimates[4] - half, study.estimates[4] + half)
    )
    wide = table[table["parameter"].notna()].groupby("target")
    assert (wide["ci_low"].diff().dropna() < 0).all()
    assert (wide["ci_high"].diff().dropna() > 0).all()


def test_published_intervals_stand_in_the_table(study, honest):
    table = sensitivity(study, restriction="smoothness", parameters=[0.1, 0.3]).table
    rows = table[(table["target"] == "first") & (table["parameter"] > 0)]
    exact = honest["fixed_length_intervals"]["exact_FLCI"]
    for row in rows.itertuples():
        assert (row.ci_low, row.ci_high) == pytest.approx(
            exact[f"BC|DeltaSD|FLCI|M={row.parameter:g}"], abs=1e-8
        )


def test_medicaid_example_as_printed(medicaid):
    """R's README, estimated from the table on: grid and simulated quantiles move its ends by 4e-4."""
    study = from_estimates(medicaid["times"], medicaid["betahat"], medicaid["sigma"])
    printed = medicaid["printed"]
    ratios = {float(key): value for key, value in printed["relative_magnitudes"].items()}
    table = sensitivity(study, target="first", parameters=list(ratios)).table
    rows = table[(table["target"] == "first") & (table["parameter"] > 0)]
    for row in rows.itertuples():
        ours = np.array([row.ci_low, row.ci_high])
        assert np.abs(np.array(ratios[row.parameter]) - ours).min(axis=0).max() < 4e-4
    bends = {float(key): value for key, value in printed["smoothness"].items()}
    smooth = sensitivity(study, restriction="smoothness", target="first", parameters=list(bends))
    rows = smooth.table[(smooth.table["target"] == "first") & smooth.table["parameter"].notna()]
    for row in rows.itertuples():
        # R simulates its quantile (1e-4) and prints three figures
        assert (row.ci_low, row.ci_high) == pytest.approx(
            bends[row.parameter], abs=6e-4 if row.ci_high > 0.1 else 1.2e-4
        )


def test_verdict_compares_with_what_was_seen_before(study):
    first, average = sensitivity(study, target="first"), sensitivity(study)
    assert first.verdict == "no_evidence_against"
    assert first.statistic > 1
    assert average.verdict == "evidence_against"
    assert average.statistic < 1
    assert sensitivity(study, target=[1, 0, 0, 0]).statistic == pytest.approx(first.statistic)
    smooth = sensitivity(study, restriction="smoothness", target="first")
    path = np.append(study.estimates[:4], 0)
    assert smooth.details["benchmark"] == pytest.approx(np.abs(np.diff(path, 2)).max())
    assert (smooth.verdict == "no_evidence_against") == (smooth.statistic >= smooth.details["benchmark"])


def test_nothing_to_overturn_is_not_informative():
    got = sensitivity(from_estimates([-3, -2, 0], [0.1, -0.2, 0.3], np.eye(3)))
    assert got.verdict == "not_informative"
    assert got.statistic == 0
    assert "no conclusion" in got.text["en"]


def test_one_period_before_has_no_bend_to_compare_with():
    got = sensitivity(from_estimates([-2, 0], [0.0, 9.0], np.eye(2)), restriction="smoothness")
    assert got.verdict == "not_informative"
    assert got.statistic > 0


def test_one_treated_unit_by_its_placebos(simulate, panel_of):
    panel = panel_of(simulate(4, units=120, periods=6, first={0: 4.0}, effect=12.0, noise=0.5))
    clustered = sensitivity(TwoWayFixedEffects(event_study=True).fit(panel, Design("y", "first")))
    assert clustered.verdict == "not_informative"
    test = randomization_test(TwoWayFixedEffects(event_study=True), panel, Design("y", "first"))
    got = sensitivity(test)
    assert got.verdict == "no_evidence_against"
    assert "placebo" in got.notes[0]
    spread = np.sqrt((test.placebo**2).mean(axis=0))
    last = int(test.terms["event_time"].astype(float).argmax())
    usual = got.table[(got.table["target"] == "first") & got.table["parameter"].isna()].iloc[0]
    assert usual["ci_high"] - usual["ci_low"] == pytest.approx(2 * stats.norm.ppf(0.975) * spread[last - 1])


def test_a_mirror_image_gives_the_same_breakdown(study):
    mirrored = from_estimates(study.times, -study.estimates, study.covariance)
    for restriction in ("relative_magnitudes", "smoothness"):
        a = sensitivity(study, restriction=restriction, parameters=[])
        b = sensitivity(mirrored, restriction=restriction, parameters=[])
        assert a.statistic == pytest.approx(b.statistic, rel=1e-5)


def test_a_drift_that_can_only_fall_leaves_a_positive_effect_standing(study):
    """The bias then hides part of the effect, and cannot be all of it."""
    either = sensitivity(study, parameters=[1.0], target="first")
    falling = sensitivity(study, parameters=[1.0], target="first", drift="falling")
    rising = sensitivity(study, parameters=[1.0], target="first", drift="rising")
    assert falling.statistic == np.inf
    assert "−∞" not in falling.text["en"]
    assert falling.verdict == "no_evidence_against"
    assert rising.statistic == pytest.approx(either.statistic, rel=0.1)
    mirrored = from_estimates(study.times, -study.estimates, study.covariance)
    other = sensitivity(mirrored, parameters=[1.0], target="first", drift="rising")
    np.testing.assert_allclose(other.table["ci_low"], -falling.table["ci_high"], atol=1e-9)
    assert "only falling" in falling.table["method"].iloc[-1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"drift": "up"}, "drift"),
        ({"drift": "rising", "restriction": "smoothness"}, "drift"),
        ({"restriction": "linear"}, "restriction"),
        ({"parameters": [-1.0]}, "negative"),
        ({"alpha": 0.7}, "alpha"),
        ({"target": "median"}, "target"),
    ],
)
def test_bad_input_is_named(study, options, words):
    with pytest.raises(EstimationError, match=words):
        sensitivity(study, **options)


def test_record_and_words(study):
    got = sensitivity(study)
    record = got.as_record()
    assert set(record) == {"name", "verdict", "statistic", "p_value", "text"}
    assert record["name"] == "sensitivity_relative_magnitudes"
    assert record["p_value"] is None
    for words in (got.text, got.question):
        assert "significant" not in words["en"]
        assert "显著" not in words["zh"]
