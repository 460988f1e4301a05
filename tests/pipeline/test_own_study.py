"""From a file to a study in a folder of one's own: the commands, line by line, without a kernel."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import pytest

from evaluation.analysis import prepare
from evaluation.pipeline.plan import publishes
from evaluation.pipeline.render import _withhold
from evaluation.sources.manifest import load_manifest, read_table
from evaluation.study import load_study

Evaluation = Callable[..., Any]
UNITS = ("Alder", "Birch, north", "Cedar", "榆树")
YEARS = tuple(range(2000, 2008))


def panel(**columns: Callable[[str, int], Any]) -> pd.DataFrame:
    rows = []
    for i, unit in enumerate(UNITS):
        for year in YEARS:
            made = {name: value(unit, year) for name, value in columns.items()}
            rows.append({"place": unit, "year": year, "cases": 10 + i * 1.5 + (year % 3), **made})
    return pd.DataFrame(rows)


def first(unit: str, year: int) -> Any:
    return {"Alder": 2003, "Birch, north": 2005}.get(unit, 0)


def switched(unit: str, year: int) -> int:
    return int(0 < first(unit, year) <= year)


@pytest.fixture
def own(tmp_path: Path, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder made by ``init``, which is the current one."""
    folder = tmp_path / "own"
    assert evaluation("init", str(folder)).status == 0
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "given.csv"
    panel(first=first, on=switched, area=lambda u, y: UNITS.index(u) % 2, people=lambda u, y: 1000).to_csv(
        path, index=False
    )
    return path


def start(evaluation: Evaluation, file: Path, *words: str, name: str = "mine") -> Any:
    shared = ("--data", str(file), "--unit", "place", "--time", "year")
    usual = () if "--outcome" in words else ("--outcome", "cases")
    return evaluation("new", name, *shared, *usual, *words)


