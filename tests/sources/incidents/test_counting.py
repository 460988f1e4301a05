"""A city's incidents in every format they may come in, and each mistake with its place."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.errors import DataError
from evaluation.sources import cells
from evaluation.sources.incidents import (
    OffenceMap,
    PlaceMap,
    Rules,
    count_incidents,
    counting,
    read_offences,
    read_places,
    read_population,
)

HEADER = ["案件编号", "发案日期", "报案日期", "案别", "发案地"]
ROWS = [
    ["A001", "2015-01-03", "2015-01-03", "入室盗窃", "张店区"],
    ["A002", "２０１５年１月５日", "2015年1月9日", "盗窃", "张店分局"],
    ["A003", "42037", "2015/3/4", "抢劫", "桓台县"],  # 2 February 2015
    ["A004", "2015.2.3", "20150204", "抢劫", "张店区"],
    ["A005", "2015-03-31 23:10:00", "2015-04-01 00:20:00", "盗窃", "桓台县"],
    ["A006", "2015-03-30", "2015-03-30", "治安", "桓台县"],
]
RULES = Rules(first="2015-01", last="2015-03", as_of="2015-04-30")
EXPECTED = {  # unit, month: all, theft, burglary, robbery
    ("张店区", "2015-01"): [2, 2, 1, 0],
    ("张店区", "2015-02"): [1, 0, 0, 1],
    ("张店区", "2015-03"): [0, 0, 0, 0],
    ("桓台县", "2015-01"): [0, 0, 0, 0],
    ("桓台县", "2015-02"): [1, 0, 0, 1],
    ("桓台县", "2015-03"): [1, 1, 0, 0],
}
Write = Callable[..., Path]


@pytest.fixture
def offences(tmp_path: Path) -> OffenceMap:
    path = tmp_path / "offences.csv"
    path.write_text(
        "offence,outcomes\n入室盗窃,all theft burglary\n盗窃,all theft\n抢劫,all robbery\n治安,\n",
        encoding="utf-8",
    )
    return read_offences(path)


@pytest.fixture
def places(tmp_path: Path) -> PlaceMap:
    path = tmp_path / "places.csv"
    path.write_bytes("place,unit\n张店区,张店区\n张店分局,张店区\n桓台县,桓台县\n市直,\n".encode("gb18030"))
    return read_places(path)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(
        rows: list[list[str]],
        name: str = "案件.csv",
        encoding: str = "utf-8",
        header: list[str] = HEADER,
        end: str = "\r\n",
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        content = "".join(",".join(row) + end for row in [header, *rows]).encode(encoding)
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return make


def changed(row: int, **cells_: str) -> list[list[str]]:
    rows = [list(r) for r in ROWS]
    for name, value in cells_.items():
        rows[row][HEADER.index(name)] = value
    return rows


def table(counts: counting.IncidentCounts) -> dict[tuple[str, str], list[float]]:
    frame = counts.frame.set_index(["unit", counts.frame["month"].astype(str)])
    values = frame[["all", "theft", "burglary", "robbery"]].to_numpy().tolist()
    return dict(zip(frame.index, values, strict=True))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("name", ["案件.csv", "案件.csv.gz"])
def test_csv_in_every_encoding_gives_the_same_counts(
    write: Write, offences: OffenceMap, places: PlaceMap, encoding: str, name: str
) -> None:
    counts = count_incidents(write(ROWS, name, encoding), offences, places, RULES)
    assert table(counts) == EXPECTED
    assert counts.encodings == {name: encoding.removesuffix("-sig")}
    assert (counts.rows_read, counts.rows_counted) == (6, 5)
    assert counts.set_aside == {counting.UNCOUNTED: 1}


def test_excel_and_parquet_give_the_same_counts(
    tmp_path: Path, offences: OffenceMap, places: PlaceMap
) -> None:
    sheet = pd.DataFrame(ROWS, columns=HEADER).astype(object)
    sheet.loc[0, "发案日期"] = dt.datetime(2015, 1, 3, 10, 30)
    sheet.loc[2, "发案日期"] = 42037
    titled = pd.concat(
        [pd.DataFrame([["2015年案件", *[None] * 4]]), pd.DataFrame([HEADER]), pd.DataFrame(sheet.to_numpy())]
    )
    titled.to_excel(tmp_path / "cases.xlsx", header=False, index=False)
    assert table(count_incidents(tmp_path / "cases.xlsx", offences, places, RULES)) == EXPECTED
    frame = pd.DataFrame(ROWS, columns=HEADER)
    frame.to_parquet(tmp_path / "cases.parquet")
    assert table(count_incidents(tmp_path / "cases.parquet", offences, places, RULES)) == EXPECTED
    days = {name: pd.to_datetime(pd.Series(cells.days(frame[name])[0])) for name in HEADER[1:3]}
    frame.assign(**days).to_parquet(tmp_path / "typed.parquet")
    assert table(count_incidents(tmp_path / "typed.parquet", offences, places, RULES)) == EXPECTED


def test_files_of_a_folder_may_differ_in_encoding_and_header(
    write: Write, offences: OffenceMap, places: PlaceMap
) -> None:
    write(ROWS[:3], "months/1.csv", "utf-8")
    write(ROWS[3:5], "months/2.csv", "gb18030")
    english = ["incident number", "date of incident", "date of report", "offence", "place"]
    folder = write(ROWS[5:], "months/3.csv", "utf-8", english).parent
    counts = count_incidents(folder, offences, places, RULES)
    assert table(counts) == EXPECTED
    assert counts.encodings == {"1.csv": "utf-8", "2.csv": "gb18030", "3.csv": "utf-8"}


def test_a_file_that_mixes_encodings_names_the_line(
    write: Write, offences: OffenceMap, places: PlaceMap
) -> None:
    path = write(ROWS[:3])
    path.write_bytes(path.read_bytes() + "A009,2015-01-03,2015-01-03,盗窃,张店区\r\n".encode("gb18030"))
    with pytest.raises(DataError, match="mixes encodings") as caught:
        count_incidents(path, offences, places, RULES)
    assert "line 5" in str(caught.value)
    path = write(ROWS[:3], "other.csv", "gb18030")
    path.write_bytes(path.read_bytes() + "A009,2015-01-03,2015-01-03,盗窃,张店区\r\n".encode())
    with pytest.raises(DataError, match="mixes encodings"):
        count_incidents(path, offences, places, RULES)


def test_a_file_that_turns_out_gb18030_late_is_read(
    write: Write, offences: OffenceMap, places: PlaceMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = ["number", "occurred", "reported", "offence", "place"]
    monkeypatch.setattr("evaluation.sources.incidents.pieces._SAMPLE", 60)
    codes = OffenceMap(
        ("all", "theft", "burglary", "robbery"), {**offences.of, "T": ("all", "theft")}, offences.raw
    )
    zones = PlaceMap(places.units, {**places.of, "ZD": "张店区"}, places.raw)
    rows = [["B1", "2015-01-01", "2015-01-01", "T", "ZD"]] * 1 + ROWS
    columns = dict(zip(english, english, strict=True))
    counts = count_incidents(write(rows, "x.csv", "gb18030", english), codes, zones, RULES, columns)
    assert counts.encodings == {"x.csv": "gb18030"}
    assert table(counts)["张店区", "2015-01"] == [3, 3, 1, 0]


def test_a_merged_header_of_a_workbook_is_read_or_said(
    tmp_path: Path, offences: OffenceMap, places: PlaceMap
) -> None:
    top = pd.DataFrame(
        [["案件编号", "日期", None, "案别", "发案地"], [None, "发案", "报案", None, None], *ROWS]
    )
    top.to_excel(tmp_path / "merged.xlsx", header=False, index=False)
    columns = {"occurred": "日期发案", "reported": "日期报案"}
    assert table(count_incidents(tmp_path / "merged.xlsx", offences, places, RULES, columns)) == EXPECTED
    with pytest.raises(DataError, match="merged over several cells"):
        count_incidents(tmp_path / "merged.xlsx", offences, places, RULES)


def test_missing_columns_are_named_beside_those_found(
    write: Write, offences: OffenceMap, places: PlaceMap
) -> None:
    path = write(ROWS, header=["案件编号", "发案日期", "登记日", "案别", "地段"])
    with pytest.raises(DataError, match="no column for reported") as caught:
        count_incidents(path, offences, places, RULES)
    assert "登记日" in str(caught.value)
    assert "place (" in str(caught.value)
    named = {"reported": "登记日", "place": "地段"}
    assert table(count_incidents(path, offences, places, RULES, named)) == EXPECTED
    with pytest.raises(DataError, match="no field plcae"):
        count_incidents(path, offences, places, RULES, {"plcae": "地段"})


def test_unreadable_days_are_counted_listed_and_stop_the_run_beyond_a_share(
    write: Write, offences: OffenceMap, places: PlaceMap
) -> None:
    rows = changed(1, 发案日期="不详")
    rows[3][2] = "2015-02-30"
    path = write(rows)
    with pytest.raises(DataError, match=r"2 of 6 rows .*33\.33%.* share 0\.01") as caught:
        count_incidents(path, offences, places, RULES)
    assert "row 3: occurred '不详'" in str(caught.value)
    assert "row 5: reported '2015-02-30'" in str(caught.value)
    loose = Rules("2015-01", "2015-03", "2015-04-30", unreadable=0.34)
    counts = count_incidents(path, offences, places, loose)
    assert counts.set_aside[counting.NO_DAY] == 2
    assert counts.unreadable.to_numpy().tolist() == [
        ["案件.csv", 3, "occurred", "不详"],
        ["案件.csv", 5, "reported", "2015-02-30"],
    ]
    assert counts.rows_read == counts.rows_counted + sum(counts.set_aside.values())


@pytest.mark.parametrize(
    ("cell", "words", "hint"),
    [
        ({"案别": "斗殴"}, "1 offence codes are not in the map", "斗殴 (1 rows)"),
        ({"发案地": "高新区"}, "1 places are outside the map", "row 3"),
        ({"发案地": ""}, "1 places are outside the map", "an empty cell (1 rows)"),
    ],
)
def test_what_is_in_no_map_stops_the_run(
    write: Write, offences: OffenceMap, places: PlaceMap, cell: dict[str, str], words: str, hint: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        count_incidents(write(changed(1, **cell)), offences, places, RULES)
    assert hint in str(caught.value)
    assert "leave its second column empty" in str(caught.value)


def test_every_row_that_does_not_count_has_a_reason(
    write: Write, offences: OffenceMap, places: PlaceMap
) -> None:
    more = [
        ["B1", "2015-02-03", "2015-02-01", "盗窃", "张店区"],
        ["B2", "2014-12-31", "2015-01-01", "盗窃", "张店区"],
        ["B3", "2015-03-03", "2015-05-01", "盗窃", "张店区"],
        ["B4", "2015-03-03", "2015-03-04", "盗窃", "市直"],
        ["B5", "2015-01-03", "2015-03-04", "盗窃", "张店区"],
        ROWS[0],
    ]
    rules = Rules("2015-01", "2015-03", "2015-04-30", longest_delay=45)
    counts = count_incidents(write(ROWS + more), offences, places, rules)
    assert table(counts) == EXPECTED
    assert counts.set_aside == {
        counting.REPEATED: 1,
        counting.BEFORE: 1,
        counting.AFTER: 1,
        counting.OUTSIDE: 1,
        counting.ELSEWHERE: 1,
        counting.UNCOUNTED: 1,
        counting.LATE: 1,
    }
    assert counts.rows_read == 12 == counts.rows_counted + sum(counts.set_aside.values())


def test_one_number_for_two_incidents_names_both_rows(
    write: Write, offences: OffenceMap, places: PlaceMap
) -> None:
    with pytest.raises(DataError, match="1 incident numbers stand in rows that differ") as caught:
        count_incidents(write(changed(3, 案件编号="A001")), offences, places, RULES)
    assert "A001: 案件.csv row 2 and 案件.csv row 5" in str(caught.value)


def test_a_file_that_lies_in_the_folder_twice_is_refused(
    write: Write, offences: OffenceMap, places: PlaceMap
) -> None:
    write(ROWS, "twice/a.csv")
    folder = write(ROWS, "twice/b.csv").parent
    with pytest.raises(DataError, match=r"two files are the same.*[\s\S]*a\.csv and b\.csv"):
        count_incidents(folder, offences, places, RULES)


def test_an_incident_without_a_number_counts_and_is_told(
    write: Write, offences: OffenceMap, places: PlaceMap
) -> None:
    rows = changed(0, 案件编号="")
    rows[1][0] = ""
    counts = count_incidents(write(rows), offences, places, RULES)
    assert table(counts) == EXPECTED
    assert counts.without_number == 2


def test_a_month_without_any_row_stops_the_run_or_is_missing(
    write: Write, offences: OffenceMap, places: PlaceMap
) -> None:
    path = write([ROWS[0], ROWS[4]])
    with pytest.raises(DataError, match="1 months have no incident at all") as caught:
        count_incidents(path, offences, places, RULES)
    assert "2015-02" in str(caught.value)
    counts = count_incidents(
        path, offences, places, Rules("2015-01", "2015-03", "2015-04-30", empty_months="missing")
    )
    february = counts.frame["month"] == pd.Period("2015-02")
    assert counts.frame.loc[february, "all"].isna().all()
    assert counts.frame.loc[~february, "all"].tolist() == [1, 0, 0, 1]
    assert "taken as missing: 2015-02" in counts.notes[0]


def test_what_was_not_read_is_told(tmp_path: Path, offences: OffenceMap, places: PlaceMap) -> None:
    folder = tmp_path / "2015"
    folder.mkdir()
    with pd.ExcelWriter(folder / "a.xlsx") as book:
        for name in ("上半年", "下半年"):
            pd.DataFrame(ROWS, columns=HEADER).to_excel(book, sheet_name=name, index=False)
    (folder / "说明.txt").write_text("x", encoding="utf-8")
    counts = count_incidents(folder, offences, places, RULES)
    assert table(counts) == EXPECTED
    assert counts.notes[0].endswith("说明.txt")
    assert counts.notes[1] == "only the first of 2 sheets of a.xlsx was read"


def test_rare_characters_quoted_fields_and_other_delimiters_are_read(
    tmp_path: Path, offences: OffenceMap
) -> None:
    """Second bytes of GB18030 may be letters or digits, and first ones control characters of Latin-1."""
    names = ["丂镇", "㐀村", "朱镕,乡", '"老"城']
    zones = PlaceMap(("甲",), dict.fromkeys(names, "甲"), offences.raw)
    for encoding in ("utf-8", "gb18030"):
        for delimiter in (",", "\t", ";"):
            path = tmp_path / f"it's {encoding}.csv"
            frame = pd.DataFrame(
                [
                    [f"张公(刑)立字[2015]{i}号", "2015-01-03", "2015-01-03", "盗窃", name]
                    for i, name in enumerate(names)
                ],
                columns=HEADER,
            )
            path.write_bytes(frame.to_csv(index=False, sep=delimiter).encode(encoding))
            rules = Rules("2015-01", "2015-01", "2015-04-30")
            assert count_incidents(path, offences, zones, rules).frame["theft"].tolist() == [4]


def test_a_file_with_a_header_alone_is_refused(write: Write, offences: OffenceMap, places: PlaceMap) -> None:
    with pytest.raises(DataError, match="no rows"):
        count_incidents(write([]), offences, places, RULES)


def test_a_silent_unit_is_noticed(write: Write, offences: OffenceMap, places: PlaceMap) -> None:
    rows = [
        [f"{place}{month}{i}", f"2015-{month:02}-03", f"2015-{month:02}-04", "盗窃", place]
        for place in ("张店区", "桓台县")
        for month in (1, 2, 3)
        for i in range(25)
        if (place, month) != ("桓台县", 2)
    ]
    counts = count_incidents(write(rows), offences, places, RULES)
    assert counts.frame["all"].tolist() == [25, 25, 25, 25, 0, 25]
    assert "桓台县 2015-02" in counts.notes[0]


@pytest.mark.parametrize(
    ("third", "said"),
    [
        ([*ROWS[2], "x"], "more or fewer fields than the header$"),
        (ROWS[2][:4], "more or fewer fields than the header$"),
        (['"A003', *ROWS[2][1:]], "quotation mark is open"),
    ],
)
def test_a_row_with_too_many_or_too_few_fields_is_named(
    write: Write, offences: OffenceMap, places: PlaceMap, third: list[str], said: str
) -> None:
    with pytest.raises(DataError, match=rf"(?m){said}") as caught:
        count_incidents(write([*ROWS[:2], third, *ROWS[3:]]), offences, places, RULES)
    assert "line 4" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf \n", b"PK\x00\x01", "a,b".encode("utf-16")])
def test_what_is_no_table_is_refused(
    tmp_path: Path, offences: OffenceMap, places: PlaceMap, content: bytes
) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"empty|not a CSV table|UTF-16"):
        count_incidents(tmp_path / "x.csv", offences, places, RULES)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"first": "2015-04"}, "lies before first"),
        ({"as_of": "2015-03-15"}, "before the end of 2015-03"),
        ({"first": "spring"}, "cannot be read"),
        ({"longest_delay": -1}, "longest delay is -1"),
        ({"unreadable": 2}, "unreadable is 2"),
    ],
)
def test_rules_that_cannot_be_are_refused(rules: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Rules(**{"first": "2015-01", "last": "2015-03", "as_of": "2015-04-30", **rules})  # type: ignore[arg-type]


def test_sql_and_the_reader_of_cells_agree_on_every_day(
    write: Write, offences: OffenceMap, places: PlaceMap
) -> None:
    texts = [
        *("2015-01-02", "2015/1/2", "2015.1.2", "2015年1月2日", "２０１５年１月２日", "20150102", "42006"),
        *("2015-01-02 10:20", "2015-1-2T10:20:00", " 2015-01-02 ", "2015年01月02日 10:20"),
        *("15-1-2", "epoch", "infinity", "2015-13-01", "1/2/2015", "2015-01", "无", "today", "02.01.2015"),
    ]
    read, _ = cells.days(pd.Series(texts))
    good = int((read == np.datetime64("2015-01-02")).sum())
    assert good == 11
    rows = [[f"N{i}", text, "2015-01-09", "盗窃", "张店区"] for i, text in enumerate(texts)]
    rules = Rules("2015-01", "2015-01", "2015-04-30", unreadable=1)
    for encoding in ("utf-8", "gb18030"):
        counts = count_incidents(write(rows, encoding=encoding), offences, places, rules)
        assert counts.rows_counted == good
        assert counts.set_aside == {counting.NO_DAY: len(texts) - good}


def test_maps_and_population_name_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_text("offence,outcomes\n盗窃,all\n盗窃,all theft\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"stand twice[\s\S]*row 2"):
        read_offences(path)
    path.write_text("offence,outcomes\n盗窃,\n", encoding="utf-8")
    with pytest.raises(DataError, match="nothing would be counted"):
        read_offences(path)
    path.write_text("name,unit\n甲,乙\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column place"):
        read_places(path)
    path.write_text("unit,year,population\n张店区,2015,-5\n桓台县,2015,500000\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"1 populations are not above 0[\s\S]*row 2 \('-5'\)"):
        read_population(path, ("张店区", "桓台县"), range(2015, 2016))
    path.write_text("unit,year,population\n桓台县,2015,500000\n", encoding="utf-8")
    with pytest.raises(DataError, match="张店区 2015"):
        read_population(path, ("张店区", "桓台县"), range(2015, 2016))


def test_the_record_is_complete_by_the_delays_of_older_months() -> None:
    """Half of the reports come at once, a quarter after 40 days, a quarter after 80."""
    months = pd.period_range("2015-01", "2015-12", freq="M")
    rows = []
    as_of = np.datetime64("2015-12-31")
    for month in months:
        for day in range(month.days_in_month):
            happened = np.datetime64(month.start_time, "D") + day
            for delay, number in ((0, 2), (40, 1), (80, 1)):
                if happened + delay <= as_of:
                    rows.append((month.year * 12 + month.month - 1, delay, number))
    found = pd.DataFrame(rows, columns=["month", "delay", "rows"])
    done = counting.completeness(found, months, "2015-12-31")
    assert done["complete"].iloc[:9].tolist() == pytest.approx([1.0] * 9)
    # December: nothing but the reports that come at once; November: days up to the 21st show 40 days
    assert done["complete"].iloc[11] == pytest.approx(0.5)
    assert done["complete"].iloc[10] == pytest.approx((21 * 0.75 + 9 * 0.5) / 30)
    expected = done["reported"] / done["complete"] / [month.days_in_month for month in months]
    np.testing.assert_allclose(expected, 4.0)
    short = counting.completeness(found, months, "2015-12-31", longest_delay=0)
    assert (short["complete"] == 1).all()


@pytest.mark.parametrize(
    ("name", "beside"), [("export[1].csv", "export1.csv"), ("a*b.csv", "axb.csv"), ("a?b.csv", "acb.csv")]
)
def test_a_file_name_is_no_pattern(
    tmp_path: Path, write: Write, offences: OffenceMap, places: PlaceMap, name: str, beside: str
) -> None:
    write(ROWS[:2], beside)  # what the name would match as a pattern
    counted = count_incidents(write(ROWS, name), offences, places, rules=RULES)
    assert table(counted) == EXPECTED
