"""Files that are no tables: each is refused with what to do, before it fills the memory or hangs."""

from __future__ import annotations

import gzip
import hashlib
import os
import zipfile
from pathlib import Path

import openpyxl
import pytest
import tomli_w

from evaluation.errors import DataError
from evaluation.sources import exports, reading
from evaluation.sources.approvals import read_cases
from evaluation.sources.approvals.tables import LAYOUT
from evaluation.sources.build import build, publish
from evaluation.sources.exports import read_export
from evaluation.sources.manifest import load_manifest, read_table


def workbook(path: Path, cells: dict[str, object]) -> Path:
    book = openpyxl.Workbook()
    for place, value in cells.items():
        book.active[place] = value  # type: ignore[index]
    book.save(path)
    return path


def refused(path: Path, said: str) -> str:
    with pytest.raises(DataError, match=said) as caught:
        read_export(path, {}, LAYOUT)
    return str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "cases.csv")
    refused(tmp_path / "cases.csv", "not a file that can be read")


def test_a_gzip_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_UNPACKED", 100_000)
    (tmp_path / "cases.csv.gz").write_bytes(gzip.compress(b"a" * 200_000))
    assert "cut it into several" in refused(tmp_path / "cases.csv.gz", "the gzip file holds more than")


def test_a_workbook_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_MOST_WORKBOOK", 1_000_000)
    with zipfile.ZipFile(tmp_path / "cases.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/worksheets/sheet1.xml", b" " * 2_000_000)
    refused(tmp_path / "cases.xlsx", "too large to be read\n.*2 MB unpacked")


def test_one_cell_in_the_far_corner(tmp_path: Path) -> None:
    path = workbook(tmp_path / "cases.xlsx", {"A1": "a", "XFD1048576": 1})
    refused(path, "too large to be read\n.*1,048,576 rows of 16,384 columns")


def test_formulas_without_values(tmp_path: Path) -> None:
    path = workbook(tmp_path / "cases.xlsx", {"A1": "办件编号", "A2": "1", "B2": "=A2+1", "C2": '=A2&"x"'})
    assert "paste the cells as values" in refused(path, "cells hold a formula and no value: 2\n.*B2, C2")


@pytest.mark.parametrize(("sign", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "upright bars")])
def test_another_separator_is_named(tmp_path: Path, sign: str, word: str) -> None:
    (tmp_path / "cases.csv").write_text(sign.join(["办件编号", "事项"]) + "\n" + sign.join("ab") + "\n")
    refused(tmp_path / "cases.csv", f"separated by {word}, not by commas")
    with pytest.raises(DataError, match=f"separated by {word}"):
        read_cases(tmp_path / "cases.csv")


HEAD = "place,month,level,count\n"


def of_hand(folder: Path, content: bytes) -> None:
    kinds = {"place": "text", "month": "text", "level": "number", "count": "integer"}
    words = {"en": "w", "zh": "w"}
    columns = [{"name": n, "kind": kind, "unit": words, "description": words} for n, kind in kinds.items()]
    entry = {
        **{"name": "levels", "path": "levels.csv", "sha256": hashlib.sha256(content).hexdigest(), "rows": 2},
        **{"simulated": True, "made_by": "hand", "title": words, "source": words, "licence": words},
        "columns": columns,
    }
    (folder / "levels.csv").write_bytes(content)
    (folder / "manifest.toml").write_text(tomli_w.dumps({"format": 1, "tables": [entry]}), encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ((HEAD + "A,2016-01,1.5,1\nA,2016-02,abc,1\n").encode(), r"values of level .*\n.*line 3 \('abc'\)"),
        ((HEAD + "A,2016-01,1,1\nA,2016-02,1,\n").encode(), r"values of count .*\n.*line 3 \(''\)"),
        ((HEAD + "A,2016-01,1,2.5\nA,2016-02,1,1\n").encode(), r"not whole numbers\n.*line 2 \('2.5'\)"),
        ((HEAD + "A,2016-01,1,1,9\nA,2016-02,x,1\n").encode(), "line 2"),
        ((HEAD + "张店,2016-01,1,1\nA,2016-02,1,1\n").encode("gb18030"), "GB18030"),
        (b"", "the file is empty"),
        ((HEAD + 'A,2016-01,1,1\nA,"2016-02,1,1\n').encode(), "line|EOF"),
        ((HEAD + "A,2016-01,1,1\nA ,2016-02,1,1\n").encode(), r"have space around them.*\n.*line 3 \('A '\)"),
    ],
)
def test_a_table_of_other_kinds_is_named_by_line(tmp_path: Path, content: bytes, said: str) -> None:
    of_hand(tmp_path, content)
    with pytest.raises(DataError, match=said) as caught:
        read_table("levels", tmp_path)
    assert "could not convert" not in str(caught.value)
    assert "codec" not in str(caught.value)


def test_a_table_of_hand_that_grew_is_not_thrown_away(tmp_path: Path) -> None:
    of_hand(tmp_path, (HEAD + "A,2016-01,1,1\n").encode())
    with (tmp_path / "levels.csv").open("a") as file:
        file.write("A,2016-02,1,1\n")
    with pytest.raises(DataError, match=r"to mend: where the change is meant, write the new sha256 and rows"):
        read_table("levels", tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_table_that_is_a_pipe(tmp_path: Path) -> None:
    of_hand(tmp_path, HEAD.encode())
    (tmp_path / "levels.csv").unlink()
    os.mkfifo(tmp_path / "levels.csv")
    with pytest.raises(DataError, match="not a file that can be read"):
        read_table("levels", tmp_path)


def test_an_import_takes_no_other_tables_name(data_dir: Path) -> None:
    from dataclasses import replace

    info = load_manifest(data_dir)["approvals/huantai_simulated_month"]
    before = (data_dir / info.path).read_bytes()
    mine = replace(info, made_by="evaluation data build approvals_cases --raw import.toml")
    with pytest.raises(DataError, match="already, of another source") as caught:
        publish([(mine, b"x\n")], data_dir)
    assert "approvals_huantai_simulated" in str(caught.value)
    assert (data_dir / info.path).read_bytes() == before
    assert publish([(info, before)], data_dir) == ()


def test_a_file_of_another_kind_is_no_raw_record(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "passwd"
    path.write_text("root:x:0:0\nuser, a b:x:1,2,3\n")
    with pytest.raises(DataError, match="the file has no column state"):
        build("castle", path, tmp_path, project=root)
    path.write_text("state,year,homicide_c,homicide,population,income,post\na,b\n")
    with pytest.raises(DataError, match="fewer fields"):
        build("castle", path, tmp_path, project=root)


def test_a_cell_that_begins_behind_a_separator_is_neutralised() -> None:
    from evaluation.report.display import _harmless

    assert _harmless("x;=cmd|' /C calc'!A0") == "x;'=cmd|' /C calc'!A0"
    assert _harmless("a; b=1 | c-d") == "a; b=1 | c-d"
