"""Minimum wages and teen employment (mpdta): the numbers that R's did prints in its vignette."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.estimators import GroupTime, Imputation, InteractionWeighted

pytestmark = pytest.mark.shared
PRINTED = 5e-5  # four decimals
EFFECTS = {
    (2004, 2004): -0.0105,
    (2004, 2005): -0.0704,
    (2004, 2006): -0.1373,
    (2004, 2007): -0.1008,
    (2006, 2006): -0.0046,
    (2006, 2007): -0.0412,
    (2007, 2007): -0.0261,
}


@pytest.fixture
def mpdta(shared):
    frame = pd.read_csv(shared / "data" / "benchmarks" / "mpdta.csv")
    frame["g"] = frame["first.treat"].where(frame["first.treat"] > 0)
    return Panel(frame, unit="countyreal", time="year")


def test_printed_effects(mpdta):
    table = GroupTime().fit(mpdta, Design("lemp", "g")).tidy().set_index(["cohort", "time"])
    for key, value in EFFECTS.items():
        assert abs(table.loc[key, "estimate"] - value) <= PRINTED


def test_printed_averages(mpdta):
    result = GroupTime().fit(mpdta, Design("lemp", "g"))
    dynamic, group = (result.aggregate(by).overall for by in ("event_time", "group"))
    assert abs(dynamic.estimate - -0.0772) <= PRINTED
    assert abs(group.estimate - -0.031) <= 5e-4
    # the vignette's standard errors are bootstrapped, to within a few per cent of the analytical ones
    assert abs(dynamic.std_error / 0.0205 - 1) < 0.06
    assert abs(group.std_error / 0.0125 - 1) < 0.03
    low, high = dynamic.conf_int()
    assert low < dynamic.estimate < high < 0


def test_other_estimators_tell_the_same_story(mpdta):
    design = Design("lemp", "g")
    group_time = GroupTime().fit(mpdta, design).aggregate("simple")
    sun_abraham = InteractionWeighted().fit(mpdta, design).aggregate("simple")
    assert sun_abraham.estimate == pytest.approx(group_time.estimate, abs=1e-12)
    imputed = Imputation().fit(mpdta, design).aggregate("simple")
    assert abs(imputed.estimate - group_time.estimate) < 0.01
    leads = Imputation().pre_trends(mpdta, design)
    assert leads.terms["event_time"].tolist() == [-2, -1]
    assert 0 < leads.wald(np.eye(2)).p_value < 1


def test_population_as_covariate(mpdta):
    """Adjusting for population, as in the vignette, moves little by any method."""
    design = Design("lemp", "g", covariates=("lpop",))
    simple = {m: GroupTime(method=m).fit(mpdta, design).aggregate("simple") for m in ("dr", "ipw", "reg")}
    values = [one.estimate for one in simple.values()]
    assert max(values) - min(values) < 2e-3
    assert all(one.conf_int()[1] < 0 for one in simple.values())
