"""The ledger: every verdict computed, every dependency explicit, every mistake named."""

from __future__ import annotations

import json
import math
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation import analysis
from evaluation.analysis import staggered
from evaluation.analysis.claim_ranks import _redrawn, rate_sets
from evaluation.analysis.ledger_data import needed_for
from evaluation.claims import System, spreads_needed
from evaluation.errors import DataError, DesignError, StudyError
from evaluation.report.sections import ledger as story
from evaluation.report.sections.ledger.wording import amount, section, time
from evaluation.report.text import Text
from evaluation.study import load_study

sys.path.insert(0, str(Path(__file__).parent))
from staggered_project import make

STUDY, CLAIMS = "studies/claims.toml", "data/claims.toml"


@pytest.fixture(scope="module")
def case(root):
    return analysis.prepare("claims", root=root)


@pytest.fixture(scope="module")
def entries(case):
    return {entry.claim.id: entry for entry in case.entries}


@pytest.fixture(scope="module")
def estimates(case):
    return analysis.yearly_estimates(case.here)


@pytest.fixture
def project(root, tmp_path):
    """A copy of what the ledger reads, to break."""
    for name in ("data", "studies"):
        shutil.copytree(root / name, tmp_path / name)
    return tmp_path


def test_every_claim_has_both_verdicts(case):
    assert len(case.entries) == len(case.claims.claims)
    for entry in case.entries:
        if entry.claim.study is None:
            assert (entry.check.reproduced, entry.check.attributable) == ("no_data", "not_testable")


def test_verdicts_of_the_other_study_are_that_studys_own(case, entries, root):
    own = {
        check.id: check
        for check in analysis.check_claims(analysis.prepare("pollution_enforcement", root=root))
    }
    assert len(own) == 6
    for name, check in own.items():
        assert entries[name].check == check or math.isnan(check.found)
        assert entries[name].check.attributable == check.attributable


def test_figures_that_the_yearbook_has(entries):
    same = [
        "gdp",
        "gdp-growth",
        *(f"sector-{s}-{w}" for s in ("primary", "secondary", "tertiary") for w in ("before", "after")),
    ]
    assert {entries[name].check.reproduced for name in same} == {"reproduced"}
    growth = entries["gdp-growth"].check
    assert growth.found == pytest.approx(7.7, abs=0.01)
    assert growth.attributable == "not_distinguishable"
    assert len(growth.tests) == 1


def test_growth_beyond_others_is_the_difference_of_mean_log_changes(case, entries):
    wide = case.here.table.pivot(index="city", columns="year", values="gdp_real")
    change = np.log(wide[pd.Period("2016")] / wide[pd.Period("2015")])
    others = change[case.here.donors("nationwide")]
    assert entries["gdp-growth"].check.tests[0].estimate == pytest.approx(change["淄博"] - others.mean())
    assert len(others) == 261
    assert not set(others.index) & {"沈阳", "铁岭", "铜陵", "安庆", "资阳", "成都", "淄博"}


def test_the_smallest_effect_is_told_for_what_could_be_tested(entries):
    assert entries["pollution-good-days-change"].needed.values[0] == pytest.approx(62.03, abs=0.01)
    assert entries["crime-zhangdian-all"].needed.kind == "cases"
    assert entries["satisfaction-rank"].needed.kind == "spread"
    assert entries["garment-design-cost"].needed.kind == "sizes"
    for name in ("huantai-plan", "reward-national", "apps-built", "national-it-rank", "gdp"):
        assert entries[name].needed is None


def test_spreads_needed_give_the_power_that_is_promised():
    size = spreads_needed(1, 16)
    rng = np.random.default_rng(2)
    own, others = rng.standard_normal(200_000), rng.standard_normal((200_000, 16)).mean(axis=1)
    found = np.abs(own + size - others) > 1.96 * math.sqrt(1 + 1 / 16)
    assert found.mean() == pytest.approx(0.8, abs=0.01)
    assert spreads_needed(10, 10) > spreads_needed(50, 50) > spreads_needed(200, 200)
    with pytest.raises(ValueError, match="at least one"):
        spreads_needed(1, 0)


def test_systems_without_a_figure_have_an_entry(case):
    assert set(case.silent) == {"education", "medical", "customs", "insurance_card", "party_building"}
    for system in case.silent.values():
        assert isinstance(system, System)
        assert needed_for(system).values