def written(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def keys(content: Any) -> int:
    if isinstance(content, dict):
        return sum(keys(value) if isinstance(value, dict | list) else 1 for value in content.values())
    if isinstance(content, list):
        return sum(map(keys, content)) if any(isinstance(one, dict) for one in content) else 1
    return 1


def test_init_makes_a_folder_and_takes_no_other(tmp_path: Path, evaluation: Evaluation) -> None:
    answer = evaluation("init", str(tmp_path / "a" / "b"))
    assert answer.status == 0
    assert {p.name for p in (tmp_path / "a" / "b").iterdir()} >= {"data", "studies", "reports", "README.md"}
    assert len((tmp_path / "a" / "b" / "README.md").read_text().splitlines()) == 10
    again = evaluation("init", str(tmp_path / "a"))
    assert (again.status, again.out) == (2, "")
    assert "is not empty" in again.err


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("check",),
        ("run", "--all"),
        ("new", "a"),
        ("data", "list"),
        ("data", "add", "x.csv"),
        ("notebook", "a"),
        ("remove", "a"),
        ("rename", "a", "b"),
        ("schedule",),
    ],
)
def test_outside_a_project_every_command_says_so(
    words: tuple[str, ...], tmp_path: Path, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = evaluation(*words)
    assert (answer.status, answer.out) == (2, "")
    assert "no project folder found" in answer.err
    assert "evaluation init FOLDER" in answer.err


def test_new_writes_study_and_table_and_says_what_it_found(
    own: Path, file: Path, evaluation: Evaluation
) -> None:
    answer = start(evaluation, file, "--first-treated", "first", "--cluster", "area")
    assert answer.status == 0, answer.err
    for text in (
        "units      4",
        "periods    8 years, 2000 to 2007",
        "frequency  Y",
        "treated    2 units: 2003 (1 unit), 2005 (1 unit)",
        "never      2 units never treated",
        "gaps       none",
        "outcome    cases: 10 to 16.5",
        "0 in first is never treated (2 units)",
        "wrote studies/mine.toml",
        "wrote data/mine.csv",
        "next: evaluation run mine",
    ):
        assert text in answer.out
    assert (own / "data" / "mine.csv").read_bytes() == file.read_bytes()
    entry = load_manifest(own / "data")["mine"]
    assert entry.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    study = tomllib.loads((own / "studies" / "mine.toml").read_text(encoding="utf-8"))
    assert keys(study) <= 20
    assert study["languages"] == ["en"]
    case = prepare("mine", root=own)
    assert case.treated(case.lead) == ["Alder", "Birch, north"]
    assert case.sources[0].registered


def test_all_the_options_reach_the_study(own: Path, file: Path, evaluation: Evaluation) -> None:
    words = ("--outcome", "cases", "--outcome", "area", "--switched-on", "on", "--weights", "people")
    words += ("--covariates", "people,first", "--exposure", "people", "--lang", "en,zh", "--better", "lower")
    answer = start(evaluation, file, *words, "--title", 'A "title"', "--frequency", "Y")
    assert answer.status == 0, answer.err
    study = tomllib.loads((own / "studies" / "mine.toml").read_text(encoding="utf-8"))
    assert study["title"] == 'A "title"'
    assert study["languages"] == ["en", "zh"]
    assert study["data"] == {
        **{"table": "mine", "unit": "place", "time": "year", "frequency": "Y", "exposure": "people"}
    }
    assert study["treatment"] == {"switched_on": "on", "weights": "people"}
    assert [one["column"] for one in study["outcomes"]] == ["cases", "area"]
    assert study["outcomes"][1] == {"column": "area", "better": "lower", "covariates": ["people", "first"]}


def test_treated_units_are_split_at_the_last_sign(own: Path, file: Path, evaluation: Evaluation) -> None:
    odd = file.with_name("odd.csv")
    odd.write_text(file.read_text(encoding="utf-8").replace("Cedar", "a=b"), encoding="utf-8")
    answer = start(evaluation, odd, "--treated", "a=b=2003", "--treated", "榆树=2004")
    assert answer.status == 0, answer.err
    case = prepare("mine", root=own)
    assert sorted(case.treated(case.lead)) == ["a=b", "榆树"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--treated", "Adler=2003"), ("no unit is called 'Adler'", "Alder")),
        (("--treated", "Alder=03/2003"), ("'03/2003' is no period",)),
        (("--treated", "Alder=2030"), ("lies outside the data", "after 2000 and up to 2007")),
        (("--treated", "Alder=2000"), ("is the first period",)),
        (("--treated", "Alder"), ("UNIT=DATE",)),
        (("--first-treated", "first", "--switched-on", "on"), ("exactly one of",)),
        ((), ("--first-treated", "--switched-on", "--treated")),
        (("--first-treated", "frist"), ("no column 'frist'", "did you mean first")),
        (("--first-treated", "on"), ("changes within a unit", "--switched-on")),
        (("--switched-on", "people"), ("neither 0 nor 1",)),
        (("--first-treated", "first", "--outcome", "place"), ("text where numbers are needed", "Alder")),
        (("--first-treated", "first", "--cluster", "cases"), ("cluster changes within a unit",)),
        (("--first-treated", "first", "--better", "more"), ("--better", "higher or lower")),
        (("--first-treated", "first", "--lang", "fr"), ("--lang",)),
        (("--first-treated", "first", "--frequency", "X"), ("--frequency",)),
    ],
)
def test_a_mistake_is_said_and_nothing_written(
    words: tuple[str, ...], said: tuple[str, ...], own: Path, file: Path, evaluation: Evaluation
) -> None:
    before = written(own)
    answer = start(evaluation, file, *words)
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith("error: ")
    for text in said:
        assert text in answer.err
    assert written(own) == before


def test_what_is_missing_is_named_by_its_option(own: Path, file: Path, evaluation: Evaluation) -> None:
    for words, flag in (
        (("--data", str(file)), "--unit"),
        (("--data", str(file), "--unit", "place"), "--time"),
        (("--data", str(file), "--unit", "place", "--time", "year"), "--outcome"),
        (("--unit", "place"), "--data"),
    ):
        answer = evaluation("new", "mine", *words)
        assert answer.status == 2
        assert f"give {flag}" in answer.err


