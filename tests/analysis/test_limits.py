"""The facts of 2015 and the 80 %: what arithmetic alone says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.analysis.limits import Limits, compatible, limit_bounds, limit_curve, official_limits
from evaluation.errors import DataError
from evaluation.report.sections import approvals as story
from evaluation.report.text import Text


@pytest.fixture(scope="module")
def limits(root: Path) -> Limits:
    return official_limits(root, "approvals/zibo_official")


def test_the_published_figures(limits: Limits) -> None:
    assert (limits.items_before, limits.items_after) == (380, 125)
    assert (limits.days_before, limits.days_after) == (1203, 498)
    assert limits.dropped == 255


def test_bounds_by_hand(limits: Limits) -> None:
    rows = limit_bounds(limits).set_index("case")
    np.testing.assert_allclose(rows["dropped"] + rows["handling"], 498 - 1203)
    assert rows.loc["shortest", ["dropped", "handling"]].tolist() == [-255, -450]
    assert rows.loc["shortest", "percent"] == pytest.approx(-100 * 450 / 948)
    assert rows.loc["all_dropped", "dropped_mean"] == pytest.approx(705 / 255)
    assert rows.loc["all_dropped", "handling"] == pytest.approx(0, abs=1e-9)
    # dropped items like all of them: the kept ones were promised later than before
    assert rows.loc["average", "dropped_mean"] == pytest.approx(1203 / 380)
    assert rows.loc["average", "percent"] == pytest.approx(100 * (498 / (1203 * 125 / 380) - 1))
    assert rows.loc["average", "percent"] > 25
    assert rows.loc["longest", "dropped"] == -(1203 - 125)


def test_no_list_of_items_lies_outside_the_bounds(limits: Limits) -> None:
    rows = limit_bounds(limits).set_index("case")
    draw = np.random.default_rng(5)
    for _ in range(300):
        # any list of 380 items of a day or more with the published sum, any 255 of them dropped
        more = draw.dirichlet(np.full(380, 10 ** draw.uniform(-2, 1))) * (1203 - 380)
        dropped = float((1 + more[:255]).sum())
        handling = 498 - (1203 - dropped)
        assert rows.loc["shortest", "handling"] - 1e-9 <= handling <= rows.loc["longest", "handling"] + 1e-9


def test_the_curve_ends_where_the_cases_are(limits: Limits) -> None:
    curve, rows = limit_curve(limits), limit_bounds(limits).set_index("case")
    assert curve["percent"].iloc[0] == pytest.approx(rows.loc["shortest", "percent"])
    assert np.interp(705 / 255, curve["dropped_mean"], curve["percent"]) == pytest.approx(0, abs=0.01)


def test_eighty_percent_below_the_limit_is_no_change(limits: Limits) -> None:
    curve = compatible(0.8)
    at = np.interp([0.2, 0.4, 0.5, 1.0], curve["before"], curve["percent"])
    np.testing.assert_allclose(at, [0, -50, -60, -80], atol=0.05)
    assert curve["percent"].iloc[0] > 0


def test_impossible_figures_are_refused() -> None:
    with pytest.raises(DataError, match="380 items before and 400 after"):
        Limits(380, 400, 1203, 498)
    with pytest.raises(DataError, match="125 items of at least 1 days cannot sum to 100"):
        Limits(380, 125, 1203, 100)
    with pytest.raises(DataError, match="between 0 and 1"):
        compatible(80)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_figures_and_table_say_the_numbers(limits: Limits, language: str) -> None:
    figure = story.limits_figure(limits, Text(language))
    assert "47%" in figure.alt
    assert "26%" in figure.alt
    assert "2.8" in figure.alt
    eighty = story.eighty_figure(0.8, Text(language))
    assert "60%" in eighty.alt
    table = story.limits_table(limits, Text(language)).content()
    assert [row[2] for row in table["rows"]] == ["−450", "0", "+102", "+373"]
    assert "705" in table["notes"][0]
    assert not table["simulated"]
    assert story.eighty_sentence(Text(language)).markdown