def test_changes_on_one_scale(case):
    frame = analysis.one_scale(case).set_index("claim")
    assert frame.loc["pollution-good-days-change", "claimed"] == pytest.approx(100 * 63 / 120)
    assert frame.loc["pollution-good-days-change", "found"] == pytest.approx(100 * 67 / 119)
    assert frame.loc["gdp-growth", "left"] == pytest.approx(0.15, abs=0.01)
    assert frame["left"].notna().tolist() == [True] * 2 + [False] * (len(frame) - 2)
    assert "it-funding-growth" not in frame.index
    assert "satisfaction-rank" not in frame.index


def test_first_in_the_province(case):
    """Second by percentage and first by amount; fourth or first by the index that counts; third."""
    ranks = analysis.claimed_ranks(case).set_index("outcome")
    assert ranks["by_rate"].to_dict() == {"composite": 2, "good_days": 4, "good_days_published": 1, "pm10": 3}
    assert ranks.loc["composite", "by_change"] == 1
    assert ranks.loc["composite", "first"] == "临沂"
    known = ranks.dropna(subset=["low"])
    assert len(known) == 3
    assert ((known["low"] <= known["by_rate"]) & (known["by_rate"] <= known["high"])).all()
    assert (ranks["of"] == 17).all()


def test_redrawn_years_keep_both_years_and_all_places_together():
    rng = np.random.default_rng(0)
    before = np.repeat(np.arange(1.0, 37)[:, None], 2, axis=1)
    drawn = _redrawn(before, 1.1 * before, 3, 50, rng)
    np.testing.assert_allclose(drawn, 0.1)  # the same parts of both years, or this would not hold


@pytest.mark.slow
@pytest.mark.parametrize("memory", [0.1, 0.3])
@pytest.mark.parametrize("spread", [0.0, 0.05, 0.15])
def test_the_sets_of_yearly_ranks_hold_as_often_as_they_say(memory, spread):
    """Two years of 36 parts with a season, weather that all share and memory from part to part."""
    rng = np.random.default_rng(5)
    runs, held, places, parts = 200, 0, 17, 36
    season = 0.35 * np.cos(2 * np.pi * np.arange(parts) / parts)[:, None]
    for _ in range(runs):
        effect = rng.normal(-0.15, spread, places)
        level, own_season = rng.normal(4.9, 0.2, places), season * rng.normal(1, 0.2, places)
        years = []
        for year in (0, 1):
            noise = rng.standard_normal((parts, places + 1))
            for part in range(1, parts):
                noise[part] = memory * noise[part - 1] + math.sqrt(1 - memory**2) * noise[part]
            weather = 0.25 * noise[:, :1] + 0.18 * noise[:, 1:]
            years.append(np.exp(level + own_season + year * np.log1p(effect) + weather))
        sets = rate_sets(*years, 4, 499, -1, rng)
        held += not (sets.above & (effect[:, None] >= effect[None, :])).any()
    assert held / runs >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)


def test_yearly_estimates_by_hand(case, estimates):
    row = estimates[
        (estimates.outcome == "secondary") & (estimates.date == "2014") & (estimates.pool == "nationwide")
    ].set_index("method")
    wide = case.here.table.pivot(index="city", columns="year", values="secondary")
    wide.columns = [period.year for period in wide.columns]
    gap = wide[[2014, 2015, 2016]].mean(axis=1) - wide[[2011, 2012, 2013]].mean(axis=1)
    expected = gap["淄博"] - gap[case.here.donors("nationwide")].mean()
    assert row.loc["two_way", "estimate"] == pytest.approx(expected)
    assert row.loc["two_way", ["n_before", "n_after", "n_units"]].tolist() == [3, 3, 262]


def test_emissions_end_before_they_were_counted_otherwise(estimates):
    so2 = estimates[estimates.outcome == "so2"]
    assert set(so2["date"]) == {"2014"}
    assert (so2["n_before"] + so2["n_after"] == 5).all()
    assert estimates[(estimates.outcome == "gdp_real") & (estimates.date == "2014")]["method"].tolist() == [
        "two_way", "two_way",
    ]  # fmt: skip


def test_no_estimate_against_other_cities_is_unusual(estimates):
    far = estimates[estimates.pool == "nationwide"]
    assert far["p_value"].min() > 0.05
    assert (far["n_assignments"] > 200).all()
    near = estimates[estimates.pool == "province"]
    assert (near["n_assignments"] < 20).all()


