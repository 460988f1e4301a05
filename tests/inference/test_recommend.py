"""Which inference is recommended, and that what is recommended exists and what is ruled out is said why."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from dense_panels import DESIGN, GROUPED, panel, table

from evaluation import Design
from evaluation.errors import DesignError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import _power as power
from evaluation.inference import (
    cluster_robust,
    conley_taber,
    ferman_pinto,
    ibragimov_muller,
    randomization_in_time,
    randomization_test,
    recommend,
    wild_cluster_bootstrap,
)
from evaluation.inference._facts import residuals_before
from evaluation.inference.refusal import refusal

TWFE = TwoWayFixedEffects()
DRAWN = {"seed": 1, "draws": 199}
RUN = {
    "randomization_test": lambda p, d: randomization_test(TWFE, p, d, seed=1, draws=999),
    "ferman_pinto": lambda p, d: ferman_pinto(TWFE, p, d, variance="before", seed=1),
    "conley_taber": lambda p, d: conley_taber(TWFE, p, d, seed=1),
    "randomization_in_time": lambda p, d: randomization_in_time(TWFE, p, d),
    "subcluster_bootstrap": lambda p, d: wild_cluster_bootstrap(TWFE, p, d, subcluster="row", **DRAWN),
    "wild_restricted": lambda p, d: wild_cluster_bootstrap(TWFE, p, d, variant="31", **DRAWN),
    "wild_unrestricted": lambda p, d: wild_cluster_bootstrap(TWFE, p, d, impose_null=False, **DRAWN),
    "cr2": lambda p, d: cluster_robust(TWFE, p, d),
    "cr3": lambda p, d: cluster_robust(TWFE, p, d, kind="CR3"),
    "ibragimov_muller": lambda p, d: ibragimov_muller(TWFE, p, d),
    "jackknife": lambda p, d: cluster_robust(TWFE, p, d, kind="CR3"),
    "clustered_t": lambda p, d: TWFE.fit(p, d),
}  # fmt: skip


def make(units=40, periods=24, treated=(3,), start=12, noise=None, seed=1, groups=None, dates=None):
    rng = np.random.default_rng(seed)
    first = dict.fromkeys(treated, start) if dates is None else dates
    data = table(units=units, periods=periods, treated=first, groups=groups or 6)
    spread = np.ones(units)
    if noise is not None:
        spread[list(treated)] = noise
    data["y"] = rng.normal(size=len(data)) * spread[data["unit"]]
    return data


CASES = {
    "one of 40": (make(noise=1.1), DESIGN),
    "one of 12": (make(units=12), DESIGN),
    "one noisy of 40": (make(noise=4.0), DESIGN),
    "one quiet of 40": (make(noise=0.3), DESIGN),
    "two of 40, staggered": (make(dates={3: 12, 9: 15}), DESIGN),
    "twenty of 60": (make(units=60, treated=range(0, 60, 3)), DESIGN),
    "mixed groups": (make(units=60, treated=range(0, 60, 5), groups=12), GROUPED),
    "four groups": (make(units=60, treated=range(0, 30), groups=4), GROUPED),
    "gaps": (make().drop(index=[5, 77]).reset_index(drop=True), DESIGN),
    "short": (make(periods=6, start=2), DESIGN),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_all_that_is_recommended_gives_a_p_value_that_can_be_at_most_5_percent(case):
    data, design = CASES[case]
    advice = recommend(panel(data), design, draws=0)
    for one in advice.methods:
        test = RUN[one.method](panel(data), design)
        assert 0 <= test.p_value <= 1, one.method
        assert getattr(test, "smallest_p", 0.0) <= 0.05, one.method


@pytest.mark.parametrize("case", CASES)
def test_every_method_is_placed_once_with_a_reason_in_both_languages(case):
    data, design = CASES[case]
    advice = recommend(panel(data), design, draws=20)
    placed = [a.method for a in (*advice.methods, *advice.ruled_out)]
    assert sorted(placed) == sorted(RUN)
    for one in (*advice.methods, *advice.ruled_out):
        assert one.reason["en"].endswith(".")
        assert one.reason["zh"].endswith("。")
        assert "{" not in one.reason["en"] + one.reason["zh"]
        assert "nan" not in one.reason["en"] + one.reason["zh"]
        assert re.search("[\u4e00-\u9fff]", one.reason["zh"])
        assert not re.search("[\u4e00-\u9fff]", one.reason["en"])
    assert all(a.holds for a in advice.methods)
    assert not any(a.holds for a in advice.ruled_out)
    assert len(advice.table("zh")) == len(RUN)
    assert list(advice.table()["holds"]) == sorted(advice.table()["holds"], reverse=True)


@pytest.mark.parametrize(
    ("case", "first"),
    [
        ("one of 40", "randomization_test"),
        ("one noisy of 40", "ferman_pinto"),
        ("one quiet of 40", "randomization_test"),
        ("twenty of 60", "wild_restricted"),
        ("mixed groups", "wild_restricted"),
        ("gaps", "randomization_test"),
    ],
)
def test_what_comes_first(case, first):
    data, design = CASES[case]
    advice = recommend(panel(data), design, draws=20)
    assert advice.first.method == first
    for language in ("en", "zh"):
        assert advice.first.reason[language] in advice.sentence(language)


@pytest.mark.parametrize(
    ("case", "method", "words"),
    [
        ("one of 12", "randomization_test", "With 11 untreated units its smallest p-value is 0.083"),
        ("one of 40", "cr2", "The only treated cluster is fitted by its own effect"),
        ("one of 40", "wild_restricted", "With 1 treated cluster it hardly ever rejects"),
        ("one of 40", "wild_unrestricted", "it rejects a true null too often"),
        ("one of 40", "clustered_t", "With 1 treated cluster the standard error is too small"),
        ("one of 40", "ibragimov_muller", "1 treated cluster shows no spread"),
        ("one noisy of 40", "randomization_test", "times the noise of its permutations"),
        ("one noisy of 40", "conley_taber", "times the noise of its permutations"),
        ("two of 40, staggered", "ibragimov_muller", "Treatment starts at 2 dates"),
        ("two of 40, staggered", "randomization_in_time", "Treatment starts at 2 dates"),
        ("twenty of 60", "conley_taber", "20 are treated here"),
        ("four groups", "clustered_t", "treated clusters"),
        ("gaps", "ferman_pinto", "the panel has gaps"),
        (
            "short",
            "randomization_in_time",
            "6 periods, 2 of them before treatment, give no p-value below 0.167",
        ),
        ("short", "ferman_pinto", "2 periods before treatment are too few"),
    ],
)
def test_why_a_method_is_ruled_out(case, method, words):
    data, design = CASES[case]
    one = recommend(panel(data), design, draws=0).advice(method)
    assert not one.holds
    assert words in one.reason["en"]


def test_the_choice_does_not_look_at_what_happens_after_treatment():
    data = make()
    changed = data.assign(y=data["y"] + np.where(data["time"] >= 12, 1e3 * data["unit"], 0.0))
    one, two = (recommend(panel(each), DESIGN, draws=20) for each in (data, changed))
    assert [a.method for a in one.methods] == [a.method for a in two.methods]
    assert one.facts.noise_ratio == two.facts.noise_ratio
    assert one.standard_deviation == two.standard_deviation


def test_facts_are_counted():
    facts = recommend(panel(make(units=60, treated=range(0, 60, 5), groups=12)), GROUPED, draws=0).facts
    assert (facts.units, facts.treated_units, facts.clusters, facts.mixed_clusters) == (60, 12, 12, 12)
    assert (facts.periods, facts.before, facts.after, facts.dates) == (24, 12, 12, 1)
    assert facts.complete
    fresh = cluster_robust(TWFE, panel(make(units=60, treated=range(0, 60, 5), groups=12)), GROUPED)
    assert facts.df == pytest.approx(fresh.df[0])
    noisy = recommend(panel(make(noise=4.0)), DESIGN, draws=0).facts
    assert 2.5 < noisy.noise_ratio < 6


def test_the_test_and_the_advice_give_one_noise_ratio():
    data = panel(make(noise=4.0))
    advice = recommend(data, DESIGN, draws=0)
    (note,) = [n for n in randomization_test(TWFE, data, DESIGN).notes if "before treatment" in n]
    assert f"vary {advice.facts.noise_ratio:.2g} times as much as the untreated" in note
    assert f"vary {advice.facts.noise_ratio:.2g} times" in advice.advice("randomization_test").reason["en"]


def test_the_nearest_method_is_told_in_a_sentence_of_its_own():
    none = recommend(panel(make(units=6, periods=6, start=2)), DESIGN, draws=0)
    assert none.first is None
    assert re.search(r"The nearest, [^.]+, does not\. [A-Z0-9]", none.sentence("en"))


def test_texts_have_both_languages_and_the_same_values():
    from importlib.resources import files

    texts = tomllib.loads(
        files("evaluation.inference").joinpath("recommend.toml").read_text(encoding="utf-8")
    )
    for section in texts.values():
        for words in section.values():
            assert set(words) == {"en", "zh"}
            en, zh = (set(re.findall(r"{(\w+)}", words[language])) for language in ("en", "zh"))
            assert en - {"s"} == zh


def test_mistakes_are_named():
    with pytest.raises(DesignError, match="every unit is treated, so no test can compare"):
        recommend(panel(make(units=6, treated=range(6))), DESIGN)
    with pytest.raises(DesignError, match="there is no method 'magic'"):
        recommend(panel(make()), DESIGN).advice("magic")
    with pytest.raises(DesignError, match="no unit is ever treated"):
        recommend(panel(make().assign(first=np.nan)), Design("y", "first"))


@pytest.fixture(scope="module")
def script(root):
    """The designs of the measured sizes."""
    path = root / "benchmarks" / "_recommended.py"
    spec = importlib.util.spec_from_file_location("_recommended", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["_recommended"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["_recommended"]


def advices(script, name, draws=40, **changes):
    place = replace(next(p for p in script.PLACES if p.name == name), **changes)
    panels = (place.panel(np.random.default_rng([11, k])) for k in range(draws))
    return [recommend(one, place.design, draws=0) for one in panels]


def firsts(found):
    return Counter("none" if a.first is None else a.first.method for a in found)


def test_noise_is_read_from_a_panel_with_gaps(script):
    """One treated of 50, the noisiest: permuting units rejects a true null in a quarter of panels."""
    found = advices(script, "50/1, noisiest, 15 % missing")
    assert all(np.isfinite(a.facts.noise_ratio) for a in found)
    assert firsts(found)["randomization_test"] <= 6


def test_levels_do_not_pass_for_noise_where_rows_are_missing():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(9, 1)) * 100 + rng.normal(size=(1, 12)) * 10
    values[rng.random(values.shape) < 0.3] = np.nan
    early = residuals_before(values, np.arange(9) == 0, np.arange(9))
    np.testing.assert_allclose(np.nan_to_num(early.residual), 0, atol=1e-7)
    assert not (early.spread > 0).any()


@pytest.mark.parametrize(("name", "key"), [("50/1, noisiest, 2 before", "no_noise")])
def test_too_few_periods_before_are_said_and_not_taken_for_likeness(script, name, key):
    found = advices(script, name, draws=10)
    assert firsts(found) == {"none": 10}
    assert {a.advice("randomization_test").key for a in found} == {key}
    assert "2 of 3 periods before treatment" in found[0].sentence("en")
    assert "处理前有2期" in found[0].sentence("zh")


@pytest.mark.parametrize(
    ("name", "most"), [("17/1, the same, 18 of 36 before", 16), ("50/1, the same, 18 of 36 before", 26)]
)
def test_a_treated_unit_more_persistent_than_the_others_is_seen(script, name, most):
    """Every test in space rejects a true null in up to 40 % of such panels."""
    found = advices(script, name)
    assert 40 - firsts(found)["none"] <= most
    alike = advices(script, name, own=0.3, draws=20)
    assert firsts(alike)["none"] < firsts(found[:20])["none"]


def test_randomisation_does_not_hold_for_many_treated_unlike_the_rest(script):
    found = advices(script, "40/8, noisiest", draws=20)
    assert sum(a.advice("randomization_test").holds for a in found) <= 2
    assert firsts(found) == {"wild_restricted": 20}


def test_treated_that_move_together_are_seen(script):
    found = advices(script, "30/3, neighbours with shared shocks", draws=20)
    assert firsts(found)["randomization_test"] <= 6


def test_clusters_are_permuted_and_what_holds_takes_them(script):
    place = next(p for p in script.PLACES if p.clusters)
    one = place.panel(np.random.default_rng(3))
    advice = recommend(one, place.design, draws=20)
    assert (advice.facts.level, advice.facts.items, advice.facts.assignments) == ("cluster", 12, 220)
    for method in ("conley_taber", "ferman_pinto"):
        assert refusal(method, one, place.design) is not None
        assert advice.advice(method).key == "clusters"
    for a in advice.methods:
        script.TESTS[a.method](one, place.design)


def test_as_many_periods_after_as_before_double_the_smallest_p_in_time():
    data = make(periods=36, start=18)
    one = recommend(panel(data), DESIGN, draws=0).advice("randomization_in_time")
    assert one.key == "too_short"
    assert "no p-value below 0.056" in one.reason["en"]
    test = randomization_in_time(
        TWFE, panel(data.assign(y=data["y"] + 1e3 * (data["time"] >= data["first"]))), DESIGN
    )
    assert test.p_value == pytest.approx(2 / 36)


def autoregressions(rho, seed=4, units=17, periods=60):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(units, periods))
    for k in range(1, periods):
        y[:, k] = rho * y[:, k - 1] + np.sqrt(1 - rho**2) * y[:, k]
    return y


def test_size_and_power_are_those_of_the_data_s_own_persistence():
    found = []
    for rho in (0.0, 0.6):
        data = make(units=17, periods=60, start=24).assign(y=autoregressions(rho).ravel())
        one = recommend(panel(data), DESIGN, draws=200).advice("randomization_in_time")
        assert one.holds
        assert one.rejects[0] < 0.1
        assert f"in {100 * one.rejects[0]:.0f} % without an effect" in one.reason["en"]
        assert f"没有效应时它拒绝{100 * one.rejects[0]:.0f}%" in one.reason["zh"]
        found.append(one.rejects)
    assert found[0][1] > 0.65
    assert found[1][1] < 0.5


@pytest.mark.parametrize(("units", "treated"), [(17, 1), (14, 3)])
def test_simulated_p_values_are_those_of_the_package(units, treated):
    rng = np.random.default_rng(1)
    process = power.Process(
        np.exp(rng.normal(size=units) * 0.4), np.full(units, 0.4), rng.normal(size=500), treated, 7, 16
    )
    drawn = power.Panels(process.draw(2, rng), treated, 7, rng).plus(0.8)
    data = table(units=units, periods=16, treated=dict.fromkeys(range(treated), 7))
    exact = ["randomization_test", "randomization_in_time", "clustered_t"]
    exact += ["conley_taber", "ferman_pinto"] if treated == 1 else ["cr2", "cr3", "ibragimov_muller"]
    for r in range(2):
        one = panel(data.assign(y=drawn.y[r].ravel()))
        for method in exact:
            p = RUN[method](one, DESIGN).p_value
            assert power.METHODS[method](drawn)[r] == pytest.approx(float(np.ravel(p)[0]), abs=1e-9), method


def test_innovations_and_persistence_are_taken_from_the_periods_before():
    rng = np.random.default_rng(2)
    y = np.zeros((40, 60))
    shocks = rng.standard_t(3, size=(40, 60))
    for k in range(1, 60):
        y[:, k] = 0.6 * y[:, k - 1] + shocks[:, k]
    early = residuals_before(y, np.arange(40) == 0, np.arange(40))
    process = power.process_before(early, 90)
    assert process.memory.mean() == pytest.approx(0.6, abs=0.05)
    assert (process.shocks**4).mean() > 4
    drawn = process.draw(200, rng)
    np.testing.assert_allclose(drawn.std(axis=(0, 2)), process.scale, rtol=0.15)
