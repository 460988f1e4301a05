"""A mistake of the user: its own message, exit status 2, no traceback, and no kernel started."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluation.pipeline import run as running
from evaluation.pipeline.spec import RenderSpec

Evaluation = Callable[..., Any]
HEADER = "city,date,aqi,aqi_range,level,pm25,pm10,so2,co,no2,o3,rank"


@pytest.fixture(autouse=True)
def _no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(spec: RenderSpec) -> None:
        raise AssertionError(f"a kernel was started for {spec.study}")

    monkeypatch.setattr(running, "render", refuse)


def refused(evaluation: Evaluation, *words: str, said: tuple[str, ...]) -> None:
    answer = evaluation(*words)
    everything = answer.out + answer.err
    assert answer.status == 2, everything
    assert "Traceback" not in everything
    for text in said:
        assert text in everything


def run_tiny(evaluation: Evaluation, *words: str, said: tuple[str, ...]) -> None:
    refused(evaluation, "run", "tiny", "--jobs", "1", *words, said=said)


def test_missing_file(project: Any, evaluation: Evaluation) -> None:
    (project.root / "data" / "levels.csv").unlink()
    run_tiny(evaluation, said=("the table levels cannot be read", "levels.csv", "git checkout"))


def test_missing_manifest(project: Any, evaluation: Evaluation) -> None:
    (project.root / "data" / "manifest.toml").unlink()
    answer = evaluation("check", "tiny")
    assert answer.status == 0, answer.err
    assert "not registered: levels" in evaluation("check").err


@pytest.fixture
def builders(project: Any) -> None:
    """The builders of this checkout's tables, in the project."""
    (project.root / "data-raw").symlink_to(Path(__file__).parents[2] / "data-raw")


@pytest.mark.usefixtures("builders")
def test_missing_raw_record(project: Any, evaluation: Evaluation) -> None:
    refused(evaluation, "data", "build", "air_quality", "--raw", "absent.csv", said=("absent.csv",))


def test_wrong_columns_in_a_table(project: Any, evaluation: Evaluation, levels: list[str]) -> None:
    project.table(levels, level="height")
    run_tiny(evaluation, said=("level", "height", "table levels"))


@pytest.mark.usefixtures("builders")
def test_wrong_columns_in_a_raw_record(project: Any, evaluation: Evaluation, tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text(
        HEADER.replace("pm25", "pm2.5") + "\n淄博,2014-01-01,80,a,b,1,2,3,4,5,6,7\n", encoding="utf-8"
    )
    said = ("columns of the daily city format", "absent: pm25", "line 1")
    refused(evaluation, "data", "build", "air_quality", "--raw", str(raw), said=said)


@pytest.mark.usefixtures("builders")
def test_duplicate_city_days(project: Any, evaluation: Evaluation, tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    row = "淄博,2014-01-02,80,1~366,良,55,90,30,1.1,40,60,7"
    raw.write_text("\n".join([HEADER, row.replace("01-02", "01-01"), row, row]) + "\n", encoding="utf-8")
    refused(
        evaluation,
        "data",
        "build",
        "air_quality",
        "--raw",
        str(raw),
        said=("淄博 2014-01-02", "lines 3 and 4", "remove"),
    )


def test_unknown_study(project: Any, evaluation: Evaluation) -> None:
    refused(evaluation, "run", "pollutoin", said=("unknown study 'pollutoin'", "tiny", "evaluation list"))
    assert not (project.reports / "failures").exists()


def test_a_study_name_that_is_a_path(project: Any, evaluation: Evaluation) -> None:
    refused(evaluation, "run", "../studies/tiny", said=("not the name of a study",))
    refused(evaluation, "run", "studies/tiny.toml", said=("not the name of a study",))


@pytest.mark.parametrize("date", ["2013-01", "2017-06"])
def test_a_date_outside_the_data(project: Any, evaluation: Evaluation, date: str) -> None:
    run_tiny(
        evaluation, "--set", f"treatment.date={date}", said=("treatment.date", date, "2014-01", "2016-12")
    )
    assert not (project.reports / "variants").exists()


def test_a_window_outside_the_data(project: Any, evaluation: Evaluation) -> None:
    run_tiny(evaluation, "--set", "data.end=2018-12", said=("outside the data", "2016-12"))


def test_a_treated_place_that_is_not_in_the_table(project: Any, evaluation: Evaluation) -> None:
    run_tiny(evaluation, "--set", "treatment.unit=Oak", said=("'Oak'", "is not in the table", "Birch"))


def test_no_donor_left(project: Any, evaluation: Evaluation) -> None:
    run_tiny(evaluation, "--set", 'pools.others.units=["Alder"]', said=("no donor is left", "others"))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("seed=soon", ("seed", "integer", "soon")),
        ("rule.level=high", ("rule.level", "number", "high")),
        ("treatment.date=spring", ("treatment.date", "2016-03")),
        ("treatment.dat=2016-03", ("treatment.dat", "unknown key")),
        ("treatment=2016-03", ("treatment",)),
        ("nonsense", ("key=value",)),
    ],
)
def test_a_parameter_of_the_wrong_type(
    project: Any, evaluation: Evaluation, setting: str, said: tuple[str, ...]
) -> None:
    run_tiny(evaluation, "--set", setting, said=said)


