"""A claim without data: nothing is decided, and the truth is found where it is known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation import Design, Panel
from evaluation.analysis import prepare, simulated
from evaluation.analysis.simulated.detectable import found, smallest
from evaluation.errors import DataError, DesignError, StudyError
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import randomization_in_time
from evaluation.numerics.count_ratio import ratio_interval
from evaluation.report.display import Figure, Table
from evaluation.report.sections import simulated as story

STUDY = "crime_zhangdian"


@pytest.fixture(scope="module")
def case(root: Path) -> simulated.SimulatedCase:
    return prepare(STUDY, {"power.draws": 60, "power.counts": [10, 100]}, root)


@pytest.fixture(scope="module")
def estimates(case: simulated.SimulatedCase) -> pd.DataFrame:
    return simulated.estimates(case)


@pytest.fixture(scope="module")
def power(case: simulated.SimulatedCase) -> simulated.Detectable:
    return simulated.detectable(case)


def test_no_claim_is_decided_by_simulated_data(case: simulated.SimulatedCase) -> None:
    checks = simulated.check_claims(case)
    assert len(checks) == 6
    assert {check.reproduced for check in checks} == {"no_data"}
    assert {check.attributable for check in checks} == {"not_testable"}
    assert all(check.tests == () and np.isnan(check.found) and check.reason for check in checks)


def test_methods_that_hold_cover_the_truth_and_the_plain_change_does_not(
    case: simulated.SimulatedCase, estimates: pd.DataFrame
) -> None:
    assert set(estimates["outcome"]) == {"all", "robbery", "theft", "burglary"}
    truth = {"all": -23.0, "theft": -24.6, "burglary": -48.8, "robbery": -61.0}
    assert estimates.groupby("outcome")["truth"].first().to_dict() == pytest.approx(truth)
    held = estimates[estimates["method"].isin(["subcluster", "in_time"])]
    assert held["covered"].astype(bool).all()
    assert (held["percent"] - held["truth"]).abs().max() < 3
    none = estimates[estimates["method"].isin(["in_space", "synthetic_did"])]
    assert none["percent_low"].isna().all()
    assert none["reason"].str.contains(r"no p-value below 0\.1[24]").all()
    plain = estimates[(estimates["method"] == "plain_change") & (estimates["outcome"] == "all")].iloc[0]
    years = case.yearly("all")["张店区"]
    assert plain["percent"] == pytest.approx(100 * (years[2016] / years[2013] - 1))
    assert plain["covered"] is False or plain["covered"] == False  # noqa: E712


def test_advice_says_what_cannot_give_an_interval(case: simulated.SimulatedCase) -> None:
    judged = simulated.advice(case)
    assert [item.method for item in judged.methods] == ["randomization_in_time"]
    assert judged.advice("subcluster_bootstrap").key == "perhaps_persistent"
    assert not judged.advice("conley_taber").holds


def test_ranges_are_the_exact_intervals_of_the_claims(case: simulated.SimulatedCase) -> None:
    ranges = simulated.claim_ranges(case)
    row = ranges[(ranges["claim"] == "crime-zhangdian-all") & (ranges["count"] == 100)].iloc[0]
    low, high = ratio_interval(100, 77)
    assert (row["low"], row["high"]) == pytest.approx((100 * (low - 1), 100 * (high - 1)))
    needed = simulated.smallest_counts(case).set_index("claim")[1.0]
    assert needed["crime-zhangdian-all"] == 137
    assert needed["published 3"] == 26_501  # Weihai, -1.7 %


def test_power_counts_what_the_test_in_time_finds(power: simulated.Detectable) -> None:
    least = power.smallest.set_index("count")["smallest"]
    assert 30 < least[10] < 50
    assert 9 < least[100] < 20
    assert (power.smallest["size"] <= 0.15).all()
    assert power.smallest_p == 1 / 8
    assert smallest(np.array([0.0, 10.0, 20.0]), np.array([0.05, 0.4, 0.9]), 0.8) == pytest.approx(18.0)
    assert smallest(np.array([0.0, 10.0]), np.array([0.05, 0.4]), 0.8) == np.inf


def test_one_draw_of_the_power_study_is_the_test_of_the_page() -> None:
    """The same counts through `randomization_in_time`, draw by draw."""
    units, months, before, draws = 4, 24, 10, 25
    share = found(30.0, 0.05, units, months, before, draws, np.random.default_rng(5), np.array([25.0]))
    generator = np.random.default_rng(5)
    shock = np.exp(0.05 * generator.standard_normal((draws, units, months)) - 0.05**2 / 2)
    others = generator.poisson(30.0 * shock[:, 1:])
    mean = 30.0 * shock[:, 0] * np.where(np.arange(months) >= before, 0.75, 1.0)
    own = generator.poisson(mean)
    hits = 0
    for k in range(draws):
        frame = pd.DataFrame(
            {
                "unit": np.repeat(np.arange(units), months),
                "month": np.tile(np.arange(months), units),
                "y": np.log(np.concatenate([own[k][None], others[k]]) + 0.5).ravel(),
            }
        )
        frame["first"] = np.where(frame["unit"] == 0, float(before), np.nan)
        panel = Panel(frame, unit="unit", time="month")
        test = randomization_in_time(TwoWayFixedEffects(), panel, Design("y", "first"))
        hits += test.p_value <= 0.05 and test.estimate < 0
    assert share[0] == pytest.approx(hits / draws)


def test_the_result_file_is_marked_as_simulated(
    case: simulated.SimulatedCase, estimates: pd.DataFrame, power: simulated.Detectable
) -> None:
    ranges = simulated.claim_ranges(case)
    content = json.loads(
        simulated.result_file(
            case, estimates, ranges, power, story.answer(case, estimates, power).each("sentence")
        ).to_json()
    )
    assert content["simulated"] is True
    marked = {entry["name"]: entry["simulated"] for entry in content["data"]}
    assert marked == {
        "crime/zhangdian_simulated_month": True,
        "crime/zhangdian_simulated_places": True,
        "crime/zhangdian_simulated_truth": True,
        "crime/published_percentages": False,
    }
    assert all(row["simulated"] for row in content["estimates"])
    assert {claim["reproduced"]["verdict"] for claim in content["claims"]} == {"no_data"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_and_table_of_simulated_numbers_is_marked(
    case: simulated.SimulatedCase, estimates: pd.DataFrame, power: simulated.Detectable, language: str
) -> None:
    ranges = simulated.claim_ranges(case)
    made: list[Figure | Table] = [
        story.truth_table(case, estimates)[language],
        story.moves_table(case, estimates)[language],
        story.inference_table(case)[language],
        story.power_table(case, power)[language],
    ]
    assert all(item.content()["simulated"] for item in made if isinstance(item, Table))
    real = [
        story.claims_table(case)[language],
        story.ranges_table(case, ranges)[language],
        story.smallest_table(case, simulated.smallest_counts(case))[language],
    ]
    words = {"en": "No simulated number", "zh": "本表不含模拟数字"}[language]
    for table in real:
        assert not table.content()["simulated"]
        assert words in " ".join(table.content()["notes"])
    first = story.answer(case, estimates, power)[language]
    assert [verdict for _, verdict in first.verdicts] == ["no_data", "not_testable"]
    for figure in (
        story.three_numbers(case, estimates)[language],
        story.years_figure(case)[language],
        story.found_figure(case, estimates)[language],
        story.ranges_figure(case, ranges)[language],
    ):
        assert figure.alt


def test_small_counts_are_not_shown_on_request(root: Path) -> None:
    asked = prepare(STUDY, {"disclosure": {"minimum": 60, "rounding": 5}}, root)
    shared, others, mask = asked.shared("robbery")
    counts = asked.yearly("robbery")
    small = (counts > 0) & (counts < 60)
    assert small.to_numpy().any()
    assert shared[small].isna().all().all()
    assert mask.primary == int(small.to_numpy().sum())
    assert int(shared.isna().sum().sum() + others.isna().sum()) == mask.primary + mask.secondary
    # the untreated together are drawn too, so that no single one may be missing beside them
    hidden = shared.drop(columns=asked.treated).isna().sum(axis=1)
    assert not ((hidden == 1) & others.notna()).any()
    shown = shared.to_numpy()[~shared.isna().to_numpy()]
    assert (shown % 5 == 0).all()
    nothing, together, none = prepare(STUDY, {}, root).shared("robbery")
    assert not none.active
    pd.testing.assert_frame_equal(nothing, counts, check_dtype=False)
    assert (together == counts.drop(columns=asked.treated).sum(axis=1)).all()


def test_the_figure_has_none_of_them_and_a_title_that_needs_one_is_an_error(root: Path) -> None:
    asked = prepare(STUDY, {"disclosure": {"minimum": 1300}}, root)
    data = story.years_figure(asked)["en"].data
    assert data is not None
    gaps = data.drop(columns=["year"], errors="ignore").isna().sum()
    assert gaps["高青县"] == 2 + asked.shared("all")[2].secondary - gaps.drop("高青县").sum()
    assert asked.shared("all")[2].primary == 2
    with pytest.raises(DesignError, match="follow from what the page must say") as raised:
        story.years_figure(prepare(STUDY, {"disclosure": {"minimum": 6000}}, root))["en"]
    assert "张店区 2016" in str(raised.value)


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    """A copy of the project's data and study, the study changed."""

    def make(old: str, new: str) -> Path:
        shutil.copytree(root / "data", tmp_path / "data")
        (tmp_path / "studies").mkdir()
        text = (root / "studies" / f"{STUDY}.toml").read_text(encoding="utf-8")
        assert old in text
        (tmp_path / "studies" / f"{STUDY}.toml").write_text(text.replace(old, new), encoding="utf-8")
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        ("before = 2013", "before = 2016", StudyError, "must lie before after"),
        ("before = 2013", "before = 2003", DesignError, "2003 and 2016 are not both in the table"),
        ("noise = 0.05", "nose = 0.05", StudyError, "power.noise: missing key"),
        ('outcome = "theft"', 'outcome = "thefts"', StudyError, "'thefts' is not declared"),
        ("dispersions = [1, 4]", "dispersions = [0.5]", StudyError, "must be 1 or more"),
        ('id = "theft"', 'id = "homicide"', StudyError, "'theft' is not declared"),
        (
            'table = "crime/zhangdian_simulated_month"',
            'table = "crime/rio_month"',
            DataError,
            "unit",
        ),
    ],
)
def test_each_mistake_is_named(
    project: Callable[[str, str], Path], old: str, new: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        prepare(STUDY, {}, project(old, new))


def test_a_table_that_is_not_marked_as_simulated_is_refused(
    project: Callable[[str, str], Path],
) -> None:
    folder = project("seed = 20170725", "seed = 1")
    manifest = folder / "data" / "manifest.toml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("simulated = true", "simulated = false"), encoding="utf-8")
    with pytest.raises(DataError, match="not marked as simulated"):
        prepare(STUDY, {}, folder)
