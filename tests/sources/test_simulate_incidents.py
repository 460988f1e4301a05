"""Simulated incidents: the truth is what was claimed, and the importer reads back what was drawn."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from builders.crime_simulated import read_simulation
from builders.simulate_incidents import IncidentSimulation, simulation_of
from evaluation.errors import DataError, DesignError
from evaluation.sources.build import build
from evaluation.sources.incidents import Rules, count_incidents, counting, read_offences, read_places
from evaluation.sources.manifest import load_manifest, read_table

CLAIMED = {"all": -23.0, "theft": -24.6, "burglary": -48.8, "robbery": -61.0}


@pytest.fixture(scope="module")
def simulation(root: Path) -> IncidentSimulation:
    return read_simulation(root / "data" / "crime" / "zhangdian_simulation.toml")[1]


def test_the_true_effects_are_the_claimed_percentages(simulation: IncidentSimulation) -> None:
    truth = simulation.truth().set_index("outcome")
    assert truth["percent"].to_dict() == pytest.approx(CLAIMED)
    with_it, without = simulation.means(), simulation.means(reform=False)
    i = list(simulation.units).index("张店区")
    assert truth.loc["all", "monthly"] == pytest.approx((with_it - without)[:, i, 24:].sum(axis=0).mean())
    # a fall that all districts share makes the raw change larger than the effect
    assert (truth["raw"] < truth["percent"]).all()


def test_a_tenth_of_what_is_prevented_moves_to_the_neighbour(simulation: IncidentSimulation) -> None:
    gap = simulation.means() - simulation.means(reform=False)
    names = list(simulation.units)
    i, j = names.index("张店区"), names.index("桓台县")
    np.testing.assert_allclose(gap[:, j], -0.1 * gap[:, i])
    assert not np.delete(gap, [i, j], axis=1).any()
    assert not gap[:, :, :24].any()


def test_draws_have_the_means_and_the_spread_that_are_asked_for(simulation: IncidentSimulation) -> None:
    draws = np.array([simulation.draw(np.random.default_rng(seed)) for seed in range(300)])
    means = simulation.means()
    big = means > 50
    np.testing.assert_allclose(draws.mean(axis=0)[big], means[big], rtol=0.04)
    variance = means[big] + means[big] ** 2 * np.expm1(simulation.noise**2)
    assert np.mean(draws.var(axis=0)[big] / variance) == pytest.approx(1.0, abs=0.02)
    again = simulation.draw(np.random.default_rng(7))
    assert (again == draws[7]).all()


def test_the_importer_reads_back_exactly_what_was_drawn(
    simulation: IncidentSimulation, root: Path, tmp_path: Path
) -> None:
    small = replace(simulation, units={unit: base / 10 for unit, base in simulation.units.items()})
    written = small.export(tmp_path / "records", np.random.default_rng(3))
    records = small.records(np.random.default_rng(3))
    offences = read_offences(root / "data" / "crime" / "offences.csv")
    places = read_places(root / "data" / "crime" / "places.csv")
    rules = Rules("2012-01", "2016-12", "2017-01-31", longest_delay=30, unreadable=0.01)
    columns = {"occurred": ["发案时间", "发案日期"], "place": ["所属分局", "发案地"]}
    counts = count_incidents(tmp_path / "records", offences, places, rules, columns)
    delay = (records["reported"] - records["occurred"]).dt.days
    kept = records[delay <= 30]
    expected = kept.groupby(["place", kept["occurred"].dt.to_period("M")]).size()
    found = counts.frame.set_index(["unit", "month"])["all"]
    assert found.to_dict() == expected.reindex(found.index, fill_value=0).to_dict()
    assert counts.set_aside == {
        counting.NO_DAY: written["unreadable"],
        counting.REPEATED: written["repeated"],
        counting.ELSEWHERE: written["elsewhere"],
        counting.UNCOUNTED: written["not_criminal"],
        counting.LATE: int((delay > 30).sum()),
    }
    assert counts.rows_counted == len(kept)
    assert set(counts.encodings.values()) == {"utf-8", "gb18030"}
    assert counts.completeness["complete"].min() > 0.99
    share = len(kept) / small.draw(np.random.default_rng(3)).sum()
    assert share == pytest.approx(small.reported_within(30), abs=0.01)


def test_counts_without_records_have_the_same_means(simulation: IncidentSimulation) -> None:
    totals = [simulation.counts(np.random.default_rng(seed), within=30)["all"].sum() for seed in range(20)]
    expected = simulation.means().sum() * simulation.reported_within(30)
    assert np.mean(totals) == pytest.approx(expected, rel=0.005)
    assert simulation.counts(np.random.default_rng(1), within=30).attrs["simulated"] is True


def test_the_committed_tables_are_built_again_byte_for_byte(root: Path, data_dir: Path) -> None:
    for name in ("month", "places", "truth"):
        (data_dir / "crime" / f"zhangdian_simulated_{name}.csv").unlink()
    summary = build(
        "crime_zhangdian_simulated", root / "data/crime/zhangdian_simulation.toml", data_dir, project=root
    )
    before = {t.name: t.sha256 for t in load_manifest(root / "data").tables}
    assert {t.name: t.sha256 for t in summary.tables} == {t.name: before[t.name] for t in summary.tables}
    frame, info = read_table("crime/zhangdian_simulated_month", data_dir)
    assert info.simulated
    assert "SIMULATED" in info.title["en"]
    assert frame.shape == (480, 7)
    assert read_table("crime/zhangdian_simulated_truth", data_dir)[1].simulated


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"treated": "青岛市"}, "treated is '青岛市'"),
        ({"start": "2012-01"}, "starts in 2012-01"),
        ({"correlation": 1.0}, "correlation is 1.0"),
        ({"season": [1.0]}, "1 months have a season"),
        ({"displaced": 2.0}, "displaced is 2.0"),
        ({"groups": []}, "add up to 0"),
        ({"shift": 1}, "unknown or absent"),
    ],
)
def test_a_city_that_cannot_be_is_refused(root: Path, change: dict[str, object], words: str) -> None:
    text = (root / "data" / "crime" / "zhangdian_simulation.toml").read_text(encoding="utf-8")
    with pytest.raises(DesignError, match=words):
        simulation_of({**tomllib.loads(text)["simulation"], **change})


def test_settings_that_lack_a_table_are_named(root: Path, tmp_path: Path, data_dir: Path) -> None:
    path = tmp_path / "x.toml"
    shutil.copy(root / "data" / "crime" / "zhangdian_simulation.toml", path)
    path.write_text(path.read_text(encoding="utf-8").replace("seed =", "sead ="), encoding="utf-8")
    with pytest.raises(DataError, match="have no seed"):
        build("crime_zhangdian_simulated", path, data_dir, project=root)
