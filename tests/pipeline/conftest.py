"""A project small enough to break: six places, three years of months, one notebook."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import tomli_w

PLACES = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir")
MONTHS = [f"{year}-{month:02d}" for year in (2014, 2015, 2016) for month in range(1, 13)]
PARAMETERS = 'study = "tiny"\noverrides = {}'
RESULT = """
import csv
from pathlib import Path
from statistics import mean

from IPython.display import display

from evaluation.study import load_study

asked = load_study(study, overrides)
rows = list(csv.DictReader(Path("data/levels.csv").open(encoding="utf-8")))
treated = [float(row["level"]) for row in rows if row["place"] == asked.treatment.unit]
others = [float(row["level"]) for row in rows if row["place"] != asked.treatment.unit]
display(
    {
        "application/vnd.evaluation.result+json": {
            "study": study,
            "title": asked.title.model_dump(),
            "question": asked.question.model_dump(),
            "overrides": dict(overrides),
            "seed": asked.seed,
            "data": [{"name": "levels", "sha256": "0" * 64, "simulated": True}],
            "estimates": [{"outcome": "level", "leads": True, "estimate": mean(treated) - mean(others)}],
            "claims": [],
            "diagnostics": [],
        }
    },
    raw=True,
)
"""
STUDY = """
id = "{name}"
notebook = "{notebook}"
seed = 1

[title]
en = "A tiny study"
zh = "一项小研究"

[question]
en = "Did the level fall?"
zh = "水平是否下降？"

[source]
title = {{ en = "A report", zh = "一份报告" }}
publisher = {{ en = "An office", zh = "某办公室" }}
date = "2017-01-01"
section = "1"

[data]
table = "levels"
unit = "place"
time = "month"
frequency = "M"
start = "2014-01"
end = "2016-12"

[treatment]
unit = "Alder"
date = "2015-07"
label = {{ en = "start", zh = "开始" }}
why = {{ en = "It is so.", zh = "如此。" }}

[[pools]]
id = "others"
label = {{ en = "the others", zh = "其他地方" }}
units = "all"

[[outcomes]]
id = "level"
column = "level"
label = {{ en = "Level", zh = "水平" }}
phrase = {{ en = "the level", zh = "水平" }}
unit = {{ en = "points", zh = "点" }}

[headline]
outcome = "level"
years = {{ before = 2014, after = 2016 }}

[rule]
level = 0.1
pool = "others"
outcomes = ["level"]
fixed_on = "2026-01-01"
text = {{ en = "A rule.", zh = "一条规则。" }}
"""


def _cell(source: str, *tags: str, kind: str = "code") -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": kind, "metadata": {"tags": list(tags)}, "source": source}
    if kind == "code":
        made.update(outputs=[], execution_count=None)
    return made


def _levels() -> list[str]:
    """A level that falls in Alder from 2015-07 on."""
    return [
        f"{place},{month},{10 + i + (0.1 * (j % 12)) - (3 if i == 0 and j >= 18 else 0):.2f}"
        for i, place in enumerate(PLACES)
        for j, month in enumerate(MONTHS)
    ]


@dataclass(frozen=True)
class Project:
    """The folder and the means to write its parts anew."""

    root: Path

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    def notebook(self, *cells: str, name: str = "tiny", parameters: str | None = PARAMETERS) -> Path:
        """Two titles, a parameters cell and these cells of code."""
        made = [
            _cell("# A tiny study", "en", kind="markdown"),
            _cell("# 一项小研究", "zh", kind="markdown"),
            *([] if parameters is None else [_cell(parameters, "parameters")]),
            *map(_cell, cells),
        ]
        for number, one in enumerate(made):
            one["id"] = f"cell-{number}"
        path = self.root / "notebooks" / f"{name}.ipynb"
        whole = {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        path.write_text(json.dumps(whole), encoding="utf-8")
        return path

    def study(self, name: str = "tiny", notebook: str = "tiny", **changes: str) -> Path:
        """A study file that loads, with some of its text replaced."""
        text = STUDY.format(name=name, notebook=notebook)
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        path = self.root / "studies" / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def table(self, rows: Sequence[str], level: str = "level") -> Path:
        """The table and the manifest that describes it."""
        columns = {"place": "text", "month": "text", level: "number"}
        content = ("\n".join([",".join(columns), *rows]) + "\n").encode()
        words = {"en": "made for a test", "zh": "测试用"}
        entry = {
            "name": "levels",
            "path": "levels.csv",
            "sha256": hashlib.sha256(content).hexdigest(),
            "rows": len(rows),
            "simulated": True,
            "made_by": "hand",
            "title": words,
            "source": words,
            "licence": words,
            "columns": [
                {"name": n, "kind": kind, "unit": words, "description": words} for n, kind in columns.items()
            ],
        }
        path = self.root / "data" / "levels.csv"
        path.write_bytes(content)
        (self.root / "data" / "manifest.toml").write_bytes(
            tomli_w.dumps({"format": 1, "tables": [entry]}).encode()
        )
        return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project in a folder of its own, which is the current one."""
    made = Project(tmp_path / "project")
    for folder in ("studies", "notebooks", "data"):
        (made.root / folder).mkdir(parents=True)
    made.table(_levels())
    made.study()
    made.notebook(RESULT)
    monkeypatch.chdir(made.root)
    return made


@pytest.fixture
def levels() -> list[str]:
    """Rows of the project's table."""
    return _levels()


@pytest.fixture
def result_cell() -> str:
    """The cell that displays the result."""
    return RESULT


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def evaluation(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run the command line in this process: ``evaluation("run", "tiny")``."""

    def run(*words: str) -> Answer:
        from evaluation.cli import main

        monkeypatch.setattr(sys, "argv", ["evaluation", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        code = stop.value.code
        return Answer(code if isinstance(code, int) else int(code is not None), said.out, said.err)

    return run


def _is_kernel(words: Sequence[str]) -> bool:
    return any(name in word for word in words for name in ("ipykernel", "_kernel_process"))


@pytest.fixture
def no_orphans() -> Iterator[None]:
    """No process outlives the test but the server that workers are forked from."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    kernels = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.pid not in before and _is_kernel(child.cmdline()):
                kernels.append(child)
        except psutil.NoSuchProcess:
            continue
    assert not kernels
