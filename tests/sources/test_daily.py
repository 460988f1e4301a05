"""Reading the daily city format: every accepted form gives the same record, every fault its own message."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builders.air_quality import read_daily
from evaluation.errors import DataError

Write = Callable[..., Path]


def test_reads_numbers_dates_and_cities(lines: list[str], write: Write) -> None:
    record = read_daily(write(lines))
    assert record.frame["city"].tolist() == ["淄博", "淄博", "青岛", "青岛"]
    assert record.frame["date"].tolist() == [pd.Timestamp("2014-01-01"), pd.Timestamp("2014-01-02")] * 2
    assert record.frame["pm25"].tolist() == [120.5, 60.0, 30.0, 85.1]
    assert record.frame["aqi"].tolist() == [168, 92, 55, 120]
    assert record.counts == {"files": 1, "rows": 4, "cities": 2, "blank_lines": 0, "empty_fields": 0}


@pytest.mark.parametrize(
    "form", ["bom", "crlf", "no header", "gzip", "gzip without .gz", "other order", "blank lines"]
)
def test_other_forms_of_the_file_give_the_same_record(form: str, lines: list[str], write: Write) -> None:
    plain = read_daily(write(lines)).frame
    if form == "bom":
        other = write(lines, "other.csv", encoding="utf-8-sig")
    elif form == "crlf":
        other = write(lines, "other.csv", end="\r\n")
    elif form == "no header":
        other = write(lines[1:], "other.csv")
    elif form.startswith("gzip"):
        other = write(lines, "other.csv.gz" if form == "gzip" else "other.csv")
        other.write_bytes(gzip.compress(other.read_bytes()))
    elif form == "other order":
        other = write([",".join(reversed(line.split(","))) for line in lines], "other.csv")
    else:
        other = write([lines[0], "", *lines[1:], "", ""], "other.csv")
        assert read_daily(other).counts["blank_lines"] == 3
    pd.testing.assert_frame_equal(read_daily(other).frame, plain)


@pytest.mark.parametrize("header", [True, False])
def test_a_folder_takes_the_city_from_the_name_of_its_files(
    header: bool, lines: list[str], write: Write, tmp_path: Path
) -> None:
    plain = read_daily(write(lines)).frame
    for city in ("淄博", "青岛"):
        rows = [line.split(",", 1)[1] for line in lines if line.startswith(city)]
        write([lines[0].split(",", 1)[1], *rows] if header else rows, f"folder/{city}.csv")
    (tmp_path / "folder" / "notes.txt").write_text("not a table")
    record = read_daily(tmp_path / "folder")
    pd.testing.assert_frame_equal(record.frame, plain)
    assert record.counts["files"] == 2


def test_columns_that_are_not_needed_may_be_absent(write: Write) -> None:
    path = write(["city,date,aqi,pm25,pm10,so2,co,no2,o3", "淄博,2014-01-01,80,1,2,3,4,5,6"])
    assert read_daily(path).frame.loc[0, "o3"] == 6.0


def test_an_empty_field_is_a_missing_value(lines: list[str], write: Write) -> None:
    lines[1] = lines[1].replace(",120.5,", ",,")
    record = read_daily(write(lines))
    assert record.counts["empty_fields"] == 1
    assert np.isnan(record.frame.loc[0, "pm25"])


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_daily(path)
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_missing_file_and_folder_without_tables(tmp_path: Path) -> None:
    assert "the raw file does not exist" in refused(tmp_path / "absent.csv")
    assert "absent.csv" in refused(tmp_path / "absent.csv")
    assert "the folder holds no table" in refused(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_empty_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(content)
    message = refused(path)
    assert "the file is empty" in message
    assert "empty.csv" in message


def test_header_without_rows(lines: list[str], write: Write) -> None:
    assert "the table has no rows" in refused(write(lines[:1]))


def test_wrong_columns_names_the_absent_and_the_found(lines: list[str], write: Write) -> None:
    message = refused(write([lines[0].replace("pm25", "PM2.5").replace(",o3", ",ozone"), *lines[1:]]))
    assert "absent: pm25, o3" in message
    assert "found in line 1: city, date, aqi, aqi_range, level, PM2.5" in message
    assert "to mend: rename the columns" in message


def test_a_column_that_stands_twice(lines: list[str], write: Write) -> None:
    assert "more than once: aqi" in refused(write([lines[0].replace("rank", "aqi"), *lines[1:]]))


@pytest.mark.parametrize(
    "rows", [["a,b,c", "1,2,3"], ["just a text"], ["<html><body>Not found</body></html>"]]
)
def test_a_file_that_is_another_table(rows: list[str], write: Write) -> None:
    message = refused(write(rows))
    assert "the file does not have the columns of the daily city format" in message
    assert rows[0].split(",")[0] in message


@pytest.mark.parametrize("change", [",extra", None])
def test_rows_with_too_many_or_too_few_fields(change: str | None, lines: list[str], write: Write) -> None:
    lines[3] = lines[3] + change if change else lines[3].rsplit(",", 2)[0]
    message = refused(write(lines))
    assert "line 4" in message
    assert "12 fields: city, date" in message


@pytest.mark.parametrize("text", ["2014-02-30", "yesterday", "01/02/2014", "20140101", ""])
def test_unreadable_dates_name_the_lines(text: str, lines: list[str], write: Write) -> None:
    lines[3] = lines[3].replace("2014-01-01", text)
    message = refused(write(lines))
    assert "values of date are not dates" in message
    assert f"line 4 ({text!r})" in message
    assert "expected: a day as 2016-03-01" in message


@pytest.mark.parametrize("text", ["n/a", "—", "12,5", "inf", "nan", "0x10", "35 ug"])
def test_values_that_are_not_numbers_name_the_lines(text: str, lines: list[str], write: Write) -> None:
    lines[2] = lines[2].replace(",60.0,", f',"{text}",')
    message = refused(write(lines))
    assert "values of pm25 are not numbers" in message
    assert f"line 3 ({text!r})" in message


def test_many_bad_lines_are_counted_and_the_first_named(lines: list[str], write: Write) -> None:
    rows = [f"淄博,2014-03-{day:02d},80,1~2,良,x,2,3,4,5,6,7" for day in range(1, 11)]
    message = refused(write([*lines, *rows]))
    assert "10 values of pm25 are not numbers" in message
    assert "line 6 ('x')" in message
    assert "and 5 more" in message


def test_a_row_without_a_city(lines: list[str], write: Write) -> None:
    lines[2] = lines[2].replace("淄博", " ")
    assert "line 3" in refused(write(lines))


def test_duplicate_city_days_say_which_and_where(lines: list[str], write: Write) -> None:
    message = refused(write([*lines, lines[1], lines[4].replace("120", "121", 1)]))
    assert "2 city-days stand more than once" in message
    assert "淄博 2014-01-01 (lines 2 and 6)" in message
    assert "青岛 2014-01-02 (lines 5 and 7)" in message
    assert "expected: one row a city and day" in message


def test_duplicate_city_days_across_files(lines: list[str], write: Write, tmp_path: Path) -> None:
    write(lines, "folder/a.csv")
    write([lines[0], lines[2]], "folder/b.csv")
    assert "淄博 2014-01-02 (a.csv line 3 and b.csv line 2)" in refused(tmp_path / "folder")


def test_other_encodings_are_named_with_the_command_that_converts(lines: list[str], write: Write) -> None:
    message = refused(write(lines, "gb.csv", encoding="gb18030"))
    assert "the file is in GB18030 (GBK), not in UTF-8" in message
    assert "gb.csv, line 2" in message
    assert "iconv -f GB18030 -t UTF-8 'gb.csv'" in message
    assert "UTF-16" in refused(write(lines, "u16.csv", encoding="utf-16"))


def test_mixed_encoding_names_the_line(lines: list[str], write: Write, tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    path.write_bytes("\n".join(lines[:3]).encode() + b"\n\xff\xfe,2014-01-03,1,1~2,x,1,2,3,4,5,6,7\n")
    message = refused(path)
    assert "mixes encodings" in message
    assert "mixed.csv, line 4: byte 0xff" in message


def test_binary_content(tmp_path: Path) -> None:
    path = tmp_path / "zeros.csv"
    path.write_bytes(b"city,date\x00\x00,aqi\n1,2,3\n")
    assert "the file is not a CSV table" in refused(path)


@pytest.mark.parametrize("damage", ["cut", "flipped", "not gzip"])
def test_broken_gzip(damage: str, lines: list[str], write: Write, tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(write(lines).read_bytes()))
    if damage == "cut":
        whole = whole[: len(whole) // 2]
    elif damage == "flipped":
        whole[-6] ^= 0xFF
    path = tmp_path / "broken.csv.gz"
    path.write_bytes(bytes(whole) if damage != "not gzip" else b"city,date\n")
    message = refused(path)
    assert "gzip" in message
    assert "broken.csv.gz" in message
    assert "download" in message


def test_an_error_never_hides_behind_an_exponent_or_a_sign(lines: list[str], write: Write) -> None:
    lines[1] = lines[1].replace(",120.5,", ",1.205e2,").replace(",90.1,", ",-90.1,")
    frame = read_daily(write(lines)).frame
    assert frame.loc[0, "pm25"] == 120.5
    assert frame.loc[0, "so2"] == -90.1  # read as it stands; the cleaning counts and removes it


@pytest.mark.shared
def test_the_whole_raw_file_is_read_in_seconds(shared: Path) -> None:
    start = time.process_time()
    record = read_daily(shared / "data/air_quality/all_cities_daily.csv.gz")
    seconds = time.process_time() - start
    assert record.counts == {"files": 1, "rows": 351_014, "cities": 366, "blank_lines": 0, "empty_fields": 0}
    assert seconds < 15
