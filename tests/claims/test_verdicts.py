"""Verdicts follow from numbers by the stated rule, and from nothing else."""

from __future__ import annotations

import math

import pytest

from evaluation.claims import Test, compare


def check(claimed=63.0, found=67.0, tests=(), **options):
    options = {"level": 0.05, "direction": 1} | options
    return compare("id", claimed, "days", found, tests, **options)


def placebo(estimate: float, p: float) -> Test:
    return Test(estimate, estimate - 1, estimate + 1, p, "good days")


@pytest.mark.parametrize(
    ("claimed", "found", "options", "verdict"),
    [
        (63, 63.4, {}, "reproduced"),
        (63, 63.5, {}, "reproduced"),
        (63, 67, {}, "close"),
        (63, 98, {}, "not_reproduced"),
        (-24.6, -24.64, {"rounding": 0.1}, "reproduced"),
        (-24.6, -22.5, {"rounding": 0.1}, "close"),
        (10, 11, {"exact": True}, "not_reproduced"),
        (1, 1, {"exact": True}, "reproduced"),
        (63, None, {}, "no_data"),
        (63, math.nan, {}, "no_data"),
    ],
)
def test_reproduced(claimed, found, options, verdict):
    assert check(claimed, found, **options).reproduced == verdict


@pytest.mark.parametrize(
    ("tests", "direction", "verdict"),
    [
        ([placebo(16, 0.01), placebo(20, 0.05)], 1, "beyond_comparison"),
        ([placebo(16, 0.01), placebo(20, 0.06)], 1, "not_distinguishable"),
        ([placebo(16, 0.01), placebo(-20, 0.01)], 1, "not_distinguishable"),
        ([placebo(-16, 0.01)], 1, "opposite"),
        ([placebo(-16, 0.01)], -1, "beyond_comparison"),
        ([], 1, "not_testable"),
        ([placebo(16, 0.01), placebo(math.nan, math.nan)], 1, "not_testable"),
    ],
)
def test_attributable(tests, direction, verdict):
    result = check(tests=tests, direction=direction)
    assert result.attributable == verdict
    assert result.reason


def test_simulated_data_never_decide():
    result = check(tests=[placebo(16, 0.001)], simulated=True)
    assert (result.reproduced, result.attributable) == ("no_data", "not_testable")
    assert "simulated" in result.reason


def test_record_has_no_nan():
    record = check(found=None).as_record()
    assert record["reproduced"] == {"value": None, "verdict": "no_data"}
    assert record["attributable"]["estimate"] is None
    assert set(record) == {"id", "claimed", "unit", "reproduced", "attributable"}
