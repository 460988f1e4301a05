"""What the manifest says of the air quality tables: ``air_quality.toml``."""

from __future__ import annotations

from builders.described import Described

SHANDONG = (
    *("东营", "临沂", "威海", "德州", "日照", "枣庄", "泰安", "济南", "济宁"),
    *("淄博", "滨州", "潍坊", "烟台", "聊城", "莱芜", "菏泽", "青岛"),
)
"""The 17 prefecture-level cities of Shandong in 2013-2018; Laiwu became a part of Jinan in 2019."""

HAND_MADE = ("air_quality/cities", "air_quality/official_figures")
TABLES = Described("air_quality")
