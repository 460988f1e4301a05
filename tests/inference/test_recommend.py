"""Which inference is recommended, and that what is recommended exists and what is ruled out is said why."""

from __future__ import annotations

import re
import tomllib

import numpy as np
import pytest
from dense_panels import DESIGN, GROUPED, panel, table

from evaluation import Design
from evaluation.errors import DesignError
from evaluation.estimators import TwoWayFixedEffects
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
    advice = recommend(panel(data), design)
    for one in advice.methods:
        test = RUN[one.method](panel(data), design)
        assert 0 <= test.p_value <= 1, one.method
        assert getattr(test, "smallest_p", 0.0) <= 0.05, one.method


@pytest.mark.parametrize("case", CASES)
def test_every_method_is_placed_once_with_a_reason_in_both_languages(case):
    data, design = CASES[case]
    advice = recommend(panel(data), design)
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
        ("one of 12", "subcluster_bootstrap"),
        ("one noisy of 40", "ferman_pinto"),
        ("one quiet of 40", "ferman_pinto"),
        ("twenty of 60", "wild_restricted"),
        ("mixed groups", "wild_restricted"),
        ("gaps", "randomization_test"),
    ],
)
def test_what_comes_first(case, first):
    data, design = CASES[case]
    advice = recommend(panel(data), design)
    assert advice.first.method == first
    assert advice.sentence("en").endswith(advice.first.reason["en"])
    assert advice.sentence("zh").endswith(advice.first.reason["zh"])


@pytest.mark.parametrize(
    ("case", "method", "words"),
    [
        ("one of 12", "randomization_test", "With 11 untreated units its smallest p-value is 0.083"),
        ("one of 40", "cr2", "The only treated cluster is fitted by its own effect"),
        ("one of 40", "wild_restricted", "With 1 treated cluster it hardly ever rejects"),
        ("one of 40", "wild_unrestricted", "rejects a true null far too often"),
        ("one of 40", "clustered_t", "With 1 treated cluster the standard error is far too small"),
        ("one of 40", "ibragimov_muller", "1 treated cluster shows no spread"),
        ("one noisy of 40", "randomization_test", "so they are not exchangeable"),
        ("one noisy of 40", "conley_taber", "so they are not exchangeable"),
        ("two of 40, staggered", "ibragimov_muller", "Treatment starts at 2 dates"),
        ("two of 40, staggered", "randomization_in_time", "Treatment starts at 2 dates"),
        ("twenty of 60", "conley_taber", "20 are treated here"),
        ("four groups", "clustered_t", "treated clusters"),
        ("gaps", "ferman_pinto", "the panel has gaps"),
        ("short", "randomization_in_time", "6 periods give no p-value below 0.167"),
        ("short", "ferman_pinto", "2 periods before treatment are too few"),
    ],
)
def test_why_a_method_is_ruled_out(case, method, words):
    data, design = CASES[case]
    one = recommend(panel(data), design).advice(method)
    assert not one.holds
    assert words in one.reason["en"]


def test_the_choice_does_not_look_at_what_happens_after_treatment():
    data = make()
    changed = data.assign(y=data["y"] + np.where(data["time"] >= 12, 1e3 * data["unit"], 0.0))
    one, two = recommend(panel(data), DESIGN), recommend(panel(changed), DESIGN)
    assert [a.method for a in one.methods] == [a.method for a in two.methods]
    assert one.facts.variance_ratio == two.facts.variance_ratio


def test_facts_are_counted():
    facts = recommend(panel(make(units=60, treated=range(0, 60, 5), groups=12)), GROUPED).facts
    assert (facts.units, facts.treated_units, facts.clusters, facts.mixed_clusters) == (60, 12, 12, 12)
    assert (facts.periods, facts.before, facts.after, facts.dates) == (24, 12, 12, 1)
    assert facts.complete
    fresh = cluster_robust(TWFE, panel(make(units=60, treated=range(0, 60, 5), groups=12)), GROUPED)
    assert facts.df == pytest.approx(fresh.df[0])
    noisy = recommend(panel(make(noise=4.0)), DESIGN).facts
    assert 2.5 < noisy.variance_ratio < 6


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
