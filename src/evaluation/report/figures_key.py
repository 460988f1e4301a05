"""The words that figures write by themselves, and the reading of their tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import ReportError
from evaluation.report.canvas import Entry
from evaluation.report.language import check_language

__all__ = ["Entry", "need", "numbers", "word"]

_WORDS: dict[str, tuple[str, str]] = {
    "beyond": (
        "beyond chance (p ≤ {level}): {count} of {all}",
        "超出偶然（p ≤ {level}）：{all}种中{count}种",
    ),
    "within": ("within chance", "未超出偶然"),
    "line": ("line: 95% interval", "竖线：95%区间"),
    "line_some": ("line: 95% interval, where one exists", "竖线：95%区间（存在时）"),
    "main": ("main choice", "主要设定"),
    "columns": ("Each column is one estimate, {all} in all", "每列为一种算法，共{all}种"),
    "absent": ("; {count} more cannot be computed", "；另有{count}种无法计算"),
    "usual": ("usual", "常规"),
    "excludes": ("interval without zero", "区间不含零"),
    "holds": ("interval that holds zero", "区间包含零"),
    "breakdown": ("reaches zero at {value}", "至{value}时包含零"),
    "power_axis": ("Chance that the effect is found", "效应被发现的机会"),
    "power_line": ("found {power} of the time", "发现机会{power}"),
    "level_line": ("{level}: found by chance alone", "{level}：仅凭偶然"),
    "estimate_here": ("the estimate, {value}", "实际估计值{value}"),
    "never_alone": ("never found", "无从发现"),
    "cut": ("arrow: goes on beyond the plot", "箭头：超出图外"),
    "never": ("{label}: never found", "{label}：无从发现"),
    "made_of": ("{name}: {parts}", "{name}：{parts}"),
    "part": ("{name} {weight}", "{name}{weight}"),
    "others": ("{count} others {weight}", "其余{count}个{weight}"),
    "comma": (", ", "、"),
    "sensitivity_relative_magnitudes": (
        "Largest step apart after the start, as a multiple of the largest before it",
        "措施后逐期偏离的上限，以此前最大变动的倍数计",
    ),
    "sensitivity_smoothness": (
        "Largest bend of the drift from one period to the next, {unit}",
        "走势偏离逐期弯折的上限（{unit}）",
    ),
    "labelled": ("{label}, {unit}", "{label}（{unit}）"),
    "intervals_alt": (
        "Intervals under growing violations of parallel trends. {question} {text}",
        "平行趋势偏离渐增时的区间图。{question}{text}",
    ),
}  # fmt: skip


def word(key: str, language: str, **values: object) -> str:
    """A word or phrase of these figures in the page's language."""
    return _WORDS[key][0 if check_language(language) == "en" else 1].format(**values)


def numbers(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """A column as floats; NaN for all rows where the table has none of that name."""
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    return frame[column].to_numpy(dtype=float, na_value=np.nan)


def need(frame: pd.DataFrame, columns: Sequence[str], name: str, *, finite: bool = True) -> None:
    """Raise ReportError unless the table has the columns, a row and, where asked, a finite estimate or power.

    Raises
    ------
    ReportError
    """
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise ReportError(
            f"A figure's table has no column {', '.join(map(str, absent))}.",
            where=f"figure {name}",
            expected=", ".join(map(str, columns)),
        )
    if frame.empty:
        raise ReportError("A figure's table is empty.", where=f"figure {name}")
    value = "estimate" if "estimate" in columns else columns[-1]
    if finite and not np.isfinite(numbers(frame, value)).any():
        raise ReportError(
            "A figure's table has no number to draw.",
            where=f"figure {name}, column {value}",
            fix="leave the figure out, and say in words why there is none",
        )
