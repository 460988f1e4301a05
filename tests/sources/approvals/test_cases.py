"""A city's export in every format it may come in, and each mistake with its row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import DataError
from evaluation.sources.approvals import durations, read_cases
from evaluation.sources.cells import days, numbers

HEADER = ["办件编号", "事项名称", "部门", "区县", "受理日期", "办结日期", "法定时限", "补正开始", "补正结束"]
ROWS = [
    ["A001", "施工许可", "住建局", "桓台县", "2015-09-28", "2015-10-12", "20", "", ""],
    ["A002", "开办企业", "工商局", "张店区", "２０１５年３月２日", "2015年3月6日", "５个工作日", "", ""],
    ["A003", "登记财产", "国土局", "张店区", "42065", "", "15", "2015/3/4", "2015/3/6"],
]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(rows: list[list[str]], name: str = "办件.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        table = [HEADER, *rows]
        path.write_bytes("".join(",".join(row) + "\r\n" for row in table).encode(encoding))
        return path

    return make


def changed(row: int, **cells: str) -> list[list[str]]:
    rows = [list(r) for r in ROWS]
    for name, value in cells.items():
        rows[row][HEADER.index(name)] = value
    return rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_in_every_encoding_gives_the_same_cases(write: Write, encoding: str) -> None:
    record = read_cases(write(ROWS, encoding=encoding))
    frame = record.frame
    assert frame["accepted"].dt.strftime("%Y-%m-%d").tolist() == ["2015-09-28", "2015-03-02", "2015-03-02"]
    assert frame["statutory"].tolist() == [20, 5, 15]
    assert frame["district"].tolist() == ["桓台县", "张店区", "张店区"]
    assert record.counts["open"] == 1
    assert record.counts["suspended"] == 1
    assert frame["row"].tolist() == [2, 3, 4]


def test_excel_and_parquet_give_the_same_cases(tmp_path: Path, write: Write) -> None:
    expected = read_cases(write(ROWS)).frame.drop(columns=["file", "row"])
    sheet = pd.DataFrame(ROWS, columns=HEADER).astype(object)
    sheet.loc[0, "受理日期"] = dt.datetime(2015, 9, 28, 10, 30)
    sheet.loc[2, "受理日期"] = 42065
    titled = pd.concat(
        [
            pd.DataFrame([["2015年办件明细", *[None] * 8]]),
            pd.DataFrame([HEADER]),
            pd.DataFrame(sheet.to_numpy()),
        ]
    )
    titled.to_excel(tmp_path / "cases.xlsx", header=False, index=False)
    excel = read_cases(tmp_path / "cases.xlsx")
    assert excel.frame["row"].tolist() == [3, 4, 5]
    pd.testing.assert_frame_equal(excel.frame.drop(columns=["file", "row"]), expected)
    pd.DataFrame(ROWS, columns=HEADER).to_parquet(tmp_path / "cases.parquet")
    parquet = read_cases(tmp_path / "cases.parquet").frame
    pd.testing.assert_frame_equal(parquet.drop(columns=["file", "row"]), expected)


def test_other_headers_are_mapped_by_the_study_file(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("编号,事项,县区,受理时间,办结时间\n1,甲,乙,2015-01-05,\n", encoding="utf-8")
    names = {
        "number": "编号",
        "item": ["名称", "事项"],
        "district": "县区",
        "accepted": "受理时间",
        "decided": "办结时间",
    }
    assert read_cases(path, names).frame["item"].tolist() == ["甲"]
    with pytest.raises(DataError, match="办件编号"):
        read_cases(path)
    with pytest.raises(DataError, match="no field nummer"):
        read_cases(path, {"nummer": "编号"})


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"受理日期": "2015-02-30"}, "accepted are not dates"),
        ({"办结日期": "昨天"}, "decided are not dates"),
        ({"法定时限": "很快"}, "statutory are not numbers"),
        ({"法定时限": "0"}, "statutory are not above 0"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named_with_its_row(
    write: Write, cells: dict[str, str], words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_cases(write(changed(1, **cells)))
    assert "row 3" in str(caught.value)
    assert next(iter(cells.values())) in str(caught.value)


@pytest.mark.parametrize(
    ("row", "cells", "reason"),
    [
        (0, {"办结日期": "2015-09-01"}, "decided before it was accepted"),
        (1, {"受理日期": "—"}, "no day of acceptance"),
        (0, {"区县": ""}, "no district"),
        (2, {"补正结束": "2015-03-01"}, "the suspended time ends before it begins, or has no beginning"),
        (0, {"补正开始": "2015-09-29"}, "suspended without an end although decided"),
        (
            0,
            {"补正开始": "2015-09-01", "补正结束": "2015-09-29"},
            "suspended before it was accepted or after it was decided",
        ),
    ],
)
def test_an_impossible_case_is_set_aside_with_its_row(
    write: Write, row: int, cells: dict[str, str], reason: str
) -> None:
    record = read_cases(write(changed(row, **cells)))
    assert record.set_aside[["row", "reason"]].to_numpy().tolist() == [[row + 2, reason]]
    assert record.counts["cases"] == 2
    assert record.counts["rows_read"] == record.counts["cases"] + len(record.set_aside)


def test_a_missing_limit_is_counted_and_a_repeated_row_set_aside(write: Write) -> None:
    record = read_cases(write([*changed(0, 法定时限="无"), ROWS[1]]))
    assert record.counts["without_statutory_limit"] == 1
    assert record.reasons == {"the row repeats an earlier one": 1}
    assert record.set_aside["row"].tolist() == [5]


def test_one_number_for_two_cases_names_both_rows(write: Write) -> None:
    with pytest.raises(DataError, match=r"A001: 办件\.csv row 2 and 办件\.csv row 4"):
        read_cases(write(changed(2, 办件编号="A001")))


def test_a_broken_file_of_a_folder_is_named_or_skipped(write: Write, tmp_path: Path) -> None:
    write(ROWS, "cases/one.csv")
    (tmp_path / "cases" / "two.xlsx").write_bytes(b"PK not a workbook")
    with pytest.raises(DataError, match=r"two\.xlsx"):
        read_cases(tmp_path / "cases")
    record = read_cases(tmp_path / "cases", skip_broken=True)
    assert [item.name for item in record.broken] == ["two.xlsx"]
    assert len(record.frame) == 3
    (tmp_path / "cases" / "one.csv").write_text("x", encoding="utf-8")
    with pytest.raises(DataError, match="none of the files"):
        read_cases(tmp_path / "cases", skip_broken=True)


def test_case_numbers_that_excel_has_cut_are_refused(tmp_path: Path) -> None:
    sheet = pd.DataFrame(ROWS, columns=HEADER).astype({"办件编号": object})
    sheet.loc[1, "办件编号"] = 370321201503020000
    sheet.to_excel(tmp_path / "cut.xlsx", index=False)
    with pytest.raises(DataError, match="rows 3"):
        read_cases(tmp_path / "cut.xlsx")


def test_durations_count_working_days_and_stop_for_completing_the_file(write: Write) -> None:
    record = read_cases(write(ROWS))
    out = durations(record.frame, "2015-10-12")
    # 28 September to 12 October 2015: 29, 30 September, 8, 9, 10 (make-up Saturday), 12 October
    assert out["working_days"].tolist()[:2] == [6, 4]
    assert out["calendar_days"].tolist()[:2] == [14, 4]
    assert out["on_time"].tolist()[:2] == [True, True]
    assert out["share_of_limit"].tolist()[:2] == [6 / 20, 4 / 5]
    earlier = durations(record.frame.iloc[1:], "2015-03-10")
    # open since 2 March, 6 working days less the two from 5 to 6 March
    assert earlier["working_days"].tolist() == [4, 4]
    assert earlier["finished"].tolist() == [True, False]
    assert earlier["on_time"].isna().tolist() == [False, True]
    assert earlier["calendar_days"].tolist() == [4, 6]


def test_a_case_decided_after_the_day_of_the_export_was_open_on_it(write: Write) -> None:
    out = durations(read_cases(write(ROWS)).frame.iloc[1:2], "2015-03-04")
    assert out[["finished", "working_days"]].to_numpy().tolist() == [[False, 2]]
    with pytest.raises(DataError, match="accepted after the day of the export"):
        durations(read_cases(write(ROWS)).frame, "2015-05-01")


def test_cells_of_every_kind() -> None:
    values = pd.Series(
        ["2015.3.2", 42065, 42065.5, "20150302", dt.date(2015, 3, 2), "2015-03-02 10:20:00", None, "无"]
    )
    read, wrong = days(values)
    assert not wrong.any()
    assert (read[:6] == np.datetime64("2015-03-02")).all()
    assert np.isnat(read[6:]).all()
    assert days(pd.Series(["2015-13-01", "3", "abc"]))[1].all()
    value, bad = numbers(pd.Series(["１２", "3 days", 4, "1,000", None, "x"]))
    np.testing.assert_array_equal(value[:4], [12, 3, 4, 1000])
    assert bad.tolist() == [False] * 5 + [True]


@pytest.mark.parametrize("names", [{}, {"accepted": "日期受理", "decided": "日期办结"}])
def test_a_header_merged_over_two_rows_is_read(tmp_path: Path, write: Write, names: dict[str, str]) -> None:
    expected = read_cases(write(ROWS)).frame.drop(columns=["file", "row"])
    lower = ["", "", "", "", "受理日期", "办结日期", "", "", ""]
    if names:
        lower = [text.removesuffix("日期") for text in lower]
    upper = ["办件编号", "事项名称", "部门", "区县", "日期", None, *HEADER[6:]]
    frame = pd.DataFrame([["明细", *[None] * 8], upper, [text or None for text in lower], *ROWS])
    frame.to_excel(tmp_path / "merged.xlsx", header=False, index=False)
    record = read_cases(tmp_path / "merged.xlsx", names)
    assert record.frame["row"].tolist() == [4, 5, 6]
    pd.testing.assert_frame_equal(record.frame.drop(columns=["file", "row"]), expected)


def test_a_merged_header_without_the_words_needed_lists_what_was_found(tmp_path: Path) -> None:
    upper = ["办件编号", "事项名称", "部门", "区县", "受理日期", None, None, None, None]
    frame = pd.DataFrame([upper, [None] * 4 + ["起", "止", None, None, None], *ROWS])
    frame.to_excel(tmp_path / "merged.xlsx", header=False, index=False)
    with pytest.raises(DataError, match="no column for decided") as caught:
        read_cases(tmp_path / "merged.xlsx")
    assert "受理日期" in str(caught.value)
