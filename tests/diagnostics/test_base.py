"""What every diagnostic keeps to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation import Design
from evaluation.diagnostics import (
    Diagnostic,
    Specification,
    bacon,
    from_estimates,
    leave_one_out,
    minimum_effect,
    negative_weights,
    placebo_dates,
    pretrends,
    sensitivity,
    specification_curve,
    spillover,
)
from evaluation.diagnostics.base import show, show_p, show_percent
from evaluation.estimators import TwoWayFixedEffects

WORDS = {"en": "a", "zh": "甲"}
DESIGN = Design("y", "first")


def build(**changes) -> Diagnostic:
    values = {
        "name": "check",
        "question": WORDS,
        "verdict": "not_informative",
        "statistic": 1.0,
        "p_value": np.nan,
        "table": pd.DataFrame(),
        "text": WORDS,
    }
    return Diagnostic(**{**values, **changes})


def test_record_has_no_number_that_json_lacks():
    assert build(statistic=np.inf).as_record() == {
        "name": "check",
        "verdict": "not_informative",
        "statistic": None,
        "p_value": None,
        "text": WORDS,
    }


@pytest.mark.parametrize(
    "changes", [{"verdict": "passed"}, {"text": {"en": "a"}}, {"question": {"en": "", "zh": "甲"}}]
)
def test_a_verdict_or_language_that_is_missing_is_a_fault(changes):
    with pytest.raises(ValueError, match=r"verdict|words"):
        build(**changes)


def test_it_is_frozen():
    with pytest.raises(AttributeError):
        build().verdict = "evidence_against"


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (-1.2345, "−1.23"), (1234.5, "1,234"), (0.00012345, "0.000123"), (np.inf, "∞"), (np.nan, "–")],
)
def test_numbers_in_sentences(value, written):
    assert show(value) == written


def test_p_values_and_shares_in_sentences():
    assert (show_p(0.0321), show_p(1e-5), show_p(np.nan)) == ("= 0.032", "< 0.001", "= –")
    assert (show_percent(0.5), show_percent(0.023), show_percent(0.05)) == ("50%", "2.3%", "5%")


def test_every_check_speaks_both_languages_plainly(simulate, panel_of):
    one = panel_of(simulate(3, units=30, effect=3.0))
    two = panel_of(simulate(3, units=30, first={0: 3.0, 1: 5.0, 2: 5.0, 3: 6.0}, effect=3.0))
    estimator = TwoWayFixedEffects()
    study = from_estimates([-4, -3, -2, 0, 1], [0.1, -0.2, 0.1, 4.0, 5.0], np.eye(5) * 0.2)
    checks = [
        pretrends(study),
        sensitivity(study),
        sensitivity(study, restriction="smoothness"),
        bacon(two, DESIGN),
        negative_weights(two, DESIGN),
        placebo_dates(estimator, one, DESIGN),
        leave_one_out(estimator, one, DESIGN),
        spillover(estimator, one, DESIGN, [4]),
        minimum_effect(estimator, one, DESIGN),
        specification_curve([Specification({"pool": "all"}, one, DESIGN, estimator)]),
    ]
    assert len({check.name for check in checks}) == len(checks)
    for check in checks:
        assert len(check.table)
        for english in (check.text["en"], check.question["en"]):
            assert english[0].isupper()
            assert english[-1] in ".?"
            assert "significant" not in english
            assert not any("\u4e00" <= letter <= "\u9fff" for letter in english)
        for chinese in (check.text["zh"], check.question["zh"]):
            assert chinese[-1] in "。？"
            assert "显著" not in chinese
            assert ", " not in chinese
            # half-width marks between Chinese characters
            assert not any(mark in chinese for mark in ("; ", ": ", "nan", "None"))
        for words in check.text.values():
            assert "nan" not in words