def test_a_unit_that_switches_off_is_refused_with_its_rows(
    own: Path, tmp_path: Path, evaluation: Evaluation
) -> None:
    path = tmp_path / "off.csv"
    panel(on=lambda u, y: int(u == "Alder" and y in (2003, 2004))).to_csv(path, index=False)
    answer = start(evaluation, path, "--switched-on", "on")
    assert answer.status == 2
    assert "Alder 2005, Alder 2006, Alder 2007" in answer.err
    assert "rows 7, 8, 9" in answer.err


def test_several_rows_a_unit_and_period_need_a_word(own: Path, file: Path, evaluation: Evaluation) -> None:
    doubled = file.with_name("doubled.csv")
    frame = pd.read_csv(file)
    pd.concat([frame, frame.assign(cases=frame["cases"] + 2)]).to_csv(doubled, index=False)
    answer = start(evaluation, doubled, "--first-treated", "first")
    assert answer.status == 2
    assert "--aggregate" in answer.err
    assert start(evaluation, doubled, "--first-treated", "first", "--aggregate", "mean").status == 0
    table, info = read_table("mine", own / "data")
    assert (own / "data" / "mine.csv").read_bytes() == doubled.read_bytes()
    assert len(table) == info.rows == len(frame)
    assert table["cases"].tolist() == (frame["cases"] + 1).tolist()
    assert len(prepare("mine", root=own).table) == len(frame)


def test_a_wide_table_is_made_long(own: Path, file: Path, evaluation: Evaluation) -> None:
    wide = file.with_name("wide.csv")
    frame = pd.read_csv(file).pivot(index=["place", "first"], columns="year", values="cases").reset_index()
    frame.rename(columns={year: f"cases_{year}" for year in YEARS}).to_csv(wide, index=False)
    words = ("new", "mine", "--data", str(wide), "--unit", "place", "--first-treated", "first")
    refused = evaluation(*words)
    assert refused.status == 2
    assert "--wide" in refused.err
    answer = evaluation(*words, "--wide", "--time", "year", "--outcome", "cases")
    assert answer.status == 0, answer.err
    assert "periods    8 years, 2000 to 2007" in answer.out
    assert len(prepare("mine", root=own).table) == len(UNITS) * len(YEARS)


@pytest.mark.parametrize(
    "ending", ["gb18030.csv", "bom.csv", "semicolon.csv", "tab.tsv", "xlsx", "parquet", "dta", "sav"]
)
def test_files_are_read_as_they_are(ending: str, own: Path, tmp_path: Path, evaluation: Evaluation) -> None:
    frame = panel(first=first).rename(columns={"cases": "value"})
    path = tmp_path / f"table.{ending.rpartition('.')[2]}"
    if ending == "gb18030.csv":
        frame.to_csv(path, index=False, encoding="gb18030")
    elif ending == "bom.csv":
        frame.to_csv(path, index=False, encoding="utf-8-sig")
    elif ending == "semicolon.csv":
        frame.to_csv(path, index=False, sep=";", decimal=",")
    elif ending == "tab.tsv":
        frame.to_csv(path, index=False, sep="\t")
    elif ending == "xlsx":
        frame.to_excel(path, index=False, startrow=2)
    elif ending == "parquet":
        frame.to_parquet(path)
    elif ending == "sav":
        pyreadstat.write_sav(frame, path)
    else:
        frame.to_stata(path, write_index=False, version=118)
    words = ("--outcome", "value", "--first-treated", "first")
    words += ("--skip-rows", "2") if ending == "xlsx" else ()
    answer = start(evaluation, path, *words)
    assert answer.status == 0, answer.err
    assert "outcome    value: 10 to 16.5" in answer.out
    case = prepare("mine", root=own)
    assert case.treated(case.lead) == ["Alder", "Birch, north"]


