"""What a city's export of approval cases holds, and the headers it is looked for under."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from evaluation.sources.exports import SUFFIXES, Columns, Layout, read_export
from evaluation.sources.reading import RawFile

__all__ = ["FIELDS", "LAYOUT", "REQUIRED", "SUFFIXES", "Columns", "read_file"]

FIELDS: Mapping[str, str] = {
    "number": "办件编号",
    "item": "事项名称",
    "department": "部门",
    "district": "区县",
    "applied": "申请日期",
    "accepted": "受理日期",
    "decided": "办结日期",
    "outcome": "办理结果",
    "statutory": "法定时限",
    "promised": "承诺时限",
    "channel": "申请渠道",
    "suspended": "补正开始",
    "resumed": "补正结束",
}
"""Name here and the header looked for when the study file names none."""

REQUIRED = ("number", "item", "district", "accepted", "decided")
LAYOUT = Layout(
    one="a case", many="cases", fields=FIELDS, required=REQUIRED, anchor="accepted", number="number"
)


def read_file(path: Path, columns: Columns) -> tuple[pd.DataFrame, RawFile]:
    """Cells of one file of cases under our names, as they stand; see `read_export`."""
    return read_export(path, columns, LAYOUT)
