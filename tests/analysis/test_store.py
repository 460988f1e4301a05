"""Results of an analysis are kept for the next kernel, and never mistaken for another's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from evaluation.analysis import store
from evaluation.analysis.store import VARIABLE, know, stored


class Keys(BaseModel):
    """A study's keys."""

    id: str = "a"


@dataclass(frozen=True, eq=False)
class Case:
    """A study with its data."""

    data: pd.DataFrame


@dataclass(frozen=True)
class Found:
    """A result."""

    value: float


@dataclass(frozen=True)
class Option:
    """A choice that a function takes."""

    name: str


calls: list[str] = []


@stored
def estimate(case: Case, name: str = "x", *, option: Any = None) -> Found:
    """Something that takes long."""
    calls.append(name)
    return Found(float(case.data.to_numpy().sum()))


@stored
def refine(case: Case, found: Any) -> float:
    """Something that takes another's result."""
    calls.append("refine")
    return found.value * 2 if isinstance(found, Found) else 0.0


@stored
def everything(case: Case) -> dict[str, Found]:
    """Several results."""
    calls.append("everything")
    return {"first": Found(1.0), "second": Found(2.0)}


@stored
def odd(case: Case) -> Any:
    """Something that cannot be pickled."""
    calls.append("odd")
    return lambda: 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store, and no memory of earlier objects."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "store"))
    monkeypatch.setattr(store, "_known", {})
    calls.clear()
    return tmp_path / "store"


def prepared(keys: str = "a", **overrides: Any) -> Case:
    case = Case(pd.DataFrame({"a": [1.0, 2.0]}))
    know(case, Keys(id=keys), overrides, ())
    return case


def test_another_kernel_finds_what_the_first_computed(folder: Path) -> None:
    first = estimate(prepared(), "y")
    second = estimate(prepared(), name="y", option=None)
    assert calls == ["y"]
    assert second == first
    assert second is not first


@pytest.mark.parametrize(
    "other",
    [
        lambda: estimate(prepared("b")),
        lambda: estimate(prepared(date="2016-03")),
        lambda: estimate(prepared(), "other"),
        lambda: estimate(prepared(), option=1),
        lambda: estimate(prepared(), option="1"),
        lambda: estimate(prepared(), option=[1, 2.0, {"k": None}]),
        lambda: estimate(prepared(), option=np.array([1.0, 2.0])),
        lambda: estimate(prepared(), option=Option("a")),
        lambda: estimate(prepared(), option=pd.DataFrame({"a": [1.0], "b": [pd.Period("2016-03")]})),
        lambda: estimate(prepared(), option=pd.Series([1, None, "x"], index=["a", "b", "c"], dtype=object)),
        lambda: estimate(prepared(), option=Keys(id="z")),
    ],
)
def test_other_content_is_another_result(folder: Path, other: Any) -> None:
    estimate(prepared())
    other()
    assert len(calls) == 2
    other()
    assert len(calls) == 2


def test_what_cannot_be_told_apart_is_computed_each_time(folder: Path) -> None:
    for _ in range(2):
        estimate(prepared(), option=object())
        estimate(prepared(), option=pd.DataFrame({"a": [object()]}))
        estimate(Case(pd.DataFrame({"a": [1.0, object()]}).iloc[:1]))
    assert len(calls) == 5  # the last case holds a number and nothing else
    assert len(list(folder.iterdir())) == 1


def test_a_result_is_an_argument_by_what_it_came_from(folder: Path) -> None:
    for _ in range(2):
        case = prepared()
        refine(case, estimate(case))
    assert calls == ["x", "refine"]


def test_a_part_of_a_result_is_an_argument_too(folder: Path) -> None:
    for _ in range(2):
        case = prepared()
        refine(case, everything(case)["first"])
    assert calls == ["everything", "refine"]


def test_tables_are_told_apart_by_every_value(folder: Path) -> None:
    table = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    others = [
        table.assign(a=[1.0, 2.0 + 1e-12]),
        table.assign(b=["x", "z"]),
        table.rename(columns={"a": "A"}),
        table[["b", "a"]],
        table.set_axis([5, 6]),
        table.astype({"a": int}),
        table.astype({"b": object}),
    ]
    for given in (table, table.copy(), *others):
        estimate(prepared(), option=given)
    assert len(calls) == 1 + len(others)


def test_what_cannot_be_pickled_is_computed_again(folder: Path) -> None:
    assert odd(prepared())() == 1
    assert odd(prepared())() == 1
    assert calls == ["odd", "odd"]
    assert not folder.exists()


def test_a_damaged_file_is_computed_again(folder: Path) -> None:
    estimate(prepared())
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    assert estimate(prepared()) == Found(3.0)
    assert len(calls) == 2
    path.write_bytes(b"")
    estimate(prepared())
    assert len(calls) == 3


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_folder_that_others_can_write_is_not_believed(folder: Path) -> None:
    estimate(prepared())
    (path,) = folder.iterdir()
    head, _, _ = path.read_bytes().partition(b"\n")
    assert b"sha256" in head
    folder.chmod(0o777)
    estimate(prepared())
    assert len(calls) == 2


def test_a_file_that_cannot_be_written_costs_only_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "store"))
    assert estimate(prepared()) == Found(3.0)


def test_without_the_variable_nothing_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    estimate(prepared())
    estimate(prepared())
    assert len(calls) == 2
    assert not folder.exists()


def test_a_file_read_on_the_way_is_part_of_the_result(tmp_path: Path) -> None:
    """In a process of its own: an audit hook cannot be taken away."""
    import subprocess
    import sys

    code = """
import os, sys
from pathlib import Path
sys.path.insert(0, os.environ["HERE"])
from evaluation.reads import watch
watch(os.getcwd())
import test_store as t
@t.stored
def read(case):
    print("computed")
    return Path("data.txt").read_text()
for text in ("1", "1", "2", "2"):
    Path("data.txt").write_text(text)
    print(read(t.prepared()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, VARIABLE: str(tmp_path / "build" / "store"), "HERE": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["computed", "1", "1", "computed", "2", "2"]
