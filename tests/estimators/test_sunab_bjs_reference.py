"""Interaction-weighted and imputation estimates beside fixest's sunab and didimputation."""

from __future__ import annotations

import numpy as np

from evaluation import Design, Panel
from evaluation.estimators import GroupTime, Imputation, InteractionWeighted

ESTIMATE = 1e-8  # absolute
STD_ERROR = 1e-6  # relative
ITERATED = 1e-7  # didimputation's own estimates are converged to this, ours are exact: test_oracles.py


def test_sunab(staggered, reference):
    theirs = reference("r_fixest_bjs.json")
    result = InteractionWeighted().fit(Panel(staggered, unit="id", time="t"), Design("y", "g"))
    table = result.aggregate("event_time").tidy()
    at = table["event_time"] == -1
    assert table.loc[at, "estimate"].tolist() == [0.0]
    assert table.loc[at, "std_error"].isna().all()
    table = table[~at]
    assert [f"t::{e}" for e in table["event_time"]] == theirs["sunab"]["terms"]
    np.testing.assert_allclose(table["estimate"], theirs["sunab"]["coef"], rtol=0, atol=ESTIMATE)
    np.testing.assert_allclose(table["std_error"], theirs["sunab"]["se"], rtol=STD_ERROR)
    simple = result.aggregate("simple")
    assert abs(simple.estimate - theirs["sunab_att"]["coef"]) <= ESTIMATE
    assert abs(simple.std_error / theirs["sunab_att"]["se"] - 1) <= STD_ERROR
    assert result.df == 359


def test_imputation(staggered, reference):
    theirs = reference("r_fixest_bjs.json")
    result = Imputation().fit(Panel(staggered, unit="id", time="t"), Design("y", "g"))
    simple = result.aggregate("simple")
    assert abs(simple.estimate - theirs["bjs_static"]["estimate"]) <= ITERATED
    assert abs(simple.std_error / theirs["bjs_static"]["std.error"] - 1) <= STD_ERROR
    table = result.aggregate("event_time").tidy()
    assert [str(e) for e in table["event_time"]] == [row["term"] for row in theirs["bjs_event"]]
    other = [row["estimate"] for row in theirs["bjs_event"]]
    np.testing.assert_allclose(table["estimate"], other, rtol=0, atol=ITERATED)
    np.testing.assert_allclose(
        table["std_error"], [row["std.error"] for row in theirs["bjs_event"]], rtol=STD_ERROR
    )


def test_saturated_interaction_weighted_is_group_time_with_a_universal_base(staggered):
    panel = Panel(staggered, unit="id", time="t")
    ours = InteractionWeighted(small_sample="none", estimated_shares=True).fit(panel, Design("y", "g"))
    other = GroupTime().fit(panel, Design("y", "g", base_period="universal"))
    np.testing.assert_allclose(ours.coef, other.coef, atol=1e-12)
    np.testing.assert_allclose(ours.vcov, other.vcov, atol=1e-12)
    for by in ("simple", "group", "event_time", "calendar"):
        one, two = ours.aggregate(by), other.aggregate(by)
        np.testing.assert_allclose(one.coef, two.coef, atol=1e-12)
        np.testing.assert_allclose(one.vcov, two.vcov, atol=1e-12)