def test_a_workbook_of_several_sheets_needs_one_named(own: Path, file: Path, evaluation: Evaluation) -> None:
    book = file.with_suffix(".xlsx")
    with pd.ExcelWriter(book) as writer:
        pd.DataFrame({"a": [1]}).to_excel(writer, sheet_name="notes", index=False)
        pd.read_csv(file).to_excel(writer, sheet_name="data", index=False)
    answer = start(evaluation, book, "--first-treated", "first")
    assert answer.status == 2
    assert "--sheet" in answer.err
    assert "notes, data" in answer.err
    assert start(evaluation, book, "--first-treated", "first", "--sheet", "data").status == 0
    assert len(read_table("mine", own / "data")[0]) == len(UNITS) * len(YEARS)


def test_a_file_of_another_kind_is_refused(own: Path, tmp_path: Path, evaluation: Evaluation) -> None:
    for name, content, said in (
        ("a.pdf", b"x", "cannot be read"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"a,b\n", "no row"),
        ("a.csv", b"a,a\n1,2\n", "more than once"),
        ("a.csv", b"a,b\n1,2,3\n4,5\n6,7,8\n", "more cells than the header"),
        ("a.xlsx", b"not a workbook", "damaged"),
        ("a.sav", b"$FL2", "damaged"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        answer = start(evaluation, path, "--first-treated", "first")
        assert answer.status == 2, name
        assert said in answer.err
        assert "Traceback" not in answer.err
    assert "cannot be read" in start(evaluation, tmp_path / "absent.csv").err


def test_a_format_whose_package_is_missing_says_what_to_install(
    own: Path, file: Path, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: Any, **__: Any) -> None:
        raise ImportError("Import pyarrow failed", name="pyarrow")

    monkeypatch.setattr(pd, "read_parquet", absent)
    table = file.with_suffix(".parquet")
    table.write_bytes(b"PAR1")
    answer = start(evaluation, table, "--first-treated", "first")
    assert answer.status == 2
    assert "needs the package pyarrow" in answer.err
    assert "reform-evaluation[import]" in answer.err


@pytest.mark.parametrize(
    ("times", "frequency", "date"),
    [
        ([f"2016-{month:02d}" for month in range(1, 9)], "M", "2016-04"),
        ([f"{year}Q{q}" for year in (2015, 2016) for q in range(1, 5)], "Q", "2016-Q1"),
        (list(map(str, pd.date_range("2016-01-04", periods=8, freq="7D").date)), "W", "2016-W04"),
        (list(map(str, pd.date_range("2016-01-04", periods=8).date)), "D", "2016-01-08"),
        (list(range(1, 9)), None, "4"),
        ([201601 + month for month in range(8)], "M", "2016-04"),
    ],
)
def test_the_frequency_is_told_from_the_data(
    times: list[Any], frequency: str | None, date: str, own: Path, tmp_path: Path, evaluation: Evaluation
) -> None:
    path = tmp_path / "t.csv"
    panel().assign(year=times * len(UNITS)).to_csv(path, index=False)
    answer = start(evaluation, path, "--treated", f"Alder={date}")
    assert answer.status == 0, answer.err
    study = tomllib.loads((own / "studies" / "mine.toml").read_text(encoding="utf-8"))
    assert study["data"].get("frequency") == frequency
    case = prepare("mine", root=own)
    when = case.first(case.lead)["Alder"]
    assert sorted(case.table[study["data"]["time"]].unique()).index(when) == 3 + (frequency == "D") + (
        frequency == "Q"
    )


def test_a_frequency_that_cannot_be_told_is_asked_for(
    own: Path, tmp_path: Path, evaluation: Evaluation
) -> None:
    path = tmp_path / "t.csv"
    panel().assign(year=["03/04/2016"] * 32).to_csv(path, index=False)
    answer = start(evaluation, path, "--treated", "Alder=2016")
    assert answer.status == 2
    assert "the day or the month comes first" in answer.err


def test_a_standing_study_or_table_is_not_overwritten(own: Path, file: Path, evaluation: Evaluation) -> None:
    assert start(evaluation, file, "--first-treated", "first").status == 0
    before = {name: (own / name).read_bytes() for name in written(own)}
    again = start(evaluation, file, "--switched-on", "on")
    assert again.status == 2
    assert "--replace" in again.err
    (own / "studies" / "mine.toml").rename(own / "studies" / "other.toml")
    assert "the table 'mine' stands already" in start(evaluation, file, "--switched-on", "on").err
    (own / "studies" / "other.toml").rename(own / "studies" / "mine.toml")
    assert before == {name: (own / name).read_bytes() for name in written(own)}
    assert start(evaluation, file, "--switched-on", "on", "--replace").status == 0
    assert "switched_on" in (own / "studies" / "mine.toml").read_text()


def test_nothing_is_left_when_the_study_cannot_be_written(
    own: Path, file: Path, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: (own / name).read_bytes() for name in written(own)}
    import os

    real = os.replace

    def fail(source: Any, target: Any) -> None:
        if Path(target).name == "mine.toml":
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", fail)
    answer = start(evaluation, file, "--first-treated", "first")
    assert answer.status == 2
    assert before == {name: (own / name).read_bytes() for name in written(own)}


def test_new_alone_is_a_short_template_that_loads(own: Path, evaluation: Evaluation) -> None:
    answer = evaluation("new", "my_reform")
    assert answer.status == 0
    text = (own / "studies" / "my_reform.toml").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 40
    for key in ("first_treated", "switched_on", "units", "exposure", "cluster"):
        assert key in text
    checked = evaluation("check", "my_reform")
    assert checked.status == 2
    assert "studies/my_reform.toml:8" in checked.err
    assert "no table 'my_table'" in checked.err


def test_questions_are_answered_on_a_terminal(
    own: Path, file: Path, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"--unit": "place", "--time": "year", "--outcome": "cases", "--first-treated": "on"}
    asked = []

    def prompt(text: str) -> str:
        asked.append(text.split()[0])
        return answers[text.split()[0]]

    monkeypatch.setattr("evaluation.cli_own.on_terminal", lambda: True)
    monkeypatch.setattr("typer.prompt", prompt)
    assert evaluation("new", "mine", "--data", str(file), "--yes").status == 2
    answer = evaluation("new", "mine", "--data", str(file))
    assert answer.status == 0, answer.err
    assert asked == list(answers)
    assert 'switched_on = "on"' in (own / "studies" / "mine.toml").read_text()


def test_data_add(own: Path, file: Path, evaluation: Evaluation) -> None:
    answer = evaluation("data", "add", str(file))
    assert answer.status == 0, answer.err
    for text in ("rows       32", "place (text)", "cases (number)", "left open  units of", "data/given.csv"):
        assert text in answer.out
    again = evaluation("data", "add", str(file))
    assert again.status == 0
    assert "the same as before" in again.out
    entry = load_manifest(own / "data")["given"]
    path = own / "data" / "manifest.toml"
    path.write_text(path.read_text().replace('title = "given.csv"', 'title = "Cases"\nsource = "An office"'))
    later = file.with_name("later.csv")
    later.write_bytes(file.read_bytes() + b"Elm,2000,1,0,0,0,1000\n")
    assert "--replace" in evaluation("data", "add", str(later), "--name", "given").err
    assert evaluation("data", "add", str(later), "--name", "given", "--replace").status == 0
    now = load_manifest(own / "data")["given"]
    assert (now.rows, now.source["en"]) == (entry.rows + 1, "An office")
    assert now.sha256 != entry.sha256
    odd = file.with_name("2016 data.csv")
    odd.write_bytes(file.read_bytes())
    assert "--name" in evaluation("data", "add", str(odd)).err


def test_the_page_s_languages_are_the_study_s(own: Path, file: Path, evaluation: Evaluation) -> None:
    assert start(evaluation, file, "--first-treated", "first").status == 0
    plan = evaluation("run", "mine", "--dry-run", "--json")
    assert json.loads(plan.out)[0]["languages"] == ["en"]
    for flag in ("--lang", "--language"):
        answer = evaluation("run", "mine", "--dry-run", flag, "zh")
        assert answer.status == 2
        assert "--lang en" in answer.err


def test_check_says_what_a_run_would_fail_on_in_its_line(
    own: Path, file: Path, evaluation: Evaluation
) -> None:
    assert start(evaluation, file, "--treated", "Alder=2003").status == 0
    path = own / "studies" / "mine.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"Alder"', '"Adler"'), encoding="utf-8")
    line = next(i for i, one in enumerate(path.read_text("utf-8").splitlines(), 1) if "Adler" in one)
    answer = evaluation("check", "mine")
    assert answer.status == 2
    assert f"studies/mine.toml:{line}" in answer.err
    assert "Adler" in answer.err


def test_a_notebook_is_copied_and_said_to_be_older(
    own: Path, file: Path, evaluation: Evaluation, root: Path
) -> None:
    assert start(evaluation, file, "--first-treated", "first").status == 0
    path = own / "studies" / "mine.toml"
    path.write_text('notebook = "crime_reduction"\n' + path.read_text("utf-8"), encoding="utf-8")
    assert evaluation("check", "mine").status == 0  # the package's own serves
    assert evaluation("notebook", "mine").status == 0
    copy = own / "notebooks" / "crime_reduction.ipynb"
    own_cells, cells = (
        json.loads(p.read_text("utf-8"))["cells"] for p in (copy, root / "notebooks" / copy.name)
    )
    assert own_cells == cells
    answer = evaluation("check", "mine")
    assert (answer.status, answer.err) == (0, "")
    assert evaluation("notebook", "mine").status == 2
    copy.write_text(copy.read_text("utf-8").replace('"sha256": "', '"sha256": "0'), encoding="utf-8")
    assert "the package has a newer one" in evaluation("check", "mine").err


def test_remove_and_rename(own: Path, file: Path, evaluation: Evaluation) -> None:
    assert start(evaluation, file, "--first-treated", "first").status == 0
    reports = own / "reports"
    for folder in ("en", "results", "history/mine"):
        (reports / folder).mkdir(parents=True)
    (reports / "en" / "mine.html").write_text('<a href="../zh/mine.html">evaluation run mine</a>')
    (reports / "results" / "mine.json").write_text('{"study": "mine", "title": "T", "question": ""}')
    assert evaluation("rename", "mine", "Not plain").status == 2
    answer = evaluation("rename", "mine", "yours")
    assert answer.status == 0, answer.err
    assert (reports / "en" / "yours.html").read_text() == (
        '<a href="../zh/yours.html">evaluation run yours</a>'
    )
    assert json.loads((reports / "results" / "yours.json").read_text())["study"] == "yours"
    assert not list(own.rglob("mine.html")) + list(own.rglob("mine.json")) + list(own.rglob("mine.toml"))
    assert prepare("yours", root=own).study.id == "yours"
    assert evaluation("remove", "mine").status == 2
    assert evaluation("remove", "yours").status == 0
    assert not list(own.rglob("yours.*"))
    assert (reports / "history" / "yours").is_dir()
    assert (own / "data" / "mine.csv").is_file()


def test_files_of_a_private_page_hold_no_unit_s_own_values(
    own: Path, file: Path, evaluation: Evaluation
) -> None:
    def left(text: str) -> Any:
        cell = {"outputs": [{"data": {"x": {"blocks": [{"csv": text}]}}}]}
        _withhold(cell, {f"u{i}" for i in range(9)})
        return cell["outputs"][0]["data"]["x"]["blocks"][0]["csv"]  # type: ignore[index]

    kept = "year,treated,others\n2000,1,2\n"
    one_row_each = "left out,estimate\n" + "".join(f"u{i},1\n" for i in range(9))
    assert [left(kept), left(one_row_each)] == [kept, one_row_each]
    assert left("year,u1 0,u2 0,u3 1,u4 1\n2000,1,2,3,4\n") is None
    assert left("unit,year\n" + "".join(f"u{i},{y}\n" for i in range(4) for y in (0, 1))) is None
    assert start(evaluation, file, "--first-treated", "first").status == 0
    study = own / "studies" / "mine.toml"
    assert not publishes(load_study("mine", root=own), own)
    study.write_text("publish_data = true\n" + study.read_text("utf-8"), encoding="utf-8")
    assert publishes(load_study("mine", root=own), own)
