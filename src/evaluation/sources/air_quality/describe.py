"""What the manifest says of the air quality tables, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.sources.manifest import Column, Kind, TableInfo, Words
from evaluation.sources.reading import RawFile, sha256_of

SHANDONG = (
    *("东营", "临沂", "威海", "德州", "日照", "枣庄", "泰安", "济南", "济宁"),
    *("淄博", "滨州", "潍坊", "烟台", "聊城", "莱芜", "菏泽", "青岛"),
)
"""The 17 prefecture-level cities of Shandong in 2013-2018; Laiwu became a part of Jinan in 2019."""

HAND_MADE = ("air_quality/cities", "air_quality/official_figures")

_NONE: Words = {"en": "", "zh": ""}
_DAYS: Words = {"en": "days", "zh": "天"}
_MICRO: Words = {"en": "µg/m³", "zh": "微克/立方米"}
_MILLI: Words = {"en": "mg/m³", "zh": "毫克/立方米"}
_PERCENT: Words = {"en": "%", "zh": "%"}


def _column(name: str, kind: Kind, unit: Words, en: str, zh: str) -> Column:
    return Column(name, kind, unit, {"en": en, "zh": zh})


_CITY = _column("city", "text", _NONE, "city, in Chinese as the record writes it", "城市")
_COUNTS = (
    _column("days", "integer", _DAYS, "days on which any pollutant was measured", "有任一污染物监测值的天数"),
    _column(
        "days_aqi",
        "integer",
        _DAYS,
        "days with a recomputed index (five of six pollutants valid)",
        "可重新计算AQI的天数（六项中至少五项有效）",
    ),
    _column("days_published", "integer", _DAYS, "days with a published index", "有发布AQI的天数"),
    _column(
        "good_days",
        "integer",
        _DAYS,
        "good days: index recomputed under HJ 633-2012 at most 100",
        "优良天数：按HJ 633-2012由六项污染物重新计算的AQI不超过100",
    ),
    _column(
        "good_days_published",
        "integer",
        _DAYS,
        "good days by the published index",
        "优良天数：按发布的AQI不超过100",
    ),
)
_MEANS = (
    _column("pm25", "number", _MICRO, "PM2.5, mean of daily means", "PM2.5，日均值的平均"),
    _column("pm10", "number", _MICRO, "PM10, mean of daily means", "PM10，日均值的平均"),
    _column("so2", "number", _MICRO, "sulphur dioxide, mean of daily means", "二氧化硫，日均值的平均"),
    _column("co", "number", _MILLI, "carbon monoxide, mean of daily means", "一氧化碳，日均值的平均"),
    _column("no2", "number", _MICRO, "nitrogen dioxide, mean of daily means", "二氧化氮，日均值的平均"),
    _column("o3", "number", _MICRO, "ozone, mean of daily 1-hour maxima", "臭氧，日最大1小时值的平均"),
)
_COMPOSITE = _column(
    "composite",
    "number",
    _NONE,
    "composite index under HJ 663-2013, ozone by the 1-hour maximum; lower is better",
    "环境空气质量综合指数（HJ 663-2013，臭氧用日最大1小时值），越小越好",
)
_FIGURE = (
    _column("period", "text", _NONE, "month or year", "月份或年份"),
    _column("place", "text", _NONE, "city, or the mean of the province's 17 cities", "城市，或山东17市平均"),
    _column("place_en", "text", _NONE, "the place in English", "地点英文名"),
    _column(
        "variable",
        "text",
        _NONE,
        "pollutant whose mean is given, or days with an index above 200",
        "污染物（均值），或AQI大于200的天数",
    ),
    _column(
        "official",
        "number",
        {"en": "µg/m³; days", "zh": "微克/立方米；天"},
        "the figure in the official release",
        "官方发布的数值",
    ),
)
_URL = _column("url", "text", _NONE, "where the official figure is printed", "官方数值出处")

COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "air_quality/city_month": (
        _CITY,
        _column("month", "text", _NONE, "month as 2014-03", "月份"),
        *_COUNTS,
        *_MEANS,
        _COMPOSITE,
    ),
    "air_quality/city_year": (
        _CITY,
        _column("year", "integer", _NONE, "calendar year", "年份"),
        *_COUNTS,
        *_MEANS,
        _column(
            "co_p95",
            "number",
            _MILLI,
            "carbon monoxide, 95th percentile of daily means",
            "一氧化碳日均值第95百分位数",
        ),
        _column(
            "o3_p90",
            "number",
            _MICRO,
            "ozone, 90th percentile of daily 1-hour maxima",
            "臭氧日最大1小时值第90百分位数",
        ),
        _COMPOSITE,
    ),
    "air_quality/checkpoints": (
        *_FIGURE,
        _column(
            "recomputed",
            "number",
            {"en": "µg/m³; days", "zh": "微克/立方米；天"},
            "the same figure from the daily record",
            "由逐日数据重新计算的数值",
        ),
        _column(
            "gap_percent", "number", _PERCENT, "recomputed above official", "重新计算值高于官方值的百分比"
        ),
        _URL,
    ),
    "air_quality/official_figures": (*_FIGURE, _URL),
    "air_quality/cities": (
        _CITY,
        _column(
            "name_en",
            "text",
            _NONE,
            "the city in English; the province added where two share a name",
            "英文名",
        ),
        _column("province", "text", _NONE, "province, in Chinese", "省级行政区"),
        _column("province_en", "text", _NONE, "province, in English", "省级行政区英文名"),
        _column(
            "level",
            "text",
            _NONE,
            "prefecture (prefecture-level city, municipality) or county (county-level city, or once one)",
            "prefecture为地级及以上城市，county为县级市（含后来撤市设区的）",
        ),
        _column(
            "part_of", "text", _NONE, "prefecture that a county-level city belongs to", "县级市所属地级行政区"
        ),
    ),
}

_TITLES: Mapping[str, Words] = {
    "air_quality/city_month": {
        "en": "Air quality by month, December 2013 to January 2017, Chinese cities complete in 2014-2016",
        "zh": "2014年至2016年数据完整的中国城市月度空气质量，2013年12月至2017年1月",
    },
    "air_quality/city_year": {
        "en": "Air quality by year, 2014 to 2016, Chinese cities complete in these years",
        "zh": "2014年至2016年数据完整的中国城市年度空气质量",
    },
    "air_quality/checkpoints": {
        "en": "Official air quality figures of Shandong beside the same from the daily record",
        "zh": "山东省官方空气质量数据与逐日数据重新计算结果对照",
    },
    "air_quality/official_figures": {
        "en": "Official monthly and yearly air quality figures of Shandong",
        "zh": "山东省官方发布的月度、年度空气质量数据",
    },
    "air_quality/cities": {
        "en": "English names and provinces of the 188 cities",
        "zh": "188个城市的英文名和所属省份",
    },
}
_RECORD: Words = {
    "en": "Daily city record of the China National Environmental Monitoring Centre (CNEMC, real-time "
    "publication), as collected by aqistudy.cn and copied at github.com/ShuyaoHong/aqistudy, commit 1ba11cae",
    "zh": "中国环境监测总站全国城市空气质量实时发布数据，经真气网（aqistudy.cn）逐日整理，"
    "副本见github.com/ShuyaoHong/aqistudy，提交1ba11cae",
}
_OTHER_RECORD: Words = {
    "en": "A daily city record whose checksum is not that of the copy this project was checked against",
    "zh": "校验和与本项目核对过的副本不同的城市逐日数据",
}
KNOWN_RAW = "a3a9c00a35fabfcaca9f0916f75df1505e90bdd57fd42f06f44eea2def16ce9a"
"""Checksum of the raw file that the committed tables and their description are about."""

_RELEASES: Words = {
    "en": "Releases of the Shandong environmental authority as printed by the press, address in every row",
    "zh": "山东省环保部门通报，媒体刊载，出处见每行网址",
}
_HAND_SOURCES: Mapping[str, Words] = {
    "air_quality/official_figures": _RELEASES,
    "air_quality/cities": {
        "en": "Typed by hand for this project from the administrative divisions as they stood in 2014-2016",
        "zh": "本项目按2014年至2016年行政区划手工编制",
    },
}
_NO_LICENCE: Words = {
    "en": "The copy states no licence. Only monthly and yearly figures computed by this project are kept "
    "here, never the daily record.",
    "zh": "该副本未注明许可。这里只保存本项目计算的月度和年度数值，不保存逐日数据。",
}
_FACTS: Words = {"en": "Single published facts, each with its address.", "zh": "零散的公开事实，均注明出处。"}
_LICENCES: Mapping[str, Words] = {
    "air_quality/city_month": _NO_LICENCE,
    "air_quality/city_year": _NO_LICENCE,
    "air_quality/checkpoints": _FACTS,
    "air_quality/official_figures": _FACTS,
    "air_quality/cities": {"en": "MIT, as the project.", "zh": "与本项目相同（MIT）。"},
}


def names(table: str) -> Sequence[str]:
    """Columns of a table in the order of its file."""
    return [column.name for column in COLUMNS[table]]


def _source(table: str, raw: RawFile | None) -> Words:
    if raw is None:
        return _HAND_SOURCES[table]
    record = _RECORD if raw.sha256 == KNOWN_RAW else _OTHER_RECORD
    if table != "air_quality/checkpoints":
        return record
    return {
        "en": f"{_RELEASES['en']}; recomputed from: {record['en']}",
        "zh": f"{_RELEASES['zh']}；重新计算所用数据：{record['zh']}",
    }


def table_info(
    table: str, content: bytes, rows: int, *, raw: RawFile | None, counts: Mapping[str, Any]
) -> TableInfo:
    """The manifest's entry of a table with this content."""
    made_by = "hand" if raw is None else f"evaluation data build air_quality --raw {raw.name}"
    return TableInfo(
        name=table,
        path=f"{table}.csv",
        sha256=sha256_of(content),
        rows=rows,
        title=_TITLES[table],
        source=_source(table, raw),
        licence=_LICENCES[table],
        made_by=made_by,
        columns=COLUMNS[table],
        raw=raw,
        counts=counts,
    )