def test_all_wrong_parameters_are_named_at_once(project: Any, evaluation: Evaluation) -> None:
    run_tiny(evaluation, "--set", "seed=soon", "--set", "rule.level=high", said=("seed", "rule.level"))


def test_a_study_file_with_wrong_keys(project: Any, evaluation: Evaluation) -> None:
    project.study(**{"seed = 1": 'seed = "one"\ncolour = "red"'})
    run_tiny(evaluation, said=("seed", "colour", "tiny.toml"))
    assert "colour" in (project.reports / "failures" / "tiny.html").read_text()


def test_a_corrupt_table(project: Any, evaluation: Evaluation) -> None:
    path = project.root / "data" / "levels.csv"
    path.write_bytes(path.read_bytes().replace(b"Alder,2014-01,10.00", b"Alder,2014-01,11.00"))
    run_tiny(evaluation, said=("not the one that the manifest describes", "sha256", "levels.csv"))
    refused(evaluation, "check", said=("not the one that the manifest describes",))


def test_a_reports_folder_that_cannot_be_written(
    project: Any, evaluation: Evaluation, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    run_tiny(
        evaluation, "--reports", str(tmp_path / "file" / "reports"), said=("cannot be written", "--reports")
    )
    run_tiny(evaluation, "--reports", str(tmp_path / "file"), said=("is a file", "--reports"))


def test_no_study_named(project: Any, evaluation: Evaluation) -> None:
    refused(evaluation, "run", said=("no study was named", "--all"))
    refused(evaluation, "run", "tiny", "--all", said=("--all",))
    refused(evaluation, "run", "--all", "--set", "seed=2", said=("--set belongs to one study",))


def test_words_that_the_command_line_does_not_know(project: Any, evaluation: Evaluation) -> None:
    refused(evaluation, "run", "tiny", "--language", "fr", said=("fr",))
    refused(evaluation, "run", "tiny", "--jobs", "0", said=("--jobs",))
    refused(evaluation, "rnu", said=("rnu",))


def test_outside_a_project(
    project: Any, evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluation.study import loading

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loading, "__file__", str(tmp_path / "a" / "b" / "c" / "d" / "loading.py"))
    refused(evaluation, "list", said=("no project folder found",))


def test_check_lists_everything_at_once(project: Any, evaluation: Evaluation) -> None:
    (project.root / "data" / "stray.csv").write_text("a\n1\n")
    project.study("first", **{"seed = 1": 'seed = "one"'})
    project.study("second", notebook="absent")
    project.study("third", **{'unit = "Alder"': 'unit = "Oak"'})
    said = ("stray", "first.toml", "second.toml", "third.toml", "no notebook 'absent'", "Oak")
    refused(evaluation, "check", said=said)


def test_the_notebook_of_one_place_takes_any_number_of_pools(root: Path) -> None:
    text = (root / "notebooks" / "pollution_enforcement.ipynb").read_text(encoding="utf-8")
    (line,) = (line for line in text.splitlines() if "province, nationwide =" in line)
    for pools in (1, 2, 3):
        case = SimpleNamespace(
            study=SimpleNamespace(comparisons=[SimpleNamespace(id=i) for i in range(pools)])
        )
        exec(json.loads(line.strip().rstrip(",")), {"case": case})
