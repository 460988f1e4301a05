"""Simulated cases: what the importer reads is what was drawn, and restricted means find the truth."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builders.huantai_simulated import MIX, MONTH, NAME, build_huantai
from builders.simulate_cases import CaseSimulation
from evaluation.errors import DataError, DesignError
from evaluation.sources.approvals import CaseCounts, count_cases, decompose, measures
from evaluation.sources.build import build, simulate
from evaluation.sources.manifest import load_manifest, read_table

DESIGN = CaseSimulation()
KEYS = ["district", "item", "month", "statutory", "finished", "days"]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    folder = tmp_path_factory.mktemp("export")
    simulate(NAME, folder, root)
    return folder


@pytest.fixture(scope="module")
def counted(export: Path) -> CaseCounts:
    return count_cases(export, DESIGN.as_of)


def test_the_export_is_read_as_it_was_drawn(export: Path, counted: CaseCounts) -> None:
    assert sorted(path.name for path in export.iterdir()) == [f"办件明细{y}.csv" for y in (2014, 2015, 2016)]
    assert "个工作日" in (export / "办件明细2014.csv").read_bytes().decode("gb18030")
    drawn = DESIGN.draw(np.random.default_rng(20170725)).cells().sort_values(KEYS, ignore_index=True)
    read = counted.cells.sort_values(KEYS, ignore_index=True)
    pd.testing.assert_frame_equal(read, drawn[read.columns], check_dtype=False)
    assert counted.reasons == {}
    assert counted.counts["open"] > 500


def test_the_mean_of_decided_cases_is_wrong_and_the_restricted_mean_right(counted: CaseCounts) -> None:
    city = measures(counted.cells, DESIGN.horizon, ["month"]).set_index("month")
    panel = measures(counted.cells, DESIGN.horizon).merge(DESIGN.true_panel(), on=["district", "month"])
    truth = panel.groupby("month").apply(lambda x: np.average(x["raw"], weights=x["cases"]))
    late = city.index[-4:]
    # the last months are decided only where they were quick: up to half is missing
    assert ((city["mean"] / truth)[late] < [0.95, 0.97, 0.85, 0.6]).all()
    known = city["restricted_mean"].notna()
    assert known.iloc[:-2].all()
    assert not known.iloc[-1]
    z = ((city["restricted_mean"] - truth) / city["restricted_mean_se"])[known]
    assert abs(z.mean()) < 0.6
    assert 0.6 < z.std() < 1.8
    naive = ((city["mean"] - truth) / city["restricted_mean_se"])[known]
    assert naive.mean() < -1.5


def test_handling_is_told_from_other_items(counted: CaseCounts) -> None:
    months = DESIGN.months
    parts = decompose(counted.cells, DESIGN.horizon, list(months[:12]), list(months[-14:-2]), ["district"])
    frame = parts.frame.set_index("district")
    never = [d.name for d in DESIGN.districts if d.adopted is None]
    # without the reform the mean falls too: long items are no longer there
    assert (frame.loc[never, "change"] < -1).all()
    assert (frame.loc[never, "handling"].abs() < frame.loc[never, "change"].abs() / 2).mean() >= 0.75
    assert frame.loc["桓台县", "handling"] < -2.5


def test_the_effect_is_what_expected_means_say() -> None:
    panel = DESIGN.true_panel()
    by_hand = np.log(panel["fixed"] / panel["fixed_without"])[panel["treated"]].mean()
    assert DESIGN.true_effect() == pytest.approx(by_hand)
    assert DESIGN.effect < DESIGN.true_effect() < 0.8 * DESIGN.effect
    assert (panel.loc[~panel["treated"], "fixed"] == panel.loc[~panel["treated"], "fixed_without"]).all()


def test_the_committed_tables_are_those_of_the_simulator(export: Path, root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "data", tmp_path / "data")
    made = build(NAME, export, tmp_path / "data", project=root)
    assert made.changed == ()
    assert load_manifest(tmp_path / "data").verify() == []
    for name in (MONTH, MIX):
        frame, info = read_table(name, tmp_path / "data")
        assert info.simulated
        assert "模拟" in info.title["zh"]
        assert len(frame)


def test_a_broken_file_is_named_and_passed_over_when_asked(export: Path, tmp_path: Path, root: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "data"
    shutil.copytree(export, raw)
    (raw / "办件明细2017.csv").write_bytes(b"\xff\xfe\x00\xd8broken")
    with pytest.raises(DataError, match="2017"):
        build_huantai(raw, out)
    made = build(NAME, raw, out, skip_broken=True, project=root)
    assert made.notes[0].startswith("passed over 办件明细2017.csv: ")
    _, info = read_table(MONTH, out)
    assert list(info.counts["files_passed_over"]) == ["办件明细2017.csv"]
    with pytest.raises(DataError, match="cannot be built from a part of its files"):
        build("castle", raw, out, skip_broken=True, project=root)
    with pytest.raises(DataError, match="no record 'castle' to simulate"):
        simulate("castle", raw, root)


def test_a_record_that_cannot_be_is_refused() -> None:
    with pytest.raises(DesignError, match="lies before the end of 2016-12"):
        CaseSimulation(as_of="2016-12-15")
    with pytest.raises(DesignError, match="are none"):
        CaseSimulation(start="2017-01")