def test_the_result_file_is_plain_json(case, estimates):
    made = analysis.ledger_result(
        case, estimates, analysis.claimed_ranks(case), story.answer(case).each("sentence")
    )
    content = json.loads(made.to_json())
    assert content["kind"] == "ledger"
    assert len(content["claims"]) == len(case.entries)
    assert content["data"][0]["name"] == "data/claims.toml"
    assert {"air_quality/city_month", "city_panel/city_year"} <= {table["name"] for table in content["data"]}
    assert [rule["holds"] for rule in content["consistency"]].count(True) == 11
    assert (
        made.to_json()
        == analysis.ledger_result(
            case, estimates, analysis.claimed_ranks(case), story.answer(case).each("sentence")
        ).to_json()
    )


def test_simulated_data_decide_nothing_and_nothing_is_estimated(case):
    other = case.cases["pollution_enforcement"]
    simulated = replace(other, sources=tuple(replace(table, simulated=True) for table in other.sources))
    changed = replace(case, cases={**case.cases, "pollution_enforcement": simulated})
    for entry in changed.entries:
        if entry.claim.study == "pollution_enforcement":
            assert (entry.check.reproduced, entry.check.attributable) == ("no_data", "not_testable")
            assert entry.simulated
            assert entry.check.tests == ()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_claims_of_simulated_studies_are_marked_and_link_to_the_method(case, entries, language):
    rows = {row.id: row for _, group in story.ledger(case)[language].groups for row in group}
    for name in ("crime-zhangdian-all", "crime-city-preventable", "approval-huantai-time"):
        assert entries[name].simulated
        assert (entries[name].check.reproduced, entries[name].check.attributable) == (
            "no_data",
            "not_testable",
        )
        assert rows[name].simulated
        parts = [part for line in rows[name].lines for item in line.items for part in item]
        assert entries[name].claim.study in {part.study for part in parts}
        theirs = next(c for c in case.cases[entries[name].claim.study].study.claims if c.id == name)
        assert any(theirs.needs[language].removeprefix("需要") in part.text for part in parts)


def test_a_study_of_many_places_decides_a_claim_as_one_of_one_place_does(case, tmp_path):
    towns = analysis.prepare(make(tmp_path), root=tmp_path)
    own = {
        check.id: check
        for check in staggered.check_claims(towns, staggered.comparisons(towns), staggered.family(towns))
    }
    name = next(claim.id for claim in towns.study.claims if claim.kind != "none")
    claim = case.claims.claim("pollution-good-days-change").model_copy(update={"id": name, "study": "towns"})
    claims = case.claims.model_copy(update={"claims": (claim,), "identities": (), "facts": ()})
    made = replace(case, claims=claims, cases={**case.cases, "towns": towns})
    (entry,) = made.entries
    assert entry.check == own[name]
    assert (entry.check.reproduced, entry.check.attributable) != ("no_data", "not_testable")
    for language in ("en", "zh"):
        rows = (row for _, group in story.ledger(made)[language].groups for row in group)
        row = next(row for row in rows if row.id == name)
        assert [verdict for _, verdict in row.verdicts] == [own[name].reproduced, own[name].attributable]


def test_what_the_ledger_depends_on_is_said(root):
    assert load_study("claims", root=root).depends_on == (
        "pollution_enforcement",
        "crime_zhangdian",
        "approval_huantai",
    )
    assert load_study("pollution_enforcement", root=root).depends_on == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "kind", "said"),
    [
        (
            STUDY,
            'studies = ["pollution_enforcement", ',
            "studies = [",
            StudyError,
            "does not say that it depends on pollution_enforcement",
        ),
        (STUDY, '"approval_huantai"]', '"x", "x"]', StudyError, "studies: x stands twice"),
        (STUDY, '"approval_huantai"]', '"claims"]', StudyError, "is this study itself"),
        (
            STUDY,
            '"approval_huantai"]',
            '"approval_huantai", "no_such"]',
            StudyError,
            "on which claims depends, cannot be run: unknown study 'no_such'",
        ),
        (STUDY, 'entries = "claims"', 'entries = "claim"', DataError, "cannot be read"),
        (STUDY, 'table = "air_quality/shandong_dekads"', 'table = "none"', DataError, "no table 'none'"),
        (STUDY, 'unit = "淄博"', 'unit = "Zibo"', DesignError, "'Zibo' is not in the table"),
        (CLAIMS, "value = 63\n", "value = 64\n", DataError, "is not the value 64"),
        (
            "studies/pollution_enforcement.toml",
            'id = "pollution-good-days-change"\n',
            'id = "pollution-good-days-change"\nvalue = 64\n',
            DataError,
            "pollution-good-days-change: 63 here, 64 in the study pollution_enforcement",
        ),
        (
            CLAIMS,
            'because = "visibility"',
            'study = "pollution_enforcement"',
            DataError,
            "pollution-blue-days-2016: the study pollution_enforcement does not test it",
        ),
        (CLAIMS, 'because = "visibility"', 'study = "no_such"', DataError, "does not exist"),
        (
            CLAIMS,
            'because = "visibility"',
            'because = "visibility"\nverdict = "reproduced"',
            DataError,
            "a verdict is computed, never written",
        ),
        (CLAIMS, 'id = "coal"', 'id = "gdp"', DataError, "the id gdp stands twice"),
        (CLAIMS, 'unit = "chains"', 'unit = "rank"', DataError, "does not fit the kind"),
        (CLAIMS, 'claims = ["security-city-award"]', 'claims = ["no-such"]', DataError, "no claim no-such"),
        (CLAIMS, 'url = "http://cnxc001', 'url = "javascript:x//cnxc001', DataError, "url"),
    ],
)
def test_bad_input_is_named_before_anything_runs(project, file, old, new, kind, said):
    path = project / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(kind) as caught:
        analysis.prepare("claims", root=project)
    assert said in str(caught.value)


