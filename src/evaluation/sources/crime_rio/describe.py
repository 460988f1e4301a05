"""What the manifest says of the tables of recorded crime in Rio, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluation.sources.manifest import Column, Kind, TableInfo, Words
from evaluation.sources.reading import RawFile, sha256_of

KNOWN_RAW = "ddfd7faad86b31cbf9b53f941bceb3d8431bdddf12672491f6cad6b694862d14"
"""Checksum of the four raw files that the committed tables are about."""

_NONE: Words = {"en": "", "zh": ""}
_CASES: Words = {"en": "cases", "zh": "起"}
_VICTIMS: Words = {"en": "victims", "zh": "人"}
_PERSONS: Words = {"en": "persons", "zh": "人"}


def _column(name: str, kind: Kind, unit: Words, en: str, zh: str) -> Column:
    return Column(name, kind, unit, {"en": en, "zh": zh})


_COUNTS = (
    _column("homicide", "number", _VICTIMS, "victims of intentional homicide", "故意杀人受害者"),
    _column("police_killing", "number", _VICTIMS, "persons killed by the police on duty", "被执勤警察击毙者"),
    _column("street_robbery", "number", _CASES, "robberies of passers-by", "拦路抢劫"),
    _column("vehicle_robbery", "number", _CASES, "robberies of vehicles", "抢劫机动车"),
    _column("residential_robbery", "number", _CASES, "robberies of homes", "入户抢劫"),
    _column("theft", "number", _CASES, "thefts of all kinds", "各类盗窃"),
    _column(
        "total", "number", _CASES, "all occurrences registered by the precinct", "警署登记的全部案（事）件"
    ),
)
_PRECINCT = _column(
    "precinct",
    "integer",
    _NONE,
    "number of the police precinct; precincts cut from it later are added back",
    "警署编号；后来从中析出的警署并入原警署",
)
_FIRST = (
    _column(
        "first_upp",
        "text",
        _NONE,
        "quarter of the first pacification unit, empty: none",
        "首个治安维和警队进驻的季度，空为无",
    ),
    _column(
        "first_upp_sure",
        "text",
        _NONE,
        "the same from units whose precinct and date are sure",
        "同上，仅计辖区与日期均无疑问的警队",
    ),
    _column(
        "first_near",
        "text",
        _NONE,
        "of areas without a unit: first unit elsewhere in the area of the same police battalion, empty: none",
        "本区无警队时：同一警察营辖区内首个警队进驻的季度，空为无",
    ),
)  # fmt: skip
COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "crime/rio_precinct_quarter": (
        _PRECINCT,
        _column("quarter", "text", _NONE, "quarter as 2008Q4", "季度"),
        *_COUNTS,
        _column(
            "population",
            "number",
            _PERSONS,
            "mean of three months as published (interpolated), from the third quarter of 2006",
            "三个月人口的平均（发布方推算），自2006年第三季度起",
        ),
        *_FIRST,
    ),
    "crime/rio_precincts": (
        _PRECINCT,
        _column("name", "text", _NONE, "name of the precinct", "警署名称"),
        _column("municipality", "text", _NONE, "municipality", "所属市"),
        _column("region", "text", _NONE, "region of the state as of 2016", "所属区域（2016年）"),
        _column("battalion", "integer", _NONE, "area of the police battalion, 2016", "警察营辖区（2016年）"),
        _column("with_precincts", "text", _NONE, "precincts added back", "并入的警署"),
        *_FIRST,
    ),
    "crime/rio_month": (
        _column("month", "text", _NONE, "month as 2017-02", "月份"),
        *_COUNTS,
    ),
    "crime/precinct_splits": (
        _column("precinct", "text", _NONE, "precinct that was cut from another", "析出的警署"),
        _column("cut_from", "text", _NONE, "the other, to which it is added back", "原警署（数据并回）"),
        _column("month", "text", _NONE, "first month of its own record", "单独记录的首月"),
        _column("reason", "text", _NONE, "what happened", "说明"),
    ),
    "crime/upp_precincts": (
        _column("unit", "text", _NONE, "number of the pacification unit", "警队编号"),
        _column("opened", "text", _NONE, "day of opening as published", "公布的进驻日期"),
        _column("name", "text", _NONE, "favelas", "贫民区"),
        _column("locality", "text", _NONE, "quarter of the city as published", "公布的街区"),
        _column("precinct", "text", _NONE, "precinct that it is counted in", "归入的警署"),
        _column(
            "certainty",
            "text",
            _NONE,
            "sure, or doubtful: precinct or date can be argued about",
            "sure为确定，doubtful为辖区或日期存疑",
        ),
        _column("reason", "text", _NONE, "why this precinct", "归入理由"),
    ),
}  # fmt: skip
_TITLES: Mapping[str, Words] = {
    "crime/rio_precinct_quarter": {
        "en": "Recorded crime in 126 areas of the state of Rio de Janeiro by quarter, 2003 to 2016",
        "zh": "里约热内卢州126个警署辖区的季度立案数据，2003年至2016年",
    },
    "crime/rio_precincts": {
        "en": "The 126 areas: names, regions, and first pacification unit",
        "zh": "126个辖区：名称、区域、首个治安维和警队的季度",
    },
    "crime/rio_month": {
        "en": "Recorded crime in the state of Rio de Janeiro by month, January 2003 to July 2017",
        "zh": "里约热内卢州月度立案数据，2003年1月至2017年7月",
    },
    "crime/precinct_splits": {
        "en": "Precincts of Rio cut from others since 2003",
        "zh": "2003年以来里约析出的警署",
    },
    "crime/upp_precincts": {
        "en": "The 42 pacification units and the precinct of each, with the reason",
        "zh": "42支治安维和警队及其所属警署（附理由）",
    },
}
_RECORD: Words = {
    "en": "Institute of Public Security of the state of Rio de Janeiro (ISP-RJ), open data, as copied at "
    "github.com/danielesteves/rjseg, commit 42dd8850",
    "zh": "里约热内卢州公共安全研究所（ISP-RJ）开放数据，副本见github.com/danielesteves/rjseg，提交42dd8850",
}
_OTHER: Words = {
    "en": "Files in the format of ISP-RJ whose checksums are not those of the copy this project was checked "
    "against",
    "zh": "校验和与本项目核对过的副本不同的ISP-RJ格式文件",
}
_HAND: Mapping[str, Words] = {
    "crime/precinct_splits": {
        "en": "The publisher's dictionary of variables, sheet desmembra_dp",
        "zh": "发布方变量说明，desmembra_dp表",
    },
    "crime/upp_precincts": {
        "en": "Units and days as published by the state; precincts assigned by hand for this project",
        "zh": "警队与日期为州政府公布；所属警署由本项目逐一归入",
    },
}
_OPEN: Words = {
    "en": "Open data of the state; only figures by area, quarter and month are kept here.",
    "zh": "州政府开放数据；这里只保存按辖区、季度、月份汇总的数值。",
}


def names(table: str) -> list[str]:
    """Columns of a table in the order of its file."""
    return [column.name for column in COLUMNS[table]]


def table_info(
    table: str, content: bytes, rows: int, *, raw: RawFile | None, counts: Mapping[str, Any]
) -> TableInfo:
    """The manifest's entry of a table with this content."""
    source = _HAND[table] if raw is None else _RECORD if raw.sha256 == KNOWN_RAW else _OTHER
    return TableInfo(
        name=table,
        path=f"{table}.csv",
        sha256=sha256_of(content),
        rows=rows,
        title=_TITLES[table],
        source=source,
        licence=_OPEN,
        made_by="hand" if raw is None else f"evaluation data build crime_rio --raw {raw.name}",
        columns=COLUMNS[table],
        raw=raw,
        counts=counts,
    )
