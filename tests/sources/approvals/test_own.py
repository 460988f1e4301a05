"""A city's own export to a committed table by a file of settings, as data/README.md shows it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from builders.huantai_simulated import MIX, MONTH
from builders.huantai_simulated import NAME as SIMULATED
from evaluation.errors import DataError
from evaluation.sources.approvals.own import NAME, Import
from evaluation.sources.build import build, simulate
from evaluation.sources.manifest import load_manifest, read_table
from evaluation.sources.settings import read_settings


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    """A folder with records and the settings of data/README.md, and a data folder."""
    simulate(SIMULATED, tmp_path / "records", root)
    shown = (root / "data" / "README.md").read_text(encoding="utf-8")
    (text,) = re.findall(r'```toml\n(table = "approvals/our_month".*?)```', shown, flags=re.DOTALL)
    text = text.replace('accepted = "受理时间"', "")
    (tmp_path / "import.toml").write_text(text, encoding="utf-8")
    shutil.copytree(root / "data", tmp_path / "data")
    return tmp_path


def test_the_settings_of_the_readme_make_the_tables(project: Path, root: Path) -> None:
    made = build(NAME, project / "import.toml", project / "data")
    assert [table.name for table in made.tables] == ["approvals/our_month", "approvals/our_mix"]
    assert load_manifest(project / "data").verify() == []
    ours, info = read_table("approvals/our_month", project / "data")
    assert not info.simulated
    simulated, _ = read_table(MONTH, root / "data")
    shared = [name for name in ours.columns if name not in ("name_en", "adopted")]
    assert ours[shared].equals(simulated[shared])
    assert set(ours.loc[ours["adopted"] != "", "name_en"]) == {"Huantai"}
    mix, _ = read_table("approvals/our_mix", project / "data")
    assert mix.equals(read_table(MIX, root / "data")[0])
    again = build(NAME, project / "import.toml", project / "data")
    assert again.changed == ()
    assert again.notes == ("3 files had not changed",)


def test_a_broken_file_stops_the_build_or_is_named_in_the_manifest(project: Path) -> None:
    (project / "records" / "办件明细2017.xlsx").write_bytes(b"PK no workbook")
    with pytest.raises(DataError, match=r"2017\.xlsx"):
        build(NAME, project / "import.toml", project / "data")
    made = build(NAME, project / "import.toml", project / "data", skip_broken=True)
    assert any(note.startswith("passed over 办件明细2017.xlsx") for note in made.notes)
    _, info = read_table("approvals/our_month", project / "data")
    assert list(info.counts["files_passed_over"]) == ["办件明细2017.xlsx"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('as_of = "2016-12-31"', 'as_of = "soon"', "as_of: expected a day such as 2016-12-31"),
        ("horizon = 40", "horizont = 40", "horizont: unknown key"),
        ('"桓台县" = "2015-04"', '"桓台县" = "spring"', "桓台县: expected a month such as 2015-04"),
        ('"桓台县" = "2015-04"', '"恒台县" = "2015-04"', "districts without a case: 恒台县"),
        ('as_of = "2016-12-31"', 'as_of = "2016-06-30"', "cases were accepted after the day of the export"),
        ('records = "records"', 'records = "nowhere"', "the raw file does not exist"),
        ('table = "approvals/our_month"', 'table = "our table"', "table: String should match"),
    ],
)
def test_wrong_settings_are_named(project: Path, old: str, new: str, said: str) -> None:
    path = project / "import.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        build(NAME, path, project / "data")
    assert said in str(caught.value)
    assert not (project / "data" / "approvals" / "our_month.csv").exists()


def test_settings_that_are_no_file_or_no_toml(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_settings(tmp_path / "none.toml", Import)
    (tmp_path / "a.toml").write_text("table = ", encoding="utf-8")
    with pytest.raises(DataError, match="not TOML"):
        read_settings(tmp_path / "a.toml", Import)


def test_the_settings_may_stand_in_the_study_file(project: Path) -> None:
    text = (project / "import.toml").read_text(encoding="utf-8")
    text = text.replace('records = "records"', 'records = "../records"')
    text = text.replace('table = "approvals/our_month"\n', "")
    for name in ("columns", "adopted", "names_en", "title", "source", "licence"):
        text = text.replace(f"[{name}]", f"[import.{name}]")
    study = project / "studies" / "our_approvals.toml"
    study.parent.mkdir()
    head = 'kind = "staggered"\n[data]\ntable = "approvals/our_month"\n\n[import]\n'
    study.write_text(head + text, encoding="utf-8")
    made = build(NAME, study, project / "data")
    assert [table.name for table in made.tables] == ["approvals/our_month", "approvals/our_mix"]
    assert made.tables[0].made_by == "evaluation data build approvals_cases --raw studies/our_approvals.toml"
    study.write_text(study.read_text(encoding="utf-8").replace(
        "[import.columns]", '[import.columns]\naccepted = "受理日"'), encoding="utf-8")  # fmt: skip
    line = study.read_text(encoding="utf-8").splitlines().index("[import.columns]") + 2
    with pytest.raises(DataError, match="no column for accepted") as caught:
        build(NAME, study, project / "data")
    assert f'studies/our_approvals.toml line {line}: accepted = "受理日"' in str(caught.value)
    assert "its headers are" in str(caught.value)