def test_a_record_within_the_year_that_has_holes_is_refused(case):
    holed = case.chance.copy()
    holed.loc[(holed.city == "淄博") & (holed.month == "2014-03"), "pm10"] = np.nan
    with pytest.raises(DataError, match="the record within the year 2014 is not complete for 淄博"):
        analysis.claimed_ranks(replace(case, chance=holed))


def test_an_override_moves_the_date_of_the_study_that_is_told_here(root):
    later = analysis.prepare("claims", {"here.treatment.date": 2015}, root)
    assert later.here.study.treatment.date == "2015"
    assert "2015" in set(analysis.yearly_estimates(later.here)["date"])
    assert later.overrides == {"here.treatment.date": 2015}


@pytest.mark.parametrize(
    ("value", "unit", "places", "english", "chinese"),
    [
        (4412, "yuan100m", 0, "441.2\xa0billion yuan", "4,412亿元"),
        (4.44, "yuan100m", 2, "444\xa0million yuan", "4.44亿元"),
        (2604, "yuan10k", 0, "26.04\xa0million yuan", "2,604万元"),
        (50, "yuan10k", 0, "500,000\xa0yuan", "50万元"),
        (200, "yuan10k", 0, "2\xa0million yuan", "200万元"),
        (183, "days", 0, "183\xa0days", "183天"),
    ],
)
def test_money_is_written_as_readers_count_it(case, value, unit, places, english, chinese):
    assert amount(value, unit, places, case, Text("en", folder="ledger")) == english
    assert amount(value, unit, places, case, Text("zh", folder="ledger")) == chinese


@pytest.mark.parametrize(
    ("written", "english", "chinese"),
    [
        ("二(三)2", "part 2, section 3, paragraph 2", "第二部分（三）第2点"),
        ("三", "part 3", "第三部分"),
        ("前言", "preface", "前言"),
    ],
)
def test_places_in_the_account(written, english, chinese):
    assert (section(written, Text("en", folder="ledger")), section(written, Text("zh", folder="ledger"))) == (
        english,
        chinese,
    )


def test_every_period_of_the_claims_has_words(case):
    for claim in case.claims.claims:
        for period in filter(None, (claim.period, claim.baseline)):
            assert time(period, Text("zh", folder="ledger")) != period
            assert time(period, Text("en", folder="ledger"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_says_what_the_numbers_say(case, estimates, language):
    answer = story.answer(case)[language]
    for number in ("92", "79", "5"):
        assert number in answer.sentence
    content = story.ledger(case)[language].content()
    assert content["everything"]["count"] == 97
    counts = {item["kind"]: item["count"] for group in content["filters"] for item in group}
    assert counts["reproduced"] == 8
    assert counts["not_reproduced"] == 3
    assert counts["beyond_comparison"] == 0
    for table in (
        story.arithmetic_table(case)[language],
        story.ranks_table(case, analysis.claimed_ranks(case))[language],
        story.economy_table(case, estimates)[language],
    ):
        assert len(table.frame) > 3
    figure = story.scale_figure(case, analysis.one_scale(case))[language]
    assert len(figure.data) == 20
