"""Months around the start and the estimator that leads: keys of a study of many places that a grid varies."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from evaluation.analysis import prepare, staggered
from evaluation.analysis.staggered import methods
from evaluation.analysis.staggered.case import FIRST
from evaluation.analysis.staggered.methods import ask
from evaluation.errors import EvaluationError, StudyError
from evaluation.estimators import GroupTime, Imputation
from evaluation.panel import Panel
from evaluation.study import load_study
from evaluation.study.staggered_design import CLASSES, Span

sys.path.insert(0, str(Path(__file__).parent))
from staggered_project import make


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return make(tmp_path_factory.mktemp("project"))


def case(path, **overrides):
    return prepare(path, {key.replace("__", "."): value for key, value in overrides.items()}, path.parents[1])


@pytest.mark.parametrize("estimator", [Imputation(), GroupTime()])
def test_a_window_is_the_same_as_dropping_the_rows_by_hand(path, estimator):
    """24 months are two years: event times -2 to 1 of treated towns, every year of the others."""
    near, whole = case(path, design__window=24), case(path)
    panel, design = whole.panel(whole.lead)
    rows = panel.frame
    event = np.array(
        [
            np.nan if str(first) == "NaT" else when.year - first.year
            for when, first in zip(rows["year"], rows[FIRST], strict=True)
        ]
    )
    kept = rows[np.isnan(event) | ((event >= -2) & (event <= 1))]
    by_hand = estimator.fit(
        Panel(
            kept.drop(columns="weight").assign(
                weight=kept["exposure"].groupby(kept["town"]).transform("mean")
            ),
            unit="town",
            time="year",
            frequency="Y",
        ),
        design,
    ).aggregate("simple")
    name = "imputation" if isinstance(estimator, Imputation) else "group_time"
    found = ask(near, near.lead, name).fit()
    assert found.estimate == pytest.approx(by_hand.estimate, rel=1e-12)
    assert found.std_error == pytest.approx(by_hand.std_error, rel=1e-12)
    assert near.left_out(near.lead) == len(rows) - len(kept) > 0
    assert whole.left_out(whole.lead) == 0


@pytest.mark.parametrize("name", ["imputation", "two_way", "group_time"])
def test_leaving_out_each_cluster_at_once_is_leaving_it_out_by_hand(path, name):
    """Weights that treated towns have in the window only are theirs all the same."""
    near = case(path, design__window=24)
    asked = ask(near, near.lead, name)
    labels, codes = methods.clusters_of(asked.panel, asked.design)
    at_once = methods._without_each(asked, codes, len(labels))
    assert at_once is not None
    by_hand = [
        asked.estimator.fit(asked.panel.where((codes != code)[asked.panel.unit_codes]), asked.design).estimate
        for code in range(len(labels))
    ]
    np.testing.assert_allclose(at_once, by_hand, rtol=1e-9)


def test_raw_figures_and_missing_values_do_not_know_the_window(path):
    near, whole = case(path, design__window=24), case(path)
    assert len(near.rows(near.lead)) == len(whole.rows(whole.lead))
    assert near.missing(near.lead) == whole.missing(whole.lead)


def test_paths_end_where_the_window_ends(path):
    assert case(path).window() == (-4, 3)
    near = case(path, design__window=24)
    assert near.window() == (-2, 1)
    times = staggered.path(near, near.lead).frame["event_time"].tolist()
    assert times == [-2, -1, 0, 1]
    assert case(path, design__window=1200).window() == (-4, 3)


def test_a_window_wider_than_the_record_changes_nothing(path):
    wide, whole = case(path, design__window=1200), case(path)
    one, other = (ask(item, item.lead, "imputation").fit() for item in (wide, whole))
    assert one.estimate == other.estimate


def test_months_are_periods_of_the_data():
    assert Span(window=24).periods("Q") == 8
    assert Span(window=24).periods("Y") == 2
    assert Span(window=24).periods("M") == 24
    assert Span(window=24).periods("W") == 104
    assert Span(window=24).periods("D") == 730
    assert Span().periods("M") is None


def test_a_window_that_is_no_whole_number_of_periods_is_refused(path):
    with pytest.raises(
        StudyError, match=r"25 months are no whole number of years .*multiple of 12, such as 24"
    ):
        load_study(path, {"design.window": 25}, path.parents[1])
    with pytest.raises(StudyError, match=r"design\.window.*greater than or equal to 1"):
        load_study(path, {"design.window": 0}, path.parents[1])
    with pytest.raises(StudyError, match=r"design\.windw: unknown key"):
        load_study(path, {"design.windw": 24}, path.parents[1])


def test_the_estimator_at_the_top_leads_for_every_outcome(path):
    study = load_study(path, {"estimator": "GroupTime"}, path.parents[1])
    assert {outcome.leading for outcome in study.outcomes} == {"group_time"}
    assert study == load_study(path, {"estimator": "group_time"}, path.parents[1])
    for name in CLASSES.values():
        if name not in ("poisson", "extended_poisson"):
            assert load_study(path, {"estimator": name}, path.parents[1]).estimator == name


def test_every_class_of_estimators_that_leads_has_a_name():
    from evaluation import estimators

    assert set(CLASSES) <= set(estimators.__all__)


def test_an_estimator_that_is_none_or_does_not_fit_is_refused(path):
    with pytest.raises(StudyError, match=r"estimator: .*'imputation'.*found 'GroupTme'"):
        load_study(path, {"estimator": "GroupTme"}, path.parents[1])
    with pytest.raises(StudyError, match="'poisson' is for outcomes whose model is 'count'"):
        load_study(path, {"estimator": "PoissonFixedEffects"}, path.parents[1])


def test_percentages_of_a_rate_are_of_what_would_have_been(path):
    """A linear estimator leads for counts: nothing is exponentiated."""
    asked = case(path, estimator="Imputation")
    rows = staggered.estimates(asked, only_leading=True)
    row = rows.set_index("outcome").loc["crime"]
    found = staggered.detectable(asked, rows).set_index("outcome").loc["crime"]
    expected = row["estimate"] / (row["percent"] / 100)
    assert found["fall"] == pytest.approx(-100 * found["size"] / expected)
    assert found["rise"] == pytest.approx(-found["fall"])
    assert -60 < found["fall"] < 0
    ours = staggered.published(asked).set_index("id").loc["other"]
    assert ours["ours"] == pytest.approx(row["percent"])
    assert ours["ci_low"] == pytest.approx(row["percent_low"])


def test_the_result_says_the_window_and_who_leads(path):
    asked = case(path, design__window=24, estimator="Imputation")
    found = staggered.findings(asked)
    record = staggered.result_file(asked, found).content
    first = record["estimates"][0]
    assert first["estimator"] == "imputation"
    assert (
        first["estimand"] == "mean effect on treated unit-periods within 24 months of the start, against all"
    )
    assert record["overrides"] == {"design.window": 24, "estimator": "Imputation"}


def test_a_window_too_short_is_said(path):
    """One year on either side leaves one year before: no drift can be told, and none is made up."""
    short = case(path, design__window=12)
    assert short.window() == (-1, 0)
    drift = staggered.path(short, short.lead).drift
    assert np.isnan(drift)
    with pytest.raises(EvaluationError):
        prepare(path, {"design.window": 24, "data.start": 2030}, path.parents[1])
