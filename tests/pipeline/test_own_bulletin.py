"""A city's own bulletin, made as `docs/own_bulletin.md` says, from the blocks that stand in it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

TOWNS = ("Northfield", "Southfield", "Eastfield", "Westfield", "Midfield")


def blocks(root: Path) -> dict[str, list[str]]:
    text = (root / "docs" / "own_bulletin.md").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for language, body in re.findall(r"```(\w*)\n(.*?)```", text, flags=re.DOTALL):
        found.setdefault(language, []).append(body)
    return found


def towns() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for month in pd.period_range("2014-01", "2016-12", freq="M"):
        for dekad in (1, 2, 3):
            days = month.days_in_month - 20 if dekad == 3 else 10
            for town in TOWNS:
                value = 60 * np.exp(0.1 * rng.standard_normal())
                rows.append((town, str(month), dekad, days, int(rng.integers(0, days)), round(value, 1)))
    return pd.DataFrame(rows, columns=["town", "month", "dekad", "days", "good_days", "pm25"])


@pytest.fixture
def county(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with nothing in it but the table, its entry, the study file and the notebook."""
    made = tmp_path / "county"
    for folder in ("studies", "notebooks", "data"):
        (made / folder).mkdir(parents=True)
    shutil.copy(root / "notebooks" / "monthly_bulletin.ipynb", made / "notebooks")
    entry, study = blocks(root)["toml"]
    (made / "studies" / "town_bulletin.toml").write_text(study, encoding="utf-8")
    content = towns().to_csv(index=False, lineterminator="\n")
    (made / "data" / "towns.csv").write_text(content, encoding="utf-8")
    entry = entry.replace("CHECKSUM", hashlib.sha256(content.encode()).hexdigest())
    entry = entry.replace("simulated = false", "simulated = true")
    (made / "data" / "manifest.toml").write_text("format = 1\n\n" + entry, encoding="utf-8")
    monkeypatch.chdir(made)
    return made


def test_the_table_in_the_document_has_the_columns_of_its_entry(root: Path) -> None:
    [excerpt] = blocks(root)["csv"]
    entry = blocks(root)["toml"][0]
    columns = excerpt.splitlines()[0].split(",")
    assert columns == re.findall(r'\[\[tables.columns\]\]\nname = "(\w+)"', entry) == list(towns().columns)


def test_a_page_in_each_language_and_for_another_month(county: Path, evaluation) -> None:
    assert evaluation("check").status == 0
    made = evaluation("run", "town_bulletin", "--jobs", "1")
    assert made.status == 0, made.err
    english, chinese = (
        (county / "reports" / language / "town_bulletin.html").read_text(encoding="utf-8")
        for language in ("en", "zh")
    )
    assert "In December 2016" in english
    assert "of the 4 other towns" in english
    assert "cities" not in english.split("How this page was made")[0].replace("cities_table", "")
    assert "SIMULATED" in english
    assert "2016年12月" in chinese
    assert "其余4镇" in chinese
    result = json.loads((county / "reports" / "results" / "town_bulletin.json").read_text(encoding="utf-8"))
    assert result["bulletin"]["month"] == "2016-12"
    assert [entry["simulated"] for entry in result["data"]] == [True]
    assert len(result["bulletin"]["history"]) == 12
    other = evaluation(
        "run", "town_bulletin", "--set", "bulletin.month=2016-06", "--language", "en", "--jobs", "1"
    )
    assert other.status == 0, other.err
    [variant] = (county / "reports").glob("variants/*2016-06*/en.html")
    assert "In June 2016" in variant.read_text(encoding="utf-8")


def test_a_month_outside_says_which_there_are_and_changes_nothing(county: Path, evaluation) -> None:
    done = evaluation("run", "town_bulletin", "--set", "bulletin.month=2013-06", "--jobs", "1")
    assert done.status == 2
    assert "a month from 2015-01 to 2016-12" in done.err
    assert "Traceback" not in done.err


def test_a_new_study_starts_from_one_place_however_others_are_called(project, root: Path, evaluation) -> None:
    bulletin = blocks(root)["toml"][1].replace("town_bulletin", "a_bulletin")
    (project.root / "studies" / "a_bulletin.toml").write_text(bulletin, encoding="utf-8")
    assert evaluation("new", "other").status == 0
    assert "[treatment]" in (project.root / "studies" / "other.toml").read_text(encoding="utf-8")


def test_the_starter_copies_a_bulletin(county: Path, evaluation) -> None:
    assert evaluation("new", "valley_bulletin", "--from", "town_bulletin").status == 0
    assert evaluation("check").status == 0
    text = (county / "studies" / "valley_bulletin.toml").read_text(encoding="utf-8")
    assert 'id = "valley_bulletin"' in text
